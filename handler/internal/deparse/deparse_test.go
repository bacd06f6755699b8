package deparse_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgwire_fdw/handler/internal/deparse"
	"pgwire_fdw/handler/internal/ir"
	"pgwire_fdw/handler/internal/ir/irtest"
	"pgwire_fdw/handler/internal/ship"
)

// What is sent to a server of the same version is what is tested here.
var servers = ir.Servers{Local: 18, Remote: 18}

var update = flag.Bool("update", false, "rewrite the expected text in testdata")

// table is a query of the table that the goldens are about.
func table(where ...ir.Expr) *ir.Query {
	item := ir.Item{Number: 1, Kind: ir.ItemTable, Schema: "s", Name: "t"}
	for i, name := range []string{"c1", "c2", "c3", "c4", "Odd \"Name", "select"} {
		item.Columns = append(item.Columns, ir.Column{Attno: int32(i + 1), Name: name})
	}
	return &ir.Query{Items: []ir.Item{item}, From: ir.FromItem(1), Where: where}
}

// TestGolden runs testdata/*: each case is an expression in the notation of
// package irtest, a line of dashes, and the condition's text with the
// parameters it needs. Cases are separated by an empty line. Those of
// testdata/query are whole queries.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.golden")
	queries, _ := filepath.Glob("testdata/query/*.golden")
	files = append(files, queries...)
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { golden(t, file) })
	}
}

