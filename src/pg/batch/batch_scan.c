/*
 * batch_scan.c
 *	  HwrBatch: a plan node that reads the images of some rows at once before it hands them on.
 *
 * It gives out its child's rows in their order, each once, whatever it reads ahead
 * (batch_ahead.c).  Batches have 1, 2, 4, 8, 16 rows, and no more than a LIMIT above can want;
 * before anything is asked for, and where nothing is worth it, one row.
 *
 * At most 16 rows and 16 MB of rows are kept, and of each image its canvas, its posterior and its
 * text.  The memory goes with the next batch, and with the statement.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "common/int.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/dsm.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "batch.h"

/* More bytes of rows than this end a batch. */
#define BATCH_BYTES (16 * 1024 * 1024)

static void shared_memory_goes(dsm_segment *segment, Datum arg);

/*
 * Rows
 */

static void
drop_rows(HwrBatchScan *s)
{
	hwr_batch_settle(s);
	ExecClearTuple(s->css.ss.ss_ScanTupleSlot);
	MemoryContextReset(s->context);
	s->n = 0;
	s->next = 0;
}

/* One more of the child's rows, copied. */
static Size
keep_row(HwrBatchScan *s, TupleTableSlot *slot)
{
	MemoryContext old = MemoryContextSwitchTo(s->context);
	MinimalTuple row = ExecCopySlotMinimalTuple(slot);
	HeapTupleData tuple;

	MemoryContextSwitchTo(old);
	tuple.t_len = row->t_len + MINIMAL_TUPLE_OFFSET;
	tuple.t_data = (HeapTupleHeader) ((char *) row - MINIMAL_TUPLE_OFFSET);
	for (int i = 0; i < s->ncolumns; i++)
	{
		bool		isnull;
		Datum		value = heap_getattr(&tuple, s->columns[i], slot->tts_tupleDescriptor, &isnull);

		s->images[i][s->n] = isnull ? 0 : value;
	}
	if (s->source != NULL)
		s->places[s->n] = s->source->ss_ScanTupleSlot->tts_tid;
	s->rows[s->n++] = row;
	return row->t_len;
}

/* How many rows a LIMIT above can want.  It has checked its values before it asked for a row, or rescanned. */
static void
find_bound(HwrBatchScan *s)
{
	ExprContext *econtext = s->css.ss.ps.ps_ExprContext;
	Datum		count;
	Datum		offset = Int64GetDatum(0);
	bool		count_null;
	bool		offset_null = false;

	s->bound_known = true;
	s->bound = -1;
	if (s->limit_count == NULL)
		return;
	count = ExecEvalExprSwitchContext(s->limit_count, econtext, &count_null);
	if (s->limit_offset != NULL)
		offset = ExecEvalExprSwitchContext(s->limit_offset, econtext, &offset_null);
	if (!count_null)
	{
		s->bound = Max(DatumGetInt64(count), 0);
		if (!offset_null && pg_add_s64_overflow(s->bound, Max(DatumGetInt64(offset), 0), &s->bound))
			s->bound = -1;
	}
	ExecSetTupleBound(s->bound, outerPlanState(s));
}

/* How many of them it can still want. */
static int64
rows_wanted(HwrBatchScan *s)
{
	if (!s->bound_known)
		find_bound(s);
	return s->bound < 0 ? PG_INT64_MAX : s->bound - s->taken;
}

/* How many rows may be taken at once to read their images; 0: none, and one for its own sake. */
static int
rows_ahead(const HwrBatchScan *s)
{
	if (s->session && !hwr_batch_runs_to_end(s->css.ss.ps.state))
		return 0;
	return hwr_batch_rows(s);
}

/* Take the next rows, at least one if there is one. */
static void
take_rows(HwrBatchScan *s)
{
	int64		wanted = rows_wanted(s);
	int			size;
	Size		bytes = 0;

	drop_rows(s);
	s->size = s->size > 0 ? Min(s->size * 2, rows_ahead(s)) : 1;
	s->size = Max(s->size, 1);
	size = (int) Max(Min(s->size, wanted), 1);
	while (!s->done && s->n < size && bytes < BATCH_BYTES)
	{
		TupleTableSlot *slot = ExecProcNode(outerPlanState(s));

		if (TupIsNull(slot))
			s->done = true;
		else
			bytes += keep_row(s, slot);
	}
	s->taken += s->n;
	if (s->n > 0 && rows_ahead(s) > 0)
		hwr_batch_read(s);
}

