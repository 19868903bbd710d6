/*
 * column_law.c
 *	  How values follow one another in a column, learned from it.
 */
#include "column_law.h"

#include <stdlib.h>
#include <string.h>

/* What is believed before anything is seen, and as much as so many rows. */
#define BELIEF 2.0
#define JUMP 0.5
#define UP 0.8

/* Half of the differences up and down are smaller than this. */
#define SCALE 4.0

/* A difference that fewer pairs have is not usual. */
#define USUAL 1.5

bool
hwr_column_law_init(HwrColumnLaw *law, int rows, HwrStatus *st)
{
	*law = (HwrColumnLaw) {.n = rows};
	law->pairs = hwr_alloc_zero((size_t) rows + 1, sizeof(HwrColumnPair), st);
	law->counts = hwr_alloc_zero((size_t) rows + 1, sizeof(HwrColumnCount), st);
	if (law->pairs != NULL && law->counts != NULL)
		return true;
	hwr_column_law_free(law);
	return false;
}

void
hwr_column_law_free(HwrColumnLaw *law)
{
	free(law->pairs);
	free(law->counts);
	*law = (HwrColumnLaw) {0};
}

static int
by_difference(const void *a, const void *b)
{
	int64_t		x = ((const HwrColumnCount *) a)->difference;
	int64_t		y = ((const HwrColumnCount *) b)->difference;

	return (x > y) - (x < y);
}

/* Of so many, those that are no chance. */
static double
beyond_first(double count)
{
	return count > 1 ? count - 1 : 0;
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

void
hwr_column_law_learn(HwrColumnLaw *law)
{
	int			n = 0;

	law->on = law->up = law->jumps = law->known = 0;
	memset(law->kinds_seen, 0, sizeof(law->kinds_seen));
	law->kinds = 0;
	for (int i = 0; i < law->n; i++)
	{
		const HwrColumnPair *p = &law->pairs[i];

		law->on += p->on;
		law->up += p->difference >= 0 ? p->on : 0;
		law->jumps += p->jump;
		law->known += p->known;
		law->kinds_seen[p->kind] += p->known;
		law->counts[i] = (HwrColumnCount) {p->difference, p->on};
	}
	qsort(law->counts, (size_t) law->n, sizeof(HwrColumnCount), by_difference);
	for (int i = 0; i < law->n; i++)
		if (n > 0 && law->counts[n - 1].difference == law->counts[i].difference)
			law->counts[n - 1].count += law->counts[i].count;
		else
			law->counts[n++] = law->counts[i];
	law->kinds = n;
	law->repeated = 0;
	for (int i = 0; i < n; i++)
		law->repeated += beyond_first(law->counts[i].count);
	memset(law->usual, 0, sizeof(law->usual));
	for (int i = 0; i < n; i++)
		if (law->counts[i].count >= USUAL)
			note_usual(law, law->counts[i]);
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

/* How often all rows have it. */
static double
count_of(const HwrColumnLaw *law, int64_t difference)
{
	HwrColumnCount key = {.difference = difference};
	const HwrColumnCount *found = bsearch(&key, law->counts, (size_t) law->kinds, sizeof(HwrColumnCount), by_difference);

	return found == NULL ? 0 : found->count;
}

double
hwr_column_law_difference(const HwrColumnLaw *law, int row, int64_t difference)
{
	const HwrColumnPair *own = &law->pairs[row];
	double		on = law->on - own->on;
	double		with = count_of(law, own->difference);
	double		repeated = law->repeated - beyond_first(with) + beyond_first(with - own->on);
	double		here = beyond_first(count_of(law, difference) - (difference == own->difference ? own->on : 0));
	double		up = (law->up - (own->difference >= 0 ? own->on : 0) + BELIEF * UP) / (on + BELIEF);
	double		size = difference < 0 ? -1.0 - (double) difference : (double) difference;
	double		any = (difference < 0 ? 1 - up : up) * SCALE / ((size + SCALE) * (size + SCALE + 1));

	return (here + (on - repeated + BELIEF) * any) / (on + BELIEF);
}
