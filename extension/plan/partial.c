/*
 * partial.c - partial aggregates: how a remote is asked for the transition value of
 * an aggregate over its rows.
 *
 * The Agg node that combines the parts wants each part's transition value, a
 * server's inner matter that no SQL asks for. But every one supported here is a
 * function of plain aggregates: avg(int4) keeps a count and a sum, var_pop(x) a
 * count, sum(x) and sum(x * x). So the remote is asked to put the value together,
 * in the form that this server's major version has for it.
 *
 * What is decisive is the transition function, not the aggregate: aggregates
 * with a common one (sum and avg, avg and stddev) share a transition value, and
 * the node above may take any of their columns for all of them.
 */
#include "postgres.h"

#include "upper.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/numeric.h"
#include "utils/syscache.h"

/* operators, which have no names in the server's headers */
#define BYTEA_CONCAT 2018
#define INT4_GE 525
#define INT8_MINUS 685
#define INT8_TIMES 686
#define NUMERIC_TIMES 1760

/* ---- building blocks ---- */

/*
 * The plain aggregate fn over these arguments, of the rows that the partial
 * aggregate looks at. `also`, if not NULL, is a further condition on them.
 */
static Expr *
plain(const Aggref *partial, Oid fn, Oid result, List *args, Expr *also)
{
	Aggref	   *agg = makeNode(Aggref);
	ListCell   *lc;

	agg->aggfnoid = fn;
	agg->aggtype = result;
	agg->aggkind = AGGKIND_NORMAL;
	agg->aggsplit = AGGSPLIT_SIMPLE;
	agg->inputcollid = partial->inputcollid;
	agg->aggno = agg->aggtransno = -1;
	agg->location = -1;
	foreach(lc, args)
	{
		Expr	   *arg = lfirst(lc);

		agg->aggargtypes = lappend_oid(agg->aggargtypes, exprType((Node *) arg));
		agg->args = lappend(agg->args,
							makeTargetEntry(arg, list_length(agg->args) + 1,
											NULL, false));
	}
	agg->aggfilter = partial->aggfilter;
	if (also != NULL)
		agg->aggfilter = agg->aggfilter == NULL ? also :
			(Expr *) makeBoolExpr(AND_EXPR,
								  list_make2(agg->aggfilter, also), -1);
	return (Expr *) agg;
}

static Expr *
call(Oid fn, Oid result, List *args)
{
	return (Expr *) makeFuncExpr(fn, result, args, InvalidOid, InvalidOid,
								 COERCE_EXPLICIT_CALL);
}

/* The array of these values, which are of one type; a NULL counts as 0. */
static Expr *
array_of(Oid array, Oid element, List *values)
{
	ArrayExpr  *expr = makeNode(ArrayExpr);
	ListCell   *lc;

	expr->array_typeid = array;
	expr->element_typeid = element;
	expr->location = -1;
	foreach(lc, values)
	{
		CoalesceExpr *value = makeNode(CoalesceExpr);
		Const	   *zero = makeConst(element, -1, InvalidOid, sizeof(int64),
									 (Datum) 0, false, true);

		value->coalescetype = element;
		value->args = list_make2(lfirst(lc), zero);
		value->location = -1;
		expr->elements = lappend(expr->elements, value);
	}
	return (Expr *) expr;
}

static Expr *
argument(const Aggref *partial, int n)
{
	return list_nth_node(TargetEntry, partial->args, n)->expr;
}

static Expr *
not_null(Expr *arg)
{
	NullTest   *test = makeNode(NullTest);

	test->arg = arg;
	test->nulltesttype = IS_NOT_NULL;
	test->argisrow = false;
	test->location = -1;
	return (Expr *) test;
}

static Expr *
count_of(const Aggref *partial, Expr *arg)
{
	return plain(partial, F_COUNT_ANY, INT8OID, list_make1(arg), NULL);
}

/* ---- transition values ---- */

