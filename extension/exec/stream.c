/*
 * stream.c - the rows of one remote statement, as they come.
 *
 * A batch of rows is read in one call into Go, and each row of it is stored
 * without one; when Go has nothing ready, this side waits, where it can be
 * interrupted, or has whoever reads several streams wait for all of them
 * (async.c). An error is answered, not raised: what becomes of it is for whoever
 * reads the rows.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/inval.h"

#include "conn.h"
#include "handle.h"
#include "loader.h"
#include "stream.h"
#include "wait.h"

/*
 * Start the statement with the current values of its parameters; the answer is
 * Go's. The scan there dies with the stream's memory, and whoever is to close
 * it is there first, so that nothing that fails later leaves it behind.
 */
static int32_t
start(pgwire_stream *stream, bool together, pgwire_batch *batch, pgwire_wait *wait, pgwire_error *err)
{
	pgwire_scan_args scan;
	pgwire_bind_args bind;
	int32_t		rc;

	/* a connection may be at hand that was made from what is no longer so */
	AcceptInvalidationMessages();
	if (stream->scan == NULL)
		stream->scan = pgwire_reserve_scan(stream->context);
	memset(&scan, 0, sizeof(scan));
	if (*stream->scan == 0)
	{
		scan.umid = stream->umid;
		scan.superuser = superuser_arg(stream->userid);
		scan.ncols = stream->format->ncols;
		scan.cols = pgwire_row_columns(stream->format);
		stream->describe(stream, &scan);
	}
	pgwire_join_transaction();
	memset(&bind, 0, sizeof(bind));
	bind.serializable = IsolationIsSerializable();
	bind.read_only = XactReadOnly;
	bind.nest_level = GetCurrentTransactionNestLevel();
	if (together)
	{
		bind.group = stream->group;
		bind.several = stream->several;
		bind.may_open = pgwire_reserve_fd();
	}
	stream->bind(stream, &bind);
	rc = pgwire_go()->pgwire_go_scan_start(stream->scan, &scan, &bind, batch, wait, err);
	if (stream->bound_to)
		stream->bound_to(stream);
	stream->bound = true;
	stream->formats_known = false;
	return rc;
}

void
pgwire_raise_stream(pgwire_stream *stream, const pgwire_error *err)
{
	pgwire_error hinted = *err;

	/* a view has no ctid: what UPDATE and DELETE can do about it */
	if (stream->format->tableoid >= 0 && strcmp(err->sqlstate, "42703") == 0 &&
		err->hint.data == NULL)
	{
		hinted.hint = pgwire_cstring("Name the columns that identify a row by the column option \"key\".");
		err = &hinted;
	}
	if (err->column >= 0)
	{
		pgwire_push_conversion(&stream->format->conv);
		pgwire_name_column(stream->format, err->column);
	}
	pgwire_raise(err);
}

/* False: the deadline has passed, and *err is filled. */
static bool
wait_timed(pgwire_stream *stream, const pgwire_wait *wait, pgwire_error *err)
{
	instr_time	start = {0};
	instr_time	end;
	bool		waited;

	if (stream->timed)
		INSTR_TIME_SET_CURRENT(start);
	waited = pgwire_wait_until(wait, stream->deadline);
	if (stream->timed)
	{
		INSTR_TIME_SET_CURRENT(end);
		INSTR_TIME_ACCUM_DIFF(stream->waited, end, start);
	}
	if (!waited)
		pgwire_fill_error(err, "57014", "the remote server did not answer in time", NULL, NULL);
	return waited;
}

/* The mapping may have been replaced, and Go knows connections by theirs. */
static void
exchange_mapping(pgwire_stream *stream, Oid umid)
{
	if (umid == stream->umid)
		return;
	pgwire_close_scan(stream->scan);
	stream->umid = umid;
	stream->bound = false;
}

/* PGWIRE_OK or PGWIRE_ERROR. */
static int32_t
connect_timed(pgwire_stream *stream, pgwire_error *err)
{
	instr_time	start,
				end;
	Oid			umid;

	INSTR_TIME_SET_CURRENT(start);
	if (pgwire_open_connection(stream->userid, stream->serverid, stream->deadline,
							   &umid, err) == PGWIRE_ERROR)
		return PGWIRE_ERROR;
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_ACCUM_DIFF(stream->connecting, end, start);
	exchange_mapping(stream, umid);
	return PGWIRE_OK;
}

static int32_t
end_of_rows(pgwire_stream *stream)
{
	stream->eof = true;
	pgwire_deliver_notices();
	return PGWIRE_EOF;
}

