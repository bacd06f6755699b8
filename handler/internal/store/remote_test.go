package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/fakepg"
)

// remote is a server with one table of one column, in text. Its statements:
//
//	insert N        N rows, the values of a Bind; N is for prepared statements to differ
//	insert returning   the same, and returns them
//	copy            binary COPY
//
// A value "bad" is refused with 23514, "lost" ends the session, "none" is not
// stored and counted as 0, "twice" counted as 2, "mute" has no count.
type remote struct {
	server *fakepg.Server

	mu        sync.Mutex
	committed []string
	log       []string
	lie       int64         // added to what a COPY says
	refuses   string        // a command that is refused
	commits   chan struct{} // closed: COMMIT is answered; nil: at once
	cut       int64         // the session ends after so many bytes sent
	leaves    bool          // ... and after each COMMIT
	whole     atomic.Bool   // a session has been left by its client
}

func (r *remote) options() fakepg.Options {
	return fakepg.Options{CutAt: r.cut, Script: []fakepg.Step{fakepg.Do(r.serve)}}
}

// got reports whether a command has come.
func (r *remote) got(cmd string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.log, cmd)
}

func (r *remote) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, fmt.Sprintf(format, args...))
}

func (r *remote) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := strings.Join(r.log, "; ")
	r.log = nil
	return out
}

// refuse makes the remote refuse a command from now on, "" none.
func (r *remote) refuse(command string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuses = command
}

func (r *remote) rows() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.committed)
}

type remoteConn struct {
	*remote
	c      *fakepg.Conn
	tx     byte
	skip   bool
	copies bool
	data   []byte
	named  map[string]string
	sql    string
	values [][]byte
	stack  []mark // savepoints, the first is the transaction
}

type mark struct {
	name string
	rows []string
}

func (r *remote) serve(c *fakepg.Conn) error {
	s := &remoteConn{remote: r, c: c, tx: 'I', named: map[string]string{}}
	for {
		m, err := c.Receive()
		if err != nil {
			return nil
		}
		if done, err := s.handle(m); done || err != nil {
			return err
		}
	}
}

func (s *remoteConn) fail(code, message, where string) error {
	if s.tx == 'T' {
		s.tx = 'E'
	}
	s.skip, s.copies = true, false
	return s.c.Send(&pgproto3.ErrorResponse{Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: code, Message: message, Where: where, ConstraintName: "positive"})
}

func (s *remoteConn) handle(m pgproto3.FrontendMessage) (left bool, err error) {
	switch m := m.(type) {
	case *pgproto3.Terminate:
		s.whole.Store(true)
		return true, nil
	case *pgproto3.Sync:
		if s.copies {
			return false, nil // as the server does
		}
		s.skip = false
		s.note("sync")
		return false, s.c.Send(&pgproto3.ReadyForQuery{TxStatus: s.tx})
	case *pgproto3.Query:
		for _, cmd := range strings.Split(m.String, "; ") {
			if !s.skip {
				err = s.command(cmd)
			}
		}
		s.skip = false
		err := s.c.Send(&pgproto3.ReadyForQuery{TxStatus: s.tx})
		if s.leaves {
			err = fakepg.End(false)(s.c)
		}
		return s.leaves, err
	case *pgproto3.CopyData, *pgproto3.CopyDone, *pgproto3.CopyFail:
		return s.copyMessage(m)
	case *pgproto3.Flush:
		return false, nil
	}
	if s.skip {
		return false, nil
	}
	switch m := m.(type) {
	case *pgproto3.Parse:
		s.named[m.Name] = m.Query
		return false, s.c.Send(&pgproto3.ParseComplete{})
	case *pgproto3.Close:
		delete(s.named, m.Name)
		return false, s.c.Send(&pgproto3.CloseComplete{})
	case *pgproto3.Bind:
		sql, ok := s.named[m.PreparedStatement]
		if !ok {
			return false, s.fail("26000", "no such statement", "")
		}
		s.sql, s.values = sql, nil
		for _, v := range m.Parameters {
			s.values = append(s.values, bytes.Clone(v)) // what it is a part of is used again
		}
		return false, s.c.Send(&pgproto3.BindComplete{})
	case *pgproto3.Describe:
		if s.sql == "look" {
			return false, s.c.Send(&pgproto3.NoData{})
		}
		return false, s.c.Send(&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{{Name: []byte("v"), DataTypeOID: 25, DataTypeSize: -1, TypeModifier: -1}}})
	case *pgproto3.Execute:
		return s.execute()
	}
	return false, fmt.Errorf("unexpected %T", m)
}

