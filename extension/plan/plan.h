/*
 * plan.h - what the files that plan share: what is known of a relation that a
 * remote server could answer, how Go is asked about it, and how the one that is
 * chosen becomes a ForeignScan.
 *
 * While the planner searches, nothing is described twice: each condition is
 * judged once, and a join combines what is known of its sides. Only of the path
 * that is chosen the whole query is described, and its statement asked for.
 */
#ifndef PGWIRE_PLAN_H
#define PGWIRE_PLAN_H

#include "pgwire_fdw.h"

#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"
#include "utils/hsearch.h"

#include "ir.h"
#include "reply.h"

/* What the relations of one server share while one query level is planned. */
typedef struct pgwire_site
{
	Oid			serverid;
	List	   *options;		/* of the server: DefElem */
	pgwire_server server;		/* what Go has to know of it */
	const char *not_whole;		/* why the level does not go there whole; NULL if
								 * that was not found out (query.c) */
	HTAB	   *verdicts;		/* of join conditions, by RestrictInfo (join.c) */
	List	   *sort_verdicts;	/* of what has been asked to be sorted by (order.c) */
} pgwire_site;

typedef enum pgwire_rel_kind
{
	PGWIRE_REL_BASE,			/* a foreign table */
	PGWIRE_REL_JOIN,
	PGWIRE_REL_UPPER,			/* what is done with the rows of `input` (upper.c) */
	PGWIRE_REL_QUERY			/* a query level as a whole (query.c) */
} pgwire_rel_kind;

/*
 * What is known of a relation; RelOptInfo.fdw_private. A path whose fdw_private is
 * not NIL has one of its own as the first member. Plain data in the planner's
 * memory.
 */
typedef struct pgwire_rel
{
	pgwire_rel_kind kind;
	bool		pushed;			/* the remote can answer it, but for local_conds */
	pgwire_site *site;

	/*
	 * RestrictInfos by who checks them. A join's remote_conds are those of its
	 * own level that are checked after it; local_conds are all that is checked
	 * here, of its sides too.
	 */
	List	   *remote_conds;
	List	   *local_conds;
	List	   *gating;			/* of a base relation: the pseudoconstant ones. A Result
								 * above its scan checks them; a join has to */
	Selectivity local_selectivity;	/* of those that are local */
	QualCost	local_cost;		/* of checking them */
	Index		security;		/* lowest security level of a condition below */
	Relids		hidden;			/* inner sides of semi- and anti-joins: their columns
								 * are not known outside of the join */
	pgwire_work work;			/* of the remote, for the relation without parameters or
								 * order (cost.h) */
	bool		ask_remote;		/* use_remote_estimate; of a join: of either side */
	bool		async_capable;	/* the same of that option, where no rows are locked */
	bool		estimated;		/* work is the remote's own estimate */
	bool		analyzed;		/* there are statistics; of a join: of all in it */
	const struct pgwire_stats *stats;	/* of a base relation: the remote's (stats.h), or NULL */
	List	   *refusals;		/* of pgwire_refusal: what was not pushed, and why */

	/* of a base relation */
	List	   *sent_clauses;	/* RestrictInfos of others, judged for look-ups: join
								 * clauses by who would check them */
	List	   *kept_clauses;
	Bitmapset  *attrs;			/* columns to fetch, offset by
								 * FirstLowInvalidHeapAttributeNumber */
	char	   *schema_name;	/* of the remote table; empty: the local one's */
	char	   *table_name;

	/* of a join */
	JoinType	jointype;		/* INNER, LEFT, FULL, SEMI or ANTI */
	RelOptInfo *outer;
	RelOptInfo *inner;
	List	   *joinclauses;	/* RestrictInfos of the join itself */

	/* of an upper relation */
	RelOptInfo *input;			/* base or join */
	void	   *upper;			/* for upper.c, of a whole query for query.c */

	/* options in force; of a join, the larger ones */
	double		startup_cost;
	double		tuple_cost;
	int			fetch_size;
	int64		fetch_memory;	/* bytes */
} pgwire_rel;

/* Why something stays here that might have been sent. */
typedef struct pgwire_refusal
{
	RestrictInfo *rinfo;		/* of the condition; NULL: not about one */
	Node	   *what;			/* expression to blame, String, or NULL */
	Relids		others;			/* relations that could not be joined with, or NULL */
	const char *reason;			/* in words, lower case, no period */
} pgwire_refusal;

/* What makes a query one that writes: ir.h, "write". */
typedef struct pgwire_write
{
	uint8		op;				/* PGWIRE_MODIFY_* */
	Index		relid;			/* rangetable index of the table */
	bool		do_nothing;
	List	   *columns;		/* IntList: attribute numbers for the query's targets */
	List	   *returning;		/* of TargetEntry */
} pgwire_write;

#define PGWIRE_BARRIER_REASON "may see only rows that a security barrier lets through"

/* A ForeignScan to be made: what it needs beside its statement. */
typedef struct pgwire_scan
{
	const pgwire_rel *rel;		/* options and refusals */
	RelOptInfo *parent;			/* of the path */
	Index		relid;			/* 0: the rows are those of scan_tlist */
	List	   *attrs;			/* relid <> 0: attribute number of each result column */
	List	   *scan_tlist;		/* relid 0: TargetEntry, one for each result column */
	List	   *tlist;			/* of the plan */
	List	   *quals;			/* expressions, checked here */
	List	   *kept;			/* RestrictInfos of these, for the refusals */
	List	   *recheck;		/* for EvalPlanQual, relid <> 0 */
	Plan	   *outer_plan;		/* for EvalPlanQual, relid 0 */
	double		rows;			/* that the remote sends, and their width in bytes;
								 * rows < 0: not known */
	int			width;
	const char *relations;		/* for EXPLAIN: SQL-like text in which %n is the
								 * relation of rangetable index n; NULL: none */
} pgwire_scan;

