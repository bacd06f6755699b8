/*
 * explain.c - what EXPLAIN shows of a foreign scan.
 */
#include "postgres.h"

#include "commands/explain.h"
#include "lib/stringinfo.h"
#include "nodes/extensible.h"

#include "compat.h"
#include "pgwire_fdw.h"
#include "scan.h"

/* Counters of an execution, in EXPLAIN ANALYZE. */
static void
explain_execution(pgwire_scan_state *state, ExplainState *es)
{
	pgwire_scan_stats *stats = &state->stats;

	if (state->scan != 0)
		(void) pgwire_loaded->pgwire_go_scan_stats(state->scan, stats);
	ExplainPropertyInteger("Remote Rows", NULL, stats->rows, es);
	ExplainPropertyInteger("Remote Bytes", NULL, stats->bytes, es);
	ExplainPropertyInteger("Batches", NULL, stats->batches, es);
	ExplainPropertyInteger("Round Trips", NULL, stats->round_trips, es);
	if (stats->spooled > 0)
		ExplainPropertyInteger("Rows Set Aside", "kB", (stats->spooled + 1023) / 1024, es);
	if (es->timing)
	{
		ExplainPropertyFloat("Connect Time", "ms",
							 INSTR_TIME_GET_MILLISEC(state->connecting), 3, es);
		ExplainPropertyFloat("Remote Wait", "ms",
							 INSTR_TIME_GET_MILLISEC(state->waited), 3, es);
	}
}

void
pgwireExplainForeignScan(ForeignScanState *node, ExplainState *es)
{
	pgwire_scan_state *state = (pgwire_scan_state *) node->fdw_state;

	if (es->verbose)
		ExplainPropertyText("Remote SQL", state->plan.sql, es);
	if (es->analyze && es->verbose)
		explain_execution(state, es);
}
