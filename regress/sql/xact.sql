--
-- Remote transactions follow the local one. (Two sessions: specs/xact_*.spec.)
--
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgwire_fdw;
DROP SCHEMA IF EXISTS xact CASCADE;
DROP SERVER IF EXISTS xact_srv CASCADE;
DROP SERVER IF EXISTS xact_strict CASCADE;
RESET client_min_messages;
-- of tables one by one; query.sql is about all at once
SET pgwire_fdw.ship_queries = off; SET pgwire_fdw.ship_upper = off;
CREATE SCHEMA xact;
SET search_path = xact, public;
CREATE FUNCTION xact.loopback(server name, more text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    dir text := split_part(current_setting('unix_socket_directories'), ',', 1);
BEGIN
    EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (host %L, port %L, dbname %L%s)',
        server, coalesce(nullif(trim(dir), ''), 'localhost'), current_setting('port'), current_database(), more);
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER %I OPTIONS (user %L)', server, current_user);
END $$;
SELECT loopback('xact_srv', ', application_name ''xact_srv'''), loopback('xact_strict', ', lazy_commit ''false'', application_name ''xact_strict''');
CREATE TABLE t (id int PRIMARY KEY, v text);
INSERT INTO t SELECT g, 'v' || g FROM generate_series(1, 100) g;
CREATE VIEW many AS SELECT g AS id, repeat('x', 500) AS w FROM generate_series(1, 5000) g;
-- the remote fails for some rows, and says which transaction it is in
CREATE VIEW failing AS SELECT id, 100 / (id - 50) AS q FROM t;
CREATE VIEW session AS SELECT pg_backend_pid() AS pid, current_setting('transaction_isolation') AS isolation,
    current_setting('transaction_read_only') AS read_only, now() AS started, pg_current_xact_id_if_assigned() IS NULL AS nothing_written;
