package dial

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"pgwire_fdw/handler/internal/fakepg"
	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/sqlstate"
)

// TestNoByteIsLost: what came after ReadyForQuery is in Buffered, what comes later in the socket.
func TestNoByteIsLost(t *testing.T) {
	for name, extra := range map[string]string{"nothing follows": "", "a notice follows": "N\x00\x00\x00\x05\x00"} {
		t.Run(name, func(t *testing.T) {
			noLeak(t)
			a, b := sockPair(t)
			hello := append(encode(t, &pgproto3.AuthenticationOk{}, &pgproto3.ParameterStatus{Name: "a", Value: "b"},
				&pgproto3.BackendKeyData{ProcessID: 1, SecretKey: []byte("1234")}, &pgproto3.ReadyForQuery{TxStatus: 'I'}), extra...)
			sent := make(chan error, 1)
			invariant.Go("server", func() {
				_, err := b.Read(make([]byte, 4096))
				if err == nil {
					_, err = b.Write(hello)
				}
				sent <- err
			}, func(err error) { sent <- err })
			s, bad := parseSettings(Params{Options: map[string]string{"host": "/x", "user": "u"}})
			if bad != nil {
				t.Fatal(bad)
			}
			e := &Established{Sock: a, Stream: a, settings: s}
			if err := e.startup(nil); err != nil || e.PID != 1 || e.ParameterStatus["a"] != "b" {
				t.Fatalf("%v %+v", err, e)
			}
			if string(e.Buffered) != extra {
				t.Errorf("left over %q, want %q", e.Buffered, extra)
			}
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
			if _, err := b.Write([]byte("later")); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, 5)
			if _, err := io.ReadFull(a, got); err != nil || string(got) != "later" {
				t.Fatalf("%q, %v", got, err)
			}
		})
	}
}

func encode(t *testing.T, list ...pgproto3.BackendMessage) (b []byte) {
	t.Helper()
	for _, m := range list {
		var err error
		if b, err = m.Encode(b); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// scripted is a stream that gives what a server sends, size bytes at a time, and swallows what is sent to it.
type scripted struct {
	b    []byte
	size int
	sent bytes.Buffer
}

func (p *scripted) Read(to []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(to, p.b[:min(p.size, len(p.b))])
	p.b = p.b[n:]
	return n, nil
}

func (p *scripted) Write(b []byte) (int, error) { return p.sent.Write(b) }

// play runs the exchange against a scripted server.
func play(t testing.TB, p *scripted, options ...string) (*Established, error) {
	t.Helper()
	o := map[string]string{"host": "/x", "user": "u", "password": "secret"}
	for i := 0; i < len(options); i += 2 {
		o[options[i]] = options[i+1]
	}
	s, bad := parseSettings(Params{Options: o})
	if bad != nil {
		t.Fatal(bad)
	}
	e := &Established{Stream: p, settings: s}
	return e, e.startup(nil)
}

// TestStartupSplits delivers the exchange in pieces of every size.
func TestStartupSplits(t *testing.T) {
	stream := "R\x00\x00\x00\x0c\x00\x00\x00\x05saltR\x00\x00\x00\x08\x00\x00\x00\x00K\x00\x00\x00\x0c\x00\x00\x00\x01abcdZ\x00\x00\x00\x05Irest"
	for size := 1; size <= len(stream); size++ {
		p := &scripted{b: []byte(stream), size: size}
		e, err := play(t, p)
		if err != nil || e.TxStatus != 'I' || !e.UsedPassword || string(e.SecretKey) != "abcd" {
			t.Fatalf("size %d: %v %+v", size, err, e)
		}
		if got := string(e.Buffered) + string(p.b); got != "rest" {
			t.Fatalf("size %d: left %q", size, got)
		}
	}
}

// FuzzStartup: no input makes the exchange panic or run on.
func FuzzStartup(f *testing.F) {
	f.Add([]byte("R\x00\x00\x00\x08\x00\x00\x00\x00Z\x00\x00\x00\x05I"), 3)
	f.Add([]byte("Efatal\x00"), 1)
	f.Add([]byte("R\x00\x00\x00\x17\x00\x00\x00\x0aSCRAM-SHA-256\x00\x00R\x00\x00\x00\x10\x00\x00\x00\x0br=,s=,i=1"), 9)
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		e, err := play(t, &scripted{b: b, size: max(1, size)})
		if err == nil && !bytes.HasSuffix(b, e.Buffered) {
			t.Fatal("left over what was not sent")
		}
	})
}

func authRequest(code byte, data string) []byte {
	return append([]byte{'R', 0, 0, 0, byte(8 + len(data)), 0, 0, 0, code}, data...)
}

