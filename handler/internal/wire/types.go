package wire

// kind selects the decoder of a column. The row loop switches on it and on nothing else.
type kind uint8

const (
	kindInt8      kind = iota // int8, float8, xid8, pg_lsn: 64 bits as they are
	kindInt4                  // int4 and float4: 32 bits, sign-extended
	kindTimestamp             // timestamp, timestamptz
	kindDate                  // date
	kindBool                  // bool
	kindInt2                  // int2
	kindUint4                 // oid, xid, cid: 32 bits, zero-extended
	kindTime                  // time
	kindChar                  // "char"

	kindText     // text, and varchar and bpchar without a length
	kindNumeric  // numeric
	kindVarchar  // varchar(n)
	kindBpchar   // char(n)
	kindTextForm // TextValue
	kindMoney    // MoneyValue
	kindRecvForm // BinaryValue
	kindArray    // array of one of the others but the three above
	kindJSON     // json
	kindBytea    // bytea
	kindName     // name
	kindUUID     // uuid
	kindTimeTZ   // timetz
	kindInterval // interval
	kindInet     // inet
	kindCidr     // cidr
	kindMacaddr  // macaddr
	kindMacaddr8 // macaddr8
	kindBit      // bit
	kindVarbit   // varbit
	kindTID      // tid

	lastByValue = kindChar // kinds up to here are passed by value
)

// text tells whether a value holds characters of the database's encoding.
func (k kind) text() bool {
	return k == kindName || k.sameInText()
}

// sameInText tells whether text format has the bytes of binary format, and the
// decoder does all that the type's input function does.
func (k kind) sameInText() bool {
	switch k {
	case kindText, kindVarchar, kindBpchar, kindJSON:
		return true
	}
	return false
}

// scalar is what pg_type says of a built-in type that is decoded here.
type scalar struct {
	oid   uint32
	array uint32 // pg_type.typarray
	kind  kind
	size  int8  // typlen; -1 varlena; 0 NAMEDATALEN
	align uint8 // typalign in bytes
}

// OIDs named by the code (pg_type.dat).
const (
	oidText    = 25
	oidVarchar = 1043

	oidMoney      = 790
	oidMoneyArray = 791
)

// scalars holds pg_type.dat's OIDs, lengths and alignments, which are the same in
// every major version since 14 (a type's storage is part of pg_upgrade's promise).
// Not here, on purpose: the reg* types, whose OIDs differ between servers, and money,
// whose 64 bits are hundredths, thousandths or whole units as lc_monetary has it.
var scalars = [...]scalar{
	{20, 1016, kindInt8, 8, 8},          // int8
	{23, 1007, kindInt4, 4, 4},          // int4
	{oidText, 1009, kindText, -1, 4},    // text
	{oidVarchar, 1015, kindText, -1, 4}, // varchar
	{1700, 1231, kindNumeric, -1, 4},    // numeric
	{1184, 1185, kindTimestamp, 8, 8},   // timestamptz
	{1114, 1115, kindTimestamp, 8, 8},   // timestamp
	{1082, 1182, kindDate, 4, 4},        // date
	{16, 1000, kindBool, 1, 1},          // bool
	{701, 1022, kindInt8, 8, 8},         // float8
	{700, 1021, kindInt4, 4, 4},         // float4
	{21, 1005, kindInt2, 2, 2},          // int2
	{2950, 2951, kindUUID, 16, 1},       // uuid
	{1042, 1014, kindText, -1, 4},       // bpchar
	{17, 1001, kindBytea, -1, 4},        // bytea
	{114, 199, kindJSON, -1, 4},         // json
	{26, 1028, kindUint4, 4, 4},         // oid
	{18, 1002, kindChar, 1, 1},          // "char"
	{19, 1003, kindName, 0, 1},          // name
	{27, 1010, kindTID, 6, 2},           // tid
	{28, 1011, kindUint4, 4, 4},         // xid
	{29, 1012, kindUint4, 4, 4},         // cid
	{650, 651, kindCidr, -1, 4},         // cidr
	{774, 775, kindMacaddr8, 8, 4},      // macaddr8
	{829, 1040, kindMacaddr, 6, 4},      // macaddr
	{869, 1041, kindInet, -1, 4},        // inet
	{1083, 1183, kindTime, 8, 8},        // time
	{1186, 1187, kindInterval, 16, 8},   // interval
	{1266, 1270, kindTimeTZ, 12, 8},     // timetz
	{1560, 1561, kindBit, -1, 4},        // bit
	{1562, 1563, kindVarbit, -1, 4},     // varbit
	{3220, 3221, kindInt8, 8, 8},        // pg_lsn
	{5069, 271, kindInt8, 8, 8},         // xid8
}

// oidBpchar is bpchar, which shares kindText until a length is known.
const oidBpchar = 1042

// native is a type that is decoded to a Datum here.
type native struct {
	scalar       // of the element, when isArray
	isArray bool // the type is the array type of the scalar
}

// nativeType looks a local type up, with its typmod taken into account.
func nativeType(oid uint32, typmod int32, enc Encoding) (native, bool) {
	var t native
	found := false
	for i := range scalars {
		if s := &scalars[i]; s.oid == oid || s.array == oid {
			t, found = native{*s, s.array == oid}, true
			break
		}
	}
	if !found || (enc == Other && t.kind.text()) {
		return native{}, false
	}
	if typmod < 0 {
		return t, true
	}
	switch {
	case t.kind == kindInterval:
		// A field range or a precision: interval_in knows the rules of its major.
		return native{}, false
	case t.oid == oidVarchar && typmod >= varHeader:
		t.kind = kindVarchar
	case t.oid == oidBpchar && typmod >= varHeader:
		if t.isArray {
			// Padding would let an array grow without a bound that its
			// message sets; rare enough to leave to array_in.
			return native{}, false
		}
		t.kind = kindBpchar
	}
	return t, true
}

// sameBinary tells whether binary values of the remote type decode as the local one.
func sameBinary(local, remote uint32) bool {
	if local == remote {
		return true
	}
	characters := func(oid uint32) bool { return oid == oidText || oid == oidVarchar }
	arrays := func(oid uint32) bool { return oid == 1009 || oid == 1015 }
	return characters(local) && characters(remote) || arrays(local) && arrays(remote)
}
