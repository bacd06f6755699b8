// Package cost estimates what a foreign path costs. It is arithmetic: no state, no
// clock, no server.
//
// A path is priced in steps. What the remote server does is a Work: a scan of
// a table, joined, grouped, sorted; its rows have not travelled yet. The last
// step, Price, adds the way here and what is checked here. The remote is taken
// to cost what this server would, by the same settings (as postgres_fdw does in
// estimate_path_cost_size of contrib/postgres_fdw/postgres_fdw.c without
// use_remote_estimate), and to choose the cheapest of the plans we can think of.
package cost

import "math"

// Work is what the remote does to answer a relation.
type Work struct {
	Rows    float64 // that it sends
	Width   float64 // bytes of one
	Startup float64 // until the first row is there
	Total   float64
	Setup   float64 // share of fdw_startup_cost that one execution pays
}

// Part is a cost paid once and one paid for each row.
type Part struct{ Startup, Tuple float64 }

// Settings of the planner.
type Settings struct {
	CPUTuple, CPUOperator float64
	SeqPage, RandomPage   float64
	WorkMem               float64 // bytes
}

// Steps, PGWIRE_COST_* of bridge.h.
const (
	StepScan = 1 + iota
	StepJoin
	StepGroup
	StepSort
	StepWindow
	StepLimit
	StepPrice
)

// Step is one step (pgwire_cost_args of bridge.h says which field is for which).
type Step struct {
	Settings
	Step          int
	Keys          float64
	Quals         Part
	Pages, Tuples float64
	Matched       float64
	Fetched       float64
	Setup         float64
	Pairs, Lookup float64
	Rows, Offset  float64
	Width         float64
	FDW           Part
	Inner         Work
}

// Do makes of *w what it is after the step. False: there is no such step.
func (s *Step) Do(w *Work) bool {
	switch s.Step {
	case StepScan:
		*w = s.scan()
	case StepJoin:
		*w = s.join(*w)
	case StepGroup:
		*w = s.group(*w)
	case StepSort:
		*w = s.sort(*w)
	case StepWindow:
		*w = s.window(*w)
	case StepLimit:
		*w = s.limit(*w)
	case StepPrice:
		*w = s.price(*w)
	default:
		return false
	}
	w.Startup, w.Total = number(w.Startup), number(w.Total)
	w.Total = math.Max(w.Total, w.Startup)
	return true
}

// number makes infinite what options and settings have brought to NaN, which
// sorts nowhere.
func number(cost float64) float64 {
	if math.IsNaN(cost) {
		return math.Inf(1)
	}
	return cost
}

// scan reads the table from end to end and checks the conditions, or goes by an
// index where that is cheaper.
func (s *Step) scan() Work {
	whole := s.SeqPage*s.Pages + (s.CPUTuple+s.Quals.Tuple)*s.Tuples
	if s.Matched >= 0 {
		whole = math.Min(whole, s.byIndex())
	}
	return Work{Rows: s.Rows, Width: s.Width, Startup: s.Quals.Startup, Total: s.Quals.Startup + whole, Setup: s.Setup}
}

// byIndex is a look-up: comparisons on the way down, the pages that are not in memory yet,
// the rows.
func (s *Step) byIndex() float64 {
	const comparisons = 200 // what btcostestimate charges for three or four levels
	perTuple := s.CPUTuple + s.CPUOperator + s.Quals.Tuple
	return comparisons*s.CPUOperator + s.RandomPage*s.Fetched + perTuple*s.Matched
}

