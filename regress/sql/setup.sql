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

-- Statements that write are run three times: in <topic>_l, which has tables; in
-- <topic>_f, which has foreign tables for those of <topic>_fr; and in <topic>_p,
-- the same with postgres_fdw for those of <topic>_pr. Where there is no
-- postgres_fdw, the second stands for it.
--
-- remote makes what is on the remote server, local what is on this one over it.
-- @ stands for the schema of each.
CREATE FUNCTION compare.sides(topic text, remote text, local text, options text DEFAULT '') RETURNS void LANGUAGE plpgsql
SET client_min_messages = error AS $$
DECLARE
    dir text := coalesce(nullif(trim(split_part(current_setting('unix_socket_directories'), ',', 1)), ''), 'localhost');
    side text;
    wrapper text;
    base text;
    front text;
    r record;
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'postgres_fdw') THEN
        CREATE EXTENSION IF NOT EXISTS postgres_fdw;
    END IF;
    FOREACH side IN ARRAY ARRAY['l', 'f', 'p'] LOOP
        front := topic || '_' || side;
        base := CASE side WHEN 'l' THEN front ELSE front || 'r' END;
        EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', front);
        EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', base);
        EXECUTE format('CREATE SCHEMA %I', base);
        PERFORM set_config('search_path', base || ', public', true);
        EXECUTE replace(remote, '@', base);
        IF side <> 'l' THEN
            wrapper := CASE WHEN side = 'p' AND EXISTS (SELECT FROM pg_extension WHERE extname = 'postgres_fdw') THEN 'postgres_fdw' ELSE 'pgwire_fdw' END;
            EXECUTE format('DROP SERVER IF EXISTS %I CASCADE', front);
            EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER %I OPTIONS (host %L, port %L, dbname %L %s)',
                front, wrapper, dir, current_setting('port'), current_database(), options);
            EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER %I OPTIONS (user %L)', front, current_user);
            EXECUTE format('CREATE SCHEMA %I', front);
            FOR r IN SELECT relname, coalesce(string_agg(format('%I %s%s', attname, format_type(atttypid, atttypmod),
                        CASE WHEN attgenerated <> '' THEN format(' GENERATED ALWAYS AS (%s) STORED', pg_get_expr(adbin, adrelid))
                            WHEN adbin IS NOT NULL THEN ' DEFAULT ' || pg_get_expr(adbin, adrelid) ELSE '' END), ', ' ORDER BY attnum) FILTER (WHERE attnum > 0), '') AS columns
                    FROM pg_class c LEFT JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped
                        LEFT JOIN pg_attrdef ON adrelid = c.oid AND adnum = attnum
                    WHERE relnamespace = base::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition
                    GROUP BY relname ORDER BY relname LOOP
                EXECUTE format('CREATE FOREIGN TABLE %I.%I (%s) SERVER %I OPTIONS (schema_name %L)', front, r.relname, r.columns, front, base);
            END LOOP;
        END IF;
        PERFORM set_config('search_path', front || ', public', true);
        EXECUTE replace(local, '@', front);
    END LOOP;
END $$;

-- What is in the tables of a schema that are in the other one too, each by its
-- rows in order.
CREATE FUNCTION compare.contents(schema text, other text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    r record;
    line text;
    result text[] := '{}';
BEGIN
    PERFORM set_config('search_path', schema || ', public', true);
    FOR r IN SELECT relname FROM pg_class WHERE relnamespace = other::regnamespace AND relkind IN ('r', 'f', 'p') ORDER BY relname LOOP
        EXECUTE format('SELECT string_agg(x::text, '' '' ORDER BY x::text COLLATE "C") FROM (SELECT * FROM %I.%I) x', schema, r.relname) INTO line;
        result := result || (r.relname || ': ' || coalesce(line, 'none'));
    END LOOP;
    RETURN result;
END $$;

-- What a statement answers in a schema: how many rows, which, or which error.
CREATE FUNCTION compare.written(schema text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
    rows text;
    state text; message text; relation text; named text; field text;
BEGIN
    PERFORM set_config('search_path', schema || ', public', true);
    IF statement ~ 'RETURNING' THEN
        EXECUTE 'WITH statement AS (' || statement || ') SELECT count(*), string_agg(statement::text, '' '' ORDER BY statement::text COLLATE "C") FROM statement' INTO n, rows;
        RETURN n || ' rows ' || coalesce(rows, '');
    END IF;
    EXECUTE statement;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n || ' rows';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
    RETURN 'error ' || state || ': ' || message;
END $$;

-- Runs each statement on all sides, and compares what it answers and what is in
-- the tables when it has committed.
CREATE PROCEDURE compare.writes(topic text, VARIADIC statements text[]) LANGUAGE plpgsql AS $$
DECLARE
    statement text;
    l text; f text; p text;
    lc text[]; fc text[]; pc text[];
BEGIN
    FOREACH statement IN ARRAY statements LOOP
        RAISE INFO '-- %', statement;
        l := compare.written(topic || '_l', statement);
        COMMIT;
        f := compare.written(topic || '_f', statement);
        COMMIT;
        p := compare.written(topic || '_p', statement);
        COMMIT;
        lc := compare.contents(topic || '_l', topic || '_f');
        fc := compare.contents(topic || '_f', topic || '_f');
        pc := compare.contents(topic || '_p', topic || '_f');
        IF f = l AND fc = lc THEN
            RAISE INFO '   => %', left(f, 300); -- postgres_fdw may get it wrong, and not in every version
        ELSIF f = p AND fc = pc THEN
            RAISE INFO '   => %', left(f, 300) || CASE WHEN l <> f THEN ', as with postgres_fdw; here: ' || left(l, 200) ELSE ', as with postgres_fdw; here something else is left' END;
        ELSE
            RAISE INFO '   => DIFFERENT: % with postgres_fdw: % here: %', left(f, 300), left(p, 300), left(l, 300);
            FOR i IN 1..cardinality(fc) LOOP
                IF fc[i] IS DISTINCT FROM lc[i] THEN
                    RAISE INFO '      %', left(fc[i], 500);
                    RAISE INFO '      with postgres_fdw %', left(pc[i], 500);
                    RAISE INFO '      here %', left(lc[i], 500);
                END IF;
            END LOOP;
        END IF;
        COMMIT;
    END LOOP;
END $$;
