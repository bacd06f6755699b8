package lint

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const module = "pgwire_fdw"

var goLaws = []law{
	{
		name:  "only cgo/ imports C",
		check: importsC,
		bad: []tree{
			{"handler/x.go": "package handler\n\nimport \"C\"\n"},
			{"tools/x.go": "package main\n\nimport \"C\"\n"},
			{"cgo/x_test.go": "package main\n\nimport \"C\"\n"},
		},
		good: tree{
			"cgo/x.go":         "package main\n\nimport \"C\"\n",
			"cgo/cgotest/x.go": "package cgotest\n\nimport \"C\"\n",
			"handler/x.go":     "package handler\n\n// import \"C\"\nimport \"context\"\n",
		},
	},
	{
		name:  "imports go one way",
		check: arrows,
		bad: []tree{
			{"cgo/x.go": "package main\n\nimport \"github.com/jackc/pgx/v5/pgconn\"\n"},
			{"cgo/x.go": "package main\n\nimport \"pgwire_fdw/handler/internal/wire\"\n"},
			{"handler/x.go": "package handler\n\nimport \"github.com/jackc/pgx/v5/pgconn\"\n"},
			{"handler/internal/wire/x.go": "package wire\n\nimport \"golang.org/x/sys/unix\"\n"},
			{"handler/internal/ir/x.go": "package ir\n\nimport \"pgwire_fdw/handler/internal/session\"\n"},
			{"handler/internal/session/x.go": "package session\n\nimport \"pgwire_fdw/handler/internal/fetch\"\n"},
			{"handler/internal/session/x.go": "package session\n\nimport \"pgwire_fdw/handler/internal/fakepg\"\n"},
			{"handler/internal/dial/x.go": "package dial\n\nimport \"pgwire_fdw/handler/internal/session\"\n"},
			{"handler/internal/session/x.go": "package session\n\nimport \"pgwire_fdw/handler/internal/pool\"\n"},
			{"handler/internal/fetch/x.go": "package fetch\n\nimport \"pgwire_fdw/handler\"\n"},
			{"handler/internal/novel/x.go": "package novel\n"},
		},
		good: tree{
			"cgo/x.go":                           "package main\n\nimport (\n\t\"fmt\"\n\n\t\"golang.org/x/sys/unix\"\n\t\"pgwire_fdw/handler\"\n)\n",
			"handler/x.go":                       "package handler\n\nimport \"pgwire_fdw/handler/internal/session\"\n",
			"handler/internal/wire/x_test.go":    "package wire\n\nimport \"github.com/jackc/pgx/v5/pgtype\"\n",
			"handler/internal/session/x_test.go": "package session\n\nimport \"pgwire_fdw/handler/internal/fakepg\"\n",
			"handler/internal/deparse/x.go":      "package deparse\n\nimport (\n\t\"strings\"\n\t\"pgwire_fdw/handler/internal/ir\"\n)\n",
		},
	},
	{
		name:  "SQLSTATEs stand in one list",
		check: states,
		bad: []tree{
			{"handler/x.go": "package handler\n\nvar s = \"40001\"\n"},
			{"handler/internal/wire/x.go": "package wire\n\nfunc f(s string) bool { return s == \"22P02\" }\n"},
		},
		good: tree{
			"handler/internal/sqlstate/x.go": "package sqlstate\n\nconst S = \"40001\"\n",
			"handler/x_test.go":              "package handler\n\nvar s = \"40001\"\n",
			"handler/x.go":                   "package handler\n\n// as 40001\nvar s, l, n = \"FALSE\", \"FIRST\", \"12345678\"\n",
		},
	},
	{
		name:  "goroutines start in invariant.Go",
		check: goroutines,
		bad:   []tree{{"handler/internal/session/x.go": "package session\n\nfunc f() { go f() }\n"}, {"cgo/x.go": "package main\n\nfunc f() { go func() {}() }\n"}},
		good: tree{
			"handler/internal/invariant/x.go":    "package invariant\n\nfunc f() { go f() }\n",
			"handler/internal/session/x_test.go": "package session\n\nfunc f() { go f() }\n",
			"handler/internal/session/x.go":      "package session\n\n// go f()\nfunc f() { invariant.Go(\"f\", f, nil) }\n",
		},
	},
	{
		name:  "a guest does not touch the process",
		check: guest,
		bad: []tree{
			{"handler/x.go": "package handler\n\nimport \"os\"\n\nfunc f() { os.Exit(1) }\n"},
			{"handler/x.go": "package handler\n\nimport \"log\"\n\nfunc f() { log.Fatal(1) }\n"},
			{"handler/x.go": "package handler\n\nimport \"os/signal\"\n"},
			{"handler/x.go": "package handler\n\nimport \"fmt\"\n\nfunc f() { fmt.Println(1) }\n"},
			{"handler/x.go": "package handler\n\nimport (\n\t\"fmt\"\n\tx \"os\"\n)\n\nfunc f() { fmt.Fprintln(x.Stderr, 1) }\n"},
			{"cgo/x.go": "package main\n\nimport \"os\"\n\nvar v = os.Getenv(\"PGHOST\")\n"},
			{"cgo/x.go": "package main\n\nfunc init() { start() }\n"},
			{"cgo/x.go": "package main\n\nfunc f() { println(1) }\n"},
			{"handler/x.go": "package handler\n\nimport . \"os\"\n"},
			{"handler/x.go": "package handler\n\nimport \"syscall\"\n\nfunc f() { syscall.Kill(1, 9) }\n"},
		},
		good: tree{
			"handler/x.go":      "package handler\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\nvar m map[int]int\n\nfunc init() { m = make(map[int]int) }\n\nfunc f() error { _, err := os.ReadFile(\"x\"); return fmt.Errorf(\"%w\", err) }\n",
			"handler/x_test.go": "package handler\n\nimport \"os\"\n\nfunc f() { os.Exit(1) }\n",
			"handler/y.go":      "package handler\n\ntype t struct{}\n\nfunc (t) Exit() {}\n\nfunc g(os t) { os.Exit() }\n",
		},
	},
	{
		name:  "randomness comes from the kernel",
		check: randomness,
		bad: []tree{
			{"handler/x.go": "package handler\n\nimport \"math/rand\"\n"},
			{"handler/internal/session/x.go": "package session\n\nimport r \"math/rand/v2\"\n"},
			{"cgo/x.go": "package main\n\nimport _ \"math/rand/v2\"\n"},
		},
		good: tree{
			"handler/x.go":      "package handler\n\n// not \"math/rand\"\nimport (\n\t\"crypto/rand\"\n\t\"math\"\n)\n",
			"handler/x_test.go": "package handler\n\nimport \"math/rand/v2\"\n",
			"tools/x.go":        "package main\n\nimport \"math/rand/v2\"\n",
		},
	},
	{
		name:  "an export is one guard call",
		check: exports,
		bad: []tree{
			{"cgo/x.go": "package main\n\n//export f\nfunc f() int { x := 1; return guard(x) }\n"},
			{"cgo/x.go": "package main\n\n//export f\nfunc f() int { return handler.F() }\n"},
			{"cgo/x.go": "package main\n\n// f is said to do this.\n//\n//export f\nfunc f() {}\n"},
			{"handler/x.go": "package handler\n\n//export f\nfunc f() int { return guard(1) }\n"},
		},
		good: tree{
			"cgo/x.go":         "package main\n\n//export f\nfunc f() int { return guard(nil, func() int { return 1 }) }\n\n//export g\nfunc g() { guardVoid(func() {}) }\n\nfunc h() int { return 1 }\n",
			"cgo/cgotest/x.go": "package cgotest\n\n//export f\nfunc f() {}\n",
		},
	},
	{
		name:  "exported names are documented",
		check: documented,
		bad: []tree{
			{"handler/x.go": "package handler\n\nfunc F() {}\n"},
			{"handler/x.go": "package handler\n\ntype T struct{}\n"},
			{"handler/x.go": "package handler\n\nconst C = 1\n"},
			{"handler/x.go": "package handler\n\ntype t struct{}\n\n// T is exported.\ntype T = t\n\nfunc (t *T) M() {}\n"},
			{"handler/internal/x/x.go": "package x\n"},
		},
		good: tree{"handler/x.go": "// Package handler is documented.\npackage handler\n\n// F does.\nfunc F() {}\n\ntype t int\n\nfunc (t) String() string { return \"\" }\n\n// What there is.\nconst (\n\tA = 1\n\tB = 2\n)\n\nvar V = 1 // V is one\n"},
	},
}

