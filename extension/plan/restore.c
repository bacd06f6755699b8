/*
 * restore.c - what the planner has made of a query, made a query again.
 *
 * When the upper paths of a query level are asked for, root->parse is no longer
 * what the parser made: sub-selects are SubPlans and Params, conditions are
 * lists, a UNION ALL is an append relation, HAVING has moved to WHERE. Here that
 * becomes an ordinary Query, with all that was gained (functions inlined,
 * constants folded, views and sub-queries pulled up), and the rest of the way is
 * the same for levels that the planner has been through and for those which it
 * keeps as they came (sub-queries in FROM, of which it plans copies: raw.c).
 *
 * Taken as the source was the planner's Query and not one kept by planner_hook:
 * the module is loaded while the first foreign query of a session is planned,
 * when that hook has gone by.
 */
#include "postgres.h"

#include "query.h"

#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"

/* The query cannot be sent; the first reason counts. NULL, for mutators. */
Node *
pgwire_refuse_query(pgwire_restore *restore, Node *culprit, const char *reason)
{
	if (restore->reason == NULL)
	{
		restore->reason = reason;
		restore->culprit = culprit;
	}
	return NULL;
}

/* ---- expressions ---- */

/* The smallest side of an outer join, of those already restored, with all of these. */
static pgwire_side *
side_with(const pgwire_level *level, Relids items)
{
	pgwire_side *smallest = NULL;
	ListCell   *lc;

	foreach(lc, level->sides)
	{
		pgwire_side *side = lfirst(lc);

		if (bms_is_subset(items, side->items) &&
			(smallest == NULL || bms_is_subset(side->items, smallest->items)))
			smallest = side;
	}
	return smallest;
}

/* SELECT expr, without FROM, as an item of the level. Answers its number. */
static int
add_item(pgwire_level *level, Node *expr)
{
	Query	   *query = makeNode(Query);
	RangeTblEntry *rte = makeNode(RangeTblEntry);

	IncrementVarSublevelsUp(expr, 1, 0);
	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->jointree = makeFromExpr(NIL, NULL);
	query->targetList = list_make1(makeTargetEntry((Expr *) expr, 1, pstrdup("value"), false));
	query->hasSubLinks = true;
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = query;
	rte->lateral = true;
	level->added = lappend(level->added, rte);
	return list_length(level->root->parse->rtable) + list_length(level->added);
}

/*
 * A PlaceHolderVar has its expression computed below an outer join, which makes
 * it null, or kept apart for grouping sets. Above, it is a column of an item that
 * computes it, joined to the side of the join where that is done; elsewhere it
 * is its expression.
 */
static Node *
restore_placeholder(pgwire_level *level, PlaceHolderVar *phv)
{
	pgwire_side *side = side_with(level, bms_intersect(phv->phrels, level->items));
	Node	   *expr;
	RangeTblRef *ref;
	ListCell   *lc;
	ListCell   *lc2;

	if (phv->phlevelsup != 0)
		return pgwire_refuse_query(level->restore, NULL, "computed below an outer join");
	if (side == NULL)
		return pgwire_restore_expr((Node *) phv->phexpr, level);
	forboth(lc, side->phids, lc2, side->columns)
		if (lfirst_int(lc) == (int) phv->phid)
			return copyObject(lfirst(lc2));
	expr = pgwire_restore_expr((Node *) phv->phexpr, level);
	/* what was refused has left a hole in it, which has no type */
	if (expr == NULL || level->restore->reason != NULL)
		return NULL;
	ref = makeNode(RangeTblRef);
	ref->rtindex = add_item(level, expr);
	side->from->fromlist = lappend(side->from->fromlist, ref);
	expr = (Node *) makeVar(ref->rtindex, 1, exprType(expr), exprTypmod(expr),
							exprCollation(expr), 0);
	side->phids = lappend_int(side->phids, (int) phv->phid);
	side->columns = lappend(side->columns, expr);
	return copyObject(expr);
}

