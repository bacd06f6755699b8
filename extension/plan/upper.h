/*
 * upper.h - what the files about upper relations share: what a query does with
 * the rows that its FROM and WHERE make.
 *
 * SQL has one place for all of it, so whatever is done with the rows of one
 * relation, base or join, is one Query, to which each stage of the planner
 * (grouping, windows, DISTINCT, ORDER BY, LIMIT) adds its clauses.
 */
#ifndef PGWIRE_UPPER_H
#define PGWIRE_UPPER_H

#include "plan.h"

/* What is known of an upper relation beyond pgwire_rel; pgwire_rel.upper. */
typedef struct pgwire_upper
{
	UpperRelationKind stage;
	Query	   *query;			/* what is sent: targetList (result columns are those
								 * not junk, in order) and all clauses behind WHERE.
								 * Nothing else of it is set */
	List	   *targets;		/* TargetEntry: the query level's target list, which
								 * clauses refer to; of a partition, with its columns */
	List	   *quals;			/* conditions that are checked here */
	List	   *unread;			/* expressions of the path's target that nobody reads */
	bool		partial;		/* aggregates are partial ones (partial.c) */
	List	   *columns;		/* if so: the expressions that targets stand for */
	double		rows;			/* that leave the remote, and their width in bytes */
	int			width;
	pgwire_work unsorted;		/* of the remote, before it sorts by sortClause */
} pgwire_upper;

/* A question to Go: may this be computed there? */
typedef struct pgwire_question
{
	uint8		context;		/* PGWIRE_CONTEXT_* */
	Node	   *expr;
	SortGroupClause *key;		/* PGWIRE_CONTEXT_SORT only */
	bool		ships;			/* the answer; true until asked */
} pgwire_question;

/*
 * in upper.c: what the stages share.
 *
 * source_of: the relation whose rows a relation is about, base or join.
 * is_complete: is all that input stands for done by the remote, so that more may be
 * done there with the result? `filtered`: conditions that are checked here do no
 * harm. begin_stage: what is known below, to be added to; finish_stage: it becomes
 * what is known of output, NULL if the whole does not ship. refs_of_target,
 * refs_of_keys: IntLists of ressortgrouprefs. without_values: the keys that are not
 * the same for all rows. width_of: of a row that is sent, in bytes.
 */
extern RelOptInfo *pgwire_source_of(RelOptInfo *input);
extern bool pgwire_is_complete(RelOptInfo *input, bool filtered);
extern pgwire_upper *pgwire_begin_stage(PlannerInfo *root, UpperRelationKind stage,
										RelOptInfo *input);
extern pgwire_rel *pgwire_finish_stage(PlannerInfo *root, RelOptInfo *input,
									   RelOptInfo *output, pgwire_upper *upper);
extern List *pgwire_refs_of_target(PathTarget *target);
extern List *pgwire_refs_of_keys(List *keys);
extern List *pgwire_without_values(const pgwire_upper *upper, List *keys);
extern List *pgwire_unread_columns(PlannerInfo *root, UpperRelationKind stage);
extern int	pgwire_width_of(const pgwire_upper *upper);
extern void pgwire_add_upper_path(PlannerInfo *root, RelOptInfo *output, PathTarget *target,
								  List *pathkeys);

/* in group.c */
extern void pgwire_group_stage(PlannerInfo *root, RelOptInfo *input, RelOptInfo *output,
							   const GroupPathExtraData *extra, bool partial);

/* in stages.c */
extern void pgwire_window_stage(PlannerInfo *root, RelOptInfo *input, RelOptInfo *output);
extern void pgwire_distinct_stage(PlannerInfo *root, RelOptInfo *input, RelOptInfo *output);
extern void pgwire_ordered_stage(PlannerInfo *root, RelOptInfo *input, RelOptInfo *output);
extern void pgwire_final_stage(PlannerInfo *root, RelOptInfo *input, RelOptInfo *output,
							   const FinalPathExtraData *extra);

/* in targets.c */
extern bool pgwire_needs_rows(Node *expr);
extern bool pgwire_is_value(Node *expr);
extern bool pgwire_is_grouped(const Query *query);
extern pgwire_question *pgwire_add_question(List **questions, uint8 context, Node *expr,
											SortGroupClause *key);
extern bool pgwire_ask_questions(PlannerInfo *root, RelOptInfo *input, List *questions);
extern bool pgwire_query_ships(PlannerInfo *root, RelOptInfo *input, List *where,
							   const Query *query);
extern bool pgwire_keys_ship(PlannerInfo *root, RelOptInfo *input, const pgwire_upper *upper,
							 List *keys);
extern bool pgwire_set_targets(PlannerInfo *root, RelOptInfo *input, pgwire_upper *upper,
							   List *exprs, List *refs, List *whole);

/* in partial.c */
extern Expr *pgwire_partial_value(const Aggref *partial);

#endif
