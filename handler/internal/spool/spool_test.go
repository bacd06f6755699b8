package spool

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"pgwire_fdw/handler/internal/invariant"
)

// TestSpool adds and takes rows in random turns and compares with a queue.
func TestSpool(t *testing.T) {
	noLeak(t)
	rng := rand.New(rand.NewPCG(1, 2))
	dir := filepath.Join(t.TempDir(), "pgsql_tmp") // made by its first user
	for _, limit := range []int{0, 100, 10000, 1 << 20} {
		for range 5 {
			s := Spool{Dir: dir, Limit: limit}
			var model [][]byte
			for i := range 2000 {
				if rng.IntN(5) < 2 && i > rng.IntN(1000) {
					body, err := s.Peek()
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
						s.Next(body)
						model = model[1:]
					}
					continue
				}
				row := make([]byte, []int{2, 30, 900, 40000}[rng.IntN(4)]+rng.IntN(7))
				for i := range row {
					row[i] = byte(rng.Uint32())
				}
				if err := s.Add(row[:1], row[1:]); err != nil {
					t.Fatal(err)
				}
				model = append(model, row)
				if s.mem.Cap() > 4*limit+100000 {
					t.Fatalf("limit %d: %d bytes of memory", limit, s.mem.Cap())
				}
			}
			for _, want := range model {
				body, err := s.Peek()
				if err != nil || !bytes.Equal(body, want) {
					t.Fatal("rest", err)
				}
				s.Next(body)
			}
			if body, err := s.Peek(); body != nil || err != nil {
				t.Fatal("a row too many", err)
			}
			s.Close()
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("files left: %v", left)
	}
}

// TestError: a disk that is full.
func TestError(t *testing.T) {
	if e := Error(errors.Join(unix.ENOSPC), "rows"); e.SQLState != "53100" {
		t.Error(e)
	}
}

// noLeak compares what is held before and after.
func noLeak(t *testing.T) {
	before := invariant.Live()
	t.Cleanup(func() {
		if after := invariant.Live(); !maps.Equal(before, after) {
			t.Errorf("held before %v, after %v", before, after)
		}
	})
}
