package fetch

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/fakepg"
	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/wire"
)

// engine is a remote that follows the protocol, for all sessions of one fakepg
// server. Its statements are words:
//
//	gen N W    N rows (int4 1..N, text of W characters)
//	gen $1 W   the same with N a parameter in text
//	enum N     N rows whose first column is of a type that is not int4
//	fail N C   N rows, then an error with SQLSTATE C
//	stream W   rows without end, until a cancel request comes
//	freeze     no answer at all
//	notice N   N notices, then one row
//	wait N     one row, when the test says so: engine.letGo(N)
type engine struct {
	server *fakepg.Server
	opts   fakepg.Options

	mu   sync.Mutex
	log  []string // what clients sent, one word each
	sent int      // messages sent by the engine itself
	// alter may replace the i-th of these messages (counted over all sessions,
	// from 0) with what is to be sent; error: fail the statement instead.
	alter func(i int, m pgproto3.BackendMessage, raw []byte) (out []byte, fail bool)
	// leaveAfter ends a session after that many Syncs and Queries; 0 never
	leaveAfter int
	forgets    int // how often all prepared statements were lost
	// pid is what a session says of its process, fakepg.PID unless set
	pid int
	// asked and set count the questions for a session's settings, and the settings
	asked, set int
	// exported and imported count snapshots; refuse names what is not to work
	exported, imported atomic.Int64
	refuse             string
	instance           string // "one" unless set; of the sessions that are begun from then on
	gates              map[string]chan struct{}
}

// gate is what "wait N" stands at.
func (e *engine) gate(n string) chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.gates == nil {
		e.gates = map[string]chan struct{}{}
	}
	if e.gates[n] == nil {
		e.gates[n] = make(chan struct{})
	}
	return e.gates[n]
}

func (e *engine) letGo(n string) { close(e.gate(n)) }

var genColumns = []wire.Column{{Name: "id", TypeOID: 23, Typmod: -1}, {Name: "v", TypeOID: 25, Typmod: -1}}

func (e *engine) options() fakepg.Options {
	o := e.opts
	o.Script = []fakepg.Step{fakepg.Do(e.serve)}
	return o
}

func (e *engine) note(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.log = append(e.log, fmt.Sprintf(format, args...))
}

func (e *engine) logged() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.log)
}

// take returns what was logged since the last take. A statement is complete
// for the client before the engine has seen its Sync, so that is waited for.
func (e *engine) take() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	for range 1000 {
		if n := len(e.log); n > 0 && !strings.HasPrefix(e.log[n-1], "Execute") {
			break
		}
		e.mu.Unlock()
		time.Sleep(time.Millisecond)
		e.mu.Lock()
	}
	out := strings.Join(e.log, "\n")
	e.log = nil
	return out
}

// engineConn is one session.
type engineConn struct {
	*engine
	c     *fakepg.Conn
	tx    byte
	skip  bool // to the next Sync
	named map[string]string
	cur   *portal // the one bound or executed last
	bound map[string]*portal
	saved []string // names of the savepoints
	left  bool
	lost  int // of engine.forgets
	where string
}

// portal is a statement with its argument and formats.
type portal struct {
	sql, arg string
	form     []int16
	pos      int // rows sent
	level    int // savepoints around it
}

func (e *engine) serve(c *fakepg.Conn) error {
	s := &engineConn{engine: e, c: c, tx: 'I', named: map[string]string{}, bound: map[string]*portal{}, where: "one"}
	if e.mu.Lock(); e.instance != "" {
		s.where = e.instance
	}
	e.mu.Unlock()
	for n := 0; e.leaveAfter == 0 || n < e.leaveAfter; {
		m, err := c.Receive()
		if err != nil {
			break
		}
		var synced bool
		if synced, err = s.handle(m); err != nil {
			return err
		}
		if synced {
			n++
		}
		if s.left {
			break
		}
	}
	return fakepg.End(false)(c)
}

