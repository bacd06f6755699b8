package lint

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"
)

var cLaws = []law{
	{
		name:  "only extension/ includes the server's headers",
		check: serverHeaders,
		bad: []tree{
			{"cgo/x.h": "#include \"postgres.h\"\n"},
			{"cgo/x.go": "package main\n\n/*\n#include <server/fmgr.h>\n*/\nimport \"C\"\n"},
			{"handler/x.c": "int x;\n"},
		},
		good: tree{
			"extension/x.c": "#include \"postgres.h\"\n",
			"cgo/x.go":      "package main\n\n/*\n#include <stdlib.h>\n#include \"bridge.h\"\n*/\nimport \"C\"\n",
		},
	},
	{
		name:  "the contract includes stdint.h and stddef.h only, and all of it is in its checksum",
		check: bridgeIncludes,
		bad: []tree{
			{"cgo/bridge.h": "#include <stdint.h>\n#include <string.h>\n"},
			{"Makefile": "BRIDGE_HDRS := cgo/bridge.h\n", "cgo/bridge.h": "#include \"bridge_x.h\"\n", "cgo/bridge_x.h": "int x;\n"},
		},
		good: tree{
			"Makefile": "BRIDGE_HDRS := cgo/bridge.h cgo/bridge_x.h\n", "cgo/bridge_x.h": "int x;\n",
			"cgo/bridge.h": "#include <stddef.h>\n#include <stdint.h>\n#include \"bridge_x.h\"\n",
		},
	},
	{
		name:  "only error.c raises",
		check: raises,
		bad: []tree{
			{"extension/x.c": "ereport(ERROR, (errmsg(\"x\")));"},
			{"extension/x.c": "ereport ( FATAL,\n errmsg(\"x\"));"},
			{"extension/x.h": "#define FAIL() elog(PANIC, \"x\")"},
			{"extension/x.c": "ereport(elevel, errmsg(\"x\"));"},
			{"extension/x.c": "PG_CATCH(); { PG_RE_THROW(); }"},
			{"extension/x.c": "ReThrowError(edata);"},
		},
		good: tree{
			"extension/error.c": "ereport(ERROR, (errmsg(\"x\")));",
			"extension/x.c":     "/* ereport(ERROR, ...) is error.c's */ elog(DEBUG1, \"ereport(ERROR\"); ereport(WARNING, errmsg(\"x\"));",
		},
	},
	{
		name:  "only wait.c waits",
		check: waits,
		bad: []tree{
			{"extension/x.c": "WaitLatch(MyLatch, 0, 0, 0);"},
			{"extension/x.c": "n = WaitEventSetWait(set, 1, &e, 1, 0);"},
			{"extension/x.c": "CHECK_FOR_INTERRUPTS();"},
			{"extension/x.c": "pg_usleep(1000L);"},
			{"extension/x.c": "rc = poll (&fd, 1, -1);"},
		},
		good: tree{
			"extension/wait.c": "WaitLatchOrSocket(MyLatch, 0, fd, 0, 0); CHECK_FOR_INTERRUPTS();",
			"extension/x.c":    "/* WaitLatch( */ pgwire_wait(&w); AddWaitEventToSet(set, 1, fd, 0, 0); mypoll(1);",
		},
	},
	{
		name:  "only compat.h knows server versions, in alphabetical order",
		check: versions,
		bad: []tree{
			{"extension/x.c": "#if PG_VERSION_NUM >= 160000\n#endif\n"},
			{"extension/x.c": "#if PG_MAJORVERSION_NUM >= 16\n#endif\n"},
			{"extension/compat.h": "/* B in 16 */\n#if PG_VERSION_NUM >= 160000\n#endif\n/* A in 17 */\n#if PG_VERSION_NUM >= 170000\n#endif\n"},
			{"extension/compat.h": "#if PG_VERSION_NUM >= 160000\n#endif\n"},
		},
		good: tree{
			"extension/x.c": "/* PG_VERSION_NUM */\n",
			"extension/compat.h": "#if PG_VERSION_NUM < 140000\n#error \"too old\"\n#endif\n" +
				"/* A in 17 */\n#if PG_VERSION_NUM >= 170000\n#if PG_VERSION_NUM >= 180000\n#endif\n#endif\n" +
				"/*\n * b, of which\n * a long story is told\n */\n#if PG_VERSION_NUM >= 160000\n#endif\n",
		},
	},
}

