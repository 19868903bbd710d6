/*
 * ridges.c
 *	  Smeared ink to chains of ridge points.
 *
 * The ink is smeared much along the writing and little across.  A line is then a ridge; in every
 * column its top is a greatest value that stands out from what is above and below.  Tops of
 * neighbouring columns that are each other's nearest belong to one chain.
 */
#include "page_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * In sizes: the smear along and across, the distance at which a ridge must stand out, the step from
 * column to column.
 */
#define SMEAR_ALONG 0.45
#define SMEAR_ACROSS 0.155
#define STAND_OUT 0.42
#define MAX_STEP 0.15

/* How much it must stand out, and be, of 255. */
#define LEAST_STRENGTH 5
#define LEAST_INK 7

/* Columns that a chain may miss. */
#define MAX_MISSED 3

/* Shorter chains than this many points say nothing. */
#define LEAST_POINTS 3

typedef struct OpenChain
{
	int			chain;
	int			last;			/* index of its last ridge point */
	float		y;
	int			missed;
} OpenChain;

typedef struct Builder
{
	HwrRidge   *points;			/* in the order of columns */
	int		   *next;			/* the next point of the same chain, -1 */
	size_t		n;
	size_t		room;
	OpenChain  *open;			/* by y */
	int			open_n;
	OpenChain  *next_open;
	int		   *first;			/* first point of each chain */
	int			chains;
	size_t		chains_room;
} Builder;

/* r for which the thrice running mean has this sigma. */
static int
blur_radius(double sigma)
{
	return (int) lround((sqrt(1 + 4 * sigma * sigma) - 1) / 2);
}

/* Tops in column x: count of ridges written to out (room for height / 2). */
static int
tops_of_column(const HwrMap *map, int x, int apart, HwrRidge *out)
{
	int			n = 0;
	size_t		w = (size_t) map->width;
	const uint8_t *v = map->v + x;

	for (int y = 1; y + 1 < map->height; y++)
	{
		int			here = v[(size_t) y * w];
		int			end = y;
		int			above;
		int			below;
		float		strength;

		if (here < LEAST_INK || v[(size_t) (y - 1) * w] >= here)
			continue;
		while (end + 1 < map->height && v[(size_t) (end + 1) * w] == here)
			end++;
		if (end + 1 < map->height && v[(size_t) (end + 1) * w] > here)
		{
			y = end;
			continue;
		}
		above = y - apart >= 0 ? v[(size_t) (y - apart) * w] : 0;
		below = end + apart < map->height ? v[(size_t) (end + apart) * w] : 0;
		strength = (float) here - (float) (above + below) / 2;
		if (strength >= LEAST_STRENGTH)
			out[n++] = (HwrRidge){x, (float) (y + end) / 2, strength};
		y = end;
	}
	return n;
}

static bool
add_point(Builder *b, const HwrRidge *point, HwrStatus *st)
{
	if (b->n == b->room)
	{
		size_t		room = b->room == 0 ? 4096 : 2 * b->room;
		HwrRidge   *points = hwr_realloc(b->points, room, sizeof(HwrRidge), st);
		int		   *next;

		if (points == NULL)
			return false;
		b->points = points;
		next = hwr_realloc(b->next, room, sizeof(int), st);
		if (next == NULL)
			return false;
		b->next = next;
		b->room = room;
	}
	b->points[b->n] = *point;
	b->next[b->n++] = -1;
	return true;
}

static bool
add_chain(Builder *b, int first, HwrStatus *st)
{
	if ((size_t) b->chains == b->chains_room)
	{
		size_t		room = b->chains_room == 0 ? 512 : 2 * b->chains_room;
		int		   *more = hwr_realloc(b->first, room, sizeof(int), st);

		if (more == NULL)
			return false;
		b->first = more;
		b->chains_room = room;
	}
	b->first[b->chains++] = first;
	return true;
}

/* The open chain nearest to y, -1 if there is none. */
static int
nearest_open(const Builder *b, float y)
{
	int			lo = 0;
	int			hi = b->open_n;

	while (lo < hi)
	{
		int			mid = (lo + hi) / 2;

		if (b->open[mid].y < y)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == b->open_n || (lo > 0 && y - b->open[lo - 1].y < b->open[lo].y - y))
		lo--;
	return lo;
}

static int
nearest_top(const HwrRidge *tops, int n, float y)
{
	int			best = 0;
	int			lo = 0;
	int			hi = n;

	while (lo < hi)
	{
		int			mid = (lo + hi) / 2;

		if (tops[mid].y < y)
			lo = mid + 1;
		else
			hi = mid;
	}
	best = lo == n || (lo > 0 && y - tops[lo - 1].y < tops[lo].y - y) ? lo - 1 : lo;
	return best;
}

static int
compare_open(const void *a, const void *b)
{
	const OpenChain *x = a;
	const OpenChain *y = b;

	return x->y < y->y ? -1 : x->y > y->y ? 1 : x->chain - y->chain;
}

