/*
 * create.c - a feed is made: pgwire_fdw_feed_create.
 *
 * What can be seen beforehand to be missing on the remote is said first, with
 * what to do about it.
 */
#include "postgres.h"

#include "catalog/pg_foreign_server.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/pg_lsn.h"

#include "ask.h"
#include "conn.h"
#include "drop.h"
#include "pgwire_fdw.h"
#include "position.h"
#include "wait.h"

PG_FUNCTION_INFO_V1(pgwire_fdw_feed_create);

/* What is asked of the remote before a slot is made there: $1 the publications, $2 the slot. */
static const char facts_sql[] =
"SELECT current_setting('wal_level'),"
" (SELECT system_identifier FROM pg_control_system()),"
" (SELECT string_agg(quote_ident(p), ', ') FROM unnest($1::text[]) p"
"  WHERE NOT EXISTS (SELECT FROM pg_publication WHERE pubname = p)),"
" EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolreplication)),"
" (SELECT plugin IS NOT DISTINCT FROM 'pgoutput' FROM pg_replication_slots WHERE slot_name = $2::text),"
" pg_current_xact_id_if_assigned() IS NOT NULL";

static void
check_names(const char *feed, const char *slot)
{
	if (feed[0] == '\0' || strlen(feed) >= NAMEDATALEN)
		pgwire_raise_local(ERRCODE_INVALID_NAME,
						   psprintf("a feed cannot be called \"%s\"", feed), NULL,
						   psprintf("A name has 1 to %d bytes.", NAMEDATALEN - 1));
	if (slot[0] == '\0' || strlen(slot) >= NAMEDATALEN ||
		strspn(slot, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(slot))
		pgwire_raise_local(ERRCODE_INVALID_NAME,
						   psprintf("a replication slot cannot be called \"%s\"", slot), NULL,
						   "It consists of lower-case letters, digits and underscores. The slot has the feed's name unless another is given.");
}

/* The list of publications as text; it names some. */
static char *
check_publications(ArrayType *publications)
{
	Oid			output;
	bool		varlena;

	if (ARR_NDIM(publications) != 1 || array_contains_nulls(publications))
		pgwire_raise_local(ERRCODE_INVALID_PARAMETER_VALUE,
						   "a feed reads at least one publication", NULL,
						   "CREATE PUBLICATION makes one on the remote server.");
	getTypeOutputInfo(TEXTARRAYOID, &output, &varlena);
	return OidOutputFunctionCall(output, PointerGetDatum(publications));
}

/* Raise unless a slot of that name can be made there; system_id is filled. */
static void
check_remote(ForeignServer *server, pgwire_feed *feed)
{
	pgwire_ask *ask = pgwire_ask_open(GetUserId(), server->serverid, facts_sql, 6, PGWIRE_ASK_ALONE);
	char	  **facts;

	pgwire_ask_param(ask, feed->publications);
	pgwire_ask_param(ask, feed->slot);
	facts = pgwire_ask_row(ask);
	if (facts == NULL || facts[0] == NULL || facts[1] == NULL)
		pgwire_raise_local(ERRCODE_FDW_ERROR,
						   psprintf("server \"%s\" does not tell what a feed needs to know", feed->server), NULL, NULL);
	if (strcmp(facts[0], "logical") != 0)
		pgwire_raise_local(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
						   psprintf("server \"%s\" does not write what a feed reads: its wal_level is %s", feed->server, facts[0]),
						   NULL, "Set wal_level = logical there, and restart it.");
	if (facts[2] != NULL)
		pgwire_raise_local(ERRCODE_UNDEFINED_OBJECT,
						   psprintf("server \"%s\" has no publication %s", feed->server, facts[2]), NULL,
						   "CREATE PUBLICATION there says which tables' changes are to be read.");
	if (strcmp(facts[3], "t") != 0)
		pgwire_raise_local(ERRCODE_INSUFFICIENT_PRIVILEGE,
						   psprintf("the remote user of server \"%s\" may not make replication slots", feed->server), NULL,
						   "ALTER ROLE ... REPLICATION there allows it.");
	if (facts[4] != NULL)
		pgwire_raise_local(ERRCODE_DUPLICATE_OBJECT,
						   psprintf("server \"%s\" has a replication slot \"%s\" already", feed->server, feed->slot),
						   NULL,
						   "It may be another database's feed of that name: give this one another slot. Nobody's is dropped there by pg_drop_replication_slot.");
	if (strcmp(facts[5], "f") != 0)
		pgwire_raise_local(ERRCODE_ACTIVE_SQL_TRANSACTION,
						   psprintf("a feed cannot be made in a transaction that has written to server \"%s\"", feed->server),
						   "Making the slot waits for the end of what is being written there.",
						   "Commit, or make the feed first.");
	feed->system_id = pstrdup(facts[1]);
	pgwire_ask_close(ask);
}

/* One replication command; the named column of the answer's first row. */
static char *
run_command(ForeignServer *server, const char *text, const char *column)
{
	pgwire_bytes command = pgwire_cstring(text);
	pgwire_bytes reply;
	pgwire_conn_args args;
	pgwire_error err;
	pgwire_wait wait;
	const char *at,
			   *end;

	pgwire_join_transaction();
	for (;;)
	{
		pgwire_fill_conn_args(&args, GetUserId(), server->serverid);
		if (PGWIRE_CALL(err, pgwire_go_feed_command, &args, &command, &reply, &wait) != PGWIRE_WAIT)
			break;
		pgwire_wait_for(&wait);
	}
	/* name NUL value NUL */
	at = (const char *) reply.data;
	end = at + reply.len;
	while (at < end)
	{
		const char *value = at + strlen(at) + 1;

		if (strcmp(at, column) == 0)
			return pstrdup(value);
		at = value + strlen(value) + 1;
	}
	return NULL;
}

/* Make the slot; where reading is to begin. */
static XLogRecPtr
make_slot(ForeignServer *server, const pgwire_feed *feed)
{
	char	   *command = psprintf("CREATE_REPLICATION_SLOT \"%s\" LOGICAL pgoutput NOEXPORT_SNAPSHOT", feed->slot);
	char	   *lsn = run_command(server, command, "consistent_point");

	if (lsn == NULL)
		pgwire_raise_local(ERRCODE_FDW_ERROR,
						   psprintf("server \"%s\" has made no replication slot", feed->server), NULL, NULL);
	return DatumGetLSN(DirectFunctionCall1(pg_lsn_in, CStringGetDatum(lsn)));
}

/* A server that the current user may use. */
static ForeignServer *
usable_server(const char *name)
{
	ForeignServer *server = GetForeignServerByName(name, false);
	AclResult	right = pgwire_server_aclcheck(server->serverid, GetUserId(), ACL_USAGE);

	if (right != ACLCHECK_OK)
		aclcheck_error(right, OBJECT_FOREIGN_SERVER, server->servername);
	if (strcmp(GetForeignDataWrapper(server->fdwid)->fdwname, "pgwire_fdw") != 0)
		pgwire_raise_local(ERRCODE_WRONG_OBJECT_TYPE,
						   psprintf("server \"%s\" is not one of pgwire_fdw", server->servername), NULL, NULL);
	return server;
}

/*
 * pgwire_fdw_feed_create(server text, feed text, publications text[], slot text)
 * returns pg_lsn: the consistent point, behind which the first change is read.
 */
Datum
pgwire_fdw_feed_create(PG_FUNCTION_ARGS)
{
	ForeignServer *server;
	pgwire_feed feed = {0};

	for (int i = 0; i < 3; i++)
		if (PG_ARGISNULL(i))
			pgwire_raise_local(ERRCODE_NULL_VALUE_NOT_ALLOWED,
							   "server, feed and publications must not be null", NULL, NULL);
	PreventCommandIfReadOnly("pgwire_fdw_feed_create()");
	PreventCommandIfParallelMode("pgwire_fdw_feed_create()");
	server = usable_server(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	feed.server = server->servername;
	feed.name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	feed.slot = PG_ARGISNULL(3) ? feed.name : text_to_cstring(PG_GETARG_TEXT_PP(3));
	feed.publications = check_publications(PG_GETARG_ARRAYTYPE_P(2));
	feed.owner = GetUserId();
	check_names(feed.name, feed.slot);
	pgwire_feed_lock(feed.server, feed.name, false);
	if (pgwire_feed_find(feed.server, feed.name, false) != NULL)
		pgwire_raise_local(ERRCODE_DUPLICATE_OBJECT,
						   psprintf("server \"%s\" has a feed \"%s\" already", feed.server, feed.name),
						   NULL, NULL);
	check_remote(server, &feed);
	feed.position = make_slot(server, &feed);
	pgwire_slot_made(server, feed.slot);
	pgwire_feed_insert(&feed);
	PG_RETURN_LSN(feed.position);
}
