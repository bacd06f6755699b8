package fetch

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/fakepg"
)

// startupBytes is how much fakepg sends until ReadyForQuery.
const startupBytes = 9 + 13 + 6

// answerBytes runs the statement on a sound server and returns how many bytes
// it answered with.
func answerBytes(t *testing.T, sql string) int64 {
	e := &engine{}
	e.server = fakepg.Run(t, e.options())
	proxy := fakepg.RunProxy(t, "tcp", e.server.Host+":"+e.server.Port)
	r := newRig(t, proxy.Host, proxy.Port)
	r.must(r.scan(sql))
	time.Sleep(20 * time.Millisecond) // for what follows CommandComplete
	return proxy.Bytes(fakepg.ToClient) - startupBytes
}

// TestCutAtEveryByte ends the connection at every byte of the answer to a
// transaction's first statement.
func TestCutAtEveryByte(t *testing.T) {
	noLeak(t)
	sound := &engine{}
	soundServer := fakepg.Run(t, sound.options())
	total := answerBytes(t, "gen 3 3")
	lost := 0
	for at := int64(1); at <= total; at++ {
		e := &engine{opts: fakepg.Options{CutAt: startupBytes + at, Reset: at%2 == 0}}
		r := fakeRig(t, e)
		s := r.scan("gen 3 3")
		rows, err := r.run(s)
		if err != nil {
			lost++
			failsWith(t, err, "08006", "lost the connection", "far")
			if err.RemoteSQL != "gen 3 3" {
				t.Errorf("byte %d: remote SQL is %q", at, err.RemoteSQL)
			}
			if want := genRows(3, 3); len(rows) > 3 || !slices.Equal(rows, want[:len(rows)]) {
				t.Fatalf("byte %d: rows %q", at, rows)
			}
			// as long as this transaction lasts nothing else can be true
			_, again := r.run(r.scan("gen 1 1"))
			failsWith(t, again, "08006")
			if n := e.server.Accepts(); n != 1 {
				t.Fatalf("byte %d: %d connections", at, n)
			}
		} else {
			same(t, fmt.Sprint("byte ", at), rows, genRows(3, 3))
		}
		r.abort()
		r.target.Params.Options["host"], r.target.Params.Options["port"] = soundServer.Host, soundServer.Port
		r.pool.Invalidate(false, 33)
		same(t, "afterwards", r.must(r.scan("gen 2 2")), genRows(2, 2))
		if err := r.commit(); err != nil {
			t.Fatal(err)
		}
		e.server.Close()
	}
	if int64(lost) < total-10 || int64(lost) > total {
		t.Errorf("%d of %d cuts were noticed", lost, total)
	}
}

// TestDeadIdleConnection: a connection that died between transactions is made
// again, once, and nobody notices; in the middle of a transaction it is an error.
func TestDeadIdleConnection(t *testing.T) {
	for _, latency := range []time.Duration{0, 2 * time.Millisecond} {
		noLeak(t)
		e := &engine{}
		e.server = fakepg.Run(t, e.options())
		proxy := fakepg.RunProxy(t, "tcp", e.server.Host+":"+e.server.Port)
		proxy.SetLatency(latency)
		r := newRig(t, proxy.Host, proxy.Port)
		s := r.scan("gen 3 3")
		for range 5 {
			same(t, "rows", r.must(s), genRows(3, 3))
			if err := r.commit(); err != nil {
				t.Fatal(err)
			}
			proxy.Reset()
			time.Sleep(5 * time.Millisecond)
		}
		if n := e.server.Accepts(); n != 5 {
			t.Errorf("%d connections", n)
		}
		same(t, "rows", r.must(s), genRows(3, 3))
		proxy.Reset()
		_, err := r.run(s)
		failsWith(t, err, "08006")
		_, err = r.run(s)
		failsWith(t, err, "08006")
		r.level++
		_, err = r.run(s) // no sub-transaction gives another snapshot
		failsWith(t, err, "08006")
		r.subAbort()
		r.abort()
		same(t, "rows", r.must(s), genRows(3, 3))
	}
}

