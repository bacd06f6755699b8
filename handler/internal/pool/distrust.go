package pool

import (
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// Distrust breaks all connections: after a panic nobody knows how far they
// got. Who uses one again in this transaction hears that it is lost.
func (p *Pool) Distrust() {
	for _, e := range p.list {
		if e.conn != nil {
			e.conn.Fail(sqlerr.New(sqlstate.ConnectionFailure,
				"connection to server \"%s\" cannot be used after an internal error", e.target.Params.Server))
		}
	}
}
