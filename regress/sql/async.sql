--
-- Scans at the same time: children of an Append whose rows come from remotes.
--
SELECT compare.make_server('async_srv', ', async_capable ''true''');
SET client_min_messages = error;
DROP SCHEMA IF EXISTS async_r, async_f CASCADE;
RESET client_min_messages;
CREATE SCHEMA async_r;
CREATE SCHEMA async_f;
-- 20 partitions of each table, more than an Append hears of at a time
DO $$ DECLARE i int; side text; BEGIN
    FOREACH side IN ARRAY ARRAY['async_r', 'async_f'] LOOP
        EXECUTE format('CREATE TABLE %I.t (p int, k int, v text) PARTITION BY LIST (p)', side);
        EXECUTE format('CREATE TABLE %I.u (p int, k int, w text) PARTITION BY LIST (p)', side);
    END LOOP;
    FOR i IN 1..20 LOOP
        EXECUTE format('CREATE TABLE async_r.t%s PARTITION OF async_r.t FOR VALUES IN (%s)', i, i);
        EXECUTE format('CREATE TABLE async_r.u%s PARTITION OF async_r.u FOR VALUES IN (%s)', i, i);
        EXECUTE format('CREATE FOREIGN TABLE async_f.t%s PARTITION OF async_f.t FOR VALUES IN (%s) SERVER async_srv OPTIONS (schema_name ''async_r'')', i, i);
        EXECUTE format('CREATE FOREIGN TABLE async_f.u%s PARTITION OF async_f.u FOR VALUES IN (%s) SERVER async_srv OPTIONS (schema_name ''async_r'')', i, i);
    END LOOP;
END $$;
INSERT INTO async_r.t SELECT 1 + g % 20, g, 'v' || g % 97 FROM generate_series(1, 4000) g;
INSERT INTO async_r.u SELECT 1 + g % 20, g, 'w' || g % 13 FROM generate_series(1, 400) g;
CREATE TABLE async_r.few AS SELECT g AS n FROM generate_series(1, 6) g;
CREATE TABLE async_f.few AS TABLE async_r.few;
-- four partitions are enough to see plans; one of these is here
CREATE TABLE async_r.m (p int, k int) PARTITION BY LIST (p);
CREATE TABLE async_f.m (LIKE async_r.m) PARTITION BY LIST (p);
DO $$ DECLARE i int; BEGIN
    FOR i IN 1..4 LOOP
        EXECUTE format('CREATE TABLE async_r.m%s PARTITION OF async_r.m FOR VALUES IN (%s)', i, i);
        IF i = 2 THEN
            CREATE TABLE async_f.m2 PARTITION OF async_f.m FOR VALUES IN (2);
        ELSE
            EXECUTE format('CREATE FOREIGN TABLE async_f.m%s PARTITION OF async_f.m FOR VALUES IN (%s) SERVER async_srv OPTIONS (schema_name ''async_r'')', i, i);
        END IF;
    END LOOP;
