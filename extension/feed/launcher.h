/*
 * launcher.h - who starts the workers of feeds.
 */
#ifndef PGWIRE_LAUNCHER_H
#define PGWIRE_LAUNCHER_H

#include "postgres.h"

#include "utils/relcache.h"

/* The setting of that name. */
extern char *pgwire_launcher_database;

/*
 * In a transaction: somebody waits for our database or has it, such as DROP DATABASE,
 * which gives up when others stay connected to it for some seconds.
 */
extern bool pgwire_database_is_wanted(void);

/* In _PG_init: have a launcher from the start of the server on, if we are preloaded. */
extern void pgwire_register_launcher(void);

/* See to it that there is one when this transaction has committed. */
extern void pgwire_start_launcher(void);

/* rel is pg_db_role_setting: has the role work for a worker in this database? */
extern bool pgwire_is_registered(Relation rel, Oid database, Oid role);

/* What a worker is started with (bgw_extra). */
typedef struct pgwire_worker_args
{
	Oid			database;
	Oid			role;
} pgwire_worker_args;

extern PGDLLEXPORT void pgwire_launcher_main(Datum arg);
extern PGDLLEXPORT void pgwire_worker_main(Datum arg);

#endif
