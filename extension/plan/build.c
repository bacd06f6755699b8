/*
 * build.c - describes the query of a relation to Go, and makes the ForeignScan
 * of the statement that Go answers.
 *
 * A join's conditions stand where SQL wants them: those that its rows must pass
 * go up to WHERE, as far as no outer join is between; those of a side that may be
 * null become part of the join's own. What then is left is a side of a full
 * join, which deparse writes as a sub-query.
 */
#include "postgres.h"

#include "plan.h"

#include <limits.h>

#include "miscadmin.h"
#include "optimizer/planmain.h"
#include "optimizer/prep.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "feed.h"
#include "private.h"

/* ---- FROM and WHERE ---- */

List *
pgwire_clauses(List *rinfos)
{
	List	   *clauses = NIL;
	ListCell   *lc;

	foreach(lc, rinfos)
		clauses = lappend(clauses, lfirst_node(RestrictInfo, lc)->clause);
	return clauses;
}

/* The conditions of a relation's rows that are not in its FROM. */
static List *
where_of(RelOptInfo *foreignrel)
{
	pgwire_rel *rel = foreignrel->fdw_private;
	List	   *above = pgwire_clauses(rel->remote_conds);

	check_stack_depth();
	if (rel->kind == PGWIRE_REL_BASE || rel->jointype == JOIN_FULL)
		return above;
	if (rel->jointype == JOIN_INNER)
		above = list_concat(where_of(rel->inner), above);
	return list_concat(where_of(rel->outer), above);
}

static uint8
join_code(JoinType jointype)
{
	switch (jointype)
	{
		case JOIN_LEFT:
			return PGWIRE_JOIN_LEFT;
		case JOIN_FULL:
			return PGWIRE_JOIN_FULL;
		case JOIN_SEMI:
			return PGWIRE_JOIN_SEMI;
		case JOIN_ANTI:
			return PGWIRE_JOIN_ANTI;
		default:
			return PGWIRE_JOIN_INNER;
	}
}

static void put_from(pgwire_ir *ir, RelOptInfo *foreignrel);

/* A side of a join, with those of its conditions that have no other place. */
static void
put_side(pgwire_ir *ir, RelOptInfo *side, List *conditions)
{
	if (conditions == NIL)
	{
		put_from(ir, side);
		return;
	}
	pgwire_put_u8(&ir->clauses, PGWIRE_FROM_LIST);
	pgwire_put_u32(&ir->clauses, 1);
	put_from(ir, side);
	pgwire_ir_exprs(ir, conditions, 0);
}

static void
put_from(pgwire_ir *ir, RelOptInfo *foreignrel)
{
	pgwire_rel *rel = foreignrel->fdw_private;
	bool		full = rel->jointype == JOIN_FULL;
	List	   *on;

	check_stack_depth();
	if (rel->kind == PGWIRE_REL_BASE)
	{
		pgwire_put_u8(&ir->clauses, PGWIRE_FROM_ITEM);
		pgwire_put_u32(&ir->clauses, foreignrel->relid);
		return;
	}
	on = pgwire_clauses(rel->joinclauses);
	if (rel->jointype != JOIN_INNER && !full)
		on = list_concat(on, where_of(rel->inner));
	pgwire_put_u8(&ir->clauses, PGWIRE_FROM_JOIN);
	pgwire_put_u8(&ir->clauses, join_code(rel->jointype));
	put_side(ir, rel->outer, full ? where_of(rel->outer) : NIL);
	put_side(ir, rel->inner, full ? where_of(rel->inner) : NIL);
	pgwire_ir_exprs(ir, on, 0);
}

/* ---- items ---- */

/* Add the base relations of a relation to the list. */
static List *
add_tables(List *tables, RelOptInfo *foreignrel)
{
	pgwire_rel *rel = foreignrel->fdw_private;

	check_stack_depth();
	if (rel->kind == PGWIRE_REL_BASE)
		return lappend(tables, foreignrel);
	return add_tables(add_tables(tables, rel->outer), rel->inner);
}

/* A table as an item, by the names that it has there. */
static void
put_table(pgwire_ir *ir, PlannerInfo *root, RelOptInfo *baserel)
{
	const pgwire_rel *rel = baserel->fdw_private;
	const char *schema = rel->schema_name;
	const char *table = rel->table_name;
	Oid			relid = planner_rt_fetch(baserel->relid, root)->relid;

	if (schema[0] == '\0')
		schema = get_namespace_name(get_rel_namespace(relid));
	if (table[0] == '\0')
		table = get_rel_name(relid);
	pgwire_ir_table_item(ir, baserel->relid, schema ? schema : "", table ? table : "");
}

