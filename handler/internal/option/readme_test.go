package option

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the options section of README.md")

const (
	readmePath   = "../../../README.md"
	optionsBegin = "<!-- options:begin -->"
	optionsEnd   = "<!-- options:end -->"
)

// README.md says what the table says. After a change of the table:
//
//	go test ./handler/internal/option -run TestReadme -update
func TestReadme(t *testing.T) {
	content, err := os.ReadFile(readmePath)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(content), optionsBegin)
	section, after, ok2 := strings.Cut(rest, optionsEnd)
	if !ok || !ok2 {
		t.Fatalf("README.md has no section between %q and %q", optionsBegin, optionsEnd)
	}
	want := "\n" + optionsSection()
	if section == want {
		return
	}
	if !*update {
		t.Fatal("the options in README.md are not those of the table; run this test with -update")
	}
	if err := os.WriteFile(readmePath, []byte(before+optionsBegin+want+optionsEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

const optionsIntro = `Options stand where postgres_fdw has them, with its names, defaults, ranges and errors, so that the definitions made
for postgres_fdw serve as they are, but for the few rows that say "refused". A boolean is ` + "`true`, `false`, `on` or `off`" + `. A
table's option goes before its server's, and a user mapping's before the server's. "Since" is the first PostgreSQL whose
postgres_fdw has the option; here all are known on every server from 14 on.

Every value is checked by CREATE and ALTER, those of connection parameters too, which postgres_fdw finds wrong only when it
connects. An empty connection parameter counts as not set. Nothing is ever taken from the environment, a service file,
a password file or ` + "`~/.postgresql`" + `. Where a catalog holds a value that was never checked (the wrapper had no validator for
a while), the default holds.

`

// optionsSection writes the table as Markdown.
func optionsSection() string {
	var b strings.Builder
	b.WriteString(optionsIntro)
	for _, part := range []struct {
		title string
		specs []Spec
	}{
		{"Options of postgres_fdw", fdwOptions},
		{"Options of pgwire_fdw alone", ownOptions},
		{"Connection parameters of libpq", libpqOptions},
	} {
		fmt.Fprintf(&b, "### %s\n\n| option | on | value | default | since | meaning |\n|---|---|---|---|---|---|\n", part.title)
		for i := range part.specs {
			s := &part.specs[i]
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n",
				s.Name, objects(s), valueText(s), defaultText(s), sinceText(s), meaning(s))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func objects(s *Spec) string {
	names := map[Catalog]string{Server: "server", Mapping: "user mapping", Table: "table", Column: "column", Import: "import"}
	var list []string
	for _, c := range s.Catalogs {
		list = append(list, names[c])
	}
	return strings.Join(list, ", ")
}

func valueText(s *Spec) string {
	switch s.Kind {
	case Bool:
		return "boolean"
	case Int:
		return fmt.Sprintf("integer ≥ %d", s.Min)
	case Real:
		return "number ≥ 0"
	case Bytes:
		return fmt.Sprintf("%s to %s", FormatBytes(s.Min), FormatBytes(s.Max))
	case Number:
		return "integer"
	case Enum:
		return "`" + strings.Join(s.Values, "`, `") + "`"
	case Identifiers:
		return "list of names"
	case Ports:
		return "list of ports"
	case Addresses:
		return "list of IP addresses"
	case AuthMethods:
		return "list of methods"
	}
	return "text"
}

func defaultText(s *Spec) string {
	var parts []string
	for i, d := range s.Defaults {
		text := "`" + d.Value + "`"
		if i > 0 {
			text += fmt.Sprintf(" (server %d and later)", d.Major)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func sinceText(s *Spec) string {
	switch s.Since {
	case 0:
		return ""
	case 14:
		return "≤ 14"
	}
	return fmt.Sprint(s.Since)
}

func meaning(s *Spec) string {
	text := s.Doc
	switch s.Effect {
	case Later:
		if s.in(Import) {
			return text + " *IMPORT FOREIGN SCHEMA comes with a later release.*"
		}
		text += " *Accepted; takes effect with a later release.*"
	case Ignored:
		text += " *Accepted; has no effect.*"
	case Refused:
		text = "*Refused.* " + text
	}
	if len(s.Unsupported) > 0 {
		text += " *`" + strings.Join(s.Unsupported, "`, `") + "` is refused.*"
	}
	switch s.Rule {
	case SuperuserIfFalse:
		text += " Only a superuser may set it to false."
	case SuperuserInMapping:
		text += " In a user mapping only a superuser may set it."
	}
	return strings.ReplaceAll(text, "|", "\\|")
}

// Every connection parameter that the README calls honoured is read by the
// code that connects: none is accepted and forgotten.
func TestSessionReadsEveryParameter(t *testing.T) {
	files, err := filepath.Glob("../dial/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no source of the session: %v", err)
	}
	var source strings.Builder
	for _, f := range append(files, "../../scan.go", "../../xact.go", "../../handler.go", "../../conn.go") {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		text, err := os.ReadFile(f)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		source.Write(text)
	}
	for _, s := range libpqOptions {
		if s.Effect == Works && !strings.Contains(source.String(), fmt.Sprintf("%q", s.Name)) {
			t.Errorf("%s is said to work, but nothing reads it", s.Name)
		}
	}
}
