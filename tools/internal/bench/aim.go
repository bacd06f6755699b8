package main

import "fmt"

// aim is what the project set out to reach, compared with another contender.
type aim struct {
	than  string
	limit float64
	ratio func(ours, theirs float64) float64
	words string // with the limit and the other's name
	least bool   // the limit is one from below
}

// atMost: ours takes no more than limit times what the other takes.
func atMost(than string, limit float64) aim {
	return aim{than: than, limit: limit, words: "≤ %s × %s", ratio: func(ours, theirs float64) float64 { return ours / theirs }}
}

// faster: the other takes at least limit times what ours takes.
func faster(than string, limit float64) aim {
	return aim{than: than, limit: limit, least: true, words: "≥ %s × as fast as %s", ratio: func(ours, theirs float64) float64 { return theirs / ours }}
}

// verdict states the aim, what was measured, and whether that reaches it.
func (a aim) verdict(ours, theirs float64) string {
	name := a.than
	if name == direct {
		name = "direct"
	}
	text := fmt.Sprintf(a.words, fmt.Sprint(a.limit), name)
	if ours <= 0 || theirs <= 0 {
		return text + ": not measured"
	}
	got := a.ratio(ours, theirs)
	if a.least == (got >= a.limit) || got == a.limit {
		return fmt.Sprintf("%s: %s ✓", text, digits(got))
	}
	return fmt.Sprintf("%s: **%s ✗**", text, digits(got))
}
