package fetch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pgwire_fdw/handler/internal/fakepg"
	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/sqlerr"
)

// group plays the Append: it waits for several scans at a time, each by one
// descriptor.
type group struct {
	*rig
	scans   []*Scan
	rows    [][]string
	open    []bool
	refused bool // no more descriptors
	behind  int  // how often one was behind another
}

const groupNumber = 77

func (r *rig) group(sqls ...string) *group {
	g := &group{rig: r}
	for _, sql := range sqls {
		g.scans = append(g.scans, r.scan(sql))
	}
	return g
}

func (g *group) bind() {
	g.t.Helper()
	g.rows, g.open = make([][]string, len(g.scans)), make([]bool, len(g.scans))
	for i, s := range g.scans {
		b := Bind{Serializable: g.serializable, Together: Together{Group: groupNumber, Several: len(g.scans) > 1, MayOpen: !g.refused}}
		if err := s.Bind(b); err != nil {
			g.t.Fatal(err)
		}
		g.open[i] = true
	}
}

// step asks every scan once, and says what they wait for. No two may wait for one
// descriptor, and one of them for a descriptor if any is open.
func (g *group) step() (fds []unix.PollFd, progress bool, _ *sqlerr.Error) {
	g.t.Helper()
	open := 0
	for i, s := range g.scans {
		if !g.open[i] {
			continue
		}
		open++
		out, w, err := s.Next(g.level, true)
		switch {
		case err != nil:
			g.open[i] = false
			return nil, false, err
		case out == Rows:
			g.rows[i] = append(g.rows[i], batch(s)...)
			progress = true
		case out == End:
			g.open[i], progress = false, true
		case out == Behind:
			g.behind++
		case out == Connect:
			w, err := g.pool.Open(g.target)
			if err != nil {
				return nil, false, err
			}
			if progress = progress || w == nil; w != nil {
				fds = append(fds, unix.PollFd{Fd: int32(w.FD), Events: unix.POLLIN})
			}
		case w.FD < 0 && w.Timeout == 0:
			progress = true
		case !w.FitsWaitEventSet():
			g.t.Fatalf("a wait that does not fit: %+v", w)
		default:
			fds = append(fds, unix.PollFd{Fd: int32(w.FD), Events: unix.POLLIN})
		}
	}
	for i := range fds {
		if slices.ContainsFunc(fds[:i], func(f unix.PollFd) bool { return f.Fd == fds[i].Fd }) {
			g.t.Fatal("two scans wait for one descriptor")
		}
	}
	if open > 0 && !progress && len(fds) == 0 {
		g.t.Fatal("nobody waits for anything")
	}
	return fds, progress, nil
}

// until steps until the condition holds.
func (g *group) until(done func() bool) *sqlerr.Error {
	g.t.Helper()
	for deadline := time.Now().Add(g.limit); !done(); {
		fds, progress, err := g.step()
		if err != nil {
			return err
		}
		if time.Now().After(deadline) {
			g.t.Fatal("still waiting")
		}
		if !progress && !done() {
			_, _ = unix.Poll(fds, 100)
		}
	}
	return nil
}

func (g *group) ended() bool { return !slices.Contains(g.open, true) }

func (g *group) all() *sqlerr.Error {
	g.t.Helper()
	g.bind()
	return g.until(g.ended)
}

func (g *group) mustAll(want ...string) {
	g.t.Helper()
	if err := g.all(); err != nil {
		g.t.Fatal(err)
	}
	for i := range g.scans {
		same(g.t, fmt.Sprint("scan ", i), g.rows[i], want)
	}
}

func (r *rig) connections() int { return len(r.pool.List(false)) }

