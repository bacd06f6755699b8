package feed

import "math"

// Condition is one that rows are going to be checked by: what cannot pass it need not be made.
type Condition struct {
	What    Role // LSN, CommitTime, Op, Relation
	Compare int  // less ... notEqual
	Number  int64
	Text    string // of Relation
}

// How a condition compares (PGWIRE_FEED_LT ... of bridge.h).
const (
	less = iota + 1
	lessEqual
	equal
	greaterEqual
	greater
	notEqual
)

// conditions are those of one scan.
type conditions struct {
	list []Condition
	last uint64 // no transaction that commits behind it passes
}

// settle finds where reading may end.
func (c *conditions) settle() {
	c.last = math.MaxUint64
	for _, k := range c.list {
		if k.What != LSN {
			continue
		}
		switch n := uint64(k.Number); k.Compare {
		case less:
			c.last = min(c.last, max(n, 1)-1)
		case lessEqual, equal:
			c.last = min(c.last, n)
		}
	}
}

func holds(compare, order int) bool {
	switch compare {
	case less:
		return order < 0
	case lessEqual:
		return order <= 0
	case equal:
		return order == 0
	case greaterEqual:
		return order >= 0
	case greater:
		return order > 0
	case notEqual:
		return order != 0
	}
	return true
}

// pass reports whether a row of the event may pass. NULL passes no condition.
func (c *conditions) pass(e *event) bool {
	for i := range c.list {
		k := &c.list[i]
		ok := true
		switch k.What {
		case LSN:
			ok = holds(k.Compare, compareUint(e.commit, uint64(k.Number)))
		case CommitTime:
			ok = e.time != noTime && holds(k.Compare, compareInt(e.time, k.Number))
		case Op:
			ok = holds(k.Compare, compareInt(int64(e.op), k.Number))
		case Relation:
			ok = e.rel != nil && (k.Compare != equal || e.rel.String() == k.Text)
		}
		if !ok {
			return false
		}
	}
	return true
}

func compareUint(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func compareInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
