package dial

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// Limits on what a server may send before it is ready. libpq allows 2000 bytes for an authentication message and
// 30000 for an error; the rest is our guard against a server that never comes to an end.
const (
	maxAuthBody        = 2000
	maxStartupBody     = 64 << 10
	maxStartup         = 1 << 20 // bytes of all messages
	maxStartupMessages = 1000
)

// startupReader reads the messages of the start-up exchange one at a time and judges type and length of each before
// its body is read. It reads ahead as far as the stream gives; what follows ReadyForQuery is rest's.
type startupReader struct {
	r        io.Reader
	buf      []byte
	rp, wp   int
	total    int
	messages int
}

// rest is what has been read beyond the last message.
func (s *startupReader) rest() []byte { return bytes.Clone(s.buf[s.rp:s.wp]) }

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

// errLeft is the end of a connection that the server closed before it was ready.
var errLeft = fmt.Errorf("server closed the connection during start-up: %w", io.ErrUnexpectedEOF)

// next returns the type and body of the next message; body is valid until the next call.
func (s *startupReader) next() (kind byte, body []byte, err error) {
	if s.messages++; s.messages > maxStartupMessages {
		return 0, nil, protocolError("it sent more than %d messages without becoming ready", maxStartupMessages)
	}
	if err := s.fill(5); err != nil {
		if s.wp > s.rp && errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, nil, protocolError("it closed the connection after %s", quote(s.buf[s.rp:s.wp]))
		}
		return 0, nil, left(err)
	}
	kind = s.buf[s.rp]
	length := int64(int32(binary.BigEndian.Uint32(s.buf[s.rp+1:])))
	if err := s.plausible(kind, length); err != nil {
		return 0, nil, err
	}
	size := int(length) + 1
	if err := s.fill(size); err != nil {
		return 0, nil, left(err)
	}
	body = s.buf[s.rp+5 : s.rp+size]
	s.rp += size
	return kind, body, nil
}

func left(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errLeft
	}
	return err
}

// plausible judges type and length before anything of the length is read.
func (s *startupReader) plausible(kind byte, length int64) error {
	body, limit := length-4, int64(-1)
	switch kind {
	case 'R', 'v':
		limit = maxAuthBody
	case 'S', 'N', 'A':
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

func protocolError(format string, args ...any) error {
	return sqlerr.New(sqlstate.ProtocolViolation, "server does not follow the protocol: %s", fmt.Sprintf(format, args...))
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
