package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// maxFields is MaxTupleAttributeNumber (access/htup_details.h): no result has
// more columns, and no foreign table could have as many.
const maxFields = 1664

// fieldTail is what follows a field's name in a RowDescription: { Oid table;
// int16 attnum; Oid type; int16 size; int32 typmod; int16 format }.
const fieldTail = 18

// Describe reads the body of a RowDescription message. Names are passed over.
func Describe(body []byte) ([]RemoteColumn, error) {
	if len(body) < 2 {
		return nil, fmt.Errorf("%w: a row description of %d bytes", ErrFrame, len(body))
	}
	n := int(binary.BigEndian.Uint16(body))
	if n > maxFields {
		return nil, fmt.Errorf("%w: a row description of %d fields", ErrFrame, n)
	}
	body = body[2:]
	if len(body) < n*(1+fieldTail) {
		return nil, fmt.Errorf("%w: a row description ends early", ErrFrame)
	}
	fields := make([]RemoteColumn, n)
	for i := range fields {
		end := bytes.IndexByte(body, 0)
		if end < 0 || len(body) < end+1+fieldTail {
			return nil, fmt.Errorf("%w: a row description ends early", ErrFrame)
		}
		tail := body[end+1:]
		fields[i] = RemoteColumn{
			TypeOID: binary.BigEndian.Uint32(tail[6:]),
			Typmod:  int32(binary.BigEndian.Uint32(tail[12:])),
			Format:  int16(binary.BigEndian.Uint16(tail[16:])),
		}
		body = tail[fieldTail:]
	}
	if len(body) != 0 {
		return nil, fmt.Errorf("%w: a row description has data after its last field", ErrFrame)
	}
	return fields, nil
}
