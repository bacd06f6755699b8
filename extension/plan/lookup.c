/*
 * lookup.c - what the remote can look up by an index, as far as is known here.
 */
#include "postgres.h"

#include <math.h>

#include "access/stratnum.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "cost.h"
#include "stats.h"

/*
 * Is it by this column that an index may lead to rows? Which operators an index
 * supports is for its default class to say, here as there.
 */
static bool
is_indexable(const RelOptInfo *baserel, AttrNumber attno, const Expr *clause, bool *equality)
{
	Node	   *left,
			   *right;
	Oid			op;
	Oid			type;
	int			strategy;

	if (IsA(clause, NullTest))
	{
		left = (Node *) ((const NullTest *) clause)->arg;
		*equality = false;
		return IsA(left, Var) && ((Var *) left)->varno == baserel->relid &&
			((Var *) left)->varattno == attno;
	}
	if (IsA(clause, OpExpr) && list_length(((const OpExpr *) clause)->args) == 2)
	{
		op = ((const OpExpr *) clause)->opno;
		left = linitial(((const OpExpr *) clause)->args);
		right = lsecond(((const OpExpr *) clause)->args);
	}
	else if (IsA(clause, ScalarArrayOpExpr) && ((const ScalarArrayOpExpr *) clause)->useOr)
	{
		op = ((const ScalarArrayOpExpr *) clause)->opno;
		left = linitial(((const ScalarArrayOpExpr *) clause)->args);
		right = NULL;
	}
	else
		return false;
	for (int side = 0; side < 2 && left != NULL; side++, left = right)
	{
		while (IsA(left, RelabelType))
			left = (Node *) ((RelabelType *) left)->arg;
		if (!IsA(left, Var) || ((Var *) left)->varno != baserel->relid ||
			((Var *) left)->varattno != attno)
			continue;
		type = lookup_type_cache(((Var *) left)->vartype, TYPECACHE_BTREE_OPFAMILY)->btree_opf;
		strategy = OidIsValid(type) ? get_op_opfamily_strategy(op, type) : 0;
		*equality = strategy == BTEqualStrategyNumber;
		return strategy != 0;
	}
	return false;
}

/* The clauses that an index on these columns would look up by. */
static List *
index_clauses(RelOptInfo *baserel, const pgwire_index *index, List *rinfos)
{
	List	   *usable = NIL;

	for (int i = 0; i < index->nkeys; i++)
	{
		bool		pinned = false;
		ListCell   *lc;

		foreach(lc, rinfos)
		{
			RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
			bool		equality;

			if (!is_indexable(baserel, index->keys[i], rinfo->clause, &equality))
				continue;
			usable = list_append_unique_ptr(usable, rinfo);
			pinned = pinned || equality;
		}
		if (!pinned)
			break;
	}
	return usable;
}

/*
 * How many rows an index leads to at best; <0: none is of use. Where nothing is known
 * of the remote's indexes, that there is one on what tables are joined by is the
 * better guess.
 */
static double
matched_by_index(PlannerInfo *root, RelOptInfo *baserel, ParamPathInfo *info, double rows)
{
	pgwire_rel *rel = baserel->fdw_private;
	double		best = -1;
	List	   *rinfos;
	ListCell   *lc;

	if (rel->stats == NULL)
		return info ? rows : -1;
	if (rel->stats->indexes == NIL)
		return -1;
	rinfos = rel->remote_conds;
	if (info != NULL)
	{
		rinfos = list_copy(rinfos);
		foreach(lc, info->ppi_clauses)
			if (pgwire_is_remote(baserel, lfirst_node(RestrictInfo, lc)))
				rinfos = lappend(rinfos, lfirst(lc));
	}
	foreach(lc, rel->stats->indexes)
	{
		List	   *usable = index_clauses(baserel, lfirst(lc), rinfos);
		double		matched;

		if (usable == NIL)
			continue;
		matched = clamp_row_est(baserel->tuples *
								clauselist_selectivity(root, usable, baserel->relid, JOIN_INNER, NULL));
		if (best < 0 || matched < best)
			best = matched;
	}
	return best;
}

/* How often a parameterized path is executed: as indxpath.c has it, for the least of the outer relations. */
static double
loop_count(PlannerInfo *root, ParamPathInfo *info)
{
	double		loops = 0;
	int			relid = -1;

	while (info != NULL && (relid = bms_next_member(info->ppi_req_outer, relid)) >= 0)
	{
		RelOptInfo *outer = root->simple_rel_array[relid];

		if (outer != NULL && outer->rows > 0 && (loops == 0 || outer->rows < loops))
			loops = outer->rows;
	}
	return Max(loops, 1);
}

/*
 * The pages read for the rows: of the table in the worst case one for each row, but
 * what an earlier execution has read is in memory; of the index the lowest level.
 */
static double
fetched_pages(PlannerInfo *root, RelOptInfo *baserel, ParamPathInfo *info, double matched)
{
	double		loops = loop_count(root, info);
	double		index = Max(rint(baserel->pages * 0.3), 1);	/* a common ratio */
	double		leaf = Max(rint(index * matched / Max(baserel->tuples, 1)), 1);

	return (index_pages_fetched(matched * loops, baserel->pages, index, root) +
			Min(leaf * loops, index)) / loops;
}

void
pgwire_index_lookup(PlannerInfo *root, RelOptInfo *baserel, ParamPathInfo *info,
					double rows, double *matched, double *fetched)
{
	*matched = matched_by_index(root, baserel, info, rows);
	*fetched = *matched < 0 ? 0 : fetched_pages(root, baserel, info, *matched);
}