func (s *remoteConn) execute() (left bool, err error) {
	if !strings.HasPrefix(s.sql, "insert") && s.sql != "copy" {
		return false, s.command(s.sql)
	}
	if s.tx == 'E' {
		return false, s.fail("25P02", "current transaction is aborted", "")
	}
	if s.sql == "copy" {
		s.note("copy")
		s.copies, s.data = true, nil
		return false, s.c.Send(&pgproto3.CopyInResponse{OverallFormat: 1, ColumnFormatCodes: []uint16{1}})
	}
	n := int64(0)
	tag := "INSERT 0 "
	for _, v := range s.values {
		switch text := string(v); text {
		case "bad":
			return false, s.fail("23514", "new row violates check constraint", "")
		case "lost":
			return true, fakepg.End(false)(s.c)
		case "none":
		case "twice":
			s.store(text)
			n += 2
		case "mute":
			tag = "INSERT"
		case "other":
			tag = "UPDATE "
			n++
		default:
			s.store(text)
			n++
			if strings.HasSuffix(s.sql, "returning") {
				if err := s.c.Send(&pgproto3.DataRow{Values: [][]byte{v}}); err != nil {
					return false, err
				}
			}
		}
	}
	if tag != "INSERT" {
		tag += strconv.FormatInt(n, 10)
	}
	s.note("%s", s.sql)
	return false, s.c.Send(&pgproto3.CommandComplete{CommandTag: []byte(tag)})
}

func (s *remoteConn) store(v string) {
	if s.tx == 'I' {
		panic("a row outside of a transaction")
	}
	top := &s.stack[len(s.stack)-1]
	top.rows = append(top.rows, v)
}

func (s *remoteConn) copyMessage(m pgproto3.FrontendMessage) (bool, error) {
	if !s.copies {
		return false, nil // what was under way when the COPY failed
	}
	switch m := m.(type) {
	case *pgproto3.CopyData:
		s.data = append(s.data, m.Data...)
		if strings.Contains(string(s.data), "bad") {
			return false, s.fail("23514", "new row violates check constraint", "COPY t, line 3, column v: \"bad\"")
		}
		return false, nil
	case *pgproto3.CopyFail:
		s.note("copyfail")
		return false, s.fail("57014", "COPY from stdin failed: "+m.Message, "")
	}
	s.copies = false
	rows, err := tuples(s.data)
	if err != nil {
		return false, s.fail("22P04", err.Error(), "")
	}
	for _, v := range rows {
		s.store(v)
	}
	s.note("copied %d", len(rows))
	return false, s.c.Send(&pgproto3.CommandComplete{CommandTag: []byte("COPY " + strconv.FormatInt(int64(len(rows))+s.lie, 10))})
}

// tuples reads a COPY file of one column.
func tuples(in []byte) (rows []string, err error) {
	const header = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	if !strings.HasPrefix(string(in), header) {
		return nil, fmt.Errorf("no header of COPY")
	}
	in = in[len(header):]
	for {
		if len(in) < 2 {
			return nil, fmt.Errorf("no trailer of COPY")
		}
		n := int16(binary.BigEndian.Uint16(in))
		if in = in[2:]; n == -1 {
			if len(in) > 0 {
				return nil, fmt.Errorf("%d bytes behind the trailer", len(in))
			}
			return rows, nil
		}
		size := int(binary.BigEndian.Uint32(in))
		rows = append(rows, string(in[4:4+size]))
		in = in[4+size:]
	}
}

func (s *remoteConn) command(sql string) error {
	if !strings.HasPrefix(sql, "SELECT") {
		s.note("%s", sql)
	}
	f := strings.Fields(sql)
	if s.tx == 'E' && f[0] != "ROLLBACK" {
		return s.fail("25P02", "current transaction is aborted", "")
	}
	s.mu.Lock()
	commits := s.commits
	refused := s.refuses != "" && strings.HasPrefix(sql, s.refuses)
	s.mu.Unlock()
	if f[0] == "COMMIT" && commits != nil {
		<-commits
	}
	if refused {
		if f[0] == "COMMIT" {
			s.tx, s.stack = 'I', nil
		}
		return s.fail("23503", "a deferred constraint is violated", "")
	}
	name := f[len(f)-1]
	at := slices.IndexFunc(s.stack, func(m mark) bool { return m.name == name })
	switch {
	case f[0] == "START":
		s.tx, s.stack = 'T', []mark{{}}
	case f[0] == "SAVEPOINT":
		s.stack = append(s.stack, mark{name: name})
	case f[0] == "RELEASE":
		for _, m := range s.stack[at:] {
			s.stack[at-1].rows = append(s.stack[at-1].rows, m.rows...)
		}
		s.stack = s.stack[:at]
	case f[0] == "ROLLBACK" && len(f) > 1:
		s.stack = append(s.stack[:at], mark{name: name})
		s.tx = 'T'
	case f[0] == "ROLLBACK":
		s.tx, s.stack = 'I', nil
	case f[0] == "COMMIT":
		s.mu.Lock()
		for _, m := range s.stack {
			s.committed = append(s.committed, m.rows...)
		}
		s.mu.Unlock()
		s.tx, s.stack = 'I', nil
	case f[0] == "SELECT":
		row := &pgproto3.DataRow{Values: [][]byte{[]byte("UTF8")}}
		if strings.Contains(sql, "pg_backend_pid") {
			row.Values = [][]byte{[]byte(strconv.Itoa(fakepg.PID)), []byte("UTF8")}
		}
		if err := s.c.Send(row); err != nil {
			return err
		}
		return s.c.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")})
	}
	return s.c.Send(&pgproto3.CommandComplete{CommandTag: []byte(strings.ToUpper(f[0]))})
}
