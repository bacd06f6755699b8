/*
 * scan.h - the state of a foreign scan, for scan.c and explain.c.
 */
#ifndef PGWIRE_SCAN_H
#define PGWIRE_SCAN_H

#include "param.h"
#include "private.h"
#include "stream.h"

typedef struct pgwire_scan_state
{
	pgwire_scan_private plan;
	pgwire_params *params;
	bool		may_be_alone;	/* whole plan, no user-defined functions */
	int			behind;			/* async.c: how often in turn it was told to wait for
								 * another scan, not for a descriptor */
	instr_time	asked;			/* async.c: since when it waits, where timed */
	pgwire_stream stream;
	struct pgwire_feed_scan *feed;	/* reads the rows in the place of stream; or NULL */

	/* of a direct modification (direct.c) */
	AttrNumber *column_map;		/* of a join: columns of the table in its rows */
	AttrNumber	ctid;			/* and its ctid; 0: not there */
	bool		counted;
	int64		returned;		/* rows */
} pgwire_scan_state;

extern pgwire_scan_state *pgwire_begin_scan(ForeignScanState *node, int eflags, bool heap);

/*
 * Makes what the scan puts out such that every EXPLAIN can show it. To be called
 * before anything of the plan is shown, also for EXPLAIN without ANALYZE.
 */
extern void pgwire_make_explainable(ForeignScan *plan);

#endif
