--
-- EXPLAIN VERBOSE says what was not pushed down, and why.
--
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgwire_fdw;
DROP SCHEMA IF EXISTS why CASCADE;
DROP SERVER IF EXISTS why_srv, why_other CASCADE;
RESET client_min_messages;
CREATE SCHEMA why;
SET search_path = why, public;

-- The remote server is this one.
DO $$
DECLARE
    dir text := split_part(current_setting('unix_socket_directories'), ',', 1);
BEGIN
    EXECUTE format('CREATE SERVER why_srv FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (host %L, port %L, dbname %L)',
        coalesce(nullif(trim(dir), ''), 'localhost'), current_setting('port'), current_database());
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER why_srv OPTIONS (user %L)', current_user);
END $$;
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE r (a int, b text, m mood, o oid, z text COLLATE "C", ts timestamptz);
INSERT INTO r VALUES (1, 'x', 'sad', 1, 'y', '2020-01-01');
CREATE FOREIGN TABLE f (a int, b text, m mood, o regclass, z text COLLATE "C", ts timestamptz)
    SERVER why_srv OPTIONS (schema_name 'why', table_name 'r');
CREATE FUNCTION why.mine(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END';
CREATE TABLE local (a int, b text);

CREATE FUNCTION why.why(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
        IF line ~ '^\s*(Remote SQL|Not pushed down):' THEN
            RETURN NEXT trim(line);
        END IF;
    END LOOP;
END $$;

-- the part of a condition that is to blame
SELECT why('SELECT 1 FROM f WHERE ' || cond) FROM unnest(ARRAY[
    'a = 1',
    'a > random() * 10',
    'a = 1 AND mine(a) > 1 AND b = ''x''',
    'm = ''sad''',
    'b < ''x'' COLLATE "C"',
    'to_char(ts, ''YYYY'') = ''2020''',
    'a = 1 OR (a = 2 AND b = ''y'' AND z < b AND age(ts, ts) > interval ''1 day'')',
    'o IS NOT NULL',
    'f IS NOT NULL',
    'tableoid > 0 AND mine(a) = mine(a + 1)'
]) cond;
-- of a server whose version is not known nothing is assumed that differs from one to another
SELECT why($q$SELECT 1 FROM f WHERE pg_size_pretty(a::bigint) = '1 bytes'$q$);
SELECT count(*) FROM f WHERE pg_size_pretty(a::bigint) = '1 bytes';
SELECT why($q$SELECT 1 FROM f WHERE pg_size_pretty(a::bigint) = '1 bytes'$q$);
ALTER SERVER why_srv OPTIONS (fetch_size '50');
SELECT why($q$SELECT 1 FROM f WHERE pg_size_pretty(a::bigint) = '1 bytes'$q$);
-- twice the same is told once
SELECT why('SELECT 1 FROM f WHERE mine(a) = 1 AND mine(a) > 0');
-- names are those of the plan beside, in sub-queries and views, under aliases
CREATE VIEW v AS SELECT g.a, g.b FROM f g WHERE mine(g.a) = 1;
SELECT why('SELECT * FROM local, v WHERE v.a = local.a');
SELECT why('SELECT (SELECT count(*) FROM f x WHERE mine(x.a) = local.a AND x.b = local.b) FROM local');
SELECT why('SELECT * FROM (SELECT a, b FROM f OFFSET 0) q LEFT JOIN f g ON mine(g.a) = q.a WHERE q.b = ''x''');
-- what keeps a whole query here is told by each scan that it is made of
CREATE AGGREGATE why.mysum(int) (SFUNC = int4pl, STYPE = int);
DO $$ BEGIN
    EXECUTE format('CREATE SERVER why_other FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (dbname %L)', current_database());
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER why_other OPTIONS (user %L)', current_user);
END $$;
CREATE FOREIGN TABLE other (a int, b text) SERVER why_other OPTIONS (schema_name 'why', table_name 'r');
SELECT why('SELECT b, mysum(a) FROM f GROUP BY b');
SELECT why('SELECT mine(a) FROM f');
SELECT why('SELECT count(*) FROM f GROUP BY m');
SELECT why('SELECT f.a, g.b FROM f LEFT JOIN f g ON g.a = f.a AND mine(g.a) = f.a');
SELECT why('SELECT count(*) FROM f JOIN other USING (a)');
SELECT why('SELECT count(*) FROM f JOIN local USING (a)');
SELECT why('SELECT b, row_number() OVER (PARTITION BY b ORDER BY mine(a)) FROM f');
-- partitions
CREATE TABLE parent (a int, b text) PARTITION BY LIST (a);
CREATE FOREIGN TABLE child1 PARTITION OF parent FOR VALUES IN (1) SERVER why_srv OPTIONS (schema_name 'why', table_name 'r');
CREATE FOREIGN TABLE child2 PARTITION OF parent FOR VALUES IN (2) SERVER why_srv OPTIONS (schema_name 'why', table_name 'r');
SELECT why('SELECT * FROM parent p WHERE mine(a) = 1');
-- a barrier
SET client_min_messages = error;
DROP ROLE IF EXISTS regress_why;
RESET client_min_messages;
CREATE ROLE regress_why;
GRANT USAGE ON SCHEMA why TO regress_why;
GRANT SELECT ON parent TO regress_why;
ALTER TABLE parent ENABLE ROW LEVEL SECURITY;
CREATE POLICY policy ON parent USING (b > 'a');
SET ROLE regress_why;
SELECT why('SELECT 1 FROM parent WHERE 10 / a = 1');
RESET ROLE;
DROP OWNED BY regress_why;
DROP ROLE regress_why;
-- plans are copied and cached
PREPARE p(int) AS SELECT 1 FROM f WHERE mine(a) = $1;
SET plan_cache_mode = force_generic_plan;
SELECT why('EXECUTE p(1)');
RESET plan_cache_mode;
-- for programs
DO $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (VERBOSE, FORMAT JSON) SELECT a FROM f WHERE mine(a) = 1 AND m = ''sad''' INTO plan;
    RAISE NOTICE '%', plan->0->'Plan'->'Not Pushed Down';
END $$;
-- nothing is said without VERBOSE, nor of what was pushed
EXPLAIN (COSTS OFF) SELECT a FROM f WHERE mine(a) = 1;
EXPLAIN (VERBOSE, COSTS OFF) SELECT a FROM f WHERE a = 1;

SET client_min_messages = error;
DROP SCHEMA why CASCADE;
DROP SERVER why_srv, why_other CASCADE;
