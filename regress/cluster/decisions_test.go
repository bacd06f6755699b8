package cluster

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgwire_fdw/regress/cluster/pgtest"
)

// decisionTables are on the remote server; the local one has foreign tables of
// both wrappers.
const decisionTables = `
	CREATE TABLE t1 (c1 int PRIMARY KEY, c2 int NOT NULL, c3 text, c4 timestamptz, c5 timestamp, c6 varchar(10), c7 char(10), c8 numeric(12,2), c9 text COLLATE "C", c10 int[], c11 bool, c12 float8);
	INSERT INTO t1 SELECT g, g % 10, to_char(g, 'FM00000'), timestamptz '2020-01-01 00:00Z' + g * interval '1 h', timestamp '2020-01-01' + g * interval '1 h',
		g % 10, g % 10, g / 7.0, 'x' || g % 50, ARRAY[g, g % 7], g % 2 = 0, g / 3.0 FROM generate_series(1, 2000) g;
	CREATE TABLE t2 (c1 int PRIMARY KEY, c2 int, c3 text); INSERT INTO t2 SELECT g, nullif(g % 20, 0), 'AAA' || to_char(g, 'FM000') FROM generate_series(1, 1000) g;
	CREATE TABLE t4 (c1 int PRIMARY KEY, c2 int NOT NULL, c3 text); INSERT INTO t4 SELECT g, g + 1, 'AAA' || g FROM generate_series(3, 1000, 3) g;
	CREATE TABLE t5 (c1 int PRIMARY KEY, c2 int NOT NULL, c3 text); INSERT INTO t5 SELECT g, g + 1, 'AAA' || g FROM generate_series(6, 1000, 6) g;
	CREATE TABLE p1 (a int, b int, c text); INSERT INTO p1 SELECT g, g % 25, g % 4 FROM generate_series(0, 499) g;
	CREATE TABLE p2 (a int, b int, c text); INSERT INTO p2 SELECT g, g % 25, g % 4 FROM generate_series(500, 999) g;
	CREATE TABLE q1 (a int, b int, c text); INSERT INTO q1 SELECT g, g % 25, g % 4 FROM generate_series(0, 499, 3) g;
	CREATE TABLE q2 (a int, b int, c text); INSERT INTO q2 SELECT g, g % 25, g % 4 FROM generate_series(500, 999, 3) g;
	ANALYZE`

const decisionForeign = `
	CREATE SCHEMA %[1]s;
	SET search_path = %[1]s;
	CREATE FOREIGN TABLE t1 (c1 int NOT NULL, c2 int NOT NULL, c3 text, c4 timestamptz, c5 timestamp, c6 varchar(10), c7 char(10), c8 numeric(12,2), c9 text COLLATE "C", c10 int[], c11 bool, c12 float8) SERVER %[1]s OPTIONS (schema_name 'public');
	CREATE FOREIGN TABLE t2 (c1 int NOT NULL, c2 int, c3 text) SERVER %[1]s OPTIONS (schema_name 'public');
	CREATE FOREIGN TABLE t4 (c1 int NOT NULL, c2 int NOT NULL, c3 text) SERVER %[1]s OPTIONS (schema_name 'public');
	CREATE FOREIGN TABLE t5 (c1 int NOT NULL, c2 int NOT NULL, c3 text) SERVER %[1]s OPTIONS (schema_name 'public');
	CREATE FOREIGN TABLE other (c1 int NOT NULL, c2 int, c3 text) SERVER %[1]s_other OPTIONS (schema_name 'public', table_name 't2');
	CREATE TABLE p (a int, b int, c text) PARTITION BY RANGE (a);
	CREATE FOREIGN TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (500) SERVER %[1]s OPTIONS (schema_name 'public');
	CREATE FOREIGN TABLE p2 PARTITION OF p FOR VALUES FROM (500) TO (1000) SERVER %[1]s OPTIONS (schema_name 'public');
	CREATE TABLE q (a int, b int, c text) PARTITION BY RANGE (a);
	CREATE FOREIGN TABLE q1 PARTITION OF q FOR VALUES FROM (0) TO (500) SERVER %[1]s OPTIONS (schema_name 'public');
	CREATE FOREIGN TABLE q2 PARTITION OF q FOR VALUES FROM (500) TO (1000) SERVER %[1]s OPTIONS (schema_name 'public')`

