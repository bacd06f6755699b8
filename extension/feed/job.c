/*
 * job.c - commands that consume feeds by themselves: their table,
 * pgwire_fdw_feed_start and pgwire_fdw_feed_stop.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_db_role_setting.h"
#include "commands/dbcommands.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "job.h"
#include "launcher.h"
#include "pgwire_fdw.h"
#include "position.h"

PG_FUNCTION_INFO_V1(pgwire_fdw_feed_start);
PG_FUNCTION_INFO_V1(pgwire_fdw_feed_stop);

#define JOB_TABLE "pgwire_fdw_feed_job"

/* Its columns, in the order of the SQL script. */
enum job_column
{
	JOB_SERVER,
	JOB_FEED,
	JOB_ROLE,
	JOB_COMMAND,
	JOB_PERIOD,
	JOB_MAX_FAILURES,
	JOB_STOPPED,
	JOB_STARTED,
	JOB_RUNS,
	JOB_FAILURES,
	JOB_LAST_RUN,
	JOB_LAST_SUCCESS,
	JOB_LAST_ERROR,
	JOB_LAST_ERROR_AT,
	JOB_COLUMNS
};

/* The second key of our advisory locks; that of users have a database in the first. */
enum lock_kind
{
	LOCK_LAUNCHER = 1,
	LOCK_WORKER,
	LOCK_JOBS
};

#define MIN_PERIOD_US 100000

LOCKTAG
pgwire_launcher_lock(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, InvalidOid, 0, 0, LOCK_LAUNCHER);
	return tag;
}

LOCKTAG
pgwire_worker_lock(Oid database, Oid role)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, InvalidOid, database, role, LOCK_WORKER);
	return tag;
}

LOCKTAG
pgwire_jobs_lock(Oid database, Oid role)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, InvalidOid, database, role, LOCK_JOBS);
	return tag;
}

static pgwire_job *
form_job(Relation rel, HeapTuple tuple)
{
	pgwire_job *job = palloc0(sizeof(pgwire_job));
	Datum		values[JOB_COLUMNS];
	bool		nulls[JOB_COLUMNS];

	heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
	job->server = pstrdup(NameStr(*DatumGetName(values[JOB_SERVER])));
	job->feed = pstrdup(NameStr(*DatumGetName(values[JOB_FEED])));
	job->role = DatumGetObjectId(values[JOB_ROLE]);
	job->command = TextDatumGetCString(values[JOB_COMMAND]);
	job->period_us = DatumGetIntervalP(values[JOB_PERIOD])->time;
	job->max_failures = DatumGetInt32(values[JOB_MAX_FAILURES]);
	job->stopped = DatumGetBool(values[JOB_STOPPED]);
	job->failures = DatumGetInt32(values[JOB_FAILURES]);
	return job;
}

List *
pgwire_jobs_of(Oid role)
{
	Relation	rel = pgwire_open_table(JOB_TABLE, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	List	   *jobs = NIL;
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		pgwire_job *job = form_job(rel, tuple);

		if (job->role == role)
			jobs = lappend(jobs, job);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return jobs;
}

void
pgwire_job_done(const pgwire_job *job, const pgwire_failure *failure)
{
	Relation	rel = pgwire_open_table(JOB_TABLE, RowExclusiveLock);
	HeapTuple	tuple = pgwire_table_row(rel, job->server, job->feed, NULL);
	Datum		values[JOB_COLUMNS] = {0};
	bool		nulls[JOB_COLUMNS] = {false};
	bool		changed[JOB_COLUMNS] = {false};
	Datum		now = TimestampTzGetDatum(GetCurrentTimestamp());
	int			failures = failure ? job->failures + 1 : 0;

	if (tuple != NULL)
	{
		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		values[JOB_FAILURES] = Int32GetDatum(failures);
		values[JOB_RUNS] = Int64GetDatum(DatumGetInt64(values[JOB_RUNS]) + 1);
		values[JOB_LAST_RUN] = now;
		changed[JOB_FAILURES] = changed[JOB_RUNS] = changed[JOB_LAST_RUN] = true;
		nulls[JOB_LAST_RUN] = false;
		if (failure)
		{
			values[JOB_STOPPED] = BoolGetDatum(failures >= job->max_failures);
			values[JOB_LAST_ERROR] = CStringGetTextDatum(failure->message ? failure->message : "error without a message");
			values[JOB_LAST_ERROR_AT] = now;
			changed[JOB_STOPPED] = changed[JOB_LAST_ERROR] = changed[JOB_LAST_ERROR_AT] = true;
			nulls[JOB_LAST_ERROR] = nulls[JOB_LAST_ERROR_AT] = false;
		}
		else
		{
			values[JOB_LAST_SUCCESS] = now;
			changed[JOB_LAST_SUCCESS] = true;
			nulls[JOB_LAST_SUCCESS] = false;
		}
		CatalogTupleUpdate(rel, &tuple->t_self,
						   heap_modify_tuple(tuple, RelationGetDescr(rel), values, nulls, changed));
	}
	table_close(rel, NoLock);
	CommandCounterIncrement();
}

/* Does the role have the setting in this database? */
static bool
registered(Oid role)
{
	Relation	rel = table_open(DbRoleSettingRelationId, AccessShareLock);
	bool		found;

	found = pgwire_is_registered(rel, MyDatabaseId, role);
	table_close(rel, AccessShareLock);
	return found;
}

/*
 * The setting is written by the command for it, with the rights of a superuser: it
 * is not for the role to set.
 */
void
pgwire_register_jobs(Oid role, bool some)
{
	char	   *command;
	Oid			user;
	int			context;

	if (registered(role) == some)
		return;
	command = psprintf("ALTER ROLE %s IN DATABASE %s %s %s",
					   quote_identifier(GetUserNameFromId(role, false)),
					   quote_identifier(get_database_name(MyDatabaseId)),
					   some ? "SET" : "RESET", PGWIRE_WORKER_SETTING);
	if (some)
		command = psprintf("%s = 'on'", command);
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, context | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	(void) SPI_execute(command, false, 0);
	SPI_finish();
	SetUserIdAndSecContext(user, context);
}

/* A role as whom a process can be started. */
static void
check_role(Oid role)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	bool		may = HeapTupleIsValid(tuple) && ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	if (!may)
		pgwire_raise_local(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
						   psprintf("role \"%s\" cannot run the command of a feed", GetUserNameFromId(role, true)),
						   "A worker connects as the role that calls pgwire_fdw_feed_start.",
						   "ALTER ROLE ... LOGIN allows it.");
}

