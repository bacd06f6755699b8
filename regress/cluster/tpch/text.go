package tpch

import (
	"math/rand/v2"
	"strings"
)

// The words of comments. Queries look for "special", "requests".
var (
	adjectives = strings.Fields("special express final regular silent pending unusual ironic quick slow bold even careful late early small large distant narrow tired patient")
	nouns      = strings.Fields("requests packages accounts deposits invoices letters parcels ledgers receipts contracts auditors traders carriers couriers harbours depots offers refunds quotas tariffs")
	verbs      = strings.Fields("sleep wait travel nag haggle settle arrive depart stall return queue grow shrink wander insist hesitate")
	adverbs    = strings.Fields("quickly slowly carefully boldly silently finally rarely often again quietly")
	joiners    = strings.Fields("among beside above below after before within without against despite")
	stops      = []string{".", ".", ".", ";", "!", "?", " --"}
)

// colours are what the names of parts are made of; queries look for green and
// forest.
var colours = strings.Fields(`almond amber apricot aqua azure beige black blue blush bronze brown burgundy carmine cherry chestnut cobalt copper coral cream crimson
	cyan denim ebony emerald fawn flax forest frost ginger gold green grey hazel honey indigo ivory jade khaki lavender lemon lilac lime linen magenta maroon mauve midnight
	mint mustard navy ochre olive orange orchid peach pearl pink plum purple red rose ruby rust saffron salmon sand scarlet sepia silver sky slate snow tan teal turquoise
	umber vanilla violet wheat white wine yellow`)

// poolSize is that of the text that all comments are cut from.
const poolSize = 1 << 20

func makePool(seed uint64) string {
	rng := rand.New(rand.NewPCG(seed, poolSize))
	pick := func(words []string) string { return words[rng.IntN(len(words))] }
	var w strings.Builder
	for w.Len() < poolSize {
		for _, part := range [][]string{adverbs, adjectives, nouns, verbs, joiners, adjectives, nouns} {
			if w.Len() > 0 {
				w.WriteByte(' ')
			}
			w.WriteString(pick(part))
			if len(part) == len(verbs) && rng.IntN(3) == 0 {
				break
			}
		}
		w.WriteString(stops[rng.IntN(len(stops))])
	}
	return w.String()
}

// comment is a piece of the pool, of a length from least to most bytes.
func (g *Generator) comment(r *rand.Rand, least, most int) string {
	n := between(r, least, most)
	at := r.IntN(len(g.pool) - n)
	return g.pool[at : at+n]
}

const addressLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ,"

// address is letters without sense.
func address(r *rand.Rand) string {
	b := make([]byte, between(r, 10, 40))
	for i := range b {
		b[i] = addressLetters[r.IntN(len(addressLetters))]
	}
	return string(b)
}

// between is a number from least to most, both included.
func between(r *rand.Rand, least, most int) int { return least + r.IntN(most-least+1) }

func pick(r *rand.Rand, words []string) string { return words[r.IntN(len(words))] }
