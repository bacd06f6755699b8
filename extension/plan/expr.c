/*
 * expr.c - flattens expression trees into the bytes of ir.h.
 *
 * The only walker of Expr in this module. It describes, it decides nothing:
 * whether an expression may run on the remote server is judged by
 * handler/internal/ship, and a node that this file does not know is passed as
 * such, so that its clause stays here.
 */
#include "ir.h"

#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/nodes.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "param.h"

/* In a statement, equal nodes share a parameter. */
void
pgwire_ir_begin(pgwire_ir *ir, PlannerInfo *root, Relids relids,
				const pgwire_server *server, bool statement)
{
	int			relid = -1;

	memset(ir, 0, sizeof(*ir));
	pgwire_ir_begin_objects();
	ir->statement = statement;
	ir->root = root;
	ir->server = server;
	ir->guc_level = -1;
	initStringInfo(&ir->clauses);
	while ((relid = bms_next_member(relids, relid)) >= 0)
		ir->next_item = relid + 1;
	pgwire_ir_push_level(ir, root != NULL ? root->parse->rtable : NIL);
	relid = -1;
	while ((relid = bms_next_member(relids, relid)) >= 0)
		ir->level->items[relid] = relid;
}

void
pgwire_ir_clause(pgwire_ir *ir, uint8 context, Expr *clause)
{
	ir->nclauses++;
	pgwire_put_u8(&ir->clauses, context);
	pgwire_ir_expr(ir, (Node *) clause, PGWIRE_IR_CLAUSE_DEPTH);
}

static void
put_table(StringInfo request, const pgwire_ir_table *table)
{
	pgwire_put_u32(request, table->count);
	if (table->count > 0)
		appendBinaryStringInfo(request, table->entries.data, table->entries.len);
}

/* Append the object tables, the body and the equal nodes to the request. */
static void
finish(pgwire_ir *ir, StringInfo request, bool clauses)
{
	pgwire_end_transmission_modes(ir->guc_level);
	pgwire_put_u32(request, PGWIRE_SERVER_MAJOR);
	pgwire_put_u32(request, ir->server->major);
	put_table(request, &ir->types);
	put_table(request, &ir->functions);
	put_table(request, &ir->operators);
	put_table(request, &ir->collations);
	pgwire_put_u32(request, ir->ncolumns);
	if (ir->ncolumns > 0)
		appendBinaryStringInfo(request, ir->columns.data, ir->columns.len);
	if (clauses)
		pgwire_put_u32(request, ir->nclauses);
	appendBinaryStringInfo(request, ir->clauses.data, ir->clauses.len);
	pgwire_put_u32(request, ir->nequals);
	if (ir->nequals > 0)
		appendBinaryStringInfo(request, ir->equals.data, ir->equals.len);
}

void
pgwire_ir_finish_clauses(pgwire_ir *ir, StringInfo request)
{
	finish(ir, request, true);
}

void
pgwire_ir_finish_query(pgwire_ir *ir, StringInfo request)
{
	finish(ir, request, false);
}

/* The node of a number, NULL when there is none. */
Node *
pgwire_ir_node(const pgwire_ir *ir, uint32 number)
{
	return number < (uint32) ir->nnodes ? ir->nodes[number] : NULL;
}

/* Begin a node: give it its number, write what all nodes have. */
void
pgwire_ir_head(pgwire_ir *ir, uint8 tag, Node *node)
{
	StringInfo	buf = &ir->clauses;

	if (ir->nnodes == ir->room)
	{
		ir->room = Max(64, ir->room * 2);
		ir->nodes = ir->nodes == NULL ?
			palloc(ir->room * sizeof(Node *)) :
			repalloc(ir->nodes, ir->room * sizeof(Node *));
	}
	ir->nodes[ir->nnodes++] = node;
	pgwire_put_u8(buf, tag);
	pgwire_put_u32(buf, pgwire_ir_type(ir, exprType(node), exprTypmod(node)));
	pgwire_put_u32(buf, pgwire_ir_collation(ir, exprCollation(node)));
}

/* A counted list. */
void
pgwire_ir_exprs(pgwire_ir *ir, List *exprs, int depth)
{
	ListCell   *lc;

	pgwire_put_u32(&ir->clauses, list_length(exprs));
	foreach(lc, exprs)
		pgwire_ir_expr(ir, (Node *) lfirst(lc), depth + 1);
}

