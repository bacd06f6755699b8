/*
 * survey.c - asks a server what it knows of its tables.
 *
 * One statement for all tables of a query: sizes from pg_class (of what inherits,
 * too), columns from pg_stats, indexes from pg_index. The answer comes from a server that may
 * be hostile: whatever makes no sense is left out, and nothing in it is handed
 * to a function that might raise.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "ask.h"
#include "stats.h"
#include "statvalue.h"

/*
 * Columns of the answer: number of the table; what the row is about; then by that
 *   size    known rows, pages, pages of what has never been analysed
 *   column  name, null fraction, average width, n_distinct; kind of the values
 *           (statvalue.h), most common values and frequencies, histogram
 *   index   unique?, names of the key columns
 */
enum
{
	TABLE, ABOUT, NAME, N1, N2, N3, KIND, VALUES, FREQUENCIES, HISTOGRAM, NCOLUMNS
};

/*
 * A table whose relpages are not there yet has a size on disk, but looking at it waits
 * for whoever has locked the table. Values longer than some kilobytes are not worth
 * their way. Instants travel as numbers since 2000, so that no setting matters.
 */
#define VALUES_SQL(column) \
	"CASE WHEN pg_catalog.length(" column "::text) > 16384 THEN NULL" \
	" WHEN v.kind = 'd' THEN (SELECT pg_catalog.array_agg(CASE WHEN pg_catalog.isfinite(d)" \
	" THEN d - date '2000-01-01' END)::text FROM pg_catalog.unnest(" column "::text::date[]) d)" \
	" WHEN v.kind = 't' THEN (SELECT pg_catalog.array_agg(CASE WHEN pg_catalog.isfinite(d)" \
	" THEN (extract(epoch from d) * 1000000)::int8 - 946684800000000 END)::text" \
	" FROM pg_catalog.unnest(" column "::text::timestamp[]) d)" \
	" WHEN v.kind = 'z' THEN (SELECT pg_catalog.array_agg(CASE WHEN pg_catalog.isfinite(d)" \
	" THEN (extract(epoch from d) * 1000000)::int8 - 946684800000000 END)::text" \
	" FROM pg_catalog.unnest(" column "::text::timestamptz[]) d)" \
	" ELSE " column "::text END"

