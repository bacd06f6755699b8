package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"pgwire_fdw/handler/internal/sqlstate"
)

const (
	// maxDim is MAXDIM, maxArrayItems is MaxArraySize (utils/array.h).
	maxDim        = 6
	maxArrayItems = maxVarlena / 8
	// arrayHeader is sizeof(ArrayType): { varlena header; int32 ndim; int32
	// dataoffset; Oid elemtype }. Dimensions and lower bounds follow, then the null
	// bitmap if there is one, then, at a multiple of 8, the elements.
	arrayHeader = 16
)

// arrayPlan is how the elements of an array column are decoded.
type arrayPlan struct {
	elem    column
	oid     uint32 // of the local element type, stored in the array
	wireOID uint32 // of the remote element type, expected in the message
	size    int    // bytes of an element; -1 for a varlena
	align   int    // bytes
}

func (d *Decoder) planArray(t native, elem column, remoteArray uint32) *arrayPlan {
	p := &arrayPlan{elem: elem, oid: t.oid, wireOID: t.oid, size: int(t.size), align: int(t.align)}
	if p.size == 0 {
		p.size = d.nameLen
	}
	for i := range scalars {
		if scalars[i].array == remoteArray {
			p.wireOID = scalars[i].oid
		}
	}
	return p
}

var (
	faultArrayShort    = &fault{sqlstate.InvalidBinaryRepresentation, "insufficient data left in external array value"}
	faultArrayTrailing = &fault{sqlstate.InvalidBinaryRepresentation, "external array value has data after its last element"}
	faultArrayFlags    = &fault{sqlstate.InvalidBinaryRepresentation, "invalid array flags"}
	faultArraySize     = &fault{sqlstate.ProgramLimitExceeded, "array size exceeds the maximum allowed"}
	faultArrayBound    = &fault{sqlstate.ProgramLimitExceeded, "array lower bound is too large"}
)

// arrayShape is the header of an external array value.
type arrayShape struct {
	ndim  int
	dims  [maxDim]int32
	lower [maxDim]int32
	items int
}

// readArrayShape parses { int32 ndim; int32 flags; Oid; { int32 dim; int32 lower }... }
// and returns the elements behind it. The flag that tells of NULLs is not believed.
func readArrayShape(s *arrayShape, val []byte, oid uint32) ([]byte, *fault) {
	if len(val) < 12 {
		return nil, faultArrayShort
	}
	ndim := int32(binary.BigEndian.Uint32(val))
	if ndim < 0 {
		return nil, &fault{sqlstate.InvalidBinaryRepresentation, fmt.Sprintf("invalid number of dimensions: %d", ndim)}
	}
	if ndim > maxDim {
		return nil, &fault{sqlstate.ProgramLimitExceeded,
			fmt.Sprintf("number of array dimensions (%d) exceeds the maximum allowed (%d)", ndim, maxDim)}
	}
	if binary.BigEndian.Uint32(val[4:]) > 1 {
		return nil, faultArrayFlags
	}
	if got := binary.BigEndian.Uint32(val[8:]); got != oid {
		return nil, &fault{sqlstate.DatatypeMismatch,
			fmt.Sprintf("array has element type %d instead of expected %d", got, oid)}
	}
	val = val[12:]
	if len(val) < 8*int(ndim) {
		return nil, faultArrayShort
	}
	s.ndim = int(ndim)
	items := int64(1)
	for i := range s.ndim {
		dim := int32(binary.BigEndian.Uint32(val))
		lower := int32(binary.BigEndian.Uint32(val[4:]))
		val = val[8:]
		if items *= int64(dim); dim < 0 || items > math.MaxInt32 {
			return nil, faultArraySize
		}
		s.dims[i], s.lower[i] = dim, lower
	}
	if items > maxArrayItems {
		return nil, faultArraySize
	}
	for i := range s.ndim {
		if int64(s.dims[i])+int64(s.lower[i]) > math.MaxInt32 {
			return nil, faultArrayBound
		}
	}
	if s.ndim > 0 {
		s.items = int(items)
	}
	return val, nil
}

