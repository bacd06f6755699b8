--
-- SQL/JSON: what of it is sent, and that it never changes a result. The server's
-- grammar has some of it only later: what it does not know is left out, and so
-- the output is the same for all.
--
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgwire_fdw;
DROP SCHEMA IF EXISTS json CASCADE;
DROP SERVER IF EXISTS json_srv CASCADE;
RESET client_min_messages;
CREATE SCHEMA json;
SET search_path = json, public;

-- The remote server is this one.
DO $$
DECLARE
    dir text := split_part(current_setting('unix_socket_directories'), ',', 1);
BEGIN
    EXECUTE format('CREATE SERVER json_srv FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (host %L, port %L, dbname %L)',
        coalesce(nullif(trim(dir), ''), 'localhost'), current_setting('port'), current_database());
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER json_srv OPTIONS (user %L)', current_user);
END $$;
CREATE TABLE r (id int, t text, n numeric, f float8, d date, js json, jb jsonb);
INSERT INTO r SELECT g, 't' || g, g * 1.5, sqrt(g), date '2020-01-01' + g, json_build_object('a', g, 'b', 'x' || g, 'c', json_build_array(g, NULL, 'y')),
    jsonb_build_object('a', g, 'b', 'x' || g, 'c', jsonb_build_array(g, NULL, 'y'), 'd', '2020-01-01') FROM generate_series(1, 20) g;
INSERT INTO r (id, t, js, jb) VALUES (21, NULL, NULL, NULL), (22, '{"a": 1, "a": 2}', '{"a": 1, "a": 2}', '[1, 2]'), (23, 'no json', '1', '"text"'), (24, '[1, {"b": null}]', '[]', '{}');
CREATE FOREIGN TABLE f (id int, t text, n numeric, f float8, d date, js json, jb jsonb) SERVER json_srv OPTIONS (schema_name 'json', table_name 'r');
SELECT count(*) FROM f;

-- Conditions that are not where they should be, or find other rows there.
CREATE FUNCTION json.wrong(sent bool, conds text[]) RETURNS TABLE (cond text, line text) LANGUAGE plpgsql AS $$
DECLARE
    here text;
    there text;
    filter bool;
BEGIN
    FOREACH cond IN ARRAY conds LOOP
        BEGIN
            EXECUTE 'SELECT array_agg(id ORDER BY id) FROM json.r WHERE ' || cond INTO here;
        EXCEPTION WHEN syntax_error OR undefined_function OR feature_not_supported OR undefined_column THEN
            CONTINUE;
        END;
        EXECUTE 'SELECT array_agg(id ORDER BY id) FROM json.f WHERE ' || cond INTO there;
        IF here IS DISTINCT FROM there THEN
            line := format('%s, but %s there', here, there);
            RETURN NEXT;
        END IF;
        filter := false;
        FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM json.f WHERE ' || cond LOOP
            filter := filter OR line ~ 'Filter:';
            IF sent AND line ~ 'Not pushed' OR NOT sent AND NOT filter AND line ~ 'Remote SQL' THEN
                RETURN NEXT;
            END IF;
        END LOOP;
    END LOOP;
