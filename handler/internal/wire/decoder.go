package wire

import (
	"encoding/binary"
	"fmt"
	"math"
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
	fixed   int // stride and slack of every column: what a row needs beyond its message
	growth  int // an upper bound of arena bytes for one message byte
	padding int // an upper bound of what char(n) columns add

	names []string
	forms []Form
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
		growth:  1,
	}
	if d.nameLen == 0 {
		d.nameLen = 64
	}
	d.fixed = d.stride
	if len(cols) == 0 {
		return d, nil
	}
	if len(cols) != len(remote) {
		return nil, &ValueError{Column: -1, SQLState: stateDatatypeMismatch,
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
		d.forms = append(d.forms, plan.kind.form())
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
		d.growth = max(d.growth, 2)
		if t.kind == kindName {
			// An empty name is 4 bytes in the message.
			d.growth = max(d.growth, 1+d.nameLen/4)
		}
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

func (k kind) form() Form {
	switch k {
	case kindTextForm:
		return FormText
	case kindRecvForm:
		return FormRecv
	}
	return FormDatum
}

// Forms tells what C has to do with each column. The slice belongs to the decoder.
func (d *Decoder) Forms() []Form { return d.forms }

// Stride is the size in bytes of a row without its by-reference data: the header, the
// datums, and the padded null flags.
func (d *Decoder) Stride() int { return d.stride }

// Need is an upper bound of the arena bytes that a row takes whose DataRow message has
// a body of msgLen bytes: Decode never returns ErrFull when as many are free.
func (d *Decoder) Need(msgLen int) int {
	return d.fixed + d.padding + d.growth*msgLen
}

// Decode appends one row from the body of a DataRow message ('D' and the length word
// already stripped). It does not keep msg.
//
// ErrFull means that the row may not fit: nothing was appended. A *ValueError means
// that the message is not well formed or a value is not one of its type; nothing was
// appended then either. There are no other errors.
func (d *Decoder) Decode(a *Arena, msg []byte) error {
	cols := d.cols
	if len(msg) < 2 {
		return d.refuse(-1, faultTruncated)
	}
	if n := int(binary.BigEndian.Uint16(msg)); n != len(cols) {
		if len(cols) != 0 {
			return d.refuseCount(n)
		}
		msg = msg[:2] // the fields of an empty row are not looked at
	}
	spare := len(a.buf) - a.used - d.fixed - len(msg)
	if spare < 0 {
		return ErrFull
	}
	row := a.buf[a.used:]
	base := uint64(a.Base()) + uint64(a.used)
	nulls := row[rowHeader+8*len(cols) : d.stride]
	for k := 0; k+8 <= len(nulls); k += 8 {
		binary.LittleEndian.PutUint64(nulls[k:], 0)
	}
	out, flags := d.stride, uint64(0)
	in := msg[2:]
	for i := range cols {
		c := &cols[i]
		if len(in) < 4 {
			return d.refuse(i, faultTruncated)
		}
		l := int(int32(binary.BigEndian.Uint32(in)))
		in = in[4:]
		datum := row[rowHeader+8*i:]
		if l < 0 {
			if l != -1 {
				return d.refuse(i, faultFieldLength)
			}
			binary.LittleEndian.PutUint64(datum, 0)
			nulls[i] = 1
			flags = flagHasNull << 32
			continue
		}
		if l > len(in) {
			return d.refuse(i, faultTruncated)
		}
		val := in[:l]
		in = in[l:]

		var v uint64
		var size int
		var f *fault
		switch c.kind {
		case kindInt4:
			if len(val) != 4 {
				return d.refuse(i, faultFixedLength)
			}
			v = uint64(int64(int32(binary.BigEndian.Uint32(val))))
			binary.LittleEndian.PutUint64(datum, v)
			continue
		case kindInt8:
			if len(val) != 8 {
				return d.refuse(i, faultFixedLength)
			}
			binary.LittleEndian.PutUint64(datum, binary.BigEndian.Uint64(val))
			continue
		case kindBool, kindChar, kindInt2, kindUint4, kindDate, kindTime, kindTimestamp:
			v, f = c.byValue(val)
			if f != nil {
				return d.refuse(i, f)
			}
			binary.LittleEndian.PutUint64(datum, v)
			continue
		case kindText:
			size, f = putText(row[out:], val, d.utf8)
		case kindNumeric:
			size, f = putNumeric(row[out:], val, c.typmod)
		case kindVarchar:
			size, f = putVarchar(row[out:], val, c.limit, d.utf8)
		case kindBpchar:
			size, f = putBpchar(row[out:], val, c.limit, d.utf8, spare)
		case kindTextForm:
			size, f = putForm(row[out:], val, true, d.utf8)
		case kindRecvForm:
			size, f = putForm(row[out:], val, false, false)
		case kindArray:
			size, f = d.putArray(row[out:], val, c.array, spare)
		default:
			size, f = d.putScalar(row[out:], val, c)
		}
		if f != nil {
			if f == faultFull {
				return ErrFull
			}
			return d.refuse(i, f)
		}
		binary.LittleEndian.PutUint64(datum, base+uint64(out))
		size = (size + 7) &^ 7
		out += size
		if extra := size - (l + 4 + slack); extra > 0 && c.kind != kindName {
			spare -= extra
		}
	}
	if len(in) != 0 && len(cols) != 0 {
		return d.refuse(-1, faultTrailing)
	}
	if out > math.MaxUint32 {
		return d.refuse(-1, faultRowTooLarge)
	}
	binary.LittleEndian.PutUint64(row, uint64(out)|flags)
	a.used += out
	a.rows++
	return nil
}

var (
	faultTrailing    = &fault{stateProtocolViolation, "DataRow message has data after its last field"}
	faultRowTooLarge = &fault{stateProgramLimitReached, "row is larger than 4 GB"}
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
	return &ValueError{Column: -1, SQLState: stateProtocolViolation,
		Reason: fmt.Sprintf("DataRow message has %d fields, expected %d", n, len(d.cols))}
}