// layers says what each package under handler/internal may import of the
// others, and whether anything but the standard library. A package that is not
// listed is a finding: whoever adds one decides where it stands.
var layers = map[string]struct {
	internal string // names of packages, separated by blanks
	outside  bool   // pgx, pglogrepl, x/sys
}{
	"sqlstate":  {},
	"invariant": {internal: "sqlstate"},
	"ir":        {internal: "invariant sqlstate"},
	"memo":      {},
	"remotever": {internal: "invariant"},
	"mem":       {internal: "invariant sqlstate", outside: true},
	"wire":      {internal: "invariant sqlstate"},
	"txn":       {internal: "invariant"},
	"option":    {internal: "invariant sqlstate"},
	"ship":      {internal: "invariant ir option remotever"},
	"cost":      {internal: "invariant ir option remotever"},
	"deparse":   {internal: "invariant ir option remotever ship"},
	"sqlerr":    {internal: "invariant sqlstate", outside: true},
	"dial":      {internal: "invariant mem option sqlerr sqlstate", outside: true},
	"session":   {internal: "dial invariant mem option remotever sqlerr sqlstate txn wire", outside: true},
	"pool":      {internal: "dial invariant option session sqlerr sqlstate txn", outside: true},
	"spool":     {internal: "invariant mem sqlerr sqlstate", outside: true},
	"fetch":     {internal: "invariant mem option pool session spool sqlerr sqlstate wire", outside: true},
	"store":     {internal: "invariant mem option pool session sqlerr sqlstate wire", outside: true},
	"feed":      {internal: "dial invariant mem option remotever spool sqlerr sqlstate wire", outside: true},
	"fakepg":    {internal: "invariant wire", outside: true},
	"lint":      {},
}

