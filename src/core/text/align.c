/*
 * align.c
 *	  Edit distance and alignment.
 *
 * A table holds one byte a cell of (n + 1) x (m + 1), which way the best path came, beside one row of
 * distances.  Longer texts are cut: the truth in halves, and the guess where the distances of the halves to its two
 * parts add up to the least, which a row of distances from the front and one from the back tell; then the parts are
 * aligned by themselves (D. Hirschberg, A linear space algorithm for computing maximal common subsequences, CACM
 * 1975).  What the two texts have in common at their ends is taken off first; that never changes the distance, nor,
 * at the back, the path, since an equal last pair is always matched.
 */
#include "align.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Cells between two questions whether to stop. */
#define CELLS_A_STEP ((int64_t) 1 << 22)

/* Where the best path to a cell comes from. */
enum
{
	FROM_BOTH,					/* match or substitution */
	FROM_TRUTH,					/* deletion: the guess lacks a character */
	FROM_GUESS					/* insertion */
};

/* An alignment being made. */
typedef struct Work
{
	HwrEdit    *edits;
	int			nedits;
	int		   *front;			/* [m + 1] distances */
	int		   *back;
	uint8_t    *from;			/* [HWR_ALIGN_TABLE], or as many as needed */
	int64_t		cells;			/* since stop was asked */
	HwrStopFn	stop;
	void	   *stop_arg;
	HwrStatus  *st;
} Work;

static bool
may_go_on(Work *w, int64_t cells)
{
	w->cells += cells;
	if (w->cells < CELLS_A_STEP)
		return true;
	w->cells = 0;
	return w->stop == NULL || !w->stop(w->stop_arg) || hwr_fail(w->st, HWR_CANCELLED, "cancelled");
}

/*
 * Distances of truth[n] to every beginning of guess[m], into row[m + 1]; with backwards, of every
 * end, row[j] that of the last j.  from, if not NULL, takes the directions, forwards only.
 */
static bool
fill_row(Work *w, const uint32_t *truth, int n, const uint32_t *guess, int m, bool backwards, int *row, uint8_t *from)
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
		uint32_t	c = truth[backwards ? n - i : i - 1];
		int			diagonal = row[0];

		row[0] = i;
		if (line != NULL)
			line[0] = FROM_TRUTH;
		for (int j = 1; j <= m; j++)
		{
			int			best = diagonal + (c != guess[backwards ? m - j : j - 1]);
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
		if (!may_go_on(w, m + 1))
			return false;
	}
	return true;
}

