package main

import (
	"context"
	"fmt"
	"io"
)

// mixed: every row and column of the wide table.
func (b *bench) mixed(ctx context.Context) error {
	if err := b.scan(ctx, "mixed", "", fmt.Sprintf("%s rows × 9 mixed columns, all fetched", count(b.rows(mixedRows))),
		faster(stock, 4), faster(stock2, 3), atMost(direct, 1.15)); err != nil {
		return err
	}
	return b.scanThrough(ctx, "mixed")
}

// narrow: three integers, so that the work per row shows, not per byte.
func (b *bench) narrow(ctx context.Context) error {
	return b.scan(ctx, "narrow", "", fmt.Sprintf("%s rows × 3 narrow columns", count(b.rows(narrowRows))),
		faster(stock, 4), faster(stock2, 2.8))
}

// narrowFar: the same with the remote a millisecond away. A round trip for every
// hundred rows takes postgres_fdw minutes, so that is measured once.
func (b *bench) narrowFar(ctx context.Context) error {
	return b.scan(ctx, "narrow", far, "the same, 1 ms per round trip", faster(stock, 40), faster(stock2, 3))
}

// scan times a table's whole reading.
//
// EXPLAIN ANALYZE without per-node timing runs the plan to its end and drops
// each row as the scan hands it over: every column has been fetched and is a
// Datum, and nothing is spent on output, which would be the same for all and
// hide the difference. The baseline is what a client pays that only receives:
// COPY in binary, read and thrown away.
func (b *bench) scan(ctx context.Context, table, suffix, title string, aims ...aim) error {
	var ways []way
	for _, c := range contenders {
		ways = append(ways, way{name: c.name, once: c.name == stock && suffix == far, run: func(ctx context.Context) error {
			return execAll(ctx, b.local, fmt.Sprintf("EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) SELECT * FROM %s%s.%s", c.schema, suffix, table))
		}})
	}
	baseline := b.remote
	if suffix == far {
		var err error
		if baseline, err = connect(ctx, b.proxyPort); err != nil {
			return err
		}
		defer baseline.Close(ctx)
	}
	ways = append(ways, way{name: direct, run: func(ctx context.Context) error {
		_, err := baseline.PgConn().CopyTo(ctx, io.Discard, fmt.Sprintf("COPY (SELECT * FROM %s) TO STDOUT (FORMAT binary)", table))
		return err
	}})
	return b.inTurn(ctx, title, ways, aims...)
}

// scanThrough is the second way to take every row: COPY the foreign table to
// the null device, which adds the same output work to each contender.
func (b *bench) scanThrough(ctx context.Context, table string) error {
	var ways []way
	for _, c := range contenders {
		ways = append(ways, way{name: c.name, run: func(ctx context.Context) error {
			return execAll(ctx, b.local, fmt.Sprintf("COPY (SELECT * FROM %s.%s) TO '/dev/null' (FORMAT binary)", c.schema, table))
		}})
	}
	return b.inTurn(ctx, "the same, then COPY TO '/dev/null' (FORMAT binary) in the local server", ways)
}

// count writes a number of rows as people say it.
func count(n int) string {
	switch {
	case n >= 1_000_000 && n%100_000 == 0:
		return fmt.Sprintf("%g M", float64(n)/1e6)
	case n >= 1000 && n%100 == 0:
		return fmt.Sprintf("%g k", float64(n)/1e3)
	}
	return fmt.Sprint(n)
}
