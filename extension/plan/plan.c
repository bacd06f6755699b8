/*
 * plan.c - planning of scans: the size of a foreign relation, and the plan with
 * the statement for the remote server. (The paths between are in paths.c.)
 *
 * This file collects what the planner knows, hands it to Go and puts the answer
 * into the planner's structures. What may be sent, what it costs and how it is
 * written is decided in handler/plan.go. Constants are printed for the
 * statement, and only those of clauses that are sent.
 */
#include "postgres.h"

#include "plan.h"

#include <limits.h>

#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/planmain.h"
#include "optimizer/prep.h"
#include "optimizer/restrictinfo.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "option.h"
#include "private.h"

/* ---- requests ---- */

/*
 * One crossing. The reply is copied: between its parts the planner may run
 * estimators, and they functions that come here again.
 */
pgwire_reply
pgwire_ask(StringInfo request)
{
	pgwire_error err = {0};
	pgwire_bytes question = {(uint8_t *) request->data, request->len};
	pgwire_bytes answer = {0};
	pgwire_reply reply;

	PGWIRE_CALL(err, pgwire_go_plan, &question, &answer);
	reply.data = memcpy(palloc(Max(answer.len, 1)), answer.data, answer.len);
	reply.left = answer.len;
	return reply;
}

void
pgwire_begin_request(StringInfo request, uint8 kind)
{
	initStringInfo(request);
	pgwire_put_u32(request, PGWIRE_IR_VERSION);
	pgwire_put_u8(request, kind);
}

/* ---- who checks which condition ---- */

static void
put_clauses(StringInfo request, pgwire_ir *ir, RelOptInfo *baserel, List *rinfos)
{
	pgwire_rel *rel = baserel->fdw_private;
	ListCell   *lc;

	pgwire_ir_begin(ir, NULL, baserel->relids, rel->extensions, false);
	foreach(lc, rinfos)
		pgwire_ir_clause(ir, PGWIRE_CONTEXT_WHERE, lfirst_node(RestrictInfo, lc)->clause);
	pgwire_ir_finish_clauses(ir, request);
}

/*
 * Take the answer: for each clause whether the remote may check it, or why not.
 *
 * A condition from above a security barrier (a view's, or a row security
 * policy's) must not see rows that the barrier hides, and the remote checks
 * conditions in an order of its own: unless leakproof, it stays here.
 */
static void
get_verdicts(pgwire_reply *reply, const pgwire_ir *ir, RelOptInfo *baserel, List *rinfos)
{
	pgwire_rel *rel = baserel->fdw_private;
	uint32		n = pgwire_get_u32(reply);
	ListCell   *lc;

	Assert(n == (uint32) list_length(rinfos));
	foreach(lc, rinfos)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		bool		ships = n-- > 0 && pgwire_get_u8(reply) != 0;

		if (!ships)
		{
			uint32		number = pgwire_get_u32(reply);

			pgwire_refuse(rel, rinfo, pgwire_ir_node(ir, number), pgwire_get_string(reply));
		}
		else if (!restriction_is_securely_promotable(rinfo, baserel))
		{
			ships = false;
			pgwire_refuse(rel, rinfo, (Node *) rinfo->clause,
						  "may see only rows that a security barrier lets through");
		}
		if (ships)
			rel->remote_conds = lappend(rel->remote_conds, rinfo);
		else
			rel->local_conds = lappend(rel->local_conds, rinfo);
	}
}

/* Was it found that the remote may check this condition? */
bool
pgwire_is_remote(RelOptInfo *baserel, RestrictInfo *rinfo)
{
	pgwire_rel *rel = baserel->fdw_private;

	return list_member_ptr(rel->remote_conds, rinfo);
}

