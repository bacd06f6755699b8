package dial

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/mem"
)

// ErrWouldBlock is what Sock.Read returns in non-blocking mode when the kernel has nothing. It is a net.Error
// with Temporary() and Timeout() true: crypto/tls keeps a connection usable after a temporary read error and
// pgproto3.Frontend resumes in the middle of a message.
var ErrWouldBlock net.Error = wouldBlock{}

type wouldBlock struct{}

func (wouldBlock) Error() string   { return "no data available without waiting" }
func (wouldBlock) Timeout() bool   { return true }
func (wouldBlock) Temporary() bool { return true }

// Sock is a stream socket over a raw, non-blocking, close-on-exec descriptor. It implements net.Conn.
//
// In waiting mode (as made; used by a goroutine while connecting) Read and Write wait with poll(2) until they
// can go on, the deadline passes or the Sock is closed; SetDeadline, Interrupt and Close from another goroutine
// wake them. In non-blocking mode (used by the pump on the backend's thread) Read returns ErrWouldBlock, and
// Write keeps what the kernel does not take in a buffer of its own (package mem): a write error, even a temporary one, would
// poison crypto/tls for good. Pending and Flush are then the caller's business, also after a Read, because a TLS
// read may have to answer (key update).
//
// The descriptor is not registered with Go's netpoller, so C may poll it itself. One reader and one writer may
// work at the same time; Close may come from anywhere and releases the descriptor when the last of them left.
type Sock struct {
	fd            int
	local, remote net.Addr

	mu           sync.Mutex
	users        int // calls that use fd or wake right now
	closed       bool
	nonblocking  bool
	interrupted  error // set by Interrupt
	readDeadline time.Time
	sendDeadline time.Time
	wake         int // eventfd that ends a poll early; -1 in non-blocking mode

	out     mem.Buffer // accepted by Write, not yet by the kernel (non-blocking mode)
	sendErr error      // first hard error while sending, sticky
}

// newSock takes ownership of fd, which must be a non-blocking stream socket.
func newSock(fd int, remote net.Addr) (*Sock, error) {
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("eventfd", err)
	}
	invariant.Track("socket", +1)
	invariant.Track("eventfd", +1)
	return &Sock{fd: fd, wake: wake, remote: remote, local: sockAddr{}}, nil
}

// SockFromConn moves the socket of a net.Conn (TCP or Unix) into a Sock: the descriptor is duplicated with
// F_DUPFD_CLOEXEC and c is closed, which takes the socket away from Go's netpoller. c must have nothing buffered.
func SockFromConn(c net.Conn) (*Sock, error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil, errors.New("connection has no file descriptor")
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd, remote := -1, c.RemoteAddr()
	var dupErr error
	if err := raw.Control(func(p uintptr) { fd, dupErr = unix.FcntlInt(p, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return nil, err
	}
	if dupErr != nil {
		return nil, os.NewSyscallError("fcntl", dupErr)
	}
	_ = c.Close()
	return newSock(fd, remote)
}

// Fd is the descriptor to poll. It stays valid until Close; the caller must not close it.
func (s *Sock) Fd() int { return s.fd }

// LocalAddr is always the zero address: nothing here needs it and asking would cost a system call.
func (s *Sock) LocalAddr() net.Addr { return s.local }

// RemoteAddr is the address that was connected to.
func (s *Sock) RemoteAddr() net.Addr { return s.remote }

type sockAddr struct{ network, text string }

func (a sockAddr) Network() string { return a.network }
func (a sockAddr) String() string  { return a.text }

// enter registers a user of the descriptors; leave must follow.
func (s *Sock) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	s.users++
	return nil
}

func (s *Sock) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users--
	if s.closed && s.users == 0 {
		s.release()
	}
}

// release closes the descriptors. s.mu is held and nobody uses them.
func (s *Sock) release() {
	if s.fd >= 0 {
		_ = unix.Close(s.fd)
		s.fd = -1
		invariant.Track("socket", -1)
	}
	s.out.Free()
	s.dropWake()
}

