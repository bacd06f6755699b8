package ship_test

import (
	"errors"
	"strings"
	"testing"

	"pgwire_fdw/handler/internal/ir"
	"pgwire_fdw/handler/internal/ir/irtest"
	"pgwire_fdw/handler/internal/ship"
)

var servers = ir.Servers{Local: 18, Remote: 18}

// locals lists the subtrees that are evaluated here, as they were written.
func locals(e ir.Expr) []string {
	if l, ok := e.(*ir.Local); ok {
		return []string{irtest.Notation(l)}
	}
	var all []string
	for _, c := range e.Children() {
		all = append(all, locals(c)...)
	}
	return all
}

// check decides on a clause. want is "ship", followed by the subtrees that are
// to be evaluated here, or part of the reason to refuse it.
func check(t *testing.T, clause, want string) {
	t.Helper()
	e, err := ship.Clause(servers, irtest.Parse(clause))
	var refusal *ship.Refusal
	if err != nil && !errors.As(err, &refusal) {
		t.Errorf("%s\n\terror is no refusal: %v", clause, err)
		return
	}
	reason, expected := strings.CutPrefix(want, "no: ")
	if err != nil {
		if !expected || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s\n\trefused: %v\n\twant %s", clause, err, want)
		}
		return
	}
	normal := func(s string) string { return strings.NewReplacer(" ", "", "\"", "").Replace(s) }
	if got := strings.TrimSpace("ship " + strings.Join(locals(e), " ")); normal(got) != normal(want) {
		t.Errorf("%s\n\tgot  %s\n\twant %s", clause, got, want)
	}
}

