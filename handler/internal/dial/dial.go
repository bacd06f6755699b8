// Package dial makes sessions on remote servers: configuration, hosts and their addresses, sockets, TLS,
// authentication, and the cancel request. It ends in Established: connected, authenticated, idle, with a socket that
// never waits. Everything that blocks runs in goroutines of its own.
package dial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// Established is a connected, authenticated, idle connection. Its Sock is in non-blocking mode.
type Established struct {
	Sock *Sock
	// Stream is what protocol bytes go through: Sock itself, or *tls.Conn over it. With TLS, bytes may be
	// waiting in Stream while Sock's descriptor is not readable: read until ErrWouldBlock before polling.
	Stream io.ReadWriter
	// Buffered holds protocol bytes that came after the start-up exchange and were read already; normally none.
	Buffered []byte

	PID             uint32
	SecretKey       []byte // 4 bytes in protocol 3.0, up to 256 in 3.2
	ParameterStatus map[string]string
	TxStatus        byte // 'I'

	Host, Port string // host as the user wrote it, or the socket directory
	// UsedPassword says the server asked for a password and accepted ours. It is about this connection, not
	// about an earlier host or attempt.
	UsedPassword bool
	TLS          bool
	Elapsed      time.Duration

	settings *settings
	runtime  map[string]string // parameters sent
	endpoint endpoint
	address  address
}

// Dial opens a connection. It blocks, so it belongs in a goroutine; it returns soon after ctx ends, wherever it
// was (looking a name up, connect(2), TLS, authentication). Hosts and their addresses are tried in turn as libpq
// does; connect_timeout counts anew for each address, name resolution included in the first.
//
// Errors: 2F003 when the password rule is broken; HV024 or 0A000 for an option; 57014 when ctx was cancelled; otherwise
// 08001 with message could not connect to server "…" and one detail line for each attempt, naming host, port and
// cause, a refusal by the server with its SQLSTATE.
func Dial(ctx context.Context, p Params) (*Established, *sqlerr.Error) {
	started := time.Now()
	if err := CheckPassword(p); err != nil {
		return nil, err
	}
	s, bad := parseSettings(p)
	if bad != nil {
		return nil, bad
	}
	d := &dialer{settings: s}
	e := d.tryAll(ctx)
	if ctx.Err() != nil {
		if e != nil {
			_ = e.Sock.Close()
		}
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, sqlerr.New(sqlstate.QueryCanceled, "canceled while connecting to server \"%s\": %w", p.Server, ctx.Err())
		}
		d.failures = append(d.failures, "timeout expired")
		e = nil
	}
	if e == nil {
		err := sqlerr.New(sqlstate.UnableToConnect, "could not connect to server \"%s\"", p.Server)
		err.Detail = strings.Join(d.failures, "\n")
		return nil, err
	}
	if err := e.CheckPassword(p); err != nil {
		_ = e.Close()
		return nil, err
	}
	e.Elapsed = time.Since(started)
	return e, nil
}

// CheckPassword is the rule of postgres_fdw before connecting: a non-superuser must bring a password in the user
// mapping, or else the connection could be made with the rights of the server's operating system user (peer, trust,
// a client certificate). A superuser may lift it by password_required=false.
func CheckPassword(p Params) *sqlerr.Error {
	if p.Superuser || !p.PasswordRequired || p.Options["password"] != "" {
		return nil
	}
	return sqlerr.New(sqlstate.ProhibitedSQLStatement, "password is required").
		WithDetail("Non-superusers must provide a password in the user mapping.")
}

// CheckPassword is the rule after connecting, also for a cached connection that another effective user is about to use:
// the server must have asked for the password and taken it.
func (e *Established) CheckPassword(p Params) *sqlerr.Error {
	if p.Superuser || !p.PasswordRequired || e.UsedPassword && p.Options["password"] != "" {
		return nil
	}
	return sqlerr.New(sqlstate.ProhibitedSQLStatement, "password is required").
		WithDetail("Non-superuser cannot connect if the server does not request a password.").
		WithHint("Target server's authentication method must be changed or password_required=false set in the user mapping attributes.")
}

// Close says goodbye if the kernel takes it at once, and closes the socket.
func (e *Established) Close() error {
	if e.Sock.Pending() == 0 {
		_, _ = e.Stream.Write([]byte{'X', 0, 0, 0, 4}) // Terminate
	}
	return e.Sock.Close()
}

// dialer goes through the hosts of one Dial.
type dialer struct {
	*settings
	failures []string
}

