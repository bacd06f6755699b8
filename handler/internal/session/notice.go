package session

import (
	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/sqlerr"
)

// Notice is something the remote (or the end of a transaction) says that is no error.
type Notice struct {
	Level int // as PGWIRE_LEVEL_ of bridge.h
	Err   *sqlerr.Error
}

// Notice levels, as in bridge.h.
const (
	LevelDebug   = 0
	LevelNotice  = 1
	LevelWarning = 2
)

func (c *Conn) notice(body []byte) {
	var m pgproto3.NoticeResponse
	if err := m.Decode(body); err != nil {
		c.protocolError("bad notice: %v", err)
		return
	}
	e := sqlerr.FromResponse((*pgproto3.ErrorResponse)(&m))
	if validState(m.Code) {
		e.SQLState = m.Code // which for an error would have been no error
	}
	level := LevelDebug
	switch m.SeverityUnlocalized {
	case "WARNING":
		level = LevelWarning
	case "NOTICE", "INFO":
		level = LevelNotice
	}
	c.notify(Notice{Level: level, Err: e})
}

func validState(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return len(s) == 5
}

// parameterStatus watches the settings that decide what text means. (Not the
// time zone: values are printed with their offset.)
func (c *Conn) parameterStatus(body []byte) {
	var m pgproto3.ParameterStatus
	if err := m.Decode(body); err != nil {
		c.protocolError("bad parameter status: %v", err)
		return
	}
	if m.Name != "TimeZone" && !agrees(c.settings, m.Name, m.Value) {
		c.protocolError("%s has been changed to %q", m.Name, m.Value)
	}
}

func (c *Conn) warn(cause *sqlerr.Error, format string, args ...any) {
	w := sqlerr.New(sqlerr.ConnectionFailure, format, args...)
	w.Detail = cause.Message
	if cause.Detail != "" {
		w.Detail += "\n" + cause.Detail
	}
	c.notify(Notice{Level: LevelWarning, Err: w})
}
