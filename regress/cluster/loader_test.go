package cluster

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pgwire_fdw/regress/cluster/pgtest"
)

// asynchronous are the signals that PostgreSQL handles in a backend, plus
// those whose default would end it. SIGCHLD is not among them: Go keeps it
// open and a backend leaves it at its default, which is to ignore it.
var asynchronous = []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2,
	syscall.SIGPIPE, syscall.SIGALRM, syscall.SIGTERM, syscall.SIGURG, syscall.SIGIO, syscall.SIGVTALRM}

// checkMasks compares the main thread's mask with the one before Go was
// loaded, and wants every other thread to leave the server's signals alone.
func checkMasks(t *testing.T, pid int, before pgtest.Thread, when string) {
	t.Helper()
	threads, err := pgtest.Threads(pid)
	if err != nil {
		t.Fatal(err)
	}
	if len(threads) < 2 {
		t.Fatalf("%s: Go is not there, only %d thread", when, len(threads))
	}
	// a backend that has just answered may still be in a section with signals blocked
	for range 50 {
		if threads[0].Blocked == before.Blocked {
			break
		}
		time.Sleep(10 * time.Millisecond)
		if threads, err = pgtest.Threads(pid); err != nil {
			t.Fatal(err)
		}
	}
	if threads[0].Blocked != before.Blocked {
		t.Errorf("%s: the main thread blocks %x, before Go %x", when, threads[0].Blocked, before.Blocked)
	}
	for _, th := range threads[1:] {
		for _, sig := range asynchronous {
			if !th.Blocks(int(sig)) {
				t.Errorf("%s: thread %d (%s) does not block %v", when, th.ID, th.Name, sig)
			}
		}
	}
	// Go adds handlers, and none of PostgreSQL's may be gone
	if lost := before.Caught &^ threads[0].Caught; lost != 0 {
		t.Errorf("%s: handlers of signals %x are gone", when, lost)
	}
	sigchld := uint64(1) << (syscall.SIGCHLD - 1)
	if threads[0].Caught&sigchld != before.Caught&sigchld {
		t.Errorf("%s: SIGCHLD is caught differently", when)
	}
}

func TestSignalMasks(t *testing.T) {
	r := newRig(t)
	s := open(t, r.local)
	s.must("SELECT 1")
	threads, err := pgtest.Threads(s.pid)
	if err != nil || len(threads) != 1 {
		t.Fatalf("threads before the first foreign query: %v, %v", threads, err)
	}
	before := threads[0]
	if !before.Blocks(int(syscall.SIGURG)) {
		t.Fatal("the server does not block SIGURG: this test has lost its sense")
	}
	s.works()
	checkMasks(t, s.pid, before, "after use")
	s.refused("SELECT 1/0", "22012")
	checkMasks(t, s.pid, before, "after an error")
	s.refused("SELECT sum(v) FROM failing", "22012")
	checkMasks(t, s.pid, before, "after a remote error")
	s.must("DO $$ BEGIN PERFORM sum(v) FROM failing; EXCEPTION WHEN division_by_zero THEN NULL; END $$")
	checkMasks(t, s.pid, before, "after a remote error that was caught")
	s.must("SELECT test_fault('scan_next')")
	s.refused("SELECT count(*) FROM t", "XX000")
	checkMasks(t, s.pid, before, "after a panic")
	s.refused("SET statement_timeout = '50ms'; SELECT * FROM asleep", "57014")
	checkMasks(t, s.pid, before, "after a cancel")
	s.works()
	noCrash(t, r.local)
}

