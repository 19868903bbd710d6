/*
 * map_lines.c
 *	  From the maps of the network that finds lines to lines.
 *
 * In each column of cells the peaks of the baseline's map are points; points of neighbouring columns that are nearest to
 * each other are linked to chains; chains end where the map of ends says so, and go on across short gaps.  In a table, rows
 * above and below tell where a cell begins that the map is not sure of.  The heights are read along the chain.
 */
#include "map_lines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "strands.h"

/* A peak of the baseline's map at least, and how many cells apart peaks are. */
#define PEAK 0.45F
#define APART 2

/* Columns that may be skipped, and how far the next point may be away, in cells. */
#define SKIP 2
#define RISE 1.7F

/* An end counts from here on. */
#define END 0.8F

/*
 * An end that the network is less sure of counts from here on, where in rows so many cells above or below, within so many
 * columns, enough lines begin right of another's end, and at least twice as many as go across.
 */
#define UNSURE_END 0.5F
#define ROWS_NEAR 90
#define COLUMNS_NEAR 4
#define LEAST_BEGINS 6
#define BEGINS_OF_CROSSES 2

/* Columns between the end of a table's cell and the beginning of the next, at most. */
#define BETWEEN_CELLS 14

/* A line's points in the mean, and its columns, at least. */
#define LEAST_MEAN 0.72F
#define LEAST_COLUMNS 2

/* Columns over which heights are averaged, on either side, and baselines. */
#define SMOOTH_HEIGHT 5
#define SMOOTH_BASE 1

/* Darkness that is ink, pixels of it that make a column written, and the share of a line's columns that are. */
#define INK 28
#define WRITTEN 3
#define LEAST_WRITTEN 0.3F

/* Outlines go this much further than the middle of what the network has learned, which too low ones draw down. */
#define UP 1.25F
#define DOWN 1.2F

typedef struct Peak
{
	int			x;				/* column */
	float		y;				/* in cells, of the band's middle */
	float		baseline;		/* of the map */
	float		end;
	float		up;				/* pixels of the canvas */
	float		down;
	int			next;			/* peak to the right, or -1 */
	int			previous;
} Peak;

typedef struct Peaks
{
	Peak	   *v;
	int			n;
	int			room;
	int		   *start;			/* [columns + 1] */
} Peaks;

static float
value(const HwrLineMaps *maps, int x, int y, HwrLineMap which)
{
	if (y < 0 || y >= maps->height)
		return 0;
	return hwr_line_maps_at(maps, x, y)[which];
}

static bool
add_peak(Peaks *peaks, const Peak *peak, HwrStatus *st)
{
	if (peaks->n == peaks->room)
	{
		int			room = peaks->room > 0 ? 2 * peaks->room : 1024;
		Peak	   *v = hwr_realloc(peaks->v, (size_t) room, sizeof(Peak), st);

		if (v == NULL)
			return false;
		peaks->v = v;
		peaks->room = room;
	}
	peaks->v[peaks->n++] = *peak;
	return true;
}

/* The peak around cell y: the middle of the map's values, and what the other maps say there. */
static Peak
describe_peak(const HwrLineMaps *maps, int x, int y)
{
	Peak		p = {.x = x,.next = -1,.previous = -1};
	float		weight = 0;

	for (int i = -1; i <= 1; i++)
	{
		float		b = value(maps, x, y + i, HWR_MAP_BASELINE);

		weight += b;
		p.y += b * (float) (y + i);
		p.up += b * value(maps, x, y + i, HWR_MAP_UP);
		p.down += b * value(maps, x, y + i, HWR_MAP_DOWN);
		p.end = fmaxf(p.end, value(maps, x, y + i, HWR_MAP_END));
		p.baseline = fmaxf(p.baseline, b);
	}
	p.y = p.y / weight + 0.5F;
	p.up *= HWR_MAP_REACH / weight;
	p.down *= HWR_MAP_REACH / weight;
	return p;
}

static bool
find_peaks(const HwrLineMaps *maps, Peaks *peaks, HwrStatus *st)
{
	peaks->start = hwr_alloc_zero((size_t) maps->width + 1, sizeof(int), st);
	if (peaks->start == NULL)
		return false;
	for (int x = 0; x < maps->width; x++)
	{
		for (int y = 0; y < maps->height; y++)
		{
			float		b = value(maps, x, y, HWR_MAP_BASELINE);
			bool		highest = b >= PEAK;
			Peak		peak;

			for (int i = 1; highest && i <= APART; i++)
				highest = b > value(maps, x, y - i, HWR_MAP_BASELINE) && b >= value(maps, x, y + i, HWR_MAP_BASELINE);
			if (!highest)
				continue;
			peak = describe_peak(maps, x, y);
			if (!add_peak(peaks, &peak, st))
				return false;
		}
		peaks->start[x + 1] = peaks->n;
	}
	return true;
}

