// Package pool holds the connections of one backend and makes their transactions
// follow the local one: per user mapping one transaction connection, and beside it
// those that scans read from at the same time (stream.go). Only the backend's
// thread uses it; what has to be waited for it says, and is asked again.
package pool

import (
	"slices"
	"sort"
	"time"

	"pgwire_fdw/handler/internal/dial"
	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/sqlerr"
)

// Pool holds the connections of this backend. Only the backend's thread uses it.
type Pool struct {
	entries map[uint32]*entry // the transaction connections, by user mapping
	list    []*entry          // all of them
	notices session.Notices
	givenUp bool // see GiveUp
}

type entry struct {
	target  dial.Target
	conn    *session.Conn
	dial    *dial.Attempt
	stale   bool      // server or mapping changed: not to be used by a new transaction
	ending  bool      // the end of the local transaction has been sent (or begun)
	binding bool      // ... and the local transaction depends on it
	awaits  bool      // ... and its answer has to be awaited
	since   time.Time // when that was first waited for
	elapsed time.Duration

	reader Reader // who of those that are waited for together has it, or had it last
	group  uint64 // of the reader

	// of a transaction connection
	snapshot session.Export  // of its transaction, where exported
	export   *session.Export // under way
	exports  bool            // it is known that the remote can
	unshared bool            // until the transaction ends nobody is to share its snapshot
	refused  time.Time       // until then no more connections are tried

	beside  bool // is a snapshot connection
	lastUse time.Time
}

// New makes an empty pool.
func New() *Pool { return &Pool{entries: map[uint32]*entry{}} }

// Lookup returns the usable connection of a user mapping, nil when one has to
// be opened first.
func (p *Pool) Lookup(umid uint32) *session.Conn {
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
	if e == nil || e.conn == nil {
		return nil
	}
	return p.authorize(e, superuser)
}

// Open makes or continues the connection of a user mapping. Nil, nil: done.
func (p *Pool) Open(t dial.Target) (*session.Waiting, *sqlerr.Error) {
	if p.Lookup(t.Umid) != nil {
		return nil, p.Authorize(t.Umid, t.Params.Superuser)
	}
	e := p.entries[t.Umid]
	if e == nil {
		e = &entry{target: t}
		p.entries[t.Umid] = e
		p.list = append(p.list, e)
	}
	if e.dial == nil {
		if err := dial.CheckPassword(t.Params); err != nil {
			return nil, err
		}
		params := t.Params
		if t.Pooled == session.PooledTrue {
			params.Settings = nil // each transaction sets them
		}
		d, err := dial.Start(params)
		if err != nil {
			return nil, err
		}
		e.target, e.dial, e.stale = t, d, false
	}
	est, err, ready := e.dial.Result()
	if !ready {
		return &session.Waiting{FD: e.dial.FD(), Timeout: -1, Connect: true}, nil
	}
	e.dial = nil
	if err != nil {
		return nil, err
	}
	e.elapsed = est.Elapsed
	e.conn = session.NewConn(est, t.Params.Server, t.Umid, e.target.Params.Settings, e.target.Pooled, p.notices.Add)
	return nil, nil
}

// ConnectTime is how long the mapping's connection took to open.
func (p *Pool) ConnectTime(umid uint32) time.Duration {
	if e := p.entries[umid]; e != nil {
		return e.elapsed
	}
	return 0
}

// Notify queues a notice of our own.
func (p *Pool) Notify(n session.Notice) { p.notices.Add(n) }

// HasNotices reports whether NextNotice has one.
func (p *Pool) HasNotices() bool { return p.notices.Any() }

// NextNotice takes the oldest notice.
func (p *Pool) NextNotice() (session.Notice, bool) { return p.notices.Next() }

// InTransaction reports whether any remote transaction is open, or about to be.
func (p *Pool) InTransaction() bool {
	for _, e := range p.list {
		if e.conn != nil && (e.conn.Tx.InTransaction() || e.conn.Wrote()) {
			return true
		}
	}
	return false
}

// Invalidate marks connections whose server or user mapping has changed; hash
// 0 means all. They are closed at once when idle, else when their transaction
// ends.
func (p *Pool) Invalidate(mapping bool, hash uint32) {
	for _, e := range slices.Clone(p.list) {
		h := e.target.ServerHash
		if mapping {
			h = e.target.MappingHash
		}
		if hash != 0 && h != hash {
			continue
		}
		e.stale = true
		if e.conn != nil && !e.conn.InUse() {
			p.drop(e)
		}
	}
}

// drop closes an entry's connection and forgets it.
func (p *Pool) drop(e *entry) {
	if e.dial != nil {
		e.dial.Abandon()
		e.dial = nil
	}
	if e.conn != nil {
		e.conn.Close()
	}
	if !e.beside {
		delete(p.entries, e.target.Umid)
	}
	p.list = slices.DeleteFunc(p.list, func(other *entry) bool { return other == e })
}

// CloseIdle closes the connections of a server (0: all) that no transaction
// uses, and counts both kinds.
func (p *Pool) CloseIdle(serverID uint32) (closed, inUse int) {
	for _, e := range slices.Clone(p.list) {
		if serverID != 0 && e.target.ServerID != serverID {
			continue
		}
		if e.conn == nil {
			if e.beside {
				p.drop(e) // nobody has used it yet
			}
			continue
		}
		if e.conn.InUse() {
			inUse++
			continue
		}
		p.drop(e)
		closed++
	}
	return closed, inUse
}

// Pending counts the sockets, which C has to account for (AcquireExternalFD),
// and reports whether any connection has to hear what becomes of the local
// transaction: because it takes part in it, or because it is to be closed with it.
func (p *Pool) Pending() (sockets int, transaction bool) {
	transaction = p.givenUp
	for _, e := range p.list {
		c := e.conn
		if c == nil {
			transaction = transaction || !e.beside
			if e.dial != nil {
				sockets++
			}
			continue
		}
		sockets++
		if e.dial != nil || e.ending || e.awaits || e.stale || !e.target.Keep || c.InUse() || c.Broken() != nil {
			transaction = true
		}
	}
	return sockets, transaction
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
	for _, e := range p.list {
		if e.conn == nil {
			continue
		}
		out = append(out, Listing{ServerID: e.target.ServerID, Server: e.target.Params.Server, UserID: e.target.UserID,
			Valid: !e.stale, InXact: e.conn.InUse(), Closed: e.conn.Broken() != nil || check && e.conn.Gone(), PID: e.conn.Established().PID})
	}
	sort.SliceStable(out, func(i, j int) bool {
		if out[i].Server != out[j].Server {
			return out[i].Server < out[j].Server
		}
		return out[i].UserID < out[j].UserID
	})
	return out
}
