/*
 * targets.c - the target list of a query over foreign rows: what is computed
 * there, and of what is not, the parts that are.
 *
 * A value that needs no row, such as a constant, is never fetched: it is computed
 * where the scan projects its rows. It also must not be in the scan's target
 * list, because what is sent as a parameter would be taken for a reference to it.
 */
#include "postgres.h"

#include "upper.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"

/* ---- what Go says ---- */

/* Does it depend on rows: on a column, an aggregate, a window function? */
bool
pgwire_needs_rows(Node *expr)
{
	return pull_var_clause(expr, PVC_INCLUDE_AGGREGATES | PVC_INCLUDE_WINDOWFUNCS |
						   PVC_INCLUDE_PLACEHOLDERS) != NIL;
}

/* Can it be computed here, once, before the statement is sent? */
bool
pgwire_is_value(Node *expr)
{
	return !pgwire_needs_rows(expr) && !contain_volatile_functions(expr) &&
		!contain_subplans(expr);
}

pgwire_question *
pgwire_add_question(List **questions, uint8 context, Node *expr, SortGroupClause *key)
{
	pgwire_question *question = palloc(sizeof(*question));

	question->context = context;
	question->expr = expr;
	question->key = key;
	question->ships = true;
	*questions = lappend(*questions, question);
	return question;
}

static void
put_question(pgwire_ir *ir, const pgwire_question *question)
{
	pgwire_put_u8(&ir->clauses, question->context);
	if (question->key != NULL)
		pgwire_ir_key(ir, question->key, exprType(question->expr));
	pgwire_ir_expr(ir, question->expr, PGWIRE_IR_CLAUSE_DEPTH);
	ir->nclauses++;
}

/*
 * Ask all questions about expressions over the rows of input, a base or join
 * relation. Returns whether the answer to all is yes; of what is refused, input
 * remembers why.
 */
bool
pgwire_ask_questions(PlannerInfo *root, RelOptInfo *input, List *questions)
{
	pgwire_rel *rel = input->fdw_private;
	bool		all = true;
	StringInfoData request;
	pgwire_ir	ir;
	pgwire_reply reply;
	Node	   *blamed;
	const char *reason;
	uint32		n;
	ListCell   *lc;

	if (questions == NIL)
		return true;
	pgwire_begin_request(&request, PGWIRE_REQ_CLASSIFY);
	pgwire_ir_begin(&ir, root, input->relids, &rel->site->server, false);
	foreach(lc, questions)
		put_question(&ir, lfirst(lc));
	pgwire_ir_finish_clauses(&ir, &request);
	reply = pgwire_ask(&request);
	n = pgwire_get_u32(&reply);
	foreach(lc, questions)
	{
		pgwire_question *question = lfirst(lc);

		if (n-- == 0)
			pgwire_raise_local(ERRCODE_FDW_ERROR, "planner reply has too few verdicts", NULL, NULL);
		question->ships = pgwire_get_verdict(&reply, &ir, &blamed, &reason);
		if (question->ships)
			continue;
		pgwire_refuse(rel, NULL, blamed, reason);
		all = false;
	}
	pfree(request.data);
	return all;
}

/*
 * May the query as a whole be sent? Its expressions have been asked about; what is
 * left is how its clauses go together. input remembers what was refused.
 */
bool
pgwire_query_ships(PlannerInfo *root, RelOptInfo *input, List *where, const Query *query)
{
	pgwire_rel *rel = input->fdw_private;
	StringInfoData request;
	pgwire_ir	ir;
	pgwire_reply reply;
	Node	   *blamed;
	uint32		n;

	pgwire_begin_request(&request, PGWIRE_REQ_QUERY);
	pgwire_put_u8(&request, false);
	pgwire_ir_begin(&ir, root, input->relids, &rel->site->server, false);
	pgwire_put_query(&ir, root, input, where, query);
	pgwire_ir_finish_query(&ir, &request);
	reply = pgwire_ask(&request);
	pfree(request.data);
	n = pgwire_get_u32(&reply);
	for (uint32 i = 0; i < n; i++)
	{
		uint32		number = pgwire_get_u32(&reply);

		blamed = number == PGWIRE_IR_NONE ? NULL : pgwire_ir_node(&ir, number);
		pgwire_refuse(rel, NULL, blamed, pgwire_get_string(&reply));
	}
	return n == 0;
}

/*
 * May the remote sort, group or make distinct by all of these SortGroupClauses?
 * Those whose expressions are values of this side are the same for all rows.
 */
bool
pgwire_keys_ship(PlannerInfo *root, RelOptInfo *input, const pgwire_upper *upper, List *keys)
{
	List	   *questions = NIL;
	ListCell   *lc;

	foreach(lc, keys)
	{
		SortGroupClause *key = lfirst_node(SortGroupClause, lc);
		Node	   *expr = get_sortgroupclause_expr(key, upper->targets);

		if (!pgwire_is_value(expr))
			pgwire_add_question(&questions, PGWIRE_CONTEXT_SORT, expr, key);
	}
	return pgwire_ask_questions(root, input, questions);
}

/* ---- the target list ---- */

bool
pgwire_is_grouped(const Query *query)
{
	return query->hasAggs || query->groupClause != NIL || query->groupingSets != NIL ||
		query->havingQual != NULL;
}

static uint8
context_of(const pgwire_upper *upper)
{
	if (upper->query->hasWindowFuncs)
		return PGWIRE_CONTEXT_WINDOW;
	if (pgwire_is_grouped(upper->query))
		return PGWIRE_CONTEXT_GROUPED;
	return PGWIRE_CONTEXT_TARGET;
}

