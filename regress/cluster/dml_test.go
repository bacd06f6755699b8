package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgwire_fdw/regress/cluster/pgtest"
)

// dmlTest runs the same statements in two sessions of the local server: one
// writes local tables, the other foreign ones.
type dmlTest struct {
	*testing.T
	oracle        bool // the wrapper is postgres_fdw
	local, remote *pgtest.Cluster
	here, far     *dmlSession
	there, admin  *dmlSession
	major         int
	count         map[string]int
}

// TestWrites applies random statements that write to foreign tables and to
// copies here: what the client is told must not differ, nor what is there
// afterwards, seen in the transaction and, when it has committed, by others.
// PGWIRE_DML_SEED makes it go another way, PGWIRE_DML_COUNT statements on for
// longer, PGWIRE_DML_ONLY runs one script again.
func TestWrites(t *testing.T) {
	d := newDMLTest(t, "pgwire_fdw")
	d.scripts(envInt("PGWIRE_DML_SEED", 1), envInt("PGWIRE_DML_COUNT", times(10000, 500)), envInt("PGWIRE_DML_ONLY", -1))
}

// TestWritesElsewhere is the same with postgres_fdw: that it does not differ
// proves that the test asks what has one answer.
func TestWritesElsewhere(t *testing.T) {
	d := newDMLTest(t, "postgres_fdw")
	d.scripts(envInt("PGWIRE_DML_SEED", 1), envInt("PGWIRE_DML_COUNT", times(300, 60)), envInt("PGWIRE_DML_ONLY", -1))
}

// scripts runs some until there have been count statements.
func (d *dmlTest) scripts(seed, count, only int) {
	for n := 0; d.count["statements"] < count && d.count["different"] < 8; n++ {
		if only >= 0 && n > only {
			break
		}
		if only < 0 || n == only {
			d.one(seed, n)
		}
	}
	d.Logf("seed %d: %v", seed, d.count)
	if only < 0 && d.count["fine"] < d.count["statements"]/2 {
		d.Errorf("only %d of %d statements did not fail", d.count["fine"], d.count["statements"])
	}
	noCrash(d.T, d.local)
	noCrash(d.T, d.remote)
}

// one makes and runs a script, and makes it smaller when there is a difference.
func (d *dmlTest) one(seed, n int) {
	rng := rand.New(rand.NewPCG(uint64(seed), uint64(n)))
	g := &dmlMaker{Rand: rng, major: d.major, oracle: d.oracle}
	batch := g.pick("1", "2", "7", "100", "1000")
	script := g.script(8 + g.IntN(24))
	at, what := d.run(script, batch, true)
	if what == "" {
		return
	}
	d.count["different"]++
	small := script[:at+1]
	for step := max(1, len(small)/2); step >= 1; step /= 2 {
		for i := len(small) - step; i >= 0; i -= step {
			fewer := slices.Delete(slices.Clone(small), i, min(len(small), i+step))
			if at, w := d.run(fewer, batch, false); w != "" {
				small, what = fewer[:at+1], w
				i = min(i, len(small))
			}
		}
	}
	var text strings.Builder
	for _, s := range small {
		fmt.Fprintf(&text, "%s;\n", cut(s.String(), 1500))
	}
	d.Errorf("seed %d, script %d, batch_size %s:\n%s%s", seed, n, batch, text.String(), what)
}

// run runs a script from the beginning and returns the place of the first
// difference, and what it is.
func (d *dmlTest) run(script []dmlStatement, batch string, counts bool) (int, string) {
	d.reset(batch)
	for i, s := range script {
		if d.here.conn.PgConn().TxStatus() == 'E' && d.far.conn.PgConn().TxStatus() == 'E' && !strings.HasPrefix(s.sql, "ROLLBACK") && s.sql != "COMMIT" {
			continue
		}
		want, got := d.here.run(s), d.far.run(s)
		if counts {
			d.count["statements"]++
			if want.state == "" {
				d.count["fine"]++
			}
		}
		// a table that a cursor here reads is in use; there its rows have come already
		inUse := want.state == "55006" && got.state == ""
		if inUse || slices.Contains(strings.Fields(s.refused), got.state) && want.state == "" {
			if counts {
				d.count["refused"]++
			}
			d.here.run(dmlStatement{sql: "ROLLBACK"})
			d.far.run(dmlStatement{sql: "ROLLBACK"})
			d.reset(batch)
			continue
		}
		if what := d.differs(s, want, got); what != "" {
			return i, what
		}
		if want.state != "" { // they may have taken different numbers of values until then
			d.admin.must("SELECT setval('here.gseq', x, true), setval('far.gseq', x, true) FROM (SELECT greatest((SELECT last_value FROM here.gseq), (SELECT last_value FROM far.gseq)) AS x) x")
		}
		// one of two servers may have committed when the other refuses to
		torn := s.sql == "COMMIT" && want.state != ""
		if what := d.contents(torn); what != "" {
			return i, what
		}
		if torn {
			d.reset(batch)
		}
	}
	return len(script), ""
}

