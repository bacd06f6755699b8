--
-- Many rows go by COPY where that does what INSERT would.
--
SET client_min_messages = error;
DROP SCHEMA IF EXISTS bulk CASCADE;
SELECT compare.make_server('bulk_srv');
RESET client_min_messages;
CREATE SCHEMA bulk;
SET search_path = bulk, public;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN small AS int CHECK (VALUE < 100000);
CREATE TABLE t (id int, b bool, s int2, l int8, r float4, d float8, n numeric, txt text, v varchar(40), c char(5), nam name,
    dt date, ts timestamp, tz timestamptz, tm time, iv interval, u uuid, ba bytea, j json, jb jsonb, ia int[], ta text[], na numeric[],
    ip inet, rg int4range, bits varbit, md mood, sm small, ch "char", o oid);
CREATE FOREIGN TABLE f (id int, b bool, s int2, l int8, r float4, d float8, n numeric, txt text, v varchar(40), c char(5), nam name,
    dt date, ts timestamp, tz timestamptz, tm time, iv interval, u uuid, ba bytea, j json, jb jsonb, ia int[], ta text[], na numeric[],
    ip inet, rg int4range, bits varbit, md mood, sm small, ch "char", o oid) SERVER bulk_srv OPTIONS (table_name 't');
CREATE VIEW rows AS SELECT g AS id, g % 2 = 0 AS b, (g % 30000)::int2 AS s, g::int8 * 10000000000 AS l,
    CASE g % 5 WHEN 0 THEN 'NaN' ELSE g / 3.0 END::float4 AS r, CASE g % 7 WHEN 0 THEN '-Infinity' ELSE -g / 7.0 END::float8 AS d,
    CASE g % 11 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-Infinity' WHEN 3 THEN 0 WHEN 4 THEN -0.000012345 WHEN 5 THEN 1e100 + g
        WHEN 6 THEN 10000 WHEN 7 THEN -g * 1.50 WHEN 8 THEN 1e-50 ELSE g::numeric ^ 20 / 7 END::numeric AS n,
    CASE WHEN g % 3 = 0 THEN NULL WHEN g % 50 = 1 THEN repeat('täxt ' || g, 5000) ELSE 'täxt ' || g END AS txt,
    ('v' || g)::varchar(40) AS v, ('c' || g % 100)::char(5) AS c, ('name' || g)::name AS nam,
    CASE g % 9 WHEN 0 THEN 'infinity'::date WHEN 1 THEN '0044-03-15 BC' ELSE date '2000-01-01' + g END AS dt, timestamp '1999-12-31 23:59:59.999999' + g * interval '1 hour' AS ts,
    timestamptz '2020-01-01 00:00:00+00' - g * interval '1 minute' AS tz, time '00:00' + g * interval '1 second' AS tm,
    g * interval '1 month -2 days 3.5 seconds' AS iv, md5(g::text)::uuid AS u, decode(md5(g::text), 'hex') AS ba,
    json_build_object('a', g, 'b', 'ä') AS j, jsonb_build_object('a', g, 'b', ARRAY['ä', NULL]) AS jb,
    CASE g % 4 WHEN 0 THEN '{}' WHEN 1 THEN '[0:1]={1,NULL}' ELSE ARRAY[g, g + 1] END::int[] AS ia, ARRAY['ä' || g, NULL, '{"'] AS ta, ARRAY[[g, 1.5], [NULL, -2]]::numeric[] AS na,
    inet '10.0.0.0/8' + g AS ip, int4range(g, g + 5) AS rg, g::bit(20)::varbit AS bits, (ARRAY['sad', 'ok', 'happy'])[g % 3 + 1]::mood AS md,
    g::small AS sm, chr(65 + g % 26)::"char" AS ch, g::oid AS o
    FROM generate_series(1, 1000) g;
