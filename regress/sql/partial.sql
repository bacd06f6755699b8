--
-- Aggregates over partitions: each remote server aggregates its rows, whole groups
-- where the partition key is grouped by, else parts that are put together here.
--
SELECT compare.make_server('partial_srv');
SET client_min_messages = error;
DROP SCHEMA IF EXISTS partial_r, partial_f CASCADE;
RESET client_min_messages;
CREATE SCHEMA partial_r;
CREATE SCHEMA partial_f;
CREATE TABLE partial_r.t1 (k int, g int, i2 int2, i4 int4, i8 int8, n numeric, f4 float4, f8 float8, m money,
    b bool, s text, c text COLLATE "C", d date, iv interval, bits bit(4));
CREATE TABLE partial_r.t2 (LIKE partial_r.t1);
CREATE TABLE partial_r.t3 (LIKE partial_r.t1);
INSERT INTO partial_r.t1 SELECT i, i % 4, i % 11 - 5, i * 7 % 50 - 20, i * 400000000000000 - 7, (i - 20) * 1.25, i % 9 * 0.5, i % 13 * 0.25, i::money,
    i % 3 = 0, 'w' || i % 6, chr(65 + i % 5), date '2024-01-01' + i % 20, i * interval '1 hour', (i % 16)::bit(4)
    FROM generate_series(0, 39) i;
INSERT INTO partial_r.t1 (k, g) VALUES (1, 1), (2, NULL), (3, 8);
INSERT INTO partial_r.t2 SELECT i, i % 4, i2, -i4, i8 - 1, n * 1000000000000.0000000001 - 0.00001, f4 - 1, f8, m, b, s, c, d, iv, bits
    FROM partial_r.t1 t, generate_series(100, 139) i WHERE t.k = i - 100 AND i4 IS NOT NULL;
