package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// What pgbench is asked; $S. is the schema of a wrapper, or nothing.
const (
	pointSQL  = "\\set id random(1, $KEYS)\nSELECT v FROM $S.kv WHERE id = :id;\n"
	limitSQL  = "SELECT * FROM $S.mixed LIMIT 1;\n"
	existsSQL = "SELECT EXISTS (SELECT 1 FROM $S.mixed WHERE a >= 0);\n"
	cursorSQL = "BEGIN;\nDECLARE c CURSOR FOR SELECT * FROM $S.mixed;\nFETCH 10 FROM c;\nCLOSE c;\nCOMMIT;\n"
	mixSQL    = "\\set one random(1, $KEYS)\n\\set two random(1, $KEYS)\nBEGIN;\n" +
		"SELECT v FROM $S.kv WHERE id = :one;\nSELECT v FROM $S.kv2 WHERE id = :two;\nSELECT * FROM $S.mixed LIMIT 1;\nCOMMIT;\n"
)

// point: one client asks for one row by its key with a prepared statement.
// Client and both servers talk TCP on the loopback: the way through an FDW is
// the direct way twice, at best.
func (b *bench) point(ctx context.Context) error {
	return b.short(ctx, "prepared point query by key, one client (pgbench)", pointSQL, pgbench{clients: 1, mode: "prepared", seconds: 4},
		atMost(direct, 1.65))
}

// stops: queries that need little of a large table. None of them is an error
// on the remote, so none may be in its log.
func (b *bench) stops(ctx context.Context) error {
	before, err := b.cancelsLogged()
	if err != nil {
		return err
	}
	for _, m := range []struct{ title, sql string }{
		{"LIMIT 1 on the large table", limitSQL},
		{"EXISTS on the large table", existsSQL},
		{"cursor on the large table, closed after 10 rows, with its transaction", cursorSQL},
	} {
		if err := b.short(ctx, m.title, m.sql, pgbench{clients: 1, mode: "prepared", seconds: 2}, atMost(stock, 1)); err != nil {
			return err
		}
	}
	after, err := b.cancelsLogged()
	if err == nil {
		b.report.note("Statements that the remote's log calls canceled during LIMIT 1, EXISTS and the cursor: %d.", after-before)
	}
	return err
}

// cancelsLogged counts cancelled statements in the remote's log.
func (b *bench) cancelsLogged() (int, error) {
	log, err := os.ReadFile(b.remoteLog)
	if b.remoteLog == "" && errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	return strings.Count(string(log), "canceling statement"), err
}

// clients: eight sessions, each with transactions of a few short statements.
func (b *bench) clients(ctx context.Context) error {
	title := "8 clients, transactions of two point queries and a LIMIT 1 (pgbench): time of one"
	if err := b.short(ctx, title, mixSQL, pgbench{clients: 8, mode: "prepared", seconds: 4}, faster(stock, 2)); err != nil {
		return err
	}
	times := b.report.rows[len(b.report.rows)-1].times
	tps := func(name string) float64 { return 8 / max(times[name].median(), 1).Seconds() }
	b.report.note("Transactions per second of the 8 clients: %.0f with pgwire_fdw, %.0f with postgres_fdw, %.0f straight to the remote.",
		tps(wire), tps(stock), tps(direct))
	return nil
}

// planning: EXPLAIN of queries that name one, four and eight foreign tables.
// Nothing is asked of the remote.
func (b *bench) planning(ctx context.Context) error {
	for _, m := range []struct {
		tables int
		aims   []aim
	}{{1, []aim{atMost(stock, 1.2)}}, {4, []aim{atMost(stock, 1.5)}}, {8, []aim{atMost(stock, 1.5)}}} {
		sql := "EXPLAIN SELECT t1.v FROM $S.kv t1"
		for i := 2; i <= m.tables; i++ {
			sql += fmt.Sprintf(" JOIN $S.kv t%[1]d ON t%[1]d.id = t%[2]d.id", i, i-1)
		}
		title := "EXPLAIN of a query of one table (pgbench)"
		if m.tables > 1 {
			title = fmt.Sprintf("EXPLAIN of a join of %d tables", m.tables)
		}
		if err := b.short(ctx, title, sql+" WHERE t1.id = 42;\n", pgbench{clients: 1, mode: "simple", seconds: 2}, m.aims...); err != nil {
			return err
		}
	}
	return nil
}

// pgbench is how the program of that name is to run.
type pgbench struct {
	clients int
	mode    string // -M
	seconds int    // at full scale
}

// short measures a script of pgbench with each wrapper and straight to the
// remote, in turn, and adds its row.
func (b *bench) short(ctx context.Context, title, sql string, how pgbench, aims ...aim) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	how.seconds = max(1, int(float64(how.seconds)*min(1, b.scale*10)))
	times := map[string]series{}
	for round := range b.runs + 1 {
		for i, w := range []struct {
			name, schema string
			port         int
		}{
			{wire, "wire.", b.localPort}, {stock, "stock.", b.localPort}, {direct, "", b.remotePort},
		} {
			script := filepath.Join(dir, strconv.Itoa(i))
			text := strings.NewReplacer("$S.", w.schema, "$KEYS", strconv.Itoa(keyRows)).Replace(sql)
			if err := os.WriteFile(script, []byte(text), 0o644); err != nil {
				return err
			}
			latency, err := b.pgbench(ctx, script, w.port, how)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			if round > 0 {
				times[w.name] = append(times[w.name], latency)
			}
		}
		progress("%s: round %d of %d", title, round, b.runs)
	}
	b.report.add(title, times, aims...)
	return nil
}

var latencyRE = regexp.MustCompile(`latency average = ([0-9.]+) ms`)

// pgbench returns the average time of one run of the script.
func (b *bench) pgbench(ctx context.Context, script string, port int, how pgbench) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(b.bindir, "pgbench"), "-n", "-M", how.mode,
		"-c", strconv.Itoa(how.clients), "-j", strconv.Itoa(min(how.clients, 2)),
		"-T", strconv.Itoa(how.seconds), "-f", script, "-h", "127.0.0.1", "-p", strconv.Itoa(port), "-U", "postgres", "postgres")
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
