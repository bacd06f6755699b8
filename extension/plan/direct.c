/*
 * direct.c - modifications that the remote does by itself. Here: UPDATE and DELETE,
 * where the scan of the rows that are to be changed becomes the statement that
 * changes them.
 *
 * It is so where the scan has no conditions of its own any more, and where what
 * is assigned can be computed there. What may differ for the rows when they do not
 * come by here (row triggers, generated columns, WITH CHECK OPTION) core looks
 * at before it asks. Where there is no such scan, the statement as a whole may
 * still go there (directquery.c).
 */
#include "postgres.h"

#include "direct.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/value.h"
#include "optimizer/appendinfo.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/rel.h"

/*
 * The scan, if there is one, tells why it does not become a modification, unless it
 * tells why it has conditions of its own. False.
 */
bool
pgwire_refuse_direct(direct_try *try, Node *what, const char *reason)
{
	if (try->scan == NULL || try->scan->scan.plan.qual != NIL)
		return false;
	if (what == NULL)
		what = (Node *) makeString(pstrdup("modification"));
	try->private.refusals = pgwire_add_refusal(try->root, try->foreignrel, try->private.refusals,
											   what, reason);
	try->scan->fdw_private = pgwire_pack_scan(&try->private);
	return false;
}

/* ---- which scan ---- */

/*
 * The plan below ModifyTable that is this result relation's: the only one, or
 * one of an Append, above which may be a Result that computes what is assigned.
 */
static Plan *
plan_of_target(direct_try *try)
{
	Plan	   *subplan = outerPlan(try->plan);
	Append	   *append;

	if (IsA(subplan, Result) && outerPlan(subplan) != NULL && IsA(outerPlan(subplan), Append) &&
		((Result *) subplan)->resconstantqual == NULL)
	{
		try->below_result = true;
		subplan = outerPlan(subplan);
	}
	if (!IsA(subplan, Append))
		return subplan;
	append = (Append *) subplan;
	return try->index < list_length(append->appendplans) ?
		list_nth(append->appendplans, try->index) : NULL;
}

static bool
is_ours(const RelOptInfo *rel)
{
	return rel != NULL && rel->fdw_private != NULL &&
		rel->fdwroutine->PlanDirectModify == pgwirePlanDirectModify;
}

/* Find the scan, and what it is of. */
static void
find_scan(direct_try *try)
{
	Plan	   *subplan = plan_of_target(try);
	ForeignScan *scan = (ForeignScan *) subplan;
	RelOptInfo *rel;

	if (subplan == NULL || !IsA(subplan, ForeignScan) || scan->operation != CMD_SELECT ||
		!bms_is_member(try->target, pgwire_scan_base_relids(scan)))
		return;
	rel = scan->scan.scanrelid > 0 ? find_base_rel(try->root, try->target) :
		find_join_rel(try->root, scan->fs_relids);
	if (!is_ours(rel))
		return;
	pgwire_unpack_scan(scan->fdw_private, &try->private);
	if (try->private.flags & PGWIRE_SCAN_F_FEED)
		return;
	try->scan = scan;
	try->foreignrel = rel;
}

/*
 * Does the scan do what can be said again? One that looks rows up by values of
 * other relations has conditions that nothing else has kept.
 */
static bool
is_plain(direct_try *try)
{
	const pgwire_rel *rel = try->foreignrel->fdw_private;

	if (try->scan->scan.plan.qual != NIL)
		return false;
	if (rel->kind == PGWIRE_REL_BASE)
		return list_length(try->scan->fdw_recheck_quals) == list_length(rel->remote_conds);
	return rel->kind == PGWIRE_REL_JOIN;
}

/* ---- what is assigned ---- */

static void
take_assignments(direct_try *try)
{
	List	   *targets = NIL;
	List	   *attnos = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	if (try->plan->operation != CMD_UPDATE)
		return;
	get_translated_update_targetlist(try->root, try->target, &targets, &attnos);
	/* behind the values there is junk */
	forboth(lc, targets, lc2, attnos)
	{
		Expr	   *value = lfirst_node(TargetEntry, lc)->expr;

		try->query->targetList = lappend(try->query->targetList,
										 makeTargetEntry(value,
														 list_length(try->query->targetList) + 1,
														 NULL, false));
		try->write.columns = lappend_int(try->write.columns, lfirst_int(lc2));
	}
}

