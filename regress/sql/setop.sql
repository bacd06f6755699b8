--
-- Set operations: of one server they go there as one query; of others, each
-- operand does what it can.
--
SELECT compare.make_server('setop_srv');
SELECT compare.make_server('setop_other');
SET client_min_messages = error;
DROP SCHEMA IF EXISTS setop_r, setop_f CASCADE;
RESET client_min_messages;
CREATE SCHEMA setop_r;
CREATE SCHEMA setop_f;
CREATE TABLE setop_r.a (id int, g int, s text, n numeric);
CREATE TABLE setop_r.b (LIKE setop_r.a);
CREATE TABLE setop_r.c (LIKE setop_r.a);
INSERT INTO setop_r.a SELECT i, i % 3, 's' || i % 4, i % 5 FROM generate_series(1, 12) i;
INSERT INTO setop_r.b SELECT i, i % 4, 's' || i % 3, i % 5 + 0.00 FROM generate_series(5, 18) i;
INSERT INTO setop_r.c SELECT i, NULL, NULL, i FROM generate_series(1, 4) i;
CREATE FOREIGN TABLE setop_f.a (id int, g int, s text, n numeric) SERVER setop_srv OPTIONS (schema_name 'setop_r');
CREATE FOREIGN TABLE setop_f.b (id int, g int, s text, n numeric) SERVER setop_srv OPTIONS (schema_name 'setop_r');
CREATE FOREIGN TABLE setop_f.c (id int, g int, s text, n numeric) SERVER setop_other OPTIONS (schema_name 'setop_r');
CREATE FUNCTION public.setop_local(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN x + 1; END';
ANALYZE setop_r.a, setop_r.b, setop_r.c;

\pset tuples_only on
\pset format unaligned

-- of one server
SELECT compare.queries('setop',
    'SELECT g FROM a UNION SELECT g FROM b',
    'SELECT g, s FROM a UNION ALL SELECT g, s FROM b',
    'SELECT g FROM a INTERSECT SELECT g FROM b ORDER BY g',
    'SELECT s, g FROM a INTERSECT ALL SELECT s, g FROM b',
    'SELECT s FROM a EXCEPT SELECT s FROM b',
    'SELECT g FROM a EXCEPT ALL SELECT g FROM b',
    'SELECT n FROM a UNION SELECT g FROM b ORDER BY 1 DESC LIMIT 3',
    '(SELECT id FROM a ORDER BY id LIMIT 2) UNION ALL (SELECT id FROM b ORDER BY id DESC LIMIT 2)',
    'SELECT g, count(*) FROM a GROUP BY g UNION SELECT id, 1 FROM b WHERE id < 8',
    'SELECT x.g, count(*) FROM (SELECT g FROM a UNION ALL SELECT g FROM b) x GROUP BY x.g',
    '(SELECT g FROM a UNION SELECT g FROM b) EXCEPT SELECT 1',
    -- an outer join that the planner makes an inner one (and the query another one, from 16 on)
    'SELECT g FROM a EXCEPT ALL SELECT x.g FROM a x LEFT JOIN b y ON x.id = y.id WHERE EXISTS (SELECT 1 FROM b) AND y.g >= 0');
-- of several, or with something that stays here; many are sorted since 17
SELECT regexp_replace(line, '^(   Remote SQL: .*) ORDER BY (g|id|s) ASC NULLS LAST$', '\1') FROM compare.sent('setop',
    'SELECT g FROM a UNION SELECT g FROM c',
    'SELECT g FROM a UNION SELECT g FROM b UNION SELECT g FROM c',
    'SELECT id FROM a EXCEPT SELECT id FROM c ORDER BY id',
    'SELECT setop_local(g) FROM a UNION SELECT g FROM b',
    'SELECT g, count(*) FROM a GROUP BY g UNION ALL SELECT id, sum(n) FROM c GROUP BY id',
    'SELECT s FROM a WHERE setop_local(g) = 2 INTERSECT SELECT s FROM b',
    '(SELECT DISTINCT g FROM a ORDER BY g LIMIT 2) UNION ALL SELECT g FROM c',
    'SELECT * FROM (SELECT id, s FROM a UNION ALL SELECT id, s FROM c) x ORDER BY id, s LIMIT 5') line;