// TestRetryIsOnce: what dies again at once is an error.
func TestRetryIsOnce(t *testing.T) {
	noLeak(t)
	e := &engine{leaveAfter: 2} // the statement and its COMMIT
	r := fakeRig(t, e)
	s := r.scan("gen 3 3")
	for i := range 4 {
		same(t, fmt.Sprint("transaction ", i), r.must(s), genRows(3, 3))
		if err := r.commit(); err != nil {
			t.Fatal(err)
		}
		if n := e.server.Accepts(); n != i+1 {
			t.Fatalf("%d connections", n)
		}
	}
	r.must(s)
	if err := r.commit(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	e.server.Close()
	_, err := r.run(s)
	failsWith(t, err, "08001", "far")
}

// TestErrorInsteadOfAnyMessage: the remote may refuse at every point.
func TestErrorInsteadOfAnyMessage(t *testing.T) {
	noLeak(t)
	for _, expected := range []int64{1, -1} {
		for k := 0; ; k++ {
			e := &engine{}
			var armed atomic.Bool
			armed.Store(true)
			e.alter = func(i int, _ pgproto3.BackendMessage, raw []byte) ([]byte, bool) {
				if i == k && armed.CompareAndSwap(true, false) {
					return nil, true
				}
				return raw, false
			}
			r := fakeRig(t, e)
			s := r.scan("gen 3 3", func(s *Spec) { s.Expected = expected })
			rows, err := r.run(s)
			e.take()
			if armed.Load() {
				if k < 10 {
					t.Fatalf("only %d messages", k)
				}
				break
			}
			if err != nil {
				failsWith(t, err, "XX001", "injected")
			} else if len(rows) != 3 {
				t.Fatalf("message %d: rows %q and no error", k, rows)
			}
			r.abort()
			same(t, "afterwards", r.must(s), genRows(3, 3))
			if err := r.commit(); err != nil {
				t.Fatal(err)
			}
			e.server.Close()
		}
	}
}

// mutations are wrong versions of a message.
var mutations = map[string]func(raw []byte) []byte{
	"unknown type":   func(m []byte) []byte { m[0] = 0xff; return m },
	"short length":   func(m []byte) []byte { binary.BigEndian.PutUint32(m[1:], 3); return m },
	"huge length":    func(m []byte) []byte { binary.BigEndian.PutUint32(m[1:], 0x7fffffff); return m },
	"large length":   func(m []byte) []byte { binary.BigEndian.PutUint32(m[1:], 0x3ffffff0); return m },
	"negative":       func(m []byte) []byte { binary.BigEndian.PutUint32(m[1:], 0xffffffff); return m },
	"empty body":     func(m []byte) []byte { binary.BigEndian.PutUint32(m[1:], 4); return m[:5] },
	"twice":          func(m []byte) []byte { return append(m, m...) },
	"missing":        func([]byte) []byte { return nil },
	"another answer": func([]byte) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") },
	"one less": func(m []byte) []byte {
		binary.BigEndian.PutUint32(m[1:], uint32(len(m)-2))
		return m[:len(m)-1]
	},
	"one more": func(m []byte) []byte {
		binary.BigEndian.PutUint32(m[1:], uint32(len(m)))
		return append(m, 0)
	},
	"first word": func(m []byte) []byte {
		if len(m) > 6 {
			m[5], m[6] = 0x7f, 0xff
		}
		return m
	},
	"row instead":   func([]byte) []byte { b, _ := (&pgproto3.DataRow{}).Encode(nil); return b },
	"ready instead": func([]byte) []byte { b, _ := (&pgproto3.ReadyForQuery{TxStatus: 'T'}).Encode(nil); return b },
	"idle instead":  func([]byte) []byte { b, _ := (&pgproto3.ReadyForQuery{TxStatus: 'I'}).Encode(nil); return b },
	"done instead": func([]byte) []byte {
		b, _ := (&pgproto3.CommandComplete{CommandTag: []byte("SELECT 7")}).Encode(nil)
		return b
	},
	"copy instead":   func([]byte) []byte { b, _ := (&pgproto3.CopyOutResponse{}).Encode(nil); return b },
	"suspended":      func([]byte) []byte { b, _ := (&pgproto3.PortalSuspended{}).Encode(nil); return b },
	"authentication": func([]byte) []byte { b, _ := (&pgproto3.AuthenticationOk{}).Encode(nil); return b },
	"described":      func([]byte) []byte { b, _ := (&pgproto3.RowDescription{}).Encode(nil); return b },
	"encoding": func(m []byte) []byte {
		b, _ := (&pgproto3.ParameterStatus{Name: "client_encoding", Value: "LATIN1"}).Encode(nil)
		return append(b, m...)
	},
}

// TestGarbage spoils each message of the answer in each way. Either the rows
// are right all the same or there is an error; the next transaction is served
// on a sound connection.
func TestGarbage(t *testing.T) {
	noLeak(t)
	sound := &engine{}
	soundServer := fakepg.Run(t, sound.options())
	for name, mutate := range mutations {
		for k := 0; k < 24; k++ {
			e := &engine{leaveAfter: 1}
			hit := false
			e.alter = func(i int, _ pgproto3.BackendMessage, raw []byte) ([]byte, bool) {
				if i == k {
					hit = true
					raw = mutate(raw)
				}
				return raw, false
			}
			r := fakeRig(t, e)
			rows, err := r.run(r.scan("gen 3 3"))
			what := fmt.Sprintf("%s at %d", name, k)
			switch {
			case err == nil:
				same(t, what, rows, genRows(3, 3))
			case !slices.Contains([]string{"08P01", "08006", "42804", "22P03"}, err.SQLState):
				t.Errorf("%s: %v", what, err)
			}
			// it does not matter before it is known whose session it is, because settings follow
			if set, last := 6, 18; name == "encoding" && k < last && (err != nil && err.SQLState == "08P01") != (k >= set) {
				t.Errorf("%s: %v", what, err)
			}
			r.abort()
			r.target.Params.Options["host"], r.target.Params.Options["port"] = soundServer.Host, soundServer.Port
			r.pool.Invalidate(true, 77)
			same(t, "afterwards", r.must(r.scan("gen 2 2")), genRows(2, 2))
			r.commit()
			e.server.Close()
			if !hit {
				break
			}
		}
	}
}

// TestFailedLazyCommit: nobody waits for a COMMIT that cannot change anything;
// when it fails after all, a warning says so.
func TestFailedLazyCommit(t *testing.T) {
	noLeak(t)
	e := &engine{}
	r := fakeRig(t, e)
	s := r.scan("gen 3 3")
	r.must(s)
	e.take()
	e.mu.Lock()
	var at atomic.Int64
	at.Store(int64(e.sent))
	e.alter = func(i int, _ pgproto3.BackendMessage, raw []byte) ([]byte, bool) { return raw, int64(i) == at.Load() }
	e.mu.Unlock()
	if err := r.commit(); err != nil {
		t.Fatal(err)
	}
	same(t, "rows", r.must(s), genRows(3, 3))
	r.drain()
	if len(r.notices) != 1 || r.notices[0].Level != 2 || r.notices[0].Err.Detail != "injected" {
		t.Errorf("notices are %+v", r.notices)
	}
	// with lazy_commit off, or when something was locked, it is an error
	for _, dirty := range []bool{false, true} {
		r.target.LazyCommit = dirty
		r.abort()
		r.pool.CloseIdle(0)
		s := r.scan("gen 3 3", func(s *Spec) { s.LocksRows = dirty })
		r.must(s)
		e.take()
		e.mu.Lock()
		at.Store(int64(e.sent))
		e.mu.Unlock()
		failsWith(t, r.commit(), "XX001", "injected")
	}
}

// TestNotices are delivered, and bounded.
func TestNotices(t *testing.T) {
	noLeak(t)
	e := &engine{}
	r := fakeRig(t, e)
	r.must(r.scan("notice 3"))
	r.drain()
	if len(r.notices) != 3 || r.notices[0].Err.Message != `server "far": notice 0` || r.notices[2].Level != 1 || r.notices[0].Err.SQLState != "00000" {
		t.Errorf("notices are %+v", r.notices)
	}
	r.notices = nil
	r.must(r.scan("notice 100000"))
	r.drain()
	if n := len(r.notices); n != 257 || r.notices[256].Err.Message != "99744 more notices from remote servers were dropped" {
		t.Errorf("%d notices, the last %v", n, r.notices[n-1].Err)
	}
}

// TestMayHaveCommitted: a statement that is its own transaction has been run when
// the connection is lost, so it is not run again; inside a transaction, which then
// was rolled back, it is.
func TestMayHaveCommitted(t *testing.T) {
	for _, alone := range []bool{true, false} {
		noLeak(t)
		e := &engine{}
		e.server = fakepg.Run(t, e.options())
		proxy := fakepg.RunProxy(t, "tcp", e.server.Host+":"+e.server.Port)
		r := newRig(t, proxy.Host, proxy.Port)
		r.alone = alone
		s := r.scan("gen 3 3")
		same(t, "rows", r.must(s), genRows(3, 3))
		if err := r.commit(); err != nil {
			t.Fatal(err)
		}
		e.take()
		proxy.Freeze(fakepg.ToClient)
		r.bind(s)
		if out, _, err := s.Next(r.level, false); out != Wait || err != nil {
			t.Fatal(out, err)
		}
		for !strings.Contains(e.take(), "Sync") {
			time.Sleep(time.Millisecond)
		}
		proxy.Reset()
		proxy.Thaw(fakepg.ToClient)
		rows, err := r.all(s)
		if alone {
			failsWith(t, err, "08006", "lost the connection")
		} else if err != nil {
			t.Fatal(err)
		} else {
			same(t, "sent again", rows, genRows(3, 3))
		}
		r.abort()
		// what was gone before is made anew
		same(t, "rows", r.must(s), genRows(3, 3))
		if err := r.commit(); err != nil {
			t.Fatal(err)
		}
		proxy.Reset()
		for conn := r.pool.Lookup(umid); !conn.Gone(); {
			time.Sleep(time.Millisecond)
		}
		same(t, "after a reset", r.must(s), genRows(3, 3))
		if err := r.commit(); err != nil {
			t.Fatal(err)
		}
	}
}
