/*
 * peek.h - is there anything to read of a feed?
 */
#ifndef PGWIRE_PEEK_H
#define PGWIRE_PEEK_H

#include "postgres.h"

#include "foreign/foreign.h"
#include "position.h"

/*
 * Ask the remote whether the feed has changes behind its position. False: none up to
 * *horizon, which the position may be moved to. feed is that of pgwire_feed_begin_read;
 * the slot is told of its committed position.
 */
extern bool pgwire_feed_peek(const ForeignServer *server, const pgwire_feed *feed, XLogRecPtr *horizon);

#endif
