/*
 * query.h - whole queries: what restore.c, raw.c, items.c, describe.c and query.c
 * share.
 */
#ifndef PGWIRE_QUERY_H
#define PGWIRE_QUERY_H

#include "plan.h"

#include "nodes/parsenodes.h"
#include "nodes/pathnodes.h"

/*
 * A query level as it could be sent: an ordinary Query, as the parser would have
 * made it, but that joins may be JOIN_SEMI and JOIN_ANTI, and that values which
 * this level gets from elsewhere are Params.
 */
typedef struct pgwire_whole
{
	Query	   *query;
	Oid			serverid;		/* of all its tables */
	Oid			userid;			/* whose rights count, as RelOptInfo.userid */
	bool		useridiscurrent;	/* ... and that is so for the current user only */
	bool		takes_init_plans;	/* computes what init plans of the level would */
	List	   *tables;			/* of RangeTblEntry */

	/*
	 * When the level's plan is made of this, it loses its init plans and
	 * PlannerInfos of sub-queries. They are kept here for queries around.
	 */
	List	   *init_plans;
	PlannerInfo **subroots;		/* by rangetable index */
	int			nsubroots;
} pgwire_whole;

/* One query that is being restored; it may nest others. */
typedef struct pgwire_restore
{
	PlannerInfo *root;			/* of the outermost */
	pgwire_whole *result;
	List	   *bindings;		/* of pgwire_binding, innermost last */
	const char *reason;			/* why it cannot be sent; NULL: it can */
	Node	   *culprit;		/* expression that is to blame, or NULL */
	bool		keep_init_plans;	/* their values are computed here */
	bool		writes;			/* the outermost is INSERT, UPDATE or DELETE, */
	List	   *targets;		/* and these TargetEntries are its values */
} pgwire_restore;

/* What a correlated sub-select's parameter stands for. */
typedef struct pgwire_binding
{
	int			paramid;
	Node	   *expr;			/* of a query at this depth */
	int			depth;
} pgwire_binding;

/* A side of an outer join that may be made null. */
typedef struct pgwire_side
{
	Relids		items;
	FromExpr   *from;			/* restored, without conditions */
	List	   *phids;			/* PlaceHolderVars computed there, and their columns */
	List	   *columns;
} pgwire_side;

/* A level that the planner has been through. */
typedef struct pgwire_level
{
	pgwire_restore *restore;
	PlannerInfo *root;
	int			depth;			/* 0: the outermost of the request */
	Relids		items;			/* that FROM names */
	List	   *sides;			/* of pgwire_side, as far as joins are restored */
	List	   *added;			/* RangeTblEntries behind those of the level */
	struct pgwire_level *outer;
} pgwire_level;

/* What a plan pays for having rows brought here. */
typedef struct pgwire_way
{
	double		rows;
	Cost		cost;			/* of that */
	Cost		init_plans;		/* which the planner adds to each path in the end */
} pgwire_way;

/* in query.c */
extern List *pgwire_init_plans(PlannerInfo *root);
extern PlannerInfo *pgwire_subroot(PlannerInfo *root, int rti);
extern bool pgwire_has_ours(PlannerInfo *root);
extern void pgwire_forget_subqueries(PlannerInfo *root, pgwire_whole *whole);
extern void pgwire_forget_init_plans(PlannerInfo *root, pgwire_whole *whole, Node *computed);
extern char *pgwire_table_names(List *tables);

/* in way.c */
extern void pgwire_find_way(PlannerInfo *root, Path *path, pgwire_way *way);

/* in restore.c */
extern Query *pgwire_restore_query(pgwire_restore *restore, PlannerInfo *root,
								   pgwire_level *outer);
extern Node *pgwire_refuse_query(pgwire_restore *restore, Node *culprit, const char *reason);

extern Node *pgwire_restore_expr(Node *node, void *level);
extern RangeTblEntry *pgwire_restore_item(pgwire_level *level, int rti);

/* in sublink.c */
extern Node *pgwire_restore_subplan(pgwire_level *level, SubPlan *subplan);
extern Node *pgwire_restore_param(pgwire_level *level, Param *param);

/* in append.c */
extern Query *pgwire_restore_appendrel(pgwire_level *level, int rti);

/* in raw.c */
extern Query *pgwire_restore_raw(pgwire_level *level, Query *query);

/* in items.c */
extern Bitmapset *pgwire_items_of(Node *node);
extern Bitmapset *pgwire_query_items(Query *query);
extern bool pgwire_has_run_condition(Query *query);
extern void pgwire_check_query(pgwire_restore *restore, Query *query);
extern void pgwire_check_item(pgwire_restore *restore, Query *query, RangeTblEntry *rte,
							  int depth);
extern void pgwire_union_targets(Query *query);


/* in describe.c */
extern void pgwire_describe(pgwire_ir *ir, Query *query, const pgwire_server *server, bool statement);
extern void pgwire_describe_write(pgwire_ir *ir, Query *query, const pgwire_server *server,
								  const pgwire_write *write, bool statement);

#endif
