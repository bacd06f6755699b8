/*
 * encode.c - from tuple slots to what a remote takes rows as.
 *
 * A bulk load spends most of its time here, so the common types are written
 * without calling a function of theirs: their binary forms are part of the
 * protocol, and what is in a Datum is known.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "encode.h"
#include "error.h"
#include "param.h"
#include "slot.h"

/* What stays allocated between two loads of images. */
#define KEPT_BUFFER ((Size) 512 * 1024)

/* ---- how a type is written ---- */

static bool
fast_kind(Oid type, pgwire_encoding_kind *kind)
{
	switch (type)
	{
		case BOOLOID:
		case CHAROID:
			*kind = PGWIRE_ENCODE_1;
			return true;
		case INT2OID:
			*kind = PGWIRE_ENCODE_2;
			return true;
		case INT4OID:
		case OIDOID:
		case FLOAT4OID:
		case DATEOID:
			*kind = PGWIRE_ENCODE_4;
			return true;
		case INT8OID:
		case FLOAT8OID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			*kind = PGWIRE_ENCODE_8;
			return true;
		case UUIDOID:
			*kind = PGWIRE_ENCODE_UUID;
			return true;
		case BYTEAOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case JSONOID:
			*kind = PGWIRE_ENCODE_BYTES;
			return true;
		case NAMEOID:
			*kind = PGWIRE_ENCODE_NAME;
			return true;
		case NUMERICOID:
			*kind = PGWIRE_ENCODE_NUMERIC;
			return true;
		default:
			return false;
	}
}

/* Types whose send function writes numbers and bits, and nothing that is text. */
static bool
is_send_safe(Oid type)
{
	switch (type)
	{
		case INETOID:
		case CIDROID:
		case MACADDROID:
		case MACADDR8OID:
		case BITOID:
		case VARBITOID:
		case TIDOID:
			return true;
		default:
			return pgwire_is_binary_safe(type) || pgwire_is_receive_safe(type);
	}
}

static void
use_function(pgwire_value_encoder *value, bool send)
{
	Oid			function;
	bool		is_varlena;

	if (send)
		getTypeBinaryOutputInfo(value->type, &function, &is_varlena);
	else
		getTypeOutputInfo(value->type, &function, &is_varlena);
	fmgr_info(function, &value->function);
	value->kind = send ? PGWIRE_ENCODE_SEND : PGWIRE_ENCODE_OUTPUT;
}

/* For COPY BINARY. False: there is no form that the remote is sure to understand. */
static bool
plan_copied(pgwire_value_encoder *value)
{
	Oid			element;

	if (fast_kind(value->type, &value->kind))
		return true;
	if (is_send_safe(value->type))
	{
		use_function(value, true);
		return true;
	}
	if (value->type == JSONBOID)
	{
		value->kind = PGWIRE_ENCODE_JSONB;
		return true;
	}
	if (value->string)			/* an enum: its label */
	{
		use_function(value, false);
		return true;
	}
	element = get_element_type(value->type);
	if (!OidIsValid(element) || value->type >= FirstGenbkiObjectId)
		return false;
	value->kind = PGWIRE_ENCODE_ARRAY;
	value->element = palloc0(sizeof(pgwire_value_encoder));
	value->element->type = element;
	get_typlenbyvalalign(element, &value->length, &value->byval, &value->align);
	return plan_copied(value->element);
}

/* Types whose text form depends on no setting. */
static bool
is_settled(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case OIDOID:
		case TIDOID:
		case UUIDOID:
			return true;
		default:
			return false;
	}
}

/*
 * A parameter goes as text, for the remote to read as what it goes to. In binary
 * its type would have to be told, and where that is not the column's, the remote
 * would cast it: 1.5 to 2 for an integer.
 */
static void
plan_value(pgwire_value_encoder *value, Oid type, bool copy)
{
	value->type = getBaseType(type);
	value->string = pgwire_is_string(value->type) || get_typtype(value->type) == TYPTYPE_ENUM;
	value->copyable = copy && plan_copied(value);
	value->format = value->copyable ? 1 : 0;
	if (!value->copyable &&
		!(pgwire_is_string(value->type) && fast_kind(value->type, &value->kind)))
		use_function(value, false);
}

