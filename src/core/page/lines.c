/*
 * lines.c
 *	  Strands to lines in pixels of the page: baseline, outline, confidence.
 */
#include "strands.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* In sizes: how far the outline goes from the baseline, and on the sides. */
#define OUT_UP 0.68
#define OUT_DOWN 0.27
#define OUT_SIDE 0.1

/* ... of which the line's own heights change so much. */
#define OWN 0.3F

int
hwr_page_simplify(HwrPoint *points, int n, float tolerance)
{
	int			stack[64];
	int			depth = 0;
	int			kept = 0;
	int			from = 0;

	if (n < 3)
		return n;
	/* Depth first, left part first; a range too deep to note is kept whole, which costs points only. */
	stack[depth++] = n - 1;
	points[kept++] = points[0];
	while (depth > 0)
	{
		int			to = stack[depth - 1];
		int			split = -1;
		float		worst = tolerance;

		for (int i = from + 1; i < to; i++)
		{
			float		t = (points[i].x - points[from].x) / (points[to].x - points[from].x);
			float		off = fabsf(points[i].y - points[from].y - t * (points[to].y - points[from].y));

			if (off > worst)
			{
				worst = off;
				split = i;
			}
		}
		if (split >= 0 && depth < 64)
			stack[depth++] = split;
		else
		{
			HwrPoint	end = points[to];

			from = to;
			points[kept++] = end;
			depth--;
		}
	}
	return kept;
}

/* A point of the level sheet in pixels of the straight page. */
static HwrPoint
to_page(const HwrSheet *sheet, float x, float y)
{
	int			column = (int) x;

	if (column < 0)
		column = 0;
	if (column >= sheet->ink.width)
		column = sheet->ink.width - 1;
	return (HwrPoint){x * sheet->factor, (y + sheet->shift[column]) * sheet->factor};
}

/* Points along a strand from x0 to x1, moved by dy; returns their count. */
static int
trace(const HwrSheet *sheet, const HwrStrand *s, float x0, float x1, float dy, HwrPoint *out)
{
	int			n = (int) ((x1 - x0) / (sheet->size / 3)) + 2;

	/* Not simplified on the sheet, but on the page, where slopes count. */
	for (int i = 0; i < n; i++)
	{
		float		x = x0 + (x1 - x0) * (float) i / (float) (n - 1);

		out[i] = to_page(sheet, x, hwr_strand_y(s, (int) x) + dy);
	}
	return hwr_page_simplify(out, n, (float) HWR_TOLERANCE * sheet->size * sheet->factor);
}

static bool
make_line(const HwrSheet *sheet, const HwrStrand *s, HwrPageLine *line, HwrStatus *st)
{
	float		size = sheet->size;
	float		x0 = (float) s->x0;
	float		x1 = (float) s->x1;
	float		up = (float) OUT_UP * size;
	float		down = (float) OUT_DOWN * size;
	int			most;
	int			n;

	if (s->x1 - s->x0 < 2)
	{
		x0 = (float) (s->k0 * HWR_PAGE_STEP);
		x1 = (float) (s->k1 * HWR_PAGE_STEP);
	}
	most = (int) ((x1 - x0 + size) / (size / 3)) + 4;
	line->kind = s->reason == NULL ? HWR_LINE_TEXT : HWR_LINE_REJECTED;
	line->reason = s->reason;
	line->baseline = hwr_alloc((size_t) most, sizeof(HwrPoint), st);
	line->outline = line->baseline == NULL ? NULL : hwr_alloc(2 * (size_t) most, sizeof(HwrPoint), st);
	if (line->outline == NULL)
		return false;
	up += OWN * (s->base - s->top - up);
	down += OWN * (s->bottom - s->base - down);
	line->baseline_n = trace(sheet, s, x0, x1, s->base, line->baseline);
	x0 -= (float) OUT_SIDE * size;
	x1 += (float) OUT_SIDE * size;
	n = trace(sheet, s, x0, x1, s->base - up, line->outline);
	line->outline_n = n + trace(sheet, s, x0, x1, s->base + down, line->outline + n);
	/* The lower side backwards. */
	for (int i = n, j = line->outline_n - 1; i < j; i++, j--)
	{
		HwrPoint	swap = line->outline[i];

		line->outline[i] = line->outline[j];
		line->outline[j] = swap;
	}
	line->size = size * sheet->factor;
	line->confidence = s->reason != NULL ? 0 :
		hwr_page_confidence(s);
	return true;
}

bool
hwr_page_make_lines(const HwrSheet *sheet, const HwrChains *chains, HwrPageLines *out, HwrStatus *st)
{
	HwrStrands	strands;
	bool		ok;

	if (!hwr_page_join(sheet, chains, &strands, st))
		return false;
	ok = hwr_page_split(sheet, &strands, st) && hwr_page_measure(sheet, &strands, st);
	out->lines = ok ? hwr_alloc_zero((size_t) strands.n + 1, sizeof(HwrPageLine), st) : NULL;
	ok = out->lines != NULL;
	for (int i = 0; ok && i < strands.n; i++)
	{
		ok = make_line(sheet, &strands.v[i], &out->lines[i], st);
		out->n = i + 1;
	}
	hwr_page_strands_free(&strands);
	return ok;
}
