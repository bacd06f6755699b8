/*
 * conn.h - connections and the transactions that use them.
 */
#ifndef PGWIRE_CONN_H
#define PGWIRE_CONN_H

#include "datatype/timestamp.h"

#include "bridge.h"

/*
 * in conn.c: the OID of the user mapping that a user has on a server, PUBLIC's if
 * there is no other; raises where there is none. It reads no options, which
 * takes longer than all else that a scan begins with.
 */
extern Oid	pgwire_user_mapping(Oid userid, Oid serverid);
/* ... or InvalidOid */
extern Oid	pgwire_find_user_mapping(Oid userid, Oid serverid);

/*
 * open a connection to a server for an effective user, by the user mapping that
 * the catalogs have now, whose OID becomes *umid. PGWIRE_OK, or PGWIRE_ERROR with
 * *err filled when it could not be made, or not until the deadline (0: none);
 * cancelling is raised, and so is a user mapping that has gone.
 */
extern int32_t pgwire_open_connection(Oid userid, Oid serverid, TimestampTz deadline,
									  Oid *umid, pgwire_error *err);
/*
 * ... or come closer to it without waiting: PGWIRE_WAIT, with *wait filled, until
 * PGWIRE_OK or PGWIRE_ERROR. *made counts how often it had to be made anew; 0 at first.
 */
extern int32_t pgwire_step_connection(Oid userid, Oid serverid, int *made, Oid *umid,
									  pgwire_wait *wait, pgwire_error *err);
/* what a connection is made from, as the catalogs have it now; raises where there is no user mapping */
extern void pgwire_fill_conn_args(pgwire_conn_args *args, Oid userid, Oid serverid);
/* may one more descriptor be had? It is counted until pgwire_account_fds. */
extern bool pgwire_reserve_fd(void);
/* ... and bring the server's count of external descriptors up to date */
extern void pgwire_account_fds(void);

/* in xact.c: be told of the end of this transaction */
extern void pgwire_join_transaction(void);

#endif
