/*
 * demand.c - how much of a scan the plan above it is going to read.
 *
 * Most plans read their scans to the end, and a result that is certainly read
 * to its end is best streamed: the remote may then work in parallel. But LIMIT,
 * EXISTS, semi-joins and cursors leave a scan early, and what they do not want
 * must not be computed, sent and cancelled. Which of the two it is, the plan
 * tree says: it is walked from the top, and each node hands down what it asks
 * of its children.
 *
 * A wrong guess costs time, never rows: a scan that was thought to be left is
 * read on, and one that is left unexpectedly is cancelled.
 */
#include "postgres.h"

#include "common/int.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "tcop/pquery.h"

#include "demand.h"

/* Everything; some; not known. */
static const pgwire_demand whole = {false, 0};
static const pgwire_demand part = {true, 0};

typedef struct search
{
	PlannedStmt *stmt;
	Plan	   *scan;			/* the one that is looked for */
	Bitmapset  *ctes[2];		/* plan ids visited, with may_stop or not */
	bool		found;
	pgwire_demand demand;
} search;

static void visit(search *s, Plan *plan, pgwire_demand d);

static bool
reads_all(pgwire_demand d)
{
	return !d.may_stop && d.bound == 0;
}

/* What is asked of a child whose rows do not correspond to ours one by one. */
static pgwire_demand
loosened(pgwire_demand d)
{
	return reads_all(d) ? whole : part;
}

/* ... and of one whose rows do, unless a condition drops some. */
static pgwire_demand
filtered(pgwire_demand d, const Plan *plan)
{
	return plan->qual == NIL ? d : loosened(d);
}

/* ... and of one of several whose rows are put together. */
static pgwire_demand
shared(pgwire_demand d)
{
	if (!reads_all(d))
		d.may_stop = true;
	return d;
}

/* A constant number of rows; false: not one, or one that is refused. */
static bool
constant_rows(Node *node, int64 *rows)
{
	if (node == NULL || (IsA(node, Const) && ((Const *) node)->constisnull))
	{
		*rows = 0;
		return true;
	}
	if (!IsA(node, Const))
		return false;
	*rows = DatumGetInt64(((Const *) node)->constvalue);
	return *rows >= 0;
}

static pgwire_demand
of_limit(const Limit *limit, pgwire_demand d)
{
	bool		counts = limit->limitCount != NULL &&
		!(IsA(limit->limitCount, Const) && ((Const *) limit->limitCount)->constisnull);
	int64		count;
	int64		offset;

	if (!counts && reads_all(d))
		return whole;
	if (!constant_rows(limit->limitOffset, &offset) ||
		!constant_rows(limit->limitCount, &count) ||
		limit->limitOption != LIMIT_OPTION_COUNT)
		return part;
	if (counts && (d.bound == 0 || count < d.bound))
		d.bound = count;
	if (d.bound == 0 || pg_add_s64_overflow(d.bound, offset, &d.bound))
		return part;
	return d;
}

/* How a sub-select reads its plan (nodeSubplan.c). */
static pgwire_demand
of_subplan(const SubPlan *subplan)
{
	static const pgwire_demand one = {false, 1};

	switch (subplan->subLinkType)
	{
		case EXISTS_SUBLINK:
			return one;
		case ANY_SUBLINK:
		case ALL_SUBLINK:
			return subplan->useHashTable ? whole : part;
		default:
			return whole;
	}
}

static void
visit_subplan(search *s, const SubPlan *subplan)
{
	/* a CTE is read by its CteScans */
	if (subplan->subLinkType != CTE_SUBLINK)
		visit(s, list_nth(s->stmt->subplans, subplan->plan_id - 1), of_subplan(subplan));
}

static bool
visit_subplans(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubPlan))
		visit_subplan((search *) context, (SubPlan *) node);
	return expression_tree_walker(node, visit_subplans, context);
}

/* The sub-selects in a node's own expressions, where they usually are. */
static void
visit_expressions(search *s, Plan *plan)
{
	ListCell   *lc;

	foreach(lc, plan->initPlan)
		visit_subplan(s, lfirst_node(SubPlan, lc));
	(void) visit_subplans((Node *) plan->targetlist, s);
	(void) visit_subplans((Node *) plan->qual, s);
	switch (nodeTag(plan))
	{
		case T_HashJoin:
			(void) visit_subplans((Node *) ((HashJoin *) plan)->hashclauses, s);
			/* FALLTHROUGH */
		case T_NestLoop:
		case T_MergeJoin:
			(void) visit_subplans((Node *) ((Join *) plan)->joinqual, s);
			break;
		case T_Result:
			(void) visit_subplans(((Result *) plan)->resconstantqual, s);
			break;
		case T_Limit:
			(void) visit_subplans(((Limit *) plan)->limitCount, s);
			(void) visit_subplans(((Limit *) plan)->limitOffset, s);
			break;
		case T_ForeignScan:
			(void) visit_subplans((Node *) ((ForeignScan *) plan)->fdw_exprs, s);
			break;
		default:
			break;
	}
}

