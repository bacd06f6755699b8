// Command gotally reads the output of go test -json on standard input, prints
// what plain go test would have printed (the output of what failed, and one
// closing line per package), and counts tests.
//
// Subtests are not counted: a table of a hundred cases is one test. A package
// that does not build, panics or times out without a failed test of its own
// counts as one failure.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is one line of go test -json; see `go doc test2json`.
type event struct {
	Action     string
	Package    string
	ImportPath string // of build-output and build-fail
	Test       string
	Output     string
}

// tally is the number of top-level tests that passed and failed.
type tally struct{ passed, failed int }

func main() {
	out := flag.String("o", "", "file to write the two counts to")
	flag.Parse()
	t, err := count(os.Stdin, os.Stdout)
	if err == nil && *out != "" {
		err = os.WriteFile(*out, []byte(fmt.Sprintf("%d %d\n", t.passed, t.failed)), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotally:", err)
		os.Exit(2)
	}
	if t.failed > 0 {
		os.Exit(1)
	}
}

// count reads events from r until its end and writes the readable part to w.
// A line that is no event (a message of the go command itself) is passed on.
func count(r io.Reader, w io.Writer) (tally, error) {
	var t tally
	held := map[string][]string{} // output of a test, until its verdict is known
	failedIn := map[string]int{}
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 1<<16), 1<<24)
	for in.Scan() {
		var e event
		if json.Unmarshal(in.Bytes(), &e) != nil || e.Action == "" {
			fmt.Fprintln(w, in.Text())
			continue
		}
		key := e.Package + "\x00" + e.Test
		switch e.Action {
		case "output", "build-output":
			if e.Test == "" {
				printPackageLine(w, e.Output)
			} else if !strings.HasPrefix(e.Output, "=== ") {
				held[key] = append(held[key], e.Output)
			}
		case "pass":
			delete(held, key)
			if isTop(e.Test) {
				t.passed++
			}
		case "skip":
			delete(held, key)
		case "fail":
			for _, line := range held[key] {
				fmt.Fprint(w, line)
			}
			delete(held, key)
			switch {
			case isTop(e.Test):
				t.failed++
				failedIn[e.Package]++
			case e.Test == "" && failedIn[e.Package] == 0:
				t.failed++
			}
		}
	}
	// What is held still belongs to tests that a panic or a time-out cut off.
	for _, lines := range held {
		for _, line := range lines {
			fmt.Fprint(w, line)
		}
	}
	return t, in.Err()
}

func isTop(test string) bool { return test != "" && !strings.Contains(test, "/") }

// printPackageLine leaves out what plain go test does not print either.
func printPackageLine(w io.Writer, line string) {
	if line == "PASS\n" || strings.Contains(line, "[no test files]") {
		return
	}
	fmt.Fprint(w, line)
}
