/*
 * slope.c
 *	  The slope of the writing.
 *
 * Along the writing the ink's profile has peaks at lines and valleys between them; in any other
 * direction it is flat.  So the slope is the one whose profile has the greatest sum of squared
 * differences of rows a few pixels apart (Postl 1986, with a difference that suits handwriting).
 * The two halves of the page are measured apart, because the pages of a spread seldom lie alike.
 */
#include "page_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Profiles of strips so wide are what is moved against each other. */
#define STRIP 8

#define MAX_DEGREES 16.0
#define COARSE_DEGREES 1.0

/* Rows compared are so far apart. */
#define APART 4

/* A slope counts if its profile's energy is so many times the middle one's. */
#define LEAST_PEAK 1.15

#define RADIANS(degrees) ((degrees) * 3.14159265358979 / 180.0)

typedef struct Strips
{
	int			n;
	int			height;
	uint16_t   *sums;			/* [n][height]: ink of STRIP columns */
	float	   *profile;		/* [3 height] */
} Strips;

static bool
make_strips(const HwrMap *ink, Strips *strips, HwrStatus *st)
{
	strips->n = ink->width / STRIP;
	strips->height = ink->height;
	strips->profile = NULL;
	strips->sums = hwr_alloc_zero((size_t) strips->n * (size_t) ink->height + 1, sizeof(uint16_t), st);
	if (strips->sums == NULL)
		return false;
	strips->profile = hwr_alloc(3 * (size_t) ink->height, sizeof(float), st);
	if (strips->profile == NULL)
	{
		free(strips->sums);
		return false;
	}
	for (int y = 0; y < ink->height; y++)
	{
		const uint8_t *row = hwr_map_row(ink, y);

		for (int i = 0; i < strips->n; i++)
		{
			int			sum = 0;

			for (int k = 0; k < STRIP; k++)
				sum += row[i * STRIP + k];
			strips->sums[(size_t) i * (size_t) ink->height + (size_t) y] = (uint16_t) sum;
		}
	}
	return true;
}

/* The energy of the profile of strips [lo, hi) along a slope. */
static double
energy(const Strips *strips, int lo, int hi, double slope)
{
	int			h = strips->height;
	float	   *profile = strips->profile;
	double		sum = 0;

	memset(profile, 0, 3 * (size_t) h * sizeof(float));
	for (int i = lo; i < hi; i++)
	{
		int			from_middle = i - (lo + hi) / 2;
		int			move = h - (int) lround(slope * from_middle * STRIP);
		const uint16_t *in = strips->sums + (size_t) i * (size_t) h;

		if (move < 0 || move > 2 * h)
			continue;
		for (int y = 0; y < h; y++)
			profile[move + y] += in[y];
	}
	for (int y = 0; y + APART < 3 * h; y++)
	{
		double		difference = profile[y + APART] - profile[y];

		sum += difference * difference;
	}
	return sum;
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* The slope of strips [lo, hi); false if none stands out. */
static bool
find_slope(const Strips *strips, int lo, int hi, float *slope)
{
	double		energies[2 * (int) (MAX_DEGREES / COARSE_DEGREES) + 1];
	int			n = (int) (sizeof(energies) / sizeof(energies[0]));
	const int	middle = n / 2;
	int			best = middle;
	double		degrees;
	double		top;

	if (hi - lo < 4)
		return false;
	for (int i = 0; i < n; i++)
	{
		energies[i] = energy(strips, lo, hi, tan(RADIANS((i - middle) * COARSE_DEGREES)));
		if (energies[i] > energies[best])
			best = i;
	}
	top = energies[best];
	degrees = (best - middle) * COARSE_DEGREES;
	qsort(energies, (size_t) n, sizeof(double), compare_doubles);
	if (!(top > LEAST_PEAK * energies[middle]))
		return false;
	for (double step = COARSE_DEGREES / 2; step > 0.1; step /= 2)
	{
		double		less = energy(strips, lo, hi, tan(RADIANS(degrees - step)));
		double		more = energy(strips, lo, hi, tan(RADIANS(degrees + step)));

		if (less > top && less >= more)
		{
			top = less;
			degrees -= step;
		}
		else if (more > top)
		{
			top = more;
			degrees += step;
		}
	}
	*slope = (float) tan(RADIANS(degrees));
	return true;
}

static double
ink_of(const Strips *strips, int lo, int hi)
{
	double		sum = 0;

	for (size_t i = (size_t) lo * (size_t) strips->height; i < (size_t) hi * (size_t) strips->height; i++)
		sum += strips->sums[i];
	return sum;
}

bool
hwr_page_find_slopes(const HwrMap *ink, float slopes[2], HwrStatus *st)
{
	Strips		strips;
	float		whole = 0;
	int			half;
	double		total;

	slopes[0] = slopes[1] = 0;
	if (ink->width < 8 * STRIP || ink->height < 2 * APART)
		return true;
	if (!make_strips(ink, &strips, st))
		return false;
	half = strips.n / 2;
	total = ink_of(&strips, 0, strips.n);
	if (find_slope(&strips, 0, strips.n, &whole))
		slopes[0] = slopes[1] = whole;
	for (int side = 0; side < 2; side++)
	{
		int			lo = side == 0 ? 0 : half;
		int			hi = side == 0 ? half : strips.n;
		float		slope;

		/* A half with little ink in it follows the whole; so does one whose slope is far from it. */
		if (ink_of(&strips, lo, hi) > 0.2 * total && find_slope(&strips, lo, hi, &slope) &&
			fabsf(slope - whole) < 0.09F)
			slopes[side] = slope;
	}
	free(strips.sums);
	free(strips.profile);
	return true;
}

void
hwr_page_shifts(int width, const float slopes[2], float *shift)
{
	/* The slope goes from the left half's to the right half's between the quarters. */
	double		left = width * 0.25;
	double		right = width * 0.75;
	double		sum = 0;
	double		middle = 0;

	for (int x = 0; x < width; x++)
	{
		double		t = x <= left ? 0 : x >= right ? 1 : (x - left) / (right - left);

		shift[x] = (float) sum;
		if (x == width / 2)
			middle = sum;
		sum += slopes[0] + t * (slopes[1] - slopes[0]);
	}
	for (int x = 0; x < width; x++)
		shift[x] -= (float) middle;
}

bool
hwr_page_shear(HwrMap *map, const float *shift, HwrStatus *st)
{
	HwrMap		out;

	if (!hwr_map_create(map->width, map->height, &out, st))
		return false;
	for (int y = 0; y < map->height; y++)
	{
		uint8_t    *row = hwr_map_row(&out, y);

		for (int x = 0; x < map->width; x++)
		{
			int			from = y + (int) lrintf(shift[x]);

			if (from >= 0 && from < map->height)
				row[x] = map->v[(size_t) from * (size_t) map->width + (size_t) x];
		}
	}
	hwr_map_free(map);
	*map = out;
	return true;
}
