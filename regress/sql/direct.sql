--
-- Modifications that the remote does by itself. Each statement is run on foreign
-- tables (schema direct_f, the tables behind them are direct_r), and on local copies
-- (direct_l): rows that it returns, row counts and contents must be the same
-- afterwards.
--
SET client_min_messages = error;
DROP SCHEMA IF EXISTS direct_f, direct_r, direct_l CASCADE;
RESET client_min_messages;
CREATE SCHEMA direct_f;
CREATE SCHEMA direct_r;
CREATE SCHEMA direct_l;
SELECT compare.make_server('direct');
SELECT compare.make_server('direct_two');

CREATE TABLE direct_l.item (id int PRIMARY KEY, kind int, name varchar(8), price numeric(8,2), at timestamptz, tags text[]);
CREATE TABLE direct_l.part (item int, no int, weight float8, note text);
CREATE TABLE direct_l.mirror (id int UNIQUE, kind int, name varchar(8));
INSERT INTO direct_l.item SELECT i, i % 4, 'n' || i, i * 1.25, '2024-01-01 00:00+00'::timestamptz + i * interval '1 hour', ARRAY['a' || i]
    FROM generate_series(1, 40) i;
INSERT INTO direct_l.part SELECT i % 13, i, i / 8.0, CASE WHEN i % 5 > 0 THEN 'note ' || i END FROM generate_series(1, 60) i;
CREATE TABLE direct_r.item (LIKE direct_l.item INCLUDING ALL);
CREATE TABLE direct_r.part (LIKE direct_l.part);
CREATE TABLE direct_r.mirror (LIKE direct_l.mirror INCLUDING ALL);
INSERT INTO direct_r.item TABLE direct_l.item;
INSERT INTO direct_r.part TABLE direct_l.part;
CREATE FOREIGN TABLE direct_f.item (id int, kind int, name varchar(8), price numeric(8,2), at timestamptz, tags text[])
    SERVER direct OPTIONS (schema_name 'direct_r');
CREATE FOREIGN TABLE direct_f.part (item int, no int, weight float8, note text) SERVER direct OPTIONS (schema_name 'direct_r');
CREATE FOREIGN TABLE direct_f.mirror (id int, kind int, name varchar(8)) SERVER direct OPTIONS (schema_name 'direct_r');
ALTER FOREIGN TABLE direct_f.part ALTER note OPTIONS (column_name 'note');