// decisionStatements are of the kinds that postgres_fdw's own tests go through
// (conditions, sorting, joins, aggregates, LIMIT, partitions), all read-only.
var decisionStatements = map[string][]string{
	"condition": {
		"SELECT * FROM t1 WHERE c1 = 101 AND c6 = '1' AND c7 >= '1'", "SELECT * FROM t1 WHERE c1 = 100 AND c2 = 0", "SELECT * FROM t1 WHERE c3 IS NULL",
		"SELECT * FROM t1 WHERE c3 IS NOT NULL", "SELECT * FROM t1 WHERE round(abs(c1), 0) = 1", "SELECT * FROM t1 WHERE c1 = -c1", "SELECT * FROM t1 WHERE (c3 IS NOT NULL) IS DISTINCT FROM (c3 IS NOT NULL)",
		"SELECT * FROM t1 WHERE c1 = ANY(ARRAY[c2, 1, c1 + 0])", "SELECT * FROM t1 WHERE c1 = (ARRAY[c1, c2, 3])[1]", "SELECT * FROM t1 WHERE c6 = E'foo''s\\\\bar'", "SELECT * FROM t1 WHERE c11",
		"SELECT * FROM t1 WHERE CASE WHEN c1 > 990 THEN c1 END < 1000", "SELECT * FROM t1 WHERE CASE c3 WHEN 'x' THEN true ELSE c3 < 'y' END", "SELECT * FROM t1 WHERE c1 IN (1, 2, c2)",
		"SELECT * FROM t1 WHERE NULLIF(c1, 5) IS NULL", "SELECT * FROM t1 WHERE c3 LIKE '000%'", "SELECT * FROM t1 WHERE c9 < 'x3'", "SELECT * FROM t1 WHERE c10[1] = 3", "SELECT * FROM t1 WHERE c4 > '2020-02-01 00:00Z'::timestamptz",
		"SELECT * FROM t1 WHERE c8 > 100.5 AND c12 < 400", "SELECT * FROM t1 WHERE c11 IS NOT FALSE", "SELECT * FROM t1 WHERE c10 && ARRAY[3, 4]",
	},
	"sort": {
		"SELECT * FROM t1 ORDER BY c1", "SELECT * FROM t1 ORDER BY c3, c1 OFFSET 100 LIMIT 10", "SELECT * FROM t1 ORDER BY c1 DESC NULLS LAST", "SELECT * FROM t1 ORDER BY c9 NULLS FIRST, c1 LIMIT 3", "SELECT c1, c2 FROM t1 WHERE c2 = 3 ORDER BY c8 DESC, c1",
		"SELECT c1 FROM t1 ORDER BY c1 + 1 LIMIT 5", "SELECT * FROM t1 WHERE c1 < 5 ORDER BY c5 FETCH FIRST 2 ROWS WITH TIES", "SELECT * FROM t1 LIMIT 7", "SELECT * FROM t1 OFFSET 7",
	},
	"join": {
		"SELECT t1.c1, t2.c1 FROM t1 JOIN t2 ON (t1.c1 = t2.c1) ORDER BY t1.c4, t1.c1 OFFSET 100 LIMIT 10",
		"SELECT t1.c1, t2.c2, t4.c3 FROM t1 JOIN t2 ON (t1.c1 = t2.c1) JOIN t4 ON (t4.c1 = t1.c1) ORDER BY t1.c4, t1.c1 OFFSET 10 LIMIT 10",
		"SELECT t4.c1, t5.c1 FROM t4 LEFT JOIN t5 ON (t4.c1 = t5.c1) ORDER BY t4.c1, t5.c1 OFFSET 10 LIMIT 10",
		"SELECT t2.c1, t2.c2, t4.c3 FROM t2 LEFT JOIN t4 ON (t2.c1 = t4.c1) LEFT JOIN t5 ON (t5.c1 = t4.c1) OFFSET 10 LIMIT 10",
		"SELECT t4.c1, t4.c2, t5.c1, t5.c2 FROM t4 LEFT JOIN (SELECT * FROM t5 WHERE c1 < 10) t5 ON (t4.c1 = t5.c1) WHERE t4.c1 < 10",
		"SELECT t4.c1, t5.c1 FROM t5 RIGHT JOIN t4 ON (t5.c1 = t4.c1) ORDER BY t4.c1 OFFSET 10 LIMIT 10",
		"SELECT t4.c1, t5.c1 FROM t4 FULL JOIN t5 ON (t4.c1 = t5.c1) ORDER BY t4.c1, t5.c1 OFFSET 45 LIMIT 10",
		"SELECT a.c1, b.c1 FROM (SELECT c1 FROM t4 WHERE c1 BETWEEN 50 AND 60) a FULL JOIN (SELECT c1 FROM t5 WHERE c1 BETWEEN 50 AND 60) b ON (a.c1 = b.c1) ORDER BY a.c1, b.c1",
		"SELECT t4.c1, b.c1, c.c1 FROM t4 FULL JOIN t5 b ON (t4.c1 = b.c1) LEFT JOIN t2 c ON (b.c1 + 1 = c.c1) ORDER BY 1, 2, 3 LIMIT 10",
		"SELECT 1 FROM (SELECT c1 FROM t4 WHERE c1 BETWEEN 50 AND 60) a FULL JOIN (SELECT c1 FROM t5 WHERE c1 BETWEEN 50 AND 60) b ON (TRUE) OFFSET 10 LIMIT 10",
		"SELECT t1.c1, t2.c2, t4.c3 FROM t2 FULL JOIN t1 ON (t1.c1 = t2.c1) RIGHT JOIN t4 ON (t2.c1 = t4.c1) OFFSET 10 LIMIT 10",
		"SELECT t1.c1, t2.c1 FROM t1 JOIN t2 ON (t1.c1 = t2.c1) WHERE t2.c2 > 3 ORDER BY t1.c3, t1.c1 LIMIT 10 FOR UPDATE OF t1",
		"SELECT t1.c1, t2.c1 FROM t1 JOIN t2 ON (t1.c1 = t2.c1) ORDER BY t1.c3, t1.c1 LIMIT 10 FOR SHARE",
		"WITH t (a, b, c) AS MATERIALIZED (SELECT t1.c1, t1.c3, t2.c1 FROM t1 JOIN t2 ON (t1.c1 = t2.c1)) SELECT a, c FROM t ORDER BY c, b, a OFFSET 100 LIMIT 10",
		"SELECT t1, t2, t1.c1 FROM t1 JOIN t2 ON (t1.c1 = t2.c1) ORDER BY t1.c3, t1.c1 OFFSET 100 LIMIT 10",
		"SELECT t1.c1 FROM t1 WHERE EXISTS (SELECT 1 FROM t2 WHERE t1.c1 = t2.c1) ORDER BY t1.c1 OFFSET 100 LIMIT 10",
		"SELECT t1.c1 FROM t1 WHERE NOT EXISTS (SELECT 1 FROM t2 WHERE t1.c1 = t2.c2) ORDER BY t1.c1 OFFSET 100 LIMIT 10",
		"SELECT t1.c1, t2.c1 FROM t1 CROSS JOIN t2 ORDER BY t1.c1, t2.c1 OFFSET 100 LIMIT 10", "SELECT t4.c1, t5.c1 FROM t4 JOIN t5 ON (t4.c1 <> t5.c1) WHERE t4.c1 < 20",
		"SELECT t1.c1, o.c1 FROM t1 JOIN other o ON (t1.c1 = o.c1)", "SELECT t1.c1, t2.c1, o.c1 FROM t1 JOIN t2 ON (t1.c1 = t2.c1) JOIN other o ON (t1.c1 = o.c1)",
		"SELECT t1.c1, t2.c1 FROM t1 JOIN t2 ON (t1.c3 = t2.c3)", "SELECT t1c1, avg(t1c1 + t2c1) FROM (SELECT t1.c1, t2.c1 FROM t1 JOIN t2 ON (t1.c1 = t2.c1) UNION SELECT t1.c1, t2.c1 FROM t1 JOIN t2 ON (t1.c1 = t2.c1)) AS t (t1c1, t2c1) GROUP BY t1c1 ORDER BY t1c1",
		"SELECT t1.c1 FROM t1, LATERAL (SELECT DISTINCT t2.c1, t4.c1 FROM t2, t4 WHERE t2.c1 = t4.c1 AND t2.c2 = t1.c2) q ORDER BY t1.c1 LIMIT 10",
		"SELECT t1.c1, t2.c1 FROM t1 LEFT JOIN t2 ON (t1.c1 = t2.c1 AND t2.c2 = 10) WHERE t1.c1 < 100", "SELECT t1.c1, x.c1, y.c1 FROM t1 LEFT JOIN (t2 x JOIN t4 y ON x.c1 = y.c1) ON t1.c1 = x.c1",
		"SELECT t1.c1 FROM t1 LEFT JOIN t2 ON (t1.c1 = t2.c1) WHERE t2.c1 IS NULL OR t2.c2 > 3",
	},
	"aggregate": {
		"SELECT count(c6), sum(c1), avg(c1), min(c2), max(c1), stddev(c2), sum(c1) * (random() <= 1)::int AS sum2 FROM t1 WHERE c2 < 5 GROUP BY c2 ORDER BY 1, 2",
		"SELECT count(*), sum(t1.c1), avg(t2.c1) FROM t1 JOIN t2 ON (t1.c1 = t2.c1) WHERE t1.c2 = 6", "SELECT sum(c1), count(c1) FROM t1 GROUP BY c2 ORDER BY 1",
		"SELECT c2 * 3, sum(c2) * 5 FROM t1 GROUP BY c2 * 3 ORDER BY 1", "SELECT count(c2) w, c2 x, 5 y, 7.0 z FROM t1 GROUP BY 2, y, 9.0::int ORDER BY 2", "SELECT c2, c2 FROM t1 WHERE c2 > 6 GROUP BY 1, 2 ORDER BY sum(c1)",
		"SELECT c2, sum(c1) FROM t2 GROUP BY c2 HAVING avg(c1) < 500 AND sum(c1) < 49800 ORDER BY c2", "SELECT count(*) FROM (SELECT c5, count(c1) FROM t1 GROUP BY c5, sqrt(c2) HAVING (avg(c1) / avg(c1)) * 1 <= 1) x",
		"SELECT sum(c1) FROM t1 GROUP BY c2 HAVING avg(c1 * (random() <= 1)::int) > 100 ORDER BY 1", "SELECT array_agg(c1 ORDER BY c1) FROM t1 WHERE c1 < 100 GROUP BY c2 ORDER BY 1", "SELECT array_agg(c5 ORDER BY c1 DESC) FROM t1 WHERE c2 = 6 AND c1 < 50",
		"SELECT array_agg(DISTINCT t4.c1 % 5) FROM t4 FULL JOIN t5 ON (t4.c1 = t5.c1) WHERE t4.c1 < 20 OR (t4.c1 IS NULL AND t5.c1 < 5) GROUP BY (t5.c1) % 3 ORDER BY 1",
		"SELECT sum(c1) FILTER (WHERE c1 < 100 AND c2 > 5) FROM t1 GROUP BY c2 ORDER BY 1 NULLS LAST", "SELECT sum(c1 % 3), sum(DISTINCT c1 % 3 ORDER BY c1 % 3) FILTER (WHERE c1 % 3 < 2), c2 FROM t1 WHERE c2 = 6 GROUP BY c2",
		"SELECT c2, rank('10'::varchar) WITHIN GROUP (ORDER BY c6), percentile_cont(c2 / 10::numeric) WITHIN GROUP (ORDER BY c1) FROM t1 WHERE c2 < 10 GROUP BY c2 HAVING percentile_cont(c2 / 10::numeric) WITHIN GROUP (ORDER BY c1) < 500 ORDER BY c2",
		"SELECT c2, sum(c1) FROM t1 WHERE c2 < 3 GROUP BY ROLLUP (c2) ORDER BY 1 NULLS LAST", "SELECT c2, sum(c1) FROM t1 WHERE c2 < 3 GROUP BY CUBE (c2) ORDER BY 1 NULLS LAST", "SELECT c2, c6, sum(c1) FROM t1 WHERE c2 < 3 GROUP BY GROUPING SETS (c2, c6) ORDER BY 1, 2",
		"SELECT DISTINCT sum(c1) / 1000 s FROM t2 WHERE c2 < 6 GROUP BY c2 ORDER BY 1", "SELECT c2, sum(c2), count(c2) OVER (PARTITION BY c2 % 2) FROM t1 WHERE c2 < 10 GROUP BY c2 ORDER BY 1",
		"SELECT DISTINCT (SELECT count(*) FILTER (WHERE o.c2 = 6 AND o.c1 < 10) FROM t1 i WHERE i.c1 = 6) FROM t2 o WHERE o.c2 % 6 = 0", "SELECT sum(q.a), count(q.b) FROM t4 LEFT JOIN (SELECT 13, avg(t1.c1), sum(t2.c1) FROM t1 RIGHT JOIN t2 ON (t1.c1 = t2.c1)) q (a, b, c) ON (t4.c1 <= q.b)",
		"SELECT c2, sum FROM t1, LATERAL (SELECT sum(t2.c1 + t1.c1) sum FROM t2 WHERE t2.c2 = t1.c2) q WHERE t1.c2 = 3 ORDER BY c2 LIMIT 5", "SELECT count(t1.c3) FROM t1 LEFT JOIN t1 b ON (t1.c1 = b.c2)", "SELECT exists(SELECT 1 FROM t5), sum(c1) FROM t1",
		"SELECT sum(c1), avg(c8), min(c3), max(c9), bool_and(c11), string_agg(c3, ',' ORDER BY c1) FROM t1", "SELECT c9, count(DISTINCT c2) FROM t1 GROUP BY c9", "SELECT c3, c6 FROM t1 GROUP BY c3, c6", "SELECT count(*) FROM t1 GROUP BY ()", "SELECT max(c1) FROM t1",
		"SELECT DISTINCT c2 FROM t1", "SELECT DISTINCT c2, c6 FROM t1 ORDER BY c2",
	},
	"partition": {
		"SELECT p.a, q.a, q.c FROM p JOIN q ON p.a = q.a WHERE p.a % 25 = 0 ORDER BY 1, 2", "SELECT p.a, p.c, q.b FROM p LEFT JOIN (SELECT * FROM q WHERE a < 10) q ON p.a = q.a WHERE p.a < 10 ORDER BY 1",
		"SELECT a, sum(b), min(b), count(*) FROM p GROUP BY a HAVING avg(b) < 22 ORDER BY 1", "SELECT b, avg(a), max(a), count(*) FROM p GROUP BY b HAVING sum(a) < 700 ORDER BY 1", "SELECT sum(a), count(*) FROM p", "SELECT a, b FROM p ORDER BY a LIMIT 5",
		"SELECT p.a, count(t) FROM p JOIN q t ON p.a = t.a GROUP BY p.a",
	},
}

