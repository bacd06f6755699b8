/*
 * order.c - the orders in which a remote can send the rows of a relation: what
 * the query asks for, and what merge joins could use.
 */
#include "postgres.h"

#include "cost.h"

#include "access/stratnum.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/tlist.h"
#include "utils/lsyscache.h"

/* What Go has said of an expression as something to sort by. */
typedef struct sort_verdict
{
	EquivalenceMember *em;
	Oid			sortop;
	bool		ships;
} sort_verdict;

/* The key by which a pathkey sorts this member of its class. */
static bool
key_of(const PathKey *pathkey, const EquivalenceMember *em, SortGroupClause *key)
{
	memset(key, 0, sizeof(*key));
	key->type = T_SortGroupClause;
	key->sortop = pgwire_pathkey_operator(pathkey, em->em_datatype);
	key->eqop = get_opfamily_member(pathkey->pk_opfamily, em->em_datatype, em->em_datatype,
									BTEqualStrategyNumber);
	key->nulls_first = pathkey->pk_nulls_first;
	return OidIsValid(key->sortop) && OidIsValid(key->eqop);
}

static bool
ask_sort(pgwire_site *site, EquivalenceMember *em, const SortGroupClause *key)
{
	StringInfoData request;
	pgwire_reply reply;
	pgwire_ir	ir;
	Node	   *blamed;
	const char *reason;
	bool		ships;

	pgwire_begin_request(&request, PGWIRE_REQ_CLASSIFY);
	pgwire_ir_begin(&ir, NULL, em->em_relids, &site->server, false);
	pgwire_put_u8(&ir.clauses, PGWIRE_CONTEXT_SORT);
	pgwire_ir_key(&ir, key, exprType((Node *) em->em_expr));
	pgwire_ir_expr(&ir, (Node *) em->em_expr, PGWIRE_IR_CLAUSE_DEPTH);
	ir.nclauses++;
	pgwire_ir_finish_clauses(&ir, &request);
	reply = pgwire_ask(&request);
	ships = pgwire_get_u32(&reply) == 1 && pgwire_get_verdict(&reply, &ir, &blamed, &reason);
	pfree(request.data);
	return ships;
}

/* May the remote sort by this? Asked once. */
static bool
sort_ships(PlannerInfo *root, pgwire_site *site, EquivalenceMember *em,
		   const SortGroupClause *key)
{
	MemoryContext old;
	sort_verdict *verdict;
	ListCell   *lc;

	foreach(lc, site->sort_verdicts)
	{
		verdict = lfirst(lc);
		if (verdict->em == em && verdict->sortop == key->sortop)
			return verdict->ships;
	}
	/* members of equivalence classes live as long as that */
	old = MemoryContextSwitchTo(root->planner_cxt);
	verdict = palloc(sizeof(*verdict));
	verdict->em = em;
	verdict->sortop = key->sortop;
	verdict->ships = ask_sort(site, em, key);
	site->sort_verdicts = lappend(site->sort_verdicts, verdict);
	MemoryContextSwitchTo(old);
	return verdict->ships;
}

/*
 * The member of a pathkey's class by which the remote can sort the relation's
 * rows, and how; NULL: there is none.
 */
static EquivalenceMember *
member_to_sort(PlannerInfo *root, RelOptInfo *foreignrel, const PathKey *pathkey,
			   SortGroupClause *key)
{
	pgwire_rel *rel = foreignrel->fdw_private;
	EquivalenceMember *em;

	if (pathkey->pk_eclass->ec_has_volatile)
		return NULL;
	pgwire_foreach_member(em, pathkey->pk_eclass, foreignrel->relids)
	{
		if (em->em_is_const || bms_is_empty(em->em_relids) ||
			!bms_is_subset(em->em_relids, foreignrel->relids) ||
			bms_overlap(em->em_relids, rel->hidden) ||
			contain_agg_clause((Node *) em->em_expr) ||
			contain_window_function((Node *) em->em_expr))
			continue;			/* the last two: what is yet to be made of rows */
		if (key_of(pathkey, em, key) && sort_ships(root, rel->site, em, key))
			return em;
	}
	return NULL;
}

/* Can the remote send the relation's rows in this order? */
bool
pgwire_pathkeys_ship(PlannerInfo *root, RelOptInfo *foreignrel, List *pathkeys)
{
	SortGroupClause key;
	ListCell   *lc;

	foreach(lc, pathkeys)
		if (member_to_sort(root, foreignrel, lfirst_node(PathKey, lc), &key) == NULL)
			return false;
	return true;
}

/* The number by which clauses refer to the expression in *targets; added if need be. */
static Index
reference(List **targets, Expr *expr)
{
	TargetEntry *target = NULL;
	Index		last = 0;
	ListCell   *lc;

	foreach(lc, *targets)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		last = Max(last, entry->ressortgroupref);
		if (target == NULL && equal(entry->expr, expr))
			target = entry;
	}
	if (target == NULL)
	{
		target = makeTargetEntry(expr, list_length(*targets) + 1, NULL, true);
		*targets = lappend(*targets, target);
	}
	if (target->ressortgroupref == 0)
		target->ressortgroupref = last + 1;
	return target->ressortgroupref;
}

