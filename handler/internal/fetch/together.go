package fetch

import (
	"pgwire_fdw/handler/internal/pool"
	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/sqlerr"
)

// Scans that are waited for together run at the same time: each has a connection
// of its own where the pool has one for it, and else waits for its turn.

// Reading implements pool.Reader.
func (s *Scan) Reading() bool { return s.phase == bound || s.phase == running }

// oneOfSeveral asks the pool for a connection.
func (s *Scan) oneOfSeveral() (*session.Conn, Outcome, *session.Waiting, *sqlerr.Error) {
	s.beside = true
	with := &s.bind.Together
	conn, grant, w, err := s.pool.Stream(pool.Want{
		Umid: s.spec.Umid, Superuser: s.spec.Superuser, Level: s.level, Serializable: s.bind.Serializable,
		Locks: s.spec.LocksRows || s.spec.Writes, Group: with.Group, Several: with.Several, MayOpen: with.MayOpen, Reader: s,
	})
	switch {
	case err != nil:
		s.finish()
		return nil, End, nil, err
	case grant == pool.Missing:
		return nil, Connect, nil, nil
	case grant == pool.Behind:
		return nil, Behind, nil, nil
	case grant == pool.Later:
		return nil, Wait, w, nil
	}
	return conn, Rows, nil, nil
}

// finish ends the execution: no more rows come from a connection.
func (s *Scan) finish() {
	s.phase = finished
	s.release()
}

// release gives back the connection that the scan had by Together.
func (s *Scan) release() {
	if s.beside {
		s.beside = false
		s.pool.Release(s)
	}
}

// readsSnapshot reports whether the statement runs on a snapshot connection, whose
// transaction may be lost with it.
func (s *Scan) readsSnapshot() bool { return s.conn != nil && s.conn.HasSnapshot() }
