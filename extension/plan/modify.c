/*
 * modify.c - planning of INSERT, UPDATE and DELETE that go row by row: what tells a
 * row of the remote table from all others, and the statement that changes one.
 *
 * A row is known by its ctid together with the OID of the table that it is in:
 * where the remote table is partitioned or has children, rows of several tables
 * have the same ctid. Or by columns that the user has named by the option "key",
 * where there is no ctid, or one that means little.
 *
 * A scan of a foreign table has no place for another table's OID: its tableoid is
 * the foreign table's. So it travels in a system column that means nothing here, one
 * that the query does not mention.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/appendinfo.h"
#include "optimizer/inherit.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "modify.h"
#include "plan.h"
#include "stats.h"

/* ---- what identifies a row ---- */

List *
pgwire_key_columns(Relation relation)
{
	TupleDesc	desc = RelationGetDescr(relation);
	List	   *keys = NIL;

	for (int attno = 1; attno <= desc->natts; attno++)
	{
		if (!TupleDescAttr(desc, attno - 1)->attisdropped &&
			pgwire_is_on(GetForeignColumnOptions(RelationGetRelid(relation), attno), NIL,
						 "key", false))
			keys = lappend_int(keys, attno);
	}
	return keys;
}

/*
 * The name of a key's junk column. In a hierarchy tables share a column where type and
 * number are the same.
 */
char *
pgwire_key_name(Form_pg_attribute attr)
{
	return psprintf(PGWIRE_JUNK_PREFIX "key_%d_%u_%d_%u", attr->attnum, attr->atttypid, attr->atttypmod,
					attr->attcollation);
}

/* System columns that can carry an OID, the least interesting ones first. */
static const struct
{
	AttrNumber	attno;
	Oid			type;
}			carriers[] = {
	{MaxTransactionIdAttributeNumber, XIDOID},
	{MaxCommandIdAttributeNumber, CIDOID},
	{MinTransactionIdAttributeNumber, XIDOID},
};

/* Collect, as members from 0 on, the system columns that an expression or query names. */
static bool
find_system_columns(Node *node, void *context)
{
	Bitmapset **found = context;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		if (((Var *) node)->varattno < 0)
			*found = bms_add_member(*found, -((Var *) node)->varattno);
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_system_columns, context, 0);
	return expression_tree_walker(node, find_system_columns, context);
}

/* The system column that carries the remote's tableoid in this query; 0: none does. */
static AttrNumber
carrier(PlannerInfo *root)
{
	ListCell   *lc;

	foreach(lc, root->row_identity_vars)
	{
		RowIdentityVarInfo *info = lfirst_node(RowIdentityVarInfo, lc);

		if (strcmp(info->rowidname, PGWIRE_TABLEOID_NAME) == 0)
			return info->rowidvar->varattno;
	}
	foreach(lc, root->processed_tlist)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (entry->resjunk && entry->resname != NULL && IsA(entry->expr, Var) &&
			((Var *) entry->expr)->varno != ROWID_VAR &&
			strcmp(entry->resname, PGWIRE_TABLEOID_NAME) == 0)
			return ((Var *) entry->expr)->varattno;
	}
	return InvalidAttrNumber;
}

/*
 * Does a column of a query's relation stand for the remote's tableoid? Only in what
 * UPDATE and DELETE read of their target.
 */
bool
pgwire_carries_tableoid(PlannerInfo *root, const Var *var)
{
	return var->varattno < 0 && var->varlevelsup == 0 &&
		pgwire_tableoid_carrier(root, var->varno) == var->varattno;
}

AttrNumber
pgwire_tableoid_carrier(PlannerInfo *root, Index relid)
{
	if (root->parse->commandType == CMD_SELECT || !bms_is_member(relid, root->all_result_relids))
		return InvalidAttrNumber;
	return carrier(root);
}

