package store

import (
	"encoding/binary"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pgwire_fdw/handler/internal/dial"
	"pgwire_fdw/handler/internal/fakepg"
	"pgwire_fdw/handler/internal/fetch"
	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/pool"
	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/wire"
)

func TestMain(m *testing.M) { os.Exit(m.Run()) }

const (
	umid  = 7
	limit = 20 * time.Second
)

// rig plays the part of the C side: it calls, waits and calls again.
type rig struct {
	t    testing.TB
	r    *remote
	pool *pool.Pool
	mode Mode

	host, port  string
	umid        uint32
	name        string // of the server
	parallelOff bool
	whole       bool // the server was not cut
}

func newRig(t testing.TB) *rig {
	t.Helper()
	return newRigOf(t, &remote{})
}

func newRigOf(t testing.TB, r *remote) *rig {
	t.Helper()
	before := invariant.Live()
	r.server = fakepg.Run(t, r.options())
	g := &rig{t: t, r: r, pool: pool.New(), mode: Mode{Level: 1}, host: r.server.Host, port: r.server.Port, umid: umid, name: "far"}
	t.Cleanup(func() {
		g.abort()
		g.pool.CloseIdle(0)
		for _, kind := range []string{"connection", "socket", "buffer"} {
			deadline := time.Now().Add(limit)
			for invariant.Live()[kind] > before[kind] && time.Now().Before(deadline) {
				time.Sleep(time.Millisecond)
			}
			if n := invariant.Live()[kind]; n > before[kind] {
				t.Errorf("%d of %s are left, there were %d", n, kind, before[kind])
			}
		}
	})
	return g
}

func (g *rig) target() dial.Target {
	return dial.Target{Umid: g.umid, ServerID: 3, ServerHash: 33, MappingHash: 77, Keep: true, LazyCommit: true,
		ParallelCommit: !g.parallelOff, ParallelAbort: !g.parallelOff,
		Params: dial.Params{Server: g.name, Superuser: true,
			Options:  map[string]string{"host": g.host, "port": g.port, "user": "me", "dbname": "postgres", "sslmode": "disable"},
			Settings: map[string]string{"client_encoding": "UTF8"}}}
}

func (g *rig) await(w *session.Waiting, deadline time.Time) {
	g.t.Helper()
	if time.Now().After(deadline) {
		g.t.Fatalf("still waiting after %v; the remote has %s", limit, g.r.take())
	}
	if w.FD < 0 && w.Timeout == 0 {
		return
	}
	timeout := int(time.Until(deadline).Milliseconds()) + 1
	if w.Timeout >= 0 {
		timeout = min(timeout, int((w.Timeout+time.Millisecond-1)/time.Millisecond))
	}
	events := int16(unix.POLLIN)
	if w.Write {
		events |= unix.POLLOUT
	}
	if _, err := unix.Poll([]unix.PollFd{{Fd: int32(w.FD), Events: events}}, timeout); err != nil && err != unix.EINTR {
		g.t.Fatal(err)
	}
}

func (g *rig) connect(deadline time.Time) *sqlerr.Error {
	for {
		w, err := g.pool.Open(g.target())
		if w == nil || err != nil {
			return err
		}
		g.await(w, deadline)
	}
}

// drive calls f until it has done what it was to do.
func (g *rig) drive(f func() (Outcome, *session.Waiting, *sqlerr.Error)) *sqlerr.Error {
	g.t.Helper()
	for deadline := time.Now().Add(limit); ; {
		out, w, err := f()
		if err != nil {
			return err
		}
		switch out {
		case Done:
			return nil
		case Wait:
			g.await(w, deadline)
		case Connect:
			if err := g.connect(deadline); err != nil {
				return err
			}
		}
	}
}

// image is a row of one value.
func image(v string) []byte {
	b := binary.BigEndian.AppendUint32([]byte{0, 1}, uint32(len(v)))
	return append(b, v...)
}

func (g *rig) writer(sql string, change ...func(*Spec)) *Writer {
	spec := Spec{Umid: g.umid, Superuser: true, SQL: sql, Types: []uint32{25}, Formats: []int16{0}}
	for _, f := range change {
		f(&spec)
	}
	w := New(g.pool, spec)
	g.t.Cleanup(w.Close)
	return w
}

func exact(s *Spec) { s.Exact = true }

func returning(s *Spec) { s.Columns = []wire.Column{{Name: "v", TypeOID: 25, Typmod: -1}} }

func (g *rig) rows(w *Writer, values ...string) *sqlerr.Error {
	g.t.Helper()
	var images []byte
	for _, v := range values {
		images = append(images, image(v)...)
	}
	return g.drive(func() (Outcome, *session.Waiting, *sqlerr.Error) { return w.Rows(g.mode, images, len(values)) })
}

// finish returns the rows changed, and how many were returned.
func (g *rig) finish(w *Writer) (affected int64, back int, err *sqlerr.Error) {
	g.t.Helper()
	for {
		err = g.drive(func() (out Outcome, wait *session.Waiting, err *sqlerr.Error) {
			affected, out, wait, err = w.Finish()
			return out, wait, err
		})
		arena, _, last := w.Batch()
		if arena != nil && err == nil {
			back += arena.Rows()
		}
		if last || err != nil {
			return affected, back, err
		}
	}
}

func (g *rig) must(w *Writer, want int64, values ...string) {
	g.t.Helper()
	if err := g.rows(w, values...); err != nil {
		g.t.Fatal(err)
	}
	if n, _, err := g.finish(w); err != nil || n != want {
		g.t.Fatalf("%d rows, %v; want %d", n, err, want)
	}
}

// look has somebody who is no writer use the connection.
func (g *rig) look() {
	g.t.Helper()
	s := fetch.New(g.pool, fetch.Spec{Umid: g.umid, Superuser: true, SQL: "look", Expected: 1, Writes: true, TempDir: os.TempDir()})
	if err := s.Bind(fetch.Bind{}); err != nil {
		g.t.Fatal(err)
	}
	defer s.Close()
	for deadline := time.Now().Add(limit); ; {
		out, w, err := s.Next(g.mode.Level, false)
		switch {
		case err != nil:
			g.t.Fatal(err)
		case out == fetch.End:
			return
		case out == fetch.Connect:
			err = g.connect(deadline)
		case out == fetch.Wait:
			g.await(w, deadline)
		}
		if err != nil {
			g.t.Fatal(err)
		}
	}
}

func (g *rig) commit() *sqlerr.Error {
	g.t.Helper()
	for deadline := time.Now().Add(limit); ; {
		w, err := g.pool.Commit()
		if err != nil {
			g.abort()
			return err
		}
		if w == nil {
			g.pool.End()
			return nil
		}
		g.await(w, deadline)
	}
}

func (g *rig) abort() {
	g.t.Helper()
	for deadline := time.Now().Add(limit); ; {
		w := g.pool.Abort()
		if w == nil {
			break
		}
		g.await(w, deadline)
	}
	g.pool.End()
	g.mode.Level = 1
}

func (g *rig) subAbort() {
	g.t.Helper()
	for deadline := time.Now().Add(limit); ; {
		w := g.pool.SubAbort(g.mode.Level)
		if w == nil {
			break
		}
		g.await(w, deadline)
	}
	g.mode.Level--
}
