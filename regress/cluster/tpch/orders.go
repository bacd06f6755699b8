package tpch

import (
	"bufio"
	"fmt"
)

// order is one row of orders with its lines.
type order struct {
	key, customer, day int
	status             byte
	total              int // cents
	priority, clerk    string
	comment            string
	lines              []line
}

// line is one row of lineitem. Prices are cents, discount and tax hundredths,
// days count from the first of 1992.
type line struct {
	order, number, part, supplier, quantity, price, discount, tax int
	returned, status                                              byte
	shipped, committed, received                                  int
	instruction, mode, comment                                    string
}

var (
	priorities   = []string{"1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW"}
	instructions = []string{"DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"}
	modes        = []string{"REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"}
)

// order makes the i-th order, from 1. Of every 32 keys the first eight are
// used; of the customers, each third has no orders.
func (g *Generator) order(i int) order {
	r := g.rng(forOrder, i)
	o := order{key: (i-1)/8*32 + (i-1)%8 + 1, customer: between(r, 1, g.customers()), day: r.IntN(lastOrderDay + 1)}
	for o.customer%3 == 0 && g.customers() > 2 {
		o.customer = between(r, 1, g.customers())
	}
	o.priority = pick(r, priorities)
	o.clerk = fmt.Sprintf("Clerk#%09d", between(r, 1, max(1, g.count(1000))))
	o.comment = g.comment(r, 19, 78)
	n, least := between(r, 1, 7), 1
	if i%3000 == 1500 { // a large order, for query 18
		n, least = 7, 44
	}
	open := 0
	for number := 1; number <= n; number++ {
		l := line{order: o.key, number: number, part: between(r, 1, g.parts()), quantity: between(r, least, 50),
			discount: between(r, 0, 10), tax: between(r, 0, 8), returned: 'N', status: 'F'}
		l.supplier = g.supplierOf(l.part, r.IntN(4))
		l.price = l.quantity * retailPrice(l.part)
		l.shipped, l.committed = o.day+between(r, 1, 121), o.day+between(r, 30, 90)
		l.received = l.shipped + between(r, 1, 30)
		if l.received <= currentDay {
			l.returned = "RA"[r.IntN(2)]
		}
		if l.shipped > currentDay {
			l.status = 'O'
			open++
		}
		l.instruction, l.mode, l.comment = pick(r, instructions), pick(r, modes), g.comment(r, 10, 43)
		o.total += (l.price*(100-l.discount)*(100+l.tax) + 5000) / 10_000
		o.lines = append(o.lines, l)
	}
	switch o.status = 'P'; open {
	case 0:
		o.status = 'F'
	case n:
		o.status = 'O'
	}
	return o
}

func (o order) write(w *bufio.Writer) {
	fmt.Fprintf(w, "%d\t%d\t%c\t%s\t%s\t%s\t%s\t0\t%s\n", o.key, o.customer, o.status, money(o.total), day(o.day), o.priority, o.clerk, o.comment)
}

func (l line) write(w *bufio.Writer) {
	fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%c\t%c\t%s\t%s\t%s\t%s\t%s\t%s\n", l.order, l.part, l.supplier, l.number, l.quantity,
		money(l.price), money(l.discount), money(l.tax), l.returned, l.status, day(l.shipped), day(l.committed), day(l.received),
		l.instruction, l.mode, l.comment)
}
