/*
 * stages.c - what comes after grouping, on the remote: windows, DISTINCT, ORDER BY,
 * LIMIT.
 */
#include "postgres.h"

#include "upper.h"

#include <math.h>

#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "utils/selfuncs.h"

#include "cost.h"

/* ---- windows ---- */

static bool
collect_window_functions(Node *node, List **functions)
{
	if (node == NULL)
		return false;
	if (IsA(node, WindowFunc))
		*functions = list_append_unique(*functions, node);
	return expression_tree_walker(node, collect_window_functions, functions);
}

static bool
window_is_used(const WindowClause *window, List *functions)
{
	ListCell   *lc;

	foreach(lc, functions)
		if (lfirst_node(WindowFunc, lc)->winref == window->winref)
			return true;
	return false;
}

/* What is needed of the windows: their keys ship, and so do the bounds of frames. */
static bool
windows_ship(PlannerInfo *root, RelOptInfo *source, pgwire_upper *upper)
{
	ListCell   *lc;

	foreach(lc, upper->query->windowClause)
	{
		WindowClause *window = lfirst_node(WindowClause, lc);

		if (!pgwire_is_value(window->startOffset) || !pgwire_is_value(window->endOffset) ||
			!pgwire_keys_ship(root, source, upper, window->partitionClause) ||
			!pgwire_keys_ship(root, source, upper, window->orderClause))
			return false;
	}
	return true;
}

void
pgwire_window_stage(PlannerInfo *root, RelOptInfo *input, RelOptInfo *output)
{
	PathTarget *target = root->upper_targets[UPPERREL_WINDOW];
	pgwire_upper *upper = pgwire_begin_stage(root, UPPERREL_WINDOW, input);
	RelOptInfo *source = pgwire_source_of(input);
	List	   *functions = NIL;
	QualCost	cost;
	pgwire_rel *rel;
	ListCell   *lc;

	if (!pgwire_is_complete(input, false) || root->parse->hasTargetSRFs)
		return;
	collect_window_functions((Node *) target->exprs, &functions);
	upper->query->hasWindowFuncs = true;
	foreach(lc, root->parse->windowClause)
	{
		WindowClause *window = lfirst_node(WindowClause, lc);

		if (!window_is_used(window, functions))
			continue;
		upper->query->windowClause = lappend(upper->query->windowClause, window);
		/* stopping early was all that became of a condition around the query */
		upper->quals = list_concat(list_copy(upper->quals),
								   pgwire_run_conditions(window, functions));
	}
	upper->unread = pgwire_unread_columns(root, UPPERREL_WINDOW);
	if (!windows_ship(root, source, upper) ||
		!pgwire_set_targets(root, source, upper, target->exprs, pgwire_refs_of_target(target), NIL))
		return;
	rel = pgwire_finish_stage(root, input, output, upper);
	if (rel == NULL)
		return;
	cost_qual_eval(&cost, functions, root);
	foreach(lc, upper->query->windowClause)
	{
		WindowClause *window = lfirst_node(WindowClause, lc);

		pgwire_work_window(&rel->work, list_length(window->partitionClause) +
						   list_length(window->orderClause), &cost, pgwire_width_of(upper));
		memset(&cost, 0, sizeof(cost));
	}
	pgwire_add_upper_path(root, output, target, NIL);
}

/* ---- DISTINCT ---- */

/*
 * Of DISTINCT ON the remote has to sort, too, as the order says which row stays; so
 * the result is in the query's order.
 */
void
pgwire_distinct_stage(PlannerInfo *root, RelOptInfo *input, RelOptInfo *output)
{
	Query	   *parse = root->parse;
	PathTarget *target = root->upper_targets[UPPERREL_DISTINCT];
	pgwire_upper *upper = pgwire_begin_stage(root, UPPERREL_DISTINCT, input);
	RelOptInfo *source = pgwire_source_of(input);
	Query	   *query = upper->query;
	double		rows;
	pgwire_rel *rel;

	if (!pgwire_is_complete(input, false) || parse->hasTargetSRFs)
		return;
	query->distinctClause = pgwire_without_values(upper, parse->distinctClause);
	query->hasDistinctOn = parse->hasDistinctOn;
	if (query->hasDistinctOn)
		query->sortClause = pgwire_without_values(upper, parse->sortClause);
	if (query->distinctClause == NIL)
		return;					/* one row is left */
	upper->unread = pgwire_unread_columns(root, UPPERREL_DISTINCT);
	if (!pgwire_keys_ship(root, source, upper, query->distinctClause) ||
		!pgwire_keys_ship(root, source, upper, query->sortClause) ||
		!pgwire_set_targets(root, source, upper, target->exprs, pgwire_refs_of_target(target),
							pgwire_refs_of_keys(query->distinctClause)))
		return;
	rel = pgwire_finish_stage(root, input, output, upper);
	if (rel == NULL)
		return;
	rows = estimate_num_groups(root, get_sortgrouplist_exprs(query->distinctClause,
															 upper->targets),
							   upper->rows, NULL, NULL);
	pgwire_work_group(&rel->work, list_length(query->distinctClause), rows,
					  pgwire_width_of(upper), NULL, NULL);
	if (query->sortClause != NIL)
		pgwire_work_sort(&rel->work, list_length(query->sortClause), -1);
	pgwire_add_upper_path(root, output, target, query->sortClause ? root->sort_pathkeys : NIL);
}

