package session

import (
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// TestInterruptedKeepsWhatRan: a command in front of a statement fails, as a
// cancel request may make any. What ran before it is complete, so the savepoint
// that guarded it is not gone back to, and losing it is told.
func TestInterruptedKeepsWhatRan(t *testing.T) {
	released := &pgproto3.CommandComplete{CommandTag: []byte("RELEASE")}
	for n, says := range [][]pgproto3.BackendMessage{{}, {released}} {
		s := &talk{byteStream: byteStream{n: 4096}}
		c, _ := testConn(t, s)
		s.run(t, c, Request{Guard: true}, append(after(begun, begun), ready)...)
		if !c.Tx.Guarded() || !c.Idle() {
			t.Fatal("the statement is not guarded")
		}
		_, r := s.run(t, c, Request{Level: 2, Guard: true}, append(says, nonsense, failed)...)
		if r.err == nil || c.Broken() != nil || !c.Tx.Failed() || c.Tx.Guarded() {
			t.Fatalf("%d: %v, %v, %+v", n, r.err, c.Broken(), c.Tx)
		}
		if end := c.Tx.Commit(true); len(end.Commands) != 1 || end.Commands[0] != "ROLLBACK" || !end.Lost {
			t.Errorf("%d: %+v", n, end)
		}
	}
}
