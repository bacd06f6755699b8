/*
 * direct.h - modifications that the remote does by itself: what direct.c (a scan
 * becomes one) and directquery.c (the whole statement does) share.
 */
#ifndef PGWIRE_DIRECT_H
#define PGWIRE_DIRECT_H

#include "plan.h"

#include "nodes/plannodes.h"

#include "private.h"

/* A try to have a table modified directly. */
typedef struct direct_try
{
	PlannerInfo *root;
	ModifyTable *plan;
	int			index;			/* of the table among the result relations */
	Index		target;			/* its rangetable index */
	ForeignScan *scan;			/* of the rows that are to be changed; NULL: there is
								 * none that is ours */
	RelOptInfo *foreignrel;		/* that is scanned */
	pgwire_scan_private private;	/* of the scan */
	bool		below_result;	/* a Result above computes what is assigned */
	List	   *returning;		/* the list of the target, NIL: none */
	List	   *needed;			/* Vars of other tables in it */
	Query	   *query;			/* targetList: the values that are assigned */
	pgwire_write write;
	int			flags;			/* of the modification, and the attributes */
	List	   *attrs;			/* of its result columns */
	List	   *scan_tlist;		/* which these are, where they are not the table's alone */
} direct_try;

/* in direct.c */
extern bool pgwire_refuse_direct(direct_try *try, Node *what, const char *reason);
extern void pgwire_put_returning(direct_try *try, bool table_alone);
extern void pgwire_make_direct(direct_try *try, ForeignScan *scan, const char *sql, List *params);

/* in directquery.c */
extern bool pgwire_modify_whole(direct_try *try);

#endif
