package option

import (
	"strings"
	"testing"
)

// What a feed's table and columns may say; the message's beginning, "" for good.
func TestFeedOptions(t *testing.T) {
	for _, c := range []struct {
		cat     Catalog
		options string // name=value, by spaces
		want    string
	}{
		{Table, "feed=f", ""},
		{Table, "feed=f schema_name=s table_name=t feed_wait=100 feed_max_bytes=1MB feed_lock=nowait fetch_memory=1MB", ""},
		{Table, "feed=f table_name=t", ""},
		{Table, "schema_name=s", ""},
		{Table, "feed=", `option "feed" is empty`},
		{Table, "feed=f schema_name=s", `option "schema_name" of a feed needs option "table_name"`},
		{Table, "feed_wait=1", `option "feed_wait" needs option "feed"`},
		{Table, "feed_max_bytes=1MB table_name=t", `option "feed_max_bytes" needs option "feed"`},
		{Table, "feed_lock=wait", `option "feed_lock" needs option "feed"`},
		{Table, "feed=f feed_wait=0", `"feed_wait" must be an integer value greater than zero`},
		{Table, "feed=f feed_max_bytes=1B", `"feed_max_bytes" must be between 8kB and 1024GB`},
		{Table, "feed=f updatable=false", `option "updatable" does not go with option "feed"`},
		{Table, "feed=f analyze_sampling=off", `option "analyze_sampling" does not go with option "feed"`},
		{Column, "feed=op", ""},
		{Column, "feed=old column_name=amount", ""},
		{Column, "feed=old", ""},
		{Column, "feed=", `invalid value for string option "feed": `},
		{Column, "feed=OP", `invalid value for string option "feed": OP`},
		{Column, "feed=op column_name=x", `option "column_name" does not go with "feed" "op"`},
	} {
		var pairs []Pair
		for _, o := range strings.Fields(c.options) {
			name, value, _ := strings.Cut(o, "=")
			pairs = append(pairs, Pair{name, value})
		}
		err := Validate(c.cat, true, pairs)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.options, err)
		case c.want != "" && (err == nil || err.Message != c.want):
			t.Errorf("%s: %v, want %s", c.options, err, c.want)
		}
	}
}
