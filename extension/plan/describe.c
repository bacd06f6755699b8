/*
 * describe.c - a Query in the bytes of ir.h, whole: what it ranges over, how that
 * is joined, and the queries nested in it.
 *
 * It describes what restore.c has made. Like expr.c and select.c it decides
 * nothing; what has no form in the IR is said to be so.
 */
#include "postgres.h"

#include "query.h"

#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

static void put_query(pgwire_ir *ir, Query *query, int depth);
static void put_from(pgwire_ir *ir, Query *query, Node *node, int depth);

/* A list of conditions that must all hold. */
static void
put_conditions(pgwire_ir *ir, Node *quals, int depth)
{
	pgwire_ir_exprs(ir, quals == NULL || IsA(quals, List) ? (List *) quals :
					make_ands_implicit((Expr *) quals), depth);
}

/* ---- items ---- */

/* The name of the remote table, from the options of the local one. */
static void
put_table(pgwire_ir *ir, uint32 item, Oid relid)
{
	const char *schema = NULL;
	const char *name = NULL;
	ListCell   *lc;

	foreach(lc, GetForeignTable(relid)->options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, "schema_name") == 0)
			schema = defGetString(def);
		else if (strcmp(def->defname, "table_name") == 0)
			name = defGetString(def);
	}
	if (schema == NULL)
		schema = get_namespace_name(get_rel_namespace(relid));
	if (name == NULL)
		name = get_rel_name(relid);
	pgwire_ir_table_item(ir, item, schema ? schema : "", name ? name : "");
}

/* Types and collations, as of the columns of a function or of VALUES. */
static void
put_columns(pgwire_ir *ir, List *types, List *typmods, List *collations)
{
	ListCell   *lc;
	ListCell   *lc2;
	ListCell   *lc3;

	pgwire_put_u32(&ir->clauses, list_length(types));
	forthree(lc, types, lc2, typmods, lc3, collations)
	{
		pgwire_put_u32(&ir->clauses, pgwire_ir_type(ir, lfirst_oid(lc), lfirst_int(lc2)));
		pgwire_put_u32(&ir->clauses, pgwire_ir_collation(ir, lfirst_oid(lc3)));
	}
}

static void
put_functions(pgwire_ir *ir, const RangeTblEntry *rte, int depth)
{
	StringInfo	buf = &ir->clauses;
	ListCell   *lc;

	pgwire_put_u8(buf, rte->funcordinality);
	pgwire_put_u32(buf, list_length(rte->functions));
	foreach(lc, rte->functions)
	{
		RangeTblFunction *function = lfirst_node(RangeTblFunction, lc);

		pgwire_ir_expr(ir, function->funcexpr, depth + 1);
		put_columns(ir, function->funccoltypes, function->funccoltypmods,
					function->funccolcollations);
		pgwire_put_u32(buf, function->funccolcount);
	}
}

static void
put_values(pgwire_ir *ir, const RangeTblEntry *rte, int depth)
{
	ListCell   *lc;
	ListCell   *lc2;

	put_columns(ir, rte->coltypes, rte->coltypmods, rte->colcollations);
	pgwire_put_u32(&ir->clauses, list_length(rte->values_lists));
	foreach(lc, rte->values_lists)
		foreach(lc2, (List *) lfirst(lc))
			pgwire_ir_expr(ir, lfirst(lc2), depth + 1);
}

/* The number of the CTE that a range table entry of the innermost query names. */
static uint32
cte_number(const pgwire_ir *ir, const RangeTblEntry *rte)
{
	const pgwire_ir_level *level = ir->level;
	ListCell   *lc;
	uint32		number;

	for (Index up = rte->ctelevelsup; level != NULL && up > 0; up--)
		level = level->outer;
	if (level == NULL)
		return PGWIRE_IR_NONE;
	number = level->first_cte;
	foreach(lc, level->ctes)
	{
		if (strcmp(lfirst_node(CommonTableExpr, lc)->ctename, rte->ctename) == 0)
			return number;
		number++;
	}
	return PGWIRE_IR_NONE;
}

