/*
 * conn.c - what Go needs to know to open a connection, and the SQL functions
 * about connections.
 */
#include "postgres.h"

#include <pwd.h>
#include <unistd.h>

#include "access/htup_details.h"
#include "catalog/pg_user_mapping.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "conn.h"
#include "option.h"
#include "pgwire_fdw.h"
#include "version.h"
#include "wait.h"

PG_FUNCTION_INFO_V1(pgwire_fdw_get_connections);
PG_FUNCTION_INFO_V1(pgwire_fdw_disconnect);
PG_FUNCTION_INFO_V1(pgwire_fdw_disconnect_all);

/* Sockets that the server's descriptor accounting knows of. */
static int	accounted_fds = 0;

void
pgwire_account_fds(void)
{
	int			held = pgwire_now_pending.descriptors;

	for (; accounted_fds < held; accounted_fds++)
		ReserveExternalFD();
	for (; accounted_fds > held; accounted_fds--)
		ReleaseExternalFD();
}

bool
pgwire_reserve_fd(void)
{
	if (!AcquireExternalFD())
		return false;
	accounted_fds++;
	return true;
}

/* The remote user when the mapping names none: the server process's, as libpq. */
static const char *
os_user_name(void)
{
	struct passwd *pw = getpwuid(geteuid());

	return pw ? pstrdup(pw->pw_name) : "";
}

static void
fill_identity(pgwire_conn_args *args)
{
	const char *cluster = GetConfigOption("cluster_name", true, false);

	args->appname_guc = pgwire_cstring(pgwire_application_name);
	args->local_appname = pgwire_cstring(application_name);
	args->local_cluster = pgwire_cstring(cluster ? pstrdup(cluster) : "");
	args->session_id = pgwire_cstring(psprintf("%lx.%x", (long) MyStartTime, MyProcPid));
	/* not from MyProcPort: a background worker has no client connection */
	args->local_database = pgwire_cstring(get_database_name(MyDatabaseId));
	args->local_user = pgwire_cstring(GetUserNameFromId(GetSessionUserId(), true));
}

Oid
pgwire_find_user_mapping(Oid userid, Oid serverid)
{
	Oid			owners[] = {userid, InvalidOid};

	for (size_t i = 0; i < lengthof(owners); i++)
	{
		Oid			umid = GetSysCacheOid2(USERMAPPINGUSERSERVER, Anum_pg_user_mapping_oid,
										   ObjectIdGetDatum(owners[i]),
										   ObjectIdGetDatum(serverid));

		if (OidIsValid(umid))
			return umid;
	}
	return InvalidOid;
}

Oid
pgwire_user_mapping(Oid userid, Oid serverid)
{
	Oid			umid = pgwire_find_user_mapping(userid, serverid);

	if (OidIsValid(umid))
		return umid;
	return GetUserMapping(userid, serverid)->umid;	/* raises the server's own error */
}

/* Whose the mapping is: not always the user's who connects by it. */
static Oid
mapping_owner(const UserMapping *mapping)
{
	HeapTuple	tuple = SearchSysCache1(USERMAPPINGOID, ObjectIdGetDatum(mapping->umid));
	Oid			owner = mapping->userid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_user_mapping) GETSTRUCT(tuple))->umuser;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/* Counts what has been heard of changes to servers and user mappings. */
static uint32 catalog_changes = 0;

/* A server or user mapping has changed: its connection must not be kept. */
static void
invalidation_callback(Datum arg, int cacheid, uint32 hashvalue)
{
	catalog_changes++;
	if (cacheid == FOREIGNSERVEROID)
		pgwire_forget_majors();
	(void) pgwire_loaded->pgwire_go_conn_invalidate(cacheid == USERMAPPINGOID, hashvalue);
}

/* Hear of them. Before the first connection is made there is none to be told of. */
static void
watch_catalogs(void)
{
	static bool watching = false;

	if (watching)
		return;
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, invalidation_callback, (Datum) 0);
	CacheRegisterSyscacheCallback(USERMAPPINGOID, invalidation_callback, (Datum) 0);
	watching = true;
}

