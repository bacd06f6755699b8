package session

import "time"

// Waiting is the one answer to "what do I wait for": what to poll before asking
// again.
type Waiting struct {
	FD      int           // <0: none, only the timeout counts
	Write   bool          // for writability too
	Timeout time.Duration // <0: none; with no FD 0 means "ask again at once"
	Connect bool          // while a connection is made
	Cleanup bool          // while something is ended
	// Socket is not 0 when FD is a connection's socket for as long as it lives;
	// no later connection has the same number.
	Socket uint32
}

// FitsWaitEventSet reports whether the wait can be one event of a server's
// WaitEventSet: a descriptor that becomes readable, and no timeout
// (ForeignAsyncConfigureWait adds exactly that).
func (w *Waiting) FitsWaitEventSet() bool { return w.FD >= 0 && !w.Write && w.Timeout < 0 }
