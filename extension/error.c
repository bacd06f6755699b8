/*
 * error.c - the only file that raises errors.
 *
 * Go answers errors as a struct (bridge.h); here they become ereport. Strings
 * come from a remote server and are not trusted: they are copied, cut free of
 * anything invalid in the database encoding, and never used as a format.
 */
#include "postgres.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "error.h"
#include "loader.h"

/* A palloc'ed, NUL-terminated copy that is valid in the database encoding. */
static char *
printable(pgwire_bytes b)
{
	char	   *s;
	int			i,
				n = 0;

	if (b.data == NULL || b.len == 0)
		return NULL;
	s = palloc(b.len + 1);
	for (i = 0; i < b.len; i++)
		if (b.data[i] != '\0')
			s[n++] = b.data[i];
	s[n] = '\0';
	if (!pg_verifymbstr(s, n, true))
		for (i = 0; i < n; i++)
			if (IS_HIGHBIT_SET(s[i]))
				s[i] = '?';
	return s;
}

pgwire_failure
pgwire_keep_error(const pgwire_error *err)
{
	pgwire_failure p;
	const char *s = err->sqlstate;
	int			i;

	p.sqlstate = ERRCODE_INTERNAL_ERROR;
	for (i = 0; i < 5; i++)
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'A' && s[i] <= 'Z')))
			break;
	if (i == 5)
		p.sqlstate = MAKE_SQLSTATE(s[0], s[1], s[2], s[3], s[4]);
	p.message = printable(err->message);
	p.detail = printable(err->detail);
	p.hint = printable(err->hint);
	p.context = printable(err->context);
	p.remote_sql = printable(err->remote_sql);
	p.schema_name = printable(err->schema_name);
	p.table_name = printable(err->table_name);
	p.column_name = printable(err->column_name);
	p.datatype_name = printable(err->datatype_name);
	p.constraint_name = printable(err->constraint_name);
	return p;
}

static int
add_fields(const pgwire_failure *p)
{
	if (p->schema_name)
		err_generic_string(PG_DIAG_SCHEMA_NAME, p->schema_name);
	if (p->table_name)
		err_generic_string(PG_DIAG_TABLE_NAME, p->table_name);
	if (p->column_name)
		err_generic_string(PG_DIAG_COLUMN_NAME, p->column_name);
	if (p->datatype_name)
		err_generic_string(PG_DIAG_DATATYPE_NAME, p->datatype_name);
	if (p->constraint_name)
		err_generic_string(PG_DIAG_CONSTRAINT_NAME, p->constraint_name);
	return 0;
}

#define PGWIRE_REPORT(elevel, p) \
	ereport(elevel, \
			(errcode((p).sqlstate), \
			 errmsg_internal("%s", (p).message ? (p).message : "remote error without a message"), \
			 (p).detail ? errdetail_internal("%s", (p).detail) : 0, \
			 (p).hint ? errhint("%s", (p).hint) : 0, \
			 (p).context ? errcontext("%s", (p).context) : 0, \
			 (p).remote_sql ? errcontext("remote SQL command: %s", (p).remote_sql) : 0, \
			 add_fields(&(p))))

void
pgwire_raise_failure(const pgwire_failure *failure)
{
	pgwire_failure p = *failure;

	/* class 00 is success: right for a notice, not for an error */
	if (ERRCODE_TO_CATEGORY(p.sqlstate) == ERRCODE_SUCCESSFUL_COMPLETION)
		p.sqlstate = ERRCODE_INTERNAL_ERROR;
	PGWIRE_REPORT(ERROR, p);
	pg_unreachable();
}

void
pgwire_raise(const pgwire_error *err)
{
	pgwire_failure p = pgwire_keep_error(err);

	pgwire_raise_failure(&p);
}

void
pgwire_fill_error(pgwire_error *err, const char *sqlstate, const char *message,
				  const char *detail, const char *hint)
{
	memset(err, 0, sizeof(*err));
	strlcpy(err->sqlstate, sqlstate, sizeof(err->sqlstate));
	err->message.data = (uint8_t *) message;
	err->message.len = strlen(message);
	err->detail.data = (uint8_t *) detail;
	err->detail.len = detail ? strlen(detail) : 0;
	err->hint.data = (uint8_t *) hint;
	err->hint.len = hint ? strlen(hint) : 0;
	err->column = -1;
}

void
pgwire_notice(int level, const pgwire_error *err)
{
	pgwire_failure p = pgwire_keep_error(err);

	if (level == PGWIRE_LEVEL_WARNING)
		PGWIRE_REPORT(WARNING, p);
	else if (level == PGWIRE_LEVEL_NOTICE)
		PGWIRE_REPORT(NOTICE, p);
	else
		PGWIRE_REPORT(DEBUG1, p);
}

