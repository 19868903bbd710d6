/*
 * confidence.c
 *	  How much a strand looks like a line of writing.
 *
 * A logistic function of a few signs.  Its weights were fitted to the training sources of tools/pages-eval.
 */
#include "strands.h"

#include <math.h>

#define INK 110

/*
 * Runs of ink along the middle rows of the body, a row and size of length; letters have several,
 * edges few.
 */
static float
runs_per_size(const HwrSheet *sheet, const HwrStrand *s)
{
	int			height = (int) (s->base - s->body_top);
	int			n = 0;
	int			rows = 0;

	for (int row = 1; row < 4; row++)
	{
		bool		on = false;

		rows++;
		for (int x = s->x0 > 0 ? s->x0 : 0; x < s->x1; x++)
		{
			int			y = (int) lrintf(hwr_strand_y(s, x) + s->body_top) + height * row / 4;
			bool		ink = y >= 0 && y < sheet->ink.height && hwr_map_row(&sheet->ink, y)[x] >= INK;

			n += ink && !on;
			on = ink;
		}
	}
	return (float) n / (float) rows / ((float) (s->x1 - s->x0) / sheet->size + 0.3F);
}

/* How far the middle strays from a straight line, in sizes. */
static float
straying(const HwrStrand *s, float size)
{
	int			n = s->k1 - s->k0;
	double		sum = 0;
	double		moment = 0;
	double		square = 0;
	double		centre = (n - 1) / 2.0;
	double		spread = (double) n * ((double) n * n - 1) / 12;

	for (int k = 0; k < n; k++)
	{
		sum += s->y[k];
		moment += s->y[k] * (k - centre);
	}
	for (int k = 0; k < n; k++)
	{
		double		off = s->y[k] - sum / n - (spread > 0 ? moment / spread * (k - centre) : 0);

		square += off * off;
	}
	return (float) sqrt(square / n) / size;
}

void
hwr_page_signs(const HwrSheet *sheet, HwrStrand *s, int neighbours)
{
	float		size = sheet->size;
	float		length = (float) (s->x1 - s->x0) / size;
	float		runs = runs_per_size(sheet, s);
	float		density = (float) s->ink / ((float) (s->x1 - s->x0 + 1) * size);
	float		y = s->y[(s->k1 - s->k0) / 2];
	float		edge = y < (float) sheet->ink.height - y ? y : (float) sheet->ink.height - y;

	if ((float) s->x0 < edge)
		edge = (float) s->x0;
	if ((float) (sheet->ink.width - s->x1) < edge)
		edge = (float) (sheet->ink.width - s->x1);
	edge = edge < 0 ? 0 : edge / size;
	s->signs[0] = logf(s->strength + 1);
	s->signs[1] = logf(length + 0.3F);
	s->signs[2] = (float) s->points / (float) (s->k1 - s->k0);
	s->signs[3] = (s->base - s->body_top) / size;
	s->signs[4] = logf(density + 0.02F);
	s->signs[5] = (s->bottom - s->top) / size;
	s->signs[6] = straying(s, size);
	/* More runs say more up to what letters have. */
	s->signs[7] = runs < 3.5F ? runs : 3.5F;
	s->signs[8] = (float) neighbours;
	s->signs[9] = edge > 2 ? 2 : edge;
}

float
hwr_page_confidence(const HwrStrand *s)
{
	static const float weights[HWR_SIGNS] = {1.969F, 1.001F, 4.844F, 0.7299F, -0.3985F, -0.9797F, -3.26F, 1.932F, 0.4466F,
		1.499F};
	float		sum =  -20.251F;

	for (int i = 0; i < HWR_SIGNS; i++)
		sum += weights[i] * s->signs[i];
	return 1 / (1 + expf(-sum));
}
