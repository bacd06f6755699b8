package feed

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/fakepg"
	"pgwire_fdw/handler/internal/sqlerr"
)

// A command is answered; its connection stays, and sends the last one without being asked to wait.
func TestCommand(t *testing.T) {
	noLeak(t)
	last := make(chan string, 10)
	r := newRig(t, fakepg.Options{}, oneOfEach)
	r.wal.Answer = func(sql string) ([]string, []string, *pgproto3.ErrorResponse) {
		last <- sql
		if sql == "BAD" {
			return nil, nil, &pgproto3.ErrorResponse{Severity: "ERROR", Code: "42601", Message: "syntax error"}
		}
		return []string{"a", "b"}, []string{"1", "NULL"}, nil
	}
	run := func(sql string) (map[string]string, *sqlerr.Error) {
		for {
			row, w, err := r.feeds.Command(2, r.params, sql)
			if w == nil {
				return row, err
			}
			r.wait(w)
		}
	}
	if row, err := run("GOOD"); err != nil || !maps.Equal(row, map[string]string{"a": "1"}) {
		t.Error(row, err)
	}
	if _, err := run("BAD"); err == nil || err.SQLState != "42601" {
		t.Error(err)
	}
	if _, err := run("GOOD"); err != nil {
		t.Error(err)
	}
	r.feeds.LastCommand(2, "LAST")
	for want := range slices.Values([]string{"GOOD", "BAD", "GOOD", "LAST"}) {
		select {
		case got := <-last:
			if got != want {
				t.Errorf("%s, want %s", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("no %s", want)
		}
	}
	if n := r.server.Accepts(); n != 1 {
		t.Errorf("%d connections", n)
	}
}
