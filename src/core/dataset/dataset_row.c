/*
 * dataset_row.c
 *	  One row of a data set: from label and file to normalised label and canvases.
 */
#include "dataset_row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/decode/ctc.h"
#include "core/image/preprocess.h"
#include "core/network/recognizer.h"
#include "core/text/spelling.h"

/* FNV-1a over the bytes, mixed. */
uint64_t
hwr_row_hash(const void *bytes, size_t len)
{
	uint64_t	h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ ((const uint8_t *) bytes)[i]) * UINT64_C(0x100000001b3);
	return hwr_mix64(h);
}

uint64_t
hwr_image_hash(const void *bytes, size_t len)
{
	return hwr_row_hash(bytes, len);
}

/* The same image always lands in the same split. */
static double
image_fraction(uint64_t hash)
{
	return (double) (hash >> 11) * 0x1.0p-53;
}

static bool
leave_out(HwrReadyRow *row, HwrSkip reason, const char *why)
{
	row->skip = reason;
	snprintf(row->why, sizeof(row->why), "%s", why);
	return false;
}

/* Whether a failure is of this row only: then the row is left out, with message and detail as one phrase. */
static bool
leave_out_if_bad(HwrReadyRow *row, HwrSkip reason)
{
	const HwrStatus *st = &row->st;

	if (st->code != HWR_BAD_IMAGE && st->code != HWR_IMAGE_TOO_LARGE && st->code != HWR_BAD_LABEL)
	{
		row->ok = false;
		return false;
	}
	row->skip = reason;
	hwr_status_phrase(st, row->why, sizeof(row->why));
	return false;
}

/* A training row's label must not have a character that a class of the base's has for its sign: it cannot join the alphabet. */
static bool
check_signs(const HwrAlphabet *spelt, HwrReadyRow *row)
{
	uint32_t   *codepoints;
	uint32_t	sign = 0;
	char		why[120];
	int			n;

	if (spelt == NULL || spelt->spellings == NULL)
		return true;
	if (!hwr_text_decode(row->label, strlen(row->label), &codepoints, &n, &row->st))
	{
		row->ok = false;
		return false;
	}
	for (int i = 0; i < n && sign == 0; i++)
		if (hwr_is_sign(spelt, codepoints[i]))
			sign = codepoints[i];
	free(codepoints);
	if (sign == 0)
		return true;
	snprintf(why, sizeof(why), "character U+%04X is of the private use plane in which the base model's classes have their signs",
			 (unsigned) sign);
	return leave_out(row, HWR_SKIP_LABEL, why);
}

/* Nor one that is not in the alphabet, where that may not grow. */
static bool
check_alphabet(const HwrAlphabet *alphabet, const uint32_t *codepoints, int n, HwrReadyRow *row)
{
	for (int i = 0; i < n; i++)
	{
		char		why[80];

		if (hwr_alphabet_class(alphabet, codepoints[i]) > 0)
			continue;
		snprintf(why, sizeof(why), "character U+%04X is not in the alphabet of the base model", (unsigned) codepoints[i]);
		row->foreign = true;
		return leave_out(row, HWR_SKIP_LABEL, why);
	}
	return true;
}

/* The normalised label, and the steps that it needs: its classes and a blank between equal neighbours. */
static bool
take_label(const HwrRowRules *rules, const HwrDatasetRow *from, HwrReadyRow *row, int *steps)
{
	uint32_t   *codepoints;
	int			n;
	bool		ok;

	if (!hwr_text_normalize(from->label, from->label_len, rules->mapping, &row->label, &row->st))
		return leave_out_if_bad(row, HWR_SKIP_LABEL);
	row->traits = hwr_text_traits(from->label, from->label_len);
	if (row->label[0] == '\0' && !rules->learn_empty)
		return leave_out(row, HWR_SKIP_LABEL, "empty label");
	if (!hwr_text_decode_signs(rules->spelt, row->label, strlen(row->label), &codepoints, &n, &row->st))
	{
		row->ok = false;
		return false;
	}
	*steps = hwr_ctc_min_steps((const int *) codepoints, n);
	ok = row->split == HWR_SPLIT_VALIDATION ||
		(check_signs(rules->spelt, row) &&
		 (rules->alphabet == NULL || check_alphabet(rules->alphabet, codepoints, n, row)));
	free(codepoints);
	return ok;
}

