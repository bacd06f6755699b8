/*
 * bulk.c - may rows go to a remote table by COPY?
 *
 * COPY passes over rules, overrides identity columns, cannot be used under row
 * security, and takes binary values as those of the remote column's type, whatever
 * they were here. Where a trigger may drop rows, its count is not that of the rows
 * sent, which is how we know that all of them have arrived. So the remote is asked.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

#include "ask.h"
#include "bulk.h"

/*
 * $1 and $2 are the table's schema and name, $3 its columns, $4 their types: an OID,
 * or nothing where any type will do whose binary form is its text.
 */
static const char *const question =
"WITH RECURSIVE tree AS ("
" SELECT c.oid, c.relkind, true AS root FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
" WHERE n.nspname = $1::name AND c.relname = $2::name"
" UNION ALL"
" SELECT c.oid, c.relkind, false FROM tree t JOIN pg_inherits i ON i.inhparent = t.oid"
" JOIN pg_class c ON c.oid = i.inhrelid WHERE t.relkind = 'p')"
"SELECT bool_and(relkind IN ('r', 'p') AND NOT row_security_active(oid))"
" AND NOT EXISTS (SELECT FROM tree t JOIN pg_trigger g ON g.tgrelid = t.oid"
" WHERE g.tgenabled <> 'D' AND g.tgtype & 5 = 5 AND g.tgtype & 66 <> 0)"
" AND NOT EXISTS (SELECT FROM tree t JOIN pg_rewrite w ON w.ev_class = t.oid WHERE w.ev_type = '3')"
" AND NOT EXISTS (SELECT FROM unnest($3::text[], $4::text[]) AS sent(name, type)"
" WHERE NOT EXISTS (SELECT FROM tree t JOIN pg_attribute a ON a.attrelid = t.oid"
" JOIN pg_type y ON y.oid = a.atttypid LEFT JOIN pg_type b ON b.oid = y.typbasetype AND y.typtype = 'd'"
" WHERE t.root AND a.attname = sent.name::name AND a.attnum > 0 AND NOT a.attisdropped"
" AND a.attgenerated = '' AND a.attidentity <> 'a'"
" AND CASE sent.type WHEN '' THEN coalesce(b.typtype, y.typtype) = 'e'"
" OR coalesce(b.oid, y.oid) IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'json'::regtype)"
" ELSE coalesce(b.oid, y.oid)::text = sent.type END))"
" FROM tree";

/* What a column of a foreign table is called there. */
static const char *
remote_name(Relation relation, int attnum)
{
	ListCell   *lc;

	foreach(lc, GetForeignColumnOptions(RelationGetRelid(relation), attnum))
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, "column_name") == 0 && strVal(def->arg)[0] != '\0')
			return strVal(def->arg);
	}
	return NameStr(TupleDescAttr(RelationGetDescr(relation), attnum - 1)->attname);
}

static const char *
print_array(Datum *texts, int count)
{
	ArrayType  *array = construct_array(texts, count, TEXTOID, -1, false, TYPALIGN_INT);

	return OidOutputFunctionCall(F_ARRAY_OUT, PointerGetDatum(array));
}

bool
pgwire_may_copy(Oid userid, Oid serverid, Relation relation,
				const pgwire_modify_private *plan, const pgwire_encoder *encoder)
{
	Datum	   *names = palloc(sizeof(Datum) * Max(encoder->ncols, 1));
	Datum	   *types = palloc(sizeof(Datum) * Max(encoder->ncols, 1));
	pgwire_ask *ask;
	char	  **row;
	bool		may;

	for (int i = 0; i < encoder->ncols; i++)
	{
		const pgwire_value_encoder *column = &encoder->columns[i];

		names[i] = CStringGetTextDatum(remote_name(relation, encoder->attnums[i]));
		/* a text too long for a name is cut off by INSERT, and refused by COPY */
		types[i] = CStringGetTextDatum(column->string && column->type != NAMEOID ? "" :
									   psprintf("%u", column->type));
	}
	ask = pgwire_ask_open(userid, serverid, question, 1, PGWIRE_ASK_TRY);
	pgwire_ask_param(ask, plan->schema);
	pgwire_ask_param(ask, plan->table);
	pgwire_ask_param(ask, print_array(names, encoder->ncols));
	pgwire_ask_param(ask, print_array(types, encoder->ncols));
	row = pgwire_ask_row(ask);
	may = row != NULL && row[0] != NULL && row[0][0] == 't';
	if (row != NULL)
		(void) pgwire_ask_row(ask);	/* to its end */
	pgwire_ask_close(ask);
	return may;
}
