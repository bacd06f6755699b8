/*
 * query.c - a query level whose tables are all of one server goes there as one
 * statement.
 *
 * The place is the last stage of upper planning, for each level of a query: the
 * planner's own view of it is complete, and what is added here is one more path
 * that competes by cost. A level that is shipped is one ForeignScan, and the
 * scans, joins, sub-plans and nested levels that it stands for do not appear.
 */
#include "postgres.h"

#include "query.h"

#include "access/transam.h"
#include "catalog/pg_class.h"
#include "foreign/fdwapi.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/planner.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "cost.h"
#include "slot.h"

bool		pgwire_ship_queries = true;

static create_upper_paths_hook_type previous_hook = NULL;

/* ---- does it concern us? ---- */

static bool
is_our_routine(const FdwRoutine *routine)
{
	return routine != NULL && routine->GetForeignRelSize == pgwireGetForeignRelSize;
}

static bool
is_ours(const RelOptInfo *rel)
{
	return is_our_routine(rel->fdwroutine) && rel->fdw_private != NULL && IS_SIMPLE_REL(rel);
}

/*
 * A foreign table of ours in this level or in one below it, NULL if there is
 * none: then the query costs no more than this look.
 */
static pgwire_rel *
find_ours(PlannerInfo *root)
{
	pgwire_rel *found = NULL;
	ListCell   *lc;

	for (int i = 1; i < root->simple_rel_array_size && found == NULL; i++)
	{
		RelOptInfo *rel = root->simple_rel_array[i];

		if (rel == NULL)
			continue;
		if (is_ours(rel))
			found = rel->fdw_private;
		else if (rel->rtekind == RTE_SUBQUERY && pgwire_subroot(root, i) != NULL)
			found = find_ours(pgwire_subroot(root, i));
	}
	foreach(lc, root->glob->subroots)
	{
		PlannerInfo *subroot = lfirst(lc);

		if (found == NULL && subroot->parent_root == root)
			found = find_ours(subroot);
	}
	return found;
}

bool
pgwire_has_ours(PlannerInfo *root)
{
	return find_ours(root) != NULL;
}

/* The level as a whole, if that is among its paths. */
static pgwire_whole *
find_whole(PlannerInfo *root)
{
	ListCell   *lc;

	foreach(lc, fetch_upper_rel(root, UPPERREL_FINAL, NULL)->pathlist)
	{
		ForeignPath *path = lfirst(lc);
		pgwire_rel *rel = IsA(path, ForeignPath) && path->fdw_private != NIL &&
			is_our_routine(path->path.parent->fdwroutine) ? linitial(path->fdw_private) : NULL;

		if (rel != NULL && rel->kind == PGWIRE_REL_QUERY)
			return rel->upper;
	}
	return NULL;
}

/* PlannerInfo.init_plans, also of a level whose plan has been made. */
List *
pgwire_init_plans(PlannerInfo *root)
{
	pgwire_whole *whole = root->init_plans == NIL ? find_whole(root) : NULL;

	return whole != NULL ? whole->init_plans : root->init_plans;
}

/* The same of RelOptInfo.subroot; NULL where there is none. */
PlannerInfo *
pgwire_subroot(PlannerInfo *root, int rti)
{
	RelOptInfo *rel = rti < root->simple_rel_array_size ? root->simple_rel_array[rti] : NULL;
	pgwire_whole *whole;

	if (rel == NULL || rel->subroot != NULL)
		return rel ? rel->subroot : NULL;
	whole = find_whole(root);
	return whole != NULL && rti < whole->nsubroots ? whole->subroots[rti] : NULL;
}

static Path *
cheapest_path(const RelOptInfo *rel)
{
	Path	   *best = NULL;
	ListCell   *lc;

	foreach(lc, rel->pathlist)
	{
		Path	   *path = lfirst(lc);

		if (best == NULL || path->total_cost < best->total_cost)
			best = path;
	}
	return best;
}

