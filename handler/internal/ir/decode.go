package ir

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"
)

// ErrMalformed is wrapped by every error of Decode but ErrTooDeep.
var ErrMalformed = errors.New("malformed planner request")

// ErrTooDeep says that a tree is nested deeper than MaxDepth. All that walks a
// tree is recursive, and relies on this bound of its stack.
var ErrTooDeep = fmt.Errorf("expression is nested deeper than %d levels", MaxDepth)

// Decode reads a request. All strings and blocks alias b: they are good for as
// long as b is not changed. Whatever b holds, Decode answers a request in which every
// pointer that the documentation does not call optional is set, or an error
// that wraps ErrMalformed or ErrTooDeep.
func Decode(b []byte) (Request, error) {
	d := decoder{data: b}
	req := d.request()
	if d.err == nil && d.pos != len(d.data) {
		d.fail("%d bytes after the end", len(d.data)-d.pos)
	}
	if d.err != nil {
		return nil, d.err
	}
	return req, nil
}

// decoder reads on after an error, getting zeroes, so that only the end has to
// look at err. Counts are checked against what is left, so no input makes it
// allocate more than a small multiple of its length.
type decoder struct {
	data       []byte
	pos        int
	err        error
	nodes      uint32
	servers    Servers
	types      []Type
	functions  []Function
	operators  []Operator
	collations []Collation
	columns    map[uint32][]Column // of tables, by number of the item
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s at byte %d", ErrMalformed, fmt.Sprintf(format, args...), d.pos)
	}
	d.pos = len(d.data)
}

// has says that n more bytes are there; it fails when not. After an error pos is
// at the end, so there are none.
func (d *decoder) has(n int) bool {
	if n < 0 || len(d.data)-d.pos < n {
		d.fail("%d bytes wanted, %d left", n, len(d.data)-d.pos)
		return false
	}
	return true
}

func (d *decoder) take(n int) []byte {
	if !d.has(n) {
		return nil
	}
	b := d.data[d.pos : d.pos+n : d.pos+n]
	d.pos += n
	return b
}

func (d *decoder) u8() byte {
	if !d.has(1) {
		return 0
	}
	d.pos++
	return d.data[d.pos-1]
}

func (d *decoder) u32() uint32 {
	if !d.has(4) {
		return 0
	}
	d.pos += 4
	return binary.LittleEndian.Uint32(d.data[d.pos-4:])
}

func (d *decoder) i32() int32 { return int32(d.u32()) }

func (d *decoder) bool() bool { return d.u8() != 0 }

func (d *decoder) bytes() []byte { return d.take(int(d.u32())) }

func (d *decoder) string() string {
	n := int(d.u32())
	if n == 0 || !d.has(n) {
		return ""
	}
	d.pos += n
	return unsafe.String(unsafe.SliceData(d.data[d.pos-n:]), n)
}

// count reads how many items of at least size bytes follow.
func (d *decoder) count(size int) int {
	n := d.u32()
	if int64(n)*int64(size) > int64(len(d.data)-d.pos) {
		d.fail("%d items, %d bytes left", n, len(d.data)-d.pos)
		return 0
	}
	return int(n)
}

// enum reads a byte that is at most last.
func (d *decoder) enum(last byte) byte {
	v := d.u8()
	if v > last {
		d.fail("value %d, at most %d wanted", v, last)
		return 0
	}
	return v
}

func (d *decoder) request() Request {
	if v := d.u32(); v != Version {
		d.fail("version %d, %d wanted", v, Version)
		return nil
	}
	switch kind := d.u8(); kind {
	case kindRelation:
		r := &Relation{Server: d.bytes(), Table: d.bytes(), Clauses: d.clauses()}
		r.Servers = d.servers
		return r
	case kindClassify:
		r := &Classify{Clauses: d.clauses()}
		r.Servers = d.servers
		return r
	case kindQuery:
		return d.queryRequest()
	case kindModify:
		return d.modify()
	default:
		d.fail("kind %d", kind)
		return nil
	}
}

