package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"
)

// fuzzColumns has every kind of column, in the order the seeds of FuzzDecodeRow know.
var fuzzColumns = func() (cols []Column) {
	for _, s := range scalars {
		cols = append(cols, column4(s.oid, -1), column4(s.array, -1))
	}
	return append(cols, column4(1042, 5+4), column4(1043, 5+4), column4(1700, 6<<16|2+4), column4(1114, 2),
		column4(1231, 6<<16|2+4), column4(1560, 5), column4(1562, 5),
		column4(3802, -1), Column{TypeOID: 600, Typmod: -1, ReceiveSafe: true})
}()

// FuzzDecodeRow decodes one value as each kind of column, in a row with a text before
// and after it. Whatever it is: no panic, ErrFull never with Need bytes free, a row in
// good shape, and nothing outside of the row is written.
func FuzzDecodeRow(f *testing.F) {
	f.Add(uint8(0), []byte{0, 0, 0, 0, 0, 0, 0, 1}, true)
	f.Add(uint8(4), []byte("text"), true)
	f.Add(uint8(3), join(be32(1), be32(0), be32(23), be32(2), be32(1), be32(4), be32(7), be32(-1)), false)
	f.Fuzz(func(t *testing.T, which uint8, val []byte, binaryFormat bool) {
		c := fuzzColumns[int(which)%len(fuzzColumns)]
		format := formatText
		if binaryFormat {
			format = formatBinary
		}
		d, err := NewDecoder([]Column{column4(25, -1), c, column4(25, -1)},
			[]RemoteColumn{{25, -1, 0}, {c.TypeOID, c.Typmod, format}, {25, -1, 0}}, Options{})
		if err != nil {
			var m *FormatMismatch
			if !errors.As(err, &m) {
				t.Fatal(err)
			}
			return
		}
		msg := dataRow([]byte("before"), val, []byte("behind it"))
		need := d.Need(msg)
		buf := bytes.Repeat([]byte{0xEE}, 8+(need+7)&^7+64)
		a := NewArena(buf)
		a.buf = a.buf[: (need+7)&^7 : (need+7)&^7]
		err = d.Decode(a, msg)
		for _, b := range buf[len(buf)-56:] {
			if b != 0xEE {
				t.Fatal("wrote behind the arena")
			}
		}
		if err != nil {
			var v *ValueError
			if !errors.As(err, &v) || len(v.SQLState) != 5 || v.Column != 1 {
				t.Fatal(err)
			}
			return
		}
		fields, end := readRow(t, a, d, 0)
		if end != a.Used() || string(varlena(fields[0].data)) != "before" || string(varlena(fields[2].data)) != "behind it" {
			t.Fatalf("row %x", a.Bytes())
		}
	})
}

// FuzzDecodeMessage gives whole messages, framing included, to one decoder.
func FuzzDecodeMessage(f *testing.F) {
	f.Add(dataRow(be32(1), []byte("abc"), nil, []byte("12.5")))
	f.Fuzz(func(t *testing.T, msg []byte) {
		d := mustDecoder(t, Options{}, column4(23, -1), column4(25, -1), column4(1700, -1), column4(600, -1))
		a := dirtyArena(d.Need(msg))
		err := d.Decode(a, msg[:len(msg):len(msg)])
		if err == nil {
			readRow(t, a, d, 0)
			return
		}
		var v *ValueError
		if !errors.As(err, &v) || a.Used() != 0 {
			t.Fatal(err)
		}
	})
}

// FuzzNumeric holds what is accepted against arithmetic on big integers.
func FuzzNumeric(f *testing.F) {
	f.Add(wireNumeric{digits: []uint16{1, 2500}, scale: 2}.bytes(), int32(-1))
	f.Add(wireNumeric{digits: []uint16{9999, 9950}, scale: 4}.bytes(), int32(8<<16|2+4))
	f.Fuzz(func(t *testing.T, val []byte, typmod int32) {
		d := mustDecoder(t, Options{}, column4(1700, typmod))
		got, err := decodeOne(t, d, val)
		if err != nil {
			var v *ValueError
			if !errors.As(err, &v) {
				t.Fatal(err)
			}
			return
		}
		special, scale, value, err := readNumeric(got.data)
		if err != nil {
			t.Fatal(err)
		}
		sign := binary.BigEndian.Uint16(val[4:])
		if special != 0 {
			if special != sign {
				t.Fatalf("special value %x became %x", sign, special)
			}
			return
		}
		weight := int(int16(binary.BigEndian.Uint16(val[2:])))
		sent := int(binary.BigEndian.Uint16(val[6:]))
		if typmod >= 4 || weight > 2000 || weight < -2000 || sent > 8000 {
			return // the arithmetic would take too long, or is done by TestNumericTypmod
		}
		digits := []uint16{}
		for b := val[8:]; len(b) > 0; b = b[2:] {
			digits = append(digits, binary.BigEndian.Uint16(b))
		}
		if want := unscaled(sign == numericNeg, weight, digits, sent, false); scale != sent || want.Cmp(value) != 0 {
			t.Fatalf("%x became %v with scale %d, want %v with %d", val, value, scale, want, sent)
		}
	})
}

