// Package irtest builds expressions for tests from a short notation, so that a
// case reads on one line:
//
//	(op = bool (col 1 int4) (const int4 5))
//
// The forms, with T a type, N a number, E an expression and F an object:
//
//	(col N T [C])      column of the item number 1; C is its collation. N may be
//	                   another item's number, a dot and the column's
//	(outer N T [C])    column of another relation
//	(const T text [C]) constant; null without quotes is NULL
//	(ext N T [C])      parameter of the statement; (exec N T [C]) of the executor
//	(op F T E...)      and distinct, nullif: operator, result type
//	(func F T E...)    and cast, implicit, sqlsyntax, variadic: by their form
//	(any F E E)        and all: scalar, array
//	(and E...) (or E...) (not E)
//	(null E) (notnull E) (istrue E) (isnotunknown E)
//	(relabel T E [C])  written; (as T E [C]) implicit
//	(io F F T E)       by output and input function
//	(coalesce T E...) (greatest F T E...) (least F T E...) (array T E...)
//	(case T E (E E)... E)      argument, branches, default; - for none
//	(casetest T [C]) (at E E...) (slice E E E)   - for no bound
//	(row T E...) (collate C E) (sqlvalue T) (field T E) (domain T E)
//	(json object T flag... E...)  array, parse, scalar; flags absent, unique, mutable
//	(isjson N E)               N the kind of item
//	(jsonvalue T flag... E E E E...)  and jsonexists, jsonquery: context, path, default
//	                           on empty or -, values passed; flags mutable, wrapper, omit, error
//	(rowcompare F E E E E...)  pairs of left and right
//	(unknown T flag...)        flags foreign, volatile, alone; #N tells apart what
//	                           looks the same from Go
//	(arraycoerce T E E)
//
// An object is [schema.]name[/flags]: built in and immutable unless the flags
// are s (stable), v (volatile), u (user-defined), x (of an extension that is
// allowed), or #oid. Types are the names of the table in this package, with a
// typmod in parentheses perhaps. Input collations are derived as the parser
// derives them; {C} before the arguments sets another.
package irtest

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"pgwire_fdw/handler/internal/ir"
)

// Collations by name.
var Collations = map[string]*ir.Collation{
	"default": {OID: 100, Origin: ir.Origin{Builtin: true}, Default: true, Deterministic: true,
		Schema: "pg_catalog", Name: "default"},
	"C": {OID: 950, Origin: ir.Origin{Builtin: true}, Deterministic: true,
		Schema: "pg_catalog", Name: "C"},
	"POSIX": {OID: 951, Origin: ir.Origin{Builtin: true}, Deterministic: true,
		Schema: "pg_catalog", Name: "POSIX"},
	"de": {OID: 16400, Deterministic: true, Schema: "public", Name: "de"},
	"nd": {OID: 16401, Schema: "public", Name: "nd"},
}

type typeEntry struct {
	oid        uint32
	name       string
	typtype    byte
	category   byte
	collatable bool
	user, ext  bool
	alias      bool
}

