/*
 * evaluate.c
 *	  hwr_evaluate: a model measured on a labelled table.
 *
 * The table is read as the caller, batch by batch through a cursor.  Rows that cannot be measured
 * (NULL, no readable image, no label) are left out and counted.  A label that the network cannot
 * write, because a character is outside its alphabet or its steps are too few, counts in every
 * figure but the loss, where it would be infinite.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/base/status.h"
#include "core/network/recognizer.h"
#include "core/text/metrics.h"
#include "pg/base/columns.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/catalog/cache.h"
#include "pg/catalog/catalog.h"
#include "pg/catalog/overlap.h"
#include "pg/monitor/stat.h"
#include "pg/reader/label.h"
#include "pg/reader/reader.h"

PG_FUNCTION_INFO_V1(hwr_evaluate);

typedef struct Evaluation
{
	HwrVersionInfo version;
	HwrColumns	columns;
	HwrMetrics	metrics;
	HwrConfusions confusions;	/* malloc'd inside */
	int64		skipped;
	bytea	   *used;			/* hashes of the images that the version was trained on; NULL: unknown */
	int64		overlap;		/* images among those */
	int64		first_skipped;	/* row number */
	char		first_reason[256];
	HwrBatchReader *batch;
	HwrLabel	labels[HWR_RECOGNIZE_BATCH];
	double		seconds;
} Evaluation;

static void
free_confusions(void *arg)
{
	hwr_confusions_free(&((Evaluation *) arg)->confusions);
}

/* In the current memory context, with which the core's part of it goes too. */
static Evaluation *
create_evaluation(void)
{
	Evaluation *ev = palloc0(sizeof(Evaluation));
	MemoryContextCallback *callback = palloc(sizeof(MemoryContextCallback));

	callback->func = free_confusions;
	callback->arg = ev;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	return ev;
}

static void
skip_row(Evaluation *ev, const HwrRow *row, const char *reason)
{
	if (ev->skipped++ == 0)
	{
		ev->first_skipped = row->number;
		strlcpy(ev->first_reason, reason, sizeof(ev->first_reason));
	}
}

/* CTC loss of one image, added to the metrics where it is finite. */
static void
add_loss(Evaluation *ev, const HwrPosterior *p, const HwrLabel *label)
{
	double		loss = hwr_label_loss(label, p, ev->batch->context);

	if (isfinite(loss))
	{
		ev->metrics.loss_sum += loss;
		ev->metrics.loss_count++;
	}
}

/* Read the batch collected so far, score it, begin a new one. */
static void
score_batch(Evaluation *ev)
{
	HwrBatchReader *batch = ev->batch;
	HwrStatus	st;

	if (batch->n > 0)
		hwr_batch_run(batch, hwr_cache_get_again(&ev->version));
	for (int i = 0; i < batch->n; i++)
	{
		const HwrLabel *label = &ev->labels[i];
		const char *guess = batch->readings[i].text;

		if (!hwr_metrics_add(&ev->metrics, &ev->confusions, label->text, label->len,
							 guess, strlen(guess), &st))
			hwr_raise(&st);
		add_loss(ev, &batch->posteriors[i], label);
	}
	hwr_batch_free(batch);
	ev->batch = hwr_batch_create();
}

static void
add_row(Evaluation *ev, const HwrRow *row)
{
	HwrBatchReader *batch = ev->batch;
	HwrLoaded	loaded;
	HwrStatus	st;

	if (row->image == NULL || row->label == NULL)
	{
		skip_row(ev, row, row->image == NULL ? "image is null" : "label is null");
		return;
	}

	/* Reading the row may have run SQL that pushed the model out of the cache. */
	loaded = hwr_cache_get_again(&ev->version);
	if (!hwr_label_make(row, loaded.model, batch->context, &ev->labels[batch->n], &st) ||
		!hwr_batch_add(batch, loaded, row->image, row->image_len, &st))
	{
		if (st.code != HWR_BAD_IMAGE && st.code != HWR_IMAGE_TOO_LARGE && st.code != HWR_BAD_LABEL)
			hwr_raise(&st);
		skip_row(ev, row, hwr_status_text(&st));
		return;
	}
	if (ev->used != NULL && hwr_overlap_has(ev->used, row->image, row->image_len))
		ev->overlap++;
	if (batch->n == HWR_RECOGNIZE_BATCH)
		score_batch(ev);
}

static void
read_table(Evaluation *ev)
{
	HwrRows    *rows = hwr_rows_open(&ev->columns);
	HwrRow		row;
	instr_time	start;
	instr_time	end;

	INSTR_TIME_SET_CURRENT(start);
	ev->batch = hwr_batch_create();
	while (hwr_rows_next(rows, &row))
	{
		CHECK_FOR_INTERRUPTS();
		add_row(ev, &row);
	}
	score_batch(ev);
	hwr_batch_free(ev->batch);
	hwr_rows_close(rows);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	ev->seconds = INSTR_TIME_GET_DOUBLE(end);
}

