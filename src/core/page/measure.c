/*
 * measure.c
 *	  What ink a strand has: where it begins and ends, how high it is, and whether it is a line at all.
 *
 * A pixel belongs to the strand whose body is nearest, with a little more room above than below, as letters
 * have.
 */
#include "strands.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define INK 110

/* In sizes. */
#define REACH_UP 1.1
#define REACH_DOWN 0.9
#define BODY 0.4

/* Share of the distance between two middles that belongs to the lower and to the upper line. */
#define SHARE_UP 0.58
#define SHARE_DOWN 0.46

/* A word at a line's end is dropped if it is shorter than a spot, or faint, or far away. */
#define WORD_GAP 0.6
#define SPOT 0.25
#define FAINT 0.9
#define FAINT_INK 0.5
#define FAR_GAP 1.3
#define FAR_WIDTH 0.6

/* A line's ink and length at least, in squares and lengths of the size. */
#define LEAST_AREA 0.05
#define LEAST_WIDTH 0.4
/* So much of a strand beside a stronger one, so near, makes it a part of that. */
#define SHADOW_SHARE 0.6
#define SHADOW_DISTANCE 0.55

#define LEAST_CONFIDENCE 0.5F

/* Ink that fills so much of the body's box is no writing. */
#define SOLID 0.8

typedef struct Crossing
{
	float		y;
	int			strand;
} Crossing;

/* The strands that cross each column of the ridge map, from top to bottom. */
typedef struct Columns
{
	int			n;
	size_t	   *start;			/* [n + 1] */
	Crossing   *crossings;
} Columns;

static int
compare_crossings(const void *a, const void *b)
{
	const Crossing *x = a;
	const Crossing *y = b;

	return x->y < y->y ? -1 : x->y > y->y ? 1 : x->strand - y->strand;
}

static bool
make_columns(const HwrSheet *sheet, const HwrStrands *strands, Columns *out, HwrStatus *st)
{
	size_t	   *fill;

	out->n = sheet->ink.width / HWR_PAGE_STEP + 1;
	out->crossings = NULL;
	out->start = hwr_alloc_zero(2 * (size_t) out->n + 2, sizeof(size_t), st);
	if (out->start == NULL)
		return false;
	fill = out->start + out->n + 1;
	for (int i = 0; i < strands->n; i++)
		for (int k = strands->v[i].k0; strands->v[i].reason == NULL && k < strands->v[i].k1; k++)
			out->start[k + 1]++;
	for (int k = 0; k < out->n; k++)
	{
		out->start[k + 1] += out->start[k];
		fill[k] = out->start[k];
	}
	out->crossings = hwr_alloc(out->start[out->n] + 1, sizeof(Crossing), st);
	if (out->crossings == NULL)
	{
		free(out->start);
		return false;
	}
	for (int i = 0; i < strands->n; i++)
		for (int k = strands->v[i].k0; strands->v[i].reason == NULL && k < strands->v[i].k1; k++)
			out->crossings[fill[k]++] = (Crossing){strands->v[i].y[k - strands->v[i].k0], i};
	for (int k = 0; k < out->n; k++)
		qsort(out->crossings + out->start[k], out->start[k + 1] - out->start[k], sizeof(Crossing),
			  compare_crossings);
	return true;
}

static void
free_columns(Columns *columns)
{
	free(columns->start);
	free(columns->crossings);
}

/* How far up and down from y at pixel column x a strand's own ink may lie. */
static void
limits_at(const Columns *columns, int x, float y, int strand, float size, float *up, float *down)
{
	int			k = x / HWR_PAGE_STEP < columns->n ? x / HWR_PAGE_STEP : columns->n - 1;

	*up = (float) REACH_UP * size;
	*down = (float) REACH_DOWN * size;
	for (size_t i = columns->start[k]; i < columns->start[k + 1]; i++)
	{
		const Crossing *c = &columns->crossings[i];

		if (c->strand == strand)
			continue;
		if (c->y < y && (y - c->y) * (float) SHARE_UP < *up)
			*up = (y - c->y) * (float) SHARE_UP;
		if (c->y >= y && (c->y - y) * (float) SHARE_DOWN < *down)
			*down = (c->y - y) * (float) SHARE_DOWN;
	}
}

