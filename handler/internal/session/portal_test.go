package session

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// keeper is a sink that wants all of its rows.
type keeper struct {
	*recorder
	portal string
}

func (k *keeper) Suspended(portal string) bool { k.portal = portal; return true }

func (k *keeper) Keep() bool { return true }

// TestKeepOuterOfOldPortion: what is left of a portion that was asked for long
// ago (a cursor whose user takes his time) is given its moment all the same.
func TestKeepOuterOfOldPortion(t *testing.T) {
	s := &talk{byteStream: byteStream{n: 4096}}
	c, _ := testConn(t, s)
	k := &keeper{recorder: &recorder{t: t}}
	req := &Request{SQL: "SELECT 1", Sink: k, Level: 1, MaxRows: 1}
	if err := c.Execute(req); err != nil {
		t.Fatal(err)
	}
	suspended := &pgproto3.PortalSuspended{}
	s.in = append(s.in, answer(t, begun, description, row, suspended, ready)...)
	if c.Pump(c.Idle); k.portal == "" {
		t.Fatal("no portion has come")
	}
	req.Level, req.MaxRows = 2, 2
	if err := c.Resume(req, k.portal); err != nil {
		t.Fatal(err)
	}
	s.in = append(s.in, answer(t, begun, row)...)
	c.sentAt = time.Now().Add(-time.Hour)
	w := c.KeepOuter(2)
	if w == nil || w.FD < 0 || w.Timeout <= 0 || w.Timeout > keepPatience {
		t.Fatalf("the rest is not waited for: %+v", w)
	}
	s.in = append(s.in, answer(t, row, suspended, ready)...)
	if w = c.KeepOuter(2); w != nil || c.Active() != nil || c.Cancelling() || k.rows != 3 {
		t.Errorf("%+v, %d rows", w, k.rows)
	}
}
