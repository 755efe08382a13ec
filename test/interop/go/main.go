// The Go peer of the interop tests. See ../interop.proto for what the methods do.
//
//	peer serve ADDRESS             says "ready" when it listens; ends when its stdin does
//	peer call ADDRESS CASE [JSON]  runs one case and prints what it observed as one line of JSON
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/containerd/ttrpc"
)

const service = "interop.v1.Interop"

func main() {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		err = serve(path(os.Args[2]))
	case len(os.Args) >= 4 && os.Args[1] == "call":
		err = call(path(os.Args[2]), os.Args[3], strings.Join(os.Args[4:], " "))
	default:
		err = fmt.Errorf("usage: peer serve ADDRESS | peer call ADDRESS CASE [JSON]")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func path(address string) string { return strings.TrimPrefix(address, "unix://") }

func serve(socket string) error {
	server, err := ttrpc.NewServer()
	if err != nil {
		return err
	}
	register(server)
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Println("ready")
	return server.Serve(context.Background(), listener)
}

func call(socket, name, text string) error {
	run, ok := cases[name]
	if !ok {
		return fmt.Errorf("no case %q", name)
	}
	var o options
	if text != "" {
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			return err
		}
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	client := ttrpc.NewClient(conn)
	defer client.Close()

	ctx, cancel := o.context()
	defer cancel()
	out := run(ctx, client, o)
	out.Alive = alive(client)
	return json.NewEncoder(os.Stdout).Encode(out)
}