/* Strands that go along a stronger one, nearer than lines can be. */
static void
reject_shadows(const Columns *columns, HwrStrands *strands, float size)
{
	for (int i = 0; i < strands->n; i++)
	{
		HwrStrand  *s = &strands->v[i];
		int			shadowed = 0;

		for (int k = s->k0; s->reason == NULL && k < s->k1; k++)
			for (size_t c = columns->start[k]; c < columns->start[k + 1]; c++)
			{
				const Crossing *other = &columns->crossings[c];
				const HwrStrand *o = &strands->v[other->strand];
				float		distance = fabsf(other->y - s->y[k - s->k0]);

				/* The stronger by strength and length is the line. */
				if (other->strand != i && distance < (float) SHADOW_DISTANCE * size &&
					(o->strength * (float) o->points > s->strength * (float) s->points ||
					 (o->strength * (float) o->points == s->strength * (float) s->points && other->strand < i)))
				{
					shadowed++;
					break;
				}
			}
		if (shadowed > SHADOW_SHARE * (s->k1 - s->k0))
			s->reason = "part of another line";
	}
}

/* Where the ink of the body begins (step 1) or ends (step -1), starting outside; -1 if there is none. */
static int
ink_end(const int *columns, int from, int to, int step, int window, int least)
{
	for (int x = from; x != to; x += step)
	{
		int			sum = 0;

		if (columns[x] == 0)
			continue;
		for (int i = 0; i < window && x + i * step != to; i++)
			sum += columns[x + i * step];
		if (sum >= least)
			return x;
	}
	return -1;
}

/*
 * The end of a line of ink [x, end) in direction step, without what stands apart from it and is too
 * little, too faint or too far away to be a word: edges of the paper, spots, what shows through.
 */
static int
without_spots(const int *columns, int x, int end, int step, float size, double mean)
{
	for (;;)
	{
		int			last = x;	/* of the outermost word */
		int			next;
		double		ink = 0;
		float		width;
		float		gap;

		for (next = x; next != end && (next - last) * step < (int) (WORD_GAP * size); next += step)
			if (columns[next] != 0)
			{
				ink += columns[next];
				last = next;
			}
		while (next != end && columns[next] == 0)
			next += step;
		if (next == end)
			return x;
		width = (float) ((last - x) * step + 1);
		gap = (float) ((next - last) * step);
		if (!(width < (float) SPOT * size || (width < (float) FAINT * size && ink / width < FAINT_INK * mean) ||
			  (gap > (float) FAR_GAP * size && width < (float) FAR_WIDTH * size)))
			return x;
		x = next;
	}
}

/* The heights of body and letters from rows[]: ink by distance from the middle, up from -REACH_UP. */
static void
measure_heights(HwrStrand *s, const double *rows, int n, int zero, float size)
{
	double		peak = 0;
	double		total = 0;
	double		sum = 0;
	int			at = zero;
	int			reach = (int) (0.25F * size);
	int			top = 0;
	int			bottom;
	bool		have_top = false;

	for (int i = 0; i < n; i++)
		total += rows[i];
	for (int i = zero - reach > 0 ? zero - reach : 0; i <= zero + reach && i < n; i++)
		if (rows[i] > peak)
		{
			peak = rows[i];
			at = i;
		}
	bottom = at;
	while (bottom + 1 < n && bottom < zero + (int) (0.5F * size) && rows[bottom + 1] > 0.45 * peak)
		bottom++;
	top = at;
	while (top > 0 && top > zero - (int) (0.5F * size) && rows[top - 1] > 0.45 * peak)
		top--;
	s->base = (float) (bottom + 1 - zero);
	s->body_top = (float) (top - zero);
	s->top = s->body_top;
	s->bottom = s->base;
	for (int i = 0; i < n; i++)
	{
		sum += rows[i];
		if (!have_top && sum > 0.02 * total)
		{
			s->top = (float) (i - zero);
			have_top = true;
		}
		if (sum <= 0.985 * total)
			s->bottom = (float) (i + 1 - zero);
	}
	if (s->bottom < s->base)
		s->bottom = s->base;
}

/* As far from a strand's end as no vertical rule stands in the way. */
static int
outward(const HwrSheet *sheet, const HwrStrand *s, int from, int to, int step)
{
	int			x = from < sheet->ink.width ? from : sheet->ink.width;

	while (x != to && !hwr_page_wall_at(sheet, x, hwr_strand_y(s, x)))
		x += step;
	return x;
}

