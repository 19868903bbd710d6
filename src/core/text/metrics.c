/*
 * metrics.c
 *	  Edit distance, alignment and the figures read off it.
 *
 * The alignment keeps one byte a cell of the (n + 1) x (m + 1) table, which way the best
 * path came, and one row of distances.  A table of more than MAX_CELLS is refused rather than
 * worked on for minutes: the limit is a reading of a thousand characters against a truth of
 * sixteen thousand, beyond any field or line of handwriting.  What the two texts
 * have in common at their ends is taken off first; that never changes the path, since an equal
 * last pair is always matched.
 */
#include "metrics.h"

#include "text.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CELLS ((size_t) 1 << 24)

/* Where the best path to a cell comes from. */
enum
{
	FROM_BOTH,					/* match or substitution */
	FROM_TRUTH,					/* deletion: the guess lacks a character */
	FROM_GUESS					/* insertion */
};

/*
 * Fill the table of directions for truth[n] against guess[m], row by row of truth, and return the
 * distance.  row has m + 1 entries; from may be NULL.
 */
static int
fill_table(const uint32_t *truth, int n, const uint32_t *guess, int m, int *row, uint8_t *from)
{
	size_t		stride = (size_t) m + 1;

	for (int j = 0; j <= m; j++)
	{
		row[j] = j;
		if (from != NULL)
			from[j] = FROM_GUESS;
	}
	for (int i = 1; i <= n; i++)
	{
		uint8_t    *line = from != NULL ? from + (size_t) i * stride : NULL;
		int			diagonal = row[0];

		row[0] = i;
		if (line != NULL)
			line[0] = FROM_TRUTH;
		for (int j = 1; j <= m; j++)
		{
			int			best = diagonal + (truth[i - 1] != guess[j - 1]);
			uint8_t		way = FROM_BOTH;

			diagonal = row[j];
			if (row[j] + 1 < best)
			{
				best = row[j] + 1;
				way = FROM_TRUTH;
			}
			if (row[j - 1] + 1 < best)
			{
				best = row[j - 1] + 1;
				way = FROM_GUESS;
			}
			row[j] = best;
			if (line != NULL)
				line[j] = way;
		}
	}
	return row[m];
}

/* Walk the table back from cell (n, m) and write the edits in reading order; returns their number. */
static int
trace_path(const uint32_t *truth, int n, const uint32_t *guess, int m, const uint8_t *from,
		   HwrEdit *edits)
{
	size_t		stride = (size_t) m + 1;
	int			count = 0;
	int			i = n;
	int			j = m;

	while (i > 0 || j > 0)
	{
		uint8_t		way = from[(size_t) i * stride + (size_t) j];
		HwrEdit    *e = &edits[count++];

		e->truth = way == FROM_GUESS ? 0 : truth[--i];
		e->guess = way == FROM_TRUTH ? 0 : guess[--j];
	}
	for (int k = 0; k < count / 2; k++)
	{
		HwrEdit		swap = edits[k];

		edits[k] = edits[count - 1 - k];
		edits[count - 1 - k] = swap;
	}
	return count;
}

bool
hwr_align(const uint32_t *truth, int n, const uint32_t *guess, int m,
		  HwrEdit **edits, int *nedits, int *distance, HwrStatus *st)
{
	int			common = 0;
	int			count;
	size_t		cells;
	HwrEdit    *out = NULL;
	int		   *row = NULL;
	uint8_t    *from = NULL;
	bool		ok = false;

	while (common < n && common < m && truth[n - 1 - common] == guess[m - 1 - common])
		common++;
	n -= common;
	m -= common;

	if (n > INT_MAX / 4 || m > INT_MAX / 4 || common > INT_MAX / 4 ||
		(size_t) n + 1 > MAX_CELLS / ((size_t) m + 1))
	{
		hwr_fail(st, HWR_BAD_DATA, "texts are too long to be compared");
		return hwr_fail_detail(st, "One has %d characters, the other %d.", n + common, m + common);
	}
	cells = ((size_t) n + 1) * ((size_t) m + 1);

	if ((out = hwr_alloc((size_t) n + (size_t) m + (size_t) common, sizeof(HwrEdit), st)) != NULL &&
		(row = hwr_alloc((size_t) m + 1, sizeof(int), st)) != NULL &&
		(from = hwr_alloc(cells, 1, st)) != NULL)
	{
		*distance = fill_table(truth, n, guess, m, row, from);
		count = trace_path(truth, n, guess, m, from, out);
		for (int k = 0; k < common; k++)
			out[count++] = (HwrEdit) {truth[n + k], guess[m + k]};
		*edits = out;
		*nedits = count;
		ok = true;
	}
	free(from);
	free(row);
	if (!ok)
		free(out);
	return ok;
}

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
			  int *words, int *distance, HwrStatus *st)
{
	int			nt = split_words(truth, n, NULL, 0);
	int			ng = split_words(guess, m, NULL, 0);
	Word	   *all = NULL;
	uint32_t   *ids = NULL;
	int		   *row = NULL;
	bool		ok = false;

	if ((all = hwr_alloc((size_t) nt + (size_t) ng, sizeof(Word), st)) != NULL &&
		(ids = hwr_alloc((size_t) nt + (size_t) ng, sizeof(uint32_t), st)) != NULL &&
		(row = hwr_alloc((size_t) ng + 1, sizeof(int), st)) != NULL)
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
		*distance = fill_table(ids, nt, ids + nt, ng, row, NULL);
		ok = true;
	}
	free(row);
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

bool
hwr_metrics_add(HwrMetrics *m, HwrConfusions *confusions, const char *truth, size_t truth_len,
				const char *guess, size_t guess_len, HwrStatus *st)
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

	ok = hwr_text_decode(truth, truth_len, &t, &nt, st) &&
		hwr_text_decode(guess, guess_len, &g, &ng, st) &&
		hwr_align(t, nt, g, ng, &edits, &nedits, &distance, st) &&
		word_distance(t, nt, g, ng, &words, &word_edits, st) &&
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
