package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"pgwire_fdw/regress/cluster/pgtest"
)

// writing is a piece of work that writes rows with a number of its own.
type writing struct {
	name, sql string
	data      func(run int) string // of COPY
	rows      int
	count     string // how many rows have the number
}

const countOfW = "SELECT count(*) || ' ' || count(DISTINCT i) FROM w WHERE run = %d"

// writings cover each way in which rows are sent.
var writings = []writing{
	{name: "row", sql: "INSERT INTO w VALUES (%[1]d, 1, 'x')", rows: 1, count: countOfW},
	{name: "rows", sql: "INSERT INTO w VALUES (%[1]d, 1, 'x'), (%[1]d, 2, NULL), (%[1]d, 3, 'y'), (%[1]d, 4, 'z')", rows: 4, count: countOfW},
	{name: "bulk", sql: "INSERT INTO w SELECT %d, g, repeat('x', 90) FROM generate_series(1, 4000) g WHERE odd(g)", rows: 2000, count: countOfW},
	{name: "copy", sql: "COPY w FROM STDIN", rows: 3000, count: countOfW, data: func(run int) string {
		var b strings.Builder
		for i := range 3000 {
			fmt.Fprintf(&b, "%d\t%d\t%s\n", run, i, strings.Repeat("c", 60))
		}
		return b.String()
	}},
	{name: "returning", sql: "INSERT INTO w SELECT %d, g, 'x' FROM generate_series(1, 60) g RETURNING i", rows: 60, count: countOfW},
	{name: "conflict", sql: "INSERT INTO w SELECT %d, g, 'x' FROM generate_series(1, 60) g WHERE odd(g) ON CONFLICT DO NOTHING", rows: 30, count: countOfW},
	{name: "update", sql: "UPDATE u SET n = %d WHERE odd(i)", rows: 10, count: "SELECT count(*) || ' ' || count(DISTINCT i) FROM u WHERE n = %d"},
	{name: "direct", sql: "UPDATE u SET n = %d", rows: 20, count: "SELECT count(*) || ' ' || count(DISTINCT i) FROM u WHERE n = %d"},
	{name: "elsewhere", sql: "INSERT INTO w SELECT %d, i, 'u' FROM u", rows: 20, count: countOfW},
	{name: "transaction", rows: 24, count: "SELECT count(*) || ' ' || count(DISTINCT i) FROM (SELECT i FROM w WHERE run = %[1]d UNION ALL SELECT i FROM u WHERE n = %[1]d) x",
		sql: "BEGIN; INSERT INTO w VALUES (%[1]d, 101, 'x'), (%[1]d, 102, 'x'); SAVEPOINT a; INSERT INTO w SELECT %[1]d, 1000, 'x' FROM generate_series(1, 60); ROLLBACK TO a; " +
			"INSERT INTO w VALUES (%[1]d, 103, 'y'); RELEASE a; SAVEPOINT b; UPDATE u SET n = %[1]d; DELETE FROM w WHERE run = %[1]d AND odd(i) AND i = 101; INSERT INTO w VALUES (%[1]d, 101, 'x'), (%[1]d, 104, 'x'); COMMIT"},
}

// writeFaults is what the tests of this file run on.
type writeFaults struct {
	rig
	*session
	there, watch *session
	proxy        *pgtest.Proxy
	oracle       bool // the wrapper is postgres_fdw
	runs         int
	count        map[string]int
}

func newWriteFaults(t *testing.T) *writeFaults {
	t.Helper()
	f := &writeFaults{rig: newRig(t), count: map[string]int{}, oracle: wrapperUnderTest() == "postgres_fdw"}
	f.proxy = pgtest.NewProxy(t, f.remote)
	f.remote.Exec(t, "CREATE TABLE w (run int, i int, v text)", "CREATE TABLE u (i int, n int); INSERT INTO u SELECT g, 0 FROM generate_series(1, 20) g")
	options := ", lazy_commit 'false'"
	if f.oracle {
		options = ""
	}
	f.local.Exec(t, "CREATE EXTENSION IF NOT EXISTS "+wrapperUnderTest(),
		fmt.Sprintf("CREATE SERVER writing FOREIGN DATA WRAPPER %s OPTIONS (host '127.0.0.1', port '%s', dbname 'postgres'%s)", wrapperUnderTest(), f.proxy.Port, options),
		fmt.Sprintf("CREATE USER MAPPING FOR %s SERVER writing OPTIONS (user '%[1]s', password '%s')", pgtest.Superuser, pgtest.Password),
		"CREATE FOREIGN TABLE w (run int, i int, v text) SERVER writing; CREATE FOREIGN TABLE u (i int, n int) SERVER writing",
		"CREATE FUNCTION odd(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 & 1 = 1; END'")
	f.session, f.there, f.watch = open(t, f.local), open(t, f.remote), open(t, f.local)
	f.warm()
	return f
}