/* in plan.c: questions to Go, and what is known from the answers */
extern void pgwire_begin_request(StringInfo request, uint8 kind);
extern pgwire_reply pgwire_ask(StringInfo request);
extern pgwire_site *pgwire_site_of(PlannerInfo *root, Oid serverid);
extern void pgwire_put_conditions(StringInfo request, pgwire_ir *ir, Relids items,
								  const pgwire_server *server, List *rinfos);
extern bool pgwire_get_verdict(pgwire_reply *reply, const pgwire_ir *ir,
							   Node **blamed, const char **reason);
extern void pgwire_get_verdicts(pgwire_reply *reply, const pgwire_ir *ir, RelOptInfo *baserel,
								List *rinfos, List **sent, List **kept);
extern void pgwire_classify(RelOptInfo *baserel, List *rinfos);
extern bool pgwire_is_remote(RelOptInfo *baserel, RestrictInfo *rinfo);

/* in base.c */
extern void pgwire_add_path(PlannerInfo *root, RelOptInfo *foreignrel, ParamPathInfo *info,
							Cost startup, Cost total, List *pathkeys, Path *epq,
							List *conditions);
extern List *pgwire_fetched_columns(PlannerInfo *root, Index relid, const Bitmapset *fetch,
									List **attnos);
extern double pgwire_retrieved_rows(RelOptInfo *baserel, double rows, Selectivity local);
extern ForeignScan *pgwire_base_plan(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid,
									 ForeignPath *best_path, List *tlist, List *scan_clauses,
									 Plan *outer_plan);

/* in join.c */
extern void pgwire_tell_strangers(PlannerInfo *root, RelOptInfo *foreignrel);
extern ForeignScan *pgwire_join_plan(PlannerInfo *root, RelOptInfo *joinrel,
									 ForeignPath *best_path, List *tlist, Plan *outer_plan);

/* in query.c */
extern ForeignScan *pgwire_query_plan(PlannerInfo *root, RelOptInfo *final_rel,
									  ForeignPath *path, List *tlist);

/*
 * in modify.c: the system column of a target of UPDATE or DELETE in which the remote's
 * tableoid travels, or InvalidAttrNumber.
 */
extern AttrNumber pgwire_tableoid_carrier(PlannerInfo *root, Index relid);

/* in upper.c */
extern ForeignScan *pgwire_upper_plan(PlannerInfo *root, RelOptInfo *upperrel, List *tlist);

/* in bound.c; the path's fdw_private has a pgwire_rel and the LIMIT */
extern void pgwire_add_bounded(PlannerInfo *root, RelOptInfo *baserel);

/*
 * in order.c: orders that the remote can send rows in.
 *
 * add_ordered: paths with those that may be useful, for a relation whose
 * unordered path has been priced; epq: as for a ForeignPath, or NULL.
 * order_by: SortGroupClauses for the pathkeys, whose expressions are looked for in
 * *targets, and added there as junk.
 */
extern void pgwire_add_ordered(PlannerInfo *root, RelOptInfo *foreignrel, Path *epq);
extern List *pgwire_order_by(PlannerInfo *root, RelOptInfo *foreignrel, List *pathkeys,
							 List **targets);
extern bool pgwire_pathkeys_ship(PlannerInfo *root, RelOptInfo *foreignrel, List *pathkeys);

/*
 * in build.c: the query of a relation for Go, and the ForeignScan with its
 * statement.
 *
 * put_query: the whole body. from: a base relation or a join, with all its remote
 * conditions; where: expressions beside them; tail: as for pgwire_ir_tail.
 *
 * put_write: the same of one that writes. get_statement: asks what request says, as
 * make_scan does.
 *
 * make_scan: asks what request says, which ends with a query (its statement is
 * asked for, in ir), and makes the plan node.
 *
 * relations: the text for pgwire_scan.relations. clauses: of RestrictInfos, of
 * whatever kind.
 */
extern void pgwire_put_query(pgwire_ir *ir, PlannerInfo *root, RelOptInfo *from,
							 List *where, const Query *tail);
extern void pgwire_ir_write(pgwire_ir *ir, const pgwire_write *write, int depth);
extern void pgwire_put_write(pgwire_ir *ir, PlannerInfo *root, RelOptInfo *from,
							 List *where, const Query *tail, const pgwire_write *write);
extern List *pgwire_get_statement(StringInfo request, pgwire_ir *ir, const char **sql,
								  bool *locks);
extern void pgwire_begin_statement(StringInfo request, pgwire_ir *ir, PlannerInfo *root,
								   Relids items, const pgwire_server *server);
extern ForeignScan *pgwire_make_scan(PlannerInfo *root, const pgwire_scan *scan,
									 StringInfo request, pgwire_ir *ir);
extern char *pgwire_relations(RelOptInfo *from);
extern List *pgwire_clauses(List *rinfos);

/* in why.c */
extern void pgwire_refuse(pgwire_rel *rel, RestrictInfo *rinfo, Node *what, const char *reason);
extern void pgwire_refuse_join(pgwire_rel *rel, Relids others, const char *reason);
extern List *pgwire_pack_refusals(PlannerInfo *root, RelOptInfo *foreignrel,
								  const pgwire_rel *rel, List *local);
extern List *pgwire_add_refusal(PlannerInfo *root, RelOptInfo *foreignrel, List *packed,
								Node *what, const char *reason);

#endif
