package pgtest

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

func TestLifeOfACluster(t *testing.T) {
	c := Start(t, Options{Conf: []string{"log_statement = all"}})
	conn := c.Connect(t)
	pid := int(conn.PgConn().PID())

	threads, err := Threads(pid)
	if err != nil || len(threads) != 1 || threads[0].ID != pid || threads[0].Name != "postgres" {
		t.Errorf("threads of a plain backend: %+v, %v", threads, err)
	}
	if len(threads) > 0 && !threads[0].Blocks(int(syscall.SIGURG)) {
		t.Error("a backend blocks SIGURG, which it reads from a signalfd")
	}
	if fds, err := FDs(pid); err != nil || !strings.Contains(strings.Join(fds, " "), "socket:") {
		t.Errorf("open files of a backend: %v, %v", fds, err)
	}
	if kb, err := PrivateKB(pid); err != nil || kb < 100 || kb > 100_000 {
		t.Errorf("private memory of a backend: %d kB, %v", kb, err)
	}

	c.Exec(t, "CREATE TABLE t (id int); INSERT INTO t VALUES (1)", "SELECT 4711")
	if !strings.Contains(c.Log(t), "SELECT 4711") {
		t.Error("the log does not have the statement")
	}
	if out, err := c.Psql("SELECT id FROM t;"); err != nil || out != "1\n" {
		t.Errorf("psql: %q, %v", out, err)
	}
	if _, err := c.Psql("SELECT 1/0;"); err == nil {
		t.Error("psql passed over an error")
	}

	c.Freeze()
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if _, err := conn.Exec(ctx, "SELECT 1"); err == nil {
		t.Error("a frozen server answered")
	}
	c.Thaw()

	c.Down(t, Kill)
	if c.Running() {
		t.Error("a killed server runs")
	}
	WaitUntil(t, 5*time.Second, "all backends are gone", func() bool { _, err := FDs(pid); return err != nil })
	c.Up(t)
	c.Exec(t, "INSERT INTO t VALUES (2)")
	c.Down(t, Fast)
	c.Up(t)
	if out, err := c.Psql("SELECT count(*) FROM t;"); err != nil || out != "2\n" {
		t.Errorf("after two restarts: %q, %v", out, err)
	}
}
