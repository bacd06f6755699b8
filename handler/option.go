package handler

import (
	"pgwire_fdw/handler/internal/option"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// ValidateOptions checks the options of one object at CREATE or ALTER; nil
// means they are good.
//
// catalog is one of PGWIRE_CAT_* (bridge.h), superuser says whether the current
// user is one, and pairs are the options as name NUL value NUL, in catalog order,
// in the database encoding. pairs is not kept. The error carries the SQLSTATE
// and, for an unknown name, the closest one as the hint, as postgres_fdw's do.
func ValidateOptions(catalog int, superuser bool, pairs []byte) *Error {
	list, err := option.SplitPairs(pairs)
	if err != nil {
		return sqlerr.New(sqlstate.InternalError, "%w", err)
	}
	bad := option.Validate(option.Catalog(catalog), superuser, list)
	if bad == nil {
		return nil
	}
	return &Error{SQLState: bad.SQLState, Message: bad.Message, Hint: bad.Hint, ColumnIndex: -1}
}
