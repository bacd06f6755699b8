package session

import (
	"fmt"

	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// lastWords is what a remote's last words (an error of severity FATAL) become:
// the loss of a connection, with the words as detail. Its own SQLSTATE would
// mislead: 57P01, say, tells a client that its session here has been ended.
func (c *Conn) lastWords(e *sqlerr.Error) *sqlerr.Error {
	switch e.SQLState {
	case sqlstate.AdminShutdown, sqlstate.CrashShutdown, sqlstate.DatabaseDropped, sqlstate.IdleSessionTimeout:
		c.ended = true
	}
	lost := *e
	lost.SQLState, lost.Fatal = sqlstate.ConnectionFailure, true
	lost.Message = fmt.Sprintf("lost the connection to server \"%s\"", c.Server)
	lost.Detail = fmt.Sprintf("%s (SQLSTATE %s)", e.Message, e.SQLState)
	if e.Detail != "" {
		lost.Detail += "\n" + e.Detail
	}
	return &lost
}
