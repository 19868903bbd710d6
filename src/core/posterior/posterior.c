/*
 * posterior.c
 *	  Packing posteriors: see posterior.h for the bytes.
 */
#include "posterior.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text/spelling.h"
#include "posterior_codes.h"

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

/* The nearest level that makes a class no more probable. */
static int
level_of(int q)
{
	int			number = 0;

	while (number < LEVELS && hwr_posterior_levels[number] < q)
		number++;
	return number;
}

/* What packing works with. */
typedef struct Packing
{
	const float *logp;
	int			T;
	int			K;
	double		cut;			/* log posterior below which nothing is kept */
	int		   *local;			/* [K] number in the value, 0: not kept */
	uint8_t    *q;				/* [characters kept + 1] of a step's kept classes but the most probable, 0: not kept */
	HwrCoded   *found;			/* as many */
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

static void
put_number(HwrRangeWriter *w, unsigned value)
{
	for (; value >= 0x80; value >>= 7)
		hwr_range_put_byte(w, (value & 0x7F) | 0x80);
	hwr_range_put_byte(w, value);
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
put_spellings(HwrRangeWriter *w, const Packing *p, const HwrAlphabet *alphabet)
{
	const HwrSpellings *s = alphabet->spellings;
	unsigned	n = 0;

	for (int i = 0; i < s->n; i++)
		n += is_readable(p, alphabet, &s->items[i]);
	hwr_range_put_byte(w, (unsigned) s->plane);
	put_number(w, n);
	for (int i = 0; i < s->n; i++)
	{
		const HwrSpelling *item = &s->items[i];

		if (!is_readable(p, alphabet, item))
			continue;
		put_number(w, (unsigned) item->nsigns);
		for (int k = 0; k < item->nsigns; k++)
			put_number(w, (unsigned) p->local[hwr_alphabet_class(alphabet, item->signs[k])]);
		put_number(w, (unsigned) item->ntext);
		for (int c = 0; c < item->ntext; c++)
			put_number(w, item->text[c]);
	}
}

static void
put_head(HwrRangeWriter *w, const Packing *p, const HwrAlphabet *alphabet, const HwrPosteriorOrigin *origin, int n,
		 double floor_p)
{
	hwr_range_put_byte(w, alphabet->spellings == NULL ? HWR_POSTERIOR_FORMAT : HWR_POSTERIOR_FORMAT_SPELT);
	for (int i = 0; i < CHECKSUM; i++)
		hwr_range_put_byte(w, 0);
	for (int i = 0; i < HWR_POSTERIOR_HASH; i++)
		hwr_range_put_byte(w, origin->hash[i]);
	hwr_range_put_byte(w, (unsigned) origin->mapping | (unsigned) origin->margin << HWR_POSTERIOR_MARGIN_SHIFT);
	hwr_range_put_byte(w, (unsigned) floor_quantum(floor_p, p->K));
	put_number(w, (unsigned) p->K);
	put_number(w, (unsigned) p->T);
	put_number(w, (unsigned) origin->canvas_width);
	put_number(w, (unsigned) origin->content_width);
	put_number(w, (unsigned) origin->source_width);
	put_number(w, (unsigned) n);
	if (alphabet->spellings != NULL)
		put_spellings(w, p, alphabet);
}

/* A program that counts choices, to make posterior_odds.c with, says what these are. */
#ifndef HWR_ON_CHOICE
#define HWR_ON_CHOICE(choice, bit)
#define HWR_ON_LEVEL(odds, number)
#endif

static void
put_choice(HwrRangeWriter *w, int choice, bool bit)
{
	HWR_ON_CHOICE(choice, bit);
	hwr_range_put_bit(w, hwr_posterior_odds[choice], bit);
}

/* At least 1: as many zeros as it has bits after the first, and these. */
static void
put_distance(HwrRangeWriter *w, uint32_t value)
{
	int			bits = 0;

	while (value >> (bits + 1) != 0)
		bits++;
	for (int i = 0; i < bits; i++)
		hwr_range_put_bit(w, HWR_ODDS_EVEN, false);
	for (int i = bits; i >= 0; i--)
		hwr_range_put_bit(w, HWR_ODDS_EVEN, value >> i & 1);
}

static void
put_characters(HwrRangeWriter *w, const Packing *p, const HwrAlphabet *alphabet, int n)
{
	uint32_t	last = 0;
	int			listed = 0;
	int			k = 1;

	for (int i = 1; i < p->K; i++)
		listed += p->local[i] > 0 && alphabet->codepoints[i - 1] >= CODES_FIRST && alphabet->codepoints[i - 1] <= CODES_LAST;
	hwr_range_put_bit(w, HWR_ODDS_EVEN, listed * 2 > n);
	for (uint32_t c = CODES_FIRST; listed * 2 > n && c <= CODES_LAST; c++)
	{
		while (k < p->K && alphabet->codepoints[k - 1] < c)
			k++;
		put_choice(w, ODDS_CHARACTER + (int) (c - CODES_FIRST), k < p->K && alphabet->codepoints[k - 1] == c && p->local[k] > 0);
	}
	for (k = 1; k < p->K; k++)
	{
		uint32_t	c = alphabet->codepoints[k - 1];

		if (p->local[k] == 0 || (listed * 2 > n && c >= CODES_FIRST && c <= CODES_LAST))
			continue;
		put_distance(w, c - last);
		last = c;
	}
}

static void
put_level(HwrRangeWriter *w, int odds, int q)
{
	const uint16_t *before = hwr_posterior_odds + odds;
	int			number = level_of(q);
	uint32_t	all = number < LESS ? before[number + 1] : 2 * HWR_ODDS_EVEN;

	HWR_ON_LEVEL(odds, number);
	hwr_range_put_share(w, before[number], all - before[number], 2 * HWR_ODDS_EVEN);
	if (number == LESS)
		hwr_range_put_share(w, (uint32_t) q, 1, MAX_QUANTUM + 1);
}

static void
put_class(HwrRangeWriter *w, HwrStepCodes *codes, int class)
{
	hwr_range_put_share(w, hwr_codes_before(codes, class), codes->shares[class], codes->all);
	hwr_codes_count(codes, class);
}

/* Which class is the most probable one. */
static void
put_best(HwrRangeWriter *w, HwrStepCodes *codes, int best)
{
	const HwrCodedStep *last = &codes->last;
	int			level = ABSENT;
	int			which = -1;
	int			passed = 0;

	for (int i = 0; i < last->n; i++)
		if (last->items[i].class == best)
			level = last->items[i].level;
	for (int i = 1; i < last->n && which < 0; i++)
	{
		if (last->items[i].class == best)
			which = passed;
		passed += last->items[i].class != 0;
	}
	codes->same = level == 0;
	hwr_codes_add(codes, best, 0, level, 0);
	put_choice(w, hwr_odds_same(last), codes->same);
	if (codes->same)
		return;
	if (last->items[0].class != 0)
		put_choice(w, ODDS_BLANK + last->second, best == 0);
	if (best == 0)
		return;
	put_choice(w, ODDS_BEFORE + last->second, which >= 0);
	for (int i = 0; i < which; i++)
		put_choice(w, hwr_odds_which(i), true);
	if (which >= 0)
		put_choice(w, hwr_odds_which(which), false);
	else
		put_class(w, codes, best);
}

/* A class that may stay: q 0: it does not. */
static void
put_stay(HwrRangeWriter *w, HwrStepCodes *codes, int class, int level, int before, int q)
{
	put_choice(w, hwr_odds_stays(codes, level, before), q > 0);
	if (q == 0)
	{
		codes->told[class] = codes->step;
		return;
	}
	put_level(w, hwr_odds_level(level, before), q);
	hwr_codes_add(codes, class, hwr_codes_level(level_of(q)), level, q);
}

/* By what is written of them, so that nothing that is not decides the order. */
static int
compare_found(const void *a, const void *b)
{
	const HwrCoded *x = a;
	const HwrCoded *y = b;

	if (x->level != y->level)
		return x->level - y->level;
	return x->level == LESS && x->q != y->q ? x->q - y->q : x->class - y->class;
}

/* One step: the classes that are kept but the most probable one are in p->q, and in p->found once the others are told. */
static void
put_step(HwrRangeWriter *w, HwrStepCodes *codes, Packing *p, const float *y, int best)
{
	const HwrCodedStep *last = &codes->last;
	bool		blank = false;
	int			nfound = 0;
	int			level = 0;

	for (int k = 0; k < p->K; k++)
		if (k != best && is_kept(p, y, k, best))
			p->q[p->local[k]] = (uint8_t) quantum(y[k]);
	put_best(w, codes, p->local[best]);
	for (int i = 0; i < last->n; i++)
		blank |= last->items[i].class == 0;
	if (best != 0 && !blank)
		put_stay(w, codes, 0, ABSENT, ABSENT, p->q[0]);
	for (int i = 0; i < last->n; i++)
		if (last->items[i].class != p->local[best])
			put_stay(w, codes, last->items[i].class, last->items[i].level, last->items[i].before, p->q[last->items[i].class]);
	for (int k = 1; k < p->K; k++)
		if (k != best && is_kept(p, y, k, best) && codes->told[p->local[k]] != codes->step)
		{
			int			q = p->q[p->local[k]];

			p->found[nfound++] = (HwrCoded) {.class = p->local[k],.level = (uint8_t) level_of(q),.q = (uint8_t) q};
		}
	qsort(p->found, (size_t) nfound, sizeof(HwrCoded), compare_found);
	for (int i = 0; i < nfound; i++)
	{
		put_choice(w, hwr_odds_more(codes, i, level), true);
		put_level(w, hwr_odds_new(codes, level), p->found[i].q);
		put_class(w, codes, p->found[i].class);
		level = hwr_codes_level(level_of(p->found[i].q));
		hwr_codes_add(codes, p->found[i].class, level, ABSENT, p->found[i].q);
	}
	put_choice(w, hwr_odds_more(codes, nfound, level), false);
	for (int i = 0; i < codes->now.n; i++)
		p->q[codes->now.items[i].class] = 0;
	hwr_codes_next(codes);
}

bool
hwr_posterior_too_large(HwrStatus *st, int T, int n)
{
	hwr_fail(st, HWR_BAD_POSTERIOR, "posterior is too large");
	return hwr_fail_detail(st, "It has %d steps and %d characters; the limits are %d steps, and %d for the product of both.",
						   T, n, HWR_POSTERIOR_MAX_STEPS, HWR_POSTERIOR_MAX_CELLS);
}

/* All bytes, with n characters kept. */
static bool
put_value(HwrRangeWriter *w, Packing *p, const HwrAlphabet *alphabet, const HwrPosteriorOrigin *origin, int n, double floor_p)
{
	HwrStepCodes codes = {0};
	size_t		head;

	p->q = hwr_alloc_zero((size_t) n + 1, 1, w->st);
	p->found = hwr_alloc((size_t) n + 1, sizeof(HwrCoded), w->st);
	if (p->q == NULL || p->found == NULL || !hwr_codes_begin(&codes, n + 1, w->st))
	{
		hwr_codes_free(&codes);
		return false;
	}
	put_head(w, p, alphabet, origin, n, floor_p);
	head = w->len;
	hwr_range_begin(w);
	put_characters(w, p, alphabet, n);
	for (int t = 0; t < p->T; t++)
	{
		const float *y = p->logp + (size_t) t * (size_t) p->K;

		put_step(w, &codes, p, y, best_class(y, p->K));
	}
	hwr_range_end(w);
	hwr_codes_free(&codes);
	if (w->failed)
		return false;
	while (w->len > head && w->data[w->len - 1] == 0)
		w->len--;
	hwr_posterior_seal(w->data, w->len);
	return true;
}

bool
hwr_posterior_pack(const float *logp, int T, const HwrAlphabet *alphabet, const HwrPosteriorOrigin *origin,
				   double bound, uint8_t **bytes, size_t *len, HwrStatus *st)
{
	Packing		p = {.logp = logp,.T = T,.K = alphabet->n + 1};
	HwrRangeWriter w = {.st = st};
	double		floor_p;
	double		lowest = -MAX_QUANTUM / SCALE;
	int			n;
	bool		ok;

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
	ok = (int64_t) T * (n + 1) <= HWR_POSTERIOR_MAX_CELLS ? put_value(&w, &p, alphabet, origin, n, floor_p) :
		hwr_posterior_too_large(st, T, n);
	free(p.local);
	free(p.q);
	free(p.found);
	if (!ok)
	{
		free(w.data);
		return false;
	}
	*bytes = w.data;
	*len = w.len;
	return true;
}
