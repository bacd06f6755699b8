package dial

import (
	"context"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgwire_fdw/handler/internal/fakepg"
	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// params points at one fake server with a password; more overrides options.
func params(s *fakepg.Server, more ...string) Params {
	p := Params{
		Server: "remote", PasswordRequired: true,
		Options: map[string]string{"host": s.Host, "port": s.Port, "user": "alice", "password": "secret", "dbname": "d"},
	}
	for i := 0; i < len(more); i += 2 {
		p.Options[more[i]] = more[i+1]
	}
	return p
}

func mustDial(t *testing.T, p Params) *Established {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	e, err := Dial(ctx, p)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func dialFails(t *testing.T, p Params, state string, texts ...string) *sqlerr.Error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	e, err := Dial(ctx, p)
	if err == nil {
		_ = e.Close()
		t.Fatalf("dial succeeded, expected %s %v", state, texts)
	}
	if err.SQLState != state {
		t.Errorf("SQLSTATE %s, want %s: %v", err.SQLState, state, err)
	}
	for _, text := range texts {
		if !strings.Contains(err.Message+"\n"+err.Detail+"\n"+err.Hint, text) {
			t.Errorf("error lacks %q: %s | %s | %s", text, err.Message, err.Detail, err.Hint)
		}
	}
	return err
}

func TestAuthentication(t *testing.T) {
	for _, c := range []struct {
		name string
		mode fakepg.AuthMode
		used bool
		opts []string
		fail []string // SQLSTATE, texts
	}{
		{name: "cleartext", mode: fakepg.Cleartext, used: true},
		{name: "md5", mode: fakepg.MD5, used: true},
		{name: "scram", mode: fakepg.SCRAM, used: true},
		{name: "trust", mode: fakepg.Trust, fail: []string{"2F003", "password is required", "does not request a password", "password_required=false"}},
		{name: "wrong cleartext", mode: fakepg.Cleartext, opts: []string{"password", "x"}, fail: []string{"08001", "password authentication failed", "28P01"}},
		{name: "wrong md5", mode: fakepg.MD5, opts: []string{"password", "x"}, fail: []string{"08001", "password authentication failed"}},
		{name: "wrong scram", mode: fakepg.SCRAM, opts: []string{"password", "x"}, fail: []string{"08001", "password authentication failed"}},
		{name: "no password", mode: fakepg.SCRAM, opts: []string{"password", ""}, fail: []string{"2F003", "must provide a password"}},
		{name: "gss", mode: fakepg.GSS, fail: []string{"08001", "GSSAPI", "not supported"}},
		{name: "sspi", mode: fakepg.SSPI, fail: []string{"08001", "SSPI", "not supported"}},
		{name: "sasl without an exchange", mode: fakepg.SkipSASL, fail: []string{"08001", "SASL"}},
		{name: "no entry", mode: fakepg.NoEntry, fail: []string{"08001", "no pg_hba.conf entry", "28000"}},
		{name: "require_auth met", mode: fakepg.SCRAM, used: true, opts: []string{"require_auth", "scram-sha-256"}},
		{name: "require_auth broken", mode: fakepg.Cleartext, opts: []string{"require_auth", "scram-sha-256"}, fail: []string{"08001", "require", "scram-sha-256"}},
		{name: "require_auth negative", mode: fakepg.MD5, opts: []string{"require_auth", "!md5,!password"}, fail: []string{"08001", "md5"}},
		{name: "require_auth trust", mode: fakepg.Trust, opts: []string{"require_auth", "!none"}, fail: []string{"08001", "auth"}},
		{name: "channel binding without TLS", mode: fakepg.SCRAM, opts: []string{"channel_binding", "require"}, fail: []string{"08001", "channel binding"}},
		{name: "channel binding, cleartext", mode: fakepg.Cleartext, opts: []string{"channel_binding", "require"}, fail: []string{"08001", "channel binding"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			noLeak(t)
			s := fakepg.Run(t, fakepg.Options{Auth: c.mode, Password: "secret", Notices: 3, Parameters: map[string]string{"server_version": "15.1"}})
			p := params(s, c.opts...)
			if c.fail != nil {
				dialFails(t, p, c.fail[0], c.fail[1:]...)
				return
			}
			e := mustDial(t, p)
			if e.UsedPassword != c.used || e.PID != fakepg.PID || string(e.SecretKey) != string(fakepg.Key) ||
				e.TxStatus != 'I' || e.ParameterStatus["server_version"] != "15.1" || e.TLS || len(e.Buffered) != 0 ||
				e.Host != s.Host || e.Port != s.Port || e.Elapsed <= 0 {
				t.Errorf("%+v", e)
			}
			if _, err := e.Stream.Read(make([]byte, 1)); err != ErrWouldBlock {
				t.Errorf("not in non-blocking mode: %v", err)
			}
		})
	}
}

func TestPasswordRule(t *testing.T) {
	s := fakepg.Run(t, fakepg.Options{Auth: fakepg.Trust})
	p := params(s, "password", "")
	p.Superuser = true
	e := mustDial(t, p)
	if err := e.CheckPassword(p); err != nil {
		t.Errorf("superuser: %v", err)
	}
	other := params(s)
	if err := e.CheckPassword(other); err == nil || err.SQLState != sqlstate.ProhibitedSQLStatement || err.Hint == "" {
		t.Errorf("cached connection of a superuser given to another user: %v", err)
	}
	other.PasswordRequired = false
	if err := e.CheckPassword(other); err != nil {
		t.Errorf("password_required=false: %v", err)
	}
	p.Superuser, p.PasswordRequired = false, false
	mustDial(t, p)
	dialFails(t, params(s, "password", ""), "2F003")

	// A password-using host before a trusting one must not lend it its fact.
	asks := fakepg.Run(t, fakepg.Options{Auth: fakepg.Cleartext, Password: "secret", Parameters: map[string]string{"in_hot_standby": "on", "default_transaction_read_only": "off"}})
	trusts := fakepg.Run(t, fakepg.Options{Auth: fakepg.Trust, Parameters: map[string]string{"in_hot_standby": "off", "default_transaction_read_only": "off"}})
	q := params(asks, "port", asks.Port+","+trusts.Port, "host", "127.0.0.1,127.0.0.1", "target_session_attrs", "read-write")
	dialFails(t, q, "2F003", "does not request a password")
}

// TestEnvironmentHasNoInfluence sets everything that libpq and pgconn look at to values that would break or redirect
// the connection.
func TestEnvironmentHasNoInfluence(t *testing.T) {
	noLeak(t)
	home := t.TempDir()
	for name, text := range map[string]string{
		".pgpass": "*:*:*:*:fromfile\n", ".pg_service.conf": "[svc]\nhost=203.0.113.1\npassword=fromservice\n",
		".postgresql/root.crt": "garbage", ".postgresql/postgresql.crt": "garbage", ".postgresql/postgresql.key": "garbage",
	} {
		_ = os.MkdirAll(filepath.Dir(filepath.Join(home, name)), 0o700)
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HOME", home)
	for _, name := range []string{
		"PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD", "PGAPPNAME", "PGCONNECT_TIMEOUT", "PGSSLMODE", "PGSSLKEY",
		"PGSSLCERT", "PGSSLCERTMODE", "PGSSLSNI", "PGSSLROOTCERT", "PGSSLPASSWORD", "PGSSLNEGOTIATION", "PGTARGETSESSIONATTRS",
		"PGTZ", "PGOPTIONS", "PGMINPROTOCOLVERSION", "PGMAXPROTOCOLVERSION", "PGCHANNELBINDING", "PGREQUIREAUTH",
		"PGHOSTADDR", "PGCLIENTENCODING", "PGDATESTYLE", "PGGSSENCMODE", "PGREQUIREPEER",
	} {
		t.Setenv(name, "garbage")
	}
	t.Setenv("PGPASSFILE", filepath.Join(home, ".pgpass"))
	for _, service := range []string{"", "svc", "no such service"} {
		t.Setenv("PGSERVICE", service)
		t.Setenv("PGSERVICEFILE", filepath.Join(home, ".pg_service.conf"))
		s := fakepg.Run(t, fakepg.Options{Auth: fakepg.SCRAM, Password: "secret"})
		p := params(s)
		p.Settings = map[string]string{"client_encoding": "UTF8"}
		p.ApplicationName = "app"
		mustDial(t, p)
		want := map[string]string{"user": "alice", "database": "d", "client_encoding": "UTF8", "application_name": "app"}
		if got := s.Startup(); !maps.Equal(got, want) {
			t.Errorf("PGSERVICE=%q: startup parameters %v, want %v", service, got, want)
		}
		p.Options["password"] = ""
		p.PasswordRequired = false
		dialFails(t, p, "08001", "server asks for a password")
	}
}

func TestStartupParameters(t *testing.T) {
	s := fakepg.Run(t, fakepg.Options{})
	p := params(s, "user", "", "dbname", "", "options", "-c geqo=off", "fetch_size", "100")
	p.Superuser, p.DefaultUser = true, "postgres"
	mustDial(t, p)
	if want := map[string]string{"user": "postgres", "database": "postgres", "options": "-c geqo=off"}; !maps.Equal(s.Startup(), want) {
		t.Errorf("startup parameters %v, want %v", s.Startup(), want)
	}
	p.DefaultUser = ""
	dialFails(t, p, "08001", "No user name")
	for name, value := range map[string]string{"user": "a\x00user\x00root", "password": "a\x00", "dbname": "\x00", "options": "\x00"} {
		dialFails(t, params(s, name, value), "HV024", "zero byte")
	}
}

func TestBadOptionValues(t *testing.T) {
	for _, o := range [][]string{
		{"port", "0"}, {"port", "65536"}, {"port", "x"}, {"port", "1,2"}, {"host", "a,b", "hostaddr", "127.0.0.1"}, {"hostaddr", "nonsense"},
		{"sslmode", "maybe"}, {"sslmode", "require", "sslrootcert", "system"}, {"sslnegotiation", "direct"}, {"sslnegotiation", "x"},
		{"sslcertmode", "x"}, {"sslsni", "2"}, {"ssl_min_protocol_version", "SSLv3"},
		{"ssl_min_protocol_version", "TLSv1.3", "ssl_max_protocol_version", "TLSv1.2"}, {"sslcert", "/x"}, {"sslkey", "/x"},
		{"connect_timeout", "soon"}, {"keepalives", "yes"}, {"keepalives_idle", "x"}, {"tcp_user_timeout", "99999999999"},
		{"target_session_attrs", "master"}, {"load_balance_hosts", "yes"}, {"channel_binding", "x"},
		{"require_auth", "md5,!none"}, {"require_auth", "md5, none"}, {"port", " "}, {"require_auth", "md5,md5"}, {"require_auth", "kerberos"}, {"gssencmode", "x"},
		{"min_protocol_version", "2.0"}, {"min_protocol_version", "3.2", "max_protocol_version", "3.0"},
		{"host", "/" + strings.Repeat("x", 120)},
	} {
		p := Params{Options: map[string]string{"host": "127.0.0.1", "user": "u", "password": "p"}}
		for i := 0; i < len(o); i += 2 {
			p.Options[o[i]] = o[i+1]
		}
		_, err := parseSettings(p)
		if err == nil || err.SQLState != sqlstate.FDWInvalidAttributeValue {
			t.Errorf("%v: %v", o, err)
		}
	}
	for _, name := range []string{"service", "passfile", "scram_client_key", "sslkeylogfile"} {
		_, err := parseSettings(Params{Options: map[string]string{"user": "u", name: "x"}})
		if err == nil || err.SQLState != sqlstate.FeatureNotSupported || !strings.Contains(err.Message, name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := parseSettings(Params{Options: map[string]string{"user": "u", "gssencmode": "require"}}); err == nil || err.SQLState != sqlstate.FeatureNotSupported {
		t.Errorf("gssencmode=require: %v", err)
	}
}

// TestHostileServers plays servers that are not, or not wholly, PostgreSQL. None may hang, leak or pass.
func TestHostileServers(t *testing.T) {
	for _, c := range []struct {
		name string
		o    fakepg.Options
		text string
	}{
		{"http", fakepg.Options{Greeting: []byte("HTTP/1.1 400 Bad Request\r\n\r\n")}, "HTTP/1.1 400"},
		{"ssh", fakepg.Options{Greeting: []byte("SSH-2.0-OpenSSH_9.2\r\n")}, "SSH-2"},
		{"old error", fakepg.Options{Greeting: []byte("Ecould not fork new process\n\x00")}, "could not fork"},
		{"nothing", fakepg.Options{Greeting: []byte{}}, "closed the connection"},
		{"three bytes", fakepg.Options{Greeting: []byte("R\x00\x00")}, "after"},
		{"huge length", fakepg.Options{Greeting: []byte("R\x7f\xff\xff\xff\x00\x00\x00\x00")}, "protocol"},
		{"negative length", fakepg.Options{Greeting: []byte("S\xff\xff\xff\xff")}, "protocol"},
		{"zero length", fakepg.Options{Greeting: []byte("Z\x00\x00\x00\x00")}, "protocol"},
		{"short auth", fakepg.Options{Greeting: []byte("R\x00\x00\x00\x05x")}, "protocol"},
		{"odd salt", fakepg.Options{Greeting: []byte("R\x00\x00\x00\x0a\x00\x00\x00\x05ab")}, "salt"},
		{"unknown auth", fakepg.Options{Greeting: []byte("R\x00\x00\x00\x08\x00\x00\x00\x63")}, "99"},
		{"row", fakepg.Options{Greeting: []byte("D\x00\x00\x00\x06\x00\x00")}, "protocol"},
		{"ready at once", fakepg.Options{Greeting: []byte("Z\x00\x00\x00\x05I")}, "before authentication"},
		{"in transaction", fakepg.Options{Greeting: []byte("R\x00\x00\x00\x08\x00\x00\x00\x00Z\x00\x00\x00\x05T")}, "idle"},
		{"short key", fakepg.Options{Greeting: []byte("R\x00\x00\x00\x08\x00\x00\x00\x00K\x00\x00\x00\x08abcd")}, "BackendKeyData"},
		{"malformed parameter", fakepg.Options{Greeting: []byte("R\x00\x00\x00\x08\x00\x00\x00\x00S\x00\x00\x00\x06ab")}, "failed"},
		{"malformed sasl", fakepg.Options{Greeting: []byte("R\x00\x00\x00\x0c\x00\x00\x00\x0aPLAI")}, "malformed list of SASL"},
		{"oauth only", fakepg.Options{Greeting: []byte("R\x00\x00\x00\x15\x00\x00\x00\x0aOAUTHBEARER\x00\x00")}, "OAUTHBEARER"},
		{"endless notices", fakepg.Options{Notices: 200_000}, "without becoming ready"},
	} {
		t.Run(c.name, func(t *testing.T) {
			noLeak(t)
			s := fakepg.Run(t, c.o)
			p := params(s, "sslmode", "disable")
			p.Superuser = true
			dialFails(t, p, "08001", c.text, `could not connect to server "remote"`, s.Port)
		})
	}
}

// TestCutAtEveryByte ends the exchange after each byte the server would send, by FIN and by RST.
func TestCutAtEveryByte(t *testing.T) {
	noLeak(t)
	o := fakepg.Options{Auth: fakepg.MD5, Password: "secret", Parameters: map[string]string{"server_version": "15.1"}}
	full := int64(13 + 9 + 5 + 20 + 13 + 6) // R(md5) R(ok) S K Z; checked below
	for _, reset := range []bool{false, true} {
		for cut := int64(1); ; cut++ {
			o.CutAt, o.Reset = cut, reset
			s, err := fakepg.Start(o)
			if err != nil {
				t.Fatal(err)
			}
			e, failure := Dial(context.Background(), params(s, "sslmode", "disable"))
			s.Close()
			if failure == nil {
				_ = e.Close()
				if cut != full { // ReadyForQuery is complete: the loss comes later
					t.Fatalf("connected after %d bytes, expected %d", cut, full)
				}
				break
			}
			if failure.SQLState != "08001" && !(reset && cut == full) {
				t.Fatalf("cut at %d: %v", cut, failure)
			}
			if cut > full {
				break
			}
		}
	}
}

// TestGarbledMessages flips bits all over the server's answers. Any outcome but a hang, a leak or a panic is right.
func TestGarbledMessages(t *testing.T) {
	noLeak(t)
	for n := range 6 {
		for bit := range 13 * 8 {
			s, err := fakepg.Start(fakepg.Options{
				Auth: fakepg.MD5, Password: "secret", Parameters: map[string]string{"a": "b"},
				Alter: func(i int, msg []byte) []byte {
					if i == n && bit/8 < len(msg) {
						msg[bit/8] ^= 1 << (bit % 8)
					}
					return msg
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
			e, failure := Dial(ctx, params(s, "sslmode", "disable"))
			cancel()
			if failure == nil {
				_ = e.Close()
			} else if strings.Contains(failure.Error(), "panic") {
				t.Fatalf("message %d bit %d: %v", n, bit, failure)
			}
			s.Close()
		}
	}
}

// TestCancelWhileConnecting cancels in each phase and demands an answer at once and nothing left behind.
func TestCancelWhileConnecting(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	host, port, _ := net.SplitHostPort(silent.Addr().String())
	for _, c := range []struct {
		name string
		run  func(t *testing.T) Params
	}{
		{"accepts and never answers", func(*testing.T) Params {
			return Params{Options: map[string]string{"host": host, "port": port, "sslmode": "disable"}}
		}},
		{"never answers SSLRequest", func(*testing.T) Params {
			return Params{Options: map[string]string{"host": host, "port": port, "sslmode": "require"}}
		}},
		{"stops in the TLS handshake", func(t *testing.T) Params {
			return params(fakepg.Run(t, fakepg.Options{SSLAnswer: []byte("S")}))
		}},
		{"stops in authentication", func(t *testing.T) Params {
			return params(fakepg.Run(t, fakepg.Options{Auth: fakepg.MD5, HangAt: 13}), "sslmode", "disable")
		}},
		{"stops before ReadyForQuery", func(t *testing.T) Params {
			return params(fakepg.Run(t, fakepg.Options{HangAt: 12}), "sslmode", "disable")
		}},
		{"stops in target_session_attrs", func(t *testing.T) Params {
			return params(fakepg.Run(t, fakepg.Options{Script: []fakepg.Step{fakepg.Hang()}}), "sslmode", "disable", "target_session_attrs", "read-write")
		}},
		{"no route for connect", func(*testing.T) Params { // TEST-NET-1 is nowhere; where it is refused at once, the cancel comes too late
			return Params{Options: map[string]string{"host": "192.0.2.1"}}
		}},
		{"name server", func(*testing.T) Params {
			return Params{Options: map[string]string{"host": "nowhere.invalid"}}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			noLeak(t)
			p := c.run(t)
			p.Superuser, p.DefaultUser = true, "u"
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			cancelled := make(chan time.Time, 1)
			timer := time.AfterFunc(50*time.Millisecond, func() { cancelled <- time.Now(); cancel() })
			defer timer.Stop()
			e, failure := Dial(ctx, p)
			if failure == nil {
				_ = e.Close()
				t.Fatal("connected")
			}
			select {
			case at := <-cancelled:
				if d := time.Since(at); d > 500*time.Millisecond { // 100 ms is the aim; a busy machine may be late, a missed wake-up never comes
					t.Errorf("came back after %v", d)
				}
				if failure.SQLState != sqlstate.QueryCanceled {
					t.Errorf("%v", failure)
				}
			default:
				if failure.SQLState != sqlstate.UnableToConnect || c.name != "no route for connect" && c.name != "name server" {
					t.Errorf("failed before it was cancelled: %v", failure)
				}
			}
		})
	}
}

func TestConnectTimeout(t *testing.T) {
	noLeak(t)
	hang := fakepg.Run(t, fakepg.Options{HangAt: 5})
	p := params(hang, "connect_timeout", "1", "sslmode", "disable") // rounded up to 2
	p.Superuser = true
	start := time.Now()
	dialFails(t, p, "08001", "timeout expired")
	if d := time.Since(start); d < 1900*time.Millisecond || d > 4*time.Second {
		t.Errorf("connect_timeout=1 ended after %v", d)
	}
	good := fakepg.Run(t, fakepg.Options{})
	p.Options["host"], p.Options["port"] = "127.0.0.1,127.0.0.1", hang.Port+","+good.Port
	if e := mustDial(t, p); e.Port != good.Port {
		t.Errorf("connected to port %s", e.Port)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	p.Options["connect_timeout"] = "0"
	if _, err := Dial(ctx, p); err == nil || err.SQLState != "08001" || !strings.Contains(err.Detail, "timeout expired") {
		t.Errorf("deadline of the caller: %v", err)
	}
}

// TestPanicWhileConnecting injects a panic in the goroutine that connects.
func TestPanicWhileConnecting(t *testing.T) {
	noLeak(t)
	s := fakepg.Run(t, fakepg.Options{Auth: fakepg.MD5, Password: "secret"})
	disarm := invariant.PanicOn("session.connect")
	defer disarm()
	dialFails(t, params(s), "08001", "panic")
	mustDial(t, params(s))
}
