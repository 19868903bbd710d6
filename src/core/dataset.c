/*
 * dataset.c
 *	  Labelled images as canvases: reading, the split, the alphabet.
 */
#include "dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "canvas_store.h"
#include "ctc.h"
#include "rng.h"

/* Skipped rows named in hwr_dataset_skipped_text. */
#define SKIPS_NAMED 5

typedef struct Row
{
	char	   *label;
	int		   *classes;		/* after finish */
	int			nclasses;
	HwrStoredCanvas canvas;
	HwrStoredCanvas rival;		/* validation rows, where there is another network to be measured */
} Row;

/* How an image becomes a canvas. */
typedef struct Geometry
{
	HwrFit		fit;
	int			height;
	int			width;			/* 0: any */
} Geometry;

typedef struct Rows
{
	int			n;
	int			capacity;
	Row		   *rows;
} Rows;

struct HwrDataset
{
	Geometry	geometry;
	Geometry	rival;			/* height 0: none, or the same */
	HwrCase		mapping;
	double		validation_fraction;
	HwrNet		net;			/* for the steps only */
	HwrImageLimits limits;
	HwrCanvasStore *store;
	Rows		splits[2];		/* HWR_SPLIT_TRAIN, HWR_SPLIT_VALIDATION */
	HwrAlphabet alphabet;
	bool		alphabet_fixed;
	uint64_t	fingerprint;
	int64_t		skipped[HWR_NSKIPS];
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
	ds->mapping = options->mapping;
	ds->validation_fraction = options->validation_fraction;
	ds->limits = *limits;

	/* the number of classes does not matter here: any will do where the output is left out */
	if (!hwr_canvas_store_create(memory_limit, tmpdir, &ds->store, st) ||
		!hwr_vgsl_parse(options->architecture, strstr(options->architecture, "O1c") ? 0 : 2, &ds->net, st))
	{
		hwr_dataset_free(ds);
		return false;
	}
	ds->geometry = (Geometry) {options->fit, ds->net.height, ds->net.width};
	*out = ds;
	return true;
}

void
hwr_dataset_set_rival(HwrDataset *ds, HwrFit fit, int height, int width)
{
	if (fit != ds->geometry.fit || height != ds->geometry.height || width != ds->geometry.width)
		ds->rival = (Geometry) {fit, height, width};
}

bool
hwr_dataset_set_alphabet(HwrDataset *ds, const HwrAlphabet *alphabet, bool fixed, HwrStatus *st)
{
	ds->alphabet_fixed = fixed;
	return hwr_alphabet_copy(alphabet, &ds->alphabet, st);
}

void
hwr_dataset_free(HwrDataset *ds)
{
	if (ds == NULL)
		return;
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

/* FNV-1a over the bytes, mixed. */
static uint64_t
hash_bytes(const void *bytes, size_t len)
{
	uint64_t	h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ ((const uint8_t *) bytes)[i]) * UINT64_C(0x100000001b3);
	return hwr_mix64(h);
}