// onlyTests are packages that nothing but tests may import.
var onlyTests = []string{"fakepg", "lint"}

func importPaths(f goFile) []string {
	var paths []string
	for _, spec := range f.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

// isStd tells a package of the standard library by its first element, which
// has no dot; this module's own has none either.
func isStd(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	return !strings.Contains(first, ".") && first != module && p != "C"
}

func importsC(src tree) []string {
	files, findings := src.parse(src.files(isGo))
	for _, f := range files {
		if slices.Contains(importPaths(f), "C") && (!in("cgo")(f.name) || isTest(f.name)) {
			findings = append(findings, f.at(f.File, "imports C"))
		}
	}
	return findings
}

func arrows(src tree) []string {
	files, findings := src.parse(src.files(func(name string) bool { return isGo(name) && insideGo(name) }))
	for _, f := range files {
		const internal = "handler/internal/"
		pkg, _, nested := strings.Cut(strings.TrimPrefix(f.name, internal), "/")
		isInternal := strings.HasPrefix(f.name, internal) && nested
		if _, known := layers[pkg]; isInternal && !known {
			findings = append(findings, f.at(f.File, "package %s has no place in the layers", pkg))
			continue
		}
		for _, p := range importPaths(f) {
			why := ""
			switch {
			case p == "C" || isStd(p):
			case in("cgo")(f.name):
				why = cgoMayImport(p)
			case isTest(f.name):
				// A test may bring what it likes; only the shipped code has layers.
			case isInternal:
				why = internalMayImport(pkg, p)
			default:
				why = doorMayImport(p)
			}
			if why != "" {
				findings = append(findings, fmt.Sprintf("%s: imports %s: %s", f.name, p, why))
			}
		}
	}
	return findings
}

func cgoMayImport(p string) string {
	if p == module+"/handler" || strings.HasPrefix(p, "golang.org/x/sys/") || strings.HasPrefix(p, module+"/cgo") {
		return ""
	}
	return "cgo/ knows the handler, the standard library and x/sys"
}

func doorMayImport(p string) string {
	name, ok := strings.CutPrefix(p, module+"/handler/internal/")
	switch {
	case !ok:
		return "the doors of handler/ know what is under handler/internal only"
	case slices.Contains(onlyTests, name):
		return name + " is for tests"
	}
	return ""
}

func internalMayImport(pkg, p string) string {
	layer := layers[pkg]
	name, ours := strings.CutPrefix(p, module+"/handler/internal/")
	switch {
	case !ours && strings.HasPrefix(p, module):
		return "that is above it"
	case !ours && !layer.outside:
		return pkg + " knows the standard library only"
	case ours && slices.Contains(onlyTests, name):
		return name + " is for tests"
	case ours && name != pkg && !slices.Contains(strings.Fields(layer.internal), name):
		return "that is not below " + pkg
	}
	return ""
}

func goroutines(src tree) []string {
	files, findings := src.parse(src.guestGo())
	for _, f := range files {
		if path.Dir(f.name) == "handler/internal/invariant" {
			continue
		}
		ast.Inspect(f.File, func(n ast.Node) bool {
			if stmt, ok := n.(*ast.GoStmt); ok {
				findings = append(findings, f.at(stmt, "a bare go statement: a panic in it restarts the whole cluster"))
			}
			return true
		})
	}
	return findings
}

// untouchable are the packages, and of some only the names, that reach the
// process the guest lives in.
var untouchable = map[string]string{
	"os":        "Exit Stdin Stdout Stderr Getenv LookupEnv Setenv Unsetenv Environ ExpandEnv Clearenv Args Chdir FindProcess StartProcess",
	"log":       "*",
	"log/slog":  "*",
	"os/signal": "*",
	"os/exec":   "*",
	"plugin":    "*",
	"expvar":    "*",
	"fmt":       "Print Printf Println Scan Scanf Scanln",
	"runtime":   "Goexit",
	"testing":   "*",
	"syscall":   "Exit Kill Getenv Setenv Unsetenv Environ Chdir ForkExec Exec Setrlimit",
	"net/http":  "*",
	"flag":      "*",
}

func guest(src tree) []string {
	files, findings := src.parse(src.guestGo())
	for _, f := range files {
		names := map[string]string{} // as the file calls it → its path
		for _, spec := range f.Imports {
			p, _ := strconv.Unquote(spec.Path.Value)
			forbidden, listed := untouchable[p]
			if !listed {
				continue
			}
			name := path.Base(p)
			if spec.Name != nil {
				name = spec.Name.Name
			}
			if name == "." || forbidden == "*" {
				if !mayTest(f.name, p) {
					findings = append(findings, f.at(spec, "imports %s", p))
				}
				continue
			}
			names[name] = p
		}
		ast.Inspect(f.File, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if id, ok := n.X.(*ast.Ident); ok && slices.Contains(strings.Fields(untouchable[names[id.Name]]), n.Sel.Name) {
					findings = append(findings, f.at(n, "uses %s.%s", names[id.Name], n.Sel.Name))
				}
			case *ast.CallExpr:
				if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "print" || id.Name == "println") {
					findings = append(findings, f.at(n, "writes to the server's standard error"))
				}
			case *ast.FuncDecl:
				if n.Recv == nil && n.Name.Name == "init" {
					findings = append(findings, initCalls(f, n)...)
				}
			}
			return true
		})
	}
	return findings
}

