/*
 * clean.c
 *	  Ink that is no writing: specks, the edges of the paper, frames.
 */
#include "page_internal.h"
#include "core/ink/pieces.h"

#include <stdlib.h>
#include <string.h>

#define PIECE_INK 60

/* In squares of the size. */
#define SPECK 0.004

/* In sizes: what is higher and narrower than a share of its height is an edge or a rule; */
#define EDGE_HEIGHT 3.0
#define EDGE_SHARE 0.3
/* so is what is longer and flatter. */
#define EDGE_LENGTH 6.0
#define EDGE_FLAT 0.45
/* A frame or a drawing is larger, and its box emptier. */
#define FRAME 5.0
#define FRAME_INK 0.045
/* What touches the border of the picture and is larger is no writing. */
#define BORDER 2.2

static bool
is_writing(const HwrPiece *p, const HwrMap *ink, float size)
{
	float		w = (float) (p->x1 - p->x0);
	float		h = (float) (p->y1 - p->y0);
	bool		border = p->x0 <= 1 || p->y0 <= 1 || p->x1 >= ink->width - 1 || p->y1 >= ink->height - 1;

	if ((float) p->ink < (float) SPECK * size * size)
		return false;
	if (h > (float) EDGE_HEIGHT * size && w < (float) EDGE_SHARE * h)
		return false;
	if (w > (float) EDGE_LENGTH * size && h < (float) EDGE_FLAT * size)
		return false;
	if (w > (float) FRAME * size && h > (float) FRAME * size && (float) p->ink < (float) FRAME_INK * w * h)
		return false;
	if (border && (h > (float) BORDER * size || (w > (float) BORDER * size && h < (float) EDGE_FLAT * size)))
		return false;
	return true;
}

bool
hwr_page_clean(HwrMap *ink, float size, HwrStatus *st)
{
	HwrPieces	pieces;
	uint8_t    *keep;
	int			x = 0;
	int			y = 0;

	if (!hwr_pieces_find(ink, PIECE_INK, &pieces, st))
		return false;
	keep = hwr_alloc((size_t) pieces.n + 1, 1, st);
	for (int i = 0; keep != NULL && i < pieces.n; i++)
		keep[i] = is_writing(&pieces.pieces[i], ink, size);
	/* A fringe lighter than pieces goes with what it surrounds. */
	for (int i = 0; keep != NULL && i < pieces.runs_n; i++)
	{
		const HwrRun *run = &pieces.runs[i];
		int			x0 = run->x0 > 0 ? run->x0 - 1 : 0;
		int			x1 = run->x1 < ink->width ? run->x1 + 1 : run->x1;

		if (keep[run->piece])
			continue;
		for (y = run->y > 0 ? run->y - 1 : 0; y <= run->y + 1 && y < ink->height; y++)
			for (x = x0; x < x1; x++)
				if (y == run->y || hwr_map_row(ink, y)[x] < PIECE_INK)
					hwr_map_row(ink, y)[x] = 0;
	}
	hwr_pieces_free(&pieces);
	free(keep);
	return keep != NULL;
}
