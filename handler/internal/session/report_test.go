package session

import (
	"bytes"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/sqlerr"
)

// TestLongReports: an error that quotes a long value is that error, cut short,
// and a long notice does not end the connection; neither costs memory.
func TestLongReports(t *testing.T) {
	text := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct {
		name    string
		message pgproto3.ErrorResponse
	}{
		{"message", pgproto3.ErrorResponse{Message: text(40 << 20), Detail: "lost"}},
		{"detail", pgproto3.ErrorResponse{Message: "short", Detail: text(20 << 20)}},
		{"just longer", pgproto3.ErrorResponse{Message: "short", Detail: text(maxReport)}},
		{"just as long", pgproto3.ErrorResponse{Message: text(maxReport - 5 - len("SERROR\x00VERROR\x00C22P02\x00M\x00\x00"))}},
		{"ends between fields", pgproto3.ErrorResponse{Message: text(maxReport - 5 - len("SERROR\x00VERROR\x00C22P02\x00M\x00")), Detail: "lost"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := c.message
			m.Severity, m.SeverityUnlocalized, m.Code = "ERROR", "ERROR", "22P02"
			notice := pgproto3.NoticeResponse(m)
			notice.Severity, notice.SeverityUnlocalized = "WARNING", "WARNING"
			in := soundAnswer(0)[:33] // as far as the transaction's beginning
			in, _ = notice.Encode(in)
			in, _ = m.Encode(in)
			in, _ = (&pgproto3.ReadyForQuery{TxStatus: 'I'}).Encode(in)
			conn, notices := testConn(t, &byteStream{in: in, n: 100_000})
			r := &recorder{t: t}
			if err := conn.Execute(&Request{SQL: "SELECT 1", Sink: r, Level: 1}); err != nil {
				t.Fatal(err)
			}
			most := 0
			for r.done == 0 {
				conn.Pump(func() bool { most = max(most, conn.in.Cap()); return r.done > 0 })
			}
			if r.err == nil || r.err.SQLState != "22P02" || conn.Broken() != nil {
				t.Fatalf("%.300v, broken: %.300v", r.err, conn.Broken())
			}
			if most > 3*maxReport {
				t.Errorf("the buffer had %d bytes", most)
			}
			if r.err.Size() > maxReport+100 || len(*notices) != 1 || (*notices)[0].Err.Size() > maxReport+100 {
				t.Errorf("%d bytes of an error, %d notices", r.err.Size(), len(*notices))
			}
			cut := strings.HasSuffix(r.err.Message+r.err.Detail, " more bytes)")
			if fits := c.name == "just as long" || c.name == "ends between fields"; cut == fits {
				t.Errorf("ends with %q", (r.err.Message + r.err.Detail)[len(r.err.Message+r.err.Detail)-40:])
			}
		})
	}
}

// TestNoticesAreBounded in number and in the bytes of all their fields.
func TestNoticesAreBounded(t *testing.T) {
	var q Notices
	long := strings.Repeat("x", 16<<20)
	for i := range 300 {
		e := &sqlerr.Error{Message: "m", Hint: "h", Context: "c", RemoteSQL: "s"}
		for j, s := range []*string{&e.Schema, &e.Table, &e.Column, &e.Datatype, &e.Constraint, &e.Detail} {
			if i%6 == j {
				*s = long
			}
		}
		q.Add(Notice{Level: LevelWarning, Err: e})
	}
	total, n := 0, 0
	for {
		notice, ok := q.Next()
		if !ok {
			break
		}
		n++
		total += notice.Err.Size()
		if notice.Err.Size() > maxNotice+2000 {
			t.Errorf("a notice of %d bytes", notice.Err.Size())
		}
	}
	if n < 10 || total > maxNoticeBytes+maxNotice || q.bytes != 0 {
		t.Errorf("%d notices of %d bytes, %d left", n, total, q.bytes)
	}
}

func FuzzEndCut(f *testing.F) {
	f.Add([]byte("SERROR\x00Mnot all of"), 10)
	f.Add([]byte("SERROR\x00"), 10)
	f.Add([]byte(""), 1)
	f.Fuzz(func(t *testing.T, body []byte, missing int) {
		before := bytes.Clone(body)
		got := endCut(body, max(missing, 1))
		if !bytes.Equal(before, body) || len(got) > len(body)+100 || !bytes.HasSuffix(got, []byte{0}) {
			t.Fatalf("%q", got)
		}
		var m pgproto3.ErrorResponse
		_ = m.Decode(got)
	})
}
