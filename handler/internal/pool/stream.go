package pool

import (
	"slices"
	"strings"
	"time"

	"pgwire_fdw/handler/internal/dial"
	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/sqlerr"
)

// A user mapping has one transaction connection, on which everything can be done,
// and any number of snapshot connections: their transactions see what the first
// one's sees, and are read only. Statements that are waited for together get one
// each, where that is sound and as far as there are any; else they share the
// transaction connection, one after the other.

// Reader is who reads the rows of a statement.
type Reader interface {
	// Reading reports whether it wants rows that have not come yet.
	Reading() bool
}

// Want is a statement that is waited for together with others.
type Want struct {
	Umid         uint32
	Superuser    bool
	Level        int // local nest level
	Serializable bool
	Locks        bool   // locks or writes rows
	Group        uint64 // those that are waited for together have the same, not 0
	Several      bool   // more than one of them is for this user mapping
	MayOpen      bool   // a further descriptor may be had
	Reader       Reader
}

// Grant is the answer to a Want.
type Grant int

const (
	// Granted: the connection is free for the statement.
	Granted Grant = iota
	// Later: poll what Waiting says, then ask again.
	Later
	// Behind: another of the group has to come first, and is waited for anyway.
	Behind
	// Missing: open the user mapping's connection, then ask again.
	Missing
)

// Limits of the snapshot connections of a backend.
const (
	// refusedFor is how long no more are tried after one could not be made.
	refusedFor = 10 * time.Second
	// idleFor is how long one is kept that no transaction has used.
	idleFor = 30 * time.Second
)

// Stream finds a connection for a statement. It does not wait.
func (p *Pool) Stream(w Want) (*session.Conn, Grant, *session.Waiting, *sqlerr.Error) {
	if p.Lookup(w.Umid) == nil {
		return nil, p.missing(w), nil, nil
	}
	if err := p.Authorize(w.Umid, w.Superuser); err != nil {
		return nil, Later, nil, err
	}
	e := p.entries[w.Umid]
	if !e.sharesSnapshot(w) {
		return p.inTurn(e, w)
	}
	if e.snapshot.ID == "" {
		grant, wait, err := p.exportFor(e, w)
		if grant != Granted || err != nil {
			return nil, grant, wait, err
		}
		if e.snapshot.ID == "" { // not now
			return p.inTurn(e, w)
		}
	}
	if !e.taken(w) && e.conn.Active() == nil {
		return p.inTurn(e, w)
	}
	if s, wait, err := p.beside(e, w); s != nil || wait != nil || err != nil {
		if wait != nil || err != nil {
			return nil, Later, wait, err
		}
		return s.conn, Granted, nil, nil
	}
	return p.inTurn(e, w)
}

// missing has one of the group open the transaction connection.
func (p *Pool) missing(w Want) Grant {
	e := p.entries[w.Umid]
	if e == nil {
		e = &entry{target: dial.Target{Umid: w.Umid}}
		p.entries[w.Umid] = e
		p.list = append(p.list, e)
	}
	if e.taken(w) && e.group == w.Group {
		return Behind
	}
	e.reader, e.group = w.Reader, w.Group
	return Missing
}

// Turn reports whether the reader may use the transaction connection, on which a
// part of its rows has come already, before others of its group do.
func (p *Pool) Turn(c *session.Conn, r Reader, group uint64) bool {
	for _, e := range p.list {
		if e.conn != c {
			continue
		}
		if e.taken(Want{Reader: r}) && e.group == group && !c.Quiet() {
			return false
		}
		e.reader, e.group = r, group
	}
	return true
}

// sharesSnapshot reports whether other connections may answer the statement in the
// place of the transaction connection: they see nothing that it has written, what they
// lock or write it does not see, and of a serializable transaction's reads the
// remote has to know.
func (e *entry) sharesSnapshot(w Want) bool {
	tx := &e.conn.Tx
	return w.Several && !w.Serializable && !w.Locks && !e.unshared && !e.stale && e.target.MaxConns > 1 &&
		tx.Clean() && !e.conn.Held() && !tx.Failed() && e.conn.Broken() == nil && oneHost(e.target.Params.Options)
}

