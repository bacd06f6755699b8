/*
 * plan.c - planning of scans: the size of a foreign relation, its paths, and
 * the plan with the statement for the remote server.
 *
 * This file collects what the planner knows, hands it to Go (one crossing for
 * a callback, three where join clauses are considered) and puts the answer
 * into the planner's structures. What may be sent, what it costs and how it is
 * written is decided in handler/plan.go.
 */
#include "postgres.h"

#include "pgwire_fdw.h"

#include <limits.h>

#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/prep.h"
#include "optimizer/restrictinfo.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "ir.h"
#include "option.h"
#include "private.h"
#include "reply.h"

/*
 * What is known of a base relation while it is planned; RelOptInfo.fdw_private.
 * Plain data in the planner's memory.
 */
typedef struct pgwire_rel
{
	ForeignTable *table;
	ForeignServer *server;
	StringInfoData server_options;	/* name NUL value NUL ... */
	StringInfoData table_options;
	List	   *extensions;		/* OIDs */

	List	   *remote_conds;	/* RestrictInfos of baserestrictinfo */
	List	   *local_conds;
	Bitmapset  *attrs;			/* columns that have to be fetched, offset by
								 * FirstLowInvalidHeapAttributeNumber */
	Selectivity local_selectivity;	/* of local_conds */

	bool		analyzed;		/* there are statistics */
	double		startup_cost;	/* options, in force for this table */
	double		tuple_cost;
	int			fetch_size;
	int64		fetch_memory;	/* bytes */
} pgwire_rel;

/* ---- requests ---- */

/*
 * One crossing. The reply is copied: between its parts the planner may run
 * estimators, and they functions that come here again.
 */
static pgwire_reply
ask(StringInfo request)
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

static void
begin_request(StringInfo request, uint8 kind)
{
	initStringInfo(request);
	pgwire_put_u32(request, PGWIRE_IR_VERSION);
	pgwire_put_u8(request, kind);
}

static void
put_block(StringInfo request, StringInfo block)
{
	pgwire_put_u32(request, block->len);
	appendBinaryStringInfo(request, block->data, block->len);
}

static void
put_options(StringInfo request, pgwire_rel *rel)
{
	pgwire_put_u32(request, PGWIRE_SERVER_MAJOR);
	put_block(request, &rel->server_options);
	put_block(request, &rel->table_options);
}

/*
 * Which of these RestrictInfos may be checked by the remote server? The answer
 * is a palloc'ed array of as many; the options in force are read on the way.
 *
 * A condition from above a security barrier (a view's, or a row security
 * policy's) must not see rows that the barrier hides, and the remote checks
 * conditions in an order of its own: unless leakproof, it stays here.
 */
static bool *
classify(RelOptInfo *baserel, List *rinfos)
{
	pgwire_rel *rel = baserel->fdw_private;
	StringInfoData request;
	pgwire_ir	ir;
	pgwire_reply reply;
	bool	   *ship = palloc0(sizeof(bool) * Max(1, list_length(rinfos)));
	uint32		n;
	ListCell   *lc;

	begin_request(&request, PGWIRE_REQ_CLASSIFY);
	put_options(&request, rel);
	pgwire_ir_begin(&ir, baserel->relid, rel->extensions, false);
	foreach(lc, rinfos)
		pgwire_ir_clause(&ir, PGWIRE_CLAUSE_ANY, lfirst_node(RestrictInfo, lc)->clause);
	pgwire_ir_finish(&ir, &request);

	reply = ask(&request);
	rel->startup_cost = pgwire_get_f64(&reply);
	rel->tuple_cost = pgwire_get_f64(&reply);
	rel->fetch_size = pgwire_get_u32(&reply);
	rel->fetch_memory = pgwire_get_i64(&reply);
	n = pgwire_get_u32(&reply);
	for (uint32 i = 0; i < n && i < (uint32) list_length(rinfos); i++)
		ship[i] = pgwire_get_u8(&reply) != 0 &&
			restriction_is_securely_promotable(list_nth(rinfos, i), baserel);
	pfree(request.data);
	return ship;
}

/* ---- GetForeignRelSize ---- */

static void
read_options(pgwire_rel *rel, Oid foreigntableid)
{
	ListCell   *lc;

	rel->table = GetForeignTable(foreigntableid);
	rel->server = GetForeignServer(rel->table->serverid);
	initStringInfo(&rel->server_options);
	initStringInfo(&rel->table_options);
	pgwire_append_options(rel->server->options, &rel->server_options);
	pgwire_append_options(rel->table->options, &rel->table_options);
	foreach(lc, rel->server->options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, "extensions") == 0)
			rel->extensions = pgwire_extension_oids(defGetString(def), false);
	}
}

