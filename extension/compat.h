/*
 * compat.h - every difference between server majors 14 to 18, alphabetical.
 *
 * No other file tests PG_VERSION_NUM (a lint test sees to it). A name that is
 * only spelled differently keeps the newest server's spelling here; one whose
 * behaviour differs gets a pgwire_ prefix.
 */
#ifndef PGWIRE_COMPAT_H
#define PGWIRE_COMPAT_H

#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"

#if PG_VERSION_NUM < 140000
#error "pgwire_fdw needs PostgreSQL 14 or later"
#endif

#if SIZEOF_DATUM != 8 || !defined(USE_FLOAT8_BYVAL)
#error "pgwire_fdw needs a 64-bit server (values of 8 bytes passed by value)"
#endif

/*
 * create_foreign_upper_path takes the join conditions of the path since 17
 * and the number of disabled nodes since 18.
 */
#if PG_VERSION_NUM >= 180000
#define pgwire_create_foreign_upper_path(root, rel, target, rows, startup, total, pathkeys, private) \
	create_foreign_upper_path(root, rel, target, rows, 0, startup, total, \
							  pathkeys, NULL, NIL, private)
#elif PG_VERSION_NUM >= 170000
#define pgwire_create_foreign_upper_path(root, rel, target, rows, startup, total, pathkeys, private) \
	create_foreign_upper_path(root, rel, target, rows, startup, total, \
							  pathkeys, NULL, NIL, private)
#else
#define pgwire_create_foreign_upper_path(root, rel, target, rows, startup, total, pathkeys, private) \
	create_foreign_upper_path(root, rel, target, rows, startup, total, \
							  pathkeys, NULL, private)
#endif

/*
 * create_foreignscan_path and its like take the join conditions of the path since
 * 17 (9e9931d2bf4) and the number of disabled nodes since 18 (e2225346291).
 */
#if PG_VERSION_NUM >= 180000
#define pgwire_create_foreignscan_path(root, rel, rows, startup, total, pathkeys, outer, epq) \
	create_foreignscan_path(root, rel, NULL, rows, 0, startup, total, \
							pathkeys, outer, epq, NIL, NIL)
#define pgwire_create_foreign_join_path(root, rel, rows, startup, total, pathkeys, outer, epq, conditions) \
	create_foreign_join_path(root, rel, NULL, rows, 0, startup, total, \
							 pathkeys, outer, epq, conditions, NIL)
#elif PG_VERSION_NUM >= 170000
#define pgwire_create_foreignscan_path(root, rel, rows, startup, total, pathkeys, outer, epq) \
	create_foreignscan_path(root, rel, NULL, rows, startup, total, \
							pathkeys, outer, epq, NIL, NIL)
#define pgwire_create_foreign_join_path(root, rel, rows, startup, total, pathkeys, outer, epq, conditions) \
	create_foreign_join_path(root, rel, NULL, rows, startup, total, \
							 pathkeys, outer, epq, conditions, NIL)
#else
#define pgwire_create_foreignscan_path(root, rel, rows, startup, total, pathkeys, outer, epq) \
	create_foreignscan_path(root, rel, NULL, rows, startup, total, \
							pathkeys, outer, epq, NIL)
#define pgwire_create_foreign_join_path(root, rel, rows, startup, total, pathkeys, outer, epq, conditions) \
	((void) (conditions), \
	 create_foreign_join_path(root, rel, NULL, rows, startup, total, \
							  pathkeys, outer, epq, NIL))
#endif

/* CreateWaitEventSet takes a resource owner since 17 (50c67c2019a); none here. */
#if PG_VERSION_NUM >= 170000
#define pgwire_create_wait_event_set(n) CreateWaitEventSet(NULL, (n))
#else
#define pgwire_create_wait_event_set(n) CreateWaitEventSet(TopMemoryContext, (n))
#endif

/*
 * EquivalenceMembers of child relations are found by an iterator since 18
 * (d69d45a5a95); before, they are in the one list of all.
 */
#if PG_VERSION_NUM >= 180000
#include "optimizer/paths.h"
static inline EquivalenceMemberIterator
pgwire_members(EquivalenceClass *ec, Relids relids)
{
	EquivalenceMemberIterator it;

	setup_eclass_member_iterator(&it, ec, relids);
	return it;
}
#define pgwire_foreach_member(em, ec, relids) \
	for (EquivalenceMemberIterator it_ = pgwire_members(ec, relids); \
		 (em = eclass_member_iterator_next(&it_)) != NULL;)
