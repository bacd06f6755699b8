--
-- Portions: scans that are left before their end.
--
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgwire_fdw;
DROP SCHEMA IF EXISTS portion CASCADE;
DROP SERVER IF EXISTS portion_srv CASCADE;
RESET client_min_messages;
-- of tables one by one; query.sql is about all at once
SET pgwire_fdw.ship_queries = off;
-- of rows that are counted here; limit.sql is about a LIMIT that is sent
SET pgwire_fdw.ship_upper = off;
CREATE SCHEMA portion;
SET search_path = portion, public;
DO $$
DECLARE
    dir text := split_part(current_setting('unix_socket_directories'), ',', 1);
BEGIN
    EXECUTE format('CREATE SERVER portion_srv FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (host %L, port %L, dbname %L, fetch_size ''10'', fdw_tuple_cost ''0.01'')',
        coalesce(nullif(trim(dir), ''), 'localhost'), current_setting('port'), current_database());
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER portion_srv OPTIONS (user %L)', current_user);
END $$;
CREATE TABLE t (id int PRIMARY KEY, grp int, v text);
INSERT INTO t SELECT g, g % 7, CASE WHEN g % 10 > 0 THEN 'value ' || g END FROM generate_series(1, 1000) g;
CREATE FOREIGN TABLE ft (id int, grp int, v text) SERVER portion_srv OPTIONS (table_name 't');
CREATE VIEW failing AS SELECT id, 1 / (id - 25) AS v FROM t;
CREATE FOREIGN TABLE ffailing (id int, v int) SERVER portion_srv OPTIONS (table_name 'failing');
CREATE TABLE few AS SELECT g AS id FROM generate_series(1, 20) g;
ANALYZE t; ANALYZE few;

-- ===================================================================
-- how much is asked for, and how often
-- ===================================================================
CREATE FUNCTION scans(jsonb, name text DEFAULT 'Foreign Scan') RETURNS SETOF jsonb LANGUAGE sql AS $$
    SELECT $1 WHERE $1->>'Node Type' = $2
    UNION ALL SELECT s FROM jsonb_array_elements($1->'Plans') p, scans(p, $2) s
$$;
CREATE FUNCTION asked(query text, OUT loops int, OUT trips int, OUT portions int, OUT rows int) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE j jsonb; n jsonb;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || query INTO j;
    FOR n IN SELECT scans(j->0->'Plan') LOOP
        loops := n->>'Actual Loops'; trips := n->>'Remote Round Trips'; portions := n->>'Remote Portions'; rows := n->>'Remote Rows';
        RETURN NEXT;
    END LOOP;
