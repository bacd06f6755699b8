package cluster

import (
	"fmt"
	"strings"
)

// The tables of the random writes are in three schemas: here, on the local
// server, is what is right; there, on the remote one, has the same tables; far,
// on the local one, has foreign tables for those of there, and what is local in
// both. What a trigger of a foreign table does here comes before, or after, what
// the remote table's own do.

// dmlTypes are on both servers.
const dmlTypes = `
	CREATE TYPE public.color AS ENUM ('red', 'green', 'blue');
	CREATE DOMAIN public.positive AS int CHECK (VALUE > 0);
	CREATE TYPE public.pair AS (a int, b text)`

// dmlTables are made in here and there.
const dmlTables = `
	CREATE SCHEMA %[1]s;
	CREATE TABLE %[1]s.p (id int PRIMARY KEY, n int CHECK (n < 1000), t text, vc varchar(12), num numeric(12,3), b bool NOT NULL DEFAULT false,
		ts timestamptz, d date, arr int[], ta text[], j jsonb, e public.color, dom public.positive, ba bytea, f float8, u uuid UNIQUE,
		iv interval, pr public.pair, i8 bigint DEFAULT 7, ch char(4), ip inet);
	CREATE TABLE %[1]s.k (id int PRIMARY KEY, n int REFERENCES %[1]s.p ON DELETE CASCADE ON UPDATE CASCADE, t text NOT NULL DEFAULT 'nn');
	CREATE TABLE %[1]s.g (id int PRIMARY KEY, n int, m int, s int GENERATED ALWAYS AS (n + m) STORED, t text DEFAULT 'none', d date DEFAULT '2020-01-01');
	CREATE TABLE %[1]s.x (id int PRIMARY KEY, t text, n int NOT NULL DEFAULT 5, ident int GENERATED ALWAYS AS IDENTITY);
	CREATE TABLE %[1]s.tr (id int PRIMARY KEY, n int, t text, m int);
	CREATE TABLE %[1]s.lt (LIKE %[1]s.tr INCLUDING ALL);
	CREATE TABLE %[1]s.bt (LIKE %[1]s.tr INCLUDING ALL);
	CREATE TABLE %[1]s.rp (id int PRIMARY KEY, n int, t text) PARTITION BY HASH (id);
	CREATE TABLE %[1]s.rp0 PARTITION OF %[1]s.rp FOR VALUES WITH (MODULUS 3, REMAINDER 0);
	CREATE TABLE %[1]s.rp1 PARTITION OF %[1]s.rp FOR VALUES WITH (MODULUS 3, REMAINDER 1);
	CREATE TABLE %[1]s.rp2 PARTITION OF %[1]s.rp FOR VALUES WITH (MODULUS 3, REMAINDER 2);
	CREATE TABLE %[1]s.ri (id int PRIMARY KEY, n int, t text);
	CREATE TABLE %[1]s.ric (PRIMARY KEY (id)) INHERITS (%[1]s.ri);
	CREATE TABLE %[1]s.rvb (id int PRIMARY KEY, n int, t text);
	CREATE VIEW %[1]s.rv AS SELECT id, n, t FROM %[1]s.rvb WHERE n IS NULL OR n < 50 WITH CHECK OPTION;
	CREATE TABLE %[1]s.w (id int PRIMARY KEY, w text, t text, ba bytea);
	CREATE TABLE %[1]s.z (n int);
	CREATE TABLE %[1]s.dfp (id int PRIMARY KEY);
	CREATE TABLE %[1]s.df (id int UNIQUE DEFERRABLE INITIALLY DEFERRED, n int REFERENCES %[1]s.dfp DEFERRABLE INITIALLY DEFERRED);
	CREATE TABLE %[1]s.alog (op text, tab text, old text, new text);
	CREATE FUNCTION %[1]s.rtrig() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF TG_OP = 'DELETE' THEN
			RETURN CASE WHEN OLD.n %% 7 = 3 THEN NULL ELSE OLD END;
		ELSIF NEW.n %% 7 = 0 THEN
			RETURN NULL;
		ELSIF NEW.n %% 5 = 0 THEN
			NEW.t := upper(NEW.t); NEW.m := NEW.n * 2;
		ELSIF NEW.n %% 11 = 0 THEN
			RAISE EXCEPTION 'not %%', NEW.n USING ERRCODE = 'ZZ011', TABLE = 'some', CONSTRAINT = 'eleven';
		END IF;
		RETURN NEW;
	END $$;
	CREATE FUNCTION %[1]s.rlog() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO %[1]s.alog VALUES (TG_OP, TG_TABLE_NAME, CASE WHEN TG_OP <> 'INSERT' THEN OLD::text END, CASE WHEN TG_OP <> 'DELETE' THEN NEW::text END);
		RETURN NULL;
	END $$;
	CREATE TRIGGER b_remote BEFORE INSERT OR UPDATE OR DELETE ON %[1]s.tr FOR EACH ROW EXECUTE FUNCTION %[1]s.rtrig();
	CREATE TRIGGER b_remote BEFORE INSERT OR UPDATE OR DELETE ON %[1]s.bt FOR EACH ROW EXECUTE FUNCTION %[1]s.rtrig();
	CREATE TRIGGER c_remote AFTER INSERT OR UPDATE OR DELETE ON %[1]s.tr FOR EACH ROW EXECUTE FUNCTION %[1]s.rlog();
	CREATE TRIGGER c_remote AFTER INSERT OR UPDATE OR DELETE ON %[1]s.bt FOR EACH ROW EXECUTE FUNCTION %[1]s.rlog()`

