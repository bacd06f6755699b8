/*
 * analyze.c - ANALYZE of a foreign table.
 *
 * A sample of the remote rows is read in one statement, as a scan reads them,
 * and made smaller here to what ANALYZE wants. Or no rows at all: with the option
 * analyze_sampling 'import' the remote's own statistics are stored instead
 * (statistic.c). ANALYZE leaves the statistics of a table alone of which it gets
 * no row, and still notes how many there are, so there is nothing else to tell it.
 *
 * The remote is asked as the table's owner, whose rights ANALYZE works with.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "commands/vacuum.h"
#include "executor/executor.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/sampling.h"

#include "analyze.h"
#include "ask.h"
#include "conn.h"
#include "feed.h"
#include "option.h"
#include "pgwire_fdw.h"
#include "stream.h"

/* How a foreign table is analysed, as Go says; copied. */
typedef struct analysis
{
	Relation	relation;
	Oid			relid;
	MemoryContext context;		/* of its own, or NULL */
	Oid			userid;
	Oid			serverid;
	bool		import;
	double		fraction;
	double		draws;
	int64		fetch_memory;
	char	   *schema,
			   *table,
			   *facts_sql,
			   *import_sql,
			   *sample_sql;
	List	   *attrs;			/* IntList of the attribute numbers read */
	char	  **names;			/* remote names by attribute number - 1 */
	pgwire_remote_facts facts;
	List	   *columns;		/* of pgwire_remote_column, once asked for */
} analysis;

/* A copy, with a NUL behind it; there may be others in it. */
static char *
keep(pgwire_bytes b)
{
	char	   *s = palloc(b.len + 1);

	if (b.len > 0)
		memcpy(s, b.data, b.len);
	s[b.len] = '\0';
	return s;
}

static bool
is_read(Form_pg_attribute att)
{
	/* the values of a virtual generated column ('v', since 18) are made here */
	return !att->attisdropped && att->attgenerated != 'v';
}

/* A string list in one block, each with a NUL behind it. */
static void
take_names(analysis *a, pgwire_bytes names)
{
	char	   *at = keep(names);
	ListCell   *lc;

	a->names = palloc0(sizeof(char *) * Max(RelationGetDescr(a->relation)->natts, 1));
	foreach(lc, a->attrs)
	{
		a->names[lfirst_int(lc) - 1] = at;
		at += strlen(at) + 1;
	}
}

/* Ask Go how; with the facts, once they are known, for so many rows. */
static void
decide(analysis *a, bool with_facts, int target)
{
	TupleDesc	tupdesc = RelationGetDescr(a->relation);
	ForeignTable *table = GetForeignTable(RelationGetRelid(a->relation));
	ForeignServer *server = GetForeignServer(table->serverid);
	pgwire_analyze_args args = {0};
	pgwire_analyze_reply reply;
	pgwire_error err;

	args.major = PGWIRE_SERVER_MAJOR;
	args.cols = palloc0(sizeof(pgwire_named_options) * Max(tupdesc->natts, 1));
	a->attrs = NIL;
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (!is_read(att))
			continue;
		args.cols[args.ncols].name = pgwire_cstring(NameStr(att->attname));
		args.cols[args.ncols].options =
			pgwire_option_bytes(GetForeignColumnOptions(RelationGetRelid(a->relation), i + 1));
		args.ncols++;
		a->attrs = lappend_int(a->attrs, i + 1);
	}
	args.schema = pgwire_cstring(get_namespace_name(RelationGetNamespace(a->relation)));
	args.table = pgwire_cstring(RelationGetRelationName(a->relation));
	args.server_options = pgwire_option_bytes(server->options);
	args.table_options = pgwire_option_bytes(table->options);
	args.tuples = with_facts ? a->facts.tuples : -1;
	args.pages = a->facts.pages;
	args.can_sample = a->facts.can_sample;
	args.target = target;
	PGWIRE_CALL(err, pgwire_go_analyze, &args, &reply);

	a->serverid = table->serverid;
	a->import = reply.import != 0;
	a->fraction = reply.fraction;
	a->draws = reply.draws;
	a->fetch_memory = reply.fetch_memory;
	a->schema = keep(reply.schema);
	a->table = keep(reply.table);
	a->facts_sql = keep(reply.facts_sql);
	a->import_sql = keep(reply.import_sql);
	a->sample_sql = keep(reply.sample_sql);
	take_names(a, reply.columns);
}

/* Lives in the current memory context. */
static analysis *
begin_analysis(Relation relation)
{
	analysis   *a = palloc0(sizeof(analysis));

	a->relation = relation;
	a->relid = RelationGetRelid(relation);
	a->userid = relation->rd_rel->relowner;
	decide(a, false, 0);
	return a;
}

/* No table has more rows or bytes. */
#define MOST 1e17

/* A number that the remote has said, or -1 where it makes no sense. */
static double
count_of(const char *text)
{
	char	   *end;
	double		value = text ? strtod(text, &end) : -1;

	if (text == NULL || end == text || *end != '\0' || !(value >= 0 && value <= MOST))
		return -1;
	return value;
}

