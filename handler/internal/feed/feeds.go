// Package feed reads the changes of a remote's tables from a logical replication slot: over a replication connection that
// a goroutine keeps alive (link), in passes over the slot from the position that is stored to the end of the remote's WAL
// (pass), each of which serves all feeds that are open on the slot; a feed is what one scan of a feed table reads. Nothing
// here moves a position: what was read is noted (notes), and whoever stores it asks.
//
// All but the goroutine of a link runs on the backend's thread, and never waits.
package feed

import (
	"slices"
	"time"

	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/wire"
)

// Spec is what a feed is made of; it does not change while the feed lives.
type Spec struct {
	ServerID uint32
	RelID    uint32 // of the foreign table: what is read is noted by it
	Slot     string
	// Schema and Table name the remote table; both empty: changes of all tables are read.
	Schema, Table string
	Columns       []Column
	Options       wire.Options
	TempDir       string
	FetchMemory   int64         // bytes of rows set aside that are kept in memory
	MaxBytes      int64         // of messages, from which a pass ends behind the next transaction; 0: no such limit
	Wait          time.Duration // for a first change, where there is none
}

// all reports whether the feed is of all tables.
func (s *Spec) all() bool { return s.Table == "" }

// Wait is what to poll for before asking again.
type Wait struct {
	FD      int           // -1: nothing
	Timeout time.Duration // < 0: none
	Connect bool          // a connection is being made
}

// Outcome is what Next has come to.
type Outcome int

const (
	// Rows: Batch holds at least one row.
	Rows Outcome = iota
	// End: there are no more rows.
	End
	// Waiting: poll what Wait says, then ask again.
	Waiting
)

// Stats counts what a feed has done.
type Stats struct {
	Rows, Changes, Transactions, Bytes, Passes int64
	Spooled, SpoolFile                         int64
	LSN                                        uint64
	Text                                       bool
}

type slotKey struct {
	serverID uint32
	slot     string
}

// Feeds are the slots that this backend reads. The zero value is ready.
type Feeds struct {
	slots      map[slotKey]*slot
	commanders map[uint32]*commander // by user mapping
}

// slot is one of them, from the first feed of it on until the local transaction ends.
type slot struct {
	key   slotKey
	umid  uint32 // whose connection link is
	link  *link  // nil: none yet
	pass  *pass  // the latest
	feeds []*Feed
	notes notes
}

// Open makes a feed. Nothing is sent.
func (fs *Feeds) Open(spec Spec) *Feed {
	key := slotKey{spec.ServerID, spec.Slot}
	if fs.slots == nil {
		fs.slots = map[slotKey]*slot{}
	}
	s := fs.slots[key]
	if s == nil {
		s = &slot{key: key}
		fs.slots[key] = s
	}
	f := &Feed{spec: spec, slot: s, feeds: fs}
	s.feeds = append(s.feeds, f)
	invariant.Track("feed", 1)
	return f
}

// Pending reports the sockets that are held or being opened, and whether the end of the local transaction or of a
// sub-transaction has to be told.
func (fs *Feeds) Pending() (sockets int, transaction bool) {
	for _, s := range fs.slots {
		if s.link != nil {
			sockets += s.link.sockets()
		}
		transaction = true
	}
	for _, c := range fs.commanders {
		sockets += c.link.sockets()
		transaction = true
	}
	return sockets, transaction
}

// End is the end of the local transaction.
func (fs *Feeds) End() {
	for key, s := range fs.slots {
		s.end()
		if len(s.feeds) == 0 { // those of a held cursor have been read to their end
			delete(fs.slots, key)
		}
	}
	for umid, c := range fs.commanders {
		c.link.close()
		delete(fs.commanders, umid)
	}
}

func (s *slot) end() {
	if s.pass != nil {
		s.pass.abandon()
		s.pass = nil
	}
	if s.link != nil {
		s.link.close()
		s.link = nil
	}
	for _, f := range s.feeds {
		f.lose()
	}
	s.notes.free()
}

// SubAbort undoes what was noted at this nest level and deeper.
func (fs *Feeds) SubAbort(level int) {
	for _, s := range fs.slots {
		s.notes.abort(level)
		for _, f := range s.feeds {
			if f.deepest >= level {
				f.tainted = true
			}
		}
	}
}

// SubCommit makes what was noted at this nest level the parent's.
func (fs *Feeds) SubCommit(level int) {
	for _, s := range fs.slots {
		s.notes.commit(level)
		for _, f := range s.feeds {
			f.deepest = min(f.deepest, level-1)
		}
	}
}

// Reading is what the local transaction has read of a slot.
type Reading struct {
	UpTo        uint64
	Rows, Bytes int64
}

// Read tells it; UpTo 0: nothing.
func (fs *Feeds) Read(serverID uint32, name string) Reading {
	s := fs.slots[slotKey{serverID, name}]
	if s == nil {
		return Reading{}
	}
	return Reading{s.notes.upto(), s.notes.rows, s.notes.bytes}
}

// Boundary is where the remote transaction ends that has this commit or end position and was read here; 0: there is none.
func (fs *Feeds) Boundary(serverID uint32, name string, lsn uint64) uint64 {
	s := fs.slots[slotKey{serverID, name}]
	if s == nil {
		return 0
	}
	end := s.notes.boundary(lsn)
	if end > s.notes.upto() {
		return 0
	}
	return end
}

// Advanced notes that a position has been stored.
func (fs *Feeds) Advanced(serverID uint32, name string, position uint64) {
	if s := fs.slots[slotKey{serverID, name}]; s != nil {
		s.notes.advanced(position)
	}
}

// remove forgets a feed.
func (s *slot) remove(f *Feed) {
	if i := slices.Index(s.feeds, f); i >= 0 {
		s.feeds = slices.Delete(s.feeds, i, i+1)
		invariant.Track("feed", -1)
	}
	if len(s.feeds) == 0 && s.link == nil && s.notes.horizon == 0 {
		delete(f.feeds.slots, s.key) // no scan of it has begun
	}
}

// failure is the error of a pass, for one of its feeds: each gets its own copy.
func failure(e *sqlerr.Error) *sqlerr.Error {
	own := *e
	return &own
}
