package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"pgwire_fdw/regress/cluster/pgtest"
)

// stateView tells how the session that reads it has come.
const stateView = `CREATE VIEW connection_state AS SELECT CASE WHEN ssl THEN 'tls' ELSE 'plain' END AS state FROM pg_stat_ssl WHERE pid = pg_backend_pid();
	GRANT SELECT ON connection_state TO PUBLIC`

func itoa(n int) string { return strconv.Itoa(n) }

// trustCase is one way to connect, tried through postgres_fdw (libpq) and through pgwire_fdw.
type trustCase struct {
	name    string
	b       behaviour
	options map[string]string // server options, besides host, hostaddr, port and dbname
	user    map[string]string // user mapping options
	host    string            // default db.test
	port    int               // default the relay's
	// stricter names the row of README's table of differences because of which pgwire_fdw refuses what libpq takes.
	stricter string
}

// trustBench has what the cases are run with.
type trustBench struct {
	*testing.T
	*pki
	relay  *relay
	remote *pgtest.Cluster
	conn   *pgx.Conn
	n      int

	alike, stricter, lenient int
	used                     map[string]bool // rows of the table of differences that were needed
}

// needLibpq15 skips a test where libpq and OpenSSL are not those whose decisions are followed.
func needLibpq15(t *testing.T) {
	t.Helper()
	out, err := exec.Command("openssl", "version").Output()
	if err != nil || !strings.HasPrefix(string(out), "OpenSSL 3.0.") || pgtest.Major() != 15 {
		t.Skipf("PostgreSQL %d and %q (%v): decisions are compared with libpq 15 and OpenSSL 3.0", pgtest.Major(), out, err)
	}
}

// TestTrust compares the decision to connect with libpq's: alike, or stricter for a reason that README states. Never
// more lenient.
func TestTrust(t *testing.T) {
	needLibpq15(t)
	p := newPKI(t)
	t.Setenv("HOME", p.dir) // libpq looks for files there
	remote := pgtest.Start(t, pgtest.Options{Name: "remote", HBA: []string{"local all all trust"}})
	local := pgtest.Start(t, pgtest.Options{Name: "local", Conf: []string{"jit = off"}})
	remote.Exec(t, stateView)
	local.Exec(t, "CREATE EXTENSION postgres_fdw; CREATE EXTENSION pgwire_fdw")
	b := &trustBench{T: t, pki: p, relay: newRelay(t, remote), remote: remote, conn: local.Connect(t), used: map[string]bool{}}
	groups := []struct {
		name string
		make func(*trustBench) []trustCase
	}{
		{"chains", chainCases}, {"strength", strengthCases}, {"constraints", constraintCases}, {"files", fileCases}, {"revocation", revocationCases},
		{"names", nameCases}, {"keys", keyCases}, {"versions", versionCases}, {"hostile", hostileCases}, {"passwords", passwordCases},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			run := *b
			run.T, run.pki = t, &pki{T: t, dir: p.dir, n: p.n, keys: p.keys}
			cases := g.make(&run)
			p.n = run.pki.n
			for _, c := range cases {
				run.compare(c)
			}
			b.alike, b.stricter, b.lenient, b.n = run.alike, run.stricter, run.lenient, run.n
		})
	}
	b.documented()
	var rows []string
	for row := range b.used {
		rows = append(rows, row)
	}
	sort.Strings(rows)
	t.Logf("%d cases: %d alike, %d stricter (%s), %d more lenient", b.alike+b.stricter+b.lenient, b.alike, b.stricter, strings.Join(rows, "; "), b.lenient)
}

// documented demands that the differences that were needed are in README's table.
func (b *trustBench) documented() {
	b.T.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		b.T.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "<!-- differences:begin -->")
	table, _, _ = strings.Cut(table, "<!-- differences:end -->")
	for row := range b.used {
		if !strings.Contains(table, "\n| "+row) {
			b.T.Errorf("README's table of differences has no row that begins with %q", row)
		}
	}
}

