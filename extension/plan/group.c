/*
 * group.c - GROUP BY, aggregates and HAVING on the remote, of all rows or of those
 * of one partition.
 */
#include "postgres.h"

#include "upper.h"

#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/prep.h"
#include "optimizer/tlist.h"
#include "utils/selfuncs.h"

#include "cost.h"

/* The aggregates' work for each row, and HAVING's for each group. */
static void
price_groups(PlannerInfo *root, pgwire_rel *rel, double groups)
{
	pgwire_upper *upper = rel->upper;
	Query	   *query = upper->query;
	AggClauseCosts costs = {0};
	QualCost	functions;
	QualCost	having;
	int			sets = Max(list_length(root->parse->groupingSets), 1);

	if (query->hasAggs)
		get_agg_clause_costs(root, AGGSPLIT_SIMPLE, &costs);
	functions = costs.transCost;
	functions.startup *= sets;
	functions.per_tuple *= sets;
	cost_qual_eval(&having, (List *) query->havingQual, root);
	pgwire_work_group(&rel->work, list_length(query->groupClause), groups,
					  pgwire_width_of(upper), &functions, &having);
	if (query->havingQual != NULL)
		rel->work.rows = clamp_row_est(rel->work.rows *
									   clauselist_selectivity(root, (List *) query->havingQual,
															  0, JOIN_INNER, NULL));
}

static double
group_estimate(PlannerInfo *root, const pgwire_upper *upper, double rows)
{
	Query	   *query = upper->query;
	List	   *exprs;

	if (query->groupClause == NIL)
		return Max(list_length(root->parse->groupingSets), 1);
	exprs = get_sortgrouplist_exprs(query->groupClause, upper->targets);
	return estimate_num_groups(root, exprs, rows, NULL, NULL);
}

/* HAVING, by who checks it. */
static void
divide_having(PlannerInfo *root, RelOptInfo *source, pgwire_upper *upper, List *conditions)
{
	List	   *questions = NIL;
	List	   *remote = NIL;
	ListCell   *lc;

	foreach(lc, conditions)
		pgwire_add_question(&questions, PGWIRE_CONTEXT_GROUPED, lfirst(lc), NULL);
	pgwire_ask_questions(root, source, questions);
	foreach(lc, questions)
	{
		pgwire_question *question = lfirst(lc);

		if (question->ships)
			remote = lappend(remote, question->expr);
		else
			upper->quals = lappend(upper->quals, question->expr);
	}
	upper->query->havingQual = (Node *) remote;
}

/*
 * A set that leaves a key out answers NULL for it, so what is grouped by in sets
 * has to come from there. Two keys that have become the same there would be one.
 */
static bool
keys_are_fetched(const pgwire_upper *upper)
{
	List	   *keys = NIL;
	ListCell   *lc;

	if (upper->query->groupingSets == NIL)
		return true;
	foreach(lc, upper->query->groupClause)
	{
		Node	   *key = get_sortgroupclause_expr(lfirst_node(SortGroupClause, lc), upper->targets);

		if (!pgwire_needs_rows(key) || list_member(keys, key))
			return false;
		keys = lappend(keys, key);
	}
	return true;
}

/*
 * Beside keys and aggregates, the target list of partial groups may have columns
 * that depend on keys: PostgreSQL takes any row's, a remote statement must not.
 */
static bool
has_other_columns(const PathTarget *target)
{
	ListCell   *lc;
	int			i = 0;

	foreach(lc, target->exprs)
		if (get_pathtarget_sortgroupref(target, i++) == 0 && !IsA(lfirst(lc), Aggref) &&
			pgwire_needs_rows(lfirst(lc)))
			return true;
	return false;
}

/*
 * The values of partial aggregates as expressions over plain ones, which the
 * remote can compute; NIL where there is none for one.
 */
