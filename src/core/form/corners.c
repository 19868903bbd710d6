/*
 * corners.c
 *	  Corners and what is around them: see corners.h.
 */
#include "corners.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Side of the squares of a description, and of the window in which gradients are summed for a corner. */
#define CELL 10
#define CELLS 4
#define DIRECTIONS 8
#define WINDOW 2

/* Corners compete in squares of this side, so that they spread over the picture. */
#define BUCKET 24
#define PER_BUCKET 4

/* Corners weaker than this share of the strongest are none, and those below this strength. */
#define WEAKEST 0.02F
#define LEAST 60.0F

/* Descriptions' entries are at most this share of their length, since one strong edge says little. */
#define CLIP 0.2F

/* A second match counts as another only so far away: corners of one thing lie together. */
#define APART 12.0F

typedef struct Candidate
{
	float		strength;
	int			x;
	int			y;
} Candidate;

static bool
make_levels(const HwrMap *ink, HwrFeatures *out, HwrStatus *st)
{
	float		factor = 1;

	for (int k = 0; k < HWR_FEATURE_LEVELS; k++)
	{
		HwrMap	   *level = &out->levels[k];
		int			w = (int) ((float) ink->width * factor);
		int			h = (int) ((float) ink->height * factor);

		if (!hwr_map_create(w < 1 ? 1 : w, h < 1 ? 1 : h, level, st))
			return false;
		hwr_map_reduce(ink->v, ink->width, ink->height, level, 0, level->height);
		if (!hwr_map_blur_x(level, 1, st) || !hwr_map_blur_y(level, 1, st))
			return false;
		factor *= HWR_FEATURE_RATIO;
	}
	return true;
}

/* Sums of three products of gradients over a window around each pixel of a row; gx, gy of rows are made on the way. */
static void
gradients_at(const HwrMap *map, int x, int y, float *gx, float *gy)
{
	const uint8_t *row = hwr_map_row(map, y);

	*gx = (float) row[x + 1] - (float) row[x - 1];
	*gy = (float) hwr_map_row(map, y + 1)[x] - (float) hwr_map_row(map, y - 1)[x];
}

/*
 * The lesser eigenvalue of the gradients' matrix at each pixel, its root in strength[height][width]; 0 near the edges.
 */
static bool
corner_strength(const HwrMap *map, float *strength, HwrStatus *st)
{
	int			w = map->width;
	int			h = map->height;
	size_t		row_size = (size_t) w;
	float	   *sums = hwr_alloc_zero(row_size, 3 * sizeof(float), st);	/* of columns, over the window's rows */

	if (sums == NULL)
		return false;
	memset(strength, 0, row_size * (size_t) h * sizeof(float));
	for (int y = 1 - WINDOW; y < h - 1 - WINDOW; y++)
	{
		float		a = 0;
		float		b = 0;
		float		c = 0;

		/* A row enters below, one leaves above. */
		for (int side = 0; side < 2; side++)
		{
			int			v = side == 0 ? y + WINDOW : y - WINDOW - 1;
			float		sign = side == 0 ? 1 : -1;

			if (v < 1 || v >= h - 1)
				continue;
			for (int x = 1; x < w - 1; x++)
			{
				float		gx;
				float		gy;

				gradients_at(map, x, v, &gx, &gy);
				sums[3 * x] += sign * gx * gx;
				sums[3 * x + 1] += sign * gx * gy;
				sums[3 * x + 2] += sign * gy * gy;
			}
		}
		if (y < 1 + WINDOW)
			continue;
		for (int x = 1; x < w - 1 && x <= 2 * WINDOW; x++)
		{
			a += sums[3 * x];
			b += sums[3 * x + 1];
			c += sums[3 * x + 2];
		}
		for (int x = 1 + WINDOW; x < w - 1 - WINDOW; x++)
		{
			float		half;
			float		least;

			a += sums[3 * (x + WINDOW)] - (x > 1 + WINDOW ? sums[3 * (x - WINDOW - 1)] : 0);
			b += sums[3 * (x + WINDOW) + 1] - (x > 1 + WINDOW ? sums[3 * (x - WINDOW - 1) + 1] : 0);
			c += sums[3 * (x + WINDOW) + 2] - (x > 1 + WINDOW ? sums[3 * (x - WINDOW - 1) + 2] : 0);
			half = (a + c) / 2;
			least = half - sqrtf(fmaxf((a - c) * (a - c) / 4 + b * b, 0));
			strength[(size_t) y * row_size + (size_t) x] = sqrtf(fmaxf(least, 0));
		}
	}
	free(sums);
	return true;
}

