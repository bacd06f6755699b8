package session

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"time"
	"unsafe"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
	"pgwire_fdw/handler/internal/txn"
	"pgwire_fdw/handler/internal/wire"
)

// Param is one bound parameter. Value nil is NULL.
type Param struct {
	TypeOID uint32 // 0: inferred by the remote
	Format  int16
	Value   []byte
}

// Request is one statement to run for its rows.
type Request struct {
	SQL     string
	Params  []Param
	Formats []int16 // result formats, one per result column
	Sink    Sink

	Level        int  // local nest level
	Serializable bool // local isolation level
	Guard        bool // wants a savepoint to roll back to when abandoned
	ReadOnly     bool // the local transaction is
	LocksRows    bool // locks or writes rows
	Writes       bool // may write: it is not sent again, and may have no rows
	// Alone: nothing else needs the snapshot of this statement, so it runs as a
	// transaction of its own. Not inside a remote transaction, and not LocksRows.
	Alone bool
	// MaxRows > 0: the server stops after that many rows, until Resume (if Alone,
	// for good). It then computes, sends and locks no more, but has no help of
	// parallel workers.
	MaxRows int
	// Columns are those of the rows that StartCopy's statement takes.
	Columns int

	key string // what the statement is remembered by, made when first needed
}

// Execute sends the request, in one packet with the transaction commands that
// must come first. The connection must not have an active sink. Nothing is
// read; the answers come through Pump.
func (c *Conn) Execute(req *Request) *sqlerr.Error {
	if err := c.sendable(req); err != nil {
		return err
	}
	if err := c.reserve(req); err != nil {
		return err
	}
	if c.begin(); c.broken != nil {
		return c.broken
	}
	ex := &exchange{sql: req.SQL, want: 'T', begins: !c.Tx.InTransaction()}
	ex.steps = []step{{sink: req.Sink, then: describing, times: 1, writes: req.Writes}}
	if req.Writes {
		ex.steps[0].then = modifying
	}
	ex.commits = req.Alone && !c.Gone()
	buf, err := c.appendBefore(c.enc[:0], req, ex)
	if err != nil {
		return c.unencoded(err, req)
	}
	if buf, err = c.appendQuery(buf, req, ex); err != nil {
		return c.unencoded(err, req)
	}
	if buf, err = (&pgproto3.Sync{}).Encode(buf); err != nil {
		return c.unencoded(err, req)
	}
	st := ex.steps[0].stmt
	known := st.prepared && st.fields != nil
	if known {
		// a named statement cannot change its result type: no need to ask again
		ex.steps[0].then = streaming
	}
	c.push(ex, buf)
	if known && c.broken == nil {
		ex.steps[0].note(req.Sink.Fields(withFormats(st.fields, req.Formats)))
	}
	c.end()
	return nil
}

// appendBefore appends what goes in front of a statement: what is to be
// closed, and the transaction commands.
func (c *Conn) appendBefore(buf []byte, req *Request, ex *exchange) (_ []byte, err error) {
	for _, name := range c.stmts.doomed {
		if buf, err = (&pgproto3.Close{ObjectType: 'S', Name: name}).Encode(buf); err != nil {
			return buf, err
		}
	}
	for _, name := range c.portals.closing {
		if buf, err = (&pgproto3.Close{ObjectType: 'P', Name: name}).Encode(buf); err != nil {
			return buf, err
		}
	}
	c.stmts.doomed, c.portals.closing = c.stmts.doomed[:0], c.portals.closing[:0]
	if req.Alone {
		ex.want = 'I'
		return c.appendSharing(buf, ex)
	}
	mode := txn.Mode{Serializable: req.Serializable, ReadOnly: req.ReadOnly}
	ex.entering = entering{before: c.Tx, level: req.Level, mode: mode, guard: req.Guard}
	for _, cmd := range c.Tx.Enter(req.Level, mode, req.Guard) {
		if buf, err = appendControl(buf, cmd); err != nil {
			return buf, err
		}
		ex.add(frontCommand)
		if ex.begins && ex.controls == 1 {
			if buf, err = c.appendSharing(buf, ex); err != nil {
				return buf, err
			}
		}
	}
	ex.entering.commands = ex.missing() // none has been run so far
	if req.LocksRows {
		c.Tx.MarkDirty()
	}
	return buf, nil
}

