--
-- A query whose tables are all of one server goes there as one statement, and so
-- does each level of a mixed query that can. Results are those of the tables
-- behind the foreign ones.
--
SET client_min_messages = error;
DROP SCHEMA IF EXISTS query_r, query_f CASCADE;
DROP ROLE IF EXISTS query_reader, query_owner;
RESET client_min_messages;
CREATE SCHEMA query_r;
CREATE SCHEMA query_f;
SELECT compare.make_server('query_srv'), compare.make_server('query_other');
DO $$
DECLARE
    s text;
BEGIN
    FOREACH s IN ARRAY ARRAY['query_srv', 'query_other'] LOOP
        EXECUTE format('CREATE USER MAPPING FOR PUBLIC SERVER %I OPTIONS (user %L, password_required ''false'')', s, current_user);
    END LOOP;
END $$;
SET search_path = query_r;
CREATE TABLE item (id int PRIMARY KEY, grp int, price numeric, name text, day date, up int);
INSERT INTO item SELECT g, g % 7, g * 1.5, 'item ' || g % 11, date '2020-01-01' + g % 30, nullif(g / 3, 0) FROM generate_series(1, 200) g;
INSERT INTO item VALUES (201, NULL, NULL, NULL, NULL, NULL), (202, NULL, 3, 'odd', NULL, 1);
CREATE TABLE sale (item int, qty int, at date, note text);
INSERT INTO sale SELECT g % 150, g % 5, date '2020-01-01' + g % 40, CASE WHEN g % 4 = 0 THEN 'note ' || g % 3 END FROM generate_series(1, 600) g;
INSERT INTO sale VALUES (NULL, NULL, NULL, NULL), (NULL, 3, '2020-01-02', 'x'), (500, 1, NULL, 'none');
CREATE TABLE grp (id int, label text);
INSERT INTO grp SELECT g, 'group ' || g FROM generate_series(0, 8) g;
ANALYZE item, sale, grp;
CREATE FOREIGN TABLE query_f.item (id int, grp int, price numeric, name text, day date, up int) SERVER query_srv OPTIONS (schema_name 'query_r');
CREATE FOREIGN TABLE query_f.sale (item int, qty int, at date, note text) SERVER query_srv OPTIONS (schema_name 'query_r');
CREATE FOREIGN TABLE query_f.grp (id int, label text) SERVER query_srv OPTIONS (schema_name 'query_r');
CREATE FOREIGN TABLE query_f.elsewhere (id int, label text) SERVER query_other OPTIONS (schema_name 'query_r', table_name 'grp');
CREATE VIEW elsewhere AS SELECT * FROM grp;
CREATE VIEW query_f.sums AS SELECT item, sum(qty) AS total FROM query_f.sale GROUP BY item;
CREATE VIEW sums AS SELECT item, sum(qty) AS total FROM sale GROUP BY item;
CREATE VIEW query_f.guarded WITH (security_barrier) AS SELECT * FROM query_f.item WHERE grp < 5;
CREATE VIEW guarded AS SELECT * FROM item WHERE grp < 5;

-- ===================================================================
-- the session's first foreign query
-- ===================================================================
\c -
EXPLAIN (VERBOSE, COSTS OFF)
SELECT g.label, count(*), (SELECT max(qty) FROM query_f.sale) FROM query_f.grp g JOIN query_f.item i ON i.grp = g.id GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3;