static void
measure_strand(const HwrSheet *sheet, const Columns *columns, HwrStrand *s, int index, int *body, double *rows)
{
	float		size = sheet->size;
	int			margin = (int) (0.9F * size);
	int			from = s->k0 * HWR_PAGE_STEP - margin;
	int			to = s->k1 * HWR_PAGE_STEP + margin;
	int			zero = (int) (REACH_UP * size) + 1;
	int			n = zero + (int) (REACH_DOWN * size) + 2;
	int			x0;
	int			x1;

	from = outward(sheet, s, s->k0 * HWR_PAGE_STEP, from > 0 ? from : 0, -1);
	to = outward(sheet, s, s->k1 * HWR_PAGE_STEP, to < sheet->ink.width ? to : sheet->ink.width, 1);
	memset(rows, 0, (size_t) n * sizeof(double));
	for (int x = from; x < to; x++)
	{
		float		y = hwr_strand_y(s, x);
		float		up;
		float		down;

		body[x] = 0;
		limits_at(columns, x, y, index, size, &up, &down);
		for (int v = (int) ceilf(y - up); v <= (int) (y + down); v++)
		{
			int			row = v - (int) lrintf(y) + zero;

			if (v < 0 || v >= sheet->ink.height || row < 0 || row >= n)
				continue;
			if (hwr_map_row(&sheet->ink, v)[x] < INK)
				continue;
			if (fabsf((float) v - y) <= (float) BODY * size)
				body[x]++;
			if (x >= s->k0 * HWR_PAGE_STEP && x < s->k1 * HWR_PAGE_STEP)
				rows[row]++;
		}
	}
	for (int i = 0; i < n; i++)
		s->ink += rows[i];
	x0 = ink_end(body, from, to, 1, (int) (0.7F * size) + 1, (int) (0.25F * size) + 1);
	x1 = ink_end(body, to - 1, from - 1, -1, (int) (0.7F * size) + 1, (int) (0.25F * size) + 1);
	if (x0 >= 0 && x1 > x0)
	{
		double		mean = 0;
		int			columns_n = 1;

		for (int x = x0; x <= x1; x++)
		{
			mean += body[x];
			columns_n += body[x] > 0;
		}
		mean /= columns_n;
		x0 = without_spots(body, x0, x1 + 1, 1, size, mean);
		x1 = without_spots(body, x1, x0 - 1, -1, size, mean);
	}
	s->x0 = x0;
	s->x1 = x1 + 1;
	measure_heights(s, rows, n, zero, size);
	if (x0 < 0 || x1 <= x0)
		s->reason = "no ink of its own";
	else if (s->ink < LEAST_AREA * size * size || x1 - x0 < LEAST_WIDTH * size)
		s->reason = "too small";
	else if (s->ink > SOLID * (x1 - x0) * (s->base - s->top))
		s->reason = "a solid area";
}

/* Of the two sides, on how many a strand runs beside this one at a line's distance, for half its length. */
static int
count_neighbours(const Columns *columns, const HwrStrand *s, int index, float size)
{
	int			above = 0;
	int			below = 0;

	for (int k = s->k0; k < s->k1; k++)
	{
		float		y = s->y[k - s->k0];
		bool		up = false;
		bool		down = false;

		for (size_t i = columns->start[k]; i < columns->start[k + 1]; i++)
		{
			float		d = columns->crossings[i].y - y;

			if (columns->crossings[i].strand == index)
				continue;
			up = up || (d < -0.6F * size && d > -1.8F * size);
			down = down || (d > 0.6F * size && d < 1.8F * size);
		}
		above += up;
		below += down;
	}
	return (2 * above > s->k1 - s->k0) + (2 * below > s->k1 - s->k0);
}

bool
hwr_page_measure(const HwrSheet *sheet, HwrStrands *strands, HwrStatus *st)
{
	Columns		columns;
	int		   *body;
	double	   *rows;
	int			n = (int) ((REACH_UP + REACH_DOWN) * sheet->size) + 8;

	if (!make_columns(sheet, strands, &columns, st))
		return false;
	reject_shadows(&columns, strands, sheet->size);
	free_columns(&columns);
	if (!make_columns(sheet, strands, &columns, st))
		return false;
	body = hwr_alloc((size_t) sheet->ink.width, sizeof(int), st);
	rows = body == NULL ? NULL : hwr_alloc((size_t) n, sizeof(double), st);
	for (int i = 0; rows != NULL && i < strands->n; i++)
		if (strands->v[i].reason == NULL)
		{
			HwrStrand  *s = &strands->v[i];

			measure_strand(sheet, &columns, s, i, body, rows);
			if (s->reason == NULL)
				hwr_page_signs(sheet, s, count_neighbours(&columns, s, i, sheet->size));
			if (s->reason == NULL && hwr_page_confidence(s) < LEAST_CONFIDENCE)
				s->reason = "does not look like writing";
		}
	free_columns(&columns);
	free(body);
	free(rows);
	return rows != NULL;
}
