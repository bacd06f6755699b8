package dial

import (
	"os"
	"testing"
	"time"

	"pgwire_fdw/handler/internal/invariant"
)

// fds counts this process's descriptors.
func fds(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// noLeak fails the test if sockets, eventfds, goroutines or descriptors are not back at its end where they are now.
// Call it before anything that registers a Cleanup.
func noLeak(t *testing.T) {
	t.Helper()
	noLeakWithin(t, 3*time.Second)
}

func noLeakWithin(t *testing.T, limit time.Duration) {
	t.Helper()
	// The Go runtime opens its epoll descriptors on first use; make it do so before counting.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = r.Close(), w.Close()
	before, files := invariant.Live(), fds(t)
	t.Cleanup(func() {
		var now map[string]int64
		var n int
		for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
			if now, n = invariant.Live(), fds(t); !more(now, before) && n <= files {
				return
			}
		}
		t.Errorf("leak: live %v, was %v; %d descriptors, were %d", now, before, n, files)
	})
}

// more reports whether some kind has grown. An earlier test's last goroutine may still have been ending.
func more(now, before map[string]int64) bool {
	for kind, n := range now {
		if n > before[kind] {
			return true
		}
	}
	return false
}
