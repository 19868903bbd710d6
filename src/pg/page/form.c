/*
 * form.c
 *	  hwr_fit_form and hwr_read_form: a filled page laid over the blank form, and its fields read.
 *
 * A blank is decoded and prepared once a call site, as long as it stays the same.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "form.h"
#include "pg/base/columns.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"

PG_FUNCTION_INFO_V1(hwr_fit_form);
PG_FUNCTION_INFO_V1(hwr_read_form);
PG_FUNCTION_INFO_V1(hwr_read_form_table);

/* Arguments of hwr_read_form; hwr_fit_form has the first two. */
enum
{
	ARG_PAGE,
	ARG_BLANK,
	ARG_FIELDS,
	ARG_MODEL,
	ARG_IMAGES,
	ARG_LEAST_FIT
};

#define N_COLUMNS 7

/* Kept in fn_extra. */
typedef struct CallSite
{
	MemoryContext context;
	HwrHold    *form;			/* HwrForm */
	uint8	   *blank;			/* what it was made of */
	Size		blank_len;
	HwrFormReader *reader;
} CallSite;

static void
release_form(void *form)
{
	hwr_form_free(form);
}

static void
release_fitter(void *fitter)
{
	hwr_form_fitter_free(fitter);
}

static void
release_fit(void *fit)
{
	hwr_form_fit_free(fit);
}

static CallSite *
get_call_site(FunctionCallInfo fcinfo)
{
	CallSite   *site = fcinfo->flinfo->fn_extra;

	if (site != NULL)
		return site;
	site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(CallSite));
	site->context = fcinfo->flinfo->fn_mcxt;
	site->form = hwr_hold_create(site->context, release_form);
	site->reader = hwr_form_reader_create(site->context);
	fcinfo->flinfo->fn_extra = site;
	return site;
}

/* CONTEXT of what is wrong with the blank, lest it be taken for the page. */
static void
blank_context(void *arg)
{
	errcontext("blank form");
}

/* The form that a blank is, prepared. */
static const HwrForm *
get_form(CallSite *site, Datum blank)
{
	ErrorContextCallback error_context = {.callback = blank_context,.previous = error_context_stack};
	HwrImageLimits limits = hwr_image_limits();
	HwrImage	image;
	HwrForm    *form;
	Size		len;
	const uint8 *bytes = hwr_image_bytes(blank, &len);
	HwrStatus	st;

	if (site->form->object != NULL && site->blank_len == len && (int64_t) len <= limits.max_bytes &&
		memcmp(site->blank, bytes, len) == 0)
		return site->form->object;
	hwr_hold_replace(site->form, NULL);
	if (site->blank != NULL)
		pfree(site->blank);
	site->blank = NULL;
	site->blank_len = 0;
	error_context_stack = &error_context;
	CHECK_FOR_INTERRUPTS();
	if (!hwr_image_decode(bytes, len, &limits, 0, 0, &image, &st))
		hwr_raise(&st);
	if (!hwr_form_create(&image, &form, &st))
		hwr_raise(&st);
	hwr_hold_replace(site->form, form);
	site->blank = MemoryContextAlloc(site->context, len);
	memcpy(site->blank, bytes, len);
	site->blank_len = len;
	error_context_stack = error_context.previous;
	return form;
}

/* Lay the page over the form; the result goes with the current memory context. */
static HwrFormFit *
fit_page(const HwrForm *form, const HwrImage *page)
{
	HwrHold    *fitter_hold = hwr_hold_create(CurrentMemoryContext, release_fitter);
	HwrHold    *fit_hold = hwr_hold_create(CurrentMemoryContext, release_fit);
	HwrFormFit *fit = palloc0(sizeof(HwrFormFit));
	HwrFormFitter *fitter;
	bool		done = false;
	HwrStatus	st;

	if (!hwr_form_fitter_create(form, page, &fitter, &st))
		hwr_raise(&st);
	hwr_hold_replace(fitter_hold, fitter);
	while (!done)
	{
		CHECK_FOR_INTERRUPTS();
		if (!hwr_form_fitter_step(fitter, &done, &st))
			hwr_raise(&st);
	}
	hwr_form_fitter_take(fitter, fit);
	hwr_hold_replace(fit_hold, fit);
	hwr_hold_replace(fitter_hold, NULL);
	return fit;
}

/*
 * hwr_fit_form(page bytea, blank bytea, OUT score float8, OUT fits boolean, OUT outline polygon)
 */
