/*
 * catalog.c - looks up what an expression names: types, functions, operators
 * and collations, each described to Go once per request.
 *
 * Go never sees a catalog. What it must know of an object to decide whether
 * the object is the same one on the remote server, and to write its name, is
 * resolved here.
 */
#include "ir.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

/*
 * Find an object in its table or make room for it. Returns true when it is
 * new; the caller then appends the entry, which gets position *pos.
 */
static bool
is_new(pgwire_ir_table *table, Oid oid, int32 typmod, uint32 *pos)
{
	for (int i = 0; i < table->count; i++)
	{
		if (table->oids[i] == oid && table->typmods[i] == typmod)
		{
			*pos = i;
			return false;
		}
	}
	if (table->count == table->room)
	{
		table->room = Max(8, table->room * 2);
		if (table->oids == NULL)
		{
			table->oids = palloc(table->room * sizeof(Oid));
			table->typmods = palloc(table->room * sizeof(int32));
			initStringInfo(&table->entries);
		}
		else
		{
			table->oids = repalloc(table->oids, table->room * sizeof(Oid));
			table->typmods = repalloc(table->typmods, table->room * sizeof(int32));
		}
	}
	*pos = table->count++;
	table->oids[*pos] = oid;
	table->typmods[*pos] = typmod;
	return true;
}

/* ---- what is known of built-in objects, from request to request ---- */

typedef struct known_key
{
	int			cache;			/* the syscache that the object is in */
	Oid			oid;
	int32		typmod;
} known_key;

typedef struct known_object
{
	known_key	key;
	int			length;
	char	   *entry;			/* as it is sent */
} known_object;

#define MAX_KNOWN 1000

static HTAB *known = NULL;
static MemoryContext known_context = NULL;
static bool known_stale = false;

static void
forget_known(Datum arg, int cacheid, uint32 hashvalue)
{
	known_stale = true;
}

/*
 * Begin a request: start anew if the catalogs have changed. A change that comes
 * while the catalogs are read waits until the next request; nothing is kept of
 * this one any more.
 */
