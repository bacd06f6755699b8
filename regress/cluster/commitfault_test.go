package cluster

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgwire_fdw/regress/cluster/pgtest"
)

// writesSeen are what becomes of the writes of a transaction.
type writesSeen struct{ kept, undone []string }

// TestCommitsAndFaults: what a function of a remote view writes is there when
// COMMIT says so (lazy_commit off), and what was rolled back is not, wherever the
// connection is cut or silent, or the statement cancelled.
func TestCommitsAndFaults(t *testing.T) {
	r := newRig(t)
	r.remote.Exec(t, `CREATE TABLE notes (id int)`, `CREATE SEQUENCE ids`,
		`CREATE FUNCTION note() RETURNS int LANGUAGE sql VOLATILE AS 'INSERT INTO public.notes SELECT nextval(''public.ids'') RETURNING id'`,
		`CREATE VIEW noting AS SELECT public.note() AS id`)
	proxy := pgtest.NewProxy(t, r.remote)
	r.via(t, proxy.Port)
	r.local.Exec(t, `CREATE FOREIGN TABLE noting (id int) SERVER remote`, `ALTER SERVER remote OPTIONS (ADD lazy_commit 'false')`)
	s, there := open(t, r.local), open(t, r.remote)
	rng := rand.New(rand.NewPCG(uint64(envInt("PGWIRE_DIFF_SEED", 1)), 9))
	p := &plans{session: s, count: map[string]int{}, g: &relations{Rand: rng},
		faults: &faults{Rand: rng, proxy: proxy, watch: open(t, r.local)}}
	s.must("SET statement_timeout = '5s'; SET client_min_messages = error")
	limit := time.Duration(envInt("PGWIRE_DIFF_SECONDS", 10)) * time.Second
	for begun := time.Now(); time.Since(begun) < limit && !t.Failed(); {
		p.log = nil
		w, ok := p.writes()
		end := "ROLLBACK"
		if ok && rng.IntN(5) > 0 {
			end = "COMMIT"
		}
		p.faults.next(p)
		committed := s.try(end) == nil && end == "COMMIT" && ok
		p.faults.calm()
		if s.conn.PgConn().TxStatus() != 'I' {
			s.must("ROLLBACK")
		}
		p.count[fmt.Sprintf("%s %v", end, committed)]++
		for _, id := range w.kept {
			switch found := there.get("SELECT count(*) FROM notes WHERE id = "+id) == "1"; {
			case committed && !found:
				t.Errorf("%v: %s is lost", p.log, id)
			case end == "ROLLBACK" && found:
				t.Errorf("%v: %s is there in spite of ROLLBACK", p.log, id)
			}
		}
		for _, id := range w.undone {
			if there.get("SELECT count(*) FROM notes WHERE id = "+id) != "0" {
				t.Errorf("%v: %s is there in spite of ROLLBACK TO", p.log, id)
			}
		}
	}
	t.Logf("%v", p.count)
	s.works()
	noCrash(t, r.local)
	noCrash(t, r.remote)
}

// writes begins a transaction; ok: it may be committed.
func (p *plans) writes() (w writesSeen, ok bool) {
	p.do("BEGIN ISOLATION LEVEL " + p.g.pick("READ COMMITTED", "REPEATABLE READ"))
	ok = true
	for range 1 + p.g.IntN(4) {
		saved := p.g.IntN(2) == 0
		if saved {
			p.do("SAVEPOINT a")
		}
		p.faults.next(p)
		query := p.g.pick("SELECT id FROM noting", "SELECT id FROM noting LIMIT 1", "SELECT noting.id FROM noting, t WHERE t.id = noting.id % 50 + 1 LIMIT 1",
			"SELECT x.id FROM noting x, LATERAL (SELECT id FROM big LIMIT 1) y")
		rows, err := p.run(query)
		p.faults.calm()
		back := err != nil || p.g.IntN(2) == 0
		switch {
		case err != nil && !within(state(err), lossOf+" 57014"):
			p.Errorf("%v: %s", p.log, describe(err))
		case err != nil && !saved:
			return w, false
		case saved && back:
			if _, err := p.run("ROLLBACK TO a"); err != nil { // a cancel that came late
				return w, false
			}
			w.undone = append(w.undone, rows...)
		default:
			w.kept = append(w.kept, rows...)
		}
	}
	return w, ok
}
