/*
 * drop.c - slots that go with the end of the local transaction, and
 * pgwire_fdw_feed_drop.
 *
 * A replication slot is not part of any transaction. That of a feed which is
 * dropped goes as the last thing before the commit, so that a rollback keeps
 * it; what could be in the way is looked for at once. That of a feed whose creation
 * is rolled back goes in the abort.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "ask.h"
#include "conn.h"
#include "drop.h"
#include "job.h"
#include "pgwire_fdw.h"
#include "position.h"
#include "wait.h"

PG_FUNCTION_INFO_V1(pgwire_fdw_feed_drop);

/* A slot on which the end of the transaction depends, or the reverse. */
typedef struct pending_slot
{
	Oid			serverid;
	Oid			umid;			/* by which it was made */
	Oid			userid;			/* whose rights count there */
	int			level;			/* nesting level that has asked for it */
	bool		made;			/* it was made; else it is to be dropped */
	char		server[NAMEDATALEN];
	char		slot[NAMEDATALEN];
} pending_slot;

static List *pending = NIL;		/* in TopMemoryContext */

/* For how long a slot may be in use by a process that is about to end. */
#define ACTIVE_MS 5000

static const char state_sql[] =
"SELECT active_pid FROM pg_replication_slots WHERE slot_name = $1::text";

static const char drop_sql[] =
"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1::text";

/* One answer about a slot: its first column, "" for NULL, or NULL: no row. */
static char *
ask_of_slot(Oid userid, Oid serverid, const char *sql, const char *slot)
{
	pgwire_ask *ask = pgwire_ask_open(userid, serverid, sql, 1, PGWIRE_ASK_ALONE);
	char	  **row;
	char	   *answer = NULL;

	pgwire_ask_param(ask, slot);
	row = pgwire_ask_row(ask);
	if (row != NULL)
		answer = pstrdup(row[0] ? row[0] : "");
	pgwire_ask_close(ask);
	return answer;
}

/*
 * What was made is not to be. Nothing may be waited for: the server that has made it is
 * told on the connection by which it was asked, and carries it out.
 */
static void
rolled_back(const pending_slot *p)
{
	char		text[NAMEDATALEN + 40];
	pgwire_bytes command;

	snprintf(text, sizeof(text), "DROP_REPLICATION_SLOT \"%s\"", p->slot);
	command = pgwire_cstring(text);
	if (pgwire_loaded->pgwire_go_feed_last_command(p->umid, &command) == PGWIRE_OK)
		return;
	pgwire_warn_local(ERRCODE_WARNING,
					  psprintf("replication slot \"%s\" of server \"%s\" is left over: drop it there with pg_drop_replication_slot",
							   p->slot, p->server));
}

/* A sub-transaction has ended: what it has asked for is its parent's, or undone. */
static void
subxact_callback(SubXactEvent event, SubTransactionId mySubid,
				 SubTransactionId parentSubid, void *arg)
{
	int			level = GetCurrentTransactionNestLevel();
	ListCell   *lc;

	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	foreach(lc, pending)
	{
		pending_slot *p = lfirst(lc);

		if (p->level < level)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
		{
			p->level = level - 1;
			continue;
		}
		if (p->made)
			rolled_back(p);
		pending = foreach_delete_current(pending, lc);
		pfree(p);
	}
}

/* Before the remote transactions are committed: whoever fails here fails the commit. */
static void
drop_slots(void)
{
	ListCell   *lc;

	foreach(lc, pending)
	{
		pending_slot *p = lfirst(lc);

		if (!p->made)
			(void) ask_of_slot(p->userid, p->serverid, drop_sql, p->slot);
	}
}

static void
forget(bool aborted)
{
	ListCell   *lc;

	foreach(lc, pending)
	{
		pending_slot *p = lfirst(lc);

		if (aborted && p->made)
			rolled_back(p);
	}
	list_free_deep(pending);
	pending = NIL;
}

