/*
 * testing.c - functions for the project's own tests.
 *
 * They are in the module but not in its SQL script; a test declares them as a
 * superuser, who alone may create functions in C. They exist so that a fault
 * can be provoked, and a leak seen, from SQL.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "ask.h"
#include "pgwire_fdw.h"

PG_FUNCTION_INFO_V1(pgwire_fdw_test_ask);
PG_FUNCTION_INFO_V1(pgwire_fdw_test_counters);
PG_FUNCTION_INFO_V1(pgwire_fdw_test_fault);
PG_FUNCTION_INFO_V1(pgwire_fdw_test_load);
PG_FUNCTION_INFO_V1(pgwire_fdw_test_take_fds);

/* () returns text: the live resources of the Go side, "name count" by line. */
Datum
pgwire_fdw_test_counters(PG_FUNCTION_ARGS)
{
	pgwire_bytes reply = {0};

	if (pgwire_loaded == NULL)
		PG_RETURN_TEXT_P(cstring_to_text(""));
	pgwire_loaded->pgwire_go_counters(&reply);
	PG_RETURN_TEXT_P(cstring_to_text_with_len((char *) reply.data, reply.len));
}

/* (text) returns void: the next export or goroutine of this name panics. */
Datum
pgwire_fdw_test_fault(PG_FUNCTION_ARGS)
{
	text	   *arg = PG_GETARG_TEXT_PP(0);
	pgwire_bytes name;
	pgwire_error err;

	name.data = (uint8_t *) VARDATA_ANY(arg);
	name.len = VARSIZE_ANY_EXHDR(arg);
	PGWIRE_CALL(err, pgwire_go_fault, &name);
	PG_RETURN_VOID();
}

/* () returns void: start Go without a foreign table. */
Datum
pgwire_fdw_test_load(PG_FUNCTION_ARGS)
{
	(void) pgwire_go();
	PG_RETURN_VOID();
}

/* () returns int: claim every descriptor that the server would still grant. */
Datum
pgwire_fdw_test_take_fds(PG_FUNCTION_ARGS)
{
	int			taken = 0;

	while (AcquireExternalFD())
		taken++;
	PG_RETURN_INT32(taken);
}

/*
 * (server text, sql text, columns int, flags int, parameters text[], rows int)
 * returns text: the answer to a question (ask.h), a line for each row, of which at
 * most so many are read; or why there is none.
 */
Datum
pgwire_fdw_test_ask(PG_FUNCTION_ARGS)
{
	ForeignServer *server = GetForeignServerByName(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	int			ncols = PG_GETARG_INT32(2);
	int			left = PG_GETARG_INT32(5);
	pgwire_ask *ask = pgwire_ask_open(GetUserId(), server->serverid,
									  text_to_cstring(PG_GETARG_TEXT_PP(1)), ncols,
									  PG_GETARG_INT32(3));
	const pgwire_failure *failure;
	StringInfoData out;
	Datum	   *params;
	bool	   *nulls;
	int			nparams;
	char	  **row;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(4), TEXTOID, -1, false, TYPALIGN_INT,
					  &params, &nulls, &nparams);
	for (int i = 0; i < nparams; i++)
		pgwire_ask_param(ask, nulls[i] ? NULL : TextDatumGetCString(params[i]));
	initStringInfo(&out);
	while (left-- > 0 && (row = pgwire_ask_row(ask)) != NULL)
	{
		for (int i = 0; i < ncols; i++)
			appendStringInfo(&out, "%s%s", i > 0 ? "|" : "", row[i] ? row[i] : "(null)");
		appendStringInfoChar(&out, '\n');
	}
	if ((failure = pgwire_ask_failure(ask)) != NULL)
		appendStringInfo(&out, "failed: %s: %s", unpack_sql_state(failure->sqlstate),
						 failure->message);
	pgwire_ask_close(ask);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}
