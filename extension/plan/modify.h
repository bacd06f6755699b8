/*
 * modify.h - the statement that changes one row, for the planner and for what is
 * planned at execution only (rows routed to a partition, COPY FROM).
 */
#ifndef PGWIRE_PLAN_MODIFY_H
#define PGWIRE_PLAN_MODIFY_H

#include "nodes/nodes.h"
#include "utils/rel.h"

#include "private.h"

/* Junk columns by which the executor finds what identifies a row. */
#define PGWIRE_CTID_NAME "ctid"
#define PGWIRE_JUNK_PREFIX "pgwire_"
#define PGWIRE_TABLEOID_NAME PGWIRE_JUNK_PREFIX "tableoid"

extern char *pgwire_key_name(Form_pg_attribute attr);

/* What is to be done with a row of a table. */
typedef struct pgwire_change
{
	Relation	relation;
	CmdType		operation;
	List	   *targets;		/* attribute numbers that are set, ascending */
	List	   *keys;			/* that identify the row; NIL: ctid and tableoid */
	bool		do_nothing;		/* ON CONFLICT DO NOTHING */
	Bitmapset  *returned;		/* columns to come back, offset by
								 * FirstLowInvalidHeapAttributeNumber */
} pgwire_change;

/* Ask for its statement; all of *private is set but flags, which is 0. */
extern void pgwire_ask_modify(const pgwire_change *change, pgwire_modify_private *private);

/* The columns with option "key", in order. */
extern List *pgwire_key_columns(Relation relation);
extern List *pgwire_all_columns(Relation relation);
extern Bitmapset *pgwire_returned_columns(Relation relation, CmdType operation, Index rti,
										  List *checks, List *returning);

#endif
