package dial

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// realServer starts a throw-away PostgreSQL and returns its socket directory and port; the test is skipped where no
// server is installed. Root starts it as user postgres, for a server refuses to run as root.
func realServer(t *testing.T, cert tls.Certificate, hba string) (dir, port string) {
	t.Helper()
	bin := serverBin(t)
	cred := serverUser(t)
	dir, err := os.MkdirTemp("", "sess")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	own := func(name string) {
		if cred != nil {
			if err := os.Chown(name, int(cred.Uid), int(cred.Gid)); err != nil {
				t.Fatal(err)
			}
		}
	}
	own(dir)
	run := func(name string, args ...string) {
		t.Helper()
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
	}
	data := filepath.Join(dir, "data")
	run("initdb", "-D", data, "-U", "boss", "-A", "trust", "-N", "--no-locale", "-E", "UTF8")
	certFile, keyFile := files(t, cert)
	write := func(name string, text []byte) {
		file := filepath.Join(data, name)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		own(file)
	}
	for name, from := range map[string]string{"server.crt": certFile, "server.key": keyFile} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		write(name, text)
	}
	write("pg_hba.conf", []byte(hba))
	port = freePort(t)
	write("postgresql.auto.conf", []byte(fmt.Sprintf("port=%s\nlisten_addresses='127.0.0.1'\nunix_socket_directories='%s'\nssl=on\nfsync=off\n"+
		"shared_buffers=16MB\nmax_connections=20\npassword_encryption='scram-sha-256'\n", port, dir)))
	run("pg_ctl", "-D", data, "-w", "-l", filepath.Join(dir, "log"), "start")
	t.Cleanup(func() { run("pg_ctl", "-D", data, "-m", "immediate", "stop") })
	return dir, port
}

func serverBin(t *testing.T) string {
	t.Helper()
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dir := strings.TrimSpace(string(out))
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			return dir
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		t.Skip("no PostgreSQL server is installed")
	}
	return filepath.Dir(found[len(found)-1])
}