CREATE FOREIGN TABLE ft (id int, v text) SERVER xact_srv OPTIONS (table_name 't');
CREATE FOREIGN TABLE ft_strict (id int, v text) SERVER xact_strict OPTIONS (table_name 't');
CREATE FOREIGN TABLE fmany (id int, w text) SERVER xact_srv OPTIONS (table_name 'many');
CREATE FOREIGN TABLE ffailing (id int, q int) SERVER xact_srv OPTIONS (table_name 'failing');
CREATE FOREIGN TABLE fsession (pid int, isolation text, read_only text, started timestamptz, nothing_written bool) SERVER xact_srv OPTIONS (table_name 'session');
-- what the remote sessions do; waits for an answer that nobody awaited
CREATE FUNCTION xact.remote_state(app text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE s text;
BEGIN
    FOR i IN 1..500 LOOP
        PERFORM pg_stat_clear_snapshot();
        SELECT string_agg(state, ',') INTO s FROM pg_stat_activity WHERE application_name = app AND datname = current_database();
        EXIT WHEN s = 'idle' OR s IS NULL;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RETURN coalesce(s, 'none');
END $$;

-- ===================================================================
-- isolation, and one remote transaction for one local
-- ===================================================================
SELECT isolation, read_only, nothing_written FROM fsession;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT isolation FROM fsession;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT isolation FROM fsession;
COMMIT;
BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
SELECT isolation FROM fsession;
COMMIT;
BEGIN;
SELECT count(DISTINCT started), count(DISTINCT pid) FROM (SELECT * FROM fsession UNION ALL SELECT * FROM fsession) s;
SAVEPOINT a;
CREATE TEMP TABLE first AS SELECT pid, started FROM fsession;
RELEASE a;
SELECT f.started = s.started AS same_transaction, f.pid = s.pid AS same_session FROM first f, fsession s;
COMMIT;
SELECT f.started = s.started AS same_transaction, f.pid = s.pid AS same_session FROM first f, fsession s;
SELECT remote_state('xact_srv');
SELECT count(*) FROM ft_strict;
SELECT remote_state('xact_strict');
-- the snapshot lasts as long as the transaction, though local statements see more
BEGIN;
SELECT count(*) FROM ft;
INSERT INTO t VALUES (101, 'new');
SELECT (SELECT count(*) FROM t) AS here, (SELECT count(*) FROM ft) AS there;
ROLLBACK;

-- ===================================================================
-- sub-transactions
-- ===================================================================
BEGIN;
SAVEPOINT a;
SELECT count(*) FROM ft;
SAVEPOINT b;
SELECT count(*) FROM ft WHERE id <= 10;
ROLLBACK TO b;
SELECT count(*) FROM ft WHERE id <= 20;
RELEASE a;
SELECT count(*) FROM ft WHERE id <= 30;
SAVEPOINT a;
SELECT q FROM ffailing ORDER BY id;
SELECT 1;
ROLLBACK TO a;
SELECT count(*) FROM ft;
SELECT q FROM ffailing WHERE id = 51;
SAVEPOINT a;
SELECT q FROM ffailing WHERE id = 50;
ROLLBACK TO a;
ROLLBACK TO a;
SELECT sum(id) FROM ft;
RELEASE a;
COMMIT;
-- an error at the top level ends it all, and the next transaction is well
BEGIN;
SELECT count(*) FROM ft;
SELECT q FROM ffailing;
SELECT count(*) FROM ft;
ROLLBACK;
SELECT count(*) FROM ft;
-- savepoints unused by the remote cost it nothing; deep ones
DO $$
DECLARE n int := 0; c int;
BEGIN
    FOR i IN 1..50 LOOP
        BEGIN
            IF i % 10 = 0 THEN
                SELECT count(*) INTO c FROM ft WHERE id <= i;
                n := n + c;
            END IF;
            IF i % 20 = 0 THEN PERFORM 1 / 0; END IF;
        EXCEPTION WHEN division_by_zero THEN n := n + 1000;
        END;
    END LOOP;
    RAISE NOTICE 'n = %', n;
END $$;
CREATE FUNCTION xact.deep(depth int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE n int;
BEGIN
    SELECT count(*) INTO n FROM ft WHERE id <= depth;
    IF depth > 0 THEN
        BEGIN
            n := n + xact.deep(depth - 1);
            IF depth % 3 = 0 THEN RAISE EXCEPTION SQLSTATE 'ZZ001' USING MESSAGE = n::text; END IF;
        EXCEPTION WHEN SQLSTATE 'ZZ001' THEN n := SQLERRM::int;
        END;
    END IF;
    RETURN n;
END $$;
SELECT deep(20), (SELECT sum(g) FROM generate_series(1, 20) g);

-- ===================================================================
-- scans that are open while a sub-transaction ends
-- ===================================================================
-- the outer scan goes on after an inner failure, local or remote
DO $$
DECLARE r record; bad int := 0; n int := 0; total bigint := 0;
BEGIN
    FOR r IN SELECT id, w FROM fmany LOOP
        n := n + 1;
        total := total + r.id;
        IF r.id % 500 = 0 THEN
            BEGIN
                PERFORM q FROM ffailing WHERE id = 50;
            EXCEPTION WHEN division_by_zero THEN bad := bad + 1;
            END;
            BEGIN
                PERFORM count(*) FROM fmany;
                PERFORM 1 / 0;
            EXCEPTION WHEN division_by_zero THEN bad := bad + 1;
            END;
            BEGIN
                PERFORM id FROM fmany LIMIT 1;
                RAISE EXCEPTION 'x';
            EXCEPTION WHEN raise_exception THEN bad := bad + 1;
            END;
        END IF;
    END LOOP;
    RAISE NOTICE '% rows, sum %, % errors', n, total, bad;
END $$;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM fmany;
FETCH 2 FROM c;
SAVEPOINT a;
FETCH 2 FROM c;
SELECT count(*) FROM ft;
FETCH 1 FROM c;
ROLLBACK TO a;
FETCH 2 FROM c;
SAVEPOINT b;
SELECT q FROM ffailing WHERE id = 50;
ROLLBACK TO b;
MOVE 4000 IN c;
FETCH 2 FROM c;
RELEASE b;
SELECT count(*) FROM ft;
FETCH 1 FROM c;
MOVE ALL IN c;
COMMIT;
-- a cursor opened in the sub-transaction goes with it
BEGIN;
SAVEPOINT a;
DECLARE c CURSOR FOR SELECT id FROM fmany;
FETCH 1 FROM c;
ROLLBACK TO a;
SELECT count(*) FROM ft;
SAVEPOINT a;
FETCH 1 FROM c;
ROLLBACK TO a;
DECLARE d CURSOR FOR SELECT id FROM fmany;
FETCH 1 FROM d;
RELEASE a;
FETCH 1 FROM d;
COMMIT;
-- A statement of an outer cursor that was started inside (an inner scan that is executed
-- again and again) has no rows any more after the rollback: better an error than rows lost.
-- (Wide rows: those of a batch that is here already stay.)
BEGIN;
SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_material = off;
DECLARE c CURSOR FOR SELECT g, f.id FROM generate_series(1, 3) g, LATERAL (SELECT id, w FROM fmany WHERE id >= g OFFSET 0) f WHERE w <> '';
FETCH 1 FROM c;
MOVE 4998 IN c;
SAVEPOINT a;
FETCH 3 FROM c;
ROLLBACK TO a;
MOVE 4997 IN c;
ROLLBACK;
BEGIN;
SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_material = off;
DECLARE c CURSOR FOR SELECT g, f.id FROM generate_series(1, 3) g, LATERAL (SELECT id FROM fmany WHERE id >= g OFFSET 0) f;
MOVE 4999 IN c;
SAVEPOINT a;
FETCH 3 FROM c;
RELEASE a;
MOVE ALL IN c;
COMMIT;
SELECT count(*) FROM ft;

-- ===================================================================
-- what a remote transaction cannot follow
-- ===================================================================
SET client_min_messages = error; -- max_prepared_transactions may be 0
BEGIN;
SELECT count(*) FROM ft;
PREPARE TRANSACTION 'xact';
RESET client_min_messages;
SELECT count(*) FROM ft;
-- END with a failed remote statement behind an exception handler
BEGIN;
DO $$
BEGIN
    PERFORM q FROM ffailing;
EXCEPTION WHEN division_by_zero THEN RAISE NOTICE 'caught';
END $$;
SELECT count(*) FROM ft;
COMMIT AND CHAIN;
SELECT isolation FROM fsession;
ROLLBACK;
-- the last statement's rows are not wanted
BEGIN;
SELECT id FROM fmany LIMIT 1;
COMMIT;
BEGIN;
SELECT id FROM fmany LIMIT 1;
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM fmany;
FETCH 1 FROM c;
COMMIT;
SELECT remote_state('xact_srv');
-- locks are taken there, and kept to the end
BEGIN;
SELECT id FROM ft WHERE id = 7 FOR UPDATE;
SELECT count(*) FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid WHERE application_name = 'xact_srv' AND datname = current_database()
    AND relation = 't'::regclass AND mode = 'RowShareLock';
SELECT id FROM t WHERE id = 7 FOR UPDATE NOWAIT;
ROLLBACK;
SELECT id FROM t WHERE id = 7 FOR UPDATE NOWAIT;
BEGIN;
SELECT id FROM ft WHERE id = 7 FOR SHARE;
SELECT id FROM t WHERE id = 7 FOR SHARE NOWAIT;
COMMIT;
SELECT remote_state('xact_srv');

-- ===================================================================
-- what functions of remote views write is kept, whatever comes after it
-- ===================================================================
CREATE TABLE written (by text);
CREATE FUNCTION xact.write(by text) RETURNS text LANGUAGE sql AS 'INSERT INTO xact.written VALUES (by) RETURNING by';
CREATE VIEW writer AS SELECT write(current_setting('application_name')) AS by;
CREATE FOREIGN TABLE fwriter (by text) SERVER xact_srv OPTIONS (table_name 'writer');
CREATE FOREIGN TABLE fwriter_strict (by text) SERVER xact_strict OPTIONS (table_name 'writer');
CREATE FOREIGN TABLE fmany_strict (id int, w text) SERVER xact_strict OPTIONS (table_name 'many');
BEGIN;
SELECT * FROM fwriter;
SELECT id FROM fmany LIMIT 1;
COMMIT;
BEGIN;
SELECT * FROM fwriter_strict;
SELECT id FROM fmany_strict LIMIT 1;
COMMIT;
BEGIN;
SELECT * FROM fwriter;
DECLARE c CURSOR FOR SELECT id FROM fmany;
FETCH 1 FROM c;
COMMIT;
BEGIN;
SELECT * FROM fwriter;
DO $$
BEGIN
    FOR i IN 1..3 LOOP
        PERFORM id FROM fmany WHERE i < 3 AND length(w) > 10;
        PERFORM id FROM fmany LIMIT i;
    END LOOP;
END $$;
COMMIT;
SELECT remote_state('xact_srv'), remote_state('xact_strict');
SELECT by, count(*) FROM written GROUP BY by ORDER BY by;

-- ===================================================================
-- clean up
-- ===================================================================
SET client_min_messages = error;
DROP SCHEMA xact CASCADE;
DROP SERVER xact_srv CASCADE;
DROP SERVER xact_strict CASCADE;
