package lint

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

var treeLaws = []law{
	{
		name:  "the same stem on three floors",
		check: stems,
		bad: []tree{
			{"extension/scan.c": "", "cgo/scan.go": "package main"},
			{"extension/scan.c": "", "handler/scan.go": "package handler"},
			{"handler/scan.go": "package handler", "cgo/scan.go": "package main"},
			{"extension/novel.c": ""},
			{"extension/exec/novel.c": ""},
		},
		good: tree{
			"extension/exec/scan.c": "", "cgo/scan.go": "package main", "handler/scan.go": "package handler",
			"extension/wait.c": "", "cgo/bridge.go": "package main", "handler/handler.go": "package handler",
			"handler/scan_test.go": "package handler", "handler/internal/x/odd.go": "package x",
		},
	},
	{
		name:  "files stay readable in one sitting",
		check: lengths,
		bad:   []tree{{"handler/x.go": strings.Repeat("\n", 701)}, {"extension/x.c": strings.Repeat("\n", 701)}},
		good:  tree{"handler/x.go": strings.Repeat("\n", 700), "regress/expected/x.out": strings.Repeat("\n", 9000)},
	},
	{
		name:  "no place of one machine is named",
		check: places,
		bad: []tree{
			{"README.md": "see /" + "work/main"},
			{"Makefile": "MIRROR = http://deb." + "debian.org/debian"},
			{"tools/x": "GOPROXY=https://proxy." + "golang.org"},
			{"regress/sql/x.sql": "\\i /" + "home/me/x.sql"},
		},
		good: tree{"README.md": "a network/workbench, /tmp, the framework/", "docker/Dockerfile": "FROM debian:bookworm"},
	},
	{
		name:  "no promise is left in the code",
		check: promises,
		bad: []tree{
			{"handler/x.go": "package handler\n\n// TO" + "DO: the rest\n"},
			{"extension/x.c": "/* FIX" + "ME */\n"},
			{"handler/x.go": "package handler\n\n// not yet imple" + "mented\n"},
		},
		good: tree{"handler/x.go": "package handler\n\n// XX000 is internal_error; what is to do is done.\n"},
	},
	{
		name:  "the versions agree",
		check: versionsAgree,
		bad: []tree{
			release("1.0.0", "1.1", "1.0.0"),
			release("1.0.0", "1.0", "0.9.0"),
			release("1.0", "1.0", "1.0"),
			{"META.json": "{"},
			without(release("1.0.0", "1.0", "1.0.0"), "sql/pgwire_fdw--1.0.sql"),
			without(release("1.0.0", "1.0", "1.0.0"), "CHANGELOG.md"),
		},
		good: release("1.0.0", "1.0", "1.0.0"),
	},
	{
		name:  "every test has its expected output, and the reverse",
		check: expected,
		bad: []tree{
			{"regress/sql/x.sql": ""},
			{"regress/specs/x.spec": ""},
			{"regress/expected/x.out": ""},
			{"regress/sql/x.sql": "", "regress/specs/x.spec": "", "regress/expected/x.out": ""},
		},
		good: tree{
			"regress/sql/x.sql": "", "regress/expected/x.out": "", "regress/expected/x_1.out": "",
			"regress/specs/y.spec": "", "regress/expected/y.out": "",
		},
	},
}

// Stems that stand on fewer floors than three, and why.
var (
	// Inside PostgreSQL only: dispatch, the Go loader, node trees, catalogs, memory, waiting, raising, probes for tests.
	onlyC = []string{"pgwire_fdw", "loader", "expr", "const", "equal", "select", "base", "join", "order", "build", "private", "alone", "demand", "slot", "param", "encode", "command", "bulk", "ask", "async", "stream", "verify", "statistic", "wait", "error", "handle", "catalog", "direct", "directquery", "explain", "testing",
		"why", "json", "xml", "version",
		"stats", "survey", "statvalue", "lookup", "estimate",
		"query", "restore", "sublink", "append", "raw", "items", "describe", "way",
		"upper", "group", "stages", "targets", "partial", "bound",
		"position", "feedscan", "create", "drop", "advance", "job", "launcher", "worker", "peek", "status"}
	// Go's own furniture on the two other floors.
	onlyCgo     = []string{"bridge", "arena", "ready", "main", "doc"}
	onlyHandler = []string{"handler", "doc", "error", "explain"}
)

func stems(src tree) (findings []string) {
	floors := []struct {
		dir, ext string
		alone    []string
	}{{"extension", ".c", onlyC}, {"cgo", ".go", onlyCgo}, {"handler", ".go", onlyHandler}}
	for _, here := range floors {
		for _, name := range src.files(func(name string) bool {
			return wing(path.Dir(name)) == here.dir && path.Ext(name) == here.ext && !isTest(name)
		}) {
			if slices.Contains(here.alone, stem(name)) {
				continue
			}
			for _, there := range floors {
				if !src.has(there.dir, stem(name)+there.ext) {
					findings = append(findings, fmt.Sprintf("%s: there is no %s/%s%s", name, there.dir, stem(name), there.ext))
				}
			}
		}
	}
	return findings
}

// wing takes a directory of extension/'s for extension/ itself: its files stand
// in rooms, those of the other floors do not.
func wing(dir string) string {
	if path.Dir(dir) == "extension" {
		return "extension"
	}
	return dir
}

// has reports whether the floor dir, with its wings, has a file of that name.
func (src tree) has(dir, base string) bool {
	for name := range src {
		if path.Base(name) == base && wing(path.Dir(name)) == dir {
			return true
		}
	}
	return false
}

// maxLines are those of a file.
const maxLines = 700

