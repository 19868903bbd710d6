/*
 * beam.c
 *	  CTC prefix beam search.
 *
 * A prefix is what alignments of the first steps read as: runs merged, blanks dropped.  For each prefix that is kept,
 * two sums over its alignments are carried in log space: of those that end in a blank and of those that end in its last
 * character.  At each step a prefix stays what it is by a blank or by a repetition of its last character, or
 * becomes a longer one by another character; the same character again makes it longer only from alignments that end in a
 * blank.  When the longer prefix is kept too, both its sources are added.
 *
 * First all prefixes stay.  If that fills the beam, the worst of them is a bound: a longer prefix
 * that is below it before the language model has been asked cannot be kept, since a probability
 * only lowers a score.  Only the winners of a step become nodes of the tree of prefixes.
 *
 * Prefixes of a search live in a tree, so that a prefix which comes back has its language model
 * score already.
 */
#include "beam.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "beam_internal.h"

bool
hwr_beam_create(HwrBeam **out, HwrStatus *st)
{
	HwrBeam    *beam = hwr_alloc_zero(1, sizeof(HwrBeam), st);

	if (beam == NULL)
		return false;
	if (!hwr_trie_init(&beam->tree, 1024, st))
	{
		free(beam);
		return false;
	}
	*out = beam;
	return true;
}

void
hwr_beam_free(HwrBeam *beam)
{
	if (beam == NULL)
		return;
	hwr_trie_free(&beam->tree);
	free(beam->prefixes);
	free(beam->kept);
	free(beam->stays);
	free(beam->longer);
	free(beam->ranked);
	free(beam->tried);
	free(beam->scratch);
	free(beam);
}

static bool
grow_arrays(HwrBeam *beam, int width, int classes, HwrStatus *st)
{
	if (width > beam->width)
	{
		beam->width = 0;
		if (!hwr_regrow(&beam->kept, (size_t) width, sizeof(HwrKept), st) ||
			!hwr_regrow(&beam->stays, (size_t) width, sizeof(HwrKept), st) ||
			!hwr_regrow(&beam->longer, 2 * (size_t) width, sizeof(HwrLonger), st) ||
			!hwr_regrow(&beam->ranked, 3 * (size_t) width, sizeof(HwrRanked), st))
			return false;
		beam->width = width;
	}
	if (classes > beam->classes)
	{
		beam->classes = 0;
		if (!hwr_regrow(&beam->tried, (size_t) classes, sizeof(int), st))
			return false;
		beam->classes = classes;
	}
	return true;
}

/* Room in the tree for the winners of a step. */
static bool
grow_tree(HwrBeam *beam, HwrStatus *st)
{
	int			need = beam->tree.n + beam->query.width;
	HwrPrefix	   *grown;

	if (need > beam->tree.capacity &&
		!hwr_trie_reserve(&beam->tree, need > HWR_TRIE_MAX_NODES / 2 ? need : 2 * need, st))
		return false;
	if (beam->nprefixes == beam->tree.capacity)
		return true;
	grown = hwr_realloc(beam->prefixes, (size_t) beam->tree.capacity, sizeof(HwrPrefix), st);
	if (grown == NULL)
		return false;
	beam->prefixes = grown;
	beam->nprefixes = beam->tree.capacity;
	return true;
}

bool
hwr_beam_begin(HwrBeam *beam, const HwrBeamQuery *query, HwrStatus *st)
{
	if (query->width < 1 || query->width > HWR_BEAM_MAX_WIDTH || query->T < 0 || query->K < 1 ||
		query->lm_weight < 0 || query->outside_penalty < 0)
		return hwr_fail(st, HWR_INTERNAL, "beam search of %d prefixes over %d steps and %d classes is not possible",
						query->width, query->T, query->K);
	beam->query = *query;
	beam->t = 0;
	beam->allowed = 0;
	for (int i = 0; query->lm != NULL && i < HWR_LM_ANSWERS; i++)
		beam->answers[i].state = -1;
	hwr_trie_clear(&beam->tree);
	if (!grow_arrays(beam, query->width, query->K, st) || !grow_tree(beam, st))
		return false;
	beam->prefixes[0] = (HwrPrefix) {.lm_state = query->lm != NULL ? hwr_lm_start(query->lm) : 0};
	beam->kept[0] = (HwrKept) {.nonblank = -INFINITY};
	beam->nkept = 1;
	return true;
}

