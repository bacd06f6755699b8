/*
 * scan.c - execution of a foreign scan.
 *
 * Nothing touches the network before the first row is asked for. From then on
 * a batch of rows is read in one call into Go, and each row of it is stored
 * without one; when Go has nothing ready, this side waits, where it can be
 * interrupted.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "alone.h"
#include "conn.h"
#include "demand.h"
#include "handle.h"
#include "pgwire_fdw.h"
#include "scan.h"
#include "wait.h"

void
pgwireBeginForeignScan(ForeignScanState *node, int eflags)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	Relation	rel = node->ss.ss_currentRelation;
	pgwire_scan_state *state;

	state = palloc0(sizeof(pgwire_scan_state));
	node->fdw_state = state;
	pgwire_unpack_scan(plan->fdw_private, &state->plan);
	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;

	/* as of now, not as of planning: a cached plan outlives a role */
	state->userid = pgwire_scan_check_as_user(node);
	if (!OidIsValid(state->userid))
		state->userid = GetUserId();
	state->serverid = GetForeignServerIdByRelId(RelationGetRelid(rel));
	state->umid = pgwire_user_mapping(state->userid, state->serverid);
	state->timed = node->ss.ps.state->es_instrument != 0;
	state->format = pgwire_make_row_format(node->ss.ss_ScanTupleSlot->tts_tupleDescriptor,
									 state->plan.attrs,
									 RelationGetRelationName(rel), plan->fsSystemCol);
	state->may_be_alone = pgwire_is_whole_statement(node, state->plan.attrs);
	state->params = pgwire_prepare_params(plan->fdw_exprs, &node->ss.ps);
}

/* What Go makes the scan from. */
static void
fill_scan_args(ForeignScanState *node, pgwire_scan_state *state, pgwire_scan_args *args)
{
	pgwire_demand demand = pgwire_demand_on(node);

	memset(args, 0, sizeof(*args));
	args->umid = state->umid;
	args->superuser = superuser_arg(state->userid);
	args->ncols = state->format->ncols;
	args->cols = pgwire_row_columns(state->format);
	args->sql = pgwire_cstring(state->plan.sql);
	args->fetch_memory = (int64_t) state->plan.fetch_memory_kb * 1024;
	args->expected_bytes = state->plan.expected_kb < 0 ? -1 :
		(int64_t) state->plan.expected_kb * 1024;
	args->fetch_size = state->plan.fetch_size;
	args->may_stop = demand.may_stop;
	args->bound = demand.bound;
	args->locks_rows = (state->plan.flags & PGWIRE_SCAN_F_LOCKS_ROWS) != 0;
}

/*
 * Start the statement with the current values of its parameters; the answer is
 * Go's. The scan there dies with the executor's memory, and whoever is to close
 * it is there first, so that nothing that fails later leaves it behind.
 */
static int32_t
start_scan(ForeignScanState *node, pgwire_scan_state *state,
		   pgwire_batch *batch, pgwire_wait *wait, pgwire_error *err)
{
	pgwire_scan_args scan;
	pgwire_bind_args bind;
	int32_t		rc;

	/* a connection may be at hand that was made from what is no longer so */
	AcceptInvalidationMessages();
	if (state->scan == NULL)
		state->scan = pgwire_reserve_scan(node->ss.ps.state->es_query_cxt);
	if (*state->scan == 0)
		fill_scan_args(node, state, &scan);
	pgwire_join_transaction();
	pgwire_eval_params(state->params, node->ss.ps.ps_ExprContext);
	bind.serializable = IsolationIsSerializable();
	bind.nest_level = GetCurrentTransactionNestLevel();
	bind.nparams = state->params->count;
	bind.alone = state->may_be_alone && pgwire_is_whole_transaction(node->ss.ps.state);
	bind.params = state->params->values;
	rc = pgwire_go()->pgwire_go_scan_start(state->scan, &scan, &bind, batch, wait, err);
	pgwire_free_params(state->params);	/* Go has its own copy, and one may take 1 GB */
	state->bound = true;
	state->formats_known = false;
	return rc;
}

/* Raise an error of a scan; a bad value names its column and table. */
static void
raise_scan_error(pgwire_scan_state *state, const pgwire_error *err)
{
	pgwire_row_format *format = state->format;

	if (err->column >= 0 && err->column < format->ncols)
	{
		int			attnum = format->attnums[err->column];

		pgwire_push_conversion(&format->conv);
		format->conv.column = attnum < 0 ? "ctid" :
			NameStr(TupleDescAttr(format->tupdesc, attnum - 1)->attname);
	}
	pgwire_raise(err);
}

