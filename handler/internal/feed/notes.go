package feed

import (
	"encoding/binary"
	"sort"

	"pgwire_fdw/handler/internal/mem"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// notes are what one local transaction has read of a slot. The zero value is ready.
type notes struct {
	horizon uint64 // where all passes of the transaction end; 0: not settled yet
	reads   map[uint32][]note
	rows    int64
	bytes   int64
	ends    mem.Buffer // of the remote transactions seen: commit and end, ascending
}

// note says that a feed table was read up to there, at a nest level of the local transaction.
type note struct {
	level int
	upto  uint64
}

// add notes it.
func (n *notes) add(relid uint32, level int, upto uint64) {
	if n.reads == nil {
		n.reads = map[uint32][]note{}
	}
	list := n.reads[relid]
	for i := range list {
		if list[i].level == level {
			list[i].upto = max(list[i].upto, upto)
			return
		}
	}
	n.reads[relid] = append(list, note{level, upto})
}

// upto is up to where every table was read that was read at all.
func (n *notes) upto() uint64 {
	lowest := uint64(0)
	for _, list := range n.reads {
		highest := uint64(0)
		for _, r := range list {
			highest = max(highest, r.upto)
		}
		if lowest == 0 || highest < lowest {
			lowest = highest
		}
	}
	return lowest
}

func (n *notes) abort(level int) {
	for relid, list := range n.reads {
		kept := list[:0]
		for _, r := range list {
			if r.level < level {
				kept = append(kept, r)
			}
		}
		if n.reads[relid] = kept; len(kept) == 0 {
			delete(n.reads, relid)
		}
	}
}

func (n *notes) commit(level int) {
	for relid, list := range n.reads {
		n.reads[relid] = nil
		for _, r := range list {
			n.add(relid, min(r.level, level-1), r.upto)
		}
	}
}

const pairBytes = 16

// ended notes the end of a remote transaction. Those that a later pass sees again are known.
func (n *notes) ended(m commit) *sqlerr.Error {
	if b := n.ends.Bytes(); len(b) >= pairBytes && binary.NativeEndian.Uint64(b[len(b)-8:]) >= m.end {
		return nil
	}
	var pair [pairBytes]byte
	binary.NativeEndian.PutUint64(pair[:], m.lsn)
	binary.NativeEndian.PutUint64(pair[8:], m.end)
	if err := n.ends.Append(pair[:]); err != nil {
		return sqlerr.New(sqlstate.OutOfMemory, "out of memory for the ends of remote transactions: %w", err)
	}
	return nil
}

// boundary finds the end of the transaction that has this commit or end position; 0: there is none.
func (n *notes) boundary(lsn uint64) uint64 {
	b := n.ends.Bytes()
	end := func(i int) uint64 { return binary.NativeEndian.Uint64(b[i*pairBytes+8:]) }
	count := len(b) / pairBytes
	i := sort.Search(count, func(i int) bool { return end(i) >= lsn })
	if i < count && (end(i) == lsn || binary.NativeEndian.Uint64(b[i*pairBytes:]) == lsn) {
		return end(i)
	}
	return 0
}

// advanced forgets what has become the past: what is read from now on begins behind the position.
func (n *notes) advanced(position uint64) {
	if position >= n.horizon {
		n.horizon = 0
	}
	n.reads, n.rows, n.bytes = nil, 0, 0
}

func (n *notes) free() {
	n.ends.Free()
	*n = notes{}
}
