package feed

import (
	"math"
	"slices"
	"time"

	"pgwire_fdw/handler/internal/mem"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
	"pgwire_fdw/handler/internal/wire"
)

// pass is one reading of a slot, from the stored position to the horizon of the local transaction, for all feeds that
// were open when it began. Whichever feed asks drives it; what concerns the others is set aside for them.
type pass struct {
	slot    *slot
	src     Source
	members []*Feed
	link    *link
	state   passState
	in      mem.Buffer
	text    bool // values come as text
	types   types
	facts   *facts

	rels   map[uint32]*relation
	parser changeParser
	tx     begin // the transaction that is being read
	inside bool  // it
	seq    int64
	last   uint64 // end of the last whole transaction
	end    uint64 // transactions that commit from here on are not read
	bytes  int64
	any    bool // a transaction was read

	deadline time.Time // a first change is waited for
	resume   place     // what comes up to there has been dealt with, by the stream before
	torn     int       // keepalives that had nothing new to say, in a row
	tornAt   uint64

	upto uint64 // done: all before it has been read
	err  *sqlerr.Error
}

// place is a change within the stream.
type place struct {
	commit uint64
	seq    int64
}

type passState int

const (
	waiting passState = iota // for the link to be idle
	asking                   // the link asks what has to be known before
	streaming
	done
)

// pumpBytes is how much one pump reads: the backend's thread must get back to where it can be interrupted.
const pumpBytes = 4 << 20

// join finds the pass that a feed reads, or makes one. Nil, nil: it is found.
func (s *slot) join(f *Feed) (*Wait, *sqlerr.Error) {
	if p := f.pass; p != nil {
		if p.src.Position == f.src.Position && p.src.Umid == f.src.Umid {
			f.phase = reading // it began before its first row was asked for
			return nil, nil
		}
		f.leave()
	}
	if p := s.pass; p != nil && p.state != done {
		// a slot has one reader: what others have to have of this pass is set aside
		if w, err := p.drain(); w != nil || err != nil {
			return w, err
		}
	}
	s.pass = &pass{slot: s, src: f.src, end: math.MaxUint64, rels: map[uint32]*relation{}}
	for _, m := range s.feeds {
		if m == f || m.phase == opened && m.pass == nil {
			m.pass = s.pass
			m.track()
			s.pass.members = append(s.pass.members, m)
		}
	}
	f.phase = reading
	return nil, nil
}

// dismiss is a member's word that it reads no more of the pass.
func (p *pass) dismiss(f *Feed) {
	if i := slices.Index(p.members, f); i >= 0 {
		p.members = slices.Delete(p.members, i, i+1)
	}
	if len(p.members) == 0 {
		p.abandon()
	}
}

// abandon ends the pass before its end.
func (p *pass) abandon() {
	if p.state == done {
		return
	}
	p.stop()
	p.err = sqlerr.New(sqlstate.InvalidCursorState, "changes of slot \"%s\" are gone: the transaction in which they were read has ended", p.slot.key.slot)
}

// stop lets go of the stream.
func (p *pass) stop() {
	if p.link != nil && p.state != waiting {
		p.link.leave()
	}
	p.state = done
	p.in.Free()
}

// finish is the end of the pass: all before upto has been read.
func (p *pass) finish(upto uint64) {
	p.upto = upto
	if p.facts != nil {
		p.slot.notes.horizon = upto
	}
	p.stop()
}

// fail ends the pass with an error, which each member hears.
func (p *pass) fail(err *sqlerr.Error) *sqlerr.Error {
	p.err = err
	p.stop()
	if p.link != nil {
		p.link.close() // nobody knows what it is in the middle of
		if p.slot.link == p.link {
			p.slot.link = nil
		}
	}
	return failure(err)
}

// drain reads the pass to its end, for all members but at nobody's request.
func (p *pass) drain() (*Wait, *sqlerr.Error) {
	for {
		w, err := p.pump(nil)
		if err != nil || w != nil {
			return w, err
		}
		if p.state == done {
			return nil, nil
		}
	}
}

