/*
 * upright.c
 *	  Which way up a page is.  See upright.h.
 *
 * A tile of the page, that with most lines, is looked at upside down as well: where that is surer to have lines, the page
 * stands on its head.  One whose writing may lie on its side is looked at again, turned by a quarter, in the same way; of the
 * four the surest is taken, if it is much surer than the page as it lies.
 */
#include "upright.h"

#include <math.h>

/* Cells from here on may be a baseline, surely are one. */
#define MAY_BE 0.2F
#define SURELY 0.6F

/*
 * Of the cells that may be a baseline, so many surely are one on nearly all pages that are upright; below, and where they are
 * fewer than those of two words, a quarter turn is tried.
 */
#define NOT_ON_SIDE 0.5
#define FEW_CELLS 60

/* How many times as sure a page must be turned as it is as it lies: one that may lie on its side, and another by a half. */
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

/* The darkness of rows of cells. */
static double
darkness(const HwrMap *ink, const HwrLineMaps *maps, int from, int to)
{
	double		sum = 0;

	for (int y = from * maps->cell_y; y < to * maps->cell_y && y < ink->height; y++)
		for (int x = 0; x < ink->width; x++)
			sum += hwr_map_row(ink, y)[x];
	return sum;
}

/* The rows, as many as one tile computes, with most of baselines; where there is none, with most ink. */
static int
best_rows(const HwrMap *ink, const HwrLineMaps *maps, int rows, bool lines)
{
	int			best = 0;
	double		most = -1;

	for (int y = 0; y + rows <= maps->height; y += rows / 4 > 0 ? rows / 4 : 1)
	{
		long		may_be;
		long		surely;
		double		s = lines ? sureness(maps, y, y + rows, &may_be, &surely) : darkness(ink, maps, y, y + rows);

		if (s > most)
		{
			most = s;
			best = y;
		}
	}
	return best;
}

/* How sure a tile of the canvas is to have lines as it lies, and upside down. */
static bool
look_at_head(HwrLineNet *net, const HwrPageCanvas *canvas, const HwrLineMaps *maps, bool lines, double *here, double *head,
			 HwrStatus *st)
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
	from = best_rows(&canvas->ink, maps, rows, lines);
	part.v = hwr_map_row(&canvas->ink, from * maps->cell_y);
	part.height = rows * maps->cell_y < canvas->ink.height - from * maps->cell_y ? rows * maps->cell_y :
		canvas->ink.height - from * maps->cell_y;
	if (!hwr_map_turn(&part, 2, &turned, st))
		return false;
	ok = hwr_line_net_step(net, &turned, &other, &next, &done, st);
	if (ok)
	{
		*head = sureness(&other, 0, other.height, &may_be, &surely);
		*here = sureness(maps, from, from + rows, &may_be, &surely);
	}
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
	double		here = 0;
	double		head = 0;

	*next = turn;
	if (++turns->tried > 2 || (turns->tried == 2 && turn == 2))
		return true;
	if (maps->v != NULL && !look_at_head(net, canvas, maps, surely > 0, &here, &head, st))
		return false;
	if (turns->tried == 1)
	{
		turns->sureness = sure;
		turns->head = head;
		if (surely < FEW_CELLS || (double) surely < NOT_ON_SIDE * (double) may_be)
			*next = 1;
		else if (head > HALF * here)
			*next = 2;
		return true;
	}
	if (fmax(fmax(sure, head), turns->head) <= QUARTER * turns->sureness)
		*next = 0;
	else if (turns->head > fmax(sure, head))
		*next = 2;
	else if (head > sure)
		*next = 3;
	return true;
}
