package session

import "strings"

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
