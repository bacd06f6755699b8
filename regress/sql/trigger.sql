--
-- Triggers of foreign tables, and of the tables behind them. Each statement is
-- run on tables, on foreign tables, and on those of postgres_fdw.
--
SELECT compare.sides('trigger', $remote$
    CREATE TABLE t (id int PRIMARY KEY, n int, v text, seen text);
    INSERT INTO t SELECT g, g, 'v' || g FROM generate_series(1, 12) g;
    CREATE TABLE quiet (id int PRIMARY KEY, n int, v text);
    INSERT INTO quiet SELECT g, g, 'q' || g FROM generate_series(1, 6) g;
    CREATE TABLE loud (id int PRIMARY KEY, n int, v text);
    INSERT INTO loud SELECT g, g, 'l' || g FROM generate_series(1, 6) g;
    CREATE TABLE remote_notes (what text);
    -- changes a row, or keeps it from being written
    CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            RETURN CASE WHEN OLD.n = 3 THEN NULL ELSE OLD END;
        ELSIF NEW.n = 7 THEN
            RETURN NULL;
        ELSIF NEW.n = 13 THEN
            RAISE EXCEPTION 'not thirteen' USING ERRCODE = 'ZZ013';
        END IF;
        NEW.seen := coalesce(NEW.seen, '') || 'r' || NEW.n;
        RETURN NEW;
    END $$;
    CREATE FUNCTION note_there() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO @.remote_notes VALUES (concat_ws(' ', TG_WHEN, TG_OP, TG_LEVEL, CASE WHEN TG_LEVEL = 'ROW' AND TG_OP <> 'INSERT' THEN OLD::text END,
            CASE WHEN TG_LEVEL = 'ROW' AND TG_OP <> 'DELETE' THEN NEW::text END));
        RETURN NULL;
    END $$;
    CREATE TRIGGER c_change BEFORE INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION change();
    CREATE TRIGGER c_note AFTER INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION note_there();
    CREATE TRIGGER c_note AFTER INSERT OR UPDATE OR DELETE ON quiet FOR EACH ROW EXECUTE FUNCTION note_there();
$remote$, $local$
    CREATE TABLE notes (what text);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO notes VALUES (concat_ws(' ', TG_NAME, TG_WHEN, TG_OP, TG_LEVEL, TG_TABLE_NAME, CASE WHEN TG_LEVEL = 'ROW' AND TG_OP <> 'INSERT' THEN OLD::text END,
            CASE WHEN TG_LEVEL = 'ROW' AND TG_OP <> 'DELETE' THEN NEW::text END, 'rows ' || (SELECT count(*) FROM loud)));
        RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    END $$;
    CREATE FUNCTION alter_row() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.n = 5 THEN
            RETURN NULL;
        END IF;
        NEW.v := NEW.v || '+' || TG_OP;
        RETURN NEW;
    END $$;
    CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
$local$);

-- triggers of the remote table alone
CALL compare.writes('trigger',
    'INSERT INTO t VALUES (20, 20, ''new'')',
    'INSERT INTO t VALUES (21, 21, ''new'') RETURNING *',
    'INSERT INTO t VALUES (22, 7, ''not'')',
    'INSERT INTO t VALUES (22, 7, ''not''), (23, 8, ''yes''), (24, 7, ''not'') RETURNING id, seen',
    'INSERT INTO t SELECT g, g, ''many'' FROM generate_series(30, 60) g',
    'INSERT INTO t SELECT g, g % 8, ''some'' FROM generate_series(70, 100) g',
    'INSERT INTO t SELECT g, g % 14, ''fails'' FROM generate_series(110, 140) g',
    'INSERT INTO t VALUES (1, 1, ''there'') ON CONFLICT DO NOTHING',
    'INSERT INTO t SELECT g, g, ''x'' FROM generate_series(8, 24) g ON CONFLICT DO NOTHING RETURNING id, seen',
    'UPDATE t SET v = ''u'' WHERE id = 1',
    'UPDATE t SET n = 7 WHERE id < 4',
    'UPDATE t SET n = n + 4 WHERE id BETWEEN 1 AND 5 RETURNING id, n, seen',
    'UPDATE t SET n = n + 4 WHERE id BETWEEN 1 AND 5 AND random() < 2 RETURNING id, n, seen',
    'UPDATE t SET n = 13 WHERE id = 8',
    'DELETE FROM t WHERE id IN (2, 3, 4, 5, 6)',
    'DELETE FROM t WHERE n = 3 OR id > 90 AND random() < 2 RETURNING id',
    'INSERT INTO quiet SELECT g, g, ''q'' FROM generate_series(10, 20) g',
    'UPDATE quiet SET v = v || v WHERE n > 4',
    'DELETE FROM quiet WHERE n > 15',
    'COPY quiet FROM PROGRAM ''printf "31\t1\tcopied\n32\t2\tcopied\n"''',
    'COPY t (id, n) FROM PROGRAM ''printf "201\t1\n202\t7\n203\t3\n"''',
    'COPY t (id, n) FROM PROGRAM ''printf "211\t1\n212\t13\n213\t3\n"''');