func TestKinds(t *testing.T) {
	for _, c := range []struct{ clause, want string }{
		// columns
		{`(op = bool (col 1 int4) (const int4 5))`, "ship"},
		{`(op = bool (col -1 tid) (const tid "(0,1)"))`, "ship"},
		{`(op = bool (col -6 oid) (const oid 5))`, "no: system column"},
		{`(notnull (col 0 record))`, "no: whole row"},
		{`(notnull (col 1 mood))`, "no: type public.mood"},
		{`(notnull (col 1 dom))`, "no: type public.dom"},
		{`(notnull (col 1 citext))`, "ship"},
		// what has no column of the relation
		{`(const bool t)`, "no: no column"},
		{`(op = bool (ext 1 int4) (const int4 5))`, "no: no column"},
		{`(op < bool (func random/v float8) (const float8 0.5))`, "no: no column"},
		// constants
		{`(op = bool (col 1 text) (const text null))`, "ship"},
		{`(op = bool (col 1 oid) (relabel oid (const regclass local)))`, "ship (relabel oid (const regclass local))"},
		{`(op = bool (relabel regclass (col 1 oid)) (const regclass local))`, "no: names a local object"},
		{`(op = bool (relabel regclass (col 1 oid)) (const regclass pg_class))`, "ship"},
		{`(op = bool (col 1 money) (const money "$1.00"))`, "no: locale"},
		{`(op = bool (col 1 money) (const money null))`, "ship"},
		{`(op = bool (col 1 mood) (const mood sad))`, "no: type public.mood"},
		// the kinds of expression
		{`(distinct = bool (col 1 int4) (const int4 1))`, "ship"},
		{`(distinct public.=/x bool (col 1 citext) (const citext x))`, "no: another operator"},
		{`(null (nullif = int4 (col 1 int4) (const int4 1)))`, "ship"},
		{`(null (nullif public.=/x citext (col 1 citext) (const citext x)))`, "no: another operator"},
		{`(any = (col 1 int4) (const int4[] "{1,2}"))`, "ship"},
		{`(all < (col 1 int4) (ext 1 int4[]))`, "ship (ext 1 int4[])"},
		{`(any =/s (col 1 int4) (const int4[] "{1,2}"))`, "no: is stable"},
		{`(or (null (col 1 int4)) (not (istrue (col 3 bool))))`, "ship"},
		{`(op > bool (coalesce int4 (col 1 int4) (const int4 1)) (const int4 1))`, "ship"},
		{`(op > bool (greatest btint4cmp int4 (col 1 int4) (const int4 1)) (const int4 1))`, "ship"},
		{`(null (least public.cmp/x citext (col 1 citext) (const citext x)))`, "no: order of type"},
		{`(null (least cmp/s int4 (col 1 int4)))`, "no: is stable"},
		{`(op = bool (at (col 4 int4[]) (const int4 1)) (const int4 1))`, "ship"},
		{`(op = bool (slice (col 4 int4[]) - (col 1 int4)) (const int4[] "{}"))`, "ship"},
		{`(null (at (col 4 jsonb) (const int4 1)))`, "ship"},
		{`(null (at (col 4 citext) (const int4 1)))`, "no: subscript of type public.citext"},
		{`(any = (col 1 int4) (array int4[] (col 2 int4) (const int4 1)))`, "ship"},
		{`(notnull (collate C (col 2 text)))`, "ship"},
		{`(notnull (collate de (col 2 text)))`, "no: collation \"de\" may be another one there"},
		{`(notnull (row record (col 1 int4)))`, "ship"},
		{`(op = bool (row record (col 1 int4) (ext 1 int4)) (row record (const int4 1) (col 2 int4)))`, "ship (ext 1 int4)"},
		{`(notnull (row record (col 1 text de) (const text x)))`, "ship"},
		{`(notnull (row record (col 1 int4) (ext 1 text de)))`, "no: collation \"de\" of a field"},
		{`(op = bool (row record (col 1 int4)) (outer 1 record))`, "no: value of type record cannot be sent"},
		{`(notnull (row citext (col 1 int4)))`, "no: row of type public.citext"},
		{`(rowcompare < (col 1 int4) (const int4 1) (col 2 text) (ext 1 text))`, "ship (ext 1 text)"},
		{`(rowcompare </s (col 1 int4) (const int4 1) (col 2 int4) (ext 1 int4))`, "no: is stable"},
		{`(rowcompare public.</x (col 1 int4) (const int4 1) (col 2 int4) (ext 1 int4))`, "no: comparison of rows by operator public.<"},
		{`(rowcompare ~<~ (col 1 text) (const text x) (col 2 int4) (ext 1 int4))`, "no: comparison of rows by operator"},
		{`(rowcompare < (col 2 text) (const text x de) (col 1 int4) (const int4 1))`, "no: collation"},
		// the second pair may remain unevaluated
		{`(rowcompare < (col 1 int4) (const int4 1) (col 2 int4) (op / int4 (const int4 1) (ext 1 int4)))`, "no: might fail though"},
		{`(rowcompare < (col 1 int4) (op / int4 (const int4 1) (ext 1 int4)) (col 2 int4) (const int4 1))`, "ship (op / int4 (const int4 1) (ext 1 int4))"},
		{`(notnull (field int4 (col 0 record)))`, "no: field of a row of type record"},
		{`(notnull (field int4 (col 1 pair)))`, "ship"},
		{`(notnull (domain dom (col 1 int4)))`, "no: domain public.dom is of no extension"},
		{`(notnull (domain extdom (col 1 int4)))`, "ship"},
		{`(notnull (arraycoerce text[] (col 4 int4[]) (io int4out textin text (casetest int4))))`, "ship"},
		{`(notnull (arraycoerce int4[] (col 4 int4[]) (cast int4 int4 (casetest int4) (const int4 5) (const bool t))))`, "ship"},
		{`(notnull (arraycoerce text[] (col 4 text[]) (implicit varchar varchar (casetest text) (const int4 5) (const bool f))))`, "no: enforces the length"},
		{`(notnull (arraycoerce text[] (col 4 int4[]) (const text x)))`, "no: no longer a cast of its elements"},
		{`(notnull (arraycoerce text[] (col 4 int4[]) (op + int4 (casetest int4) (const int4 1))))`, "no: no longer a cast of its elements"},
		{`(notnull (arraycoerce text[] (col 4 int4[]) (io timestamptz_out/s textin text (casetest int4))))`, "no: is stable"},
		{`(unknown bool foreign)`, "no: kind that is not sent"},
		// SQL/JSON
		{`(notnull (json object jsonb (const unknown a) (col 1 int4)))`, "ship"},
		{`(notnull (json object jsonb mutable (const unknown a) (col 1 int4)))`, "no: depends on settings"},
		{`(notnull (json object jsonb (const unknown a) (col 1 float8)))`, "no: JSON text of type double precision"},
		{`(notnull (json object jsonb (const unknown a) (col 1 mood)))`, "no: JSON text of type public.mood"},
		{`(notnull (json parse json (col 1 text)))`, "no: kind that is not sent"},
		{`(isjson 0 (col 2 text))`, "ship"},
		{`(isjson 0 (col 2 bytea))`, "no: IS JSON of type bytea"},
		{`(jsonexists bool (col 4 jsonb) (const jsonpath "$.a") - (ext 1 int4))`, "ship (ext 1 int4)"},
		{`(jsonexists bool (col 4 jsonb) (ext 1 jsonpath))`, "no: JSON path that is no constant"},
		{`(jsonexists bool mutable (col 4 jsonb) (const jsonpath "$.a"))`, "no: depends on settings"},
		{`(jsonexists bool (col 4 jsonb) (const jsonpath "$.a") - (col 1 date))`, "no: type date in a JSON path"},
		{`(notnull (jsonvalue date (col 4 jsonb) (const jsonpath "$.a")))`, "no: returns type date"},
		{`(notnull (jsonvalue int4 (col 4 jsonb) (const jsonpath "$.a") (ext 1 int4)))`, "no: DEFAULT of a JSON function"},
		{`(notnull (jsonvalue int4 (col 4 jsonb) (const jsonpath "$.a") (const int4 1)))`, "ship"},
		// casts through text
		{`(op = bool {} (io int4out textin text (col 1 int4)) (const text 5))`, "ship"},
		{`(op = bool {} (io timestamptz_out/s textin text (col 1 timestamptz)) (const text 5))`, "no: timestamptz_out is stable"},
		{`(notnull (io textout date_in/s date (col 2 text)))`, "no: date_in is stable"},
		{`(notnull (io float8out textin text (col 1 float8)))`, "no: depends on settings"},
		{`(notnull (io byteaout textin text (col 1 bytea)))`, "no: depends on settings"},
		{`(notnull (io intervalout textin text (col 1 interval)))`, "no: depends on settings"},
	} {
		check(t, c.clause, c.want)
	}
}

