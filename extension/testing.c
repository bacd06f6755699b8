/*
 * testing.c - functions for the project's own tests.
 *
 * They are in the module but not in its SQL script; a test declares them as a
 * superuser, who alone may create functions in C. They exist so that a fault
 * can be provoked, and a leak seen, from SQL.
 */
#include "postgres.h"

#include "fmgr.h"
#include "storage/fd.h"
#include "utils/builtins.h"

#include "pgwire_fdw.h"

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
