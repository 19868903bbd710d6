/*
 * weigh_lm.c
 *	  hwr_weigh_lm: weight, bonus and confidence of the language model inside a model, fitted on a labelled table.
 *
 * The table is read as the caller.  Rows that cannot be used are left out and counted, as in hwr_evaluate.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/decode/beam.h"
#include "core/train/weigh_lm.h"
#include "pg/base/columns.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/hold.h"
#include "pg/catalog/cache.h"
#include "pg/lm/lm.h"
#include "pg/reader/label.h"
#include "pg/reader/reader.h"

PG_FUNCTION_INFO_V1(hwr_weigh_lm);

enum
{
	ARG_DATA, ARG_MODEL, ARG_IMAGE_COLUMN, ARG_LABEL_COLUMN, ARG_LM_WEIGHT, ARG_LENGTH_BONUS, ARG_VERSION, ARG_ACTIVATE
};

typedef struct Weighing
{
	HwrLmModel	model;
	HwrHold    *hold;
	HwrLmWeigher *weigher;
	HwrBatchReader *batch;
	HwrLabel	labels[HWR_RECOGNIZE_BATCH];
	int64		skipped;
} Weighing;

static void
release_weigher(void *weigher)
{
	hwr_lm_weigher_free(weigher);
}

static void
create_weigher(FunctionCallInfo fcinfo, Weighing *w)
{
	const HwrOwnLm *own = &w->model.model->own;
	double		weight = hwr_lm_number_argument(fcinfo, ARG_LM_WEIGHT, "lm_weight", own->weight, false);
	double		share = own->weight > 0 ? weight / own->weight : 0;
	double		bonus = hwr_lm_number_argument(fcinfo, ARG_LENGTH_BONUS, "length_bonus", share * own->length_bonus, true);
	HwrLmWeight only = {weight, bonus};
	bool		given = !PG_ARGISNULL(ARG_LM_WEIGHT) || !PG_ARGISNULL(ARG_LENGTH_BONUS);
	HwrStatus	st;

	w->hold = hwr_hold_create(CurrentMemoryContext, release_weigher);
	if (!hwr_lm_weigher_create(w->model.model, own->lm, given ? &only : NULL, &w->weigher, &st))
		hwr_raise(&st);
	hwr_hold_replace(w->hold, w->weigher);
}

/* Read the batch collected so far with every weight, begin a new one. */
static void
weigh_batch(Weighing *w)
{
	HwrBatchReader *batch = w->batch;
	HwrStatus	st;

	if (batch->n > 0)
		hwr_batch_run(batch, hwr_cache_get_again(&w->model.from));
	for (int i = 0; i < batch->n; i++)
	{
		const HwrPosterior *p = &batch->posteriors[i];

		CHECK_FOR_INTERRUPTS();
		if (!hwr_lm_weigher_add(w->weigher, p->logp, p->steps, p->classes, w->labels[i].text, w->labels[i].len, &st))
			hwr_raise(&st);
	}
	hwr_batch_free(batch);
	w->batch = hwr_batch_create();
}

static void
add_row(Weighing *w, const HwrRow *row)
{
	HwrBatchReader *batch = w->batch;
	HwrLoaded	loaded = hwr_cache_get_again(&w->model.from);
	HwrStatus	st;

	if (row->image == NULL || row->label == NULL)
	{
		w->skipped++;
		return;
	}
	if (!hwr_label_make(row, loaded.model, batch->context, &w->labels[batch->n], &st) ||
		!hwr_batch_add(batch, loaded, row->image, row->image_len, &st))
	{
		if (st.code != HWR_BAD_IMAGE && st.code != HWR_IMAGE_TOO_LARGE && st.code != HWR_BAD_LABEL)
			hwr_raise(&st);
		w->skipped++;
		return;
	}
	if (batch->n == HWR_RECOGNIZE_BATCH)
		weigh_batch(w);
}

static void
read_table(Weighing *w, const HwrColumns *columns)
{
	HwrRows    *rows;
	HwrRow		row;

	SPI_connect();
	rows = hwr_rows_open(columns);
	w->batch = hwr_batch_create();
	while (hwr_rows_next(rows, &row))
	{
		CHECK_FOR_INTERRUPTS();
		add_row(w, &row);
	}
	weigh_batch(w);
	hwr_batch_free(w->batch);
	hwr_rows_close(rows);
	SPI_finish();
}

/* The next version with what was found; 0 where the language model does not help. */
static int
store(FunctionCallInfo fcinfo, const char *name, Weighing *w, const HwrOwnLmResult *result)
{
	HwrModel   *model = w->model.model;
	HwrStatus	st;

	if (result->best.weight == 0)
	{
		ereport(NOTICE,
				(errmsg("nothing is stored: the language model does not lower the CER of %.1f %% on %d images",
						100 * result->cer_without, result->images),
				 errhint("hwr_bind_lm(%s, NULL) stores a version without it.", quote_literal_cstr(name))));
		return 0;
	}
	model->own.weight = result->best.weight;
	model->own.length_bonus = result->best.length_bonus;
	model->own.confidence = result->confidence;
	if (!hwr_lm_note_result(model, result, &st))
		hwr_raise(&st);
	return hwr_lm_store_model(name, &w->model, !PG_ARGISNULL(ARG_ACTIVATE), !PG_ARGISNULL(ARG_ACTIVATE) &&
							  PG_GETARG_BOOL(ARG_ACTIVATE));
}

static Datum
figure(double value)
{
	return Float8GetDatum(rint(value * 1e4) / 1e4);
}

/*
 * hwr_weigh_lm(data regclass, model text, image_column name, label_column name, lm_weight float8,
 * length_bonus float8, version integer, activate boolean) returns record
 */
Datum
hwr_weigh_lm(PG_FUNCTION_ARGS)
{
	int			number;
	char	   *name = hwr_lm_model_argument(fcinfo, ARG_MODEL, ARG_VERSION, &number);
	Weighing   *w = palloc0(sizeof(Weighing));
	HwrColumns	columns;
	HwrOwnLmResult result = {0};
	TupleDesc	desc;
	Datum		values[7];
	bool		nulls[7] = {0};
	int			version;

	if (PG_ARGISNULL(ARG_DATA))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("table must not be null")));
	PreventCommandIfReadOnly("hwr_weigh_lm()");
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	hwr_lm_open_model(name, number, &w->model);
	if (w->model.model->own.lm == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no language model inside", name),
				 errhint("hwr_bind_lm puts one in.")));
	create_weigher(fcinfo, w);
	hwr_find_columns(PG_GETARG_OID(ARG_DATA),
					 PG_ARGISNULL(ARG_IMAGE_COLUMN) ? NULL : NameStr(*PG_GETARG_NAME(ARG_IMAGE_COLUMN)),
					 PG_ARGISNULL(ARG_LABEL_COLUMN) ? NULL : NameStr(*PG_GETARG_NAME(ARG_LABEL_COLUMN)), &columns);
	read_table(w, &columns);
	hwr_lm_weigher_result(w->weigher, &result);
	if (result.images == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("no usable labelled images in %s", columns.relation)));
	version = store(fcinfo, name, w, &result);

	values[0] = Int32GetDatum(version);
	nulls[0] = version == 0;
	values[1] = Int64GetDatum(result.images);
	values[2] = Int64GetDatum(w->skipped);
	values[3] = figure(result.best.weight);
	values[4] = figure(result.best.length_bonus);
	values[5] = figure(result.cer_without);
	values[6] = figure(result.cer_with);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}
