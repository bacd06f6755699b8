/*
 * scan.h - the state of a foreign scan, for scan.c and explain.c.
 */
#ifndef PGWIRE_SCAN_H
#define PGWIRE_SCAN_H

#include "portability/instr_time.h"

#include "param.h"
#include "private.h"
#include "slot.h"

typedef struct pgwire_scan_state
{
	pgwire_scan_private plan;
	Oid			userid;			/* whose rights count */
	Oid			serverid;
	Oid			umid;			/* user mapping by which the scan was made */
	pgwire_row_format *format;
	pgwire_params *params;

	uint64_t   *scan;			/* Go's number for it; NULL before the first row */
	bool		may_be_alone;	/* whole plan, no user-defined functions */
	bool		bound;			/* running with the current parameters */
	bool		formats_known;			/* of the current result are known */
	bool		last;			/* the batch at hand is the last one */
	bool		eof;
	bool		large;			/* there was more than one batch */
	const uint8_t *row;			/* next row of the batch */
	int			rows_left;

	bool		timed;			/* EXPLAIN wants the time waited */
	instr_time	waited;
	instr_time	connecting;
} pgwire_scan_state;

#endif
