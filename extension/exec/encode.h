/*
 * encode.h - from tuple slots to what a remote takes rows as.
 *
 * A row image is an int16 that counts its values, and for each value an int32
 * length (-1: NULL) and its bytes; numbers are in network order. It is a tuple
 * of COPY BINARY, and the parameters of a Bind message.
 */
#ifndef PGWIRE_ENCODE_H
#define PGWIRE_ENCODE_H

#include "executor/tuptable.h"
#include "fmgr.h"

/* How the values of a type are written. */
typedef enum pgwire_encoding_kind
{
	PGWIRE_ENCODE_1,			/* by value, of so many bytes */
	PGWIRE_ENCODE_2,
	PGWIRE_ENCODE_4,
	PGWIRE_ENCODE_8,
	PGWIRE_ENCODE_UUID,
	PGWIRE_ENCODE_BYTES,		/* a varlena whose content is the form */
	PGWIRE_ENCODE_NAME,
	PGWIRE_ENCODE_NUMERIC,
	PGWIRE_ENCODE_JSONB,		/* version and text */
	PGWIRE_ENCODE_ARRAY,		/* of one of the others */
	PGWIRE_ENCODE_SEND,			/* by the send function, which converts no text */
	PGWIRE_ENCODE_OUTPUT		/* by the output function */
} pgwire_encoding_kind;

typedef struct pgwire_value_encoder
{
	pgwire_encoding_kind kind;
	Oid			type;			/* a domain's base type */
	int16		format;			/* of the wire: 0 text, 1 binary */
	bool		string;			/* binary and text form are the same characters */
	bool		copyable;		/* the form is one for COPY BINARY */
	FmgrInfo	function;		/* of SEND and OUTPUT */
	struct pgwire_value_encoder *element;	/* of ARRAY */
	int16		length;			/* of the type, for ARRAY */
	bool		byval;
	char		align;
} pgwire_value_encoder;

typedef struct pgwire_encoder
{
	int			ncols;
	const int  *attnums;		/* where in the slot; 0: not there, but handed over */
	pgwire_value_encoder *columns;
	bool		modes;			/* some are printed under transmission modes */
	bool		names;			/* ... that depend on search_path */
	bool		copyable;		/* all of them are */
	uint8	   *data;			/* images of nrows rows */
	Size		len;
	Size		capacity;
	int			nrows;
	MemoryContext context;
	MemoryContext scratch;		/* emptied after each row */
} pgwire_encoder;

/*
 * An encoder of rows of these types, which lives in the current memory context.
 * copy: each value has the form that COPY BINARY wants, where there is one
 * (copyable); else it is text, whose type the remote infers from where it goes.
 */
extern pgwire_encoder *pgwire_make_encoder(int ncols, const Oid *types, const int *attnums,
										   bool copy);

/*
 * Append the image of a row. Values that are not the slot's are taken from
 * others, in order of their columns. slot may be NULL if none is.
 */
extern void pgwire_encode_row(pgwire_encoder *enc, TupleTableSlot *slot,
							  const Datum *others, const bool *others_null);

/* The images have been handed over: begin anew, without what a large row has taken. */
extern void pgwire_encoder_reset(pgwire_encoder *enc);

/* How much is collected before it is handed over; a row is never divided. */
#define PGWIRE_ENCODE_BYTES_MAX (128 * 1024)

#endif
