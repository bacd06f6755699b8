package tpch

import (
	"context"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgconn"
)

// Load makes the tables in a schema of a database and fills them.
func (g *Generator) Load(ctx context.Context, conn *pgconn.PgConn, schema string) error {
	if err := Exec(ctx, conn, Create(schema)...); err != nil {
		return err
	}
	for _, t := range Tables {
		read, write := io.Pipe()
		go func() { write.CloseWithError(g.Write(t.Name, write)) }()
		_, err := conn.CopyFrom(ctx, read, fmt.Sprintf("COPY %s.%s FROM STDIN", schema, t.Name))
		_ = read.Close() // ends the writer if COPY has failed
		if err != nil {
			return fmt.Errorf("loading %s: %w", t.Name, err)
		}
	}
	return Exec(ctx, conn, Finish(schema)...)
}

// Split copies what of the tables belongs on one of several servers, as
// Sharded says, from a database to another one, into the same schema.
func Split(ctx context.Context, from, to *pgconn.PgConn, schema string, part, of int) error {
	if err := Exec(ctx, to, Create(schema)...); err != nil {
		return err
	}
	for _, t := range Tables {
		which := fmt.Sprint(part == 0)
		if t.Hash != "" {
			// a table is needed whose partitioning the function can look at
			router := fmt.Sprintf("pg_temp.split_%s", t.Name)
			if err := Exec(ctx, from, "DROP TABLE IF EXISTS "+router,
				fmt.Sprintf("CREATE TABLE %s (LIKE %s.%s) PARTITION BY HASH (%s)", router, schema, t.Name, t.Hash)); err != nil {
				return err
			}
			which = fmt.Sprintf("satisfies_hash_partition('%s'::regclass, %d, %d, %s)", router, of, part, t.Hash)
		}
		if err := pipe(ctx, from, fmt.Sprintf("COPY (SELECT * FROM %s.%s WHERE %s) TO STDOUT (FORMAT binary)", schema, t.Name, which),
			to, fmt.Sprintf("COPY %s.%s FROM STDIN (FORMAT binary)", schema, t.Name)); err != nil {
			return fmt.Errorf("splitting %s: %w", t.Name, err)
		}
	}
	return Exec(ctx, to, Finish(schema)...)
}

// pipe feeds what one COPY writes to another.
func pipe(ctx context.Context, from *pgconn.PgConn, out string, to *pgconn.PgConn, in string) error {
	read, write := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := from.CopyTo(ctx, write, out)
		write.CloseWithError(err)
		done <- err
	}()
	_, err := to.CopyFrom(ctx, read, in)
	_ = read.Close()
	if e := <-done; e != nil {
		return e
	}
	return err
}

// Exec runs statements one by one.
func Exec(ctx context.Context, conn *pgconn.PgConn, statements ...string) error {
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql).ReadAll(); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}
