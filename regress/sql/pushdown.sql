--
-- What is sent to the remote server, and that it never changes a result: every
-- condition is checked on the foreign table and on the table behind it.
--
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgwire_fdw;
DROP SCHEMA IF EXISTS pushdown CASCADE;
DROP SERVER IF EXISTS pushdown_srv CASCADE;
RESET client_min_messages;
-- of tables one by one; query.sql is about all at once
SET pgwire_fdw.ship_queries = off; SET pgwire_fdw.ship_upper = off;
CREATE SCHEMA pushdown;
SET search_path = pushdown, public;
SET timezone = 'Europe/Vienna';

-- The remote server is this one.
DO $$
DECLARE
    dir text := split_part(current_setting('unix_socket_directories'), ',', 1);
BEGIN
    EXECUTE format('CREATE SERVER pushdown_srv FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (host %L, port %L, dbname %L)',
        coalesce(nullif(trim(dir), ''), 'localhost'), current_setting('port'), current_database());
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER pushdown_srv OPTIONS (user %L)', current_user);
END $$;

CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE DOMAIN posint AS int CHECK (VALUE > 0);
CREATE TABLE r (
    id int PRIMARY KEY, i2 int2, i8 int8, f4 float4, f8 float8, n numeric, b bool,
    t text, tc text COLLATE "C", vc varchar(20), bp char(6), nm name, ch "char", ba bytea,
    d date, ti time, ts timestamp, tz timestamptz, iv interval,
    u uuid, ip inet, bi bit(4), vb varbit, j jsonb, ia int[], ta text[], ir int4range,
    o oid, m mood, dom posint, mo money, pt point) WITH (autovacuum_enabled = off);
INSERT INTO r SELECT g, g % 7 - 3, g * 3000000000, g / 3.0, sqrt(g) * CASE WHEN g % 2 = 0 THEN -1 ELSE 1 END,
    (g - 50) * 1.01, g % 3 = 0, 'text ' || g % 10, chr(60 + g % 40) || 'x', 'v' || g, 'b' || g % 4, 'n' || g % 5,
    chr(65 + g % 26)::"char", decode(lpad(to_hex(g), 8, '0'), 'hex'),
    date '2020-02-25' + g, time '00:00' + g * interval '13 min', timestamp '2020-03-28' + g * interval '1 hour',
    timestamptz '2020-03-28 00:00Z' + g * interval '1 hour', g * interval '1 day 1 min' - interval '30 days',
    ('00000000-0000-0000-0000-0000000000' || lpad(to_hex(g), 2, '0'))::uuid, inet '10.0.0.0' + g,
    (g % 16)::bit(4), (g % 8)::bit(3)::varbit, jsonb_build_object('a', g, 'b', 'x' || g % 3, 'c', jsonb_build_array(g, g + 1)),
    ARRAY[g, g + 1, g % 5], ARRAY['e' || g % 3, NULL], int4range(g, g + 10),
    g, (ARRAY['sad', 'happy'])[1 + g % 2]::mood, g, g::numeric::money, point(g, -g)
    FROM generate_series(1, 100) g;
INSERT INTO r (id) VALUES (-1);
INSERT INTO r (id, i2, f4, f8, n, t, vc, bp, ts, tz, d) VALUES
    (-2, 0, 'NaN', '-0', 'NaN', '', '', '', 'infinity', '-infinity', '-infinity'),
    (-3, -3, 'Infinity', '-Infinity', 0.000, E'it''s \\ "q" %_', E'tab\t', 'b1  ', '0044-03-15 BC', '2020-03-29 01:30Z', '0001-01-01 BC');
CREATE FOREIGN TABLE f (
    id int, i2 int2, i8 int8, f4 float4, f8 float8, n numeric, b bool,
    t text, tc text COLLATE "C", vc varchar(20), bp char(6), nm name, ch "char", ba bytea,
    d date, ti time, ts timestamp, tz timestamptz, iv interval,
    u uuid, ip inet, bi bit(4), vb varbit, j jsonb, ia int[], ta text[], ir int4range,
    o oid, m mood, dom posint, mo money, pt point)
    SERVER pushdown_srv OPTIONS (schema_name 'pushdown', table_name 'r');

-- The lines of a plan that say what is done where.
CREATE FUNCTION pushdown.plan(query text, pattern text DEFAULT '^\s*(Remote SQL|Filter|One-Time Filter|Join Filter):')
RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
        -- since 16 clauses made from equivalences, since 17 initplans are written otherwise
        line := regexp_replace(line, '\((\$\d+::\w+) = (\w+)\)', '(\2 = \1)', 'g');
        line := replace(replace(line, '(InitPlan 1).col1', '$0'), '(r.m = f.m)', '(f.m = r.m)');
        IF line ~ pattern THEN
            RETURN NEXT trim(line);
        END IF;
    END LOOP;
END $$;

-- What the remote server is asked to check, and whether anything is left here.
CREATE FUNCTION pushdown.shipped(cond text, OUT remote_where text, OUT here bool) LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    here := false;
    FOR line IN SELECT plan('SELECT 1 FROM pushdown.f WHERE ' || cond) LOOP
        IF line LIKE 'Remote SQL:%' THEN
            remote_where := substring(line from ' WHERE (.*)$');
        ELSE
            here := true;
        END IF;
    END LOOP;
END $$;