Node *
pgwire_restore_expr(Node *node, void *context)
{
	pgwire_level *level = context;

	if (node == NULL || level->restore->reason != NULL)
		return NULL;
	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_Param:
			return pgwire_restore_param(level, (Param *) node);
		case T_SubPlan:
			return pgwire_restore_subplan(level, (SubPlan *) node);
		case T_AlternativeSubPlan:
			return pgwire_restore_expr(linitial(((AlternativeSubPlan *) node)->subplans), level);
		case T_PlaceHolderVar:
			return restore_placeholder(level, (PlaceHolderVar *) node);
		default:
			return expression_tree_mutator(node, pgwire_restore_expr, context);
	}
}

/* A list of conditions, as the planner has them, becomes one. */
static Node *
restore_quals(pgwire_level *level, Node *quals)
{
	List	   *list = (List *) pgwire_restore_expr(quals, level);

	Assert(list == NIL || IsA(list, List));
	return list == NIL ? NULL : (Node *) make_ands_explicit(list);
}

/* ---- FROM ---- */

typedef struct
{
	const Node *except;			/* a join, whose inside does not count */
	Bitmapset  *items;
} naming;

static bool
names_item(Node *node, void *context)
{
	naming	   *of = context;

	if (node == NULL || node == of->except)
		return false;
	if (IsA(node, Var))
		return ((Var *) node)->varlevelsup == 0 &&
			bms_is_member(((Var *) node)->varno, of->items);
	return expression_tree_walker(node, names_item, context);
}

/* Is a condition never true where this column is null? Only the plain case counts. */
static bool
needs_column(const List *quals, const Var *column)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, quals)
	{
		OpExpr	   *op = lfirst(lc);

		if (!IsA(op, OpExpr) || !op_strict(op->opno))
			continue;
		foreach(lc2, op->args)
		{
			Var		   *var = lfirst(lc2);

			if (IsA(var, Var) && var->varlevelsup == 0 && var->varno == column->varno &&
				var->varattno == column->varattno)
				return true;
		}
	}
	return false;
}

/* Is there a join, other than this one, that makes rows of a side null? */
static bool
has_other_outer_join(Node *node, void *except)
{
	if (node == NULL)
		return false;
	if (IsA(node, JoinExpr) && node != except)
	{
		JoinType	type = ((JoinExpr *) node)->jointype;

		if (type == JOIN_LEFT || type == JOIN_RIGHT || type == JOIN_FULL)
			return true;
	}
	return expression_tree_walker(node, has_other_outer_join, except);
}

/*
 * Does WHERE say, of a column that the join's condition needs, that it is null?
 * Below another outer join it would say so of other rows, too.
 */
static bool
wants_unmatched(const Query *parse, const JoinExpr *join, const Bitmapset *right)
{
	ListCell   *lc;

	if (has_other_outer_join((Node *) parse->jointree, (void *) join))
		return false;
	foreach(lc, (List *) parse->jointree->quals)
	{
		Var		   *column = find_forced_null_var(lfirst(lc));

		if (column != NULL && bms_is_member(column->varno, right) &&
			needs_column((List *) join->quals, column))
			return true;
	}
	return false;
}

/*
 * An anti join was NOT EXISTS, outside of which nothing names the right side, or
 * a LEFT JOIN with a condition in WHERE that no row of the right side meets. Later
 * minor releases leave out that condition once it has made the join one, and give
 * NOT EXISTS a range table entry, too; so what is still named decides, and not
 * where the join came from. (What a PlaceHolderVar says of the place where it is
 * computed names nothing.)
 */
static JoinType
restored_jointype(pgwire_level *level, JoinExpr *join)
{
	Query	   *parse = level->root->parse;
	naming		of = {(Node *) join, NULL};

	if (join->jointype != JOIN_ANTI)
		return join->jointype;
	of.items = pgwire_items_of(join->rarg);
	if (!names_item((Node *) parse->jointree, &of) &&
		!names_item((Node *) parse->targetList, &of) && !names_item(parse->havingQual, &of) &&
		!names_item((Node *) parse->returningList, &of))
		return JOIN_ANTI;
	if (!wants_unmatched(parse, join, of.items))
		pgwire_refuse_query(level->restore, NULL, "columns of an anti join's right side");
	return JOIN_LEFT;
}

/* Is this part of FROM, once SELECT without FROM, no relation at all? */
static bool
is_nothing(pgwire_level *level, Node *node)
{
	ListCell   *lc;

	if (IsA(node, RangeTblRef))
		return rt_fetch(((RangeTblRef *) node)->rtindex,
						level->root->parse->rtable)->rtekind == RTE_RESULT;
	if (!IsA(node, FromExpr))
		return false;
	foreach(lc, ((FromExpr *) node)->fromlist)
		if (!is_nothing(level, lfirst(lc)))
			return false;
	return true;
}

