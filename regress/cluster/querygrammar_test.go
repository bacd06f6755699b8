package cluster

// The grammar of values in random whole queries: simple ones, most of which may
// be sent. In between come those of diffLeaves and diffRules.

// plainLiterals are values of each kind of which several tables have some.
var plainLiterals = grammar{
	"int4": {"5", "0", "17", "-3", "NULL::int"}, "int2": {"1::int2", "0::int2"}, "int8": {"9::int8", "3000000000"}, "oid": {"7::oid"},
	"numeric": {"1.01", "0", "-2.02", "'NaN'::numeric", "100.50"}, "float8": {"1.5::float8", "'Infinity'::float8", "0::float8"}, "float4": {"0.5::float4"},
	"bool": {"true", "false", "NULL::bool"}, "text": {"'abc'", "''", "'it''s'", "'Zebra'", "'v3'"}, "textc": {"'A' COLLATE \"C\""}, "texte": {"'b'"},
	"varchar": {"'v3'::varchar"}, "bpchar": {"'b1'::char(6)"}, "name": {"'n3'::name"}, "char": {`'C'::"char"`}, "date": {"'2020-03-29'::date", "'infinity'::date"},
	"time": {"'10:29'::time"}, "timetz": {"'10:29+02'::timetz"}, "timestamp": {"'2020-03-29 02:30'::timestamp", "'-infinity'::timestamp"},
	"timestamptz": {"'2020-03-29 00:41Z'::timestamptz"}, "interval": {"'1 day 1 min'::interval"}, "uuid": {"'00000000-0000-0000-0000-000000000010'::uuid"},
	"inet": {"'10.0.0.7'::inet"}, "intarr": {"'{1,2,NULL}'::int[]", "'{}'::int[]"}, "textarr": {"'{e1,NULL}'::text[]"}, "bytea": {`'\x00001eef'::bytea`},
	"varbit": {"B'101'"}, "jsonb": {`'{"a": 1}'::jsonb`}, "macaddr": {"'08:00:2b:01:02:03'::macaddr"},
}

