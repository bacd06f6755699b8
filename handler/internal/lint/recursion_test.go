package lint

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// recursers are the packages whose functions may call themselves, and why that
// ends: a stack that is exhausted in Go ends the process, and with it the
// cluster's other sessions.
var recursers = map[string]string{
	"handler/internal/ir":      "Decode refuses trees deeper than MaxDepth, all others walk what it answered",
	"handler/internal/ship":    "trees of ir",
	"handler/internal/deparse": "trees of ir",
	"handler/internal/dial":    "describe: the two errors of one address",
}

var recursionLaw = law{
	name:  "what recurses has a bound",
	check: recursion,
	bad: []tree{
		{"handler/internal/wire/x.go": "package wire\n\nfunc f(b []byte) { f(b[1:]) }\n"},
		{"handler/internal/wire/x.go": "package wire\n\nfunc f() { g() }\n", "handler/internal/wire/y.go": "package wire\n\nfunc g() { f() }\n"},
		{"handler/x.go": "package handler\n\ntype s struct{}\n\nfunc (s *s) value() { s.array() }\n\nfunc (x *s) array() { func() { x.value() }() }\n"},
	},
	good: tree{
		"handler/internal/ir/x.go":   "package ir\n\nfunc f() { f() }\n",
		"handler/internal/wire/x.go": "package wire\n\nfunc f() { g() }\n\nfunc g() {}\n\ntype t struct{ inner *u }\n\ntype u struct{}\n\nfunc (t *t) Close() { t.inner.Close() }\n\nfunc (u *u) Close() { f() }\n",
		"handler/x_test.go":          "package handler\n\nfunc f() { f() }\n",
	},
}

// recursion finds functions that reach themselves through calls of functions
// of their package and of methods of their own receiver.
func recursion(src tree) (findings []string) {
	names := slices.DeleteFunc(src.guestGo(), func(name string) bool {
		return strings.HasPrefix(name, "handler/internal/fakepg/") || strings.HasPrefix(name, "handler/internal/ir/irtest/")
	})
	files, findings := src.parse(names)
	calls := map[string][]string{} // by directory, receiver's type and name
	where := map[string]string{}
	for _, f := range files {
		dir := path.Dir(f.name)
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			receiver, kind := receiverOf(fn)
			key := dir + " " + kind + fn.Name.Name
			where[key] = f.at(fn, "%s calls itself", fn.Name.Name)
			var visit func(n ast.Node) bool
			visit = func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.Ident:
					calls[key] = append(calls[key], dir+" "+n.Name)
				case *ast.SelectorExpr:
					if x, ok := n.X.(*ast.Ident); ok && x.Name == receiver {
						calls[key] = append(calls[key], dir+" "+kind+n.Sel.Name)
					}
					ast.Inspect(n.X, visit) // the selected name is no function of the package
					return false
				}
				return true
			}
			ast.Inspect(fn.Body, visit)
		}
	}
	for key, at := range where {
		dir, _, _ := strings.Cut(key, " ")
		if recursers[dir] == "" && reaches(calls, key) {
			findings = append(findings, fmt.Sprintf("%s, and %s has no bound to name", at, dir))
		}
	}
	slices.Sort(findings)
	return findings
}

// receiverOf answers the receiver's name and its type followed by a dot; both
// empty for a function.
func receiverOf(fn *ast.FuncDecl) (name, kind string) {
	if fn.Recv == nil {
		return "", ""
	}
	field := fn.Recv.List[0]
	if len(field.Names) > 0 {
		name = field.Names[0].Name
	}
	t := field.Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.Ident:
			return name, x.Name + "."
		default:
			return name, "?."
		}
	}
}

func reaches(calls map[string][]string, from string) bool {
	seen := map[string]bool{}
	next := slices.Clone(calls[from])
	for len(next) > 0 {
		key := next[len(next)-1]
		next = next[:len(next)-1]
		if key == from {
			return true
		}
		if !seen[key] {
			seen[key] = true
			next = append(next, calls[key]...)
		}
	}
	return false
}
