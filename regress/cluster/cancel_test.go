package cluster

import (
	"context"
	"fmt"
	"math/rand"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pgwire_fdw/regress/cluster/pgtest"
)

// soon is what a machine under load may take for what has to take 100 ms.
const soon = time.Second

// silent is a listener that accepts and never answers.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var held []net.Conn
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			held = append(held, c)
			mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range held {
			_ = c.Close()
		}
	})
	return port(l)
}

func port(l net.Listener) string { return strconv.Itoa(l.Addr().(*net.TCPAddr).Port) }

// deaf is an address whose handshake never completes: the queue of connections
// to accept is full.
func deaf(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err == nil {
		err = unix.Listen(fd, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	p := strconv.Itoa(name.(*unix.SockaddrInet4).Port)
	for range 8 {
		c, err := net.DialTimeout("tcp4", "127.0.0.1:"+p, 200*time.Millisecond)
		if err != nil {
			return p
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Skip("this kernel completes handshakes although the queue is full")
	return ""
}

// interrupts are the two ways to stop a statement: the limit of the session,
// and a request of somebody else. Each returns how long the statement went on.
func interrupts(s, watch *session) map[string]func(sql string) time.Duration {
	return map[string]func(string) time.Duration{
		"statement_timeout": func(sql string) time.Duration {
			s.Helper()
			s.must("SET statement_timeout = '300ms'")
			started := time.Now()
			s.refused(sql, "57014")
			took := time.Since(started) - 300*time.Millisecond
			s.must("ROLLBACK; RESET statement_timeout")
			return took
		},
		"pg_cancel_backend": func(sql string) time.Duration {
			s.Helper()
			done := s.inBackground(sql)
			time.Sleep(300 * time.Millisecond)
			started := time.Now()
			watch.must(fmt.Sprintf("SELECT pg_cancel_backend(%d)", s.pid))
			if err := <-done; state(err) != "57014" {
				s.Errorf("%s: %v, want SQLSTATE 57014", sql, err)
			}
			return time.Since(started)
		},
	}
}

func TestCancelWhileConnecting(t *testing.T) {
	r := newRig(t)
	s, watch := open(t, r.local), open(t, r.local)
	s.works()
	before := s.usage()
	for place, listen := range map[string]func(*testing.T) string{"accepts and never answers": silent, "does not complete the handshake": deaf} {
		t.Run(place, func(t *testing.T) {
			r.via(t, listen(t))
			for how, stop := range interrupts(s, watch) {
				took := stop("SELECT count(*) FROM t")
				t.Logf("%s: %v", how, took)
				if took > soon {
					t.Errorf("%s took %v", how, took)
				}
			}
		})
	}
	r.via(t, strconv.Itoa(r.remote.Port))
	s.works()
	s.settled(before)
	noCrash(t, r.local)
}

// TestCancelWhileExecuting: sleeping and computing remotes, rows that come
// slowly and rows that come fast.
func TestCancelWhileExecuting(t *testing.T) {
	r := newRig(t)
	s, watch, there := open(t, r.local), open(t, r.local), open(t, r.remote)
	s.works()
	before := s.usage()
	for _, sql := range []string{
		"SELECT * FROM asleep",
		"SELECT * FROM busy",
		"SELECT count(*) FROM slow",
		"SELECT count(*) FROM big a, big b WHERE a.id <> b.id",
		"SELECT count(*) FROM t a, LATERAL (SELECT id FROM slow WHERE slow.id <= a.id) b",
		"DO $$ BEGIN BEGIN PERFORM * FROM t; PERFORM * FROM asleep; EXCEPTION WHEN division_by_zero THEN NULL; END; END $$",
		"BEGIN; SELECT count(*) FROM t; DECLARE c CURSOR FOR SELECT * FROM big; FETCH 5 FROM c; SELECT * FROM asleep",
	} {
		for how, stop := range interrupts(s, watch) {
			took := stop(sql)
			t.Logf("%s: %v: %s", how, took, sql)
			if took > soon {
				t.Errorf("%s took %v: %s", how, took, sql)
			}
			_ = s.try("ROLLBACK")
			pgtest.WaitUntil(t, patience, "the remote has stopped", func() bool { return r.remoteSessions(there, "AND state = 'active'") == "0" })
			s.works()
		}
	}
	// what was cancelled had its connection's transaction ended in order, not the connection lost
	pgtest.WaitUntil(t, patience, "there is one remote session", func() bool { return r.remoteSessions(there, "") == "1" })
	s.settled(before)
	noCrash(t, r.local)
	noCrash(t, r.remote)
}

// TestCancelWhileReading: the result stands still somewhere in the network.
func TestCancelWhileReading(t *testing.T) {
	r := newRig(t)
	p := pgtest.NewProxy(t, r.remote)
	r.via(t, p.Port)
	s, watch := open(t, r.local), open(t, r.local)
	s.works()
	before := s.usage()
	for range 2 {
		for how, stop := range interrupts(s, watch) {
			froze := make(chan struct{})
			start := p.Bytes(pgtest.ToClient)
			go func() {
				defer close(froze)
				for deadline := time.Now().Add(patience); p.Bytes(pgtest.ToClient) < start+100_000 && time.Now().Before(deadline); {
					time.Sleep(time.Millisecond)
				}
				p.Freeze(pgtest.ToClient)
			}()
			took := stop("SELECT count(*) FROM big a JOIN big b USING (id) WHERE random() < 2") // rows are needed here
			<-froze
			t.Logf("%s of a frozen result: %v", how, took)
			if took > 3*soon {
				t.Errorf("%s took %v", how, took)
			}
			p.Thaw(pgtest.ToClient)
			s.works()
		}
	}
	s.must("SELECT pgwire_fdw_disconnect_all()")
	s.settled(before)
	noCrash(t, r.local)
}

// TestCancelWhileAsking: an answer stands still before its first row, or where
// no row was asked for at all: of a query, of what the planner asks, of ANALYZE
// and IMPORT FOREIGN SCHEMA.
func TestCancelWhileAsking(t *testing.T) {
	r := newRig(t)
	p := pgtest.NewProxy(t, r.remote)
	r.via(t, p.Port)
	r.local.Exec(t, "CREATE SCHEMA imported", `CREATE FOREIGN TABLE guessed (id int, v text, n int) SERVER remote
		OPTIONS (table_name 't', use_remote_estimate 'true')`)
	watch := open(t, r.local)
	for _, sql := range []string{
		"SELECT count(*) FROM t",
		"SELECT a.n, sum(b.id) FROM t a JOIN t b USING (id) GROUP BY a.n ORDER BY 2 LIMIT 3",
		"EXPLAIN SELECT * FROM t a JOIN slow b USING (id)",
		"EXPLAIN SELECT * FROM guessed WHERE n = 3",
		"DO $$ BEGIN EXECUTE 'EXPLAIN SELECT * FROM t a JOIN slow b USING (id)'; EXCEPTION WHEN division_by_zero THEN NULL; END $$",
		"BEGIN; SAVEPOINT a; SELECT count(*) FROM t",
		"ANALYZE t",
		"IMPORT FOREIGN SCHEMA public FROM SERVER remote INTO imported",
	} {
		s := open(t, r.local) // it has asked nothing about the tables yet
		s.must("SELECT v FROM t WHERE id = 1")
		for how, stop := range interrupts(s, watch) {
			p.Freeze(pgtest.ToClient)
			took := stop(sql)
			t.Logf("%s: %v: %s", how, took, sql)
			if took > 3*soon {
				t.Errorf("%s took %v: %s", how, took, sql)
			}
			p.Thaw(pgtest.ToClient)
			_ = s.try("ROLLBACK")
			s.works()
		}
	}
	noCrash(t, r.local)
}

// TestCancelOfFrozenRemote: every process of the remote is stopped in the
// middle of a result; not even a cancel request is served.
func TestCancelOfFrozenRemote(t *testing.T) {
	r := newRig(t)
	s, watch := open(t, r.local), open(t, r.local)
	s.works()
	before := s.usage()
	for how, stop := range interrupts(s, watch) {
		go func() {
			time.Sleep(100 * time.Millisecond)
			r.remote.Freeze()
		}()
		took := stop("SELECT count(*) FROM slow")
		t.Logf("%s with a frozen remote: %v", how, took)
		if took > 3*soon {
			t.Errorf("%s took %v", how, took)
		}
		// a transaction that meets it frozen can be cancelled as well
		took = stop("SELECT count(*) FROM t")
		t.Logf("%s of the next transaction: %v", how, took)
		if took > 3*soon {
			t.Errorf("%s of the next transaction took %v", how, took)
		}
		r.remote.Thaw()
		s.works()
	}
	s.settled(before)
	noCrash(t, r.local)
}

// TestCancelOfCleanup: the abort itself waits, and is told to hurry.
func TestCancelOfCleanup(t *testing.T) {
	r := newRig(t)
	p := pgtest.NewProxy(t, r.remote)
	r.via(t, p.Port)
	s, watch := open(t, r.local), open(t, r.local)
	s.works()
	for _, sql := range []string{"SELECT * FROM asleep", "DO $$ BEGIN PERFORM * FROM asleep; EXCEPTION WHEN query_canceled THEN RAISE; END $$"} {
		p.Freeze(pgtest.ToClient)
		done := s.inBackground(sql)
		time.Sleep(200 * time.Millisecond)
		watch.must(fmt.Sprintf("SELECT pg_cancel_backend(%d)", s.pid))
		time.Sleep(100 * time.Millisecond)
		started := time.Now()
		watch.must(fmt.Sprintf("SELECT pg_cancel_backend(%d)", s.pid))
		if err := <-done; state(err) != "57014" {
			t.Errorf("%v, want SQLSTATE 57014", err)
		}
		if took := time.Since(started); took > soon {
			t.Errorf("the second cancel took %v", took)
		}
		p.Thaw(pgtest.ToClient)
		s.works()
	}
	noCrash(t, r.local)
}

// TestSilentAtCommit: the remote falls silent when the rows have come. What the
// local transaction depends on is waited for, within its own limits; anything
// else is not.
func TestSilentAtCommit(t *testing.T) {
	r := newRig(t)
	p := pgtest.NewProxy(t, r.remote)
	r.via(t, p.Port)
	s, watch := open(t, r.local), open(t, r.local)
	s.works()
	before := s.usage()
	// frozen runs a commit while nothing comes from the remote.
	frozen := func(sql string, f func()) {
		s.must("BEGIN; " + sql)
		p.Freeze(pgtest.ToClient)
		f()
		p.Thaw(pgtest.ToClient)
		_ = s.try("ROLLBACK")
		s.works()
	}
	for _, sql := range []string{
		"SELECT * FROM big LIMIT 1",
		"SELECT count(*) FROM t; SELECT * FROM big LIMIT 1",
		"DECLARE c CURSOR FOR SELECT * FROM big; FETCH 5 FROM c",
	} {
		frozen(sql, func() {
			started := time.Now()
			s.must("COMMIT")
			if took := time.Since(started); took > 700*time.Millisecond+2*soon {
				t.Errorf("COMMIT after %s took %v", sql, took)
			}
		})
	}
	for _, sql := range []string{
		"SELECT * FROM t WHERE id = 7 FOR UPDATE",
		"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM t",
	} {
		for how, stop := range interrupts(s, watch) {
			frozen(sql, func() {
				if took := stop("COMMIT"); took > 3*soon {
					t.Errorf("%s of the commit of %s took %v", how, sql, took)
				}
			})
		}
	}
	r.local.Exec(t, "ALTER SERVER remote OPTIONS (ADD lazy_commit 'false')")
	s.works()
	for how, stop := range interrupts(s, watch) {
		frozen("SELECT count(*) FROM t", func() {
			if took := stop("COMMIT"); took > 3*soon {
				t.Errorf("%s of a strict commit took %v", how, took)
			}
		})
		if how == "statement_timeout" { // the same without a block: the clock goes on
			p.Freeze(pgtest.ToClient)
			if took := stop("SELECT count(*) FROM t"); took > 3*soon {
				t.Errorf("%s of a statement took %v", how, took)
			}
			p.Thaw(pgtest.ToClient)
			s.works()
		}
	}
	s.must("SELECT pgwire_fdw_disconnect_all()")
	s.settled(before)
	noCrash(t, r.local)
}

// mixed are queries with the answers that they must have whenever they have one.
var mixed = []struct{ sql, want string }{
	{"SELECT count(*) || ' ' || sum(id) FROM t", "1000 500500"},
	{"SELECT v FROM t WHERE id = 77", "v77"},
	{"SELECT count(*) || ' ' || sum(length(pad)) || ' ' || sum(id) FROM big WHERE id <= 30000", "30000 6000000 450015000"},
	{"SELECT count(*) FROM t a, LATERAL (SELECT b.id FROM t b WHERE b.n = a.n LIMIT 1) x", "1000"},
	{"SELECT count(*) FROM t a JOIN t b ON b.id = a.id + 1 WHERE EXISTS (SELECT 1 FROM t c WHERE c.id = a.id)", "999"},
	{"SELECT count(*) FROM (SELECT * FROM big LIMIT 10) x", "10"},
	{"SELECT count(*) FROM slow WHERE id <= 3", "3"},
	{"SELECT sum(g) FROM generate_series(1, 50) g WHERE EXISTS (SELECT FROM t WHERE id = g)", "1275"},
}

// TestCancelAtRandom cancels mixed queries at moments that hit every step:
// never a wrong result, a stuck session or anything left over.
func TestCancelAtRandom(t *testing.T) {
	r := newRig(t)
	s, watch, there := open(t, r.local), open(t, r.local), open(t, r.remote)
	for _, q := range mixed {
		s.want(q.sql, q.want)
	}
	before := s.usage()
	const rounds = 300
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewSource(seed))
	hit := 0
	for i := range rounds {
		q := mixed[rnd.Intn(len(mixed))]
		kind := rnd.Intn(4)
		if kind == 3 {
			s.must("SELECT pgwire_fdw_disconnect_all()") // so that connecting is hit as well
		}
		sql := q.sql
		if kind == 1 {
			sql = "BEGIN; SAVEPOINT a; SELECT count(*) FROM t; SAVEPOINT b; " + q.sql
		}
		type answer struct {
			value string
			err   error
		}
		done := make(chan answer, 1)
		go func() {
			v, err := s.value(sql)
			done <- answer{v, err}
		}()
		time.Sleep(time.Duration(rnd.Intn(20_000)) * time.Microsecond)
		if kind == 2 {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			_ = s.conn.PgConn().CancelRequest(ctx)
			cancel()
		} else {
			watch.must(fmt.Sprintf("SELECT pg_cancel_backend(%d)", s.pid))
		}
		a := <-done
		switch {
		case state(a.err) == "57014":
			hit++
		case a.err != nil:
			t.Fatalf("round %d: %s: %s", i, sql, describe(a.err))
		case a.value != q.want:
			t.Fatalf("round %d: %s: %q, want %q", i, sql, a.value, q.want)
		}
		if kind == 1 {
			_ = s.try("ROLLBACK TO a")
			check := mixed[rnd.Intn(len(mixed))]
			if v, err := s.value(check.sql); err == nil && v != check.want {
				t.Fatalf("round %d, after ROLLBACK TO: %s: %q, want %q", i, check.sql, v, check.want)
			} else if err != nil && state(err) != "57014" && state(err) != "08006" && state(err) != "25P02" {
				t.Fatalf("round %d, after ROLLBACK TO: %s: %s", i, check.sql, describe(err))
			}
			_ = s.try("ROLLBACK")
		}
		check := mixed[rnd.Intn(len(mixed))]
		v, err := s.value(check.sql)
		if state(err) == "57014" { // the cancel came after the statement had ended
			v, err = s.value(check.sql)
		}
		if err != nil || v != check.want {
			t.Fatalf("round %d, after %s: %s: %q %v, want %q", i, sql, check.sql, v, err, check.want)
		}
	}
	t.Logf("%d of %d queries were cancelled", hit, rounds)
	if hit < rounds/20 {
		t.Errorf("only %d of %d queries were hit", hit, rounds)
	}
	pgtest.WaitUntil(t, patience, "the remote is idle", func() bool { return r.remoteSessions(there, "AND state <> 'idle'") == "0" })
	s.flat(before, 16<<10)
	noCrash(t, r.local)
	noCrash(t, r.remote)
}
