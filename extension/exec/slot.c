/*
 * slot.c - from a row of a batch to a tuple slot.
 *
 * Most values arrive as finished Datums, and a row is then one copy of its
 * datum array into the slot. What Go cannot decode goes through the type's
 * input or receive function here, in a context that is emptied row by row: a
 * slot's values need to live until the next row only.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "executor/executor.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "utils/array.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "loader.h"
#include "param.h"
#include "slot.h"

/* The bytes of a value that C converts: {uint32 len; bytes; NUL}. */
typedef struct external_value
{
	uint32		len;
	char		data[FLEXIBLE_ARRAY_MEMBER];
} external_value;

bool
pgwire_is_receive_safe(Oid type)
{
	switch (type)
	{
		case POINTOID:
		case LSEGOID:
		case PATHOID:
		case BOXOID:
		case POLYGONOID:
		case LINEOID:
		case CIRCLEOID:
		case INT4RANGEOID:
		case INT8RANGEOID:
		case NUMRANGEOID:
		case DATERANGEOID:
		case TSRANGEOID:
		case TSTZRANGEOID:
		case INT4MULTIRANGEOID:
		case INT8MULTIRANGEOID:
		case NUMMULTIRANGEOID:
		case DATEMULTIRANGEOID:
		case TSMULTIRANGEOID:
		case TSTZMULTIRANGEOID:
		case PG_LSNOID:
		case XID8OID:
			return true;
		default:
			return false;
	}
}

pgwire_row_format *
pgwire_make_row_format(TupleDesc tupdesc, List *attrs, const char *relation, bool heap)
{
	pgwire_row_format *format = palloc0(sizeof(pgwire_row_format));
	ListCell   *lc;
	int			i = 0;

	format->tupdesc = tupdesc;
	format->ncols = list_length(attrs);
	format->columns = palloc0(sizeof(pgwire_result_column) * Max(format->ncols, 1));
	format->heap = heap;
	format->ctid = -1;
	format->tableoid = -1;
	format->prefix = format->ncols == tupdesc->natts;
	foreach(lc, attrs)
	{
		pgwire_result_column *column = &format->columns[i];
		int			attnum = lfirst_int(lc);
		Form_pg_attribute att = attnum > 0 ? TupleDescAttr(tupdesc, attnum - 1) : NULL;

		if (attnum == SelfItemPointerAttributeNumber)
			format->ctid = i;
		else if (attnum < 0)
			format->tableoid = i;
		format->prefix = format->prefix && attnum == i + 1;
		column->attnum = attnum;
		column->type = att ? att->atttypid : i == format->ctid ? TIDOID : OIDOID;
		column->typmod = att ? att->atttypmod : -1;
		column->name = att ? NameStr(att->attname) : i == format->ctid ? "ctid" : "tableoid";
		column->relation = relation;
		i++;
	}
	format->context = CurrentMemoryContext;
	return format;
}

/*
 * The columns are those of fdw_scan_tlist: name them after what they are of. The
 * names are those of the range table, as an error is no time to look into
 * catalogs.
 */
void
pgwire_name_by_tlist(pgwire_row_format *format, List *tlist, EState *estate)
{
	for (int i = 0; i < format->ncols; i++)
	{
		pgwire_result_column *column = &format->columns[i];
		TargetEntry *entry = list_nth_node(TargetEntry, tlist, column->attnum - 1);
		Var		   *var = (Var *) entry->expr;
		RangeTblEntry *rte;

		column->name = psprintf("%d", column->attnum);
		column->relation = "";
		if (!IsA(var, Var) || var->varno < 1 || (Index) var->varno > estate->es_range_table_size)
			continue;
		rte = exec_rt_fetch(var->varno, estate);
		if (var->varattno > list_length(rte->eref->colnames))
			continue;
		column->relation = rte->eref->aliasname;
		if (var->varattno > 0)
			column->name = strVal(list_nth(rte->eref->colnames, var->varattno - 1));
		else
			column->name = var->varattno == SelfItemPointerAttributeNumber ? "ctid" :
				var->varattno == InvalidAttrNumber ? "*" : "tableoid";
		/* the row of an UPDATE's target is said to be a record; it is one of the table */
		if (var->varattno == InvalidAttrNumber && var->vartype == RECORDOID &&
			rte->rtekind == RTE_RELATION)
			column->type = get_rel_type_id(rte->relid);
	}
}

