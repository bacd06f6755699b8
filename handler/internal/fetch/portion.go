package fetch

import (
	"math"

	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/sqlerr"
)

// A scan that may be left before its end, and one that locks its rows, is read
// in portions: the remote stops after so many rows and goes on when asked to.
// Nobody has to cancel it then, and between two portions the connection is free
// for other statements.

// firstPortion is how many rows to ask for at first; 0: all of them.
func (s *Spec) firstPortion() int {
	n := max(s.FetchSize, 1)
	switch {
	case s.Writes:
		return 0
	case s.LocksRows: // each row sent is a row locked
	case !s.MayStop && (s.Bound == 0 || s.Bound > math.MaxInt32):
		return 0 // what runs without a transaction cannot go on after a portion
	case !s.MayStop:
		return int(s.Bound)
	}
	if s.Bound > 0 {
		n = min(n, clampRows(s.Bound))
	}
	return n
}

// nextPortion is how many to ask for after a portion of n. Who has read so much
// is likely to read on: twice as many, but no more bytes than may be set
// aside in memory.
func (s *Spec) nextPortion(n int, r *result) int {
	first := max(s.FetchSize, 1)
	if s.LocksRows {
		return first
	}
	width := r.bytes/max(r.rows, 1) + 1
	n = clampRows(min(2*int64(n), s.FetchMemory/width))
	if left := s.Bound - r.rows; left > 0 {
		n = min(n, clampRows(left))
	}
	return max(n, first)
}

// clampRows brings a number of rows to what Execute can say.
func clampRows(n int64) int { return int(min(max(n, 1), math.MaxInt32)) }

// resume asks for the next portion once the connection is free. Rows means: sent.
func (s *Scan) resume() (Outcome, *session.Waiting, *sqlerr.Error) {
	r := s.cur
	if s.together && !s.pool.Turn(s.conn, s, s.bind.Together.Group) {
		return Behind, nil, nil
	}
	w, err := s.conn.SetAside()
	if err == nil && w != nil {
		return Wait, w, nil
	}
	if err == nil {
		portal := r.portal
		r.portal = ""
		s.portion = s.spec.nextPortion(s.portion, r)
		s.Stats.RoundTrips++
		req := s.request(r)
		err = s.conn.Resume(req, portal)
		req.Sink = nil
	}
	if err != nil {
		s.finish()
		return End, nil, err
	}
	return Rows, nil, nil
}

// Suspended implements session.Sink.
func (r *result) Suspended(portal string) bool {
	if r.mode == discard {
		return false
	}
	if r.portal = portal; portal == "" {
		r.done, r.cut = true, true
	}
	return true
}
