package cluster

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
)

// diffColumns are the columns of the table that differential tests query.
const diffColumns = `id int, i2 int2, i8 int8, f4 float4, f8 float8, n numeric, n2 numeric(8,2), b bool,
	t text, tc text COLLATE "C", te text COLLATE %[1]s, tn text COLLATE %[2]s, vc varchar(20), bp char(6), nm name, ch "char", ba bytea,
	d date, ti time, tt timetz, ts timestamp, tz timestamptz, iv interval,
	u uuid, ip inet, ci cidr, mac macaddr, bi bit(4), vb varbit, j jsonb, js json,
	ia int[], ta text[], na numeric[], za timestamptz[], ir int4range, zr tstzrange, o oid, rc regclass, mo money, pt point`

// diffRows is run on both servers, in sessions with the same settings. Values
// are dense enough to meet the grammar's literals, sparse in NULLs.
const diffRows = `INSERT INTO r SELECT g, g % 7 - 3, g * 3000000000 - 60000000000, (g - 20) / 3.0, sqrt(g) * CASE WHEN g % 2 = 0 THEN -1 ELSE 1 END,
	(g - 20) * 1.01, (g - 20) / 7.0, g % 3 = 0, (ARRAY['abc', 'ABC', 'Zebra', 'äbc', 'a_c', 'a%c', ' ', '', 'it''s', E'back\\slash'])[1 + g % 10],
	chr(60 + g % 40) || 'x', (ARRAY['a', 'B', 'c', 'Ä', 'ab', 'A b', 'a-b'])[1 + g % 7], (ARRAY['abc', 'ABC', 'Abc', 'äbc', 'x'])[1 + g % 5], 'v' || g % 9, (ARRAY['b', 'b1', 'B 1', '', 'abc   '])[1 + g % 5], 'n' || g % 5,
	chr(65 + g % 26)::"char", decode(lpad(to_hex(g * 7919), 8, '0'), 'hex'),
	date '2020-03-10' + g, time '00:00' + g * interval '37 min', timetz '00:30+01' + g * interval '37 min', timestamp '2020-03-28' + g * interval '1 hour',
	timestamptz '2020-03-28 00:00Z' + g * interval '61 min', (g - 20) * interval '1 day 1 min' + g % 3 * interval '1 mon',
	('00000000-0000-0000-0000-0000000000' || lpad(to_hex(g), 2, '0'))::uuid, inet '10.0.0.0' + g, set_masklen(inet '10.0.0.0' + g * 256, 24)::cidr, ('08:00:2b:01:02:' || lpad(to_hex(g), 2, '0'))::macaddr,
	(g % 16)::bit(4), (g % 8)::bit(3)::varbit, jsonb_build_object('a', g, 'b', 'x' || g % 3, 'c', jsonb_build_array(g, 'abc')), json_build_object('a', g, 'b', 'x' || g % 3),
	ARRAY[g, g % 5, NULL, g % 3], ARRAY['e' || g % 3, NULL, 'NULL', 'a b'], ARRAY[g, g / 2.0], ARRAY[timestamptz '2020-03-28 00:00Z' + g * interval '61 min', NULL], int4range(g, g + 5), tstzrange(timestamptz '2020-03-28 00:00Z' + g * interval '61 min', NULL),
	CASE WHEN g % 9 = 0 THEN 4000000000 ELSE g END, 'pg_class', g::numeric::money, point(g, -g)
	FROM generate_series(1, 40) g;
	INSERT INTO r (id) VALUES (-1);
	INSERT INTO r (id, i2, f4, f8, n, t, tc, te, tn, vc, bp, ts, tz, d, ia, ta, b) VALUES
	(-2, 0, 'NaN', '-0', 'NaN', '', '', '', '', '', '', 'infinity', '-infinity', '-infinity', '{}', '{}', NULL),
	(-3, -3, 'Infinity', '-Infinity', 'Infinity', E'it''s \\ "q" %_', 'a', 'a', 'a', E'tab\t', 'b1  ', '0044-03-15 BC', '2020-03-29 01:30Z', '0001-01-01 BC', '[-1:1]={1,2,3}', '{{a,b},{NULL,"NULL"}}', true),
	(0, 2, 1e-45, 5e-324, 0.000, 'NULL', 'äöü', 'äöü', 'ÄÖÜ', '5', 'NULL', '2020-10-25 02:30', '1800-01-01 00:00Z', 'infinity', '{NULL}', '{NULL}', false)`

