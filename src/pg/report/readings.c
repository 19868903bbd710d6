/*
 * readings.c
 *	  hwr_readings: every row of a table as a model reads it, with what can be said about the reading.
 *
 * The rows that reports, plots, comparisons and review queues are made of.  The table is read as
 * the caller, batch by batch through a cursor, in the calling backend.  A row that cannot be read
 * is there all the same and says why.
 *
 * Places in an image are given in pixels of the image, measured from its left edge.  The network
 * says in which of its steps it saw a character; a step covers the same share of the canvas, and
 * the canvas is the scaled image.
 */
#include "postgres.h"

#include <math.h>

#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "core/base/status.h"
#include "core/decode/decode.h"
#include "core/model/model.h"
#include "core/network/recognizer.h"
#include "core/text/metrics.h"
#include "core/text/text.h"
#include "pg/base/columns.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/catalog/cache.h"
#include "pg/catalog/catalog.h"
#include "pg/monitor/stat.h"
#include "pg/reader/features.h"
#include "pg/reader/label.h"
#include "pg/reader/reader.h"

PG_FUNCTION_INFO_V1(hwr_readings);

/* Columns of the result, in their order. */
enum
{
	COL_ROW, COL_KEY, COL_LABEL, COL_GUESS, COL_CONFIDENCE, COL_SHARPNESS, COL_LOSS, COL_MARGIN, COL_LENGTH,
	COL_DISTANCE, COL_WORDS, COL_WORD_EDITS, COL_WIDTH, COL_INK, COL_CHARACTERS, COL_EDITS, COL_BY, COL_PROBLEM,
	COL_IMAGE, N_COLUMNS
};

/* A row that waits for its batch to be read. */
typedef struct Pending
{
	int64		number;
	char	   *key;
	char	   *by;
	bytea	   *image;
	HwrLabel	label;			/* text NULL: none */
	char	   *problem;
} Pending;

typedef struct Reader
{
	HwrVersionInfo version;
	HwrColumns	columns;
	Tuplestorestate *store;
	TupleDesc	desc;
	HwrBatchReader *batch;
	Pending		pending[HWR_RECOGNIZE_BATCH];
} Reader;

/* Result rows in the order of the batch go through this. */
typedef struct Row
{
	Datum		values[N_COLUMNS];
	bool		nulls[N_COLUMNS];
} Row;

static void
set_value(Row *row, int column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

static void
set_text(Row *row, int column, const char *text)
{
	if (text != NULL)
		set_value(row, column, CStringGetTextDatum(text));
}

static void
set_figure(Row *row, int column, double value)
{
	if (isfinite(value))
		set_value(row, column, Float8GetDatum(value));
}

static void
set_jsonb(Row *row, int column, const char *json)
{
	set_value(row, column, DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
}

/* A code point as JSON string; 0 as "". */
static void
append_character(StringInfo buf, uint32_t codepoint)
{
	unsigned char utf8[8] = {0};

	if (codepoint != 0)
		unicode_to_utf8(codepoint, utf8);
	escape_json(buf, hwr_from_utf8((char *) utf8));
}

static double
step_place(const HwrCanvas *canvas, const HwrPosterior *p, int step)
{
	return hwr_canvas_pixel(canvas, (double) step * canvas->width / p->steps);
}

static char *
characters_json(const HwrCanvas *canvas, const HwrPosterior *p, const HwrReading *reading)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '[');
	for (int i = 0; i < reading->n; i++)
	{
		const HwrChar *c = &reading->chars[i];

		appendStringInfoString(&buf, i > 0 ? ", {\"character\": " : "{\"character\": ");
		append_character(&buf, c->codepoint);
		appendStringInfo(&buf, ", \"confidence\": %.6g, \"left\": %.1f, \"right\": %.1f}", (double) c->confidence,
						 step_place(canvas, p, c->first_step), step_place(canvas, p, c->last_step + 1));
	}
	appendStringInfoChar(&buf, ']');
	return buf.data;
}

/* Middle of character i of a reading; before the first and after the last, the edges of the image. */
static double
character_middle(const HwrCanvas *canvas, const HwrPosterior *p, const HwrReading *reading, int i)
{
	if (i < 0)
		return 0;
	if (i >= reading->n)
		return canvas->source_width;
	return (step_place(canvas, p, reading->chars[i].first_step) +
			step_place(canvas, p, reading->chars[i].last_step + 1)) / 2;
}

/*
 * The errors of a reading: what should have been read, what was, and between which pixels that is.
 * Network steps are narrower than characters, so the place of a character reaches to half way to
 * its neighbours', and that of one that was not read from one neighbour to the other.
 */
