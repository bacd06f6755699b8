/*
 * feedscan.c - the scan of a feed table.
 *
 * The rows are changes that a replication slot of the remote has to tell. They
 * come as those of any other scan do, in batches (slot.c); what differs is that
 * the scan begins behind the position which is stored here, for which it takes
 * the feed to itself until the transaction ends.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/pg_lsn.h"
#include "utils/rel.h"

#include "conn.h"
#include "feedscan.h"
#include "option.h"
#include "feed.h"
#include "pgwire_fdw.h"
#include "position.h"
#include "scan.h"
#include "wait.h"

struct pgwire_feed_scan
{
	ForeignScanState *node;
	Oid			userid;			/* whose rights count */
	Oid			serverid;
	const char *name;			/* of the feed */
	bool		nowait;
	pgwire_row_format *format;
	List	   *conditions;		/* IntList: subject, comparison, ... */
	List	   *values;			/* ExprState of each one's value */
	uint64_t	feed;			/* Go's number for it; 0: none yet */
	MemoryContextCallback callback; /* closes it */
	bool		started;
	bool		eof;
	const uint8_t *row;			/* next row of the batch */
	int			rows_left;
	instr_time	waited;
};

static void
close_feed(void *arg)
{
	pgwire_feed_scan *scan = arg;

	if (scan->feed != 0)
		(void) pgwire_loaded->pgwire_go_feed_close(scan->feed);
	scan->feed = 0;
}

/* Is a column of the table none of the changes as such, but of the remote table? */
static bool
shows_table(Relation relation)
{
	TupleDesc	desc = RelationGetDescr(relation);

	for (int i = 0; i < desc->natts; i++)
	{
		const char *role;

		if (TupleDescAttr(desc, i)->attisdropped)
			continue;
		role = pgwire_feed_option(GetForeignColumnOptions(RelationGetRelid(relation), i + 1), "feed");
		if (role == NULL || strcmp(role, "old") == 0)
			return true;
	}
	return false;
}

/* Have Go make the feed. */
static void
open_feed(pgwire_feed_scan *scan)
{
	Relation	relation = scan->node->ss.ss_currentRelation;
	Oid			relid = RelationGetRelid(relation);
	pgwire_column *columns = pgwire_row_columns(scan->format);
	pgwire_feed_args args;
	pgwire_error err;

	memset(&args, 0, sizeof(args));
	args.serverid = scan->serverid;
	args.relid = relid;
	args.of_table = shows_table(relation);
	args.ncols = scan->format->ncols;
	args.cols = palloc0(sizeof(pgwire_feed_column) * Max(args.ncols, 1));
	for (int i = 0; i < args.ncols; i++)
	{
		args.cols[i].column = columns[i];
		args.cols[i].options = pgwire_option_bytes(GetForeignColumnOptions(relid, scan->format->columns[i].attnum));
	}
	args.schema = pgwire_cstring(get_namespace_name(RelationGetNamespace(relation)));
	args.table = pgwire_cstring(RelationGetRelationName(relation));
	args.server_options = pgwire_option_bytes(GetForeignServer(scan->serverid)->options);
	args.table_options = pgwire_option_bytes(GetForeignTable(relid)->options);
	PGWIRE_CALL(err, pgwire_go_feed_open, &args, &scan->feed);
}