// grammar has, for each type, what may stand for a value of it. {type} is
// replaced by such a value again, $type by a column, a literal or, where there
// are any, a parameter or a column of another table.
type grammar map[string][]string

// diffLeaves are the columns and literals of each type.
var diffLeaves = grammar{
	"int4":        {"@id", "@id", "@id", "5", "-3", "0", "17", "2147483647", "NULL::int", "length(current_setting('datestyle')) - 2"},
	"int2":        {"@i2", "@i2", "2::int2", "(-3)::int2"},
	"int8":        {"@i8", "@i8", "3000000000", "-9223372036854775808", "9::int8"},
	"float4":      {"@f4", "@f4", "0.33333334::float4", "'NaN'::float4", "'-Infinity'::float4", "1e-45::float4", "-0.0::float4"},
	"float8":      {"@f8", "@f8", "1.4142135623730951::float8", "5e-324::float8", "'-0'::float8", "'NaN'::float8", "'Infinity'::float8", "1e300::float8"},
	"numeric":     {"@n", "@n2", "1.01", "-2.02", "0.000", "'NaN'::numeric", "'-Infinity'::numeric", "12345678901234567890.5", "3::numeric(5,1)"},
	"bool":        {"@b", "@b", "true", "false", "NULL::bool"},
	"text":        {"@t", "@t", "'abc'", "'ABC'", "''", "'it''s'", `E'back\\slash'`, `'a_c'`, "'NULL'", "'äbc'", "current_setting('intervalstyle')"},
	"textc":       {"@tc", "@tc", "'A'", "'ax'", `'x' COLLATE "C"`, `@t COLLATE "C"`},
	"texte":       {"@te", "@te", "'b'", "'Ä'", "'a b'"},
	"textn":       {"@tn", "'abc'", "'ÄBC'", "'x'"},
	"varchar":     {"@vc", "@vc", "'v3'::varchar", "'5'::varchar(3)"},
	"bpchar":      {"@bp", "@bp", "'b1'::char(6)", "'b1 '::bpchar", "'abc'::char(4)"},
	"name":        {"@nm", "'n3'::name", "current_schema()"},
	"char":        {"@ch", `'C'::"char"`, `''::"char"`},
	"bytea":       {"@ba", "@ba", `'\x00001eef'::bytea`, `''::bytea`, `'\x5c27'::bytea`},
	"date":        {"@d", "@d", "'2020-03-29'::date", "'infinity'::date", "'0001-01-01 BC'::date", "'2020-12-01'::date", "current_date"},
	"time":        {"@ti", "'10:29'::time", "'24:00'::time"},
	"timetz":      {"@tt", "'10:29+02'::timetz"},
	"timestamp":   {"@ts", "@ts", "'2020-03-29 02:30'::timestamp", "'-infinity'::timestamp", "'2020-10-25 02:30:00.123456'::timestamp", "localtimestamp"},
	"timestamptz": {"@tz", "@tz", "'2020-03-29 02:30'::timestamptz", "'2020-03-29 00:41Z'::timestamptz", "'1800-01-01 00:00Z'::timestamptz", "now()", "'infinity'::timestamptz"},
	"interval":    {"@iv", "@iv", "'1 day 1 min'::interval", "'-1 mon +2 days -00:00:01.5'::interval", "'0'::interval", "'1 year 2 mons -3 days'::interval"},
	"uuid":        {"@u", "'00000000-0000-0000-0000-000000000010'::uuid"},
	"inet":        {"@ip", "@ci", "'10.0.0.7'::inet", "'10.0.0.0/28'::inet", "'10.0.5.1/24'::inet", "'::1'::inet"},
	"macaddr":     {"@mac", "'08:00:2b:01:02:03'::macaddr"},
	"varbit":      {"@vb", "@bi", "B'101'", "B'0101'::bit(4)", "''::varbit"},
	"jsonb":       {"@j", "@j", `'{"a": 1}'::jsonb`, `'"x"'::jsonb`, `'["abc", 3]'::jsonb`, `'{"b": "x1"}'`, `'{"k\\": "\u00e4"}'::jsonb`},
	"json":        {"@js", "@js", `'{"a": 1, "b": "x"}'::json`},
	"intarr":      {"@ia", "@ia", "'{1,2,NULL}'::int[]", "'{}'::int[]", "'[0:1]={5,6}'::int[]"},
	"textarr":     {"@ta", "@ta", `'{e1,NULL,"NULL","a b"}'::text[]`, `'{"it''s","back\\slash"}'::text[]`, "'{}'::text[]"},
	"numarr":      {"@na", "'{1,0.5}'::numeric[]"},
	"tzarr":       {"@za", `'{"2020-03-28 01:01+00",NULL}'::timestamptz[]`},
	"intrange":    {"@ir", "'[3,8)'::int4range", "'empty'::int4range", "'(,5]'::int4range"},
	"tzrange":     {"@zr", "'[2020-03-28 10:00+02,)'::tstzrange"},
	"oid":         {"@o", "@o", "4000000000::oid", "7::oid"},
	"money":       {"@mo", "7::money"},
	"point":       {"@pt", "'(3,-3)'::point", "point(@f8, 0.1)"},
}

