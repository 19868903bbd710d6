/*
 * dataset.c
 *	  Labelled images as canvases: reading, the split, the alphabet.
 */
#include "dataset.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/base/threads.h"
#include "core/text/spelling.h"
#include "canvas_store.h"
#include "dataset_row.h"

/* Skipped rows named in hwr_dataset_skipped_text. */
#define SKIPS_NAMED 5

typedef struct Row
{
	char	   *label;
	uint64_t	hash;			/* of the image's bytes */
	int		   *classes;		/* after finish */
	int			nclasses;
	bool		complete;		/* nclasses is the label's length */
	HwrStoredCanvas canvas;
	HwrStoredCanvas rival;		/* validation rows, where there is another network to be measured */
} Row;

typedef struct Rows
{
	int			n;
	int			capacity;
	Row		   *rows;
} Rows;

struct HwrDataset
{
	HwrRowRules rules;
	HwrPool    *pool;			/* while rows are added; NULL: one thread */
	HwrStopFn	stop;
	void	   *stop_arg;
	HwrCanvasStore *store;
	Rows		splits[2];		/* HWR_SPLIT_TRAIN, HWR_SPLIT_VALIDATION */
	HwrAlphabet alphabet;
	uint64_t	fingerprint;
	int64_t		skipped[HWR_NSKIPS];
	int64_t		squeezed;
	int64_t		foreign;		/* labels among them with characters outside the alphabet that is kept */
	HwrLabelTraits traits;
	bool		separate;		/* rows came for validation alone */
	int			named;
	char		skipped_text[1024];
};

bool
hwr_dataset_create(const HwrTrainOptions *options, const HwrImageLimits *limits,
				   size_t memory_limit, const char *tmpdir, HwrDataset **out, HwrStatus *st)
{
	HwrDataset *ds = hwr_alloc_zero(1, sizeof(HwrDataset), st);

	if (ds == NULL)
		return false;
	ds->rules = (HwrRowRules) {.mapping = options->mapping,.learn_empty = options->empty_labels == HWR_EMPTY_LEARN,
		.validation_fraction = options->validation_fraction,.limits = *limits};

	/* the number of classes does not matter here: any will do where the output is left out */
	if (!hwr_canvas_store_create(memory_limit, tmpdir, &ds->store, st) ||
		!hwr_vgsl_parse(options->architecture, strstr(options->architecture, "O1c") ? 0 : 2, &ds->rules.net, st))
	{
		hwr_dataset_free(ds);
		return false;
	}
	ds->rules.geometry = (HwrGeometry) {options->fit, ds->rules.net.height, ds->rules.net.width};
	*out = ds;
	return true;
}

void
hwr_dataset_set_rival(HwrDataset *ds, HwrFit fit, int height, int width)
{
	const HwrGeometry *own = &ds->rules.geometry;

	if (fit != own->fit || height != own->height || width != own->width)
		ds->rules.rival = (HwrGeometry) {fit, height, width};
}

bool
hwr_dataset_set_threads(HwrDataset *ds, int threads, HwrStatus *st)
{
	return threads <= 1 || hwr_pool_create(threads, &ds->pool, st);
}

void
hwr_dataset_set_stop(HwrDataset *ds, HwrStopFn stop, void *arg)
{
	ds->stop = stop;
	ds->stop_arg = arg;
}

bool
hwr_dataset_set_alphabet(HwrDataset *ds, const HwrAlphabet *alphabet, bool fixed, HwrStatus *st)
{
	ds->rules.spelt = &ds->alphabet;
	if (fixed)
		ds->rules.alphabet = &ds->alphabet;
	return hwr_alphabet_copy(alphabet, &ds->alphabet, st);
}

