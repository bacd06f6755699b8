package session

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/sqlstate"
)

// The messages of a sound answer, and what has no place in one.
var (
	begun       = &pgproto3.CommandComplete{CommandTag: []byte("START TRANSACTION")}
	description = &pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{{Name: []byte("a"), DataTypeOID: 23, DataTypeSize: 4, TypeModifier: -1, Format: 1}}}
	row         = &pgproto3.DataRow{Values: [][]byte{{0, 0, 0, 1}}}
	selected    = &pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")}
	ready       = &pgproto3.ReadyForQuery{TxStatus: 'T'}
	idle        = &pgproto3.ReadyForQuery{TxStatus: 'I'}
	failed      = &pgproto3.ReadyForQuery{TxStatus: 'E'}
	nonsense    = &pgproto3.ErrorResponse{Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: "22012", Message: "division by zero"}
)

func answer(t *testing.T, messages ...pgproto3.BackendMessage) []byte {
	t.Helper()
	var b []byte
	var err error
	for _, m := range messages {
		if b, err = m.Encode(b); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// TestPhases: after each beginning of a sound answer, each message that has no
// place there breaks the connection, and the sink hears it once.
func TestPhases(t *testing.T) {
	sound := []pgproto3.BackendMessage{begun, description, row, selected, ready}
	strange := map[string]pgproto3.BackendMessage{
		"EmptyQueryResponse": &pgproto3.EmptyQueryResponse{}, "NoData": &pgproto3.NoData{}, "PortalSuspended": &pgproto3.PortalSuspended{},
		"RowDescription": description, "DataRow": row, "CommandComplete": selected, "ReadyForQuery": ready,
		"CopyInResponse": &pgproto3.CopyInResponse{}, "CopyDone": &pgproto3.CopyDone{}, "AuthenticationOk": &pgproto3.AuthenticationOk{},
	}
	// what may come next: the sound message, and one more row
	allowed := []string{"CommandComplete", "RowDescription", "DataRow", "CommandComplete DataRow", "ReadyForQuery"}
	for at := range sound {
		for name, m := range strange {
			sane := false
			for _, a := range strings.Fields(allowed[at]) {
				sane = sane || a == name
			}
			if at == 2 && name == "CommandComplete" {
				sane = false // SELECT 1 after no row
			}
			c, _ := testConn(t, &byteStream{in: answer(t, append(sound[:at:at], m)...), n: 4096})
			r := &recorder{t: t}
			if err := c.Execute(&Request{SQL: "SELECT 1", Sink: r, Level: 1}); err != nil {
				t.Fatal(err)
			}
			c.Pump(func() bool { return false })
			broke := c.Broken() != nil && c.Broken().SQLState == sqlstate.ProtocolViolation
			if broke == sane {
				t.Errorf("%s after %d messages: broken %v", name, at, c.Broken())
			}
			if broke && r.done != 1 {
				t.Errorf("%s after %d messages: done %d times", name, at, r.done)
			}
		}
	}
}

// TestLateError: a statement that is its own transaction has failed in the
// commit that Sync is, when its rows had been read.
func TestLateError(t *testing.T) {
	t.Run("told at once", func(t *testing.T) { lateError(t, false) })
	t.Run("told with the next statement's answer", func(t *testing.T) { lateError(t, true) })
}

func lateError(t *testing.T, follow bool) {
	c, notices := testConn(t, &byteStream{in: answer(t, description, row, selected, nonsense, idle), n: 4096})
	r := &recorder{t: t}
	if err := c.Execute(&Request{SQL: "SELECT 1", Sink: r, Level: 1, Alone: true}); err != nil {
		t.Fatal(err)
	}
	if follow {
		c.Pump(func() bool { return r.done > 0 })
		if err := c.Execute(&Request{SQL: "SELECT 2", Sink: &recorder{t: t}, Level: 1}); err != nil {
			t.Fatal(err)
		}
	}
	c.Pump(func() bool { return c.Idle() || len(*notices) > 0 })
	if r.done != 1 || r.err != nil || c.Broken() != nil {
		t.Errorf("done %d times, %v, %v", r.done, r.err, c.Broken())
	}
	if len(*notices) != 1 || (*notices)[0].Level != LevelWarning || !strings.Contains((*notices)[0].Err.Detail, "division by zero") {
		t.Errorf("%+v", *notices)
	}
}

// TestRefused: nothing but ReadyForQuery may follow an error.
func TestRefused(t *testing.T) {
	for i, m := range []pgproto3.BackendMessage{row, description, selected, nonsense} {
		c, _ := testConn(t, &byteStream{in: answer(t, begun, nonsense, m), n: 4096})
		r := &recorder{t: t}
		if err := c.Execute(&Request{SQL: "SELECT 1", Sink: r, Level: 1}); err != nil {
			t.Fatal(err)
		}
		if c.Pump(c.Idle); c.Broken() == nil || r.done != 1 {
			t.Errorf("message %d: broken %v, done %d times", i, c.Broken(), r.done)
		}
	}
	c, _ := testConn(t, &byteStream{in: answer(t, begun, nonsense, failed), n: 4096})
	r := &recorder{t: t}
	if err := c.Execute(&Request{SQL: "SELECT 1", Sink: r, Level: 1}); err != nil {
		t.Fatal(err)
	}
	if c.Pump(c.Idle); c.Broken() != nil || r.err == nil || r.err.SendAgain || !c.Tx.Failed() {
		t.Errorf("broken %v, told %v, transaction %+v", c.Broken(), r.err, c.Tx)
	}
}

// TestStates: a connection goes through its states one way.
func TestStates(t *testing.T) {
	c, _ := testConn(t, nil)
	for _, step := range []struct {
		to state
		ok bool
	}{{usable, false}, {closed, false}, {working, true}, {working, false}, {usable, true}, {broken, true}, {broken, false},
		{working, false}, {usable, false}} {
		if got := c.to(step.to); got != step.ok {
			t.Errorf("to %d: %v", step.to, got)
		}
	}
	c.Close()
	if c.state != closed {
		t.Errorf("state %d after Close", c.state)
	}
}