// plainRules are what is made of values and never fails. The functions that are
// called local are not on the remote server.
var plainRules = grammar{
	"bool": {
		"({int4} = {int4})", "({int4} < {int4})", "({int4} <> {int4})", "({int8} = {int4})", "({int8} > {int8})", "({int2} = {int4})", "({numeric} > {numeric})", "({numeric} = {int4})",
		"({text} = {text})", "({text} < {text})", "({text} <> {text})", "({text} LIKE 'a%')", "({textc} < {textc})", "({texte} < {texte})", "({varchar} = {varchar})", "({varchar} = {text})", "({bpchar} = {bpchar})",
		"({date} < {date})", "({date} = {date})", "({timestamp} >= {timestamp})", "({timestamptz} < {timestamptz})", "({float8} < {float8})", "({uuid} = {uuid})", "({oid} < {oid})",
		"({int4} IS NULL)", "({text} IS NOT NULL)", "({numeric} IS NULL)", "({int4} IS DISTINCT FROM {int4})", "({text} IS NOT DISTINCT FROM {text})",
		"({int4} IN (1, {int4}, 7))", "({text} NOT IN ('abc', {text}))", "({int4} = ANY ({intarr}::int[]))", "({text} = ANY ({textarr}::text[]))", "({int4} <> ALL ({intarr}::int[]))",
		"({bool} AND {bool})", "({bool} OR {bool})", "(NOT {bool})", "({bool} IS NOT TRUE)", "({bool} IS UNKNOWN)", "({int4} BETWEEN {int4} AND {int4})",
		"(CASE WHEN {bool} THEN {bool} ELSE {bool} END)", "(CASE {int4} WHEN 5 THEN {bool} WHEN {int4} THEN true END)", "coalesce({bool}, {bool})",
		"local_odd({int4})", "({int4} < {int4} + (random() * 0)::int)", "(random() < 2)",
		"(({int4}, {text}) < ({int4}, {text}))", "(({int4}, {int8}) = ({int4}, {int4}))",
	},
	"int4":        {"coalesce({int4}, {int4})", "nullif({int4}, {int4})", "({int4} % 5)", "({int4} / 3)", "greatest({int4}, {int4})", "length({text})", "(CASE WHEN {bool} THEN {int4} ELSE {int4} END)", "({int2} + 1)", "({intarr})[1]", "cardinality({intarr})", "local_flip({int4})"},
	"int2":        {"coalesce({int2}, {int2})"},
	"int8":        {"({int4}::int8 + {int4})", "coalesce({int8}, {int4})", "({int8} % 7)", "least({int8}, {int4})"},
	"numeric":     {"({numeric} + {numeric})", "({numeric} * {int4})", "({numeric} - {int4})", "coalesce({numeric}, {int4})", "round({numeric}, 1)", "({int4} * 1.5)", "abs({numeric})", "(CASE WHEN {bool} THEN {numeric} END)"},
	"float8":      {"({int4}::float8 / 4)", "coalesce({float8}, {float8})", "abs({float8})", "greatest({float8}, {int4})"},
	"text":        {"upper({text})", "({text} || {text})", "coalesce({text}, {text})", "substr({text}, 2)", "(CASE WHEN {bool} THEN {text} ELSE {text} END)", "({int4})::text", "nullif({text}, 'abc')", "replace({text}, 'b', 'x')", "({varchar} || 'y')", "({textarr})[1]"},
	"textc":       {"coalesce({textc}, {textc})", "({textc} || 'z')"},
	"texte":       {"coalesce({texte}, {texte})"},
	"varchar":     {"coalesce({varchar}, {varchar})"},
	"bpchar":      {"coalesce({bpchar}, {bpchar})"},
	"date":        {"({date} + 3)", "coalesce({date}, {date})", "({timestamp})::date", "least({date}, {date})"},
	"time":        {"({timestamp})::time"},
	"timestamp":   {"date_trunc('month', {timestamp})", "({timestamp} + interval '1 day')", "coalesce({timestamp}, {date})"},
	"timestamptz": {"({timestamptz} + interval '1 hour')", "coalesce({timestamptz}, {timestamptz})"},
	"interval":    {"({interval} * 2)", "coalesce({interval}, {interval})"},
	"uuid":        {"coalesce({uuid}, {uuid})"},
	"oid":         {"coalesce({oid}, {oid})"},
	"intarr":      {"({intarr} || {int4})", "ARRAY[{int4}, {int4}]", "coalesce({intarr}, {intarr})"},
	"textarr":     {"ARRAY[{text}, {text}]", "coalesce({textarr}, {textarr})"},
	"bytea":       {"coalesce({bytea}, {bytea})"},
}

// outputKinds are kinds of result columns: equal values of them look the same,
// or do so after queryGenerator.canonical. The common ones come several times.
var outputKinds = []string{"int4", "int4", "int4", "int8", "int8", "numeric", "numeric", "text", "text", "text", "bool", "date", "timestamp", "timestamptz",
	"textc", "texte", "varchar", "float8", "uuid", "interval", "bpchar", "int2", "intarr", "textarr", "bytea", "oid", "time"}