Datum
hwr_fit_form(PG_FUNCTION_ARGS)
{
	CallSite   *site = get_call_site(fcinfo);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hwr form", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = CurrentMemoryContext;
	const HwrForm *form = get_form(site, PG_GETARG_DATUM(ARG_BLANK));
	const HwrImage *blank = hwr_form_blank(form);
	HwrPageWork *work;
	HwrFormFit *fit;
	HwrPoint	outline[HWR_FIELD_POINTS];
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {0};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);
	MemoryContextSwitchTo(context);
	work = hwr_page_work_create();
	hwr_page_decode(work, PG_GETARG_DATUM(ARG_PAGE));
	fit = fit_page(form, &work->image);
	MemoryContextSwitchTo(caller);
	values[0] = Float8GetDatum(fit->score);
	values[1] = BoolGetDatum(fit->score >= HWR_FORM_LEAST_SCORE);
	nulls[2] = fit->score <= 0;
	if (!nulls[2])
	{
		hwr_form_outline(fit, 0, 0, blank->width, blank->height, outline);
		values[2] = hwr_points_polygon(outline, HWR_FIELD_POINTS);
	}
	MemoryContextDelete(context);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}

static double
least_fit_argument(FunctionCallInfo fcinfo)
{
	double		least = PG_ARGISNULL(ARG_LEAST_FIT) ? HWR_FORM_LEAST_SCORE : PG_GETARG_FLOAT8(ARG_LEAST_FIT);

	/* Written so that NaN is out of range. */
	if (!(least >= 0 && least <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"least_fit\" must be between 0 and 1")));
	return least;
}

static void
put_row(ReturnSetInfo *result, const HwrFormField *field, const HwrFieldRow *row)
{
	Datum		values[N_COLUMNS];
	bool		nulls[N_COLUMNS] = {0};

	values[0] = CStringGetTextDatum(field->name);
	nulls[1] = row->text == NULL;
	values[1] = nulls[1] ? (Datum) 0 : CStringGetTextDatum(row->text);
	nulls[2] = row->value == NULL;
	values[2] = nulls[2] ? (Datum) 0 : CStringGetTextDatum(row->value);
	values[3] = Float8GetDatum(row->confidence);
	values[4] = Float8GetDatum(row->fit);
	values[5] = hwr_points_polygon(row->area, HWR_FIELD_POINTS);
	nulls[6] = row->image == (Datum) 0;
	values[6] = row->image;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Both forms of hwr_read_form. */
static Datum
read_form(FunctionCallInfo fcinfo, const char *query)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	double		least = least_fit_argument(fcinfo);
	bool		images = PG_ARGISNULL(ARG_IMAGES) || PG_GETARG_BOOL(ARG_IMAGES);
	char	   *model = PG_ARGISNULL(ARG_MODEL) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(ARG_MODEL));
	CallSite   *site = get_call_site(fcinfo);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hwr form", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	const HwrForm *form;
	HwrFormField *fields;
	HwrFieldRow *rows;
	HwrPageWork *work;
	HwrFormFit *fit;
	int			n;

	fields = hwr_form_fields(query, &n);
	form = get_form(site, PG_GETARG_DATUM(ARG_BLANK));
	hwr_form_check_areas(hwr_form_blank(form), fields, n);
	work = hwr_page_work_create();
	hwr_page_decode(work, PG_GETARG_DATUM(ARG_PAGE));
	fit = fit_page(form, &work->image);
	if (fit->score < least || fit->score <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("page does not fit the blank form"),
				 errdetail("The fit is %.2f, at least %.2f is asked for.", fit->score, least),
				 errhint("hwr_fit_form says how well a page fits a blank form.")));
	rows = palloc0(Max(n, 1) * sizeof(HwrFieldRow));
	hwr_form_read(site->reader, form, fit, &work->image, fields, n, model, least * HWR_FORM_LEAST_FIELD / HWR_FORM_LEAST_SCORE,
				  images, rows);
	for (int i = 0; i < n; i++)
		put_row(result, &fields[i], &rows[i]);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}

/*
 * hwr_read_form(page bytea, blank bytea, fields text, model text, images boolean, least_fit float8) returns setof record
 */
Datum
hwr_read_form(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(ARG_PAGE) || PG_ARGISNULL(ARG_BLANK) || PG_ARGISNULL(ARG_FIELDS))
		return (Datum) 0;
	return read_form(fcinfo, hwr_form_fields_query(PG_GETARG_TEXT_PP(ARG_FIELDS)));
}

/*
 * The same with fields regclass
 */
Datum
hwr_read_form_table(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(ARG_PAGE) || PG_ARGISNULL(ARG_BLANK) || PG_ARGISNULL(ARG_FIELDS))
		return (Datum) 0;
	return read_form(fcinfo, hwr_form_table_query(PG_GETARG_OID(ARG_FIELDS)));
}