END $$;
-- read to the end: as one
SELECT * FROM asked('SELECT * FROM ft');
SELECT * FROM asked('SELECT count(*) FROM ft');
SELECT * FROM asked('SELECT * FROM ft ORDER BY v LIMIT 3');
SELECT * FROM asked('SELECT * FROM ft OFFSET 5');
SELECT * FROM asked('SELECT * FROM ft LIMIT NULL');
-- so many, known beforehand
SELECT * FROM asked('SELECT * FROM ft LIMIT 3');
SELECT * FROM asked('SELECT * FROM ft LIMIT 300 OFFSET 7');
SELECT * FROM asked('SELECT * FROM (SELECT id + 1 FROM ft OFFSET 3) s LIMIT 300');
SELECT * FROM asked('SELECT EXISTS (SELECT FROM ft)');
SELECT * FROM asked('SELECT * FROM ft LIMIT 0');
SELECT * FROM asked('SELECT id, (SELECT v FROM ft WHERE ft.id = few.id LIMIT 1) FROM few');
SELECT * FROM asked('SELECT * FROM few, LATERAL (SELECT v FROM ft WHERE ft.id >= few.id LIMIT 2) l');
SELECT * FROM asked('SELECT * FROM (SELECT * FROM ft LIMIT 100) s LIMIT 7');
-- not known: some, then more
SELECT * FROM asked('SELECT * FROM ft WHERE id % 2 + random() >= 1 LIMIT 20');
SELECT * FROM asked('SELECT * FROM ft WHERE id + random() > 65 LIMIT 3');
SELECT * FROM asked('SELECT * FROM ft LIMIT (SELECT 15)');
SELECT * FROM asked('SELECT EXISTS (SELECT FROM ft WHERE id + random() > 35)');
SELECT * FROM asked('SELECT id FROM few WHERE id + random() > 19 AND id::text NOT IN (SELECT v || random() FROM ft WHERE v = few.id || '''' OFFSET 0)');
SELECT * FROM asked('WITH w AS MATERIALIZED (SELECT * FROM ft) SELECT * FROM w LIMIT 12');
SELECT * FROM asked('WITH w AS MATERIALIZED (SELECT * FROM ft) SELECT (SELECT count(*) FROM w), (SELECT id FROM w LIMIT 1)');
SELECT * FROM asked('SELECT * FROM ft UNION ALL SELECT * FROM ft LIMIT 15');
-- joins that stop at the first match
SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off; SET enable_memoize = off; SET enable_seqscan = off;
SELECT * FROM asked('SELECT * FROM few WHERE EXISTS (SELECT FROM ft WHERE ft.grp < few.id)');
SELECT * FROM asked('SELECT * FROM few WHERE NOT EXISTS (SELECT FROM ft WHERE ft.grp < few.id)');
RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_material; RESET enable_memoize; RESET enable_seqscan;

-- ===================================================================
-- the rows are the same as of the table itself
-- ===================================================================
CREATE FUNCTION differs(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE here text; there text;
BEGIN
    EXECUTE 'SELECT string_agg(x::text, '','') FROM (' || replace(query, 'TABLE', 't') || ') x' INTO here;
    EXECUTE 'SELECT string_agg(x::text, '','') FROM (' || replace(query, 'TABLE', 'ft') || ') x' INTO there;
    IF here IS DISTINCT FROM there THEN RETURN NEXT query || ': ' || left(coalesce(there, 'NULL'), 60) || ' not ' || left(coalesce(here, 'NULL'), 60); END IF;
END $$;
CREATE TABLE queries (q text);
INSERT INTO queries SELECT format(q, n, m) FROM (VALUES (0, 0), (1, 0), (1, 9), (9, 1), (10, 0), (10, 10), (30, 0), (100, 999), (2000, 5)) v (n, m),
    unnest(ARRAY['SELECT * FROM TABLE LIMIT %1$s OFFSET %2$s', 'SELECT * FROM TABLE WHERE id %% 3 = 1 LIMIT %1$s OFFSET %2$s',
    'SELECT * FROM TABLE WHERE length(v) + random() > 7 LIMIT %1$s OFFSET %2$s', 'SELECT * FROM (SELECT DISTINCT grp FROM TABLE) s ORDER BY 1 LIMIT %1$s OFFSET %2$s',
    'SELECT DISTINCT ON (v) v, id FROM TABLE ORDER BY v, id LIMIT %1$s OFFSET %2$s', 'SELECT grp, count(*) FROM TABLE GROUP BY grp ORDER BY grp LIMIT %1$s OFFSET %2$s',
    'SELECT id, sum(id) OVER (ORDER BY id) FROM TABLE LIMIT %1$s OFFSET %2$s', 'SELECT generate_series(1, id %% 3) FROM TABLE LIMIT %1$s OFFSET %2$s',
    'SELECT * FROM few f, LATERAL (SELECT id, v FROM TABLE x WHERE x.grp = f.id ORDER BY id LIMIT %1$s OFFSET %2$s) l',
    'SELECT * FROM few f LEFT JOIN LATERAL (SELECT id, v FROM TABLE x WHERE x.id >= f.id + %2$s ORDER BY id LIMIT %1$s) l ON true ORDER BY f.id, l.id',
    'WITH w AS MATERIALIZED (SELECT * FROM TABLE) SELECT * FROM w a WHERE id IN (SELECT id FROM w LIMIT %1$s OFFSET %2$s) ORDER BY id',
    'SELECT id FROM TABLE WHERE id > %2$s UNION ALL SELECT id FROM TABLE LIMIT %1$s', 'SELECT id FROM few WHERE EXISTS (SELECT FROM TABLE x WHERE x.id = few.id * %1$s + %2$s) ORDER BY id',
    'SELECT id FROM few WHERE NOT EXISTS (SELECT FROM TABLE x WHERE x.id = few.id * %1$s + %2$s AND x.v IS NOT NULL) ORDER BY id',
    'SELECT id FROM few WHERE id + %1$s IN (SELECT id FROM TABLE x WHERE x.grp = few.id %% 7 OFFSET %2$s) ORDER BY id',
    'SELECT id FROM few WHERE id + %1$s < ALL (SELECT id FROM TABLE x WHERE x.id > %2$s OFFSET 0) ORDER BY id',
    'SELECT a.id FROM TABLE a JOIN TABLE b ON b.id = a.id + %2$s ORDER BY a.id LIMIT %1$s',
    'SELECT id, (SELECT count(*) FROM (SELECT FROM TABLE x WHERE x.id > few.id + %2$s LIMIT %1$s) c) FROM few ORDER BY id']) q;
INSERT INTO queries VALUES ('SELECT * FROM TABLE FETCH FIRST 3 ROWS ONLY'), ('SELECT * FROM TABLE ORDER BY grp FETCH FIRST 3 ROWS WITH TIES'), ('SELECT * FROM TABLE LIMIT (SELECT max(id) FROM few)'),
    ('SELECT EXISTS (SELECT FROM TABLE)'), ('SELECT EXISTS (SELECT FROM TABLE WHERE id > 1000)'), ('SELECT (SELECT id FROM TABLE WHERE id = 77)'), ('SELECT ARRAY(SELECT id FROM TABLE)'),
    ('SELECT max(id), min(id) FROM TABLE'), ('WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT id FROM r JOIN TABLE ON id = n + 1 WHERE n < 9) SELECT * FROM r'),
    ('WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT x.id FROM r, LATERAL (SELECT id FROM TABLE WHERE id > n LIMIT 1) x) SELECT * FROM r LIMIT 30');
SELECT count(*) FROM queries;
SELECT d FROM queries, differs(q) d;
SET enable_hashjoin = off; SET enable_mergejoin = off;
SELECT d FROM queries, differs(q) d;
SET enable_material = off; SET enable_memoize = off; SET enable_sort = off; SET enable_hashagg = off;
SELECT d FROM queries, differs(q) d;
SET enable_mergejoin = on; SET enable_nestloop = off;
SELECT d FROM queries, differs(q) d;
RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_material; RESET enable_memoize; RESET enable_sort; RESET enable_hashagg; RESET enable_nestloop;
-- without a function around them, a statement may be a remote transaction of its own
SELECT id FROM ft LIMIT 3;
SELECT id FROM ft LIMIT 3 OFFSET 998;
SELECT id FROM ft LIMIT 0;
SELECT id FROM ft LIMIT -1;
SELECT id FROM ft OFFSET 998;
SELECT id, v FROM ft WHERE id % 100 = 0 LIMIT 2;
PREPARE q_limit (bigint) AS SELECT id FROM ft LIMIT $1;
EXECUTE q_limit (2); EXECUTE q_limit (4); EXECUTE q_limit (2); EXECUTE q_limit (1); EXECUTE q_limit (2); EXECUTE q_limit (NULL) \g /dev/null
EXECUTE q_limit (3);

-- ===================================================================
-- cursors
-- ===================================================================
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM ft;
DECLARE d CURSOR FOR SELECT v FROM ft WHERE id > 500;
FETCH 3 c;
FETCH 2 d;
MOVE 6 c;
FETCH 2 c;
FETCH 1 d;
MOVE 500 c;
FETCH 1 c;
SELECT count(*) FROM ft;
MOVE 100 d;
FETCH 1 d;
CLOSE c;
FETCH 1 d;
MOVE ALL d;
FETCH 1 d;
COMMIT;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id FROM ft;
FETCH 12 c \g /dev/null
FETCH BACKWARD 2 c;
FETCH ABSOLUTE 200 c;
FETCH RELATIVE -190 c;
FETCH LAST c;
FETCH PRIOR c;
FETCH FIRST c;
FETCH FORWARD 2 c;
COMMIT;
-- one that outlives its transaction: read to its end by COMMIT, whether it has begun or not
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT id FROM ft;
DECLARE d CURSOR WITH HOLD FOR SELECT id FROM ft;
DECLARE e CURSOR WITH HOLD FOR SELECT id FROM ft LIMIT 5;
FETCH 15 c \g /dev/null
FETCH 1 e;
COMMIT;
FETCH 1 c;
FETCH 1 d;
MOVE 983 c;
FETCH 2 c;
MOVE 998 d;
FETCH 2 d;
FETCH ALL e;
CLOSE ALL;
-- savepoints between the portions
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM ft;
FETCH 2 c;
SAVEPOINT a;
SELECT count(*) FROM ft;
MOVE 20 c;
FETCH 1 c;
SAVEPOINT b;
DECLARE d CURSOR FOR SELECT id FROM ft;
FETCH 1 d;
MOVE 20 c;
FETCH 1 c;
ROLLBACK TO a;
FETCH 1 c;
SAVEPOINT b;
DECLARE d CURSOR FOR SELECT id FROM ft;
FETCH 1 d;
RELEASE b;
MOVE 400 d;
MOVE 200 c;
FETCH 1 c;
FETCH 1 d;
RELEASE a;
FETCH 1 d;
COMMIT;
-- begun in a savepoint that is rolled back: the rest is gone, and said to be
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM ft;
SAVEPOINT a;
FETCH 2 c;
ROLLBACK TO a;
MOVE 8 c;
SAVEPOINT b;
FETCH 1 c;
ROLLBACK TO b;
SELECT count(*) FROM ft;
COMMIT;
-- an error in a later portion, and in one of which nobody reads so far
BEGIN;
DECLARE c CURSOR FOR SELECT id, v FROM ffailing;
FETCH 2 c;
MOVE 22 c;
FETCH 1 c;
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT id, v FROM ffailing;
FETCH 10 c \g /dev/null
CLOSE c;
SELECT count(*) FROM ft;
DECLARE c CURSOR FOR SELECT id, v FROM ffailing;
FETCH 11 c \g /dev/null
CLOSE c;
SELECT count(*) FROM ft;
ROLLBACK;
SELECT id, v FROM ffailing LIMIT 2;
SELECT EXISTS (SELECT FROM ffailing WHERE id > 1 AND v <> 7);

-- ===================================================================
-- loops of functions
-- ===================================================================
CREATE FUNCTION first_of(n int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE a record; b record; s text := '';
BEGIN
    FOR a IN SELECT id FROM ft LOOP
        FOR b IN SELECT id FROM ft WHERE id >= a.id LOOP
            EXIT WHEN b.id >= a.id + n;
        END LOOP;
        s := s || a.id || ':' || b.id || ' ';
        EXIT WHEN a.id >= n;
        BEGIN
            PERFORM 1 / (a.id % 3) FROM ft WHERE id = a.id;
        EXCEPTION WHEN division_by_zero THEN
            s := s || '(' || (SELECT count(*) FROM ft WHERE grp = a.id % 7) || ') ';
        END;
    END LOOP;
    RETURN s;
END $$;
SELECT first_of(6);
SELECT md5(first_of(40));
CREATE FUNCTION all_of() RETURNS text LANGUAGE plpgsql AS $$
DECLARE a record; s bigint := 0;
BEGIN
    FOR a IN SELECT * FROM ft LOOP
        s := s + a.id;
    END LOOP;
    RETURN s;
END $$;
SELECT all_of(), all_of();

-- ===================================================================
-- clean up
-- ===================================================================
SET client_min_messages = error;
DROP SCHEMA portion CASCADE;
DROP SERVER portion_srv CASCADE;