/* The peak of a column nearest to y, among those without a neighbour on that side; -1: none near enough. */
static int
nearest(const Peaks *peaks, int column, float y, float reach, bool to_right)
{
	int			best = -1;

	for (int i = peaks->start[column]; i < peaks->start[column + 1]; i++)
	{
		const Peak *p = &peaks->v[i];
		float		distance = fabsf(p->y - y);

		if ((to_right ? p->previous : p->next) < 0 && distance < reach)
		{
			best = i;
			reach = distance;
		}
	}
	return best;
}

static void
link_peaks(Peaks *peaks, int columns)
{
	for (int skip = 0; skip <= SKIP; skip++)
		for (int i = 0; i < peaks->n; i++)
		{
			Peak	   *p = &peaks->v[i];
			int			column = p->x + 1 + skip;
			float		reach = RISE + 0.3F * (float) skip;
			int			other;

			if (p->next >= 0 || column >= columns)
				continue;
			other = nearest(peaks, column, p->y, reach, true);
			if (other < 0 || nearest(peaks, p->x, peaks->v[other].y, reach, false) != i)
				continue;
			/* an end on either side of a gap is one */
			if (skip > 0 && (p->end > END || peaks->v[other].end > END))
				continue;
			p->next = other;
			peaks->v[other].previous = i;
		}
}

/* Cut chains in the middle of ends that are not theirs: what is left on both sides must be longer than the end. */
static void
cut_at_ends(Peaks *peaks)
{
	for (int i = 0; i < peaks->n; i++)
	{
		int			first = i;
		int			best = i;
		int			length = 0;

		if (peaks->v[i].end < END || peaks->v[i].previous < 0 || peaks->v[peaks->v[i].previous].end >= END)
			continue;
		/* a run of ends, whose faintest point of the baseline is the cut */
		for (int k = i; k >= 0 && peaks->v[k].end >= END; k = peaks->v[k].next)
		{
			if (peaks->v[k].baseline < peaks->v[best].baseline)
				best = k;
			length++;
			first = k;
		}
		if (peaks->v[first].next < 0 || length < 2)
			continue;			/* the chain's own end, or none */
		if (best == i)
			best = peaks->v[best].next;
		peaks->v[peaks->v[best].previous].next = -1;
		peaks->v[best].previous = -1;
	}
}

static int
limit_column(int x, int columns)
{
	return x < 0 ? 0 : x < columns ? x : columns - 1;
}

/* Whether a chain ends left of the peak, in its row, as the cell before it in a table does. */
static bool
ends_before(const Peaks *peaks, const Peak *p)
{
	for (int i = peaks->start[limit_column(p->x - BETWEEN_CELLS, p->x + 1)]; i < peaks->start[p->x]; i++)
	{
		const Peak *q = &peaks->v[i];

		if (q->next < 0 && q->previous >= 0 && fabsf(q->y - p->y) <= RISE + 1)
			return true;
	}
	return false;
}

/* Whether the rows near by begin a cell of a table where this peak is. */
static bool
cells_begin(const Peaks *peaks, int columns, const Peak *p)
{
	int			begins = 0;
	int			crosses = 0;

	for (int i = peaks->start[p->x]; i < peaks->start[p->x + 1]; i++)
	{
		const Peak *q = &peaks->v[i];

		crosses += fabsf(q->y - p->y) <= ROWS_NEAR && q->previous >= 0 && q->next >= 0;
	}
	for (int i = peaks->start[limit_column(p->x - COLUMNS_NEAR, columns)];
		 i < peaks->start[limit_column(p->x + COLUMNS_NEAR, columns) + 1]; i++)
	{
		const Peak *q = &peaks->v[i];

		begins += q->previous < 0 && q->next >= 0 && fabsf(q->y - p->y) <= ROWS_NEAR && ends_before(peaks, q);
	}
	return begins >= LEAST_BEGINS && begins >= BEGINS_OF_CROSSES * crosses;
}

/* Cut chains that run on from one cell of a table to the next, at ends that the network is less sure of. */
static void
cut_at_cells(Peaks *peaks, int columns)
{
	for (int i = 0; i < peaks->n; i++)
	{
		Peak	   *p = &peaks->v[i];

		if (p->end < UNSURE_END || p->previous < 0 || p->next < 0 ||
			peaks->v[p->previous].end > p->end || peaks->v[p->next].end > p->end || !cells_begin(peaks, columns, p))
			continue;
		peaks->v[p->previous].next = -1;
		p->previous = -1;
	}
}

