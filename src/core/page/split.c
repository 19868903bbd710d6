/*
 * split.c
 *	  Strands cut where a column ends: at a gap that reaches over several lines.
 *
 * Words of a line are parted by gaps, too, but these seldom stand above each other.
 */
#include "strands.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define INK 110

/* In sizes: the gap in the line, the white column in it, and how far it reaches up and down. */
#define GAP 0.7
#define WHITE 0.4
#define REACH 3.2
/* At the top and bottom of columns, where the gap must be wider. */
#define END_GAP 1.2
#define NEAR_REACH 0.9
#define FAR_REACH 5
/* Ink beside the gap, above or below the line, of a box so wide and as high as the reach; of 255. */
#define SIDE 3.0
#define SIDE_INK 4
#define BODY 0.4

/* Sum of ink in a box cut to the sheet, leaning with the columns: rows are shifted by -slope a row from y. */
static double
box(const HwrSheet *sheet, const uint32_t *sums, double x0, double x1, double y, double from, double to)
{
	size_t		stride = (size_t) sheet->ink.width + 1;
	double		total = 0;
	int			parts = 6;

	for (int i = 0; i < parts; i++)
	{
		double		top = from + (to - from) * i / parts;
		double		bottom = from + (to - from) * (i + 1) / parts;
		double		move = -sheet->slope * ((top + bottom) / 2 - y);
		int			a = (int) lround(x0 + move);
		int			b = (int) lround(x1 + move);
		int			c = (int) lround(top);
		int			d = (int) lround(bottom);

		a = a < 0 ? 0 : a;
		b = b > sheet->ink.width ? sheet->ink.width : b;
		c = c < 0 ? 0 : c;
		d = d > sheet->ink.height ? sheet->ink.height : d;
		if (a < b && c < d)
			total += sums[(size_t) d * stride + (size_t) b] - sums[(size_t) d * stride + (size_t) a] -
				sums[(size_t) c * stride + (size_t) b] + sums[(size_t) c * stride + (size_t) a];
	}
	return total;
}

/*
 * Whether a white column goes through the gap [g0, g1) of a line at y, from up sizes above to down
 * sizes below it.
 */
static bool
column_through(const HwrSheet *sheet, const uint32_t *sums, int g0, int g1, float y, double up, double down)
{
	double		size = sheet->size;
	double		white = WHITE * size;
	double		limit = white * (up + down) * size;
	bool		open = false;

	for (double x = g0; x + white <= g1 && !open; x += white / 4)
		open = box(sheet, sums, x, x + white, y, y - up * size, y + down * size) < limit;
	if (!open)
		return false;
	/* Lines above or below on both sides: else it is a gap in a line that stands alone. */
	for (int below = 0; below < 2; below++)
	{
		double		from = below ? y + size / 2 : y - up * size;
		double		to = below ? y + down * size : y - size / 2;
		double		side = SIDE_INK * SIDE * size * (to - from);

		if (to - from > 1.5 * size && box(sheet, sums, g0 - SIDE * size, g0, y, from, to) > side &&
			box(sheet, sums, g1, g1 + SIDE * size, y, from, to) > side)
			return true;
	}
	return false;
}

/* Whether columns end in the gap: in the middle of them, at their top, or at their bottom. */
static bool
column_ends(const HwrSheet *sheet, const uint32_t *sums, int g0, int g1, float y)
{
	if (column_through(sheet, sums, g0, g1, y, REACH, REACH))
		return true;
	return g1 - g0 > END_GAP * sheet->size &&
		(column_through(sheet, sums, g0, g1, y, NEAR_REACH, FAR_REACH) ||
		 column_through(sheet, sums, g0, g1, y, FAR_REACH, NEAR_REACH));
}

/* The part of a strand from column k0 to k1. */
static bool
part_of(const HwrStrand *s, int k0, int k1, HwrStrand *out, HwrStatus *st)
{
	*out = *s;
	out->k0 = k0;
	out->k1 = k1;
	out->points = (int) ((int64_t) s->points * (k1 - k0) / (s->k1 - s->k0));
	out->y = hwr_alloc((size_t) (k1 - k0), sizeof(float), st);
	if (out->y == NULL)
		return false;
	memcpy(out->y, s->y + (k0 - s->k0), (size_t) (k1 - k0) * sizeof(float));
	return true;
}

static bool
body_is_blank(const HwrSheet *sheet, const HwrStrand *s, int x)
{
	float		y = hwr_strand_y(s, x);
	int			reach = (int) (BODY * sheet->size);

	for (int v = (int) y - reach; v <= (int) y + reach; v++)
		if (v >= 0 && v < sheet->ink.height && hwr_map_row(&sheet->ink, v)[x] >= INK)
			return false;
	return true;
}

static bool
add_part(HwrStrands *out, size_t *room, const HwrStrand *s, int k0, int k1, HwrStatus *st)
{
	if (k1 <= k0)
		return true;
	if ((size_t) out->n == *room)
	{
		HwrStrand  *more = hwr_realloc(out->v, 2 * *room, sizeof(HwrStrand), st);

		if (more == NULL)
			return false;
		out->v = more;
		*room *= 2;
	}
	if (!part_of(s, k0, k1, &out->v[out->n], st))
		return false;
	out->n++;
	return true;
}

static bool
split_strand(const HwrSheet *sheet, const uint32_t *sums, const HwrStrand *s, HwrStrands *out, size_t *room,
			 HwrStatus *st)
{
	int			from = s->k0;
	int			x1 = s->k1 * HWR_PAGE_STEP < sheet->ink.width ? s->k1 * HWR_PAGE_STEP : sheet->ink.width;
	int			gap = -1;

	for (int x = s->k0 * HWR_PAGE_STEP; x < x1; x++)
	{
		if (body_is_blank(sheet, s, x))
		{
			if (gap < 0)
				gap = x;
			continue;
		}
		if (gap >= 0 && x - gap >= GAP * sheet->size && gap > s->k0 * HWR_PAGE_STEP &&
			column_ends(sheet, sums, gap, x, hwr_strand_y(s, (gap + x) / 2)))
		{
			if (!add_part(out, room, s, from, gap / HWR_PAGE_STEP, st))
				return false;
			from = x / HWR_PAGE_STEP;
		}
		gap = -1;
	}
	return add_part(out, room, s, from, s->k1, st);
}

bool
hwr_page_split(const HwrSheet *sheet, HwrStrands *strands, HwrStatus *st)
{
	HwrStrands	out = {0};
	size_t		room = (size_t) strands->n + 16;
	uint32_t   *sums = hwr_map_sums(&sheet->ink, st);
	bool		ok;

	out.v = sums == NULL ? NULL : hwr_alloc(room, sizeof(HwrStrand), st);
	ok = out.v != NULL;
	for (int i = 0; ok && i < strands->n; i++)
		ok = split_strand(sheet, sums, &strands->v[i], &out, &room, st);
	free(sums);
	if (!ok)
	{
		hwr_page_strands_free(&out);
		return false;
	}
	hwr_page_strands_free(strands);
	*strands = out;
	return true;
}
