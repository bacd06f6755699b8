package dial

import (
	"testing"

	"golang.org/x/sys/unix"
)

// checkSockopts reads the socket's options back from the kernel.
func checkSockopts(t *testing.T, p Params) {
	t.Helper()
	e := mustDial(t, p)
	for name, o := range map[string][3]int{
		"nodelay": {unix.IPPROTO_TCP, unix.TCP_NODELAY, 1}, "keepalives": {unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		"idle": {unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 77}, "interval": {unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 7},
		"count": {unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 5}, "user timeout": {unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 4321},
	} {
		if v, err := unix.GetsockoptInt(e.Sock.Fd(), o[0], o[1]); err != nil || v != o[2] {
			t.Errorf("%s is %d, want %d (%v)", name, v, o[2], err)
		}
	}
	p.Options["keepalives"] = "0"
	if v, err := unix.GetsockoptInt(mustDial(t, p).Sock.Fd(), unix.SOL_SOCKET, unix.SO_KEEPALIVE); err != nil || v != 0 {
		t.Errorf("keepalives=0: SO_KEEPALIVE is %d (%v)", v, err)
	}
	if flags, err := unix.FcntlInt(uintptr(e.Sock.Fd()), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Error("descriptor survives exec")
	}
}
