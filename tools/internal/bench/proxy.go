package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// startProxy listens on a free port and forwards to the remote, every byte
// delayed by oneWay in each direction. It delays and does not throttle: what
// arrived in the meantime travels on right behind.
func (b *bench) startProxy(oneWay time.Duration) (stop func(), err error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b.proxyPort = l.Addr().(*net.TCPAddr).Port
	go serve(l, fmt.Sprintf("127.0.0.1:%d", b.remotePort), oneWay)
	return func() { _ = l.Close() }, nil
}

func serve(l net.Listener, target string, oneWay time.Duration) {
	for {
		client, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			progress("proxy: %v", err)
			return
		}
		server, err := net.Dial("tcp4", target)
		if err != nil {
			progress("proxy: %v", err)
			_ = client.Close()
			continue
		}
		go forward(server, client, oneWay)
		go forward(client, server, oneWay)
	}
}

// parcel is what one read gave, and when it may arrive.
type parcel struct {
	data []byte
	due  time.Time
}

// The bytes under way in one direction are bounded: 256 parcels of 128 kB are
// far more than any bandwidth here times the delay, so the bound never throttles.
const (
	parcelSize = 128 << 10
	underWay   = 256
)

// forward copies src to dst, oneWay later, until either ends; then both end.
func forward(dst, src net.Conn, oneWay time.Duration) {
	parcels := make(chan parcel, underWay)
	free := make(chan []byte, underWay)
	go func() {
		defer close(parcels)
		for {
			var buf []byte
			select {
			case buf = <-free:
			default:
				buf = make([]byte, parcelSize)
			}
			n, err := src.Read(buf)
			if n > 0 {
				parcels <- parcel{buf[:n], time.Now().Add(oneWay)}
			}
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
					progress("proxy: %v", err)
				}
				return
			}
		}
	}()
	failed := false
	for p := range parcels {
		if wait := time.Until(p.due); wait > 0 && !failed {
			time.Sleep(wait)
		}
		if !failed {
			if _, err := dst.Write(p.data); err != nil {
				failed = true
				_ = src.Close()
			}
		}
		select {
		case free <- p.data[:parcelSize]:
		default:
		}
	}
	_ = dst.Close()
}
