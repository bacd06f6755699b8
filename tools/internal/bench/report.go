package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// report collects what is measured.
type report struct {
	where  []string // date, machine, versions
	rows   []row
	costs  table
	tables []table
	notes  []string
}

// row is one measure: the times of each contender, none where it does not apply.
type row struct {
	title string
	times map[string]series
	aims  []aim
}

// table is one beside the main one.
type table struct {
	title  string
	header []string
	lines  [][]string
	after  string // what to say below it
}

func (r *report) add(title string, times map[string]series, aims ...aim) {
	r.rows = append(r.rows, row{title, times, aims})
}

// addCosts adds to the table of CPU times what one run of each way cost.
func (r *report) addCosts(title string, ways []way, times map[string]series, costs map[string]cost) {
	r.costs.title = "CPU time of one run, beside its time"
	r.costs.header = []string{"measure", "by", "time", "local: user", "system", "remote: user", "system"}
	r.costs.after = "All processes of a server together, parallel workers included; mean of the runs that count, in units of 10 ms."
	for _, w := range ways {
		n := len(times[w.name])
		local, remote := costs[w.name].local.over(n), costs[w.name].remote.over(n)
		r.costs.lines = append(r.costs.lines, []string{title, w.name, show(times[w.name].median()),
			show(local.user), show(local.sys), show(remote.user), show(remote.sys)})
	}
}

func (r *report) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
	progress(format, args...)
}

// describe records the circumstances.
func (b *bench) describe(ctx context.Context) error {
	var version, shared string
	if err := b.local.QueryRow(ctx, `SELECT split_part(version(), ' on ', 1), current_setting('shared_buffers')`).Scan(&version, &shared); err != nil {
		return err
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	b.report.where = []string{
		time.Now().UTC().Format("2006-01-02"),
		fmt.Sprintf("%s, %d cores, Linux %s", cpu(), runtime.NumCPU(), strings.TrimSpace(string(kernel))),
		fmt.Sprintf("%s for both servers, %s", version, runtime.Version()),
		fmt.Sprintf("both servers and the client on this machine, TCP on the loopback; tables cached (shared_buffers %s), jit and fsync off", shared),
		fmt.Sprintf("medians of %d runs, each FDW in turn, after one run that does not count", b.runs),
	}
	if b.scale != 1 {
		b.report.where = append(b.report.where, fmt.Sprintf("NOT the full size: row counts × %g", b.scale))
	}
	return nil
}

func cpu() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for _, line := range strings.Split(string(info), "\n") {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// show writes a time with three digits.
func show(d time.Duration) string {
	switch abs := max(d, -d); {
	case d == 0:
		return "–"
	case abs >= time.Second:
		return digits(d.Seconds()) + " s"
	case abs >= time.Millisecond:
		return digits(float64(d)/float64(time.Millisecond)) + " ms"
	default:
		return digits(float64(d)/float64(time.Microsecond)) + " µs"
	}
}

func digits(v float64) string {
	switch abs := max(v, -v); {
	case abs >= 100:
		return fmt.Sprintf("%.0f", v)
	case abs >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

// ratio is how many times as long a took as b.
func ratio(a, b time.Duration) string {
	if a <= 0 || b <= 0 {
		return "–"
	}
	return digits(float64(a)/float64(b)) + "×"
}

func (r *report) markdown() string {
	var w strings.Builder
	w.WriteString("# Measurements\n\nWritten by `make bench`.\n\n")
	for _, line := range r.where {
		fmt.Fprintf(&w, "- %s\n", line)
	}
	w.WriteString("\n![Times of the three whole-table scans](bench.svg)\n\n")
	r.mainTable().write(&w)
	for _, t := range append([]table{r.costs}, r.tables...) {
		if len(t.lines) > 0 {
			fmt.Fprintf(&w, "\n## %s\n\n", t.title)
			t.write(&w)
		}
	}
	if len(r.notes) > 0 {
		w.WriteString("\n## Besides\n")
	}
	for _, note := range r.notes {
		fmt.Fprintf(&w, "\n%s\n", note)
	}
	return w.String()
}

func (r *report) mainTable() table {
	t := table{
		header: []string{"measure", wire, stock, "at fetch_size 10000", "direct", "postgres_fdw ÷ pgwire_fdw", "at 10000", "pgwire_fdw ÷ direct", "aim"},
		after: "Behind ±: half the distance of the fastest and the slowest run, in percent of the median; behind an aim what was reached of it.\n\n" +
			"Direct is, sent to the remote by a client that drops what it gets: for a whole table " +
			"`COPY (SELECT …) TO STDOUT (FORMAT binary)`, else the same query.",
	}
	for _, row := range r.rows {
		ours := row.times[wire].median()
		var aims []string
		for _, a := range row.aims {
			aims = append(aims, a.verdict(ours.Seconds(), row.times[a.than].median().Seconds()))
		}
		t.lines = append(t.lines, []string{row.title,
			withSpread(row.times[wire]), withSpread(row.times[stock]), withSpread(row.times[stock2]), withSpread(row.times[direct]),
			ratio(row.times[stock].median(), ours), ratio(row.times[stock2].median(), ours), ratio(ours, row.times[direct].median()),
			strings.Join(aims, "; ")})
	}
	return t
}

// write writes a table whose columns of numbers, all but those of words at both
// ends, stand to the right.
func (t table) write(w *strings.Builder) {
	fmt.Fprintf(w, "| %s |\n|---|", strings.Join(t.header, " | "))
	for _, name := range t.header[1:] {
		if name == "aim" || name == "by" {
			w.WriteString("---|")
		} else {
			w.WriteString("--:|")
		}
	}
	w.WriteString("\n")
	for _, line := range t.lines {
		fmt.Fprintf(w, "| %s |\n", strings.Join(line, " | "))
	}
	if t.after != "" {
		fmt.Fprintf(w, "\n%s\n", t.after)
	}
}

// withSpread writes a median and how far the runs lie apart, or that there was one.
func withSpread(s series) string {
	switch len(s) {
	case 0:
		return "–"
	case 1:
		return show(s.median()) + " (1 run)"
	}
	return fmt.Sprintf("%s ±%.0f%%", show(s.median()), 50*s.spread())
}