// TestOrderOfMessages: a server that does not keep to the order of the start-up gets a protocol error, and no password
// after AuthenticationOk.
func TestOrderOfMessages(t *testing.T) {
	ok, clear, hashed := authRequest(0, ""), authRequest(3, ""), authRequest(5, "salt")
	sasl := authRequest(10, "SCRAM-SHA-256\x00\x00")
	ready := encode(t, &pgproto3.ReadyForQuery{TxStatus: 'I'})
	parameter := encode(t, &pgproto3.ParameterStatus{Name: "a", Value: "b"})
	notice := encode(t, &pgproto3.NoticeResponse{Message: "x"})
	for name, c := range map[string]struct {
		send [][]byte
		fail string // "" for success
		sent int    // messages that the client may send after its startup message
	}{
		"good":                       {[][]byte{clear, ok, parameter, notice, ready}, "", 1},
		"no authentication":          {[][]byte{ok, ready}, "", 0},
		"Ok twice":                   {[][]byte{ok, ok, ready}, "after AuthenticationOk", 0},
		"a password after Ok":        {[][]byte{ok, clear, ready}, "after AuthenticationOk", 0},
		"MD5 after Ok":               {[][]byte{ok, hashed, ready}, "after AuthenticationOk", 0},
		"SASL after Ok":              {[][]byte{ok, sasl}, "after AuthenticationOk", 0},
		"a password twice":           {[][]byte{hashed, clear, ok, ready}, "second time", 1},
		"a parameter first":          {[][]byte{parameter, ok, ready}, "before authentication", 0},
		"a notice first":             {[][]byte{notice, ok, ready}, "before authentication", 0},
		"ready first":                {[][]byte{ready}, "before authentication", 0},
		"a key first":                {[][]byte{encode(t, &pgproto3.BackendKeyData{SecretKey: []byte("1234")})}, "before authentication", 0},
		"SCRAM-SHA-256-PLUS, no TLS": {[][]byte{authRequest(10, "SCRAM-SHA-256-PLUS\x00SCRAM-SHA-256\x00\x00")}, "without TLS", 0},
		"SASL twice":                 {[][]byte{sasl, sasl}, "second time", 1},
		"SASL, then cleartext":       {[][]byte{sasl, clear}, "second time", 1},
		"SASL cut short by Ok":       {[][]byte{sasl, ok, ready}, "before it had proven", 1},
		"a challenge without SASL":   {[][]byte{authRequest(11, "r=x,s=eA==,i=1")}, "without a beginning", 0},
		"an end without SASL":        {[][]byte{authRequest(12, "v=eA==")}, "not under way", 0},
		"an end without a challenge": {[][]byte{sasl, authRequest(12, "v=eA==")}, "not under way", 1},
		"a nonce that is not ours":   {[][]byte{sasl, authRequest(11, "r=x,s=eA==,i=1")}, "nonce", 1},
		"billions of rounds":         {[][]byte{sasl, authRequest(11, "r=x,s=eA==,i=2000000000")}, "hash rounds", 1},
		"an unterminated list":       {[][]byte{authRequest(10, "SCRAM-SHA-256\x00")}, "malformed list", 0},
		"an unknown mechanism":       {[][]byte{authRequest(10, "PLAIN\x00\x00")}, "no SASL authentication mechanism", 0},
		"a short salt":               {[][]byte{authRequest(5, "sal")}, "3 bytes", 0},
		"protocol version twice":     {[][]byte{encode(t, &pgproto3.NegotiateProtocolVersion{}, &pgproto3.NegotiateProtocolVersion{})}, "NegotiateProtocolVersion", 0},
		"a newer protocol":           {[][]byte{encode(t, &pgproto3.NegotiateProtocolVersion{NewestMinorProtocol: 9})}, "newer", 0},
		"a row":                      {[][]byte{ok, []byte("D\x00\x00\x00\x06\x00\x00")}, "answered", 0},
	} {
		p := &scripted{b: bytes.Join(c.send, nil), size: 4096}
		_, err := play(t, p)
		if c.fail == "" && err != nil || c.fail != "" && (err == nil || !strings.Contains(err.Error(), c.fail)) {
			t.Errorf("%s: %v", name, err)
		}
		sent := p.sent.Bytes()
		sent = sent[binary.BigEndian.Uint32(sent):] // the startup message
		n := 0
		for ; len(sent) > 0; n++ {
			sent = sent[1+binary.BigEndian.Uint32(sent[1:]):]
		}
		if n != c.sent {
			t.Errorf("%s: the client sent %d messages, want %d", name, n, c.sent)
		}
	}
}

// endless sends the same messages for ever.
type endless struct {
	scripted
	loop []byte
}

func (p *endless) Read(to []byte) (int, error) {
	for n := 0; n < len(to); {
		if len(p.b) == 0 {
			p.b = p.loop
		}
		m := copy(to[n:], p.b)
		p.b, n = p.b[m:], n+m
	}
	return len(to), nil
}

// TestEndlessStartup: whatever a server repeats, the exchange ends after a bounded number of messages.
func TestEndlessStartup(t *testing.T) {
	s, bad := parseSettings(Params{Options: map[string]string{"host": "/x", "user": "u", "password": "secret"}})
	if bad != nil {
		t.Fatal(bad)
	}
	for name, c := range map[string]struct{ first, loop []byte }{
		"MD5":        {nil, authRequest(5, "salt")},
		"notices":    {authRequest(0, ""), encode(t, &pgproto3.NoticeResponse{Message: "x"})},
		"parameters": {authRequest(0, ""), encode(t, &pgproto3.ParameterStatus{Name: "a", Value: strings.Repeat("b", 60000)})},
		"keys":       {authRequest(0, ""), encode(t, &pgproto3.BackendKeyData{SecretKey: []byte("1234")})},
	} {
		p := &endless{scripted: scripted{b: c.first}, loop: c.loop}
		e := &Established{Stream: p, settings: s}
		if err := e.startup(nil); err == nil {
			t.Errorf("%s: ready", name)
		}
		if n := p.sent.Len(); n > 1000 {
			t.Errorf("%s: %d bytes were sent in answer", name, n)
		}
	}
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
	noLeakWithin(t, 3*time.Minute) // hashing goes on to its end
	s := fakepg.Run(t, fakepg.Options{Auth: fakepg.SCRAM, Password: "secret", Rounds: 2_000_000})
	ctx, cancel := context.WithCancel(context.Background())
	timer := time.AfterFunc(100*time.Millisecond, cancel)
	defer timer.Stop()
	start := time.Now()
	_, err := Dial(ctx, params(s))
	if d := time.Since(start); err == nil || err.SQLState != sqlstate.QueryCanceled || d > 600*time.Millisecond {
		t.Errorf("came back after %v with %v", d, err)
	}
}