/*
 * How the rows of a table are locked: as SELECT FOR UPDATE and the like say, when
 * the row is fetched. Of one that is to be updated it is not known which of its
 * columns are keys.
 */
static uint8
lock_of(PlannerInfo *root, Index relid, uint8 *wait)
{
	PlanRowMark *mark = get_plan_rowmark(root->rowMarks, relid);

	*wait = LockWaitBlock;
	if (bms_is_member(relid, root->all_result_relids))
		return PGWIRE_LOCK_UPDATE;
	if (mark == NULL)
		return PGWIRE_LOCK_NONE;
	*wait = mark->waitPolicy;
	switch (mark->strength)
	{
		case LCS_FORKEYSHARE:
			return PGWIRE_LOCK_KEY_SHARE;
		case LCS_FORSHARE:
			return PGWIRE_LOCK_SHARE;
		case LCS_FORNOKEYUPDATE:
			return PGWIRE_LOCK_NO_KEY_UPDATE;
		case LCS_FORUPDATE:
			return PGWIRE_LOCK_UPDATE;
		case LCS_NONE:
			break;
	}
	return PGWIRE_LOCK_NONE;
}

static void
put_locks(pgwire_ir *ir, PlannerInfo *root, List *tables)
{
	int			count_at = ir->clauses.len;
	uint32		count = 0;
	ListCell   *lc;

	pgwire_put_u32(&ir->clauses, 0);
	foreach(lc, tables)
	{
		Index		relid = ((RelOptInfo *) lfirst(lc))->relid;
		uint8		wait;
		uint8		lock = lock_of(root, relid, &wait);

		if (lock == PGWIRE_LOCK_NONE)
			continue;
		pgwire_put_u32(&ir->clauses, relid);
		pgwire_put_u8(&ir->clauses, lock);
		pgwire_put_u8(&ir->clauses, wait);
		count++;
	}
	memcpy(ir->clauses.data + count_at, &count, sizeof(count));
}

/* What makes a query one that writes, NULL: nothing. Its table is an item by now. */
void
pgwire_ir_write(pgwire_ir *ir, const pgwire_write *write, int depth)
{
	ListCell   *lc;

	pgwire_put_u8(&ir->clauses, write != NULL);
	if (write == NULL)
		return;
	pgwire_put_u8(&ir->clauses, write->op);
	pgwire_put_u32(&ir->clauses, ir->level->items[write->relid]);
	pgwire_put_u8(&ir->clauses, write->do_nothing);
	pgwire_put_u32(&ir->clauses, list_length(write->columns));
	foreach(lc, write->columns)
	{
		if (ir->statement)
			pgwire_ir_column(ir, ir->level, write->relid, lfirst_int(lc));
		pgwire_put_i32(&ir->clauses, lfirst_int(lc));
	}
	pgwire_ir_targets(ir, write->returning, depth);
}

/* ---- the query ---- */

/*
 * The whole body of a query over a relation. where: conditions beside those that
 * the relation has. tail: what stands behind WHERE, as for pgwire_ir_tail.
 */
void
pgwire_put_query(pgwire_ir *ir, PlannerInfo *root, RelOptInfo *from, List *where,
				 const Query *tail)
{
	pgwire_put_write(ir, root, from, where, tail, NULL);
}

/* The same of a query that writes, unless write is NULL, to a table of it. */
void
pgwire_put_write(pgwire_ir *ir, PlannerInfo *root, RelOptInfo *from, List *where,
				 const Query *tail, const pgwire_write *write)
{
	List	   *tables = add_tables(NIL, from);
	ListCell   *lc;

	pgwire_put_u32(&ir->clauses, 0);	/* no CTEs */
	pgwire_put_u32(&ir->clauses, list_length(tables));
	foreach(lc, tables)
		put_table(ir, root, lfirst(lc));
	pgwire_put_u8(&ir->clauses, true);
	put_from(ir, from);
	pgwire_ir_exprs(ir, list_concat(where_of(from), where), 0);
	pgwire_ir_tail(ir, tail, 0);
	pgwire_put_u8(&ir->clauses, false); /* no set operation */
	put_locks(ir, root, write == NULL ? tables : NIL);
	pgwire_ir_write(ir, write, 0);
}

/*
 * Begin to ask for the statement of a query, whose items are relations of root's
 * level. The query is written to ir, then pgwire_make_scan ends it.
 */