// Where a function comes from × how volatile it is.
func TestFunctions(t *testing.T) {
	for _, origin := range []struct {
		name, flags string
		known       bool
	}{{"f", "", true}, {"public.f", "x", true}, {"public.f", "u", false}} {
		for _, v := range []string{"", "s", "v"} {
			object := origin.name + "/" + origin.flags + v
			want := "ship"
			switch {
			case !origin.known:
				want = "no: neither built in nor"
			case v == "s":
				want = "no: is stable"
			case v == "v":
				want = "no: is volatile"
			}
			check(t, `(op = bool (func `+object+` int4 (col 1 int4)) (const int4 1))`, want)
			check(t, `(op `+object+` bool (col 1 int4) (const int4 1))`, want)
		}
	}
	check(t, `(op = bool {} (func md5/#2311 text {} (col 1 int4)) (const text x))`, "no: encoding of the database")
	check(t, `(func satisfies_hash_partition/#5028 bool (const oid 1) (col 1 int4))`, "no: OIDs of local objects")
	// the OID of another object in a user's function means nothing
	check(t, `(func public.f/x#2311 bool (col 1 int4))`, "ship")
	// what is left beside a foreign column is judged as a whole
	check(t, `(op = bool (col 1 int4) (op + int4 (col 2 int4) (func random/v int4)))`, "no: random is volatile")
	check(t, `(op = bool (col 1 int4) (unknown int4 volatile))`, "no: kind that is not sent")
	check(t, `(op = bool (col 1 int4) (unknown int4 alone))`, "no: kind that is not sent")
}