// maxParams bounds the bytes of all parameters: a message of the protocol ends
// at 1 GB for the server (PQ_LARGE_MESSAGE_LIMIT of libpq/libpq.h).
const maxParams = 0x3fffffff - 1<<20

// sendable refuses what cannot be sent while nothing has been announced to the
// remote yet.
func (c *Conn) sendable(req *Request) *sqlerr.Error {
	if c.broken != nil {
		return c.broken
	}
	if c.Active() != nil || len(c.unsent) > 0 {
		return sqlerr.New(sqlstate.InternalError, "a statement was sent on a connection whose last result is unread")
	}
	if err := c.refusal(req); err != nil {
		return err
	}
	if len(req.Params) > math.MaxUint16 {
		return c.tooManyParams(len(req.Params))
	}
	total := 0
	for i := range req.Params {
		total += len(req.Params[i].Value) + 4
	}
	if total > maxParams {
		return c.tooManyBytes(total)
	}
	return nil
}

// refusal is why no statement can be sent in the remote transaction, or not this one.
func (c *Conn) refusal(req *Request) *sqlerr.Error {
	if c.Tx.Failed() && c.ofWrite {
		return c.failure
	}
	if c.Tx.Failed() {
		// by a statement whose rows were not wanted any more, so nobody has heard
		e := sqlerr.New(sqlstate.InFailedSQLTransaction, "the transaction on server \"%s\" has failed", c.Server)
		if c.failure != nil {
			e.Detail, e.Context, e.RemoteSQL = c.failure.Error(), c.failure.Context, c.failure.RemoteSQL
		}
		return e
	}
	if len(req.SQL) > maxParams {
		return sqlerr.New(sqlstate.ProgramLimitExceeded, "a statement for server \"%s\" takes %d bytes, more than the protocol's limit of %d",
			c.Server, len(req.SQL), maxParams)
	}
	return nil
}

func (c *Conn) tooManyParams(n int) *sqlerr.Error {
	return sqlerr.New(sqlstate.ProgramLimitExceeded, "statement for server \"%s\" has %d parameters, more than the protocol's limit of %d",
		c.Server, n, math.MaxUint16)
}

func (c *Conn) tooManyBytes(n int) *sqlerr.Error {
	return sqlerr.New(sqlstate.ProgramLimitExceeded, "parameters of a statement for server \"%s\" take %d bytes, more than the protocol's limit of %d",
		c.Server, n, maxParams)
}

// unencoded undoes nothing of the state that Enter has announced: the connection
// is closed instead, for a statement that could not even be encoded.
func (c *Conn) unencoded(err error, req *Request) *sqlerr.Error {
	e := sqlerr.New(sqlstate.ProgramLimitExceeded, "cannot send a statement to server \"%s\": %w", c.Server, err)
	e.RemoteSQL = req.SQL
	c.Fail(e)
	return e
}

// appendControl appends a transaction command as an extended-protocol
// statement: inside one Sync an error in it skips everything that follows.
func appendControl(buf []byte, cmd string) ([]byte, error) {
	buf, err := (&pgproto3.Parse{Query: cmd}).Encode(buf)
	if err == nil {
		buf, err = (&pgproto3.Bind{}).Encode(buf)
	}
	if err == nil {
		buf, err = (&pgproto3.Execute{}).Encode(buf)
	}
	return buf, err
}

// appendQuery appends Parse (unless the remote has the statement), Bind,
// Describe (unless the answer is known) and Execute: without a row limit, so
// that the remote may use a parallel plan, where the request does not ask for one.
func (c *Conn) appendQuery(buf []byte, req *Request, ex *exchange) ([]byte, error) {
	st := c.stmts.use(req.identity())
	to := &ex.steps[0]
	var err error
	if to.reused = st.prepared; !st.prepared {
		c.name(st)
		oids := make([]uint32, len(req.Params))
		for i, p := range req.Params {
			oids[i] = p.TypeOID
		}
		buf = c.appendParse(buf, st.name, req.SQL, oids)
	}
	to.stmt, to.name = st, st.name
	if to.limit = int64(req.MaxRows); to.limit > 0 && !req.Alone {
		to.portal = c.portals.add(c.Tx.Depth(), req.Sink)
	}
	buf = c.appendBind(buf, to.portal, st.name, req)
	if !st.prepared || st.fields == nil {
		if buf, err = (&pgproto3.Describe{ObjectType: 'P', Name: to.portal}).Encode(buf); err != nil {
			return buf, err
		}
	}
	return (&pgproto3.Execute{Portal: to.portal, MaxRows: uint32(req.MaxRows)}).Encode(buf)
}