static int32_t
take_batch(pgwire_stream *stream, const pgwire_batch *batch)
{
	if (!stream->formats_known)
		pgwire_row_value_formats(stream->format, batch->value_formats, batch->all_datum);
	else
		stream->large = true;
	stream->formats_known = true;
	stream->row = batch->rows;
	stream->rows_left = batch->nrows;
	stream->last = batch->last;
	return PGWIRE_OK;
}

/*
 * Come closer to the next batch. Beside PGWIRE_OK, PGWIRE_EOF and PGWIRE_ERROR:
 * PGWIRE_WAIT, or PGWIRE_CONN.
 */
static int32_t
step(pgwire_stream *stream, bool together, pgwire_wait *wait, pgwire_error *err)
{
	pgwire_batch batch;
	int32_t		rc;

	if (stream->bound)
		rc = pgwire_loaded->pgwire_go_scan_next(*stream->scan, GetCurrentTransactionNestLevel(),
												together, &batch, wait, err);
	else
		rc = start(stream, together, &batch, wait, err);
	if (rc == PGWIRE_OK)
		return take_batch(stream, &batch);
	if (rc == PGWIRE_EOF)
		return end_of_rows(stream);
	return rc;
}

/* Nothing has to be asked for? Then PGWIRE_OK or PGWIRE_EOF, else PGWIRE_WAIT. */
static int32_t
at_hand(pgwire_stream *stream)
{
	if (stream->rows_left > 0)
		return PGWIRE_OK;
	if (stream->eof)
		return PGWIRE_EOF;
	if (stream->last)
		return end_of_rows(stream);
	return PGWIRE_WAIT;
}

int32_t
pgwire_stream_fill(pgwire_stream *stream, pgwire_error *err)
{
	pgwire_wait wait;
	int32_t		rc = at_hand(stream);

	if (rc != PGWIRE_WAIT)
		return rc;
	pgwire_serve_interrupts();
	for (;;)
	{
		rc = step(stream, false, &wait, err);
		if (rc == PGWIRE_WAIT)
		{
			if (!wait_timed(stream, &wait, err))
				return PGWIRE_ERROR;
		}
		else if (rc == PGWIRE_CONN)
		{
			if (connect_timed(stream, err) == PGWIRE_ERROR)
				return PGWIRE_ERROR;
		}
		else
			return rc;
	}
}

int32_t
pgwire_stream_step(pgwire_stream *stream, pgwire_wait *wait, pgwire_error *err)
{
	int32_t		rc = at_hand(stream);
	Oid			umid;

	if (rc != PGWIRE_WAIT)
		return rc;
	for (;;)
	{
		pgwire_serve_interrupts();
		rc = step(stream, true, wait, err);
		pgwire_account_fds();
		if (rc == PGWIRE_CONN)
		{
			rc = pgwire_step_connection(stream->userid, stream->serverid, &stream->dialled,
										&umid, wait, err);
			if (rc != PGWIRE_ERROR)
				exchange_mapping(stream, umid);
			if (rc == PGWIRE_OK)
				continue;
		}
		if (rc != PGWIRE_WAIT || wait->fd >= 0 || wait->timeout_ms != 0)
			return rc;
	}
}

int32_t
pgwire_stream_row(pgwire_stream *stream, TupleTableSlot *slot, pgwire_error *err)
{
	if (stream->rows_left == 0)
	{
		int32_t		rc = pgwire_stream_fill(stream, err);

		if (rc != PGWIRE_OK)
		{
			ExecClearTuple(slot);
			return rc;
		}
	}
	stream->rows_left--;
	stream->row = pgwire_store_row(stream->format, stream->row, slot);
	return PGWIRE_OK;
}

void
pgwire_stream_rewind(pgwire_stream *stream)
{
	if (stream->scan != NULL && stream->bound && !stream->eof && !stream->last)
		(void) pgwire_loaded->pgwire_go_scan_reset(*stream->scan);
	stream->bound = false;
	stream->eof = false;
	stream->last = false;
	stream->rows_left = 0;
}

void
pgwire_stream_trim(pgwire_stream *stream)
{
	if (stream->scan != NULL && stream->eof && stream->large)
		(void) pgwire_loaded->pgwire_go_scan_reset(*stream->scan);
}

void
pgwire_stream_close(pgwire_stream *stream)
{
	if (stream->scan != NULL)
		pgwire_close_scan(stream->scan);
	stream->rows_left = 0;
	stream->eof = true;
}
