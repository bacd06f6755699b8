/*
 * join.c - joins of foreign relations that their server can do itself.
 *
 * A condition is judged once, whatever the order in which the planner tries the
 * joins, and a join of two relations only combines what is known of them. What the
 * remote cannot check is checked here, above the join, unless rows that an outer
 * join adds or a semi-join drops depend on it: then the join stays here.
 */
#include "postgres.h"

#include "cost.h"

#include "access/sysattr.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/joininfo.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "optimizer/tlist.h"

/* ---- conditions ---- */

/* What Go has said of a condition over columns of the server's relations. */
typedef struct condition_verdict
{
	RestrictInfo *rinfo;		/* hash key */
	bool		ships;
	Node	   *blamed;
	const char *reason;
} condition_verdict;

static condition_verdict *
verdict_of(pgwire_site *site, RestrictInfo *rinfo)
{
	return hash_search(site->verdicts, &rinfo, HASH_FIND, NULL);
}

/*
 * Have all of these judged that are not yet. GEQO frees what is made for the joins
 * of partitions, and a pointer may come to mean another condition.
 */
static void
judge(PlannerInfo *root, pgwire_site *site, RelOptInfo *joinrel, List *rinfos)
{
	bool		fleeting = root->join_search_private != NULL && IS_OTHER_REL(joinrel);
	List	   *unknown = NIL;
	MemoryContext old;
	StringInfoData request;
	pgwire_reply reply;
	pgwire_ir	ir;
	ListCell   *lc;

	if (site->verdicts == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(RestrictInfo *),
		.entrysize = sizeof(condition_verdict),.hcxt = root->planner_cxt};

		site->verdicts = hash_create("pgwire_fdw join conditions", 32, &ctl,
									 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	foreach(lc, rinfos)
		if (fleeting || verdict_of(site, lfirst(lc)) == NULL)
			unknown = lappend(unknown, lfirst(lc));
	if (unknown == NIL)
		return;
	pgwire_begin_request(&request, PGWIRE_REQ_CLASSIFY);
	pgwire_put_conditions(&request, &ir, joinrel->relids, &site->server, unknown);
	reply = pgwire_ask(&request);
	(void) pgwire_get_u32(&reply);
	old = MemoryContextSwitchTo(root->planner_cxt);
	foreach(lc, unknown)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		condition_verdict *verdict = hash_search(site->verdicts, &rinfo, HASH_ENTER, NULL);

		verdict->ships = pgwire_get_verdict(&reply, &ir, &verdict->blamed, &verdict->reason);
	}
	MemoryContextSwitchTo(old);
	pfree(request.data);
}

/*
 * May the remote check this as a condition of the join? As in a scan, what comes
 * from above a security barrier may not be checked beside what the barrier
 * hides behind.
 */
static bool
ships(pgwire_rel *rel, RestrictInfo *rinfo, Node **blamed, const char **reason)
{
	condition_verdict *verdict = verdict_of(rel->site, rinfo);

	*blamed = verdict->blamed;
	*reason = verdict->reason;
	if (!verdict->ships)
		return false;
	*blamed = (Node *) rinfo->clause;
	*reason = PGWIRE_BARRIER_REASON;
	return rinfo->leakproof || rinfo->security_level <= rel->security;
}

/* ---- may the join be done there? ---- */

/* A try to join two relations. */
typedef struct join_try
{
	RelOptInfo *joinrel;
	pgwire_rel *rel;			/* being made */
	pgwire_rel *outer;
	pgwire_rel *inner;
	bool		epq;			/* the rows may have to be made here, too */
	Node	   *blamed;			/* expression because of which it is refused, or NULL */
	const char *reason;
} join_try;

static bool
refuse(join_try *try, Node *blamed, const char *reason)
{
	try->blamed = blamed;
	try->reason = reason;
	return false;
}

/*
 * Is there an expression that has to be computed for a part of the join, because
 * the rest may make it null? It would have to be fetched as it is.
 */
