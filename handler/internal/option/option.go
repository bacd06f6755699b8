// Package option knows every option of the foreign-data wrapper: one table
// says where an option may stand, what values it takes, what it defaults to
// and what it does. Validation, the settings that the rest of the handler
// reads and the table in README.md are all made from it.
//
// Names, objects, defaults, ranges and errors are those of postgres_fdw
// (contrib/postgres_fdw/option.c of PostgreSQL 14 to 18) and, for the options
// that are libpq's, of PQconninfoOptions in fe-connect.c.
package option

import (
	"bytes"
	"errors"
)

// Catalog is the kind of object that carries an option. The numbers are those
// of PGWIRE_CAT_* in cgo/bridge.h.
type Catalog int

// The objects, in the order of bridge.h.
const (
	Wrapper Catalog = iota // CREATE FOREIGN DATA WRAPPER; takes no option
	Server                 // CREATE SERVER
	Mapping                // CREATE USER MAPPING
	Table                  // CREATE FOREIGN TABLE
	Column                 // a column of a foreign table
	Import                 // IMPORT FOREIGN SCHEMA
)

// Pair is one option as it stands in a catalog: both in the database encoding.
type Pair struct {
	Name, Value string
}

// errPairs is a fault of the caller, not of the user.
var errPairs = errors.New("option list is not a sequence of NUL-terminated names and values")

// SplitPairs takes apart the form in which options cross from C:
// name NUL value NUL, repeated, in catalog order. The pairs do not alias b.
func SplitPairs(b []byte) ([]Pair, error) {
	var pairs []Pair
	for len(b) > 0 {
		name, rest, ok := bytes.Cut(b, []byte{0})
		if !ok {
			return nil, errPairs
		}
		value, rest, ok := bytes.Cut(rest, []byte{0})
		if !ok {
			return nil, errPairs
		}
		pairs = append(pairs, Pair{string(name), string(value)})
		b = rest
	}
	return pairs, nil
}

// Error says what is wrong with an option, ready for ereport.
type Error struct {
	SQLState string // five characters
	Message  string // primary message
	Hint     string // empty: none
}

// Error returns the primary message.
func (e *Error) Error() string { return e.Message }
