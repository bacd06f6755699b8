/*
 * import.h - a remote table as it is to be imported, and the check of the command
 * that does it.
 */
#ifndef PGWIRE_IMPORT_H
#define PGWIRE_IMPORT_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "bridge.h"

/* The columns of a table, as they are printed, and the comments. */
typedef struct pgwire_import_table
{
	char	   *name;
	char	   *comment;
	int			ncols;
	int			maxcols;
	pgwire_import_column *cols;
	char	  **comments;		/* of each column */
	Size		bytes;			/* of all texts */
} pgwire_import_table;

/* in import.c: the command that creates the table, printed by Go. */
extern char *pgwire_print_import(const pgwire_import_table *table, const char *schema,
								 const char *server);

/*
 * in verify.c: parse the command, which has been printed from texts of the
 * remote, and raise unless it is the one that was meant. Answers its parse tree, a
 * list of one RawStmt.
 */
extern List *pgwire_verify_import(const pgwire_import_table *table, const char *schema,
								  const char *server, const char *command);

#endif