static bool
has_inner_placeholder(PlannerInfo *root, RelOptInfo *joinrel)
{
	/* they name parents where the join is one of partitions */
	Relids		relids = IS_OTHER_REL(joinrel) ? joinrel->top_parent_relids : joinrel->relids;
	ListCell   *lc;

	foreach(lc, root->placeholder_list)
	{
		PlaceHolderInfo *info = lfirst(lc);

		if (bms_is_subset(info->ph_eval_at, relids) &&
			bms_nonempty_difference(relids, info->ph_eval_at))
			return true;
	}
	return false;
}

/*
 * Does it hold a system column that only a scan of the table can make up? Of these
 * the remote has its own ctid alone to give, and its tableoid where one carries it.
 */
static bool
has_system_column(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return ((Var *) node)->varattno < 0 &&
			((Var *) node)->varattno != SelfItemPointerAttributeNumber &&
			!pgwire_carries_tableoid(context, (Var *) node);
	if (IsA(node, RestrictInfo))
		return has_system_column((Node *) ((RestrictInfo *) node)->clause, context);
	return expression_tree_walker(node, has_system_column, context);
}

/*
 * A condition that is checked when the join is done, or a pseudoconstant one of
 * that side of it.
 */
static bool
add_above(join_try *try, RestrictInfo *rinfo)
{
	pgwire_rel *rel = try->rel;
	Node	   *blamed;
	const char *reason;

	if (ships(rel, rinfo, &blamed, &reason))
	{
		if (rel->jointype == JOIN_INNER)
			rel->joinclauses = lappend(rel->joinclauses, rinfo);
		else
			rel->remote_conds = lappend(rel->remote_conds, rinfo);
		return true;
	}
	rel->local_conds = lappend(rel->local_conds, rinfo);
	pgwire_refuse(rel, rinfo, blamed, reason);
	return true;
}

/* A condition that decides which rows are joined. */
static bool
add_joinclause(join_try *try, RestrictInfo *rinfo)
{
	pgwire_rel *rel = try->rel;
	Node	   *blamed;
	const char *reason;

	if (!ships(rel, rinfo, &blamed, &reason))
		return refuse(try, blamed, reason);
	rel->joinclauses = lappend(rel->joinclauses, rinfo);
	return true;
}

/*
 * Do conditions above an anti-join name its inner side? They may where it is made
 * of a left join above which a column is asked to be null: that condition is gone,
 * and what others say of the null row cannot be asked of an anti-join.
 */
static bool
names_inner(const join_try *try, RelOptInfo *innerrel, List *restrictlist)
{
	ListCell   *lc;

	foreach(lc, restrictlist)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if (RINFO_IS_PUSHED_DOWN(rinfo, try->joinrel->relids) &&
			bms_overlap(rinfo->clause_relids, innerrel->relids))
			return true;
	}
	return false;
}

/* Sort the join's conditions. False: one of them keeps the join here. */
static bool
take_conditions(join_try *try, List *restrictlist)
{
	pgwire_rel *rel = try->rel;
	bool		outer_join = rel->jointype == JOIN_LEFT || rel->jointype == JOIN_FULL ||
		rel->jointype == JOIN_ANTI;
	ListCell   *lc;

	foreach(lc, restrictlist)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		bool		above = rel->jointype == JOIN_INNER ||
			(outer_join && RINFO_IS_PUSHED_DOWN(rinfo, try->joinrel->relids));

		if (above ? !add_above(try, rinfo) : !add_joinclause(try, rinfo))
			return false;
	}
	/* a scan's Result node would check these, but there will be none */
	foreach(lc, try->outer->gating)
		if (rel->jointype == JOIN_FULL ? !add_joinclause(try, lfirst(lc)) :
			!add_above(try, lfirst(lc)))
			return false;
	foreach(lc, try->inner->gating)
		if (rel->jointype == JOIN_INNER ? !add_above(try, lfirst(lc)) :
			!add_joinclause(try, lfirst(lc)))
			return false;
	return true;
}