static char *
edits_json(const HwrCanvas *canvas, const HwrPosterior *p, const HwrReading *reading,
		   const HwrEdit *edits, int n)
{
	StringInfoData buf;
	int			at = 0;			/* next character of the reading */
	int			written = 0;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '[');
	for (int i = 0; i < n; i++)
	{
		bool		read = edits[i].guess != 0;
		double		before = character_middle(canvas, p, reading, at - 1);
		double		here = character_middle(canvas, p, reading, at);
		double		after = read ? character_middle(canvas, p, reading, at + 1) : here;

		at += read;
		if (edits[i].truth == edits[i].guess)
			continue;
		appendStringInfoString(&buf, written++ > 0 ? ", {\"truth\": " : "{\"truth\": ");
		append_character(&buf, edits[i].truth);
		appendStringInfoString(&buf, ", \"guess\": ");
		append_character(&buf, edits[i].guess);
		appendStringInfo(&buf, ", \"left\": %.1f, \"right\": %.1f}",
						 read ? (before + here) / 2 : before, read ? (here + after) / 2 : after);
	}
	appendStringInfoChar(&buf, ']');
	return buf.data;
}

/* Compare a reading with its label. */
static void
set_comparison(Row *row, const HwrLabel *label, const HwrCanvas *canvas, const HwrPosterior *p,
			   const HwrReading *reading)
{
	HwrMetrics	m = {0};
	uint32_t   *truth = NULL;
	uint32_t   *guess = NULL;
	HwrEdit    *edits = NULL;
	HwrEdit    *copy = NULL;
	int			nt = 0,
				ng = 0,
				nedits = 0,
				distance = 0;
	HwrStatus	st = {0};
	bool		ok;

	ok = hwr_metrics_add(&m, NULL, label->text, label->len, reading->text, strlen(reading->text), &st) &&
		hwr_text_decode(label->text, label->len, &truth, &nt, &st) &&
		hwr_text_decode(reading->text, strlen(reading->text), &guess, &ng, &st) &&
		hwr_align(truth, nt, guess, ng, &edits, &nedits, &distance, &st);
	if (ok)
	{
		/* No PostgreSQL call that may fail before the core's memory is free. */
		copy = MemoryContextAllocExtended(CurrentMemoryContext, (nedits + 1) * sizeof(HwrEdit), MCXT_ALLOC_NO_OOM);
		if (copy != NULL)
			memcpy(copy, edits, nedits * sizeof(HwrEdit));
		else
			ok = hwr_fail(&st, HWR_OUT_OF_MEMORY, "out of memory");
	}
	free(edits);
	free(guess);
	free(truth);
	if (!ok)
		hwr_raise(&st);
	set_value(row, COL_LENGTH, Int32GetDatum((int32) m.chars));
	set_value(row, COL_DISTANCE, Int32GetDatum(distance));
	set_value(row, COL_WORDS, Int32GetDatum((int32) m.words));
	set_value(row, COL_WORD_EDITS, Int32GetDatum((int32) m.word_edits));
	set_jsonb(row, COL_EDITS, edits_json(canvas, p, reading, copy, nedits));
}

/* What every row says, read or not. */
static void
begin_row(Row *row, const Pending *pending)
{
	memset(row->nulls, true, sizeof(row->nulls));
	set_value(row, COL_ROW, Int64GetDatum(pending->number));
	set_text(row, COL_KEY, pending->key);
	set_text(row, COL_BY, pending->by);
	set_text(row, COL_PROBLEM, pending->problem);
	if (pending->label.text != NULL)
		set_text(row, COL_LABEL, hwr_from_utf8(pending->label.text));
	if (pending->image != NULL)
		set_value(row, COL_IMAGE, PointerGetDatum(pending->image));
}

static void
write_reading(Reader *r, const HwrModel *model, int i)
{
	const Pending *pending = &r->pending[i];
	const HwrCanvas *canvas = &r->batch->canvases[i];
	const HwrPosterior *p = &r->batch->posteriors[i];
	const HwrReading *reading = &r->batch->readings[i];
	double		loss = hwr_reading_loss(reading, model, p, CurrentMemoryContext);
	Row			row;

	begin_row(&row, pending);
	set_text(&row, COL_GUESS, hwr_from_utf8(reading->text));
	set_figure(&row, COL_CONFIDENCE, reading->confidence >= 0 ? reading->confidence : exp(-loss));
	set_figure(&row, COL_SHARPNESS, reading->sharpness);
	set_value(&row, COL_WIDTH, Int32GetDatum(canvas->source_width));
	set_figure(&row, COL_INK, hwr_ink_share(canvas, model->net.height));
	set_jsonb(&row, COL_CHARACTERS, characters_json(canvas, p, reading));
	if (pending->label.text != NULL)
	{
		double		label_loss = hwr_label_loss(&pending->label, p, CurrentMemoryContext);

		set_figure(&row, COL_LOSS, label_loss);
		set_figure(&row, COL_MARGIN, label_loss - loss);
		set_comparison(&row, &pending->label, canvas, p, reading);
	}
	tuplestore_putvalues(r->store, r->desc, row.values, row.nulls);
}