#else
#define pgwire_foreach_member(em, ec, relids) \
	for (ListCell *lc_ = list_head((ec)->ec_members); \
		 lc_ != NULL && ((em = lfirst(lc_)), true); \
		 lc_ = lnext((ec)->ec_members, lc_))
#endif

/* ExplainProperty*() and ExplainState have headers of their own since 18. */
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif

/*
 * The local server's major version. (Some defaults of options follow it.)
 */
#define PGWIRE_SERVER_MAJOR (PG_VERSION_NUM / 10000)

/*
 * GROUP BY's columns are those of a range table entry of their own since 18
 * (247dea89f76).
 */
#if PG_VERSION_NUM >= 180000
#define pgwire_is_group_rte(rte) ((rte)->rtekind == RTE_GROUP)
#define pgwire_group_exprs(rte) ((rte)->groupexprs)
#define PGWIRE_QTW_IGNORE_GROUPEXPRS QTW_IGNORE_GROUPEXPRS
#else
#define pgwire_is_group_rte(rte) false
#define pgwire_group_exprs(rte) NIL
#define PGWIRE_QTW_IGNORE_GROUPEXPRS 0
#endif

/*
 * JSON constructors and IS JSON came in 16 (7081ac46ace, 6ee30209a6f). A
 * JsonValueExpr is its formatted expression, and remembers how it was written.
 */
#if PG_VERSION_NUM >= 160000
#define PGWIRE_HAS_JSON_CONSTRUCTORS
#define pgwire_strip_json_value(node) \
	(IsA(node, JsonValueExpr) ? (Node *) ((JsonValueExpr *) (node))->formatted_expr : (node))
#else
#define pgwire_strip_json_value(node) (node)
#endif

/* JSON_VALUE and its kin came in 17 (6185c9737cf). */
#if PG_VERSION_NUM >= 170000
#define PGWIRE_HAS_JSON_QUERY
#endif

/* MarkGUCPrefixReserved replaced EmitWarningsOnPlaceholders in 15. */
#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

/* object_aclcheck replaced the functions for each kind of object in 16 (c727f511bd7). */
#if PG_VERSION_NUM >= 160000
#define pgwire_server_aclcheck(server, role, mode) \
	object_aclcheck(ForeignServerRelationId, server, role, mode)
#else
#define pgwire_server_aclcheck(server, role, mode) pg_foreign_server_aclcheck(server, role, mode)
#endif

/*
 * OpIndexInterpretation replaced OpBtreeInterpretation in 18, with the same numbers, where
 * operators of other index methods than btree are told, too.
 */
#if PG_VERSION_NUM >= 180000
#define pgwire_op_comparisons(opno) get_op_index_interpretation(opno)
#define pgwire_op_comparison OpIndexInterpretation
#define pgwire_comparison_number(c) ((int) (c)->cmptype)
#else
#define pgwire_op_comparisons(opno) get_op_btree_interpretation(opno)
#define pgwire_op_comparison OpBtreeInterpretation
#define pgwire_comparison_number(c) ((c)->strategy)
#endif

/* PathKeys tell their operator by a CompareType since 18. */
#if PG_VERSION_NUM >= 180000
#define pgwire_pathkey_operator(pathkey, type) \
	get_opfamily_member_for_cmptype((pathkey)->pk_opfamily, type, type, (pathkey)->pk_cmptype)
#else
#define pgwire_pathkey_operator(pathkey, type) \
	get_opfamily_member((pathkey)->pk_opfamily, type, type, (pathkey)->pk_strategy)
#endif

/* pg_noreturn, before a declaration, replaced pg_attribute_noreturn() in 18. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/*
 * Result relations: whose rights count, the executor says since 16 (a61b1f74823);
 * before, the range table entry, or that of the partitioned table whose rows are
 * routed. InvalidOid: the current user.
 */
#if PG_VERSION_NUM >= 160000
#define pgwire_result_check_as_user(rinfo, estate) ExecGetResultRelCheckAsUser(rinfo, estate)
#else
#define pgwire_result_check_as_user(rinfo, estate) \
	(exec_rt_fetch((rinfo)->ri_RangeTableIndex != 0 ? (rinfo)->ri_RangeTableIndex : \
				   (rinfo)->ri_RootResultRelInfo->ri_RangeTableIndex, estate)->checkAsUser)
#endif

/*
 * RTEPermissionInfo says whose rights count for a relation since 16 (a61b1f74823),
 * before, its range table entry. InvalidOid: the current user's.
 */
#if PG_VERSION_NUM >= 160000
#define pgwire_rte_check_as_user(query, rte) \
	((rte)->perminfoindex == 0 ? InvalidOid : \
	 getRTEPermissionInfo((query)->rteperminfos, rte)->checkAsUser)
