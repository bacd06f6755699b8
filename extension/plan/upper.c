/*
 * upper.c - upper relations: grouping, windows, DISTINCT, ORDER BY and LIMIT over
 * rows of one remote server, done there.
 *
 * Each stage takes the Query of the one below (upper.h) and adds its clauses. What
 * may be sent is asked of Go; here is decided what the planner's structures need:
 * which conditions must be checked before or after which step, and which columns
 * come back.
 */
#include "postgres.h"

#include "upper.h"

#include <math.h>

#include "access/htup_details.h"
#include "foreign/foreign.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/prep.h"
#include "optimizer/tlist.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

#include "cost.h"

bool		pgwire_ship_upper = true;

/* ---- a new stage ---- */

static pgwire_upper *
upper_of(RelOptInfo *rel)
{
	return ((pgwire_rel *) rel->fdw_private)->upper;
}

/* The relation whose rows the stage is about, base or join. */
RelOptInfo *
pgwire_source_of(RelOptInfo *input)
{
	pgwire_rel *rel = input->fdw_private;

	return rel->kind == PGWIRE_REL_UPPER ? rel->input : input;
}

/*
 * Conditions without columns are checked by a Result above the relation's scan;
 * the remote has to, when it does more with the rows. May they be sent?
 */
static bool
gating_ships(const pgwire_rel *source)
{
	ListCell   *lc;

	foreach(lc, source->gating)
		if (!pgwire_is_value((Node *) lfirst_node(RestrictInfo, lc)->clause))
			return false;
	return true;
}

/*
 * Is all that input stands for done by the remote, so that something may be done
 * there with the result? With `filtered`, conditions that are checked here do no
 * harm: they leave the order of rows as it is.
 */
bool
pgwire_is_complete(RelOptInfo *input, bool filtered)
{
	pgwire_rel *rel = input->fdw_private;

	if (rel == NULL || !rel->pushed)
		return false;
	if (rel->kind == PGWIRE_REL_UPPER)
		return filtered || upper_of(input)->quals == NIL;
	return rel->local_conds == NIL && gating_ships(rel);
}

/* A stage over input, with the Query of the one below, so far. */
pgwire_upper *
pgwire_begin_stage(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input)
{
	pgwire_upper *upper = palloc0(sizeof(pgwire_upper));

	upper->stage = stage;
	upper->query = makeNode(Query);
	if (((pgwire_rel *) input->fdw_private)->kind == PGWIRE_REL_UPPER)
	{
		pgwire_upper *below = upper_of(input);

		memcpy(upper->query, below->query, sizeof(Query));
		upper->targets = below->targets;
		upper->quals = below->quals;
		upper->rows = below->rows;
		upper->unsorted = below->unsorted;
	}
	else
	{
		upper->targets = root->parse->targetList;
		upper->rows = input->rows;
	}
	return upper;
}

/*
 * Do the clauses go together, without a question? ORDER BY and LIMIT do with a scan
 * or join, and LIMIT with what has been asked about.
 */
static bool
goes_together(RelOptInfo *input, const pgwire_upper *upper)
{
	if (upper->query->limitOption == LIMIT_OPTION_WITH_TIES)
		return false;
	if (upper->stage == UPPERREL_ORDERED)
		return ((pgwire_rel *) input->fdw_private)->kind != PGWIRE_REL_UPPER;
	return upper->stage == UPPERREL_FINAL;
}

/* The stage is what is known of the relation output, if the whole ships; else NULL. */
pgwire_rel *
pgwire_finish_stage(PlannerInfo *root, RelOptInfo *input, RelOptInfo *output, pgwire_upper *upper)
{
	RelOptInfo *source = pgwire_source_of(input);
	pgwire_rel *below = input->fdw_private;
	pgwire_rel *rel;

	if (!goes_together(input, upper) &&
		!pgwire_query_ships(root, source,
							pgwire_clauses(((pgwire_rel *) source->fdw_private)->gating),
							upper->query))
		return NULL;
	rel = palloc(sizeof(pgwire_rel));
	/* options, site and work are those of the relation below */
	memcpy(rel, below, sizeof(pgwire_rel));
	rel->kind = PGWIRE_REL_UPPER;
	rel->pushed = true;
	rel->input = source;
	rel->upper = upper;
	rel->local_conds = upper->quals;
	output->fdw_private = rel;
	return rel;
}

List *
pgwire_refs_of_target(PathTarget *target)
{
	List	   *refs = NIL;

	for (int i = 0; i < list_length(target->exprs); i++)
		refs = lappend_int(refs, get_pathtarget_sortgroupref(target, i));
	return refs;
}

List *
pgwire_refs_of_keys(List *keys)
{
	List	   *refs = NIL;
	ListCell   *lc;

	foreach(lc, keys)
		refs = lappend_int(refs, lfirst_node(SortGroupClause, lc)->tleSortGroupRef);
	return refs;
}

