package cluster

import (
	"context"
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgwire_fdw/regress/cluster/pgtest"
)

const feedWorkers = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pgwire_fdw feed worker'"

// TestFeedWorker: a command runs by itself, as the role that has started it; errors
// stop it; nobody who wants the database is held up.
func TestFeedWorker(t *testing.T) {
	r := newRig(t)
	r.remote.Exec(t, "CREATE PUBLICATION p FOR TABLE t")
	r.local.Exec(t, "CREATE ROLE consumer LOGIN; CREATE ROLE nologin; GRANT consumer, nologin TO postgres; GRANT USAGE ON FOREIGN SERVER remote TO consumer, nologin",
		"CREATE USER MAPPING FOR consumer SERVER remote OPTIONS (user 'postgres', password 'postgres'); GRANT CREATE ON SCHEMA public TO consumer")
	s, there := open(t, r.local), open(t, r.remote)
	s.must("SET ROLE consumer; SELECT pgwire_fdw_feed_create('remote', 'f', '{p}')")
	s.must(feedTables + "; ALTER TABLE copy ADD who text, ADD pid int")
	const command = "'INSERT INTO copy SELECT id, v, n, session_user || current_user, pg_backend_pid() FROM changes'"

	// who may not
	s.must("RESET ROLE; SET ROLE nologin")
	s.refused("SELECT pgwire_fdw_feed_start('remote', 'f', "+command+")", "42501")
	s.must("RESET ROLE; GRANT consumer TO nologin; SET ROLE nologin")
	s.refused("SELECT pgwire_fdw_feed_start('remote', 'f', "+command+")", "55000")
	s.must("RESET ROLE; SET ROLE consumer")
	s.refused("SELECT pgwire_fdw_feed_start('remote', 'f', "+command+", '1 ms')", "22023")
	s.refused("SELECT pgwire_fdw_feed_start('remote', 'g', "+command+")", "42704")

	s.must("SELECT pgwire_fdw_feed_start('remote', 'f', " + command + ", '100 ms', 3)")
	there.must("INSERT INTO t SELECT g, 'x', 1 FROM generate_series(4001, 4010) g")
	copied := func(n int) func() bool {
		return func() bool { return s.get("SELECT count(*) FROM copy") == fmt.Sprint(n) }
	}
	pgtest.WaitUntil(t, patience, "the changes have come", copied(10))
	there.must("INSERT INTO t SELECT g, 'x', 1 FROM generate_series(4011, 4020) g")
	pgtest.WaitUntil(t, patience, "the next ones have come", copied(20))
	s.want("SELECT count(DISTINCT id) || ' ' || string_agg(DISTINCT who, ' ') FROM copy", "20 consumerconsumer")
	s.want("SELECT worker_state || ' ' || slot_state || ' ' || rows FROM pgwire_fdw_feeds", "runs idle 20")
	there.must("TRUNCATE t")
	pgtest.WaitUntil(t, patience, "the slot has heard of it", func() bool {
		return s.get("SELECT lag_bytes = 0 FROM pgwire_fdw_feeds") == "t"
	})

	// the worker ends, and is there again
	s.must("RESET ROLE")
	first := s.get("SELECT pid FROM pg_stat_activity WHERE backend_type = 'pgwire_fdw feed worker'")
	s.must("SELECT pg_terminate_backend(" + first + ")")
	there.must("INSERT INTO t SELECT g, 'x', 1 FROM generate_series(4021, 4030) g")
	pgtest.WaitUntil(t, patience, "another worker goes on", func() bool { return s.get("SELECT count(*) FROM copy WHERE id > 4020") == "10" })

	// an error is kept, and after three of them there is an end
	s.must("SET ROLE consumer; ALTER TABLE copy ADD CHECK (id < 5000)")
	there.must("INSERT INTO t VALUES (5001, 'x', 1)")
	pgtest.WaitUntil(t, patience, "it is stopped", func() bool { return s.get("SELECT worker_state FROM pgwire_fdw_feeds") == "stopped by errors" })
	if e := s.get("SELECT last_error FROM pgwire_fdw_feeds"); !strings.Contains(e, "copy_id_check") {
		t.Errorf("last error: %s", e)
	}
	s.must("ALTER TABLE copy DROP CONSTRAINT copy_id_check")
	s.must("SELECT pgwire_fdw_feed_start('remote', 'f', " + command + ", '100 ms', 3)")
	pgtest.WaitUntil(t, patience, "it goes on", func() bool { return s.get("SELECT count(*) FROM copy WHERE id = 5001") == "1" })

	// nobody is held up
	s.must("RESET ROLE")
	s.must("SELECT pgwire_fdw_feed_stop('remote', 'f')")
	pgtest.WaitUntil(t, patience, "the worker has ended", func() bool { return s.get(feedWorkers) == "0" })
	s.must("SELECT pgwire_fdw_feed_start('remote', 'f', 'SELECT count(*) FROM changes', '100 ms')")
	pgtest.WaitUntil(t, patience, "a worker is there", func() bool { return s.get(feedWorkers) == "1" })
	s.must("DROP EXTENSION pgwire_fdw CASCADE")
	pgtest.WaitUntil(t, patience, "the worker has ended", func() bool { return s.get(feedWorkers) == "0" })
	s.want("SELECT count(*) FROM pg_db_role_setting", "0")
	noCrash(t, r.local)
}