/* Whether there is one, and the one. */
void
pgwire_ir_optional(pgwire_ir *ir, Node *node, int depth)
{
	pgwire_put_u8(&ir->clauses, node != NULL);
	if (node != NULL)
		pgwire_ir_expr(ir, node, depth + 1);
}

/* A node that is a tag, perhaps a byte, and its argument. */
static void
put_unary(pgwire_ir *ir, uint8 tag, Node *node, int field, Expr *arg, int depth)
{
	pgwire_ir_head(ir, tag, node);
	if (field >= 0)
		pgwire_put_u8(&ir->clauses, field);
	pgwire_ir_expr(ir, (Node *) arg, depth + 1);
}

/* A node that is a tag, perhaps a byte, and a list of arguments. */
static void
put_list(pgwire_ir *ir, uint8 tag, Node *node, int field, List *args, int depth)
{
	pgwire_ir_head(ir, tag, node);
	if (field >= 0)
		pgwire_put_u8(&ir->clauses, field);
	pgwire_ir_exprs(ir, args, depth);
}

/* ---- one function for each kind of node, in the order of ir.h ---- */

/* The level of which the column's relation is an item; NULL: of none. */
static pgwire_ir_level *
level_of(const pgwire_ir *ir, const Var *var)
{
	pgwire_ir_level *level = ir->level;

	for (Index up = 0; level != NULL && up < var->varlevelsup; up++)
		level = level->outer;
	if (level == NULL || (int) var->varno <= 0 || (int) var->varno >= level->size ||
		level->items[var->varno] == PGWIRE_IR_NONE)
		return NULL;
	return level;
}

static void
put_var(pgwire_ir *ir, Node *node, int depth)
{
	StringInfo	buf = &ir->clauses;
	Var		   *var = (Var *) node;
	pgwire_ir_level *level = level_of(ir, var);
	int			attno = var->varattno;

	if (level != NULL)
	{
		ir->foreign_vars++;
		if (attno < 0 && level->outer == NULL && ir->root != NULL &&
			pgwire_carries_tableoid(ir->root, var))
			attno = -PGWIRE_IR_REMOTE_TABLEOID;
		else if (ir->statement)
			pgwire_ir_column(ir, level, var->varno, attno);
	}
	if (level != NULL && attno == InvalidAttrNumber)
		node = pgwire_ir_typed_row(level, var);
	pgwire_ir_head(ir, PGWIRE_IR_VAR, node);
	pgwire_put_u32(buf, level != NULL ? level->items[var->varno] : PGWIRE_IR_NONE);
	pgwire_put_u32(buf, (uint32) var->varno);
	pgwire_put_i32(buf, attno);
}

static void
put_const(pgwire_ir *ir, Node *node, int depth)
{
	pgwire_ir_head(ir, PGWIRE_IR_CONST, node);
	pgwire_ir_constant(ir, (Const *) node);
}

static void
put_param(pgwire_ir *ir, Node *node, int depth)
{
	StringInfo	buf = &ir->clauses;
	Param	   *param = (Param *) node;

	if (param->paramkind == PARAM_SUBLINK)
	{
		pgwire_ir_head(ir, PGWIRE_IR_SUB_OUTPUT, node);
		pgwire_put_u32(buf, (uint32) param->paramid);
		ir->foreign_vars++;
		return;
	}
	if (param->paramkind != PARAM_EXTERN && param->paramkind != PARAM_EXEC)
	{
		pgwire_ir_unknown(ir, node, depth);
		return;
	}
	pgwire_ir_head(ir, PGWIRE_IR_PARAM, node);
	pgwire_put_u8(buf, param->paramkind);
	pgwire_put_i32(buf, param->paramid);
}

/* OpExpr, DistinctExpr and NullIfExpr are one struct under three tags. */
static void
put_operator(pgwire_ir *ir, uint8 tag, OpExpr *op, int depth)
{
	StringInfo	buf = &ir->clauses;

	pgwire_ir_head(ir, tag, (Node *) op);
	pgwire_put_u32(buf, pgwire_ir_operator(ir, op->opno));
	pgwire_put_u32(buf, pgwire_ir_function(ir, get_opcode(op->opno)));
	pgwire_put_u32(buf, pgwire_ir_collation(ir, op->inputcollid));
	pgwire_ir_exprs(ir, op->args, depth);
}

