/*
 * const.c - constants of an expression, for Go.
 *
 * Printing a value may be costly, and may fail. It is done where SQL is asked
 * for, of clauses that are sent, and else only as far as a decision needs the
 * text. What is too large for a statement is not printed at all.
 */
#include "ir.h"

#include "access/detoast.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/lsyscache.h"

#include "param.h"

/* Is every value's text made of ASCII characters, whatever the value? */
static bool
is_ascii_in_text(Oid type)
{
	char		category;
	bool		preferred;

	if (type >= FirstGenbkiObjectId)
		return false;
	get_type_category_preferred(type, &category, &preferred);
	switch (category)
	{
		case TYPCATEGORY_ARRAY:
			return is_ascii_in_text(get_element_type(type));
		case TYPCATEGORY_BITSTRING:
		case TYPCATEGORY_BOOLEAN:
		case TYPCATEGORY_DATETIME:
		case TYPCATEGORY_GEOMETRIC:
		case TYPCATEGORY_NETWORK:
		case TYPCATEGORY_NUMERIC:
		case TYPCATEGORY_RANGE:
		case TYPCATEGORY_TIMESPAN:
			return true;
		default:
			return type == BYTEAOID || type == UUIDOID || type == TIDOID;
	}
}

/*
 * Does the decision on a clause depend on the text of the constant? On what a
 * flag or a name says, and on whether it is text at all. Values of types that
 * are not sent need not be printed to be refused.
 */
static bool
decides(pgwire_ir *ir, const Const *node)
{
	return node->consttype == BOOLOID || node->consttype == INTERVALOID ||
		(!is_ascii_in_text(node->consttype) && pgwire_ir_knows_type(ir, node->consttype));
}

static bool
is_large(const Const *node)
{
	return node->constlen == -1 &&
		toast_raw_datum_size(node->constvalue) > PGWIRE_CONST_MAX_SIZE;
}

/*
 * Values are printed as the remote session reads them. The settings last until
 * the request is finished.
 */
static void
set_modes(pgwire_ir *ir, bool names)
{
	int			level;

	if (ir->modes_set && (ir->names_set || !names))
		return;
	level = pgwire_set_transmission_modes(names);
	if (ir->guc_level < 0)
		ir->guc_level = level;
	ir->modes_set = true;
	ir->names_set = names;
}

/* Write what a constant's node has after the common fields. */
void
pgwire_ir_constant(pgwire_ir *ir, const Const *node)
{
	StringInfo	buf = &ir->clauses;
	const char *text = "";
	uint8		flags = 0;

	if (node->constisnull)
		flags |= PGWIRE_CONST_NULL;
	else if (is_large(node))
		flags |= PGWIRE_CONST_LARGE;
	else if (ir->statement || decides(ir, node))
	{
		Oid			output;
		bool		varlena;

		if (ir->statement)
			set_modes(ir, pgwire_prints_names(node->consttype));
		getTypeOutputInfo(node->consttype, &output, &varlena);
		text = OidOutputFunctionCall(output, node->constvalue);
		/* a "char" or a text made of one may hold part of a character until 14 */
		if (!pg_verifymbstr(text, strlen(text), true))
			flags |= PGWIRE_CONST_INVALID;
	}
	else if (node->constlen == -1)
		ir->unwritten += toast_raw_datum_size(node->constvalue);
	if (!node->constisnull && pgwire_is_oid_alias(node->consttype) &&
		DatumGetObjectId(node->constvalue) >= FirstGenbkiObjectId)
		flags |= PGWIRE_CONST_LOCAL_OBJECT;
	pgwire_put_u8(buf, flags);
	pgwire_put_string(buf, text);
}
