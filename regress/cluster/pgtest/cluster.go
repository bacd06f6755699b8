package pgtest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// The superuser that every cluster has. It needs no password on the cluster's
// Unix socket and authenticates by SCRAM over TCP.
const (
	Superuser = "postgres"
	Password  = "postgres"
)

const startTimeout = 30 * time.Second

// Options says how a cluster differs from the plain one.
type Options struct {
	Name string   // for messages and log_line_prefix; default "pg"
	Conf []string // lines of postgresql.conf, such as "max_connections = 20"
	HBA  []string // lines of pg_hba.conf, put before the plain ones
	Env  []string // further environment of the server, such as "PGSSLMODE=require"
	// AddressSpaceKB limits what each process of the server may map (ulimit -v); 0: nothing
	AddressSpaceKB int
}

// Cluster is one running server. Its methods end the test on failure, except
// where they return an error.
type Cluster struct {
	Port   int    // TCP, on 127.0.0.1 only
	Data   string // data directory
	Socket string // directory of the Unix socket
	Name   string

	// AddressSpaceKB is as in Options, for the next Up.
	AddressSpaceKB int

	log     string
	env     []string
	program string // server program, if another than the installation's
	cmd     *exec.Cmd
	exited  chan struct{} // closed when the postmaster has ended
}

var clusterSeq atomic.Int32

// Start makes a new cluster, starts it and stops it when the test ends.
func Start(t testing.TB, opts Options) *Cluster {
	t.Helper()
	if instErr != nil || inst.bin == "" {
		t.Fatalf("pgtest is not set up (TestMain must call pgtest.Main): %v", instErr)
	}
	name := opts.Name
	if name == "" {
		name = "pg"
	}
	dir := filepath.Join(inst.base, fmt.Sprintf("%s%d", name, clusterSeq.Add(1)))
	c := &Cluster{Name: name, Data: filepath.Join(dir, "data"), Socket: dir,
		AddressSpaceKB: opts.AddressSpaceKB, log: filepath.Join(dir, "log"), env: opts.Env}
	if err := c.create(dir, opts); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.end()
		if t.Failed() {
			t.Logf("end of the log of %s:\n%s", c.Name, tail(c.readLog(), 6000))
		}
		_ = os.RemoveAll(dir)
	})
	c.Up(t)
	return c
}

func (c *Cluster) create(dir string, opts Options) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if inst.cred != nil {
		if err := os.Chown(dir, int(inst.cred.Uid), int(inst.cred.Gid)); err != nil {
			return err
		}
	}
	if out, err := command("/bin/cp", "-a", inst.template, c.Data).CombinedOutput(); err != nil {
		return fmt.Errorf("copying the template: %w\n%s", err, out)
	}
	var err error
	if c.Port, err = FreePort(); err != nil {
		return err
	}
	hba := append(opts.HBA, "local all all trust",
		"host all all 127.0.0.1/32 scram-sha-256", "host all all ::1/128 scram-sha-256",
		"host replication all 127.0.0.1/32 scram-sha-256")
	if err := writeFile(filepath.Join(c.Data, "pg_hba.conf"), strings.Join(hba, "\n")+"\n"); err != nil {
		return err
	}
	conf := append([]string{
		"listen_addresses = '127.0.0.1'",
		fmt.Sprintf("port = %d", c.Port),
		fmt.Sprintf("unix_socket_directories = '%s'", c.Socket),
		"fsync = off", "full_page_writes = off", "autovacuum = off", "shared_buffers = 32MB",
		"max_prepared_transactions = 20",
		"log_line_prefix = '%m [%p] %q%a '",
	}, opts.Conf...)
	return c.AppendConf(conf...)
}

// AppendConf adds lines to postgresql.auto.conf's neighbour, the file that the
// server reads at its next start or reload.
func (c *Cluster) AppendConf(lines ...string) error {
	name := filepath.Join(c.Data, "postgresql.conf")
	old, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return writeFile(name, string(old)+strings.Join(lines, "\n")+"\n")
}

