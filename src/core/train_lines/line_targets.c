/*
 * line_targets.c
 *	  What the maps of the network that finds lines should say.
 */
#include "line_targets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Heights are averaged over so many steps on either side: the network is to say how high a line is, not each letter. */
#define SMOOTH 12

/* The band of the baseline: 1 up to here from its middle, 0 from there on, pixels. */
#define BAND_FULL 3.0F
#define BAND_NONE 7.0F

/* Ends reach so far to either side, and so much of the heights. */
#define END_REACH 8.0F
#define END_UP 0.7F
#define END_DOWN 0.5F

/* Heights of lines without an outline. */
#define USUAL_UP 16.0F
#define USUAL_DOWN 7.0F

#define LEAST_LENGTH 4

/* A piece of a line that is cut, pixels of the input at least. */
#define LEAST_PIECE 12.0F

/* Lines that go down or up rather than across, and by more than this, are not what is looked for. */
#define LEAST_UPRIGHT 36.0F

/* y of a broken line at x, its first and last point beyond its ends; points sorted by x. */
static float
height_at(const HwrPoint *points, int n, float x)
{
	if (x <= points[0].x)
		return points[0].y;
	for (int i = 1; i < n; i++)
		if (x <= points[i].x)
		{
			float		width = points[i].x - points[i - 1].x;

			return width <= 0 ? points[i].y :
				points[i - 1].y + (x - points[i - 1].x) / width * (points[i].y - points[i - 1].y);
		}
	return points[n - 1].y;
}

/* Where the vertical at x crosses a polygon first and last; false where it does not. */
static bool
extent_at(const HwrPoint *points, int n, float x, float *top, float *bottom)
{
	bool		found = false;

	for (int i = 0; i < n; i++)
	{
		HwrPoint	a = points[i];
		HwrPoint	b = points[(i + 1) % n];
		float		y;

		if ((a.x <= x) == (b.x <= x))
			continue;
		y = a.y + (x - a.x) / (b.x - a.x) * (b.y - a.y);
		*top = found ? fminf(*top, y) : y;
		*bottom = found ? fmaxf(*bottom, y) : y;
		found = true;
	}
	return found;
}

static void
smooth(float *values, int n, float *scratch)
{
	double		sum = 0;

	memcpy(scratch, values, (size_t) n * sizeof(float));
	for (int i = -SMOOTH; i <= SMOOTH; i++)
		sum += scratch[i < 0 ? 0 : i < n ? i : n - 1];
	for (int i = 0; i < n; i++)
	{
		int			leaves = i - SMOOTH;
		int			enters = i + SMOOTH + 1;

		values[i] = (float) (sum / (2 * SMOOTH + 1));
		sum += scratch[enters < n ? enters : n - 1] - scratch[leaves > 0 ? leaves : 0];
	}
}

/* The points on the canvas, malloc'd, from left to right where sorted is asked for. */
static HwrPoint *
on_canvas(const HwrPageCanvas *canvas, const HwrPoint *points, int n, bool sorted, HwrStatus *st)
{
	HwrPoint   *out = hwr_alloc((size_t) n + 1, sizeof(HwrPoint), st);
	bool		backwards = sorted && n > 1 && points[0].x > points[n - 1].x;

	for (int i = 0; out != NULL && i < n; i++)
	{
		out[i] = hwr_page_canvas_place(canvas, points[backwards ? n - 1 - i : i]);
		if (sorted && i > 0)
			out[i].x = fmaxf(out[i].x, out[i - 1].x);
	}
	return out;
}

/* Whether a line runs along the side of the page. */
static bool
upright(const HwrPoint *baseline, int n)
{
	float		across = n >= 2 ? fabsf(baseline[n - 1].x - baseline[0].x) : 0;
	float		down = n >= 2 ? fabsf(baseline[n - 1].y - baseline[0].y) : 0;

	return down > across && down > LEAST_UPRIGHT;
}

/* Baseline and heights at every step, from points on the canvas. */
static void
measure(const HwrPoint *baseline, int baseline_n, const HwrPoint *outline, int outline_n, HwrTrueLine *line)
{
	float		top = 0;
	float		bottom = 0;
	bool		have = false;

	for (int i = 0; i < line->n; i++)
	{
		float		x = line->x0 + HWR_TRUTH_STEP * ((float) i + 0.5F);

		if (line->whole)
			have = extent_at(outline, outline_n, x, &top, &bottom) || have;
		line->y[i] = baseline_n >= 2 ? height_at(baseline, baseline_n, x) : top + 0.75F * (bottom - top);
		line->up[i] = have ? line->y[i] - top : USUAL_UP;
		line->down[i] = have ? bottom - line->y[i] : USUAL_DOWN;
	}
}

bool
hwr_true_line(const HwrPageCanvas *canvas, const HwrPoint *baseline, int baseline_n, const HwrPoint *outline,
			  int outline_n, HwrTrueLine *out, HwrStatus *st)
{
	HwrPoint   *base;
	HwrPoint   *area;
	float		x0 = INFINITY;
	float		x1 = -INFINITY;

	*out = (HwrTrueLine){.whole = outline_n >= 3};
	if (!out->whole && baseline_n < 2)
		return true;
	base = on_canvas(canvas, baseline, baseline_n, true, st);
	area = base == NULL ? NULL : on_canvas(canvas, outline, outline_n, false, st);
	if (area == NULL)
	{
		free(base);
		return false;
	}
	for (int i = 0; i < (out->whole ? outline_n : baseline_n) && !upright(base, baseline_n); i++)
	{
		float		x = out->whole ? area[i].x : base[i].x;

		x0 = fminf(x0, x);
		x1 = fmaxf(x1, x);
	}
	x0 = fmaxf(x0, -(float) canvas->ink.width);
	x1 = fminf(x1, 2 * (float) canvas->ink.width);
	if (x1 - x0 >= LEAST_LENGTH)
	{
		float	   *scratch;
		int			n = (int) ((x1 - x0) / HWR_TRUTH_STEP);

		out->y = hwr_alloc(4 * (size_t) n, sizeof(float), st);
		if (out->y != NULL)
		{
			out->x0 = x0;
			out->n = n;
			out->up = out->y + n;
			out->down = out->up + n;
			scratch = out->down + n;
			measure(base, baseline_n, area, outline_n, out);
			smooth(out->up, n, scratch);
			smooth(out->down, n, scratch);
		}
	}
	free(base);
	free(area);
	return x1 - x0 < LEAST_LENGTH || out->y != NULL;
}

