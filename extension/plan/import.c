/*
 * import.c - IMPORT FOREIGN SCHEMA.
 *
 * One question to the remote answers all; of each table a command is printed,
 * verified (verify.c), and handed to PostgreSQL, which runs them. If comments are
 * wanted, the tables are created here in the same way, because a command that
 * comments is none that it would run.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/comment.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "tcop/dest.h"
#include "tcop/utility.h"

#include "ask.h"
#include "import.h"
#include "option.h"
#include "pgwire_fdw.h"
#include "wait.h"

/* The columns of the remote's answer (pgwire_import_reply). */
enum answer
{
	ANSWER_TABLE,
	ANSWER_COLUMN,
	ANSWER_TYPE,
	ANSWER_NOT_NULL,
	ANSWER_EXPRESSION,
	ANSWER_GENERATED,
	ANSWER_COLLATION_SCHEMA,
	ANSWER_COLLATION,
	ANSWER_TABLE_COMMENT,
	ANSWER_COLUMN_COMMENT,
	ANSWER_COLUMNS
};

/* What the texts of one table may take: it is printed in Go's heap. */
#define MAX_TABLE_BYTES (4 << 20)

typedef struct importing
{
	ImportForeignSchemaStmt *stmt;
	pgwire_import_reply settings;
	pgwire_import_table table;	/* at hand; no name before the first */
	List	   *commands;		/* what is to be run for it, as text */
} importing;

char *
pgwire_print_import(const pgwire_import_table *table, const char *schema, const char *server)
{
	pgwire_import_table_args args = {0};
	pgwire_bytes command;
	pgwire_error err;

	args.name = pgwire_cstring(table->name);
	args.schema = pgwire_cstring(schema);
	args.server = pgwire_cstring(server);
	args.cols = table->cols;
	args.ncols = table->ncols;
	PGWIRE_CALL(err, pgwire_go_import_table, &args, &command);
	return pnstrdup((char *) command.data, command.len);
}

/* Create it and its comments, as ImportForeignSchema of commands/foreigncmds.c does. */
static void
create_table(importing *imp, List *parsed, const char *command)
{
	RawStmt    *raw = linitial_node(RawStmt, parsed);
	CreateForeignTableStmt *create = (CreateForeignTableStmt *) raw->stmt;
	PlannedStmt *planned = makeNode(PlannedStmt);
	pgwire_import_context context;
	Oid			relid;

	create->base.relation->schemaname = pstrdup(imp->stmt->local_schema);
	planned->commandType = CMD_UTILITY;
	planned->canSetTag = false;
	planned->utilityStmt = (Node *) create;
	planned->stmt_location = raw->stmt_location;
	planned->stmt_len = raw->stmt_len;
	pgwire_push_import(&context, imp->table.name);
	ProcessUtility(planned, command, false, PROCESS_UTILITY_SUBCOMMAND, NULL, NULL,
				   None_Receiver, NULL);
	CommandCounterIncrement();
	relid = RangeVarGetRelid(create->base.relation, NoLock, false);
	if (imp->table.comment)
		CreateComments(relid, RelationRelationId, 0, imp->table.comment);
	for (int i = 0; i < imp->table.ncols; i++)
		if (imp->table.comments[i])
			CreateComments(relid, RelationRelationId, i + 1, imp->table.comments[i]);
	pgwire_pop_import(&context);
}

/* All columns of the table at hand have come. */
static void
finish_table(importing *imp)
{
	const pgwire_import_table *table = &imp->table;
	char	   *command;
	List	   *parsed;

	if (table->name == NULL || !IsImportableForeignTable(table->name, imp->stmt))
		return;
	command = pgwire_print_import(table, imp->stmt->remote_schema, imp->stmt->server_name);
	parsed = pgwire_verify_import(table, imp->stmt->remote_schema, imp->stmt->server_name, command);
	if (imp->settings.comments)
		create_table(imp, parsed, command);
	else
		imp->commands = lappend(imp->commands, command);
}

/* A copy of a text of the remote's, counted. */
static char *
take(importing *imp, const char *text)
{
	if (text == NULL)
		return NULL;
	imp->table.bytes += strlen(text) + 1;
	if (imp->table.bytes > MAX_TABLE_BYTES)
		pgwire_raise_local(ERRCODE_PROGRAM_LIMIT_EXCEEDED,
						   psprintf("the definition of remote table \"%s\" takes more than %d bytes",
									imp->table.name ? imp->table.name : "", MAX_TABLE_BYTES), NULL, NULL);
	return pstrdup(text);
}

/* A virtual column where this server has none reads what the remote computes. */
static void
take_expression(importing *imp, pgwire_import_column *col, char **row)
{
	char		generated = row[ANSWER_GENERATED] ? row[ANSWER_GENERATED][0] : '\0';
	bool		wanted;

	if (generated == '\0')
		wanted = imp->settings.defaults != 0;
	else
		wanted = imp->settings.generated != 0 &&
			(generated == 's' || (generated == 'v' && PGWIRE_SERVER_MAJOR >= 18));
	if (!wanted)
		return;
	col->expression = pgwire_cstring(take(imp, row[ANSWER_EXPRESSION]));
	col->generated = generated;
}