/* Each CTE twice at most, however many read it. */
static void
visit_cte(search *s, int plan_id, pgwire_demand d)
{
	Bitmapset **visited = &s->ctes[reads_all(d)];

	if (bms_is_member(plan_id, *visited))
		return;
	*visited = bms_add_member(*visited, plan_id);
	/* others may read it further */
	visit(s, list_nth(s->stmt->subplans, plan_id - 1), loosened(d));
}

static void
visit_all(search *s, List *plans, pgwire_demand d)
{
	ListCell   *lc;

	foreach(lc, plans)
		visit(s, (Plan *) lfirst(lc), d);
}

static void
visit_nestloop(search *s, const NestLoop *join, pgwire_demand d)
{
	const Plan *plan = &join->join.plan;
	bool		first_only = join->join.inner_unique ||
		join->join.jointype == JOIN_SEMI || join->join.jointype == JOIN_ANTI;
	pgwire_demand inner = loosened(d);

	if (first_only)
	{
		inner = part;
		if (join->join.joinqual == NIL && plan->qual == NIL)
		{
			inner.may_stop = false;
			inner.bound = 1;
		}
	}
	visit(s, outerPlan(plan), loosened(d));
	visit(s, innerPlan(plan), inner);
}

/* The scan is found: combine with what others ask of it (of a CTE around it). */
static void
found(search *s, pgwire_demand d)
{
	d = filtered(d, s->scan);
	if (s->found)
		d = reads_all(d) || reads_all(s->demand) ? whole : part;
	s->found = true;
	s->demand = d;
}

static void
visit(search *s, Plan *plan, pgwire_demand d)
{
	if (plan == NULL)
		return;
	if (plan == s->scan)
	{
		found(s, d);
		return;
	}
	if (s->stmt->subplans != NIL)
		visit_expressions(s, plan);
	switch (nodeTag(plan))
	{
			/* one row for one row */
		case T_Result:
		case T_LockRows:
		case T_Material:
			visit(s, outerPlan(plan), filtered(d, plan));
			break;
		case T_Memoize:
			visit(s, outerPlan(plan), ((Memoize *) plan)->singlerow ? part : loosened(d));
			break;
		case T_SubqueryScan:
			visit(s, ((SubqueryScan *) plan)->subplan, filtered(d, plan));
			break;
		case T_CteScan:
			visit_cte(s, ((CteScan *) plan)->ctePlanId, d);
			break;
		case T_Limit:
			visit(s, outerPlan(plan), of_limit((Limit *) plan, d));
			break;
		case T_Append:
			visit_all(s, ((Append *) plan)->appendplans, shared(d));
			break;
		case T_MergeAppend:
			visit_all(s, ((MergeAppend *) plan)->mergeplans, shared(d));
			break;

			/* the first row comes after the last has been read */
		case T_Sort:
		case T_Hash:
		case T_ModifyTable:
			visit(s, outerPlan(plan), whole);
			break;
		case T_Agg:
			visit(s, outerPlan(plan),
				  ((Agg *) plan)->aggstrategy == AGG_SORTED ? loosened(d) : whole);
			break;

			/* a side is left when the other has come to its end */
		case T_MergeJoin:
			visit(s, outerPlan(plan), part);
			visit(s, innerPlan(plan), part);
			break;
		case T_NestLoop:
			visit_nestloop(s, (NestLoop *) plan, d);
			break;

		default:
			visit(s, outerPlan(plan), loosened(d));
			visit(s, innerPlan(plan), loosened(d));
			break;
	}
}

/*
 * What is asked of the statement as a whole: everything, unless it is a
 * cursor's, be that one of SQL, of a language's loop, or a portal that the client
 * has named. Functions that stop at the first row (SELECT INTO) do not say so.
 */
static pgwire_demand
of_statement(const EState *estate)
{
	Portal		portal = ActivePortal;

	if (portal == NULL || portal->queryDesc == NULL || portal->queryDesc->estate != estate)
		return whole;
	/* holdStore: a cursor WITH HOLD is being read to its end at COMMIT */
	return portal->visible && portal->name[0] != '\0' && portal->holdStore == NULL ?
		part : whole;
}

pgwire_demand
pgwire_demand_on(ForeignScanState *node)
{
	search		s = {0};

	s.stmt = node->ss.ps.state->es_plannedstmt;
	s.scan = node->ss.ps.plan;
	if (s.stmt != NULL)
		visit(&s, s.stmt->planTree, of_statement(node->ss.ps.state));
	bms_free(s.ctes[0]);
	bms_free(s.ctes[1]);
	return s.found ? s.demand : whole;
}
