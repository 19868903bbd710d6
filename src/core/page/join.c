/*
 * join.c
 *	  Chains to strands: what lies on one line, across the gaps between words, becomes one.
 *
 * A join needs ends that face each other closely and at one height, no vertical rule between them,
 * and no white column that reaches over several lines.  The best joins are made first; each end is
 * used once.
 */
#include "strands.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* In sizes. */
#define MAX_JOIN 3.0
#define MAX_OVERLAP 0.7
#define MAX_RISE 0.4
#define END_LENGTH 2.0

/* Writing is not so much fainter a word further on. */
#define LEAST_RATIO 0.25F

/* More chains than this are noise; the weakest are left out. */
#define MAX_CHAINS 20000

typedef struct Edge
{
	int			left;
	int			right;
	float		cost;
} Edge;

typedef struct End
{
	float		x;
	float		y;
	float		slope;
	float		strength;		/* mean of the chain's */
} End;

/* A straight line through the last columns of a chain's end. */
static End
chain_end(const HwrChain *chain, bool right, float size)
{
	int			n = (int) (END_LENGTH * size / HWR_PAGE_STEP);
	int			lo;
	double		sx = 0;
	double		sy = 0;
	double		sxx = 0;
	double		sxy = 0;
	double		d;
	End			end;

	if (n > chain->n)
		n = chain->n;
	lo = right ? chain->n - n : 0;
	for (int i = lo; i < lo + n; i++)
	{
		sx += chain->points[i].x;
		sy += chain->points[i].y;
		sxx += (double) chain->points[i].x * chain->points[i].x;
		sxy += (double) chain->points[i].x * chain->points[i].y;
	}
	d = n * sxx - sx * sx;
	/* Short chains say little about the direction. */
	end.slope = d <= 0 ? 0 : (float) ((n * sxy - sx * sy) / d);
	end.slope *= (float) n * HWR_PAGE_STEP / (float) (n * HWR_PAGE_STEP + 1.5F * size);
	if (fabsf(end.slope) > 0.2F)
		end.slope = end.slope > 0 ? 0.2F : -0.2F;
	end.strength = chain->strength / (float) chain->n;
	end.x = (float) chain->points[right ? chain->n - 1 : 0].x;
	end.y = (float) (sy / n + end.slope * (end.x - sx / n));
	return end;
}

/* Whether a vertical rule stands between two points. */
static bool
wall_between(const HwrSheet *sheet, const End *a, const End *b)
{
	int			x0 = (int) (a->x < b->x ? a->x : b->x);
	int			x1 = (int) (a->x < b->x ? b->x : a->x);

	for (int x = x0; x <= x1; x++)
		if (hwr_page_wall_at(sheet, x, (a->y + b->y) / 2))
			return true;
	return false;
}

/* The cost of joining, negative if it must not be. */
static float
join_cost(const HwrSheet *sheet, const End *a, const End *b)
{
	float		size = sheet->size;
	float		gap = b->x - a->x;
	float		middle = (a->x + b->x) / 2;
	float		rise;
	float		step;

	if (gap < -MAX_OVERLAP * size || gap > MAX_JOIN * size)
		return -1;
	rise = fabsf((a->y + a->slope * (middle - a->x)) - (b->y + b->slope * (middle - b->x)));
	step = fabsf(b->y - a->y - (a->slope + b->slope) / 2 * gap);
	if (step < rise)
		rise = step;
	if (rise > MAX_RISE * size)
		return -1;
	if (a->strength < LEAST_RATIO * b->strength || b->strength < LEAST_RATIO * a->strength)
		return -1;
	if (wall_between(sheet, a, b))
		return -1;
	return fabsf(gap) / size + 4 * rise / size;
}

static int
compare_edges(const void *a, const void *b)
{
	const Edge *x = a;
	const Edge *y = b;

	if (x->cost != y->cost)
		return x->cost < y->cost ? -1 : 1;
	return x->left != y->left ? x->left - y->left : x->right - y->right;
}

static int
compare_chains(const void *a, const void *b)
{
	const HwrChain *x = a;
	const HwrChain *y = b;

	if (x->points[0].x != y->points[0].x)
		return x->points[0].x - y->points[0].x;
	return x->points[0].y < y->points[0].y ? -1 : x->points[0].y > y->points[0].y;
}

static int
compare_strength(const void *a, const void *b)
{
	const HwrChain *x = a;
	const HwrChain *y = b;

	if (x->strength != y->strength)
		return x->strength > y->strength ? -1 : 1;
	return compare_chains(a, b);
}

/* All joins allowed; chains are sorted by their left ends. */
static bool
find_edges(const HwrSheet *sheet, const HwrChain *chains, int n, const End *ends, Edge **edges, size_t *edges_n,
		   HwrStatus *st)
{
	size_t		room = 0;

	*edges = NULL;
	*edges_n = 0;
	for (int i = 0; i < n; i++)
	{
		const End  *a = &ends[2 * i + 1];
		int			lo = 0;
		int			hi = n;

		while (lo < hi)
		{
			int			mid = (lo + hi) / 2;

			if ((float) chains[mid].points[0].x < a->x - MAX_OVERLAP * sheet->size)
				lo = mid + 1;
			else
				hi = mid;
		}
		for (int j = lo; j < n && ends[2 * j].x <= a->x + MAX_JOIN * sheet->size; j++)
		{
			float		cost;

			if (j == i || fabsf(ends[2 * j].y - a->y) > sheet->size || ends[2 * j + 1].x <= a->x)
				continue;
			cost = join_cost(sheet, a, &ends[2 * j]);
			if (cost < 0)
				continue;
			if (*edges_n == room)
			{
				Edge	   *more;

				room = room == 0 ? 1024 : 2 * room;
				more = hwr_realloc(*edges, room, sizeof(Edge), st);
				if (more == NULL)
					return false;
				*edges = more;
			}
			(*edges)[(*edges_n)++] = (Edge){i, j, cost};
		}
	}
	return true;
}

