package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// The parts that a backend's memory is divided into, as the report names them.
const (
	partShared  = "shared memory of the server"
	partProgram = "postgres and C libraries"
	partModule  = "pgwire_fdw.so or postgres_fdw.so, libpq, TLS"
	partGoCode  = "pgwire_fdw_go.so: code and constants"
	partGoData  = "pgwire_fdw_go.so: relocated and written data"
	partGoHeap  = "Go heap"
	partRuntime = "Go runtime besides its heap"
	partHeap    = "C heap"
	partStack   = "stacks"
	partOther   = "other mappings (read buffers, arenas, thread stacks)"
)

var parts = []string{partShared, partProgram, partModule, partGoCode, partGoData, partGoHeap, partRuntime, partHeap, partStack, partOther}

// idleSessions are as many sessions as a small pool has: what they share counts
// for each of them by its share (Pss).
const idleSessions = 8

// idleMemory: what a session holds that has used three servers, read a table
// from each and then does nothing, among others that did the same.
func (b *bench) idleMemory(ctx context.Context) error {
	ways := []struct{ name, schema string }{{wire, "wire"}, {stock, "stock"}, {plain, ""}}
	held := map[string][]map[string]int{}
	for round := range b.runs {
		for _, w := range ways {
			sessions, err := b.idle(ctx, w.schema)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			held[w.name] = append(held[w.name], sessions...)
		}
		progress("idle memory: round %d of %d", round+1, b.runs)
	}
	median := func(name string, of func(map[string]int) int) float64 {
		var kb []int
		for _, h := range held[name] {
			kb = append(kb, of(h))
		}
		return mb(kb)
	}
	// The server's own shared memory is the same for all.
	all := func(h map[string]int) int {
		sum := -h[partShared]
		for _, n := range h {
			sum += n
		}
		return sum
	}
	t := table{
		title:  fmt.Sprintf("Memory of an idle session that has used three servers, one of %d (Pss, MB)", idleSessions),
		header: []string{"what", wire, stock, plain},
		after:  fmt.Sprintf("Aim: %s.", atMost(stock, 2).verdict(median(wire, all), median(stock, all))),
	}
	line := func(title string, of func(map[string]int) int) {
		cells := []string{title}
		for _, w := range ways {
			cells = append(cells, fmt.Sprintf("%.2f", median(w.name, of)))
		}
		t.lines = append(t.lines, cells)
	}
	line("all but the server's shared memory", all)
	for _, part := range parts {
		line(part, func(h map[string]int) int { return h[part] })
	}
	b.report.tables = append(b.report.tables, t)
	progress("idle memory: %.2f MB, postgres_fdw %.2f MB", median(wire, all), median(stock, all))
	return nil
}

// idle lets sessions use the three servers of a wrapper, or none, and answers
// what each backend then holds by part, in kB.
func (b *bench) idle(ctx context.Context, schema string) ([]map[string]int, error) {
	statements := []string{`SELECT count(*) FROM pg_class`}
	if schema != "" {
		statements = nil
		for _, suffix := range []string{"", "_b", "_c"} {
			statements = append(statements,
				fmt.Sprintf(`SELECT v FROM %s%s.kv WHERE id = 1`, schema, suffix),
				fmt.Sprintf(`SELECT count(v) FROM %s%s.kv`, schema, suffix))
		}
	}
	var pids []uint32
	for range idleSessions {
		conn, err := connect(ctx, b.localPort)
		if err != nil {
			return nil, err
		}
		defer conn.Close(ctx)
		if err := execAll(ctx, conn, statements...); err != nil {
			return nil, err
		}
		pids = append(pids, conn.PgConn().PID())
	}
	// What a runtime gives back, it gives back a little later.
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(2 * time.Second):
	}
	var held []map[string]int
	for _, pid := range pids {
		f, err := os.Open(fmt.Sprintf("/proc/%d/smaps", pid))
		if err != nil {
			return nil, err
		}
		one, err := pssByPart(f)
		_ = f.Close()
		if err != nil {
			return nil, err
		}
		held = append(held, one)
	}
	return held, nil
}

