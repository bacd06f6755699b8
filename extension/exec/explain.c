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

/* One line for people. */
static void
explain_text(const pgwire_scan_state *state, const pgwire_scan_stats *stats,
			 ExplainState *es)
{
	StringInfoData line;

	initStringInfo(&line);
	appendStringInfo(&line,
					 "rows=" INT64_FORMAT " bytes=" INT64_FORMAT
					 " batches=" INT64_FORMAT " round trips=" INT64_FORMAT,
					 stats->rows, stats->bytes, stats->batches, stats->round_trips);
	if (stats->portions > 0)
		appendStringInfo(&line, " portions=" INT64_FORMAT, stats->portions);
	if (stats->spooled > 0)
		appendStringInfo(&line, " set aside=" INT64_FORMAT " kB%s",
						 (stats->spooled + 1023) / 1024,
						 stats->spool_file > 0 ? " (disk)" : "");
	if (es->timing)
	{
		if (!INSTR_TIME_IS_ZERO(state->stream.connecting))
			appendStringInfo(&line, " connect=%.3f ms",
							 INSTR_TIME_GET_MILLISEC(state->stream.connecting));
		appendStringInfo(&line, " wait=%.3f ms",
						 INSTR_TIME_GET_MILLISEC(state->stream.waited));
	}
	ExplainPropertyText("Remote", line.data, es);
	pfree(line.data);
}

/* The same for programs: always all of them. */
static void
explain_properties(const pgwire_scan_state *state, const pgwire_scan_stats *stats,
				   ExplainState *es)
{
	ExplainPropertyInteger("Remote Rows", NULL, stats->rows, es);
	ExplainPropertyInteger("Remote Bytes", NULL, stats->bytes, es);
	ExplainPropertyInteger("Remote Batches", NULL, stats->batches, es);
	ExplainPropertyInteger("Remote Round Trips", NULL, stats->round_trips, es);
	ExplainPropertyInteger("Remote Portions", NULL, stats->portions, es);
	ExplainPropertyInteger("Remote Set Aside", "kB", (stats->spooled + 1023) / 1024, es);
	if (es->timing)
	{
		ExplainPropertyFloat("Remote Connect Time", "ms",
							 INSTR_TIME_GET_MILLISEC(state->stream.connecting), 3, es);
		ExplainPropertyFloat("Remote Wait Time", "ms",
							 INSTR_TIME_GET_MILLISEC(state->stream.waited), 3, es);
	}
}

void
pgwireExplainForeignScan(ForeignScanState *node, ExplainState *es)
{
	pgwire_scan_state *state = (pgwire_scan_state *) node->fdw_state;
	pgwire_scan_stats stats = {0};

	if (es->verbose)
		ExplainPropertyText("Remote SQL", state->plan.sql, es);
	if (!es->analyze)
		return;
	if (state->stream.scan != NULL)
		(void) pgwire_loaded->pgwire_go_scan_stats(*state->stream.scan, &stats);
	if (es->format == EXPLAIN_FORMAT_TEXT)
		explain_text(state, &stats, es);
	else
		explain_properties(state, &stats, es);
}
