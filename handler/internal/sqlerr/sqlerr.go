// Package sqlerr is the one form in which an error crosses to C: the fields that PostgreSQL's ErrorData has and
// that only C may raise (errcode, errmsg, errdetail, errhint, errcontext and the schema object names).
package sqlerr

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"pgwire_fdw/handler/internal/sqlstate"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Error is an error ready for ereport. Empty strings mean "absent".
type Error struct {
	SQLState   string // five characters, always set
	Message    string // primary message, lower case, no full stop
	Detail     string
	Hint       string
	Context    string // the remote's CONTEXT, or ours
	RemoteSQL  string // statement sent, for the "remote SQL command" context line
	Schema     string
	Table      string
	Column     string
	Datatype   string
	Constraint string
	// Position is the 1-based character position in RemoteSQL that the remote reported, 0 for none.
	Position int32
	// ColumnIndex is the 0-based column of the result whose value was bad, -1 for none.
	ColumnIndex int
	// Fatal says the connection cannot be used any more.
	Fatal bool
	// SendAgain says that the statement has done nothing and may be sent once more.
	SendAgain bool

	cause error
}

// Error is the primary message with its SQLSTATE and detail; PostgreSQL prints them separately.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	if e.Detail != "" {
		b.WriteString(": ")
		b.WriteString(e.Detail)
	}
	fmt.Fprintf(&b, " (SQLSTATE %s)", e.SQLState)
	return b.String()
}

// Unwrap gives the error that From was made from, if any.
func (e *Error) Unwrap() error { return e.cause }

// New makes an error of our own. A %w verb in format becomes the cause.
func New(sqlstate, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{SQLState: sqlstate, Message: err.Error(), ColumnIndex: -1, cause: errors.Unwrap(err)}
}

// WithDetail sets the detail line and returns e.
func (e *Error) WithDetail(format string, args ...any) *Error {
	e.Detail = fmt.Sprintf(format, args...)
	return e
}

// WithHint sets the hint line and returns e.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// From turns any error into an *Error and never returns nil for a non-nil err. An *Error in the chain is
// returned itself. Otherwise, in this order: any error with SQLState() (and, if it has them, ErrorDetail(),
// ErrorHint(), ErrorColumn()); cancellation 57014; a lost connection 08006 and
// Fatal; anything else XX000.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var stated interface {
		error
		SQLState() string
	}
	if errors.As(err, &stated) {
		return fromStated(err, stated.SQLState())
	}
	e := &Error{SQLState: sqlstate.InternalError, Message: err.Error(), ColumnIndex: -1, cause: err}
	var tooLong *pgproto3.ExceededMaxBodyLenErr
	switch {
	case errors.As(err, &tooLong):
		e.SQLState, e.Fatal = sqlstate.ProtocolViolation, true
	case errors.Is(err, context.Canceled):
		e.SQLState, e.Message = sqlstate.QueryCanceled, "canceled while waiting for the remote server"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		e.SQLState, e.Fatal = sqlstate.ConnectionFailure, true
		e.Message = "timeout expired while waiting for the remote server"
	case IsConnectionLost(err):
		e.SQLState, e.Fatal = sqlstate.ConnectionFailure, true
		e.Message = "lost the connection to the remote server"
		e.Detail = lostDetail(err)
	}
	return e
}

// IsConnectionLost reports whether err says that the peer or the network ended the connection.
func IsConnectionLost(err error) bool {
	for _, lost := range []error{
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, io.ErrClosedPipe,
		syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED, syscall.ECONNREFUSED, syscall.ETIMEDOUT,
		syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ENETDOWN, syscall.ENETRESET, syscall.ENOTCONN, syscall.EBADF,
	} {
		if errors.Is(err, lost) {
			return true
		}
	}
	var op *net.OpError
	return errors.As(err, &op)
}

// lostDetail explains an end of file, which is the usual sign of a server that crashed or was stopped; other
// errors speak for themselves.
func lostDetail(err error) string {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "The remote server ended the connection before or while it worked on the request; it may have crashed or been shut down."
	}
	return err.Error()
}

func fromStated(err error, state string) *Error {
	if len(state) != 5 {
		state = sqlstate.InternalError
	}
	e := &Error{SQLState: state, Message: err.Error(), ColumnIndex: -1, cause: err}
	var d interface{ ErrorDetail() string }
	if errors.As(err, &d) {
		e.Detail = d.ErrorDetail()
	}
	var h interface{ ErrorHint() string }
	if errors.As(err, &h) {
		e.Hint = h.ErrorHint()
	}
	var c interface{ ErrorColumn() int }
	if errors.As(err, &c) {
		e.ColumnIndex = c.ErrorColumn()
	}
	return e
}

// FromResponse turns an ErrorResponse message of the protocol into an *Error. The strings are copied: the
// message is only valid until the next Receive, but Go strings that pgproto3 made are copies already.
func FromResponse(m *pgproto3.ErrorResponse) *Error {
	e := &Error{
		SQLState: m.Code, Message: m.Message, Detail: m.Detail, Hint: m.Hint, Context: m.Where,
		Schema: m.SchemaName, Table: m.TableName, Column: m.ColumnName, Datatype: m.DataTypeName,
		Constraint: m.ConstraintName, Position: m.Position, ColumnIndex: -1,
		Fatal: isFatal(m.SeverityUnlocalized, m.Severity, m.Code),
	}
	return e.sane()
}

// isFatal reports whether the server closes the connection after the error. Servers before 9.6 send only the
// localized severity, so class 57P (shutdown, crash, terminated) counts too.
func isFatal(unlocalized, localized, code string) bool {
	s := unlocalized
	if s == "" {
		s = localized
	}
	switch strings.ToUpper(s) {
	case "FATAL", "PANIC":
		return true
	}
	switch code {
	case sqlstate.AdminShutdown, sqlstate.CrashShutdown, sqlstate.CannotConnectNow, sqlstate.DatabaseDropped, sqlstate.IdleSessionTimeout:
		return true
	}
	return false
}

// sane repairs what a hostile or broken server may leave out: C's MAKE_SQLSTATE needs five characters of
// [0-9A-Z], a class-00 or class-01/02 "error" would be taken for success or a warning, and an empty message
// says nothing.
func (e *Error) sane() *Error {
	valid := len(e.SQLState) == 5
	for i := 0; valid && i < 5; i++ {
		c := e.SQLState[i]
		valid = c >= '0' && c <= '9' || c >= 'A' && c <= 'Z'
	}
	if !valid || strings.HasPrefix(e.SQLState, "00") || strings.HasPrefix(e.SQLState, "01") || strings.HasPrefix(e.SQLState, "02") {
		e.SQLState = sqlstate.ConnectionFailure
	}
	if e.Message == "" {
		e.Message = "the remote server reported an error without a message"
	}
	return e
}