// stripC blanks comments, and the insides of strings and character constants,
// and keeps every line break, so that positions stay right.
func stripC(text string) string {
	out := []byte(text)
	blank := func(from, to int) {
		for i := from; i < to && i < len(out); i++ {
			if out[i] != '\n' {
				out[i] = ' '
			}
		}
	}
	for i := 0; i < len(text); {
		switch {
		case strings.HasPrefix(text[i:], "/*"):
			end := strings.Index(text[i+2:], "*/")
			if end < 0 {
				end = len(text) - i - 4
			}
			blank(i, i+end+4)
			i += end + 4
		case strings.HasPrefix(text[i:], "//"):
			end := strings.IndexByte(text[i:], '\n')
			if end < 0 {
				end = len(text) - i
			}
			blank(i, i+end)
			i += end
		case text[i] == '"' || text[i] == '\'':
			j := i + 1
			for j < len(text) && text[j] != text[i] && text[j] != '\n' {
				if text[j] == '\\' {
					j++
				}
				j++
			}
			blank(i+1, j)
			i = j + 1
		default:
			i++
		}
	}
	return string(out)
}

// grepC finds re in the code, not the comments or strings, of extension/'s
// files other than exempt.
func grepC(src tree, exempt string, re *regexp.Regexp, what string) (findings []string) {
	for _, name := range src.files(func(name string) bool {
		return isC(name) && in("extension")(name) && name != exempt
	}) {
		code := stripC(src[name])
		for _, m := range re.FindAllStringIndex(code, -1) {
			findings = append(findings, fmt.Sprintf("%s:%d: %s %s", name, lineOf(code, m[0]), strings.TrimSpace(code[m[0]:m[1]]), what))
		}
	}
	return findings
}

var (
	includeRE = regexp.MustCompile(`(?m)^[ \t]*#[ \t]*include[ \t]*([<"][^>"\n]*[>"])`)

	// outsideHeaders is all that Go's side of the bridge may see.
	outsideHeaders = map[string]bool{
		`"bridge.h"`: true, `"bridge_feed.h"`: true, `"bridge_modify.h"`: true, `"../bridge.h"`: true, `<errno.h>`: true, `<pthread.h>`: true, `<stddef.h>`: true,
		`<stdint.h>`: true, `<stdlib.h>`: true, `<string.h>`: true,
	}
)

func serverHeaders(src tree) (findings []string) {
	for _, name := range src.files(func(name string) bool { return (isC(name) || isGo(name)) && !isTest(name) && !in("extension")(name) }) {
		if isC(name) && !in("cgo")(name) {
			findings = append(findings, name+": C belongs in extension/ or cgo/")
		}
		for _, m := range includeRE.FindAllStringSubmatchIndex(src[name], -1) {
			if header := src[name][m[2]:m[3]]; !outsideHeaders[header] {
				findings = append(findings, fmt.Sprintf("%s:%d: includes %s", name, lineOf(src[name], m[0]), header))
			}
		}
	}
	return findings
}

// bridgeIncludes also sees to it that each part of the contract is in its checksum.
func bridgeIncludes(src tree) (findings []string) {
	allowed := map[string]bool{"<stdint.h>": true, "<stddef.h>": true}
	summed := regexp.MustCompile(`(?m)^BRIDGE_HDRS := (.*)$`).FindStringSubmatch(src["Makefile"])
	for _, name := range src.files(func(name string) bool { return in("cgo")(name) && strings.HasSuffix(name, ".h") }) {
		allowed[`"`+path.Base(name)+`"`] = true
		if summed != nil && !slices.Contains(strings.Fields(summed[1]), name) {
			findings = append(findings, name+": is not in the Makefile's BRIDGE_HDRS")
		}
	}
	for _, name := range src.files(func(name string) bool { return in("cgo")(name) && strings.HasSuffix(name, ".h") }) {
		for _, m := range includeRE.FindAllStringSubmatch(src[name], -1) {
			if !allowed[m[1]] {
				findings = append(findings, fmt.Sprintf("%s: includes %s", name, m[1]))
			}
		}
	}
	return findings
}