func (s *engineConn) send(m pgproto3.BackendMessage) error {
	raw, err := m.Encode(nil)
	if err != nil {
		return err
	}
	s.mu.Lock()
	i := s.sent
	s.sent++
	alter := s.alter
	s.mu.Unlock()
	if alter != nil {
		out, fail := alter(i, m, raw)
		if fail {
			if _, ready := m.(*pgproto3.ReadyForQuery); ready {
				s.skip = false
			}
			return s.fail("XX001", "injected")
		}
		raw = out
	}
	_, err = s.c.Write(raw)
	return err
}

// fail sends an error and skips to the Sync.
func (s *engineConn) fail(code, message string) error {
	if s.tx == 'T' {
		s.tx = 'E'
	}
	s.skip = true
	raw, _ := (&pgproto3.ErrorResponse{Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: code, Message: message}).Encode(nil)
	_, err := s.c.Write(raw)
	return err
}

func (s *engineConn) handle(m pgproto3.FrontendMessage) (synced bool, err error) {
	switch m := m.(type) {
	case *pgproto3.Terminate:
		s.note("Terminate")
		s.left = true
		return false, nil
	case *pgproto3.Sync:
		s.skip = false
		if s.tx == 'I' {
			clear(s.bound)
		}
		err := s.send(&pgproto3.ReadyForQuery{TxStatus: s.tx})
		s.note("Sync")
		return true, err
	case *pgproto3.Query:
		s.note("Query %s", m.String)
		for _, cmd := range strings.Split(m.String, "; ") {
			if !s.skip {
				err = s.command(cmd, 0)
			}
			if err != nil {
				return true, err
			}
		}
		s.skip = false
		return true, s.send(&pgproto3.ReadyForQuery{TxStatus: s.tx})
	}
	if s.skip {
		return false, nil
	}
	switch m := m.(type) {
	case *pgproto3.Parse:
		s.named[m.Name] = m.Query
		if ofSession(m.Query) {
			return false, s.send(&pgproto3.ParseComplete{})
		}
		s.note("Parse %s %s", stable(m.Name), m.Query)
		return false, s.send(&pgproto3.ParseComplete{})
	case *pgproto3.Close:
		if m.ObjectType == 'P' {
			s.note("ClosePortal %s", m.Name)
			delete(s.bound, m.Name)
		} else {
			s.note("Close %s", stable(m.Name))
			delete(s.named, m.Name)
		}
		return false, s.send(&pgproto3.CloseComplete{})
	case *pgproto3.Bind:
		if !ofSession(s.named[m.PreparedStatement]) {
			s.note("Bind %s", stable(m.PreparedStatement))
		}
		return false, s.bind(m)
	case *pgproto3.Describe:
		s.note("Describe")
		return false, s.describe()
	case *pgproto3.Execute:
		s.cur = s.bound[m.Portal]
		if s.cur != nil && ofSession(s.cur.sql) {
			return false, s.session(s.cur.sql)
		}
		s.note("Execute %d", m.MaxRows)
		if s.cur == nil {
			return false, s.fail("34000", "portal does not exist")
		}
		return false, s.command(s.cur.sql, int(m.MaxRows))
	}
	return false, fmt.Errorf("unexpected %T", m)
}

// ofSession tells the statements by which a session is asked who it is, and given
// its settings. They are answered but not logged.
func ofSession(sql string) bool { return strings.HasPrefix(sql, "SELECT pg_catalog.") }