/* Walk the table back from cell (n, m) and append the edits in reading order. */
static void
trace_path(Work *w, const uint32_t *truth, int n, const uint32_t *guess, int m)
{
	size_t		stride = (size_t) m + 1;
	HwrEdit    *edits = w->edits + w->nedits;
	int			count = 0;
	int			i = n;
	int			j = m;

	while (i > 0 || j > 0)
	{
		uint8_t		way = w->from[(size_t) i * stride + (size_t) j];
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
	w->nedits += count;
}

/* Append what one side alone has. */
static void
append_alone(Work *w, const uint32_t *truth, int n, const uint32_t *guess, int m)
{
	for (int i = 0; i < n; i++)
		w->edits[w->nedits++] = (HwrEdit) {truth[i], 0};
	for (int j = 0; j < m; j++)
		w->edits[w->nedits++] = (HwrEdit) {0, guess[j]};
}

/* Append the alignment; at most as deep as the logarithm of n. */
static bool
align_part(Work *w, const uint32_t *truth, int n, const uint32_t *guess, int m)
{
	int			half = n / 2;
	int			cut = 0;

	if (n == 0 || m == 0)
	{
		append_alone(w, truth, n, guess, m);
		return true;
	}
	if ((size_t) n + 1 <= HWR_ALIGN_TABLE / ((size_t) m + 1))
	{
		if (!fill_row(w, truth, n, guess, m, false, w->front, w->from))
			return false;
		trace_path(w, truth, n, guess, m);
		return true;
	}
	if (n == 1)
	{
		/* too long a guess for a table of two rows: the last place where it has the character, or its end */
		for (cut = m; cut > 0 && guess[cut - 1] != truth[0]; cut--)
			;
		cut = cut > 0 ? cut - 1 : m - 1;
		append_alone(w, NULL, 0, guess, cut);
		w->edits[w->nedits++] = (HwrEdit) {truth[0], guess[cut]};
		append_alone(w, NULL, 0, guess + cut + 1, m - cut - 1);
		return true;
	}
	if (!fill_row(w, truth, half, guess, m, false, w->front, NULL) ||
		!fill_row(w, truth + half, n - half, guess, m, true, w->back, NULL))
		return false;
	for (int j = 1; j <= m; j++)
		if (w->front[j] + w->back[m - j] < w->front[cut] + w->back[m - cut])
			cut = j;
	return align_part(w, truth, half, guess, cut) &&
		align_part(w, truth + half, n - half, guess + cut, m - cut);
}

static int
common_end(const uint32_t *truth, int n, const uint32_t *guess, int m)
{
	int			common = 0;

	while (common < n && common < m && truth[n - 1 - common] == guess[m - 1 - common])
		common++;
	return common;
}

static int
common_start(const uint32_t *truth, int n, const uint32_t *guess, int m)
{
	int			common = 0;

	while (common < n && common < m && truth[common] == guess[common])
		common++;
	return common;
}

static bool
check_lengths(int n, int m, HwrStatus *st)
{
	if (n <= INT_MAX / 8 && m <= INT_MAX / 8)
		return true;
	hwr_fail(st, HWR_BAD_DATA, "texts are too long to be compared");
	return hwr_fail_detail(st, "One has %d characters, the other %d.", n, m);
}

bool
hwr_align_until(const uint32_t *truth, int n, const uint32_t *guess, int m, HwrEdit **edits, int *nedits, int *distance,
				HwrStopFn stop, void *stop_arg, HwrStatus *st)
{
	Work		w = {.stop = stop,.stop_arg = stop_arg,.st = st};
	int			end;
	int			start = 0;
	bool		ok;

	if (!check_lengths(n, m, st))
		return false;
	end = common_end(truth, n, guess, m);
	n -= end;
	m -= end;
	/* Where a table suffices, its path is what is promised, and the start may be part of it. */
	if ((size_t) n + 1 > HWR_ALIGN_TABLE / ((size_t) m + 1))
		start = common_start(truth, n, guess, m);

	ok = (w.edits = hwr_alloc((size_t) n + (size_t) m + (size_t) end, sizeof(HwrEdit), st)) != NULL;
	for (int k = 0; ok && k < start; k++)
		w.edits[w.nedits++] = (HwrEdit) {truth[k], guess[k]};
	truth += start;
	guess += start;
	n -= start;
	m -= start;
	if (ok)
	{
		size_t		cells = (size_t) n + 1 <= HWR_ALIGN_TABLE / ((size_t) m + 1) ? ((size_t) n + 1) * ((size_t) m + 1) :
			HWR_ALIGN_TABLE;

		ok = (w.front = hwr_alloc((size_t) m + 1, sizeof(int), st)) != NULL &&
			(w.back = hwr_alloc((size_t) m + 1, sizeof(int), st)) != NULL &&
			(w.from = hwr_alloc(cells, 1, st)) != NULL &&
			align_part(&w, truth, n, guess, m);
	}
	for (int k = 0; ok && k < end; k++)
		w.edits[w.nedits++] = (HwrEdit) {truth[n + k], guess[m + k]};
	free(w.front);
	free(w.back);
	free(w.from);
	if (!ok)
	{
		free(w.edits);
		return false;
	}
	*distance = 0;
	for (int k = 0; k < w.nedits; k++)
		*distance += w.edits[k].truth != w.edits[k].guess;
	*edits = w.edits;
	*nedits = w.nedits;
	return true;
}

bool
hwr_align(const uint32_t *truth, int n, const uint32_t *guess, int m,
		  HwrEdit **edits, int *nedits, int *distance, HwrStatus *st)
{
	return hwr_align_until(truth, n, guess, m, edits, nedits, distance, NULL, NULL, st);
}

bool
hwr_edit_distance(const uint32_t *truth, int n, const uint32_t *guess, int m, int *distance,
				  HwrStopFn stop, void *stop_arg, HwrStatus *st)
{
	Work		w = {.stop = stop,.stop_arg = stop_arg,.st = st};
	int			start;
	int			end;
	bool		ok;

	if (!check_lengths(n, m, st))
		return false;
	end = common_end(truth, n, guess, m);
	start = common_start(truth, n - end, guess, m - end);
	n -= start + end;
	m -= start + end;
	w.front = hwr_alloc((size_t) m + 1, sizeof(int), st);
	ok = w.front != NULL && fill_row(&w, truth + start, n, guess + start, m, false, w.front, NULL);
	if (ok)
		*distance = w.front[m];
	free(w.front);
	return ok;
}
