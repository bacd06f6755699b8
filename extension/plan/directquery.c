/*
 * directquery.c - modifications that the remote does by itself, as whole
 * statements: INSERT whose rows come from tables of the target's server, and UPDATE and DELETE with sub-selects, or with joins that the planner
 * would do here.
 *
 * As with a whole query (query.c), the statement is restored from what the planner
 * has made of it. The plan that was to feed ModifyTable gives way to a scan
 * without rows, or with those of RETURNING.
 */
#include "postgres.h"

#include "direct.h"
#include "query.h"

#include "access/table.h"
#include "foreign/foreign.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/planmain.h"
#include "parser/parsetree.h"
#include "utils/rel.h"

/* ---- may it be tried? ---- */

/* A condition without columns is checked once, and here. */
static bool
has_gate(Plan *subplan)
{
	return IsA(subplan, Result) && ((Result *) subplan)->resconstantqual != NULL;
}

/*
 * What conflicts there are, the remote knows. (DO UPDATE, and a named constraint,
 * core refuses: there is none to be found here.)
 */
static bool
has_other_conflict_action(const ModifyTable *plan)
{
	return plan->onConflictAction != ONCONFLICT_NONE &&
		(plan->onConflictAction != ONCONFLICT_NOTHING || plan->arbiterIndexes != NIL);
}

static bool
may_be_whole(const direct_try *try)
{
	const Query *parse = try->root->parse;

	/* rows that come from nowhere are no less quick one by one (modify.c) */
	if (try->plan->operation == CMD_INSERT && !pgwire_has_ours(try->root))
		return false;
	return pgwire_ship_queries && list_length(try->plan->resultRelations) == 1 &&
		try->plan->rootRelation == 0 && try->target == (Index) parse->resultRelation &&
		parse->rowMarks == NIL && !has_gate(outerPlan(try->plan)) &&
		!has_other_conflict_action(try->plan);
}

/* ---- what is assigned ---- */

/*
 * All columns get a value, as when rows go through here: where the statement has
 * none, and there is no default here, NULL.
 */
static void
take_inserted(direct_try *try)
{
	Relation	relation = table_open(planner_rt_fetch(try->target, try->root)->relid, NoLock);
	TupleDesc	desc = RelationGetDescr(relation);
	ListCell   *lc;

	foreach(lc, try->root->processed_tlist)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);
		Form_pg_attribute attr;

		if (entry->resjunk || entry->resno > desc->natts)
			continue;
		attr = TupleDescAttr(desc, entry->resno - 1);
		if (attr->attisdropped || attr->attgenerated != '\0')
			continue;
		try->query->targetList = lappend(try->query->targetList, entry);
		try->write.columns = lappend_int(try->write.columns, entry->resno);
	}
	table_close(relation, NoLock);
}

/* Behind the values there is junk. */
static void
take_updated(direct_try *try)
{
	ListCell   *lc;
	ListCell   *lc2;

	forboth(lc, try->root->processed_tlist, lc2, try->root->update_colnos)
	{
		try->query->targetList = lappend(try->query->targetList, lfirst(lc));
		try->write.columns = lappend_int(try->write.columns, lfirst_int(lc2));
	}
}

static void
take_values(direct_try *try)
{
	try->query->targetList = NIL;
	try->write.columns = NIL;
	if (try->plan->operation == CMD_INSERT)
		take_inserted(try);
	else if (try->plan->operation == CMD_UPDATE)
		take_updated(try);
}

/* ---- may it be sent? ---- */

static void
describe(direct_try *try, pgwire_whole *whole, StringInfo request, pgwire_ir *ir, uint8 statement)
{
	pgwire_site *site = pgwire_site_of(try->root, whole->serverid);

	pgwire_begin_request(request, PGWIRE_REQ_QUERY);
	pgwire_put_u8(request, statement);
	pgwire_describe_write(ir, whole->query, &site->server, &try->write,
						  statement != PGWIRE_STATEMENT_NONE);
}

static void
ask(direct_try *try, pgwire_restore *restore)
{
	StringInfoData request;
	pgwire_ir	ir;
	pgwire_reply reply;

	describe(try, restore->result, &request, &ir, PGWIRE_STATEMENT_NONE);
	pgwire_ir_finish_query(&ir, &request);
	reply = pgwire_ask(&request);
	pfree(request.data);
	if (pgwire_get_u32(&reply) > 0)
	{
		Node	   *culprit = pgwire_ir_node(&ir, pgwire_get_u32(&reply));

		pgwire_refuse_query(restore, culprit, pgwire_get_string(&reply));
	}
}

