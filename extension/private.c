/*
 * private.c - packs what a scan needs at run time into the plan, and unpacks it.
 */
#include "private.h"

#include "nodes/value.h"

/* The strings and lists of *scan become part of the list. */
List *
pgwire_pack_scan(const pgwire_scan_private *scan)
{
	List	   *items = NIL;

	/* in the order of enum pgwire_scan_item */
	items = lappend(items, makeString(pstrdup(scan->sql)));
	items = lappend(items, scan->attrs);
	items = lappend(items, makeInteger(scan->flags));
	items = lappend(items, makeInteger(scan->fetch_memory_kb));
	items = lappend(items, makeInteger(scan->fetch_size));
	items = lappend(items, makeInteger(scan->expected_kb));
	items = lappend(items, scan->refusals);
	items = lappend(items, makeString(pstrdup(scan->relations ? scan->relations : "")));
	items = lappend(items, makeInteger((int) scan->check_as_user));
	Assert(list_length(items) == PGWIRE_SCAN_ITEMS);
	return items;
}

void
pgwire_unpack_scan(List *fdw_private, pgwire_scan_private *scan)
{
	Assert(list_length(fdw_private) == PGWIRE_SCAN_ITEMS);
	scan->sql = strVal(list_nth(fdw_private, PGWIRE_SCAN_SQL));
	scan->attrs = (List *) list_nth(fdw_private, PGWIRE_SCAN_ATTRS);
	scan->flags = intVal(list_nth(fdw_private, PGWIRE_SCAN_FLAGS));
	scan->fetch_memory_kb = intVal(list_nth(fdw_private, PGWIRE_SCAN_FETCH_MEMORY));
	scan->fetch_size = intVal(list_nth(fdw_private, PGWIRE_SCAN_FETCH_SIZE));
	scan->expected_kb = intVal(list_nth(fdw_private, PGWIRE_SCAN_EXPECTED_KB));
	scan->refusals = (List *) list_nth(fdw_private, PGWIRE_SCAN_REFUSALS);
	scan->relations = strVal(list_nth(fdw_private, PGWIRE_SCAN_RELATIONS));
	scan->check_as_user = (Oid) intVal(list_nth(fdw_private, PGWIRE_SCAN_CHECK_AS_USER));
}
