package pgtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// LimitMemory puts the server into a memory cgroup of its own with a limit in
// bytes, or skips the test where that is not ours to do. What goes beyond the
// limit is killed, and a killed backend restarts the server.
func (c *Cluster) LimitMemory(t testing.TB, bytes int64) {
	t.Helper()
	name := fmt.Sprintf("pgtest-%d-%s", os.Getpid(), filepath.Base(c.Socket))
	dir, limit := "", ""
	for _, v := range []struct{ root, limit string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}, {"/sys/fs/cgroup", "memory.max"},
	} {
		if os.Mkdir(filepath.Join(v.root, name), 0o755) != nil {
			continue
		}
		dir, limit = filepath.Join(v.root, name), filepath.Join(v.root, name, v.limit)
		if _, err := os.Stat(limit); err == nil {
			break
		}
		_ = os.Remove(dir)
		dir = ""
	}
	if dir == "" {
		t.Skip("no memory cgroup can be made here")
	}
	t.Cleanup(func() {
		c.end()
		for range 100 { // processes that are ending are still in it
			if os.Remove(dir) == nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	err := os.WriteFile(limit, []byte(strconv.FormatInt(bytes, 10)), 0o644)
	for _, pid := range append([]int{c.Postmaster()}, Children(c.Postmaster())...) {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644)
		}
	}
	if err != nil {
		t.Skipf("a memory cgroup cannot be used here: %v", err)
	}
}