// dmlHere makes in here what is local in far too, and there what the partitions
// and the child of far are.
const dmlHere = `
	CREATE TABLE here.pt (n int, id int, t text) PARTITION BY RANGE (n);
	CREATE TABLE here.pt0 PARTITION OF here.pt (UNIQUE (id)) FOR VALUES FROM (0) TO (10);
	CREATE TABLE here.pt1 PARTITION OF here.pt (UNIQUE (id), CHECK (t <> 'bad')) FOR VALUES FROM (10) TO (20);
	CREATE TABLE here.pt2 PARTITION OF here.pt (UNIQUE (id)) FOR VALUES FROM (20) TO (30);
	CREATE TABLE here.pt3 PARTITION OF here.pt (UNIQUE (id)) FOR VALUES FROM (30) TO (40);
	CREATE TABLE here.ih (id int, n int, t text);
	CREATE TABLE here.ih1 (UNIQUE (id)) INHERITS (here.ih)`

const dmlThere = `
	CREATE TABLE there.pt1 (id int UNIQUE, t text CHECK (t <> 'bad'), n int);
	CREATE TABLE there.pt2 (n int, id int UNIQUE, t text);
	CREATE TABLE there.pt3 (n int, id int UNIQUE, t text);
	CREATE TABLE there.ih1 (id int UNIQUE, n int, t text);
	ALTER TABLE there.p RENAME t TO "T ""t"`

// dmlFar: the columns of p are in another order than there, and one is gone.
const dmlFar = `
	CREATE SCHEMA far;
	CREATE FOREIGN TABLE far.p (n int, id int, gone text, t text OPTIONS (column_name 'T "t'), vc varchar(12), num numeric(12,3), b bool NOT NULL DEFAULT false,
		ts timestamptz, d date, arr int[], ta text[], j jsonb, e public.color, dom public.positive, ba bytea, f float8, u uuid,
		iv interval, pr public.pair, i8 bigint DEFAULT 7, ch char(4), ip inet) SERVER s0 OPTIONS (schema_name 'there');
	ALTER FOREIGN TABLE far.p DROP COLUMN gone;
	CREATE FOREIGN TABLE far.k (id int, n int, t text NOT NULL DEFAULT 'nn') SERVER s0 OPTIONS (schema_name 'there');
	CREATE SEQUENCE far.gseq; CREATE SEQUENCE here.gseq;
	CREATE FOREIGN TABLE far.g (id int DEFAULT nextval('far.gseq'), n int, m int, s int GENERATED ALWAYS AS (n + m) STORED, t text DEFAULT 'none', d date DEFAULT '2020-01-01')
		SERVER s0 OPTIONS (schema_name 'there');
	ALTER TABLE here.g ALTER id SET DEFAULT nextval('here.gseq');
	CREATE FOREIGN TABLE far.x (id int, t text) SERVER s0 OPTIONS (schema_name 'there');
	CREATE FOREIGN TABLE far.tr (id int, n int, t text, m int) SERVER s0 OPTIONS (schema_name 'there');
	CREATE FOREIGN TABLE far.lt (id int, n int, t text, m int) SERVER s0 OPTIONS (schema_name 'there');
	CREATE FOREIGN TABLE far.bt (id int, n int, t text, m int) SERVER s0 OPTIONS (schema_name 'there');
	CREATE FOREIGN TABLE far.rp (id int, n int, t text) SERVER s0 OPTIONS (schema_name 'there');
	CREATE FOREIGN TABLE far.ri (id int, n int, t text) SERVER s0 OPTIONS (schema_name 'there');
	CREATE FOREIGN TABLE far.rv (id int, n int, t text) SERVER s0 OPTIONS (schema_name 'there');
	CREATE FOREIGN TABLE far.w (id int, w text, t text, ba bytea) SERVER s0 OPTIONS (schema_name 'there');
	CREATE FOREIGN TABLE far.z (n int) SERVER s0 OPTIONS (schema_name 'there');
	CREATE FOREIGN TABLE far.dfp (id int) SERVER s0 OPTIONS (schema_name 'there');
	CREATE FOREIGN TABLE far.df (id int, n int) SERVER s0 OPTIONS (schema_name 'there');
	CREATE FOREIGN TABLE far.alog (op text, tab text, old text, new text) SERVER s0 OPTIONS (schema_name 'there');
	CREATE TABLE far.pt (n int, id int, t text) PARTITION BY RANGE (n);
	CREATE TABLE far.pt0 PARTITION OF far.pt (UNIQUE (id)) FOR VALUES FROM (0) TO (10);
	CREATE FOREIGN TABLE far.pt1 PARTITION OF far.pt FOR VALUES FROM (10) TO (20) SERVER s0 OPTIONS (schema_name 'there');
	CREATE FOREIGN TABLE far.pt2 PARTITION OF far.pt FOR VALUES FROM (20) TO (30) SERVER s1 OPTIONS (schema_name 'there');
	CREATE FOREIGN TABLE far.pt3 PARTITION OF far.pt FOR VALUES FROM (30) TO (40) SERVER s0 OPTIONS (schema_name 'there');
	CREATE TABLE far.ih (id int, n int, t text);
	CREATE FOREIGN TABLE far.ih1 () INHERITS (far.ih) SERVER s0 OPTIONS (schema_name 'there')`

