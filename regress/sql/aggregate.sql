--
-- Aggregates: what is computed by the remote server, and that the result is what
-- it would be here.
--
SELECT compare.make_server('aggregate_srv');
SET client_min_messages = error;
DROP SCHEMA IF EXISTS aggregate_r, aggregate_f CASCADE;
RESET client_min_messages;
CREATE SCHEMA aggregate_r;
CREATE SCHEMA aggregate_f;
CREATE TABLE aggregate_r.t (id int PRIMARY KEY, g int, i2 int2, i4 int4, i8 int8, n numeric, f4 float4, f8 float8,
    b bool, s text, c text COLLATE "C", d date, iv interval, j jsonb);
INSERT INTO aggregate_r.t SELECT i, i % 4, i % 11 - 5, i * 7 % 50, i * 4000000000, (i - 20) * 1.25, i % 9 * 0.5, i % 13 * 0.25,
    i % 3 = 0, 'w' || i % 6, chr(65 + i % 5), date '2024-01-01' + i % 20, i * interval '1 hour', to_jsonb(i % 3)
    FROM generate_series(1, 60) i;
INSERT INTO aggregate_r.t (id, g) VALUES (101, 1), (102, NULL), (103, NULL), (104, 9);
CREATE TABLE aggregate_r.e (LIKE aggregate_r.t);
CREATE TABLE aggregate_r.k (g int, name text);
INSERT INTO aggregate_r.k VALUES (0, 'zero'), (1, 'one'), (2, 'two'), (NULL, 'null'), (7, 'seven');
DO $$ DECLARE t text; BEGIN
    FOREACH t IN ARRAY ARRAY['t', 'e'] LOOP
        EXECUTE format('CREATE FOREIGN TABLE aggregate_f.%I (id int, g int, i2 int2, i4 int4, i8 int8, n numeric, f4 float4, f8 float8,
            b bool, s text, c text COLLATE "C", d date, iv interval, j jsonb)
            SERVER aggregate_srv OPTIONS (schema_name ''aggregate_r'')', t);
    END LOOP;
