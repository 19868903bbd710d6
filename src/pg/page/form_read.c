/*
 * form_read.c
 *	  The fields of a filled form: cut, and read in batches, each with its own model and what may be written in it.
 *
 * Fields of one model are read together.  A field that is empty is not read: a network sees letters in
 * whatever it is shown.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/text/bidi.h"
#include "core/text/text.h"
#include "form.h"
#include "pg/base/error.h"
#include "pg/reader/label.h"
#include "pg/reader/kinds.h"
#include "pg/reader/label.h"
#include "pg/reader/reader.h"
#include "pg/reader/resolve.h"

/* A field of which more lies beside the page's picture is an error. */
#define OUTSIDE 0.05

/* The fields of a form have so many times its area at most. */
#define MOST_COVER 8

/* Emptiness is as certain as a tick: by how steeply confidence falls with the ink. */
#define EMPTY_INK 0.006

/* A model that was looked up. */
typedef struct Model
{
	char	   *name;			/* NULL: the default one */
	HwrResolved resolved;
	struct Model *next;
} Model;

struct HwrFormReader
{
	MemoryContext context;
	Model	   *models;
	HwrDecoder **decoders;		/* [decoders_n], of the fields by their numbers; NULL: not needed so far */
	int			decoders_n;
};

/* A field that waits to be read. */
typedef struct Task
{
	int			field;
	Model	   *model;
	HwrComb		comb;			/* cells 0: none */
	HwrImage	image;
	bool		done;
} Task;

HwrFormReader *
hwr_form_reader_create(MemoryContext context)
{
	HwrFormReader *reader = MemoryContextAllocZero(context, sizeof(HwrFormReader));

	reader->context = context;
	return reader;
}

static Model *
get_model(HwrFormReader *reader, const char *name)
{
	Model	   *model;

	for (model = reader->models; model != NULL; model = model->next)
		if (name == NULL ? model->name == NULL : model->name != NULL && strcmp(model->name, name) == 0)
			return model;
	model = MemoryContextAllocZero(reader->context, sizeof(Model));
	if (name != NULL)
		model->name = MemoryContextStrdup(reader->context, name);
	model->next = reader->models;
	reader->models = model;
	return model;
}

static HwrDecoder *
get_decoder(HwrFormReader *reader, int field)
{
	if (field >= reader->decoders_n)
	{
		int			n = Max(16, 2 * field);
		HwrDecoder **decoders = MemoryContextAllocZero(reader->context, n * sizeof(HwrDecoder *));

		if (reader->decoders_n > 0)
			memcpy(decoders, reader->decoders, reader->decoders_n * sizeof(HwrDecoder *));
		reader->decoders = decoders;
		reader->decoders_n = n;
	}
	if (reader->decoders[field] == NULL)
		reader->decoders[field] = hwr_decoder_create(reader->context);
	return reader->decoders[field];
}

/* What is in the boxes of a comb: so many characters, a space where boxes between them are empty. */
static text *
comb_pattern(const HwrComb *comb, bool digits)
{
	StringInfoData pattern;

	initStringInfo(&pattern);
	for (int i = 0; i < comb->groups; i++)
		appendStringInfo(&pattern, "%s%s{%d}", i > 0 ? " " : "", digits ? "\\d" : "[^ ]", comb->group[i]);
	return cstring_to_text(pattern.data);
}

/* The text of a hypothesis in the server's encoding. */
static char *
hypothesis_text(const HwrHypothesis *h, const HwrAlphabet *alphabet)
{
	HwrHold    *hold = hwr_hold_create(CurrentMemoryContext, hwr_release_reading);
	HwrReading *reading = palloc0(sizeof(HwrReading));
	char	   *text;
	HwrStatus	st;

	if (!hwr_text_of_classes(alphabet, h->classes, h->spans, h->n, &reading->chars, &reading->n, &reading->text, &st))
		hwr_raise(&st);
	hwr_hold_replace(hold, reading);
	text = pstrdup(hwr_from_utf8(reading->text));
	hwr_hold_replace(hold, NULL);
	return text;
}