static void
take_facts(analysis *a, char **row)
{
	double		bytes = count_of(row[4]);

	if (row[0] == NULL)
		pgwire_raise_local(ERRCODE_FDW_TABLE_NOT_FOUND,
						   psprintf("remote table \"%s.%s\" of foreign table \"%s\" does not exist",
									a->schema, a->table, RelationGetRelationName(a->relation)),
						   NULL, NULL);
	a->facts.partitioned = strcmp(row[0], "p") == 0;
	a->facts.children = row[1] && row[1][0] == 't';
	a->facts.can_sample = row[2] && row[2][0] == 't';
	a->facts.tuples = count_of(row[3]);
	a->facts.pages = bytes < 0 ? 0 : ceil(bytes / BLCKSZ);
}

/* What the statistics of one table may take here. */
#define MAX_STATISTICS_BYTES (64 << 20)

/*
 * Ask for the facts, and, to import them, the statistics of all columns: one
 * round trip either way. What is too large to be true is left out, so that the
 * statistics count as missing.
 */
static void
ask_remote(analysis *a, bool import)
{
	int			ncols = import ? 5 + PGWIRE_REMOTE_COLUMN_FIELDS : 5;
	pgwire_ask *ask = pgwire_ask_open(a->userid, a->serverid,
									  import ? a->import_sql : a->facts_sql, ncols, 0);
	Size		taken = 0;
	char	  **row;

	pgwire_ask_param(ask, a->schema);
	pgwire_ask_param(ask, a->table);
	for (bool first = true; (row = pgwire_ask_row(ask)) != NULL; first = false)
	{
		char	  **column;

		if (first)
			take_facts(a, row);
		if (!import)
			continue;
		column = palloc0(sizeof(pgwire_remote_column));
		for (int i = 0; i < PGWIRE_REMOTE_COLUMN_FIELDS; i++)
		{
			Size		len = row[5 + i] ? strlen(row[5 + i]) : 0;

			if ((taken += len) <= MAX_STATISTICS_BYTES && row[5 + i])
				column[i] = pstrdup(row[5 + i]);
		}
		a->columns = lappend(a->columns, column);
	}
	pgwire_ask_close(ask);
}

static BlockNumber
clamp_pages(const analysis *a)
{
	/* without storage it still has its share of a sample of its parent */
	return (BlockNumber) Min(Max(a->facts.pages, 1), (double) MaxBlockNumber);
}

/* ---- sampling ---- */

typedef struct sampler
{
	analysis   *a;
	pgwire_stream stream;
	HeapTuple  *rows;			/* of target */
	int			target;
	int			taken;			/* of these */
	double		seen;
	double		skip;			/* rows to go by; < 0: to be drawn */
	ReservoirStateData reservoir;
} sampler;

static void
describe_sample(pgwire_stream *stream, pgwire_scan_args *args)
{
	sampler    *s = (sampler *) stream->owner;

	args->sql = pgwire_cstring(s->a->sample_sql);
	args->fetch_memory = s->a->fetch_memory;
	args->expected_bytes = -1;	/* it gets a savepoint, to be cancelled by */
	args->fetch_size = 1;
}

static void
bind_sample(pgwire_stream *stream, pgwire_bind_args *args)
{
}

/*
 * Where a row goes: the first ones fill the sample, each later one takes the
 * place of one of them, with falling probability (Vitter's algorithm Z, as for
 * local tables). -1: nowhere.
 */
static int
place_of_row(sampler *s)
{
	int			place = -1;

	s->seen++;
	if (s->taken < s->target)
		return s->taken++;
	if (s->skip < 0)
		s->skip = reservoir_get_next_S(&s->reservoir, s->seen - 1, s->target);
	if (s->skip <= 0)
	{
		place = Min((int) (s->target * pgwire_sampler_fract(&s->reservoir)), s->target - 1);
		heap_freetuple(s->rows[place]);
	}
	s->skip--;
	return place;
}

static void
read_sample(sampler *s)
{
	TupleDesc	tupdesc = RelationGetDescr(s->a->relation);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(tupdesc, &TTSOpsVirtual);
	pgwire_error err;
	int32_t		rc;

	while ((rc = pgwire_stream_row(&s->stream, slot, &err)) == PGWIRE_OK)
	{
		int			place = place_of_row(s);

		if (place >= 0)
			s->rows[place] = heap_form_tuple(tupdesc, slot->tts_values, slot->tts_isnull);
		pgwire_analyze_delay_point();
	}
	if (rc == PGWIRE_ERROR)
		pgwire_raise_stream(&s->stream, &err);
	ExecDropSingleTupleTableSlot(slot);
}

/*
 * How many rows there are: all have been seen, or a part of them that tells how
 * many there must be. The remote's own estimate goes before that, unless it is
 * farther off than chance explains: it is old then.
 */
