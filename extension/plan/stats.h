/*
 * stats.h - what is known of remote tables without asking for each plan.
 *
 * A foreign table that has never been analysed here has no statistics in the
 * catalogs. Those that the remote has of the table are fetched once (survey.c) and
 * kept for the session (stats.c); they only ever make estimates. That a column is
 * unique there is not taken as proven: nothing would tell a plan made here that
 * the remote has dropped the index.
 */
#ifndef PGWIRE_STATS_H
#define PGWIRE_STATS_H

#include "postgres.h"

#include "access/htup.h"
#include "miscadmin.h"
#include "nodes/pathnodes.h"

/* So long may be used what was fetched, after which it is fetched again. */
#define PGWIRE_STATS_SECONDS 600

/* A server that has not answered is not asked again for so long. */
#define PGWIRE_STATS_SILENCE_SECONDS 60

/* So long a server may take to answer, the connection included. */
#define PGWIRE_STATS_WAIT_MS 1000

/* An index of the remote table, on columns that the foreign table has. */
typedef struct pgwire_index
{
	bool		unique;
	int			nkeys;
	AttrNumber *keys;			/* InvalidAttrNumber: none of ours */
} pgwire_index;

/* What the remote knows of a table. Allocated in a memory context of its own. */
typedef struct pgwire_stats
{
	MemoryContext context;
	double		tuples;			/* <0: not known */
	double		pages;
	int			natts;
	int32	   *widths;			/* average, by attno - 1; 0: not known */
	HeapTuple  *columns;		/* as in pg_statistic, by attno - 1; or NULL */
	List	   *indexes;		/* of pgwire_index */
} pgwire_stats;

/*
 * What is known of a relation's table: NULL if nothing. Where it is
 * worth a round trip (see worth_asking in stats.c), the remote is asked, for all
 * tables of the statement that are on the same server. Never raises for what the
 * remote does or does not do. The result is valid until the transaction ends.
 */
extern const pgwire_stats *pgwire_table_stats(PlannerInfo *root, RelOptInfo *baserel,
											  Oid relid);

/* Give what is known to the planner: sizes of the relation and widths of its columns. */
extern void pgwire_apply_stats(RelOptInfo *baserel, const pgwire_stats *stats);

/* The value of a switch among the options of a table or, if it has none, its server. */
extern bool pgwire_is_on(List *table_options, List *server_options, const char *name,
						 bool otherwise);

/* Has the server lately not answered; and that it has not. */
extern bool pgwire_is_silent(Oid serverid, Oid userid);
extern void pgwire_keep_silence(Oid serverid, Oid userid);

/* The user whose rights count for a base relation or a join. */
static inline Oid
pgwire_effective_user(const RelOptInfo *rel)
{
	return OidIsValid(rel->userid) ? rel->userid : GetUserId();
}

/* ---- survey.c ---- */

/* One table of a survey. */
typedef struct pgwire_surveyed
{
	Oid			relid;
	pgwire_stats *stats;		/* found out; NULL: there is no such table */
} pgwire_surveyed;

/*
 * Ask a server about tables (of pgwire_surveyed), in one round trip. Fills stats of each, in
 * children of the current memory context. False: it has not answered.
 */
extern bool pgwire_survey(Oid userid, Oid serverid, List *tables);

/*
 * Ask for one value, within so many milliseconds: NULL if there is none. A server that cannot
 * be reached, or is late, is silent then.
 */
extern char *pgwire_ask_value(Oid userid, Oid serverid, const char *sql, int ms);

#endif
