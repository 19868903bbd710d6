/*
 * batch_scan.c
 *	  HwrBatch: a plan node that reads the images of some rows at once before it hands them on.
 *
 * It gives out its child's rows in their order, each once, whatever it reads ahead.  It knows no model.  A function that
 * asks for an image of a row and finds it not read (hwr_ahead_find) tells which column and which model version it
 * wants; from the next batch on, these are read ahead.  Batches have 1, 2, 4, 8, 16 rows.  Where most of
 * what was read is not asked for, for instance because calls are made for few rows, reading ahead ends.
 *
 * At most 16 rows and 16 MB of rows are kept, and of each image its canvas, its posterior and its text.  The memory goes
 * with the next batch, and with the statement.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "common/int.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "portability/instr_time.h"
#include "utils/memutils.h"

#include "pg/base/columns.h"
#include "pg/base/settings.h"
#include "batch.h"

/* More bytes of rows than this end a batch. */
#define BATCH_BYTES (16 * 1024 * 1024)

/* Readings that may be wasted, plus one for each so many used, before reading ahead ends. */
#define WASTE_ALLOWED HWR_RECOGNIZE_BATCH
#define USED_FOR_ONE_WASTED 4

/* Nodes that are open in this process */
static dlist_head open_nodes = DLIST_STATIC_INIT(open_nodes);

/*
 * Reading ahead
 */

static bool
reads_ahead(const HwrBatchScan *s)
{
	return s->nuses > 0 && hwr_batch == HWR_BATCH_AUTO &&
		s->wasted <= WASTE_ALLOWED + s->used / USED_FOR_ONE_WASTED;
}

/* Whether an image would still be read as it was, or refused. */
static bool
same_settings(const HwrBatchScan *s)
{
	HwrImageLimits limits = hwr_image_limits();

	return s->limits.max_bytes == limits.max_bytes && s->limits.max_pixels == limits.max_pixels && s->device == hwr_device;
}

/* Equal as they are stored: of an image that lies outside of its row, the pointers are compared. */
static bool
same_value(Datum a, Datum b)
{
	const struct varlena *x = (const struct varlena *) DatumGetPointer(a);
	const struct varlena *y = (const struct varlena *) DatumGetPointer(b);

	if (x == y)
		return true;
	if (x == NULL || y == NULL || VARSIZE_ANY(x) != VARSIZE_ANY(y))
		return false;
	return memcmp(x, y, VARSIZE_ANY(x)) == 0;
}

/* Where a row's image has been read already, in the rows before it or in the last batch. */
static int
find_reading(const HwrBatchScan *s, const HwrBatchUse *use, int row)
{
	const Datum *images = s->images[use->column];

	for (int i = row - 1; i >= 0; i--)
		if (same_value(images[i], images[row]))
			return use->where[i];
	if (use->carried != NULL && same_value(use->carried_image, images[row]))
		return HWR_BATCH_CARRIED;
	return HWR_BATCH_NOT_READ;
}

static Datum
copy_image(Datum image, MemoryContext context)
{
	const struct varlena *value = (const struct varlena *) DatumGetPointer(image);

	return PointerGetDatum(memcpy(MemoryContextAlloc(context, VARSIZE_ANY(value)), value, VARSIZE_ANY(value)));
}

