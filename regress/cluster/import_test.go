package cluster

import (
	"testing"
)

// TestImportVirtual: virtual generated columns, which servers have since 18, come
// as such or, without their expressions, as plain columns.
func TestImportVirtual(t *testing.T) {
	r := newRig(t)
	s := open(t, r.local)
	if s.get(`SELECT current_setting('server_version_num')::int >= 180000`) != "t" {
		t.Skip("this server has no virtual generated columns")
	}
	r.remote.Exec(t, `CREATE SCHEMA far`, `CREATE TABLE far.g (a int, v int GENERATED ALWAYS AS (a * 2) VIRTUAL, s int GENERATED ALWAYS AS (a * 3) STORED)`,
		`INSERT INTO far.g VALUES (1), (2)`, `ANALYZE far.g`)
	const kinds = `SELECT string_agg(attname || coalesce(nullif(attgenerated::text, ''), '-'), ' ' ORDER BY attnum) FROM pg_attribute WHERE attnum > 0 AND attrelid = `
	s.must(`CREATE SCHEMA near; CREATE SCHEMA plain`)
	s.must(`IMPORT FOREIGN SCHEMA far FROM SERVER remote INTO near`)
	s.want(kinds+`'near.g'::regclass`, "a- vv ss")
	s.want(`SELECT sum(a) || ' ' || sum(v) || ' ' || sum(s) FROM near.g`, "3 6 9")
	s.must(`ANALYZE near.g`)
	s.want(`SELECT string_agg(attname, ' ' ORDER BY attname) FROM pg_stats WHERE schemaname = 'near'`, "a s")
	s.must(`ALTER FOREIGN TABLE near.g OPTIONS (ADD analyze_sampling 'import'); DELETE FROM pg_statistic WHERE starelid = 'near.g'::regclass; ANALYZE near.g`)
	s.want(`SELECT string_agg(attname, ' ' ORDER BY attname) FROM pg_stats WHERE schemaname = 'near'`, "a s")
	s.must(`IMPORT FOREIGN SCHEMA far FROM SERVER remote INTO plain OPTIONS (import_generated 'false')`)
	s.want(kinds+`'plain.g'::regclass`, "a- v- s-")
	s.want(`SELECT sum(a) || ' ' || sum(v) || ' ' || sum(s) FROM plain.g`, "3 6 9")
	noCrash(t, r.local)
}

// TestImportManyColumns: what is imported has no limit below those of a table.
func TestImportManyColumns(t *testing.T) {
	r := newRig(t)
	s := open(t, r.local)
	r.remote.Exec(t, `CREATE SCHEMA far`, `DO $$ BEGIN
		EXECUTE (SELECT 'CREATE TABLE far.wide (' || string_agg(format('"column ""%s""" int%s', g, CASE WHEN g % 10 = 0 THEN ' DEFAULT ' || g END), ', ' ORDER BY g) || ')' FROM generate_series(1, 1500) g);
		FOR i IN 1 .. 200 LOOP EXECUTE format('CREATE TABLE far.t%s (a int)', i); END LOOP; END $$`,
		`INSERT INTO far.wide DEFAULT VALUES`)
	s.must(`CREATE SCHEMA near; IMPORT FOREIGN SCHEMA far FROM SERVER remote INTO near OPTIONS (import_default 'true', import_comments 'true')`)
	s.want(`SELECT count(*) FROM pg_class WHERE relnamespace = 'near'::regnamespace`, "201")
	s.want(`SELECT "column ""1500""" + "column ""10""" FROM near.wide`, "1510")
	s.want(`SELECT count(*) FROM pg_attrdef WHERE adrelid = 'near.wide'::regclass`, "150")
	s.must(`ANALYZE near.wide`)
	noCrash(t, r.local)
}