static void
xact_callback(XactEvent event, void *arg)
{
	if (pending == NIL)
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			drop_slots();
			break;
		case XACT_EVENT_PRE_PREPARE:
			pgwire_raise_local(ERRCODE_FEATURE_NOT_SUPPORTED,
							   "cannot PREPARE a transaction that has made or dropped a feed", NULL, NULL);
			break;
		case XACT_EVENT_COMMIT:
			forget(false);
			break;
		case XACT_EVENT_ABORT:
			forget(true);
			break;
		default:
			break;
	}
}

static void
remember(const ForeignServer *server, const char *slot, bool made)
{
	static bool registered = false;
	MemoryContext old;
	pending_slot *p;

	/* called before xact.c's, which is there since the remote was asked: last come, first called */
	if (!registered)
	{
		RegisterXactCallback(xact_callback, NULL);
		RegisterSubXactCallback(subxact_callback, NULL);
		registered = true;
	}
	old = MemoryContextSwitchTo(TopMemoryContext);
	p = palloc0(sizeof(pending_slot));
	p->serverid = server->serverid;
	p->userid = GetUserId();
	p->umid = pgwire_user_mapping(p->userid, p->serverid);
	p->level = GetCurrentTransactionNestLevel();
	p->made = made;
	strlcpy(p->server, server->servername, NAMEDATALEN);
	strlcpy(p->slot, slot, NAMEDATALEN);
	pending = lappend(pending, p);
	MemoryContextSwitchTo(old);
}

void
pgwire_slot_made(const ForeignServer *server, const char *slot)
{
	remember(server, slot, true);
}

/*
 * Nobody may be reading the slot. Who has just read it may need a moment until the
 * remote has noticed.
 */
static void
check_inactive(const ForeignServer *server, const pgwire_feed *feed)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ACTIVE_MS);
	pgwire_wait moment = {.fd = -1, .timeout_ms = 50, .reason = PGWIRE_WAIT_RESULT};
	char	   *pid;

	do
	{
		pid = ask_of_slot(GetUserId(), server->serverid, state_sql, feed->slot);
		if (pid == NULL || pid[0] == '\0')
			return;
	} while (pgwire_wait_until(&moment, deadline));
	pgwire_raise_local(ERRCODE_OBJECT_IN_USE,
					   psprintf("replication slot \"%s\" of server \"%s\" is in use there by process %s",
								feed->slot, feed->server, pid),
					   NULL, "End that process, or drop the feed alone, with drop_slot => false.");
}

/* The slot is that of the feed: the server leads where it led when it was made. */
static void
check_cluster(const ForeignServer *server, const pgwire_feed *feed)
{
	char	   *id = ask_of_slot(GetUserId(), server->serverid,
								 "SELECT system_identifier FROM pg_control_system() WHERE $1::text IS NOT NULL",
								 feed->slot);

	if (id == NULL || strcmp(id, feed->system_id) != 0)
		pgwire_raise_local(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
						   psprintf("server \"%s\" is another cluster than that of feed \"%s\"", feed->server, feed->name),
						   NULL, "Drop the feed alone, with drop_slot => false.");
}

/* pgwire_fdw_feed_drop(server text, feed text, drop_slot boolean) returns void */
Datum
pgwire_fdw_feed_drop(PG_FUNCTION_ARGS)
{
	char	   *server_name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	ForeignServer *server = NULL;
	pgwire_feed *feed;

	PreventCommandIfReadOnly("pgwire_fdw_feed_drop()");
	PreventCommandIfParallelMode("pgwire_fdw_feed_drop()");
	pgwire_feed_check_owner(pgwire_feed_find(server_name, name, true));
	pgwire_feed_lock(server_name, name, false);
	feed = pgwire_feed_find(server_name, name, true);
	if (PG_GETARG_BOOL(2))
	{
		server = GetForeignServerByName(server_name, false);
		check_cluster(server, feed);
		check_inactive(server, feed);
		remember(server, feed->slot, false);
	}
	(void) pgwire_job_delete(server_name, name);
	pgwire_feed_delete(feed);
	PG_RETURN_VOID();
}
