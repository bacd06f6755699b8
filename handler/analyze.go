package handler

import (
	"math"

	"pgwire_fdw/handler/internal/deparse"
	"pgwire_fdw/handler/internal/invariant"
	"pgwire_fdw/handler/internal/option"
	"pgwire_fdw/handler/internal/sqlerr"
	"pgwire_fdw/handler/internal/sqlstate"
)

// AnalyzeArgs are what ANALYZE of a foreign table knows (pgwire_analyze_args of
// bridge.h). Schema and Table are the local names.
type AnalyzeArgs struct {
	Major                       int
	Schema, Table               string
	ServerOptions, TableOptions []byte
	Columns                     []NamedOptions
	// Of the remote table, where that has been asked already:
	Tuples    float64 // < 0: not known
	Pages     float64 // of this server's block size
	CanSample bool    // TABLESAMPLE works on all of it
	Target    int     // rows wanted
}

// NamedOptions are a column's name and its options.
type NamedOptions struct {
	Name    string
	Options []byte
}

// AnalyzeReply is how to analyse the table.
type AnalyzeReply struct {
	Import        bool     // by the remote's own statistics, where that can be done
	Schema, Table string   // remote names, parameters of the two statements
	Columns       []string // remote names
	FactsSQL      string   // what the remote knows of the table: one row
	ImportSQL     string   // the same, and the statistics of a column in each row
	SampleSQL     string
	Fraction      float64 // of all rows that SampleSQL returns, on average
	Draws         float64 // how many rows or blocks are drawn for that, on average
	FetchMemory   int64
}

// Analyze says how to analyse a foreign table.
func Analyze(a AnalyzeArgs) (AnalyzeReply, *Error) {
	invariant.MaybePanic("analyze")
	server, err := option.SplitPairs(a.ServerOptions)
	if err != nil {
		return AnalyzeReply{}, sqlerr.New(sqlstate.InternalError, "%w", err)
	}
	table, err := option.SplitPairs(a.TableOptions)
	if err != nil {
		return AnalyzeReply{}, sqlerr.New(sqlstate.InternalError, "%w", err)
	}
	rel := option.ParseRelation(a.Major, server, table)
	r := AnalyzeReply{Schema: rel.SchemaName, Table: rel.TableName, FetchMemory: rel.FetchMemory,
		Import: rel.AnalyzeSampling == "import", FactsSQL: factsSQL, ImportSQL: importStatisticsSQL}
	if r.Schema == "" {
		r.Schema = a.Schema
	}
	if r.Table == "" {
		r.Table = a.Table
	}
	for _, c := range a.Columns {
		pairs, err := option.SplitPairs(c.Options)
		if err != nil {
			return AnalyzeReply{}, sqlerr.New(sqlstate.InternalError, "%w", err)
		}
		r.Columns = append(r.Columns, option.ColumnName(pairs, c.Name))
	}
	var s deparse.Sample
	s, r.Fraction = chooseSample(rel.AnalyzeSampling, a)
	r.Draws = r.Fraction * a.Tuples
	if s.Blocks > 0 {
		r.Draws = s.Blocks * a.Pages
	}
	r.SampleSQL = deparse.SampleTable(r.Schema, r.Table, r.Columns, s)
	return r, nil
}

// fewBlocks is from which ratio of a table's blocks to those sampled on it pays to
// read only these. Rows are then drawn by random(), which costs some 150 ns for
// each row looked at, where BERNOULLI takes 20; PostgreSQL 15 and 16, all in cache.
const fewBlocks = 8

// chooseSample says how to get about a.Target rows, and which fraction of all
// rows they are. All of them are read where their number is not known, or is not
// above what is wanted anyway.
func chooseSample(method string, a AnalyzeArgs) (deparse.Sample, float64) {
	// NaN compares false
	if method == "off" || !(a.Tuples > float64(a.Target)) || math.IsInf(a.Tuples, 1) {
		return deparse.Sample{}, 1
	}
	f := float64(a.Target) / a.Tuples
	switch {
	case method == "random" || !a.CanSample:
		return deparse.Sample{Rows: f, Random: true}, f
	case method == "system":
		return deparse.Sample{Blocks: f}, f
	case method != "bernoulli" && a.Pages > fewBlocks*float64(a.Target):
		// what ANALYZE of a local table does: rows of as many blocks as there are
		// to be rows, so that a large table is not read whole
		blocks := float64(a.Target) / a.Pages
		return deparse.Sample{Blocks: blocks, Rows: min(f/blocks, 1)}, f
	}
	return deparse.Sample{Rows: f}, f
}

// tree is the remote table, $1 its schema and $2 its name, with all that inherits
// from it. Rows and size are those of what holds rows.
const tree = `WITH RECURSIVE tree AS (
 SELECT c.oid, c.relkind, c.reltuples, true AS root
 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $1::name AND c.relname = $2::name
 UNION
 SELECT c.oid, c.relkind, c.reltuples, false
 FROM tree t JOIN pg_inherits i ON i.inhparent = t.oid JOIN pg_class c ON c.oid = i.inhrelid),
facts AS (
 SELECT max(oid) FILTER (WHERE root) AS oid, max(relkind::text) FILTER (WHERE root) AS relkind,
 count(*) > 1 AS children, bool_and(relkind IN ('r', 'm', 'p')) AS samples,
 CASE WHEN bool_or(relkind IN ('r', 'm', 'f') AND reltuples < 0) THEN -1
 ELSE coalesce(sum(reltuples::float8) FILTER (WHERE relkind IN ('r', 'm', 'f')), -1) END AS tuples,
 coalesce(sum(pg_relation_size(oid)) FILTER (WHERE relkind IN ('r', 'm')), 0) AS size
 FROM tree)
`

// factsSQL answers one row: kind, whether anything inherits from it, whether
// TABLESAMPLE works, rows (-1: not known), bytes. The kind is NULL if there is no
// such relation. The first columns of importStatisticsSQL are the same.
const factsSQL = tree + `SELECT relkind, children, samples, tuples, size FROM facts`

// importStatisticsSQL has a row for each column: then name, type (schema, name,
// OID, modifier), and what pg_stats says of it, in the order of its columns. The
// statistics of a partitioned table are those of its whole tree.
const importStatisticsSQL = tree + `SELECT f.relkind, f.children, f.samples, f.tuples, f.size,
 a.attname, tn.nspname, t.typname, t.oid, a.atttypmod,
 s.null_frac, s.avg_width, s.n_distinct, s.most_common_vals, s.most_common_freqs, s.histogram_bounds,
 s.correlation, s.most_common_elems, s.most_common_elem_freqs, s.elem_count_histogram
FROM facts f
LEFT JOIN pg_attribute a ON a.attrelid = f.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_namespace tn ON tn.oid = t.typnamespace
LEFT JOIN pg_stats s ON s.schemaname = $1::name AND s.tablename = $2::name AND s.attname = a.attname
 AND s.inherited = (f.relkind = 'p')`
