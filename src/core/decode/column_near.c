/*
 * column_near.c
 *	  Numbers of a column, values or differences, each drawn from what the others look like.
 */
#include "column_near.h"

#include <math.h>
#include <stdlib.h>

/* That a number is like none of the others is believed as if one had been. */
#define NEW 1.0

bool
hwr_column_near_init(HwrColumnNear *near, int rows, HwrStatus *st)
{
	*near = (HwrColumnNear) {.n = rows};
	near->seen = hwr_alloc_zero((size_t) rows + 1, sizeof(HwrColumnSeen), st);
	near->sums = hwr_alloc_zero((size_t) rows + 1, sizeof(HwrColumnSeen), st);
	if (near->seen != NULL && near->sums != NULL)
		return true;
	hwr_column_near_free(near);
	return false;
}

void
hwr_column_near_free(HwrColumnNear *near)
{
	free(near->seen);
	free(near->sums);
	*near = (HwrColumnNear) {0};
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
known_below(const HwrColumnNear *near, int64_t place)
{
	int			low = 0;
	int			high = near->count;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (near->sums[middle].place < place)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? near->sums[low - 1].known : 0;
}

/* What the other rows have shown. */
static double
known_of_others(const HwrColumnNear *near, int row)
{
	double		all = near->count > 0 ? near->sums[near->count - 1].known : 0;

	return fmax(all - near->seen[row].known, 0);
}

/* What is known of places within reach of one, less what the row itself has shown. */
static double
known_near(const HwrColumnNear *near, int row, int64_t place, int64_t reach)
{
	const HwrColumnSeen *own = &near->seen[row];
	double		known = known_below(near, place + reach + 1) - known_below(near, place - reach);

	if (own->place >= place - reach && own->place <= place + reach)
		known -= own->known;
	return fmax(known, 0);
}

void
hwr_column_near_learn(HwrColumnNear *near)
{
	int			n = 0;
	double		sum = 0;
	int64_t		spread;

	for (int i = 0; i < near->n; i++)
		if (near->seen[i].known > 0)
			near->sums[n++] = near->seen[i];
	qsort(near->sums, (size_t) n, sizeof(HwrColumnSeen), by_place);
	for (int i = 0; i < n; i++)
		near->sums[i].known = sum += near->sums[i].known;
	near->count = n;
	near->repeated = 0;
	for (int i = 0; i < n; i++)
	{
		int64_t		place = near->sums[i].place;

		if (i == 0 || place != near->sums[i - 1].place)
			near->repeated += beyond_first(known_below(near, place + 1) - known_below(near, place));
	}
	near->widths = n > 0;
	spread = n > 0 ? near->sums[n - 1].place - near->sums[0].place : 0;
	while (near->widths > 0 && near->widths < HWR_COLUMN_WIDTHS && reach_of(near->widths - 1) < spread)
		near->widths++;
}

double
hwr_column_near_new(const HwrColumnNear *near, int row, int width)
{
	const HwrColumnSeen *own = &near->seen[row];
	double		others = known_of_others(near, row);
	double		same;
	double		repeated;

	if (width > 0)
		return NEW / (others + NEW);
	same = known_near(near, row, own->place, 0);
	repeated = near->repeated - beyond_first(same + own->known) + beyond_first(same);
	return (fmax(others - repeated, 0) + NEW) / (others + NEW);
}

double
hwr_column_near_place(const HwrColumnNear *near, int row, int64_t place, int width)
{
	int64_t		reach = reach_of(width);
	double		known = known_near(near, row, place, reach);

	if (width == 0)
		known = beyond_first(known);
	return known / (2.0 * (double) reach + 1) / (known_of_others(near, row) + NEW);
}