func (s *engineConn) session(sql string) error {
	if s.tx == 'E' {
		return s.fail("25P02", "current transaction is aborted")
	}
	row := &pgproto3.DataRow{Values: [][]byte{[]byte("UTF8")}}
	s.mu.Lock()
	if strings.Contains(sql, "set_config") {
		s.set++
	} else {
		s.asked++
	}
	s.mu.Unlock()
	if strings.Contains(sql, "pg_postmaster_start_time") {
		return s.snapshot(sql)
	}
	if strings.Contains(sql, "pg_backend_pid") {
		pid := s.pid
		if pid == 0 {
			pid = fakepg.PID
		}
		row.Values = append([][]byte{[]byte(strconv.Itoa(pid))}, row.Values...)
	}
	if err := s.send(row); err != nil || s.skip {
		return err
	}
	return s.send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")})
}

// snapshot answers the exporting of one, and the question which server this is.
func (s *engineConn) snapshot(sql string) error {
	row := &pgproto3.DataRow{Values: [][]byte{[]byte(s.where)}}
	if strings.Contains(sql, "export") {
		if s.refuse == "export" {
			return s.fail("42883", "no such function")
		}
		if len(s.saved) > 0 {
			return s.fail("25001", "cannot export a snapshot from a subtransaction")
		}
		s.exported.Add(1)
		row.Values = append([][]byte{[]byte("0001-1")}, row.Values...)
	}
	if err := s.send(row); err != nil || s.skip {
		return err
	}
	return s.send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")})
}

// stable makes a statement's name the same in every run.
func stable(name string) string {
	if i := strings.LastIndexByte(name, '_'); i >= 0 {
		return "p" + name[i+1:]
	}
	return "-"
}

func (s *engineConn) bind(m *pgproto3.Bind) error {
	s.mu.Lock()
	if s.lost != s.forgets && m.PreparedStatement != "" {
		s.named, s.lost = map[string]string{}, s.forgets
	}
	s.mu.Unlock()
	sql, ok := s.named[m.PreparedStatement]
	if !ok {
		return s.fail("26000", "prepared statement does not exist")
	}
	p := &portal{sql: sql, form: append([]int16(nil), m.ResultFormatCodes...), level: len(s.saved)}
	if len(m.Parameters) > 0 {
		p.arg = string(m.Parameters[0])
	}
	if m.DestinationPortal != "" && s.bound[m.DestinationPortal] != nil {
		return s.fail("42P03", "portal exists")
	}
	s.bound[m.DestinationPortal], s.cur = p, p
	return s.send(&pgproto3.BindComplete{})
}

func (s *engineConn) format(i int) int16 {
	if i < len(s.cur.form) {
		return s.cur.form[i]
	}
	return 0
}

func (s *engineConn) describe() error {
	word := strings.Fields(s.cur.sql)[0]
	switch word {
	case "START", "SET", "SAVEPOINT", "RELEASE", "ROLLBACK", "COMMIT":
		return s.send(&pgproto3.NoData{})
	}
	oid := uint32(23)
	if word == "enum" {
		oid = 99999
	}
	return s.send(&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{
		{Name: []byte("id"), DataTypeOID: oid, DataTypeSize: 4, TypeModifier: -1, Format: s.format(0)},
		{Name: []byte("v"), DataTypeOID: 25, DataTypeSize: -1, TypeModifier: -1, Format: s.format(1)},
	}})
}

// command runs a transaction command or a statement, of which at most limit rows are sent.
func (s *engineConn) command(sql string, limit int) error {
	f := strings.Fields(sql)
	tag := f[0]
	if s.tx == 'E' && tag != "ROLLBACK" && tag != "COMMIT" {
		return s.fail("25P02", "current transaction is aborted")
	}
	switch f[0] {
	case "START":
		s.tx, tag = 'T', "START TRANSACTION"
	case "SET":
		if strings.Contains(sql, "SNAPSHOT") {
			if s.refuse == "import" {
				return s.fail("22023", "invalid snapshot identifier")
			}
			s.imported.Add(1)
		}
	case "COMMIT":
		if s.tx == 'E' {
			tag = "ROLLBACK"
		}
		s.end()
	case "ROLLBACK":
		if len(f) == 1 {
			s.end()
			break
		}
		s.tx = 'T'
		level := s.savepoint(f[3]) + 1
		s.saved = s.saved[:level]
		maps.DeleteFunc(s.bound, func(_ string, p *portal) bool { return p.level >= level })
	case "SAVEPOINT":
		s.saved = append(s.saved, f[1])
	case "RELEASE":
		s.saved = s.saved[:s.savepoint(f[2])]
		for _, p := range s.bound {
			p.level = min(p.level, len(s.saved))
		}
	default:
		return s.rows(f, limit)
	}
	return s.send(&pgproto3.CommandComplete{CommandTag: []byte(tag)})
}

