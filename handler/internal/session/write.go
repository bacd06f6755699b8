package session

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// Part is one statement of a modification, executed for one set of rows after
// another.
type Part struct {
	SQL          string
	Types        []uint32 // of the parameters of one row; 0: inferred by the remote
	ParamFormats []int16  // of one row
	Formats      []int16  // of the rows it returns
	Returns      bool     // it returns rows
	Rows         [][]byte // values of a row each, as Bind has them, without their number
	PerBind      int      // rows of one execution: len(Rows) is a multiple
	Sink         Sink     // Done once, after the last of them

	key string
}

// executions is how often the statement is executed.
func (p *Part) executions() int { return len(p.Rows) / p.PerBind }

// identity is as that of a Request.
func (p *Part) identity() string {
	if p.key == "" {
		types := []byte{0}
		for range p.PerBind {
			for _, oid := range p.Types {
				types = binary.BigEndian.AppendUint32(types, oid)
			}
		}
		p.key = statementKey(p.SQL, types)
	}
	return p.key
}

// Write sends the parts, in one packet with the transaction commands that must
// come first, under one Sync. It may go behind other modifications that are not
// answered yet, where Pipelines says so. req tells of the transaction, and has
// the statement for errors. The rows are not kept.
func (c *Conn) Write(req *Request, parts []Part) *sqlerr.Error {
	if err := c.writable(req); err != nil {
		return err
	}
	if err := c.reserveRows(req, parts); err != nil {
		return err
	}
	if c.begin(); c.broken != nil {
		return c.broken
	}
	req.LocksRows, req.Writes = true, true
	ex := &exchange{sql: req.SQL, want: 'T', begins: !c.Tx.InTransaction(), writer: true}
	buf, err := c.appendBefore(c.enc[:0], req, ex)
	ex.steps = make([]step, len(parts))
	for i := range parts {
		if err == nil {
			buf, err = c.appendPart(buf, &parts[i], &ex.steps[i])
		}
	}
	if err == nil {
		buf, err = (&pgproto3.Sync{}).Encode(buf)
	}
	if err != nil {
		return c.unencoded(err, req)
	}
	c.push(ex, buf)
	c.end()
	return c.broken
}

// Pipelines reports whether a modification may be sent behind what is in the
// queue: what brings the remote transaction to where it stands must have been
// confirmed, because outside of it a statement would commit by itself.
func (c *Conn) Pipelines() bool {
	if c.cancel != nil || c.broken != nil {
		return false
	}
	for _, ex := range c.queue {
		if ex.open() && (!ex.writer || ex.controls > 0 || ex.unsynced) {
			return false
		}
	}
	return true
}

// LookAlive finds out whether the remote has left a connection that no
// transaction uses, before anything is sent that may write: it would not be sent
// again. Such a connection breaks, with SendAgain.
func (c *Conn) LookAlive() {
	if c.broken == nil && !c.InUse() && c.used && c.Gone() {
		e := sqlerr.New(sqlstate.ConnectionFailure, "lost the connection to server \"%s\"", c.Server)
		e.SendAgain, e.Fatal = true, true
		c.Fail(e)
	}
}

// writable refuses what cannot be sent.
func (c *Conn) writable(req *Request) *sqlerr.Error {
	if c.broken == nil && !c.Pipelines() {
		return sqlerr.New(sqlstate.InternalError, "a modification was sent on a connection whose last result is unread")
	}
	if c.broken != nil {
		return c.broken
	}
	return c.refusal(req)
}

// appendPart appends a statement and all its executions, and notes in to what is to come of it.
func (c *Conn) appendPart(buf []byte, p *Part, to *step) (_ []byte, err error) {
	st := c.stmts.use(p.identity())
	to.sink, to.then, to.times, to.writes = p.Sink, streaming, p.executions(), true
	if to.reused = st.prepared; !st.prepared {
		c.name(st)
		oids := make([]uint32, 0, len(p.Types)*p.PerBind)
		for range p.PerBind {
			oids = append(oids, p.Types...)
		}
		buf = c.appendParse(buf, st.name, p.SQL, oids)
	}
	to.stmt, to.name = st, st.name
	for at := 0; at < len(p.Rows); at += p.PerBind {
		buf = c.appendBindRows(buf, st.name, p, p.Rows[at:at+p.PerBind])
		if at == 0 && p.Returns && !(st.prepared && st.fields != nil) {
			to.then = describing
			if buf, err = (&pgproto3.Describe{ObjectType: 'P'}).Encode(buf); err != nil {
				return buf, err
			}
		}
		buf = append(buf, 'E', 0, 0, 0, 9, 0, 0, 0, 0, 0) // Execute of the unnamed portal, all rows
	}
	if to.then == streaming && p.Returns {
		to.note(p.Sink.Fields(withFormats(st.fields, p.Formats)))
	}
	return buf, nil
}

