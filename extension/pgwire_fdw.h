/*
 * pgwire_fdw.h - what the C files of this module share.
 */
#ifndef PGWIRE_FDW_H
#define PGWIRE_FDW_H

#include "postgres.h"

#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "nodes/execnodes.h"

#include "compat.h"
#include "error.h"
#include "loader.h"

/* in pgwire_fdw.c */
extern char *pgwire_application_name;

/* in plan/base.c, plan/join.c, plan/build.c */
extern void pgwireGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel,
									Oid foreigntableid);
extern void pgwireGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel,
								  Oid foreigntableid);
extern void pgwireGetForeignJoinPaths(PlannerInfo *root, RelOptInfo *joinrel,
									  RelOptInfo *outerrel, RelOptInfo *innerrel,
									  JoinType jointype, JoinPathExtraData *extra);
extern void pgwireGetForeignJoinPaths(PlannerInfo *root, RelOptInfo *joinrel,
									  RelOptInfo *outerrel, RelOptInfo *innerrel,
									  JoinType jointype, JoinPathExtraData *extra);
extern ForeignScan *pgwireGetForeignPlan(PlannerInfo *root, RelOptInfo *foreignrel,
										 Oid foreigntableid, ForeignPath *best_path,
										 List *tlist, List *scan_clauses,
										 Plan *outer_plan);

/* in stats.c: have the planner's estimators ask us about columns */
extern void pgwire_hook_statistics(void);
/* in query.c */
extern bool pgwire_ship_queries;
extern void pgwire_install_query_hook(void);

/* in upper.c */
extern bool pgwire_ship_upper;
extern void pgwireGetForeignUpperPaths(PlannerInfo *root, UpperRelationKind stage,
									   RelOptInfo *input_rel, RelOptInfo *output_rel,
									   void *extra);

/* in scan.c */
extern void pgwireBeginForeignScan(ForeignScanState *node, int eflags);
extern TupleTableSlot *pgwireIterateForeignScan(ForeignScanState *node);
extern void pgwireReScanForeignScan(ForeignScanState *node);
extern void pgwireEndForeignScan(ForeignScanState *node);
extern void pgwireShutdownForeignScan(ForeignScanState *node);
extern bool pgwireRecheckForeignScan(ForeignScanState *node, TupleTableSlot *slot);

/* in async.c */
extern bool pgwireIsForeignPathAsyncCapable(ForeignPath *path);
extern void pgwireForeignAsyncRequest(AsyncRequest *areq);
extern void pgwireForeignAsyncConfigureWait(AsyncRequest *areq);
extern void pgwireForeignAsyncNotify(AsyncRequest *areq);

/* in plan/modify.c */
extern void pgwireAddForeignUpdateTargets(PlannerInfo *root, Index rtindex,
										  RangeTblEntry *target_rte, Relation target_relation);
extern List *pgwirePlanForeignModify(PlannerInfo *root, ModifyTable *plan,
									 Index resultRelation, int subplan_index);
extern int	pgwireIsForeignRelUpdatable(Relation rel);

/* in exec/modify.c */
extern void pgwireBeginForeignModify(ModifyTableState *mtstate, ResultRelInfo *rinfo,
									 List *fdw_private, int subplan_index, int eflags);
extern TupleTableSlot *pgwireExecForeignInsert(EState *estate, ResultRelInfo *rinfo,
											   TupleTableSlot *slot, TupleTableSlot *planSlot);
extern TupleTableSlot **pgwireExecForeignBatchInsert(EState *estate, ResultRelInfo *rinfo,
													 TupleTableSlot **slots,
													 TupleTableSlot **planSlots, int *numSlots);
extern int	pgwireGetForeignModifyBatchSize(ResultRelInfo *rinfo);
extern TupleTableSlot *pgwireExecForeignUpdate(EState *estate, ResultRelInfo *rinfo,
											   TupleTableSlot *slot, TupleTableSlot *planSlot);
extern TupleTableSlot *pgwireExecForeignDelete(EState *estate, ResultRelInfo *rinfo,
											   TupleTableSlot *slot, TupleTableSlot *planSlot);
extern void pgwireEndForeignModify(EState *estate, ResultRelInfo *rinfo);
extern void pgwireBeginForeignInsert(ModifyTableState *mtstate, ResultRelInfo *rinfo);
extern void pgwireEndForeignInsert(EState *estate, ResultRelInfo *rinfo);
extern void pgwireExplainForeignModify(ModifyTableState *mtstate, ResultRelInfo *rinfo,
									   List *fdw_private, int subplan_index,
									   struct ExplainState *es);

/* in truncate.c */
extern void pgwireExecForeignTruncate(List *rels, DropBehavior behavior, bool restart_seqs);

/* in plan/direct.c, exec/direct.c */
extern bool pgwirePlanDirectModify(PlannerInfo *root, ModifyTable *plan,
								   Index resultRelation, int subplan_index);
extern void pgwireBeginDirectModify(ForeignScanState *node, int eflags);
extern TupleTableSlot *pgwireIterateDirectModify(ForeignScanState *node);
extern void pgwireEndDirectModify(ForeignScanState *node);
extern void pgwireExplainDirectModify(ForeignScanState *node, struct ExplainState *es);

/* in explain.c */
extern void pgwireExplainForeignScan(ForeignScanState *node, struct ExplainState *es);

/* in analyze.c */
extern bool pgwireAnalyzeForeignTable(Relation relation, AcquireSampleRowsFunc *func,
									  BlockNumber *totalpages);

/* in import.c */
extern List *pgwireImportForeignSchema(ImportForeignSchemaStmt *stmt, Oid serverid);

/* in option.c */
extern void pgwire_collect_options(ForeignServer *server, UserMapping *mapping,
								   ForeignTable *table, StringInfo out);

#endif
