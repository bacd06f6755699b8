// Package fakepg plays the remote server in tests: Server follows a script on pgproto3.Backend and can lie, stop, cut or
// garble at any byte; Proxy stands before a real server and delays, counts, cuts, freezes or rewrites the bytes.
package fakepg

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/invariant"
)

// TB is what Server and Proxy need of testing.TB; the package does not import testing, so that tools may use it.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// PID and Key are what Server sends as BackendKeyData unless Options say otherwise.
const PID = 4711

// Key is the secret key of BackendKeyData.
var Key = []byte{1, 2, 3, 4}

// Options describe one Server.
type Options struct {
	Network string // "tcp" (default, on 127.0.0.1) or "unix"
	Dir     string // unix: socket directory; the port is always 5432

	Auth     AuthMode
	User     string // checked when set
	Password string
	Rounds   int // SCRAM iterations to demand, default 4096

	TLS *tls.Config // answer SSLRequest with S and shake hands; nil answers N
	// SSLAnswer, when set, is sent in answer to SSLRequest instead, and nothing else.
	SSLAnswer []byte
	Direct    bool // expect TLS at once (sslnegotiation=direct)

	Parameters map[string]string // ParameterStatus to send
	// Takes are the startup parameters besides user and database that are not refused as PgBouncer does; nil: all.
	Takes   []string
	Key     []byte // secret key, default Key
	Notices int    // NoticeResponses to send before ReadyForQuery

	// NewestMinor, when set, answers a startup message of a newer protocol than 3.NewestMinor-1 with a
	// NegotiateProtocolVersion; 1 stands for a server of protocol 3.0.
	NewestMinor int

	// Greeting, when set, replaces everything: it is sent once the first bytes of a client came, then the
	// connection is closed. It is how a server of another protocol looks.
	Greeting []byte

	// Hello, when set, replaces what follows the startup message, authentication and all.
	Hello func(c *Conn) error

	// CutAt, when > 0, ends the connection after that many bytes sent in protocol messages (not TLS records);
	// Reset makes it a RST.
	CutAt int64
	Reset bool
	// HangAt, when > 0, sends that many bytes and then nothing, keeping the connection open.
	HangAt int64
	// Alter may replace the n-th message sent (from 0) on each connection; nil drops it.
	Alter func(n int, msg []byte) []byte

	// Script runs after ReadyForQuery. Without one, the server waits for the client to leave.
	Script []Step
}

// Server is a running fake. Every goroutine and socket of it is gone after Close.
type Server struct {
	Host, Port string // Host is the directory for a Unix socket

	opts Options
	l    net.Listener
	wg   sync.WaitGroup

	mu      sync.Mutex
	conns   map[net.Conn]bool
	closed  bool
	errs    []error
	accepts int
	cancels []pgproto3.CancelRequest
	startup map[string]string
}

// Run starts a server that lives as long as the test. Errors of the script fail the test at its end.
func Run(t TB, o Options) *Server {
	t.Helper()
	s, err := Start(o)
	if err != nil {
		t.Fatalf("fakepg: %v", err)
	}
	t.Cleanup(func() {
		s.Close()
		for _, err := range s.Errors() {
			t.Errorf("fakepg: %v", err)
		}
	})
	return s
}

// Start starts a server.
func Start(o Options) (*Server, error) {
	if o.Key == nil {
		o.Key = Key
	}
	s := &Server{opts: o, conns: map[net.Conn]bool{}}
	var err error
	if o.Network == "unix" {
		s.Host, s.Port = o.Dir, "5432"
		s.l, err = net.Listen("unix", filepath.Join(o.Dir, ".s.PGSQL.5432"))
	} else {
		if s.l, err = net.Listen("tcp", "127.0.0.1:0"); err == nil {
			s.Host, s.Port = "127.0.0.1", strconv.Itoa(s.l.Addr().(*net.TCPAddr).Port)
		}
	}
	if err != nil {
		return nil, err
	}
	s.wg.Add(1)
	invariant.Go("fakepg.accept", s.accept, s.fail)
	return s, nil
}

// Close ends all connections and waits for the server's goroutines.
func (s *Server) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		_ = s.l.Close()
		for c := range s.conns {
			_ = c.Close()
		}
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// Errors are the script's expectations that were not met. What happens because of Close is none.
func (s *Server) Errors() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.errs
}

// Accepts is the number of connections so far, cancel requests included.
func (s *Server) Accepts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepts
}

// Open is the number of connections that are open now.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Cancels are the cancel requests received.
func (s *Server) Cancels() []pgproto3.CancelRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]pgproto3.CancelRequest(nil), s.cancels...)
}

// Startup is the parameters of the latest startup message.
func (s *Server) Startup() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.startup
}

func (s *Server) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.errs = append(s.errs, err)
	}
}

func (s *Server) accept() {
	defer s.wg.Done()
	for {
		c, err := s.l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			_ = c.Close()
			return
		}
		s.accepts++
		s.conns[c] = true
		s.wg.Add(1)
		s.mu.Unlock()
		invariant.Go("fakepg.conn", func() { s.serve(c) }, s.fail)
	}
}