static void
add_tableoid(PlannerInfo *root, Index rtindex, Relation relation)
{
	AttrNumber	chosen = carrier(root);
	Bitmapset  *named = NULL;

	if (chosen == InvalidAttrNumber)
		(void) query_tree_walker(root->parse, find_system_columns, &named, 0);
	for (size_t i = 0; i < lengthof(carriers); i++)
	{
		if (chosen == InvalidAttrNumber ? !bms_is_member(-carriers[i].attno, named) :
			carriers[i].attno == chosen)
		{
			add_row_identity_var(root,
								 makeVar(rtindex, carriers[i].attno, carriers[i].type, -1,
										 InvalidOid, 0),
								 rtindex, PGWIRE_TABLEOID_NAME);
			return;
		}
	}
	pgwire_raise_local(ERRCODE_FEATURE_NOT_SUPPORTED,
					   psprintf("rows of foreign table \"%s\" cannot be identified in a query that uses xmin, xmax and cmax",
								RelationGetRelationName(relation)),
					   "They are not those of the remote server.", NULL);
}

/* Has a foreign table triggers for each row that is deleted? */
static bool
watches_deleted_rows(Oid relid)
{
	Relation	relation;
	bool		watches;

	if (get_rel_relkind(relid) != RELKIND_FOREIGN_TABLE)
		return false;
	relation = table_open(relid, NoLock);
	watches = relation->trigdesc != NULL &&
		(relation->trigdesc->trig_delete_before_row || relation->trigdesc->trig_delete_after_row);
	table_close(relation, NoLock);
	return watches;
}

/*
 * A DELETE of several tables: must each bring whole rows, because one of them has
 * triggers for rows? Core asks for those of that table only, but expects them of all.
 */
static bool
siblings_bring_rows(PlannerInfo *root)
{
	bool		decided = false;
	bool		found = false;
	ListCell   *lc;

	foreach(lc, root->row_identity_vars)
	{
		const char *name = lfirst_node(RowIdentityVarInfo, lc)->rowidname;

		decided |= strncmp(name, PGWIRE_JUNK_PREFIX, strlen(PGWIRE_JUNK_PREFIX)) == 0;
		found |= strcmp(name, "wholerow") == 0;
	}
	if (decided)
		return found;			/* for a table before this one */
	foreach(lc, find_all_inheritors(planner_rt_fetch(root->parse->resultRelation, root)->relid,
									AccessShareLock, NULL))
		found |= watches_deleted_rows(lfirst_oid(lc));
	return found;
}

void
pgwireAddForeignUpdateTargets(PlannerInfo *root, Index rtindex, RangeTblEntry *target_rte,
							  Relation target_relation)
{
	List	   *keys = pgwire_key_columns(target_relation);
	ListCell   *lc;

	if (root->parse->commandType == CMD_DELETE && rtindex != root->parse->resultRelation &&
		siblings_bring_rows(root))
		add_row_identity_var(root, makeVar(rtindex, InvalidAttrNumber, RECORDOID, -1, InvalidOid, 0),
							 rtindex, "wholerow");
	foreach(lc, keys)
	{
		Form_pg_attribute attr = TupleDescAttr(RelationGetDescr(target_relation),
											   lfirst_int(lc) - 1);

		add_row_identity_var(root,
							 makeVar(rtindex, attr->attnum, attr->atttypid, attr->atttypmod,
									 attr->attcollation, 0),
							 rtindex, pgwire_key_name(attr));
	}
	if (keys != NIL)
		return;
	add_row_identity_var(root,
						 makeVar(rtindex, SelfItemPointerAttributeNumber, TIDOID, -1,
								 InvalidOid, 0),
						 rtindex, PGWIRE_CTID_NAME);
	add_tableoid(root, rtindex, target_relation);
}

/* ---- the statement ---- */

static bool
is_member_attno(const Bitmapset *attrs, int attno)
{
	return bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, attrs);
}

static void
put_column(StringInfo request, int attno, uint8 flags, const char *name, List *options)
{
	pgwire_put_i32(request, attno);
	pgwire_put_u8(request, flags);
	pgwire_put_string(request, name);
	pgwire_put_options(request, options);
}

