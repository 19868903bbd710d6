/*
 * upright.c
 *	  Which way up a page is.  See upright.h.
 *
 * A page whose writing may lie on its side is looked at again, turned by a quarter.  Then a tile of it, that
 * with most lines, is looked at upside down: where that is surer to have lines, the page stands on its head.
 */
#include "upright.h"

/* Cells from here on may be a baseline, surely are one. */
#define MAY_BE 0.2F
#define SURELY 0.6F

/*
 * Of the cells that may be a baseline, so many surely are one on nearly all pages that are upright; below, a
 * quarter turn is tried.
 */
#define NOT_ON_SIDE 0.5

/* How many times as sure a page must be turned as it is as it lies: by a quarter, by a half. */
#define QUARTER 2.0
#define HALF 1.03

/* How sure rows of the maps are to have baselines; may_be: cells that may be one. */
static double
sureness(const HwrLineMaps *maps, int from, int to, long *may_be, long *surely)
{
	double		sum = 0;

	*may_be = *surely = 0;
	for (int y = from; y < to; y++)
		for (int x = 0; x < maps->width; x++)
		{
			float		b = hwr_line_maps_at(maps, x, y)[HWR_MAP_BASELINE];

			*may_be += b >= MAY_BE;
			*surely += b >= SURELY;
			sum += b >= SURELY ? (double) (b - 0.5F) : 0;
		}
	return sum;
}

/* The rows, as many as one tile computes, with most of baselines. */
static int
best_rows(const HwrLineMaps *maps, int rows)
{
	int			best = 0;
	double		most = -1;

	for (int y = 0; y + rows <= maps->height; y += rows / 4 > 0 ? rows / 4 : 1)
	{
		long		may_be;
		long		surely;
		double		s = sureness(maps, y, y + rows, &may_be, &surely);

		if (s > most)
		{
			most = s;
			best = y;
		}
	}
	return best;
}

/* Whether a tile of the canvas is so many times as sure to have lines upside down. */
static bool
on_its_head(HwrLineNet *net, const HwrPageCanvas *canvas, const HwrLineMaps *maps, double times, bool *answer, HwrStatus *st)
{
	HwrMap		part = {.width = canvas->ink.width};
	HwrMap		turned;
	HwrLineMaps other = {0};
	long		may_be;
	long		surely;
	int			rows = hwr_line_net_rows(net) / maps->cell_y;
	int			from;
	int			next;
	bool		done;
	bool		ok;

	rows = rows < maps->height ? rows : maps->height;
	from = best_rows(maps, rows);
	part.v = hwr_map_row(&canvas->ink, from * maps->cell_y);
	part.height = rows * maps->cell_y < canvas->ink.height - from * maps->cell_y ? rows * maps->cell_y :
		canvas->ink.height - from * maps->cell_y;
	*answer = false;
	if (!hwr_map_turn(&part, 2, &turned, st))
		return false;
	ok = hwr_line_net_step(net, &turned, &other, &next, &done, st);
	if (ok)
		*answer = sureness(&other, 0, other.height, &may_be, &surely) >
			times * sureness(maps, from, from + rows, &may_be, &surely);
	hwr_line_maps_free(&other);
	hwr_map_free(&turned);
	return ok;
}

bool
hwr_page_next_turn(HwrTurns *turns, int turn, HwrLineNet *net, const HwrPageCanvas *canvas, const HwrLineMaps *maps,
				   int *next, HwrStatus *st)
{
	long		may_be = 0;
	long		surely = 0;
	double		sure = maps->v == NULL ? 0 : sureness(maps, 0, maps->height, &may_be, &surely);
	bool		turned = false;

	*next = turn;
	turns->tried++;
	if (turns->tried == 1)
	{
		turns->sureness = sure;
		if (surely == 0 || (double) surely < NOT_ON_SIDE * (double) may_be)
		{
			*next = 1;
			return true;
		}
	}
	else if (turns->tried == 2 && turn == 1 && sure <= QUARTER * turns->sureness)
	{
		*next = 0;
		return true;
	}
	else if (turns->tried > 3 || (turns->tried == 3 && turn != 0))
		return true;
	/* what was not sure as it lies, nor on its side, must be much surer */
	if (maps->v != NULL && !on_its_head(net, canvas, maps, turns->tried == 3 ? QUARTER : HALF, &turned, st))
		return false;
	*next = turned ? (turn + 2) % 4 : turn;
	return true;
}
