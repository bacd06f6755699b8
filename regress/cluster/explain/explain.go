// Package explain reads plans as EXPLAIN (FORMAT json) writes them, and tells
// what of a query is done by remote servers.
package explain

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Node is a node of a plan with what is asked about here.
type Node struct {
	Type      string  `json:"Node Type"`
	Relation  string  `json:"Relation Name"`
	RemoteSQL string  `json:"Remote SQL"` // with VERBOSE
	Filter    string  `json:"Filter"`
	OneTime   string  `json:"One-Time Filter"`
	Plans     []*Node `json:"Plans"`
}

// Parse reads the plan of one statement.
func Parse(text []byte) (*Node, error) {
	var plans []struct{ Plan *Node }
	if err := json.Unmarshal(text, &plans); err != nil {
		return nil, err
	}
	if len(plans) != 1 || plans[0].Plan == nil {
		return nil, fmt.Errorf("%d plans instead of one", len(plans))
	}
	return plans[0].Plan, nil
}

// Walk calls f for the node and all below, sub-plans included.
func (n *Node) Walk(f func(*Node)) {
	f(n)
	for _, child := range n.Plans {
		child.Walk(f)
	}
}

// Count is the number of nodes of the given types.
func (n *Node) Count(types ...string) int {
	count := 0
	n.Walk(func(n *Node) {
		if slices.Contains(types, n.Type) {
			count++
		}
	})
	return count
}

// Whole tells whether the remote server answers the whole query: there is one
// Foreign Scan, which has no condition of its own, and besides nothing but
// nodes that rename and compute columns (Result, Subquery Scan).
func (n *Node) Whole() bool {
	whole := n.Count("Foreign Scan") == 1
	n.Walk(func(n *Node) {
		switch n.Type {
		case "Foreign Scan", "Result", "Subquery Scan":
			whole = whole && n.Filter == "" && n.OneTime == ""
		default:
			whole = false
		}
	})
	return whole
}

// Local are the types of the nodes that do the work left to this server, each
// once, sorted: all that are neither foreign scans nor what Whole allows.
func (n *Node) Local() []string {
	var types []string
	n.Walk(func(n *Node) {
		switch n.Type {
		case "Foreign Scan", "Result", "Subquery Scan":
			if n.Filter != "" || n.OneTime != "" {
				types = append(types, "Filter")
			}
		default:
			types = append(types, n.Type)
		}
	})
	slices.Sort(types)
	return slices.Compact(types)
}