/* Ask which of these may be checked by the remote, as far as it is not known. */
void
pgwire_classify(RelOptInfo *baserel, List *rinfos)
{
	pgwire_rel *rel = baserel->fdw_private;
	List	   *unknown = NIL;
	StringInfoData request;
	pgwire_reply reply;
	pgwire_ir	ir;
	ListCell   *lc;

	foreach(lc, rinfos)
		if (!list_member_ptr(rel->remote_conds, lfirst(lc)) &&
			!list_member_ptr(rel->local_conds, lfirst(lc)))
			unknown = list_append_unique_ptr(unknown, lfirst(lc));
	if (unknown == NIL)
		return;
	pgwire_begin_request(&request, PGWIRE_REQ_CLASSIFY);
	put_clauses(&request, &ir, baserel, unknown);
	reply = pgwire_ask(&request);
	get_verdicts(&reply, &ir, baserel, unknown);
	pfree(request.data);
}

/* ---- GetForeignRelSize ---- */

/*
 * Ask about the relation: its options, and the conditions of baserestrictinfo.
 * Pseudoconstant ones go to neither side: a Result node above the scan checks
 * them.
 */
static void
ask_relation(RelOptInfo *baserel, Oid foreigntableid)
{
	pgwire_rel *rel = baserel->fdw_private;
	ForeignTable *table = GetForeignTable(foreigntableid);
	ForeignServer *server = GetForeignServer(table->serverid);
	List	   *rinfos = NIL;
	StringInfoData request;
	pgwire_reply reply;
	pgwire_ir	ir;
	ListCell   *lc;

	foreach(lc, server->options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, "extensions") == 0)
			rel->extensions = pgwire_extension_oids(defGetString(def), false);
	}
	foreach(lc, baserel->baserestrictinfo)
		if (!lfirst_node(RestrictInfo, lc)->pseudoconstant)
			rinfos = lappend(rinfos, lfirst(lc));

	pgwire_begin_request(&request, PGWIRE_REQ_RELATION);
	pgwire_put_u32(&request, PGWIRE_SERVER_MAJOR);
	pgwire_put_options(&request, server->options);
	pgwire_put_options(&request, table->options);
	put_clauses(&request, &ir, baserel, rinfos);
	reply = pgwire_ask(&request);
	rel->schema_name = pgwire_get_string(&reply);
	rel->table_name = pgwire_get_string(&reply);
	rel->startup_cost = pgwire_get_f64(&reply);
	rel->tuple_cost = pgwire_get_f64(&reply);
	rel->fetch_size = pgwire_get_u32(&reply);
	rel->fetch_memory = pgwire_get_i64(&reply);
	get_verdicts(&reply, &ir, baserel, rinfos);
	pfree(request.data);
}

void
pgwireGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	pgwire_rel *rel = palloc0(sizeof(pgwire_rel));
	ListCell   *lc;

	baserel->fdw_private = rel;
	ask_relation(baserel, foreigntableid);

	pull_varattnos((Node *) baserel->reltarget->exprs, baserel->relid, &rel->attrs);
	foreach(lc, rel->local_conds)
		pull_varattnos((Node *) lfirst_node(RestrictInfo, lc)->clause,
					   baserel->relid, &rel->attrs);
	rel->local_selectivity = clauselist_selectivity(root, rel->local_conds,
													baserel->relid, JOIN_INNER, NULL);
	cost_qual_eval(&rel->local_cost, rel->local_conds, root);

	/* reltuples is -1 until ANALYZE: assume a small table, as core does */
	rel->analyzed = baserel->tuples >= 0;
	if (!rel->analyzed)
	{
		baserel->pages = 10;
		baserel->tuples = (10 * BLCKSZ) /
			(baserel->reltarget->width + MAXALIGN(SizeofHeapTupleHeader));
	}
	set_baserel_size_estimates(root, baserel);
}

/* Rows that the remote sends when the path answers rows. */
double
pgwire_retrieved_rows(RelOptInfo *baserel, double rows, Selectivity local)
{
	return Min(clamp_row_est(rows / Max(local, 1e-9)), Max(baserel->tuples, 1.0));
}

/* ---- GetForeignPlan ---- */

