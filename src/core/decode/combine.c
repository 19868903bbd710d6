/*
 * combine.c
 *	  What several networks say about one image, as one posterior.
 */
#include "combine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What no network gives any probability still has this much, so that logarithms stay finite. */
#define LEAST 1e-12

/* Probability that a step between two slots is not blank. */
#define BETWEEN 1e-6

/* Costs of an alignment: of a character without a slot or a slot without a character, and at most of distance. */
#define GAP 0.75
#define DISTANCE_SCALE 5.0
#define DISTANCE_MOST 0.5

static bool
make_posterior(int steps, int K, HwrPosterior *out, HwrStatus *st)
{
	out->steps = steps;
	out->classes = K;
	out->logp = hwr_alloc_zero((size_t) steps * (size_t) K, sizeof(float), st);
	return out->logp != NULL;
}

bool
hwr_combine_average(int n, const HwrPosterior *posteriors, const int *const *classes, int K,
					HwrPosterior *out, HwrStatus *st)
{
	int			steps = posteriors[0].steps;

	for (int m = 1; m < n; m++)
		if (posteriors[m].steps != steps)
			return hwr_fail(st, HWR_INTERNAL, "networks of an ensemble give %d and %d steps", steps, posteriors[m].steps);
	if (!make_posterior(steps, K, out, st))
		return false;
	for (int m = 0; m < n; m++)
		for (int t = 0; t < steps; t++)
		{
			const float *from = posteriors[m].logp + (size_t) t * (size_t) posteriors[m].classes;
			float	   *to = out->logp + (size_t) t * (size_t) K;

			for (int k = 0; k < posteriors[m].classes; k++)
				to[classes[m][k]] += expf(from[k]) / (float) n;
		}
	for (size_t i = 0; i < (size_t) steps * (size_t) K; i++)
		out->logp[i] = logf(out->logp[i] > (float) LEAST ? out->logp[i] : (float) LEAST);
	return true;
}

/*
 * Votes
 */

/* A character of a reading, or the place of characters of several. */
typedef struct Slot
{
	double		place;			/* of the image's width, 0 .. 1 */
	int			class;			/* of the result; of a character */
	float	   *mass;			/* [K] probabilities, summed over the networks so far */
} Slot;

typedef struct Slots
{
	int			n;
	int			room;
	Slot	   *slots;
} Slots;

static void
free_slots(Slots *s)
{
	for (int i = 0; i < s->n; i++)
		free(s->slots[i].mass);
	free(s->slots);
	*s = (Slots) {0};
}

static Slot *
add_slot(Slots *s, double place, int class, int K, HwrStatus *st)
{
	Slot	   *slot;

	if (s->n == s->room)
	{
		Slot	   *more = hwr_realloc(s->slots, (size_t) s->room * 2 + 16, sizeof(Slot), st);

		if (more == NULL)
			return NULL;
		s->slots = more;
		s->room = s->room * 2 + 16;
	}
	slot = &s->slots[s->n];
	slot->place = place;
	slot->class = class;
	slot->mass = hwr_alloc_zero((size_t) K, sizeof(float), st);
	if (slot->mass == NULL)
		return NULL;
	s->n++;
	return slot;
}

static int
best_class(const float *step, int classes)
{
	int			best = 0;

	for (int k = 1; k < classes; k++)
		if (step[k] > step[best])
			best = k;
	return best;
}

/* The greedy reading, each character with the step at which it is most probable. */
static bool
read_characters(const HwrPosterior *p, const HwrCanvas *canvas, const int *classes, int K, Slots *out, HwrStatus *st)
{
	int			before = 0;
	int			peak = 0;

	for (int t = 0; t <= p->steps; t++)
	{
		const float *step = p->logp + (size_t) t * (size_t) p->classes;
		int			best = t < p->steps ? best_class(step, p->classes) : 0;

		if (before != 0 && best == before)
		{
			if (step[best] > p->logp[(size_t) peak * (size_t) p->classes + (size_t) best])
				peak = t;
			continue;
		}
		if (before != 0)
		{
			const float *at = p->logp + (size_t) peak * (size_t) p->classes;
			double		column = (peak + 0.5) * canvas->width / p->steps;
			Slot	   *slot = add_slot(out, hwr_canvas_pixel(canvas, column) / canvas->source_width, classes[before], K, st);

			if (slot == NULL)
				return false;
			for (int k = 0; k < p->classes; k++)
				slot->mass[classes[k]] = expf(at[k]);
		}
		before = best;
		peak = t;
	}
	return true;
}

/* What it costs to put a character into a slot that `before` networks have voted in. */
static double
mismatch(const Slot *slot, const Slot *character, int before)
{
	double		distance = DISTANCE_SCALE * fabs(slot->place - character->place);

	return 1 - slot->mass[character->class] / before + (distance < DISTANCE_MOST ? distance : DISTANCE_MOST);
}