// pump reads until f's batch is full, nothing more is there (a Wait), or the pass is at its end.
func (p *pass) pump(f *Feed) (*Wait, *sqlerr.Error) {
	for {
		if p.err != nil {
			return nil, failure(p.err)
		}
		switch p.state {
		case waiting:
			w, err := p.connect()
			if err != nil {
				return nil, p.fail(err)
			}
			if w != nil {
				return w, nil
			}
		case asking:
			facts, err := p.link.known()
			if err != nil {
				return nil, p.fail(err)
			}
			if facts == nil {
				return &Wait{FD: p.link.sig.FD(), Timeout: -1, Connect: true}, nil
			}
			p.begin(facts)
		case streaming:
			w, more, err := p.stream(f)
			if err != nil {
				return nil, p.fail(err)
			}
			if w != nil || !more {
				return w, nil
			}
		default:
			return nil, nil
		}
	}
}

// connect begins to read, once the link is free.
func (p *pass) connect() (*Wait, *sqlerr.Error) {
	s := p.slot
	if s.link != nil {
		idle, broken := s.link.idle()
		if !idle {
			return &Wait{FD: s.link.sig.FD(), Timeout: -1}, nil
		}
		if broken || s.umid != p.src.Umid {
			s.link.close()
			s.link = nil
		}
	}
	if s.link == nil {
		l, err := newLink()
		if err != nil {
			return nil, err
		}
		s.link, s.umid = l, p.src.Umid
	}
	p.link = s.link
	p.link.begin(p.order())
	p.state = asking
	return nil, nil
}

// order says what is to be read. Its functions run in the link's goroutine, on what does not change.
func (p *pass) order() *order {
	o := &order{Source: p.src}
	if p.resume.commit != 0 {
		o.Position = max(o.Position, p.last)
	}
	forced := p.text
	var specs []*Spec
	for _, m := range p.members {
		spec := &m.spec
		specs = append(specs, spec)
		if !spec.all() {
			o.tables = append(o.tables, tableName{spec.Schema, spec.Table})
		}
	}
	o.text = func(tables map[tableName]catalogTable) bool {
		return forced || slices.ContainsFunc(specs, func(s *Spec) bool { return s.needsText(tables) })
	}
	return o
}

// needsText reports whether binary values would be of no use for some column.
func (s *Spec) needsText(tables map[tableName]catalogTable) bool {
	if slices.ContainsFunc(s.Columns, func(c Column) bool { return c.Role == OldRow || c.Role == NewRow }) {
		return true
	}
	rel := &relation{}
	known := types{}
	for _, c := range tables[tableName{s.Schema, s.Table}] {
		rel.columns = append(rel.columns, relationColumn{name: c.name, typeOID: c.typeOID, typmod: -1})
		known[c.typeOID] = c.base
	}
	_, err := newShape(s.Columns, rel, known, true, s.Options)
	return err == errNeedText
}

// begin takes what was learnt before the stream.
func (p *pass) begin(f *facts) {
	p.facts, p.text, p.types = f, f.text, types{}
	for _, t := range f.tables {
		for _, c := range t {
			p.types[c.typeOID] = c.base
		}
	}
	n := &p.slot.notes
	if n.horizon == 0 {
		n.horizon = f.end
	}
	p.end = n.horizon
	for _, m := range p.members {
		m.stats.Text = m.stats.Text || f.text
	}
	p.state = streaming
}

// stream takes messages. more: the state has changed, or there is more to do.
func (p *pass) stream(f *Feed) (w *Wait, more bool, _ *sqlerr.Error) {
	end := p.bytes + pumpBytes
	for p.state == streaming {
		if p.in.Len() == 0 {
			if w, err := p.refill(); w != nil || err != nil {
				return w, false, err
			}
			continue
		}
		typ, body, n, _, err := wire.Frame(p.in.Bytes())
		if err != nil || n == 0 || typ != 'd' {
			return nil, false, protocolError("a broken run of changes")
		}
		full, e := p.message(body, f)
		if e != nil {
			return nil, false, e
		}
		if p.state == done {
			break
		}
		if p.state == waiting {
			return nil, true, nil // to be read anew, as text
		}
		p.in.Take(n)
		p.bytes += int64(n)
		if f != nil {
			f.stats.Bytes += int64(n)
		}
		p.slot.notes.bytes += int64(n)
		if full {
			return nil, false, nil
		}
		if p.bytes >= end {
			return &Wait{FD: -1}, false, nil
		}
	}
	return nil, p.state != done, nil
}