// Subtrees without a foreign column are evaluated here.
func TestLocal(t *testing.T) {
	for _, c := range []struct{ clause, want string }{
		{`(op < bool (col 1 timestamptz) (func now/s timestamptz))`, "ship (func now/s timestamptz)"},
		{`(op = bool (col 1 date) (sqlvalue date))`, "ship (sqlvalue date)"},
		{`(op = bool (col 1 int4) (outer 2 int4))`, "ship (outer 2 int4)"},
		{`(op = bool (col 1 int4) (exec 2 int4))`, "ship (exec 2 int4)"},
		{`(op = bool (col 1 int4) (op + int4 (exec 2 int4) (const int4 1)))`, "ship (op + int4 (exec 2 int4) (const int4 1))"},
		// a user's function is called here, so it need not be there
		{`(op = bool (col 1 int4) (func public.f/us int4 (ext 1 int4)))`, "ship (func public.f/us int4 (ext 1 int4))"},
		{`(op = bool (col 1 int4) (func public.f/uv int4 (ext 1 int4)))`, "no: public.f is neither"},
		// of what cannot be sent as a whole, the parts
		{`(op = bool (col 1 int4) (func f int4 (ext 1 mood) (ext 2 int4)))`, "ship (func f int4 (ext 1 mood) (ext 2 int4))"},
		{`(op = bool (col 1 mood) (ext 1 mood))`, "no: type public.mood"},
		{`(op = bool (relabel int4 (col 1 oid)) (ext 1 int4))`, "ship (ext 1 int4)"},
		{`(op = bool (col 1 oid) (ext 1 regclass))`, "no: kind that is not sent"},
		{`(op = bool (col 1 oid) (relabel oid (ext 1 regclass)))`, "ship (relabel oid (ext 1 regclass))"},
		{`(op = bool (col 1 money) (ext 1 money))`, "no: kind that is not sent"},
		{`(op = bool (col 1 int4) (unknown int4))`, "ship (unknown int4)"},
		{`(op = bool (col 1 int4) (outer 0 record))`, "no: cannot be sent"},
		{`(op = bool (col 1 int4) (domain int4 (ext 1 int4)))`, "ship (domain int4 (ext 1 int4))"},
	} {
		check(t, c.clause, c.want)
	}
}

// Marked immutable, and yet another server or session may answer otherwise.
func TestSurroundings(t *testing.T) {
	for _, c := range []struct{ clause, want string }{
		{`(op = bool (func timezone/#2069 timestamptz (const text UTC) (col 1 timestamp)) (col 2 timestamptz))`, "ship"},
		{`(op = bool (func timezone/#2069 timestamptz (const text Europe/Vienna) (col 1 timestamp)) (col 2 timestamptz))`, "ship"},
		{`(op = bool (func timezone/#2069 timestamptz (const text EST) (col 1 timestamp)) (col 2 timestamptz))`, "no: abbreviation"},
		{`(op = bool (func timezone/#2069 timestamptz (ext 1 text) (col 1 timestamp)) (col 2 timestamptz))`, "no: abbreviation"},
		{`(op = bool (func age/#1199 interval (col 1 timestamptz) (col 2 timestamptz)) (col 3 interval))`, "no: TimeZone"},
		{`(op = bool (func quote_ident/#1282 text (col 1 text)) (col 2 text))`, "no: quote_all_identifiers"},
		{`(op = bool (io textout byteain bytea (col 1 text)) (col 2 bytea))`, "no: encoding"},
		{`(notnull (col 1 regclass))`, "no: OIDs of the remote"},
		{`(op = bool (col 1 char) (const char a))`, "ship"},
		{`(op = bool (col 1 char) (const char "\\303"))`, "no: no character by itself"},
		{`(op = bool (col 1 char[]) (const char[] "{a,b}"))`, "ship"},
		{`(op = bool (col 1 char[]) (const char[] "{a,\\\\303}"))`, "no: no character by itself"},
		{`(op = bool (col 1 text) (const text invalid))`, "no: no text in the encoding"},
		{`(op = bool (func text/#946 text (col 1 char)) (const text a))`, "no: the encoding of the database"},
		{`(op = bool (io charout textin text (col 1 char)) (const text a))`, "no: the server's version"},
		{`(op = bool (col 1 aclitem) (const aclitem "=r/joe"))`, "no: OIDs of the remote"},
		{`(op = bool (col 1 int4) (func f int4 (col 2 int4) (const aclitem "=r/joe")))`, "no: may name local objects"},
		{`(op = bool (implicit varchar/#669 varchar (col 1 varchar) (const int4 6) (const bool f)) (col 2 varchar))`, "no: enforces the length"},
		{`(op = bool (implicit varchar/#669 varchar (col 1 varchar) (const int4 6) (const bool t)) (col 2 varchar))`, "ship"},
	} {
		check(t, c.clause, c.want)
	}
}