// oneHost reports whether all connections go to the same host: servers share no
// snapshots.
func oneHost(options map[string]string) bool {
	return !strings.Contains(options["host"], ",") && !strings.Contains(options["hostaddr"], ",")
}

// taken reports whether another reader has the connection, of whatever group.
func (e *entry) taken(w Want) bool {
	return e.reader != nil && e.reader != w.Reader && e.reader.Reading()
}

// inTurn gives the transaction connection to the reader as soon as nobody of its
// group needs it. Rows of others that are unread are set aside.
func (p *Pool) inTurn(e *entry, w Want) (*session.Conn, Grant, *session.Waiting, *sqlerr.Error) {
	if e.taken(w) && e.group == w.Group && (!e.conn.Quiet() || e.conn.Tx.Failed()) {
		return nil, Behind, nil, nil // if the other's statement has failed, it is for that one to say
	}
	e.reader, e.group = w.Reader, w.Group
	wait, err := e.conn.SetAside()
	switch {
	case err != nil && err.SendAgain && e.conn.Broken() != nil:
		return nil, p.missing(w), nil, nil
	case err != nil:
		return nil, Later, nil, err
	case wait != nil:
		return nil, Later, wait, nil
	}
	return e.conn, Granted, nil, nil
}

// exportFor has the remote transaction's snapshot exported. Granted: that is over.
func (p *Pool) exportFor(e *entry, w Want) (Grant, *session.Waiting, *sqlerr.Error) {
	c := e.conn
	if e.export == nil {
		if !c.Tx.Exportable() || c.Tx.InTransaction() && !e.exports {
			return Granted, nil, nil // what is refused could not be undone
		}
		if _, grant, wait, err := p.inTurn(e, w); grant != Granted || err != nil {
			return grant, wait, err
		}
		x, err := c.ExportSnapshot()
		if err != nil && !x.Ended {
			return Later, nil, err
		}
		e.export = x
	}
	if !e.export.Ended {
		if e.taken(w) && e.group == w.Group {
			return Behind, nil, nil
		}
		e.reader, e.group = w.Reader, w.Group
		if pr := c.Pump(func() bool { return e.export.Ended }); pr == session.Blocked {
			return Later, c.AnyByte(), nil
		}
	}
	return p.exported(e)
}

// exported takes the answer.
func (p *Pool) exported(e *entry) (Grant, *session.Waiting, *sqlerr.Error) {
	x, c := e.export, e.conn
	e.export = nil
	switch {
	case x.Err == nil && x.ID != "":
		e.snapshot, e.exports = *x, true
		return Granted, nil, nil
	case x.Err != nil && x.Err.SendAgain && c.Broken() != nil:
		return Missing, nil, nil
	case c.Broken() != nil:
		return Later, nil, c.Broken()
	}
	e.unshared = true
	if x.Err != nil && !c.Rewind(true) {
		return Later, nil, x.Err
	}
	return Granted, nil, nil
}

// beside finds a snapshot connection for the reader, or makes one. All nil: there
// is none to be had.
func (p *Pool) beside(e *entry, w Want) (*entry, *session.Waiting, *sqlerr.Error) {
	var free, open *entry
	count := 0
	for _, s := range slices.Clone(p.list) {
		if s.target.ServerID != e.target.ServerID {
			continue
		}
		count++
		switch {
		case !s.beside || s.target.Umid != w.Umid || s.taken(w):
		case s.dial != nil:
			if open == nil || s.reader == w.Reader {
				open = s
			}
		case p.ready(s, e) && (free == nil || s.conn.Tx.InTransaction()):
			free = s
		}
	}
	if free == nil && open == nil && w.MayOpen && count < e.target.MaxConns && time.Now().After(e.refused) {
		open = p.dialBeside(e)
	}
	if free == nil && open != nil {
		open.reader, open.group = w.Reader, w.Group
		var wait *session.Waiting
		if free, wait = p.made(open, e); wait != nil {
			return nil, wait, nil
		}
	}
	if free == nil {
		return nil, nil, nil
	}
	free.reader, free.group, free.lastUse = w.Reader, w.Group, time.Now()
	free.conn.ImportSnapshot(e.snapshot.ID, e.snapshot.Instance)
	return free, nil, p.authorize(free, w.Superuser)
}

