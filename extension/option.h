/*
 * option.h - options of servers, user mappings and foreign tables, for C.
 */
#ifndef PGWIRE_OPTION_H
#define PGWIRE_OPTION_H

#include "postgres.h"

#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

/*
 * Append options in the form in which they cross to Go, name NUL value NUL:
 * the server's, the user mapping's, the table's. Any of them may be NULL.
 */
extern void pgwire_collect_options(ForeignServer *server, UserMapping *mapping,
								   ForeignTable *table, StringInfo out);

/* The same for a list of DefElem, such as GetForeignColumnOptions gives. */
extern void pgwire_append_options(List *options, StringInfo out);

/*
 * OIDs of the installed extensions among those that the value of the option
 * "extensions" names. With warn_missing, a WARNING for each of the others.
 */
extern List *pgwire_extension_oids(const char *value, bool warn_missing);

#endif
