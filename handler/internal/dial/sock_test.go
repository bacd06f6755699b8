package dial

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pgwire_fdw/handler/internal/invariant"
)

// sockPair makes two connected Socks on a Unix socket pair.
func sockPair(t *testing.T) (*Sock, *Sock) {
	t.Helper()
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	a, err := newSock(p[0], sockAddr{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := newSock(p[1], sockAddr{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	return a, b
}

func TestSockNonblocking(t *testing.T) {
	noLeak(t)
	a, b := sockPair(t)
	if err := a.SetNonblocking(true); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 16)
	n, err := a.Read(buf)
	var ne net.Error
	if n != 0 || !errors.Is(err, ErrWouldBlock) || !errors.As(err, &ne) || !ne.Timeout() || !ne.Temporary() { //nolint:staticcheck // crypto/tls asks for it
		t.Fatalf("empty read: %d, %v", n, err)
	}
	if _, err := b.Write([]byte("hi")); err != nil {
		t.Fatal(err)
	}
	if n, err := a.Read(buf); n != 2 || err != nil {
		t.Fatalf("read: %d, %v", n, err)
	}
	_ = b.Close()
	if _, err := a.Read(buf); err != io.EOF {
		t.Fatalf("after the peer closed: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Read(buf); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("after Close: %v", err)
	}
	if err := a.Close(); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("second Close: %v", err)
	}
}

// TestSockWriteNeverRefuses fills the kernel's buffer many times over and checks order and completeness.
func TestSockWriteNeverRefuses(t *testing.T) {
	noLeak(t)
	a, b := sockPair(t)
	if err := a.SetNonblocking(true); err != nil {
		t.Fatal(err)
	}
	const total = 8 << 20
	data := make([]byte, total)
	for i := range data {
		data[i] = byte(i>>8) ^ byte(i)
	}
	for rest := data; len(rest) > 0; {
		n := min(len(rest), 1+rand.IntN(100_000))
		if m, err := a.Write(rest[:n]); m != n || err != nil {
			t.Fatalf("write: %d of %d, %v", m, n, err)
		}
		rest = rest[n:]
	}
	if a.Pending() == 0 {
		t.Fatal("8 MB fitted into the kernel's buffer: the test proves nothing")
	}
	got := make([]byte, 0, total)
	buf := make([]byte, 50_000)
	for len(got) < total {
		n, err := b.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, buf[:n]...)
		if err := a.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got, data) || a.Pending() != 0 {
		t.Fatal("bytes lost or out of order")
	}
	_ = b.Close()
	if _, err := a.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Fatalf("write to a closed peer: %v", err)
	}
	if err := a.Flush(); !errors.Is(err, syscall.EPIPE) {
		t.Fatalf("the error must stick: %v", err)
	}
}

func TestSockBackToWaiting(t *testing.T) {
	noLeak(t)
	a, b := sockPair(t)
	if err := a.SetNonblocking(true); err != nil {
		t.Fatal(err)
	}
	big := make([]byte, 4<<20)
	if _, err := a.Write(big); err != nil || a.Pending() == 0 {
		t.Fatalf("%v, pending %d", err, a.Pending())
	}
	if err := a.SetNonblocking(false); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Add(1)
	var n int64
	invariant.Go("reader", func() { defer wg.Done(); n, _ = io.Copy(io.Discard, b) }, nil)
	if _, err := a.Write([]byte("end")); err != nil || a.Pending() != 0 {
		t.Fatalf("%v, pending %d", err, a.Pending())
	}
	_ = a.Close()
	wg.Wait()
	if n != int64(len(big)+3) {
		t.Fatalf("peer got %d bytes", n)
	}
}

func TestSockWaitEnds(t *testing.T) {
	cause := errors.New("cancelled")
	for name, c := range map[string]struct {
		end  func(*Sock)
		want error
	}{
		"deadline in the past": {func(s *Sock) { _ = s.SetDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded},
		"deadline soon":        {func(s *Sock) { _ = s.SetDeadline(time.Now().Add(20 * time.Millisecond)) }, os.ErrDeadlineExceeded},
		"interrupt":            {func(s *Sock) { s.Interrupt(cause) }, cause},
		"close":                {func(s *Sock) { _ = s.Close() }, net.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			noLeak(t)
			a, _ := sockPair(t)
			for a.Pending() == 0 { // fill it, so that a write waits too
				if err := a.SetNonblocking(true); err != nil {
					t.Fatal(err)
				}
				_, _ = a.Write(make([]byte, 1<<20))
			}
			a.out.Free()
			if err := a.SetNonblocking(false); err != nil {
				t.Fatal(err)
			}
			errs := make(chan error, 2)
			invariant.Go("r", func() { _, err := a.Read(make([]byte, 1)); errs <- err }, nil)
			if name == "interrupt" || name == "close" {
				invariant.Go("w", func() { _, err := a.Write(make([]byte, 1<<20)); errs <- err }, nil)
			} else {
				errs <- c.want
			}
			time.Sleep(20 * time.Millisecond)
			start := time.Now()
			c.end(a)
			for range 2 {
				select {
				case err := <-errs:
					if !errors.Is(err, c.want) && !errors.Is(err, syscall.EPIPE) && err != io.EOF {
						t.Errorf("ended with %v, want %v", err, c.want)
					}
				case <-time.After(5 * time.Second):
					t.Fatal("wait did not end")
				}
			}
			if d := time.Since(start); d > time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

func TestSockFromConn(t *testing.T) {
	noLeak(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s, err := SockFromConn(c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = s.Close(), peer.Close() }()
	if flags, _ := unix.FcntlInt(uintptr(s.Fd()), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
		t.Error("descriptor survives exec")
	}
	if _, err := s.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 3)
	if _, err := io.ReadFull(peer, b); err != nil || string(b) != "abc" {
		t.Fatalf("%q, %v", b, err)
	}
}

// oneByte delivers at most one byte for each read and lets every second read find nothing, as the slowest
// possible network would.
type oneByte struct {
	*Sock
	n int
}

func (o *oneByte) Read(p []byte) (int, error) {
	if o.n++; o.n%2 == 0 {
		return 0, ErrWouldBlock
	}
	return o.Sock.Read(p[:1])
}

// TestTLSOverNonblockingSock reads TLS records byte by byte with would-blocks in the middle of headers and bodies,
// and writes more than the kernel takes; crypto/tls must stay usable.
func TestTLSOverNonblockingSock(t *testing.T) {
	noLeak(t)
	ca := newAuthority(t)
	cert := ca.issue(t, leaf{host: "db.test"})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		a, b := sockPair(t)
		server := tls.Server(b, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: version})
		slow := &oneByte{Sock: a}
		slow.n = -1 << 40 // odd reads only: whole handshake byte by byte, in waiting mode
		client := tls.Client(stepper{slow}, &tls.Config{InsecureSkipVerify: true})
		const size = 3 << 20
		done := make(chan error, 1)
		invariant.Go("server", func() {
			in := make([]byte, size)
			_, err := io.ReadFull(server, in)
			if err == nil {
				_, err = server.Write(in[:100_000])
			}
			done <- err
		}, func(err error) { done <- err })
		if err := client.Handshake(); err != nil {
			t.Fatal(err)
		}
		if err := a.SetNonblocking(true); err != nil {
			t.Fatal(err)
		}
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(i * 7)
		}
		if n, err := client.Write(data); n != size || err != nil {
			t.Fatalf("TLS write: %d, %v", n, err)
		}
		got := make([]byte, 0, 100_000)
		buf := make([]byte, 4096)
		blocked := 0
		for deadline := time.Now().Add(20 * time.Second); len(got) < 100_000; {
			if time.Now().After(deadline) {
				t.Fatal("stuck")
			}
			if err := a.Flush(); err != nil {
				t.Fatal(err)
			}
			n, err := client.Read(buf)
			got = append(got, buf[:n]...)
			if errors.Is(err, ErrWouldBlock) {
				blocked++
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, data[:100_000]) || blocked < 50_000 {
			t.Fatalf("wrong bytes, or only %d would-blocks", blocked)
		}
		// End of the peer's stream must come as an error, not as data.
		_ = server.Close()
		for i := 0; ; i++ {
			if _, err := client.Read(buf); errors.Is(err, ErrWouldBlock) && i < 1000 {
				continue
			} else if err != io.EOF {
				t.Fatalf("end: %v", err)
			}
			break
		}
	}
}

// stepper turns would-blocks into retries while the Sock waits, and passes them on once it does not.
type stepper struct{ *oneByte }

func (s stepper) Read(p []byte) (int, error) {
	for {
		n, err := s.oneByte.Read(p)
		if errors.Is(err, ErrWouldBlock) && !s.nonblocking {
			continue
		}
		return n, err
	}
}

func BenchmarkSockWriteRead(b *testing.B) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	x, _ := newSock(p[0], sockAddr{})
	y, _ := newSock(p[1], sockAddr{})
	_, _ = x.SetNonblocking(true), y.SetNonblocking(true)
	buf := make([]byte, 100)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = x.Write(buf)
		_, _ = y.Read(buf)
	}
	_, _ = x.Close(), y.Close()
}