/*
 * Share out baserestrictinfo. Pseudoconstant conditions go to neither side:
 * a Result node above the scan checks them.
 */
static void
share_out_conditions(pgwire_rel *rel, RelOptInfo *baserel)
{
	List	   *rinfos = NIL;
	bool	   *ship;
	ListCell   *lc;

	foreach(lc, baserel->baserestrictinfo)
		if (!lfirst_node(RestrictInfo, lc)->pseudoconstant)
			rinfos = lappend(rinfos, lfirst(lc));
	ship = classify(baserel, rinfos);
	foreach(lc, rinfos)
	{
		if (ship[foreach_current_index(lc)])
			rel->remote_conds = lappend(rel->remote_conds, lfirst(lc));
		else
			rel->local_conds = lappend(rel->local_conds, lfirst(lc));
	}
	pfree(ship);
}

void
pgwireGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	pgwire_rel *rel = palloc0(sizeof(pgwire_rel));
	ListCell   *lc;

	baserel->fdw_private = rel;
	read_options(rel, foreigntableid);
	share_out_conditions(rel, baserel);

	pull_varattnos((Node *) baserel->reltarget->exprs, baserel->relid, &rel->attrs);
	foreach(lc, rel->local_conds)
		pull_varattnos((Node *) lfirst_node(RestrictInfo, lc)->clause,
					   baserel->relid, &rel->attrs);
	rel->local_selectivity = clauselist_selectivity(root, rel->local_conds,
													baserel->relid, JOIN_INNER, NULL);

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

/* ---- GetForeignPaths ---- */

/* Finds members of an equivalence class that are columns of the relation. */
typedef struct member_search
{
	Expr	   *current;		/* the one this round is about */
	List	   *used;			/* those of earlier rounds */
} member_search;

static bool
member_matches(PlannerInfo *root, RelOptInfo *rel, EquivalenceClass *ec,
			   EquivalenceMember *em, void *arg)
{
	member_search *search = (member_search *) arg;
	Expr	   *expr = em->em_expr;

	if (search->current != NULL)
		return equal(expr, search->current);
	if (list_member(search->used, expr))
		return false;
	search->current = expr;
	return true;
}

/* The join clauses by which rows of the relation could be looked up. */
static List *
movable_clauses(PlannerInfo *root, RelOptInfo *baserel)
{
	List	   *clauses = NIL;
	member_search search = {0};
	ListCell   *lc;

	foreach(lc, baserel->joininfo)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if (join_clause_is_movable_to(rinfo, baserel))
			clauses = lappend(clauses, rinfo);
	}
	while (baserel->has_eclass_joins)
	{
		List	   *implied;

		search.current = NULL;
		implied = generate_implied_equalities_for_column(root, baserel, member_matches,
														 &search,
														 baserel->lateral_referencers);
		if (search.current == NULL)
			break;
		foreach(lc, implied)
		{
			RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

			if (join_clause_is_movable_to(rinfo, baserel))
				clauses = lappend(clauses, rinfo);
		}
		search.used = lappend(search.used, search.current);
	}
	return clauses;
}

/*
 * The sets of relations whose rows, taken one by one, let the remote server
 * check a join clause. Unlike postgres_fdw we consider them without remote
 * estimates too.
 */
static List *
parameterizations(PlannerInfo *root, RelOptInfo *baserel)
{
	List	   *clauses = movable_clauses(root, baserel);
	List	   *infos = NIL;
	bool	   *ship;
	ListCell   *lc;

	if (clauses == NIL)
		return NIL;
	ship = classify(baserel, clauses);
	foreach(lc, clauses)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		Relids		outer;

		if (!ship[foreach_current_index(lc)])
			continue;
		outer = bms_union(rinfo->clause_relids, baserel->lateral_relids);
		outer = bms_del_member(outer, baserel->relid);
		if (!bms_is_empty(outer))
			infos = list_append_unique_ptr(infos,
										   get_baserel_parampathinfo(root, baserel, outer));
	}
	pfree(ship);
	return infos;
}

/* Rows that the remote sends when the path answers rows. */
static double
retrieved_rows(RelOptInfo *baserel, double rows, Selectivity local)
{
	return Min(clamp_row_est(rows / Max(local, 1e-9)), Max(baserel->tuples, 1.0));
}

static void
put_path(StringInfo request, bool parameterized, double rows, double retrieved,
		 const QualCost *join)
{
	pgwire_put_u8(request, parameterized);
	pgwire_put_f64(request, rows);
	pgwire_put_f64(request, retrieved);
	pgwire_put_f64(request, join->startup);
	pgwire_put_f64(request, join->per_tuple);
}