// ready brings a snapshot connection that nobody reads from to where a statement can
// be sent. False: it is not there yet, or is no more.
func (p *Pool) ready(s, e *entry) bool {
	c := s.conn
	if c.Active() != nil || c.Cancelling() {
		if wait, _ := c.Drain(session.CancelNow); wait != nil {
			return false
		}
	}
	if c.RefusedSnapshot() {
		e.unshared = true
	}
	if c.Broken() == nil && !s.stale && !c.RefusedSnapshot() {
		return !c.Tx.Failed() || c.Rewind(true)
	}
	p.drop(s)
	return false
}

// dialBeside begins to make a snapshot connection. Nil: that is not possible now.
func (p *Pool) dialBeside(e *entry) *entry {
	params := e.target.Params
	if e.target.Pooled == session.PooledTrue {
		params.Settings = nil // each transaction sets them
	}
	d, err := dial.Start(params)
	if err != nil {
		p.refuse(e, err)
		return nil
	}
	s := &entry{target: e.target, beside: true, dial: d}
	p.list = append(p.list, s)
	return s
}

// made looks whether a snapshot connection is up. Nil, nil: it could not be made,
// so there will be fewer.
func (p *Pool) made(s, e *entry) (*entry, *session.Waiting) {
	est, err, done := s.dial.Result()
	if !done {
		return nil, &session.Waiting{FD: s.dial.FD(), Timeout: -1, Connect: true}
	}
	s.dial = nil
	if err != nil {
		p.drop(s)
		p.refuse(e, err)
		return nil, nil
	}
	s.elapsed = est.Elapsed
	s.conn = session.NewConn(est, s.target.Params.Server, s.target.Umid, s.target.Params.Settings, s.target.Pooled, p.notices.Add)
	if s.stale {
		p.drop(s)
		return nil, nil
	}
	return s, nil
}

// refuse notes that no more connections can be made for a while. Nothing fails
// for it: who wanted one waits for those that there are.
func (p *Pool) refuse(e *entry, err *sqlerr.Error) {
	e.refused = time.Now().Add(refusedFor)
	p.tell(session.LevelDebug, err, "could not make a further connection to server \"%s\"", e.target.Params.Server)
}

// Release tells that a reader needs its connections no more.
func (p *Pool) Release(r Reader) {
	for _, e := range p.list {
		if e.reader != r {
			continue
		}
		e.reader, e.group = nil, 0
		if e.beside && e.conn != nil {
			e.conn.Interrupt() // nobody else would
		}
	}
}

// endBeside forgets what belonged to a transaction's snapshot; true: the connection
// has not been used for long.
func (e *entry) endBeside() (idle bool) {
	e.snapshot, e.export, e.unshared, e.reader, e.group = session.Export{}, nil, false, nil, 0
	if !e.beside || e.conn == nil {
		return false
	}
	e.conn.ImportSnapshot("", "")
	return time.Since(e.lastUse) > idleFor
}

// lazy reports whether the answer to a COMMIT that matters to nobody is not awaited.
// Nothing depends on a snapshot connection's.
func (e *entry) lazy() bool { return e.beside || e.target.LazyCommit }

func (p *Pool) authorize(e *entry, superuser bool) *sqlerr.Error {
	if superuser {
		return nil
	}
	params := e.target.Params
	params.Superuser = false
	if err := dial.CheckPassword(params); err != nil {
		return err
	}
	return e.conn.Established().CheckPassword(params)
}