pgwire_feed_scan *
pgwire_begin_feed(ForeignScanState *node)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	pgwire_scan_state *state = (pgwire_scan_state *) node->fdw_state;
	Relation	relation = node->ss.ss_currentRelation;
	List	   *options = GetForeignTable(RelationGetRelid(relation))->options;
	pgwire_feed_scan *scan = palloc0(sizeof(pgwire_feed_scan));
	const char *lock = pgwire_feed_option(options, "feed_lock");

	scan->node = node;
	scan->userid = state->plan.check_as_user;
	if (!OidIsValid(scan->userid))
		scan->userid = GetUserId();
	scan->serverid = plan->fs_server;
	scan->name = pgwire_feed_option(options, "feed");
	if (scan->name == NULL)
		pgwire_raise_local(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
						   psprintf("foreign table \"%s\" is no feed any more",
									RelationGetRelationName(relation)), NULL, NULL);
	scan->nowait = lock != NULL && strcmp(lock, "nowait") == 0;
	scan->format = pgwire_make_row_format(node->ss.ss_ScanTupleSlot->tts_tupleDescriptor,
										  state->plan.attrs, RelationGetRelationName(relation),
										  plan->fsSystemCol);
	scan->conditions = state->plan.conditions;
	scan->values = ExecInitExprList(plan->fdw_exprs, &node->ss.ps);
	scan->callback.func = close_feed;
	scan->callback.arg = scan;
	MemoryContextRegisterResetCallback(node->ss.ps.state->es_query_cxt, &scan->callback);
	open_feed(scan);
	return scan;
}

/* A value as Go takes it for the subject. */
static pgwire_bytes
condition_value(int what, Datum value)
{
	pgwire_bytes bytes;

	switch (what)
	{
		case PGWIRE_FEED_OP:
			bytes.data = palloc(1);
			bytes.data[0] = (uint8_t) DatumGetChar(value);
			bytes.len = 1;
			break;
		case PGWIRE_FEED_RELATION:
			bytes = pgwire_cstring(TextDatumGetCString(value));
			break;
		default:
			bytes.data = palloc(sizeof(int64));
			*(int64 *) bytes.data = DatumGetInt64(value);
			bytes.len = sizeof(int64);
	}
	return bytes;
}

/* Evaluate the conditions. One with NULL lets nothing through, which the scan finds out. */
static void
evaluate(pgwire_feed_scan *scan, pgwire_feed_start_args *args)
{
	ExprContext *econtext = scan->node->ss.ps.ps_ExprContext;
	int			at = 0;
	ListCell   *lc;

	args->conditions = palloc0(sizeof(pgwire_feed_condition) * Max(list_length(scan->values), 1));
	foreach(lc, scan->values)
	{
		pgwire_feed_condition *condition = &args->conditions[args->nconditions];
		bool		isnull;
		Datum		value = ExecEvalExprSwitchContext(lfirst(lc), econtext, &isnull);

		condition->what = list_nth_int(scan->conditions, at++);
		condition->compare = list_nth_int(scan->conditions, at++);
		if (isnull)
			continue;
		condition->value = condition_value(condition->what, value);
		args->nconditions++;
	}
}

/* Begin to read behind the stored position; the answer is Go's. */
static int32_t
start(pgwire_feed_scan *scan, pgwire_batch *batch, pgwire_wait *wait, pgwire_error *err)
{
	MemoryContext old = MemoryContextSwitchTo(scan->node->ss.ps.ps_ExprContext->ecxt_per_tuple_memory);
	pgwire_feed_start_args args;
	pgwire_conn_args conn;
	pgwire_feed *place;
	int32_t		rc;

	memset(&args, 0, sizeof(args));
	place = pgwire_feed_begin_read(scan->serverid, scan->name, scan->nowait);
	AcceptInvalidationMessages();
	pgwire_fill_conn_args(&conn, scan->userid, scan->serverid);
	args.source.conn = &conn;
	args.source.slot = pgwire_cstring(place->slot);
	args.source.publications = pgwire_cstring(place->publications);
	args.source.system_id = pgwire_cstring(place->system_id);
	args.source.position = place->position;
	args.source.confirmed = place->confirmed;
	args.nest_level = GetCurrentTransactionNestLevel();
	evaluate(scan, &args);
	pgwire_join_transaction();
	if (!pgwire_reserve_fd())
		pgwire_raise_local(ERRCODE_INSUFFICIENT_RESOURCES,
						   psprintf("could not connect to server \"%.*s\"", (int) conn.server.len,
									(char *) conn.server.data),
						   "There are too many open files on the local server.",
						   "Raise the server's max_files_per_process and/or \"ulimit -n\" limits.");
	rc = pgwire_loaded->pgwire_go_feed_start(scan->feed, &args, batch, wait, err);
	pgwire_account_fds();
	scan->started = true;
	MemoryContextSwitchTo(old);
	return rc;
}

