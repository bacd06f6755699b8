package dial

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// sslRequest is the SSLRequest message: length 8, code 80877103.
var sslRequest = []byte{0, 0, 0, 8, 4, 210, 22, 47}

// secure asks for TLS (or starts it at once with sslnegotiation=direct) and shakes hands. It returns nil and no error
// when the server has no TLS and mayPlain allows that. The files that the ssl options name are read only once the
// server has agreed to TLS. A handshakeError is a failure of the handshake that libpq would have too, which sslmode prefer
// answers with a plain connection; whatever fails on this side is none.
func (t *tlsSettings) secure(sock *Sock, host string, mayPlain bool) (*tls.Conn, *certUse, error) {
	if !t.direct {
		if agreed, err := t.ask(sock, mayPlain); err != nil || !agreed {
			return nil, nil, err
		}
	}
	config, use, err := t.config(host)
	if err != nil {
		return nil, nil, err
	}
	// No context: the handshake would watch it in a goroutine of its own. The caller interrupts the socket.
	conn := tls.Client(sock, config)
	if err := conn.Handshake(); err != nil {
		if libpqFails(err) {
			return nil, nil, handshakeError{handshakeText(err)}
		}
		return nil, nil, handshakeText(err)
	}
	if t.direct && conn.ConnectionState().NegotiatedProtocol != "postgresql" {
		return nil, nil, handshakeError{errors.New("TLS: server did not agree on the protocol \"postgresql\" (ALPN), which sslnegotiation=direct needs")}
	}
	return conn, use, nil
}

// ask sends the SSLRequest and reports whether the server agrees.
func (t *tlsSettings) ask(sock *Sock, mayPlain bool) (agreed bool, err error) {
	if _, err := sock.Write(sslRequest); err != nil {
		return false, err
	}
	var answer [1]byte
	if _, err := io.ReadFull(sock, answer[:]); err != nil {
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("server closed the connection when asked for TLS: %w", err)
		}
		return false, err
	}
	switch answer[0] {
	case 'S', 'N':
		// It is the client's turn now. Bytes that are there all the same were slipped in by somebody who hopes
		// that they are taken for what comes later, encrypted (CVE-2021-23222).
		if sock.hasData() {
			return false, protocolError("it sent more than an answer to the request for TLS")
		}
		if answer[0] == 'N' && !mayPlain {
			return false, fmt.Errorf("server does not support TLS, but sslmode %s requires it", t.mode)
		}
		return answer[0] == 'S', nil
	case 'E': // CVE-2024-10977: the text is unauthenticated, so it is not shown
		return false, errors.New("server sent an error instead of an answer to the request for TLS")
	}
	return false, protocolError("it answered %s to the request for TLS", quote(answer[:]))
}

// hasData reports whether something has arrived that was not read yet.
func (s *Sock) hasData() bool {
	if s.enter() != nil {
		return false
	}
	defer s.leave()
	var b [1]byte
	n, _, err := unix.Recvfrom(s.fd, b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return err == nil && n > 0
}

// untrusted is the verdict on the server's certificate.
type untrusted struct{ error }

func (u untrusted) Unwrap() error { return u.error }

// libpqFails tells a handshake that OpenSSL would not have finished either from one in which the server wants what only
// crypto/tls has not: a certificate that it does not read, a cipher that it does not offer.
func libpqFails(err error) bool {
	var alert *net.OpError
	switch {
	case errors.As(err, new(untrusted)), errors.As(err, new(tls.RecordHeaderError)), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return true
	case errors.As(err, &alert):
		text := alert.Err.Error()
		return !strings.Contains(text, "handshake failure") && !strings.Contains(text, "insufficient security")
	}
	return errors.As(err, new(*os.SyscallError)) || strings.Contains(err.Error(), "protocol version")
}

// handshakeText says "TLS:" once in front of what crypto/tls says, and what was offered where the server just gives up.
func handshakeText(err error) error {
	if strings.Contains(err.Error(), "handshake failure") {
		return fmt.Errorf("TLS: %w (offered are TLS 1.2 and 1.3, key exchange by ECDHE or RSA, AES with GCM or CBC and ChaCha20)", trimmed{err})
	}
	return fmt.Errorf("TLS: %w", trimmed{err})
}

// trimmed leaves out the names of packages in the errors of crypto/tls and crypto/x509.
type trimmed struct{ error }

func (t trimmed) Error() string {
	text := t.error.Error()
	for _, name := range []string{"remote error: ", "tls: ", "x509: "} {
		text = strings.ReplaceAll(text, name, "")
	}
	return text
}

func (t trimmed) Unwrap() error { return t.error }
