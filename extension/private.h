/*
 * private.h - what a plan carries: the items of ForeignScan.fdw_private.
 *
 * A plan is data. It is copied, cached, written out and read back (parallel
 * workers get it as text), so every item is a node that copyObject and
 * nodeToString know: no pointer, no handle, no user mapping.
 */
#ifndef PGWIRE_PRIVATE_H
#define PGWIRE_PRIVATE_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* Positions in ForeignScan.fdw_private of a scan. */
enum pgwire_scan_item
{
	PGWIRE_SCAN_SQL,			/* String: statement for the remote server */
	PGWIRE_SCAN_ATTRS,			/* IntList: local attribute number of each
								 * result column, in order; ctid is
								 * SelfItemPointerAttributeNumber, and another
								 * system column stands for the remote's
								 * tableoid (plan/modify.c). Without a
								 * scanrelid: position in fdw_scan_tlist. NIL:
								 * the remote answers one NULL column per row */
	PGWIRE_SCAN_FLAGS,			/* Integer: mask of PGWIRE_SCAN_F_* */
	PGWIRE_SCAN_FETCH_MEMORY,	/* Integer, kB: read-ahead of the scan */
	PGWIRE_SCAN_FETCH_SIZE,		/* Integer: rows per Execute, where limited */
	PGWIRE_SCAN_EXPECTED_KB,	/* Integer: size the planner expects of the
								 * result, -1 without statistics */
	PGWIRE_SCAN_REFUSALS,		/* List for EXPLAIN VERBOSE (plan/why.c): what
								 * was not pushed, and why; NIL: nothing */
	PGWIRE_SCAN_RELATIONS,		/* String for EXPLAIN: what is joined, in which %n is
								 * the relation that had rangetable index n when
								 * the scan was planned, and %% a %; empty: one
								 * relation */
	PGWIRE_SCAN_CHECK_AS_USER,	/* Integer: OID of the user whose rights count (a
								 * view's owner); 0: who runs the plan */
	PGWIRE_SCAN_CONDITIONS,		/* IntList, of a feed: PGWIRE_FEED_* of subject and
								 * comparison for each of fdw_exprs */
	PGWIRE_SCAN_ITEMS			/* how many there are */
};

/* The statement locks rows: the remote transaction must be ended for certain. */
#define PGWIRE_SCAN_F_LOCKS_ROWS 0x0001
/* The table is a feed: no statement is sent, and exec/feed.c reads it. */
#define PGWIRE_SCAN_F_FEED 0x0002

/* A direct modification: its rows are counted as those of the local statement, ... */
#define PGWIRE_SCAN_F_COUNTS 0x0004
/* ... and those of RETURNING need a tuple, for system columns. */
#define PGWIRE_SCAN_F_SYSTEM 0x0008

/* The same, unpacked. What it points to belongs to the plan. */
typedef struct pgwire_scan_private
{
	const char *sql;
	List	   *attrs;
	int			flags;
	int			fetch_memory_kb;
	int			fetch_size;
	int			expected_kb;
	List	   *refusals;
	const char *relations;
	Oid			check_as_user;
	List	   *conditions;
} pgwire_scan_private;

/* Positions in the private list of a ModifyTable's row by row change of a table. */
enum pgwire_modify_item
{
	PGWIRE_MODIFY_SQL,			/* String: the statement for one row */
	PGWIRE_MODIFY_VALUES_AT,	/* Integer: place and length in it of the row of */
	PGWIRE_MODIFY_VALUES_LEN,	/* VALUES; 0: there is none */
	PGWIRE_MODIFY_COPY_SQL,		/* String: COPY for its rows; empty: there is none */
	PGWIRE_MODIFY_TARGETS,		/* IntList: attribute numbers that are set */
	PGWIRE_MODIFY_KEYS,			/* IntList: those that identify the row; NIL: ctid
								 * and tableoid do */
	PGWIRE_MODIFY_RETURNED,		/* IntList: of what RETURNING brings back */
	PGWIRE_MODIFY_SCHEMA,		/* String: remote names */
	PGWIRE_MODIFY_TABLE,
	PGWIRE_MODIFY_BATCH_SIZE,	/* Integer: the option */
	PGWIRE_MODIFY_FLAGS,		/* Integer: mask of PGWIRE_MODIFY_P_* */
	PGWIRE_MODIFY_ITEMS			/* how many there are */
};

/* The statement may come to a row that it has changed already (a join). */
#define PGWIRE_MODIFY_P_MAY_REPEAT 0x0001

/* The same, unpacked. */
typedef struct pgwire_modify_private
{
	const char *sql;
	int			values_at;
	int			values_len;
	const char *copy_sql;
	List	   *targets;
	List	   *keys;
	List	   *returned;
	const char *schema;
	const char *table;
	int			batch_size;
	int			flags;
} pgwire_modify_private;

extern List *pgwire_pack_modify(const pgwire_modify_private *modify);
extern void pgwire_unpack_modify(List *fdw_private, pgwire_modify_private *modify);

extern List *pgwire_pack_scan(const pgwire_scan_private *scan);
extern void pgwire_unpack_scan(List *fdw_private, pgwire_scan_private *scan);

#endif