void
pgwire_begin_statement(StringInfo request, pgwire_ir *ir, PlannerInfo *root,
					   Relids items, const pgwire_server *server)
{
	pgwire_begin_request(request, PGWIRE_REQ_QUERY);
	pgwire_put_u8(request, PGWIRE_STATEMENT_QUERY);
	pgwire_ir_begin(ir, root, items, server, true);
}

/* ---- the plan node ---- */

/* The planner's guess of the result's size, for the choice of buffers. */
static int
expected_kb(const pgwire_scan *scan)
{
	if (scan->rows < 0)
		return -1;
	return (int) Min(scan->rows * scan->width / 1024, (double) INT_MAX);
}

/* The positions of a target list. */
static List *
positions(List *tlist)
{
	List	   *all = NIL;

	for (int i = 1; i <= list_length(tlist); i++)
		all = lappend_int(all, i);
	return all;
}

/*
 * Ask for the statement of the query that ends the request. Answers the
 * expressions whose values are its parameters.
 */
List *
pgwire_get_statement(StringInfo request, pgwire_ir *ir, const char **sql, bool *locks)
{
	List	   *params = NIL;
	pgwire_reply reply;
	uint32		n;

	pgwire_ir_finish_query(ir, request);
	reply = pgwire_ask(request);
	*sql = pgwire_get_string(&reply);
	n = pgwire_get_u32(&reply);
	for (uint32 i = 0; i < n; i++)
		params = lappend(params, pgwire_ir_node(ir, pgwire_get_u32(&reply)));
	*locks = pgwire_get_u8(&reply) != 0;
	pfree(request->data);
	return params;
}

ForeignScan *
pgwire_make_scan(PlannerInfo *root, const pgwire_scan *scan, StringInfo request, pgwire_ir *ir)
{
	pgwire_scan_private private = {0};
	List	   *params;
	bool		locks;

	params = pgwire_get_statement(request, ir, &private.sql, &locks);
	if (locks)
		private.flags |= PGWIRE_SCAN_F_LOCKS_ROWS;

	private.attrs = scan->relid != 0 ? scan->attrs : positions(scan->scan_tlist);
	private.fetch_memory_kb = (int) (scan->rel->fetch_memory / 1024);
	private.fetch_size = scan->rel->fetch_size;
	private.expected_kb = expected_kb(scan);
	private.refusals = pgwire_pack_refusals(root, scan->parent, scan->rel, scan->kept);
	private.relations = scan->relations;
	private.check_as_user = scan->parent->userid;
	return make_foreignscan(scan->tlist, scan->quals, scan->relid, params,
							pgwire_pack_scan(&private), scan->scan_tlist,
							scan->recheck, scan->outer_plan);
}

/* Of whatever kind the path is, its plan. */
ForeignScan *
pgwireGetForeignPlan(PlannerInfo *root, RelOptInfo *foreignrel, Oid foreigntableid,
					 ForeignPath *best_path, List *tlist, List *scan_clauses,
					 Plan *outer_plan)
{
	const pgwire_rel *rel = best_path->fdw_private != NIL ?
		linitial(best_path->fdw_private) : foreignrel->fdw_private;

	if (rel == NULL)
		return pgwire_feed_plan(root, foreignrel, foreigntableid, tlist, scan_clauses, outer_plan);
	if (rel->kind == PGWIRE_REL_BASE)
		return pgwire_base_plan(root, foreignrel, foreigntableid, best_path, tlist,
								scan_clauses, outer_plan);
	if (rel->kind == PGWIRE_REL_QUERY)
		return pgwire_query_plan(root, foreignrel, best_path, tlist);
	if (rel->kind == PGWIRE_REL_UPPER)
		return pgwire_upper_plan(root, foreignrel, tlist);
	return pgwire_join_plan(root, foreignrel, best_path, tlist, outer_plan);
}

/* ---- for EXPLAIN ---- */

static const char *
join_words(JoinType jointype)
{
	switch (jointype)
	{
		case JOIN_LEFT:
			return "LEFT JOIN";
		case JOIN_FULL:
			return "FULL JOIN";
		case JOIN_SEMI:
			return "SEMI JOIN";
		case JOIN_ANTI:
			return "ANTI JOIN";
		default:
			return "INNER JOIN";
	}
}

/* What a relation is made of: (%1) LEFT JOIN ((%2) INNER JOIN (%4)). */
char *
pgwire_relations(RelOptInfo *from)
{
	pgwire_rel *rel = from->fdw_private;

	check_stack_depth();
	if (rel->kind == PGWIRE_REL_BASE)
		return psprintf("%%%u", from->relid);
	return psprintf("(%s) %s (%s)", pgwire_relations(rel->outer),
					join_words(rel->jointype), pgwire_relations(rel->inner));
}