// mayTest allows the scripted server, which only tests use, to take a testing.TB.
func mayTest(file, imported string) bool {
	return imported == "testing" && in("handler/internal/fakepg")(file)
}

// initCalls: an init that calls something may fail, and there is nobody to
// tell: the server is inside dlopen.
func initCalls(f goFile, decl *ast.FuncDecl) (findings []string) {
	ast.Inspect(decl.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if id, ok := call.Fun.(*ast.Ident); !ok || !slices.Contains([]string{"make", "new", "append", "len", "cap", "copy"}, id.Name) {
			findings = append(findings, f.at(call, "init calls something"))
		}
		return true
	})
	return findings
}

// randomness: the runtime seeds math/rand with bytes of the process's auxiliary
// vector, of which all backends have the postmaster's copy.
func randomness(src tree) []string {
	files, findings := src.parse(src.guestGo())
	for _, f := range files {
		for _, p := range importPaths(f) {
			if p == "math/rand" || strings.HasPrefix(p, "math/rand/") {
				findings = append(findings, f.at(f.File, "imports %s, whose seed forked processes share", p))
			}
		}
	}
	return findings
}

func exports(src tree) []string {
	files, findings := src.parse(src.guestGo())
	for _, f := range files {
		if in("cgo/cgotest")(f.name) {
			continue
		}
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || !isExport(fn) {
				continue
			}
			if !in("cgo")(f.name) {
				findings = append(findings, f.at(fn, "%s: only cgo/ exports", fn.Name.Name))
			} else if !isOneGuardCall(fn) {
				findings = append(findings, f.at(fn, "%s: the body is not one call of a guard", fn.Name.Name))
			}
		}
	}
	return findings
}

