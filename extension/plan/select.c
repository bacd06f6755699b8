/*
 * select.c - the parts of a query in the bytes of ir.h, and the expressions that
 * occur in queries only.
 *
 * Like expr.c it describes and decides nothing.
 */
#include "ir.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "catalog/pg_aggregate.h"
#include "foreign/foreign.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "option.h"

/* ---- levels and items ---- */

void
pgwire_ir_push_level(pgwire_ir *ir, List *rtable)
{
	pgwire_ir_level *level = palloc0(sizeof(*level));

	level->outer = ir->level;
	level->rtable = rtable;
	level->size = rtable == NIL ? ir->next_item : (uint32) list_length(rtable) + 1;
	level->items = palloc(level->size * sizeof(uint32));
	for (int i = 0; i < level->size; i++)
		level->items[i] = PGWIRE_IR_NONE;
	level->attrs = palloc0(level->size * sizeof(Bitmapset *));
	ir->level = level;
}

void
pgwire_ir_pop_level(pgwire_ir *ir)
{
	ir->level = ir->level->outer;
}

/* Make a relation of the innermost level an item. */
uint32
pgwire_ir_new_item(pgwire_ir *ir, Index rti)
{
	Assert(rti > 0 && (int) rti < ir->level->size);
	return ir->level->items[rti] = ir->next_item++;
}

/* Append a list of DefElem, after its length. */
void
pgwire_put_options(StringInfo request, List *options)
{
	int			length_at = request->len;
	uint32		length;

	pgwire_put_u32(request, 0);
	pgwire_append_options(options, request);
	length = request->len - length_at - sizeof(length);
	memcpy(request->data + length_at, &length, sizeof(length));
}

/* Tell the name and the options of a column, once. */
static void
put_column(pgwire_ir *ir, pgwire_ir_level *level, Index varno, Oid table, AttrNumber attno,
		   const char *name)
{
	StringInfo	buf = &ir->columns;
	int			member = attno - FirstLowInvalidHeapAttributeNumber;

	if (bms_is_member(member, level->attrs[varno]))
		return;
	level->attrs[varno] = bms_add_member(level->attrs[varno], member);
	if (ir->ncolumns++ == 0)
		initStringInfo(buf);
	pgwire_put_u32(buf, level->items[varno]);
	pgwire_put_i32(buf, attno);
	pgwire_put_string(buf, name);
	pgwire_put_options(buf, attno > 0 ? GetForeignColumnOptions(table, attno) : NIL);
}

/* A column of a table occurs; attno 0: the whole row, which is all of them. */
void
pgwire_ir_column(pgwire_ir *ir, pgwire_ir_level *level, Index varno, AttrNumber attno)
{
	RangeTblEntry *rte = rt_fetch(varno, level->rtable);

	if (rte->rtekind != RTE_RELATION)
		return;
	if (attno > 0)
		put_column(ir, level, varno, rte->relid, attno, get_attname(rte->relid, attno, false));
	else if (attno == SelfItemPointerAttributeNumber)
		put_column(ir, level, varno, rte->relid, attno, "ctid");
	else if (attno == InvalidAttrNumber)
	{
		Relation	relation = table_open(rte->relid, NoLock);
		TupleDesc	desc = RelationGetDescr(relation);

		for (int i = 0; i < desc->natts; i++)
		{
			Form_pg_attribute attr = TupleDescAttr(desc, i);

			if (!attr->attisdropped)
				put_column(ir, level, varno, rte->relid, attr->attnum, NameStr(attr->attname));
		}
		table_close(relation, NoLock);
	}
}

/* The row of an UPDATE's target is said to be a record; it is one of the table. */
Node *
pgwire_ir_typed_row(const pgwire_ir_level *level, Var *var)
{
	RangeTblEntry *rte;

	if (var->vartype != RECORDOID || level->rtable == NIL)
		return (Node *) var;
	rte = rt_fetch(var->varno, level->rtable);
	if (rte->rtekind != RTE_RELATION)
		return (Node *) var;
	var = copyObject(var);
	var->vartype = get_rel_type_id(rte->relid);
	return (Node *) var;
}

