/*
 * handle.h - a Go object whose life ends with a memory context.
 */
#ifndef PGWIRE_HANDLE_H
#define PGWIRE_HANDLE_H

/*
 * Own the scan handle id: when cxt is reset or deleted, by success or by
 * error, the scan is closed on the Go side.
 */
extern void pgwire_own_scan(MemoryContext cxt, uint64_t id);

#endif
