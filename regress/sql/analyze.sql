--
-- ANALYZE: samples of remote rows, and the remote's own statistics.
--
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgwire_fdw;
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
DROP SCHEMA IF EXISTS analyze_pgwire CASCADE;
DROP SERVER IF EXISTS analyze_srv CASCADE;
DROP SERVER IF EXISTS analyze_stock CASCADE;
DROP SERVER IF EXISTS analyze_liar CASCADE;
DROP DATABASE IF EXISTS regress_pgwire_liar;
DROP ROLE IF EXISTS regress_pgwire_analyze;
CREATE DATABASE regress_pgwire_liar;
RESET client_min_messages;
CREATE SCHEMA analyze_pgwire;
SET search_path = analyze_pgwire, public;
CREATE FUNCTION loopback(server name, fdw name, db name DEFAULT current_database()) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    dir text := split_part(current_setting('unix_socket_directories'), ',', 1);
BEGIN
    EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER %I OPTIONS (host %L, port %L, dbname %L)',
        server, fdw, coalesce(nullif(trim(dir), ''), 'localhost'), current_setting('port'), db);
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER %I OPTIONS (user %L)', server, current_user);
END $$;
SELECT loopback('analyze_srv', 'pgwire_fdw'), loopback('analyze_stock', 'postgres_fdw'), loopback('analyze_liar', 'pgwire_fdw', 'regress_pgwire_liar');

-- statistics of a table, as they are compared below
CREATE FUNCTION stats(rel regclass) RETURNS TABLE (attname name, inherited bool, nulls real, width int, kinds text, mcv text, bounds text, elems text)
LANGUAGE sql AS $$
    SELECT a.attname, s.stainherit, s.stanullfrac, s.stawidth,
        concat_ws(' ', nullif(stakind1, 0), nullif(stakind2, 0), nullif(stakind3, 0), nullif(stakind4, 0), nullif(stakind5, 0)),
        p.most_common_vals::text, p.histogram_bounds::text, p.most_common_elems::text
    FROM pg_statistic s JOIN pg_attribute a ON attrelid = starelid AND attnum = staattnum
    JOIN pg_class c ON c.oid = starelid JOIN pg_stats p ON (schemaname, tablename, p.attname, p.inherited) = (relnamespace::regnamespace::name, relname, a.attname, stainherit)
    WHERE starelid = rel ORDER BY a.attnum, stainherit $$;
CREATE FUNCTION size(rel regclass) RETURNS text LANGUAGE sql AS $$
    SELECT reltuples || ' rows, ' || relpages || ' pages' FROM pg_class WHERE oid = rel $$;

CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN short AS varchar(5);
CREATE TABLE t (id int PRIMARY KEY, gone int, few text, moods mood, tags text[], doc tsvector, j json, n numeric(10,2), ts timestamptz, d short, iv interval, empty int) WITH (autovacuum_enabled = off);
INSERT INTO t SELECT g, g, CASE WHEN g % 4 > 0 THEN 'few ' || g % 3 END, (ARRAY['sad', 'ok', 'ok', 'happy'])[1 + g % 4]::mood,
    CASE WHEN g % 5 > 0 THEN ARRAY['a' || g % 7, 'b' || g % 2, NULL] END, to_tsvector('simple', 'word w' || g % 3 || ' x' || g % 30), '{}',
    g / 3.0, '2020-01-01 00:00+00'::timestamptz + g * interval '1 hour', 'd' || g % 8, (g % 1000 - 500) * interval '1 minute'
    FROM generate_series(1, 5000) g;
ALTER TABLE t DROP gone;
VACUUM ANALYZE t;
CREATE FOREIGN TABLE ft (dropped int, id int, "Few" text OPTIONS (column_name 'few'), moods mood, tags text[], doc tsvector, j json, n numeric(10,2), ts timestamptz, d short, iv interval, empty int)
    SERVER analyze_srv OPTIONS (table_name 't');
ALTER FOREIGN TABLE ft DROP dropped;
CREATE FUNCTION same(rel regclass) RETURNS TABLE (attname text, nulls bool, width bool, kinds bool, mcv bool, bounds bool, elems bool)
LANGUAGE sql AS $$
    SELECT a.attname, abs(a.nulls - b.nulls) < 0.03, a.width = b.width, a.kinds = b.kinds, a.mcv IS NOT DISTINCT FROM b.mcv,
        a.bounds IS NOT DISTINCT FROM b.bounds, a.elems IS NOT DISTINCT FROM b.elems
    FROM stats('t') a FULL JOIN stats(rel) b ON a.attname = lower(b.attname) $$;

