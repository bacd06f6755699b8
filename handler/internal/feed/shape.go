package feed

import (
	"encoding/binary"
	"errors"
	"slices"

	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/wire"
)

// Role is what a column of a feed table is about.
type Role int

// Roles: New is a column of the remote table, the others are values of the option feed.
const (
	New Role = iota
	Old
	Op
	LSN
	CommitTime
	XID
	Seq
	Unchanged
	Relation
	OldRow
	NewRow
	Prefix
	Content
)

// roles are the values of the option feed.
var roles = map[string]Role{"old": Old, "op": Op, "lsn": LSN, "commit_time": CommitTime, "xid": XID, "seq": Seq,
	"unchanged": Unchanged, "relation": Relation, "old_row": OldRow, "new_row": NewRow,
	"prefix": Prefix, "content": Content}

// RoleOf is the role by the value of the option feed.
func RoleOf(option string) (Role, bool) {
	r, ok := roles[option]
	return r, ok
}

// Column is a column of a feed table that is read.
type Column struct {
	wire.Column
	Role   Role
	Remote string // name of the remote column, of New and Old
}

// ofTable reports whether a column's values are those of a remote column.
func (c *Column) ofTable() bool { return c.Role == New || c.Role == Old }

// What the roles that are no columns of the table give, as if the remote had sent it.
const (
	oidBytea       = 17
	oidChar        = 18
	oidInt8        = 20
	oidText        = 25
	oidXID         = 28
	oidTextArray   = 1009
	oidTimestamptz = 1184
	oidPgLSN       = 3220
	oidJSONB       = 3802
)

var roleTypes = map[Role]uint32{Op: oidChar, LSN: oidPgLSN, CommitTime: oidTimestamptz, XID: oidXID, Seq: oidInt8,
	Unchanged: oidTextArray, Relation: oidText, OldRow: oidJSONB, NewRow: oidJSONB,
	Prefix: oidText, Content: oidBytea}

const (
	formatText   int16 = 0
	formatBinary int16 = 1
)

// shape is how rows of one state of a relation become rows of a feed table.
type shape struct {
	rel     *relation
	source  []int // by column: index into the relation's columns, -1: none
	format  []int16
	jsonb   []bool // binary jsonb: text behind a version byte
	remote  []wire.RemoteColumn
	decoder *wire.Decoder
}

// errNeedText says that binary values of a relation cannot be used as the local types.
var errNeedText = errors.New("values have to come as text")

// types tells what is known of types beyond their number.
type types map[uint32]baseType

func (t types) base(oid uint32) baseType {
	if b, known := t[oid]; known {
		return b
	}
	return baseType{oid: oid}
}

// newShape plans it; binary says how values come as long as none has been seen. errNeedText: they have to come as text.
func newShape(cols []Column, rel *relation, known types, binary bool, opt wire.Options) (*shape, error) {
	s := &shape{rel: rel, source: make([]int, len(cols)), format: make([]int16, len(cols)),
		jsonb: make([]bool, len(cols)), remote: make([]wire.RemoteColumn, len(cols))}
	for i := range cols {
		c := &cols[i]
		s.source[i] = -1
		if !c.ofTable() {
			s.remote[i] = wire.RemoteColumn{TypeOID: roleTypes[c.Role], Typmod: -1, Format: formatBinary}
			if c.Role == OldRow || c.Role == NewRow {
				s.remote[i].Format = formatText
			}
			s.format[i] = s.remote[i].Format
			continue
		}
		if rel != nil {
			s.source[i] = slices.IndexFunc(rel.columns, func(r relationColumn) bool { return r.name == c.Remote })
		}
		s.assume(i, known, binary)
	}
	return s, s.plan(cols, opt)
}

// assume settles in which format a column of the table comes.
func (s *shape) assume(i int, known types, binary bool) {
	s.format[i] = formatText
	if s.source[i] < 0 {
		s.remote[i] = wire.RemoteColumn{TypeOID: oidText, Typmod: -1}
		return
	}
	if binary {
		s.format[i] = formatBinary
	}
	col := s.rel.columns[s.source[i]]
	base := known.base(col.typeOID)
	s.remote[i] = wire.RemoteColumn{TypeOID: base.oid, Typmod: col.typmod, Format: s.format[i]}
	s.jsonb[i] = binary && base.oid == oidJSONB
	if s.jsonb[i] || base.enum {
		s.remote[i].Format = formatText // the bytes are the same
	}
}

// plan makes the decoder. What is no column of the table goes as text where its binary form is of no use.
func (s *shape) plan(cols []Column, opt wire.Options) error {
	local := make([]wire.Column, len(cols))
	for i := range cols {
		local[i] = cols[i].Column
	}
	for range 2 {
		d, err := wire.NewDecoder(local, s.remote, opt)
		if err == nil {
			s.decoder = d
			return nil
		}
		var mismatch *wire.FormatMismatch
		if !errors.As(err, &mismatch) {
			return err
		}
		for _, i := range mismatch.Columns {
			if cols[i].ofTable() {
				return errNeedText
			}
			s.remote[i].Format, s.format[i] = formatText, formatText
		}
	}
	return errNeedText
}