func isExport(fn *ast.FuncDecl) bool {
	return fn.Doc != nil && slices.ContainsFunc(fn.Doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//export ") })
}

func isOneGuardCall(fn *ast.FuncDecl) bool {
	if len(fn.Body.List) != 1 {
		return false
	}
	var expr ast.Expr
	switch stmt := fn.Body.List[0].(type) {
	case *ast.ReturnStmt:
		if len(stmt.Results) == 1 {
			expr = stmt.Results[0]
		}
	case *ast.ExprStmt:
		expr = stmt.X
	}
	call, ok := expr.(*ast.CallExpr)
	if !ok {
		return false
	}
	id, ok := call.Fun.(*ast.Ident)
	return ok && strings.HasPrefix(id.Name, "guard")
}

func documented(src tree) []string {
	files, findings := src.parse(src.files(func(name string) bool { return isGo(name) && in("handler")(name) && !isTest(name) }))
	hasDoc := map[string]bool{}
	for _, f := range files {
		dir := path.Dir(f.name)
		hasDoc[dir] = hasDoc[dir] || f.Doc != nil
		for _, decl := range f.Decls {
			findings = append(findings, undocumented(f, decl)...)
		}
	}
	for _, f := range files {
		if dir := path.Dir(f.name); dir != "handler" && !hasDoc[dir] {
			findings = append(findings, dir+": no package comment")
			hasDoc[dir] = true
		}
	}
	return findings
}

func undocumented(f goFile, decl ast.Decl) (findings []string) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		// Error, String and the like say by their name alone what they do.
		wellKnown := d.Recv != nil && slices.Contains([]string{"Error", "String", "Unwrap"}, d.Name.Name)
		if d.Name.IsExported() && d.Doc == nil && !wellKnown && receiverExported(d) {
			findings = append(findings, f.at(d, "%s has no comment", d.Name.Name))
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			var names []*ast.Ident
			said := d.Doc != nil
			switch s := spec.(type) {
			case *ast.TypeSpec:
				names, said = []*ast.Ident{s.Name}, said || s.Doc != nil || s.Comment != nil
			case *ast.ValueSpec:
				names, said = s.Names, said || s.Doc != nil || s.Comment != nil
			}
			for _, id := range names {
				if id.IsExported() && !said {
					findings = append(findings, f.at(id, "%s has no comment", id.Name))
				}
			}
		}
	}
	return findings
}

// receiverExported is false for a method of an unexported type: it is there
// for an interface, which says what it does.
func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

// aState is a string that looks like an SQLSTATE: five digits and capitals, of
// a class that PostgreSQL has (which words in capitals do not begin with).
var aState = regexp.MustCompile(`^"([0-5][0-9A-Z]|F0|HV|P0|XX)[0-9A-Z]{3}"$`)

func states(src tree) []string {
	files, findings := src.parse(src.guestGo())
	for _, f := range files {
		if in("handler/internal/sqlstate")(f.name) || in("handler/internal/fakepg")(f.name) {
			continue
		}
		ast.Inspect(f.File, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && aState.MatchString(lit.Value) {
				findings = append(findings, f.at(n, "spells the SQLSTATE %s; package sqlstate names it", lit.Value))
			}
			return true
		})
	}
	return findings
}