/* One strand of the chain `first` and those after it. */
static bool
make_strand(const HwrChain *chains, const int *next, int first, float size, HwrStrand *out, HwrStatus *st)
{
	int			n;
	float	   *sum;

	*out = (HwrStrand){0};
	out->k0 = chains[first].points[0].x / HWR_PAGE_STEP;
	for (int c = first; c >= 0; c = next[c])
	{
		int			start = chains[c].points[0].x / HWR_PAGE_STEP;
		int			end = chains[c].points[chains[c].n - 1].x / HWR_PAGE_STEP + 1;

		out->k0 = start < out->k0 ? start : out->k0;
		out->k1 = end > out->k1 ? end : out->k1;
		out->strength += chains[c].strength;
		out->points += chains[c].n;
	}
	out->strength /= (float) out->points;
	n = out->k1 - out->k0;
	sum = hwr_alloc_zero(2 * (size_t) n, sizeof(float), st);
	if (sum == NULL)
		return false;
	/* Columns where chains overlap: the mean. */
	for (int c = first; c >= 0; c = next[c])
		for (int i = 0; i < chains[c].n; i++)
		{
			int			k = chains[c].points[i].x / HWR_PAGE_STEP - out->k0;

			sum[k] += chains[c].points[i].y;
			sum[n + k] += 1;
		}
	for (int k = 0, known = -1; k < n; k++)
	{
		if (sum[n + k] == 0)
			continue;
		sum[k] /= sum[n + k];
		for (int j = known + 1; known >= 0 && j < k; j++)
			sum[j] = sum[known] + (sum[k] - sum[known]) * (float) (j - known) / (float) (k - known);
		known = k;
	}
	/* A running mean over a size takes the letters' ups and downs out. */
	{
		int			r = (int) (0.6F * size / HWR_PAGE_STEP);

		out->y = hwr_alloc((size_t) n, sizeof(float), st);
		for (int k = 0; out->y != NULL && k < n; k++)
		{
			int			reach = k < r ? k : r;
			float		total = 0;

			if (n - 1 - k < reach)
				reach = n - 1 - k;
			for (int j = k - reach; j <= k + reach; j++)
				total += sum[j];
			out->y[k] = total / (float) (2 * reach + 1);
		}
	}
	free(sum);
	return out->y != NULL;
}

static bool
make_strands(const HwrSheet *sheet, const HwrChain *chains, int n, const Edge *edges, size_t edges_n,
			 HwrStrands *out, HwrStatus *st)
{
	int		   *next = hwr_alloc(2 * (size_t) n + 1, sizeof(int), st);
	int		   *before = next == NULL ? NULL : next + n;
	bool		ok;

	out->v = next == NULL ? NULL : hwr_alloc_zero((size_t) n + 1, sizeof(HwrStrand), st);
	ok = out->v != NULL;
	for (int i = 0; ok && i < n; i++)
		next[i] = before[i] = -1;
	for (size_t e = 0; ok && e < edges_n; e++)
		if (next[edges[e].left] < 0 && before[edges[e].right] < 0)
		{
			/* Each join leads to the right, except overlapping ones, which could close a ring. */
			int			last = edges[e].right;

			while (next[last] >= 0)
				last = next[last];
			if (last == edges[e].left)
				continue;
			next[edges[e].left] = edges[e].right;
			before[edges[e].right] = edges[e].left;
		}
	for (int i = 0; ok && i < n; i++)
		if (before[i] < 0)
		{
			ok = make_strand(chains, next, i, sheet->size, &out->v[out->n], st);
			out->n += ok;
		}
	free(next);
	return ok;
}

bool
hwr_page_join(const HwrSheet *sheet, const HwrChains *all, HwrStrands *out, HwrStatus *st)
{
	int			n = all->n;
	HwrChain   *chains = hwr_alloc((size_t) n + 1, sizeof(HwrChain), st);
	End		   *ends = chains == NULL ? NULL : hwr_alloc(2 * (size_t) n + 2, sizeof(End), st);
	Edge	   *edges = NULL;
	size_t		edges_n = 0;
	bool		ok = ends != NULL;

	*out = (HwrStrands){0};
	if (ok)
	{
		memcpy(chains, all->chains, (size_t) n * sizeof(HwrChain));
		if (n > MAX_CHAINS)
		{
			qsort(chains, (size_t) n, sizeof(HwrChain), compare_strength);
			n = MAX_CHAINS;
		}
		qsort(chains, (size_t) n, sizeof(HwrChain), compare_chains);
		for (int i = 0; i < n; i++)
		{
			ends[2 * i] = chain_end(&chains[i], false, sheet->size);
			ends[2 * i + 1] = chain_end(&chains[i], true, sheet->size);
		}
		ok = find_edges(sheet, chains, n, ends, &edges, &edges_n, st);
	}
	if (ok && edges_n > 0)
		qsort(edges, edges_n, sizeof(Edge), compare_edges);
	ok = ok && make_strands(sheet, chains, n, edges, edges_n, out, st);
	free(edges);
	free(ends);
	free(chains);
	if (!ok)
		hwr_page_strands_free(out);
	return ok;
}

void
hwr_page_strands_free(HwrStrands *strands)
{
	for (int i = 0; i < strands->n; i++)
		free(strands->v[i].y);
	free(strands->v);
	*strands = (HwrStrands){0};
}
