/*
 * modify.c - INSERT, UPDATE and DELETE row by row, rows routed to a partition, and
 * COPY FROM.
 *
 * A row travels as an image (encode.h). Where somebody looks at what the remote has
 * made of it before the next row - RETURNING, a check option, a trigger after the
 * row - it is answered at once, in a round trip. Else Go sends the rows on as it
 * likes, and they count as changed until their answers are taken: before a trigger
 * before a row, and at the end. Then the number of rows that the statement reports is
 * put right. The executor calls us at these moments, because a table with rows
 * pending is in its list of those with pending inserts.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/explain.h"
#include "executor/executor.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "bulk.h"
#include "conn.h"
#include "handle.h"
#include "modify.h"
#include "pgwire_fdw.h"
#include "plan/modify.h"
#include "wait.h"

/*
 * After so many rows it is worth to ask whether the others may go by COPY: that
 * takes two round trips.
 */
#define COPY_AFTER_ROWS 100

/* How many rows COPY FROM collects at most; it has a limit of its own in bytes. */
#define COPY_BATCH_ROWS 1000

/* ---- the remote side ---- */

static void
open_modify(pgwire_modify_state *state)
{
	pgwire_encoder *encoder = state->encoder;
	pgwire_modify_args args;
	pgwire_error err;
	uint32_t   *types = palloc0(sizeof(uint32_t) * Max(encoder->ncols, 1));	/* inferred */
	uint8_t    *formats = palloc0(sizeof(uint8_t) * Max(encoder->ncols, 1));

	memset(&args, 0, sizeof(args));
	for (int i = 0; i < encoder->ncols; i++)
		formats[i] = encoder->columns[i].format;
	args.umid = state->umid;
	args.superuser = superuser_arg(state->userid);
	args.nparams = encoder->ncols;
	args.param_types = types;
	args.param_formats = formats;
	if (state->format != NULL)
	{
		args.ncols = state->format->ncols;
		args.cols = pgwire_row_columns(state->format);
	}
	args.sql = pgwire_cstring(state->plan.sql);
	args.values_at = state->plan.values_at;
	args.values_len = state->plan.values_len;
	if (state->modify == NULL)
		state->modify = pgwire_reserve_modify(state->context);
	PGWIRE_CALL(err, pgwire_go_modify_open, state->modify, &args);
	pfree(types);
	pfree(formats);
	if (state->copying)
	{
		pgwire_bytes copy = pgwire_cstring(state->plan.copy_sql);

		PGWIRE_CALL(err, pgwire_go_modify_copy, *state->modify, &copy);
	}
}

/* Wait or connect, as Go has answered; then it is called again. */
static void
make_ready(pgwire_modify_state *state, int32_t rc, const pgwire_wait *wait, pgwire_error *err)
{
	Oid			umid;

	if (rc == PGWIRE_WAIT)
	{
		pgwire_wait_for(wait);
		return;
	}
	if (rc != PGWIRE_CONN)
		pgwire_raise(err);
	pgwire_check(pgwire_open_connection(state->userid, state->serverid, 0, &umid, err), err);
	if (umid != state->umid)
	{
		/* the mapping has been replaced, and Go knows connections by theirs */
		pgwire_close_modify(state->modify);
		state->umid = umid;
		open_modify(state);
	}
}

/* Hand over the rows that the encoder has collected. */
static void
hand_over(pgwire_modify_state *state)
{
	pgwire_encoder *encoder = state->encoder;
	int			mode = (IsolationIsSerializable() ? PGWIRE_SERIALIZABLE : 0) |
		(XactReadOnly ? PGWIRE_READ_ONLY : 0);
	pgwire_bytes images;
	pgwire_wait wait;
	pgwire_error err;
	int32_t		rc;

	if (encoder->nrows == 0)
		return;
	pgwire_serve_interrupts();
	if (state->modify == NULL || *state->modify == 0)
	{
		/* a connection may be at hand that was made from what is no longer so */
		AcceptInvalidationMessages();
		open_modify(state);
	}
	pgwire_join_transaction();
	images.data = encoder->data;
	images.len = encoder->len;
	while ((rc = pgwire_loaded->pgwire_go_modify_rows(*state->modify,
													  GetCurrentTransactionNestLevel(), mode,
													  &images, encoder->nrows, &wait,
													  &err)) != PGWIRE_OK)
		make_ready(state, rc, &wait, &err);
	state->unfinished += encoder->nrows;
	pgwire_encoder_reset(encoder);
}

