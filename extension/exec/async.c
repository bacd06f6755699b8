/*
 * async.c - scans below an Append that run at the same time.
 *
 * The Append asks each child for a row (Request), and what a child cannot
 * answer at once it waits for together with what the others wait for: each puts a
 * descriptor into the set (ConfigureWait), and is told when there is something to
 * read (Notify). All three come to one step of the child's stream, which never
 * waits: it answers the request, or says what to wait for.
 *
 * How many children have connections of their own is for Go to say (pool/stream.go).
 * A child without one is "behind" another, for which the Append waits anyway.
 */
#include "postgres.h"

#include "executor/execAsync.h"
#include "executor/executor.h"
#include "executor/instrument.h"

#include "pgwire_fdw.h"
#include "scan.h"
#include "wait.h"

/* The scan that a request is for, or NULL if it is none of ours. */
static ForeignScanState *
scan_of(const AsyncRequest *areq)
{
	ForeignScanState *node = (ForeignScanState *) areq->requestee;

	if (!IsA(node, ForeignScanState) ||
		node->fdwroutine->ForeignAsyncRequest != pgwireForeignAsyncRequest)
		return NULL;
	return node;
}

static pgwire_scan_state *
state_of(const AsyncRequest *areq)
{
	ForeignScanState *node = scan_of(areq);

	return node != NULL ? (pgwire_scan_state *) node->fdw_state : NULL;
}

/* Does another child of the Append read by the same user mapping? */
static bool
has_sibling(const AsyncRequest *areq)
{
	AppendState *append = (AppendState *) areq->requestor;
	Oid			umid = state_of(areq)->stream.umid;

	for (int i = -1; (i = bms_next_member(append->as_valid_asyncplans, i)) >= 0;)
	{
		const AsyncRequest *other = append->as_asyncrequests[i];
		const pgwire_scan_state *state = state_of(other);

		if (other != areq && state != NULL && state->stream.umid == umid)
			return true;
	}
	return false;
}

/* Keep what a scan has waited, where EXPLAIN wants to know. */
static void
stop_clock(pgwire_scan_state *state)
{
	instr_time	now;

	if (INSTR_TIME_IS_ZERO(state->asked))
		return;
	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_ACCUM_DIFF(state->stream.waited, now, state->asked);
	INSTR_TIME_SET_ZERO(state->asked);
}

/*
 * Answer the request, if that is possible without waiting: true. Else it is
 * pending, and *wait says for what.
 */
static bool
answer(AsyncRequest *areq, pgwire_wait *wait)
{
	ForeignScanState *node = scan_of(areq);
	pgwire_scan_state *state = (pgwire_scan_state *) node->fdw_state;
	pgwire_stream *stream = &state->stream;
	pgwire_error err;

	for (;;)
	{
		/* not ExecProcNode(): the Append's calls are the ones that are counted */
		TupleTableSlot *slot = node->ss.ps.ExecProcNodeReal(&node->ss.ps);

		if (!TupIsNull(slot))
		{
			ExecAsyncRequestDone(areq, slot);
			break;
		}
		switch (pgwire_stream_step(stream, wait, &err))
		{
			case PGWIRE_OK:
				continue;
			case PGWIRE_EOF:
				ExecAsyncRequestDone(areq, NULL);
				break;
			case PGWIRE_WAIT:
				state->behind = wait->fd < 0 ? state->behind + 1 : 0;
				if (stream->timed && INSTR_TIME_IS_ZERO(state->asked))
					INSTR_TIME_SET_CURRENT(state->asked);
				ExecAsyncRequestPending(areq);
				return false;
			default:
				pgwire_raise_stream(stream, &err);
		}
		break;
	}
	areq->callback_pending = false;
	state->behind = 0;
	stop_clock(state);
	return true;
}

void
pgwireForeignAsyncRequest(AsyncRequest *areq)
{
	pgwire_stream *stream = &state_of(areq)->stream;
	pgwire_wait wait;

	if (!stream->bound)
	{
		/* of the Append there is no number but where it is */
		stream->group = (uint64_t) (uintptr_t) areq->requestor;
		stream->several = has_sibling(areq);
	}
	(void) answer(areq, &wait);
}

void
pgwireForeignAsyncNotify(AsyncRequest *areq)
{
	pgwire_wait wait;

	(void) answer(areq, &wait);
}

/*
 * How often in turn a child is told that the Append has got a row of another, before
 * it is thought that the Append does not want more of that one. It does not where it
 * only waits for what it has asked for to come, in order to ask anew.
 */
#define MAX_BEHIND 100

/*
 * Does the Append come back to another child by itself: because it waits for a
 * descriptor of that one, or has got a row of it?
 */
static bool
others_are_awaited(const AsyncRequest *areq)
{
	AppendState *append = (AppendState *) areq->requestor;

	if (!bms_is_empty(append->as_needrequest) && state_of(areq)->behind < MAX_BEHIND)
		return true;
	for (int i = -1; (i = bms_next_member(append->as_asyncplans, i)) >= 0;)
	{
		const AsyncRequest *other = append->as_asyncrequests[i];
		const pgwire_scan_state *state = state_of(other);

		if (other != areq && other->callback_pending && (state == NULL || state->behind == 0))
			return true;
	}
	return false;
}

/*
 * After a rescan the Append may have left children alone that have not come to
 * their end: it has pruned them, or has not come to them yet. What they had asked
 * for nobody reads.
 */
static void
drop_forgotten(AppendState *append)
{
	for (int i = -1; (i = bms_next_member(append->as_asyncplans, i)) >= 0;)
	{
		const AsyncRequest *areq = append->as_asyncrequests[i];
		pgwire_scan_state *state = state_of(areq);

		if (state != NULL && !areq->callback_pending &&
			(areq->requestee->chgParam != NULL ||
			 !bms_is_member(i, append->as_valid_asyncplans)))
			pgwire_stream_rewind(&state->stream);
	}
}

/*
 * The request is behind one that the Append does not come back to, so nobody is
 * waited for any more but the remote: what others have not read is set aside.
 */
static void
answer_waiting(AsyncRequest *areq)
{
	pgwire_stream *stream = &state_of(areq)->stream;
	pgwire_wait wait;
	pgwire_error err;

	drop_forgotten((AppendState *) areq->requestor);
	do
	{
		if (pgwire_stream_fill(stream, &err) == PGWIRE_ERROR)
			pgwire_raise_stream(stream, &err);
	} while (!answer(areq, &wait));
}

void
pgwireForeignAsyncConfigureWait(AsyncRequest *areq)
{
	AppendState *append = (AppendState *) areq->requestor;
	pgwire_wait wait;

	Assert(areq->callback_pending);
	if (!answer(areq, &wait))
	{
		if (wait.fd >= 0)
			pgwire_wait_within(append->as_eventset, &wait, areq);
		if (wait.fd >= 0 || others_are_awaited(areq))
			return;
		answer_waiting(areq);
	}
	/* done here, and not by a call of the Append's that expects it */
	ExecAsyncResponse(areq);
	if (areq->requestee->instrument)
		InstrUpdateTupleCount(areq->requestee->instrument, TupIsNull(areq->result) ? 0.0 : 1.0);
}
