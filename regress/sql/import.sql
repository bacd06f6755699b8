--
-- IMPORT FOREIGN SCHEMA.
--
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgwire_fdw;
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
DROP SCHEMA IF EXISTS import_src, "Import 'src'", dest, dest2, dest3, dest4, dest5, dest6, dest7 CASCADE;
DROP SERVER IF EXISTS import_srv CASCADE;
DROP SERVER IF EXISTS import_stock CASCADE;
DROP SERVER IF EXISTS import_liar CASCADE;
DROP DATABASE IF EXISTS regress_pgwire_import;
CREATE DATABASE regress_pgwire_import;
RESET client_min_messages;
CREATE SCHEMA import_src;
CREATE SCHEMA "Import 'src'";
CREATE SCHEMA dest; CREATE SCHEMA dest2; CREATE SCHEMA dest3; CREATE SCHEMA dest4; CREATE SCHEMA dest5; CREATE SCHEMA dest6; CREATE SCHEMA dest7;
CREATE FUNCTION dest.loopback(server name, fdw name, db name DEFAULT current_database()) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    dir text := split_part(current_setting('unix_socket_directories'), ',', 1);
BEGIN
    EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER %I OPTIONS (host %L, port %L, dbname %L)',
        server, fdw, coalesce(nullif(trim(dir), ''), 'localhost'), current_setting('port'), db);
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER %I OPTIONS (user %L)', server, current_user);
END $$;
SELECT dest.loopback('import_srv', 'pgwire_fdw'), dest.loopback('import_stock', 'postgres_fdw'), dest.loopback('import_liar', 'pgwire_fdw', 'regress_pgwire_import');

-- what a foreign schema imported as
CREATE FUNCTION dest.definitions(schema regnamespace) RETURNS TABLE (t name, a name, type text, "not null" bool, coll text, gen "char", expr text, opts text)
LANGUAGE sql AS $$
    SELECT relname, attname, format_type(atttypid, atttypmod), attnotnull, nullif(attcollation, 0)::regcollation::text, attgenerated, pg_get_expr(adbin, adrelid),
        concat_ws(' ', ftoptions::text, attfdwoptions::text)
    FROM pg_class c JOIN pg_foreign_table ON ftrelid = c.oid LEFT JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0 LEFT JOIN pg_attrdef ON adrelid = c.oid AND adnum = attnum
    WHERE relnamespace = schema ORDER BY relname, attnum $$;

SET search_path = import_src;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN small AS int CHECK (VALUE < 10);
CREATE SEQUENCE seq;
CREATE TABLE t1 (c1 int, c2 varchar(20) NOT NULL, "C 3" numeric(10,2) DEFAULT 1.5, gone int, c4 timestamptz(3) DEFAULT now(), c5 text COLLATE "C" DEFAULT 'it''s',
    c6 int GENERATED ALWAYS AS (c1 * 2) STORED, c7 bigint DEFAULT nextval('import_src.seq'), c8 interval day to second(2),
    c9 text[] DEFAULT ARRAY['a', 'b'], d1 bool DEFAULT (1 IN (1, 2) AND NOT CASE WHEN 1 > 2 THEN true ELSE 'x' LIKE 'y%' END));
ALTER TABLE t1 DROP gone;
CREATE TABLE t2 (m mood DEFAULT 'ok', p pair, s small, ms mood[], ss small[], x xml, b bit(5), c "char");
CREATE TABLE "x 4 ""quoted""" (c1 int, "select" text COLLATE "POSIX", "it's \ back" text);
CREATE TABLE nocols ();
CREATE VIEW v AS SELECT c1, c2 FROM t1;
CREATE MATERIALIZED VIEW mv AS SELECT c1 FROM t1;
CREATE TABLE p (id int, k text) PARTITION BY LIST (k);
CREATE TABLE p_part PARTITION OF p FOR VALUES IN ('a');
CREATE TABLE plain_child () INHERITS (t2);
CREATE FOREIGN TABLE ft (a int) SERVER import_srv OPTIONS (table_name 't1');
COMMENT ON TABLE t1 IS 'first; "table" \ it''s';
COMMENT ON COLUMN t1.c2 IS 'second'' column';
COMMENT ON COLUMN t1.c8 IS 'last';
COMMENT ON VIEW v IS 'a view';
CREATE TABLE "Import 'src'".only (a int);
RESET search_path;

