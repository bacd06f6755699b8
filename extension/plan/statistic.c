/*
 * statistic.c - a remote's statistics as those of a foreign table.
 *
 * What comes from a remote is text, and the planner believes what it finds in
 * pg_statistic: it takes counts to agree, arrays to be sorted, numbers to be
 * numbers. So nothing is copied. Each column's figures are made anew in the shape
 * that ANALYZE would give them here: kinds, operators and collations are those of
 * the local type (std_typanalyze and its like in commands/analyze.c,
 * utils/adt/array_typanalyze.c, tsearch/ts_typanalyze.c), values are read by its
 * input function, and all is checked that a reader relies on. If anything does not
 * fit, nothing of the table is stored.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/indexing.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "commands/vacuum.h"
#include "parser/parse_oper.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "analyze.h"
#include "error.h"

/* The largest statistics target since 9.0, and what types with elements make of it. */
#define MAX_TARGET 10000
#define MAX_ELEMENTS (10 * MAX_TARGET)

/* One of the slots of pg_statistic. */
typedef struct slot
{
	int16		kind;
	Oid			op;
	Oid			collation;
	ArrayType  *numbers;		/* of float4, or NULL */
	ArrayType  *values;			/* or NULL */
} slot;

/* The statistics of one column. */
typedef struct column_stats
{
	AttrNumber	attnum;
	float4		null_frac;
	int32		width;
	float4		distinct;
	int			nslots;
	slot		slots[STATISTIC_NUM_SLOTS];
} column_stats;

/* What is being read: the local column, and what the remote says of it. */
typedef struct reading
{
	Form_pg_attribute att;
	const pgwire_remote_column *remote;
	column_stats *stats;
	Oid			lt,
				eq;
	const char *why;			/* it does not fit; what is wrong */
} reading;

static bool
refuse(reading *r, const char *what)
{
	if (r->why == NULL)
		r->why = psprintf("Column \"%s\": %s.", NameStr(r->att->attname), what);
	return false;
}

/* A number between two others, which NaN is not. */
static bool
read_number(reading *r, const char *text, const char *what, double low, double high, double *value)
{
	char	   *end;

	if (text == NULL)
		return refuse(r, psprintf("the remote does not say %s", what));
	*value = strtod(text, &end);
	if (end == text || *end != '\0' || !(*value >= low && *value <= high))
		return refuse(r, psprintf("%s makes no sense", what));
	return true;
}

/* An array in one dimension without NULLs, at most so many elements, at least one. */
static ArrayType *
read_array(reading *r, const char *text, const char *what, Oid element, int32 typmod, int most)
{
	ArrayType  *array;
	int			n;

	array = DatumGetArrayTypeP(OidFunctionCall3(F_ARRAY_IN, CStringGetDatum(text),
												ObjectIdGetDatum(element),
												Int32GetDatum(typmod)));
	n = ARR_NDIM(array) == 1 ? ARR_DIMS(array)[0] : 0;
	if (n < 1 || n > most || ARR_HASNULL(array) || ARR_ELEMTYPE(array) != element)
	{
		refuse(r, psprintf("%s make no sense", what));
		return NULL;
	}
	return array;
}

static int
length_of(const ArrayType *array)
{
	return ARR_DIMS(array)[0];
}

static float4
number_at(const ArrayType *array, int i)
{
	return ((const float4 *) ARR_DATA_PTR(array))[i];
}

/* Numbers, each between two others. */
static ArrayType *
read_numbers(reading *r, const char *text, const char *what, float4 low, float4 high, int most)
{
	ArrayType  *array = read_array(r, text, what, FLOAT4OID, -1, most);

	for (int i = 0; array && i < length_of(array); i++)
	{
		if (!(number_at(array, i) >= low && number_at(array, i) <= high))
		{
			refuse(r, psprintf("%s make no sense", what));
			return NULL;
		}
	}
	return array;
}

