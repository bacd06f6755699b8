package fakepg

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"pgwire_fdw/handler/internal/invariant"
)

// Direction of bytes through a Proxy.
type Direction int

// The two directions.
const (
	ToServer Direction = iota
	ToClient
)

// Proxy relays TCP connections on the loopback to a real server and misbehaves on demand. Latency delays each
// chunk without throttling (a delay line), so it may be used in benchmarks.
//
// toxiproxy was measured first: its latency toxic is fast enough (1.3 GB/s here), but it counts no round trips, its
// "timeout" toxic drops what it should only hold back, it cannot rewrite, cannot cut by a byte count over both
// kinds of end, and reaches no Unix socket; and it brings fifteen modules (metrics, logging, routing) into go.mod. With
// the relay needed anyway the delay line is thirty lines more.
type Proxy struct {
	Host, Port string

	network, target string
	l               net.Listener
	wg              sync.WaitGroup
	stop            chan struct{}

	oneWay  atomic.Int64 // nanoseconds
	trips   atomic.Int64
	bytes   [2]atomic.Int64
	gates   [2]gate
	cutAt   [2]atomic.Int64 // absolute byte count, 0 for none
	rst     atomic.Bool
	rewrite atomic.Pointer[func(Direction, int64, []byte) []byte]

	mu    sync.Mutex
	pairs map[*pair]bool
	done  bool
}

// gate holds a direction back while frozen.
type gate struct {
	mu   sync.Mutex
	wait chan struct{} // nil when open
}

type pair struct {
	client, server net.Conn
	last           atomic.Int32 // direction of the latest bytes + 1
}

// RunProxy starts a proxy before network/target ("tcp", "127.0.0.1:5432" or "unix", path) for the test's life.
func RunProxy(t TB, network, target string) *Proxy {
	t.Helper()
	p, err := StartProxy(network, target)
	if err != nil {
		t.Fatalf("fakepg: %v", err)
	}
	t.Cleanup(p.Close)
	return p
}

// StartProxy starts a proxy on a free port of the loopback.
func StartProxy(network, target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{network: network, target: target, l: l, pairs: map[*pair]bool{}, stop: make(chan struct{})}
	p.Host, p.Port, _ = net.SplitHostPort(l.Addr().String())
	p.wg.Add(1)
	invariant.Go("proxy.accept", p.accept, nil)
	return p, nil
}

// SetLatency makes one round trip take that much longer, half of it in each direction.
func (p *Proxy) SetLatency(roundTrip time.Duration) { p.oneWay.Store(int64(roundTrip / 2)) }

// RoundTrips counts, over all connections, how often a client spoke first or after the server had spoken.
func (p *Proxy) RoundTrips() int64 { return p.trips.Load() }

// Bytes counts what was read in a direction.
func (p *Proxy) Bytes(d Direction) int64 { return p.bytes[d].Load() }

// CutAfter ends all connections once n more bytes went in direction d, with a RST if reset.
func (p *Proxy) CutAfter(d Direction, n int64, reset bool) {
	p.rst.Store(reset)
	p.cutAt[d].Store(p.bytes[d].Load() + n)
}

// Rewrite passes each chunk, with its offset in the direction's bytes, through f. The chunk may be changed in place.
func (p *Proxy) Rewrite(f func(d Direction, offset int64, chunk []byte) []byte) { p.rewrite.Store(&f) }

// Freeze holds a direction back; nothing is lost. Thaw lets it go on.
func (p *Proxy) Freeze(d Direction) {
	g := &p.gates[d]
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.wait == nil {
		g.wait = make(chan struct{})
	}
}

// Thaw ends Freeze.
func (p *Proxy) Thaw(d Direction) {
	g := &p.gates[d]
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.wait != nil {
		close(g.wait)
		g.wait = nil
	}
}

// Reset ends all connections with a RST on the client's side; new ones are served.
func (p *Proxy) Reset() {
	p.rst.Store(true)
	p.each((*Proxy).end)
}

// Open is the number of connections now.
func (p *Proxy) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pairs)
}

// Close ends everything and waits for the goroutines.
func (p *Proxy) Close() {
	p.mu.Lock()
	if p.done {
		p.mu.Unlock()
		return
	}
	p.done = true
	p.mu.Unlock()
	close(p.stop)
	_ = p.l.Close()
	p.each((*Proxy).end)
	p.wg.Wait()
}

