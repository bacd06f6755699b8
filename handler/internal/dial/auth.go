package dial

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"golang.org/x/sys/unix"

	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// Limits on what a server may send before it is ready. libpq allows 2000 bytes for an authentication message and
// 30000 for an error; the rest is our guard against a server that never comes to an end.
const (
	maxAuthBody    = 8 << 10
	maxStartupBody = 64 << 10
	maxStartup     = 4 << 20
)

// startupReader stands between the stream and pgconn during start-up. It hands over one complete message at a
// time, so that nothing beyond ReadyForQuery ever reaches pgconn's buffers, and it looks at each one: whether the
// server asked for a password (which pgconn does not tell), whether it asks for what we cannot do, and whether
// this is the protocol at all.
type startupReader struct {
	r           io.Reader
	hasPassword bool

	buf    []byte
	rp, wp int
	out    []byte // rest of the current message, in buf
	total  int

	err          error // first failure, which pgconn's wrapping would hide
	ready        bool  // ReadyForQuery was delivered
	asked        uint32
	saslFinished bool
	passwordUsed bool
}

// Authentication request codes of the protocol's message R.
const (
	authOK = iota
	_
	authKerberos
	authCleartext
	_
	authMD5
	authSCM
	authGSS
	authGSSContinue
	authSSPI
	authSASL
	authSASLContinue
	authSASLFinal
)

func (s *startupReader) Read(p []byte) (int, error) {
	if len(s.out) == 0 {
		if s.err == nil {
			s.err = s.next()
		}
		if s.err != nil {
			return 0, startupFailure{s.err}
		}
	}
	n := copy(p, s.out)
	s.out = s.out[n:]
	return n, nil
}

// startupFailure calls itself a timeout: pgconn answers any other read error with a goroutine of its own that
// sends a cancel request and drains the connection for up to 15 seconds.
type startupFailure struct{ cause error }

func (f startupFailure) Error() string { return f.cause.Error() }
func (f startupFailure) Unwrap() error { return f.cause }
func (startupFailure) Timeout() bool   { return true }
func (startupFailure) Temporary() bool { return false }

// fill makes n bytes available at buf[rp:].
func (s *startupReader) fill(n int) error {
	if s.wp-s.rp >= n {
		return nil
	}
	if s.rp > 0 {
		s.wp = copy(s.buf, s.buf[s.rp:s.wp])
		s.rp = 0
	}
	if len(s.buf) < n {
		s.buf = append(make([]byte, 0, max(n, 4096)), s.buf[:s.wp]...)
		s.buf = s.buf[:cap(s.buf)]
	}
	m, err := io.ReadAtLeast(s.r, s.buf[s.wp:], n-s.wp)
	s.wp += m
	s.total += m
	if err == nil && s.total > maxStartup {
		err = protocolError("it sent more than %d bytes without becoming ready", maxStartup)
	}
	return err
}

func protocolError(format string, args ...any) error {
	return sqlerr.New(sqlstate.ProtocolViolation, "server does not follow the protocol: %s", fmt.Sprintf(format, args...))
}

func (s *startupReader) next() error {
	if s.ready {
		return errors.New("start-up is over")
	}
	if err := s.fill(5); err != nil {
		if s.wp > s.rp && errors.Is(err, io.ErrUnexpectedEOF) {
			return protocolError("it closed the connection after %s", quote(s.buf[s.rp:s.wp]))
		}
		return err
	}
	kind := s.buf[s.rp]
	length := int64(int32(binary.BigEndian.Uint32(s.buf[s.rp+1:])))
	if err := s.plausible(kind, length); err != nil {
		return err
	}
	size := int(length) + 1
	if err := s.fill(size); err != nil {
		return err
	}
	msg := s.buf[s.rp : s.rp+size]
	if err := s.inspect(kind, msg[5:]); err != nil {
		return err
	}
	s.rp += size
	s.out = msg
	return nil
}

// plausible judges type and length before anything of the length is read.
func (s *startupReader) plausible(kind byte, length int64) error {
	body, limit := length-4, int64(-1)
	switch kind {
	case 'R':
		limit = maxAuthBody
	case 'S', 'N', 'v':
		limit = maxStartupBody
	case 'K':
		limit = 4 + 256 // protocol 3.2: the key has 4 to 256 bytes
	case 'Z':
		limit = 1
	case 'E':
		if body < 4 || body > maxStartupBody {
			return s.oldError()
		}
		limit = maxStartupBody
	}
	if limit < 0 || body < 0 || body > limit {
		return protocolError("it answered %s", quote(s.buf[s.rp:s.wp]))
	}
	return nil
}