// stopError marks a failure after which no other host is tried: the server answered and refused, as in libpq,
// unless it refused because it is starting up or shutting down (57P03).
type stopError struct{ error }

func (e stopError) Unwrap() error { return e.error }

// tryAll returns nil when every attempt failed; failures then says why.
func (d *dialer) tryAll(ctx context.Context) *Established {
	if d.loadBalance {
		shuffle(d.endpoints)
	}
	wanted := d.attrs
	if wanted == attrsPreferStandby {
		if e, stop := d.pass(ctx, attrsStandby); e != nil || stop {
			return e
		}
		wanted = attrsAny
	}
	e, _ := d.pass(ctx, wanted)
	return e
}

func (d *dialer) pass(ctx context.Context, wanted sessionAttrs) (e *Established, stop bool) {
	for _, ep := range d.endpoints {
		actx, cancel := d.limit(ctx)
		addresses, err := resolve(actx, ep)
		if err != nil {
			cancel()
			d.failed(ep, nil, timeoutText(ctx, actx, err))
			if ctx.Err() != nil {
				return nil, true
			}
			continue
		}
		if d.loadBalance {
			shuffle(addresses)
		}
		for i := range addresses {
			if i > 0 {
				cancel()
				actx, cancel = d.limit(ctx)
			}
			e, err := d.address(actx, ep, addresses[i], wanted)
			if err == nil {
				cancel()
				return e, true
			}
			d.failed(ep, &addresses[i], timeoutText(ctx, actx, err))
			if ctx.Err() != nil || errors.As(err, new(stopError)) {
				cancel()
				return nil, true
			}
		}
		cancel()
	}
	return nil, false
}

func (d *dialer) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if d.timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d.timeout)
}

// timeoutText names connect_timeout as the cause when it is.
func timeoutText(outer, inner context.Context, err error) error {
	if outer.Err() == nil && errors.Is(inner.Err(), context.DeadlineExceeded) {
		return errors.New("timeout expired")
	}
	return err
}

func (d *dialer) failed(ep endpoint, a *address, err error) {
	d.failures = append(d.failures, fmt.Sprintf("connection to %s failed: %s", ep.where(a), describe(err)))
}

// describe gives the server's own SQLSTATE, which 08001 replaces, a place in the text.
func describe(err error) string {
	var both twice
	if errors.As(err, &both) {
		return describe(both.first) + "; then, " + both.how + ": " + describe(both.second)
	}
	var remote *sqlerr.Error
	if !errors.As(err, &remote) {
		return err.Error()
	}
	if remote.SQLState == sqlstate.ProtocolViolation {
		return remote.Message
	}
	return remote.Error()
}

// twice is the failure of both connections that sslmode allow or prefer made to one address.
type twice struct {
	first, second error
	how           string
}

func (t twice) Error() string   { return describe(t) }
func (t twice) Unwrap() []error { return []error{t.second, t.first} }

// refusedFor reports whether a server refused because of the kind of connection: SQLSTATE 28000 is what pg_hba.conf
// answers when no line matches (or one rejects), encryption being part of the match.
func refusedFor(err error) bool {
	var e *sqlerr.Error
	return errors.As(err, &e) && e.SQLState == sqlstate.InvalidAuthorization
}

// address tries one address, twice where sslmode says so: "allow" goes on to TLS when the server refuses a plain
// connection, "prefer" goes back to a plain one when TLS fails or is refused. Unlike libpq a wrong password is no
// reason: it would be sent again, in the clear.
func (d *dialer) address(ctx context.Context, ep endpoint, a address, wanted sessionAttrs) (*Established, error) {
	mode := d.tls.mode
	if ep.unix {
		mode = "disable" // libpq: sslmode is ignored for Unix domain sockets
	}
	e, err := d.attempt(ctx, ep, a, mode != "disable" && mode != "allow", mode == "prefer")
	if err == nil || ctx.Err() != nil {
		return d.suited(ctx, e, err, wanted)
	}
	var second error
	how := "with TLS"
	switch {
	case mode == "allow" && refusedFor(err):
		e, second = d.attempt(ctx, ep, a, true, false)
	case mode == "prefer" && (refusedFor(err) && errors.As(err, new(secureError)) || errors.As(err, new(handshakeError))):
		e, second = d.attempt(ctx, ep, a, false, false)
		how = "without TLS"
	default:
		return nil, d.verdict(err)
	}
	if second != nil {
		return nil, d.verdict(twice{err, second, how})
	}
	return d.suited(ctx, e, nil, wanted)
}

