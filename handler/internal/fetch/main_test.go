package fetch

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"pgwire_fdw/handler/internal/dial"
	"pgwire_fdw/handler/internal/fakepg"
	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/pool"
	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/wire"
)

func fds(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// noLeak fails the test if anything that is counted, or the number of
// descriptors, has grown at its end. Call it before what registers a Cleanup.
func noLeak(t testing.TB) {
	t.Helper()
	r, w, err := os.Pipe() // makes the runtime open its own descriptors
	if err != nil {
		t.Fatal(err)
	}
	_, _ = r.Close(), w.Close()
	before, files := invariant.Live(), fds(t)
	before["arena"] += int64(freeArenas - len(free)) // of which that many may wait for the next scan
	t.Cleanup(func() {
		var now map[string]int64
		var n int
		for deadline := time.Now().Add(8 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
			if now, n = invariant.Live(), fds(t); !more(now, before) && n <= files {
				return
			}
		}
		t.Errorf("leak: live %v, was %v; %d descriptors, were %d", now, before, n, files)
	})
}

func more(now, before map[string]int64) bool {
	for kind, n := range now {
		if n > before[kind] {
			return true
		}
	}
	return false
}

const umid = 7

// rig plays the part of the C side: it calls, waits and calls again.
type rig struct {
	t            testing.TB
	pool         *pool.Pool
	target       dial.Target
	level        int
	alone        bool // statements are transactions of their own
	serializable bool
	waits        int           // how often poll(2) had to wait
	slowest      time.Duration // single call into Go
	notices      []session.Notice
	limit        time.Duration // for one statement
	cleanup      time.Duration // for an abort
}

func newRig(t testing.TB, host, port string) *rig {
	t.Helper()
	r := &rig{t: t, pool: pool.New(), level: 1, limit: 20 * time.Second, cleanup: 20 * time.Second}
	r.target = dial.Target{Umid: umid, ServerID: 3, ServerHash: 33, MappingHash: 77, Keep: true, LazyCommit: true, ParallelCommit: true, ParallelAbort: true,
		Params: dial.Params{Server: "far", Superuser: true,
			Options:  map[string]string{"host": host, "port": port, "user": "me", "dbname": "postgres", "sslmode": "disable"},
			Settings: map[string]string{"client_encoding": "UTF8"}}}
	t.Cleanup(func() {
		r.abort()
		r.pool.CloseIdle(0)
	})
	return r
}

// fakeRig runs an engine and a rig that talks to it.
func fakeRig(t testing.TB, e *engine) *rig {
	t.Helper()
	e.server = fakepg.Run(t, e.options())
	return newRig(t, e.server.Host, e.server.Port)
}

// await polls as wait.c does.
func (r *rig) await(w *session.Waiting, deadline time.Time) {
	r.t.Helper()
	if time.Now().After(deadline) {
		r.t.Fatalf("still waiting after %v", r.limit)
	}
	if w.FD < 0 && w.Timeout == 0 {
		return
	}
	r.waits++
	timeout := int(time.Until(deadline).Milliseconds()) + 1
	if w.Timeout >= 0 {
		timeout = min(timeout, int((w.Timeout+time.Millisecond-1)/time.Millisecond))
	}
	events := int16(unix.POLLIN)
	if w.Write {
		events |= unix.POLLOUT
	}
	if _, err := unix.Poll([]unix.PollFd{{Fd: int32(w.FD), Events: events}}, timeout); err != nil && err != unix.EINTR {
		r.t.Fatal(err)
	}
}

// step is one call of Next with the waiting it asks for.
func (r *rig) next(s *Scan) (Outcome, *sqlerr.Error) {
	r.t.Helper()
	deadline := time.Now().Add(r.limit)
	for {
		start := time.Now()
		out, w, err := s.Next(r.level, false)
		r.slowest = max(r.slowest, time.Since(start))
		if err != nil {
			return End, err
		}
		switch out {
		case Rows:
			if s.block.arena.Rows() == 0 {
				r.t.Fatal("a batch without rows")
			}
			return out, nil
		case End:
			return out, nil
		case Wait:
			r.await(w, deadline)
		case Connect:
			if err := r.connect(deadline); err != nil {
				return End, err
			}
		}
	}
}

func (r *rig) connect(deadline time.Time) *sqlerr.Error {
	r.t.Helper()
	for {
		w, err := r.pool.Open(r.target)
		if w == nil || err != nil {
			return err
		}
		r.await(w, deadline)
	}
}

func (r *rig) scan(sql string, change ...func(*Spec)) *Scan {
	spec := Spec{Umid: umid, Superuser: true, SQL: sql, Columns: genColumns, Options: wire.Options{}, TempDir: os.TempDir(), FetchMemory: 1 << 20}
	for _, f := range change {
		f(&spec)
	}
	s := New(r.pool, spec)
	r.t.Cleanup(func() { s.Close() })
	return s
}

func (r *rig) bind(s *Scan, params ...session.Param) {
	if err := s.Bind(Bind{Alone: r.alone, Serializable: r.serializable, Params: params}); err != nil {
		r.t.Fatal(err)
	}
}

// all reads a bound scan to its end.
func (r *rig) all(s *Scan) ([]string, *sqlerr.Error) {
	r.t.Helper()
	var rows []string
	for {
		out, err := r.next(s)
		if err != nil {
			return rows, err
		}
		if out == End {
			return rows, nil
		}
		rows = append(rows, batch(s)...)
	}
}

// run binds and reads all.
func (r *rig) run(s *Scan, params ...session.Param) ([]string, *sqlerr.Error) {
	r.t.Helper()
	r.bind(s, params...)
	return r.all(s)
}

func (r *rig) must(s *Scan, params ...session.Param) []string {
	r.t.Helper()
	rows, err := r.run(s, params...)
	if err != nil {
		r.t.Fatalf("%s: %v", s.spec.SQL, err)
	}
	return rows
}

func (r *rig) drain() {
	for {
		n, ok := r.pool.NextNotice()
		if !ok {
			return
		}
		r.notices = append(r.notices, n)
	}
}

func (r *rig) commit() *sqlerr.Error {
	r.t.Helper()
	deadline := time.Now().Add(r.limit)
	for {
		w, err := r.pool.Commit()
		if err != nil {
			r.abort()
			return err
		}
		if w == nil {
			r.drain()
			r.pool.End()
			r.level = 1
			return nil
		}
		r.await(w, deadline)
	}
}

// cleanupTime is as PGWIRE_CLEANUP_MS of extension/wait.h, shorter: for tests of
// a remote that does not answer. Elsewhere a machine under load must not cost a
// connection.
const cleanupTime = 300 * time.Millisecond

// abort follows an abort as xact.c does; it returns how long it took.
func (r *rig) abort() time.Duration {
	r.t.Helper()
	start := time.Now()
	for {
		w := r.pool.Abort()
		if w == nil {
			break
		}
		if time.Since(start) > r.cleanup {
			r.pool.GiveUp(true)
			if r.pool.Abort() != nil {
				r.t.Fatal("abort waits after giving up")
			}
			r.pool.GiveUp(false)
			break
		}
		r.await(r.clip(w), start.Add(r.limit))
	}
	r.pool.End()
	r.drain()
	r.level = 1
	return time.Since(start)
}

func (r *rig) clip(w *session.Waiting) *session.Waiting {
	c := *w
	if c.Timeout < 0 || c.Timeout > r.cleanup {
		c.Timeout = r.cleanup
	}
	return &c
}

func (r *rig) subAbort() {
	r.t.Helper()
	start := time.Now()
	for {
		w := r.pool.SubAbort(r.level)
		if w == nil {
			break
		}
		if time.Since(start) > r.cleanup {
			r.pool.GiveUp(true)
			if r.pool.SubAbort(r.level) != nil {
				r.t.Fatal("the abort of a sub-transaction waits after giving up")
			}
			r.pool.GiveUp(false)
			break
		}
		r.await(r.clip(w), start.Add(r.limit))
	}
	r.level--
}

func (r *rig) subCommit() {
	r.pool.SubCommit(r.level)
	r.level--
}

// batch reads the rows of the last Next out of the arena, as slot.c does.
func batch(s *Scan) []string {
	arena, formats := s.Batch()
	var out []string
	mem := unsafe.Slice((*byte)(at(arena.Base())), arena.Used())
	for i := 0; i < arena.Rows(); i++ {
		size := binary.LittleEndian.Uint32(mem)
		var cols []string
		for c, form := range formats {
			datum := binary.LittleEndian.Uint64(mem[8+8*c:])
			null := mem[8+8*len(formats)+c] != 0
			cols = append(cols, show(datum, null, form, s.spec.Columns[c].TypeOID))
		}
		out = append(out, strings.Join(cols, "|"))
		mem = mem[size:]
	}
	if len(mem) != 0 {
		panic("rows do not fill the batch")
	}
	return out
}

// at makes a pointer of an address in mapped memory, which the collector does not know.
func at(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }

func show(datum uint64, null bool, form wire.ValueFormat, oid uint32) string {
	if null {
		return "NULL"
	}
	if form != wire.DatumValue {
		n := *(*uint32)(at(uintptr(datum)))
		return "text:" + string(unsafe.Slice((*byte)(at(uintptr(datum)+4)), n))
	}
	switch oid {
	case 20, 23:
		return fmt.Sprint(int64(datum))
	case 25:
		n := *(*uint32)(at(uintptr(datum))) >> 2
		return string(unsafe.Slice((*byte)(at(uintptr(datum)+4)), n-4))
	}
	return fmt.Sprintf("%#x", datum)
}
