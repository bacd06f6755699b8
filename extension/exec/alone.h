/*
 * alone.h - statements that need no remote transaction around them.
 */
#ifndef PGWIRE_ALONE_H
#define PGWIRE_ALONE_H

#include "postgres.h"

#include "nodes/execnodes.h"

/* Is this scan all that its statement does? attrs: columns it fetches. */
extern bool pgwire_is_whole_statement(ForeignScanState *node, List *attrs);

/*
 * Is the statement that estate runs all that its transaction does? To be asked
 * when the first row is wanted.
 */
extern bool pgwire_is_whole_transaction(const EState *estate);

#endif
