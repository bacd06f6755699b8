/*
 * verify.c - is the command that imports a table the one that was meant?
 *
 * The types and expressions in it are text of a remote server, and a type of
 * "int); DROP TABLE t; --" or a default that closes its parenthesis would be
 * another command. Names are quoted by us, and cannot. So each text is parsed by
 * itself, as a type or an expression and nothing else. Then the command has to be
 * equal, as a parse tree, to one in which these trees were put in the places of
 * harmless ones: what is around them is ours alone, whatever they say.
 *
 * Nothing is looked up or evaluated here. What an expression does is another
 * question: README tells who imports expressions that they are the remote's.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"

#include "error.h"
#include "import.h"
#include "loader.h"

pg_noreturn static void
refuse(const char *what, const char *text)
{
	int			len = pg_mbcliplen(text, strlen(text), 200);

	pgwire_raise_local(ERRCODE_FDW_ERROR,
					   psprintf("remote server has sent what is no %s: \"%.*s\"", what, len, text),
					   NULL, NULL);
}

static char *
text_of(pgwire_bytes b)
{
	return pnstrdup((char *) b.data, b.len);
}

/* The one statement of a list, or NULL. */
static Node *
only_statement(List *list)
{
	return list_length(list) == 1 ? linitial_node(RawStmt, list)->stmt : NULL;
}

static TypeName *
parse_type(const char *text)
{
	List	   *list = raw_parser(text, RAW_PARSE_TYPE_NAME);
	TypeName   *type = list_length(list) == 1 ? (TypeName *) linitial(list) : NULL;

	if (type == NULL || !IsA(type, TypeName) || type->setof || type->pct_type)
		refuse("type", text);
	return type;
}

/* The target of a SELECT of one, or NULL. */
static ResTarget *
only_target(Node *statement)
{
	SelectStmt *select = (SelectStmt *) statement;

	if (statement == NULL || !IsA(statement, SelectStmt) || list_length(select->targetList) != 1 ||
		!IsA(linitial(select->targetList), ResTarget))
		return NULL;
	return (ResTarget *) linitial(select->targetList);
}

static Node *
parse_expression(const char *text)
{
	Node	   *statement = only_statement(raw_parser(psprintf("SELECT %s", text), RAW_PARSE_DEFAULT));
	Node	   *plain = only_statement(raw_parser("SELECT NULL", RAW_PARSE_DEFAULT));
	ResTarget  *target = only_target(statement);

	if (target == NULL || target->val == NULL)
		refuse("expression", text);
	/* with this expression in its place, a SELECT of nothing else is the same */
	only_target(plain)->val = target->val;
	if (!equal(statement, plain))
		refuse("expression", text);
	return target->val;
}

/* The command for a table of the same names, with types and expressions of ours. */
static Node *
harmless_command(const pgwire_import_table *table, const char *schema, const char *server)
{
	pgwire_import_table harmless = *table;

	harmless.cols = palloc(sizeof(pgwire_import_column) * Max(table->ncols, 1));
	for (int i = 0; i < table->ncols; i++)
	{
		harmless.cols[i] = table->cols[i];
		harmless.cols[i].type = pgwire_cstring("int4");
		if (harmless.cols[i].expression.len > 0)
			harmless.cols[i].expression = pgwire_cstring("NULL");
	}
	return only_statement(raw_parser(pgwire_print_import(&harmless, schema, server), RAW_PARSE_DEFAULT));
}

/* Put type and expression of a column into the places of the harmless ones. */
static void
replace(ColumnDef *def, const pgwire_import_column *col)
{
	ListCell   *lc;

	def->typeName = parse_type(text_of(col->type));
	foreach(lc, def->constraints)
	{
		Constraint *constraint = lfirst_node(Constraint, lc);

		if (constraint->raw_expr)
			constraint->raw_expr = parse_expression(text_of(col->expression));
	}
}

List *
pgwire_verify_import(const pgwire_import_table *table, const char *schema, const char *server,
					 const char *command)
{
	pgwire_import_context context;
	CreateForeignTableStmt *meant;
	List	   *parsed;
	int			i = 0;
	ListCell   *lc;

	pgwire_push_import(&context, table->name);
	meant = (CreateForeignTableStmt *) harmless_command(table, schema, server);
	/* a name that is too long has been cut, and would be another table's or column's */
	if (meant == NULL || !IsA(meant, CreateForeignTableStmt) ||
		list_length(meant->base.tableElts) != table->ncols ||
		strcmp(meant->base.relation->relname, table->name) != 0)
		refuse("table", table->name);
	foreach(lc, meant->base.tableElts)
	{
		ColumnDef  *def = lfirst_node(ColumnDef, lc);
		char	   *name = text_of(table->cols[i].name);

		if (strcmp(def->colname, name) != 0)
			refuse("column", name);
		context.column = name;
		replace(def, &table->cols[i++]);
	}
	context.column = NULL;
	parsed = raw_parser(command, RAW_PARSE_DEFAULT);
	if (!equal(only_statement(parsed), meant))
		refuse("table definition", command);
	pgwire_pop_import(&context);
	return parsed;
}