void
hwr_true_line_free(HwrTrueLine *line)
{
	free(line->y);
	line->y = NULL;
	line->n = 0;
}

/* A line at column x of the input. */
typedef struct Section
{
	float		y;
	float		up;
	float		down;
	bool		inside;
	bool		end;
} Section;

static float
at(const float *values, int n, float i)
{
	int			k = (int) i;

	if (i <= 0)
		return values[0];
	if (k + 1 >= n)
		return values[n - 1];
	return values[k] + (i - (float) k) * (values[k + 1] - values[k]);
}

/* From where to where a line goes on the input. */
typedef struct Reach
{
	float		from;
	float		to;
	bool		piece;			/* cut, and too short */
} Reach;

static Reach
reach(const HwrTrueLine *line, const HwrPlacement *p)
{
	float		from = p->sx * line->x0 + p->tx;
	float		to = p->sx * (line->x0 + HWR_TRUTH_STEP * (float) line->n) + p->tx;
	Reach		r = {.from = from,.to = to};

	if (p->from > 0)
		r.from = fmaxf(from, (float) p->from);
	if (p->to > 0)
		r.to = fminf(to, (float) p->to);
	r.piece = (r.from > from || r.to < to) && r.to - r.from < LEAST_PIECE;
	return r;
}

static Section
section(const HwrTrueLine *line, const HwrPlacement *p, const Reach *r, float x)
{
	float		u = (fminf(fmaxf(x, r->from), r->to) - p->tx) / p->sx;
	float		i = (u - line->x0) / HWR_TRUTH_STEP - 0.5F;
	Section		s;

	s.y = p->s * at(line->y, line->n, i) + p->k * u + p->ty;
	s.up = p->s * at(line->up, line->n, i);
	s.down = p->s * at(line->down, line->n, i);
	s.inside = x >= r->from && x < r->to;
	s.end = fabsf(x - r->from) < END_REACH || fabsf(x - r->to) < END_REACH;
	return s;
}

static float
share(float pixels)
{
	return fminf(fmaxf(pixels / HWR_MAP_REACH, 0), 1);
}

/* What one line says of one cell. */
static void
set_cell(bool known, const Section *s, float y, float *nearest, float *t)
{
	float		distance = fabsf(y - (s->y - HWR_BAND_ABOVE));
	float		band = (BAND_NONE - distance) / (BAND_NONE - BAND_FULL);

	if (!known)
	{
		if (y > s->y - s->up && y < s->y + s->down)
			t[HWR_LINE_MAPS] = 0;
		return;
	}
	if (s->end && y > s->y - END_UP * s->up && y < s->y + END_DOWN * s->down)
		t[HWR_MAP_END] = 1;
	if (!s->inside)
		return;
	t[HWR_MAP_BASELINE] = fmaxf(t[HWR_MAP_BASELINE], fminf(band, 1));
	if (distance < *nearest)
	{
		*nearest = distance;
		t[HWR_MAP_UP] = share(s->up);
		t[HWR_MAP_DOWN] = share(s->down);
	}
}

void
hwr_line_targets_clear(int w, int h, float *nearest, float *out)
{
	size_t		cells = (size_t) w * (size_t) h;

	memset(out, 0, cells * HWR_LINE_TARGETS * sizeof(float));
	for (size_t i = 0; i < cells; i++)
	{
		out[i * HWR_LINE_TARGETS + HWR_LINE_MAPS] = 1;
		nearest[i] = INFINITY;
	}
}

void
hwr_line_targets_add(const HwrTrueLine *lines, int n, const HwrPlacement *place, int w, int h, int cell_x, int cell_y,
					 float *nearest, float *out)
{
	for (int i = 0; i < n; i++)
	{
		const HwrTrueLine *line = &lines[i];
		Reach		r = reach(line, place);
		int			x0 = (int) fminf(fmaxf(floorf((r.from - END_REACH) / (float) cell_x), 0), (float) w);
		int			x1 = (int) fminf(fmaxf(ceilf((r.to + END_REACH) / (float) cell_x), 0), (float) w);

		for (int x = x0; r.from < r.to && x < x1; x++)
		{
			Section		s = section(line, place, &r, (float) cell_x * ((float) x + 0.5F));
			float		reach_up = fmaxf(s.up, BAND_NONE + HWR_BAND_ABOVE);
			float		reach_down = fmaxf(s.down, BAND_NONE);
			int			y0 = (int) fminf(fmaxf((s.y - reach_up) / (float) cell_y, 0), (float) h);
			int			y1 = (int) fminf(fmaxf(ceilf((s.y + reach_down) / (float) cell_y) + 1, 0), (float) h);

			for (int y = y0; y < y1; y++)
			{
				size_t		cell = (size_t) y * (size_t) w + (size_t) x;

				set_cell(line->whole && !r.piece, &s, (float) cell_y * ((float) y + 0.5F), &nearest[cell],
						 out + cell * HWR_LINE_TARGETS);
			}
		}
	}
}
