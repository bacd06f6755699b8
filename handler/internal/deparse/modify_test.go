package deparse_test

import (
	"os"
	"strings"
	"testing"

	"pgwire_fdw/handler/internal/deparse"
	"pgwire_fdw/handler/internal/ir"
)

var operations = map[string]ir.Operation{"insert": ir.Insert, "update": ir.Update, "delete": ir.Delete}

// rowChange reads a case: operation, table, and words: a column that is set (with a
// * behind a generated one), key:name, returning:name, nothing.
func rowChange(t *testing.T, words []string) deparse.RowChange {
	c := deparse.RowChange{Operation: operations[words[0]], Schema: "s", Table: words[1]}
	if c.Operation == 0 {
		t.Fatalf("operation %q", words[0])
	}
	for _, word := range words[2:] {
		kind, name, ok := strings.Cut(word, ":")
		switch {
		case word == "nothing":
			c.DoNothing = true
		case kind == "key":
			c.Keys = append(c.Keys, name)
		case kind == "returning":
			c.Returning = append(c.Returning, name)
		case ok:
			t.Fatalf("word %q", word)
		default:
			name, generated := strings.CutSuffix(word, "*")
			c.Targets = append(c.Targets, deparse.RowTarget{Name: name, Generated: generated})
		}
	}
	return c
}

// TestRowChange runs testdata/modify.txt: a case is a line of words, and the lines
// of SQL: the statement and, if there is one, the COPY.
func TestRowChange(t *testing.T) {
	const file = "testdata/modify.txt"
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rewritten []string
	for _, block := range strings.Split(strings.TrimSpace(string(content)), "\n\n") {
		words, want, _ := strings.Cut(block, "\n")
		change := rowChange(t, strings.Fields(words))
		got, at, n := change.SQL()
		if n > 0 {
			got += "\n" + got[at:at+n]
		}
		if copying := change.CopySQL(); copying != "" {
			got += "\n" + copying
		}
		if got != want && !*update {
			t.Errorf("%s\n\tgot  %s\n\twant %s", words, got, want)
		}
		rewritten = append(rewritten, words+"\n"+got)
	}
	if len(rewritten) < 10 {
		t.Errorf("%d cases", len(rewritten))
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(rewritten, "\n\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
