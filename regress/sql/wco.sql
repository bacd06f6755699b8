--
-- Views with check options over foreign tables, checks and generated columns of
-- the tables behind them.
--
SELECT compare.sides('wco', $remote$
    CREATE TABLE t (id int PRIMARY KEY, n int CHECK (n < 100), v text NOT NULL DEFAULT 'd');
    INSERT INTO t SELECT g, g * 3, 'v' || g FROM generate_series(1, 20) g;
    CREATE TABLE tr (id int PRIMARY KEY, n int, v text);
    INSERT INTO tr SELECT g, g, 'v' || g FROM generate_series(1, 10) g;
    CREATE FUNCTION less() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.n := NEW.n - 10; RETURN NEW; END';
    CREATE TRIGGER less BEFORE INSERT OR UPDATE ON tr FOR EACH ROW EXECUTE FUNCTION less();
    CREATE TABLE gen (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED, c text DEFAULT 'c');
    INSERT INTO gen SELECT g, g FROM generate_series(1, 5) g;
    CREATE TABLE pt1 (n int, id int UNIQUE, v text);
$remote$, $local$
    CREATE VIEW v AS SELECT * FROM t WHERE n < 50 WITH CHECK OPTION;
    CREATE VIEW vv AS SELECT id, n FROM v WHERE n > 5 WITH LOCAL CHECK OPTION;
    CREATE VIEW vc AS SELECT id, n FROM v WHERE n > 5 WITH CASCADED CHECK OPTION;
    CREATE VIEW vtr AS SELECT * FROM tr WHERE n < 5 WITH CHECK OPTION;
    CREATE TABLE pt (n int, id int, v text) PARTITION BY RANGE (n);
    ALTER TABLE pt ATTACH PARTITION pt1 FOR VALUES FROM (0) TO (20);
    CREATE TABLE pt2 PARTITION OF pt FOR VALUES FROM (20) TO (40);
    CREATE VIEW vpt AS SELECT * FROM pt WHERE id < 100 WITH CHECK OPTION;
$local$);
CALL compare.writes('wco',
    'INSERT INTO v VALUES (30, 10, ''in'')',
    'INSERT INTO v VALUES (31, 50, ''out'')',
    'INSERT INTO v VALUES (32, 10, ''in''), (33, 60, ''out'')',
    'INSERT INTO v SELECT g, g, ''many'' FROM generate_series(40, 49) g',
    'INSERT INTO v SELECT g, g - 10, ''many'' FROM generate_series(55, 65) g',
    'INSERT INTO v VALUES (34, 10, ''in'') RETURNING *',
    'INSERT INTO v VALUES (1, 10, ''in'') ON CONFLICT DO NOTHING',
    'INSERT INTO v VALUES (1, 90, ''out'') ON CONFLICT DO NOTHING',
    'UPDATE v SET n = n + 1 WHERE id < 5',
    'UPDATE v SET n = n + 40 WHERE id < 5',
    'UPDATE v SET v = ''x'' WHERE id = 7 RETURNING *',
    'UPDATE v SET n = 99 WHERE id = -1',
    'DELETE FROM v WHERE id = 8', 'DELETE FROM v WHERE n > 60',
    'INSERT INTO vv VALUES (70, 7)', 'INSERT INTO vv VALUES (71, 3)', 'INSERT INTO vv VALUES (72, 60)', 'UPDATE vv SET n = 4 WHERE id = 9',
    'INSERT INTO vc VALUES (73, 7)', 'INSERT INTO vc VALUES (74, 3)', 'INSERT INTO vc VALUES (75, 60)', 'UPDATE vc SET n = n + 30', 'UPDATE vc SET n = 6 WHERE id = 9');
-- the row that counts is the one that the remote has written
CALL compare.writes('wco',
    'INSERT INTO vtr VALUES (20, 12, ''becomes 2'')', 'INSERT INTO vtr VALUES (21, 15, ''becomes 5'')', 'INSERT INTO vtr SELECT g, g - 20, ''m'' FROM generate_series(30, 34) g',
    'INSERT INTO vtr SELECT g, g - 20, ''m'' FROM generate_series(30, 36) g', 'UPDATE vtr SET n = n + 10 WHERE id < 4', 'UPDATE vtr SET n = n + 20 WHERE id = 20', 'UPDATE vtr SET v = ''y'' RETURNING *');
CALL compare.writes('wco',
    'INSERT INTO vpt VALUES (5, 1, ''a''), (25, 2, ''b'')', 'INSERT INTO vpt VALUES (5, 101, ''a'')', 'INSERT INTO vpt VALUES (25, 101, ''a'')', 'INSERT INTO vpt VALUES (5, 3, ''a''), (6, 101, ''b'')',
    'INSERT INTO vpt SELECT g, g, ''m'' FROM generate_series(10, 30) g', 'INSERT INTO vpt SELECT g % 40, g, ''m'' FROM generate_series(95, 105) g',
    'UPDATE vpt SET id = id + 100 WHERE n = 5', 'UPDATE vpt SET v = ''n'' WHERE id = 12', 'UPDATE vpt SET n = n - 20 WHERE n >= 20', 'UPDATE vpt SET id = 102, n = 5 WHERE n = 30');
-- constraints are the remote table's
CALL compare.writes('wco',
    'INSERT INTO t VALUES (100, 100, ''x'')', 'INSERT INTO t (id, n, v) VALUES (100, 1, NULL)', 'INSERT INTO t (id) VALUES (100)', 'INSERT INTO t SELECT g, g, ''x'' FROM generate_series(90, 110) g',
    'UPDATE t SET n = 1000', 'UPDATE t SET n = 1000 WHERE id = 1', 'UPDATE t SET v = NULL WHERE id = 1', 'UPDATE t SET id = 2 WHERE id = 1', 'INSERT INTO t VALUES (1, 1, ''x''), (200, 1, ''x'')');
CALL compare.writes('wco',
    'INSERT INTO gen (id, a) VALUES (10, 10)', 'INSERT INTO gen (id, a) VALUES (11, 11) RETURNING *', 'INSERT INTO gen SELECT g, g FROM generate_series(20, 30) g', 'INSERT INTO gen VALUES (12, 12, DEFAULT, DEFAULT)',
    'INSERT INTO gen VALUES (13, 13, 5)', 'UPDATE gen SET a = a + 100 WHERE id = 10', 'UPDATE gen SET a = NULL WHERE id = 11 RETURNING *', 'UPDATE gen SET b = DEFAULT WHERE id = 12', 'UPDATE gen SET b = 1 WHERE id = 12',
    'UPDATE gen SET a = -a', 'UPDATE gen SET c = c || a WHERE b > 20 AND random() < 2', 'DELETE FROM gen WHERE b < -50', 'COPY gen (id, a) FROM PROGRAM ''printf "40\t4\n41\t5\n"''', 'COPY gen (id) FROM PROGRAM ''printf "42\n"''');