/* The characters worth trying at this step; and the sum over all allowed ones. */
static void
choose_classes(HwrBeam *beam, const float *y)
{
	const HwrBeamQuery *q = &beam->query;
	double		cut = q->class_cut;

	beam->ntried = 0;
	for (int k = 1; k < q->K; k++)
	{
		/* Written so that NaN is not tried. */
		if (y[k] > -INFINITY && y[k] >= cut && (q->allow == NULL || q->allow[k]))
			beam->tried[beam->ntried++] = k;
	}
	if (q->allow != NULL)
	{
		double		sum = exp(y[0]);

		for (int k = 1; k < q->K; k++)
			if (q->allow[k])
				sum += exp(y[k]);
		beam->allowed += log(sum);
	}
}

/* What each kept prefix is worth if it stays what it is. */
static void
stay(HwrBeam *beam, const float *y)
{
	for (int i = 0; i < beam->nkept; i++)
	{
		const HwrKept *was = &beam->kept[i];
		const HwrPrefix *prefix = &beam->prefixes[was->node];
		HwrKept	   *is = &beam->stays[i];

		is->node = was->node;
		is->last = was->last;
		is->blank = was->total + y[0];
		is->nonblank = -INFINITY;
		if (was->last != 0)
		{
			int			parent = beam->prefixes[beam->tree.parent[was->node]].slot;

			is->nonblank = was->nonblank + y[was->last];
			if (parent >= 0)
			{
				const HwrKept *p = &beam->kept[parent];

				is->nonblank = hwr_log_sum(is->nonblank,
									   (p->last == was->last ? p->blank : p->total) + y[was->last]);
			}
		}
		is->total = hwr_log_sum(is->blank, is->nonblank);
		is->score = is->total + prefix->prior;
	}
}

/* The best n of ranked[count] to its front, in no order; returns the lowest score among them. */
static double
select_best(HwrRanked *ranked, int count, int n)
{
	int			lo = 0;
	int			hi = count - 1;
	double		lowest = INFINITY;

	while (n < count && lo < hi)
	{
		double		pivot = ranked[lo + (hi - lo) / 2].score;
		int			i = lo;
		int			j = hi;

		while (i <= j)
		{
			while (ranked[i].score > pivot)
				i++;
			while (ranked[j].score < pivot)
				j--;
			if (i <= j)
			{
				HwrRanked		swap = ranked[i];

				ranked[i++] = ranked[j];
				ranked[j--] = swap;
			}
		}
		if (n - 1 <= j)
			hi = j;
		else if (n - 1 >= i)
			lo = i;
		else
			break;
	}
	for (int i = 0; i < n && i < count; i++)
		if (ranked[i].score < lowest)
			lowest = ranked[i].score;
	return lowest;
}

/* Drop all but the best of the longer prefixes; the lowest score that is left. */
static double
thin_longer(HwrBeam *beam)
{
	int			n = beam->query.width;
	double		lowest;
	int			ties = 0;
	int			kept = 0;

	for (int i = 0; i < beam->nlonger; i++)
		beam->ranked[i] = (HwrRanked) {beam->longer[i].score, i};
	lowest = select_best(beam->ranked, beam->nlonger, n);
	for (int i = 0; i < n; i++)
		ties += beam->ranked[i].score == lowest;
	for (int i = 0; i < beam->nlonger; i++)
		if (beam->longer[i].score > lowest || (beam->longer[i].score == lowest && ties-- > 0))
			beam->longer[kept++] = beam->longer[i];
	beam->nlonger = kept;
	return lowest;
}

/* hwr_lm_next, remembered. */
static double
ask_lm(HwrBeam *beam, int state, int symbol, int *next)
{
	uint32_t	hash = ((uint32_t) state * UINT32_C(0x9e3779b1)) ^ ((uint32_t) symbol * UINT32_C(0x85ebca6b));
	HwrLmAnswer *answer = &beam->answers[(hash >> 16) % HWR_LM_ANSWERS];

	if (answer->state != state || answer->symbol != symbol)
	{
		answer->state = state;
		answer->symbol = symbol;
		answer->logp = hwr_lm_next(beam->query.lm, state, symbol, &answer->next);
	}
	*next = answer->next;
	return answer->logp;
}

