/*
 * statvalue.c - reads what a remote says of the values in a column.
 *
 * The types' own input functions would raise for nonsense, so there are readers
 * here, for the types whose values estimates gain most from.
 */
#include "postgres.h"

#include <errno.h>
#include <math.h>

#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "statvalue.h"

/* As many values as a column may have statistics of. */
#define MAX_VALUES 10000

/* As much text as they may have, in bytes. */
#define MAX_TEXT 1048576

double
pgwire_stat_number(const char *text, double lowest, double highest, double otherwise)
{
	char	   *end;
	double		value;

	if (text == NULL || *text == '\0')
		return otherwise;
	value = strtod(text, &end);
	if (*end != '\0' || isnan(value) || value < lowest || value > highest)
		return otherwise;
	return value;
}

/* Read an element in quotes from behind the first one; NULL: it does not end. */
static const char *
quoted_element(const char *p, char **out)
{
	for (; *p != '"'; p++)
	{
		if (*p == '\\')
			p++;
		if (*p == '\0')
			return NULL;
		*(*out)++ = *p;
	}
	*(*out)++ = '\0';
	return p + 1;
}

/* Read one without; NULL: it is none. */
static const char *
bare_element(const char *p, char **out)
{
	const char *start = p;

	for (; *p != ',' && *p != '}'; p++)
	{
		if (*p == '\0' || *p == '{' || *p == '"' || *p == '\\')
			return NULL;
		*(*out)++ = *p;
	}
	*(*out)++ = '\0';
	return p == start ? NULL : p;
}

char	  **
pgwire_stat_elements(const char *text, int max, int *n)
{
	const char *p = text;
	char	  **elements;
	char	   *out;
	int			room = 16;

	*n = 0;
	if (p == NULL || *p++ != '{' || strlen(p) > MAX_TEXT)
		return NULL;
	out = palloc(strlen(p) + 1);	/* no element is longer than its text */
	elements = palloc(sizeof(char *) * room);
	if (strcmp(p, "}") == 0)
		return elements;
	for (;;)
	{
		char	   *value = out;
		bool		quoted = *p == '"';

		p = quoted ? quoted_element(p + 1, &out) : bare_element(p, &out);
		if (p == NULL || *n >= max)
			return NULL;
		if (*n == room)
			elements = repalloc(elements, sizeof(char *) * (room *= 2));
		elements[(*n)++] = !quoted && strcmp(value, "NULL") == 0 ? NULL : value;
		if (*p == '}')
			return p[1] == '\0' ? elements : NULL;
		if (*p++ != ',')
			return NULL;
	}
}

static char
kind_of(Oid type)
{
	switch (type)
	{
		case BOOLOID:
			return 'b';
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return 'i';
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			return 'f';
		case DATEOID:
			return 'd';
		case TIMESTAMPOID:
			return 't';
		case TIMESTAMPTZOID:
			return 'z';
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return 's';
		default:
			return '\0';
	}
}

bool
pgwire_stat_type_of(pgwire_stat_type *type, Oid local, Oid collation, const char *kind)
{
	TypeCacheEntry *entry;

	type->type = local;
	type->kind = kind_of(local);
	type->collation = collation;
	if (type->kind == '\0' || kind == NULL || kind[0] != type->kind || kind[1] != '\0')
		return false;
	entry = lookup_type_cache(local, TYPECACHE_EQ_OPR | TYPECACHE_LT_OPR);
	type->len = entry->typlen;
	type->byval = entry->typbyval;
	type->align = entry->typalign;
	type->eq = entry->eq_opr;
	type->lt = entry->lt_opr;
	return OidIsValid(type->eq) && OidIsValid(type->lt);
}

/* A whole number within the type's range. */
static bool
read_integer(const pgwire_stat_type *type, const char *text, Datum *value)
{
	char	   *end;
	int64		v;

	errno = 0;
	v = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0')
		return false;
	switch (type->type)
	{
		case INT2OID:
			*value = Int16GetDatum((int16) v);
			return v >= PG_INT16_MIN && v <= PG_INT16_MAX;
		case INT4OID:
			*value = Int32GetDatum((int32) v);
			return v >= PG_INT32_MIN && v <= PG_INT32_MAX;
		case DATEOID:
			*value = DateADTGetDatum((DateADT) v);
			return v >= PG_INT32_MIN && v <= PG_INT32_MAX && IS_VALID_DATE(v);
		case INT8OID:
			*value = Int64GetDatum(v);
			return true;
		default:
			*value = TimestampGetDatum(v);
			return IS_VALID_TIMESTAMP(v);
	}
}

