package fetch

import (
	"pgwire_fdw/handler/internal/mem"
	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// params are a scan's own copies of the values it was bound with: it may have
// to send them again. A value may take 1 GB.
type params struct {
	list   []session.Param
	values mem.Buffer
}

// set copies the parameters over those of the last time.
func (p *params) set(from []session.Param) *sqlerr.Error {
	p.free()
	total := 0
	for i := range from {
		total += len(from[i].Value)
	}
	room, err := p.values.Room(total)
	if err != nil {
		return sqlerr.New(sqlstate.OutOfMemory, "out of memory for the parameters of a remote statement: %w", err)
	}
	at := 0
	for _, f := range from {
		switch {
		case f.Value == nil: // NULL
		case len(f.Value) == 0: // which no room, where that is all there is, would turn to NULL
			f.Value = []byte{}
		default:
			n := copy(room[at:], f.Value)
			f.Value = room[at : at+n : at+n]
			at += n
		}
		p.list = append(p.list, f)
	}
	return nil
}

// free forgets the values; memory for a few small ones is kept.
func (p *params) free() {
	clear(p.list)
	p.list = p.list[:0]
	p.values.Reset(keepParams)
}

// keepParams is how much memory stays from one execution to the next.
const keepParams = 64 << 10
