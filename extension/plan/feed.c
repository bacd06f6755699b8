/*
 * feed.c - planning of feed tables: foreign tables that show the changes which a
 * remote's replication slot has to tell.
 *
 * Nothing of a query over one can be left to the remote, so to the rest of the
 * planner such a relation is not one of ours: its fdw_private is NULL, and it has
 * one path. What conditions say of a change as a whole (when it was committed, of
 * what kind it is, to which table) goes along with the scan, which then passes
 * over what they would not let through; they are checked here all the same.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "feed.h"
#include "pgwire_fdw.h"
#include "private.h"

/* The value of an option, or NULL. */
const char *
pgwire_feed_option(List *options, const char *name)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, name) == 0)
			return defGetString(def);
	}
	return NULL;
}

bool
pgwire_is_feed(Oid relid)
{
	return pgwire_feed_option(GetForeignTable(relid)->options, "feed") != NULL;
}

/* Nobody knows how much there is to read. */
#define FEED_ROWS 1000.0

void
pgwire_feed_size(PlannerInfo *root, RelOptInfo *baserel)
{
	baserel->tuples = FEED_ROWS;
	baserel->pages = 10;
	set_baserel_size_estimates(root, baserel);
}

void
pgwire_feed_paths(PlannerInfo *root, RelOptInfo *baserel)
{
	QualCost	qual;
	Cost		startup;

	cost_qual_eval(&qual, baserel->baserestrictinfo, root);
	startup = 100 + qual.startup;
	add_path(baserel, (Path *)
			 pgwire_create_foreignscan_path(root, baserel, baserel->rows, startup,
											startup + FEED_ROWS * (0.01 + cpu_tuple_cost + qual.per_tuple),
											NIL, baserel->lateral_relids, NULL));
}

/* ---- conditions ---- */

/* What a condition on this column of the feed table can say; 0: nothing. */
static int
subject_of(Oid relid, const Var *var)
{
	static const struct
	{
		const char *role;
		Oid			type;
		int			what;
	}			subjects[] = {
		{"lsn", LSNOID, PGWIRE_FEED_LSN},
		{"commit_time", TIMESTAMPTZOID, PGWIRE_FEED_COMMIT_TIME},
		{"op", CHAROID, PGWIRE_FEED_OP},
		{"relation", TEXTOID, PGWIRE_FEED_RELATION},
	};
	const char *role;

	if (var->varattno <= 0)
		return 0;
	role = pgwire_feed_option(GetForeignColumnOptions(relid, var->varattno), "feed");
	for (size_t i = 0; role != NULL && i < lengthof(subjects); i++)
		if (strcmp(role, subjects[i].role) == 0 && var->vartype == subjects[i].type)
			return subjects[i].what;
	return 0;
}

/* How the operator compares values of the type by their order; 0: not at all. */
static int
comparison_of(Oid opno, Oid type)
{
	static const int compares[] = {0, PGWIRE_FEED_LT, PGWIRE_FEED_LE, PGWIRE_FEED_EQ,
	PGWIRE_FEED_GE, PGWIRE_FEED_GT, PGWIRE_FEED_NE};
	ListCell   *lc;

	foreach(lc, pgwire_op_comparisons(opno))
	{
		pgwire_op_comparison *found = lfirst(lc);

		if (found->oplefttype == type && found->oprighttype == type &&
			pgwire_comparison_number(found) < (int) lengthof(compares))
			return compares[pgwire_comparison_number(found)];
	}
	return 0;
}

/*
 * Is the clause a condition on a change, `column operator value`? Then it is
 * noted as subject and comparison, and its value.
 */
static void
add_condition(Oid relid, Expr *clause, List **conditions, List **values)
{
	OpExpr	   *op = (OpExpr *) clause;
	Node	   *left;
	Node	   *right;
	Oid			opno;
	Var		   *var;
	int			what;
	int			compare;

	if (!IsA(clause, OpExpr) || list_length(op->args) != 2)
		return;
	left = linitial(op->args);
	right = lsecond(op->args);
	opno = op->opno;
	if (!IsA(left, Var))
	{
		Node	   *swap = left;

		left = right;
		right = swap;
		opno = get_commutator(opno);
	}
	var = (Var *) left;
	if (!IsA(left, Var) || var->varlevelsup != 0 || !OidIsValid(opno) ||
		exprType(right) != var->vartype || contain_var_clause(right) ||
		contain_volatile_functions(right) || contain_subplans(right))
		return;
	what = subject_of(relid, var);
	compare = what != 0 ? comparison_of(opno, var->vartype) : 0;
	if (compare == 0 ||
		(what == PGWIRE_FEED_RELATION &&
		 (compare != PGWIRE_FEED_EQ || !get_collation_isdeterministic(op->inputcollid))))
		return;
	*conditions = lappend_int(lappend_int(*conditions, what), compare);
	*values = lappend(*values, right);
}

/* ---- the plan ---- */

/* The columns that are read, by their numbers; tableoid is no column of the remote's. */
static List *
columns_read(Oid relid, const Bitmapset *attrs)
{
	Relation	relation = table_open(relid, NoLock);
	TupleDesc	desc = RelationGetDescr(relation);
	bool		whole_row = bms_is_member(-FirstLowInvalidHeapAttributeNumber, attrs);
	List	   *attnos = NIL;

	for (int attno = 1; attno <= desc->natts; attno++)
		if (!TupleDescAttr(desc, attno - 1)->attisdropped &&
			(whole_row || bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, attrs)))
			attnos = lappend_int(attnos, attno);
	table_close(relation, NoLock);
	return attnos;
}

ForeignScan *
pgwire_feed_plan(PlannerInfo *root, RelOptInfo *baserel, Oid relid, List *tlist,
				 List *scan_clauses, Plan *outer_plan)
{
	pgwire_scan_private private = {.flags = PGWIRE_SCAN_F_FEED};
	List	   *quals = extract_actual_clauses(scan_clauses, false);
	List	   *values = NIL;
	Bitmapset  *attrs = NULL;
	ListCell   *lc;

	pull_varattnos((Node *) baserel->reltarget->exprs, baserel->relid, &attrs);
	pull_varattnos((Node *) quals, baserel->relid, &attrs);
	foreach(lc, quals)
		add_condition(relid, lfirst(lc), &private.conditions, &values);
	private.sql = "";
	private.attrs = columns_read(relid, attrs);
	private.check_as_user = baserel->userid;
	return make_foreignscan(tlist, quals, baserel->relid, values, pgwire_pack_scan(&private),
							NIL, NIL, outer_plan);
}
