/*
 * param.h - parameters of a remote statement.
 */
#ifndef PGWIRE_PARAM_H
#define PGWIRE_PARAM_H

#include "nodes/execnodes.h"

#include "bridge.h"

typedef struct pgwire_params
{
	int			count;
	List	   *exprs;			/* of ExprState */
	FmgrInfo   *functions;		/* send or output function of each */
	pgwire_param *values;		/* count, filled by pgwire_eval_params */
	bool	   *binary;			/* by the send function */
	bool		transmission_modes; /* text forms that depend on settings */
	bool		names;			/* of these, on search_path */
	MemoryContext context;		/* of the values */
} pgwire_params;

/* Prepare to evaluate a plan's fdw_exprs; lives in the current context. */
extern pgwire_params *pgwire_prepare_params(List *fdw_exprs, PlanState *node);

/*
 * Is the binary form of the type's values the same for every server, encoding and
 * setting? These go in binary with their type stated.
 */
extern bool pgwire_is_binary_safe(Oid type);

/* Is it a character type, whose text form is the value itself? */
extern bool pgwire_is_string(Oid type);

extern int	pgwire_set_transmission_modes(bool names);
extern void pgwire_end_transmission_modes(int level);
extern bool pgwire_prints_names(Oid type);

/* Evaluate them all; the values are valid until pgwire_free_params. */
extern void pgwire_eval_params(pgwire_params *params, ExprContext *econtext);
extern void pgwire_free_params(pgwire_params *params);

#endif
