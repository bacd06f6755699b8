/*
 * slot.h - from a row of a batch to a tuple slot.
 */
#ifndef PGWIRE_SLOT_H
#define PGWIRE_SLOT_H

#include "executor/tuptable.h"
#include "nodes/execnodes.h"

#include "error.h"

/* A column of the remote's result. */
typedef struct pgwire_result_column
{
	int			attnum;			/* of the slot's row type; ctid, and what carries
								 * the remote's tableoid, negative */
	Oid			type;
	int32		typmod;
	const char *name;			/* for messages */
	const char *relation;		/* that the column is of; "": of none, and the name is
								 * its number; NULL: not named in messages */
} pgwire_result_column;

/* How the rows of one scan become tuples. */
typedef struct pgwire_row_format
{
	TupleDesc	tupdesc;
	int			ncols;			/* result columns */
	pgwire_result_column *columns;
	bool		prefix;			/* they are 1, 2, ..., natts: copy them as one */
	bool		heap;			/* system columns are asked for: form a tuple */
	int			ctid;			/* which result column is ctid, or -1 */
	int			tableoid;		/* which one is the remote's tableoid, or -1 */
	uint8	   *value_formats; /* PGWIRE_VALUE_* of each; NULL: all datums */
	FmgrInfo   *input;			/* input or receive function, where converted */
	FmgrInfo   *output;			/* of a text that has to be checked by it */
	Oid		   *ioparam;
	MemoryContext context;		/* where this lives */
	MemoryContext converted;	/* values made here: until the next row; NULL while
								 * every value is a datum */
	pgwire_conversion conv;
} pgwire_row_format;

/*
 * Lives in the current memory context. attrs: positions in the row type, in the
 * order of the result. relation is for error messages; NULL: they name no column.
 */
extern pgwire_row_format *pgwire_make_row_format(TupleDesc tupdesc, List *attrs,
												 const char *relation, bool heap);
extern void pgwire_name_by_tlist(pgwire_row_format *format, List *tlist, EState *estate);

/* Say in messages which column is being converted; -1: none. */
extern void pgwire_name_column(pgwire_row_format *format, int column);

/* Take the value formats of a result's columns; called once per execution. */
extern void pgwire_row_value_formats(pgwire_row_format *format, const uint8_t *value_formats,
							   bool all_datum);

/* Describe the result columns to Go. */
extern pgwire_column *pgwire_row_columns(pgwire_row_format *format);

/* Store one row, of the layout of bridge.h; returns the next row. */
extern const uint8_t *pgwire_store_row(pgwire_row_format *format,
									   const uint8_t *row, TupleTableSlot *slot);

/*
 * Is it a type without a decoder in Go whose binary form depends neither on
 * client_encoding nor on OIDs: numbers all the way down?
 */
extern bool pgwire_is_receive_safe(Oid type);

/* Does a composite or range type, or an array, have money in it? */
extern bool pgwire_holds_money(Oid type);

#endif