/* The columns that occur; those that RETURNING has are added to *returned. */
static void
put_columns(StringInfo request, const pgwire_change *change, List **returned)
{
	TupleDesc	desc = RelationGetDescr(change->relation);
	bool		whole_row = is_member_attno(change->returned, InvalidAttrNumber);
	int			count_at = request->len;
	uint32		count = 0;

	pgwire_put_u32(request, 0);
	for (int attno = 1; attno <= desc->natts; attno++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, attno - 1);
		uint8		flags = 0;

		if (attr->attisdropped)
			continue;
		if (list_member_int(change->targets, attno))
			flags |= PGWIRE_MODIFY_F_TARGET | (attr->attgenerated ? PGWIRE_MODIFY_F_GENERATED : 0);
		if (whole_row || is_member_attno(change->returned, attno))
		{
			flags |= PGWIRE_MODIFY_F_RETURNED;
			*returned = lappend_int(*returned, attno);
		}
		if (change->operation != CMD_INSERT && list_member_int(change->keys, attno))
			flags |= PGWIRE_MODIFY_F_KEY;
		if (flags == 0)
			continue;
		put_column(request, attno, flags, NameStr(attr->attname),
				   GetForeignColumnOptions(RelationGetRelid(change->relation), attno));
		count++;
	}
	if (is_member_attno(change->returned, SelfItemPointerAttributeNumber))
	{
		put_column(request, SelfItemPointerAttributeNumber, PGWIRE_MODIFY_F_RETURNED, "ctid", NIL);
		*returned = lappend_int(*returned, SelfItemPointerAttributeNumber);
		count++;
	}
	memcpy(request->data + count_at, &count, sizeof(count));
}

static uint8
operation_code(CmdType operation)
{
	switch (operation)
	{
		case CMD_INSERT:
			return PGWIRE_MODIFY_INSERT;
		case CMD_UPDATE:
			return PGWIRE_MODIFY_UPDATE;
		default:
			return PGWIRE_MODIFY_DELETE;
	}
}

void
pgwire_ask_modify(const pgwire_change *change, pgwire_modify_private *private)
{
	Oid			relid = RelationGetRelid(change->relation);
	ForeignTable *table = GetForeignTable(relid);
	StringInfoData request;
	pgwire_reply reply;

	memset(private, 0, sizeof(*private));
	pgwire_begin_request(&request, PGWIRE_REQ_MODIFY);
	pgwire_put_u8(&request, operation_code(change->operation));
	pgwire_put_u8(&request, change->do_nothing);
	pgwire_put_options(&request, GetForeignServer(table->serverid)->options);
	pgwire_put_options(&request, table->options);
	pgwire_put_string(&request, get_namespace_name(RelationGetNamespace(change->relation)));
	pgwire_put_string(&request, RelationGetRelationName(change->relation));
	put_columns(&request, change, &private->returned);
	reply = pgwire_ask(&request);
	private->sql = pgwire_get_string(&reply);
	private->values_at = (int) pgwire_get_u32(&reply);
	private->values_len = (int) pgwire_get_u32(&reply);
	private->copy_sql = pgwire_get_string(&reply);
	private->schema = pgwire_get_string(&reply);
	private->table = pgwire_get_string(&reply);
	private->batch_size = (int) pgwire_get_u32(&reply);
	private->targets = change->targets;
	private->keys = change->operation == CMD_INSERT ? NIL : change->keys;
	pfree(request.data);
}

/* All columns of a table. */
List *
pgwire_all_columns(Relation relation)
{
	TupleDesc	desc = RelationGetDescr(relation);
	List	   *columns = NIL;

	for (int attno = 1; attno <= desc->natts; attno++)
		if (!TupleDescAttr(desc, attno - 1)->attisdropped)
			columns = lappend_int(columns, attno);
	return columns;
}

/*
 * The columns that come back: those of which triggers, checks and RETURNING are to see
 * what the remote has made of them. rti: of the relation in the expressions.
 */
