package wire

import (
	"encoding/binary"
	"pgwire_fdw/handler/internal/sqlstate"
)

// Address families as stored and sent: PGSQL_AF_INET is Linux's AF_INET, and
// PGSQL_AF_INET6 is one more by definition (utils/inet.h).
const (
	familyINET  = 2
	familyINET6 = 3
)

var (
	faultInet     = &fault{sqlstate.InvalidBinaryRepresentation, "invalid external inet or cidr value"}
	faultCidrBits = &fault{sqlstate.InvalidBinaryRepresentation, "invalid external cidr value: bits set to right of mask"}
)

// putInet writes an inet or cidr: { varlena header; family; bits; address }. On the
// wire they are { family; bits; is_cidr; address length; address }, is_cidr ignored.
func putInet(dst, val []byte, cidr bool) (int, *fault) {
	if len(val) < 4 {
		return 0, faultInet
	}
	family, bits, addr := val[0], int(val[1]), val[4:]
	size := 4
	if family == familyINET6 {
		size = 16
	} else if family != familyINET {
		return 0, faultInet
	}
	if bits > 8*size || int(val[3]) != size || len(addr) != size {
		return 0, faultInet
	}
	if cidr && bits < 8*size {
		rest := addr[bits/8] & (0xff >> (bits % 8))
		for _, b := range addr[bits/8+1:] {
			rest |= b
		}
		if rest != 0 {
			return 0, faultCidrBits
		}
	}
	n := varHeader + 2 + size
	putVarHeader(dst, n)
	dst[4], dst[5] = family, byte(bits)
	copy(dst[6:], addr)
	return n, nil
}

func putMacaddr(dst, val []byte) (int, *fault) {
	if len(val) != 6 {
		return 0, faultFixedLength
	}
	return copy(dst, val), nil
}

// putMacaddr8 takes an EUI-48 address too, widened with FF FE as macaddr8_recv does.
func putMacaddr8(dst, val []byte) (int, *fault) {
	switch len(val) {
	case 8:
		return copy(dst, val), nil
	case 6:
		copy(dst, val[:3])
		dst[3], dst[4] = 0xff, 0xfe
		copy(dst[5:], val[3:])
		return 8, nil
	}
	return 0, faultFixedLength
}

// maxBits is VARBITMAXLEN (utils/varbit.h).
const maxBits = 1<<31 - 1 - 8 + 1

var (
	faultBitString  = &fault{sqlstate.InvalidBinaryRepresentation, "invalid length in external bit string"}
	faultBitLength  = &fault{sqlstate.StringDataLengthMismatch, "bit string length does not match the length of its type"}
	faultBitTooLong = &fault{sqlstate.StringDataRightTruncation, "bit string too long for its type"}
)

// putBit writes VarBit { varlena header; int32 number of bits; bits, first one high }.
// Unused bits of the last byte must be zero, because equality compares whole bytes.
// fixed makes the difference of bit(n) from varbit(n).
func putBit(dst, val []byte, typmod int32, fixed bool) (int, *fault) {
	if len(val) < 4 {
		return 0, faultBitString
	}
	bits := int(int32(binary.BigEndian.Uint32(val)))
	val = val[4:]
	if bits < 0 || bits > maxBits || len(val) != (bits+7)/8 {
		return 0, faultBitString
	}
	if typmod > 0 && bits != int(typmod) {
		if fixed {
			return 0, faultBitLength
		}
		if bits > int(typmod) {
			return 0, faultBitTooLong
		}
	}
	n := varHeader + 4 + len(val)
	if n > maxVarlena {
		return 0, faultTooLarge
	}
	putVarHeader(dst, n)
	binary.LittleEndian.PutUint32(dst[4:], uint32(bits))
	copy(dst[8:], val)
	if pad := bits & 7; pad != 0 {
		dst[n-1] &= 0xff << (8 - pad)
	}
	return n, nil
}