static void
put_alien(pgwire_ir *ir, uint8 why)
{
	pgwire_put_u8(&ir->clauses, PGWIRE_ITEM_UNKNOWN);
	pgwire_put_u8(&ir->clauses, why);
}

static void
put_item(pgwire_ir *ir, Query *query, int rti, int depth)
{
	RangeTblEntry *rte = rt_fetch(rti, query->rtable);
	uint32		item = ir->level->items[rti];
	StringInfo	buf = &ir->clauses;

	if (rte->rtekind == RTE_RELATION)
	{
		put_table(ir, item, rte->relid);
		return;
	}
	pgwire_put_u32(buf, item);
	if (rte->rtekind == RTE_SUBQUERY && depth < PGWIRE_IR_MAX_DEPTH)
	{
		pgwire_put_u8(buf, PGWIRE_ITEM_QUERY);
		pgwire_put_u8(buf, rte->security_barrier ? PGWIRE_ITEM_F_BARRIER : 0);
		put_query(ir, rte->subquery, depth + 1);
	}
	else if (rte->rtekind == RTE_SUBQUERY)
		put_alien(ir, PGWIRE_ALIEN_TOO_DEEP);
	else if (rte->rtekind == RTE_CTE && cte_number(ir, rte) != PGWIRE_IR_NONE)
	{
		pgwire_put_u8(buf, PGWIRE_ITEM_CTE);
		pgwire_put_u32(buf, cte_number(ir, rte));
	}
	else if (rte->rtekind == RTE_FUNCTION)
	{
		pgwire_put_u8(buf, PGWIRE_ITEM_FUNCTION);
		put_functions(ir, rte, depth);
	}
	else if (rte->rtekind == RTE_VALUES)
	{
		pgwire_put_u8(buf, PGWIRE_ITEM_VALUES);
		put_values(ir, rte, depth);
	}
	else
		put_alien(ir, PGWIRE_ALIEN_KIND);
}

/* ---- FROM ---- */

/* An item that yields one row of no columns is left out of a list. */
static bool
is_nothing(Query *query, Node *node)
{
	return IsA(node, RangeTblRef) &&
		rt_fetch(((RangeTblRef *) node)->rtindex, query->rtable)->rtekind == RTE_RESULT;
}

static uint8
join_kind(JoinType type)
{
	switch (type)
	{
		case JOIN_LEFT:
			return PGWIRE_JOIN_LEFT;
		case JOIN_FULL:
			return PGWIRE_JOIN_FULL;
		case JOIN_RIGHT:
			return PGWIRE_JOIN_RIGHT;
		case JOIN_SEMI:
			return PGWIRE_JOIN_SEMI;
		case JOIN_ANTI:
			return PGWIRE_JOIN_ANTI;
		default:
			return PGWIRE_JOIN_INNER;
	}
}

static uint32
count_items(Query *query, List *list)
{
	uint32		count = 0;
	ListCell   *lc;

	foreach(lc, list)
		count += !is_nothing(query, lfirst(lc));
	return count;
}

/* A FromExpr without its conditions. */
static void
put_list(pgwire_ir *ir, Query *query, List *list, int depth)
{
	StringInfo	buf = &ir->clauses;
	ListCell   *lc;

	pgwire_put_u8(buf, PGWIRE_FROM_LIST);
	pgwire_put_u32(buf, count_items(query, list));
	foreach(lc, list)
		if (!is_nothing(query, lfirst(lc)))
			put_from(ir, query, lfirst(lc), depth + 1);
}