static int
stronger(const void *a, const void *b)
{
	const Candidate *p = a;
	const Candidate *q = b;

	if (p->strength != q->strength)
		return p->strength > q->strength ? -1 : 1;
	return p->y != q->y ? p->y - q->y : p->x - q->x;
}

/* The strongest local maxima of each bucket, at most limit; returns how many. */
static int
pick_corners(const float *strength, int w, int h, int limit, Candidate *all)
{
	float		most = 0;
	int			n = 0;

	for (int i = 0; i < w * h; i++)
		most = fmaxf(most, strength[i]);
	most = fmaxf(most * WEAKEST, LEAST);
	for (int by = 0; by < h; by += BUCKET)
		for (int bx = 0; bx < w; bx += BUCKET)
		{
			Candidate	best[PER_BUCKET + 1];
			int			count = 0;

			for (int y = by < 1 ? 1 : by; y < by + BUCKET && y < h - 1; y++)
				for (int x = bx < 1 ? 1 : bx; x < bx + BUCKET && x < w - 1; x++)
				{
					const float *s = strength + (size_t) y * (size_t) w + x;
					int			at;

					if (*s < most || *s < s[-1] || *s <= s[1] || *s < s[-w] || *s <= s[w] ||
						*s < s[-w - 1] || *s < s[-w + 1] || *s <= s[w - 1] || *s <= s[w + 1])
						continue;
					for (at = count; at > 0 && best[at - 1].strength < *s; at--)
						best[at] = best[at - 1];
					best[at] = (Candidate){*s, x, y};
					count += count < PER_BUCKET;
				}
			for (int i = 0; i < count; i++)
				all[n++] = best[i];
		}
	qsort(all, (size_t) n, sizeof(Candidate), stronger);
	return n < limit ? n : limit;
}

/* The corners of one level are added. */
static bool
find_at_level(const HwrMap *ink, int level, int limit, HwrFeatures *out, HwrStatus *st)
{
	const HwrMap *map = &out->levels[level];
	size_t		pixels = (size_t) map->width * (size_t) map->height;
	size_t		buckets = (size_t) (map->width / BUCKET + 1) * (size_t) (map->height / BUCKET + 1);
	float		sx = (float) ink->width / (float) map->width;
	float		sy = (float) ink->height / (float) map->height;
	float	   *strength = hwr_alloc(pixels, sizeof(float), st);
	Candidate  *all = strength == NULL ? NULL : hwr_alloc(buckets * PER_BUCKET, sizeof(Candidate), st);
	bool		ok = all != NULL && corner_strength(map, strength, st);

	if (ok)
	{
		int			n = pick_corners(strength, map->width, map->height, limit, all);

		for (int i = 0; i < n; i++)
			out->features[out->n++] = (HwrFeature){
				.x = ((float) all[i].x + 0.5F) * sx,.y = ((float) all[i].y + 0.5F) * sy,
				.scale = (sx + sy) / 2,.level = (uint8_t) level
			};
	}
	free(all);
	free(strength);
	return ok;
}

bool
hwr_features_find(const HwrMap *ink, HwrFeatures *out, HwrStatus *st)
{
	static const int limits[HWR_FEATURE_LEVELS] = {500, 400, 300, 200};

	memset(out, 0, sizeof(*out));
	if (!make_levels(ink, out, st))
		return false;
	out->features = hwr_alloc(HWR_FEATURES_MAX, sizeof(HwrFeature), st);
	if (out->features == NULL)
		return false;
	for (int k = 0; k < HWR_FEATURE_LEVELS; k++)
		if (!find_at_level(ink, k, limits[k], out, st))
			return false;
	return true;
}

void
hwr_features_free(HwrFeatures *f)
{
	for (int k = 0; k < HWR_FEATURE_LEVELS; k++)
		hwr_map_free(&f->levels[k]);
	free(f->features);
	memset(f, 0, sizeof(*f));
}

/* Two bins around a position, and the second one's share; outside 0 .. n - 1 is no bin unless they go around. */
static void
add_to_bins(float *bins, float x, float y, float direction, float value)
{
	int			x0 = (int) floorf(x);
	int			y0 = (int) floorf(y);
	int			d0 = (int) floorf(direction);
	float		fx = x - (float) x0;
	float		fy = y - (float) y0;
	float		fd = direction - (float) d0;

	for (int i = 0; i < 8; i++)
	{
		int			cx = x0 + (i & 1);
		int			cy = y0 + (i >> 1 & 1);
		int			cd = (d0 + (i >> 2) + DIRECTIONS) % DIRECTIONS;

		if (cx < 0 || cx >= CELLS || cy < 0 || cy >= CELLS)
			continue;
		bins[(cy * CELLS + cx) * DIRECTIONS + cd] +=
			value * (i & 1 ? fx : 1 - fx) * (i >> 1 & 1 ? fy : 1 - fy) * (i >> 2 ? fd : 1 - fd);
	}
}

