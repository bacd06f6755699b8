--
-- TRUNCATE of foreign tables.
--
SET client_min_messages = error;
DROP SCHEMA IF EXISTS truncated CASCADE;
SELECT compare.make_server('truncate_srv'), compare.make_server('truncate_other'),
    compare.make_server('truncate_off', ', truncatable ''false''');
RESET client_min_messages;
CREATE SCHEMA truncated;
SET search_path = truncated, public;
CREATE TABLE a (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text);
CREATE TABLE b (id int PRIMARY KEY, "A" int);
CREATE TABLE child (id int REFERENCES a, w text);
CREATE TABLE "Odd name" (id int);
CREATE FOREIGN TABLE fa (id int, v text) SERVER truncate_srv OPTIONS (table_name 'a');
CREATE FOREIGN TABLE fb (id int, a int OPTIONS (column_name 'A')) SERVER truncate_srv OPTIONS (table_name 'b');
CREATE FOREIGN TABLE fodd (id int) SERVER truncate_other OPTIONS (table_name 'Odd name');
CREATE FUNCTION fill() RETURNS void LANGUAGE sql AS $$
    INSERT INTO a (v) SELECT 'v' || g FROM generate_series(1, 3) g;
    INSERT INTO b SELECT g, g FROM generate_series(1, 4) g ON CONFLICT DO NOTHING;
    INSERT INTO "Odd name" SELECT g FROM generate_series(1, 5) g;
$$;
CREATE VIEW counts AS SELECT (SELECT count(*) FROM a) AS a, (SELECT count(*) FROM b) AS b,
    (SELECT count(*) FROM child) AS child, (SELECT count(*) FROM "Odd name") AS odd;
SELECT fill();

-- one table, and sequences
TRUNCATE fb;
SELECT * FROM counts;
TRUNCATE fa;                    -- a foreign key refers to it
ALTER TABLE child DROP CONSTRAINT child_id_fkey;
TRUNCATE fa;
SELECT fill();
SELECT min(id), max(id) FROM a;
TRUNCATE fa RESTART IDENTITY;
SELECT fill();
SELECT min(id), max(id) FROM a;
TRUNCATE fa CONTINUE IDENTITY;
SELECT fill();
SELECT min(id), max(id) FROM a;

-- several tables, of two servers and of this one
CREATE TABLE here (id int);
INSERT INTO here VALUES (1);
TRUNCATE fa, here, fb, fodd;
SELECT * FROM counts;
SELECT count(*) FROM here;

-- CASCADE goes on there; without it the remote refuses, and nothing is done
SELECT fill();
ALTER TABLE child ADD FOREIGN KEY (id) REFERENCES a;
INSERT INTO child SELECT max(id), 'c' FROM a;
TRUNCATE fb, fa;
SELECT * FROM counts;
TRUNCATE fb, fa CASCADE;
SELECT * FROM counts;

-- within the transaction: seen at once, undone by a rollback
SELECT fill();
BEGIN;
SELECT count(*) FROM fa;
SAVEPOINT s;
TRUNCATE fa CASCADE;
SELECT count(*) FROM fa;
ROLLBACK TO s;
SELECT count(*) FROM fa;
TRUNCATE fb;
ROLLBACK;
SELECT * FROM counts;
BEGIN READ ONLY;
TRUNCATE fb;
ROLLBACK;

-- partitions and inheritance: the partitions here, those there, and ONLY, which
-- says nothing about there
CREATE TABLE p1 (id int) PARTITION BY LIST (id);
CREATE TABLE p1a PARTITION OF p1 FOR VALUES IN (1);
CREATE TABLE p2 (id int);
CREATE TABLE p2child () INHERITS (p2);
CREATE TABLE parted (id int) PARTITION BY LIST (id);
CREATE FOREIGN TABLE fp1 PARTITION OF parted FOR VALUES IN (1) SERVER truncate_srv OPTIONS (table_name 'p1');
CREATE FOREIGN TABLE fp2 PARTITION OF parted FOR VALUES IN (2) SERVER truncate_srv OPTIONS (table_name 'p2');
CREATE TABLE p3 PARTITION OF parted FOR VALUES IN (3);
INSERT INTO p1 VALUES (1);
INSERT INTO p2 VALUES (2);
INSERT INTO p2child VALUES (2);
INSERT INTO p3 VALUES (3);
SELECT count(*) FROM parted;
TRUNCATE ONLY fp2;
SELECT tableoid::regclass, count(*) FROM parted GROUP BY 1 ORDER BY 1;
TRUNCATE parted;
SELECT count(*) FROM parted;

-- the option, of the server and of the table
ALTER FOREIGN TABLE fb OPTIONS (truncatable 'false');
TRUNCATE fb;
TRUNCATE fa, fb CASCADE;
ALTER FOREIGN TABLE fb OPTIONS (SET truncatable 'true');
TRUNCATE fb;
CREATE FOREIGN TABLE foff (id int) SERVER truncate_off OPTIONS (table_name 'b');
TRUNCATE foff;
ALTER FOREIGN TABLE foff OPTIONS (ADD truncatable 'true');
TRUNCATE foff;

-- triggers here are statement triggers only, and fire
CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE '% % %', TG_WHEN, TG_OP, TG_TABLE_NAME;
    RETURN NULL;
END $$;
CREATE TRIGGER before BEFORE TRUNCATE ON b EXECUTE FUNCTION say();
TRUNCATE fb;

-- what the remote has to say, and who may
DROP TABLE "Odd name" CASCADE;
TRUNCATE fodd;
SET client_min_messages = error;
DROP ROLE IF EXISTS truncate_user;
RESET client_min_messages;
CREATE ROLE truncate_user;
GRANT USAGE ON SCHEMA truncated TO truncate_user;
SET ROLE truncate_user;
TRUNCATE fb;
RESET ROLE;

SET client_min_messages = error;
DROP SCHEMA truncated CASCADE;
DROP SERVER truncate_srv, truncate_other, truncate_off CASCADE;
RESET client_min_messages;
DROP ROLE truncate_user;
