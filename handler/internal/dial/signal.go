package dial

import (
	"sync"

	"golang.org/x/sys/unix"

	"pgwire_fdw/handler/internal/invariant"
)

// Signal is an eventfd that a goroutine sets once and that the backend's
// thread polls. Both sides hold it; the descriptor is closed by whichever lets
// go last, so that a late Set can never reach a descriptor that is somebody
// else's by then.
type Signal struct {
	mu   sync.Mutex
	fd   int
	refs int
}

// NewSignal makes a signal with the given number of holders.
func NewSignal(refs int) (*Signal, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	invariant.Track("signal", 1)
	return &Signal{fd: fd, refs: refs}, nil
}

// FD is the descriptor to poll, valid until this side lets go.
func (s *Signal) FD() int { return s.fd }

// Set makes the descriptor readable.
func (s *Signal) Set() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd >= 0 {
		_, _ = unix.Write(s.fd, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}

// Release drops one holder.
func (s *Signal) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refs--; s.refs == 0 && s.fd >= 0 {
		_ = unix.Close(s.fd)
		s.fd = -1
		invariant.Track("signal", -1)
	}
}

// Clear makes the descriptor unreadable until it is set again.
func (s *Signal) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd >= 0 {
		var count [8]byte
		_, _ = unix.Read(s.fd, count[:])
	}
}
