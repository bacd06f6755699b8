package pgtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// PoolerOptions say how a PgBouncer differs from one that has only the
// settings it cannot do without.
type PoolerOptions struct {
	Mode string   // pool_mode: "session", "transaction" or "statement"
	Size int      // default_pool_size: sessions on the server, 0 for two
	Conf []string // further lines of the section [pgbouncer]
}

// Pooler is a running PgBouncer in front of one cluster. Clients log in as the
// cluster's superuser, with its password.
type Pooler struct {
	Port string // TCP, on 127.0.0.1 only
	Log  string // file
}

// PoolerVersion is the version of the PgBouncer that there is (the program of
// the variable POOLER, else of that name), such as {1, 18}. Where there is none
// the test is skipped; on Debian 12, which has it, it fails with PGWIRE_REQUIRE_SERVERS set.
func PoolerVersion(t testing.TB) [2]int {
	t.Helper()
	program, err := poolerProgram()
	if err != nil {
		debian, _ := os.ReadFile("/etc/debian_version")
		if os.Getenv("PGWIRE_REQUIRE_SERVERS") != "" && strings.HasPrefix(string(debian), "12") {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	out, err := command(program, "--version").Output()
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	var v [2]int
	if _, err := fmt.Sscanf(string(out), "PgBouncer %d.%d", &v[0], &v[1]); err != nil {
		t.Fatalf("%s answers %q", program, out)
	}
	return v
}

func poolerProgram() (string, error) {
	if name := os.Getenv("POOLER"); name != "" {
		return name, nil
	}
	if name, err := exec.LookPath("pgbouncer"); err == nil {
		return name, nil
	}
	// Debian's place, which is not on everybody's path
	const sbin = "/usr/sbin/pgbouncer"
	if _, err := os.Stat(sbin); err != nil {
		return "", fmt.Errorf("there is no pooler: %w", err)
	}
	return sbin, nil
}

// StartPooler starts a PgBouncer in front of a cluster, until the test ends.
// Transactions go round the server's sessions, so that no two of one client run
// on the same session by luck.
func StartPooler(t testing.TB, c *Cluster, o PoolerOptions) *Pooler {
	t.Helper()
	PoolerVersion(t)
	port, err := FreePort()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(inst.base, fmt.Sprintf("pooler%d", clusterSeq.Add(1)))
	p := &Pooler{Port: strconv.Itoa(port), Log: filepath.Join(dir, "log")}
	if o.Size == 0 {
		o.Size = 2
	}
	conf := append([]string{
		"[databases]",
		fmt.Sprintf("* = host=127.0.0.1 port=%d", c.Port),
		"[pgbouncer]",
		"listen_addr = 127.0.0.1",
		"listen_port = " + p.Port,
		"unix_socket_dir =",
		"auth_type = scram-sha-256",
		"auth_file = " + filepath.Join(dir, "users"),
		"pool_mode = " + o.Mode,
		fmt.Sprintf("default_pool_size = %d", o.Size),
		"server_round_robin = 1",
		"max_client_conn = 100",
	}, o.Conf...)
	err = os.Mkdir(dir, 0o755)
	if err == nil && inst.cred != nil {
		err = os.Chown(dir, int(inst.cred.Uid), int(inst.cred.Gid))
	}
	if err == nil {
		err = writeFile(filepath.Join(dir, "users"), fmt.Sprintf("%q %q\n", Superuser, Password))
	}
	if err == nil {
		err = writeFile(filepath.Join(dir, "ini"), strings.Join(conf, "\n")+"\n")
	}
	if err != nil {
		t.Fatal(err)
	}
	p.start(t, filepath.Join(dir, "ini"))
	return p
}

// start runs the program and waits until it answers.
func (p *Pooler) start(t testing.TB, ini string) {
	t.Helper()
	log, err := os.OpenFile(p.Log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	program, err := poolerProgram()
	if err != nil {
		t.Fatal(err)
	}
	cmd := command(program, ini)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	onLastingThread(func() { err = cmd.Start() })
	if err != nil {
		t.Fatalf("starting PgBouncer: %v", err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-exited
		if t.Failed() {
			text, _ := os.ReadFile(p.Log)
			t.Logf("end of PgBouncer's log:\n%s", tail(string(text), 4000))
		}
	})
	WaitUntil(t, startTimeout, "PgBouncer answers", func() bool {
		select {
		case <-exited:
			text, _ := os.ReadFile(p.Log)
			t.Fatalf("PgBouncer ended while starting:\n%s", tail(string(text), 4000))
		default:
		}
		conn, err := p.connect()
		if err == nil {
			_ = conn.Close(context.Background())
		}
		return err == nil
	})
}

func (p *Pooler) connect() (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(fmt.Sprintf("postgres://%s:%s@127.0.0.1:%s/postgres?sslmode=disable", Superuser, Password, p.Port))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	return pgx.ConnectConfig(ctx, config)
}

// Connect opens a session of the superuser in database postgres, closed when the
// test ends.
func (p *Pooler) Connect(t testing.TB) *pgx.Conn {
	t.Helper()
	conn, err := p.connect()
	if err != nil {
		t.Fatalf("connecting to PgBouncer: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	})
	return conn
}
