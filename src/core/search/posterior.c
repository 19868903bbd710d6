/*
 * posterior.c
 *	  Packing posteriors: see posterior.h for the bytes.
 */
#include "posterior.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text/spelling.h"
#include "posterior_internal.h"

/* From a half on, for nothing but the most probable class has more, down to just below the default bound. */
const uint8_t hwr_posterior_levels[LEVELS] = {12, 15, 18, 22, 26, 31, 37, 44, 52, 61, 72, 84, 98, 113, 130};

typedef struct Bytes
{
	uint8_t    *data;
	size_t		len;
	size_t		room;
	HwrStatus  *st;
	bool		failed;
} Bytes;

static void
put_byte(Bytes *b, unsigned value)
{
	if (b->failed)
		return;
	if (b->len == b->room)
	{
		size_t		room = b->room * 2 + 256;
		uint8_t    *grown = hwr_realloc(b->data, room, 1, b->st);

		if (grown == NULL)
		{
			b->failed = true;
			return;
		}
		b->data = grown;
		b->room = room;
	}
	b->data[b->len++] = (uint8_t) value;
}

static void
put_number(Bytes *b, unsigned value)
{
	for (; value >= 0x80; value >>= 7)
		put_byte(b, (value & 0x7F) | 0x80);
	put_byte(b, value);
}

/*
 * -16 ln p, rounded up: the others never have more than they had, and so the most probable class of
 * a step stays that.
 */
static int
quantum(double logp)
{
	double		q = ceil(-SCALE * logp);

	return q < 1 ? 1 : q > MAX_QUANTUM ? MAX_QUANTUM : (int) q;
}

/* What packing works with. */
typedef struct Packing
{
	const float *logp;
	int			T;
	int			K;
	double		cut;			/* log posterior below which nothing is kept */
	int		   *local;			/* [K] number in the value, 0: not kept */
} Packing;

static int
best_class(const float *y, int K)
{
	int			best = 0;

	for (int k = 1; k < K; k++)
		if (y[k] > y[best])
			best = k;
	return best;
}

static bool
is_kept(const Packing *p, const float *y, int k, int best)
{
	return k == best || y[k] >= p->cut;
}

/* Which characters are kept anywhere, and what a class that is not has on average. */
static int
survey(Packing *p, double *floor_p)
{
	double		rest = 0;
	double		dropped = 0;
	int			n = 0;

	for (int t = 0; t < p->T; t++)
	{
		const float *y = p->logp + (size_t) t * (size_t) p->K;
		int			best = best_class(y, p->K);

		for (int k = 0; k < p->K; k++)
		{
			if (is_kept(p, y, k, best))
				p->local[k] = 1;
			else
			{
				rest += exp(y[k]);
				dropped++;
			}
		}
	}
	p->local[0] = 0;
	for (int k = 1; k < p->K; k++)
		if (p->local[k])
			p->local[k] = ++n;
	*floor_p = dropped > 0 ? rest / dropped : 0;
	return n;
}

/* The floor as written: rounded, but never so high that all classes together had more than half of a step. */
static int
floor_quantum(double floor_p, int K)
{
	int			q;

	if (!(floor_p > 0))
		return NO_FLOOR;
	q = (int) (0.5 - FLOOR_SCALE * log(floor_p));
	while (q < NO_FLOOR && exp(-q / FLOOR_SCALE) * K > 0.5)
		q++;
	return q < NO_FLOOR ? q : NO_FLOOR - 1;
}

/* Whether all signs of a spelling are kept. */
static bool
is_readable(const Packing *p, const HwrAlphabet *alphabet, const HwrSpelling *item)
{
	for (int i = 0; i < item->nsigns; i++)
		if (p->local[hwr_alphabet_class(alphabet, item->signs[i])] == 0)
			return false;
	return true;
}

static void
put_spellings(Bytes *b, const Packing *p, const HwrAlphabet *alphabet)
{
	const HwrSpellings *s = alphabet->spellings;
	unsigned	n = 0;

	for (int i = 0; i < s->n; i++)
		n += is_readable(p, alphabet, &s->items[i]);
	put_byte(b, (unsigned) s->plane);
	put_number(b, n);
	for (int i = 0; i < s->n; i++)
	{
		const HwrSpelling *item = &s->items[i];

		if (!is_readable(p, alphabet, item))
			continue;
		put_number(b, (unsigned) item->nsigns);
		for (int k = 0; k < item->nsigns; k++)
			put_number(b, (unsigned) p->local[hwr_alphabet_class(alphabet, item->signs[k])]);
		put_number(b, (unsigned) item->ntext);
		for (int c = 0; c < item->ntext; c++)
			put_number(b, item->text[c]);
	}
}

