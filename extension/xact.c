/*
 * xact.c - the remote transactions follow the local one.
 *
 * What to send is decided in Go (handler/internal/txn); here the events are
 * passed on, with the waiting that each of them allows: before the commit as
 * for any statement, in an abort bounded and without raising.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "conn.h"
#include "pgwire_fdw.h"
#include "wait.h"

/* A remote connection was asked for in this transaction. */
static bool joined = false;

static void
end_of_transaction(int event)
{
	pgwire_wait wait;
	pgwire_error err;

	/* cannot fail or wait: it only closes and forgets */
	(void) pgwire_loaded->pgwire_go_xact_event(event, 0, &wait, &err);
	pgwire_account_fds();
	joined = false;
}

/*
 * Follow an abort, at the top or of a sub-transaction. The remote is told to
 * stop and given a moment to confirm; then its connection is closed.
 */
static void
follow_abort(int event, int level)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), PGWIRE_CLEANUP_MS);
	pgwire_wait wait;
	pgwire_error err;

	while (pgwire_loaded->pgwire_go_xact_event(event, level, &wait, &err) == PGWIRE_WAIT)
	{
		if (!pgwire_wait_cleanup(&wait, deadline))
		{
			(void) pgwire_loaded->pgwire_go_xact_give_up(event, level);
			break;
		}
	}
	pgwire_account_fds();
	pgwire_deliver_notices();
}

/*
 * The server stops the clock of statement_timeout before it commits, having
 * nothing to wait for (finish_xact_command of tcop/postgres.c). We have: so the
 * clock goes on. False: it runs anyway, or there is none.
 */
static bool
resume_statement_timeout(void)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz limit = TimestampTzPlusMilliseconds(now, StatementTimeout);
	TimestampTz before = get_timeout_finish_time(STATEMENT_TIMEOUT);

	if (StatementTimeout <= 0 || MyBackendType != B_BACKEND ||
		get_timeout_active(STATEMENT_TIMEOUT))
		return false;
	/* an earlier statement's clock would have run out, or has another limit */
	if (before > now && before < limit)
		limit = before;
	enable_timeout_at(STATEMENT_TIMEOUT, limit);
	return true;
}

/* Commit what is remote, waiting for it as for any statement. */
static void
pre_commit(void)
{
	pgwire_wait wait;
	pgwire_error err;
	bool		waited = false,
				resumed = false;

	while (PGWIRE_CALL(err, pgwire_go_xact_event, PGWIRE_XACT_PRE_COMMIT, 1, &wait) == PGWIRE_WAIT)
	{
		if (!waited)
			resumed = resume_statement_timeout();
		waited = true;
		pgwire_wait_for(&wait);
	}
	if (resumed)
		disable_timeout(STATEMENT_TIMEOUT, false);
	pgwire_deliver_notices();
}

static bool
ends_transaction(XactEvent event)
{
	return event != XACT_EVENT_PRE_COMMIT && event != XACT_EVENT_PARALLEL_PRE_COMMIT &&
		event != XACT_EVENT_PRE_PREPARE;
}

static void
xact_callback(XactEvent event, void *arg)
{
	pgwire_wait wait;
	pgwire_error err;

	if (!joined)
		return;
	if (!pgwire_now_pending.transaction)
	{
		/* its statements were transactions of their own, and are over */
		joined = !ends_transaction(event);
		if (!joined)
			pgwire_account_fds();
		if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_PARALLEL_COMMIT)
			pgwire_deliver_notices();
		return;
	}
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
			pre_commit();
			break;
		case XACT_EVENT_PRE_PREPARE:
			PGWIRE_CALL(err, pgwire_go_xact_event, PGWIRE_XACT_PRE_PREPARE, 1, &wait);
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PREPARE:
			end_of_transaction(PGWIRE_XACT_COMMIT);
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
			follow_abort(PGWIRE_XACT_ABORT, 1);
			joined = false;
			break;
	}
}

static void
subxact_callback(SubXactEvent event, SubTransactionId mySubid,
				 SubTransactionId parentSubid, void *arg)
{
	pgwire_wait wait;
	pgwire_error err;
	int			level = GetCurrentTransactionNestLevel();

	if (!joined || !pgwire_now_pending.transaction)
		return;
	if (event == SUBXACT_EVENT_COMMIT_SUB)
		(void) pgwire_loaded->pgwire_go_xact_event(PGWIRE_SUBXACT_COMMIT, level, &wait, &err);
	else if (event == SUBXACT_EVENT_ABORT_SUB)
		follow_abort(PGWIRE_SUBXACT_ABORT, level);
}

/*
 * The remote is told that the session ends. It may not have been read yet how
 * the last transaction ended, and a socket that is closed over unread bytes
 * looks like a failure, which every remote would write to its log.
 */
static void
exit_callback(int code, Datum arg)
{
	int32_t		closed,
				in_use;

	(void) pgwire_loaded->pgwire_go_conn_close(InvalidOid, &closed, &in_use);
}

void
pgwire_join_transaction(void)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(xact_callback, NULL);
		RegisterSubXactCallback(subxact_callback, NULL);
		on_proc_exit(exit_callback, (Datum) 0);
		registered = true;
	}
	joined = true;
}