/* ---- RETURNING ---- */

static bool
has_placeholder(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, PlaceHolderVar) || expression_tree_walker(node, has_placeholder, context);
}

/*
 * RETURNING sees the row that was changed, and columns of other tables as the
 * plan's. False: it names something that has neither place.
 */
static bool
take_returning(direct_try *try)
{
	ListCell   *lc;

	if (try->plan->returningLists == NIL)
		return true;
	try->returning = list_nth(try->plan->returningLists, try->index);
	if (try->below_result)
		return pgwire_refuse_direct(try, NULL, "values that are assigned to several tables are computed here");
	if (has_placeholder((Node *) try->returning, NULL))
		return pgwire_refuse_direct(try, NULL, "RETURNING has an expression that is computed below an outer join");
	foreach(lc, pull_var_clause((Node *) try->returning, 0))
	{
		Var		   *var = lfirst_node(Var, lc);

		if ((Index) var->varno == try->target && var->varattno < 0)
			try->flags |= PGWIRE_SCAN_F_SYSTEM;
		if ((Index) var->varno != try->target)
			try->needed = list_append_unique(try->needed, var);
	}
	return true;
}

/*
 * What the remote's RETURNING says: columns of the table, then those of others. The
 * rows of a scan of the table alone have its row type, as before; all others the
 * columns of scan_tlist.
 */
void
pgwire_put_returning(direct_try *try, bool table_alone)
{
	Bitmapset  *fetch = NULL;
	List	   *columns;
	ListCell   *lc;

	if (try->returning == NIL)
		return;
	pull_varattnos((Node *) try->returning, try->target, &fetch);
	columns = pgwire_fetched_columns(try->root, try->target, fetch, &try->attrs);
	foreach(lc, try->needed)
		columns = lappend(columns, makeTargetEntry(copyObject(lfirst(lc)),
												   list_length(columns) + 1, NULL, false));
	if (!table_alone)
	{
		try->attrs = NIL;
		try->scan_tlist = copyObject(columns);
		for (int i = 1; i <= list_length(columns); i++)
			try->attrs = lappend_int(try->attrs, i);
	}
	/* rows that are only counted */
	if (columns == NIL)
		columns = list_make1(makeTargetEntry((Expr *) makeNullConst(TEXTOID, -1, InvalidOid),
											 1, NULL, false));
	try->write.returning = columns;
}

/*
 * Of the outputs of what was to be changed there is left what RETURNING needs of
 * them, and which table a row is of. The new values must not be computed here: they
 * would be of the row as it is now.
 */
static List *
forget_outputs(direct_try *try, List *tlist)
{
	Oid			relid = planner_rt_fetch(try->target, try->root)->relid;
	List	   *left = NIL;
	ListCell   *lc;

	foreach(lc, tlist)
	{
		TargetEntry *entry = flatCopyTargetEntry(lfirst_node(TargetEntry, lc));
		Var		   *var = (Var *) entry->expr;

		if (IsA(var, Var) && (Index) var->varno == try->target &&
			var->varattno == TableOidAttributeNumber)
			entry->expr = (Expr *) makeConst(OIDOID, -1, InvalidOid, sizeof(Oid),
											 ObjectIdGetDatum(relid), false, true);
		else if (!list_member(try->needed, var))
			entry->expr = (Expr *) makeNullConst(exprType((Node *) var), exprTypmod((Node *) var),
												 exprCollation((Node *) var));
		left = lappend(left, entry);
	}
	return left;
}

/* ---- the question, and the plan ---- */

static void
describe(direct_try *try, StringInfo request, pgwire_ir *ir, uint8 statement)
{
	const pgwire_rel *rel = try->foreignrel->fdw_private;

	pgwire_begin_request(request, PGWIRE_REQ_QUERY);
	pgwire_put_u8(request, statement);
	pgwire_ir_begin(ir, statement != PGWIRE_STATEMENT_NONE ? try->root : NULL,
					try->foreignrel->relids, &rel->site->server,
					statement != PGWIRE_STATEMENT_NONE);
	pgwire_put_write(ir, try->root, try->foreignrel, NIL, try->query, &try->write);
}

