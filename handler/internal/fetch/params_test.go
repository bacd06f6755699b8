package fetch

import (
	"bytes"
	"testing"

	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/mem"
	"pgwire_fdw/handler/internal/session"
)

// TestParamsAreCopied: the caller's memory may change; NULL stays NULL, and
// nothing empty becomes it; large values are not in Go's heap.
func TestParamsAreCopied(t *testing.T) {
	noLeak(t)
	large := bytes.Repeat([]byte("l"), 2*mem.HeapLimit)
	var p params
	for range 3 {
		from := []session.Param{{Value: []byte("one")}, {}, {Value: []byte{}}, {Value: bytes.Clone(large)}}
		if err := p.set(from); err != nil {
			t.Fatal(err)
		}
		clear(from[0].Value)
		clear(from[3].Value)
		got := p.list
		if len(got) != 4 || string(got[0].Value) != "one" || got[1].Value != nil ||
			got[2].Value == nil || len(got[2].Value) != 0 || !bytes.Equal(got[3].Value, large) {
			t.Fatalf("%d parameters, or other values", len(got))
		}
		if invariant.Live()["buffer"] == 0 {
			t.Error("a large value is not mapped")
		}
	}
	p.free()
	if p.values.Cap() > keepParams {
		t.Errorf("%d bytes are kept", p.values.Cap())
	}
}

// TestEmptyParam: a value without bytes is not NULL where it is the only one
// either, whether there is memory from an earlier execution or not.
func TestEmptyParam(t *testing.T) {
	var p params
	for _, before := range []string{"", "one"} {
		for _, value := range []string{before, ""} {
			if err := p.set([]session.Param{{}, {Value: []byte(value)}, {}}); err != nil {
				t.Fatal(err)
			}
			for i, got := range p.list {
				if (got.Value == nil) != (i != 1) || string(got.Value) != []string{"", value}[i%2] {
					t.Errorf("parameter %d of %q is %q", i, value, got.Value)
				}
			}
		}
		p.values.Free()
	}
}
