/*
 * position.c - where reading a feed has come to, as it is stored here.
 *
 * The rows are read and written as the server does with its catalogs, not by
 * SQL: nobody but these functions may write them, and no search path, trigger or
 * role has a say in it.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "common/hashfn.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/pg_lsn.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "error.h"
#include "position.h"

#define FEED_TABLE "pgwire_fdw_feed"

/* Its columns, in the order of the SQL script. */
enum feed_column
{
	FEED_SERVER,
	FEED_NAME,
	FEED_SLOT,
	FEED_PUBLICATIONS,
	FEED_OWNER,
	FEED_SYSTEM_ID,
	FEED_POSITION,
	FEED_ADVANCED,
	FEED_ROWS,
	FEED_BYTES,
	FEED_COLUMNS
};

/* The schema that the extension's objects are in; it may be moved. */
static Oid
extension_schema(void)
{
	Oid			extension = get_extension_oid("pgwire_fdw", true);
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	Oid			schema = InvalidOid;
	ScanKeyData key[1];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key[0], Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(extension));
	scan = systable_beginscan(rel, ExtensionOidIndexId, true, NULL, 1, key);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		schema = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return schema;
}

Relation
pgwire_open_table(const char *name, LOCKMODE lockmode)
{
	Oid			schema = extension_schema();
	Oid			relid = OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;

	if (!OidIsValid(relid))
		pgwire_raise_local(ERRCODE_UNDEFINED_TABLE,
						   psprintf("table \"%s\" of extension pgwire_fdw is not in this database", name),
						   NULL, "CREATE EXTENSION pgwire_fdw makes it.");
	return table_open(relid, lockmode);
}

/* A row as C has it, copied. */
static pgwire_feed *
form_feed(Relation rel, HeapTuple tuple)
{
	pgwire_feed *feed = palloc0(sizeof(pgwire_feed));
	Datum		values[FEED_COLUMNS];
	bool		nulls[FEED_COLUMNS];
	Oid			output;
	bool		varlena;

	heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
	getTypeOutputInfo(TEXTARRAYOID, &output, &varlena);
	feed->server = pstrdup(NameStr(*DatumGetName(values[FEED_SERVER])));
	feed->name = pstrdup(NameStr(*DatumGetName(values[FEED_NAME])));
	feed->slot = pstrdup(NameStr(*DatumGetName(values[FEED_SLOT])));
	feed->publications = OidOutputFunctionCall(output, values[FEED_PUBLICATIONS]);
	feed->owner = DatumGetObjectId(values[FEED_OWNER]);
	feed->system_id = TextDatumGetCString(values[FEED_SYSTEM_ID]);
	feed->position = DatumGetLSN(values[FEED_POSITION]);
	feed->rows = DatumGetInt64(values[FEED_ROWS]);
	feed->bytes = DatumGetInt64(values[FEED_BYTES]);
	return feed;
}

HeapTuple
pgwire_table_row(Relation rel, const char *server, const char *name, Snapshot snapshot)
{
	HeapTuple	copy = NULL;
	NameData	names[2];
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	/* a name that is too long is cut here as where the row was made */
	namestrcpy(&names[0], server);
	namestrcpy(&names[1], name);
	for (int i = 0; i < 2; i++)
		ScanKeyInit(&keys[i], i + 1, BTEqualStrategyNumber, F_NAMEEQ, NameGetDatum(&names[i]));
	list_free(RelationGetIndexList(rel));	/* finds the primary key */
	scan = systable_beginscan(rel, rel->rd_pkindex, true, snapshot, 2, keys);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		copy = heap_copytuple(tuple);
	systable_endscan(scan);
	return copy;
}

/* The feed as a snapshot sees it (NULL: as it is now), or NULL; is it of this transaction? */
static pgwire_feed *
find(const char *server, const char *name, Snapshot snapshot, bool *ours)
{
	Relation	rel = pgwire_open_table(FEED_TABLE, AccessShareLock);
	HeapTuple	tuple = pgwire_table_row(rel, server, name, snapshot);
	pgwire_feed *feed = NULL;

	if (tuple != NULL)
	{
		feed = form_feed(rel, tuple);
		if (ours)
			*ours = TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
	}
	table_close(rel, AccessShareLock);
	return feed;
}

pgwire_feed *
pgwire_feed_find(const char *server, const char *name, bool must_exist)
{
	pgwire_feed *feed = find(server, name, NULL, NULL);

	if (feed == NULL && must_exist)
		pgwire_raise_local(ERRCODE_UNDEFINED_OBJECT,
						   psprintf("server \"%s\" has no feed \"%s\"", server, name), NULL,
						   "Make it with pgwire_fdw_feed_create; the view pgwire_fdw_feeds lists those that there are.");
	return feed;
}

void
pgwire_feed_check_owner(const pgwire_feed *feed)
{
	if (!superuser() && !has_privs_of_role(GetUserId(), feed->owner))
		pgwire_raise_local(ERRCODE_INSUFFICIENT_PRIVILEGE,
						   psprintf("must be owner of feed \"%s\" of server \"%s\"", feed->name, feed->server),
						   NULL, NULL);
}

/*
 * A lock on a name, as there may be no row to lock; held to the end of the
 * transaction. Two names with one hash wait for each other needlessly.
 */
