package handler

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"runtime/debug"
	"strings"
	"testing"

	"pgwire_fdw/handler/internal/ir"
	"pgwire_fdw/handler/internal/ir/irtest"
	"pgwire_fdw/handler/internal/memo"
)

// replyReader reads as extension/plan/plan.c does.
type replyReader struct {
	t *testing.T
	b []byte
}

func (r *replyReader) take(n int) []byte {
	r.t.Helper()
	if len(r.b) < n {
		r.t.Fatalf("reply ends %d bytes early", n-len(r.b))
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *replyReader) u8() byte     { return r.take(1)[0] }
func (r *replyReader) u32() uint32  { return binary.LittleEndian.Uint32(r.take(4)) }
func (r *replyReader) u64() uint64  { return binary.LittleEndian.Uint64(r.take(8)) }
func (r *replyReader) f64() float64 { return math.Float64frombits(r.u64()) }

func (r *replyReader) text() string {
	r.t.Helper()
	text, ok := strings.CutSuffix(string(r.take(int(r.u32()))), "\x00")
	if !ok {
		r.t.Error("text is not terminated")
	}
	return text
}

// verdicts reads a list of verdicts: 1 for what ships, 0 for what does not.
func (r *replyReader) verdicts() []byte {
	r.t.Helper()
	ships := make([]byte, r.u32())
	for i := range ships {
		if ships[i] = r.u8(); ships[i] == 0 {
			r.u32()
			if r.text() == "" {
				r.t.Error("no reason")
			}
		}
	}
	return ships
}

func (r *replyReader) end() {
	r.t.Helper()
	if len(r.b) != 0 {
		r.t.Errorf("%d bytes after the reply", len(r.b))
	}
}

func ask(t *testing.T, q ir.Request) *replyReader {
	t.Helper()
	b, err := Plan(ir.Encode(q))
	if err != nil {
		t.Fatal(err)
	}
	return &replyReader{t, b}
}

func clauses(notations ...string) []ir.Clause {
	var all []ir.Clause
	for _, e := range irtest.ParseAll(notations...) {
		all = append(all, ir.Clause{Expr: e})
	}
	return all
}

func TestPlanRelation(t *testing.T) {
	r := ask(t, &ir.Relation{
		Servers: ir.Servers{Local: 16},
		Server:  []byte("fetch_size\x0050\x00fdw_startup_cost\x001\x00"),
		Table:   []byte("fetch_size\x0060\x00fetch_memory\x001MB\x00table_name\x00T\x00"),
		Clauses: clauses(`(op = bool (col 1 int4) (const int4 5))`,
			`(op = bool (col 1 int4) (func random/v int4))`,
			`(op = bool (col 1 int4) (func now/s int4))`),
	})
	if schema, table := r.text(), r.text(); schema != "" || table != "T" {
		t.Errorf("remote table %q.%q", schema, table)
	}
	if startup, tuple := r.f64(), r.f64(); startup != 1 || tuple != 0.01 {
		t.Errorf("costs %g, %g", startup, tuple)
	}
	if size, memory := r.u32(), r.u64(); size != 60 || memory != 1<<20 {
		t.Errorf("fetch_size %d, fetch_memory %d", size, memory)
	}
	if n := r.u32(); n != 3 {
		t.Fatalf("%d answers", n)
	}
	if r.u8() != 1 || r.u8() != 0 {
		t.Error("wrong clauses ship")
	}
	if id, reason := r.u32(), r.text(); id != 5 || reason != "function random is volatile" {
		t.Errorf("node %d: %q", id, reason)
	}
	if r.u8() != 1 {
		t.Error("the last clause does not ship")
	}
	r.end()
}

// The default of fdw_tuple_cost follows the local server.
func TestPlanTupleCost(t *testing.T) {
	for major, want := range map[int]float64{14: 0.01, 16: 0.01, 17: 0.2, 18: 0.2} {
		r := ask(t, &ir.Relation{Servers: ir.Servers{Local: major}})
		r.take(2 * 5)
		if r.f64(); r.f64() != want {
			t.Errorf("major %d: not %g", major, want)
		}
	}
}

// scan is a query of one table, S.t, whose columns are named by number.
func scan(fetch []int32, columns map[int32]string, where ...string) *ir.Query {
	item := ir.Item{Number: 1, Kind: ir.ItemTable, Schema: "S", Name: "t"}
	for attno := int32(-10); attno < 10; attno++ {
		if name, ok := columns[attno]; ok {
			name, remote, renamed := strings.Cut(name, ">")
			c := ir.Column{Attno: attno, Name: name}
			if renamed {
				c.Options = []byte("column_name\x00" + remote + "\x00")
			}
			item.Columns = append(item.Columns, c)
		}
	}
	q := &ir.Query{Items: []ir.Item{item}, From: ir.FromItem(1)}
	for _, c := range clauses(where...) {
		q.Where = append(q.Where, c.Expr)
	}
	for _, attno := range fetch {
		q.Targets = append(q.Targets, ir.Target{Expr: irtest.Parse(fmt.Sprintf("(col %d int4)", attno))})
	}
	return q
}

func statement(q *ir.Query) ir.Request { return &ir.QueryRequest{Statement: true, Query: q} }

func TestPlanScan(t *testing.T) {
	q := scan([]int32{2, ir.CtidAttno}, map[int32]string{ir.CtidAttno: "ctid", 1: "a>A", 2: "b"}, `(null (col 2 int4))`,
		`(op = bool (col 1 int4) (op + int4 (ext 1 int4) (const int4 1)))`)
	q.Locks = []ir.RowLock{{Item: 1, Strength: ir.LockShare}}
	r := ask(t, statement(q))
	if sql := r.text(); sql != "SELECT b, ctid FROM \"S\".t WHERE ((b IS NULL)) AND ((\"A\" = $1::integer)) FOR SHARE" {
		t.Errorf("got %q", sql)
	}
	if n, id := r.u32(), r.u32(); n != 1 || id != 4 {
		t.Errorf("%d parameters, the first one node %d", n, id)
	}
	if r.u8() != 1 {
		t.Error("rows are not locked")
	}
	r.end()
}

// A constant that is too large for a statement is a parameter.
func TestPlanLargeConstant(t *testing.T) {
	r := ask(t, statement(scan(nil, map[int32]string{1: "a"}, `(op = bool (col 1 bytea) (const bytea large))`)))
	if sql := r.text(); sql != "SELECT NULL FROM \"S\".t WHERE ((a = $1::bytea))" {
		t.Errorf("got %q", sql)
	}
	if n, id := r.u32(), r.u32(); n != 1 || id != 2 {
		t.Errorf("%d parameters, the first one node %d", n, id)
	}
}

// What is to be sent must be fit to be sent; what is asked about gets an answer.
func TestPlanQueryRefused(t *testing.T) {
	q := func() *ir.Query { return scan(nil, nil, `(op > bool (col 2 int4) (func random/v int4))`) }
	if _, err := Plan(ir.Encode(statement(q()))); err == nil || err.SQLState != "XX000" ||
		!strings.Contains(err.Message, "is volatile") {
		t.Errorf("got %v", err)
	}
	r := ask(t, &ir.QueryRequest{Query: q()})
	if n, id, reason := r.u32(), r.u32(), r.text(); n != 1 || id != 2 || !strings.Contains(reason, "is volatile") {
		t.Errorf("%d refusals, the first one of node %d: %s", n, id, reason)
	}
	r.end()
	r = ask(t, &ir.QueryRequest{Query: scan([]int32{1}, nil)})
	if n := r.u32(); n != 0 {
		t.Errorf("%d refusals", n)
	}
	r.end()
}

// A column whose name was not told cannot be written.
func TestPlanColumnWithoutName(t *testing.T) {
	if _, err := Plan(ir.Encode(statement(scan([]int32{1}, nil)))); err == nil || err.SQLState != "XX000" {
		t.Errorf("got %v", err)
	}
}

func TestPlanMalformed(t *testing.T) {
	for _, b := range [][]byte{nil, {1}, {2, 0, 0, 0, 99}, make([]byte, 64)} {
		if _, err := Plan(b); err == nil || err.SQLState != "XX000" {
			t.Errorf("%x: %v", b, err)
		}
	}
	q := &ir.Relation{Server: []byte("no terminator")}
	if _, err := Plan(ir.Encode(q)); err == nil || err.SQLState != "XX000" {
		t.Errorf("options: %v", err)
	}
}

// nest puts an expression into itself.
func nest(form string, depth int) string {
	open, end, _ := strings.Cut(form, "_")
	return strings.Repeat(open, depth) + "(col 1 int4)" + strings.Repeat(end, depth)
}

// The deepest tree of every kind of node needs little stack, all the way from
// the bytes to the text: where the stack ends, the process does. C cuts off what
// is deeper; an encoder that did not would get an error.
func TestDepth(t *testing.T) {
	for _, form := range []string{"(op + int4 _ (const int4 1))", "(op - int4 _)", "(func f int4 _)", "(implicit int4 int4 _)",
		"(coalesce int4 (ext 1 int4) _)", "(greatest btint4cmp int4 _)", "(nullif = int4 _ (ext 1 int4))", "(relabel int4 _)",
		"(case int4 - ((null _) (col 1 int4)))", "(case int4 _ ((op = bool (casetest int4) (const int4 1)) (const int4 1)) -)",
		"(case int4 - ((const bool t) _) (const int4 1))", "(io int4out int4in int4 _)", "(field int4 (row record _))"} {
		per := strings.Count(form[:strings.Index(form, "_")], "(") // levels of the form
		for _, c := range []struct {
			depth int
			state string
		}{{(ir.MaxDepth - ir.ClauseDepth - 2) / per, ""}, {ir.MaxDepth + 10, "54001"}} {
			q := clauses("(op = bool " + nest(form, c.depth) + " (ext 1 int4))")
			for _, r := range []ir.Request{&ir.Classify{Clauses: q},
				statement(&ir.Query{Items: []ir.Item{{Number: 1, Kind: ir.ItemTable, Columns: []ir.Column{{Attno: 1, Name: "a"}}}},
					From: ir.FromItem(1), Where: []ir.Expr{q[0].Expr}})} {
				b := ir.Encode(r)
				usual := debug.SetMaxStack(1 << 20)
				_, err := Plan(b)
				debug.SetMaxStack(usual)
				switch {
				case c.state == "" && err != nil && !strings.HasPrefix(err.Message, "query could be sent"):
					t.Errorf("%s, %d times: %v", form, c.depth, err)
				case c.state != "" && (err == nil || err.SQLState != c.state):
					t.Errorf("%s, %d times: %v, want %s", form, c.depth, err, c.state)
				}
			}
		}
	}
}

// An answer that is remembered is the one that would be made.
func TestPlanRemembers(t *testing.T) {
	backend.answers = memo.Memo{}
	for _, q := range []ir.Request{
		&ir.Relation{Servers: ir.Servers{Local: 15}, Server: []byte("fetch_size\x0050\x00"), Clauses: clauses(`(op = bool (col 1 int4) (ext 1 int4))`)},
		&ir.Relation{Servers: ir.Servers{Local: 15}, Server: []byte("fetch_size\x0051\x00"), Clauses: clauses(`(op = bool (col 1 int4) (ext 1 int4))`)},
		&ir.Classify{Clauses: clauses(`(op = bool (col 1 int4) (func f/v int4))`)},
		&ir.Classify{Clauses: clauses(`(op = bool (col 1 int4) (func f/s int4))`)},
	} {
		b := ir.Encode(q)
		want, err := plan(b)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got, err := Plan(b); err != nil || !bytes.Equal(got, want) {
				t.Errorf("got %x, %v, want %x", got, err, want)
			}
		}
		if backend.answers.Get(b) == nil {
			t.Errorf("%T is not remembered", q)
		}
		clear(b) // the request was C's memory
	}
}
