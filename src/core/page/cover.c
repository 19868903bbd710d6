/*
 * cover.c
 *	  What of a page its lines cover.  See cover.h.
 */
#include "cover.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A line is covered of whose middle more than this share is. */
#define COVERED 0.4F

/* The cells that a line covers. */
static void
cover(const HwrPageCanvas *canvas, const HwrPageLine *line, HwrMap *cells)
{
	for (int i = 0; i < line->outline_n; i++)
	{
		HwrPoint	a = hwr_page_canvas_point(canvas, line->outline[i]);
		HwrPoint	b = hwr_page_canvas_point(canvas, line->outline[(i + 1) % line->outline_n]);
		int			from = (int) fmaxf(fminf(a.x, b.x) / HWR_COVER_CELL, 0);
		int			to = (int) fminf(fmaxf(a.x, b.x) / HWR_COVER_CELL, (float) cells->width - 1);

		/* even and odd: each side turns over the cells below it */
		for (int x = from; x <= to; x++)
		{
			float		middle = HWR_COVER_CELL * ((float) x + 0.5F);
			float		y;

			if ((a.x <= middle) == (b.x <= middle))
				continue;
			y = a.y + (middle - a.x) / (b.x - a.x) * (b.y - a.y);
			for (int row = (int) fmaxf(ceilf(y / HWR_COVER_CELL - 0.5F), 0); row < cells->height; row++)
				hwr_map_row(cells, row)[x] ^= 1;
		}
	}
}

/* The share of a line's middle that is covered. */
static float
covered(const HwrPageCanvas *canvas, const HwrPageLine *line, const HwrMap *cells)
{
	int			hit = 0;
	int			n = 0;

	for (int i = 0; i + 1 < line->baseline_n; i++)
	{
		HwrPoint	a = hwr_page_canvas_point(canvas, line->baseline[i]);
		HwrPoint	b = hwr_page_canvas_point(canvas, line->baseline[i + 1]);
		int			steps = (int) (fabsf(b.x - a.x) / HWR_COVER_CELL) + 1;

		for (int k = 0; k < steps; k++)
		{
			float		t = ((float) k + 0.5F) / (float) steps;
			int			x = (int) ((a.x + t * (b.x - a.x)) / HWR_COVER_CELL);
			int			y = (int) ((a.y + t * (b.y - a.y) - 0.25F * HWR_CANVAS_PITCH) / HWR_COVER_CELL);

			n++;
			if (x >= 0 && y >= 0 && x < cells->width && y < cells->height)
				hit += hwr_map_row(cells, y)[x];
		}
	}
	return n > 0 ? (float) hit / (float) n : 1;
}

bool
hwr_page_is_covered(const HwrPageCanvas *canvas, const HwrPageLine *line, const HwrMap *cells)
{
	return covered(canvas, line, cells) > COVERED;
}

bool
hwr_page_cover(const HwrPageCanvas *canvas, const HwrPageLines *lines, HwrMap *out, HwrStatus *st)
{
	HwrMap		one;

	if (!hwr_map_create(canvas->ink.width / HWR_COVER_CELL + 1, canvas->ink.height / HWR_COVER_CELL + 1, out, st))
		return false;
	if (!hwr_map_create(out->width, out->height, &one, st))
	{
		hwr_map_free(out);
		return false;
	}
	for (int i = 0; i < lines->n; i++)
	{
		if (lines->lines[i].kind != HWR_LINE_TEXT)
			continue;
		memset(one.v, 0, (size_t) one.width * (size_t) one.height);
		cover(canvas, &lines->lines[i], &one);
		for (size_t k = 0; k < (size_t) one.width * (size_t) one.height; k++)
			out->v[k] |= one.v[k];
	}
	hwr_map_free(&one);
	return true;
}

bool
hwr_page_covered_share(const HwrPageCanvas *canvas, const HwrPageLine *line, const HwrMap *cells, float *share, HwrStatus *st)
{
	HwrMap		own;
	int			n = 0;
	int			both = 0;

	if (!hwr_map_create(cells->width, cells->height, &own, st))
		return false;
	cover(canvas, line, &own);
	for (size_t k = 0; k < (size_t) own.width * (size_t) own.height; k++)
	{
		n += own.v[k];
		both += own.v[k] & cells->v[k];
	}
	hwr_map_free(&own);
	*share = n > 0 ? (float) both / (float) n : 1;
	return true;
}

bool
hwr_page_add_rejected(const HwrPageCanvas *canvas, HwrPageLines *found, HwrPageLines *others, HwrStatus *st)
{
	HwrMap		cells;
	HwrPageLine *lines = hwr_realloc(found->lines, (size_t) found->n + (size_t) others->n + 1, sizeof(HwrPageLine), st);

	if (lines == NULL)
		return false;
	found->lines = lines;
	if (!hwr_page_cover(canvas, found, &cells, st))
		return false;
	for (int i = 0; i < others->n; i++)
	{
		HwrPageLine *line = &others->lines[i];

		if (hwr_page_is_covered(canvas, line, &cells))
			continue;
		if (line->kind == HWR_LINE_TEXT)
			line->reason = "no line to the network";
		line->kind = HWR_LINE_REJECTED;
		line->confidence = 0;
		found->lines[found->n++] = *line;
		*line = (HwrPageLine){0};
	}
	hwr_map_free(&cells);
	return true;
}
