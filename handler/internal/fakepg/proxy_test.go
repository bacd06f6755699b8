package fakepg

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"pgwire_fdw/handler/internal/invariant"
)

// source accepts connections and serves each in a goroutine.
func source(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Add(1)
	invariant.Go("source", func() {
		defer wg.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Add(1)
			invariant.Go("source.conn", func() { defer wg.Done(); defer func() { _ = c.Close() }(); serve(c) }, nil)
		}
	}, nil)
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return l.Addr().String()
}

func echo(c net.Conn) { _, _ = io.Copy(c, c) }

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", net.JoinHostPort(p.Host, p.Port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

func ping(t *testing.T, c net.Conn, text string) time.Duration {
	t.Helper()
	start := time.Now()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, len(text))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != text {
		t.Fatalf("got %q, %v", b, err)
	}
	return time.Since(start)
}

func TestProxyLatencyAndRoundTrips(t *testing.T) {
	p := RunProxy(t, "tcp", source(t, echo))
	c := dial(t, p)
	ping(t, c, "warm")
	p.SetLatency(4 * time.Millisecond)
	before := p.RoundTrips()
	const n = 20
	fastest := time.Hour // the others may have waited for the machine
	for range n {
		fastest = min(fastest, ping(t, c, "hello"))
	}
	if got := p.RoundTrips() - before; got != n {
		t.Errorf("%d round trips, want %d", got, n)
	}
	if fastest < 4*time.Millisecond || fastest > 12*time.Millisecond {
		t.Errorf("round trip takes %v, want about 4ms", fastest)
	}
}

// TestProxyBandwidth proves the delay line: at 100 ms per round trip a window-limited relay would crawl.
func TestProxyBandwidth(t *testing.T) {
	const size = 64 << 20
	p := RunProxy(t, "tcp", source(t, func(c net.Conn) {
		b := make([]byte, 1<<20)
		for range size / len(b) {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	}))
	p.SetLatency(2 * time.Millisecond)
	start := time.Now()
	n, err := io.Copy(io.Discard, dial(t, p))
	d := time.Since(start)
	if err != nil || n != size {
		t.Fatalf("got %d bytes, %v", n, err)
	}
	t.Logf("%.0f MB/s", float64(size)/1e6/d.Seconds())
	if d > 5*time.Second { // 13 MB/s: only a broken delay line is that slow, whatever the machine does meanwhile
		t.Errorf("64 MB took %v", d)
	}
}

func TestProxyCut(t *testing.T) {
	for _, reset := range []bool{false, true} {
		// The source waits for a byte: a reset sooner than that would be an error of dialling.
		p := RunProxy(t, "tcp", source(t, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1))
			_, _ = c.Write(bytes.Repeat([]byte("x"), 1<<20))
		}))
		p.CutAfter(ToClient, 12345, reset)
		c := dial(t, p)
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, c)
		if reset {
			if err != nil && !errors.Is(err, syscall.ECONNRESET) || n > 12345 {
				t.Errorf("reset: %d bytes, %v", n, err)
			}
		} else if err != nil || n != 12345 {
			t.Errorf("cut: %d bytes, %v", n, err)
		}
	}
}

func TestProxyFreezeThawResetRewrite(t *testing.T) {
	p := RunProxy(t, "tcp", source(t, echo))
	c := dial(t, p)
	ping(t, c, "a")
	p.Freeze(ToClient)
	if _, err := c.Write([]byte("held")); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	b := make([]byte, 4)
	if n, err := c.Read(b); err == nil {
		t.Fatalf("frozen proxy let %d bytes through", n)
	}
	p.Thaw(ToClient)
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "held" {
		t.Fatalf("after thaw: %q, %v", b, err)
	}
	p.Rewrite(func(d Direction, _ int64, chunk []byte) []byte {
		if d == ToClient {
			return bytes.ToUpper(chunk)
		}
		return chunk
	})
	if _, err := c.Write([]byte("loud")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "LOUD" {
		t.Fatalf("rewritten: %q, %v", b, err)
	}
	p.Reset()
	if _, err := c.Read(b); !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("after reset: %v", err)
	}
	p.Close()
	if n := p.Open(); n != 0 {
		t.Fatalf("%d connections open after Close", n)
	}
}

func BenchmarkProxyLatency1ms(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	block := make([]byte, 1<<20)
	invariant.Go("bench", func() {
		c, err := l.Accept()
		for err == nil {
			_, err = c.Write(block)
		}
	}, nil)
	p := RunProxy(b, "tcp", l.Addr().String())
	p.SetLatency(time.Millisecond)
	c, err := net.Dial("tcp", net.JoinHostPort(p.Host, p.Port))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	b.SetBytes(int64(len(block)))
	for b.Loop() {
		if _, err := io.ReadFull(c, block); err != nil {
			b.Fatal(err)
		}
	}
}
