--
-- Statements that are all of their transaction: they need no remote
-- transaction around them, and nothing else may do without.
--
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgwire_fdw;
DROP SCHEMA IF EXISTS alone CASCADE;
DROP SERVER IF EXISTS alone_srv CASCADE;
DROP SERVER IF EXISTS alone_sure CASCADE;
RESET client_min_messages;
-- of tables one by one; query.sql is about all at once
SET pgwire_fdw.ship_queries = off; SET pgwire_fdw.ship_upper = off;
CREATE SCHEMA alone;
SET search_path = alone, public;
DO $$
DECLARE
    dir text := split_part(current_setting('unix_socket_directories'), ',', 1); s text;
BEGIN
    FOREACH s IN ARRAY ARRAY['alone_srv', 'alone_sure'] LOOP
        EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (host %L, port %L, dbname %L)',
            s, coalesce(nullif(trim(dir), ''), 'localhost'), current_setting('port'), current_database());
        EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER %I OPTIONS (user %L)', s, current_user);
    END LOOP;
END $$;
ALTER SERVER alone_sure OPTIONS (lazy_commit 'false');
-- a view that says by which isolation level it is read, and notes it down: our remote transactions are REPEATABLE READ
CREATE TABLE seen (n serial, what text, level text);
CREATE FUNCTION note(what text) RETURNS text LANGUAGE sql VOLATILE AS $$ INSERT INTO alone.seen (what, level) VALUES ($1, current_setting('transaction_isolation')) RETURNING level $$;
CREATE TABLE labels (what text, n int);
INSERT INTO labels SELECT 'case ' || lpad(g::text, 2, '0'), g FROM generate_series(0, 99) g;
CREATE VIEW noted AS SELECT what, n, alone.note(what) AS level FROM alone.labels;
CREATE FOREIGN TABLE f (what text, n int, level text) SERVER alone_srv OPTIONS (table_name 'noted');
CREATE FOREIGN TABLE fsure (what text, n int, level text) SERVER alone_sure OPTIONS (table_name 'noted');
CREATE FOREIGN TABLE fseen (n int, what text, level text) SERVER alone_srv OPTIONS (table_name 'seen');

-- ===================================================================
-- alone
-- ===================================================================
SELECT level FROM f WHERE n = 0;
SELECT level FROM f WHERE n = 1 LIMIT 5;
SELECT level FROM f WHERE n = 2 LIMIT 1;
PREPARE q AS SELECT level FROM f WHERE n = 3;
EXECUTE q;
PREPARE q2 (int, text) AS SELECT level FROM f WHERE n = $1 AND what <> $2;
EXECUTE q2 (4, 'x');
EXECUTE q2 (5, 'x'::varchar);
EXECUTE q2 ('6', '2001-01-01'::date);
SET plan_cache_mode = force_generic_plan;
EXECUTE q2 (7, 'x');
EXECUTE q;
RESET plan_cache_mode;
\o /dev/null
EXPLAIN ANALYZE SELECT level FROM f WHERE n = 10;
EXPLAIN (ANALYZE, VERBOSE, TIMING OFF) SELECT level FROM f WHERE n = 11 LIMIT 1;
PREPARE e AS SELECT level FROM f WHERE n = 12;
EXPLAIN ANALYZE EXECUTE e;
EXPLAIN ANALYZE EXECUTE q2 (13, 'x');
SET plan_cache_mode = force_generic_plan;
EXPLAIN ANALYZE EXECUTE q2 (14, 'x');
RESET plan_cache_mode;
\o
-- a whole query, nested
SET pgwire_fdw.ship_queries = on;
SELECT (SELECT level FROM f WHERE n = 15) AS level, n FROM f WHERE n = 16 AND n NOT IN (SELECT n FROM fsure WHERE n = 17 LIMIT 0);
SELECT (SELECT level FROM f WHERE n = 18) AS level;
SELECT level FROM f WHERE n = (SELECT 19 FROM labels LIMIT 1);
SET pgwire_fdw.ship_queries = off;
SELECT what, level FROM fseen ORDER BY n;
DELETE FROM seen;

