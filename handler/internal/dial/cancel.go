package dial

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"pgwire_fdw/handler/internal/invariant"
)

const cancelRequestCode = 80877102

// Cancel asks the server to stop what this connection's backend is doing: a CancelRequest on a new connection to the
// same address, under TLS if the main one has it (the key must not be seen on the network), then it waits
// until the server closes, which it does after it has sent the signal. Nothing tells whether there was something to
// cancel. It blocks until ctx ends at the latest, so it belongs in a goroutine; it touches nothing that the main
// connection's user touches.
func (e *Established) Cancel(ctx context.Context) error {
	if len(e.SecretKey) == 0 {
		return errors.New("server gave no key for cancel requests")
	}
	sock, err := connect(ctx, e.address, e.settings.keepalive)
	if err != nil {
		return fmt.Errorf("cancel request: %w", err)
	}
	// Closing is left to the step: it may outlive a cancelled context for the length of a computation.
	c := &Established{Sock: sock, settings: e.settings, endpoint: e.endpoint}
	err = c.guarded(ctx, func() error {
		defer func() { _ = sock.Close() }()
		return c.sendCancel(ctx, e)
	})
	if err != nil {
		_ = sock.Close()
		return fmt.Errorf("cancel request: %w", err)
	}
	return nil
}

func (e *Established) sendCancel(ctx context.Context, of *Established) error {
	var stream io.ReadWriter = e.Sock
	if of.TLS {
		conn, _, err := e.settings.tls.secure(e.Sock, e.endpoint.name, false)
		if err != nil {
			return err
		}
		stream = conn
	}
	msg := make([]byte, 12, 12+len(of.SecretKey))
	binary.BigEndian.PutUint32(msg, uint32(12+len(of.SecretKey)))
	binary.BigEndian.PutUint32(msg[4:], cancelRequestCode)
	binary.BigEndian.PutUint32(msg[8:], of.PID)
	msg = append(msg, of.SecretKey...)
	if _, err := stream.Write(msg); err != nil {
		return err
	}
	invariant.MaybePanic("session.cancel")
	// The server sends nothing; end of file, or a reset by a server that did not read all, is the answer.
	var b [64]byte
	for range 16 {
		if _, err := stream.Read(b[:]); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return nil
		}
	}
	return errors.New("server answers a cancel request with data")
}

// cancelTimeout bounds one cancel request, from dialling to the server's
// closing of the extra connection.
const cancelTimeout = 5 * time.Second

// CancelRequest is one on its way, in a goroutine of its own. The server
// signals the session before it closes the extra connection, so once it is
// delivered it can hit no later statement; until then nothing may be sent.
type CancelRequest struct {
	sig  *Signal
	stop context.CancelFunc
	done atomic.Bool
}

// StartCancel sends a cancel request without blocking. Release must follow.
func (e *Established) StartCancel() (*CancelRequest, error) {
	sig, err := NewSignal(2)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithTimeout(context.Background(), cancelTimeout)
	r := &CancelRequest{sig: sig, stop: stop}
	finish := func() {
		stop()
		r.done.Store(true)
		sig.Set()
		sig.Release()
	}
	invariant.Go("cancel", func() {
		_ = e.Cancel(ctx)
		finish()
	}, func(error) { finish() })
	return r, nil
}

// FD is readable once the request is Delivered, within cancelTimeout at the
// latest. It is valid until Release.
func (r *CancelRequest) FD() int { return r.sig.fd }

// Delivered reports whether the server has signalled its session, or the
// request has failed: it can do nothing any more.
func (r *CancelRequest) Delivered() bool { return r.done.Load() }

// Release lets go of the request. Without stop it still goes out, and its
// goroutine ends by itself.
func (r *CancelRequest) Release(stop bool) {
	if stop {
		r.stop()
	}
	r.sig.Release()
}
