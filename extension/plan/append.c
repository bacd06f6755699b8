/*
 * append.c - UNION ALL, which the planner has made an append relation of, as a
 * sub-query (restore.c).
 */
#include "postgres.h"

#include "query.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"

typedef struct child_context
{
	Index		child;
} child_context;

/* A column of the parent as an output of the query over the child alone. */
static Node *
of_child(Node *node, void *context)
{
	child_context *child = context;

	if (node == NULL)
		return NULL;
	if (IsA(node, PlaceHolderVar))
		return of_child((Node *) ((PlaceHolderVar *) node)->phexpr, context);
	if (IsA(node, Var))
	{
		Var		   *var = copyObject((Var *) node);

		if (var->varlevelsup == 0 && (Index) var->varno == child->child)
			var->varno = 1;
		else
			var->varlevelsup += 2;
		return (Node *) var;
	}
	return expression_tree_mutator(node, of_child, context);
}

/* SELECT columns FROM child, for one of its children that has been pulled up. */
static Query *
child_query(pgwire_level *level, AppendRelInfo *appinfo, RangeTblEntry *item, List *names)
{
	child_context context = {appinfo->child_relid};
	pgwire_level inner = *level;
	Query	   *query = makeNode(Query);
	RangeTblRef *ref = makeNode(RangeTblRef);
	ListCell   *lc;
	ListCell   *lc2;

	inner.depth += 2;
	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->rtable = list_make1(item);
	pgwire_share_perminfos(query, level->root->parse);
	ref->rtindex = 1;
	query->jointree = makeFromExpr(list_make1(ref), NULL);
	forboth(lc, appinfo->translated_vars, lc2, names)
	{
		Node	   *column = of_child(lfirst(lc), &context);

		query->targetList = lappend(query->targetList,
									makeTargetEntry((Expr *) pgwire_restore_expr(column, &inner),
													list_length(query->targetList) + 1,
													strVal(lfirst(lc2)), false));
	}
	return query;
}

/* One operand of the UNION ALL, two levels below. */
static Query *
restore_child(pgwire_level *level, AppendRelInfo *appinfo, List *names)
{
	RangeTblEntry *child = rt_fetch(appinfo->child_relid, level->root->parse->rtable);
	RangeTblEntry *item = pgwire_restore_item(level, appinfo->child_relid);

	if (level->restore->reason != NULL)
		return NULL;
	if (child->rtekind == RTE_SUBQUERY && !child->inh)
	{
		/* restored as a sub-query of this level, and there is one between */
		IncrementVarSublevelsUp((Node *) item->subquery, 1, 1);
		return item->subquery;
	}
	if (child->rtekind != RTE_RELATION && child->rtekind != RTE_RESULT)
	{
		pgwire_refuse_query(level->restore, NULL, "UNION ALL of operands of this kind");
		return NULL;
	}
	return child_query(level, appinfo, item, names);
}

static SetOperationStmt *
union_all(Node *left, Node *right, const Query *operand)
{
	SetOperationStmt *op = makeNode(SetOperationStmt);
	ListCell   *lc;

	op->op = SETOP_UNION;
	op->all = true;
	op->larg = left;
	op->rarg = right;
	foreach(lc, operand->targetList)
	{
		Node	   *expr = (Node *) lfirst_node(TargetEntry, lc)->expr;

		op->colTypes = lappend_oid(op->colTypes, exprType(expr));
		op->colTypmods = lappend_int(op->colTypmods, exprTypmod(expr));
		op->colCollations = lappend_oid(op->colCollations, exprCollation(expr));
	}
	return op;
}

/* The parent of an append relation is a sub-query again: operand UNION ALL ... */
Query *
pgwire_restore_appendrel(pgwire_level *level, int rti)
{
	RangeTblEntry *parent = rt_fetch(rti, level->root->parse->rtable);
	Query	   *query = makeNode(Query);
	Node	   *tree = NULL;
	ListCell   *lc;

	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->jointree = makeFromExpr(NIL, NULL);
	foreach(lc, level->root->append_rel_list)
	{
		AppendRelInfo *appinfo = lfirst_node(AppendRelInfo, lc);
		RangeTblEntry *operand = makeNode(RangeTblEntry);
		RangeTblRef *ref = makeNode(RangeTblRef);

		if (appinfo->parent_relid != (Index) rti)
			continue;
		operand->rtekind = RTE_SUBQUERY;
		operand->eref = parent->eref;
		operand->subquery = restore_child(level, appinfo, parent->eref->colnames);
		if (operand->subquery == NULL || level->restore->reason != NULL)
			return NULL;
		query->rtable = lappend(query->rtable, operand);
		ref->rtindex = list_length(query->rtable);
		if (tree == NULL)
			tree = (Node *) ref;
		else
			tree = (Node *) union_all(tree, (Node *) ref, operand->subquery);
	}
	if (list_length(query->rtable) < 2)
	{
		pgwire_refuse_query(level->restore, NULL, "UNION ALL of one operand");
		return NULL;
	}
	query->setOperations = tree;
	pgwire_union_targets(query);
	return query;
}
