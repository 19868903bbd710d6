/*
 * map.c
 *	  Maps of 8-bit values: reduction, running means, extremes, quarter turns.
 */
#include "map.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool
hwr_map_create(int width, int height, HwrMap *out, HwrStatus *st)
{
	out->width = width;
	out->height = height;
	out->v = hwr_alloc_zero((size_t) width * (size_t) height, 1, st);
	return out->v != NULL;
}

void
hwr_map_free(HwrMap *map)
{
	free(map->v);
	map->v = NULL;
}

void
hwr_map_reduce(const uint8_t *src, int width, int height, HwrMap *dst, int y0, int y1)
{
	for (int y = y0; y < y1; y++)
	{
		int			top = (int) ((int64_t) y * height / dst->height);
		int			bottom = (int) ((int64_t) (y + 1) * height / dst->height);
		uint8_t    *out = hwr_map_row(dst, y);

		for (int x = 0; x < dst->width; x++)
		{
			int			left = (int) ((int64_t) x * width / dst->width);
			int			right = (int) ((int64_t) (x + 1) * width / dst->width);
			uint64_t	sum = 0;
			uint64_t	n = (uint64_t) (right - left) * (uint64_t) (bottom - top);

			for (int v = top; v < bottom; v++)
			{
				const uint8_t *row = src + (size_t) v * (size_t) width;
				uint32_t	row_sum = 0;

				for (int u = left; u < right; u++)
					row_sum += row[u];
				sum += row_sum;
			}
			out[x] = (uint8_t) ((sum + n / 2) / n);
		}
	}
}

void
hwr_map_enlarge(const uint8_t *src, int width, int height, HwrMap *dst)
{
	double		sx = (double) width / dst->width;
	double		sy = (double) height / dst->height;

	for (int y = 0; y < dst->height; y++)
	{
		double		v = fmin(fmax((y + 0.5) * sy - 0.5, 0), height - 1);
		int			y0 = (int) v;
		const uint8_t *above = src + (size_t) y0 * (size_t) width;
		const uint8_t *below = y0 + 1 < height ? above + width : above;
		int			ty = (int) ((v - y0) * 256);
		uint8_t    *row = hwr_map_row(dst, y);

		for (int x = 0; x < dst->width; x++)
		{
			double		u = fmin(fmax((x + 0.5) * sx - 0.5, 0), width - 1);
			int			x0 = (int) u;
			int			x1 = x0 + 1 < width ? x0 + 1 : x0;
			int			tx = (int) ((u - x0) * 256);
			int			upper = above[x0] * (256 - tx) + above[x1] * tx;
			int			lower = below[x0] * (256 - tx) + below[x1] * tx;

			row[x] = (uint8_t) ((upper * (256 - ty) + lower * ty + 32768) >> 16);
		}
	}
}

/* One running mean of 2 r + 1 values over n values, the border values continuing outside. */
static void
running_mean(const uint8_t *in, uint8_t *out, int n, int r)
{
	uint32_t	sum = (uint32_t) in[0] * (uint32_t) (r + 1);
	uint32_t	size = 2 * (uint32_t) r + 1;
	uint32_t	factor = (65536 + size / 2) / size;

	for (int i = 1; i <= r; i++)
		sum += in[i < n ? i : n - 1];
	for (int i = 0; i < n; i++)
	{
		uint32_t	mean = (sum * factor + 32768) >> 16;

		out[i] = (uint8_t) (mean > 255 ? 255 : mean);
		sum += in[i + r + 1 < n ? i + r + 1 : n - 1];
		sum -= in[i - r > 0 ? i - r : 0];
	}
}

bool
hwr_map_blur_x(HwrMap *map, int r, HwrStatus *st)
{
	uint8_t    *line;

	if (r < 1)
		return true;
	line = hwr_alloc((size_t) map->width, 1, st);
	if (line == NULL)
		return false;
	for (int y = 0; y < map->height; y++)
	{
		uint8_t    *row = hwr_map_row(map, y);

		running_mean(row, line, map->width, r);
		running_mean(line, row, map->width, r);
		running_mean(row, line, map->width, r);
		memcpy(row, line, (size_t) map->width);
	}
	free(line);
	return true;
}

/*
 * One running mean down all columns at once, row by row: ring keeps the 2 r + 1 rows that the sums
 * hold, because the rows above have been overwritten.
 */
static void
running_mean_down(HwrMap *map, int r, uint32_t *sums, uint8_t *ring)
{
	int			w = map->width;
	int			h = map->height;
	int			size = 2 * r + 1;
	uint32_t	factor = (65536 + (uint32_t) size / 2) / (uint32_t) size;

	memset(sums, 0, (size_t) w * sizeof(uint32_t));
	for (int k = -r; k <= r; k++)
	{
		const uint8_t *row = hwr_map_row(map, k < 0 ? 0 : k < h ? k : h - 1);

		memcpy(ring + (size_t) ((k + r) % size) * (size_t) w, row, (size_t) w);
		for (int x = 0; x < w; x++)
			sums[x] += row[x];
	}
	for (int y = 0; y < h; y++)
	{
		uint8_t    *out = hwr_map_row(map, y);
		uint8_t    *oldest = ring + (size_t) (y % size) * (size_t) w;
		const uint8_t *next = y + r + 1 < h ? hwr_map_row(map, y + r + 1) : NULL;

		for (int x = 0; x < w; x++)
		{
			uint32_t	mean = (sums[x] * factor + 32768) >> 16;

			out[x] = (uint8_t) (mean > 255 ? 255 : mean);
		}
		/* Below the last row its own values go on; they are those that came into the ring last. */
		if (next == NULL)
			next = ring + (size_t) ((y + size - 1) % size) * (size_t) w;
		for (int x = 0; x < w; x++)
		{
			uint8_t		value = next[x];

			sums[x] = sums[x] - oldest[x] + value;
			oldest[x] = value;
		}
	}
}

