package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"pgwire_fdw/handler/internal/sqlstate"
)

// slack is what a by-reference value may need in the arena beyond its length and its
// 4-byte length word in the message: headers that the wire lacks, a terminating NUL, a
// carried digit, and padding to 8. Values that need more (name, char(n), arrays) are
// accounted for one by one.
const slack = 16

// column is the plan of one result column.
type column struct {
	kind   kind
	array  *arrayPlan // kindArray
	typmod int32      // of numeric, bit, varbit; -1 for none
	limit  int        // characters, of kindVarchar and kindBpchar
	round  int64      // microseconds of time and timestamp typmods; 0 for full precision
}

// Options are facts about the local database.
type Options struct {
	// Encoding is the class of the database encoding.
	Encoding Encoding
	// NameDataLen is NAMEDATALEN of the local server; 0 means 64.
	NameDataLen int
}

// Decoder writes the rows of one result into arenas. It holds no state between rows,
// and may be used by several goroutines with an Arena each.
type Decoder struct {
	cols    []column
	utf8    bool
	nameLen int
	stride  int
	fixed   int  // stride and slack of every column: what a row needs beyond its message
	arrays  bool // some column is an array
	padding int  // an upper bound of what char(n) columns add

	names        []string
	valueFormats []ValueFormat
}

// NewDecoder checks what the remote answered and plans the decoding of each column.
//
// It returns *FormatMismatch when columns came in binary with a type that cannot be
// decoded as the local one, and *ValueError (Column -1) when the number of columns
// differs. A typmod never mismatches: like a receive function, the decoder applies the
// local one to what it gets. With no columns at all, the result may have any number of
// fields, and rows come out empty (SELECT NULL FROM t).
func NewDecoder(cols []Column, remote []RemoteColumn, opt Options) (*Decoder, error) {
	d := &Decoder{
		utf8:    opt.Encoding == UTF8,
		nameLen: opt.NameDataLen,
		stride:  rowHeader + 8*len(cols) + (len(cols)+7)&^7,
	}
	if d.nameLen == 0 {
		d.nameLen = 64
	}
	d.fixed = d.stride
	if len(cols) == 0 {
		return d, nil
	}
	if len(cols) != len(remote) {
		return nil, &ValueError{Column: -1, SQLState: sqlstate.DatatypeMismatch,
			Reason: fmt.Sprintf("remote result has %d columns, expected %d", len(remote), len(cols))}
	}
	var mismatch FormatMismatch
	for i, c := range cols {
		plan, ok := d.plan(c, remote[i], opt.Encoding)
		if !ok {
			mismatch.Columns = append(mismatch.Columns, i)
			continue
		}
		d.cols = append(d.cols, plan)
		d.names = append(d.names, c.Name)
		d.valueFormats = append(d.valueFormats, plan.kind.form())
		d.fixed += slack
	}
	if mismatch.Columns != nil {
		return nil, &mismatch
	}
	return d, nil
}

// plan decides how a column is decoded; not ok means that its binary form is of no use.
func (d *Decoder) plan(c Column, remote RemoteColumn, enc Encoding) (column, bool) {
	t, known := nativeType(c.TypeOID, c.Typmod, enc)
	if remote.Format == formatText {
		if !known && (remote.TypeOID == oidMoney || remote.TypeOID == oidMoneyArray) {
			return column{kind: kindMoney}, true
		}
		if !known || t.isArray || !t.kind.sameInText() {
			return column{kind: kindTextForm}, true
		}
		return d.planScalar(t, c.Typmod), true
	}
	if remote.Format != formatBinary || !sameBinary(c.TypeOID, remote.TypeOID) {
		return column{}, false
	}
	switch {
	case known && t.isArray:
		elem := d.planScalar(t, c.Typmod)
		d.arrays = true
		return column{kind: kindArray, typmod: -1, array: d.planArray(t, elem, remote.TypeOID)}, true
	case known:
		if t.kind == kindName {
			d.fixed += d.nameLen
		}
		return d.planScalar(t, c.Typmod), true
	case c.ReceiveSafe && c.TypeOID < firstGenbkiOID:
		return column{kind: kindRecvForm}, true
	}
	return column{}, false
}

// planScalar takes the typmod apart as the type's receive function does.
func (d *Decoder) planScalar(t native, typmod int32) column {
	c := column{kind: t.kind, typmod: -1}
	if typmod < 0 {
		return c
	}
	c.typmod = typmod
	switch t.kind {
	case kindVarchar, kindBpchar:
		c.limit = int(typmod) - varHeader
		if t.kind == kindBpchar {
			d.padding += c.limit
		}
	case kindTime, kindTimeTZ, kindTimestamp:
		c.round = roundingUnit(typmod)
	}
	return c
}

func (k kind) form() ValueFormat {
	switch k {
	case kindTextForm:
		return TextValue
	case kindMoney:
		return MoneyValue
	case kindRecvForm:
		return BinaryValue
	}
	return DatumValue
}

// ValueFormats tells what C has to do with each column. The slice belongs to the decoder.
func (d *Decoder) ValueFormats() []ValueFormat { return d.valueFormats }

// Stride is the size in bytes of a row without its by-reference data: the header, the
// datums, and the padded null flags.
func (d *Decoder) Stride() int { return d.stride }

// Need is an upper bound of the arena bytes that the row of a DataRow message (its body
// is msg) takes: Decode never returns ErrFull when as many are free. Arrays are
// measured, because what they grow by differs too much: an empty name is 4 bytes in
// the message and 64 in memory.
func (d *Decoder) Need(msg []byte) int {
	need := d.fixed + d.padding + len(msg)
	if !d.arrays || len(msg) < 2 {
		return need
	}
	in := msg[2:]
	for i := range d.cols {
		if len(in) < 4 {
			break
		}
		l := int(int32(binary.BigEndian.Uint32(in)))
		in = in[4:]
		if l > len(in) {
			break
		}
		if l < 0 {
			continue
		}
		if p := d.cols[i].array; p != nil {
			need += max(0, arrayNeed(in[:l], p)-(l+4+slack))
		}
		in = in[l:]
	}
	return need
}