/* Are values in the order that a reader searches in? Lexemes: shorter ones first. */
static bool
is_sorted(const ArrayType *array, Oid collation, bool lexemes)
{
	TypeCacheEntry *type = lookup_type_cache(ARR_ELEMTYPE(array), TYPECACHE_CMP_PROC_FINFO);
	Datum	   *values;
	int			n;

	if (!OidIsValid(type->cmp_proc_finfo.fn_oid))
		return false;
	deconstruct_array((ArrayType *) array, type->type_id, type->typlen, type->typbyval,
					  type->typalign, &values, NULL, &n);
	for (int i = 1; i < n; i++)
	{
		int			order;

		if (lexemes)
		{
			text	   *a = DatumGetTextPP(values[i - 1]),
					   *b = DatumGetTextPP(values[i]);

			order = VARSIZE_ANY_EXHDR(a) - VARSIZE_ANY_EXHDR(b);
			if (order == 0)
				order = memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a));
		}
		else
			order = DatumGetInt32(FunctionCall2Coll(&type->cmp_proc_finfo, collation,
													values[i - 1], values[i]));
		if (order > 0)
			return false;
	}
	return true;
}

static void
add_slot(column_stats *stats, int16 kind, Oid op, Oid collation, ArrayType *numbers, ArrayType *values)
{
	slot	   *s = &stats->slots[stats->nslots++];

	Assert(stats->nslots <= STATISTIC_NUM_SLOTS);
	s->kind = kind;
	s->op = op;
	s->collation = collation;
	s->numbers = numbers;
	s->values = values;
}

/* Most common values, the most frequent first, and how frequent they are. */
static bool
read_common_values(reading *r)
{
	const pgwire_remote_column *remote = r->remote;
	ArrayType  *values,
			   *numbers;
	double		sum = r->stats->null_frac;

	if (remote->most_common_vals == NULL || remote->most_common_freqs == NULL)
		return remote->most_common_vals == remote->most_common_freqs ||
			refuse(r, "it has common values without frequencies, or the reverse");
	if (!OidIsValid(r->eq))
		return refuse(r, "its type has no equality here");
	values = read_array(r, remote->most_common_vals, "its common values",
						r->att->atttypid, r->att->atttypmod, MAX_TARGET);
	numbers = read_numbers(r, remote->most_common_freqs, "the frequencies of its common values",
						   0, 1, MAX_TARGET);
	if (values == NULL || numbers == NULL)
		return false;
	if (length_of(values) != length_of(numbers))
		return refuse(r, "it has another number of common values than of frequencies");
	for (int i = 0; i < length_of(numbers); i++)
	{
		sum += number_at(numbers, i);
		if (i > 0 && number_at(numbers, i) > number_at(numbers, i - 1))
			return refuse(r, "the frequencies of its common values are not in order");
	}
	if (sum > 1.001)			/* they are rounded */
		return refuse(r, "the frequencies of its common values make more than one");
	add_slot(r->stats, STATISTIC_KIND_MCV, r->eq, r->att->attcollation, numbers, values);
	return true;
}

static bool
read_histogram(reading *r)
{
	ArrayType  *values;

	if (r->remote->histogram_bounds == NULL)
		return true;
	if (!OidIsValid(r->lt))
		return refuse(r, "its type has no order here");
	values = read_array(r, r->remote->histogram_bounds, "the bounds of its histogram",
						r->att->atttypid, r->att->atttypmod, MAX_TARGET + 1);
	if (values == NULL)
		return false;
	if (length_of(values) < 2)
		return refuse(r, "its histogram has one bound");
	if (!is_sorted(values, r->att->attcollation, false))
		return refuse(r, "its histogram is not in the order that its type or collation has here");
	add_slot(r->stats, STATISTIC_KIND_HISTOGRAM, r->lt, r->att->attcollation, NULL, values);
	return true;
}

static bool
read_correlation(reading *r)
{
	double		value;
	Datum		number;

	if (r->remote->correlation == NULL)
		return true;
	if (!OidIsValid(r->lt))
		return refuse(r, "its type has no order here");
	if (!read_number(r, r->remote->correlation, "its correlation", -1, 1, &value))
		return false;
	number = Float4GetDatum((float4) value);
	add_slot(r->stats, STATISTIC_KIND_CORRELATION, r->lt, r->att->attcollation,
			 construct_array(&number, 1, FLOAT4OID, sizeof(float4), true, TYPALIGN_INT), NULL);
	return true;
}