pgwire_encoder *
pgwire_make_encoder(int ncols, const Oid *types, const int *attnums, bool copy)
{
	pgwire_encoder *enc = palloc0(sizeof(pgwire_encoder));
	int		   *places = palloc(sizeof(int) * Max(ncols, 1));

	enc->ncols = ncols;
	enc->columns = palloc0(sizeof(pgwire_value_encoder) * Max(ncols, 1));
	enc->copyable = copy;
	for (int i = 0; i < ncols; i++)
	{
		pgwire_value_encoder *value = &enc->columns[i];

		places[i] = attnums[i];
		plan_value(value, types[i], copy);
		enc->copyable = enc->copyable && value->copyable;
		if (value->kind == PGWIRE_ENCODE_OUTPUT && !value->string && !is_settled(value->type))
		{
			enc->modes = true;
			enc->names |= pgwire_prints_names(value->type);
		}
	}
	enc->attnums = places;
	enc->context = CurrentMemoryContext;
	enc->scratch = AllocSetContextCreate(CurrentMemoryContext, "pgwire_fdw row image",
										 ALLOCSET_DEFAULT_SIZES);
	return enc;
}

/* ---- the buffer ---- */

static void
grow(pgwire_encoder *enc, Size more)
{
	Size		capacity = Max(enc->capacity * 2, PGWIRE_ENCODE_BYTES_MAX + 16 * 1024);

	while (capacity < enc->len + more)
		capacity *= 2;
	if (enc->data == NULL)
		enc->data = MemoryContextAllocHuge(enc->context, capacity);
	else
		enc->data = repalloc_huge(enc->data, capacity);
	enc->capacity = capacity;
}

/* Room for a value of so many bytes and its length, which is written. */
static inline uint8 *
put_length(pgwire_encoder *enc, uint32 len)
{
	uint8	   *at;
	uint32		length = pg_hton32(len);

	if (unlikely(enc->capacity - enc->len < (Size) len + 4))
		grow(enc, (Size) len + 4);
	at = enc->data + enc->len;
	memcpy(at, &length, 4);
	enc->len += (Size) len + 4;
	return at + 4;
}

static inline void
put_bytes(pgwire_encoder *enc, const void *bytes, uint32 len)
{
	memcpy(put_length(enc, len), bytes, len);
}

static inline void
put_16(uint8 *at, uint16 value)
{
	value = pg_hton16(value);
	memcpy(at, &value, 2);
}

static inline void
put_null(pgwire_encoder *enc)
{
	uint32		length = pg_hton32(0xffffffff);

	if (unlikely(enc->capacity - enc->len < 4))
		grow(enc, 4);
	memcpy(enc->data + enc->len, &length, 4);
	enc->len += 4;
}

/* ---- values ---- */

/* The parts of a stored numeric (utils/adt/numeric.c, "Local definitions"). */
#define NUMERIC_SPECIAL 0xC000	/* NaN and the infinities, by two bits more */
#define NUMERIC_SHORT 0x8000	/* sign, scale and weight in one word */
#define NUMERIC_SPECIAL_BITS 0xF000

static void
encode_numeric(pgwire_encoder *enc, Datum value)
{
	struct varlena *stored = PG_DETOAST_DATUM_PACKED(value);
	const uint8 *data = (const uint8 *) VARDATA_ANY(stored);
	uint16		ndigits = VARSIZE_ANY_EXHDR(stored) / 2 - 1;
	uint16		header;
	uint16		sign = 0,
				scale = 0;
	int16		weight = 0;
	uint8	   *at;

	memcpy(&header, data, 2);
	data += 2;
	if ((header & NUMERIC_SPECIAL) == NUMERIC_SPECIAL)
	{
		sign = header & NUMERIC_SPECIAL_BITS;
		ndigits = 0;
	}
	else if (header & NUMERIC_SHORT)
	{
		sign = (header & 0x2000) << 1;
		scale = (header & 0x1F80) >> 7;
		weight = (int16) (header & 0x003F) - ((header & 0x0040) ? 0x40 : 0);
	}
	else
	{
		sign = header & 0x4000;
		scale = header & 0x3FFF;
		memcpy(&weight, data, 2);
		data += 2;
		ndigits--;
	}
	at = put_length(enc, 8 + 2 * ndigits);
	put_16(at, ndigits);
	put_16(at + 2, (uint16) weight);
	put_16(at + 4, sign);
	put_16(at + 6, scale);
	for (int i = 0; i < ndigits; i++)
	{
		uint16		digit;

		memcpy(&digit, data + 2 * i, 2);
		put_16(at + 8 + 2 * i, digit);
	}
}

static void
encode_jsonb(pgwire_encoder *enc, Datum value)
{
	Jsonb	   *jsonb = DatumGetJsonbP(value);
	StringInfoData text;
	uint8	   *at;

	initStringInfo(&text);
	(void) JsonbToCString(&text, &jsonb->root, VARSIZE(jsonb));
	at = put_length(enc, text.len + 1);
	at[0] = 1;					/* version of the form */
	memcpy(at + 1, text.data, text.len);
}

static void encode_value(pgwire_encoder *enc, pgwire_value_encoder *how, Datum value);

/*
 * What array_send() would write; its elements' send functions would convert text
 * to the encoding of the local client.
 */