static void
put_op(pgwire_ir *ir, Node *node, int depth)
{
	put_operator(ir, PGWIRE_IR_OP, (OpExpr *) node, depth);
}

static void
put_func(pgwire_ir *ir, Node *node, int depth)
{
	StringInfo	buf = &ir->clauses;
	FuncExpr   *func = (FuncExpr *) node;

	pgwire_ir_head(ir, PGWIRE_IR_FUNC, node);
	pgwire_put_u32(buf, pgwire_ir_function(ir, func->funcid));
	pgwire_put_u8(buf, func->funcformat);
	pgwire_put_u8(buf, func->funcvariadic);
	pgwire_put_u32(buf, pgwire_ir_collation(ir, func->inputcollid));
	pgwire_ir_exprs(ir, func->args, depth);
}

static void
put_scalar_array(pgwire_ir *ir, Node *node, int depth)
{
	StringInfo	buf = &ir->clauses;
	ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) node;

	pgwire_ir_head(ir, PGWIRE_IR_SCALAR_ARRAY, node);
	pgwire_put_u32(buf, pgwire_ir_operator(ir, op->opno));
	pgwire_put_u32(buf, pgwire_ir_function(ir, get_opcode(op->opno)));
	pgwire_put_u32(buf, pgwire_ir_collation(ir, op->inputcollid));
	pgwire_put_u8(buf, op->useOr);
	pgwire_ir_exprs(ir, op->args, depth);
}

static void
put_bool(pgwire_ir *ir, Node *node, int depth)
{
	BoolExpr   *expr = (BoolExpr *) node;

	put_list(ir, PGWIRE_IR_BOOL, node, expr->boolop, expr->args, depth);
}

static void
put_null_test(pgwire_ir *ir, Node *node, int depth)
{
	NullTest   *test = (NullTest *) node;

	pgwire_ir_head(ir, PGWIRE_IR_NULL_TEST, node);
	pgwire_put_u8(&ir->clauses, test->nulltesttype);
	pgwire_put_u8(&ir->clauses, test->argisrow);
	pgwire_ir_expr(ir, (Node *) test->arg, depth + 1);
}

static void
put_boolean_test(pgwire_ir *ir, Node *node, int depth)
{
	BooleanTest *test = (BooleanTest *) node;

	put_unary(ir, PGWIRE_IR_BOOLEAN_TEST, node, test->booltesttype, test->arg, depth);
}

static void
put_distinct(pgwire_ir *ir, Node *node, int depth)
{
	put_operator(ir, PGWIRE_IR_DISTINCT, (OpExpr *) node, depth);
}

static void
put_relabel(pgwire_ir *ir, Node *node, int depth)
{
	RelabelType *cast = (RelabelType *) node;

	put_unary(ir, PGWIRE_IR_RELABEL, node, cast->relabelformat, cast->arg, depth);
}

static void
put_coerce_via_io(pgwire_ir *ir, Node *node, int depth)
{
	StringInfo	buf = &ir->clauses;
	CoerceViaIO *cast = (CoerceViaIO *) node;
	Oid			output,
				input,
				ioparam;
	bool		varlena;

	getTypeOutputInfo(exprType((Node *) cast->arg), &output, &varlena);
	getTypeInputInfo(cast->resulttype, &input, &ioparam);
	pgwire_ir_head(ir, PGWIRE_IR_COERCE_VIA_IO, node);
	pgwire_put_u32(buf, pgwire_ir_function(ir, output));
	pgwire_put_u32(buf, pgwire_ir_function(ir, input));
	pgwire_ir_expr(ir, (Node *) cast->arg, depth + 1);
}

static void
put_coalesce(pgwire_ir *ir, Node *node, int depth)
{
	put_list(ir, PGWIRE_IR_COALESCE, node, -1, ((CoalesceExpr *) node)->args, depth);
}

static void
put_min_max(pgwire_ir *ir, Node *node, int depth)
{
	StringInfo	buf = &ir->clauses;
	MinMaxExpr *expr = (MinMaxExpr *) node;
	TypeCacheEntry *type = lookup_type_cache(expr->minmaxtype, TYPECACHE_CMP_PROC);

	pgwire_ir_head(ir, PGWIRE_IR_MIN_MAX, node);
	pgwire_put_u8(buf, expr->op);
	pgwire_put_u32(buf, pgwire_ir_function(ir, type->cmp_proc));
	pgwire_put_u32(buf, pgwire_ir_collation(ir, expr->inputcollid));
	pgwire_ir_exprs(ir, expr->args, depth);
}

