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
#include "posterior_internal.h"

bool
hwr_sparse_create(HwrSparse **out, HwrStatus *st)
{
	HwrSparse  *s = hwr_alloc_zero(1, sizeof(HwrSparse), st);

	if (s == NULL)
		return false;
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
	free(s);
}

/* What is being read. */
typedef struct Reader
{
	const uint8_t *at;
	const uint8_t *end;
	HwrStatus  *st;
} Reader;

static bool
fail_bytes(HwrStatus *st, const char *detail)
{
	hwr_fail(st, HWR_BAD_POSTERIOR, "not a kept posterior");
	hwr_fail_detail(st, "%s", detail);
	return false;
}

static bool
get_byte(Reader *r, unsigned *value)
{
	if (r->at == r->end)
		return fail_bytes(r->st, "The bytes end too early.");
	*value = *r->at++;
	return true;
}

/* A number of at most max in its shortest form. */
static bool
get_number(Reader *r, unsigned max, unsigned *value)
{
	unsigned	result = 0;

	for (int shift = 0; shift < 35; shift += 7)
	{
		unsigned	byte;

		if (!get_byte(r, &byte))
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
	return fail_bytes(r->st, "A number is out of range.");
}

static bool
read_alphabet(HwrSparse *s, Reader *r)
{
	unsigned	n;
	uint32_t	next = 1;

	if (!get_number(r, (unsigned) s->origin.classes - 1, &n))
		return false;
	/* Each character takes a byte at least: no few bytes ask for much memory. */
	if (n > (size_t) (r->end - r->at))
		return fail_bytes(r->st, "The bytes end too early.");
	if ((int64_t) s->steps * ((int64_t) n + 1) > HWR_POSTERIOR_MAX_CELLS)
		return hwr_posterior_too_large(r->st, s->steps, (int) n);
	if (!hwr_alloc_room(&s->alphabet.codepoints, &s->chars_room, n, sizeof(uint32_t), r->st))
		return false;
	for (unsigned i = 0; i < n; i++)
	{
		unsigned	distance;
		uint32_t	c;

		if (!get_number(r, 0x10FFFF, &distance))
			return false;
		c = i == 0 ? distance : next + distance;
		if (c == 0 || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
			return fail_bytes(r->st, "A character is not one of Unicode.");
		s->alphabet.codepoints[i] = c;
		next = c + 1;
	}
	s->alphabet.n = (int) n;
	return true;
}

static bool
read_spelling(const HwrSparse *s, Reader *r, HwrSpelling *item)
{
	unsigned	n;

	if (!get_number(r, HWR_SPELLING_LENGTH, &n))
		return false;
	for (item->nsigns = 0; item->nsigns < (int) n; item->nsigns++)
	{
		unsigned	class;

		if (!get_number(r, (unsigned) s->alphabet.n, &class))
			return false;
		if (class == 0)
			return fail_bytes(r->st, "A class is out of range.");
		item->signs[item->nsigns] = s->alphabet.codepoints[class - 1];
	}
	if (!get_number(r, HWR_SPELLING_LENGTH, &n))
		return false;
	for (item->ntext = 0; item->ntext < (int) n; item->ntext++)
	{
		unsigned	c;

		if (!get_number(r, 0x10FFFF, &c))
			return false;
		if (c >= 0xD800 && c < 0xE000)
			return fail_bytes(r->st, "A character is not one of Unicode.");
		item->text[item->ntext] = c;
	}
	return item->ntext > 0 || fail_bytes(r->st, "A text is empty.");
}

static bool
is_above(const HwrSpelling *a, const HwrSpelling *b)
{
	for (int i = 0; i < a->nsigns && i < b->nsigns; i++)
		if (a->signs[i] != b->signs[i])
			return a->signs[i] > b->signs[i];
	return a->nsigns > b->nsigns;
}

static bool
read_spellings(HwrSparse *s, Reader *r)
{
	HwrSpelling *items;
	unsigned	plane;
	unsigned	n;
	HwrStatus	reason = {0};
	bool		ok = true;

	if (!get_byte(r, &plane) || !get_number(r, HWR_SPELLINGS, &n))
		return false;
	if (plane < HWR_SPELLING_FIRST_PLANE || plane > HWR_SPELLING_LAST_PLANE)
		return fail_bytes(r->st, "The plane of its signs is out of range.");
	/* each takes four bytes at least */
	if (n > (size_t) (r->end - r->at) / 4)
		return fail_bytes(r->st, "The bytes end too early.");
	items = hwr_alloc_zero(n, sizeof(HwrSpelling), r->st);
	if (items == NULL)
		return false;
	for (unsigned i = 0; ok && i < n; i++)
	{
		ok = read_spelling(s, r, &items[i]);
		if (ok && i > 0 && !is_above(&items[i], &items[i - 1]))
			ok = fail_bytes(r->st, "Its spellings are not in order.");
	}
	if (!ok)
	{
		free(items);
		return false;
	}
	if (hwr_alphabet_set_spellings(&s->alphabet, (int) plane, items, (int) n, &reason))
		return true;
	if (reason.code == HWR_BAD_DATA)
		return fail_bytes(r->st, reason.detail);
	*r->st = reason;
	return false;
}

static bool
read_head(HwrSparse *s, Reader *r)
{
	HwrPosteriorOrigin *origin = &s->origin;
	unsigned	byte;
	bool		spelt;
	unsigned	floor_q;
	unsigned	numbers[5];
	static const unsigned max[5] = {0x110000, HWR_POSTERIOR_MAX_STEPS, HWR_POSTERIOR_MAX_WIDTH,
	HWR_POSTERIOR_MAX_WIDTH, HWR_POSTERIOR_MAX_WIDTH};

	if (!get_byte(r, &byte))
		return false;
	spelt = byte == HWR_POSTERIOR_FORMAT_SPELT;
	if (byte != HWR_POSTERIOR_FORMAT && !spelt)
	{
		hwr_fail(r->st, HWR_BAD_POSTERIOR, "not a kept posterior");
		return hwr_fail_detail(r->st, "Its format is %u; this version reads formats %d and %d.", byte, HWR_POSTERIOR_FORMAT,
							   HWR_POSTERIOR_FORMAT_SPELT);
	}
	if (r->end - r->at < HWR_POSTERIOR_HASH)
		return fail_bytes(r->st, "The bytes end too early.");
	memcpy(origin->hash, r->at, HWR_POSTERIOR_HASH);
	r->at += HWR_POSTERIOR_HASH;
	if (!get_byte(r, &byte) || !get_byte(r, &floor_q))
		return false;
	origin->margin = (int) (byte >> HWR_POSTERIOR_MARGIN_SHIFT);
	byte &= (1 << HWR_POSTERIOR_MARGIN_SHIFT) - 1;
	if (byte > HWR_CASE_LOWER)
		return fail_bytes(r->st, "The letter case is out of range.");
	origin->mapping = (HwrCase) byte;
	for (int i = 0; i < 5; i++)
	{
		if (!get_number(r, max[i], &numbers[i]))
			return false;
		if (numbers[i] == 0)
			return fail_bytes(r->st, "A number is out of range.");
	}
	origin->classes = (int) numbers[0];
	s->steps = (int) numbers[1];
	origin->canvas_width = (int) numbers[2];
	origin->content_width = (int) numbers[3];
	origin->source_width = (int) numbers[4];
	if (origin->content_width > origin->canvas_width - origin->margin)
		return fail_bytes(r->st, "The image is wider than its canvas.");
	s->floor = floor_q == NO_FLOOR ? 0 : (float) exp(-(double) floor_q / FLOOR_SCALE);
	if (s->floor * (float) origin->classes > 0.51f)
		return fail_bytes(r->st, "The floor is too high.");
	return read_alphabet(s, r) && (!spelt || read_spellings(s, r));
}

/* The class after the last one, and -16 ln p of it. */
static bool
get_other(const HwrSparse *s, Reader *r, int last, unsigned *class, unsigned *q)
{
	unsigned	byte;
	unsigned	skip;

	if (!get_byte(r, &byte))
		return false;
	skip = byte >> 4;
	if (skip == MAX_SKIP)
	{
		if (!get_number(r, (unsigned) s->alphabet.n, &skip))
			return false;
		skip += MAX_SKIP;
	}
	*class = (unsigned) (last + 1) + skip;
	if (*class > (unsigned) s->alphabet.n)
		return fail_bytes(r->st, "A class is out of range.");
	if ((byte & 15) < LEVELS)
	{
		*q = hwr_posterior_levels[byte & 15];
		return true;
	}
	if (!get_byte(r, q))
		return false;
	return *q > hwr_posterior_levels[LEVELS - 1] || fail_bytes(r->st, "A probability is not written as a level.");
}

/* The others of a step; leaves the most probable class its share. */
static bool
read_others(HwrSparse *s, Reader *r, unsigned best, unsigned others)
{
	HwrEntry   *entries = s->entries + s->nentries;
	int			n = 0;
	int			at_best = -1;
	double		sum = 0;
	int			last = -1;

	for (unsigned i = 0; i < others; i++)
	{
		unsigned	class;
		unsigned	q;

		if (!get_other(s, r, last, &class, &q))
			return false;
		if (class == best)
			return fail_bytes(r->st, "A class of a step is written twice.");
		if (at_best < 0 && class > best)
			at_best = n++;
		entries[n].class = (int) class;
		entries[n++].p = s->p[q];
		sum += s->p[q];
		last = (int) class;
	}
	if (at_best < 0)
		at_best = n++;
	if (sum >= 1)
		return fail_bytes(r->st, "The probabilities of a step sum to more than one.");
	entries[at_best].class = (int) best;
	entries[at_best].p = (float) (1 - sum);
	s->nentries += n;
	return true;
}

/* One item of the bytes; *t is the step it begins at. */
static bool
read_step(HwrSparse *s, Reader *r, int *t)
{
	HwrSparseStep *step;
	unsigned	byte;
	unsigned	others = 0;
	unsigned	best = 0;

	/* there is room for a step a byte, so for none where there are none */
	if (!get_byte(r, &byte))
		return false;
	step = &s->at[s->nsteps++];
	*step = (HwrSparseStep) {.step = *t,.run = byte & RUN ? (int) (byte & ~RUN) + 1 : 1,.entry = s->nentries};
	*t += step->run;
	if (*t > s->steps)
		return fail_bytes(r->st, "There are more steps than it says.");
	if (!(byte & RUN))
	{
		others = byte & COUNT;
		if (others == COUNT)
		{
			if (!get_number(r, (unsigned) s->alphabet.n, &others))
				return false;
			others += COUNT;
		}
		if ((byte & BLANK) && others == 0)
			return fail_bytes(r->st, "A step of nothing but blank is not written as one.");
		if (!(byte & BLANK))
		{
			if (!get_number(r, (unsigned) s->alphabet.n, &best))
				return false;
			if (best == 0)
				return fail_bytes(r->st, "A class is out of range.");
		}
		if (others > (unsigned) s->alphabet.n)
			return fail_bytes(r->st, "A step has more classes than there are.");
	}
	if (!read_others(s, r, best, others))
		return false;
	step->n = s->nentries - step->entry;
	return true;
}

/*
 * Runs as long as they can be, and every character of the alphabet somewhere: there is one way to
 * write a value.
 */
static bool
check_spelling(HwrSparse *s, Reader *r)
{
	int			used = 0;
	int			n = 0;

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
	if (used != s->alphabet.n)
		return fail_bytes(r->st, "A character is in no step.");

	for (int i = 0; i < s->nsteps; i++)
	{
		const HwrSparseStep *step = &s->at[i];
		bool		blank = step->n == 1 && s->entries[step->entry].class == 0;
		HwrSparseStep *before = n > 0 ? &s->at[n - 1] : NULL;

		if (blank && before != NULL && before->n == 1 && s->entries[before->entry].class == 0)
		{
			if (before->run % MAX_RUN != 0)
				return fail_bytes(r->st, "A run of blank is written in parts.");
			before->run += step->run;
			continue;
		}
		s->at[n++] = *step;
	}
	s->nsteps = n;
	return true;
}

static bool
read_steps(HwrSparse *s, Reader *r)
{
	size_t		left = (size_t) (r->end - r->at);
	int			most = left < (size_t) s->steps ? (int) left : s->steps;
	int			t = 0;

	/* An item is a byte at least and has one entry for nothing; each further entry takes one to five. */
	if (left > (size_t) s->steps * (5 * (size_t) s->alphabet.n + 8))
		return fail_bytes(r->st, "There are bytes after the last step.");
	if (!hwr_alloc_room(&s->at, &s->steps_room, (size_t) most, sizeof(HwrSparseStep), r->st) ||
		!hwr_alloc_room(&s->entries, &s->entries_room, (size_t) most + left + 1, sizeof(HwrEntry), r->st))
		return false;
	while (t < s->steps)
	{
		if (!read_step(s, r, &t))
			return false;
	}
	if (r->at != r->end)
		return fail_bytes(r->st, "There are bytes after the last step.");
	return check_spelling(s, r);
}

bool
hwr_sparse_read(HwrSparse *s, const uint8_t *bytes, size_t len, HwrStatus *st)
{
	Reader		r = {bytes, bytes + len, st};

	hwr_alphabet_drop_spellings(&s->alphabet);
	s->steps = 0;
	s->alphabet.n = 0;
	s->nsteps = 0;
	s->nentries = 0;
	if (read_head(s, &r) && read_steps(s, &r))
		return true;
	hwr_alphabet_drop_spellings(&s->alphabet);
	s->steps = 0;
	s->alphabet.n = 0;
	s->nsteps = 0;
	s->nentries = 0;
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
