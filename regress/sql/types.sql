--
-- Values: a foreign row is the local row, bit for bit, whatever the type.
--
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgwire_fdw;
DROP SCHEMA IF EXISTS types CASCADE;
DROP SERVER IF EXISTS types_srv CASCADE;
RESET client_min_messages;
-- of tables one by one; query.sql is about all at once
SET pgwire_fdw.ship_queries = off; SET pgwire_fdw.ship_upper = off;
CREATE SCHEMA types;
SET search_path = types, public;

-- The remote server is this one.
CREATE FUNCTION types.loopback(server name, more text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    dir text := split_part(current_setting('unix_socket_directories'), ',', 1);
BEGIN
    EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (host %L, port %L, dbname %L%s)',
        server, coalesce(nullif(trim(dir), ''), 'localhost'), current_setting('port'), current_database(), more);
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER %I OPTIONS (user %L)', server, current_user);
END $$;
SELECT loopback('types_srv');

-- ===================================================================
-- types made for this
-- ===================================================================
CREATE TYPE mood AS ENUM ('sad', 'so, so', 'h"appy', 'ÜBER');
CREATE DOMAIN posint AS int CHECK (VALUE > 0);
CREATE DOMAIN shout AS text CHECK (VALUE = upper(VALUE));
CREATE DOMAIN ints AS int[] CHECK (array_length(VALUE, 1) < 5);
CREATE TYPE pair AS (a int, b text);
CREATE TYPE nest AS (p pair, n numeric(8,2), ps pair[], m mood);
CREATE DOMAIN goodpair AS pair CHECK ((VALUE).a IS DISTINCT FROM 0);
CREATE TYPE floatrange AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE TYPE textrange AS RANGE (subtype = text, collation = "C");

-- A value is given as an expression or literal of its type.
CREATE TABLE cases (id int GENERATED ALWAYS AS IDENTITY, type text NOT NULL, lit text);
CREATE FUNCTION types.cases(type text, VARIADIC lits text[]) RETURNS void LANGUAGE sql AS
$$ INSERT INTO types.cases (type, lit) SELECT type, unnest(lits || NULL::text) $$;
DO $$
DECLARE
    long text := repeat('0123456789', 1000);
    -- the longest interval that can be written: 14 reads hours as an int
    ages text := CASE WHEN current_setting('server_version_num')::int < 150000
        THEN '2147483647:59:59.999999' ELSE '2562047788:00:54.775807' END;
