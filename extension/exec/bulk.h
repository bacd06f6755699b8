/*
 * bulk.h - may rows go to a remote table by COPY?
 */
#ifndef PGWIRE_BULK_H
#define PGWIRE_BULK_H

#include "utils/rel.h"

#include "encode.h"
#include "private.h"

/*
 * Ask the remote whether COPY BINARY of these rows would do what INSERTs of them
 * would: insert all of them and nothing else, as values of the same types. False
 * also where that cannot be found out. It is asked in the remote transaction, with
 * the rights of a user.
 */
extern bool pgwire_may_copy(Oid userid, Oid serverid, Relation relation,
							const pgwire_modify_private *plan, const pgwire_encoder *encoder);

#endif