// end ends the transaction, and with it all portals but the one that runs this.
func (s *engineConn) end() {
	s.tx, s.saved = 'I', nil
	clear(s.bound)
}

// savepoint finds the innermost one of that name.
func (s *engineConn) savepoint(name string) int {
	for i, n := range slices.Backward(s.saved) {
		if n == name {
			return i
		}
	}
	panic("no savepoint " + name)
}

func (s *engineConn) rows(f []string, limit int) error {
	n, w := 1, 3
	if len(f) > 1 {
		n, _ = strconv.Atoi(strings.Replace(f[1], "$1", s.cur.arg, 1))
	}
	if len(f) > 2 {
		w, _ = strconv.Atoi(f[2])
	}
	switch f[0] {
	case "wait":
		<-s.gate(f[1])
		n = 1
	case "freeze":
		return fakepg.Hang()(s.c)
	case "stream":
		return s.stream(n)
	case "notice":
		for i := range n {
			if err := s.send(&pgproto3.NoticeResponse{SeverityUnlocalized: "NOTICE", Severity: "NOTICE", Code: "00000", Message: fmt.Sprint("notice ", i)}); err != nil {
				return err
			}
		}
		n = 1
	case "fail":
		w = 3
	}
	p, sent := s.cur, 0
	for ; p.pos < n; sent++ {
		if limit > 0 && sent == limit {
			return s.send(&pgproto3.PortalSuspended{})
		}
		p.pos++
		if err := s.send(s.row(p.pos, w)); err != nil || s.skip {
			return err
		}
	}
	if limit > 0 && sent == limit { // the server does not look whether there are more
		return s.send(&pgproto3.PortalSuspended{})
	}
	if f[0] == "fail" {
		return s.fail(f[2], "failed after its rows")
	}
	return s.send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT " + strconv.Itoa(sent))})
}

// stream sends rows until somebody asks to stop.
func (s *engineConn) stream(w int) error {
	before := len(s.server.Cancels())
	for i := 1; ; i++ {
		if err := s.send(s.row(i, w)); err != nil {
			return err
		}
		if i%16 == 0 && len(s.server.Cancels()) > before {
			return s.fail("57014", "canceling statement due to user request")
		}
		if i%1000 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}

func (s *engineConn) row(i, w int) *pgproto3.DataRow {
	id := []byte(strconv.Itoa(i))
	if s.format(0) == 1 {
		id = binary.BigEndian.AppendUint32(nil, uint32(i))
	}
	return &pgproto3.DataRow{Values: [][]byte{id, []byte(letters(i, w))}}
}

func letters(i, w int) string {
	return strings.Repeat(string(rune('a'+i%26)), w)
}

// genRows is what gen N W gives.
func genRows(n, w int) []string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf("%d|%s", i+1, letters(i+1, w))
	}
	return rows
}

func number(n int) session.Param {
	return session.Param{TypeOID: 23, Value: []byte(strconv.Itoa(n))}
}

// forgetAll makes every session lose its prepared statements, as a pooler that
// hands out another server session does.
func (e *engine) forgetAll() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.forgets++
}

func itoa(n int) string { return strconv.Itoa(n) }

func optionsWith(name, value string) fakepg.Options {
	return fakepg.Options{Parameters: map[string]string{name: value}}
}