func (s *Sock) dropWake() {
	if s.wake >= 0 {
		_ = unix.Close(s.wake)
		s.wake = -1
		invariant.Track("eventfd", -1)
	}
}

// Close shuts the connection down, wakes who waits, and frees the descriptor. Buffered output is dropped.
func (s *Sock) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	s.closed = true
	if s.users == 0 {
		s.release()
		return nil
	}
	_ = unix.Shutdown(s.fd, unix.SHUT_RDWR)
	s.poke()
	return nil
}

// poke ends a poll in progress. s.mu is held.
func (s *Sock) poke() {
	if s.wake >= 0 {
		_, _ = unix.Write(s.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}

// Interrupt makes every Read and Write that waits, now or later, return err. It is how a cancelled context
// reaches a goroutine that is connecting. Interrupt(nil) lifts it.
func (s *Sock) Interrupt(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.interrupted = err
	if err != nil && !s.closed {
		s.poke()
	}
}

// SetDeadline sets both deadlines; they count in waiting mode only. The zero time means none.
func (s *Sock) SetDeadline(t time.Time) error {
	return s.setDeadlines(&t, &t)
}

// SetReadDeadline sets the deadline of Read.
func (s *Sock) SetReadDeadline(t time.Time) error { return s.setDeadlines(&t, nil) }

// SetWriteDeadline sets the deadline of Write.
func (s *Sock) SetWriteDeadline(t time.Time) error { return s.setDeadlines(nil, &t) }

func (s *Sock) setDeadlines(read, write *time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	if read != nil {
		s.readDeadline = *read
	}
	if write != nil {
		s.sendDeadline = *write
	}
	s.poke()
	return nil
}

// SetNonblocking switches mode. Only the goroutine that reads and writes may call it, with no other in Read or
// Write. Going back to waiting mode first sends what is pending, waiting as Write does.
func (s *Sock) SetNonblocking(on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	if on == s.nonblocking {
		return nil
	}
	if s.users != 0 {
		return errors.New("socket is in use by another goroutine")
	}
	if on {
		s.nonblocking = true
		s.dropWake()
		return nil
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	invariant.Track("eventfd", +1)
	s.wake, s.nonblocking = wake, false
	return nil
}

// Read reads what is there. At the end of the stream it returns io.EOF.
func (s *Sock) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.leave()
	for {
		if !s.nonblocking {
			if err := s.stopped(unix.POLLIN); err != nil {
				return 0, err
			}
		}
		n, err := unix.Read(s.fd, p)
		switch {
		case err == nil && n == 0:
			return 0, io.EOF
		case err == nil:
			return n, nil
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			if s.nonblocking {
				return 0, ErrWouldBlock
			}
			if err := s.await(unix.POLLIN); err != nil {
				return 0, err
			}
		default:
			return 0, os.NewSyscallError("read", err)
		}
	}
}

// Write sends p. In non-blocking mode it takes all of p and fails only when the connection is broken; the error
// is then sticky. p is not kept.
func (s *Sock) Write(p []byte) (int, error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.leave()
	if s.nonblocking {
		return s.writeBuffered(p)
	}
	if err := s.flushWaiting(); err != nil { // left over from non-blocking mode
		return 0, err
	}
	return s.writeWaiting(p)
}

func (s *Sock) flushWaiting() error {
	if s.Pending() == 0 {
		return s.sendErr
	}
	n, err := s.writeWaiting(s.out.Bytes())
	s.consume(n)
	return err
}

func (s *Sock) writeWaiting(p []byte) (int, error) {
	for done := 0; ; {
		if done == len(p) {
			return done, nil
		}
		if err := s.stopped(unix.POLLOUT); err != nil {
			return done, err
		}
		n, err := send(s.fd, p[done:])
		switch {
		case err == nil:
			done += n
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			if err := s.await(unix.POLLOUT); err != nil {
				return done, err
			}
		default:
			return done, os.NewSyscallError("write", err)
		}
	}
}

func (s *Sock) writeBuffered(p []byte) (int, error) {
	if s.sendErr != nil {
		return 0, s.sendErr
	}
	done := 0
	if s.Pending() == 0 { // else the order would change
		n, err := s.sendSome(p)
		if err != nil {
			return 0, err
		}
		done = n
	}
	if err := s.out.Append(p[done:]); err != nil {
		s.sendErr = err // a part may have gone: nothing can follow it
		return done, err
	}
	return len(p), nil
}

// Reserve makes room for n bytes that will be written in non-blocking mode, so
// that a lack of memory shows before a part of them has gone.
func (s *Sock) Reserve(n int) error {
	_, err := s.out.Room(n)
	return err
}

// sendSome gives the kernel what it takes without waiting.
func (s *Sock) sendSome(p []byte) (int, error) {
	for done := 0; ; {
		if done == len(p) {
			return done, nil
		}
		n, err := send(s.fd, p[done:])
		switch err {
		case nil:
			done += n
		case unix.EINTR:
		case unix.EAGAIN:
			return done, nil
		default:
			s.sendErr = os.NewSyscallError("write", err)
			return done, s.sendErr
		}
	}
}

// Pending is how many bytes Write accepted that the kernel has not.
func (s *Sock) Pending() int { return s.out.Len() }

// keepOut is the largest output buffer that is kept for reuse once empty.
const keepOut = 64 << 10

func (s *Sock) consume(n int) {
	if s.out.Take(n); s.out.Len() == 0 {
		s.out.Reset(keepOut)
	}
}

// Flush offers the pending bytes to the kernel again, without waiting; Pending tells what is left. An error is
// the connection's end for writing, but what the server said before may still be read.
func (s *Sock) Flush() error {
	if s.sendErr != nil || s.Pending() == 0 {
		return s.sendErr
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	n, err := s.sendSome(s.out.Bytes())
	s.consume(n)
	return err
}

// stopped tells why a waiting call must not go on: closed, interrupted or past its deadline.
func (s *Sock) stopped(events int16) error {
	_, err := s.timeLeft(events)
	return err
}

// timeLeft returns the milliseconds for poll(2), -1 for no limit.
func (s *Sock) timeLeft(events int16) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	deadline := s.readDeadline
	if events == unix.POLLOUT {
		deadline = s.sendDeadline
	}
	switch {
	case s.closed:
		return 0, net.ErrClosed
	case s.interrupted != nil:
		return 0, s.interrupted
	case deadline.IsZero():
		return -1, nil
	}
	left := time.Until(deadline)
	if left <= 0 {
		return 0, os.ErrDeadlineExceeded
	}
	const maxPoll = time.Hour
	return int(min(left, maxPoll)/time.Millisecond) + 1, nil
}

// await polls until the descriptor is ready for events (or in error, which the next call reports), or returns
// the reason why waiting must end.
func (s *Sock) await(events int16) error {
	for {
		timeout, err := s.timeLeft(events)
		if err != nil {
			return err
		}
		fds := []unix.PollFd{{Fd: int32(s.fd), Events: events}, {Fd: int32(s.wake), Events: unix.POLLIN}}
		_, err = unix.Poll(fds, timeout)
		if err != nil && err != unix.EINTR {
			return os.NewSyscallError("poll", err)
		}
		if err == nil && fds[1].Revents != 0 {
			s.drainWake()
		}
		if err == nil && fds[0].Revents != 0 {
			return s.stopped(events)
		}
	}
}

// drainWake empties the eventfd. With a reader and a writer waiting at once one may take the other's wake-up;
// it therefore passes the news on when there is somebody else.
func (s *Sock) drainWake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users > 1 && (s.closed || s.interrupted != nil) {
		return // stays readable: whoever waits must see it, and nobody polls again after such news
	}
	var b [8]byte
	_, _ = unix.Read(s.wake, b[:])
}

// send is send(2) with MSG_NOSIGNAL: a SIGPIPE must not enter a PostgreSQL backend through us.
func send(fd int, p []byte) (int, error) {
	return unix.SendmsgN(fd, p, nil, nil, unix.MSG_NOSIGNAL)
}