/* A decimal number: finite, and of no more digits than doubles have. */
static bool
read_decimal(const pgwire_stat_type *type, const char *text, Datum *value)
{
	double		v = pgwire_stat_number(text, -1e37, 1e37, get_float8_nan());

	if (isnan(v))
		return false;
	if (type->type == FLOAT4OID)
		*value = Float4GetDatum((float4) v);
	else if (type->type == FLOAT8OID)
		*value = Float8GetDatum(v);
	else
		*value = DirectFunctionCall1(float8_numeric, Float8GetDatum(v));
	return true;
}

static bool
read_value(const pgwire_stat_type *type, const char *text, Datum *value)
{
	if (text == NULL)
		return false;
	switch (type->kind)
	{
		case 'b':
			*value = BoolGetDatum(text[0] == 't');
			return strcmp(text, "t") == 0 || strcmp(text, "f") == 0;
		case 'f':
			return read_decimal(type, text, value);
		case 's':
			*value = PointerGetDatum(cstring_to_text(text));
			return true;
		default:
			return read_integer(type, text, value);
	}
}

/* Read all; NULL if one of them is none. */
static Datum *
read_values(const pgwire_stat_type *type, const char *text, int *n)
{
	char	  **elements = pgwire_stat_elements(text, MAX_VALUES, n);
	Datum	   *values;

	if (elements == NULL)
		return NULL;
	values = palloc(sizeof(Datum) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		if (!read_value(type, elements[i], &values[i]))
			return NULL;
	return values;
}

static void
fill_slot(const pgwire_stat_type *type, int slot, int kind, Oid op,
		  Datum *values, int n, Datum *row, bool *nulls)
{
	row[Anum_pg_statistic_stakind1 - 1 + slot] = Int16GetDatum(kind);
	row[Anum_pg_statistic_staop1 - 1 + slot] = ObjectIdGetDatum(op);
	row[Anum_pg_statistic_stacoll1 - 1 + slot] = ObjectIdGetDatum(type->collation);
	row[Anum_pg_statistic_stavalues1 - 1 + slot] =
		PointerGetDatum(construct_array(values, n, type->type, type->len, type->byval, type->align));
	nulls[Anum_pg_statistic_stavalues1 - 1 + slot] = false;
}

int
pgwire_stat_common(const pgwire_stat_type *type, const char *values,
				   const char *frequencies, int slot, Datum *row, bool *nulls)
{
	int			n,
				nfrequencies;
	Datum	   *common = read_values(type, values, &n);
	char	  **texts = pgwire_stat_elements(frequencies, MAX_VALUES, &nfrequencies);
	Datum	   *numbers;
	double		sum = 0;

	if (common == NULL || texts == NULL || n != nfrequencies || n == 0)
		return 0;
	numbers = palloc(sizeof(Datum) * n);
	for (int i = 0; i < n; i++)
	{
		double		frequency = pgwire_stat_number(texts[i], 0, 1, -1);

		if (frequency <= 0)
			return 0;
		sum += frequency;
		numbers[i] = Float4GetDatum((float4) frequency);
	}
	if (sum > 1.001)
		return 0;
	fill_slot(type, slot, STATISTIC_KIND_MCV, type->eq, common, n, row, nulls);
	row[Anum_pg_statistic_stanumbers1 - 1 + slot] =
		PointerGetDatum(construct_array(numbers, n, FLOAT4OID, sizeof(float4), true, TYPALIGN_INT));
	nulls[Anum_pg_statistic_stanumbers1 - 1 + slot] = false;
	return 1;
}

/* Are they in order, as the estimators take for granted? */
static bool
ascending(const pgwire_stat_type *type, const Datum *values, int n)
{
	TypeCacheEntry *entry = lookup_type_cache(type->type, TYPECACHE_CMP_PROC_FINFO);

	for (int i = 1; i < n; i++)
		if (DatumGetInt32(FunctionCall2Coll(&entry->cmp_proc_finfo, type->collation,
											values[i - 1], values[i])) > 0)
			return false;
	return true;
}

/* Text is in order by the remote's collations, which need not be ours. */
int
pgwire_stat_histogram(const pgwire_stat_type *type, const char *bounds,
					  int slot, Datum *row, bool *nulls)
{
	int			n;
	Datum	   *values = type->kind == 's' ? NULL : read_values(type, bounds, &n);

	if (values == NULL || n < 2 || !ascending(type, values, n))
		return 0;
	fill_slot(type, slot, STATISTIC_KIND_HISTOGRAM, type->lt, values, n, row, nulls);
	return 1;
}
