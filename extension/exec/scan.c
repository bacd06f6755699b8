/*
 * scan.c - execution of a foreign scan.
 *
 * Nothing touches the network before the first row is asked for. From then on
 * the rows are those of a stream (stream.c), which this file makes from the plan
 * node. Those of several scans at a time are read in async.c.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/rel.h"

#include "alone.h"
#include "conn.h"
#include "demand.h"
#include "feedscan.h"
#include "pgwire_fdw.h"
#include "scan.h"

static int32_t
what_it_writes(const ForeignScan *plan)
{
	switch (plan->operation)
	{
		case CMD_INSERT:
			return PGWIRE_WRITES_INSERT;
		case CMD_UPDATE:
			return PGWIRE_WRITES_UPDATE;
		case CMD_DELETE:
			return PGWIRE_WRITES_DELETE;
		default:
			return 0;
	}
}

/* What Go makes the scan from. */
static void
describe_scan(pgwire_stream *stream, pgwire_scan_args *args)
{
	ForeignScanState *node = (ForeignScanState *) stream->owner;
	pgwire_scan_state *state = (pgwire_scan_state *) node->fdw_state;
	pgwire_demand demand = pgwire_demand_on(node);

	args->sql = pgwire_cstring(state->plan.sql);
	args->fetch_memory = (int64_t) state->plan.fetch_memory_kb * 1024;
	args->expected_bytes = state->plan.expected_kb < 0 ? -1 :
		(int64_t) state->plan.expected_kb * 1024;
	args->fetch_size = state->plan.fetch_size;
	args->may_stop = demand.may_stop;
	args->bound = demand.bound;
	args->locks_rows = (state->plan.flags & PGWIRE_SCAN_F_LOCKS_ROWS) != 0;
	args->writes = what_it_writes((ForeignScan *) node->ss.ps.plan);
}

static void
bind_scan(pgwire_stream *stream, pgwire_bind_args *args)
{
	ForeignScanState *node = (ForeignScanState *) stream->owner;
	pgwire_scan_state *state = (pgwire_scan_state *) node->fdw_state;

	pgwire_eval_params(state->params, node->ss.ps.ps_ExprContext);
	args->nparams = state->params->count;
	args->params = state->params->values;
	args->alone = state->may_be_alone && pgwire_is_whole_transaction(node->ss.ps.state);
}

/* Go has its own copy of the parameters, and one may take 1 GB. */
static void
free_params(pgwire_stream *stream)
{
	ForeignScanState *node = (ForeignScanState *) stream->owner;

	pgwire_free_params(((pgwire_scan_state *) node->fdw_state)->params);
}

/*
 * Make the node's state, with the stream of its statement unless the plan is only
 * shown. heap: its rows have system columns.
 */
pgwire_scan_state *
pgwire_begin_scan(ForeignScanState *node, int eflags, bool heap)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	Relation	rel = node->ss.ss_currentRelation;
	pgwire_scan_state *state;
	pgwire_stream *stream;

	state = palloc0(sizeof(pgwire_scan_state));
	node->fdw_state = state;
	pgwire_unpack_scan(plan->fdw_private, &state->plan);
	pgwire_make_explainable(plan);
	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return state;

	if (state->plan.flags & PGWIRE_SCAN_F_FEED)
	{
		state->feed = pgwire_begin_feed(node);
		return state;
	}

	/* as of now, not as of planning: a cached plan outlives a role */
	stream = &state->stream;
	stream->userid = state->plan.check_as_user;
	if (!OidIsValid(stream->userid))
		stream->userid = GetUserId();
	stream->serverid = plan->fs_server;
	stream->umid = pgwire_user_mapping(stream->userid, stream->serverid);
	stream->timed = node->ss.ps.state->es_instrument != 0;
	stream->context = node->ss.ps.state->es_query_cxt;
	stream->format = pgwire_make_row_format(node->ss.ss_ScanTupleSlot->tts_tupleDescriptor,
											state->plan.attrs,
											rel != NULL ? RelationGetRelationName(rel) : "",
											heap);
	if (rel == NULL)
		pgwire_name_by_tlist(stream->format, plan->fdw_scan_tlist, node->ss.ps.state);
	stream->describe = describe_scan;
	stream->bind = bind_scan;
	stream->bound_to = free_params;
	stream->owner = node;
	state->params = pgwire_prepare_params(plan->fdw_exprs, &node->ss.ps);
	return state;
}

void
pgwireBeginForeignScan(ForeignScanState *node, int eflags)
{
	pgwire_scan_state *state = pgwire_begin_scan(node, eflags,
												 ((ForeignScan *) node->ss.ps.plan)->fsSystemCol);

	if (!(eflags & EXEC_FLAG_EXPLAIN_ONLY) && state->feed == NULL)
		state->may_be_alone = pgwire_is_whole_statement(node, state->plan.attrs);
}

TupleTableSlot *
pgwireIterateForeignScan(ForeignScanState *node)
{
	pgwire_scan_state *state = (pgwire_scan_state *) node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	pgwire_error err;

	if (state->feed != NULL)
	{
		pgwire_feed_row(state->feed);
		return slot;
	}
	/* more rows are asked for, and waited for, in async.c */
	if (node->ss.ps.async_capable && state->stream.rows_left == 0)
		return ExecClearTuple(slot);
	if (unlikely(pgwire_stream_row(&state->stream, slot, &err) == PGWIRE_ERROR))
		pgwire_raise_stream(&state->stream, &err);
	return slot;
}

void
pgwireReScanForeignScan(ForeignScanState *node)
{
	pgwire_scan_state *state = (pgwire_scan_state *) node->fdw_state;

	if (state->feed != NULL)
	{
		pgwire_feed_rewind(state->feed);
		return;
	}

	/*
	 * The statement runs anew even where no parameter has changed: within one
	 * remote snapshot it gives the same rows, and keeping them would cost
	 * memory that a Material node above accounts for when it is worth it.
	 */
	pgwire_stream_rewind(&state->stream);
}

void
pgwireShutdownForeignScan(ForeignScanState *node)
{
	/* a cursor may still go on after this, so only what is used up is given back */
	pgwire_stream_trim(&((pgwire_scan_state *) node->fdw_state)->stream);
}

void
pgwireEndForeignScan(ForeignScanState *node)
{
	pgwire_scan_state *state = (pgwire_scan_state *) node->fdw_state;

	if (state != NULL && state->feed != NULL)
		pgwire_feed_end(state->feed);
	else if (state != NULL)
		pgwire_stream_close(&state->stream);
}

/*
 * EvalPlanQual has new versions of rows, or rows that it was told to keep: is
 * there still a row of the scan? A table's conditions it checks itself, of the
 * plan's fdw_recheck_quals; a join is done anew by the plan that is there for it. A
 * whole query locks nothing, and is asked anew.
 */
bool
pgwireRecheckForeignScan(ForeignScanState *node, TupleTableSlot *slot)
{
	PlanState  *joined = outerPlanState(node);
	TupleTableSlot *row;

	if (((Scan *) node->ss.ps.plan)->scanrelid > 0)
		return true;
	row = joined != NULL ? ExecProcNode(joined) : pgwireIterateForeignScan(node);
	if (TupIsNull(row))
		return false;
	if (row != slot)
		ExecCopySlot(slot, row);
	return true;
}