/* May it be sent? */
static bool
ships(direct_try *try)
{
	StringInfoData request;
	pgwire_ir	ir;
	pgwire_reply reply;
	Node	   *blamed;

	describe(try, &request, &ir, PGWIRE_STATEMENT_NONE);
	pgwire_ir_finish_query(&ir, &request);
	reply = pgwire_ask(&request);
	pfree(request.data);
	if (pgwire_get_u32(&reply) == 0)
		return true;
	blamed = pgwire_ir_node(&ir, pgwire_get_u32(&reply));
	return pgwire_refuse_direct(try, blamed, pgwire_get_string(&reply));
}

/* Make a scan one that runs this statement. */
void
pgwire_make_direct(direct_try *try, ForeignScan *scan, const char *sql, List *params)
{
	pgwire_scan_private private = try->private;

	private.sql = sql;
	private.attrs = try->attrs;
	private.flags = try->flags;
	if (try->plan->canSetTag)
		private.flags |= PGWIRE_SCAN_F_COUNTS;
	private.expected_kb = -1;
	scan->fdw_exprs = params;
	scan->fdw_private = pgwire_pack_scan(&private);
	scan->operation = try->plan->operation;
	scan->resultRelation = try->target;
	scan->fdw_recheck_quals = NIL;
	scan->scan.plan.lefttree = NULL;	/* EvalPlanQual has nothing to do here */
	scan->scan.plan.async_capable = false;
	if (scan->scan.scanrelid == 0)
		scan->fdw_scan_tlist = try->scan_tlist;
	scan->scan.plan.targetlist = forget_outputs(try, scan->scan.plan.targetlist);
}

/* The scan itself becomes the modification, if it can. */
static bool
modify_scan(direct_try *try)
{
	StringInfoData request;
	pgwire_ir	ir;
	const char *sql;
	List	   *params;
	bool		locks;

	if (!is_plain(try))
		return false;
	take_assignments(try);
	pgwire_put_returning(try, try->scan->scan.scanrelid > 0);
	if (!ships(try))
		return false;
	describe(try, &request, &ir, PGWIRE_STATEMENT_QUERY);
	params = pgwire_get_statement(&request, &ir, &sql, &locks);
	pgwire_make_direct(try, try->scan, sql, params);
	return true;
}

/* ---- PlanDirectModify ---- */

/* Does a statement trigger want to see all the rows that are changed? */
static bool
has_transition_table(PlannerInfo *root, Index rti, CmdType operation)
{
	Relation	relation = table_open(planner_rt_fetch(rti, root)->relid, NoLock);
	const TriggerDesc *triggers = relation->trigdesc;
	bool		found = false;

	if (triggers != NULL && operation == CMD_INSERT)
		found = triggers->trig_insert_new_table;
	else if (triggers != NULL && operation == CMD_UPDATE)
		found = triggers->trig_update_old_table || triggers->trig_update_new_table;
	else if (triggers != NULL)
		found = triggers->trig_delete_old_table;
	table_close(relation, NoLock);
	return found;
}

static uint8
write_op(CmdType operation)
{
	switch (operation)
	{
		case CMD_INSERT:
			return PGWIRE_MODIFY_INSERT;
		case CMD_UPDATE:
			return PGWIRE_MODIFY_UPDATE;
		default:
			return PGWIRE_MODIFY_DELETE;
	}
}

bool
pgwirePlanDirectModify(PlannerInfo *root, ModifyTable *plan, Index resultRelation,
					   int subplan_index)
{
	direct_try	try = {.root = root,.plan = plan,.index = subplan_index,.target = resultRelation};

	if (plan->operation != CMD_INSERT && plan->operation != CMD_UPDATE &&
		plan->operation != CMD_DELETE)
		return false;
	if (plan->operation != CMD_INSERT)
		find_scan(&try);
	if (has_transition_table(root, plan->rootRelation > 0 ? plan->rootRelation : resultRelation,
							 plan->operation))
		return pgwire_refuse_direct(&try, NULL, "a trigger with a transition table");
	try.query = makeNode(Query);
	try.write.relid = resultRelation;
	try.write.op = write_op(plan->operation);
	if (!take_returning(&try))
		return false;
	if (try.scan != NULL && modify_scan(&try))
		return true;
	return pgwire_modify_whole(&try);
}
