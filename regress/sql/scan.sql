--
-- Scans: which columns, how often, and how many at a time.
--
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgwire_fdw;
DROP SCHEMA IF EXISTS scan CASCADE;
DROP SERVER IF EXISTS scan_srv CASCADE;
DROP SERVER IF EXISTS scan_small CASCADE;
DROP SERVER IF EXISTS scan_two CASCADE;
DROP ROLE IF EXISTS regress_pgwire_scan;
RESET client_min_messages;
-- of tables one by one; query.sql is about all at once
SET pgwire_fdw.ship_queries = off; SET pgwire_fdw.ship_upper = off;
CREATE SCHEMA scan;
SET search_path = scan, public;
CREATE FUNCTION scan.loopback(server name, more text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    dir text := split_part(current_setting('unix_socket_directories'), ',', 1);
BEGIN
    EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (host %L, port %L, dbname %L%s)',
        server, coalesce(nullif(trim(dir), ''), 'localhost'), current_setting('port'), current_database(), more);
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER %I OPTIONS (user %L)', server, current_user);
END $$;
SELECT loopback('scan_srv'), loopback('scan_small', ', fetch_memory ''64kB'''), loopback('scan_two');

CREATE TABLE t (id int PRIMARY KEY, v text, n numeric, gone int, grp int);
INSERT INTO t SELECT g, CASE WHEN g % 10 > 0 THEN 'value ' || g END, g / 4.0, g, g % 7 FROM generate_series(1, 1000) g;
ALTER TABLE t DROP gone;
ANALYZE t;

-- ===================================================================
-- columns
-- ===================================================================
CREATE FOREIGN TABLE ft (dropped int, "other name" int OPTIONS (column_name 'id'), grp int, v text, n numeric)
    SERVER scan_srv OPTIONS (table_name 't');
ALTER FOREIGN TABLE ft DROP dropped;
EXPLAIN (VERBOSE, COSTS OFF) SELECT v FROM ft WHERE grp = 3;
EXPLAIN (VERBOSE, COSTS OFF) SELECT count(*) FROM ft;
EXPLAIN (VERBOSE, COSTS OFF) SELECT ft FROM ft;
EXPLAIN (VERBOSE, COSTS OFF) SELECT ctid, tableoid::regclass FROM ft;
EXPLAIN (VERBOSE, COSTS OFF) SELECT 1 FROM ft WHERE length(v) + random() > 0;
SELECT count(*) FROM ft;
SELECT count(*) FROM ft WHERE random() >= 0;
SELECT * FROM ft ORDER BY 1 LIMIT 2;
SELECT ft, ft.v, "other name" FROM ft WHERE "other name" IN (10, 11) ORDER BY "other name";
SELECT ft IS NULL AS isnull, (ft).grp, row_to_json(ft) FROM ft WHERE "other name" = 10;
ALTER FOREIGN TABLE ft RENAME grp TO g;
ALTER FOREIGN TABLE ft ALTER g OPTIONS (ADD column_name 'grp');
ALTER TABLE t RENAME v TO "V v";
ALTER FOREIGN TABLE ft ALTER v OPTIONS (ADD column_name 'V v');
SELECT ft FROM ft WHERE g = 0 AND v LIKE '%1' ORDER BY 1 LIMIT 2;
ALTER FOREIGN TABLE ft ADD late int DEFAULT 5;
SELECT late FROM ft LIMIT 1;
ALTER TABLE t ADD late bigint DEFAULT 77;
SELECT late, v FROM ft WHERE "other name" = 1;
ALTER FOREIGN TABLE ft ADD no_such_column text;
SELECT "other name" FROM ft WHERE "other name" = 3;
SELECT no_such_column FROM ft;
ALTER FOREIGN TABLE ft DROP no_such_column;
SELECT "other name" FROM ft WHERE "other name" = 4;
-- column names and table names that need quotes, other columns first
CREATE TABLE "Some ""quoted"" one" ("a b" int, "select" text, "ü" int);
INSERT INTO "Some ""quoted"" one" VALUES (1, 'one', 11);
CREATE FOREIGN TABLE "quoted here" ("ü" int, "select" text, "a b" int) SERVER scan_srv OPTIONS (table_name 'Some "quoted" one');
SELECT * FROM "quoted here" WHERE "select" = 'one';
SELECT * FROM "quoted here" q (a, b, c) WHERE c = 1 AND a > 10;
-- generated columns, here and there
CREATE TABLE gen (a int, b int GENERATED ALWAYS AS (a * 2) STORED);
INSERT INTO gen VALUES (1), (NULL);
CREATE FOREIGN TABLE fgen (a int, b int GENERATED ALWAYS AS (a * 3) STORED) SERVER scan_srv OPTIONS (table_name 'gen');
SELECT * FROM fgen ORDER BY a;
-- no rows, no columns
CREATE TABLE empty (a int, b text);
CREATE FOREIGN TABLE fempty (a int, b text) SERVER scan_srv OPTIONS (table_name 'empty');
SELECT *, fempty FROM fempty;
SELECT count(*), max(a), string_agg(b, ',') FROM fempty;
CREATE TABLE nocol ();
INSERT INTO nocol DEFAULT VALUES; INSERT INTO nocol DEFAULT VALUES;
CREATE FOREIGN TABLE fnocol () SERVER scan_srv OPTIONS (table_name 'nocol');
SELECT * FROM fnocol;
SELECT count(*), count(fnocol) FROM fnocol;
SELECT fnocol, tableoid::regclass FROM fnocol;
CREATE FOREIGN TABLE fnone () SERVER scan_srv OPTIONS (table_name 't');
SELECT count(*) FROM fnone;

