package ship

import (
	"fmt"
	"regexp"

	"pgwire_fdw/handler/internal/ir"
)

// oldest is the major version that every remote server is taken to have.
const oldest = 14

// missing says why what is new in a version cannot be sent; empty: it can.
func missing(s ir.Servers, since int) string {
	switch {
	case since <= oldest || since <= s.Remote:
		return ""
	case s.Remote == 0:
		return fmt.Sprintf("new in PostgreSQL %d, and no connection of this session has told the version of the remote server", since)
	}
	return fmt.Sprintf("new in PostgreSQL %d, and the remote server has %d", since, s.Remote)
}

// same says that both servers certainly have the same major version.
func same(s ir.Servers) bool { return s.Remote != 0 && s.Remote == s.Local }

// versionOK: does the remote have the function, and does it do the same there?
func versionOK(s ir.Servers, e ir.Expr, f *ir.Function) error {
	if !f.Builtin {
		return nil
	}
	if why := missing(s, functionSince(e, f)); why != "" {
		return refuse(e, "function %s is %s", f.Name, why)
	}
	if changed[f.OID] && !same(s) {
		return refuse(e, "result of function %s differs between major versions, and the servers may have different ones", f.Name)
	}
	return nil
}

// functionSince is the major version in which a built-in function appeared.
// Functions keep their OID as long as they live (pg_proc.dat of 14.0 to 17.0);
// those of 18 have higher ones than all before.
func functionSince(e ir.Expr, f *ir.Function) int {
	if f.OID > lastOf17 {
		return 18
	}
	for _, r := range newer {
		if f.OID >= r.first && f.OID <= r.last {
			return r.major
		}
	}
	// json_strip_nulls and jsonb_strip_nulls have got a second argument in 18
	if (f.OID == 3261 || f.OID == 3262) && len(e.Children()) > 1 {
		return 18
	}
	return oldest
}

// lastOf17 is the highest OID in pg_proc.dat of 17.0.
const lastOf17 = 6346

// newer are the functions that are not in 14, by OID.
var newer = []struct {
	first, last uint32
	major       int
}{
	{2137, 2137, 15}, // pg_stat_force_next_flush
	{4545, 4548, 15}, // binary_upgrade_set_next_heap_relfilenode, binary_upgrade_set_next_index_relfilenode, binary_upgrade_set_next_toast_relfilenode, binary_upgrade_set_next_pg_tablespace_oid
	{5097, 5100, 15}, // xid8_larger, xid8_smaller, max, min
	{6205, 6207, 15}, // has_parameter_privilege
	{6224, 6227, 15}, // pg_get_wal_resource_managers, multirange_agg_transfn, multirange_agg_finalfn, range_agg
	{6230, 6236, 15}, // pg_stat_have_stats, pg_stat_get_subscription_stats ... int8inc_support
	{6240, 6242, 15}, // pg_settings_get_flags, pg_stop_making_pinned_objects, text_starts_with_support
	{6248, 6272, 15}, // pg_stat_get_recovery_prefetch, pg_database_collation_actual_version ... pg_ls_replslotdir
	{6107, 6107, 16}, // pg_stat_get_backend_subxact
	{6208, 6223, 16}, // pg_read_file, pg_read_binary_file ... date_subtract
	{6273, 6301, 16}, // date_subtract, generate_series ... string_agg_deserialize
	{6305, 6311, 16}, // pg_log_standby_snapshot, window_percent_rank_support ... system_user
	{3813, 3813, 17}, // xmltext
	{4549, 4549, 17}, // unicode_version
	{6099, 6099, 17}, // icu_unicode_version
	{6105, 6105, 17}, // unicode_assigned
	{6312, 6312, 17}, // binary_upgrade_logical_slot_has_caught_up
	{6314, 6336, 17}, // pg_stat_get_checkpointer_stat_reset_time, pg_basetype ... timezone
	{6338, 6346, 17}, // jsonb_populate_record_valid, random ... elem_contained_by_range_support
}

// changed are immutable built-in functions whose results are not those of each
// other supported major version (release notes; pg_proc.dat).
var changed = oidSet(
	2288, 3166, // pg_size_pretty: petabytes since 15
	3334,             // pg_size_bytes: the same
	1738, 2169, 1739, // power of numerics: digits since 16
	4350, 4351, // normalize, IS NORMALIZED: the version of Unicode
	6105, // unicode_assigned: the same
	// text search: stemmers, stop words, the parser
	3745, 4211, 4212, 4214, 4216, // to_tsvector, json(b)_to_tsvector
	3746, 3747, 5006, 5007, // to_tsquery, plainto_, phraseto_, websearch_to_tsquery
	3743, 3744, 4201, 4202, 4205, 4206, // ts_headline
	3723, 3715, // ts_lexize, ts_parse
)

// constantSince is the major version that can read a constant.
func constantSince(e *ir.Const) int {
	switch {
	case e.Type.OID == 1186 && (e.Text == "infinity" || e.Text == "-infinity"): // interval
		return 17
	case e.Type.OID == 4072 && methodsOf17.MatchString(e.Text): // jsonpath
		return 17
	}
	return oldest
}

// methodsOf17 are the methods of jsonpath that are new in 17.
var methodsOf17 = regexp.MustCompile(`\.(bigint|boolean|date|decimal|integer|number|string|time|time_tz|timestamp|timestamp_tz)\(`)