/*
 * The keys (SortGroupClauses) but for those whose expression is a value, the same
 * for all rows.
 */
List *
pgwire_without_values(const pgwire_upper *upper, List *keys)
{
	List	   *left = NIL;
	ListCell   *lc;

	foreach(lc, keys)
		if (!pgwire_is_value(get_sortgroupclause_expr(lfirst_node(SortGroupClause, lc),
													  upper->targets)))
			left = lappend(left, lfirst(lc));
	return left;
}

/* Columns, aggregates and placeholders in an expression, those of windows too. */
static List *
columns_in(Node *expr)
{
	return pull_var_clause(expr, PVC_INCLUDE_AGGREGATES | PVC_RECURSE_WINDOWFUNCS |
						   PVC_INCLUDE_PLACEHOLDERS);
}

/*
 * Columns that the planner has added to the target list, and that nobody reads when
 * the stage is the remote's: what was grouped, sorted or windowed by, as far as
 * no later step needs it here, not even for an output that is computed late. Where
 * LIMIT is the remote's, it locks, too, and there is no LockRows node that could
 * look at rows again.
 */
List *
pgwire_unread_columns(PlannerInfo *root, UpperRelationKind stage)
{
	Query	   *parse = root->parse;
	List	   *refs = NIL;
	List	   *unread = NIL;
	List	   *left = NIL;
	List	   *read = NIL;
	ListCell   *lc;

	if (stage < UPPERREL_ORDERED || parse->limitOption == LIMIT_OPTION_WITH_TIES)
		refs = pgwire_refs_of_keys(parse->sortClause);
	if (stage < UPPERREL_DISTINCT)
		refs = list_concat(refs, pgwire_refs_of_keys(parse->distinctClause));
	if (stage < UPPERREL_WINDOW)
		foreach(lc, parse->windowClause)
		{
			WindowClause *window = lfirst_node(WindowClause, lc);

			refs = list_concat(refs, pgwire_refs_of_keys(window->partitionClause));
			refs = list_concat(refs, pgwire_refs_of_keys(window->orderClause));
		}
	foreach(lc, root->processed_tlist)
	{
		TargetEntry *target = lfirst_node(TargetEntry, lc);
		Index		ref = target->ressortgroupref;

		if (target->resjunk && (ref != 0 ? !list_member_int(refs, ref) :
								stage >= UPPERREL_ORDERED && parse->rowMarks != NIL))
			unread = lappend(unread, target->expr);
		else
			read = lappend(read, target->expr);
	}
	read = columns_in((Node *) read);
	foreach(lc, unread)
	{
		List	   *columns = columns_in(lfirst(lc));

		/* a value is not fetched anyway, and may be equal to one that is read */
		if (columns != NIL && list_intersection(columns, read) == NIL)
			left = lappend(left, lfirst(lc));
	}
	return left;
}

/* ---- the path ---- */

/* The foreign scan of ours below nodes with one input each; NULL: none. */
static Path *
scan_below(Path *path)
{
	for (;;)
	{
		switch (nodeTag(path))
		{
			case T_ForeignPath:
				return path;
			case T_ProjectionPath:
			case T_ProjectSetPath:
				path = ((ProjectionPath *) path)->subpath;
				break;
			case T_SortPath:
			case T_IncrementalSortPath:
				path = ((SortPath *) path)->subpath;
				break;
			case T_GroupPath:
				path = ((GroupPath *) path)->subpath;
				break;
			case T_AggPath:
				path = ((AggPath *) path)->subpath;
				break;
			case T_GroupingSetsPath:
				path = ((GroupingSetsPath *) path)->subpath;
				break;
			case T_WindowAggPath:
				path = ((WindowAggPath *) path)->subpath;
				break;
			case T_UpperUniquePath:
				path = ((UpperUniquePath *) path)->subpath;
				break;
			case T_LimitPath:
				path = ((LimitPath *) path)->subpath;
				break;
			default:
				return NULL;
		}
	}
}

/*
 * Where this server would do the same with the rows of a foreign scan, the remote
 * does it with as little, and less has to travel, unless the result is larger than
 * what it is made of. Estimates of the two are so near each other that chance
 * would decide.
 */
static void
prefer_there(RelOptInfo *output, const pgwire_rel *rel, Cost *startup, Cost *total)
{
	ListCell   *lc;

	foreach(lc, output->pathlist)
	{
		Path	   *path = lfirst(lc);
		Path	   *scan = scan_below(path);

		if (scan == NULL || path->param_info != NULL ||
			rel->work.rows * rel->work.width >
			1.5 * scan->rows * (scan->pathtarget->width + MAXALIGN(SizeofHeapTupleHeader)) + BLCKSZ)
			continue;
		*total = Min(*total, 0.98 * path->total_cost);
		*startup = Min(*startup, *total);
	}
}

