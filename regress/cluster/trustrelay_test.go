package cluster

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"pgwire_fdw/regress/cluster/pgtest"
)

// behaviour is how a relay treats its next connections.
type behaviour struct {
	tls *tls.Config // nil answers N to a request for TLS
	// answer, when set, is sent in answer to a request for TLS in place of S or N; the connection goes on as after its first byte.
	answer []byte
	// hello, when set, is sent in answer to the startup message, one element after each message of the client; then
	// the connection stays open until the client leaves.
	hello [][]byte
	// only restricts hello to connections of one kind, "tls" or "plain".
	only string
}

// relay stands before a server: it speaks TLS with the client as it is told, and passes everything else on without.
type relay struct {
	Port  int
	to    string
	l     net.Listener
	conns sync.WaitGroup

	mu   sync.Mutex
	b    behaviour
	seen []string // "tls" or "plain" for each connection that came to its startup message
	sent int      // bytes that clients sent after their startup message, where hello is set
	open map[net.Conn]bool
}

func newRelay(t *testing.T, to *pgtest.Cluster) *relay {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{l: l, Port: l.Addr().(*net.TCPAddr).Port, to: to.Socket + "/.s.PGSQL." + itoa(to.Port), open: map[net.Conn]bool{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.track(c, true)
			r.conns.Add(1)
			go func() {
				defer r.conns.Done()
				defer r.track(c, false)
				r.serve(c)
			}()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		r.mu.Lock()
		for c := range r.open {
			_ = c.Close()
		}
		r.mu.Unlock()
		r.conns.Wait()
	})
	return r
}

func (r *relay) track(c net.Conn, open bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if open {
		r.open[c] = true
		return
	}
	_ = c.Close()
	delete(r.open, c)
}

// behave sets how the next connections are treated and forgets what was seen.
func (r *relay) behave(b behaviour) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.b, r.seen, r.sent = b, nil, 0
}

// last is the kind of the latest connection.
func (r *relay) last() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.seen) == 0 {
		return "none"
	}
	return r.seen[len(r.seen)-1]
}

// counts are the connections that came to their startup message, and the bytes sent after it where hello is set.
func (r *relay) counts() (tries, sent int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen), r.sent
}

func (r *relay) serve(c net.Conn) {
	r.mu.Lock()
	b := r.b
	r.mu.Unlock()
	_ = c.SetDeadline(time.Now().Add(patience))
	kind := "plain"
	for {
		first, err := packet(c)
		if err != nil {
			return
		}
		if len(first) == 8 && binary.BigEndian.Uint32(first[4:]) == 80877103 {
			answer := b.answer
			if answer == nil && b.tls != nil {
				answer = []byte{'S'}
			} else if answer == nil {
				answer = []byte{'N'}
			}
			if _, err := c.Write(answer); err != nil {
				return
			}
			if answer[0] == 'S' && b.tls != nil {
				secure := tls.Server(c, b.tls)
				if secure.Handshake() != nil {
					return
				}
				c, kind = secure, "tls"
			}
			continue
		}
		r.mu.Lock()
		r.seen = append(r.seen, kind)
		r.mu.Unlock()
		if b.hello != nil && (b.only == "" || b.only == kind) {
			r.script(c, b.hello)
			return
		}
		r.pass(c, first)
		return
	}
}

// packet reads a message without a type.
func packet(c net.Conn) ([]byte, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(c, head); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head)
	if n < 8 || n > 10000 {
		return nil, io.ErrUnexpectedEOF
	}
	p := make([]byte, n)
	copy(p, head)
	_, err := io.ReadFull(c, p[4:])
	return p, err
}

func (r *relay) script(c net.Conn, hello [][]byte) {
	buf := make([]byte, 4096)
	for i := 0; ; i++ {
		if i < len(hello) {
			if _, err := c.Write(hello[i]); err != nil {
				return
			}
		}
		n, err := c.Read(buf)
		r.mu.Lock()
		r.sent += n
		r.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (r *relay) pass(c net.Conn, first []byte) {
	server, err := net.Dial("unix", r.to)
	if err != nil {
		return
	}
	defer server.Close()
	if _, err := server.Write(first); err != nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(c, server)
		_ = c.Close()
	}()
	_, _ = io.Copy(server, c)
	_ = server.Close()
	<-done
}