-- ===================================================================
-- system columns, whole rows
-- ===================================================================
SELECT f.tableoid::regclass, t.ctid = f.ctid AS ctid, f.xmin, f.xmax, f.cmin, f.cmax FROM ft f JOIN t ON t.id = f."other name" WHERE f."other name" < 3 ORDER BY f."other name";
SELECT count(*) FROM ft WHERE ctid = (SELECT ctid FROM t WHERE id = 5);
SELECT "other name" FROM ft WHERE ctid = ANY (ARRAY(SELECT ctid FROM t WHERE id IN (5, 900))) ORDER BY 1;
SELECT f.tableoid = 'ft'::regclass AS oid, f.ctid = t.ctid AS tid, f FROM t JOIN ft f ON t.id = f."other name" WHERE t.id = 100;
SELECT count(*), count(DISTINCT ctid), min(xmin::text), bool_and(x IS NOT NULL) FROM (SELECT f.ctid, f.xmin, f AS x FROM ft f OFFSET 0) s;
SELECT count(*) FROM ft a JOIN ft b ON a = b;

-- ===================================================================
-- views, partitions, inheritance
-- ===================================================================
CREATE VIEW v AS SELECT id, count(*) OVER () AS total FROM t WHERE id <= 5;
CREATE FOREIGN TABLE fv (id int, total bigint) SERVER scan_srv OPTIONS (table_name 'v');
SELECT * FROM fv WHERE id = 2;
CREATE TABLE p (k int, w text) PARTITION BY LIST (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE TABLE p2 (w text, k int); -- other order
ALTER TABLE p ATTACH PARTITION p2 FOR VALUES IN (2);
INSERT INTO p VALUES (1, 'one'), (2, 'two'), (2, 'zwei');
CREATE FOREIGN TABLE fp (k int, w text) SERVER scan_srv OPTIONS (table_name 'p');
SELECT tableoid::regclass, * FROM fp ORDER BY k, w;
CREATE TABLE here (k int, w text) PARTITION BY LIST (k);
CREATE FOREIGN TABLE here1 PARTITION OF here FOR VALUES IN (1) SERVER scan_srv OPTIONS (table_name 'p1');
CREATE FOREIGN TABLE here2 (w text, k int) SERVER scan_two OPTIONS (table_name 'p2');
ALTER TABLE here ATTACH PARTITION here2 FOR VALUES IN (2);
CREATE TABLE here3 PARTITION OF here FOR VALUES IN (3);
INSERT INTO here3 VALUES (3, 'local');
SELECT tableoid::regclass, here FROM here ORDER BY k, w;
SELECT * FROM here WHERE k = 2 ORDER BY w;
SELECT a.w, b.w FROM here a JOIN here b USING (k) ORDER BY 1, 2;
CREATE TABLE parent (id int, v text);
INSERT INTO parent VALUES (0, 'parent');
CREATE FOREIGN TABLE child (extra numeric OPTIONS (column_name 'n')) INHERITS (parent) SERVER scan_srv OPTIONS (table_name 't');
ALTER FOREIGN TABLE child ALTER v OPTIONS (ADD column_name 'V v');
SELECT tableoid::regclass, * FROM parent WHERE id < 3 ORDER BY id;
SELECT parent.tableoid::regclass, c.extra, parent FROM parent JOIN child c USING (id) WHERE id = 7;

-- ===================================================================
-- parameters
-- ===================================================================
CREATE TYPE colour AS ENUM ('red', 'green''ish', '"blue"');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE pair AS (a int, b text);
CREATE TABLE kinds (id int, b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric, t text, vc varchar(20), c char(5), nm name,
    ch "char", by bytea, d date, ti time, tz timetz, ts timestamp, tstz timestamptz, iv interval, u uuid, o oid, jb jsonb, ine inet, ci cidr,
    mac macaddr, bi bit(5), vb varbit, col colour, pos positive, pr pair, r int4range, nr numrange, pt point, ia int[], ta text[], na numeric[], tsa timestamptz[],
    fa float8[], bya bytea[], ca colour[], x8 xid8, ivr interval[], nma name[], "select" text);
INSERT INTO kinds VALUES (1, true, 7, -7, 9223372036854775807, 0.1, 0.30000000000000004, 1.50, E'it''s \\ é\n', 'vc  ', 'c', 'na"me', 'x', '\x00ff5c27',
    '0044-03-15 BC', '24:00', '12:00:00.123456-03:30', '1999-01-02 03:04:05.678901', '2001-02-03 04:05:06.000007+00', '1 year -2 days 03:04:05.5',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 4294967295, '{"a": [1, null, "x"]}', '10.1.2.3/8', '10.0.0.0/8', '08:00:2b:01:02:03', '10101', '1', 'green''ish', 5,
    '(1,"a, b")', '[1,5)', '[0.1,2.5)', '(0.1,-2)', '{1,NULL,3}', '{"a b",NULL,"","\"q\\"}', '{1.50,NaN}', '{"2001-02-03 04:05:06+00",infinity}',
    '{0.1,NaN,-Infinity}', '{"\\x00ff",""}', '{red,"\"blue\""}', '18446744073709551615', '{"-1 mons +2 days"}', '{a,"b c"}', 'reserved');
INSERT INTO kinds (id) VALUES (2);
CREATE TABLE kinds_here AS SELECT * FROM kinds WHERE id = 1;
SET DateStyle = ISO;
CREATE TABLE literals AS SELECT key AS attname, quote_literal(value) AS lit FROM kinds_here k, LATERAL jsonb_each_text(to_jsonb(k));
DO $$
DECLARE a name;
BEGIN
    -- as the type prints it, not JSON
    FOR a IN SELECT attname FROM literals LOOP
        EXECUTE format('UPDATE literals SET lit = (SELECT quote_literal(format(''%%s'', %I)) FROM kinds_here) WHERE attname = %L', a, a);
    END LOOP;
END $$;
RESET DateStyle;
DO $$
DECLARE cols text;
BEGIN
    SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum) INTO cols
        FROM pg_attribute WHERE attrelid = 'kinds'::regclass AND attnum > 0;
    EXECUTE 'CREATE FOREIGN TABLE fkinds (' || cols || ') SERVER scan_srv OPTIONS (table_name ''kinds'')';