// mappingRE is the first line of a mapping in /proc/PID/smaps: address range,
// permissions, offset, device, inode, name.
var mappingRE = regexp.MustCompile(`^([0-9a-f]+)-([0-9a-f]+) ([-rwxsp]{4}) [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ \d+ *(.*)$`)

// pssByPart adds up the Pss of every mapping, in kB.
func pssByPart(smaps io.Reader) (map[string]int, error) {
	held := map[string]int{}
	part, end, ofFile := "", "", false
	in := bufio.NewScanner(smaps)
	for in.Scan() {
		if m := mappingRE.FindStringSubmatch(in.Text()); m != nil {
			// What lies right behind a file's mapping is its zeroed data.
			if m[4] != "" || m[1] != end || !ofFile {
				part = partOf(m[1], m[3], m[4])
				ofFile = strings.HasPrefix(m[4], "/")
			}
			end = m[2]
			continue
		}
		if fields := strings.Fields(in.Text()); len(fields) == 3 && fields[0] == "Pss:" {
			kb, err := strconv.Atoi(fields[1])
			if err != nil || part == "" {
				return nil, fmt.Errorf("smaps: %q", in.Text())
			}
			held[part] += kb
		}
	}
	return held, in.Err()
}

// partOf says what a mapping is. Go's heap lies at an address of its own, below
// what the kernel chooses for mappings (0x7e…, 0x7f…) and beside programs (0x55…,
// 0x56…); a kernel that keeps names of anonymous memory says so as well.
func partOf(start, permissions, name string) string {
	file := filepath.Base(name)
	switch {
	case strings.HasSuffix(permissions, "s"):
		return partShared
	case file == "pgwire_fdw_go.so" && strings.Contains(permissions, "w"):
		return partGoData
	case file == "pgwire_fdw_go.so":
		// what the loader relocates and then protects is private, not shared
		return partGoCode
	case slices.ContainsFunc([]string{"pgwire_fdw.so", "postgres_fdw.so", "libpq", "libssl", "libcrypto"},
		func(prefix string) bool { return strings.HasPrefix(file, prefix) }):
		return partModule
	case name == "[heap]":
		return partHeap
	case name == "[stack]":
		return partStack
	case strings.HasPrefix(name, "[anon: Go: heap"):
		return partGoHeap
	case strings.HasPrefix(name, "[anon: Go"):
		return partRuntime
	case strings.HasPrefix(name, "/"), name == "" && (start >= "55" && start < "57"):
		return partProgram
	case name == "" && (len(start) < 12 || start < "7e"):
		return partGoHeap
	default:
		return partOther
	}
}

// sample is what a backend holds at one time.
type sample struct {
	kb, fds, threads    int
	statements, portals int // in its session on the remote
}

func (s sample) String() string {
	return fmt.Sprintf("%.1f MB, %d files, %d threads", mb([]int{s.kb}), s.fds, s.threads)
}

// lookInside is look, and a question to the FDW's session on the remote.
func lookInside(ctx context.Context, conn *pgx.Conn, pid int) (sample, error) {
	s, err := look(pid)
	if err != nil {
		return s, err
	}
	err = conn.QueryRow(ctx, `SELECT statements, portals FROM wire.inside`, pgx.QueryExecModeSimpleProtocol).Scan(&s.statements, &s.portals)
	return s, err
}

// look reads what /proc says of a backend: its private memory, files, threads.
func look(pid int) (sample, error) {
	var s sample
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return s, err
	}
	for _, line := range strings.Split(string(rollup), "\n") {
		fields := strings.Fields(line)
		if len(fields) == 3 && (fields[0] == "Private_Clean:" || fields[0] == "Private_Dirty:") {
			kb, err := strconv.Atoi(fields[1])
			if err != nil {
				return s, err
			}
			s.kb += kb
		}
	}
	for dir, n := range map[string]*int{"fd": &s.fds, "task": &s.threads} {
		entries, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), dir))
		if err != nil {
			return s, err
		}
		*n = len(entries)
	}
	return s, nil
}

// mb is the median of sizes in kB, in MB.
func mb(kb []int) float64 {
	s := make(series, len(kb))
	for i, n := range kb {
		s[i] = time.Duration(n)
	}
	return float64(s.median()) / 1024
}