/* The best text under what the field allows; text NULL where none fits. */
static void
search_text(HwrDecoder *decoder, const HwrFormField *field, text *allow, text *pattern, const HwrWriter *writer,
			HwrBeamQuery *posteriors, HwrFieldRow *row)
{
	LOCAL_FCINFO(arguments, HWR_ARGS + 1);
	HwrBeamQuery query;
	HwrNbest   *nbest;

	InitFunctionCallInfoData(*arguments, NULL, HWR_ARGS + 1, InvalidOid, NULL, NULL);
	for (int i = 0; i <= HWR_ARGS; i++)
		arguments->args[i].isnull = true;
	arguments->args[HWR_ARG_LEXICON].value = PointerGetDatum(field->lexicon);
	arguments->args[HWR_ARG_LEXICON].isnull = field->lexicon == NULL;
	arguments->args[HWR_ARG_ALLOW].value = PointerGetDatum(allow);
	arguments->args[HWR_ARG_ALLOW].isnull = allow == NULL;
	arguments->args[HWR_ARGS].value = PointerGetDatum(pattern);
	arguments->args[HWR_ARGS].isnull = pattern == NULL;
	hwr_decoder_prepare(arguments, decoder, 1, 0, &query);
	query.logp = posteriors->logp;
	query.T = posteriors->T;
	query.K = posteriors->K;
	hwr_decoder_bind(arguments, decoder, 0, HWR_ARGS, writer, &query);
	nbest = hwr_decoder_search(decoder, &query, 1, writer);
	if (nbest->n == 0)
		return;
	row->text = hypothesis_text(&nbest->hypotheses[0], writer->alphabet);
	row->confidence = nbest->hypotheses[0].confidence;
}

/* The value of digits in boxes, as one of a kind: NULL where they have none. */
static char *
digits_value(HwrKind kind, const char *digits)
{
	uint32_t	codepoints[HWR_COMB_CELLS + 2];
	char		value[HWR_KIND_VALUE];
	int			len = (int) strlen(digits);
	int			n = 0;

	if (len > HWR_COMB_CELLS)
		return NULL;
	for (int i = 0; i < len; i++)
	{
		/* The boxes of a date are for day, month and year. */
		if (kind == HWR_KIND_DATE && (i == 2 || i == 4))
			codepoints[n++] = '.';
		codepoints[n++] = (unsigned char) digits[i];
	}
	return hwr_kind_value(kind, codepoints, n, value) ? pstrdup(value) : NULL;
}

static void
read_known(HwrDecoder *decoder, const HwrFormField *field, const Task *task, const HwrWriter *writer,
		   HwrBeamQuery *query, HwrFieldRow *row)
{
	if (task->comb.cells > 0 && field->known != HWR_KIND_YES_NO)
	{
		search_text(decoder, field, NULL, comb_pattern(&task->comb, true), writer, query, row);
		row->value = row->text == NULL ? NULL : digits_value(field->known, row->text);
	}
	else
	{
		HwrKindReading reading = hwr_kind_search(decoder, query, writer, field->known);

		row->text = reading.text;
		row->value = reading.value[0] == '\0' ? NULL : pstrdup(reading.value);
		row->confidence = reading.confidence;
	}
}