END $$;
-- Looks the row up by each column: with a literal, with a parameter of a custom and of a generic plan, as a lateral reference,
-- and by "is not distinct from" with NULL.
CREATE FUNCTION scan.look_up() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    a record; lit text; hit int; op text; n int := 0;
BEGIN
    FOR a IN SELECT attname, format_type(atttypid, atttypmod) AS type, typname FROM pg_attribute JOIN pg_type y ON y.oid = atttypid
             WHERE attrelid = 'kinds'::regclass AND attnum > 1 ORDER BY attnum LOOP
        op := CASE WHEN a.typname = 'point' THEN '~=' ELSE '=' END;
        SELECT l.lit INTO lit FROM literals l WHERE l.attname = a.attname;
        EXECUTE format('SELECT id FROM fkinds WHERE %I %s %s::%s', a.attname, op, lit, a.type) INTO hit;
        IF hit IS DISTINCT FROM 1 THEN RETURN NEXT a.attname || ': literal'; END IF;
        EXECUTE format('PREPARE look (%s) AS SELECT id FROM fkinds WHERE %I %s $1', a.type, a.attname, op);
        SET LOCAL plan_cache_mode = force_custom_plan;
        EXECUTE format('EXECUTE look (%s)', lit) INTO hit;
        IF hit IS DISTINCT FROM 1 THEN RETURN NEXT a.attname || ': custom plan'; END IF;
        SET LOCAL plan_cache_mode = force_generic_plan;
        FOR i IN 1..3 LOOP
            EXECUTE format('EXECUTE look (%s)', lit) INTO hit;
            IF hit IS DISTINCT FROM 1 THEN RETURN NEXT a.attname || ': generic plan'; END IF;
            EXECUTE 'EXECUTE look (NULL)' INTO hit;
            IF hit IS NOT NULL THEN RETURN NEXT a.attname || ': NULL'; END IF;
        END LOOP;
        DEALLOCATE look;
        EXECUTE format('SELECT f.id FROM kinds_here h, LATERAL (SELECT id FROM fkinds f WHERE f.%1$I %2$s h.%1$I OFFSET 0) f', a.attname, op) INTO hit;
        IF hit IS DISTINCT FROM 1 THEN RETURN NEXT a.attname || ': lateral'; END IF;
        IF op = '=' THEN
            EXECUTE format('SELECT f.id FROM (VALUES (NULL::%1$s)) h (v), LATERAL (SELECT id FROM fkinds f WHERE f.%2$I IS NOT DISTINCT FROM h.v OFFSET 0) f', a.type, a.attname) INTO hit;
            IF hit IS DISTINCT FROM 2 THEN RETURN NEXT a.attname || ': not distinct from NULL'; END IF;
            hit := 1;
            IF a.typname NOT LIKE '\_%' THEN
                EXECUTE format('SELECT f.id FROM kinds_here h, LATERAL (SELECT id FROM fkinds f WHERE f.%1$I = ANY (ARRAY[h.%1$I, NULL]) OFFSET 0) f', a.attname) INTO hit;
            END IF;
            IF hit IS DISTINCT FROM 1 THEN RETURN NEXT a.attname || ': any'; END IF;
        END IF;
        n := n + 1;
    END LOOP;
    IF n < 40 THEN RETURN NEXT 'only ' || n || ' columns'; END IF;
    RESET plan_cache_mode;
