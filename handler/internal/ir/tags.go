package ir

// Node tags, PGWIRE_IR_*.
const (
	tagVar             = 1
	tagConst           = 2
	tagParam           = 3
	tagOp              = 4
	tagFunc            = 5
	tagScalarArray     = 6
	tagBool            = 7
	tagNullTest        = 8
	tagBooleanTest     = 9
	tagDistinct        = 10
	tagRelabel         = 11
	tagCoerceViaIO     = 12
	tagCoalesce        = 13
	tagMinMax          = 14
	tagNullIf          = 15
	tagCase            = 16
	tagCaseTest        = 17
	tagArray           = 18
	tagSubscript       = 19
	tagArrayCoerce     = 20
	tagRow             = 21
	tagCollate         = 22
	tagSQLValue        = 23
	tagFieldSelect     = 24
	tagCoerceToDomain  = 25
	tagUnknown         = 26
	tagAggref          = 27
	tagWindowFunc      = 28
	tagGroupingFunc    = 29
	tagSubLink         = 30
	tagSubOutput       = 31
	tagRowCompare      = 40
	tagJSONConstructor = 41
	tagIsJSON          = 42
	tagJSONQuery       = 43
)

// none is PGWIRE_IR_NONE.
const none = 0xFFFFFFFF

// Flags.
const (
	constNull        = 0x01
	constLocalObject = 0x02
	constInvalid     = 0x04
	constLarge       = 0x08

	subscriptLower = 0x01
	subscriptUpper = 0x02
	subscriptSlice = 0x04

	unknownForeignVar = 0x01
	unknownVolatile   = 0x02
	unknownNotAlone   = 0x04

	aggStar        = 0x01
	aggVariadic    = 0x02
	aggWithinGroup = 0x04

	cteRecursive = 0x01
	cteSearch    = 0x02

	itemBarrier = 0x01
	targetJunk  = 0x01

	keyNullsFirst = 0x01
	keyLess       = 0x02
	keyGreater    = 0x04
	keyEqual      = 0x08

	objBuiltin       = 0x01
	objExtension     = 0x02
	objRetSet        = 0x04
	objOIDAlias      = 0x04
	objDefault       = 0x04
	objDeterministic = 0x08
)

// Parts of FROM, PGWIRE_FROM_*.
const (
	fromItem = 1
	fromJoin = 2
	fromList = 3
)

// PARAM_EXTERN and PARAM_EXEC (nodes/primnodes.h).
const (
	paramExtern = 0
	paramExec   = 1
)
