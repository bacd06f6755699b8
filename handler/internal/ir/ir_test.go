package ir_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgwire_fdw/handler/internal/ir"
	"pgwire_fdw/handler/internal/ir/irtest"
)

// notations has every kind of expression once.
var notations = []string{
	`(op = bool (col 1 int4) (const int4 5))`,
	`(op = bool (col 2 text C) (const text "it's"))`,
	`(op = bool (col 2 text) (const text null))`,
	`(op = bool (col 3 oid) (const regclass local))`,
	`(op ~ bool (op - int4 (col 1 int4)))`,
	`(op > bool (col 1 timestamptz) (func now/s timestamptz))`,
	`(op = bool (outer 3 int4) (ext 1 int4))`,
	`(op = bool (exec 7 varchar(10)) (col 2 varchar(10) de))`,
	`(distinct = bool (col 1 int4) (const int4 1))`,
	`(op = bool (nullif = int4 (col 1 int4) (const int4 1)) (const int4 1))`,
	`(variadic public.f/xv bool (col 1 int4) (array int4[] (const int4 1)))`,
	`(cast float8 float8 (implicit numeric numeric (col 1 int4)))`,
	`(sqlsyntax extract numeric (const text year) (col 1 date))`,
	`(any = (col 1 int4) (const int4[] "{1,2}"))`,
	`(all public.=/u (col 1 mood) (array text[]))`,
	`(and (null (col 1 int4)) (or (notnull (col 2 text)) (not (col 3 bool))))`,
	`(istrue (isnotunknown (col 3 bool)))`,
	`(op = bool (relabel text (as varchar (col 2 varchar))) (coalesce text (col 2 text) (const text x)))`,
	`(io int4out textin text (col 1 int4))`,
	`(op < bool (greatest btint4cmp int4 (col 1 int4) (const int4 1)) (least btint4cmp int4 (col 1 int4)))`,
	`(case bool (col 1 int4) ((op = bool (casetest int4) (const int4 1)) (const bool t)) (const bool f))`,
	`(case bool - ((col 3 bool) (const bool t)))`,
	`(op = bool (at (col 4 int4[]) (const int4 1) (const int4 2)) (const int4 1))`,
	`(op = bool (slice (col 4 int4[]) - (const int4 2)) (slice (col 4 int4[]) (const int4 1) -))`,
	`(arraycoerce text[] (col 4 int4[]) (io int4out textin text (casetest int4)))`,
	`(op = bool (row record (col 1 int4)) (row record (const int4 1)))`,
	`(op = bool (collate C (col 2 text)) (const text x))`,
	`(op = bool (col 1 date) (sqlvalue date))`,
	`(field int4 (domain dom (col 1 int4)))`,
	`(unknown bool foreign volatile alone)`,
}

// asked are the expressions as clauses.
func asked(exprs []ir.Expr) []ir.Clause {
	all := make([]ir.Clause, len(exprs))
	for i, e := range exprs {
		all[i].Expr = e
	}
	return all
}

func request() *ir.Classify { return &ir.Classify{Clauses: asked(irtest.ParseAll(notations...))} }

func relationRequest() *ir.Relation {
	return &ir.Relation{Servers: ir.Servers{Local: 17}, Server: []byte("a\x00b\x00"), Table: []byte("c\x00\x00"),
		Clauses: asked(irtest.ParseAll(notations[:3]...))}
}

func modifyRequest() *ir.Modify {
	return &ir.Modify{Operation: ir.Update, Server: []byte("a\x00b\x00"), Table: []byte("c\x00\x00"), Schema: "s", Name: "t",
		Columns: []ir.ModifyColumn{
			{Attno: 1, Name: "a", Options: []byte("column_name\x00A\x00"), Target: true, Key: true},
			{Attno: 2, Name: "b", Options: []byte{}, Target: true, Generated: true, Returned: true},
			{Attno: ir.CtidAttno, Name: "ctid", Options: []byte{}, Returned: true},
		}}
}

func TestModifyRoundTrip(t *testing.T) {
	sent := modifyRequest()
	got, err := ir.Decode(ir.Encode(sent))
	if err != nil || !reflect.DeepEqual(got, ir.Request(sent)) {
		t.Errorf("got %#v, %v", got, err)
	}
	none := ir.Encode(&ir.Modify{})
	if _, err := ir.Decode(none); !errors.Is(err, ir.ErrMalformed) {
		t.Errorf("no operation: %v", err)
	}
}

// renumber gives a tree what Decode gives it, for comparison.
func renumber(e ir.Expr, next *uint32) {
	e.Base().ID, e.Base().Equal = *next, 0
	*next++
	for _, c := range e.Children() {
		renumber(c, next)
	}
}

func TestRoundTrip(t *testing.T) {
	sent := request()
	got, err := ir.Decode(ir.Encode(sent))
	if err != nil {
		t.Fatal(err)
	}
	q := got.(*ir.Classify)
	var ids uint32
	for i := range sent.Clauses {
		var scratch uint32
		first := q.Clauses[i].Expr.Base().ID
		if first != ids {
			t.Fatalf("clause %d begins with node %d, want %d", i, first, ids)
		}
		renumber(sent.Clauses[i].Expr, &ids)
		scratch = first
		renumber(q.Clauses[i].Expr, &scratch)
		if !reflect.DeepEqual(sent.Clauses[i], q.Clauses[i]) {
			t.Errorf("%s: decoded as %#v", notations[i], q.Clauses[i])
		}
	}
	rel := relationRequest()
	got, err = ir.Decode(ir.Encode(rel))
	if r, ok := got.(*ir.Relation); err != nil || !ok || r.Servers.Local != 17 || string(r.Server) != string(rel.Server) ||
		string(r.Table) != string(rel.Table) || len(r.Clauses) != 3 {
		t.Errorf("relation: got %#v, %v", got, err)
	}
}