// What may never be reached here must not fail ahead of the scan.
func TestGuarded(t *testing.T) {
	const fails, local = "no: might fail though it might never be reached", "ship "
	for _, c := range []struct{ value, want string }{
		{`(ext 1 int4)`, local + `(ext 1 int4)`},
		{`(op / int4 (const int4 1) (ext 1 int4))`, fails},
		{`(func public.f/u int4 (ext 1 int4))`, fails},
		{`(func public.f/us int4)`, fails},
		{`(func current_setting/s int4 (const text x))`, fails},
		{`(io textin int4in int4 (ext 1 text))`, fails},
		{`(implicit int4/#313 int4 (ext 1 int2))`, local + `(implicit int4/#313 int4 (ext 1 int2))`},
		{`(implicit int4/#480 int4 (ext 1 int8))`, fails},
		{`(coalesce int4 (ext 1 int4) (const int4 1))`, local + `(coalesce int4 (ext 1 int4) (const int4 1))`},
		{`(coalesce int4 (ext 1 int4) (op / int4 (const int4 1) (ext 1 int4)))`, fails},
		{`(domain int4 (ext 1 int4))`, fails},
	} {
		equal := `(op = bool (col 1 int4) ` + c.value + `)`
		check(t, `(or (null (col 1 int4)) `+equal+`)`, c.want)
		check(t, `(and (null (col 1 int4)) `+equal+`)`, c.want)
		check(t, `(case bool - ((col 3 bool) `+equal+`))`, c.want)
		check(t, `(case bool - ((col 3 bool) (const bool t)) (`+equal+` (const bool t)))`, c.want)
		check(t, `(case bool - ((col 3 bool) (const bool t)) `+equal+`)`, c.want)
		check(t, `(notnull (coalesce int4 (col 1 int4) `+c.value+`))`, c.want)
		// what is reached in any case may be computed ahead
		if c.want == fails {
			check(t, `(or `+equal+` (null (col 1 int4)))`, local+c.value)
			check(t, `(case bool - (`+equal+` (const bool t)))`, local+c.value)
			check(t, `(notnull (coalesce int4 `+c.value+` (col 1 int4)))`, local+c.value)
		}
	}
	for _, c := range []struct{ clause, want string }{
		{`(or (null (col 1 int4)) (op > bool (col 2 timestamptz) (func now/s timestamptz)))`, "ship (func now/s timestamptz)"},
		{`(or (null (col 1 int4)) (op > bool (col 2 timestamptz) (op -/s timestamptz (func now/s timestamptz) (const interval "1 day"))))`,
			"ship (op -/s timestamptz (func now/s timestamptz) (const interval 1 day))"},
		{`(or (null (col 1 int4)) (op > bool (col 2 timestamptz) (op -/s timestamptz (func now/s timestamptz) (ext 1 interval))))`, fails},
		{`(or (col 3 bool) (op = bool (ext 1 int4) (const int4 0)))`, "ship (op = bool (ext 1 int4) (const int4 0))"},
		{`(or (col 3 bool) (op ~~ bool (ext 1 text) (const text x)))`, fails},
		{`(or (col 3 bool) (any = (col 1 int4) (array int4[] (ext 1 int4) (ext 2 int4))))`, "ship (array int4[] (ext 1 int4) (ext 2 int4))"},
	} {
		check(t, c.clause, c.want)
	}
}

