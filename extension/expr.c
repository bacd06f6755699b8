/*
 * expr.c - flattens expression trees into the bytes of ir.h.
 *
 * The only walker of Expr in this module. It describes, it decides nothing:
 * whether an expression may run on the remote server is judged by
 * handler/internal/ship, and a node that this file does not know is passed as
 * such, so that its clause stays here.
 */
#include "ir.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/nodes.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "param.h"

static void put_node(pgwire_ir *ir, Node *node, int depth);

void
pgwire_ir_begin(pgwire_ir *ir, Index relid, List *extensions)
{
	memset(ir, 0, sizeof(*ir));
	ir->relid = relid;
	ir->extensions = extensions;
	ir->guc_level = -1;
	initStringInfo(&ir->clauses);
}

/* Add a clause; flags is one of PGWIRE_CLAUSE_*. */
void
pgwire_ir_clause(pgwire_ir *ir, int flags, Expr *clause)
{
	ir->nclauses++;
	pgwire_put_u8(&ir->clauses, flags);
	put_node(ir, (Node *) clause, 0);
}

static void
put_table(StringInfo request, const pgwire_ir_table *table)
{
	pgwire_put_u32(request, table->count);
	if (table->count > 0)
		appendBinaryStringInfo(request, table->entries.data, table->entries.len);
}

/* Append the object tables and the clauses to the request. */
void
pgwire_ir_finish(pgwire_ir *ir, StringInfo request)
{
	if (ir->guc_level >= 0)
		AtEOXact_GUC(true, ir->guc_level);
	ir->guc_level = -1;
	put_table(request, &ir->types);
	put_table(request, &ir->functions);
	put_table(request, &ir->operators);
	put_table(request, &ir->collations);
	pgwire_put_u32(request, ir->nclauses);
	appendBinaryStringInfo(request, ir->clauses.data, ir->clauses.len);
}

/* The node of a number, NULL when there is none. */
Node *
pgwire_ir_node(const pgwire_ir *ir, uint32 number)
{
	return number < (uint32) ir->nnodes ? ir->nodes[number] : NULL;
}

/* Begin a node: give it its number, write what all nodes have. */
static void
put_head(pgwire_ir *ir, uint8 tag, Node *node)
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

static void
put_args(pgwire_ir *ir, List *args, int depth)
{
	ListCell   *lc;

	pgwire_put_u32(&ir->clauses, list_length(args));
	foreach(lc, args)
		put_node(ir, (Node *) lfirst(lc), depth + 1);
}

/*
 * Types whose text depends on no setting. Changing settings and back takes
 * several microseconds in each request, so the frequent types are named here.
 */
static bool
printed_regardless(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case OIDOID:
		case NUMERICOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
		case UUIDOID:
		case JSONBOID:
		case INETOID:
		case TIDOID:
		case INT2ARRAYOID:
		case INT4ARRAYOID:
		case INT8ARRAYOID:
		case NUMERICARRAYOID:
		case TEXTARRAYOID:
		case UUIDARRAYOID:
			return true;
		default:
			return false;
	}
}

static void
put_const(pgwire_ir *ir, Const *node)
{
	StringInfo	buf = &ir->clauses;
	uint8		flags = 0;
	Oid			output;
	bool		varlena;
	char	   *text;

	put_head(ir, PGWIRE_IR_CONST, (Node *) node);
	if (node->constisnull)
	{
		pgwire_put_u8(buf, PGWIRE_CONST_NULL);
		pgwire_put_string(buf, "");
		return;
	}
	if (pgwire_is_oid_alias(node->consttype) &&
		DatumGetObjectId(node->constvalue) >= FirstGenbkiObjectId)
		flags |= PGWIRE_CONST_LOCAL_OBJECT;

	/*
	 * Values are printed as the remote session reads them. The settings last
	 * until the request is finished, and an error ends them with its
	 * (sub)transaction.
	 */
	if (ir->guc_level < 0 && !printed_regardless(node->consttype))
		ir->guc_level = pgwire_set_transmission_modes();
	getTypeOutputInfo(node->consttype, &output, &varlena);
	text = OidOutputFunctionCall(output, node->constvalue);
	/* a "char" or a text made of one may hold part of a character until 14 */
	if (!pg_verifymbstr(text, strlen(text), true))
		flags |= PGWIRE_CONST_INVALID;
	pgwire_put_u8(buf, flags);
	pgwire_put_string(buf, text);
	pfree(text);
}

