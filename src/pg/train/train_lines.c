/*
 * train_lines.c
 *	  hwr_train_lines: train a model that finds the lines of pages.
 *
 * It runs in the caller's session and transaction, reads the table as the caller, and looks for interrupts between pages
 * and steps; the version is stored at the end, or not at all.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/geo_decls.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "core/model/model.h"
#include "core/train_lines/line_trainer.h"
#include "pg/base/columns.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"
#include "pg/catalog/catalog.h"
#include "train.h"

PG_FUNCTION_INFO_V1(hwr_train_lines);

/* Arguments of hwr_train_lines. */
enum
{
	ARG_PAGES,
	ARG_MODEL,
	ARG_PAGE_COLUMN,
	ARG_DOCUMENT_COLUMN,
	ARG_STEPS,
	ARG_BASE,
	ARG_ARCHITECTURE,
	ARG_LEARNING_RATE,
	ARG_BATCH,
	ARG_VALIDATION,
	ARG_THREADS,
	ARG_SEED,
	ARG_MAX_MINUTES
};

#define PAGES_AT_ONCE 4
#define NOTICE_SECONDS 30

/* A training is measured so many times, but not after fewer steps, nor more. */
#define MEASUREMENTS 20
#define LEAST_STEPS 100
#define MOST_STEPS 500

#define NAMED_PROBLEMS 3

/* The core's objects, freed with the memory context. */
typedef struct Work
{
	HwrNet		net;
	HwrModel   *base;
	HwrModel   *result;
	HwrLineTrainer *trainer;
	HwrImage	image;
	uint8_t    *file;
	HwrLineOptions options;
	double		max_seconds;	/* of reading pages and training; infinity: no limit */
	int			steps;			/* done */
	int64		skipped;
	TimestampTz started;
	TimestampTz noticed;
} Work;

static void
free_work(void *arg)
{
	Work	   *work = arg;

	hwr_line_trainer_free(work->trainer);
	hwr_model_free(work->base);
	hwr_model_free(work->result);
	hwr_image_free(&work->image);
	free(work->file);
}

static Work *
make_work(void)
{
	Work	   *work = palloc0(sizeof(Work));
	MemoryContextCallback *callback = palloc(sizeof(MemoryContextCallback));

	callback->func = free_work;
	callback->arg = work;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	work->started = work->noticed = GetCurrentTimestamp();
	return work;
}

static void
required(FunctionCallInfo fcinfo, int argno, const char *name)
{
	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" must not be null", name)));
}

static void
read_options(FunctionCallInfo fcinfo, HwrLineOptions *options, double *max_seconds)
{
	HwrStatus	st;
	double		minutes = PG_ARGISNULL(ARG_MAX_MINUTES) ? INFINITY : PG_GETARG_FLOAT8(ARG_MAX_MINUTES);

	hwr_line_options_default(options);
	required(fcinfo, ARG_PAGES, "pages");
	required(fcinfo, ARG_MODEL, "model");
	required(fcinfo, ARG_PAGE_COLUMN, "page_column");
	required(fcinfo, ARG_DOCUMENT_COLUMN, "document_column");
	if (!PG_ARGISNULL(ARG_STEPS))
		options->steps = PG_GETARG_INT32(ARG_STEPS);
	if (!PG_ARGISNULL(ARG_LEARNING_RATE))
		options->learning_rate = PG_GETARG_FLOAT8(ARG_LEARNING_RATE);
	if (!PG_ARGISNULL(ARG_BATCH))
		options->batch = PG_GETARG_INT32(ARG_BATCH);
	if (!PG_ARGISNULL(ARG_VALIDATION))
		options->validation = PG_GETARG_INT32(ARG_VALIDATION);
	if (!PG_ARGISNULL(ARG_THREADS))
		options->threads = PG_GETARG_INT32(ARG_THREADS);
	if (!PG_ARGISNULL(ARG_SEED))
		options->seed = (uint64_t) PG_GETARG_INT64(ARG_SEED);
	options->measure_every = Min(Max(options->steps / MEASUREMENTS, LEAST_STEPS), MOST_STEPS);
	if (!hwr_line_options_check(options, &st))
		hwr_raise(&st);
	if (!(minutes > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"max_minutes\" must be greater than 0")));
	*max_seconds = minutes * 60;
}