/* One field of a batch that has been run. */
static void
read_field(HwrFormReader *reader, const HwrFormField *field, const Task *task, HwrLoaded loaded, HwrBatchReader *batch, int at,
		   HwrFieldRow *row)
{
	const HwrPosterior *p = &batch->posteriors[at];
	HwrWriter	writer = {&loaded.model->alphabet, loaded.model->mapping,
	task->model->name == NULL ? "default" : task->model->name, loaded.hash};
	HwrBeamQuery query = {.logp = p->logp,.T = p->steps,.K = p->classes};
	text	   *pattern = field->pattern;
	text	   *allow = field->allow;

	if (field->kind == HWR_FIELD_KNOWN)
	{
		read_known(get_decoder(reader, task->field), field, task, &writer, &query, row);
		return;
	}
	if (task->comb.cells > 0 && pattern == NULL)
		pattern = comb_pattern(&task->comb, false);
	/* Boxes that are left empty are a space, whatever is allowed in the others. */
	if (allow != NULL && task->comb.groups > 1)
		allow = cstring_to_text(psprintf("%s ", text_to_cstring(allow)));
	if (field->lexicon != NULL || allow != NULL || pattern != NULL)
		search_text(get_decoder(reader, task->field), field, allow, pattern, &writer, &query, row);
	else
	{
		row->text = hwr_from_utf8(batch->readings[at].text);
		row->confidence = hwr_reading_confidence(&batch->readings[at], loaded.model, p, batch->context);
	}
	row->value = row->text;
}

/* Read what is left of one model's fields, a batch of them. */
static void
read_batch(HwrFormReader *reader, const HwrFormField *fields, Task *tasks, int n, Model *model, HwrFieldRow *rows)
{
	MemoryContext caller = CurrentMemoryContext;
	HwrBatchReader *batch = hwr_batch_create();
	HwrLoaded	loaded = hwr_resolve_model(&model->resolved, model->name);
	Task	   *in_batch[HWR_RECOGNIZE_BATCH];
	HwrStatus	st;

	for (int i = 0; i < n && batch->n < HWR_RECOGNIZE_BATCH; i++)
	{
		Task	   *task = &tasks[i];

		if (task->done || task->model != model)
			continue;
		CHECK_FOR_INTERRUPTS();
		in_batch[batch->n] = task;
		if (!hwr_batch_add_image(batch, loaded, &task->image, task->comb.cells == 0, &st))
			hwr_raise(&st);
		task->done = true;
	}
	hwr_batch_run(batch, loaded);
	for (int i = 0; i < batch->n; i++)
	{
		HwrFieldRow *row = &rows[in_batch[i]->field];

		CHECK_FOR_INTERRUPTS();
		read_field(reader, &fields[in_batch[i]->field], in_batch[i], loaded, batch, i, row);
	}
	MemoryContextSwitchTo(caller);
	hwr_batch_free(batch);
}

static void
release_cut(void *cut)
{
	hwr_field_free(cut);
	free(cut);
}

static void
release_image(void *pixels)
{
	free(pixels);
}

