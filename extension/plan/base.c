/*
 * base.c - planning of foreign tables: how large one is, its paths (a scan of the
 * whole, and scans that look rows up by values of other relations), and the plan
 * of one.
 *
 * Which conditions the remote can check is for Go to say, and what a path costs
 * (cost.c); this file finds the candidates.
 */
#include "postgres.h"

#include "cost.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "foreign/foreign.h"
#include "nodes/makefuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/prep.h"
#include "optimizer/restrictinfo.h"
#include "parser/parsetree.h"
#include "utils/rel.h"

#include "feed.h"
#include "stats.h"

/* ---- columns ---- */

static bool
has_attr(const Bitmapset *attrs, int attno)
{
	return bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, attrs);
}

static List *
add_column(List *targets, Index relid, int attno, Oid type, int32 typmod, Oid collation)
{
	Var		   *var = makeVar(relid, attno, type, typmod, collation, 0);

	return lappend(targets, makeTargetEntry((Expr *) var, list_length(targets) + 1, NULL, false));
}

/*
 * The columns to fetch as a target list: those of the table in their order, then
 * ctid, and what carries the remote's tableoid. *attnos gets their numbers.
 */
List *
pgwire_fetched_columns(PlannerInfo *root, Index relid, const Bitmapset *fetch, List **attnos)
{
	Relation	relation = table_open(planner_rt_fetch(relid, root)->relid, NoLock);
	AttrNumber	carrier = pgwire_tableoid_carrier(root, relid);
	TupleDesc	desc = RelationGetDescr(relation);
	bool		whole_row = has_attr(fetch, InvalidAttrNumber);
	List	   *targets = NIL;

	*attnos = NIL;
	for (int attno = 1; attno <= desc->natts; attno++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, attno - 1);

		if (attr->attisdropped || !(whole_row || has_attr(fetch, attno)))
			continue;
		targets = add_column(targets, relid, attno, attr->atttypid, attr->atttypmod,
							 attr->attcollation);
		*attnos = lappend_int(*attnos, attno);
	}
	if (has_attr(fetch, SelfItemPointerAttributeNumber))
	{
		targets = add_column(targets, relid, SelfItemPointerAttributeNumber, TIDOID, -1,
							 InvalidOid);
		*attnos = lappend_int(*attnos, SelfItemPointerAttributeNumber);
	}
	if (carrier != InvalidAttrNumber && has_attr(fetch, carrier))
	{
		targets = add_column(targets, relid, carrier, OIDOID, -1, InvalidOid);
		*attnos = lappend_int(*attnos, carrier);
	}
	table_close(relation, NoLock);
	return targets;
}

/* ---- GetForeignRelSize ---- */

/*
 * Ask about the relation: its options, and the conditions of baserestrictinfo.
 * Of the pseudoconstant ones only a join has to know.
 */
static void
ask_relation(RelOptInfo *baserel, Oid foreigntableid)
{
	pgwire_rel *rel = baserel->fdw_private;
	ForeignTable *table = GetForeignTable(foreigntableid);
	List	   *rinfos = NIL;
	List	   *kept = NIL;
	StringInfoData request;
	pgwire_reply reply;
	pgwire_ir	ir;
	ListCell   *lc;

	foreach(lc, baserel->baserestrictinfo)
	{
		if (lfirst_node(RestrictInfo, lc)->pseudoconstant)
			rel->gating = lappend(rel->gating, lfirst(lc));
		else
			rinfos = lappend(rinfos, lfirst(lc));
	}
	pgwire_begin_request(&request, PGWIRE_REQ_RELATION);
	pgwire_put_options(&request, rel->site->options);
	pgwire_put_options(&request, table->options);
	rel->ask_remote = pgwire_is_on(table->options, rel->site->options, "use_remote_estimate", false);
	rel->async_capable = pgwire_is_on(table->options, rel->site->options, "async_capable", false);
	pgwire_put_conditions(&request, &ir, baserel->relids, &rel->site->server, rinfos);
	reply = pgwire_ask(&request);
	rel->schema_name = pgwire_get_string(&reply);
	rel->table_name = pgwire_get_string(&reply);
	rel->startup_cost = pgwire_get_f64(&reply);
	rel->tuple_cost = pgwire_get_f64(&reply);
	rel->fetch_size = pgwire_get_u32(&reply);
	rel->fetch_memory = pgwire_get_i64(&reply);
	pgwire_get_verdicts(&reply, &ir, baserel, rinfos, &rel->remote_conds, &kept);
	rel->local_conds = kept;
	pfree(request.data);
}

/*
 * What a scan costs by the remote's estimate, with these join clauses too: false if it
 * does not say.
 */