END $$;
SELECT look_up();
SET DateStyle = 'SQL, DMY'; SET IntervalStyle = iso_8601; SET TimeZone = 'America/St_Johns'; SET extra_float_digits = -5;
SET bytea_output = escape; SET client_encoding = LATIN1;
SELECT look_up();
SET DateStyle = 'Postgres, MDY'; SET IntervalStyle = sql_standard; SET quote_all_identifiers = on; SET extra_float_digits = 1;
SET standard_conforming_strings = off; SET escape_string_warning = off; SET backslash_quote = on; SET transform_null_equals = on; SET array_nulls = on;
SELECT look_up();
RESET ALL; SET search_path = scan, public; SET pgwire_fdw.ship_queries = off; SET pgwire_fdw.ship_upper = off;
-- several, more than once, mixed, and through stable functions
PREPARE several (int, text, int) AS SELECT "other name", v FROM ft WHERE "other name" BETWEEN $1 AND $3 AND (v = $2 OR $2 IS NULL OR "other name" = $1 + 1) ORDER BY 1;
SET plan_cache_mode = force_generic_plan;
EXECUTE several (1, 'value 3', 5);
EXECUTE several (1, NULL, 3);
EXECUTE several (NULL, NULL, 3);
EXECUTE several (1, 'value 5', 5);
RESET plan_cache_mode;
SELECT "other name" FROM ft WHERE v = '' OR v IS NULL AND "other name" = 10;
CREATE FUNCTION scan.five() RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN RETURN 5; END';
CREATE FUNCTION scan.by_query() RETURNS int STABLE LANGUAGE sql AS 'SELECT max("other name") - 990 FROM scan.ft';
EXPLAIN (VERBOSE, COSTS OFF) SELECT v FROM ft WHERE "other name" = five();
SELECT v FROM ft WHERE "other name" = five();
SELECT v FROM ft WHERE "other name" IN (five(), by_query() + 1, (SELECT count(*) FROM ft WHERE g = 2) + 0) ORDER BY n;
SELECT count(*) FROM fkinds WHERE tstz < now() AND ts < now() AND d <= current_date AND (u = gen_random_uuid()) IS NOT TRUE AND id = 1;
SELECT current_setting('TimeZone') = 'x' OR "other name" = 7 AS ok FROM ft WHERE "other name" = length(current_setting('server_version_num')) + 1;