/* Read the batch collected so far, write its rows, begin a new one. */
static void
read_batch(Reader *r)
{
	MemoryContext caller = MemoryContextSwitchTo(r->batch->context);

	if (r->batch->n > 0)
	{
		HwrLoaded	loaded = hwr_cache_get_again(&r->version);

		hwr_batch_run(r->batch, loaded);
		for (int i = 0; i < r->batch->n; i++)
			write_reading(r, loaded.model, i);
	}
	MemoryContextSwitchTo(caller);
	hwr_batch_free(r->batch);
	r->batch = hwr_batch_create();
}

/* Label and image of a row, in the batch's memory.  False where the image cannot be read. */
static bool
prepare_row(Reader *r, const HwrRow *row, Pending *pending)
{
	HwrLoaded	loaded = hwr_cache_get_again(&r->version);
	HwrStatus	st = {0};

	if (row->label != NULL && !hwr_label_make(row, loaded.model, r->batch->context, &pending->label, &st))
	{
		if (st.code != HWR_BAD_LABEL)
			hwr_raise(&st);
		pending->label.text = NULL;
		pending->problem = hwr_status_text(&st);
	}
	if (row->image == NULL)
	{
		pending->problem = "image is null";
		return false;
	}
	if (!hwr_batch_add(r->batch, loaded, row->image, row->image_len, &st))
	{
		if (st.code != HWR_BAD_IMAGE && st.code != HWR_IMAGE_TOO_LARGE)
			hwr_raise(&st);
		pending->problem = hwr_status_text(&st);
		return false;
	}
	pending->image = palloc(VARHDRSZ + row->image_len);
	SET_VARSIZE(pending->image, VARHDRSZ + row->image_len);
	memcpy(VARDATA(pending->image), row->image, row->image_len);
	return true;
}

static void
add_row(Reader *r, const HwrRow *row)
{
	MemoryContext caller = MemoryContextSwitchTo(r->batch->context);
	Pending		pending = {0};

	pending.number = row->number;
	pending.key = row->key != NULL ? pstrdup(row->key) : NULL;
	pending.by = row->by != NULL ? pstrdup(row->by) : NULL;
	if (prepare_row(r, row, &pending))
		r->pending[r->batch->n - 1] = pending;
	else
	{
		Row			result;

		begin_row(&result, &pending);
		tuplestore_putvalues(r->store, r->desc, result.values, result.nulls);
	}
	MemoryContextSwitchTo(caller);
	if (r->batch->n == HWR_RECOGNIZE_BATCH)
		read_batch(r);
}

static void
read_table(Reader *r)
{
	HwrRows    *rows = hwr_rows_open(&r->columns);
	HwrRow		row;

	r->batch = hwr_batch_create();
	while (hwr_rows_next(rows, &row))
	{
		CHECK_FOR_INTERRUPTS();
		add_row(r, &row);
	}
	read_batch(r);
	hwr_batch_free(r->batch);
	hwr_rows_close(rows);
}

/* A tuplestore for the function's rows; in memory that lasts as long as the query. */
static void
begin_rows(FunctionCallInfo fcinfo, Reader *r)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext caller;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) || (rsinfo->allowedModes & SFRM_Materialize) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	if (get_call_result_type(fcinfo, NULL, &r->desc) != TYPEFUNC_COMPOSITE || r->desc->natts != N_COLUMNS)
		elog(ERROR, "return type must be hwr.reading");
	caller = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	r->desc = CreateTupleDescCopy(r->desc);
	r->store = tuplestore_begin_heap((rsinfo->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
	MemoryContextSwitchTo(caller);
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setResult = r->store;
	rsinfo->setDesc = r->desc;
}

/*
 * hwr_readings(data regclass, model text, version integer, image_column name, label_column name, by name)
 *		returns setof hwr.reading
 */
Datum
hwr_readings(PG_FUNCTION_ARGS)
{
	char	   *model = PG_ARGISNULL(1) ? HWR_DEFAULT_MODEL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	Reader	   *r = palloc0(sizeof(Reader));

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("table must not be null")));
	if (!PG_ARGISNULL(2) && PG_GETARG_INT32(2) <= 0)
		hwr_raise_no_version(model, PG_GETARG_INT32(2));
	hwr_catalog_find(model, PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2), &r->version);
	hwr_cache_get(&r->version);
	hwr_stat_counts(&r->version)->calls++;
	hwr_find_columns_to_read(PG_GETARG_OID(0),
							 PG_ARGISNULL(3) ? NULL : NameStr(*PG_GETARG_NAME(3)),
							 PG_ARGISNULL(4) ? NULL : NameStr(*PG_GETARG_NAME(4)),
							 PG_ARGISNULL(5) ? NULL : NameStr(*PG_GETARG_NAME(5)), &r->columns);
	begin_rows(fcinfo, r);
	SPI_connect();
	read_table(r);
	SPI_finish();
	return (Datum) 0;
}
