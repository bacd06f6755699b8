/*
 * advance.h - what has been read of a feed becomes consumed.
 */
#ifndef PGWIRE_ADVANCE_H
#define PGWIRE_ADVANCE_H

#include "postgres.h"

#include "position.h"

/*
 * Store a position in this transaction, which has the feed to itself, and count
 * what this transaction has read with it.
 */
extern void pgwire_feed_store(Oid serverid, pgwire_feed *feed, XLogRecPtr position);

/* To where this transaction has read the feed, all feed tables of it considered; 0: not at all. */
extern XLogRecPtr pgwire_feed_read_to(Oid serverid, const pgwire_feed *feed);

#endif