// diffRules are what is made of such values and never fails. Some are to stay
// here (stable functions of columns, settings, other collations): that they do
// is what is tested.
var diffRules = grammar{
	"bool": {
		"({int4} = {int4})", "({int4} < {int8})", "({int2} >= {int4})", "({int8} <> {int2})", "({float4} < {float8})", "({float8} = {float8})", "({numeric} > {numeric})", "({numeric} = {int4})", "({int4} < {float8})", "({float4} = {float4})",
		"({text} = {text})", "({text} < {text})", "({textc} < {textc})", "({textc} >= {text})", "({texte} < {texte})", "({texte} = {text})", "({textn} = {textn})", "({textn} < {textn})", "({varchar} = {varchar})", "({varchar} < {text})", "({bpchar} = {bpchar})", "({bpchar} < {text})", "({bpchar} = {varchar})", "({name} = {text})", "({name} < {name})", "({char} = {char})", "({char} > {char})", "({bytea} > {bytea})",
		"({date} < {timestamp})", "({date} = {date})", "({date} < {timestamptz})", "({timestamp} < {timestamptz})", "({timestamp} >= {timestamp})", "({timestamptz} < {timestamptz})", "({time} < {time})", "({timetz} < {timetz})", "({interval} < {interval})",
		"({uuid} > {uuid})", "({inet} << {inet})", "({inet} = {inet})", "({inet} && {inet})", "({macaddr} > {macaddr})", "({varbit} < {varbit})", "({jsonb} @> {jsonb})", "({jsonb} = {jsonb})", "({jsonb} < {jsonb})", "({jsonb} ? {text})", "({jsonb} @? '$.c[*] ? (@ == \"abc\")')",
		"({intarr} @> {intarr})", "({intarr} = {intarr})", "({intarr} < {intarr})", "({textarr} && {textarr})", "({textarr} = {textarr})", "({numarr} < {numarr})", "({tzarr} = {tzarr})", "({intrange} @> {int4})", "({intrange} && {intrange})", "({tzrange} @> {timestamptz})", "({tzrange} && {tzrange})", "({oid} < {oid})", "({oid} = 'pg_class'::regclass)", "(@rc = 'pg_class'::regclass)", "({money} < {money})", "({point} <@ box '(0,0),(10,-10)')",
		"({int4} = ANY ({intarr}))", "({int4} <> ALL ({intarr}))", "({text} = ANY ({textarr}))", "({int4} IN (5, {int4}, NULL, 7))", "({text} NOT IN ('abc', {text}))", "({int8} = ANY ('{3000000000,NULL}'::numeric[]))", "({varchar} = ANY ({textarr}))", "({numeric} IN (1.01, -2.02, 5))", "({bpchar} IN ('b1', 'abc'))", "({timestamptz} = ANY ({tzarr}))",
		"({bool} AND {bool})", "({bool} OR {bool})", "(NOT {bool})", "({bool} AND NOT {bool})", "({bool} IS TRUE)", "({bool} IS NOT FALSE)", "({bool} IS UNKNOWN)", "({bool} IS NOT TRUE)", "({bool} = {bool})", "({bool} IS DISTINCT FROM {bool})", "({bool} < {bool})",
		"({int4} IS NULL)", "({text} IS NOT NULL)", "({numeric} IS NULL)", "({intarr} IS NOT NULL)", "({textn} IS DISTINCT FROM {textn})", "({int4} IS DISTINCT FROM {int4})", "({float8} IS NOT DISTINCT FROM {float8})", "({texte} IS DISTINCT FROM {text})", "({interval} IS NOT DISTINCT FROM {interval})", "(ROW({int4}, {text}) = ROW({int4}, {text}))", "(ROW({int4}, {text}) < ROW({int4}, {text}))", "(ROW({int4}, {text}) IS NULL)",
		"(ROW({int4}, {textc}) >= ROW({int2}, {text}))", "(({numeric}, {date}, {text}) < ({int4}, {timestamp}, {varchar}))", "(ROW({int4}, {intarr}) IS DISTINCT FROM ROW({int4}, {intarr}))", "(({texte}, {int4}) > ({texte}, {int4}))", "(ROW({bool}, {interval}) <= ROW({bool}, {interval}))", "(ROW({int4}, {text} COLLATE \"C\") < ROW({int4}, {textc}))", "(({int4}, {text}) IN (({int4}, {text}), (5, 'abc')))", "(ROW({int4}, ROW(({text})::text, {int2})) = ROW({int4}, ROW(({text})::text, {int2})))",
		"(({intarr})::text[] @> {textarr})", "(({intarr})::numeric[] = {numarr})", "(({textarr})::varchar(2)[] && ({textarr})::varchar[])", "(({tzarr})::date[] @> ARRAY[{date}])", "(({numarr})::int8[] < ({intarr})::int8[])", "(({textarr})::name[] = ({textarr})::name[])",
		"({jsonb}['a'] = {jsonb})", "(({jsonb})['c'][1] IS NOT NULL)", "(({jsonb})[{text}] IS NULL)",
		"({text} COLLATE \"POSIX\" < {text})", "({varchar} COLLATE \"C\" <= {texte})", "({textarr} COLLATE \"C\" < {textarr})", "({textn} = {text} COLLATE \"C\")", "({texte} COLLATE \"C\" ~ {textc})", "({bpchar} COLLATE \"POSIX\" LIKE 'b%')", "(nullif({text}, {texte} COLLATE \"C\") IS NULL)", "({text} COLLATE \"C\" = ANY ({textarr}))", "({textc} IN ('abc', {text} COLLATE \"C\"))", "(CASE {texte} COLLATE \"C\" WHEN {text} THEN {bool} ELSE {bool} END)",
		"({text} LIKE 'a%')", `({text} LIKE E'%\\\\%')`, "({text} ILIKE 'AB_')", "({text} ~ '^[a-z]+$')", "({textc} ~* 'A')", "({varchar} LIKE 'v_')", "({bpchar} LIKE 'b%')", "({text} SIMILAR TO '(abc|ABC)')", "({text} NOT LIKE {text})", "starts_with({text}, 'a')", "({text} ^@ 'A')", "({textc} LIKE {text})", "({name} LIKE 'n%')",
		"({int4} BETWEEN {int4} AND {int4})", "({timestamptz} BETWEEN {timestamptz} AND {timestamptz})", "({int4} BETWEEN SYMMETRIC {int4} AND {int4})", "({text} COLLATE \"C\" < {text})", "({text} < {text} COLLATE \"C\")", "({texte} COLLATE \"C\" = {text})", "(CASE WHEN {bool} THEN {bool} ELSE {bool} END)", "(CASE {int4} WHEN {int4} THEN {bool} WHEN 5 THEN true END)", "(CASE {text} WHEN {text} THEN {bool} ELSE {bool} END)", "(CASE {varchar} WHEN 'v3' THEN {bool} END)", "(CASE {date} WHEN {timestamp} THEN true ELSE {bool} END)", "coalesce({bool}, {bool})", "isfinite({date})", "isempty({intrange})", "(({timestamp}, {timestamp}) OVERLAPS ({timestamp}, {timestamp}))",
		"diff_lt({int4}, {int4})", "(diff_ratio({int4}, {int2}) > 0.3)", "({bool} IS NULL)", "(@ctid < '(0,9)'::tid)", "({int4} = (SELECT 5))", "({text} = (SELECT 'abc'))", "EXISTS (SELECT 1 FROM one WHERE one.a = {int4})", "(({varchar}::diff_v2)::text = 'v3')", "({varchar}::diff_v2 = {varchar}::diff_v2)", "diff_same({bpchar}, {bpchar})", "(array_position({textarr}, {text}) = 1)",
	},
	"int4": {
		"length({text})", "length({bpchar})", "char_length({varchar})", "octet_length({text})", "length({bytea})", "position({text} in {text})", "strpos({textc}, 'x')", "ascii({text})", "masklen({inet})", "family({inet})", "cardinality({intarr})", "array_length({textarr}, 1)", "coalesce({int4}, {int4})", "nullif({int4}, {int4})", "greatest({int4}, {int2}, 2)", "least({int4}, {int4})", "(CASE WHEN {bool} THEN {int4} ELSE {int4} END)", "(CASE {int2} WHEN 1 THEN {int4} WHEN {int4} THEN 3 END)", "({int4} & {int4})", "({int4} # 5)", "(~ {int4})", "lower({intrange})", "({intarr})[1]", "({intarr})[{int2}]", "({bool})::int", "length({varbit})", "({int2})::int4", "hashtext({text})", "sign(nullif({numeric}, 'NaN'))::int", "bit_length({text})", "({jsonb} ->> 'a')::int", "date_part('month', {timestamp})::int", "extract(hour from {timestamptz})::int", "({char})::int", "get_byte('\\x010203'::bytea, 1)", "(- {int2})::int", "num_nulls({int4}, {text})", "json_array_length('[1,2]')", "scale({numeric})", "array_ndims({textarr})",
	},
	"int2":        {"coalesce({int2}, 1::int2)", "nullif({int2}, {int2})", "({int2} & {int2})", "({int2})"},
	"int8":        {"({int4}::int8 * {int2})", "({int4})::int8", "coalesce({int8}, {int4})", "greatest({int8}, {int4})", "({int8} | {int4})", "({int4} + {int2}::int8)", "({oid})::int8"},
	"float4":      {"coalesce({float4}, {float4})", "abs({float4})", "({int4})::float4", "(- {float4})", "least({float4}, {float4})"},
	"float8":      {"abs({float8})", "({float8} + {float4})", "({int4}::float8 / 3)", "({float8} - {float8})", "sqrt(abs({float8}))", "coalesce({float8}, {float4})", "greatest({float8}, {float4})", "floor({float8})", "({numeric})::float8", "({point} <-> point(1,1))", "(({point})[0])", "extract(epoch from {interval})::float8", "diff_half({int4})"},
	"numeric":     {"({numeric} + {numeric})", "({numeric} * {int4})", "round({numeric}, 1)", "abs({numeric})", "coalesce({numeric}, {int4})", "({int4})::numeric", "greatest({numeric}, {int4})", "(- {numeric})", "trunc({numeric})", "({numeric} - {numeric})", "extract(epoch from {interval})", "extract(year from {date})", "diff_ratio({int4}, {int4})", "({int4} / 2.0)", "({int4})::numeric(12,2)", "nullif({numeric}, {int4})", "diff_sum({int4}, {int4})"},
	"text":        {"upper({text})", "lower({text})", "initcap({text})", "({text} || {text})", "({text} || {int4})", "({varchar} || {bpchar})", "({bpchar} || '|')", "substr({text}, 2)", "substring({text} from {int2} for abs({int2}))", "substring({text} from '[b-z]+')", "left({text}, {int2})", "replace({text}, 'b', {text})", "trim(both 'a' from {text})", "translate({text}, 'ab', 'ba')", "overlay({text} placing 'X' from 1 for 1)", "coalesce({text}, {text})", "coalesce({varchar}, {text})", "nullif({text}, {text})", "greatest({text}, {text})", "least({text}, {varchar})", "(CASE WHEN {bool} THEN {text} ELSE {text} END)", "({int4})::text", "({numeric})::text", "({bool})::text", "({float8})::text", "({float4})::text", "({date})::text", "({timestamptz})::text", "({timestamp})::text", "({interval})::text", "({bytea})::text", "({jsonb})::text", "({inet})::text", "({uuid})::text", "({bpchar})::text", "({name})::text", "({char})::text", "({varchar})::text", "({time})::text", "({timetz})::text", "({varbit})::text", "({intarr})::text", "({textarr})[1]", "({textarr})[{int2}]", "({jsonb} ->> 'b')", "({json} ->> 'b')", "({jsonb} #>> '{c,1}')", "encode({bytea}, 'hex')", "md5({text})", "to_char({timestamp}, 'YYYY-MM-DD HH24')", "to_char({timestamptz}, 'TZ HH24')", "to_char({interval}, 'DD')", "to_char({numeric}, '9.99')", "quote_ident({text})", "quote_literal({text})", "quote_nullable({text})", "format('%s', {date})", "concat({int4}, {date}, {bytea})", "host({inet})", "reverse({text})", "({text})::varchar(2)::text", "({text})::char(2)::text", "({money})::text", "({point})::text", "to_hex({int4})", "regexp_replace({text}, 'b', 'x')", "split_part({text}, 'b', 1)", "lpad({text}, 5, {text})", "(({int4})::varchar(1))::text", "array_to_string({textarr}, ',')", "({intrange})::text", "({oid})::text", "(({varchar})::diff_v2)::text"},
	"textc":       {"({text} COLLATE \"C\")", "({texte} COLLATE \"C\")", "lower({textc})", "({textc} || {text})", "coalesce({textc}, {text})", "greatest({textc}, {textc})", "substr({textc}, 1, 1)"},
	"texte":       {"({textc} COLLATE \"POSIX\")", "upper({texte})", "coalesce({texte}, {text})", "({texte} || {text})", "greatest({texte}, {texte})"},
	"textn":       {"coalesce({textn}, {textn})", "({textn} || 'x')", "nullif({textn}, 'ABC')"},
	"varchar":     {"coalesce({varchar}, {varchar})", "({text})::varchar", "({text})::varchar(3)", "({int4})::varchar(1)", "(CASE WHEN {bool} THEN {varchar} END)", "greatest({varchar}, {varchar})"},
	"bpchar":      {"coalesce({bpchar}, {bpchar})", "({text})::char(2)", "({text})::bpchar", "({varchar})::char(9)", "greatest({bpchar}, {bpchar})", "nullif({bpchar}, {bpchar})"},
	"name":        {"({text})::name", "coalesce({name}, {name})"},
	"char":        {"({text})::\"char\"", "coalesce({char}, {char})"},
	"bytea":       {"({bytea} || {bytea})", "substring({bytea} from 1 for 2)", "decode('1b', 'hex')", "coalesce({bytea}, {bytea})", "sha256({bytea})", "convert_to({text}, 'UTF8')"},
	"date":        {"({date} + {int2}::int)", "({timestamp})::date", "({timestamptz})::date", "coalesce({date}, {date})", "greatest({date}, {date})", "least({date}, current_date)"},
	"time":        {"({timestamp})::time", "({time} + {interval})", "({timestamptz})::time", "({timetz})::time", "({time})::time(0)"},
	"timetz":      {"({timetz} + {interval})", "({time})::timetz", "({timetz} AT TIME ZONE interval '3 h')"},
	"timestamp":   {"({timestamp} + interval '1 mon 3 h')", "date_trunc('month', {timestamp})", "({date})::timestamp", "({timestamptz})::timestamp", "({timestamptz} AT TIME ZONE 'Europe/Vienna')", "({timestamptz} AT TIME ZONE 'EST')", "({timestamptz} AT TIME ZONE 'UTC')", "coalesce({timestamp}, {timestamp})", "({date} + {time})", "({date} + interval '1 h')", "({timestamp})::timestamp(0)", "greatest({timestamp}, {date})", "date_bin('15 min', {timestamp}, '2020-01-01')"},
	"timestamptz": {"({timestamptz} + interval '1 day')", "date_trunc('day', {timestamptz})", "({timestamp} AT TIME ZONE 'America/New_York')", "({timestamp} AT TIME ZONE 'EST')", "({timestamp})::timestamptz", "coalesce({timestamptz}, {timestamptz})", "({date})::timestamptz", "(now() - {interval})", "({timestamptz} - interval '1 h')", "least({timestamptz}, now())", "({tzarr})[1]", "lower({tzrange})"},
	"interval":    {"(CASE WHEN isfinite(@ts) THEN @ts - timestamp '2020-03-01' END)", "age({timestamp}, timestamp '2020-03-01')", "age({timestamptz}, timestamptz '2020-03-01 00:00Z')", "age({timestamptz}, {timestamptz})", "justify_days({interval})", "({interval} * 2)", "(- {interval})", "coalesce({interval}, {interval})", "make_interval(days => {int2}::int)", "({time} - {time})", "({interval})::interval day", "({timetz})::time::interval"},
	"uuid":        {"coalesce({uuid}, {uuid})", "nullif({uuid}, {uuid})"},
	"inet":        {"network({inet})", "set_masklen({inet}, 24)", "coalesce({inet}, {inet})", "(~ {inet})", "({inet})::cidr"},
	"macaddr":     {"trunc({macaddr})", "(~ {macaddr})"},
	"varbit":      {"({varbit} || {varbit})", "(~ {varbit})", "substring({varbit} from 1 for 2)", "coalesce({varbit}, {varbit})"},
	"jsonb":       {"({jsonb})['c']", "({jsonb})['c'][0]", "({jsonb} -> 'a')", "({jsonb} || '{\"z\": 1}')", "({jsonb} -> 'c')", "coalesce({jsonb}, {jsonb})", "({jsonb} #> '{c,0}')", "jsonb_build_object('k', {float8})", "to_jsonb({timestamptz})", "jsonb_strip_nulls({jsonb})"},
	"json":        {"({json} -> 'a')", "coalesce({json}, {json})"},
	"intarr":      {"({intarr} || {int4})", "ARRAY[{int4}, {int2}, {int4}]", "({intarr})[1:2]", "({intarr})[{int2}:]", "coalesce({intarr}, {intarr})", "array_remove({intarr}, 3)", "array_append({intarr}, {int4})", "array_cat({intarr}, {intarr})"},
	"textarr":     {"(({textarr})::varchar(1)[])::text[]", "(ARRAY[{date}, {date}])::text[]", "(ARRAY[{bpchar}])::text[]", "ARRAY[{text}, {varchar}]", "string_to_array({text}, 'b')", "coalesce({textarr}, {textarr})", "({intarr})::text[]", "ARRAY[{text}, NULL]", "array_replace({textarr}, 'e1', {text})"},
	"numarr":      {"(ARRAY[{int2}, {int2}])::numeric[]", "(({numarr})::numeric(6,1)[])", "ARRAY[{numeric}, {int4}]", "({intarr})::numeric[]", "coalesce({numarr}, {numarr})"},
	"tzarr":       {"ARRAY[{timestamptz}]", "coalesce({tzarr}, {tzarr})"},
	"intrange":    {"({intrange} * {intrange})", "coalesce({intrange}, {intrange})", "int4range(least({int4}, 5), 9)"},
	"tzrange":     {"coalesce({tzrange}, {tzrange})", "({tzrange} * {tzrange})"},
	"oid":         {"({int4})::oid", "coalesce({oid}, {oid})", "greatest({oid}, {oid})"},
	"money":       {"({money} + {money})", "({money} * 2)"},
	"point":       {"({point} + point(1,1))", "coalesce({point}, {point})"},
}

