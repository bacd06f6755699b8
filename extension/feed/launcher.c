/*
 * launcher.c - who starts the workers of feeds.
 *
 * One process of the server looks about once a second which roles have work in
 * which database (pg_db_role_setting, which all databases share), and starts a worker
 * for those that have none. It has no Go, holds nothing between looks, and gives way
 * to whoever wants the database that it is connected to for itself; a process
 * without a database cannot read that catalog.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/lock.h"
#include "tcop/tcopprot.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "error.h"
#include "job.h"
#include "launcher.h"
#include "wait.h"

char	   *pgwire_launcher_database = NULL;

#define LOOK_MS 1000
#define RESTART_S 5

/* A worker that ends at once is not started again before so long. */
#define MIN_RESTART_MS 5000
#define MAX_RESTART_MS 60000

/* Without work for so many looks, a launcher that was started on demand ends. */
#define IDLE_LOOKS 3

typedef struct pair
{
	Oid			database;
	Oid			role;
	TimestampTz started;		/* last; 0: never */
	int			wait_ms;		/* not again before so long after */
} pair;

static bool
has_setting(HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	Datum		config = heap_getattr(tuple, Anum_pg_db_role_setting_setconfig, desc, &isnull);
	Datum	   *items;
	int			count;

	if (isnull)
		return false;
	deconstruct_array(DatumGetArrayTypeP(config), TEXTOID, -1, false, TYPALIGN_INT, &items, NULL, &count);
	for (int i = 0; i < count; i++)
		if (strcmp(TextDatumGetCString(items[i]), PGWIRE_WORKER_SETTING "=on") == 0)
			return true;
	return false;
}

bool
pgwire_is_registered(Relation rel, Oid database, Oid role)
{
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found;

	ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(database));
	ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(role));
	scan = systable_beginscan(rel, DbRoleSettingDatidRolidIndexId, true, NULL, 2, keys);
	tuple = systable_getnext(scan);
	found = HeapTupleIsValid(tuple) && has_setting(tuple, RelationGetDescr(rel));
	systable_endscan(scan);
	return found;
}