static void
report_skipped(const Evaluation *ev)
{
	char	   *first;

	if (ev->skipped == 0 && ev->metrics.images > 0)
		return;
	first = ev->skipped == 0 ? "The relation has no rows." :
		psprintf("The first was row %lld: %s.", (long long) ev->first_skipped, ev->first_reason);
	if (ev->metrics.images == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("no usable labelled images in %s", ev->columns.relation),
				 errdetail_internal("%s", first)));
	ereport(NOTICE,
			(errmsg("skipped %lld of %lld rows", (long long) ev->skipped,
					(long long) (ev->skipped + ev->metrics.images)),
			 errdetail_internal("%s", first)));
}

static void
report_overlap(const Evaluation *ev)
{
	if (ev->overlap > 0)
		ereport(NOTICE,
				(errmsg("%lld of the %lld images are among those that the model was trained or validated on",
						(long long) ev->overlap, (long long) ev->metrics.images),
				 errhint("Figures on images that a model has seen are better than those on others. Measure it on a table of its "
						 "own.")));
}

/* With as many digits as mean something. */
static Datum
figure(double value, bool *isnull)
{
	*isnull = isnan(value);
	return Float8GetDatum(rint(value * 1e4) / 1e4);
}

static Datum
result_row(FunctionCallInfo fcinfo, const Evaluation *ev)
{
	const HwrMetrics *m = &ev->metrics;
	const double figures[] = {hwr_metrics_loss(m), hwr_metrics_cer(m), hwr_metrics_wer(m), hwr_metrics_exact(m),
		hwr_metrics_precision(m), hwr_metrics_recall(m), hwr_metrics_f1(m)};
	TupleDesc	desc;
	Datum		values[14];
	bool		nulls[14] = {0};
	int			n = 5;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = CStringGetTextDatum(NameStr(ev->version.name));
	values[1] = Int32GetDatum(ev->version.version);
	nulls[1] = ev->version.bundled;
	values[2] = Int64GetDatum(m->images);
	values[3] = Int64GetDatum(ev->skipped);
	values[4] = Int64GetDatum(ev->overlap);
	nulls[4] = ev->used == NULL;
	for (int i = 0; i < lengthof(figures); i++, n++)
		values[n] = figure(figures[i], &nulls[n]);
	values[n++] = Float8GetDatum(rint(ev->seconds * 1e4) / 1e4);
	values[n++] = Float8GetDatum(ev->seconds > 0 ? rint(m->images / ev->seconds * 10) / 10 : 0);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

static void
keep_figures(Evaluation *ev)
{
	if (ev->version.bundled)
		ereport(NOTICE,
				(errmsg("the figures are not kept, because what \"%s\" stands for comes with hwr and is no version in this "
						"database",
						NameStr(ev->version.name)),
				 errhint("Store it under a name of its own: SELECT hwr_import_model(hwr_export_model('%s'), 'my_%s').",
						 NameStr(ev->version.name), NameStr(ev->version.name))));
	else
		hwr_catalog_add_metric(ev->version.id, GetUserId(), "evaluation", ev->columns.relation, ev->skipped,
							   ev->used != NULL ? ev->overlap : -1,
							   &ev->metrics, &ev->confusions);
}

/*
 * hwr_evaluate(data regclass, model text, image_column name, label_column name, version integer)
 * returns record
 */
Datum
hwr_evaluate(PG_FUNCTION_ARGS)
{
	char	   *model = PG_ARGISNULL(1) ? HWR_DEFAULT_MODEL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	Evaluation *ev;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("table must not be null")));
	PreventCommandIfReadOnly("hwr_evaluate()");

	if (!PG_ARGISNULL(4) && PG_GETARG_INT32(4) <= 0)
		hwr_raise_no_version(model, PG_GETARG_INT32(4));

	ev = create_evaluation();
	hwr_catalog_find(model, PG_ARGISNULL(4) ? 0 : PG_GETARG_INT32(4), &ev->version);
	hwr_cache_get(&ev->version);
	hwr_stat_counts(&ev->version)->calls++;
	hwr_find_columns(PG_GETARG_OID(0),
					 PG_ARGISNULL(2) ? NULL : NameStr(*PG_GETARG_NAME(2)),
					 PG_ARGISNULL(3) ? NULL : NameStr(*PG_GETARG_NAME(3)), &ev->columns);

	ev->used = hwr_overlap_read(&ev->version);
	SPI_connect();
	read_table(ev);
	report_skipped(ev);
	report_overlap(ev);
	SPI_finish();
	keep_figures(ev);
	PG_RETURN_DATUM(result_row(fcinfo, ev));
}
