package ship

import (
	"strings"

	"pgwire_fdw/handler/internal/ir"
)

func known(o ir.Origin) bool { return o.Builtin || o.Extension }

// functionOK: may the function run on the remote server?
func (w *walker) functionOK(e ir.Expr, f *ir.Function) error {
	switch {
	case !known(f.Origin):
		return refuse(e, `function %s.%s is neither built in nor of an extension named in "extensions"`, f.Schema, f.Name)
	case f.Volatility == 'v':
		return refuse(e, "function %s is volatile", f.Name)
	case f.Volatility != 'i':
		return refuse(e, "function %s is stable: another session may answer otherwise", f.Name)
	case f.RetSet || f.Kind != 'f':
		return refuse(e, "%s is not a plain function", f.Name)
	case f.Builtin && surroundings[f.OID] != "":
		return refuse(e, "result of function %s depends on %s", f.Name, surroundings[f.OID])
	}
	return versionOK(w.servers, e, f)
}

func (w *walker) operatorOK(e ir.Expr, o *ir.Operator, f *ir.Function) error {
	if !known(o.Origin) {
		return refuse(e, `operator %s.%s is neither built in nor of an extension named in "extensions"`, o.Schema, o.Name)
	}
	return w.functionOK(e, f)
}

// castOK: implicit casts are written as explicit ones. That makes a difference
// where a length is enforced: the function is told by its third argument, and
// cuts off silently what it would refuse else.
func castOK(e *ir.Func) error {
	if e.Form != ir.CoerceImplicitCast || len(e.Args) < 3 {
		return nil
	}
	if explicit, ok := e.Args[2].(*ir.Const); !ok || explicit.Text != "t" {
		return refuse(e, "implicit cast that enforces the length of type %s", e.Type.Name)
	}
	return nil
}

// zoneOK: AT TIME ZONE reads a name as an abbreviation first, by the setting
// timezone_abbreviations, and from PostgreSQL 18 on by TimeZone before that.
// A name with a slash is none, and UTC is the same everywhere.
func zoneOK(e *ir.Func) error {
	if !e.Function.Builtin || !atTimeZone[e.Function.OID] || len(e.Args) == 0 {
		return nil
	}
	if zone, ok := e.Args[0].(*ir.Const); ok {
		name := strings.ToUpper(zone.Text)
		if strings.Contains(name, "/") || name == "UTC" || name == "GMT" {
			return nil
		}
	}
	return refuse(e, "name of the time zone may be an abbreviation, whose meaning depends on settings")
}

// atTimeZone are timezone(text, timestamptz), timezone(text, timestamp) and
// timezone(text, timetz).
var atTimeZone = oidSet(1159, 2069, 2037)

// plainEquality: the "=" that the remote session finds where SQL's syntax names
// no operator; its search path is pg_catalog.
func plainEquality(o *ir.Operator) bool {
	return o.Builtin && o.Schema == "pg_catalog" && o.Name == "="
}

// bindable: a value of the type can travel as a parameter and means the same
// there.
func bindable(t *ir.Type) bool {
	return known(t.Origin) && t.Typtype != 'p' && !holdsOIDs(t) && !localeDependent(t)
}

// holdsOIDs: values are OIDs of catalog rows, and are printed as names: regclass
// and its kin, aclitem, and arrays of these.
func holdsOIDs(t *ir.Type) bool { return t.OIDAlias || t.OID == 1033 || t.OID == 1034 }

// localeDependent: the text form depends on lc_monetary, which no session sets
// for the other.
func localeDependent(t *ir.Type) bool { return t.OID == 790 || t.OID == 791 } // money, money[]

// printedBySettings: the output function is marked immutable, yet its text
// depends on a setting that differs between an ordinary session and ours.
func printedBySettings(t *ir.Type) bool {
	switch t.OID {
	case 17, 1001: // bytea: bytea_output
		return true
	case 700, 701, 1021, 1022: // real, double precision: extra_float_digits
		return true
	case 600, 601, 602, 603, 604, 628, 718: // point lseg path box polygon line circle: the same
		return true
	case 1186, 1187: // interval: IntervalStyle
		return true
	}
	return false
}

const (
	charType      = 18   // "char"
	charArrayType = 1002 // "char"[]
	byteaType     = 17
	jsonbType     = 3802
)

func ascii(s string) bool {
	// charout of PostgreSQL 15 and later writes other bytes as \ooo, which 14
	// reads as a backslash
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 || r == '\\' }) < 0 || s == `\`
}

const (
	encoding  = "the encoding of the database"
	localOIDs = "OIDs of local objects"
	platform  = "the platform of the server"
	timeZone  = "the setting TimeZone"
	quoting   = "the setting quote_all_identifiers"
)

// surroundings are built-in functions that are marked immutable and are so
// within one database, or nearly, but not from one to another (pg_proc.dat).
var surroundings = map[uint32]string{
	400:  encoding,  // hashtext(text)
	448:  encoding,  // hashtextextended(text, bigint)
	626:  encoding,  // hash_array(anyarray)
	782:  encoding,  // hash_array_extended(anyarray, bigint)
	6192: encoding,  // hash_record(record)
	6193: encoding,  // hash_record_extended(record, bigint)
	455:  encoding,  // hashname(name)
	447:  encoding,  // hashnameextended(name, bigint)
	4045: encoding,  // jsonb_hash(jsonb)
	3416: encoding,  // jsonb_hash_extended(jsonb, bigint)
	1080: encoding,  // hashbpchar(character)
	972:  encoding,  // hashbpcharextended(character, bigint)
	944:  encoding,  // "char"(text)
	860:  encoding,  // bpchar("char")
	946:  encoding,  // text("char")
	1374: encoding,  // octet_length(text)
	1375: encoding,  // octet_length(character)
	1620: encoding,  // ascii(text)
	1621: encoding,  // chr(integer)
	1811: encoding,  // bit_length(text)
	1845: encoding,  // to_ascii(text)
	1846: encoding,  // to_ascii(text, integer)
	1847: encoding,  // to_ascii(text, name)
	2311: encoding,  // md5(text)
	6198: encoding,  // unistr(text)
	2319: platform,  // pg_encoding_max_length(integer)
	1199: timeZone,  // age(timestamptz, timestamptz)
	1282: quoting,   // quote_ident(text)
	1365: localOIDs, // makeaclitem(oid, oid, text, boolean)
	3424: localOIDs, // pg_partition_root(regclass)
	3943: localOIDs, // acldefault("char", oid)
	5028: localOIDs, // satisfies_hash_partition(oid, integer, integer, "any")
}

// datetime are the types of moments and of lengths of time.
var datetime = map[uint32]bool{
	1082: true, // date
	1083: true, // time
	1114: true, // timestamp
	1184: true, // timestamptz
	1186: true, // interval
	1266: true, // timetz
}
