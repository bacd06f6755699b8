package session

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/dial"
	"pgwire_fdw/handler/internal/sqlstate"
)

// talk is a server that answers what it is given to say, and what it has heard.
type talk struct {
	byteStream
	heard bytes.Buffer
}

func (s *talk) Read(p []byte) (int, error) {
	if len(s.in) == 0 {
		return 0, dial.ErrWouldBlock
	}
	return s.byteStream.Read(p)
}

func (s *talk) Write(p []byte) (int, error) { return s.heard.Write(p) }

// sent are the statements of the Parse and Query messages heard since the last
// call, each with its name in front, if it has one.
func (s *talk) sent(t *testing.T) string {
	t.Helper()
	var out []string
	backend := pgproto3.NewBackend(&s.heard, io.Discard)
	for {
		m, err := backend.Receive()
		if err != nil {
			return strings.Join(out, "; ")
		}
		switch m := m.(type) {
		case *pgproto3.Parse:
			name := ""
			if m.Name != "" {
				name = "named: "
			}
			out = append(out, name+m.Query)
		case *pgproto3.Query:
			out = append(out, m.String)
		case *pgproto3.Close:
			out = append(out, "close")
		}
	}
}

func textRow(values ...string) *pgproto3.DataRow {
	row := &pgproto3.DataRow{}
	for _, v := range values {
		row.Values = append(row.Values, []byte(v))
	}
	return row
}

var (
	one       = &pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")}
	committed = &pgproto3.CommandComplete{CommandTag: []byte("COMMIT")}
	ours      = textRow("0", "UTF8") // the process announced by testConn
	set       = textRow("UTF8")
)

const (
	question = "SELECT pg_catalog.pg_backend_pid(), pg_catalog.current_setting('client_encoding')"
	settings = "SELECT pg_catalog.set_config('client_encoding', 'UTF8', true)"
	start    = "START TRANSACTION ISOLATION LEVEL REPEATABLE READ"
)

// newTalk is a connection of which nothing is known.
func newTalk(t *testing.T, pooled string) (*Conn, *talk, *[]Notice) {
	s := &talk{byteStream: byteStream{n: 4096}}
	c, notices := testConn(t, s)
	c.sharing = sharing{}
	c.sharing.init(pooled)
	return c, s, notices
}

// run executes a statement that is answered by messages, and returns what was
// sent for it.
func (s *talk) run(t *testing.T, c *Conn, req Request, messages ...pgproto3.BackendMessage) (string, *recorder) {
	t.Helper()
	r := &recorder{t: t}
	req.SQL, req.Sink, req.Level = "SELECT 1", r, max(req.Level, 1)
	s.in = append(s.in, answer(t, messages...)...)
	if err := c.Execute(&req); err != nil {
		t.Fatal(err)
	}
	sent := s.sent(t)
	c.Pump(func() bool { return r.done > 0 && c.Idle() })
	return sent, r
}

func (s *talk) commit(t *testing.T, c *Conn, messages ...pgproto3.BackendMessage) {
	t.Helper()
	end := c.Tx.Commit(true)
	s.in = append(s.in, answer(t, append([]pgproto3.BackendMessage{committed}, messages...)...)...)
	c.Control(true, end.Commands...)
	s.sent(t)
	c.Pump(c.Idle)
}

// sound is what a server says to a statement, without what is in front of it.
var sound = []pgproto3.BackendMessage{description, row, selected}

func after(front ...pgproto3.BackendMessage) []pgproto3.BackendMessage {
	return append(front[:len(front):len(front)], sound...)
}

