/*
 * metrics.c
 *	  The figures read off an alignment.
 */
#include "metrics.h"

#include "align.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * Words
 */

typedef struct Word
{
	const uint32_t *start;
	int			length;
	int			place;			/* where it stands: truth's words first, then guess's */
} Word;

/* Split at white space; words may be NULL to count only. */
static int
split_words(const uint32_t *text, int n, Word *words, int first_place)
{
	int			count = 0;

	for (int i = 0; i < n;)
	{
		int			start = i;

		while (i < n && !hwr_text_is_space(text[i]))
			i++;
		if (i > start)
		{
			if (words != NULL)
				words[count] = (Word) {text + start, i - start, first_place + count};
			count++;
		}
		else
			i++;
	}
	return count;
}

static int
compare_words(const void *a, const void *b)
{
	const Word *x = a;
	const Word *y = b;

	if (x->length != y->length)
		return x->length < y->length ? -1 : 1;
	return memcmp(x->start, y->start, (size_t) x->length * sizeof(uint32_t));
}

/* Number equal words alike, then count edits over the numbers. */
static bool
word_distance(const uint32_t *truth, int n, const uint32_t *guess, int m,
			  int *words, int *distance, HwrStopFn stop, void *stop_arg, HwrStatus *st)
{
	int			nt = split_words(truth, n, NULL, 0);
	int			ng = split_words(guess, m, NULL, 0);
	Word	   *all = NULL;
	uint32_t   *ids = NULL;
	bool		ok = false;

	if ((all = hwr_alloc((size_t) nt + (size_t) ng, sizeof(Word), st)) != NULL &&
		(ids = hwr_alloc((size_t) nt + (size_t) ng, sizeof(uint32_t), st)) != NULL)
	{
		uint32_t	id = 0;

		split_words(truth, n, all, 0);
		split_words(guess, m, all + nt, nt);
		qsort(all, (size_t) (nt + ng), sizeof(Word), compare_words);
		for (int i = 0; i < nt + ng; i++)
		{
			if (i > 0 && compare_words(&all[i - 1], &all[i]) != 0)
				id++;
			ids[all[i].place] = id;
		}
		*words = nt;
		ok = hwr_edit_distance(ids, nt, ids + nt, ng, distance, stop, stop_arg, st);
	}
	free(ids);
	free(all);
	return ok;
}

/*
 * Sums
 */

/* Room for more pairs, so that counting cannot fail half-way. */
static bool
reserve_pairs(HwrConfusions *c, int more, HwrStatus *st)
{
	HwrConfusion *grown;
	int			capacity;

	if (more <= c->capacity - c->n)
		return true;
	capacity = c->n + more + c->capacity / 2;
	grown = hwr_realloc(c->pairs, (size_t) capacity, sizeof(HwrConfusion), st);
	if (grown == NULL)
		return false;
	c->pairs = grown;
	c->capacity = capacity;
	return true;
}

static void
count_pair(HwrConfusions *c, uint32_t truth, uint32_t guess, int64_t count)
{
	int			lo = 0;
	int			hi = c->n;

	while (lo < hi)
	{
		int			mid = lo + (hi - lo) / 2;
		const HwrConfusion *p = &c->pairs[mid];

		if (p->truth < truth || (p->truth == truth && p->guess < guess))
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == c->n || c->pairs[lo].truth != truth || c->pairs[lo].guess != guess)
	{
		memmove(&c->pairs[lo + 1], &c->pairs[lo], (size_t) (c->n - lo) * sizeof(HwrConfusion));
		c->pairs[lo] = (HwrConfusion) {truth, guess, 0};
		c->n++;
	}
	c->pairs[lo].count += count;
}

static void
count_edits(HwrMetrics *m, HwrConfusions *confusions, const HwrEdit *edits, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (edits[i].truth == edits[i].guess)
			m->hits++;
		else if (edits[i].truth == 0)
			m->insertions++;
		else if (edits[i].guess == 0)
			m->deletions++;
		else
			m->substitutions++;
		if (confusions != NULL)
			count_pair(confusions, edits[i].truth, edits[i].guess, 1);
	}
}