#define pgwire_share_perminfos(to, from) ((to)->rteperminfos = (from)->rteperminfos)
#else
#define pgwire_rte_check_as_user(query, rte) ((rte)->checkAsUser)
#define pgwire_share_perminfos(to, from) ((void) 0)
#endif

/*
 * runCondition: conditions of a query around that limit what a window function
 * answers, such as row_number() <= 10, become the WindowAgg's and are checked nowhere
 * else. Since 15 (9d9c02ccd1a) they are kept with the window, since 17 (7d2c7f08d9f)
 * with the function. Answers the conditions; `functions` are the window functions.
 */
static inline List *
pgwire_run_conditions(WindowClause *window, List *functions)
{
#if PG_VERSION_NUM >= 170000
	List	   *conditions = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, functions)
	{
		WindowFunc *func = lfirst_node(WindowFunc, lc);

		if (func->winref != window->winref)
			continue;
		foreach(lc2, func->runCondition)
		{
			WindowFuncRunCondition *run = lfirst_node(WindowFuncRunCondition, lc2);
			Expr	   *left = run->wfunc_left ? (Expr *) func : run->arg;
			Expr	   *right = run->wfunc_left ? run->arg : (Expr *) func;

			conditions = lappend(conditions,
								 make_opclause(run->opno, BOOLOID, false, left, right,
											   InvalidOid, run->inputcollid));
		}
	}
	return conditions;
#elif PG_VERSION_NUM >= 150000
	return window->runCondition;
#else
	return NIL;
#endif
}

/*
 * EXPLAIN names the window of a window function since 18 (8b1b342544b), which it
 * looks for in a WindowAgg, and fails where that is none of ours.
 */
#define PGWIRE_EXPLAIN_NEEDS_WINDOWS (PG_VERSION_NUM >= 180000)

/* sampler_random_fract takes the generator's state by pointer since 15 (3804539e48e). */
#if PG_VERSION_NUM >= 150000
#define pgwire_sampler_fract(rs) sampler_random_fract(&(rs)->randstate)
#else
#define pgwire_sampler_fract(rs) sampler_random_fract((rs)->randstate)
#endif

/* SetOpPath has two paths below since 18 (27627929528), before an Append. */
#if PG_VERSION_NUM >= 180000
#define pgwire_setop_paths(path) list_make2((path)->leftpath, (path)->rightpath)
#else
#define pgwire_setop_paths(path) list_make1((path)->subpath)
#endif

/*
 * The base relations of a scan are told from its outer joins since 16
 * (2489d76c490); before, outer joins were not counted.
 */
#if PG_VERSION_NUM >= 160000
#define pgwire_scan_base_relids(plan) ((plan)->fs_base_relids)
#define pgwire_set_scan_relids(plan, relids) ((plan)->fs_relids = (plan)->fs_base_relids = (relids))
#else
#define pgwire_scan_base_relids(plan) ((plan)->fs_relids)
#define pgwire_set_scan_relids(plan, relids) ((plan)->fs_relids = (relids))
#endif

/* vacuum_delay_point says for whom it delays since 18 (e5b0b0ce15). */
#if PG_VERSION_NUM >= 180000
#define pgwire_analyze_delay_point() vacuum_delay_point(true)
#else
#define pgwire_analyze_delay_point() vacuum_delay_point()
#endif

/*
 * The transition value of sums of integers and numerics: a number in it has a
 * header of four int32 since 15 (f025f2390e4), of four int16 before.
 */
#define PGWIRE_SUM_STATE_WIDE (PG_VERSION_NUM >= 150000)

/* Wait events of extensions have names of their own since 17 (c9af054653). */
#if PG_VERSION_NUM >= 170000
#define pgwire_new_wait_event(name) WaitEventExtensionNew(name)
#else
#define pgwire_new_wait_event(name) PG_WAIT_EXTENSION
#endif

/*
 * Window functions may be checked by the node that computes them since 15
 * (9d9c02ccd1a): a condition from above is then no condition of the query any more,
 * but kept in the window's clause, since 17 in the function (7ef2b42f4d4).
 */
#if PG_VERSION_NUM >= 170000
#define pgwire_window_run_condition(window) ((void) (window), NIL)
#define pgwire_window_func_run_condition(func) ((func)->runCondition)
#elif PG_VERSION_NUM >= 150000
#define pgwire_window_run_condition(window) ((window)->runCondition)
#define pgwire_window_func_run_condition(func) ((void) (func), NIL)
#else
#define pgwire_window_run_condition(window) ((void) (window), NIL)
#define pgwire_window_func_run_condition(func) ((void) (func), NIL)
#endif

#endif