/* Take over what is checked here of the sides; false: that has to be done before. */
static bool
take_local(join_try *try)
{
	pgwire_rel *rel = try->rel;
	List	   *refusals;
	ListCell   *lc;

	if (try->outer->local_conds == NIL && try->inner->local_conds == NIL)
		return true;
	if (try->outer->local_conds != NIL && rel->jointype == JOIN_FULL)
		return refuse(try, NULL, "rows are filtered locally before the join");
	if (try->inner->local_conds != NIL && rel->jointype != JOIN_INNER)
		return refuse(try, NULL, "rows of the inner side are filtered locally before the join");
	/* a plan of local joins has no columns for conditions of what is below them */
	if (try->epq)
		return refuse(try, NULL, "rows that may be locked are filtered locally before the join");
	rel->local_conds = list_concat_copy(try->outer->local_conds, try->inner->local_conds);
	refusals = list_concat_copy(try->outer->refusals, try->inner->refusals);
	foreach(lc, refusals)
		if (list_member_ptr(rel->local_conds, ((pgwire_refusal *) lfirst(lc))->rinfo))
			rel->refusals = lappend(rel->refusals, lfirst(lc));
	return true;
}

static Index
lowest_security(const join_try *try, List *restrictlist)
{
	Index		lowest = Min(try->outer->security, try->inner->security);
	ListCell   *lc;

	foreach(lc, restrictlist)
		lowest = Min(lowest, lfirst_node(RestrictInfo, lc)->security_level);
	return lowest;
}

/* Can the remote do the join? Fills in try->rel, or why not. */
static bool
can_join(PlannerInfo *root, join_try *try, RelOptInfo *outerrel, RelOptInfo *innerrel,
		 JoinType jointype, List *restrictlist)
{
	pgwire_rel *rel = try->rel;
	List	   *asked = restrictlist;

	if (!bms_is_empty(try->joinrel->lateral_relids))
		return refuse(try, NULL, "depends on values of another relation (LATERAL)");
	if (root->placeholder_list != NIL && has_inner_placeholder(root, try->joinrel))
		return refuse(try, NULL, "an expression has to be computed below an outer join");
	rel->jointype = jointype;
	rel->hidden = bms_union(try->outer->hidden, try->inner->hidden);
	if (jointype == JOIN_SEMI || jointype == JOIN_ANTI)
	{
		if (bms_overlap(pull_varnos(root, (Node *) try->joinrel->reltarget->exprs),
						innerrel->relids) ||
			(jointype == JOIN_ANTI && names_inner(try, innerrel, restrictlist)))
			return refuse(try, NULL, "columns of the inner side are needed above the join");
		rel->hidden = bms_add_members(rel->hidden, innerrel->relids);
	}
	rel->security = lowest_security(try, restrictlist);
	if (try->outer->gating != NIL || try->inner->gating != NIL)
		asked = list_concat(list_concat_copy(asked, try->outer->gating), try->inner->gating);
	judge(root, rel->site, try->joinrel, asked);
	if (!take_local(try) || !take_conditions(try, restrictlist))
		return false;
	if (has_system_column((Node *) try->joinrel->reltarget->exprs, root) ||
		has_system_column((Node *) rel->local_conds, root))
		return refuse(try, NULL, "a system column other than ctid is needed");
	return true;
}

/* ---- GetForeignJoinPaths ---- */

/* Tell the scans of the sides why they are not one. Once is enough. */
static void
tell_refusal(const join_try *try, RelOptInfo *innerrel)
{
	ListCell   *lc;

	foreach(lc, try->outer->refusals)
	{
		pgwire_refusal *refusal = lfirst(lc);

		if (refusal->what == try->blamed && strcmp(refusal->reason, try->reason) == 0 &&
			(try->blamed != NULL || bms_equal(refusal->others, innerrel->relids)))
			return;
	}
	if (try->blamed != NULL)
		pgwire_refuse(try->outer, NULL, try->blamed, try->reason);
	else
		pgwire_refuse_join(try->outer, innerrel->relids, try->reason);
}

