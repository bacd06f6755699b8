package deparse

import "testing"

func TestTruncate(t *testing.T) {
	for want, in := range map[string]Truncate{
		"TRUNCATE s.t CONTINUE IDENTITY RESTRICT":           {Tables: []TableName{{"s", "t"}}},
		`TRUNCATE s.t, "S"."a""b" RESTART IDENTITY CASCADE`: {Tables: []TableName{{"s", "t"}, {"S", `a"b`}}, Restart: true, Cascade: true},
		`TRUNCATE public."table" CONTINUE IDENTITY CASCADE`: {Tables: []TableName{{"public", "table"}}, Cascade: true},
	} {
		if got := in.SQL(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
