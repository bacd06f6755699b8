package invariant

import (
	"runtime"
	"time"
)

// The runtime's monitor (runtime.sysmon) takes its P from a thread that has run
// on one schedtick for 10 ms (forcePreemptNS). The backend's thread always runs
// one goroutine, so its tick never moves by itself: the P is taken behind every
// call, and the next one has to get it back and to wake the monitor, which then
// looks every 20 us for a millisecond. With short queries one after the other
// that is a fifth of a session's CPU. A yield moves the tick; it hands the P to
// another thread and back, so it is done seldom, and while the remote works.
const (
	yieldEvery = 5 * time.Millisecond
	// lost: nothing was asked for so long that the P was taken anyway.
	lostAfter = 10 * time.Millisecond
)

// pace is when the backend's thread last waited, and last yielded.
type pace struct{ waited, yielded time.Time }

// due says whether to yield at the wait that begins now.
func (p *pace) due(now time.Time) bool {
	idle := now.Sub(p.waited)
	p.waited = now
	switch {
	case idle >= lostAfter:
		p.yielded = now
		return false
	case now.Sub(p.yielded) >= yieldEvery:
		p.yielded = now
		return true
	}
	return false
}

var ours pace // of the backend's thread

// StayScheduled keeps the P of the backend's thread, at a moment when it is going
// to wait. Only that thread may call it.
func StayScheduled() {
	if ours.due(time.Now()) {
		runtime.Gosched()
	}
}
