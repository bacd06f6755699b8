/*
 * bound.c - how many rows of one partition a LIMIT above them all can need.
 *
 * Of rows that are appended, each member need not send more than LIMIT and
 * OFFSET together, if it sends them in the query's order and nothing drops rows
 * in between. PostgreSQL has no way to say so to a member, but plans them for the
 * query at hand, so a path that stops there is as good as one that does not.
 */
#include "postgres.h"

#include "upper.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "nodes/makefuncs.h"
#include "optimizer/pathnode.h"

#include "cost.h"

/* LIMIT plus OFFSET, where that can be told beforehand; else NULL. */
static Node *
rows_needed(const Query *parse)
{
	Const	   *count = (Const *) parse->limitCount;
	Const	   *offset = (Const *) parse->limitOffset;
	int64		sum;

	if (offset == NULL || (IsA(offset, Const) && offset->constisnull))
		return pgwire_is_value((Node *) count) ? (Node *) count : NULL;
	if (!IsA(count, Const) || !IsA(offset, Const) || count->constisnull ||
		pg_add_s64_overflow(DatumGetInt64(count->constvalue),
							Max(DatumGetInt64(offset->constvalue), 0), &sum))
		return NULL;
	return (Node *) makeConst(INT8OID, -1, InvalidOid, sizeof(int64), Int64GetDatum(sum),
							  false, true);
}

/*
 * Is the relation one of several whose rows, appended, are all that the query
 * level reads, and goes through nothing but ORDER BY and LIMIT? (limit_tuples is
 * set only where there is no grouping, window, DISTINCT or set-returning
 * function.)
 */
static bool
is_under_limit(PlannerInfo *root, RelOptInfo *baserel)
{
	const Query *parse = root->parse;

	return pgwire_ship_upper && baserel->reloptkind == RELOPT_OTHER_MEMBER_REL && root->limit_tuples > 0 &&
		parse->limitCount != NULL && parse->limitOption == LIMIT_OPTION_COUNT &&
		parse->commandType == CMD_SELECT && parse->rowMarks == NIL &&
		parse->setOperations == NULL &&
		bms_equal(baserel->top_parent_relids, root->all_baserels);
}

/* Add the path of a base relation that stops at such a bound, if it has one. */
void
pgwire_add_bounded(PlannerInfo *root, RelOptInfo *baserel)
{
	pgwire_rel *rel = baserel->fdw_private;
	List	   *pathkeys = root->sort_pathkeys;
	pgwire_work work = rel->work;
	ForeignPath *path;
	Node	   *limit;
	Cost		startup;
	Cost		total;

	if (!is_under_limit(root, baserel) || rel->local_conds != NIL ||
		(limit = rows_needed(root->parse)) == NULL ||
		!pgwire_pathkeys_ship(root, baserel, pathkeys))
		return;
	if (pathkeys != NIL)
		pgwire_work_sort(&work, list_length(pathkeys), root->limit_tuples);
	pgwire_work_limit(&work, 0, root->limit_tuples);
	pgwire_price(rel, &work, NULL, &startup, &total);
	path = pgwire_create_foreignscan_path(root, baserel, Min(baserel->rows, root->limit_tuples),
										  startup, total, pathkeys, NULL, NULL);
	path->fdw_private = list_make2(rel, limit);
	add_path(baserel, (Path *) path);
}
