package cluster

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestShrink: a query is made as small as what matters of it allows, and the
// same seed makes the same query.
func TestShrink(t *testing.T) {
	for seed := range uint64(50) {
		r := newRandomQuery(rand.New(rand.NewPCG(seed, 1)))
		again := newRandomQuery(rand.New(rand.NewPCG(seed, 1)))
		whole := r.body.String()
		if whole != again.body.String() {
			t.Fatalf("seed %d makes two queries:\n%s\n%s", seed, whole, again.body)
		}
		if !strings.Contains(whole, " WHERE ") || !strings.Contains(whole, "FROM r1 ") {
			continue
		}
		r.body.shrink(1000, func() bool { return strings.Contains(r.body.String(), "FROM r1 ") })
		small := r.body.String()
		if !strings.Contains(small, "FROM r1 ") {
			t.Errorf("what mattered is lost: %s", small)
		}
		if strings.Contains(small, " WHERE ") && !strings.Contains(small, "ORDER BY") && len(small) > len(whole)/2 {
			t.Errorf("%s\nhas only become\n%s", whole, small)
		}
	}
}
