--
-- What other tests use: a query is run on foreign tables and on the tables
-- behind them, and the results are compared.
--
-- A topic has two schemas, <topic>_f with foreign tables and <topic>_r with
-- tables of the same names, in which the query is run unchanged.
--
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgwire_fdw;
DROP SCHEMA IF EXISTS compare CASCADE;
RESET client_min_messages;
CREATE SCHEMA compare;

-- Servers that lead back to this one. What a row costs is the same with every
-- major, and with it the plans.
CREATE FUNCTION compare.make_server(name text, options text DEFAULT '') RETURNS void LANGUAGE plpgsql
SET client_min_messages = error AS $$
DECLARE
    dir text := split_part(current_setting('unix_socket_directories'), ',', 1);
BEGIN
    EXECUTE format('DROP SERVER IF EXISTS %I CASCADE', name);
    EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (host %L, port %L, dbname %L, fdw_tuple_cost ''0.01'' %s)',
        name, coalesce(nullif(trim(dir), ''), 'localhost'), current_setting('port'), current_database(), options);
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER %I OPTIONS (user %L)', name, current_user);
END $$;

-- The rows as text, in order; or the error.
CREATE FUNCTION compare.rows(schema text, query text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    result text[];
BEGIN
    PERFORM set_config('search_path', schema || ', public', true);
    EXECUTE 'SELECT array_agg(x::text) FROM (' || query || ') x' INTO result;
    RETURN coalesce(result, '{}');
EXCEPTION WHEN OTHERS THEN
    RETURN ARRAY['error: ' || SQLERRM];
END $$;

-- Is the result the same on both sides? Where the query ends in ORDER BY, and
-- what may follow, in this order, too.
CREATE FUNCTION compare.verdict(topic text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    there text[] := compare.rows(topic || '_f', query);
    here text[] := compare.rows(topic || '_r', query);
BEGIN
    IF query !~ 'ORDER BY [^()]*$' THEN
        there := ARRAY(SELECT x FROM unnest(there) x ORDER BY x);
        here := ARRAY(SELECT x FROM unnest(here) x ORDER BY x);
    END IF;
    IF there = here THEN
        RETURN 'same: ' || cardinality(here) || CASE WHEN here[1] LIKE 'error:%' THEN ' ' || here[1] ELSE ' rows' END;
    END IF;
    RETURN 'DIFFERENT: ' || left(there::text, 300) || ' instead of ' || left(here::text, 300);
END $$;

-- The plan on the foreign tables, without what columns the nodes put out.
CREATE FUNCTION compare.plan(topic text, query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    PERFORM set_config('search_path', topic || '_f, public', true);
    FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
        -- nor what only 18 and later say: which windows there are, what is switched off
        IF line ~ '^\s*(Output|Window|Disabled):' THEN
            CONTINUE;
        END IF;
        -- a window is shown in part until 17
        line := replace(line, ' OVER (?)', '');
        -- until 16 also which parameter it is
        line := regexp_replace(line, '(InitPlan \d+) \(returns [$\d,]+\)', '\1');
        -- since 16 functions that look at no frame get the one that is quickest
        line := replace(line, ' ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)', ')');
        -- the form of transition values differs between majors
        RETURN NEXT regexp_replace(line, '\(*(int8send|CASE WHEN \(get_byte).*numeric_send.*(?= FROM)', '<states of sums>');
    END LOOP;
END $$;

-- Of each query: itself, its plan, and whether the result is right.
CREATE FUNCTION compare.queries(topic text, VARIADIC queries text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    query text;
BEGIN
    FOREACH query IN ARRAY queries LOOP
        RETURN NEXT '-- ' || query;
        RETURN QUERY SELECT '   ' || line FROM compare.plan(topic, query) line;
        RETURN NEXT '   => ' || compare.verdict(topic, query);
    END LOOP;
END $$;

-- The same, but of the plan only what is sent: where the rest differs between majors.
CREATE FUNCTION compare.sent(topic text, VARIADIC queries text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    query text;
BEGIN
    FOREACH query IN ARRAY queries LOOP
        RETURN NEXT '-- ' || query;
        RETURN QUERY SELECT '   ' || trim(line) FROM compare.plan(topic, query) line WHERE line ~ 'Remote SQL:';
        RETURN NEXT '   => ' || compare.verdict(topic, query);
    END LOOP;
END $$;