/* Describe the parameterized paths, each with what of its clauses stays here. */
static void
put_parameterized(StringInfo request, PlannerInfo *root, RelOptInfo *baserel, List *infos)
{
	pgwire_rel *rel = baserel->fdw_private;
	List	   *clauses = NIL;
	bool	   *ship;
	int			i = 0;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, infos)
		clauses = list_concat(clauses, ((ParamPathInfo *) lfirst(lc))->ppi_clauses);
	ship = classify(baserel, clauses);
	foreach(lc, infos)
	{
		ParamPathInfo *info = lfirst(lc);
		List	   *local = NIL;
		QualCost	join;
		Selectivity selectivity;

		foreach(lc2, info->ppi_clauses)
			if (!ship[i++])
				local = lappend(local, lfirst(lc2));
		selectivity = rel->local_selectivity *
			clauselist_selectivity(root, local, baserel->relid, JOIN_INNER, NULL);
		cost_qual_eval(&join, info->ppi_clauses, root);
		put_path(request, true, info->ppi_rows,
				 retrieved_rows(baserel, info->ppi_rows, selectivity), &join);
	}
	pfree(ship);
}

void
pgwireGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	pgwire_rel *rel = baserel->fdw_private;
	List	   *infos = parameterizations(root, baserel);
	QualCost	none = {0};
	StringInfoData request;
	pgwire_reply reply;
	uint32		n;

	begin_request(&request, PGWIRE_REQ_COST);
	pgwire_put_f64(&request, rel->startup_cost);
	pgwire_put_f64(&request, rel->tuple_cost);
	pgwire_put_f64(&request, cpu_tuple_cost);
	pgwire_put_f64(&request, cpu_operator_cost);
	pgwire_put_f64(&request, seq_page_cost);
	pgwire_put_f64(&request, random_page_cost);
	pgwire_put_f64(&request, baserel->pages);
	pgwire_put_f64(&request, baserel->tuples);
	pgwire_put_f64(&request, baserel->baserestrictcost.startup);
	pgwire_put_f64(&request, baserel->baserestrictcost.per_tuple);
	pgwire_put_u32(&request, 1 + list_length(infos));
	put_path(&request, false, baserel->rows,
			 retrieved_rows(baserel, baserel->rows, rel->local_selectivity), &none);
	if (infos != NIL)
		put_parameterized(&request, root, baserel, infos);

	reply = ask(&request);
	n = pgwire_get_u32(&reply);
	for (uint32 i = 0; i < n && i <= (uint32) list_length(infos); i++)
	{
		ParamPathInfo *info = i == 0 ? NULL : list_nth(infos, i - 1);
		Cost		startup = pgwire_get_f64(&reply);
		Cost		total = pgwire_get_f64(&reply);

		add_path(baserel, (Path *)
				 pgwire_create_foreignscan_path(root, baserel,
												info ? info->ppi_rows : baserel->rows,
												startup, total,
												info ? info->ppi_req_outer :
												baserel->lateral_relids));
	}
	pfree(request.data);
}

/* ---- GetForeignPlan ---- */

/*
 * How the statement locks the rows it reads. SELECT FOR UPDATE and the like
 * lock when the row is fetched; of the strengths, the two that every remote
 * understands are asked for.
 */
static void
put_lock(StringInfo request, PlannerInfo *root, Index relid)
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
	pgwire_put_u8(request, lock);
	pgwire_put_u8(request, wait);
}

static bool
has_attr(const Bitmapset *attrs, int attno)
{
	return bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, attrs);
}

/* The columns to fetch, and those that only conditions name. */
static void
put_columns(StringInfo request, Relation relation,
			const Bitmapset *fetch, const Bitmapset *named)
{
	TupleDesc	desc = RelationGetDescr(relation);
	bool		whole_row = has_attr(fetch, InvalidAttrNumber);
	int			count_at = request->len;
	uint32		count = 0;
	StringInfoData options;

	pgwire_put_u32(request, 0);
	initStringInfo(&options);
	if (has_attr(fetch, SelfItemPointerAttributeNumber))
	{
		pgwire_put_i32(request, SelfItemPointerAttributeNumber);
		pgwire_put_u8(request, true);
		pgwire_put_string(request, "ctid");
		put_block(request, &options);
		count++;
	}
	for (int attno = 1; attno <= desc->natts; attno++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, attno - 1);
		bool		fetched = whole_row || has_attr(fetch, attno);

		if (attr->attisdropped || !(fetched || has_attr(named, attno)))
			continue;
		resetStringInfo(&options);
		pgwire_append_options(GetForeignColumnOptions(RelationGetRelid(relation), attno),
							  &options);
		pgwire_put_i32(request, attno);
		pgwire_put_u8(request, fetched);
		pgwire_put_string(request, NameStr(attr->attname));
		put_block(request, &options);
		count++;
	}
	memcpy(request->data + count_at, &count, sizeof(count));
	pfree(options.data);
}

