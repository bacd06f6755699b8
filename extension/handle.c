/*
 * handle.c - Go state dies with its owner.
 *
 * A scan or a modification on the Go side is known to C by a number. The number
 * is kept beside a reset callback of the memory context that the executor state
 * lives in, so that no error path has to remember to close it. The callback is
 * registered before there is anything: what is made is then never without an owner.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "handle.h"
#include "loader.h"

typedef struct owned_handle
{
	MemoryContextCallback callback;
	uint64_t	id;
} owned_handle;

void
pgwire_close_scan(uint64_t *owned)
{
	/* never raises and never waits: bridge.h */
	if (*owned != 0)
		(void) pgwire_loaded->pgwire_go_scan_close(*owned);
	*owned = 0;
}

void
pgwire_close_modify(uint64_t *owned)
{
	if (*owned != 0)
		(void) pgwire_loaded->pgwire_go_modify_close(*owned);
	*owned = 0;
}

static void
close_scan(void *arg)
{
	pgwire_close_scan(&((owned_handle *) arg)->id);
}

static void
close_modify(void *arg)
{
	pgwire_close_modify(&((owned_handle *) arg)->id);
}

static uint64_t *
reserve(MemoryContext cxt, MemoryContextCallbackFunction close)
{
	owned_handle *owned = MemoryContextAlloc(cxt, sizeof(owned_handle));

	owned->id = 0;
	owned->callback.func = close;
	owned->callback.arg = owned;
	MemoryContextRegisterResetCallback(cxt, &owned->callback);
	return &owned->id;
}

uint64_t *
pgwire_reserve_scan(MemoryContext cxt)
{
	return reserve(cxt, close_scan);
}

uint64_t *
pgwire_reserve_modify(MemoryContext cxt)
{
	return reserve(cxt, close_modify);
}
