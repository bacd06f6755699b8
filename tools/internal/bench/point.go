package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

var latencyRE = regexp.MustCompile(`latency average = ([0-9.]+) ms`)

// point: one client asks for one row by its key with a prepared statement.
// Client and both servers talk TCP on the loopback: the way through an FDW is
// the direct way twice, at best.
func (b *bench) point(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	seconds := max(1, int(4*min(1, b.scale*10)))
	times := map[string]series{}
	title := "prepared point query by key, one client (pgbench)"
	for round := range b.runs + 1 {
		for _, w := range []struct {
			name, table string
			port        int
		}{
			{wire, "wire.kv", b.localPort}, {stock, "stock.kv", b.localPort}, {direct, "kv", b.remotePort},
		} {
			latency, err := b.pgbench(ctx, dir, w.table, w.port, seconds)
			if err != nil {
				return err
			}
			if round > 0 {
				times[w.name] = append(times[w.name], latency)
			}
		}
		progress("%s: round %d of %d", title, round, b.runs)
	}
	b.report.add(title, "≤ 2.2 × direct", times)
	return nil
}

// pgbench returns the average latency of a point query on table.
func (b *bench) pgbench(ctx context.Context, dir, table string, port, seconds int) (time.Duration, error) {
	script := filepath.Join(dir, "point.sql")
	text := fmt.Sprintf("\\set id random(1, %d)\nSELECT v FROM %s WHERE id = :id;\n", keyRows, table)
	if err := os.WriteFile(script, []byte(text), 0o644); err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(b.bindir, "pgbench"), "-n", "-M", "prepared", "-c", "1",
		"-T", strconv.Itoa(seconds), "-f", script, "-h", "127.0.0.1", "-p", strconv.Itoa(port), "-U", "postgres", "postgres")
	cmd.Env = append(os.Environ(), "PGPASSWORD="+password)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("pgbench: %w\n%s", err, out)
	}
	m := latencyRE.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("pgbench printed no latency:\n%s", out)
	}
	ms, err := strconv.ParseFloat(string(m[1]), 64)
	return time.Duration(ms * float64(time.Millisecond)), err
}