// aggregates by the kind of their result. ORDER is a total order of the rows
// that are aggregated.
var aggregates = grammar{
	"int8": {"count(*)", "count({int4})", "count({text})", "count(DISTINCT {int4})", "count(DISTINCT {text})", "sum({int4})", "sum(DISTINCT {int4})", "bit_and({int8})", "max({int8})", "count(DISTINCT ({int4}, {bool}))", "rank({int4}) WITHIN GROUP (ORDER BY {int4})", "regr_count({int4}, {float8})"},
	"int4": {"min({int4})", "max({int4})", "bit_or({int4})", "bit_xor({int4})", "count(*)::int4", "percentile_disc(0.5) WITHIN GROUP (ORDER BY {int4})", "mode() WITHIN GROUP (ORDER BY {int4})", "(array_agg({int4} ORDER BY ORDER))[1]"},
	"int2": {"min({int2})", "bit_and({int2})"},
	"numeric": {"sum({int8})", "sum({numeric})", "avg({int4})", "avg({numeric})", "max({numeric})", "min({numeric})", "sum(DISTINCT {numeric})", "var_pop({int4})", "stddev({numeric})", "variance({int8})", "stddev_pop({int4})", "avg(DISTINCT {int4})",
		"sum({numeric} * {int4})"},
	"float8":      {"max({float8})", "min({float8})", "percentile_cont(0.25) WITHIN GROUP (ORDER BY {float8} DESC)"},
	"bool":        {"bool_and({bool})", "bool_or({bool})", "every({bool})", "(count({bool}) > 3)", "(max({int4}) > min({int4}))"},
	"text":        {"min({text})", "max({text})", "string_agg({text}, ',' ORDER BY ORDER)", "string_agg(DISTINCT {text}, '-' ORDER BY {text0})", "percentile_disc(0.3) WITHIN GROUP (ORDER BY {text})", "max({text} COLLATE \"C\")", "string_agg({int4}::text, {text} ORDER BY ORDER)"},
	"textc":       {"min({textc})", "max({textc})"},
	"texte":       {"min({texte})", "max({texte})"},
	"varchar":     {"max({varchar})::varchar"},
	"bpchar":      {"max({bpchar})"},
	"date":        {"min({date})", "max({date})"},
	"time":        {"max({time})"},
	"timestamp":   {"min({timestamp})", "max({timestamp})", "percentile_disc(0.7) WITHIN GROUP (ORDER BY {timestamp})"},
	"timestamptz": {"min({timestamptz})", "max({timestamptz})"},
	"interval":    {"min({interval})", "max({interval})"},
	"oid":         {"max({oid})", "min({oid})"},
	"intarr":      {"array_agg({int4} ORDER BY ORDER)", "array_agg(DISTINCT {int4})"},
	"textarr":     {"array_agg({text} ORDER BY ORDER)", "array_agg({varchar}::text ORDER BY ORDER)"},
}

// windowFunctions by the kind of their result. TOTAL is a window whose order
// has no ties, PEERS one that may have some, FRAMED the first with a frame.
var windowFunctions = grammar{
	"int8":    {"row_number() OVER (TOTAL)", "rank() OVER (PEERS)", "dense_rank() OVER (PEERS)", "count(*) OVER (PEERS)", "count({int4}) OVER (FRAMED)", "sum({int4}) OVER (PEERS)", "sum({int4}) OVER (FRAMED)", "count(*) FILTER (WHERE {bool}) OVER (PEERS)"},
	"int4":    {"ntile(3) OVER (TOTAL)", "lag({int4}) OVER (TOTAL)", "lead({int4}, 2, 7) OVER (TOTAL)", "first_value({int4}) OVER (FRAMED)", "max({int4}) OVER (PEERS)", "nth_value({int4}, 2) OVER (TOTAL)"},
	"numeric": {"avg({int4}) OVER (PEERS)", "sum({numeric}) OVER (FRAMED)", "sum({int8}) OVER (PEERS)"},
	"float8":  {"percent_rank() OVER (PEERS)", "cume_dist() OVER (PEERS)"},
	"text":    {"last_value({text}) OVER (FRAMED)", "min({text}) OVER (PEERS)", "lag({text}) OVER (TOTAL)", "string_agg({text}, ',') OVER (TOTAL)"},
	"bool":    {"bool_or({bool}) OVER (PEERS)", "(row_number() OVER (TOTAL) > 3)"},
	"date":    {"max({date}) OVER (FRAMED)"},
	"intarr":  {"array_agg({int4}) OVER (TOTAL)"},
}

// frames are what may follow an order that has no ties.
var frames = []string{"ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING", "ROWS UNBOUNDED PRECEDING", "GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW",
	"ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING", "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW"}

// joinPairs are kinds of columns that tables are joined on.
var joinPairs = [][2]string{{"int4", "int4"}, {"int4", "int4"}, {"int4", "int4"}, {"int4", "int4"}, {"int2", "int2"}, {"text", "text"}, {"bool", "bool"}, {"int4", "int2"}, {"int2", "int2"}, {"int8", "int8"}, {"int4", "int8"}, {"text", "text"},
	{"varchar", "varchar"}, {"text", "varchar"}, {"textc", "textc"}, {"texte", "texte"}, {"date", "date"}, {"bool", "bool"}, {"numeric", "numeric"}, {"numeric", "int4"},
	{"uuid", "uuid"}, {"timestamp", "timestamp"}, {"date", "timestamp"}, {"bpchar", "bpchar"}, {"oid", "oid"}, {"float8", "float8"}}
