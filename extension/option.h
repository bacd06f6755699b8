/*
 * option.h - options of servers, user mappings and foreign tables, for C.
 */
#ifndef PGWIRE_OPTION_H
#define PGWIRE_OPTION_H

#include "postgres.h"

#include "bridge.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

/*
 * Append a list of DefElem, such as GetForeignColumnOptions gives, in the form
 * in which options cross to Go: name NUL value NUL. (pgwire_collect_options in
 * pgwire_fdw.h does so for whole objects.)
 */
extern void pgwire_append_options(List *options, StringInfo out);

/* The same as palloc'd bytes of their own. */
extern pgwire_bytes pgwire_option_bytes(List *options);

/*
 * OIDs of the installed extensions among those that the value of the option
 * "extensions" names. With warn_missing, a WARNING for each of the others.
 */
extern List *pgwire_extension_oids(const char *value, bool warn_missing);

#endif
