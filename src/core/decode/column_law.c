/*
 * column_law.c
 *	  How values follow one another in a column, learned from it.
 */
#include "column_law.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is believed before anything is seen, and as much as so many rows. */
#define BELIEF 2.0
#define JUMP 0.5
#define UP 0.8

/* Half of the differences up and down are smaller than this. */
#define SCALE 4.0

/*
 * Differences are taken for near one another, and not for the very same or small ones, if that makes them so much more
 * probable: a logarithm.  Less is chance where the pairs are few.
 */
#define EVIDENT 4.0

/* A difference that fewer pairs have is not usual. */
#define USUAL 1.5

bool
hwr_column_law_init(HwrColumnLaw *law, int rows, HwrStatus *st)
{
	*law = (HwrColumnLaw) {.n = rows};
	law->pairs = hwr_alloc_zero((size_t) rows + 1, sizeof(HwrColumnPair), st);
	law->news = hwr_alloc_zero((size_t) rows + 1, sizeof(double), st);
	if (law->pairs != NULL && law->news != NULL && hwr_column_near_init(&law->near, rows, st))
	{
		/* at first all differences are new */
		for (int i = 0; i < rows; i++)
			law->news[i] = 1;
		return true;
	}
	hwr_column_law_free(law);
	return false;
}

void
hwr_column_law_free(HwrColumnLaw *law)
{
	free(law->pairs);
	free(law->news);
	hwr_column_near_free(&law->near);
	*law = (HwrColumnLaw) {0};
}

/* Put one into its place among the usual ones. */
static void
note_usual(HwrColumnLaw *law, HwrColumnCount count)
{
	for (int i = 0; i < HWR_COLUMN_USUAL; i++)
		if (count.count > law->usual[i].count)
		{
			HwrColumnCount other = law->usual[i];

			law->usual[i] = count;
			count = other;
		}
}

/* Those that several pairs have, of the differences in their order. */
static void
find_usual(HwrColumnLaw *law)
{
	const HwrColumnSeen *sums = law->near.sums;
	int			n = law->near.count;
	double		before = 0;		/* sum up to the last other difference */

	memset(law->usual, 0, sizeof(law->usual));
	for (int i = 0; i < n; i++)
	{
		if (i + 1 < n && sums[i + 1].place == sums[i].place)
			continue;
		if (sums[i].known - before >= USUAL)
			note_usual(law, (HwrColumnCount) {sums[i].place, sums[i].known - before});
		before = sums[i].known;
	}
}

/* How probable a new difference is, in any column that goes up as often as this one. */
static double
any_difference(const HwrColumnLaw *law, int row, int64_t difference)
{
	const HwrColumnPair *own = &law->pairs[row];
	double		up = (law->up - (own->difference >= 0 ? own->on : 0) + BELIEF * UP) / (law->on - own->on + BELIEF);
	double		size = difference < 0 ? -1.0 - (double) difference : (double) difference;

	return (difference < 0 ? 1 - up : up) * SCALE / ((size + SCALE) * (size + SCALE + 1));
}

/* How probable the others make what each row shows, if differences are near one another by this width: a logarithm. */
static double
evidence(const HwrColumnLaw *law, int width)
{
	double		sum = 0;

	for (int i = 0; i < law->n; i++)
	{
		const HwrColumnPair *p = &law->pairs[i];

		if (p->on > 0)
			sum += p->on * log(hwr_column_near_place(&law->near, i, p->difference, width) +
							   hwr_column_near_new(&law->near, i, width) * any_difference(law, i, p->difference));
	}
	return sum;
}

static void
choose_width(HwrColumnLaw *law)
{
	double		most = evidence(law, 0) + EVIDENT;

	law->width = 0;
	for (int width = 1; width < law->near.widths; width++)
	{
		double		now = evidence(law, width);

		if (now > most)
		{
			most = now;
			law->width = width;
		}
	}
}

void
hwr_column_law_learn(HwrColumnLaw *law)
{
	law->on = law->up = law->jumps = law->known = 0;
	memset(law->kinds_seen, 0, sizeof(law->kinds_seen));
	for (int i = 0; i < law->n; i++)
	{
		const HwrColumnPair *p = &law->pairs[i];

		law->on += p->on;
		law->up += p->difference >= 0 ? p->on : 0;
		law->jumps += p->jump;
		law->known += p->known;
		law->kinds_seen[p->kind] += p->known;
		law->near.seen[i] = (HwrColumnSeen) {p->difference, p->on};
	}
	hwr_column_near_learn(&law->near);
	find_usual(law);
	choose_width(law);
	for (int i = 0; i < law->n; i++)
		law->news[i] = hwr_column_near_new(&law->near, i, law->width);
}

double
hwr_column_law_jump(const HwrColumnLaw *law, int row)
{
	const HwrColumnPair *own = &law->pairs[row];
	double		seen = law->on - own->on + law->jumps - own->jump;

	return (law->jumps - own->jump + BELIEF * JUMP) / (seen + BELIEF);
}

double
hwr_column_law_kind(const HwrColumnLaw *law, int row, int kind)
{
	const HwrColumnPair *own = &law->pairs[row];
	double		seen = law->kinds_seen[kind] - (kind == own->kind ? own->known : 0);

	return (seen + BELIEF / HWR_COLUMN_KINDS) / (law->known - own->known + BELIEF);
}

double
hwr_column_law_difference(const HwrColumnLaw *law, int row, int64_t difference)
{
	return hwr_column_near_place(&law->near, row, difference, law->width) + law->news[row] * any_difference(law, row, difference);
}
