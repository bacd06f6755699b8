package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgwire_fdw/regress/cluster/pgtest"
)

// patience is how long anything may take before a test calls it hanging. It is
// far above what a loaded machine needs: only a hang reaches it.
const patience = 60 * time.Second

// rig is two servers, one a foreign server of the other, and the functions of
// extension/testing.c in the local one.
type rig struct {
	local, remote *pgtest.Cluster
}

// remoteTables: t has 1000 rows, big 300 000 wide ones (60 MB), and views whose
// rows fail or take their time.
const remoteTables = `
	CREATE TABLE t (id int PRIMARY KEY, v text, n int);
	INSERT INTO t SELECT g, 'v' || g, g % 10 FROM generate_series(1, 1000) g;
	CREATE VIEW slow AS SELECT id, v, pg_sleep(0.01)::text AS s FROM t;
	CREATE VIEW asleep AS SELECT 1 AS id FROM pg_sleep(600);
	CREATE VIEW busy AS SELECT count(*) AS n FROM generate_series(1, 2000000000) g WHERE g % 3 <> 3;
	CREATE VIEW failing AS SELECT id, 1 / (id - 500) AS v FROM t;
	CREATE VIEW big AS SELECT g AS id, repeat('x', 200) AS pad FROM generate_series(1, 300000) g;
	ANALYZE`

const localTables = `
	CREATE FOREIGN TABLE t (id int, v text, n int) SERVER %[1]s;
	CREATE FOREIGN TABLE slow (id int, v text, s text) SERVER %[1]s;
	CREATE FOREIGN TABLE asleep (id int) SERVER %[1]s;
	CREATE FOREIGN TABLE busy (n bigint) SERVER %[1]s;
	CREATE FOREIGN TABLE failing (id int, v int) SERVER %[1]s;
	CREATE FOREIGN TABLE big (id int, pad text) SERVER %[1]s`

const testFunctions = `
	CREATE FUNCTION test_counters() RETURNS text LANGUAGE c STRICT PARALLEL SAFE AS '$libdir/pgwire_fdw', 'pgwire_fdw_test_counters';
	CREATE FUNCTION test_fault(text) RETURNS void LANGUAGE c STRICT AS '$libdir/pgwire_fdw', 'pgwire_fdw_test_fault';
	CREATE FUNCTION test_load() RETURNS void LANGUAGE c STRICT AS '$libdir/pgwire_fdw', 'pgwire_fdw_test_load'`

// newRig starts both servers, with extra lines for the local one's configuration.
func newRig(t *testing.T, conf ...string) rig {
	t.Helper()
	r := rig{remote: pgtest.Start(t, pgtest.Options{Name: "remote", Conf: []string{"wal_level = logical"}}),
		// what LLVM keeps would hide what we do
		local: pgtest.Start(t, pgtest.Options{Name: "local", Conf: append([]string{"jit = off"}, conf...)})}
	r.remote.Exec(t, remoteTables)
	pgtest.Link(t, r.local, r.remote, "remote")
	r.local.Exec(t, fmt.Sprintf(localTables, "remote"), testFunctions)
	return r
}

// via makes the foreign server reach its remote through another port, such as
// a proxy's.
func (r rig) via(t *testing.T, port string) {
	t.Helper()
	r.local.Exec(t, fmt.Sprintf("ALTER SERVER remote OPTIONS (SET port '%s')", port))
}

// session is one client session of a server.
type session struct {
	*testing.T
	conn *pgx.Conn
	pid  int
	data string // data directory of its server
}

func open(t *testing.T, c *pgtest.Cluster) *session {
	t.Helper()
	conn := c.Connect(t)
	return &session{T: t, conn: conn, pid: int(conn.PgConn().PID()), data: c.Data}
}

// try runs statements by the simple protocol, for at most patience.
func (s *session) try(sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := s.conn.PgConn().Exec(ctx, sql).ReadAll()
	if ctx.Err() != nil {
		return fmt.Errorf("hangs: %s: %w", sql, err)
	}
	return err
}

// must runs statements that have to succeed.
func (s *session) must(sql string) {
	s.Helper()
	if err := s.try(sql); err != nil {
		s.Fatalf("%s: %v", sql, describe(err))
	}
}

// value runs a query and returns the first column of its first row as text.
func (s *session) value(sql string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	results, err := s.conn.PgConn().Exec(ctx, sql).ReadAll()
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("hangs: %s: %w", sql, err)
	case err != nil:
		return "", err
	}
	last := results[len(results)-1]
	if len(last.Rows) == 0 {
		return "", fmt.Errorf("no row: %s", sql)
	}
	return string(last.Rows[0][0]), nil
}

// get is value of a query that has to succeed.
func (s *session) get(sql string) string {
	s.Helper()
	v, err := s.value(sql)
	if err != nil {
		s.Fatalf("%s: %v", sql, describe(err))
	}
	return v
}

// want checks the value of a query.
func (s *session) want(sql, want string) {
	s.Helper()
	if got := s.get(sql); got != want {
		s.Errorf("%s: %q, want %q", sql, got, want)
	}
}

// refused runs a statement that has to fail with one of these SQLSTATEs
// (separated by spaces), and returns the error.
func (s *session) refused(sql, states string) *pgconn.PgError {
	s.Helper()
	err := s.try(sql)
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		s.Fatalf("%s: %v, want an error with SQLSTATE %s", sql, err, states)
	}
	if !within(e.Code, states) {
		s.Errorf("%s: %s, want SQLSTATE %s", sql, describe(err), states)
	}
	return e
}