BEGIN
    PERFORM cases('boolean', 't', 'f');
    PERFORM cases('smallint', '-32768', '-1', '0', '32767');
    PERFORM cases('integer', '-2147483648', '-1', '0', '1', '2147483647');
    PERFORM cases('bigint', '-9223372036854775808', '-4294967297', '-1', '0', '9223372036854775807');
    PERFORM cases('oid', '0', '1', '2147483648', '4294967295');
    PERFORM cases('xid', '0', '3', '4294967295');
    PERFORM cases('cid', '0', '4294967295');
    PERFORM cases('xid8', '0', '4294967296', '18446744073709551615');
    PERFORM cases('tid', '(0,0)', '(1,65535)', '(4294967295,65535)', '(65536,1)');
    PERFORM cases('pg_lsn', '0/0', 'FFFFFFFF/FFFFFFFF', '1/A');
    PERFORM cases('real', 'NaN', 'Infinity', '-Infinity', '0', '-0', '1e-45', '-1e-45', '1.17549435e-38',
        '3.4028235e+38', '-3.4028235e+38', '0.1', '16777217', '1.0000001');
    PERFORM cases('double precision', 'NaN', 'Infinity', '-Infinity', '0', '-0', '5e-324', '-5e-324', '2.2250738585072014e-308',
        '1.7976931348623157e+308', '-1.7976931348623157e+308', '0.1', '0.30000000000000004', '9007199254740993');
    PERFORM cases('numeric', 'NaN', 'Infinity', '-Infinity', '0', '0.0', '0.000', '-0.00', '1', '-1', '9999', '10000', '10001',
        '0.1', '0.0001', '0.00001', '0.000000000000000000000000000000000000000000000000000000000000001',
        '1e-16383', '1e-16000', '1e-400', '-1e-255', '1e255', '1e256', '1e260', '1e1000', '-1.5e1000', '1e131071',
        '100000000000000000000', '12345678901234567890.12345678901234567890', '-0.50000000', '1.' || repeat('0', 63),
        '1.' || repeat('0', 64), '1.' || repeat('0', 62) || '1', long || '.' || long, '-' || long, '0.' || long,
        '10000.0001', '100000000.00000001', '5000.5', '1234567812345678');
    PERFORM cases('numeric(10,3)', 'NaN', '0', '-0.001', '9999999.999', '-9999999.999', '1.5');
    PERFORM cases('numeric(1000,500)', '1e499', '1e-500', '-123.456');
    PERFORM cases('money', '-92233720368547758.08', '0', '92233720368547758.07', '-0.01');
    PERFORM cases('text', '', ' ', 'a', 'abcdefg', 'abcdefgh', 'äöü€😀', E'tab\tnl\ncr\r\\', E'\x01\x7f', long,
        repeat('é', 5000), 'null', 'NULL', '{', '"', '''');
    PERFORM cases('varchar', '', 'trailing  ', '日本語');
    PERFORM cases('varchar(5)', '', 'abcde', 'äöü€😀', '12345       ');
    PERFORM cases('char(5)', '', 'a', 'äöü€😀', 'ab   ', '日本');
    PERFORM cases('bpchar', '', 'a  ', '  ');
    PERFORM cases('char(3000)', '', 'x', 'é', repeat('é', 3000));
    PERFORM cases('name', '', 'a', repeat('n', 63), repeat('é', 31), 'A "quoted" one');
    PERFORM cases('"char"', '', 'a', E'\x7f', ' ');
    PERFORM cases('bytea', '', '\x00', '\x0001ff', '\xdeadbeef', '\x' || repeat('00ff', 5000));
    PERFORM cases('date', '-infinity', 'infinity', '4713-01-01 BC', '4713-11-24 BC', '0001-12-31 BC', '0001-01-01', '1999-12-31',
        '2000-01-01', '2000-02-29', '5874897-12-31');
    PERFORM cases('time', '00:00', '24:00', '23:59:59.999999', '00:00:00.000001');
    PERFORM cases('time(0)', '12:34:56');
    PERFORM cases('time(3)', '12:34:56.789', '23:59:59.999');
    PERFORM cases('timetz', '00:00+15:59:59', '24:00-15:59:59', '12:34:56.789012+00', '00:00-12:30');
    PERFORM cases('timetz(2)', '12:34:56.78+05:30');
    PERFORM cases('timestamp', '-infinity', 'infinity', '4714-11-24 00:00 BC', '294276-12-31 23:59:59.999999', '2000-01-01',
        '1999-12-31 23:59:59.999999', '0044-03-15 12:00 BC', '1582-10-10');
    PERFORM cases('timestamp(3)', '2020-02-02 20:20:20.202', '-infinity');
    PERFORM cases('timestamptz', '-infinity', 'infinity', '4714-11-24 00:00+00 BC', '294276-12-31 23:59:59.999999+00',
        '2000-01-01 00:00+00', '1969-12-31 23:59:59.999999+00', '1883-11-18 12:00:00+00', '2026-03-29 01:30:00+00');
    PERFORM cases('timestamptz(0)', '2020-02-02 20:20:20+02', 'infinity');
    PERFORM cases('interval', '0', '178000000 years', '-178000000 years', '2147483647 days', '-2147483648 days',
        ages, '-' || ages, '1 mon -1 day', '-1 mon +2 days -03:04:05.000006',
        '1 year -1 mon +1 day -00:00:00.000001');
    PERFORM cases('interval(2)', '1 day 00:00:01.23');
    PERFORM cases('interval year to month', '7 years 3 mons', '-1 mon');
    PERFORM cases('uuid', '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff',
        'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');
    PERFORM cases('json', '{}', '[]', '""', 'null', ' { "b" : 1 , "a":1e400, "b": 2 } ', '"\u00e9\ud83d\ude00"', '-0', '"é"');
    PERFORM cases('jsonb', '{}', '[]', '""', 'null', '{"b":1,"a":[1,{"c":null}],"b":2}', '"\u00e9"', '12345678901234567890.10', '-0');
    PERFORM cases('jsonpath', '$.a[*] ? (@.b > 1)', 'strict $');
    PERFORM cases('inet', '0.0.0.0/0', '255.255.255.255', '10.1.2.3/8', '::/0', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
        '::ffff:1.2.3.4/96', '2001:db8::1/33');
    PERFORM cases('cidr', '0.0.0.0/0', '10.0.0.0/8', '255.255.255.255/32', '::/0', '2001:db8::/32', '::1/128');
    PERFORM cases('macaddr', '00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff', '08:00:2b:01:02:03');
    PERFORM cases('macaddr8', '00:00:00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff:ff:ff', '08:00:2b:01:02:03:04:05');
    PERFORM cases('bit', '0', '1');
    PERFORM cases('bit(9)', '000000000', '111111111', '100000001');
    PERFORM cases('bit varying', '', '1', '11111111', '101010101', repeat('10', 5000));
    PERFORM cases('varbit(9)', '', '101', '111111111');
    PERFORM cases('point', '(0,-0)', '(NaN,Infinity)', '(1e-300,-1e300)', '(0.1,0.2)');
    PERFORM cases('line', '{1,-1,0}', '{0.1,0.2,-Infinity}');
    PERFORM cases('lseg', '[(0,0),(1,1)]', '[(NaN,1),(-Infinity,0)]');
    PERFORM cases('box', '(1,1),(0,0)', '(0.1,0.3),(-0.1,-0.3)');
    PERFORM cases('path', '[(0,0),(1,1)]', '((0,0),(1,1),(2,0))', '[(1,2)]');
    PERFORM cases('polygon', '((0,0),(1,1),(2,0))', '((1,2))');
    PERFORM cases('circle', '<(0,0),0>', '<(1.5,-2.5),0.1>');
    PERFORM cases('tsvector', '', 'a:1A b:2B,3 ''it''''s'':4', 'é:16383');
    PERFORM cases('tsquery', 'a & !(b | c:*A) <-> d', '''it''''s''');
    PERFORM cases('int4range', 'empty', '[1,5)', '(,)', '[-2147483648,2147483647)', '(,7]');
    PERFORM cases('int8range', 'empty', '[,9223372036854775807)');
    PERFORM cases('numrange', 'empty', '[0.10,NaN)', '(-Infinity,1e300]', '[,)');
    PERFORM cases('daterange', '[-infinity,infinity)', '[2000-01-01,2000-01-02]');
    PERFORM cases('tsrange', '[-infinity,2000-01-01)', '(0044-03-15 BC,)');
    PERFORM cases('tstzrange', '[2000-01-01 00:00+00,infinity]', 'empty');
    PERFORM cases('int4multirange', '{}', '{[1,3),[5,7)}', '{(,)}');
    PERFORM cases('nummultirange', '{}', '{[0.1,0.2],(3,)}');
    PERFORM cases('tstzmultirange', '{[2000-01-01 00:00+00,infinity]}');
    PERFORM cases('floatrange', 'empty', '[0.1,0.30000000000000004]', '[-Infinity,NaN]');
    PERFORM cases('textrange', '["a,b","c""d"]', '(,"")', '[ä,)');
    PERFORM cases('floatmultirange', '{[0.1,0.2),[0.30000000000000004,NaN)}');
    PERFORM cases('regclass', 'pg_class', 'types.cases');
    PERFORM cases('regtype', 'integer', 'types.mood', 'text[]');
    PERFORM cases('regproc', 'now');
    PERFORM cases('regprocedure', 'abs(integer)', 'types.cases(text,text[])');
    PERFORM cases('regoperator', '+(integer,integer)');
    PERFORM cases('regnamespace', 'pg_catalog', 'types');
    PERFORM cases('oidvector', '', '1 2 4294967295');
    PERFORM cases('int2vector', '', '-32768 0 7');
    PERFORM cases('mood', 'sad', 'so, so', 'h"appy', 'ÜBER');
    PERFORM cases('posint', '1', '2147483647');
    PERFORM cases('shout', 'LOUD', '');
    PERFORM cases('ints', '{1,2,NULL}', '{}');
    PERFORM cases('pair', '(1,a)', '(,)', '(-1,"a ""b"", (c)")', '(5,"")');
    PERFORM cases('nest', '("(1,x)",12.50,"{""(2,y)"",""(,)"",NULL}",sad)', '(,,,)', '(,NaN,{},"h""appy")');
    PERFORM cases('goodpair', '(1,)');
    PERFORM cases('boolean[]', '{}', '{t,f,NULL}', '{{t},{f}}');
    PERFORM cases('smallint[]', '{-32768,32767}', '{{1,2},{3,4}}', '[-3:-1]={1,NULL,3}');
    PERFORM cases('integer[]', '{}', '{1}', '{NULL}', '{NULL,NULL,3}', '[5:7]={1,2,3}', '{{{1,2},{3,4}},{{5,6},{7,8}}}',
        '[0:1][-1:0]={{1,NULL},{3,4}}', '{{{{{{1}}}}}}', '[2147483645:2147483646]={1,2}', '[-2147483648:-2147483647]={1,2}');
    PERFORM cases('bigint[]', '{-9223372036854775808,NULL,9223372036854775807}', '{{1},{2}}');
    PERFORM cases('real[]', '{NaN,-0,1e-45,NULL}');
    PERFORM cases('double precision[]', '{NaN,-0,5e-324,Infinity,NULL}');
    PERFORM cases('numeric[]', '{NaN,Infinity,0.00,1e500,-1e-500,NULL}', '{{1.10},{2.2000}}');
    PERFORM cases('numeric(6,2)[]', '{1.10,NULL,-9999.99}');
    PERFORM cases('text[]', '{}', '{"",NULL,"NULL",a,"b c","d\"e","f\\g","{h}",ä€😀}', '{{a,b},{c,NULL}}', '[2:3]={x,y}');
    PERFORM cases('varchar(3)[]', '{abc,ä€😀,""}');
    PERFORM cases('char(3)[]', '{a,abc,""}');
    PERFORM cases('name[]', '{a,NULL,' || repeat('n', 63) || '}');
    PERFORM cases('"char"[]', '{a,NULL,b}');
    PERFORM cases('bytea[]', '{"\\x","\\x00ff",NULL}');
    PERFORM cases('date[]', '{infinity,-infinity,"0044-03-15 BC",NULL}');
    PERFORM cases('time[]', '{24:00,00:00:00.000001}');
    PERFORM cases('timetz[]', '{00:00+15:59:59,NULL,24:00-15:59:59}');
    PERFORM cases('timestamp[]', '{infinity,"2000-01-01 00:00:00.000001",NULL}');
    PERFORM cases('timestamptz[]', '{-infinity,"2000-01-01 00:00:00.000001+00"}');
    PERFORM cases('timestamptz(0)[]', '{"2000-01-01 00:00:01+00"}');
    PERFORM cases('interval[]', '{"1 mon -1 day",NULL,"-00:00:00.000001"}');
    PERFORM cases('uuid[]', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,NULL}');
    PERFORM cases('json[]', '{"{\"a\": 1}",NULL}');
    PERFORM cases('jsonb[]', '{"{\"a\": 1}",NULL,"null"}');
    PERFORM cases('inet[]', '{10.0.0.1/8,::1,NULL}');
    PERFORM cases('cidr[]', '{10.0.0.0/8,::/0}');
    PERFORM cases('macaddr[]', '{08:00:2b:01:02:03,NULL}');
    PERFORM cases('macaddr8[]', '{08:00:2b:01:02:03:04:05}');
    PERFORM cases('money[]', '{1.00,-1.00,NULL}');
    PERFORM cases('bit(3)[]', '{101,NULL,000}');
    PERFORM cases('varbit[]', '{"",1,101010101}');
    PERFORM cases('oid[]', '{0,4294967295,NULL}');
    PERFORM cases('xid8[]', '{18446744073709551615}');
    PERFORM cases('tid[]', '{"(4294967295,65535)",NULL,"(0,1)"}');
    PERFORM cases('pg_lsn[]', '{FFFFFFFF/FFFFFFFF,NULL}');
    PERFORM cases('box[]', '{(1,1),(0,0);(2,2),(0,0)}');
    PERFORM cases('int4range[]', '{"[1,5)",empty,NULL}');
    PERFORM cases('mood[]', '{sad,"so, so",NULL,"h\"appy"}');
    PERFORM cases('posint[]', '{1,NULL}');
    PERFORM cases('pair[]', '{"(1,\"a b\")",NULL,"(,)"}');
    PERFORM cases('regclass[]', '{pg_class,types.cases,NULL}');
    -- what a server may lack
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'citext') THEN
        SET LOCAL client_min_messages = error;
        CREATE EXTENSION IF NOT EXISTS citext SCHEMA types;
        PERFORM cases('citext', '', 'MiXed', 'É'), cases('citext[]', '{A,a,NULL}');
    END IF;
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'hstore') THEN
        CREATE EXTENSION IF NOT EXISTS hstore SCHEMA types;
        PERFORM cases('hstore', '', 'a=>1, b=>NULL, "c d"=>"e\"f"'), cases('hstore[]', '{"a=>1",NULL}');
    END IF;
    BEGIN
        PERFORM '<a/>'::xml;
        PERFORM cases('xml', '<a>é</a>', 'text only', '<b/>'), cases('xml[]', '{<a/>,NULL}');
    EXCEPTION WHEN feature_not_supported THEN NULL;
    END;
