package session

import (
	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
	"pgwire_fdw/handler/internal/wire"
)

// exportSnapshot is the statement that makes the snapshot of a transaction known
// to others of the same server: its identifier, and what tells that server from
// every other one. It fails inside a savepoint.
const exportSnapshot = "SELECT pg_catalog.pg_export_snapshot(), pg_catalog.pg_postmaster_start_time()"

const askInstance = "SELECT pg_catalog.pg_postmaster_start_time()"

// Export is the exporting of a transaction's snapshot.
type Export struct {
	// ID and Instance are for ImportSnapshot; empty: there has been no answer.
	ID, Instance string
	Ended        bool
	Err          *sqlerr.Error
}

// ExportSnapshot asks for the snapshot of the remote transaction, which it begins if
// there is none yet. The connection must be free, and its transaction Exportable.
func (c *Conn) ExportSnapshot() (*Export, *sqlerr.Error) {
	x := &Export{}
	err := c.Execute(&Request{SQL: exportSnapshot, Formats: []int16{0, 0}, Sink: x, Level: 1})
	return x, err
}

// Fields implements Sink.
func (*Export) Fields([]wire.RemoteColumn) *sqlerr.Error { return nil }

// Row implements Sink.
func (x *Export) Row(body []byte) (bool, *sqlerr.Error) {
	var row pgproto3.DataRow
	if err := row.Decode(body); err != nil || len(row.Values) != 2 || len(row.Values[0]) == 0 || len(body) > maxExport {
		return true, sqlerr.New(sqlstate.ProtocolViolation, "bad answer to the question for a snapshot")
	}
	x.ID, x.Instance = string(row.Values[0]), string(row.Values[1])
	return true, nil
}

// maxExport bounds what is taken for the name of a snapshot and a time.
const maxExport = 200

// Done implements Sink.
func (x *Export) Done(err *sqlerr.Error) { x.Ended, x.Err = true, err }

// Suspended implements Sink; no limit is set.
func (*Export) Suspended(string) bool { return false }

// Keep implements Sink.
func (*Export) Keep() bool { return true }

// Discard implements Sink: what has been exported may be used all the same.
func (*Export) Discard() {}

// snapshot is that of another connection's transaction, which the transactions of
// this one take over.
type snapshot struct {
	id       string // empty: they have their own
	instance string // of the server that it is of
	known    bool   // this session is one of that server
	refused  bool   // it could not be taken over
}

// ImportSnapshot makes the transactions that the connection begins from now on
// see what the one sees that has exported the snapshot, and keeps them from
// writing, because nobody would see that. A statement whose transaction cannot be
// begun so fails with an error that says SendAgain.
func (c *Conn) ImportSnapshot(id, instance string) {
	c.snapshot.id, c.snapshot.instance = id, instance
}

// RefusedSnapshot reports whether the server would not take the snapshot over, or is
// another one than that which had exported it.
func (c *Conn) RefusedSnapshot() bool { return c.snapshot.refused }

// appendImport appends what takes a snapshot over. No query may stand in front of
// it in its transaction.
func (c *Conn) appendImport(buf []byte, ex *exchange) (_ []byte, err error) {
	for _, cmd := range []string{"SET TRANSACTION READ ONLY", "SET TRANSACTION SNAPSHOT " + literal(c.snapshot.id)} {
		if buf, err = appendControl(buf, cmd); err != nil {
			return buf, err
		}
		ex.addTyped(frontImport)
	}
	return buf, nil
}

// appendInstance appends the question which server the session is on, where it
// may be another one than that of the snapshot: an address can stand for several.
func (c *Conn) appendInstance(buf []byte, ex *exchange) (_ []byte, err error) {
	if c.snapshot.known && !c.sharing.shared {
		return buf, nil
	}
	if buf, err = appendControl(buf, askInstance); err == nil {
		ex.addTyped(frontInstance)
	}
	return buf, err
}

// checkInstance takes the answer.
func (c *Conn) checkInstance(body []byte) {
	var row pgproto3.DataRow
	if err := row.Decode(body); err != nil || len(row.Values) != 1 {
		c.protocolError("bad answer to the question for the server's start")
		return
	}
	if string(row.Values[0]) == c.snapshot.instance {
		c.snapshot.known = true
		return
	}
	c.snapshot.refused = true
	e := sqlerr.New(sqlstate.ConnectionFailure, "server \"%s\" is several servers, which share no snapshot", c.Server)
	e.SendAgain = true
	c.Fail(e)
}

// importFailed notes that the server has refused the snapshot: nothing has been
// run, so the statement can be sent elsewhere.
func (c *Conn) importFailed(ex *exchange) {
	if ex.failed() && len(ex.steps) > 0 && ex.controls > 0 && ex.running() == frontImport {
		c.snapshot.refused, ex.err.SendAgain = true, true
	}
}

// HasSnapshot reports whether its transactions are those of ImportSnapshot.
func (c *Conn) HasSnapshot() bool { return c.snapshot.id != "" }