/* The same image always lands in the same split. */
static double
image_fraction(uint64_t hash)
{
	return (double) (hash >> 11) * 0x1.0p-53;
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

/* A message and its detail as one phrase. */
static void
note_failure(HwrDataset *ds, int64_t row, HwrSkip reason, const HwrStatus *why)
{
	char		text[160];

	snprintf(text, sizeof(text), "%.80s%s%.70s", why->message, why->detail[0] ? ": " : "", why->detail);
	note_skip(ds, row, reason, text);
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

/* Steps that a label needs: its characters and a blank between equal neighbours. */
static bool
label_fits(const HwrDataset *ds, const char *label, int width, bool *fits, int *needs, HwrStatus *st)
{
	uint32_t   *codepoints;
	int			n;

	if (!hwr_text_decode(label, strlen(label), &codepoints, &n, st))
		return false;
	*needs = hwr_ctc_min_steps((const int *) codepoints, n);
	*fits = *needs <= hwr_net_steps(&ds->net, width);
	free(codepoints);
	return true;
}

/* The canvas of an image; false with HWR_BAD_IMAGE or HWR_IMAGE_TOO_LARGE for a bad one. */
static bool
make_canvas(const HwrDataset *ds, const Geometry *g, const uint8_t *bytes, size_t len,
			uint8_t **ink, int *width, HwrStatus *st)
{
	HwrImage	img;
	bool		ok;

	if (!hwr_image_decode(bytes, len, &ds->limits, g->height, g->width, &img, st))
		return false;
	*width = hwr_preprocess_width(&img, g->fit, g->height, g->width);
	*ink = hwr_alloc((size_t) g->height, (size_t) *width, st);
	ok = *ink != NULL && hwr_preprocess(&img, g->fit, g->height, *width, *ink, NULL, st);
	hwr_image_free(&img);
	if (!ok)
		free(*ink);
	return ok;
}

static bool
is_bad_row(const HwrStatus *st)
{
	return st->code == HWR_BAD_IMAGE || st->code == HWR_IMAGE_TOO_LARGE || st->code == HWR_BAD_LABEL;
}

/* Leave out a training row whose label the alphabet cannot write, where it may not grow.  Frees text then. */
static bool
check_alphabet(HwrDataset *ds, int64_t row, char *text, HwrSkip *skip, HwrStatus *st)
{
	uint32_t   *codepoints;
	int			n;

	if (!hwr_text_decode(text, strlen(text), &codepoints, &n, st))
	{
		free(text);
		return false;
	}
	for (int i = 0; i < n && *skip == HWR_SKIP_NONE; i++)
	{
		char		why[80];

		if (hwr_alphabet_class(&ds->alphabet, codepoints[i]) > 0)
			continue;
		snprintf(why, sizeof(why), "character U+%04X is not in the alphabet of the base model", (unsigned) codepoints[i]);
		*skip = HWR_SKIP_LABEL;
		note_skip(ds, row, *skip, why);
		free(text);
	}
	free(codepoints);
	return true;
}

/* The normalised label; *skip set where the row is to be left out. */
static bool
take_label(HwrDataset *ds, int64_t row, HwrSplit split, const char *label, size_t len, char **text,
		   HwrSkip *skip, HwrStatus *st)
{
	if (!hwr_text_normalize(label, len, ds->mapping, text, st))
	{
		if (!is_bad_row(st))
			return false;
		*skip = HWR_SKIP_LABEL;
		note_failure(ds, row, *skip, st);
		return true;
	}
	if ((*text)[0] == '\0')
	{
		free(*text);
		*skip = HWR_SKIP_LABEL;
		note_skip(ds, row, *skip, "empty label");
		return true;
	}
	return !ds->alphabet_fixed || split == HWR_SPLIT_VALIDATION || check_alphabet(ds, row, *text, skip, st);
}

/* The canvas, and whether the label can be written on it; takes no ownership of text. */
static bool
take_image(HwrDataset *ds, int64_t row, const uint8_t *bytes, size_t len, const char *text,
		   uint8_t **ink, int *width, HwrSkip *skip, HwrStatus *st)
{
	bool		fits;
	int			needs;

	if (!make_canvas(ds, &ds->geometry, bytes, len, ink, width, st))
	{
		if (!is_bad_row(st))
			return false;
		*skip = HWR_SKIP_IMAGE;
		note_failure(ds, row, *skip, st);
		return true;
	}
	if (!label_fits(ds, text, *width, &fits, &needs, st))
	{
		free(*ink);
		return false;
	}
	if (!fits)
	{
		char		why[120];

		snprintf(why, sizeof(why), "label needs %d steps, the network has %d", needs,
				 hwr_net_steps(&ds->net, *width));
		free(*ink);
		*skip = HWR_SKIP_TOO_LONG;
		note_skip(ds, row, *skip, why);
	}
	return true;
}

/* Keep a row's canvases; takes ownership of ink, on failure too. */
static bool
keep_canvases(HwrDataset *ds, bool validation, Row *row, uint8_t *ink, int width,
			  const uint8_t *bytes, size_t len, HwrStatus *st)
{
	if (!hwr_canvas_store_put(ds->store, ink, ds->geometry.height, width, &row->canvas, st))
		return false;
	if (!validation || ds->rival.height == 0)
		return true;
	return make_canvas(ds, &ds->rival, bytes, len, &ink, &width, st) &&
		hwr_canvas_store_put(ds->store, ink, ds->rival.height, width, &row->rival, st);
}

bool
hwr_dataset_add(HwrDataset *ds, HwrSplit split, int64_t row_number,
				const uint8_t *bytes, size_t len, const char *label, size_t label_len,
				HwrSkip *skip, HwrStatus *st)
{
	HwrSkip		reason = HWR_SKIP_NONE;
	char	   *text = NULL;
	uint8_t    *ink = NULL;
	int			width = 0;
	Rows	   *rows;
	Row		   *row;
	uint64_t	hash;

	if (skip == NULL)
		skip = &reason;
	*skip = HWR_SKIP_NONE;
	if (bytes == NULL || label == NULL)
	{
		*skip = HWR_SKIP_NULL;
		note_skip(ds, row_number, *skip, "");
		return true;
	}
	hash = hash_bytes(bytes, len);
	if (split == HWR_SPLIT_AUTO)
		split = image_fraction(hash) < ds->validation_fraction ? HWR_SPLIT_VALIDATION : HWR_SPLIT_TRAIN;
	if (!take_label(ds, row_number, split, label, label_len, &text, skip, st))
		return false;
	if (*skip != HWR_SKIP_NONE)
		return true;
	if (!take_image(ds, row_number, bytes, len, text, &ink, &width, skip, st) || *skip != HWR_SKIP_NONE)
	{
		free(text);
		return *skip != HWR_SKIP_NONE;
	}

	rows = &ds->splits[split];
	row = new_row(rows, st);
	if (row == NULL)
	{
		free(text);
		free(ink);
		return false;
	}
	row->label = text;
	rows->n++;
	ds->fingerprint = hwr_mix64(ds->fingerprint ^ hwr_mix64(hash ^ (hash_bytes(text, strlen(text)) + split)));
	return keep_canvases(ds, split == HWR_SPLIT_VALIDATION, row, ink, width, bytes, len, st);
}

/* Label to classes; characters outside the alphabet are left out. */
static bool
encode_label(HwrDataset *ds, Row *row, HwrStatus *st)
{
	uint32_t   *codepoints;
	int			n;

	if (!hwr_text_decode(row->label, strlen(row->label), &codepoints, &n, st))
		return false;
	row->classes = hwr_alloc((size_t) n, sizeof(int), st);
	for (int i = 0; row->classes != NULL && i < n; i++)
	{
		int			class = hwr_alphabet_class(&ds->alphabet, codepoints[i]);

		if (class > 0)
			row->classes[row->nclasses++] = class;
	}
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
		return hwr_fail_hint(st, "Repair or leave out these rows; a longer label needs an architecture with more steps.");
	}
	if (ds->splits[HWR_SPLIT_TRAIN].n == 0)
		return hwr_fail(st, HWR_BAD_DATA, "no usable training images");
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

	if (!check_counts(ds, st))
		return false;
	for (int i = 0; i < train->n && !ds->alphabet_fixed; i++)
		if (!hwr_alphabet_add(&ds->alphabet, train->rows[i].label, strlen(train->rows[i].label), st))
			return false;
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

const char *
hwr_dataset_skipped_text(const HwrDataset *ds)
{
	return ds->skipped_text;
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

	*out = (HwrSample) {row->label, row->classes, row->nclasses, row->canvas.width};
}

bool
hwr_dataset_read(const HwrDataset *ds, HwrSplit split, int i, uint8_t *ink, int stride, HwrStatus *st)
{
	return hwr_canvas_store_get(ds->store, &ds->splits[split].rows[i].canvas, ds->geometry.height, ink, stride, st);
}

static const HwrStoredCanvas *
rival_canvas(const HwrDataset *ds, int i)
{
	const Row  *row = &ds->splits[HWR_SPLIT_VALIDATION].rows[i];

	return ds->rival.height > 0 ? &row->rival : &row->canvas;
}

int
hwr_dataset_rival_width(const HwrDataset *ds, int i)
{
	return rival_canvas(ds, i)->width;
}

bool
hwr_dataset_read_rival(const HwrDataset *ds, int i, uint8_t *ink, HwrStatus *st)
{
	int			height = ds->rival.height > 0 ? ds->rival.height : ds->geometry.height;

	return hwr_canvas_store_get(ds->store, rival_canvas(ds, i), height, ink, rival_canvas(ds, i)->width, st);
}
