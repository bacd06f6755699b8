package session

import (
	"pgwire_fdw/handler/internal/dial"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
	"strings"
)

// agrees reports whether the value that the remote reports for a setting is
// what was asked for; a setting nobody asked for agrees.
func agrees(asked map[string]string, name, value string) bool {
	want, ok := asked[name]
	switch {
	case !ok:
		return true
	case name == "client_encoding":
		return sameEncoding(value, want)
	case name == "DateStyle": // "ISO, MDY": the field order only matters for input
		return strings.HasPrefix(value, want)
	}
	return strings.EqualFold(value, want)
}

// sameEncoding compares encoding names as pg_char_to_encoding does (common/encnames.c):
// letters and digits only, without case.
func sameEncoding(a, b string) bool {
	norm := func(s string) string {
		s = strings.Map(func(r rune) rune {
			switch {
			case r >= 'A' && r <= 'Z':
				return r + 'a' - 'A'
			case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
				return r
			}
			return -1
		}, s)
		if s == "unicode" {
			return "utf8"
		}
		return s
	}
	return norm(a) == norm(b)
}

// CheckSettings refuses a session that reports another value of a setting than
// was asked for with the start-up: est belongs to the caller still.
func CheckSettings(est *dial.Established, server string, asked map[string]string) *sqlerr.Error {
	for name, got := range est.ParameterStatus {
		if !agrees(asked, name, got) {
			return sqlerr.New(sqlstate.UnableToConnect, "could not connect to server \"%s\"", server).
				WithDetail("The remote session runs with %s %q, but was asked for %q.", name, got, asked[name]).
				WithHint("A connection pooler in between may be ignoring startup parameters.")
		}
	}
	return nil
}
