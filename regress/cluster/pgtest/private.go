package pgtest

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Command is a program of the server ("psql") or a path, run as the servers'
// user, without the variables that would steer libpq.
func Command(name string, args ...string) *exec.Cmd { return command(name, args...) }

// Private is a copy of the installation whose files a test may alter: the
// programs are copied, because PostgreSQL finds its other directories relative
// to its own program, and everything else is linked.
type Private struct {
	Bin, LibDir string
}

// PrivateInstall makes a Private that is removed when the test ends. Its
// pgwire_fdw.so and pgwire_fdw_go.so are copies.
func PrivateInstall(t testing.TB) Private {
	t.Helper()
	out, err := exec.Command(configProgram(), "--sharedir").Output()
	if err != nil {
		t.Fatal(err)
	}
	share := strings.TrimSpace(string(out))
	root, err := os.MkdirTemp(inst.base, "private")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	prefix := commonDir(commonDir(inst.bin, inst.pkglib), share)
	place := func(dir string) string { return filepath.Join(root, strings.TrimPrefix(dir, prefix)) }
	p := Private{Bin: place(inst.bin), LibDir: place(inst.pkglib)}
	err = linkTree(inst.pkglib, p.LibDir)
	if err == nil {
		err = linkTree(share, place(share))
	}
	if err == nil {
		err = os.MkdirAll(p.Bin, 0o755)
	}
	for _, name := range []string{"postgres", "pg_config"} {
		if err == nil {
			err = copyFile(Program(name), filepath.Join(p.Bin, name))
		}
	}
	for _, name := range []string{"pgwire_fdw.so", "pgwire_fdw_go.so"} {
		if to := filepath.Join(p.LibDir, name); err == nil {
			if err = os.Remove(to); err == nil {
				err = copyFile(filepath.Join(inst.pkglib, name), to)
			}
		}
	}
	if err == nil {
		err = os.Chmod(root, 0o755)
	}
	if err != nil {
		t.Fatalf("private copy of the installation: %v", err)
	}
	return p
}

// UpFrom is Up with the programs of a private installation.
func (c *Cluster) UpFrom(t testing.TB, p Private) {
	t.Helper()
	c.program = filepath.Join(p.Bin, "postgres")
	c.Up(t)
}

func configProgram() string {
	if name := os.Getenv("PG_CONFIG"); name != "" {
		return name
	}
	return "pg_config"
}

func commonDir(a, b string) string {
	for !strings.HasPrefix(b+"/", a+"/") {
		a = filepath.Dir(a)
		if a == "/" {
			return ""
		}
	}
	return a
}

// linkTree makes the directories of from in to, and symbolic links to its files.
func linkTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		return os.Symlink(path, target)
	})
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, content, 0o755); err != nil {
		return fmt.Errorf("copying %s: %w", from, err)
	}
	return nil
}
