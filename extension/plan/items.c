/*
 * items.c - what a query that is to be sent ranges over, and whether that lives
 * on one server and is read with one user's rights.
 *
 * What Go could not judge is judged here: who may see what (row security, views
 * that are security barriers, other users' views), and which tables the names of
 * the query are.
 */
#include "postgres.h"

#include "query.h"

#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/tlist.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "feed.h"
#include "utils/lsyscache.h"

static bool
collect(Node *node, void *context)
{
	Bitmapset **items = context;

	if (node == NULL)
		return false;
	if (IsA(node, RangeTblRef))
	{
		*items = bms_add_member(*items, ((RangeTblRef *) node)->rtindex);
		return false;
	}
	if (IsA(node, FromExpr))
		return expression_tree_walker((Node *) ((FromExpr *) node)->fromlist, collect, context);
	if (IsA(node, JoinExpr))
		return collect(((JoinExpr *) node)->larg, context) ||
			collect(((JoinExpr *) node)->rarg, context);
	if (IsA(node, SetOperationStmt))
		return collect(((SetOperationStmt *) node)->larg, context) ||
			collect(((SetOperationStmt *) node)->rarg, context);
	return false;
}

/* The rangetable indexes in a part of FROM; joins not. */
Bitmapset *
pgwire_items_of(Node *node)
{
	Bitmapset  *items = NULL;

	collect(node, &items);
	return items;
}

/* The rangetable indexes that FROM or a set operation has; joins not. */
Bitmapset *
pgwire_query_items(Query *query)
{
	return bms_union(pgwire_items_of((Node *) query->jointree),
					 pgwire_items_of(query->setOperations));
}

static bool
func_has_run_condition(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, WindowFunc) &&
		pgwire_window_func_run_condition((WindowFunc *) node) != NIL)
		return true;
	return expression_tree_walker(node, func_has_run_condition, context);
}

/* Is a condition from above checked while window functions are computed? */
bool
pgwire_has_run_condition(Query *query)
{
	ListCell   *lc;

	foreach(lc, query->windowClause)
		if (pgwire_window_run_condition(lfirst_node(WindowClause, lc)) != NIL)
			return true;
	return query->hasWindowFuncs && func_has_run_condition((Node *) query->targetList, NULL);
}

/* Is it a query whose kind can be sent? */
void
pgwire_check_query(pgwire_restore *restore, Query *query)
{
	bool		may_write = restore->writes && query == restore->root->parse;

	if ((query->commandType != CMD_SELECT && !may_write) || query->hasModifyingCTE ||
		query->utilityStmt != NULL)
		pgwire_refuse_query(restore, NULL, "a statement that writes");
	else if (query->rowMarks != NIL)
		pgwire_refuse_query(restore, NULL, "rows are locked");
	else if (query->hasRowSecurity)
		pgwire_refuse_query(restore, NULL, "row security");
}

/* All tables must be of one server, and seen by one user there. */
static void
check_table(pgwire_restore *restore, Query *query, RangeTblEntry *rte)
{
	pgwire_whole *result = restore->result;
	Oid			userid = pgwire_rte_check_as_user(query, rte);
	Oid			serverid;

	if (rte->relkind != RELKIND_FOREIGN_TABLE)
	{
		pgwire_refuse_query(restore, NULL,
							psprintf(rte->relkind == RELKIND_PARTITIONED_TABLE ?
									 "%s is partitioned here" : "%s is a local table",
									 get_rel_name(rte->relid)));
		return;
	}
	serverid = GetForeignServerIdByRelId(rte->relid);
	if (!OidIsValid(result->serverid))
	{
		result->serverid = serverid;
		result->userid = userid;
	}
	if (serverid != result->serverid)
		pgwire_refuse_query(restore, NULL, "tables of several servers");
	else if (pgwire_is_feed(rte->relid))
		pgwire_refuse_query(restore, NULL,
							psprintf("%s is a feed", get_rel_name(rte->relid)));
	else if (rte->tablesample != NULL)
		pgwire_refuse_query(restore, NULL, "TABLESAMPLE");
	else if (rte->inh && has_subclass(rte->relid))
		pgwire_refuse_query(restore, NULL,
							psprintf("%s has child tables", get_rel_name(rte->relid)));
	else if (userid != result->userid)
	{
		/* who is named somewhere and who is asking may be the same, now */
		Oid			current = GetUserId();

		if ((OidIsValid(userid) ? userid : current) !=
			(OidIsValid(result->userid) ? result->userid : current))
			pgwire_refuse_query(restore, NULL, "tables are read with the rights of several users");
		if (OidIsValid(userid))
			result->userid = userid;
		result->useridiscurrent = true;
	}
	result->tables = lappend(result->tables, rte);
}

/* Can this be sent, as a part of a query with so many levels of the request around? */
void
pgwire_check_item(pgwire_restore *restore, Query *query, RangeTblEntry *rte, int depth)
{
	if (rte->security_barrier || rte->securityQuals != NIL)
	{
		pgwire_refuse_query(restore, NULL, "a security barrier");
		return;
	}
	switch (rte->rtekind)
	{
		case RTE_RELATION:
			check_table(restore, query, rte);
			break;
		case RTE_SUBQUERY:
		case RTE_FUNCTION:
		case RTE_VALUES:
		case RTE_RESULT:
			break;
		case RTE_CTE:
			if (rte->ctelevelsup > (Index) depth)
				pgwire_refuse_query(restore, NULL, "WITH of an outer query");
			break;
		default:
			pgwire_refuse_query(restore, NULL, "an item of FROM of this kind");
			break;
	}
}

/* A set operation's outputs: the columns of its leftmost operand. */
void
pgwire_union_targets(Query *query)
{
	Query	   *first = rt_fetch(1, query->rtable)->subquery;
	ListCell   *lc;

	foreach(lc, first->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (entry->resjunk)
			continue;
		query->targetList = lappend(query->targetList,
									makeTargetEntry((Expr *) makeVarFromTargetEntry(1, entry),
													entry->resno,
													pstrdup(entry->resname ? entry->resname : ""),
													false));
	}
}
