package ship

import "pgwire_fdw/handler/internal/ir"

// Query decides on a query as a whole. It answers what is to blame when it may
// not run on the remote server, nothing when it may: its expressions are then as
// they have to be sent. They are changed in place and belong to the answer.
func Query(servers ir.Servers, q *ir.Query) []Refusal {
	s := statement{servers: servers}
	s.query(q)
	return s.refusals
}

// statement collects the refusals of a query.
type statement struct {
	servers  ir.Servers
	refusals []Refusal
}

func (s *statement) refuse(reason string) {
	s.refusals = append(s.refusals, Refusal{ID: ir.NoNode, Reason: reason})
}

// add takes a decision on an expression.
func (s *statement) add(err error) {
	if refusal, ok := err.(*Refusal); ok {
		s.refusals = append(s.refusals, *refusal)
	}
}

func (s *statement) query(q *ir.Query) {
	for i := range q.Where {
		e, err := Clause(s.servers, q.Where[i])
		if s.add(err); err == nil {
			q.Where[i] = e
		}
	}
	for i := range q.Targets {
		if v, ok := q.Targets[i].Expr.(*ir.Var); !ok || !v.Foreign() {
			s.add(refuse(q.Targets[i].Expr, "output that is no column"))
		}
	}
}
