/*
 * align.c
 *	  Gauss-Newton steps on warps: see align.h.
 */
#include "align.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pose.h"

#define STEPS 15
#define FINE_STEPS 5

/* A step smaller than this, in pixels of the level, is the last. */
#define SMALLEST_STEP 0.02

/* Differences of this size count half. */
#define DIFFERENCE 50.0

/* Where the first picture has less ink than this in its neighbourhood, it says nothing. */
#define LEAST_INK 48
#define REACH 3

/* How stiff the displacement is: of second and first differences of its nodes, relative to what is seen; and of itself. */
#define BENDING 0.6
#define STRETCHING 0.03
#define SHIFTING 0.002

/* Sums of squares of ink around its mean with which a tile counts, and beyond which it counts no more, a pixel. */
#define LEAST_ENERGY 60.0
#define FULL_ENERGY 600.0

/* Correlations that are worth nothing and everything. */
#define WORTHLESS 0.4
#define WORTHY 0.75

/* A tile is shown if so much of it is on the second picture; print is covered where so much of it is dark there. */
#define SHOWN 0.9
#define COVERED 0.6

bool
hwr_pyramid_create(const HwrMap *ink, HwrPyramid *out, HwrStatus *st)
{
	memset(out, 0, sizeof(*out));
	for (int k = 0; k < HWR_ALIGN_LEVELS; k++)
	{
		HwrMap	   *level = &out->levels[k];

		if (!hwr_map_create(((ink->width - 1) >> k) + 1, ((ink->height - 1) >> k) + 1, level, st))
			break;
		hwr_map_reduce(ink->v, ink->width, ink->height, level, 0, level->height);
		if (!hwr_map_blur_x(level, 1, st) || !hwr_map_blur_y(level, 1, st))
			break;
		if (k == HWR_ALIGN_LEVELS - 1)
			return true;
	}
	hwr_pyramid_free(out);
	return false;
}

void
hwr_pyramid_free(HwrPyramid *pyramid)
{
	for (int k = 0; k < HWR_ALIGN_LEVELS; k++)
		hwr_map_free(&pyramid->levels[k]);
}

/* One level of both pictures, and where the second one is seen. */
typedef struct View
{
	const HwrMap *from;
	const HwrMap *to;
	double		x_scale;		/* pixels of the level to those of the whole second picture */
	double		y_scale;
	double		gain;			/* of the second picture's ink */
} View;

static View
view_of(const HwrPyramid *from, const HwrPyramid *to, int level)
{
	return (View){
		&from->levels[level], &to->levels[level],
		(double) to->levels[level].width / to->levels[0].width,
		(double) to->levels[level].height / to->levels[0].height, 1
	};
}

/* The value between the middles of pixels and its gradient; false outside. */
static bool
look(const HwrMap *map, double x, double y, double *value, double *gx, double *gy)
{
	int			u;
	int			v;
	double		fx;
	double		fy;
	const uint8_t *row;
	const uint8_t *next;
	double		a;
	double		b;
	double		c;
	double		d;

	x -= 0.5;
	y -= 0.5;
	/* Written so that NaN is outside. */
	if (!(x >= 0 && y >= 0 && x < map->width - 1 && y < map->height - 1))
		return false;
	u = (int) x;
	v = (int) y;
	fx = x - u;
	fy = y - v;
	row = hwr_map_row(map, v) + u;
	next = row + map->width;
	a = row[0];
	b = row[1];
	c = next[0];
	d = next[1];
	*value = (a * (1 - fx) + b * fx) * (1 - fy) + (c * (1 - fx) + d * fx) * fy;
	*gx = (b - a) * (1 - fy) + (d - c) * fy;
	*gy = (c - a) * (1 - fx) + (d - b) * fx;
	return true;
}

/* Whether there is ink around a pixel; every other one is looked at. */
static bool
has_ink(const HwrMap *map, int x, int y)
{
	for (int v = y - REACH; v <= y + REACH; v += REACH)
		for (int u = x - REACH; u <= x + REACH; u += REACH)
			if (u >= 0 && v >= 0 && u < map->width && v < map->height && hwr_map_row(map, v)[u] >= LEAST_INK)
				return true;
	return false;
}