var (
	reportRE  = regexp.MustCompile(`\b(?:ereport|elog|ereport_domain)\s*\(\s*(\w*)`)
	rethrowRE = regexp.MustCompile(`\b(?:PG_RE_THROW|ReThrowError|ThrowErrorData|errfinish|pg_re_throw|siglongjmp|proc_exit)\b`)
	// quiet are the levels at which a report returns to its caller.
	quietRE = regexp.MustCompile(`^(?:DEBUG[1-5]|LOG|LOG_SERVER_ONLY|INFO|NOTICE|WARNING|WARNING_CLIENT_ONLY)$`)
)

func raises(src tree) []string {
	const raiser = "extension/error.c"
	findings := grepC(src, raiser, rethrowRE, "is for error.c")
	for _, name := range src.files(func(name string) bool { return isC(name) && in("extension")(name) && name != raiser }) {
		code := stripC(src[name])
		for _, m := range reportRE.FindAllStringSubmatchIndex(code, -1) {
			if level := code[m[2]:m[3]]; !quietRE.MatchString(level) {
				findings = append(findings, fmt.Sprintf("%s:%d: reports at %q, which may raise", name, lineOf(code, m[0]), level))
			}
		}
	}
	return findings
}

var waitRE = regexp.MustCompile(`\b(?:WaitLatch|WaitLatchOrSocket|WaitEventSetWait|ProcessInterrupts|CHECK_FOR_INTERRUPTS|` +
	`ConditionVariableSleep|ConditionVariableTimedSleep|pg_usleep|usleep|nanosleep|sleep|poll|ppoll|select|epoll_wait)\s*\(`)

func waits(src tree) []string { return grepC(src, "extension/wait.c", waitRE, "is for wait.c") }

var versionRE = regexp.MustCompile(`\b(?:PG_VERSION_NUM|PG_MAJORVERSION_NUM|PG_MAJORVERSION|CATALOG_VERSION_NO)\b`)

func versions(src tree) []string {
	const compat = "extension/compat.h"
	findings := grepC(src, compat, versionRE, "is for compat.h")
	var names []string
	var nest []bool // of each open #if: does it test a version
	comment := ""
	raw := strings.Split(src[compat], "\n")
	for i, line := range strings.Split(stripC(src[compat]), "\n") {
		directive := strings.ReplaceAll(strings.TrimSpace(line), "# ", "#")
		switch {
		case strings.HasPrefix(directive, "#if"):
			tests := versionRE.MatchString(directive)
			// Only the outermost test of a difference is listed, and the floor is none.
			if tests && !slices.Contains(nest, true) && !strings.Contains(directive, "< 140000") {
				if comment == "" {
					findings = append(findings, fmt.Sprintf("%s:%d: a version test without a comment that names what differs", compat, i+1))
				} else {
					names = append(names, comment)
				}
				comment = ""
			}
			nest = append(nest, tests)
		case strings.HasPrefix(directive, "#endif") && len(nest) > 0:
			nest = nest[:len(nest)-1]
		case strings.Contains(raw[i], "/*"):
			comment = firstWord(raw[i])
			if comment == "" && i+1 < len(raw) {
				comment = firstWord(raw[i+1])
			}
		}
	}
	if !sort.SliceIsSorted(names, func(i, j int) bool { return strings.ToLower(names[i]) < strings.ToLower(names[j]) }) {
		findings = append(findings, fmt.Sprintf("%s: not in alphabetical order: %s", compat, strings.Join(names, ", ")))
	}
	return findings
}

func firstWord(line string) string {
	return regexp.MustCompile(`\w*`).FindString(strings.TrimLeft(line, " \t/*"))
}
