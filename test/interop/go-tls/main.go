// A relay whose one side is Go's TLS. Prints the address that it listens on, and relays until its
// standard input ends.
//
//	listen <unix socket> <cert> <key> <ca>: a tls.Listener that wants to know its clients, in front of the socket
//	dial <host:port> <cert> <key> <ca>: a plain listener, in front of a server of TLS
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
)

func main() {
	target := os.Args[2]
	config := configure(os.Args[3], os.Args[4], os.Args[5])
	var listener net.Listener
	var err error
	dial := func() (net.Conn, error) { return net.Dial("unix", target) }
	if os.Args[1] == "listen" {
		listener, err = tls.Listen("tcp", "127.0.0.1:0", config)
	} else {
		listener, err = net.Listen("tcp", "127.0.0.1:0")
		dial = func() (net.Conn, error) { return tls.Dial("tcp", target, config) }
	}
	check(err)
	fmt.Println(listener.Addr())
	go accept(listener, dial)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func configure(cert, key, ca string) *tls.Config {
	pair, err := tls.LoadX509KeyPair(cert, key)
	check(err)
	authority, err := os.ReadFile(ca)
	check(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	return &tls.Config{
		Certificates: []tls.Certificate{pair},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    pool,
		RootCAs:      pool,
	}
}

func accept(listener net.Listener, dial func() (net.Conn, error)) {
	for {
		near, err := listener.Accept()
		check(err)
		far, err := dial()
		check(err)
		go relay(near, far)
		go relay(far, near)
	}
}

func relay(from, to net.Conn) {
	_, _ = io.Copy(to, from)
	from.Close()
	to.Close()
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