func (d *decoder) clauses() []Clause {
	d.objects()
	clauses := list(d, 10, func() Clause {
		c := Clause{Context: Context(d.enum(byte(ContextSort)))}
		if c.Context == ContextSort {
			c.Key = d.key()
		}
		c.Expr = d.expr(ClauseDepth)
		return c
	})
	d.equals(func(f func(*Expr)) {
		for i := range clauses {
			f(&clauses[i].Expr)
		}
	})
	return clauses
}

func (d *decoder) queryRequest() *QueryRequest {
	statement := d.enum(2)
	r := &QueryRequest{Statement: statement > 0, Explain: statement == 2}
	d.objects()
	r.Servers = d.servers
	r.Query = d.query(0)
	d.equals(r.Query.Exprs)
	if d.err == nil {
		d.scope(r.Query)
	}
	return r
}

func (d *decoder) objects() {
	d.servers = Servers{Local: int(d.u32()), Remote: int(d.u32())}
	d.types = table(d, 15, (*decoder).typ)
	d.functions = table(d, 15, (*decoder).function)
	d.operators = table(d, 13, (*decoder).operator)
	d.collations = table(d, 13, (*decoder).collation)
	n := d.count(16)
	d.columns = make(map[uint32][]Column, min(n, 64))
	for range n {
		item := d.u32()
		d.columns[item] = append(d.columns[item], Column{Attno: d.i32(), Name: d.string(), Options: d.bytes()})
	}
}

// equals reads which nodes are equal to earlier ones.
func (d *decoder) equals(exprs func(func(*Expr))) {
	n := d.count(8)
	if n == 0 {
		return
	}
	first := make(map[uint32]uint32, n)
	for range n {
		number, equal := d.u32(), d.u32()
		_, twice := first[number]
		_, chain := first[equal]
		if number >= d.nodes || equal >= number || twice || chain {
			d.fail("node %d of %d equal to node %d", number, d.nodes, equal)
			return
		}
		first[number] = equal
	}
	exprs(func(e *Expr) { setEqual(*e, first) })
}

func setEqual(e Expr, first map[uint32]uint32) {
	n := e.Base()
	if equal, ok := first[n.ID]; ok {
		n.Equal = equal
	}
	for _, c := range e.Children() {
		setEqual(c, first)
	}
}

// table reads an object table whose entries have at least size bytes.
func table[T any](d *decoder, size int, read func(*decoder, *T)) []T {
	entries := make([]T, d.count(size))
	for i := range entries {
		read(d, &entries[i])
	}
	return entries
}

func origin(flags byte) Origin {
	return Origin{Builtin: flags&objBuiltin != 0, Extension: flags&objExtension != 0}
}

func (d *decoder) typ(t *Type) {
	t.OID, t.Typmod = d.u32(), d.i32()
	flags := d.u8()
	t.Origin, t.OIDAlias = origin(flags), flags&objOIDAlias != 0
	t.Typtype, t.Category = d.u8(), d.u8()
	t.Name = d.string()
}

func (d *decoder) function(f *Function) {
	f.OID = d.u32()
	flags := d.u8()
	f.Origin, f.RetSet = origin(flags), flags&objRetSet != 0
	f.Volatility, f.Kind = d.u8(), d.u8()
	f.Schema, f.Name = d.string(), d.string()
}

func (d *decoder) operator(o *Operator) {
	o.OID, o.Origin = d.u32(), origin(d.u8())
	o.Schema, o.Name = d.string(), d.string()
}

func (d *decoder) collation(c *Collation) {
	c.OID = d.u32()
	flags := d.u8()
	c.Origin = origin(flags)
	c.Default, c.Deterministic = flags&objDefault != 0, flags&objDeterministic != 0
	c.Schema, c.Name = d.string(), d.string()
}

// object reads the position of an object in its table; nil stands for none.
func object[T any](d *decoder, table []T, what string) *T {
	i := d.u32()
	if i == none {
		return nil
	}
	if int64(i) >= int64(len(table)) {
		d.fail("%s number %d of %d", what, i, len(table))
		return nil
	}
	return &table[i]
}

// required is object where none is not allowed.
func required[T any](d *decoder, table []T, what string) *T {
	o := object(d, table, what)
	if o == nil {
		d.fail("no %s", what)
	}
	return o
}