// TestTogether: each scan of a group has its own connection; all of them see one
// snapshot, and the connections serve again.
func TestTogether(t *testing.T) {
	noLeak(t)
	e := &engine{}
	r := fakeRig(t, e)
	r.target.MaxConns = 8
	g := r.group("wait a", "wait b", "wait c", "wait d")
	g.bind()
	running := func() int { return strings.Count(strings.Join(e.logged(), "\n"), " wait ") }
	if err := g.until(func() bool { return running() == 4 }); err != nil { // at the same time
		t.Fatal(err)
	}
	for _, gate := range []string{"c", "a", "d", "b"} {
		e.letGo(gate)
	}
	if err := g.until(g.ended); err != nil {
		t.Fatal(err)
	}
	for i := range g.scans {
		same(t, "rows", g.rows[i], genRows(1, 3))
	}
	if n := r.connections(); n != 4 || e.exported.Load() != 1 || e.imported.Load() != 3 {
		t.Errorf("%d connections, %d exports, %d imports", n, e.exported.Load(), e.imported.Load())
	}
	if err := r.commit(); err != nil {
		t.Fatal(err)
	}
	g.mustAll(genRows(1, 3)...) // the gates are open
	if n := r.connections(); n != 4 || e.exported.Load() != 2 {
		t.Errorf("%d connections, %d exports", n, e.exported.Load())
	}
}

// TestTogetherCap: with fewer connections than scans, scans wait for each other.
func TestTogetherCap(t *testing.T) {
	for limit := 1; limit <= 3; limit++ {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			noLeak(t)
			e := &engine{}
			r := fakeRig(t, e)
			r.target.MaxConns = limit
			g := r.group("gen 2000 50", "gen 2000 50", "gen 2000 50", "gen 2000 50", "gen 2000 50")
			g.mustAll(genRows(2000, 50)...)
			if n := r.connections(); n > limit {
				t.Errorf("%d connections", n)
			}
			if limit == 1 && (e.exported.Load() > 0 || g.behind == 0) {
				t.Errorf("%d exports, %d times behind", e.exported.Load(), g.behind)
			}
		})
	}
}

// TestTogetherPortions: between two portions another scan may have the connection.
func TestTogetherPortions(t *testing.T) {
	for limit := 1; limit <= 3; limit++ {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			noLeak(t)
			e := &engine{}
			r := fakeRig(t, e)
			r.target.MaxConns, r.level = limit, 2
			g := r.group("gen 200 5", "gen 200 5", "gen 200 5", "gen 200 5", "gen 200 5")
			for _, s := range g.scans {
				s.spec.MayStop, s.spec.FetchSize, s.spec.FetchMemory = true, 100, 1<<20
			}
			for range 20 {
				g.mustAll(genRows(200, 5)...)
			}
		})
	}
}