static void
wait_timed(pgwire_scan_state *state, const pgwire_wait *wait)
{
	instr_time	start,
				end;

	if (!state->timed)
	{
		pgwire_wait_for(wait);
		return;
	}
	INSTR_TIME_SET_CURRENT(start);
	pgwire_wait_for(wait);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_ACCUM_DIFF(state->waited, end, start);
}

static void
connect_timed(ForeignScanState *node, pgwire_scan_state *state)
{
	instr_time	start,
				end;
	Oid			umid;

	INSTR_TIME_SET_CURRENT(start);
	umid = pgwire_open_connection(state->userid, state->serverid);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_ACCUM_DIFF(state->connecting, end, start);
	if (umid != state->umid)
	{
		/* the mapping has been replaced, and Go knows connections by theirs */
		pgwire_close_scan(state->scan);
		state->umid = umid;
		state->bound = false;
	}
}

static bool
end_of_rows(pgwire_scan_state *state)
{
	state->eof = true;
	pgwire_deliver_notices();
	return false;
}

static void
take_batch(pgwire_scan_state *state, const pgwire_batch *batch)
{
	if (!state->formats_known)
		pgwire_row_value_formats(state->format, batch->value_formats, batch->all_datum);
	else
		state->large = true;
	state->formats_known = true;
	state->row = batch->rows;
	state->rows_left = batch->nrows;
	state->last = batch->last;
}

/* Get the next batch; false when there are no more rows. */
static bool
next_batch(ForeignScanState *node, pgwire_scan_state *state)
{
	pgwire_batch batch;
	pgwire_wait wait;
	pgwire_error err;
	int32_t		rc;

	if (state->eof)
		return false;
	if (state->last)
		return end_of_rows(state);
	for (;;)
	{
		if (state->bound)
			rc = pgwire_loaded->pgwire_go_scan_next(*state->scan, GetCurrentTransactionNestLevel(),
														 &batch, &wait, &err);
		else
			rc = start_scan(node, state, &batch, &wait, &err);
		switch (rc)
		{
			case PGWIRE_OK:
				take_batch(state, &batch);
				return true;
			case PGWIRE_EOF:
				return end_of_rows(state);
			case PGWIRE_WAIT:
				wait_timed(state, &wait);
				break;
			case PGWIRE_CONN:
				connect_timed(node, state);
				break;
			default:
				raise_scan_error(state, &err);
		}
	}
}

TupleTableSlot *
pgwireIterateForeignScan(ForeignScanState *node)
{
	pgwire_scan_state *state = (pgwire_scan_state *) node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;

	if (state->rows_left == 0 && !next_batch(node, state))
		return ExecClearTuple(slot);
	state->rows_left--;
	state->row = pgwire_store_row(state->format, state->row, slot);
	return slot;
}

void
pgwireReScanForeignScan(ForeignScanState *node)
{
	pgwire_scan_state *state = (pgwire_scan_state *) node->fdw_state;

	/*
	 * The statement runs anew even where no parameter has changed: within one
	 * remote snapshot it gives the same rows, and keeping them would cost
	 * memory that a Material node above accounts for when it is worth it.
	 */
	if (state->scan != NULL && state->bound && !state->eof && !state->last)
		(void) pgwire_loaded->pgwire_go_scan_reset(*state->scan);
	state->bound = false;
	state->eof = false;
	state->last = false;
	state->rows_left = 0;
}

void
pgwireShutdownForeignScan(ForeignScanState *node)
{
	pgwire_scan_state *state = (pgwire_scan_state *) node->fdw_state;

	/*
	 * A cursor may still go on after this, so only what is used up is given
	 * back: the memory of the last batch, where it is worth a call.
	 */
	if (state->scan != NULL && state->eof && state->large)
		(void) pgwire_loaded->pgwire_go_scan_reset(*state->scan);
}

void
pgwireEndForeignScan(ForeignScanState *node)
{
	pgwire_scan_state *state = (pgwire_scan_state *) node->fdw_state;

	if (state != NULL && state->scan != NULL)
		pgwire_close_scan(state->scan);
}
