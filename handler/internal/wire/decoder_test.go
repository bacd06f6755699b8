package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"
)

// mustDecoder plans columns whose remote types are the same, in the formats asked for.
func mustDecoder(t testing.TB, opt Options, cols ...Column) *Decoder {
	t.Helper()
	remote := make([]RemoteColumn, len(cols))
	for i, c := range cols {
		remote[i] = RemoteColumn{c.TypeOID, c.Typmod, c.WantFormat(opt.Encoding)}
	}
	d, err := NewDecoder(cols, remote, opt)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// dirtyArena makes an arena of at least size bytes, filled with garbage, so that bytes
// the decoder forgets to write are seen.
func dirtyArena(size int) *Arena {
	return NewArena(bytes.Repeat([]byte{0xEE}, size+7))
}

// field is a column of a decoded row.
type field struct {
	null  bool
	datum uint64
	data  []byte // from the address that datum may be, to the end of the arena's rows
}

// readRow takes the row at an offset of the arena apart, and returns what follows it.
func readRow(t testing.TB, a *Arena, d *Decoder, at int) (fields []field, next int) {
	t.Helper()
	n := len(d.ValueFormats())
	row := a.Bytes()[at:]
	size := int(binary.LittleEndian.Uint32(row))
	flags := binary.LittleEndian.Uint32(row[4:])
	if size%8 != 0 || size < d.Stride() || size > len(row) {
		t.Fatalf("row at %d of %d has size %d", at, a.Used(), size)
	}
	anyNull := false
	for i := range n {
		f := field{null: row[8+8*n+i] == 1, datum: binary.LittleEndian.Uint64(row[8+8*i:])}
		if row[8+8*n+i] > 1 || f.null && f.datum != 0 {
			t.Fatalf("column %d: isnull %d, datum %d", i, row[8+8*n+i], f.datum)
		}
		anyNull = anyNull || f.null
		if off := f.datum - uint64(a.Base()) - uint64(at); !f.null && off < uint64(size) {
			if off%8 != 0 || off < uint64(d.Stride()) {
				t.Fatalf("column %d is at offset %d of its row", i, off)
			}
			f.data = row[off:size]
		}
		fields = append(fields, f)
	}
	for _, b := range row[8+9*n : d.Stride()] {
		if b != 0 {
			t.Fatal("null flags are not padded with zeroes")
		}
	}
	if (flags == flagHasNull) != anyNull || flags > 1 {
		t.Fatalf("flags are %d, any column is NULL: %v", flags, anyNull)
	}
	return fields, at + size
}

// varlena returns the value at a varlena's address, without its header.
func varlena(data []byte) []byte {
	return data[4 : binary.LittleEndian.Uint32(data)>>2]
}

// decodeOne decodes a single value, with garbage around it.
func decodeOne(t testing.TB, d *Decoder, val []byte) (field, error) {
	t.Helper()
	if val == nil {
		val = []byte{} // empty, not NULL
	}
	msg := dataRow(val)
	a := dirtyArena(d.Need(msg))
	if err := d.Decode(a, msg); err != nil {
		if a.Used() != 0 || a.Rows() != 0 {
			t.Fatal("a refused row was appended")
		}
		return field{}, err
	}
	fields, _ := readRow(t, a, d, 0)
	return fields[0], nil
}

func wantState(t testing.TB, err error, state string) {
	t.Helper()
	var v *ValueError
	if !errors.As(err, &v) {
		t.Fatalf("got %v, want a ValueError with SQLSTATE %s", err, state)
	}
	if v.SQLState != state {
		t.Fatalf("got SQLSTATE %s (%v), want %s", v.SQLState, err, state)
	}
}

func TestRowLayout(t *testing.T) {
	d := mustDecoder(t, Options{}, column4(20, -1), column4(25, -1), column4(23, -1))
	if d.Stride() != 8+24+8 {
		t.Fatalf("stride %d", d.Stride())
	}
	a := dirtyArena(4096)
	if err := d.Decode(a, dataRow(be64(-2), []byte("abc"), nil)); err != nil {
		t.Fatal(err)
	}
	base := uint64(a.Base())
	le := binary.LittleEndian
	want := le.AppendUint32(nil, 48)
	want = le.AppendUint32(want, 1)
	want = le.AppendUint64(want, math.MaxUint64-1)
	want = le.AppendUint64(want, base+40)
	want = le.AppendUint64(want, 0)
	want = append(want, 0, 0, 1, 0, 0, 0, 0, 0)
	want = append(want, 7<<2, 0, 0, 0, 'a', 'b', 'c', 0)
	if !bytes.Equal(a.Bytes(), want) {
		t.Fatalf("got  %x\nwant %x", a.Bytes(), want)
	}
	// A second row starts where the first says, and its addresses are its own.
	if err := d.Decode(a, dataRow(nil, []byte{}, be32(-7))); err != nil {
		t.Fatal(err)
	}
	fields, next := readRow(t, a, d, 48)
	if !fields[0].null || len(varlena(fields[1].data)) != 0 || int64(fields[2].datum) != -7 || next != a.Used() {
		t.Fatalf("second row: %+v", fields)
	}
	if a.Rows() != 2 || fields[1].datum != base+48+40 {
		t.Fatalf("%d rows, text at %d", a.Rows(), fields[1].datum-base)
	}
	a.Reset()
	if a.Rows() != 0 || a.Used() != 0 || len(a.Bytes()) != 0 {
		t.Fatal("reset arena is not empty")
	}
}

func TestUnalignedArena(t *testing.T) {
	buf := make([]byte, 128)
	for i := range 16 {
		a := NewArena(buf[i:])
		if a.Base()%8 != 0 || a.Size() < 128-i-7 {
			t.Fatalf("offset %d: base %x, size %d", i, a.Base(), a.Size())
		}
	}
	for i := range 9 {
		if a := NewArena(buf[1 : 1+i : 1+i]); a.Size() > 2 {
			t.Fatalf("arena of %d bytes has size %d", i, a.Size())
		}
	}
	d := mustDecoder(t, Options{}, column4(23, -1))
	if err := d.Decode(NewArena(nil), dataRow(be32(1))); err != ErrFull {
		t.Fatal(err)
	}
}

func TestEmptyRows(t *testing.T) {
	d, err := NewDecoder(nil, []RemoteColumn{{TypeOID: 25}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := dirtyArena(64)
	for _, msg := range [][]byte{dataRow(), dataRow(nil), dataRow(nil, []byte("x"))} {
		if err := d.Decode(a, msg); err != nil {
			t.Fatal(err)
		}
	}
	if a.Rows() != 3 || !bytes.Equal(a.Bytes(), bytes.Repeat([]byte{8, 0, 0, 0, 0, 0, 0, 0}, 3)) {
		t.Fatalf("%d rows: %x", a.Rows(), a.Bytes())
	}
	wantState(t, d.Decode(a, nil), "08P01")
}

func TestMessageErrors(t *testing.T) {
	d := mustDecoder(t, Options{}, Column{Name: "first", TypeOID: 23, Typmod: -1}, Column{Name: "second", TypeOID: 25, Typmod: -1})
	good := dataRow(be32(1), []byte("abc"))
	a := dirtyArena(1 << 10)
	for n := range good {
		wantState(t, d.Decode(a, good[:n:n]), "08P01")
	}
	wantState(t, d.Decode(a, append(bytes.Clone(good), 0)), "08P01")
	wantState(t, d.Decode(a, dataRow(be32(1))), "08P01")
	wantState(t, d.Decode(a, dataRow(be32(1), nil, nil)), "08P01")
	for _, l := range []int32{-2, math.MinInt32, math.MaxInt32, 4} {
		wantState(t, d.Decode(a, join(be16(2), be32(-1), be32(l), []byte("abc"))), "08P01")
	}
	err := d.Decode(a, dataRow(be32(1), []byte("a\x00c")))
	var v *ValueError
	if !errors.As(err, &v) || v.Column != 1 || v.Name != "second" || v.SQLState != "22021" {
		t.Fatalf("got %#v", err)
	}
	if !strings.Contains(err.Error(), `column 2 ("second"): text contains a zero byte`) {
		t.Fatal(err)
	}
	if err := d.Decode(a, dataRow(nil)); err.Error() != "result row: DataRow message has 1 fields, expected 2" {
		t.Fatal(err)
	}
	if a.Rows() != 0 || a.Used() != 0 {
		t.Fatal("a refused row was appended")
	}
}

// TestFull decodes one row into arenas of every size: either it fits and is right, or
// nothing is appended; and Need bytes always suffice.
func TestFull(t *testing.T) {
	cols := []Column{
		column4(20, -1), column4(25, -1), column4(1042, 40+4), column4(1009, -1), column4(19, -1), column4(1003, -1),
		column4(1700, 10<<16|2+4), column4(3802, -1),
	}
	d := mustDecoder(t, Options{}, cols...)
	names := join(be32(1), be32(1), be32(19), be32(3), be32(1), be32(0), be32(-1), be32(1), []byte("n"))
	texts := join(be32(1), be32(0), be32(25), be32(2), be32(1), be32(1), []byte("x"), be32(-1))
	msg := dataRow(be64(1), []byte("text"), []byte("ü"), texts, []byte("name"), names,
		join(be16(2), be16(0), be16(0), be16(4), be16(9999), be16(9999)), []byte(`{"a": 1}`))
	whole := dirtyArena(d.Need(msg))
	if err := d.Decode(whole, msg); err != nil {
		t.Fatal(err)
	}
	fitted := false
	for size := 0; size <= d.Need(msg); size++ {
		buf := bytes.Repeat([]byte{0xEE}, size+8)
		a := NewArena(buf)
		a.buf = a.buf[:size:size]
		err := d.Decode(a, msg)
		switch {
		case err == nil:
			fitted = true
			if a.Rows() != 1 || a.Used() != whole.Used() {
				t.Fatalf("size %d: used %d, want %d", size, a.Used(), whole.Used())
			}
		case err != ErrFull:
			t.Fatalf("size %d: %v", size, err)
		case a.Rows() != 0 || a.Used() != 0 || fitted:
			t.Fatalf("size %d: full with %d rows, %d bytes", size, a.Rows(), a.Used())
		}
	}
	if !fitted {
		t.Fatal("did not fit into Need bytes")
	}
	// After rows that fitted, a full arena still has exactly those.
	a := dirtyArena(3 * d.Need(msg))
	for d.Decode(a, msg) == nil {
	}
	before := bytes.Clone(a.Bytes())
	rows := a.Rows()
	if err := d.Decode(a, msg); err != ErrFull || a.Rows() != rows || !bytes.Equal(before, a.Bytes()) {
		t.Fatal("ErrFull touched the rows")
	}
}

func TestNoAllocation(t *testing.T) {
	d := mustDecoder(t, Options{}, column4(20, -1), column4(1700, -1), column4(25, -1), column4(114, -1), column4(1007, -1))
	msg := dataRow(be64(1), join(be16(1), be16(0), be16(0), be16(0), be16(5)), []byte("żółć"), []byte(`[{"a":[]}]`),
		join(be32(1), be32(0), be32(23), be32(1), be32(1), be32(4), be32(9)))
	a := dirtyArena(1 << 12)
	if n := testing.AllocsPerRun(100, func() {
		a.Reset()
		if err := d.Decode(a, msg); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Fatalf("%v allocations per row", n)
	}
}
