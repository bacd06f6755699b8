/*
 * position.h - where reading a feed has come to, as it is stored here.
 *
 * The table pgwire_fdw_feed of the extension has a row for each feed. That its
 * position is written by the transaction that has made something of the changes
 * is what makes each of them count exactly once.
 */
#ifndef PGWIRE_POSITION_H
#define PGWIRE_POSITION_H

#include "postgres.h"

#include "access/htup.h"
#include "access/xlogdefs.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

typedef struct pgwire_feed
{
	const char *server;			/* name of the foreign server */
	const char *name;
	const char *slot;			/* of the remote, by name */
	const char *publications;	/* of the remote: the text form of a text[] */
	const char *system_id;		/* system identifier of the remote's cluster */
	Oid			owner;			/* the role that has made it */
	XLogRecPtr	position;		/* every transaction whose commit record begins before
								 * this is consumed */
	XLogRecPtr	confirmed;		/* what of it is committed; by pgwire_feed_begin_read only */
	int64		rows;			/* read so far, by transactions that have committed */
	int64		bytes;
} pgwire_feed;

/* A table of the extension, by its name; opened. */
extern Relation pgwire_open_table(const char *name, LOCKMODE lockmode);

/*
 * Of such a table, whose key is the name of a server and that of a feed: a copy of
 * the row that the snapshot sees (NULL: the latest that is committed or ours), or NULL.
 */
extern HeapTuple pgwire_table_row(Relation rel, const char *server, const char *name,
								  Snapshot snapshot);

/*
 * The feed as it was committed last, or changed by this transaction; in the
 * current memory context. NULL, or with must_exist an error, if there is none.
 */
extern pgwire_feed *pgwire_feed_find(const char *server, const char *name, bool must_exist);

/* Raise unless the current user is the feed's owner, a member of it, or superuser. */
extern void pgwire_feed_check_owner(const pgwire_feed *feed);

/*
 * Have a feed to ourselves until the end of the transaction: whoever reads,
 * advances, makes or drops it calls this first. nowait: raise where another
 * transaction has it, instead of waiting for its end.
 */
extern void pgwire_feed_lock(const char *server, const char *name, bool nowait);

/*
 * Lock, find and check the owner: for a transaction that reads the feed. Raises a
 * serialization failure where the transaction's snapshot has another position.
 */
extern pgwire_feed *pgwire_feed_begin_read(Oid serverid, const char *name, bool nowait);

/*
 * Write a feed's row: a new one, what has changed of it (position, rows, bytes), its
 * end. The caller has the lock and has found the feed, or found none.
 */
extern void pgwire_feed_insert(const pgwire_feed *feed);
extern void pgwire_feed_update(const pgwire_feed *feed);
extern void pgwire_feed_delete(const pgwire_feed *feed);

#endif