// postgresDoesMore is the number of statements of which postgres_fdw leaves
// more to the remote server than pgwire_fdw does. It may only become smaller.
const postgresDoesMore = 0

// TestDecisions plans statements with the foreign tables of both wrappers. What
// postgres_fdw leaves to the remote server, pgwire_fdw does: it has no more
// foreign scans, and no kind of node above them that the other has not.
func TestDecisions(t *testing.T) {
	remote, local := pgtest.Start(t, pgtest.Options{Name: "remote"}), pgtest.Start(t, pgtest.Options{Name: "local", Conf: []string{"jit = off"}})
	conn := local.Connect(t)
	if ask(t, conn, `SELECT count(*)::text FROM pg_available_extensions WHERE name = 'postgres_fdw'`) == "0" {
		t.Skip("postgres_fdw is not installed")
	}
	remote.Exec(t, decisionTables)
	for _, wrapper := range []string{"pgwire_fdw", "postgres_fdw"} {
		local.Exec(t, "CREATE EXTENSION "+wrapper)
		for _, server := range []string{wrapper, wrapper + "_other"} {
			local.Exec(t,
				fmt.Sprintf("CREATE SERVER %s FOREIGN DATA WRAPPER %s OPTIONS (host '127.0.0.1', port '%d', dbname 'postgres', use_remote_estimate 'true')", server, wrapper, remote.Port),
				fmt.Sprintf("CREATE USER MAPPING FOR CURRENT_USER SERVER %s OPTIONS (user '%s', password '%s')", server, pgtest.Superuser, pgtest.Password))
		}
		local.Exec(t, fmt.Sprintf(decisionForeign, wrapper))
	}
	if _, err := conn.Exec(t.Context(), "SET enable_partitionwise_join = on; SET enable_partitionwise_aggregate = on"); err != nil {
		t.Fatal(err)
	}
	total, worse, whole := 0, 0, map[string]int{}
	for topic, statements := range decisionStatements {
		for _, sql := range statements {
			total++
			ours, theirs := askIn(t, conn, "pgwire_fdw", sql), askIn(t, conn, "postgres_fdw", sql)
			for name, a := range map[string]asked{"pgwire_fdw": ours, "postgres_fdw": theirs} {
				if a.plan.Whole() {
					whole[name]++
				}
			}
			if !strings.Contains(sql, "LIMIT") || strings.Contains(sql, "ORDER BY") {
				a, b := slices.Sorted(slices.Values(ours.rows)), slices.Sorted(slices.Values(theirs.rows))
				if !slices.Equal(a, b) {
					t.Errorf("%s: %s\nthe answers differ:\n%s", topic, sql, difference(a, b))
				}
			}
			var more []string
			for _, node := range localWork(ours) {
				if !slices.Contains(localWork(theirs), node) {
					more = append(more, node)
				}
			}
			mine, other := ours.plan.Count("Foreign Scan"), theirs.plan.Count("Foreign Scan")
			if mine > other || mine == other && len(more) > 0 {
				worse++
				t.Logf("%s: %s\npostgres_fdw does more of it: %d foreign scans, here %v; pgwire_fdw: %d, here %v", topic, sql,
					other, theirs.plan.Local(), mine, ours.plan.Local())
			}
		}
	}
	t.Logf("%d statements; wholly on the remote server: %v; of %d postgres_fdw does more", total, whole, worse)
	if worse > postgresDoesMore {
		t.Errorf("of %d statements postgres_fdw does more, of at most %d until now", worse, postgresDoesMore)
	}
}

// localWork is what a plan leaves to the local server, whatever algorithm does it.
func localWork(a asked) []string {
	var work []string
	for _, node := range a.plan.Local() {
		switch node {
		case "Hash", "Materialize", "Memoize": // belong to a join
			continue
		case "Hash Join", "Merge Join", "Nested Loop":
			node = "Join"
		case "Merge Append":
			node = "Append"
		case "Incremental Sort":
			node = "Sort"
		case "Unique", "Group":
			node = "Aggregate"
		}
		work = append(work, node)
	}
	return work
}
