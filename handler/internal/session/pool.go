package session

import (
	"context"
	"sort"
	"time"

	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/sqlerr"
)

// Target describes the connection of one user mapping, as the catalogs have it
// when it is opened.
type Target struct {
	Umid        uint32
	ServerID    uint32
	ServerHash  uint32 // syscache hash values, to recognise invalidations
	MappingHash uint32
	UserID      uint32 // local user of the mapping, 0 for PUBLIC; for listings
	Params      Params
	Keep        bool // option keep_connections
	LazyCommit  bool // option lazy_commit
}

// Pool holds the connections of this backend, one per user mapping. Only the
// backend's thread uses it.
type Pool struct {
	entries map[uint32]*entry
	notices []Notice
	bytes   int // of the notices' texts
	dropped int
}

type entry struct {
	target  Target
	conn    *Conn
	dial    *dialing
	stale   bool // server or mapping changed: not to be used by a new transaction
	ending  bool // the end of the local transaction has been sent (or begun)
	awaits  bool // ... and its answer has to be awaited
	elapsed time.Duration
}

// maxNotices and maxNoticeBytes bound what a chatty remote can make us keep.
const (
	maxNotices     = 256
	maxNoticeBytes = 1 << 20
)

// NewPool makes an empty pool.
func NewPool() *Pool { return &Pool{entries: map[uint32]*entry{}} }

// dialing is a connection attempt in its goroutine.
type dialing struct {
	sig    *signal
	stop   context.CancelFunc
	result chan dialResult // buffered: the goroutine never blocks on it
}

type dialResult struct {
	est *Established
	err *sqlerr.Error
}