// oldError reads an error of protocol 2: 'E' and text up to a zero byte. Servers send it when they fail before
// they know the client's protocol (could not fork, say).
func (s *startupReader) oldError() error {
	for range 16 {
		if bytes.IndexByte(s.buf[s.rp:s.wp], 0) >= 0 || s.wp-s.rp >= 1024 || s.fill(s.wp-s.rp+1) != nil {
			break
		}
	}
	text, _, _ := bytes.Cut(s.buf[s.rp+1:s.wp], []byte{0})
	return protocolError("it answered %s", quote(bytes.TrimSpace(text)))
}

// quote shows the first bytes of an unexpected answer, printable ones only.
func quote(b []byte) string {
	const most = 80
	cut := len(b) > most
	if cut {
		b = b[:most]
	}
	text := strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '.'
		}
		return r
	}, string(b))
	if cut {
		text += "..."
	}
	return `"` + text + `"`
}

func (s *startupReader) inspect(kind byte, body []byte) error {
	switch kind {
	case 'Z':
		if len(body) != 1 || body[0] != 'I' {
			return protocolError("its first ReadyForQuery is not idle")
		}
		s.ready = true
	case 'K':
		if len(body) < 8 {
			return protocolError("BackendKeyData is too short")
		}
	case 'R':
		if len(body) < 4 {
			return protocolError("authentication request is too short")
		}
		return s.inspectAuth(binary.BigEndian.Uint32(body), body[4:])
	}
	return nil
}

func (s *startupReader) inspectAuth(code uint32, rest []byte) error {
	switch code {
	case authOK:
		s.passwordUsed = s.asked == authCleartext || s.asked == authMD5 || s.asked == authSASL && s.saslFinished
		return nil
	case authSASL:
		if !bytes.Contains(rest, []byte("SCRAM-SHA-256\x00")) {
			return fmt.Errorf("server offers no authentication method that is supported here: %s", saslNames(rest))
		}
	case authCleartext, authMD5:
		if code == authMD5 && len(rest) != 4 {
			return protocolError("MD5 salt has %d bytes", len(rest))
		}
	case authSASLContinue:
		return nil
	case authSASLFinal:
		s.saslFinished = true
		return nil
	case authGSS, authGSSContinue:
		return errors.New("server demands GSSAPI authentication, which is not supported")
	case authSSPI:
		return errors.New("server demands SSPI authentication, which is not supported")
	default:
		return fmt.Errorf("server demands authentication method %d, which is not supported", code)
	}
	s.asked = code
	if !s.hasPassword {
		return errors.New("server asks for a password, but none is given in the user mapping")
	}
	return nil
}

func saslNames(list []byte) string {
	return quote(bytes.ReplaceAll(bytes.TrimRight(list, "\x00"), []byte{0}, []byte(" ")))
}

