package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// report collects what is measured.
type report struct {
	where []string // date, machine, versions
	rows  []row
	notes []string
}

// row is one measure: a median per contender, nil where it does not apply.
type row struct {
	title, want string // want: what the project set out to reach
	times       map[string]series
}

func (r *report) add(title, want string, times map[string]series) {
	r.rows = append(r.rows, row{title, want, times})
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

func itoa(n int) string { return strconv.Itoa(n) }

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
	w.WriteString("| measure | pgwire_fdw | postgres_fdw | at fetch_size 10000 | direct | postgres_fdw ÷ pgwire_fdw | at 10000 | pgwire_fdw ÷ direct | aim |\n")
	w.WriteString("|---|--:|--:|--:|--:|--:|--:|--:|---|\n")
	for _, row := range r.rows {
		ours := row.times[wire].median()
		fmt.Fprintf(&w, "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", row.title,
			withSpread(row.times[wire]), withSpread(row.times[stock]), withSpread(row.times[stock2]), withSpread(row.times[direct]),
			ratio(row.times[stock].median(), ours), ratio(row.times[stock2].median(), ours), ratio(ours, row.times[direct].median()), row.want)
	}
	w.WriteString("\nBehind ±: half the distance of the fastest and the slowest run, in percent of the median.\n")
	w.WriteString("\nDirect is, sent to the remote by a client that drops what it gets: for a whole table " +
		"`COPY (SELECT …) TO STDOUT (FORMAT binary)`, else the same query.\n")
	for _, note := range r.notes {
		fmt.Fprintf(&w, "\n%s\n", note)
	}
	return w.String()
}

func withSpread(s series) string {
	if len(s) == 0 {
		return "–"
	}
	return fmt.Sprintf("%s ±%.0f%%", show(s.median()), 50*s.spread())
}
