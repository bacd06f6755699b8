package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// TestPlansInPortals: clients that execute portals of their own with row limits,
// several in turn, in blocks and in the implicit transaction of a pipeline, get
// what copies of the tables have.
func TestPlansInPortals(t *testing.T) {
	r := plansRig(t)
	p := newPlans(t, r, 200)
	limit := time.Duration(envInt("PGWIRE_DIFF_SECONDS", 10)) * time.Second
	for begun := time.Now(); time.Since(begun) < limit && p.count["different"] < 10; {
		p.log = nil
		p.pipeline()
	}
	t.Logf("%v", p.count)
	noCrash(t, r.local)
	noCrash(t, r.remote)
}

// pipeline is some portals that are read in turn, up to a Sync.
func (p *plans) pipeline() {
	if _, err := rowsOf(p.session, p.copies, "SET statement_timeout = '1s'"); err != nil {
		p.Fatal(err)
	}
	p.do("RESET ALL; SET statement_timeout = '20s'; SET " + planSwitches[p.g.IntN(len(planSwitches))])
	block := p.g.IntN(2) == 0
	if block {
		p.do("BEGIN")
	}
	front := p.conn.PgConn().Frontend()
	var open []*cursor
	for i := range 1 + p.g.IntN(3) {
		query := p.g.query()
		want, ok := p.answer(query)
		if !ok {
			continue
		}
		c := newCursor("", want)
		if c.query = query; i > 0 {
			c.name = fmt.Sprint("p", i)
		}
		p.log = append(p.log, c.name+": "+p.g.of(query))
		front.Send(&pgproto3.Parse{Name: "", Query: p.log[len(p.log)-1][len(c.name)+2:]})
		front.Send(&pgproto3.Bind{DestinationPortal: c.name})
		open = append(open, c)
	}
	for len(open) > 0 && p.g.IntN(12) > 0 {
		i := p.g.IntN(len(open))
		ended, failed := p.execute(front, open[i])
		if failed {
			break
		}
		if ended {
			open = append(open[:i], open[i+1:]...)
		}
	}
	front.Send(&pgproto3.Sync{})
	if err := front.Flush(); err != nil {
		p.Fatal(err)
	}
	p.until(front, func(m pgproto3.BackendMessage) bool { _, ok := m.(*pgproto3.ReadyForQuery); return ok })
	if block {
		p.do(p.g.pick("COMMIT", "ROLLBACK"))
	}
}

// execute asks a portal for some rows.
func (p *plans) execute(front *pgproto3.Frontend, c *cursor) (ended, failed bool) {
	n := []int{0, 1, 1, 2, 3, 8, 50, 300}[p.g.IntN(8)]
	p.log = append(p.log, fmt.Sprintf("Execute %s %d", c.name, n))
	front.Send(&pgproto3.Execute{Portal: c.name, MaxRows: uint32(n)})
	front.Send(&pgproto3.Flush{})
	if err := front.Flush(); err != nil {
		p.Fatal(err)
	}
	left := c.total - c.at
	if n == 0 {
		n = left + 1
	}
	rows := 0
	p.until(front, func(m pgproto3.BackendMessage) bool {
		switch m := m.(type) {
		case *pgproto3.DataRow:
			c.at, rows = c.at+1, rows+1
			if err := c.take(c.at, "("+strings.ReplaceAll(strings.Join(texts(m.Values), ","), "NULL", "")+")"); err != nil {
				p.differ("%s: %v", c.query, err)
			}
		case *pgproto3.ErrorResponse:
			if failed = true; m.Code != "57014" {
				p.differ("%s: %s %s", c.query, m.Code, m.Message)
			}
			return true
		case *pgproto3.PortalSuspended:
			return true
		case *pgproto3.CommandComplete, *pgproto3.EmptyQueryResponse:
			ended = true
			return true
		}
		return false
	})
	if p.count["executions"]++; !failed && (rows != min(n, left) || ended != (rows < n)) {
		p.differ("%s: %d rows, want %d of %d; at the end: %v", c.query, rows, n, left, ended)
	}
	return ended, failed
}

func (p *plans) until(front *pgproto3.Frontend, last func(pgproto3.BackendMessage) bool) {
	p.Helper()
	for {
		m, err := front.Receive()
		if err != nil {
			p.Fatal(err)
		}
		if last(m) {
			return
		}
	}
}
