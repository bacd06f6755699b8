package handler

import (
	"testing"

	"pgwire_fdw/handler/internal/ir"
)

// BenchmarkPlan is the Go side of planning SELECT * FROM t WHERE id = 5: two
// questions.
func BenchmarkPlan(b *testing.B) {
	where := clauses(`(op = bool (col 1 int4) (const int4 5))`)
	questions := map[string][]byte{
		"relation": ir.Encode(&ir.Relation{Servers: ir.Servers{Local: 15}, Server: []byte("host\x00h\x00dbname\x00d\x00"),
			Table: []byte("table_name\x00t\x00"), Clauses: where}),
		"query": ir.Encode(statement(scan([]int32{1, 2, 3}, map[int32]string{1: "id", 2: "a", 3: "b"},
			`(op = bool (col 1 int4) (const int4 5))`))),
	}
	for name, q := range questions {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Plan(q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
