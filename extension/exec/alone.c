/*
 * alone.c - which statements need no remote transaction around them.
 *
 * A statement that is all of its local transaction may be all of a remote one:
 * it is sent by itself, without BEGIN and COMMIT. What else would run in the
 * transaction would then see another remote snapshot, so this has to be certain.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/prepare.h"
#include "executor/spi.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_type.h"
#include "tcop/pquery.h"
#include "utils/lsyscache.h"

#include "alone.h"

/*
 * Might the function query a table? Of the built-in ones those that run SQL
 * (query_to_xml, ts_stat ...) are volatile or not safe in parallel workers.
 */
static bool
function_may_query(Oid function, void *context)
{
	return function >= FirstGenbkiObjectId ||
		func_volatile(function) == PROVOLATILE_VOLATILE ||
		func_parallel(function) != PROPARALLEL_SAFE;
}

/* Or the checks of a domain, of which the type may be one or consist of some? */
static bool
type_may_query(Oid type)
{
	char		kind;

	if (type < FirstGenbkiObjectId)
		return false;
	kind = get_typtype(OidIsValid(get_element_type(type)) ? get_element_type(type) : type);
	return kind != TYPTYPE_BASE && kind != TYPTYPE_ENUM;
}

static bool
may_query(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, CoerceToDomain) || IsA(node, SubPlan) || IsA(node, AlternativeSubPlan) ||
		check_functions_in_node(node, function_may_query, context))
		return true;
	return expression_tree_walker(node, may_query, context);
}

static bool
columns_may_query(TupleDesc tupdesc, List *attrs)
{
	ListCell   *lc;

	foreach(lc, attrs)
		if (lfirst_int(lc) > 0 &&
			type_may_query(TupleDescAttr(tupdesc, lfirst_int(lc) - 1)->atttypid))
			return true;
	return false;
}

/*
 * Is this scan all that its statement does, but for a LIMIT? Then nothing else
 * in the statement can need its remote snapshot: no other node, and no function
 * that might query a foreign table in its turn.
 */
bool
pgwire_is_whole_statement(ForeignScanState *node, List *attrs)
{
	PlannedStmt *stmt = node->ss.ps.state->es_plannedstmt;
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	Plan	   *top = stmt != NULL ? stmt->planTree : NULL;

	if (top != NULL && IsA(top, Limit))
	{
		if (top->initPlan != NIL ||
			may_query(((Limit *) top)->limitCount, NULL) ||
			may_query(((Limit *) top)->limitOffset, NULL))
			return false;
		top = outerPlan(top);
	}
	return top == &plan->scan.plan &&
		stmt->commandType == CMD_SELECT && stmt->rowMarks == NIL &&
		top->initPlan == NIL && !stmt->hasModifyingCTE &&
		!may_query((Node *) plan->scan.plan.targetlist, NULL) &&
		!may_query((Node *) plan->scan.plan.qual, NULL) &&
		!may_query((Node *) plan->fdw_exprs, NULL) &&
		!columns_may_query(node->ss.ss_ScanTupleSlot->tts_tupleDescriptor, attrs);
}

/*
 * May a parameter of EXECUTE be computed without running a function that is
 * not built in? Of the parse tree that it still is, only constants are known.
 */
static bool
is_plain_param(Node *param)
{
	if (IsA(param, TypeCast))
	{
		TypeCast   *cast = (TypeCast *) param;
		Oid			type = LookupTypeNameOid(NULL, cast->typeName, true);

		return OidIsValid(type) && type < FirstGenbkiObjectId && is_plain_param(cast->arg);
	}
	return IsA(param, A_Const);
}

/* The text of what EXECUTE runs, if nothing else is run for its parameters. */
static const char *
text_of_prepared(const ExecuteStmt *stmt)
{
	PreparedStatement *prepared = FetchPreparedStatement(stmt->name, false);
	ListCell   *lc;

	if (prepared == NULL)
		return NULL;
	foreach(lc, stmt->params)
		if (!is_plain_param(lfirst(lc)))
			return NULL;
	for (int i = 0; i < prepared->plansource->num_params; i++)
		if (prepared->plansource->param_types[i] >= FirstGenbkiObjectId)
			return NULL;
	return prepared->plansource->query_string;
}

/*
 * Does the client's EXECUTE run this in a portal of its own? That has a copy of
 * the text; a function run while the statement is planned could do the same
 * with another.
 */
static bool
is_executed(const ExecuteStmt *stmt, Portal portal, const EState *estate)
{
	const char *text = text_of_prepared(stmt);

	return portal->queryDesc != NULL && portal->queryDesc->estate == estate &&
		!portal->visible && text != NULL && strcmp(portal->sourceText, text) == 0;
}

/*
 * Does the client's EXPLAIN run this? It has no portal for it, but gives it the
 * very string that the statement's text is; no function can.
 */
static bool
is_explained(const ExplainStmt *stmt, Portal portal, const EState *estate)
{
	Query	   *query = castNode(Query, stmt->query);

	if (portal->queryDesc != NULL)
		return false;
	if (query->commandType == CMD_SELECT)
		return estate->es_sourceText == portal->sourceText;
	return query->commandType == CMD_UTILITY && IsA(query->utilityStmt, ExecuteStmt) &&
		estate->es_sourceText == text_of_prepared((ExecuteStmt *) query->utilityStmt);
}

/*
 * Is this what the client has sent, and not a function of it or a cursor? The
 * client's own statements run in the portal without a name.
 */
static bool
is_client_statement(const EState *estate)
{
	Portal		portal = ActivePortal;
	Portal		client = GetPortalByName("");
	Node	   *utility;

	if (portal == NULL || client == NULL || client->status != PORTAL_ACTIVE ||
		list_length(client->stmts) != 1)
		return false;
	if (portal == client && portal->queryDesc != NULL)
		return portal->queryDesc->estate == estate;

	utility = linitial_node(PlannedStmt, client->stmts)->utilityStmt;
	/* within a function that uses SPI, which most languages do: asks for no more than that */
	if (utility == NULL || SPI_unregister_relation("") != SPI_ERROR_UNCONNECTED)
		return false;
	if (IsA(utility, ExecuteStmt))
		return portal != client && is_executed((ExecuteStmt *) utility, portal, estate);
	if (IsA(utility, ExplainStmt))
		return portal == client && is_explained((ExplainStmt *) utility, portal, estate);
	return false;
}

/*
 * Outside a transaction block, and at an isolation level that takes a snapshot
 * per statement anyway.
 */
bool
pgwire_is_whole_transaction(const EState *estate)
{
	return !IsTransactionBlock() && !IsolationUsesXactSnapshot() &&
		GetCurrentTransactionNestLevel() == 1 && is_client_statement(estate);
}