// TestSharing: what a session says of itself decides what the transactions that
// follow bring along, and whether their statements get names.
func TestSharing(t *testing.T) {
	for _, tt := range []struct {
		name, pooled string
		says         *pgproto3.DataRow // nil: it is not asked
		named, sets  bool
	}{
		{"ours", PooledAuto, ours, true, false},
		{"another process", PooledAuto, textRow("4712", "UTF8"), false, true},
		{"no number", PooledAuto, textRow("", "UTF8"), false, true},
		{"another encoding", PooledAuto, textRow("0", "LATIN1"), false, true},
		{"no encoding", PooledAuto, &pgproto3.DataRow{Values: [][]byte{[]byte("0"), nil}}, false, true},
		{"said to be pooled", PooledTrue, nil, false, true},
		{"said not to be, ours", PooledFalse, ours, true, false},
		{"said not to be, another process", PooledFalse, textRow("4712", "UTF8"), true, false},
		{"said not to be, another encoding", PooledFalse, textRow("4712", "LATIN1"), true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, s, notices := newTalk(t, tt.pooled)
			want, says := start+"; "+settings+"; SELECT 1", []pgproto3.BackendMessage{begun, set, one}
			if tt.says != nil {
				want = start + "; " + question + "; " + settings + "; SELECT 1"
				says = []pgproto3.BackendMessage{begun, tt.says, one, set, one}
			}
			if sent, r := s.run(t, c, Request{}, append(after(says...), ready)...); sent != want || r.rows != 1 {
				t.Errorf("first: %s (%d rows)", sent, r.rows)
			}
			s.commit(t, c, idle)
			name := map[bool]string{true: "named: "}[tt.named]
			front, saysNow := start+"; ", []pgproto3.BackendMessage{begun}
			if tt.sets {
				front, saysNow = start+"; "+settings+"; ", append(saysNow, set, one)
			}
			if sent, _ := s.run(t, c, Request{}, append(after(saysNow...), ready)...); sent != front+name+"SELECT 1" {
				t.Errorf("second: %s", sent)
			}
			inside := sound
			if tt.named {
				inside = sound[1:]
			}
			if sent, _ := s.run(t, c, Request{}, append(inside[:len(inside):len(inside)], ready)...); !tt.named && sent != "SELECT 1" || tt.named && sent != "" {
				t.Errorf("in the same transaction: %s", sent)
			}
			s.commit(t, c, idle)
			var parts []string
			saysNow = nil
			if tt.sets {
				parts, saysNow = append(parts, settings), []pgproto3.BackendMessage{set, one}
			}
			if !tt.named {
				parts = append(parts, "SELECT 1")
			}
			if sent, _ := s.run(t, c, Request{Alone: true}, append(append(saysNow, inside...), idle)...); sent != strings.Join(parts, "; ") {
				t.Errorf("alone: %s", sent)
			}
			if c.Broken() != nil {
				t.Errorf("broken: %v", c.Broken())
			}
			pooler := len(*notices) == 1 && (*notices)[0].Level == LevelDebug
			if want := tt.pooled == PooledAuto && !tt.named; pooler != want {
				t.Errorf("notices: %+v", *notices)
			}
		})
	}
}

// TestSharingAlone: the first statement of a connection may be one that is its
// own transaction.
func TestSharingAlone(t *testing.T) {
	c, s, _ := newTalk(t, PooledAuto)
	sent, r := s.run(t, c, Request{Alone: true}, append(after(ours, one, set, one), idle)...)
	if sent != question+"; "+settings+"; SELECT 1" || r.rows != 1 || r.err != nil || !c.sharing.prepares() {
		t.Errorf("%s, %d rows, %v, %+v", sent, r.rows, r.err, c.sharing)
	}
}

