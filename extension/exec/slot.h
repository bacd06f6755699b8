/*
 * slot.h - from a row of a batch to a tuple slot.
 */
#ifndef PGWIRE_SLOT_H
#define PGWIRE_SLOT_H

#include "executor/tuptable.h"
#include "utils/rel.h"

#include "error.h"

/* How the rows of one scan become tuples. */
typedef struct pgwire_row_format
{
	TupleDesc	tupdesc;
	int			ncols;			/* result columns */
	int		   *attnums;		/* local attribute of each; ctid negative */
	bool		prefix;			/* they are 1, 2, ..., natts: copy them as one */
	bool		heap;			/* system columns are asked for: form a tuple */
	int			ctid;			/* which result column is ctid, or -1 */
	uint8	   *value_formats; /* PGWIRE_VALUE_* of each; NULL: all datums */
	FmgrInfo   *input;			/* input or receive function, where converted */
	FmgrInfo   *output;			/* of a text that has to be checked by it */
	Oid		   *ioparam;
	MemoryContext context;		/* where this lives */
	MemoryContext converted;	/* values made here: until the next row; NULL while
								 * every value is a datum */
	pgwire_conversion conv;
} pgwire_row_format;

/* Lives in the current memory context. relation is for error messages. */
extern pgwire_row_format *pgwire_make_row_format(TupleDesc tupdesc, List *attrs,
										   const char *relation, bool heap);

/* Take the value formats of a result's columns; called once per execution. */
extern void pgwire_row_value_formats(pgwire_row_format *format, const uint8_t *value_formats,
							   bool all_datum);

/* Describe the result columns to Go. */
extern pgwire_column *pgwire_row_columns(pgwire_row_format *format);

/* Store one row, of the layout of bridge.h; returns the next row. */
extern const uint8_t *pgwire_store_row(pgwire_row_format *format,
									   const uint8_t *row, TupleTableSlot *slot);

#endif