void
pgwire_ir_table_item(pgwire_ir *ir, uint32 item, const char *schema, const char *name)
{
	pgwire_put_u32(&ir->clauses, item);
	pgwire_put_u8(&ir->clauses, PGWIRE_ITEM_TABLE);
	pgwire_put_string(&ir->clauses, schema);
	pgwire_put_string(&ir->clauses, name);
}

/* ---- targets, and what refers to them ---- */

/* A list of TargetEntry. */
void
pgwire_ir_targets(pgwire_ir *ir, List *targets, int depth)
{
	ListCell   *lc;

	pgwire_put_u32(&ir->clauses, list_length(targets));
	foreach(lc, targets)
	{
		TargetEntry *target = lfirst_node(TargetEntry, lc);

		pgwire_put_u8(&ir->clauses, target->resjunk ? PGWIRE_TARGET_JUNK : 0);
		pgwire_put_u32(&ir->clauses, target->ressortgroupref);
		pgwire_ir_expr(ir, (Node *) target->expr, depth + 1);
	}
}

/* type: that of what is sorted or grouped by. */
void
pgwire_ir_key(pgwire_ir *ir, const SortGroupClause *key, Oid type)
{
	TypeCacheEntry *known = lookup_type_cache(type, TYPECACHE_LT_OPR | TYPECACHE_GT_OPR | TYPECACHE_EQ_OPR);
	uint8		flags = key->nulls_first ? PGWIRE_KEY_NULLS_FIRST : 0;

	if (OidIsValid(key->sortop) && key->sortop == known->lt_opr)
		flags |= PGWIRE_KEY_LESS;
	else if (OidIsValid(key->sortop) && key->sortop == known->gt_opr)
		flags |= PGWIRE_KEY_GREATER;
	if (OidIsValid(key->eqop) && key->eqop == known->eq_opr)
		flags |= PGWIRE_KEY_EQUAL;
	pgwire_put_u32(&ir->clauses, key->tleSortGroupRef);
	pgwire_put_u32(&ir->clauses, pgwire_ir_operator(ir, key->eqop));
	pgwire_put_u32(&ir->clauses, pgwire_ir_operator(ir, key->sortop));
	pgwire_put_u8(&ir->clauses, flags);
}

/* A list of SortGroupClause, that refer to these TargetEntries. */
void
pgwire_ir_keys(pgwire_ir *ir, List *keys, List *targets)
{
	ListCell   *lc;

	pgwire_put_u32(&ir->clauses, list_length(keys));
	foreach(lc, keys)
	{
		SortGroupClause *key = lfirst_node(SortGroupClause, lc);

		pgwire_ir_key(ir, key, exprType(get_sortgroupclause_expr(key, targets)));
	}
}

/* A list of GroupingSet, as the parser leaves it. */
static void
put_grouping_sets(pgwire_ir *ir, List *sets)
{
	ListCell   *lc;
	ListCell   *ref;

	pgwire_put_u32(&ir->clauses, list_length(sets));
	foreach(lc, sets)
	{
		GroupingSet *set = lfirst_node(GroupingSet, lc);

		pgwire_put_u8(&ir->clauses, set->kind);
		if (set->kind != GROUPING_SET_EMPTY && set->kind != GROUPING_SET_SIMPLE)
		{
			put_grouping_sets(ir, set->content);
			continue;
		}
		pgwire_put_u32(&ir->clauses, list_length(set->content));
		foreach(ref, set->content)
			pgwire_put_u32(&ir->clauses, lfirst_int(ref));
	}
}

static void
put_windows(pgwire_ir *ir, const Query *query, int depth)
{
	ListCell   *lc;

	pgwire_put_u32(&ir->clauses, list_length(query->windowClause));
	foreach(lc, query->windowClause)
	{
		WindowClause *window = lfirst_node(WindowClause, lc);

		pgwire_put_u32(&ir->clauses, window->winref);
		pgwire_ir_keys(ir, window->partitionClause, query->targetList);
		pgwire_ir_keys(ir, window->orderClause, query->targetList);
		pgwire_put_u32(&ir->clauses, window->frameOptions);
		pgwire_ir_optional(ir, window->startOffset, depth);
		pgwire_ir_optional(ir, window->endOffset, depth);
	}
}

