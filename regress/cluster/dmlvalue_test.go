package cluster

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// dmlMaker makes statements that write. All it makes depends on the source of
// randomness alone.
type dmlMaker struct {
	*rand.Rand
	major  int  // of the servers
	oracle bool // the wrapper is postgres_fdw
	shift  int  // what is added to keys next, above all there are
	depth  int  // of savepoints; -1 outside a transaction
	cursor map[string]int
}

func (g *dmlMaker) pick(from ...string) string { return from[g.IntN(len(from))] }

func (g *dmlMaker) chance(percent int) bool { return g.IntN(100) < percent }

// dmlTypesOf are the kinds' types, where that is not their name's own.
var dmlTypesOf = map[string]string{"id": "int", "n": "int", "ref": "int", "any": "int", "part": "int", "t": "text", "text": "text", "wide": "text",
	"vc": "varchar", "num": "numeric", "b": "bool", "ts": "timestamptz", "d": "date", "arr": "int[]", "ta": "text[]", "j": "jsonb",
	"e": "public.color", "dom": "public.positive", "ba": "bytea", "bytes": "bytea", "f": "float8", "u": "uuid", "iv": "interval",
	"pr": "public.pair", "i8": "bigint", "ch": "char(4)", "ip": "inet"}

// dmlText makes the text of a value of a kind, now and then one that is refused.
func (g *dmlMaker) dmlText(kind string) string {
	switch kind {
	case "id":
		return fmt.Sprint(1 + g.IntN(60))
	case "n":
		if g.chance(2) {
			return "1000" // refused by p
		}
		return fmt.Sprint(g.IntN(40) - 3)
	case "any":
		return g.pick("1", "49", "50", "77", "499", "500", "-4")
	case "ref":
		return fmt.Sprint(1 + g.IntN(28))
	case "part":
		if g.chance(3) {
			return g.pick("-1", "40")
		}
		return fmt.Sprint(g.IntN(40))
	case "t", "text":
		return g.pick("", "a", "bad", "zz top", `back\slash`, "quo'te", "tab\tline\nend", "naïve ☃ 𝄞", "NULL", "T"+fmt.Sprint(g.IntN(30)), strings.Repeat("long ", 30))
	case "wide":
		return strings.Repeat(g.pick("w", "é", "\\", "x\n"), g.pickInt(1, 100, 5000, 70000))
	case "bytes":
		return `\x` + strings.Repeat(g.pick("00", "ff", "5c", "0a"), g.pickInt(0, 10, 40000))
	}
	return g.dmlScalar(kind)
}

func (g *dmlMaker) pickInt(from ...int) int { return from[g.IntN(len(from))] }

func (g *dmlMaker) dmlScalar(kind string) string {
	switch kind {
	case "vc":
		return g.pick("", "short", "twelve chars", "trailing   ", "é", "ÄÖÜ", "v"+fmt.Sprint(g.IntN(50)))
	case "num":
		return g.pick("0", "-0.001", "123456789.125", "999999999.999", "NaN", "1e3", "12.5", "-7.25")
	case "b":
		return g.pick("t", "f")
	case "ts":
		return g.pick("2024-03-31 01:30:00+00", "infinity", "-infinity", "1999-12-31 23:59:59.999999+00", "0044-03-15 12:00:00+00 BC", "2100-06-01 00:00:00+02")
	case "d":
		return g.pick("2024-02-29", "infinity", "0001-01-01 BC", "1999-12-31")
	case "arr":
		return g.pick("{}", "{1,2,3}", "{NULL}", "{{1,2},{3,4}}", "[2:3]={7,8}", "{-2147483648,2147483647}")
	case "ta":
		return g.pick("{}", `{a,NULL,"NULL",""}`, `{"a\"b","c\\d","{}",","}`, "{ü}")
	case "j":
		return g.pick("{}", "null", `{"a": [1, 2.50, "x"], "b": null}`, `"text"`, "[1, [2, [3]]]", `{"k": "\u00e9\\"}`, "1e2")
	case "e":
		return g.pick("red", "green", "blue")
	case "dom":
		return fmt.Sprint(1 + g.IntN(9))
	case "ba":
		return g.pick(`\x`, `\x00ff`, `\x5c5c`, `\xdeadbeef`)
	case "f":
		return g.pick("0", "-0", "1.5", "NaN", "Infinity", "-Infinity", "0.1", "1e-300", "123456789012345680")
	case "u":
		return fmt.Sprintf("00000000-0000-4000-8000-%012d", g.IntN(40))
	case "iv":
		return g.pick("1 day", "-1 mons 2 days", "36:00:00", "1 year 2 mons 3 days 04:05:06.789", "00:00:00")
	case "pr":
		return g.pick("(1,x)", "(,)", `(2,"a,b")`, `(3,"q""q")`)
	case "i8":
		return g.pick("0", "9223372036854775807", "-9223372036854775808", "42")
	case "ch":
		return g.pick("", "a", "abcd", "x  ")
	case "ip":
		return g.pick("192.168.0.1", "10.0.0.0/8", "::1", "2001:db8::/32")
	}
	panic("kind " + kind)
}

func (g *dmlMaker) null(kind string) bool {
	switch kind {
	case "id":
		return g.chance(1)
	case "part", "b":
		return g.chance(2)
	case "ref":
		return g.chance(20)
	}
	return g.chance(12)
}