/*
 * Restore the statement and ask about it; as a query, once more with sub-selects
 * computed here that depend on nothing. The first reason counts.
 */
static pgwire_whole *
examine(direct_try *try)
{
	const char *reason = NULL;
	Node	   *culprit = NULL;

	for (int attempt = 0; attempt < 2; attempt++)
	{
		pgwire_restore restore = {0};
		Query	   *parse = try->root->parse;

		restore.root = try->root;
		restore.keep_init_plans = attempt > 0;
		restore.result = palloc0(sizeof(pgwire_whole));
		restore.writes = true;
		restore.targets = try->query->targetList;
		pgwire_check_item(&restore, parse, rt_fetch(try->target, parse->rtable), 0);
		restore.result->query = pgwire_restore_query(&restore, try->root, NULL);
		if (restore.reason == NULL)
			ask(try, &restore);
		if (restore.reason == NULL)
			return restore.result;
		if (attempt == 0)
		{
			reason = restore.reason;
			culprit = restore.culprit;
		}
		if (!restore.result->takes_init_plans)
			break;
	}
	pgwire_refuse_direct(try, culprit, reason);
	return NULL;
}

/* ---- the plan ---- */

/* The options of the target that matter when rows are read. */
static void
take_options(direct_try *try, pgwire_site *site)
{
	StringInfoData request;
	pgwire_reply reply;
	pgwire_ir	ir;
	Oid			relid = planner_rt_fetch(try->target, try->root)->relid;

	memset(&try->private, 0, sizeof(try->private));
	pgwire_begin_request(&request, PGWIRE_REQ_RELATION);
	pgwire_put_options(&request, site->options);
	pgwire_put_options(&request, GetForeignTable(relid)->options);
	pgwire_put_conditions(&request, &ir, NULL, &site->server, NIL);
	reply = pgwire_ask(&request);
	pfree(request.data);
	(void) pgwire_get_string(&reply);	/* names of schema and table */
	(void) pgwire_get_string(&reply);
	(void) pgwire_get_f64(&reply);		/* costs */
	(void) pgwire_get_f64(&reply);
	try->private.fetch_size = pgwire_get_u32(&reply);
	try->private.fetch_memory_kb = (int) (pgwire_get_i64(&reply) / 1024);
}

/*
 * The scan that stands in the place of the plan below ModifyTable. Its outputs have
 * the names and types of that, because ModifyTable looks for some.
 */
static ForeignScan *
make_scan(direct_try *try, pgwire_whole *whole)
{
	Plan	   *old = outerPlan(try->plan);
	ForeignScan *scan = make_foreignscan(old->targetlist, NIL, 0, NIL, NIL, NIL, NIL, NULL);

	scan->scan.plan.startup_cost = old->startup_cost;
	scan->scan.plan.total_cost = old->total_cost;
	scan->scan.plan.plan_rows = old->plan_rows;
	scan->scan.plan.plan_width = old->plan_width;
	scan->fs_server = whole->serverid;
	pgwire_set_scan_relids(scan, bms_make_singleton(try->target));
	return scan;
}

bool
pgwire_modify_whole(direct_try *try)
{
	pgwire_whole *whole;
	ForeignScan *scan;
	StringInfoData request;
	pgwire_ir	ir;
	const char *sql;
	List	   *params;
	bool		locks;

	if (!may_be_whole(try))
		return false;
	try->write.do_nothing = try->plan->onConflictAction == ONCONFLICT_NOTHING;
	take_values(try);
	pgwire_put_returning(try, false);
	whole = examine(try);
	if (whole == NULL)
		return false;
	describe(try, whole, &request, &ir, PGWIRE_STATEMENT_QUERY);
	params = pgwire_get_statement(&request, &ir, &sql, &locks);
	scan = make_scan(try, whole);
	take_options(try, pgwire_site_of(try->root, whole->serverid));
	try->private.check_as_user = whole->userid;
	/* into which table, ModifyTable says */
	if (try->plan->operation == CMD_INSERT)
		whole->tables = list_delete_first(whole->tables);
	if (whole->tables != NIL)
		try->private.relations = pgwire_table_names(whole->tables);
	pgwire_make_direct(try, scan, sql, params);
	outerPlan(try->plan) = &scan->scan.plan;
	pgwire_forget_subqueries(try->root, whole);
	pgwire_forget_init_plans(try->root, whole,
							 (Node *) list_make2(scan->fdw_exprs, try->plan->returningLists));
	return true;
}
