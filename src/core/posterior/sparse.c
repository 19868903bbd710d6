/*
 * sparse.c
 *	  Unpacking kept posteriors, from wherever they come.
 */
#include "posterior.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/image/preprocess.h"
#include "core/text/spelling.h"
#include "posterior_codes.h"
#include "sparse_internal.h"

bool
hwr_sparse_create(HwrSparse **out, HwrStatus *st)
{
	HwrSparse  *s = hwr_alloc_zero(1, sizeof(HwrSparse), st);

	if (s == NULL)
		return false;
	s->codes = hwr_alloc_zero(1, sizeof(HwrStepCodes), st);
	if (s->codes == NULL)
	{
		free(s);
		return false;
	}
	for (int i = 0; i < 256; i++)
		s->p[i] = (float) exp(-i / SCALE);
	*out = s;
	return true;
}

void
hwr_sparse_free(HwrSparse *s)
{
	if (s == NULL)
		return;
	hwr_alphabet_free(&s->alphabet);
	free(s->at);
	free(s->entries);
	hwr_codes_free(s->codes);
	free(s->codes);
	free(s);
}

bool
hwr_sparse_fail(HwrStatus *st, const char *detail)
{
	hwr_fail(st, HWR_BAD_POSTERIOR, "not a kept posterior");
	hwr_fail_detail(st, "%s", detail);
	return false;
}

bool
hwr_sparse_byte(HwrSparseReader *r, unsigned *value)
{
	if (r->at == r->end)
		return hwr_sparse_fail(r->st, "The bytes end too early.");
	*value = *r->at++;
	return true;
}

/* A number of at most max in its shortest form. */
bool
hwr_sparse_number(HwrSparseReader *r, unsigned max, unsigned *value)
{
	unsigned	result = 0;

	for (int shift = 0; shift < 35; shift += 7)
	{
		unsigned	byte;

		if (!hwr_sparse_byte(r, &byte))
			return false;
		if (byte == 0 && shift > 0)
			break;
		if (shift == 28 && byte > 0x0F)
			break;
		result |= (byte & 0x7F) << shift;
		if (byte & 0x80)
			continue;
		if (result > max)
			break;
		*value = result;
		return true;
	}
	return hwr_sparse_fail(r->st, "A number is out of range.");
}

/* Up to the number of characters n. */
static bool
read_head(HwrSparse *s, HwrSparseReader *r, unsigned *format, unsigned *n)
{
	HwrPosteriorOrigin *origin = &s->origin;
	int			checksum;
	unsigned	byte;
	unsigned	floor_q;
	unsigned	numbers[5];
	static const unsigned max[5] = {0x110000, HWR_POSTERIOR_MAX_STEPS, HWR_POSTERIOR_MAX_WIDTH,
	HWR_POSTERIOR_MAX_WIDTH, HWR_POSTERIOR_MAX_WIDTH};

	if (!hwr_sparse_byte(r, format))
		return false;
	if (!hwr_posterior_begins((uint8_t) *format))
	{
		hwr_fail(r->st, HWR_BAD_POSTERIOR, "not a kept posterior");
		return hwr_fail_detail(r->st, "Its format is %u; this version reads formats %d, %d and %d.", *format,
							   HWR_POSTERIOR_PLAIN, HWR_POSTERIOR_FORMAT, HWR_POSTERIOR_FORMAT_SPELT);
	}
	checksum = *format == HWR_POSTERIOR_PLAIN ? 0 : CHECKSUM;
	if (r->end - r->at < checksum + HWR_POSTERIOR_HASH)
		return hwr_sparse_fail(r->st, "The bytes end too early.");
	r->at += checksum;
	memcpy(origin->hash, r->at, HWR_POSTERIOR_HASH);
	r->at += HWR_POSTERIOR_HASH;
	if (!hwr_sparse_byte(r, &byte) || !hwr_sparse_byte(r, &floor_q))
		return false;
	origin->margin = (int) (byte >> HWR_POSTERIOR_MARGIN_SHIFT);
	byte &= (1 << HWR_POSTERIOR_MARGIN_SHIFT) - 1;
	if (byte > HWR_CASE_LOWER)
		return hwr_sparse_fail(r->st, "The letter case is out of range.");
	origin->mapping = (HwrCase) byte;
	for (int i = 0; i < 5; i++)
	{
		if (!hwr_sparse_number(r, max[i], &numbers[i]))
			return false;
		if (numbers[i] == 0)
			return hwr_sparse_fail(r->st, "A number is out of range.");
	}
	origin->classes = (int) numbers[0];
	s->steps = (int) numbers[1];
	origin->canvas_width = (int) numbers[2];
	origin->content_width = (int) numbers[3];
	origin->source_width = (int) numbers[4];
	if (origin->content_width > origin->canvas_width - origin->margin)
		return hwr_sparse_fail(r->st, "The image is wider than its canvas.");
	s->floor = floor_q == NO_FLOOR ? 0 : (float) exp(-(double) floor_q / FLOOR_SCALE);
	if (s->floor * (float) origin->classes > 0.51f)
		return hwr_sparse_fail(r->st, "The floor is too high.");
	if (!hwr_sparse_number(r, (unsigned) origin->classes - 1, n))
		return false;
	return (int64_t) s->steps * ((int64_t) *n + 1) <= HWR_POSTERIOR_MAX_CELLS ||
		hwr_posterior_too_large(r->st, s->steps, (int) *n);
}

