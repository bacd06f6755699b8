package session

import (
	"fmt"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
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

// Notices queues what remotes say until it can be handed to the client. Beyond
// a bound they are counted only: a chatty remote must not fill the memory.
type Notices struct {
	queue   []Notice
	bytes   int // of all their texts
	dropped int
}

// What is kept: so many notices, so many bytes of them, and of a single one.
const (
	maxNotices     = 256
	maxNoticeBytes = 1 << 20
	maxNotice      = 64 << 10
)

// Add queues a notice, or counts it. A long one is cut.
func (q *Notices) Add(n Notice) {
	n.Err = n.Err.Cut(maxNotice)
	size := n.Err.Size()
	if len(q.queue) >= maxNotices || q.bytes+size > maxNoticeBytes {
		q.dropped++
		return
	}
	q.bytes += size
	q.queue = append(q.queue, n)
}

// Any reports whether Next has one.
func (q *Notices) Any() bool { return len(q.queue) > 0 || q.dropped > 0 }

// Next takes the oldest notice; after the last, one that counts the dropped.
func (q *Notices) Next() (Notice, bool) {
	if len(q.queue) == 0 {
		if q.dropped == 0 {
			return Notice{}, false
		}
		n := q.dropped
		q.dropped = 0
		return Notice{LevelWarning, sqlerr.New(sqlstate.Warning, "%d more notices from remote servers were dropped", n)}, true
	}
	n := q.queue[0]
	q.queue = q.queue[1:]
	q.bytes -= n.Err.Size()
	return n, true
}

// notice hands on what the server says, with its name: "terminating connection
// because of crash of another server process" would else be taken for our own
// server's, and a client is not shown a notice's context.
func (c *Conn) notice(body []byte) {
	m, err := c.report(body)
	if err != nil {
		c.protocolError("bad notice: %v", err)
		return
	}
	e := sqlerr.FromResponse(m)
	if validState(m.Code) {
		e.SQLState = m.Code // which for an error would have been no error
	}
	e.Message = fmt.Sprintf("server \"%s\": %s", c.Server, e.Message)
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

// parameterStatus watches the settings that decide what text means.
func (c *Conn) parameterStatus(body []byte) {
	var m pgproto3.ParameterStatus
	if err := m.Decode(body); err != nil {
		c.protocolError("bad parameter status: %v", err)
		return
	}
	c.reported(m.Name, m.Value)
}

func (c *Conn) tell(level int, cause *sqlerr.Error, format string, args ...any) {
	w := sqlerr.New(sqlstate.ConnectionFailure, format, args...)
	w.Detail = cause.Message
	if cause.Detail != "" {
		w.Detail += "\n" + cause.Detail
	}
	c.notify(Notice{Level: level, Err: w})
}