func startDial(p Params) (*dialing, *sqlerr.Error) {
	sig, err := newSignal(2)
	if err != nil {
		return nil, sqlerr.New("53000", "could not make an eventfd: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	d := &dialing{sig: sig, stop: stop, result: make(chan dialResult, 1)}
	finish := func(r dialResult) {
		d.result <- r
		sig.Set()
		sig.Release()
	}
	invariant.Go("dial", func() {
		est, err := Dial(ctx, p)
		finish(dialResult{est, err})
	}, func(err error) { finish(dialResult{nil, sqlerr.From(err)}) })
	return d, nil
}

// abandon lets the attempt end by itself; what it may still open is closed.
func (d *dialing) abandon() {
	d.stop()
	d.sig.Release()
	result := d.result
	invariant.Go("dial-reaper", func() {
		if r := <-result; r.est != nil {
			_ = r.est.Sock.Close()
		}
	}, nil)
}

// Waiting is what to poll for before asking again.
type Waiting struct {
	FD      int
	Write   bool
	Timeout time.Duration // <0: none
	Connect bool
	Cleanup bool
	// Socket is not 0 when FD is a connection's socket for as long as it lives;
	// no later connection has the same number.
	Socket uint32
}

// Lookup returns the usable connection of a user mapping, nil when one has to
// be opened first.
func (p *Pool) Lookup(umid uint32) *Conn {
	e := p.entries[umid]
	if e == nil || e.conn == nil {
		return nil
	}
	if e.conn.InUse() {
		return e.conn // even if stale or broken: this transaction is bound to it
	}
	if e.stale || e.conn.Broken() != nil {
		e.conn.Close()
		e.conn = nil
		return nil
	}
	return e.conn
}

// LazyCommit is the mapping's option of that name.
func (p *Pool) LazyCommit(umid uint32) bool {
	e := p.entries[umid]
	return e != nil && e.target.LazyCommit
}

// Authorize checks the password rule for another effective user of a cached
// connection.
func (p *Pool) Authorize(umid uint32, superuser bool) *sqlerr.Error {
	e := p.entries[umid]
	if e == nil || e.conn == nil || superuser {
		return nil
	}
	params := e.target.Params
	params.Superuser = false
	if err := CheckPassword(params); err != nil {
		return err
	}
	return e.conn.Established().CheckPassword(params)
}

// Open makes or continues the connection of a user mapping. Nil, nil: done.
func (p *Pool) Open(t Target) (*Waiting, *sqlerr.Error) {
	if p.Lookup(t.Umid) != nil {
		return nil, p.Authorize(t.Umid, t.Params.Superuser)
	}
	e := p.entries[t.Umid]
	if e == nil {
		e = &entry{}
		p.entries[t.Umid] = e
	}
	if e.dial == nil {
		if err := CheckPassword(t.Params); err != nil {
			return nil, err
		}
		d, err := startDial(t.Params)
		if err != nil {
			return nil, err
		}
		e.target, e.dial, e.stale = t, d, false
	}
	select {
	case r := <-e.dial.result:
		e.dial.stop()
		e.dial.sig.Release()
		e.dial = nil
		if r.err != nil {
			return nil, r.err
		}
		return nil, p.adopt(e, r.est)
	default:
		return &Waiting{FD: e.dial.sig.fd, Timeout: -1, Connect: true}, nil
	}
}

// adopt turns an established connection into the entry's Conn.
func (p *Pool) adopt(e *entry, est *Established) *sqlerr.Error {
	for name, got := range est.ParameterStatus {
		if want := e.target.Params.Settings[name]; !agrees(e.target.Params.Settings, name, got) {
			_ = est.Sock.Close()
			return sqlerr.New(sqlerr.UnableToConnect, "could not connect to server \"%s\"", e.target.Params.Server).
				WithDetail("The remote session runs with %s %q, but was asked for %q.", name, got, want).
				WithHint("A connection pooler in between may be ignoring startup parameters.")
		}
	}
	e.elapsed = est.Elapsed
	e.conn = NewConn(est, e.target.Params.Server, e.target.Umid, e.target.Params.Settings, p.Notify)
	return nil
}

// ConnectTime is how long the mapping's connection took to open.
func (p *Pool) ConnectTime(umid uint32) time.Duration {
	if e := p.entries[umid]; e != nil {
		return e.elapsed
	}
	return 0
}

// Notify queues a notice; beyond a bound they are counted only.
func (p *Pool) Notify(n Notice) {
	size := n.size()
	if len(p.notices) >= maxNotices || p.bytes+size > maxNoticeBytes {
		p.dropped++
		return
	}
	p.bytes += size
	p.notices = append(p.notices, n)
}

func (n Notice) size() int {
	return len(n.Err.Message) + len(n.Err.Detail) + len(n.Err.Hint) + len(n.Err.Context) + len(n.Err.RemoteSQL)
}

// NextNotice takes the oldest notice.
func (p *Pool) NextNotice() (Notice, bool) {
	if len(p.notices) == 0 {
		if p.dropped == 0 {
			return Notice{}, false
		}
		n := p.dropped
		p.dropped = 0
		return Notice{LevelWarning, sqlerr.New("01000", "%d more notices from remote servers were dropped", n)}, true
	}
	n := p.notices[0]
	p.notices = p.notices[1:]
	p.bytes -= n.size()
	return n, true
}

// Invalidate marks connections whose server or user mapping has changed; hash
// 0 means all. They are closed at once when idle, else when their transaction
// ends.
func (p *Pool) Invalidate(mapping bool, hash uint32) {
	for umid, e := range p.entries {
		h := e.target.ServerHash
		if mapping {
			h = e.target.MappingHash
		}
		if hash != 0 && h != hash {
			continue
		}
		e.stale = true
		if e.conn != nil && !e.conn.InUse() {
			p.drop(umid, e)
		}
	}
}

// drop closes an entry's connection and forgets it.
func (p *Pool) drop(umid uint32, e *entry) {
	if e.dial != nil {
		e.dial.abandon()
		e.dial = nil
	}
	if e.conn != nil {
		e.conn.Close()
	}
	delete(p.entries, umid)
}

// CloseIdle closes the connections of a server (0: all) that no transaction
// uses, and counts both kinds.
func (p *Pool) CloseIdle(serverID uint32) (closed, inUse int) {
	for umid, e := range p.entries {
		if serverID != 0 && e.target.ServerID != serverID || e.conn == nil {
			continue
		}
		if e.conn.InUse() {
			inUse++
			continue
		}
		p.drop(umid, e)
		closed++
	}
	return closed, inUse
}

// Open descriptors that C has to account for (AcquireExternalFD).
func (p *Pool) Descriptors() int {
	n := 0
	for _, e := range p.entries {
		if e.conn != nil {
			n++
		}
	}
	return n
}

// Listing describes one cached connection.
type Listing struct {
	ServerID uint32
	Server   string
	UserID   uint32
	Valid    bool
	InXact   bool
	Closed   bool
	PID      uint32
}

// List describes the cached connections, by server name. With check it looks
// whether the remote has gone.
func (p *Pool) List(check bool) []Listing {
	var out []Listing
	for _, e := range p.entries {
		if e.conn == nil {
			continue
		}
		out = append(out, Listing{ServerID: e.target.ServerID, Server: e.target.Params.Server, UserID: e.target.UserID,
			Valid: !e.stale, InXact: e.conn.InUse(), Closed: e.conn.Broken() != nil || check && e.conn.gone(), PID: e.conn.Established().PID})
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Server != out[j].Server {
			return out[i].Server < out[j].Server
		}
		return out[i].UserID < out[j].UserID
	})
	return out
}