func lengths(src tree) (findings []string) {
	for _, name := range src.files(func(name string) bool { return isGo(name) || isC(name) }) {
		if n := strings.Count(src[name], "\n"); n > maxLines {
			findings = append(findings, fmt.Sprintf("%s: %d lines, more than %d", name, n, maxLines))
		}
	}
	return findings
}

// placeRE is written in pieces so that it does not find itself.
var placeRE = regexp.MustCompile(strings.Join([]string{
	`(?:^|[\s"'=:(])/(?:wo` + `rk|fa` + `rm|ho` + `me|ro` + `ot|Use` + `rs)/\w`,
	`/tmp/ba` + `sh_jobs`,
	`(?:deb|security|snapshot|ftp)\.deb` + `ian\.org`,
	`(?:proxy|sum)\.gol` + `ang\.org`,
}, "|"))

func places(src tree) (findings []string) {
	for _, name := range src.files(func(string) bool { return true }) {
		for _, m := range placeRE.FindAllStringIndex(src[name], -1) {
			findings = append(findings, fmt.Sprintf("%s:%d: names %q", name, lineOf(src[name], m[1]), strings.TrimSpace(src[name][m[0]:m[1]])))
		}
	}
	return findings
}

var promiseRE = regexp.MustCompile(`\b(?:TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b|(?i:not (?:yet )?imple` + `mented|for n` + `ow\b)`)

func promises(src tree) (findings []string) {
	for _, name := range src.files(func(name string) bool {
		return isGo(name) || isC(name) || path.Ext(name) == ".sql" || in("tools")(name) || name == "Makefile"
	}) {
		for _, m := range promiseRE.FindAllStringIndex(src[name], -1) {
			findings = append(findings, fmt.Sprintf("%s:%d: %q", name, lineOf(src[name], m[0]), src[name][m[0]:m[1]]))
		}
	}
	return findings
}

// meta is the part of META.json (PGXN meta-spec 1.0.0) that this repository
// must keep true.
type meta struct {
	Name, Abstract, Version string
	Maintainer, License     any
	Provides                map[string]struct{ File, Docfile, Version string }
	Spec                    struct{ Version string } `json:"meta-spec"`
}

func versionsAgree(src tree) (findings []string) {
	say := func(format string, args ...any) { findings = append(findings, fmt.Sprintf(format, args...)) }
	var m meta
	if err := json.Unmarshal([]byte(src["META.json"]), &m); err != nil {
		return []string{"META.json: " + err.Error()}
	}
	if m.Name != module || m.Abstract == "" || m.Maintainer == nil || m.License == nil || m.Spec.Version != "1.0.0" {
		say("META.json: a field that the meta-spec asks for is missing")
	}
	parts := regexp.MustCompile(`^(\d+\.\d+)\.\d+$`).FindStringSubmatch(m.Version)
	if parts == nil {
		say("META.json: %q is no semantic version", m.Version)
		return findings
	}
	control := regexp.MustCompile(`(?m)^default_version *= *'(.*)'`).FindStringSubmatch(src["extension/pgwire_fdw.control"])
	if control == nil || control[1] != parts[1] {
		say("extension/pgwire_fdw.control: default_version is not %s, as META.json has it", parts[1])
	}
	if _, ok := src["sql/pgwire_fdw--"+parts[1]+".sql"]; !ok {
		say("sql/pgwire_fdw--%s.sql is missing", parts[1])
	}
	newest := regexp.MustCompile(`(?m)^## \[?v?(\d+\.\d+\.\d+)`).FindStringSubmatch(src["CHANGELOG.md"])
	if newest == nil || newest[1] != m.Version {
		say("CHANGELOG.md: the newest heading is not of %s", m.Version)
	}
	for name, p := range m.Provides {
		if _, ok := src[p.File]; !ok || p.Version != m.Version {
			say("META.json: provides %s %s in %s", name, p.Version, p.File)
		}
		if _, ok := src[p.Docfile]; p.Docfile != "" && !ok {
			say("META.json: there is no %s", p.Docfile)
		}
	}
	if len(m.Provides) == 0 {
		say("META.json: provides nothing")
	}
	return findings
}

// release is a tree with the given versions in META.json, the control file and
// the change log.
func release(meta, control, changes string) tree {
	return tree{
		"META.json": `{"name": "pgwire_fdw", "abstract": "x", "version": "` + meta + `", "maintainer": "x", "license": "postgresql",
			"provides": {"pgwire_fdw": {"file": "sql/pgwire_fdw--1.0.sql", "version": "` + meta + `"}}, "meta-spec": {"version": "1.0.0"}}`,
		"extension/pgwire_fdw.control": "default_version = '" + control + "'\n",
		"sql/pgwire_fdw--1.0.sql":      "",
		"CHANGELOG.md":                 "# Changes\n\n## " + changes + " (2026-01-01)\n\n## 0.1.0\n",
	}
}

func without(src tree, name string) tree {
	delete(src, name)
	return src
}

func expected(src tree) (findings []string) {
	tests := map[string]string{}
	for _, name := range src.files(func(name string) bool {
		return path.Ext(name) == ".sql" && path.Dir(name) == "regress/sql" || path.Ext(name) == ".spec"
	}) {
		if other, taken := tests[stem(name)]; taken {
			findings = append(findings, fmt.Sprintf("%s: %s has the same expected output", name, other))
		}
		tests[stem(name)] = name
		if _, ok := src["regress/expected/"+stem(name)+".out"]; !ok {
			findings = append(findings, name+": no expected output")
		}
	}
	variant := regexp.MustCompile(`_\d$`)
	for _, name := range src.files(in("regress/expected")) {
		if tests[stem(name)] == "" && tests[variant.ReplaceAllString(stem(name), "")] == "" {
			findings = append(findings, name+": no test makes it")
		}
	}
	return findings
}
