/*
 * option.c - the validator, and options on their way to Go.
 *
 * What an option may be is decided in Go (handler/internal/option), for all
 * objects in one table. Here is only what needs the catalogs: who asks, and
 * which extensions are installed.
 */
#include "postgres.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

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

pgwire_bytes
pgwire_option_bytes(List *options)
{
	StringInfoData text;
	pgwire_bytes bytes;

	initStringInfo(&text);
	pgwire_append_options(options, &text);
	bytes.data = (uint8_t *) text.data;
	bytes.len = text.len;
	return bytes;
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

static bool
has_option(List *options, const char *name)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		if (strcmp(lfirst_node(DefElem, lc)->defname, name) == 0)
			return true;
	}
	return false;
}

/*
 * What libpq takes from the environment of the server's process and from the
 * home directory of its user where the option is not set. It decides how far a
 * remote server is trusted, so whoever has moved from postgres_fdw must know
 * that nothing is taken from there.
 */
static const struct
{
	const char *variable;
	const char *file;			/* below ~/.postgresql, or NULL */
	const char *option;
}			outside[] = {
	{"PGSSLMODE", NULL, "sslmode"},
	{"PGREQUIRESSL", NULL, "sslmode"},
	{"PGSSLNEGOTIATION", NULL, "sslnegotiation"},
	{"PGSSLROOTCERT", "root.crt", "sslrootcert"},
	{"PGSSLCRL", "root.crl", "sslcrl"},
	{"PGSSLCRLDIR", NULL, "sslcrldir"},
	{"PGSSLCERT", "postgresql.crt", "sslcert"},
	{"PGSSLKEY", "postgresql.key", "sslkey"},
	{"PGSSLCERTMODE", NULL, "sslcertmode"},
	{"PGSSLMINPROTOCOLVERSION", NULL, "ssl_min_protocol_version"},
	{"PGSSLMAXPROTOCOLVERSION", NULL, "ssl_max_protocol_version"},
	{"PGREQUIREPEER", NULL, "requirepeer"},
	{"PGREQUIREAUTH", NULL, "require_auth"},
	{"PGCHANNELBINDING", NULL, "channel_binding"},
	{"PGGSSENCMODE", NULL, "gssencmode"},
};

/* The directory of libpq's files, as libpq finds it, or NULL. */
static char *
libpq_directory(void)
{
	const char *home = getenv("HOME");
	struct passwd *pw;

	if (home == NULL || home[0] == '\0')
	{
		pw = getpwuid(geteuid());
		home = pw ? pw->pw_dir : NULL;
	}
	return home ? psprintf("%s/.postgresql", home) : NULL;
}

/* Say which of them are there and not looked at. */
static void
notice_outside(List *options)
{
	char	   *directory = libpq_directory();

	for (int i = 0; i < (int) lengthof(outside); i++)
	{
		const char *value = getenv(outside[i].variable);
		char	   *file = NULL;
		char	   *hint;
		struct stat st;

		if (has_option(options, outside[i].option))
			continue;
		if (outside[i].file && directory)
			file = psprintf("%s/%s", directory, outside[i].file);
		hint = psprintf("Where this mattered, set option \"%s\".", outside[i].option);
		if (value && value[0] != '\0')
			pgwire_notice_local(psprintf("%s in the server's environment is not used by pgwire_fdw",
										 outside[i].variable), hint);
		else if (file && stat(file, &st) == 0)
			pgwire_notice_local(psprintf("file ~/.postgresql/%s of the server's user is not used by pgwire_fdw",
										 outside[i].file), hint);
	}
}

static void
validate(List *options, Oid catalog)
{
	pgwire_option_args args;
	pgwire_error err;
	StringInfoData buf;
	ListCell   *lc;

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

	/* nothing to check, so no reason to start Go */
	if (options != NIL)
		validate(options, catalog);
	if (catalog == ForeignServerRelationId)
		notice_outside(options);

	PG_RETURN_VOID();
}
