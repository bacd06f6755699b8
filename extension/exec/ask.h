/*
 * ask.h - a question to a remote server outside of a scan node.
 *
 * What the planner, ANALYZE and IMPORT FOREIGN SCHEMA want to know of a remote:
 * a statement with text parameters goes there, and its rows come back as C
 * strings, one at a time.
 *
 * The statement runs like a scan's: on the connection of the user mapping, in
 * the remote transaction that follows the local one (or, PGWIRE_ASK_ALONE, by
 * itself where there is none yet), while other results are unread if need be.
 * No more than one batch of rows (256 kB, or one row) is held.
 *
 * When it fails - the remote refuses the statement, the connection cannot be
 * made or is lost, an answer makes no sense:
 *  - without PGWIRE_ASK_TRY the error is raised, with all fields of the remote's;
 *  - with it, pgwire_ask_row answers NULL and pgwire_ask_failure says why.
 *    Nothing is thrown, so no sub-transaction is needed, and locally nothing
 *    has happened. Remotely neither: the statement has a savepoint of its own,
 *    to which the next statement on the connection goes back, or was alone. Only a
 *    connection that is lost in the middle of a remote transaction stays lost
 *    until that ends: scans of this transaction then fail, as they have to.
 *
 * Raised in any case is what is not the remote's: cancelling, a timeout, the end
 * of the session (from any wait, also for the connection: a remote that is dead
 * is waited for as long as a scan would, connect_timeout being the limit), and
 * memory that is not to be had. The statement is then given up with the memory
 * context, and the remote told to stop with the (sub)transaction.
 */
#ifndef PGWIRE_ASK_H
#define PGWIRE_ASK_H

#include "postgres.h"

#include "error.h"

typedef struct pgwire_ask pgwire_ask;

#define PGWIRE_ASK_TRY 0x01		/* an error is an answer */
#define PGWIRE_ASK_ALONE 0x02	/* needs no snapshot in common with other statements,
								 * and writes nothing: begin no transaction for it */

/*
 * Make a question that a user (whose rights count) has for a server, with an
 * answer of ncols columns, of any types. It lives in a child of the current
 * memory context, and with that the statement. Nothing is sent before the first
 * row is asked for. sql is copied.
 */
extern pgwire_ask *pgwire_ask_open(Oid userid, Oid serverid, const char *sql, int ncols, int flags);

/* Have it fail when it takes longer than this from now on, the connection included. */
extern void pgwire_ask_limit(pgwire_ask *ask, int ms);

/* Add the next parameter ($1, $2, ...), of type text; NULL is NULL. It is copied. */
extern void pgwire_ask_param(pgwire_ask *ask, const char *value);

/*
 * The next row: ncols strings in the text form of their types, valid in the
 * database encoding, NULL for NULL; all valid until the next call. NULL when there
 * are no more rows, or none because it has failed.
 */
extern char **pgwire_ask_row(pgwire_ask *ask);

/* Why a question with PGWIRE_ASK_TRY has failed, or NULL; belongs to ask. */
extern const pgwire_failure *pgwire_ask_failure(const pgwire_ask *ask);

/* Free it; rows that are still to come are given up. */
extern void pgwire_ask_close(pgwire_ask *ask);

#endif