-- ===================================================================
-- the same scan again and again
-- ===================================================================
SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off; SET enable_memoize = off;
SELECT count(*), sum(f."other name") FROM generate_series(1, 300) i JOIN ft f ON f."other name" = i * 2;
SELECT count(*), count(v), sum(length(v)) FROM generate_series(995, 1005) i LEFT JOIN ft f ON f."other name" = i;
SELECT i, (SELECT count(*) FROM ft WHERE "other name" <= i AND i % 2 = 0) FROM generate_series(1, 4) i;
SELECT i, f.* FROM generate_series(3, 1, -1) i, LATERAL (SELECT "other name" AS o, v FROM ft WHERE "other name" % 10 = i ORDER BY 1 DESC LIMIT 2) f;
SELECT count(*) FROM ft a WHERE EXISTS (SELECT FROM ft b WHERE b."other name" = a."other name" + 990);
SELECT count(*) FROM ft a WHERE NOT EXISTS (SELECT FROM ft b WHERE b."other name" = a."other name" * 2 AND b.v IS NOT NULL) AND a."other name" <= 20;
-- two scans of one server under one another: the inner statement starts while rows of the outer are unread
SELECT count(*), sum(a."other name"), sum(b."other name") FROM ft a JOIN ft b ON a.g = b.g AND a."other name" < b."other name" WHERE a."other name" <= 200;
SELECT count(*), sum(a.id), sum(b.id), sum(c.id) FROM t a JOIN t b ON a.grp = b.grp JOIN t c ON c.id = b.id + 1 WHERE a.id < 50 AND b.id < 50;
SELECT count(*), sum(a."other name"), sum(b."other name"), sum(c."other name") FROM ft a JOIN ft b ON a.g = b.g JOIN ft c ON c."other name" = b."other name" + 1
    WHERE a."other name" < 50 AND b."other name" < 50;
RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_material; RESET enable_memoize;
WITH RECURSIVE walk (id, depth) AS (
    SELECT "other name", 1 FROM ft WHERE "other name" = 1
    UNION ALL SELECT f."other name", depth + 1 FROM walk w JOIN ft f ON f."other name" = w.id * 2 WHERE depth < 20)
SELECT count(*), max(id), max(depth) FROM walk;
SELECT count(*) FROM (SELECT "other name" FROM ft UNION ALL SELECT id FROM t UNION ALL SELECT "other name" + 5000 FROM ft) x;
SELECT count(*) FROM (SELECT "other name" FROM ft INTERSECT SELECT id FROM t EXCEPT SELECT "other name" FROM ft WHERE g = 1) x;

-- ===================================================================
-- rows set aside, in memory and in a file
-- ===================================================================
CREATE VIEW wide AS SELECT g AS id, g % 10 AS k, repeat(md5(g::text), 20) AS w FROM generate_series(1, 3000) g;
CREATE FOREIGN TABLE fwide (id int, k int, w text) SERVER scan_srv OPTIONS (table_name 'wide');
CREATE FOREIGN TABLE fwide_small (id int, k int, w text) SERVER scan_small OPTIONS (table_name 'wide');
CREATE FOREIGN TABLE ft_small (id int, v text OPTIONS (column_name 'V v')) SERVER scan_small OPTIONS (table_name 't');
CREATE FUNCTION scan.value_of(i int) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT v FROM scan.ft WHERE "other name" = i); END';
CREATE FUNCTION scan.value_small(i int) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT v FROM scan.ft_small WHERE id = i); END';
CREATE FUNCTION scan.check_wide(query text) RETURNS TABLE (rows bigint, good bigint) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE 'SELECT count(*), count(*) FILTER (WHERE w = repeat(md5(id::text), 20)) FROM (' || query || ') q';
END $$;
SELECT * FROM check_wide('SELECT id, w, value_of(id % 1000 + 1) AS v FROM fwide OFFSET 0');
SELECT * FROM check_wide('SELECT id, w, value_small(id % 1000 + 1) AS v FROM fwide_small OFFSET 0');
SELECT count(*), sum(length(v)) FROM (SELECT id, w, value_small(id % 1000 + 1) AS v FROM fwide_small OFFSET 0) q;
SELECT sum(length("V v")) * 3 FROM t;
SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off;
SELECT * FROM check_wide('SELECT a.id, a.w || substr(b.w, 1, 0) AS w FROM fwide_small a JOIN fwide_small b ON a.id = b.id + 1 AND a.k = 3 OFFSET 0');
RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_material;

