// Package sqlstate is the one list of the SQLSTATEs that this product raises or
// looks for, under the names of PostgreSQL's src/backend/utils/errcodes.txt.
package sqlstate

// Classes 00 to 0A: completion, warnings, connections, features.
const (
	SuccessfulCompletion = "00000"
	Warning              = "01000"
	// UnableToConnect is "sqlclient unable to establish sqlconnection".
	UnableToConnect = "08001"
	// ConnectionFailure: an established connection was lost.
	ConnectionFailure = "08006"
	// TransactionResolutionUnknown: nobody knows whether a COMMIT has taken place.
	TransactionResolutionUnknown = "08007"
	ProtocolViolation            = "08P01"
	FeatureNotSupported          = "0A000"
)

// CardinalityViolation: a statement has changed another number of rows than it was to.
const CardinalityViolation = "21000"

// Class 22: data exceptions.
const (
	StringDataRightTruncation   = "22001"
	NumericValueOutOfRange      = "22003"
	DatetimeFieldOverflow       = "22008"
	InvalidTimeZoneDisplacement = "22009"
	CharacterNotInRepertoire    = "22021"
	InvalidParameterValue       = "22023"
	StringDataLengthMismatch    = "22026"
	InvalidTextRepresentation   = "22P02"
	InvalidBinaryRepresentation = "22P03"
)

// Classes 24 to 2F: cursors, transactions, statements, authorisation.
const (
	InvalidCursorState       = "24000"
	InFailedSQLTransaction   = "25P02"
	InvalidSQLStatementName  = "26000"
	InvalidAuthorization     = "28000"
	ProhibitedSQLStatement   = "2F003" // postgres_fdw: a non-superuser without a password
	TransactionRollback      = "40000"
	SerializationFailure     = "40001"
	InsufficientPrivilege    = "42501"
	SyntaxError              = "42601"
	NameTooLong              = "42622"
	UndefinedObject          = "42704"
	DatatypeMismatch         = "42804"
	InsufficientResources    = "53000"
	DiskFull                 = "53100"
	OutOfMemory              = "53200"
	ProgramLimitExceeded     = "54000"
	StatementTooComplex      = "54001"
	TooManyArguments         = "54023"
	ObjectNotInPrerequisite  = "55000"
	ObjectInUse              = "55006"
	QueryCanceled            = "57014"
	AdminShutdown            = "57P01"
	CrashShutdown            = "57P02"
	CannotConnectNow         = "57P03"
	DatabaseDropped          = "57P04"
	IdleSessionTimeout       = "57P05"
	IOError                  = "58030"
	FDWInvalidOptionName     = "HV00D"
	FDWInvalidAttributeValue = "HV024"
	InternalError            = "XX000"
)