/*
 * Ask for the statement. Conditions that were found to be shippable when the
 * relation's size was asked for must be so still, as their columns are not
 * fetched; join clauses come in here for the first time.
 */
static pgwire_reply
ask_statement(StringInfo request, pgwire_ir *ir, PlannerInfo *root,
			  RelOptInfo *baserel, Oid foreigntableid, List *rinfos)
{
	pgwire_rel *rel = baserel->fdw_private;
	Relation	relation = table_open(foreigntableid, NoLock);
	Bitmapset  *fetch = bms_copy(rel->attrs);
	Bitmapset  *named = NULL;
	char	   *schema = get_namespace_name(RelationGetNamespace(relation));
	ListCell   *lc;

	pgwire_ir_begin(ir, baserel->relid, rel->extensions, true);
	foreach(lc, rinfos)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		bool		must = list_member_ptr(rel->remote_conds, rinfo);

		pgwire_ir_clause(ir, must ? PGWIRE_CLAUSE_MUST : PGWIRE_CLAUSE_ANY, rinfo->clause);
		pull_varattnos((Node *) rinfo->clause, baserel->relid, must ? &named : &fetch);
	}
	begin_request(request, PGWIRE_REQ_SELECT);
	put_options(request, rel);
	pgwire_put_string(request, schema ? schema : "");
	pgwire_put_string(request, RelationGetRelationName(relation));
	put_lock(request, root, baserel->relid);
	put_columns(request, relation, fetch, named);
	pgwire_ir_finish(ir, request);
	table_close(relation, NoLock);
	return ask(request);
}

/* The planner's guess of the result's size, for the choice of buffers. */
static int
expected_kb(RelOptInfo *baserel, double rows)
{
	pgwire_rel *rel = baserel->fdw_private;
	double		retrieved = retrieved_rows(baserel, rows, rel->local_selectivity);
	double		kb = retrieved * baserel->reltarget->width / 1024;

	/*
	 * Without statistics the size of the table is a pretence, but a condition
	 * as selective as equality makes a small result of a large table too.
	 */
	if (!rel->analyzed && retrieved > 0.01 * baserel->tuples)
		return -1;
	return (int) Min(kb, (double) INT_MAX);
}

/* Take the statement, its parameters and columns out of the reply. */
static List *
get_statement(pgwire_reply *reply, const pgwire_ir *ir,
			  pgwire_scan_private *scan, List **params)
{
	uint32		len = pgwire_get_u32(reply);
	char	   *sql = palloc(len);
	uint32		n;

	pgwire_get_bytes(reply, sql, len);
	scan->sql = sql;
	*params = NIL;
	n = pgwire_get_u32(reply);
	for (uint32 i = 0; i < n; i++)
		*params = lappend(*params, pgwire_ir_node(ir, pgwire_get_u32(reply)));
	scan->attrs = NIL;
	n = pgwire_get_u32(reply);
	for (uint32 i = 0; i < n; i++)
		scan->attrs = lappend_int(scan->attrs, (int32) pgwire_get_u32(reply));
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
	List	   *barred = NIL;
	List	   *params;
	List	   *private;
	StringInfoData request;
	pgwire_ir	ir;
	pgwire_reply reply;
	uint32		n;
	ListCell   *lc;

	foreach(lc, scan_clauses)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if (rinfo->pseudoconstant)
			continue;
		if (restriction_is_securely_promotable(rinfo, baserel))
			rinfos = lappend(rinfos, rinfo);
		else
		{
			barred = lappend(barred, rinfo->clause);
			pull_varattnos((Node *) rinfo->clause, baserel->relid, &rel->attrs);
		}
	}
	reply = ask_statement(&request, &ir, root, baserel, foreigntableid, rinfos);

	scan.fetch_memory_kb = (int) (rel->fetch_memory / 1024);
	scan.fetch_size = rel->fetch_size;
	scan.expected_kb = expected_kb(baserel, best_path->path.rows);
	private = get_statement(&reply, &ir, &scan, &params);
	n = pgwire_get_u32(&reply);
	Assert(n == (uint32) list_length(rinfos));
	foreach(lc, rinfos)
	{
		Expr	   *clause = lfirst_node(RestrictInfo, lc)->clause;

		if (n-- > 0 && pgwire_get_u8(&reply) != 0)
			remote = lappend(remote, clause);
		else
			local = lappend(local, clause);
	}
	pfree(request.data);
	/* last, as their security level is above that of the others */
	local = list_concat(local, barred);
	return make_foreignscan(tlist, local, baserel->relid, params, private,
							NIL,	/* no fdw_scan_tlist: rows of the table */
							remote, /* to recheck under EvalPlanQual */
							outer_plan);
}