// TestFloatException: PostgreSQL's handler of SIGFPE leaves by longjmp, so Go's
// handler, which blocks every signal, must not be in between.
func TestFloatException(t *testing.T) {
	r := newRig(t)
	s := open(t, r.local)
	threads, err := pgtest.Threads(s.pid)
	if err != nil {
		t.Fatal(err)
	}
	s.works()
	for _, sql := range []string{
		"SELECT pg_sleep(60)",
		"DO $$ BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN floating_point_exception THEN PERFORM pg_sleep(0.2); RAISE; END $$"} {
		done := s.inBackground(sql)
		watch := open(t, r.local)
		pgtest.WaitUntil(t, patience, "the statement sleeps", func() bool {
			return watch.get(fmt.Sprintf("SELECT wait_event FROM pg_stat_activity WHERE pid = %d", s.pid)) == "PgSleep"
		})
		if err := unix.Tgkill(s.pid, s.pid, syscall.SIGFPE); err != nil {
			t.Fatal(err)
		}
		if err := <-done; state(err) != "22P01" {
			t.Errorf("SIGFPE in %q: %v, want SQLSTATE 22P01", sql, err)
		}
		checkMasks(t, s.pid, threads[0], "after SIGFPE")
		s.refused("SET statement_timeout = '50ms'; SELECT pg_sleep(60)", "57014")
	}
	s.works()
	noCrash(t, r.local)
}

// goIsMapped tells whether a process has the Go half in its memory.
func goIsMapped(t *testing.T, pid int) bool {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(maps, []byte("pgwire_fdw_go"))
}

func TestPreload(t *testing.T) {
	for _, setting := range []string{"shared_preload_libraries", "session_preload_libraries"} {
		t.Run(setting, func(t *testing.T) {
			r := newRig(t, setting+" = 'pgwire_fdw'")
			pm := r.local.Postmaster()
			s := open(t, r.local)
			maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", s.pid))
			if err != nil || !bytes.Contains(maps, []byte("pgwire_fdw.so")) {
				t.Errorf("the C module is not preloaded (%v)", err)
			}
			if goIsMapped(t, s.pid) {
				t.Error("Go is loaded before it is needed")
			}
			s.works()
			if !goIsMapped(t, s.pid) {
				t.Error("the foreign table was read without Go?")
			}
			threads, err := pgtest.Threads(pm)
			if err != nil || len(threads) != 1 || goIsMapped(t, pm) {
				t.Errorf("the postmaster has %d threads, Go mapped %v (%v)", len(threads), goIsMapped(t, pm), err)
			}
			open(t, r.local).works()
			r.local.Down(t, pgtest.Fast)
			noCrash(t, r.local)
		})
	}
}

func TestLoadStatement(t *testing.T) {
	r := newRig(t)
	s := open(t, r.local)
	s.must("LOAD 'pgwire_fdw'")
	if goIsMapped(t, s.pid) {
		t.Error("LOAD has started Go")
	}
	s.must("SELECT test_load()")
	if !goIsMapped(t, s.pid) {
		t.Error("test_load has not started Go")
	}
	s.works()
	s.must("LOAD 'pgwire_fdw'")
	s.works()
}

// TestLocalPreload: local_preload_libraries only takes what is in
// $libdir/plugins.
func TestLocalPreload(t *testing.T) {
	r := newRig(t)
	p := pgtest.PrivateInstall(t)
	plugins := filepath.Join(p.LibDir, "plugins")
	if err := os.MkdirAll(plugins, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../pgwire_fdw.so", filepath.Join(plugins, "pgwire_fdw.so")); err != nil {
		t.Fatal(err)
	}
	r.local.Exec(t, "CREATE ROLE plain LOGIN", "ALTER ROLE plain SET local_preload_libraries = 'pgwire_fdw'",
		"GRANT SELECT ON t TO plain", "CREATE USER MAPPING FOR plain SERVER remote OPTIONS (user 'postgres', password 'postgres')")
	r.local.Down(t, pgtest.Fast)
	r.local.UpFrom(t, p)
	conn := r.local.ConnectAs(t, "plain", "postgres")
	s := &session{T: t, conn: conn, pid: int(conn.PgConn().PID())}
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", s.pid))
	if err != nil || !bytes.Contains(maps, []byte("pgwire_fdw.so")) {
		t.Errorf("the C module is not preloaded (%v)", err)
	}
	s.works()
	noCrash(t, r.local)
}

