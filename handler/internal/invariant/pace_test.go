package invariant

import (
	"testing"
	"time"
)

func TestYieldsAreSeldomAndOnlyUnderLoad(t *testing.T) {
	start := time.Now()
	for _, c := range []struct {
		name   string
		every  time.Duration
		waits  int
		yields int
	}{
		{"one query after the other", 100 * time.Microsecond, 1001, 20},
		{"slow queries", 6 * time.Millisecond, 101, 100},
		{"a query now and then", 20 * time.Millisecond, 100, 0},
	} {
		var p pace
		yields := 0
		for i := range c.waits {
			if p.due(start.Add(time.Duration(i) * c.every)) {
				yields++
			}
		}
		if yields != c.yields {
			t.Errorf("%s: %d yields at %d waits, expected %d", c.name, yields, c.waits, c.yields)
		}
	}
}
