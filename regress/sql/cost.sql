--
-- What the planner knows of remote tables, and what it makes of it.
--
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgwire_fdw;
DROP SCHEMA IF EXISTS cost CASCADE;
DROP SERVER IF EXISTS cost_srv CASCADE;
RESET client_min_messages;
CREATE SCHEMA cost;
SET search_path = cost, public;

-- The remote server is this one.
DO $$
DECLARE
    dir text := split_part(current_setting('unix_socket_directories'), ',', 1);
BEGIN
    EXECUTE format('CREATE SERVER cost_srv FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (host %L, port %L, dbname %L)',
        coalesce(nullif(trim(dir), ''), 'localhost'), current_setting('port'), current_database());
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER cost_srv OPTIONS (user %L)', current_user);
END $$;

-- rows that the planner expects of a query; its plan without costs
CREATE FUNCTION rows(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
    RETURN plan->0->'Plan'->>'Plan Rows';
END $$;

CREATE TABLE r (id int PRIMARY KEY, k int, d date, n numeric, f float8, s text, c char(4), b boolean,
    ts timestamptz, i smallint, "Odd ""\name" int) WITH (autovacuum_enabled = off);
INSERT INTO r SELECT g, g % 100, date '2020-01-01' + g % 1000, g % 50, g, 'common', 'c' || g % 3, g % 10 = 0,
    '2020-01-01 00:00+00'::timestamptz + g * interval '1 hour', g % 7, CASE WHEN g % 4 = 0 THEN g END
    FROM generate_series(1, 20000) g;
CREATE INDEX ON r (k, d);
ANALYZE r;
CREATE TABLE r_new (id int, v int) WITH (autovacuum_enabled = off);
INSERT INTO r_new SELECT g, g FROM generate_series(1, 10000) g;
CREATE TABLE r_parts (id int, v int) PARTITION BY RANGE (id);
CREATE TABLE r_parts1 PARTITION OF r_parts FOR VALUES FROM (0) TO (5000);
CREATE TABLE r_parts2 PARTITION OF r_parts FOR VALUES FROM (5000) TO (9001);
INSERT INTO r_parts SELECT g, g % 9 FROM generate_series(1, 9000) g;
ANALYZE r_parts;
CREATE VIEW r_view AS SELECT * FROM r;

CREATE FOREIGN TABLE f (id int, k int, d date, n numeric, f float8, s text, c char(4), b boolean,
    ts timestamptz, i smallint, odd int OPTIONS (column_name 'Odd "\name')) SERVER cost_srv OPTIONS (table_name 'r');
CREATE FOREIGN TABLE f_new (id int, v int) SERVER cost_srv OPTIONS (table_name 'r_new');
CREATE FOREIGN TABLE f_parts (id int, v int) SERVER cost_srv OPTIONS (table_name 'r_parts');
CREATE FOREIGN TABLE f_view (id int, k int) SERVER cost_srv OPTIONS (table_name 'r_view');
CREATE FOREIGN TABLE f_none (id int, k int) SERVER cost_srv OPTIONS (table_name 'no such table');
CREATE TABLE l (id int, k int);
INSERT INTO l SELECT g * 100, g FROM generate_series(1, 10) g;
ANALYZE l;
CREATE TABLE one AS SELECT 1 AS x;
ANALYZE one;

-- a statement with one table does not ask
SELECT rows('SELECT * FROM f') < 5000 AS guessed;

-- size and columns, of the foreign table as of the table itself
SELECT condition, rows('SELECT FROM one, f WHERE ' || condition) AS there,
    rows('SELECT FROM one, r AS f WHERE ' || replace(condition, 'odd', '"Odd ""\name"')) AS here
FROM unnest(ARRAY['true', 'k = 5', 'k < 20', 'd < ''2020-04-10''', 'n = 7', 'f > 15000', 's = ''common''', 's = ''rare''',
    'c = ''c1''', 'b', 'ts < ''2020-02-01''', 'i = 3', 'odd IS NULL', 'odd > 10000', 'id = 4', 'k = 5 AND i = 3']) condition;
SELECT rows('SELECT DISTINCT k, i FROM f, one') AS there, rows('SELECT DISTINCT k, i FROM r, one') AS here;
SELECT rows('SELECT FROM f_new, one') > 5000 AS never_analysed, rows('SELECT FROM f_parts, one') AS partitioned,
    rows('SELECT FROM f_parts, one WHERE v = 3') AS of_a_value, rows('SELECT FROM f_view, one') < 5000 AS view,
    rows('SELECT FROM f_none, one') < 5000 AS none;

-- A few rows from here do not haul the table: by an index of the remote.
EXPLAIN (COSTS OFF) SELECT f.s FROM l JOIN f USING (id);
EXPLAIN (COSTS OFF) SELECT f.s FROM l JOIN f ON f.k = l.k WHERE l.id < 300;
-- without one it is read once
EXPLAIN (COSTS OFF) SELECT f.s FROM l JOIN f ON f.i = l.k;
SELECT count(*), sum(f.f) FROM l JOIN f USING (id);
SELECT count(*), sum(f.f) FROM l JOIN r AS f USING (id);

-- What changes is looked at anew.
ALTER FOREIGN TABLE f OPTIONS (SET table_name 'r_parts', ADD fetch_statistics 'false');
SELECT rows('SELECT FROM f, one') < 5000 AS guessed;
ALTER FOREIGN TABLE f OPTIONS (SET fetch_statistics 'true');
SELECT rows('SELECT FROM f, one') AS fetched;
ALTER SERVER cost_srv OPTIONS (ADD fetch_statistics 'off');
SELECT rows('SELECT FROM f, one') AS the_table_goes_first,
    rows('SELECT FROM f_parts, one') < 5000 AS guessed;
ALTER SERVER cost_srv OPTIONS (DROP fetch_statistics);

-- use_remote_estimate: the remote's own planner says
ALTER FOREIGN TABLE f OPTIONS (SET table_name 'r', ADD use_remote_estimate 'true');
SELECT rows('SELECT FROM f WHERE k = 5 AND i < 3') AS there, rows('SELECT FROM r WHERE k = 5 AND i < 3') AS here;
SELECT rows('SELECT a.id FROM f a JOIN f b ON a.k = b.i') AS there, rows('SELECT a.id FROM r a JOIN r b ON a.k = b.i') AS here;
EXPLAIN (COSTS OFF) SELECT f.s FROM l JOIN f USING (id) WHERE l.k = ANY (ARRAY[1, 2]);
SELECT f.f FROM l JOIN f USING (id) WHERE l.k = ANY (ARRAY[1, 2]) ORDER BY 1;
SELECT rows('SELECT FROM f WHERE id = ANY ((SELECT array_agg(k) FROM l)::int[])') > 0 AS of_a_parameter;
ALTER FOREIGN TABLE f OPTIONS (SET table_name 'no such table');
SELECT rows('SELECT FROM f') < 5000 AS guessed;

-- A remote that cannot be reached does not keep anybody from planning.
ALTER SERVER cost_srv OPTIONS (SET host '127.0.0.1', SET port '1');
SELECT rows('SELECT FROM f, one') < 5000 AS guessed;
DROP USER MAPPING FOR CURRENT_USER SERVER cost_srv;
SELECT rows('SELECT FROM f, one') < 5000 AS guessed;

SET client_min_messages = warning;
DROP SCHEMA cost CASCADE;
DROP SERVER cost_srv CASCADE;
