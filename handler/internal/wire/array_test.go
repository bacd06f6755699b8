package wire

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// arrayValue is an array in the terms of SQL.
type arrayValue struct {
	dims, lower []int32
	elems       [][]byte // on the wire, nil for NULL
}

func (v arrayValue) bytes(oid uint32) []byte {
	flag := int32(0)
	for _, e := range v.elems {
		if e == nil {
			flag = 1
		}
	}
	b := join(be32(int32(len(v.dims))), be32(flag), be32(int32(oid)))
	for i := range v.dims {
		b = append(b, join(be32(v.dims[i]), be32(v.lower[i]))...)
	}
	for _, e := range v.elems {
		if e == nil {
			b = append(b, be32(-1)...)
		} else {
			b = append(b, join(be32(int32(len(e))), e)...)
		}
	}
	return b
}

// readArray takes ArrayType apart as array.h's macros do. Elements are given to next,
// which returns how many bytes one takes without its alignment.
func readArray(t *testing.T, data []byte, oid uint32, align int, next func(i int, elem []byte) int) (ndim int, nulls []bool) {
	t.Helper()
	le := binary.LittleEndian
	size := int(le.Uint32(data) >> 2)
	ndim = int(le.Uint32(data[4:]))
	offset := int(le.Uint32(data[8:]))
	if le.Uint32(data[12:]) != oid {
		t.Fatalf("element type %d, want %d", le.Uint32(data[12:]), oid)
	}
	items := 1
	for i := range ndim {
		items *= int(le.Uint32(data[16+4*i:]))
	}
	at := 16 + 8*ndim
	if ndim == 0 {
		items = 0
	}
	bitmap := []byte{}
	if offset != 0 {
		bitmap = data[at : at+(items+7)/8]
		at += len(bitmap)
	}
	for ; at%8 != 0; at++ {
		if data[at] != 0 {
			t.Fatalf("dirty padding in %x", data)
		}
	}
	if offset != 0 && offset != at {
		t.Fatalf("dataoffset %d, want %d", offset, at)
	}
	for i := range items {
		null := len(bitmap) > 0 && bitmap[i/8]>>(i%8)&1 == 0
		nulls = append(nulls, null)
		if null {
			continue
		}
		at += next(i, data[at:])
		for ; at%align != 0; at++ {
			if data[at] != 0 {
				t.Fatalf("dirty padding in %x", data)
			}
		}
	}
	if len(bitmap) > 0 && items%8 != 0 && bitmap[items/8]>>(items%8) != 0 {
		t.Fatalf("dirty end of bitmap %x", bitmap)
	}
	if at != size {
		t.Fatalf("array ends at %d, its size is %d", at, size)
	}
	return ndim, nulls
}

func randomArray(rng *rand.Rand, elem func() []byte) arrayValue {
	var v arrayValue
	n := 1
	ndim := rng.IntN(4)
	if rng.IntN(10) == 0 {
		ndim = 6
	}
	for range ndim {
		d := int32(1 + rng.IntN(4))
		if ndim == 1 {
			d = int32(rng.IntN(40))
		}
		v.dims = append(v.dims, d)
		v.lower = append(v.lower, int32(rng.IntN(7)-3))
		n *= int(d)
	}
	if ndim == 0 {
		n = 0
	}
	nulls := rng.IntN(3) // never, sometimes, often
	for range n {
		if nulls > 0 && rng.IntN(4-nulls) == 0 {
			v.elems = append(v.elems, nil)
		} else {
			v.elems = append(v.elems, elem())
		}
	}
	return v
}