static void
wait_timed(pgwire_feed_scan *scan, const pgwire_wait *wait)
{
	instr_time	before = {0};
	instr_time	after;

	if (scan->node->ss.ps.instrument == NULL)
	{
		pgwire_wait_for(wait);
		return;
	}
	INSTR_TIME_SET_CURRENT(before);
	pgwire_wait_for(wait);
	INSTR_TIME_SET_CURRENT(after);
	INSTR_TIME_ACCUM_DIFF(scan->waited, after, before);
}

static void
raise_feed(pgwire_feed_scan *scan, const pgwire_error *err)
{
	if (err->column >= 0)
	{
		pgwire_push_conversion(&scan->format->conv);
		pgwire_name_column(scan->format, err->column);
	}
	pgwire_raise(err);
}

/* Get the next batch; false: there is none. */
static bool
next_batch(pgwire_feed_scan *scan)
{
	pgwire_batch batch;
	pgwire_wait wait;
	pgwire_error err;
	int32_t		rc;

	pgwire_serve_interrupts();
	for (;;)
	{
		if (scan->started)
			rc = pgwire_loaded->pgwire_go_feed_next(scan->feed, GetCurrentTransactionNestLevel(),
													&batch, &wait, &err);
		else
			rc = start(scan, &batch, &wait, &err);
		if (rc == PGWIRE_OK)
			break;
		if (rc == PGWIRE_WAIT)
		{
			wait_timed(scan, &wait);
			continue;
		}
		pgwire_account_fds();
		if (rc != PGWIRE_EOF)
			raise_feed(scan, &err);
		pgwire_deliver_notices();
		scan->eof = true;
		return false;
	}
	/* the columns' types may change between two batches, and with them this */
	pgwire_row_value_formats(scan->format, batch.value_formats, batch.all_datum);
	scan->row = batch.rows;
	scan->rows_left = batch.nrows;
	return true;
}

void
pgwire_feed_row(pgwire_feed_scan *scan)
{
	TupleTableSlot *slot = scan->node->ss.ss_ScanTupleSlot;

	if (scan->rows_left == 0 && (scan->eof || !next_batch(scan)))
	{
		ExecClearTuple(slot);
		return;
	}
	scan->rows_left--;
	scan->row = pgwire_store_row(scan->format, scan->row, slot);
}

void
pgwire_feed_rewind(pgwire_feed_scan *scan)
{
	scan->started = false;
	scan->eof = false;
	scan->rows_left = 0;
}

void
pgwire_feed_end(pgwire_feed_scan *scan)
{
	close_feed(scan);
	scan->rows_left = 0;
	scan->eof = true;
}

/* ---- EXPLAIN ---- */

void
pgwire_explain_feed(ForeignScanState *node, pgwire_feed_scan *scan, struct ExplainState *es)
{
	pgwire_feed_stats stats = {0};
	const char *name = pgwire_feed_option(GetForeignTable(RelationGetRelid(node->ss.ss_currentRelation))->options, "feed");

	ExplainPropertyText("Remote Feed", name ? name : "", es);
	if (!es->analyze || scan == NULL || scan->feed == 0)
		return;
	(void) pgwire_loaded->pgwire_go_feed_stats(scan->feed, &stats);
	ExplainPropertyInteger("Changes", NULL, stats.changes, es);
	ExplainPropertyInteger("Transactions", NULL, stats.transactions, es);
	ExplainPropertyInteger("Passes", NULL, stats.passes, es);
	if (es->verbose)
	{
		ExplainPropertyInteger("Remote Bytes", NULL, stats.bytes, es);
		ExplainPropertyInteger("Set Aside", "kB", (stats.spooled + 1023) / 1024, es);
		ExplainPropertyText("Values", stats.text ? "text" : "binary", es);
	}
	if (es->timing)
		ExplainPropertyFloat("Remote Wait Time", "ms", INSTR_TIME_GET_MILLISEC(scan->waited), 3, es);
}