static const char *const survey_sql =
	"WITH RECURSIVE asked AS (SELECT u.i, u.n, u.r, c.oid"
	" FROM unnest($1::text::name[], $2::text::name[]) WITH ORDINALITY AS u(n, r, i)"
	" JOIN pg_catalog.pg_namespace s ON s.nspname = u.n"
	" JOIN pg_catalog.pg_class c ON c.relnamespace = s.oid AND c.relname = u.r),"
	" tree(i, oid) AS (SELECT i, oid FROM asked UNION"
	" SELECT t.i, h.inhrelid FROM tree t JOIN pg_catalog.pg_inherits h ON h.inhparent = t.oid)"

	" SELECT t.i, 'size', NULL::text, pg_catalog.sum(c.reltuples) FILTER (WHERE c.reltuples > 0)::text,"
	" pg_catalog.sum(c.relpages)::text,"
	" pg_catalog.sum(CASE WHEN c.reltuples <= 0 AND c.relkind IN ('r', 'm')"
	" AND NOT EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.relation = c.oid AND l.mode = 'AccessExclusiveLock')"
	" THEN pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::int ELSE 0 END)::text,"
	" NULL, NULL::text, NULL::text, NULL::text"
	" FROM tree t JOIN pg_catalog.pg_class c USING (oid) WHERE c.relkind IN ('r', 'm', 'f') GROUP BY t.i"

	" UNION ALL (SELECT DISTINCT ON (a.i, p.attname) a.i, 'column', p.attname::text, p.null_frac::text,"
	" p.avg_width::text, p.n_distinct::text, v.kind, " VALUES_SQL("p.most_common_vals") ","
	" p.most_common_freqs::text, " VALUES_SQL("p.histogram_bounds")
	" FROM asked a JOIN pg_catalog.pg_stats p ON p.schemaname = a.n AND p.tablename = a.r"
	" JOIN pg_catalog.pg_attribute t ON t.attrelid = a.oid AND t.attname = p.attname,"
	" LATERAL (SELECT CASE t.atttypid::pg_catalog.int8 WHEN 16 THEN 'b' WHEN 20 THEN 'i' WHEN 21 THEN 'i' WHEN 23 THEN 'i'"
	" WHEN 25 THEN 's' WHEN 1043 THEN 's' WHEN 1042 THEN 's' WHEN 700 THEN 'f' WHEN 701 THEN 'f' WHEN 1700 THEN 'f'"
	" WHEN 1082 THEN 'd' WHEN 1114 THEN 't' WHEN 1184 THEN 'z' ELSE '' END AS kind) v"
	" ORDER BY a.i, p.attname, p.inherited DESC)"

	" UNION ALL SELECT a.i, 'index', x.indisunique::text, NULL, NULL, NULL, NULL,"
	" ARRAY(SELECT t.attname::text FROM pg_catalog.generate_series(0, x.indnkeyatts - 1) k"
	" LEFT JOIN pg_catalog.pg_attribute t ON t.attrelid = x.indrelid AND t.attnum = x.indkey[k] ORDER BY k)::text,"
	" NULL, NULL"
	" FROM asked a JOIN pg_catalog.pg_index x ON x.indrelid = a.oid JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid"
	" JOIN pg_catalog.pg_am m ON m.oid = c.relam"
	" WHERE x.indisvalid AND x.indpred IS NULL AND m.amname IN ('btree', 'hash')";

/* One table while rows about it come in. */
typedef struct surveying
{
	pgwire_surveyed *table;
	TupleDesc	tupdesc;
	char	  **names;			/* of the remote columns, by attno - 1; NULL: dropped */
} surveying;

static const char *
option_or(List *options, const char *name, const char *otherwise)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, name) == 0)
			return defGetString(def);
	}
	return otherwise;
}

/* Append an element of an array's text form. */
static void
put_element(StringInfo array, const char *value)
{
	appendStringInfoString(array, array->len == 0 ? "{\"" : ",\"");
	for (; *value; value++)
	{
		if (*value == '"' || *value == '\\')
			appendStringInfoChar(array, '\\');
		appendStringInfoChar(array, *value);
	}
	appendStringInfoChar(array, '"');
}

/* Look up what the table and its columns are called there. */
static void
name_table(surveying *s, StringInfo schemas, StringInfo tables)
{
	Relation	relation = table_open(s->table->relid, NoLock);
	List	   *options = GetForeignTable(s->table->relid)->options;

	s->tupdesc = CreateTupleDescCopy(RelationGetDescr(relation));
	s->names = palloc0(sizeof(char *) * Max(s->tupdesc->natts, 1));
	for (int i = 0; i < s->tupdesc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(s->tupdesc, i);

		if (!attr->attisdropped)
			s->names[i] = pstrdup(option_or(GetForeignColumnOptions(s->table->relid, i + 1),
											"column_name", NameStr(attr->attname)));
	}
	put_element(schemas, option_or(options, "schema_name",
								   get_namespace_name(RelationGetNamespace(relation))));
	put_element(tables, option_or(options, "table_name", RelationGetRelationName(relation)));
	table_close(relation, NoLock);
}

static int
find_column(const surveying *s, const char *name)
{
	for (int i = 0; name != NULL && i < s->tupdesc->natts; i++)
		if (s->names[i] != NULL && strcmp(s->names[i], name) == 0)
			return i;
	return -1;
}

