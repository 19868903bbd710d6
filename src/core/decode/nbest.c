/*
 * nbest.c
 *	  The end of a beam search: its best texts with their exact figures.
 *
 * The search ranks by the alignments that it has kept.  For the few texts that are returned the exact
 * probability, the forward pass over all alignments, takes the place of that sum, so that it agrees with
 * hwr_score_label.
 */
#include "beam.h"

#include <math.h>
#include <string.h>

#include "beam_internal.h"
#include "decode.h"

static void *
get_scratch(HwrBeam *beam, size_t size, HwrStatus *st)
{
	if (size > beam->scratch_size)
	{
		beam->scratch_size = 0;
		if (!hwr_regrow(&beam->scratch, size, 1, st))
			return NULL;
		beam->scratch_size = size;
	}
	return beam->scratch;
}

/*
 * Fill in a hypothesis from the tree: its text, its exact probability, which becomes that of the
 * one ranked, its alignment.
 */
static bool
finish_hypothesis(HwrBeam *beam, int rank, HwrHypothesis *out, HwrStatus *st)
{
	const HwrKept *kept = &beam->kept[beam->ranked[rank].index];
	const HwrBeamQuery *q = &beam->query;
	const HwrPrefix *prefix = &beam->prefixes[kept->node];
	int			n = prefix->length;
	void	   *scratch = get_scratch(beam, hwr_score_workspace(q->T, n), st);

	out->classes = hwr_alloc((size_t) n, sizeof(int), st);
	out->spans = hwr_alloc_zero((size_t) n, sizeof(HwrSpan), st);
	if (scratch == NULL || out->classes == NULL || out->spans == NULL)
		return false;
	out->n = n;
	for (int node = kept->node; node != 0; node = beam->tree.parent[node])
		out->classes[--n] = beam->tree.symbol[node];
	out->found_logp = kept->total;
	out->logp = hwr_score_label(q->logp, q->T, q->K, out->classes, out->n, scratch);
	out->lm_logp = prefix->lm_logp;
	out->score = out->logp + (kept->score - kept->total);
	beam->ranked[rank].score = out->score;
	beam->kept[beam->ranked[rank].index].total = out->logp;
	hwr_align_label(q->logp, q->T, q->K, out->classes, out->n, out->spans, scratch);
	return true;
}

/* The kept prefixes that are whole texts, with their final scores; returns their number. */
static int
whole_texts(HwrBeam *beam)
{
	const HwrBeamQuery *q = &beam->query;
	int			count = 0;

	for (int i = 0; i < beam->nkept; i++)
	{
		HwrKept	   *kept = &beam->kept[i];
		HwrPrefix	   *prefix = &beam->prefixes[kept->node];

		kept->score = kept->total + prefix->prior;
		if (q->pattern != NULL && !q->pattern->whole[prefix->pattern])
			continue;
		if (q->lexicon != NULL && prefix->word != HWR_OUTSIDE && !q->lexicon->is_word[prefix->word])
		{
			if (q->outside_penalty == INFINITY)
				continue;
			kept->score -= q->outside_penalty;
		}
		if (q->lm != NULL)
		{
			double		logp = hwr_lm_next(q->lm, prefix->lm_state, HWR_LM_BOUNDARY, NULL);

			prefix->lm_logp += logp;
			kept->score += q->lm_weight * logp;
		}
		beam->ranked[count++] = (HwrRanked) {kept->score, i};
	}
	return count;
}