static void
put_null_if(pgwire_ir *ir, Node *node, int depth)
{
	put_operator(ir, PGWIRE_IR_NULL_IF, (OpExpr *) node, depth);
}

static void
put_case(pgwire_ir *ir, Node *node, int depth)
{
	StringInfo	buf = &ir->clauses;
	CaseExpr   *expr = (CaseExpr *) node;
	ListCell   *lc;

	pgwire_ir_head(ir, PGWIRE_IR_CASE, node);
	pgwire_put_u8(buf, expr->arg != NULL);
	pgwire_put_u8(buf, expr->defresult != NULL);
	pgwire_put_u32(buf, list_length(expr->args));
	if (expr->arg)
		pgwire_ir_expr(ir, (Node *) expr->arg, depth + 1);
	foreach(lc, expr->args)
	{
		CaseWhen   *when = lfirst_node(CaseWhen, lc);

		pgwire_ir_expr(ir, (Node *) when->expr, depth + 1);
		pgwire_ir_expr(ir, (Node *) when->result, depth + 1);
	}
	if (expr->defresult)
		pgwire_ir_expr(ir, (Node *) expr->defresult, depth + 1);
}

static void
put_case_test(pgwire_ir *ir, Node *node, int depth)
{
	pgwire_ir_head(ir, PGWIRE_IR_CASE_TEST, node);
}

static void
put_array(pgwire_ir *ir, Node *node, int depth)
{
	ArrayExpr  *array = (ArrayExpr *) node;

	put_list(ir, PGWIRE_IR_ARRAY, node, -1, array->elements, depth);
}

/* The list of lower bounds is shorter than that of upper ones, or empty. */
static Node *
bound(List *bounds, int i)
{
	return i < list_length(bounds) ? (Node *) list_nth(bounds, i) : NULL;
}

static void
put_subscript(pgwire_ir *ir, Node *node, int depth)
{
	StringInfo	buf = &ir->clauses;
	SubscriptingRef *ref = (SubscriptingRef *) node;
	int			n = list_length(ref->refupperindexpr);

	if (ref->refassgnexpr != NULL)
	{
		pgwire_ir_unknown(ir, node, depth);
		return;
	}
	pgwire_ir_head(ir, PGWIRE_IR_SUBSCRIPT, node);
	pgwire_put_u32(buf, n);
	for (int i = 0; i < n; i++)
		pgwire_put_u8(buf,
					  (bound(ref->reflowerindexpr, i) ? PGWIRE_SUBSCRIPT_LOWER : 0) |
					  (bound(ref->refupperindexpr, i) ? PGWIRE_SUBSCRIPT_UPPER : 0) |
					  (ref->reflowerindexpr != NIL ? PGWIRE_SUBSCRIPT_SLICE : 0));
	pgwire_ir_expr(ir, (Node *) ref->refexpr, depth + 1);
	for (int i = 0; i < n; i++)
	{
		if (bound(ref->reflowerindexpr, i))
			pgwire_ir_expr(ir, bound(ref->reflowerindexpr, i), depth + 1);
		if (bound(ref->refupperindexpr, i))
			pgwire_ir_expr(ir, bound(ref->refupperindexpr, i), depth + 1);
	}
}

static void
put_array_coerce(pgwire_ir *ir, Node *node, int depth)
{
	ArrayCoerceExpr *cast = (ArrayCoerceExpr *) node;

	pgwire_ir_head(ir, PGWIRE_IR_ARRAY_COERCE, node);
	pgwire_ir_expr(ir, (Node *) cast->arg, depth + 1);
	pgwire_ir_expr(ir, (Node *) cast->elemexpr, depth + 1);
}

static void
put_row(pgwire_ir *ir, Node *node, int depth)
{
	put_list(ir, PGWIRE_IR_ROW, node, -1, ((RowExpr *) node)->args, depth);
}

/*
 * The lists are of one length. Which comparison it is the operators tell, whose
 * symbols are all the same.
 */
