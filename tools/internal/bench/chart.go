package main

import (
	"fmt"
	"html"
	"strings"
	"time"
)

// What the chart is made of, in pixels.
const (
	chartWidth = 860
	labelWidth = 250
	barHeight  = 22
	barGap     = 6
	groupGap   = 34
	valueWidth = 150
)

var barColours = map[string]string{wire: "#1f6f4a", stock: "#b5532a", stock2: "#d9a23b", direct: "#6b7280"}

// svg draws a group of bars for each whole-table scan. Every group has a scale
// of its own: what counts is the ratio within it, and that is written out.
func (r *report) svg() string {
	order := []string{wire, stock, stock2, direct}
	var body strings.Builder
	y := 64
	for _, row := range r.rows {
		if len(row.times[stock2]) == 0 {
			continue
		}
		longest := time.Duration(1)
		for _, s := range row.times {
			longest = max(longest, s.median())
		}
		fmt.Fprintf(&body, "<text x=\"20\" y=\"%d\" class=\"group\">%s</text>\n", y, html.EscapeString(row.title))
		y += 12
		for _, name := range order {
			t := row.times[name].median()
			if t == 0 {
				continue
			}
			width := max(2, int(int64(chartWidth-labelWidth-valueWidth)*int64(t)/int64(longest)))
			label := name
			if name == direct {
				label = "COPY, straight to the remote"
			}
			value := show(t)
			if name != wire {
				value += " (" + ratio(t, row.times[wire].median()) + ")"
			}
			middle := y + barHeight/2 + 5
			fmt.Fprintf(&body, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", labelWidth-10, middle, html.EscapeString(label))
			fmt.Fprintf(&body, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"2\" fill=\"%s\"/>\n", labelWidth, y, width, barHeight, barColours[name])
			fmt.Fprintf(&body, "<text x=\"%d\" y=\"%d\">%s</text>\n", labelWidth+width+8, middle, html.EscapeString(value))
			y += barHeight + barGap
		}
		y += groupGap - barGap
	}
	date := ""
	if len(r.where) > 1 {
		date = r.where[0] + ", " + r.where[1]
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" font-family="system-ui, sans-serif" font-size="13" role="img">
<title>Time to read a whole remote table</title>
<style>text { fill: #1f2937 } .group { font-weight: 600 } .small { font-size: 11px; fill: #6b7280 }</style>
<rect width="%[1]d" height="%[2]d" fill="#ffffff"/>
<text x="20" y="28" font-size="17" font-weight="600">Time to read a whole remote table: less is better</text>
%[3]s<text x="20" y="%[4]d" class="small">%[5]s; × is the time of pgwire_fdw</text>
</svg>
`, chartWidth, y+16, body.String(), y, html.EscapeString(date))
}