// push queues the exchange and hands its bytes to the socket.
func (c *Conn) push(ex *exchange, buf []byte) {
	c.enc = buf
	if cap(c.enc) > 1<<20 {
		c.enc = nil
	}
	c.queue = append(c.queue, ex)
	c.Exchanges++
	c.sentAt, c.resultFrom = time.Now(), c.BytesRead
	if c.broken != nil {
		ex.tell(c.broken)
		c.queue = nil
		return
	}
	ex.start()
	err := c.write(buf)
	clear(c.large)
	c.large = c.large[:0]
	if err == nil {
		return
	}
	c.writeFailed(err)
}

// writeFailed breaks the connection: a server that went away has said why.
func (c *Conn) writeFailed(err error) {
	if c.pump(func() bool { return false }); c.broken == nil {
		c.lost(err)
	}
}

// Control sends transaction commands by themselves, as one simple query; the
// answer is read with whatever comes next. quiet: a failure becomes a warning.
func (c *Conn) Control(quiet bool, cmds ...string) {
	if len(cmds) == 0 || c.broken != nil {
		return
	}
	ex := &exchange{controls: len(cmds), sql: strings.Join(cmds, "; "), quiet: quiet, want: 'T'}
	if !c.Tx.InTransaction() {
		ex.want, c.uncommitted = 'I', nil
		c.portals.forget() // they went with the transaction
		c.used = true
	}
	buf, err := (&pgproto3.Query{String: ex.sql}).Encode(c.enc[:0])
	if err != nil {
		c.lost(fmt.Errorf("encoding %q: %w", ex.sql, err))
		return
	}
	c.push(ex, buf)
}

// name gives a statement that comes again a name, if it may have one.
func (c *Conn) name(st *statement) {
	if st.uses <= 1 || !c.sharing.prepares() {
		return
	}
	if st.name != "" {
		c.stmts.doomed = append(c.stmts.doomed, st.name)
	}
	st.name = c.stmts.nextName()
}

// Override remembers result formats for a statement whose usual ones the
// remote's types do not allow; Formats gives them back.
func (c *Conn) Override(req *Request, formats []int16) {
	if st := c.stmts.byKey[req.identity()]; st != nil {
		st.formats = formats
	}
}

// Formats returns the formats to ask for: what Override left, or usual.
func (c *Conn) Formats(req *Request, usual []int16) []int16 {
	if st := c.stmts.byKey[req.identity()]; st != nil && len(st.formats) == len(usual) && st.formats != nil {
		return st.formats
	}
	return usual
}

// hashedIdentity is from where on a statement is known by a hash: a session
// remembers many, and a text may be as long as it likes.
const hashedIdentity = 4 << 10

// identity is the SQL with its parameters' types, which a prepared statement is
// bound to as well.
func (req *Request) identity() string {
	if len(req.Params) == 0 && len(req.SQL) < hashedIdentity {
		return req.SQL
	}
	if req.key != "" {
		return req.key
	}
	types := make([]byte, 0, 4*len(req.Params)+1)
	types = append(types, 0)
	for _, p := range req.Params {
		types = binary.BigEndian.AppendUint32(types, p.TypeOID)
	}
	req.key = statementKey(req.SQL, types)
	return req.key
}

// statementKey is what a statement is known by; types is a zero and then the OIDs.
func statementKey(sql string, types []byte) string {
	if len(sql)+len(types) < hashedIdentity {
		return sql + string(types)
	}
	h := sha256.New()
	_, _ = h.Write(unsafe.Slice(unsafe.StringData(sql), len(sql))) // never fails
	_, _ = h.Write(types)
	return "\x00" + string(h.Sum(nil)) // no text begins so
}

func withFormats(fields []wire.RemoteColumn, formats []int16) []wire.RemoteColumn {
	same := true
	for i, f := range fields {
		same = same && (i >= len(formats) || f.Format == formats[i])
	}
	if same {
		return fields // the sink does not change them
	}
	out := make([]wire.RemoteColumn, len(fields))
	for i, f := range fields {
		if i < len(formats) {
			f.Format = formats[i]
		}
		out[i] = f
	}
	return out
}