static Node *restore_jointree(pgwire_level *level, Node *node);

/* Expressions over this part of FROM, computed there, may be needed above it. */
static FromExpr *
add_side(pgwire_level *level, Node *node, FromExpr *restored)
{
	pgwire_side *side = palloc0(sizeof(*side));

	side->items = pgwire_items_of(node);
	side->from = restored;
	level->sides = lappend(level->sides, side);
	return restored;
}

static Node *
restore_side(pgwire_level *level, Node *node, bool nullable)
{
	Node	   *restored = restore_jointree(level, node);

	if (!nullable || restored == NULL)
		return restored;
	return (Node *) add_side(level, node, makeFromExpr(list_make1(restored), NULL));
}

static Node *
restore_jointree(pgwire_level *level, Node *node)
{
	check_stack_depth();
	if (node == NULL || level->restore->reason != NULL)
		return NULL;
	if (IsA(node, RangeTblRef))
		return copyObject(node);
	if (IsA(node, FromExpr))
	{
		FromExpr   *from = (FromExpr *) node;
		List	   *list = NIL;
		ListCell   *lc;

		foreach(lc, from->fromlist)
			list = lappend(list, restore_jointree(level, lfirst(lc)));
		return (Node *) makeFromExpr(list, restore_quals(level, from->quals));
	}
	if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = makeNode(JoinExpr);

		*join = *(JoinExpr *) node;
		join->jointype = restored_jointype(level, (JoinExpr *) node);
		if (is_nothing(level, join->larg) || is_nothing(level, join->rarg))
			return pgwire_refuse_query(level->restore, NULL, "a join with a row of no relation");
		join->larg = restore_side(level, join->larg, join->jointype == JOIN_RIGHT ||
								  join->jointype == JOIN_FULL);
		join->rarg = restore_side(level, join->rarg, join->jointype == JOIN_LEFT ||
								  join->jointype == JOIN_FULL);
		join->quals = restore_quals(level, join->quals);
		return (Node *) join;
	}
	return pgwire_refuse_query(level->restore, NULL, "a join of this kind");
}

/* ---- a query ---- */

/* What FROM or a set operation names. */
RangeTblEntry *
pgwire_restore_item(pgwire_level *level, int rti)
{
	RangeTblEntry *rte = rt_fetch(rti, level->root->parse->rtable);
	PlannerInfo *subroot = pgwire_subroot(level->root, rti);
	RangeTblEntry *item = makeNode(RangeTblEntry);

	*item = *rte;
	pgwire_check_item(level->restore, level->root->parse, rte, level->depth);
	if (level->restore->reason != NULL)
		return item;
	switch (rte->rtekind)
	{
		case RTE_SUBQUERY:
			item->inh = false;
			if (rte->inh)
				item->subquery = pgwire_restore_appendrel(level, rti);
			else if (level->root->parse->setOperations != NULL)
			{
				/* an arm, which is planned in place: what the entry has is half of it */
				if (subroot == NULL)
					pgwire_refuse_query(level->restore, NULL, "a set operation of this kind");
				else
					item->subquery = pgwire_restore_query(level->restore, subroot, level);
			}
			else
				item->subquery = pgwire_restore_raw(level, rte->subquery);
			break;
		case RTE_FUNCTION:
			item->functions = (List *) pgwire_restore_expr((Node *) rte->functions, level);
			break;
		case RTE_VALUES:
			item->values_lists = (List *) pgwire_restore_expr((Node *) rte->values_lists, level);
			break;
		default:
			break;
	}
	return item;
}

static List *
restore_items(pgwire_level *level, Bitmapset *items)
{
	List	   *rtable = NIL;
	int			n = list_length(level->root->parse->rtable);

	for (int rti = 1; rti <= n; rti++)
		rtable = lappend(rtable, bms_is_member(rti, items) ?
						 pgwire_restore_item(level, rti) :
						 rt_fetch(rti, level->root->parse->rtable));
	return rtable;
}

