package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgwire_fdw/handler/internal/fakepg"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

func TestParseEndpoints(t *testing.T) {
	for _, c := range []struct {
		host, addr, port string
		want             string
	}{
		{"", "", "", "[/run/pg||5432|true]"},
		{"a", "", "", "[a||5432|false]"},
		{"a,,/tmp", "", "1,,3", "[a||1|false /run/pg||5432|true /tmp||3|true]"},
		{"a,b", "", "7", "[a||7|false b||7|false]"},
		{"a,b", "10.0.0.1,", "", "[a|10.0.0.1|5432|false b||5432|false]"},
		{"", "10.0.0.1,::1", "1,2", "[|10.0.0.1|1|false |::1|2|false]"},
		{"@abstract", "", "", "[@abstract||5432|true]"},
		{"/tmp", "10.0.0.1", "", "[/tmp|10.0.0.1|5432|false]"}, // hostaddr wins, as in libpq
	} {
		list, err := parseEndpoints(map[string]string{"host": c.host, "hostaddr": c.addr, "port": c.port}, "/run/pg")
		var got []string
		for _, e := range list {
			got = append(got, fmt.Sprintf("%s|%s|%d|%v", e.name, e.addr, e.port, e.unix))
		}
		if s := fmt.Sprint(got); err != nil || s != c.want {
			t.Errorf("%v: got %s, %v", c, s, err)
		}
	}
	if list, err := parseEndpoints(nil, ""); err != nil || list[0].name != "localhost" {
		t.Errorf("no default directory: %v %v", list, err)
	}
}

func TestResolve(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		e    endpoint
		want string
	}{
		{endpoint{name: "127.0.0.1", port: 1}, "127.0.0.1"},
		{endpoint{name: "::1", port: 1}, "::1"},
		{endpoint{name: "whatever.invalid", addr: "127.0.0.2", port: 1}, "127.0.0.2"},
		{endpoint{name: "/x", port: 1, unix: true}, "/x/.s.PGSQL.1"},
	} {
		list, err := resolve(ctx, c.e)
		if err != nil || len(list) != 1 || list[0].text != c.want {
			t.Errorf("%+v: %v, %v", c.e, list, err)
		}
	}
	if list, err := resolve(ctx, endpoint{name: "localhost", port: 1}); err != nil || len(list) == 0 {
		t.Errorf("localhost: %v, %v", list, err)
	}
}

func TestUnixSocket(t *testing.T) {
	noLeak(t)
	dir := fakepg.SocketDir(t)
	fakepg.Run(t, fakepg.Options{Network: "unix", Dir: dir, Auth: fakepg.MD5, Password: "secret"})
	p := Params{Server: "s", PasswordRequired: true, DefaultSocketDir: dir,
		Options: map[string]string{"user": "u", "password": "secret", "sslmode": "verify-full"}} // sslmode does not count here
	if e := mustDial(t, p); e.Host != dir || e.TLS {
		t.Errorf("%+v", e)
	}
	p.Options["requirepeer"] = "nobody-like-this"
	dialFails(t, p, "08001", "requirepeer", dir)
	p.Options["host"] = dir + "/none"
	dialFails(t, p, "08001", "no such file", dir+"/none/.s.PGSQL.5432")
}

func TestSeveralHosts(t *testing.T) {
	noLeak(t)
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, deadPort, _ := net.SplitHostPort(dead.Addr().String())
	_ = dead.Close()
	good := fakepg.Run(t, fakepg.Options{Auth: fakepg.MD5, Password: "secret"})
	other := fakepg.Run(t, fakepg.Options{Auth: fakepg.MD5, Password: "secret"})
	starting := fakepg.Run(t, fakepg.Options{Auth: fakepg.Starting})
	refuses := fakepg.Run(t, fakepg.Options{Auth: fakepg.Refuse})

	hosts := func(ports ...string) Params {
		return params(good, "host", strings.TrimSuffix(strings.Repeat("127.0.0.1,", len(ports)), ","), "port", strings.Join(ports, ","), "sslmode", "disable")
	}
	if e := mustDial(t, hosts(deadPort, starting.Port, good.Port)); e.Port != good.Port {
		t.Errorf("port %s", e.Port)
	}
	failure := dialFails(t, hosts(deadPort, starting.Port), "08001", "refused", "port "+deadPort, "port "+starting.Port, "starting up", "57P03")
	if n := strings.Count(failure.Detail, "\n"); n != 1 {
		t.Errorf("detail has %d line breaks: %q", n, failure.Detail)
	}
	before := good.Accepts()
	dialFails(t, hosts(refuses.Port, good.Port), "08001", "28P01")
	if good.Accepts() != before {
		t.Error("the next host was tried after a failed authentication")
	}

	// A name with several addresses: those that do not answer are passed over.
	mustDial(t, params(good, "host", "localhost"))

	p := hosts(good.Port, other.Port)
	p.Options["load_balance_hosts"] = "random"
	seen := map[string]bool{}
	for range 64 {
		seen[mustDial(t, p).Port] = true
	}
	if len(seen) != 2 {
		t.Errorf("load_balance_hosts=random went to %v only", seen)
	}
}

