package cluster

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgwire_fdw/regress/cluster/pgtest"
)

// TestEnvironmentNotice: CREATE SERVER tells of what libpq would take from the environment of the server and from its
// user's home directory, where the option is not set; and none of it is used.
func TestEnvironmentNotice(t *testing.T) {
	p := newPKI(t)
	p.mkdir(filepath.Join(p.dir, ".postgresql"))
	p.fileAt(filepath.Join(p.dir, ".postgresql", "root.crt"), certPEM(p.root("root")), 0o644)
	c := pgtest.Start(t, pgtest.Options{Env: []string{"PGSSLMODE=verify-full", "PGREQUIREPEER=nobody", "PGSSLCRL=", "HOME=" + p.dir}})
	var notices []string
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d user=%s database=postgres", c.Socket, c.Port, pgtest.Superuser))
	if err != nil {
		t.Fatal(err)
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { notices = append(notices, n.Message) }
	conn, err := pgx.ConnectConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	run(t, conn, "CREATE EXTENSION pgwire_fdw")
	mode := "PGSSLMODE in the server's environment is not used by pgwire_fdw"
	peer := "PGREQUIREPEER in the server's environment is not used by pgwire_fdw"
	file := "file ~/.postgresql/root.crt of the server's user is not used by pgwire_fdw"
	for _, s := range []struct {
		sql  string
		want []string
	}{
		{"CREATE SERVER a FOREIGN DATA WRAPPER pgwire_fdw", []string{mode, file, peer}},
		{"CREATE SERVER b FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (sslmode 'prefer')", []string{file, peer}},
		{"CREATE SERVER c FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (sslmode 'verify-ca', sslrootcert '/x', requirepeer 'postgres')", nil},
		{fmt.Sprintf("CREATE USER MAPPING FOR CURRENT_USER SERVER a OPTIONS (user '%s', password '%s')", pgtest.Superuser, pgtest.Password), nil},
	} {
		notices = nil
		run(t, conn, s.sql)
		if !slices.Equal(notices, s.want) {
			t.Errorf("%s: %q, want %q", s.sql, notices, s.want)
		}
	}
	run(t, conn, fmt.Sprintf("ALTER SERVER a OPTIONS (host '127.0.0.1', port '%d', dbname 'postgres')", c.Port))
	run(t, conn, "CREATE FOREIGN TABLE f (n int) SERVER a OPTIONS (schema_name 'pg_catalog', table_name 'pg_am'); SELECT count(*) FROM f")
}