static void
put_row_compare(pgwire_ir *ir, Node *node, int depth)
{
	StringInfo	buf = &ir->clauses;
	RowCompareExpr *compare = (RowCompareExpr *) node;
	int			n = list_length(compare->opnos);

	pgwire_ir_head(ir, PGWIRE_IR_ROW_COMPARE, node);
	pgwire_put_u32(buf, n);
	for (int i = 0; i < n; i++)
	{
		Oid			op = list_nth_oid(compare->opnos, i);

		pgwire_put_u32(buf, pgwire_ir_operator(ir, op));
		pgwire_put_u32(buf, pgwire_ir_function(ir, get_opcode(op)));
		pgwire_put_u32(buf, pgwire_ir_collation(ir, list_nth_oid(compare->inputcollids, i)));
	}
	for (int i = 0; i < n; i++)
	{
		pgwire_ir_expr(ir, (Node *) list_nth(compare->largs, i), depth + 1);
		pgwire_ir_expr(ir, (Node *) list_nth(compare->rargs, i), depth + 1);
	}
}

static void
put_collate(pgwire_ir *ir, Node *node, int depth)
{
	put_unary(ir, PGWIRE_IR_COLLATE, node, -1, ((CollateExpr *) node)->arg, depth);
}

static void
put_sql_value(pgwire_ir *ir, Node *node, int depth)
{
	pgwire_ir_head(ir, PGWIRE_IR_SQL_VALUE, node);
	pgwire_put_u8(&ir->clauses, ((SQLValueFunction *) node)->op);
}

/* The name of a field of a composite type; empty if it is no such type's. */
static const char *
field_name(Oid type, AttrNumber field)
{
	TupleDesc	desc;
	const char *name = "";

	if (get_typtype(type) != TYPTYPE_COMPOSITE)
		return name;
	desc = lookup_rowtype_tupdesc(type, -1);
	if (field > 0 && field <= desc->natts)
		name = pstrdup(NameStr(TupleDescAttr(desc, field - 1)->attname));
	ReleaseTupleDesc(desc);
	return name;
}

static void
put_field_select(pgwire_ir *ir, Node *node, int depth)
{
	FieldSelect *select = (FieldSelect *) node;

	pgwire_ir_head(ir, PGWIRE_IR_FIELD_SELECT, node);
	pgwire_put_i32(&ir->clauses, select->fieldnum);
	pgwire_put_string(&ir->clauses, field_name(exprType((Node *) select->arg), select->fieldnum));
	pgwire_ir_expr(ir, (Node *) select->arg, depth + 1);
}

static void
put_coerce_to_domain(pgwire_ir *ir, Node *node, int depth)
{
	CoerceToDomain *cast = (CoerceToDomain *) node;

	put_unary(ir, PGWIRE_IR_COERCE_TO_DOMAIN, node, -1, cast->arg, depth);
}

/* Does the tree hold a node that means something only where it stands? */
static bool
needs_surroundings(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Aggref:
		case T_AlternativeSubPlan:
		case T_CaseTestExpr:
		case T_CoerceToDomainValue:
		case T_CurrentOfExpr:
		case T_GroupingFunc:
		case T_NextValueExpr:
		case T_PlaceHolderVar:
		case T_SetToDefault:
		case T_SubLink:
		case T_SubPlan:
		case T_WindowFunc:
			return true;
		case T_FuncExpr:
			if (((FuncExpr *) node)->funcretset)
				return true;
			break;
		case T_OpExpr:
			if (((OpExpr *) node)->opretset)
				return true;
			break;
		case T_Param:
			if (((Param *) node)->paramkind != PARAM_EXTERN &&
				((Param *) node)->paramkind != PARAM_EXEC)
				return true;
			break;
		default:
			break;
	}
	return expression_tree_walker(node, needs_surroundings, context);
}

/* Does the tree hold a column of an item? */
static bool
has_item(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return level_of(context, (Var *) node) != NULL;
	return expression_tree_walker(node, has_item, context);
}

