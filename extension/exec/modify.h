/*
 * modify.h - the state of a table that is changed row by row.
 */
#ifndef PGWIRE_MODIFY_H
#define PGWIRE_MODIFY_H

#include "nodes/execnodes.h"

#include "encode.h"
#include "private.h"
#include "slot.h"

typedef struct pgwire_modify_state
{
	pgwire_modify_private plan;
	CmdType		operation;
	ResultRelInfo *rinfo;
	ModifyTableState *mtstate;
	Oid			userid;			/* whose rights count */
	Oid			serverid;
	Oid			umid;			/* user mapping; exchanged when it has been replaced */
	MemoryContext context;		/* the modification is given up when this is reset */
	pgwire_encoder *encoder;	/* new values, then what identifies the row */
	int			nidentity;
	AttrNumber *junk;			/* where it is in the plan's rows */
	Datum	   *identity;
	bool	   *identity_null;
	pgwire_row_format *format;	/* of RETURNING; NULL: nothing comes back */
	bool		answered;		/* the answer to a row is needed before the next one */
	int64		rows;			/* that have come, while not considered */
	bool		considered;		/* it is decided whether to copy */
	bool		copying;		/* rows go by COPY, which inserts all or fails */
	uint64_t   *modify;			/* Go's number for it; 0 before the first row */
	int64		unfinished;		/* rows whose answers have not been taken */
	bool		pending;		/* the executor knows of these */
} pgwire_modify_state;

#endif
