/*
 * error.h - the only way to raise an error in this module.
 */
#ifndef PGWIRE_ERROR_H
#define PGWIRE_ERROR_H

#include "bridge.h"
#include "compat.h"

/* Raise what Go reported. Copies every string first. */
pg_noreturn extern void pgwire_raise(const pgwire_error *err);

/*
 * What Go reported, or C in its place, kept: copied into the current memory
 * context, fit to be shown. Strings that are absent are NULL.
 */
typedef struct pgwire_failure
{
	int			sqlstate;		/* an ERRCODE_ number */
	char	   *message,
			   *detail,
			   *hint,
			   *context,
			   *remote_sql,
			   *schema_name,
			   *table_name,
			   *column_name,
			   *datatype_name,
			   *constraint_name;
} pgwire_failure;

extern pgwire_failure pgwire_keep_error(const pgwire_error *err);
pg_noreturn extern void pgwire_raise_failure(const pgwire_failure *failure);

/* Fill an error as Go would; the strings are not copied, detail and hint may be NULL. */
extern void pgwire_fill_error(pgwire_error *err, const char *sqlstate, const char *message,
							  const char *detail, const char *hint);

/* Report what Go reported as a DEBUG, NOTICE or WARNING (PGWIRE_LEVEL_*). */
extern void pgwire_notice(int level, const pgwire_error *err);

/*
 * Raise an error of the C side. sqlstate is an ERRCODE_ number; detail and
 * hint may be NULL.
 */
pg_noreturn extern void pgwire_raise_local(int sqlstate, const char *message,
										   const char *detail, const char *hint);

/* The same as a warning. */
extern void pgwire_warn_local(int sqlstate, const char *message);

/* A notice of the C side; hint may be NULL. */
extern void pgwire_notice_local(const char *message, const char *hint);

/* A message for who wants to follow what a command does; elevel is below ERROR. */
extern void pgwire_log_local(int elevel, const char *message);

/* A notice with a detail, which may be NULL. */
extern void pgwire_notice_detail(const char *message, const char *detail);

/*
 * Call a function in a sub-transaction. An error that is one of the values it
 * deals with undoes the sub-transaction, and is answered: false, *failure filled.
 * Cancelling, the end of the session, exhaustion and the like are raised on.
 */
extern bool pgwire_try(void (*call) (void *arg), void *arg, pgwire_failure *failure);

/*
 * For a process of our own, outside of a transaction: call a function in one, with a
 * snapshot. An error of whatever kind is logged and undoes the transaction, and is
 * answered: false, *failure filled, in the caller's memory context. The end of the
 * process is not stopped.
 */
extern bool pgwire_in_transaction(void (*call) (void *arg), void *arg, pgwire_failure *failure);

/* The end of a process of our own. */
pg_noreturn extern void pgwire_exit(int code);

/* As a line for who debugs. */
extern void pgwire_debug_failure(const char *message, const pgwire_failure *failure);

/* Deliver pending notices of the Go side. */
extern void pgwire_deliver_notices(void);

/* rc as it is, unless it is PGWIRE_ERROR, which is raised. */
static inline int32_t
pgwire_check(int32_t rc, const pgwire_error *err)
{
	if (unlikely(rc == PGWIRE_ERROR))
		pgwire_raise(err);
	return rc;
}

/*
 * Error context while a value is converted by C: names the foreign table and
 * column. Between pgwire_push_conversion and pgwire_pop_conversion.
 */
typedef struct pgwire_conversion
{
	ErrorContextCallback callback;
	const char *relation;		/* printable name, looked up beforehand; "": the
								 * column is of none, and called by its number; NULL:
								 * nothing is said */
	const char *column;			/* NULL: none is being converted */
} pgwire_conversion;

extern void pgwire_push_conversion(pgwire_conversion *conv);
extern void pgwire_pop_conversion(pgwire_conversion *conv);

/*
 * Error context while a table of a remote is imported: names it, and the column
 * at hand, and says that an error's position is not one in the user's statement.
 */
typedef struct pgwire_import_context
{
	ErrorContextCallback callback;
	const char *table;
	const char *column;			/* NULL: none */
} pgwire_import_context;

extern void pgwire_push_import(pgwire_import_context *context, const char *table);
extern void pgwire_pop_import(pgwire_import_context *context);

#endif
