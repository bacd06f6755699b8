/*
 * param.c - values of a remote statement's parameters.
 *
 * Types whose binary form cannot depend on a setting, on client_encoding or on
 * an OID go in binary with their type stated. All others go as text, and the
 * cast in the statement tells the remote their type.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "ir.h"
#include "param.h"

bool
pgwire_is_binary_safe(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case BYTEAOID:
		case DATEOID:
		case FLOAT4OID:
		case FLOAT8OID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case INTERVALOID:
		case NUMERICOID:
		case OIDOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case TIMETZOID:
		case UUIDOID:
			return true;
		default:
			return false;
	}
}

bool
pgwire_is_string(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID ||
		type == NAMEOID || type == JSONOID;
}

pgwire_params *
pgwire_prepare_params(List *fdw_exprs, PlanState *node)
{
	pgwire_params *params = palloc0(sizeof(pgwire_params));
	ListCell   *lc;
	int			i = 0;

	params->count = list_length(fdw_exprs);
	if (params->count == 0)
		return params;
	params->functions = palloc0(sizeof(FmgrInfo) * params->count);
	params->values = palloc0(sizeof(pgwire_param) * params->count);
	params->binary = palloc0(sizeof(bool) * params->count);
	foreach(lc, fdw_exprs)
	{
		Oid			type = exprType((Node *) lfirst(lc));
		Oid			function;
		bool		is_varlena;

		params->binary[i] = pgwire_is_binary_safe(type);
		if (params->binary[i])
			getTypeBinaryOutputInfo(type, &function, &is_varlena);
		else
			getTypeOutputInfo(type, &function, &is_varlena);
		fmgr_info(function, &params->functions[i]);
		params->values[i].format = params->binary[i] ? 1 : 0;
		params->values[i].type_oid = type < FirstGenbkiObjectId ? type : InvalidOid;
		if (!params->binary[i] && !pgwire_is_string(type))
		{
			params->transmission_modes = true;
			params->names |= pgwire_prints_names(type);
		}
		i++;
	}
	/*
	 * A parameter may be an expression over others. It is evaluated by the
	 * executor's own rules, in this plan node's context.
	 */
	params->exprs = ExecInitExprList(fdw_exprs, node);
	params->context = AllocSetContextCreate(CurrentMemoryContext,
											"pgwire_fdw parameters",
											ALLOCSET_SMALL_SIZES);
	return params;
}

static void
set_for_now(int *level, const char *name, const char *value)
{
	if (*level < 0)
		*level = NewGUCNestLevel();
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * Settings under which text forms are the same for every reader. Only for the
 * output functions: an expression is evaluated under the user's own. What is
 * set so already is left alone, because a change and its end take microseconds;
 * names says that a value may be printed as the name of an object.
 *
 * The answer is for pgwire_end_transmission_modes; an error ends them too, with
 * its (sub)transaction.
 */
int
pgwire_set_transmission_modes(bool names)
{
	int			level = -1;

	if (DateStyle != USE_ISO_DATES)
		set_for_now(&level, "datestyle", "ISO");
	if (IntervalStyle != INTSTYLE_POSTGRES)
		set_for_now(&level, "intervalstyle", "postgres");
	if (extra_float_digits < 1)
		set_for_now(&level, "extra_float_digits", "3");
	if (bytea_output != BYTEA_OUTPUT_HEX)
		set_for_now(&level, "bytea_output", "hex");
	if (names)
		set_for_now(&level, "search_path", "pg_catalog");
	return level;
}

void
pgwire_end_transmission_modes(int level)
{
	if (level >= 0)
		AtEOXact_GUC(true, level);
}

/* May values be printed as names of objects, or who knows how? */
bool
pgwire_prints_names(Oid type)
{
	Oid			element;

	if (type >= FirstGenbkiObjectId || type == ACLITEMOID || pgwire_is_oid_alias(type))
		return true;
	element = get_element_type(type);
	return element == ACLITEMOID || pgwire_is_oid_alias(element);
}

static void
print_param(pgwire_params *params, int i, Datum value)
{
	pgwire_param *p = &params->values[i];

	if (params->binary[i])
	{
		bytea	   *b = SendFunctionCall(&params->functions[i], value);

		p->value.data = (uint8_t *) VARDATA(b);
		p->value.len = VARSIZE(b) - VARHDRSZ;
	}
	else
	{
		char	   *s = OutputFunctionCall(&params->functions[i], value);

		p->value.data = (uint8_t *) s;
		p->value.len = strlen(s);
	}
}

void
pgwire_eval_params(pgwire_params *params, ExprContext *econtext)
{
	MemoryContext old;
	Datum	   *values;
	ListCell   *lc;
	int			guc_level = -1;
	int			i = 0;

	if (params->count == 0)
		return;
	MemoryContextReset(params->context);
	old = MemoryContextSwitchTo(params->context);
	values = palloc(sizeof(Datum) * params->count);
	foreach(lc, params->exprs)
	{
		bool		isnull;

		values[i] = ExecEvalExpr((ExprState *) lfirst(lc), econtext, &isnull);
		params->values[i].is_null = isnull;
		params->values[i].value.data = NULL;
		params->values[i].value.len = 0;
		i++;
	}
	if (params->transmission_modes)
		guc_level = pgwire_set_transmission_modes(params->names);
	for (i = 0; i < params->count; i++)
		if (!params->values[i].is_null)
			print_param(params, i, values[i]);
	pgwire_end_transmission_modes(guc_level);
	MemoryContextSwitchTo(old);
}

void
pgwire_free_params(pgwire_params *params)
{
	if (params->count > 0)
		MemoryContextReset(params->context);
}