-- of a statement, on the foreign table
CALL compare.writes('trigger',
    'CREATE TRIGGER s1 BEFORE INSERT OR UPDATE OR DELETE ON loud FOR EACH STATEMENT EXECUTE FUNCTION note()',
    'CREATE TRIGGER s2 AFTER INSERT OR UPDATE OR DELETE ON loud FOR EACH STATEMENT EXECUTE FUNCTION note()',
    'INSERT INTO loud VALUES (10, 10, ''x''), (11, 11, ''y'')',
    'INSERT INTO loud SELECT g, g, ''z'' FROM generate_series(12, 40) g',
    'UPDATE loud SET v = ''changed'' WHERE id = 10',
    'UPDATE loud SET v = ''none'' WHERE id = -1',
    'DELETE FROM loud WHERE id > 20',
    'COPY loud FROM PROGRAM ''printf "50\t1\tc\n51\t2\tc\n"''');

-- of rows: what they see is what the remote has made of it
CALL compare.writes('trigger',
    'CREATE TRIGGER r1 BEFORE INSERT OR UPDATE OR DELETE ON loud FOR EACH ROW EXECUTE FUNCTION note()',
    'CREATE TRIGGER r2 AFTER INSERT OR UPDATE OR DELETE ON loud FOR EACH ROW EXECUTE FUNCTION note()',
    'INSERT INTO loud VALUES (60, 60, ''x''), (61, 61, ''y'')',
    'INSERT INTO loud SELECT g, g, ''z'' FROM generate_series(62, 65) g',
    'INSERT INTO loud VALUES (70, 5, ''x'') RETURNING v, id',
    'UPDATE loud SET v = ''again'' WHERE id BETWEEN 60 AND 62',
    'UPDATE loud SET v = ''again'' WHERE id = 10 RETURNING *',
    'DELETE FROM loud WHERE id BETWEEN 60 AND 62',
    'COPY loud FROM PROGRAM ''printf "80\t1\tc\n81\t2\tc\n"''',
    'INSERT INTO loud VALUES (1, 1, ''twice'')',
    'UPDATE loud SET id = 2 WHERE id = 1');
CALL compare.writes('trigger',
    'DROP TRIGGER r1 ON loud', 'DROP TRIGGER r2 ON loud', 'DROP TRIGGER s1 ON loud', 'DROP TRIGGER s2 ON loud',
    'CREATE TRIGGER w BEFORE UPDATE ON loud FOR EACH ROW WHEN (OLD.v IS DISTINCT FROM NEW.v AND NEW.id > 2) EXECUTE FUNCTION note()',
    'CREATE TRIGGER wa AFTER UPDATE OF v ON loud FOR EACH ROW WHEN (OLD.n < 5) EXECUTE FUNCTION note()',
    'UPDATE loud SET v = ''l2'' WHERE id < 6',
    'UPDATE loud SET n = n WHERE id < 6',
    'DROP TRIGGER w ON loud', 'DROP TRIGGER wa ON loud');

-- a row is changed, or not written, before it is sent; and then there as well
CALL compare.writes('trigger',
    'CREATE TRIGGER b BEFORE INSERT OR UPDATE ON loud FOR EACH ROW EXECUTE FUNCTION alter_row()',
    'INSERT INTO loud VALUES (100, 1, ''i'')',
    'INSERT INTO loud VALUES (101, 1, ''i''), (102, 5, ''not''), (103, 2, ''i'') RETURNING id, v',
    'INSERT INTO loud SELECT g, g % 7, ''m'' FROM generate_series(110, 130) g',
    'UPDATE loud SET n = n + 1 WHERE id > 100 RETURNING id, n, v',
    'COPY loud FROM PROGRAM ''printf "140\t5\tc\n141\t2\tc\n"''',
    'DROP TRIGGER b ON loud',
    'CREATE TRIGGER a BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION alter_row()',
    'CREATE TRIGGER z AFTER INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION note()',
    'INSERT INTO t SELECT g, g % 9, ''both'' FROM generate_series(300, 320) g',
    'INSERT INTO t VALUES (330, 5, ''here''), (331, 7, ''there''), (332, 8, ''kept'') RETURNING id, v, seen',
    'UPDATE t SET n = n + 1 WHERE id BETWEEN 300 AND 309',
    'UPDATE t SET v = ''w'' WHERE id BETWEEN 300 AND 309 RETURNING id, n, v, seen',
    'DELETE FROM t WHERE id BETWEEN 300 AND 320',
    'DROP TRIGGER a ON t', 'DROP TRIGGER z ON t',
    'CREATE TRIGGER k BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION keep()',
    'DELETE FROM t WHERE id = 1', 'DELETE FROM t', 'DROP TRIGGER k ON t');

-- what cannot be
CALL compare.writes('trigger',
    'CREATE TRIGGER tt AFTER INSERT ON loud REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION note()',
    'CREATE TRIGGER io INSTEAD OF INSERT ON loud FOR EACH ROW EXECUTE FUNCTION note()',
    'CREATE CONSTRAINT TRIGGER ct AFTER INSERT ON loud FOR EACH ROW EXECUTE FUNCTION note()');