// FuzzArray decodes arrays of each element type, and checks the layout of what is
// accepted against its own sizes.
func FuzzArray(f *testing.F) {
	f.Add(uint8(1), arrayValue{[]int32{2}, []int32{1}, [][]byte{be32(1), nil}}.bytes(23))
	f.Add(uint8(2), arrayValue{[]int32{1, 2}, []int32{0, -1}, [][]byte{[]byte("a"), []byte("語")}}.bytes(25))
	f.Add(uint8(4), arrayValue{[]int32{1}, []int32{1}, [][]byte{wireNumeric{digits: []uint16{1}}.bytes()}}.bytes(1700))
	f.Fuzz(func(t *testing.T, which uint8, val []byte) {
		s := scalars[int(which)%len(scalars)]
		d := mustDecoder(t, Options{}, column4(s.array, -1))
		got, err := decodeOne(t, d, val)
		if err != nil {
			var v *ValueError
			if !errors.As(err, &v) {
				t.Fatal(err)
			}
			return
		}
		readArray(t, got.data, s.oid, int(s.align), func(_ int, elem []byte) int {
			switch s.size {
			case -1:
				return int(binary.LittleEndian.Uint32(elem) >> 2)
			case 0:
				return 64
			}
			return int(s.size)
		})
	})
}

// FuzzJSON compares with encoding/json, which gives up beyond a depth of 10000.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"a": [1, -2.5e10, "x\u00e9\n", true, null]}`))
	f.Fuzz(func(t *testing.T, val []byte) {
		if got, want := checkJSON(val) == nil, json.Valid(val); got != want && bytes.Count(val, []byte("[")) < 5000 && bytes.Count(val, []byte("{")) < 5000 {
			t.Fatalf("%q: valid %v, want %v", val, got, want)
		}
	})
}

// FuzzText compares the checks made while copying with the plain ones.
func FuzzText(f *testing.F) {
	f.Add([]byte("plain ASCII text"))
	f.Add([]byte("żółć\x00"))
	f.Fuzz(func(t *testing.T, val []byte) {
		d := mustDecoder(t, Options{}, column4(25, -1))
		got, err := decodeOne(t, d, val)
		if want := utf8.Valid(val) && bytes.IndexByte(val, 0) < 0; (err == nil) != want {
			t.Fatalf("%q: %v", val, err)
		}
		if err == nil && !bytes.Equal(varlena(got.data), val) {
			t.Fatalf("%q became %q", val, varlena(got.data))
		}
	})
}

// FuzzFrame: what is returned must fit together, and be the same however many bytes
// follow the message.
func FuzzFrame(f *testing.F) {
	f.Add([]byte("D\x00\x00\x00\x06\x00\x00Z"))
	f.Add([]byte("Z\x00\x00"))
	f.Fuzz(func(t *testing.T, buf []byte) {
		typ, body, n, need, err := Frame(buf)
		switch {
		case err != nil:
			if !errors.Is(err, ErrFrame) || n != 0 || need != 0 || body != nil {
				t.Fatalf("%d %d %v", n, need, err)
			}
		case n == 0:
			if need <= len(buf) || need < 5 || body != nil {
				t.Fatalf("%d bytes of %d wanted", need, len(buf))
			}
		default:
			if n != need || n != 5+len(body) || typ != buf[0] || !bytes.Equal(body, buf[5:n]) {
				t.Fatalf("%q %d %d %x", typ, n, need, body)
			}
			if _, again, m, _, err := Frame(buf[:n:n]); m != n || err != nil || !bytes.Equal(again, body) {
				t.Fatalf("alone: %d, %v", m, err)
			}
			if _, _, m, want, err := Frame(buf[:n-1]); m != 0 || err != nil || want > n || want < 5 {
				t.Fatalf("one byte less: %d, %d, %v", m, want, err)
			}
		}
	})
}