END $$;
CREATE FOREIGN TABLE aggregate_f.k (g int, name text) SERVER aggregate_srv OPTIONS (schema_name 'aggregate_r');
-- stays here, as it belongs to no extension
CREATE FUNCTION public.aggregate_local(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN x + 1; END';
ANALYZE aggregate_r.t, aggregate_r.k;

-- by stages of the planner; whole queries are another test's
SET pgwire_fdw.ship_queries = off;
\pset tuples_only on
\pset format unaligned

-- plain aggregates
SELECT compare.queries('aggregate',
    'SELECT count(*) FROM t',
    'SELECT count(*), count(i4), sum(i4), min(s), max(c), avg(n), bool_and(b), bit_or(i4) FROM t',
    'SELECT count(*), sum(i4), min(s), avg(n), array_agg(id), every(b) FROM e',
    'SELECT sum(i2), sum(i8), sum(n), sum(f4), sum(f8), avg(i2), avg(i4), avg(i8), avg(f8), avg(iv) FROM t',
    'SELECT stddev(i4), var_pop(n), corr(f8, i4), regr_count(f8, f4), variance(f8) FROM t',
    'SELECT sum(i4 * 2) + count(*), upper(max(s)) FROM t WHERE i4 > 10',
    'SELECT count(*) FROM t WHERE s ~ ''^w[12]''');

-- groups
SELECT compare.queries('aggregate',
    'SELECT g, count(*) FROM t GROUP BY g',
    'SELECT g + 1, sum(i4) FROM t GROUP BY g + 1',
    'SELECT g % 2, g + 1, count(*) FROM t GROUP BY g % 2, g + 1',
    'SELECT count(*) FROM t GROUP BY g, b',
    'SELECT g FROM t GROUP BY g',
    'SELECT g, g, count(*) FROM t GROUP BY g, 1, 2',
    'SELECT c, s, max(i8) FROM t GROUP BY c, s ORDER BY c, s DESC',
    'SELECT g, sum(i4) FROM t GROUP BY g ORDER BY sum(i4) DESC NULLS LAST, g',
    'SELECT g, ''x'', count(*) FROM t GROUP BY g, 2',
    'SELECT ''x'', count(*) FROM t GROUP BY 1',
    'SELECT ''x'', count(*) FROM e GROUP BY 1',
    'SELECT g, count(*) FROM t WHERE g = 2 GROUP BY g ORDER BY g',
    'SELECT coalesce(g, -1), count(DISTINCT s) FROM t GROUP BY 1 ORDER BY 2, 1',
    'SELECT j, count(*) FROM t GROUP BY j');

-- HAVING; what cannot be sent of it is checked here
SELECT compare.queries('aggregate',
    'SELECT g, sum(i4) FROM t GROUP BY g HAVING sum(i4) > 300',
    'SELECT g FROM t GROUP BY g HAVING count(*) > 10 AND g > 1',
    'SELECT g, sum(i4) FROM t GROUP BY g HAVING aggregate_local(sum(i4)::int) > 300 AND count(*) > 3',
    'SELECT g FROM t GROUP BY g HAVING aggregate_local(g) > 2',
    'SELECT count(*) FROM t HAVING count(*) > 1000',
    'SELECT 1 FROM t HAVING min(g) < 2');

-- DISTINCT, ORDER BY, FILTER, WITHIN GROUP, VARIADIC
SELECT compare.queries('aggregate',
    'SELECT count(DISTINCT g), sum(DISTINCT i4), array_agg(DISTINCT c ORDER BY c DESC NULLS FIRST) FROM t',
    'SELECT g, array_agg(id ORDER BY s DESC, id), string_agg(s, '','' ORDER BY id) FROM t GROUP BY g',
    'SELECT g, count(*) FILTER (WHERE b), sum(i4) FILTER (WHERE s > ''w2'' AND id < 40) FROM t GROUP BY g',
    'SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY i4), percentile_cont(0.25) WITHIN GROUP (ORDER BY f8 DESC), mode() WITHIN GROUP (ORDER BY c) FROM t',
    'SELECT g, rank(3) WITHIN GROUP (ORDER BY i2), percentile_disc(ARRAY[0.1, 0.9]) WITHIN GROUP (ORDER BY i8) FROM t GROUP BY g',
    'SELECT jsonb_object_agg(id, s ORDER BY id) FROM t WHERE id < 4',
    'SELECT count(*) FILTER (WHERE aggregate_local(i4) > 5) FROM t');

-- grouping sets
SELECT compare.queries('aggregate',
    'SELECT g, b, count(*), grouping(g, b) FROM t GROUP BY ROLLUP (g, b)',
    'SELECT g, b, sum(i4) FROM t GROUP BY CUBE (g, b) HAVING grouping(b) = 0',
    'SELECT g, b, c, count(*) FROM t GROUP BY GROUPING SETS ((g, b), (c), ())',
    'SELECT g, b, c, count(*) FROM t GROUP BY g, ROLLUP (b, c)',
    'SELECT g + 1, grouping(g + 1), count(*) FROM t GROUP BY ROLLUP (g + 1)',
    'SELECT g, b, count(*) FROM t GROUP BY DISTINCT ROLLUP (g, b), ROLLUP (g)',
    'SELECT count(*) FROM e GROUP BY GROUPING SETS ((), ())',
    'SELECT g, count(*) FROM t GROUP BY ROLLUP (g) ORDER BY g NULLS FIRST, count(*)');

-- outputs that are not sent: their parts are
SELECT compare.queries('aggregate',
    'SELECT aggregate_local(g), count(*) + aggregate_local(1) FROM t GROUP BY g',
    'SELECT g, aggregate_local(max(i4)) FROM t GROUP BY g',
    'SELECT aggregate_local(g + 1), g + 1, sum(i4) FROM t GROUP BY g + 1',
    'SELECT max(aggregate_local(i4)) FROM t',
    'SELECT aggregate_local(g), count(*) FROM t GROUP BY aggregate_local(g)',
    'SELECT count(*), aggregate_local(3), current_database() IS NOT NULL FROM t');

-- conditions that stay here keep the aggregate here
SELECT compare.queries('aggregate',
    'SELECT count(*) FROM t WHERE aggregate_local(i4) > 10',
    'SELECT g, generate_series(1, count(*)::int % 3) FROM t GROUP BY g',
    'SELECT generate_series(1, g) x, count(*) FROM t GROUP BY x');

-- over joins
SELECT compare.queries('aggregate',
    'SELECT k.name, count(*), sum(t.i4) FROM t JOIN k ON t.g = k.g GROUP BY k.name',
    'SELECT k.name, count(t.id) FROM k LEFT JOIN t ON t.g = k.g GROUP BY k.name HAVING count(t.id) < 16',
    'SELECT count(*) FROM t FULL JOIN k ON t.g = k.g',
    'SELECT count(*) FROM t WHERE EXISTS (SELECT FROM k WHERE k.g = t.g)',
    'SELECT count(*) FROM t a, t b, k WHERE a.id = b.id AND a.g = k.g');

-- values of this side, initplans, sub-queries
SELECT compare.queries('aggregate',
    'SELECT g, count(*) FROM t WHERE i4 < (SELECT avg(i4) FROM t) GROUP BY g',
    'SELECT sum(i4 + (SELECT 1 + length(current_database()) * 0)), min(d) > (now() - interval ''1 day'')::date FROM t',
    'SELECT now() > ''2000-01-01'', count(*) FROM t GROUP BY now()',
    'SELECT g, (SELECT count(*) FROM t t2 WHERE t2.g = t.g) FROM t GROUP BY g',
    'SELECT x.n, count(*) FROM (SELECT g, count(*) n FROM t GROUP BY g) x GROUP BY x.n',
    'SELECT count(*) FROM (SELECT DISTINCT s FROM t) x');
PREPARE q(int) AS SELECT g + $1, count(*) FILTER (WHERE i4 > $1) FROM aggregate_f.t GROUP BY g + $1 HAVING count(*) > $1 ORDER BY 1;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (VERBOSE, COSTS OFF) EXECUTE q(3);
EXECUTE q(3);
EXECUTE q(15);
RESET plan_cache_mode;
DEALLOCATE q;
-- a condition without columns is checked before anything is sent
EXPLAIN (VERBOSE, COSTS OFF) SELECT count(*) FROM aggregate_f.t WHERE current_user = 'nobody';
SELECT count(*), max(g) FROM aggregate_f.t WHERE current_user = 'nobody';

-- user-defined aggregates, of an extension or not
CREATE AGGREGATE aggregate_r.product(int8) (sfunc = int8mul, stype = int8, initcond = '1');
CREATE AGGREGATE aggregate_f.product(int8) (sfunc = int8mul, stype = int8, initcond = '1');
SELECT compare.queries('aggregate', 'SELECT g, product(i4 % 3 + 1) FROM t WHERE id < 12 GROUP BY g');
-- rows are not sorted by what is yet to be made of them
SELECT compare.queries('aggregate',
    'SELECT percentile_disc(0.3) WITHIN GROUP (ORDER BY s) FROM t ORDER BY percentile_disc(0.3) WITHIN GROUP (ORDER BY s)',
    'SELECT count(*) FILTER (WHERE aggregate_local(i4) > 5) FROM t ORDER BY sum(i4)');
-- groups that nothing shows, and values that are grouped by and shown
SET pgwire_fdw.ship_queries = off;
SELECT compare.queries('aggregate',
    'SELECT 5 FROM (SELECT max(a.i4) FROM t a JOIN t b ON a.id = b.id) x',
    'SELECT 5 FROM t HAVING aggregate_local(5) > 0',
    'SELECT (1.5::float8 + 0) FROM (SELECT g FROM t) x GROUP BY (1.5::float8)');
-- a constant makes no partitions, which 17 and later know
SELECT replace(line, 'PARTITION BY 3::integer ', '') FROM compare.queries('aggregate',
    'SELECT 3 AS a, rank() OVER (PARTITION BY coalesce(3, g) ORDER BY id) FROM t WHERE id < 4') line;
SELECT compare.sent('aggregate', 'SELECT g + 1, grouping(g + 1), count(*) FROM t GROUP BY GROUPING SETS ((g + 1), (g + length(''a'')))');
RESET pgwire_fdw.ship_queries;
