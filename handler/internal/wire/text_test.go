package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestCopyASCII tries every length and every position of a byte that is not ASCII.
func TestCopyASCII(t *testing.T) {
	for n := range 150 {
		src := bytes.Repeat([]byte{'a'}, n)
		dst := make([]byte, n)
		if !copyASCII(dst, src) || !bytes.Equal(dst, src) {
			t.Fatalf("length %d", n)
		}
		for i := range src {
			for _, b := range []byte{0, 0x80, 0xff, 1, 0x7f} {
				src[i] = b
				if got := copyASCII(dst, src); got != (b == 1 || b == 0x7f) || !bytes.Equal(dst, src) {
					t.Fatalf("length %d, byte %02x at %d: %v", n, b, i, got)
				}
			}
			src[i] = 'a'
		}
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct {
		name  string
		val   string
		enc   Encoding
		form  ValueFormat
		state string
	}{
		{"empty", "", UTF8, DatumValue, ""},
		{"short", "abc", UTF8, DatumValue, ""},
		{"ends with its padding", "abcd", UTF8, DatumValue, ""},
		{"UTF-8", "żółć 日本語 😀", UTF8, DatumValue, ""},
		{"surrogate", "\xed\xa0\x80", UTF8, 0, "22021"},
		{"overlong", "\xc0\x80", UTF8, 0, "22021"},
		{"above U+10FFFF", "\xf4\x90\x80\x80", UTF8, 0, "22021"},
		{"cut", "ab\xc5", UTF8, 0, "22021"},
		{"zero", "a\x00b", UTF8, 0, "22021"},
		{"LATIN1", "\xe9\xff", SingleByte, DatumValue, ""},
		{"zero in LATIN1", "\xe9\x00", SingleByte, 0, "22021"},
		{"EUC_JP", "\xa4\xa2", Other, TextValue, ""},
		{"zero in EUC_JP", "\xa4\x00", Other, 0, "22021"},
	} {
		for _, long := range []string{"", strings.Repeat("x", 100)} {
			val := c.val + long
			d := mustDecoder(t, Options{Encoding: c.enc}, column4(25, -1))
			f, err := decodeOne(t, d, []byte(val))
			switch {
			case c.state != "":
				wantState(t, err, c.state)
			case err != nil || d.ValueFormats()[0] != c.form:
				t.Errorf("%s: %v, form %d", c.name, err, d.ValueFormats()[0])
			case c.form == DatumValue && string(varlena(f.data)) != val:
				t.Errorf("%s: got %q", c.name, varlena(f.data))
			case c.form == TextValue && string(form(t, f)) != val:
				t.Errorf("%s: got %q", c.name, form(t, f))
			}
		}
	}
}

// form reads { uint32 len; bytes[len]; NUL }.
func form(t testing.TB, f field) []byte {
	t.Helper()
	n := int(binary.LittleEndian.Uint32(f.data))
	for _, b := range f.data[4+n : (4+n+1+7)&^7] {
		if b != 0 {
			t.Fatalf("no NUL behind %q, or dirty padding", f.data[4:4+n])
		}
	}
	return f.data[4 : 4+n]
}

func TestForms(t *testing.T) {
	point := Column{TypeOID: 600, Typmod: -1, ReceiveSafe: true}
	d, err := NewDecoder([]Column{point, column4(600, -1)}, []RemoteColumn{{600, -1, 1}, {600, -1, 0}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 40 {
		text, raw := bytes.Repeat([]byte("t"), n), bytes.Repeat([]byte{0, 0xff}, n)
		msg := dataRow(raw, text)
		a := dirtyArena(d.Need(msg))
		if err := d.Decode(a, msg); err != nil {
			t.Fatal(err)
		}
		fields, _ := readRow(t, a, d, 0)
		if !bytes.Equal(form(t, fields[0]), raw) || !bytes.Equal(form(t, fields[1]), text) {
			t.Fatalf("length %d: %x", n, a.Bytes())
		}
	}
	a := dirtyArena(1 << 10)
	wantState(t, d.Decode(a, dataRow(nil, []byte("a\x00"))), "22021")
	wantState(t, d.Decode(a, dataRow(nil, []byte("a\xff"))), "22021")
}

// TestCharacterLimits compares varchar(n) and char(n) with their definition, for
// values around the limit.
func TestCharacterLimits(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	alphabet := []string{"a", "ü", "語", "😀", " ", " "}
	for range 20000 {
		limit := 1 + rng.IntN(12)
		val := ""
		for range rng.IntN(16) {
			val += alphabet[rng.IntN(len(alphabet))]
		}
		enc := Encoding(rng.IntN(2))
		chars := []string{}
		for i := 0; i < len(val); {
			w := 1
			if enc == UTF8 {
				_, w = utf8.DecodeRuneInString(val[i:])
			}
			chars = append(chars, val[i:i+w])
			i += w
		}
		kept := chars[:min(limit, len(chars))]
		want := strings.Join(kept, "")
		refused := strings.Trim(strings.Join(chars[len(kept):], ""), " ") != ""
		for oid, want := range map[uint32]string{1043: want, 1042: want + strings.Repeat(" ", limit-len(kept))} {
			d := mustDecoder(t, Options{Encoding: enc}, column4(oid, int32(limit+4)))
			f, err := decodeOne(t, d, []byte(val))
			if refused {
				if err == nil {
					t.Fatalf("type %d(%d): %q accepted", oid, limit, val)
				}
				wantState(t, err, "22001")
			} else if err != nil || string(varlena(f.data)) != want {
				t.Fatalf("type %d(%d): %q became %q, want %q (%v)", oid, limit, val, varlena(f.data), want, err)
			}
		}
	}
	for _, oid := range []uint32{1042, 1043} {
		d := mustDecoder(t, Options{}, column4(oid, 3+4))
		for _, val := range []string{"ab\xff", "abcd\xff", "a\x00c", "a\x00cd", "\x00"} {
			_, err := decodeOne(t, d, []byte(val))
			wantState(t, err, "22021")
		}
	}
}

func TestJSON(t *testing.T) {
	for _, val := range []string{
		"0", "-0", "1.5e+10", "1E5", "-0.0e-0", "true", " null\r\n\t", `""`, `"\u0000\ud800"`, `"a\/\b"`, "\"\x7fü\"",
		"[]", "[ ]", "{ }", `[[[]],{}]`, `{"a":1 , "a":[{"b":{}}]}`, `["12345678","1234567","123456789\n"]`,
		strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
		strings.Repeat(`{"a":[`, 1000) + strings.Repeat("]}", 1000),
		strings.Repeat("[", 20000) + "{}" + strings.Repeat("]", 20000),
	} {
		if f := checkJSON([]byte(val)); f != nil {
			t.Errorf("%.60q: %v", val, f)
		}
	}
	for _, val := range []string{
		"", " ", "-", "+1", "01", "1.", ".5", "1e", "1e+", "0x1", "tru", "truee", "nulL", "NaN", `"`, `"a`, `"\"`, `"\u12g4"`, `"\u123`,
		`"\x"`, "\"\x1f\"", "\"1234567\n\"", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1}", "{1:2}", `{"a"}`, `{"a":}`, `{"a":1,}`,
		`{"a":1]`, `{,}`, "1 2", "[] []", "{}x", "\x00", "1\x00", "[\x00]", "\"\x00\"", "\v1", "\ufeff1", "'a'",
		strings.Repeat("[", 5000) + strings.Repeat("]", 4999) + "}",
	} {
		if checkJSON([]byte(val)) == nil {
			t.Errorf("%.60q: accepted", val)
		}
	}
}

// TestJSONAgrees mutates documents and compares with encoding/json, whose grammar is
// the same up to a depth of 10000.
func TestJSONAgrees(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	seed := []byte(`{"a": [1, -2.5e10, "x\u00e9\n", true, null, {}], "bcdefghij": {"k": [[], false]}}`)
	tokens := []byte(`{}[]",:\ 0123eE.+-tfnu` + "\n\x1f\x80")
	for range 200000 {
		val := bytes.Clone(seed)
		for range 1 + rng.IntN(3) {
			i := rng.IntN(len(val))
			switch rng.IntN(3) {
			case 0:
				val[i] = tokens[rng.IntN(len(tokens))]
			case 1:
				val = append(val[:i], val[i+1:]...)
			case 2:
				val = append(val[:i], append([]byte{tokens[rng.IntN(len(tokens))]}, val[i:]...)...)
			}
		}
		if got, want := checkJSON(val) == nil, json.Valid(val); got != want {
			t.Fatalf("%q: valid %v, want %v", val, got, want)
		}
	}
}