// dmlLocal is in here and far: what this server does with both.
const dmlLocal = `
	CREATE VIEW %[1]s.lv AS SELECT id, n, t, b FROM %[1]s.p WHERE n IS NULL OR n < 500 WITH CASCADED CHECK OPTION;
	CREATE TABLE %[1]s.llog (op text, tab text, old text, new text);
	CREATE TABLE %[1]s.own (id int PRIMARY KEY, n int, t text);
	CREATE FUNCTION %[1]s.ltrig() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF TG_OP = 'DELETE' THEN
			RETURN CASE WHEN OLD.n %% 13 = 3 THEN NULL ELSE OLD END;
		ELSIF NEW.n %% 13 = 0 THEN
			RETURN NULL;
		ELSIF NEW.n %% 4 = 0 THEN
			NEW.t := NEW.t || '!';
		END IF;
		RETURN NEW;
	END $$;
	CREATE FUNCTION %[1]s.llog() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO %[1]s.llog VALUES (TG_OP, TG_TABLE_NAME, CASE WHEN TG_OP <> 'INSERT' THEN OLD::text END, CASE WHEN TG_OP <> 'DELETE' THEN NEW::text END);
		RETURN NULL;
	END $$;
	CREATE FUNCTION %[1]s.lsay() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		RAISE NOTICE 'trigger %% %% %%: %% rows', TG_WHEN, TG_OP, TG_TABLE_NAME, (SELECT count(*) FROM %[1]s.lt);
		RETURN NULL;
	END $$;
	CREATE FUNCTION %[1]s.lrow() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		RAISE NOTICE 'trigger %% %% %%: %% to %%', TG_WHEN, TG_OP, TG_TABLE_NAME, CASE WHEN TG_OP <> 'INSERT' THEN OLD::text END, CASE WHEN TG_OP <> 'DELETE' THEN NEW::text END;
		RETURN NULL;
	END $$;
	CREATE TRIGGER a_local BEFORE INSERT OR UPDATE OR DELETE ON %[1]s.lt FOR EACH ROW EXECUTE FUNCTION %[1]s.ltrig();
	CREATE TRIGGER a_local BEFORE INSERT OR UPDATE OR DELETE ON %[1]s.bt FOR EACH ROW EXECUTE FUNCTION %[1]s.ltrig();
	CREATE TRIGGER d_local AFTER INSERT OR UPDATE OR DELETE ON %[1]s.lt FOR EACH ROW EXECUTE FUNCTION %[1]s.llog();
	CREATE TRIGGER d_local AFTER INSERT OR UPDATE OR DELETE ON %[1]s.bt FOR EACH ROW EXECUTE FUNCTION %[1]s.llog();
	CREATE TRIGGER d_local AFTER INSERT OR UPDATE OR DELETE ON %[1]s.pt2 FOR EACH ROW EXECUTE FUNCTION %[1]s.llog();
	CREATE TRIGGER e_local BEFORE INSERT OR UPDATE OR DELETE ON %[1]s.lt FOR EACH STATEMENT EXECUTE FUNCTION %[1]s.lsay();
	CREATE TRIGGER f_local AFTER INSERT OR UPDATE OR DELETE ON %[1]s.lt FOR EACH STATEMENT EXECUTE FUNCTION %[1]s.lsay();
	CREATE TRIGGER g_local AFTER UPDATE ON %[1]s.k FOR EACH ROW WHEN (OLD.t IS DISTINCT FROM NEW.t) EXECUTE FUNCTION %[1]s.lrow();
	CREATE FUNCTION %[1]s.rows_of_z() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM %[1]s.z); END';
	CREATE FUNCTION %[1]s.odd(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 & 1 = 1; END';
	CREATE FUNCTION %[1]s.flip(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 # 5; END'`