-- ===================================================================
-- samples
-- ===================================================================
-- all rows: the same as of the local table, whose 5000 rows are all looked at, too
ANALYZE ft;
SELECT size('t') = size('ft') AS same_size;
SELECT * FROM same('ft');
-- as postgres_fdw finds
CREATE FOREIGN TABLE st (id int, few text, moods mood, tags text[], doc tsvector, j json, n numeric(10,2), ts timestamptz, d short, iv interval, empty int)
    SERVER analyze_stock OPTIONS (schema_name 'analyze_pgwire', table_name 't');
ANALYZE st;
SELECT size('st') = size('ft') AS same_size,
    (SELECT count(*) FROM stats('st') a JOIN stats('ft') b ON a.attname = lower(b.attname) AND a.nulls = b.nulls AND a.width = b.width AND a.kinds = b.kinds
        AND (a.mcv, a.bounds, a.elems) IS NOT DISTINCT FROM (b.mcv, b.bounds, b.elems)) AS same_columns;
-- parts of them, by every method
ALTER FOREIGN TABLE ft ALTER id SET STATISTICS 1, ALTER "Few" SET STATISTICS 2, ALTER moods SET STATISTICS 1, ALTER tags SET STATISTICS 1, ALTER doc SET STATISTICS 0,
    ALTER j SET STATISTICS 1, ALTER n SET STATISTICS 1, ALTER ts SET STATISTICS 1, ALTER d SET STATISTICS 1, ALTER iv SET STATISTICS 1, ALTER empty SET STATISTICS 1;
CREATE FUNCTION analyze_with(method text) RETURNS TABLE (tuples text, ndistinct bool, nulls bool) LANGUAGE plpgsql AS $$
BEGIN
    IF method = 'auto' THEN ALTER FOREIGN TABLE ft OPTIONS (DROP analyze_sampling);
    ELSE EXECUTE format('ALTER FOREIGN TABLE ft OPTIONS (%s analyze_sampling %L)',
        CASE WHEN EXISTS (SELECT FROM pg_foreign_table WHERE ftrelid = 'ft'::regclass AND ftoptions::text LIKE '%analyze_sampling%') THEN 'SET' ELSE 'ADD' END, method);
    END IF;
    DELETE FROM pg_statistic WHERE starelid = 'ft'::regclass;
    ANALYZE ft;
    RETURN QUERY SELECT reltuples::text, s.n_distinct = -1, (SELECT abs(x.null_frac - 0.25) < 0.12 FROM pg_stats x WHERE x.tablename = 'ft' AND x.attname = 'Few')
        FROM pg_stats s, pg_class c WHERE s.tablename = 'ft' AND s.attname = 'id' AND c.oid = 'ft'::regclass;