static double
total_rows(const sampler *s)
{
	double		known = s->a->facts.tuples;
	double		estimate = s->seen / s->a->fraction;
	double		chance = Max(0.1, 4 / sqrt(Max(s->a->draws, 1)));

	if (s->a->fraction >= 1 || fabs(estimate - known) > chance * known)
		return rint(Min(estimate, MOST));
	return known;
}

static int
sample_rows(analysis *a, int elevel, HeapTuple *rows, int target, double *total)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pgwire_fdw sample",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	sampler		s;

	decide(a, true, target);
	memset(&s, 0, sizeof(s));
	s.a = a;
	s.rows = rows;
	s.target = target;
	s.skip = -1;
	reservoir_init_selection_state(&s.reservoir, target);
	s.stream.userid = a->userid;
	s.stream.serverid = a->serverid;
	s.stream.umid = pgwire_user_mapping(a->userid, a->serverid);
	s.stream.context = context;
	old = MemoryContextSwitchTo(context);
	s.stream.format = pgwire_make_row_format(RelationGetDescr(a->relation), a->attrs,
											 RelationGetRelationName(a->relation), false);
	MemoryContextSwitchTo(old);
	s.stream.describe = describe_sample;
	s.stream.bind = bind_sample;
	s.stream.owner = &s;
	read_sample(&s);
	pgwire_stream_close(&s.stream);
	MemoryContextDelete(context);
	*total = total_rows(&s);
	pgwire_log_local(elevel, psprintf("\"%s\": table contains %.0f rows, %d rows in sample",
									  RelationGetRelationName(a->relation), *total, s.taken));
	return s.taken;
}

/* AcquireSampleRowsFunc */
static int
acquire_sample(Relation relation, int elevel, HeapTuple *rows, int target,
			   double *total, double *dead)
{
	analysis   *a = begin_analysis(relation);

	*dead = 0;
	ask_remote(a, false);
	return sample_rows(a, elevel, rows, target, total);
}

/* ---- import ---- */

/*
 * What pgwireAnalyzeForeignTable has asked for, for the call that follows it at
 * once; it lives as long as the memory context of ANALYZE.
 */
static analysis *asked = NULL;

static void
forget_asked(void *arg)
{
	asked = NULL;
}

/* Why the figures cannot be those of the foreign table, or NULL. */
static const char *
unfit(const analysis *a)
{
	if (a->facts.tuples <= 0)
		return "The remote does not know how many rows there are.";
	if (a->facts.children && !a->facts.partitioned)
		return "Other tables inherit from the remote table, which has no statistics of them all.";
	if (RelationGetStatExtList(a->relation) != NIL)
		return "The foreign table has extended statistics, which are made from rows.";
	return NULL;
}

/* AcquireSampleRowsFunc */
static int
acquire_import(Relation relation, int elevel, HeapTuple *rows, int target,
			   double *total, double *dead)
{
	analysis   *a = asked;
	const char *why;
	int			taken = 0;

	*dead = 0;
	if (a == NULL || a->relid != RelationGetRelid(relation))
		return acquire_sample(relation, elevel, rows, target, total, dead);
	a->relation = relation;
	why = unfit(a);
	if (why == NULL)
		why = pgwire_import_statistics(relation, a->names, a->columns);
	if (why != NULL)
	{
		pgwire_notice_detail(psprintf("the remote's statistics do not serve for foreign table \"%s\", so it is sampled",
									  RelationGetRelationName(relation)), why);
		taken = sample_rows(a, elevel, rows, target, total);
	}
	else
	{
		*total = a->facts.tuples;
		pgwire_log_local(elevel, psprintf("\"%s\": table contains %.0f rows, statistics imported",
										  RelationGetRelationName(relation), *total));
	}
	MemoryContextDelete(a->context);
	return taken;
}

/*
 * ANALYZE asks of a table by itself before it takes on its owner's rights, and
 * of a child of an inheritance tree after that: the statistics of the tree are made
 * from rows, and none of the child are to be stored.
 */
static bool
is_child_of_tree(void)
{
	Oid			userid;
	int			context;

	GetUserIdAndSecContext(&userid, &context);
	return (context & SECURITY_RESTRICTED_OPERATION) != 0;
}

static analysis *
ask_for_import(Relation relation)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pgwire_fdw statistics",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));
	analysis   *a = begin_analysis(relation);

	a->context = context;
	ask_remote(a, true);
	callback->func = forget_asked;
	MemoryContextRegisterResetCallback(context, callback);
	MemoryContextSwitchTo(old);
	return a;
}

bool
pgwireAnalyzeForeignTable(Relation relation, AcquireSampleRowsFunc *func, BlockNumber *totalpages)
{
	analysis   *a;

	/* its rows are there until they are consumed, and say nothing of later ones */
	if (pgwire_is_feed(RelationGetRelid(relation)))
		return false;
	a = begin_analysis(relation);
	*func = acquire_sample;
	if (a->import && !is_child_of_tree())
	{
		asked = NULL;
		a = ask_for_import(relation);
		asked = a;
		*func = acquire_import;
	}
	else
		ask_remote(a, false);
	*totalpages = clamp_pages(a);
	return true;
}
