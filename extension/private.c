/*
 * private.c - packs what a scan or a modification needs at run time into the plan,
 * and unpacks it.
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
	items = lappend(items, scan->conditions);
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
	scan->conditions = (List *) list_nth(fdw_private, PGWIRE_SCAN_CONDITIONS);
}

/* The strings and lists of *modify become part of the list. */
List *
pgwire_pack_modify(const pgwire_modify_private *modify)
{
	List	   *items = NIL;

	/* in the order of enum pgwire_modify_item */
	items = lappend(items, makeString(pstrdup(modify->sql)));
	items = lappend(items, makeInteger(modify->values_at));
	items = lappend(items, makeInteger(modify->values_len));
	items = lappend(items, makeString(pstrdup(modify->copy_sql)));
	items = lappend(items, modify->targets);
	items = lappend(items, modify->keys);
	items = lappend(items, modify->returned);
	items = lappend(items, makeString(pstrdup(modify->schema)));
	items = lappend(items, makeString(pstrdup(modify->table)));
	items = lappend(items, makeInteger(modify->batch_size));
	items = lappend(items, makeInteger(modify->flags));
	Assert(list_length(items) == PGWIRE_MODIFY_ITEMS);
	return items;
}

void
pgwire_unpack_modify(List *fdw_private, pgwire_modify_private *modify)
{
	Assert(list_length(fdw_private) == PGWIRE_MODIFY_ITEMS);
	modify->sql = strVal(list_nth(fdw_private, PGWIRE_MODIFY_SQL));
	modify->values_at = intVal(list_nth(fdw_private, PGWIRE_MODIFY_VALUES_AT));
	modify->values_len = intVal(list_nth(fdw_private, PGWIRE_MODIFY_VALUES_LEN));
	modify->copy_sql = strVal(list_nth(fdw_private, PGWIRE_MODIFY_COPY_SQL));
	modify->targets = (List *) list_nth(fdw_private, PGWIRE_MODIFY_TARGETS);
	modify->keys = (List *) list_nth(fdw_private, PGWIRE_MODIFY_KEYS);
	modify->returned = (List *) list_nth(fdw_private, PGWIRE_MODIFY_RETURNED);
	modify->schema = strVal(list_nth(fdw_private, PGWIRE_MODIFY_SCHEMA));
	modify->table = strVal(list_nth(fdw_private, PGWIRE_MODIFY_TABLE));
	modify->batch_size = intVal(list_nth(fdw_private, PGWIRE_MODIFY_BATCH_SIZE));
	modify->flags = intVal(list_nth(fdw_private, PGWIRE_MODIFY_FLAGS));
}