/* What a connection is made from, as the catalogs have it now. */
void
pgwire_fill_conn_args(pgwire_conn_args *args, Oid userid, Oid serverid)
{
	UserMapping *mapping = GetUserMapping(userid, serverid);
	ForeignServer *server = GetForeignServer(serverid);
	StringInfoData options;

	memset(args, 0, sizeof(*args));
	initStringInfo(&options);
	pgwire_collect_options(server, mapping, NULL, &options);
	args->umid = mapping->umid;
	args->serverid = serverid;
	args->userid = mapping_owner(mapping);
	args->superuser = superuser_arg(userid);
	args->server_hash = GetSysCacheHashValue1(FOREIGNSERVEROID, ObjectIdGetDatum(serverid));
	args->mapping_hash = GetSysCacheHashValue1(USERMAPPINGOID, ObjectIdGetDatum(mapping->umid));
	args->server = pgwire_cstring(server->servername);
	args->options.data = (uint8_t *) options.data;
	args->options.len = options.len;
	args->os_user = pgwire_cstring(os_user_name());
	args->socket_dir = pgwire_cstring(DEFAULT_PGSOCKET_DIR);
	fill_identity(args);
}

/* Before the socket exists: the only step that may be refused. */
static bool
reserve_socket(const pgwire_conn_args *args, pgwire_error *err)
{
	if (pgwire_reserve_fd())
		return true;
	pgwire_fill_error(err, "08001",
					  psprintf("could not connect to server \"%.*s\"",
							   (int) args->server.len, (char *) args->server.data),
					  "There are too many open files on the local server.",
					  "Raise the server's max_files_per_process and/or \"ulimit -n\" limits.");
	return false;
}

/* Take the answer of a call that opens a connection. */
static int32_t
opened(const pgwire_conn_args *args, int32_t rc)
{
	pgwire_account_fds();
	if (rc == PGWIRE_OK)
	{
		pgwire_note_major(args->serverid, args->major);
		pgwire_deliver_notices();
	}
	return rc;
}

static int32_t
dial(pgwire_conn_args *args, TimestampTz deadline, pgwire_error *err)
{
	pgwire_wait wait;
	int32_t		rc;

	if (!reserve_socket(args, err))
		return PGWIRE_ERROR;
	while ((rc = pgwire_go()->pgwire_go_conn_open(args, &wait, err)) == PGWIRE_WAIT)
	{
		if (pgwire_wait_until(&wait, deadline))
			continue;
		/* it is still being made, for whoever waits longer */
		pgwire_fill_error(err, "08001",
						  psprintf("server \"%.*s\" did not answer in time",
								   (int) args->server.len, (char *) args->server.data),
						  NULL, NULL);
		rc = PGWIRE_ERROR;
		break;
	}
	return opened(args, rc);
}

/*
 * The catalogs are read here, not when the statement began, which may be long
 * ago (a cursor), and what changes while they are read or the connection is
 * made makes it anew. Three times at most: some builds for tests say all the
 * time that everything has changed.
 */
int32_t
pgwire_open_connection(Oid userid, Oid serverid, TimestampTz deadline, Oid *umid, pgwire_error *err)
{
	pgwire_conn_args args;

	watch_catalogs();
	for (int left = 3;;)
	{
		uint32		seen;

		AcceptInvalidationMessages();
		seen = catalog_changes;
		pgwire_fill_conn_args(&args, userid, serverid);
		*umid = args.umid;
		if (dial(&args, deadline, err) == PGWIRE_ERROR)
			return PGWIRE_ERROR;
		if (--left == 0)
			return PGWIRE_OK;
		AcceptInvalidationMessages();
		if (seen == catalog_changes)
			return PGWIRE_OK;
		(void) pgwire_loaded->pgwire_go_conn_invalidate(1, args.mapping_hash);
	}
}

/*
 * Each step reads the catalogs anew, of which Go takes what the first one has
 * read. What changed while that was being read makes the connection anew.
 */