/* Those CTEs that the planner has not put where they are used. */
static List *
restore_ctes(pgwire_level *level)
{
	List	   *ctes = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	forboth(lc, level->root->parse->cteList, lc2, level->root->cte_plan_ids)
	{
		CommonTableExpr *cte;

		if (lfirst_int(lc2) < 0)
			continue;
		cte = makeNode(CommonTableExpr);
		*cte = *lfirst_node(CommonTableExpr, lc);
		cte->ctequery = (Node *) pgwire_restore_raw(level, castNode(Query, cte->ctequery));
		ctes = lappend(ctes, cte);
		if (level->outer == NULL)
			level->restore->result->takes_init_plans = true;
	}
	return ctes;
}

/* The planner has written out ROLLUP and the like: a list of sets of references. */
static List *
restore_grouping_sets(List *sets)
{
	GroupingSet *all = makeGroupingSet(GROUPING_SET_SETS, NIL, -1);
	ListCell   *lc;

	/* an empty one is NIL, which is no node */
	if (sets == NIL || (linitial(sets) != NULL && !IsA(linitial(sets), IntList)))
		return sets;
	foreach(lc, sets)
	{
		List	   *refs = lfirst(lc);

		all->content = lappend(all->content,
							   makeGroupingSet(refs == NIL ? GROUPING_SET_EMPTY :
											   GROUPING_SET_SIMPLE, refs, -1));
	}
	return list_make1(all);
}

static List *
restore_windows(pgwire_level *level, List *windows)
{
	List	   *restored = NIL;
	ListCell   *lc;

	foreach(lc, windows)
	{
		WindowClause *window = makeNode(WindowClause);

		*window = *lfirst_node(WindowClause, lc);
		window->startOffset = pgwire_restore_expr(window->startOffset, level);
		window->endOffset = pgwire_restore_expr(window->endOffset, level);
		restored = lappend(restored, window);
	}
	return restored;
}

/*
 * Outputs that nobody uses are taken out of a sub-query, and with them perhaps all
 * that says that it makes one group of all rows.
 */
static bool
has_hidden_group(const PlannerInfo *root)
{
	const Query *parse = root->parse;

	return (parse->hasAggs || root->hasHavingQual) && parse->groupClause == NIL &&
		parse->groupingSets == NIL && parse->havingQual == NULL &&
		!contain_agg_clause((Node *) parse->targetList);
}

/*
 * The query of a level, as nested as the planner has left it. NULL or useless
 * when there is a reason not to send it.
 */
Query *
pgwire_restore_query(pgwire_restore *restore, PlannerInfo *root, pgwire_level *outer)
{
	Query	   *parse = root->parse;
	Query	   *query = makeNode(Query);
	pgwire_level level = {0};

	check_stack_depth();
	pgwire_check_query(restore, parse);
	if (root->hasRecursion)
		pgwire_refuse_query(restore, NULL, "a part of WITH RECURSIVE");
	if (pgwire_has_run_condition(parse))
		pgwire_refuse_query(restore, NULL, "a condition on a window function from above");
	if (restore->reason != NULL)
		return NULL;
	level.restore = restore;
	level.root = root;
	level.depth = outer ? outer->depth + 1 : 0;
	level.outer = outer;
	level.items = pgwire_query_items(parse);

	*query = *parse;
	query->cteList = restore_ctes(&level);
	query->jointree = (FromExpr *) restore_jointree(&level, (Node *) parse->jointree);
	if (restore->reason != NULL)
		return NULL;
	if (parse->groupingSets != NIL)
		add_side(&level, (Node *) parse->jointree, query->jointree);
	query->rtable = restore_items(&level, level.items);
	query->targetList = (List *)
		pgwire_restore_expr((Node *) (restore->writes && outer == NULL ? restore->targets :
									  parse->targetList), &level);
	query->havingQual = restore_quals(&level, parse->havingQual);
	if (has_hidden_group(root))
		query->havingQual = makeBoolConst(true, false);
	query->groupingSets = restore_grouping_sets(parse->groupingSets);
	query->windowClause = restore_windows(&level, parse->windowClause);
	query->limitOffset = pgwire_restore_expr(parse->limitOffset, &level);
	query->limitCount = pgwire_restore_expr(parse->limitCount, &level);
	query->rtable = list_concat(query->rtable, level.added);
	return query;
}