/* A pixel of the first picture and what the second one says there. */
typedef struct Seen
{
	HwrVec		unit;
	HwrVec		at;				/* in pixels of the whole second picture */
	double		residual;
	double		weight;
	double		gx;				/* of the second picture, by its whole pixels */
	double		gy;
} Seen;

static bool
see(const View *view, const HwrWarp *warp, int x, int y, Seen *out)
{
	HwrVec		p;
	double		value;
	double		r;

	if (!has_ink(view->from, x, y))
		return false;
	out->unit = (HwrVec){(x + 0.5) / view->from->width, (y + 0.5) / view->from->height};
	p = (HwrVec){out->unit.x * warp->width, out->unit.y * warp->height};
	out->at = hwr_warp_apply(warp, p);
	if (!look(view->to, out->at.x * view->x_scale, out->at.y * view->y_scale, &value, &out->gx, &out->gy))
		return false;
	out->gx *= view->x_scale;
	out->gy *= view->y_scale;
	out->residual = value - view->gain * hwr_map_row(view->from, y)[x];
	r = out->residual / DIFFERENCE;
	out->weight = 1 / (1 + r * r);
	return true;
}

/* By what the first picture's ink is to be multiplied to be most like the second one's. */
static double
find_gain(View *view, const HwrWarp *warp)
{
	double		product = 0;
	double		square = 1;
	Seen		seen;

	for (int y = 0; y < view->from->height; y += 2)
		for (int x = y / 2 % 2; x < view->from->width; x += 2)
			if (see(view, warp, x, y, &seen))
			{
				double		b = hwr_map_row(view->from, y)[x];

				product += seen.weight * (seen.residual + view->gain * b) * b;
				square += seen.weight * b * b;
			}
	return fmin(fmax(product / square, 0.3), 1.5);
}

/* One step of the homography; returns how far a corner moves, in pixels of the level; negative: there is none. */
static double
step_base(const View *view, HwrWarp *warp)
{
	double		a[64] = {0};
	double		b[8] = {0};
	HwrHomography before = warp->base;
	double		moved = 0;
	Seen		seen;

	for (int y = 0; y < view->from->height; y++)
		for (int x = 0; x < view->from->width; x++)
			if (see(view, warp, x, y, &seen))
			{
				const double *h = warp->base.h;
				double		w = h[6] * seen.unit.x + h[7] * seen.unit.y + 1;
				HwrVec		q = hwr_homography_apply(&warp->base, seen.unit);
				double		ux = seen.unit.x / w;
				double		uy = seen.unit.y / w;
				double		slide = seen.gx * q.x + seen.gy * q.y;
				double		j[8] = {seen.gx * ux, seen.gx * uy, seen.gx / w, seen.gy * ux, seen.gy * uy, seen.gy / w,
				-slide * ux, -slide * uy};

				for (int m = 0; m < 8; m++)
				{
					for (int n = 0; n <= m; n++)
						a[m * 8 + n] += seen.weight * j[m] * j[n];
					b[m] -= seen.weight * j[m] * seen.residual;
				}
			}
	for (int m = 0; m < 8; m++)
		a[m * 8 + m] = a[m * 8 + m] * 1.0001 + 1e-6;
	if (!hwr_solve_spd(a, b, 8))
		return -1;
	for (int m = 0; m < 8; m++)
		warp->base.h[m] += b[m];
	if (!hwr_pose_possible(&warp->base, warp->width, warp->height))
	{
		warp->base = before;
		return -1;
	}
	for (int i = 0; i < 4; i++)
	{
		HwrVec		corner = {i & 1, i >> 1};
		HwrVec		p = hwr_homography_apply(&before, corner);
		HwrVec		q = hwr_homography_apply(&warp->base, corner);

		moved = fmax(moved, hypot((q.x - p.x) * view->x_scale, (q.y - p.y) * view->y_scale));
	}
	return moved;
}

void
hwr_align_base(const HwrPyramid *from, const HwrPyramid *to, int level, HwrWarp *warp)
{
	View		view = view_of(from, to, level);

	for (int k = 0; k < (level == 0 ? FINE_STEPS : STEPS); k++)
	{
		double		moved;

		if (k % 4 == 0)
			view.gain = find_gain(&view, warp);
		moved = step_base(&view, warp);
		if (moved < SMALLEST_STEP)
			return;
	}
}