var types = map[string]typeEntry{
	"bool":        {oid: 16, name: "boolean", category: 'B'},
	"bytea":       {oid: 17, name: "bytea", category: 'U'},
	"name":        {oid: 19, name: "name", category: 'S', collatable: true},
	"int8":        {oid: 20, name: "bigint", category: 'N'},
	"int2":        {oid: 21, name: "smallint", category: 'N'},
	"int4":        {oid: 23, name: "integer", category: 'N'},
	"text":        {oid: 25, name: "text", category: 'S', collatable: true},
	"oid":         {oid: 26, name: "oid", category: 'N'},
	"tid":         {oid: 27, name: "tid", category: 'U'},
	"float4":      {oid: 700, name: "real", category: 'N'},
	"float8":      {oid: 701, name: "double precision", category: 'N'},
	"money":       {oid: 790, name: "money", category: 'N'},
	"char":        {oid: 18, name: `"char"`, category: 'Z'},
	"char[]":      {oid: 1002, name: `"char"[]`, category: 'A'},
	"int4[]":      {oid: 1007, name: "integer[]", category: 'A'},
	"text[]":      {oid: 1009, name: "text[]", category: 'A', collatable: true},
	"bpchar":      {oid: 1042, name: "bpchar", category: 'S', collatable: true},
	"varchar":     {oid: 1043, name: "character varying", category: 'S', collatable: true},
	"date":        {oid: 1082, name: "date", category: 'D'},
	"timestamp":   {oid: 1114, name: "timestamp without time zone", category: 'D'},
	"timestamptz": {oid: 1184, name: "timestamp with time zone", category: 'D'},
	"interval":    {oid: 1186, name: "interval", category: 'T'},
	"aclitem":     {oid: 1033, name: "aclitem", category: 'U'},
	"bit":         {oid: 1560, name: `"bit"`, category: 'V'},
	"varbit":      {oid: 1562, name: "bit varying", category: 'V'},
	"numeric":     {oid: 1700, name: "numeric", category: 'N'},
	"regclass":    {oid: 2205, name: "regclass", category: 'N', alias: true},
	"record":      {oid: 2249, name: "record", category: 'P', typtype: 'p'},
	"jsonb":       {oid: 3802, name: "jsonb", category: 'U'},
	"unknown":     {oid: 705, name: "unknown", category: 'X', typtype: 'p'},
	"json":        {oid: 114, name: "json", category: 'U'},
	"jsonpath":    {oid: 4072, name: "jsonpath", category: 'U'},
	"mood":        {oid: 16500, name: "public.mood", category: 'E', typtype: 'e', user: true},
	"citext":      {oid: 16600, name: "public.citext", category: 'S', collatable: true, ext: true},
	"pair":        {oid: 16601, name: "public.pair", category: 'C', typtype: 'c', ext: true},
	"extdom":      {oid: 16602, name: "public.extdom", category: 'N', typtype: 'd', ext: true},
	"dom":         {oid: 16700, name: "public.dom", category: 'N', typtype: 'd', user: true},
}

// Type answers a type of the table, with its own typmod if name has one.
func Type(name string) *ir.Type {
	base, mod, limited := strings.Cut(name, "(")
	t, ok := types[base]
	if !ok {
		panic("irtest: type " + name)
	}
	typ := &ir.Type{OID: t.oid, Typmod: -1, OIDAlias: t.alias, Typtype: 'b', Category: t.category,
		Name: t.name, Origin: ir.Origin{Builtin: !t.user && !t.ext, Extension: t.ext}}
	if t.typtype != 0 {
		typ.Typtype = t.typtype
	}
	if limited {
		n, err := strconv.Atoi(strings.TrimSuffix(mod, ")"))
		if err != nil {
			panic("irtest: type " + name)
		}
		typ.Typmod, typ.Name = int32(n+4), t.name+"("+mod
	}
	return typ
}

// Parse builds an expression and numbers its nodes in pre-order. Nodes of the
// same notation are equal. It panics on a notation that it does not understand.
func Parse(notation string) ir.Expr { return ParseAll(notation)[0] }

// ParseAll builds the expressions of one request: their nodes are numbered
// through.
func ParseAll(notations ...string) []ir.Expr {
	all := make([]ir.Expr, 0, len(notations))
	first := map[string]uint32{}
	var next uint32
	for _, notation := range notations {
		p := &parser{tokens: tokenize(notation)}
		e := p.expr()
		if p.pos != len(p.tokens) {
			panic("irtest: text after the expression in " + notation)
		}
		number(e, &next, first)
		all = append(all, e)
	}
	return all
}

func number(e ir.Expr, next *uint32, first map[string]uint32) {
	n := e.Base()
	n.ID = *next
	*next++
	equal, seen := first[Notation(e)]
	if !seen {
		equal = n.ID
		first[Notation(e)] = equal
	}
	n.Equal = equal
	for _, c := range e.Children() {
		number(c, next, first)
	}
}

// written has the notation of every expression that was built.
var written sync.Map

// Notation answers what e was parsed from, blanks made regular; of an ir.Local
// it is that of the expression in it.
func Notation(e ir.Expr) string {
	if l, ok := e.(*ir.Local); ok {
		e = l.Expr
	}
	text, _ := written.Load(e)
	return text.(string)
}

type parser struct {
	tokens []string
	pos    int
}