void
hwr_dataset_free(HwrDataset *ds)
{
	if (ds == NULL)
		return;
	hwr_pool_free(ds->pool);
	for (int s = 0; s < 2; s++)
	{
		for (int i = 0; i < ds->splits[s].n; i++)
		{
			free(ds->splits[s].rows[i].label);
			free(ds->splits[s].rows[i].classes);
			hwr_stored_canvas_free(&ds->splits[s].rows[i].canvas);
			hwr_stored_canvas_free(&ds->splits[s].rows[i].rival);
		}
		free(ds->splits[s].rows);
	}
	hwr_alphabet_free(&ds->alphabet);
	hwr_canvas_store_free(ds->store);
	free(ds);
}

static void
note_skip(HwrDataset *ds, int64_t row, HwrSkip reason, const char *why)
{
	size_t		used = strlen(ds->skipped_text);

	ds->skipped[reason]++;
	if (reason == HWR_SKIP_NULL || ds->named >= SKIPS_NAMED)
		return;
	snprintf(ds->skipped_text + used, sizeof(ds->skipped_text) - used, "%srow %lld: %s",
			 ds->named > 0 ? "; " : "", (long long) row, why);
	ds->named++;
}

static Row *
new_row(Rows *rows, HwrStatus *st)
{
	if (rows->n == rows->capacity)
	{
		int			capacity = rows->capacity > 0 ? 2 * rows->capacity : 256;
		Row		   *grown = hwr_realloc(rows->rows, (size_t) capacity, sizeof(Row), st);

		if (grown == NULL)
			return NULL;
		rows->rows = grown;
		rows->capacity = capacity;
	}
	memset(&rows->rows[rows->n], 0, sizeof(Row));
	return &rows->rows[rows->n];
}

/* What the threads make ready together. */
typedef struct Batch
{
	HwrDataset *ds;
	HwrSplit	split;
	const HwrDatasetRow *rows;
	int			n;
	HwrReadyRow *ready;			/* [n] */
	atomic_int	next;			/* row that nobody has begun with */
	bool		stopped;
} Batch;

/* Rows go to whoever is free: who makes one ready does not change it. */
static void
ready_part(void *arg, int part, int parts)
{
	Batch	   *batch = arg;
	HwrDataset *ds = batch->ds;
	int			i;

	(void) parts;
	while ((i = atomic_fetch_add(&batch->next, 1)) < batch->n)
	{
		if (part == 0 && ds->stop != NULL && ds->stop(ds->stop_arg))
		{
			batch->stopped = true;
			batch->next = batch->n;
			return;
		}
		hwr_row_make_ready(&ds->rules, batch->split, &batch->rows[i], &batch->ready[i]);
	}
}

/* Put a row into its split; takes what it has, on failure too. */
static bool
keep_row(HwrDataset *ds, HwrReadyRow *ready, HwrStatus *st)
{
	Row		   *row = new_row(&ds->splits[ready->split], st);
	uint8_t    *ink = ready->ink;
	uint8_t    *rival_ink = ready->rival_ink;
	bool		ok;

	if (row == NULL)
	{
		hwr_ready_row_free(ready);
		return false;
	}
	ds->splits[ready->split].n++;
	ds->squeezed += ready->squeezed;
	ds->traits.invisible += ready->traits.invisible > 0;
	ds->traits.right_to_left += ready->traits.right_to_left;
	ds->fingerprint = hwr_mix64(ds->fingerprint ^ hwr_mix64(ready->hash ^ (hwr_row_hash(ready->label, strlen(ready->label)) +
																		   ready->split)));
	row->label = ready->label;
	row->hash = ready->hash;
	ok = hwr_canvas_store_put(ds->store, ink, ds->rules.geometry.height, ready->width, &row->canvas, st);
	if (rival_ink == NULL)
		return ok;
	if (ok)
		return hwr_canvas_store_put(ds->store, rival_ink, ds->rules.rival.height, ready->rival_width, &row->rival, st);
	free(rival_ink);
	return false;
}