func (p *Proxy) each(f func(*Proxy, *pair)) {
	p.mu.Lock()
	list := make([]*pair, 0, len(p.pairs))
	for c := range p.pairs {
		list = append(list, c)
	}
	p.mu.Unlock()
	for _, c := range list {
		f(p, c)
	}
}

func (p *Proxy) end(c *pair) {
	if p.rst.Load() {
		_ = c.client.(*net.TCPConn).SetLinger(0)
	}
	_ = c.client.Close()
	_ = c.server.Close()
	p.mu.Lock()
	delete(p.pairs, c)
	p.mu.Unlock()
}

func (p *Proxy) accept() {
	defer p.wg.Done()
	for {
		client, err := p.l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial(p.network, p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		c := &pair{client: client, server: server}
		p.mu.Lock()
		if p.done {
			p.mu.Unlock()
			_, _ = client.Close(), server.Close()
			return
		}
		p.pairs[c] = true
		p.wg.Add(2)
		p.mu.Unlock()
		invariant.Go("proxy.relay", func() { p.relay(c, ToServer, client, server) }, nil)
		invariant.Go("proxy.relay", func() { p.relay(c, ToClient, server, client) }, nil)
	}
}

// chunk is a piece of the delay line.
type chunk struct {
	b   *[]byte
	n   int
	due time.Time
}

const chunkSize = 64 << 10

var chunks = sync.Pool{New: func() any { b := make([]byte, chunkSize); return &b }}

// relay reads one direction into the delay line. The line holds at most 256 chunks (16 MB), more than a second's half
// at the rates that a loopback reaches times any sensible latency, and little enough for back-pressure to be felt.
func (p *Proxy) relay(c *pair, d Direction, from, to net.Conn) {
	defer p.wg.Done()
	line := make(chan chunk, 256)
	p.wg.Add(1)
	invariant.Go("proxy.delay", func() { p.deliver(c, d, to, line) }, nil)
	defer close(line)
	for {
		b := chunks.Get().(*[]byte)
		n, err := from.Read(*b)
		if n > 0 {
			if was := c.last.Swap(int32(d) + 1); d == ToServer && was != int32(ToServer)+1 {
				p.trips.Add(1)
			}
			line <- chunk{b, n, time.Now().Add(time.Duration(p.oneWay.Load()))}
		}
		if err != nil {
			return
		}
	}
}

// deliver writes the delay line's chunks when they are due. After a failure it goes on emptying the line.
func (p *Proxy) deliver(c *pair, d Direction, to net.Conn, line <-chan chunk) {
	defer p.wg.Done()
	broken := false
	for ch := range line {
		if !broken {
			sleepUntil(ch.due)
			p.gates[d].pass(p.stop)
			if broken = !p.pass(c, d, to, (*ch.b)[:ch.n]); broken {
				p.end(c) // as a network does: the other side must learn that nobody listens
			}
		}
		chunks.Put(ch.b)
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok && !broken {
		_ = half.CloseWrite()
	}
	if d == ToClient {
		p.end(c) // the server has left and all it said is delivered
	}
}

// pass writes one chunk as the faults allow and reports whether the direction lives.
func (p *Proxy) pass(c *pair, d Direction, to io.Writer, b []byte) bool {
	size := int64(len(b))
	offset := p.bytes[d].Add(size) - size
	if f := p.rewrite.Load(); f != nil {
		b = (*f)(d, offset, b)
	}
	cut := p.cutAt[d].Load()
	if cut > 0 && offset+size >= cut {
		b = b[:max(0, min(int64(len(b)), cut-offset))]
	}
	if _, err := to.Write(b); err != nil {
		return false
	}
	if cut > 0 && offset+size >= cut {
		p.cutAt[d].Store(0)
		p.end(c)
		return false
	}
	return true
}

func (g *gate) pass(stop <-chan struct{}) {
	for {
		g.mu.Lock()
		wait := g.wait
		g.mu.Unlock()
		if wait == nil {
			return
		}
		select {
		case <-wait:
		case <-stop:
			return
		}
	}
}

// sleepUntil uses nanosleep(2): a Go timer of an idle process is rounded up to a millisecond by its poller, which is as
// much as the latency that is to be added.
func sleepUntil(t time.Time) {
	for {
		left := time.Until(t)
		if left <= 0 {
			return
		}
		ts := unix.NsecToTimespec(int64(left))
		_ = unix.Nanosleep(&ts, nil)
	}
}