void
pgwire_name_column(pgwire_row_format *format, int column)
{
	format->conv.column = NULL;
	if (column >= 0 && column < format->ncols)
	{
		format->conv.column = format->columns[column].name;
		format->conv.relation = format->columns[column].relation;
	}
}

pgwire_column *
pgwire_row_columns(pgwire_row_format *format)
{
	pgwire_column *cols = palloc0(sizeof(pgwire_column) * Max(format->ncols, 1));

	for (int i = 0; i < format->ncols; i++)
	{
		cols[i].type_oid = format->columns[i].type;
		cols[i].typmod = format->columns[i].typmod;
		cols[i].receive_safe = pgwire_is_receive_safe(format->columns[i].type);
		cols[i].name = pgwire_cstring(format->columns[i].name);
	}
	return cols;
}

/*
 * Does a composite or range type have money in it? Its text form then depends on
 * lc_monetary, and Go, which sees only that it is no built-in type, cannot tell.
 */
bool
pgwire_holds_money(Oid type)
{
	Oid			element = get_element_type(type);
	TupleDesc	desc;
	bool		found = false;

	type = getBaseType(OidIsValid(element) ? element : type);
	if (type == MONEYOID || type == MONEYARRAYOID)
		return true;
	if (type < FirstGenbkiObjectId)
		return false;
	check_stack_depth();
	if (OidIsValid(get_element_type(type)))
		return pgwire_holds_money(type);
	if (type_is_range(type))
		return pgwire_holds_money(get_range_subtype(type));
	if (type_is_multirange(type))
		return pgwire_holds_money(get_multirange_range(type));
	if (get_typtype(type) != TYPTYPE_COMPOSITE)
		return false;
	desc = lookup_rowtype_tupdesc_copy(type, -1);
	for (int i = 0; i < desc->natts && !found; i++)
		found = !TupleDescAttr(desc, i)->attisdropped &&
			pgwire_holds_money(TupleDescAttr(desc, i)->atttypid);
	FreeTupleDesc(desc);
	return found;
}

/* The same, where it is not the value itself that is money. */
static bool
holds_money_within(Oid type)
{
	Oid			base = getBaseType(type);

	return base >= FirstGenbkiObjectId && pgwire_holds_money(base);
}

void
pgwire_row_value_formats(pgwire_row_format *format, const uint8_t *value_formats, bool all_datum)
{
	MemoryContext old;
	uint8	   *copy;

	if (all_datum)
	{
		format->value_formats = NULL;
		return;
	}
	/* the functions looked up for the last execution mostly still serve */
	if (format->value_formats && memcmp(format->value_formats, value_formats, format->ncols) == 0)
		return;
	old = MemoryContextSwitchTo(format->context);
	if (format->converted == NULL)
		format->converted = AllocSetContextCreate(format->context,
												 "pgwire_fdw values",
												 ALLOCSET_DEFAULT_SIZES);
	/* first of all: a catalog look-up may come to call Go, whose memory it is */
	copy = palloc(format->ncols);
	memcpy(copy, value_formats, format->ncols);
	format->value_formats = NULL;
	if (format->input == NULL)
	{
		format->input = palloc0(sizeof(FmgrInfo) * format->ncols);
		format->output = palloc0(sizeof(FmgrInfo) * format->ncols);
		format->ioparam = palloc0(sizeof(Oid) * format->ncols);
	}
	for (int i = 0; i < format->ncols; i++)
	{
		Oid			function;
		Oid			type = format->columns[i].type;

		if (copy[i] == PGWIRE_VALUE_TEXT || copy[i] == PGWIRE_VALUE_MONEY)
			getTypeInputInfo(type, &function, &format->ioparam[i]);
		else if (copy[i] == PGWIRE_VALUE_BINARY)
			getTypeBinaryInputInfo(type, &function, &format->ioparam[i]);
		else
			continue;
		fmgr_info(function, &format->input[i]);
		format->output[i].fn_oid = InvalidOid;
		if (copy[i] == PGWIRE_VALUE_MONEY ||
			(copy[i] == PGWIRE_VALUE_TEXT && holds_money_within(type)))
		{
			bool		is_varlena;

			getTypeOutputInfo(type, &function, &is_varlena);
			fmgr_info(function, &format->output[i]);
		}
	}
	format->value_formats = copy;
	MemoryContextSwitchTo(old);
}