/* In order, until one fails; what is left is freed. */
static bool
keep_rows(Batch *batch, HwrSkip *skips, HwrStatus *st)
{
	bool		ok = !batch->stopped || hwr_fail(st, HWR_CANCELLED, "cancelled");

	for (int i = 0; i < batch->n; i++)
	{
		HwrReadyRow *ready = &batch->ready[i];

		if (ok && !ready->ok)
		{
			*st = ready->st;
			ok = false;
		}
		if (!ok)
			hwr_ready_row_free(ready);
		else if (ready->skip != HWR_SKIP_NONE)
		{
			batch->ds->foreign += ready->foreign;
			note_skip(batch->ds, batch->rows[i].number, ready->skip, ready->why);
		}
		else
			ok = keep_row(batch->ds, ready, st);
		if (skips != NULL)
			skips[i] = ready->skip;
	}
	return ok;
}

bool
hwr_dataset_add(HwrDataset *ds, HwrSplit split, const HwrDatasetRow *rows, int n, HwrSkip *skips, HwrStatus *st)
{
	Batch		batch = {.ds = ds,.split = split,.rows = rows,.n = n};
	bool		ok;

	batch.ready = hwr_alloc_zero((size_t) n, sizeof(HwrReadyRow), st);
	if (batch.ready == NULL)
		return false;
	if (ds->pool != NULL)
		hwr_pool_run(ds->pool, ready_part, &batch);
	else
		ready_part(&batch, 0, 1);
	ok = keep_rows(&batch, skips, st);
	free(batch.ready);
	return ok;
}

/* Label to classes; characters outside the alphabet are left out. */
static bool
encode_label(HwrDataset *ds, Row *row, HwrStatus *st)
{
	uint32_t   *codepoints;
	int			n;

	if (!hwr_text_decode_signs(&ds->alphabet, row->label, strlen(row->label), &codepoints, &n, st))
		return false;
	row->classes = hwr_alloc((size_t) n, sizeof(int), st);
	for (int i = 0; row->classes != NULL && i < n; i++)
	{
		int			class = hwr_alphabet_class(&ds->alphabet, codepoints[i]);

		if (class > 0)
			row->classes[row->nclasses++] = class;
	}
	row->complete = row->nclasses == n;
	free(codepoints);
	return row->classes != NULL;
}

static bool
check_counts(const HwrDataset *ds, HwrStatus *st)
{
	int64_t		usable = ds->splits[0].n + ds->splits[1].n;
	int64_t		bad = ds->skipped[HWR_SKIP_IMAGE] + ds->skipped[HWR_SKIP_LABEL] + ds->skipped[HWR_SKIP_TOO_LONG];

	if (bad * 10 > usable + bad)
	{
		hwr_fail(st, HWR_BAD_DATA, "too many unusable rows: %lld of %lld",
				 (long long) bad, (long long) (usable + bad));
		hwr_fail_detail(st, "First: %.480s.", ds->skipped_text);
		if (2 * ds->foreign > bad)
			return hwr_fail_hint(st, "The base model's characters are kept; with the option \"alphabet\": \"union\" new ones "
									 "join them.");
		return hwr_fail_hint(st, "Repair or leave out these rows; a longer label needs an architecture with more steps.");
	}
	if (ds->splits[HWR_SPLIT_TRAIN].n == 0)
	{
		int			n = ds->splits[HWR_SPLIT_VALIDATION].n;

		hwr_fail(st, HWR_BAD_DATA, "no usable training images");
		if (n == 0 || ds->separate)
			return false;
		hwr_fail_detail(st, "All %d usable rows fell to validation; an image falls to one side by its bytes, equal ones to the "
							"same.", n);
		return hwr_fail_hint(st, "Train on different images, or give a table for validation, or set the option "
								 "\"validation_fraction\" to 0.");
	}
	if (ds->separate && ds->splits[HWR_SPLIT_VALIDATION].n == 0)
	{
		hwr_fail(st, HWR_BAD_DATA, "no usable images for validation");
		return hwr_fail_hint(st, "Give another table for validation, or none, so that a part of the training images is kept "
								 "for it.");
	}
	if (ds->splits[HWR_SPLIT_TRAIN].n < 2)
	{
		hwr_fail(st, HWR_BAD_DATA, "too few training images");
		return hwr_fail_detail(st, "Training needs at least 2 images, the table has %d for training and %d for validation.",
							   ds->splits[HWR_SPLIT_TRAIN].n, ds->splits[HWR_SPLIT_VALIDATION].n);
	}
	return true;
}