// tokenize splits at blanks and parentheses; a quoted token keeps its first
// quote. A parenthesis that follows a word directly belongs to it: varchar(10).
func tokenize(s string) []string {
	var tokens []string
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == ' ' || c == '\n' || c == '\t':
			i++
		case c == '(' || c == ')':
			tokens = append(tokens, string(c))
			i++
		case c == '"':
			end := i + 1 + strings.IndexByte(s[i+1:], '"')
			tokens = append(tokens, s[i:end])
			i = end + 1
		default:
			j := i
			for j < len(s) && !strings.ContainsRune(" \n\t)", rune(s[j])) {
				if s[j] == '(' {
					j += strings.IndexByte(s[j:], ')')
				}
				j++
			}
			tokens = append(tokens, s[i:j])
			i = j
		}
	}
	return tokens
}

func (p *parser) peek() string {
	if p.pos == len(p.tokens) {
		panic("irtest: notation ends early")
	}
	return p.tokens[p.pos]
}

func (p *parser) next() string {
	t := p.peek()
	p.pos++
	return t
}

func (p *parser) want(token string) {
	if t := p.next(); t != token {
		panic(fmt.Sprintf("irtest: %q where %q is wanted", t, token))
	}
}

func (p *parser) number() int32 { return int32(parseNumber(p.next())) }

// parseNumber reads an integer of 32 bits; a negative one comes as its complement.
func parseNumber(s string) uint32 {
	n, err := strconv.ParseInt(s, 10, 33)
	if err != nil {
		panic(err)
	}
	return uint32(n)
}

// node reads a type, and the collation that is its default.
func (p *parser) node() ir.Node {
	name := p.next()
	n := ir.Node{Type: Type(name)}
	if base, _, _ := strings.Cut(name, "("); types[base].collatable {
		n.Collation = Collations["default"]
	}
	return n
}

// collate reads a collation if there is one left.
func (p *parser) collate(n *ir.Node) {
	if p.peek() != ")" {
		n.Collation = Collations[p.next()]
	}
}

// args reads the rest of the form.
func (p *parser) args() []ir.Expr {
	var args []ir.Expr
	for p.peek() != ")" {
		args = append(args, p.optional())
	}
	return args
}

// optional reads an expression or - for none.
func (p *parser) optional() ir.Expr {
	if p.peek() == "-" {
		p.pos++
		return nil
	}
	return p.expr()
}

type object struct {
	ir.Origin
	oid          uint32
	volatility   byte
	schema, name string
}

func (p *parser) object() object {
	text, flags, _ := strings.Cut(p.next(), "/")
	if text == "" { // the operator /
		text, flags, _ = strings.Cut("division/"+flags, "/")
		text = "/"
	}
	flags, number, _ := strings.Cut(flags, "#")
	o := object{Origin: ir.Origin{Builtin: true}, oid: 1, volatility: 'i', schema: "pg_catalog", name: text}
	if schema, name, ok := strings.Cut(text, "."); ok {
		o.schema, o.name = schema, name
	}
	if number != "" {
		n, err := strconv.Atoi(number)
		if err != nil {
			panic(err)
		}
		o.oid = uint32(n)
	}
	for _, f := range flags {
		switch f {
		case 's', 'v':
			o.volatility = byte(f)
		case 'u':
			o.Origin = ir.Origin{}
		case 'x':
			o.Origin = ir.Origin{Extension: true}
		default:
			panic("irtest: flag " + string(f))
		}
	}
	return o
}

func (o object) function() *ir.Function {
	return &ir.Function{OID: o.oid, Origin: o.Origin, Volatility: o.volatility, Kind: 'f',
		Schema: o.schema, Name: o.name}
}

func (o object) operator() *ir.Operator {
	return &ir.Operator{OID: o.oid, Origin: o.Origin, Schema: o.schema, Name: o.name}
}

// input reads an explicit input collation and the arguments.
func (p *parser) input() (*ir.Collation, []ir.Expr) {
	var set *ir.Collation
	explicit := strings.HasPrefix(p.peek(), "{")
	if explicit {
		set = Collations[strings.Trim(p.next(), "{}")]
	}
	args := p.args()
	if explicit {
		return set, args
	}
	return derive(args), args
}

// derive: the first collation that is not the default one, else the default.
func derive(args []ir.Expr) *ir.Collation {
	var found *ir.Collation
	for _, a := range args {
		if c := a.Base().Collation; c != nil && (found == nil || found.Default) {
			found = c
		}
	}
	return found
}
