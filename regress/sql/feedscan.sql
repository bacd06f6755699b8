--
-- Scans of feed tables: what changes become of rows, what a Relation message in
-- the middle changes, which conditions let changes be passed over.
--
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgwire_fdw;
DROP SCHEMA IF EXISTS feedscan CASCADE;
DROP SERVER IF EXISTS feedscan_srv CASCADE;
DROP PUBLICATION IF EXISTS feedscan_pub;
RESET client_min_messages;
CREATE SCHEMA feedscan;
SET search_path = feedscan, public;
DO $$
DECLARE
    dir text := split_part(current_setting('unix_socket_directories'), ',', 1);
BEGIN
    EXECUTE format('CREATE SERVER feedscan_srv FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (host %L, port %L, dbname %L)',
        coalesce(nullif(trim(dir), ''), 'localhost'), current_setting('port'), current_database());
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER feedscan_srv OPTIONS (user %L)', current_user);
END $$;

CREATE TABLE orders (id bigint PRIMARY KEY, customer int, amount numeric(10,2), note text, placed timestamptz);
ALTER TABLE orders REPLICA IDENTITY FULL;
CREATE TABLE keyed (id int PRIMARY KEY, a text, b text);
ALTER TABLE keyed ALTER b SET STORAGE EXTERNAL;
CREATE TABLE unpublished (id int PRIMARY KEY);
CREATE PUBLICATION feedscan_pub FOR TABLE orders, keyed;
-- a feed as if it had been made: the slot, and the position
SELECT slot_name FROM pg_create_logical_replication_slot('feedscan', 'pgoutput');
INSERT INTO pgwire_fdw_feed
SELECT 'feedscan_srv', 'f', 'feedscan', '{feedscan_pub}', current_user::regrole, '', confirmed_flush_lsn, NULL, 0, 0
FROM pg_replication_slots WHERE slot_name = 'feedscan';

CREATE FOREIGN TABLE order_changes (
    id bigint, customer int, amount numeric(10,2), note text, placed timestamptz,
    op "char" OPTIONS (feed 'op'), lsn pg_lsn OPTIONS (feed 'lsn'), committed timestamptz OPTIONS (feed 'commit_time'),
    xid xid OPTIONS (feed 'xid'), seq bigint OPTIONS (feed 'seq'),
    old_amount numeric OPTIONS (feed 'old', column_name 'amount'), kept text[] OPTIONS (feed 'unchanged'))
  SERVER feedscan_srv OPTIONS (feed 'f', schema_name 'feedscan', table_name 'orders');
CREATE FOREIGN TABLE keyed_changes (
    id int, a text, b text, op "char" OPTIONS (feed 'op'), kept text[] OPTIONS (feed 'unchanged'),
    old_id int OPTIONS (feed 'old', column_name 'id'), old_a text OPTIONS (feed 'old', column_name 'a'))
  SERVER feedscan_srv OPTIONS (feed 'f', schema_name 'feedscan', table_name 'keyed');
CREATE FOREIGN TABLE all_changes (
    lsn pg_lsn OPTIONS (feed 'lsn'), op "char" OPTIONS (feed 'op'), relation text OPTIONS (feed 'relation'),
    old jsonb OPTIONS (feed 'old_row'), new jsonb OPTIONS (feed 'new_row'),
    seq bigint OPTIONS (feed 'seq'), prefix text OPTIONS (feed 'prefix'), content bytea OPTIONS (feed 'content'))
  SERVER feedscan_srv OPTIONS (feed 'f');

-- nothing so far
SELECT count(*) FROM order_changes;
SELECT count(*) FROM all_changes;

INSERT INTO orders VALUES (1, 10, 1.50, 'one', '2026-01-01 12:00+00'), (2, NULL, 2.5, E'tw"o\\\n', NULL);
BEGIN;
UPDATE orders SET amount = amount + 1 WHERE id = 1;
SAVEPOINT s;
INSERT INTO orders VALUES (3, 30, 3, 'undone');
ROLLBACK TO s;
INSERT INTO unpublished VALUES (1);
DELETE FROM orders WHERE id = 2;
COMMIT;
BEGIN; INSERT INTO orders VALUES (4, 40, 4, 'undone'); ROLLBACK;
INSERT INTO keyed VALUES (1, 'a', repeat('x', 3000)), (2, 'b', 'short');
UPDATE keyed SET a = 'aa' WHERE id = 1;
UPDATE keyed SET id = 20 WHERE id = 2;
DELETE FROM keyed WHERE id = 1;
SELECT pg_logical_emit_message(true, 'said', 'within') IS NOT NULL, pg_logical_emit_message(false, 'said', '\x00ff'::bytea) IS NOT NULL;
TRUNCATE orders, keyed;

