package fetch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"pgwire_fdw/handler/internal/wire"
)

// realServer is a throw-away PostgreSQL; the test is skipped where none is
// installed. Root runs it as user postgres.
type realServer struct {
	t    testing.TB
	bin  string
	dir  string
	port string
	cred *syscall.Credential
}

func startReal(t testing.TB) *realServer {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a server")
	}
	s := &realServer{t: t}
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		s.bin = strings.TrimSpace(string(out))
	}
	if _, err := os.Stat(filepath.Join(s.bin, "initdb")); s.bin == "" || err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
		if len(found) == 0 {
			t.Skip("no PostgreSQL server is installed")
		}
		s.bin = filepath.Dir(found[len(found)-1])
	}
	var err error
	if s.dir, err = os.MkdirTemp("", "fetch"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(s.dir) })
	if os.Geteuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Skip("running as root and there is no user postgres")
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		s.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(s.dir, int(uid), int(gid)); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, s.port, _ = net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	s.run("initdb", "-D", s.data(), "-U", "me", "-A", "trust", "-N", "--no-locale", "-E", "UTF8")
	conf := fmt.Sprintf("port=%s\nlisten_addresses='127.0.0.1'\nunix_socket_directories='%s'\nfsync=off\nshared_buffers=16MB\nmax_connections=20\n", s.port, s.dir)
	s.run("sh", "-c", "cat >> '"+s.data()+"/postgresql.auto.conf' <<'end'\n"+conf+"end")
	s.run("pg_ctl", "-D", s.data(), "-w", "-l", filepath.Join(s.dir, "log"), "start")
	t.Cleanup(func() { s.run("pg_ctl", "-D", s.data(), "-m", "immediate", "stop") })
	return s
}

func (s *realServer) data() string { return filepath.Join(s.dir, "data") }

func (s *realServer) run(name string, args ...string) {
	s.t.Helper()
	if name != "sh" {
		name = filepath.Join(s.bin, name)
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
	if text, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v\n%s", name, err, text)
	}
}

// exec runs SQL in a session of its own and returns the last value.
func (s *realServer) exec(sql string) string {
	s.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	c, err := pgconn.Connect(ctx, "host="+s.dir+" port="+s.port+" user=me dbname=postgres")
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = c.Close(ctx) }()
	results, err := c.Exec(ctx, sql).ReadAll()
	if err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
	last := results[len(results)-1]
	if len(last.Rows) == 0 {
		return ""
	}
	return string(last.Rows[0][0])
}

// becomes waits until a query answers want: an ended session may be seen for a
// while yet, and an answer that nobody awaited takes its time.
func (s *realServer) becomes(want, sql string) {
	s.t.Helper()
	got := ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if got = s.exec(sql); got == want {
			return
		}
	}
	s.t.Errorf("%s: %s, want %s", sql, got, want)
}

var oneInt = []wire.Column{{Name: "n", TypeOID: 23, Typmod: -1}}

func ints(s *Spec) { s.Columns = oneInt }

func quick(s *Spec) { s.Columns, s.Expected = oneInt, 1 }