func golden(t *testing.T, file string) {
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rewritten []string
	for _, block := range strings.Split(strings.TrimSpace(string(content)), "\n\n") {
		input, want, _ := strings.Cut(block, "\n----")
		want = strings.TrimPrefix(want, "\n")
		got := text(t, stripComments(input))
		if got != want && !*update {
			t.Errorf("%s\n\tgot  %s\n\twant %s", input, got, want)
		}
		rewritten = append(rewritten, input+"\n----\n"+got)
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(rewritten, "\n\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func stripComments(s string) string {
	var lines []string
	for _, l := range strings.Split(s, "\n") {
		if !strings.HasPrefix(l, "#") {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "\n")
}

func text(t *testing.T, notation string) string {
	t.Helper()
	if !strings.HasPrefix(notation, "(query") {
		return condition(t, notation)
	}
	q := irtest.ParseQuery(notation)
	// as it would come from C
	req, err := ir.Decode(ir.Encode(&ir.QueryRequest{Statement: true, Query: q}))
	if err != nil {
		return "error: " + err.Error()
	}
	decoded := req.(*ir.QueryRequest).Query
	if refusals := ship.Query(servers, decoded); len(refusals) > 0 {
		return "refused: " + refusals[0].Reason
	}
	statement, err := deparse.Query(decoded)
	if err != nil {
		return "error: " + err.Error()
	}
	return statement.SQL
}

func condition(t *testing.T, notation string) string {
	t.Helper()
	e, err := ship.Clause(servers, irtest.Parse(notation))
	if err != nil {
		return "refused: " + err.Error()
	}
	statement, err := deparse.Query(table(e))
	if err != nil {
		return "error: " + err.Error()
	}
	text := strings.TrimPrefix(statement.SQL, "SELECT NULL FROM s.t WHERE ")
	for i, p := range statement.Params {
		text += fmt.Sprintf("\n$%d = %s", i+1, irtest.Notation(p))
	}
	return text
}

func TestTable(t *testing.T) {
	clauses := func(notations ...string) []ir.Expr {
		var all []ir.Expr
		for _, n := range irtest.ParseAll(notations...) {
			e, err := ship.Clause(servers, n)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, e)
		}
		return all
	}
	locks := func(lock ir.LockStrength, wait ir.WaitPolicy) []ir.RowLock {
		return []ir.RowLock{{Item: 1, Strength: lock, Wait: wait}}
	}
	for _, c := range []struct {
		fetch string
		where []ir.Expr
		locks []ir.RowLock
		want  string
	}{
		{"", nil, nil, `SELECT NULL FROM s.t`},
		{"5 1 -1", nil, nil, `SELECT "Odd ""Name", c1, ctid FROM s.t`},
		{"1 2", clauses(`(op = bool (col 1 int4) (const int4 5))`, `(op > bool (col 2 int4) (ext 1 int4))`), nil,
			`SELECT c1, c2 FROM s.t WHERE ((c1 = 5)) AND ((c2 > $1::integer))`},
		{"1", nil, locks(ir.LockShare, ir.WaitBlock), `SELECT c1 FROM s.t FOR SHARE`},
		{"1", nil, locks(ir.LockUpdate, ir.WaitSkip), `SELECT c1 FROM s.t FOR UPDATE SKIP LOCKED`},
		{"1", nil, locks(ir.LockUpdate, ir.WaitError), `SELECT c1 FROM s.t FOR UPDATE NOWAIT`},
		{"1", nil, locks(ir.LockNone, ir.WaitError), `SELECT c1 FROM s.t`},
	} {
		q := table(c.where...)
		for _, attno := range strings.Fields(c.fetch) {
			q.Targets = append(q.Targets, ir.Target{Expr: irtest.Parse("(col " + attno + " int4)")})
		}
		q.Locks = c.locks
		got, err := deparse.Query(q)
		if err != nil || got.SQL != c.want {
			t.Errorf("got  %s (%v)\nwant %s", got.SQL, err, c.want)
		}
	}
}

func TestColumnWithoutName(t *testing.T) {
	q := table()
	q.Targets = []ir.Target{{Expr: irtest.Parse("(col 99 int4)")}}
	if _, err := deparse.Query(q); err == nil {
		t.Error("no error")
	}
}

// Equal expressions share a parameter, others do not.
func TestParamsAreShared(t *testing.T) {
	e, err := ship.Clause(servers, irtest.Parse(`(or (op = bool (col 1 int4) (ext 1 int4))
		(op = bool (col 2 int4) (ext 2 int4)) (op = bool (col 3 int4) (ext 1 int4)))`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := deparse.Query(table(e))
	want := `SELECT NULL FROM s.t WHERE (((c1 = $1::integer) OR (c2 = $2::integer) OR (c3 = $1::integer)))`
	if err != nil || got.SQL != want || len(got.Params) != 2 {
		t.Errorf("got %s with %d parameters, %v", got.SQL, len(got.Params), err)
	}
}

func TestTooManyParams(t *testing.T) {
	column := irtest.Parse(`(col 1 int4)`)
	many := func(n int) error {
		args := make([]ir.Expr, n)
		for i := range args {
			p := &ir.Local{Expr: &ir.Param{Number: int32(i)}}
			p.Type, p.Equal = column.Base().Type, uint32(i)
			args[i] = p
		}
		_, err := deparse.Query(table(&ir.Coalesce{Args: args}))
		return err
	}
	if err := many(deparse.MaxParams); err != nil {
		t.Errorf("%d parameters: %v", deparse.MaxParams, err)
	}
	if err := many(deparse.MaxParams + 1); !errors.Is(err, deparse.ErrTooManyParams) {
		t.Errorf("%d parameters: %v", deparse.MaxParams+1, err)
	}
}

func TestTooLong(t *testing.T) {
	value := irtest.Parse("(const text x)").(*ir.Const)
	value.Text = strings.Repeat("x", 1<<20)
	args := make([]ir.Expr, deparse.MaxSize>>20+2)
	for i := range args {
		args[i] = value
	}
	if _, err := deparse.Query(table(&ir.Coalesce{Args: args[:8]})); err != nil {
		t.Error(err)
	}
	if _, err := deparse.Query(table(&ir.Coalesce{Args: args})); !errors.Is(err, deparse.ErrTooLong) {
		t.Errorf("got %v", err)
	}
}

func TestIdent(t *testing.T) {
	for name, want := range map[string]string{
		"a": "a", "_a1": "_a1", "a b": `"a b"`, "A": `"A"`, "1a": `"1a"`, `a"b`: `"a""b"`, "": `""`,
		"select": `"select"`, "user": `"user"`, "json_table": `"json_table"`, "name": "name",
		"größe": `"größe"`, "a$": `"a$"`, "extract": `"extract"`,
	} {
		if got := deparse.Ident(name); got != want {
			t.Errorf("%q: got %s, want %s", name, got, want)
		}
	}
}

func TestLiteral(t *testing.T) {
	for s, want := range map[string]string{
		"": `''`, "a": `'a'`, "it's": `'it''s'`, `a\b`: `E'a\\b'`, `\'`: `E'\\'''`, "a\nb": "'a\nb'",
	} {
		if got := deparse.Literal(s); got != want {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
	}
}

// unquote reads a literal as the server's scanner does (scan.l: <xq> without,
// <xe> with backslash escapes), and answers what follows it.
func unquote(t *testing.T, text string) (value, rest string) {
	t.Helper()
	escapes := strings.HasPrefix(text, "E")
	text = strings.TrimPrefix(text, "E")
	if !strings.HasPrefix(text, "'") {
		t.Fatalf("no literal: %q", text)
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\'' && i+1 < len(text) && text[i+1] == '\'':
			b.WriteByte('\'')
			i++
		case c == '\'':
			return b.String(), text[i+1:]
		case c == '\\' && escapes:
			i++
			if i == len(text) || text[i] != '\\' && text[i] != '\'' {
				t.Fatalf("escape that means something else in %q", text)
			}
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	t.Fatalf("literal does not end: %q", text)
	return "", ""
}

// FuzzQuote: whatever the value, the scanner reads it back, and nothing of it
// gets outside of the quotes.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "a", "'", `\`, `\'`, `'; DROP TABLE t; --`, `""`, `"`, "E'", "\xff'", "a\\\\'b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if value, rest := unquote(t, deparse.Literal(s)); value != s || rest != "" {
			t.Errorf("%q written %s reads %q and leaves %q", s, deparse.Literal(s), value, rest)
		}
		ident := deparse.Ident(s)
		if ident != s {
			inner := strings.TrimSuffix(strings.TrimPrefix(ident, `"`), `"`)
			if len(ident) != len(inner)+2 || strings.Contains(strings.ReplaceAll(inner, `""`, ""), `"`) ||
				strings.ReplaceAll(inner, `""`, `"`) != s {
				t.Errorf("%q written %s", s, ident)
			}
		}
	})
}
