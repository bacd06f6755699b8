package cluster

import (
	"testing"

	"pgwire_fdw/regress/cluster/pgtest"
)

// TestMoney: what a remote prints under another lc_monetary is refused where it
// would mean another amount here. The proxy stands for locales that the machine
// need not have: "$1.234" is a thousand and some where the point parts the
// thousands, and would be $1.23 here.
func TestMoney(t *testing.T) {
	r := newRig(t)
	r.remote.Exec(t, `CREATE TYPE priced AS (name text, price money, at timestamptz, f float8);
		CREATE TYPE prices AS RANGE (subtype = money);
		CREATE TABLE m (id int, v money, a money[], p priced, r prices, n numeric, w text);
		INSERT INTO m VALUES (1, 5, '{1,NULL}', ('a b', 7, '2026-01-02 03:04:05.6+00', 0.1), '[1,3)', 5.5, '$6.00'),
			(2, 12.34, '{12.34,-1234567.89}', ('x', 12.34, NULL, NULL), '[1,12.34)', 12.34, '12.34'), (3, NULL, NULL, NULL, NULL, NULL, NULL)`)
	r.local.Exec(t, `CREATE TYPE priced AS (name text, price money, at timestamptz, f float8);
		CREATE TYPE prices AS RANGE (subtype = money); CREATE DOMAIN positive AS money CHECK (VALUE > '0'::money);
		CREATE FOREIGN TABLE m (id int, v money, a money[], p priced, r prices) SERVER remote;
		CREATE FOREIGN TABLE others (id int, v text, a text[], w money, n money) SERVER remote OPTIONS (table_name 'm');
		CREATE FOREIGN TABLE domains (id int, v positive) SERVER remote OPTIONS (table_name 'm')`)
	s := open(t, r.local)
	const all = `SELECT string_agg(m::text, ' ' ORDER BY id) FROM m`
	const want = `(1,$5.00,"{$1.00,NULL}","(""a b"",$7.00,""2026-01-02 03:04:05.6+00"",0.1)","[$1.00,$3.00)") ` +
		`(2,$12.34,"{$12.34,""-$1,234,567.89""}","(x,$12.34,,)","[$1.00,$12.34)") (3,,,,)`
	s.must(`SET timezone = 'GMT'`)
	s.want(all, want)
	// what stands beside an amount may be printed otherwise here
	s.must(`SET timezone = 'America/St_Johns'; SET datestyle = 'German'; SET extra_float_digits = -5; SET bytea_output = escape`)
	s.want(`SELECT (p).price || ' ' || extract(epoch FROM (p).at) FROM m WHERE id = 1`, "$7.00 1767323045.600000")
	s.must(`RESET ALL`)
	s.want(`SELECT string_agg(v || a::text || w || n, ' ' ORDER BY id) FROM others`, `$5.00{$1.00,NULL}$6.00$5.50 $12.34{$12.34,"-$1,234,567.89"}$12.34$12.34`)
	s.want(`SELECT string_agg(v::text, ' ') FROM domains WHERE id < 3`, "$5.00 $12.34")
	s.want(`SELECT count(*) FROM m WHERE v = '$12.34'::money`, "1")

	p := pgtest.NewProxy(t, r.remote)
	p.Swap("$12.34", "$1.234")
	r.via(t, p.Port)
	for _, sql := range []string{"SELECT v FROM m", "SELECT a FROM m", "SELECT p FROM m", "SELECT r FROM m", "SELECT v FROM domains", "SELECT count(*) FROM m WHERE v = '12.34'"} {
		e := s.refused(sql, "22P02")
		if e.Detail != "The remote session has another lc_monetary." {
			t.Errorf("%s: %s", sql, describe(e))
		}
	}
	s.want(`SELECT v::text FROM m WHERE id = 1`, "$5.00")
	s.want(`SELECT v FROM others WHERE id = 2`, "$1.234")
	s.works()
}
