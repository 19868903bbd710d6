/*
 * rules.c
 *	  Ruled lines, table rules and frames.
 *
 * A rule is a long run of ink along a row (of a level map) of which most is thin across.  Writing
 * that stands on a rule is thick there, so it stays: only the thin columns of the run are erased.
 */
#include "page_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Ink from here on belongs to a rule; faint rules too. */
#define RULE_INK 70

/* Pixels missing in a run that do not end it. */
#define MAX_GAP 2

/* A rule is at most this share of the writing's size thick ... */
#define MAX_THICKNESS(size) ((size) / 5 > 3 ? (size) / 5 : 3)

/*
 * ... over this share of its length (a vertical one, which writing touches all along), and at least
 * so many sizes long.
 */
#define LEAST_THIN 0.6
#define LEAST_THIN_WALL 0.3
#define LEAST_LENGTH 3.5

/* The run of ink through (x, y) down the column; false if it is thicker than max, or there is none. */
static bool
thin_at(const HwrMap *ink, int x, int y, int max, int *top, int *bottom)
{
	int			near = -1;

	for (int dy = 0; dy <= 1 && near < 0; dy++)
	{
		if (y + dy < ink->height && hwr_map_row(ink, y + dy)[x] >= RULE_INK)
			near = y + dy;
		else if (y - dy >= 0 && hwr_map_row(ink, y - dy)[x] >= RULE_INK)
			near = y - dy;
	}
	if (near < 0)
		return false;
	*top = *bottom = near;
	while (*top > 0 && *bottom - *top <= max && hwr_map_row(ink, *top - 1)[x] > RULE_INK / 3)
		--*top;
	while (*bottom + 1 < ink->height && *bottom - *top <= max && hwr_map_row(ink, *bottom + 1)[x] > RULE_INK / 3)
		++*bottom;
	return *bottom - *top < max;
}

/* Erase the run [x0, x1) of row y if it is a rule, and note it in walls. */
static void
try_run(HwrMap *ink, HwrMap *walls, int y, int x0, int x1, int max)
{
	int			thin = 0;
	int			top;
	int			bottom;

	for (int x = x0; x < x1; x++)
		thin += thin_at(ink, x, y, max, &top, &bottom);
	if (thin < (walls != NULL ? LEAST_THIN_WALL : LEAST_THIN) * (x1 - x0))
		return;
	for (int x = x0; x < x1; x++)
	{
		if (walls != NULL)
			hwr_map_row(walls, y)[x] = 255;
		if (thin_at(ink, x, y, max, &top, &bottom))
			for (int v = top; v <= bottom; v++)
				hwr_map_row(ink, v)[x] = 0;
	}
}

/* All rules along the rows; walls may be NULL. */
static void
remove_level(HwrMap *ink, HwrMap *walls, int size)
{
	int			least = (int) (LEAST_LENGTH * size);
	int			max = MAX_THICKNESS(size);

	for (int y = 0; y < ink->height; y++)
	{
		const uint8_t *rows[3] = {hwr_map_row(ink, y > 0 ? y - 1 : 0), hwr_map_row(ink, y),
								  hwr_map_row(ink, y + 1 < ink->height ? y + 1 : y)};
		int			start = -1;
		int			last = -1;

		for (int x = 0; x <= ink->width; x++)
		{
			bool		on = x < ink->width && (rows[0][x] >= RULE_INK || rows[1][x] >= RULE_INK ||
												rows[2][x] >= RULE_INK);

			if (on)
			{
				if (start < 0)
					start = x;
				last = x;
			}
			else if (start >= 0 && (x - last > MAX_GAP || x == ink->width))
			{
				if (last + 1 - start >= least)
					try_run(ink, walls, y, start, last + 1, max);
				start = -1;
			}
		}
	}
}

bool
hwr_page_remove_rules(HwrMap *ink, float slope, int size, HwrMap *walls, HwrStatus *st)
{
	HwrMap		down;
	HwrMap		down_walls;
	int			w = ink->width;
	int			h = ink->height;

	walls->v = NULL;
	remove_level(ink, NULL, size);
	/* Columns as rows, straightened: a vertical rule leans by -slope. */
	if (!hwr_map_create(h, w, &down, st))
		return false;
	if (!hwr_map_create(h, w, &down_walls, st) || !hwr_map_create(w, h, walls, st))
	{
		hwr_map_free(&down);
		hwr_map_free(&down_walls);
		return false;
	}
	for (int pass = 0; pass < 2; pass++)
	{
		for (int y = 0; y < h; y++)
		{
			int			from_middle = y - h / 2;
			int			move = (int) lrintf(slope * (float) from_middle);

			for (int x = 0; x < w; x++)
			{
				int			to = x + move;

				if (to < 0 || to >= w)
					continue;
				if (pass == 0)
					hwr_map_row(&down, to)[y] = hwr_map_row(ink, y)[x];
				else
				{
					hwr_map_row(ink, y)[x] = hwr_map_row(&down, to)[y];
					hwr_map_row(walls, y)[x] = hwr_map_row(&down_walls, to)[y];
				}
			}
		}
		if (pass == 0)
			remove_level(&down, &down_walls, size);
	}
	hwr_map_free(&down);
	hwr_map_free(&down_walls);
	return true;
}

bool
hwr_page_wall_at(const HwrSheet *sheet, int x, float y)
{
	int			reach = (int) (0.3F * sheet->size);
	int			y0 = (int) y - reach > 0 ? (int) y - reach : 0;
	int			y1 = (int) y + reach < sheet->walls.height ? (int) y + reach : sheet->walls.height;
	int			n = 0;

	if (x < 0 || x >= sheet->walls.width)
		return false;
	for (int v = y0; v < y1; v++)
		n += hwr_map_row(&sheet->walls, v)[x] != 0;
	return 2 * n > y1 - y0;
}