/* The columns that are needed above a join, or in what is checked here. */
static List *
needed_columns(RelOptInfo *joinrel)
{
	const pgwire_rel *rel = joinrel->fdw_private;
	List	   *tlist;

	tlist = add_to_flat_tlist(NIL, pull_var_clause((Node *) joinrel->reltarget->exprs,
												   PVC_RECURSE_PLACEHOLDERS));
	return add_to_flat_tlist(tlist, pull_var_clause((Node *) pgwire_clauses(rel->local_conds),
													PVC_RECURSE_PLACEHOLDERS));
}

/* Take the work and the size of a join from the remote's estimate, if it has one. */
static void
ask_work(PlannerInfo *root, RelOptInfo *joinrel)
{
	pgwire_rel *rel = joinrel->fdw_private;
	Query	   *query = makeNode(Query);

	query->targetList = needed_columns(joinrel);
	if (!pgwire_remote_estimate(root, joinrel, NIL, query, &rel->work))
		return;
	joinrel->rows = clamp_row_est(rel->work.rows * rel->local_selectivity);
	rel->analyzed = rel->estimated = true;
}

static void
add_paths(PlannerInfo *root, join_try *try, RelOptInfo *outerrel, RelOptInfo *innerrel,
		  List *restrictlist, Path *epq)
{
	RelOptInfo *joinrel = try->joinrel;
	pgwire_rel *rel = try->rel;
	Cost		startup;
	Cost		total;

	rel->local_selectivity = clauselist_selectivity(root, rel->local_conds, 0, JOIN_INNER, NULL);
	cost_qual_eval(&rel->local_cost, rel->local_conds, root);
	pgwire_work_join(root, outerrel, innerrel, rel->jointype,
					 list_concat_copy(rel->joinclauses, rel->remote_conds),
					 joinrel->rows / Max(rel->local_selectivity, 1e-9),
					 joinrel->reltarget->width, &rel->work);
	if (rel->ask_remote)
		ask_work(root, joinrel);
	pgwire_price(rel, &rel->work, &rel->local_cost, &startup, &total);
	pgwire_add_path(root, joinrel, NULL, startup, total, NIL, epq, restrictlist);
	/* nor has a sorted one, which cannot compute more than it sorts */
	if (epq == NULL ||
		(rel->local_conds == NIL && root->placeholder_list == NIL))
		pgwire_add_ordered(root, joinrel, epq);
}

void
pgwireGetForeignJoinPaths(PlannerInfo *root, RelOptInfo *joinrel, RelOptInfo *outerrel,
						  RelOptInfo *innerrel, JoinType jointype, JoinPathExtraData *extra)
{
	join_try	try = {.joinrel = joinrel,.outer = outerrel->fdw_private,
	.inner = innerrel->fdw_private};
	Path	   *epq = NULL;

	/* of each set of relations once; the others are the same sides exchanged */
	if (joinrel->fdw_private != NULL ||
		(jointype != JOIN_INNER && jointype != JOIN_LEFT && jointype != JOIN_FULL &&
		 jointype != JOIN_SEMI && jointype != JOIN_ANTI) ||
		try.outer == NULL || try.inner == NULL)
		return;
	try.epq = root->rowMarks != NIL ||
		(root->parse->commandType != CMD_SELECT && root->parse->commandType != CMD_INSERT);
	try.rel = palloc0(sizeof(pgwire_rel));
	try.rel->kind = PGWIRE_REL_JOIN;
	try.rel->site = try.outer->site;
	try.rel->outer = outerrel;
	try.rel->inner = innerrel;
	try.rel->ask_remote = try.outer->ask_remote || try.inner->ask_remote;
	try.rel->async_capable = try.outer->async_capable || try.inner->async_capable;
	try.rel->analyzed = try.outer->analyzed && try.inner->analyzed;
	try.rel->startup_cost = Max(try.outer->startup_cost, try.inner->startup_cost);
	try.rel->tuple_cost = Max(try.outer->tuple_cost, try.inner->tuple_cost);
	try.rel->fetch_size = Max(try.outer->fetch_size, try.inner->fetch_size);
	try.rel->fetch_memory = Max(try.outer->fetch_memory, try.inner->fetch_memory);
	if (!can_join(root, &try, outerrel, innerrel, jointype, extra->restrictlist))
	{
		tell_refusal(&try, innerrel);
		return;
	}
	if (try.epq)
	{
		/* before there is a foreign path, which may displace the local ones */
		epq = GetExistingLocalJoinPath(joinrel);
		if (epq == NULL)
			return;
	}
	try.rel->pushed = true;
	joinrel->fdw_private = try.rel;
	add_paths(root, &try, outerrel, innerrel, extra->restrictlist, epq);
}

