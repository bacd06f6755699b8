package wire

import (
	"encoding/binary"
	"pgwire_fdw/handler/internal/sqlstate"
	"runtime"
)

// Limits of date and time values (datatype/timestamp.h, utils/date.h), in days and
// microseconds since 2000-01-01.
const (
	minDate      = 0 - 2451545          // DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE
	endDate      = 2147483494 - 2451545 // DATE_END_JULIAN - POSTGRES_EPOCH_JDATE
	dateNoBegin  = -1 << 31
	dateNoEnd    = 1<<31 - 1
	minTimestamp = -211813488000000000
	endTimestamp = 9223371331200000000
	noBegin      = -1 << 63
	noEnd        = 1<<63 - 1
	usecsPerDay  = 86400000000
	tzDispLimit  = 16 * 3600 // TZDISP_LIMIT
)

// charIsSigned follows the C ABI: CharGetDatum widens a plain char, which is signed on
// amd64 and unsigned on arm64, and datums of equal values must be equal as words.
const charIsSigned = runtime.GOARCH == "amd64" || runtime.GOARCH == "386"

var (
	faultBool      = &fault{sqlstate.InvalidBinaryRepresentation, "boolean value is neither 0 nor 1"}
	faultDate      = &fault{sqlstate.DatetimeFieldOverflow, "date out of range"}
	faultTime      = &fault{sqlstate.DatetimeFieldOverflow, "time out of range"}
	faultTimestamp = &fault{sqlstate.DatetimeFieldOverflow, "timestamp out of range"}
	faultZone      = &fault{sqlstate.InvalidTimeZoneDisplacement, "time zone displacement out of range"}
)

// byValueSize is the length of a by-value kind on the wire, and in memory.
var byValueSize = [lastByValue + 1]uint8{
	kindInt8: 8, kindInt4: 4, kindTimestamp: 8, kindDate: 4, kindBool: 1,
	kindInt2: 2, kindUint4: 4, kindTime: 8, kindChar: 1,
}

// byValue decodes a value of a by-value kind to its Datum.
func (c *column) byValue(val []byte) (uint64, *fault) {
	if len(val) != int(byValueSize[c.kind]) {
		return 0, faultFixedLength
	}
	switch c.kind {
	case kindDate:
		v := int32(binary.BigEndian.Uint32(val))
		if (v < minDate || v >= endDate) && v != dateNoBegin && v != dateNoEnd {
			return 0, faultDate
		}
		return uint64(int64(v)), nil
	case kindTimestamp:
		v := int64(binary.BigEndian.Uint64(val))
		if v < minTimestamp || v >= endTimestamp {
			if v != noBegin && v != noEnd {
				return 0, faultTimestamp
			}
		} else if c.round != 0 {
			v = roundTo(v, c.round)
		}
		return uint64(v), nil
	case kindBool:
		if val[0] > 1 {
			return 0, faultBool
		}
		return uint64(val[0]), nil
	case kindInt2:
		return uint64(int64(int16(binary.BigEndian.Uint16(val)))), nil
	case kindUint4:
		return uint64(binary.BigEndian.Uint32(val)), nil
	case kindInt4:
		return uint64(int64(int32(binary.BigEndian.Uint32(val)))), nil
	case kindTime:
		v, f := timeOfDay(val, c.round)
		return uint64(v), f
	case kindChar:
		if charIsSigned {
			return uint64(int64(int8(val[0]))), nil
		}
		return uint64(val[0]), nil
	default: // kindInt8
		return binary.BigEndian.Uint64(val), nil
	}
}

// timeOfDay reads and checks the microseconds of time and timetz. As in time_recv, the
// end of the day (24:00:00) is a time.
func timeOfDay(val []byte, round int64) (int64, *fault) {
	v := int64(binary.BigEndian.Uint64(val))
	if v < 0 || v > usecsPerDay {
		return 0, faultTime
	}
	if round != 0 {
		v = roundTo(v, round)
	}
	return v, nil
}