static void
put_lock(StringInfo buf, PlannerInfo *root, Index relid)
{
	PlanRowMark *mark = get_plan_rowmark(root->rowMarks, relid);
	uint8		lock = PGWIRE_LOCK_NONE;
	uint8		wait = LockWaitBlock;

	if (bms_is_member(relid, root->all_result_relids))
		lock = PGWIRE_LOCK_UPDATE;
	else if (mark != NULL)
	{
		wait = mark->waitPolicy;
		switch (mark->strength)
		{
			case LCS_NONE:
				break;
			case LCS_FORKEYSHARE:
			case LCS_FORSHARE:
				lock = PGWIRE_LOCK_SHARE;
				break;
			case LCS_FORNOKEYUPDATE:
			case LCS_FORUPDATE:
				lock = PGWIRE_LOCK_UPDATE;
				break;
		}
	}
	pgwire_put_u32(buf, lock != PGWIRE_LOCK_NONE);	/* how many there are */
	if (lock == PGWIRE_LOCK_NONE)
		return;
	pgwire_put_u32(buf, relid);
	pgwire_put_u8(buf, lock);
	pgwire_put_u8(buf, wait);
}

static bool
has_attr(const Bitmapset *attrs, int attno)
{
	return bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, attrs);
}

static List *
add_column(List *targets, Index relid, int attno, Oid type, int32 typmod, Oid collation)
{
	Var		   *var = makeVar(relid, attno, type, typmod, collation, 0);

	return lappend(targets, makeTargetEntry((Expr *) var, list_length(targets) + 1, NULL, false));
}

/*
 * The columns to fetch as a target list: those of the table in their order, then
 * ctid. *attnos gets their numbers.
 */
static List *
fetched_columns(Relation relation, Index relid, const Bitmapset *fetch, List **attnos)
{
	TupleDesc	desc = RelationGetDescr(relation);
	bool		whole_row = has_attr(fetch, InvalidAttrNumber);
	List	   *targets = NIL;

	*attnos = NIL;
	for (int attno = 1; attno <= desc->natts; attno++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, attno - 1);

		if (attr->attisdropped || !(whole_row || has_attr(fetch, attno)))
			continue;
		targets = add_column(targets, relid, attno, attr->atttypid, attr->atttypmod,
							 attr->attcollation);
		*attnos = lappend_int(*attnos, attno);
	}
	if (has_attr(fetch, SelfItemPointerAttributeNumber))
	{
		targets = add_column(targets, relid, SelfItemPointerAttributeNumber, TIDOID, -1,
							 InvalidOid);
		*attnos = lappend_int(*attnos, SelfItemPointerAttributeNumber);
	}
	return targets;
}

/* The table as the one item of the query. */
static void
put_table(pgwire_ir *ir, const pgwire_rel *rel, Relation relation, Index relid)
{
	const char *schema = rel->schema_name;
	const char *table = rel->table_name;

	if (schema[0] == '\0')
		schema = get_namespace_name(RelationGetNamespace(relation));
	if (table[0] == '\0')
		table = RelationGetRelationName(relation);
	pgwire_put_u32(&ir->clauses, 1);
	pgwire_ir_table_item(ir, relid, schema ? schema : "", table);
	pgwire_put_u8(&ir->clauses, true);
	pgwire_put_u8(&ir->clauses, PGWIRE_FROM_ITEM);
	pgwire_put_u32(&ir->clauses, relid);
}

/*
 * Ask for the statement that checks the conditions `remote`; those of `local`
 * are checked here, and need their columns.
 */
