package cluster

import (
	"testing"
)

// TestLockingScanLocksWhatItReads: a scan with FOR UPDATE locks no further than
// a portion ahead of what was asked for, all its rows come, in the presence of
// other scans too, and the locks last until the end of the transaction.
func TestLockingScanLocksWhatItReads(t *testing.T) {
	r := newRig(t)
	r.remote.Exec(t, `CREATE TABLE locks AS SELECT g AS id FROM generate_series(1, 1000) g`)
	r.local.Exec(t, `CREATE FOREIGN TABLE locks (id int) SERVER remote OPTIONS (fetch_size '10')`)
	l, other := open(t, r.local), open(t, r.remote)
	const free = `SELECT count(*) FROM (SELECT FROM locks FOR UPDATE SKIP LOCKED) s`

	l.must(`BEGIN`)
	l.want(`SELECT count(*) FROM (SELECT id FROM locks FOR UPDATE LIMIT 3) s`, "3")
	other.want(free, "997") // LIMIT 3 is known, and less than a portion
	l.want(`SELECT count(*) || ' ' || sum(id) FROM (SELECT id FROM locks WHERE id <= 105 FOR UPDATE) s`, "105 5565")
	other.want(free, "895")

	// two locking cursors take turns with each other and with a streaming scan
	l.must(`DECLARE a CURSOR FOR SELECT id FROM locks WHERE id <= 25 FOR UPDATE;
		DECLARE b CURSOR FOR SELECT id FROM locks WHERE id > 975 FOR SHARE`)
	l.must(`CREATE TEMP TABLE seen (id int);
		CREATE FUNCTION pg_temp.turns() RETURNS void LANGUAGE plpgsql AS $$
		DECLARE a refcursor := 'a'; b refcursor := 'b'; x int; y int;
		BEGIN
			LOOP
				FETCH a INTO x; FETCH b INTO y;
				EXIT WHEN x IS NULL AND y IS NULL;
				INSERT INTO seen VALUES (x), (y);
				PERFORM count(*) FROM locks WHERE id < 500;
			END LOOP;
		END $$;
		SELECT pg_temp.turns()`)
	l.want(`SELECT count(DISTINCT id) || ' ' || count(*) || ' ' || sum(id) FROM seen`, "50 50 25025")
	l.must(`COMMIT`)
	other.want(free, "1000")

	// portals are closed: a locking scan that is run again and again leaves none
	l.must(`BEGIN; DO $$ BEGIN FOR i IN 1..300 LOOP PERFORM id FROM locks WHERE id > i LIMIT 1 FOR UPDATE; END LOOP; END $$`)
	l.must(`CREATE FOREIGN TABLE cursors (name text) SERVER remote OPTIONS (schema_name 'pg_catalog', table_name 'pg_cursors')`)
	l.want(`SELECT (count(*) < 5)::text FROM cursors`, "true")
	l.must(`ROLLBACK`)
	l.works()
}