void
pgwire_deliver_notices(void)
{
	pgwire_error err;
	int32_t		level;

	while (pgwire_now_pending.notices &&
		   pgwire_loaded->pgwire_go_next_notice(&level, &err) == PGWIRE_OK)
		pgwire_notice(level, &err);
}

void
pgwire_raise_local(int sqlstate, const char *message, const char *detail,
				   const char *hint)
{
	ereport(ERROR,
			(errcode(sqlstate),
			 errmsg_internal("%s", message),
			 detail ? errdetail_internal("%s", detail) : 0,
			 hint ? errhint("%s", hint) : 0));
}

void
pgwire_warn_local(int sqlstate, const char *message)
{
	ereport(WARNING, (errcode(sqlstate), errmsg_internal("%s", message)));
}

void
pgwire_notice_local(const char *message, const char *hint)
{
	ereport(NOTICE, (errmsg_internal("%s", message),
					 hint ? errhint("%s", hint) : 0));
}

void
pgwire_notice_detail(const char *message, const char *detail)
{
	ereport(NOTICE, (errmsg_internal("%s", message),
					 detail ? errdetail_internal("%s", detail) : 0));
}

void
pgwire_log_local(int elevel, const char *message)
{
	ereport(elevel < ERROR ? elevel : WARNING, (errmsg_internal("%s", message)));
}

/* Is an error about what was being looked at, and not about the session? */
static bool
is_of_values(int sqlstate)
{
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_SYSTEM_ERROR:
		case ERRCODE_INTERNAL_ERROR:
			return false;
		default:
			return true;
	}
}

static pgwire_failure
failure_of(const ErrorData *edata)
{
	pgwire_failure failure = {0};

	failure.sqlstate = edata->sqlerrcode;
	failure.message = edata->message;
	failure.detail = edata->detail;
	failure.hint = edata->hint;
	failure.context = edata->context;
	return failure;
}

bool
pgwire_try(void (*call) (void *arg), void *arg, pgwire_failure *failure)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile caught = NULL;	/* set behind a longjmp */
	ErrorData  *edata;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		call(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		caught = CopyErrorData();
		if (!is_of_values(caught->sqlerrcode))
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	edata = caught;
	if (edata == NULL)
		return true;
	*failure = failure_of(edata);
	return false;
}

bool
pgwire_in_transaction(void (*call) (void *arg), void *arg, pgwire_failure *failure)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData  *volatile caught = NULL;	/* set behind a longjmp */
	ErrorData  *edata;

	PG_TRY();
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		call(arg);
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		MemoryContextSwitchTo(context);
		caught = CopyErrorData();
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	edata = caught;
	if (edata == NULL)
		return true;
	*failure = failure_of(edata);
	return false;
}

void
pgwire_exit(int code)
{
	proc_exit(code);
}

void
pgwire_debug_failure(const char *message, const pgwire_failure *failure)
{
	ereport(DEBUG1, (errmsg_internal("%s: %s", message,
									 failure->message ? failure->message : "no message")));
}

static void
conversion_context(void *arg)
{
	pgwire_conversion *conv = (pgwire_conversion *) arg;

	/* no catalog access here: the transaction may already have failed */
	if (conv->column == NULL || conv->relation == NULL)
		return;
	if (conv->relation[0] != '\0')
		errcontext("column \"%s\" of foreign table \"%s\"",
				   conv->column, conv->relation);
	else
		errcontext("column %s of the result of the remote query", conv->column);
}

void
pgwire_push_conversion(pgwire_conversion *conv)
{
	conv->callback.callback = conversion_context;
	conv->callback.arg = conv;
	conv->callback.previous = error_context_stack;
	error_context_stack = &conv->callback;
}

void
pgwire_pop_conversion(pgwire_conversion *conv)
{
	error_context_stack = conv->callback.previous;
}

static void
import_context(void *arg)
{
	pgwire_import_context *context = (pgwire_import_context *) arg;

	(void) errposition(0);
	if (context->column)
		errcontext("importing column \"%s\" of foreign table \"%s\"",
				   context->column, context->table);
	else
		errcontext("importing foreign table \"%s\"", context->table);
}

void
pgwire_push_import(pgwire_import_context *context, const char *table)
{
	context->table = table;
	context->column = NULL;
	context->callback.callback = import_context;
	context->callback.arg = context;
	context->callback.previous = error_context_stack;
	error_context_stack = &context->callback;
}

void
pgwire_pop_import(pgwire_import_context *context)
{
	error_context_stack = context->callback.previous;
}
