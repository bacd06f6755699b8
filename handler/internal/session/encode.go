package session

import (
	"encoding/binary"
	"math"
	"unsafe"

	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// appendParse writes a Parse ("Message Formats": Parse).
func (c *Conn) appendParse(buf []byte, name, sql string, oids []uint32) []byte {
	buf, m := c.open(buf, 'P')
	buf = append(append(buf, name...), 0)
	buf = c.appendValue(buf, unsafe.Slice(unsafe.StringData(sql), len(sql)))
	buf = append(buf, 0)
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(oids)))
	for _, oid := range oids {
		buf = binary.BigEndian.AppendUint32(buf, oid)
	}
	return c.close(buf, m)
}

// appendBind writes a Bind ("Message Formats": Bind).
func (c *Conn) appendBind(buf []byte, portal, name string, req *Request) []byte {
	buf, m := c.open(buf, 'B')
	buf = append(append(buf, portal...), 0)
	buf = append(append(buf, name...), 0)
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(req.Params)))
	for _, p := range req.Params {
		buf = binary.BigEndian.AppendUint16(buf, uint16(p.Format))
	}
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(req.Params)))
	for _, p := range req.Params {
		if p.Value == nil {
			buf = binary.BigEndian.AppendUint32(buf, math.MaxUint32)
			continue
		}
		buf = binary.BigEndian.AppendUint32(buf, uint32(len(p.Value)))
		buf = c.appendValue(buf, p.Value)
	}
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(req.Formats)))
	for _, f := range req.Formats {
		buf = binary.BigEndian.AppendUint16(buf, uint16(f))
	}
	return c.close(buf, m)
}

// piece is a part of what is sent that stays where it is: data comes at offset
// at of the encoded bytes.
type piece struct {
	at   int
	data []byte
}

// What is encoded is small, because it lies in Go's heap: a value from
// largePiece on stays outside, and any value once there is much.
const (
	largePiece  = 16 << 10
	muchEncoded = 128 << 10
)

func (c *Conn) appendValue(buf, value []byte) []byte {
	if len(value) < largePiece && (len(buf) < muchEncoded || len(value) < 64) {
		return append(buf, value...)
	}
	c.large = append(c.large, piece{len(buf), value})
	return buf
}

// message is where an encoded message begins, in both parts of it.
type message struct{ length, pieces int }

func (c *Conn) open(buf []byte, typ byte) ([]byte, message) {
	return append(buf, typ, 0, 0, 0, 0), message{len(buf) + 1, len(c.large)}
}

// close writes the length of a message.
func (c *Conn) close(buf []byte, m message) []byte {
	n := len(buf) - m.length
	for _, p := range c.large[m.pieces:] {
		n += len(p.data)
	}
	binary.BigEndian.PutUint32(buf[m.length:], uint32(n))
	return buf
}

// write gives the encoded bytes, with the pieces between them, to the socket.
func (c *Conn) write(buf []byte) error {
	at := 0
	for _, p := range c.large {
		for _, part := range [][]byte{buf[at:p.at], p.data} {
			if _, err := c.stream.Write(part); err != nil {
				return err
			}
		}
		at = p.at
	}
	_, err := c.stream.Write(buf[at:])
	return err
}

// reserve makes sure of the memory for what the socket will not take at once,
// while nothing has been announced to the remote: a message that cannot be sent
// to its end costs the connection.
func (c *Conn) reserve(req *Request) *sqlerr.Error {
	total := len(req.SQL)
	for i := range req.Params {
		total += len(req.Params[i].Value)
	}
	return c.reserveBytes(req, total)
}

func (c *Conn) reserveBytes(req *Request, total int) *sqlerr.Error {
	if total < muchEncoded {
		return nil
	}
	// and what TLS adds to each record of at most 16 kB
	if err := c.est.Sock.Reserve(total + total/128 + muchEncoded); err != nil {
		e := sqlerr.New(sqlstate.OutOfMemory, "out of memory for a statement to server \"%s\": %w", c.Server, err)
		e.RemoteSQL = req.SQL
		return e
	}
	return nil
}
