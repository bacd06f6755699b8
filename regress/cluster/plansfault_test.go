package cluster

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"pgwire_fdw/regress/cluster/pgtest"
)

// faults come between and during the statements of plans.
type faults struct {
	*rand.Rand
	proxy *pgtest.Proxy
	watch *session
	over  chan struct{} // closed when the last one is
}

// TestPlansAndFaults cuts and delays the connection and cancels statements at
// random in the midst of them: what is answered is right, what is not says why,
// and the session goes on.
func TestPlansAndFaults(t *testing.T) {
	r := plansRig(t)
	proxy := pgtest.NewProxy(t, r.remote)
	r.via(t, proxy.Port)
	p := newPlans(t, r, 100)
	there := open(t, r.remote)
	p.works()
	p.must("SELECT pgwire_fdw_disconnect_all()")
	before := p.usage()
	p.faults = &faults{Rand: p.g.Rand, proxy: proxy, watch: open(t, r.local)}
	p.scripts()
	p.must("SELECT pgwire_fdw_disconnect_all()")
	p.settled(before)
	pgtest.WaitUntil(t, patience, "no remote session is left", func() bool { return r.remoteSessions(there, "") == "0" })
	noCrash(t, r.local)
	noCrash(t, r.remote)
}

// next makes one come, or none.
func (f *faults) next(p *plans) {
	if f == nil {
		return
	}
	f.calm()
	direction := pgtest.Direction(f.IntN(2))
	wait := time.Duration(f.IntN(40_000)) * time.Microsecond
	switch f.IntN(16) {
	case 0, 1:
		p.log = append(p.log, "-- cut")
		most := 4000
		if direction == pgtest.ToServer {
			most = 600
		}
		f.proxy.FaultAfter(direction, int64(1+f.IntN(most)), pgtest.Fault(f.IntN(2)))
	case 2, 3:
		p.log = append(p.log, "-- cancel")
		f.during(func() {
			time.Sleep(wait)
			_ = f.watch.try(fmt.Sprintf("SELECT pg_cancel_backend(%d)", p.pid))
		})
	case 4:
		p.log = append(p.log, "-- silence")
		f.proxy.Freeze(direction)
		f.during(func() { time.Sleep(wait * 40); f.proxy.Thaw(direction) })
	}
}

func (f *faults) during(do func()) {
	f.over = make(chan struct{})
	go func() { defer close(f.over); do() }()
}

// calm waits for the end of what has been begun.
func (f *faults) calm() {
	if f == nil {
		return
	}
	if f.over != nil {
		<-f.over
	}
	f.over = nil
	f.proxy.Calm()
}

// excused tells whether an error may be one of the faults, and gets out of the
// transaction, or of the innermost savepoints.
func (p *plans) excused(err error) bool {
	if err == nil || p.faults == nil || !within(state(err), lossOf+" 57014 24000 34000") {
		return false
	}
	p.count["error "+state(err)]++
	p.faults.calm()
	p.cursors = nil
	if p.depth > 0 && p.conn.PgConn().TxStatus() == 'E' && p.g.IntN(2) == 0 {
		if _, err := p.run("ROLLBACK TO s0; CLOSE ALL"); err == nil {
			p.depth = 1
			return true
		}
	}
	if p.conn.PgConn().TxStatus() != 'I' {
		if _, err := p.run("ROLLBACK"); err != nil {
			p.differ("fails: %s", describe(err))
		}
	}
	if _, err := p.run("CLOSE ALL"); err != nil {
		p.differ("fails: %s", describe(err))
	}
	p.block, p.depth = false, 0
	return true
}

// TestPlansPooled is TestPlans for eight clients at once, some of whose foreign tables
// are reached through a pooler, which has a session for every second.
func TestPlansPooled(t *testing.T) {
	r := plansRig(t)
	pooler := pgtest.StartPooler(t, r.remote, pgtest.PoolerOptions{Mode: "transaction", Size: 4, Conf: []string{ignoring}})
	r.via(t, pooler.Port)
	var group sync.WaitGroup
	for i := range 8 {
		p := newPlans(t, r, i)
		group.Add(1)
		go func() {
			defer group.Done()
			p.scripts()
		}()
	}
	group.Wait()
	noCrash(t, r.local)
	noCrash(t, r.remote)
}