/*
 * Most common elements, sorted, and their frequencies, behind which stand the
 * least, the greatest and, of arrays, that of NULL.
 */
static bool
read_common_elements(reading *r, Oid element, Oid eq, Oid collation, int behind, bool lexemes)
{
	const pgwire_remote_column *remote = r->remote;
	ArrayType  *values,
			   *numbers;
	int			n;

	if (remote->most_common_elems == NULL || remote->most_common_elem_freqs == NULL)
		return remote->most_common_elems == remote->most_common_elem_freqs ||
			refuse(r, "it has common elements without frequencies, or the reverse");
	values = read_array(r, remote->most_common_elems, "its common elements", element, -1,
						MAX_ELEMENTS);
	numbers = read_numbers(r, remote->most_common_elem_freqs,
						   "the frequencies of its common elements", 0, 1, MAX_ELEMENTS + behind);
	if (values == NULL || numbers == NULL)
		return false;
	n = length_of(values);
	if (length_of(numbers) != n + behind)
		return refuse(r, "it has another number of common elements than of frequencies");
	for (int i = 0; i < n; i++)
		if (number_at(numbers, i) < number_at(numbers, n) ||
			number_at(numbers, i) > number_at(numbers, n + 1))
			return refuse(r, "the frequencies of its common elements are not between their bounds");
	if (!is_sorted(values, collation, lexemes))
		return refuse(r, "its common elements are not in the order that they have here");
	add_slot(r->stats, STATISTIC_KIND_MCELEM, eq, collation, numbers, values);
	return true;
}

/* How many elements arrays have: a histogram, and the average behind it. */
static bool
read_element_counts(reading *r, Oid eq, Oid collation)
{
	ArrayType  *numbers;

	if (r->remote->elem_count_histogram == NULL)
		return true;
	numbers = read_numbers(r, r->remote->elem_count_histogram, "its histogram of element counts",
						   0, (float4) INT_MAX, MAX_TARGET + 2);
	if (numbers == NULL)
		return false;
	if (length_of(numbers) < 3)
		return refuse(r, "its histogram of element counts is too short");
	for (int i = 1; i < length_of(numbers) - 1; i++)
		if (number_at(numbers, i) < number_at(numbers, i - 1))
			return refuse(r, "its histogram of element counts is not in order");
	add_slot(r->stats, STATISTIC_KIND_DECHIST, eq, collation, numbers, NULL);
	return true;
}

/* What std_typanalyze computes. */
static bool
read_scalar(reading *r)
{
	get_sort_group_operators(r->att->atttypid, false, false, false, &r->lt, &r->eq, NULL, NULL);
	return read_common_values(r) && read_histogram(r) && read_correlation(r);
}

/* What array_typanalyze computes; without all of these functions, only the above. */
static bool
read_array_column(reading *r)
{
	Oid			element = get_base_element_type(r->att->atttypid);
	TypeCacheEntry *type;

	if (!read_scalar(r))
		return false;
	if (!OidIsValid(element))
		return refuse(r, "its type is no array here");
	type = lookup_type_cache(element, TYPECACHE_EQ_OPR | TYPECACHE_CMP_PROC_FINFO |
							 TYPECACHE_HASH_PROC_FINFO);
	if (!OidIsValid(type->eq_opr) || !OidIsValid(type->cmp_proc_finfo.fn_oid) ||
		!OidIsValid(type->hash_proc_finfo.fn_oid))
		return true;
	return read_common_elements(r, element, type->eq_opr, r->att->attcollation, 3, false) &&
		read_element_counts(r, type->eq_opr, r->att->attcollation);
}

/* What ts_typanalyze computes. */
static bool
read_tsvector(reading *r)
{
	return read_common_elements(r, TEXTOID, TextEqualOperator, DEFAULT_COLLATION_OID, 2, true);
}