-- ===================================================================
-- as postgres_fdw does
-- ===================================================================
IMPORT FOREIGN SCHEMA import_src FROM SERVER import_srv INTO dest;
SELECT * FROM dest.definitions('dest');
IMPORT FOREIGN SCHEMA import_src FROM SERVER import_stock INTO dest2;
SELECT count(*) FROM dest.definitions('dest') x JOIN dest.definitions('dest2') y ON (x.*) IS NOT DISTINCT FROM (y.*);
SELECT * FROM dest.definitions('dest') EXCEPT SELECT * FROM dest.definitions('dest2');
SET client_min_messages = warning;
DROP SCHEMA dest2, dest3 CASCADE; CREATE SCHEMA dest2; CREATE SCHEMA dest3;
RESET client_min_messages;
IMPORT FOREIGN SCHEMA import_src FROM SERVER import_srv INTO dest2 OPTIONS (import_default 'true', import_collate 'false', import_generated 'false', import_not_null 'false');
IMPORT FOREIGN SCHEMA import_src FROM SERVER import_stock INTO dest3 OPTIONS (import_default 'true', import_collate 'false', import_generated 'false', import_not_null 'false');
SELECT * FROM dest.definitions('dest2') WHERE t = 't1';
SELECT count(*) FROM dest.definitions('dest2') x JOIN dest.definitions('dest3') y ON (x.*) IS NOT DISTINCT FROM (y.*);
SELECT * FROM dest.definitions('dest2') EXCEPT SELECT * FROM dest.definitions('dest3');
INSERT INTO import_src.t1 (c1, c2) VALUES (4, 'four');
INSERT INTO import_src."x 4 ""quoted""" VALUES (1, 'two', 'three');
SELECT c1, c2, "C 3", c5, c6, c7 FROM dest.t1;
SELECT * FROM dest."x 4 ""quoted""";

-- ===================================================================
-- LIMIT TO, EXCEPT
-- ===================================================================
IMPORT FOREIGN SCHEMA import_src LIMIT TO (t1, nonesuch, "x 4 ""quoted""", p_part) FROM SERVER import_srv INTO dest4;
SELECT DISTINCT t FROM dest.definitions('dest4') ORDER BY 1;
IMPORT FOREIGN SCHEMA import_src EXCEPT (t1, "x 4 ""quoted""", "no\such", nocols) FROM SERVER import_srv INTO dest5;
SELECT DISTINCT t FROM dest.definitions('dest5') ORDER BY 1;
IMPORT FOREIGN SCHEMA "Import 'src'" FROM SERVER import_srv INTO dest5;
SELECT * FROM dest.definitions('dest5') WHERE t = 'only';

-- ===================================================================
-- comments
-- ===================================================================
SELECT obj_description('dest.t1'::regclass) IS NULL AS none;
IMPORT FOREIGN SCHEMA import_src EXCEPT (v) FROM SERVER import_srv INTO dest6 OPTIONS (import_comments 'true');
SELECT objoid::regclass, objsubid, description FROM pg_description WHERE objoid IN (SELECT oid FROM pg_class WHERE relnamespace = 'dest6'::regnamespace) AND classoid = 'pg_class'::regclass ORDER BY 1, 2;
SELECT * FROM dest.definitions('dest') WHERE t <> 'v' EXCEPT SELECT * FROM dest.definitions('dest6');

-- ===================================================================
-- errors leave nothing
-- ===================================================================
IMPORT FOREIGN SCHEMA import_src FROM SERVER import_srv INTO dest;
IMPORT FOREIGN SCHEMA nonesuch FROM SERVER import_srv INTO dest7;
IMPORT FOREIGN SCHEMA "non'e""such\" FROM SERVER import_srv INTO dest7;
IMPORT FOREIGN SCHEMA nonesuch FROM SERVER import_srv INTO nowhere;
IMPORT FOREIGN SCHEMA import_src FROM SERVER import_srv INTO dest7 OPTIONS (import_colate 'true');
IMPORT FOREIGN SCHEMA import_src FROM SERVER import_srv INTO dest7 OPTIONS (import_collate 'maybe');
IMPORT FOREIGN SCHEMA import_src FROM SERVER import_srv INTO dest7 OPTIONS (fetch_size '1');
CREATE TABLE dest7.t2 (in_the_way int);
IMPORT FOREIGN SCHEMA import_src FROM SERVER import_srv INTO dest7;
IMPORT FOREIGN SCHEMA import_src FROM SERVER import_srv INTO dest7 OPTIONS (import_comments 'true');
SELECT count(*) FROM dest.definitions('dest7');
DROP TABLE dest7.t2;
-- an empty schema is none, and so is a type that is unknown here
\c regress_pgwire_import
CREATE SCHEMA empty;
CREATE SCHEMA far;
CREATE TABLE far.a (id int);
CREATE TYPE far.unknown AS (a int);
CREATE TABLE far.b (id int, u far.unknown);
\c contrib_regression
IMPORT FOREIGN SCHEMA empty FROM SERVER import_liar INTO dest7;
IMPORT FOREIGN SCHEMA far FROM SERVER import_liar INTO dest7;
SELECT count(*) FROM dest.definitions('dest7');

