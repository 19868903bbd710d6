/*
 * search_cases.h
 *	  Small kept posteriors, and all texts that they can stand for, by enumeration.
 */
#ifndef SEARCH_CASES_H
#define SEARCH_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode_cases.h"
#include "core/posterior/posterior.h"
#include "core/text/fold.h"

/* A value over these characters, ascending, from random posteriors; what is below bound is not kept. */
static inline HwrSparse *
random_sparse(uint32_t stream, int T, const uint32_t *codepoints, int n, double size, double bound)
{
	float	   *logp = malloc((size_t) T * ((size_t) n + 1) * sizeof(float));
	HwrAlphabet alphabet = {n, (uint32_t *) codepoints, NULL};
	HwrPosteriorOrigin origin = {{1, 2, 3}, HWR_CASE_KEEP, n + 1, 10 * T, 0, 10 * T, 20 * T};
	HwrStatus	st;
	uint8_t    *bytes;
	size_t		len;
	HwrSparse  *s;

	random_posteriors(stream, T, n + 1, size, logp);
	assert_true(hwr_posterior_pack(logp, T, &alphabet, &origin, bound, &bytes, &len, &st));
	assert_true(hwr_sparse_create(&s, &st));
	assert_true(hwr_sparse_read(s, bytes, len, &st));
	free(bytes);
	free(logp);
	return s;
}

/* One alignment: its text, the first and last step of each character, and its probability. */
typedef struct Path
{
	int			n;
	uint32_t	text[16];
	int			first[16];
	int			last[16];
	double		p;
} Path;

/* Every alignment of what was kept, one after the other; false after the last.  Start with choice[] all 0 and *more true. */
static inline bool
next_path(const HwrSparse *s, int *choice, bool *more, Path *path)
{
	int			last = 0;
	int			i;

	if (!*more)
		return false;
	path->n = 0;
	path->p = 1;
	for (i = 0; i < s->nsteps; i++)
	{
		const HwrEntry *e = &s->entries[s->at[i].entry + choice[i]];

		path->p *= e->p;
		if (e->class != 0 && e->class == last)
			path->last[path->n - 1] = s->at[i].step;
		else if (e->class != 0)
		{
			path->first[path->n] = path->last[path->n] = s->at[i].step;
			path->text[path->n++] = s->alphabet.codepoints[e->class - 1];
		}
		last = e->class;
	}
	for (i = 0; i < s->nsteps && ++choice[i] == s->at[i].n; i++)
		choice[i] = 0;
	*more = i < s->nsteps;
	return true;
}

/* The text as a search sees it, with one separator before and after, and none doubled; returns the number of symbols. */
static inline int
fold_path(const Path *path, uint32_t *out)
{
	int			n = 0;

	out[n++] = HWR_SEPARATOR;
	for (int i = 0; i < path->n; i++)
	{
		HwrFold		fold = hwr_fold(path->text[i]);

		for (int j = 0; j < fold.n; j++)
			if (fold.symbols[j] != HWR_SEPARATOR || out[n - 1] != HWR_SEPARATOR)
				out[n++] = fold.symbols[j];
	}
	if (out[n - 1] != HWR_SEPARATOR)
		out[n++] = HWR_SEPARATOR;
	return n;
}

#endif							/* SEARCH_CASES_H */