#define UNKNOWNS (2 * HWR_WARP_NODES)

/*
 * Add weight * (d[i0] - 2 d[i1] + d[i2])^2 / 2, or (d[i0] - d[i1])^2 / 2 where i2 < 0, to the equations
 * of both coordinates.
 */
static void
add_difference(double *a, double *b, const HwrWarp *warp, double weight, int i0, int i1, int i2)
{
	int			index[3] = {i0, i1, i2};
	double		factor[3] = {1, i2 < 0 ? -1 : -2, 1};
	int			n = i2 < 0 ? 2 : 3;

	for (int axis = 0; axis < 2; axis++)
	{
		double		value = 0;

		for (int i = 0; i < n; i++)
			value += factor[i] * (axis == 0 ? warp->node[index[i]].x : warp->node[index[i]].y);
		for (int i = 0; i < n; i++)
		{
			for (int j = 0; j < n; j++)
				a[(2 * index[i] + axis) * UNKNOWNS + 2 * index[j] + axis] += weight * factor[i] * factor[j];
			b[2 * index[i] + axis] -= weight * factor[i] * value;
		}
	}
}

static void
add_stiffness(double *a, double *b, const HwrWarp *warp, double weight)
{
	for (int r = 0; r < HWR_WARP_ROWS; r++)
		for (int c = 0; c < HWR_WARP_COLUMNS; c++)
		{
			int			i = r * HWR_WARP_COLUMNS + c;

			if (c + 1 < HWR_WARP_COLUMNS)
				add_difference(a, b, warp, STRETCHING * weight, i, i + 1, -1);
			if (r + 1 < HWR_WARP_ROWS)
				add_difference(a, b, warp, STRETCHING * weight, i, i + HWR_WARP_COLUMNS, -1);
			if (c + 2 < HWR_WARP_COLUMNS)
				add_difference(a, b, warp, BENDING * weight, i, i + 1, i + 2);
			if (r + 2 < HWR_WARP_ROWS)
				add_difference(a, b, warp, BENDING * weight, i, i + HWR_WARP_COLUMNS, i + 2 * HWR_WARP_COLUMNS);
			for (int axis = 0; axis < 2; axis++)
			{
				a[(2 * i + axis) * (UNKNOWNS + 1)] += SHIFTING * weight;
				b[2 * i + axis] -= SHIFTING * weight * (axis == 0 ? warp->node[i].x : warp->node[i].y);
			}
		}
}

/* What the pixels say about the nodes, into the lower triangle of a and into b. */
static void
add_pixels(const View *view, const HwrWarp *warp, double *a, double *b)
{
	Seen		seen;

	for (int y = 0; y < view->from->height; y++)
		for (int x = 0; x < view->from->width; x++)
			if (see(view, warp, x, y, &seen))
			{
				int			node[4];
				double		share[4];

				hwr_warp_nodes(seen.unit, node, share);
				for (int i = 0; i < 4; i++)
				{
					double		jx = seen.weight * seen.gx * share[i];
					double		jy = seen.weight * seen.gy * share[i];
					double	   *row_x = a + (size_t) (2 * node[i]) * UNKNOWNS;
					double	   *row_y = row_x + UNKNOWNS;

					for (int k = 0; k < 4; k++)
					{
						row_x[2 * node[k]] += jx * seen.gx * share[k];
						row_x[2 * node[k] + 1] += jx * seen.gy * share[k];
						row_y[2 * node[k]] += jy * seen.gx * share[k];
						row_y[2 * node[k] + 1] += jy * seen.gy * share[k];
					}
					b[2 * node[i]] -= jx * seen.residual;
					b[2 * node[i] + 1] -= jy * seen.residual;
				}
			}
}

