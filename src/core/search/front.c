/*
 * front.c
 *	  Sums over alignments with states.
 */
#include "front.h"

#include <stdlib.h>
#include <string.h>

/* States that may be kept after a step, and doubles of a front. */
#define MAX_STATES 1024
#define MAX_SUMS (1 << 22)

void
hwr_fronts_free(HwrFronts *f)
{
	for (int i = 0; i < 2; i++)
	{
		hwr_states_free(&f->fronts[i].states);
		free(f->fronts[i].sums);
		f->fronts[i].sums = NULL;
		f->fronts[i].room = 0;
	}
	free(f->totals);
	f->totals = NULL;
	f->totals_room = 0;
}

/* The sums of a state; NULL on failure, or, with *full, where there is no room for another one. */
static double *
row_of(HwrFronts *f, HwrFront *front, uint64_t state, bool *full, HwrStatus *st)
{
	int			n = front->states.n;
	int			index = hwr_states_index(&front->states, state, st);
	size_t		need = (size_t) front->states.n * (size_t) front->width;

	if (index < 0)
		return NULL;
	if (index < n)
		return front->sums + (size_t) index * (size_t) front->width;
	if (n >= f->limit)
	{
		hwr_states_drop_last(&front->states);
		*full = true;
		return NULL;
	}
	if (need > front->room)
	{
		double	   *grown = hwr_realloc(front->sums, need * 2, sizeof(double), st);

		if (grown == NULL)
			return NULL;
		front->sums = grown;
		front->room = need * 2;
	}
	memset(front->sums + (size_t) index * (size_t) front->width, 0, (size_t) front->width * sizeof(double));
	return front->sums + (size_t) index * (size_t) front->width;
}

/* Add a flow to a state's sums; it counts as dropped where there is no room for another state. */
static bool
pour(HwrFronts *f, HwrFront *to, uint64_t state, int entry, double flow, HwrStatus *st)
{
	bool		full = false;
	double	   *row = row_of(f, to, state, &full, st);

	if (row != NULL)
		row[entry] += flow;
	else if (full)
		f->dropped += flow;
	else
		return false;
	return true;
}

/* One class of a step: what it makes of a state of which the last step's sums are in row, total together. */
static bool
take_class(HwrFronts *f, const HwrFront *from, uint64_t state, const double *row, double total, HwrFront *to, int entry,
		   HwrStatus *st)
{
	const HwrEntry *e = &to->entries[entry];
	int			again;
	double		same;
	double		flow;

	if (e->class == 0)
		return pour(f, to, state, entry, e->p * total, st);
	again = hwr_entry_of(from->entries, from->width, e->class);
	same = again < 0 ? 0 : row[again];
	if (same > 0 && !pour(f, to, state, entry, e->p * same, st))
		return false;
	flow = e->p * (total - same);
	if (!(flow > 0))
		return true;
	if (!f->extend(f->caller, &state, hwr_fold_cached(&f->cache, f->s->alphabet.codepoints[e->class - 1]), flow, st))
		return false;
	return pour(f, to, state, entry, flow, st);
}

double
hwr_front_total(const HwrFront *front, int state)
{
	const double *row = front->sums + (size_t) state * (size_t) front->width;
	double		total = 0;

	for (int i = 0; i < front->width; i++)
		total += row[i];
	return total;
}

static bool
add_up(HwrFronts *f, const HwrFront *front, HwrStatus *st)
{
	if (front->states.n > f->totals_room)
	{
		free(f->totals);
		f->totals_room = 0;
		f->totals = hwr_alloc((size_t) front->states.n * 2, sizeof(double), st);
		if (f->totals == NULL)
			return false;
		f->totals_room = front->states.n * 2;
	}
	for (int i = 0; i < front->states.n; i++)
		f->totals[i] = hwr_front_total(front, i);
	return true;
}

/*
 * Below which a state is dropped: as much as may be dropped up to this step, found by doubling; or
 * what it takes to keep no more than MAX_STATES.
 */
static double
choose_cut(const HwrFronts *f, int n)
{
	double		droppable = f->budget * f->step - f->dropped;
	double		cut = droppable / (n + 1);

	if (!(cut > 0))
		cut = 1e-30;
	for (;;)
	{
		double		next = cut * 2;
		double		sum = 0;
		int			kept = 0;

		for (int i = 0; i < n; i++)
		{
			if (f->totals[i] < next)
				sum += f->totals[i];
			kept += f->totals[i] >= cut;
		}
		if (kept == 0 || (sum > droppable && kept <= MAX_STATES))
			return cut;
		cut = next;
	}
}

bool
hwr_fronts_begin(HwrFronts *f, const HwrSparse *s, uint64_t state, double droppable, HwrExtend extend, void *caller,
				 HwrStatus *st)
{
	static const HwrEntry blank = {0, 1};
	HwrFront   *front = &f->fronts[0];
	bool		full;
	double	   *row;
	int			most = 1;

	for (int i = 0; i < s->nsteps; i++)
		most = s->at[i].n > most ? s->at[i].n : most;
	f->s = s;
	f->extend = extend;
	f->caller = caller;
	f->step = 0;
	f->limit = MAX_SUMS / most;
	f->budget = droppable / s->nsteps;
	f->dropped = 0;
	for (int i = 0; i < 2; i++)
		hwr_states_clear(&f->fronts[i].states);
	front->entries = &blank;
	front->width = 1;
	row = row_of(f, front, state, &full, st);
	if (row == NULL)
		return false;
	row[0] = 1;
	return true;
}

const HwrFront *
hwr_fronts_last(const HwrFronts *f)
{
	return &f->fronts[f->step % 2];
}

bool
hwr_fronts_step(HwrFronts *f, bool *done, HwrStatus *st)
{
	const HwrFront *from = &f->fronts[f->step % 2];
	HwrFront   *to = &f->fronts[1 - f->step % 2];
	const HwrSparseStep *step;
	double		cut;

	*done = f->step == f->s->nsteps;
	if (*done)
		return true;
	step = &f->s->at[f->step++];
	hwr_states_clear(&to->states);
	to->entries = f->s->entries + step->entry;
	to->width = step->n;
	if (!add_up(f, from, st))
		return false;
	cut = choose_cut(f, from->states.n);
	for (int i = 0; i < from->states.n; i++)
	{
		const double *row = from->sums + (size_t) i * (size_t) from->width;
		double		total = f->totals[i];

		if (total < cut)
		{
			f->dropped += total;
			continue;
		}
		for (int e = 0; e < step->n; e++)
			if (!take_class(f, from, from->states.keys[i], row, total, to, e, st))
				return false;
	}
	return true;
}