static void
add_mass(Slot *slot, const float *mass, int K)
{
	for (int k = 0; k < K; k++)
		slot->mass[k] += mass[k];
}

/*
 * Add the reading of another network: align[i][j] is the least cost of the first i slots and j characters,
 * from the ends backwards, so that the path is walked forwards.
 */
static bool
vote(Slots *slots, const Slots *reading, int before, int K, HwrStatus *st)
{
	int			S = slots->n;
	int			J = reading->n;
	size_t		width = (size_t) J + 1;
	double	   *cost = hwr_alloc((size_t) (S + 1) * width, sizeof(double), st);
	Slots		result = {0};
	bool		ok = cost != NULL;

	for (int i = S; ok && i >= 0; i--)
		for (int j = J; j >= 0; j--)
		{
			double		least = i == S && j == J ? 0 : INFINITY;

			if (i < S)
				least = fmin(least, GAP + cost[(size_t) (i + 1) * width + (size_t) j]);
			if (j < J)
				least = fmin(least, GAP + cost[(size_t) i * width + (size_t) j + 1]);
			if (i < S && j < J)
				least = fmin(least, mismatch(&slots->slots[i], &reading->slots[j],
											 before) + cost[(size_t) (i + 1) * width + (size_t) j + 1]);
			cost[(size_t) i * width + (size_t) j] = least;
		}
	for (int i = 0, j = 0; ok && (i < S || j < J);)
	{
		double		here = cost[(size_t) i * width + (size_t) j];
		Slot	   *slot;

		if (i < S && j < J &&
			here == mismatch(&slots->slots[i], &reading->slots[j], before) + cost[(size_t) (i + 1) * width + (size_t) j + 1])
		{
			slot = add_slot(&result, slots->slots[i].place, slots->slots[i].class, K, st);
			ok = slot != NULL;
			if (ok)
			{
				add_mass(slot, slots->slots[i].mass, K);
				add_mass(slot, reading->slots[j].mass, K);
			}
			i++;
			j++;
		}
		else if (i < S && here == GAP + cost[(size_t) (i + 1) * width + (size_t) j])
		{
			slot = add_slot(&result, slots->slots[i].place, slots->slots[i].class, K, st);
			ok = slot != NULL;
			if (ok)
			{
				add_mass(slot, slots->slots[i].mass, K);
				slot->mass[0] += 1;
			}
			i++;
		}
		else
		{
			slot = add_slot(&result, reading->slots[j].place, reading->slots[j].class, K, st);
			ok = slot != NULL;
			if (ok)
			{
				add_mass(slot, reading->slots[j].mass, K);
				slot->mass[0] += (float) before;
			}
			j++;
		}
	}
	free(cost);
	free_slots(slots);
	*slots = result;
	return ok;
}

/* A step for each slot at its place, and blank ones between. */
static bool
write_slots(const Slots *s, int n, const HwrCanvas *canvas, int steps, int K, HwrPosterior *out, HwrStatus *st)
{
	int			T = 2 * steps > 2 * s->n + 1 ? 2 * steps : 2 * s->n + 1;
	float		blank = logf((float) (1 - BETWEEN));
	float		other = logf((float) (BETWEEN / (K - 1)));
	int			step = -1;

	if (!make_posterior(T, K, out, st))
		return false;
	for (int t = 0; t < T; t++)
		for (int k = 0; k < K; k++)
			out->logp[(size_t) t * (size_t) K + (size_t) k] = k == 0 ? blank : other;
	for (int i = 0; i < s->n; i++)
	{
		double		column = canvas->margin + s->slots[i].place * canvas->content_width;
		int			wanted = (int) (column * T / canvas->width);
		int			last = T - 1 - 2 * (s->n - 1 - i);
		float	   *row;

		wanted = wanted < step + 2 ? step + 2 : wanted;
		step = wanted < last ? wanted : last;
		row = out->logp + (size_t) step * (size_t) K;
		for (int k = 0; k < K; k++)
		{
			double		p = s->slots[i].mass[k] / n;

			row[k] = (float) log(p > LEAST ? p : LEAST);
		}
	}
	return true;
}

bool
hwr_combine_vote(int n, const HwrCanvas *const *canvases, const HwrPosterior *posteriors, const int *const *classes,
				 int K, HwrPosterior *out, HwrStatus *st)
{
	Slots		slots = {0};
	bool		ok = read_characters(&posteriors[0], canvases[0], classes[0], K, &slots, st);

	for (int m = 1; m < n && ok; m++)
	{
		Slots		reading = {0};

		ok = read_characters(&posteriors[m], canvases[m], classes[m], K, &reading, st) &&
			vote(&slots, &reading, m, K, st);
		free_slots(&reading);
	}
	ok = ok && write_slots(&slots, n, canvases[0], posteriors[0].steps, K, out, st);
	free_slots(&slots);
	return ok;
}