static void
put_from(pgwire_ir *ir, Query *query, Node *node, int depth)
{
	StringInfo	buf = &ir->clauses;

	check_stack_depth();
	if (IsA(node, RangeTblRef))
	{
		pgwire_put_u8(buf, PGWIRE_FROM_ITEM);
		pgwire_put_u32(buf, ir->level->items[((RangeTblRef *) node)->rtindex]);
	}
	else if (IsA(node, FromExpr))
	{
		put_list(ir, query, ((FromExpr *) node)->fromlist, depth);
		put_conditions(ir, ((FromExpr *) node)->quals, depth);
	}
	else
	{
		JoinExpr   *join = castNode(JoinExpr, node);

		pgwire_put_u8(buf, PGWIRE_FROM_JOIN);
		pgwire_put_u8(buf, join_kind(join->jointype));
		put_from(ir, query, join->larg, depth + 1);
		put_from(ir, query, join->rarg, depth + 1);
		put_conditions(ir, join->quals, depth);
	}
}

/* ---- set operations ---- */

static uint8
setop_kind(SetOperation op)
{
	switch (op)
	{
		case SETOP_INTERSECT:
			return PGWIRE_SETOP_INTERSECT;
		case SETOP_EXCEPT:
			return PGWIRE_SETOP_EXCEPT;
		default:
			return PGWIRE_SETOP_UNION;
	}
}

static void
put_setop(pgwire_ir *ir, Node *node)
{
	StringInfo	buf = &ir->clauses;
	SetOperationStmt *op = (SetOperationStmt *) node;
	uint32		column = 1;
	ListCell   *lc;
	ListCell   *lc2;

	check_stack_depth();
	if (IsA(node, RangeTblRef))
	{
		pgwire_put_u8(buf, PGWIRE_SETOP_ITEM);
		pgwire_put_u32(buf, ir->level->items[((RangeTblRef *) node)->rtindex]);
		return;
	}
	pgwire_put_u8(buf, setop_kind(op->op));
	pgwire_put_u8(buf, op->all);
	pgwire_put_u32(buf, list_length(op->groupClauses));
	forboth(lc, op->groupClauses, lc2, op->colTypes)
	{
		SortGroupClause *key = copyObject(lfirst_node(SortGroupClause, lc));

		key->tleSortGroupRef = column++;
		pgwire_ir_key(ir, key, lfirst_oid(lc2));
	}
	put_setop(ir, op->larg);
	put_setop(ir, op->rarg);
}

/* ---- queries ---- */

static void
put_ctes(pgwire_ir *ir, Query *query, int depth)
{
	StringInfo	buf = &ir->clauses;
	uint32		number = ir->next_cte;
	ListCell   *lc;

	ir->level->ctes = query->cteList;
	ir->level->first_cte = number;
	ir->next_cte += list_length(query->cteList);
	pgwire_put_u32(buf, list_length(query->cteList));
	foreach(lc, query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		pgwire_put_u32(buf, number++);
		pgwire_put_u8(buf, (cte->cterecursive ? PGWIRE_CTE_RECURSIVE : 0) |
					  (cte->search_clause || cte->cycle_clause ? PGWIRE_CTE_SEARCH : 0));
		pgwire_put_u8(buf, cte->ctematerialized);
		put_query(ir, castNode(Query, cte->ctequery), depth + 1);
	}
}

/* write: of the outermost query, if it is no SELECT; else NULL. */
static void
put_body(pgwire_ir *ir, Query *query, int depth, const pgwire_write *write)
{
	StringInfo	buf = &ir->clauses;
	Bitmapset  *items = pgwire_query_items(query);
	uint32		count = 0;
	int			rti = -1;

	put_ctes(ir, query, depth);
	if (write != NULL)
		items = bms_add_member(items, write->relid);
	while ((rti = bms_next_member(items, rti)) >= 0)
	{
		if (rt_fetch(rti, query->rtable)->rtekind == RTE_RESULT)
			continue;
		pgwire_ir_new_item(ir, rti);
		count++;
	}
	pgwire_put_u32(buf, count);
	rti = -1;
	while ((rti = bms_next_member(items, rti)) >= 0)
		if (rt_fetch(rti, query->rtable)->rtekind != RTE_RESULT)
			put_item(ir, query, rti, depth);

	count = count_items(query, query->jointree->fromlist);
	pgwire_put_u8(buf, count > 0);
	if (count > 0)
	{
		put_list(ir, query, query->jointree->fromlist, depth);
		put_conditions(ir, NULL, depth);
	}
	put_conditions(ir, query->jointree->quals, depth);
	pgwire_ir_tail(ir, query, depth);
	pgwire_put_u8(buf, query->setOperations != NULL);
	if (query->setOperations != NULL)
		put_setop(ir, query->setOperations);
	pgwire_put_u32(buf, 0);		/* nothing is locked */
	pgwire_ir_write(ir, write, depth);
}