/* The network, and the model that it begins as. */
static void
open_network(FunctionCallInfo fcinfo, Work *work)
{
	HwrStatus	st;

	if (!PG_ARGISNULL(ARG_BASE))
	{
		char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(ARG_BASE));
		HwrVersionInfo version;
		bytea	   *bytes;

		if (!PG_ARGISNULL(ARG_ARCHITECTURE))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"architecture\" and \"base\" cannot both be given"),
					 errdetail("A base has its own architecture.")));
		hwr_catalog_find(name, 0, &version);
		bytes = hwr_catalog_read_weights(&version);
		if (!hwr_model_load((const uint8 *) VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ, &work->base, &st))
		{
			work->base = NULL;
			hwr_raise_for_model(&st, name);
		}
		pfree(bytes);
		work->net = work->base->net;
	}
	else if (!hwr_vgsl_parse(PG_ARGISNULL(ARG_ARCHITECTURE) ? hwr_line_net_vgsl :
							 text_to_cstring(PG_GETARG_TEXT_PP(ARG_ARCHITECTURE)), 0, &work->net, &st))
		hwr_raise(&st);
	if (!hwr_line_net_check(&work->net, &st))
		hwr_raise(&st);
	if (!hwr_line_trainer_create(&work->net, work->base != NULL ? work->base->values : NULL, &work->options,
								 hwr_cpu_backend(), (size_t) hwr_training_memory * 1024, &work->trainer, &st))
	{
		work->trainer = NULL;
		hwr_raise(&st);
	}
}

static HwrPoint *
points_of(int n, const Point *p)
{
	HwrPoint   *points = palloc(n * sizeof(HwrPoint));

	for (int i = 0; i < n; i++)
		points[i] = (HwrPoint) {(float) p[i].x, (float) p[i].y};
	return points;
}

/* The lines of a document, palloc'd. */
static HwrTruthLine *
truth_of(Datum document, int *n)
{
	Oid			types[1] = {XMLOID};
	Datum		values[1] = {document};
	HwrTruthLine *lines;

	if (SPI_execute_with_args("SELECT baseline, outline FROM hwr.truth_lines($1)", 1, types, values, NULL, true,
							  0) != SPI_OK_SELECT)
		elog(ERROR, "could not read a document");
	*n = (int) SPI_processed;
	lines = palloc0((SPI_processed + 1) * sizeof(HwrTruthLine));
	for (int i = 0; i < *n; i++)
	{
		bool		isnull;
		Datum		value = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);

		if (!isnull)
		{
			PATH	   *path = DatumGetPathP(value);

			lines[i].baseline = points_of(path->npts, path->p);
			lines[i].baseline_n = path->npts;
		}
		value = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull);
		if (!isnull)
		{
			POLYGON    *polygon = DatumGetPolygonP(value);

			lines[i].outline = points_of(polygon->npts, polygon->p);
			lines[i].outline_n = polygon->npts;
		}
	}
	SPI_freetuptable(SPI_tuptable);
	return lines;
}

static void
skip_page(Work *work, int64 row, const char *why)
{
	work->skipped++;
	if (work->skipped <= NAMED_PROBLEMS)
		ereport(NOTICE, (errmsg("row %lld is left out: %s", (long long) row, why)));
}

static void
add_page(Work *work, int64 row, Datum page, Datum document)
{
	HwrImageLimits limits = hwr_image_limits();
	HwrTruthLine *lines;
	HwrStatus	st;
	Size		len;
	const uint8 *bytes = hwr_image_bytes(page, &len);
	bool		used;
	int			n;

	lines = truth_of(document, &n);
	hwr_image_free(&work->image);
	work->image.pixels = NULL;
	if (!hwr_image_decode(bytes, len, &limits, 0, 0, &work->image, &st))
	{
		work->image.pixels = NULL;
		if (st.code != HWR_BAD_IMAGE && st.code != HWR_IMAGE_TOO_LARGE)
			hwr_raise(&st);
		skip_page(work, row, hwr_status_text(&st));
		return;
	}
	if (!hwr_line_trainer_add(work->trainer, &work->image, lines, n, &used, &st))
		hwr_raise(&st);
	if (!used)
		skip_page(work, row, "no line or no writing is on it");
}

