/*
 * conn.h - connections and the transactions that use them.
 */
#ifndef PGWIRE_CONN_H
#define PGWIRE_CONN_H

#include "foreign/foreign.h"

/* in conn.c: open the connection of a user mapping for this effective user */
extern void pgwire_open_connection(UserMapping *mapping);
/* ... and bring the server's count of external descriptors up to date */
extern void pgwire_account_fds(void);

/* in xact.c: be told of the end of this transaction */
extern void pgwire_join_transaction(void);

#endif