// takes returns the shape by which a tuple's values can be taken: this one if they come in the formats planned for, else
// one that is planned anew, a copy where this one is still in use.
func (s *shape) takes(t tuple, cols []Column, known types, opt wire.Options, used bool) (*shape, error) {
	differs := func(i int) bool {
		at := s.source[i]
		if at < 0 || at >= len(t) {
			return false
		}
		k := t[at].kind
		return k == valueText && s.format[i] != formatText || k == valueBinary && s.format[i] != formatBinary
	}
	to := s
	for i := range cols {
		if !differs(i) {
			continue
		}
		if to == s && used {
			to = &shape{rel: s.rel, source: s.source, format: slices.Clone(s.format), jsonb: slices.Clone(s.jsonb), remote: slices.Clone(s.remote)}
		}
		to.assume(i, known, t[s.source[i]].kind == valueBinary)
		to.decoder = nil
	}
	if to.decoder != nil {
		return to, nil
	}
	return to, to.plan(cols, opt)
}

// event is a change, with all that belongs to it.
type event struct {
	change
	begin
	seq int64
	rel *relation // nil: of none
	msg *logical  // of op M
}

// values are the values of one row in the order of the columns, nil for NULL.
func (f *Feed) values(e *event, s *shape) ([][]byte, *sqlerr.Error) {
	f.vals, f.small, f.objects = f.vals[:0], f.small[:0], f.objects[:0]
	f.json.Reset(keepRow)
	for i := range f.spec.Columns {
		c := &f.spec.Columns[i]
		var v []byte
		switch {
		case c.ofTable():
			v = e.column(c.Role, s.source[i])
			if v != nil && s.jsonb[i] && len(v) > 0 {
				v = v[1:]
			}
		case c.Role == OldRow || c.Role == NewRow:
			if err := f.rowJSON(e, c.Role, i); err != nil {
				return nil, err
			}
		case c.Role == Content:
			v = e.content()
		default:
			v = f.meta(e, c.Role, s.format[i] == formatBinary)
		}
		f.vals = append(f.vals, v)
	}
	for _, o := range f.objects {
		f.vals[o.column] = f.json.Bytes()[o.from:o.to]
	}
	return f.vals, nil
}

// column is the value of a column of the table: of a Delete the old one in any case.
func (e *event) column(role Role, at int) []byte {
	if at < 0 {
		return nil
	}
	t := e.new
	if role == Old || e.op == 'D' {
		t = e.old
	}
	if at >= len(t) {
		return nil
	}
	v := &t[at]
	if v.kind == valueUnchanged && !e.key && at < len(e.old) {
		v = &e.old[at] // the whole old row is there, and has it
	}
	if v.kind != valueText && v.kind != valueBinary {
		return nil
	}
	if v.data == nil {
		return []byte{}
	}
	return v.data
}

// content is what a logical message carries.
func (e *event) content() []byte {
	switch {
	case e.msg == nil:
		return nil
	case e.msg.content == nil:
		return []byte{}
	}
	return e.msg.content
}

// gone reports whether a column's value was not sent because it is the old one.
func (e *event) gone(at int) bool {
	return at < len(e.new) && e.new[at].kind == valueUnchanged && (e.key || at >= len(e.old))
}

// meta writes what is no value of the table.
func (f *Feed) meta(e *event, role Role, binary bool) []byte {
	from := len(f.small)
	switch role {
	case Op:
		f.small = append(f.small, e.op)
	case LSN:
		if !binary {
			f.small = append(f.small, formatLSN(e.commit)...)
			break
		}
		f.small = be.AppendUint64(f.small, e.commit)
	case CommitTime:
		if e.time == noTime {
			return nil
		}
		f.small = appendTime(f.small, e.time, binary)
	case XID:
		if e.xid == 0 {
			return nil
		}
		if !binary {
			f.small = appendInt(f.small, int64(e.xid))
			break
		}
		f.small = be.AppendUint32(f.small, e.xid)
	case Seq:
		if !binary {
			f.small = appendInt(f.small, e.seq)
			break
		}
		f.small = be.AppendUint64(f.small, uint64(e.seq))
	case Relation:
		if e.rel == nil {
			return nil
		}
		f.small = append(f.small, e.rel.String()...)
	case Prefix:
		if e.msg == nil {
			return nil
		}
		f.small = append(f.small, e.msg.prefix...)
	case Unchanged:
		f.small = e.appendUnchanged(f.small, binary)
	}
	return f.small[from:len(f.small):len(f.small)]
}

var be = binary.BigEndian
