package sqlerr

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"pgwire_fdw/handler/internal/sqlstate"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

type stated struct{ state string }

func (stated) Error() string       { return "bad value" }
func (s stated) SQLState() string  { return s.state }
func (stated) ErrorDetail() string { return "detail" }
func (stated) ErrorHint() string   { return "hint" }
func (stated) ErrorColumn() int    { return 3 }

func TestFrom(t *testing.T) {
	own := New(sqlstate.ProtocolViolation, "x %d: %w", 1, io.EOF)
	for _, c := range []struct {
		err    error
		state  string
		fatal  bool
		column int
	}{
		{io.EOF, sqlstate.ConnectionFailure, true, -1},
		{fmt.Errorf("wrapped: %w", io.ErrUnexpectedEOF), sqlstate.ConnectionFailure, true, -1},
		{os.NewSyscallError("read", syscall.ECONNRESET), sqlstate.ConnectionFailure, true, -1},
		{os.NewSyscallError("write", syscall.EPIPE), sqlstate.ConnectionFailure, true, -1},
		{&net.OpError{Op: "read", Err: errors.New("odd")}, sqlstate.ConnectionFailure, true, -1},
		{net.ErrClosed, sqlstate.ConnectionFailure, true, -1},
		{os.ErrDeadlineExceeded, sqlstate.ConnectionFailure, true, -1},
		{context.DeadlineExceeded, sqlstate.ConnectionFailure, true, -1},
		{context.Canceled, sqlstate.QueryCanceled, false, -1},
		{stated{"22P03"}, "22P03", false, 3},
		{stated{"bad"}, sqlstate.InternalError, false, 3},
		{&pgproto3.ExceededMaxBodyLenErr{MaxExpectedBodyLen: 1, ActualBodyLen: 2}, sqlstate.ProtocolViolation, true, -1},
		{errors.New("whatever"), sqlstate.InternalError, false, -1},
		{fmt.Errorf("outer: %w", own), sqlstate.ProtocolViolation, false, -1},
	} {
		e := From(c.err)
		if e.SQLState != c.state || e.Fatal != c.fatal || e.ColumnIndex != c.column || e.Message == "" {
			t.Errorf("%v: got %+v", c.err, e)
		}
		if !errors.Is(e, c.err) && !errors.Is(c.err, e) {
			t.Errorf("%v: cause lost", c.err)
		}
	}
	if From(nil) != nil {
		t.Error("From(nil) is not nil")
	}
	if From(fmt.Errorf("outer: %w", own)) != own {
		t.Error("an *Error in the chain must be returned itself")
	}
	if !errors.Is(own, io.EOF) {
		t.Error("New loses its cause")
	}
	if e := From(stated{"22P03"}); e.Detail != "detail" || e.Hint != "hint" {
		t.Errorf("%+v", e)
	}
}

// TestAllFields checks that each field of an ErrorResponse arrives, by giving every one a value of its own.
func TestAllFields(t *testing.T) {
	e := FromResponse(&pgproto3.ErrorResponse{
		Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: "23505", Message: "message", Detail: "detail", Hint: "hint", Position: 7,
		Where: "context", SchemaName: "schema", TableName: "table", ColumnName: "column", DataTypeName: "datatype", ConstraintName: "constraint",
	})
	v := reflect.ValueOf(*e)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		switch name {
		case "SQLState":
			if e.SQLState != "23505" {
				t.Error(e.SQLState)
			}
		case "RemoteSQL", "Fatal", "SendAgain", "cause":
		case "Position":
			if e.Position != 7 {
				t.Error(e.Position)
			}
		case "ColumnIndex":
			if e.ColumnIndex != -1 {
				t.Error(e.ColumnIndex)
			}
		default:
			if got := v.Field(i).String(); got != strings.ToLower(name) {
				t.Errorf("%s = %q", name, got)
			}
		}
	}
}

func TestFatalResponse(t *testing.T) {
	for _, c := range []struct {
		m     pgproto3.ErrorResponse
		fatal bool
	}{
		{pgproto3.ErrorResponse{Code: "23505", Message: "m", SeverityUnlocalized: "ERROR"}, false},
		{pgproto3.ErrorResponse{Code: "57P01", Message: "m"}, true},
		{pgproto3.ErrorResponse{Code: "53300", Message: "m", Severity: "FATAL"}, true},
	} {
		if e := FromResponse(&c.m); e.SQLState != c.m.Code || e.Fatal != c.fatal || e.ColumnIndex != -1 {
			t.Errorf("%+v: %+v", c.m, e)
		}
	}
}

// TestHostileState: C packs the five characters, and class 00 to 02 would not be an error at all.
func TestHostileState(t *testing.T) {
	for _, code := range []string{"", "0", "00000", "01000", "02000", "2350é", "abcde", "235 5", "2350567"} {
		e := FromResponse(&pgproto3.ErrorResponse{Code: code})
		if e.SQLState != sqlstate.ConnectionFailure || e.Message == "" {
			t.Errorf("%q: %+v", code, e)
		}
	}
}

func TestErrorText(t *testing.T) {
	e := New("08001", "no %s", "way").WithDetail("because %d", 1).WithHint("try")
	if e.Error() != "no way: because 1 (SQLSTATE 08001)" || e.Hint != "try" || e.Unwrap() != nil {
		t.Errorf("%v %q", e, e.Hint)
	}
}
