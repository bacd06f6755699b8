/*
 * cost.h - what foreign paths cost (handler/internal/cost).
 *
 * pgwire_work is what the remote does to answer a relation. Each function below is
 * one step of it: a work begins with pgwire_work_scan, _join or _query, goes through
 * what the remote is to do with the rows, and pgwire_price makes the costs of a path
 * of it. All take the work in place; none keeps anything. rows and width of
 * *work are those that travel, before conditions that stay here.
 */
#ifndef PGWIRE_COST_H
#define PGWIRE_COST_H

#include "plan.h"

/*
 * A scan of a base relation's table by the remote conditions, and by the clauses
 * of the parameterization: info may be NULL. Kept in pgwire_rel.work without.
 */
extern void pgwire_work_scan(PlannerInfo *root, RelOptInfo *baserel,
							 ParamPathInfo *info, pgwire_work *work);

/*
 * A join of two relations, of which pgwire_rel.work says what each costs. rinfos are
 * the conditions that the remote checks while it joins, rows what leaves the join
 * (before conditions that stay here).
 */
extern void pgwire_work_join(PlannerInfo *root, RelOptInfo *outerrel, RelOptInfo *innerrel,
							 JoinType jointype, List *rinfos, double rows, int width,
							 pgwire_work *work);

/*
 * Make groups of the rows: GROUP BY, DISTINCT, UNION, aggregates. keys is the
 * number of grouping columns (0: one group), functions what is computed for each row
 * (transition functions; NULL: nothing), having what is checked of each group
 * (NULL: nothing; groups is before it).
 */
extern void pgwire_work_group(pgwire_work *work, int keys, double groups, int width,
							  const QualCost *functions, const QualCost *having);

/*
 * Sort by so many columns. wanted is how many rows will be read of it at most, from a
 * LIMIT (offset included); <0: all.
 */
extern void pgwire_work_sort(pgwire_work *work, int keys, double wanted);

/* Compute window functions over sorted rows. */
extern void pgwire_work_window(pgwire_work *work, int keys, const QualCost *functions, int width);

/* LIMIT and OFFSET; count <0: no LIMIT. */
extern void pgwire_work_limit(pgwire_work *work, double offset, double count);

/*
 * A whole query, which this server would answer by the path local: the work is what
 * that costs but for the way of the rows of foreign scans in it. Width and rows are the
 * path's.
 */
extern void pgwire_work_query(PlannerInfo *root, Path *local, pgwire_work *work);

/*
 * The costs of a foreign path: the work, the way here, and what is done here with
 * each row that arrives, such as local conditions (NULL: nothing). rel has the
 * server's cost options.
 */
extern void pgwire_price(const pgwire_rel *rel, const pgwire_work *work,
						 const QualCost *local, Cost *startup, Cost *total);

/*
 * in estimate.c: ask the remote what a query over a relation costs (base or join; where
 * and tail as for pgwire_put_query). False: it does not say, and *work is as it was.
 */
extern bool pgwire_remote_estimate(PlannerInfo *root, RelOptInfo *from, List *where,
								   const Query *tail, pgwire_work *work);

/*
 * in lookup.c: how many rows an index leads the remote to, and how many pages it reads
 * for them; matched <0: none is of use. rows is what the conditions leave.
 */
extern void pgwire_index_lookup(PlannerInfo *root, RelOptInfo *baserel, ParamPathInfo *info,
								double rows, double *matched, double *fetched);

#endif
