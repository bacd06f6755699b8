/*
 * drop.h - slots that go with the end of the local transaction.
 */
#ifndef PGWIRE_DROP_H
#define PGWIRE_DROP_H

#include "postgres.h"

#include "foreign/foreign.h"

/*
 * This (sub-)transaction has made a replication slot: if it is rolled back, so has
 * the slot to be.
 */
extern void pgwire_slot_made(const ForeignServer *server, const char *slot);

#endif