static bool
ask_work(PlannerInfo *root, RelOptInfo *baserel, List *joining, pgwire_work *work)
{
	pgwire_rel *rel = baserel->fdw_private;
	Query	   *query = makeNode(Query);
	List	   *attnos;

	query->targetList = pgwire_fetched_columns(root, baserel->relid, rel->attrs, &attnos);
	return pgwire_remote_estimate(root, baserel, joining, query, work);
}

/* Take the size from the remote's estimate. */
static void
ask_size(PlannerInfo *root, RelOptInfo *baserel)
{
	pgwire_rel *rel = baserel->fdw_private;

	rel->work.setup = 1;
	rel->estimated = ask_work(root, baserel, NIL, &rel->work);
	if (!rel->estimated)
		return;
	baserel->rows = clamp_row_est(rel->work.rows * rel->local_selectivity);
	baserel->tuples = Max(baserel->tuples, rel->work.rows);
	baserel->reltarget->width = (int) rel->work.width;
	rel->analyzed = true;
}

/*
 * The work of a parameterized scan by the remote's estimate, which also says how many
 * rows it answers; false if it does not.
 */
static bool
ask_lookup(PlannerInfo *root, RelOptInfo *baserel, ParamPathInfo *info, pgwire_work *work)
{
	pgwire_rel *rel = baserel->fdw_private;
	List	   *joining = NIL;
	List	   *kept = NIL;
	ListCell   *lc;

	foreach(lc, info->ppi_clauses)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if (pgwire_is_remote(baserel, rinfo))
			joining = lappend(joining, rinfo->clause);
		else
			kept = lappend(kept, rinfo);
	}
	if (!ask_work(root, baserel, joining, work))
		return false;
	info->ppi_rows = clamp_row_est(work->rows * rel->local_selectivity *
								   clauselist_selectivity(root, kept, baserel->relid,
														  JOIN_INNER, NULL));
	return true;
}

void
pgwireGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	pgwire_rel *rel = palloc0(sizeof(pgwire_rel));
	ListCell   *lc;

	if (pgwire_is_feed(foreigntableid))
	{
		pgwire_feed_size(root, baserel);
		return;
	}
	rel->kind = PGWIRE_REL_BASE;
	rel->pushed = true;
	rel->site = pgwire_site_of(root, baserel->serverid);
	rel->security = baserel->baserestrict_min_security;
	baserel->fdw_private = rel;
	ask_relation(baserel, foreigntableid);
	/* what locks rows does so on one connection */
	if (bms_is_member(baserel->relid, root->all_result_relids) ||
		get_plan_rowmark(root->rowMarks, baserel->relid) != NULL)
		rel->async_capable = false;
	rel->stats = pgwire_table_stats(root, baserel, foreigntableid);
	if (rel->stats != NULL)
		pgwire_apply_stats(baserel, rel->stats);

	pull_varattnos((Node *) baserel->reltarget->exprs, baserel->relid, &rel->attrs);
	foreach(lc, rel->local_conds)
		pull_varattnos((Node *) lfirst_node(RestrictInfo, lc)->clause,
					   baserel->relid, &rel->attrs);
	rel->local_selectivity = clauselist_selectivity(root, rel->local_conds,
													baserel->relid, JOIN_INNER, NULL);
	cost_qual_eval(&rel->local_cost, rel->local_conds, root);

	/* reltuples is -1 until ANALYZE: assume a small table, as core does */
	rel->analyzed = baserel->tuples >= 0;
	if (!rel->analyzed)
	{
		baserel->pages = 10;
		baserel->tuples = (10 * BLCKSZ) /
			(baserel->reltarget->width + MAXALIGN(SizeofHeapTupleHeader));
	}
	set_baserel_size_estimates(root, baserel);
	if (rel->ask_remote)
		ask_size(root, baserel);
}

/* Rows that the remote sends when the path answers rows. */
double
pgwire_retrieved_rows(RelOptInfo *baserel, double rows, Selectivity local)
{
	return Min(clamp_row_est(rows / Max(local, 1e-9)), Max(baserel->tuples, 1.0));
}

/* ---- GetForeignPaths ---- */

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

	if (info == NULL && rel->estimated)
		work = rel->work;
	else
		pgwire_work_scan(root, baserel, info, &work);
	if (info != NULL && rel->estimated)
		(void) ask_lookup(root, baserel, info, &work);
	if (info == NULL)
		rel->work = work;
	pgwire_price(rel, &work, &rel->local_cost, &startup, &total);
	pgwire_add_path(root, baserel, info, startup, total, NIL, NULL, NIL);
}

