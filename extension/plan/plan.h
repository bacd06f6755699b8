/*
 * plan.h - what the files that plan share: what is known of a foreign relation,
 * and how Go is asked about it.
 */
#ifndef PGWIRE_PLAN_H
#define PGWIRE_PLAN_H

#include "pgwire_fdw.h"

#include "nodes/pathnodes.h"

#include "ir.h"
#include "reply.h"

/*
 * What is known of a base relation while it is planned; RelOptInfo.fdw_private.
 * Plain data in the planner's memory.
 */
typedef struct pgwire_rel
{
	List	   *extensions;		/* OIDs of those that the server vouches for */

	/* RestrictInfos by who checks them, as far as Go was asked */
	List	   *remote_conds;
	List	   *local_conds;
	Selectivity local_selectivity;	/* of those of baserestrictinfo that are local */
	QualCost	local_cost;		/* of checking them */
	pgwire_work work;			/* of the remote, for the relation without parameters or
								 * order (cost.h) */
	Bitmapset  *attrs;			/* columns to fetch, offset by
								 * FirstLowInvalidHeapAttributeNumber */
	bool		analyzed;		/* there are statistics */

	List	   *refusals;		/* of pgwire_refusal: what was not pushed, and why */

	/* options in force for this table */
	char	   *schema_name;	/* of the remote table; empty: the local one's */
	char	   *table_name;
	double		startup_cost;
	double		tuple_cost;
	int			fetch_size;
	int64		fetch_memory;	/* bytes */
} pgwire_rel;

/* Why something stays here that might have been sent. */
typedef struct pgwire_refusal
{
	RestrictInfo *rinfo;		/* of the condition; NULL: not about one */
	Node	   *what;			/* expression to blame, String, or NULL */
	Relids		others;			/* relations that could not be joined with, or NULL */
	const char *reason;			/* in words, lower case, no period */
} pgwire_refusal;

/* in plan.c */
extern void pgwire_begin_request(StringInfo request, uint8 kind);
extern pgwire_reply pgwire_ask(StringInfo request);
extern void pgwire_classify(RelOptInfo *baserel, List *rinfos);
extern bool pgwire_is_remote(RelOptInfo *baserel, RestrictInfo *rinfo);
extern double pgwire_retrieved_rows(RelOptInfo *baserel, double rows, Selectivity local);

/* in why.c */
extern void pgwire_refuse(pgwire_rel *rel, RestrictInfo *rinfo, Node *what, const char *reason);
extern void pgwire_refuse_join(pgwire_rel *rel, Relids others, const char *reason);
extern List *pgwire_pack_refusals(PlannerInfo *root, RelOptInfo *foreignrel,
								  List *refusals, List *local);

#endif
