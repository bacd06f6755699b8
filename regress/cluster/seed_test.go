package cluster

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"
)

// TestSeed: backends are forked from one postmaster, and what the Go runtime
// makes of the random bytes it finds in a process must not be the same in two
// of them. (It leaves in their place what it has drawn first.)
func TestSeed(t *testing.T) {
	r := newRig(t)
	var drawn [2][]byte
	for i := range drawn {
		s := open(t, r.local)
		s.must("SELECT 1")
		before := startupRandom(t, s.pid)
		s.works()
		if drawn[i] = startupRandom(t, s.pid); bytes.Equal(drawn[i], before) {
			t.Fatal("Go has left the bytes alone: this test has lost its sense")
		}
	}
	if bytes.Equal(drawn[0], drawn[1]) {
		t.Errorf("two backends have drawn the same random bytes: %x", drawn[0])
	}
}

// startupRandom reads the bytes that AT_RANDOM points to (getauxval(3)).
func startupRandom(t *testing.T, pid int) []byte {
	t.Helper()
	vector, err := os.ReadFile(fmt.Sprintf("/proc/%d/auxv", pid))
	if errors.Is(err, fs.ErrPermission) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	const atRandom = 25
	for ; len(vector) >= 16; vector = vector[16:] {
		if binary.NativeEndian.Uint64(vector) != atRandom {
			continue
		}
		memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
		if errors.Is(err, fs.ErrPermission) {
			t.Skip(err)
		} else if err != nil {
			t.Fatal(err)
		}
		defer memory.Close()
		seed := make([]byte, 16)
		if _, err := memory.ReadAt(seed, int64(binary.NativeEndian.Uint64(vector[8:]))); err != nil {
			t.Fatal(err)
		}
		return seed
	}
	t.Fatal("the process has no AT_RANDOM")
	return nil
}