static void
encode_array(pgwire_encoder *enc, pgwire_value_encoder *how, Datum value)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	Size		start;
	uint32		number;
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	start = enc->len;
	(void) put_length(enc, 12 + 8 * ARR_NDIM(array));
	enc->len = start + 4;
#define PUT_32(x) (number = pg_hton32((uint32) (x)), memcpy(enc->data + enc->len, &number, 4), enc->len += 4)
	PUT_32(ARR_NDIM(array));
	PUT_32(ARR_HASNULL(array) ? 1 : 0);
	PUT_32(ARR_ELEMTYPE(array));
	for (int i = 0; i < ARR_NDIM(array); i++)
	{
		PUT_32(ARR_DIMS(array)[i]);
		PUT_32(ARR_LBOUND(array)[i]);
	}
#undef PUT_32
	deconstruct_array(array, ARR_ELEMTYPE(array), how->length, how->byval, how->align,
					  &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			put_null(enc);
		else
			encode_value(enc, how->element, elements[i]);
	}
	if (enc->len - start - 4 > PG_INT32_MAX)
		pgwire_raise_local(ERRCODE_PROGRAM_LIMIT_EXCEEDED,
						   "an array is too large to be sent to a remote server", NULL, NULL);
	number = pg_hton32((uint32) (enc->len - start - 4));
	memcpy(enc->data + start, &number, 4);
}

static void
encode_value(pgwire_encoder *enc, pgwire_value_encoder *how, Datum value)
{
	uint16		two;
	uint32		four;
	uint64		eight;

	switch (how->kind)
	{
		case PGWIRE_ENCODE_1:
			*put_length(enc, 1) = (uint8) DatumGetChar(value);
			break;
		case PGWIRE_ENCODE_2:
			two = pg_hton16((uint16) DatumGetInt16(value));
			put_bytes(enc, &two, 2);
			break;
		case PGWIRE_ENCODE_4:
			four = pg_hton32((uint32) DatumGetInt32(value));
			put_bytes(enc, &four, 4);
			break;
		case PGWIRE_ENCODE_8:
			eight = pg_hton64((uint64) DatumGetInt64(value));
			put_bytes(enc, &eight, 8);
			break;
		case PGWIRE_ENCODE_UUID:
			put_bytes(enc, DatumGetPointer(value), UUID_LEN);
			break;
		case PGWIRE_ENCODE_BYTES:
			{
				struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

				put_bytes(enc, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
				break;
			}
		case PGWIRE_ENCODE_NAME:
			put_bytes(enc, NameStr(*DatumGetName(value)), strlen(NameStr(*DatumGetName(value))));
			break;
		case PGWIRE_ENCODE_NUMERIC:
			encode_numeric(enc, value);
			break;
		case PGWIRE_ENCODE_JSONB:
			encode_jsonb(enc, value);
			break;
		case PGWIRE_ENCODE_ARRAY:
			encode_array(enc, how, value);
			break;
		case PGWIRE_ENCODE_SEND:
			{
				bytea	   *sent = SendFunctionCall(&how->function, value);

				put_bytes(enc, VARDATA(sent), VARSIZE(sent) - VARHDRSZ);
				break;
			}
		case PGWIRE_ENCODE_OUTPUT:
			{
				char	   *text = OutputFunctionCall(&how->function, value);

				put_bytes(enc, text, strlen(text));
				break;
			}
	}
}

void
pgwire_encode_row(pgwire_encoder *enc, TupleTableSlot *slot,
				  const Datum *others, const bool *others_null)
{
	MemoryContext old = MemoryContextSwitchTo(enc->scratch);
	int			level = enc->modes ? pgwire_set_transmission_modes(enc->names) : -1;

	if (slot != NULL)
		slot_getallattrs(slot);
	if (enc->capacity - enc->len < 2)
		grow(enc, 2);
	put_16(enc->data + enc->len, (uint16) enc->ncols);
	enc->len += 2;
	for (int i = 0; i < enc->ncols; i++)
	{
		int			attnum = enc->attnums[i];
		Datum		value = attnum > 0 ? slot->tts_values[attnum - 1] : *others++;
		bool		isnull = attnum > 0 ? slot->tts_isnull[attnum - 1] : *others_null++;

		if (isnull)
			put_null(enc);
		else
			encode_value(enc, &enc->columns[i], value);
	}
	pgwire_end_transmission_modes(level);
	enc->nrows++;
	MemoryContextSwitchTo(old);
	MemoryContextReset(enc->scratch);
}

void
pgwire_encoder_reset(pgwire_encoder *enc)
{
	enc->len = 0;
	enc->nrows = 0;
	if (enc->capacity > KEPT_BUFFER)
	{
		pfree(enc->data);
		enc->data = NULL;
		enc->capacity = 0;
	}
}
