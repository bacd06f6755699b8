package main

import (
	"encoding/xml"
	"io"
	"maps"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestMedianAndSpread(t *testing.T) {
	s := series{5 * time.Second, time.Second, 3 * time.Second}
	if s.median() != 3*time.Second || s.spread() < 1.33 || s.spread() > 1.34 {
		t.Errorf("median %v, spread %v", s.median(), s.spread())
	}
	if even := (series{2, 4, 8, 6}); even.median() != 5 {
		t.Errorf("median of four is %v", even.median())
	}
	if (series{}).median() != 0 || (series{}).spread() != 0 {
		t.Error("nothing measured has no median")
	}
}

func TestReport(t *testing.T) {
	var r report
	r.where = []string{"2026-01-01", "a machine <1 GHz"}
	twice := func(d time.Duration) series { return series{d, d} }
	r.add("rows & columns", map[string]series{
		wire: twice(time.Second), stock: {4500 * time.Millisecond}, stock2: twice(3 * time.Second), direct: twice(900 * time.Millisecond),
	}, faster(stock, 4), faster(stock2, 3.5), atMost(direct, 1.15))
	r.add("point", map[string]series{wire: twice(100 * time.Microsecond), stock: twice(250 * time.Microsecond)}, atMost(direct, 1))
	r.addCosts("point", []way{{name: wire}}, map[string]series{wire: twice(time.Second)},
		map[string]cost{wire: {usage{time.Second, 200 * time.Millisecond}, usage{4 * time.Second, 0}}})
	md := r.markdown()
	for _, want := range []string{
		"| rows & columns | 1.00 s ±0% | 4.50 s (1 run) | 3.00 s ±0% | 900 ms ±0% | 4.50× | 3.00× | 1.11× | " +
			"≥ 4 × as fast as postgres_fdw: 4.50 ✓; ≥ 3.5 × as fast as postgres_fdw, fetch_size 10000: **3.00 ✗**; ≤ 1.15 × direct: 1.11 ✓ |",
		"| point | 100 µs ±0% | 250 µs ±0% | – | – | 2.50× | – | – | ≤ 1 × direct: not measured |",
		"| point | pgwire_fdw | 1.00 s | 500 ms | 100 ms | 2.00 s | – |",
	} {
		if !strings.Contains(md, want) {
			t.Errorf("%q is not in\n%s", want, md)
		}
	}
	svg := r.svg()
	d := xml.NewDecoder(strings.NewReader(svg))
	rects := 0
	for {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		if el, ok := tok.(xml.StartElement); ok && el.Name.Local == "rect" {
			rects++
		}
	}
	if rects != 5 {
		t.Errorf("%d rectangles, want the ground and four bars", rects)
	}
}

func TestStat(t *testing.T) {
	s, err := parseStat("42 (a) b) c) S 7 42 42 0 -1 4194560 100 200 0 0 12 34 56 78 20 0 5 0 100 1000 10 18446744073709551615")
	if err != nil {
		t.Fatal(err)
	}
	want := stat{7, usage{120 * time.Millisecond, 340 * time.Millisecond}, usage{560 * time.Millisecond, 780 * time.Millisecond}}
	if s != want {
		t.Errorf("%+v, want %+v", s, want)
	}
	if _, err := parseStat("42 (postgres) S 7"); err == nil {
		t.Error("half a line is taken")
	}
	if s, err := readStat(os.Getpid()); err != nil || s.parent != os.Getppid() {
		t.Errorf("of this process: %+v, %v", s, err)
	}
}

func TestPssByPart(t *testing.T) {
	held, err := pssByPart(strings.NewReader(`5581e5c00000-5581e5d00000 r-xp 00000000 fe:00 123  /usr/lib/postgresql/15/bin/postgres
Size:               1024 kB
Pss:                 100 kB
Pss_Dirty:             9 kB
7f00e0000000-7f00e8000000 rw-s 00000000 00:01 17   /dev/zero (deleted)
Pss:                1000 kB
7f00d0000000-7f00d0100000 r-xp 00000000 fe:00 124  /usr/lib/postgresql/15/lib/pgwire_fdw_go.so
Pss:                  10 kB
7f00d0100000-7f00d0200000 rw-p 00100000 fe:00 124  /usr/lib/postgresql/15/lib/pgwire_fdw_go.so
Pss:                   7 kB
7f00d0200000-7f00d0220000 rw-p 00000000 00:00 0
Pss:                  30 kB
190001800000-190002000000 rw-p 00000000 00:00 0
Pss:                   5 kB
7f00c0000000-7f00c0100000 rw-p 00000000 00:00 0    [anon: Go: allocation bits]
Pss:                   3 kB
7f00b0000000-7f00b0100000 rw-p 00000000 00:00 0
Pss:                   2 kB
`))
	want := map[string]int{partProgram: 100, partShared: 1000, partGoCode: 10, partGoData: 37, partGoHeap: 5, partRuntime: 3, partOther: 2}
	if err != nil || !maps.Equal(held, want) {
		t.Errorf("%v, %v", held, err)
	}
}

func TestPostmastersChildren(t *testing.T) {
	child := exec.Command("sh", "-c", "while :; do :; done")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	}()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(tick) {
		if u, err := serverUsage(os.Getpid()); err != nil || u.user > 0 {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a child that computes uses no time")
		}
	}
}
