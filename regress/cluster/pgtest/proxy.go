package pgtest

import (
	"bytes"
	"fmt"
	"net"
	"strconv"
	"sync"
	"testing"
)

// Direction of bytes through a Proxy.
type Direction int

// The two directions.
const (
	ToServer Direction = iota
	ToClient
)

// Proxy relays connections to a cluster and misbehaves on demand. (Package
// fakepg has a richer one for tests of Go code; it is internal to the handler.)
// Its methods may be called from several goroutines.
type Proxy struct {
	Port string

	l       net.Listener
	target  string
	mu      sync.Mutex
	thawed  *sync.Cond
	frozen  [2]bool
	closed  bool
	pairs   map[*pair]bool
	count   [2]int64
	faultAt [2]int64 // absolute count of bytes, 0 for none
	fault   Fault
	swaps   [][2]string
	place   *Place // of the fault, in messages
	met     chan struct{}
	held    bool
	lie     Lie
}

// Fault is what a Proxy does at a place in the bytes.
type Fault int

// The faults. Garble goes on with the connection.
const (
	Cut    Fault = iota // closes both sides
	Reset               // the same with RST
	Garble              // replaces the bytes of one chunk by noise
	Hold                // holds back both directions, at a Place only
)

type pair struct {
	client, server *net.TCPConn
	frames         *[2]frames // nil where messages are not followed
	deceived       bool
	lied           []byte // the beginning of a message
}

// NewProxy starts a proxy before a cluster for the test's life.
func NewProxy(t testing.TB, c *Cluster) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Port: strconv.Itoa(l.Addr().(*net.TCPAddr).Port), l: l, target: fmt.Sprintf("127.0.0.1:%d", c.Port),
		pairs: map[*pair]bool{}}
	p.thawed = sync.NewCond(&p.mu)
	go p.accept()
	t.Cleanup(p.close)
	return p
}

// Freeze holds back what goes in a direction; nothing is lost.
func (p *Proxy) Freeze(d Direction) { p.setFrozen(d, true) }

// Thaw undoes Freeze.
func (p *Proxy) Thaw(d Direction) { p.setFrozen(d, false) }

func (p *Proxy) setFrozen(d Direction, on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen[d] = on
	p.thawed.Broadcast()
}

// Bytes counts what has been delivered in a direction.
func (p *Proxy) Bytes(d Direction) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count[d]
}

// FaultAfter arms a fault: once n more bytes have gone in direction d, on
// whichever connection that is. It happens once.
func (p *Proxy) FaultAfter(d Direction, n int64, f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faultAt[d], p.fault = p.count[d]+n, f
}

// Swap puts one text in the place of another, as long one, in what the server says.
func (p *Proxy) Swap(old, with string) {
	if len(old) != len(with) {
		panic("texts of different lengths")
	}
	p.mu.Lock()
	p.swaps = append(p.swaps, [2]string{old, with})
	p.mu.Unlock()
}

// Calm disarms what FaultAfter armed, and tells whether it had not happened.
func (p *Proxy) Calm() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.faultAt != [2]int64{}
	p.faultAt = [2]int64{}
	return was
}

// CutAll ends the connections that there are; new ones are served.
func (p *Proxy) CutAll(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pairs {
		c.end(f)
	}
}

func (p *Proxy) close() {
	_ = p.l.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.thawed.Broadcast()
	for c := range p.pairs {
		c.end(Cut)
	}
}

func (c *pair) end(f Fault) {
	if f == Reset {
		_ = c.client.SetLinger(0)
		_ = c.server.SetLinger(0)
	}
	_ = c.client.Close()
	_ = c.server.Close()
}

func (p *Proxy) accept() {
	for {
		client, err := p.l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp4", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		c := &pair{client: client.(*net.TCPConn), server: server.(*net.TCPConn)}
		p.mu.Lock()
		p.pairs[c] = true
		p.mu.Unlock()
		go p.relay(c, ToServer, c.client, c.server)
		go p.relay(c, ToClient, c.server, c.client)
	}
}

func (p *Proxy) relay(c *pair, d Direction, from, to *net.TCPConn) {
	defer func() {
		c.end(Cut)
		p.mu.Lock()
		delete(p.pairs, c)
		p.mu.Unlock()
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		for rest := buf[:n]; len(rest) > 0; {
			pass, left, goOn := p.pass(c, d, rest)
			if _, err := to.Write(pass); err != nil || !goOn {
				return
			}
			rest = left
		}
		if err != nil {
			return
		}
	}
}

// pass waits until a chunk may go on, and decides what of it does now, what
// later, and whether the connection lives.
func (p *Proxy) pass(c *pair, d Direction, chunk []byte) (now, later []byte, goOn bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for (p.frozen[d] || p.held) && !p.closed {
		p.thawed.Wait()
	}
	if c.deceived && d == ToClient {
		chunk = p.deceive(c, chunk)
	}
	n := len(chunk)
	for _, s := range p.swaps {
		if d == ToClient {
			copy(chunk, bytes.ReplaceAll(chunk, []byte(s[0]), []byte(s[1])))
		}
	}
	if upTo, met := p.atPlace(c, d, chunk); met {
		p.place = nil
		close(p.met)
		p.count[d] += int64(upTo)
		if p.held = p.fault == Hold; p.held {
			return chunk[:upTo], chunk[upTo:], true
		}
		p.reset(c)
		return chunk[:upTo], nil, false
	}
	at := p.faultAt[d]
	if at == 0 || p.count[d]+int64(n) < at {
		p.count[d] += int64(n)
		return chunk, nil, true
	}
	keep := int(max(0, at-p.count[d]))
	p.faultAt[d] = 0
	if p.fault == Garble {
		for i := keep; i < n; i++ {
			chunk[i] = byte(i*151 + 77)
		}
		p.count[d] += int64(n)
		return chunk, nil, true
	}
	p.count[d] += int64(keep)
	p.reset(c)
	return chunk[:keep], nil, false
}

// reset makes the end of a connection a RST, if that is the fault.
func (p *Proxy) reset(c *pair) {
	if p.fault == Reset {
		_ = c.client.SetLinger(0)
		_ = c.server.SetLinger(0)
	}
}
