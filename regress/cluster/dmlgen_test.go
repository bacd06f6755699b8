package cluster

import (
	"fmt"
	"strings"
)

// dmlStatement is what is run in both schemas.
type dmlStatement struct {
	sql  string
	data string // for COPY FROM STDIN
	// loose: it may fail in more than one way, and rows in which it does
	// are met in another order.
	loose bool
	// refused: SQLSTATEs with which it may fail in far alone.
	refused string
}

func (s dmlStatement) String() string {
	if s.data != "" {
		return s.sql + "\n" + s.data + `\.`
	}
	return s.sql
}

// script makes a sequence of statements, in transactions and out of them.
func (g *dmlMaker) script(n int) (script []dmlStatement) {
	g.depth, g.shift, g.cursor = -1, 1000, map[string]int{}
	add := func(s dmlStatement) { script = append(script, s) }
	for len(script) < n {
		if s, ok := g.control(); ok {
			add(s)
			continue
		}
		s := g.statement()
		// what may fail does so behind a savepoint, more often than not
		guard := g.depth >= 0 && g.depth < 4 && g.chance(35)
		if guard {
			add(dmlStatement{sql: "SAVEPOINT guard"})
		}
		add(s)
		if guard && g.chance(40) {
			add(dmlStatement{sql: "ROLLBACK TO guard"})
			g.forget(g.depth + 1)
		}
	}
	return append(script, dmlStatement{sql: g.pick("COMMIT", "COMMIT", "COMMIT", "ROLLBACK")})
}

// forget those cursors that go with a savepoint.
func (g *dmlMaker) forget(depth int) {
	for c, at := range g.cursor {
		if at >= depth {
			delete(g.cursor, c)
		}
	}
}

// control makes a statement of transaction control, or one of a cursor.
func (g *dmlMaker) control() (dmlStatement, bool) {
	name := func(depth int) string { return fmt.Sprintf("s%d", depth) }
	switch n := g.IntN(100); {
	case g.depth < 0 && n < 35:
		g.depth = 0
		return dmlStatement{sql: "BEGIN ISOLATION LEVEL " + g.pick("READ COMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")}, true
	case g.depth < 0:
	case n < 10:
		g.depth, g.cursor = -1, map[string]int{}
		return dmlStatement{sql: g.pick("COMMIT", "COMMIT", "COMMIT", "ROLLBACK")}, true
	case n < 18 && g.depth < 3:
		g.depth++
		return dmlStatement{sql: "SAVEPOINT " + name(g.depth)}, true
	case n < 25 && g.depth > 0:
		g.forget(g.depth)
		return dmlStatement{sql: "ROLLBACK TO " + name(g.depth)}, true
	case n < 28 && g.depth > 0:
		g.depth--
		for c, at := range g.cursor {
			g.cursor[c] = min(at, g.depth)
		}
		return dmlStatement{sql: "RELEASE " + name(g.depth+1)}, true
	case n < 33:
		c := g.pick("c", "d")
		if _, open := g.cursor[c]; open {
			return dmlStatement{sql: fmt.Sprintf("FETCH %d FROM %s", 1+g.IntN(20), c)}, true
		}
		t := dmlTargets[g.IntN(7)]
		g.cursor[c] = g.depth
		// a snapshot of the remote server's is taken where the first row is asked for
		return dmlStatement{sql: fmt.Sprintf("DECLARE %s CURSOR FOR SELECT id, t FROM %s ORDER BY id; FETCH 1 FROM %[1]s", c, t.name)}, true
	}
	return dmlStatement{}, false
}

func (g *dmlMaker) target() *dmlTable {
	for {
		t := dmlTargets[g.IntN(len(dmlTargets))]
		if !t.rarely || g.chance(40) {
			return t
		}
	}
}