// refill takes what the link has. A Wait: nothing, so far.
func (p *pass) refill() (*Wait, *sqlerr.Error) {
	ended, err := p.link.take(&p.in)
	switch {
	case err != nil:
		return nil, err
	case ended:
		return nil, sqlerr.New(sqlstate.ConnectionFailure, "the stream of changes has ended early")
	case p.in.Len() > 0:
		return nil, nil
	}
	w := &Wait{FD: p.link.sig.FD(), Timeout: -1}
	if !p.deadline.IsZero() {
		if w.Timeout = time.Until(p.deadline); w.Timeout <= 0 {
			p.finish(max(p.facts.end, p.tornAt, p.last))
			return nil, nil
		}
	}
	return w, nil
}

// keepalive tells up to where the server has come: to the horizon, and the pass is over.
func (p *pass) keepalive(k keepalive) {
	switch {
	case p.inside:
	case !p.deadline.IsZero():
		// nothing was there, and a first change is waited for
		p.tornAt = max(p.tornAt, k.end)
	case k.end >= p.end:
		p.caughtUp(p.end)
	case p.facts.torn && k.end == p.tornAt:
		if p.torn++; p.torn == 3 {
			p.caughtUp(k.end)
		}
	default:
		p.torn, p.tornAt = 0, k.end
	}
}

// caughtUp ends the pass, unless nothing has come and something is to be waited for.
func (p *pass) caughtUp(upto uint64) {
	wait := time.Duration(0)
	for _, m := range p.members {
		wait = max(wait, m.spec.Wait)
	}
	if p.any || wait == 0 || p.end != p.facts.end {
		p.finish(upto)
		return
	}
	p.deadline, p.end, p.tornAt = time.Now().Add(wait), math.MaxUint64, upto
}

// waitedFor is how much WAL is read from the first change on that was waited for.
const waitedFor = 16 << 20

// message deals with one CopyData. full: f's batch takes no more.
func (p *pass) message(body []byte, f *Feed) (full bool, _ *sqlerr.Error) {
	_, data, k, err := payload(body)
	if err != nil {
		return false, protocolError("%v", err)
	}
	if data == nil {
		p.keepalive(k)
		return false, nil
	}
	p.torn = 0
	switch data[0] {
	case 'B':
		return false, p.beginTransaction(data[1:])
	case 'C':
		return false, p.endTransaction(data[1:])
	case 'R':
		rel, err := parseRelation(data[1:])
		if err != nil {
			return false, protocolError("%v", err)
		}
		p.rels[rel.oid] = rel
		return false, nil
	case 'Y', 'O': // names of types are not needed, nor where a change came from
		return false, nil
	case 'I', 'U', 'D':
		return p.changed(data, f)
	case 'T':
		return p.truncated(data[1:], f)
	case 'M':
		return p.said(data[1:], f)
	}
	return false, protocolError("unknown message type 0x%02x from pgoutput", data[0])
}

func (p *pass) beginTransaction(b []byte) *sqlerr.Error {
	m, err := parseBegin(b)
	switch {
	case err != nil:
		return protocolError("%v", err)
	case p.inside:
		return protocolError("a transaction begins in another")
	case m.commit < p.last:
		return protocolError("transactions out of order: one that commits at %s after the end of one at %s", formatLSN(m.commit), formatLSN(p.last))
	case m.commit >= p.end:
		p.finish(p.end)
		return nil
	}
	if !p.deadline.IsZero() {
		p.deadline, p.end = time.Time{}, m.commit+waitedFor
	}
	p.tx, p.inside, p.seq, p.any = m, true, 0, true
	return p.beyond(m.commit)
}

// beyond marks the members whose conditions let nothing pass that commits there or later.
func (p *pass) beyond(commit uint64) *sqlerr.Error {
	left := false
	for _, m := range p.members {
		if m.phase == reading && !m.over && commit > m.conds.last {
			m.over, m.upto = true, p.last
		}
		left = left || !m.over
	}
	if !left {
		p.upto = p.last
		p.stop()
	}
	return nil
}

func (p *pass) endTransaction(b []byte) *sqlerr.Error {
	m, err := parseCommit(b)
	switch {
	case err != nil:
		return protocolError("%v", err)
	case !p.inside || m.lsn != p.tx.commit || m.end <= m.lsn:
		return protocolError("the end of a transaction that has not begun")
	}
	p.inside, p.last = false, m.end
	p.resume = place{}
	if err := p.slot.notes.ended(m); err != nil {
		return err
	}
	limit := int64(0)
	for _, member := range p.members {
		member.stats.Transactions++
		member.stats.LSN = m.end
		if err := member.mark(m.end); err != nil {
			return err
		}
		if n := member.spec.MaxBytes; n > 0 && (limit == 0 || n < limit) {
			limit = n
		}
	}
	if limit > 0 && p.bytes >= limit {
		p.finish(m.end)
	}
	return nil
}

