/*
 * wait.h - the only place where a backend waits for the remote.
 */
#ifndef PGWIRE_WAIT_H
#define PGWIRE_WAIT_H

#include "datatype/timestamp.h"

#include "bridge.h"

/*
 * Wait for what Go asked for. Interrupts are served: a cancel, a timeout or a
 * termination raises from here, on the C side, with no Go frame below.
 */
extern void pgwire_wait_for(const pgwire_wait *wait);

/* Have whoever waits with this set hear of it: what Go asked for has one descriptor,
 * is for reading, and has no timeout. */
struct WaitEventSet;
extern void pgwire_wait_within(struct WaitEventSet *set, const pgwire_wait *wait, void *user_data);

/* Serve interrupts without waiting, in work that may go on without a wait. */
extern void pgwire_serve_interrupts(void);

/* The same, but false, without waiting, once the deadline has passed; 0: there is none. */
extern bool pgwire_wait_until(const pgwire_wait *wait, TimestampTz deadline);

/*
 * Wait inside transaction clean-up, where nothing may be raised. False: give
 * up, because the deadline has passed (which comes earlier when the user asks
 * again).
 */
extern bool pgwire_wait_cleanup(const pgwire_wait *wait, TimestampTz deadline);

/* An upper bound for clean-up at the end of a transaction. */
#define PGWIRE_CLEANUP_MS 700

/* The same for who is to end, or has been told to stop twice. */
#define PGWIRE_HURRIED_CLEANUP_MS 150

#endif