END $$;

-- One pair of tables for each type: l local, f its image through the server.
CREATE TABLE types (n int GENERATED ALWAYS AS IDENTITY, type text);
INSERT INTO types (type) SELECT type FROM cases GROUP BY type ORDER BY min(id);
DO $$
DECLARE r record;
BEGIN
    FOR r IN SELECT * FROM types ORDER BY n LOOP
        EXECUTE format('CREATE TABLE l%s (id int PRIMARY KEY, v %s)', r.n, r.type);
        EXECUTE format('INSERT INTO l%s SELECT id, lit::%s FROM types.cases WHERE type = %L', r.n,
            r.type, r.type);
        EXECUTE format('CREATE FOREIGN TABLE f%1$s (id int, v %2$s) SERVER types_srv OPTIONS (table_name ''l%1$s'')', r.n, r.type);
    END LOOP;
END $$;

-- Runs a condition for each type and tells for which it is not true. $l, $f:
-- the tables; $t: the type. Types without what the condition needs are left out by "which".
CREATE FUNCTION types.verify(cond text, which text DEFAULT 'true', OUT tested bool, OUT failed text) LANGUAGE plpgsql AS $$
DECLARE
    r record;
    ok bool;
    n int := 0;
    bad text[] := '{}';
BEGIN
    FOR r IN SELECT * FROM types.types t ORDER BY t.n LOOP
        EXECUTE format('SELECT %s FROM (SELECT %L::regtype::oid AS t) s', which, regexp_replace(r.type, '\(.*\)', '')) INTO ok;
        CONTINUE WHEN ok IS NOT TRUE;
        BEGIN
            EXECUTE replace(replace(replace(cond, '$l', 'l' || r.n), '$f', 'f' || r.n), '$t', r.type) INTO ok;
            IF ok IS NOT TRUE THEN bad := bad || r.type; END IF;
        EXCEPTION WHEN OTHERS THEN
            bad := bad || (r.type || ': ' || SQLERRM);
        END;
        n := n + 1;
    END LOOP;
    tested := n > 20;
    failed := array_to_string(bad, '; ');