void
pgwire_feed_lock(const char *server, const char *name, bool nowait)
{
	Relation	rel = pgwire_open_table(FEED_TABLE, AccessShareLock);
	uint32		hash = hash_combine(hash_bytes((const unsigned char *) server, strlen(server)),
									hash_bytes((const unsigned char *) name, strlen(name)));
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationGetRelid(rel), hash, 0);
	table_close(rel, AccessShareLock);
	if (LockAcquire(&tag, ExclusiveLock, false, nowait) == LOCKACQUIRE_NOT_AVAIL)
		pgwire_raise_local(ERRCODE_LOCK_NOT_AVAILABLE,
						   psprintf("feed \"%s\" of server \"%s\" is in use by another transaction", name, server),
						   NULL, "With option \"feed_lock\" \"wait\" its end is waited for.");
}

/*
 * Until we had the lock, another transaction may have consumed what we are about
 * to read. With a snapshot that is kept we do not see what it has made of it.
 */
static void
check_snapshot(const pgwire_feed *feed, bool ours)
{
	pgwire_feed *seen;

	if (!IsolationUsesXactSnapshot() || ours)
		return;
	seen = find(feed->server, feed->name, GetTransactionSnapshot(), NULL);
	if (seen == NULL || seen->position != feed->position)
		pgwire_raise_local(ERRCODE_T_R_SERIALIZATION_FAILURE,
						   psprintf("could not serialize access to feed \"%s\" of server \"%s\" due to concurrent update",
									feed->name, feed->server), NULL, NULL);
}

/*
 * The position before this transaction has changed it: what a snapshot sees for
 * which nothing of ours has happened. 0: this transaction has made the feed.
 */
static XLogRecPtr
committed_position(const pgwire_feed *feed)
{
	Snapshot	before = RegisterSnapshot(GetLatestSnapshot());
	pgwire_feed *committed;

	before->curcid = FirstCommandId;
	committed = find(feed->server, feed->name, before, NULL);
	UnregisterSnapshot(before);
	return committed ? committed->position : InvalidXLogRecPtr;
}

pgwire_feed *
pgwire_feed_begin_read(Oid serverid, const char *name, bool nowait)
{
	const char *server = GetForeignServer(serverid)->servername;
	pgwire_feed *feed;
	bool		ours = false;

	/* who may not use it must not hold it up either */
	pgwire_feed_check_owner(pgwire_feed_find(server, name, true));
	pgwire_feed_lock(server, name, nowait);
	feed = find(server, name, NULL, &ours);
	if (feed == NULL)
		feed = pgwire_feed_find(server, name, true);
	check_snapshot(feed, ours);
	feed->confirmed = ours ? committed_position(feed) : feed->position;
	return feed;
}

/* The text form of a text[] as a Datum. */
static Datum
array_of(const char *text)
{
	Oid			input;
	Oid			element;

	getTypeInputInfo(TEXTARRAYOID, &input, &element);
	return OidInputFunctionCall(input, unconstify(char *, text), element, -1);
}

void
pgwire_feed_insert(const pgwire_feed *feed)
{
	Relation	rel = pgwire_open_table(FEED_TABLE, RowExclusiveLock);
	Datum		values[FEED_COLUMNS] = {0};
	bool		nulls[FEED_COLUMNS] = {false};
	NameData	names[3];

	namestrcpy(&names[0], feed->server);
	namestrcpy(&names[1], feed->name);
	namestrcpy(&names[2], feed->slot);
	values[FEED_SERVER] = NameGetDatum(&names[0]);
	values[FEED_NAME] = NameGetDatum(&names[1]);
	values[FEED_SLOT] = NameGetDatum(&names[2]);
	values[FEED_PUBLICATIONS] = array_of(feed->publications);
	values[FEED_OWNER] = ObjectIdGetDatum(feed->owner);
	values[FEED_SYSTEM_ID] = CStringGetTextDatum(feed->system_id);
	values[FEED_POSITION] = LSNGetDatum(feed->position);
	nulls[FEED_ADVANCED] = true;
	values[FEED_ROWS] = Int64GetDatum(feed->rows);
	values[FEED_BYTES] = Int64GetDatum(feed->bytes);
	CatalogTupleInsert(rel, heap_form_tuple(RelationGetDescr(rel), values, nulls));
	table_close(rel, NoLock);
	CommandCounterIncrement();
}

void
pgwire_feed_update(const pgwire_feed *feed)
{
	Relation	rel = pgwire_open_table(FEED_TABLE, RowExclusiveLock);
	HeapTuple	tuple = pgwire_table_row(rel, feed->server, feed->name, NULL);
	Datum		values[FEED_COLUMNS] = {0};
	bool		nulls[FEED_COLUMNS] = {false};
	bool		changed[FEED_COLUMNS] = {false};

	values[FEED_POSITION] = LSNGetDatum(feed->position);
	values[FEED_ADVANCED] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[FEED_ROWS] = Int64GetDatum(feed->rows);
	values[FEED_BYTES] = Int64GetDatum(feed->bytes);
	changed[FEED_POSITION] = changed[FEED_ADVANCED] = changed[FEED_ROWS] = changed[FEED_BYTES] = true;
	CatalogTupleUpdate(rel, &tuple->t_self,
					   heap_modify_tuple(tuple, RelationGetDescr(rel), values, nulls, changed));
	table_close(rel, NoLock);
	CommandCounterIncrement();
}

void
pgwire_feed_delete(const pgwire_feed *feed)
{
	Relation	rel = pgwire_open_table(FEED_TABLE, RowExclusiveLock);
	HeapTuple	tuple = pgwire_table_row(rel, feed->server, feed->name, NULL);

	CatalogTupleDelete(rel, &tuple->t_self);
	table_close(rel, NoLock);
	CommandCounterIncrement();
}