static void
add_target(pgwire_upper *upper, Expr *expr, Index ref, bool junk)
{
	List	  **list = &upper->query->targetList;
	TargetEntry *target = makeTargetEntry(expr, list_length(*list) + 1, NULL, junk);

	target->ressortgroupref = ref;
	*list = lappend(*list, target);
}

static bool
has_target(const pgwire_upper *upper, Index ref)
{
	ListCell   *lc;

	foreach(lc, upper->query->targetList)
		if (lfirst_node(TargetEntry, lc)->ressortgroupref == ref)
			return true;
	return false;
}

/* Add expr, unless it is there. */
static void
add_part(pgwire_upper *upper, Expr *expr)
{
	if (!tlist_member(expr, upper->query->targetList))
		add_target(upper, expr, 0, false);
}

/*
 * The parts of expr that have to come from there: aggregates, window functions,
 * and columns. Behind GROUP BY a column is only known as part of what is grouped
 * by, all of which is fetched then.
 */
static List *
parts_of(Node *expr, bool grouped)
{
	List	   *all = pull_var_clause(expr, PVC_INCLUDE_AGGREGATES | PVC_INCLUDE_WINDOWFUNCS |
									  PVC_INCLUDE_PLACEHOLDERS);
	List	   *parts = NIL;
	ListCell   *lc;

	foreach(lc, all)
		if (!grouped || !IsA(lfirst(lc), Var))
			parts = lappend(parts, lfirst(lc));
	return parts;
}

/* What is grouped by is a target, too, junk or not; it is fetched if asked. */
static void
add_group_keys(pgwire_upper *upper)
{
	ListCell   *lc;

	foreach(lc, upper->query->groupClause)
	{
		SortGroupClause *key = lfirst_node(SortGroupClause, lc);
		Node	   *expr = get_sortgroupclause_expr(key, upper->targets);

		if (pgwire_needs_rows(expr) &&
			!has_target(upper, key->tleSortGroupRef))
			add_target(upper, (Expr *) expr, key->tleSortGroupRef, false);
	}
}

static void
add_referred(pgwire_upper *upper, List *keys)
{
	ListCell   *lc;

	foreach(lc, keys)
	{
		SortGroupClause *key = lfirst_node(SortGroupClause, lc);

		if (!has_target(upper, key->tleSortGroupRef))
			add_target(upper, (Expr *) get_sortgroupclause_expr(key, upper->targets),
					   key->tleSortGroupRef, true);
	}
}

/* Whatever clauses refer to that is not there yet is added as junk. */
static void
add_junk(pgwire_upper *upper)
{
	Query	   *query = upper->query;
	ListCell   *lc;

	add_referred(upper, query->groupClause);
	foreach(lc, query->windowClause)
	{
		WindowClause *window = lfirst_node(WindowClause, lc);

		add_referred(upper, window->partitionClause);
		add_referred(upper, window->orderClause);
	}
	add_referred(upper, query->distinctClause);
	add_referred(upper, query->sortClause);
}

/* A column of a table can always be sent. */
static bool
is_column(const Node *expr)
{
	return IsA(expr, Var) && ((const Var *) expr)->varattno > 0;
}

/*
 * Set the target list that the expressions exprs can be computed from; refs is a
 * parallel IntList of their ressortgrouprefs, and of those in `whole` no part will
 * do: they are grouped or made distinct by. NIL for `whole` when parts will do for
 * all; of partial aggregates they never do. Conditions that are checked here (upper->quals) are seen to, too.
 *
 * Returns whether it can be done.
 */
bool
pgwire_set_targets(PlannerInfo *root, RelOptInfo *input, pgwire_upper *upper,
				   List *exprs, List *refs, List *whole)
{
	uint8		context = context_of(upper);
	bool		grouped = pgwire_is_grouped(upper->query);
	List	   *questions = NIL;
	List	   *asked = NIL;
	List	   *parts = NIL;
	List	   *split = NIL;
	ListCell   *lc;
	ListCell   *ref;
	ListCell   *q;

	upper->query->targetList = NIL;
	foreach(lc, exprs)
	{
		Node	   *expr = lfirst(lc);
		pgwire_question *question;

		if (list_member(upper->unread, expr) || !pgwire_needs_rows(expr))
			continue;
		question = pgwire_add_question(&questions, context, expr, NULL);
		if (!is_column(expr))
			asked = lappend(asked, question);
	}
	pgwire_ask_questions(root, input, asked);
	q = list_head(questions);
	forboth(lc, exprs, ref, refs)
	{
		Node	   *expr = lfirst(lc);
		pgwire_question *question = q ? lfirst(q) : NULL;

		if (question == NULL || question->expr != expr)
			continue;			/* nothing to fetch */
		q = lnext(questions, q);
		if (question->ships)
			add_target(upper, (Expr *) expr, lfirst_int(ref), false);
		else if (upper->partial ||
				 (lfirst_int(ref) != 0 && list_member_int(whole, lfirst_int(ref))))
			return false;
		else
			split = lappend(split, expr);
	}
	foreach(lc, upper->quals)
		split = lappend(split, lfirst(lc));
	if (split != NIL)
	{
		asked = NIL;
		if (grouped)
			add_group_keys(upper);
		foreach(lc, split)
			parts = list_union(parts, parts_of(lfirst(lc), grouped));
		foreach(lc, parts)
			if (!tlist_member(lfirst(lc), upper->query->targetList))
				pgwire_add_question(&asked, context, lfirst(lc), NULL);
		if (!pgwire_ask_questions(root, input, asked))
			return false;
		foreach(lc, parts)
			add_part(upper, lfirst(lc));
	}
	add_junk(upper);
	return true;
}