/*
 * Tell the scan of a relation which foreign tables it could not be joined with: the
 * planner asks about those of one server and user only.
 */
void
pgwire_tell_strangers(PlannerInfo *root, RelOptInfo *foreignrel)
{
	for (int i = 1; i < root->simple_rel_array_size; i++)
	{
		RelOptInfo *other = root->simple_rel_array[i];

		if (other == NULL || other->reloptkind != RELOPT_BASEREL ||
			!OidIsValid(other->serverid) || bms_is_member(i, foreignrel->relids) ||
			(other->serverid == foreignrel->serverid && other->userid == foreignrel->userid) ||
			!have_relevant_joinclause(root, foreignrel, other))
			continue;
		pgwire_refuse_join(foreignrel->fdw_private, other->relids,
						   other->serverid != foreignrel->serverid ?
						   "table of another server" : "table that is read as another user");
	}
}

/* ---- the plan ---- */

/*
 * The local joins that make a row anew have to give the columns of the scan's. What
 * the scan checks in any case need not be checked in them, too.
 */
static Plan *
fit_outer_plan(Plan *outer_plan, List *quals, List *scan_tlist, bool parallel_safe)
{
	ListCell   *lc;

	foreach(lc, quals)
	{
		outer_plan->qual = list_delete(outer_plan->qual, lfirst(lc));
		if ((IsA(outer_plan, NestLoop) || IsA(outer_plan, MergeJoin) ||
			 IsA(outer_plan, HashJoin)) && ((Join *) outer_plan)->jointype == JOIN_INNER)
			((Join *) outer_plan)->joinqual =
				list_delete(((Join *) outer_plan)->joinqual, lfirst(lc));
	}
	return change_plan_targetlist(outer_plan, scan_tlist, parallel_safe);
}

/*
 * A join's scan. Its rows have the columns that are needed above it or in what is
 * checked here; expressions over them are computed here.
 */
ForeignScan *
pgwire_join_plan(PlannerInfo *root, RelOptInfo *joinrel, ForeignPath *best_path,
				 List *tlist, Plan *outer_plan)
{
	const pgwire_rel *rel = joinrel->fdw_private;
	pgwire_scan scan = {.rel = rel,.parent = joinrel,.tlist = tlist};
	Query	   *query = makeNode(Query);
	StringInfoData request;
	pgwire_ir	ir;

	pgwire_tell_strangers(root, joinrel);
	scan.quals = pgwire_clauses(rel->local_conds);
	scan.kept = rel->local_conds;
	scan.scan_tlist = needed_columns(joinrel);
	if (outer_plan != NULL)
		scan.outer_plan = fit_outer_plan(outer_plan, scan.quals, scan.scan_tlist,
										 best_path->path.parallel_safe);
	scan.rows = rel->analyzed ? rel->work.rows : -1;
	scan.width = joinrel->reltarget->width;
	scan.relations = pgwire_relations(joinrel);
	query->targetList = copyObject(scan.scan_tlist);
	query->sortClause = pgwire_order_by(root, joinrel, best_path->path.pathkeys,
										&query->targetList);
	pgwire_begin_statement(&request, &ir, root, joinrel->relids, &rel->site->server);
	pgwire_put_query(&ir, root, joinrel, NIL, query);
	return pgwire_make_scan(root, &scan, &request, &ir);
}