/* A prefix extended by class k; false where no word of the lexicon begins like it, and one has to. */
static bool
extend(HwrBeam *beam, const HwrKept *from, int k, int node, HwrPrefix *out)
{
	const HwrBeamQuery *q = &beam->query;
	const HwrPrefix *prefix = &beam->prefixes[from->node];

	if (node != 0)
	{
		*out = beam->prefixes[node];
		return true;
	}
	*out = *prefix;
	if (q->pattern != NULL)
	{
		out->pattern = q->pattern->next[prefix->pattern * q->K + k];
		if (out->pattern < 0)
			return false;
	}
	if (q->lexicon != NULL && prefix->word != HWR_OUTSIDE)
	{
		out->word = hwr_trie_find(&q->lexicon->trie, prefix->word, k);
		if (out->word == 0)
		{
			if (q->outside_penalty == INFINITY)
				return false;
			out->word = HWR_OUTSIDE;
			out->prior -= q->outside_penalty;
		}
	}
	out->length++;
	out->prior += q->length_bonus;
	if (q->lm != NULL)
	{
		double		logp = ask_lm(beam, prefix->lm_state, q->lm_symbols[k], &out->lm_state);

		out->lm_logp += logp;
		out->prior += q->lm_weight * logp;
	}
	return true;
}

/* Collect what the kept prefixes can become, above bound. */
static void
lengthen(HwrBeam *beam, const float *y, double bound)
{
	const HwrBeamQuery *q = &beam->query;

	beam->nlonger = 0;
	for (int i = 0; i < beam->nkept; i++)
	{
		const HwrKept *from = &beam->kept[i];
		double		prior = beam->prefixes[from->node].prior + q->length_bonus;

		for (int c = 0; c < beam->ntried; c++)
		{
			int			k = beam->tried[c];
			double		sum = (k == from->last ? from->blank : from->total) + y[k];
			HwrLonger	   *longer = &beam->longer[beam->nlonger];
			int			node;

			if (sum == -INFINITY || sum + prior < bound)
				continue;
			node = hwr_trie_find(&beam->tree, from->node, k);
			if (node != 0 && beam->prefixes[node].slot >= 0)
				continue;		/* kept itself: stay() has it */
			if (!extend(beam, from, k, node, &longer->prefix))
				continue;
			longer->score = sum + longer->prefix.prior;
			if (longer->score < bound)
				continue;
			longer->parent = from->node;
			longer->node = node;
			longer->class = k;
			longer->nonblank = sum;
			if (++beam->nlonger == 2 * q->width)
			{
				double		lowest = thin_longer(beam);

				bound = lowest > bound ? lowest : bound;
			}
		}
	}
}

/* A node for a prefix that has won its place. */
static bool
keep_longer(HwrBeam *beam, const HwrLonger *longer, HwrKept *out, HwrStatus *st)
{
	int			node = longer->node;

	if (node == 0)
	{
		node = hwr_trie_add(&beam->tree, longer->parent, longer->class, st);
		if (node == 0)
			return false;
		beam->prefixes[node] = longer->prefix;
	}
	*out = (HwrKept) {.node = node,.last = longer->class,.blank = -INFINITY,
		.nonblank = longer->nonblank,.total = longer->nonblank,.score = longer->score};
	return true;
}

/* The best of stays and longer ones become the kept ones. */
static bool
keep_best(HwrBeam *beam, HwrStatus *st)
{
	int			nstays = beam->nkept;
	int			count = 0;
	int			n = beam->query.width;

	for (int i = 0; i < nstays; i++)
	{
		beam->prefixes[beam->stays[i].node].slot = -1;
		if (beam->stays[i].total > -INFINITY)
			beam->ranked[count++] = (HwrRanked) {beam->stays[i].score, i};
	}
	for (int i = 0; i < beam->nlonger; i++)
		beam->ranked[count++] = (HwrRanked) {beam->longer[i].score, nstays + i};
	select_best(beam->ranked, count, n);

	beam->nkept = count < n ? count : n;
	for (int i = 0; i < beam->nkept; i++)
	{
		int			index = beam->ranked[i].index;

		if (index < nstays)
			beam->kept[i] = beam->stays[index];
		else if (!keep_longer(beam, &beam->longer[index - nstays], &beam->kept[i], st))
			return false;
		beam->prefixes[beam->kept[i].node].slot = i;
	}
	return true;
}

bool
hwr_beam_step(HwrBeam *beam, HwrStatus *st)
{
	const HwrBeamQuery *q = &beam->query;
	const float *y = q->logp + (size_t) beam->t * (size_t) q->K;
	double		bound = -INFINITY;

	if (beam->t >= q->T)
		return hwr_fail(st, HWR_INTERNAL, "beam search has no step %d", beam->t);
	choose_classes(beam, y);
	stay(beam, y);
	if (beam->nkept == q->width)
	{
		bound = INFINITY;
		for (int i = 0; i < beam->nkept; i++)
			if (beam->stays[i].score < bound)
				bound = beam->stays[i].score;
	}
	lengthen(beam, y, bound);
	beam->t++;
	return keep_best(beam, st) && grow_tree(beam, st);
}