func TestJIT(t *testing.T) {
	r := newRig(t, "jit = on", "jit_above_cost = 0", "jit_inline_above_cost = 0", "jit_optimize_above_cost = 0")
	s := open(t, r.local)
	if s.get("SELECT pg_jit_available()") != "t" {
		t.Skip("this server has no JIT")
	}
	const local = "SELECT sum(a * 2 + length(md5(a::text))) FROM generate_series(1, 1000) a"
	const foreign = "SELECT count(*) || ' ' || sum(id * 2 + length(v) + random()::int * 0) FROM t WHERE n < 9"
	want := s.get(local)
	plain := open(t, r.local)
	plain.must("SET jit = off")
	wantForeign := plain.get(foreign)
	for range 3 {
		s.want(foreign, wantForeign)
		s.want(local, want)
		s.refused("SELECT sum(v + length(md5(id::text))) FROM failing", "22012")
		s.refused("SELECT 1 / (a - 5) FROM generate_series(1, 10) a", "22012")
	}
	if plan := s.get("EXPLAIN (ANALYZE, FORMAT JSON) " + foreign); !strings.Contains(plan, `"JIT"`) {
		t.Errorf("the query was not compiled:\n%s", plan)
	}
	s.works()
	noCrash(t, r.local)
}

// TestTimeLimits: the limits that the server keeps by itself end a session that
// has run Go, wherever it is.
func TestTimeLimits(t *testing.T) {
	r := newRig(t)
	watch, there := open(t, r.local), open(t, r.remote)
	gone := func(s *session) {
		t.Helper()
		pgtest.WaitUntil(t, patience, "the session has ended", func() bool {
			return watch.get(fmt.Sprintf("SELECT count(*) FROM pg_stat_activity WHERE pid = %d", s.pid)) == "0"
		})
		pgtest.WaitUntil(t, patience, "its remote session has ended", func() bool { return r.remoteSessions(there, "") == "0" })
	}
	s := open(t, r.local)
	s.works()
	s.must("SET idle_session_timeout = '200ms'")
	gone(s)

	s = open(t, r.local)
	s.must("SET idle_in_transaction_session_timeout = '200ms'; BEGIN; DECLARE c CURSOR FOR SELECT * FROM big")
	gone(s)

	s = open(t, r.local)
	s.must("SET idle_in_transaction_session_timeout = '300ms'; BEGIN; DECLARE c CURSOR FOR SELECT * FROM big; FETCH 10 FROM c")
	gone(s)

	s = open(t, r.local)
	s.works()
	watch.must(fmt.Sprintf("SELECT pg_terminate_backend(%d)", s.pid))
	gone(s)

	s = open(t, r.local)
	done := s.inBackground("SELECT * FROM asleep")
	pgtest.WaitUntil(t, patience, "the remote is asleep", func() bool { return r.remoteSessions(there, "AND state = 'active'") == "1" })
	watch.must(fmt.Sprintf("SELECT pg_terminate_backend(%d)", s.pid))
	if err := <-done; state(err) != "57P01" {
		t.Errorf("a terminated session said %v", err)
	}
	gone(s)
	noCrash(t, r.local)
	noCrash(t, r.remote)
}

func TestShutdown(t *testing.T) {
	for name, how := range map[string]pgtest.Shutdown{"fast": pgtest.Fast, "immediate": pgtest.Immediate} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			there := open(t, r.remote)
			for range 3 {
				open(t, r.local).works()
			}
			failed := open(t, r.local)
			failed.refused("SELECT * FROM failing", "22012")
			var running []<-chan error
			for _, sql := range []string{"SELECT * FROM asleep", "SELECT count(*) FROM busy", "SELECT count(*) FROM slow",
				"SELECT count(*) FROM big a JOIN big b ON a.id = b.id + random()::int"} {
				running = append(running, open(t, r.local).inBackground(sql))
			}
			cursor := open(t, r.local)
			cursor.must("BEGIN; DECLARE c CURSOR FOR SELECT * FROM big; FETCH 10 FROM c")
			pgtest.WaitUntil(t, patience, "the statements run", func() bool {
				n, _ := strconv.Atoi(r.remoteSessions(there, "AND state = 'active'"))
				return n >= 3
			})
			started := time.Now()
			r.local.Down(t, how)
			t.Logf("%s shutdown took %v", name, time.Since(started))
			for _, done := range running {
				if err := <-done; err == nil {
					t.Error("a statement has survived the shutdown")
				}
			}
			noCrash(t, r.local)
			left := "" // a backend that is gone at once could not cancel what the remote was doing
			if how == pgtest.Immediate {
				left = "AND state <> 'active'"
			}
			pgtest.WaitUntil(t, patience, "no remote session is left", func() bool { return r.remoteSessions(there, left) == "0" })
			r.local.Up(t)
			open(t, r.local).works()
		})
	}
}

