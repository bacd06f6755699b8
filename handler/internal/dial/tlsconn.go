package dial

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"

	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// sslRequest is the SSLRequest message: length 8, code 80877103.
var sslRequest = []byte{0, 0, 0, 8, 4, 210, 22, 47}

// secure asks for TLS (or starts it at once with sslnegotiation=direct) and shakes hands. It returns nil and no error
// when the server has no TLS and mayPlain allows that. Exactly one byte is read before the handshake, so bytes
// that somebody slipped in ahead of it (CVE-2021-23222) fail the handshake and are never taken for data.
func (t *tlsSettings) secure(sock *Sock, host string, mayPlain bool) (*tls.Conn, *certUse, error) {
	config, use, err := t.config(host)
	if err != nil {
		return nil, nil, err
	}
	if !t.direct {
		if _, err := sock.Write(sslRequest); err != nil {
			return nil, nil, err
		}
		var answer [1]byte
		if _, err := io.ReadFull(sock, answer[:]); err != nil {
			if errors.Is(err, io.EOF) {
				err = fmt.Errorf("server closed the connection when asked for TLS: %w", err)
			}
			return nil, nil, err
		}
		switch answer[0] {
		case 'S':
		case 'N':
			if mayPlain {
				return nil, nil, nil
			}
			return nil, nil, fmt.Errorf("server does not support TLS, but sslmode %s requires it", t.mode)
		case 'E': // CVE-2024-10977: the text is unauthenticated, so it is not shown
			return nil, nil, handshakeError{errors.New("server sent an error instead of an answer to the request for TLS")}
		default:
			return nil, nil, sqlerr.New(sqlstate.ProtocolViolation, "server does not follow the protocol: it answered %s to the request for TLS", quote(answer[:]))
		}
	}
	// No context: the handshake would watch it in a goroutine of its own. The caller interrupts the socket.
	conn := tls.Client(sock, config)
	if err := conn.Handshake(); err != nil {
		return nil, nil, handshakeError{fmt.Errorf("TLS: %w", err)}
	}
	if t.direct && conn.ConnectionState().NegotiatedProtocol != "postgresql" {
		return nil, nil, handshakeError{errors.New("TLS: server did not agree on the protocol \"postgresql\" (ALPN), which sslnegotiation=direct needs")}
	}
	return conn, use, nil
}