func TestCollation(t *testing.T) {
	unsafe := "no: collation"
	for _, c := range []struct{ clause, want string }{
		// the input collation comes from a column
		{`(op = bool (col 2 text) (const text x))`, "ship"},
		{`(op < bool (col 2 text C) (const text x))`, "ship"},
		{`(op < bool (col 2 text de) (ext 1 text))`, "ship (ext 1 text)"},
		{`(op < bool (col 2 text) (col 3 text C))`, "ship"},
		{`(op < bool (col 2 text C) (col 3 text))`, "ship"},
		// or from elsewhere
		{`(op < bool (col 2 text) (const text x de))`, unsafe},
		{`(op < bool (col 2 text) (const text x C))`, "ship"},
		{`(op < bool (col 2 text) (ext 1 text C))`, "ship (ext 1 text C)"},
		{`(op < bool (col 2 text) (outer 1 text de))`, unsafe},
		{`(op < bool {C} (col 2 text) (const text x))`, unsafe},
		{`(op = bool {C} (col 2 text de) (col 3 text C))`, unsafe},
		{`(op < bool (as text (col 2 text) C) (const text x))`, "ship"},
		{`(op < bool (as text (col 2 text) de) (const text x))`, unsafe},
		{`(op < bool (collate C (col 2 text)) (col 3 text de))`, "ship"},
		{`(op < bool (as text (col 2 text de) C) (col 3 text de))`, "ship"},
		// what is written beats what is derived; two of it that differ are an error there
		{`(op < bool {de} (as text (col 2 text) C) (col 3 text de))`, unsafe},
		{`(op < bool {C} (as text (col 2 text) C) (as text (col 3 text) POSIX))`, unsafe},
		{`(op =/#67 bool {C} (as text (col 2 text) C) (as text (col 3 text) POSIX))`, unsafe},
		{`(op < bool (as text (col 2 text) C) (const text x C))`, "ship"},
		{`(op < bool (func lower text (as text (col 2 text) C)) (col 3 text de))`, "ship"},
		{`(op < bool {POSIX} (as text (col 2 text) POSIX) (op ||/#1258 text {} (col 3 text de) (ext 1 text C)))`, unsafe},
		{`(case bool (as text (col 2 text) C) ((op = bool {de} (casetest text C) (col 3 text de)) (const bool t)))`, unsafe},
		{`(op < bool {default} (as text (col 2 text C) default) (col 3 text))`, unsafe},
		{`(op = bool (io int4out textin text (col 1 int4)) (const text 5))`, unsafe},
		// or from nowhere, and the function has no use for it
		{`(op =/#67 bool (io int4out textin text (col 1 int4)) (const text 5))`, "ship"},
		{`(op =/#67 bool (io int4out textin text (col 1 int4)) (const text 5 C))`, "ship"},
		{`(op =/#67 bool (col 2 text) (const text 5 C))`, "ship"},
		{`(op =/#67 bool (col 2 text de) (ext 1 text C))`, "ship (ext 1 text C)"},
		{`(op =/#67 bool (as text (col 2 text) C) (const text 5))`, "ship"},
		{`(op </#740 bool (as text (col 2 text) C) (const text 5))`, "ship"},
		// the remote would not know which of two columns' to take
		{`(op =/#67 bool {default} (as text (col 2 text C) default) (col 3 text de))`, unsafe},
		{`(op =/#67 bool (op ||/#1258 text {default} (as text (col 2 text C) default) (const text 5)) (col 3 text))`, "ship"},
		// not all equal strings have equal bytes
		{`(op =/#67 bool (col 2 text nd) (const text 5))`, "ship"},
		{`(op =/#67 bool {C} (col 2 text nd) (const text 5 C))`, "ship"},
		{`(op =/#67 bool (col 2 text) (const text 5 nd))`, unsafe},
		{`(op </#740 bool (io int4out textin text (col 1 int4)) (const text 5))`, unsafe},
		{`(op public.=/x#67 bool (io int4out textin text (col 1 int4)) (const text 5))`, unsafe},
		{`(op = bool (sqlsyntax extract/#6199 numeric (const text year) (col 1 date)) (const numeric 2020))`, "ship"},
		{`(op =/#67 bool (op ->>/#3214 text (col 1 jsonb) (const text a)) (const text x))`, "ship"},
		{`(op =/#67 bool (func lower/#870 text (op ->>/#3214 text (col 1 jsonb) (const text a))) (const text x))`, unsafe},
		// name has a collation of its own, there as here
		{`(op = bool (col 2 name C) (const name x C))`, "ship"},
		{`(op = bool (col 2 name C) (ext 1 name C))`, "ship (ext 1 name C)"},
		{`(op < bool (col 2 text) (const name x C))`, unsafe},
		// nothing uses it
		{`(notnull (const text x C))`, "no: no column"},
		{`(or (null (col 1 int4)) (notnull (func f text {} (col 1 int4))))`, "ship"},
		{`(op = bool {} (col 2 text) (const text x C))`, "ship"},
		// it is passed on by what yields text
		{`(op = bool (func lower text (col 2 text C)) (const text x))`, "ship"},
		{`(op = bool (coalesce text (col 2 text C) (const text x)) (const text x))`, "ship"},
		{`(op = bool (coalesce text (const text y C) (col 2 text C)) (const text x))`, "ship"},
		{`(op = bool (coalesce text (const text y de) (col 2 text C)) (const text x))`, unsafe},
		{`(op = bool (case text - ((col 3 bool) (col 2 text)) (const text z)) (const text x))`, "ship"},
		{`(op < bool (greatest bttextcmp text (col 2 text) (const text x)) (const text y))`, "ship"},
		{`(op < bool (greatest bttextcmp text (col 2 text) (const text x C)) (const text y))`, "ship"},
		{`(op = bool (at (col 4 text[] C) (const int4 1)) (const text x))`, "ship"},
		{`(any = (col 2 text) (const text[] "{a,b}"))`, "ship"},
		{`(any = (col 2 text) (array text[] (const text a C)))`, "ship (array text[] (const text a C))"},
		{`(any = (col 2 text) (array text[] (const text a de)))`, unsafe},
		{`(distinct = bool (col 2 text) (const text x))`, "ship"},
		{`(distinct = bool (col 2 text) (const text x C))`, "ship"},
		{`(distinct = bool (col 2 text) (const text x de))`, unsafe},
	} {
		check(t, c.clause, c.want)
	}
}

