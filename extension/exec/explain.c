/*
 * explain.c - what EXPLAIN shows of a foreign scan.
 */
#include "postgres.h"

#include <limits.h>

#include "commands/explain.h"
#include "lib/stringinfo.h"
#include "nodes/makefuncs.h"
#include "nodes/extensible.h"
#include "nodes/nodeFuncs.h"
#include "nodes/value.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/ruleutils.h"

#include "compat.h"
#include "feedscan.h"
#include "pgwire_fdw.h"
#include "scan.h"

/* One line for people. */
static void
explain_text(const pgwire_scan_state *state, const pgwire_scan_stats *stats,
			 ExplainState *es)
{
	StringInfoData line;

	initStringInfo(&line);
	appendStringInfo(&line,
					 "rows=" INT64_FORMAT " bytes=" INT64_FORMAT
					 " batches=" INT64_FORMAT " round trips=" INT64_FORMAT,
					 stats->rows, stats->bytes, stats->batches, stats->round_trips);
	if (stats->portions > 0)
		appendStringInfo(&line, " portions=" INT64_FORMAT, stats->portions);
	if (stats->spooled > 0)
		appendStringInfo(&line, " set aside=" INT64_FORMAT " kB%s",
						 (stats->spooled + 1023) / 1024,
						 stats->spool_file > 0 ? " (disk)" : "");
	if (es->timing)
	{
		if (!INSTR_TIME_IS_ZERO(state->stream.connecting))
			appendStringInfo(&line, " connect=%.3f ms",
							 INSTR_TIME_GET_MILLISEC(state->stream.connecting));
		appendStringInfo(&line, " wait=%.3f ms",
						 INSTR_TIME_GET_MILLISEC(state->stream.waited));
	}
	ExplainPropertyText("Remote", line.data, es);
	pfree(line.data);
}

/* The same for programs: always all of them. */
static void
explain_properties(const pgwire_scan_state *state, const pgwire_scan_stats *stats,
				   ExplainState *es)
{
	ExplainPropertyInteger("Remote Rows", NULL, stats->rows, es);
	ExplainPropertyInteger("Remote Bytes", NULL, stats->bytes, es);
	ExplainPropertyInteger("Remote Batches", NULL, stats->batches, es);
	ExplainPropertyInteger("Remote Round Trips", NULL, stats->round_trips, es);
	ExplainPropertyInteger("Remote Portions", NULL, stats->portions, es);
	ExplainPropertyInteger("Remote Set Aside", "kB", (stats->spooled + 1023) / 1024, es);
	if (es->timing)
	{
		ExplainPropertyFloat("Remote Connect Time", "ms",
							 INSTR_TIME_GET_MILLISEC(state->stream.connecting), 3, es);
		ExplainPropertyFloat("Remote Wait Time", "ms",
							 INSTR_TIME_GET_MILLISEC(state->stream.waited), 3, es);
	}
}

/* ---- what was not pushed down, and why (plan/why.c) ---- */

/*
 * Does ruleutils.c know how to print it, by the relations of the plan? EXPLAIN
 * must not fail over an explanation.
 */
static bool
is_unprintable(Node *node, void *context)
{
	ExplainState *es = context;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;
		RangeTblEntry *rte;

		if (var->varlevelsup != 0 || var->varno < 1 || var->varno > list_length(es->rtable))
			return true;
		rte = rt_fetch(var->varno, es->rtable);
		return rte->rtekind == RTE_JOIN ||
			(rte->rtekind != RTE_RELATION && var->varattno > list_length(rte->eref->colnames));
	}
	if (IsA(node, SubLink) || IsA(node, Query))
		return true;
	/* the names of the fields would be looked for in the plan of a sub-query */
	if (IsA(node, FieldSelect) && exprType((Node *) ((FieldSelect *) node)->arg) == RECORDOID)
		return true;
	return expression_tree_walker(node, is_unprintable, context);
}

/* Names of relations, as EXPLAIN calls them. */
static void
append_relations(StringInfo line, List *relids, int offset, ExplainState *es)
{
	const char *separator = "join with ";
	ListCell   *lc;

	foreach(lc, relids)
	{
		int			rti = lfirst_int(lc) + offset;
		const char *name = NULL;

		if (rti < 1 || rti > list_length(es->rtable))
			continue;
		if (rti <= list_length(es->rtable_names))
			name = list_nth(es->rtable_names, rti - 1);
		if (name == NULL)
			name = rt_fetch(rti, es->rtable)->eref->aliasname;
		appendStringInfo(line, "%s%s", separator, name);
		separator = ", ";
	}
}

/* Window functions become calls of them. */
static Node *
without_windows(Node *node, void *context)
{
	WindowFunc *func = (WindowFunc *) node;

	if (node == NULL)
		return NULL;
	if (!IsA(node, WindowFunc))
		return expression_tree_mutator(node, without_windows, context);
	return (Node *) makeFuncExpr(func->winfnoid, func->wintype,
								 (List *) without_windows((Node *) func->args, context),
								 func->wincollid, func->inputcollid, COERCE_EXPLICIT_CALL);
}

/* One refusal as a line: what, and the reason. */
static char *
refusal_text(Node *what, const char *reason, int offset, List *context, ExplainState *es)
{
	StringInfoData line;

	initStringInfo(&line);
	if (IsA(what, String))
		appendStringInfoString(&line, strVal(what));
	else if (IsA(what, IntList))
		append_relations(&line, (List *) what, offset, es);
	else if (!IsA(what, Integer))
	{
		what = copyObject(what);
		if (PGWIRE_EXPLAIN_NEEDS_WINDOWS)
			what = without_windows(what, NULL);
		OffsetVarNodes(what, offset, 0);
		if (!is_unprintable(what, es))
			appendStringInfoString(&line, deparse_expression(what, context, true, false));
	}
	if (line.len > 0)
		appendStringInfoString(&line, ": ");
	appendStringInfoString(&line, reason);
	return line.data;
}