bool
hwr_map_blur_y(HwrMap *map, int r, HwrStatus *st)
{
	uint32_t   *sums;
	uint8_t    *ring;

	if (r < 1)
		return true;
	sums = hwr_alloc((size_t) map->width, sizeof(uint32_t), st);
	ring = sums == NULL ? NULL : hwr_alloc((size_t) map->width, 2 * (size_t) r + 1, st);
	if (ring != NULL)
		for (int i = 0; i < 3; i++)
			running_mean_down(map, r, sums, ring);
	free(sums);
	free(ring);
	return ring != NULL;
}

/* The greatest of values[0 .. n) in windows of 2 r + 1, in place; stack holds n indices. */
static void
running_greatest(const uint8_t *in, uint8_t *out, int n, int r, int *queue)
{
	int			head = 0;
	int			tail = 0;

	for (int i = 0; i < n + r; i++)
	{
		if (i < n)
		{
			while (tail > head && in[queue[tail - 1]] <= in[i])
				tail--;
			queue[tail++] = i;
		}
		if (i >= r)
		{
			while (queue[head] < i - 2 * r)
				head++;
			out[i - r] = in[queue[head]];
		}
	}
}

bool
hwr_map_extreme(HwrMap *map, int r, int sign, HwrStatus *st)
{
	int			longer = map->width > map->height ? map->width : map->height;
	size_t		pixels = (size_t) map->width * (size_t) map->height;
	uint8_t    *in;
	int		   *queue;

	if (r < 1)
		return true;
	queue = hwr_alloc((size_t) longer, sizeof(int) + 2, st);
	if (queue == NULL)
		return false;
	in = (uint8_t *) (queue + longer);
	if (sign < 0)
		for (size_t i = 0; i < pixels; i++)
			map->v[i] = (uint8_t) (255 - map->v[i]);
	for (int y = 0; y < map->height; y++)
	{
		memcpy(in, hwr_map_row(map, y), (size_t) map->width);
		running_greatest(in, hwr_map_row(map, y), map->width, r, queue);
	}
	for (int x = 0; x < map->width; x++)
	{
		for (int y = 0; y < map->height; y++)
			in[y] = hwr_map_row(map, y)[x];
		running_greatest(in, in + longer, map->height, r, queue);
		for (int y = 0; y < map->height; y++)
			hwr_map_row(map, y)[x] = in[longer + y];
	}
	if (sign < 0)
		for (size_t i = 0; i < pixels; i++)
			map->v[i] = (uint8_t) (255 - map->v[i]);
	free(queue);
	return true;
}

bool
hwr_map_turn(const HwrMap *src, int quarters, HwrMap *dst, HwrStatus *st)
{
	int			w = src->width;
	int			h = src->height;

	quarters &= 3;
	if (!hwr_map_create(quarters & 1 ? h : w, quarters & 1 ? w : h, dst, st))
		return false;
	for (int y = 0; y < dst->height; y++)
	{
		uint8_t    *out = hwr_map_row(dst, y);

		for (int x = 0; x < dst->width; x++)
		{
			int			u = quarters == 0 ? x : quarters == 1 ? y : quarters == 2 ? w - 1 - x : w - 1 - y;
			int			v = quarters == 0 ? y : quarters == 1 ? h - 1 - x : quarters == 2 ? h - 1 - y : x;

			out[x] = hwr_map_row(src, v)[u];
		}
	}
	return true;
}

uint32_t *
hwr_map_sums(const HwrMap *map, HwrStatus *st)
{
	size_t		stride = (size_t) map->width + 1;
	uint32_t   *table = hwr_alloc_zero(stride * ((size_t) map->height + 1), sizeof(uint32_t), st);

	if (table == NULL)
		return NULL;
	for (int y = 0; y < map->height; y++)
	{
		const uint8_t *row = hwr_map_row(map, y);
		uint32_t   *above = table + (size_t) y * stride;
		uint32_t   *here = above + stride;
		uint32_t	sum = 0;

		for (int x = 0; x < map->width; x++)
		{
			sum += row[x];
			here[x + 1] = above[x + 1] + sum;
		}
	}
	return table;
}

int
hwr_histogram_quantile(const uint32_t *counts, int n, double share)
{
	uint64_t	total = 0;
	uint64_t	sum = 0;

	for (int i = 0; i < n; i++)
		total += counts[i];
	for (int i = 0; i < n; i++)
	{
		sum += counts[i];
		if ((double) sum > share * (double) total)
			return i;
	}
	return n - 1;
}
