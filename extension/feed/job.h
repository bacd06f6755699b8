/*
 * job.h - commands that consume feeds by themselves.
 *
 * The table pgwire_fdw_feed_job has a row for each feed with a command. Which roles
 * have commands in which database must be known without connecting to it: such
 * a role has the setting pgwire_fdw.feed_worker there (pg_db_role_setting, which is
 * common to all databases, and from which DROP DATABASE and DROP ROLE remove it).
 */
#ifndef PGWIRE_JOB_H
#define PGWIRE_JOB_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "error.h"
#include "nodes/pg_list.h"
#include "storage/lock.h"

#define PGWIRE_WORKER_SETTING "pgwire_fdw.feed_worker"

typedef struct pgwire_job
{
	const char *server;
	const char *feed;
	const char *command;
	Oid			role;
	int64		period_us;
	int			failures;		/* since the last success */
	int			max_failures;	/* after so many it is stopped */
	bool		stopped;		/* it has been, by its failures */
} pgwire_job;

/* The jobs of a role in this database, in the current memory context. */
extern List *pgwire_jobs_of(Oid role);

/* Note of a job that it has succeeded, or (failure not NULL) not. A job that has gone is passed over. */
extern void pgwire_job_done(const pgwire_job *job, const pgwire_failure *failure);

/* Take the command of a feed away; whether there was one. The caller has the feed's lock. */
extern bool pgwire_job_delete(const char *server, const char *feed);

/*
 * Locks by which processes know of each other: whoever is the launcher, a worker of a
 * role in a database, or changes what that worker has to do.
 */
extern LOCKTAG pgwire_launcher_lock(void);
extern LOCKTAG pgwire_worker_lock(Oid database, Oid role);
extern LOCKTAG pgwire_jobs_lock(Oid database, Oid role);

/* Say for the launcher whether a role has jobs in this database; behind the jobs' lock. */
extern void pgwire_register_jobs(Oid role, bool some);

#endif