static void
put_head(Bytes *b, const Packing *p, const HwrAlphabet *alphabet, const HwrPosteriorOrigin *origin, int n,
		 double floor_p)
{
	uint32_t	next = 0;

	put_byte(b, alphabet->spellings == NULL ? HWR_POSTERIOR_FORMAT : HWR_POSTERIOR_FORMAT_SPELT);
	for (int i = 0; i < HWR_POSTERIOR_HASH; i++)
		put_byte(b, origin->hash[i]);
	put_byte(b, (unsigned) origin->mapping | (unsigned) origin->margin << HWR_POSTERIOR_MARGIN_SHIFT);
	put_byte(b, (unsigned) floor_quantum(floor_p, p->K));
	put_number(b, (unsigned) p->K);
	put_number(b, (unsigned) p->T);
	put_number(b, (unsigned) origin->canvas_width);
	put_number(b, (unsigned) origin->content_width);
	put_number(b, (unsigned) origin->source_width);
	put_number(b, (unsigned) n);
	for (int k = 1; k < p->K; k++)
	{
		if (p->local[k] == 0)
			continue;
		put_number(b, alphabet->codepoints[k - 1] - next);
		next = alphabet->codepoints[k - 1] + 1;
	}
	if (alphabet->spellings != NULL)
		put_spellings(b, p, alphabet);
}

static void
put_run(Bytes *b, int *run)
{
	for (; *run > 0; *run -= *run < MAX_RUN ? *run : MAX_RUN)
		put_byte(b, RUN | (unsigned) ((*run < MAX_RUN ? *run : MAX_RUN) - 1));
	*run = 0;
}

/* A class that is not the most probable, skip classes after the last one. */
static void
put_other(Bytes *b, int skip, int q)
{
	unsigned	level = 0;

	while (level < LEVELS && hwr_posterior_levels[level] < q)
		level++;
	put_byte(b, (unsigned) (skip < MAX_SKIP ? skip : MAX_SKIP) << 4 | level);
	if (skip >= MAX_SKIP)
		put_number(b, (unsigned) (skip - MAX_SKIP));
	if (level == LEVELS)
		put_byte(b, (unsigned) q);
}

static void
put_step(Bytes *b, const Packing *p, const float *y, int best, int others)
{
	int			last = -1;

	put_byte(b, (best == 0 ? BLANK : 0) | (unsigned) (others < COUNT ? others : COUNT));
	if (others >= COUNT)
		put_number(b, (unsigned) (others - COUNT));
	if (best != 0)
		put_number(b, (unsigned) p->local[best]);
	for (int k = 0; k < p->K; k++)
	{
		if (k == best || !is_kept(p, y, k, best))
			continue;
		put_other(b, p->local[k] - last - 1, quantum(y[k]));
		last = p->local[k];
	}
}

static void
put_steps(Bytes *b, const Packing *p)
{
	int			run = 0;

	for (int t = 0; t < p->T; t++)
	{
		const float *y = p->logp + (size_t) t * (size_t) p->K;
		int			best = best_class(y, p->K);
		int			others = -1;

		for (int k = 0; k < p->K; k++)
			others += is_kept(p, y, k, best);
		if (best == 0 && others == 0)
		{
			run++;
			continue;
		}
		put_run(b, &run);
		put_step(b, p, y, best, others);
	}
	put_run(b, &run);
}

bool
hwr_posterior_too_large(HwrStatus *st, int T, int n)
{
	hwr_fail(st, HWR_BAD_POSTERIOR, "posterior is too large");
	return hwr_fail_detail(st, "It has %d steps and %d characters; the limits are %d steps, and %d for the product of both.",
						   T, n, HWR_POSTERIOR_MAX_STEPS, HWR_POSTERIOR_MAX_CELLS);
}

bool
hwr_posterior_pack(const float *logp, int T, const HwrAlphabet *alphabet, const HwrPosteriorOrigin *origin,
				   double bound, uint8_t **bytes, size_t *len, HwrStatus *st)
{
	Packing		p = {logp, T, alphabet->n + 1, 0, NULL};
	Bytes		b = {.st = st};
	double		floor_p;
	double		lowest = -MAX_QUANTUM / SCALE;
	int			n;

	if (T < 1 || T > HWR_POSTERIOR_MAX_STEPS)
		return hwr_posterior_too_large(st, T, alphabet->n);
	if (origin->canvas_width < 1 || origin->content_width < 1 || origin->margin < 0 ||
		origin->margin > HWR_POSTERIOR_MAX_MARGIN ||
		origin->content_width > origin->canvas_width - origin->margin ||
		origin->canvas_width > HWR_POSTERIOR_MAX_WIDTH ||
		origin->source_width < 1 || origin->source_width > HWR_POSTERIOR_MAX_WIDTH || p.K != origin->classes)
		return hwr_fail(st, HWR_INTERNAL, "posterior of a canvas of %d columns cannot be packed", origin->canvas_width);
	p.cut = bound > 0 && log(bound) > lowest ? log(bound) : lowest;
	p.local = hwr_alloc_zero((size_t) p.K, sizeof(int), st);
	if (p.local == NULL)
		return false;
	n = survey(&p, &floor_p);
	if ((int64_t) T * (n + 1) > HWR_POSTERIOR_MAX_CELLS)
	{
		free(p.local);
		return hwr_posterior_too_large(st, T, n);
	}
	put_head(&b, &p, alphabet, origin, n, floor_p);
	put_steps(&b, &p);
	free(p.local);
	if (b.failed)
	{
		free(b.data);
		return false;
	}
	*bytes = b.data;
	*len = b.len;
	return true;
}
