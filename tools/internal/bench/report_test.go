package main

import (
	"encoding/xml"
	"io"
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
	r.add("rows & columns", "4×", map[string]series{
		wire: {time.Second}, stock: {4500 * time.Millisecond}, stock2: {3 * time.Second}, direct: {900 * time.Millisecond},
	})
	r.add("point", "", map[string]series{wire: {100 * time.Microsecond}, stock: {250 * time.Microsecond}})
	md := r.markdown()
	for _, want := range []string{"| rows & columns | 1.00 s ±0% | 4.50 s ±0% | 3.00 s ±0% | 900 ms ±0% | 4.50× | 3.00× | 1.11× | 4× |", "| 100 µs ±0% | 250 µs ±0% | – | – | 2.50× | – | – |"} {
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
