package wire

import (
	"encoding/binary"
	"pgwire_fdw/handler/internal/sqlstate"
)

// NumericData (utils/adt/numeric.c) is a varlena of base-10000 digits behind one of two
// headers: short { uint16 } for a small scale and weight, long { uint16; int16 } else.
const (
	numericPos  = 0x0000
	numericNeg  = 0x4000
	numericNaN  = 0xC000
	numericPInf = 0xD000
	numericNInf = 0xF000

	numericShort           = 0x8000
	numericShortNeg        = 0x2000
	numericShortScaleShift = 7
	numericShortScaleMax   = 63
	numericShortWeightMask = 0x007F // sign bit included
	numericShortWeightMin  = -64
	numericShortWeightMax  = 63

	numericScaleMax  = 0x3FFF
	numericWeightMin = -32768
	numericWeightMax = 32767

	numericBase      = 10000
	numericDecDigits = 4 // decimal digits of one digit

	numericShortOffset = varHeader + 2 // of the digits
	numericLongOffset  = varHeader + 4
)

var (
	faultNumericLength   = &fault{sqlstate.InvalidBinaryRepresentation, "external numeric value has the wrong length"}
	faultNumericSign     = &fault{sqlstate.InvalidBinaryRepresentation, "invalid sign in external numeric value"}
	faultNumericScale    = &fault{sqlstate.InvalidBinaryRepresentation, "invalid scale in external numeric value"}
	faultNumericDigit    = &fault{sqlstate.InvalidBinaryRepresentation, "invalid digit in external numeric value"}
	faultNumericFormat   = &fault{sqlstate.NumericValueOutOfRange, "value overflows numeric format"}
	faultNumericOverflow = &fault{sqlstate.NumericValueOutOfRange, "numeric field overflow"}
)

// putNumeric writes a numeric as make_result would store it: without zero digits at
// either end, with the short header wherever that is possible. On the wire it is
// { uint16 digits; int16 weight; uint16 sign; uint16 scale; uint16 digit... }.
func putNumeric(dst, val []byte, typmod int32) (int, *fault) {
	if len(val) < 8 {
		return 0, faultNumericLength
	}
	head := binary.BigEndian.Uint64(val)
	digits := val[8:]
	if len(digits) != 2*int(head>>48) {
		return 0, faultNumericLength
	}
	weight := int(int16(head >> 32))
	sign := uint16(head >> 16)
	scale := int(uint16(head))
	if scale > numericScaleMax {
		return 0, faultNumericScale
	}
	if sign != numericPos && sign != numericNeg {
		return putNumericSpecial(dst, digits, sign, typmod)
	}
	for len(digits) >= 2 && digits[0] == 0 && digits[1] == 0 {
		digits = digits[2:]
		weight--
	}
	at := numericDigitsAt(scale, weight)
	n := len(digits) / 2
	if !copyDigits(dst[at:], digits) {
		return 0, faultNumericDigit
	}
	n = truncateDigits(dst[at:], n, weight, scale)
	if typmod >= varHeader {
		var f *fault
		from := at
		n, weight, scale, f = applyNumericTypmod(dst[at:], n, weight, scale, typmod)
		if f != nil {
			return 0, f
		}
		if at = numericDigitsAt(scale, weight); at != from {
			copy(dst[at:], dst[from:from+2*n])
		}
	}
	for n > 0 && dst[at+2*n-2] == 0 && dst[at+2*n-1] == 0 {
		n--
	}
	if n == 0 {
		sign, weight = numericPos, 0
		at = numericDigitsAt(scale, weight)
	}
	if weight < numericWeightMin || weight > numericWeightMax {
		return 0, faultNumericFormat
	}
	size := at + 2*n
	clear(dst[size : (size+7)&^7])
	putVarHeader(dst, size)
	putNumericHeader(dst[varHeader:], sign, scale, weight)
	return size, nil
}

// putNumericHeader writes the header that numericDigitsAt makes room for.
func putNumericHeader(dst []byte, sign uint16, scale, weight int) {
	if numericDigitsAt(scale, weight) == numericShortOffset {
		word := numericShort | sign>>1&numericShortNeg | uint16(scale)<<numericShortScaleShift |
			uint16(weight)&numericShortWeightMask
		binary.LittleEndian.PutUint16(dst, word)
		return
	}
	binary.LittleEndian.PutUint16(dst, sign|uint16(scale))
	binary.LittleEndian.PutUint16(dst[2:], uint16(weight))
}

// putNumericSpecial writes NaN or an infinity, which are a header word and nothing
// else. Digits that came with it are checked, as numeric_recv does, and dropped.
func putNumericSpecial(dst, digits []byte, sign uint16, typmod int32) (int, *fault) {
	switch sign {
	case numericNaN:
	case numericPInf, numericNInf:
		// No finite number of digits holds an infinity.
		if typmod >= varHeader {
			return 0, faultNumericOverflow
		}
	default:
		return 0, faultNumericSign
	}
	for ; len(digits) >= 2; digits = digits[2:] {
		if binary.BigEndian.Uint16(digits) >= numericBase {
			return 0, faultNumericDigit
		}
	}
	binary.LittleEndian.PutUint64(dst, 0)
	putVarHeader(dst, numericShortOffset)
	binary.LittleEndian.PutUint16(dst[varHeader:], sign)
	return numericShortOffset, nil
}