-- t3 stays empty; what the partitions hold together, here
CREATE VIEW partial_r.t AS SELECT * FROM partial_r.t1 UNION ALL SELECT * FROM partial_r.t2;
DO $$ DECLARE i int; BEGIN
    EXECUTE 'CREATE TABLE partial_f.t (k int, g int, i2 int2, i4 int4, i8 int8, n numeric, f4 float4, f8 float8, m money,
        b bool, s text, c text COLLATE "C", d date, iv interval, bits bit(4)) PARTITION BY RANGE (k)';
    FOR i IN 1..3 LOOP
        EXECUTE format('CREATE FOREIGN TABLE partial_f.t%s PARTITION OF partial_f.t FOR VALUES FROM (%s) TO (%s)
            SERVER partial_srv OPTIONS (schema_name ''partial_r'')', i, i * 100 - 100, i * 100);
    END LOOP;
END $$;
CREATE FUNCTION public.partial_local(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN x + 1; END';
-- the sizes at which a plan by parts pays
UPDATE partial_r.t1 SET k = k;
ANALYZE partial_f.t;

-- by stages of the planner; whole queries are another test's
SET pgwire_fdw.ship_queries = off;
\pset tuples_only on
\pset format unaligned
SET enable_partitionwise_aggregate = on;

SELECT compare.queries('partial',
    'SELECT k, count(*), sum(i4) FROM t GROUP BY k',
    'SELECT k, avg(n) FROM t GROUP BY k HAVING avg(n) > 10',
    'SELECT g, count(*), count(i4), sum(i2), sum(i4), sum(m), min(s), max(c), min(d), bool_and(b), bool_or(b), bit_and(i4), bit_or(bits) FROM t GROUP BY g',
    'SELECT count(*), sum(i4), max(f8) FROM t',
    'SELECT count(*), sum(i4), avg(n), avg(f8), stddev(i8) FROM t WHERE k >= 200',
    'SELECT g, avg(i2), avg(i4) FROM t GROUP BY g',
    'SELECT g, avg(i8), sum(i8) FROM t GROUP BY g',
    'SELECT g, avg(n), sum(n) FROM t GROUP BY g',
    'SELECT g, avg(f4), avg(f8), sum(f4), sum(f8) FROM t GROUP BY g',
    'SELECT g, stddev(i2), variance(i4), var_pop(i8), stddev_samp(n), var_samp(i2) FROM t GROUP BY g',
    'SELECT g, round(variance(f4)::numeric, 9), round(stddev_pop(f8)::numeric, 9) FROM t GROUP BY g',
    'SELECT round(corr(f8, i4)::numeric, 9), round(covar_pop(f8, i4)::numeric, 9), regr_count(f4, f8), round(regr_slope(f8, f4)::numeric, 9), round(regr_intercept(f8, f4)::numeric, 9) FROM t',
    'SELECT g, sum(i4) FILTER (WHERE b), avg(n) FILTER (WHERE k > 110), count(*) FILTER (WHERE s = ''w1'') FROM t GROUP BY g',
    'SELECT g, avg(f8) FILTER (WHERE b), round(corr(f8, i4) FILTER (WHERE b)::numeric, 9) FROM t GROUP BY g',
    'SELECT s, g + 1, sum(i4 * 2) + 1, max(i4) - min(i4) FROM t GROUP BY s, g + 1 HAVING count(*) > 3',
    'SELECT g FROM t GROUP BY g HAVING sum(i8) > 0',
    'SELECT g, partial_local(sum(i4)::int) FROM t GROUP BY g HAVING partial_local(g) > 1');
-- one that keeps its share of them all
SELECT compare.queries('partial',
    'SELECT g, avg(i4), variance(i4), sum(i4), avg(f8), round(stddev(f8)::numeric, 9), avg(n), variance(n), sum(n) FROM t GROUP BY g');
-- values that are no numbers, or large
INSERT INTO partial_r.t1 (k, g, n, f8, i8, i4) VALUES (50, 20, 'NaN', 'NaN', 9223372036854775807, 2147483647), (51, 21, 'Infinity', 'Infinity', -9223372036854775808, -2147483648),
    (52, 22, 'Infinity', 'Infinity', 9223372036854775807, 2147483647), (53, 23, 1e-30, 1e-300, 1, 0), (54, 23, -12345678901234567890.123456789, 0, 2, 0), (55, 24, 0.000, 0, 0, 0), (56, 25, 0.00001234, 1, 1, 1);
INSERT INTO partial_r.t2 (k, g, n, f8, i8, i4) VALUES (150, 20, 1, 1, 9223372036854775807, 2147483647), (151, 21, '-Infinity', '-Infinity', -9223372036854775808, -2147483648),
    (152, 22, 'Infinity', 'Infinity', 9223372036854775807, 2147483647), (153, 23, 1e-40, 1e-300, 1, 0), (155, 24, 0.0000000, 0, 0, 0), (156, 25, 0.0000004321, 1, 1, 1);
SELECT compare.queries('partial',
    'SELECT g, count(n), sum(n), avg(n), scale(sum(n)), scale(avg(n)), variance(n), stddev_pop(n) FROM t GROUP BY g',
    'SELECT g, sum(i8), avg(i8), variance(i8), sum(i4), avg(i4), stddev(i4) FROM t GROUP BY g',
    'SELECT g, sum(f8), avg(f8), max(f8), min(f8), stddev(f8) FROM t GROUP BY g');
-- what cannot be put together, or not be sent, is aggregated here
SELECT compare.queries('partial',
    'SELECT g, avg(iv) FROM t GROUP BY g',
    'SELECT g, sum(partial_local(i4)) FROM t GROUP BY g',
    'SELECT partial_local(g), count(*) FROM t GROUP BY partial_local(g)',
    'SELECT g, count(*) FROM t WHERE partial_local(i4) > 0 GROUP BY g',
    'SELECT g, percentile_disc(0.5) WITHIN GROUP (ORDER BY i4) FROM t GROUP BY g');
SELECT compare.sent('partial',
    'SELECT g, count(DISTINCT i4) FROM t GROUP BY g',
    'SELECT g, array_agg(i4 ORDER BY k, i4) FROM t GROUP BY g');
-- a column that is only known to belong to a group is no part of one
SELECT compare.sent('partial', 'SELECT trim_scale(trunc(n)), count(*) FROM t GROUP BY trunc(n)');
