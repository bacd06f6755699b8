package sqlerr

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestCut: whatever the texts are, together they take hardly more than the
// limit, stay text, and say that they were cut; the first ones keep most.
func TestCut(t *testing.T) {
	long := strings.Repeat("ż", 50_000)
	whole := &Error{SQLState: "P0001", Message: "short", Detail: "this too", cause: errors.New(long)}
	if whole.Cut(1000) != whole {
		t.Error("what is short is copied")
	}
	for i := range (&Error{}).texts() {
		for _, all := range []bool{false, true} {
			e := &Error{SQLState: "P0001", Message: "m", ColumnIndex: 3, cause: errors.New(long)}
			for j, s := range e.texts() {
				if j == i || all {
					*s = long
				}
			}
			short := e.Cut(10_000)
			if size := short.Size(); size > 10_000+10*300 || size < 5000 {
				t.Errorf("text %d, all %v: %d bytes", i, all, size)
			}
			if short.SQLState != "P0001" || short.ColumnIndex != 3 || short.cause != nil {
				t.Errorf("text %d: %+v", i, short)
			}
			if got := *short.texts()[i]; !utf8.ValidString(got) || !strings.HasSuffix(got, " more bytes)") {
				t.Errorf("text %d ends with %q", i, got[max(0, len(got)-40):])
			}
			if e.Size() < len(long) {
				t.Error("the original is cut")
			}
		}
	}
}

func TestCutText(t *testing.T) {
	for _, c := range []struct {
		s          string
		n, missing int
		want       string
	}{
		{"abcdef", 4, 0, "abcd ... (2 more bytes)"},
		{"abcdef", 4, 10, "abcd ... (12 more bytes)"},
		{"aż", 2, 0, "a ... (2 more bytes)"},
		{"a\xc5", 2, 5, "a ... (6 more bytes)"},
		{"aż", 3, 5, "aż ... (5 more bytes)"},
		{"\xff\xff\xff\xff\xff\xff", 6, 1, "\xff\xff\xff\xff\xff\xff ... (1 more bytes)"},
		{"\xbf\xbf\xbf\xbf\xbf\xbf\xbf\xbf", 7, 0, "\xbf\xbf\xbf\xbf ... (4 more bytes)"},
		{"", 5, 3, " ... (3 more bytes)"},
	} {
		if got := CutText(c.s, c.n, c.missing); got != c.want {
			t.Errorf("%q cut to %d: %q, want %q", c.s, c.n, got, c.want)
		}
	}
}
