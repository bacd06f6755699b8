package main

import (
	"io"
	"net"
	"strconv"
	"testing"
	"time"
)

// TestProxyDelays: a round trip takes the delay twice, and not much more.
func TestProxyDelays(t *testing.T) {
	conn := throughProxy(t, 10*time.Millisecond, func(c net.Conn) { _, _ = io.Copy(c, c) })
	buf := make([]byte, 1)
	fastest := time.Hour // the others may have waited for the machine
	for range 5 {
		start := time.Now()
		if _, err := conn.Write(buf); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, buf); err != nil {
			t.Fatal(err)
		}
		fastest = min(fastest, time.Since(start))
	}
	if fastest < 20*time.Millisecond || fastest > 200*time.Millisecond {
		t.Errorf("a round trip of 2 × 10 ms took %v", fastest)
	}
}

// TestProxyDoesNotThrottle: a long answer takes the delay once, not per packet.
// 64 MB in 128 kB parcels of 10 ms each would take 5 s.
func TestProxyDoesNotThrottle(t *testing.T) {
	const size = 64 << 20
	conn := throughProxy(t, 10*time.Millisecond, func(c net.Conn) {
		block := make([]byte, 1<<16)
		for range size / len(block) {
			if _, err := c.Write(block); err != nil {
				return
			}
		}
	})
	start := time.Now()
	n, err := io.CopyN(io.Discard, conn, size)
	if err != nil || n != size {
		t.Fatalf("%d bytes arrived: %v", n, err)
	}
	took := time.Since(start)
	t.Logf("%.0f MB/s", size/took.Seconds()/1e6)
	if took > 4*time.Second {
		t.Errorf("64 MB took %v", took)
	}
}

func throughProxy(t *testing.T, oneWay time.Duration, handle func(net.Conn)) net.Conn {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		if c, err := l.Accept(); err == nil {
			handle(c)
		}
	}()
	b := &bench{remotePort: l.Addr().(*net.TCPAddr).Port}
	stop, err := b.startProxy(oneWay)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	conn, err := net.Dial("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(b.proxyPort)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