// putArray writes an array in its in-memory form and returns its size. spare is how
// much it may take beyond the room that its message length entitles it to.
func (d *Decoder) putArray(dst, val []byte, p *arrayPlan, spare int) (int, *fault) {
	var s arrayShape
	elems, f := readArrayShape(&s, val, p.wireOID)
	if f != nil {
		return 0, f
	}
	if s.items == 0 {
		if len(elems) != 0 {
			return 0, faultArrayTrailing
		}
		putArrayHeader(dst, arrayHeader, 0, p.oid, &s)
		return arrayHeader, nil
	}
	bitmap := arrayHeader + 8*s.ndim
	if start := bitmap; putWords(dst[start:], elems, s.items, p.elem.kind) {
		size := start + s.items*p.size
		putArrayHeader(dst, size, 0, p.oid, &s)
		clear(dst[size : (size+7)&^7])
		return size, nil
	}
	nulls, bound, f := measureArray(elems, s.items, p)
	if f != nil {
		return 0, f
	}
	start, offset := bitmap, 0
	if nulls > 0 {
		start = behindBitmap(bitmap, s.items)
		offset = start
	}
	if p.size > 0 && start+bound > maxVarlena {
		return 0, faultArraySize // the bound is exact: no memory is taken for it
	}
	if start+bound+arrayMargin > len(val)+4+slack+spare {
		return 0, faultFull
	}
	clear(dst[bitmap:start])
	size, f := d.putElements(dst, elems, p, bitmap, start, nulls > 0)
	if f != nil {
		return 0, f
	}
	if size > maxVarlena {
		return 0, faultArraySize
	}
	putArrayHeader(dst, size, offset, p.oid, &s)
	clear(dst[size : (size+7)&^7])
	return size, nil
}

// arrayMargin: writers pad their value to 8 bytes, so the last element may touch 7 more.
const arrayMargin = 8

// behindBitmap is where the elements begin when there is a null bitmap at this place.
func behindBitmap(bitmap, items int) int { return (bitmap + (items+7)/8 + 7) &^ 7 }

// arrayNeed is an upper bound of what putArray takes for a value, 0 when it refuses it.
func arrayNeed(val []byte, p *arrayPlan) int {
	var s arrayShape
	elems, f := readArrayShape(&s, val, p.wireOID)
	if f != nil || s.items == 0 {
		return 0
	}
	nulls, bound, f := measureArray(elems, s.items, p)
	start := arrayHeader + 8*s.ndim
	if nulls > 0 {
		start = behindBitmap(start, s.items)
	}
	if f != nil || p.size > 0 && start+bound > maxVarlena {
		return 0
	}
	return start + bound + arrayMargin
}

// putWords is the short way for numbers that are only to be turned around and have no
// NULLs among them. It gives up, having written nothing that counts, when the elements
// are not such; what it writes is never more than the message has.
func putWords(dst, elems []byte, items int, k kind) bool {
	switch {
	case k == kindInt4 && len(elems) == 8*items:
		for ; len(elems) >= 8 && len(dst) >= 4; elems, dst = elems[8:], dst[4:] {
			w := binary.BigEndian.Uint64(elems)
			if w>>32 != 4 {
				return false
			}
			binary.LittleEndian.PutUint32(dst, uint32(w))
		}
	case k == kindInt8 && len(elems) == 12*items:
		for ; len(elems) >= 12 && len(dst) >= 8; elems, dst = elems[12:], dst[8:] {
			if binary.BigEndian.Uint32(elems) != 8 {
				return false
			}
			binary.LittleEndian.PutUint64(dst, binary.BigEndian.Uint64(elems[4:]))
		}
	default:
		return false
	}
	return len(elems) == 0
}

func putArrayHeader(dst []byte, size, offset int, oid uint32, s *arrayShape) {
	ndim := s.ndim
	if s.items == 0 {
		ndim = 0 // array_recv makes every empty array the one without dimensions
	}
	putVarHeader(dst, size)
	binary.LittleEndian.PutUint32(dst[4:], uint32(ndim))
	binary.LittleEndian.PutUint32(dst[8:], uint32(offset))
	binary.LittleEndian.PutUint32(dst[12:], oid)
	for i := range ndim {
		binary.LittleEndian.PutUint32(dst[arrayHeader+4*i:], uint32(s.dims[i]))
		binary.LittleEndian.PutUint32(dst[arrayHeader+4*(ndim+i):], uint32(s.lower[i]))
	}
}

