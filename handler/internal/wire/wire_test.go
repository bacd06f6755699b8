package wire

import (
	"errors"
	"reflect"
	"testing"
)

func TestWantFormat(t *testing.T) {
	for _, c := range []struct {
		name string
		col  Column
		enc  Encoding
		want int16
	}{
		{"int4", Column{TypeOID: 23, Typmod: -1}, UTF8, 1},
		{"numeric(10,2)", Column{TypeOID: 1700, Typmod: 10<<16 | 2 + 4}, UTF8, 1},
		{"text is the same in both formats", Column{TypeOID: 25, Typmod: -1}, UTF8, 0},
		{"json is the same in both formats", Column{TypeOID: 114, Typmod: -1}, UTF8, 0},
		{"text in EUC_JP", Column{TypeOID: 25, Typmod: -1}, Other, 0},
		{"text[]", Column{TypeOID: 1009, Typmod: -1}, UTF8, 1},
		{"text[] in LATIN1", Column{TypeOID: 1009, Typmod: -1}, SingleByte, 1},
		{"text[] in EUC_JP", Column{TypeOID: 1009, Typmod: -1}, Other, 0},
		{"char(3)[]", Column{TypeOID: 1014, Typmod: 7}, UTF8, 0},
		{"name", Column{TypeOID: 19, Typmod: -1}, UTF8, 1},
		{"name in EUC_JP", Column{TypeOID: 19, Typmod: -1}, Other, 0},
		{"interval", Column{TypeOID: 1186, Typmod: -1}, UTF8, 1},
		{"interval(3)", Column{TypeOID: 1186, Typmod: 0x7fff0003}, UTF8, 0},
		{"regclass", Column{TypeOID: 2205, Typmod: -1}, UTF8, 0},
		{"point, unsafe", Column{TypeOID: 600, Typmod: -1}, UTF8, 0},
		{"point, safe", Column{TypeOID: 600, Typmod: -1, ReceiveSafe: true}, UTF8, 1},
		{"user type, safe", Column{TypeOID: 16384, Typmod: -1, ReceiveSafe: true}, UTF8, 0},
		{"information_schema type, safe", Column{TypeOID: 13000, Typmod: -1, ReceiveSafe: true}, UTF8, 0},
		{"invalid OID", Column{TypeOID: 0, Typmod: -1}, UTF8, 0},
	} {
		if got := c.col.WantFormat(c.enc); got != c.want {
			t.Errorf("%s: format %d, want %d", c.name, got, c.want)
		}
	}
	if got := Formats([]Column{{TypeOID: 23}, {TypeOID: 25}}, UTF8); !reflect.DeepEqual(got, []int16{1, 0}) {
		t.Errorf("formats %v", got)
	}
}

