package wire

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// TestDescribe holds Describe against pgproto3, also for what is cut off or longer.
func TestDescribe(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 1, 2, 7, 100, maxFields, maxFields + 1, 65535} {
		var m pgproto3.RowDescription
		var want []RemoteColumn
		for range n {
			c := RemoteColumn{TypeOID: rng.Uint32(), Typmod: int32(rng.Uint32()), Format: int16(rng.IntN(2))}
			want = append(want, c)
			m.Fields = append(m.Fields, pgproto3.FieldDescription{Name: []byte(strings.Repeat("n", rng.IntN(70))),
				TableOID: rng.Uint32(), TableAttributeNumber: 7, DataTypeOID: c.TypeOID, DataTypeSize: -1, TypeModifier: c.Typmod, Format: c.Format})
		}
		msg, err := m.Encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		body := msg[5:]
		got, err := Describe(body)
		if n > maxFields {
			if err == nil {
				t.Errorf("%d fields are accepted", n)
			}
			continue
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%d fields: %v, %v", n, got, err)
		}
		for cut := range min(len(body), 200) {
			if _, err := Describe(body[:len(body)-1-cut]); err == nil {
				t.Errorf("%d fields: %d bytes less are accepted", n, cut+1)
			}
		}
		if _, err := Describe(append(slices.Clone(body), 0)); err == nil {
			t.Errorf("%d fields: one byte more is accepted", n)
		}
	}
}

func FuzzDescribe(f *testing.F) {
	f.Add([]byte("\x00\x01name\x00......\x00\x00\x00\x17......\x00\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := Describe(body)
		var m pgproto3.RowDescription
		theirs := m.Decode(body)
		if err == nil && (theirs != nil || len(m.Fields) != len(got)) {
			t.Fatalf("%v of %q, %v", got, body, theirs)
		}
		for i := range got {
			if f := m.Fields[i]; got[i] != (RemoteColumn{f.DataTypeOID, f.TypeModifier, f.Format}) {
				t.Fatalf("field %d of %q", i, body)
			}
		}
	})
}
