package cluster

import (
	"fmt"
	"slices"
)

// cursor is what a cursor has to give: in any order, but each row once, and
// the same rows at the same places when it goes back.
type cursor struct {
	name, query  string
	scroll, hold bool
	depth        int // savepoints in front of its declaration
	started      int // ... of the first fetch, -1: none yet
	at, total    int // row that it stands on: 0 before the first, total+1 behind the last
	left         map[string]int
	seen         map[int]string
	endangered   bool // what it was started in has been rolled back
}

func newCursor(name string, rows []string) *cursor {
	c := &cursor{name: name, total: len(rows), started: -1, left: map[string]int{}, seen: map[int]string{}}
	for _, row := range rows {
		c.left[row]++
	}
	return c
}

// take notes that row number i has come; an error says why it must not have.
func (c *cursor) take(i int, row string) error {
	if old, again := c.seen[i]; again {
		if old != row {
			return fmt.Errorf("row %d is %s, and was %s", i, row, old)
		}
		return nil
	}
	c.seen[i] = row
	if c.left[row]--; c.left[row] < 0 {
		return fmt.Errorf("row %d is %s, which is not one of them, or has come already", i, row)
	}
	return nil
}

func (p *plans) declare() {
	query := p.g.query()
	want, ok := p.answer(query)
	if !ok {
		return
	}
	c := newCursor("c"+p.g.alias(), want)
	c.query, c.depth = query, p.depth
	c.scroll, c.hold = p.g.IntN(3) == 0, p.g.IntN(3) == 0
	how := map[bool]string{true: "SCROLL", false: "NO SCROLL"}[c.scroll] + " CURSOR"
	if c.hold {
		how += " WITH HOLD"
	}
	p.do("DECLARE " + c.name + " " + how + " FOR " + p.g.of(query))
	p.cursors = append(p.cursors, c)
}

// fetch moves a cursor by some rows.
func (p *plans) fetch(c *cursor) {
	n := []int{0, 1, 1, 2, 3, 8, 50, 300, 100000}[p.g.IntN(9)]
	back := c.scroll && p.g.IntN(3) == 0
	move := p.g.IntN(5) == 0
	to := min(c.at+n, c.total+1)
	direction := "FORWARD"
	if back {
		to, direction = max(c.at-n, 0), "BACKWARD"
	}
	if n == 0 { // stays where it is
		if n, move = 1, false; back {
			to = max(c.at-1, 0)
		} else {
			to = min(c.at+1, c.total+1)
		}
	}
	what := "FETCH"
	if move {
		what = "MOVE"
	}
	got, err := p.run(fmt.Sprintf("%s %s %d FROM %s", what, direction, n, c.name))
	if c.started < 0 {
		c.started = p.depth
	}
	if err != nil {
		p.fetchFailed(c, err)
		return
	}
	p.count["fetches"]++
	var places []int
	for i := c.at; i != to; {
		if i += 1; back {
			i -= 2
		}
		if i >= 1 && i <= c.total {
			places = append(places, i)
		}
	}
	c.at = to
	if move {
		return
	}
	if len(got) != len(places) {
		p.differ("%s: %d rows instead of %d (of %d, now at %d)", c.query, len(got), len(places), c.total, c.at)
		c.at = c.total + 1
		return
	}
	for i, row := range got {
		if err := c.take(places[i], row); err != nil {
			p.differ("%s: %v", c.query, err)
			return
		}
	}
}

// fetchFailed: the rows of a cursor may be gone when a savepoint has been gone
// back to, but that has to be said.
func (p *plans) fetchFailed(c *cursor, err error) {
	if p.excused(err) {
		return
	}
	gone := c.endangered && (state(err) == "24000" || state(err) == "34000" || state(err) == "55000")
	switch {
	case gone:
		p.count["lost"]++
	case state(err) == "24000":
		p.count["lost without need"]++
		p.Logf("lost: %s", describe(err))
	case state(err) == "57014":
		p.count["timed out"]++
	default:
		p.differ("FETCH of %s: %s", c.query, describe(err))
	}
	if i := slices.Index(p.cursors, c); i >= 0 {
		p.cursors = slices.Delete(p.cursors, i, i+1)
	}
	if p.block {
		p.recover()
	}
}

func (p *plans) savepoint() {
	switch n := p.g.IntN(4); {
	case n < 2 && p.depth < 4 || p.depth == 0:
		p.do(fmt.Sprintf("SAVEPOINT s%d", p.depth))
		p.depth++
	case n == 2:
		p.depth = p.g.IntN(p.depth)
		p.do(fmt.Sprintf("RELEASE s%d", p.depth))
		for _, c := range p.cursors {
			c.depth, c.started = min(c.depth, p.depth), min(c.started, p.depth)
		}
	default:
		p.back(p.g.IntN(p.depth))
	}
}

// back goes back to a savepoint, which stays.
func (p *plans) back(to int) {
	p.do(fmt.Sprintf("ROLLBACK TO s%d", to))
	p.depth = to + 1
	p.cursors = slices.DeleteFunc(p.cursors, func(c *cursor) bool { return c.depth > to })
	for _, c := range p.cursors {
		c.endangered = c.endangered || c.started > to
	}
}

// recover gets out of a failed transaction.
func (p *plans) recover() {
	if p.depth > 0 && p.g.IntN(4) > 0 {
		p.back(p.g.IntN(p.depth))
		return
	}
	p.end("ROLLBACK")
}

// fail runs something that fails here or there.
func (p *plans) fail() {
	sql := p.g.of(p.g.pick("SELECT 1 / (id - id) FROM @c", "SELECT 1 / (id + random()::int * 0 - 7) FROM @a", "SELECT 1 / 0", "SELECT count(*), 1 / (count(*) - 60) FROM @b"))
	_, err := p.run(sql)
	if p.excused(err) {
		return
	}
	if state(err) != "22012" {
		p.differ("%s: %v instead of a division by zero", sql, err)
	}
	if p.block && p.conn.PgConn().TxStatus() == 'E' {
		p.recover()
	}
}

func (p *plans) end(how string) {
	_, err := p.run(how)
	switch {
	case err == nil || p.excused(err):
	case state(err) == "24000" && slices.ContainsFunc(p.cursors, func(c *cursor) bool { return c.hold && c.endangered }):
		p.count["lost"]++
		how = "ROLLBACK"
	default:
		p.differ("fails: %s", describe(err))
	}
	p.block, p.depth = false, 0
	p.cursors = slices.DeleteFunc(p.cursors, func(c *cursor) bool { return how == "ROLLBACK" || !c.hold })
	for _, c := range p.cursors {
		c.endangered, c.depth, c.started = false, 0, 0
	}
}