func serverUser(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Skip("running as root and there is no user postgres")
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// query runs one statement in waiting mode and returns the first column of the first row.
func query(t *testing.T, e *Established, sql string) string {
	t.Helper()
	if err := e.Sock.SetNonblocking(false); err != nil {
		t.Fatal(err)
	}
	v, err := e.ask(sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if err := e.Sock.SetNonblocking(true); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestRealServer(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server")
	}
	noLeak(t)
	ca := newAuthority(t)
	dir, port := realServer(t, ca.issue(t, leaf{host: "localhost", ip: "127.0.0.1"}), strings.Join([]string{
		"local all boss trust", "local all peerless md5", "hostssl all tlsonly all scram-sha-256", "hostnossl all plainonly all scram-sha-256",
		"host all clear all password", "host all old all md5", "host all boss all trust", "host all scram all scram-sha-256",
	}, "\n")+"\n")
	boss := Params{Server: "r", Superuser: true, Options: map[string]string{"host": dir, "port": port, "user": "boss", "dbname": "postgres"}}
	admin := mustDial(t, boss)
	exec := func(sql string) { query(t, admin, sql+"; SELECT 'done'") }
	for _, name := range []string{"tlsonly", "plainonly", "clear", "scram", "peerless"} {
		exec("CREATE ROLE " + name + " LOGIN PASSWORD 'päss wörd'")
	}
	exec("SET password_encryption = 'md5'; CREATE ROLE old LOGIN PASSWORD 'päss wörd'")

	as := func(name string, more ...string) Params {
		p := Params{Server: "r", PasswordRequired: true, Options: map[string]string{"host": "127.0.0.1", "port": port, "user": name,
			"password": "päss wörd", "dbname": "postgres"}, Settings: map[string]string{"client_encoding": "LATIN1", "search_path": "pg_catalog"}, ApplicationName: "test app"}
		for i := 0; i < len(more); i += 2 {
			p.Options[more[i]] = more[i+1]
		}
		return p
	}
	root := ca.rootFile(t)
	t.Run("methods", func(t *testing.T) {
		for _, c := range []struct {
			p   Params
			tls bool
		}{
			{as("scram"), true}, {as("scram", "sslmode", "disable"), false}, {as("old"), true}, {as("clear"), true},
			{as("tlsonly"), true}, {as("tlsonly", "sslmode", "allow"), true}, {as("plainonly"), false}, {as("plainonly", "sslmode", "allow"), false},
			{as("scram", "channel_binding", "require"), true}, {as("scram", "channel_binding", "disable"), true},
			{as("scram", "sslmode", "verify-full", "sslrootcert", root), true},
			{as("scram", "host", "localhost", "hostaddr", "127.0.0.1", "sslmode", "verify-full", "sslrootcert", root), true},
			{as("peerless", "host", dir), false}, {as("scram", "max_protocol_version", "latest"), true},
			{as("scram", "ssl_max_protocol_version", "TLSv1.2", "require_auth", "scram-sha-256"), true},
		} {
			e := mustDial(t, c.p)
			if e.TLS != c.tls || !e.UsedPassword {
				t.Errorf("%v: TLS %v, password used %v", c.p.Options, e.TLS, e.UsedPassword)
			}
			if v := query(t, e, "SELECT user || current_setting('client_encoding') || current_setting('search_path') || current_setting('application_name')"); v != c.p.Options["user"]+"LATIN1pg_catalogtest app" {
				t.Errorf("session is %q", v)
			}
			if v := query(t, e, "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()"); v != strconv.FormatBool(c.tls) {
				t.Errorf("server says ssl = %s", v)
			}
			if v := query(t, e, "SELECT pg_backend_pid()"); v != strconv.Itoa(int(e.PID)) {
				t.Errorf("pid %s, got %d", v, e.PID)
			}
		}
	})
	t.Run("refusals", func(t *testing.T) {
		dialFails(t, as("boss"), "2F003", "does not request a password")
		dialFails(t, as("scram", "password", "wrong"), "08001", "28P01", "password authentication failed", port)
		dialFails(t, as("old", "channel_binding", "require"), "08001", "channel binding")
		dialFails(t, as("tlsonly", "sslmode", "disable"), "08001", "28000", "no pg_hba.conf entry")
		dialFails(t, as("plainonly", "sslmode", "require"), "08001", "28000")
		dialFails(t, as("scram", "dbname", "nothere"), "08001", "3D000", "nothere")
		dialFails(t, as("scram", "options", "-c nonsense=1"), "08001", "nonsense")
		dialFails(t, as("scram", "sslnegotiation", "direct", "sslmode", "require"), "08001") // before 17 unknown, and never without ALPN
	})
	t.Run("attrs", func(t *testing.T) {
		mustDial(t, as("scram", "target_session_attrs", "read-write"))
		mustDial(t, as("scram", "target_session_attrs", "prefer-standby"))
		dialFails(t, as("scram", "target_session_attrs", "standby"), "08001", "not in hot standby")
		dialFails(t, as("scram", "target_session_attrs", "read-only"), "08001", "not read-only")
	})
	t.Run("peer", func(t *testing.T) {
		owner, err := user.Current()
		if err != nil {
			t.Fatal(err)
		}
		name := owner.Username
		if os.Geteuid() == 0 {
			name = "postgres"
		}
		p := boss
		p.Options = map[string]string{"host": dir, "port": port, "user": "boss", "dbname": "postgres", "requirepeer": name}
		mustDial(t, p)
		p.Options["requirepeer"] = "other"
		dialFails(t, p, "08001", "requirepeer")
	})
	t.Run("sockopts", func(t *testing.T) {
		checkSockopts(t, as("scram", "keepalives_idle", "77", "keepalives_interval", "7", "keepalives_count", "5", "tcp_user_timeout", "4321"))
	})
	t.Run("cancel", func(t *testing.T) {
		for _, mode := range []string{"disable", "require"} {
			cancelRunning(t, mustDial(t, as("scram", "sslmode", mode)))
		}
	})
}

// cancelRunning starts a long statement the way the pump does, on the non-blocking socket, cancels it and expects 57014.
func cancelRunning(t *testing.T, e *Established) {
	t.Helper()
	q, _ := (&pgproto3.Query{String: "SELECT pg_sleep(30)"}).Encode(nil)
	if _, err := e.Stream.Write(q); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := e.Cancel(ctx); err != nil {
		t.Fatal(err)
	}
	if err := e.Sock.SetNonblocking(false); err != nil {
		t.Fatal(err)
	}
	_ = e.Sock.SetReadDeadline(time.Now().Add(10 * time.Second))
	var got bytes.Buffer
	for !bytes.Contains(got.Bytes(), []byte("C57014")) {
		b := make([]byte, 1000)
		n, err := e.Stream.Read(b)
		if err != nil {
			t.Fatalf("after %q: %v", got.String(), err)
		}
		got.Write(b[:n])
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("cancel took %v", d)
	}
}
