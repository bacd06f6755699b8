/*
 * stream.h - the rows of one remote statement, as they come.
 *
 * A foreign scan reads one, and so does whoever has a question of its own for
 * the remote (ask.h).
 */
#ifndef PGWIRE_STREAM_H
#define PGWIRE_STREAM_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "portability/instr_time.h"

#include "bridge.h"
#include "slot.h"

typedef struct pgwire_stream
{
	/* to be set before the first row is asked for */
	Oid			userid;			/* whose rights count */
	Oid			serverid;
	Oid			umid;			/* user mapping; exchanged when it has been replaced */
	pgwire_row_format *format;
	MemoryContext context;		/* the statement is given up when this is reset */
	bool		timed;			/* keep waited and connecting */
	TimestampTz deadline;		/* an error from then on; 0: there is none */
	uint64_t	group;			/* of the streams that are waited for together
								 * (pgwire_stream_step); 0: of none */
	bool		several;		/* more than one of them has this user mapping */

	/*
	 * Say what the statement is: all of args that is not known from the above.
	 * Called once, or again when the user mapping has been replaced.
	 */
	void		(*describe) (struct pgwire_stream *stream, pgwire_scan_args *args);

	/* Evaluate the parameters, and say whether the statement may be alone. */
	void		(*bind) (struct pgwire_stream *stream, pgwire_bind_args *args);

	/* They have been copied; may be NULL. */
	void		(*bound_to) (struct pgwire_stream *stream);
	void	   *owner;			/* of the callbacks */

	/* to be looked at only */
	uint64_t   *scan;			/* Go's number for it; NULL before the first row */
	bool		bound;			/* running with the current parameters */
	bool		formats_known;	/* of the current result are known */
	bool		last;			/* the batch at hand is the last one */
	bool		eof;
	bool		large;			/* there was more than one batch */
	int			dialled;		/* by pgwire_stream_step */
	const uint8_t *row;			/* next row of the batch */
	int			rows_left;
	instr_time	waited;
	instr_time	connecting;
} pgwire_stream;

/*
 * Store the next row: PGWIRE_OK, PGWIRE_EOF (and the slot is empty), or
 * PGWIRE_ERROR with *err filled, for what the remote or Go has to say. What is
 * not theirs is raised: cancelling, a value that its input function refuses.
 */
extern int32_t pgwire_stream_row(pgwire_stream *stream, TupleTableSlot *slot,
								 pgwire_error *err);

/*
 * Come closer to the next row without waiting: PGWIRE_OK (it is at hand),
 * PGWIRE_EOF, PGWIRE_ERROR, or PGWIRE_WAIT with *wait filled: for a descriptor to
 * become readable, with no timeout, and no other stream of the group waits for that
 * one. fd -1: for another stream of the group to come further.
 */
extern int32_t pgwire_stream_step(pgwire_stream *stream, pgwire_wait *wait, pgwire_error *err);

/* The same, waiting, and whatever others of the group do. */
extern int32_t pgwire_stream_fill(pgwire_stream *stream, pgwire_error *err);

/* Raise an error of pgwire_stream_row; a bad value names its column and table. */
pg_noreturn extern void pgwire_raise_stream(pgwire_stream *stream, const pgwire_error *err);

/* The next row is the first one of a new execution. */
extern void pgwire_stream_rewind(pgwire_stream *stream);

/* Give back the memory of the last batch if all rows have been read. */
extern void pgwire_stream_trim(pgwire_stream *stream);

/* Give the statement up. */
extern void pgwire_stream_close(pgwire_stream *stream);

#endif