// measureArray walks over the elements to check their lengths, counts the NULLs, and
// returns an upper bound of the space the others take.
func measureArray(elems []byte, items int, p *arrayPlan) (nulls, bound int, f *fault) {
	if len(elems) < 4*items {
		return 0, 0, faultArrayShort
	}
	for i := range items {
		if len(elems) < 4 {
			return 0, 0, faultArrayShort
		}
		l := int(int32(binary.BigEndian.Uint32(elems)))
		elems = elems[4:]
		if l == -1 {
			nulls++
			continue
		}
		if l < 0 || l > len(elems) {
			return 0, 0, faultArrayShort
		}
		elems = elems[l:]
		if !p.accepts(l) {
			return 0, 0, faultElement(i, faultFixedLength)
		}
		if p.size < 0 {
			// varHeader + l holds any varlena but a numeric that rounding
			// lengthens by a digit; its 8-byte header on the wire makes up for that.
			bound += (varHeader + l + 3) &^ 3
		}
	}
	if len(elems) != 0 {
		return 0, 0, faultArrayTrailing
	}
	if p.size > 0 {
		bound = (items - nulls) * alignUp(p.size, p.align)
	}
	return nulls, bound, nil
}

// accepts tells whether an element may be l bytes long on the wire. Elements of a fixed
// length must be refused before the array is laid out: the space bound rests on it.
func (p *arrayPlan) accepts(l int) bool {
	switch {
	case p.size < 0 || p.elem.kind == kindName || l == p.size:
		return true
	}
	return p.elem.kind == kindMacaddr8 && l == 6
}

func faultElement(i int, f *fault) *fault {
	return &fault{f.state, fmt.Sprintf("array element %d: %s", i+1, f.reason)}
}

func alignUp(n, align int) int { return (n + align - 1) &^ (align - 1) }

// putElements writes the elements from dst[start:] on, and the bits of those that are
// not NULL in dst[bitmap:] (zeroed before) if there is a bitmap. Their framing has been
// checked by measureArray. It returns the offset of the end of the array.
func (d *Decoder) putElements(dst, elems []byte, p *arrayPlan, bitmap, start int, hasNulls bool) (int, *fault) {
	out := start
	for i := 0; len(elems) >= 4; i++ {
		l := int(int32(binary.BigEndian.Uint32(elems)))
		elems = elems[4:]
		if l < 0 {
			continue
		}
		n, f := d.putElement(dst[out:], elems[:l], p)
		if f != nil {
			return 0, faultElement(i, f)
		}
		elems = elems[l:]
		if hasNulls {
			dst[bitmap+i/8] |= 1 << (i % 8)
		}
		end := out + alignUp(n, p.align)
		for k := out + n; k < end; k++ {
			dst[k] = 0
		}
		out = end
	}
	return out, nil
}

// putElement writes one element as it lies in an array: by-value types in their own
// width, varlenas with a 4-byte header.
func (d *Decoder) putElement(dst, val []byte, p *arrayPlan) (int, *fault) {
	c := &p.elem
	switch c.kind {
	case kindText:
		return putText(dst, val, d.utf8)
	case kindVarchar:
		return putVarchar(dst, val, c.limit, d.utf8)
	case kindNumeric:
		return putNumeric(dst, val, c.typmod)
	}
	if c.kind <= lastByValue {
		v, f := c.byValue(val)
		if f != nil {
			return 0, f
		}
		switch p.size {
		case 8:
			binary.LittleEndian.PutUint64(dst, v)
		case 4:
			binary.LittleEndian.PutUint32(dst, uint32(v))
		case 2:
			binary.LittleEndian.PutUint16(dst, uint16(v))
		default:
			dst[0] = byte(v)
		}
		return p.size, nil
	}
	return d.putScalar(dst, val, c)
}