bool
hwr_sparse_check_used(HwrSparse *s, HwrStatus *st)
{
	int			used = 0;

	for (int i = 0; i < s->nentries; i++)
	{
		int			class = s->entries[i].class;

		/* The high bit is free in a code point. */
		if (class != 0 && !(s->alphabet.codepoints[class - 1] & 0x80000000u))
		{
			s->alphabet.codepoints[class - 1] |= 0x80000000u;
			used++;
		}
	}
	for (int i = 0; i < s->alphabet.n; i++)
		s->alphabet.codepoints[i] &= 0x7FFFFFFFu;
	return used == s->alphabet.n || hwr_sparse_fail(st, "A character is in no step.");
}

static void
empty(HwrSparse *s)
{
	hwr_alphabet_drop_spellings(&s->alphabet);
	s->steps = 0;
	s->alphabet.n = 0;
	s->nsteps = 0;
	s->nentries = 0;
}

/* What follows the number of characters n in a value with a checksum, whose bytes these are. */
static bool
read_sealed(HwrSparse *s, HwrSparseReader *r, bool spelt, int n, const uint8_t *bytes, size_t len)
{
	HwrSparseSpellings spellings;

	if (hwr_posterior_checksum(bytes, len) != (bytes[CHECKSUM_AT] | bytes[CHECKSUM_AT + 1] << 8))
		return hwr_sparse_fail(r->st, "The checksum is wrong.");
	if (!spelt)
		return hwr_sparse_read_coded(s, r, n);
	if (!hwr_sparse_read_spellings(&spellings, r, n))
		return false;
	if (hwr_sparse_read_coded(s, r, n))
		return hwr_sparse_spell(s, &spellings, r->st);
	free(spellings.items);
	return false;
}

bool
hwr_sparse_read(HwrSparse *s, const uint8_t *bytes, size_t len, HwrStatus *st)
{
	HwrSparseReader r = {bytes, bytes + len, st};
	unsigned	format;
	unsigned	n = 0;

	empty(s);
	if (read_head(s, &r, &format, &n) &&
		(format == HWR_POSTERIOR_PLAIN ? hwr_sparse_read_plain(s, &r, (int) n) :
		 read_sealed(s, &r, format == HWR_POSTERIOR_FORMAT_SPELT, (int) n, bytes, len)))
		return true;
	empty(s);
	return false;
}

bool
hwr_sparse_cells(const HwrSparse *s, const HwrAlphabet *alphabet, size_t *cells, HwrStatus *st)
{
	*cells = (size_t) s->steps * ((size_t) alphabet->n + 1);
	if (*cells > HWR_POSTERIOR_MAX_CELLS)
		return hwr_posterior_too_large(st, s->steps, alphabet->n);
	return true;
}

void
hwr_sparse_dense(const HwrSparse *s, const HwrAlphabet *alphabet, float *logp)
{
	size_t		K = (size_t) alphabet->n + 1;
	float		low = s->floor > 0 ? logf(s->floor) : -INFINITY;

	for (int i = 0; i < s->nsteps; i++)
	{
		const HwrSparseStep *step = &s->at[i];
		float	   *y = logp + (size_t) step->step * K;
		float		left = 1 - s->floor * (float) (s->origin.classes - step->n);

		for (size_t k = 0; k < K; k++)
			y[k] = low;
		for (int e = 0; e < step->n; e++)
		{
			const HwrEntry *entry = &s->entries[step->entry + e];
			int			k = entry->class;

			if (k != 0 && alphabet != &s->alphabet)
				k = hwr_alphabet_class(alphabet, s->alphabet.codepoints[k - 1]);
			if (k != 0 || entry->class == 0)
				y[k] = logf(entry->p * left);
		}
		for (int run = 1; run < step->run; run++)
			memcpy(y + (size_t) run * K, y, K * sizeof(float));
	}
}

double
hwr_sparse_pixel(const HwrSparse *s, int step)
{
	return hwr_content_pixel((double) step * s->origin.canvas_width / s->steps,
							 s->origin.margin, s->origin.content_width, s->origin.source_width);
}
