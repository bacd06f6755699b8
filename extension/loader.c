/*
 * loader.c - start the Go runtime inside a backend, on first need.
 *
 * PostgreSQL 14 and later receives its latch wake-ups as a blocked SIGURG read
 * through a signalfd, and every other signal in handlers that may only run on
 * the backend's own thread. Go would upset both: it creates threads, and it
 * unblocks SIGURG, its own pre-emption signal. So all signals are blocked
 * while the object is loaded and called for the first time (Go's threads
 * inherit that mask for good), the object is linked with asyncpreemptoff, and
 * the outcome is checked here instead of hoped for.
 */
#include "postgres.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>

#include "catalog/pg_tablespace_d.h"
#include "commands/tablespace.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "tcop/tcopprot.h"

#include "compat.h"
#include "error.h"
#include "loader.h"

pgwire_bridge *pgwire_loaded = NULL;
pgwire_pending pgwire_now_pending;
int			pgwire_go_max_procs = 2;
int			pgwire_go_memory_limit = 65536;

static void *go_object = NULL;
static pgwire_bridge functions;

#ifndef PGWIRE_BRIDGE_SUM
#error "PGWIRE_BRIDGE_SUM is set by the Makefile"
#endif

static int
encoding_class(void)
{
	int			enc = GetDatabaseEncoding();

	if (enc == PG_UTF8)
		return PGWIRE_ENC_UTF8;
	if (pg_database_encoding_max_length() == 1)
		return PGWIRE_ENC_SINGLE_BYTE;
	return PGWIRE_ENC_OTHER;
}

/*
 * Go seeds its hashes, its DNS query numbers and all else that is to be
 * unpredictable with the sixteen bytes that the kernel gives a program when it
 * starts. Backends are forked and do not start: they all have the
 * postmaster's. Nobody else looks at these bytes once main() runs.
 */
static void
renew_seed(void)
{
	void	   *seed = (void *) getauxval(AT_RANDOM);

	/* zeros send Go to the kernel by itself */
	if (seed != NULL && !pg_strong_random(seed, 16))
		memset(seed, 0, 16);
}

/* dlopen and dlsym; a message on failure, which is palloc'ed, else NULL. */
static char *
open_object(void)
{
	char		path[MAXPGPATH];

	/* the Makefile's name for it; DLSUFFIX is no macro of PostgreSQL 14's headers */
	snprintf(path, sizeof(path), "%s/pgwire_fdw_go.so", pkglib_path);
	if (go_object == NULL)
	{
		renew_seed();
		go_object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	}
	if (go_object == NULL)
		return pstrdup(dlerror());

#define PGWIRE_BRIDGE_RESOLVE(name) \
	functions.name = (__typeof__(functions.name)) dlsym(go_object, #name); \
	if (functions.name == NULL) \
		return psprintf("\"%s\" has no function \"%s\"", path, #name);
	PGWIRE_BRIDGE_FUNCTIONS(PGWIRE_BRIDGE_RESOLVE)
#undef PGWIRE_BRIDGE_RESOLVE
	return NULL;
}

static int32_t
first_call(pgwire_error *err)
{
	pgwire_start_args args;
	char		temp_dir[MAXPGPATH];
	Oid			tablespace = MyDatabaseTableSpace;

	memset(&args, 0, sizeof(args));
	TempTablespacePath(temp_dir, OidIsValid(tablespace) ? tablespace : DEFAULTTABLESPACE_OID);
	args.bridge_sum = PGWIRE_BRIDGE_SUM;
	args.max_procs = pgwire_go_max_procs;
	args.memory_limit = (int64_t) pgwire_go_memory_limit * 1024;
	args.name_data_len = NAMEDATALEN;
	args.backend_pid = MyProcPid;
	args.encoding = pgwire_cstring(GetDatabaseEncodingName());
	args.encoding_class = encoding_class();
	args.temp_dir = pgwire_cstring(temp_dir);
	args.pending = &pgwire_now_pending;
	return functions.pgwire_go_start(&args, err);
}

void
pgwire_load_go(void)
{
	sigset_t	all,
				before,
				after;
	char	   *problem;
	int32_t		rc = PGWIRE_OK;
	pgwire_error err;

	/* for good: only the first call on this thread changes its mask */
	static bool takes_urg = false;

	/*
	 * A Go runtime does not survive fork: started in the postmaster it would
	 * hang every backend. Single-user mode has no children.
	 */
	if (IsPostmasterEnvironment && !IsUnderPostmaster)
		pgwire_raise_local(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
						   "pgwire_fdw cannot start its Go runtime in the postmaster",
						   NULL, NULL);

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	problem = open_object();
	if (problem == NULL)
	{
		rc = first_call(&err);
		/* did Go leave SIGURG alone on this thread? */
		pthread_sigmask(SIG_SETMASK, NULL, &after);
		if (sigismember(&after, SIGURG) != 1)
			takes_urg = true;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);

	/*
	 * Go has put its own handler in front of SIGFPE; ours jumps out of the
	 * handler, which must not happen from inside Go's frame.
	 */
	pqsignal(SIGFPE, FloatExceptionHandler);

	if (problem != NULL)
		pgwire_raise_local(ERRCODE_UNDEFINED_FILE,
						   "could not load the Go half of pgwire_fdw", problem,
						   "Install pgwire_fdw and pgwire_fdw_go from the same build.");
	if (rc != PGWIRE_OK)
		pgwire_raise(&err);
	if (takes_urg)
		pgwire_raise_local(ERRCODE_SYSTEM_ERROR,
						   "the Go half of pgwire_fdw takes SIGURG away from the server",
						   "It was built without asyncpreemptoff=1; sessions could hang.",
						   "Build pgwire_fdw_go with the project's Makefile.");
	pgwire_loaded = &functions;
}
