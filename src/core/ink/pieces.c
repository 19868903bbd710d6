/*
 * pieces.c
 *	  Connected pieces of ink: runs joined with those of the row above, union by the lesser index.
 */
#include "pieces.h"

#include <limits.h>
#include <stdlib.h>

static int
root_of(HwrRun *runs, int i)
{
	while (runs[i].piece != i)
	{
		runs[i].piece = runs[runs[i].piece].piece;
		i = runs[i].piece;
	}
	return i;
}

static void
join(HwrRun *runs, int a, int b)
{
	a = root_of(runs, a);
	b = root_of(runs, b);
	if (a < b)
		runs[b].piece = a;
	else
		runs[a].piece = b;
}

static bool
find_runs(const HwrMap *map, int threshold, HwrPieces *out, HwrStatus *st)
{
	size_t		room = 0;
	size_t		n = 0;

	for (int y = 0; y < map->height; y++)
	{
		const uint8_t *row = hwr_map_row(map, y);

		for (int x = 0; x < map->width; x++)
		{
			int			x0 = x;

			if (row[x] < threshold)
				continue;
			while (x < map->width && row[x] >= threshold)
				x++;
			if (n == room)
			{
				HwrRun	   *more;

				room = room == 0 ? 4096 : 2 * room;
				more = room > INT_MAX ? NULL : hwr_realloc(out->runs, room, sizeof(HwrRun), st);
				if (more == NULL)
					return room > INT_MAX ? hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory") : false;
				out->runs = more;
			}
			out->runs[n] = (HwrRun){x0, x, y, (int) n};
			n++;
		}
	}
	out->runs_n = (int) n;
	return true;
}

/* Every run's piece becomes the index of the first run it is connected with. */
static void
connect_runs(HwrRun *runs, int n)
{
	int			above = 0;
	int			row = 0;

	for (int i = 0; i < n; i++)
	{
		if (i > 0 && runs[i].y != runs[i - 1].y)
		{
			above = runs[i].y == runs[i - 1].y + 1 ? row : i;
			row = i;
		}
		while (above < row && runs[above].x1 < runs[i].x0)
			above++;
		for (int j = above; j < row && runs[j].x0 <= runs[i].x1; j++)
			join(runs, i, j);
	}
}

static bool
gather(HwrPieces *out, HwrStatus *st)
{
	int			n = 0;

	for (int i = 0; i < out->runs_n; i++)
		n += out->runs[i].piece == i;
	out->pieces = hwr_alloc((size_t) n + 1, sizeof(HwrPiece), st);
	if (out->pieces == NULL)
		return false;
	/* A root comes before the runs it holds, so their indices can be replaced from the start. */
	for (int i = 0; i < out->runs_n; i++)
	{
		HwrRun	   *run = &out->runs[i];
		HwrPiece   *piece;

		if (run->piece == i)
		{
			run->piece = out->n++;
			out->pieces[run->piece] = (HwrPiece){run->x0, run->y, run->x1, run->y + 1, 0};
		}
		else
			run->piece = out->runs[run->piece].piece;
		piece = &out->pieces[run->piece];
		piece->x0 = run->x0 < piece->x0 ? run->x0 : piece->x0;
		piece->x1 = run->x1 > piece->x1 ? run->x1 : piece->x1;
		piece->y1 = run->y + 1;
		piece->ink += run->x1 - run->x0;
	}
	return true;
}

bool
hwr_pieces_find(const HwrMap *map, int threshold, HwrPieces *out, HwrStatus *st)
{
	*out = (HwrPieces){0};
	if (!find_runs(map, threshold, out, st))
	{
		hwr_pieces_free(out);
		return false;
	}
	connect_runs(out->runs, out->runs_n);
	for (int i = 0; i < out->runs_n; i++)
		out->runs[i].piece = root_of(out->runs, i);
	if (!gather(out, st))
	{
		hwr_pieces_free(out);
		return false;
	}
	return true;
}

void
hwr_pieces_free(HwrPieces *pieces)
{
	free(pieces->runs);
	free(pieces->pieces);
	*pieces = (HwrPieces){0};
}