/* Decode the present rows' images of one use.  One that cannot be read is left out: the function will say why. */
static void
prepare_images(HwrBatchScan *s, HwrBatchUse *use, HwrLoaded loaded)
{
	MemoryContext image_context = AllocSetContextCreate(s->context, "hwr image", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(image_context);

	for (int row = 0; row < s->n; row++)
	{
		Datum		image = s->images[use->column][row];
		const uint8 *bytes;
		Size		len;

		if (image == 0)
			continue;
		use->where[row] = find_reading(s, use, row);
		if (use->where[row] != HWR_BATCH_NOT_READ)
			continue;
		bytes = hwr_image_bytes(image, &len);
		if (hwr_batch_try(use->reader, loaded, bytes, len))
			use->where[row] = use->reader->n - 1;
		MemoryContextReset(image_context);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(image_context);
}

static void
forget_rows(HwrBatchUse *use)
{
	for (int row = 0; row < HWR_RECOGNIZE_BATCH; row++)
		use->where[row] = HWR_BATCH_NOT_READ;
	use->asked = 0;
}

/* Read the present rows' images of one use. */
static void
read_column(HwrBatchScan *s, HwrBatchUse *use)
{
	MemoryContext old;
	HwrLoaded	loaded;
	instr_time	start;
	instr_time	prepared;
	instr_time	end;
	HwrStatus	st;

	if (!hwr_cache_find(&use->version, &loaded) || loaded.precision != use->precision)
		return;
	INSTR_TIME_SET_CURRENT(start);
	old = MemoryContextSwitchTo(s->readers);
	use->reader = hwr_batch_create();
	MemoryContextSwitchTo(old);
	prepare_images(s, use, loaded);
	INSTR_TIME_SET_CURRENT(prepared);
	if (use->reader->n == 0)
		return;
	if (!hwr_batch_try_run(use->reader, loaded, &st))
	{
		hwr_batch_free(use->reader);
		use->reader = NULL;
		forget_rows(use);
		return;
	}
	INSTR_TIME_SET_CURRENT(end);
	s->stats.batches++;
	s->stats.images += use->reader->n;
	INSTR_TIME_SUBTRACT(end, prepared);
	INSTR_TIME_SUBTRACT(prepared, start);
	s->stats.network_time += INSTR_TIME_GET_MILLISEC(end);
	s->stats.prepare_time += INSTR_TIME_GET_MILLISEC(prepared);
}

static void
drop_carried(HwrBatchUse *use)
{
	if (use->carried != NULL)
		hwr_batch_free(use->carried);
	use->carried = NULL;
}

/* Count what of the present rows' readings was asked for. */
static void
count_asked(HwrBatchScan *s, const HwrBatchUse *use)
{
	uint32		readings = 0;
	int			unused;

	if (use->reader == NULL)
		return;
	for (int row = 0; row < s->n; row++)
		if ((use->asked >> row & 1) != 0 && use->where[row] >= 0)
			readings |= (uint32) 1 << use->where[row];
	unused = use->reader->n - pg_popcount32(readings);
	s->used += use->reader->n - unused;
	s->wasted += unused;
	s->stats.unused += unused;
}

/* The present rows are over.  The reading of the last of them stays, in case the next one has the same image. */
static void
settle(HwrBatchScan *s)
{
	for (int i = 0; i < s->nuses; i++)
	{
		HwrBatchUse *use = &s->uses[i];
		int			last = s->n > 0 ? use->where[s->n - 1] : HWR_BATCH_NOT_READ;

		count_asked(s, use);
		if (last != HWR_BATCH_CARRIED)
			drop_carried(use);
		if (use->reader != NULL && last >= 0)
		{
			use->carried = use->reader;
			use->carried_where = last;
			use->carried_image = copy_image(s->images[use->column][s->n - 1], use->reader->context);
		}
		else if (use->reader != NULL)
			hwr_batch_free(use->reader);
		use->reader = NULL;
		forget_rows(use);
	}
}

/*
 * Rows
 */

static void
drop_rows(HwrBatchScan *s)
{
	settle(s);
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
	s->rows[s->n++] = row;
	return row->t_len;
}

/* How many rows a LIMIT above can still want.  It has checked its values before it asked for a row. */
static int64
rows_wanted(HwrBatchScan *s)
{
	ExprContext *econtext = s->css.ss.ps.ps_ExprContext;
	Datum		count;
	Datum		offset = Int64GetDatum(0);
	bool		count_null;
	bool		offset_null = false;

	if (!s->bound_known)
	{
		s->bound_known = true;
		s->bound = -1;
		if (s->limit_count == NULL)
			return PG_INT64_MAX;
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
	return s->bound < 0 ? PG_INT64_MAX : s->bound - s->taken;
}

/* Take the next rows, at least one if there is one. */
static void
take_rows(HwrBatchScan *s)
{
	int64		wanted = rows_wanted(s);
	int			size;
	Size		bytes = 0;

	drop_rows(s);
	s->size = reads_ahead(s) ? Min(s->size * 2, HWR_RECOGNIZE_BATCH) : 1;
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
	if (s->n == 0 || !reads_ahead(s))
		return;
	if (!same_settings(s))
		for (int i = 0; i < s->nuses; i++)
			drop_carried(&s->uses[i]);
	s->limits = hwr_image_limits();
	s->device = hwr_device;
	for (int i = 0; i < s->nuses; i++)
		read_column(s, &s->uses[i]);
}

static TupleTableSlot *
hand_on(HwrBatchScan *s)
{
	ExecForceStoreMinimalTuple(s->rows[s->next++], s->css.ss.ss_ScanTupleSlot, false);
	return s->css.ss.ss_ScanTupleSlot;
}

/*
 * The row before the present one.  The child is ahead by the rows that were taken and not handed on: it goes back over them.
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
 * What the functions ask
 */

/* Where the image is among the rows handed on, the last of them first. */
static bool
find_image(const HwrBatchScan *s, Datum image, int *column, int *row)
{
	for (*row = s->next - 1; *row >= 0; (*row)--)
		for (*column = 0; *column < s->ncolumns; (*column)++)
			if (same_value(s->images[*column][*row], image))
				return true;
	return false;
}

/* The use of this column with this model, entered if it is new; NULL: there are too many. */
static HwrBatchUse *
get_use(HwrBatchScan *s, int column, const HwrLoaded *loaded)
{
	HwrBatchUse *use;

	for (int i = 0; i < s->nuses; i++)
	{
		use = &s->uses[i];
		if (use->column == column && use->precision == loaded->precision &&
			memcmp(use->version.hash, loaded->hash, sizeof(use->version.hash)) == 0 &&
			use->version.version == loaded->version->version &&
			strcmp(NameStr(use->version.name), NameStr(loaded->version->name)) == 0)
			return use;
	}
	if (s->nuses == HWR_BATCH_USES)
		return NULL;
	use = &s->uses[s->nuses++];
	memset(use, 0, sizeof(HwrBatchUse));
	use->column = column;
	use->version = *loaded->version;
	use->precision = loaded->precision;
	forget_rows(use);
	return use;
}

bool
hwr_ahead_find(Datum image, HwrLoaded loaded, HwrAhead *out)
{
	dlist_iter	iter;
	int			column;
	int			row;

	dlist_foreach(iter, &open_nodes)
	{
		HwrBatchScan *s = dlist_container(HwrBatchScan, node, iter.cur);
		const HwrBatchReader *reader;
		HwrBatchUse *use;
		int			where;

		if (!find_image(s, image, &column, &row))
			continue;
		use = get_use(s, column, &loaded);
		if (use == NULL || use->where[row] == HWR_BATCH_NOT_READ)
			continue;
		use->asked |= (uint32) 1 << row;
		if (!same_settings(s))
			continue;
		reader = use->where[row] == HWR_BATCH_CARRIED ? use->carried : use->reader;
		where = use->where[row] == HWR_BATCH_CARRIED ? use->carried_where : use->where[row];
		out->posterior = &reader->posteriors[where];
		out->reading = &reader->readings[where];
		return true;
	}
	return false;
}

/*
 * The node's methods
 */

static void
close_node(void *arg)
{
	HwrBatchScan *s = arg;

	if (s->open)
		dlist_delete(&s->node);
	s->open = false;
}

static void
begin_scan(CustomScanState *css, EState *estate, int eflags)
{
	HwrBatchScan *s = (HwrBatchScan *) css;
	CustomScan *plan = (CustomScan *) css->ss.ps.plan;
	ListCell   *lc;

	outerPlanState(s) = ExecInitNode(outerPlan(plan), estate, eflags);
	if (linitial_int(plan->custom_private))
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
	s->size = 1;

	/* After an error nobody ends the scan, but its memory goes. */
	s->closing.func = close_node;
	s->closing.arg = s;
	MemoryContextRegisterResetCallback(estate->es_query_cxt, &s->closing);
	dlist_push_head(&open_nodes, &s->node);
	s->open = true;
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
	close_node(s);
	ExecEndNode(outerPlanState(s));
}

static void
rescan(CustomScanState *css)
{
	HwrBatchScan *s = (HwrBatchScan *) css;

	drop_rows(s);
	s->size = 1;
	s->done = false;
	s->past_end = false;
	s->bound_known = false;
	s->taken = 0;
	ExecScanReScan(&css->ss);
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
initialize_shared(CustomScanState *css, ParallelContext *context, void *memory)
{
	HwrBatchScan *s = (HwrBatchScan *) css;

	s->shared = memory;
	s->shared->n = context->nworkers;
	memset(s->shared->stats, 0, sizeof(HwrBatchStats) * context->nworkers);
}

static void
initialize_worker(CustomScanState *css, shm_toc *toc, void *memory)
{
	((HwrBatchScan *) css)->shared = memory;
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

/* The leader takes over what has been told.  The shared memory may go after that. */
static void
collect_stats(HwrBatchScan *s)
{
	if (s->shared == NULL)
		return;
	for (int i = 0; i < s->shared->n; i++)
		add_stats(&s->workers, &s->shared->stats[i]);
	s->shared = NULL;
}

static void
reinitialize_shared(CustomScanState *css, ParallelContext *context, void *memory)
{
	collect_stats((HwrBatchScan *) css);
	initialize_shared(css, context, memory);
}

/* Called in each process when it has done with the node, while the shared memory is still there. */
static void
shut_down(CustomScanState *css)
{
	HwrBatchScan *s = (HwrBatchScan *) css;

	if (!IsParallelWorker())
		collect_stats(s);
	else if (s->shared != NULL)
	{
		settle(s);
		s->shared->stats[ParallelWorkerNumber] = s->stats;
	}
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