static int64
period_of(const Interval *interval)
{
	/* no longer than a day: a month has no length */
	if (interval->month != 0 || interval->day != 0 || interval->time < MIN_PERIOD_US ||
		interval->time > USECS_PER_DAY)
		pgwire_raise_local(ERRCODE_INVALID_PARAMETER_VALUE,
						   "the period of a feed must be between 100 milliseconds and 24 hours", NULL, NULL);
	return interval->time;
}

static void
put_job(Relation rel, const pgwire_job *job, Interval *period)
{
	HeapTuple	old = pgwire_table_row(rel, job->server, job->feed, NULL);
	Datum		values[JOB_COLUMNS] = {0};
	bool		nulls[JOB_COLUMNS] = {false};
	NameData	names[2];
	HeapTuple	tuple;

	namestrcpy(&names[0], job->server);
	namestrcpy(&names[1], job->feed);
	values[JOB_SERVER] = NameGetDatum(&names[0]);
	values[JOB_FEED] = NameGetDatum(&names[1]);
	values[JOB_ROLE] = ObjectIdGetDatum(job->role);
	values[JOB_COMMAND] = CStringGetTextDatum(job->command);
	values[JOB_PERIOD] = IntervalPGetDatum(period);
	values[JOB_MAX_FAILURES] = Int32GetDatum(job->max_failures);
	values[JOB_STOPPED] = BoolGetDatum(false);
	values[JOB_STARTED] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[JOB_RUNS] = Int64GetDatum(0);
	values[JOB_FAILURES] = Int32GetDatum(0);
	nulls[JOB_LAST_RUN] = nulls[JOB_LAST_SUCCESS] = nulls[JOB_LAST_ERROR] = nulls[JOB_LAST_ERROR_AT] = true;
	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	if (old)
		CatalogTupleUpdate(rel, &old->t_self, tuple);
	else
		CatalogTupleInsert(rel, tuple);
	CommandCounterIncrement();
}

/* Nobody else starts or stops what a role's worker does here until the end of the transaction. */
static void
lock_jobs(Oid role)
{
	LOCKTAG		tag = pgwire_jobs_lock(MyDatabaseId, role);

	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

/*
 * pgwire_fdw_feed_start(server text, feed text, command text, period interval,
 * max_failures int) returns void
 */
Datum
pgwire_fdw_feed_start(PG_FUNCTION_ARGS)
{
	ForeignServer *server = GetForeignServerByName(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	pgwire_job	job = {0};
	Relation	rel;

	PreventCommandIfReadOnly("pgwire_fdw_feed_start()");
	PreventCommandIfParallelMode("pgwire_fdw_feed_start()");
	job.server = server->servername;
	job.feed = text_to_cstring(PG_GETARG_TEXT_PP(1));
	job.command = text_to_cstring(PG_GETARG_TEXT_PP(2));
	job.role = GetUserId();
	job.period_us = period_of(PG_GETARG_INTERVAL_P(3));
	job.max_failures = PG_GETARG_INT32(4);
	if (job.max_failures < 1)
		pgwire_raise_local(ERRCODE_INVALID_PARAMETER_VALUE, "max_failures must be greater than zero", NULL, NULL);
	pgwire_feed_check_owner(pgwire_feed_find(job.server, job.feed, true));
	check_role(job.role);
	lock_jobs(job.role);
	pgwire_register_jobs(job.role, true);
	rel = pgwire_open_table(JOB_TABLE, ShareRowExclusiveLock);
	put_job(rel, &job, PG_GETARG_INTERVAL_P(3));
	table_close(rel, NoLock);
	pgwire_start_launcher();
	PG_RETURN_VOID();
}

bool
pgwire_job_delete(const char *server, const char *feed)
{
	Relation	rel = pgwire_open_table(JOB_TABLE, ShareRowExclusiveLock);
	HeapTuple	tuple = pgwire_table_row(rel, server, feed, NULL);

	if (tuple != NULL)
		CatalogTupleDelete(rel, &tuple->t_self);
	table_close(rel, NoLock);
	CommandCounterIncrement();
	return tuple != NULL;
}

/*
 * pgwire_fdw_feed_stop(server text, feed text) returns boolean: whether there was a
 * command. One that runs is finished first.
 */
Datum
pgwire_fdw_feed_stop(PG_FUNCTION_ARGS)
{
	char	   *server = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *feed = text_to_cstring(PG_GETARG_TEXT_PP(1));

	PreventCommandIfReadOnly("pgwire_fdw_feed_stop()");
	PreventCommandIfParallelMode("pgwire_fdw_feed_stop()");
	pgwire_feed_check_owner(pgwire_feed_find(server, feed, true));
	pgwire_feed_lock(server, feed, false);
	PG_RETURN_BOOL(pgwire_job_delete(server, feed));
}
