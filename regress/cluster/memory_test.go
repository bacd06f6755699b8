package cluster

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pgwire_fdw/regress/cluster/pgtest"
)

// scarceTables: what is made large comes from the remote, in MB by the column n.
const scarceTables = `
	CREATE VIEW huge AS SELECT n, repeat('0123456789abcdef', n * 65536) AS t FROM generate_series(1, 1000) n;
	CREATE VIEW wide AS SELECT g AS id, repeat(chr(65 + g % 26), 1048576) AS t FROM generate_series(1, 600) g;
	CREATE FUNCTION complain(n int) RETURNS int LANGUAGE plpgsql AS $$
		BEGIN RAISE EXCEPTION 'complaint %', repeat('c', n * 1048576) USING DETAIL = repeat('d', n * 524288); END $$;
	CREATE FUNCTION chat(n int) RETURNS int LANGUAGE plpgsql AS $$
		BEGIN FOR i IN 1..40 LOOP RAISE WARNING 'chat %', i USING DETAIL = repeat('d', n * 26214), COLUMN = repeat('c', n * 1000); END LOOP; RETURN n; END $$;
	CREATE VIEW complaint AS SELECT n, complain(n) AS v FROM generate_series(1, 1000) n;
	CREATE VIEW chatter AS SELECT n, chat(n) AS v FROM generate_series(1, 1000) n`

// TestScarceMemory: with hardly more address space than a session needs, what a
// remote or the user makes large is an error, or works, but never the end of the
// process: that would restart the whole server.
func TestScarceMemory(t *testing.T) {
	need(t, 4)
	r := newRig(t)
	r.remote.Exec(t, scarceTables)
	r.local.Exec(t, `ALTER SERVER remote OPTIONS (ADD fetch_memory '1GB')`,
		`CREATE FOREIGN TABLE huge (n int, t text) SERVER remote`,
		`CREATE FOREIGN TABLE wide (id int, t text) SERVER remote`,
		`CREATE FOREIGN TABLE complaint (n int, v int) SERVER remote`,
		`CREATE FOREIGN TABLE chatter (n int, v int) SERVER remote`)
	s := open(t, r.local)
	s.works()
	takes := statusKB(s, "VmSize")
	const spare = 300
	r.local.Down(t, pgtest.Fast)
	r.local.AddressSpaceKB = takes + spare<<10
	r.local.Up(t)

	// each statement by size in MB: "" stands for success
	for _, c := range []struct {
		name, sql string
		sizes     []int
		states    string
	}{
		{"row", `SELECT length(t) = n * 1048576 FROM huge WHERE n = %d`, []int{50, 150, 400}, " 53200"},
		// as much as fetch_memory would allow is not to be had, and then it goes to a file
		{"rows set aside", `SELECT count(*) FROM wide w WHERE length(t) + (SELECT id FROM t WHERE t.id = w.id) > %d`, []int{0}, " 53200"},
		{"parameter", `EXECUTE q(repeat('y', %d * 1048576))`, []int{5, 60, 120, 250}, " 53200"},
		{"constant", `SELECT count(*) FROM t WHERE v = repeat('y', %d * 1048576)`, []int{5, 60, 250}, " 53200"},
		{"list", `SELECT count(*) FROM t WHERE v IN (SELECT repeat('y', 1000000 + g) FROM generate_series(1, %d) g) OR v = ANY (ARRAY(SELECT repeat('y', 1000000 + g) FROM generate_series(1, %[1]d) g))`, []int{5, 50}, " 53200"},
		{"message", `SELECT v FROM complaint WHERE n = %d`, []int{1, 40}, "P0001"},
		{"notices", `SELECT v FROM chatter WHERE n = %d`, []int{1, 40}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, r.local)
			s.must("SET client_min_messages = error; SET plan_cache_mode = force_generic_plan; PREPARE q(text) AS SELECT count(*) FROM t WHERE v = $1")
			s.works()
			for _, n := range c.sizes {
				started := time.Now()
				err := s.try(fmt.Sprintf(c.sql, n))
				if !within(state(err), c.states) {
					t.Errorf("%d MB: %.1000v, want SQLSTATE %q", n, err, c.states)
				}
				t.Logf("%d MB: %q after %v", n, state(err), time.Since(started))
				if s.conn.IsClosed() {
					t.Fatal("the session has ended")
				}
				s.works()
			}
			s.must("BEGIN; SAVEPOINT a")
			_ = s.try(fmt.Sprintf(c.sql, c.sizes[len(c.sizes)-1]))
			s.must("ROLLBACK TO a")
			_ = s.try("SELECT count(*) FROM t")
			s.must("ROLLBACK")
			s.works()
		})
	}
	noCrash(t, r.local)
}

