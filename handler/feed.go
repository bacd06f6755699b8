package handler

import (
	"encoding/binary"
	"math"
	"strings"
	"time"

	"pgwire_fdw/handler/internal/feed"
	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/option"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// feedTable maps the numbers C knows to feeds, as scanTable does.
type feedTable struct {
	feeds feed.Feeds
	next  uint64
	byID  map[uint64]*feed.Feed
}

// FeedColumn is one column of a feed table that is read; Options are its own.
type FeedColumn struct {
	Column
	Options []byte
}

// FeedArgs describe a feed (pgwire_feed_args of bridge.h). Its texts are views, valid during the call.
type FeedArgs struct {
	ServerID, RelID             uint32
	Columns                     []FeedColumn
	Schema, Table               string // local names
	OfTable                     bool   // some column, read or not, is one of the remote table
	ServerOptions, TableOptions []byte
}

// OpenFeed makes a feed and returns its handle.
func OpenFeed(a FeedArgs) (uint64, *Error) {
	invariant.MaybePanic("feed_open")
	server, err1 := option.SplitPairs(a.ServerOptions)
	table, err2 := option.SplitPairs(a.TableOptions)
	if err1 != nil || err2 != nil {
		return 0, sqlerr.New(sqlstate.InternalError, "the options of a feed table are malformed")
	}
	o := option.ParseFeed(server, table)
	spec := feed.Spec{ServerID: a.ServerID, RelID: a.RelID, Slot: o.Slot, Options: wireOptions(),
		TempDir: backend.settings.TempDir, FetchMemory: o.FetchMemory, MaxBytes: o.MaxBytes,
		Wait: time.Duration(o.Wait) * time.Millisecond}
	for _, c := range a.Columns {
		column, err := feedColumn(c)
		if err != nil {
			return 0, err
		}
		spec.Columns = append(spec.Columns, column)
	}
	if a.OfTable || o.TableName != "" {
		spec.Schema, spec.Table = o.SchemaName, o.TableName
		if spec.Schema == "" {
			spec.Schema = strings.Clone(a.Schema)
		}
		if spec.Table == "" {
			spec.Table = strings.Clone(a.Table)
		}
	}
	t := &backend.feeds
	if t.byID == nil {
		t.byID = map[uint64]*feed.Feed{}
	}
	t.next++
	t.byID[t.next] = t.feeds.Open(spec)
	return t.next, nil
}

// feedColumn reads what a column is about.
func feedColumn(c FeedColumn) (feed.Column, *Error) {
	pairs, err := option.SplitPairs(c.Options)
	if err != nil {
		return feed.Column{}, sqlerr.New(sqlstate.InternalError, "%w", err)
	}
	out := feed.Column{Column: c.Column}
	out.Name = strings.Clone(c.Name)
	kind := option.FeedColumn(pairs)
	if kind == "" {
		out.Remote = option.ColumnName(pairs, out.Name)
		return out, nil
	}
	role, known := feed.RoleOf(kind)
	if !known {
		return out, sqlerr.New(sqlstate.FDWInvalidAttributeValue, "column \"%s\" has an unknown option feed: \"%s\"", out.Name, kind)
	}
	if out.Role = role; role == feed.Old {
		out.Remote = option.ColumnName(pairs, out.Name)
	}
	return out, nil
}

// FeedSource says how a slot is read (pgwire_feed_source of bridge.h).
type FeedSource struct {
	Conn                         ConnArgs
	Slot, Publications, SystemID string
	Position, Confirmed          uint64
}

func feedSource(a FeedSource) (feed.Source, *Error) {
	t, err := connTarget(a.Conn)
	if err != nil {
		return feed.Source{}, err
	}
	t.Params.Replication = true
	return feed.Source{Params: t.Params, ServerID: t.ServerID, Umid: t.Umid, Slot: a.Slot, Publications: a.Publications,
		SystemID: a.SystemID, Position: a.Position, Confirmed: a.Confirmed}, nil
}

// FeedCondition is one that rows are going to be checked by (pgwire_feed_condition of bridge.h).
type FeedCondition = feed.Condition

// feedConditions are what the numbers of a condition's subject mean (PGWIRE_FEED_LSN ... of bridge.h).
var feedConditions = [...]feed.Role{1: feed.LSN, 2: feed.CommitTime, 3: feed.Op, 4: feed.Relation}

// MakeFeedCondition reads one that has crossed; false: it makes no sense.
func MakeFeedCondition(what, compare int, value []byte) (FeedCondition, bool) {
	if what < 1 || what >= len(feedConditions) {
		return FeedCondition{}, false
	}
	c := FeedCondition{What: feedConditions[what], Compare: compare}
	switch {
	case c.What == feed.Relation:
		c.Text = string(value)
	case c.What == feed.Op && len(value) == 1:
		c.Number = int64(int8(value[0]))
	case len(value) == 8:
		c.Number = int64(binary.NativeEndian.Uint64(value))
	default:
		return FeedCondition{}, false
	}
	return c, true
}

// StartFeed makes a feed begin at its first row; NextFeedBatch gives it.
func StartFeed(id uint64, source FeedSource, conditions []FeedCondition) *Error {
	f := backend.feeds.byID[id]
	if f == nil {
		return noFeed(id)
	}
	invariant.MaybePanic("feed_start")
	src, err := feedSource(source)
	if err != nil {
		return err
	}
	f.Start(src, conditions)
	return nil
}

// NextFeedBatch asks for rows at a local nest level (>= 1), and answers StatusOK with a batch, StatusEOF, StatusWait or
// StatusError.
func NextFeedBatch(id uint64, level int) (Batch, Status, Wait, *Error) {
	f := backend.feeds.byID[id]
	if f == nil {
		return Batch{}, StatusError, Wait{}, noFeed(id)
	}
	invariant.MaybePanic("feed_next")
	out, w, err := f.Next(level)
	switch {
	case err != nil:
		return Batch{}, StatusError, Wait{}, err
	case out == feed.Waiting:
		invariant.StayScheduled()
		return Batch{}, StatusWait, feedWait(w), nil
	case out == feed.End:
		return Batch{}, StatusEOF, Wait{}, nil
	}
	arena, formats := f.Batch()
	return Batch{Rows: arena.Base(), NRows: arena.Rows(), ValueFormats: formats}, StatusOK, Wait{}, nil
}

func feedWait(w *feed.Wait) Wait {
	out := Wait{FD: w.FD, Events: 1, TimeoutMS: -1, Reason: 1}
	if w.Connect {
		out.Reason = 0
	}
	if w.Timeout >= 0 {
		out.TimeoutMS = int64(math.Ceil(float64(w.Timeout) / float64(time.Millisecond)))
	}
	return out
}

// CloseFeed frees a feed; an unknown number is no error.
func CloseFeed(id uint64) {
	if f := backend.feeds.byID[id]; f != nil {
		delete(backend.feeds.byID, id)
		f.Close()
	}
}

// FeedStats count what a feed has done.
type FeedStats = feed.Stats

// FeedStatsOf returns a feed's counters.
func FeedStatsOf(id uint64) FeedStats {
	if f := backend.feeds.byID[id]; f != nil {
		return f.Stats()
	}
	return FeedStats{}
}

// follow tells the feeds what becomes of the local transaction.
func (t *feedTable) follow(event, level int) {
	switch event {
	case xactCommit, xactAbort:
		t.feeds.End()
	case subxactCommit:
		t.feeds.SubCommit(level)
	case subxactAbort:
		t.feeds.SubAbort(level)
	}
}

// FeedReading is what the local transaction has read of a slot.
type FeedReading = feed.Reading

// FeedRead tells it.
func FeedRead(serverID uint32, slot string) FeedReading {
	return backend.feeds.feeds.Read(serverID, slot)
}

// FeedBoundary is where the remote transaction ends that has this commit or end position and was read; 0: there is none.
func FeedBoundary(serverID uint32, slot string, lsn uint64) uint64 {
	return backend.feeds.feeds.Boundary(serverID, slot, lsn)
}

// FeedAdvanced notes that a position has been stored.
func FeedAdvanced(serverID uint32, slot string, position uint64) {
	backend.feeds.feeds.Advanced(serverID, slot, position)
}

// FeedCommand runs one replication command (pgwire_go_feed_command of bridge.h) and answers its first row as name NUL
// value NUL.
func FeedCommand(a ConnArgs, sql string) ([]byte, Status, Wait, *Error) {
	invariant.MaybePanic("feed_command")
	t, err := connTarget(a)
	if err != nil {
		return nil, StatusError, Wait{}, err
	}
	t.Params.Replication = true
	row, w, err := backend.feeds.feeds.Command(t.Umid, t.Params, sql)
	switch {
	case err != nil:
		return nil, StatusError, Wait{}, err
	case w != nil:
		return nil, StatusWait, feedWait(w), nil
	}
	var out []byte
	for name, value := range row {
		out = append(append(append(append(out, name...), 0), value...), 0)
	}
	return out, StatusOK, Wait{}, nil
}

// FeedLastCommand sends a command whose answer nobody awaits, as the last of that connection; false: it cannot be sent.
func FeedLastCommand(umid uint32, sql string) bool {
	return backend.feeds.feeds.LastCommand(umid, sql)
}

func noFeed(id uint64) *Error {
	return sqlerr.New(sqlstate.InternalError, "there is no feed number %d", id)
}