-- ===================================================================
-- a remote that lies: nothing of it may be run
-- ===================================================================
\c regress_pgwire_import
SET allow_system_table_mods = on;
CREATE SCHEMA lies;
CREATE TABLE lies.t (a int DEFAULT 1, b int);
CREATE TABLE public.lie (n int PRIMARY KEY, type text, expr text);
INSERT INTO public.lie VALUES
    (1, 'int', '1'),
    (2, 'int); DROP TABLE import_src.t1; --', '1'),
    (3, 'int) SERVER import_srv; CREATE FOREIGN TABLE evil (a int', '1'),
    (4, 'int, evil int', '1'),
    (5, 'int DEFAULT pg_sleep(1)::text::int', '1'),
    (6, 'int CHECK (false)', '1'),
    (7, 'int OPTIONS (column_name ''evil'')', '1'),
    (8, 'int --', '1'),
    (9, 'int /*', '*/ 1'),
    (10, 'setof int', '1'),
    (11, 'import_src.t1.c1%TYPE', '1'),
    (12, '', '1'),
    (13, 'int', '1), evil int DEFAULT (2'),
    (14, 'int', '1) CHECK (pg_sleep(1) IS NULL'),
    (15, 'int', '1 FROM pg_class'),
    (16, 'int', '1, 2'),
    (17, 'int', '1; DROP TABLE import_src.t1'),
    (18, 'int', '1 UNION SELECT 2'),
    (19, 'int', '1) + (2'),
    (20, 'int', '1 AS x'),
    (21, 'int', 'a INTO evil'),
    (22, 'int', '1 --'),
    (23, 'int', ')'),
    (24, 'int', '(SELECT 1)'),
    (25, 'int', 'DISTINCT 1'),
    (26, 'int', '*'),
    (27, 'int', 'NULL::text; --'),
    (28, 'numeric(pg_sleep(1))', '1'),
    (29, 'int', 'nextval(''no_such_sequence'')'),
    (30, 'int', '1 ORDER BY 1'),
    (31, repeat('int ', 1100000), '1'),
    (32, 'int', repeat('(', 20000) || '1' || repeat(')', 20000)),
    (33, 'text COLLATE "C"', '''x''');
-- the two functions are replaced by what the planner puts in their place
CREATE TABLE public.now (n int);
INSERT INTO public.now VALUES (1);
CREATE FUNCTION public.lie_about_types(int) RETURNS text LANGUAGE sql AS 'SELECT type FROM public.lie WHERE n = (SELECT n FROM public.now)';
CREATE FUNCTION public.lie_about_defaults() RETURNS text LANGUAGE sql AS 'SELECT expr FROM public.lie WHERE n = (SELECT n FROM public.now)';
CREATE OR REPLACE FUNCTION pg_catalog.format_type(oid, integer) RETURNS text LANGUAGE sql AS 'SELECT public.lie_about_types($2)';
CREATE OR REPLACE FUNCTION pg_catalog.pg_get_expr(pg_node_tree, oid) RETURNS text LANGUAGE sql AS 'SELECT CASE WHEN $2 > 0 THEN public.lie_about_defaults() END';
CREATE FUNCTION public.set_lie(int) RETURNS int LANGUAGE sql AS 'UPDATE public.now SET n = $1 RETURNING n';
CREATE VIEW public.lying AS SELECT n, public.set_lie(n) AS set FROM public.lie;
\c contrib_regression
CREATE FOREIGN TABLE dest.lying (n int, set int) SERVER import_liar OPTIONS (schema_name 'public');
CREATE FUNCTION dest.try(i int, opts text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE r record; what text; where_ text;
BEGIN
    PERFORM set FROM dest.lying WHERE n = i;
    BEGIN
        EXECUTE 'IMPORT FOREIGN SCHEMA lies FROM SERVER import_liar INTO dest7 OPTIONS (import_default ''true''' || opts || ')';
        SELECT string_agg(concat_ws(' ', a, type, expr), ', ') INTO what FROM dest.definitions('dest7');
        DROP FOREIGN TABLE dest7.t;
        RETURN 'imported ' || what;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS where_ = PG_EXCEPTION_CONTEXT;
        RETURN concat_ws(' | ', sqlstate, left(sqlerrm, 100), split_part(where_, E'\n', 1));
    END;
END $$;
SELECT i, dest.try(i) FROM generate_series(1, 33) i;
SELECT dest.try(2, ', import_comments ''true'''), dest.try(13, ', import_comments ''true''');
SELECT count(*) FROM dest.definitions('dest7');
SELECT count(*) FROM import_src.t1;

SET client_min_messages = warning;
DROP SCHEMA import_src, "Import 'src'", dest, dest2, dest3, dest4, dest5, dest6, dest7 CASCADE;
DROP SERVER import_srv CASCADE;
DROP SERVER import_stock CASCADE;
DROP SERVER import_liar CASCADE;
DROP DATABASE regress_pgwire_import;