// literal is a value of a kind as an expression.
func (g *dmlMaker) literal(kind string) string {
	if g.null(kind) {
		return "NULL"
	}
	return quoted(g.dmlText(kind)) + "::" + dmlTypesOf[kind]
}

// quoted is a text as a constant, whatever standard_conforming_strings says.
func quoted(text string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", `\n`, "\t", `\t`).Replace(text) + "'"
}

// copied is a value as a field of COPY's text format.
func (g *dmlMaker) copied(kind string) string {
	if g.null(kind) {
		return `\N`
	}
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\t", `\t`).Replace(g.dmlText(kind))
}

// made is an expression of a kind over a series' int g.
func (g *dmlMaker) made(kind string) string {
	switch kind {
	case "id":
		return g.pick("g", "g", "g * 2", "61 - g")
	case "n", "any", "ref":
		return g.pick("g % 9", "nullif(g % 5, 2)", "(g * 7) % 23", "flip(g) % 20")
	case "part":
		return g.pick("g % 40", "(g * 13) % 40", "10 + g % 20")
	case "t", "text", "vc", "wide":
		return g.pick("'m' || g", "left(md5(g::text), 6)", "CASE WHEN g % 3 > 0 THEN g::text END")
	case "num", "f", "i8":
		return "(g * 1.25)::" + dmlTypesOf[kind]
	case "arr":
		return "ARRAY[g, NULL, g + 1]"
	case "u":
		return "md5((g + 100)::text)::uuid"
	case "ts":
		return "timestamptz '2024-10-27 00:00+00' + g * interval '20 min'"
	}
	return g.literal(kind)
}

// changed is an expression for a column's new value from the row's old ones.
func (g *dmlMaker) changed(c dmlColumn, alias string) string {
	col := alias + c.name
	switch c.kind {
	case "id":
		return g.pick(col, g.literal("id"))
	case "part": // a row that is in a foreign partition stays there, whatever its key becomes
		return fmt.Sprintf("%[1]s / 10 * 10 + (%[1]s + %[2]d) %% 10", col, g.IntN(10))
	case "n", "any":
		return g.pick(col+" + 1", "coalesce("+col+", 3)", "flip("+col+")", "("+alias+"id % 40)", "CASE WHEN "+alias+"id % 2 = 0 THEN "+col+" ELSE 8 END", g.literal(c.kind))
	case "t", "text", "wide":
		return g.pick(col+" || 'x'", "upper("+col+")", "left("+col+", 2)", "md5("+col+")", "NULL", "coalesce("+col+", 'was null')", g.literal(c.kind))
	case "vc":
		return g.pick("left("+col+" || 'y', 12)", "lower("+col+")")
	case "num", "f":
		return g.pick(col+" / 3", "-"+col, "round("+col+"::numeric, 1)", g.literal(c.kind))
	case "b":
		return g.pick("NOT "+col, alias+"n > 3 IS TRUE", "true")
	case "arr":
		return g.pick(col+" || 5", "array_remove("+col+", NULL)", g.literal("arr"))
	case "ta":
		return g.pick(col+" || '{\"\\\\\",NULL}'::text[]", g.literal("ta"))
	case "j":
		return g.pick("coalesce("+col+" || '{\"u\": 1}', '1')", "jsonb_build_array("+alias+"n, "+alias+"t)", g.literal("j"))
	case "ts", "d":
		return g.pick("("+col+" + interval '1 day')::"+dmlTypesOf[c.kind], g.literal(c.kind))
	}
	return g.literal(c.kind)
}

// condition is one over the row of an alias ("" or "x.").
func (g *dmlMaker) condition(t *dmlTable, alias string, depth int) string {
	id := alias + "id"
	if !t.has("id") {
		return g.pick(alias+"n > 3", alias+"n IS NULL", alias+"n % 2 = 0")
	}
	if depth > 0 && g.chance(30) {
		return "(" + g.condition(t, alias, depth-1) + g.pick(" AND ", " OR ", " AND NOT ") + g.condition(t, alias, depth-1) + ")"
	}
	k := 1 + g.IntN(40)
	options := []string{
		fmt.Sprintf("%s = %d", id, k), fmt.Sprintf("%s = %d", id, k), fmt.Sprintf("%s BETWEEN %d AND %d", id, k, k+g.IntN(9)), fmt.Sprintf("%s %% 5 = %d", id, g.IntN(5)),
		fmt.Sprintf("%s IN (%d, %d, %d)", id, k, k+3, k+7), fmt.Sprintf("odd(%s)", id), fmt.Sprintf("%s < %d AND odd(%s)", id, k, id),
		fmt.Sprintf("%s > %d", id, k), fmt.Sprintf("%s IN (SELECT s.id FROM k s WHERE s.id < %d)", id, k), "false",
		fmt.Sprintf("EXISTS (SELECT FROM own s WHERE s.id = %s AND s.n < 5)", id), fmt.Sprintf("%s = ANY (ARRAY[%d, %d, NULL])", id, k, k+1),
	}
	if t.has("n") {
		options = append(options, alias+"n > 3", alias+"n IS NULL", fmt.Sprintf("%sn = %d", alias, g.IntN(10)), "flip("+alias+"n) < 6")
	}
	if t.has("t") {
		options = append(options, alias+"t LIKE '%1'", alias+"t IS NULL", alias+"t < 'r5'")
	}
	return g.pick(options...)
}
