--
-- join.c, order.c: joins that the remote does, and what keeps them here.
--
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
DROP SCHEMA IF EXISTS join_r, join_f CASCADE;
DROP FUNCTION IF EXISTS public.here(int), public.pushes(text[]);
CREATE SCHEMA join_r;
CREATE SCHEMA join_f;
SELECT compare.make_server('joined'), compare.make_server('elsewhere');
CREATE TABLE join_r.a (id int PRIMARY KEY, b int, t text, x int);
CREATE TABLE join_r.b (id int PRIMARY KEY, c int, t text, x int);
CREATE TABLE join_r.c (id int PRIMARY KEY, t text, x int);
INSERT INTO join_r.a SELECT i, nullif(i % 12, 0), nullif('t' || i % 5, 't3'), i % 3 FROM generate_series(1, 40) i;
INSERT INTO join_r.b SELECT i, nullif(i % 5, 4), nullif('t' || i % 6, 't2'), i % 4 FROM generate_series(1, 14) i;
INSERT INTO join_r.c SELECT i, 't' || i, i % 2 FROM generate_series(1, 6) i;
CREATE FOREIGN TABLE join_f.a (id int, b int, t text, x int) SERVER joined OPTIONS (schema_name 'join_r');
CREATE FOREIGN TABLE join_f.b (id int, c int, t text, x int) SERVER joined OPTIONS (schema_name 'join_r');
CREATE FOREIGN TABLE join_f.c (id int, t text, x int) SERVER joined OPTIONS (schema_name 'join_r');
CREATE FOREIGN TABLE join_f.d (id int, t text, x int) SERVER elsewhere OPTIONS (schema_name 'join_r', table_name 'c');
CREATE VIEW join_r.d AS SELECT * FROM join_r.c;
CREATE FUNCTION public.here(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 % 2 = 1; END';
ANALYZE join_r.a, join_r.b, join_r.c;
-- joins here are cheap, too: what could be pushed is to be, and not as a whole query
SET pgwire_fdw.ship_queries = off;
CREATE FUNCTION public.pushes(VARIADIC text[]) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT compare.queries('join', VARIADIC $1) $$;
SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_nestloop = off;

-- of every type
SELECT pushes(
    'SELECT a.id, b.t FROM a JOIN b ON a.b = b.id',
    'SELECT a.id, b.t FROM a, b WHERE a.b = b.id AND a.x > 0 AND b.x < 3',
    'SELECT a.id, b.id, b.t FROM a LEFT JOIN b ON a.b = b.id AND b.x = 1',
    'SELECT a.id, b.id FROM a RIGHT JOIN b ON a.b = b.id AND a.x = 1 WHERE b.x > 0',
    'SELECT a.id, b.id FROM a FULL JOIN b ON a.id = b.id',
    'SELECT a.id, b.id FROM (SELECT * FROM a WHERE x = 1) a FULL JOIN (SELECT * FROM b WHERE x = 2) b ON a.id = b.id',
    'SELECT a.id FROM a WHERE EXISTS (SELECT FROM b WHERE b.id = a.b AND b.x > a.x)',
    'SELECT a.id FROM a WHERE a.b IN (SELECT id FROM b WHERE x = 1)',
    'SELECT a.id FROM a WHERE NOT EXISTS (SELECT FROM b WHERE b.id = a.b AND b.x > 1)',
    'SELECT a.id, a.t FROM a LEFT JOIN b ON a.b = b.id WHERE b.id IS NULL',
    'SELECT a.id, b.* FROM a LEFT JOIN b ON a.b = b.id WHERE b.id IS NULL',
    'SELECT a.id, b.id FROM a, b WHERE a.x = 0 AND b.x = 0');

-- of more than two, with themselves, under sub-queries
SELECT pushes(
    'SELECT a.id, b.id, c.t FROM a JOIN b ON a.b = b.id JOIN c ON b.c = c.id',
    'SELECT a.id, b.id, c.t FROM a LEFT JOIN b ON a.b = b.id LEFT JOIN c ON b.c = c.id',
    'SELECT a.id, s.bid, s.ct FROM a LEFT JOIN (SELECT b.id bid, c.t ct FROM b JOIN c ON b.c = c.id WHERE c.x = 1) s ON a.b = s.bid',
    'SELECT a.id, s.bid, s.ct FROM a LEFT JOIN (SELECT b.id bid, c.t ct FROM b LEFT JOIN c ON b.c = c.id AND c.x = 1 WHERE b.x > 0) s ON a.b = s.bid WHERE a.x < 2',
    'SELECT a.id, s.bid FROM a FULL JOIN (SELECT b.id bid FROM b JOIN c ON b.c = c.id WHERE c.x = 1) s ON a.id = s.bid',
    'SELECT a.id FROM a JOIN b ON a.b = b.id WHERE EXISTS (SELECT FROM c WHERE c.id = b.c)',
    'SELECT a.id, s.id FROM a LEFT JOIN (SELECT b.id FROM b WHERE b.c IN (SELECT id FROM c WHERE x = 1)) s ON a.b = s.id',
    'SELECT a.id, s.id FROM a LEFT JOIN (SELECT b.id FROM b WHERE NOT EXISTS (SELECT FROM c WHERE c.id = b.c)) s ON a.b = s.id',
    'SELECT a1.id, a2.id FROM a a1 JOIN a a2 ON a1.id = a2.b',
    'SELECT a.id, b.id, c.id, a2.id, b2.id FROM a JOIN b ON a.b = b.id LEFT JOIN c ON b.c = c.id JOIN a a2 ON a2.id = b.id LEFT JOIN b b2 ON b2.id = a2.b AND b2.t = c.t',
    'SELECT a1, b1 FROM a a1 LEFT JOIN b b1 ON a1.b = b1.id WHERE a1.id < 15',
    'SELECT a.id FROM a WHERE EXISTS (SELECT FROM b JOIN c ON b.c = c.id WHERE b.id = a.b)',
    'SELECT a.id FROM a WHERE EXISTS (SELECT FROM b WHERE b.id = a.b AND EXISTS (SELECT FROM c WHERE c.id = b.c AND c.x = 1))');

-- in order
SELECT pushes(
    'SELECT a.id, b.t FROM a JOIN b ON a.b = b.id ORDER BY b.t DESC, a.id',
    'SELECT a.id, b.t FROM a LEFT JOIN b ON a.b = b.id ORDER BY b.id NULLS FIRST, a.id DESC LIMIT 5',
    'SELECT id, t FROM a ORDER BY t, id');

-- what is checked here, above the join or instead of it
SELECT pushes(
    'SELECT a.id, b.t FROM a JOIN b ON a.b = b.id AND public.here(a.x + b.x)',
    'SELECT a.id, b.t FROM a JOIN b ON a.b = b.id WHERE public.here(a.x) AND public.here(b.x)',
    'SELECT a.id, b.id FROM a LEFT JOIN b ON a.b = b.id WHERE public.here(a.x)',
    'SELECT a.id, b.id FROM a LEFT JOIN b ON a.b = b.id WHERE public.here(coalesce(b.x, a.x))',
    'SELECT a.id, b.id, c.id FROM a LEFT JOIN b ON a.b = b.id JOIN c ON c.id = a.x + 1 WHERE public.here(coalesce(b.x, a.x))',
    'SELECT a.id FROM a WHERE public.here(a.x) AND EXISTS (SELECT FROM b WHERE b.id = a.b)');
RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_nestloop;
SELECT pushes(
    'SELECT a.id, b.id FROM a LEFT JOIN b ON a.b = b.id AND public.here(b.x)',
    'SELECT a.id, b.id FROM a LEFT JOIN (SELECT * FROM b WHERE public.here(b.x)) b ON a.b = b.id',
    'SELECT a.id, d.t FROM a JOIN d ON a.id = d.id');
-- which of the two is hashed differs between majors
SELECT line FROM compare.sent('join',
    'SELECT a.id FROM a WHERE EXISTS (SELECT FROM b WHERE b.id = a.b AND public.here(b.x))') line ORDER BY line COLLATE "C";

-- of partitions with each other
CREATE TABLE join_r.p (id int, v text) PARTITION BY RANGE (id);
CREATE TABLE join_r.p1 PARTITION OF join_r.p FOR VALUES FROM (0) TO (10);
CREATE TABLE join_r.p2 PARTITION OF join_r.p FOR VALUES FROM (10) TO (100);
CREATE TABLE join_r.q (id int, w text) PARTITION BY RANGE (id);
CREATE TABLE join_r.q1 PARTITION OF join_r.q FOR VALUES FROM (0) TO (10);
CREATE TABLE join_r.q2 (w text, gone int, id int);
ALTER TABLE join_r.q2 DROP gone;
ALTER TABLE join_r.q ATTACH PARTITION join_r.q2 FOR VALUES FROM (10) TO (100);
INSERT INTO join_r.p SELECT i, 'p' || i FROM generate_series(0, 30, 2) i;
INSERT INTO join_r.q SELECT i, 'q' || i FROM generate_series(0, 30, 3) i;
CREATE TABLE join_f.p (id int, v text) PARTITION BY RANGE (id);
CREATE FOREIGN TABLE join_f.p1 PARTITION OF join_f.p FOR VALUES FROM (0) TO (10) SERVER joined OPTIONS (schema_name 'join_r');
CREATE FOREIGN TABLE join_f.p2 PARTITION OF join_f.p FOR VALUES FROM (10) TO (100) SERVER elsewhere OPTIONS (schema_name 'join_r');
CREATE TABLE join_f.q (id int, w text) PARTITION BY RANGE (id);
CREATE FOREIGN TABLE join_f.q1 PARTITION OF join_f.q FOR VALUES FROM (0) TO (10) SERVER joined OPTIONS (schema_name 'join_r');
CREATE FOREIGN TABLE join_f.q2 (gone int, w text, id int) SERVER elsewhere OPTIONS (schema_name 'join_r');
ALTER TABLE join_f.q2 DROP gone;
ALTER TABLE join_f.q ATTACH PARTITION join_f.q2 FOR VALUES FROM (10) TO (100);
SET enable_partitionwise_join = on;
SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_nestloop = off;
SELECT pushes(
    'SELECT p.id, p.v, q.w FROM p JOIN q ON p.id = q.id',
    'SELECT p.id, q.id, q.w FROM p LEFT JOIN q ON p.id = q.id AND q.w <> ''q12'' WHERE p.id > 3 ORDER BY p.id',
    'SELECT p.id, q.id FROM p FULL JOIN q ON p.id = q.id',
    'SELECT p1, q1 FROM p p1 LEFT JOIN q q1 ON p1.id = q1.id',
    'SELECT p.id FROM p WHERE EXISTS (SELECT FROM q WHERE q.id = p.id)');
RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_nestloop;

-- what is computed below an outer join, which makes it NULL, be it a constant
SELECT pushes(
    'SELECT a.id, s.k FROM a LEFT JOIN (SELECT b.id, 13 AS k FROM b) s ON a.b = s.id',
    'SELECT a.id, s.k FROM a LEFT JOIN (SELECT b.id, coalesce(b.c, 0) AS k FROM b JOIN c ON b.c = c.id) s ON a.b = s.id');
SET pgwire_fdw.ship_queries = on;
SELECT pushes(
    'SELECT a.id, s.k FROM a LEFT JOIN (SELECT b.id, 13 AS k FROM b) s ON a.b = s.id',
    'SELECT a.id, s.k + 1, s.k = 13 FROM a LEFT JOIN (SELECT b.id, 13 AS k FROM b) s ON a.b = s.id');
-- of which a part is refused
CREATE VIEW join_r.v WITH (security_barrier) AS SELECT * FROM join_r.b WHERE x > 1;
CREATE VIEW join_f.v WITH (security_barrier) AS SELECT * FROM join_f.b WHERE x > 1;
SELECT compare.sent('join',
    'SELECT DISTINCT 5 AS n FROM a FULL JOIN (SELECT (SELECT c.t FROM v ORDER BY c.t, v.id LIMIT 1) AS k FROM c) s ON a.t = s.k');
