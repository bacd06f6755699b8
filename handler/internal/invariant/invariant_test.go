package invariant

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestGoRecoversPanic(t *testing.T) {
	got := make(chan error, 1)
	Go("decoder", func() {
		var p *int
		*p = 1
	}, func(err error) { got <- err })
	err := <-got
	var pe *PanicError
	if !errors.As(err, &pe) || pe.SQLState() != "XX000" || !strings.Contains(err.Error(), "decoder") ||
		!strings.Contains(err.Error(), "nil pointer") || len(pe.Stack) == 0 {
		t.Fatalf("panic not reported as it should: %v", err)
	}
	waitZero(t)
}

func TestGoSurvivesPanickingHandler(t *testing.T) {
	done := make(chan struct{})
	Go("x", func() { panic("one") }, func(error) { defer close(done); panic("two") })
	<-done
	waitZero(t)
	Go("x", func() { panic("nobody listens") }, nil)
	waitZero(t)
}

func TestGoCounts(t *testing.T) {
	stop := make(chan struct{})
	for range 3 {
		Go("w", func() { <-stop }, nil)
	}
	if n := LiveGoroutines(); n != 3 {
		t.Fatalf("live goroutines = %d, want 3", n)
	}
	if n := Live()["goroutine"]; n != 3 {
		t.Fatalf("Live()[goroutine] = %d, want 3", n)
	}
	close(stop)
	waitZero(t)
}

func TestTrack(t *testing.T) {
	Track("thing", 2)
	Track("thing", -1)
	if n := Live()["thing"]; n != 1 {
		t.Fatalf("thing = %d, want 1", n)
	}
	Track("thing", -1)
	if _, ok := Live()["thing"]; ok {
		t.Fatal("a zero count must not be listed")
	}
}

func TestPanicOnFiresOnce(t *testing.T) {
	disarm := PanicOn("reader")
	defer disarm()
	MaybePanic("other")
	got := make(chan error, 1)
	Go("reader", func() {}, func(err error) { got <- err })
	if err := <-got; !strings.Contains(err.Error(), "injected fault") {
		t.Fatalf("unexpected: %v", err)
	}
	MaybePanic("reader") // fired already
	d := PanicOn("never")
	d()
	MaybePanic("never")
	if armed.Load() != 0 {
		t.Fatalf("armed = %d after all fired or disarmed", armed.Load())
	}
}

func waitZero(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Second); LiveGoroutines() != 0; {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines still live", LiveGoroutines())
		}
		time.Sleep(time.Millisecond)
	}
}