// appendBindRows writes a Bind of the unnamed portal, whose values are those of
// the rows.
func (c *Conn) appendBindRows(buf []byte, name string, p *Part, rows [][]byte) []byte {
	buf, m := c.open(buf, 'B')
	buf = append(buf, 0)
	buf = append(append(buf, name...), 0)
	buf = appendFormats(buf, p.ParamFormats, len(rows))
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(p.Types)*len(rows)))
	for _, values := range rows {
		buf = c.appendValue(buf, values)
	}
	buf = appendFormats(buf, p.Formats, 1)
	return c.close(buf, m)
}

// appendFormats writes format codes, times over: none stands for all text, one
// for all the same.
func appendFormats(buf []byte, formats []int16, times int) []byte {
	same := true
	for _, f := range formats {
		same = same && f == formats[0]
	}
	switch {
	case len(formats) == 0 || same && formats[0] == 0:
		return append(buf, 0, 0)
	case same:
		return append(buf, 0, 1, 0, byte(formats[0]))
	}
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(formats)*times))
	for range times {
		for _, f := range formats {
			buf = binary.BigEndian.AppendUint16(buf, uint16(f))
		}
	}
	return buf
}

// reserveRows is reserve for rows.
func (c *Conn) reserveRows(req *Request, parts []Part) *sqlerr.Error {
	total := 0
	for i := range parts {
		n := len(parts[i].SQL)
		for _, values := range parts[i].Rows {
			n += len(values)
		}
		if len(parts[i].Types)*parts[i].PerBind > math.MaxUint16 {
			return c.tooManyParams(len(parts[i].Types) * parts[i].PerBind)
		}
		if n > maxParams && parts[i].executions() == 1 {
			return c.tooManyBytes(n)
		}
		total += n
	}
	return c.reserveBytes(req, total)
}

// Unsent is what a writer holds back: rows that are to be sent with others, or
// the end of a COPY.
type Unsent interface {
	// Flush sends it all, as far as it can without waiting; nil: it has, or has failed.
	Flush() *Waiting
	// EndCopy is Flush of a COPY that is under way.
	EndCopy() *Waiting
	// Level is the local nest level that it belongs to.
	Level() int
	// SubCommit tells that the sub-transaction of this level has committed.
	SubCommit(level int)
	// Drop forgets it: what it belongs to is rolled back.
	Drop()
}

// Hold tells that a writer holds something back. Whoever but a writer uses the
// connection next has it sent first.
func (c *Conn) Hold(u Unsent) {
	if !slices.Contains(c.unsent, u) {
		c.unsent = append(c.unsent, u)
	}
}

// Release tells that it does not any more.
func (c *Conn) Release(u Unsent) {
	c.unsent = slices.DeleteFunc(c.unsent, func(other Unsent) bool { return other == u })
}

// Held reports whether anything is held back.
func (c *Conn) Held() bool { return len(c.unsent) > 0 }

// Wrote reports whether the current local transaction has locked or written
// something here that is not rolled back, or is about to.
func (c *Conn) Wrote() bool { return c.Held() || !c.Tx.Clean() }

// OnlyWriters reports whether nobody but writers uses the connection, and at this
// level: another one may join them.
func (c *Conn) OnlyWriters(level int) bool {
	if c.cancel != nil || c.broken != nil || c.Tx.Failed() || c.Tx.Guarded() {
		return false
	}
	for _, u := range c.unsent {
		if u.Level() != level {
			return false
		}
	}
	running := false
	for _, ex := range c.queue {
		if !ex.open() {
			continue
		}
		if !ex.writer || ex.entering.level != level {
			return false
		}
		running = true
	}
	return running || len(c.unsent) > 0
}

// EndOthersCopy ends the COPY of another writer than u, which has to send
// something.
func (c *Conn) EndOthersCopy(u Unsent) *Waiting {
	for _, other := range slices.Clone(c.unsent) {
		if other != u {
			if w := other.EndCopy(); w != nil {
				return w
			}
		}
	}
	return nil
}

// flush has everything sent that is held back.
func (c *Conn) flush() *Waiting {
	if c.broken != nil {
		return nil
	}
	for _, u := range slices.Clone(c.unsent) {
		if w := u.Flush(); w != nil {
			return w
		}
	}
	return nil
}

// DropUnsent forgets what was held back at this level or deeper.
func (c *Conn) DropUnsent(level int) {
	for _, u := range slices.Clone(c.unsent) {
		if u.Level() >= level {
			u.Drop()
			c.Release(u)
		}
	}
}
