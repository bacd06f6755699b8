/*
 * estimate.c - what the remote's own planner says that a relation costs
 * (use_remote_estimate).
 *
 * A question is one EXPLAIN, in a round trip of its own. Parameters stand in it as
 * values that its planner does not know. An answer that does not come, or makes no
 * sense, leaves the local estimate.
 */
#include "postgres.h"

#include "cost.h"

#include "optimizer/optimizer.h"

#include "stats.h"

/* So long a remote may take to plan a query, the connection included. */
#define ESTIMATE_WAIT_MS 5000

/* What is beyond this no remote can mean. */
#define MAX_ESTIMATE 1e15

/*
 * The number behind a key, at its first place: that of the topmost plan node, whose own
 * fields stand before those of its inputs. Quotes in names are escaped in JSON.
 */
static bool
find_number(const char *json, const char *key, double *value)
{
	const char *at = strstr(json, key);
	char	   *end;

	if (at == NULL)
		return false;
	at += strlen(key);
	*value = strtod(at, &end);
	return end != at && *value >= 0 && *value <= MAX_ESTIMATE;
}

static bool
read_estimate(const char *json, pgwire_work *work)
{
	pgwire_work said = {0};

	if (json == NULL || !find_number(json, "\"Startup Cost\":", &said.startup) ||
		!find_number(json, "\"Total Cost\":", &said.total) ||
		!find_number(json, "\"Plan Rows\":", &said.rows) ||
		!find_number(json, "\"Plan Width\":", &said.width) ||
		said.total < said.startup || said.width > 1e9)
		return false;
	said.rows = clamp_row_est(said.rows);
	said.setup = work->setup;
	*work = said;
	return true;
}

/* The EXPLAIN of a query over a relation. */
static char *
explain_of(PlannerInfo *root, RelOptInfo *from, List *where, const Query *tail)
{
	const pgwire_rel *rel = from->fdw_private;
	StringInfoData request;
	pgwire_ir	ir;
	pgwire_reply reply;

	pgwire_begin_request(&request, PGWIRE_REQ_QUERY);
	pgwire_put_u8(&request, PGWIRE_STATEMENT_EXPLAIN);
	pgwire_ir_begin(&ir, root, from->relids, &rel->site->server, true);
	pgwire_put_query(&ir, root, from, where, tail);
	pgwire_ir_finish_query(&ir, &request);
	reply = pgwire_ask(&request);
	pfree(request.data);
	return pgwire_get_string(&reply);
}

bool
pgwire_remote_estimate(PlannerInfo *root, RelOptInfo *from, List *where, const Query *tail,
					   pgwire_work *work)
{
	const char *json = pgwire_ask_value(pgwire_effective_user(from), from->serverid,
										explain_of(root, from, where, tail), ESTIMATE_WAIT_MS);

	return read_estimate(json, work);
}
