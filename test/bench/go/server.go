package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/containerd/ttrpc"
	note "google.golang.org/genproto/googleapis/rpc/status"
	burst "google.golang.org/protobuf/types/known/durationpb"
	chunk "google.golang.org/protobuf/types/known/wrapperspb"
)

func serve(socket string) error {
	server, err := ttrpc.NewServer()
	if err != nil {
		return err
	}
	server.RegisterService(service, &ttrpc.ServiceDesc{
		Methods: map[string]ttrpc.Method{"Echo": echo, "Lift": lift},
		Streams: map[string]ttrpc.Stream{
			"Pour":   {Handler: pour, StreamingServer: true},
			"Drip":   {Handler: drip, StreamingServer: true},
			"Gather": {Handler: gather, StreamingClient: true},
			"Ferry":  {Handler: ferry, StreamingClient: true, StreamingServer: true},
		},
	})
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	go func() {
		fmt.Fprintln(os.Stderr, server.Serve(context.Background(), listener))
		os.Exit(1)
	}()
	return nil
}

func echo(_ context.Context, unmarshal func(interface{}) error) (interface{}, error) {
	var in note.Status
	if err := unmarshal(&in); err != nil {
		return nil, err
	}
	return &in, nil
}

func lift(_ context.Context, unmarshal func(interface{}) error) (interface{}, error) {
	var in chunk.BytesValue
	if err := unmarshal(&in); err != nil {
		return nil, err
	}
	return &in, nil
}

func pour(_ context.Context, stream ttrpc.StreamServer) (interface{}, error) {
	var in burst.Duration
	if err := stream.RecvMsg(&in); err != nil {
		return nil, err
	}
	out := chunkOf(in.Nanos)
	for sent := int64(0); sent < in.Seconds; sent++ {
		if err := stream.SendMsg(out); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// As in ../peers/peer.ts: messages a second, sent each millisecond.
const pace = 100_000

func drip(ctx context.Context, stream ttrpc.StreamServer) (interface{}, error) {
	var in burst.Duration
	if err := stream.RecvMsg(&in); err != nil {
		return nil, err
	}
	out := chunkOf(in.Nanos)
	begin := time.Now()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for sent := int64(0); sent < in.Seconds; {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-ticker.C:
		}
		for due := min(in.Seconds, int64(time.Since(begin).Seconds()*pace)); sent < due; sent++ {
			if err := stream.SendMsg(out); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

func gather(_ context.Context, stream ttrpc.StreamServer) (interface{}, error) {
	for count := int64(0); ; count++ {
		err := stream.RecvMsg(&chunk.BytesValue{})
		if errors.Is(err, io.EOF) {
			return &burst.Duration{Seconds: count}, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func ferry(_ context.Context, stream ttrpc.StreamServer) (interface{}, error) {
	for {
		var message chunk.BytesValue
		err := stream.RecvMsg(&message)
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if err := stream.SendMsg(&message); err != nil {
			return nil, err
		}
	}
}

func chunkOf(size int32) *chunk.BytesValue {
	return &chunk.BytesValue{Value: bytes.Repeat([]byte{'x'}, int(size))}
}
