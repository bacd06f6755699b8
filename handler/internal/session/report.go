package session

import (
	"bytes"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/sqlerr"
)

// maxReport is how much of an error or a notice is taken. It may be longer: it
// often quotes a value, and then the rest of it is passed over unseen.
const maxReport = 1 << 20

// isReport tells ErrorResponse and NoticeResponse from other messages.
func isReport(typ byte) bool { return typ == 'E' || typ == 'N' }

// cutReport dispatches the beginning of a report of size bytes, of which the
// buffer has at least maxReport, and sees to it that the rest is skipped.
func (c *Conn) cutReport(typ byte, body []byte, size int) {
	c.skip = size - maxReport
	c.message(typ, body)
	c.in.Take(maxReport)
}

// skipped passes over what has come of a report's rest; false when more is to come.
func (c *Conn) skipped() bool {
	n := min(c.skip, c.in.Len())
	c.in.Take(n)
	c.skip -= n
	return c.skip == 0
}

// report decodes the body of an ErrorResponse or NoticeResponse.
func (c *Conn) report(body []byte) (*pgproto3.ErrorResponse, error) {
	var m pgproto3.ErrorResponse
	if c.skip > 0 {
		body = endCut(body, c.skip)
	}
	err := m.Decode(body)
	return &m, err
}

// endCut makes a report of one that missing bytes have been cut off from: the
// field in which that happened ends with a note of it.
func endCut(body []byte, missing int) []byte {
	last := bytes.LastIndexByte(body, 0) + 1 // where the field begins that was cut
	if last == len(body) {
		return append(bytes.Clone(body), 0)
	}
	field := body[last : last+1 : last+1]
	field = append(field, sqlerr.CutText(string(body[last+1:]), len(body)-last-1, missing)...)
	return append(append(bytes.Clone(body[:last]), field...), 0, 0)
}
