/*
 * stats.c - what is known of remote tables that were never analysed here: when to
 * ask for it, how long it is kept, and how the planner comes by it.
 *
 * A table's statistics are kept for a user (whose mapping may see more or less of the
 * remote's), until PGWIRE_STATS_SECONDS have passed or the foreign table, its server or
 * the user mapping changes.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "commands/defrem.h"
#include "foreign/fdwapi.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/acl.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "plan.h"
#include "feed.h"
#include "stats.h"

typedef struct known_table
{
	struct
	{
		Oid			relid;
		Oid			userid;
	}			key;
	bool		valid;
	TimestampTz fetched;
	pgwire_stats *stats;		/* NULL: the remote knows nothing */
} known_table;

typedef struct silent_server
{
	struct
	{
		Oid			serverid;
		Oid			userid;
	}			key;
	TimestampTz since;
} silent_server;

static HTAB *known_tables = NULL;
static HTAB *silent_servers = NULL;

/*
 * Statistics that have been replaced, and the transaction in which that happened: a plan
 * being made in it may still look at them.
 */
static List *retired = NIL;
static TimestampTz retired_in = 0;

static get_relation_stats_hook_type next_stats_hook = NULL;

/* ---- what is kept ---- */

static void
table_changed(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS seq;
	known_table *table;

	hash_seq_init(&seq, known_tables);
	while ((table = hash_seq_search(&seq)) != NULL)
		if (!OidIsValid(relid) || table->key.relid == relid)
			table->valid = false;
}

static void
server_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	HASH_SEQ_STATUS seq;
	silent_server *server;

	table_changed(arg, InvalidOid);
	hash_seq_init(&seq, silent_servers);
	while ((server = hash_seq_search(&seq)) != NULL)
		server->since = 0;
}