END $$;
SELECT * FROM wrong(true, ARRAY[
    -- 16
    'JSON_OBJECT(''a'' VALUE id RETURNING jsonb) = ''{"a": 5}''', 'id < 21 AND JSON_OBJECT(''a'': id, t: n RETURNING jsonb) @> ''{"t5": 7.5}''', 'JSON_OBJECT(''a'': id, ''b'': t ABSENT ON NULL RETURNING jsonb) = ''{"a": 21}''',
    'JSON_OBJECT(''a'': t, ''b'': id NULL ON NULL RETURNING jsonb) = ''{"a": null, "b": 21}''', 'JSON_OBJECT(''a'': jb, ''b'': js RETURNING jsonb)->''a''->>''a'' = ''7''', 'JSON_OBJECT(RETURNING jsonb) @> jb', 'JSON_OBJECT(''a'': id WITH UNIQUE KEYS)::text = ''{"a" : 5}''',
    'JSON_OBJECT(''a'': id)::text = ''{"a" : 5}''', 'JSON_OBJECT(''a'': ''[1]'' FORMAT JSON, ''b'': id RETURNING jsonb) @> ''{"a": [1], "b": 5}''', 'JSON_OBJECT(''q''''"'': t RETURNING jsonb)->>''q''''"'' = ''t3''',
    'JSON_ARRAY(id, t RETURNING jsonb) = ''[5, "t5"]''', 'JSON_ARRAY(id, t NULL ON NULL RETURNING jsonb) = ''[21, null]''', 'JSON_ARRAY(t, id ABSENT ON NULL RETURNING jsonb) = ''[21]''', 'JSON_ARRAY(RETURNING jsonb) @> jb', 'JSON_ARRAY(id, JSON_ARRAY(n))::text = ''[5, [7.5]]''', 'JSON_ARRAY(id > 5, js RETURNING jsonb)->0 = ''true''',
    't IS JSON', 't IS NOT JSON', 't IS JSON ARRAY', 't IS JSON OBJECT WITH UNIQUE KEYS', 't IS JSON OBJECT', 'js IS JSON SCALAR', 'jb IS JSON OBJECT', 'js IS JSON WITH UNIQUE KEYS',
    -- 17
    'JSON_SCALAR(id)::text = ''5''', 'JSON_SCALAR(t)::text = ''"t5"''',
    'JSON_EXISTS(jb, ''$.a'')', 'JSON_EXISTS(jb, ''$.c[*] ? (@ == $x)'' PASSING id AS x)', 'JSON_EXISTS(jb, ''strict $.zzz'' TRUE ON ERROR)', 'JSON_EXISTS(jb, ''strict $.zzz'' UNKNOWN ON ERROR) IS NULL', 'JSON_EXISTS(js::jsonb, ''$[*] ? (@.a > $y && @.b != $z)'' PASSING id AS y, t AS "z")',
    'JSON_VALUE(jb, ''$.b'') = ''x5''', 'JSON_VALUE(jb, ''$.a'' RETURNING int) = id', 'JSON_VALUE(jb, ''$.a'' RETURNING numeric) > n', 'JSON_VALUE(jb, ''$.zz'' DEFAULT ''none'' ON EMPTY) = ''none''', 'JSON_VALUE(jb, ''strict $.zz'' RETURNING int DEFAULT 1 ON ERROR) = 1', 'JSON_VALUE(jb, ''$.c'' NULL ON ERROR) IS NULL',
    'JSON_VALUE(js, ''$.b'') = ''x5''', 'JSON_VALUE(jb, ''$.b'' RETURNING varchar(2)) = ''x1''', 'JSON_VALUE(jb, ''$.a.bigint()'' RETURNING bigint) = 5',
    'JSON_QUERY(jb, ''$.c'') = ''[5, null, "y"]''', 'JSON_QUERY(jb, ''$.c[*]'' WITH WRAPPER) = ''[5, null, "y"]''', 'JSON_QUERY(jb, ''$.c[*]'' WITH CONDITIONAL WRAPPER) = ''[5, null, "y"]''', 'JSON_QUERY(jb, ''$.b'' RETURNING text OMIT QUOTES) = ''x5''', 'JSON_QUERY(jb, ''$.b'' RETURNING text KEEP QUOTES) = ''"x5"''', 'JSON_QUERY(jb, ''$.zz'' EMPTY ARRAY ON EMPTY) = ''[]''', 'JSON_QUERY(jb, ''strict $.zz'' EMPTY OBJECT ON ERROR) = ''{}''']);
SELECT * FROM wrong(false, ARRAY[
    'JSON_OBJECT(''a'': d)::text = ''{"a" : "2020-01-06"}''', 'JSON_OBJECT(''a'': f)::text = ''{"a" : 2}''', 'JSON_ARRAY(d RETURNING jsonb)->>0 = ''2020-01-06''', 'JSON_OBJECT(''a'': id RETURNING text) = ''{"a" : 5}''', 'JSON_ARRAY(now() < d)::text = ''[true]''',
    'convert_to(t, ''UTF8'') IS JSON', 'JSON_EXISTS(jb, ''$.d ? (@.date() < $x.date())'' PASSING d AS x)', 'JSON_EXISTS(jb, (''$.'' || t)::jsonpath)', 'JSON_VALUE(jb, ''$.d'' RETURNING date) = ''2020-01-01''', 'JSON_VALUE(jb, ''$.a'' RETURNING float8) = 2', 'JSON_SERIALIZE(jb) = ''{}''', 'JSON_VALUE(jb, ''$.b'' RETURNING int DEFAULT 1 + length(''abc'' || current_user) ON ERROR) = 3']);
SET extra_float_digits = 0;
SELECT * FROM wrong(true, ARRAY['JSON_VALUE(jb, ''$.a'' RETURNING numeric) > n', 'JSON_OBJECT(''a'': n)::text = ''{"a" : 7.5}''']);

SET client_min_messages = error;
DROP SCHEMA json CASCADE;
DROP SERVER json_srv CASCADE;
