--
-- Names in shipped SQL mean what they mean here, whatever the remote role's
-- search_path finds first.
--
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgwire_fdw;
DROP SCHEMA IF EXISTS names, capture CASCADE;
DROP SERVER IF EXISTS names_srv CASCADE;
RESET client_min_messages;
CREATE SCHEMA names;
CREATE SCHEMA capture;
SET search_path = names, public;
DO $$
DECLARE
    dir text := split_part(current_setting('unix_socket_directories'), ',', 1);
BEGIN
    EXECUTE format('CREATE SERVER names_srv FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (host %L, port %L, dbname %L)',
        coalesce(nullif(trim(dir), ''), 'localhost'), current_setting('port'), current_database());
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER names_srv OPTIONS (user %L)', current_user);
END $$;
CREATE TABLE r (id int, t text, vc varchar, d date, a int[]);
INSERT INTO r SELECT g, 't' || g, 'v' || g, date '2020-01-01' + g, ARRAY[g, g + 1] FROM generate_series(1, 9) g;
CREATE FOREIGN TABLE f (id int, t text, vc varchar, d date, a int[]) SERVER names_srv OPTIONS (schema_name 'names', table_name 'r');

-- Whatever is found in this schema fails.
CREATE DOMAIN capture.text AS pg_catalog.text CHECK (false);
CREATE DOMAIN capture.date AS pg_catalog.date CHECK (false);
CREATE DOMAIN capture.int4 AS pg_catalog.int4 CHECK (false);
DO $$
DECLARE
    types text[] := ARRAY['varchar', 'pg_catalog.text', 'int', 'pg_catalog.date'];
    typ text;
    op text;
BEGIN
    FOREACH typ IN ARRAY types LOOP
        EXECUTE format($f$CREATE FUNCTION capture.hit(%1$s, %1$s) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''captured''; END'$f$, typ);
        FOREACH op IN ARRAY ARRAY['=', '<>', '<', '>', '~~', '+', '||', '@>'] LOOP
            EXECUTE format('CREATE OPERATOR capture.%s (LEFTARG = %s, RIGHTARG = %2$s, PROCEDURE = capture.hit)', op, typ);
        END LOOP;
        EXECUTE format($f$CREATE FUNCTION capture.lower(%s) RETURNS pg_catalog.text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''captured''; END'$f$, typ);
        EXECUTE format($f$CREATE FUNCTION capture.length(%s) RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''captured''; END'$f$, typ);
    END LOOP;
    EXECUTE format('ALTER ROLE %I IN DATABASE %I SET search_path = capture, public, pg_catalog', current_user, current_database());
END $$;

-- All of it is sent, and finds what the table behind it has.
CREATE FUNCTION names.compare(cond pg_catalog.text, OUT remote_where pg_catalog.text, OUT matches bigint, OUT same bool) LANGUAGE plpgsql AS $$
DECLARE
    line pg_catalog.text;
    direct bigint;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) SELECT 1 FROM names.f WHERE ' || cond LOOP
        IF line ~ 'Filter:' THEN
            remote_where := 'checked here';
        ELSIF line ~ 'Remote SQL' AND remote_where IS NULL THEN
            remote_where := substring(line from ' WHERE (.*)$');
        END IF;
    END LOOP;
    EXECUTE 'SELECT count(*) FROM names.f WHERE ' || cond INTO matches;
    EXECUTE 'SELECT count(*) FROM names.r WHERE ' || cond INTO direct;
    same := matches = direct;
END $$;
\pset format unaligned
\pset fieldsep ' | '
SELECT cond, c.* FROM unnest(ARRAY['id = 5', 'id <> 5', 'id < 5 AND id + id > 4', 't = ''t3''', 'vc = ''v3''', 'vc = ''v3''::varchar', 'vc = t', 'vc < vc || ''x''', 't LIKE ''t%''',
    'id IN (1, 2)', 'vc IN (''v1'', ''v2'')', 'id BETWEEN 2 AND 3', 'd = ''2020-01-03''', 'lower(t) = ''t4''', 'length(vc) = 2', 'CASE id WHEN 3 THEN true ELSE false END',
    'CASE vc WHEN ''v3'' THEN id END = 3', 'NULLIF(id, 3) IS NULL', 'NULLIF(vc, ''v3'') IS NULL', 'id IS DISTINCT FROM 3', 'vc IS NOT DISTINCT FROM ''v3''', 'a[1] = 3', 'a @> ARRAY[3]',
    'a = ARRAY[3, 4]', 'GREATEST(id, 3) = 3', 'COALESCE(vc, t) = ''v5''', 'id::text = ''5''', 't::varchar = ''t5''', 'd > now()::date - 100000', 'id = ANY (a)', 'ROW(id, t) = ROW(5, ''t5'')']) cond,
    compare(cond) c;
-- The remote session has them in front only for those who do not say where they look.
SELECT current_setting('search_path');
\c -
SELECT current_setting('search_path');
DO $$ BEGIN
    EXECUTE pg_catalog.format('ALTER ROLE %I IN DATABASE %I RESET search_path', current_user, current_database());
END $$;
SET client_min_messages = error;
DROP SCHEMA names, capture CASCADE;
DROP SERVER names_srv CASCADE;
