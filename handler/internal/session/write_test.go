package session

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
	"pgwire_fdw/handler/internal/wire"
)

// receiver is the sink of a modification.
type receiver struct {
	t    *testing.T
	rows int
	tags []string
	done int
	err  *sqlerr.Error
}

func (r *receiver) Fields([]wire.RemoteColumn) *sqlerr.Error { return nil }
func (r *receiver) Row([]byte) (bool, *sqlerr.Error)         { r.rows++; return true, nil }
func (r *receiver) Suspended(string) bool                    { return false }
func (r *receiver) Keep() bool                               { return true }
func (r *receiver) Discard()                                 {}

func (r *receiver) Completed(tag []byte) *sqlerr.Error {
	r.tags = append(r.tags, string(tag))
	return nil
}

func (r *receiver) Done(err *sqlerr.Error) {
	if r.done++; r.done > 1 {
		r.t.Error("done twice")
	}
	r.err = err
}

var (
	inserted = &pgproto3.CommandComplete{CommandTag: []byte("INSERT 0 1")}
	copyIn   = &pgproto3.CopyInResponse{OverallFormat: 1, ColumnFormatCodes: []uint16{1}}
	copied   = &pgproto3.CommandComplete{CommandTag: []byte("COPY 2")}
	value    = []byte{0, 0, 0, 1, 'a'}
)

// strange are messages of a server, one of each kind.
var strange = map[string]pgproto3.BackendMessage{
	"EmptyQueryResponse": &pgproto3.EmptyQueryResponse{}, "NoData": &pgproto3.NoData{}, "PortalSuspended": &pgproto3.PortalSuspended{},
	"RowDescription": description, "DataRow": row, "CommandComplete": inserted, "ReadyForQuery": ready,
	"CopyInResponse": copyIn, "CopyOutResponse": &pgproto3.CopyOutResponse{}, "CopyDone": &pgproto3.CopyDone{}, "AuthenticationOk": &pgproto3.AuthenticationOk{},
}

func insertPart(sink Sink, sql string, rows int) Part {
	p := Part{SQL: sql, Types: []uint32{25}, ParamFormats: []int16{0}, PerBind: 1, Sink: sink}
	for range rows {
		p.Rows = append(p.Rows, value)
	}
	return p
}

// strangeAnswers puts each strange message behind each beginning of a sound
// answer: it breaks the connection unless it is allowed there, and the sink hears
// it once.
func strangeAnswers(t *testing.T, sound []pgproto3.BackendMessage, allowed []string, send func(c *Conn, r *receiver)) {
	t.Helper()
	for at := range sound {
		for name, m := range strange {
			c, _ := testConn(t, &byteStream{in: answer(t, append(sound[:at:at], m)...), n: 4096})
			r := &receiver{t: t}
			send(c, r)
			c.Pump(func() bool { return false })
			broke := c.Broken() != nil && c.Broken().SQLState == sqlstate.ProtocolViolation
			if sane := strings.Contains(" "+allowed[at]+" ", " "+name+" "); broke == sane {
				t.Errorf("%s after %d messages: broken %v", name, at, c.Broken())
			}
			if broke && r.done != 1 {
				t.Errorf("%s after %d messages: done %d times", name, at, r.done)
			}
		}
	}
}

func TestWritePhases(t *testing.T) {
	strangeAnswers(t, []pgproto3.BackendMessage{begun, inserted, inserted, ready},
		[]string{"CommandComplete", "CommandComplete DataRow EmptyQueryResponse", "CommandComplete DataRow EmptyQueryResponse", "ReadyForQuery"},
		func(c *Conn, r *receiver) {
			if err := c.Write(&Request{SQL: "insert", Level: 1}, []Part{insertPart(r, "insert", 2)}); err != nil {
				t.Fatal(err)
			}
		})
}

func TestCopyPhases(t *testing.T) {
	start := func(c *Conn, r *receiver) {
		if err := c.StartCopy(&Request{SQL: "copy", Level: 1, Sink: r, Columns: 1}); err != nil {
			t.Fatal(err)
		}
	}
	strangeAnswers(t, []pgproto3.BackendMessage{begun, copyIn}, []string{"CommandComplete", "CopyInResponse"}, start)
	// before its end
	c, _ := testConn(t, &byteStream{in: answer(t, begun, copyIn, copied), n: 4096})
	r := &receiver{t: t}
	start(c, r)
	if c.Pump(func() bool { return false }); c.Broken() == nil || c.Broken().SQLState != sqlstate.ProtocolViolation || r.done != 1 {
		t.Errorf("completed before its end: %v, done %d times", c.Broken(), r.done)
	}
	// in text, a column in text, another number of columns
	for _, odd := range []*pgproto3.CopyInResponse{
		{ColumnFormatCodes: []uint16{1}},
		{OverallFormat: 1, ColumnFormatCodes: []uint16{0}},
		{OverallFormat: 1, ColumnFormatCodes: []uint16{1, 1}},
	} {
		c, _ = testConn(t, &byteStream{in: answer(t, begun, odd), n: 4096})
		r = &receiver{t: t}
		start(c, r)
		if c.Pump(func() bool { return false }); c.Broken() == nil || c.Broken().SQLState != sqlstate.ProtocolViolation {
			t.Errorf("%+v: %v", odd, c.Broken())
		}
	}
}