/* The mean of values around i, as many on either side as there are, at most r. */
static float
smooth(const float *values, int n, int i, int r)
{
	float		sum = 0;
	int			reach = r;

	if (i < reach)
		reach = i;
	if (n - 1 - i < reach)
		reach = n - 1 - i;
	for (int k = i - reach; k <= i + reach; k++)
		sum += values[k];
	return sum / (float) (2 * reach + 1);
}

static float
mean_around(const float *values, int n, int i, int r)
{
	int			from = i > r ? i - r : 0;
	int			to = i + r < n - 1 ? i + r : n - 1;
	float		sum = 0;

	for (int k = from; k <= to; k++)
		sum += values[k];
	return sum / (float) (to - from + 1);
}

/* A chain's values at every column, on the canvas. */
typedef struct Chain
{
	int			x0;
	int			n;
	float	   *y;				/* baseline, pixels of the canvas */
	float	   *up;
	float	   *down;
	float		mean;
} Chain;

static void
read_chain(const HwrLineMaps *maps, const Peaks *peaks, int first, Chain *chain)
{
	int			points = 0;

	chain->x0 = peaks->v[first].x;
	chain->n = 0;
	chain->mean = 0;
	for (int i = first; i >= 0; i = peaks->v[i].next)
	{
		const Peak *p = &peaks->v[i];
		int			before = chain->n - 1;
		int			at = p->x - chain->x0;
		float		y = p->y * (float) maps->cell_y + HWR_BAND_ABOVE;

		for (int k = before + 1; k <= at; k++)
		{
			float		t = before < 0 ? 1 : (float) (k - before) / (float) (at - before);

			chain->y[k] = before < 0 ? y : chain->y[before] + t * (y - chain->y[before]);
			chain->up[k] = before < 0 ? p->up : chain->up[before] + t * (p->up - chain->up[before]);
			chain->down[k] = before < 0 ? p->down : chain->down[before] + t * (p->down - chain->down[before]);
		}
		chain->n = at + 1;
		chain->mean += p->baseline;
		points++;
	}
	chain->mean /= (float) points;
}

/* Whether there is ink in a column of the chain. */
static bool
written(const HwrPageCanvas *canvas, const HwrLineMaps *maps, const Chain *chain, int i)
{
	const HwrMap *ink = &canvas->ink;
	int			x0 = (chain->x0 + i) * maps->cell_x;
	int			y0 = (int) fmaxf(chain->y[i] - 0.8F * chain->up[i], 0);
	int			y1 = (int) fminf(chain->y[i] + 0.4F * chain->down[i], (float) ink->height);
	int			n = 0;

	for (int y = y0; y < y1; y++)
		for (int x = x0; x < x0 + maps->cell_x && x < ink->width; x++)
			n += hwr_map_row(ink, y)[x] >= INK;
	return n >= WRITTEN;
}

/* Leave out what is not written at the ends; returns the share of the columns between that is. */
static float
trim(const HwrPageCanvas *canvas, const HwrLineMaps *maps, Chain *chain)
{
	int			first = chain->n;
	int			last = -1;
	int			n = 0;

	for (int i = 0; i < chain->n; i++)
		if (written(canvas, maps, chain, i))
		{
			first = i < first ? i : first;
			last = i;
			n++;
		}
	if (n == 0)
		return 0;
	chain->n = last - first + 1;
	chain->x0 += first;
	chain->y += first;
	chain->up += first;
	chain->down += first;
	return (float) n / (float) chain->n;
}

/* A side of the chain, moved by its heights; which: 0 baseline, 1 top, 2 bottom. */
static int
trace(const HwrPageCanvas *canvas, const HwrLineMaps *maps, const Chain *chain, int which, float size, HwrPoint *out)
{
	int			n = 0;

	for (int i = -1; i <= chain->n; i++)
	{
		int			k = i < 0 ? 0 : i < chain->n ? i : chain->n - 1;
		float		x = (float) ((chain->x0 + i) * maps->cell_x) + 0.5F * (float) maps->cell_x;
		float		y = smooth(chain->y, chain->n, k, SMOOTH_BASE);

		if (which == 1)
			y -= UP * mean_around(chain->up, chain->n, k, SMOOTH_HEIGHT);
		else if (which == 2)
			y += DOWN * mean_around(chain->down, chain->n, k, SMOOTH_HEIGHT);
		if (i < 0)
			x += 0.5F * (float) maps->cell_x;
		else if (i == chain->n)
			x -= 0.5F * (float) maps->cell_x;
		out[n++] = hwr_page_canvas_back(canvas, (HwrPoint){x, y});
	}
	return hwr_page_simplify(out, n, (float) HWR_TOLERANCE * size);
}