static void
read_pages(FunctionCallInfo fcinfo, Work *work)
{
	Oid			relid = PG_GETARG_OID(ARG_PAGES);
	char	   *name = get_rel_name(relid);
	const char *page = quote_identifier(NameStr(*PG_GETARG_NAME(ARG_PAGE_COLUMN)));
	const char *document = quote_identifier(NameStr(*PG_GETARG_NAME(ARG_DOCUMENT_COLUMN)));
	MemoryContext rows = AllocSetContextCreate(CurrentMemoryContext, "hwr pages", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller;
	Portal		portal;
	int64		row = 0;

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	portal = SPI_cursor_open_with_args(NULL,
									   psprintf("SELECT (p.%s)::bytea, (p.%s)::xml FROM %s p", page, document,
												quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), name)),
									   0, NULL, NULL, NULL, true, 0);
	for (;;)
	{
		SPITupleTable *table;
		uint64		n;

		SPI_cursor_fetch(portal, true, PAGES_AT_ONCE);
		n = SPI_processed;
		table = SPI_tuptable;
		if (n == 0)
			break;
		for (uint64 i = 0; i < n; i++)
		{
			bool		no_page;
			bool		no_document;
			Datum		image = SPI_getbinval(table->vals[i], table->tupdesc, 1, &no_page);
			Datum		truth = SPI_getbinval(table->vals[i], table->tupdesc, 2, &no_document);

			CHECK_FOR_INTERRUPTS();
			row++;
			caller = MemoryContextSwitchTo(rows);
			if (no_page || no_document)
				skip_page(work, row, "page or document is null");
			else
				add_page(work, row, image, truth);
			MemoryContextSwitchTo(caller);
			MemoryContextReset(rows);
		}
		SPI_freetuptable(table);
	}
	SPI_cursor_close(portal);
	MemoryContextDelete(rows);
	if (work->skipped > NAMED_PROBLEMS)
		ereport(NOTICE, (errmsg("%lld rows are left out", (long long) work->skipped)));
}

static double
seconds_since(TimestampTz when)
{
	return (double) (GetCurrentTimestamp() - when) / 1e6;
}

/* Measure the present values, which are kept where they are the best. */
static void
measure(Work *work, double loss)
{
	bool		done = false;
	HwrStatus	st;

	while (!done)
	{
		CHECK_FOR_INTERRUPTS();
		if (!hwr_line_trainer_measure(work->trainer, &done, &st))
			hwr_raise(&st);
	}
	if (seconds_since(work->started) < NOTICE_SECONDS)
		return;					/* a short one has its row */
	work->noticed = GetCurrentTimestamp();
	if (isnan(hwr_line_trainer_validation_loss(work->trainer)))
		ereport(NOTICE,
				(errmsg("step %d of %d, loss %.4f, %.0f s", work->steps, work->options.steps, loss,
						seconds_since(work->started))));
	else
		ereport(NOTICE,
				(errmsg("step %d of %d, loss %.4f, validation loss %.4f%s, %.0f s", work->steps, work->options.steps, loss,
						hwr_line_trainer_validation_loss(work->trainer),
						hwr_line_trainer_best_step(work->trainer) == work->steps ? " (the least)" : "",
							seconds_since(work->started))));
}

/*
 * Whether to stop before the last step.  Where something has been measured, a person's cancel is taken for
 * the wish to have that: a second one, one in all other steps of the work, and a timeout end the statement as
 * usual.
 */
static bool
ends_early(Work *work)
{
	if (QueryCancelPending && !ProcDiePending && !get_timeout_indicator(STATEMENT_TIMEOUT, false) &&
		hwr_line_trainer_best_step(work->trainer) > 0)
	{
		QueryCancelPending = false;
		ereport(WARNING,
				(errmsg("training was cancelled after step %d, and step %d is stored", work->steps,
						hwr_line_trainer_best_step(work->trainer))));
		return true;
	}
	CHECK_FOR_INTERRUPTS();
	return seconds_since(work->started) >= work->max_seconds;
}

/* Returns the mean loss of the last steps. */
static double
run_steps(Work *work)
{
	double		mean = 0;
	HwrStatus	st;

	if (!hwr_line_trainer_start(work->trainer, &st))
		hwr_raise(&st);
	while (work->steps < work->options.steps)
	{
		double		loss;

		if (work->steps > 0 && ends_early(work))
			break;
		CHECK_FOR_INTERRUPTS();
		if (!hwr_line_trainer_step(work->trainer, &loss, &st))
			hwr_raise(&st);
		work->steps++;
		mean += (loss - mean) / Min(work->steps, 100);
		if (hwr_line_trainer_due(work->trainer))
			measure(work, mean);
		else if (seconds_since(work->noticed) >= NOTICE_SECONDS)
		{
			work->noticed = GetCurrentTimestamp();
			ereport(NOTICE,
					(errmsg("step %d of %d, loss %.4f, %.0f s", work->steps, work->options.steps, mean,
							seconds_since(work->started))));
		}
	}
	if (hwr_line_trainer_best_step(work->trainer) == 0)
		measure(work, mean);
	return mean;
}

