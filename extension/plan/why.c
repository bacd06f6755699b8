/*
 * why.c - why something was not pushed down: kept while planning, carried by the
 * plan of the scan below it, worded by EXPLAIN VERBOSE (exec/explain.c).
 *
 * While planning it costs an entry in a list. The plan carries expressions, not
 * text: names are given by EXPLAIN, as in the lines beside. They keep the
 * numbers that relations have here, so the list begins with the lowest one of
 * the scan's, by which EXPLAIN finds how they were renumbered since.
 */
#include "postgres.h"

#include "plan.h"

#include "nodes/nodeFuncs.h"
#include "nodes/value.h"
#include "utils/memutils.h"

static void
add(pgwire_rel *rel, RestrictInfo *rinfo, Node *what, Relids others, const char *reason)
{
	/* what is made while GEQO searches, or to read an answer, may not live as long */
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(rel));
	pgwire_refusal *refusal = palloc(sizeof(*refusal));

	refusal->rinfo = rinfo;
	refusal->what = what;
	refusal->others = bms_copy(others);
	refusal->reason = pstrdup(reason);
	rel->refusals = lappend(rel->refusals, refusal);
	MemoryContextSwitchTo(old);
}

/*
 * `what` was not pushed. An expression is printed as SQL, a String as it is;
 * NULL: the reason says it all. With rinfo it is part of that condition, and
 * told by the scan that checks the condition here; without, by each scan of rel.
 * Nothing is copied.
 */
void
pgwire_refuse(pgwire_rel *rel, RestrictInfo *rinfo, Node *what, const char *reason)
{
	add(rel, rinfo, what, NULL, reason);
}

/* A join of rel and `others` was not pushed. */
void
pgwire_refuse_join(pgwire_rel *rel, Relids others, const char *reason)
{
	add(rel, NULL, NULL, others, reason);
}

/* The lowest number of the base relations in a scan. */
static int
lowest_relid(PlannerInfo *root, RelOptInfo *foreignrel)
{
	Relids		relids = IS_UPPER_REL(foreignrel) ? root->all_baserels : foreignrel->relids;
	int			relid = -1;

	while ((relid = bms_next_member(relids, relid)) >= 0)
	{
		RelOptInfo *rel = relid < root->simple_rel_array_size ?
			root->simple_rel_array[relid] : NULL;

		if (rel != NULL && IS_SIMPLE_REL(rel))
			return relid;
	}
	return 0;
}

/* EXPLAIN cannot print these, and the conditions of plans do without them. */
static Node *
without_planner_nodes(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, PlaceHolderVar))
		return without_planner_nodes((Node *) ((PlaceHolderVar *) node)->phexpr, context);
	if (IsA(node, RestrictInfo))
		return without_planner_nodes((Node *) ((RestrictInfo *) node)->clause, context);
	return expression_tree_mutator(node, without_planner_nodes, context);
}

static List *
relid_list(Relids relids)
{
	List	   *list = NIL;
	int			relid = -1;

	while ((relid = bms_next_member(relids, relid)) >= 0)
		list = lappend_int(list, relid);
	return list;
}

/* What is printed of a refusal; NULL for nothing. */
static Node *
subject(const pgwire_refusal *refusal)
{
	if (refusal->others != NULL)
		return (Node *) relid_list(refusal->others);
	if (refusal->what == NULL || IsA(refusal->what, String))
		return refusal->what;
	return without_planner_nodes(refusal->what, NULL);
}

static List *
pack(List *packed, Node *what, const char *reason)
{
	packed = lappend(packed, what ? what : (Node *) makeInteger(0));
	return lappend(packed, makeString(pstrdup(reason)));
}

/*
 * What a scan's plan carries: the lowest number of its relations, as an Integer,
 * then a pair for each refusal, of what (an expression, a String, an IntList of
 * relations, or an Integer for nothing) and the reason, a String. NIL when
 * nothing was refused. `local` are the conditions that are checked above the
 * scan; refusals of others are left out.
 */
List *
pgwire_pack_refusals(PlannerInfo *root, RelOptInfo *foreignrel, const pgwire_rel *rel, List *local)
{
	const char *not_whole = rel->kind == PGWIRE_REL_QUERY ? NULL : rel->site->not_whole;
	List	   *packed = NIL;
	ListCell   *lc;

	foreach(lc, rel->refusals)
	{
		pgwire_refusal *refusal = lfirst(lc);

		if (refusal->rinfo != NULL && !list_member_ptr(local, refusal->rinfo))
			continue;
		packed = pack(packed, subject(refusal), refusal->reason);
		/* what keeps a condition here keeps the query here */
		if (not_whole != NULL && strcmp(not_whole, refusal->reason) == 0)
			not_whole = NULL;
	}
	if (not_whole != NULL)
		packed = pack(packed, (Node *) makeString(pstrdup("query as a whole")), not_whole);
	if (packed == NIL)
		return NIL;
	return lcons(makeInteger(lowest_relid(root, foreignrel)), packed);
}

/* Add one to what a scan's plan carries. */
List *
pgwire_add_refusal(PlannerInfo *root, RelOptInfo *foreignrel, List *packed, Node *what,
				   const char *reason)
{
	if (what != NULL && !IsA(what, String))
		what = without_planner_nodes(what, NULL);
	if (packed == NIL)
		packed = list_make1(makeInteger(lowest_relid(root, foreignrel)));
	return pack(packed, what, reason);
}
