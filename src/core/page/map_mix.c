/*
 * map_mix.c
 *	  The maps of one page at two sizes of its writing, as one.  See map_mix.h.
 */
#include "map_mix.h"

#include <math.h>

/* What heights count where there is no baseline at all. */
#define LEAST_BASELINE 0.01F

/* Two neighbours of a place along one side of the maps, and how near the second is. */
typedef struct Between
{
	int			first;
	int			second;
	float		share;
} Between;

static Between
between(float at, int n)
{
	float		within = fminf(fmaxf(at, 0), (float) (n - 1));
	Between		b = {.first = (int) within};

	b.second = b.first + 1 < n ? b.first + 1 : b.first;
	b.share = within - (float) b.first;
	return b;
}

/* The maps between four cells. */
static void
interpolate(const HwrLineMaps *maps, Between x, Between y, float out[HWR_LINE_MAPS])
{
	const float *a = hwr_line_maps_at(maps, x.first, y.first);
	const float *b = hwr_line_maps_at(maps, x.second, y.first);
	const float *c = hwr_line_maps_at(maps, x.first, y.second);
	const float *d = hwr_line_maps_at(maps, x.second, y.second);

	for (int m = 0; m < HWR_LINE_MAPS; m++)
	{
		float		upper = a[m] + x.share * (b[m] - a[m]);
		float		lower = c[m] + x.share * (d[m] - c[m]);

		out[m] = upper + y.share * (lower - upper);
	}
}

static void
mix_cell(float *v, const float *other, float ratio, float share)
{
	float		weight = (1 - share) * (v[HWR_MAP_BASELINE] + LEAST_BASELINE);
	float		others = share * (other[HWR_MAP_BASELINE] + LEAST_BASELINE);

	for (int m = HWR_MAP_UP; m <= HWR_MAP_DOWN; m++)
		v[m] = (weight * v[m] + others * other[m] / ratio) / (weight + others);
	for (int m = HWR_MAP_BASELINE; m <= HWR_MAP_END; m++)
		v[m] += share * (other[m] - v[m]);
}

void
hwr_line_maps_mix(HwrLineMaps *maps, const HwrLineMaps *other, float ratio, float share)
{
	for (int y = 0; y < maps->height; y++)
	{
		/* the band is as far above the baseline at any size: baselines go onto baselines */
		float		baseline = ((float) y + 0.5F) * (float) maps->cell_y + HWR_BAND_ABOVE;
		Between		v = between((baseline * ratio - HWR_BAND_ABOVE) / (float) other->cell_y - 0.5F, other->height);
		float	   *row = maps->v + (size_t) y * (size_t) maps->width * HWR_LINE_MAPS;

		for (int x = 0; x < maps->width; x++)
		{
			float		u = ((float) x + 0.5F) * (float) maps->cell_x * ratio / (float) other->cell_x - 0.5F;
			float		values[HWR_LINE_MAPS];

			interpolate(other, between(u, other->width), v, values);
			mix_cell(row + (size_t) x * HWR_LINE_MAPS, values, ratio, share);
		}
	}
}