// dmlRows fill the tables of here and there, from none.
const dmlRows = `
	SET session_replication_role = replica;
	DELETE FROM %[1]s.p; DELETE FROM %[1]s.k; DELETE FROM %[1]s.g; DELETE FROM %[1]s.x; DELETE FROM %[1]s.tr; DELETE FROM %[1]s.lt; DELETE FROM %[1]s.bt;
	DELETE FROM %[1]s.rp; DELETE FROM %[1]s.ri; DELETE FROM %[1]s.rvb; DELETE FROM %[1]s.w; DELETE FROM %[1]s.z; DELETE FROM %[1]s.dfp;
	DELETE FROM %[1]s.df; DELETE FROM %[1]s.alog; DELETE FROM %[1]s.pt1; DELETE FROM %[1]s.pt2; DELETE FROM %[1]s.pt3; DELETE FROM %[1]s.ih1;
	SELECT setval('%[1]s.x_ident_seq', 1, false);
	INSERT INTO %[1]s.p (id, n, %[2]s, vc, num, b, arr, ta, j, e, u, ts) SELECT g, g %% 9, 't' || g, 'vc' || g %% 4, g / 7.0, g %% 3 = 0, ARRAY[g, NULL, 3], ARRAY['a"', NULL, 'ü' || g],
		jsonb_build_object('g', g, 'x', NULL), (ARRAY['red', 'green', 'blue'])[g %% 3 + 1]::public.color, md5(g::text)::uuid, timestamptz '2024-03-30 23:00+00' + g * interval '1 hour'
		FROM generate_series(1, 25) g;
	INSERT INTO %[1]s.k SELECT g, CASE WHEN g %% 4 > 0 THEN g END, 'k' || g FROM generate_series(1, 20) g;
	INSERT INTO %[1]s.g (id, n, m) SELECT g, g, 2 FROM generate_series(1, 12) g;
	INSERT INTO %[1]s.x (id, t) SELECT g, 'x' || g FROM generate_series(1, 12) g;
	INSERT INTO %[1]s.tr SELECT g, g, 'tr' || g FROM generate_series(1, 25) g;
	INSERT INTO %[1]s.lt SELECT g, g, 'lt' || g FROM generate_series(1, 25) g;
	INSERT INTO %[1]s.bt SELECT g, g, 'bt' || g FROM generate_series(1, 25) g;
	INSERT INTO %[1]s.pt1 (id, n, t) SELECT g, 10 + g %% 10, 'pt' || g FROM generate_series(16, 30) g;
	INSERT INTO %[1]s.pt2 (id, n, t) SELECT g, 20 + g %% 10, 'pt' || g FROM generate_series(31, 45) g;
	INSERT INTO %[1]s.pt3 (id, n, t) SELECT g, 30 + g %% 10, 'pt' || g FROM generate_series(46, 60) g;
	INSERT INTO %[1]s.rp SELECT g, g %% 9, 'rp' || g FROM generate_series(1, 30) g;
	INSERT INTO %[1]s.ri SELECT g, g %% 9, 'ri' || g FROM generate_series(1, 12) g;
	INSERT INTO %[1]s.ric SELECT g, g %% 9, 'ric' || g FROM generate_series(13, 24) g;
	INSERT INTO %[1]s.rvb SELECT g, g * 4, 'rv' || g FROM generate_series(1, 20) g;
	INSERT INTO %[1]s.w SELECT g, repeat('w', g * 500), 'w' || g, decode(repeat('0a', g), 'hex') FROM generate_series(1, 8) g;
	INSERT INTO %[1]s.z SELECT g FROM generate_series(1, 5) g;
	INSERT INTO %[1]s.dfp SELECT g FROM generate_series(1, 30) g;
	INSERT INTO %[1]s.df SELECT g, g FROM generate_series(1, 20) g;
	INSERT INTO %[1]s.ih1 (id, n, t) SELECT g, g %% 9, 'ih' || g FROM generate_series(11, 25) g;
	RESET session_replication_role`

