/*
 * worker.c - the process that runs the commands of feeds.
 *
 * One for each database and role with work, connected as that role: its commands
 * can do what the role can, and have no other session to go back to. It holds nothing
 * between its transactions, and gives way to whoever wants the database for
 * itself (DROP DATABASE waits some seconds for others to go); the launcher starts it
 * again if there is still something to do. Go starts here, when a feed is first read.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/lock.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/pg_lsn.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "advance.h"
#include "job.h"
#include "launcher.h"
#include "peek.h"
#include "pgwire_fdw.h"
#include "position.h"
#include "wait.h"

/* How long the worker may sleep with the database's lock unlooked at. */
#define LOOK_US 1000000

/* After errors: the period, doubled with each, up to this. */
#define MAX_BACKOFF_US (INT64CONST(300) * 1000000)

/* When a job is to be looked at next, kept from tick to tick. */
typedef struct due
{
	char		server[NAMEDATALEN];
	char		feed[NAMEDATALEN];
	TimestampTz next;
} due;

static List *dues = NIL;		/* in TopMemoryContext */
static MemoryContext tick_context;

static due *
due_of(const pgwire_job *job)
{
	MemoryContext old;
	ListCell   *lc;
	due		   *d;

	foreach(lc, dues)
	{
		d = lfirst(lc);
		if (strcmp(d->server, job->server) == 0 && strcmp(d->feed, job->feed) == 0)
			return d;
	}
	old = MemoryContextSwitchTo(TopMemoryContext);
	d = palloc0(sizeof(due));
	strlcpy(d->server, job->server, NAMEDATALEN);
	strlcpy(d->feed, job->feed, NAMEDATALEN);
	dues = lappend(dues, d);
	MemoryContextSwitchTo(old);
	return d;
}

/* What there is to do now; in tick_context. gone: there is no reason to stay. */
typedef struct survey
{
	List	   *jobs;
	bool		gone;
} survey;

static void
take_survey(void *arg)
{
	survey	   *s = arg;
	LOCKTAG		tag = pgwire_jobs_lock(MyDatabaseId, GetUserId());
	MemoryContext old;
	ListCell   *lc;
	bool		running = false;

	s->gone = pgwire_database_is_wanted();
	if (s->gone)
		return;
	if (!OidIsValid(get_extension_oid("pgwire_fdw", true)))
	{
		s->gone = true;
		pgwire_register_jobs(GetUserId(), false);
		return;
	}
	old = MemoryContextSwitchTo(tick_context);
	s->jobs = pgwire_jobs_of(GetUserId());
	foreach(lc, s->jobs)
		if (!((pgwire_job *) lfirst(lc))->stopped)
			running = true;
	MemoryContextSwitchTo(old);
	if (running)
		return;
	/* nothing to do: say so, unless somebody is just about to start something */
	s->gone = LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
	if (!s->gone)
		return;
	foreach(lc, pgwire_jobs_of(GetUserId()))
		if (!((pgwire_job *) lfirst(lc))->stopped)
			s->gone = false;
	if (s->gone)
		pgwire_register_jobs(GetUserId(), false);
}

/* The command itself, then what it has read becomes consumed. */
static void
run_command(const pgwire_job *job, ForeignServer *server, pgwire_feed *feed)
{
	XLogRecPtr	read_to;
	int			level = NewGUCNestLevel();
	int			rc;

	SPI_connect();
	rc = SPI_execute(job->command, false, 0);
	if (rc < 0)
		pgwire_raise_local(ERRCODE_SYNTAX_ERROR,
						   psprintf("the command of feed \"%s\" cannot be run: %s", feed->name, SPI_result_code_string(rc)),
						   NULL, NULL);
	SPI_finish();
	AtEOXact_GUC(false, level);
	/* it may have advanced by itself */
	feed = pgwire_feed_find(feed->server, feed->name, true);
	read_to = pgwire_feed_read_to(server->serverid, feed);
	if (read_to == 0)
		pgwire_raise_local(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
						   psprintf("the command of feed \"%s\" has not read it", feed->name), NULL,
						   "It has to read a foreign table with the option \"feed\", to its end.");
	if (read_to > feed->position)
		pgwire_feed_store(server->serverid, feed, read_to);
}

