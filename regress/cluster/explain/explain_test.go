package explain

import (
	"slices"
	"testing"
)

func TestWhole(t *testing.T) {
	for _, c := range []struct {
		plan  string
		whole bool
		local []string
	}{
		{`{"Node Type": "Foreign Scan"}`, true, nil},
		{`{"Node Type": "Subquery Scan", "Plans": [{"Node Type": "Result", "Plans": [{"Node Type": "Foreign Scan"}]}]}`, true, nil},
		{`{"Node Type": "Foreign Scan", "Filter": "(a > 1)"}`, false, []string{"Filter"}},
		{`{"Node Type": "Limit", "Plans": [{"Node Type": "Foreign Scan"}]}`, false, []string{"Limit"}},
		{`{"Node Type": "Result"}`, false, nil},
		{`{"Node Type": "Result", "Plans": [{"Node Type": "Foreign Scan"}, {"Node Type": "Foreign Scan"}]}`, false, nil},
		{`{"Node Type": "Hash Join", "Plans": [{"Node Type": "Foreign Scan"}, {"Node Type": "Hash", "Plans": [{"Node Type": "Foreign Scan"}]}]}`,
			false, []string{"Hash", "Hash Join"}},
	} {
		n, err := Parse([]byte(`[{"Plan": ` + c.plan + `}]`))
		if err != nil {
			t.Fatal(err)
		}
		if got := n.Whole(); got != c.whole {
			t.Errorf("%s: %v, want %v", c.plan, got, c.whole)
		}
		if got := n.Local(); !slices.Equal(got, c.local) {
			t.Errorf("%s: %v stay here, want %v", c.plan, got, c.local)
		}
	}
	for _, bad := range []string{``, `[]`, `[{}]`, `[{"Plan": {}}, {"Plan": {}}]`} {
		if _, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%q is taken for a plan", bad)
		}
	}
}