// TestFeedDropDatabase: a database whose feeds are consumed can be dropped.
func TestFeedDropDatabase(t *testing.T) {
	r := newRig(t)
	r.remote.Exec(t, "CREATE PUBLICATION p FOR TABLE t")
	r.local.Exec(t, "CREATE DATABASE other")
	other := &session{T: t, conn: r.local.ConnectAs(t, pgtest.Superuser, "other"), data: r.local.Data}
	other.must(fmt.Sprintf("CREATE EXTENSION pgwire_fdw; CREATE SERVER remote FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (host '127.0.0.1', port '%d', dbname 'postgres');"+
		"CREATE USER MAPPING FOR postgres SERVER remote OPTIONS (user 'postgres', password 'postgres')", r.remote.Port))
	other.must("SELECT pgwire_fdw_feed_create('remote', 'f', '{p}')")
	other.must(feedTables + "; SELECT pgwire_fdw_feed_start('remote', 'f', 'INSERT INTO copy SELECT id, v, n FROM changes', '100 ms')")
	r.remote.Exec(t, "INSERT INTO t VALUES (5001, 'x', 1)")
	pgtest.WaitUntil(t, patience, "the worker works", func() bool { return other.get("SELECT count(*) FROM copy") == "1" })
	_ = other.conn.Close(context.Background())
	s := open(t, r.local)
	s.must("DROP DATABASE other")
	pgtest.WaitUntil(t, patience, "the worker has ended", func() bool { return s.get(feedWorkers) == "0" })
	noCrash(t, r.local)
}

// sourceTables: a table whose rows count their changes, some of them in values so
// long that they are stored apart.
const sourceTables = `
	CREATE TABLE src (id int PRIMARY KEY, n int NOT NULL, v text, big text);
	ALTER TABLE src ALTER big SET STORAGE EXTERNAL;
	CREATE PUBLICATION p FOR TABLE src`

const sinkTables = `
	CREATE FOREIGN TABLE changes (id int, n int, v text, big text, extra int, op "char" OPTIONS (feed 'op'), kept text[] OPTIONS (feed 'unchanged'))
		SERVER remote OPTIONS (feed 'f', schema_name 'public', table_name 'src');
	CREATE TABLE sink (id int PRIMARY KEY, n int, v text, big text, extra int, applied int NOT NULL);
	CREATE FUNCTION apply() RETURNS void LANGUAGE plpgsql AS $$
	DECLARE c changes;
	BEGIN
		FOR c IN SELECT * FROM changes LOOP
			CASE c.op
			WHEN 'I' THEN INSERT INTO sink VALUES (c.id, c.n, c.v, c.big, c.extra, 1);
			WHEN 'U' THEN
				UPDATE sink SET n = c.n, v = c.v, big = CASE WHEN 'big' = ANY (c.kept) THEN sink.big ELSE c.big END,
					extra = c.extra, applied = applied + 1 WHERE id = c.id;
				IF NOT FOUND THEN RAISE EXCEPTION 'no row % to update', c.id; END IF;
			WHEN 'D' THEN
				DELETE FROM sink WHERE id = c.id;
				IF NOT FOUND THEN RAISE EXCEPTION 'no row % to delete', c.id; END IF;
			WHEN 'T' THEN DELETE FROM sink;
			END CASE;
		END LOOP;
	END $$`

// writer writes at random until it is stopped, and after a lost connection goes on.
type writer struct {
	t       *testing.T
	cluster *pgtest.Cluster
	rnd     *rand.Rand
	stop    chan struct{}
	done    sync.WaitGroup
}

func (w *writer) statement() string {
	id := w.rnd.Intn(200)
	switch k := w.rnd.Intn(100); {
	case k < 35:
		return fmt.Sprintf("INSERT INTO src (id, n, v, big) VALUES (%d, 1, 'v%d', repeat('x', %d)) ON CONFLICT (id) DO UPDATE SET n = src.n + 1, v = excluded.v", id, k, w.rnd.Intn(20000))
	case k < 70:
		return fmt.Sprintf("UPDATE src SET n = n + 1, v = md5(n::text) WHERE id BETWEEN %d AND %d", id, id+w.rnd.Intn(20))
	case k < 80:
		return fmt.Sprintf("UPDATE src SET n = n + 1, big = repeat(md5(n::text), %d) WHERE id = %d", w.rnd.Intn(300), id)
	case k < 97:
		return fmt.Sprintf("DELETE FROM src WHERE id = %d", id)
	case k < 98 && w.rnd.Intn(5) == 0:
		return "TRUNCATE src"
	}
	return "SELECT 1"
}

func (w *writer) transaction() string {
	var b strings.Builder
	b.WriteString("BEGIN;")
	for range 1 + w.rnd.Intn(8) {
		switch w.rnd.Intn(5) {
		case 0:
			fmt.Fprintf(&b, "SAVEPOINT s; %s; %s;", w.statement(), []string{"ROLLBACK TO s", "RELEASE s"}[w.rnd.Intn(2)])
		default:
			b.WriteString(w.statement() + ";")
		}
	}
	if w.rnd.Intn(5) == 0 {
		return b.String() + "ROLLBACK"
	}
	return b.String() + "COMMIT"
}

