package wire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

// stored returns the first size bytes of a value as a heap tuple has them.
func stored(f field, oid uint32, size int) []byte {
	for _, s := range scalars {
		if s.oid == oid && s.kind <= lastByValue {
			return binary.LittleEndian.AppendUint64(nil, f.datum)[:s.size]
		}
	}
	return f.data[:size]
}

// TestReceiveGolden compares with what a server made of the same bytes.
func TestReceiveGolden(t *testing.T) {
	file, err := os.Open("testdata/receive.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	good, bad := 0, 0
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.Split(line, "|")
		var oid uint32
		var typmod int32
		var wire string
		if _, err := fmt.Sscan(parts[1], &oid, &typmod, &wire); err != nil {
			_, err = fmt.Sscan(parts[1], &oid, &typmod) // an empty value
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
		}
		val, _ := hex.DecodeString(wire)
		d, err := NewDecoder([]Column{{TypeOID: oid, Typmod: typmod}}, []RemoteColumn{{oid, typmod, 1}}, Options{})
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		f, err := decodeOne(t, d, val)
		if strings.HasPrefix(parts[2], " !") {
			bad++
			var v *ValueError
			if !errors.As(err, &v) {
				t.Errorf("%s: accepted (%v)", line, err)
			}
			continue
		}
		good++
		want, _ := hex.DecodeString(strings.TrimPrefix(parts[2], " = "))
		if err != nil {
			t.Errorf("%s: %v", line, err)
		} else if got := stored(f, oid, len(want)); !bytes.Equal(got, want) {
			t.Errorf("%s: got %x", line, got)
		}
	}
	if lines.Err() != nil || good < 1000 || bad < 300 {
		t.Fatalf("%d good, %d bad values, %v", good, bad, lines.Err())
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestByValue checks Datums by hand: sign extension, zero extension, bits as they are.
func TestByValue(t *testing.T) {
	char := uint64(0xff)
	if charIsSigned {
		char = math.MaxUint64
	}
	for _, c := range []struct {
		name  string
		oid   uint32
		wire  string
		datum uint64
	}{
		{"bool", 16, "01", 1},
		{"char", 18, "ff", char},
		{"int2", 21, "fffe", math.MaxUint64 - 1},
		{"int4", 23, "80000000", 0xffffffff80000000},
		{"int8", 20, "8000000000000001", 0x8000000000000001},
		{"oid", 26, "ffffffff", 0xffffffff},
		{"xid", 28, "ffffffff", 0xffffffff},
		{"cid", 29, "80000000", 0x80000000},
		{"xid8", 5069, "ffffffffffffffff", math.MaxUint64},
		{"float4 -0", 700, "80000000", 0xffffffff80000000},
		{"float8 NaN", 701, "7ff8000000000001", 0x7ff8000000000001},
		{"date -infinity", 1082, "80000000", 0xffffffff80000000},
		{"date infinity", 1082, "7fffffff", 0x7fffffff},
		{"time 24:00", 1083, "000000141dd76000", 86400000000},
		{"timestamp infinity", 1114, "7fffffffffffffff", math.MaxInt64},
	} {
		d := mustDecoder(t, Options{}, column4(c.oid, -1))
		f, err := decodeOne(t, d, unhex(t, c.wire))
		if err != nil || f.datum != c.datum {
			t.Errorf("%s: got %x, want %x (%v)", c.name, f.datum, c.datum, err)
		}
	}
}

// TestRanges walks along the limits of what each type accepts.
func TestRanges(t *testing.T) {
	for _, c := range []struct {
		name  string
		oid   uint32
		val   []byte
		state string // empty when accepted
	}{
		{"bool 2", 16, []byte{2}, "22P03"},
		{"bool of two bytes", 16, []byte{0, 0}, "22P03"},
		{"empty int4", 23, []byte{}, "22P03"},
		{"int8 in int4", 23, be64(1), "22P03"},
		{"int4 in int8", 20, be32(1), "22P03"},
		{"first date", 1082, be32(minDate), ""},
		{"before the first date", 1082, be32(minDate - 1), "22008"},
		{"last date", 1082, be32(endDate - 1), ""},
		{"after the last date", 1082, be32(endDate), "22008"},
		{"time before 0", 1083, be64(-1), "22008"},
		{"time after 24:00", 1083, be64(usecsPerDay + 1), "22008"},
		{"first timestamp", 1114, be64(minTimestamp), ""},
		{"before the first timestamp", 1114, be64(minTimestamp - 1), "22008"},
		{"last timestamptz", 1184, be64(endTimestamp - 1), ""},
		{"after the last timestamptz", 1184, be64(endTimestamp), "22008"},
		{"largest zone", 1266, join(be64(0), be32(57599)), ""},
		{"zone too large", 1266, join(be64(0), be32(57600)), "22009"},
		{"zone too small", 1266, join(be64(0), be32(-57600)), "22009"},
		{"timetz out of range", 1266, join(be64(-1), be32(0)), "22008"},
		{"uuid of 15 bytes", 2950, make([]byte, 15), "22P03"},
		{"uuid of 17 bytes", 2950, make([]byte, 17), "22P03"},
		{"tid of 8 bytes", 27, make([]byte, 8), "22P03"},
		{"macaddr of 8 bytes", 829, make([]byte, 8), "22P03"},
		{"macaddr8 of 7 bytes", 774, make([]byte, 7), "22P03"},
		{"interval of 12 bytes", 1186, make([]byte, 12), "22P03"},
		{"name of 63 bytes", 19, bytes.Repeat([]byte("n"), 63), ""},
		{"name of 64 bytes", 19, bytes.Repeat([]byte("n"), 64), "42622"},
		{"name with zero", 19, []byte("a\x00"), "22021"},
		{"inet family", 869, []byte{4, 32, 0, 4, 1, 2, 3, 4}, "22P03"},
		{"inet bits", 869, []byte{2, 33, 0, 4, 1, 2, 3, 4}, "22P03"},
		{"inet size", 869, []byte{2, 32, 0, 16, 1, 2, 3, 4}, "22P03"},
		{"inet cut", 869, []byte{2, 32, 0, 4, 1, 2, 3}, "22P03"},
		{"inet in cidr", 650, []byte{2, 31, 1, 4, 1, 2, 3, 5}, "22P03"},
		{"cidr", 650, []byte{2, 31, 1, 4, 1, 2, 3, 4}, ""},
		{"bits cut", 1562, join(be32(9), []byte{1}), "22P03"},
		{"bits of negative length", 1562, be32(-1), "22P03"},
		{"bits trailing", 1562, join(be32(8), []byte{1, 2}), "22P03"},
		{"json", 114, []byte("{}"), ""},
		{"json cut", 114, []byte("{"), "22P02"},
		{"json not UTF-8", 114, []byte("\"\xff\""), "22021"},
	} {
		d, err := NewDecoder([]Column{column4(c.oid, -1)}, []RemoteColumn{{c.oid, -1, 1}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = decodeOne(t, d, c.val)
		if c.state != "" {
			if err == nil {
				t.Errorf("%s: accepted", c.name)
				continue
			}
			wantState(t, err, c.state)
		} else if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestByReference checks in-memory valueFormats by hand.
func TestByReference(t *testing.T) {
	for _, c := range []struct {
		name       string
		oid        uint32
		wire, want string
	}{
		{"empty bytea", 17, "", "10000000"},
		{"bytea", 17, "00ff", "18000000 00ff"},
		{"timetz", 1266, "0000000000000001 ffffffff", "0100000000000000 ffffffff"},
		{"interval", 1186, "0000000000000001 00000002 00000003", "0100000000000000 02000000 03000000"},
		{"tid (0x00010002,3)", 27, "00010002 0003", "0100 0200 0300"},
		{"inet 1.2.3.4/24", 869, "02 18 00 04 01020304", "28000000 02 18 01020304"},
		{"macaddr8 of 6 bytes", 774, "010203040506", "010203fffe040506"},
		{"varbit B'111' with dirty padding", 1562, "00000003 ff", "24000000 03000000 e0"},
		{"numeric 0", 1700, "0000 0000 0000 0000", "18000000 0080"},
		{"numeric -12345.6", 1700, "0003 0001 4000 0001 0001 0929 1770", "30000000 81a0 0100 2909 7017"},
		{"numeric NaN", 1700, "0000 0000 c000 0000", "18000000 00c0"},
		{"numeric -Infinity", 1700, "0000 0000 f000 0020", "18000000 00f0"},
		{"numeric with zero digits at both ends", 1700, "0004 0001 0000 0004 0000 0007 0000 0000", "20000000 0082 0700"},
		{"int4[]", 1007, "00000001 00000000 00000017 00000002 00000001 00000004 00000001 00000004 ffffffff",
			"80000000 01000000 00000000 17000000 02000000 01000000 01000000 ffffffff"},
	} {
		d := mustDecoder(t, Options{}, column4(c.oid, -1))
		want := unhex(t, c.want)
		f, err := decodeOne(t, d, unhex(t, c.wire))
		if err != nil || !bytes.Equal(f.data[:len(want)], want) {
			t.Errorf("%s: got %x, want %x (%v)", c.name, f.data, want, err)
			continue
		}
		for _, b := range f.data[len(want):] {
			if b != 0 {
				t.Errorf("%s: padding of %x is not zero", c.name, f.data)
			}
		}
	}
}

func TestNameLength(t *testing.T) {
	for _, size := range []int{32, 64, 128} {
		d := mustDecoder(t, Options{NameDataLen: size}, column4(19, -1), column4(1003, -1))
		elem := bytes.Repeat([]byte("e"), size-1)
		msg := dataRow([]byte("abc"), join(be32(1), be32(0), be32(19), be32(1), be32(1), be32(int32(len(elem))), elem))
		a := dirtyArena(d.Need(msg))
		if err := d.Decode(a, msg); err != nil {
			t.Fatal(err)
		}
		fields, _ := readRow(t, a, d, 0)
		if want := append([]byte("abc"), make([]byte, size-3)...); !bytes.Equal(fields[0].data[:size], want) {
			t.Fatalf("name of %d bytes: %x", size, fields[0].data[:size])
		}
		if got := varlena(fields[1].data); len(got) != 20+size || string(got[20:20+size-1]) != string(elem) || got[20+size-1] != 0 {
			t.Fatalf("name[] of %d bytes: %x", size, got)
		}
		a.Reset()
		wantState(t, d.Decode(a, dataRow(bytes.Repeat([]byte("n"), size), nil)), "42622")
	}
}

// TestTooLarge gives the writers no room at all: lengths are checked before anything is
// read or written, so that the pages of the large value are never touched either.
func TestTooLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("needs 1 GB of address space")
	}
	big := make([]byte, maxVarlena-varHeader+1) // untouched zero pages
	for _, oid := range []uint32{17, 25, 1082 /* as text */} {
		format := formatText
		if oid == 17 {
			format = formatBinary
		}
		d, err := NewDecoder([]Column{column4(oid, -1)}, []RemoteColumn{{oid, -1, format}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, f := d.byReference(nil, big, &d.cols[0], 0)
		if f != faultTooLarge {
			t.Errorf("type %d: %v", oid, f)
		}
	}
}
