package store

import (
	"context"
	"encoding/binary"
	"fmt"
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

	"pgwire_fdw/handler/internal/fakepg"
	"pgwire_fdw/handler/internal/pool"
	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/wire"
)

// realServer is a throw-away PostgreSQL; the test is skipped where none is
// installed. Root runs it as user postgres.
type realServer struct {
	t              testing.TB
	bin, dir, port string
	cred           *syscall.Credential
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
		t.Skip("no PostgreSQL server is installed")
	}
	var err error
	if s.dir, err = os.MkdirTemp("", "store"); err != nil {
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
	data := filepath.Join(s.dir, "data")
	s.run("initdb", "-D", data, "-U", "me", "-A", "trust", "-N", "--no-locale", "-E", "UTF8")
	s.run("pg_ctl", "-D", data, "-w", "-l", filepath.Join(s.dir, "log"), "-o",
		fmt.Sprintf("-c port=%s -c listen_addresses=127.0.0.1 -c unix_socket_directories=%s -c fsync=off -c max_connections=20", s.port, s.dir), "start")
	t.Cleanup(func() { s.run("pg_ctl", "-D", data, "-m", "immediate", "stop") })
	return s
}

func (s *realServer) run(name string, args ...string) {
	s.t.Helper()
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
	if text, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v\n%s", name, err, text)
	}
}

// exec runs SQL in a session of its own and returns the last value.
func (s *realServer) exec(sql string) string {
	s.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 60*time.Second)
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

// rig is one whose target is the server.
func (s *realServer) rig() *rig {
	g := &rig{t: s.t, r: &remote{}, pool: pool.New(), mode: Mode{Level: 1}, host: s.dir, port: s.port, umid: umid, name: "real"}
	s.t.Cleanup(func() {
		g.abort()
		g.pool.CloseIdle(0)
	})
	return g
}

// pair is the image of an integer and a text.
func pair(buf []byte, n int, v string) []byte {
	buf = append(buf, 0, 2, 0, 0, 0, 4)
	buf = binary.BigEndian.AppendUint32(buf, uint32(n))
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(v)))
	return append(buf, v...)
}

const (
	insertPair = "INSERT INTO public.t (n, v) VALUES ($1, $2)"
	copyPair   = "COPY public.t (n, v) FROM STDIN (FORMAT binary)"
)

func pairs(s *Spec) {
	s.Types, s.Formats, s.Exact = []uint32{23, 25}, []int16{1, 0}, true
	if strings.HasPrefix(s.SQL, insertPair) {
		s.Values = Span{At: strings.Index(s.SQL, "($1"), Len: len("($1, $2)")}
	}
}

func (g *rig) pairs(w *Writer, from, to int, v string) *sqlerr.Error {
	for from < to {
		n := min(to-from, 500)
		var images []byte
		for i := range n {
			images = pair(images, from+i, v)
		}
		if err := g.drive(func() (Outcome, *session.Waiting, *sqlerr.Error) { return w.Rows(g.mode, images, n) }); err != nil {
			return err
		}
		from += n
	}
	return nil
}

