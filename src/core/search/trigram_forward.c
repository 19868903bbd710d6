/*
 * trigram_forward.c
 *	  Where the symbols of a line may be written, after which others.
 *
 * For each last symbol: a class that is a character is the last symbol itself, so what goes along is a sum for each class of the
 * step and one for each symbol.
 */
#include "trigram_internal.h"

/* More places than these: a line may have nearly all trigrams. */
#define MAX_WRITTEN (1 << 18)

/* Room for rounding where two sums of the same numbers are compared. */
#define ROUNDING 1e-9

static bool
add_written(HwrTrigrams *t, int entry, int before, double p, HwrStatus *st)
{
	if (t->nwritten == t->written_room)
	{
		int			room = t->written_room * 2 + 1024;
		HwrWritten *grown = hwr_realloc(t->written, (size_t) room, sizeof(HwrWritten), st);

		if (grown == NULL)
			return false;
		t->written = grown;
		t->written_room = room;
	}
	t->written[t->nwritten++] = (HwrWritten) {entry, before, p};
	return true;
}

/* Whether so little is left out, of what may be so far. */
static bool
leave_out(HwrTrigrams *t, const HwrClassFold *fold, double p, double may)
{
	for (int i = 0; i < fold->n; i++)
		if (!(p <= (may - t->left_out[fold->symbols[i]]) * HWR_TRIGRAM_LESS))
			return false;
	for (int i = 0; i < fold->n; i++)
		t->left_out[fold->symbols[i]] += p;
	return true;
}

void
hwr_trigram_likely(const HwrTrigrams *t, const double *numbers, double total, double least, HwrLikely *likely)
{
	int		   *symbols = likely->symbols;
	int			M = t->symbols.n;
	double		rest = total;
	int			n = 0;

	for (int a = 0; a < M; a++)
	{
		symbols[n] = a;
		n += numbers[a] > least;
	}
	for (int i = 0; i < n; i++)
		rest -= numbers[symbols[i]];
	likely->n = n;
	/* Rounding must not make it too little. */
	likely->rest = n == M ? 0 : rest > 0 ? rest + ROUNDING : ROUNDING;
}

/*
 * The places of a class of the step, probable or not: after each last symbol but that of the same class at the step before,
 * which has same.
 */
static bool
add_places(HwrTrigrams *t, int e, double p, const HwrClassFold *fold, double same, double may, HwrStatus *st)
{
	int			last = fold->symbols[fold->n - 1];
	double	   *left_out = &t->left_out[fold->symbols[0]];
	bool		all;
	int			n;

	if (t->likely.n < 0)
		hwr_trigram_likely(t, t->sums, t->total, t->bound * HWR_TRIGRAM_RARE, &t->likely);
	all = !leave_out(t, fold, p * t->likely.rest, may);
	n = all ? t->symbols.n : t->likely.n;
	for (int i = 0; i < n; i++)
	{
		int			a = all ? i : t->likely.symbols[i];
		double		flow = p * (a == last ? t->sums[a] - same : t->sums[a]);

		if (!(flow > 0))
			continue;
		if (fold->n == 1 && flow <= (may - *left_out) * HWR_TRIGRAM_LESS)
			*left_out += flow;
		else if ((fold->n == 1 || !leave_out(t, fold, flow, may)) && !add_written(t, e, a, flow, st))
			return false;
	}
	return true;
}

/* A step forward: the probability of each class and each last symbol, and the places where symbols are written. */
bool
hwr_trigram_forward(HwrTrigrams *t, HwrStatus *st)
{
	const HwrSparse *s = t->s;
	int			now = t->forward++;
	const HwrSparseStep *at = &s->at[now];
	const HwrEntry *entries = s->entries + at->entry;
	const double *before = t->classes[(now + 1) % 2];
	double	   *classes = t->classes[now % 2];
	double	   *sums = t->sums;
	int			M = t->symbols.n;
	double		may = t->bound * HWR_TRIGRAM_PLACES_SHARE * t->forward / s->nsteps;
	double		none = 0;		/* probability of classes without symbols */
	const HwrEntry *last = now > 0 ? s->entries + at[-1].entry : NULL;
	int			nlast = now > 0 ? at[-1].n : 0;
	int			from = 0;

	t->first[now] = t->nwritten;
	t->likely.n = -1;			/* to be found where it is needed */
	for (int e = 0; e < at->n; e++)
	{
		const HwrClassFold *fold = &t->folds[entries[e].class];
		double		p = entries[e].p;
		int			again = fold->n > 0 ? hwr_trigram_entry(last, nlast, entries[e].class, &from) : -1;
		double		same = again < 0 ? 0 : before[again];
		double		all = p * (t->total - same);

		if (fold->n == 0)
		{
			none += p;
			continue;
		}
		/* Rounding must not make it negative. */
		all = all > 0 ? all : 0;
		/* A separator after another is no symbol, and none is the middle of a trigram; others may be left out all together. */
		if (!(fold->n == 1 && fold->symbols[0] == HWR_TRIGRAM_SEPARATOR) && !leave_out(t, fold, all, may) &&
			!add_places(t, e, p, fold, same, may, st))
			return false;
		classes[e] = p * same + all;
	}
	for (int a = 0; a < M; a++)
		sums[a] *= none;
	t->total *= none;
	for (int e = 0; e < at->n; e++)
	{
		const HwrClassFold *fold = &t->folds[entries[e].class];

		if (fold->n == 0)
			continue;
		sums[fold->symbols[fold->n - 1]] += classes[e];
		t->total += classes[e];
	}
	t->first[now + 1] = t->nwritten;
	t->any = t->nwritten > MAX_WRITTEN;
	return true;
}