END $$;
SELECT m, (analyze_with(m)).* FROM unnest(ARRAY['off', 'random', 'bernoulli', 'system', 'auto']) m;
-- stale numbers: the sample tells better
CREATE TABLE stale (id int) WITH (autovacuum_enabled = off);
INSERT INTO stale SELECT generate_series(1, 1000);
ANALYZE stale;
INSERT INTO stale SELECT generate_series(1001, 40000);
CREATE FOREIGN TABLE fstale (id int) SERVER analyze_srv OPTIONS (table_name 'stale', analyze_sampling 'bernoulli');
ALTER FOREIGN TABLE fstale ALTER id SET STATISTICS 1;
ANALYZE fstale;
SELECT abs(reltuples - 40000) < 12000 AS near FROM pg_class WHERE oid = 'fstale'::regclass;
DELETE FROM stale;
ANALYZE fstale;
SELECT reltuples FROM pg_class WHERE oid = 'fstale'::regclass;
-- no row, no column, views, partitioned and foreign remote tables
CREATE VIEW v AS SELECT id FROM t WHERE id <= 2000;
CREATE TABLE p (id int, k text) PARTITION BY LIST (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN ('a');
CREATE TABLE p2 PARTITION OF p FOR VALUES IN ('b');
INSERT INTO p SELECT g, CASE WHEN g % 3 > 0 THEN 'a' ELSE 'b' END FROM generate_series(1, 3000) g;
ANALYZE p;
CREATE TABLE nothing ();
INSERT INTO nothing DEFAULT VALUES;
CREATE MATERIALIZED VIEW mv AS SELECT id FROM t;
CREATE FOREIGN TABLE fv (id int) SERVER analyze_srv OPTIONS (table_name 'v', analyze_sampling 'system');
CREATE FOREIGN TABLE fp (id int, k text) SERVER analyze_srv OPTIONS (table_name 'p', analyze_sampling 'bernoulli');
CREATE FOREIGN TABLE fnothing () SERVER analyze_srv OPTIONS (table_name 'nothing');
CREATE FOREIGN TABLE fmv (id int) SERVER analyze_srv OPTIONS (table_name 'mv');
CREATE FOREIGN TABLE ff (id int) SERVER analyze_srv OPTIONS (table_name 'ft', analyze_sampling 'system');
ALTER FOREIGN TABLE fp ALTER id SET STATISTICS 1, ALTER k SET STATISTICS 1;
ALTER FOREIGN TABLE ff ALTER id SET STATISTICS 1;
ANALYZE fv, fp, fnothing, fmv, ff;
SELECT relname, reltuples, relpages > 0 AS pages FROM pg_class WHERE oid IN ('fv'::regclass, 'fp'::regclass, 'fnothing'::regclass, 'fmv'::regclass, 'ff'::regclass) ORDER BY 1;
SELECT array_agg(k ORDER BY k) FROM (SELECT unnest(most_common_vals::text::text[]) k FROM pg_stats WHERE tablename = 'fp' AND attname = 'k') x;
-- some of the columns
CREATE FOREIGN TABLE fcols (id int, few text) SERVER analyze_srv OPTIONS (table_name 't');
ANALYZE fcols (few);
SELECT attname FROM stats('fcols');
ANALYZE fcols (nope);
-- trees with foreign children
CREATE TABLE parent (id int, k text) PARTITION BY LIST (k);
CREATE FOREIGN TABLE fp1 PARTITION OF parent FOR VALUES IN ('a') SERVER analyze_srv OPTIONS (table_name 'p1');
CREATE TABLE lp2 PARTITION OF parent FOR VALUES IN ('b');
INSERT INTO lp2 SELECT * FROM p2;
VACUUM ANALYZE parent;
SELECT reltuples FROM pg_class WHERE oid = 'parent'::regclass;
SELECT * FROM stats('parent') WHERE attname = 'k';
CREATE TABLE heir () INHERITS (fcols);
INSERT INTO heir SELECT 6000 + g, 'heir' FROM generate_series(1, 5000) g;
ANALYZE fcols;
SELECT attname, inherited, mcv FROM stats('fcols') WHERE attname = 'few' ORDER BY 1, 2;
-- the remote table has gone, or has another shape
ALTER TABLE mv RENAME TO mv_gone;
ANALYZE fmv;
ALTER TABLE mv_gone RENAME id TO other;
ALTER TABLE mv_gone RENAME TO mv;
ANALYZE fmv;
ALTER TABLE t ALTER few TYPE varchar(20);
INSERT INTO t (id, few) VALUES (0, 'not an int');
CREATE FOREIGN TABLE fbad (few int) SERVER analyze_srv OPTIONS (table_name 't');
ANALYZE fbad;
DELETE FROM t WHERE id = 0;
VACUUM ANALYZE t;

-- ===================================================================
-- import
-- ===================================================================
ALTER FOREIGN TABLE ft OPTIONS (ADD analyze_sampling 'import');
ANALYZE ft; -- another type than that of column few
SELECT bool_and(nulls AND kinds) FROM same('ft') WHERE attname IN ('j', 'empty');
ALTER TABLE t ALTER few TYPE text;
ANALYZE ft; -- ALTER has taken the statistics with it
VACUUM ANALYZE t;
ALTER FOREIGN TABLE ft ALTER doc SET STATISTICS -1;
ANALYZE ft;
SELECT * FROM same('ft');
SELECT size('t') = size('ft') AS same_size;
SELECT count(*) AS same_in_full FROM pg_statistic a JOIN pg_attribute x ON x.attrelid = a.starelid AND x.attnum = a.staattnum
    JOIN pg_statistic b ON b.starelid = 'ft'::regclass JOIN pg_attribute y ON y.attrelid = b.starelid AND y.attnum = b.staattnum AND x.attname = lower(y.attname)
    WHERE a.starelid = 't'::regclass AND (a.stanullfrac, a.stawidth, a.stadistinct, a.stakind1, a.stakind2, a.stakind3, a.stakind4, a.stakind5,
        a.staop1, a.staop2, a.staop3, a.staop4, a.staop5, a.stacoll1, a.stacoll2, a.stacoll3, a.stacoll4, a.stacoll5,
        a.stanumbers1, a.stanumbers2, a.stanumbers3, a.stanumbers4, a.stanumbers5)
    IS NOT DISTINCT FROM (b.stanullfrac, b.stawidth, b.stadistinct, b.stakind1, b.stakind2, b.stakind3, b.stakind4, b.stakind5,
        b.staop1, b.staop2, b.staop3, b.staop4, b.staop5, b.stacoll1, b.stacoll2, b.stacoll3, b.stacoll4, b.stacoll5,
        b.stanumbers1, b.stanumbers2, b.stanumbers3, b.stanumbers4, b.stanumbers5);
-- the planner uses them
CREATE FUNCTION rows_of(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    RETURN plan #>> '{0,Plan,Plan Rows}';
END $$;
SELECT q, rows_of(format(q, 't', 'few')) = rows_of(format(q, 'ft', '"Few"')) AS same FROM unnest(ARRAY[
    'SELECT FROM %s WHERE id < 100', 'SELECT FROM %s WHERE %s = ''few 1''', 'SELECT FROM %s WHERE tags @> ARRAY[''b1'']', 'SELECT FROM %s WHERE doc @@ ''w1''',
    'SELECT FROM %s WHERE ts < ''2020-03-01''', 'SELECT FROM %s WHERE iv > ''1 hour''', 'SELECT FROM %s WHERE moods = ''sad''', 'SELECT FROM %s WHERE n BETWEEN 10 AND 500',
    'SELECT FROM %s WHERE tags = ARRAY[''a1'', ''b1'', NULL]', 'SELECT FROM %s WHERE d = ''d1''']) q;
-- what has statistics elsewhere, none, or of another kind
ALTER FOREIGN TABLE fp OPTIONS (SET analyze_sampling 'import');
ANALYZE fp; -- a partitioned table has those of its tree
SELECT attname, kinds, mcv FROM stats('fp');
ALTER FOREIGN TABLE fv OPTIONS (SET analyze_sampling 'import');
ANALYZE fv;
CREATE TABLE par (a int); CREATE TABLE chi () INHERITS (par); INSERT INTO chi VALUES (1); INSERT INTO par VALUES (2); ANALYZE par, chi;
CREATE FOREIGN TABLE fpar (a int) SERVER analyze_srv OPTIONS (table_name 'par', analyze_sampling 'import');
ANALYZE fpar;
SELECT size('fpar');
CREATE TABLE rng (r int4range); INSERT INTO rng VALUES ('[1,2)'); ANALYZE rng;
CREATE FOREIGN TABLE frng (r int4range) SERVER analyze_srv OPTIONS (table_name 'rng', analyze_sampling 'import');
ANALYZE frng;
CREATE FOREIGN TABLE fext (id int, few text) SERVER analyze_srv OPTIONS (table_name 't', analyze_sampling 'import');
CREATE STATISTICS fext_stats ON id, few FROM fext;
ANALYZE fext;
DROP STATISTICS fext_stats;
ANALYZE fext;
-- a column without a target keeps what it has
ALTER FOREIGN TABLE fext ALTER few SET STATISTICS 0;
DELETE FROM pg_statistic WHERE starelid = 'fext'::regclass;
ANALYZE fext;
SELECT attname FROM stats('fext');
-- in a tree rows are read, and the child's own statistics stay
ALTER FOREIGN TABLE fp1 OPTIONS (analyze_sampling 'import');
DELETE FROM pg_statistic WHERE starelid IN ('fp1'::regclass, 'parent'::regclass);
ANALYZE parent;
SELECT * FROM stats('parent') WHERE attname = 'k';
SELECT c.relname, count(s) FROM pg_class c LEFT JOIN pg_statistic s ON starelid = c.oid WHERE c.oid IN ('parent'::regclass, 'fp1'::regclass) GROUP BY 1 ORDER BY 1;
-- in one transaction with other use, and undone with it
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM ft ORDER BY id;
FETCH 1 FROM c;
DELETE FROM pg_statistic WHERE starelid = 'ft'::regclass;
ANALYZE ft;
SELECT count(*) > 8 AS analyzed FROM stats('ft');
FETCH 1 FROM c;
ROLLBACK;
-- the owner's rights count, here and there
CREATE ROLE regress_pgwire_analyze;
GRANT USAGE ON SCHEMA analyze_pgwire TO regress_pgwire_analyze;
ALTER FOREIGN TABLE fext OWNER TO regress_pgwire_analyze;
ANALYZE fext;

-- ===================================================================
-- a remote that lies: none of it may reach the planner
-- ===================================================================
SELECT current_database() AS here \gset
\c regress_pgwire_liar
SET client_min_messages = error;
SET allow_system_table_mods = on;
CREATE TABLE t (a int, tags text[], doc tsvector);
INSERT INTO t VALUES (1, '{x}', 'x');
ANALYZE t;
DROP VIEW pg_catalog.pg_stats;
CREATE TABLE public.lies (attname name, null_frac text DEFAULT '0', avg_width text DEFAULT '4', n_distinct text DEFAULT '-1', most_common_vals text, most_common_freqs text,
    histogram_bounds text, correlation text, most_common_elems text, most_common_elem_freqs text, elem_count_histogram text);
CREATE VIEW pg_catalog.pg_stats AS SELECT 'public'::name AS schemaname, 't'::name AS tablename, false AS inherited, * FROM public.lies;
GRANT ALL ON public.lies, pg_catalog.pg_stats TO PUBLIC;
\c :here
SET search_path = analyze_pgwire, public;
CREATE FOREIGN TABLE lies (attname name, null_frac text, avg_width text, n_distinct text, most_common_vals text, most_common_freqs text,
    histogram_bounds text, correlation text, most_common_elems text, most_common_elem_freqs text, elem_count_histogram text) SERVER analyze_liar OPTIONS (schema_name 'public');
CREATE FOREIGN TABLE liar (a int, tags text[], doc tsvector) SERVER analyze_liar OPTIONS (schema_name 'public', table_name 't', analyze_sampling 'import');
\c regress_pgwire_liar
CREATE FUNCTION lie(of_column name, what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM public.lies;
    INSERT INTO public.lies SELECT unnest(ARRAY['a', 'tags', 'doc']::name[]);
    EXECUTE format('UPDATE public.lies SET %s WHERE attname = %L', what, of_column);
END $$;
CREATE TABLE cases (n serial, of_column name, what text);
INSERT INTO cases (of_column, what) VALUES
    ('a', 'null_frac = null'), ('a', $$null_frac = 'NaN'$$), ('a', $$null_frac = '-0.1'$$), ('a', $$null_frac = '1e400'$$), ('a', $$null_frac = '0.1x'$$),
    ('a', $$avg_width = '-4'$$), ('a', $$avg_width = '9e99'$$), ('a', $$n_distinct = 'Infinity'$$), ('a', $$n_distinct = '-2'$$),
    ('a', $$most_common_vals = '{1,2}'$$), ('a', $$most_common_freqs = '{0.5}'$$),
    ('a', $$most_common_vals = '{1,2}', most_common_freqs = '{0.5}'$$), ('a', $$most_common_vals = '{1}', most_common_freqs = '{0.5,0.4}'$$),
    ('a', $$most_common_vals = '{1,2}', most_common_freqs = '{0.2,0.4}'$$), ('a', $$most_common_vals = '{1,2}', most_common_freqs = '{0.9,0.8}'$$),
    ('a', $$most_common_vals = '{1}', most_common_freqs = '{NaN}'$$), ('a', $$most_common_vals = '{1}', most_common_freqs = '{NULL}'$$),
    ('a', $$most_common_vals = '{x}', most_common_freqs = '{0.5}'$$), ('a', $$most_common_vals = '{NULL}', most_common_freqs = '{0.5}'$$),
    ('a', $$most_common_vals = '{{1,2}}', most_common_freqs = '{0.5,0.4}'$$), ('a', $$most_common_vals = '{}', most_common_freqs = '{}'$$),
    ('a', $$most_common_vals = '{99999999999}', most_common_freqs = '{0.5}'$$), ('a', $$most_common_vals = '[0:99999999]={1}', most_common_freqs = '{0.5}'$$),
    ('a', $$histogram_bounds = '{1}'$$), ('a', $$histogram_bounds = '{2,1}'$$), ('a', $$histogram_bounds = '{1,NULL}'$$), ('a', $$histogram_bounds = 'junk'$$),
    ('a', $$histogram_bounds = (SELECT array_agg(g) FROM generate_series(1, 10002) g)::text$$),
    ('a', $$correlation = '1.5'$$), ('a', $$correlation = ''$$),
    ('tags', $$most_common_elems = '{a}', most_common_elem_freqs = '{0.5,0.5,0.5}'$$), ('tags', $$most_common_elems = '{a}', most_common_elem_freqs = '{0.5,0.6,0.7,0}'$$),
    ('tags', $$most_common_elems = '{b,a}', most_common_elem_freqs = '{0.5,0.5,0.5,0.5,0}'$$), ('tags', $$most_common_elems = '{a}'$$),
    ('tags', $$most_common_elems = '{a}', most_common_elem_freqs = '{0.5,0.5,0.5,-1}'$$),
    ('tags', $$elem_count_histogram = '{1}'$$), ('tags', $$elem_count_histogram = '{2,1,1}'$$), ('tags', $$elem_count_histogram = '{1,1,-1}'$$),
    ('tags', $$most_common_vals = '{a}', most_common_freqs = '{0.5}'$$),
    ('doc', $$most_common_elems = '{aa,b}', most_common_elem_freqs = '{0.5,0.5,0.5,0.5}'$$), ('doc', $$most_common_elems = '{b}', most_common_elem_freqs = '{0.5}'$$),
    ('doc', $$most_common_elems = '{b,aa}', most_common_elem_freqs = '{0.25,0.5,0.25,0.5}', null_frac = '0.25'$$); -- no lie
CREATE VIEW try AS SELECT n, of_column, what, lie(of_column, what)::text AS lied FROM cases;
\c :here
SET search_path = analyze_pgwire, public;
CREATE FOREIGN TABLE try (n int, of_column name, what text, lied text) SERVER analyze_liar OPTIONS (schema_name 'public');
DO $$
DECLARE r record; i int;
BEGIN
    FOR i IN 1 .. 42 LOOP
        SELECT * INTO r FROM try WHERE n = i;
        RAISE NOTICE '% %', r.of_column, r.what;
        ANALYZE liar;
    END LOOP;
END $$;
SELECT attname, kinds, nulls, elems FROM stats('liar');
-- nonsense about the table itself
\c regress_pgwire_liar
CREATE FUNCTION grow(to_rows real, to_pages int) RETURNS void LANGUAGE sql AS
    $$ UPDATE pg_class SET reltuples = to_rows, relpages = to_pages WHERE oid = 'public.t'::regclass $$;
CREATE VIEW grown AS SELECT n, grow(r, p)::text AS done FROM (VALUES (1, 'NaN'::real, 1), (2, 'Infinity', -1), (3, 1e30, 2000000000), (4, -7, 0), (5, 1e9, 0)) v (n, r, p);
\c :here
SET search_path = analyze_pgwire, public;
CREATE FOREIGN TABLE grown (n int, done text) SERVER analyze_liar OPTIONS (schema_name 'public');
DO $$
DECLARE i int;
BEGIN
    FOR i IN 1 .. 5 LOOP
        PERFORM done FROM grown WHERE n = i;
        ALTER FOREIGN TABLE liar OPTIONS (SET analyze_sampling 'bernoulli');
        ANALYZE liar;
        RAISE NOTICE '%', (SELECT reltuples || ' rows, ' || relpages || ' pages' FROM pg_class WHERE oid = 'liar'::regclass);
        ALTER FOREIGN TABLE liar OPTIONS (SET analyze_sampling 'import');
        ANALYZE liar;
        RAISE NOTICE '%', (SELECT reltuples || ' rows, ' || relpages || ' pages' FROM pg_class WHERE oid = 'liar'::regclass);
    END LOOP;
END $$;
SET client_min_messages = warning;
DROP SCHEMA analyze_pgwire CASCADE;
DROP SERVER analyze_srv CASCADE;
DROP SERVER analyze_stock CASCADE;
DROP SERVER analyze_liar CASCADE;
DROP ROLE regress_pgwire_analyze;
SELECT pgwire_fdw_disconnect_all();
DROP DATABASE regress_pgwire_liar;