// TestMemoryGroup: what is bounded in bytes stays within a memory limit at which
// the kernel kills, however much goes by.
func TestMemoryGroup(t *testing.T) {
	need(t, 4)
	r := newRig(t)
	r.remote.Exec(t, scarceTables)
	r.local.Exec(t, `ALTER SERVER remote OPTIONS (ADD fetch_memory '4MB')`,
		`CREATE FOREIGN TABLE wide (id int, t text) SERVER remote`,
		`CREATE FOREIGN TABLE complaint (n int, v int) SERVER remote`,
		`CREATE FOREIGN TABLE chatter (n int, v int) SERVER remote`)
	r.local.LimitMemory(t, 200*mb)
	s := open(t, r.local)
	s.must("SET client_min_messages = error")
	s.works()
	s.want("SELECT count(*) || ' ' || sum(length(t)) FROM wide", fmt.Sprintf("600 %d", 600*mb))
	s.refused("SELECT v FROM complaint WHERE n = 100", "P0001")
	s.want("SELECT v FROM chatter WHERE n = 30", "30")
	var fs unix.Statfs_t
	if err := unix.Statfs(r.local.Data, &fs); err == nil && fs.Type != unix.TMPFS_MAGIC { // where a file is memory
		s.want("SELECT count(*) FROM wide w WHERE length(t) + (SELECT id FROM t WHERE t.id = w.id) > 0", "600")
	}
	s.works()
	noCrash(t, r.local)
}

// TestEndlessConditions: what Go makes of a condition is in its heap, so what is
// too long stays here, and the rest is sent.
func TestEndlessConditions(t *testing.T) {
	r := newRig(t)
	s := open(t, r.local)
	terms := func(n int) string {
		var b strings.Builder
		b.WriteString("id = 0")
		for i := range n {
			fmt.Fprintf(&b, " OR (id = %d AND n < %d)", i, i%7)
		}
		return b.String()
	}
	texts := `v = repeat('x', 900000) OR v = repeat('y', 900001) OR v = repeat('z', 900002) OR id = 1`
	for _, c := range []struct {
		name, condition string
		sent            bool
		rows            string // "": not run, the server itself takes long
	}{
		{"short", terms(100), true, "26"},
		{"long", terms(2000), true, ""},
		{"too long", terms(40000), false, ""},
		{"long constants", texts, false, "1"},
		{"large constants", strings.NewReplacer("900000", "1900000", "900001", "1900001").Replace(texts), true, "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			where := fmt.Sprintf(" FROM t WHERE n < 100 AND (%s)", c.condition)
			plan, err := s.conn.PgConn().Exec(context.Background(), "EXPLAIN (VERBOSE, COSTS off) SELECT v"+where).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			for _, row := range plan[0].Rows {
				text.Write(row[0])
			}
			_, remote, _ := strings.Cut(text.String(), "Remote SQL:")
			if !strings.Contains(remote, "(n < 100)") {
				t.Errorf("the short condition is not sent: %.200s", remote)
			}
			if sent := strings.Contains(remote, " OR "); sent != c.sent {
				t.Errorf("sent: %v, want %v: %.200s", sent, c.sent, remote)
			}
			if c.rows != "" {
				(&session{T: t, conn: s.conn, pid: s.pid, data: s.data}).want("SELECT count(*)"+where, c.rows)
			}
		})
	}
	noCrash(t, r.local)
}