// join takes the cheapest of a hash join that builds a table of the inner side,
// look-ups of inner rows by an index, and a nested loop over a materialized inner
// side.
func (s *Step) join(outer Work) Work {
	inner := s.Inner
	out := Work{Rows: s.Rows, Width: s.Width, Setup: s.Setup}
	checked := (s.CPUTuple+s.Quals.Tuple)*s.Pairs + s.Quals.Startup
	out.Startup = outer.Startup + inner.Startup + s.Quals.Startup
	out.Total = outer.Total + inner.Total + checked + (s.CPUOperator+s.Quals.Tuple)*outer.Rows*inner.Rows
	if s.Keys > 0 {
		build := inner.Total + (s.CPUOperator*s.Keys+s.CPUTuple)*inner.Rows
		hash := outer.Total + build + s.CPUOperator*s.Keys*outer.Rows + checked + s.spill(outer, inner)
		if hash < out.Total {
			out.Startup, out.Total = outer.Startup+build+s.Quals.Startup, hash
		}
	}
	if s.Lookup >= 0 {
		if byIndex := outer.Total + s.Lookup*outer.Rows + checked; byIndex < out.Total {
			out.Startup, out.Total = outer.Startup+s.Quals.Startup, byIndex
		}
	}
	return out
}

// perRow is how many times fdw_tuple_cost a row costs on its way: that option is for a row
// of 30 bytes, of which about half goes by the row and half by the bytes (docs/cost.md).
func perRow(width float64) float64 { return 0.5 + width/60 }

// rowOverhead is what a row takes in a hash table or a sort beside its values.
const rowOverhead = 24

// spill is the reading and writing of files by a hash join whose table is larger than
// the memory for it.
func (s *Step) spill(outer, inner Work) float64 {
	if bytes(inner) <= s.WorkMem {
		return 0
	}
	return 2 * s.SeqPage * (bytes(inner) + bytes(outer)) / blockSize
}

const blockSize = 8192

func bytes(w Work) float64 { return w.Rows * (w.Width + rowOverhead) }

// group hashes rows to groups; with no keys all are one.
func (s *Step) group(in Work) Work {
	groups := math.Min(s.Rows, math.Max(in.Rows, 1))
	each := s.CPUOperator*s.Keys + s.Quals.Tuple
	done := in.Total + s.Quals.Startup + each*in.Rows
	if s.Keys > 0 {
		if mem := groups * (s.Width + rowOverhead); mem > s.WorkMem {
			done += 2 * s.SeqPage * bytes(in) / blockSize
		}
	}
	return Work{Rows: groups, Width: s.Width, Startup: done, Total: done + s.CPUTuple*groups, Setup: in.Setup}
}

// sort compares each row with log2(n) others, or with as many as are wanted. It is
// what cost_sort of this server takes, by whatever number of keys, but for the reading
// of the sorted rows: where all else is equal, the remote is to sort.
func (s *Step) sort(in Work) Work {
	n := math.Max(in.Rows, 2)
	kept := n
	if s.Rows >= 0 && 2*s.Rows < n {
		kept = math.Max(2*s.Rows, 2)
	}
	sorted := in.Total + 2*s.CPUOperator*n*math.Log2(kept)
	if b := bytes(in); kept == n && b > s.WorkMem {
		sorted += 2 * s.SeqPage * b / blockSize
	}
	in.Startup, in.Total = sorted, sorted
	return in
}

// window computes functions over rows that come in order.
func (s *Step) window(in Work) Work {
	in.Total += s.Quals.Startup + (s.Quals.Tuple+s.CPUOperator*s.Keys+s.CPUTuple)*in.Rows
	in.Width = s.Width
	return in
}

// limit stops after offset and so many rows.
func (s *Step) limit(in Work) Work {
	if in.Rows < 1 {
		return in
	}
	run := in.Total - in.Startup
	skipped := math.Min(math.Max(s.Offset, 0), in.Rows)
	rows := in.Rows - skipped
	if s.Rows >= 0 {
		rows = math.Min(rows, s.Rows)
	}
	if run > 0 {
		in.Total = in.Startup + run*(skipped+rows)/in.Rows
		in.Startup += run * skipped / in.Rows
	}
	in.Rows = math.Max(rows, 1)
	return in
}

// price adds the way here, and the conditions that are checked here. Only Startup
// and Total are meant by the answer.
func (s *Step) price(w Work) Work {
	once := s.FDW.Startup*w.Setup + s.Quals.Startup
	each := s.FDW.Tuple*perRow(w.Width) + s.CPUTuple + s.Quals.Tuple
	w.Startup += once
	w.Total += once + each*w.Rows
	return w
}