// TestTogetherUnsound: where others would not see the same, all scans use the
// transaction connection.
func TestTogetherUnsound(t *testing.T) {
	for name, prepare := range map[string]func(r *rig, e *engine, g *group){
		"written":      func(r *rig, _ *engine, _ *group) { r.must(r.scan("gen 1 1", func(s *Spec) { s.LocksRows = true })) },
		"locking":      func(_ *rig, _ *engine, g *group) { lock(g) },
		"serializable": func(r *rig, _ *engine, _ *group) { r.serializable = true },
		"savepoint":    func(r *rig, _ *engine, _ *group) { r.level = 2; r.must(r.scan("gen 1 1")) },
		"two hosts": func(r *rig, _ *engine, _ *group) {
			o := r.target.Params.Options
			o["host"], o["port"] = o["host"]+","+o["host"], o["port"]+","+o["port"]
		},
		"no export": func(_ *rig, e *engine, _ *group) { e.refuse = "export" },
		"no import": func(_ *rig, e *engine, _ *group) { e.refuse = "import" },
	} {
		t.Run(name, func(t *testing.T) {
			noLeak(t)
			e := &engine{}
			r := fakeRig(t, e)
			r.target.MaxConns = 8
			g := r.group("gen 300 50", "gen 300 50", "gen 300 50")
			prepare(r, e, g)
			g.mustAll(genRows(300, 50)...)
			if e.imported.Load() != 0 {
				t.Errorf("%d imports", e.imported.Load())
			}
			if name != "locking" && name != "serializable" && name != "written" {
				if err := r.commit(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func lock(g *group) {
	for _, s := range g.scans {
		s.spec.LocksRows = true
	}
}

// TestTogetherElsewhere: behind one address are two servers, so a snapshot of the
// one is nothing to the other.
func TestTogetherElsewhere(t *testing.T) {
	noLeak(t)
	e := &engine{}
	r := fakeRig(t, e)
	r.target.MaxConns = 8
	r.must(r.scan("gen 1 1"))
	if err := r.commit(); err != nil {
		t.Fatal(err)
	}
	e.mu.Lock()
	e.instance = "two"
	e.mu.Unlock()
	g := r.group("gen 300 50", "gen 300 50", "gen 300 50")
	g.mustAll(genRows(300, 50)...)
}

// TestTogetherRefused: the server takes no more connections.
func TestTogetherRefused(t *testing.T) {
	noLeak(t)
	e := &engine{}
	r := fakeRig(t, e)
	r.target.MaxConns = 8
	r.must(r.scan("gen 1 1"))
	good := r.target.Params.Options["port"]
	o := map[string]string{}
	for k, v := range r.target.Params.Options {
		o[k] = v
	}
	r.pool.CloseIdle(0)
	_ = r.commit()
	closed := fakepg.Run(t, fakepg.Options{Hello: func(*fakepg.Conn) error { return nil }})
	r.must(r.scan("gen 1 1"))
	r.target.Params.Options["port"] = closed.Port // the map is shared with the pool
	g := r.group("gen 300 50", "gen 300 50", "gen 300 50")
	g.mustAll(genRows(300, 50)...)
	r.target.Params.Options["port"] = good
}

// TestTogetherEnds: however a group is left, nothing stays behind.
func TestTogetherEnds(t *testing.T) {
	for name, end := range map[string]func(r *rig, g *group){
		"abort":  func(r *rig, _ *group) { r.abort() },
		"commit": func(r *rig, _ *group) { _ = r.commit() },
		"closed": func(_ *rig, g *group) {
			for _, s := range g.scans {
				s.Close()
			}
		},
		"rebound": func(_ *rig, g *group) { g.bind(); _, _, _ = g.step() },
	} {
		t.Run(name, func(t *testing.T) {
			noLeak(t)
			e := &engine{}
			r := fakeRig(t, e)
			r.target.MaxConns = 8
			g := r.group("stream 100", "stream 100", "stream 100")
			g.bind()
			seen := func() bool {
				return !slices.ContainsFunc(g.rows, func(rows []string) bool { return len(rows) == 0 })
			}
			if err := g.until(seen); err != nil {
				t.Fatal(err)
			}
			end(r, g)
			for _, s := range g.scans {
				s.Close()
			}
			if name != "abort" && name != "commit" {
				r.abort()
			}
			n := r.group("gen 300 50", "gen 300 50")
			n.mustAll(genRows(300, 50)...)
		})
	}
}

// TestTogetherFails: the error of one is the error of the group's reader, and the
// others can be left.
func TestTogetherFails(t *testing.T) {
	noLeak(t)
	e := &engine{}
	r := fakeRig(t, e)
	r.target.MaxConns = 8
	g := r.group("stream 100", "fail 10 22012", "stream 100")
	g.bind()
	failsWith(t, g.until(g.ended), "22012", "failed after its rows")
	for _, s := range g.scans {
		s.Close()
	}
	r.abort()
	n := r.group("gen 300 50", "gen 300 50")
	n.mustAll(genRows(300, 50)...)
}

// TestFit: whatever is waited for, it is one descriptor that becomes readable.
func TestFit(t *testing.T) {
	noLeak(t)
	var f fit
	defer f.close()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = unix.Close(pair[0]), unix.Close(pair[1]) }()
	for _, c := range []struct {
		w    session.Waiting
		ends bool
	}{
		{session.Waiting{FD: pair[0], Timeout: time.Millisecond}, true},
		{session.Waiting{FD: pair[0], Timeout: 0}, true},
		{session.Waiting{FD: pair[0], Timeout: -1, Write: true}, true},
		{session.Waiting{FD: pair[0], Timeout: time.Hour}, false},
		{session.Waiting{FD: -1, Timeout: time.Millisecond}, true},
	} {
		w, e := f.wait(&c.w)
		if e != nil || !w.FitsWaitEventSet() {
			t.Fatalf("%+v: %+v, %v", c.w, w, e)
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(w.FD), Events: unix.POLLIN}}, map[bool]int{true: 10000, false: 20}[c.ends])
		if err != nil || n > 0 != c.ends {
			t.Errorf("%+v: %d, %v", c.w, n, err)
		}
	}
}
