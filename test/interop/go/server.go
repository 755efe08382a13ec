package main

import (
	"bytes"
	"context"
	"fmt"
	"sort"
	"time"

	"github.com/containerd/ttrpc"
	"github.com/golang/protobuf/proto"
	anypb "github.com/golang/protobuf/ptypes/any"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const detailType = "type.googleapis.com/interop.v1.Detail"

var methods = map[string]ttrpc.Method{
	"Echo": unary(func(_ context.Context, in *Message) (message, error) {
		return in, nil
	}),
	"Nothing": unary(func(context.Context, *Empty) (message, error) {
		return &Empty{}, nil
	}),
	"Inspect": unary(func(ctx context.Context, _ *Empty) (message, error) {
		return seen(ctx), nil
	}),
	"Fail": unary(func(_ context.Context, in *Failure) (message, error) {
		detail, err := proto.Marshal(&Detail{Text: in.Detail})
		if err != nil {
			return nil, err
		}
		return nil, status.ErrorProto(&spb.Status{
			Code:    in.Code,
			Message: in.Message,
			Details: []*anypb.Any{{TypeUrl: detailType, Value: detail}},
		})
	}),
	"Sleep": unary(func(ctx context.Context, in *Pause) (message, error) {
		fmt.Println("sleep started")
		select {
		case <-ctx.Done():
			fmt.Println("sleep interrupted")
			return nil, ctx.Err()
		case <-time.After(time.Duration(in.Milliseconds) * time.Millisecond):
			fmt.Println("sleep ended")
			return &Empty{}, nil
		}
	}),
	"Grow": unary(func(_ context.Context, in *Size) (message, error) {
		return &Message{Data: bytes.Repeat([]byte{'x'}, int(in.Bytes))}, nil
	}),
}

func unary[T any, M interface {
	*T
	message
}](handle func(context.Context, M) (message, error)) ttrpc.Method {
	return func(ctx context.Context, unmarshal func(interface{}) error) (interface{}, error) {
		in := M(new(T))
		if err := unmarshal(wire(in)); err != nil {
			return nil, err
		}
		out, err := handle(ctx, in)
		if err != nil {
			return nil, err
		}
		return wire(out), nil
	}
}

func seen(ctx context.Context) *Seen {
	out := &Seen{}
	if deadline, ok := ctx.Deadline(); ok {
		out.TimeoutNano = time.Until(deadline).Nanoseconds()
	}
	md, _ := ttrpc.GetMetadata(ctx)
	for key, values := range md {
		for _, value := range values {
			out.Metadata = append(out.Metadata, &Pair{Key: key, Value: value})
		}
	}
	sort.SliceStable(out.Metadata, func(i, j int) bool { return out.Metadata[i].Key < out.Metadata[j].Key })
	return out
}

func failed(code int32, format string, args ...interface{}) error {
	return status.Errorf(codes.Code(code), format, args...)
}