/*
 * Add a path of a base relation or a join: info: its parameterization; epq: a
 * join's plan for EvalPlanQual; conditions: those of a join's own level.
 */
void
pgwire_add_path(PlannerInfo *root, RelOptInfo *foreignrel, ParamPathInfo *info,
				Cost startup, Cost total, List *pathkeys, Path *epq, List *conditions)
{
	double		rows = info ? info->ppi_rows : foreignrel->rows;
	Relids		outer = info ? info->ppi_req_outer : foreignrel->lateral_relids;

	if (IS_SIMPLE_REL(foreignrel))
		add_path(foreignrel, (Path *)
				 pgwire_create_foreignscan_path(root, foreignrel, rows, startup, total,
												pathkeys, outer, epq));
	else
		add_path(foreignrel, (Path *)
				 pgwire_create_foreign_join_path(root, foreignrel, rows, startup, total,
												 pathkeys, outer, epq, conditions));
}

void
pgwireGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	List	   *infos;
	List	   *clauses = NIL;
	ListCell   *lc;

	if (baserel->fdw_private == NULL)
	{
		pgwire_feed_paths(root, baserel);
		return;
	}
	infos = parameterizations(root, baserel);

	foreach(lc, infos)
		clauses = list_concat(clauses, ((ParamPathInfo *) lfirst(lc))->ppi_clauses);
	pgwire_classify(baserel, clauses);
	add_scan(root, baserel, NULL);
	pgwire_add_ordered(root, baserel, NULL);
	pgwire_add_bounded(root, baserel);
	foreach(lc, infos)
		add_scan(root, baserel, lfirst(lc));
}

/* ---- IsForeignPathAsyncCapable ---- */

bool
pgwireIsForeignPathAsyncCapable(ForeignPath *path)
{
	const pgwire_rel *rel = path->fdw_private != NIL ?
		linitial(path->fdw_private) : path->path.parent->fdw_private;

	if (rel == NULL)
		return false;			/* a feed */
	if (rel->kind == PGWIRE_REL_UPPER)
		rel = rel->input->fdw_private;
	return rel->async_capable;
}

/* ---- GetForeignPlan ---- */

/*
 * A base relation's scan. Its clauses are those of the path: the relation's own,
 * and of a parameterized one join clauses.
 */
ForeignScan *
pgwire_base_plan(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid,
				 ForeignPath *best_path, List *tlist, List *scan_clauses, Plan *outer_plan)
{
	pgwire_rel *rel = baserel->fdw_private;
	pgwire_scan scan = {.rel = rel, .parent = baserel, .relid = baserel->relid};
	Query	   *query = makeNode(Query);
	Bitmapset  *fetch = bms_copy(rel->attrs);
	List	   *joining = NIL;
	List	   *rinfos = NIL;
	StringInfoData request;
	pgwire_ir	ir;
	ListCell   *lc;

	foreach(lc, scan_clauses)
		if (!lfirst_node(RestrictInfo, lc)->pseudoconstant)
			rinfos = lappend(rinfos, lfirst(lc));
	/* a path that was made for another parent has clauses of its own */
	pgwire_classify(baserel, rinfos);
	foreach(lc, rinfos)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if (!pgwire_is_remote(baserel, rinfo))
		{
			scan.quals = lappend(scan.quals, rinfo->clause);
			scan.kept = lappend(scan.kept, rinfo);
			continue;
		}
		scan.recheck = lappend(scan.recheck, rinfo->clause);
		if (!list_member_ptr(rel->remote_conds, rinfo))
			joining = lappend(joining, rinfo->clause);
	}
	pull_varattnos((Node *) scan.quals, baserel->relid, &fetch);
	query->targetList = pgwire_fetched_columns(root, baserel->relid, fetch, &scan.attrs);
	query->sortClause = pgwire_order_by(root, baserel, best_path->path.pathkeys,
										&query->targetList);
	if (best_path->fdw_private != NIL)
		query->limitCount = lsecond(best_path->fdw_private);
	pgwire_tell_strangers(root, baserel);
	scan.tlist = tlist;
	scan.outer_plan = outer_plan;
	scan.width = baserel->reltarget->width;
	scan.rows = pgwire_retrieved_rows(baserel, best_path->path.rows, rel->local_selectivity);
	/*
	 * Without statistics the size of the table is a pretence, but a condition
	 * as selective as equality makes a small result of a large table too.
	 */
	if (!rel->analyzed && scan.rows > 0.01 * baserel->tuples)
		scan.rows = -1;
	pgwire_begin_statement(&request, &ir, root, baserel->relids, &rel->site->server);
	pgwire_put_query(&ir, root, baserel, joining, query);
	return pgwire_make_scan(root, &scan, &request, &ir);
}
