/*
 * truncate.c - TRUNCATE of foreign tables.
 *
 * The server calls once for all tables of a foreign server, among them those that
 * CASCADE and inheritance have led to here; what they lead to there is the remote's.
 */
#include "postgres.h"

#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "command.h"
#include "option.h"
#include "pgwire_fdw.h"

void
pgwireExecForeignTruncate(List *rels, DropBehavior behavior, bool restart_seqs)
{
	Oid			serverid = GetForeignTable(RelationGetRelid((Relation) linitial(rels)))->serverid;
	pgwire_truncate_args args;
	pgwire_command command;
	pgwire_bytes sql;
	pgwire_error err;
	ListCell   *lc;

	memset(&args, 0, sizeof(args));
	args.server_options = pgwire_option_bytes(GetForeignServer(serverid)->options);
	args.tables = palloc0(sizeof(pgwire_truncate_table) * list_length(rels));
	args.restart = restart_seqs;
	args.cascade = behavior == DROP_CASCADE;
	foreach(lc, rels)
	{
		Relation	rel = (Relation) lfirst(lc);
		pgwire_truncate_table *table = &args.tables[args.ntables++];

		table->schema = pgwire_cstring(get_namespace_name(RelationGetNamespace(rel)));
		table->name = pgwire_cstring(RelationGetRelationName(rel));
		table->options = pgwire_option_bytes(GetForeignTable(RelationGetRelid(rel))->options);
	}
	PGWIRE_CALL(err, pgwire_go_truncate, &args, &sql);

	memset(&command, 0, sizeof(command));
	command.userid = GetUserId();
	command.serverid = serverid;
	command.sql = pnstrdup((char *) sql.data, sql.len);
	(void) pgwire_run_command(&command);
}