// numericDigitsAt is where the digits start, which the kind of header decides.
func numericDigitsAt(scale, weight int) int {
	if scale <= numericShortScaleMax && weight >= numericShortWeightMin && weight <= numericShortWeightMax {
		return numericShortOffset
	}
	return numericLongOffset
}

// copyDigits copies digits from network to little-endian order and tells whether all
// are below 10000. Four are done at a time: adding 0x8000-10000 to a lane sets its
// high bit when the digit is too large, and overflows into the next lane only for
// a digit whose own high bit was set.
func copyDigits(dst, src []byte) bool {
	const bytesLow, over, high = 0x00ff00ff00ff00ff, 0x58f058f058f058f0, 0x8000800080008000
	var acc uint64
	for len(src) >= 8 && len(dst) >= 8 {
		w := binary.LittleEndian.Uint64(src)
		w = w&bytesLow<<8 | w>>8&bytesLow
		binary.LittleEndian.PutUint64(dst, w)
		acc |= w | (w + over)
		src, dst = src[8:], dst[8:]
	}
	for len(src) >= 2 && len(dst) >= 2 {
		w := binary.BigEndian.Uint16(src)
		binary.LittleEndian.PutUint16(dst, w)
		acc |= uint64(w) | (uint64(w) + 0x58f0)
		src, dst = src[2:], dst[2:]
	}
	return acc&high == 0
}

// truncateDigits drops the decimal digits behind scale, which must not be stored
// because nothing would ever show them (trunc_var). It returns how many digits stay.
func truncateDigits(digits []byte, n, weight, scale int) int {
	decimals := (weight+1)*numericDecDigits + scale
	if decimals <= 0 {
		return 0
	}
	keep := (decimals + numericDecDigits - 1) / numericDecDigits
	if keep > n {
		return n
	}
	if unit := truncateUnit(decimals); unit > 1 {
		last := digits[2*keep-2:]
		d := binary.LittleEndian.Uint16(last)
		binary.LittleEndian.PutUint16(last, d-d%unit)
	}
	return keep
}

// truncateUnit is the smallest step of the last digit when decimals decimal digits are
// kept: 1 when they fill it.
func truncateUnit(decimals int) uint16 {
	return [numericDecDigits]uint16{1, 1000, 100, 10}[decimals%numericDecDigits]
}

// applyNumericTypmod rounds n digits in place to the scale of numeric(p,s) and checks
// that p digits hold the result (apply_typmod). Rounding may carry into one digit more
// than there was; dst has room for it.
func applyNumericTypmod(digits []byte, n, weight, scale int, typmod int32) (int, int, int, *fault) {
	typmod -= varHeader
	precision := int(typmod >> 16 & 0xffff)
	limit := int(typmod&0x7ff^1024) - 1024 // an 11-bit signed field
	if limit < scale {
		n, weight = roundDigits(digits, n, weight, limit)
	}
	first := 0
	for first < n && binary.LittleEndian.Uint16(digits[2*first:]) == 0 {
		first++
	}
	if first > 0 {
		copy(digits, digits[2*first:2*n])
		n -= first
		weight -= first
	}
	if n > 0 {
		whole := (weight + 1) * numericDecDigits
		switch d := binary.LittleEndian.Uint16(digits); {
		case d < 10:
			whole -= 3
		case d < 100:
			whole -= 2
		case d < 1000:
			whole--
		}
		if whole > precision-limit {
			return 0, 0, 0, faultNumericOverflow
		}
	}
	return n, weight, max(limit, 0), nil
}

// roundDigits rounds half away from zero at the given scale, which may be negative,
// and returns the new number of digits and the new weight.
func roundDigits(digits []byte, n, weight, scale int) (int, int) {
	decimals := (weight+1)*numericDecDigits + scale
	if decimals < 0 {
		return 0, 0
	}
	keep := (decimals + numericDecDigits - 1) / numericDecDigits
	unit := truncateUnit(decimals)
	if keep > n || keep == n && unit == 1 {
		return n, weight
	}
	get := func(i int) uint16 { return binary.LittleEndian.Uint16(digits[2*i:]) }
	put := func(i int, d uint16) { binary.LittleEndian.PutUint16(digits[2*i:], d) }
	step := uint16(0) // to be added to the last digit kept
	if unit == 1 {
		if get(keep) >= numericBase/2 {
			step = 1
		}
	} else {
		rest := get(keep-1) % unit
		put(keep-1, get(keep-1)-rest)
		if rest >= unit/2 {
			step = unit
		}
	}
	for i := keep - 1; step > 0 && i >= 0; i-- {
		d := get(i) + step
		step = 0
		if d >= numericBase {
			d -= numericBase
			step = 1
		}
		put(i, d)
	}
	if step > 0 {
		copy(digits[2:], digits[:2*keep])
		put(0, 1)
		return keep + 1, weight + 1
	}
	return keep, weight
}