/* Continue the open chains with one column's tops; what finds no chain begins one. */
static bool
link_column(Builder *b, const HwrRidge *tops, int n, float reach, HwrStatus *st)
{
	int			kept = 0;

	for (int i = 0; i < n; i++)
	{
		int			c = nearest_open(b, tops[i].y);
		OpenChain  *open = c < 0 ? NULL : &b->open[c];
		int			point = (int) b->n;

		if (!add_point(b, &tops[i], st))
			return false;
		if (open != NULL && nearest_top(tops, n, open->y) == i &&
			fabsf(open->y - tops[i].y) <= reach * (float) (open->missed + 1))
		{
			b->next[open->last] = point;
			b->next_open[kept++] = (OpenChain){open->chain, point, tops[i].y, 0};
			open->missed = MAX_MISSED + 1;
		}
		else
		{
			b->next_open[kept++] = (OpenChain){b->chains, point, tops[i].y, 0};
			if (!add_chain(b, point, st))
				return false;
		}
	}
	for (int i = 0; i < b->open_n; i++)
		if (b->open[i].missed < MAX_MISSED)
		{
			b->next_open[kept] = b->open[i];
			b->next_open[kept++].missed++;
		}
	qsort(b->next_open, (size_t) kept, sizeof(OpenChain), compare_open);
	{
		OpenChain  *swap = b->open;

		b->open = b->next_open;
		b->next_open = swap;
		b->open_n = kept;
	}
	return true;
}

static bool
add_cut(HwrChains *out, size_t *room, const HwrChain *chain, HwrStatus *st)
{
	if ((size_t) out->n == *room)
	{
		HwrChain   *more = hwr_realloc(out->chains, 2 * *room, sizeof(HwrChain), st);

		if (more == NULL)
			return false;
		out->chains = more;
		*room *= 2;
	}
	out->chains[out->n++] = *chain;
	return true;
}

/* The chains, cut where vertical rules cross them. */
static bool
gather_chains(const HwrSheet *sheet, const Builder *b, HwrChains *out, HwrStatus *st)
{
	int			filled = 0;
	size_t		room = (size_t) b->chains + 1;

	out->points = hwr_alloc(b->n + 1, sizeof(HwrRidge), st);
	out->chains = out->points == NULL ? NULL : hwr_alloc(room, sizeof(HwrChain), st);
	if (out->chains == NULL)
		return false;
	for (int c = 0; c < b->chains; c++)
	{
		HwrChain	chain = {out->points + filled, 0, 0};

		for (int i = b->first[c]; i >= 0; i = b->next[i])
		{
			const HwrRidge *point = &b->points[i];
			bool		wall = false;

			for (int x = point->x - HWR_PAGE_STEP / 2; x < point->x + HWR_PAGE_STEP / 2 && !wall; x++)
				wall = hwr_page_wall_at(sheet, x, point->y);
			if (!wall)
			{
				chain.points[chain.n++] = *point;
				chain.strength += point->strength;
			}
			if ((wall || b->next[i] < 0) && chain.n >= LEAST_POINTS && !add_cut(out, &room, &chain, st))
				return false;
			if (wall)
			{
				filled += chain.n >= LEAST_POINTS ? chain.n : 0;
				chain = (HwrChain){out->points + filled, 0, 0};
			}
		}
		filled += chain.n >= LEAST_POINTS ? chain.n : 0;
	}
	return true;
}

bool
hwr_page_find_chains(const HwrSheet *sheet, HwrChains *out, HwrStatus *st)
{
	HwrMap		map = {sheet->ink.width, sheet->ink.height, NULL};
	size_t		pixels = (size_t) map.width * (size_t) map.height;
	int			apart = (int) lround(STAND_OUT * sheet->size);
	Builder		b = {0};
	HwrRidge   *tops = NULL;
	bool		ok = false;

	*out = (HwrChains){0};
	/* Open chains: the tops of this column and of those that may be missed. */
	map.v = hwr_alloc(pixels, 1, st);
	if (map.v == NULL)
		return false;
	memcpy(map.v, sheet->ink.v, pixels);
	tops = hwr_alloc((size_t) map.height / 2 + 1, sizeof(HwrRidge), st);
	b.open = tops == NULL ? NULL :
		hwr_alloc((size_t) (MAX_MISSED + 2) * ((size_t) map.height / 2 + 1), sizeof(OpenChain), st);
	b.next_open = b.open == NULL ? NULL :
		hwr_alloc((size_t) (MAX_MISSED + 2) * ((size_t) map.height / 2 + 1), sizeof(OpenChain), st);
	if (b.next_open != NULL && hwr_map_blur_x(&map, blur_radius(SMEAR_ALONG * sheet->size), st) &&
		hwr_map_blur_y(&map, blur_radius(SMEAR_ACROSS * sheet->size), st))
	{
		ok = true;
		for (int x = HWR_PAGE_STEP / 2; ok && x < map.width; x += HWR_PAGE_STEP)
			ok = link_column(&b, tops, tops_of_column(&map, x, apart > 1 ? apart : 1, tops),
							 (float) (MAX_STEP * sheet->size), st);
		ok = ok && gather_chains(sheet, &b, out, st);
	}
	free(b.points);
	free(b.next);
	free(b.first);
	free(b.open);
	free(b.next_open);
	free(tops);
	hwr_map_free(&map);
	if (!ok)
		hwr_page_chains_free(out);
	return ok;
}

void
hwr_page_chains_free(HwrChains *chains)
{
	free(chains->points);
	free(chains->chains);
	*chains = (HwrChains){0};
}