// TestArrays compares each element with the same value decoded as a scalar, for every
// type, in arrays of random shape.
func TestArrays(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for _, s := range scalars {
		elem := func() []byte { return sample(rng, s) }
		d := mustDecoder(t, Options{}, column4(s.array, -1))
		single, err := NewDecoder([]Column{column4(s.oid, -1)}, []RemoteColumn{{s.oid, -1, 1}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for range 500 {
			v := randomArray(rng, elem)
			f, err := decodeOne(t, d, v.bytes(s.oid))
			if err != nil {
				t.Fatalf("type %d: %v", s.oid, err)
			}
			ndim, nulls := readArray(t, f.data, s.oid, int(s.align), func(i int, got []byte) int {
				want, err := decodeOne(t, single, v.elems[i])
				if err != nil {
					t.Fatal(err)
				}
				size := int(s.size)
				switch {
				case s.size == 0:
					size = 64
				case s.size < 0:
					size = int(binary.LittleEndian.Uint32(want.data) >> 2)
				}
				if w := stored(want, s.oid, size); !bytes.Equal(got[:size], w) {
					t.Fatalf("type %d element %d: got %x, want %x", s.oid, i, got[:size], w)
				}
				return size
			})
			if len(v.elems) == 0 {
				if ndim != 0 || len(nulls) != 0 {
					t.Fatalf("empty array has %d dimensions", ndim)
				}
				continue
			}
			if ndim != len(v.dims) || len(nulls) != len(v.elems) {
				t.Fatalf("type %d: %d dimensions, %d items", s.oid, ndim, len(nulls))
			}
			for i, e := range v.elems {
				if nulls[i] != (e == nil) {
					t.Fatalf("type %d element %d: null %v", s.oid, i, nulls[i])
				}
			}
			for i := range v.dims {
				dim := int32(binary.LittleEndian.Uint32(f.data[16+4*i:]))
				lower := int32(binary.LittleEndian.Uint32(f.data[16+4*(ndim+i):]))
				if dim != v.dims[i] || lower != v.lower[i] {
					t.Fatalf("dimension %d is [%d:+%d], want [%d:+%d]", i, lower, dim, v.lower[i], v.dims[i])
				}
			}
		}
	}
}

// sample makes a valid wire value of a type.
func sample(rng *rand.Rand, s scalar) []byte {
	letters := func(n int) []byte {
		b := []byte{}
		for range rng.IntN(n) {
			b = append(b, "abcü語"[rng.IntN(3)])
		}
		return b
	}
	raw := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	switch s.kind {
	case kindBool:
		return []byte{byte(rng.IntN(2))}
	case kindDate:
		return be32(int32(rng.IntN(100000) - 50000))
	case kindTime:
		return be64(rng.Int64N(usecsPerDay + 1))
	case kindTimestamp:
		return be64(rng.Int64N(1e18) - 1e17)
	case kindTimeTZ:
		return join(be64(rng.Int64N(usecsPerDay+1)), be32(int32(rng.IntN(2*57600-1)-57599)))
	case kindText, kindName:
		return letters(20)
	case kindJSON:
		return append(append([]byte{'"'}, letters(20)...), '"')
	case kindBytea:
		return raw(rng.IntN(20))
	case kindNumeric:
		return randomNumeric(rng).bytes()
	case kindInet, kindCidr:
		if rng.IntN(2) == 0 {
			return append([]byte{2, 32, 0, 4}, raw(4)...)
		}
		return append([]byte{3, 128, 0, 16}, raw(16)...)
	case kindBit, kindVarbit:
		n := rng.IntN(70)
		return append(be32(int32(n)), raw((n+7)/8)...)
	case kindMacaddr8:
		return raw(6 + 2*rng.IntN(2))
	}
	return raw(int(s.size))
}

// TestArrayOfOtherCharacters: text[] stored from a remote varchar[] is a text[].
func TestArrayOfOtherCharacters(t *testing.T) {
	d, err := NewDecoder([]Column{column4(1009, -1)}, []RemoteColumn{{1015, 24, 1}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	v := arrayValue{[]int32{1}, []int32{1}, [][]byte{[]byte("abc")}}
	f, err := decodeOne(t, d, v.bytes(1043))
	if err != nil {
		t.Fatal(err)
	}
	readArray(t, f.data, 25, 4, func(_ int, e []byte) int {
		if string(varlena(e)) != "abc" {
			t.Fatalf("got %x", e)
		}
		return 7
	})
	_, err = decodeOne(t, d, v.bytes(25))
	wantState(t, err, "42804")
}

func TestArrayErrors(t *testing.T) {
	ints := mustDecoder(t, Options{}, column4(1007, -1))
	texts := mustDecoder(t, Options{}, column4(1009, -1))
	header := func(ndim, flags, oid int32, more ...int32) []byte {
		b := join(be32(ndim), be32(flags), be32(oid))
		for _, v := range more {
			b = append(b, be32(v)...)
		}
		return b
	}
	for _, c := range []struct {
		name string
		d    *Decoder
		val  []byte
		want string
	}{
		{"empty message", ints, []byte{}, "22P03"},
		{"header cut", ints, header(0, 0, 23)[:11], "22P03"},
		{"negative ndim", ints, header(-1, 0, 23), "22P03"},
		{"7 dimensions", ints, header(7, 0, 23), "54000"},
		{"flags", ints, header(0, 2, 23), "22P03"},
		{"element type", ints, header(0, 0, 20), "42804"},
		{"dimensions cut", ints, header(2, 0, 23, 1, 1, 1), "22P03"},
		{"negative dimension", ints, header(1, 0, 23, -1, 1), "54000"},
		{"product overflows", ints, header(2, 0, 23, 65536, 1, 65536, 1), "54000"},
		{"product overflows before a zero", ints, header(3, 0, 23, 65536, 1, 65536, 1, 0, 1), "54000"},
		{"too many items", ints, header(1, 0, 23, maxArrayItems+1, 1), "54000"},
		{"many items, no data", ints, header(1, 0, 23, maxArrayItems, 1), "22P03"},
		{"bound overflows", ints, header(1, 0, 23, 1, math.MaxInt32, -1), "54000"},
		{"bound overflows in an empty array", ints, header(1, 0, 23, 0, math.MaxInt32), ""},
		{"largest bound", ints, header(1, 0, 23, 1, math.MaxInt32-1, -1), ""},
		{"data behind an empty array", ints, header(0, 0, 23, 4), "22P03"},
		{"data behind the last element", ints, header(1, 0, 23, 1, 1, 4, 1, 4), "22P03"},
		{"element missing", ints, header(1, 0, 23, 2, 1, 4, 1), "22P03"},
		{"element cut", ints, header(1, 0, 23, 1, 1, 4), "22P03"},
		{"element length", ints, header(1, 0, 23, 2, 1, -2, -1), "22P03"},
		{"element of 8 bytes", ints, header(1, 0, 23, 1, 1, 8, 1, 1), "22P03"},
		{"flag says NULL, none there", ints, header(1, 1, 23, 1, 1, 4, 1), ""},
		{"flag says no NULL, one there", ints, header(1, 0, 23, 1, 1, -1), ""},
		{"text element", texts, append(header(1, 0, 25, 1, 1, 2), "\xff\xff"...), "22021"},
	} {
		_, err := decodeOne(t, c.d, c.val)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s: accepted", c.name)
			continue
		}
		wantState(t, err, c.want)
	}
	_, err := decodeOne(t, texts, append(header(1, 0, 25, 2, 1, -1, 1), 0))
	if err == nil || err.Error() != `result column 1 (""): array element 2: text contains a zero byte` {
		t.Error(err)
	}
}

// TestNamesAreMeasured: an array of empty names is 17 times its message in
// memory. More than a value may be is refused before anybody makes room for it,
// and room is made for what is there, not for the worst there could be.
func TestNamesAreMeasured(t *testing.T) {
	d := mustDecoder(t, Options{}, column4(1003, -1), column4(25, -1))
	names := func(n int) []byte {
		return append(join(be32(1), be32(0), be32(19), be32(int32(n)), be32(1)), make([]byte, 4*n)...)
	}
	tooMany := dataRow(names(maxVarlena/64+1), nil)
	if need := d.Need(tooMany); need > len(tooMany)+1000 {
		t.Errorf("%d bytes are wanted for what is refused", need)
	}
	wantState(t, d.Decode(dirtyArena(d.Need(tooMany)), tooMany), "54000")

	few := dataRow(names(100), make([]byte, 1<<20))
	if need, most := d.Need(few), len(few)+100*64+1000; need > most {
		t.Errorf("%d bytes are wanted for a row of at most %d", need, most)
	}
	wide := dataRow(names(100), []byte(strings.Repeat("x", 1<<20)))
	a := dirtyArena(d.Need(wide))
	if err := d.Decode(a, wide); err != nil {
		t.Fatal(err)
	}
	// one element less than too many
	if need := d.Need(dataRow(names(maxVarlena/64), nil)); need < maxVarlena-100 {
		t.Errorf("%d bytes are wanted for nearly 1 GB", need)
	}
}