static void
make_tables(void)
{
	HASHCTL		ctl = {0};

	if (known_tables != NULL && silent_servers != NULL)
		return;
	ctl.keysize = 2 * sizeof(Oid);
	ctl.hcxt = CacheMemoryContext;
	ctl.entrysize = sizeof(known_table);
	if (known_tables == NULL)
		known_tables = hash_create("pgwire_fdw remote tables", 64, &ctl,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	ctl.entrysize = sizeof(silent_server);
	silent_servers = hash_create("pgwire_fdw silent servers", 8, &ctl,
								 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(table_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, server_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(USERMAPPINGOID, server_changed, (Datum) 0);
}

static bool
is_young(TimestampTz then, int seconds)
{
	return then != 0 &&
		!TimestampDifferenceExceeds(then, GetCurrentStatementStartTimestamp(), seconds * 1000);
}

static known_table *
find_known(Oid relid, Oid userid)
{
	Oid			key[] = {relid, userid};
	known_table *table = hash_search(known_tables, key, HASH_FIND, NULL);

	return table != NULL && table->valid && is_young(table->fetched, PGWIRE_STATS_SECONDS) ?
		table : NULL;
}

bool
pgwire_is_silent(Oid serverid, Oid userid)
{
	Oid			key[] = {serverid, userid};
	silent_server *server;

	make_tables();
	server = hash_search(silent_servers, key, HASH_FIND, NULL);
	return server != NULL && is_young(server->since, PGWIRE_STATS_SILENCE_SECONDS);
}

void
pgwire_keep_silence(Oid serverid, Oid userid)
{
	Oid			key[] = {serverid, userid};
	silent_server *server;

	make_tables();
	server = hash_search(silent_servers, key, HASH_ENTER, NULL);
	server->since = GetCurrentStatementStartTimestamp();
}

static void
retire(pgwire_stats *stats)
{
	MemoryContext old;
	ListCell   *lc;

	if (retired_in != GetCurrentTransactionStartTimestamp())
	{
		foreach(lc, retired)
			MemoryContextDelete(((pgwire_stats *) lfirst(lc))->context);
		list_free(retired);
		retired = NIL;
		retired_in = GetCurrentTransactionStartTimestamp();
	}
	old = MemoryContextSwitchTo(CacheMemoryContext);
	retired = lappend(retired, stats);
	MemoryContextSwitchTo(old);
}

static void
keep(const pgwire_surveyed *surveyed, Oid userid, bool answered)
{
	Oid			key[] = {surveyed->relid, userid};
	bool		found;
	known_table *table = hash_search(known_tables, key, HASH_ENTER, &found);

	if (!found)
		table->stats = NULL;
	table->valid = answered;
	if (!answered)
		return;
	if (table->stats != NULL)
		retire(table->stats);
	table->stats = surveyed->stats;
	table->fetched = GetCurrentStatementStartTimestamp();
	if (table->stats != NULL)
		MemoryContextSetParent(table->stats->context, CacheMemoryContext);
}

/* ---- which tables to ask about ---- */

/*
 * The statistics of a table that is alone in its statement would hardly change
 * the plan; so a point query costs no more than its own round trip. In a parallel
 * worker, what runs there is not worth a connection of its own.
 */
static bool
worth_asking(PlannerInfo *root)
{
	return !IsParallelWorker() &&
		(bms_membership(root->all_baserels) == BMS_MULTIPLE ||
		 root->parent_root != NULL || root->glob->subplans != NIL);
}

bool
pgwire_is_on(List *table_options, List *server_options, const char *name, bool otherwise)
{
	List	   *places[] = {table_options, server_options};
	ListCell   *lc;

	for (size_t i = 0; i < lengthof(places); i++)
	{
		foreach(lc, places[i])
		{
			DefElem    *def = lfirst_node(DefElem, lc);

			if (strcmp(def->defname, name) == 0)
				return defGetBoolean(def);
		}
	}
	return otherwise;
}

typedef struct search
{
	Oid			serverid;
	Oid			userid;
	List	   *tables;			/* of pgwire_surveyed */
} search;

/* Is the table of this server, without statistics, and not known yet? */
static bool
is_wanted(const search *s, Oid relid)
{
	Relation	relation = table_open(relid, NoLock);
	bool		analyzed = relation->rd_rel->reltuples >= 0;
	FdwRoutine *routine = GetFdwRoutineForRelation(relation, false);
	ForeignTable *table;

	table_close(relation, NoLock);
	if (analyzed || routine->GetForeignRelSize != pgwireGetForeignRelSize ||
		find_known(relid, s->userid) != NULL)
		return false;
	table = GetForeignTable(relid);
	return table->serverid == s->serverid && !pgwire_is_feed(relid) &&
		pgwire_is_on(table->options, GetForeignServer(table->serverid)->options,
					 "fetch_statistics", true);
}

static void
add_table(search *s, Oid relid)
{
	pgwire_surveyed *table;
	ListCell   *lc;

	foreach(lc, s->tables)
		if (((pgwire_surveyed *) lfirst(lc))->relid == relid)
			return;
	if (!is_wanted(s, relid))
		return;
	table = palloc0(sizeof(pgwire_surveyed));
	table->relid = relid;
	s->tables = lappend(s->tables, table);
}

/* Find the foreign tables of a statement that are asked about by the same user. */
static bool
find_tables(Node *node, void *context)
{
	search	   *s = (search *) context;

	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_RELATION && rte->relkind == RELKIND_FOREIGN_TABLE)
			add_table(s, rte->relid);
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_tables, context, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, find_tables, context);
}

/*
 * Ask the server about this table and whatever else of the statement it has. Rights are
 * those of the one user: a table that a view's owner reads has its own turn.
 */
static void
ask(PlannerInfo *root, Oid relid, Oid serverid, Oid userid)
{
	search		s = {serverid, userid, NIL};
	PlannerInfo *top = root;
	bool		answered;
	ListCell   *lc;

	if (pgwire_is_silent(serverid, userid))
		return;
	add_table(&s, relid);
	while (top->parent_root != NULL)
		top = top->parent_root;
	find_tables((Node *) top->parse, &s);
	if (top != root)
		find_tables((Node *) root->parse, &s);
	if (s.tables == NIL)
		return;
	answered = pgwire_survey(userid, serverid, s.tables);
	foreach(lc, s.tables)
		keep(lfirst(lc), userid, answered);
	if (!answered)
		pgwire_keep_silence(serverid, userid);
}

const pgwire_stats *
pgwire_table_stats(PlannerInfo *root, RelOptInfo *baserel, Oid relid)
{
	Oid			userid = pgwire_effective_user(baserel);
	known_table *table;

	if (baserel->tuples >= 0)
		return NULL;
	make_tables();
	table = find_known(relid, userid);
	if (table == NULL && worth_asking(root))
	{
		ask(root, relid, baserel->serverid, userid);
		table = find_known(relid, userid);
	}
	return table ? table->stats : NULL;
}

/* ---- what the planner takes ---- */

void
pgwire_apply_stats(RelOptInfo *baserel, const pgwire_stats *stats)
{
	/* an empty table may be one that is about to be filled */
	if (stats->tuples >= 1)
	{
		baserel->tuples = stats->tuples;
		baserel->pages = (BlockNumber) stats->pages;
	}
	for (int attno = 1; attno <= Min(stats->natts, baserel->max_attr); attno++)
		if (stats->widths[attno - 1] > 0)
			baserel->attr_widths[attno - baserel->min_attr] = stats->widths[attno - 1];
}

/* What is known of a range table entry, by the relation that is planned of it. */
static const pgwire_stats *
stats_of(PlannerInfo *root, RangeTblEntry *rte, RelOptInfo **rel)
{
	for (int i = 1; i < root->simple_rel_array_size; i++)
	{
		*rel = root->simple_rel_array[i];
		if (root->simple_rte_array[i] == rte && *rel != NULL)
			return (*rel)->fdwroutine != NULL && (*rel)->fdw_private != NULL &&
				(*rel)->fdwroutine->GetForeignRelSize == pgwireGetForeignRelSize ?
				((pgwire_rel *) (*rel)->fdw_private)->stats : NULL;
	}
	return NULL;
}

/* For get_relation_stats_hook: the statistics of a column. */
static bool
column_stats(PlannerInfo *root, RangeTblEntry *rte, AttrNumber attno, VariableStatData *vardata)
{
	const pgwire_stats *stats;
	RelOptInfo *rel;

	if (next_stats_hook != NULL && next_stats_hook(root, rte, attno, vardata))
		return true;
	if (rte->rtekind != RTE_RELATION || rte->relkind != RELKIND_FOREIGN_TABLE || rte->inh)
		return false;
	stats = stats_of(root, rte, &rel);
	if (stats == NULL || attno < 1 || attno > stats->natts || stats->columns[attno - 1] == NULL)
		return false;
	vardata->statsTuple = heap_copytuple(stats->columns[attno - 1]);
	vardata->freefunc = heap_freetuple;
	vardata->acl_ok = rte->securityQuals == NIL &&
		pg_class_aclcheck(rte->relid, pgwire_effective_user(rel), ACL_SELECT) == ACLCHECK_OK;
	return true;
}

void
pgwire_hook_statistics(void)
{
	next_stats_hook = get_relation_stats_hook;
	get_relation_stats_hook = column_stats;
}
