package fetch

import "testing"

// TestSpoolErrors: a place that is not there.
func TestSpoolErrors(t *testing.T) {
	noLeak(t)
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