/* ---- ORDER BY, LIMIT ---- */

/* Is there a path for all of it that is a foreign scan? */
static bool
sorts_already(RelOptInfo *output)
{
	ListCell   *lc;

	foreach(lc, output->pathlist)
	{
		Path	   *path = lfirst(lc);

		if (IsA(path, ProjectionPath))
			path = ((ProjectionPath *) path)->subpath;
		if (IsA(path, ForeignPath) && !IS_UPPER_REL(path->parent))
			return true;
	}
	return false;
}

void
pgwire_ordered_stage(PlannerInfo *root, RelOptInfo *input, RelOptInfo *output)
{
	Query	   *parse = root->parse;
	PathTarget *target = root->upper_targets[UPPERREL_ORDERED];
	pgwire_upper *upper = pgwire_begin_stage(root, UPPERREL_ORDERED, input);
	RelOptInfo *source = pgwire_source_of(input);
	pgwire_rel *rel;

	if (!pgwire_is_complete(input, true) || parse->hasTargetSRFs)
		return;
	upper->query->sortClause = pgwire_without_values(upper, parse->sortClause);
	upper->unread = pgwire_unread_columns(root, UPPERREL_ORDERED);
	if (!pgwire_keys_ship(root, source, upper, upper->query->sortClause) ||
		!pgwire_set_targets(root, source, upper, target->exprs, pgwire_refs_of_target(target),
							pgwire_refs_of_keys(upper->query->distinctClause)))
		return;
	rel = pgwire_finish_stage(root, input, output, upper);
	if (rel == NULL)
		return;
	upper->unsorted = rel->work;
	if (!upper->query->hasDistinctOn)
		pgwire_work_sort(&rel->work, list_length(parse->sortClause), -1);

	/*
	 * Rows that are locked may be looked at again, which needs the scan itself; and
	 * it may send its rows in this order (order.c).
	 */
	if (parse->rowMarks == NIL && !sorts_already(output))
		pgwire_add_upper_path(root, output, target, root->sort_pathkeys);
}

/* LIMIT 0 asks nothing of the remote, not even whether it is there. */
static bool
is_zero(const Node *count)
{
	return count != NULL && IsA(count, Const) && !((const Const *) count)->constisnull &&
		DatumGetInt64(((const Const *) count)->constvalue) == 0;
}

void
pgwire_final_stage(PlannerInfo *root, RelOptInfo *input, RelOptInfo *output,
			const FinalPathExtraData *extra)
{
	Query	   *parse = root->parse;
	PathTarget *target = root->upper_targets[UPPERREL_FINAL];
	pgwire_upper *upper = pgwire_begin_stage(root, UPPERREL_FINAL, input);
	pgwire_rel *rel;
	double		offset = extra->offset_est;
	double		count = extra->count_est;

	if (!pgwire_is_complete(input, false) || parse->hasTargetSRFs || !extra->limit_needed ||
		parse->commandType != CMD_SELECT || is_zero(parse->limitCount) ||
		!pgwire_is_value(parse->limitCount) || !pgwire_is_value(parse->limitOffset))
		return;
	/* sorted by constants only: all rows are ties, but SQL wants ORDER BY there */
	if (parse->limitOption == LIMIT_OPTION_WITH_TIES && upper->query->sortClause == NIL)
		return;
	upper->query->limitCount = parse->limitCount;
	upper->query->limitOption = parse->limitOption;
	upper->query->limitOffset = parse->limitOffset;
	upper->unread = pgwire_unread_columns(root, UPPERREL_FINAL);
	if (!pgwire_set_targets(root, pgwire_source_of(input), upper, target->exprs, pgwire_refs_of_target(target),
							pgwire_refs_of_keys(upper->query->distinctClause)))
		return;
	rel = pgwire_finish_stage(root, input, output, upper);
	if (rel == NULL)
		return;

	/* where it cannot be estimated, a tenth is read, as the planner has it */
	if (count < 0 || offset < 0)
	{
		offset = 0;
		count = ceil(rel->work.rows / 10);
	}
	else if (count == 0)
		count = -1;				/* no LIMIT */
	if (upper->query->sortClause != NIL && count >= 0)
	{
		/* a sort for these rows only is less work than one of all */
		rel->work = upper->unsorted;
		pgwire_work_sort(&rel->work, list_length(upper->query->sortClause), count + offset);
	}
	pgwire_work_limit(&rel->work, offset, count);
	pgwire_add_upper_path(root, output, target, upper->query->sortClause ? root->sort_pathkeys : NIL);
}