-- What is asked, whether the plan is one Foreign Scan ("whole"), and whether the
-- rows are those of the tables behind.
CREATE FUNCTION query_r.shape(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    PERFORM set_config('search_path', 'query_f', true);
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    IF plan->0->'Plan'->>'Node Type' = 'Foreign Scan' AND plan->0->'Plan'->'Plans' IS NULL THEN
        RETURN 'whole';
    END IF;
    RETURN format('%s scans', (length(plan::text) - length(replace(plan::text, '"Foreign Scan"', ''))) / length('"Foreign Scan"'));
END $$;
CREATE FUNCTION query_r.ask(VARIADIC queries text[], OUT query text, OUT shape text, OUT verdict text) RETURNS SETOF record LANGUAGE sql AS $$
    SELECT q, query_r.shape(q), compare.verdict('query', q) FROM unnest(queries) q
$$;
\pset format unaligned

-- ===================================================================
-- sub-selects
-- ===================================================================
SELECT * FROM query_r.ask(
    $$SELECT id FROM item WHERE price > (SELECT avg(price) FROM item)$$,
    $$SELECT id, (SELECT count(*) FROM sale WHERE item = id) FROM item$$,
    $$SELECT id, (SELECT max(at) FROM sale s WHERE s.item = i.id AND qty > i.grp) FROM item i ORDER BY 2 DESC NULLS LAST, 1$$,
    $$SELECT id FROM item i WHERE price > (SELECT avg(price) FROM item j WHERE j.grp = i.grp)$$,
    $$SELECT id FROM item WHERE id NOT IN (SELECT item FROM sale WHERE item IS NOT NULL)$$,
    $$SELECT id FROM item WHERE id NOT IN (SELECT item FROM sale)$$,
    $$SELECT id FROM item WHERE id IN (SELECT item FROM sale WHERE qty > 3)$$,
    $$SELECT id, id IN (SELECT item FROM sale WHERE qty > 3) FROM item$$,
    $$SELECT id, (id, grp) IN (SELECT item, qty FROM sale) FROM item$$,
    $$SELECT id, grp > ALL (SELECT qty FROM sale WHERE item = id) FROM item$$,
    $$SELECT id FROM item WHERE EXISTS (SELECT 1 FROM sale WHERE item = id) OR grp = 3$$,
    $$SELECT id, EXISTS (SELECT 1 FROM sale WHERE item = id) FROM item$$,
    $$SELECT id FROM item WHERE EXISTS (SELECT 1 FROM sale WHERE item = id AND qty > 1) AND NOT EXISTS (SELECT FROM grp WHERE grp.id = item.grp AND label LIKE '%5')$$,
    $$SELECT id FROM item i WHERE NOT EXISTS (SELECT 1 FROM sale s JOIN item j ON j.id = s.item WHERE j.up = i.id)$$,
    $$SELECT id, ARRAY(SELECT qty FROM sale WHERE item = id ORDER BY at, qty) FROM item WHERE id < 20$$,
    $$SELECT id FROM item WHERE (grp, up) = (SELECT grp, up FROM item WHERE id = 50)$$,
    $$SELECT (SELECT count(*) FROM item), (SELECT sum(qty) FROM sale)$$,
    $$SELECT grp, (SELECT label FROM grp WHERE grp.id = item.grp), count(*) FROM item GROUP BY grp HAVING count(*) > (SELECT count(*) / 2 FROM grp)$$,
    $$SELECT grp, sum(price), (SELECT count(*) FROM sale WHERE qty = grp) FROM item GROUP BY grp HAVING EXISTS (SELECT 1 FROM sale WHERE qty = grp)$$,
    $$SELECT id FROM item i WHERE price = (SELECT max(price) FROM item j WHERE j.grp = i.grp AND EXISTS (SELECT 1 FROM sale WHERE item = j.id AND at > i.day))$$,
    $$SELECT id, (SELECT count(*) FROM sale WHERE EXISTS (SELECT 1 FROM grp WHERE label = 'group 3')) FROM item$$,
    $$SELECT id, (SELECT max(u) FROM (SELECT item AS u FROM sale UNION SELECT (SELECT count(*)::int FROM grp)) s) FROM item$$,
    $$SELECT id FROM item WHERE grp = ANY ((SELECT array_agg(qty) FROM sale WHERE item = 7)::int[])$$
);

-- anti joins, of which the planner keeps more or less, depending on its minor
-- release; so only the rows are looked at
SELECT compare.verdict('query', q) AS verdict FROM unnest(ARRAY[
    $$SELECT id FROM item WHERE NOT EXISTS (SELECT FROM sale WHERE item = id AND qty > 1) AND price > (SELECT avg(price) FROM item)$$,
    $$SELECT grp, count(*) FROM item WHERE NOT EXISTS (SELECT FROM sale WHERE item = id AND qty > 1) AND price > (SELECT avg(price) FROM item) GROUP BY grp$$,
    $$SELECT i.id FROM item i LEFT JOIN sale s ON s.item = i.id WHERE s.item IS NULL AND price > (SELECT avg(price) FROM item)$$,
    $$SELECT i.id, s.at FROM item i LEFT JOIN sale s ON s.item = i.id WHERE s.item IS NULL AND price > (SELECT avg(price) FROM item)$$,
    $$SELECT i.id, s.at FROM item i LEFT JOIN sale s ON s.item = i.id WHERE s.item IS NULL AND s.note IS NULL AND price > (SELECT avg(price) FROM item)$$,
    $$SELECT i.id, s.at FROM item i LEFT JOIN sale s ON s.item = i.id AND s.qty = i.grp WHERE s.item IS NULL AND s.qty IS NULL AND price > (SELECT avg(price) FROM item)$$,
    $$SELECT i.id, s.at FROM item i LEFT JOIN sale s ON s.item = i.id WHERE s.item IS NULL AND NOT EXISTS (SELECT FROM grp WHERE id = i.grp AND label LIKE '%5') AND price > (SELECT avg(price) FROM item)$$
]) q;

-- ===================================================================
-- sub-queries in FROM, LATERAL, views
-- ===================================================================
SELECT * FROM query_r.ask(
    $$SELECT s.grp, s.total, label FROM (SELECT grp, sum(price) AS total FROM item GROUP BY grp) s LEFT JOIN grp ON grp.id = s.grp WHERE s.total > 100$$,
    $$SELECT max(n) FROM (SELECT item, count(*) AS n, sum(qty) FROM sale GROUP BY item) s$$,
    $$SELECT i.id, s.total FROM item i, LATERAL (SELECT sum(qty) AS total FROM sale WHERE item = i.id) s WHERE s.total > 8$$,
    $$SELECT i.id, s.qty FROM item i LEFT JOIN LATERAL (SELECT qty FROM sale WHERE item = i.id ORDER BY qty DESC, at LIMIT 1) s ON true$$,
    $$SELECT name, total FROM item JOIN sums ON item = id ORDER BY total DESC, name, id LIMIT 10$$,
    $$SELECT * FROM sums WHERE total = (SELECT max(total) FROM sums)$$,
    $$SELECT i.id, z.c FROM item i LEFT JOIN (SELECT item, 42 AS c FROM sale WHERE qty = 4) z ON z.item = i.id$$,
    $$SELECT i.id, z.c FROM item i LEFT JOIN (SELECT item, coalesce(note, 'none') AS c FROM sale WHERE qty = 4) z ON z.item = i.id WHERE z.c IS NULL OR z.c <> 'x'$$,
    $$SELECT DISTINCT grp, up FROM (SELECT * FROM item ORDER BY price LIMIT 50) s WHERE grp > 2$$,
    $$SELECT * FROM (SELECT id, grp, row_number() OVER (PARTITION BY grp ORDER BY price DESC) AS n FROM item) s WHERE n <= 2$$,
    $$SELECT grp, avg(total) FROM (SELECT grp, total FROM item JOIN sums ON item = id OFFSET 5) s GROUP BY grp$$,
    $$SELECT id FROM guarded WHERE up > 3 UNION ALL SELECT 1$$,
    $$SELECT i.id FROM item i, (SELECT string_agg(note, ',') FROM sale WHERE qty > 100) s WHERE random() >= 0$$
);

-- ===================================================================
-- joins under all that
-- ===================================================================
SELECT * FROM query_r.ask(
    $$SELECT label, count(i.id) FROM grp LEFT JOIN item i ON i.grp = grp.id AND i.price > 20 GROUP BY label ORDER BY label$$,
    $$SELECT count(*) FROM item i FULL JOIN grp ON grp.id = i.grp WHERE i.id IS NULL OR grp.id IS NULL$$,
    $$SELECT grp.id FROM grp LEFT JOIN item i ON i.grp = grp.id WHERE i.id IS NULL$$,
    $$SELECT i.grp, count(s.qty) FROM item i LEFT JOIN (sale s JOIN grp g ON g.id = s.qty) ON s.item = i.id AND g.label > 'group 1' GROUP BY i.grp$$,
    $$SELECT i.grp, count(*) FROM item i LEFT JOIN sale s ON s.item = i.id AND EXISTS (SELECT 1 FROM grp WHERE grp.id = s.qty) GROUP BY i.grp$$,
    $$SELECT id, count(*) FROM item FULL JOIN grp USING (id) GROUP BY id$$
);

-- ===================================================================
-- set operations, VALUES, functions
-- ===================================================================
SELECT * FROM query_r.ask(
    $$SELECT id FROM item UNION ALL SELECT item FROM sale ORDER BY 1$$,
    $$SELECT grp FROM item UNION SELECT qty FROM sale$$,
    $$SELECT id FROM item EXCEPT SELECT item FROM sale ORDER BY 1$$,
    $$SELECT id FROM item INTERSECT SELECT item FROM sale WHERE qty > 2$$,
    $$SELECT grp FROM item INTERSECT ALL SELECT qty FROM sale$$,
    $$SELECT grp, 'item' AS kind FROM item UNION ALL (SELECT qty, 'sale' FROM sale EXCEPT SELECT 1, 'sale') ORDER BY 2, 1 LIMIT 250$$,
    $$SELECT count(*) FROM (SELECT id FROM item UNION ALL SELECT item FROM sale) u JOIN grp ON grp.id = u.id$$,
    $$SELECT id, count(*) FROM (SELECT id, grp FROM item WHERE grp = 1 UNION ALL SELECT item, qty FROM sale UNION ALL SELECT 7, 7) u GROUP BY id$$,
    $$SELECT grp::bigint FROM item UNION SELECT count(*) FROM sale GROUP BY item$$,
    $$(SELECT id FROM item ORDER BY price DESC NULLS LAST LIMIT 3) UNION ALL (SELECT id FROM item ORDER BY price LIMIT 3)$$,
    $$SELECT v.label, count(*) FROM (VALUES (1, 'one'), (2, 'two'), (NULL, 'none')) v(grp, label) JOIN item USING (grp) GROUP BY v.label$$,
    $$SELECT d, count(id) FROM generate_series(date '2020-01-01', date '2020-01-10', interval '1 day') d LEFT JOIN item ON day = d GROUP BY d$$,
    $$SELECT n, count(*) FROM generate_series(1, 5) n JOIN sale ON qty = n GROUP BY n ORDER BY n$$,
    $$SELECT i.id, n FROM item i, generate_series(1, i.grp) n WHERE i.id < 10$$,
    $$SELECT i.id, u.* FROM item i, unnest(ARRAY[i.grp, i.up], ARRAY['a', 'b']) WITH ORDINALITY u WHERE i.id < 10$$
);

-- ===================================================================
-- WITH
-- ===================================================================
SELECT * FROM query_r.ask(
    $$WITH s AS (SELECT grp, count(*) AS n FROM item GROUP BY grp) SELECT a.grp, b.grp FROM s a JOIN s b ON a.n = b.n AND a.grp < b.grp$$,
    $$WITH s AS MATERIALIZED (SELECT grp, sum(price) AS total FROM item GROUP BY grp) SELECT * FROM s WHERE total > (SELECT avg(total) FROM s)$$,
    $$WITH a AS (SELECT id, grp FROM item WHERE price > 10), b AS (SELECT grp, count(*) AS n FROM a GROUP BY grp) SELECT a.id, b.n FROM a JOIN b USING (grp) WHERE EXISTS (SELECT 1 FROM b c WHERE c.n > b.n)$$,
    $$WITH RECURSIVE r(id, depth) AS (SELECT id, 1 FROM item WHERE up IS NULL UNION ALL SELECT item.id, depth + 1 FROM r JOIN item ON item.up = r.id) SELECT depth, count(*) FROM r GROUP BY depth ORDER BY depth$$,
    $$WITH RECURSIVE r(n) AS (SELECT 1 UNION SELECT n + 1 FROM r WHERE n < 10) SELECT n, (SELECT count(*) FROM sale WHERE qty = n) FROM r$$,
    $$SELECT id FROM item WHERE id IN (WITH w AS MATERIALIZED (SELECT item FROM sale WHERE qty = 4) SELECT item FROM w)$$,
    $$WITH unused AS (SELECT * FROM elsewhere), w AS (SELECT id FROM item) SELECT count(*) FROM w a, w b WHERE a.id = b.id + 1$$
);

-- ===================================================================
-- groups, windows, DISTINCT, LIMIT
-- ===================================================================
SELECT * FROM query_r.ask(
    $$SELECT grp, name, count(*), sum(price) FROM item GROUP BY ROLLUP (grp, name)$$,
    $$SELECT grp, up, grouping(grp, up), count(*) FROM item WHERE id IN (SELECT item FROM sale) GROUP BY GROUPING SETS ((grp), (up), ()) HAVING count(*) > 2$$,
    $$SELECT grp, count(*) FROM item GROUP BY CUBE (grp, (up)) ORDER BY 1, 2$$,
    $$SELECT s.c, s.d, count(*) FROM (SELECT 5 AS c, 5 AS d, id FROM item) s JOIN sale ON item = s.id GROUP BY GROUPING SETS ((s.c), (s.d), ())$$,
    $$SELECT grp, count(DISTINCT name), string_agg(name, ',' ORDER BY id DESC), count(*) FILTER (WHERE price > 30) FROM item GROUP BY grp$$,
    $$SELECT id, rank() OVER w, sum(price) OVER (PARTITION BY grp ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM item WINDOW w AS (PARTITION BY grp ORDER BY up DESC)$$,
    $$SELECT grp, sum(count(*)) OVER (ORDER BY grp) FROM item GROUP BY grp ORDER BY grp$$,
    $$SELECT DISTINCT ON (grp) grp, id, price FROM item ORDER BY grp, price DESC, id$$,
    $$SELECT DISTINCT up % 3, grp FROM item ORDER BY 2, 1$$,
    $$SELECT id FROM item WHERE id IN (SELECT item FROM sale) ORDER BY price DESC, id OFFSET 3 FETCH FIRST 7 ROWS ONLY$$,
    $$SELECT id FROM item WHERE id IN (SELECT item FROM sale) ORDER BY grp FETCH FIRST 5 ROWS WITH TIES$$,
    $$SELECT min(id), max(price) FROM item WHERE id IN (SELECT item FROM sale)$$,
    $$SELECT DISTINCT 'x' COLLATE "C" AS x, grp FROM item ORDER BY 1, 2$$
);

-- ===================================================================
-- what stays here: a level of it may go
-- ===================================================================
SELECT * FROM query_r.ask(
    $$SELECT i.id FROM item i JOIN elsewhere e ON e.id = i.grp WHERE i.price > (SELECT avg(price) FROM item)$$,
    $$SELECT e.label, (SELECT count(*) FROM item i JOIN sale s ON s.item = i.id WHERE i.grp = e.id) FROM elsewhere e$$,
    $$SELECT e.label, s.n FROM elsewhere e JOIN (SELECT grp, count(*) AS n FROM item WHERE id IN (SELECT item FROM sale) GROUP BY grp) s ON s.grp = e.id$$,
    $$SELECT id FROM item WHERE price > (SELECT count(*) FROM elsewhere) AND id IN (SELECT item FROM sale)$$,
    $$SELECT id FROM item WHERE random() >= 0 AND id IN (SELECT item FROM sale)$$,
    $$SELECT id FROM item UNION SELECT id FROM elsewhere$$,
    $$SELECT max(i.price) FROM item i LEFT JOIN elsewhere e ON e.id = i.grp ORDER BY 1$$
);
EXPLAIN (VERBOSE, COSTS OFF)
SELECT e.label, (SELECT count(*) FROM query_f.item i JOIN query_f.sale s ON s.item = i.id WHERE i.grp = e.id AND i.price > 3) FROM query_f.elsewhere e;
SELECT compare.plan('query', 'SELECT id FROM item WHERE price > (SELECT count(*) FROM query_r.grp) AND id IN (SELECT item FROM sale) ORDER BY name COLLATE "C" LIMIT 3');
EXPLAIN (VERBOSE, COSTS OFF)
SELECT id FROM query_f.guarded WHERE id IN (SELECT item FROM query_f.sale);
SET pgwire_fdw.ship_queries = off;
EXPLAIN (COSTS OFF)
SELECT id FROM query_f.item UNION SELECT qty FROM query_f.sale;
RESET pgwire_fdw.ship_queries;

-- ===================================================================
-- how it looks
-- ===================================================================
EXPLAIN (VERBOSE, COSTS OFF)
SELECT id, (SELECT count(*) FROM query_f.sale WHERE item = id) FROM query_f.item WHERE id NOT IN (SELECT item FROM query_f.sale WHERE qty = 1) ORDER BY 2, 1;
EXPLAIN (VERBOSE, COSTS OFF)
SELECT id FROM query_f.item UNION ALL SELECT item FROM query_f.sale WHERE qty > 3 ORDER BY 1;
EXPLAIN (VERBOSE, COSTS OFF)
WITH RECURSIVE r(id, depth) AS (SELECT id, 1 FROM query_f.item WHERE up IS NULL UNION ALL SELECT item.id, depth + 1 FROM r JOIN query_f.item ON item.up = r.id) SELECT depth, count(*) FROM r GROUP BY depth ORDER BY depth;
EXPLAIN (VERBOSE, COSTS OFF)
SELECT now() - interval '1 day', s.total FROM query_f.sums s WHERE s.total > (SELECT avg(price) FROM query_f.item) AND now() > '2000-01-01';

-- ===================================================================
-- parameters, cached plans, cursors
-- ===================================================================
PREPARE p (int, text) AS SELECT i.id, $1, $2 || i.name FROM query_f.item i WHERE i.grp = $1 AND i.id IN (SELECT item FROM query_f.sale WHERE qty > $1) ORDER BY i.id;
EXPLAIN (VERBOSE, COSTS OFF) EXECUTE p (3, 'x');
EXECUTE p (3, 'x');
SET plan_cache_mode = force_generic_plan;
EXPLAIN (VERBOSE, COSTS OFF) EXECUTE p (3, 'x');
EXECUTE p (3, 'x');
EXECUTE p (NULL, 'x');
-- a changed table, and a changed server
PREPARE c AS SELECT (SELECT count(*) FROM query_f.sale), (SELECT count(*) FROM (SELECT grp FROM query_f.item GROUP BY grp) s);
EXECUTE c;
ALTER FOREIGN TABLE query_f.sale OPTIONS (SET schema_name 'query_r', ADD table_name 'grp');
ALTER FOREIGN TABLE query_f.item OPTIONS (ADD table_name 'sale');
ALTER FOREIGN TABLE query_f.item ALTER grp OPTIONS (ADD column_name 'qty');
EXECUTE c;
ALTER FOREIGN TABLE query_f.sale OPTIONS (DROP table_name);
ALTER FOREIGN TABLE query_f.item OPTIONS (DROP table_name);
ALTER FOREIGN TABLE query_f.item ALTER grp OPTIONS (DROP column_name);
EXECUTE c;
-- rights are those of when it runs, in every level
CREATE ROLE query_reader;
GRANT USAGE ON SCHEMA query_f TO query_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA query_f TO query_reader;
SET ROLE query_reader;
PREPARE s AS SELECT count(*) FROM (SELECT grp FROM query_f.item GROUP BY grp) s;
PREPARE x AS SELECT id FROM query_f.item WHERE price > (SELECT 1000 * avg(total) FROM query_f.sums);
PREPARE u AS SELECT id FROM query_f.grp UNION SELECT qty FROM query_f.sale ORDER BY 1;
PREPARE w AS WITH w AS MATERIALIZED (SELECT id FROM query_f.grp) SELECT count(*) FROM w;
EXECUTE s;
EXECUTE x;
EXECUTE u;
EXECUTE w;
RESET ROLE;
REVOKE SELECT ON query_f.item FROM query_reader;
SET ROLE query_reader;
EXECUTE s;
EXECUTE x;
EXECUTE u;
RESET ROLE;
GRANT SELECT ON query_f.item TO query_reader;
REVOKE SELECT ON query_f.sale, query_f.grp FROM query_reader;
SET ROLE query_reader;
EXECUTE s;
EXECUTE x;
EXECUTE u;
EXECUTE w;
RESET ROLE;
DEALLOCATE ALL;
-- a view is read with its owner's rights: not together with what is one's own
CREATE ROLE query_owner;
GRANT USAGE ON SCHEMA query_f TO query_owner;
GRANT SELECT ON query_f.sale TO query_owner;
CREATE VIEW query_f.owned AS SELECT item, sum(qty) AS total FROM query_f.sale GROUP BY item;
ALTER VIEW query_f.owned OWNER TO query_owner;
SELECT query_r.shape('SELECT count(*) FROM item WHERE id IN (SELECT item FROM owned WHERE total > 5)');
SELECT query_r.shape('SELECT max(total) FROM owned');
SELECT count(*) FROM query_f.item WHERE id IN (SELECT item FROM query_f.owned WHERE total > 5);
-- a cursor, read in pieces and backwards
BEGIN;
DECLARE k SCROLL CURSOR FOR SELECT grp, count(*) FROM query_f.item WHERE id IN (SELECT item FROM query_f.sale) GROUP BY grp ORDER BY grp;
FETCH 2 FROM k;
FETCH BACKWARD 1 FROM k;
FETCH ALL FROM k;
COMMIT;
-- locking is not for a statement of this kind
SELECT query_r.shape('SELECT id FROM item WHERE id IN (SELECT item FROM sale) FOR UPDATE OF item');
-- sub-levels of statements that write
CREATE TABLE query_r.kept (grp int, n bigint);
EXPLAIN (VERBOSE, COSTS OFF)
INSERT INTO query_r.kept SELECT grp, count(*) FROM query_f.item WHERE id IN (SELECT item FROM query_f.sale) GROUP BY grp;
INSERT INTO query_r.kept SELECT grp, count(*) FROM query_f.item WHERE id IN (SELECT item FROM query_f.sale) GROUP BY grp;
UPDATE query_r.kept SET n = s.n FROM (SELECT qty, count(*) AS n FROM query_f.sale GROUP BY qty) s WHERE s.qty = kept.grp;
SELECT * FROM query_r.kept ORDER BY grp;

SET client_min_messages = error;
DROP SCHEMA query_r, query_f CASCADE;
DROP SERVER query_srv CASCADE;
DROP SERVER query_other CASCADE;
DROP ROLE query_reader, query_owner;