func TestNewDecoder(t *testing.T) {
	const ok, mismatch = true, false
	for _, c := range []struct {
		name   string
		col    Column
		remote RemoteColumn
		enc    Encoding
		ok     bool
		form   ValueFormat
	}{
		{"int4", column4(23, -1), RemoteColumn{23, -1, 1}, UTF8, ok, DatumValue},
		{"int4 from int8", column4(23, -1), RemoteColumn{20, -1, 1}, UTF8, mismatch, 0},
		{"int4 from int8 in text", column4(23, -1), RemoteColumn{20, -1, 0}, UTF8, ok, TextValue},
		{"numeric from numeric(5,1)", column4(1700, -1), RemoteColumn{1700, 5<<16 | 1 + 4, 1}, UTF8, ok, DatumValue},
		{"numeric(5,1) from numeric", column4(1700, 5<<16|1+4), RemoteColumn{1700, -1, 1}, UTF8, ok, DatumValue},
		{"text from varchar", column4(25, -1), RemoteColumn{1043, 14, 1}, UTF8, ok, DatumValue},
		{"varchar from text", column4(1043, -1), RemoteColumn{25, -1, 1}, UTF8, ok, DatumValue},
		{"text from bpchar in binary", column4(25, -1), RemoteColumn{1042, 14, 1}, UTF8, mismatch, 0},
		{"text from bpchar in text", column4(25, -1), RemoteColumn{1042, 14, 0}, UTF8, ok, DatumValue},
		{"text from an enum in text", column4(25, -1), RemoteColumn{16390, -1, 0}, UTF8, ok, DatumValue},
		{"text in EUC_JP", column4(25, -1), RemoteColumn{25, -1, 0}, Other, ok, TextValue},
		{"text in EUC_JP in binary", column4(25, -1), RemoteColumn{25, -1, 1}, Other, mismatch, 0},
		{"text[] from varchar[]", column4(1009, -1), RemoteColumn{1015, 14, 1}, UTF8, ok, DatumValue},
		{"text[] from name[]", column4(1009, -1), RemoteColumn{1003, -1, 1}, UTF8, mismatch, 0},
		{"int4[] in text", column4(1007, -1), RemoteColumn{1007, -1, 0}, UTF8, ok, TextValue},
		{"name in text", column4(19, -1), RemoteColumn{19, -1, 0}, UTF8, ok, TextValue},
		{"interval(3) in binary", column4(1186, 3), RemoteColumn{1186, 3, 1}, UTF8, mismatch, 0},
		{"regclass in binary", column4(2205, -1), RemoteColumn{2205, -1, 1}, UTF8, mismatch, 0},
		{"point", Column{TypeOID: 600, Typmod: -1, ReceiveSafe: true}, RemoteColumn{600, -1, 1}, UTF8, ok, BinaryValue},
		{"point, unsafe", column4(600, -1), RemoteColumn{600, -1, 1}, UTF8, mismatch, 0},
		{"point from box", Column{TypeOID: 600, Typmod: -1, ReceiveSafe: true}, RemoteColumn{603, -1, 1}, UTF8, mismatch, 0},
		{"user type in binary", Column{TypeOID: 16384, Typmod: -1, ReceiveSafe: true}, RemoteColumn{16384, -1, 1}, UTF8, mismatch, 0},
		{"unknown format", column4(23, -1), RemoteColumn{23, -1, 2}, UTF8, mismatch, 0},
	} {
		d, err := NewDecoder([]Column{c.col}, []RemoteColumn{c.remote}, Options{Encoding: c.enc})
		if c.ok {
			if err != nil || d.ValueFormats()[0] != c.form {
				t.Errorf("%s: %v, valueFormats %v, want %v", c.name, err, d, c.form)
			}
			continue
		}
		var m *FormatMismatch
		if !errors.As(err, &m) || !reflect.DeepEqual(m.Columns, []int{0}) {
			t.Errorf("%s: got %v, want a mismatch", c.name, err)
		}
	}
}

func TestNewDecoderListsMismatches(t *testing.T) {
	cols := []Column{column4(23, -1), column4(20, -1), column4(16, -1)}
	_, err := NewDecoder(cols, []RemoteColumn{{20, -1, 1}, {20, -1, 1}, {23, -1, 1}}, Options{})
	var m *FormatMismatch
	if !errors.As(err, &m) || !reflect.DeepEqual(m.Columns, []int{0, 2}) {
		t.Fatal(err)
	}
	if m.Error() != "binary format cannot be used for result columns 1, 3" {
		t.Fatal(m.Error())
	}
	_, err = NewDecoder(cols, []RemoteColumn{{20, -1, 1}}, Options{})
	wantState(t, err, "42804")
}

// TestAskedFormatsAreUsable holds WantFormat and NewDecoder together: when the remote's
// types are the local ones, what was asked for is never a mismatch.
func TestAskedFormatsAreUsable(t *testing.T) {
	for _, s := range scalars {
		for _, oid := range []uint32{s.oid, s.array} {
			for _, typmod := range []int32{-1, 0, 3, 4, 7, 10<<16 | 6} {
				for _, enc := range []Encoding{UTF8, SingleByte, Other} {
					c := Column{TypeOID: oid, Typmod: typmod}
					d, err := NewDecoder([]Column{c}, []RemoteColumn{{oid, typmod, c.WantFormat(enc)}}, Options{Encoding: enc})
					if err != nil {
						t.Errorf("type %d typmod %d encoding %d: %v", oid, typmod, enc, err)
					} else if d.ValueFormats()[0] != DatumValue && c.WantFormat(enc) == 1 {
						t.Errorf("type %d typmod %d: binary asked, form %d", oid, typmod, d.ValueFormats()[0])
					}
				}
			}
		}
	}
}
