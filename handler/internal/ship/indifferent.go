package ship

// indifferent are built-in functions of text whose result is the same under
// every deterministic collation, which the default of a database always is:
// they compare bytes, count characters or read a keyword (pg_proc.dat).
var indifferent = oidSet(
	67, 157, // texteq textne
	1048, 1053, // bpchareq bpcharne
	1258,             // textcat
	1257, 1317, 1381, // textlen length char_length
	1369, 1318, 1367, 1372, // character_length, and those of character
	849, 868, 3696, // position strpos starts_with
	850, 851, 1569, 1570, 1637, // textlike textnlike like notlike like_escape
	1631, 1632, // bpcharlike bpcharnlike
	2160, 2161, 2163, 2164, 2166, // text_pattern_*, bttext_pattern_cmp
	401, 668, 669, // text(character) bpchar varchar
	884, 885, 875, 881, 876, 882, // btrim ltrim rtrim
	877, 883, 936, 937, // substr substring
	3060, 3061, 3062, // left right reverse
	873, 879, 874, 880, // lpad rpad
	878, 2087, 2088, // translate replace split_part
	1404, 1405, 1622, // overlay repeat
	376, 394, // string_to_array
	1946, 1947, // encode decode
	1172, 1273, 1384, 1385, 2021, // date_part
	6199, 6200, 6201, 6202, 6204, // extract
	1218, 2020, // date_trunc
	1159, 2069, // timezone
	3934, 3938, 3841, 3845, 3942, 3946, // the ranges' constructors
	3947, 3948, 3951, 3953, // json -> ->> #> #>>
	3214, 3217, 3478, 3940, // jsonb -> ->> #> #>>
	4047, 4048, 4049, // jsonb ? ?| ?&
	3302, 3304, 3343, // jsonb - #-
	3305, 3579, // jsonb_set jsonb_insert
	2147, 2335, 4053, 3538, // count array_agg string_agg
)

func oidSet(oids ...uint32) map[uint32]bool {
	set := make(map[uint32]bool, len(oids))
	for _, o := range oids {
		set[o] = true
	}
	return set
}