/* UPDATE ... WHERE CURRENT OF a cursor finds the row's place in the slot, as in a scan's own. */
static TupleTableSlot *
hand_on(HwrBatchScan *s)
{
	TupleTableSlot *slot = s->css.ss.ss_ScanTupleSlot;

	ExecForceStoreMinimalTuple(s->rows[s->next], slot, false);
	if (s->source != NULL)
	{
		slot->tts_tid = s->places[s->next];
		slot->tts_tableOid = RelationGetRelid(s->source->ss_currentRelation);
	}
	s->next++;
	return slot;
}

/*
 * The row before the present one.  The child is ahead by the rows that were taken and not handed
 * on: it goes back over them.
 */
static TupleTableSlot *
previous_row(HwrBatchScan *s)
{
	int			steps = s->past_end ? 1 : s->n - s->next + (s->done ? 2 : 1);
	TupleTableSlot *slot = NULL;

	drop_rows(s);
	s->done = false;
	s->past_end = false;
	while (steps-- > 0)
	{
		slot = ExecProcNode(outerPlanState(s));
		if (TupIsNull(slot))
			return ExecClearTuple(s->css.ss.ss_ScanTupleSlot);
	}
	(void) keep_row(s, slot);
	return hand_on(s);
}

static TupleTableSlot *
next_row(ScanState *node)
{
	HwrBatchScan *s = (HwrBatchScan *) node;

	if (ScanDirectionIsBackward(node->ps.state->es_direction))
		return previous_row(s);
	if (s->next >= s->n)
		take_rows(s);
	if (s->next < s->n)
		return hand_on(s);
	s->past_end = true;
	return ExecClearTuple(node->ss_ScanTupleSlot);
}

/* Statements that lock rows have no such node. */
static bool
recheck(ScanState *node, TupleTableSlot *slot)
{
	return true;
}

/*
 * The node's methods
 */

static void
close_node(void *arg)
{
	HwrBatchScan *s = arg;

	hwr_batch_close(s);
	if (s->segment != NULL)
		cancel_on_dsm_detach(s->segment, shared_memory_goes, PointerGetDatum(s));
	s->segment = NULL;
}

/* The node as one that scans a table, where it does. */
static ScanState *
table_scan(PlanState *node)
{
	switch (nodeTag(node))
	{
		case T_SeqScanState:
		case T_SampleScanState:
		case T_IndexScanState:
		case T_BitmapHeapScanState:
		case T_TidScanState:
#if PG_VERSION_NUM >= 140000
		case T_TidRangeScanState:
#endif
			return (ScanState *) node;
		default:
			return NULL;
	}
}

static void
begin_scan(CustomScanState *css, EState *estate, int eflags)
{
	HwrBatchScan *s = (HwrBatchScan *) css;
	CustomScan *plan = (CustomScan *) css->ss.ps.plan;
	ListCell   *lc;

	outerPlanState(s) = ExecInitNode(outerPlan(plan), estate, eflags);
	s->source = table_scan(outerPlanState(s));
	if (s->source != NULL)
		css->ss.ss_currentRelation = s->source->ss_currentRelation;
	s->session = list_nth_int(plan->custom_private, HWR_BATCH_SESSION);
	if (list_nth_int(plan->custom_private, HWR_BATCH_LIMITED))
	{
		s->limit_count = ExecInitExpr(linitial(plan->custom_exprs), &css->ss.ps);
		s->limit_offset = ExecInitExpr(lsecond(plan->custom_exprs), &css->ss.ps);
	}
	foreach(lc, plan->custom_private)
	{
		if (foreach_current_index(lc) >= HWR_BATCH_FIRST_COLUMN)
			s->columns[s->ncolumns++] = lfirst_int(lc);
	}
	s->context = AllocSetContextCreate(estate->es_query_cxt, "hwr batch scan", ALLOCSET_DEFAULT_SIZES);
	s->readers = AllocSetContextCreate(estate->es_query_cxt, "hwr readings", ALLOCSET_SMALL_SIZES);
	s->size = 0;

	/* After an error nobody ends the scan, but its memory goes. */
	s->closing.func = close_node;
	s->closing.arg = s;
	MemoryContextRegisterResetCallback(estate->es_query_cxt, &s->closing);
	hwr_batch_open(s);
}

