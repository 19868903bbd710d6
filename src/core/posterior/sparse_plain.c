/*
 * sparse_plain.c
 *	  Reading what follows the head of format 2.
 */
#include "sparse_internal.h"

#define RUN 0x80
#define BLANK 0x40
#define COUNT 0x3F
#define MAX_RUN 128
#define MAX_SKIP 15

static bool
read_characters(HwrSparse *s, HwrSparseReader *r, unsigned n)
{
	uint32_t	next = 1;

	/* Each character takes a byte at least: no few bytes ask for much memory. */
	if (n > (size_t) (r->end - r->at))
		return hwr_sparse_fail(r->st, "The bytes end too early.");
	if (!hwr_alloc_room(&s->alphabet.codepoints, &s->chars_room, n, sizeof(uint32_t), r->st))
		return false;
	for (unsigned i = 0; i < n; i++)
	{
		unsigned	distance;
		uint32_t	c;

		if (!hwr_sparse_number(r, 0x10FFFF, &distance))
			return false;
		c = i == 0 ? distance : next + distance;
		if (c == 0 || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
			return hwr_sparse_fail(r->st, "A character is not one of Unicode.");
		s->alphabet.codepoints[i] = c;
		next = c + 1;
	}
	s->alphabet.n = (int) n;
	return true;
}

/* The class after the last one, and -16 ln p of it. */
static bool
get_other(const HwrSparse *s, HwrSparseReader *r, int last, unsigned *class, unsigned *q)
{
	unsigned	byte;
	unsigned	skip;

	if (!hwr_sparse_byte(r, &byte))
		return false;
	skip = byte >> 4;
	if (skip == MAX_SKIP)
	{
		if (!hwr_sparse_number(r, (unsigned) s->alphabet.n, &skip))
			return false;
		skip += MAX_SKIP;
	}
	*class = (unsigned) (last + 1) + skip;
	if (*class > (unsigned) s->alphabet.n)
		return hwr_sparse_fail(r->st, "A class is out of range.");
	if ((byte & 15) < LEVELS)
	{
		*q = hwr_posterior_levels[byte & 15];
		return true;
	}
	if (!hwr_sparse_byte(r, q))
		return false;
	return *q > hwr_posterior_levels[LEVELS - 1] || hwr_sparse_fail(r->st, "A probability is not written as a level.");
}

/* The others of a step; leaves the most probable class its share. */
static bool
read_others(HwrSparse *s, HwrSparseReader *r, unsigned best, unsigned others)
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
			return hwr_sparse_fail(r->st, "A class of a step is written twice.");
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
		return hwr_sparse_fail(r->st, "The probabilities of a step sum to more than one.");
	entries[at_best].class = (int) best;
	entries[at_best].p = (float) (1 - sum);
	s->nentries += n;
	return true;
}

/* One item of the bytes; *t is the step it begins at. */
static bool
read_step(HwrSparse *s, HwrSparseReader *r, int *t)
{
	HwrSparseStep *step;
	unsigned	byte;
	unsigned	others = 0;
	unsigned	best = 0;

	/* there is room for a step a byte, so for none where there are none */
	if (!hwr_sparse_byte(r, &byte))
		return false;
	step = &s->at[s->nsteps++];
	*step = (HwrSparseStep) {.step = *t,.run = byte & RUN ? (int) (byte & ~RUN) + 1 : 1,.entry = s->nentries};
	*t += step->run;
	if (*t > s->steps)
		return hwr_sparse_fail(r->st, "There are more steps than it says.");
	if (!(byte & RUN))
	{
		others = byte & COUNT;
		if (others == COUNT)
		{
			if (!hwr_sparse_number(r, (unsigned) s->alphabet.n, &others))
				return false;
			others += COUNT;
		}
		if ((byte & BLANK) && others == 0)
			return hwr_sparse_fail(r->st, "A step of nothing but blank is not written as one.");
		if (!(byte & BLANK))
		{
			if (!hwr_sparse_number(r, (unsigned) s->alphabet.n, &best))
				return false;
			if (best == 0)
				return hwr_sparse_fail(r->st, "A class is out of range.");
		}
		if (others > (unsigned) s->alphabet.n)
			return hwr_sparse_fail(r->st, "A step has more classes than there are.");
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
check_spelling(HwrSparse *s, HwrSparseReader *r)
{
	int			n = 0;

	if (!hwr_sparse_check_used(s, r->st))
		return false;
	for (int i = 0; i < s->nsteps; i++)
	{
		const HwrSparseStep *step = &s->at[i];
		bool		blank = step->n == 1 && s->entries[step->entry].class == 0;
		HwrSparseStep *before = n > 0 ? &s->at[n - 1] : NULL;

		if (blank && before != NULL && before->n == 1 && s->entries[before->entry].class == 0)
		{
			if (before->run % MAX_RUN != 0)
				return hwr_sparse_fail(r->st, "A run of blank is written in parts.");
			before->run += step->run;
			continue;
		}
		s->at[n++] = *step;
	}
	s->nsteps = n;
	return true;
}

bool
hwr_sparse_read_plain(HwrSparse *s, HwrSparseReader *r, int n)
{
	size_t		left;
	int			most;
	int			t = 0;

	if (!read_characters(s, r, (unsigned) n))
		return false;
	left = (size_t) (r->end - r->at);
	most = left < (size_t) s->steps ? (int) left : s->steps;

	/* An item is a byte at least and has one entry for nothing; each further entry takes one to five. */
	if (left > (size_t) s->steps * (5 * (size_t) s->alphabet.n + 8))
		return hwr_sparse_fail(r->st, "There are bytes after the last step.");
	if (!hwr_alloc_room(&s->at, &s->steps_room, (size_t) most, sizeof(HwrSparseStep), r->st) ||
		!hwr_alloc_room(&s->entries, &s->entries_room, (size_t) most + left + 1, sizeof(HwrEntry), r->st))
		return false;
	while (t < s->steps)
	{
		if (!read_step(s, r, &t))
			return false;
	}
	if (r->at != r->end)
		return hwr_sparse_fail(r->st, "There are bytes after the last step.");
	return check_spelling(s, r);
}