/* Raise what is wrong, saying where. */
static void
raise_for_field(HwrStatus *st, const char *name)
{
	ereport(ERROR,
			(errcode(st->code == HWR_OUT_OF_MEMORY ? ERRCODE_OUT_OF_MEMORY : ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("field \"%s\": %s", name, st->message),
			 st->hint[0] != '\0' ? errhint("%s", st->hint) : 0));
}

static void
set_tick(const HwrFieldCut *cut, HwrFieldRow *row)
{
	double		p = hwr_field_tick(cut);

	row->value = row->text = pstrdup(p >= 0.5 ? "true" : "false");
	row->confidence = Max(p, 1 - p);
}

static void
set_empty(const HwrFieldCut *cut, HwrFieldRow *row)
{
	double		ink = cut->amount / EMPTY_INK;

	row->text = pstrdup("");
	row->confidence = 1 / (1 + ink * ink);
}

/* Cut a field; what can be said of it without a model goes to its row, what must be read becomes a task. */
static void
cut_field(HwrFormReader *reader, const HwrForm *form, const HwrFormFit *fit, const HwrImage *page, const HwrFormField *field,
		  const char *model, bool images, HwrHold *cut_hold, HwrHold *pixels_hold, Task *task, HwrFieldRow *row)
{
	HwrFieldCut *cut;
	HwrStatus	st;

	cut = hwr_alloc_zero(1, sizeof(HwrFieldCut), &st);
	if (cut == NULL)
		hwr_raise(&st);
	hwr_hold_replace(cut_hold, cut);
	if (!hwr_field_cut(form, fit, page, field->x0, field->y0, field->x1, field->y1, cut, &st))
		raise_for_field(&st, field->name);
	if (cut->outside > OUTSIDE)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("field \"%s\" is not on the picture of the page", field->name),
				 errhint("Take the picture anew, with the whole form on it.")));
	if (images)
		row->image = hwr_image_datum(&cut->image);
	task->done = true;
	if (field->kind == HWR_FIELD_TICK)
		set_tick(cut, row);
	else if (hwr_field_is_empty(cut))
		set_empty(cut, row);
	else if (!field->boxes)
	{
		task->image = cut->image;
		cut->image.pixels = NULL;
		hwr_hold_replace(pixels_hold, task->image.pixels);
		task->done = false;
	}
	else
	{
		if (!hwr_field_comb(cut, field->cells, &task->comb, &st))
			raise_for_field(&st, field->name);
		hwr_hold_replace(pixels_hold, task->comb.image.pixels);
		task->image = task->comb.image;
		task->done = task->image.pixels == NULL;
		if (task->done)
			set_empty(cut, row);
	}
	hwr_hold_replace(cut_hold, NULL);
	if (!task->done)
		task->model = get_model(reader, field->model != NULL ? field->model : model);
}

/* What is cut is kept until it is read: no more of it than some pages. */
void
hwr_form_check_areas(const HwrImage *blank, const HwrFormField *fields, int n)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
	{
		const HwrFormField *f = &fields[i];

		/* Written so that NaN is no area either. */
		if (!(f->x1 - f->x0 >= 1 && f->y1 - f->y0 >= 1 && f->x0 >= -1 && f->y0 >= -1 && f->x1 <= blank->width + 1 &&
			  f->y1 <= blank->height + 1))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("area of field \"%s\" is empty or not on the blank form", f->name),
					 errdetail("The blank form has %d x %d pixels.", blank->width, blank->height)));
		sum += (f->x1 - f->x0) * (f->y1 - f->y0);
	}
	if (sum > (double) MOST_COVER * blank->width * blank->height)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("fields cover more than %d times the blank form", MOST_COVER)));
}

void
hwr_form_read(HwrFormReader *reader, const HwrForm *form, const HwrFormFit *fit, const HwrImage *page,
			  const HwrFormField *fields, int n, const char *model, double least, bool images, HwrFieldRow *rows)
{
	Task	   *tasks = palloc0(Max(n, 1) * sizeof(Task));
	HwrHold    *cut_hold = hwr_hold_create(CurrentMemoryContext, release_cut);

	/* All fits first: a page that does not fit somewhere is not read in part. */
	for (int i = 0; i < n; i++)
	{
		const HwrFormField *f = &fields[i];

		CHECK_FOR_INTERRUPTS();
		rows[i].fit = hwr_form_fit_around(form, fit, f->x0, f->y0, f->x1, f->y1);
		if (rows[i].fit < least)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("page does not fit the blank form around field \"%s\"", f->name),
					 errdetail("The fit there is %.2f, at least %.2f is asked for.", rows[i].fit, least),
					 errhint("It may be of another edition of the form.")));
		hwr_form_outline(fit, f->x0, f->y0, f->x1, f->y1, rows[i].area);
	}
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		tasks[i].field = i;
		cut_field(reader, form, fit, page, &fields[i], model, images, cut_hold,
				  hwr_hold_create(CurrentMemoryContext, release_image), &tasks[i], &rows[i]);
	}
	for (int i = 0; i < n; i++)
		while (!tasks[i].done)
			read_batch(reader, fields, tasks, n, tasks[i].model, rows);
}