/* To unit length, entries clipped, and again; then as bytes. */
static void
finish(float *bins, uint8_t *out)
{
	for (int pass = 0; pass < 2; pass++)
	{
		float		length = 0;

		for (int i = 0; i < HWR_FEATURE_SIZE; i++)
			length += bins[i] * bins[i];
		length = length > 0 ? 1 / sqrtf(length) : 0;
		for (int i = 0; i < HWR_FEATURE_SIZE; i++)
			bins[i] = pass == 0 ? fminf(bins[i] * length, CLIP) : bins[i] * length;
	}
	for (int i = 0; i < HWR_FEATURE_SIZE; i++)
		out[i] = (uint8_t) fminf(bins[i] * 512 + 0.5F, 255);
}

void
hwr_features_describe(const HwrFeatures *f, double angle, uint8_t *descriptions)
{
	const float pi = 3.14159265F;
	const int	reach = CELL * CELLS / 2;
	float		c = (float) cos(angle);
	float		s = (float) sin(angle);

	for (int i = 0; i < f->n; i++)
	{
		const HwrFeature *feature = &f->features[i];
		const HwrMap *map = &f->levels[feature->level];
		float		bins[HWR_FEATURE_SIZE] = {0};
		float		x0 = feature->x / feature->scale - 0.5F;
		float		y0 = feature->y / feature->scale - 0.5F;

		/* Every second pixel of the frame is enough on a smoothed map. */
		for (int v = -reach; v < reach; v += 2)
			for (int u = -reach; u < reach; u += 2)
			{
				float		fu = (float) u + 1;
				float		fv = (float) v + 1;
				int			x = (int) lrintf(x0 + c * fu - s * fv);
				int			y = (int) lrintf(y0 + s * fu + c * fv);
				float		gx;
				float		gy;
				float		size;
				float		direction;

				if (x < 1 || y < 1 || x >= map->width - 1 || y >= map->height - 1)
					continue;
				gradients_at(map, x, y, &gx, &gy);
				size = sqrtf(gx * gx + gy * gy);
				if (size < 4)
					continue;
				/* Its direction in the turned frame, 0 .. DIRECTIONS. */
				direction = (atan2f(c * gy - s * gx, c * gx + s * gy) / (2 * pi) + 1) * DIRECTIONS;
				add_to_bins(bins, fu / CELL + (CELLS - 1) / 2.0F, fv / CELL + (CELLS - 1) / 2.0F, direction,
							size * expf(-(fu * fu + fv * fv) / (2.0F * reach * reach)));
			}
		finish(bins, descriptions + (size_t) i * HWR_FEATURE_SIZE);
	}
}

static int
squared_distance(const uint8_t *a, const uint8_t *b)
{
	int			sum = 0;

	for (int i = 0; i < HWR_FEATURE_SIZE; i++)
	{
		int			d = a[i] - b[i];

		sum += d * d;
	}
	return sum;
}

int
hwr_features_match(const uint8_t *from_descriptions, int first, int last,
				   const HwrFeatures *to, const uint8_t *to_descriptions, HwrMatch *out)
{
	int			n = 0;

	for (int i = first; i < last; i++)
	{
		int			best = INT32_MAX;
		int			second = INT32_MAX;
		int			which = -1;

		for (int j = 0; j < to->n; j++)
		{
			int			d = squared_distance(from_descriptions + (size_t) i * HWR_FEATURE_SIZE,
											 to_descriptions + (size_t) j * HWR_FEATURE_SIZE);

			if (d < best)
			{
				/* What was best becomes the second unless it is the same corner, at another reduction perhaps. */
				if (which >= 0 && fabsf(to->features[which].x - to->features[j].x) +
					fabsf(to->features[which].y - to->features[j].y) > APART)
					second = best;
				best = d;
				which = j;
			}
			else if (d < second && fabsf(to->features[which].x - to->features[j].x) +
					 fabsf(to->features[which].y - to->features[j].y) > APART)
				second = d;
		}
		if (which >= 0)
			out[n++] = (HwrMatch){i, which, second == INT32_MAX ? 1 : sqrtf((float) best / ((float) second + 1))};
	}
	return n;
}
