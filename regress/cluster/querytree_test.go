package cluster

import (
	"strings"
)

// clause is a piece of a random query, which can be made smaller.
type clause struct {
	// kind says what may stand here: the kind of a value as in diffLeaves, or
	// "query".
	kind string
	// parts are strings and *clauses, printed one after the other.
	parts []any
	// sep makes it a list: its parts, all clauses, are printed with sep between and
	// prefix in front, and may be dropped as long as least are left.
	sep, prefix string
	least       int
	// instead are texts that may stand here, the simplest first.
	instead []string
	// optional is what may be left out.
	optional bool
	// gone is what has been left out.
	gone bool
}

func join(kind string, parts ...any) *clause { return &clause{kind: kind, parts: parts} }

func optional(parts ...any) *clause { return &clause{parts: parts, optional: true} }

func list(prefix, sep string, least int, items ...*clause) *clause {
	n := &clause{prefix: prefix, sep: sep, least: least}
	for _, item := range items {
		n.parts = append(n.parts, item)
	}
	return n
}

func (n *clause) String() string {
	var w strings.Builder
	n.write(&w)
	return w.String()
}

func (n *clause) write(w *strings.Builder) {
	if n.gone {
		return
	}
	first := true
	for _, p := range n.parts {
		child, ok := p.(*clause)
		if ok && child.gone {
			continue
		}
		if n.sep != "" {
			if first {
				w.WriteString(n.prefix)
			} else {
				w.WriteString(n.sep)
			}
			first = false
		}
		if ok {
			child.write(w)
		} else {
			w.WriteString(p.(string))
		}
	}
}

func (n *clause) left() int {
	count := 0
	for _, p := range n.parts {
		if child, ok := p.(*clause); ok && !child.gone {
			count++
		}
	}
	return count
}

// walk calls f for n and what is below and not gone, the upper ones first.
func (n *clause) walk(f func(*clause)) {
	if n.gone {
		return
	}
	f(n)
	for _, p := range n.parts {
		if child, ok := p.(*clause); ok {
			child.walk(f)
		}
	}
}

// shrink makes a query smaller as long as bad holds of it, with at most so many
// attempts.
func (n *clause) shrink(attempts int, bad func() bool) {
	for changed := true; changed && attempts > 0; {
		changed = false
		var all []*clause
		n.walk(func(m *clause) { all = append(all, m) })
		for _, m := range all {
			for _, step := range m.steps() {
				undo := step()
				if undo == nil {
					continue
				}
				if attempts--; attempts >= 0 && bad() {
					changed = true
					break
				}
				undo()
			}
		}
	}
}

// steps are changes that make a node smaller; each is undone by what it
// returns, or is not possible and returns nil.
func (n *clause) steps() []func() func() {
	var steps []func() func()
	if n.gone {
		return nil
	}
	if n.optional {
		steps = append(steps, func() func() {
			n.gone = true
			return func() { n.gone = false }
		})
	}
	for _, text := range n.instead {
		if len(n.String()) <= len(text) {
			continue
		}
		steps = append(steps, func() func() { return n.become([]any{text}, nil) })
	}
	if n.kind != "" {
		n.walk(func(m *clause) {
			if m != n && m.kind == n.kind {
				steps = append(steps, func() func() { return n.become(m.parts, m) })
			}
		})
	}
	if n.sep != "" {
		for _, p := range n.parts {
			item := p.(*clause)
			steps = append(steps, func() func() {
				if item.gone || n.left() <= n.least {
					return nil
				}
				item.gone = true
				return func() { item.gone = false }
			})
		}
	}
	return steps
}

// become puts other parts in the place of a node's own.
func (n *clause) become(parts []any, like *clause) func() {
	old := *n
	n.parts = parts
	n.sep, n.prefix, n.least = "", "", 0
	if like != nil {
		n.sep, n.prefix, n.least = like.sep, like.prefix, like.least
	}
	return func() { *n = old }
}
