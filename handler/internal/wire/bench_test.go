package wire

import (
	"encoding/binary"
	"testing"
)

// dataRow makes the body of a DataRow message; a nil field is NULL.
func dataRow(fields ...[]byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(fields)))
	for _, f := range fields {
		if f == nil {
			b = binary.BigEndian.AppendUint32(b, 0xffffffff)
			continue
		}
		b = binary.BigEndian.AppendUint32(b, uint32(len(f)))
		b = append(b, f...)
	}
	return b
}

func be16(v int16) []byte { return binary.BigEndian.AppendUint16(nil, uint16(v)) }
func be32(v int32) []byte { return binary.BigEndian.AppendUint32(nil, uint32(v)) }
func be64(v int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(v)) }

func join(parts ...[]byte) []byte {
	b := []byte{}
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func benchDecode(b *testing.B, cols []Column, msg []byte) {
	b.Helper()
	remote := make([]RemoteColumn, len(cols))
	for i, c := range cols {
		remote[i] = RemoteColumn{c.TypeOID, c.Typmod, c.WantFormat(UTF8)}
	}
	d, err := NewDecoder(cols, remote, Options{})
	if err != nil {
		b.Fatal(err)
	}
	a := NewArena(make([]byte, 256<<10))
	b.ReportAllocs()
	b.SetBytes(int64(len(msg)))
	for b.Loop() {
		if err := d.Decode(a, msg); err != nil {
			if err != ErrFull {
				b.Fatal(err)
			}
			a.Reset()
		}
	}
}

func column4(oid uint32, typmod int32) Column { return Column{TypeOID: oid, Typmod: typmod} }

func BenchmarkDecodeNarrow(b *testing.B) {
	benchDecode(b, []Column{column4(20, -1), column4(23, -1), column4(701, -1)},
		dataRow(be64(1<<40), be32(-5), be64(0x3ff8000000000000)))
}

func BenchmarkDecodeMixed(b *testing.B) {
	benchDecode(b, []Column{
		column4(20, -1), column4(23, -1), column4(701, -1), column4(1700, 10<<16|2+4), column4(1082, -1),
		column4(1184, -1), column4(25, -1), column4(1043, 10+4), column4(16, -1),
	}, dataRow(be64(1<<40), be32(-5), be64(0x3ff8000000000000),
		join(be16(3), be16(1), be16(0), be16(2), be16(12), be16(3456), be16(7800)), be32(8000), be64(7e14),
		[]byte("twenty bytes of text"), []byte("ten bytes!"), []byte{1}))
}

func BenchmarkDecodeText100(b *testing.B) {
	text := make([]byte, 100)
	for i := range text {
		text[i] = 'a' + byte(i%26)
	}
	benchDecode(b, []Column{column4(25, -1)}, dataRow(text))
}

func BenchmarkDecodeUTF8Text100(b *testing.B) {
	text := []byte{}
	for len(text) < 100 {
		text = append(text, "слово "...)
	}
	benchDecode(b, []Column{column4(25, -1)}, dataRow(text))
}

func BenchmarkDecodeJSON(b *testing.B) {
	benchDecode(b, []Column{column4(114, -1)},
		dataRow([]byte(`{"id": 12345, "name": "somebody with a name", "tags": ["a", "b", "c"], "x": {"y": -1.5e10, "z": null}}`)))
}

func BenchmarkDecodeIntArray(b *testing.B) {
	v := join(be32(1), be32(0), be32(23), be32(20), be32(1))
	for i := range int32(20) {
		v = append(v, join(be32(4), be32(i))...)
	}
	benchDecode(b, []Column{column4(1007, -1)}, dataRow(v))
}
