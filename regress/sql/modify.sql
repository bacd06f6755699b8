--
-- INSERT, UPDATE and DELETE row by row. Each statement runs on foreign tables
-- (modify_f), whose remote tables are in modify_w, and on local copies of these
-- (modify_r): it must report the same, return the same rows, raise the same error,
-- and leave the same behind.
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS modify_f, modify_w, modify_r CASCADE;
RESET client_min_messages;
\pset format unaligned
CREATE SCHEMA modify_f;
CREATE SCHEMA modify_w;
CREATE SCHEMA modify_r;
SELECT compare.make_server('modify_server');

-- What a statement answers on one side.
CREATE FUNCTION modify_f.answer(side text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
    returned text;
BEGIN
    PERFORM set_config('search_path', 'modify_' || side || ', public', true);
    IF statement ~ '^[^W].*RETURNING' THEN
        EXECUTE 'WITH x AS (' || statement || ') SELECT count(*), string_agg(x::text, '' '' ORDER BY x::text) FROM x' INTO n, returned;
        RETURN n || ' returned: ' || coalesce(returned, '');
    END IF;
    EXECUTE statement;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n || ' changed';
EXCEPTION WHEN OTHERS THEN
    DECLARE
        name text;
        tab text;
        col text;
    BEGIN
        GET STACKED DIAGNOSTICS name = CONSTRAINT_NAME, tab = TABLE_NAME, col = COLUMN_NAME;
        RETURN 'error ' || SQLSTATE || ': ' || SQLERRM || concat_ws(' ', ' |', name, tab, col);
    END;
END $$;

-- The rows of a table, as one line.
CREATE FUNCTION modify_f.content(side text, name text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE format('SELECT string_agg(t::text, '' '' ORDER BY t::text) FROM modify_%s.%I t', side, name) INTO result;
    RETURN coalesce(result, '');
END $$;

CREATE FUNCTION modify_f.changes(VARIADIC statements text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    statement text;
    there text;
    here text;
    name text;
BEGIN
    FOREACH statement IN ARRAY statements LOOP
        RETURN NEXT statement;
        there := modify_f.answer('f', statement);
        here := modify_f.answer('r', statement);
        PERFORM set_config('search_path', 'public', true);
        RETURN NEXT '    ' || CASE WHEN there = here THEN here ELSE 'DIFFERENT: ' || there || ' instead of ' || here END;
        FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'modify_r'::regnamespace AND relname NOT IN ('inh1', 'routed') AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1 LOOP
            IF modify_f.content('f', name) <> modify_f.content('r', name) THEN
                RETURN NEXT '    DIFFERENT in ' || name || ': ' || left(modify_f.content('f', name), 300) || ' instead of ' || left(modify_f.content('r', name), 300);
            END IF;
        END LOOP;
    END LOOP;
END $$;

-- A table on both sides, and the foreign one.
CREATE FUNCTION modify_f.make(name text, columns text, extra text DEFAULT '', foreign_columns text DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE modify_w.%I (%s%s)', name, columns, extra);
    EXECUTE format('CREATE TABLE modify_r.%I (%s%s)', name, columns, extra);
    EXECUTE format('CREATE FOREIGN TABLE modify_f.%I (%s) SERVER modify_server OPTIONS (schema_name ''modify_w'')', name, coalesce(foreign_columns, columns));
END $$;

SELECT modify_f.make('t', 'a int NOT NULL, b text, "C d" numeric(8,2), e timestamptz DEFAULT ''2020-01-01 00:00+00'', f int[]',
    ', PRIMARY KEY (a), CHECK (a < 1000)');

-- ---- INSERT ----
SELECT modify_f.changes(
    $$INSERT INTO t VALUES (1, 'one', 1.5, '2001-02-03 04:05:06.789+02', '{1,NULL,3}')$$,
    $$INSERT INTO t (a) VALUES (2)$$,
    $$INSERT INTO t SELECT i, 'n' || i, i / 3.0, date '2024-02-28' + i, array[i] FROM generate_series(3, 40) i$$,
    $$INSERT INTO t VALUES (41, 'x', 2.345) RETURNING *$$,
    $$INSERT INTO t VALUES (42, E'back\\slash "quote" ''single'' ä', 0), (43, '', NULL) RETURNING b, "C d" + 1, a % 2$$,
    $$INSERT INTO t VALUES (44) RETURNING 1$$,
    $$INSERT INTO t VALUES (1, 'again')$$,
    $$INSERT INTO t VALUES (45), (46), (1), (47)$$,
    $$INSERT INTO t VALUES (2000, 'too large')$$,
    $$INSERT INTO t VALUES (NULL, 'null')$$,
    $$INSERT INTO t VALUES (48, 'x', 1234567.8)$$,
    $$INSERT INTO t VALUES (1, 'again') ON CONFLICT DO NOTHING$$,
    $$INSERT INTO t VALUES (1, 'again'), (49, 'new'), (2, 'again') ON CONFLICT DO NOTHING$$,
    $$INSERT INTO t VALUES (1, 'again'), (50, 'new') ON CONFLICT DO NOTHING RETURNING a, b$$);
-- what core refuses for foreign tables
INSERT INTO modify_f.t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 'x';
INSERT INTO modify_f.t VALUES (1) ON CONFLICT (a) DO NOTHING;

-- ---- UPDATE and DELETE: random() keeps them here ----
SELECT modify_f.changes(
    $$UPDATE t SET b = b || '!' WHERE a < 5 AND random() < 2$$,
    $$UPDATE t SET b = NULL, f = f || a, "C d" = -"C d" WHERE a BETWEEN 5 AND 9 AND random() < 2 RETURNING *$$,
    $$UPDATE t SET a = a + 100 WHERE a > 45 AND random() < 2 RETURNING a$$,
    $$UPDATE t SET a = 1 WHERE a = 2 AND random() < 2$$,
    $$UPDATE t SET a = a + 990 WHERE a BETWEEN 8 AND 12 AND random() < 2$$,
    $$UPDATE t SET b = 'none' WHERE a = -1 AND random() < 2$$,
    $$UPDATE t SET (b, "C d") = (SELECT 'sub', t.a) WHERE a = 3 AND random() < 2$$,
    $$UPDATE t SET b = DEFAULT, e = DEFAULT WHERE a = 4 AND random() < 2 RETURNING b, e$$,
    $$DELETE FROM t WHERE a = 10 AND random() < 2 RETURNING a, b$$,
    $$DELETE FROM t WHERE a % 7 = 0 AND random() < 2$$,
    $$DELETE FROM t WHERE a = -1 AND random() < 2$$);
-- with system columns of its own, and with a row of a join more than once
SELECT modify_f.make('u', 'k int, v int');
SELECT modify_f.changes(
    $$INSERT INTO u SELECT i % 4, i FROM generate_series(0, 11) i$$,
    $$UPDATE t SET b = 'joined' FROM (SELECT DISTINCT k FROM u WHERE random() < 2) x WHERE t.a = x.k$$,
    $$UPDATE t SET b = 'often' FROM u WHERE t.a = u.k AND random() < 2$$,
    $$DELETE FROM t USING u WHERE t.a = u.k AND u.v > 8 AND random() < 2$$,
    $$DELETE FROM t WHERE EXISTS (SELECT FROM u WHERE u.v = t.a AND random() < 2) RETURNING a$$);
UPDATE modify_f.t SET b = 'system' WHERE xmax = 0 AND a = 12 RETURNING a, b, xmax;
UPDATE modify_f.t SET b = 'system' WHERE xmax = 0 AND xmin = 0 AND a = 12 RETURNING a;
DELETE FROM modify_f.t WHERE xmax = 0 AND xmin = 0 AND cmax = '0';
UPDATE modify_r.t SET b = 'system' WHERE a = 12;

-- ---- commands within one statement ----
SELECT modify_f.changes(
    $$WITH i AS (INSERT INTO u VALUES (90, 1), (91, 2) RETURNING k) UPDATE t SET b = 'with' FROM i WHERE t.a = i.k - 75 AND random() < 2$$,
    $$WITH d AS (DELETE FROM u WHERE v > 9 AND random() < 2 RETURNING k, v) INSERT INTO u SELECT k + 50, v + 50 FROM d$$,
    $$INSERT INTO u SELECT k + 20, v FROM u WHERE k < 2$$);
BEGIN;
INSERT INTO modify_f.u VALUES (200, 1);
SAVEPOINT s;
INSERT INTO modify_f.u VALUES (201, 1);
UPDATE modify_f.u SET v = 2 WHERE k = 200 AND random() < 2;
ROLLBACK TO s;
INSERT INTO modify_f.u VALUES (202, 1);
SELECT * FROM modify_f.u WHERE k >= 200 ORDER BY k;
ROLLBACK;
SELECT * FROM modify_w.u WHERE k >= 200;

-- ---- generated and identity columns, defaults ----
SELECT modify_f.make('g', 'a int, b int GENERATED ALWAYS AS (a * 2) STORED, c int');
SELECT modify_f.make('i', 'id int GENERATED BY DEFAULT AS IDENTITY, b text', '', 'id int, b text');
SELECT modify_f.changes(
    $$INSERT INTO g (a, c) VALUES (1, 1), (2, 2)$$,
    $$INSERT INTO g (a, b) VALUES (3, DEFAULT) RETURNING *$$,
    $$INSERT INTO g (a, b) VALUES (3, 3)$$,
    $$UPDATE g SET a = a + 10 WHERE random() < 2 AND a < 3 RETURNING *$$,
    $$UPDATE g SET c = 5 WHERE random() < 2$$,
    $$INSERT INTO i VALUES (7, 'seven') RETURNING id$$);

-- ---- triggers of the remote: they may change rows, or skip them ----
CREATE FUNCTION modify_f.odd() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RETURN CASE WHEN OLD.k % 2 = 1 THEN OLD END;
    END IF;
    NEW.v := NEW.v * 10;
    RETURN CASE WHEN NEW.k % 2 = 1 THEN NEW END;
END $$;
CREATE TRIGGER odd BEFORE INSERT OR UPDATE OR DELETE ON modify_w.u FOR EACH ROW EXECUTE FUNCTION modify_f.odd();
CREATE TRIGGER odd BEFORE INSERT OR UPDATE OR DELETE ON modify_r.u FOR EACH ROW EXECUTE FUNCTION modify_f.odd();
SELECT modify_f.changes(
    $$INSERT INTO u SELECT i, i FROM generate_series(100, 110) i$$,
    $$INSERT INTO u VALUES (111, 1), (112, 1), (113, 1) RETURNING k, v$$,
    $$UPDATE u SET v = v + 1 WHERE k >= 90 AND random() < 2$$,
    $$UPDATE u SET v = v + 1 WHERE k >= 100 AND random() < 2 RETURNING *$$,
    $$DELETE FROM u WHERE k >= 105 AND random() < 2$$,
    $$DELETE FROM u WHERE k >= 100 AND random() < 2 RETURNING k$$);
DROP TRIGGER odd ON modify_w.u;
DROP TRIGGER odd ON modify_r.u;

-- ---- triggers of the foreign table ----
CREATE FUNCTION modify_f.watch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM %I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME) INTO n;
    IF TG_LEVEL = 'STATEMENT' THEN
        RAISE NOTICE '% % %, % rows', TG_NAME, TG_WHEN, TG_OP, n;
        RETURN NULL;
    END IF;
    RAISE NOTICE '% % % %, % rows', TG_NAME, TG_WHEN, TG_OP, concat_ws(' -> ', OLD::text, NEW::text), n;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    NEW.c := coalesce(NEW.c, 0) + 1;
    RETURN NEW;
END $$;
CREATE TRIGGER b BEFORE INSERT OR UPDATE OR DELETE ON modify_f.g FOR EACH ROW EXECUTE FUNCTION modify_f.watch();
CREATE TRIGGER s AFTER INSERT OR UPDATE OR DELETE ON modify_f.g FOR EACH STATEMENT EXECUTE FUNCTION modify_f.watch();
INSERT INTO modify_f.g (a) VALUES (21), (22);
UPDATE modify_f.g SET a = a + 1 WHERE a > 20;
DELETE FROM modify_f.g WHERE a = 23;
CREATE TRIGGER a AFTER INSERT OR UPDATE OR DELETE ON modify_f.g FOR EACH ROW EXECUTE FUNCTION modify_f.watch();
INSERT INTO modify_f.g (a) VALUES (31), (32);
UPDATE modify_f.g SET a = a + 1 WHERE a > 30;
DELETE FROM modify_f.g WHERE a = 33;
SELECT * FROM modify_w.g ORDER BY a;
SET client_min_messages = warning;
DROP FUNCTION modify_f.watch CASCADE;
RESET client_min_messages;
TRUNCATE modify_r.g;
INSERT INTO modify_r.g (a, c) SELECT a, c FROM modify_w.g;

-- ---- WITH CHECK OPTION looks at what the remote has made of the row ----
CREATE VIEW modify_f.checked AS SELECT * FROM modify_f.u WHERE v < 100 WITH CHECK OPTION;
CREATE VIEW modify_r.checked AS SELECT * FROM modify_r.u WHERE v < 100 WITH CHECK OPTION;
CREATE TRIGGER odd BEFORE INSERT OR UPDATE OR DELETE ON modify_w.u FOR EACH ROW EXECUTE FUNCTION modify_f.odd();
CREATE TRIGGER odd BEFORE INSERT OR UPDATE OR DELETE ON modify_r.u FOR EACH ROW EXECUTE FUNCTION modify_f.odd();
SELECT modify_f.changes(
    $$INSERT INTO checked VALUES (301, 9)$$,
    $$INSERT INTO checked VALUES (302, 9)$$,
    $$INSERT INTO checked VALUES (303, 10)$$,
    $$UPDATE checked SET v = 5 WHERE k = 301 AND random() < 2$$,
    $$UPDATE checked SET v = 11 WHERE k = 301 AND random() < 2$$);

-- ---- partitions that are foreign tables: one of them has triggers for rows ----
CREATE FUNCTION modify_f.make_routed(side text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('search_path', 'modify_' || side, true);
    CREATE TABLE routed (k int, v text) PARTITION BY RANGE (k);
    IF side = 'f' THEN
        CREATE FOREIGN TABLE routed1 PARTITION OF routed FOR VALUES FROM (0) TO (10) SERVER modify_server OPTIONS (schema_name 'modify_w');
        CREATE FOREIGN TABLE routed2 PARTITION OF routed FOR VALUES FROM (10) TO (20) SERVER modify_server OPTIONS (schema_name 'modify_w');
    ELSE
        CREATE TABLE routed1 PARTITION OF routed FOR VALUES FROM (0) TO (10);
        CREATE TABLE routed2 PARTITION OF routed FOR VALUES FROM (10) TO (20);
    END IF;
    CREATE TABLE routed3 PARTITION OF routed FOR VALUES FROM (20) TO (30);
END $$;
SELECT modify_f.make_routed('f');
SELECT modify_f.make_routed('r');
CREATE TABLE modify_w.routed1 (k int CHECK (k BETWEEN 0 AND 9), v text);
CREATE TABLE modify_w.routed2 (k int CHECK (k BETWEEN 10 AND 19), v text);
CREATE FUNCTION modify_f.tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE '% % %', TG_TABLE_NAME, TG_OP, concat_ws(' -> ', OLD::text, NEW::text);
    RETURN NULL;
END $$;
CREATE TRIGGER t AFTER DELETE ON modify_f.routed2 FOR EACH ROW EXECUTE FUNCTION modify_f.tell();
SELECT modify_f.changes(
    $$INSERT INTO routed SELECT i, 'v' || i FROM generate_series(0, 29, 2) i$$,
    $$INSERT INTO routed VALUES (1, 'a'), (11, 'b'), (21, 'c') RETURNING k, v$$,
    $$INSERT INTO routed VALUES (31, 'x')$$,
    $$UPDATE routed SET v = v || '!' WHERE random() < 2 AND k % 4 = 0$$,
    $$UPDATE routed SET v = v || '!' WHERE random() < 2 AND k % 4 = 0 RETURNING *$$,
    $$DELETE FROM routed WHERE random() < 2 AND k % 6 = 0$$,
    $$DELETE FROM routed WHERE random() < 2 AND k % 10 = 2 RETURNING *$$);
-- rows that move: from here to there, but not from there, nor to where they are changed, too
SELECT modify_f.changes(
    $$UPDATE routed SET k = k - 15 WHERE k = 21 AND v < 'x'$$,
    $$INSERT INTO routed VALUES (25, 'moves')$$,
    $$UPDATE routed3 SET v = 'moved' WHERE k = 25 AND random() < 2$$);
UPDATE modify_f.routed SET k = 15 WHERE k = 25;
UPDATE modify_f.routed SET k = 15 WHERE k = 4 AND random() < 2;
SELECT tableoid::regclass, * FROM modify_f.routed WHERE k IN (4, 15, 25);
COPY modify_f.routed FROM stdin;
3	copied
13	copied
23	copied
\.
COPY modify_f.routed FROM stdin;
5	copied
45	copied
\.
SELECT tableoid::regclass, * FROM modify_f.routed WHERE v = 'copied' ORDER BY k;
\set VERBOSITY terse
COPY modify_f.t (a, b) FROM stdin;
500	copied
12	again
501	copied
\.
\set VERBOSITY default
COPY modify_f.t (a, b) FROM stdin;
500	copied
501	copied
\.
SELECT a, b, e = '2020-01-01 00:00+00' AS has_default FROM modify_w.t WHERE a >= 500 ORDER BY a;
DELETE FROM modify_w.t WHERE a >= 500;

-- ---- a remote table in parts: rows of several have the same ctid ----
CREATE FUNCTION modify_f.make_parts(side text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('search_path', 'modify_' || side, true);
    CREATE TABLE parts (k int, v text) PARTITION BY LIST (k);
    CREATE TABLE parts1 PARTITION OF parts FOR VALUES IN (1);
    CREATE TABLE parts2 PARTITION OF parts FOR VALUES IN (2);
    CREATE TABLE parts3 PARTITION OF parts DEFAULT;
    INSERT INTO parts VALUES (1, 'one'), (2, 'two'), (3, 'three'), (4, 'four');
    CREATE TABLE inh (k int, v text);
    CREATE TABLE inh1 () INHERITS (inh);
    INSERT INTO inh VALUES (1, 'one');
    INSERT INTO inh1 VALUES (2, 'two');
END $$;
SELECT modify_f.make_parts('w');
SELECT modify_f.make_parts('r');
CREATE FOREIGN TABLE modify_f.parts (k int, v text) SERVER modify_server OPTIONS (schema_name 'modify_w');
CREATE FOREIGN TABLE modify_f.inh (k int, v text) SERVER modify_server OPTIONS (schema_name 'modify_w');
SELECT modify_f.changes(
    $$UPDATE parts SET v = v || '!' WHERE k = 1 AND random() < 2$$,
    $$UPDATE parts SET k = k + 1 WHERE k < 3 AND random() < 2 RETURNING *$$,
    $$DELETE FROM parts WHERE v = 'two' AND random() < 2$$,
    $$UPDATE inh SET v = v || '!' WHERE k = 2 AND random() < 2$$,
    $$DELETE FROM inh WHERE k = 1 AND random() < 2$$);
SELECT name, modify_f.content('w', name) = modify_f.content('r', name) AS same
    FROM unnest('{t,u,g,i,parts,inh}'::text[]) name;

-- ---- rows that are known by a key ----
CREATE VIEW modify_w.seen AS SELECT a, b, "C d" FROM modify_w.t WHERE a < 100;
CREATE VIEW modify_r.seen AS SELECT a, b, "C d" FROM modify_r.t WHERE a < 100;
CREATE FOREIGN TABLE modify_f.seen (x int OPTIONS (column_name 'a', key 'true'), b text, "C d" numeric(8,2))
    SERVER modify_server OPTIONS (schema_name 'modify_w');
CREATE FOREIGN TABLE modify_f.unkeyed (a int, b text) SERVER modify_server OPTIONS (schema_name 'modify_w', table_name 'seen');
SELECT compare.plan('modify', $$UPDATE seen SET x = x + 1 WHERE b = 'n16' AND random() < 2$$);
UPDATE modify_f.seen SET b = 'by key' WHERE x = 16 AND random() < 2 RETURNING *;
UPDATE modify_f.seen SET x = 61 WHERE x = 16 AND random() < 2;
DELETE FROM modify_f.seen WHERE x = 61 AND random() < 2 RETURNING *;
INSERT INTO modify_f.seen VALUES (62, 'inserted');
UPDATE modify_f.unkeyed SET b = 'x' WHERE a = 17 AND random() < 2;
-- not unique: an error, and nothing is changed
DROP TRIGGER odd ON modify_w.u;
CREATE FOREIGN TABLE modify_f.wrong (k int OPTIONS (key 'true'), v int) SERVER modify_server OPTIONS (schema_name 'modify_w', table_name 'u');
UPDATE modify_f.wrong SET v = 0 WHERE k = 1 AND random() < 2;
INSERT INTO modify_w.u VALUES (NULL, 1);
DELETE FROM modify_f.wrong WHERE k IS NULL AND random() < 2;

-- ---- plans ----
SELECT compare.plan('modify', $$INSERT INTO g (a) VALUES (1) RETURNING b$$);
SELECT compare.plan('modify', $$DELETE FROM t WHERE a = 1 AND random() < 2$$);
SELECT plan FROM compare.plan('modify', $$UPDATE t SET b = 'often' FROM u WHERE t.a = u.k AND random() < 2$$) plan WHERE plan ~ 'r1.ctid|SQL: UPDATE';

-- ---- who looks in between ----
CREATE FUNCTION modify_f.seen_rows() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM modify_f.i); END';
INSERT INTO modify_f.i SELECT n, modify_f.seen_rows()::text FROM generate_series(20, 23) n;
SELECT * FROM modify_w.i ORDER BY id;
CREATE UNIQUE INDEX ON modify_w.i (id);
DO $$
DECLARE
    n bigint;
BEGIN
    FOR k IN 22..25 LOOP
        BEGIN
            INSERT INTO modify_f.i VALUES (k, 'k' || k);
            GET DIAGNOSTICS n = ROW_COUNT;
            RAISE NOTICE '%: % rows, found %', k, n, FOUND;
        EXCEPTION WHEN unique_violation THEN
            RAISE NOTICE '%: %', k, SQLERRM;
        END;
    END LOOP;
END $$;
PREPARE change(int, text) AS UPDATE modify_f.i SET b = $2 WHERE id = $1 AND random() < 2;
EXECUTE change(20, '1');
EXECUTE change(20, '2');
EXECUTE change(20, '3');
EXECUTE change(20, '4');
EXECUTE change(20, '5');
EXECUTE change(20, '6');
EXECUTE change(20, '7');
DEALLOCATE change;
SELECT * FROM modify_w.i ORDER BY id;

-- ---- a foreign table below a local one, and one without columns ----
CREATE TABLE modify_f.parent (id int, b text);
INSERT INTO modify_f.parent VALUES (20, 'here'), (500, 'here');
ALTER FOREIGN TABLE modify_f.i INHERIT modify_f.parent;
UPDATE modify_f.parent SET b = b || '!' WHERE random() < 2 AND id IN (20, 21, 500) RETURNING tableoid::regclass, *;
UPDATE modify_f.parent p SET b = 'joined' FROM (VALUES (21), (500)) v (x) WHERE p.id = v.x AND random() < 2;
DELETE FROM modify_f.parent WHERE random() < 2 AND id < 23;
SELECT tableoid::regclass, * FROM modify_f.parent ORDER BY 1, 2;
CREATE TABLE modify_w.empty ();
CREATE FOREIGN TABLE modify_f.empty () SERVER modify_server OPTIONS (schema_name 'modify_w');
INSERT INTO modify_f.empty DEFAULT VALUES;
INSERT INTO modify_f.empty SELECT FROM generate_series(1, 3);
SELECT count(*) FROM modify_w.empty;

-- ---- what is not allowed ----
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM modify_f.i;
FETCH c;
UPDATE modify_f.i SET b = 'current' WHERE CURRENT OF c;
ROLLBACK;
CREATE TRIGGER transition AFTER UPDATE ON modify_f.parent REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION modify_f.tell();
UPDATE modify_f.parent SET b = 'x' WHERE random() < 2;
DROP TRIGGER transition ON modify_f.parent;
ALTER FOREIGN TABLE modify_f.u OPTIONS (ADD updatable 'false');
INSERT INTO modify_f.u VALUES (1, 1);
UPDATE modify_f.u SET k = 1;
DELETE FROM modify_f.u;
ALTER SERVER modify_server OPTIONS (ADD updatable 'false');
ALTER FOREIGN TABLE modify_f.u OPTIONS (SET updatable 'true');
INSERT INTO modify_f.u VALUES (401, 1);
INSERT INTO modify_f.t VALUES (401);
SELECT relname, pg_relation_is_updatable(oid, false) FROM pg_class WHERE relnamespace = 'modify_f'::regnamespace AND relkind = 'f' ORDER BY 1;
BEGIN READ ONLY;
INSERT INTO modify_f.u VALUES (402, 1);
ROLLBACK;

SET client_min_messages = warning;
DROP SCHEMA modify_f, modify_w, modify_r CASCADE;
DROP SERVER modify_server CASCADE;
