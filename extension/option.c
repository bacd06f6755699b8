/*
 * option.c - the validator, and options on their way to Go.
 *
 * What an option may be is decided in Go (handler/internal/option), for all
 * objects in one table. Here is only what needs the catalogs: who asks, and
 * which extensions are installed.
 */
#include "postgres.h"

#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "access/reloptions.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "option.h"
#include "pgwire_fdw.h"

PG_FUNCTION_INFO_V1(pgwire_fdw_validator);

/* The catalog whose OID PostgreSQL hands to a validator, as bridge.h has it. */
static int32_t
bridge_catalog(Oid catalog)
{
	switch (catalog)
	{
		case ForeignServerRelationId:
			return PGWIRE_CAT_SERVER;
		case UserMappingRelationId:
			return PGWIRE_CAT_MAPPING;
		case ForeignTableRelationId:
			return PGWIRE_CAT_TABLE;
		case AttributeRelationId:
			return PGWIRE_CAT_COLUMN;
		default:
			return PGWIRE_CAT_WRAPPER;	/* takes none */
	}
}

void
pgwire_append_options(List *options, StringInfo out)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		/* appended with their NULs; defGetString raises where there is no value */
		appendBinaryStringInfo(out, def->defname, strlen(def->defname) + 1);
		appendStringInfoString(out, defGetString(def));
		appendStringInfoChar(out, '\0');
	}
}

/* The server's options, the user mapping's, the table's; any may be NULL. */
void
pgwire_collect_options(ForeignServer *server, UserMapping *mapping,
					   ForeignTable *table, StringInfo out)
{
	if (server)
		pgwire_append_options(server->options, out);
	if (mapping)
		pgwire_append_options(mapping->options, out);
	if (table)
		pgwire_append_options(table->options, out);
}

List *
pgwire_extension_oids(const char *value, bool warn_missing)
{
	List	   *names;
	List	   *oids = NIL;
	ListCell   *lc;

	/*
	 * It scribbles on its input. The syntax has been checked by Go; a list
	 * that is broken all the same names no extension.
	 */
	if (!SplitIdentifierString(pstrdup(value), ',', &names))
		return NIL;

	foreach(lc, names)
	{
		const char *name = (const char *) lfirst(lc);
		Oid			oid = get_extension_oid(name, true);

		if (OidIsValid(oid))
			oids = list_append_unique_oid(oids, oid);
		else if (warn_missing)
			pgwire_warn_local(ERRCODE_UNDEFINED_OBJECT,
							  psprintf("extension \"%s\" is not installed", name));
	}
	list_free(names);
	return oids;
}

/*
 * pgwire_fdw_validator(options text[], catalog oid)
 *
 * Called by CREATE and ALTER of everything that belongs to the wrapper, with
 * all options that the object is going to have.
 */
Datum
pgwire_fdw_validator(PG_FUNCTION_ARGS)
{
	List	   *options = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid			catalog = PG_GETARG_OID(1);
	pgwire_option_args args;
	pgwire_error err;
	StringInfoData buf;
	ListCell   *lc;

	/* nothing to check, so no reason to start Go */
	if (options == NIL)
		PG_RETURN_VOID();

	initStringInfo(&buf);
	pgwire_append_options(options, &buf);
	args.catalog = bridge_catalog(catalog);
	args.superuser = superuser() ? 1 : 0;
	args.options.data = (uint8_t *) buf.data;
	args.options.len = buf.len;
	PGWIRE_CALL(err, pgwire_go_option_validate, &args);

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, "extensions") == 0)
			(void) pgwire_extension_oids(defGetString(def), true);
	}

	PG_RETURN_VOID();
}
