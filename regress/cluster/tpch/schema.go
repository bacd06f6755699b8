package tpch

import (
	"fmt"
	"strings"
)

// Table is one of the eight tables.
type Table struct {
	Name    string
	Columns string   // as in CREATE TABLE and CREATE FOREIGN TABLE
	Key     string   // columns of the primary key
	Hash    string   // column to split it by among servers; none for the two small ones
	Indexes []string // further columns to index
}

// Tables are all of them, the ones that others refer to first.
var Tables = []Table{
	{Name: "region", Key: "r_regionkey", Columns: `r_regionkey int NOT NULL, r_name char(25) NOT NULL, r_comment varchar(152)`},
	{Name: "nation", Key: "n_nationkey", Columns: `n_nationkey int NOT NULL, n_name char(25) NOT NULL, n_regionkey int NOT NULL, n_comment varchar(152)`},
	{Name: "supplier", Key: "s_suppkey", Hash: "s_suppkey", Columns: `s_suppkey int NOT NULL, s_name char(25) NOT NULL, s_address varchar(40) NOT NULL,
		s_nationkey int NOT NULL, s_phone char(15) NOT NULL, s_acctbal numeric(15,2) NOT NULL, s_comment varchar(101) NOT NULL`},
	{Name: "part", Key: "p_partkey", Hash: "p_partkey", Columns: `p_partkey int NOT NULL, p_name varchar(55) NOT NULL, p_mfgr char(25) NOT NULL,
		p_brand char(10) NOT NULL, p_type varchar(25) NOT NULL, p_size int NOT NULL, p_container char(10) NOT NULL,
		p_retailprice numeric(15,2) NOT NULL, p_comment varchar(23) NOT NULL`},
	{Name: "partsupp", Key: "ps_partkey, ps_suppkey", Hash: "ps_partkey", Indexes: []string{"ps_suppkey"},
		Columns: `ps_partkey int NOT NULL, ps_suppkey int NOT NULL, ps_availqty int NOT NULL, ps_supplycost numeric(15,2) NOT NULL,
		ps_comment varchar(199) NOT NULL`},
	{Name: "customer", Key: "c_custkey", Hash: "c_custkey", Columns: `c_custkey int NOT NULL, c_name varchar(25) NOT NULL, c_address varchar(40) NOT NULL,
		c_nationkey int NOT NULL, c_phone char(15) NOT NULL, c_acctbal numeric(15,2) NOT NULL, c_mktsegment char(10) NOT NULL,
		c_comment varchar(117) NOT NULL`},
	{Name: "orders", Key: "o_orderkey", Hash: "o_orderkey", Indexes: []string{"o_custkey"},
		Columns: `o_orderkey bigint NOT NULL, o_custkey int NOT NULL, o_orderstatus char(1) NOT NULL, o_totalprice numeric(15,2) NOT NULL,
		o_orderdate date NOT NULL, o_orderpriority char(15) NOT NULL, o_clerk char(15) NOT NULL, o_shippriority int NOT NULL,
		o_comment varchar(79) NOT NULL`},
	{Name: "lineitem", Key: "l_orderkey, l_linenumber", Hash: "l_orderkey", Indexes: []string{"l_partkey, l_suppkey"},
		Columns: `l_orderkey bigint NOT NULL, l_partkey int NOT NULL, l_suppkey int NOT NULL, l_linenumber int NOT NULL,
		l_quantity numeric(15,2) NOT NULL, l_extendedprice numeric(15,2) NOT NULL, l_discount numeric(15,2) NOT NULL, l_tax numeric(15,2) NOT NULL,
		l_returnflag char(1) NOT NULL, l_linestatus char(1) NOT NULL, l_shipdate date NOT NULL, l_commitdate date NOT NULL,
		l_receiptdate date NOT NULL, l_shipinstruct char(25) NOT NULL, l_shipmode char(10) NOT NULL, l_comment varchar(44) NOT NULL`},
}

// Create are the statements that make the empty tables in a schema.
func Create(schema string) []string {
	statements := []string{fmt.Sprintf("CREATE SCHEMA IF NOT EXISTS %s", schema)}
	for _, t := range Tables {
		statements = append(statements, fmt.Sprintf("CREATE TABLE %s.%s (%s)", schema, t.Name, t.Columns))
	}
	return statements
}

// Finish are the statements after loading: keys, indexes, statistics.
func Finish(schema string) []string {
	var statements []string
	for _, t := range Tables {
		statements = append(statements, t.Finish(schema)...)
	}
	return statements
}

// Finish is the function of that name for one table.
func (t Table) Finish(schema string) []string {
	name := schema + "." + t.Name
	statements := []string{fmt.Sprintf("ALTER TABLE %s ADD PRIMARY KEY (%s)", name, t.Key)}
	for _, columns := range t.Indexes {
		statements = append(statements, fmt.Sprintf("CREATE INDEX ON %s (%s)", name, columns))
	}
	return append(statements, "VACUUM (ANALYZE) "+name)
}

// Foreign are the statements that make the tables of a remote schema foreign
// tables in a local one, which is made too.
func Foreign(schema, server, remoteSchema string) []string {
	statements := []string{fmt.Sprintf("CREATE SCHEMA IF NOT EXISTS %s", schema)}
	for _, t := range Tables {
		statements = append(statements, fmt.Sprintf("CREATE FOREIGN TABLE %s.%s (%s) SERVER %s OPTIONS (schema_name '%s')",
			schema, t.Name, t.Columns, server, remoteSchema))
	}
	return statements
}

// Sharded are the statements that make the tables a schema of partitioned
// ones, split by hash over servers; those without a column to split by are on
// the first server. The remote tables have the names of the local ones.
func Sharded(schema string, servers []string, remoteSchema string) []string {
	statements := []string{fmt.Sprintf("CREATE SCHEMA IF NOT EXISTS %s", schema)}
	for _, t := range Tables {
		if t.Hash == "" {
			statements = append(statements, fmt.Sprintf("CREATE FOREIGN TABLE %s.%s (%s) SERVER %s OPTIONS (schema_name '%s')",
				schema, t.Name, t.Columns, servers[0], remoteSchema))
			continue
		}
		statements = append(statements, fmt.Sprintf("CREATE TABLE %s.%s (%s) PARTITION BY HASH (%s)", schema, t.Name, t.Columns, t.Hash))
		for i, server := range servers {
			statements = append(statements, fmt.Sprintf(
				"CREATE FOREIGN TABLE %[1]s.%[2]s_%[3]d PARTITION OF %[1]s.%[2]s FOR VALUES WITH (MODULUS %[4]d, REMAINDER %[3]d) SERVER %[5]s OPTIONS (schema_name '%[6]s', table_name '%[2]s')",
				schema, t.Name, i, len(servers), server, remoteSchema))
		}
	}
	return statements
}

// Analyze are the statements that take statistics of a schema's tables.
func Analyze(schema string) []string {
	var names []string
	for _, t := range Tables {
		names = append(names, schema+"."+t.Name)
	}
	return []string{"ANALYZE " + strings.Join(names, ", ")}
}
