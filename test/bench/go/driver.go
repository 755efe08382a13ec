package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/containerd/ttrpc"
	note "google.golang.org/genproto/googleapis/rpc/status"
	burst "google.golang.org/protobuf/types/known/durationpb"
	chunk "google.golang.org/protobuf/types/known/wrapperspb"
)

type job struct {
	Call         string `json:"call"`
	InFlight     int    `json:"inFlight"`
	Connections  int    `json:"connections"`
	Count        int64  `json:"count"`
	Size         int32  `json:"size"`
	Milliseconds int64  `json:"milliseconds"`
}

type sample struct {
	Done    int64   `json:"done"`
	Seconds float64 `json:"seconds"`
	P50     float64 `json:"p50"`
	P99     float64 `json:"p99"`
}

type driver struct {
	socket  string
	clients []*ttrpc.Client
}

func newDriver(socket string) (*driver, error) {
	d := &driver{socket: socket}
	return d, d.connect(1)
}

func (d *driver) connect(connections int) error {
	for len(d.clients) < connections {
		conn, err := net.Dial("unix", d.socket)
		if err != nil {
			return err
		}
		d.clients = append(d.clients, ttrpc.NewClient(conn))
	}
	return nil
}

// first connects anew and makes a call.
func (d *driver) first() error {
	conn, err := net.Dial("unix", d.socket)
	if err != nil {
		return err
	}
	client := ttrpc.NewClient(conn)
	defer client.Close()
	return call(client, &job{Call: "echo"})
}

// As in ../drive.ts.
const (
	timedOneIn  = 16
	fewInFlight = 8
	maxTimes    = 200_000
)

func (d *driver) run(line string) (any, error) {
	if line == "first" {
		return struct{}{}, d.first()
	}
	var j job
	if err := json.Unmarshal([]byte(line), &j); err != nil {
		return nil, err
	}
	if err := d.connect(j.Connections); err != nil {
		return nil, err
	}
	var (
		done    atomic.Int64
		stopped atomic.Bool
		slots   sync.WaitGroup
		times   = make([][]float64, j.InFlight)
		failed  = make(chan error, j.InFlight)
		begin   = time.Now()
	)
	slots.Add(j.InFlight)
	for slot := 0; slot < j.InFlight; slot++ {
		go func(slot int) {
			defer slots.Done()
			client := d.clients[slot%len(d.clients)]
			for made := slot; !stopped.Load(); made++ {
				timed := j.InFlight <= fewInFlight || made%timedOneIn == 0
				var from time.Time
				if timed {
					from = time.Now()
				}
				if err := call(client, &j); err != nil {
					failed <- err
					return
				}
				done.Add(1)
				if timed && len(times[slot]) < maxTimes/j.InFlight {
					times[slot] = append(times[slot], float64(time.Since(from).Nanoseconds())/1000)
				}
			}
		}(slot)
	}
	time.Sleep(time.Duration(j.Milliseconds) * time.Millisecond)
	result := sample{Done: done.Load(), Seconds: time.Since(begin).Seconds()}
	stopped.Store(true)
	slots.Wait()
	select {
	case err := <-failed:
		return nil, err
	default:
	}
	if j.Count > 1 || result.Done == 0 {
		result = sample{Done: done.Load() * j.Count, Seconds: time.Since(begin).Seconds()}
	}
	all := []float64{}
	for _, some := range times {
		all = append(all, some...)
	}
	sort.Float64s(all)
	result.P50, result.P99 = quantile(all, 0.5), quantile(all, 0.99)
	return result, nil
}

func quantile(sorted []float64, share float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(float64(len(sorted)-1)*share+0.5)]
}

func call(client *ttrpc.Client, j *job) error {
	switch j.Call {
	case "echo":
		return echoed(client)
	case "lift":
		return lifted(client, j)
	case "gather":
		return gathered(client, j)
	case "ferry":
		return ferried(client, j)
	default:
		return poured(client, j)
	}
}

func echoed(client *ttrpc.Client) error {
	out := &note.Status{}
	in := &note.Status{Code: 2026, Message: "a message of forty bytes as encoded"}
	if err := client.Call(context.Background(), service, "Echo", in, out); err != nil {
		return err
	}
	if out.Code != in.Code {
		return fmt.Errorf("the answer has the id %d", out.Code)
	}
	return nil
}

func lifted(client *ttrpc.Client, j *job) error {
	in, out := chunkOf(j.Size), &chunk.BytesValue{}
	if err := client.Call(context.Background(), service, "Lift", in, out); err != nil {
		return err
	}
	if len(out.Value) != len(in.Value) {
		return fmt.Errorf("%d bytes came instead of %d", len(out.Value), len(in.Value))
	}
	return nil
}

func poured(client *ttrpc.Client, j *job) error {
	method := map[string]string{"pour": "Pour", "drip": "Drip"}[j.Call]
	in := &burst.Duration{Seconds: j.Count, Nanos: j.Size}
	stream, err := client.NewStream(context.Background(), &ttrpc.StreamDesc{StreamingServer: true}, service, method, in)
	if err != nil {
		return err
	}
	return drain(stream, j)
}

func gathered(client *ttrpc.Client, j *job) error {
	stream, err := client.NewStream(context.Background(), &ttrpc.StreamDesc{StreamingClient: true}, service, "Gather", nil)
	if err != nil {
		return err
	}
	if err := send(stream, j); err != nil {
		return err
	}
	var out burst.Duration
	if err := stream.RecvMsg(&out); err != nil {
		return err
	}
	if out.Seconds != j.Count {
		return fmt.Errorf("%d messages came instead of %d", out.Seconds, j.Count)
	}
	return nil
}

func ferried(client *ttrpc.Client, j *job) error {
	desc := &ttrpc.StreamDesc{StreamingClient: true, StreamingServer: true}
	stream, err := client.NewStream(context.Background(), desc, service, "Ferry", nil)
	if err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() { sent <- send(stream, j) }()
	if err := drain(stream, j); err != nil {
		return err
	}
	return <-sent
}

func send(stream ttrpc.ClientStream, j *job) error {
	out := chunkOf(j.Size)
	for sent := int64(0); sent < j.Count; sent++ {
		if err := stream.SendMsg(out); err != nil {
			return err
		}
	}
	return stream.CloseSend()
}

func drain(stream ttrpc.ClientStream, j *job) error {
	for messages := int64(0); ; messages++ {
		err := stream.RecvMsg(&chunk.BytesValue{})
		if errors.Is(err, io.EOF) && messages == j.Count {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after %d messages: %w", messages, err)
		}
	}
}
