/*
 * direct.c - execution of a modification that the remote does by itself. Its
 * statement is run like a scan's; what comes back is how many rows it has changed,
 * or, with RETURNING, the rows.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/transam.h"
#include "commands/explain.h"
#include "executor/executor.h"
#include "utils/rel.h"

#include "pgwire_fdw.h"
#include "scan.h"

/*
 * A row of a join has columns of the table that was changed, and others: where each
 * column of the table is in it, 0: nowhere. NULL of a scan of the table alone.
 */
static AttrNumber *
map_columns(ForeignScanState *node, AttrNumber *ctid)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	Relation	rel = node->resultRelInfo->ri_RelationDesc;
	AttrNumber *map;
	ListCell   *lc;

	*ctid = 0;
	if (plan->scan.scanrelid > 0)
		return NULL;
	map = palloc0(sizeof(AttrNumber) * Max(RelationGetNumberOfAttributes(rel), 1));
	foreach(lc, plan->fdw_scan_tlist)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);
		Var		   *var = castNode(Var, entry->expr);

		if ((Index) var->varno != plan->resultRelation)
			continue;
		if (var->varattno > 0)
			map[var->varattno - 1] = entry->resno;
		else if (var->varattno == SelfItemPointerAttributeNumber)
			*ctid = entry->resno;
	}
	return map;
}

void
pgwireBeginDirectModify(ForeignScanState *node, int eflags)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	pgwire_scan_private private;
	pgwire_scan_state *state;

	pgwire_unpack_scan(plan->fdw_private, &private);
	state = pgwire_begin_scan(node, eflags, plan->scan.scanrelid > 0 &&
							  (private.flags & PGWIRE_SCAN_F_SYSTEM) != 0);
	state->column_map = map_columns(node, &state->ctid);
}

/* The changed row, out of a row that has columns of other tables, too. */
static TupleTableSlot *
changed_row(ForeignScanState *node, TupleTableSlot *from)
{
	pgwire_scan_state *state = (pgwire_scan_state *) node->fdw_state;
	TupleTableSlot *to = ExecGetReturningSlot(node->ss.ps.state, node->resultRelInfo);
	HeapTuple	tuple;

	slot_getallattrs(from);
	ExecClearTuple(to);
	for (int i = 0; i < to->tts_tupleDescriptor->natts; i++)
	{
		int			column = state->column_map[i];

		to->tts_isnull[i] = column == 0 || from->tts_isnull[column - 1];
		to->tts_values[i] = column == 0 ? (Datum) 0 : from->tts_values[column - 1];
	}
	ExecStoreVirtualTuple(to);
	if (!(state->plan.flags & PGWIRE_SCAN_F_SYSTEM))
		return to;

	/* as pgwire_store_row does */
	tuple = ExecFetchSlotHeapTuple(to, true, NULL);
	if (state->ctid > 0)
		to->tts_tid = tuple->t_self = tuple->t_data->t_ctid =
			*(ItemPointer) DatumGetPointer(from->tts_values[state->ctid - 1]);
	HeapTupleHeaderSetXmin(tuple->t_data, InvalidTransactionId);
	HeapTupleHeaderSetXmax(tuple->t_data, InvalidTransactionId);
	HeapTupleHeaderSetCmin(tuple->t_data, 0);
	return to;
}

/*
 * All is through. How many rows the remote has changed it says in any case; with
 * RETURNING it has sent so many.
 */
static void
count_changed(ForeignScanState *node)
{
	pgwire_scan_state *state = (pgwire_scan_state *) node->fdw_state;
	pgwire_scan_stats stats = {0};

	if (state->counted)
		return;
	state->counted = true;
	(void) pgwire_loaded->pgwire_go_scan_stats(*state->stream.scan, &stats);
	if (stats.affected < 0)
		pgwire_raise_local(ERRCODE_FDW_ERROR,
						   "the remote server does not say how many rows it has changed", NULL, NULL);
	if (node->resultRelInfo->ri_projectReturning != NULL)
	{
		if (stats.affected != state->returned)
			pgwire_raise_local(ERRCODE_FDW_ERROR,
							   psprintf("the remote server has changed " INT64_FORMAT " rows and returned " INT64_FORMAT,
										stats.affected, state->returned), NULL, NULL);
		return;
	}
	if (state->plan.flags & PGWIRE_SCAN_F_COUNTS)
		node->ss.ps.state->es_processed += stats.affected;
	if (node->ss.ps.instrument)
		node->ss.ps.instrument->tuplecount += stats.affected;
}

TupleTableSlot *
pgwireIterateDirectModify(ForeignScanState *node)
{
	pgwire_scan_state *state = (pgwire_scan_state *) node->fdw_state;
	ProjectionInfo *returning = node->resultRelInfo->ri_projectReturning;
	TupleTableSlot *slot = pgwireIterateForeignScan(node);

	/* a rule may answer rows that nobody has asked for */
	while (returning == NULL && !TupIsNull(slot))
		slot = pgwireIterateForeignScan(node);
	if (TupIsNull(slot))
	{
		count_changed(node);
		return slot;
	}
	state->returned++;
	if (state->plan.flags & PGWIRE_SCAN_F_COUNTS)
		node->ss.ps.state->es_processed++;
	returning->pi_exprContext->ecxt_scantuple = state->column_map != NULL ?
		changed_row(node, slot) : slot;
	return slot;
}

void
pgwireEndDirectModify(ForeignScanState *node)
{
	pgwireEndForeignScan(node);
}

void
pgwireExplainDirectModify(ForeignScanState *node, ExplainState *es)
{
	pgwireExplainForeignScan(node, es);
}
