--
-- Rows find their partition or child, here or on another server.
--
SELECT compare.sides('route', $remote$
    CREATE TABLE p1 (id int UNIQUE, k int, v text, CHECK (v <> 'bad'));
    CREATE TABLE p2 (v text, k int, id int UNIQUE);
    CREATE TABLE child (id int PRIMARY KEY, n int, v text, more text);
    INSERT INTO child SELECT g, g, 'c' || g, 'm' FROM generate_series(11, 20) g;
    CREATE TABLE src (id int PRIMARY KEY, k int, v text);
    INSERT INTO src SELECT g, g % 40, 's' || g FROM generate_series(1, 60) g;
    -- a partitioned table, and a parent, on the remote server
    CREATE TABLE far_p (id int, k int, v text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
    CREATE TABLE far_p_odd PARTITION OF far_p FOR VALUES IN (1, 3, 5, 7, 9);
    CREATE TABLE far_p_even PARTITION OF far_p FOR VALUES IN (0, 2, 4, 6, 8);
    INSERT INTO far_p SELECT g, g % 10, 'f' || g FROM generate_series(1, 20) g;
    CREATE TABLE far_i (id int, v text);
    INSERT INTO far_i SELECT g, 'i' || g FROM generate_series(1, 5) g;
$remote$, $local$
    CREATE TABLE p (id int, k int, v text) PARTITION BY RANGE (k);
    CREATE TABLE p0 PARTITION OF p (UNIQUE (id)) FOR VALUES FROM (0) TO (10);
    ALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM (10) TO (20);
    ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (20) TO (30);
    CREATE TABLE p3 PARTITION OF p FOR VALUES FROM (30) TO (40) PARTITION BY LIST (v);
    CREATE TABLE p3a PARTITION OF p3 FOR VALUES IN ('a', 'b');
    CREATE TABLE parent (id int, n int, v text);
    INSERT INTO parent SELECT g, g, 'p' || g FROM generate_series(1, 10) g;
    ALTER TABLE child INHERIT parent;
    CREATE TABLE notes (what text);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO notes VALUES (concat_ws(' ', TG_WHEN, TG_OP, TG_TABLE_NAME, CASE WHEN TG_OP <> 'INSERT' THEN OLD::text END, CASE WHEN TG_OP <> 'DELETE' THEN NEW::text END));
        RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    END $$;
$local$);
CALL compare.writes('route',
    'INSERT INTO p VALUES (1, 5, ''local''), (2, 15, ''one''), (3, 25, ''two''), (4, 35, ''a'')',
    'INSERT INTO p VALUES (5, 45, ''nowhere'')',
    'INSERT INTO p VALUES (6, 15, ''bad'')',
    'INSERT INTO p VALUES (2, 16, ''there'')',
    'INSERT INTO p VALUES (2, 16, ''there'') ON CONFLICT DO NOTHING',
    'INSERT INTO p VALUES (7, 7, ''r''), (8, 18, ''r''), (9, 29, ''r'') RETURNING tableoid::regclass, *',
    'INSERT INTO p SELECT id, k, v FROM src WHERE k < 30 AND id > 9',
    'INSERT INTO p SELECT id + 100, k, v FROM src ORDER BY id',
    'INSERT INTO p SELECT id, k, v FROM src WHERE k < 30 ON CONFLICT DO NOTHING',
    'INSERT INTO p1 VALUES (300, 12, ''direct'')',
    'INSERT INTO p (k, v) VALUES (11, ''no id'')',
    'COPY p FROM PROGRAM ''printf "400\t1\tc\n401\t11\tc\n402\t21\tc\n403\t31\ta\n404\t12\tc\n"''',
    'COPY p FROM PROGRAM ''printf "410\t11\tc\n411\t12\tbad\n"''',
    'COPY p1 (id, k, v) FROM PROGRAM ''printf "420\t11\tc\n421\t12\tc\n"''');
-- rows move from here to there; those that are there stay where they are
CALL compare.writes('route',
    'UPDATE p SET k = 15, v = v || ''>'' WHERE id = 1 AND k < 10',
    'UPDATE p SET k = k + 20 WHERE k < 5 RETURNING tableoid::regclass, id, k',
    'UPDATE p SET k = 12, v = ''bad'' WHERE k = 7',
    'UPDATE p SET v = upper(v) WHERE k BETWEEN 12 AND 26',
    'UPDATE p SET v = s.v FROM src s WHERE s.id = p.id AND s.k < 15',
    'UPDATE p SET v = ''same'' WHERE id % 5 = 0 RETURNING tableoid::regclass, id, v',
    'DELETE FROM p WHERE id % 7 = 0',
    'DELETE FROM p USING src s WHERE s.id = p.id AND s.v LIKE ''%3'' RETURNING p.tableoid::regclass, p.id',
    'UPDATE p SET v = ''bad'' WHERE id IN (SELECT id FROM src WHERE id < 35)', -- rows of p1 go out where p2 is read
    'WITH moved AS (DELETE FROM p1 RETURNING *) INSERT INTO p SELECT id, k + 10, v FROM moved');
-- with triggers
CALL compare.writes('route',
    'CREATE TRIGGER n AFTER INSERT OR UPDATE OR DELETE ON p2 FOR EACH ROW EXECUTE FUNCTION note()',
    'CREATE TRIGGER b BEFORE INSERT ON p1 FOR EACH ROW EXECUTE FUNCTION note()',
    'INSERT INTO p VALUES (501, 11, ''t''), (502, 22, ''t''), (503, 3, ''t'')',
    'INSERT INTO p SELECT g, g % 30, ''t'' FROM generate_series(510, 530) g',
    'UPDATE p SET k = 22 WHERE id = 503 AND k < 10',
    'UPDATE p SET v = ''w'' WHERE id > 520',
    'COPY p FROM PROGRAM ''printf "540\t11\tc\n541\t21\tc\n542\t22\tc\n"''',
    'DELETE FROM p2 WHERE id > 535',
    'DROP TRIGGER n ON p2', 'DROP TRIGGER b ON p1');
-- children of a table
CALL compare.writes('route',
    'INSERT INTO parent VALUES (30, 30, ''here'')', 'INSERT INTO child VALUES (31, 31, ''there'', ''m'')',
    'UPDATE parent SET v = v || ''.'' WHERE n % 4 = 0', 'UPDATE parent SET n = n + 1 RETURNING tableoid::regclass, id, n', 'UPDATE parent SET v = s.v FROM src s WHERE s.id = parent.id AND s.id > 8',
    'UPDATE ONLY parent SET v = ''only''', 'DELETE FROM parent WHERE n % 5 = 1', 'DELETE FROM parent USING src s WHERE s.id = parent.id AND s.k = 14',
    'UPDATE parent SET id = (SELECT max(id) FROM src) + id WHERE n > 15 AND random() < 2', 'DELETE FROM ONLY parent');
-- two of these rows have one ctid there: postgres_fdw changes both
CALL compare.writes('route',
    'UPDATE far_p SET v = ''one'' WHERE id = 1', 'UPDATE far_p SET v = v || ''r'' WHERE id = 2 AND random() < 2', 'UPDATE far_p SET v = ''x'' WHERE id IN (3, 4) AND random() < 2 RETURNING *',
    'DELETE FROM far_p WHERE id = 5 AND random() < 2', 'INSERT INTO far_p VALUES (30, 3, ''new''), (31, 4, ''new'')', 'INSERT INTO far_p VALUES (32, 12, ''nowhere'')', 'INSERT INTO far_p VALUES (30, 3, ''twice'')',
    'UPDATE far_p SET k = 8 WHERE id = 7 AND random() < 2', 'UPDATE far_p SET k = 8 WHERE id = 9', 'UPDATE far_p SET k = 12 WHERE id = 11', 'DELETE FROM far_p WHERE k = 8');
