/*
 * batch_ahead.c
 *	  Reading the images of an HwrBatch node's rows ahead, and giving the readings to the functions that ask.
 *
 * A node knows no model.  A function of its own statement that asks for an image of a row and finds it not read
 * (hwr_ahead_find) tells which column and which model version it wants; from the next batch on,
 * these are read ahead.  Images are matched by their bytes, so that a copy of the row that an
 * aggregate or a sort has made is found as well.
 *
 * Where calls are made for few rows, or with a model that changes from row to row, reading ahead ends.  A node has
 * ALLOWANCE images to waste, which its uses share, and each use earns one more by each four that were asked for.  What
 * is read and not yet asked for counts as wasted, so that at no time more than ALLOWANCE and a fifth of what was read has been
 * read in vain, wherever the statement stops.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "portability/instr_time.h"
#include "utils/memutils.h"

#include "pg/base/columns.h"
#include "pg/base/settings.h"
#include "batch.h"

/* Images that a node may waste, plus one for each so many used. */
#define ALLOWANCE HWR_RECOGNIZE_BATCH
#define USED_FOR_ONE_WASTED 4

/* Nodes that are open in this process */
static dlist_head open_nodes = DLIST_STATIC_INIT(open_nodes);

/* What a use may have wasted by its own earnings, less what it has, if nothing more is asked for; may be negative. */
static int64
earned(const HwrBatchUse *use)
{
	int64		pending = use->reader != NULL ? use->reader->n : 0;

	return use->used / USED_FOR_ONE_WASTED - use->wasted - pending;
}

/*
 * How many images this use may read now.  None takes more than its share of the allowance, so that one that is of no
 * use leaves something to the others.
 */
static int
may_read(const HwrBatchScan *s, const HwrBatchUse *use)
{
	int64		share = ALLOWANCE / s->nuses;
	int64		left = ALLOWANCE;

	for (int i = 0; i < s->nuses; i++)
		if (&s->uses[i] != use)
			left += Min(earned(&s->uses[i]), 0);
	return (int) Min(Max(Min(share, left) + earned(use), 0), HWR_RECOGNIZE_BATCH);
}

/* Of rows whose images are all to be read ahead, as many as some use may read. */
int
hwr_batch_rows(const HwrBatchScan *s)
{
	int			rows = 0;

	if (hwr_batch == HWR_BATCH_AUTO)
		for (int i = 0; i < s->nuses; i++)
			rows = Max(rows, may_read(s, &s->uses[i]));
	return rows;
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

/*
 * Decode the present rows' images of one use, at most so many.  One that cannot be read is left out: the function
 * will say why.
 */
static void
prepare_images(HwrBatchScan *s, HwrBatchUse *use, HwrLoaded loaded, int most)
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
		if (use->where[row] != HWR_BATCH_NOT_READ || use->reader->n >= most)
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
	int			most = may_read(s, use);
	instr_time	start;
	instr_time	prepared;
	instr_time	end;
	HwrStatus	st;

	if (most == 0 || !hwr_cache_find(&use->version, &loaded) || loaded.precision != use->precision)
		return;
	INSTR_TIME_SET_CURRENT(start);
	old = MemoryContextSwitchTo(s->readers);
	use->reader = hwr_batch_create();
	MemoryContextSwitchTo(old);
	prepare_images(s, use, loaded, most);
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

/* Read the images of the present rows. */
void
hwr_batch_read(HwrBatchScan *s)
{
	if (!same_settings(s))
		for (int i = 0; i < s->nuses; i++)
			drop_carried(&s->uses[i]);
	s->limits = hwr_image_limits();
	s->device = hwr_device;
	for (int i = 0; i < s->nuses; i++)
		read_column(s, &s->uses[i]);
}

/* How many of the present rows' readings were not asked for so far. */
static int
count_unused(const HwrBatchScan *s, const HwrBatchUse *use)
{
	uint32		readings = 0;

	if (use->reader == NULL)
		return 0;
	for (int row = 0; row < s->n; row++)
		if ((use->asked >> row & 1) != 0 && use->where[row] >= 0)
			readings |= (uint32) 1 << use->where[row];
	return use->reader->n - pg_popcount32(readings);
}

HwrBatchStats
hwr_batch_stats(const HwrBatchScan *s)
{
	HwrBatchStats stats = s->stats;

	for (int i = 0; i < s->nuses; i++)
		stats.unused += count_unused(s, &s->uses[i]);
	return stats;
}

/* Count what of the present rows' readings was asked for. */
static void
count_asked(HwrBatchScan *s, HwrBatchUse *use)
{
	int			unused = count_unused(s, use);

	if (use->reader == NULL)
		return;
	use->used += use->reader->n - unused;
	use->wasted += unused;
	s->stats.unused += unused;
}

/*
 * The present rows are over.  The reading of the last of them stays, in case the next one has the
 * same image.
 */
void
hwr_batch_settle(HwrBatchScan *s)
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

/* The use of this column with this model, entered if it is new and that is wanted; NULL: there is none. */
static HwrBatchUse *
get_use(HwrBatchScan *s, int column, const HwrLoaded *loaded, bool enter)
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
	if (!enter || s->nuses == HWR_BATCH_USES)
		return NULL;
	use = &s->uses[s->nuses++];
	memset(use, 0, sizeof(HwrBatchUse));
	use->column = column;
	use->version = *loaded->version;
	use->precision = loaded->precision;
	forget_rows(use);
	return use;
}

/* Expressions of a statement are set up in its memory; those of functions that it calls are not. */
static bool
is_of_statement(const HwrBatchScan *s, const FmgrInfo *caller)
{
	return caller->fn_mcxt == s->css.ss.ps.state->es_query_cxt;
}

bool
hwr_ahead_find(const FmgrInfo *caller, Datum image, HwrLoaded loaded, HwrAhead *out)
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
		use = get_use(s, column, &loaded, is_of_statement(s, caller));
		if (use == NULL || use->where[row] == HWR_BATCH_NOT_READ)
			continue;
		use->asked |= (uint32) 1 << row;
		if (!same_settings(s))
			continue;
		reader = use->where[row] == HWR_BATCH_CARRIED ? use->carried : use->reader;
		where = use->where[row] == HWR_BATCH_CARRIED ? use->carried_where : use->where[row];
		out->posterior = &reader->posteriors[where];
		out->reading = &reader->readings[where];
		out->canvas = &reader->canvases[where];
		return true;
	}
	return false;
}

/* The node's functions may find its readings from now on. */
void
hwr_batch_open(HwrBatchScan *s)
{
	dlist_push_head(&open_nodes, &s->node);
	s->open = true;
}

void
hwr_batch_close(HwrBatchScan *s)
{
	if (s->open)
		dlist_delete(&s->node);
	s->open = false;
}
