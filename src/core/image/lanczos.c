/*
 * lanczos.c
 *	  Lanczos resampling in fixed point, as Pillow's.
 *
 * Source: the documented behaviour of Pillow's Image.resize for 8-bit images; test_lanczos.c
 * compares with what it gives.
 */
#include "lanczos.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Loops over pixels are worth vectors. */
#ifdef __GNUC__
#pragma GCC optimize("O3")
#endif

#define LOBES 3
#define PRECISION_BITS 22
#define HALF (1 << (PRECISION_BITS - 1))

/* Output i is the sum over k < taps[i] of weight[i * max_taps + k] * input first[i] + k. */
typedef struct Axis
{
	int			max_taps;
	int		   *first;			/* [n_out] */
	int		   *taps;			/* [n_out] */
	int32_t    *weight;			/* [n_out][max_taps], 1 being 1 << PRECISION_BITS */
} Axis;

static double
sinc(double x)
{
	return x == 0 ? 1 : sin(x * M_PI) / (x * M_PI);
}

static double
lanczos(double x)
{
	return x >= -LOBES && x < LOBES ? sinc(x) * sinc(x / LOBES) : 0;
}

static void
fill_taps(Axis *axis, int i, int n_in, double scale, double widening)
{
	double		center = (i + 0.5) * scale;
	double		support = LOBES * widening;
	int			first = (int) (center - support + 0.5);
	int			end = (int) (center + support + 0.5);
	int32_t    *weight = axis->weight + (size_t) i * (size_t) axis->max_taps;
	double		sum = 0;

	first = first > 0 ? first : 0;
	end = end < n_in ? end : n_in;
	for (int k = first; k < end; k++)
		sum += lanczos((k - center + 0.5) / widening);
	for (int k = first; k < end; k++)
	{
		double		w = lanczos((k - center + 0.5) / widening) / (sum != 0 ? sum : 1) * (1 << PRECISION_BITS);

		weight[k - first] = (int32_t) (w < 0 ? w - 0.5 : w + 0.5);
	}
	axis->first[i] = first;
	axis->taps[i] = end - first;
}

static bool
make_axis(Axis *axis, int n_in, int n_out, HwrStatus *st)
{
	double		scale = (double) n_in / n_out;
	double		widening = scale > 1 ? scale : 1;

	axis->max_taps = (int) ceil(LOBES * widening) * 2 + 1;
	axis->first = hwr_alloc((size_t) n_out, sizeof(int), st);
	axis->taps = hwr_alloc((size_t) n_out, sizeof(int), st);
	axis->weight = hwr_alloc((size_t) n_out * (size_t) axis->max_taps, sizeof(int32_t), st);
	if (axis->first == NULL || axis->taps == NULL || axis->weight == NULL)
		return false;
	for (int i = 0; i < n_out; i++)
		fill_taps(axis, i, n_in, scale, widening);
	return true;
}

static void
free_axis(Axis *axis)
{
	free(axis->first);
	free(axis->taps);
	free(axis->weight);
}

static uint8_t
rounded(int32_t sum)
{
	sum >>= PRECISION_BITS;
	return (uint8_t) (sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static void
across(const Axis *axis, const uint8_t *src, int w, int h, int out_w, uint8_t *dst)
{
	for (int y = 0; y < h; y++, src += w, dst += out_w)
		for (int x = 0; x < out_w; x++)
		{
			const uint8_t *from = src + axis->first[x];
			const int32_t *weight = axis->weight + (size_t) x * (size_t) axis->max_taps;
			int32_t		sum = HALF;

			for (int k = 0; k < axis->taps[x]; k++)
				sum += from[k] * weight[k];
			dst[x] = rounded(sum);
		}
}

/* sums: room for a row */
static void
down(const Axis *axis, const uint8_t *src, int w, int out_h, int32_t *restrict sums, uint8_t *restrict dst)
{
	for (int y = 0; y < out_h; y++, dst += w)
	{
		for (int x = 0; x < w; x++)
			sums[x] = HALF;
		for (int k = 0; k < axis->taps[y]; k++)
		{
			const uint8_t *restrict from = src + (size_t) (axis->first[y] + k) * (size_t) w;
			int32_t		weight = axis->weight[(size_t) y * (size_t) axis->max_taps + (size_t) k];

			for (int x = 0; x < w; x++)
				sums[x] += from[x] * weight;
		}
		for (int x = 0; x < w; x++)
			dst[x] = rounded(sums[x]);
	}
}

/* An axis along which nothing changes is left alone, as there. */
bool
hwr_lanczos_resize(const uint8_t *src, int w, int h, int out_w, int out_h, uint8_t *dst, HwrStatus *st)
{
	Axis		x_axis = {0};
	Axis		y_axis = {0};
	uint8_t    *between = NULL;
	int32_t    *sums = NULL;
	bool		ok = true;

	if (out_w != w)
	{
		between = out_h != h ? hwr_alloc((size_t) out_w, (size_t) h, st) : dst;
		ok = between != NULL && make_axis(&x_axis, w, out_w, st);
		if (ok)
			across(&x_axis, src, w, h, out_w, between);
	}
	if (ok && out_h != h)
	{
		sums = hwr_alloc((size_t) out_w, sizeof(int32_t), st);
		ok = sums != NULL && make_axis(&y_axis, h, out_h, st);
		if (ok)
			down(&y_axis, between != NULL ? between : src, out_w, out_h, sums, dst);
	}
	if (out_w == w && out_h == h)
		memcpy(dst, src, (size_t) w * (size_t) h);
	free_axis(&x_axis);
	free_axis(&y_axis);
	if (between != dst)
		free(between);
	free(sums);
	return ok;
}
