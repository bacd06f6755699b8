--
-- Many rows at once, whatever batch_size says.
--
SELECT compare.sides('batch', $remote$
    CREATE TABLE t (id int PRIMARY KEY, v text);
    CREATE TABLE w (id int, w text);
    CREATE TABLE z ();
    CREATE TABLE many (c1 int, c2 int, c3 int, c4 int, c5 int, c6 int, c7 int, c8 int, c9 int, c10 int, c11 int, c12 int, c13 int, c14 int, c15 int, c16 int, c17 int, c18 int, c19 int, c20 int);
    CREATE TABLE typed (id int, s smallint, b bigint, f real, d double precision, n numeric, t text, c char(5), vc varchar(9), by bytea, da date, ti time, tz timetz, ts timestamp, tstz timestamptz, i interval,
        u uuid, j json, jb jsonb, a int[], ta text[], bo boolean, ip inet, bi bit(3), vb varbit, p point, o oid, na name, r int4range, x xml, mo money, ch "char");
    CREATE TABLE p1 (id int PRIMARY KEY, k int);
$remote$, $local$
    CREATE TABLE p (id int, k int) PARTITION BY LIST (k);
    ALTER TABLE p ATTACH PARTITION p1 FOR VALUES IN (1);
    CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2);
    CREATE FUNCTION rows_of_t() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM t); END';
    CREATE TABLE notes (what text);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO notes VALUES (TG_WHEN || '' '' || TG_LEVEL || '' '' || (SELECT count(*) FROM t)); RETURN NEW; END';
$local$, ', batch_size ''10''');
CALL compare.writes('batch',
    'INSERT INTO t SELECT g, ''v'' || g FROM generate_series(1, 35) g', 'INSERT INTO t SELECT g, NULL FROM generate_series(30, 50) g', 'INSERT INTO t SELECT g, NULL FROM generate_series(30, 50) g ON CONFLICT DO NOTHING',
    'INSERT INTO t VALUES (60, ''x''), (61, ''y''), (60, ''twice'')', 'INSERT INTO t SELECT g, ''r'' FROM generate_series(100, 125) g RETURNING id',
    'INSERT INTO t SELECT 1000 + g, rows_of_t()::text FROM generate_series(1, 3) g LIMIT 1',
    'INSERT INTO z DEFAULT VALUES', 'INSERT INTO z SELECT FROM generate_series(1, 25)',
    'INSERT INTO w SELECT g, repeat(''w'', 100000) FROM generate_series(1, 12) g',
    'DELETE FROM w', 'DELETE FROM t WHERE id > 60');
-- more values than a statement has parameters
CALL compare.writes('batch',
    'INSERT INTO many SELECT g, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, g FROM generate_series(1, 4000) g',
    'INSERT INTO many SELECT g, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, g FROM generate_series(1, 4000) g ON CONFLICT DO NOTHING', 'DELETE FROM many');
-- every type, and none of it
CALL compare.writes('batch',
    $$INSERT INTO typed SELECT g, -32768, 9223372036854775807, 1.5, 'NaN', 'NaN', E'a\tb\\c\nd', 'ab', 'é', '\x00ff5c', '-infinity', '23:59:60', '12:00+05:30', 'infinity', '2024-03-31 01:30+00', '1 mon -2 days 03:04:05.678',
        '00000000-0000-4000-8000-000000000001', '{"a" : 1}', '{"a" : 1.50}', '[2:3]={1,NULL}', '{"",NULL,"NULL","a\"b"}', true, '10.0.0.0/8', '101', '1', '(1.5,-2)', 4294967295, 'nm', '[1,5)', '<a/>', '12.34', 'c'
        FROM generate_series(1, 12) g$$,
    'INSERT INTO typed (id) SELECT g FROM generate_series(20, 32) g', 'INSERT INTO typed SELECT * FROM typed WHERE id < 25', 'INSERT INTO typed SELECT * FROM typed WHERE id = 3 RETURNING *', 'DELETE FROM typed');
-- who looks sees what was written before
CALL compare.writes('batch',
    'CREATE TRIGGER n BEFORE INSERT ON p2 FOR EACH ROW EXECUTE FUNCTION note()', 'INSERT INTO p SELECT g, g % 2 + 1 FROM generate_series(1, 10) g', 'INSERT INTO p SELECT g, 2 - g / 15 FROM generate_series(11, 20) g',
    'INSERT INTO p SELECT g, 1 FROM generate_series(18, 25) g', 'UPDATE p SET k = 1 WHERE k = 2', 'DROP TRIGGER n ON p2',
    'CREATE TRIGGER s AFTER INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION note()', 'INSERT INTO t SELECT g, ''s'' FROM generate_series(200, 225) g',
    'CREATE TRIGGER r AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION note()', 'INSERT INTO t SELECT g, ''s'' FROM generate_series(230, 234) g');
-- what a function sees while rows are inserted: those before its own
CALL compare.writes('batch', 'INSERT INTO t SELECT g, rows_of_t()::text FROM generate_series(300, 305) g');
