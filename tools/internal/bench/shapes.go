package main

import (
	"context"
	"fmt"
	"strings"
)

// shapes of queries of one server, of the tables of package tpch.
var shapes = []struct{ name, sql string }{
	{"inner join of two", "SELECT o_orderkey, c_name FROM orders JOIN customer ON o_custkey = c_custkey WHERE c_nationkey = 3"},
	{"inner join of four", "SELECT n_name, s_name, ps_availqty, p_name FROM nation, supplier, partsupp, part WHERE n_nationkey = s_nationkey AND s_suppkey = ps_suppkey AND ps_partkey = p_partkey AND p_size = 7"},
	{"left join with a condition on the inner side", "SELECT c_name, o_orderkey FROM customer LEFT JOIN orders ON o_custkey = c_custkey AND o_totalprice > 300000 WHERE c_nationkey = 3"},
	{"full join", "SELECT s_name, c_name FROM supplier FULL JOIN customer ON s_suppkey = c_custkey"},
	{"semi-join (EXISTS)", "SELECT c_name FROM customer WHERE EXISTS (SELECT FROM orders WHERE o_custkey = c_custkey AND o_totalprice > 400000)"},
	{"anti-join (NOT EXISTS)", "SELECT c_name FROM customer WHERE NOT EXISTS (SELECT FROM orders WHERE o_custkey = c_custkey)"},
	{"IN with a sub-query that aggregates", "SELECT o_orderkey FROM orders WHERE o_orderkey IN (SELECT l_orderkey FROM lineitem GROUP BY l_orderkey HAVING sum(l_quantity) > 300)"},
	{"GROUP BY with HAVING", "SELECT o_custkey, count(*), sum(o_totalprice) FROM orders GROUP BY o_custkey HAVING count(*) > 20"},
	{"GROUPING SETS", "SELECT l_returnflag, l_shipmode, sum(l_quantity) FROM lineitem GROUP BY ROLLUP (l_returnflag, l_shipmode)"},
	{"aggregates with DISTINCT, FILTER, ORDER BY", "SELECT count(DISTINCT c_nationkey), max(c_acctbal) FILTER (WHERE c_mktsegment = 'BUILDING'), string_agg(c_phone, ',' ORDER BY c_custkey) FROM customer WHERE c_custkey < 100"},
	{"DISTINCT", "SELECT DISTINCT c_mktsegment, c_nationkey FROM customer"},
	{"DISTINCT ON", "SELECT DISTINCT ON (o_custkey) o_custkey, o_orderkey FROM orders ORDER BY o_custkey, o_totalprice DESC, o_orderkey"},
	{"window function", "SELECT o_custkey, o_orderkey, rank() OVER (PARTITION BY o_custkey ORDER BY o_totalprice) FROM orders"},
	{"ORDER BY with LIMIT", "SELECT * FROM lineitem ORDER BY l_extendedprice DESC, l_orderkey, l_linenumber LIMIT 10"},
	{"join, ORDER BY, LIMIT", "SELECT c_name, o_totalprice FROM customer JOIN orders ON o_custkey = c_custkey ORDER BY o_totalprice DESC, o_orderkey LIMIT 10"},
	{"UNION", "SELECT c_nationkey FROM customer UNION SELECT s_nationkey FROM supplier"},
	{"EXCEPT", "SELECT c_custkey FROM customer EXCEPT SELECT o_custkey FROM orders"},
	{"CTE used twice", "WITH t AS (SELECT o_custkey, sum(o_totalprice) AS total FROM orders GROUP BY o_custkey) SELECT o_custkey FROM t WHERE total = (SELECT max(total) FROM t)"},
	{"correlated scalar sub-query", "SELECT c_name, (SELECT max(o_totalprice) FROM orders WHERE o_custkey = c_custkey) FROM customer WHERE c_custkey < 1000"},
	{"LATERAL with LIMIT", "SELECT c_name, o.* FROM customer, LATERAL (SELECT o_orderkey, o_totalprice FROM orders WHERE o_custkey = c_custkey ORDER BY o_totalprice DESC, o_orderkey LIMIT 3) o WHERE c_custkey < 1000"},
}

// queryShapes counts, of shapes of query, those that the remote answers alone.
func (b *bench) queryShapes(ctx context.Context) error {
	if err := b.loadTPCH(ctx); err != nil {
		return err
	}
	t := table{title: "Shapes of query on one server", header: []string{"shape"}}
	for _, c := range tpchContenders {
		t.header = append(t.header, c.name)
	}
	whole := make([]int, len(tpchContenders))
	for _, s := range shapes {
		line := []string{s.name}
		for i, c := range tpchContenders {
			if err := execAll(ctx, b.local, "SET search_path = "+c.schema); err != nil {
				return err
			}
			plan, err := planOf(ctx, b.local, s.sql)
			if err != nil {
				return fmt.Errorf("%s: %w", s.sql, err)
			}
			verdict := fmt.Sprintf("%d scans; here: %s", plan.Count("Foreign Scan"), strings.Join(plan.Local(), ", "))
			if plan.Whole() {
				verdict = "whole"
				whole[i]++
			}
			line = append(line, verdict)
		}
		t.lines = append(t.lines, line)
	}
	t.after = fmt.Sprintf("Whole, as one foreign scan: %d of %d with pgwire_fdw, %d with %s.", whole[0], len(shapes), whole[1], bestStock)
	b.report.tables = append(b.report.tables, t)
	return execAll(ctx, b.local, "RESET search_path")
}