static int
compare_ranked(const void *a, const void *b)
{
	const HwrRanked *x = a;
	const HwrRanked *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

/* Best first; the exact probabilities may differ in order from those found. */
static int
compare_hypotheses(const void *a, const void *b)
{
	double		x = ((const HwrHypothesis *) a)->score;
	double		y = ((const HwrHypothesis *) b)->score;

	return (x < y) - (x > y);
}

static bool
is_outside(const HwrBeam *beam, const HwrKept *kept)
{
	const HwrLexicon *lexicon = beam->query.lexicon;
	int			word = beam->prefixes[kept->node].word;

	return lexicon != NULL && (word == HWR_OUTSIDE || !lexicon->is_word[word]);
}

/*
 * Log of the weight of all texts that the search did not end with; found: log of the probability of
 * those it did.
 */
static double
rest_weight(const HwrBeam *beam, double found, double even)
{
	const HwrBeamQuery *q = &beam->query;
	double		penalty = q->pattern == NULL && q->outside_penalty < HWR_BEAM_NONE_PENALTY ? q->outside_penalty :
		HWR_BEAM_NONE_PENALTY;
	double		rest = found < beam->allowed ? beam->allowed + log(-expm1(found - beam->allowed)) : -INFINITY;

	return rest + (even - found) - (q->lexicon != NULL || q->pattern != NULL ? penalty : 0);
}

/* The first nbest->n of count ranked texts are the hypotheses, in any order. */
static void
set_confidences(const HwrBeam *beam, int count, HwrNbest *nbest)
{
	const HwrBeamQuery *q = &beam->query;
	double		found = -INFINITY;	/* log P of the texts found, */
	double		weighed = -INFINITY;	/* their weights, */
	double		even = -INFINITY;	/* and these without the lexicon's penalty */

	for (int i = 0; i < count; i++)
	{
		const HwrKept *kept = &beam->kept[beam->ranked[i].index];
		double		score = beam->ranked[i].score;

		found = hwr_log_sum(found, kept->total);
		weighed = hwr_log_sum(weighed, score);
		even = hwr_log_sum(even, score + (is_outside(beam, kept) ? q->outside_penalty : 0));
	}
	nbest->log_weight = weighed;
	nbest->log_found = found < beam->allowed ? found - beam->allowed : 0;
	if (q->confidence != NULL && q->lm != NULL && q->lm_weight > 0 && q->lexicon == NULL && q->pattern == NULL)
	{
		for (int i = 0; i < nbest->n; i++)
			nbest->hypotheses[i].confidence = hwr_confidence_of(q->confidence, nbest->hypotheses[i].score - weighed,
																nbest->log_found);
		return;
	}
	if (found > -INFINITY)
		weighed = hwr_log_sum(weighed, rest_weight(beam, found, even));
	for (int i = 0; i < nbest->n; i++)
	{
		HwrHypothesis *h = &nbest->hypotheses[i];
		double		p = exp(h->score - weighed);

		h->confidence = p >= 1 ? 1 : p > 0 ? p : 0;
	}
}

bool
hwr_beam_end(HwrBeam *beam, int n, HwrNbest *out, HwrStatus *st)
{
	int			count;

	memset(out, 0, sizeof(*out));
	if (beam->t != beam->query.T)
		return hwr_fail(st, HWR_INTERNAL, "beam search ended at step %d of %d", beam->t, beam->query.T);
	count = whole_texts(beam);
	qsort(beam->ranked, (size_t) count, sizeof(HwrRanked), compare_ranked);
	n = n < count ? n : count;
	out->hypotheses = hwr_alloc_zero((size_t) n, sizeof(HwrHypothesis), st);
	if (out->hypotheses == NULL)
		return false;
	out->n = n;
	for (int i = 0; i < n; i++)
		if (!finish_hypothesis(beam, i, &out->hypotheses[i], st))
		{
			hwr_nbest_free(out);
			return false;
		}
	qsort(out->hypotheses, (size_t) n, sizeof(HwrHypothesis), compare_hypotheses);
	set_confidences(beam, count, out);
	return true;
}

bool
hwr_beam_search(HwrBeam *beam, const HwrBeamQuery *query, int n, HwrNbest *out, HwrStatus *st)
{
	memset(out, 0, sizeof(*out));
	if (!hwr_beam_begin(beam, query, st))
		return false;
	for (int t = 0; t < query->T; t++)
		if (!hwr_beam_step(beam, st))
			return false;
	return hwr_beam_end(beam, n, out, st);
}

static void
free_hypothesis(HwrHypothesis *h)
{
	free(h->classes);
	free(h->spans);
}

/* Give to what other has. */
static void
join(HwrHypothesis *to, const HwrHypothesis *other)
{
	to->score = hwr_log_sum(to->score, other->score);
	to->logp = hwr_log_sum(to->logp, other->logp);
	to->found_logp = hwr_log_sum(to->found_logp, other->found_logp);
	to->confidence = to->confidence + other->confidence < 1 ? to->confidence + other->confidence : 1;
}

/* The hypotheses are best first, with their texts. */
static void
join_equals(HwrNbest *nbest, char **texts)
{
	int			kept = 0;

	for (int i = 0; i < nbest->n; i++)
	{
		int			same = 0;

		while (same < kept && strcmp(texts[same], texts[i]) != 0)
			same++;
		if (same < kept)
		{
			join(&nbest->hypotheses[same], &nbest->hypotheses[i]);
			free_hypothesis(&nbest->hypotheses[i]);
		}
		else
		{
			char	   *text = texts[i];

			texts[i] = texts[kept];
			texts[kept] = text;
			nbest->hypotheses[kept++] = nbest->hypotheses[i];
		}
	}
	nbest->n = kept;
}

bool
hwr_nbest_join_texts(HwrNbest *nbest, const HwrAlphabet *alphabet, int n, HwrStatus *st)
{
	int			found = nbest->n;
	char	  **texts = hwr_alloc_zero((size_t) found, sizeof(char *), st);
	bool		ok = texts != NULL;

	for (int i = 0; i < found && ok; i++)
	{
		const HwrHypothesis *h = &nbest->hypotheses[i];
		HwrChar    *chars;
		int			nchars;

		ok = hwr_text_of_classes(alphabet, h->classes, h->spans, h->n, &chars, &nchars, &texts[i], st);
		if (ok)
			free(chars);
	}
	if (ok)
	{
		join_equals(nbest, texts);
		qsort(nbest->hypotheses, (size_t) nbest->n, sizeof(HwrHypothesis), compare_hypotheses);
		for (; nbest->n > n; nbest->n--)
			free_hypothesis(&nbest->hypotheses[nbest->n - 1]);
	}
	for (int i = 0; i < found && texts != NULL; i++)
		free(texts[i]);
	free(texts);
	return ok;
}

void
hwr_nbest_free(HwrNbest *nbest)
{
	for (int i = 0; i < nbest->n; i++)
		free_hypothesis(&nbest->hypotheses[i]);
	free(nbest->hypotheses);
	memset(nbest, 0, sizeof(*nbest));
}
