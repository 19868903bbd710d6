/*
 * morphology.c
 *	  Grey closing and opening by a square.
 *
 * The maximum over a window is made from maxima over windows of half the length: the window of 2n from x is the
 * larger of those of n from x and from x + n, so a window of any length takes about log2 of it such steps, each a
 * plain loop over bytes.  A square is a row and then a column.  Minima are maxima of the
 * complement, so an opening is the closing of the negative.
 */
#include "morphology.h"

#include <stdlib.h>
#include <string.h>

/* Loops over bytes are worth vectors. */
#ifdef __GNUC__
#pragma GCC optimize("O3")
#endif

static void
larger(const uint8_t *restrict a, const uint8_t *restrict b, size_t n, uint8_t *restrict out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = a[i] > b[i] ? a[i] : b[i];
}

static void
negate(uint8_t *a, size_t n)
{
	for (size_t i = 0; i < n; i++)
		a[i] = (uint8_t) ~a[i];
}

/*
 * Maxima of in over windows of length elements, one element being stride bytes: element i of the
 * result covers i to i + length - 1, and there are count - length + 1 of them.  Both buffers are
 * used up; returns the one with the result.
 */
static uint8_t *
window_maxima(uint8_t *in, uint8_t *other, size_t count, size_t length, size_t stride)
{
	size_t		covered = 1;

	while (covered < length)
	{
		size_t		step = covered < length - covered ? covered : length - covered;
		uint8_t    *swap = in;

		count -= step;
		larger(in, in + step * stride, count * stride, other);
		in = other;
		other = swap;
		covered += step;
	}
	return in;
}

/*
 * In place: the maximum over the square around each pixel.  a, b: room for (height + 2 radius) x
 * (width + 2 radius).
 */
static void
dilate(uint8_t *grey, int width, int height, int radius, uint8_t *a, uint8_t *b)
{
	size_t		w = (size_t) width;
	size_t		h = (size_t) height;
	size_t		r = (size_t) radius;
	const uint8_t *result;

	for (size_t y = 0; y < h; y++)
	{
		memset(a, 0, r);
		memcpy(a + r, grey + y * w, w);
		memset(a + r + w, 0, r);
		memcpy(grey + y * w, window_maxima(a, b, w + 2 * r, 2 * r + 1, 1), w);
	}
	memset(a, 0, r * w);
	memcpy(a + r * w, grey, h * w);
	memset(a + (r + h) * w, 0, r * w);
	result = window_maxima(a, b, h + 2 * r, 2 * r + 1, w);
	memcpy(grey, result, h * w);
}

/* The closing, or, of a negative, the opening's negative. */
static bool
close_in_place(uint8_t *grey, int width, int height, int radius, HwrStatus *st)
{
	size_t		area = (size_t) width * (size_t) height;
	size_t		room = ((size_t) width + 2 * (size_t) radius) * ((size_t) height + 2 * (size_t) radius);
	uint8_t    *a = hwr_alloc(room, 1, st);
	uint8_t    *b = hwr_alloc(room, 1, st);
	bool		ok = a != NULL && b != NULL;

	if (ok)
	{
		dilate(grey, width, height, radius, a, b);
		negate(grey, area);
		dilate(grey, width, height, radius, a, b);
		negate(grey, area);
	}
	free(a);
	free(b);
	return ok;
}

bool
hwr_grey_closing(const uint8_t *grey, int width, int height, int radius, uint8_t *out, HwrStatus *st)
{
	memcpy(out, grey, (size_t) width * (size_t) height);
	return close_in_place(out, width, height, radius, st);
}

bool
hwr_grey_opening(const uint8_t *grey, int width, int height, int radius, uint8_t *out, HwrStatus *st)
{
	size_t		area = (size_t) width * (size_t) height;
	bool		ok;

	memcpy(out, grey, area);
	negate(out, area);
	ok = close_in_place(out, width, height, radius, st);
	negate(out, area);
	return ok;
}