// FreePort is a TCP port of the loopback that nobody has now.
func FreePort() (int, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// starts is where processes are started: the kernel sends the signal of
// Pdeathsig when the thread that started the process ends, so that thread must
// live as long as we do.
var (
	starts     = make(chan func())
	startsOnce sync.Once
)

func onLastingThread(f func()) {
	startsOnce.Do(func() {
		go func() {
			runtime.LockOSThread()
			for f := range starts {
				f()
			}
		}()
	})
	done := make(chan struct{})
	starts <- func() { defer close(done); f() }
	<-done
}

// Up starts the server of a cluster that is down and waits until it answers.
func (c *Cluster) Up(t testing.TB) {
	t.Helper()
	log, err := os.OpenFile(c.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	program := Program("postgres")
	if c.program != "" {
		program = c.program
	}
	cmd := command(program, "-D", c.Data)
	if c.AddressSpaceKB > 0 {
		cmd = command("/bin/sh", "-c", fmt.Sprintf("ulimit -v %d && exec \"$@\"", c.AddressSpaceKB), "sh", program, "-D", c.Data)
	}
	cmd.Env = append(cmd.Env, c.env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT // immediate shutdown, if the test process dies
	onLastingThread(func() { err = cmd.Start() })
	if err != nil {
		t.Fatalf("starting %s: %v", c.Name, err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	c.cmd, c.exited = cmd, exited
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(20 * time.Millisecond) {
		select {
		case <-exited:
			t.Fatalf("%s ended while starting:\n%s", c.Name, tail(c.readLog(), 6000))
		default:
		}
		conn, err := c.tryConnect(Superuser, "postgres")
		if err == nil {
			_ = conn.Close(context.Background())
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer: %v\n%s", c.Name, err, tail(c.readLog(), 6000))
		}
	}
}

// Shutdown is how a server is told to stop.
type Shutdown = syscall.Signal

// The three shutdowns of pg_ctl, and the end that no server survives.
const (
	Smart     Shutdown = syscall.SIGTERM
	Fast      Shutdown = syscall.SIGINT
	Immediate Shutdown = syscall.SIGQUIT
	Kill      Shutdown = syscall.SIGKILL
)

// Down stops the server and waits for its end. Kill takes the postmaster and
// all its children at once, as a power failure would.
func (c *Cluster) Down(t testing.TB, how Shutdown) {
	t.Helper()
	children := Children(c.cmd.Process.Pid)
	if how == Kill {
		c.signalAll(Kill)
	} else if err := c.cmd.Process.Signal(how); err != nil {
		t.Fatalf("stopping %s: %v", c.Name, err)
	}
	select {
	case <-c.exited:
	case <-time.After(startTimeout):
		t.Fatalf("%s did not stop within %v", c.Name, startTimeout)
	}
	// a child that is still ending keeps the next start from its shared memory
	for _, child := range children {
		WaitUntil(t, startTimeout, "the last process has ended", func() bool { return ended(child) })
	}
}

// Running tells whether the postmaster lives.
func (c *Cluster) Running() bool {
	select {
	case <-c.exited:
		return false
	default:
		return c.cmd != nil
	}
}

// end is Down for a cleanup: whatever state the server is in, it ends.
func (c *Cluster) end() {
	if c.cmd == nil {
		return
	}
	c.signalAll(syscall.SIGCONT)
	_ = c.cmd.Process.Signal(Immediate)
	select {
	case <-c.exited:
	case <-time.After(10 * time.Second):
		c.signalAll(Kill)
		<-c.exited
	}
}

// Postmaster is the process id of the server's first process.
func (c *Cluster) Postmaster() int { return c.cmd.Process.Pid }

// Freeze stops every process of the server where it stands (SIGSTOP): it keeps
// its connections and answers nothing. Thaw lets it go on.
func (c *Cluster) Freeze() { c.signalAll(syscall.SIGSTOP) }

// Thaw undoes Freeze.
func (c *Cluster) Thaw() { c.signalAll(syscall.SIGCONT) }

// signalAll sends to the postmaster first, so that it starts nothing new.
func (c *Cluster) signalAll(sig syscall.Signal) {
	pid := c.cmd.Process.Pid
	children := Children(pid)
	_ = c.cmd.Process.Signal(sig)
	for _, child := range children {
		_ = syscall.Kill(child, sig)
	}
}

// ConnString is a URL of the cluster over TCP, with the superuser's password.
func (c *Cluster) ConnString(database string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", Superuser, Password, c.Port, database)
}

func (c *Cluster) tryConnect(role, database string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d user=%s database=%s", c.Socket, c.Port, role, database))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	return pgx.ConnectConfig(ctx, config)
}

// Connect opens a session of the superuser in database postgres over the Unix
// socket, closed when the test ends.
func (c *Cluster) Connect(t testing.TB) *pgx.Conn {
	t.Helper()
	return c.ConnectAs(t, Superuser, "postgres")
}

// ConnectAs is Connect for another role and database.
func (c *Cluster) ConnectAs(t testing.TB, role, database string) *pgx.Conn {
	t.Helper()
	conn, err := c.tryConnect(role, database)
	if err != nil {
		t.Fatalf("connecting to %s as %s: %v", c.Name, role, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	})
	return conn
}

// Exec runs statements in a session of their own; a string may hold several.
func (c *Cluster) Exec(t testing.TB, statements ...string) {
	t.Helper()
	conn := c.Connect(t)
	for _, sql := range statements {
		if _, err := conn.PgConn().Exec(context.Background(), sql).ReadAll(); err != nil {
			t.Fatalf("%s: %v\n%s", c.Name, err, sql)
		}
	}
	_ = conn.Close(context.Background())
}

// Psql feeds a script to psql (-X -A -t, stopping at the first error) and
// returns what it printed, standard error included.
func (c *Cluster) Psql(script string) (string, error) {
	cmd := command("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", c.Socket, "-p", fmt.Sprint(c.Port),
		"-U", Superuser, "-d", "postgres", "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Log is the server's log so far.
func (c *Cluster) Log(t testing.TB) string {
	t.Helper()
	text := c.readLog()
	if text == "" {
		t.Fatalf("the log of %s is empty", c.Name)
	}
	return text
}

func (c *Cluster) readLog() string {
	text, err := os.ReadFile(c.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// Link makes remote reachable from local: the extension, and a foreign server
// of the given name with a user mapping for the superuser. options are further
// server options, such as "fetch_memory '1MB'".
func Link(t testing.TB, local, remote *Cluster, server string, options ...string) {
	t.Helper()
	all := append([]string{"host '127.0.0.1'", fmt.Sprintf("port '%d'", remote.Port), "dbname 'postgres'"}, options...)
	local.Exec(t,
		"CREATE EXTENSION IF NOT EXISTS pgwire_fdw",
		fmt.Sprintf("CREATE SERVER %s FOREIGN DATA WRAPPER pgwire_fdw OPTIONS (%s)", server, strings.Join(all, ", ")),
		fmt.Sprintf("CREATE USER MAPPING FOR %s SERVER %s OPTIONS (user '%s', password '%s')", Superuser, server, Superuser, Password))
}
