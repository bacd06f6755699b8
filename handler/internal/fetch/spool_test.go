package fetch

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSpool adds and takes rows in random turns and compares with a queue.
func TestSpool(t *testing.T) {
	noLeak(t)
	rng := rand.New(rand.NewPCG(1, 2))
	dir := filepath.Join(t.TempDir(), "pgsql_tmp") // made by its first user
	for _, limit := range []int{0, 100, 10000, 1 << 20} {
		for range 5 {
			s := spool{dir: dir, limit: limit}
			var model [][]byte
			for i := range 2000 {
				if rng.IntN(5) < 2 && i > rng.IntN(1000) {
					body, err := s.peek()
					if err != nil {
						t.Fatal(err)
					}
					if len(model) == 0 {
						if body != nil {
							t.Fatal("a row out of nothing")
						}
						continue
					}
					if !bytes.Equal(body, model[0]) {
						t.Fatalf("limit %d: got %d bytes, expected %d", limit, len(body), len(model[0]))
					}
					if rng.IntN(4) > 0 { // else peek again
						s.next(body)
						model = model[1:]
					}
					continue
				}
				row := make([]byte, []int{2, 30, 900, 40000}[rng.IntN(4)]+rng.IntN(7))
				for i := range row {
					row[i] = byte(rng.Uint32())
				}
				if err := s.add(row); err != nil {
					t.Fatal(err)
				}
				model = append(model, row)
				if s.mem.Cap() > 4*limit+100000 {
					t.Fatalf("limit %d: %d bytes of memory", limit, s.mem.Cap())
				}
			}
			for _, want := range model {
				body, err := s.peek()
				if err != nil || !bytes.Equal(body, want) {
					t.Fatal("rest", err)
				}
				s.next(body)
			}
			if body, err := s.peek(); body != nil || err != nil {
				t.Fatal("a row too many", err)
			}
			s.close()
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("files left: %v", left)
	}
}

// TestSpoolErrors: a disk that is full, a place that is not there.
func TestSpoolErrors(t *testing.T) {
	noLeak(t)
	if e := spoolError(errors.Join(unix.ENOSPC)); e.SQLState != "53100" {
		t.Error(e)
	}
	r := fakeRig(t, &engine{})
	outer := r.scan("gen 20000 20", func(s *Spec) { s.FetchMemory, s.TempDir = 0, "/nowhere/at/all" })
	inner := r.scan("gen 2 2")
	r.first(outer)
	same(t, "inner", r.must(inner), genRows(2, 2))
	for {
		if _, err := r.next(outer); err != nil {
			failsWith(t, err, "58030", "/nowhere/at/all")
			break
		}
	}
	r.abort()
	same(t, "afterwards", r.must(inner), genRows(2, 2))
}