static bool
make_line(const HwrPageCanvas *canvas, const HwrLineMaps *maps, const Chain *chain, float size, HwrPageLine *line,
		  HwrStatus *st)
{
	size_t		most = (size_t) chain->n + 2;
	int			n;
	float		height = 0;

	*line = (HwrPageLine){.kind = HWR_LINE_TEXT,.confidence = chain->mean};
	line->baseline = hwr_alloc(most, sizeof(HwrPoint), st);
	line->outline = line->baseline == NULL ? NULL : hwr_alloc(2 * most, sizeof(HwrPoint), st);
	if (line->outline == NULL)
	{
		free(line->baseline);
		return false;
	}
	line->baseline_n = trace(canvas, maps, chain, 0, size, line->baseline);
	n = trace(canvas, maps, chain, 1, size, line->outline);
	line->outline_n = n + trace(canvas, maps, chain, 2, size, line->outline + n);
	for (int i = n, j = line->outline_n - 1; i < j; i++, j--)
	{
		HwrPoint	swap = line->outline[i];

		line->outline[i] = line->outline[j];
		line->outline[j] = swap;
	}
	for (int i = 0; i < chain->n; i++)
		height += chain->up[i] + chain->down[i];
	line->size = height / (float) chain->n / canvas->scale;
	return true;
}

static bool
make_lines(const HwrPageCanvas *canvas, const HwrLineMaps *maps, const Peaks *peaks, const Chain *room, float size,
		   HwrPageLines *out, HwrStatus *st)
{
	int			starts = 0;

	for (int i = 0; i < peaks->n; i++)
		starts += peaks->v[i].previous < 0;
	out->lines = hwr_alloc_zero((size_t) starts + 1, sizeof(HwrPageLine), st);
	if (out->lines == NULL)
		return false;
	for (int i = 0; i < peaks->n; i++)
	{
		Chain		chain = *room;

		if (peaks->v[i].previous >= 0)
			continue;
		read_chain(maps, peaks, i, &chain);
		if (chain.mean < LEAST_MEAN || trim(canvas, maps, &chain) < LEAST_WRITTEN || chain.n < LEAST_COLUMNS)
			continue;
		if (!make_line(canvas, maps, &chain, size, &out->lines[out->n], st))
			return false;
		out->n++;
	}
	return true;
}

bool
hwr_page_map_lines(const HwrPageCanvas *canvas, const HwrLineMaps *maps, float size, HwrPageLines *out, HwrStatus *st)
{
	Peaks		peaks = {0};
	Chain		chain = {0};
	bool		ok = find_peaks(maps, &peaks, st);

	if (ok)
		chain.y = hwr_alloc(3 * (size_t) maps->width, sizeof(float), st);
	ok = chain.y != NULL;
	if (ok)
	{
		chain.up = chain.y + maps->width;
		chain.down = chain.up + maps->width;
		link_peaks(&peaks, maps->width);
		cut_at_ends(&peaks);
		cut_at_cells(&peaks, maps->width);
		ok = make_lines(canvas, maps, &peaks, &chain, size, out, st);
	}
	free(chain.y);
	free(peaks.v);
	free(peaks.start);
	return ok;
}

/*
 * Another size
 */

/* Cells that surely are a baseline, and how many tell anything. */
#define SURELY 0.6F
#define LEAST_CELLS 60

/* How high lines are on a canvas of the right size, in pixels, and from where on they are far too high or low. */
#define USUAL_HEIGHT 20.0F
#define TOO_HIGH 40
#define TOO_LOW 9.5F

/* Lower ones are taken for so high: no canvas can be large enough for lines of no height. */
#define LOWEST 4.0F

float
hwr_page_map_resize(const HwrLineMaps *maps)
{
	double		height = 0;
	int			n = 0;

	for (int y = 0; y < maps->height; y++)
		for (int x = 0; x < maps->width; x++)
			if (value(maps, x, y, HWR_MAP_BASELINE) >= SURELY)
			{
				height += HWR_MAP_REACH * (double) (value(maps, x, y, HWR_MAP_UP) + value(maps, x, y, HWR_MAP_DOWN));
				n++;
			}
	if (n < LEAST_CELLS)
		return 1;
	height /= n;
	return height > TOO_HIGH || height < TOO_LOW ? fmaxf((float) height, LOWEST) / USUAL_HEIGHT : 1;
}