func TestTargetSessionAttrs(t *testing.T) {
	noLeak(t)
	type kind struct {
		params        map[string]string
		readOnly, rec string // answers where the parameters are absent
	}
	server := func(k kind) *fakepg.Server {
		o := fakepg.Options{Parameters: k.params}
		if k.params == nil {
			o.Script = []fakepg.Step{fakepg.Do(func(c *fakepg.Conn) error {
				for {
					m, err := c.Receive()
					if err != nil {
						return nil // nobody asked, or the client has what it wanted
					}
					answer := k.readOnly
					if strings.Contains(fmt.Sprint(m), "recovery") {
						answer = k.rec
					}
					if strings.Contains(fmt.Sprintf("%T", m), "Terminate") {
						return nil
					}
					if err := fakepg.Text('I', answer)(c); err != nil {
						return err
					}
				}
			})}
		}
		return fakepg.Run(t, o)
	}
	onOff := func(standby, ro string) map[string]string {
		return map[string]string{"in_hot_standby": standby, "default_transaction_read_only": ro}
	}
	servers := map[string]*fakepg.Server{
		"primary": server(kind{params: onOff("off", "off")}), "standby": server(kind{params: onOff("on", "off")}),
		"readonly": server(kind{params: onOff("off", "on")}), "old primary": server(kind{readOnly: "off", rec: "f"}),
		"old standby": server(kind{readOnly: "on", rec: "t"}),
	}
	for attrs, fit := range map[string]string{
		"any": "primary,standby,readonly,old primary,old standby", "read-write": "primary,old primary",
		"read-only": "standby,readonly,old standby", "primary": "primary,readonly,old primary", "standby": "standby,old standby",
		"prefer-standby": "primary,standby,readonly,old primary,old standby",
	} {
		for name, s := range servers {
			p := params(s, "target_session_attrs", attrs, "sslmode", "disable")
			p.Superuser = true
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			e, err := Dial(ctx, p)
			cancel()
			fits := strings.Contains(","+fit+",", ","+name+",")
			if fits != (err == nil) {
				t.Errorf("%s at %s: %v", attrs, name, err)
			}
			if e != nil {
				if len(e.Buffered) != 0 {
					t.Errorf("%s at %s: %d bytes left over", attrs, name, len(e.Buffered))
				}
				_ = e.Close()
			}
		}
	}
	p := params(servers["primary"], "target_session_attrs", "prefer-standby", "sslmode", "disable", "host", "127.0.0.1,127.0.0.1",
		"port", servers["primary"].Port+","+servers["standby"].Port)
	p.Superuser = true
	if e := mustDial(t, p); e.Port != servers["standby"].Port {
		t.Error("prefer-standby took the primary first")
	}
}

func TestExpandApplicationName(t *testing.T) {
	id := Identity{ApplicationName: "psql", SessionID: "5f.1a", ClusterName: "main", Database: "db", PID: 42, User: "bob"}
	for in, want := range map[string]string{
		"": "", "plain": "plain", "%a/%u@%d:%p": "psql/bob@db:42", "%c %C %%": "5f.1a main %", "%x%": "", "a%": "a", "%-10u": "10u", "%%a": "%a",
	} {
		if got := ExpandApplicationName(in, id); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// TestVerdict: which failures let the next host be tried.
func TestVerdict(t *testing.T) {
	lost := os.NewSyscallError("read", syscall.ECONNRESET)
	for _, c := range []struct {
		err  error
		next bool
	}{
		{os.NewSyscallError("connect", syscall.ECONNREFUSED), true}, {errLeft, true}, {lost, true}, {secureError{lost}, true},
		{sqlerr.New(sqlstate.CannotConnectNow, "starting up"), true}, {secureError{sqlerr.New(sqlstate.CannotConnectNow, "x")}, true},
		{sqlerr.New("28P01", "wrong password"), false}, {twice{sqlerr.New("28000", "x"), sqlerr.New("28000", "y"), "with TLS"}, false},
		{protocolError("nonsense"), false}, {handshakeError{lost}, false}, {handshakeError{untrusted{errors.New("expired")}}, false},
		{errors.New("channel binding is required"), false}, {errNoPassword, false},
	} {
		err := (&dialer{}).verdict(c.err)
		if errors.As(err, new(stopError)) == c.next || !errors.Is(err, c.err) && err.Error() != c.err.Error() {
			t.Errorf("%v: %v", c.err, err)
		}
	}
}