// roundingUnit is the unit in microseconds that a typmod of time, timetz, timestamp or
// timestamptz asks for, 0 when all six digits are kept.
func roundingUnit(typmod int32) int64 {
	if typmod < 0 || typmod >= 6 {
		return 0
	}
	unit := int64(1)
	for range 6 - typmod {
		unit *= 10
	}
	return unit
}

// roundTo rounds half away from zero, as AdjustTimestampForTypmod and
// AdjustTimeForTypmod do. The callers' ranges keep it from overflowing.
func roundTo(v, unit int64) int64 {
	if v < 0 {
		return -((-v + unit/2) / unit * unit)
	}
	return (v + unit/2) / unit * unit
}

// putScalar writes a by-reference value of the less frequent types in its in-memory
// form to dst and returns its size. Bytes up to the next multiple of 8 are zeroed.
func (d *Decoder) putScalar(dst, val []byte, c *column) (int, *fault) {
	var n int
	var f *fault
	switch c.kind {
	case kindBytea:
		if len(val) > maxVarlena-varHeader {
			return 0, faultTooLarge
		}
		return putVarlena(dst, val), nil
	case kindJSON:
		if f := checkJSON(val); f != nil {
			return 0, f
		}
		return putText(dst, val, d.utf8)
	case kindUUID:
		if len(val) != 16 {
			return 0, faultFixedLength
		}
		return copy(dst, val), nil
	case kindInterval:
		return putInterval(dst, val)
	case kindName:
		return d.putName(dst, val)
	case kindTimeTZ:
		n, f = putTimeTZ(dst, val, c.round)
	case kindInet:
		n, f = putInet(dst, val, false)
	case kindCidr:
		n, f = putInet(dst, val, true)
	case kindMacaddr:
		n, f = putMacaddr(dst, val)
	case kindMacaddr8:
		n, f = putMacaddr8(dst, val)
	case kindBit:
		n, f = putBit(dst, val, c.typmod, true)
	case kindVarbit:
		n, f = putBit(dst, val, c.typmod, false)
	case kindTID:
		n, f = putTID(dst, val)
	}
	if f == nil {
		clear(dst[n : (n+7)&^7])
	}
	return n, f
}

// putInterval writes Interval { int64 time; int32 day; int32 month }. Every bit
// pattern is an interval; from 17 on, extreme fields stand for infinity.
func putInterval(dst, val []byte) (int, *fault) {
	if len(val) != 16 {
		return 0, faultFixedLength
	}
	binary.LittleEndian.PutUint64(dst, binary.BigEndian.Uint64(val))
	binary.LittleEndian.PutUint32(dst[8:], binary.BigEndian.Uint32(val[8:]))
	binary.LittleEndian.PutUint32(dst[12:], binary.BigEndian.Uint32(val[12:]))
	return 16, nil
}

// putTimeTZ writes TimeTzADT { int64 time; int32 zone }, of which pg_type counts 12 bytes.
func putTimeTZ(dst, val []byte, round int64) (int, *fault) {
	if len(val) != 12 {
		return 0, faultFixedLength
	}
	v, f := timeOfDay(val, round)
	if f != nil {
		return 0, f
	}
	zone := int32(binary.BigEndian.Uint32(val[8:]))
	if zone <= -tzDispLimit || zone >= tzDispLimit {
		return 0, faultZone
	}
	binary.LittleEndian.PutUint64(dst, uint64(v))
	binary.LittleEndian.PutUint32(dst[8:], uint32(zone))
	return 12, nil
}

// putTID writes ItemPointerData: three uint16, the block number's high half first.
func putTID(dst, val []byte) (int, *fault) {
	if len(val) != 6 {
		return 0, faultFixedLength
	}
	for i := 0; i < 6; i += 2 {
		binary.LittleEndian.PutUint16(dst[i:], binary.BigEndian.Uint16(val[i:]))
	}
	return 6, nil
}
