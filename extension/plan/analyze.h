/*
 * analyze.h - what ANALYZE has learnt of a remote table.
 */
#ifndef PGWIRE_ANALYZE_H
#define PGWIRE_ANALYZE_H

#include "postgres.h"

#include "utils/rel.h"

/* What the remote says of the table itself. */
typedef struct pgwire_remote_facts
{
	bool		children;		/* others inherit from it */
	bool		partitioned;
	bool		can_sample;		/* TABLESAMPLE works on all of it */
	double		tuples;			/* < 0: not known */
	double		pages;			/* of the local block size; 0 without storage */
} pgwire_remote_facts;

/*
 * What the remote says of a column, in text; NULL for what it does not say. The
 * order is that of the columns of the remote's answer (handler/analyze.go).
 */
typedef struct pgwire_remote_column
{
	char	   *name;			/* NULL: the table has no columns */
	char	   *type_schema;
	char	   *type_name;
	char	   *type_oid;
	char	   *typmod;
	char	   *null_frac;		/* NULL: there are no statistics of the column */
	char	   *avg_width;
	char	   *n_distinct;
	char	   *most_common_vals;
	char	   *most_common_freqs;
	char	   *histogram_bounds;
	char	   *correlation;
	char	   *most_common_elems;
	char	   *most_common_elem_freqs;
	char	   *elem_count_histogram;
} pgwire_remote_column;

#define PGWIRE_REMOTE_COLUMN_FIELDS ((int) (sizeof(pgwire_remote_column) / sizeof(char *)))

/*
 * in statistic.c: store these as the statistics of a foreign table's columns, as
 * ANALYZE would store its own. names are the remote names of the table's columns
 * by attribute number - 1, NULL for what is not read; columns is a list of
 * pgwire_remote_column. NULL, or why they do not serve; nothing is stored then.
 */
extern const char *pgwire_import_statistics(Relation relation, char **names, List *columns);

#endif