// reset makes all tables what they were.
func (d *dmlTest) reset(batch string) {
	for _, s := range []*dmlSession{d.here, d.far} {
		if s.conn.IsClosed() {
			s.connect()
		}
		s.run(dmlStatement{sql: "ROLLBACK"})
	}
	d.there.must(fmt.Sprintf(dmlRows, "there", `"T ""t"`))
	d.admin.must(fmt.Sprintf(dmlRows, "here", "t"))
	for _, schema := range []string{"here", "far"} {
		d.admin.must(fmt.Sprintf(dmlOwnRows, schema))
	}
	d.admin.must(fmt.Sprintf("ALTER SERVER s0 OPTIONS (SET batch_size '%s'); ALTER SERVER s1 OPTIONS (SET batch_size '%[1]s')", batch))
}

// differs says how what the client is told does.
func (d *dmlTest) differs(s dmlStatement, want, got dmlAnswer) string {
	switch {
	case want.state != got.state && !(s.loose && rowError(want.state) && rowError(got.state)):
		return fmt.Sprintf("fails with %v, the copy with %v", got.err, want.err)
	case want.state != got.state || want.state != "" && s.loose:
		return ""
	case want.fields != got.fields && !d.oracle:
		return fmt.Sprintf("the fields of the error are\n%s, of the copy's\n%s", got.fields, want.fields)
	case want.text != got.text:
		return fmt.Sprintf("answers\n%s, the copy\n%s", cut(got.text, 3000), cut(want.text, 3000))
	}
	return ""
}

// rowError tells whether a SQLSTATE is of what a row may be refused for.
func rowError(state string) bool {
	return strings.HasPrefix(state, "22") || strings.HasPrefix(state, "23") || strings.HasPrefix(state, "44") || strings.HasPrefix(state, "ZZ")
}

// contents compares the tables as the two sessions see them, and as others do
// if there is no transaction; with torn, those of the first server alone.
func (d *dmlTest) contents(torn bool) string {
	if d.here.conn.PgConn().TxStatus() == 'E' {
		return ""
	}
	sides := []*dmlSession{d.far}
	if d.here.conn.PgConn().TxStatus() == 'I' {
		sides = append(sides, d.there)
	}
	want := d.here.digest(dmlDigest(false))
	for _, side := range sides {
		got := side.digest(dmlDigest(side == d.there))
		for table, digest := range got {
			if digest != want[table] && !(torn && (table == "pt" || table == "pt2")) {
				return fmt.Sprintf("%s has in %s other rows:\n%s", table, side.name, d.rowsThatDiffer(table, side))
			}
		}
		if len(got) == 0 {
			return "cannot read the tables in " + side.name
		}
	}
	return ""
}

// rowsThatDiffer shows them.
func (d *dmlTest) rowsThatDiffer(table string, side *dmlSession) string {
	columns, here := "n, id, t", "n, id, t"
	for _, t := range dmlTargets {
		if t.name == table {
			columns, here = t.columnsOf(side == d.there), t.list()
		}
	}
	if strings.HasSuffix(table, "log") || table == "own" {
		columns, here = "*", "*"
	}
	const query = "SELECT x::text FROM (SELECT %s FROM %s) x ORDER BY 1"
	got, want := side.run(dmlStatement{sql: fmt.Sprintf(query, columns, table)}), d.here.run(dmlStatement{sql: fmt.Sprintf(query, here, table)})
	if got.err != nil {
		return got.err.Error()
	}
	return cut(difference(strings.Split(got.text, "\n"), strings.Split(want.text, "\n")), 3000)
}

// dmlSession is a session in one of the schemas.
type dmlSession struct {
	*testing.T
	name    string
	cluster *pgtest.Cluster
	conn    *pgx.Conn
	notices []string
}

// dmlAnswer is what the client is told.
type dmlAnswer struct {
	text, state, fields string
	err                 error
}

