/*
 * pgwire_fdw.c - the module: what it registers, and the table of callbacks.
 *
 * This file only dispatches; each family of callbacks has a file of its own.
 * Preloading this module loads C code only: the Go half starts in the backend
 * that first needs it (loader.c).
 */
#include "postgres.h"

#include <limits.h>

#include "fmgr.h"
#include "foreign/fdwapi.h"
#include "utils/guc.h"

#include "launcher.h"
#include "pgwire_fdw.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(pgwire_fdw_handler);

char	   *pgwire_application_name = NULL;

/* Nobody reads it but the launcher, from the catalog. */
static bool feed_worker = false;

void		_PG_init(void);

void
_PG_init(void)
{
	DefineCustomStringVariable("pgwire_fdw.application_name",
							   "Sets the application name to be used on the remote server.",
							   NULL, &pgwire_application_name, NULL,
							   PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("pgwire_fdw.go_max_procs",
							"Sets how many threads may run Go code at a time in one session.",
							"Takes effect when the session first uses a foreign table.",
							&pgwire_go_max_procs, 2, 1, 64,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("pgwire_fdw.go_memory_limit",
							"Sets the size from which Go's heap is collected more eagerly.",
							"Takes effect when the session first uses a foreign table.",
							&pgwire_go_memory_limit, 65536, 8192, INT_MAX,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomBoolVariable("pgwire_fdw.ship_queries",
							 "Sends a query whose tables are all of one server as one statement.",
							 NULL, &pgwire_ship_queries, true,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("pgwire_fdw.ship_upper",
							 "Sends grouping, windows, DISTINCT, ORDER BY and LIMIT over remote rows.",
							 NULL, &pgwire_ship_upper, true,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("pgwire_fdw.feed_worker",
							 "Tells that a role has commands for feeds in a database.",
							 "Set by pgwire_fdw_feed_start.",
							 &feed_worker, false,
							 PGC_SUSET, GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	DefineCustomStringVariable("pgwire_fdw.launcher_database",
							   "Sets the database to which the launcher of feeds' workers connects.",
							   NULL, &pgwire_launcher_database, "postgres",
							   PGC_SIGHUP, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("pgwire_fdw");
	pgwire_hook_statistics();
	pgwire_install_query_hook();
	pgwire_register_launcher();
}

Datum
pgwire_fdw_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	/* plan/base.c, plan/join.c, plan/build.c */
	routine->GetForeignRelSize = pgwireGetForeignRelSize;
	routine->GetForeignPaths = pgwireGetForeignPaths;
	routine->GetForeignJoinPaths = pgwireGetForeignJoinPaths;
	routine->GetForeignPlan = pgwireGetForeignPlan;

	/* upper.c */
	routine->GetForeignUpperPaths = pgwireGetForeignUpperPaths;

	/* scan.c */
	routine->BeginForeignScan = pgwireBeginForeignScan;
	routine->IterateForeignScan = pgwireIterateForeignScan;
	routine->ReScanForeignScan = pgwireReScanForeignScan;
	routine->EndForeignScan = pgwireEndForeignScan;
	routine->ShutdownForeignScan = pgwireShutdownForeignScan;
	routine->RecheckForeignScan = pgwireRecheckForeignScan;

	/* plan/base.c, exec/async.c */
	routine->IsForeignPathAsyncCapable = pgwireIsForeignPathAsyncCapable;
	routine->ForeignAsyncRequest = pgwireForeignAsyncRequest;
	routine->ForeignAsyncConfigureWait = pgwireForeignAsyncConfigureWait;
	routine->ForeignAsyncNotify = pgwireForeignAsyncNotify;

	/* plan/modify.c */
	routine->AddForeignUpdateTargets = pgwireAddForeignUpdateTargets;
	routine->PlanForeignModify = pgwirePlanForeignModify;
	routine->IsForeignRelUpdatable = pgwireIsForeignRelUpdatable;

	/* exec/modify.c */
	routine->BeginForeignModify = pgwireBeginForeignModify;
	routine->ExecForeignInsert = pgwireExecForeignInsert;
	routine->ExecForeignBatchInsert = pgwireExecForeignBatchInsert;
	routine->GetForeignModifyBatchSize = pgwireGetForeignModifyBatchSize;
	routine->ExecForeignUpdate = pgwireExecForeignUpdate;
	routine->ExecForeignDelete = pgwireExecForeignDelete;
	routine->EndForeignModify = pgwireEndForeignModify;
	routine->BeginForeignInsert = pgwireBeginForeignInsert;
	routine->EndForeignInsert = pgwireEndForeignInsert;
	routine->ExplainForeignModify = pgwireExplainForeignModify;

	/* truncate.c */
	routine->ExecForeignTruncate = pgwireExecForeignTruncate;

	/* explain.c */
	routine->ExplainForeignScan = pgwireExplainForeignScan;

	/* plan/direct.c, exec/direct.c */
	routine->PlanDirectModify = pgwirePlanDirectModify;
	routine->BeginDirectModify = pgwireBeginDirectModify;
	routine->IterateDirectModify = pgwireIterateDirectModify;
	routine->EndDirectModify = pgwireEndDirectModify;
	routine->ExplainDirectModify = pgwireExplainDirectModify;

	/* analyze.c */
	routine->AnalyzeForeignTable = pgwireAnalyzeForeignTable;

	/* import.c */
	routine->ImportForeignSchema = pgwireImportForeignSchema;

	PG_RETURN_POINTER(routine);
}
