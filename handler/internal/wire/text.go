package wire

import (
	"bytes"
	"encoding/binary"
	"pgwire_fdw/handler/internal/sqlstate"
	"unicode/utf8"
)

const (
	// varHeader is VARHDRSZ, the size of an uncompressed varlena header.
	varHeader = 4
	// maxVarlena is MaxAllocSize, the largest varlena, header included.
	maxVarlena = 0x3fffffff
)

var (
	faultNUL           = &fault{sqlstate.CharacterNotInRepertoire, "text contains a zero byte"}
	faultUTF8          = &fault{sqlstate.CharacterNotInRepertoire, "text is not valid UTF-8"}
	faultNameTooLong   = &fault{sqlstate.NameTooLong, "identifier too long"}
	faultVarcharLength = &fault{sqlstate.StringDataRightTruncation, "value too long for the length of its character type"}
)

// putVarHeader writes a 4-byte varlena header; size includes it.
func putVarHeader(dst []byte, size int) {
	binary.LittleEndian.PutUint32(dst, uint32(size)<<2)
}

// padWord zeroes the last of the 8-byte words that n bytes touch, so that the bytes
// written into it afterwards leave zeroes behind them.
func padWord(dst []byte, n int) {
	binary.LittleEndian.PutUint64(dst[(n-1)&^7:], 0)
}

// putVarlena writes a varlena of val, zero-padded to 8, and returns its size. The
// caller has checked the length.
func putVarlena(dst, val []byte) int {
	n := varHeader + len(val)
	padWord(dst, n)
	putVarHeader(dst, n)
	copy(dst[varHeader:n], val)
	return n
}

// putText writes a text value. Its characters are checked while they are copied.
func putText(dst, val []byte, utf8 bool) (int, *fault) {
	n := varHeader + len(val)
	if n > maxVarlena {
		return 0, faultTooLarge
	}
	padWord(dst, n)
	putVarHeader(dst, n)
	if !copyASCII(dst[varHeader:n], val) {
		if f := checkText(val, utf8); f != nil {
			return 0, f
		}
	}
	return n, nil
}

// putForm writes { uint32 len; bytes[len]; NUL } for an input or receive function.
func putForm(dst, val []byte, text, utf8 bool) (int, *fault) {
	n := 4 + len(val) + 1
	if n > maxVarlena {
		return 0, faultTooLarge
	}
	padWord(dst, n)
	binary.LittleEndian.PutUint32(dst, uint32(len(val)))
	if !copyASCII(dst[4:n-1], val) && text {
		if f := checkText(val, utf8); f != nil {
			return 0, f
		}
	}
	dst[n-1] = 0
	return n, nil
}

// copyASCII copies src to dst, which has the same length, and tells whether every byte
// is in 1..127. Eight bytes are done at a time: subtracting 1 from each byte sets a
// high bit where a byte was 0, and borrows from a neighbour only then.
func copyASCII(dst, src []byte) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	n := len(src)
	dst = dst[:n]
	var acc uint64
	if n < 8 {
		for i, b := range src {
			dst[i] = b
			acc |= uint64(b) | (uint64(b) - 1)
		}
		return acc&0x80 == 0
	}
	last := binary.LittleEndian.Uint64(src[n-8:])
	acc = last | (last - ones)
	if n > 64 {
		copy(dst, src)
		for len(src) >= 32 {
			w0 := binary.LittleEndian.Uint64(src)
			w1 := binary.LittleEndian.Uint64(src[8:])
			w2 := binary.LittleEndian.Uint64(src[16:])
			w3 := binary.LittleEndian.Uint64(src[24:])
			acc |= (w0 | (w0 - ones)) | (w1 | (w1 - ones)) | (w2 | (w2 - ones)) | (w3 | (w3 - ones))
			src = src[32:]
		}
		for len(src) >= 8 {
			w := binary.LittleEndian.Uint64(src)
			acc |= w | (w - ones)
			src = src[8:]
		}
		return acc&highs == 0
	}
	binary.LittleEndian.PutUint64(dst[n-8:], last)
	for len(src) >= 8 && len(dst) >= 8 {
		w := binary.LittleEndian.Uint64(src)
		binary.LittleEndian.PutUint64(dst, w)
		acc |= w | (w - ones)
		src, dst = src[8:], dst[8:]
	}
	return acc&highs == 0
}

// checkText verifies text that is not plain ASCII. utf8.Valid accepts exactly what
// pg_utf8_islegal accepts: no surrogates, no overlong valueFormats, nothing above U+10FFFF.
func checkText(val []byte, isUTF8 bool) *fault {
	if bytes.IndexByte(val, 0) >= 0 {
		return faultNUL
	}
	if isUTF8 && !utf8.Valid(val) {
		return faultUTF8
	}
	return nil
}

// clipCharacters returns how many bytes of val (checked text) its first limit
// characters take, and how many characters those are.
func clipCharacters(val []byte, limit int, isUTF8 bool) (size, chars int) {
	if !isUTF8 {
		size = min(len(val), limit)
		return size, size
	}
	for size < len(val) && chars < limit {
		_, w := utf8.DecodeRune(val[size:])
		size += w
		chars++
	}
	return size, chars
}

// putVarchar writes a value of varchar(limit). What is beyond the limit must be
// spaces, which are cut off (varchar_input).
func putVarchar(dst, val []byte, limit int, isUTF8 bool) (int, *fault) {
	if len(val) <= limit {
		return putText(dst, val, isUTF8)
	}
	if f := checkText(val, isUTF8); f != nil {
		return 0, f
	}
	keep, _ := clipCharacters(val, limit, isUTF8)
	if !onlySpaces(val[keep:]) {
		return 0, faultVarcharLength
	}
	return putText(dst, val[:keep], isUTF8)
}

// putBpchar writes a value of char(limit): cut like varchar(limit), then padded with
// spaces to the limit (bpchar_input). spare is how much the value may take beyond the
// room that its message length entitles it to.
func putBpchar(dst, val []byte, limit int, isUTF8 bool, spare int) (int, *fault) {
	if len(val) == limit {
		n, f := putText(dst, val, false)
		if f != nil || !isUTF8 || isASCII(val) {
			return n, f
		}
	}
	if f := checkText(val, isUTF8); f != nil {
		return 0, f
	}
	keep, chars := clipCharacters(val, limit, isUTF8)
	if !onlySpaces(val[keep:]) {
		return 0, faultVarcharLength
	}
	pad := limit - chars
	n := varHeader + keep + pad
	if n > maxVarlena {
		return 0, faultTooLarge
	}
	if (n+7)&^7 > len(val)+4+slack+spare {
		return 0, faultFull
	}
	padWord(dst, n)
	putVarHeader(dst, n)
	copy(dst[varHeader:], val[:keep])
	blanks := dst[varHeader+keep : n]
	for i := range blanks {
		blanks[i] = ' '
	}
	return n, nil
}

func onlySpaces(val []byte) bool {
	for _, b := range val {
		if b != ' ' {
			return false
		}
	}
	return true
}

func isASCII(val []byte) bool {
	for _, b := range val {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// putName writes NameData, a zero-padded array of NAMEDATALEN bytes.
func (d *Decoder) putName(dst, val []byte) (int, *fault) {
	if len(val) >= d.nameLen {
		return 0, faultNameTooLong
	}
	if f := checkText(val, d.utf8); f != nil {
		return 0, f
	}
	clear(dst[copy(dst, val) : (d.nameLen+7)&^7])
	return d.nameLen, nil
}