static void
take_column(importing *imp, char **row)
{
	pgwire_import_table *table = &imp->table;
	pgwire_import_column *col;

	if (row[ANSWER_COLUMN] == NULL)
		return;					/* a table without columns */
	if (table->ncols == table->maxcols)
	{
		table->maxcols = Max(2 * table->maxcols, 16);
		table->cols = table->cols ? repalloc(table->cols, sizeof(*table->cols) * table->maxcols) :
			palloc(sizeof(*table->cols) * table->maxcols);
		table->comments = table->comments ? repalloc(table->comments, sizeof(char *) * table->maxcols) :
			palloc(sizeof(char *) * table->maxcols);
	}
	col = &table->cols[table->ncols];
	memset(col, 0, sizeof(*col));
	table->comments[table->ncols++] = take(imp, row[ANSWER_COLUMN_COMMENT]);
	col->name = pgwire_cstring(take(imp, row[ANSWER_COLUMN]));
	col->type = pgwire_cstring(take(imp, row[ANSWER_TYPE] ? row[ANSWER_TYPE] : ""));
	if (imp->settings.collate && row[ANSWER_COLLATION_SCHEMA] && row[ANSWER_COLLATION])
	{
		col->collation_schema = pgwire_cstring(take(imp, row[ANSWER_COLLATION_SCHEMA]));
		col->collation = pgwire_cstring(take(imp, row[ANSWER_COLLATION]));
	}
	col->not_null = imp->settings.not_null && row[ANSWER_NOT_NULL] && row[ANSWER_NOT_NULL][0] == 't';
	take_expression(imp, col, row);
}

static void
take_row(importing *imp, char **row)
{
	if (row[ANSWER_TABLE] == NULL)
		return;					/* a schema without tables */
	if (imp->table.name == NULL || strcmp(imp->table.name, row[ANSWER_TABLE]) != 0)
	{
		finish_table(imp);
		memset(&imp->table, 0, sizeof(imp->table));
		imp->table.name = take(imp, row[ANSWER_TABLE]);
		imp->table.comment = take(imp, row[ANSWER_TABLE_COMMENT]);
	}
	take_column(imp, row);
}

/* The names of LIMIT TO or EXCEPT in the text form of text[]. */
static char *
names_of(const ImportForeignSchemaStmt *stmt)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	foreach(lc, stmt->table_list)
	{
		appendStringInfoString(&buf, buf.len > 1 ? ",\"" : "\"");
		for (const char *c = lfirst_node(RangeVar, lc)->relname; *c; c++)
		{
			if (*c == '"' || *c == '\\')
				appendStringInfoChar(&buf, '\\');
			appendStringInfoChar(&buf, *c);
		}
		appendStringInfoChar(&buf, '"');
	}
	appendStringInfoChar(&buf, '}');
	return buf.data;
}

static void
read_options(importing *imp)
{
	pgwire_option_args args;
	pgwire_error err;
	StringInfoData buf;

	initStringInfo(&buf);
	pgwire_append_options(imp->stmt->options, &buf);
	args.catalog = PGWIRE_CAT_IMPORT;
	args.superuser = superuser();
	args.options.data = (uint8_t *) buf.data;
	args.options.len = buf.len;
	PGWIRE_CALL(err, pgwire_go_option_validate, &args);
	PGWIRE_CALL(err, pgwire_go_import, &args.options, &imp->settings);
	imp->settings.sql = pgwire_cstring(pnstrdup((char *) imp->settings.sql.data, imp->settings.sql.len));
}

List *
pgwireImportForeignSchema(ImportForeignSchemaStmt *stmt, Oid serverid)
{
	importing	imp = {0};
	pgwire_ask *ask;
	bool		found = false;
	char	  **row;

	imp.stmt = stmt;
	read_options(&imp);
	ask = pgwire_ask_open(GetUserId(), serverid, (char *) imp.settings.sql.data, ANSWER_COLUMNS, 0);
	pgwire_ask_param(ask, stmt->remote_schema);
	pgwire_ask_param(ask, stmt->list_type == FDW_IMPORT_SCHEMA_LIMIT_TO ? "limit" :
					 stmt->list_type == FDW_IMPORT_SCHEMA_EXCEPT ? "except" : "all");
	pgwire_ask_param(ask, names_of(stmt));
	while ((row = pgwire_ask_row(ask)) != NULL)
	{
		found = true;
		take_row(&imp, row);
		pgwire_serve_interrupts();
	}
	pgwire_ask_close(ask);
	if (!found)
		pgwire_raise_local(ERRCODE_FDW_SCHEMA_NOT_FOUND,
						   psprintf("schema \"%s\" is not present on foreign server \"%s\"",
									stmt->remote_schema, stmt->server_name), NULL, NULL);
	finish_table(&imp);
	return imp.commands;
}
