package session

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

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
