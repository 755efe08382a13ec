//go:build unary

package main

import "github.com/containerd/ttrpc"

// ttrpc before 1.2: no streams, and the codec is gogo's, which takes messages as they are.

func wire(m message) message { return m }

func register(server *ttrpc.Server) { server.Register(service, methods) }