-- Rows by which the foreign table and the table behind it differ.
CREATE FUNCTION pushdown.difference(cond text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE replace($q$
        (SELECT ROW(x.*)::text FROM pushdown.f x WHERE COND EXCEPT ALL SELECT ROW(x.*)::text FROM pushdown.r x WHERE COND)
        UNION ALL
        (SELECT ROW(x.*)::text FROM pushdown.r x WHERE COND EXCEPT ALL SELECT ROW(x.*)::text FROM pushdown.f x WHERE COND)
        $q$, 'COND', cond);
EXCEPTION WHEN OTHERS THEN
    RETURN NEXT 'error: ' || SQLERRM;
END $$;

CREATE FUNCTION pushdown.found(cond text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE 'SELECT count(*) FROM pushdown.r WHERE ' || cond INTO n;
    RETURN n;
END $$;

CREATE TABLE conds (id int GENERATED ALWAYS AS IDENTITY, cond text);
CREATE FUNCTION pushdown.conds(VARIADIC list text[]) RETURNS void LANGUAGE sql AS
$$ INSERT INTO pushdown.conds (cond) SELECT unnest(list) $$;
-- What was added since: where it is checked, rows it finds, rows that differ.
CREATE FUNCTION pushdown.report(OUT cond text, OUT remote_where text, OUT here text, OUT rows bigint, OUT differ bigint)
RETURNS SETOF record LANGUAGE sql AS $$
    SELECT c.cond, s.remote_where, CASE WHEN s.here THEN 'here' END, pushdown.found(c.cond),
           (SELECT count(*) FROM pushdown.difference(c.cond))
    FROM pushdown.conds c, pushdown.shipped(c.cond) s
    WHERE c.id > coalesce(nullif(current_setting('pushdown.reported', true), '')::int, 0) ORDER BY c.id
$$;
CREATE FUNCTION pushdown.reported() RETURNS void LANGUAGE sql AS
$$ SELECT set_config('pushdown.reported', max(id)::text, false) FROM pushdown.conds $$;
\set report 'SELECT * FROM report(); DO $$BEGIN PERFORM reported(); END$$;'

\pset null '-'
\pset format unaligned
\pset fieldsep ' | '
\pset footer off

-- ===================================================================
-- kinds of expression
-- ===================================================================
DO $$ BEGIN PERFORM conds(
    -- columns and constants of each type
    'id = 5', 'id = -5', 'id > -2147483648', 'i2 = 3', 'i2 = -3::int2', 'i8 = 30000000000', 'i8 > -9223372036854775808',
    'f4 = 0.33333334::float4', 'f8 = -0::float8', 'f8 < ''-Infinity''::float8', 'f8 = ''-Infinity''', 'f4 = ''NaN''', 'f8 > 1e-300',
    'n = 1.01', 'n = 0', 'n = ''NaN''', 'n < 12345678901234567890.123456789', 'b', 'NOT b', 'b = true', 'b IS NULL',
    't = ''text 3''', 't = ''''', E't = ''it''''s \\ "q" %_''', 'tc < ''Z''', 'tc >= ''a''', 'vc = ''v7''', E'vc = E''tab\\t''', 'bp = ''b1''', 'bp = ''b1   ''::char(6)', 'bp::text = ''b1''',
    'nm = ''n3''', 'nm = ''n3''::name', 'ch = ''C''', 'ba = decode(''00000010'', ''hex'')', 'ba > decode(''0000005c'', ''hex'')', 'd = ''2020-03-01''', 'd = ''infinity''', 'd < ''0001-01-01''',
    'ti > ''10:00''', 'ts = ''2020-03-29 02:00''', 'ts > ''infinity''', 'tz = ''2020-03-29 02:30''', 'tz > ''2020-03-29 03:30+02''', 'iv = ''1 day''', 'iv > ''-1 mon 2 days''',
    'u = ''00000000-0000-0000-0000-000000000010''', 'ip << ''10.0.0.0/28''', 'ip = ''10.0.0.7''', 'bi = B''0101''', 'vb = B''101''', 'j = ''{"a": 1}''',
    'ia = ''{1,2,1}''', 'ia @> ''{7}''', 'ta = ''{e1,NULL}''', 'ir @> 15', 'ir && ''[3,5)''', 'o = 7', 'm = ''sad''', 'm IS NULL', 'dom = 7', 'mo = 7::money', 'mo > mo + mo', 'pt <@ box ''(0,0),(10,-10)''',
    'ctid = ''(0,3)''', 'ctid IN (''(0,1)'', ''(0,2)'')', 'tableoid = 0', 'xmin IS NULL'
); END $$;
:report

DO $$ BEGIN PERFORM conds(
    -- operators, functions, casts
    'id + i2 * 2 > i8 / 1000000000', '-id > 2', '@ f8 > 9', 'id % 7 = 3 AND id / 7 = 2', 'f8 ^ 2 > 50', 'sqrt(abs(f8)) < 1.5', 'round(n, 1) = 1.0', 'div(n, 2) = 3',
    'id::int8 = i8 / 3000000000', 'id::float8 < f8', 'CASE WHEN abs(n) < 1000 THEN n::int END = 5', 'f8::numeric > 9', 'id::bool', 'id = i2', 'id = n', 'f4 = f8', 'd = ts', 'd + 1 = ts::date', 'ts::time = ''05:00''',
    'lower(t) = ''text 4''', 'upper(tc) > ''N''', 't || ''x'' = ''text 1x''', 'vc || tc LIKE ''v1%''', 't LIKE ''%it''''s%''', E't LIKE E''%\\\\\\\\%''', 't ILIKE ''TEXT 5''', 't ~ ''^text [1-3]$''', 'tc ~* ''A''', 't SIMILAR TO ''text (1|2)''',
    'length(t) = 6', 'substr(t, 6) = ''7''', 'substring(t from 6 for 1) = ''7''', 'position(''9'' in t) > 0', 'overlay(t placing ''T'' from 1 for 1) = ''Text 1''', 'trim(both ''t'' from t) = ''ext 1''', 'left(t, 1) = ''t''', 'replace(t, '' '', '''') = ''text1''',
    't < ''text 5''', 'tc < t', 't COLLATE "C" < ''text 5''', 't < ''text 5'' COLLATE "C"', 'tc COLLATE "POSIX" < ''Z''', 'tc = t', 'vc < tc', 'vc::varchar(2) = ''v1''', 'bp || ''|'' = ''b1|''', 't::varchar = ''text 1''', 't::"char" = ''t''', 't = vc::text',
    'extract(year from d) = 2020 AND extract(month from d) = 4', 'extract(epoch from tz) > 0', 'date_trunc(''hour'', ts) = ts', 'date_trunc(''day'', tz) = tz', 'ts + interval ''1 day'' > ''2020-04-01''', 'tz + interval ''1 day'' > ''2020-04-01''', 'tz AT TIME ZONE ''UTC'' > ''2020-03-30''', 'ts::timestamptz = tz', 'ts = tz', 'age(ts, ''2020-03-01'') > ''1 mon''', 'CASE WHEN isfinite(d) THEN d - date ''2020-03-01'' END > 10', '(ts, ts + ''1 h'') OVERLAPS (''2020-03-29'', ''2020-03-30'')', 'make_date(2020, 3, i2 + 4) = d', 'justify_days(iv) > ''1 mon''', 'iv * 2 > ''1 mon''', 'to_char(ts, ''YYYY'') = ''2020''', 'to_char(n, ''9'') = '' 1''',
    'j->>''b'' = ''x1''', '(j->''a'')::int = 7', 'j->''c''->>0 = ''5''', 'j @> ''{"b": "x2"}''', 'j ? ''a''', 'jsonb_array_length(j->''c'') = 2', 'j#>>''{c,1}'' = ''9''', 'upper(j->>''b'') = ''X1''',
    'ia[1] = 5', 'ia[1:2] = ''{5,6}''', 'ia[:2] = ''{5,6}''', 'ia[i2] = 7', 'array_length(ia, 1) = 3', 'ia || 9 = ''{7,8,2,9}''', 'ta[1] = ''e1''', 'ta[2] IS NULL', 'cardinality(ta) = 2',
    'lower(ir) = 5', 'upper_inf(ir)', 'masklen(ip) = 32', 'host(ip) = ''10.0.0.7''', 'get_byte(ba, 3) = 7', 'encode(ba, ''hex'') = ''0000000a''', 'bi::int = 5', 'bi & B''0011'' = B''0011''', 'pt[0] = 5', 'f8 BETWEEN 1 AND 2', 'id BETWEEN SYMMETRIC 5 AND 3'
); END $$;
:report

DO $$ BEGIN PERFORM conds(
    -- SQL's own syntax
    'id IN (1, 2, 3)', 'id NOT IN (1, 2, 3)', 'id = ANY (ia)', 'id < ALL (ia)', 't IN (''text 1'', ''text 2'', NULL)', 'id IN (i2, 7)', 'i8 = ANY (''{3000000000,6000000000}''::numeric[])', 'vc = ANY (''{v1,v2}''::text[])', 'm IN (''sad'')', 'id = ANY (''{}''::int[])',
    'b OR id = 5', '(b AND id > 5) OR (NOT b AND id < 3)', 'NOT (b OR id > 50)', 'b IS TRUE', 'b IS NOT TRUE', 'b IS FALSE', 'b IS NOT FALSE', 'b IS UNKNOWN', 'b IS NOT UNKNOWN', '(id > 5) IS NOT TRUE', 't IS NULL', 't IS NOT NULL', '(id, t) = (5, ''text 5'')', '(id, i2) < (5, 1)', 'ROW(id, t) IS NULL',
    'i2 IS DISTINCT FROM 3', 'i2 IS NOT DISTINCT FROM 3', 't IS DISTINCT FROM tc', 't IS DISTINCT FROM NULL', 'm IS DISTINCT FROM ''sad''',
    'coalesce(i2, 100) > 2', 'coalesce(t, tc, ''none'') = ''none''', 'coalesce(t, ''x'' COLLATE "C") = ''x''', 'nullif(i2, 3) IS NULL', 'nullif(t, ''text 1'') IS NULL', 'greatest(id, i2, 50) = 50', 'least(f8, f4) < 0', 'greatest(t, ''text 5'') = t', 'least(tc, ''b'') = ''b''', 'greatest(d, ''2020-04-01'') = d', 'greatest(m, ''sad'') = ''sad''',
    'CASE WHEN b THEN id ELSE -id END > 90', 'CASE i2 WHEN 1 THEN true WHEN 2 THEN false ELSE b END', 'CASE t WHEN ''text 1'' THEN 1 WHEN ''text 2'' THEN 2 END = 2', 'CASE vc WHEN ''v1'' THEN 1 END = 1', 'CASE tc WHEN t THEN 1 ELSE 2 END = 2', 'CASE i2 WHEN NULL THEN 1 ELSE 2 END = 2', 'CASE WHEN i2 <> 0 THEN 10 / i2 > 3 END', 'CASE b WHEN true THEN 1 ELSE 0 END = 1', 'CASE WHEN id = 5 THEN t ELSE tc END = ''text 5''', 'CASE id WHEN 5 THEN CASE i2 WHEN 2 THEN true END END',
    'ARRAY[id, i2] = ''{5,2}''', 'id = ANY (ARRAY[i2, 7, 8])', 'ARRAY[t, vc] @> ''{v5}''', 'ARRAY[ia, ia] IS NOT NULL', 'id::text = ''5''', 'id::text LIKE ''1%''', 'id::text < ''2''', 'b::text = ''true''', 'CASE WHEN t LIKE ''text _'' THEN substr(t, 6)::int END > 5', 'f8::text = ''1''', 'n::text = ''1.01''', 'd::text = ''2020-03-01''', 'iv::text = ''1 day''', 'ba::text > ''a''', 'j::text LIKE ''%7%''', 'u::text LIKE ''%10''', 'dom + 1 = 8', 'dom::int = 8', 'm::text = ''sad''', 'o::regclass IS NOT NULL', 'o = ''pg_class''::regclass'
); END $$;
:report

DO $$ BEGIN PERFORM conds(
    -- rows
    'ROW(id, t) = ROW(i2 + 4, ''text 5'')', '(id, t) >= (5, ''text 6'')', '(n, tc) < (2, ''Z'')', '(t, id) > (tc, 5)', '(id, d) <= (50, ''2020-03-15'')', '(id, CASE WHEN i2 <> 0 THEN 10 / i2 END) > (5, 2)',
    '(id, t) IN ((5, ''text 5''), (6, ''x''))', '(id, t) <> (5, ''text 5'')', '(id, t) IS DISTINCT FROM (5, ''text 5'')', 'ROW(id, t) IS DISTINCT FROM ROW(i2, tc)', 'ROW(id, t COLLATE "C") < ROW(i2, ''x'')', 'ROW(id, NULL) IS NULL', 'ROW(t, tc) IS NOT NULL', 'ROW(f8, f4) < ROW(f4, f8)', '(id, m) < (5, ''sad'')', '(id, tc) < (5, t)', 'ROW(id, tc) = ROW(5, t)', 'ROW(ROW(id, i2), t) = ROW(ROW(5, 2::int2), ''text 5'')', 'least(ROW(id, i2), ROW(5, 2::int2)) = ROW(id, i2)', '(SELECT ROW(5, 2::int2)) = ROW(id, i2)', 'ROW(ROW(id, nullif(i2, 2::int2)), 1) = ROW(ROW(i2 + 3, nullif(i2, 2::int2)), 1)', 'NOT ROW(ROW(id, nullif(i2, 2::int2)), 1) = ROW(ROW(i2 + 3, nullif(i2, 2::int2)), 1)', 'ROW(ROW(id, nullif(i2, 2::int2)), 1) IS DISTINCT FROM ROW(ROW(i2 + 3, nullif(i2, 2::int2)), 1)',
    -- casts of arrays
    'ia::text[] = ''{5,6,0}''', 'ia::int8[] @> ''{7}''', 'ia::numeric[] = ''{5,6,0}''', 'ia::float8[] < ''{5.5}''', 'ia::varchar(1)[] @> ''{1}''', 'ta::varchar[] = ''{e1,NULL}''', 'ta::varchar(1)[] = ''{e,NULL}''', 'ta::name[] = ''{e1,NULL}''', 'ta::bytea[] IS NOT NULL', 'ARRAY[id, i2]::text[] @> ''{5}''', 'ARRAY[d]::text[] = ''{2020-03-01}''', 'ARRAY[f8]::text[] = ''{1}''', 'CASE WHEN t LIKE ''text _'' THEN ARRAY[substr(t, 6)]::int[] = ''{5}'' END', 'ARRAY[bp]::text[] = ''{b1}''', 'ARRAY[ia]::text[] = ''{{5,6,0}}''', '(SELECT ''{5,2}''::text[])::int[] = ARRAY[id, i2]',
    -- subscripts of jsonb
    'j[''a''] = ''7''', 'j[''c''][0] = ''5''', 'j[''c''][i2] IS NOT NULL', 'j[''b'']->>0 = ''x1''', '(j -> ''c'')[1] = ''9''', 'j[''nothing''] IS NULL',
    -- collations that every server has
    't COLLATE "C" < tc', '(t COLLATE "C" || tc) > ''text 5''', 't COLLATE "POSIX" < ''text 5''', 't < ''text 5'' COLLATE "POSIX"', 'lower(t COLLATE "C") < ''text 5''', 'tc = ''Ax''', 'tc COLLATE "C" < ''Z''', 'vc COLLATE "C" BETWEEN ''v1'' AND ''v5''', 'bp COLLATE "C" < ''b2''', 't COLLATE "default" < ''text 5''', 'greatest(t, ''text 5'' COLLATE "C") = t', 't COLLATE "C" IN (''text 5'', ''text 6'')', 'CASE t COLLATE "C" WHEN tc THEN 1 ELSE 2 END = 2', 'coalesce(t COLLATE "C", tc) < ''text 3''', 'ta COLLATE "C" < ''{e2}''', 't COLLATE "C" ~ ''[a-c]''', 't COLLATE "C" ILIKE ''TEXT 5''', 'nullif(t, ''text 5'' COLLATE "C") IS NULL', 'tc COLLATE "POSIX" < (upper(vc COLLATE "POSIX") || current_schema()::text)', '(nm COLLATE "C") < ''n3''', 't COLLATE "ucs_basic" < ''text 5'''
); END $$;
:report

-- Bytes that are no characters by themselves: each major writes them in its own way.
SELECT here FROM shipped('ch = ''ä''::"char"');
SELECT here FROM shipped('ch = ANY (''{a,ä}''::"char"[])');
SELECT count(*) FROM f WHERE t = ('ä'::"char")::text;

-- Implicit casts that inlined functions bring to where the remote's parser
-- would make none: lost, they would change the operator.
CREATE FUNCTION pushdown.ratio(numeric, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT $1 / $2';
CREATE FUNCTION pushdown.before(oid, oid) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 < $2';
CREATE FUNCTION pushdown.alike(text, text) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 LIKE $2';
CREATE DOMAIN pushdown.short AS varchar(2);
DO $$ BEGIN PERFORM conds('ratio(id, 8) > 0.5', 'CASE WHEN id > 0 THEN ratio(id, id + 1) > 0.9 END', 'before(id, i2)', 'alike(bp, bp)', 'vc::short = ''v1''', 'vc::short::text = ''v1''',
    -- marked immutable, but settings matter
    'ts AT TIME ZONE ''UTC'' > ''2020-03-30''', 'tz AT TIME ZONE ''Europe/Vienna'' > ''2020-03-30''', 'tz AT TIME ZONE ''EST'' > ''2020-03-30''', 'CASE WHEN isfinite(tz) THEN age(tz, ''2020-03-01 00:00Z'') END > ''1 mon''', 'quote_ident(tc) = tc', 'tc::bytea = ''<x''',
    -- NULL in arrays
    'ta = ''{e1,NULL}''', 'id IN (5, NULL)', 'ta = (SELECT ''{e1,NULL}''::text[])'); END $$;
:report

-- The names of built-in objects may be hidden by others here.
CREATE FUNCTION pushdown.abs(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 5; END';
CREATE OPERATOR pushdown.= (LEFTARG = int4, RIGHTARG = int8, PROCEDURE = int48ne);
SET search_path = pushdown, pg_catalog, public;
SELECT plan('SELECT 1 FROM f WHERE abs(id) = 5 OR id = 5::int8 OR pg_catalog.abs(id) = 5');
SET search_path = pushdown, public;
DROP OPERATOR pushdown.= (int4, int8);
DROP FUNCTION pushdown.abs(int);

-- ===================================================================
-- what is computed here and bound
-- ===================================================================
CREATE FUNCTION pushdown.noisy(int) RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RAISE NOTICE 'noisy'; RETURN $1; END $$;
CREATE FUNCTION pushdown.vol(int) RETURNS int LANGUAGE plpgsql VOLATILE AS $$ BEGIN RETURN $1; END $$;
CREATE FUNCTION pushdown.imm(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN $1; END $$;
DO $$ BEGIN PERFORM conds(
    'tz < now()', 'd < current_date', 'tz < now() - interval ''1 day''', 'tz < current_timestamp::timestamptz(0)', 'ts < localtimestamp', 't <> current_user', 'nm <> current_user', 'd < now()', 'ts < now()',
    'id = vol(5)', 'id = imm(id)', 'random() >= 0 AND id = 3', 'id < random() * 0 + 5', 'ts = to_timestamp(''2020'', ''YYYY'')',
    'b OR tz < now() - interval ''1 day''', 'i2 = 3 OR id = length(current_setting(''work_mem''))', 'CASE WHEN b THEN tz < now() END', 'coalesce(d, current_date) = current_date', 'tz > ''yesterday''::text::timestamptz', 'id = (SELECT 5)', 'id = (SELECT max(i2) FROM r)', 'id IN (SELECT i2 FROM r)', 'id = (SELECT vol(5))', 'id = ANY (ARRAY(SELECT i2 FROM r))', 't = (SELECT ''text 5'' COLLATE "C")', 'm = (SELECT ''sad''::mood)', 'mo = (SELECT 7::money)', 'o = (SELECT ''pushdown.r''::regclass)'
); END $$;
:report
-- once for a scan, not for each row (the planner, which asks too, has done so)
PREPARE noise AS SELECT id FROM f WHERE i2 = noisy(3) AND id < 20 ORDER BY id;
SET client_min_messages = warning;
EXECUTE noise;
RESET client_min_messages;
EXECUTE noise;
-- behind a guard nothing is computed ahead that might fail
SELECT count(*) FROM f WHERE id > -100 OR id = 10 / (SELECT 0);
SELECT plan('SELECT count(*) FROM f WHERE id > -100 OR id = 10 / (SELECT 0)');
SELECT count(*) FROM f WHERE CASE WHEN id < -100 THEN id = 10 / (SELECT 0) ELSE true END;
SELECT count(*) FROM f WHERE coalesce(id, 10 / (SELECT 0)) > 5;
PREPARE guard(int) AS SELECT count(*) FROM f WHERE $1 = 0 OR id = 10 / $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE guard(0);
EXECUTE guard(2);
SELECT plan('EXECUTE guard(0)');
DEALLOCATE guard;

-- Parameters of a statement, in both kinds of plan.
PREPARE p(int, text, timestamptz, int[], numeric, bool, mood) AS
    SELECT id FROM f WHERE id > $1 AND t <> $2 AND tz > $3 AND id = ANY ($4) AND n < $5 AND b = $6 AND (m = $7 OR $7 IS NULL) ORDER BY id;
PREPARE q(int, text, timestamptz, int[], numeric, bool, mood) AS
    SELECT id FROM r WHERE id > $1 AND t <> $2 AND tz > $3 AND id = ANY ($4) AND n < $5 AND b = $6 AND (m = $7 OR $7 IS NULL) ORDER BY id;
SET plan_cache_mode = force_custom_plan;
SELECT plan($$EXECUTE p(1, 'it''s', '2020-03-28', '{1,2,3,6,9}', 1e3, true, 'sad')$$);
EXECUTE p(1, 'it''s', '2020-03-28', '{1,2,3,6,9,12}', 1e3, true, 'sad');
EXECUTE q(1, 'it''s', '2020-03-28', '{1,2,3,6,9,12}', 1e3, true, 'sad');
SET plan_cache_mode = force_generic_plan;
SELECT plan($$EXECUTE p(1, 'it''s', '2020-03-28', '{1,2,3,6,9}', 1e3, true, 'sad')$$);
EXECUTE p(1, 'it''s', '2020-03-28', '{1,2,3,6,9,12}', 1e3, true, 'sad');
EXECUTE p(5, 'it''s', '2020-03-28', '{1,2,3,6,9,12}', 1e3, true, NULL);
EXECUTE p(NULL, 'it''s', '2020-03-28', '{1,2,3,6,9,12}', 1e3, true, 'sad');
EXECUTE q(5, 'it''s', '2020-03-28', '{1,2,3,6,9,12}', 1e3, true, NULL);
-- the same parameter twice is one; its type is the one declared
PREPARE twice(int) AS SELECT id FROM f WHERE id = $1 OR i2 = $1 OR i8 = $1 ORDER BY id;
SELECT plan('EXECUTE twice(3)');
EXECUTE twice(3);
RESET plan_cache_mode;
DEALLOCATE ALL;

-- ===================================================================
-- joins: rows looked up one by one
-- ===================================================================
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SELECT plan('SELECT f.t FROM r JOIN f ON f.id = r.i2 WHERE r.id = 5');
SELECT plan('SELECT f.t FROM r JOIN f ON f.id = r.i2 + 1 AND f.t = r.t WHERE r.id = 5');
SELECT plan('SELECT f.t FROM r JOIN f ON f.id = vol(r.i2) AND f.i2 = r.i2 WHERE r.id = 5');
SELECT plan('SELECT f.t FROM r JOIN f ON f.m = r.m WHERE r.id = 5');
SELECT plan('SELECT f.t FROM r LEFT JOIN f ON f.id = r.i2 AND f.b WHERE r.id = 5');
SELECT plan('SELECT * FROM r, LATERAL (SELECT f.t FROM f WHERE f.id = r.i2 LIMIT 1) x WHERE r.id = 5');
CREATE FUNCTION pushdown.same(query text, OUT rows bigint, OUT differ bigint) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'SELECT count(*) FROM (' || replace(query, 'F ', 'pushdown.r ') || ') x' INTO rows;
    EXECUTE format('SELECT count(*) FROM ((%s EXCEPT ALL %s) UNION ALL (%2$s EXCEPT ALL %1$s)) x',
        replace(query, 'F ', 'pushdown.f '), replace(query, 'F ', 'pushdown.r ')) INTO differ;
END $$;
CREATE TABLE joins (id int GENERATED ALWAYS AS IDENTITY, query text);
INSERT INTO joins (query) VALUES
    ('SELECT a.id, b.t FROM r a JOIN F b ON b.id = a.i2'),
    ('SELECT a.id, b.id FROM F a JOIN F b ON b.id = a.i2 AND a.t = b.t'),
    ('SELECT a.id, b.id FROM F a JOIN F b ON b.i2 > a.id + 1 AND a.b'),
    ('SELECT a.id, b.id FROM F a LEFT JOIN F b ON b.id = a.i2 AND b.b'),
    ('SELECT a.id, b.id FROM F a LEFT JOIN F b ON b.id = a.i2 WHERE b.id IS NULL OR b.i2 = 1'),
    ('SELECT a.id, b.id FROM F a FULL JOIN F b ON b.id = a.id + 50'),
    ('SELECT a.id FROM F a WHERE EXISTS (SELECT 1 FROM F b WHERE b.id = a.i2 AND b.t <> a.t)'),
    ('SELECT a.id FROM F a WHERE NOT EXISTS (SELECT 1 FROM F b WHERE b.i2 = a.id)'),
    ('SELECT a.id, (SELECT b.t FROM F b WHERE b.id = a.i2) FROM F a'),
    ('SELECT a.id, (SELECT count(*) FROM F b WHERE b.i2 < a.i2 OR b.t = a.t) FROM F a'),
    ('SELECT a.id, x.id FROM r a, LATERAL (SELECT b.id FROM F b WHERE b.i2 = a.i2 AND b.id > a.id ORDER BY b.id LIMIT 2) x'),
    ('SELECT a.id, b.id, c.id FROM F a, F b, F c WHERE b.id = a.i2 AND c.id = a.i2 + b.i2 AND c.t < b.t'),
    ('SELECT a.id, b.id FROM F a, F b WHERE b.tc = a.tc AND b.tz > a.tz AND a.iv < b.iv AND a.id < 20'),
    ('SELECT a.id, b.id FROM F a, F b WHERE a.ia[1] = b.id AND b.j->>''b'' = a.j->>''b'' AND a.f8 < b.n'),
    ('SELECT a.id, b.id FROM F a, r b WHERE a.ctid = b.ctid'),
    ('SELECT a.id, b.id FROM F a, F b WHERE a.m = b.m AND a.dom = b.id');
SELECT query, (same(query)).* FROM joins ORDER BY id;
RESET enable_material;
RESET enable_hashjoin;
SELECT query, (same(query)).* FROM joins WHERE (same(query)).differ <> 0 ORDER BY id;
RESET enable_mergejoin;

-- ===================================================================
-- columns
-- ===================================================================
CREATE TABLE "R 2" (a int, gone int, "Weird ""Name" text, "select" int, g int GENERATED ALWAYS AS (a * 2) STORED);
ALTER TABLE "R 2" DROP COLUMN gone;
INSERT INTO "R 2" SELECT i, 'x' || i, -i FROM generate_series(1, 3) i;
CREATE FOREIGN TABLE f2 (x int, "Weird ""Name" text, y int OPTIONS (column_name 'a'), z int OPTIONS (column_name 'select'), g int GENERATED ALWAYS AS (y * 2) STORED)
    SERVER pushdown_srv OPTIONS (schema_name 'pushdown', table_name 'R 2');
ALTER FOREIGN TABLE f2 DROP COLUMN x;
SELECT plan('SELECT * FROM f2'), plan('SELECT f2 FROM f2'), plan('SELECT count(*) FROM f2'), plan('SELECT z FROM f2 WHERE y > 1');
SELECT * FROM f2 WHERE g > 2 ORDER BY y;
SELECT f2, tableoid::regclass, ctid FROM f2 WHERE ctid = '(0,2)' AND z < 0;
ALTER FOREIGN TABLE f2 RENAME COLUMN y TO yy;
ALTER FOREIGN TABLE f2 ALTER COLUMN z OPTIONS (SET column_name 'a');
SELECT yy, z FROM f2 WHERE yy = z ORDER BY yy;
SELECT count(*), count(f2), count(f2.*) FROM f2;
SELECT 1 FROM f2 WHERE yy = 1;
-- conditions on other system columns, or the row, are checked here
SELECT plan('SELECT yy FROM f2 WHERE tableoid = ''f2''::regclass', 'Remote SQL'), plan('SELECT yy FROM f2 WHERE f2 IS NOT NULL'), plan('SELECT yy FROM f2 WHERE (f2).yy = 1 AND f2.yy IS NOT NULL');
SELECT yy FROM f2 WHERE tableoid = 'f2'::regclass AND f2 IS NOT NULL ORDER BY yy;
-- a condition without a column is checked once, above the scan
SELECT plan('SELECT yy FROM f2 WHERE now() > ''2020-01-01'' AND yy = 1');
SELECT plan('SELECT yy FROM f2 WHERE false');
SELECT plan('SELECT yy FROM f2 WHERE random() < 2');
-- a foreign table as a partition
CREATE TABLE parent (a int, g int) PARTITION BY RANGE (a);
CREATE FOREIGN TABLE child (g int, a int OPTIONS (column_name 'a')) SERVER pushdown_srv OPTIONS (table_name 'R 2');
ALTER TABLE parent ATTACH PARTITION child FOR VALUES FROM (1) TO (10);
SELECT plan('SELECT g, a FROM parent WHERE a = 2 AND g > 1');
SELECT g, a, parent, tableoid::regclass FROM parent WHERE a = 2 AND g > 1;
-- a condition must not see rows that a row security policy hides, unless it is leakproof
ALTER TABLE parent ENABLE ROW LEVEL SECURITY;
ALTER TABLE parent FORCE ROW LEVEL SECURITY;
CREATE POLICY policy ON parent USING (a > 1);
SET client_min_messages = error;
DROP ROLE IF EXISTS regress_pushdown;
RESET client_min_messages;
CREATE ROLE regress_pushdown;
GRANT USAGE ON SCHEMA pushdown TO regress_pushdown;
GRANT SELECT ON parent TO regress_pushdown;
SET ROLE regress_pushdown;
SELECT plan('SELECT g, a FROM parent WHERE a = 2'), plan('SELECT g, a FROM parent WHERE 10 / (a - 1) > 5');
RESET ROLE;
DROP POLICY policy ON parent;
ALTER TABLE parent NO FORCE ROW LEVEL SECURITY;
ALTER TABLE parent DISABLE ROW LEVEL SECURITY;
DROP OWNED BY regress_pushdown;
DROP ROLE regress_pushdown;
-- a text column here may be another type there: its constants go untyped
CREATE FOREIGN TABLE f3 (id int, m text, d text) SERVER pushdown_srv OPTIONS (schema_name 'pushdown', table_name 'r');
SELECT plan('SELECT id FROM f3 WHERE m = ''happy'' AND d = ''2020-02-26'''), (SELECT count(*) FROM f3 WHERE m = 'happy');

-- ===================================================================
-- equal expressions share a parameter, and only they
-- ===================================================================
SET plan_cache_mode = force_generic_plan;
PREPARE rows_differ(int, int) AS SELECT count(*) FROM f WHERE b = (ROW($1, 2) < ROW(1, 3)) AND (id < 7) = (ROW($2, 2) < ROW(1, 3));
SELECT plan('EXECUTE rows_differ(1, 2)');
EXECUTE rows_differ(1, 2);
PREPARE rows_equal(int) AS SELECT count(*) FROM f WHERE b = (ROW($1, 2) < ROW(1, 3)) AND (id < 7) = (ROW($1, 2) < ROW(1, 3));
SELECT plan('EXECUTE rows_equal(1)');
EXECUTE rows_equal(1);
-- The server's grammar has some of these only later; those it does not know are left out.
CREATE FUNCTION pushdown.wrongly_shared(exprs text[]) RETURNS TABLE (a text, b text, params bigint)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    known text[];
    remote text;
BEGIN
    FOREACH a IN ARRAY exprs LOOP
        BEGIN
            EXECUTE 'PREPARE probe(int, int, xml, xml, pushdown.r) AS SELECT ' || a;
            DEALLOCATE probe;
            known := known || a;
        EXCEPTION WHEN syntax_error OR undefined_function OR feature_not_supported THEN
            CONTINUE;
        END;
    END LOOP;
    ASSERT cardinality(known) > 35;
    FOREACH a IN ARRAY known LOOP
        FOREACH b IN ARRAY known LOOP
            EXECUTE format('PREPARE pair(int, int, xml, xml, pushdown.r) AS SELECT 1 FROM pushdown.f WHERE t = (%s)::text AND tc = (%s)::text', a, b);
            SELECT string_agg(p, ' ') INTO remote FROM pushdown.plan('EXECUTE pair(1, 2, NULL, NULL, NULL)') p;
            params := (SELECT count(DISTINCT m) FROM regexp_matches(remote, '\$\d+', 'g') m);
            IF remote LIKE '%Filter%' OR params <> (CASE WHEN a = b THEN 1 ELSE 2 END) THEN
                RETURN NEXT;
            END IF;
            DEALLOCATE pair;
        END LOOP;
    END LOOP;
END $$;
SELECT * FROM wrongly_shared(ARRAY['$1', '$2', '$1 + $2', '$2 + $1', 'ROW($1, 2) < ROW(1, 3)', 'ROW($2, 2) < ROW(1, 3)', 'ROW($1, 2) < ROW(1, 4)',
    'ROW($1, 2) <= ROW(1, 3)', 'ROW($1, $2) IS NULL', 'ROW($2, $1) IS NULL', 'ARRAY[$1]', 'ARRAY[$2]', 'ARRAY[$1, $2]', '(ARRAY[$1, $2])[1]', '(ARRAY[$1, $2])[2]',
    'GREATEST($1, $2)', 'LEAST($1, $2)', 'NULLIF($1, $2)', '($5).id', '($5).i2', 'CASE $1 WHEN 1 THEN 2 END', 'CASE $1 WHEN 1 THEN 3 END', 'CASE $2 WHEN 1 THEN 2 END',
    'xmlserialize(content $3 AS text)', 'xmlserialize(content $4 AS text)', 'xmlserialize(document $3 AS text)', 'xmlconcat($3, $4)', 'xmlconcat($4, $3)', '$3 IS DOCUMENT', '$4 IS DOCUMENT',
    'xmlelement(name a, $1)', 'xmlelement(name b, $1)', 'xmlelement(name a, $2)', 'xmlelement(name a, xmlattributes($1 AS b))', 'xmlelement(name a, xmlattributes($1 AS c))', 'xmlforest($1 AS a)', 'xmlforest($1 AS b)',
    'current_user', 'session_user', 'JSON_OBJECT(''a'': $1)', 'JSON_OBJECT(''a'': $2)', 'JSON_OBJECT(''b'': $1)', 'JSON_ARRAY($1)', 'JSON_ARRAY($2)', '$1::text IS JSON', '$2::text IS JSON', '$1::text IS JSON ARRAY',
    'JSON_VALUE(jsonb_build_object(''a'', $1), ''$.a'')', 'JSON_VALUE(jsonb_build_object(''a'', $2), ''$.a'')', 'JSON_VALUE(jsonb_build_object(''a'', $1), ''$.b'')',
    'JSON_QUERY(jsonb_build_object(''a'', $1), ''$.a'')', 'JSON_EXISTS(jsonb_build_object(''a'', $1), ''$.a'')', 'JSON_EXISTS(jsonb_build_object(''a'', $2), ''$.a'')']);
RESET plan_cache_mode;

-- ===================================================================
-- constants are printed for the statement only
-- ===================================================================
SET client_min_messages = error;
CREATE TYPE pushdown.mute;
CREATE FUNCTION pushdown.mute_in(cstring) RETURNS mute LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION pushdown.mute_out(mute) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'trigger_out';
CREATE TYPE pushdown.mute (INPUT = mute_in, OUTPUT = mute_out, LIKE = text);
RESET client_min_messages;
SELECT 'x'::mute;
CREATE FUNCTION pushdown.heard(int, mute) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 < 5; END';
SELECT count(*) FROM f WHERE id > 0 AND heard(id, 'x');
-- and those that are too large for it not at all
CREATE FUNCTION pushdown.large(text, int) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT repeat($1, $2)';
SELECT plan('SELECT id FROM f WHERE t < large(''z'', 2000000) AND ba > large(''\\x'', 1)::bytea AND ia <> string_to_array(large(''1,'', 1000000) || 1, '','')::int[]');
SELECT count(*) FROM f WHERE t < large('z', 2000000) AND vc <> large('z', 2000000);
SELECT count(*) FROM f WHERE t = 'text 3' OR t = large('z', 2000000);

-- ===================================================================
-- deep trees: sent up to a depth, checked here beyond
-- ===================================================================
SELECT n, length(remote_where) > n AS sent, here, (SELECT count(*) FROM difference(cond)) AS differ
FROM unnest(ARRAY[10, 440, 460, 2000]) n, format('id%s = %s', repeat(' + 1', n), n + 5) cond, shipped(cond);

-- ===================================================================
-- what is remembered of built-in objects follows the catalogs
-- ===================================================================
SELECT remote_where, here FROM shipped('int4abs(id) = 5');
BEGIN;
ALTER FUNCTION pg_catalog.int4abs(int) VOLATILE;
SELECT remote_where, here FROM shipped('int4abs(id) = 5');
ROLLBACK;
SELECT remote_where, here FROM shipped('int4abs(id) = 5');

-- ===================================================================
-- row locks
-- ===================================================================
SELECT plan('SELECT yy FROM f2 FOR ' || lock) FROM unnest(ARRAY['UPDATE', 'NO KEY UPDATE', 'SHARE', 'KEY SHARE', 'UPDATE NOWAIT', 'SHARE SKIP LOCKED']) lock;
SELECT plan('SELECT f2.yy FROM f2, r WHERE f2.yy = r.id FOR UPDATE OF r', '^\s*Remote SQL');
SELECT yy FROM f2 WHERE yy < 3 ORDER BY yy FOR UPDATE;

-- ===================================================================
-- objects of extensions
-- ===================================================================
CREATE FUNCTION pushdown.ext_imm(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 + 1; END';
CREATE FUNCTION pushdown.ext_stable(int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN $1 + 1; END';
CREATE FUNCTION pushdown.ext_variadic(VARIADIC int[]) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1[1]; END';
CREATE FUNCTION pushdown.ext_eq(int, int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 % 10 = $2 % 10; END';
CREATE OPERATOR pushdown.=== (LEFTARG = int, RIGHTARG = int, PROCEDURE = ext_eq);
CREATE TYPE pushdown.ext_enum AS ENUM ('sad', 'happy');
CREATE FUNCTION pushdown.members(verb text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    object text;
BEGIN
    FOREACH object IN ARRAY ARRAY['FUNCTION pushdown.ext_imm(int)', 'FUNCTION pushdown.ext_stable(int)', 'FUNCTION pushdown.ext_variadic(int[])',
        'FUNCTION pushdown.ext_eq(int, int)', 'OPERATOR pushdown.=== (int, int)', 'TYPE pushdown.mood'] LOOP
        EXECUTE format('ALTER EXTENSION pgwire_fdw %s %s', verb, object);
    END LOOP;
END $$;
DO $$ BEGIN PERFORM conds('ext_imm(id) = 6', 'ext_stable(id) = 6', 'ext_variadic(id, i2) = 6', 'ext_variadic(VARIADIC ia) = 6', 'id === 5', 'id === ANY (''{1,2}'')', 'm = ''sad''', 'm = ANY (''{sad,happy}'')', 'm > ''sad''', 'm IS NULL', 'm::text = ''sad''', 'm IN (SELECT m FROM r)', 'id = ext_stable(5)'); END $$;
SELECT * FROM report();
SELECT members('ADD');
SELECT * FROM report();
ALTER SERVER pushdown_srv OPTIONS (ADD extensions 'pgwire_fdw');
:report
SELECT members('DROP');
SELECT remote_where, here FROM shipped('ext_imm(id) = 6');

-- ===================================================================
-- all of it again, under settings that change how values are printed
-- ===================================================================
CREATE FUNCTION pushdown.differing() RETURNS TABLE (cond text, differing text) LANGUAGE sql AS
$$ SELECT c.cond, d FROM pushdown.conds c, pushdown.difference(c.cond) d ORDER BY c.id, d $$;
SET datestyle = 'German, DMY';
SET intervalstyle = 'sql_standard';
SET extra_float_digits = -10;
SET bytea_output = 'escape';
SET timezone = 'America/New_York';
SELECT * FROM differing();
RESET datestyle;
RESET intervalstyle;
RESET extra_float_digits;
RESET bytea_output;
SET timezone = 'Asia/Kathmandu';
-- and in combination
CREATE TABLE combined AS SELECT format(form, a.cond, b.cond) AS cond
    FROM conds a JOIN conds b ON b.id = a.id + 1 OR b.id = (a.id * 7) % 250,
         unnest(ARRAY['(%s) AND NOT (%s)', '(%s) OR (%s)', 'CASE WHEN %s THEN %s END']) form;
SELECT count(*) > 1000 AS enough FROM combined;
SELECT c.cond, d FROM combined c, difference(c.cond) d;

SET client_min_messages = error;
DROP SCHEMA pushdown CASCADE;
DROP SERVER pushdown_srv CASCADE;