// verdict decides whether the next host may be tried. As in libpq it is when this one could not be reached or is
// starting up or shutting down; a server that was reached and refused, lied or could not be trusted ends the search.
// Unlike libpq one that closes the connection without a word counts as not reached.
func (d *dialer) verdict(err error) error {
	var e *sqlerr.Error
	var sys *os.SyscallError
	switch {
	case errors.As(err, new(handshakeError)), errors.As(err, new(*net.OpError)):
	case errors.As(err, &e):
		if e.SQLState == sqlstate.CannotConnectNow {
			return err
		}
	case errors.As(err, &sys), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return err
	}
	return stopError{err}
}

// suited checks target_session_attrs and hands the connection over in non-blocking mode.
func (d *dialer) suited(ctx context.Context, e *Established, err error, wanted sessionAttrs) (*Established, error) {
	if err != nil {
		return nil, err
	}
	err = e.guarded(ctx, func() error { return e.checkAttrs(wanted) })
	if err == nil {
		err = e.Sock.SetNonblocking(true)
	}
	if err != nil {
		_ = e.Sock.Close()
		return nil, err
	}
	return e, nil
}

// handshakeError is a failure of the TLS handshake that is no matter of what crypto/tls supports.
type handshakeError struct{ error }

func (e handshakeError) Unwrap() error { return e.error }

// secureError is a failure of the start-up exchange under TLS.
type secureError struct{ error }

func (e secureError) Unwrap() error { return e.error }

// attempt makes one connection. A pooler that refuses a parameter of ours is asked again without any: who uses the
// session looks at what it runs with.
func (d *dialer) attempt(ctx context.Context, ep endpoint, a address, secure, mayPlain bool) (*Established, error) {
	e, err := d.once(ctx, ep, a, secure, mayPlain)
	if len(d.runtime) > len(d.fewer) && parameterRefused(err) {
		d.runtime = d.fewer
		e, err = d.once(ctx, ep, a, secure, mayPlain)
	}
	return e, err
}

// parameterRefused reports whether the connection was refused by PgBouncer (client.c of it) for a startup parameter that it
// neither passes on nor was told to ignore. No server refuses so.
func parameterRefused(err error) bool {
	var e *sqlerr.Error
	return errors.As(err, &e) && e.SQLState == sqlstate.ProtocolViolation && strings.HasPrefix(e.Message, "unsupported startup parameter")
}

// once is one connection: connect(2), TLS, start-up. mayPlain lets a server without TLS have a plain one.
func (d *dialer) once(ctx context.Context, ep endpoint, a address, secure, mayPlain bool) (*Established, error) {
	sock, err := connect(ctx, a, d.keepalive)
	if err != nil {
		return nil, err
	}
	e := &Established{Sock: sock, Stream: sock, Host: ep.label(), Port: strconv.Itoa(ep.port), settings: d.settings, runtime: d.runtime, endpoint: ep, address: a}
	err = e.guarded(ctx, func() error {
		if ep.unix {
			if err := checkPeer(sock, d.requirePeer); err != nil {
				return err
			}
		}
		return e.negotiate(secure, mayPlain)
	})
	if err != nil {
		_ = sock.Close()
		return nil, err
	}
	return e, nil
}

// grace is how long a cancelled step may take to notice before it is left behind. Only a server that demands
// millions of hash rounds (SCRAM) makes a step deaf for longer.
const grace = 50 * time.Millisecond

// guarded runs a step of connecting in its own goroutine: the end of ctx interrupts the socket, and a step that
// computes instead of waiting is left behind.
func (e *Established) guarded(ctx context.Context, step func() error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	done := make(chan error, 1)
	invariant.Go("session.connect", func() { done <- step() }, func(err error) { done <- err })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	e.Sock.Interrupt(ctx.Err())
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
	}
	return ctx.Err()
}

// negotiate does TLS and the start-up exchange on a connected socket and fills e.
func (e *Established) negotiate(secure, mayPlain bool) error {
	s := e.settings
	var use *certUse
	if secure {
		conn, u, err := s.tls.secure(e.Sock, e.endpoint.name, mayPlain)
		if err != nil {
			return err
		}
		if conn != nil {
			e.Stream, e.TLS, use = conn, true, u
		}
	}
	err := e.startup(use)
	if err != nil && e.TLS {
		var alert *net.OpError // how crypto/tls tells of an alert, which TLS 1.3 may bring after the handshake
		if errors.As(err, &alert) {
			err = handshakeText(alert)
		}
		return secureError{err}
	}
	return err
}