/*
 * An amount of money that the remote has printed under its lc_monetary was read
 * under ours. "$1.234" may be a thousand there and little more than one here, so
 * it counts only if we would have printed the same.
 */
static void
check_money(pgwire_row_format *format, int i, Datum value, const char *text)
{
	char	   *ours;
	int			level = -1;

	/* what stands beside it must be printed as the remote does */
	if (format->value_formats[i] != PGWIRE_VALUE_MONEY)
	{
		level = NewGUCNestLevel();
		(void) pgwire_set_transmission_modes(true);
		(void) set_config_option("timezone", "GMT", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	}
	ours = OutputFunctionCall(&format->output[i], value);
	if (level >= 0)
		AtEOXact_GUC(true, level);

	if (strcmp(ours, text) != 0)
		pgwire_raise_local(ERRCODE_INVALID_TEXT_REPRESENTATION,
						   psprintf("\"%s\" is not how this session would print that amount of money, \"%s\"",
									text, ours),
						   "The remote session has another lc_monetary.",
						   "Declare the column as text, or make the settings the same.");
	pfree(ours);
}

/*
 * The remote writes NULL in an array where there is one, and arrays may be within
 * what is read.
 */
static Datum
read_text(pgwire_row_format *format, int i, char *text)
{
	int			level = -1;
	Datum		value;

	if (!Array_nulls)
	{
		level = NewGUCNestLevel();
		(void) set_config_option("array_nulls", "on", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	}
	value = InputFunctionCall(&format->input[i], text, format->ioparam[i],
							  format->columns[i].typmod);
	if (level >= 0)
		AtEOXact_GUC(true, level);
	return value;
}

/* Run the input or receive function of a column; NULL values too, for domains. */
static Datum
convert(pgwire_row_format *format, int i, Datum value, bool isnull)
{
	int32		typmod = format->columns[i].typmod;
	external_value *ext = isnull ? NULL : (external_value *) DatumGetPointer(value);

	pgwire_name_column(format, i);
	if (format->value_formats[i] != PGWIRE_VALUE_BINARY)
	{
		/* Go has checked UTF-8; in other encodings only the server can */
		if (ext && GetDatabaseEncoding() != PG_UTF8)
			pg_verify_mbstr(GetDatabaseEncoding(), ext->data, ext->len, false);
		value = read_text(format, i, ext ? ext->data : NULL);
		if (ext && OidIsValid(format->output[i].fn_oid))
			check_money(format, i, value, ext->data);
	}
	else
	{
		StringInfoData buf;

		if (ext)
		{
			buf.data = ext->data;
			buf.len = ext->len;
			buf.maxlen = ext->len + 1;
			buf.cursor = 0;
		}
		value = ReceiveFunctionCall(&format->input[i], ext ? &buf : NULL,
									format->ioparam[i], typmod);
		if (ext && buf.cursor != buf.len)
			pgwire_raise_local(ERRCODE_INVALID_BINARY_REPRESENTATION,
							   "incorrect binary data format", NULL, NULL);
	}
	pgwire_name_column(format, -1);
	return value;
}

static void
convert_row(pgwire_row_format *format, const Datum *from, const bool *isnull,
			Datum *values)
{
	MemoryContext old;

	MemoryContextReset(format->converted);
	old = MemoryContextSwitchTo(format->converted);
	pgwire_push_conversion(&format->conv);
	for (int i = 0; i < format->ncols; i++)
		values[i] = format->value_formats[i] == PGWIRE_VALUE_DATUM ? from[i] :
			convert(format, i, from[i], isnull[i]);
	pgwire_pop_conversion(&format->conv);
	MemoryContextSwitchTo(old);
}

/*
 * System columns other than ctid and tableoid mean nothing remotely, but a
 * query may name them: a tuple is formed in which they are zero. One of them may
 * carry the remote's tableoid (plan/modify.c).
 */
static void
store_heap_tuple(pgwire_row_format *format, TupleTableSlot *slot, ItemPointer ctid,
				 Oid tableoid)
{
	HeapTuple	tuple = heap_form_tuple(format->tupdesc, slot->tts_values, slot->tts_isnull);
	int			carrier = format->tableoid < 0 ? 0 : format->columns[format->tableoid].attnum;

	if (ctid)
		tuple->t_self = tuple->t_data->t_ctid = *ctid;
	HeapTupleHeaderSetXmin(tuple->t_data,
						   carrier == MinTransactionIdAttributeNumber ? tableoid : InvalidTransactionId);
	HeapTupleHeaderSetXmax(tuple->t_data,
						   carrier == MaxTransactionIdAttributeNumber ? tableoid : InvalidTransactionId);
	HeapTupleHeaderSetCmin(tuple->t_data,
						   carrier == MaxCommandIdAttributeNumber ? tableoid : 0);
	ExecForceStoreHeapTuple(tuple, slot, true);
}

const uint8_t *
pgwire_store_row(pgwire_row_format *format, const uint8_t *row, TupleTableSlot *slot)
{
	const Datum *values = (const Datum *) (row + 8);
	const bool *isnull = (const bool *) (values + format->ncols);
	ItemPointer ctid = NULL;
	Oid			tableoid = InvalidOid;
	MemoryContext old;

	ExecClearTuple(slot);
	if (format->value_formats != NULL)
	{
		Datum	   *converted;

		/* the slot's own array has room for all but ctid */
		converted = format->prefix ? slot->tts_values :
			MemoryContextAlloc(CurrentMemoryContext, sizeof(Datum) * format->ncols);
		convert_row(format, values, isnull, converted);
		values = converted;
	}
	if (format->prefix)
	{
		if (values != slot->tts_values)
			memcpy(slot->tts_values, values, sizeof(Datum) * format->ncols);
		memcpy(slot->tts_isnull, isnull, format->ncols);
	}
	else
	{
		memset(slot->tts_isnull, true, format->tupdesc->natts);
		for (int i = 0; i < format->ncols; i++)
		{
			int			attnum = format->columns[i].attnum;

			if (attnum > 0)
			{
				slot->tts_values[attnum - 1] = values[i];
				slot->tts_isnull[attnum - 1] = isnull[i];
			}
			else if (!isnull[i] && i == format->ctid)
				ctid = (ItemPointer) DatumGetPointer(values[i]);
			else if (!isnull[i])
				tableoid = DatumGetObjectId(values[i]);
		}
	}
	if (format->heap)
	{
		old = MemoryContextSwitchTo(slot->tts_mcxt);
		store_heap_tuple(format, slot, ctid, tableoid);
		MemoryContextSwitchTo(old);
	}
	else
		ExecStoreVirtualTuple(slot);
	if (ctid)
		slot->tts_tid = *ctid;
	return row + *(const uint32 *) row;
}
