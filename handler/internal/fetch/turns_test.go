package fetch

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
)

var turns = flag.Int("turns", 40, "how many random sequences TestTurns plays")

// player is one scan of a random sequence with what it has to give.
type player struct {
	*Scan
	width int
	level int // of the (sub-)transaction it was bound in; 0: not bound
	want  []string
	pos   int
	more  bool
	sent  bool
}

// game plays random scans, rebinds, sub-transactions and ends of transactions on
// one connection, and compares every row with a model.
type game struct {
	*rig
	rng     *rand.Rand
	players []*player
	history []string
}

func newGame(r *rig, seed uint64, sql func(width int) string) *game {
	g := &game{rig: r, rng: rand.New(rand.NewPCG(seed, 1))}
	for range 2 + g.rng.IntN(4) {
		p := &player{width: []int{1, 40, 700}[g.rng.IntN(3)]}
		p.Scan = r.scan(sql(p.width), func(s *Spec) {
			s.FetchMemory = []int64{0, 2000, 100000, 1 << 24}[g.rng.IntN(4)]
			s.Expected = []int64{-1, 1}[g.rng.IntN(2)]
			s.MayStop = g.rng.IntN(2) == 0
			s.FetchSize = []int{1, 10, 100}[g.rng.IntN(3)]
		})
		g.players = append(g.players, p)
	}
	return g
}

func (g *game) note(format string, args ...any) {
	g.history = append(g.history, fmt.Sprintf(format, args...))
}

func (g *game) bad(format string, args ...any) {
	g.t.Helper()
	h := g.history
	if len(h) > 60 {
		h = h[len(h)-60:]
	}
	g.t.Fatalf("%s\nafter %q", fmt.Sprintf(format, args...), h)
}

// leave resets the players that were bound at or above a level.
func (g *game) leave(level int) {
	for _, p := range g.players {
		if p.level >= level {
			p.Reset()
			p.level, p.more = 0, false
		}
	}
}

func (g *game) play(p *player) {
	if !p.sent && p.level != g.level { // scan.c binds when the first row is wanted
		p.level = g.level
		g.bind(p.Scan, number(len(p.want)))
	}
	p.sent = true
	out, err := g.next(p.Scan)
	if err != nil {
		g.bad("next: %v", err)
	}
	if out == End {
		if p.pos != len(p.want) {
			g.bad("ended after %d of %d rows", p.pos, len(p.want))
		}
		p.more = false
		return
	}
	for _, row := range batch(p.Scan) {
		if p.pos == len(p.want) || row != p.want[p.pos] {
			g.bad("row %d of %d is %.60q", p.pos, len(p.want), row)
		}
		p.pos++
	}
}

func (g *game) move() {
	p := g.players[g.rng.IntN(len(g.players))]
	switch k := g.rng.IntN(100); {
	case k < 55:
		if p.more {
			g.note("next")
			g.play(p)
			return
		}
		fallthrough
	case k < 80:
		n := []int{0, 1, 30, 3000}[g.rng.IntN(4)]
		g.alone = !g.pool.InTransaction() && g.level == 1 && g.rng.IntN(2) == 0
		g.note("bind %d, width %d, level %d, alone %v", n, p.width, g.level, g.alone)
		g.bind(p.Scan, number(n))
		p.want, p.pos, p.level, p.more, p.sent = genRows(n, p.width), 0, g.level, true, false
	case k < 84:
		g.note("reset")
		p.Reset()
		p.more, p.level = false, 0
	case k < 88 && g.level < 5:
		g.note("push")
		g.level++
	case k < 91 && g.level > 1:
		g.note("subcommit")
		g.subCommit()
		for _, p := range g.players {
			p.level = min(p.level, g.level)
		}
	case k < 95 && g.level > 1:
		g.note("subabort")
		level := g.level
		g.subAbort()
		g.leave(level)
	case k < 97 && g.level == 1:
		g.note("commit")
		g.leave(1)
		if err := g.commit(); err != nil {
			g.bad("commit: %v", err)
		}
	case k < 98:
		g.note("abort")
		g.abort()
		g.leave(1)
	}
}

// TestTurns plays on a scripted server.
func TestTurns(t *testing.T) {
	noLeak(t)
	for seed := range uint64(*turns) {
		e := &engine{}
		r := fakeRig(t, e)
		g := newGame(r, seed, func(w int) string { return fmt.Sprint("gen $1 ", w) })
		for range 120 {
			g.move()
		}
		for _, p := range g.players {
			for p.more {
				g.play(p)
			}
		}
		if n := e.server.Accepts() - len(e.server.Cancels()); n != 1 {
			g.bad("%d connections", n)
		}
		g.abort()
		for _, p := range g.players {
			p.Close()
		}
		e.server.Close()
	}
}