int32_t
pgwire_step_connection(Oid userid, Oid serverid, int *made, Oid *umid, pgwire_wait *wait,
					   pgwire_error *err)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pgwire_fdw connection",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	pgwire_conn_args args;
	uint32		seen;
	int32_t		rc = PGWIRE_ERROR;

	watch_catalogs();
	AcceptInvalidationMessages();
	seen = catalog_changes;
	pgwire_fill_conn_args(&args, userid, serverid);
	*umid = args.umid;
	if (reserve_socket(&args, err))
		rc = opened(&args, pgwire_go()->pgwire_go_conn_open(&args, wait, err));
	if (rc != PGWIRE_ERROR && seen != catalog_changes && ++*made < 3)
		(void) pgwire_loaded->pgwire_go_conn_invalidate(1, args.mapping_hash);
	MemoryContextSwitchTo(old);
	if (rc != PGWIRE_ERROR)
		MemoryContextDelete(context);	/* else the error may be in it */
	return rc;
}

/* Return the function's rows in a tuplestore. */
static ReturnSetInfo *
begin_materialize(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old;
	TupleDesc	tupdesc;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) ||
		!(rsinfo->allowedModes & SFRM_Materialize) ||
		get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		pgwire_raise_local(ERRCODE_FEATURE_NOT_SUPPORTED,
						   "set-valued function called in context that cannot accept a set",
						   NULL, NULL);
	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setDesc = CreateTupleDescCopy(tupdesc);
	rsinfo->setResult = tuplestore_begin_heap(true, false, work_mem);
	MemoryContextSwitchTo(old);
	return rsinfo;
}

/*
 * One row of pgwire_fdw_get_connections. Names are looked up here, because a
 * server or role may have been renamed or dropped since the list was made.
 */
static void
put_connection(ReturnSetInfo *rsinfo, const pgwire_conn_info *info, bool checked)
{
	ForeignServer *server = GetForeignServerExtended(info->serverid, FSV_MISSING_OK);
	const char *user = OidIsValid(info->userid) ?
		GetUserNameFromId(info->userid, true) : "public";
	Datum		values[6];
	bool		nulls[6] = {false};

	nulls[0] = server == NULL;
	values[0] = server ? CStringGetTextDatum(server->servername) : (Datum) 0;
	nulls[1] = user == NULL;
	values[1] = user ? CStringGetTextDatum(user) : (Datum) 0;
	values[2] = BoolGetDatum(info->valid != 0);
	values[3] = BoolGetDatum(info->in_xact != 0);
	nulls[4] = !checked;
	values[4] = BoolGetDatum(info->closed != 0);
	values[5] = Int32GetDatum((int32) info->pid);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * pgwire_fdw_get_connections(check_conn bool): the connections of this
 * session.
 */
Datum
pgwire_fdw_get_connections(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = begin_materialize(fcinfo);
	bool		check = PG_GETARG_BOOL(0);
	pgwire_conn_info *list,
			   *infos;
	int32_t		count;
	pgwire_error err;

	if (pgwire_loaded == NULL)
		return (Datum) 0;
	PGWIRE_CALL(err, pgwire_go_conn_list, check, &list, &count);
	/* before any look-up: it may come to call Go, whose memory the list is in */
	infos = palloc(sizeof(pgwire_conn_info) * Max(count, 1));
	if (count > 0)
		memcpy(infos, list, sizeof(pgwire_conn_info) * count);
	for (int i = 0; i < count; i++)
		put_connection(rsinfo, &infos[i], check);
	pgwire_account_fds();
	return (Datum) 0;
}

static bool
disconnect(Oid serverid)
{
	int32_t		closed = 0,
				in_use = 0;

	if (pgwire_loaded == NULL)
		return false;
	pgwire_loaded->pgwire_go_conn_close(serverid, &closed, &in_use);
	pgwire_account_fds();
	if (in_use > 0 && OidIsValid(serverid))
		pgwire_warn_local(ERRCODE_WARNING,
						  psprintf("cannot close connection for server \"%s\" because it is still in use",
								   GetForeignServer(serverid)->servername));
	else if (in_use > 0)
		pgwire_warn_local(ERRCODE_WARNING,
						  psprintf("%d connections are still in use and were not closed", in_use));
	return closed > 0;
}

/* pgwire_fdw_disconnect(server text): true if a connection was closed. */
Datum
pgwire_fdw_disconnect(PG_FUNCTION_ARGS)
{
	ForeignServer *server;

	server = GetForeignServerByName(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	PG_RETURN_BOOL(disconnect(server->serverid));
}

/* pgwire_fdw_disconnect_all(): true if a connection was closed. */
Datum
pgwire_fdw_disconnect_all(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(disconnect(InvalidOid));
}