/* JSON in the core's memory: the model owns it. */
static char *
core_text(const char *text)
{
	char	   *copy = strdup(text);

	if (copy == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	return copy;
}

/* Store what was trained as the model's next version, which becomes active unless a person has chosen another. */
static void
store(Work *work, const char *name, double loss, HwrVersionInfo *version)
{
	double		valid = hwr_line_trainer_best_loss(work->trainer);
	HwrModel   *model;
	size_t		len;
	HwrStatus	st;

	work->result = model = hwr_alloc_zero(1, sizeof(HwrModel), &st);
	if (model == NULL)
		hwr_raise(&st);
	model->net = work->net;
	model->values = hwr_alloc(model->net.nvalues, sizeof(float), &st);
	if (model->values == NULL)
		hwr_raise(&st);
	memcpy(model->values, hwr_line_trainer_values(work->trainer), model->net.nvalues * sizeof(float));
	model->options = core_text(psprintf("{\"steps\": %d, \"batch\": %d, \"width\": %d, \"validation\": %d, \"learning_rate\": "
										"%g, "
										"\"weight_decay\": %g, \"seed\": " UINT64_FORMAT "}",
										work->options.steps, work->options.batch, work->options.width, work->options.validation,
										work->options.learning_rate, work->options.weight_decay, (uint64) work->options.seed));
	model->result = core_text(psprintf("{\"pages\": %d, \"lines\": " INT64_FORMAT ", \"step\": %d, \"loss\": %.6f%s}",
									   hwr_line_trainer_pages(work->trainer, false), hwr_line_trainer_lines(work->trainer),
									   hwr_line_trainer_best_step(work->trainer), loss,
									   isnan(valid) ? "" : psprintf(", \"validation_loss\": %.6f", valid)));
	if (!hwr_model_save(model, &work->file, &len, &st))
	{
		work->file = NULL;
		hwr_raise(&st);
	}
	hwr_catalog_store(name, GetUserId(), work->file, len, model, 0, version);
	if (!version->chosen)
		hwr_catalog_activate(version);
	else
		ereport(NOTICE,
				(errmsg("version %d of model \"%s\" is stored, and readers still get what had been chosen", version->version,
						name),
				 errhint("To have them get this one: SELECT hwr_activate_model('%s', %d).", name, version->version)));
}

/*
 * hwr_train_lines(pages regclass, model text, page_column name, document_column name, steps integer, base text,
 *		architecture text, learning_rate double precision, batch integer, validation integer, threads integer,
 *		seed bigint, max_minutes double precision) returns setof record
 */
Datum
hwr_train_lines(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context;
	MemoryContext caller;
	HwrVersionInfo version;
	Datum		values[11];
	bool		nulls[11] = {0};
	char	   *name;
	Work	   *work;
	double		loss;

	InitMaterializedSRF(fcinfo, 0);
	hwr_check_training_allowed("hwr_train_lines()");
	context = AllocSetContextCreate(CurrentMemoryContext, "hwr line training", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	work = make_work();
	read_options(fcinfo, &work->options, &work->max_seconds);
	name = text_to_cstring(PG_GETARG_TEXT_PP(ARG_MODEL));
	hwr_check_model_name(name);
	hwr_catalog_check_owner(name, GetUserId(), 0);
	open_network(fcinfo, work);
	SPI_connect();
	read_pages(fcinfo, work);
	SPI_finish();
	loss = run_steps(work);
	store(work, name, loss, &version);

	values[0] = CStringGetTextDatum(name);
	values[1] = Int32GetDatum(version.version);
	values[2] = Int32GetDatum(hwr_line_trainer_pages(work->trainer, false));
	values[3] = Int32GetDatum(hwr_line_trainer_pages(work->trainer, true));
	values[4] = Int64GetDatum(hwr_line_trainer_lines(work->trainer));
	values[5] = Int64GetDatum(work->skipped);
	values[6] = Int32GetDatum(work->steps);
	values[7] = Int32GetDatum(hwr_line_trainer_best_step(work->trainer));
	values[8] = Float8GetDatum(loss);
	values[9] = Float8GetDatum(hwr_line_trainer_best_loss(work->trainer));
	nulls[9] = isnan(hwr_line_trainer_best_loss(work->trainer));
	values[10] = Float8GetDatum(seconds_since(work->started));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
