/*
 * handle.h - a Go object whose life ends with a memory context.
 */
#ifndef PGWIRE_HANDLE_H
#define PGWIRE_HANDLE_H

/*
 * Room for the handle of a scan that is about to be made: when cxt is reset or
 * deleted, by success or by error, the scan of that number is closed on the Go
 * side. It holds 0, for none, until it is written to.
 */
extern uint64_t *pgwire_reserve_scan(MemoryContext cxt);

/* The same for a modification (pgwire_go_modify_open). */
extern uint64_t *pgwire_reserve_modify(MemoryContext cxt);

/* Close the scan of a reserved handle, if it has one, before its context goes. */
extern void pgwire_close_scan(uint64_t *owned);
extern void pgwire_close_modify(uint64_t *owned);

#endif