// changed deals with an Insert, Update or Delete.
func (p *pass) changed(data []byte, f *Feed) (full bool, _ *sqlerr.Error) {
	oid, err := relationOf(data[1:])
	if err != nil {
		return false, protocolError("%v", err)
	}
	rel := p.rels[oid]
	if rel == nil || !p.inside {
		return false, protocolError("a change of a relation that was not described, or outside of a transaction")
	}
	e := event{begin: p.tx, rel: rel}
	e.op, e.relation = data[0], oid
	if !p.wanted(&e) {
		return false, nil
	}
	if e.change, err = p.parser.parse(data[0], data[1:]); err != nil {
		return false, protocolError("%v", err)
	}
	return p.hand(&e, f)
}

func (p *pass) truncated(b []byte, f *Feed) (full bool, _ *sqlerr.Error) {
	oids, err := parseTruncate(b)
	if err != nil {
		return false, protocolError("%v", err)
	}
	for _, oid := range oids {
		rel := p.rels[oid]
		if rel == nil || !p.inside {
			return false, protocolError("a truncate of a relation that was not described, or outside of a transaction")
		}
		e := event{begin: p.tx, rel: rel}
		e.op, e.relation = 'T', oid
		if !p.wanted(&e) {
			continue
		}
		filled, err := p.hand(&e, f)
		if err != nil {
			return false, err
		}
		full = full || filled
	}
	return full, nil
}

// said deals with a logical message. One outside of transactions is a change by itself.
func (p *pass) said(b []byte, f *Feed) (full bool, _ *sqlerr.Error) {
	m, err := parseLogical(b)
	if err != nil {
		return false, protocolError("%v", err)
	}
	e := event{begin: p.tx, msg: &m}
	if e.op = 'M'; !m.transactional {
		e.begin = begin{commit: m.lsn, time: noTime}
		if m.lsn >= p.end {
			return false, nil // a transaction or keepalive behind it will end the pass
		}
	}
	if m.transactional != p.inside {
		return false, protocolError("a logical message out of its place")
	}
	if !p.wanted(&e) {
		return false, nil
	}
	return p.hand(&e, f)
}

// wanted counts a change and reports whether a row may come of it for anybody.
func (p *pass) wanted(e *event) bool {
	if e.seq = 1; p.inside {
		p.seq++
		e.seq = p.seq
	}
	if e.commit < p.src.Position || e.commit < p.resume.commit || e.commit == p.resume.commit && e.seq <= p.resume.seq {
		return false
	}
	wanted := false
	for _, m := range p.members {
		m.stats.Changes++
		wanted = wanted || m.wants(e)
	}
	return wanted
}

// wants reports whether a row of the event may pass.
func (f *Feed) wants(e *event) bool {
	if f.over {
		return false
	}
	if !f.spec.all() && (e.rel == nil || e.rel.table != f.spec.Table || e.rel.schema != f.spec.Schema) {
		return false
	}
	return f.phase != reading || f.conds.pass(e)
}

// hand gives the event to all members that want it. First all of them must be able to take it: where one is not, the
// slot is read anew from here, with values as text.
func (p *pass) hand(e *event, f *Feed) (full bool, _ *sqlerr.Error) {
	for _, m := range p.members {
		if !m.wants(e) {
			continue
		}
		err := m.shapeOf(e)
		if err == errNeedText && !p.text {
			p.again(e)
			return false, nil
		}
		if err != nil {
			return false, m.valueError(err, e.rel)
		}
	}
	for _, m := range p.members {
		if !m.wants(e) {
			continue
		}
		filled, err := m.take(e, m == f && m.empty())
		if err != nil {
			return false, err
		}
		full = full || filled && m == f
	}
	return full, nil
}

// empty reports whether nothing is set aside.
func (f *Feed) empty() bool {
	body, err := f.spool.Peek()
	return body == nil && err == nil
}

// again reads on from in front of this event, with values as text.
func (p *pass) again(e *event) {
	p.link.leave()
	p.resume = place{e.commit, e.seq - 1}
	p.text, p.state, p.inside = true, waiting, false
	p.in.Reset(0)
}