/* OpExpr, DistinctExpr and NullIfExpr are one struct under three tags. */
static void
put_op(pgwire_ir *ir, uint8 tag, OpExpr *node, int depth)
{
	StringInfo	buf = &ir->clauses;

	put_head(ir, tag, (Node *) node);
	pgwire_put_u32(buf, pgwire_ir_operator(ir, node->opno));
	pgwire_put_u32(buf, pgwire_ir_function(ir, get_opcode(node->opno)));
	pgwire_put_u32(buf, pgwire_ir_collation(ir, node->inputcollid));
	put_args(ir, node->args, depth);
}

static void
put_func(pgwire_ir *ir, FuncExpr *node, int depth)
{
	StringInfo	buf = &ir->clauses;

	put_head(ir, PGWIRE_IR_FUNC, (Node *) node);
	pgwire_put_u32(buf, pgwire_ir_function(ir, node->funcid));
	pgwire_put_u8(buf, node->funcformat);
	pgwire_put_u8(buf, node->funcvariadic);
	pgwire_put_u32(buf, pgwire_ir_collation(ir, node->inputcollid));
	put_args(ir, node->args, depth);
}

static void
put_scalar_array(pgwire_ir *ir, ScalarArrayOpExpr *node, int depth)
{
	StringInfo	buf = &ir->clauses;

	put_head(ir, PGWIRE_IR_SCALAR_ARRAY, (Node *) node);
	pgwire_put_u32(buf, pgwire_ir_operator(ir, node->opno));
	pgwire_put_u32(buf, pgwire_ir_function(ir, get_opcode(node->opno)));
	pgwire_put_u32(buf, pgwire_ir_collation(ir, node->inputcollid));
	pgwire_put_u8(buf, node->useOr);
	put_args(ir, node->args, depth);
}

static void
put_coerce_via_io(pgwire_ir *ir, CoerceViaIO *node, int depth)
{
	StringInfo	buf = &ir->clauses;
	Oid			output,
				input,
				ioparam;
	bool		varlena;

	getTypeOutputInfo(exprType((Node *) node->arg), &output, &varlena);
	getTypeInputInfo(node->resulttype, &input, &ioparam);
	put_head(ir, PGWIRE_IR_COERCE_VIA_IO, (Node *) node);
	pgwire_put_u8(buf, node->coerceformat);
	pgwire_put_u32(buf, pgwire_ir_function(ir, output));
	pgwire_put_u32(buf, pgwire_ir_function(ir, input));
	put_node(ir, (Node *) node->arg, depth + 1);
}

static void
put_min_max(pgwire_ir *ir, MinMaxExpr *node, int depth)
{
	StringInfo	buf = &ir->clauses;
	TypeCacheEntry *type = lookup_type_cache(node->minmaxtype, TYPECACHE_CMP_PROC);

	put_head(ir, PGWIRE_IR_MIN_MAX, (Node *) node);
	pgwire_put_u8(buf, node->op);
	pgwire_put_u32(buf, pgwire_ir_function(ir, type->cmp_proc));
	pgwire_put_u32(buf, pgwire_ir_collation(ir, node->inputcollid));
	put_args(ir, node->args, depth);
}

static void
put_case(pgwire_ir *ir, CaseExpr *node, int depth)
{
	StringInfo	buf = &ir->clauses;
	ListCell   *lc;

	put_head(ir, PGWIRE_IR_CASE, (Node *) node);
	pgwire_put_u8(buf, node->arg != NULL);
	pgwire_put_u8(buf, node->defresult != NULL);
	pgwire_put_u32(buf, list_length(node->args));
	if (node->arg)
		put_node(ir, (Node *) node->arg, depth + 1);
	foreach(lc, node->args)
	{
		CaseWhen   *when = lfirst_node(CaseWhen, lc);

		put_node(ir, (Node *) when->expr, depth + 1);
		put_node(ir, (Node *) when->result, depth + 1);
	}
	if (node->defresult)
		put_node(ir, (Node *) node->defresult, depth + 1);
}

/* The list of lower bounds is shorter than that of upper ones, or empty. */
static Node *
bound(List *bounds, int i)
{
	return i < list_length(bounds) ? (Node *) list_nth(bounds, i) : NULL;
}

