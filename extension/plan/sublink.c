/*
 * sublink.c - sub-selects, which the planner has made SubPlans and Params of, as
 * they were (restore.c).
 */
#include "postgres.h"

#include "query.h"

#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteManip.h"

static Query *
restore_subplan_query(pgwire_level *level, int plan_id)
{
	PlannerInfo *subroot = list_nth(level->root->glob->subroots, plan_id - 1);

	return pgwire_restore_query(level->restore, subroot, level);
}

typedef struct output_context
{
	pgwire_level *level;
	List	   *paramids;
} output_context;

/* In a test, the Params of the sub-select's columns become those of the parser. */
static Node *
restore_outputs(Node *node, void *context)
{
	output_context *outputs = context;
	ListCell   *lc;
	int			column = 1;

	if (node == NULL)
		return NULL;
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXEC)
	{
		foreach(lc, outputs->paramids)
		{
			if (lfirst_int(lc) == ((Param *) node)->paramid)
			{
				Param	   *output = copyObject((Param *) node);

				output->paramkind = PARAM_SUBLINK;
				output->paramid = column;
				return (Node *) output;
			}
			column++;
		}
	}
	return expression_tree_mutator(node, restore_outputs, context);
}

Node *
pgwire_restore_subplan(pgwire_level *level, SubPlan *subplan)
{
	pgwire_restore *restore = level->restore;
	int			nbindings = list_length(restore->bindings);
	output_context outputs = {level, subplan->paramIds};
	SubLink    *link = makeNode(SubLink);
	ListCell   *lc;
	ListCell   *lc2;

	if (subplan->subLinkType == MULTIEXPR_SUBLINK || subplan->subLinkType == CTE_SUBLINK)
		return pgwire_refuse_query(restore, NULL, "a sub-select of this kind");
	link->subLinkType = subplan->subLinkType;
	link->testexpr = pgwire_restore_expr(restore_outputs(subplan->testexpr, &outputs), level);
	link->location = -1;
	forboth(lc, subplan->parParam, lc2, subplan->args)
	{
		pgwire_binding *binding = palloc(sizeof(*binding));

		binding->paramid = lfirst_int(lc);
		binding->expr = pgwire_restore_expr(lfirst(lc2), level);
		binding->depth = level->depth;
		restore->bindings = lappend(restore->bindings, binding);
	}
	link->subselect = (Node *) restore_subplan_query(level, subplan->plan_id);
	restore->bindings = list_truncate(restore->bindings, nbindings);
	return (Node *) link;
}

/* The init plan of this or an outer level that computes a Param. */
static SubPlan *
find_init_plan(pgwire_level *level, int paramid, pgwire_level **owner)
{
	ListCell   *lc;

	for (; level != NULL; level = level->outer)
	{
		*owner = level;
		foreach(lc, pgwire_init_plans(level->root))
			if (list_member_int(lfirst_node(SubPlan, lc)->setParam, paramid))
				return lfirst_node(SubPlan, lc);
	}
	return NULL;
}

/*
 * A sub-select that depends on nothing of the query. One of the level
 * that is sent which cannot be sent itself may be computed here, and its value sent; the others have
 * no place here.
 */
static Node *
restore_init_plan(pgwire_level *level, Param *param, SubPlan *subplan, pgwire_level *owner)
{
	pgwire_restore *restore = level->restore;
	pgwire_whole saved = *restore->result;
	/* an arm of a set operation has no level around it, and yet plans of its own */
	bool		ours = owner->root == restore->root;
	SubLink    *link;

	if (restore->keep_init_plans && ours)
		return (Node *) copyObject(param);
	if (list_length(subplan->setParam) == 1 &&
		(subplan->subLinkType == EXPR_SUBLINK ||
		 subplan->subLinkType == ARRAY_SUBLINK ||
		 subplan->subLinkType == EXISTS_SUBLINK))
	{
		link = makeNode(SubLink);
		link->subLinkType = subplan->subLinkType;
		link->subselect = (Node *) restore_subplan_query(level, subplan->plan_id);
		link->location = -1;
		if (restore->reason == NULL)
		{
			restore->result->takes_init_plans = true;
			return (Node *) link;
		}
	}
	else if (!ours)
		pgwire_refuse_query(restore, NULL, "a sub-select of this kind");
	if (!ours)
		return NULL;
	*restore->result = saved;
	restore->reason = NULL;
	restore->culprit = NULL;
	return (Node *) copyObject(param);
}

Node *
pgwire_restore_param(pgwire_level *level, Param *param)
{
	pgwire_restore *restore = level->restore;
	pgwire_level *owner = NULL;
	SubPlan    *subplan;
	ListCell   *lc;

	if (param->paramkind != PARAM_EXEC)
		return (Node *) copyObject(param);
	foreach(lc, restore->bindings)
	{
		pgwire_binding *binding = lfirst(lc);

		if (binding->paramid == param->paramid)
		{
			Node	   *expr = copyObject(binding->expr);

			IncrementVarSublevelsUp(expr, level->depth - binding->depth, 0);
			return expr;
		}
	}
	subplan = find_init_plan(level, param->paramid, &owner);
	if (subplan != NULL)
		return restore_init_plan(level, param, subplan, owner);
	return (Node *) copyObject(param);
}