/* int2_avg_accum, int4_avg_accum: the array {count, sum}, in int8 */
static Expr *
integer_average(const Aggref *partial, Oid sum)
{
	Expr	   *x = argument(partial, 0);

	return array_of(INT8ARRAYOID, INT8OID,
					list_make2(count_of(partial, x),
							   plain(partial, sum, INT8OID, list_make1(x), NULL)));
}

/* float4_accum, float8_accum: {count, sum, sum of squared deviations}, in float8 */
static Expr *
float_deviations(const Aggref *partial, bool float4)
{
	Expr	   *x = argument(partial, 0);
	Expr	   *count = call(F_FLOAT8_INT8, FLOAT8OID, list_make1(count_of(partial, x)));

	if (float4)
		x = call(F_FLOAT8_FLOAT4, FLOAT8OID, list_make1(x));
	return array_of(FLOAT8ARRAYOID, FLOAT8OID,
					list_make3(count,
							   plain(partial, F_SUM_FLOAT8, FLOAT8OID, list_make1(x), NULL),
							   plain(partial, F_REGR_SXX, FLOAT8OID, list_make2(x, x), NULL)));
}

/* float8_regr_accum(y, x): {count, Sx, Sxx, Sy, Syy, Sxy} */
static Expr *
regression(const Aggref *partial)
{
	Expr	   *y = argument(partial, 0);
	Expr	   *x = argument(partial, 1);
	List	   *both = list_make2(y, x);
	Expr	   *count = plain(partial, F_REGR_COUNT, INT8OID, both, NULL);
	List	   *values = list_make1(call(F_FLOAT8_INT8, FLOAT8OID, list_make1(count)));

	values = lappend(values, plain(partial, F_SUM_FLOAT8, FLOAT8OID, list_make1(x), not_null(y)));
	values = lappend(values, plain(partial, F_REGR_SXX, FLOAT8OID, both, NULL));
	values = lappend(values, plain(partial, F_SUM_FLOAT8, FLOAT8OID, list_make1(y), not_null(x)));
	values = lappend(values, plain(partial, F_REGR_SYY, FLOAT8OID, both, NULL));
	values = lappend(values, plain(partial, F_REGR_SXY, FLOAT8OID, both, NULL));
	return array_of(FLOAT8ARRAYOID, FLOAT8OID, values);
}

/*
 * What numeric_avg_serialize and its kin make: of count and sum and, for
 * variances, the sum of squares. `specials` says that the format also counts
 * NaNs and infinities.
 *
 * sum is the aggregate that sums the argument. Squares are of the type `square`,
 * to which the function `cast`, if any, brings the argument.
 */
typedef struct sum_form
{
	Oid			transfn;
	Oid			sum;			/* aggregate */
	Oid			sum_type;		/* its result: numeric, or int8 */
	Oid			square;			/* InvalidOid: none needed */
	Oid			sum_squares;	/* aggregate */
	Oid			cast;
	bool		specials;
} sum_form;

static const sum_form sum_forms[] = {
	{F_INT8_AVG_ACCUM, F_SUM_INT8, NUMERICOID},
	{F_NUMERIC_AVG_ACCUM, F_SUM_NUMERIC, NUMERICOID, .specials = true},
	{F_INT2_ACCUM, F_SUM_INT2, INT8OID, INT8OID, F_SUM_INT8, F_INT8_INT2},
	{F_INT4_ACCUM, F_SUM_INT4, INT8OID, INT8OID, F_SUM_INT8, F_INT8_INT4},
	{F_INT8_ACCUM, F_SUM_INT8, NUMERICOID, NUMERICOID, F_SUM_NUMERIC, F_NUMERIC_INT8, true},
	{F_NUMERIC_ACCUM, F_SUM_NUMERIC, NUMERICOID, NUMERICOID, F_SUM_NUMERIC, InvalidOid, true},
};

static Expr *
int4_const(int32 value)
{
	return (Expr *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(value),
							  false, true);
}

static Expr *
int8_const(int64 value)
{
	return (Expr *) makeConst(INT8OID, -1, InvalidOid, sizeof(int64), Int64GetDatum(value),
							  false, true);
}