/* The ORDER BY of pathkeys that ship. */
List *
pgwire_order_by(PlannerInfo *root, RelOptInfo *foreignrel, List *pathkeys, List **targets)
{
	List	   *order = NIL;
	ListCell   *lc;

	foreach(lc, pathkeys)
	{
		SortGroupClause *key = makeNode(SortGroupClause);
		EquivalenceMember *em = member_to_sort(root, foreignrel, lfirst_node(PathKey, lc), key);

		if (em == NULL)
			pgwire_raise_local(ERRCODE_FDW_ERROR, "could not find what to sort the remote rows by",
							   NULL, NULL);
		key->tleSortGroupRef = reference(targets, em->em_expr);
		order = lappend(order, key);
	}
	return order;
}

/* ---- orders that may be useful ---- */

/* Will the whole query level run there anyway, if nothing comes in its way? */
static bool
is_all_there(PlannerInfo *root, RelOptInfo *foreignrel)
{
	for (int i = 1; i < root->simple_rel_array_size; i++)
	{
		RelOptInfo *other = root->simple_rel_array[i];

		if (other != NULL && other->reloptkind == RELOPT_BASEREL &&
			(other->serverid != foreignrel->serverid || other->userid != foreignrel->userid))
			return false;
	}
	return true;
}

/* The classes by which a merge join could join the relation with another. */
static List *
merge_classes(PlannerInfo *root, RelOptInfo *foreignrel)
{
	Relids		relids = IS_OTHER_REL(foreignrel) ? foreignrel->top_parent_relids :
		foreignrel->relids;
	List	   *classes = NIL;
	ListCell   *lc;

	if (foreignrel->has_eclass_joins)
		foreach(lc, root->eq_classes)
			if (eclass_useful_for_merging(root, lfirst(lc), foreignrel))
				classes = lappend(classes, lfirst(lc));
	foreach(lc, foreignrel->joininfo)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if (rinfo->mergeopfamilies == NIL)
			continue;
		update_mergeclause_eclasses(root, rinfo);
		if (bms_overlap(relids, rinfo->right_ec->ec_relids))
			classes = list_append_unique_ptr(classes, rinfo->right_ec);
		else if (bms_overlap(relids, rinfo->left_ec->ec_relids))
			classes = list_append_unique_ptr(classes, rinfo->left_ec);
	}
	return classes;
}

/*
 * Lists of pathkeys. An order for a merge join is worth a path only where
 * something else than the remote may join.
 */
static List *
useful_orders(PlannerInfo *root, RelOptInfo *foreignrel)
{
	List	   *orders = NIL;
	EquivalenceClass *asked = NULL;
	ListCell   *lc;

	if (root->query_pathkeys != NIL &&
		pgwire_pathkeys_ship(root, foreignrel, root->query_pathkeys))
	{
		orders = list_make1(root->query_pathkeys);
		if (list_length(root->query_pathkeys) == 1)
			asked = linitial_node(PathKey, root->query_pathkeys)->pk_eclass;
	}
	if (is_all_there(root, foreignrel))
		return orders;
	foreach(lc, merge_classes(root, foreignrel))
	{
		EquivalenceClass *ec = lfirst(lc);
		List	   *order;

		if (ec == asked)
			continue;
		order = list_make1(make_canonical_pathkey(root, ec, linitial_oid(ec->ec_opfamilies),
												  BTLessStrategyNumber, false));
		if (pgwire_pathkeys_ship(root, foreignrel, order))
			orders = lappend(orders, order);
	}
	return orders;
}

/*
 * A join's EvalPlanQual plan is sorted, too, as a merge join above may rely on it.
 * That needs the columns that it is sorted by.
 */
static Path *
sorted_epq(PlannerInfo *root, RelOptInfo *foreignrel, Path *epq, List *order)
{
	if (epq == NULL || pathkeys_contained_in(order, epq->pathkeys))
		return epq;
	return (Path *) create_sort_path(root, foreignrel, epq, order, -1.0);
}

void
pgwire_add_ordered(PlannerInfo *root, RelOptInfo *foreignrel, Path *epq)
{
	pgwire_rel *rel = foreignrel->fdw_private;
	ListCell   *lc;

	/* of parameterized and lateral ones, nothing is sorted */
	if (!bms_is_empty(foreignrel->lateral_relids))
		return;
	foreach(lc, useful_orders(root, foreignrel))
	{
		List	   *order = lfirst(lc);
		pgwire_work work = rel->work;
		Cost		startup;
		Cost		total;

		pgwire_work_sort(&work, list_length(order), -1);
		pgwire_price(rel, &work, &rel->local_cost, &startup, &total);
		pgwire_add_path(root, foreignrel, NULL, startup, total, order,
						sorted_epq(root, foreignrel, epq, order), NIL);
	}
}