-- ===================================================================
-- cursors and loops
-- ===================================================================
BEGIN;
DECLARE a CURSOR FOR SELECT id, left(w, 4) FROM fwide_small;
DECLARE b CURSOR FOR SELECT id, left(w, 4) FROM fwide_small WHERE k = 5;
DECLARE c SCROLL CURSOR FOR SELECT "other name", v FROM ft;
DECLARE h CURSOR WITH HOLD FOR SELECT id, left(w, 4) FROM fwide WHERE id % 1000 = 1;
FETCH 2 FROM a;
FETCH 2 FROM b;
FETCH 2 FROM a;
FETCH 2 FROM c;
MOVE 2000 IN a;
FETCH 1 FROM a;
FETCH 1 FROM b;
FETCH BACKWARD 1 FROM c;
FETCH LAST FROM c;
FETCH ABSOLUTE 3 FROM c;
SELECT count(*) FROM fwide_small;
FETCH 1 FROM a;
FETCH 1 FROM h;
CLOSE a;
MOVE 500 IN b;
FETCH 1 FROM b;
COMMIT;
FETCH ALL FROM h;
CLOSE h;
DO $$
DECLARE r record; s record; n int := 0; total bigint := 0;
BEGIN
    FOR r IN SELECT id, w FROM fwide_small ORDER BY k LOOP
        n := n + 1;
        IF r.id % 500 = 0 THEN
            FOR s IN SELECT id, w FROM fwide_small WHERE k = 7 LOOP
                total := total + 1;
                EXIT WHEN s.id > 1000;
            END LOOP;
        END IF;
        IF r.w <> repeat(md5(r.id::text), 20) THEN RAISE WARNING 'row % is wrong', r.id; END IF;
    END LOOP;
    RAISE NOTICE '% rows, % in inner loops', n, total;
END $$;
DO $$
DECLARE r record; n int := 0; v text;
BEGIN
    FOR r IN SELECT id, w FROM fwide_small LOOP
        SELECT f.v INTO v FROM ft_small f WHERE f.id = r.id;
        n := n + (r.w = repeat(md5(r.id::text), 20) AND (v = 'value ' || r.id OR r.id % 10 = 0 OR r.id > 1000))::int;
        IF r.id = 2000 THEN EXIT; END IF;
    END LOOP;
    RAISE NOTICE '% of 2000 rows are good', n;
END $$;
-- commit in the middle of a loop
CREATE TABLE log (id int, n bigint);
DO $$
DECLARE r record;
BEGIN
    FOR r IN SELECT id FROM fwide WHERE k = 3 LOOP
        IF r.id % 100 = 3 THEN
            INSERT INTO log SELECT r.id, count(*) FROM ft WHERE "other name" <= r.id;
            COMMIT;
        END IF;
    END LOOP;
END $$;
SELECT count(*), min(id), max(id), sum(n) FROM log;
-- an abandoned statement, then the next one in the same transaction
BEGIN;
SELECT id FROM fwide LIMIT 1;
SELECT count(*) FROM fwide;
SELECT EXISTS (SELECT FROM fwide_small);
SELECT id FROM fwide_small WHERE k = 1 LIMIT 1;
SELECT count(*), max(id) FROM fwide_small;
COMMIT;
SELECT count(*) FROM ft;

-- ===================================================================
-- where rows go
-- ===================================================================
CREATE TABLE copy_of AS SELECT * FROM ft;
SELECT count(*) FROM copy_of c JOIN t ON (t.id, t."V v", t.n, t.grp, t.late) IS NOT DISTINCT FROM (c."other name", c.v, c.n, c.g, c.late);
TRUNCATE copy_of;
INSERT INTO copy_of SELECT * FROM ft WHERE g = 3;
COPY (SELECT "other name", v, n FROM ft WHERE "other name" BETWEEN 9 AND 11 ORDER BY 1) TO STDOUT;
UPDATE copy_of c SET v = upper(f.v) FROM ft f WHERE f."other name" = c."other name" AND f.g = 3 AND f."other name" < 12;
DELETE FROM copy_of c USING ft f WHERE f."other name" = c."other name" AND f.v IS NULL;
SELECT count(*), count(*) FILTER (WHERE v LIKE 'VALUE%') FROM copy_of;
CREATE FUNCTION scan.trig() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.n := (SELECT sum(n) FROM scan.ft WHERE "other name" <= NEW.id); RETURN NEW; END $$;
CREATE TRIGGER trig BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION trig();
INSERT INTO log SELECT "other name" FROM ft WHERE "other name" <= 3 RETURNING *;
CREATE MATERIALIZED VIEW mv AS SELECT g, count(*), sum(n) FROM ft GROUP BY g;
SELECT * FROM mv ORDER BY g LIMIT 2;
SELECT g, count(*), min(v), max(v) FROM ft GROUP BY g HAVING g < 2 ORDER BY g;
SELECT DISTINCT ON (g) g, "other name" FROM ft ORDER BY g, "other name" DESC LIMIT 3;
SELECT g, sum(n) OVER (PARTITION BY g ORDER BY "other name") FROM ft WHERE "other name" < 10 ORDER BY 1, 2 LIMIT 3;

