//go:build !unary

package main

import (
	"context"
	"errors"
	"io"

	"github.com/containerd/ttrpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
)

func wire(m message) proto.Message { return protoadapt.MessageV2Of(m) }

func register(server *ttrpc.Server) {
	server.RegisterService(service, &ttrpc.ServiceDesc{Methods: methods, Streams: streams})
}

var streams = map[string]ttrpc.Stream{
	"InspectStream": {StreamingServer: true, Handler: func(ctx context.Context, s ttrpc.StreamServer) (interface{}, error) {
		if err := s.RecvMsg(wire(&Empty{})); err != nil {
			return nil, err
		}
		return nil, s.SendMsg(wire(seen(ctx)))
	}},
	"Count": {StreamingServer: true, Handler: func(_ context.Context, s ttrpc.StreamServer) (interface{}, error) {
		in := &Countdown{}
		if err := s.RecvMsg(wire(in)); err != nil {
			return nil, err
		}
		for i := int32(0); i < in.Count; i++ {
			if in.Code != 0 && i == in.FailAfter {
				return nil, failed(in.Code, "failed after %d", i)
			}
			if err := s.SendMsg(wire(&Number{Value: int64(i) + 1})); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}},
	"Sum": {StreamingClient: true, Handler: func(_ context.Context, s ttrpc.StreamServer) (interface{}, error) {
		total := &Total{}
		for {
			in := &Number{}
			if err := s.RecvMsg(wire(in)); errors.Is(err, io.EOF) {
				return wire(total), nil
			} else if err != nil {
				return nil, err
			}
			total.Sum += in.Value
			total.Count++
		}
	}},
	"Chat": {StreamingClient: true, StreamingServer: true, Handler: func(_ context.Context, s ttrpc.StreamServer) (interface{}, error) {
		for {
			in := &Message{}
			if err := s.RecvMsg(wire(in)); errors.Is(err, io.EOF) {
				return nil, nil
			} else if err != nil {
				return nil, err
			}
			if err := s.SendMsg(wire(in)); err != nil {
				return nil, err
			}
		}
	}},
	"First": {StreamingClient: true, Handler: func(_ context.Context, s ttrpc.StreamServer) (interface{}, error) {
		in := &Number{}
		if err := s.RecvMsg(wire(in)); err != nil {
			return nil, err
		}
		return wire(in), nil
	}},
	"Brief": {StreamingClient: true, StreamingServer: true, Handler: func(_ context.Context, s ttrpc.StreamServer) (interface{}, error) {
		in := &Message{}
		if err := s.RecvMsg(wire(in)); err != nil {
			return nil, err
		}
		return nil, s.SendMsg(wire(in))
	}},
}

func init() {
	cases["inspect-stream"] = func(ctx context.Context, c *ttrpc.Client, _ options) (out outcome) {
		s, err := c.NewStream(ctx, &ttrpc.StreamDesc{StreamingServer: true}, service, "InspectStream", wire(&Empty{}))
		return drain(out, s, err, func() message { return &Seen{} })
	}
	cases["count"] = func(ctx context.Context, c *ttrpc.Client, o options) (out outcome) {
		in := &Countdown{Count: o.Count, FailAfter: o.FailAfter, Code: o.Code}
		s, err := c.NewStream(ctx, &ttrpc.StreamDesc{StreamingServer: true}, service, "Count", wire(in))
		return drain(out, s, err, func() message { return &Number{} })
	}
	cases["sum"] = func(ctx context.Context, c *ttrpc.Client, o options) (out outcome) {
		s, err := c.NewStream(ctx, &ttrpc.StreamDesc{StreamingClient: true}, service, "Sum", nil)
		if err != nil {
			out.fail(err)
			return out
		}
		for _, value := range o.Numbers {
			out.send(s, &Number{Value: value})
		}
		return closeAndReceive(out, s, &Total{})
	}
	// One by one: a message is sent when the one before has come back.
	cases["chat"] = func(ctx context.Context, c *ttrpc.Client, o options) (out outcome) {
		s, err := c.NewStream(ctx, &ttrpc.StreamDesc{StreamingClient: true, StreamingServer: true}, service, "Chat", nil)
		if err != nil {
			out.fail(err)
			return out
		}
		for _, text := range o.Texts {
			out.send(s, &Message{Text: text})
			reply := &Message{}
			if err := s.RecvMsg(wire(reply)); err != nil {
				out.fail(err)
				return out
			}
			out.Replies = append(out.Replies, reply)
		}
		if err := s.CloseSend(); err != nil {
			out.fail(err)
			return out
		}
		return drain(out, s, nil, func() message { return &Message{} })
	}
	// Both keep sending, whatever the server does, and close their half last.
	cases["first"] = func(ctx context.Context, c *ttrpc.Client, o options) (out outcome) {
		s, err := c.NewStream(ctx, &ttrpc.StreamDesc{StreamingClient: true}, service, "First", nil)
		if err != nil {
			out.fail(err)
			return out
		}
		for i := int64(1); i <= int64(o.Count); i++ {
			out.send(s, &Number{Value: i})
		}
		return closeAndReceive(out, s, &Number{})
	}
	cases["brief"] = func(ctx context.Context, c *ttrpc.Client, o options) (out outcome) {
		s, err := c.NewStream(ctx, &ttrpc.StreamDesc{StreamingClient: true, StreamingServer: true}, service, "Brief", nil)
		if err != nil {
			out.fail(err)
			return out
		}
		for i := int64(1); i <= int64(o.Count); i++ {
			out.send(s, &Message{Number: i})
		}
		if err := s.CloseSend(); err != nil {
			out.fail(err)
			return out
		}
		return drain(out, s, nil, func() message { return &Message{} })
	}
}

func (o *outcome) send(s ttrpc.ClientStream, m message) {
	if s.SendMsg(wire(m)) == nil {
		o.Sent++
	}
}

func closeAndReceive(out outcome, s ttrpc.ClientStream, reply message) outcome {
	err := s.CloseSend()
	if err == nil {
		err = s.RecvMsg(wire(reply))
	}
	out.fail(err)
	if err == nil {
		out.Replies = append(out.Replies, reply)
	}
	return out
}

func drain(out outcome, s ttrpc.ClientStream, err error, create func() message) outcome {
	for err == nil {
		reply := create()
		if err = s.RecvMsg(wire(reply)); err == nil {
			out.Replies = append(out.Replies, reply)
		}
	}
	if !errors.Is(err, io.EOF) {
		out.fail(err)
	}
	return out
}