// diffRisks may fail on some rows: where one side fails and the other does not,
// the order of evaluation, which SQL leaves open, explains it.
var diffRisks = grammar{
	"bool":     {"(CASE WHEN {int2} <> 0 THEN 10 / {int2} > 1 END)", "({int2} <> 0 AND 10 / {int2} > 1)", "(CASE WHEN {text} ~ '^[0-9]+$' THEN ({text})::int > 3 END)"},
	"int4":     {"({int4} + {int4})", "({int4} / {int2})", "({int4} * {int4})", "({int4} % {int4})", "({text})::int", "({numeric})::int", "({date} - {date})", "(- {int4})", "abs({int4})"},
	"int2":     {"({int4})::int2", "({int2} + {int2})"},
	"int8":     {"({int8} * {int8})", "({float8})::int8"},
	"float8":   {"({float8} ^ 2)", "ln({float8})", "({float8} / {float8})", "({text})::float8"},
	"numeric":  {"({numeric} / {numeric})", "({text})::numeric", "({numeric})::numeric(4,1)"},
	"interval": {"({timestamp} - {timestamp})", "({timestamptz} - {timestamptz})"},
	"date":     {"make_date(2020, {int4}, 1)", "({text})::date"},
	"text":     {"chr({int4})", "convert_from({bytea}, 'UTF8')", "substring({text} from 1 for {int2})"},
	"jsonb":    {"({text})::jsonb", "({jsonb} - 'a')"},
	"intarr":   {"({textarr})::int[]"},
	"float4":   {"({float8})::float4"},
}