// warm makes sure that there is a connection, and that it is idle.
func (f *writeFaults) warm() {
	f.Helper()
	for range 2 { // one that was lost is found out by the first
		if _, err := f.value("SELECT count(*) FROM u WHERE i < 0"); err == nil {
			return
		}
	}
	f.want("SELECT count(*) FROM u WHERE i < 0", "0")
}

// write carries out a piece of work with a new number.
func (f *writeFaults) write(w writing) (run int, err error) {
	f.runs++
	run = f.runs
	if w.data == nil {
		return run, f.try(fmt.Sprintf(w.sql, run))
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err = f.conn.PgConn().CopyFrom(ctx, strings.NewReader(w.data(run)), w.sql)
	return run, err
}

// messages of a piece of work in a direction.
func (f *writeFaults) messages(w writing) (kinds [2][]byte) {
	f.Helper()
	f.warm()
	f.proxy.Follow()
	run, err := f.write(w)
	if err != nil {
		f.Fatalf("%s: %s", w.name, describe(err))
	}
	for _, d := range []pgtest.Direction{pgtest.ToServer, pgtest.ToClient} {
		kinds[d] = f.proxy.Messages(d)
	}
	f.proxy.Release()
	f.judge(w, run, nil, "without a fault")
	return kinds
}

// judge checks what is there against what was said: everything, nothing, or one
// of the two where that was said to be in doubt.
func (f *writeFaults) judge(w writing, run int, err error, what string) {
	f.Helper()
	pgtest.WaitUntil(f, patience, "the remote sessions are idle", func() bool {
		return f.there.get("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle'") == "0"
	})
	found := f.there.get(fmt.Sprintf(w.count, run))
	all := fmt.Sprintf("%d %[1]d", w.rows)
	outcome := "part"
	switch found {
	case all:
		outcome = "all"
	case "0 0":
		outcome = "nothing"
	}
	said := "failed"
	switch {
	case err == nil:
		said = "done"
	case state(err) == "08007", f.oracle && within(state(err), "08006 57P01 57014"), !f.oracle && f.conn.IsClosed():
		said = "in doubt"
	}
	f.count[said+", "+outcome]++
	f.count[state(err)]++
	if outcome == "part" || said == "done" && outcome != "all" || said == "failed" && outcome != "nothing" {
		f.Errorf("%s, %s: said to be %s (%v), and there are %s rows of %s", w.name, what, said, err, found, all)
	}
	if said == "in doubt" && !f.oracle && !f.conn.IsClosed() && !strings.Contains(describe(err), `"writing"`) {
		f.Errorf("%s, %s: what is in doubt does not name the server: %s", w.name, what, describe(err))
	}
}

// places of a piece of work: before each message, and within some.
func places(kinds [2][]byte) (list []pgtest.Place) {
	for _, d := range []pgtest.Direction{pgtest.ToServer, pgtest.ToClient} {
		for k := range kinds[d] {
			for _, n := range []int{0, 3, 6} {
				list = append(list, pgtest.Place{Direction: d, Message: k, Bytes: n})
			}
		}
	}
	return list
}

// wrapperUnderTest may be postgres_fdw, to see whether a test is right.
func wrapperUnderTest() string { return envText("PGWIRE_DML_WRAPPER", "pgwire_fdw") }

// TestWritesCutAtEveryMessage loses the connection, or the remote session, at
// each message of each kind of write: what was said to have failed has left
// nothing, what was said to be done is there once, and where neither can be
// known, that is said.
func TestWritesCutAtEveryMessage(t *testing.T) {
	f := newWriteFaults(t)
	before := f.usage()
	rng := rand.New(rand.NewPCG(uint64(envInt("PGWIRE_DML_SEED", 1)), 5))
	for _, w := range writings {
		kinds := f.messages(w)
		t.Logf("%s: to the server %s, to the client %s", w.name, shortened(kinds[pgtest.ToServer]), shortened(kinds[pgtest.ToClient]))
		list := places(kinds)
		rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		for i, place := range list[:min(len(list), times(400, 6))] {
			f.lose(w, place, i%3)
		}
	}
	t.Logf("outcomes: %v", f.count)
	if f.count["failed, nothing"] == 0 && !f.oracle || f.count["in doubt, all"]+f.count["in doubt, nothing"] == 0 {
		t.Errorf("the faults did not hit both what comes before COMMIT and what comes after: %v", f.count)
	}
	if !f.oracle {
		f.must("SELECT pgwire_fdw_disconnect_all()")
		f.settled(before)
	}
	noCrash(t, f.local)
	noCrash(t, f.remote)
}

// lose is one round: the fault is a cut, one with RST, or the end of the remote
// session.
func (f *writeFaults) lose(w writing, place pgtest.Place, how int) {
	f.Helper()
	f.warm()
	f.proxy.Await(place, []pgtest.Fault{pgtest.Cut, pgtest.Reset, pgtest.Hold}[how])
	type result struct {
		run int
		err error
	}
	done := make(chan result, 1)
	go func() {
		run, err := f.write(w)
		done <- result{run, err}
	}()
	var r result
	select {
	case r = <-done:
	case <-f.proxy.Met():
		if how == 2 {
			f.there.must("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
			f.proxy.Release()
		}
		r = <-done
	}
	f.proxy.Release()
	if f.conn.PgConn().TxStatus() != 'I' {
		f.must("ROLLBACK")
	}
	f.judge(w, r.run, r.err, fmt.Sprintf("fault %d at %+v", how, place))
}

// shortened shows the kinds of messages, a long run of one kind as its number.
func shortened(kinds []byte) string {
	var b strings.Builder
	for i := 0; i < len(kinds); {
		n := i
		for n < len(kinds) && kinds[n] == kinds[i] {
			n++
		}
		if n-i > 3 {
			fmt.Fprintf(&b, "%c×%d ", kinds[i], n-i)
		} else {
			b.WriteString(string(kinds[i:n]) + " ")
		}
		i = n
	}
	return b.String()
}

// TestWritesInterrupted stops the network at a message; the statement is
// cancelled, its session ended, or either server killed, before it goes on.
func TestWritesInterrupted(t *testing.T) {
	f := newWriteFaults(t)
	rng := rand.New(rand.NewPCG(uint64(envInt("PGWIRE_DML_SEED", 1)), 6))
	for n, w := range writings {
		list := places(f.messages(w))
		for i := range times(40, 3) {
			f.interrupt(w, list[rng.IntN(len(list))], i%3)
		}
		if n%3 == 2 {
			f.interrupt(w, list[rng.IntN(len(list))], 3+n%2)
		}
	}
	t.Logf("outcomes: %v", f.count)
	if f.count["failed, nothing"]+f.count["in doubt, nothing"] == 0 || f.count["done, all"] == 0 {
		t.Errorf("nothing was interrupted: %v", f.count)
	}
	noCrash(t, f.remote)
}

// interrupt is one round.
func (f *writeFaults) interrupt(w writing, place pgtest.Place, how int) {
	f.Helper()
	f.warm()
	if how == 1 {
		f.must("SET statement_timeout = '200ms'")
	}
	f.proxy.Await(place, pgtest.Hold)
	done := make(chan error, 1)
	run, hit := f.runs+1, false
	go func() {
		_, err := f.write(w)
		done <- err
	}()
	select {
	case err := <-done:
		done <- err
	case <-f.proxy.Met():
		hit = true
		switch how {
		case 0:
			f.watch.must(fmt.Sprintf("SELECT pg_cancel_backend(%d)", f.pid))
		case 1: // the timeout comes by itself, now or later
		case 2:
			f.watch.must(fmt.Sprintf("SELECT pg_terminate_backend(%d)", f.pid))
		case 3:
			_ = syscall.Kill(f.pid, syscall.SIGKILL)
		case 4:
			f.remote.Down(f.T, pgtest.Kill)
			f.remote.Up(f.T)
			f.there = open(f.T, f.remote)
		}
	}
	f.proxy.Release()
	err := <-done
	if hit && (how == 2 || how == 3) || f.conn.IsClosed() {
		pgtest.WaitUntil(f, patience, fmt.Sprintf("the session has ended (%s, %d at %+v, %v)", w.name, how, place, err), func() bool { return syscall.Kill(f.pid, 0) != nil })
	}
	if !f.conn.IsClosed() && f.conn.PgConn().TxStatus() != 'I' {
		_ = f.try("ROLLBACK") // it may have been ended in the meantime
	}
	f.judge(w, run, err, fmt.Sprintf("interruption %d at %+v", how, place))
	if f.conn.IsClosed() || hit && (how == 2 || how == 3) {
		pgtest.WaitUntil(f, patience, "the server is back", func() bool {
			_, err := f.local.Psql("SELECT 1")
			return err == nil
		})
		f.session, f.watch = open(f.T, f.local), open(f.T, f.local)
	}
	f.must("RESET statement_timeout")
}
