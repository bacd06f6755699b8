/*
 * loader.h - the function table of the Go object, loaded on first need.
 */
#ifndef PGWIRE_LOADER_H
#define PGWIRE_LOADER_H

#include "bridge.h"

#define PGWIRE_BRIDGE_MEMBER(name) __typeof__(name) *name;
typedef struct pgwire_bridge
{
	PGWIRE_BRIDGE_FUNCTIONS(PGWIRE_BRIDGE_MEMBER)
} pgwire_bridge;
#undef PGWIRE_BRIDGE_MEMBER

/* NULL until pgwire_load_go() has succeeded in this process. */
extern pgwire_bridge *pgwire_loaded;

/* What Go has to say without being asked; up to date after every call. */
extern pgwire_pending pgwire_now_pending;

/* Settings that are read when Go starts (GUCs of pgwire_fdw.c). */
extern int	pgwire_go_max_procs;
extern int	pgwire_go_memory_limit; /* kB */

extern void pgwire_load_go(void);

static inline const pgwire_bridge *
pgwire_go(void)
{
	if (unlikely(pgwire_loaded == NULL))
		pgwire_load_go();
	return pgwire_loaded;
}

/*
 * Call a bridge function with these arguments and &err, which is always its
 * last, to be filled; raises when the answer is PGWIRE_ERROR, else returns it.
 */
#define PGWIRE_CALL(err, fn, ...) \
	pgwire_check(pgwire_go()->fn(__VA_ARGS__, &(err)), &(err))

/* A view of a NUL-terminated string as bridge bytes. */
static inline pgwire_bytes
pgwire_cstring(const char *s)
{
	pgwire_bytes b;

	b.data = (uint8_t *) s;
	b.len = s ? (int64_t) strlen(s) : 0;
	return b;
}

#endif