// TestPostmasterDies: a backend that waits for the remote notices.
func TestPostmasterDies(t *testing.T) {
	r := newRig(t)
	there := open(t, r.remote)
	s := open(t, r.local)
	done := s.inBackground("SELECT * FROM asleep")
	pgtest.WaitUntil(t, patience, "the remote is asleep", func() bool { return r.remoteSessions(there, "AND state = 'active'") == "1" })
	if err := syscall.Kill(r.local.Postmaster(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil {
		t.Error("the statement has an answer")
	}
	pgtest.WaitUntil(t, patience, "the backend has ended", func() bool { _, err := pgtest.FDs(s.pid); return err != nil })
}

func TestSingleUser(t *testing.T) {
	r := newRig(t)
	r.local.Down(t, pgtest.Fast)
	cmd := pgtest.Command("postgres", "--single", "-D", r.local.Data, "postgres")
	cmd.Stdin = strings.NewReader("SELECT count(*) AS found, sum(id) AS total FROM t\nSELECT 1/0\nSELECT max(id) AS most FROM t\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{`: found`, `: total`, `= "500500"`, `: most`, `= "1000"`, "division by zero"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %s in:\n%s", want, out)
		}
	}
}

// TestDamagedInstallation: what a wrong Go half gets, and that the session
// goes on.
func TestDamagedInstallation(t *testing.T) {
	header, err := exec.Command("cksum", "../../cgo/bridge.h").Output()
	if err != nil {
		t.Skip("no cksum:", err)
	}
	sum, err := strconv.ParseUint(strings.Fields(string(header))[0], 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	word := func(n uint64) []byte { return []byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)} }
	r := newRig(t)
	p := pgtest.PrivateInstall(t)
	r.local.Down(t, pgtest.Fast)
	r.local.UpFrom(t, p)
	open(t, r.local).works()
	object := filepath.Join(p.LibDir, "pgwire_fdw_go.so")
	whole, err := os.ReadFile(object)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(filepath.Join(p.LibDir, "pgwire_fdw.so"))
	if err != nil {
		t.Fatal(err)
	}
	for _, damage := range []struct {
		name, state, says string
		content           []byte
	}{
		{"missing", "58P01", "No such file", nil},
		{"garbage", "58P01", "ELF header", bytes.Repeat([]byte("this is no object\n"), 1000)},
		{"another object", "58P01", "has no function", other},
		{"another build", "55000", "not from the same build", bytes.ReplaceAll(whole, word(sum), word(sum+1))},
		{"with asynchronous pre-emption", "58000", "SIGURG", bytes.ReplaceAll(whole, []byte("asyncpreemptoff=1"), []byte("asyncpreemptoff=0"))},
	} {
		t.Run(damage.name, func(t *testing.T) {
			if bytes.Equal(damage.content, whole) {
				t.Skip("what was to be altered is not in the object in one piece on this machine")
			}
			// a new file: the old one is mapped by somebody
			if err := os.Remove(object); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			if damage.content != nil {
				if err := os.WriteFile(object, damage.content, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			s := open(t, r.local)
			for range 2 {
				e := s.refused("SELECT count(*) FROM t", damage.state)
				if text := e.Message + " " + e.Detail; !strings.Contains(text, damage.says) {
					t.Errorf("%q does not say %q", text, damage.says)
				}
				if e.Hint == "" {
					t.Error("there is no hint")
				}
				s.want("SELECT 1", "1")
			}
		})
	}
	_ = os.Remove(object)
	if err := os.WriteFile(object, whole, 0o755); err != nil {
		t.Fatal(err)
	}
	open(t, r.local).works()
	noCrash(t, r.local)
}
