package feed

import (
	"pgwire_fdw/handler/internal/dial"
	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/sqlerr"
)

// commander runs replication commands on a connection of its own, which stays open until the local transaction ends: a
// snapshot that CREATE_REPLICATION_SLOT exports lives as long as that, if nothing else is run there.
type commander struct {
	link    *link
	running string // the command, or empty
}

// Command runs a command on the connection for that of a user mapping. The same is to be asked until the answer is no
// Wait: the first row by column names, NULLs left out; nil where there is no row.
func (fs *Feeds) Command(umid uint32, params dial.Params, sql string) (map[string]string, *Wait, *sqlerr.Error) {
	if fs.commanders == nil {
		fs.commanders = map[uint32]*commander{}
	}
	c := fs.commanders[umid]
	if c == nil {
		l, err := newLink()
		if err != nil {
			return nil, nil, err
		}
		c = &commander{link: l}
		fs.commanders[umid] = c
	}
	for {
		if c.running == "" {
			if err := c.link.authorize(params); err != nil {
				return nil, nil, err
			}
			c.link.run(&order{Source: Source{Params: params}}, sql)
			c.running = sql
		}
		if idle, _ := c.link.idle(); !idle {
			return nil, &Wait{FD: c.link.sig.FD(), Timeout: -1, Connect: true}, nil
		}
		asked := c.running
		c.running = ""
		row, err, fatal := c.link.answer()
		if fatal {
			c.link.close()
			delete(fs.commanders, umid)
		}
		if fatal || asked == sql {
			return row, nil, err
		}
		// an earlier caller has given up; its answer is nobody's
	}
}

// LastCommand sends a command as the last one of that connection, and lets it go: the server carries it out although
// nobody awaits the answer. False: nothing is sent where there is no connection, or one that is lost or busy.
func (fs *Feeds) LastCommand(umid uint32, sql string) bool {
	c := fs.commanders[umid]
	if c == nil {
		return false
	}
	delete(fs.commanders, umid)
	sent := c.link.last(sql)
	c.link.close()
	return sent
}

// run has the goroutine run one command. The link is idle.
func (l *link) run(o *order, sql string) {
	l.mu.Lock()
	l.running, l.ended, l.err, l.result = true, false, nil, nil
	l.mu.Unlock()
	invariant.Go("feed", func() { l.finish(l.runCommand(o, sql)) }, func(err error) { l.finish(sqlerr.From(err)) })
}

func (l *link) runCommand(o *order, sql string) *sqlerr.Error {
	if l.est == nil {
		if err := l.connect(o); err != nil {
			return err
		}
	}
	a, err := l.command(sql)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil && a != nil {
		// the server has refused, and the connection is as it was
		l.result = &result{err: err}
		return nil
	}
	if err != nil {
		return o.explain(err)
	}
	l.result = &result{}
	if len(a.rows) > 0 {
		a.rows = a.rows[:1]
		l.result.row, l.result.err = a.one()
	}
	return nil
}

// result is the answer to a command.
type result struct {
	row map[string]string
	err *sqlerr.Error
}

// answer takes it, once the link is idle. fatal: the connection is of no use any more.
func (l *link) answer() (row map[string]string, err *sqlerr.Error, fatal bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil || l.result == nil {
		return nil, l.err, true
	}
	return l.result.row, l.result.err, false
}

// authorize checks the password rule for whoever is about to use a connection that is there.
func (l *link) authorize(params dial.Params) *sqlerr.Error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running || l.est == nil {
		return nil // dial does
	}
	if err := dial.CheckPassword(params); err != nil {
		return err
	}
	return l.est.CheckPassword(params)
}

// last writes a command without waiting, if the link is idle.
func (l *link) last(sql string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running || l.est == nil || l.est.Sock.SetNonblocking(true) != nil {
		return false
	}
	_, err := l.est.Stream.Write(queryMessage(sql))
	return err == nil
}
