package pgtest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Thread is what /proc says of one thread.
type Thread struct {
	ID      int
	Name    string
	Blocked uint64 // signal n is blocked if bit n-1 is set
	Caught  uint64
	Ignored uint64
}

// Blocks tells whether the thread blocks a signal.
func (th Thread) Blocks(sig int) bool { return th.Blocked&(1<<(sig-1)) != 0 }

// Threads reads /proc/PID/task. A thread that ends meanwhile is left out. The
// first is the main thread, whose id is the process's.
func Threads(pid int) ([]Thread, error) {
	dirs, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil {
		return nil, err
	}
	if len(dirs) == 0 {
		return nil, fmt.Errorf("there is no process %d", pid)
	}
	var threads []Thread
	for _, dir := range dirs {
		status, err := readStatus(filepath.Join(dir, "status"))
		if err != nil {
			continue
		}
		th := Thread{Name: status["Name"]}
		if th.ID, err = strconv.Atoi(filepath.Base(dir)); err != nil {
			return nil, err
		}
		for key, mask := range map[string]*uint64{"SigBlk": &th.Blocked, "SigCgt": &th.Caught, "SigIgn": &th.Ignored} {
			if *mask, err = strconv.ParseUint(status[key], 16, 64); err != nil {
				return nil, fmt.Errorf("%s of thread %d: %w", key, th.ID, err)
			}
		}
		if th.ID == pid {
			threads = append([]Thread{th}, threads...)
		} else {
			threads = append(threads, th)
		}
	}
	return threads, nil
}

// readStatus reads a file of "Key: value" lines, such as /proc/PID/status.
func readStatus(name string) (map[string]string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for _, line := range strings.Split(string(text), "\n") {
		if key, value, ok := strings.Cut(line, ":"); ok {
			fields[key] = strings.TrimSpace(value)
		}
	}
	return fields, nil
}

// FDs are the targets of a process's open files, such as "socket:[4711]".
func FDs(pid int) ([]string, error) {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var targets []string
	for _, e := range entries {
		if target, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil {
			targets = append(targets, target)
		}
	}
	return targets, nil
}

// PrivateKB is the memory that is a process's alone, in kB: Private_Clean and
// Private_Dirty of /proc/PID/smaps_rollup. Shared buffers do not count.
func PrivateKB(pid int) (int, error) {
	fields, err := readStatus(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	sum := 0
	for _, key := range []string{"Private_Clean", "Private_Dirty"} {
		kb, err := strconv.Atoi(strings.TrimSuffix(fields[key], " kB"))
		if err != nil {
			return 0, fmt.Errorf("%s of process %d: %w", key, pid, err)
		}
		sum += kb
	}
	return sum, nil
}

// Children are the processes whose parent is pid.
func Children(pid int) []int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	var children []int
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		// The command's name is in parentheses and may hold anything; what
		// follows the last one is state and parent.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) < 2 || fields[1] != strconv.Itoa(pid) {
			continue
		}
		if child, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
			children = append(children, child)
		}
	}
	return children
}

// WaitUntil asks again and again until cond holds, and ends the test when it
// does not within limit.
func WaitUntil(t testing.TB, limit time.Duration, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !cond(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// ended tells whether a process runs no more; one that only waits for its
// parent's notice (a zombie) has given back all it held.
func ended(pid int) bool {
	status, err := readStatus(fmt.Sprintf("/proc/%d/status", pid))
	return err != nil || strings.HasPrefix(status["State"], "Z")
}
