/*
 * plan.c - asks Go while a query is planned: what all relations of a server
 * share, and which conditions the remote may check.
 */
#include "postgres.h"

#include "plan.h"

#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "optimizer/restrictinfo.h"

#include "option.h"
#include "version.h"

/*
 * One crossing. The reply is copied: between its parts the planner may run
 * estimators, and they functions that come here again.
 */
pgwire_reply
pgwire_ask(StringInfo request)
{
	pgwire_error err = {0};
	pgwire_bytes question = {(uint8_t *) request->data, request->len};
	pgwire_bytes answer = {0};
	pgwire_reply reply;

	PGWIRE_CALL(err, pgwire_go_plan, &question, &answer);
	reply.data = memcpy(palloc(Max(answer.len, 1)), answer.data, answer.len);
	reply.left = answer.len;
	return reply;
}

void
pgwire_begin_request(StringInfo request, uint8 kind)
{
	initStringInfo(request);
	pgwire_put_u32(request, PGWIRE_IR_VERSION);
	pgwire_put_u8(request, kind);
}

/* ---- what the relations of a server share ---- */

/* The site of a relation of this planning that is ours, if it is of the server. */
static pgwire_site *
site_of_rel(RelOptInfo *rel, Oid serverid)
{
	if (rel == NULL || rel->serverid != serverid || rel->fdw_private == NULL ||
		rel->fdwroutine == NULL || rel->fdwroutine->GetForeignRelSize != pgwireGetForeignRelSize)
		return NULL;
	return ((pgwire_rel *) rel->fdw_private)->site;
}

/* The site of a server, made for its first relation. */
pgwire_site *
pgwire_site_of(PlannerInfo *root, Oid serverid)
{
	MemoryContext old;
	pgwire_site *site;
	ListCell   *lc;

	for (int i = 1; i < root->simple_rel_array_size; i++)
	{
		site = site_of_rel(root->simple_rel_array[i], serverid);
		if (site != NULL)
			return site;
	}
	/* while GEQO searches, memory comes and goes */
	old = MemoryContextSwitchTo(root->planner_cxt);
	site = palloc0(sizeof(pgwire_site));
	site->serverid = serverid;
	site->options = GetForeignServer(serverid)->options;
	site->server.major = pgwire_remote_major(serverid);
	foreach(lc, site->options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, "extensions") == 0)
			site->server.extensions = pgwire_extension_oids(defGetString(def), false);
	}
	MemoryContextSwitchTo(old);
	return site;
}

/* ---- conditions ---- */

/* Write conditions over these relations; they end the request. */
void
pgwire_put_conditions(StringInfo request, pgwire_ir *ir, Relids items,
					  const pgwire_server *server, List *rinfos)
{
	ListCell   *lc;

	pgwire_ir_begin(ir, NULL, items, server, false);
	foreach(lc, rinfos)
		pgwire_ir_clause(ir, PGWIRE_CONTEXT_WHERE, lfirst_node(RestrictInfo, lc)->clause);
	pgwire_ir_finish_clauses(ir, request);
}

/* Take one verdict: may it be sent? If not, what is to blame, and why. */
bool
pgwire_get_verdict(pgwire_reply *reply, const pgwire_ir *ir, Node **blamed, const char **reason)
{
	if (pgwire_get_u8(reply) != 0)
		return true;
	*blamed = pgwire_ir_node(ir, pgwire_get_u32(reply));
	*reason = pgwire_get_string(reply);
	return false;
}

/*
 * Take the answer to conditions of a base relation, and add each to one of the lists.
 *
 * A condition from above a security barrier (a view's, or a row security
 * policy's) must not see rows that the barrier hides, and the remote checks
 * conditions in an order of its own: unless leakproof, it stays here.
 */
void
pgwire_get_verdicts(pgwire_reply *reply, const pgwire_ir *ir, RelOptInfo *baserel, List *rinfos,
					List **sent, List **kept)
{
	pgwire_rel *rel = baserel->fdw_private;
	uint32		n = pgwire_get_u32(reply);
	ListCell   *lc;

	Assert(n == (uint32) list_length(rinfos));
	foreach(lc, rinfos)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		Node	   *blamed = (Node *) rinfo->clause;
		const char *reason = PGWIRE_BARRIER_REASON;
		bool		ships = n-- > 0 && pgwire_get_verdict(reply, ir, &blamed, &reason) &&
			restriction_is_securely_promotable(rinfo, baserel);

		if (ships)
			*sent = lappend(*sent, rinfo);
		else
		{
			*kept = lappend(*kept, rinfo);
			pgwire_refuse(rel, rinfo, blamed, reason);
		}
	}
}

/* Was it found that the remote may check this condition? */
bool
pgwire_is_remote(RelOptInfo *baserel, RestrictInfo *rinfo)
{
	pgwire_rel *rel = baserel->fdw_private;

	return list_member_ptr(rel->remote_conds, rinfo) ||
		list_member_ptr(rel->sent_clauses, rinfo);
}

/*
 * Ask which of these, beside its own, the remote may check while it scans a base
 * relation, as far as that is not known. Columns of other relations are values
 * there.
 */
void
pgwire_classify(RelOptInfo *baserel, List *rinfos)
{
	pgwire_rel *rel = baserel->fdw_private;
	List	   *unknown = NIL;
	StringInfoData request;
	pgwire_reply reply;
	pgwire_ir	ir;
	ListCell   *lc;

	foreach(lc, rinfos)
		if (!pgwire_is_remote(baserel, lfirst(lc)) &&
			!list_member_ptr(rel->local_conds, lfirst(lc)) &&
			!list_member_ptr(rel->kept_clauses, lfirst(lc)))
			unknown = list_append_unique_ptr(unknown, lfirst(lc));
	if (unknown == NIL)
		return;
	pgwire_begin_request(&request, PGWIRE_REQ_CLASSIFY);
	pgwire_put_conditions(&request, &ir, baserel->relids, &rel->site->server, unknown);
	reply = pgwire_ask(&request);
	pgwire_get_verdicts(&reply, &ir, baserel, unknown, &rel->sent_clauses, &rel->kept_clauses);
	pfree(request.data);
}
