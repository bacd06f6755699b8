package ir

// Constants by the name they have in extension/plan/ir.h, without PGWIRE_.
var Constants = map[string]uint32{
	"IR_VERSION": Version, "IR_NONE": none, "IR_MAX_DEPTH": MaxDepth, "IR_MAX_QUESTION": 2 << 20,
	"CONST_MAX_SIZE": 1 << 20, "REQ_RELATION": kindRelation, "REQ_CLASSIFY": kindClassify, "REQ_SELECT": kindSelect,
	"IR_VAR": tagVar, "IR_CONST": tagConst, "IR_PARAM": tagParam, "IR_OP": tagOp,
	"IR_FUNC": tagFunc, "IR_SCALAR_ARRAY": tagScalarArray, "IR_BOOL": tagBool,
	"IR_NULL_TEST": tagNullTest, "IR_BOOLEAN_TEST": tagBooleanTest, "IR_DISTINCT": tagDistinct,
	"IR_RELABEL": tagRelabel, "IR_COERCE_VIA_IO": tagCoerceViaIO, "IR_COALESCE": tagCoalesce,
	"IR_MIN_MAX": tagMinMax, "IR_NULL_IF": tagNullIf, "IR_CASE": tagCase,
	"IR_CASE_TEST": tagCaseTest, "IR_ARRAY": tagArray, "IR_SUBSCRIPT": tagSubscript,
	"IR_ARRAY_COERCE": tagArrayCoerce, "IR_ROW": tagRow, "IR_COLLATE": tagCollate,
	"IR_SQL_VALUE": tagSQLValue, "IR_FIELD_SELECT": tagFieldSelect,
	"IR_COERCE_TO_DOMAIN": tagCoerceToDomain, "IR_UNKNOWN": tagUnknown,
	"CONST_NULL": constNull, "CONST_LOCAL_OBJECT": constLocalObject, "CONST_INVALID": constInvalid, "CONST_LARGE": constLarge,
	"SUBSCRIPT_LOWER": subscriptLower, "SUBSCRIPT_UPPER": subscriptUpper,
	"SUBSCRIPT_SLICE":     subscriptSlice,
	"UNKNOWN_FOREIGN_VAR": unknownForeignVar, "UNKNOWN_VOLATILE": unknownVolatile,
	"UNKNOWN_NOT_ALONE": unknownNotAlone,
	"OBJ_BUILTIN":       objBuiltin, "OBJ_EXTENSION": objExtension, "OBJ_RETSET": objRetSet,
	"OBJ_OID_ALIAS": objOIDAlias, "OBJ_DEFAULT": objDefault, "OBJ_DETERMINISTIC": objDeterministic,
	"LOCK_NONE": uint32(LockNone), "LOCK_SHARE": uint32(LockShare), "LOCK_UPDATE": uint32(LockUpdate),
}