// What the request says of equal nodes arrives at each of them.
func TestEqualNodes(t *testing.T) {
	sent := irtest.ParseAll(`(op + int4 (ext 1 int4) (unknown int4))`, `(op + int4 (ext 2 int4) (unknown int4))`,
		`(op + int4 (ext 1 int4) (unknown int4))`)
	q, err := ir.Decode(ir.Encode(&ir.Classify{Clauses: asked(sent)}))
	if err != nil {
		t.Fatal(err)
	}
	var got []uint32
	for _, c := range q.(*ir.Classify).Clauses {
		for _, e := range append([]ir.Expr{c.Expr}, c.Expr.Children()...) {
			got = append(got, e.Base().Equal)
		}
	}
	if want := []uint32{0, 1, 2, 3, 4, 2, 0, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A node that is said to be equal to a later one, to one that is none, or to
// two, is malformed.
func TestEqualNodesMalformed(t *testing.T) {
	whole := ir.Encode(&ir.Classify{Clauses: asked([]ir.Expr{irtest.Parse(`(op = bool (col 1 int4) (ext 1 int4))`)})})
	for _, pairs := range [][]uint32{{1, 1}, {1, 2}, {3, 0}, {2, 1, 2, 0}, {1, 0, 2, 1}} {
		b := binary.LittleEndian.AppendUint32(whole[:len(whole)-4:len(whole)-4], uint32(len(pairs)/2))
		for _, n := range pairs {
			b = binary.LittleEndian.AppendUint32(b, n)
		}
		if _, err := ir.Decode(b); !errors.Is(err, ir.ErrMalformed) {
			t.Errorf("%v: %v", pairs, err)
		}
	}
}

// Every prefix of a request is malformed, and says so.
func TestTruncated(t *testing.T) {
	for _, whole := range [][]byte{ir.Encode(request()), ir.Encode(relationRequest()), ir.Encode(modifyRequest())} {
		for n := range whole {
			if _, err := ir.Decode(whole[:n]); !errors.Is(err, ir.ErrMalformed) {
				t.Fatalf("%d of %d bytes: %v", n, len(whole), err)
			}
		}
		if _, err := ir.Decode(append(bytes.Clone(whole), 0)); !errors.Is(err, ir.ErrMalformed) {
			t.Errorf("one byte more: %v", err)
		}
	}
}

func TestDepthIsLimited(t *testing.T) {
	nested := func(depth int) []byte {
		e := irtest.Parse(`(col 3 bool)`)
		for range depth {
			e = &ir.Bool{Node: *e.Base(), Op: ir.Not, Args: []ir.Expr{e}}
		}
		return ir.Encode(&ir.Classify{Clauses: asked([]ir.Expr{e})})
	}
	if _, err := ir.Decode(nested(ir.MaxDepth - ir.ClauseDepth)); err != nil {
		t.Errorf("depth %d: %v", ir.MaxDepth, err)
	}
	if _, err := ir.Decode(nested(ir.MaxDepth - ir.ClauseDepth + 1)); !errors.Is(err, ir.ErrTooDeep) {
		t.Errorf("depth %d: %v", ir.MaxDepth+1, err)
	}
}

// The constants of this package and those of extension/plan/ir.h are the same.
func TestConstantsAreThoseOfC(t *testing.T) {
	header, err := os.ReadFile("../../../extension/plan/ir.h")
	if err != nil {
		t.Fatal(err)
	}
	define := regexp.MustCompile(`(?m)^#define PGWIRE_([A-Z_]+)[ \t]+(0x[0-9A-Fa-f]+|\d+)`)
	seen := map[string]bool{}
	for _, m := range define.FindAllStringSubmatch(string(header), -1) {
		value, err := strconv.ParseUint(m[2], 0, 32)
		if err != nil {
			t.Fatal(err)
		}
		want, ok := ir.Constants[m[1]]
		if !ok {
			t.Errorf("%s is unknown here", m[1])
		} else if want != uint32(value) {
			t.Errorf("%s is %d there and %d here", m[1], value, want)
		}
		seen[m[1]] = true
	}
	for name := range ir.Constants {
		if !seen[name] {
			t.Errorf("%s is not in ir.h", name)
		}
	}
	if len(seen) < 40 {
		t.Errorf("only %d constants found: %v", len(seen), strings.Join(keys(seen), " "))
	}
}

func keys(m map[string]bool) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	return all
}

// FuzzDecode: any bytes give a well-formed request or ErrMalformed; what is
// decoded can be encoded and decoded again to the same bytes.
func FuzzDecode(f *testing.F) {
	f.Add(ir.Encode(request()))
	f.Add(ir.Encode(relationRequest()))
	f.Add(ir.Encode(modifyRequest()))
	f.Add(ir.Encode(&ir.QueryRequest{Query: everything()}))
	for _, n := range notations {
		f.Add(ir.Encode(&ir.Classify{Clauses: asked([]ir.Expr{irtest.Parse(n)})}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		req, err := ir.Decode(b)
		if err != nil {
			if !errors.Is(err, ir.ErrMalformed) && !errors.Is(err, ir.ErrTooDeep) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		once := ir.Encode(req)
		again, err := ir.Decode(once)
		if err != nil {
			t.Fatalf("own encoding refused: %v", err)
		}
		if twice := ir.Encode(again); !bytes.Equal(once, twice) {
			t.Fatalf("encodings differ:\n%x\n%x", once, twice)
		}
	})
}
