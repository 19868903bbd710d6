/*
 * work_read.c
 *	  Reading the rows of a batch's entries, as the attachment's role, and their images.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/base/status.h"
#include "pg/base/attempt.h"
#include "pg/base/columns.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"
#include "pg/catalog/cache.h"
#include "pg/reader/features.h"
#include "pg/reader/label.h"
#include "pg/reader/reader.h"
#include "work_internal.h"

/* One of the two versions that a batch is read with, and the images for it. */
typedef struct Lane
{
	HwrVersionInfo version;
	HwrBatchReader *reader;		/* NULL: this version reads nothing */
	HwrWorkEntry *at[HWR_RECOGNIZE_BATCH];	/* whose image each canvas is */
} Lane;

static int
sqlstate_of(const HwrStatus *st)
{
	return st->code == HWR_IMAGE_TOO_LARGE ? ERRCODE_PROGRAM_LIMIT_EXCEEDED : ERRCODE_INVALID_BINARY_REPRESENTATION;
}

/*
 * Is a row among the share that is tried?  By its key and the trial, and so the same for as long as the
 * trial lasts: FNV-1a, whose high bits a multiplication mixes.
 */
static bool
is_among_share(const HwrWork *b, const HwrWorkEntry *e)
{
	uint64		hash = UINT64CONST(0xcbf29ce484222325) ^ (uint64) b->a.trial;

	if (b->a.trial == 0)
		return false;
	for (const char *p = e->key; *p != '\0'; p++)
		hash = (hash ^ (unsigned char) *p) * UINT64CONST(0x100000001b3);
	hash = (hash ^ hash >> 32) * UINT64CONST(0x9e3779b97f4a7c15);
	return (double) (hash >> 11) / (double) (UINT64CONST(1) << 53) < b->a.trial_share;
}

/* Does this row need a reading?  Its text is that of now, its image of this hash. */
static bool
needs_reading(HwrWork *b, const HwrWorkEntry *e)
{
	bool		same = e->known_hash != NULL &&
		strcmp(e->known_hash, DatumGetCString(DirectFunctionCall1(byteaout, PointerGetDatum(e->hash)))) == 0;

	if (e->old_text == NULL)	/* who took the text has queued it anew */
		return e->lane == 0;
	/* a text that is no reading of this image is a person's; so is one that he has settled */
	if (e->lane == 0 || !same || e->corrected || e->known_model == NULL)
		return false;
	return strcmp(e->known_model, hwr_work_model_of(b, e)) != 0 || e->known_version != b->versions[e->tried].version;
}

/* Read the canvases so far, and begin anew. */
static void
run_lane(HwrWork *b, Lane *lane, bool shadow)
{
	HwrBatchReader *reader = lane->reader;
	HwrLoaded	loaded;

	if (reader == NULL || reader->n == 0)
		return;
	loaded = hwr_cache_get_again(&lane->version);
	hwr_batch_run(reader, loaded);
	for (int i = 0; i < reader->n; i++)
	{
		HwrWorkEntry *e = lane->at[i];
		char	   *text = MemoryContextStrdup(b->context, hwr_from_utf8(reader->readings[i].text));
		double		confidence = hwr_reading_confidence(&reader->readings[i], loaded.model, &reader->posteriors[i],
														reader->context);

		if (shadow)
		{
			e->shadow_text = text;
			e->shadow_confidence = confidence;
			continue;
		}
		e->text = text;
		e->confidence = confidence;
		e->version = lane->version.version;
		e->width = reader->canvases[i].source_width;
		e->ink = hwr_ink_share(&reader->canvases[i], loaded.model->net.height);
		e->state = ENTRY_READABLE;
	}
	hwr_batch_free(reader);
	lane->reader = hwr_batch_create();
}

/* An image for a version; false: it cannot be read, and the entry says why, unless it is for a shadow. */
static void
add_image(HwrWork *b, HwrWorkEntry *e, Lane *lane, bool shadow, Datum image)
{
	MemoryContext caller = MemoryContextSwitchTo(lane->reader->context);
	const uint8 *bytes;
	Size		len;
	HwrStatus	st;

	bytes = hwr_image_bytes(image, &len);
	if (hwr_batch_add(lane->reader, hwr_cache_get_again(&lane->version), bytes, len, &st))
		lane->at[lane->reader->n - 1] = e;
	else if (st.code != HWR_BAD_IMAGE && st.code != HWR_IMAGE_TOO_LARGE)
		hwr_raise(&st);
	else if (!shadow)
		hwr_work_fail_entry(b, e, sqlstate_of(&st), hwr_status_text(&st));
	MemoryContextSwitchTo(caller);
	if (lane->reader->n == HWR_RECOGNIZE_BATCH)
		run_lane(b, lane, shadow);
}

