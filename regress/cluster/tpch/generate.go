package tpch

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// Generator makes the rows of the tables.
type Generator struct {
	scale float64
	seed  uint64
	pool  string
}

// Seed is one with which every query has an answer at scale 0.01.
const Seed = 10

// New makes a generator; scale 1 has six million rows of lineitem.
func New(scale float64, seed uint64) *Generator {
	return &Generator{scale: scale, seed: seed, pool: makePool(seed)}
}

// count is the number of rows that a table has n of at scale 1.
func (g *Generator) count(n int) int { return max(1, int(float64(n)*g.scale)) }

func (g *Generator) suppliers() int { return g.count(10_000) }
func (g *Generator) parts() int     { return g.count(200_000) }
func (g *Generator) customers() int { return g.count(150_000) }
func (g *Generator) orders() int    { return g.count(1_500_000) }

// What a stream of random numbers is for.
const (
	forSupplier = iota + 1
	forPart
	forPartSupp
	forCustomer
	forOrder
)

// rng is the source of one row's values.
func (g *Generator) rng(purpose uint64, row int) *rand.Rand {
	return rand.New(rand.NewPCG(g.seed<<8|purpose, uint64(row)))
}

// Write writes a table's rows in COPY's text format.
func (g *Generator) Write(table string, to io.Writer) error {
	w := bufio.NewWriterSize(to, 1<<16)
	switch table {
	case "region":
		for i, name := range regions {
			fmt.Fprintf(w, "%d\t%s\t%s\n", i, name, g.comment(g.rng(0, i), 31, 115))
		}
	case "nation":
		for i, n := range nations {
			fmt.Fprintf(w, "%d\t%s\t%d\t%s\n", i, n.name, n.region, g.comment(g.rng(0, 100+i), 31, 114))
		}
	case "supplier":
		g.each(w, g.suppliers(), g.supplier)
	case "part":
		g.each(w, g.parts(), g.part)
	case "partsupp":
		g.each(w, g.parts(), g.partSupp)
	case "customer":
		g.each(w, g.customers(), g.customer)
	case "orders":
		g.each(w, g.orders(), func(w *bufio.Writer, i int) { g.order(i).write(w) })
	case "lineitem":
		g.each(w, g.orders(), func(w *bufio.Writer, i int) {
			for _, l := range g.order(i).lines {
				l.write(w)
			}
		})
	default:
		return fmt.Errorf("there is no table %q", table)
	}
	return w.Flush()
}

func (g *Generator) each(w *bufio.Writer, n int, row func(*bufio.Writer, int)) {
	for i := 1; i <= n; i++ {
		row(w, i)
	}
}

var regions = []string{"AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"}

var nations = []struct {
	name   string
	region int
}{
	{"ALGERIA", 0}, {"ARGENTINA", 1}, {"BRAZIL", 1}, {"CANADA", 1}, {"EGYPT", 4}, {"ETHIOPIA", 0}, {"FRANCE", 3}, {"GERMANY", 3}, {"INDIA", 2},
	{"INDONESIA", 2}, {"IRAN", 4}, {"IRAQ", 4}, {"JAPAN", 2}, {"JORDAN", 4}, {"KENYA", 0}, {"MOROCCO", 0}, {"MOZAMBIQUE", 0}, {"PERU", 1},
	{"CHINA", 2}, {"ROMANIA", 3}, {"SAUDI ARABIA", 4}, {"VIETNAM", 2}, {"RUSSIA", 3}, {"UNITED KINGDOM", 3}, {"UNITED STATES", 1},
}

func phone(r *rand.Rand, nation int) string {
	return fmt.Sprintf("%d-%03d-%03d-%04d", nation+10, between(r, 100, 999), between(r, 100, 999), between(r, 1000, 9999))
}

// money writes cents.
func money(cents int) string {
	sign := ""
	if cents < 0 {
		sign, cents = "-", -cents
	}
	return fmt.Sprintf("%s%d.%02d", sign, cents/100, cents%100)
}