// TestSharingBroken: a server that answers the question otherwise than by one
// row is not believed.
func TestSharingBroken(t *testing.T) {
	for name, says := range map[string][]pgproto3.BackendMessage{
		"no row":          {begun, one, set, one},
		"two rows":        {begun, ours, ours, one, set, one},
		"too many values": {begun, textRow("0", "UTF8", "x"), one, set, one},
		"too few":         {begun, textRow("0"), one, set, one},
		"settings unsaid": {begun, ours, one, one},
		"row too early":   {ours, begun, one, set, one},
		"described":       {begun, description, ours, one, set, one},
	} {
		c, s, _ := newTalk(t, PooledAuto)
		_, r := s.run(t, c, Request{}, append(after(says...), ready)...)
		if c.Broken() == nil || c.Broken().SQLState != sqlstate.ProtocolViolation || r.done != 1 || r.rows > 0 {
			t.Errorf("%s: broken %v, done %d times, %d rows", name, c.Broken(), r.done, r.rows)
		}
	}
}

// TestSharingInterrupted: when what is in front of a statement fails, nothing is
// known, and the remote transaction is where the server says.
func TestSharingInterrupted(t *testing.T) {
	for n, says := range [][]pgproto3.BackendMessage{{begun}, {begun, ours, one}, {begun, ours, one, set, one}, {begun, ours, one, set, one, begun}} {
		c, s, _ := newTalk(t, PooledAuto)
		_, r := s.run(t, c, Request{Level: 2, Guard: true}, append(says, nonsense, failed)...)
		if r.err == nil || c.Broken() != nil || !c.Tx.Failed() || c.Tx.Guarded() {
			t.Fatalf("%d: %v, %v, %+v", n, r.err, c.Broken(), c.Tx)
		}
		if depth := map[bool]int{false: 1, true: 2}[n == 3]; c.Tx.Depth() != depth {
			t.Errorf("%d: depth %d, want %d", n, c.Tx.Depth(), depth)
		}
		if known := n > 0; c.sharing.known != known {
			t.Errorf("%d: known %v", n, c.sharing.known)
		}
	}
}

// TestSettingReported: which values a server may report, and when.
func TestSettingReported(t *testing.T) {
	status := func(value string) pgproto3.BackendMessage {
		return &pgproto3.ParameterStatus{Name: "client_encoding", Value: value}
	}
	german := status("LATIN1")
	for name, tt := range map[string]struct {
		says   *pgproto3.DataRow
		first  []pgproto3.BackendMessage // around the answer to the question, in the first transaction
		commit []pgproto3.BackendMessage
		broken bool
	}{
		"a pooler, as 14 and later report":    {textRow("1", "LATIN1"), []pgproto3.BackendMessage{set, one, description, row, selected, status("UTF8"), ready}, []pgproto3.BackendMessage{german, idle}, false},
		"a pooler, as earlier ones do":        {textRow("1", "LATIN1"), []pgproto3.BackendMessage{set, status("UTF8"), one, description, row, selected, ready}, []pgproto3.BackendMessage{german, idle}, false},
		"a pooler's settings come and go":     {textRow("1", "UTF8"), []pgproto3.BackendMessage{german, set, status("utf-8"), one, description, row, selected, ready}, []pgproto3.BackendMessage{german, idle}, false},
		"changed by the statement, at once":   {textRow("1", "LATIN1"), []pgproto3.BackendMessage{set, one, description, german, row, selected, ready}, nil, true},
		"changed by the statement, at an end": {textRow("1", "LATIN1"), []pgproto3.BackendMessage{set, one, description, row, selected, german, ready}, nil, true},
		"ours, changed":                       {ours, []pgproto3.BackendMessage{german, set, one, description, row, selected, ready}, nil, true},
		"ours, changed at the end":            {ours, []pgproto3.BackendMessage{set, one, description, row, selected, ready}, []pgproto3.BackendMessage{german, idle}, true},
	} {
		c, s, _ := newTalk(t, PooledAuto)
		s.run(t, c, Request{}, append([]pgproto3.BackendMessage{begun, tt.says, one}, tt.first...)...)
		if tt.commit != nil && c.Broken() == nil {
			s.commit(t, c, tt.commit...)
		}
		if broken := c.Broken() != nil; broken != tt.broken {
			t.Errorf("%s: %v", name, c.Broken())
		}
	}
}