/* Is the text one of the list? */
static bool
is_told(List *texts, const char *text)
{
	ListCell   *lc;

	foreach(lc, texts)
		if (strcmp(lfirst(lc), text) == 0)
			return true;
	return false;
}

static void
explain_refusals(ForeignScanState *node, List *refusals, ExplainState *es)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	int			rti = plan->scan.scanrelid;
	List	   *context = set_deparse_context_plan(es->deparse_cxt, (Plan *) plan, NIL);
	List	   *texts = NIL;
	int			offset;
	ListCell   *lc;

	if (rti == 0)
		rti = bms_next_member(pgwire_scan_base_relids(plan), -1);
	/* the plan's relations were renumbered all alike */
	offset = rti - intVal(linitial(refusals));
	for (int i = 1; i + 1 < list_length(refusals); i += 2)
	{
		char	   *text = refusal_text(list_nth(refusals, i), strVal(list_nth(refusals, i + 1)),
										offset, context, es);

		if (!is_told(texts, text))
			texts = lappend(texts, text);
	}
	if (es->format != EXPLAIN_FORMAT_TEXT)
		ExplainPropertyList("Not Pushed Down", texts, es);
	else
		foreach(lc, texts)
			ExplainPropertyText("Not pushed down", lfirst(lc), es);
}

/* ---- what a join consists of ---- */

/* A relation: schema.name alias, or what of that EXPLAIN would say. */
static void
append_relation(StringInfo line, int rti, ExplainState *es)
{
	RangeTblEntry *rte = rt_fetch(rti, es->rtable);
	const char *name = rte->rtekind == RTE_RELATION ? get_rel_name(rte->relid) : NULL;
	const char *alias = list_nth(es->rtable_names, rti - 1);

	if (name == NULL)
		name = rte->eref->aliasname;
	if (es->verbose && rte->rtekind == RTE_RELATION)
		appendStringInfo(line, "%s.",
						 quote_identifier(get_namespace_name(get_rel_namespace(rte->relid))));
	appendStringInfoString(line, quote_identifier(name));
	if (alias == NULL)
		alias = rte->eref->aliasname;
	if (strcmp(alias, name) != 0)
		appendStringInfo(line, " %s", quote_identifier(alias));
}

/* The plan's relations were renumbered all alike: the lowest tells by how much. */
static void
explain_relations(ForeignScanState *node, const char *relations, ExplainState *es)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	int			lowest = INT_MAX;
	int			offset;
	StringInfoData line;
	const char *s;

	for (s = relations; *s != '\0'; s++)
	{
		if (*s == '%' && s[1] == '%')
			s++;
		else if (*s == '%')
			lowest = Min(lowest, atoi(s + 1));
	}
	offset = lowest == INT_MAX ? 0 :
		bms_next_member(pgwire_scan_base_relids(plan), -1) - lowest;
	initStringInfo(&line);
	for (s = relations; *s != '\0'; s++)
	{
		int			rti = 0;

		if (*s == '%' && s[1] == '%')
			s++;
		else if (*s == '%')
			rti = atoi(s + 1) + offset;
		if (rti == 0)
		{
			appendStringInfoChar(&line, *s);
			continue;
		}
		if (rti >= 1 && rti <= list_length(es->rtable))
			append_relation(&line, rti, es);
		while (isdigit((unsigned char) s[1]))
			s++;
	}
	ExplainPropertyText("Relations", line.data, es);
	pfree(line.data);
}

/*
 * Of fdw_scan_tlist the executor takes the types only, which stay, and everyone
 * above sees its columns by their numbers: set_plan_references, which compares the
 * expressions, is over. A node above is shown by this very plan, so that a copy of
 * it would not do; what is new lives as long as the plan, which may be a cached one.
 */
void
pgwire_make_explainable(ForeignScan *plan)
{
	MemoryContext old;
	ListCell   *lc;

	if (!PGWIRE_EXPLAIN_NEEDS_WINDOWS)
		return;
	old = MemoryContextSwitchTo(GetMemoryChunkContext(plan));
	foreach(lc, plan->fdw_scan_tlist)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (contain_windowfuncs((Node *) entry->expr))
			entry->expr = (Expr *) without_windows((Node *) entry->expr, NULL);
	}
	MemoryContextSwitchTo(old);
}

void
pgwireExplainForeignScan(ForeignScanState *node, ExplainState *es)
{
	pgwire_scan_state *state = (pgwire_scan_state *) node->fdw_state;
	pgwire_scan_stats stats = {0};

	if (state->plan.flags & PGWIRE_SCAN_F_FEED)
	{
		pgwire_explain_feed(node, state->feed, es);
		return;
	}
	if (state->plan.relations[0] != '\0')
		explain_relations(node, state->plan.relations, es);
	if (es->verbose)
	{
		ExplainPropertyText("Remote SQL", state->plan.sql, es);
		if (state->plan.refusals != NIL)
			explain_refusals(node, state->plan.refusals, es);
	}
	if (!es->analyze)
		return;
	if (state->stream.scan != NULL)
		(void) pgwire_loaded->pgwire_go_scan_stats(*state->stream.scan, &stats);
	if (es->format == EXPLAIN_FORMAT_TEXT)
		explain_text(state, &stats, es);
	else
		explain_properties(state, &stats, es);
}