static TupleTableSlot *
exec_scan(CustomScanState *css)
{
	return ExecScan(&css->ss, next_row, recheck);
}

static void
end_scan(CustomScanState *css)
{
	HwrBatchScan *s = (HwrBatchScan *) css;

	drop_rows(s);
	hwr_batch_close(s);
	ExecEndNode(outerPlanState(s));
}

static void
rescan(CustomScanState *css)
{
	HwrBatchScan *s = (HwrBatchScan *) css;

	drop_rows(s);
	s->size = 0;
	s->done = false;
	s->past_end = false;
	s->taken = 0;
	ExecScanReScan(&css->ss);
	/* As a LIMIT does, before the child is rescanned: a sort keeps its rows unless it has to find more of them. */
	find_bound(s);
	if (outerPlanState(s)->chgParam == NULL)
		ExecReScan(outerPlanState(s));
}

/*
 * Parallel query: workers tell the leader what they have done
 */

static Size
estimate_shared(CustomScanState *css, ParallelContext *context)
{
	return offsetof(HwrBatchShared, stats) + sizeof(HwrBatchStats) * context->nworkers;
}

static void
add_stats(HwrBatchStats *sum, const HwrBatchStats *more)
{
	sum->batches += more->batches;
	sum->images += more->images;
	sum->unused += more->unused;
	sum->prepare_time += more->prepare_time;
	sum->network_time += more->network_time;
}

/* The leader takes over what has been told. */
static void
collect_stats(HwrBatchScan *s)
{
	for (int i = 0; i < s->shared->n; i++)
		add_stats(&s->workers, &s->shared->stats[i]);
	memset(s->shared->stats, 0, sizeof(HwrBatchStats) * s->shared->n);
}

/* The workers have ended, and the shared memory goes. */
static void
shared_memory_goes(dsm_segment *segment, Datum arg)
{
	HwrBatchScan *s = (HwrBatchScan *) DatumGetPointer(arg);

	collect_stats(s);
	s->shared = NULL;
	s->segment = NULL;
}

/*
 * The node is told of its own end, which may come before that of the workers, and not of theirs: so we look when their
 * memory goes.  Without a segment there are no workers.
 */
static void
initialize_shared(CustomScanState *css, ParallelContext *context, void *memory)
{
	HwrBatchScan *s = (HwrBatchScan *) css;

	s->shared = memory;
	s->shared->n = context->nworkers;
	memset(s->shared->stats, 0, sizeof(HwrBatchStats) * context->nworkers);
	s->segment = context->seg;
	if (s->segment != NULL)
		on_dsm_detach(s->segment, shared_memory_goes, PointerGetDatum(s));
}

static void
initialize_worker(CustomScanState *css, shm_toc *toc, void *memory)
{
	((HwrBatchScan *) css)->shared = memory;
}

/* Before a rescan, when the workers have ended */
static void
reinitialize_shared(CustomScanState *css, ParallelContext *context, void *memory)
{
	collect_stats((HwrBatchScan *) css);
}

/* Called in each process when it has done with the node; with a cursor, also between two rows. */
static void
shut_down(CustomScanState *css)
{
	HwrBatchScan *s = (HwrBatchScan *) css;

	if (IsParallelWorker() && s->shared != NULL)
		s->shared->stats[ParallelWorkerNumber] = hwr_batch_stats(s);
}

static const CustomExecMethods exec_methods = {
	.CustomName = "HwrBatch",
	.BeginCustomScan = begin_scan,
	.ExecCustomScan = exec_scan,
	.EndCustomScan = end_scan,
	.ReScanCustomScan = rescan,
	.EstimateDSMCustomScan = estimate_shared,
	.InitializeDSMCustomScan = initialize_shared,
	.ReInitializeDSMCustomScan = reinitialize_shared,
	.InitializeWorkerCustomScan = initialize_worker,
	.ShutdownCustomScan = shut_down,
	.ExplainCustomScan = hwr_batch_explain,
};

static Node *
create_state(CustomScan *plan)
{
	HwrBatchScan *s = palloc0(sizeof(HwrBatchScan));

	NodeSetTag(s, T_CustomScanState);
	s->css.methods = &exec_methods;
	return (Node *) s;
}

const CustomScanMethods hwr_batch_scan_methods = {
	.CustomName = "HwrBatch",
	.CreateCustomScanState = create_state,
};