func (s *Server) serve(raw net.Conn) {
	defer s.wg.Done()
	defer func() {
		_ = raw.Close()
		s.mu.Lock()
		delete(s.conns, raw)
		s.mu.Unlock()
	}()
	c := &Conn{server: s, raw: raw, conn: raw}
	if err := c.serve(); err != nil && !errors.Is(err, errEnd) {
		s.fail(err)
	}
}

// errEnd ends a connection without a complaint.
var errEnd = errors.New("end of script")

// Conn is one connection of a Server, handed to Do steps.
type Conn struct {
	server  *Server
	raw     net.Conn
	conn    net.Conn // raw, or TLS over it
	backend *pgproto3.Backend
	sent    int64
	n       int
}

// Write sends bytes as they are, except for what the options cut, hang or alter.
func (c *Conn) Write(p []byte) (int, error) {
	o := &c.server.opts
	if o.Alter != nil {
		n := c.n
		c.n++
		altered := o.Alter(n, append([]byte(nil), p...))
		if err := c.write(altered); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	if err := c.write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (c *Conn) write(p []byte) error {
	o := &c.server.opts
	limit := int64(0)
	if o.CutAt > 0 {
		limit = o.CutAt
	} else if o.HangAt > 0 {
		limit = o.HangAt
	}
	cut := limit > 0 && c.sent+int64(len(p)) >= limit
	if cut {
		p = p[:limit-c.sent]
	}
	n, err := c.conn.Write(p)
	c.sent += int64(n)
	if err != nil {
		return errEnd // the client has gone; whoever waits for it will say so
	}
	if !cut {
		return nil
	}
	if o.CutAt > 0 {
		c.end(o.Reset)
	} else {
		c.waitClosed()
	}
	return errEnd
}

func (c *Conn) end(reset bool) {
	if tcp, ok := c.raw.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = c.raw.Close()
}

func (c *Conn) waitClosed() { _, _ = io.Copy(io.Discard, c.raw) }

// Send sends one message.
func (c *Conn) Send(m pgproto3.BackendMessage) error {
	b, err := m.Encode(nil)
	if err != nil {
		return err
	}
	_, err = c.Write(b)
	return err
}

// Received waits until the client leaves and returns what it has sent until then.
func (c *Conn) Received() []byte {
	b, _ := io.ReadAll(c.conn)
	return b
}

// Receive waits for the client's next message; it is valid until the next call.
func (c *Conn) Receive() (pgproto3.FrontendMessage, error) { return c.backend.Receive() }

func (c *Conn) serve() error {
	o := &c.server.opts
	if o.Greeting != nil {
		var b [4096]byte // all of it: closing with bytes unread would send a RST
		if _, err := c.raw.Read(b[:]); err != nil {
			return errEnd
		}
		_, _ = c.raw.Write(o.Greeting)
		return errEnd
	}
	if err := c.startup(); err != nil {
		return err
	}
	for i, step := range o.Script {
		if err := step(c); err != nil {
			if errors.Is(err, errEnd) {
				return err
			}
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	c.waitClosed()
	return nil
}

// startup answers the client's first messages up to ReadyForQuery. A client that leaves is not an error.
func (c *Conn) startup() error {
	o := &c.server.opts
	if o.Direct {
		if err := c.startTLS(); err != nil {
			return err
		}
	}
	for {
		c.backend = pgproto3.NewBackend(c.conn, c)
		m, err := c.backend.ReceiveStartupMessage()
		if err != nil {
			return errEnd
		}
		switch m := m.(type) {
		case *pgproto3.SSLRequest:
			if err := c.answerSSL(); err != nil {
				return err
			}
		case *pgproto3.CancelRequest:
			c.server.mu.Lock()
			c.server.cancels = append(c.server.cancels, pgproto3.CancelRequest{
				ProcessID: m.ProcessID, SecretKey: append([]byte(nil), m.SecretKey...),
			})
			c.server.mu.Unlock()
			return errEnd
		case *pgproto3.StartupMessage:
			return c.begin(m)
		default:
			return fmt.Errorf("unexpected first message %T", m)
		}
	}
}

func (c *Conn) answerSSL() error {
	o := &c.server.opts
	switch {
	case o.SSLAnswer != nil:
		_, _ = c.raw.Write(o.SSLAnswer)
		c.waitClosed()
		return errEnd
	case o.TLS == nil:
		_, err := c.raw.Write([]byte{'N'})
		return err
	}
	if _, err := c.raw.Write([]byte{'S'}); err != nil {
		return errEnd
	}
	return c.startTLS()
}

func (c *Conn) startTLS() error {
	t := tls.Server(c.raw, c.server.opts.TLS)
	if err := t.Handshake(); err != nil {
		return errEnd // the client's side of the test judges
	}
	c.conn = t
	return nil
}

func (c *Conn) begin(m *pgproto3.StartupMessage) error {
	o := &c.server.opts
	c.server.mu.Lock()
	c.server.startup = maps.Clone(m.Parameters)
	c.server.mu.Unlock()
	if o.Hello != nil {
		return o.Hello(c)
	}
	if o.User != "" && m.Parameters["user"] != o.User {
		return c.refuse("28000", "role does not exist")
	}
	for name := range m.Parameters {
		if o.Takes != nil && name != "user" && name != "database" && !slices.Contains(o.Takes, name) {
			return c.refuse("08P01", "unsupported startup parameter: "+name)
		}
	}
	if err := o.Auth.run(c, m.Parameters["user"], o.Password); err != nil {
		return err
	}
	msgs := []pgproto3.BackendMessage{&pgproto3.AuthenticationOk{}}
	if newest := uint32(o.NewestMinor - 1); o.NewestMinor > 0 && m.ProtocolVersion&0xffff > newest {
		msgs = append([]pgproto3.BackendMessage{&pgproto3.NegotiateProtocolVersion{NewestMinorProtocol: newest}}, msgs...)
	}
	for k, v := range o.Parameters {
		msgs = append(msgs, &pgproto3.ParameterStatus{Name: k, Value: v})
	}
	for range o.Notices {
		msgs = append(msgs, &pgproto3.NoticeResponse{Severity: "NOTICE", SeverityUnlocalized: "NOTICE", Code: "00000", Message: "hello"})
	}
	msgs = append(msgs, &pgproto3.BackendKeyData{ProcessID: PID, SecretKey: o.Key}, &pgproto3.ReadyForQuery{TxStatus: 'I'})
	for _, m := range msgs {
		if err := c.Send(m); err != nil {
			return err
		}
	}
	return nil
}

// refuse sends a FATAL error and ends the connection.
func (c *Conn) refuse(code, message string) error {
	if err := c.Send(&pgproto3.ErrorResponse{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: code, Message: message}); err != nil {
		return err
	}
	return errEnd
}

// Step is one act of a script.
type Step func(c *Conn) error

// Send sends messages, each in a write of its own.
func Send(msgs ...pgproto3.BackendMessage) Step {
	return func(c *Conn) error {
		for _, m := range msgs {
			if err := c.Send(m); err != nil {
				return err
			}
		}
		return nil
	}
}

// Raw sends bytes as they are.
func Raw(b []byte) Step {
	return func(c *Conn) error { _, err := c.Write(b); return err }
}

// Expect waits for one message of the same type as each of want, in order.
func Expect(want ...pgproto3.FrontendMessage) Step {
	return func(c *Conn) error {
		for _, w := range want {
			m, err := c.Receive()
			if err != nil {
				return fmt.Errorf("waiting for %T: %w", w, err)
			}
			if fmt.Sprintf("%T", m) != fmt.Sprintf("%T", w) {
				return fmt.Errorf("got %T %+v, expected %T", m, m, w)
			}
		}
		return nil
	}
}

// ExpectQuery waits for a simple Query or a Parse with this text.
func ExpectQuery(sql string) Step {
	return func(c *Conn) error {
		m, err := c.Receive()
		if err != nil {
			return fmt.Errorf("waiting for %q: %w", sql, err)
		}
		got := ""
		switch m := m.(type) {
		case *pgproto3.Query:
			got = m.String
		case *pgproto3.Parse:
			got = m.Query
		default:
			return fmt.Errorf("got %T, expected query %q", m, sql)
		}
		if got != sql {
			return fmt.Errorf("got query %q, expected %q", got, sql)
		}
		return nil
	}
}

// Skip reads messages up to and with the first of the type of last.
func Skip(last pgproto3.FrontendMessage) Step {
	return func(c *Conn) error {
		for {
			m, err := c.Receive()
			if err != nil {
				return fmt.Errorf("waiting for %T: %w", last, err)
			}
			if fmt.Sprintf("%T", m) == fmt.Sprintf("%T", last) {
				return nil
			}
		}
	}
}

// Delay waits.
func Delay(d time.Duration) Step {
	return func(*Conn) error { time.Sleep(d); return nil }
}

// Hang keeps the connection open and silent until the client or the test ends it.
func Hang() Step {
	return func(c *Conn) error { c.waitClosed(); return errEnd }
}

// End closes the connection, with a RST if reset.
func End(reset bool) Step {
	return func(c *Conn) error { c.end(reset); return errEnd }
}

// Do runs any code.
func Do(f func(c *Conn) error) Step { return f }

// Text answers a simple query with one row of text columns, up to ReadyForQuery in the given state.
func Text(tx byte, values ...string) Step {
	row := &pgproto3.DataRow{}
	desc := &pgproto3.RowDescription{}
	for i, v := range values {
		row.Values = append(row.Values, []byte(v))
		desc.Fields = append(desc.Fields, pgproto3.FieldDescription{
			Name: []byte("c" + strconv.Itoa(i)), DataTypeOID: 25, DataTypeSize: -1, TypeModifier: -1,
		})
	}
	return Send(desc, row, &pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")}, &pgproto3.ReadyForQuery{TxStatus: tx})
}

// SocketDir makes a directory short enough for a Unix socket's name.
func SocketDir(t TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "fakepg")
	if err != nil {
		t.Fatalf("fakepg: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