/* A node with no form of its own in the IR: say what Go must know to refuse it. */
void
pgwire_ir_unknown(pgwire_ir *ir, Node *node, int depth)
{
	StringInfo	buf = &ir->clauses;
	uint8		flags = 0;

	if (has_item(node, ir))
	{
		flags |= PGWIRE_UNKNOWN_FOREIGN_VAR;
		ir->foreign_vars++;
	}
	if (contain_volatile_functions(node))
		flags |= PGWIRE_UNKNOWN_VOLATILE;
	if (needs_surroundings(node, NULL))
		flags |= PGWIRE_UNKNOWN_NOT_ALONE;
	pgwire_ir_head(ir, PGWIRE_IR_UNKNOWN, node);
	pgwire_put_u8(buf, flags);
	pgwire_put_u32(buf, (uint32) nodeTag(node));
}

/* A node that stays here whatever it is, and its clause with it. */
static void
put_cut_off(pgwire_ir *ir, Node *node)
{
	pgwire_ir_head(ir, PGWIRE_IR_UNKNOWN, node);
	pgwire_put_u8(&ir->clauses, PGWIRE_UNKNOWN_FOREIGN_VAR |
				  PGWIRE_UNKNOWN_VOLATILE | PGWIRE_UNKNOWN_NOT_ALONE);
	pgwire_put_u32(&ir->clauses, (uint32) nodeTag(node));
	ir->foreign_vars++;
}

/* A statement has only what was found short enough. */
static bool
is_too_long(const pgwire_ir *ir)
{
	return !ir->statement &&
		ir->clauses.len + ir->unwritten > PGWIRE_IR_MAX_QUESTION;
}

/*
 * What writes which node. A node that is not listed is unknown to the IR; a new
 * one needs its tag in ir.h, a function above, a line here, and its like in
 * handler/internal/ir (tags.go, expr.go, decode_expr.go, encode.go).
 */
static void (*const writers[]) (pgwire_ir *ir, Node *node, int depth) =
{
	[T_Aggref] = pgwire_ir_aggref,
	[T_ArrayCoerceExpr] = put_array_coerce,
	[T_ArrayExpr] = put_array,
	[T_BoolExpr] = put_bool,
	[T_BooleanTest] = put_boolean_test,
	[T_CaseExpr] = put_case,
	[T_CaseTestExpr] = put_case_test,
	[T_CoalesceExpr] = put_coalesce,
	[T_CoerceToDomain] = put_coerce_to_domain,
	[T_CoerceViaIO] = put_coerce_via_io,
	[T_CollateExpr] = put_collate,
	[T_Const] = put_const,
	[T_DistinctExpr] = put_distinct,
	[T_FieldSelect] = put_field_select,
	[T_FuncExpr] = put_func,
	[T_GroupingFunc] = pgwire_ir_grouping_func,
#ifdef PGWIRE_HAS_JSON_CONSTRUCTORS
	[T_JsonConstructorExpr] = pgwire_ir_json_constructor,
	[T_JsonIsPredicate] = pgwire_ir_is_json,
#endif
#ifdef PGWIRE_HAS_JSON_QUERY
	[T_JsonExpr] = pgwire_ir_json_query,
#endif
	[T_MinMaxExpr] = put_min_max,
	[T_NullIfExpr] = put_null_if,
	[T_NullTest] = put_null_test,
	[T_OpExpr] = put_op,
	[T_Param] = put_param,
	[T_RelabelType] = put_relabel,
	[T_RowCompareExpr] = put_row_compare,
	[T_RowExpr] = put_row,
	[T_SQLValueFunction] = put_sql_value,
	[T_ScalarArrayOpExpr] = put_scalar_array,
	[T_SubLink] = pgwire_ir_sub_link,
	[T_SubscriptingRef] = put_subscript,
	[T_Var] = put_var,
	[T_WindowFunc] = pgwire_ir_window_func,
};

void
pgwire_ir_expr(pgwire_ir *ir, Node *node, int depth)
{
	size_t		tag;
	uint32		number = ir->nnodes;
	uint32		foreign_vars = ir->foreign_vars;
	int			start = ir->clauses.len;

	check_stack_depth();
	node = pgwire_strip_json_value(node);
	tag = (size_t) nodeTag(node);
	if (is_too_long(ir))
		put_cut_off(ir, node);
	else if (depth < PGWIRE_IR_MAX_DEPTH && tag < lengthof(writers) && writers[tag] != NULL)
		writers[tag] (ir, node, depth);
	else
		pgwire_ir_unknown(ir, node, depth);
	if (ir->statement && ir->foreign_vars == foreign_vars)
		pgwire_ir_find_equal(ir, number, start);
}