func (w *writer) run() {
	defer w.done.Done()
	var conn *pgx.Conn
	for n := 0; ; n++ {
		select {
		case <-w.stop:
			return
		default:
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		if conn == nil || conn.IsClosed() {
			conn, _ = pgx.Connect(ctx, w.cluster.ConnString("postgres"))
		}
		if conn == nil {
			time.Sleep(50 * time.Millisecond) // the server is being started
			cancel()
			continue
		}
		sql := w.transaction()
		if n == 40 {
			sql = "ALTER TABLE src ADD IF NOT EXISTS extra int DEFAULT 7"
		}
		_, _ = conn.PgConn().Exec(ctx, sql).ReadAll()
		cancel()
	}
}

// TestFeedCopy: a copy that a worker keeps equals its source after every
// stop, and has seen each change once, whatever is killed in between.
func TestFeedCopy(t *testing.T) {
	r := newRig(t, "shared_preload_libraries = 'pgwire_fdw'")
	r.remote.Exec(t, sourceTables)
	r.local.Exec(t, "SELECT pgwire_fdw_feed_create('remote', 'f', '{p}')", sinkTables,
		"SELECT pgwire_fdw_feed_start('remote', 'f', 'SELECT apply()', '100 ms', 1000000)")
	seed := int64(envInt("PGWIRE_FEED_SEED", int(time.Now().UnixNano()%1000000)))
	t.Logf("PGWIRE_FEED_SEED=%d", seed)
	rnd := rand.New(rand.NewSource(seed))
	for round := range envInt("PGWIRE_FEED_COUNT", 8) {
		w := &writer{t: t, cluster: r.remote, rnd: rand.New(rand.NewSource(rnd.Int63())), stop: make(chan struct{})}
		w.done.Add(1)
		go w.run()
		time.Sleep(time.Duration(500+rnd.Intn(1500)) * time.Millisecond) // how much is written decides nothing
		r.disturb(t, round, rnd)
		time.Sleep(time.Duration(rnd.Intn(500)) * time.Millisecond)
		close(w.stop)
		w.done.Wait()
		r.sameCopy(t, round)
	}
	for _, c := range []*pgtest.Cluster{r.local, r.remote} {
		if log := c.Log(t); strings.Contains(log, "PANIC") || strings.Contains(log, "signal 11") || strings.Contains(log, "signal 6") {
			t.Errorf("%s has crashed", c.Name)
		}
	}
}

// disturb kills something.
func (r rig) disturb(t *testing.T, round int, rnd *rand.Rand) {
	t.Helper()
	const local, remote = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE 'pgwire_fdw %'`,
		`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgwire_fdw'`
	kill := rnd.Intn(6)
	if round < 6 {
		kill = round // each at least once
	}
	t.Logf("round %d: kill %d", round, kill)
	switch kill {
	case 0:
		for range 5 {
			r.local.Exec(t, local)
			time.Sleep(time.Duration(rnd.Intn(300)) * time.Millisecond)
		}
	case 1:
		for range 5 {
			r.remote.Exec(t, remote)
			time.Sleep(time.Duration(rnd.Intn(300)) * time.Millisecond)
		}
	case 2:
		r.local.Down(t, pgtest.Immediate)
		r.local.Up(t)
	case 3:
		r.remote.Down(t, pgtest.Immediate)
		r.remote.Up(t)
	case 4:
		r.remote.Down(t, pgtest.Fast)
		r.remote.Up(t)
	case 5:
		r.local.Down(t, pgtest.Kill)
		r.local.Up(t)
	}
}

// sameCopy waits until the copy has come to where the source is, and compares.
func (r rig) sameCopy(t *testing.T, round int) {
	t.Helper()
	here, there := open(t, r.local), open(t, r.remote)
	extra := there.get("SELECT count(*) FROM pg_attribute WHERE attrelid = 'src'::regclass AND attname = 'extra'")
	columns := "id, n, v, md5(big), " + map[string]string{"0": "NULL::int", "1": "extra"}[extra]
	want := there.get("SELECT coalesce(string_agg(r::text, E'\n' ORDER BY r), '') FROM (SELECT " + columns + ", n FROM src) AS r")
	have := func() string {
		return here.get("SELECT coalesce(string_agg(r::text, E'\n' ORDER BY r), '') FROM (SELECT id, n, v, md5(big), extra, applied FROM sink) AS r")
	}
	for deadline := time.Now().Add(patience); have() != want; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("round %d: the copy is not the source\nsource:\n%s\ncopy:\n%s\n%s", round, want, have(),
				here.get("SELECT string_agg(f::text, ' ') FROM pgwire_fdw_feeds f"))
		}
	}
	t.Logf("round %d: %d rows are the same", round, strings.Count(want, "\n"))
	_ = here.conn.Close(context.Background())
	_ = there.conn.Close(context.Background())
}
