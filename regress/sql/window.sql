--
-- Window functions, DISTINCT and ORDER BY on the remote server.
--
SELECT compare.make_server('window_srv');
SET client_min_messages = error;
DROP SCHEMA IF EXISTS window_r, window_f CASCADE;
RESET client_min_messages;
CREATE SCHEMA window_r;
CREATE SCHEMA window_f;
CREATE TABLE window_r.t (id int PRIMARY KEY, g int, v int, n numeric, f float8, s text, c text COLLATE "C", d date, b bool);
INSERT INTO window_r.t SELECT i, i % 3, i * 5 % 12, i * 0.5, i % 7 * 0.25, 'w' || i % 4, chr(65 + i % 4), date '2024-01-01' + i * 2, i % 2 = 0
    FROM generate_series(1, 30) i;
INSERT INTO window_r.t (id, g) VALUES (101, 1), (102, NULL);
CREATE FOREIGN TABLE window_f.t (id int, g int, v int, n numeric, f float8, s text, c text COLLATE "C", d date, b bool)
    SERVER window_srv OPTIONS (schema_name 'window_r');
CREATE FUNCTION public.window_local(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN x + 1; END';
ANALYZE window_r.t;

-- by stages of the planner; whole queries are another test's
SET pgwire_fdw.ship_queries = off;
\pset tuples_only on
\pset format unaligned

-- frames
SELECT compare.queries('window',
    'SELECT id, row_number() OVER (ORDER BY id), rank() OVER (PARTITION BY g ORDER BY v), dense_rank() OVER (PARTITION BY g ORDER BY v DESC NULLS LAST) FROM t',
    'SELECT id, sum(v) OVER (ORDER BY id), count(*) OVER (), avg(n) OVER (PARTITION BY g) FROM t',
    'SELECT id, sum(v) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING), max(v) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW) FROM t',
    'SELECT id, sum(v) OVER (ORDER BY n RANGE BETWEEN 1.5 PRECEDING AND CURRENT ROW), count(*) OVER (ORDER BY d RANGE BETWEEN CURRENT ROW AND ''5 days''::interval FOLLOWING) FROM t WHERE n IS NOT NULL',
    'SELECT id, array_agg(id) OVER (ORDER BY v, id GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES), count(*) OVER (ORDER BY v GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE GROUP) FROM t',
    'SELECT id, lag(v, 2, -1) OVER w, lead(s) OVER w, first_value(id) OVER w, last_value(c) OVER w, nth_value(id, 3) OVER w, ntile(4) OVER w FROM t WINDOW w AS (PARTITION BY g ORDER BY id)',
    'SELECT id, percent_rank() OVER (w ORDER BY v), cume_dist() OVER (w ORDER BY v), count(*) FILTER (WHERE b) OVER w FROM t WINDOW w AS (PARTITION BY c)',
    'SELECT id, sum(v) OVER (ORDER BY id ROWS (SELECT 1) PRECEDING) FROM t');

-- over groups, and under DISTINCT and ORDER BY
SELECT compare.queries('window',
    'SELECT g, count(*), rank() OVER (ORDER BY count(*), g), sum(sum(v)) OVER (ORDER BY g NULLS FIRST) FROM t GROUP BY g',
    'SELECT g, sum(v) * 100 / sum(sum(v)) OVER () FROM t GROUP BY g ORDER BY g',
    'SELECT DISTINCT g, max(v) OVER (PARTITION BY g) FROM t ORDER BY g',
    'SELECT sum(g) OVER (), window_local(count(*)::int) FROM t GROUP BY g ORDER BY count(*)',
    'SELECT g * (random() * 0 + 1) FROM t GROUP BY g ORDER BY count(*), max(id)',
    'SELECT id, v - avg(v) OVER (PARTITION BY g) AS diff FROM t ORDER BY diff DESC NULLS LAST, id LIMIT 5');

-- a condition on a window function from the query around
SELECT compare.sent('window',
    'SELECT * FROM (SELECT id, row_number() OVER (ORDER BY id) rn FROM t) x WHERE rn <= 4',
    'SELECT * FROM (SELECT id, g, row_number() OVER (PARTITION BY g ORDER BY id DESC) rn FROM t) x WHERE rn < 2',
    'SELECT * FROM (SELECT id, row_number() OVER (ORDER BY id) rn, rank() OVER (PARTITION BY c ORDER BY v) r FROM t) x WHERE rn <= 20 AND r <= 2 ORDER BY id LIMIT 3');

-- what stays here
SELECT compare.queries('window',
    'SELECT id, sum(window_local(v)) OVER (ORDER BY id) FROM t',
    'SELECT id, window_local(v), window_local(rank() OVER (ORDER BY v)::int) FROM t',
    'SELECT id, count(*) OVER (PARTITION BY window_local(v)) FROM t',
    'SELECT id, count(*) OVER (ORDER BY id) FROM t WHERE window_local(v) > 6');

-- DISTINCT
SELECT compare.queries('window',
    'SELECT DISTINCT g FROM t',
    'SELECT DISTINCT s, c FROM t WHERE id < 9 ORDER BY s DESC, c',
    'SELECT DISTINCT g + 1, ''x'' FROM t',
    'SELECT DISTINCT window_local(g) FROM t',
    'SELECT DISTINCT ON (g) g, id, v FROM t ORDER BY g, v DESC NULLS LAST, id',
    'SELECT DISTINCT ON (g, c) id, window_local(v), now() IS NULL FROM t ORDER BY g, c, id DESC',
    'SELECT DISTINCT ON (g) id FROM t ORDER BY g, window_local(id)',
    'SELECT DISTINCT t FROM t WHERE id < 3',
    'SELECT DISTINCT count(*) FROM t GROUP BY g ORDER BY 1 DESC');

SELECT compare.sent('window', 'SELECT DISTINCT 1 FROM t');

-- ORDER BY
SELECT compare.queries('window',
    'SELECT id FROM t ORDER BY v DESC, s, id',
    'SELECT id FROM t ORDER BY v NULLS FIRST, c DESC NULLS LAST, id',
    'SELECT id FROM t ORDER BY s COLLATE "C", id',
    'SELECT id FROM t ORDER BY c COLLATE "POSIX", id',
    'SELECT id FROM t ORDER BY v USING >, id USING <',
    'SELECT id FROM t ORDER BY v + g, -id',
    'SELECT id FROM t ORDER BY window_local(v), id',
    'SELECT window_local(id) FROM t ORDER BY id DESC',
    'SELECT id, ''x'' FROM t ORDER BY 2, 1',
    'SELECT id FROM t WHERE window_local(v) > 3 ORDER BY id',
    'SELECT g, count(*) FROM t GROUP BY g ORDER BY count(*) DESC, g NULLS FIRST');
-- an operator class of ours
CREATE FUNCTION window_f.backwards(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT btint4cmp(b, a)';
CREATE FUNCTION window_f.before(a int, b int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT a > b';
CREATE OPERATOR window_f.<^ (leftarg = int, rightarg = int, function = window_f.before);
CREATE OPERATOR CLASS window_f.backwards_ops FOR TYPE int USING btree AS
    OPERATOR 1 window_f.<^, OPERATOR 3 =, FUNCTION 1 window_f.backwards(int, int);
SELECT compare.plan('window', 'SELECT id FROM t ORDER BY id USING OPERATOR(window_f.<^)');
