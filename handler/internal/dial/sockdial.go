package dial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// keepalive holds the TCP options; a zero number means the system's default.
type keepalive struct {
	on                    bool
	idle, interval, count int // seconds, seconds, probes
	userTimeout           int // milliseconds
}

// connect opens a socket to a. It returns at once when ctx ends.
func connect(ctx context.Context, a address, k keepalive) (*Sock, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	domain, network := unix.AF_UNIX, "unix"
	switch a.sa.(type) {
	case *unix.SockaddrInet4:
		domain, network = unix.AF_INET, "tcp"
	case *unix.SockaddrInet6:
		domain, network = unix.AF_INET6, "tcp"
	}
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s, err := newSock(fd, sockAddr{network, a.text})
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { s.Interrupt(ctx.Err()) })
	err = s.connect(a, k, domain != unix.AF_UNIX)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Sock) connect(a address, k keepalive, tcp bool) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	if tcp {
		if err := s.tune(k); err != nil {
			return err
		}
	}
	for {
		err := unix.Connect(s.fd, a.sa)
		switch err {
		case nil, unix.EISCONN:
			return nil
		case unix.EAGAIN: // a Unix socket's backlog is full, and poll cannot tell when it has room
			if err := s.pause(5 * time.Millisecond); err != nil {
				return err
			}
			continue
		case unix.EINPROGRESS, unix.EALREADY, unix.EINTR:
		default:
			return os.NewSyscallError("connect", err)
		}
		if err := s.await(unix.POLLOUT); err != nil {
			return err
		}
		code, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err != nil {
			return os.NewSyscallError("getsockopt", err)
		}
		if code != 0 {
			return os.NewSyscallError("connect", unix.Errno(code))
		}
		return nil
	}
}

// pause waits without looking at the socket; Interrupt, Close and deadlines end it.
func (s *Sock) pause(d time.Duration) error {
	if err := s.stopped(unix.POLLOUT); err != nil {
		return err
	}
	fds := []unix.PollFd{{Fd: int32(s.wake), Events: unix.POLLIN}}
	if _, err := unix.Poll(fds, int(d/time.Millisecond)); err != nil && err != unix.EINTR {
		return os.NewSyscallError("poll", err)
	}
	return s.stopped(unix.POLLOUT)
}

// tune sets what libpq sets: no Nagle, keepalives, tcp_user_timeout.
func (s *Sock) tune(k keepalive) error {
	set := func(level, name, value int) error {
		return os.NewSyscallError("setsockopt", unix.SetsockoptInt(s.fd, level, name, value))
	}
	err := set(unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if k.on {
		err = errors.Join(err, set(unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1))
		for _, o := range [][2]int{
			{unix.TCP_KEEPIDLE, k.idle}, {unix.TCP_KEEPINTVL, k.interval}, {unix.TCP_KEEPCNT, k.count},
		} {
			if o[1] > 0 {
				err = errors.Join(err, set(unix.IPPROTO_TCP, o[0], o[1]))
			}
		}
	}
	if k.userTimeout > 0 {
		err = errors.Join(err, set(unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, k.userTimeout))
	}
	return err
}

// checkPeer is requirepeer: the server's process must run as that operating system user.
func checkPeer(s *Sock, want string) error {
	if want == "" {
		return nil
	}
	cred, err := unix.GetsockoptUcred(s.fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return fmt.Errorf("could not get peer credentials: %w", os.NewSyscallError("getsockopt", err))
	}
	u, err := user.LookupId(strconv.FormatUint(uint64(cred.Uid), 10))
	if err != nil {
		return fmt.Errorf("could not look up the server's user: %w", err)
	}
	if u.Username != want {
		return fmt.Errorf("requirepeer specifies \"%s\", but the server runs as \"%s\"", want, u.Username)
	}
	return nil
}
