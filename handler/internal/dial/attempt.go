package dial

import (
	"context"

	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// Target describes the connection of one user mapping, as the catalogs have it
// when it is opened.
type Target struct {
	Umid        uint32
	ServerID    uint32
	ServerHash  uint32 // syscache hash values, to recognise invalidations
	MappingHash uint32
	UserID      uint32 // local user of the mapping, 0 for PUBLIC; for listings
	Params      Params
	Keep        bool // option keep_connections
	LazyCommit  bool // option lazy_commit
	// ParallelCommit and ParallelAbort are the options of that name.
	ParallelCommit, ParallelAbort bool
	// Pooled is the option of that name. With "true" the settings in Params are
	// not sent with the start-up.
	Pooled string
	// MaxConns is the option max_connections_per_server, >= 1.
	MaxConns int
}

// Attempt is a connection being made in a goroutine of its own. The backend's
// thread polls FD and then asks for the Result; whoever started it ends it by
// taking the result or by Abandon.
type Attempt struct {
	sig    *Signal
	stop   context.CancelFunc
	result chan attemptResult // buffered: the goroutine never blocks on it
}

type attemptResult struct {
	est *Established
	err *sqlerr.Error
}

// Start begins to connect. It does not block.
func Start(p Params) (*Attempt, *sqlerr.Error) {
	sig, err := NewSignal(2)
	if err != nil {
		return nil, sqlerr.New(sqlstate.InsufficientResources, "could not make an eventfd: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	a := &Attempt{sig: sig, stop: stop, result: make(chan attemptResult, 1)}
	finish := func(r attemptResult) {
		a.result <- r
		sig.Set()
		sig.Release()
	}
	invariant.Go("dial", func() {
		est, err := Dial(ctx, p)
		finish(attemptResult{est, err})
	}, func(err error) { finish(attemptResult{nil, sqlerr.From(err)}) })
	return a, nil
}

// FD is readable once there is a Result. It is valid until that is taken or
// the attempt abandoned.
func (a *Attempt) FD() int { return a.sig.fd }

// Result is how the attempt has ended, or ready false while it is under way.
// It is given once; the connection belongs to the caller.
func (a *Attempt) Result() (est *Established, err *sqlerr.Error, ready bool) {
	select {
	case r := <-a.result:
		a.stop()
		a.sig.Release()
		return r.est, r.err, true
	default:
		return nil, nil, false
	}
}

// Abandon lets the attempt end by itself; what it may still open is closed.
func (a *Attempt) Abandon() {
	a.stop()
	a.sig.Release()
	result := a.result
	invariant.Go("dial-reaper", func() {
		if r := <-result; r.est != nil {
			_ = r.est.Sock.Close()
		}
	}, nil)
}