END $$;

-- The catalogs' word for what a type has.
CREATE FUNCTION types.has_send(t oid) RETURNS bool LANGUAGE sql AS $$
    SELECT typsend <> 0 AND typname NOT LIKE '%xml%' FROM pg_type WHERE oid = t $$;
CREATE FUNCTION types.comparable(t oid, am text) RETURNS bool LANGUAGE sql AS $$
    SELECT EXISTS (SELECT FROM pg_type y JOIN pg_type e ON e.oid = CASE WHEN y.typelem <> 0 AND y.typlen = -1 THEN y.typelem ELSE y.oid END
        JOIN pg_type b ON b.oid = CASE WHEN e.typtype = 'd' THEN e.typbasetype ELSE e.oid END
        JOIN pg_opclass c ON opcdefault AND opcmethod = (SELECT oid FROM pg_am WHERE amname = am)
            AND opcintype IN (b.oid, CASE b.typtype WHEN 'e' THEN 3500 WHEN 'r' THEN 3831 WHEN 'm' THEN 4537 END,
                CASE WHEN b.typname = 'varchar' THEN 25 WHEN b.typname = 'cidr' THEN 869 END)
        WHERE y.oid = t) $$;

-- as many rows; the same text; the same binary form; the same stored bytes
SELECT * FROM verify('SELECT (SELECT count(*) FROM $l) = (SELECT count(*) FROM $f) AND (SELECT count(v) FROM $l) = (SELECT count(v) FROM $f)');
SELECT * FROM verify('SELECT bool_and(l.v::text IS NOT DISTINCT FROM f.v::text) FROM $l l FULL JOIN $f f USING (id)');
CREATE FUNCTION types.sent(t oid) RETURNS text LANGUAGE sql AS $$ SELECT typsend::regproc::text FROM pg_type WHERE oid = t $$;
DO $$
DECLARE r record; same bool; tested int := 0;
BEGIN
    FOR r IN SELECT t.n, t.type, sent(regexp_replace(t.type, '\(.*\)', '')::regtype) AS f FROM types t
             WHERE has_send(regexp_replace(t.type, '\(.*\)', '')::regtype) ORDER BY t.n LOOP
        EXECUTE format('SELECT bool_and(%1$s(l.v) IS NOT DISTINCT FROM %1$s(f.v)) FROM l%2$s l FULL JOIN f%2$s f USING (id)', r.f, r.n) INTO same;
        IF same IS NOT TRUE THEN RAISE WARNING 'binary form differs: %', r.type; END IF;
        tested := tested + 1;
    END LOOP;
    IF tested < 100 THEN RAISE WARNING 'only % types', tested; END IF;
