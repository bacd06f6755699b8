/*
 * paths.c - the paths of a foreign relation: a scan of the whole, and scans that
 * look rows up by values of other relations.
 *
 * Which clauses the remote can look up by is for Go to say, and what a path
 * costs; this file finds the candidates.
 */
#include "postgres.h"

#include "plan.h"

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
put_path(StringInfo request, bool parameterized, double rows, double retrieved,
		 const QualCost *join)
{
	pgwire_put_u8(request, parameterized);
	pgwire_put_f64(request, rows);
	pgwire_put_f64(request, retrieved);
	pgwire_put_f64(request, join->startup);
	pgwire_put_f64(request, join->per_tuple);
}

/* Describe the parameterized paths, each with what of its clauses stays here. */
static void
put_parameterized(StringInfo request, PlannerInfo *root, RelOptInfo *baserel, List *infos)
{
	pgwire_rel *rel = baserel->fdw_private;
	List	   *clauses = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, infos)
		clauses = list_concat(clauses, ((ParamPathInfo *) lfirst(lc))->ppi_clauses);
	pgwire_classify(baserel, clauses);
	foreach(lc, infos)
	{
		ParamPathInfo *info = lfirst(lc);
		List	   *local = NIL;
		QualCost	join;
		Selectivity selectivity;

		foreach(lc2, info->ppi_clauses)
			if (!pgwire_is_remote(baserel, lfirst_node(RestrictInfo, lc2)))
				local = lappend(local, lfirst(lc2));
		selectivity = rel->local_selectivity *
			clauselist_selectivity(root, local, baserel->relid, JOIN_INNER, NULL);
		cost_qual_eval(&join, info->ppi_clauses, root);
		put_path(request, true, info->ppi_rows,
				 pgwire_retrieved_rows(baserel, info->ppi_rows, selectivity), &join);
	}
}

void
pgwireGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	pgwire_rel *rel = baserel->fdw_private;
	List	   *infos = parameterizations(root, baserel);
	QualCost	none = {0};
	StringInfoData request;
	pgwire_reply reply;
	uint32		n;

	pgwire_begin_request(&request, PGWIRE_REQ_COST);
	pgwire_put_f64(&request, rel->startup_cost);
	pgwire_put_f64(&request, rel->tuple_cost);
	pgwire_put_f64(&request, cpu_tuple_cost);
	pgwire_put_f64(&request, cpu_operator_cost);
	pgwire_put_f64(&request, seq_page_cost);
	pgwire_put_f64(&request, random_page_cost);
	pgwire_put_f64(&request, baserel->pages);
	pgwire_put_f64(&request, baserel->tuples);
	pgwire_put_f64(&request, baserel->baserestrictcost.startup);
	pgwire_put_f64(&request, baserel->baserestrictcost.per_tuple);
	pgwire_put_u32(&request, 1 + list_length(infos));
	put_path(&request, false, baserel->rows,
			 pgwire_retrieved_rows(baserel, baserel->rows, rel->local_selectivity), &none);
	if (infos != NIL)
		put_parameterized(&request, root, baserel, infos);

	reply = pgwire_ask(&request);
	n = pgwire_get_u32(&reply);
	for (uint32 i = 0; i < n && i <= (uint32) list_length(infos); i++)
	{
		ParamPathInfo *info = i == 0 ? NULL : list_nth(infos, i - 1);
		Cost		startup = pgwire_get_f64(&reply);
		Cost		total = pgwire_get_f64(&reply);

		add_path(baserel, (Path *)
				 pgwire_create_foreignscan_path(root, baserel,
												info ? info->ppi_rows : baserel->rows,
												startup, total,
												info ? info->ppi_req_outer :
												baserel->lateral_relids));
	}
	pfree(request.data);
}

