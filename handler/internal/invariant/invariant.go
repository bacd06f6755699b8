// Package invariant keeps the promises that a guest inside a PostgreSQL backend must keep: a panic in any
// goroutine never reaches the runtime (it would abort the process and make the postmaster restart the whole
// cluster), and what was opened is closed again (goroutines, sockets, handles).
//
// It is the only package with a bare go statement; a lint test holds the others to it.
package invariant

import (
	"fmt"
	"pgwire_fdw/handler/internal/sqlstate"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// PanicError is a recovered panic. It carries SQLSTATE XX000 (internal_error), as PostgreSQL's own elog(ERROR)
// does for conditions that "cannot happen".
type PanicError struct {
	Name  string // name given to Go
	Value any    // what was passed to panic
	Stack []byte // stack of the panicking goroutine, for the log, never for the client
}

// Error describes the panic in one line, without the stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("internal error in %s: panic: %v", e.Name, e.Value)
}

// SQLState returns XX000.
func (e *PanicError) SQLState() string { return sqlstate.InternalError }

// Unwrap gives the panic value when it was an error (a runtime.Error, say).
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

var goroutines atomic.Int64

// Go runs f in a new goroutine. A panic in f is recovered and handed to onPanic as a *PanicError, in that same
// goroutine, after f has unwound; onPanic may be nil. A panic in onPanic is dropped: there is nobody left to tell.
func Go(name string, f func(), onPanic func(error)) {
	goroutines.Add(1)
	go run(name, f, onPanic)
}

func run(name string, f func(), onPanic func(error)) {
	defer goroutines.Add(-1)
	defer func() {
		v := recover()
		if v == nil || onPanic == nil {
			return
		}
		defer func() { _ = recover() }()
		onPanic(&PanicError{Name: name, Value: v, Stack: debug.Stack()})
	}()
	MaybePanic(name)
	f()
}

// LiveGoroutines is the number of goroutines that Go started and that have not ended.
func LiveGoroutines() int64 { return goroutines.Load() }

var counters sync.Map // kind → *atomic.Int64

// Track adds delta to the live count of a kind of resource ("socket", "handle", ...): +1 where it is opened,
// -1 where it is closed.
func Track(kind string, delta int) {
	c, ok := counters.Load(kind)
	if !ok {
		c, _ = counters.LoadOrStore(kind, new(atomic.Int64))
	}
	c.(*atomic.Int64).Add(int64(delta))
}

// Live returns the non-zero live counts by kind, goroutines included under "goroutine". Tests compare it with
// what it was before.
func Live() map[string]int64 {
	live := map[string]int64{}
	counters.Range(func(kind, c any) bool {
		if n := c.(*atomic.Int64).Load(); n != 0 {
			live[kind.(string)] = n
		}
		return true
	})
	if n := LiveGoroutines(); n != 0 {
		live["goroutine"] = n
	}
	return live
}

// armed is how many names are waiting to panic; MaybePanic costs one atomic load while it is zero.
var (
	armed   atomic.Int32
	panicMu sync.Mutex
	panics  = map[string]bool{}
)

// PanicOn arms a fault: the next MaybePanic(name) panics, once. It returns the function that disarms it.
// It exists for tests; nothing in production arms a fault except through a superuser's debug setting.
func PanicOn(name string) (disarm func()) {
	panicMu.Lock()
	defer panicMu.Unlock()
	if !panics[name] {
		panics[name] = true
		armed.Add(1)
	}
	return func() { takePanic(name) }
}

// MaybePanic panics if PanicOn(name) was called and has not fired. Go calls it with the goroutine's name, so
// every goroutine can be made to fail; exports call it with their own.
func MaybePanic(name string) {
	if armed.Load() != 0 && takePanic(name) {
		panic("injected fault in " + name)
	}
}

func takePanic(name string) bool {
	panicMu.Lock()
	defer panicMu.Unlock()
	if !panics[name] {
		return false
	}
	delete(panics, name)
	armed.Add(-1)
	return true
}