// dmlOwnRows fill what is local in here and far.
const dmlOwnRows = `
	DELETE FROM %[1]s.llog; DELETE FROM ONLY %[1]s.ih; DELETE FROM %[1]s.pt0; DELETE FROM %[1]s.own;
	INSERT INTO %[1]s.pt0 SELECT g %% 10, g, 'pt' || g FROM generate_series(1, 15) g;
	INSERT INTO %[1]s.ih (id, n, t) SELECT g, g %% 9, 'ih' || g FROM generate_series(1, 10) g;
	INSERT INTO %[1]s.own SELECT g, g %% 9, 'own' || g FROM generate_series(1, 40, 2) g;
	SELECT setval('%[1]s.gseq', 20)`

// dmlTable is what the statements' maker knows of a table.
type dmlTable struct {
	name    string
	columns []dmlColumn
	also    []string // columns that are read only
	unlike  bool     // a column there has another name
	absent  bool     // there is none there: a view, or a partitioned table, of this server
	onlyNew bool     // postgres_fdw may insert, not update or delete row by row
	rarely  bool
}

// dmlColumn has the kind of its values (dmlText).
type dmlColumn struct{ name, kind string }

func dmlColumns(list string) (columns []dmlColumn) {
	for _, c := range strings.Fields(list) {
		name, kind, ok := strings.Cut(c, ":")
		if !ok {
			kind = name
		}
		columns = append(columns, dmlColumn{name, kind})
	}
	return columns
}

var dmlTargets = []*dmlTable{
	{name: "p", columns: dmlColumns("id n t vc num b ts d arr ta j e dom ba f u iv pr i8 ch ip"), unlike: true},
	{name: "k", columns: dmlColumns("id n:ref t:text")},
	{name: "g", columns: dmlColumns("id n m:n t d"), also: []string{"s"}},
	{name: "x", columns: dmlColumns("id t")},
	{name: "tr", columns: dmlColumns("id n t m:n")},
	{name: "lt", columns: dmlColumns("id n t m:n")},
	{name: "bt", columns: dmlColumns("id n t m:n")},
	{name: "pt", columns: dmlColumns("n:part id t"), absent: true},
	{name: "rp", columns: dmlColumns("id n t"), onlyNew: true},
	{name: "ri", columns: dmlColumns("id n t"), onlyNew: true},
	{name: "ih", columns: dmlColumns("id n t"), absent: true},
	{name: "ih1", columns: dmlColumns("id n t")},
	{name: "rv", columns: dmlColumns("id n:any t"), onlyNew: true},
	{name: "w", columns: dmlColumns("id w:wide t ba:bytes"), rarely: true},
	{name: "z", columns: dmlColumns("n"), rarely: true},
	{name: "df", columns: dmlColumns("id n:ref")},
	{name: "dfp", columns: dmlColumns("id"), rarely: true},
	{name: "lv", columns: dmlColumns("id n:any t b"), absent: true},
}

func (t *dmlTable) has(column string) bool {
	for _, c := range t.columns {
		if c.name == column {
			return true
		}
	}
	return false
}

// list of its columns, with those that are read only.
func (t *dmlTable) list() string {
	var names []string
	for _, c := range t.columns {
		names = append(names, c.name)
	}
	return strings.Join(append(names, t.also...), ", ")
}

// dmlDigest is a query for a line per table: its name, and a digest of its rows.
func dmlDigest(there bool) string {
	var parts []string
	add := func(name, columns string) {
		parts = append(parts, fmt.Sprintf("SELECT '%s', count(*) || ' ' || md5(coalesce(string_agg(x::text, E'\\n' ORDER BY x::text), '')) FROM (SELECT %s FROM %[1]s) x", name, columns))
	}
	for _, t := range dmlTargets {
		if !there || !t.absent {
			add(t.name, t.columnsOf(there))
		}
	}
	add("alog", "*")
	for _, part := range []string{"pt1", "pt2", "pt3"} {
		add(part, "n, id, t")
	}
	if !there {
		add("llog", "*")
		add("pt0", "*")
		add("own", "*")
	}
	return strings.Join(parts, " UNION ALL ")
}

// columnsOf lists the columns as they are named.
func (t *dmlTable) columnsOf(there bool) string {
	if there && t.unlike {
		return strings.Replace(t.list(), " t,", ` "T ""t",`, 1)
	}
	return t.list()
}