func balance(r *rand.Rand) string { return money(between(r, -99_999, 999_999)) }

func (g *Generator) supplier(w *bufio.Writer, key int) {
	r := g.rng(forSupplier, key)
	nation := r.IntN(len(nations))
	comment := g.comment(r, 25, 70)
	// five in ten thousand each, as queries 16 and the specification want it
	switch key % 2000 {
	case 13:
		comment += " Customer " + pick(r, adverbs) + " Complaints"
	case 1013:
		comment += " Customer " + pick(r, adverbs) + " Recommends"
	}
	fmt.Fprintf(w, "%d\tSupplier#%09d\t%s\t%d\t%s\t%s\t%s\n", key, key, address(r), nation, phone(r, nation), balance(r), comment)
}

var (
	typeSyllables      = [3][]string{{"STANDARD", "SMALL", "MEDIUM", "LARGE", "ECONOMY", "PROMO"}, {"ANODIZED", "BURNISHED", "PLATED", "POLISHED", "BRUSHED"}, {"TIN", "NICKEL", "BRASS", "STEEL", "COPPER"}}
	containerSyllables = [2][]string{{"SM", "LG", "MED", "JUMBO", "WRAP"}, {"CASE", "BOX", "BAG", "JAR", "PKG", "PACK", "CAN", "DRUM"}}
)

// retailPrice is the price of a part in cents.
func retailPrice(part int) int { return 90_000 + part/10%20_001 + 100*(part%1000) }

func (g *Generator) part(w *bufio.Writer, key int) {
	r := g.rng(forPart, key)
	name := ""
	for i, c := range r.Perm(len(colours))[:5] {
		if i > 0 {
			name += " "
		}
		name += colours[c]
	}
	mfgr := between(r, 1, 5)
	fmt.Fprintf(w, "%d\t%s\tManufacturer#%d\tBrand#%d%d\t%s %s %s\t%d\t%s %s\t%s\t%s\n", key, name, mfgr, mfgr, between(r, 1, 5),
		pick(r, typeSyllables[0]), pick(r, typeSyllables[1]), pick(r, typeSyllables[2]), between(r, 1, 50),
		pick(r, containerSyllables[0]), pick(r, containerSyllables[1]), money(retailPrice(key)), g.comment(r, 5, 22))
}

// supplierOf is the i-th, from 0, of the four suppliers that a part has.
func (g *Generator) supplierOf(part, i int) int {
	n := g.suppliers()
	return (part+i*(n/4+(part-1)/n))%n + 1
}

func (g *Generator) partSupp(w *bufio.Writer, part int) {
	r := g.rng(forPartSupp, part)
	seen := map[int]bool{}
	for i := range 4 {
		supplier := g.supplierOf(part, i)
		if seen[supplier] { // at scales below a thousandth
			continue
		}
		seen[supplier] = true
		fmt.Fprintf(w, "%d\t%d\t%d\t%s\t%s\n", part, supplier, between(r, 1, 9999), money(between(r, 100, 100_000)), g.comment(r, 49, 198))
	}
}

var segments = []string{"AUTOMOBILE", "BUILDING", "FURNITURE", "MACHINERY", "HOUSEHOLD"}

func (g *Generator) customer(w *bufio.Writer, key int) {
	r := g.rng(forCustomer, key)
	nation := r.IntN(len(nations))
	fmt.Fprintf(w, "%d\tCustomer#%09d\t%s\t%d\t%s\t%s\t%s\t%s\n", key, key, address(r), nation, phone(r, nation), balance(r),
		pick(r, segments), g.comment(r, 29, 116))
}

// day is a date by its number from the first of 1992, which is 0.
func day(n int) string { return firstDay.AddDate(0, 0, n).Format(time.DateOnly) }

var firstDay = time.Date(1992, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	lastOrderDay = 2405 // 151 days before the end of 1998
	currentDay   = 1263 // 17 June 1995
)
