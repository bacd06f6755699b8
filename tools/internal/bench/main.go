// Command bench measures pgwire_fdw beside postgres_fdw, and beside the same
// query sent straight to the remote server, in one run and in turn. It asserts
// nothing: it prints a table, and writes it with a chart.
//
// tools/bench starts the two servers that it needs.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// bench is one run of the whole.
type bench struct {
	bindir     string
	localPort  int
	remotePort int
	proxyPort  int    // a proxy to the remote that adds delay to each round trip
	remoteLog  string // file
	runs       int
	scale      float64
	only       []string

	local  *pgx.Conn // one session for all, jit off
	remote *pgx.Conn
	report report

	tpchLoaded bool

	localPostmaster, remotePostmaster int // process ids
}

const password = "postgres" // of the superuser of tools/lib.sh's servers

func main() {
	b := &bench{}
	var only, out string
	flag.StringVar(&b.bindir, "bindir", "", "directory of psql and pgbench")
	flag.IntVar(&b.localPort, "local-port", 0, "port of the server with the foreign tables")
	flag.IntVar(&b.remotePort, "remote-port", 0, "port of the server with the data")
	flag.StringVar(&b.remoteLog, "remote-log", "", "file that the remote server logs to")
	flag.IntVar(&b.runs, "runs", 5, "runs of each measure")
	flag.Float64Var(&b.scale, "scale", 1, "factor for row counts")
	flag.StringVar(&only, "only", "", "measures to run, separated by commas")
	flag.StringVar(&out, "out", "docs", "directory for bench.md and bench.svg")
	flag.Parse()
	if only != "" {
		b.only = strings.Split(only, ",")
	}
	if err := b.run(context.Background(), out); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (b *bench) run(ctx context.Context, out string) error {
	stop, err := b.startProxy(500 * time.Microsecond)
	if err != nil {
		return err
	}
	defer stop()
	if b.remote, err = connect(ctx, b.remotePort); err != nil {
		return err
	}
	defer b.remote.Close(ctx)
	if b.local, err = connect(ctx, b.localPort); err != nil {
		return err
	}
	defer b.local.Close(ctx)
	if b.localPostmaster, err = postmaster(ctx, b.local); err != nil {
		return err
	}
	if b.remotePostmaster, err = postmaster(ctx, b.remote); err != nil {
		return err
	}
	if err := b.load(ctx); err != nil {
		return err
	}
	if err := b.describe(ctx); err != nil {
		return err
	}
	measures := b.measures()
	for _, name := range b.only {
		if !slices.ContainsFunc(measures, func(m way) bool { return m.name == name }) {
			return fmt.Errorf("there is no measure %q", name)
		}
	}
	for _, m := range measures {
		if len(b.only) > 0 && !slices.Contains(b.only, m.name) {
			continue
		}
		start := time.Now()
		if err := m.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		progress("%s done in %.0f s", m.name, time.Since(start).Seconds())
	}
	fmt.Println()
	fmt.Print(b.report.markdown())
	if err := os.WriteFile(filepath.Join(out, "bench.md"), []byte(b.report.markdown()), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "bench.svg"), []byte(b.report.svg()), 0o644)
}

// measures are all there are, by the names of -only.
func (b *bench) measures() []way {
	return []way{
		{name: "mixed", run: b.mixed}, {name: "narrow", run: b.narrow}, {name: "proxy", run: b.narrowFar},
		{name: "point", run: b.point}, {name: "stop", run: b.stops}, {name: "clients", run: b.clients},
		{name: "plan", run: b.planning}, {name: "parallel", run: b.parallel}, {name: "first", run: b.firstQuery},
		{name: "memory", run: b.idleMemory}, {name: "growth", run: b.growth},
		{name: "analyze", run: b.analyze}, {name: "shapes", run: b.queryShapes}, {name: "tpch", run: b.tpchQueries}, {name: "tpchshard", run: b.tpchSharded},
	}
}

func connect(ctx context.Context, port int) (*pgx.Conn, error) {
	return pgx.Connect(ctx, fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d/postgres?sslmode=disable", password, port))
}

// execAll runs statements one by one.
func execAll(ctx context.Context, conn *pgx.Conn, statements ...string) error {
	for _, sql := range statements {
		if _, err := conn.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

// rows is n at full scale.
func (b *bench) rows(n int) int { return max(1, int(float64(n)*b.scale)) }

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
}

// series are the times of one thing, one per run.
type series []time.Duration

func (s series) median() time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// spread is the distance of the extremes, as a fraction of the median.
func (s series) spread() float64 {
	if len(s) == 0 || s.median() == 0 {
		return 0
	}
	return float64(slices.Max(s)-slices.Min(s)) / float64(s.median())
}

// way is one way to do what is measured, or a whole measure.
type way struct {
	name string
	run  func(context.Context) error
	once bool // takes so long that one run, without one before it, must do
}

// inTurn runs every way once per round, so that a machine that grows slower or
// faster meanwhile does so for all of them, and adds a row and what each run
// cost both servers. A round before the first is not counted.
func (b *bench) inTurn(ctx context.Context, title string, ways []way, aims ...aim) error {
	times, costs := map[string]series{}, map[string]cost{}
	for round := range b.runs + 1 {
		for _, w := range ways {
			if w.once && round != 1 {
				continue
			}
			before, err := b.costNow()
			if err != nil {
				return err
			}
			start := time.Now()
			if err := w.run(ctx); err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			took := time.Since(start)
			after, err := b.costNow()
			if err != nil {
				return err
			}
			if round > 0 {
				times[w.name] = append(times[w.name], took)
				c := costs[w.name]
				costs[w.name] = cost{c.local.plus(after.local.minus(before.local)), c.remote.plus(after.remote.minus(before.remote))}
			}
		}
		progress("%s: round %d of %d", title, round, b.runs)
	}
	b.report.add(title, times, aims...)
	b.report.addCosts(title, ways, times, costs)
	return nil
}