// TestCopySync: the Sync of a COPY goes out at its end, or when it has failed;
// nothing else can be sent before.
func TestCopySync(t *testing.T) {
	for _, fails := range []bool{false, true} {
		s := &talk{byteStream: byteStream{n: 4096}}
		c, _ := testConn(t, s)
		r := &receiver{t: t}
		s.in = append(s.in, answer(t, begun, copyIn)...)
		if err := c.StartCopy(&Request{SQL: "copy", Level: 1, Sink: r, Columns: 1}); err != nil {
			t.Fatal(err)
		}
		if c.Pump(c.CopyStarted); !c.CopyStarted() || s.synced(t) > 0 {
			t.Fatal("not started, or synced")
		}
		if err := c.Execute(&Request{SQL: "SELECT 1", Sink: &recorder{t: t}, Level: 1}); err == nil || c.Broken() != nil {
			t.Fatalf("a statement was sent in the middle: %v", err)
		}
		if err := c.CopyData(make([]byte, 200_000)); err != nil {
			t.Fatal(err)
		}
		if fails {
			s.in = append(s.in, answer(t, nonsense)...)
			c.Pump(func() bool { return false })
			if s.synced(t) != 1 {
				t.Error("a COPY that has failed is not synced")
			}
			s.in = append(s.in, answer(t, failed)...)
		} else {
			c.EndCopy()
			if s.synced(t) != 1 {
				t.Error("a COPY that has ended is not synced")
			}
			s.in = append(s.in, answer(t, copied, ready)...)
		}
		c.Pump(c.Idle)
		if c.Broken() != nil || !c.Idle() || r.done != 1 || (r.err != nil) != fails || c.Tx.Failed() != fails {
			t.Errorf("broken %v, done %d times, %v, %+v", c.Broken(), r.done, r.err, c.Tx)
		}
	}
}

// synced counts the Syncs heard since the last call.
func (s *talk) synced(t *testing.T) int {
	t.Helper()
	n := 0
	backend := pgproto3.NewBackend(&s.heard, nil)
	for {
		m, err := backend.Receive()
		if err != nil {
			return n
		}
		if _, ok := m.(*pgproto3.Sync); ok {
			n++
		}
	}
}

// TestPartsOfOneExchange: each statement has its own receiver; what comes behind
// one that fails has failed, too.
func TestPartsOfOneExchange(t *testing.T) {
	c, _ := testConn(t, &byteStream{in: answer(t, begun, inserted, inserted, inserted, nonsense, failed), n: 4096})
	sinks := []*receiver{{t: t}, {t: t}, {t: t}}
	parts := []Part{insertPart(sinks[0], "first", 2), insertPart(sinks[1], "second", 3), insertPart(sinks[2], "third", 1)}
	if err := c.Write(&Request{SQL: "first", Level: 1}, parts); err != nil {
		t.Fatal(err)
	}
	c.Pump(c.Idle)
	for i, want := range []struct {
		tags   int
		failed bool
	}{{2, false}, {1, true}, {0, true}} {
		if r := sinks[i]; len(r.tags) != want.tags || r.done != 1 || (r.err != nil) != want.failed {
			t.Errorf("%d: tags %v, done %d times, %v", i, r.tags, r.done, r.err)
		}
	}
	if !c.Tx.Failed() || c.Failure().SQLState != "22012" || c.Failure().SendAgain {
		t.Errorf("%+v, %v", c.Tx, c.Failure())
	}
}

// TestNotBehindRows: a modification does not go behind a statement whose rows may
// have to wait, even if that one writes, too.
func TestNotBehindRows(t *testing.T) {
	s := &talk{byteStream: byteStream{n: 4096}}
	c, _ := testConn(t, s)
	s.in = append(s.in, answer(t, begun, description, row)...)
	if err := c.Execute(&Request{SQL: "UPDATE ... RETURNING", Level: 1, LocksRows: true, Writes: true, Sink: &recorder{t: t}}); err != nil {
		t.Fatal(err)
	}
	if c.Pump(func() bool { return false }); c.Pipelines() || c.OnlyWriters(1) {
		t.Error("a writer may go behind it")
	}
}

// TestPipelines: a modification goes behind another only once what begins the
// transaction has been confirmed, and what fails first is the reason.
func TestPipelines(t *testing.T) {
	aborted := &pgproto3.ErrorResponse{Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: "25P02", Message: "aborted"}
	s := &talk{byteStream: byteStream{n: 4096}}
	c, _ := testConn(t, s)
	one, two := &receiver{t: t}, &receiver{t: t}
	if err := c.Write(&Request{SQL: "first", Level: 1}, []Part{insertPart(one, "first", 2)}); err != nil {
		t.Fatal(err)
	}
	if c.Pipelines() {
		t.Error("before START TRANSACTION is confirmed")
	}
	if err := c.Write(&Request{SQL: "second", Level: 1}, []Part{insertPart(two, "second", 1)}); err == nil || c.Broken() != nil {
		t.Fatal("sent")
	}
	s.in = append(s.in, answer(t, begun, inserted)...)
	if c.Pump(func() bool { return len(one.tags) > 0 }); !c.Pipelines() {
		t.Fatal("not behind a statement that is running")
	}
	if err := c.Write(&Request{SQL: "second", Level: 1}, []Part{insertPart(two, "second", 1)}); err != nil {
		t.Fatal(err)
	}
	s.in = append(s.in, answer(t, nonsense, failed, aborted, failed)...)
	c.Pump(c.Idle)
	if one.err == nil || two.err == nil || c.Failure().SQLState != "22012" || !c.Tx.Failed() {
		t.Errorf("%v, %v, %v", one.err, two.err, c.Failure())
	}
}
