package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// installation is where the programs are and who runs them.
type installation struct {
	bin      string // directory of postgres, initdb, psql
	pkglib   string // where pgwire_fdw.so is
	major    int
	base     string              // scratch directory of this process
	cred     *syscall.Credential // nil: as ourselves
	template string              // a data directory made by initdb, to copy
}

var (
	inst     installation
	instErr  error
	instOnce sync.Once
)

// Main runs the tests of a package and removes what they left. Call it from
// TestMain. Where there is no server to run, it says so and runs nothing; with
// PGWIRE_REQUIRE_SERVERS set that is a failure, so that a test run which is
// meant to have servers cannot pass without.
func Main(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	instOnce.Do(setup)
	defer func() {
		if inst.base != "" {
			_ = os.RemoveAll(inst.base)
		}
	}()
	if instErr != nil {
		fmt.Fprintln(os.Stderr, "pgtest: no test was run:", instErr)
		if os.Getenv("PGWIRE_REQUIRE_SERVERS") != "" {
			return 1
		}
		return 0
	}
	return m.Run()
}

// Major is the server's major version.
func Major() int { return inst.major }

// Program is the path of one of the server's programs, such as pgbench.
func Program(name string) string { return filepath.Join(inst.bin, name) }

// LibDir is the directory that the server loads $libdir from.
func LibDir() string { return inst.pkglib }

func setup() { instErr = setupAll() }

func setupAll() error {
	if err := findPrograms(); err != nil {
		return err
	}
	// Not t.TempDir: a socket's path must be short, and the server's user must get in.
	base, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		return err
	}
	inst.base = base
	if err := os.Chmod(base, 0o755); err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		if inst.cred, err = postgresUser(); err != nil {
			return err
		}
		if err := os.Chown(base, int(inst.cred.Uid), int(inst.cred.Gid)); err != nil {
			return err
		}
	}
	return makeTemplate()
}

func findPrograms() error {
	pgConfig := os.Getenv("PG_CONFIG")
	if pgConfig == "" {
		pgConfig = "pg_config"
	}
	out, err := exec.Command(pgConfig, "--bindir", "--pkglibdir", "--version").Output()
	if err != nil {
		return fmt.Errorf("%s: %w", pgConfig, err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 3 {
		return fmt.Errorf("%s answered %q", pgConfig, out)
	}
	inst.bin, inst.pkglib = lines[0], lines[1]
	version := strings.TrimPrefix(lines[2], "PostgreSQL ")
	digits := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if inst.major, err = strconv.Atoi(version[:max(digits, 0)]); err != nil {
		return fmt.Errorf("%s: no version in %q", pgConfig, lines[2])
	}
	if _, err := os.Stat(Program("postgres")); err != nil {
		return fmt.Errorf("no server program: %w", err)
	}
	return nil
}

// postgresUser is who runs servers when we are root: PostgreSQL refuses to.
func postgresUser() (*syscall.Credential, error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("a server does not run as root: %w", err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err1, err2)
}

// makeTemplate runs initdb once; a cluster is a copy of its result.
func makeTemplate() error {
	inst.template = filepath.Join(inst.base, "template")
	pw := filepath.Join(inst.base, "pw")
	if err := writeFile(pw, Password+"\n"); err != nil {
		return err
	}
	out, err := command("initdb", "-D", inst.template, "-U", Superuser, "--pwfile="+pw, "-A", "scram-sha-256",
		"--encoding=UTF8", "--locale=C.UTF-8", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// command is a program of the server, run as the server's user, without the
// variables by which the caller's own environment would steer libpq.
func command(name string, args ...string) *exec.Cmd {
	path := name
	if !strings.Contains(name, "/") {
		path = Program(name)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = inst.base
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PG") && !strings.HasPrefix(v, "LC_") && !strings.HasPrefix(v, "LANG") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "LC_ALL=C.UTF-8")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: inst.cred}
	return cmd
}

// writeFile writes a file that the server's user owns and nobody else reads.
func writeFile(name, text string) error {
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		return err
	}
	if inst.cred != nil {
		return os.Chown(name, int(inst.cred.Uid), int(inst.cred.Gid))
	}
	return nil
}