bool
hwr_dataset_finish(HwrDataset *ds, HwrStatus *st)
{
	Rows	   *train = &ds->splits[HWR_SPLIT_TRAIN];

	hwr_pool_free(ds->pool);
	ds->pool = NULL;
	if (!check_counts(ds, st))
		return false;
	for (int i = 0; i < train->n && ds->rules.alphabet == NULL; i++)
		if (!hwr_alphabet_add_label(&ds->alphabet, train->rows[i].label, strlen(train->rows[i].label), st))
			return false;
	if (ds->alphabet.n == 0)
	{
		hwr_fail(st, HWR_BAD_DATA, "all labels are empty");
		return hwr_fail_hint(st, "Blank images are learned beside others that have something to read.");
	}
	for (int s = 0; s < 2; s++)
		for (int i = 0; i < ds->splits[s].n; i++)
			if (!encode_label(ds, &ds->splits[s].rows[i], st))
				return false;
	return true;
}

int
hwr_dataset_count(const HwrDataset *ds, HwrSplit split)
{
	return ds->splits[split].n;
}

int64_t
hwr_dataset_skipped(const HwrDataset *ds, HwrSkip reason)
{
	return ds->skipped[reason];
}

int64_t
hwr_dataset_squeezed(const HwrDataset *ds)
{
	return ds->squeezed;
}

int
hwr_dataset_width(const HwrDataset *ds)
{
	return ds->rules.geometry.width;
}

HwrLabelTraits
hwr_dataset_traits(const HwrDataset *ds)
{
	return ds->traits;
}

void
hwr_dataset_expect_validation(HwrDataset *ds)
{
	ds->separate = true;
}

const char *
hwr_dataset_skipped_text(const HwrDataset *ds)
{
	return ds->skipped_text;
}

uint64_t
hwr_dataset_image_hash(const HwrDataset *ds, HwrSplit split, int i)
{
	return ds->splits[split].rows[i].hash;
}

const HwrAlphabet *
hwr_dataset_alphabet(const HwrDataset *ds)
{
	return &ds->alphabet;
}

uint64_t
hwr_dataset_fingerprint(const HwrDataset *ds)
{
	return ds->fingerprint;
}

void
hwr_dataset_sample(const HwrDataset *ds, HwrSplit split, int i, HwrSample *out)
{
	const Row  *row = &ds->splits[split].rows[i];

	*out = (HwrSample) {row->label, row->classes, row->nclasses, row->complete, row->canvas.width};
}

bool
hwr_dataset_read(const HwrDataset *ds, HwrSplit split, int i, uint8_t *ink, int stride, HwrStatus *st)
{
	return hwr_canvas_store_get(ds->store, &ds->splits[split].rows[i].canvas, ds->rules.geometry.height, ink, stride, st);
}

static const HwrStoredCanvas *
rival_canvas(const HwrDataset *ds, int i)
{
	const Row  *row = &ds->splits[HWR_SPLIT_VALIDATION].rows[i];

	return ds->rules.rival.height > 0 ? &row->rival : &row->canvas;
}

int
hwr_dataset_rival_width(const HwrDataset *ds, int i)
{
	return rival_canvas(ds, i)->width;
}

bool
hwr_dataset_read_rival(const HwrDataset *ds, int i, uint8_t *ink, HwrStatus *st)
{
	int			height = ds->rules.rival.height > 0 ? ds->rules.rival.height : ds->rules.geometry.height;

	return hwr_canvas_store_get(ds->store, rival_canvas(ds, i), height, ink, rival_canvas(ds, i)->width, st);
}