func (s *dmlSession) connect() {
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d user=%s database=postgres", s.cluster.Socket, s.cluster.Port, pgtest.Superuser))
	if err != nil {
		s.Fatal(err)
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if strings.HasPrefix(n.Message, "trigger ") {
			s.notices = append(s.notices, n.Message)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if s.conn, err = pgx.ConnectConfig(ctx, config); err != nil {
		s.Fatal(err)
	}
	s.must("SET search_path = " + s.name + ", public; SET timezone = 'Europe/Vienna'; SET statement_timeout = '30s'")
}

func (s *dmlSession) must(sql string) {
	if a := s.run(dmlStatement{sql: sql}); a.err != nil {
		s.Fatalf("%s: %v", sql, a.err)
	}
}

// run runs a statement; rows are in order where it fixes one.
func (s *dmlSession) run(statement dmlStatement) (a dmlAnswer) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s.notices = nil
	var lines []string
	if strings.HasPrefix(statement.sql, "COPY ") {
		var tag pgconn.CommandTag
		tag, a.err = s.conn.PgConn().CopyFrom(ctx, strings.NewReader(statement.data), statement.sql)
		lines = append(lines, tag.String())
	} else {
		var results []*pgconn.Result
		results, a.err = s.conn.PgConn().Exec(ctx, statement.sql).ReadAll()
		for _, r := range results {
			var rows []string
			for _, row := range r.Rows {
				rows = append(rows, strings.Join(texts(row), "|"))
			}
			if !strings.Contains(statement.sql, "ORDER BY") || strings.Contains(statement.sql, "RETURNING") {
				slices.Sort(rows)
			}
			lines = append(append(lines, rows...), r.CommandTag.String())
		}
	}
	var e *pgconn.PgError
	if errors.As(a.err, &e) {
		a.state = e.Code
		schema := e.SchemaName
		if schema == "there" || schema == "far" {
			schema = "here"
		}
		a.fields = fmt.Sprintf("%s: %s (%s.%s.%s, %s, %s)", e.Code, e.Message, schema, e.TableName, e.ColumnName, e.ConstraintName, e.DataTypeName)
		return a
	} else if a.err != nil {
		a.state = a.err.Error()
		return a
	}
	if statement.loose { // of the order in which rows are met
		slices.Sort(s.notices)
	}
	a.text = strings.Join(append(lines, s.notices...), "\n")
	return a
}

// digest is dmlDigest's answer, by table.
func (s *dmlSession) digest(query string) map[string]string {
	digests := map[string]string{}
	a := s.run(dmlStatement{sql: query})
	if a.err != nil {
		s.Errorf("in %s: %v", s.name, a.err)
	}
	for _, line := range strings.Split(a.text, "\n") {
		if table, digest, ok := strings.Cut(line, "|"); ok {
			digests[table] = digest
		}
	}
	return digests
}

// newDMLTest makes the servers and the tables.
func newDMLTest(t *testing.T, wrapper string) *dmlTest {
	t.Helper()
	d := &dmlTest{T: t, oracle: wrapper == "postgres_fdw", count: map[string]int{},
		remote: pgtest.Start(t, pgtest.Options{Name: "remote"}), local: pgtest.Start(t, pgtest.Options{Name: "local", Conf: []string{"jit = off"}})}
	d.remote.Exec(t, dmlTypes, fmt.Sprintf(dmlTables, "there"), dmlThere)
	d.local.Exec(t, dmlTypes, fmt.Sprintf(dmlTables, "here"), dmlHere)
	if d.oracle && ask(t, d.local.Connect(t), "SELECT count(*)::text FROM pg_available_extensions WHERE name = 'postgres_fdw'") == "0" {
		t.Skip("postgres_fdw is not installed")
	}
	d.local.Exec(t, "CREATE EXTENSION "+wrapper)
	for _, server := range []string{"s0", "s1"} {
		d.local.Exec(t, fmt.Sprintf("CREATE SERVER %s FOREIGN DATA WRAPPER %s OPTIONS (host '127.0.0.1', port '%d', dbname 'postgres', batch_size '1')", server, wrapper, d.remote.Port),
			fmt.Sprintf("CREATE USER MAPPING FOR %s SERVER %s OPTIONS (user '%[1]s', password '%[3]s')", pgtest.Superuser, server, pgtest.Password))
	}
	d.local.Exec(t, dmlFar, fmt.Sprintf(dmlLocal, "here"), fmt.Sprintf(dmlLocal, "far"))
	if !d.oracle {
		d.local.Exec(t, "ALTER FOREIGN TABLE far.rv ALTER id OPTIONS (ADD key 'true')")
	}
	session := func(name string, c *pgtest.Cluster) *dmlSession {
		s := &dmlSession{T: t, name: name, cluster: c}
		s.connect()
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_ = s.conn.Close(ctx)
		})
		return s
	}
	d.here, d.far, d.there, d.admin = session("here", d.local), session("far", d.local), session("there", d.remote), session("public", d.local)
	if _, err := fmt.Sscan(d.admin.run(dmlStatement{sql: "SELECT current_setting('server_version_num')::int / 10000"}).text, &d.major); err != nil {
		t.Fatal(err)
	}
	return d
}

// cut shortens a text for a report.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return text[:n] + "…"
}

// envText is an environment variable, or what stands for it.
func envText(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}