static void
put_subscript(pgwire_ir *ir, SubscriptingRef *node, int depth)
{
	StringInfo	buf = &ir->clauses;
	int			n = list_length(node->refupperindexpr);

	put_head(ir, PGWIRE_IR_SUBSCRIPT, (Node *) node);
	pgwire_put_u32(buf, n);
	for (int i = 0; i < n; i++)
		pgwire_put_u8(buf,
					  (bound(node->reflowerindexpr, i) ? PGWIRE_SUBSCRIPT_LOWER : 0) |
					  (bound(node->refupperindexpr, i) ? PGWIRE_SUBSCRIPT_UPPER : 0) |
					  (node->reflowerindexpr != NIL ? PGWIRE_SUBSCRIPT_SLICE : 0));
	put_node(ir, (Node *) node->refexpr, depth + 1);
	for (int i = 0; i < n; i++)
	{
		if (bound(node->reflowerindexpr, i))
			put_node(ir, bound(node->reflowerindexpr, i), depth + 1);
		if (bound(node->refupperindexpr, i))
			put_node(ir, bound(node->refupperindexpr, i), depth + 1);
	}
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

/* A node with no form of its own in the IR: say what Go must know to refuse it. */
static void
put_unknown(pgwire_ir *ir, Node *node)
{
	StringInfo	buf = &ir->clauses;
	Bitmapset  *attrs = NULL;
	uint8		flags = 0;

	pull_varattnos(node, ir->relid, &attrs);
	if (!bms_is_empty(attrs))
		flags |= PGWIRE_UNKNOWN_FOREIGN_VAR;
	if (contain_volatile_functions(node))
		flags |= PGWIRE_UNKNOWN_VOLATILE;
	if (needs_surroundings(node, NULL))
		flags |= PGWIRE_UNKNOWN_NOT_ALONE;
	put_head(ir, PGWIRE_IR_UNKNOWN, node);
	pgwire_put_u8(buf, flags);
	pgwire_put_u32(buf, (uint32) nodeTag(node));
}

static void
put_var(pgwire_ir *ir, Var *node)
{
	StringInfo	buf = &ir->clauses;

	put_head(ir, PGWIRE_IR_VAR, (Node *) node);
	pgwire_put_u8(buf, (Index) node->varno == ir->relid && node->varlevelsup == 0);
	pgwire_put_u32(buf, (uint32) node->varno);
	pgwire_put_i32(buf, node->varattno);
}

/* Nodes that are a tag, perhaps a byte, and their argument. */
static void
put_unary(pgwire_ir *ir, uint8 tag, Node *node, int field, Expr *arg, int depth)
{
	put_head(ir, tag, node);
	if (field >= 0)
		pgwire_put_u8(&ir->clauses, field);
	put_node(ir, (Node *) arg, depth + 1);
}

/* Nodes that are a tag, perhaps a byte, and a list of arguments. */
static void
put_list(pgwire_ir *ir, uint8 tag, Node *node, int field, List *args, int depth)
{
	put_head(ir, tag, node);
	if (field >= 0)
		pgwire_put_u8(&ir->clauses, field);
	put_args(ir, args, depth);
}

/* The nodes whose description is more than a byte and their arguments. */
static bool
put_compound(pgwire_ir *ir, Node *node, int depth)
{
	switch (nodeTag(node))
	{
		case T_Var:
			put_var(ir, (Var *) node);
			return true;
		case T_Const:
			put_const(ir, (Const *) node);
			return true;
		case T_Param:
			if (((Param *) node)->paramkind != PARAM_EXTERN &&
				((Param *) node)->paramkind != PARAM_EXEC)
				return false;
			put_head(ir, PGWIRE_IR_PARAM, node);
			pgwire_put_u8(&ir->clauses, ((Param *) node)->paramkind);
			pgwire_put_i32(&ir->clauses, ((Param *) node)->paramid);
			return true;
		case T_OpExpr:
			if (((OpExpr *) node)->opretset)
				return false;
			put_op(ir, PGWIRE_IR_OP, (OpExpr *) node, depth);
			return true;
		case T_DistinctExpr:
			put_op(ir, PGWIRE_IR_DISTINCT, (OpExpr *) node, depth);
			return true;
		case T_NullIfExpr:
			put_op(ir, PGWIRE_IR_NULL_IF, (OpExpr *) node, depth);
			return true;
		case T_FuncExpr:
			if (((FuncExpr *) node)->funcretset)
				return false;
			put_func(ir, (FuncExpr *) node, depth);
			return true;
		case T_ScalarArrayOpExpr:
			put_scalar_array(ir, (ScalarArrayOpExpr *) node, depth);
			return true;
		case T_CoerceViaIO:
			put_coerce_via_io(ir, (CoerceViaIO *) node, depth);
			return true;
		case T_MinMaxExpr:
			put_min_max(ir, (MinMaxExpr *) node, depth);
			return true;
		case T_CaseExpr:
			put_case(ir, (CaseExpr *) node, depth);
			return true;
		case T_SubscriptingRef:
			if (((SubscriptingRef *) node)->refassgnexpr != NULL)
				return false;
			put_subscript(ir, (SubscriptingRef *) node, depth);
			return true;
		default:
			return false;
	}
}

/* The nodes with fields of their own and a fixed number of arguments. */
static bool
put_fixed(pgwire_ir *ir, Node *node, int depth)
{
	StringInfo	buf = &ir->clauses;

	switch (nodeTag(node))
	{
		case T_NullTest:
			put_head(ir, PGWIRE_IR_NULL_TEST, node);
			pgwire_put_u8(buf, ((NullTest *) node)->nulltesttype);
			pgwire_put_u8(buf, ((NullTest *) node)->argisrow);
			put_node(ir, (Node *) ((NullTest *) node)->arg, depth + 1);
			return true;
		case T_ArrayCoerceExpr:
			put_head(ir, PGWIRE_IR_ARRAY_COERCE, node);
			pgwire_put_u8(buf, ((ArrayCoerceExpr *) node)->coerceformat);
			put_node(ir, (Node *) ((ArrayCoerceExpr *) node)->arg, depth + 1);
			put_node(ir, (Node *) ((ArrayCoerceExpr *) node)->elemexpr, depth + 1);
			return true;
		case T_FieldSelect:
			put_head(ir, PGWIRE_IR_FIELD_SELECT, node);
			pgwire_put_i32(buf, ((FieldSelect *) node)->fieldnum);
			put_node(ir, (Node *) ((FieldSelect *) node)->arg, depth + 1);
			return true;
		case T_SQLValueFunction:
			put_head(ir, PGWIRE_IR_SQL_VALUE, node);
			pgwire_put_u8(buf, ((SQLValueFunction *) node)->op);
			return true;
		case T_CaseTestExpr:
			put_head(ir, PGWIRE_IR_CASE_TEST, node);
			return true;
		default:
			return false;
	}
}

static void
put_node(pgwire_ir *ir, Node *node, int depth)
{
	check_stack_depth();
	if (depth >= PGWIRE_IR_MAX_DEPTH)
	{
		put_unknown(ir, node);
		return;
	}
	switch (nodeTag(node))
	{
		case T_BoolExpr:
			put_list(ir, PGWIRE_IR_BOOL, node, ((BoolExpr *) node)->boolop,
					 ((BoolExpr *) node)->args, depth);
			break;
		case T_BooleanTest:
			put_unary(ir, PGWIRE_IR_BOOLEAN_TEST, node,
					  ((BooleanTest *) node)->booltesttype,
					  ((BooleanTest *) node)->arg, depth);
			break;
		case T_RelabelType:
			put_unary(ir, PGWIRE_IR_RELABEL, node,
					  ((RelabelType *) node)->relabelformat,
					  ((RelabelType *) node)->arg, depth);
			break;
		case T_CoerceToDomain:
			put_unary(ir, PGWIRE_IR_COERCE_TO_DOMAIN, node,
					  ((CoerceToDomain *) node)->coercionformat,
					  ((CoerceToDomain *) node)->arg, depth);
			break;
		case T_CollateExpr:
			put_unary(ir, PGWIRE_IR_COLLATE, node, -1,
					  ((CollateExpr *) node)->arg, depth);
			break;
		case T_CoalesceExpr:
			put_list(ir, PGWIRE_IR_COALESCE, node, -1,
					 ((CoalesceExpr *) node)->args, depth);
			break;
		case T_ArrayExpr:
			put_list(ir, PGWIRE_IR_ARRAY, node, ((ArrayExpr *) node)->multidims,
					 ((ArrayExpr *) node)->elements, depth);
			break;
		case T_RowExpr:
			put_list(ir, PGWIRE_IR_ROW, node, -1, ((RowExpr *) node)->args, depth);
			break;
		default:
			if (!put_compound(ir, node, depth) && !put_fixed(ir, node, depth))
				put_unknown(ir, node);
			break;
	}
}