// within tells whether a SQLSTATE is one of these, separated by spaces; that of
// success is empty, and at the beginning or end.
func within(state, states string) bool {
	return strings.Contains(" "+states+" ", " "+state+" ")
}

// inBackground starts a statement and returns where its error will come.
func (s *session) inBackground(sql string) <-chan error {
	done := make(chan error, 1)
	go func() { done <- s.try(sql) }()
	return done
}

// works checks that the session's foreign tables give what they should.
func (s *session) works() {
	s.Helper()
	s.want("SELECT count(*) || ' ' || sum(id) || ' ' || max(v) FROM t", "1000 500500 v999")
}

func describe(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return fmt.Sprintf("%s %s: %s | %s | %s | %s", e.Severity, e.Code, e.Message, e.Detail, e.Hint, e.Where)
	}
	return err.Error()
}

// state of an error, "" for none.
func state(err error) string {
	var e *pgconn.PgError
	switch {
	case errors.As(err, &e):
		return e.Code
	case err != nil:
		return err.Error()
	}
	return ""
}

// usage is what a backend holds.
type usage struct {
	rssKB, stackKB, fds, threads int
	counters                     map[string]int
	open                         []string // what fds counts
}

func (s *session) usage() usage {
	s.Helper()
	u := usage{counters: map[string]int{}}
	for _, line := range strings.Split(strings.TrimSpace(s.get("SELECT test_counters()")), "\n") {
		if name, n, ok := strings.Cut(line, " "); ok {
			u.counters[name], _ = strconv.Atoi(n)
		}
	}
	fds, err := pgtest.FDs(s.pid)
	if err != nil {
		s.Fatal(err)
	}
	threads, err := pgtest.Threads(s.pid)
	if err != nil {
		s.Fatal(err)
	}
	u.threads = len(threads)
	polls := 0
	for _, target := range fds {
		// the server keeps files of tables open as it likes; an unnamed file is ours
		if strings.HasPrefix(target, s.data+"/") && !strings.HasSuffix(target, "(deleted)") {
			continue
		}
		if target == "anon_inode:[eventpoll]" {
			polls++
			continue
		}
		u.open = append(u.open, target)
	}
	// The latch's, the client's, Go's, and the one kept for the socket waited
	// for last: each is made when first needed, and there once.
	u.fds = len(u.open) + max(4, polls)
	if u.rssKB, err = pgtest.PrivateKB(s.pid); err != nil {
		s.Fatal(err)
	}
	u.stackKB = statusKB(s, "VmStk")
	return u
}

func statusKB(s *session, key string) int {
	s.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	if err != nil {
		s.Fatal(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if name, rest, ok := strings.Cut(line, ":"); ok && name == key {
			kb, _ := strconv.Atoi(strings.Fields(rest)[0])
			return kb
		}
	}
	s.Fatalf("no %s in status", key)
	return 0
}

// keptArenas is how many small batch arenas a backend keeps for its next scan.
const keptArenas = 4

// settled waits until the session holds at most what it held before: a
// goroutine that carries out a cancel request may end a little later.
func (s *session) settled(before usage) {
	s.Helper()
	var now usage
	why := ""
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		now, why = s.usage(), ""
		for name, n := range now.counters {
			if n > before.counters[name] && !(name == "arena" && n <= keptArenas) {
				why += fmt.Sprintf("%s: %d, before %d; ", name, n, before.counters[name])
			}
		}
		if now.fds > before.fds {
			why += fmt.Sprintf("%d files, before %d: %v, before %v; ", now.fds, before.fds, now.open, before.open)
		}
		if why == "" || time.Now().After(deadline) {
			break
		}
	}
	if why != "" {
		s.Errorf("leaked: %s", why)
	}
}

// flat is settled, and no growth of memory, stack and threads beyond slack.
func (s *session) flat(before usage, slackKB int) {
	s.Helper()
	s.settled(before)
	now := s.usage()
	if now.rssKB > before.rssKB+slackKB {
		s.Errorf("private memory has grown from %d to %d kB", before.rssKB, now.rssKB)
	}
	if now.stackKB > before.stackKB+256 {
		s.Errorf("the stack has grown from %d to %d kB", before.stackKB, now.stackKB)
	}
	// Go makes a thread when one blocks in a system call; it keeps but reuses them
	if now.threads > before.threads+4 {
		s.Errorf("%d threads, before %d", now.threads, before.threads)
	}
	s.Logf("memory %d -> %d kB, stack %d -> %d kB, files %d -> %d, threads %d -> %d, %v", before.rssKB, now.rssKB,
		before.stackKB, now.stackKB, before.fds, now.fds, before.threads, now.threads, now.counters)
}

// remoteSessions counts the sessions that the foreign server has opened, with
// an optional further condition on pg_stat_activity.
func (r rig) remoteSessions(s *session, and string) string {
	s.Helper()
	return s.get(`SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgwire_fdw' ` + and)
}

// noCrash checks a server's log for what must never be there.
func noCrash(t *testing.T, c *pgtest.Cluster) {
	t.Helper()
	for _, line := range strings.Split(c.Log(t), "\n") {
		for _, bad := range []string{"terminated by signal", "PANIC", "crash of another server process",
			"issuing SIGKILL", "leaked", "refcount leak", "still referenced", "fatal error:"} {
			if strings.Contains(line, bad) && !strings.Contains(line, "is still referenced from table") { // a foreign key's
				t.Errorf("log of %s: %s", c.Name, line)
			}
		}
	}
}
