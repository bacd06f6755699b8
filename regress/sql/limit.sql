--
-- LIMIT and OFFSET on the remote server, and what they say of partitions.
--
SELECT compare.make_server('limit_srv');
SET client_min_messages = error;
DROP SCHEMA IF EXISTS limit_r, limit_f CASCADE;
RESET client_min_messages;
CREATE SCHEMA limit_r;
CREATE SCHEMA limit_f;
CREATE TABLE limit_r.t (id int PRIMARY KEY, g int, s text);
INSERT INTO limit_r.t SELECT i, i % 5, 'w' || i % 7 FROM generate_series(1, 50) i;
CREATE FOREIGN TABLE limit_f.t (id int, g int, s text) SERVER limit_srv OPTIONS (schema_name 'limit_r');
CREATE FUNCTION public.limit_local(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN x + 1; END';
ANALYZE limit_r.t;

-- by stages of the planner; whole queries are another test's
SET pgwire_fdw.ship_queries = off;
\pset tuples_only on
\pset format unaligned

SELECT compare.queries('limit',
    'SELECT id FROM t WHERE id < 10 AND id > 8 LIMIT 1',
    'SELECT id FROM t ORDER BY id LIMIT 3',
    'SELECT id, s FROM t ORDER BY s DESC, id LIMIT 3 OFFSET 2',
    'SELECT id FROM t ORDER BY id OFFSET 47',
    'SELECT id FROM t ORDER BY id LIMIT ALL OFFSET 48',
    'SELECT id FROM t ORDER BY id LIMIT NULL OFFSET 49',
    'SELECT id FROM t ORDER BY id LIMIT 0',
    'SELECT id FROM t ORDER BY id FETCH FIRST 3 ROWS ONLY',
    'SELECT g FROM t ORDER BY g FETCH FIRST 3 ROWS WITH TIES',
    'SELECT g, ''x'' AS x FROM t ORDER BY 2 FETCH FIRST 1 ROW WITH TIES',
    'SELECT id FROM t ORDER BY id LIMIT (SELECT 2) OFFSET (SELECT 1)',
    'SELECT id FROM t ORDER BY id LIMIT 1 + length(''ab'')',
    'SELECT id FROM t ORDER BY id LIMIT -1',
    'SELECT id FROM t ORDER BY id OFFSET -1',
    'SELECT g, count(*) FROM t GROUP BY g ORDER BY g LIMIT 2',
    'SELECT count(*) FROM t LIMIT 1',
    'SELECT DISTINCT s FROM t ORDER BY s LIMIT 2',
    'SELECT id, row_number() OVER (ORDER BY id) FROM t ORDER BY id DESC LIMIT 2',
    'SELECT a.id, b.s FROM t a JOIN t b ON a.id = b.g ORDER BY a.id, b.s LIMIT 4',
    'SELECT * FROM (SELECT id FROM t ORDER BY id LIMIT 5) x ORDER BY id DESC LIMIT 2');
-- what stays here
SELECT compare.queries('limit',
    'SELECT id FROM t WHERE limit_local(g) = 3 ORDER BY id LIMIT 3',
    'SELECT id FROM t ORDER BY limit_local(g), id LIMIT 3',
    'SELECT limit_local(id) FROM t ORDER BY id LIMIT 3',
    'SELECT id, generate_series(1, 2) FROM t ORDER BY id LIMIT 3',
    'SELECT g FROM t GROUP BY g HAVING limit_local(g) > 2 ORDER BY g LIMIT 2',
    'SELECT id, random() < 2 FROM t ORDER BY id LIMIT 2');
SELECT compare.plan('limit', 'SELECT id FROM t LIMIT (random() * 0)::int');
-- with locks
SELECT compare.plan('limit', 'SELECT id FROM t ORDER BY id LIMIT 2 FOR UPDATE');
SELECT compare.plan('limit', 'SELECT t, id FROM t ORDER BY id LIMIT 2 FOR UPDATE SKIP LOCKED');
SELECT compare.plan('limit', 'SELECT id FROM t ORDER BY id DESC FOR SHARE');
SELECT id FROM limit_f.t ORDER BY id LIMIT 2 FOR UPDATE;
SELECT id FROM limit_f.t ORDER BY id DESC LIMIT 2 FOR SHARE;
PREPARE q(int, int) AS SELECT id FROM limit_f.t ORDER BY id LIMIT $1 OFFSET $2;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (VERBOSE, COSTS OFF) EXECUTE q(2, 3);
EXECUTE q(2, 3);
EXECUTE q(NULL, 49);
EXECUTE q(-1, 0);
RESET plan_cache_mode;
DEALLOCATE q;

-- each partition need not send more than LIMIT and OFFSET together
CREATE TABLE limit_r.p1 (id int, g int, s text);
CREATE TABLE limit_r.p2 (LIKE limit_r.p1);
INSERT INTO limit_r.p1 SELECT * FROM limit_r.t WHERE id <= 25;
INSERT INTO limit_r.p2 SELECT * FROM limit_r.t WHERE id > 25;
CREATE TABLE limit_r.p AS SELECT * FROM limit_r.t;
CREATE TABLE limit_f.p (id int, g int, s text) PARTITION BY RANGE (id);
CREATE FOREIGN TABLE limit_f.p1 PARTITION OF limit_f.p FOR VALUES FROM (MINVALUE) TO (26) SERVER limit_srv OPTIONS (schema_name 'limit_r');
CREATE FOREIGN TABLE limit_f.p2 PARTITION OF limit_f.p FOR VALUES FROM (26) TO (MAXVALUE) SERVER limit_srv OPTIONS (schema_name 'limit_r');
SELECT compare.queries('limit',
    'SELECT id FROM p ORDER BY s, id LIMIT 3',
    'SELECT id FROM p ORDER BY s, id LIMIT 3 OFFSET 2',
    'SELECT id FROM p ORDER BY s, id FETCH FIRST 1 ROW WITH TIES',
    'SELECT id FROM p WHERE limit_local(g) > 2 ORDER BY s, id LIMIT 3',
    'SELECT id FROM p ORDER BY limit_local(g), id LIMIT 3',
    'SELECT count(*) FROM (SELECT * FROM p LIMIT 30) x',
    'SELECT count(*) FROM (SELECT * FROM p LIMIT 30 OFFSET 40) x',
    'SELECT g, count(*) FROM p GROUP BY g ORDER BY g LIMIT 3',
    'SELECT DISTINCT g FROM p ORDER BY g LIMIT 3',
    'SELECT p.id FROM p JOIN t ON p.id = t.g ORDER BY p.s, p.id LIMIT 3',
    'SELECT id FROM p WHERE EXISTS (SELECT FROM t WHERE t.g = p.id) ORDER BY s, id LIMIT 3',
    'SELECT id, row_number() OVER (ORDER BY s, id) FROM p ORDER BY s, id LIMIT 3',
    'SELECT id FROM (SELECT id, s FROM p1 UNION ALL SELECT id, s FROM p2) u ORDER BY s, id LIMIT 3');
SELECT compare.plan('limit', 'SELECT id FROM p ORDER BY s, id LIMIT 3 FOR UPDATE');