-- ===================================================================
-- not alone
-- ===================================================================
-- in a transaction block, also one that the client does not say
BEGIN;
SELECT level FROM f WHERE n = 20;
EXECUTE q;
EXECUTE q2 (21, 'x');
\o /dev/null
EXPLAIN ANALYZE SELECT level FROM f WHERE n = 22;
EXPLAIN ANALYZE EXECUTE q2 (23, 'x');
\o
COMMIT;
\o /dev/null
EXECUTE q2 (24, 'x') \; EXPLAIN ANALYZE SELECT level FROM f WHERE n = 25 \; SELECT level FROM f WHERE n = 26;
\o
-- where the whole transaction has one snapshot, or COMMIT has to be certain
SET default_transaction_isolation = 'repeatable read';
EXECUTE q2 (27, 'x');
\o /dev/null
EXPLAIN ANALYZE SELECT level FROM f WHERE n = 28;
RESET default_transaction_isolation;
EXPLAIN ANALYZE SELECT level FROM fsure WHERE n = 29;
\o
-- something else in the statement
SELECT level FROM f WHERE n = 30 LIMIT (SELECT 1);
SELECT level FROM f WHERE n = 31 ORDER BY random();
PREPARE q3 AS SELECT (SELECT count(*) FROM f WHERE n = 32), level FROM f WHERE n = 33;
EXECUTE q3;
\o /dev/null
EXPLAIN ANALYZE EXECUTE q3;
\o
-- in functions, procedures and blocks
CREATE FUNCTION by_select(int) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT level FROM alone.f WHERE n = $1); END';
CREATE FUNCTION by_loop(int) RETURNS text LANGUAGE plpgsql AS 'DECLARE r record; BEGIN FOR r IN SELECT level FROM alone.f WHERE n = $1 LOOP END LOOP; RETURN r.level; END';
CREATE FUNCTION by_execute(int) RETURNS text LANGUAGE plpgsql AS $$ DECLARE l text; BEGIN EXECUTE format('EXECUTE q2 (%s, ''x'')', $1) INTO l; RETURN l; END $$;
CREATE FUNCTION by_explain(int) RETURNS text LANGUAGE plpgsql AS $$ DECLARE l text; BEGIN EXECUTE format('EXPLAIN ANALYZE SELECT level FROM alone.f WHERE n = %s', $1) INTO l; RETURN 'explained'; END $$;
CREATE FUNCTION by_sql(int) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT level FROM alone.f WHERE n = $1';
SELECT by_select(40), by_loop(41), by_execute(42), by_explain(43), by_sql(44);
DO $$ BEGIN PERFORM by_select(45), by_execute(46), by_explain(47); EXECUTE 'EXPLAIN ANALYZE EXECUTE q2 (48, ''x'')'; END $$;
CREATE PROCEDURE p(int) LANGUAGE plpgsql AS $$ DECLARE l text; BEGIN SELECT level INTO l FROM alone.f WHERE n = $1; COMMIT; EXECUTE format('EXECUTE q2 (%s, ''x'')', $1 + 1) INTO l; END $$;
CALL p(50);
\o /dev/null
EXPLAIN ANALYZE SELECT by_select(52), by_loop(53), by_execute(54), by_explain(55), by_sql(56);
\o
-- in what computes the parameters
PREPARE q4 (text) AS SELECT level FROM f WHERE n = 60 AND $1 IS NOT NULL;
EXECUTE q4 (by_select(61));
EXECUTE q4 (by_execute(62));
EXECUTE q4 (by_explain(63));
CREATE FUNCTION again(int) RETURNS text LANGUAGE plpgsql AS $$ DECLARE l text; BEGIN EXECUTE format('EXECUTE q2 (%s, ''x'')', $1) INTO l; RETURN l; END $$;
EXECUTE q2 (64, again(65));
CREATE DOMAIN checked AS text CHECK (by_execute(length(VALUE)) IS NOT NULL);
EXECUTE q2 (67, repeat('x', 66)::checked);
PREPARE q5 (checked) AS SELECT level FROM f WHERE n = 69;
EXECUTE q5 ('12345678901234567890123456789012345678901234567890123456789012345678');
-- while the statement is planned
CREATE FUNCTION liar(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM alone.by_execute($1), alone.by_explain($1 + 1); RETURN $1 + 2; END';
PREPARE q6 AS SELECT level FROM f WHERE n = liar(70);
EXECUTE q6;
\o /dev/null
EXPLAIN ANALYZE SELECT level FROM f WHERE n = liar(73);
\o
-- statements of which it is a part
CREATE TABLE made AS EXECUTE q2 (80, 'x');
SELECT * FROM made;
DECLARE c CURSOR WITH HOLD FOR SELECT level FROM f WHERE n = 81;
FETCH c;
CLOSE c;
SELECT level, string_agg(DISTINCT right(what, 2), ' ') FROM fseen GROUP BY level;

SET client_min_messages = error;
DROP SCHEMA alone CASCADE;
DROP SERVER alone_srv CASCADE;
DROP SERVER alone_sure CASCADE;
