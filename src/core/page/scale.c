/*
 * scale.c
 *	  The size of the writing.
 *
 * A window of height w is compared with half a window above and half one below it.  Where w is the height
 * of a line's body, or half the distance from line to line, the difference is greatest; smaller windows
 * see strokes, larger ones paragraphs.  Windows are eight times as wide as high, so that strokes even out.
 */
#include "page_internal.h"
#include "core/base/compare.h"
#include "core/ink/pieces.h"

#include <math.h>
#include <stdlib.h>

#define SMALLEST 2.5
#define RATIO 1.12
#define ASPECT 6

/*
 * Where the differences do not decide, the pieces of ink do: letters and words of cursive writing
 * are usually so much smaller than the distance from line to line, give or take the factor DOUBT.
 */
#define SIZE_OF_PIECES 3.2
#define LARGER 0.8
#define DOUBT 1.7
#define PIECE_INK 110
#define LEAST_PIECE 12

/* Mean square of how much darker windows of height w are than above and below. */
static double
window_energy(const uint32_t *sums, int width, int height, double w)
{
	size_t		stride = (size_t) width + 1;
	int			half = (int) lround(w / 2);
	int			wide = (int) lround(w * ASPECT);
	int			down = half > 2 ? half / 2 : 1;
	double		energy = 0;
	long		n = 0;

	for (int y = 0; y + 4 * half <= height; y += down)
		for (int x = 0; x + wide <= width; x += (wide + 1) / 2)
		{
			const uint32_t *left = sums + (size_t) y * stride + (size_t) x;
			const uint32_t *right = left + wide;
			uint32_t	all = right[4 * (size_t) half * stride] - left[4 * (size_t) half * stride] -
				right[0] + left[0];
			uint32_t	middle = right[3 * (size_t) half * stride] - left[3 * (size_t) half * stride] -
				right[(size_t) half * stride] + left[(size_t) half * stride];
			double		difference = (2.0 * middle - all) / (2.0 * half * wide);

			if (difference > 0)
				energy += difference * difference;
			n++;
		}
	return n == 0 ? 0 : energy / (double) n;
}

/* The middle one of the heights of the pieces that may be letters; 0: there are none. */
static bool
middle_height(const HwrMap *ink, double *height, HwrStatus *st)
{
	HwrPieces	pieces;
	int		   *heights;
	int			n = 0;

	if (!hwr_pieces_find(ink, PIECE_INK, &pieces, st))
		return false;
	heights = hwr_alloc((size_t) pieces.n + 1, sizeof(int), st);
	for (int i = 0; heights != NULL && i < pieces.n; i++)
	{
		const HwrPiece *p = &pieces.pieces[i];

		if (p->ink >= LEAST_PIECE && p->y1 - p->y0 < ink->height / 4)
			heights[n++] = p->y1 - p->y0;
	}
	hwr_pieces_free(&pieces);
	if (heights == NULL)
		return false;
	qsort(heights, (size_t) n, sizeof(int), hwr_compare_ints);
	*height = n == 0 ? 0 : heights[n / 2];
	free(heights);
	return true;
}

bool
hwr_page_find_size(const HwrMap *ink, float *size, HwrStatus *st)
{
	double		w = SMALLEST;
	double		best = -1;
	double		expected;
	double		least = ink->width < ink->height ? ink->width : ink->height;
	uint32_t   *sums;

	*size = 0;
	if (!middle_height(ink, &expected, st))
		return false;
	if (expected == 0)
		return true;
	sums = hwr_map_sums(ink, st);
	if (sums == NULL)
		return false;
	expected *= SIZE_OF_PIECES / 2;
	for (; w < 6 * expected && w * 4 < 2 * least; w *= RATIO)
	{
		double		off = log(w / expected) / log(DOUBT);
		double		energy = window_energy(sums, ink->width, ink->height, w) * pow(w, LARGER) * exp(-off * off / 2);

		if (energy > best && energy > 1)
		{
			best = energy;
			*size = (float) (2 * w);
		}
	}
	free(sums);
	return true;
}