func TestCase(t *testing.T) {
	for _, c := range []struct{ clause, want string }{
		{`(case bool (col 1 int4) ((op = bool (casetest int4) (const int4 1)) (const bool t)) (col 3 bool))`, "ship"},
		{`(case bool (col 2 varchar) ((op = bool (as text (casetest varchar)) (const text x)) (const bool t)))`, "ship"},
		{`(case bool (col 2 text C) ((op = bool (casetest text C) (const text x)) (const bool t)))`, "ship"},
		// the planner has turned the condition into something else
		{`(case bool (col 1 int4) ((null (casetest int4)) (const bool t)))`, "no: no longer a comparison"},
		{`(case bool (col 1 int4) ((op < bool (casetest int4) (const int4 1)) (const bool t)))`, "no: no longer a comparison"},
		{`(case bool (col 1 int4) ((op public.=/x bool (casetest int4) (const int4 1)) (const bool t)))`, "no: no longer a comparison"},
		{`(case bool (col 1 int4) ((op = bool (const int4 1) (casetest int4)) (const bool t)))`, "no: no longer a comparison"},
		// a CaseTest belongs to its CASE and cannot be taken out of it
		{`(and (null (col 1 int4)) (casetest bool))`, "no: outside of CASE"},
		{`(case bool (ext 1 int4) ((op = bool (casetest int4) (const int4 1)) (col 3 bool)))`, "ship (ext 1 int4)"},
		{`(and (col 3 bool) (case bool (ext 1 int4) ((op = bool (casetest int4) (const int4 1)) (ext 2 bool))))`,
			"ship (case bool (ext 1 int4) ((op = bool (casetest int4) (const int4 1)) (ext 2 bool)))"},
		{`(or (case bool (ext 1 int4) ((op = bool (casetest int4) (func random/v int4)) (ext 2 bool))) (col 3 bool))`,
			"no: random is volatile"},
		{`(or (case bool (ext 1 int4) ((op = bool (casetest int4) (const int4 1)) (ext 2 bool))) (col 3 bool))`,
			"ship (case bool (ext 1 int4) ((op = bool (casetest int4) (const int4 1)) (ext 2 bool)))"},
	} {
		check(t, c.clause, c.want)
	}
}

