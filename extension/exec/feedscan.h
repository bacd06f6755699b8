/*
 * feedscan.h - the scan of a feed table.
 */
#ifndef PGWIRE_FEEDSCAN_H
#define PGWIRE_FEEDSCAN_H

#include "postgres.h"

#include "commands/explain.h"
#include "nodes/execnodes.h"

typedef struct pgwire_feed_scan pgwire_feed_scan;

/* Make it; nothing is read before the first row is asked for. */
extern pgwire_feed_scan *pgwire_begin_feed(ForeignScanState *node);

/* Store the next row in the scan's slot, or empty it: there are no more. */
extern void pgwire_feed_row(pgwire_feed_scan *scan);

/* The next row is the first one again. */
extern void pgwire_feed_rewind(pgwire_feed_scan *scan);

extern void pgwire_feed_end(pgwire_feed_scan *scan);

/* What EXPLAIN shows; scan NULL: it was not made. */
extern void pgwire_explain_feed(ForeignScanState *node, pgwire_feed_scan *scan,
								struct ExplainState *es);

#endif
