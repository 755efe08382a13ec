package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"

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
		Methods: map[string]ttrpc.Method{"Echo": echo},
		Streams: map[string]ttrpc.Stream{"Pour": {Handler: pour, StreamingServer: true}},
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

func pour(_ context.Context, stream ttrpc.StreamServer) (interface{}, error) {
	var in burst.Duration
	if err := stream.RecvMsg(&in); err != nil {
		return nil, err
	}
	out := &chunk.BytesValue{Value: bytes.Repeat([]byte{'x'}, int(in.Nanos))}
	for sent := int64(0); sent < in.Seconds; sent++ {
		if err := stream.SendMsg(out); err != nil {
			return nil, err
		}
	}
	return nil, nil
}
