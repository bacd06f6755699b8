package fetch

import (
	"slices"
	"testing"

	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/wire"
)

// TestReopen: a closed scan serves the same statement again, with other
// parameters and limits, and no other statement.
func TestReopen(t *testing.T) {
	noLeak(t)
	e := &engine{}
	r := fakeRig(t, e)
	spec := func(change func(*Spec)) *Spec {
		s := Spec{Umid: umid, Superuser: true, SQL: "gen $1 3", Columns: slices.Clone(genColumns), FetchMemory: 1 << 20}
		change(&s)
		return &s
	}
	s := r.scan("gen $1 3")
	text := func(v string) session.Param { return session.Param{Value: []byte(v)} }
	same(t, "first", r.must(s, text("3")), genRows(3, 3))
	if !s.Close() {
		t.Fatal("a scan that was read to its end cannot be reopened")
	}
	for name, change := range map[string]func(*Spec){
		"statement": func(s *Spec) { s.SQL = "gen $1 4" },
		"mapping":   func(s *Spec) { s.Umid++ },
		"type":      func(s *Spec) { s.Columns[0].TypeOID = 20 },
		"typmod":    func(s *Spec) { s.Columns[0].Typmod = 7 },
		"columns":   func(s *Spec) { s.Columns = s.Columns[:1] },
		"encoding":  func(s *Spec) { s.Options = wire.Options{Encoding: wire.SingleByte} },
	} {
		if s.Reopen(spec(change)) {
			t.Errorf("a scan with another %s was taken for the same", name)
		}
	}
	if !s.Reopen(spec(func(s *Spec) { s.FetchSize, s.MayStop = 2, true })) {
		t.Fatal("the same statement was not recognised")
	}
	if s.Stats != (Stats{}) {
		t.Errorf("it still counts what was before: %+v", s.Stats)
	}
	same(t, "in portions, with a parameter of another type", r.must(s, session.Param{TypeOID: 25, Value: []byte("5")}), genRows(5, 3))
	if s.Stats.Portions == 0 {
		t.Error("the limits are those of the first time")
	}
	s.Close()
}

// TestReopenNot: whoever may still be referred to, or has failed, is not reused.
func TestReopenNot(t *testing.T) {
	noLeak(t)
	r := fakeRig(t, &engine{})
	unread := r.scan("gen 200000 3")
	r.bind(unread)
	if out, err := r.next(unread); out != Rows || err != nil {
		t.Fatal(out, err)
	}
	failed := r.scan("fail 2 22012")
	if _, err := r.run(failed); err == nil {
		t.Fatal("no error")
	}
	for name, s := range map[string]*Scan{"unread": unread, "failed": failed, "unused": r.scan("gen 1 1")} {
		if s.Close() {
			t.Errorf("an %s scan would be reopened", name)
		}
	}
}
