package cluster

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgwire_fdw/regress/cluster/pgtest"
)

const mb = 1 << 20

// largeRig is two servers with rows of 1 MB, and a view that makes one value
// of any size.
func largeRig(t *testing.T) (s *session) {
	t.Helper()
	remote := pgtest.Start(t, pgtest.Options{Name: "remote"})
	local := pgtest.Start(t, pgtest.Options{Name: "local", Conf: []string{"jit = off"}})
	remote.Exec(t, `CREATE TABLE size (mb int)`,
		`INSERT INTO size VALUES (1)`,
		fmt.Sprintf(`CREATE VIEW wide AS SELECT g AS id, repeat(chr(65 + g %% 26), %d) AS t FROM generate_series(1, 400) g`, mb),
		`CREATE VIEW huge AS SELECT repeat('0123456789abcdef', mb * 65536) AS t, mb FROM size`,
		`CREATE VIEW nearly AS SELECT repeat('x', 1073741800) AS t`,
		`CREATE VIEW numbers AS SELECT array_fill(7::bigint, ARRAY[(mb * 131072)]) AS a FROM size`)
	pgtest.Link(t, local, remote, "remote", "fetch_memory '4MB'")
	local.Exec(t, `CREATE FOREIGN TABLE size (mb int) SERVER remote`,
		`CREATE FOREIGN TABLE wide (id int, t text) SERVER remote`,
		`CREATE FOREIGN TABLE huge (t text, mb int) SERVER remote`,
		`CREATE FOREIGN TABLE huge_as_bytes (t bytea, mb int) SERVER remote OPTIONS (table_name 'huge')`,
		`CREATE FOREIGN TABLE nearly (t text) SERVER remote`,
		`CREATE FOREIGN TABLE numbers (a bigint[]) SERVER remote`)
	s = open(t, local)
	s.get(`SELECT count(*) FROM size`)
	return s
}

// peakKB watches a process's private memory while f runs, and returns by how
// many kB the highest seen was above the one before.
func peakKB(s *session, f func()) int {
	s.Helper()
	before, err := pgtest.PrivateKB(s.pid)
	if err != nil {
		s.Fatal(err)
	}
	var peak atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			if kb, err := pgtest.PrivateKB(s.pid); err == nil && int64(kb) > peak.Load() {
				peak.Store(int64(kb))
			}
			select {
			case <-stop:
				return
			case <-time.After(3 * time.Millisecond):
			}
		}
	}()
	f()
	close(stop)
	<-stopped
	return int(peak.Load()) - before
}

// TestWideRowsInBoundedMemory: whatever the width of rows, what is read ahead
// is bounded in bytes. 400 MB go by.
func TestWideRowsInBoundedMemory(t *testing.T) {
	s := largeRig(t)
	for _, c := range []struct {
		name, sql, want string
		limitMB         int
	}{
		{"scan", `SELECT count(*) || ' ' || sum(length(t)) FROM wide`, fmt.Sprintf("400 %d", 400*mb), 32},
		{"values", `SELECT bool_and(t = repeat(chr(65 + id % 26), 1048576))::text FROM wide`, "true", 48},
		// another statement in the middle: the rest is set aside, in a file beyond 4 MB
		{"interleaved", `SELECT count(*) || ' ' || sum(length(w.t) + (SELECT mb FROM size WHERE mb <= w.id)) FROM wide w`,
			fmt.Sprintf("400 %d", 400*mb+400), 48},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &session{T: t, conn: s.conn, pid: s.pid, data: s.data}
			peak := peakKB(s, func() { s.want(c.sql, c.want) })
			t.Logf("peak is %d MB above the start", peak/1024)
			if peak > c.limitMB*1024 {
				t.Errorf("%s took %d MB, more than %d", c.name, peak/1024, c.limitMB)
			}
		})
	}
}

// TestHugeValues: a value of 300 MB takes a few times its size and no more,
// and the memory is given back.
func TestHugeValues(t *testing.T) {
	s := largeRig(t)
	need(t, 4)
	before, _ := pgtest.PrivateKB(s.pid)
	const n = 300
	remote := fmt.Sprintf("UPDATE size SET mb = %d", n)
	setSize(t, s, remote)
	for _, c := range []struct{ sql, want string }{
		{`SELECT length(t) || ' ' || right(t, 3) || substr(t, 1000001, 4) FROM huge`, fmt.Sprintf("%d def0123", n*mb)},
		{`SELECT length(t) || ' ' || get_byte(t, 17) FROM huge_as_bytes`, fmt.Sprintf("%d 49", n*mb)},
		{`SELECT cardinality(a) || ' ' || a[1] || a[39321600] FROM numbers`, fmt.Sprintf("%d 77", n*mb/8)},
	} {
		var got string
		peak := peakKB(s, func() { got = s.get(c.sql) })
		if got != c.want {
			t.Errorf("%s: %.100q, want %q", c.sql, got, c.want)
		}
		t.Logf("%s: peak is %d MB above the start", c.sql, peak/1024)
		if peak > 4*n*1024+64*1024 {
			t.Errorf("%s took %d MB for a value of %d MB", c.sql, peak/1024, n)
		}
	}
	setSize(t, s, "UPDATE size SET mb = 1")
	s.get(`SELECT count(*) FROM size`)
	s.get(`SELECT length(t)::text FROM huge`)
	if after, _ := pgtest.PrivateKB(s.pid); after > before+48*1024 {
		t.Errorf("the session keeps %d MB", (after-before)/1024)
	}
}

// setSize alters the remote table. The foreign tables cannot be written to.
func setSize(t *testing.T, s *session, sql string) {
	t.Helper()
	s.must(`CREATE EXTENSION IF NOT EXISTS dblink`)
	s.must(fmt.Sprintf(`SELECT dblink_exec('host=127.0.0.1 dbname=postgres user=postgres password=postgres port=' ||
		(SELECT split_part(o, '=', 2) FROM pg_foreign_server, unnest(srvoptions) o WHERE srvname = 'remote' AND o LIKE 'port=%%'), '%s')`, sql))
}

// TestNearlyOneGigabyte: the largest text that a server can send.
func TestNearlyOneGigabyte(t *testing.T) {
	if testing.Short() {
		t.Skip("takes several GB of memory")
	}
	need(t, 10)
	s := largeRig(t)
	s.want(`SELECT length(t)::text FROM nearly`, "1073741800")
	// more than the remote can send is an error, and the session goes on
	setSize(t, s, "UPDATE size SET mb = 1025")
	s.refused(`SELECT length(t) FROM huge`, "54000 XX000 53200")
	setSize(t, s, "UPDATE size SET mb = 1")
	s.want(`SELECT length(t)::text FROM huge`, strconv.Itoa(mb))
}

// need skips a test where less memory is available, in GB.
func need(t *testing.T, gb int) {
	t.Helper()
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		t.Skip(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			if kb, _ := strconv.Atoi(strings.Fields(rest)[0]); kb < gb<<20 {
				t.Skipf("only %d MB of memory are available", kb/1024)
			}
		}
	}
}