// diffSince are rules that servers know from a major version on.
var diffSince = map[int]grammar{
	16: {
		"bool":  {"({text} IS JSON)", "({jsonb} IS NOT JSON OBJECT)", "({json} IS JSON WITH UNIQUE KEYS)", "({text} IS JSON SCALAR)"},
		"jsonb": {"JSON_OBJECT('k': {int4}, 'l' VALUE {text} RETURNING jsonb)", "JSON_OBJECT('k': {jsonb}, 'l': {bool} ABSENT ON NULL RETURNING jsonb)", "JSON_ARRAY({numeric}, {text}, {jsonb} RETURNING jsonb)", "JSON_ARRAY({date}, {float8} NULL ON NULL RETURNING jsonb)", "JSON_ARRAY({text} NULL ON NULL RETURNING jsonb)"},
		"text":  {"(JSON_OBJECT('k': {int4}, 'l': {numeric}))::text", "(JSON_ARRAY({text}, {int2}))::text"},
	},
	17: {
		"bool":    {"JSON_EXISTS({jsonb}, '$.c[*] ? (@ == $x)' PASSING {int4} AS x)", "JSON_EXISTS({jsonb}, 'strict $.a' UNKNOWN ON ERROR)"},
		"int4":    {"JSON_VALUE({jsonb}, '$.a' RETURNING int)"},
		"numeric": {"JSON_VALUE({jsonb}, '$.c[0]' RETURNING numeric DEFAULT 7 ON ERROR)"},
		"text":    {"JSON_VALUE({jsonb}, '$.b')", "JSON_VALUE({jsonb}, '$.zz' DEFAULT 'abc' ON EMPTY)", "JSON_QUERY({jsonb}, '$.b' RETURNING text OMIT QUOTES)"},
		"jsonb":   {"JSON_QUERY({jsonb}, '$.c' WITH CONDITIONAL WRAPPER)", "JSON_QUERY({jsonb}, '$.*' WITH WRAPPER NULL ON EMPTY)"},
	},
}