bool
hwr_align_nodes(const HwrPyramid *from, const HwrPyramid *to, HwrWarp *warp, HwrStatus *st)
{
	View		view = view_of(from, to, 0);
	double	   *a = hwr_alloc((size_t) UNKNOWNS * UNKNOWNS + UNKNOWNS, sizeof(double), st);
	double	   *b;
	double		mean = 0;

	if (a == NULL)
		return false;
	b = a + UNKNOWNS * UNKNOWNS;
	view.gain = find_gain(&view, warp);
	memset(a, 0, ((size_t) UNKNOWNS * UNKNOWNS + UNKNOWNS) * sizeof(double));
	add_pixels(&view, warp, a, b);
	for (int i = 0; i < UNKNOWNS; i++)
		mean += a[i * (UNKNOWNS + 1)] / UNKNOWNS;
	if (mean > 0)
	{
		add_stiffness(a, b, warp, mean);
		if (hwr_solve_spd(a, b, UNKNOWNS))
			for (int i = 0; i < HWR_WARP_NODES; i++)
			{
				warp->node[i].x += b[2 * i];
				warp->node[i].y += b[2 * i + 1];
			}
	}
	free(a);
	return true;
}

double
hwr_agreement_worth(double correlation)
{
	return fmin(fmax((correlation - WORTHLESS) / (WORTHY - WORTHLESS), 0), 1);
}

/*
 * The correlation in a tile of the pixels around the first picture's ink; *missed: the second picture shows the place, and
 * neither correlates nor has ink over what should be there, as it has where something was written on it.
 */
static void
measure_tile(const View *view, const HwrWarp *warp, int x0, int y0, int tile, float *correlation, float *weight,
			 bool *missed)
{
	double		covered = 0;
	int			inside = 0;
	double		n = 0;
	double		a = 0;
	double		b = 0;
	double		aa = 0;
	double		bb = 0;
	double		ab = 0;
	double		energy;

	for (int y = y0; y < y0 + tile && y < view->from->height; y++)
		for (int x = x0; x < x0 + tile && x < view->from->width; x++)
		{
			double		from = hwr_map_row(view->from, y)[x];
			double		to = 0;
			double		gx;
			double		gy;
			HwrVec		p = {(x + 0.5) / view->from->width * warp->width, (y + 0.5) / view->from->height * warp->height};

			if (!has_ink(view->from, x, y))
				continue;
			p = hwr_warp_apply(warp, p);
			if (!look(view->to, p.x * view->x_scale, p.y * view->y_scale, &to, &gx, &gy))
				to = 0;
			else
				inside++;
			covered += from * fmin(from, to);
			n++;
			a += from;
			b += to;
			aa += from * from;
			bb += to * to;
			ab += from * to;
		}
	*correlation = 0;
	*weight = 0;
	*missed = false;
	if (n < 8)
		return;
	energy = (aa - a * a / n) / (tile * tile);
	if (energy < LEAST_ENERGY)
		return;
	*weight = (float) fmin(energy / FULL_ENERGY, 1);
	if (bb - b * b / n > 0)
		*correlation = (float) ((ab - a * b / n) / sqrt((aa - a * a / n) * (bb - b * b / n)));
	*missed = inside >= SHOWN * n && *correlation < WORTHLESS && covered < COVERED * aa;
}

bool
hwr_align_measure(const HwrPyramid *from, const HwrPyramid *to, int level, const HwrWarp *warp, HwrAgreement *out,
				  HwrStatus *st)
{
	View		view = view_of(from, to, level);
	int			tile = HWR_TILE >> level;
	double		sum = 0;
	double		good = 0;

	memset(out, 0, sizeof(*out));
	out->columns = (view.from->width - 1) / tile + 1;
	out->rows = (view.from->height - 1) / tile + 1;
	out->correlation = hwr_alloc((size_t) out->columns * (size_t) out->rows, 2 * sizeof(float), st);
	if (out->correlation == NULL)
		return false;
	out->weight = out->correlation + (size_t) out->columns * (size_t) out->rows;
	for (int r = 0; r < out->rows; r++)
		for (int c = 0; c < out->columns; c++)
		{
			int			i = r * out->columns + c;
			bool		missed;

			measure_tile(&view, warp, c * tile, r * tile, tile, &out->correlation[i], &out->weight[i], &missed);
			out->missed += missed ? out->weight[i] : 0;
			sum += out->weight[i];
			good += out->weight[i] * hwr_agreement_worth(out->correlation[i]);
			out->tiles += out->weight[i] > 0;
		}
	out->score = sum > 0 ? good / sum : 0;
	out->missed = sum > 0 ? out->missed / sum : 0;
	return true;
}

void
hwr_agreement_free(HwrAgreement *agreement)
{
	free(agreement->correlation);
	agreement->correlation = NULL;
	agreement->weight = NULL;
}