static void
describe_worker(BackgroundWorker *worker, const char *function, const char *type)
{
	memset(worker, 0, sizeof(*worker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = BGW_NEVER_RESTART;
	snprintf(worker->bgw_library_name, sizeof(worker->bgw_library_name), "pgwire_fdw");
	snprintf(worker->bgw_function_name, sizeof(worker->bgw_function_name), "%s", function);
	snprintf(worker->bgw_name, sizeof(worker->bgw_name), "%s", type);
	snprintf(worker->bgw_type, sizeof(worker->bgw_type), "%s", type);
}

static void
describe_launcher(BackgroundWorker *worker, bool preloaded)
{
	describe_worker(worker, "pgwire_launcher_main", "pgwire_fdw launcher");
	worker->bgw_restart_time = RESTART_S;
	worker->bgw_main_arg = BoolGetDatum(preloaded);
}

void
pgwire_register_launcher(void)
{
	BackgroundWorker worker;

	if (!process_shared_preload_libraries_in_progress)
		return;
	describe_launcher(&worker, true);
	RegisterBackgroundWorker(&worker);
}

/* This transaction has made work. */
static bool wanted = false;

/* It is committed, so that the launcher can see it. It may be there already, and wins. */
static void
start_wanted(XactEvent event, void *arg)
{
	BackgroundWorker worker;

	if (!wanted || (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT))
		return;
	wanted = false;
	if (event == XACT_EVENT_ABORT)
		return;
	describe_launcher(&worker, false);
	if (!RegisterDynamicBackgroundWorker(&worker, NULL))
		pgwire_warn_local(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
						  "no background worker is free for feeds: raise max_worker_processes");
}

void
pgwire_start_launcher(void)
{
	static bool registered = false;

	if (!OidIsValid(get_database_oid(pgwire_launcher_database, true)))
		pgwire_raise_local(ERRCODE_UNDEFINED_DATABASE,
						   psprintf("database \"%s\", to which the launcher of feeds connects, does not exist", pgwire_launcher_database),
						   NULL, "Set pgwire_fdw.launcher_database in postgresql.conf to one that does.");
	if (!registered)
		RegisterXactCallback(start_wanted, NULL);
	registered = true;
	wanted = true;
}

bool
pgwire_database_is_wanted(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, MyDatabaseId, 0);
	return LockAcquire(&tag, RowExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL;
}

static void
note(List **pairs, Oid database, Oid role)
{
	ListCell   *lc;
	pair	   *p;

	foreach(lc, *pairs)
	{
		p = lfirst(lc);
		if (p->database == database && p->role == role)
			return;
	}
	p = MemoryContextAllocZero(TopMemoryContext, sizeof(pair));
	p->database = database;
	p->role = role;
	MemoryContextSwitchTo(TopMemoryContext);
	*pairs = lappend(*pairs, p);
}

/* Who has work; those that have none any more stay in the list, in which nothing costs. */
static List *
look(List **pairs)
{
	List	   *found = NIL;
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;
	ListCell   *lc;

	StartTransactionCommand();
	if (pgwire_database_is_wanted())
		pgwire_exit(1);			/* and be started again a little later */
	(void) GetTransactionSnapshot();
	rel = table_open(DbRoleSettingRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_db_role_setting form = (Form_pg_db_role_setting) GETSTRUCT(tuple);

		if (OidIsValid(form->setdatabase) && OidIsValid(form->setrole) &&
			has_setting(tuple, RelationGetDescr(rel)))
			note(pairs, form->setdatabase, form->setrole);
	}
	table_endscan(scan);
	foreach(lc, *pairs)
	{
		pair	   *p = lfirst(lc);

		MemoryContextSwitchTo(TopMemoryContext);
		if (pgwire_is_registered(rel, p->database, p->role))
			found = lappend(found, p);
	}
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	return found;
}

static void
start_worker(pair *p)
{
	LOCKTAG		tag = pgwire_worker_lock(p->database, p->role);
	TimestampTz now = GetCurrentTimestamp();
	BackgroundWorker worker;
	pgwire_worker_args args;

	if (LockAcquire(&tag, ShareLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
	{
		p->wait_ms = 0;			/* it works */
		return;
	}
	LockRelease(&tag, ShareLock, true);
	if (!TimestampDifferenceExceeds(p->started, now, p->wait_ms))
		return;
	p->started = now;
	p->wait_ms = Min(Max(p->wait_ms * 2, MIN_RESTART_MS), MAX_RESTART_MS);
	describe_worker(&worker, "pgwire_worker_main", "pgwire_fdw feed worker");
	args.database = p->database;
	args.role = p->role;
	memcpy(worker.bgw_extra, &args, sizeof(args));
	if (!RegisterDynamicBackgroundWorker(&worker, NULL))
		pgwire_log_local(LOG, "no background worker is free for feeds: raise max_worker_processes");
}

/* One launcher is enough: wait a moment for the other to end, which may be about to. */
static bool
become_launcher(void)
{
	LOCKTAG		tag = pgwire_launcher_lock();
	pgwire_wait moment = {.fd = -1, .timeout_ms = LOOK_MS, .reason = PGWIRE_WAIT_RESULT};

	for (int left = IDLE_LOOKS + 1; left > 0; left--)
	{
		if (LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL)
			return true;
		pgwire_wait_for(&moment);
	}
	return false;
}

void
pgwire_launcher_main(Datum arg)
{
	bool		preloaded = DatumGetBool(arg);
	pgwire_wait moment = {.fd = -1, .timeout_ms = LOOK_MS, .reason = PGWIRE_WAIT_RESULT};
	List	   *pairs = NIL;
	int			idle = 0;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(pgwire_launcher_database, NULL, 0);
	if (!become_launcher())
		pgwire_exit(0);
	while (preloaded || idle < IDLE_LOOKS)
	{
		List	   *found = look(&pairs);
		ListCell   *lc;

		foreach(lc, found)
			start_worker(lfirst(lc));
		idle = found == NIL ? idle + 1 : 0;
		list_free(found);
		pgwire_wait_for(&moment);
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
	}
	pgwire_exit(0);
}