// compare runs one case through both wrappers.
func (b *trustBench) compare(c trustCase) {
	b.T.Helper()
	theirs, theirText := b.outcome("postgres_fdw", c)
	theirTries, theirBytes := b.relay.counts()
	ours, ourText := b.outcome("pgwire_fdw", c)
	ourTries, ourBytes := b.relay.counts()
	report := func(format string, args ...any) {
		b.T.Errorf("%s: %s\n\tpostgres_fdw: %s %s\n\tpgwire_fdw: %s %s", c.name, fmt.Sprintf(format, args...), theirs, theirText, ours, ourText)
	}
	if ourTries > theirTries || ourBytes > 0 && theirBytes == 0 {
		report("%d connections and %d bytes of authentication, against %d and %d", ourTries, ourBytes, theirTries, theirBytes)
	}
	switch {
	case ours == theirs:
		b.alike++
		if c.stricter != "" {
			report("is listed as a difference, but is none")
		}
	case ours == "refused":
		b.stricter++
		b.used[c.stricter] = true
		if c.stricter == "" {
			report("stricter without a reason")
		}
	default:
		b.lenient++
		report("more lenient")
	}
	if strings.Contains(ourText, "TLS: TLS") || strings.Contains(ourText, "x509:") || strings.Contains(ourText, "tls:") || strings.Contains(ourText, "panic") {
		b.T.Errorf("%s: message %s", c.name, ourText)
	}
}

// outcome is how connecting ends: refused, or tls or plain. text is the error.
func (b *trustBench) outcome(wrapper string, c trustCase) (result, text string) {
	b.T.Helper()
	b.n++
	b.relay.behave(c.b)
	host, port := c.host, c.port
	if host == "" {
		host = "db.test"
	}
	if port == 0 {
		port = b.relay.Port
	}
	options := map[string]string{"hostaddr": "127.0.0.1", "port": itoa(port), "dbname": "postgres", "connect_timeout": "30"}
	if host != "-" {
		options["host"] = host
	}
	for k, v := range c.options {
		options[k] = v
	}
	user := map[string]string{"user": pgtest.Superuser, "password": "secret", "password_required": "false"}
	for k, v := range c.user {
		user[k] = v
	}
	name := fmt.Sprintf("s%d", b.n)
	create := fmt.Sprintf("CREATE SERVER %s FOREIGN DATA WRAPPER %s OPTIONS (%s); CREATE USER MAPPING FOR CURRENT_USER SERVER %[1]s OPTIONS (%[4]s); "+
		"CREATE FOREIGN TABLE %[1]s (state text) SERVER %[1]s OPTIONS (schema_name 'public', table_name 'connection_state')", name, wrapper, optionList(options), optionList(user))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	exec := func(sql string) error {
		_, err := b.conn.PgConn().Exec(ctx, sql).ReadAll()
		return err
	}
	if err := exec(create); err != nil {
		if wrapper == "postgres_fdw" {
			b.T.Fatalf("%s: %v\n%s", c.name, err, create)
		}
		_ = exec("DROP SERVER IF EXISTS " + name + " CASCADE")
		return "refused", fmt.Sprint(describe(err))
	}
	if results, err := b.conn.PgConn().Exec(ctx, "SELECT state FROM "+name).ReadAll(); err != nil {
		result, text = "refused", fmt.Sprint(describe(err))
	} else if result = string(results[0].Rows[0][0]); c.port == 0 {
		result = b.relay.last() // behind it all connections are plain
	}
	if err := exec("DROP SERVER " + name + " CASCADE"); err != nil {
		b.T.Fatal(err)
	}
	return result, text
}

func optionList(options map[string]string) string {
	var list []string
	for name, value := range options {
		list = append(list, name+" '"+strings.ReplaceAll(value, "'", "''")+"'")
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// with makes server options of names and values.
func with(options ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(options); i += 2 {
		m[options[i]] = options[i+1]
	}
	return m
}