/*
 * Take the answers to all that was handed over: how many rows have been changed. A
 * row of RETURNING is stored in the slot.
 */
static int64
take_answers(pgwire_modify_state *state, TupleTableSlot *slot)
{
	int64_t		affected = 0;
	pgwire_batch batch;
	pgwire_wait wait;
	pgwire_error err;
	int32_t		rc;

	hand_over(state);
	if (state->unfinished == 0)
		return 0;
	memset(&batch, 0, sizeof(batch));
	while ((rc = pgwire_loaded->pgwire_go_modify_finish(*state->modify, &affected, &batch, &wait,
														&err)) != PGWIRE_OK)
		make_ready(state, rc, &wait, &err);
	state->unfinished = 0;
	if (state->format != NULL && affected > 0)
	{
		if (affected != 1 || batch.nrows != 1 || !batch.last)
			pgwire_raise_local(ERRCODE_FDW_ERROR,
							   "the remote server has not returned the row that it has changed",
							   NULL, NULL);
		pgwire_row_value_formats(state->format, batch.value_formats, batch.all_datum);
		(void) pgwire_store_row(state->format, batch.rows, slot);
	}
	pgwire_deliver_notices();
	return affected;
}

/* ---- rows whose answers nobody waits for ---- */

/* Have the executor call us, by ExecForeignBatchInsert, before anybody may look. */
static void
expect_answers(EState *estate, pgwire_modify_state *state)
{
	MemoryContext old;

	if (state->pending)
		return;
	old = MemoryContextSwitchTo(estate->es_query_cxt);
	estate->es_insert_pending_result_relations =
		lappend(estate->es_insert_pending_result_relations, state->rinfo);
	estate->es_insert_pending_modifytables =
		lappend(estate->es_insert_pending_modifytables, state->mtstate);
	MemoryContextSwitchTo(old);
	state->pending = true;
}

/* What has been counted as changed may not have been. */
static void
settle(EState *estate, pgwire_modify_state *state)
{
	int64		counted = state->unfinished + state->encoder->nrows;
	int64		changed = take_answers(state, NULL);

	state->pending = false;
	if (state->mtstate->canSetTag)
		estate->es_processed -= counted - changed;
}

/* ---- many rows ---- */

static pgwire_encoder *make_encoder(pgwire_modify_state *state, bool copy);

/*
 * Does nobody look at single rows, so that they might be copied? COPY FROM has no
 * plan: it counts what it has handed over.
 */
static bool
wants_copy(const pgwire_modify_state *state)
{
	const ResultRelInfo *rinfo = state->rinfo;

	return state->operation == CMD_INSERT && state->plan.copy_sql[0] != '\0' &&
		state->plan.returned == NIL && rinfo->ri_projectReturning == NULL &&
		rinfo->ri_WithCheckOptions == NIL &&
		(state->mtstate->ps.plan == NULL || state->mtstate->operation == CMD_INSERT) &&
		(rinfo->ri_TrigDesc == NULL || !rinfo->ri_TrigDesc->trig_insert_before_row);
}

/* Another n rows come: from the hundredth on they go by COPY where they may. */
static void
expect_rows(pgwire_modify_state *state, int n)
{
	MemoryContext old;
	pgwire_encoder *encoder;
	pgwire_bytes copy;
	pgwire_error err;

	if (state->considered)
		return;
	state->rows += n;
	if (state->rows <= COPY_AFTER_ROWS)
		return;
	state->considered = true;
	if (!wants_copy(state))
		return;
	old = MemoryContextSwitchTo(state->context);
	encoder = make_encoder(state, true);
	if (encoder->copyable && pgwire_may_copy(state->userid, state->serverid,
											 state->rinfo->ri_RelationDesc, &state->plan, encoder))
	{
		hand_over(state);
		if (state->modify == NULL || *state->modify == 0)
			open_modify(state);
		copy = pgwire_cstring(state->plan.copy_sql);
		PGWIRE_CALL(err, pgwire_go_modify_copy, *state->modify, &copy);
		state->encoder = encoder;
		state->copying = true;
		state->answered = false;
	}
	MemoryContextSwitchTo(old);
}