END $$;
SELECT * FROM verify('SELECT bool_and(l IS NOT DISTINCT FROM f AND l::text = f::text AND row_to_json(l)::text = row_to_json(f)::text)
    FROM $l l JOIN $f f ON f.id = l.id', 'comparable(t, ''btree'')');
-- *= compares the bytes of values
SELECT * FROM verify('SELECT bool_and(l::record *= f::record) FROM $l l JOIN (SELECT * FROM $f OFFSET 0) f ON f.id = l.id',
    't NOT IN (''tsvector''::regtype)');

-- equality, hashing, sorting, also of copies that went through tuplestores
SELECT * FROM verify('SELECT (SELECT count(*) FROM $l l JOIN $f f ON l.v = f.v) = (SELECT count(*) FROM $l l JOIN $l f ON l.v = f.v)',
    'comparable(t, ''btree'') OR comparable(t, ''hash'')');
SET enable_mergejoin = off; SET enable_nestloop = off; SET jit = off;
SELECT * FROM verify('SELECT (SELECT count(*) FROM $l l JOIN (SELECT * FROM $f OFFSET 0) f ON l.v = f.v) = (SELECT count(*) FROM $l l JOIN $l f ON l.v = f.v)',
    'comparable(t, ''hash'')');
RESET enable_mergejoin; RESET enable_nestloop;
SELECT * FROM verify('SELECT (SELECT string_agg(v::text, ''|'' ORDER BY v, id) FROM $f) IS NOT DISTINCT FROM (SELECT string_agg(v::text, ''|'' ORDER BY v, id) FROM $l)',
    'comparable(t, ''btree'')');
SELECT * FROM verify('SELECT (SELECT array_agg(v ORDER BY id)::text FROM $f) = (SELECT array_agg(v ORDER BY id)::text FROM $l)',
    '(SELECT typcategory <> ''A'' FROM pg_type WHERE oid = t)');
SELECT * FROM verify('WITH m AS MATERIALIZED (SELECT v, id FROM $f) SELECT bool_and(m.v::text IS NOT DISTINCT FROM l.v::text AND n.v::text IS NOT DISTINCT FROM l.v::text)
    FROM m JOIN m n USING (id) JOIN $l l USING (id)');
SELECT * FROM verify('SELECT (SELECT count(*) FROM (SELECT v FROM $f UNION SELECT v FROM $l) x) = (SELECT count(*) FROM (SELECT DISTINCT v FROM $l) y)',
    'comparable(t, ''btree'')');
-- several columns of the type, and behind NULLs
SELECT * FROM verify('SELECT bool_and(x IS NOT DISTINCT FROM y) FROM (SELECT id, to_jsonb(f.*)::text x FROM $f f) a JOIN (SELECT id, to_jsonb(l.*)::text y FROM $l l) b USING (id)',
    't NOT IN (''json''::regtype)');

-- stored here, read again
DO $$
DECLARE r record; same bool;
BEGIN
    FOR r IN SELECT * FROM types ORDER BY n LOOP
        EXECUTE format('CREATE TEMP TABLE s AS SELECT * FROM f%s', r.n);
        EXECUTE format('INSERT INTO s SELECT id + 100000, v FROM f%s', r.n);
        EXECUTE format('SELECT count(*) = 2 * count(DISTINCT l.id) AND bool_and(s.v::text IS NOT DISTINCT FROM l.v::text) FROM s JOIN l%s l ON l.id = s.id %% 100000', r.n) INTO same;
        IF same IS NOT TRUE THEN RAISE WARNING 'stored value differs: %', r.type; END IF;
        DROP TABLE s;
    END LOOP;
END $$;
-- through variables of plpgsql, and as whole rows
DO $$
DECLARE r record;
BEGIN
    FOR r IN SELECT * FROM types ORDER BY n LOOP
        EXECUTE format($q$
            DO $d$
            DECLARE f record; l record; whole f%1$s; v %2$s;
            BEGIN
                FOR f IN SELECT t.id, t.v, t AS whole FROM f%1$s t LOOP
                    SELECT * INTO l FROM l%1$s WHERE id = f.id;
                    whole := f.whole; v := f.v;
                    IF v::text IS DISTINCT FROM l.v::text OR whole::text <> l::text THEN
                        RAISE WARNING 'value in a variable differs: %2$s, case %%', f.id;
                    END IF;
                END LOOP;
            END $d$ $q$, r.n, r.type);
    END LOOP;
END $$;
-- under settings that change how values are printed and read here
SET DateStyle = 'SQL, DMY'; SET IntervalStyle = sql_standard; SET TimeZone = 'Asia/Kolkata'; SET extra_float_digits = 0;
SET bytea_output = escape; SET xmloption = content;
SELECT * FROM verify('SELECT bool_and(l.v::text IS NOT DISTINCT FROM f.v::text) FROM $l l FULL JOIN $f f USING (id)');
RESET DateStyle; RESET IntervalStyle; RESET TimeZone; RESET extra_float_digits; RESET bytea_output; RESET xmloption;

-- ===================================================================
-- large values, and functions that take a value apart
-- ===================================================================
CREATE TABLE big (id int PRIMARY KEY, t text, b bytea, j jsonb, a int[], n numeric);
INSERT INTO big VALUES
    (1, repeat('x', 10000000), NULL, NULL, NULL, NULL),
    (2, repeat('é', 2000000), decode(repeat('00ff', 2000000), 'hex'), NULL, NULL, NULL),
    (3, '', '', '{}', '{}', 0),
    (4, NULL, NULL, (SELECT jsonb_agg(g) FROM generate_series(1, 50000) g), array_fill(7, ARRAY[1000, 500]), (repeat('9', 20000) || '.' || repeat('9', 10000))::numeric),
    (5, (SELECT string_agg(md5(g::text), '') FROM generate_series(1, 30000) g), '\x00', NULL, (SELECT array_agg(nullif(g % 3, 0)) FROM generate_series(1, 100000) g), NULL);
CREATE FOREIGN TABLE fbig (id int, t text, b bytea, j jsonb, a int[], n numeric) SERVER types_srv OPTIONS (table_name 'big');
SELECT id, length(t), octet_length(b), jsonb_array_length(j), cardinality(a), length(n::text) FROM fbig WHERE jsonb_typeof(j) IS DISTINCT FROM 'object' ORDER BY id;
SELECT l.id, l.t = f.t AS t, l.b = f.b AS b, l.j = f.j AS j, l.a = f.a AS a, l.n = f.n AS n FROM big l JOIN fbig f USING (id) ORDER BY id;
SELECT substr(t, 9999999, 5), substr(t, 1, 3), right(t, 2), length(substr(t, 1000000)) FROM fbig ORDER BY id;
SELECT substr(b, 3999999, 3), get_byte(b, 1), a[3], a[1000][500], j -> 49999, j @> '[12345]' FROM fbig WHERE id IN (2, 4) ORDER BY id;
CREATE TABLE bigcopy AS SELECT * FROM fbig;
SELECT count(*) FROM bigcopy c JOIN big l ON c.id = l.id AND (c.t, c.b, c.j, c.a, c.n) IS NOT DISTINCT FROM (l.t, l.b, l.j, l.a, l.n);
-- rows of very different width, one after the other
CREATE VIEW ragged AS SELECT g AS id, repeat(chr(65 + g % 26), CASE WHEN g % 50 = 0 THEN 300000 WHEN g % 7 = 0 THEN 5000 ELSE g % 20 END) AS t FROM generate_series(1, 500) g;
CREATE FOREIGN TABLE fragged (id int, t text) SERVER types_srv OPTIONS (table_name 'ragged');
SELECT count(*), sum(length(t)), bool_and(l.t = f.t) FROM ragged l FULL JOIN fragged f USING (id, t);

-- ===================================================================
-- the local type is not the remote's: as the type's input reads the text
-- ===================================================================
CREATE TABLE pairs (n int GENERATED ALWAYS AS IDENTITY, remote text, local text, lit text);
INSERT INTO pairs (remote, local, lit) SELECT r, l, unnest(v::text[]) FROM (VALUES
    ('int4', 'int8', '{-2147483648,7}'), ('int8', 'int4', '{2147483647,2147483648}'), ('int2', 'int4', '{-32768}'), ('int8', 'int2', '{32768,1}'),
    ('int4', 'numeric', '{-5}'), ('numeric', 'int4', '{5,5.5,NaN}'), ('numeric', 'int8', '{99999999999999999999}'), ('int4', 'text', '{42}'),
    ('text', 'int4', '{42," 42 ",x,""}'), ('int4', 'bool', '{1,2}'), ('bool', 'int4', '{t}'), ('bool', 'text', '{t,f}'), ('text', 'bool', '{yes,off,maybe}'),
    ('int4', 'oid', '{-1,5}'), ('oid', 'int4', '{4294967295,1}'), ('int4', 'float8', '{7}'), ('float8', 'float4', '{0.1,1e300,NaN,-0,1e-300}'),
    ('float4', 'float8', '{0.1,16777217}'), ('float8', 'numeric', '{0.1,1e100,Infinity}'), ('numeric', 'float8', '{0.1,1e400,NaN}'), ('float8', 'int4', '{1,1.5}'),
    ('numeric', 'numeric(5,2)', '{1.005,999.994,999.995,-1.005,NaN,Infinity,0.001,-0.005,123.45}'), ('numeric(5,2)', 'numeric', '{1.5}'),
    ('numeric', 'numeric(3,0)', '{0.5,1.5,2.5,-0.5,999.4,999.5}'), ('numeric', 'numeric(40,30)', '{1e-30,5e-31,4e-31,1e10,9999999999.9999999999999999999999999999995}'),
    ('text', 'varchar(3)', '{abc,abcd,"abc  ","äöüß","ab   x"}'), ('text', 'char(3)', '{abc,a,abcd,"abc   ","ä"}'), ('char(6)', 'varchar(3)', '{abc,abcd}'),
    ('char(6)', 'text', '{abc}'), ('varchar(6)', 'text', '{"abc  "}'), ('char(3)', 'char(6)', '{abc}'), ('text', 'bpchar', '{"abc  "}'), ('char(5)', 'bpchar', '{"ab"}'),
    ('text', 'name', '{abc,äöü,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}'),
    ('name', 'text', '{abc}'), ('name', 'varchar(2)', '{abc,ab}'), ('text', '"char"', '{abc,a,""}'), ('"char"', 'text', '{a,""}'), ('text', 'bytea', '{abc,"\\x00ff","\\xzz"}'), ('bytea', 'text', '{"\\x00ff"}'),
    ('date', 'timestamp', '{2000-01-01,infinity,"0044-03-15 BC"}'), ('timestamp', 'date', '{"2000-01-01 23:59"}'), ('timestamptz', 'date', '{"2000-01-01 23:59-05"}'),
    ('timestamp', 'timestamptz', '{"2000-01-01 12:00"}'), ('timestamptz', 'timestamp', '{"2000-01-01 12:00+05"}'), ('date', 'timestamptz', '{2000-06-01}'),
    ('timestamp', 'timestamp(0)', '{"2000-01-01 00:00:00.5","1999-12-31 23:59:59.5","1999-12-31 23:59:59.499999",infinity,"294276-12-31 23:59:59.9"}'),
    ('timestamptz', 'timestamptz(3)', '{"2000-01-01 00:00:00.0005+00","1990-01-01 00:00:00.0005+00"}'), ('time', 'time(1)', '{23:59:59.95,00:00:00.05,24:00}'),
    ('timetz', 'time', '{12:00+05}'), ('time', 'timetz', '{12:00}'), ('timetz', 'timetz(0)', '{12:00:00.5+05}'), ('timestamp', 'time', '{"2000-01-01 12:34:56"}'),
    ('interval', 'interval(0)', '{"1 day 00:00:00.5","-00:00:00.5"}'), ('interval', 'interval day to minute', '{"1 mon 2 days 03:04:05"}'), ('interval', 'time', '{03:04:05,"1 day"}'),
    ('interval', 'interval year', '{"14 mons 3 days"}'), ('text', 'interval', '{"P1Y2M",x}'), ('text', 'date', '{2000-01-02,01/02/2000,infinity,x}'), ('text', 'timestamptz', '{"2000-01-01 00:00 Europe/Berlin",now2}'),
    ('text', 'mood', '{sad,happy,""}'), ('mood', 'text', '{"so, so"}'), ('mood', 'varchar(3)', '{sad,"so, so"}'), ('int4', 'posint', '{5,0,-5}'), ('posint', 'int4', '{5}'), ('text', 'shout', '{A,a}'), ('int[]', 'ints', '{"{1,2}","{1,2,3,4,5}"}'),
    ('json', 'jsonb', '{"{\"b\":1,\"a\":[1,2]}","1e400"}'), ('jsonb', 'json', '{"{\"b\": 1, \"a\": [1,2]}"}'), ('text', 'json', '{"{}","{",""}'), ('text', 'jsonb', '{"[1]","[1","\"\\u0000\""}'), ('json', 'text', '{" [1] "}'), ('json', 'jsonb', '{"\"\\u0000\""}'),
    ('int[]', 'bigint[]', '{"{1,NULL,3}","[0:1]={1,2}"}'), ('bigint[]', 'int[]', '{"{1,2}","{4294967296}"}'), ('int[]', 'text[]', '{"{1,NULL}"}'), ('text[]', 'int[]', '{"{1,x}","{1}"}'), ('text[]', 'varchar(2)[]', '{"{ab,\"c  \"}","{abc}"}'),
    ('varchar[]', 'text[]', '{"{ab,\"c  \"}"}'), ('int[]', 'text', '{"{1,NULL}"}'), ('text', 'int[]', '{"{1,2}","{1"}'), ('numeric[]', 'numeric(3,1)[]', '{"{1.25,NULL}","{100}"}'), ('timestamp[]', 'timestamp(0)[]', '{"{2000-01-01 00:00:00.5}"}'),
    ('int2vector', 'int2[]', '{"1 2"}'), ('oidvector', 'text', '{"1 2"}'), ('regclass', 'text', '{pg_class}'), ('regclass', 'oid', '{pg_class}'), ('text', 'regclass', '{pg_class,nope}'), ('oid', 'regclass', '{1259}'),
    ('inet', 'cidr', '{10.0.0.0/8,10.0.0.1/8}'), ('cidr', 'inet', '{10.0.0.0/8}'), ('inet', 'text', '{10.0.0.1/32}'), ('macaddr', 'macaddr8', '{08:00:2b:01:02:03}'), ('macaddr8', 'macaddr', '{08:00:2b:ff:fe:01:02:03,08:00:2b:00:00:01:02:03}'),
    ('money', 'text', '{1.5}'), ('numeric', 'money', '{1.5}'), ('bit(3)', 'bit(5)', '{101}'), ('bit(3)', 'varbit(2)', '{101}'), ('varbit', 'bit(3)', '{101,1}'), ('varbit', 'varbit(2)', '{1,101}'), ('bit(8)', 'int4', '{00000101}'), ('int4', 'bit(8)', '{101}'),
    ('uuid', 'text', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'), ('text', 'uuid', '{A0EEBC999C0B4EF8BB6D6BB9BD380A11,x}'), ('point', 'text', '{"(1,2)"}'), ('text', 'point', '{"(1,2)",x}'), ('box', 'polygon', '{"(1,1),(0,0)"}'),
    ('int4range', 'numrange', '{"[1,5)"}'), ('int4range', 'int8range', '{"[1,5)"}'), ('int8range', 'int4range', '{"[1,99999999999)"}'), ('int4range', 'int4multirange', '{"[1,5)"}'), ('text', 'tsvector', '{"b a:1"}'), ('tsvector', 'text', '{"b a:1"}'),
    ('pair', 'text', '{"(1,\"a b\")"}'), ('text', 'pair', '{"(1,x)","(x,1)","(1)"}'), ('pair', 'goodpair', '{"(1,a)","(0,a)"}'), ('pair[]', 'text[]', '{"{\"(1,a)\"}"}'), ('xid8', 'int8', '{18446744073709551615,1}'), ('pg_lsn', 'text', '{1/0}'), ('tid', 'point', '{"(1,2)"}')
    ) AS d (r, l, v);
DO $$
DECLARE p record;
BEGIN
    FOR p IN SELECT * FROM pairs LOOP
        EXECUTE format('CREATE TABLE there%s AS SELECT %L::%s AS v', p.n, p.lit, p.remote);
        EXECUTE format('CREATE TABLE want%s (v %s)', p.n, p.local);
        EXECUTE format('CREATE FOREIGN TABLE here%1$s (v %2$s) SERVER types_srv OPTIONS (table_name ''there%1$s'')', p.n, p.local);
    END LOOP;
END $$;
CREATE FUNCTION types.differ() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    p record;
    printed text; got text; want text;
    n int := 0;
BEGIN
    FOR p IN SELECT * FROM pairs q ORDER BY q.n LOOP
        BEGIN
            -- printed as the remote session prints, assigned here
            PERFORM set_config('DateStyle', 'ISO', true), set_config('IntervalStyle', 'postgres', true),
                set_config('TimeZone', 'GMT', true), set_config('extra_float_digits', '3', true), set_config('search_path', 'pg_catalog', true);
            EXECUTE format('SELECT format(''%%s'', v) FROM types.there%s', p.n) INTO printed;
            RAISE division_by_zero; -- undoes the settings
        EXCEPTION WHEN division_by_zero THEN NULL;
        END;
        BEGIN
            EXECUTE format('INSERT INTO want%s VALUES (%L)', p.n, printed);
            EXECUTE format('SELECT v::text FROM want%s', p.n) INTO want;
        EXCEPTION WHEN OTHERS THEN want := 'error ' || SQLSTATE;
        END;
        BEGIN
            EXECUTE format('SELECT v::text FROM here%s', p.n) INTO got;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS got = PG_EXCEPTION_CONTEXT;
            IF got !~ ('column "v" of foreign table "here' || p.n || '"') THEN
                RETURN NEXT format('%s read as %s: context is %s', p.remote, p.local, got);
            END IF;
            got := 'error ' || SQLSTATE;
        END;
        IF got IS DISTINCT FROM want THEN
            RETURN NEXT format('%s read as %s: %s gives %s instead of %s', p.remote, p.local, p.lit, got, want);
        END IF;
        n := n + (got !~ '^error')::int;
    END LOOP;
    IF n < 150 THEN RETURN NEXT 'only ' || n || ' were good'; END IF;
END $$;
SELECT differ();

-- ===================================================================
-- a bad value: the error names column and table, and the session goes on
-- ===================================================================
CREATE TABLE bad AS SELECT g AS id, CASE WHEN g = 700 THEN 'x' ELSE g::text END AS i, repeat('w', g % 9) AS w,
    CASE WHEN g = 3 THEN 1e10 ELSE g END::numeric AS n, NULL::int AS nothing FROM generate_series(1, 1000) g;
CREATE FOREIGN TABLE bad_int (id int, "the number" int OPTIONS (column_name 'i')) SERVER types_srv OPTIONS (table_name 'bad');
CREATE FOREIGN TABLE bad_rest (id int, w varchar(7), n numeric(6,2), nothing posint) SERVER types_srv OPTIONS (table_name 'bad');
SELECT * FROM bad_int;
SELECT count(*), sum("the number") FROM bad_int WHERE id < 700;
SELECT w FROM bad_rest;
SELECT n FROM bad_rest;
SELECT nothing FROM bad_rest WHERE id = 1;
SELECT id FROM bad_rest WHERE id IN (3, 8);
-- NULL where the domain forbids it
CREATE DOMAIN something AS int NOT NULL;
ALTER FOREIGN TABLE bad_rest ALTER nothing TYPE something;
SELECT nothing FROM bad_rest WHERE id = 1;
-- an error among good rows, caught, in the middle of a transaction
BEGIN;
DO $$
BEGIN
    PERFORM "the number" FROM bad_int ORDER BY 1;
EXCEPTION WHEN invalid_text_representation THEN RAISE NOTICE 'caught: %', SQLERRM;
END $$;
-- added up here: there, they are texts
SET LOCAL pgwire_fdw.ship_upper = off;
SET LOCAL pgwire_fdw.ship_queries = off;
SELECT sum("the number") FROM bad_int WHERE id > 700;
COMMIT;

-- ===================================================================
-- clean up
-- ===================================================================
SET client_min_messages = error;
DROP SCHEMA types CASCADE;
DROP SERVER types_srv CASCADE;
