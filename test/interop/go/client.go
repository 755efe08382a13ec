package main

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/containerd/ttrpc"
	"github.com/golang/protobuf/proto"
	"google.golang.org/grpc/status"
)

// options is a case's JSON; each case reads what it needs.
type options struct {
	Metadata  [][2]string `json:"metadata"`
	TimeoutMs int64       `json:"timeoutMs"`

	Text         string   `json:"text"`
	Number       int64    `json:"number,string"`
	Data         []byte   `json:"data"`
	Code         int32    `json:"code"`
	Message      string   `json:"message"`
	Detail       string   `json:"detail"`
	Milliseconds int64    `json:"milliseconds"`
	Bytes        int64    `json:"bytes"`
	Count        int32    `json:"count"`
	FailAfter    int32    `json:"failAfter"`
	Numbers      []int64  `json:"numbers"`
	Texts        []string `json:"texts"`
}

func (o options) context() (context.Context, context.CancelFunc) {
	ctx := context.Background()
	if len(o.Metadata) > 0 {
		md := ttrpc.MD{}
		for _, pair := range o.Metadata {
			md.Append(pair[0], pair[1])
		}
		ctx = ttrpc.WithMetadata(ctx, md)
	}
	if o.TimeoutMs > 0 {
		return context.WithTimeout(ctx, time.Duration(o.TimeoutMs)*time.Millisecond)
	}
	return ctx, func() {}
}

type detail struct {
	TypeURL string `json:"typeUrl"`
	Text    string `json:"text"`
}

// outcome is what a case observed.
type outcome struct {
	// The status's code; -1 when the error is the client's own and no status.
	Code    int      `json:"code"`
	Message string   `json:"message"`
	Details []detail `json:"details"`
	// The messages received.
	Replies []message `json:"replies"`
	// Of a client stream: how many sends succeeded.
	Sent int `json:"sent"`
	// Of "inflight": how many calls got their own answer.
	Matched int64 `json:"matched"`
	// Whether the connection still answers afterwards.
	Alive bool `json:"alive"`
}

func (o *outcome) fail(err error) {
	if err == nil {
		return
	}
	o.Code, o.Message = -1, err.Error()
	if st, ok := status.FromError(err); ok {
		o.Code, o.Message = int(st.Code()), st.Message()
		for _, a := range st.Proto().GetDetails() {
			d := &Detail{}
			if err := proto.Unmarshal(a.GetValue(), d); err != nil {
				d.Text = err.Error()
			}
			o.Details = append(o.Details, detail{TypeURL: a.GetTypeUrl(), Text: d.Text})
		}
	}
}

type scenario func(context.Context, *ttrpc.Client, options) outcome

var cases = map[string]scenario{
	"echo": func(ctx context.Context, c *ttrpc.Client, o options) outcome {
		return invoke(ctx, c, "Echo", &Message{Text: o.Text, Number: o.Number, Data: o.Data}, &Message{})
	},
	"nothing": func(ctx context.Context, c *ttrpc.Client, _ options) outcome {
		return invoke(ctx, c, "Nothing", &Empty{}, &Empty{})
	},
	"inspect": func(ctx context.Context, c *ttrpc.Client, _ options) outcome {
		return invoke(ctx, c, "Inspect", &Empty{}, &Seen{})
	},
	"fail": func(ctx context.Context, c *ttrpc.Client, o options) outcome {
		return invoke(ctx, c, "Fail", &Failure{Code: o.Code, Message: o.Message, Detail: o.Detail}, &Empty{})
	},
	"sleep": sleep,
	"hang":  sleep,
	"oversized-request": func(ctx context.Context, c *ttrpc.Client, o options) outcome {
		return invoke(ctx, c, "Echo", &Message{Text: strings.Repeat("x", int(o.Bytes))}, &Message{})
	},
	"oversized-response": func(ctx context.Context, c *ttrpc.Client, o options) outcome {
		return invoke(ctx, c, "Grow", &Size{Bytes: o.Bytes}, &Message{})
	},
	"unknown-service": func(ctx context.Context, c *ttrpc.Client, _ options) (out outcome) {
		out.fail(c.Call(ctx, "interop.v1.Nobody", "Echo", wire(&Empty{}), wire(&Empty{})))
		return out
	},
	"unknown-method": func(ctx context.Context, c *ttrpc.Client, _ options) outcome {
		return invoke(ctx, c, "Nowhere", &Empty{}, &Empty{})
	},
	"inflight": func(ctx context.Context, c *ttrpc.Client, o options) (out outcome) {
		var wg sync.WaitGroup
		for i := int64(1); i <= int64(o.Count); i++ {
			wg.Add(1)
			go func(i int64) {
				defer wg.Done()
				reply := &Message{}
				if err := c.Call(ctx, service, "Echo", wire(&Message{Number: i}), wire(reply)); err == nil && reply.Number == i {
					atomic.AddInt64(&out.Matched, 1)
				}
			}(i)
		}
		wg.Wait()
		return out
	},
}

func sleep(ctx context.Context, c *ttrpc.Client, o options) outcome {
	return invoke(ctx, c, "Sleep", &Pause{Milliseconds: o.Milliseconds}, &Empty{})
}

func invoke(ctx context.Context, c *ttrpc.Client, method string, in, reply message) (out outcome) {
	err := c.Call(ctx, service, method, wire(in), wire(reply))
	out.fail(err)
	if err == nil {
		out.Replies = append(out.Replies, reply)
	}
	return out
}

func alive(c *ttrpc.Client) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	reply := &Message{}
	err := c.Call(ctx, service, "Echo", wire(&Message{Text: "alive"}), wire(reply))
	return err == nil && reply.Text == "alive"
}