SELECT id, customer, amount, note, placed = '2026-01-01 12:00+00' AS placed, op, seq, old_amount, kept FROM order_changes;
SELECT id, a, length(b), op, kept, old_id, old_a FROM keyed_changes;
SELECT op, relation, old, CASE WHEN length(new::text) < 1000 THEN new END AS new, seq, prefix, content FROM all_changes;
-- one transaction has one lsn, xid and time, and they ascend
SELECT count(*), count(DISTINCT lsn), bool_and(ordered) FROM
  (SELECT lsn, lsn >= lag(lsn) OVER () IS NOT FALSE AS ordered FROM all_changes) x;
SELECT count(DISTINCT lsn) = count(DISTINCT xid::text) AS one_each, bool_and(committed > now() - interval '1 hour') AS recent FROM order_changes;

-- a second read in the same transaction gives the same rows, whatever has been committed since
BEGIN;
SELECT count(*) FROM order_changes;
INSERT INTO orders VALUES (5, 50, 5, 'five');
SELECT count(*) FROM order_changes;
COMMIT;
SELECT count(*) FROM order_changes;

-- conditions
EXPLAIN (COSTS OFF) SELECT id FROM order_changes WHERE op = 'U' AND amount > 1;
SELECT id, op FROM order_changes WHERE op = 'D';
SELECT id, op FROM order_changes WHERE op <> 'I' AND lsn > '0/0' AND committed > '2000-01-01' ORDER BY lsn, seq;
SELECT count(*) FROM order_changes WHERE committed < '2000-01-01';
SELECT count(*) FROM order_changes WHERE lsn <= (SELECT lsn FROM order_changes LIMIT 1);
SELECT count(*), min(relation) FROM all_changes WHERE relation = 'feedscan.keyed';
SELECT count(*) FROM all_changes WHERE relation = NULL;
PREPARE of_kind AS SELECT count(*) FROM order_changes WHERE op = $1;
EXECUTE of_kind ('I');
EXECUTE of_kind ('T');
DEALLOCATE of_kind;

-- several scans of one slot in one query
SELECT (SELECT count(*) FROM order_changes), (SELECT count(*) FROM keyed_changes), (SELECT count(*) FROM all_changes);
SELECT a.op, count(*) FROM order_changes a JOIN keyed_changes b ON a.op = b.op GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM (VALUES (1), (2), (3)) v(x), LATERAL (SELECT op FROM order_changes OFFSET v.x) c;
BEGIN;
DECLARE first_one CURSOR FOR SELECT id, op FROM order_changes;
FETCH 2 FROM first_one;
SELECT count(*) FROM keyed_changes;
FETCH 2 FROM first_one;
SELECT count(*) FROM order_changes;
FETCH ALL FROM first_one;
COMMIT;

-- the table changes
ALTER TABLE orders ADD added int DEFAULT 7;
INSERT INTO orders VALUES (6, 60, 6, 'six', NULL, 66);
ALTER TABLE orders DROP note;
INSERT INTO orders VALUES (7, 70, 7, NULL, 77);
ALTER TABLE orders ALTER customer TYPE text;
INSERT INTO orders VALUES (8, '80', 8, NULL, 88);
ALTER FOREIGN TABLE order_changes ADD added int;
SELECT id, customer, note, added, op FROM order_changes WHERE op = 'I';
INSERT INTO orders VALUES (9, 'nine', 9, NULL, 99);
SELECT id, customer, note, added, op FROM order_changes WHERE op = 'I';
SELECT id, note, added, op FROM order_changes WHERE op = 'I' AND id > 5;

