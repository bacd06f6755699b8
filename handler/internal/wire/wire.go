// Package wire turns the DataRow messages of PostgreSQL's frontend/backend
// protocol (version 3) into rows of Datums that a backend reads where they lie.
//
// A Decoder is made once per result from what the local side wants (Column) and
// what RowDescription reports (RemoteColumn); its Decode then writes one row per
// message into an Arena. Most built-in types are written in the form PostgreSQL
// itself keeps them in memory; the others travel as text or as external binary,
// and C runs the type's input or receive function on them (see ValueFormat).
//
// What is decoded comes from a server that may be broken or hostile. Each value is
// therefore checked as the type's own receive function (src/backend/utils/adt)
// checks it, and each index into a message or an arena is checked by Go itself.
//
// The package knows no PostgreSQL header. It assumes what configure fixes on every
// platform served: little-endian, 64-bit Datum, float8 passed by value.
package wire

import (
	"fmt"
	"pgwire_fdw/handler/internal/sqlstate"
	"strconv"
	"strings"
)

// ValueFormat says what C has to do with a column of a batch.
type ValueFormat uint8

const (
	// DatumValue is a finished Datum: the value itself, or the address of one in
	// its in-memory form (a varlena always with an uncompressed 4-byte header).
	DatumValue ValueFormat = 0
	// TextValue is the address of { uint32 len; bytes[len]; NUL } for the type's
	// input function. The bytes hold no NUL, and with UTF8 they are valid UTF-8.
	TextValue ValueFormat = 1
	// BinaryValue is the address of { uint32 len; bytes[len]; NUL } for the type's
	// receive function. Nothing but the length of the bytes has been checked.
	BinaryValue ValueFormat = 2
	// MoneyValue is TextValue whose meaning depends on the remote's lc_monetary: it can
	// be trusted only if the local output function gives the same text back.
	MoneyValue ValueFormat = 3
)

// Encoding is the class of the local database's encoding. The session's
// client_encoding is taken to be that same encoding.
type Encoding uint8

const (
	// UTF8: text is verified here.
	UTF8 Encoding = iota
	// SingleByte (SQL_ASCII, LATINn, WINnnnn, ...): every byte but NUL is a character.
	SingleByte
	// Other: a multibyte encoding that is not UTF-8. Text is only checked for NUL
	// and goes as TextValue, so that C verifies it.
	Other
)

// Format codes of the protocol (Bind, RowDescription).
const (
	formatText   int16 = 0
	formatBinary int16 = 1
)

// firstGenbkiOID is FirstGenbkiObjectId (access/transam.h). Only OIDs below it are
// assigned by hand, and so mean the same type on two servers.
const firstGenbkiOID = 10000

// Column is what the local side wants of one result column.
type Column struct {
	// Name is used in errors only.
	Name string
	// TypeOID is the local type, built-in or not.
	TypeOID uint32
	// Typmod is the local type modifier, -1 for none.
	Typmod int32
	// ReceiveSafe says that the type's receive function may be fed what the remote
	// sends: its binary form does not depend on client_encoding, nor on OIDs that
	// differ between servers.
	ReceiveSafe bool
}

// RemoteColumn is one field of a RowDescription message.
type RemoteColumn struct {
	TypeOID uint32
	Typmod  int32
	Format  int16
}

// WantFormat returns the result format code to ask for (1 binary, 0 text) while the
// remote's types are not known, on the assumption that they equal the local ones.
//
// Character types and json ask for text: the bytes are the same in both formats, and
// in text they stay right whatever the remote's type turns out to be, so such a
// column is never part of a FormatMismatch.
func (c Column) WantFormat(enc Encoding) int16 {
	t, ok := nativeType(c.TypeOID, c.Typmod, enc)
	switch {
	case ok && !t.isArray && t.kind.sameInText():
		return formatText
	case ok:
		return formatBinary
	case c.ReceiveSafe && c.TypeOID < firstGenbkiOID:
		return formatBinary
	}
	return formatText
}

// Formats returns WantFormat of each column, as Bind wants them.
func Formats(cols []Column, enc Encoding) []int16 {
	formats := make([]int16, len(cols))
	for i, c := range cols {
		formats[i] = c.WantFormat(enc)
	}
	return formats
}

// FormatMismatch is the error of NewDecoder when columns came in binary format with a
// type that cannot be decoded as the local one. The caller asks again for the result,
// with text for those columns.
type FormatMismatch struct {
	// Columns are indexes into the columns given to NewDecoder, ascending.
	Columns []int
}

func (e *FormatMismatch) Error() string {
	var b strings.Builder
	b.WriteString("binary format cannot be used for result column")
	if len(e.Columns) != 1 {
		b.WriteByte('s')
	}
	for i, c := range e.Columns {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte(' ')
		b.WriteString(strconv.Itoa(c + 1))
	}
	return b.String()
}

// ValueError is a value, or a whole message, that cannot be accepted.
type ValueError struct {
	// Column is the index of the column, or -1 when the message as a whole is wrong.
	Column int
	// Name is the name of the column, empty when Column is -1.
	Name string
	// Reason is a clause in lower case without the name of the column.
	Reason string
	// SQLState is the code that PostgreSQL's own receive function would raise, or
	// 08P01 (protocol_violation) for a message that is not well formed.
	SQLState string
}

func (e *ValueError) Error() string {
	if e.Column < 0 {
		return "result row: " + e.Reason
	}
	return fmt.Sprintf("result column %d (%q): %s", e.Column+1, e.Name, e.Reason)
}

// fault is why a value is refused. The decoders below the row loop return a *fault
// (most of them are constants of the package) so that the loop stays free of
// interfaces and allocations; only the loop knows which column it was.
type fault struct {
	state  string
	reason string
}

var (
	// faultFull is not an error of the value: it does not fit in the arena.
	faultFull = &fault{}

	faultFixedLength = &fault{sqlstate.InvalidBinaryRepresentation, "binary value has the wrong length for its type"}
	faultTooLarge    = &fault{sqlstate.ProgramLimitExceeded, "value is larger than 1 GB"}
	faultFieldLength = &fault{sqlstate.ProtocolViolation, "invalid field length in DataRow message"}
	faultTruncated   = &fault{sqlstate.ProtocolViolation, "insufficient data left in DataRow message"}
)
