package lint

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

// tree is the text of every source file, by slash-separated path from the root
// of the repository.
type tree map[string]string

// law is one rule. check returns a line for each place that breaks it, as
// "path:line: what" or "path: what".
type law struct {
	name  string
	check func(tree) []string
	bad   []tree // each must be found wrong
	good  tree   // near misses: must not be
}

var laws = [][]law{cLaws, goLaws, treeLaws, {recursionLaw}}

// TestLaws holds this repository to every law.
func TestLaws(t *testing.T) {
	src, err := load(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.mod", "Makefile", "cgo/bridge.h", "handler/internal/lint/doc.go"} {
		if _, ok := src[name]; !ok {
			t.Fatalf("%s was not read: the laws would hold of nothing", name)
		}
	}
	for _, group := range laws {
		for _, l := range group {
			t.Run(l.name, func(t *testing.T) {
				for _, finding := range l.check(src) {
					t.Error(finding)
				}
			})
		}
	}
}

// TestLawsBite proves that each law finds what it is there to find, and leaves
// alone what only looks like it.
func TestLawsBite(t *testing.T) {
	for _, group := range laws {
		for _, l := range group {
			t.Run(l.name, func(t *testing.T) {
				if len(l.bad) == 0 {
					t.Error("no example that breaks it")
				}
				for i, bad := range l.bad {
					if len(l.check(bad)) == 0 {
						t.Errorf("example %d breaks it and was not found: %q", i, bad)
					}
				}
				for _, finding := range l.check(l.good) {
					t.Errorf("the good example is found wrong: %s", finding)
				}
			})
		}
	}
}

// load reads the tree under root, without what git and make keep there, the
// binary files, and what is data for a test.
func load(root string) (tree, error) {
	src := tree{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if base := d.Name(); base == ".git" || base == "testdata" || strings.HasPrefix(base, "output_") {
				return filepath.SkipDir
			}
			return nil
		}
		switch path.Ext(rel) {
		case ".o", ".so", ".bc", ".zip":
			return nil
		}
		// .git is a file in a work tree of its own
		if rel == ".git" || rel == "pgwire_fdw_go.h" || !d.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if bytes.IndexByte(text, 0) < 0 {
			src[rel] = string(text)
		}
		return nil
	})
	return src, err
}

// files returns the paths for which keep holds, in order.
func (src tree) files(keep func(string) bool) []string {
	var names []string
	for name := range src {
		if keep(name) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

func in(dir string) func(string) bool {
	return func(name string) bool { return strings.HasPrefix(name, dir+"/") }
}

func isGo(name string) bool     { return path.Ext(name) == ".go" }
func isTest(name string) bool   { return strings.HasSuffix(name, "_test.go") }
func isC(name string) bool      { return path.Ext(name) == ".c" || path.Ext(name) == ".h" }
func stem(name string) string   { return strings.TrimSuffix(path.Base(name), path.Ext(name)) }
func insideGo(name string) bool { return in("handler")(name) || in("cgo")(name) }

// guestGo are the Go files that run inside a backend.
func (src tree) guestGo() []string {
	return src.files(func(name string) bool { return isGo(name) && insideGo(name) && !isTest(name) })
}

// goFile is a parsed Go file.
type goFile struct {
	*ast.File
	fset *token.FileSet
	name string
}

func (f goFile) at(n ast.Node, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", f.name, f.fset.Position(n.Pos()).Line, fmt.Sprintf(format, args...))
}

// parse parses the named files. One that does not parse is a finding: no law
// can be checked on it.
func (src tree) parse(names []string) (files []goFile, findings []string) {
	for _, name := range names {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, name, src[name], parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			findings = append(findings, fmt.Sprintf("%s: %v", name, err))
			continue
		}
		files = append(files, goFile{f, fset, name})
	}
	return files, findings
}

// lineOf is the line of a byte offset in text, from 1.
func lineOf(text string, offset int) int { return 1 + strings.Count(text[:offset], "\n") }
