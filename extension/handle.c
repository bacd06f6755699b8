/*
 * handle.c - Go state dies with its owner.
 *
 * A scan on the Go side is known to C by a number. The number is kept beside
 * a reset callback of the memory context that the executor state lives in, so
 * that no error path has to remember to close it. The callback is registered
 * before there is a scan: what is made is then never without an owner.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "handle.h"
#include "loader.h"

typedef struct owned_scan
{
	MemoryContextCallback callback;
	uint64_t	id;
} owned_scan;

void
pgwire_close_scan(uint64_t *owned)
{
	/* never raises and never waits: bridge.h */
	if (*owned != 0)
		(void) pgwire_loaded->pgwire_go_scan_close(*owned);
	*owned = 0;
}

static void
close_scan(void *arg)
{
	pgwire_close_scan(&((owned_scan *) arg)->id);
}

uint64_t *
pgwire_reserve_scan(MemoryContext cxt)
{
	owned_scan *owned = MemoryContextAlloc(cxt, sizeof(owned_scan));

	owned->id = 0;
	owned->callback.func = close_scan;
	owned->callback.arg = owned;
	MemoryContextRegisterResetCallback(cxt, &owned->callback);
	return &owned->id;
}
