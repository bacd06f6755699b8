/*
 * statvalue.h - reads what a remote says of the values in a column.
 *
 * Everything is text from a server that may be hostile. None of these functions raises
 * for it; what makes no sense is taken as not said. Results are in the current memory context.
 */
#ifndef PGWIRE_STATVALUE_H
#define PGWIRE_STATVALUE_H

#include "postgres.h"

/* A type whose values can be taken over. */
typedef struct pgwire_stat_type
{
	Oid			type;
	char		kind;			/* how they are written: b boolean, i integer, f decimal, d days since
								 * 2000, t and z microseconds since 2000, s text */
	int16		len;
	bool		byval;
	char		align;
	Oid			eq;				/* operators of its default class */
	Oid			lt;
	Oid			collation;
} pgwire_stat_type;

/* A number within these bounds, or what to take otherwise (not a number, too long, absent). */
extern double pgwire_stat_number(const char *text, double lowest, double highest, double otherwise);

/*
 * The elements of the text form of an array of one dimension, NULL for NULL; NULL if
 * that is not what it is, or there are more than max.
 */
extern char **pgwire_stat_elements(const char *text, int max, int *n);

/* False: the remote's kind of values is not that of the local type. */
extern bool pgwire_stat_type_of(pgwire_stat_type *type, Oid local, Oid collation, const char *kind);

/*
 * Fill slot number `slot` (from 0) of a pg_statistic row with the most common values
 * or a histogram. Answers 1, or 0 if there is none that makes sense.
 */
extern int	pgwire_stat_common(const pgwire_stat_type *type, const char *values,
							   const char *frequencies, int slot, Datum *row, bool *nulls);
extern int	pgwire_stat_histogram(const pgwire_stat_type *type, const char *bounds,
								  int slot, Datum *row, bool *nulls);

#endif
