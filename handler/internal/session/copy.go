package session

import (
	"encoding/binary"
	"slices"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// A COPY ... FROM STDIN is an exchange whose Sync goes out at its end: the server
// would pass over one in the middle. Until then nothing else can be sent.

// copyPiece is how much data a CopyData message has at most.
const copyPiece = 64 << 10

// StartCopy sends a COPY ... FROM STDIN with the transaction commands that must
// come first. Data can be sent once CopyStarted says so. req.Sink is told how it
// ends.
func (c *Conn) StartCopy(req *Request) *sqlerr.Error {
	if err := c.writable(req); err != nil {
		return err
	}
	if err := c.reserveBytes(req, len(req.SQL)); err != nil {
		return err
	}
	if c.begin(); c.broken != nil {
		return c.broken
	}
	req.LocksRows, req.Writes = true, true
	ex := &exchange{sql: req.SQL, want: 'T', begins: !c.Tx.InTransaction(), writer: true, unsynced: true}
	buf, err := c.appendBefore(c.enc[:0], req, ex)
	ex.steps = []step{{sink: req.Sink, then: starting, times: 1, writes: true, columns: req.Columns}}
	buf = c.appendParse(buf, "", req.SQL, nil)
	for _, m := range []pgproto3.FrontendMessage{&pgproto3.Bind{}, &pgproto3.Execute{}, &pgproto3.Flush{}} {
		if err == nil {
			buf, err = m.Encode(buf)
		}
	}
	if err != nil {
		return c.unencoded(err, req)
	}
	c.push(ex, buf)
	c.end()
	return c.broken
}

// copying is the exchange of the COPY whose end has not been sent, or nil.
func (c *Conn) copying() *exchange {
	if n := len(c.queue); n > 0 && c.queue[n-1].unsynced {
		return c.queue[n-1]
	}
	return nil
}

// Copying reports whether a COPY is under way whose end has not been sent.
func (c *Conn) Copying() bool { return c.copying() != nil }

// CopyStarted reports whether CopyData can send data.
func (c *Conn) CopyStarted() bool {
	ex := c.copying()
	return ex != nil && ex.phase == copying
}

// CopyData sends data of the COPY; what the socket does not take waits in memory
// (Unwritten).
func (c *Conn) CopyData(data []byte) *sqlerr.Error {
	if c.begin(); c.broken != nil {
		return c.broken
	}
	if err := c.est.Sock.Reserve(len(data) + len(data)/128 + muchEncoded); err != nil {
		c.end()
		return sqlerr.New(sqlstate.OutOfMemory, "out of memory for rows to server \"%s\": %w", c.Server, err)
	}
	var err error
	for len(data) > 0 && err == nil {
		piece := data[:min(len(data), copyPiece)]
		data = data[len(piece):]
		head := binary.BigEndian.AppendUint32([]byte{'d'}, uint32(len(piece)+4))
		if _, err = c.stream.Write(head); err == nil {
			_, err = c.stream.Write(piece)
		}
	}
	if err != nil {
		c.writeFailed(err)
	}
	c.end()
	return c.broken
}

// Unwritten is how many bytes wait for the socket to take them.
func (c *Conn) Unwritten() int { return c.est.Sock.Pending() }

// EndCopy ends the COPY: all data has been sent.
func (c *Conn) EndCopy() { c.endCopy(&pgproto3.CopyDone{}) }

// FailCopy ends it without effect, where it is still under way.
func (c *Conn) FailCopy() {
	c.endCopy(&pgproto3.CopyFail{Message: "the local transaction was rolled back"})
}

func (c *Conn) endCopy(end pgproto3.FrontendMessage) {
	ex := c.copying()
	if ex == nil {
		return
	}
	if c.begin(); c.broken != nil {
		return
	}
	buf, err := end.Encode(c.enc[:0])
	if err == nil {
		buf, err = (&pgproto3.Sync{}).Encode(buf)
	}
	if ex.unsynced = false; err == nil {
		_, err = c.stream.Write(buf)
	}
	if err != nil {
		c.writeFailed(err)
	}
	c.end()
}

// copyInResponse tells that data can be sent. Only the binary format is asked for.
func (c *Conn) copyInResponse(ex *exchange, body []byte) {
	var m pgproto3.CopyInResponse
	text := func(code uint16) bool { return code != 1 }
	if err := m.Decode(body); err != nil || m.OverallFormat != 1 ||
		len(m.ColumnFormatCodes) != ex.last().columns || slices.ContainsFunc(m.ColumnFormatCodes, text) {
		c.protocolError("bad answer to a COPY in binary format")
		return
	}
	ex.phase = copying
}

// endFailedCopy sends the Sync of a COPY that has failed: until then the server
// passes over what it is sent.
func (c *Conn) endFailedCopy(ex *exchange) {
	if !ex.unsynced {
		return
	}
	ex.unsynced = false
	buf, err := (&pgproto3.Sync{}).Encode(nil)
	if err == nil {
		_, err = c.stream.Write(buf)
	}
	if err != nil && c.broken == nil {
		c.lost(err)
	}
}
