/*
 * demand.h - how much of a scan the plan above it is going to read.
 */
#ifndef PGWIRE_DEMAND_H
#define PGWIRE_DEMAND_H

#include "postgres.h"

#include "nodes/execnodes.h"

/* What a node asks of the one below it, in one execution of that. */
typedef struct pgwire_demand
{
	bool		may_stop;		/* may be left before its end, and before bound */
	int64		bound;			/* is never asked for more rows; 0: not known */
} pgwire_demand;

/*
 * What the running statement asks of this scan. To be called when its first
 * row is asked for: before, nobody knows who reads the statement's rows.
 */
extern pgwire_demand pgwire_demand_on(ForeignScanState *node);

#endif