// drain takes what a background reader of pgconn may have read ahead, and proves that none is left: with the
// deadline in the past each read of the socket ends at once, and pgconn's reader ends itself on the first error.
func (s *startupReader) drain(sock *Sock) ([]byte, error) {
	if err := sock.SetReadDeadline(time.Unix(1, 0)); err != nil {
		return nil, err
	}
	rest := bytes.Clone(s.buf[s.rp:s.wp])
	chunk := make([]byte, 512)
	for len(rest) <= maxStartup {
		n, err := s.r.Read(chunk)
		rest = append(rest, chunk[:n]...)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return rest, sock.SetReadDeadline(time.Time{})
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, protocolError("it sent more than %d bytes unasked", maxStartup)
}

// baseConfig returns the configuration that pgconn insists on having parsed itself. Every name that it would look
// up in the environment is in the string, so nothing of the environment can matter or fail; what the string says
// is then overwritten. PGSERVICE alone cannot be shadowed: a set one is answered with a service file of our own
// that has an empty section of that name.
func baseConfig() (*pgconn.Config, error) {
	const fixed = "host=/ port=5432 user=u password=p dbname=d sslmode=disable sslrootcert='' sslcert='' sslkey='' " +
		"sslpassword='' sslsni=0 sslnegotiation=postgres sslcertmode=allow target_session_attrs=any connect_timeout=0 " +
		"min_protocol_version=3.0 max_protocol_version=3.0 channel_binding=prefer require_auth='' passfile='' " +
		"application_name='' options='' timezone='' servicefile="
	file := "/dev/null"
	if name := os.Getenv("PGSERVICE"); name != "" {
		fd, err := unix.MemfdCreate("pgwire_fdw", unix.MFD_CLOEXEC)
		if err != nil {
			return nil, os.NewSyscallError("memfd_create", err)
		}
		defer func() { _ = unix.Close(fd) }()
		if _, err := unix.Write(fd, []byte("["+name+"]\n")); err != nil {
			return nil, os.NewSyscallError("write", err)
		}
		file = fmt.Sprintf("/proc/self/fd/%d", fd)
	}
	c, err := pgconn.ParseConfigWithOptions(fixed+file, pgconn.ParseConfigOptions{})
	if err != nil {
		return nil, fmt.Errorf("connection defaults: %w", err)
	}
	c.Fallbacks, c.TLSConfig, c.ValidateConnect, c.AfterConnect, c.AfterNetConnect = nil, nil, nil, nil, nil
	// pgconn's own handler would close the socket and nothing else; a nil one leaves that to connectOne.
	c.OnPgError, c.OnNotice, c.OnNotification = nil, nil, nil
	c.ConnectTimeout, c.SSLCertMode, c.SSLNegotiation = 0, "", ""
	c.KerberosSrvName, c.KerberosSpn = "", ""
	return c, nil
}

// startup runs the start-up exchange (StartupMessage to ReadyForQuery) over conn, which is sock or TLS over it.
// Waits end by sock.Interrupt; no context goes into pgconn, because its watcher would set deadlines behind our
// back.
func (s *settings) startup(sock *Sock, conn net.Conn) (*pgconn.HijackedConn, *startupReader, []byte, error) {
	c, err := baseConfig()
	if err != nil {
		return nil, nil, nil, err
	}
	c.User, c.Database, c.Password = s.user, s.database, s.password
	c.RuntimeParams = s.runtime
	c.ChannelBinding, c.RequireAuth = s.channelBinding, s.requireAuth
	c.MinProtocolVersion, c.MaxProtocolVersion = s.minProtocol, s.maxProtocol
	dialled := false
	c.DialFunc = func(context.Context, string, string) (net.Conn, error) {
		if dialled { // pgconn's cancel request after a message that it could not decode
			return nil, errors.New("no second connection while connecting")
		}
		dialled = true
		return conn, nil
	}
	observer := &startupReader{hasPassword: s.password != ""}
	c.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		observer.r = r
		return pgproto3.NewFrontend(observer, w)
	}
	pc, err := pgconn.ConnectConfig(context.Background(), c)
	if err != nil {
		return nil, observer, nil, startupError(observer, err)
	}
	hijacked, err := pc.Hijack()
	if err != nil {
		return nil, observer, nil, err
	}
	if n := hijacked.Frontend.ReadBufferLen(); n != 0 {
		return nil, observer, nil, fmt.Errorf("%d bytes left in the start-up buffer", n)
	}
	rest, err := observer.drain(sock)
	return hijacked, observer, rest, err
}

// startupError digs the cause out of pgconn's wrapping, which repeats user and address in words of its own.
func startupError(o *startupReader, err error) error {
	if o.err != nil {
		if errors.Is(o.err, io.EOF) || errors.Is(o.err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("server closed the connection during start-up: %w", io.ErrUnexpectedEOF)
		}
		return o.err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return sqlerr.From(pg)
	}
	// ConnectError → errors.Join → one attempt's error → "step: cause"
	var ce *pgconn.ConnectError
	if errors.As(err, &ce) {
		err = ce.Unwrap()
	}
	if list, ok := err.(interface{ Unwrap() []error }); ok && len(list.Unwrap()) > 0 {
		err = list.Unwrap()[0]
	}
	if inner := errors.Unwrap(err); inner != nil {
		err = inner
	}
	// pgconn formats "server protocol version too low" with a nil cause.
	if text, broken := strings.CutSuffix(err.Error(), ": %!w(<nil>)"); broken {
		return errors.New(text)
	}
	return err
}
