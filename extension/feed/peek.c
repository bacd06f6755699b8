/*
 * peek.c - is there anything to read of a feed?
 *
 * Asked on the ordinary connection, by the server's own function for looking into a
 * slot, which ends with the first transaction that has something: so a feed that
 * is quiet costs two short statements, and its command is not run for nothing.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"

#include "ask.h"
#include "error.h"
#include "peek.h"
#include "wait.h"

/* How long a slot may still be in use by whoever has read it last. */
#define ACTIVE_MS 10000

/* $1 the slot, $2 the committed position: end of WAL, whether the slot is behind, and used */
static const char state_sql[] =
"SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END,"
" confirmed_flush_lsn < $2::pg_lsn, active FROM pg_replication_slots WHERE slot_name = $1::text";

static const char tell_sql[] =
"SELECT end_lsn FROM pg_replication_slot_advance($1::text, $2::pg_lsn)";

/*
 * $1 the slot, $2 the end of WAL, $3 the publications. A row of whatever kind counts:
 * servers before 15 also tell of transactions that have nothing in them.
 */
static const char peek_sql[] =
"SELECT EXISTS (SELECT FROM pg_logical_slot_peek_binary_changes($1::text, $2::pg_lsn, 1,"
" 'proto_version', '1', 'messages', 'true', 'publication_names',"
" (SELECT string_agg(quote_ident(p), ',') FROM unnest($3::text[]) p)))";

/* The first row of an answer: copies of its columns. */
static char **
ask(const ForeignServer *server, const char *sql, int ncols, const char *const *params, int nparams)
{
	pgwire_ask *ask = pgwire_ask_open(GetUserId(), server->serverid, sql, ncols, PGWIRE_ASK_ALONE);
	char	  **answer = NULL;
	char	  **row;

	for (int i = 0; i < nparams; i++)
		pgwire_ask_param(ask, params[i]);
	row = pgwire_ask_row(ask);
	if (row != NULL)
	{
		answer = palloc(sizeof(char *) * ncols);
		for (int i = 0; i < ncols; i++)
			answer[i] = pstrdup(row[i] ? row[i] : "");
	}
	pgwire_ask_close(ask);
	return answer;
}

/* The state of the slot once nobody uses it. */
static char **
free_slot(const ForeignServer *server, const pgwire_feed *feed, const char *confirmed)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ACTIVE_MS);
	pgwire_wait moment = {.fd = -1, .timeout_ms = 20, .reason = PGWIRE_WAIT_RESULT};
	const char *params[] = {feed->slot, confirmed};
	char	  **state;

	do
	{
		state = ask(server, state_sql, 3, params, 2);
		if (state == NULL)
			pgwire_raise_local(ERRCODE_UNDEFINED_OBJECT,
							   psprintf("server \"%s\" has no replication slot \"%s\" any more", feed->server, feed->slot),
							   "What has changed since the feed was last read is not known.",
							   "Drop the feed, make it anew, and copy its tables again.");
		if (strcmp(state[2], "f") == 0)
			return state;
	} while (pgwire_wait_until(&moment, deadline));
	pgwire_raise_local(ERRCODE_OBJECT_IN_USE,
					   psprintf("replication slot \"%s\" of server \"%s\" is in use by somebody else", feed->slot, feed->server),
					   NULL, "pg_replication_slots there shows by which process.");
}

bool
pgwire_feed_peek(const ForeignServer *server, const pgwire_feed *feed, XLogRecPtr *horizon)
{
	char	   *position = psprintf("%X/%X", LSN_FORMAT_ARGS(feed->confirmed));
	const char *tell[] = {feed->slot, position};
	const char *peek[] = {feed->slot, NULL, feed->publications};
	char	  **state = free_slot(server, feed, position);
	char	  **answer;

	*horizon = DatumGetLSN(DirectFunctionCall1(pg_lsn_in, CStringGetDatum(state[0])));
	if (*horizon <= feed->position)
		return false;
	if (strcmp(state[1], "t") == 0)
		(void) ask(server, tell_sql, 1, tell, 2);
	peek[1] = state[0];
	answer = ask(server, peek_sql, 1, peek, 3);
	return answer != NULL && strcmp(answer[0], "t") == 0;
}