static List *
plain_aggregates(List *exprs)
{
	List	   *plain = NIL;
	ListCell   *lc;

	foreach(lc, exprs)
	{
		Expr	   *expr = lfirst(lc);

		if (IsA(expr, Aggref))
			expr = pgwire_partial_value((Aggref *) expr);
		if (expr == NULL)
			return NIL;
		plain = lappend(plain, expr);
	}
	return plain;
}

/*
 * The planner has expanded grouping sets to lists of references, and taken out
 * those that GROUP BY DISTINCT would.
 */
static List *
sets_of(List *expanded)
{
	List	   *sets = NIL;
	ListCell   *lc;

	foreach(lc, expanded)
	{
		List	   *refs = lfirst(lc);

		sets = lappend(sets, makeGroupingSet(refs == NIL ? GROUPING_SET_EMPTY :
											 GROUPING_SET_SIMPLE, refs, -1));
	}
	return sets == NIL ? NIL : list_make1(makeGroupingSet(GROUPING_SET_SETS, sets, -1));
}

/*
 * Columns of the scan have the names that the planner has for them, the partial
 * aggregates, whatever they are computed by. Each of `exprs` that needs rows has
 * become one target.
 */
static void
name_values(pgwire_upper *upper, List *names, List *exprs)
{
	ListCell   *lc;
	ListCell   *name;

	forboth(lc, exprs, name, names)
		if (pgwire_needs_rows(lfirst(lc)))
			upper->columns = lappend(upper->columns, lfirst(name));
}

/*
 * All rows are one group although nothing that is fetched says so: aggregates that
 * nobody reads are not in the target list, conditions on groups may be checked here.
 */
static void
say_grouped(const PlannerInfo *root, pgwire_upper *upper)
{
	Query	   *query = upper->query;

	if ((root->parse->hasAggs || root->hasHavingQual) && query->groupClause == NIL &&
		query->groupingSets == NIL && query->havingQual == NULL &&
		!contain_agg_clause((Node *) query->targetList))
		query->havingQual = (Node *) list_make1(makeBoolConst(true, false));
}

void
pgwire_group_stage(PlannerInfo *root, RelOptInfo *input, RelOptInfo *output,
			const GroupPathExtraData *extra, bool partial)
{
	Query	   *parse = root->parse;
	pgwire_upper *upper = pgwire_begin_stage(root, partial ? UPPERREL_PARTIAL_GROUP_AGG :
									  UPPERREL_GROUP_AGG, input);
	List	   *exprs = output->reltarget->exprs;
	pgwire_rel *rel;

	if (!pgwire_is_complete(input, false) ||
		(partial && extra->patype != PARTITIONWISE_AGGREGATE_PARTIAL))
		return;
	upper->partial = partial;
	upper->targets = extra->targetList;
	upper->query->hasAggs = parse->hasAggs;
	upper->query->groupClause = parse->groupClause;
	if (parse->groupingSets == NIL && pgwire_without_values(upper, parse->groupClause) != NIL)
		upper->query->groupClause = pgwire_without_values(upper, parse->groupClause);
	upper->query->groupingSets = sets_of(parse->groupingSets);
	if (!partial)
		upper->unread = pgwire_unread_columns(root, UPPERREL_GROUP_AGG);
	if (partial)
		exprs = plain_aggregates(exprs);
	else
		divide_having(root, input, upper, (List *) extra->havingQual);
	if ((partial && (exprs == NIL || has_other_columns(output->reltarget))) ||
		!keys_are_fetched(upper) ||
		!pgwire_keys_ship(root, input, upper, upper->query->groupClause) ||
		!pgwire_set_targets(root, input, upper, exprs, pgwire_refs_of_target(output->reltarget),
							pgwire_refs_of_keys(upper->query->groupClause)))
		return;
	if (partial)
		name_values(upper, output->reltarget->exprs, exprs);
	else
		say_grouped(root, upper);
	rel = pgwire_finish_stage(root, input, output, upper);
	if (rel == NULL)
		return;
	price_groups(root, rel, group_estimate(root, upper, input->rows));
	pgwire_add_upper_path(root, output, output->reltarget, NIL);
}

