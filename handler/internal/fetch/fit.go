package fetch

import (
	"time"

	"golang.org/x/sys/unix"

	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// fit makes one descriptor that becomes readable of what else is a descriptor that
// may have to become writable, and a timeout: an epoll instance with the one and a
// timer in it. (The server waits for several scans in one WaitEventSet, in which
// each has a descriptor.) Few waits need it: parameters that the kernel does not take
// at once, a statement that is being cancelled. The zero value has nothing open.
type fit struct{ epoll, timer *int }

// wait returns a wait that fits, or "ask again at once".
func (f *fit) wait(w *session.Waiting) (*session.Waiting, *sqlerr.Error) {
	if w.FitsWaitEventSet() || w.FD < 0 && w.Timeout == 0 {
		return w, nil
	}
	f.close()
	if err := f.open(w); err != nil {
		f.close()
		return nil, sqlerr.New(sqlstate.InsufficientResources, "could not make a descriptor to wait for: %w", err)
	}
	return &session.Waiting{FD: *f.epoll, Timeout: -1, Connect: w.Connect, Cleanup: w.Cleanup}, nil
}

func (f *fit) open(w *session.Waiting) error {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	invariant.Track("epoll", 1)
	f.epoll = &ep
	if w.FD >= 0 {
		events := uint32(unix.EPOLLIN)
		if w.Write {
			events |= unix.EPOLLOUT
		}
		if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, w.FD, &unix.EpollEvent{Events: events}); err != nil {
			return err
		}
	}
	if w.Timeout < 0 {
		return nil
	}
	timer, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return err
	}
	invariant.Track("timer", 1)
	f.timer = &timer
	// of 0 a timer would never go off
	after := unix.NsecToTimespec(int64(max(w.Timeout, time.Microsecond)))
	if err := unix.TimerfdSettime(timer, 0, &unix.ItimerSpec{Value: after}, nil); err != nil {
		return err
	}
	return unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, timer, &unix.EpollEvent{Events: unix.EPOLLIN})
}

func (f *fit) close() {
	if f.epoll != nil {
		_ = unix.Close(*f.epoll)
		invariant.Track("epoll", -1)
	}
	if f.timer != nil {
		_ = unix.Close(*f.timer)
		invariant.Track("timer", -1)
	}
	*f = fit{}
}
