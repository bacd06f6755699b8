package main

import (
	"strings"
	"testing"
)

func TestCount(t *testing.T) {
	for _, tc := range []struct {
		name, in     string
		want         tally
		shows, hides string
	}{
		{
			name: "one passes with a subtest, one fails",
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"quiet\n"}
{"Action":"pass","Package":"p","Test":"TestA/sub"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"=== RUN   quiet\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"why\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}`,
			want: tally{1, 1}, shows: "why", hides: "quiet",
		},
		{
			name: "a package that does not build",
			in: `{"ImportPath":"p","Action":"build-output","Output":"p.go:1: syntax error\n"}
{"ImportPath":"p","Action":"build-fail"}
{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}
{"Action":"fail","Package":"p","FailedBuild":"p"}`,
			want: tally{0, 1}, shows: "syntax error",
		},
		{
			name: "cut off by a panic",
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"panic: boom\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p"}`,
			want: tally{0, 1}, shows: "boom",
		},
		{
			name: "skipped is neither",
			in: `{"Action":"skip","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}`,
			want: tally{0, 0}, shows: "ok  \tp",
		},
		{name: "not an event", in: "go: cannot find module\n", want: tally{0, 0}, shows: "cannot find"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var w strings.Builder
			got, err := count(strings.NewReader(tc.in), &w)
			if err != nil {
				t.Fatal(err)
			}
			if got != tc.want {
				t.Errorf("counted %+v, want %+v", got, tc.want)
			}
			if !strings.Contains(w.String(), tc.shows) {
				t.Errorf("printed %q, want %q in it", w.String(), tc.shows)
			}
			if tc.hides != "" && strings.Contains(w.String(), tc.hides) {
				t.Errorf("printed %q, which has %q", w.String(), tc.hides)
			}
		})
	}
}
