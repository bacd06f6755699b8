/*
 * json.c - the SQL/JSON expressions in the bytes of ir.h: constructors and IS
 * JSON of PostgreSQL 16, JSON_VALUE and its kin of 17.
 *
 * Like expr.c it describes and decides nothing.
 */
#include "ir.h"

#include "optimizer/optimizer.h"

#include "compat.h"

#ifdef PGWIRE_HAS_JSON_CONSTRUCTORS

void
pgwire_ir_json_constructor(pgwire_ir *ir, Node *node, int depth)
{
	StringInfo	buf = &ir->clauses;
	JsonConstructorExpr *ctor = (JsonConstructorExpr *) node;

	/* an aggregate, or with a cast behind it */
	if (ctor->func != NULL || ctor->coercion != NULL)
	{
		pgwire_ir_unknown(ir, node, depth);
		return;
	}
	pgwire_ir_head(ir, PGWIRE_IR_JSON_CONSTRUCTOR, node);
	pgwire_put_u8(buf, ctor->type);
	pgwire_put_u8(buf, ctor->absent_on_null);
	pgwire_put_u8(buf, ctor->unique);
	pgwire_put_u8(buf, contain_mutable_functions(node));
	pgwire_ir_exprs(ir, ctor->args, depth);
}

void
pgwire_ir_is_json(pgwire_ir *ir, Node *node, int depth)
{
	StringInfo	buf = &ir->clauses;
	JsonIsPredicate *predicate = (JsonIsPredicate *) node;

	pgwire_ir_head(ir, PGWIRE_IR_IS_JSON, node);
	pgwire_put_u8(buf, predicate->item_type);
	pgwire_put_u8(buf, predicate->unique_keys);
	pgwire_ir_expr(ir, predicate->expr, depth + 1);
}

#endif

#ifdef PGWIRE_HAS_JSON_QUERY

/* ON EMPTY or ON ERROR: the value of DEFAULT is written behind all behaviours. */
static void
put_behavior(StringInfo buf, const JsonBehavior *behavior)
{
	pgwire_put_u8(buf, behavior ? behavior->btype : PGWIRE_JSON_NO_BEHAVIOR);
}

static Node *
default_of(const JsonBehavior *behavior)
{
	return behavior != NULL && behavior->btype == JSON_BEHAVIOR_DEFAULT ? behavior->expr : NULL;
}

void
pgwire_ir_json_query(pgwire_ir *ir, Node *node, int depth)
{
	StringInfo	buf = &ir->clauses;
	JsonExpr   *expr = (JsonExpr *) node;
	ListCell   *lc;

	pgwire_ir_head(ir, PGWIRE_IR_JSON_QUERY, node);
	pgwire_put_u8(buf, expr->op);
	pgwire_put_u8(buf, expr->wrapper);
	pgwire_put_u8(buf, expr->omit_quotes);
	pgwire_put_u8(buf, contain_mutable_functions(node));
	put_behavior(buf, expr->on_empty);
	put_behavior(buf, expr->on_error);
	pgwire_put_u32(buf, list_length(expr->passing_names));
	foreach(lc, expr->passing_names)
		pgwire_put_string(buf, strVal(lfirst(lc)));
	pgwire_ir_expr(ir, expr->formatted_expr, depth + 1);
	pgwire_ir_expr(ir, expr->path_spec, depth + 1);
	foreach(lc, expr->passing_values)
		pgwire_ir_expr(ir, (Node *) lfirst(lc), depth + 1);
	pgwire_ir_optional(ir, default_of(expr->on_empty), depth);
	pgwire_ir_optional(ir, default_of(expr->on_error), depth);
}

#endif