Bitmapset *
pgwire_returned_columns(Relation relation, CmdType operation, Index rti,
						List *checks, List *returning)
{
	TriggerDesc *triggers = relation->trigdesc;
	Bitmapset  *attrs = NULL;

	if (triggers != NULL &&
		((operation == CMD_INSERT && triggers->trig_insert_after_row) ||
		 (operation == CMD_UPDATE && triggers->trig_update_after_row) ||
		 (operation == CMD_DELETE && triggers->trig_delete_after_row)))
		attrs = bms_make_singleton(InvalidAttrNumber - FirstLowInvalidHeapAttributeNumber);
	pull_varattnos((Node *) checks, rti, &attrs);
	pull_varattnos((Node *) returning, rti, &attrs);
	return attrs;
}

/* ---- PlanForeignModify ---- */

/*
 * The columns that are set. An UPDATE sends what it sets, unless a trigger here may
 * set other columns, too.
 */
static List *
target_columns(PlannerInfo *root, Relation relation, CmdType operation, Index rti)
{
	List	   *targets = NIL;
	Bitmapset  *updated;
	int			member = -1;

	if (operation == CMD_DELETE)
		return NIL;
	if (operation == CMD_INSERT ||
		(relation->trigdesc != NULL && relation->trigdesc->trig_update_before_row))
		return pgwire_all_columns(relation);
	updated = get_rel_all_updated_cols(root, find_base_rel(root, rti));
	while ((member = bms_next_member(updated, member)) >= 0)
	{
		int			attno = member + FirstLowInvalidHeapAttributeNumber;

		if (attno <= 0)
			pgwire_raise_local(ERRCODE_FEATURE_NOT_SUPPORTED,
							   "system columns of a foreign table cannot be updated", NULL, NULL);
		targets = lappend_int(targets, attno);
	}
	return targets;
}

/*
 * May the rows that the statement changes contain one of them twice? Only a join
 * with another relation repeats rows.
 */
static bool
may_repeat(PlannerInfo *root)
{
	int			relid = -1;

	while ((relid = bms_next_member(root->all_baserels, relid)) >= 0)
		if (!bms_is_member(relid, root->all_result_relids))
			return true;
	return false;
}

List *
pgwirePlanForeignModify(PlannerInfo *root, ModifyTable *plan, Index resultRelation,
						int subplan_index)
{
	CmdType		operation = plan->operation;
	Relation	relation = table_open(planner_rt_fetch(resultRelation, root)->relid, NoLock);
	List	   *checks = NIL;
	List	   *returning = NIL;
	pgwire_change change = {.relation = relation,.operation = operation};
	pgwire_modify_private private;

	if (plan->withCheckOptionLists != NIL)
		checks = list_nth(plan->withCheckOptionLists, subplan_index);
	if (plan->returningLists != NIL)
		returning = list_nth(plan->returningLists, subplan_index);
	/* with an arbiter the planner would have looked for an index here */
	if (plan->onConflictAction != ONCONFLICT_NONE && plan->onConflictAction != ONCONFLICT_NOTHING)
		pgwire_raise_local(ERRCODE_FEATURE_NOT_SUPPORTED,
						   "ON CONFLICT DO UPDATE is not supported for foreign tables", NULL, NULL);
	change.do_nothing = plan->onConflictAction == ONCONFLICT_NOTHING;
	change.targets = target_columns(root, relation, operation, resultRelation);
	change.keys = pgwire_key_columns(relation);
	change.returned = pgwire_returned_columns(relation, operation, resultRelation, checks,
											  returning);
	pgwire_ask_modify(&change, &private);
	if (operation != CMD_INSERT && may_repeat(root))
		private.flags |= PGWIRE_MODIFY_P_MAY_REPEAT;
	table_close(relation, NoLock);
	return pgwire_pack_modify(&private);
}

int
pgwireIsForeignRelUpdatable(Relation rel)
{
	ForeignTable *table = GetForeignTable(RelationGetRelid(rel));
	ListCell   *lc;

	/* the changes that a feed has read are what they are */
	foreach(lc, table->options)
		if (strcmp(lfirst_node(DefElem, lc)->defname, "feed") == 0)
			return 0;
	if (!pgwire_is_on(table->options, GetForeignServer(table->serverid)->options,
					  "updatable", true))
		return 0;
	return (1 << CMD_INSERT) | (1 << CMD_UPDATE) | (1 << CMD_DELETE);
}