/* One row's image to those that are to read it, or why not. */
static void
prepare(HwrWork *b, HwrWorkEntry *e, HeapTuple tuple, TupleDesc desc, Lane *lanes)
{
	Datum		image;
	const uint8 *bytes;
	Size		len;
	bool		isnull;
	bool		among = is_among_share(b, e);
	char	   *text;

	image = SPI_getbinval(tuple, desc, 2, &isnull);
	text = SPI_getvalue(tuple, desc, 3);
	e->old_text = text != NULL ? MemoryContextStrdup(b->context, text) : NULL;
	e->hash = NULL;
	e->found = true;
	if (isnull)
	{
		e->state = ENTRY_NEEDLESS;
		return;
	}
	e->tried = among && !b->a.shadow;
	bytes = hwr_image_bytes(image, &len);
	if (len <= hwr_image_limits().max_bytes)
	{
		bytea	   *hash = hwr_pipeline_hash(bytes, len);

		e->hash = MemoryContextAlloc(b->context, VARSIZE(hash));
		memcpy(e->hash, hash, VARSIZE(hash));
		if ((const void *) bytes != VARDATA_ANY(DatumGetPointer(image)))
			pfree((char *) bytes - VARHDRSZ);	/* out of TOAST */
		if (!needs_reading(b, e))
		{
			e->state = ENTRY_NEEDLESS;
			return;
		}
	}
	add_image(b, e, &lanes[e->tried], false, image);
	if (among && b->a.shadow && e->state != ENTRY_FAILED)
		add_image(b, e, &lanes[1], true, image);
}

static void
begin_lane(HwrWork *b, Lane *lane, int number, const char *model, int32 version)
{
	hwr_catalog_find(model, version, &lane->version);
	(void) hwr_cache_get(&lane->version);
	b->versions[number] = lane->version;
	lane->reader = hwr_batch_create();
}

typedef struct Trial
{
	HwrWork    *b;
	Lane	   *lane;
} Trial;

static void
begin_trial_lane(void *arg)
{
	Trial	   *trial = arg;

	begin_lane(trial->b, trial->lane, 1, trial->b->a.trial_model, trial->b->a.trial_version);
}

/* Its version may have been dropped, or taken from the role: the rows are read nevertheless, by the attachment's. */
static void
begin_trial(HwrWork *b, Lane *lane)
{
	Trial		trial = {b, lane};
	ErrorData  *error = hwr_attempt(begin_trial_lane, &trial);

	if (error == NULL)
		return;
	if (hwr_work_is_interruption(error))
		ReThrowError(error);
	b->trial_problem = MemoryContextStrdup(b->context, error->message);
	b->a.trial = 0;
}

/* Rows of entries [from, to) that are there, read.  As the role. */
void
hwr_work_read_entries(HwrWork *b, int from, int to)
{
	StringInfoData sql;
	Oid			types[MAX_PARAMETERS];
	Datum		values[MAX_PARAMETERS];
	Lane		lanes[2] = {0};
	SPITupleTable *rows;
	uint64		nrows;
	int			n;
	int		   *chosen = hwr_work_choose(b, from, to, ENTRY_TAKEN, &n);
	int			nargs = hwr_work_add_keys(b, chosen, n, types, values);

	begin_lane(b, &lanes[0], 0, b->a.model, 0);
	if (b->a.trial != 0)
		begin_trial(b, &lanes[1]);
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT k.n, t.%s", quote_identifier(b->a.image));
	appendStringInfo(&sql, ", t.%s::pg_catalog.text", quote_identifier(b->a.text));
	hwr_work_append_join(b, &sql);
	if (SPI_execute_with_args(sql.data, nargs, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read rows: %s", sql.data);
	rows = SPI_tuptable;
	nrows = SPI_processed;
	hwr_check_image_type(b->a.data, b->a.image, SPI_gettypeid(rows->tupdesc, 2));
	for (int i = 0; i < n; i++)
		b->entries[chosen[i]].state = ENTRY_GONE;
	for (uint64 i = 0; i < nrows; i++)
	{
		bool		isnull;
		HwrWorkEntry *e = &b->entries[chosen[DatumGetInt64(SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull)) - 1]];

		CHECK_FOR_INTERRUPTS();
		/* without its primary key a table may have the key twice: which one is meant, nobody knows */
		if (e->state != ENTRY_GONE)
			continue;
		e->state = ENTRY_TAKEN;
		prepare(b, e, rows->vals[i], rows->tupdesc, lanes);
	}
	for (int i = 0; i < 2; i++)
	{
		run_lane(b, &lanes[i], i == 1 && b->a.shadow);
		if (lanes[i].reader != NULL)
			hwr_batch_free(lanes[i].reader);
	}
	SPI_freetuptable(rows);
}
