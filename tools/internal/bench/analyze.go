package main

import (
	"context"
	"fmt"
)

// analyze takes statistics of the narrow table: of a sample of its rows, and
// with the remote's own figures. postgres_fdw takes samples as its release
// does: before PostgreSQL 16 it has all rows sent.
func (b *bench) analyze(ctx context.Context) error {
	size := count(b.rows(narrowRows))
	for _, m := range []struct {
		title, sampling string
		aim             aim
	}{
		{fmt.Sprintf("ANALYZE of a table of %s rows", size), "auto", faster(stock, 2)},
		{"the same, statistics imported", "import", faster(stock, 20)},
	} {
		if err := execAll(ctx, b.local, fmt.Sprintf("ALTER FOREIGN TABLE wire.narrow OPTIONS (ADD analyze_sampling '%s')", m.sampling)); err != nil {
			return err
		}
		var ways []way
		for _, c := range contenders[:2] {
			ways = append(ways, way{name: c.name, run: func(ctx context.Context) error {
				return execAll(ctx, b.local, fmt.Sprintf("ANALYZE %s.narrow", c.schema))
			}})
		}
		if err := b.inTurn(ctx, m.title, ways, m.aim); err != nil {
			return err
		}
		var known int
		if err := b.local.QueryRow(ctx, "SELECT count(*) FROM pg_stats WHERE schemaname = 'wire' AND tablename = 'narrow' AND n_distinct <> 0").Scan(&known); err != nil {
			return err
		}
		if known != 3 {
			return fmt.Errorf("%s: there are statistics of %d columns, not of 3", m.title, known)
		}
		if err := execAll(ctx, b.local, "ALTER FOREIGN TABLE wire.narrow OPTIONS (DROP analyze_sampling)"); err != nil {
			return err
		}
	}
	return nil
}