// statement makes one that writes.
func (g *dmlMaker) statement() dmlStatement {
	t := g.target()
	change := !g.oracle || !t.onlyNew
	for {
		switch n := g.IntN(100); {
		case n < 24:
			return g.insert(t)
		case n < 32:
			return g.insertSelect(t)
		case n < 54 && change:
			return g.update(t)
		case n < 68 && change:
			return g.remove(t)
		case n < 77 && t.name != "rv" && t.name != "lv": // here they are views
			return g.copyIn(t)
		case n < 79:
			return g.truncate(t)
		case n < 84 && change && t.has("id"):
			return g.block(t)
		case n < 90 && change && t.has("id") && t.has("t"):
			return g.prepared(t)
		case n < 96 && change && t.has("id"):
			return g.with(t)
		case n >= 96 && t.has("id"):
			return dmlStatement{sql: fmt.Sprintf("SELECT id FROM %s WHERE id < %d ORDER BY id FOR UPDATE", g.pick("p", "tr", "k"), g.IntN(20))}
		}
	}
}

// some of a table's columns, with its key more often than not.
func (g *dmlMaker) some(t *dmlTable) (columns []dmlColumn) {
	for _, c := range t.columns {
		switch {
		case c.kind == "part", c.kind == "id" && (t.name != "g" || g.chance(60)):
			columns = append(columns, c)
		case g.chance(55):
			columns = append(columns, c)
		}
	}
	if len(columns) == 0 {
		columns = t.columns[:1]
	}
	return columns
}

func names(columns []dmlColumn) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.name
	}
	return strings.Join(list, ", ")
}

// returning makes a RETURNING clause, mostly none.
func (g *dmlMaker) returning(t *dmlTable, percent int) string {
	if !g.chance(percent) {
		return ""
	}
	columns := []string{t.list()}
	if t.has("id") {
		columns = append(columns, "id", "id * 2", t.name+".id, 'c' || "+t.columns[0].name)
	}
	if t.has("t") {
		columns = append(columns, "upper(t)", t.name+".t, length(t)")
	}
	if t.name == "pt" || t.name == "ih" {
		columns = append(columns, "tableoid::regclass, id")
	}
	if g.major >= 18 && !g.oracle && t.has("id") && t.has("t") {
		columns = append(columns, "old.id, new.id, old.t, new.t")
	}
	return " RETURNING " + g.pick(columns...)
}

func (g *dmlMaker) insert(t *dmlTable) dmlStatement {
	columns := g.some(t)
	rows := 1
	if g.chance(50) {
		rows = 2 + g.IntN(6)
	}
	var list []string
	for range rows {
		values := make([]string, len(columns))
		for i, c := range columns {
			if values[i] = g.literal(c.kind); g.chance(3) && c.kind != "id" {
				values[i] = "DEFAULT"
			}
		}
		list = append(list, "("+strings.Join(values, ", ")+")")
	}
	sql := fmt.Sprintf("INSERT INTO %s (%s) VALUES %s", t.name, names(columns), strings.Join(list, ", "))
	return dmlStatement{sql: sql + g.conflict(t) + g.returning(t, 30), loose: rows > 1}
}

func (g *dmlMaker) conflict(t *dmlTable) string {
	if g.chance(25) && t.name != "df" {
		return " ON CONFLICT DO NOTHING"
	}
	return ""
}

// insertSelect inserts rows that are made, or another table's.
func (g *dmlMaker) insertSelect(t *dmlTable) dmlStatement {
	columns := g.some(t)
	values := make([]string, len(columns))
	from := fmt.Sprintf("generate_series(%d, %d) g ORDER BY g", 1+g.IntN(50), 50+g.IntN(g.pickInt(10, 200)))
	switch {
	case t.name == "z" && g.chance(70) && !g.oracle: // which shows it batches that it has not sent
		return dmlStatement{sql: "INSERT INTO z SELECT rows_of_z() FROM " + from + g.returning(t, 20)}
	case g.chance(50):
		for i, c := range columns {
			values[i] = g.made(c.kind)
		}
	default:
		s := dmlTargets[g.pickInt(0, 1, 2, 4, 5, 6, 8, 9)]
		from = fmt.Sprintf("%s s WHERE %s ORDER BY s.id", s.name, g.condition(s, "s.", 1))
		for i, c := range columns {
			switch {
			case c.kind == "id":
				values[i] = fmt.Sprintf("s.id + %d", g.pickInt(0, 20, 40))
			case s.has(c.name) && c.kind != "part" && c.kind != "ref":
				values[i] = "s." + c.name
			default:
				values[i] = strings.ReplaceAll(g.made(c.kind), "g", "s.id")
				if strings.ContainsAny(values[i], "'[(") {
					values[i] = g.literal(c.kind)
				}
			}
		}
	}
	sql := fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s", t.name, names(columns), strings.Join(values, ", "), from)
	return dmlStatement{sql: sql + g.conflict(t) + g.returning(t, 20), loose: true}
}