/* Is the best that the planner has found one remote statement already? */
static bool
is_whole_already(PlannerInfo *root, Path *path)
{
	pgwire_rel *rel;
	ListCell   *lc;

	foreach(lc, root->glob->subroots)
		if (((PlannerInfo *) lfirst(lc))->parent_root == root)
			return false;
	while (IsA(path, ProjectionPath))
		path = ((ProjectionPath *) path)->subpath;
	if (!IsA(path, ForeignPath))
		return false;
	rel = ((ForeignPath *) path)->fdw_private != NIL ?
		linitial(((ForeignPath *) path)->fdw_private) : path->parent->fdw_private;
	return rel != NULL && rel->local_conds == NIL;
}

/* ---- may it be sent? ---- */

/* Ask Go; a reason when the answer is no. */
static void
ask(pgwire_restore *restore, pgwire_rel *any)
{
	pgwire_ir	ir;
	StringInfoData request;
	pgwire_reply reply;

	pgwire_begin_request(&request, PGWIRE_REQ_QUERY);
	pgwire_put_u8(&request, false);
	pgwire_describe(&ir, restore->result->query, &any->site->server, false);
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
 * A row travels as text, and whether money in it means the same here is told by
 * printing it again, which settings of the remote may make look different.
 */
static bool
has_money_in_row(const Query *query)
{
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);
		Oid			type = exprType((Node *) entry->expr);

		if (!entry->resjunk && type >= FirstGenbkiObjectId && pgwire_holds_money(type))
			return true;
	}
	return false;
}

/*
 * Restore the query and ask about it. Where sub-selects that depend on nothing
 * are in the way, they are computed here, and what remains is tried.
 */
static pgwire_whole *
examine(PlannerInfo *root, pgwire_rel *any, pgwire_restore *restore)
{
	for (int attempt = 0; attempt < 2; attempt++)
	{
		memset(restore, 0, sizeof(*restore));
		restore->root = root;
		restore->keep_init_plans = attempt > 0;
		restore->result = palloc0(sizeof(pgwire_whole));
		restore->result->query = pgwire_restore_query(restore, root, NULL);
		if (restore->reason == NULL && restore->result->serverid != any->site->serverid)
			pgwire_refuse_query(restore, NULL, "tables of several servers");
		if (restore->reason == NULL && has_money_in_row(restore->result->query))
			pgwire_refuse_query(restore, NULL, "a row with money in it");
		if (restore->reason == NULL)
			ask(restore, any);
		if (restore->reason == NULL)
			return restore->result;
		if (!restore->result->takes_init_plans)
			break;
	}
	return NULL;
}

/* ---- the path ---- */

/*
 * The remote is taken to do what the best plan here does, but for the way of the
 * rows of its scans. Where no more rows come than would with that plan, it is at
 * least a little better: the estimates of its parts have been rounded up.
 *
 * Init plans are added to the costs of all paths in the end; of this one they
 * are a part.
 */
static void
price(PlannerInfo *root, Path *best, pgwire_rel *rel, Cost *startup, Cost *total)
{
	pgwire_way	way;
	Cost		local;

	pgwire_find_way(root, best, &way);
	pgwire_work_query(root, best, &rel->work);
	local = best->total_cost + way.init_plans;
	rel->work.total = Max(local - way.cost, 0);
	pgwire_price(rel, &rel->work, NULL, startup, total);
	if (best->rows <= way.rows)
		*total = Min(*total, local * 0.95);
	*total = Max(*total - way.init_plans, 0);
	*startup = Min(*startup, *total);
}

static void
add_whole(PlannerInfo *root, RelOptInfo *final_rel, Path *best,
		  pgwire_rel *any, pgwire_whole *whole)
{
	Cost		startup;
	Cost		total;
	pgwire_rel *rel = palloc0(sizeof(pgwire_rel));
	ForeignPath *path;

	rel->kind = PGWIRE_REL_QUERY;
	rel->pushed = true;
	rel->site = any->site;
	rel->analyzed = any->analyzed;
	rel->local_selectivity = 1;
	rel->startup_cost = any->startup_cost;
	rel->tuple_cost = any->tuple_cost;
	rel->fetch_size = any->fetch_size;
	rel->fetch_memory = any->fetch_memory;
	rel->upper = whole;
	price(root, best, rel, &startup, &total);
	final_rel->serverid = whole->serverid;
	final_rel->userid = whole->userid;
	final_rel->useridiscurrent = whole->useridiscurrent;
	final_rel->fdwroutine = GetFdwRoutineByServerId(whole->serverid);
	path = pgwire_create_foreign_upper_path(root, final_rel, best->pathtarget, best->rows,
											startup, total,
											root->parse->sortClause ? root->sort_pathkeys : NIL,
											list_make1(rel));
	path->path.parallel_safe = false;
	add_path(final_rel, (Path *) path);
}

