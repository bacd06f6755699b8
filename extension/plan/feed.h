/*
 * feed.h - foreign tables that show the changes of a remote (option feed).
 */
#ifndef PGWIRE_FEED_H
#define PGWIRE_FEED_H

#include "postgres.h"

#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"

/* in plan/feed.c */
extern bool pgwire_is_feed(Oid relid);
/* of a list of DefElem: the value of an option, or NULL */
extern const char *pgwire_feed_option(List *options, const char *name);
extern void pgwire_feed_size(PlannerInfo *root, RelOptInfo *baserel);
extern void pgwire_feed_paths(PlannerInfo *root, RelOptInfo *baserel);
extern ForeignScan *pgwire_feed_plan(PlannerInfo *root, RelOptInfo *baserel, Oid relid,
									 List *tlist, List *scan_clauses, Plan *outer_plan);

#endif