func TestRealServer(t *testing.T) {
	real := startReal(t)
	real.exec("CREATE TABLE t (n int CHECK (n <> 77777), v text)")
	g := real.rig()
	const sum = "SELECT count(*) || ' ' || coalesce(sum(n), 0) FROM t"
	expect := func(t *testing.T, want string) {
		t.Helper()
		if got := real.exec(sum); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		real.exec("TRUNCATE t")
	}
	write := func(t *testing.T, w *Writer, n int) {
		t.Helper()
		if err := g.pairs(w, 0, n, "some text"); err != nil {
			t.Fatal(err)
		}
		if got, _, err := g.finish(w); err != nil || got != int64(n) {
			t.Fatalf("%d, %v", got, err)
		}
		if err := g.commit(); err != nil {
			t.Fatal(err)
		}
	}
	single := func(s *Spec) { s.Values = Span{} }
	for _, n := range []int{0, 1, 63, 64, 65, 1000, 20000} {
		want := fmt.Sprintf("%d %d", n, n*(n-1)/2)
		t.Run(fmt.Sprintf("insert %d", n), func(t *testing.T) {
			write(t, g.writer(insertPair, pairs, single), n)
			expect(t, want)
			write(t, g.writer(insertPair, pairs), n)
			expect(t, want)
		})
		t.Run(fmt.Sprintf("copy %d", n), func(t *testing.T) {
			w := g.writer(insertPair, pairs)
			w.Copy(copyPair)
			write(t, w, n)
			expect(t, want)
		})
	}
	t.Run("errors", func(t *testing.T) {
		for _, how := range []string{"", copyPair} {
			for _, back := range []bool{false, true} {
				w := g.writer(insertPair, pairs)
				w.Copy(how)
				if g.mode.Level = 1; back {
					write1 := g.writer(insertPair, pairs)
					if err := g.pairs(write1, 0, 10, "x"); err != nil {
						t.Fatal(err)
					}
					g.mode.Level = 2
				}
				err := g.pairs(w, 77000, 90000, "x")
				if err == nil {
					_, _, e := g.finish(w)
					failsWith(t, e, "23514", map[string]string{"": "row", copyPair: "COPY t, line 778"}[how])
				}
				w.Close()
				if back {
					g.subAbort()
					if err := g.commit(); err != nil {
						t.Fatal(err)
					}
					expect(t, "10 45")
					continue
				}
				g.abort()
				expect(t, "0 0")
			}
		}
	})
	t.Run("returning", func(t *testing.T) {
		w := g.writer(insertPair+" RETURNING n, v", pairs, func(s *Spec) {
			s.Columns = []wire.Column{{Name: "n", TypeOID: 23, Typmod: -1}, {Name: "v", TypeOID: 25, Typmod: -1}}
		})
		for _, n := range []int{1, 100, 1000} {
			if err := g.pairs(w, 0, n, "x"); err != nil {
				t.Fatal(err)
			}
			if got, back, err := g.finish(w); err != nil || got != int64(n) || back != n {
				t.Fatalf("%d, %d, %v", got, back, err)
			}
		}
		if err := g.commit(); err != nil {
			t.Fatal(err)
		}
		expect(t, fmt.Sprintf("1101 %d", 99*50+999*500))
	})
	t.Run("read only", func(t *testing.T) {
		g.mode.ReadOnly = true
		w := g.writer(insertPair, pairs)
		if err := g.pairs(w, 0, 1, "x"); err != nil {
			t.Fatal(err)
		}
		_, _, err := g.finish(w)
		failsWith(t, err, "25006")
		g.abort()
		// only inside
		g.mode = Mode{Level: 2, ReadOnly: true}
		w = g.writer(insertPair, pairs)
		if err := g.pairs(w, 0, 1, "x"); err != nil {
			t.Fatal(err)
		}
		_, _, err = g.finish(w)
		failsWith(t, err, "25006")
		g.subAbort()
		g.mode = Mode{Level: 1}
		write(t, g.writer(insertPair, pairs), 3)
		expect(t, "3 3")
	})
	t.Run("round trips", func(t *testing.T) {
		proxy := fakepg.RunProxy(t, "tcp", "127.0.0.1:"+real.port)
		through := real.rig()
		through.host, through.port = proxy.Host, proxy.Port
		for i, rows := range []int{1, 1, 1, 1, 20_000} {
			before := proxy.RoundTrips()
			w := through.writer(insertPair, pairs)
			if err := through.pairs(w, 0, rows, "x"); err != nil {
				t.Fatal(err)
			}
			if _, _, err := through.finish(w); err != nil {
				t.Fatal(err)
			}
			if err := through.commit(); err != nil {
				t.Fatal(err)
			}
			n := proxy.RoundTrips() - before
			if i > 0 && rows == 1 && n != 2 || n > 60 {
				t.Errorf("%d rows the %dth time: %d round trips", rows, i+1, n)
			}
		}
		real.exec("TRUNCATE t")
	})
	t.Run("abort while the remote waits", func(t *testing.T) {
		for _, how := range []string{"", copyPair} {
			holder := real.hold("BEGIN; LOCK TABLE t")
			w := g.writer(insertPair, pairs)
			w.Copy(how)
			if err := g.pairs(w, 0, 10, "x"); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			g.abort()
			w.Close()
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("%q: an abort took %v", how, d)
			}
			holder()
			write(t, g.writer(insertPair, pairs), 2)
			expect(t, "2 1")
		}
	})
}

// hold runs SQL in a session that stays until the function is called.
func (s *realServer) hold(sql string) func() {
	ctx := context.Background()
	c, err := pgconn.Connect(ctx, "host="+s.dir+" port="+s.port+" user=me dbname=postgres")
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := c.Exec(ctx, sql).ReadAll(); err != nil {
		s.t.Fatal(err)
	}
	return func() { _ = c.Close(ctx) }
}

// BenchmarkWrite compares the ways rows can go.
func BenchmarkWrite(b *testing.B) {
	real := startReal(b)
	real.exec("CREATE TABLE t (n int, v text)")
	for name, how := range map[string]func(s *Spec){
		"one row each": func(s *Spec) { s.Values = Span{} }, "several": func(*Spec) {}, "copy": nil,
	} {
		b.Run(name, func(b *testing.B) {
			g := real.rig()
			g.t = b
			w := g.writer(insertPair, pairs)
			if how != nil {
				w = g.writer(insertPair, pairs, how)
			} else {
				w.Copy(copyPair)
			}
			for range b.N {
				if err := g.pairs(w, 0, 1000, "some text that is not long"); err != nil {
					b.Fatal(err)
				}
			}
			if _, _, err := g.finish(w); err != nil {
				b.Fatal(err)
			}
			g.abort()
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "µs/row")
		})
	}
}