static Expr *
bytes(const char *data, int len)
{
	bytea	   *value = palloc(VARHDRSZ + len);

	SET_VARSIZE(value, VARHDRSZ + len);
	memcpy(VARDATA(value), data, len);
	return (Expr *) makeConst(BYTEAOID, -1, InvalidOid, -1, PointerGetDatum(value), false, false);
}

static Expr *
concat(List *parts)
{
	Expr	   *all = linitial(parts);
	ListCell   *lc;

	for_each_from(lc, parts, 1)
		all = make_opclause(BYTEA_CONCAT, BYTEAOID, false, all, lfirst(lc), InvalidOid, InvalidOid);
	fix_opfuncids((Node *) all);
	return all;
}

static Expr *
case_of(Expr *condition, Expr *then, Expr *otherwise)
{
	CaseExpr   *expr = makeNode(CaseExpr);
	CaseWhen   *when = makeNode(CaseWhen);

	when->expr = condition;
	when->result = then;
	when->location = -1;
	expr->casetype = exprType((Node *) then);
	expr->args = list_make1(when);
	expr->defresult = otherwise;
	expr->location = -1;
	return (Expr *) expr;
}

/* Byte n of a number as it is sent is at least this. */
static Expr *
byte_from(Expr *sent, int n, int least)
{
	Expr	   *test = make_opclause(INT4_GE, BOOLOID, false,
									 call(F_GET_BYTE, INT4OID, list_make2(sent, int4_const(n))),
									 int4_const(least), InvalidOid, InvalidOid);

	fix_opfuncids((Node *) test);
	return test;
}

/* numeric_send(value), of NULL as of 0 */
static Expr *
sent_number(Expr *value)
{
	CoalesceExpr *number = makeNode(CoalesceExpr);

	number->coalescetype = NUMERICOID;
	number->args = list_make2(value, makeConst(NUMERICOID, -1, InvalidOid, -1,
											   NumericGetDatum(int64_to_numeric(0)),
											   false, false));
	number->location = -1;
	return call(F_NUMERIC_SEND, BYTEAOID, list_make1(number));
}

static Expr *
part(Expr *sent, int from, int len)
{
	return call(F_SUBSTR_BYTEA_INT4_INT4, BYTEAOID,
				list_make3(sent, int4_const(from), int4_const(len)));
}

/*
 * A number as the state has it: as it is sent, digits, weight, sign and scale in
 * front, which are int16 there and int32 in the state since 15.
 */
static Expr *
state_number(Expr *sent)
{
	List	   *parts;

	if (!PGWIRE_SUM_STATE_WIDE)
		return sent;
	parts = list_make4(bytes("\0\0", 2), part(sent, 1, 2),
					   case_of(byte_from(sent, 2, 0x80), bytes("\xff\xff", 2), bytes("\0\0", 2)),
					   part(sent, 3, 2));
	parts = lappend(parts, bytes("\0\0", 2));
	parts = lappend(parts, part(sent, 5, 2));
	parts = lappend(parts, bytes("\0\0", 2));
	parts = lappend(parts, call(F_SUBSTR_BYTEA_INT4, BYTEAOID, list_make2(sent, int4_const(7))));
	return concat(parts);
}

