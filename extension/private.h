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
								 * SelfItemPointerAttributeNumber. Without a
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
	PGWIRE_SCAN_ITEMS			/* how many there are */
};

/* The statement locks rows: the remote transaction must be ended for certain. */
#define PGWIRE_SCAN_F_LOCKS_ROWS 0x0001

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
} pgwire_scan_private;

extern List *pgwire_pack_scan(const pgwire_scan_private *scan);
extern void pgwire_unpack_scan(List *fdw_private, pgwire_scan_private *scan);

#endif
