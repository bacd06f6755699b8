package fetch

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/session"
	"pgwire_fdw/handler/internal/wire"
)

// canned is a server that answers every request with the same bytes and costs
// as little as it can, so that what a benchmark counts is ours.
type canned struct {
	host, port string
	first      []byte // to a request that begins with Parse
	again      []byte // ... with Bind
}

var syncMessage = []byte{'S', 0, 0, 0, 4}

func (c *canned) run(b testing.TB) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	c.host, c.port, _ = net.SplitHostPort(l.Addr().String())
	done := make(chan struct{})
	invariant.Go("canned", func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.serve(conn)
		}
	}, nil)
	b.Cleanup(func() { _ = l.Close(); <-done })
}

func (c *canned) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	buf := make([]byte, 64<<10)
	if _, err := conn.Read(buf); err != nil {
		return
	}
	var hello []byte
	for _, m := range []pgproto3.BackendMessage{&pgproto3.AuthenticationOk{}, &pgproto3.BackendKeyData{SecretKey: []byte("1234")}, &pgproto3.ReadyForQuery{TxStatus: 'I'}} {
		hello, _ = m.Encode(hello)
	}
	_, _ = conn.Write(hello)
	for n := 0; ; {
		got, err := conn.Read(buf[n:])
		if err != nil {
			return
		}
		if n += got; !bytes.HasSuffix(buf[:n], syncMessage) {
			continue
		}
		answer := c.again
		if bytes.Contains(buf[:n], []byte("pg_backend_pid")) {
			if _, err := conn.Write(ownSession); err != nil {
				return
			}
		}
		if buf[0] == 'P' || buf[0] == 'C' {
			answer = c.first
		}
		if _, err := io.Copy(conn, bytes.NewReader(answer)); err != nil {
			return
		}
		n = 0
	}
}

// ownSession is what a session says that is ours and has its settings.
var ownSession = func() (b []byte) {
	for _, values := range [][][]byte{{[]byte("0"), []byte("UTF8")}, {[]byte("UTF8")}} {
		b, _ = (&pgproto3.ParseComplete{}).Encode(b)
		b, _ = (&pgproto3.BindComplete{}).Encode(b)
		b, _ = (&pgproto3.DataRow{Values: values}).Encode(b)
		b, _ = (&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")}).Encode(b)
	}
	return b
}()

var narrow = []wire.Column{{Name: "a", TypeOID: 23, Typmod: -1}, {Name: "b", TypeOID: 20, Typmod: -1}, {Name: "c", TypeOID: 701, Typmod: -1}}

func narrowServer(b testing.TB, rows int) *canned {
	desc := &pgproto3.RowDescription{}
	for i, oid := range []uint32{23, 20, 701} {
		desc.Fields = append(desc.Fields, pgproto3.FieldDescription{Name: []byte{byte('a' + i)}, DataTypeOID: oid, TypeModifier: -1, Format: 1})
	}
	c := &canned{}
	c.first, _ = (&pgproto3.ParseComplete{}).Encode(nil)
	c.again, _ = (&pgproto3.BindComplete{}).Encode(nil)
	c.first = append(c.first, c.again...)
	c.first, _ = desc.Encode(c.first)
	var tail []byte
	for i := range rows {
		tail, _ = (&pgproto3.DataRow{Values: [][]byte{binary.BigEndian.AppendUint32(nil, uint32(i)),
			binary.BigEndian.AppendUint64(nil, uint64(i)), binary.BigEndian.AppendUint64(nil, uint64(i))}}).Encode(tail)
	}
	tail, _ = (&pgproto3.CommandComplete{CommandTag: []byte("SELECT " + itoa(rows))}).Encode(tail)
	tail, _ = (&pgproto3.ReadyForQuery{TxStatus: 'I'}).Encode(tail)
	c.first, c.again = append(c.first, tail...), append(c.again, tail...)
	c.run(b)
	return c
}

func narrowRig(b testing.TB, rows int) (*rig, *Scan) {
	c := narrowServer(b, rows)
	r := newRig(b, c.host, c.port)
	r.alone = true
	s := r.scan("SELECT a, b, c FROM t WHERE a < $1", func(s *Spec) { s.Columns = narrow })
	for range 3 {
		if n := r.count(s); n != rows {
			b.Fatalf("%d rows, expected %d", n, rows)
		}
	}
	return r, s
}

// count binds and reads all without looking at it.
func (r *rig) count(s *Scan) (n int) {
	r.bind(s, one...)
	for {
		out, err := r.next(s)
		if err != nil {
			r.t.Fatal(err)
		}
		if out == End {
			return n
		}
		n += s.block.arena.Rows()
	}
}

var one = []session.Param{number(1)}

// BenchmarkPump is the way of a row from the socket to the batch, three narrow
// columns, the sender in the same process.
func BenchmarkPump(b *testing.B) {
	const rows = 200000
	r, s := narrowRig(b, rows)
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		r.count(s)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}

// BenchmarkPoint is a point query that the remote has prepared.
func BenchmarkPoint(b *testing.B) {
	r, s := narrowRig(b, 1)
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		r.count(s)
	}
}

// TestPointAllocations bounds what one more execution costs the collector.
func TestPointAllocations(t *testing.T) {
	noLeak(t)
	r, s := narrowRig(t, 1)
	const bound = 5 // the result, the exchange and what to wait for
	if n := testing.AllocsPerRun(2000, func() { r.count(s) }); n > bound {
		t.Errorf("%v allocations, expected at most %d", n, bound)
	}
	if d := r.slowest; d > 5*time.Second {
		t.Errorf("a call took %v", d)
	}
}
