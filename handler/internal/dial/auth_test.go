package dial

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/fakepg"
	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/sqlstate"
)

// slowWriter makes every write take longer than the 15 ms after which pgconn starts a reader in the background.
type slowWriter struct{ *Sock }

func (s slowWriter) Write(p []byte) (int, error) {
	n, err := s.Sock.Write(p)
	time.Sleep(40 * time.Millisecond)
	return n, err
}

// TestNoByteIsLost lets pgconn's background reader run and get ahead: what came after ReadyForQuery must be in
// Buffered, what comes later must be in the socket, and the reader must be gone.
func TestNoByteIsLost(t *testing.T) {
	for name, extra := range map[string]string{"nothing follows": "", "a notice follows": "N\x00\x00\x00\x05\x00"} {
		t.Run(name, func(t *testing.T) {
			noLeak(t)
			a, b := sockPair(t)
			var hello bytes.Buffer
			for _, m := range []pgproto3.BackendMessage{&pgproto3.AuthenticationOk{}, &pgproto3.ParameterStatus{Name: "a", Value: "b"},
				&pgproto3.BackendKeyData{ProcessID: 1, SecretKey: []byte("1234")}, &pgproto3.ReadyForQuery{TxStatus: 'I'}} {
				e, err := m.Encode(nil)
				if err != nil {
					t.Fatal(err)
				}
				hello.Write(e)
			}
			hello.WriteString(extra)
			sent := make(chan error, 1)
			invariant.Go("server", func() {
				_, err := b.Read(make([]byte, 4096))
				if err == nil {
					_, err = b.Write(hello.Bytes())
				}
				sent <- err
			}, func(err error) { sent <- err })
			s, bad := parseSettings(Params{Options: map[string]string{"host": "/x", "user": "u"}})
			if bad != nil {
				t.Fatal(bad)
			}
			h, _, rest, err := s.startup(a, slowWriter{a})
			if err != nil || h.PID != 1 || h.ParameterStatuses["a"] != "b" {
				t.Fatalf("%v %+v", err, h)
			}
			if string(rest) != extra {
				t.Errorf("left over %q, want %q", rest, extra)
			}
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
			a.mu.Lock()
			users := a.users
			a.mu.Unlock()
			if users != 0 {
				t.Fatalf("%d readers are still on the socket", users)
			}
			if _, err := b.Write([]byte("later")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(30 * time.Millisecond) // time for a stray reader to steal it
			got := make([]byte, 5)
			if _, err := io.ReadFull(a, got); err != nil || string(got) != "later" {
				t.Fatalf("%q, %v", got, err)
			}
		})
	}
}

// TestStartupReaderSplits delivers the exchange in pieces of every size.
func TestStartupReaderSplits(t *testing.T) {
	noLeak(t)
	stream := []byte("R\x00\x00\x00\x0c\x00\x00\x00\x05saltR\x00\x00\x00\x08\x00\x00\x00\x00K\x00\x00\x00\x0c\x00\x00\x00\x01abcdZ\x00\x00\x00\x05Irest")
	for size := 1; size <= len(stream); size++ {
		s := &startupReader{r: &pieces{stream, size}, hasPassword: true}
		got, err := io.ReadAll(s)
		if err == nil || !s.ready || !s.passwordUsed {
			t.Fatalf("size %d: %v %+v", size, err, s)
		}
		if want := stream[:len(stream)-4]; !bytes.Equal(got, want) {
			t.Fatalf("size %d: got %q", size, got)
		}
	}
}

type pieces struct {
	b    []byte
	size int
}

func (p *pieces) Read(to []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(to, p.b[:min(p.size, len(p.b))])
	p.b = p.b[n:]
	return n, nil
}

// FuzzStartupReader: no input makes the observer panic, deliver an incomplete message or run on.
func FuzzStartupReader(f *testing.F) {
	f.Add([]byte("R\x00\x00\x00\x08\x00\x00\x00\x00Z\x00\x00\x00\x05I"), 3)
	f.Add([]byte("Efatal\x00"), 1)
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		s := &startupReader{r: &pieces{b, max(1, size)}, hasPassword: true}
		got, err := io.ReadAll(s)
		if err == nil {
			t.Fatal("no end")
		}
		if !bytes.HasPrefix(b, got) {
			t.Fatal("delivered what was not sent")
		}
	})
}

func TestProtocolVersions(t *testing.T) {
	noLeak(t)
	old := fakepg.Run(t, fakepg.Options{Auth: fakepg.MD5, Password: "secret", NewestMinor: 1})
	mustDial(t, params(old))
	mustDial(t, params(old, "max_protocol_version", "3.2"))
	if err := dialFails(t, params(old, "min_protocol_version", "3.2"), "08001", "protocol version too low"); strings.Contains(err.Detail, "%!") {
		t.Error(err.Detail)
	}
	now := fakepg.Run(t, fakepg.Options{Auth: fakepg.MD5, Password: "secret", NewestMinor: 3})
	mustDial(t, params(now, "min_protocol_version", "3.2"))
}

// TestCancelDuringHashing cancels while the client computes the millions of hash rounds that a hostile server demands.
func TestCancelDuringHashing(t *testing.T) {
	noLeakWithin(t, time.Minute)
	s := fakepg.Run(t, fakepg.Options{Auth: fakepg.SCRAM, Password: "secret", Rounds: 5_000_000})
	ctx, cancel := context.WithCancel(context.Background())
	timer := time.AfterFunc(100*time.Millisecond, cancel)
	defer timer.Stop()
	start := time.Now()
	_, err := Dial(ctx, params(s))
	if d := time.Since(start); err == nil || err.SQLState != sqlstate.QueryCanceled || d > 600*time.Millisecond {
		t.Errorf("came back after %v with %v", d, err)
	}
}
