package sqlerr

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// texts are all of an error's strings but the SQLSTATE, those first that say
// most of what has happened.
func (e *Error) texts() [10]*string {
	return [...]*string{&e.Message, &e.Detail, &e.Hint, &e.Context, &e.RemoteSQL,
		&e.Schema, &e.Table, &e.Column, &e.Datatype, &e.Constraint}
}

// Size is how many bytes the texts take.
func (e *Error) Size() int {
	n := 0
	for _, s := range e.texts() {
		n += len(*s)
	}
	return n
}

// Cut returns e, if its texts take at most limit bytes, or else a copy in which
// long ones are cut, so that they take hardly more. A text gets at most half of
// what those before it have left over.
func (e *Error) Cut(limit int) *Error {
	if e.Size() <= limit {
		return e
	}
	short := *e
	short.cause = nil // which may have the texts too
	for _, s := range short.texts() {
		if len(*s) > limit/2 {
			*s = CutText(*s, limit/2, 0)
		} else {
			*s = strings.Clone(*s)
		}
		limit -= len(*s)
		limit = max(limit, 256)
	}
	return &short
}

// CutText keeps the first n bytes of s, as far as those are whole characters,
// and says how many more there were: what it cuts off and missing ones.
func CutText(s string, n, missing int) string {
	n = min(n, len(s))
	for back := 0; n > 0 && n < len(s) && back < utf8.UTFMax-1 && !utf8.RuneStart(s[n]); back++ {
		n--
	}
	if n == len(s) && missing > 0 { // the end of s may be within a character
		for back := 1; back < utf8.UTFMax && back <= n; back++ {
			if b := s[n-back]; utf8.RuneStart(b) {
				if b >= utf8.RuneSelf && !utf8.FullRuneInString(s[n-back:]) {
					n -= back
				}
				break
			}
		}
	}
	return fmt.Sprintf("%s ... (%d more bytes)", s[:n], len(s)-n+missing)
}