/* LIMIT 0: nothing need be asked. */
static bool
is_limit_zero(const Query *query)
{
	Const	   *count = (Const *) query->limitCount;

	return count != NULL && IsA(count, Const) && !count->constisnull &&
		DatumGetInt64(count->constvalue) == 0;
}

/* The scans of the level will say why it does not go there whole. */
static void
tell(PlannerInfo *root, const char *reason)
{
	for (int i = 1; i < root->simple_rel_array_size; i++)
	{
		RelOptInfo *rel = root->simple_rel_array[i];

		if (rel != NULL && is_ours(rel))
			((pgwire_rel *) rel->fdw_private)->site->not_whole = reason;
	}
}

static void
consider(PlannerInfo *root, RelOptInfo *final_rel)
{
	pgwire_restore restore;
	pgwire_whole *whole;
	pgwire_rel *any;
	Path	   *best;

	if (root->parse->commandType != CMD_SELECT || root->parse->rowMarks != NIL ||
		root->hasRecursion || is_limit_zero(root->parse))
		return;
	any = find_ours(root);
	best = cheapest_path(final_rel);
	if (any == NULL || best == NULL || best->param_info != NULL ||
		IS_DUMMY_REL(final_rel) || is_whole_already(root, best))
		return;
	whole = examine(root, any, &restore);
	if (whole != NULL)
		add_whole(root, final_rel, best, any, whole);
	else if (restore.reason != NULL)
		tell(root, restore.reason);
}

static void
create_upper_paths(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input_rel,
				   RelOptInfo *output_rel, void *extra)
{
	if (previous_hook != NULL)
		previous_hook(root, stage, input_rel, output_rel, extra);
	if (stage == UPPERREL_FINAL && pgwire_ship_queries)
		consider(root, output_rel);
}

void
pgwire_install_query_hook(void)
{
	previous_hook = create_upper_paths_hook;
	create_upper_paths_hook = create_upper_paths;
}

/* ---- the plan ---- */

/*
 * Does it name something of the remote query, or may it be computed here? Not what
 * an outer join there may make null, be it a constant.
 */
static bool
is_remote_value(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Aggref:
		case T_WindowFunc:
		case T_GroupingFunc:
		case T_PlaceHolderVar:
		case T_SubPlan:
		case T_AlternativeSubPlan:
			return true;
		default:
			return expression_tree_walker(node, is_remote_value, context);
	}
}

typedef struct output_context
{
	List	   *init_plans;		/* of the level */
} output_context;

/*
 * An output as the plan names it. The value of an init plan is one of the rows',
 * whether the remote has computed it or was given it, and there may be no init
 * plan; a SubPlan without parameters stands for it, which nobody evaluates, and
 * which EXPLAIN can print.
 */
static Node *
name_output(Node *node, void *context)
{
	output_context *output = context;
	ListCell   *lc;

	if (node == NULL)
		return NULL;
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXEC)
	{
		foreach(lc, output->init_plans)
		{
			SubPlan    *plan = lfirst_node(SubPlan, lc);

			if (!list_member_int(plan->setParam, ((Param *) node)->paramid))
				continue;
			plan = copyObject(plan);
			plan->setParam = NIL;
			plan->plan_name = psprintf("SubPlan %d", plan->plan_id);
			return (Node *) plan;
		}
	}
	return expression_tree_mutator(node, name_output, context);
}

/*
 * The plan's target list, and that of the rows which the remote sends: outputs
 * that are not junk. Junk is what the remote has sorted by; nobody looks at it.
 *
 * What can be computed here has no name in the remote's rows: a parameter of the
 * statement that is equal to it would be looked for there.
 */