-- columns of other types than what they show
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE typed (id positive PRIMARY KEY, m mood, j jsonb, arr int[], ts timestamptz, u uuid, by bytea, f float8, i interval);
ALTER PUBLICATION feedscan_pub ADD TABLE typed;
INSERT INTO typed VALUES (1, 'glad', '{"a": [1, null]}', '{1,2,NULL}', '2026-02-03 04:05:06.789+00', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\xdeadbeef', 'Infinity', '1 day 2 hours');
CREATE FOREIGN TABLE typed_same (id positive, m mood, j jsonb, arr int[], ts timestamptz, u uuid, by bytea, f float8, i interval)
  SERVER feedscan_srv OPTIONS (feed 'f', schema_name 'feedscan', table_name 'typed');
CREATE FOREIGN TABLE typed_text (id text, m text, j text, arr text, ts text, u text, by text, f text, i text)
  SERVER feedscan_srv OPTIONS (feed 'f', schema_name 'feedscan', table_name 'typed');
SELECT id, m, j, arr, ts = '2026-02-03 04:05:06.789+00' AS ts, u, by, f, i FROM typed_same;
SELECT * FROM typed_text;
SELECT new FROM all_changes WHERE relation = 'feedscan.typed';
CREATE FOREIGN TABLE meta_text (op text OPTIONS (feed 'op'), lsn text OPTIONS (feed 'lsn'), seq int OPTIONS (feed 'seq'),
    xid bigint OPTIONS (feed 'xid'), t text OPTIONS (feed 'commit_time'), kept text OPTIONS (feed 'unchanged'))
  SERVER feedscan_srv OPTIONS (feed 'f', schema_name 'feedscan', table_name 'typed');
SELECT op, lsn::pg_lsn > '0/0' AS lsn, seq, xid > 2 AS xid, t::timestamptz > now() - interval '1 hour' AS t, kept FROM meta_text;

-- large transactions: several batches, and a spool
INSERT INTO keyed SELECT g, md5(g::text), NULL FROM generate_series(1, 20000) g;
SELECT count(*), sum(id), count(DISTINCT a) FROM keyed_changes WHERE op = 'I' AND id >= 1 AND b IS NULL;
SELECT (SELECT sum(id) FROM order_changes), (SELECT sum(id) FROM keyed_changes WHERE b IS NULL AND op = 'I');
SELECT count(*) FROM keyed_changes x JOIN keyed_changes y USING (id, op, a) WHERE x.op = 'I';

-- what cannot be
INSERT INTO order_changes (id) VALUES (1);
ANALYZE order_changes;
CREATE FOREIGN TABLE no_feed (id int) SERVER feedscan_srv OPTIONS (feed 'nothing', table_name 'orders');
SELECT * FROM no_feed;
UPDATE pgwire_fdw_feed SET publications = '{feedscan_pub,"not there"}';
SELECT count(*) FROM order_changes;
-- the error, without what differs from server to server
CREATE FUNCTION refused(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE query;
    RETURN 'not refused';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN regexp_replace(SQLERRM || '; ' || detail, '\d+/[0-9A-F]+|\d{10,}', '<number>', 'g');
END $$;
UPDATE pgwire_fdw_feed SET publications = '{feedscan_pub}', system_id = '1';
SELECT refused('SELECT count(*) FROM order_changes');
UPDATE pgwire_fdw_feed SET system_id = '', position = '0/1';
SELECT refused('SELECT count(*) FROM order_changes');
UPDATE pgwire_fdw_feed SET position = pg_current_wal_lsn(), slot = 'missing';
SELECT count(*) FROM order_changes;
UPDATE pgwire_fdw_feed SET slot = 'feedscan';
SELECT count(*) FROM order_changes;
DELETE FROM pgwire_fdw_feed;
DO $$
BEGIN
    -- its last reader lets go of it a moment after the end of the transaction
    FOR i IN 1..600 LOOP
        EXIT WHEN NOT (SELECT active FROM pg_replication_slots WHERE slot_name = 'feedscan');
        PERFORM pg_sleep(0.1);
    END LOOP;
    PERFORM pg_drop_replication_slot('feedscan');
END $$;
SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'feedscan';
SET client_min_messages = error;
DROP SCHEMA feedscan CASCADE;
DROP SERVER feedscan_srv CASCADE;
DROP PUBLICATION feedscan_pub;
