/*
 * paths.c - the paths of a foreign relation: a scan of the whole, and scans that
 * look rows up by values of other relations.
 *
 * Which clauses the remote can look up by is for Go to say, and what a path
 * costs (cost.c); this file finds the candidates.
 */
#include "postgres.h"

#include "cost.h"

#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"

/* Finds members of an equivalence class that are columns of the relation. */
typedef struct member_search
{
	Expr	   *current;		/* the one this round is about */
	List	   *used;			/* those of earlier rounds */
} member_search;

static bool
member_matches(PlannerInfo *root, RelOptInfo *rel, EquivalenceClass *ec,
			   EquivalenceMember *em, void *arg)
{
	member_search *search = (member_search *) arg;
	Expr	   *expr = em->em_expr;

	if (search->current != NULL)
		return equal(expr, search->current);
	if (list_member(search->used, expr))
		return false;
	search->current = expr;
	return true;
}

/* The join clauses by which rows of the relation could be looked up. */
static List *
movable_clauses(PlannerInfo *root, RelOptInfo *baserel)
{
	List	   *clauses = NIL;
	member_search search = {0};
	ListCell   *lc;

	foreach(lc, baserel->joininfo)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if (join_clause_is_movable_to(rinfo, baserel))
			clauses = lappend(clauses, rinfo);
	}
	while (baserel->has_eclass_joins)
	{
		List	   *implied;

		search.current = NULL;
		implied = generate_implied_equalities_for_column(root, baserel, member_matches,
														 &search,
														 baserel->lateral_referencers);
		if (search.current == NULL)
			break;
		foreach(lc, implied)
		{
			RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

			if (join_clause_is_movable_to(rinfo, baserel))
				clauses = lappend(clauses, rinfo);
		}
		search.used = lappend(search.used, search.current);
	}
	return clauses;
}

/*
 * The sets of relations whose rows, taken one by one, let the remote server
 * check a join clause. Unlike postgres_fdw we consider them without remote
 * estimates too.
 */
static List *
parameterizations(PlannerInfo *root, RelOptInfo *baserel)
{
	List	   *clauses = movable_clauses(root, baserel);
	List	   *infos = NIL;
	ListCell   *lc;

	if (clauses == NIL)
		return NIL;
	pgwire_classify(baserel, clauses);
	foreach(lc, clauses)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		Relids		outer;

		if (!pgwire_is_remote(baserel, rinfo))
			continue;
		outer = bms_union(rinfo->clause_relids, baserel->lateral_relids);
		outer = bms_del_member(outer, baserel->relid);
		if (!bms_is_empty(outer))
			infos = list_append_unique_ptr(infos,
										   get_baserel_parampathinfo(root, baserel, outer));
	}
	return infos;
}

static void
add_scan(PlannerInfo *root, RelOptInfo *baserel, ParamPathInfo *info)
{
	pgwire_rel *rel = baserel->fdw_private;
	pgwire_work work;
	Cost		startup;
	Cost		total;

	pgwire_work_scan(root, baserel, info, &work);
	if (info == NULL)
		rel->work = work;
	pgwire_price(rel, &work, &rel->local_cost, &startup, &total);
	add_path(baserel, (Path *)
			 pgwire_create_foreignscan_path(root, baserel,
											info ? info->ppi_rows : baserel->rows,
											startup, total,
											info ? info->ppi_req_outer :
											baserel->lateral_relids));
}

void
pgwireGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	List	   *infos = parameterizations(root, baserel);
	List	   *clauses = NIL;
	ListCell   *lc;

	foreach(lc, infos)
		clauses = list_concat(clauses, ((ParamPathInfo *) lfirst(lc))->ppi_clauses);
	pgwire_classify(baserel, clauses);
	add_scan(root, baserel, NULL);
	foreach(lc, infos)
		add_scan(root, baserel, lfirst(lc));
}
