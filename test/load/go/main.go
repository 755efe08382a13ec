// The Go peer of the deadlock study: containerd's ttrpc, both roles, with small socket buffers.
//
//	peer '{"role":"serve","path":"/tmp/s","buffers":2048}'
//	peer '{"role":"call","path":"/tmp/s","buffers":2048}'
//
// It answers the lines that ../host.ts answers: {"do":"start",…} and {"do":"progress"}.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"

	"github.com/containerd/ttrpc"
	blob "google.golang.org/protobuf/types/known/wrapperspb"
)

const service = "load.v1.Load"

type config struct {
	Role    string `json:"role"`
	Path    string `json:"path"`
	Buffers int    `json:"buffers"`
}

type order struct {
	Do     string `json:"do"`
	Calls  int64  `json:"calls"`
	AtOnce int    `json:"atOnce"`
	Size   int    `json:"size"`
}

type progress struct {
	Done   int64 `json:"done"`
	Over   bool  `json:"over"`
	Result int64 `json:"result"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var c config
	if err := json.Unmarshal([]byte(os.Args[1]), &c); err != nil {
		return err
	}
	var d driver
	if c.Role == "serve" {
		if err := serve(c); err != nil {
			return err
		}
	} else {
		conn, err := net.Dial("unix", c.Path)
		if err != nil {
			return err
		}
		if err := shrink(conn, c.Buffers); err != nil {
			return err
		}
		d.client = ttrpc.NewClient(conn)
	}
	fmt.Println(`"ready"`)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return err
		}
		if o.Do == "start" {
			d.start(o)
		}
		done := d.done.Load()
		if err := json.NewEncoder(os.Stdout).Encode(progress{done, d.over.Load(), done}); err != nil {
			return err
		}
	}
	return lines.Err()
}

func serve(c config) error {
	server, err := ttrpc.NewServer()
	if err != nil {
		return err
	}
	server.RegisterService(service, &ttrpc.ServiceDesc{Methods: map[string]ttrpc.Method{"Lift": lift}})
	listener, err := net.Listen("unix", c.Path)
	if err != nil {
		return err
	}
	go func() {
		fmt.Fprintln(os.Stderr, server.Serve(context.Background(), shrinking{listener, c.Buffers}))
		os.Exit(1)
	}()
	return nil
}

func lift(_ context.Context, unmarshal func(interface{}) error) (interface{}, error) {
	var in blob.BytesValue
	if err := unmarshal(&in); err != nil {
		return nil, err
	}
	return &in, nil
}

type shrinking struct {
	net.Listener
	buffers int
}

func (l shrinking) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return conn, shrink(conn, l.buffers)
}

func shrink(conn net.Conn, bytes int) error {
	if bytes == 0 {
		return nil
	}
	unix := conn.(*net.UnixConn)
	if err := unix.SetWriteBuffer(bytes); err != nil {
		return err
	}
	return unix.SetReadBuffer(bytes)
}

type driver struct {
	client *ttrpc.Client
	begun  atomic.Int64
	done   atomic.Int64
	over   atomic.Bool
}

func (d *driver) start(o order) {
	in := &blob.BytesValue{Value: bytes.Repeat([]byte{'x'}, o.Size)}
	var workers sync.WaitGroup
	for worker := 0; worker < o.AtOnce; worker++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for d.begun.Add(1) <= o.Calls {
				var out blob.BytesValue
				if err := d.client.Call(context.Background(), service, "Lift", in, &out); err != nil {
					fail(err)
				}
				if !bytes.Equal(in.Value, out.Value) {
					fail(fmt.Errorf("%d other bytes came than the %d sent", len(out.Value), len(in.Value)))
				}
				d.done.Add(1)
			}
		}()
	}
	go func() {
		workers.Wait()
		d.over.Store(true)
	}()
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