/* Code points of a text in NFC. */
static bool
decode_composed(const char *utf8, size_t len, uint32_t **codepoints, int *n, HwrStatus *st)
{
	char	   *composed = NULL;
	size_t		composed_len;
	bool		ok;

	if (!hwr_text_compose(utf8, len, &composed, &composed_len, st))
		return false;
	ok = composed != NULL ? hwr_text_decode(composed, composed_len, codepoints, n, st) :
		hwr_text_decode(utf8, len, codepoints, n, st);
	free(composed);
	return ok;
}

bool
hwr_metrics_add_until(HwrMetrics *m, HwrConfusions *confusions, const char *truth, size_t truth_len,
					  const char *guess, size_t guess_len, HwrStopFn stop, void *stop_arg, HwrStatus *st)
{
	uint32_t   *t = NULL;
	uint32_t   *g = NULL;
	HwrEdit    *edits = NULL;
	int			nt = 0,
				ng = 0,
				nedits = 0,
				distance = 0,
				words = 0,
				word_edits = 0;
	bool		ok;

	ok = decode_composed(truth, truth_len, &t, &nt, st) &&
		decode_composed(guess, guess_len, &g, &ng, st) &&
		hwr_align_until(t, nt, g, ng, &edits, &nedits, &distance, stop, stop_arg, st) &&
		word_distance(t, nt, g, ng, &words, &word_edits, stop, stop_arg, st) &&
		(confusions == NULL || reserve_pairs(confusions, nedits, st));
	if (ok)
	{
		m->images++;
		m->exact += distance == 0;
		m->chars += nt;
		m->words += words;
		m->word_edits += word_edits;
		count_edits(m, confusions, edits, nedits);
	}
	free(edits);
	free(g);
	free(t);
	return ok;
}

bool
hwr_metrics_add(HwrMetrics *m, HwrConfusions *confusions, const char *truth, size_t truth_len,
				const char *guess, size_t guess_len, HwrStatus *st)
{
	return hwr_metrics_add_until(m, confusions, truth, truth_len, guess, guess_len, NULL, NULL, st);
}

bool
hwr_confusions_count(HwrConfusions *confusions, uint32_t truth, uint32_t guess, int64_t count,
					 HwrStatus *st)
{
	if (!reserve_pairs(confusions, 1, st))
		return false;
	count_pair(confusions, truth, guess, count);
	return true;
}

void
hwr_confusions_free(HwrConfusions *confusions)
{
	free(confusions->pairs);
	confusions->pairs = NULL;
	confusions->n = 0;
	confusions->capacity = 0;
}

static double
ratio(double numerator, int64_t denominator)
{
	return denominator > 0 ? numerator / (double) denominator : NAN;
}

double
hwr_metrics_loss(const HwrMetrics *m)
{
	return ratio(m->loss_sum, m->loss_count);
}

double
hwr_metrics_cer(const HwrMetrics *m)
{
	return ratio((double) (m->substitutions + m->insertions + m->deletions), m->chars);
}

double
hwr_metrics_wer(const HwrMetrics *m)
{
	return ratio((double) m->word_edits, m->words);
}

double
hwr_metrics_exact(const HwrMetrics *m)
{
	return ratio((double) m->exact, m->images);
}

double
hwr_metrics_precision(const HwrMetrics *m)
{
	return ratio((double) m->hits, m->hits + m->substitutions + m->insertions);
}

double
hwr_metrics_recall(const HwrMetrics *m)
{
	return ratio((double) m->hits, m->hits + m->substitutions + m->deletions);
}

/* 2 P R / (P + R) over counts, which stays defined where one of the two is not. */
double
hwr_metrics_f1(const HwrMetrics *m)
{
	return ratio(2.0 * (double) m->hits,
				 2 * m->hits + 2 * m->substitutions + m->insertions + m->deletions);
}