/* ---- one row ---- */

/* What identifies the row, out of the plan's row. */
static void
identify(pgwire_modify_state *state, TupleTableSlot *plan_slot)
{
	for (int i = 0; i < state->nidentity; i++)
	{
		state->identity[i] = ExecGetJunkAttribute(plan_slot, state->junk[i],
												  &state->identity_null[i]);
		if (state->identity_null[i])
			pgwire_raise_local(ERRCODE_NOT_NULL_VIOLATION,
							   psprintf("a row of foreign table \"%s\" cannot be identified: %s is null",
										RelationGetRelationName(state->rinfo->ri_RelationDesc),
										state->plan.keys != NIL ? "a column of its key" :
										i == 0 ? "ctid" : "the remote tableoid"),
							   NULL, NULL);
	}
}

/* Change one row: false: the remote has not. */
static bool
change_row(EState *estate, pgwire_modify_state *state, TupleTableSlot *slot,
		   TupleTableSlot *plan_slot)
{
	MemoryContext old;
	bool		changed = true;

	expect_rows(state, 1);
	old = MemoryContextSwitchTo(GetPerTupleMemoryContext(estate));
	identify(state, plan_slot);
	/* a row that is deleted has no values; the slot is for what comes back */
	pgwire_encode_row(state->encoder, state->operation == CMD_DELETE ? NULL : slot,
					  state->identity, state->identity_null);
	if (state->answered)
		changed = take_answers(state, slot) > 0;
	else
	{
		hand_over(state);
		if (state->mtstate->ps.plan != NULL)
			expect_answers(estate, state);
	}
	MemoryContextSwitchTo(old);
	return changed;
}

TupleTableSlot *
pgwireExecForeignInsert(EState *estate, ResultRelInfo *rinfo, TupleTableSlot *slot,
						TupleTableSlot *planSlot)
{
	return change_row(estate, rinfo->ri_FdwState, slot, planSlot) ? slot : NULL;
}

TupleTableSlot *
pgwireExecForeignUpdate(EState *estate, ResultRelInfo *rinfo, TupleTableSlot *slot,
						TupleTableSlot *planSlot)
{
	return change_row(estate, rinfo->ri_FdwState, slot, planSlot) ? slot : NULL;
}

TupleTableSlot *
pgwireExecForeignDelete(EState *estate, ResultRelInfo *rinfo, TupleTableSlot *slot,
						TupleTableSlot *planSlot)
{
	return change_row(estate, rinfo->ri_FdwState, slot, planSlot) ? slot : NULL;
}

/*
 * Insert rows that COPY FROM has collected; or, without rows, somebody may look at
 * the table, or the end of the statement has come (expect_answers).
 */
TupleTableSlot **
pgwireExecForeignBatchInsert(EState *estate, ResultRelInfo *rinfo, TupleTableSlot **slots,
							 TupleTableSlot **planSlots, int *numSlots)
{
	pgwire_modify_state *state = rinfo->ri_FdwState;
	MemoryContext old;

	if (*numSlots == 0)
	{
		if (state->pending)
			settle(estate, state);
		return slots;
	}
	expect_rows(state, *numSlots);
	for (int i = 0; i < *numSlots; i++)
	{
		/* what a row takes is given back with the batch's rows, which are bounded */
		old = MemoryContextSwitchTo(GetPerTupleMemoryContext(estate));
		pgwire_encode_row(state->encoder, slots[i], NULL, NULL);
		if (state->encoder->len >= PGWIRE_ENCODE_BYTES_MAX)
			hand_over(state);
		MemoryContextSwitchTo(old);
	}
	if (state->copying)
		hand_over(state);		/* all of them arrive, or none */
	else
		*numSlots = (int) take_answers(state, NULL);
	return slots;
}

/*
 * The executor need not collect rows for us: that would cost a copy of each. But COPY
 * FROM counts rows where it cannot be put right later.
 */
