/*
 * posterior.c
 *	  Packing posteriors: see posterior.h for the bytes.
 */
#include "posterior.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RUN 0x80
#define BLANK 0x40
#define COUNT 0x3F
#define MAX_RUN 128
#define NO_FLOOR 255

/* -16 ln p of the least probable class that can be written. */
#define MAX_QUANTUM 255
#define SCALE 16.0
#define FLOOR_SCALE 8.0

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
 * -16 ln p, rounded up: the others never have more than they had, and so the most probable class of a step stays
 * that.
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

static void
put_head(Bytes *b, const Packing *p, const HwrAlphabet *alphabet, const HwrPosteriorOrigin *origin, int n,
		 double floor_p)
{
	uint32_t	next = 0;

	put_byte(b, HWR_POSTERIOR_FORMAT);
	for (int i = 0; i < HWR_POSTERIOR_HASH; i++)
		put_byte(b, origin->hash[i]);
	put_byte(b, (unsigned) origin->mapping);
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
}

static void
put_run(Bytes *b, int *run)
{
	for (; *run > 0; *run -= *run < MAX_RUN ? *run : MAX_RUN)
		put_byte(b, RUN | (unsigned) ((*run < MAX_RUN ? *run : MAX_RUN) - 1));
	*run = 0;
}

static void
put_step(Bytes *b, const Packing *p, const float *y, int best, int others)
{
	put_byte(b, (best == 0 ? BLANK : 0) | (unsigned) (others < COUNT ? others : COUNT));
	if (others >= COUNT)
		put_number(b, (unsigned) (others - COUNT));
	if (best != 0)
		put_number(b, (unsigned) p->local[best]);
	for (int k = 0; k < p->K; k++)
	{
		if (k == best || !is_kept(p, y, k, best))
			continue;
		put_number(b, (unsigned) p->local[k]);
		put_byte(b, (unsigned) quantum(y[k]));
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

static bool
fail_large(HwrStatus *st, int T, int n)
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
		return fail_large(st, T, alphabet->n);
	if (origin->canvas_width < 1 || origin->content_width < 1 || origin->content_width > origin->canvas_width ||
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
		return fail_large(st, T, n);
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
	free(s->alphabet.codepoints);
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

/* Room for n things of that size in an array that need not keep them. */
static bool
make_room(void *array, int *room, int n, size_t size, HwrStatus *st)
{
	void	  **p = array;

	if (n <= *room)
		return true;
	free(*p);
	*room = 0;
	*p = hwr_alloc((size_t) n + (size_t) n / 2, size, st);
	if (*p == NULL)
		return false;
	*room = n + n / 2;
	return true;
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
		return fail_large(r->st, s->steps, (int) n);
	if (!make_room(&s->alphabet.codepoints, &s->chars_room, (int) n, sizeof(uint32_t), r->st))
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
read_head(HwrSparse *s, Reader *r)
{
	HwrPosteriorOrigin *origin = &s->origin;
	unsigned	byte;
	unsigned	floor_q;
	unsigned	numbers[5];
	static const unsigned max[5] = {0x110000, HWR_POSTERIOR_MAX_STEPS, HWR_POSTERIOR_MAX_WIDTH,
	HWR_POSTERIOR_MAX_WIDTH, HWR_POSTERIOR_MAX_WIDTH};

	if (!get_byte(r, &byte))
		return false;
	if (byte != HWR_POSTERIOR_FORMAT)
	{
		hwr_fail(r->st, HWR_BAD_POSTERIOR, "not a kept posterior");
		return hwr_fail_detail(r->st, "Its format is %u; this version reads format %d.", byte, HWR_POSTERIOR_FORMAT);
	}
	if (r->end - r->at < HWR_POSTERIOR_HASH)
		return fail_bytes(r->st, "The bytes end too early.");
	memcpy(origin->hash, r->at, HWR_POSTERIOR_HASH);
	r->at += HWR_POSTERIOR_HASH;
	if (!get_byte(r, &byte) || !get_byte(r, &floor_q))
		return false;
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
	if (origin->content_width > origin->canvas_width)
		return fail_bytes(r->st, "The image is wider than its canvas.");
	s->floor = floor_q == NO_FLOOR ? 0 : (float) exp(-(double) floor_q / FLOOR_SCALE);
	if (s->floor * (float) origin->classes > 0.51f)
		return fail_bytes(r->st, "The floor is too high.");
	return read_alphabet(s, r);
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

		if (!get_number(r, (unsigned) s->alphabet.n, &class) || !get_byte(r, &q))
			return false;
		if ((int) class <= last || class == best)
			return fail_bytes(r->st, "The classes of a step are not in order.");
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
	HwrSparseStep *step = &s->at[s->nsteps++];
	unsigned	byte;
	unsigned	others = 0;
	unsigned	best = 0;

	if (!get_byte(r, &byte))
		return false;
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

/* Runs as long as they can be, and every character of the alphabet somewhere: there is one way to write a value. */
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

	/* An item is a byte at least and has one entry for nothing; each further entry takes two. */
	if (left > (size_t) s->steps * (2 * (size_t) s->alphabet.n + 8) * 2)
		return fail_bytes(r->st, "There are bytes after the last step.");
	if (!make_room(&s->at, &s->steps_room, most, sizeof(HwrSparseStep), r->st) ||
		!make_room(&s->entries, &s->entries_room, most + (int) (left / 2) + 1, sizeof(HwrEntry), r->st))
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

	s->steps = 0;
	s->alphabet.n = 0;
	s->nsteps = 0;
	s->nentries = 0;
	if (read_head(s, &r) && read_steps(s, &r))
		return true;
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
		return fail_large(st, s->steps, alphabet->n);
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
	double		column = (double) step * s->origin.canvas_width / s->steps;

	if (column > s->origin.content_width)
		column = s->origin.content_width;
	return column * s->origin.source_width / s->origin.content_width;
}
