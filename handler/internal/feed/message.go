package feed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// What a walsender sends in CopyData, and pgoutput in that ("Streaming Replication Protocol" and "Logical Replication
// Message Formats" of the protocol documentation), taken apart. Everything comes from a server that may be broken or
// hostile: each length is checked against what is there, and what is left over is an error.

// errMessage is what every error of a malformed message wraps.
var errMessage = errors.New("invalid replication message")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errMessage, fmt.Sprintf(format, args...))
}

// reader takes a message apart from its front. After the first thing that is not there, bad is set and all that
// follows is zero.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) u8() byte {
	if p := r.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (r *reader) u16() int {
	if p := r.take(2); p != nil {
		return int(binary.BigEndian.Uint16(p))
	}
	return 0
}

func (r *reader) u32() uint32 {
	if p := r.take(4); p != nil {
		return binary.BigEndian.Uint32(p)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if p := r.take(8); p != nil {
		return binary.BigEndian.Uint64(p)
	}
	return 0
}

// text is a string with a NUL behind it.
func (r *reader) text() string {
	i := bytes.IndexByte(r.b, 0)
	if r.bad || i < 0 {
		r.bad = true
		return ""
	}
	s := string(r.b[:i])
	r.b = r.b[i+1:]
	return s
}

// end says what is wrong with a message of which nothing may be left.
func (r *reader) end(what string) error {
	switch {
	case r.bad:
		return malformed("%s ends early", what)
	case len(r.b) != 0:
		return malformed("%s has %d bytes after its end", what, len(r.b))
	}
	return nil
}

// keepalive is a primary keepalive message.
type keepalive struct {
	end   uint64 // up to where WAL has been looked at
	reply bool   // an answer is asked for at once
}

const (
	dataHeader    = 1 + 8 + 8 + 8 // of XLogData: 'w', start, end, time
	keepaliveSize = 1 + 8 + 8 + 1 // 'k', end, time, reply
)

// payload takes a CopyData body apart: data is the plugin's message of an XLogData, nil for a keepalive.
func payload(body []byte) (start uint64, data []byte, k keepalive, err error) {
	if len(body) == 0 {
		return 0, nil, k, malformed("an empty one")
	}
	switch body[0] {
	case 'w':
		if len(body) <= dataHeader {
			return 0, nil, k, malformed("WAL data of %d bytes", len(body))
		}
		return binary.BigEndian.Uint64(body[1:]), body[dataHeader:], k, nil
	case 'k':
		if len(body) != keepaliveSize {
			return 0, nil, k, malformed("a keepalive of %d bytes", len(body))
		}
		return 0, nil, keepalive{binary.BigEndian.Uint64(body[1:]), body[keepaliveSize-1] != 0}, nil
	}
	return 0, nil, k, malformed("type 0x%02x", body[0])
}

// begin is the start of a transaction.
type begin struct {
	commit uint64 // where its commit record begins
	time   int64  // of the commit, microseconds since 2000
	xid    uint32
}

func parseBegin(b []byte) (begin, error) {
	r := reader{b: b}
	m := begin{r.u64(), int64(r.u64()), r.u32()}
	return m, r.end("Begin")
}

// commit is the end of a transaction.
type commit struct{ lsn, end uint64 }

func parseCommit(b []byte) (commit, error) {
	r := reader{b: b}
	r.u8() // flags, none so far
	m := commit{lsn: r.u64(), end: r.u64()}
	r.u64() // time, which Begin had
	return m, r.end("Commit")
}

// relation is a table as a Relation message describes it.
type relation struct {
	oid           uint32
	schema, table string
	identity      byte
	columns       []relationColumn
}

type relationColumn struct {
	name    string
	key     bool
	typeOID uint32
	typmod  int32
}

// maxColumns is MaxTupleAttributeNumber (access/htup_details.h).
const maxColumns = 1664

func parseRelation(b []byte) (*relation, error) {
	r := reader{b: b}
	m := &relation{oid: r.u32(), schema: r.text(), table: r.text(), identity: r.u8()}
	if m.schema == "" {
		m.schema = "pg_catalog" // as logicalrep_write_namespace has it
	}
	n := r.u16()
	if n > maxColumns {
		return nil, malformed("a relation of %d columns", n)
	}
	for range n {
		c := relationColumn{key: r.u8()&1 != 0, name: r.text(), typeOID: r.u32(), typmod: int32(r.u32())}
		if r.bad {
			break
		}
		m.columns = append(m.columns, c)
	}
	return m, r.end("Relation")
}

// Kinds of a value in a tuple.
const (
	valueNull      = 'n'
	valueUnchanged = 'u'
	valueText      = 't'
	valueBinary    = 'b'
)

// value is one column of a tuple.
type value struct {
	kind byte
	data []byte // of text and binary
}

// tuple is a row of a message; its values are parts of the message.
type tuple []value

func (r *reader) tuple(into tuple) tuple {
	n := r.u16()
	if n > maxColumns {
		r.bad = true
		return nil
	}
	if into = into[:0]; into == nil {
		into = tuple{} // of no columns, but there
	}
	for range n {
		v := value{kind: r.u8()}
		switch v.kind {
		case valueNull, valueUnchanged:
		case valueText, valueBinary:
			v.data = r.take(int(int32(r.u32())))
		default:
			r.bad = true
		}
		if r.bad {
			return nil
		}
		into = append(into, v)
	}
	return into
}

// change is an Insert, Update or Delete message.
type change struct {
	op       byte // I, U, D
	relation uint32
	old      tuple // nil: none was sent
	key      bool  // old has the values of the replica identity only
	new      tuple // nil: of a Delete
}

// relationOf is the relation of an Insert, Update or Delete: enough to pass over those of others.
func relationOf(b []byte) (uint32, error) {
	if len(b) < 4 {
		return 0, malformed("a change of %d bytes", len(b))
	}
	return binary.BigEndian.Uint32(b), nil
}

// changeParser keeps the room for tuples from one message to the next.
type changeParser struct{ old, new tuple }

func (p *changeParser) parse(op byte, b []byte) (change, error) {
	r := reader{b: b}
	m := change{op: op, relation: r.u32()}
	kind := r.u8()
	if op != 'I' && (kind == 'K' || kind == 'O') {
		p.old = r.tuple(p.old)
		m.old, m.key = p.old, kind == 'K'
		if op == 'U' {
			kind = r.u8()
		}
	}
	switch {
	case op != 'D' && kind == 'N':
		p.new = r.tuple(p.new)
		m.new = p.new
	case op == 'D' && m.old != nil:
	default:
		r.bad = true
	}
	return m, r.end("a change")
}

// truncate names relations that were emptied.
func parseTruncate(b []byte) ([]uint32, error) {
	r := reader{b: b}
	n := int64(r.u32())
	r.u8() // CASCADE, RESTART IDENTITY
	if n*4 != int64(len(r.b)) {
		return nil, malformed("a truncate of %d relations in %d bytes", n, len(b))
	}
	oids := make([]uint32, n)
	for i := range oids {
		oids[i] = r.u32()
	}
	return oids, r.end("Truncate")
}

// logical is a logical decoding message (pg_logical_emit_message).
type logical struct {
	transactional bool
	lsn           uint64
	prefix        string
	content       []byte
}

func parseLogical(b []byte) (logical, error) {
	r := reader{b: b}
	m := logical{transactional: r.u8()&1 != 0, lsn: r.u64(), prefix: r.text()}
	m.content = r.take(int(int32(r.u32())))
	return m, r.end("a logical message")
}