int
pgwireGetForeignModifyBatchSize(ResultRelInfo *rinfo)
{
	pgwire_modify_state *state = rinfo->ri_FdwState;

	if (state == NULL || state->mtstate->ps.plan != NULL ||
		rinfo->ri_projectReturning != NULL || rinfo->ri_WithCheckOptions != NIL ||
		(rinfo->ri_TrigDesc != NULL &&
		 (rinfo->ri_TrigDesc->trig_insert_before_row || rinfo->ri_TrigDesc->trig_insert_after_row)))
		return 1;
	return COPY_BATCH_ROWS;
}

/* ---- beginning ---- */

/* Does somebody look at the answer to each row? */
static bool
needs_answers(const pgwire_modify_state *state)
{
	const ResultRelInfo *rinfo = state->rinfo;

	return state->plan.returned != NIL || rinfo->ri_projectReturning != NULL ||
		rinfo->ri_WithCheckOptions != NIL || state->mtstate->ps.plan == NULL;
}

static void
find_junk(pgwire_modify_state *state, Oid *types, int *ncols)
{
	List	   *tlist = outerPlanState(state->mtstate)->plan->targetlist;
	TupleDesc	desc = RelationGetDescr(state->rinfo->ri_RelationDesc);
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, state->plan.keys)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, lfirst_int(lc) - 1);

		names = lappend(names, pgwire_key_name(attr));
		types[(*ncols)++] = attr->atttypid;
	}
	if (names == NIL)
	{
		names = list_make2(pstrdup(PGWIRE_CTID_NAME), pstrdup(PGWIRE_TABLEOID_NAME));
		types[(*ncols)++] = TIDOID;
		types[(*ncols)++] = OIDOID;
	}
	state->nidentity = list_length(names);
	state->junk = palloc(sizeof(AttrNumber) * state->nidentity);
	state->identity = palloc0(sizeof(Datum) * state->nidentity);
	state->identity_null = palloc0(sizeof(bool) * state->nidentity);
	foreach(lc, names)
	{
		AttrNumber	attno = ExecFindJunkAttributeInTlist(tlist, lfirst(lc));

		if (!AttributeNumberIsValid(attno))
			pgwire_raise_local(ERRCODE_INTERNAL_ERROR,
							   psprintf("plan has no column \"%s\"", (char *) lfirst(lc)), NULL, NULL);
		state->junk[foreach_current_index(lc)] = attno;
	}
}

static pgwire_encoder *
make_encoder(pgwire_modify_state *state, bool copy)
{
	TupleDesc	desc = RelationGetDescr(state->rinfo->ri_RelationDesc);
	int			room = list_length(state->plan.targets) + list_length(state->plan.keys) + 2;
	Oid		   *types = palloc(sizeof(Oid) * room);
	int		   *attnos = palloc0(sizeof(int) * room);
	int			ncols = 0;
	ListCell   *lc;

	foreach(lc, state->plan.targets)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, lfirst_int(lc) - 1);

		if (attr->attgenerated)
			continue;
		attnos[ncols] = attr->attnum;
		types[ncols++] = attr->atttypid;
	}
	if (state->operation != CMD_INSERT)
		find_junk(state, types, &ncols);
	return pgwire_make_encoder(ncols, types, attnos, copy);
}

/* state->plan is set; lives as long as the query. */
static void
begin(pgwire_modify_state *state, ModifyTableState *mtstate, ResultRelInfo *rinfo,
	  CmdType operation)
{
	Relation	relation = rinfo->ri_RelationDesc;

	state->operation = operation;
	state->rinfo = rinfo;
	state->mtstate = mtstate;
	state->context = mtstate->ps.state->es_query_cxt;
	/* as of now, not as of planning: a cached plan outlives a role */
	state->userid = pgwire_result_check_as_user(rinfo, mtstate->ps.state);
	if (!OidIsValid(state->userid))
		state->userid = GetUserId();
	state->serverid = GetForeignTable(RelationGetRelid(relation))->serverid;
	state->umid = pgwire_user_mapping(state->userid, state->serverid);
	if (state->plan.returned != NIL)
		state->format = pgwire_make_row_format(RelationGetDescr(relation), state->plan.returned,
											   RelationGetRelationName(relation), true);
	state->encoder = make_encoder(state, false);
	state->answered = needs_answers(state);
}

