/*
 * command.h - a statement that may write, outside of a plan node.
 */
#ifndef PGWIRE_COMMAND_H
#define PGWIRE_COMMAND_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/tuplestore.h"

#include "bridge.h"

/* A statement for a server, in the remote transaction of a user's mapping. */
typedef struct pgwire_command
{
	Oid			userid;			/* whose rights count */
	Oid			serverid;
	const char *sql;
	pgwire_param *params;
	int			nparams;
	TupleDesc	tupdesc;		/* of the rows wanted; NULL: they are only counted */
	Tuplestorestate *store;		/* where these go */
} pgwire_command;

/*
 * Run it to its end, once: it is never sent again. What the remote says, fails or
 * cannot be made sense of is raised; then the remote transaction has failed.
 * Answers how many rows it has changed, or returned; -1: the command counts none.
 */
extern int64 pgwire_run_command(pgwire_command *command);

#endif