static bool
read_slots(reading *r)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(r->att->atttypid));
	Oid			typanalyze;

	if (!HeapTupleIsValid(tuple))
		return refuse(r, "its type is gone");
	typanalyze = ((Form_pg_type) GETSTRUCT(tuple))->typanalyze;
	ReleaseSysCache(tuple);
	switch (typanalyze)
	{
		case InvalidOid:
			return read_scalar(r);
		case F_ARRAY_TYPANALYZE:
			return read_array_column(r);
		case F_TS_TYPANALYZE:
			return read_tsvector(r);
		case F_RANGE_TYPANALYZE:
		case F_MULTIRANGE_TYPANALYZE:
			return refuse(r, "statistics of ranges cannot be imported");
		default:
			return refuse(r, "its type has statistics of a kind of its own");
	}
}

/* Is the remote's type the local one? Built-in types are known by their OIDs. */
static bool
same_type(reading *r)
{
	const pgwire_remote_column *remote = r->remote;
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(r->att->atttypid));
	Form_pg_type type;
	bool		same;

	if (!HeapTupleIsValid(tuple) || remote->type_oid == NULL || remote->type_schema == NULL ||
		remote->type_name == NULL || remote->typmod == NULL)
	{
		if (HeapTupleIsValid(tuple))
			ReleaseSysCache(tuple);
		return refuse(r, "the remote does not say its type");
	}
	type = (Form_pg_type) GETSTRUCT(tuple);
	if (r->att->atttypid < FirstGenbkiObjectId)
		same = strtoul(remote->type_oid, NULL, 10) == r->att->atttypid;
	else
		same = strcmp(remote->type_name, NameStr(type->typname)) == 0 &&
			strcmp(remote->type_schema, get_namespace_name(type->typnamespace)) == 0;
	ReleaseSysCache(tuple);
	if (!same || strtol(remote->typmod, NULL, 10) != r->att->atttypmod)
		return refuse(r, "the remote's has another type");
	return true;
}

static bool
read_column(reading *r)
{
	double		null_frac,
				width,
				distinct;

	if (!same_type(r))
		return false;
	if (r->remote->null_frac == NULL)
		return refuse(r, "the remote has, or shows, no statistics of it");
	if (!read_number(r, r->remote->null_frac, "its fraction of NULLs", 0, 1, &null_frac) ||
		!read_number(r, r->remote->avg_width, "its width", 0, MaxAllocSize, &width) ||
		!read_number(r, r->remote->n_distinct, "its number of distinct values", -1, 1e15, &distinct))
		return false;
	r->stats->attnum = r->att->attnum;
	r->stats->null_frac = (float4) null_frac;
	r->stats->width = r->att->attlen > 0 ? r->att->attlen : (int32) width;
	r->stats->distinct = (float4) distinct;
	return read_slots(r);
}

/* Would ANALYZE look at this column? */
static bool
is_analyzed(Form_pg_attribute att)
{
	HeapTuple	tuple;
	Datum		target;
	bool		isnull;

	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(att->attrelid), Int16GetDatum(att->attnum));
	if (!HeapTupleIsValid(tuple))
		return false;
	/* int32 at first, int16 since 16, which NULL since 17 means as -1 did: all but 0 */
	target = SysCacheGetAttr(ATTNUM, tuple, Anum_pg_attribute_attstattarget, &isnull);
	ReleaseSysCache(tuple);
	return isnull || DatumGetInt16(target) != 0;
}

/* All that is read, for pgwire_try. */
typedef struct import
{
	Relation	relation;
	char	  **names;
	List	   *columns;
	List	   *stats;			/* of column_stats */
	const char *column;			/* the one at hand */
	const char *why;
} import;