static pgwire_stats *
get_stats(surveying *s)
{
	MemoryContext context;
	MemoryContext old;
	pgwire_stats *stats;

	if (s->table->stats != NULL)
		return s->table->stats;
	context = AllocSetContextCreate(CurrentMemoryContext, "pgwire_fdw statistics", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	stats = palloc0(sizeof(pgwire_stats));
	stats->context = context;
	stats->tuples = -1;
	stats->natts = s->tupdesc->natts;
	stats->widths = palloc0(sizeof(int32) * Max(stats->natts, 1));
	stats->columns = palloc0(sizeof(HeapTuple) * Max(stats->natts, 1));
	MemoryContextSwitchTo(old);
	return s->table->stats = stats;
}

/* What has never been analysed there is taken to be filled with rows of our width. */
static void
take_size(const surveying *s, pgwire_stats *stats, char **row)
{
	double		known = pgwire_stat_number(row[N1], 0, 1e15, 0);
	double		pages = pgwire_stat_number(row[N2], 0, MaxBlockNumber, 0);
	double		fresh = pgwire_stat_number(row[N3], 0, MaxBlockNumber, 0);
	int32		width = MAXALIGN(SizeofHeapTupleHeader) + sizeof(ItemIdData);

	for (int i = 0; i < s->tupdesc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(s->tupdesc, i);

		if (!attr->attisdropped)
			width += get_typavgwidth(attr->atttypid, attr->atttypmod);
	}
	stats->tuples = known + rint(fresh * BLCKSZ / width);
	stats->pages = Min(pages + fresh, (double) MaxBlockNumber);
}

static void
form_column(pgwire_stats *stats, int i, Datum *values, bool *nulls)
{
	Relation	catalog = table_open(StatisticRelationId, AccessShareLock);
	MemoryContext old = MemoryContextSwitchTo(stats->context);

	stats->columns[i] = heap_form_tuple(RelationGetDescr(catalog), values, nulls);
	MemoryContextSwitchTo(old);
	table_close(catalog, AccessShareLock);
}

static void
take_column(const surveying *s, pgwire_stats *stats, char **row)
{
	int			i = find_column(s, row[NAME]);
	Datum		values[Natts_pg_statistic] = {0};
	bool		nulls[Natts_pg_statistic];
	int			slot = 0;
	pgwire_stat_type type;
	Form_pg_attribute attr;

	if (i < 0 || stats->columns[i] != NULL)
		return;
	attr = TupleDescAttr(s->tupdesc, i);
	memset(nulls, true, sizeof(nulls));
	for (int a = 0; a < Natts_pg_statistic; a++)
		nulls[a] = a >= Anum_pg_statistic_stanumbers1 - 1;
	stats->widths[i] = (int32) pgwire_stat_number(row[N2], 1, 1e6, 0);
	values[Anum_pg_statistic_starelid - 1] = ObjectIdGetDatum(s->table->relid);
	values[Anum_pg_statistic_staattnum - 1] = Int16GetDatum(i + 1);
	values[Anum_pg_statistic_stanullfrac - 1] =
		Float4GetDatum((float4) pgwire_stat_number(row[N1], 0, 1, 0));
	values[Anum_pg_statistic_stawidth - 1] = Int32GetDatum(stats->widths[i]);
	values[Anum_pg_statistic_stadistinct - 1] =
		Float4GetDatum((float4) pgwire_stat_number(row[N3], -1, 1e15, 0));
	if (pgwire_stat_type_of(&type, attr->atttypid, attr->attcollation, row[KIND]))
	{
		slot += pgwire_stat_common(&type, row[VALUES], row[FREQUENCIES], slot, values, nulls);
		slot += pgwire_stat_histogram(&type, row[HISTOGRAM], slot, values, nulls);
	}
	form_column(stats, i, values, nulls);
}

static void
take_index(const surveying *s, pgwire_stats *stats, char **row)
{
	int			n;
	char	  **names = pgwire_stat_elements(row[VALUES], INDEX_MAX_KEYS, &n);
	pgwire_index *index;
	MemoryContext old;

	if (names == NULL || n == 0 || row[NAME] == NULL || find_column(s, names[0]) < 0)
		return;
	old = MemoryContextSwitchTo(stats->context);
	index = palloc0(sizeof(pgwire_index));
	index->unique = strcmp(row[NAME], "true") == 0;
	index->nkeys = n;
	index->keys = palloc(sizeof(AttrNumber) * n);
	for (int i = 0; i < n; i++)
		index->keys[i] = find_column(s, names[i]) + 1;
	stats->indexes = lappend(stats->indexes, index);
	MemoryContextSwitchTo(old);
}

/* Take a row of the answer. */
static void
take_row(surveying *all, int count, char **row)
{
	int			number = (int) pgwire_stat_number(row[TABLE], 1, count, 0);
	surveying  *s = &all[number - 1];
	pgwire_stats *stats;

	if (number == 0 || row[ABOUT] == NULL)
		return;
	stats = get_stats(s);
	if (strcmp(row[ABOUT], "size") == 0)
		take_size(s, stats, row);
	else if (strcmp(row[ABOUT], "column") == 0)
		take_column(s, stats, row);
	else if (strcmp(row[ABOUT], "index") == 0)
		take_index(s, stats, row);
}

/* More rows than this no honest server has to say about so many tables. */
#define MAX_ROWS_PER_TABLE 4096

bool
pgwire_survey(Oid userid, Oid serverid, List *tables)
{
	int			count = list_length(tables);
	surveying  *all = palloc0(sizeof(surveying) * count);
	StringInfoData schemas,
				names;
	pgwire_ask *ask;
	char	  **row;
	int64		rows = 0;
	bool		answered;

	initStringInfo(&schemas);
	initStringInfo(&names);
	for (int i = 0; i < count; i++)
	{
		all[i].table = list_nth(tables, i);
		name_table(&all[i], &schemas, &names);
	}
	appendStringInfoChar(&schemas, '}');
	appendStringInfoChar(&names, '}');
	ask = pgwire_ask_open(userid, serverid, survey_sql, NCOLUMNS, PGWIRE_ASK_TRY | PGWIRE_ASK_ALONE);
	pgwire_ask_limit(ask, PGWIRE_STATS_WAIT_MS);
	pgwire_ask_param(ask, schemas.data);
	pgwire_ask_param(ask, names.data);
	while ((row = pgwire_ask_row(ask)) != NULL && rows++ < (int64) count * MAX_ROWS_PER_TABLE)
		take_row(all, count, row);
	answered = pgwire_ask_failure(ask) == NULL;
	if (!answered)
		pgwire_debug_failure("no statistics of remote tables", pgwire_ask_failure(ask));
	pgwire_ask_close(ask);
	return answered;
}

/* Classes 08 and 57: it is away, or too slow. Anything else is about the statement. */
static bool
is_away(const pgwire_failure *failure)
{
	int			category = ERRCODE_TO_CATEGORY(failure->sqlstate);

	return category == ERRCODE_TO_CATEGORY(ERRCODE_CONNECTION_EXCEPTION) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION);
}

char *
pgwire_ask_value(Oid userid, Oid serverid, const char *sql, int ms)
{
	pgwire_ask *ask;
	char	  **row;
	char	   *value;

	if (pgwire_is_silent(serverid, userid))
		return NULL;
	ask = pgwire_ask_open(userid, serverid, sql, 1, PGWIRE_ASK_TRY | PGWIRE_ASK_ALONE);
	pgwire_ask_limit(ask, ms);
	row = pgwire_ask_row(ask);
	value = row != NULL && row[0] != NULL ? pstrdup(row[0]) : NULL;
	if (value != NULL)
		(void) pgwire_ask_row(ask); /* its end */
	else if (pgwire_ask_failure(ask) != NULL)
	{
		pgwire_debug_failure("no remote estimate", pgwire_ask_failure(ask));
		if (is_away(pgwire_ask_failure(ask)))
			pgwire_keep_silence(serverid, userid);
	}
	pgwire_ask_close(ask);
	return value;
}
