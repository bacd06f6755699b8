/*
 * raw.c - queries that the planner leaves as the parser and the rewriter have
 * made them: sub-queries in FROM, of which it plans copies, and CTEs.
 *
 * The copies have conditions from above pushed into them and outputs that nobody
 * uses taken out, and are of no use here; the originals have none of it. They
 * need what any query needs before its expressions can be evaluated, constants
 * folded and arguments completed, and references to what is outside.
 */
#include "postgres.h"

#include "query.h"

#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/paramassign.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"

/* One query that is being walked through, and those around it up to a level. */
typedef struct raw_query
{
	pgwire_level *level;		/* the planned level around all */
	Query	   *query;
	int			depth;			/* 1: directly in that level */
	struct raw_query *outer;
} raw_query;

static Query *restore_query(raw_query *raw);

/* The query that a node refers to so many levels up; NULL: a planned one. */
static Query *
query_of(raw_query *raw, Index levelsup)
{
	while (raw != NULL && levelsup-- > 0)
		raw = raw->outer;
	return raw ? raw->query : NULL;
}

/* How many levels of the request are around? */
static Index
levels_around(const raw_query *raw)
{
	return raw->level->depth + raw->depth;
}

static Node *restore_node(Node *node, void *context);

/* A column of a join or of GROUP BY stands for an expression over other items. */
static Node *
restore_alias(raw_query *raw, Var *var, List *exprs)
{
	Node	   *expr;

	if (var->varattno <= 0 || var->varattno > list_length(exprs) ||
		list_nth(exprs, var->varattno - 1) == NULL)
		return pgwire_refuse_query(raw->level->restore, NULL, "a row of a join");
	expr = copyObject(list_nth(exprs, var->varattno - 1));
	IncrementVarSublevelsUp(expr, var->varlevelsup, 0);
	return restore_node(expr, raw);
}

static Node *
restore_var(raw_query *raw, Var *var)
{
	PlannerInfo *root = raw->level->restore->root;
	Query	   *query = query_of(raw, var->varlevelsup);
	Index		levels = levels_around(raw);

	if (query != NULL)
	{
		RangeTblEntry *rte = rt_fetch(var->varno, query->rtable);

		if (rte->rtekind == RTE_JOIN)
			return restore_alias(raw, var, rte->joinaliasvars);
		if (pgwire_is_group_rte(rte))
			return restore_alias(raw, var, pgwire_group_exprs(rte));
		return (Node *) copyObject(var);
	}
	if (var->varlevelsup <= levels)
		return (Node *) copyObject(var);

	/* of a query around the request: a value that it is given */
	var = copyObject(var);
	var->varlevelsup -= levels;
	return (Node *) replace_outer_var(root, var);
}

static Node *
restore_node(Node *node, void *context)
{
	raw_query  *raw = context;
	pgwire_restore *restore = raw->level->restore;

	if (node == NULL || restore->reason != NULL)
		return NULL;
	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_Var:
			return restore_var(raw, (Var *) node);
		case T_Query:
			{
				raw_query	inner = {raw->level, (Query *) node, raw->depth + 1, raw};

				return (Node *) restore_query(&inner);
			}
		case T_PlaceHolderVar:
			return pgwire_refuse_query(restore, NULL, "computed below an outer join");
		case T_Aggref:
			if (((Aggref *) node)->agglevelsup > 0)
				return pgwire_refuse_query(restore, node, "an aggregate of an outer query");
			break;
		case T_GroupingFunc:
			if (((GroupingFunc *) node)->agglevelsup > 0)
				return pgwire_refuse_query(restore, node, "GROUPING of an outer query");
			break;
		default:
			break;
	}
	return expression_tree_mutator(node, restore_node, context);
}

static void
fold(PlannerInfo *root, Node **expr)
{
	*expr = eval_const_expressions(root, *expr);
}

/* Fold constants, inline functions, and complete arguments, as the planner does. */
static void
fold_query(PlannerInfo *root, Query *query, Bitmapset *items)
{
	ListCell   *lc;
	int			rti = -1;

	fold(root, (Node **) &query->targetList);
	fold(root, (Node **) &query->jointree);
	fold(root, &query->havingQual);
	fold(root, &query->limitOffset);
	fold(root, &query->limitCount);
	foreach(lc, query->windowClause)
	{
		WindowClause *window = lfirst_node(WindowClause, lc);

		fold(root, &window->startOffset);
		fold(root, &window->endOffset);
	}
	while ((rti = bms_next_member(items, rti)) >= 0)
	{
		RangeTblEntry *rte = rt_fetch(rti, query->rtable);

		fold(root, (Node **) &rte->functions);
		fold(root, (Node **) &rte->values_lists);
	}
}

static Query *
restore_query(raw_query *raw)
{
	pgwire_restore *restore = raw->level->restore;
	Query	   *original = raw->query;
	Query	   *query;
	Bitmapset  *items;
	int			rti = -1;

	pgwire_check_query(restore, original);
	items = pgwire_query_items(original);
	while ((rti = bms_next_member(items, rti)) >= 0)
		pgwire_check_item(restore, original, rt_fetch(rti, original->rtable),
						  levels_around(raw));
	if (restore->reason != NULL)
		return NULL;
	query = query_tree_mutator(original, restore_node, raw,
							   QTW_IGNORE_JOINALIASES | PGWIRE_QTW_IGNORE_GROUPEXPRS);
	if (restore->reason == NULL)
		fold_query(raw->level->root, query, items);
	return query;
}

/* A query nested directly in a level that the planner has been through. */
Query *
pgwire_restore_raw(pgwire_level *level, Query *query)
{
	raw_query	raw = {level, query, 1, NULL};

	return restore_query(&raw);
}