-- What a table holds, or a statement returns, as text in order.
CREATE FUNCTION direct_l.contents(schema text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    result text[];
BEGIN
    EXECUTE format('SELECT array_agg(x ORDER BY x) FROM (SELECT i::text FROM %1$I.item i UNION ALL SELECT p::text FROM %1$I.part p
        UNION ALL SELECT m::text FROM %1$I.mirror m) AS t (x)', schema) INTO result;
    RETURN result;
END $$;

CREATE FUNCTION direct_l.run(schema text, statement text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    result text[] := '{}';
    row record;
    n bigint;
BEGIN
    PERFORM set_config('search_path', schema || ', public', true);
    IF statement ~ 'RETURNING' THEN
        FOR row IN EXECUTE statement LOOP
            result := result || row::text;
        END LOOP;
        result := ARRAY(SELECT x FROM unnest(result) x ORDER BY x);
        RETURN result || (cardinality(result) || ' rows');
    END IF;
    EXECUTE statement;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN ARRAY[n || ' rows'];
EXCEPTION WHEN OTHERS THEN
    RETURN ARRAY['error: ' || SQLERRM];
END $$;

-- Of each statement: what it is to the remote, and whether it did the same.
CREATE FUNCTION direct_l.modify(VARIADIC statements text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    statement text;
    line text;
    there text[];
    here text[];
    direct text;
    sent text;
BEGIN
    FOREACH statement IN ARRAY statements LOOP
        direct := 'not direct';
        sent := NULL;
        PERFORM set_config('search_path', 'direct_f, public', true);
        FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || statement LOOP
            direct := coalesce(substring(line FROM 'Foreign (?:Insert|Update|Delete)'), direct);
            sent := coalesce(substring(line FROM 'Remote SQL: ((?:INSERT|UPDATE|DELETE|WITH).*)'), sent);
        END LOOP;
        RETURN NEXT '-- ' || statement;
        RETURN NEXT '   ' || CASE WHEN direct ~ 'Foreign' AND statement !~ 'SELECT' THEN direct || ': ' || sent ELSE direct END;
        there := direct_l.run('direct_f', statement);
        here := direct_l.run('direct_l', statement);
        RETURN NEXT '   => ' || CASE WHEN there <> here THEN 'DIFFERENT: ' || there::text || ' instead of ' || here::text
            WHEN direct_l.contents('direct_f') <> direct_l.contents('direct_l') THEN 'DIFFERENT CONTENTS'
            ELSE 'same: ' || here[cardinality(here)] END;
    END LOOP;
END $$;

-- One table.
SELECT direct_l.modify(
    'UPDATE item SET kind = kind + 1, name = ''x'' WHERE id <= 3',
    'UPDATE item SET name = name || ''y'', price = price * 1.1 WHERE kind = 2',
    'UPDATE item SET name = name || ''much too long'' WHERE id = 5',
    'UPDATE item SET price = 1e7 * price WHERE id = 5',
    'UPDATE item SET name = NULL, tags = NULL, price = -1, at = ''2020-02-02 12:00+00'' WHERE id = 6',
    'UPDATE item SET at = now() - (now() - ''2021-01-01 00:00+00''), price = kind / 2.0 WHERE id = 7',
    'UPDATE item SET id = id WHERE id = 8 RETURNING *',
    'UPDATE item SET price = price, kind = 100 / (kind + 1) WHERE id = 9 RETURNING id, kind, price + 1, upper(name)',
    'UPDATE item SET kind = kind - 100 WHERE id = 10 RETURNING 1',
    'UPDATE item SET tags = tags || ''b''::text WHERE id = 11 RETURNING item',
    'UPDATE item SET kind = -1 WHERE id < 0',
    'UPDATE item SET kind = CASE WHEN price > 20 THEN 1 ELSE kind END',
    'DELETE FROM item WHERE id = 12',
    'DELETE FROM item WHERE id IN (13, 14) RETURNING id, name, tableoid::regclass::text ~ ''item''',
    'DELETE FROM item WHERE false',
    'UPDATE item SET id = 1 WHERE id = 2');

-- System columns of what was changed.
WITH u AS (UPDATE direct_f.item SET kind = 0 WHERE id = 15 RETURNING ctid, tableoid::regclass AS "table", xmin, id)
SELECT u.id, u."table", u.ctid = r.ctid AS "its ctid" FROM u JOIN direct_f.item r USING (id);

UPDATE direct_l.item SET kind = 0 WHERE id = 15;

-- Joins.
SELECT direct_l.modify(
    'UPDATE item SET kind = part.no FROM part WHERE part.item = item.id AND part.no < 5',
    'UPDATE item i SET price = i.price + p.weight::numeric, name = ''p'' || p.no FROM part p WHERE p.item = i.id AND p.no = 9 RETURNING i.*, p.*, i.id + p.no',
    'UPDATE item i SET kind = 7 FROM part p WHERE p.item = i.id AND p.no = 8 RETURNING p, i',
    'DELETE FROM part USING item WHERE item.id = part.item AND item.kind = 7 RETURNING part.no, item.name',
    'DELETE FROM part p USING item i, mirror m WHERE i.id = p.item AND m.id = i.id',
    'UPDATE item i SET kind = p.no FROM part p LEFT JOIN item j ON j.id = p.no + 20 WHERE p.item = i.id AND p.no = 21 RETURNING i.id, j.id, j.name');

-- Sub-selects.
SELECT direct_l.modify(
    'UPDATE item SET kind = (SELECT count(*) FROM part p WHERE p.item = item.id) WHERE EXISTS (SELECT FROM part p WHERE p.item = item.id)',
    'DELETE FROM part WHERE item IN (SELECT id FROM item WHERE kind = 3)',
    'DELETE FROM part p WHERE NOT EXISTS (SELECT FROM item i WHERE i.id = p.item) RETURNING no',
    'UPDATE item SET name = s.n::text FROM (SELECT item, max(no) AS n FROM part GROUP BY item) s WHERE s.item = item.id RETURNING id, s.n',
    'UPDATE item SET price = (SELECT max(weight) FROM part)::numeric(8,2) WHERE id = 20',
    'WITH few AS (SELECT id FROM item ORDER BY id LIMIT 3) UPDATE item SET kind = 50 FROM few WHERE few.id = item.id',
    'DELETE FROM item WHERE id = (SELECT min(item) FROM part)');

-- INSERT.
SELECT direct_l.modify(
    'INSERT INTO mirror SELECT id, kind, name FROM item WHERE id < 25',
    'INSERT INTO mirror (id) SELECT no + 100 FROM part WHERE no < 40 ORDER BY no LIMIT 5',
    'INSERT INTO mirror SELECT id, kind, name FROM item ON CONFLICT DO NOTHING',
    'INSERT INTO mirror SELECT id, kind, name FROM item',
    'INSERT INTO mirror (name, id) SELECT max(name), kind + 1000 FROM item GROUP BY kind RETURNING id, name',
    'INSERT INTO mirror SELECT id, kind, note FROM item JOIN part ON item.id = part.item WHERE no > 55',
    'INSERT INTO mirror SELECT id + 200, kind, name FROM mirror WHERE id < 6 UNION ALL SELECT id + 300, NULL, ''u'' FROM item WHERE id < 6',
    'INSERT INTO mirror VALUES (401, 1, ''one'')',
    'INSERT INTO mirror (id, name) VALUES (402, ''two''), (403, NULL) RETURNING *',
    'INSERT INTO mirror VALUES (401, 1, ''again'') ON CONFLICT DO NOTHING',
    'INSERT INTO mirror SELECT id + 404, 1, name || '' much too long'' FROM mirror WHERE id = 1',
    'INSERT INTO mirror (id) VALUES ((SELECT max(id) + 1 FROM mirror)) RETURNING id');

-- A default is the local one.
ALTER FOREIGN TABLE direct_f.mirror ALTER kind SET DEFAULT 77;
ALTER TABLE direct_l.mirror ALTER kind SET DEFAULT 77;
ALTER TABLE direct_r.mirror ALTER kind SET DEFAULT 88;
SELECT direct_l.modify(
    'INSERT INTO mirror (id) SELECT id + 500 FROM item WHERE id < 4 RETURNING *',
    'INSERT INTO mirror (id, kind) VALUES (510, DEFAULT), (511, 5)');

-- Prepared statements.
PREPARE change(int, text) AS UPDATE direct_f.mirror SET kind = $1 + 1, name = $2 WHERE id = $1 RETURNING *;
EXECUTE change(510, 'ten');
SET plan_cache_mode = force_generic_plan;
EXPLAIN (VERBOSE, COSTS OFF) EXECUTE change(510, 'ten');
EXECUTE change(510, 'twelve');
EXECUTE change(510, 'much too long');
RESET plan_cache_mode;
DEALLOCATE change;

-- All of it is done, however much of it is read; and once.
WITH gone AS (DELETE FROM direct_f.mirror WHERE id > 500 RETURNING id) SELECT count(*) FROM (SELECT FROM gone LIMIT 1) g;
SELECT count(*) FROM direct_r.mirror WHERE id > 500;
WITH unread AS (UPDATE direct_f.mirror SET kind = 0 WHERE id > 400 RETURNING id) SELECT 1 AS one;
SELECT count(*) FROM direct_r.mirror WHERE id > 400 AND kind = 0;

-- Sub-transactions.
BEGIN;
DELETE FROM direct_f.mirror WHERE id > 400;
SAVEPOINT s;
DELETE FROM direct_f.mirror;
ROLLBACK TO s;
SELECT min(id), max(id) FROM direct_f.mirror;
ROLLBACK;
SELECT max(id) FROM direct_f.mirror;

-- READ ONLY.
BEGIN READ ONLY;
DELETE FROM direct_f.mirror;
ROLLBACK;

SET client_min_messages = error;
DROP SCHEMA direct_f, direct_r, direct_l CASCADE;