void
pgwire_ir_begin_objects(void)
{
	HASHCTL		ctl = {0};

	if (known != NULL && !known_stale && hash_get_num_entries(known) < MAX_KNOWN)
		return;
	if (known_context == NULL)
	{
		known_context = AllocSetContextCreate(CacheMemoryContext, "pgwire_fdw objects",
											  ALLOCSET_SMALL_SIZES);
		CacheRegisterSyscacheCallback(TYPEOID, forget_known, (Datum) 0);
		CacheRegisterSyscacheCallback(PROCOID, forget_known, (Datum) 0);
		CacheRegisterSyscacheCallback(OPEROID, forget_known, (Datum) 0);
		CacheRegisterSyscacheCallback(COLLOID, forget_known, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, forget_known, (Datum) 0);
	}
	known = NULL;
	MemoryContextReset(known_context);
	known_stale = false;
	ctl.keysize = sizeof(known_key);
	ctl.entrysize = sizeof(known_object);
	ctl.hcxt = known_context;
	known = hash_create("pgwire_fdw objects", 64, &ctl,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/*
 * Append the entry of a built-in object if it is known. What is said of other
 * objects depends on the server's option "extensions".
 */
static bool
append_known(StringInfo buf, int cache, Oid oid, int32 typmod)
{
	known_key	key = {cache, oid, typmod};
	known_object *object;

	if (oid >= FirstGenbkiObjectId || known_stale)
		return false;
	object = hash_search(known, &key, HASH_FIND, NULL);
	if (object == NULL)
		return false;
	appendBinaryStringInfo(buf, object->entry, object->length);
	return true;
}

/* Keep what was appended for an object from start on. */
static void
keep_known(StringInfo buf, int start, int cache, Oid oid, int32 typmod)
{
	known_key	key = {cache, oid, typmod};
	int			length = buf->len - start;
	known_object *object;
	char	   *entry;

	if (oid >= FirstGenbkiObjectId || known_stale)
		return;
	entry = MemoryContextAlloc(known_context, length);
	memcpy(entry, buf->data + start, length);
	object = hash_search(known, &key, HASH_ENTER, NULL);
	object->entry = entry;
	object->length = length;
}

/* ---- */

/*
 * May the object be taken for the remote's of the same name? Built-in ones
 * keep their OID over the majors' life, which is what postgres_fdw relies on.
 */
static uint8
origin(const pgwire_ir *ir, Oid classid, Oid objectid)
{
	Oid			extension;

	if (objectid < FirstGenbkiObjectId)
		return PGWIRE_OBJ_BUILTIN;
	if (ir->server->extensions == NIL)
		return 0;
	extension = getExtensionOfObject(classid, objectid);
	if (OidIsValid(extension) && list_member_oid(ir->server->extensions, extension))
		return PGWIRE_OBJ_EXTENSION;
	return 0;
}

/* Schema and name; an object dropped meanwhile gets empty ones. */
static void
put_name(StringInfo buf, Oid namespace, const char *name)
{
	char	   *schema = get_namespace_name(namespace);

	pgwire_put_string(buf, schema ? schema : "");
	pgwire_put_string(buf, name);
}

/* Is this a type whose values name rows of a catalog by OID? */
bool
pgwire_is_oid_alias(Oid type)
{
	switch (type)
	{
		case REGPROCOID:
		case REGPROCEDUREOID:
		case REGOPEROID:
		case REGOPERATOROID:
		case REGCLASSOID:
		case REGTYPEOID:
		case REGCONFIGOID:
		case REGDICTIONARYOID:
		case REGNAMESPACEOID:
		case REGROLEOID:
		case REGCOLLATIONOID:
			return true;
		default:
			return false;
	}
}

/*
 * The flags of a type. An array belongs where its elements do: only the
 * element type is a member of an extension.
 */
static uint8
type_flags(const pgwire_ir *ir, Oid type)
{
	Oid			element = type < FirstGenbkiObjectId ? InvalidOid : get_element_type(type);
	uint8		flags = origin(ir, TypeRelationId, OidIsValid(element) ? element : type);

	if (pgwire_is_oid_alias(type) ||
		(type < FirstGenbkiObjectId && pgwire_is_oid_alias(get_element_type(type))))
		flags |= PGWIRE_OBJ_OID_ALIAS;
	return flags;
}

/* May the type be taken for the remote's of the same name? */
bool
pgwire_ir_knows_type(const pgwire_ir *ir, Oid type)
{
	return (type_flags(ir, type) & (PGWIRE_OBJ_BUILTIN | PGWIRE_OBJ_EXTENSION)) != 0;
}

/* Position of a type in the request, with its name as SQL has to spell it. */
uint32
pgwire_ir_type(pgwire_ir *ir, Oid type, int32 typmod)
{
	StringInfo	buf = &ir->types.entries;
	bits16		format = FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_ALLOW_INVALID;
	char		category;
	bool		preferred;
	uint32		pos;
	int			start;

	if (!OidIsValid(type))
		return PGWIRE_IR_NONE;
	if (!is_new(&ir->types, type, typmod, &pos))
		return pos;
	if (append_known(buf, TYPEOID, type, typmod))
		return pos;
	start = buf->len;
	if (type >= FirstGenbkiObjectId)
		format |= FORMAT_TYPE_FORCE_QUALIFY;
	get_type_category_preferred(type, &category, &preferred);
	pgwire_put_u32(buf, type);
	pgwire_put_i32(buf, typmod);
	pgwire_put_u8(buf, type_flags(ir, type));
	pgwire_put_u8(buf, get_typtype(type));
	pgwire_put_u8(buf, category);
	pgwire_put_string(buf, format_type_extended(type, typmod, format));
	keep_known(buf, start, TYPEOID, type, typmod);
	return pos;
}

uint32
pgwire_ir_function(pgwire_ir *ir, Oid function)
{
	StringInfo	buf = &ir->functions.entries;
	Form_pg_proc form;
	HeapTuple	tuple;
	uint32		pos;
	int			start;

	if (!OidIsValid(function))
		return PGWIRE_IR_NONE;
	if (!is_new(&ir->functions, function, 0, &pos))
		return pos;
	if (append_known(buf, PROCOID, function, 0))
		return pos;
	start = buf->len;
	pgwire_put_u32(buf, function);
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
	{
		/* nothing may be assumed of it */
		pgwire_put_u8(buf, 0);
		pgwire_put_u8(buf, PROVOLATILE_VOLATILE);
		pgwire_put_u8(buf, PROKIND_FUNCTION);
		put_name(buf, InvalidOid, "");
		return pos;
	}
	form = (Form_pg_proc) GETSTRUCT(tuple);
	pgwire_put_u8(buf, origin(ir, ProcedureRelationId, function) |
				  (form->proretset ? PGWIRE_OBJ_RETSET : 0));
	pgwire_put_u8(buf, form->provolatile);
	pgwire_put_u8(buf, form->prokind);
	put_name(buf, form->pronamespace, NameStr(form->proname));
	ReleaseSysCache(tuple);
	keep_known(buf, start, PROCOID, function, 0);
	return pos;
}

uint32
pgwire_ir_operator(pgwire_ir *ir, Oid op)
{
	StringInfo	buf = &ir->operators.entries;
	Form_pg_operator form;
	HeapTuple	tuple;
	uint32		pos;
	int			start;

	if (!OidIsValid(op))
		return PGWIRE_IR_NONE;
	if (!is_new(&ir->operators, op, 0, &pos))
		return pos;
	if (append_known(buf, OPEROID, op, 0))
		return pos;
	start = buf->len;
	pgwire_put_u32(buf, op);
	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(op));
	if (!HeapTupleIsValid(tuple))
	{
		pgwire_put_u8(buf, 0);
		put_name(buf, InvalidOid, "");
		return pos;
	}
	form = (Form_pg_operator) GETSTRUCT(tuple);
	pgwire_put_u8(buf, origin(ir, OperatorRelationId, op));
	put_name(buf, form->oprnamespace, NameStr(form->oprname));
	ReleaseSysCache(tuple);
	keep_known(buf, start, OPEROID, op, 0);
	return pos;
}

uint32
pgwire_ir_collation(pgwire_ir *ir, Oid collation)
{
	StringInfo	buf = &ir->collations.entries;
	Form_pg_collation form;
	HeapTuple	tuple;
	uint8		flags;
	uint32		pos;
	int			start;

	if (!OidIsValid(collation))
		return PGWIRE_IR_NONE;
	if (!is_new(&ir->collations, collation, 0, &pos))
		return pos;
	if (append_known(buf, COLLOID, collation, 0))
		return pos;
	start = buf->len;
	pgwire_put_u32(buf, collation);
	flags = collation == DEFAULT_COLLATION_OID ? PGWIRE_OBJ_DEFAULT : 0;
	tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	if (!HeapTupleIsValid(tuple))
	{
		pgwire_put_u8(buf, flags);
		put_name(buf, InvalidOid, "");
		return pos;
	}
	form = (Form_pg_collation) GETSTRUCT(tuple);
	flags |= origin(ir, CollationRelationId, collation);
	if (form->collisdeterministic)
		flags |= PGWIRE_OBJ_DETERMINISTIC;
	pgwire_put_u8(buf, flags);
	put_name(buf, form->collnamespace, NameStr(form->collname));
	ReleaseSysCache(tuple);
	keep_known(buf, start, COLLOID, collation, 0);
	return pos;
}