// sqlTypes are the names of those kinds of value that have no type of the name.
var sqlTypes = map[string]string{"textc": "text", "texte": "text", "textn": "text", "char": `"char"`, "intarr": "int[]", "textarr": "text[]",
	"numarr": "numeric[]", "tzarr": "timestamptz[]", "intrange": "int4range", "tzrange": "tstzrange"}

var hole = regexp.MustCompile(`\{[a-z]+[0-9]*\}|@[a-z][a-z0-9]*`)

// generator makes random conditions.
type generator struct {
	*rand.Rand
	risky bool
	major int // of the server: what its grammar has
	// tables are aliases of the tables whose columns may be used, the one under
	// test first.
	tables []string
	// params, when not nil, collects values that are given as parameters.
	params *[]param
}

type param struct{ sqlType, value string }

// value makes an expression of a type.
func (g *generator) value(kind string, depth int) string {
	rules := diffRules[kind]
	if g.risky {
		rules = append(rules[:len(rules):len(rules)], diffRisks[kind]...)
	}
	for since, more := range diffSince {
		if g.major >= since {
			rules = append(rules[:len(rules):len(rules)], more[kind]...)
		}
	}
	if depth <= 0 || len(rules) == 0 || kind != "bool" && g.IntN(3) == 0 {
		return g.leaf(kind)
	}
	return g.fill(rules[g.IntN(len(rules))], depth-1)
}

func (g *generator) leaf(kind string) string {
	leaves := diffLeaves[kind]
	if len(leaves) == 0 {
		panic("no values of type " + kind)
	}
	l := leaves[g.IntN(len(leaves))]
	if g.params != nil && !strings.Contains(l, "@") && g.IntN(2) == 0 {
		t := kind
		if s := sqlTypes[kind]; s != "" {
			t = s
		}
		*g.params = append(*g.params, param{t, l})
		return fmt.Sprintf("$%d", len(*g.params))
	}
	return g.fill(l, 0)
}

func (g *generator) fill(rule string, depth int) string {
	return hole.ReplaceAllStringFunc(rule, func(h string) string {
		if h[0] == '{' {
			return g.value(h[1:len(h)-1], depth)
		}
		table := g.tables[0]
		if len(g.tables) > 1 && g.IntN(3) == 0 {
			table = g.tables[1+g.IntN(len(g.tables)-1)]
		}
		return table + "." + h[1:]
	})
}
