/*
 * way.c - what a plan of the planner's own pays for having rows brought here, which
 * a query that is sent as a whole (query.c) does not pay.
 */
#include "postgres.h"

#include "query.h"

#include "miscadmin.h"
#include "nodes/pathnodes.h"
#include "optimizer/pathnode.h"

static void add_path_way(Path *path, double loops, pgwire_way *way);

static void
add_all(List *paths, double loops, pgwire_way *way)
{
	ListCell   *lc;

	foreach(lc, paths)
		add_path_way(lfirst(lc), loops, way);
}

/* What of a foreign path's costs is not the work of the remote. */
static void
add_foreign(ForeignPath *path, double loops, pgwire_way *way)
{
	const pgwire_rel *rel = path->fdw_private != NIL ?
		linitial(path->fdw_private) : path->path.parent->fdw_private;

	if (rel == NULL)
		return;
	way->cost += (rel->startup_cost + rel->tuple_cost * path->path.rows) * loops;
	way->rows += path->path.rows * loops;
}

static void
add_nestloop(JoinPath *join, double loops, pgwire_way *way)
{
	Path	   *inner = join->innerjoinpath;
	bool		kept = IsA(inner, MaterialPath);

	add_path_way(join->outerjoinpath, loops, way);
	add_path_way(inner, kept ? loops : loops * Max(join->outerjoinpath->rows, 1), way);
}

static void
add_path_way(Path *path, double loops, pgwire_way *way)
{
	check_stack_depth();
	switch (nodeTag(path))
	{
		case T_ForeignPath:
			add_foreign((ForeignPath *) path, loops, way);
			break;
		case T_NestPath:
			add_nestloop((JoinPath *) path, loops, way);
			break;
		case T_HashPath:
		case T_MergePath:
			add_path_way(((JoinPath *) path)->outerjoinpath, loops, way);
			add_path_way(((JoinPath *) path)->innerjoinpath, loops, way);
			break;
		case T_AppendPath:
			add_all(((AppendPath *) path)->subpaths, loops, way);
			break;
		case T_MergeAppendPath:
			add_all(((MergeAppendPath *) path)->subpaths, loops, way);
			break;
		case T_RecursiveUnionPath:
			add_path_way(((RecursiveUnionPath *) path)->leftpath, loops, way);
			add_path_way(((RecursiveUnionPath *) path)->rightpath, loops, way);
			break;
		case T_SetOpPath:
			add_all(pgwire_setop_paths((SetOpPath *) path), loops, way);
			break;
			/* those that begin as this one does: a path, and the one below */
		case T_AggPath:
		case T_GroupPath:
		case T_GroupingSetsPath:
		case T_IncrementalSortPath:
		case T_LimitPath:
		case T_MaterialPath:
		case T_MemoizePath:
		case T_ProjectionPath:
		case T_ProjectSetPath:
		case T_SortPath:
		case T_SubqueryScanPath:
		case T_UniquePath:
		case T_UpperUniquePath:
		case T_WindowAggPath:
			add_path_way(((MaterialPath *) path)->subpath, loops, way);
			break;
		default:
			break;
	}
}

/* Is it an init plan of the level? They run once. */
static bool
is_init_plan(PlannerInfo *root, int plan_id)
{
	ListCell   *lc;

	foreach(lc, root->init_plans)
		if (lfirst_node(SubPlan, lc)->plan_id == plan_id)
			return true;
	return false;
}

/*
 * The way of all rows of a path, and of the sub-plans of its level. How often
 * these run is not known; once for each row that comes out is the guess.
 */
void
pgwire_find_way(PlannerInfo *root, Path *path, pgwire_way *way)
{
	ListCell   *lc;

	memset(way, 0, sizeof(*way));
	add_path_way(path, 1, way);
	foreach(lc, root->glob->subroots)
	{
		PlannerInfo *subroot = lfirst(lc);

		if (subroot->parent_root == root)
			add_path_way(fetch_upper_rel(subroot, UPPERREL_FINAL, NULL)->cheapest_total_path,
						 is_init_plan(root, foreach_current_index(lc) + 1) ? 1 : Max(path->rows, 1),
						 way);
	}
	foreach(lc, root->init_plans)
	{
		SubPlan    *plan = lfirst_node(SubPlan, lc);

		way->init_plans += plan->startup_cost + plan->per_call_cost;
	}
}
