package cluster

import (
	"fmt"
	"strings"
)

// copyIn makes a COPY of some rows, or of many.
func (g *dmlMaker) copyIn(t *dmlTable) dmlStatement {
	columns := g.some(t)
	rows := g.pickInt(0, 1, 3, 10)
	if g.chance(15) && t.name != "w" {
		rows = 40 + g.IntN(400)
	}
	base := g.shift * 4
	if rows > 10 {
		g.shift *= 8
	}
	var data strings.Builder
	for i := range rows {
		for j, c := range columns {
			if j > 0 {
				data.WriteByte('\t')
			}
			switch {
			case c.kind == "id" && rows > 10 && !g.chance(1):
				fmt.Fprint(&data, base+i)
			case c.kind == "u" && rows > 10:
				data.WriteString(`\N`)
			default:
				data.WriteString(g.copied(c.kind))
			}
		}
		data.WriteByte('\n')
	}
	sql := fmt.Sprintf("COPY %s (%s) FROM STDIN", t.name, names(columns))
	if g.chance(10) && t.has("id") {
		sql += " WHERE id % 3 <> 1"
	}
	return dmlStatement{sql: sql, data: data.String(), loose: true}
}

func (g *dmlMaker) truncate(t *dmlTable) dmlStatement {
	if t.name == "lv" || t.name == "rv" {
		t = dmlTargets[0]
	}
	sql := "TRUNCATE " + t.name
	if g.chance(30) {
		sql += ", " + g.pick("w", "x", "tr", "pt")
	}
	return dmlStatement{sql: sql + g.pick("", "", " CASCADE", " RESTART IDENTITY"), loose: true}
}

// block makes a DO block that reads and writes, row by row, and catches errors.
func (g *dmlMaker) block(t *dmlTable) dmlStatement {
	c := t.columns[len(t.columns)-1]
	set := c.name + " = " + g.changed(c, "")
	first := t.columns[:min(2, len(t.columns))]
	values := make([]string, len(first))
	for i, c := range first {
		values[i] = g.loopValue(c)
	}
	row := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", t.name, names(first), strings.Join(values, ", "))
	change := fmt.Sprintf("UPDATE %s SET %s WHERE id = i", t.name, set)
	remove := fmt.Sprintf("DELETE FROM %s WHERE id = i", t.name)
	body := g.pick(
		"FOR i IN 1..%d LOOP BEGIN "+row+"; EXCEPTION WHEN OTHERS THEN "+g.pick("NULL", change, "IF i % 3 = 0 THEN "+remove+"; END IF")+"; END; END LOOP;",
		"FOR i IN 1..%d LOOP "+change+"; IF NOT FOUND THEN BEGIN "+row+"; EXCEPTION WHEN integrity_constraint_violation THEN NULL; END; END IF; END LOOP;",
		"FOR i IN 1..%d LOOP "+remove+"; GET DIAGNOSTICS n = ROW_COUNT; IF n = 0 AND i % 2 = 0 THEN "+change+"; END IF; END LOOP;",
		"FOR r IN SELECT id FROM "+t.name+" WHERE id <= %d ORDER BY id LOOP i := r.id; IF i % 3 = 0 THEN "+remove+"; ELSE "+change+"; END IF; END LOOP;",
		"BEGIN "+strings.ReplaceAll(row, "i,", "%d,")+"; RAISE SQLSTATE 'ZZ001'; EXCEPTION WHEN SQLSTATE 'ZZ001' THEN NULL; END;",
	)
	body = strings.Replace(body, "%d", fmt.Sprint(1+g.IntN(20)), 1)
	return dmlStatement{sql: "DO $$ DECLARE r record; i int := 3; n int; BEGIN " + body + " END $$", loose: true, refused: g.moves(t)}
}

// loopValue is a value for a column in a loop over i.
func (g *dmlMaker) loopValue(c dmlColumn) string {
	switch c.kind {
	case "id":
		return g.pick("i", "i * 3", "61 - i")
	case "part":
		return g.pick("i % 40", "(i * 7) % 40")
	case "n", "ref", "any":
		return g.pick("i", "i % 7", "NULL")
	}
	return g.literal(c.kind)
}

// prepared makes a statement that is run a few times, with values of a client's.
func (g *dmlMaker) prepared(t *dmlTable) dmlStatement {
	body := g.pick(
		"(int, text) AS UPDATE "+t.name+" SET t = $2 WHERE id = $1",
		"(int, text) AS UPDATE "+t.name+" SET t = t || $2 WHERE id % 7 = $1 % 7 AND odd(id)"+g.returning(t, 40),
		"(int, text) AS DELETE FROM "+t.name+" WHERE id = $1 AND t <> $2"+g.returning(t, 40),
		"(int, text) AS INSERT INTO "+t.name+" (id, t) VALUES ($1, $2), ($1 + 30, $2)"+g.conflict(t)+g.returning(t, 30),
	)
	sql := "DEALLOCATE ALL; SET plan_cache_mode = " + g.pick("auto", "force_generic_plan", "force_custom_plan") + "; PREPARE q" + body
	for range 1 + g.IntN(4) {
		sql += fmt.Sprintf("; EXECUTE q(%d, %s)", 1+g.IntN(50), g.literal("t"))
	}
	return dmlStatement{sql: sql, loose: true, refused: g.moves(t)}
}

// with makes a statement with more than one of them in it.
func (g *dmlMaker) with(t *dmlTable) dmlStatement {
	at := g.condition(t, "", 1)
	into := dmlTargets[g.pickInt(2, 4, 5, 6)]
	key := t.columns[0].name
	sql := g.pick(
		fmt.Sprintf("WITH gone AS (DELETE FROM %s WHERE %s RETURNING id) SELECT count(*), sum(id) FROM gone", t.name, at),
		fmt.Sprintf("WITH gone AS (DELETE FROM %s WHERE %s RETURNING id) INSERT INTO own SELECT id + 500, 1, 'moved' FROM gone ON CONFLICT DO NOTHING", t.name, at),
		fmt.Sprintf("WITH gone AS (DELETE FROM %s WHERE %s RETURNING id) INSERT INTO %s (id, t) SELECT id + 300, 'moved' FROM gone ORDER BY id", t.name, at, into.name),
		fmt.Sprintf("WITH up AS (UPDATE %s SET %s WHERE %s RETURNING id, %s AS other) SELECT id, other FROM up ORDER BY id, other", t.name, g.assignments(t, "", false), at, key),
		fmt.Sprintf("WITH new AS (INSERT INTO %s (id, t) VALUES (%d, 'with') RETURNING id) UPDATE own SET n = new.id FROM new WHERE own.id = 5", into.name, 30+g.IntN(100)),
	)
	return dmlStatement{sql: sql, loose: true, refused: g.moves(t)}
}