/* A state of so many numbers with this sum, and squares if not NULL. */
static Expr *
finite_state(Expr *count, Expr *sum, Expr *squares, bool specials)
{
	Expr	   *n = call(F_INT8SEND, BYTEAOID, list_make1(count));
	List	   *parts = list_make2(n, state_number(sum));

	if (squares != NULL)
		parts = lappend(parts, state_number(squares));
	if (specials)
	{
		/* the largest scale, how many have it, and no specials */
		parts = lappend(parts, bytes("\0\0", 2));
		parts = lappend(parts, part(sum, 7, 2));
		parts = lappend(parts, n);
		parts = lappend(parts, bytes("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24));
	}
	return concat(parts);
}

/*
 * A state some of whose numbers are NaN or infinite, as the sum is. How many are
 * is not known: one stands for all, so that the result is what it is, and the
 * count of numbers right.
 */
static Expr *
special_state(Expr *count, Expr *sum, bool squares)
{
	Expr	   *zero = bytes("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", PGWIRE_SUM_STATE_WIDE ? 16 : 8);
	Expr	   *others = make_opclause(INT8_MINUS, INT8OID, false, count, int8_const(1),
									   InvalidOid, InvalidOid);
	Expr	   *n;
	List	   *parts;

	fix_opfuncids((Node *) others);
	n = call(F_INT8SEND, BYTEAOID, list_make1(others));
	parts = squares ? list_make3(n, zero, zero) : list_make2(n, zero);
	parts = lappend(parts, bytes("\0\0\0\0", 4));
	parts = lappend(parts, n);
	/* counts of NaN, Infinity, -Infinity, whose signs are sent as C0, D0 and F0 */
	parts = lappend(parts, case_of(byte_from(sum, 4, 0xf0),
								   bytes("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 24),
								   case_of(byte_from(sum, 4, 0xd0),
										   bytes("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0", 24),
										   bytes("\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24))));
	return concat(parts);
}

static Expr *
square_of(const sum_form *form, Expr *x)
{
	Expr	   *square;

	if (OidIsValid(form->cast))
		x = call(form->cast, form->square, list_make1(x));
	square = make_opclause(form->square == INT8OID ? INT8_TIMES : NUMERIC_TIMES, form->square,
						   false, x, x, InvalidOid, InvalidOid);
	fix_opfuncids((Node *) square);
	return square;
}

static Expr *
sum_state(const Aggref *partial, const sum_form *form)
{
	Expr	   *x = argument(partial, 0);
	Expr	   *count = count_of(partial, x);
	Expr	   *sum = plain(partial, form->sum, form->sum_type, list_make1(x), NULL);
	Expr	   *squares = NULL;
	Expr	   *finite;

	if (form->sum_type == INT8OID)
		sum = call(F_NUMERIC_INT8, NUMERICOID, list_make1(sum));
	sum = sent_number(sum);
	if (OidIsValid(form->square))
		squares = sent_number(plain(partial, form->sum_squares, NUMERICOID,
									list_make1(square_of(form, x)), NULL));
	finite = finite_state(count, sum, squares, form->specials);
	/* sums of integers are finite */
	if (!form->specials || form->transfn == F_INT8_ACCUM)
		return finite;
	return case_of(byte_from(sum, 4, 0xc0), special_state(count, sum, squares != NULL), finite);
}

/*
 * An expression, over plain aggregates, whose value is that of the partial
 * aggregate; NULL where there is none.
 *
 * An aggregate without a final function answers its transition value. That of
 * type internal is never such a one.
 */
Expr *
pgwire_partial_value(const Aggref *partial)
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(partial->aggfnoid));
	Form_pg_aggregate form;
	Oid			transfn;
	bool		is_result;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	transfn = form->aggtransfn;
	is_result = !OidIsValid(form->aggfinalfn);
	ReleaseSysCache(tuple);

	if (partial->aggkind != AGGKIND_NORMAL)
		return NULL;
	if (is_result)
	{
		Aggref	   *agg = makeNode(Aggref);

		memcpy(agg, partial, sizeof(Aggref));
		agg->aggsplit = AGGSPLIT_SIMPLE;
		return (Expr *) agg;
	}
	for (int i = 0; i < lengthof(sum_forms); i++)
		if (transfn == sum_forms[i].transfn)
			return sum_state(partial, &sum_forms[i]);
	switch (transfn)
	{
		case F_INT2_AVG_ACCUM:
			return integer_average(partial, F_SUM_INT2);
		case F_INT4_AVG_ACCUM:
			return integer_average(partial, F_SUM_INT4);
		case F_FLOAT4_ACCUM:
			return float_deviations(partial, true);
		case F_FLOAT8_ACCUM:
			return float_deviations(partial, false);
		case F_FLOAT8_REGR_ACCUM:
			return regression(partial);
		default:
			return NULL;
	}
}
