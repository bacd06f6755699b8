/*
 * ask.c - a question to a remote server outside of a scan node.
 *
 * A stream whose columns are of type unknown: Go has no decoder for it, so it
 * asks for text, whatever the remote's types are, and the input function of
 * unknown makes the C string.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "ask.h"
#include "conn.h"
#include "loader.h"
#include "stream.h"

struct pgwire_ask
{
	MemoryContext context;		/* of all of this */
	const char *sql;
	int			flags;
	int			nparams;
	pgwire_param *params;
	TupleTableSlot *slot;
	char	  **row;
	pgwire_failure *failure;
	pgwire_stream stream;
};

/* What another statement would make us set aside, and a row of a portion; the
 * same as the default of the option fetch_memory. */
#define ASK_MEMORY (INT64CONST(4) << 20)

static void
describe_question(pgwire_stream *stream, pgwire_scan_args *args)
{
	pgwire_ask *ask = (pgwire_ask *) stream->owner;

	args->sql = pgwire_cstring(ask->sql);
	args->fetch_memory = ASK_MEMORY;
	args->expected_bytes = -1;	/* unknown: it gets its savepoint */
	args->fetch_size = 1;
}

static void
bind_question(pgwire_stream *stream, pgwire_bind_args *args)
{
	pgwire_ask *ask = (pgwire_ask *) stream->owner;

	args->nparams = ask->nparams;
	args->params = ask->params;
	args->alone = (ask->flags & PGWIRE_ASK_ALONE) != 0;
}

pgwire_ask *
pgwire_ask_open(Oid userid, Oid serverid, const char *sql, int ncols, int flags)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pgwire_fdw question",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	pgwire_ask *ask = palloc0(sizeof(pgwire_ask));
	TupleDesc	tupdesc = CreateTemplateTupleDesc(ncols);
	List	   *attrs = NIL;

	for (int i = 1; i <= ncols; i++)
	{
		TupleDescInitEntry(tupdesc, i, psprintf("column %d", i), UNKNOWNOID, -1, 0);
		attrs = lappend_int(attrs, i);
	}
	ask->context = context;
	ask->sql = pstrdup(sql);
	ask->flags = flags;
	ask->slot = MakeSingleTupleTableSlot(tupdesc, &TTSOpsVirtual);
	ask->row = palloc0(sizeof(char *) * Max(ncols, 1));
	ask->stream.userid = userid;
	ask->stream.serverid = serverid;
	ask->stream.context = context;
	ask->stream.format = pgwire_make_row_format(tupdesc, attrs, NULL, false);
	ask->stream.describe = describe_question;
	ask->stream.bind = bind_question;
	ask->stream.owner = ask;
	MemoryContextSwitchTo(old);
	return ask;
}

void
pgwire_ask_limit(pgwire_ask *ask, int ms)
{
	ask->stream.deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
}

void
pgwire_ask_param(pgwire_ask *ask, const char *value)
{
	MemoryContext old = MemoryContextSwitchTo(ask->context);
	pgwire_param *param;

	if (ask->params == NULL)
		ask->params = palloc(sizeof(pgwire_param));
	else
		ask->params = repalloc(ask->params, sizeof(pgwire_param) * (ask->nparams + 1));
	param = &ask->params[ask->nparams++];
	memset(param, 0, sizeof(*param));
	param->type_oid = TEXTOID;
	param->is_null = value == NULL;
	param->value = pgwire_cstring(value ? pstrdup(value) : NULL);
	MemoryContextSwitchTo(old);
}

/* Without the user mapping there is nothing to connect by. */
static bool
find_mapping(pgwire_ask *ask, pgwire_error *err)
{
	pgwire_stream *stream = &ask->stream;

	if (!OidIsValid(stream->umid))
		stream->umid = pgwire_find_user_mapping(stream->userid, stream->serverid);
	if (OidIsValid(stream->umid))
		return true;
	pgwire_fill_error(err, "42704",
					  psprintf("user mapping not found for \"%s\"",
							   MappingUserName(stream->userid)),
					  NULL, NULL);
	return false;
}

static void
fail(pgwire_ask *ask, const pgwire_error *err)
{
	MemoryContext old;

	if (!(ask->flags & PGWIRE_ASK_TRY))
		pgwire_raise_stream(&ask->stream, err);
	old = MemoryContextSwitchTo(ask->context);
	ask->failure = palloc(sizeof(pgwire_failure));
	*ask->failure = pgwire_keep_error(err);
	MemoryContextSwitchTo(old);
	pgwire_stream_close(&ask->stream);
	pgwire_deliver_notices();
}

char	  **
pgwire_ask_row(pgwire_ask *ask)
{
	MemoryContext old = MemoryContextSwitchTo(ask->context);
	pgwire_error err;
	int32_t		rc = PGWIRE_EOF;

	if (ask->failure == NULL)
		rc = find_mapping(ask, &err) ? pgwire_stream_row(&ask->stream, ask->slot, &err) : PGWIRE_ERROR;
	MemoryContextSwitchTo(old);
	if (rc == PGWIRE_ERROR)
		fail(ask, &err);
	if (rc != PGWIRE_OK)
		return NULL;
	for (int i = 0; i < ask->slot->tts_tupleDescriptor->natts; i++)
		ask->row[i] = ask->slot->tts_isnull[i] ? NULL :
			DatumGetCString(ask->slot->tts_values[i]);
	return ask->row;
}

const pgwire_failure *
pgwire_ask_failure(const pgwire_ask *ask)
{
	return ask->failure;
}

void
pgwire_ask_close(pgwire_ask *ask)
{
	pgwire_stream_close(&ask->stream);
	MemoryContextDelete(ask->context);
}
