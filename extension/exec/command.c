/*
 * command.c - a statement that may write, outside of a plan node.
 *
 * A stream that is read to its end at once. It is a writer to the remote
 * transaction: the local one may commit only if that has.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "utils/memutils.h"

#include "command.h"
#include "conn.h"
#include "loader.h"
#include "stream.h"

/* What another statement would make us set aside; the default of fetch_memory. */
#define COMMAND_MEMORY (INT64CONST(4) << 20)

static void
describe_command(pgwire_stream *stream, pgwire_scan_args *args)
{
	args->sql = pgwire_cstring(((pgwire_command *) stream->owner)->sql);
	args->fetch_memory = COMMAND_MEMORY;
	args->expected_bytes = -1;
	args->fetch_size = 1;
	args->writes = PGWIRE_WRITES_ANY;
}

static void
bind_command(pgwire_stream *stream, pgwire_bind_args *args)
{
	pgwire_command *command = (pgwire_command *) stream->owner;

	args->nparams = command->nparams;
	args->params = command->params;
}

/* Read all rows, and keep those that are wanted. */
static void
read_rows(pgwire_command *command, pgwire_stream *stream, TupleTableSlot *slot)
{
	pgwire_error err;
	int32_t		rc;

	while ((rc = pgwire_stream_row(stream, slot, &err)) == PGWIRE_OK)
		if (command->store != NULL)
			tuplestore_puttupleslot(command->store, slot);
	if (rc == PGWIRE_ERROR)
		pgwire_raise_stream(stream, &err);
}

int64
pgwire_run_command(pgwire_command *command)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pgwire_fdw command",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	pgwire_stream stream;
	pgwire_scan_stats stats;
	TupleDesc	tupdesc = command->tupdesc;
	TupleTableSlot *slot;
	List	   *attrs = NIL;

	if (tupdesc == NULL)
		tupdesc = CreateTemplateTupleDesc(0);
	for (int i = 1; i <= tupdesc->natts; i++)
		attrs = lappend_int(attrs, i);
	slot = MakeSingleTupleTableSlot(tupdesc, &TTSOpsVirtual);
	memset(&stream, 0, sizeof(stream));
	stream.userid = command->userid;
	stream.serverid = command->serverid;
	stream.umid = pgwire_user_mapping(command->userid, command->serverid);
	stream.context = context;
	stream.format = pgwire_make_row_format(tupdesc, attrs, "", false);
	stream.describe = describe_command;
	stream.bind = bind_command;
	stream.owner = command;

	read_rows(command, &stream, slot);
	(void) pgwire_loaded->pgwire_go_scan_stats(*stream.scan, &stats);
	pgwire_stream_close(&stream);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return stats.affected;
}