static void
name_outputs(Query *parse, List *init_plans, List *tlist, List **plan_tlist, List **scan_tlist)
{
	output_context context = {init_plans};
	ListCell   *lc;
	int			i = 0;

	foreach(lc, tlist)
	{
		TargetEntry *entry = flatCopyTargetEntry(lfirst_node(TargetEntry, lc));
		TargetEntry *target = i < list_length(parse->targetList) ?
			list_nth_node(TargetEntry, parse->targetList, i) : NULL;
		Node	   *expr = (Node *) entry->expr;
		Node	   *none = (Node *) makeNullConst(exprType(expr), exprTypmod(expr), exprCollation(expr));

		i++;
		*plan_tlist = lappend(*plan_tlist, entry);
		if (target == NULL || target->resjunk)
		{
			entry->expr = (Expr *) none;
			continue;
		}
		entry->expr = (Expr *) name_output((Node *) target->expr, &context);
		*scan_tlist = lappend(*scan_tlist,
							  makeTargetEntry(is_remote_value((Node *) entry->expr, NULL) ?
											  entry->expr : (Expr *) none,
											  list_length(*scan_tlist) + 1, NULL, false));
	}
}

/*
 * Levels below this one are not in the plan. Their tables must be in its range
 * table even so, for permissions, locks and invalidation: the planner sees to
 * that for sub-queries that it takes for never planned.
 */
void
pgwire_forget_subqueries(PlannerInfo *root, pgwire_whole *whole)
{
	whole->nsubroots = root->simple_rel_array_size;
	whole->subroots = palloc0(whole->nsubroots * sizeof(PlannerInfo *));
	for (int i = 1; i < whole->nsubroots; i++)
	{
		RelOptInfo *rel = root->simple_rel_array[i];

		if (rel == NULL)
			continue;
		whole->subroots[i] = rel->subroot;
		rel->subroot = NULL;
	}
}

/* The tables, for EXPLAIN: each name once. A % in a name is doubled. */
char *
pgwire_table_names(List *tables)
{
	StringInfoData names;
	List	   *told = NIL;
	ListCell   *lc;

	initStringInfo(&names);
	foreach(lc, tables)
	{
		Oid			relid = lfirst_node(RangeTblEntry, lc)->relid;
		const char *name = quote_identifier(get_rel_name(relid));

		if (list_member_oid(told, relid))
			continue;
		appendStringInfoString(&names, told != NIL ? ", " : "query of ");
		told = lappend_oid(told, relid);
		for (; *name != '\0'; name++)
		{
			if (*name == '%')
				appendStringInfoChar(&names, '%');
			appendStringInfoChar(&names, *name);
		}
	}
	return names.data;
}

/* Does a value that the statement is given come from an init plan of the level? */
static bool
uses_init_plan(Node *node, void *context)
{
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXEC)
		foreach(lc, (List *) context)
			if (list_member_int(lfirst_node(SubPlan, lc)->setParam, ((Param *) node)->paramid))
				return true;
	return expression_tree_walker(node, uses_init_plan, context);
}

/*
 * Nobody reads the level's init plans any more, unless what is still computed here
 * does. They may depend on each other: all of them go, or none.
 */
void
pgwire_forget_init_plans(PlannerInfo *root, pgwire_whole *whole, Node *computed)
{
	whole->init_plans = root->init_plans;
	if (!uses_init_plan(computed, root->init_plans))
		root->init_plans = NIL;
}

ForeignScan *
pgwire_query_plan(PlannerInfo *root, RelOptInfo *final_rel, ForeignPath *path, List *tlist)
{
	const pgwire_rel *rel = linitial(path->fdw_private);
	pgwire_whole *whole = rel->upper;
	pgwire_scan scan = {0};
	StringInfoData request;
	pgwire_ir	ir;
	ForeignScan *plan;

	scan.rel = rel;
	scan.parent = final_rel;
	scan.rows = rel->analyzed ? path->path.rows : -1;
	scan.width = path->path.pathtarget->width;
	scan.relations = pgwire_table_names(whole->tables);
	name_outputs(root->parse, root->init_plans, tlist, &scan.tlist, &scan.scan_tlist);
	pgwire_begin_request(&request, PGWIRE_REQ_QUERY);
	pgwire_put_u8(&request, true);
	pgwire_describe(&ir, whole->query, &rel->site->server, true);
	plan = pgwire_make_scan(root, &scan, &request, &ir);
	pgwire_forget_subqueries(root, whole);
	pgwire_forget_init_plans(root, whole, (Node *) plan->fdw_exprs);
	return plan;
}
