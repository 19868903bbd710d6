/*
 * column_alone.c
 *	  Values of a column that have no order: each is drawn from what the others look like.
 */
#include "column_alone.h"

#include <math.h>
#include <stdlib.h>

/* That a value is like none of the others is believed as if one had been. */
#define NEW 1.0

bool
hwr_column_alone_init(HwrColumnAlone *alone, int rows, HwrStatus *st)
{
	*alone = (HwrColumnAlone) {.n = rows};
	alone->seen = hwr_alloc_zero((size_t) rows + 1, sizeof(HwrColumnSeen), st);
	alone->sums = hwr_alloc_zero((size_t) rows + 1, sizeof(HwrColumnSeen), st);
	if (alone->seen != NULL && alone->sums != NULL)
		return true;
	hwr_column_alone_free(alone);
	return false;
}

void
hwr_column_alone_free(HwrColumnAlone *alone)
{
	free(alone->seen);
	free(alone->sums);
	*alone = (HwrColumnAlone) {0};
}

static int
by_place(const void *a, const void *b)
{
	int64_t		x = ((const HwrColumnSeen *) a)->place;
	int64_t		y = ((const HwrColumnSeen *) b)->place;

	return (x > y) - (x < y);
}

static int64_t
reach_of(int width)
{
	return ((int64_t) 1 << width) - 1;
}

/* Of so much, what is no chance. */
static double
beyond_first(double known)
{
	return known > 1 ? known - 1 : 0;
}

/* What is known of places below this one. */
static double
known_below(const HwrColumnAlone *alone, int64_t place)
{
	int			low = 0;
	int			high = alone->count;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (alone->sums[middle].place < place)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? alone->sums[low - 1].known : 0;
}

/* What the other rows have shown. */
static double
known_of_others(const HwrColumnAlone *alone, int row)
{
	double		all = alone->count > 0 ? alone->sums[alone->count - 1].known : 0;

	return fmax(all - alone->seen[row].known, 0);
}

/* What is known of places within reach of one, less what the row itself has shown. */
static double
known_near(const HwrColumnAlone *alone, int row, int64_t place, int64_t reach)
{
	const HwrColumnSeen *own = &alone->seen[row];
	double		near = known_below(alone, place + reach + 1) - known_below(alone, place - reach);

	if (own->place >= place - reach && own->place <= place + reach)
		near -= own->known;
	return fmax(near, 0);
}

void
hwr_column_alone_learn(HwrColumnAlone *alone)
{
	int			n = 0;
	double		sum = 0;
	int64_t		spread;

	for (int i = 0; i < alone->n; i++)
		if (alone->seen[i].known > 0)
			alone->sums[n++] = alone->seen[i];
	qsort(alone->sums, (size_t) n, sizeof(HwrColumnSeen), by_place);
	for (int i = 0; i < n; i++)
		alone->sums[i].known = sum += alone->sums[i].known;
	alone->count = n;
	alone->repeated = 0;
	for (int i = 0; i < n; i++)
	{
		int64_t		place = alone->sums[i].place;

		if (i == 0 || place != alone->sums[i - 1].place)
			alone->repeated += beyond_first(known_below(alone, place + 1) - known_below(alone, place));
	}
	alone->widths = n > 0;
	spread = n > 0 ? alone->sums[n - 1].place - alone->sums[0].place : 0;
	while (alone->widths > 0 && alone->widths < HWR_COLUMN_WIDTHS && reach_of(alone->widths - 1) < spread)
		alone->widths++;
}

double
hwr_column_alone_new(const HwrColumnAlone *alone, int row, int width)
{
	const HwrColumnSeen *own = &alone->seen[row];
	double		others = known_of_others(alone, row);
	double		same;
	double		repeated;

	if (width > 0)
		return NEW / (others + NEW);
	same = known_near(alone, row, own->place, 0);
	repeated = alone->repeated - beyond_first(same + own->known) + beyond_first(same);
	return (fmax(others - repeated, 0) + NEW) / (others + NEW);
}

double
hwr_column_alone_place(const HwrColumnAlone *alone, int row, int64_t place, int width)
{
	int64_t		reach = reach_of(width);
	double		near = known_near(alone, row, place, reach);

	if (width == 0)
		near = beyond_first(near);
	return near / (2.0 * (double) reach + 1) / (known_of_others(alone, row) + NEW);
}
