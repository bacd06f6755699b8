/*
 * wait.c - the only file that waits.
 */
#include "postgres.h"

#include <poll.h>

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "wait.h"

/* What pg_stat_activity shows, by PGWIRE_WAIT_*. */
static uint32 wait_events[] = {PG_WAIT_EXTENSION, PG_WAIT_EXTENSION, PG_WAIT_EXTENSION};

/*
 * Name them all at the first wait: a server of 17 or later may refuse, which
 * must not be found out during an abort.
 */
static void
name_wait_events(void)
{
	static const char *const names[] =
	{"PgwireFdwConnect", "PgwireFdwResult", "PgwireFdwCleanup"};
	static bool named = false;

	if (named)
		return;
	for (size_t i = 0; i < lengthof(names); i++)
		wait_events[i] = pgwire_new_wait_event(names[i]);
	named = true;
}

static uint32
wait_event(int reason)
{
	if (reason < 0 || reason >= (int) lengthof(wait_events))
		reason = PGWIRE_WAIT_RESULT;
	return wait_events[reason];
}

/*
 * The set of the socket waited for last: making one takes half a dozen system
 * calls, which a point query would notice. A closed descriptor leaves the set
 * by itself, and the number of the connection tells a new one from an old.
 */
static WaitEventSet *kept_set = NULL;
static uint32 kept_socket = 0;

static WaitEventSet *
keep_set(const pgwire_wait *wait)
{
	if (kept_set && kept_socket == wait->socket)
		return kept_set;
	if (kept_set)
	{
		WaitEventSet *old = kept_set;

		kept_set = NULL;
		FreeWaitEventSet(old);
	}
	kept_socket = 0;
	kept_set = pgwire_create_wait_event_set(3);
	AddWaitEventToSet(kept_set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	/* A stand-alone backend has no postmaster to outlive. */
	if (IsUnderPostmaster)
		AddWaitEventToSet(kept_set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(kept_set, WL_SOCKET_READABLE, wait->fd, NULL, NULL);
	kept_socket = wait->socket;
	return kept_set;
}

static void
wait_once(const pgwire_wait *wait, long timeout_ms)
{
	int			events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;
	int			rc;

	if (wait->socket != 0 && wait->events == PGWIRE_READABLE)
	{
		WaitEvent	event;

		rc = WaitEventSetWait(keep_set(wait), timeout_ms, &event, 1,
							  wait_event(wait->reason)) > 0 ? event.events : 0;
		if (rc & WL_LATCH_SET)
			ResetLatch(MyLatch);
		return;
	}
	if (timeout_ms >= 0)
		events |= WL_TIMEOUT;
	if (wait->fd >= 0)
	{
		if (wait->events & PGWIRE_READABLE)
			events |= WL_SOCKET_READABLE;
		if (wait->events & PGWIRE_WRITABLE)
			events |= WL_SOCKET_WRITEABLE;
	}
	rc = WaitLatchOrSocket(MyLatch, events, wait->fd >= 0 ? wait->fd : PGINVALID_SOCKET,
						   timeout_ms, wait_event(wait->reason));
	if (rc & WL_LATCH_SET)
		ResetLatch(MyLatch);
}

void
pgwire_wait_for(const pgwire_wait *wait)
{
	(void) pgwire_wait_until(wait, 0);
}

void
pgwire_wait_within(struct WaitEventSet *set, const pgwire_wait *wait, void *user_data)
{
	Assert(wait->fd >= 0 && wait->events == PGWIRE_READABLE && wait->timeout_ms < 0);
	AddWaitEventToSet(set, WL_SOCKET_READABLE, wait->fd, NULL, user_data);
}

bool
pgwire_wait_until(const pgwire_wait *wait, TimestampTz deadline)
{
	long		timeout_ms = wait->timeout_ms;

	if (deadline != 0)
	{
		long		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);

		if (left <= 0)
			return false;
		if (timeout_ms < 0 || left < timeout_ms)
			timeout_ms = left;
	}
	name_wait_events();
	wait_once(wait, timeout_ms);
	CHECK_FOR_INTERRUPTS();
	return true;
}

void
pgwire_serve_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
}

/*
 * The server's own functions make a set for each wait, and raise when there is
 * no descriptor left for it. Raised in an abort, that leads to the next abort,
 * and to the end of all sessions when the error stack is full. poll() needs
 * nothing, a signal ends it as it would set the latch, and the latch stays set
 * for whoever looks at it next.
 */
static void
poll_once(const pgwire_wait *wait, long timeout_ms)
{
	struct pollfd socket;

	socket.fd = wait->fd;		/* poll() passes over a negative one */
	socket.events = ((wait->events & PGWIRE_READABLE) ? POLLIN : 0) |
		((wait->events & PGWIRE_WRITABLE) ? POLLOUT : 0);
	socket.revents = 0;
	pgstat_report_wait_start(wait_event(wait->reason));
	(void) poll(&socket, 1, (int) timeout_ms);
	pgstat_report_wait_end();
}

bool
pgwire_wait_cleanup(const pgwire_wait *wait, TimestampTz deadline)
{
	long		left;

	/*
	 * Who is told to end, or is told to stop a second time, still takes the
	 * moment in which a cancel request is delivered: nobody else would stop
	 * the remote. A parallel worker is always ended this way.
	 */
	if (proc_exit_inprogress || ProcDiePending || QueryCancelPending)
		deadline -= (PGWIRE_CLEANUP_MS - PGWIRE_HURRIED_CLEANUP_MS) * INT64CONST(1000);
	left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
	if (left <= 0)
		return false;
	if (wait->timeout_ms >= 0 && wait->timeout_ms < left)
		left = wait->timeout_ms;
	poll_once(wait, left);
	return true;
}