static void
run_job(void *arg)
{
	const pgwire_job *job = arg;
	ForeignServer *server = GetForeignServerByName(job->server, false);
	pgwire_feed *feed = pgwire_feed_begin_read(server->serverid, job->feed, false);
	XLogRecPtr	horizon;

	if (pgwire_feed_peek(server, feed, &horizon))
	{
		run_command(job, server, feed);
		pgwire_job_done(job, NULL);
	}
	else if (horizon > feed->position)
	{
		pgwire_feed_store(server->serverid, feed, horizon);
		if (job->failures > 0)
			pgwire_job_done(job, NULL);
	}
}

/* arguments of note_failure */
typedef struct failed_job
{
	const pgwire_job *job;
	const pgwire_failure *failure;
} failed_job;

static void
note_failure(void *arg)
{
	failed_job *f = arg;

	pgwire_job_done(f->job, f->failure);
}

static int64
backoff(const pgwire_job *job, int failures)
{
	int64		wait = job->period_us;

	while (failures-- > 0 && wait < MAX_BACKOFF_US)
		wait *= 2;
	return failures < 0 ? wait : Max(MAX_BACKOFF_US, job->period_us);
}

static void
run(pgwire_job *job, due *d)
{
	pgwire_failure failure,
				ignored;
	failed_job	failed = {job, &failure};
	TimestampTz now = GetCurrentTimestamp();

	pgstat_report_activity(STATE_RUNNING, job->command);
	if (pgwire_in_transaction(run_job, job, &failure))
		d->next = now + job->period_us;
	else
	{
		/* if even that fails, there is the log */
		(void) pgwire_in_transaction(note_failure, &failed, &ignored);
		d->next = GetCurrentTimestamp() + backoff(job, job->failures + 1);
	}
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* Do what is due; when to look again. 0: end. */
static TimestampTz
tick(void)
{
	survey		s = {NIL, false};
	pgwire_failure failure;
	TimestampTz next = GetCurrentTimestamp() + LOOK_US;
	ListCell   *lc;

	if (!pgwire_in_transaction(take_survey, &s, &failure))
		return next;
	if (s.gone)
		return 0;
	foreach(lc, s.jobs)
	{
		pgwire_job *job = lfirst(lc);
		due		   *d = due_of(job);

		if (job->stopped)
			continue;
		/* started anew, perhaps with a shorter period */
		if (job->failures == 0)
			d->next = Min(d->next, GetCurrentTimestamp() + job->period_us);
		if (d->next <= GetCurrentTimestamp())
			run(job, d);
		next = Min(next, d->next);
	}
	return next;
}

void
pgwire_worker_main(Datum arg)
{
	LOCKTAG		tag;
	pgwire_worker_args args;
	TimestampTz next;

	memcpy(&args, MyBgworkerEntry->bgw_extra, sizeof(args));
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	pqsignal(SIGINT, StatementCancelHandler);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(args.database, args.role, 0);
	tag = pgwire_worker_lock(args.database, args.role);
	if (LockAcquire(&tag, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
		pgwire_exit(0);
	tick_context = AllocSetContextCreate(TopMemoryContext, "pgwire_fdw feed worker", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(tick_context);
	while ((next = tick()) != 0)
	{
		pgwire_wait moment = {.fd = -1, .reason = PGWIRE_WAIT_RESULT};

		MemoryContextReset(tick_context);
		MemoryContextSwitchTo(tick_context);
		moment.timeout_ms = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next);
		pgwire_wait_for(&moment);
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
	}
	pgwire_exit(0);
}
