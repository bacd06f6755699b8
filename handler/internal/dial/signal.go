package dial

import (
	"sync"

	"golang.org/x/sys/unix"

	"pgwire_fdw/handler/internal/invariant"
)

// signal is an eventfd that a goroutine sets once and that the backend's
// thread polls. Both sides hold it; the descriptor is closed by whichever lets
// go last, so that a late Set can never reach a descriptor that is somebody
// else's by then.
type signal struct {
	mu   sync.Mutex
	fd   int
	refs int
}

// newSignal makes a signal with the given number of holders.
func newSignal(refs int) (*signal, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	invariant.Track("signal", 1)
	return &signal{fd: fd, refs: refs}, nil
}

// Set makes the descriptor readable.
func (s *signal) Set() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd >= 0 {
		_, _ = unix.Write(s.fd, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}

// Release drops one holder.
func (s *signal) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refs--; s.refs == 0 && s.fd >= 0 {
		_ = unix.Close(s.fd)
		s.fd = -1
		invariant.Track("signal", -1)
	}
}
