package main

import (
	"fmt"
	"io"
	"net"

	"github.com/hashicorp/yamux"
	"github.com/xtaci/smux"
)

type session struct {
	open   func() (io.ReadWriteCloser, error)
	accept func() (io.ReadWriteCloser, error)
}

// newSession has each package's default configuration, but for logging.
func newSession(peer string, conn net.Conn, server bool) (session, error) {
	switch peer {
	case "go-yamux":
		config := yamux.DefaultConfig()
		config.LogOutput = io.Discard
		create := yamux.Client
		if server {
			create = yamux.Server
		}
		mux, err := create(conn, config)
		if err != nil {
			return session{}, err
		}
		return session{
			func() (io.ReadWriteCloser, error) { return mux.OpenStream() },
			func() (io.ReadWriteCloser, error) { return mux.AcceptStream() },
		}, nil
	case "go-smux":
		create := smux.Client
		if server {
			create = smux.Server
		}
		mux, err := create(conn, smux.DefaultConfig())
		if err != nil {
			return session{}, err
		}
		return session{
			func() (io.ReadWriteCloser, error) { return mux.OpenStream() },
			func() (io.ReadWriteCloser, error) { return mux.AcceptStream() },
		}, nil
	}
	return session{}, fmt.Errorf("no peer is called '%s'", peer)
}