-- ===================================================================
-- EXPLAIN
-- ===================================================================
CREATE FUNCTION scan.explained(options text, query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
    FOR line IN EXECUTE format('EXPLAIN (%s) %s', options, query) LOOP
        RETURN NEXT line;
    END LOOP;
END $$;
-- the nodes of a JSON plan
CREATE FUNCTION scan.foreign_nodes(query text, options text DEFAULT 'ANALYZE, VERBOSE') RETURNS SETOF jsonb LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
    EXECUTE format('EXPLAIN (%s, FORMAT JSON) %s', options, query) INTO plan;
    RETURN QUERY SELECT jsonb_path_query(plan::jsonb, 'strict $.** ? (@."Node Type" == "Foreign Scan")');
END $$;
SELECT regexp_replace(l, '(bytes|batches)=[0-9]+', '\1=N', 'g') FROM explained('ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF', 'SELECT v FROM ft WHERE g = 3') l
    WHERE l !~ 'actual|Planning|Execution|Query Id';
SELECT regexp_replace(regexp_replace(l, ' connect=[0-9.]+ ms', ''), '=[0-9]+(\.[0-9]+)?', '=N', 'g') FROM explained('ANALYZE, COSTS OFF', 'SELECT v FROM ft') l WHERE l ~ 'Remote';
SELECT regexp_replace(regexp_replace(l, ' connect=[0-9.]+ ms', ''), '=[0-9]+(\.[0-9]+)?', '=N', 'g') FROM explained('ANALYZE, COSTS OFF', 'SELECT value_small(id % 1000 + 1), w FROM fwide_small') l WHERE l ~ 'Remote';
SELECT n->'Remote Rows' AS rows, (n->>'Remote Bytes')::int BETWEEN 15000 AND 40000 AS bytes, (n->>'Remote Batches')::int BETWEEN 1 AND 5 AS batches,
    n->'Remote Round Trips' AS trips, (n->>'Remote Connect Time')::float >= 0 AS connect, (n->>'Remote Wait Time')::float >= 0 AS wait, n->>'Remote SQL' AS sql, n->'Remote Set Aside' AS aside
    FROM foreign_nodes('SELECT v FROM ft') n;
SELECT n->>'Remote SQL' AS sql, n ? 'Remote Rows' AS analyzed FROM foreign_nodes('SELECT v FROM ft', 'VERBOSE') n;
SELECT n ? 'Remote Connect Time' AS timing, n ? 'Remote Round Trips' AS trips FROM foreign_nodes('SELECT v FROM ft', 'ANALYZE, VERBOSE, TIMING OFF') n;
-- each execution is a round trip, and never executed is none
SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off; SET enable_memoize = off;
SELECT n->>'Alias' AS alias, n->'Actual Loops' AS loops, n->'Remote Rows' AS rows, n->'Remote Round Trips' AS trips
    FROM foreign_nodes('SELECT * FROM generate_series(1, 5) i, LATERAL (SELECT v FROM ft x WHERE "other name" <= i OFFSET 0) x') n;
-- a type that differs: the statement is sent once more, in this session once for all
SELECT n->'Remote Round Trips' AS trips FROM foreign_nodes('SELECT late, g FROM ft') n;
SELECT n->'Remote Round Trips' AS trips FROM foreign_nodes('SELECT late, g FROM ft') n;
RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_material; RESET enable_memoize;
-- also where the first answer is too long to be read to its end
CREATE VIEW long AS SELECT g AS id, repeat('x', 100) AS pad FROM generate_series(1, 200000) g;
CREATE FOREIGN TABLE flong (id bigint, pad text) SERVER scan_srv OPTIONS (table_name 'long');
SELECT sum(id), count(pad) FROM flong;
BEGIN;
SELECT sum(id), count(pad) FROM flong WHERE id > 1;
SELECT id FROM flong LIMIT 1;
SELECT sum(id), count(pad) FROM flong WHERE id > 1;
COMMIT;
SELECT n->'Remote Round Trips' AS trips FROM foreign_nodes('SELECT id, pad FROM flong') n;
SELECT n->'Remote Rows' AS rows, n->'Remote Round Trips' AS trips, n->'Remote Batches' AS batches FROM foreign_nodes('SELECT * FROM ft LIMIT 0') n;
SELECT (n->>'Remote Set Aside')::int > 1000 AS aside, n->'Remote Rows' AS rows FROM foreign_nodes('SELECT value_small(id % 1000 + 1), w FROM fwide_small') n;
SELECT count(*) FROM explained('ANALYZE, VERBOSE, FORMAT XML', 'SELECT v FROM ft') l WHERE l ~ '<Remote-SQL>SELECT "V v" FROM scan.t</Remote-SQL>' AND l ~ '<Remote-Round-Trips>1</Remote-Round-Trips>';
SELECT count(*) FROM explained('ANALYZE, VERBOSE, FORMAT YAML', 'SELECT v FROM ft') l WHERE l ~ 'Remote SQL: "SELECT \\"V v\\" FROM scan.t"' AND l ~ 'Remote Rows: 1000';
-- EXPLAIN alone connects to nothing
CREATE SERVER scan_nowhere FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (host '127.0.0.1', port '1', connect_timeout '2');
CREATE USER MAPPING FOR CURRENT_USER SERVER scan_nowhere;
CREATE FOREIGN TABLE nowhere (a int) SERVER scan_nowhere;
EXPLAIN (VERBOSE, COSTS OFF) SELECT * FROM nowhere;
SELECT a FROM nowhere LIMIT 0;
SELECT * FROM t LEFT JOIN nowhere ON a = id WHERE false;

-- ===================================================================
-- whose user mapping
-- ===================================================================
CREATE ROLE regress_pgwire_scan NOSUPERUSER LOGIN;
GRANT USAGE ON SCHEMA scan TO regress_pgwire_scan;
CREATE VIEW of_owner AS SELECT "other name" AS id FROM ft WHERE "other name" < 3;
GRANT SELECT ON of_owner, ft TO regress_pgwire_scan;
CREATE FUNCTION scan.of_definer() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN (SELECT count(*) FROM scan.ft); END';
SET ROLE regress_pgwire_scan;
SELECT * FROM of_owner ORDER BY id;
SELECT of_definer();
\set VERBOSITY sqlstate
SELECT count(*) FROM ft;
\set VERBOSITY default
RESET ROLE;
-- with a mapping, but without the password that others than superusers need
DO $$ BEGIN EXECUTE format('CREATE USER MAPPING FOR regress_pgwire_scan SERVER scan_srv OPTIONS (user %L)', current_user); END $$;
SET ROLE regress_pgwire_scan;
SELECT count(*) FROM ft;
SELECT count(*) FROM of_owner;
RESET ROLE;
ALTER USER MAPPING FOR regress_pgwire_scan SERVER scan_srv OPTIONS (ADD password_required 'false');
SET ROLE regress_pgwire_scan;
SELECT count(*) FROM ft;
RESET ROLE;
-- a view of that role uses its mapping, whoever asks
CREATE VIEW of_role AS SELECT count(*) FROM ft;
ALTER VIEW of_role OWNER TO regress_pgwire_scan;
SELECT * FROM of_role;
DROP USER MAPPING FOR regress_pgwire_scan SERVER scan_srv;
\set VERBOSITY sqlstate
SELECT * FROM of_role;
\set VERBOSITY default

-- ===================================================================
-- what the remote says: the name of its server in front, its SQLSTATE kept
-- ===================================================================
CREATE FUNCTION says(what text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE '%: a notice', what USING DETAIL = 'with a detail', HINT = 'and a hint';
    RAISE INFO '%: information', what;
    RAISE WARNING '%: a warning', what;
    RAISE DEBUG '%: for nobody', what;
    RETURN 1;
END $$;
CREATE FUNCTION succeeds(what text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: an error of the class of success', what USING ERRCODE = '00001';
END $$;
CREATE VIEW chatty AS SELECT scan.says('chatty') AS n;
CREATE VIEW odd AS SELECT scan.succeeds('odd') AS n;
CREATE FOREIGN TABLE f_chatty (n int) SERVER scan_srv OPTIONS (table_name 'chatty');
CREATE FOREIGN TABLE f_odd (n int) SERVER scan_srv OPTIONS (table_name 'odd');
SELECT * FROM f_chatty;
\set VERBOSITY sqlstate
SELECT * FROM f_chatty;
SELECT * FROM f_odd;
\set VERBOSITY default

-- ===================================================================
-- clean up
-- ===================================================================
SET client_min_messages = error;
DROP SCHEMA scan CASCADE;
DROP SERVER scan_srv CASCADE;
DROP SERVER scan_small CASCADE;
DROP SERVER scan_two CASCADE;
DROP SERVER scan_nowhere CASCADE;
DROP ROLE regress_pgwire_scan;