// Decode appends one row from the body of a DataRow message ('D' and the length word
// already stripped). It does not keep msg.
//
// ErrFull means that the row may not fit: nothing was appended. A *ValueError means
// that the message is not well formed or a value is not one of its type; nothing was
// appended then either. There are no other errors.
func (d *Decoder) Decode(a *Arena, msg []byte) error {
	if len(msg) < 2 {
		return d.refuse(-1, faultTruncated)
	}
	if n := int(binary.BigEndian.Uint16(msg)); n != len(d.cols) {
		if len(d.cols) != 0 {
			return d.refuseCount(n)
		}
		msg = msg[:2] // the fields of an empty row are not looked at
	}
	spare := len(a.buf) - a.used - d.fixed - len(msg)
	if spare < 0 {
		return ErrFull
	}
	row := a.buf[a.used:]
	size, flags, i, f := d.fields(row, uint64(a.Base())+uint64(a.used), msg[2:], spare)
	if f != nil {
		if f == faultFull {
			return ErrFull
		}
		return d.refuse(i, f)
	}
	if size > math.MaxUint32 {
		return d.refuse(-1, faultRowTooLarge)
	}
	binary.LittleEndian.PutUint64(row, uint64(size)|uint64(flags)<<32)
	a.used += size
	a.rows++
	return nil
}

// fields decodes the fields of a message into a row that lies at address base. The row
// has room for d.fixed bytes, as many as the message has, and spare ones. It returns
// the size and the flags of the row, or a fault and the column it is in (-1 for none).
//
// This is where the time goes: the kinds that most columns have are decoded in place.
func (d *Decoder) fields(row []byte, base uint64, in []byte, spare int) (out int, flags uint32, i int, f *fault) {
	cols := d.cols
	out = d.stride
	nulls := row[rowHeader+8*len(cols) : out]
	for k := 0; k+8 <= len(nulls); k += 8 {
		binary.LittleEndian.PutUint64(nulls[k:], 0)
	}
	for i = range cols {
		c := &cols[i]
		if len(in) < 4 {
			return 0, 0, i, faultTruncated
		}
		l := int(int32(binary.BigEndian.Uint32(in)))
		in = in[4:]
		datum := row[rowHeader+8*i:]
		if l < 0 {
			if l != -1 {
				return 0, 0, i, faultFieldLength
			}
			binary.LittleEndian.PutUint64(datum, 0)
			nulls[i] = 1
			flags = flagHasNull
			continue
		}
		if l > len(in) {
			return 0, 0, i, faultTruncated
		}
		val := in[:l]
		in = in[l:]
		switch {
		case c.kind == kindInt8 && l == 8:
			binary.LittleEndian.PutUint64(datum, binary.BigEndian.Uint64(val))
		case c.kind == kindInt4 && l == 4:
			binary.LittleEndian.PutUint64(datum, uint64(int64(int32(binary.BigEndian.Uint32(val)))))
		case c.kind <= lastByValue:
			v, f := c.byValue(val)
			if f != nil {
				return 0, 0, i, f
			}
			binary.LittleEndian.PutUint64(datum, v)
		default:
			n, f := d.byReference(row[out:], val, c, spare)
			if f != nil {
				return 0, 0, i, f
			}
			binary.LittleEndian.PutUint64(datum, base+uint64(out))
			n = (n + 7) &^ 7
			out += n
			if n > l+4+slack && c.kind != kindName { // names are part of d.fixed
				spare -= n - (l + 4 + slack)
			}
		}
	}
	if len(in) != 0 && len(cols) != 0 {
		return 0, 0, -1, faultTrailing
	}
	return out, flags, 0, nil
}

// byReference writes a value of a by-reference kind to dst, zero-padded to a multiple
// of 8, and returns its size. spare is what it may take beyond its length in the
// message and slack.
func (d *Decoder) byReference(dst, val []byte, c *column, spare int) (int, *fault) {
	switch c.kind {
	case kindText:
		return putText(dst, val, d.utf8)
	case kindNumeric:
		return putNumeric(dst, val, c.typmod)
	case kindVarchar:
		return putVarchar(dst, val, c.limit, d.utf8)
	case kindBpchar:
		return putBpchar(dst, val, c.limit, d.utf8, spare)
	case kindTextForm, kindMoney:
		return putForm(dst, val, true, d.utf8)
	case kindRecvForm:
		return putForm(dst, val, false, false)
	case kindArray:
		return d.putArray(dst, val, c.array, spare)
	}
	return d.putScalar(dst, val, c)
}

var (
	faultTrailing    = &fault{sqlstate.ProtocolViolation, "DataRow message has data after its last field"}
	faultRowTooLarge = &fault{sqlstate.ProgramLimitExceeded, "row is larger than 4 GB"}
)

// refuse makes the error of a fault. It is apart from the loop to keep that small.
//
//go:noinline
func (d *Decoder) refuse(i int, f *fault) error {
	e := &ValueError{Column: i, Reason: f.reason, SQLState: f.state}
	if i >= 0 {
		e.Name = d.names[i]
	}
	return e
}

//go:noinline
func (d *Decoder) refuseCount(n int) error {
	return &ValueError{Column: -1, SQLState: sqlstate.ProtocolViolation,
		Reason: fmt.Sprintf("DataRow message has %d fields, expected %d", n, len(d.cols))}
}