END $$;
INSERT INTO async_r.m SELECT 1 + g % 4, g FROM generate_series(1, 200) g;
INSERT INTO async_f.m2 TABLE async_r.m2;
CREATE FUNCTION public.async_local(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN x + 1; END';
ANALYZE async_f.few;
SET pgwire_fdw.ship_queries = off;
\pset tuples_only on
\pset format unaligned

-- ===================================================================
-- which plans
-- ===================================================================
CREATE FUNCTION public.async_plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text; BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF line !~ 'Relations:' THEN
            RETURN NEXT line;
        END IF;
    END LOOP;
END $$;
SET search_path = async_f, public;
SELECT async_plan('SELECT * FROM m');
SELECT async_plan('SELECT * FROM m WHERE p > 2');
SELECT async_plan('SELECT * FROM m WHERE p = 3');
SELECT async_plan('SELECT * FROM m ORDER BY k LIMIT 1');
SELECT async_plan('SELECT * FROM m FOR UPDATE');
SELECT async_plan('SELECT p FROM m1 UNION ALL SELECT k FROM m3 WHERE async_local(k) > 3');
SET enable_partitionwise_join = on;
SET enable_partitionwise_aggregate = on;
SELECT async_plan('SELECT x.k FROM m x JOIN m y USING (p, k)');
SELECT async_plan('SELECT p, count(*) FROM m GROUP BY p');
ALTER FOREIGN TABLE m1 OPTIONS (async_capable 'false');
SELECT async_plan('SELECT * FROM m');
ALTER FOREIGN TABLE m1 OPTIONS (DROP async_capable);
SET enable_async_append = off;
SELECT async_plan('SELECT * FROM m');
RESET enable_async_append;

-- ===================================================================
-- which rows
-- ===================================================================
RESET search_path;
CREATE FUNCTION public.async_same(query text) RETURNS SETOF text LANGUAGE sql AS
    $$ SELECT query UNION ALL SELECT '   => ' || compare.verdict('async', query) $$;
CREATE FUNCTION public.async_rows() RETURNS SETOF text LANGUAGE sql AS $$
SELECT async_same(q) FROM unnest(ARRAY[
    'SELECT * FROM t',
    'SELECT * FROM t WHERE async_local(k) % 3 = 0',
    'SELECT p, count(*), sum(k) FROM t GROUP BY p',
    'SELECT count(*), max(v) FROM t',
    'SELECT * FROM t WHERE k > 5000',
    'SELECT * FROM m',
    'SELECT count(*) FROM m WHERE async_local(k) > 0',
    'SELECT x.k, y.w FROM t x JOIN u y USING (p, k)',
    'SELECT x.k, y.w FROM t x LEFT JOIN u y ON x.p = y.p AND x.k = y.k WHERE x.k < 900',
    'SELECT x.k, y.k FROM m x JOIN m y ON x.k = y.k + 1',
    -- rescans: with parameters, of partitions that are pruned each time anew, and of all
    'SELECT n, s FROM few, LATERAL (SELECT sum(k) AS s FROM t WHERE p = few.n OR p = few.n + 7) x',
    'SELECT n, (SELECT count(*) FROM t WHERE async_local(k) % 10 = few.n) FROM few',
    'SELECT n, (SELECT count(*) FROM m WHERE p <> few.n AND async_local(k) > few.n) FROM few',
    'SELECT n, k FROM few, LATERAL (SELECT k FROM t WHERE async_local(k) % 50 = few.n LIMIT 200 OFFSET 0) x',
    -- left early, and asked for again
    'SELECT n FROM few WHERE EXISTS (SELECT 1 FROM t WHERE async_local(k) > few.n)',
    'SELECT count(*) FROM (SELECT * FROM t WHERE async_local(k) > 0 LIMIT 777) x',
    'SELECT count(*) FROM few, LATERAL (SELECT * FROM t WHERE async_local(k) > few.n LIMIT 50) x',
    -- two Appends that take turns
    'SELECT x.k FROM t x, u y WHERE async_local(x.k) = async_local(y.k)',
    'SELECT * FROM t WHERE k IN (SELECT k FROM u WHERE async_local(k) % 2 = 0)',
    'SELECT p FROM t1 UNION ALL SELECT k FROM u2 WHERE async_local(k) > 100 UNION ALL SELECT n FROM few',
    -- an error of a child is the statement's
    'SELECT 1 / (k - 777) FROM t'
]) q $$;
SELECT async_rows();
-- the same with fewer connections, down to the one
ALTER SERVER async_srv OPTIONS (ADD max_connections_per_server '3');
SELECT r FROM async_rows() r WHERE r ~ 'DIFFERENT';
SELECT count(*) <= 3 FROM pgwire_fdw_get_connections();
ALTER SERVER async_srv OPTIONS (SET max_connections_per_server '1');
SELECT r FROM async_rows() r WHERE r ~ 'DIFFERENT';
SELECT count(*) <= 1 FROM pgwire_fdw_get_connections();
ALTER SERVER async_srv OPTIONS (DROP max_connections_per_server);
-- and by joins that come for one row at a time
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SELECT async_same('SELECT x.k FROM few, m x, m y WHERE x.k = y.k AND x.k < 9 AND few.n = async_local(x.k)');
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_material;

-- what is counted
CREATE FUNCTION public.async_counted(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE j json; BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ' || query INTO j;
    RETURN QUERY SELECT format('%s %s rows=%s loops=%s', c->>'Alias', c->>'Async Capable', (c->>'Actual Rows')::numeric::int, c->>'Actual Loops')
        FROM json_array_elements(j->0->'Plan'->'Plans') c;
END $$;
SET search_path = async_f, public;
SELECT async_counted('SELECT * FROM m');
SELECT async_counted('SELECT * FROM m WHERE async_local(k) % 10 = 3');

-- ===================================================================
-- transactions
-- ===================================================================
-- one connection each, which have the snapshot in common
SELECT pgwire_fdw_disconnect_all();
BEGIN;
SELECT count(*) FROM t WHERE async_local(k) > 0;
INSERT INTO async_r.t VALUES (1, 5000), (2, 5000), (20, 5000);
SELECT count(*) FROM t WHERE async_local(k) > 0;
SELECT count(*) FROM async_r.t;
ROLLBACK;
-- after a lock only the one that has it; and not before it is known whether others can see what it sees
SELECT pgwire_fdw_disconnect_all();
BEGIN;
SELECT k FROM t3 WHERE k < 25 FOR UPDATE;
SELECT count(*) FROM t WHERE async_local(k) > 0;
SELECT count(*) FROM pgwire_fdw_get_connections() WHERE used_in_xact;
COMMIT;
BEGIN;
SELECT count(*) FROM t1;
SAVEPOINT a;
SELECT count(*) FROM t2;
SELECT count(*) FROM t WHERE async_local(k) > 0;
ROLLBACK TO a;
SELECT count(*) FROM t WHERE async_local(k) > 0;
COMMIT;
-- cursors, and sub-transactions in which their rows are fetched
BEGIN;
DECLARE c CURSOR FOR SELECT k FROM t WHERE async_local(k) > 0;
SELECT count(*) FROM t WHERE async_local(k) > 0;
SAVEPOINT a;
FETCH 1 FROM c \gset
MOVE 1500 FROM c;
SELECT 1 / (k - 777) FROM t;
ROLLBACK TO a;
MOVE FORWARD ALL FROM c;
COMMIT;
BEGIN;
SAVEPOINT a;
DECLARE c CURSOR FOR SELECT k FROM t WHERE async_local(k) > 0;
MOVE 50 FROM c;
ROLLBACK TO a;
SELECT count(*) FROM t WHERE async_local(k) > 0;
COMMIT;
-- serializable: its reads are those of one transaction
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) FROM t WHERE async_local(k) > 0;
SELECT count(*) FROM pgwire_fdw_get_connections() WHERE used_in_xact;
COMMIT;
-- ===================================================================
-- options
-- ===================================================================
ALTER SERVER async_srv OPTIONS (max_connections_per_server '0');
ALTER SERVER async_srv OPTIONS (max_connections_per_server 'many');
ALTER FOREIGN TABLE t1 OPTIONS (max_connections_per_server '2');
ALTER FOREIGN TABLE t1 OPTIONS (async_capable 'perhaps');

\pset tuples_only off
\pset format aligned
DROP FUNCTION public.async_local, public.async_plan, public.async_same, public.async_rows, public.async_counted;
SET client_min_messages = error;
DROP SCHEMA async_r, async_f CASCADE;
