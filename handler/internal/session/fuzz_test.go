package session

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	"golang.org/x/sys/unix"

	"pgwire_fdw/handler/internal/dial"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/wire"
)

// byteStream is a server that has said all it will say.
type byteStream struct {
	in []byte
	n  int // bytes per read
}

func (s *byteStream) Read(p []byte) (int, error) {
	if len(s.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.n)], s.in)
	s.in = s.in[n:]
	return n, nil
}

func (*byteStream) Write(p []byte) (int, error) { return len(p), nil }

// recorder is a sink that checks the order of what it is told.
type recorder struct {
	t         testing.TB
	described int
	rows      int
	bytes     int
	done      int
	err       *sqlerr.Error
	hold      int // refuse every hold-th row once
	held      bool
}

func (r *recorder) Fields([]wire.RemoteColumn) *sqlerr.Error {
	r.described++
	if r.described > 1 || r.done > 0 {
		r.t.Error("a second row description, or a late one")
	}
	return nil
}

func (r *recorder) Row(body []byte) (bool, *sqlerr.Error) {
	if r.described == 0 || r.done > 0 {
		r.t.Error("a row out of place")
	}
	if r.hold > 0 && r.rows%r.hold == 0 && !r.held {
		r.held = true
		return false, nil
	}
	r.held = false
	r.rows++
	r.bytes += len(body)
	return true, nil
}

func (r *recorder) Done(err *sqlerr.Error) {
	r.done++
	r.err = err
	if r.done > 1 {
		r.t.Error("done twice")
	}
}

func (r *recorder) Suspended(string) bool { return false }

func (r *recorder) Keep() bool { return false }

func (r *recorder) Discard() {}

// testConn is a Conn whose server says in, and whose session is known to be
// ours.
func testConn(t testing.TB, stream io.ReadWriter) (*Conn, *[]Notice) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(pair[0]), "pair")
	conn, err := net.FileConn(file)
	_ = file.Close()
	if err != nil {
		t.Fatal(err)
	}
	sock, err := dial.SockFromConn(conn)
	if err != nil {
		t.Fatal(err)
	}
	if stream == nil {
		stream = sock
	}
	var notices []Notice
	c := NewConn(&dial.Established{Sock: sock, Stream: stream}, "far", 1, map[string]string{"client_encoding": "UTF8"}, PooledAuto, func(n Notice) { notices = append(notices, n) })
	c.sharing.known = true
	t.Cleanup(func() { c.Close(); _ = unix.Close(pair[1]) })
	return c, &notices
}

// soundAnswer is what a server says to a statement that begins a transaction.
func soundAnswer(rows int) []byte {
	var b []byte
	for _, m := range []pgproto3.BackendMessage{
		&pgproto3.ParseComplete{}, &pgproto3.BindComplete{}, &pgproto3.CommandComplete{CommandTag: []byte("START TRANSACTION")},
		&pgproto3.ParseComplete{}, &pgproto3.BindComplete{},
		&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{{Name: []byte("a"), DataTypeOID: 23, DataTypeSize: 4, TypeModifier: -1, Format: 1}}},
	} {
		b, _ = m.Encode(b)
	}
	for i := range rows {
		b, _ = (&pgproto3.DataRow{Values: [][]byte{binary.BigEndian.AppendUint32(nil, uint32(i))}}).Encode(b)
	}
	b, _ = (&pgproto3.CommandComplete{CommandTag: []byte("SELECT " + string(rune('0'+rows)))}).Encode(b)
	b, _ = (&pgproto3.ReadyForQuery{TxStatus: 'T'}).Encode(b)
	return b
}

// FuzzPump feeds anything as the answer to a statement and to a second one
// behind it. Nothing may panic or go on for ever; a sink hears Done exactly once
// and a result that is told to be complete was described.
func FuzzPump(f *testing.F) {
	sound := soundAnswer(3)
	f.Add(sound, uint16(100), uint8(0))
	f.Add(append(append([]byte(nil), sound...), sound[len(sound)-6:]...), uint16(7), uint8(2))
	refused, _ := (&pgproto3.ErrorResponse{Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: "42P01", Message: "no such table"}).Encode(sound[:30:30])
	refused, _ = (&pgproto3.ReadyForQuery{TxStatus: 'E'}).Encode(refused)
	f.Add(refused, uint16(1), uint8(1))
	notice, _ := (&pgproto3.NoticeResponse{Severity: "WARNING", Code: "01000", Message: "beware"}).Encode(nil)
	status, _ := (&pgproto3.ParameterStatus{Name: "client_encoding", Value: "LATIN1"}).Encode(nil)
	f.Add(append(append(notice, sound[:40]...), status...), uint16(3), uint8(0))
	f.Fuzz(func(t *testing.T, in []byte, chunk uint16, hold uint8) {
		c, _ := testConn(t, &byteStream{in: in, n: int(chunk) + 1})
		first := &recorder{t: t, hold: int(hold)}
		if err := c.Execute(&Request{SQL: "SELECT 1", Sink: first, Level: 1 + int(hold)%3}); err != nil {
			t.Fatal(err)
		}
		pump := func(r *recorder) {
			for turn := 0; r.done == 0; turn++ {
				if turn > 2*len(in)+10 {
					t.Fatal("does not end")
				}
				c.Pump(func() bool { return r.done > 0 })
			}
			if r.err == nil && r.described != 1 || r.bytes > len(in) {
				t.Errorf("%+v", r)
			}
		}
		pump(first)
		second := &recorder{t: t}
		if c.Active() == nil && c.Broken() == nil {
			if err := c.Execute(&Request{SQL: "SELECT 1", Sink: second, Level: 1}); err == nil {
				pump(second)
			} else if !c.Tx.Failed() {
				t.Fatal(err)
			}
		}
	})
}