void
pgwire_add_upper_path(PlannerInfo *root, RelOptInfo *output, PathTarget *target, List *pathkeys)
{
	pgwire_rel *rel = output->fdw_private;
	pgwire_upper *upper = rel->upper;
	QualCost	local = target->cost;
	Selectivity kept = 1;
	Cost		startup;
	Cost		total;

	if (upper->quals != NIL)
	{
		cost_qual_eval(&rel->local_cost, upper->quals, root);
		local.startup += rel->local_cost.startup;
		local.per_tuple += rel->local_cost.per_tuple;
		kept = clauselist_selectivity(root, upper->quals, 0, JOIN_INNER, NULL);
	}
	upper->rows = rel->work.rows;
	upper->width = rel->work.width;
	pgwire_price(rel, &rel->work, &local, &startup, &total);
	prefer_there(output, rel, &startup, &total);
	add_path(output, (Path *)
			 pgwire_create_foreign_upper_path(root, output, target,
											  clamp_row_est(upper->rows * kept),
											  startup, total, pathkeys, NIL));
}

int
pgwire_width_of(const pgwire_upper *upper)
{
	int			width = 0;
	ListCell   *lc;

	foreach(lc, upper->query->targetList)
	{
		TargetEntry *target = lfirst_node(TargetEntry, lc);

		if (!target->resjunk)
			width += get_typavgwidth(exprType((Node *) target->expr),
									 exprTypmod((Node *) target->expr));
	}
	return width;
}

/* ---- GetForeignUpperPaths ---- */

void
pgwireGetForeignUpperPaths(PlannerInfo *root, UpperRelationKind stage,
						   RelOptInfo *input_rel, RelOptInfo *output_rel, void *extra)
{
	/* what is not pushed below cannot be here; some stages are asked for twice */
	if (!pgwire_ship_upper || input_rel->fdw_private == NULL || output_rel->fdw_private != NULL)
		return;
	switch (stage)
	{
		case UPPERREL_GROUP_AGG:
			pgwire_group_stage(root, input_rel, output_rel, extra, false);
			break;
		case UPPERREL_PARTIAL_GROUP_AGG:
			pgwire_group_stage(root, input_rel, output_rel, extra, true);
			break;
		case UPPERREL_WINDOW:
			pgwire_window_stage(root, input_rel, output_rel);
			break;
		case UPPERREL_DISTINCT:
			pgwire_distinct_stage(root, input_rel, output_rel);
			break;
		case UPPERREL_ORDERED:
			pgwire_ordered_stage(root, input_rel, output_rel);
			break;
		case UPPERREL_FINAL:
			pgwire_final_stage(root, input_rel, output_rel, extra);
			break;
		default:
			break;
	}
}

/* ---- the plan ---- */

/* The plan's target list, without what nobody reads. */
static List *
without_unread(List *tlist, const pgwire_upper *upper)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, tlist)
	{
		TargetEntry *target = flatCopyTargetEntry(lfirst_node(TargetEntry, lc));
		Node	   *expr = (Node *) target->expr;

		if (list_member(upper->unread, expr))
			target->expr = (Expr *) makeNullConst(exprType(expr), exprTypmod(expr),
												  exprCollation(expr));
		result = lappend(result, target);
	}
	return result;
}

/* Result columns: the targets that are not junk. */
static List *
scan_tlist_of(const pgwire_upper *upper)
{
	List	   *columns = NIL;
	ListCell   *lc;

	foreach(lc, upper->query->targetList)
	{
		TargetEntry *target = lfirst_node(TargetEntry, lc);
		int			n = list_length(columns);
		Expr	   *expr;

		if (target->resjunk)
			continue;
		expr = upper->partial ? list_nth(upper->columns, n) : target->expr;
		columns = lappend(columns, makeTargetEntry(expr, n + 1, NULL, false));
	}
	return columns;
}

ForeignScan *
pgwire_upper_plan(PlannerInfo *root, RelOptInfo *upperrel, List *tlist)
{
	pgwire_rel *rel = upperrel->fdw_private;
	const pgwire_rel *source = rel->input->fdw_private;
	const pgwire_upper *upper = rel->upper;
	const char *relations = pgwire_relations(rel->input);
	pgwire_scan scan = {.rel = rel, .parent = rel->input};
	StringInfoData request;
	pgwire_ir	ir;

	scan.scan_tlist = scan_tlist_of(upper);
	scan.tlist = without_unread(tlist, upper);
	scan.quals = upper->quals;
	rel->refusals = source->refusals;
	scan.width = upper->width;
	/* one row is certain, any other number without statistics a pretence */
	scan.rows = rel->analyzed || upper->rows <= 1 ? upper->rows : -1;
	scan.relations = pgwire_is_grouped(upper->query) ?
		psprintf("Aggregate on (%s)", relations) : relations;
	pgwire_begin_statement(&request, &ir, root, rel->input->relids, &rel->site->server);
	pgwire_put_query(&ir, root, rel->input, pgwire_clauses(source->gating), upper->query);
	return pgwire_make_scan(root, &scan, &request, &ir);
}