void
pgwireBeginForeignModify(ModifyTableState *mtstate, ResultRelInfo *rinfo, List *fdw_private,
						 int subplan_index, int eflags)
{
	pgwire_modify_state *state;

	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	state = palloc0(sizeof(pgwire_modify_state));
	pgwire_unpack_modify(fdw_private, &state->plan);
	begin(state, mtstate, rinfo, mtstate->operation);
	rinfo->ri_FdwState = state;
}

/*
 * The relation that expressions of a partition mean by its rows. One to which rows are
 * routed has none of its own, and the executor has made its expressions from those of
 * another.
 */
static Index
relation_index(ModifyTableState *mtstate, ResultRelInfo *rinfo)
{
	ModifyTable *plan = (ModifyTable *) mtstate->ps.plan;
	ResultRelInfo *root = rinfo->ri_RootResultRelInfo;

	if (rinfo->ri_RangeTableIndex != 0)
		return rinfo->ri_RangeTableIndex;
	if (plan != NULL && plan->operation == CMD_UPDATE &&
		root->ri_RangeTableIndex == plan->rootRelation)
		return mtstate->resultRelInfo[0].ri_RangeTableIndex;
	return root->ri_RangeTableIndex;
}

/* Rows are routed to the table, or COPY FROM fills it: there is no plan for that. */
void
pgwireBeginForeignInsert(ModifyTableState *mtstate, ResultRelInfo *rinfo)
{
	ModifyTable *plan = (ModifyTable *) mtstate->ps.plan;
	Relation	relation = rinfo->ri_RelationDesc;
	pgwire_modify_state *state;
	pgwire_change change = {.relation = relation,.operation = CMD_INSERT};

	/* an UPDATE yet to come would find the rows that come here, and change them again */
	if (plan != NULL && plan->operation == CMD_UPDATE &&
		(rinfo->ri_usesFdwDirectModify || rinfo->ri_FdwState != NULL))
		pgwire_raise_local(ERRCODE_FEATURE_NOT_SUPPORTED,
						   psprintf("rows cannot be moved to foreign table \"%s\" by an UPDATE that changes it, too",
									RelationGetRelationName(relation)), NULL, NULL);
	if (plan != NULL && plan->onConflictAction != ONCONFLICT_NONE &&
		plan->onConflictAction != ONCONFLICT_NOTHING)
		pgwire_raise_local(ERRCODE_FEATURE_NOT_SUPPORTED,
						   "ON CONFLICT DO UPDATE is not supported for foreign tables", NULL, NULL);
	change.do_nothing = plan != NULL && plan->onConflictAction == ONCONFLICT_NOTHING;
	change.targets = pgwire_all_columns(relation);
	change.returned = pgwire_returned_columns(relation, CMD_INSERT,
											  relation_index(mtstate, rinfo),
											  rinfo->ri_WithCheckOptions,
											  rinfo->ri_returningList);
	state = palloc0(sizeof(pgwire_modify_state));
	pgwire_ask_modify(&change, &state->plan);
	begin(state, mtstate, rinfo, CMD_INSERT);
	rinfo->ri_FdwState = state;
}

/* ---- the end ---- */

static void
end(pgwire_modify_state *state)
{
	/* what nobody has taken the answers of may have failed */
	(void) take_answers(state, NULL);
	if (state->modify != NULL)
		pgwire_close_modify(state->modify);
}

void
pgwireEndForeignModify(EState *estate, ResultRelInfo *rinfo)
{
	pgwire_modify_state *state = rinfo->ri_FdwState;

	if (state != NULL)
		end(state);
}

void
pgwireEndForeignInsert(EState *estate, ResultRelInfo *rinfo)
{
	end(rinfo->ri_FdwState);
}

/* ---- EXPLAIN ---- */

void
pgwireExplainForeignModify(ModifyTableState *mtstate, ResultRelInfo *rinfo, List *fdw_private,
						   int subplan_index, ExplainState *es)
{
	pgwire_modify_private private;

	pgwire_unpack_modify(fdw_private, &private);
	if (es->verbose)
		ExplainPropertyText("Remote SQL", private.sql, es);
}