// The part to blame is named.
func TestRefusalNamesNode(t *testing.T) {
	_, err := ship.Clause(servers, irtest.Parse(`(and (null (col 1 int4)) (op = bool (col 2 int4) (func f/s int4 (col 3 int4))))`))
	var refusal *ship.Refusal
	if !errors.As(err, &refusal) || refusal.ID != 5 {
		t.Errorf("got %#v", err)
	}
}

// What the remote server may not have, or has in another way.
func TestVersions(t *testing.T) {
	same, older, unknown := ir.Servers{Local: 17, Remote: 17}, ir.Servers{Local: 17, Remote: 15}, ir.Servers{Local: 17}
	for _, c := range []struct {
		clause               string
		same, older, unknown string
	}{
		{`(op = bool (func f int4 (col 1 int4)) (const int4 1))`, "", "", ""},
		{`(op = bool (func regexp_count/#6254 int4 {} (col 1 int4)) (const int4 1))`, "", "",
			"function regexp_count is new in PostgreSQL 15, and no connection of this session has told the version of the remote server"},
		{`(op = bool (func date_add/#6221 int4 (col 1 int4)) (const int4 1))`, "",
			"function date_add is new in PostgreSQL 16, and the remote server has 15", "function date_add is new in PostgreSQL 16"},
		{`(op = bool (func casefold/#6347 int4 (col 1 int4)) (const int4 1))`, "function casefold is new in PostgreSQL 18", "is new in", "is new in"},
		{`(func public.f/x#6347 bool (col 1 int4))`, "", "", ""},
		{`(notnull (func jsonb_strip_nulls/#3262 jsonb (col 1 jsonb)))`, "", "", ""},
		{`(notnull (func jsonb_strip_nulls/#3262 jsonb (col 1 jsonb) (const bool t)))`, "is new in", "is new in", "is new in"},
		{`(op = bool (func to_tsvector/#3745 int4 {} (const regclass pg_class) (col 1 int4)) (const int4 1))`, "", "differs between major versions", "differs between"},
		{`(isjson 0 (col 2 text))`, "", "IS JSON is new in PostgreSQL 16, and the remote", "IS JSON is new"},
		{`(notnull (json array jsonb (col 1 int4)))`, "", "JSON constructor is new in PostgreSQL 16", "JSON constructor is new"},
		{`(notnull (json scalar jsonb (col 1 int4)))`, "", "JSON constructor is new in PostgreSQL 17", "JSON constructor is new"},
		{`(jsonexists bool (col 4 jsonb) (const jsonpath "$.a"))`, "", "JSON function is new in PostgreSQL 17", "JSON function is new"},
		{`(op @? bool (col 4 jsonb) (const jsonpath "$.a.bigint()"))`, "", "value is new in PostgreSQL 17", "value is new"},
		{`(op = bool (col 1 interval) (const interval infinity))`, "", "value is new in PostgreSQL 17, and the remote", "value is new in"},
		{`(op = bool (col 1 interval) (const interval "1 day"))`, "", "", ""},
	} {
		for _, s := range []struct {
			servers ir.Servers
			want    string
		}{{same, c.same}, {older, c.older}, {unknown, c.unknown}} {
			_, err := ship.Clause(s.servers, irtest.Parse(c.clause))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if (s.want == "") != (got == "") || !strings.Contains(got, s.want) {
				t.Errorf("%s, %+v\n\tgot  %q\n\twant %q", c.clause, s.servers, got, s.want)
			}
		}
	}
}
