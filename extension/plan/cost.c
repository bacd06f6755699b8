/*
 * cost.c - collects what the costs of foreign paths depend on.
 *
 * The arithmetic is in handler/internal/cost; a step of it is one call that
 * allocates nothing.
 */
#include "postgres.h"

#include "cost.h"

#include "miscadmin.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"

static void
begin(pgwire_cost_args *args, int step)
{
	memset(args, 0, sizeof(*args));
	args->step = step;
	args->cpu_tuple = cpu_tuple_cost;
	args->cpu_operator = cpu_operator_cost;
	args->seq_page = seq_page_cost;
	args->random_page = random_page_cost;
	args->work_mem = work_mem * 1024.0;
	args->matched = args->lookup = args->rows = -1;
}

static void
step(pgwire_cost_args *args, pgwire_work *work)
{
	pgwire_error err = {0};

	PGWIRE_CALL(err, pgwire_go_cost, args, work);
}

static void
set_quals(pgwire_cost_args *args, const QualCost *quals)
{
	if (quals == NULL)
		return;
	args->qual_startup = quals->startup;
	args->qual_tuple = quals->per_tuple;
}

/*
 * What of the relation's conditions, and of the parameterization's clauses, the
 * remote checks of each row; and the selectivity of those that stay here.
 */
static Selectivity
scan_conditions(PlannerInfo *root, RelOptInfo *baserel, ParamPathInfo *info, QualCost *remote)
{
	pgwire_rel *rel = baserel->fdw_private;
	Selectivity stays = rel->local_selectivity;
	List	   *sent = NIL;
	List	   *kept = NIL;
	QualCost	more;
	ListCell   *lc;

	/* the estimate of all is there already */
	if (rel->local_conds == NIL)
		*remote = baserel->baserestrictcost;
	else
		cost_qual_eval(remote, rel->remote_conds, root);
	if (info == NULL)
		return stays;
	foreach(lc, info->ppi_clauses)
	{
		if (pgwire_is_remote(baserel, lfirst_node(RestrictInfo, lc)))
			sent = lappend(sent, lfirst(lc));
		else
			kept = lappend(kept, lfirst(lc));
	}
	cost_qual_eval(&more, sent, root);
	remote->startup += more.startup;
	remote->per_tuple += more.per_tuple;
	if (kept != NIL)
		stays *= clauselist_selectivity(root, kept, baserel->relid, JOIN_INNER, NULL);
	return stays;
}

/*
 * An execution that is one of many finds the connection made and the statement
 * prepared: a round trip is left.
 */
#define REPEATED_SETUP 0.2

void
pgwire_work_scan(PlannerInfo *root, RelOptInfo *baserel, ParamPathInfo *info, pgwire_work *work)
{
	pgwire_cost_args args;
	QualCost	remote;
	double		rows = info ? info->ppi_rows : baserel->rows;
	Selectivity stays = scan_conditions(root, baserel, info, &remote);

	begin(&args, PGWIRE_COST_SCAN);
	set_quals(&args, &remote);
	args.pages = baserel->pages;
	args.tuples = baserel->tuples;
	args.rows = pgwire_retrieved_rows(baserel, rows, stays);
	args.width = baserel->reltarget->width;
	args.setup = info ? REPEATED_SETUP : 1;
	pgwire_index_lookup(root, baserel, info, args.rows, &args.matched, &args.fetched);
	step(&args, work);
}

void
pgwire_work_join(PlannerInfo *root, RelOptInfo *outerrel, RelOptInfo *innerrel,
				 JoinType jointype, List *rinfos, double rows, int width, pgwire_work *work)
{
	pgwire_cost_args args;
	List	   *others = NIL;
	QualCost	quals;
	ListCell   *lc;

	begin(&args, PGWIRE_COST_JOIN);
	foreach(lc, rinfos)
	{
		if (OidIsValid(lfirst_node(RestrictInfo, lc)->hashjoinoperator))
			args.keys++;
		else
			others = lappend(others, lfirst(lc));
	}
	cost_qual_eval(&quals, others, root);
	set_quals(&args, &quals);
	args.rows = clamp_row_est(rows);
	args.pairs = args.rows;
	args.width = width;
	args.setup = 1;
	args.inner = ((pgwire_rel *) innerrel->fdw_private)->work;
	*work = ((pgwire_rel *) outerrel->fdw_private)->work;
	step(&args, work);
}

void
pgwire_work_group(pgwire_work *work, int keys, double groups, int width,
				  const QualCost *functions, const QualCost *having)
{
	pgwire_cost_args args;

	begin(&args, PGWIRE_COST_GROUP);
	set_quals(&args, functions);
	args.keys = keys;
	args.rows = clamp_row_est(groups);
	args.width = width;
	step(&args, work);
	if (having != NULL)
	{
		work->startup += having->startup;
		work->total += having->startup + having->per_tuple * work->rows;
	}
}

void
pgwire_work_sort(pgwire_work *work, int keys, double wanted)
{
	pgwire_cost_args args;

	begin(&args, PGWIRE_COST_SORT);
	args.keys = keys;
	args.rows = wanted;
	step(&args, work);
}

void
pgwire_work_window(pgwire_work *work, int keys, const QualCost *functions, int width)
{
	pgwire_cost_args args;

	begin(&args, PGWIRE_COST_WINDOW);
	set_quals(&args, functions);
	args.keys = keys;
	args.width = width;
	step(&args, work);
}

void
pgwire_work_limit(pgwire_work *work, double offset, double count)
{
	pgwire_cost_args args;

	begin(&args, PGWIRE_COST_LIMIT);
	args.offset = offset;
	args.rows = count;
	step(&args, work);
}

void
pgwire_work_query(PlannerInfo *root, Path *local, pgwire_work *work)
{
	work->rows = local->rows;
	work->width = local->pathtarget->width;
	work->startup = 0;
	work->total = local->total_cost;
	work->setup = 1;
}

void
pgwire_price(const pgwire_rel *rel, const pgwire_work *work, const QualCost *local,
			 Cost *startup, Cost *total)
{
	pgwire_cost_args args;
	pgwire_work priced = *work;

	begin(&args, PGWIRE_COST_PRICE);
	set_quals(&args, local);
	args.fdw_startup = rel->startup_cost;
	args.fdw_tuple = rel->tuple_cost;
	step(&args, &priced);
	*startup = priced.startup;
	*total = priced.total;
}