func TestRealServer(t *testing.T) {
	noLeak(t)
	real := startReal(t)
	r := newRig(t, real.dir, real.port)
	real.exec("CREATE TABLE t (n int); INSERT INTO t VALUES (1)")
	const others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
	count := r.scan("SELECT count(*)::int4 FROM t", quick)
	t.Run("snapshot", func(t *testing.T) {
		same(t, "before", r.must(count), []string{"1"})
		real.exec("INSERT INTO t VALUES (2)")
		same(t, "same transaction", r.must(count), []string{"1"})
		r.commit()
		same(t, "next transaction", r.must(count), []string{"2"})
		r.commit()
	})
	t.Run("sub-transactions", func(t *testing.T) {
		bad := r.scan("SELECT 1 / (n - n) FROM t", quick)
		same(t, "level 1", r.must(count), []string{"2"})
		for range 3 {
			r.level = 2
			same(t, "level 2", r.must(count), []string{"2"})
			r.level = 3
			_, err := r.run(bad)
			failsWith(t, err, "22012", "division by zero")
			r.subAbort()
			same(t, "level 2 again", r.must(count), []string{"2"})
			r.level = 3
			same(t, "level 3", r.must(count), []string{"2"})
			r.subCommit()
			_, err = r.run(bad)
			failsWith(t, err, "22012")
			r.subAbort()
			same(t, "level 1 again", r.must(count), []string{"2"})
		}
		_, err := r.run(bad)
		failsWith(t, err, "22012")
		r.abort()
		same(t, "afterwards", r.must(count), []string{"2"})
		r.commit()
	})
	t.Run("abandoned", func(t *testing.T) {
		pid := r.must(r.scan("SELECT pg_backend_pid()", quick))[0]
		for range 5 {
			s := r.scan("SELECT generate_series(1, 2000000000)", ints, func(s *Spec) { s.Expected = -1 })
			r.first(s)
			s.Close()
			same(t, "afterwards", r.must(count), []string{"2"})
		}
		for range 3 {
			s := r.scan("SELECT generate_series(1, 2000000000)", ints, func(s *Spec) { s.Expected = -1 })
			r.first(s)
			r.level++
			s.Reset()
			same(t, "inside", r.must(r.scan("SELECT 5", quick)), []string{"5"})
			s.Close()
			r.subAbort()
		}
		r.abort()
		same(t, "connection", r.must(r.scan("SELECT pg_backend_pid()", quick)), []string{pid})
		r.commit()
	})
	t.Run("abort", func(t *testing.T) {
		for _, alone := range []bool{false, true} {
			r.alone = alone
			s := r.scan("SELECT 1 FROM pg_sleep(100)", ints)
			r.bind(s)
			for range 50 {
				out, w, err := s.Next(r.level, false)
				if err != nil || out != Wait {
					t.Fatal(out, err)
				}
				w.Timeout = time.Millisecond
				r.await(w, time.Now().Add(time.Second))
			}
			r.abort()
			r.alone = false
			real.becomes("0", "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(100)%' AND state = 'active' AND pid <> pg_backend_pid()")
		}
	})
	t.Run("cancels hit nothing else", func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 4))
		same(t, "before", r.must(count), []string{"2"})
		r.commit()
		pid := r.must(r.scan("SELECT pg_backend_pid()", quick))[0]
		r.commit()
		for i := range 400 {
			s := r.scan(fmt.Sprintf("SELECT generate_series(1, %d) FROM pg_sleep(%f)", 1+rng.IntN(60000), rng.Float64()/500), ints)
			r.alone = rng.IntN(2) == 0
			if !r.alone && rng.IntN(2) == 0 {
				r.must(count)
				r.level = 2
			}
			r.bind(s)
			for range rng.IntN(3) {
				if out, w, err := s.Next(r.level, false); err != nil {
					t.Fatal(err)
				} else if out == Wait {
					w.Timeout = time.Duration(rng.IntN(2000)) * time.Microsecond
					r.await(w, time.Now().Add(time.Second))
				}
			}
			r.alone = false
			begun := time.Now()
			conn := r.pool.Lookup(umid)
			switch {
			case r.level == 2:
				r.subAbort()
				if d := time.Since(begun); d > cleanupTime/2 {
					t.Logf("%d: subabort took %v", i, d)
				}

			case rng.IntN(3) == 0:
				s.Close() // to be cancelled when the next one starts, or at the commit
			default:
				if d := r.abort(); d > cleanupTime/2 {
					t.Logf("%d: abort took %v", i, d)
				}
			}
			if rows, err := r.run(count); err != nil || len(rows) != 1 || rows[0] != "2" {
				t.Fatalf("%d: %v, %v", i, rows, err)
			}
			if err := r.commit(); err != nil {
				t.Fatal(err)
			}
			s.Close()
			if l := r.pool.List(false); len(l) != 1 || itoa(int(l[0].PID)) != pid {
				t.Fatalf("%d: a connection was lost: %v", i, conn.Broken())
			}
		}
		same(t, "connection", r.must(r.scan("SELECT pg_backend_pid()", quick)), []string{pid})
		r.commit()
		if r.drain(); len(r.notices) > 0 {
			t.Errorf("notices: %+v", r.notices)
		}
	})
	t.Run("altered", func(t *testing.T) {
		real.exec("CREATE TABLE a (n int4); INSERT INTO a VALUES (7)")
		for _, alone := range []bool{false, true} {
			r.alone = alone
			s := r.scan("SELECT n FROM a", quick)
			for range 3 {
				same(t, "before", r.must(s), []string{"7"})
				r.commit()
			}
			real.exec("ALTER TABLE a ALTER n TYPE int8")
			same(t, "after", r.must(s), []string{"text:7"})
			r.commit()
			real.exec("ALTER TABLE a ALTER n TYPE int4")
			r.must(s)
			r.commit()
			r.pool.CloseIdle(0)
		}
		r.alone = false
	})
	t.Run("terminated", func(t *testing.T) {
		same(t, "before", r.must(count), []string{"2"})
		r.commit()
		real.exec(others)
		same(t, "retried", r.must(count), []string{"2"})
		real.exec(others)
		_, err := r.run(count)
		failsWith(t, err, "08006")
		_, err = r.run(count)
		failsWith(t, err, "08006")
		r.abort()
		same(t, "afterwards", r.must(count), []string{"2"})
		r.commit()
	})
	t.Run("nothing left", func(t *testing.T) {
		real.becomes("0", "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%'")
	})
	t.Run("rebinds", func(t *testing.T) {
		s := r.scan("SELECT $1::int4", quick)
		r.must(s, number(1))
		for i := range 20000 {
			if rows := r.must(s, number(i)); rows[0] != itoa(i) {
				t.Fatal(rows)
			}
		}
		if n := r.must(r.scan("SELECT count(*)::int4 FROM pg_prepared_statements", quick)); n[0] > "5" || len(n[0]) > 1 {
			t.Errorf("%s prepared statements", n[0])
		}
		r.commit()
	})
	t.Run("statements", func(t *testing.T) {
		for i := range 2000 {
			s := r.scan(fmt.Sprint("SELECT ", i), quick)
			r.must(s)
			r.must(s)
			s.Close()
			r.commit()
		}
		if n, _ := strconv.Atoi(r.must(r.scan("SELECT count(*)::int4 FROM pg_prepared_statements", quick))[0]); n > 130 {
			t.Errorf("%d prepared statements", n)
		}
		r.commit()
	})
	t.Run("turns", func(t *testing.T) {
		for seed := range uint64(*turns) {
			g := newGame(r, seed, func(w int) string {
				return fmt.Sprintf("SELECT g, repeat(chr(97 + g %% 26), %d) FROM generate_series(1, $1) g", w)
			})
			for range 120 {
				g.move()
			}
			for _, p := range g.players {
				for p.more {
					g.play(p)
				}
			}
			g.abort()
			for _, p := range g.players {
				p.Close()
			}
		}
	})
}