static pgwire_reply
ask_statement(pgwire_ir *ir, PlannerInfo *root, RelOptInfo *baserel,
			  Oid foreigntableid, List *remote, List *local, List **attnos)
{
	pgwire_rel *rel = baserel->fdw_private;
	Relation	relation = table_open(foreigntableid, NoLock);
	Query	   *query = makeNode(Query);
	Bitmapset  *fetch = bms_copy(rel->attrs);
	StringInfoData request;
	pgwire_reply reply;

	pull_varattnos((Node *) local, baserel->relid, &fetch);
	query->targetList = fetched_columns(relation, baserel->relid, fetch, attnos);
	pgwire_begin_request(&request, PGWIRE_REQ_QUERY);
	pgwire_put_u8(&request, true);
	pgwire_ir_begin(ir, root, baserel->relids, rel->extensions, true);
	pgwire_put_u32(&ir->clauses, 0);	/* no CTEs */
	put_table(ir, rel, relation, baserel->relid);
	pgwire_ir_exprs(ir, remote, 0);
	pgwire_ir_tail(ir, query, 0);
	pgwire_put_u8(&ir->clauses, false); /* no set operation */
	put_lock(&ir->clauses, root, baserel->relid);
	pgwire_ir_finish_query(ir, &request);
	table_close(relation, NoLock);
	reply = pgwire_ask(&request);
	pfree(request.data);
	return reply;
}

/* The planner's guess of the result's size, for the choice of buffers. */
static int
expected_kb(RelOptInfo *baserel, double rows)
{
	pgwire_rel *rel = baserel->fdw_private;
	double		retrieved = pgwire_retrieved_rows(baserel, rows, rel->local_selectivity);
	double		kb = retrieved * baserel->reltarget->width / 1024;

	/*
	 * Without statistics the size of the table is a pretence, but a condition
	 * as selective as equality makes a small result of a large table too.
	 */
	if (!rel->analyzed && retrieved > 0.01 * baserel->tuples)
		return -1;
	return (int) Min(kb, (double) INT_MAX);
}

/* Take the statement and its parameters out of the reply. */
static List *
get_statement(pgwire_reply *reply, const pgwire_ir *ir,
			  pgwire_scan_private *scan, List **params)
{
	uint32		n;

	scan->sql = pgwire_get_string(reply);
	*params = NIL;
	n = pgwire_get_u32(reply);
	for (uint32 i = 0; i < n; i++)
		*params = lappend(*params, pgwire_ir_node(ir, pgwire_get_u32(reply)));
	scan->flags = pgwire_get_u8(reply) ? PGWIRE_SCAN_F_LOCKS_ROWS : 0;
	return pgwire_pack_scan(scan);
}

ForeignScan *
pgwireGetForeignPlan(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid,
					 ForeignPath *best_path, List *tlist, List *scan_clauses,
					 Plan *outer_plan)
{
	pgwire_rel *rel = baserel->fdw_private;
	pgwire_scan_private scan = {0};
	List	   *rinfos = NIL;
	List	   *remote = NIL;
	List	   *local = NIL;
	List	   *kept = NIL;
	List	   *params;
	List	   *private;
	pgwire_ir	ir;
	pgwire_reply reply;
	ListCell   *lc;

	foreach(lc, scan_clauses)
		if (!lfirst_node(RestrictInfo, lc)->pseudoconstant)
			rinfos = lappend(rinfos, lfirst(lc));
	/* a path that was made for another parent has clauses of its own */
	pgwire_classify(baserel, rinfos);
	foreach(lc, rinfos)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if (pgwire_is_remote(baserel, rinfo))
			remote = lappend(remote, rinfo->clause);
		else
		{
			local = lappend(local, rinfo->clause);
			kept = lappend(kept, rinfo);
		}
	}
	reply = ask_statement(&ir, root, baserel, foreigntableid, remote, local, &scan.attrs);

	scan.fetch_memory_kb = (int) (rel->fetch_memory / 1024);
	scan.fetch_size = rel->fetch_size;
	scan.expected_kb = expected_kb(baserel, best_path->path.rows);
	scan.refusals = pgwire_pack_refusals(root, baserel, rel->refusals, kept);
	private = get_statement(&reply, &ir, &scan, &params);
	return make_foreignscan(tlist, local, baserel->relid, params, private,
							NIL,	/* no fdw_scan_tlist: rows of the table */
							remote, /* to recheck under EvalPlanQual */
							outer_plan);
}