-- which statements the remote has run
CREATE TABLE log (command text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bulk.log VALUES (split_part(current_query(), ' ', 1));
    RETURN NULL;
END $$;
CREATE TRIGGER note AFTER INSERT ON t EXECUTE FUNCTION note();
CREATE FUNCTION commands() RETURNS text LANGUAGE sql AS $$
    WITH gone AS (DELETE FROM log RETURNING command) SELECT string_agg(DISTINCT command, ', ' ORDER BY command) FROM gone
$$;

-- every row arrives as it was, by COPY and by statements
INSERT INTO f SELECT * FROM rows;
SELECT commands();
SELECT count(*), count(DISTINCT id) FROM t;
SELECT count(*) AS different FROM (SELECT w::text FROM rows w EXCEPT SELECT t::text FROM t) x;
TRUNCATE t;
INSERT INTO f SELECT * FROM rows WHERE id <= 50;
SELECT commands();
SELECT count(*) AS different FROM (SELECT w::text FROM rows w WHERE id <= 50 EXCEPT SELECT t::text FROM t) x;
-- ... whatever the client's encoding
TRUNCATE t;
SET client_encoding = latin1;
INSERT INTO f SELECT * FROM rows;
RESET client_encoding;
SELECT count(*) AS different FROM (SELECT w::text FROM rows w EXCEPT SELECT t::text FROM t) x;
TRUNCATE t;
DELETE FROM log;

-- within a transaction: seen at once, also in the middle, undone with its savepoint
CREATE FUNCTION seen() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$ BEGIN RETURN (SELECT count(*) FROM bulk.f); END $$;
BEGIN;
INSERT INTO f (id) SELECT g FROM generate_series(1, 1000) g;
SELECT count(*) FROM f;
SAVEPOINT s;
INSERT INTO f (id) SELECT g FROM generate_series(1, 1000) g;
SELECT count(*) FROM f;
ROLLBACK TO s;
SELECT count(*) FROM f;
INSERT INTO f (id, l) SELECT g, seen() FROM generate_series(1001, 1400) g;
SELECT count(*), bool_and(l = id - 1) FROM f WHERE id > 1000;
COMMIT;
SELECT count(*) FROM t;
TRUNCATE t;
DELETE FROM log;

-- the remote's errors, and which row they are about
ALTER TABLE t ADD CONSTRAINT positive CHECK (l > 0);
INSERT INTO f (id, l) SELECT g, 700 - g FROM generate_series(1, 1000) g;
INSERT INTO f (id, l) SELECT g, 50 - g FROM generate_series(1, 60) g;
SELECT count(*) FROM t;
DO $$
DECLARE c text; t text; s text;
BEGIN
    INSERT INTO bulk.f (id, l) SELECT g, 700 - g FROM generate_series(1, 1000) g;
EXCEPTION WHEN check_violation THEN
    GET STACKED DIAGNOSTICS c = CONSTRAINT_NAME, t = TABLE_NAME, s = SCHEMA_NAME;
    RAISE NOTICE '% of %.%', c, s, t;
END $$;
ALTER TABLE t DROP CONSTRAINT positive;

-- what COPY would do otherwise goes by statements
DELETE FROM log;
CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RETURN CASE WHEN NEW.id % 2 = 1 THEN NEW END;
END $$;
CREATE TRIGGER odd BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION odd();
INSERT INTO f (id) SELECT g FROM generate_series(1, 1000) g;
SELECT commands(), count(*) FROM t;
DROP TRIGGER odd ON t;
TRUNCATE t;
CREATE RULE elsewhere AS ON INSERT TO t WHERE NEW.id > 500 DO INSTEAD NOTHING;
INSERT INTO f (id) SELECT g FROM generate_series(1, 1000) g;
SELECT commands(), count(*) FROM t;
DROP RULE elsewhere ON t;
TRUNCATE t;
-- another type there
ALTER TABLE t ALTER l TYPE numeric;
INSERT INTO f (id, l) SELECT g, g FROM generate_series(1, 1000) g;
SELECT commands(), count(*), sum(l) FROM t;
TRUNCATE t;

ALTER TABLE t ALTER l TYPE int8;
-- a name that takes a part of what is sent as a text
ALTER TABLE t ALTER txt TYPE name;
INSERT INTO f (id, txt) SELECT g, repeat('x', 70) || g FROM generate_series(1, 1000) g;
SELECT commands(), count(*), min(length(txt::text)), max(length(txt::text)) FROM t;
TRUNCATE t;
ALTER TABLE t ALTER txt TYPE text;

-- COPY FROM
DELETE FROM log;
\copy f (id) from program 'seq 1 2000'
SELECT commands() LIKE '%COPY%' AS copied, count(*), sum(id) FROM t;
TRUNCATE t;
ALTER TABLE t ADD CHECK (id <> 1500);
\set VERBOSITY terse
\copy f (id) from program 'seq 1 2000'
\set VERBOSITY default
SELECT count(*) FROM t;
TRUNCATE t;

-- partitions: of the remote, and rows routed here
CREATE TABLE p (id int, v text) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (500);
CREATE TABLE p2 PARTITION OF p DEFAULT;
CREATE FOREIGN TABLE fp (id int, v text) SERVER bulk_srv OPTIONS (table_name 'p');
INSERT INTO fp SELECT g, 'v' || g FROM generate_series(1, 1000) g;
SELECT tableoid::regclass, count(*), sum(id) FROM p GROUP BY 1 ORDER BY 1;
TRUNCATE p;
CREATE TABLE here (id int, v text) PARTITION BY RANGE (id);
CREATE FOREIGN TABLE here1 PARTITION OF here FOR VALUES FROM (0) TO (500) SERVER bulk_srv OPTIONS (table_name 'p1');
CREATE FOREIGN TABLE here2 PARTITION OF here DEFAULT SERVER bulk_srv OPTIONS (table_name 'p2');
INSERT INTO here SELECT g * 37 % 1000, 'v' || g FROM generate_series(1, 1000) g;
SELECT tableoid::regclass, count(*), sum(id) FROM p GROUP BY 1 ORDER BY 1;

SET client_min_messages = error;
DROP SCHEMA bulk CASCADE;
DROP SERVER bulk_srv CASCADE;