static uint8
distinct_kind(const Query *query)
{
	if (query->distinctClause == NIL)
		return PGWIRE_DISTINCT_NONE;
	return query->hasDistinctOn ? PGWIRE_DISTINCT_ON : PGWIRE_DISTINCT_ALL;
}

void
pgwire_ir_tail(pgwire_ir *ir, const Query *query, int depth)
{
	StringInfo	buf = &ir->clauses;
	Node	   *having = query->havingQual;

	pgwire_ir_targets(ir, query->targetList, depth);
	pgwire_put_u8(buf, query->groupDistinct);
	pgwire_ir_keys(ir, query->groupClause, query->targetList);
	put_grouping_sets(ir, query->groupingSets);
	if (having == NULL || IsA(having, List))
		pgwire_ir_exprs(ir, (List *) having, depth);
	else
		pgwire_ir_exprs(ir, list_make1(having), depth);
	put_windows(ir, query, depth);
	pgwire_put_u8(buf, distinct_kind(query));
	pgwire_ir_keys(ir, query->distinctClause, query->targetList);
	pgwire_ir_keys(ir, query->sortClause, query->targetList);
	pgwire_ir_optional(ir, query->limitCount, depth);
	pgwire_put_u8(buf, query->limitOption == LIMIT_OPTION_WITH_TIES);
	pgwire_ir_optional(ir, query->limitOffset, depth);
}

/* ---- expressions ---- */

void
pgwire_ir_aggref(pgwire_ir *ir, Node *node, int depth)
{
	StringInfo	buf = &ir->clauses;
	Aggref	   *agg = (Aggref *) node;

	if (agg->agglevelsup != 0 || agg->aggsplit != AGGSPLIT_SIMPLE)
	{
		pgwire_ir_unknown(ir, node, depth);
		return;
	}
	pgwire_ir_head(ir, PGWIRE_IR_AGGREF, node);
	pgwire_put_u32(buf, pgwire_ir_function(ir, agg->aggfnoid));
	pgwire_put_u32(buf, pgwire_ir_collation(ir, agg->inputcollid));
	pgwire_put_u8(buf,
				  (agg->aggstar ? PGWIRE_AGG_STAR : 0) |
				  (agg->aggvariadic ? PGWIRE_AGG_VARIADIC : 0) |
				  (AGGKIND_IS_ORDERED_SET(agg->aggkind) ? PGWIRE_AGG_WITHIN_GROUP : 0));
	pgwire_ir_exprs(ir, agg->aggdirectargs, depth);
	pgwire_ir_targets(ir, agg->args, depth);
	pgwire_ir_keys(ir, agg->aggdistinct, agg->args);
	pgwire_ir_keys(ir, agg->aggorder, agg->args);
	pgwire_ir_optional(ir, (Node *) agg->aggfilter, depth);
}

void
pgwire_ir_window_func(pgwire_ir *ir, Node *node, int depth)
{
	StringInfo	buf = &ir->clauses;
	WindowFunc *func = (WindowFunc *) node;

	pgwire_ir_head(ir, PGWIRE_IR_WINDOW_FUNC, node);
	pgwire_put_u32(buf, pgwire_ir_function(ir, func->winfnoid));
	pgwire_put_u32(buf, pgwire_ir_collation(ir, func->inputcollid));
	pgwire_put_u8(buf, func->winstar ? PGWIRE_AGG_STAR : 0);
	pgwire_put_u32(buf, func->winref);
	pgwire_ir_exprs(ir, func->args, depth);
	pgwire_ir_optional(ir, (Node *) func->aggfilter, depth);
}

void
pgwire_ir_grouping_func(pgwire_ir *ir, Node *node, int depth)
{
	GroupingFunc *func = (GroupingFunc *) node;

	if (func->agglevelsup != 0)
	{
		pgwire_ir_unknown(ir, node, depth);
		return;
	}
	pgwire_ir_head(ir, PGWIRE_IR_GROUPING_FUNC, node);
	pgwire_ir_exprs(ir, func->args, depth);
}
