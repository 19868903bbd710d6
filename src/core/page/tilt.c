/*
 * tilt.c
 *	  Turning a skewed page by some degrees.  See tilt.h.
 */
#include "tilt.h"

#include <math.h>

HwrTilt
hwr_tilt_of(float slope, float width, float height)
{
	float		cosine = 1 / sqrtf(1 + slope * slope);
	float		sine = slope * cosine;

	return (HwrTilt){
		.cosine = cosine,.sine = sine,.middle = {width / 2, height / 2},
		.straight = {(cosine * width + fabsf(sine) * height) / 2, (cosine * height + fabsf(sine) * width) / 2},
	};
}

/* p, turned about from by an angle, where from has come to lie at to. */
static HwrPoint
turn(HwrPoint p, HwrPoint from, HwrPoint to, float cosine, float sine)
{
	float		x = p.x - from.x;
	float		y = p.y - from.y;

	return (HwrPoint){to.x + cosine * x + sine * y, to.y + cosine * y - sine * x};
}

HwrPoint
hwr_tilt_point(const HwrTilt *tilt, HwrPoint p)
{
	return tilt->sine == 0 ? p : turn(p, tilt->middle, tilt->straight, tilt->cosine, tilt->sine);
}

HwrPoint
hwr_tilt_back(const HwrTilt *tilt, HwrPoint p)
{
	return tilt->sine == 0 ? p : turn(p, tilt->straight, tilt->middle, tilt->cosine, -tilt->sine);
}

/* Between the middles of pixels, of which (x, y) is in 256ths; 0 outside. */
static uint8_t
between(const HwrMap *map, int x, int y)
{
	int			u = x >> 8;
	int			v = y >> 8;
	int			s = x & 255;
	int			t = y & 255;
	const uint8_t *above;
	const uint8_t *below;

	if (u < 0 || v < 0 || u + 1 >= map->width || v + 1 >= map->height)
		return 0;
	above = hwr_map_row(map, v) + u;
	below = above + map->width;
	return (uint8_t) (((above[0] * (256 - s) + above[1] * s) * (256 - t) +
					   (below[0] * (256 - s) + below[1] * s) * t + 32768) >> 16);
}

bool
hwr_map_straighten(HwrMap *map, const HwrTilt *tilt, float factor, HwrStatus *st)
{
	int			width = (int) ceilf(2 * tilt->straight.x / factor);
	int			height = (int) ceilf(2 * tilt->straight.y / factor);
	int			step_x = (int) lrintf(tilt->cosine * 65536);
	int			step_y = (int) lrintf(tilt->sine * 65536);
	HwrMap		out;

	if (!hwr_map_create(width, height, &out, st))
		return false;
	for (int y = 0; y < height; y++)
	{
		/* the first pixel's place in the map, in 65536ths */
		HwrPoint	from = hwr_tilt_back(tilt, (HwrPoint){0.5F * factor, ((float) y + 0.5F) * factor});
		int64_t		u = (int64_t) ((from.x / factor - 0.5F) * 65536);
		int64_t		v = (int64_t) ((from.y / factor - 0.5F) * 65536);
		uint8_t    *row = hwr_map_row(&out, y);

		for (int x = 0; x < width; x++, u += step_x, v += step_y)
			row[x] = between(map, (int) (u >> 8), (int) (v >> 8));
	}
	hwr_map_free(map);
	*map = out;
	return true;
}