// assignments of an UPDATE. A key is set in one row, or moved far from all others.
func (g *dmlMaker) assignments(t *dmlTable, alias string, one bool) string {
	var list []string
	for _, c := range t.columns {
		switch {
		case c.kind == "id" && !one:
			if g.chance(8) && t.name != "ri" {
				list = append(list, fmt.Sprintf("id = %sid + %d", alias, g.shift))
				g.shift *= 2
			}
		case g.chance(100 / min(4, len(t.columns)) / max(1, len(t.columns)/8)):
			list = append(list, c.name+" = "+g.changed(c, alias))
		}
	}
	if len(list) == 0 {
		c := t.columns[len(t.columns)-1]
		list = append(list, c.name+" = "+g.literal(c.kind))
	}
	if t.name == "p" && g.chance(10) {
		return fmt.Sprintf("(num, i8) = (SELECT s.n, s.id FROM k s WHERE s.id = %sid)", alias)
	}
	return strings.Join(list, ", ")
}

func (g *dmlMaker) update(t *dmlTable) dmlStatement {
	if t.name == "pt" && g.chance(40) { // rows of the local partition go elsewhere
		return dmlStatement{sql: fmt.Sprintf("UPDATE pt SET n = %s WHERE n < 10 AND %s%s", g.pick("id % 40", "n + 10", "n + 20", "35 - n", "15"), g.condition(t, "", 1), g.returning(t, 30)), loose: true}
	}
	if t.has("id") && g.chance(25) {
		s := dmlTargets[g.pickInt(0, 1, 2, 4)]
		from, where := s.name+" s", fmt.Sprintf("s.id = x.id AND %s", g.condition(t, "x.", 1))
		if g.chance(30) {
			from += " LEFT JOIN own o ON o.id = s.id"
		}
		set := g.assignments(t, "x.", false)
		if t.has("t") && g.chance(50) && s.has("t") {
			set = "t = s.t"
		}
		returning := ""
		if g.chance(30) {
			returning = " RETURNING x.id, s.id"
		}
		return dmlStatement{sql: fmt.Sprintf("UPDATE %s x SET %s FROM %s WHERE %s%s", t.name, set, from, where, returning), loose: true, refused: g.moves(t)}
	}
	if t.has("id") && g.chance(50) {
		return dmlStatement{sql: fmt.Sprintf("UPDATE %s SET %s WHERE id = %d%s", t.name, g.assignments(t, "", true), 1+g.IntN(40), g.returning(t, 40)), loose: t.name == "ih" || t.name == "pt", refused: g.moves(t)}
	}
	return dmlStatement{sql: fmt.Sprintf("UPDATE %s SET %s WHERE %s%s", t.name, g.assignments(t, "", false), g.condition(t, "", 2), g.returning(t, 30)), loose: true, refused: g.moves(t)}
}

// moves: a row cannot be moved into a foreign partition whose rows are still to
// be updated.
func (g *dmlMaker) moves(t *dmlTable) string {
	if t.name == "pt" {
		return "0A000"
	}
	return ""
}

func (g *dmlMaker) remove(t *dmlTable) dmlStatement {
	if t.has("id") && g.chance(25) {
		s := dmlTargets[g.pickInt(0, 1, 2, 4)]
		return dmlStatement{sql: fmt.Sprintf("DELETE FROM %s x USING %s s WHERE s.id = x.id AND %s", t.name, s.name, g.condition(t, "x.", 1)), loose: true}
	}
	s := dmlStatement{sql: fmt.Sprintf("DELETE FROM %s WHERE %s%s", t.name, g.condition(t, "", 2), g.returning(t, 30)), loose: true}
	if t.name == "pt" && g.oracle {
		s.refused = "XX000" // whole rows are asked for of one partition alone, which has a trigger
	}
	return s
}