/*
 * A nested query: a level of its own, in which the items around keep their
 * numbers.
 */
static void
put_query(pgwire_ir *ir, Query *query, int depth)
{
	check_stack_depth();
	ir->foreign_vars++;			/* not a value of this side, whatever it is */
	pgwire_ir_push_level(ir, query->rtable);
	put_body(ir, query, depth, NULL);
	pgwire_ir_pop_level(ir);
}

static uint8
sublink_kind(SubLinkType type)
{
	switch (type)
	{
		case EXISTS_SUBLINK:
			return PGWIRE_SUBLINK_EXISTS;
		case ALL_SUBLINK:
			return PGWIRE_SUBLINK_ALL;
		case ANY_SUBLINK:
			return PGWIRE_SUBLINK_ANY;
		case ROWCOMPARE_SUBLINK:
			return PGWIRE_SUBLINK_ROW_COMPARE;
		case ARRAY_SUBLINK:
			return PGWIRE_SUBLINK_ARRAY;
		default:
			return PGWIRE_SUBLINK_EXPR;
	}
}

/*
 * The tests of a sub-select: a comparison for each column. NIL where they are of
 * another form.
 */
static List *
sublink_tests(Node *test, bool *any)
{
	*any = false;
	if (test == NULL)
		return NIL;
	if (IsA(test, OpExpr))
		return list_make1(test);
	if (IsA(test, BoolExpr) && ((BoolExpr *) test)->boolop != NOT_EXPR)
	{
		*any = ((BoolExpr *) test)->boolop == OR_EXPR;
		return ((BoolExpr *) test)->args;
	}
	return NIL;
}

/* in the table of writers of expr.c */
void
pgwire_ir_sub_link(pgwire_ir *ir, Node *node, int depth)
{
	SubLink    *link = (SubLink *) node;
	bool		any;
	List	   *tests = sublink_tests(link->testexpr, &any);

	if ((link->testexpr != NULL && tests == NIL) || link->subLinkType == MULTIEXPR_SUBLINK ||
		!IsA(link->subselect, Query))
	{
		pgwire_ir_unknown(ir, node, depth);
		return;
	}
	pgwire_ir_head(ir, PGWIRE_IR_SUB_LINK, node);
	pgwire_put_u8(&ir->clauses, sublink_kind(link->subLinkType));
	pgwire_put_u8(&ir->clauses, any);
	pgwire_ir_exprs(ir, tests, depth);
	put_query(ir, (Query *) link->subselect, depth + 1);
}

/* Describe a query that writes to a table of its range table, as the body of a request. */
void
pgwire_describe_write(pgwire_ir *ir, Query *query, const pgwire_server *server,
					  const pgwire_write *write, bool statement)
{
	pgwire_ir_begin(ir, NULL, NULL, server, statement);
	ir->foreign_vars++;
	pgwire_ir_push_level(ir, query->rtable);
	put_body(ir, query, 0, write);
	pgwire_ir_pop_level(ir);
}

/* Describe a query, as the body of a request. */
void
pgwire_describe(pgwire_ir *ir, Query *query, const pgwire_server *server, bool statement)
{
	pgwire_ir_begin(ir, NULL, NULL, server, statement);
	put_query(ir, query, 0);
}