/* Whether the image, as high as the canvas, would be wider than it. */
static bool
is_squeezed(const HwrImage *img, const HwrGeometry *g, int width)
{
	return (g->fit == HWR_FIT_PAD || g->fit == HWR_FIT_LINE) &&
		(int64_t) img->width * g->height > (int64_t) (width + 1) * img->height;
}

/*
 * The canvas of an image, for net where it is known; false with HWR_BAD_IMAGE or
 * HWR_IMAGE_TOO_LARGE for a bad one.  squeezed may be NULL.
 */
static bool
make_canvas(const HwrImageLimits *limits, const HwrGeometry *g, const HwrNet *net, const HwrDatasetRow *from,
			uint8_t **ink, int *width, bool *squeezed, HwrStatus *st)
{
	HwrImage	img;
	bool		ok;

	if (!hwr_preprocess_decode(from->image, from->image_len, limits, g->fit, g->height, g->width, &img, st))
		return false;
	*width = hwr_preprocess_width(&img, g->fit, g->height, g->width);
	if (g->width == 0)			/* widths that no other image has would make minibatches of one */
		*width = (*width + HWR_WIDTH_STEP - 1) / HWR_WIDTH_STEP * HWR_WIDTH_STEP;
	if (net != NULL)
		*width = hwr_net_least_width(net, *width);
	if (squeezed != NULL)
		*squeezed = is_squeezed(&img, g, *width);
	*ink = hwr_alloc((size_t) g->height, (size_t) *width, st);
	ok = *ink != NULL && hwr_preprocess(&img, g->fit, g->height, *width, *ink, NULL, st);
	hwr_image_free(&img);
	return ok;
}

static bool
take_image(const HwrRowRules *rules, const HwrDatasetRow *from, int steps, HwrReadyRow *row)
{
	bool		ok = make_canvas(&rules->limits, &rules->geometry, &rules->net, from, &row->ink, &row->width, &row->squeezed,
								 &row->st);
	char		why[120];

	if (ok && steps > hwr_net_steps(&rules->net, row->width))
	{
		snprintf(why, sizeof(why), "label needs %d steps, the network has %d", steps, hwr_net_steps(&rules->net, row->width));
		return leave_out(row, HWR_SKIP_TOO_LONG, why);
	}
	if (ok && rules->rival.height > 0 && row->split == HWR_SPLIT_VALIDATION)
		ok = make_canvas(&rules->limits, &rules->rival, NULL, from, &row->rival_ink, &row->rival_width, NULL, &row->st);
	return ok || leave_out_if_bad(row, HWR_SKIP_IMAGE);
}

void
hwr_row_make_ready(const HwrRowRules *rules, HwrSplit split, const HwrDatasetRow *from, HwrReadyRow *row)
{
	int			steps;

	row->ok = true;
	if (from->image == NULL || from->label == NULL)
	{
		row->skip = HWR_SKIP_NULL;
		return;
	}
	row->hash = hwr_image_hash(from->image, from->image_len);
	row->split = split;
	if (split == HWR_SPLIT_AUTO)
		row->split = image_fraction(row->hash) < rules->validation_fraction ? HWR_SPLIT_VALIDATION : HWR_SPLIT_TRAIN;
	if (!take_label(rules, from, row, &steps) || !take_image(rules, from, steps, row))
		hwr_ready_row_free(row);
}

void
hwr_ready_row_free(HwrReadyRow *row)
{
	free(row->label);
	free(row->ink);
	free(row->rival_ink);
	row->label = NULL;
	row->ink = NULL;
	row->rival_ink = NULL;
}