static const pgwire_remote_column *
find_column(const import *i, const char *name)
{
	ListCell   *lc;

	foreach(lc, i->columns)
	{
		const pgwire_remote_column *c = (const pgwire_remote_column *) lfirst(lc);

		if (c->name && strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

static void
read_all(void *arg)
{
	import	   *i = (import *) arg;
	TupleDesc	tupdesc = RelationGetDescr(i->relation);

	for (int n = 0; n < tupdesc->natts && i->why == NULL; n++)
	{
		reading		r = {0};

		r.att = TupleDescAttr(tupdesc, n);
		if (i->names[n] == NULL || !is_analyzed(r.att))
			continue;
		i->column = NameStr(r.att->attname);
		r.remote = find_column(i, i->names[n]);
		r.stats = palloc0(sizeof(column_stats));
		if (r.remote == NULL)
			refuse(&r, "the remote has no such column");
		else if (read_column(&r))
			i->stats = lappend(i->stats, r.stats);
		i->why = r.why;
	}
}

/* The row of pg_statistic, as update_attstats of commands/analyze.c makes it. */
static void
fill_row(Oid relid, const column_stats *stats, Datum *values, bool *nulls)
{
	memset(nulls, 0, sizeof(bool) * Natts_pg_statistic);
	values[Anum_pg_statistic_starelid - 1] = ObjectIdGetDatum(relid);
	values[Anum_pg_statistic_staattnum - 1] = Int16GetDatum(stats->attnum);
	values[Anum_pg_statistic_stainherit - 1] = BoolGetDatum(false);
	values[Anum_pg_statistic_stanullfrac - 1] = Float4GetDatum(stats->null_frac);
	values[Anum_pg_statistic_stawidth - 1] = Int32GetDatum(stats->width);
	values[Anum_pg_statistic_stadistinct - 1] = Float4GetDatum(stats->distinct);
	for (int k = 0; k < STATISTIC_NUM_SLOTS; k++)
	{
		const slot *s = &stats->slots[k];	/* zero behind the last */

		values[Anum_pg_statistic_stakind1 - 1 + k] = Int16GetDatum(s->kind);
		values[Anum_pg_statistic_staop1 - 1 + k] = ObjectIdGetDatum(s->op);
		values[Anum_pg_statistic_stacoll1 - 1 + k] = ObjectIdGetDatum(s->collation);
		values[Anum_pg_statistic_stanumbers1 - 1 + k] = PointerGetDatum(s->numbers);
		nulls[Anum_pg_statistic_stanumbers1 - 1 + k] = s->numbers == NULL;
		values[Anum_pg_statistic_stavalues1 - 1 + k] = PointerGetDatum(s->values);
		nulls[Anum_pg_statistic_stavalues1 - 1 + k] = s->values == NULL;
	}
}

static void
store(Relation statistics, Oid relid, const column_stats *stats)
{
	Datum		values[Natts_pg_statistic];
	bool		nulls[Natts_pg_statistic];
	bool		replaces[Natts_pg_statistic];
	HeapTuple	old,
				new;

	fill_row(relid, stats, values, nulls);
	old = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(relid), Int16GetDatum(stats->attnum),
						  BoolGetDatum(false));
	if (HeapTupleIsValid(old))
	{
		memset(replaces, true, sizeof(replaces));
		new = heap_modify_tuple(old, RelationGetDescr(statistics), values, nulls, replaces);
		ReleaseSysCache(old);
		CatalogTupleUpdate(statistics, &new->t_self, new);
	}
	else
	{
		new = heap_form_tuple(RelationGetDescr(statistics), values, nulls);
		CatalogTupleInsert(statistics, new);
	}
	heap_freetuple(new);
}

const char *
pgwire_import_statistics(Relation relation, char **names, List *columns)
{
	import		i = {0};
	pgwire_failure failure;
	Relation	statistics;
	ListCell   *lc;

	i.relation = relation;
	i.names = names;
	i.columns = columns;
	if (!pgwire_try(read_all, &i, &failure))
		return psprintf("Column \"%s\": %s.", i.column ? i.column : "", failure.message);
	if (i.why)
		return i.why;
	statistics = table_open(StatisticRelationId, RowExclusiveLock);
	foreach(lc, i.stats)
		store(statistics, RelationGetRelid(relation), (column_stats *) lfirst(lc));
	table_close(statistics, RowExclusiveLock);
	return NULL;
}
