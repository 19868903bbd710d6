/*
 * canvas.c
 *	  A page as the network that finds lines sees it.  See canvas.h.
 */
#include "canvas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "page_internal.h"

/*
 * A page that is enlarged by more than so much is out of focus, and thin strokes are faint: how much what differs from its
 * surroundings is raised, for each time more, and at most; and the surroundings, in pixels on either side.
 */
#define BLURRED 1.25F
#define RAISED 2
#define MOST_RAISED 1.5F
#define AROUND 3

/* enlarged: pixels of the canvas a pixel of the page */
static bool
sharpen(HwrMap *ink, float enlarged, HwrStatus *st)
{
	size_t		n = (size_t) ink->width * (size_t) ink->height;
	int			raised = (int) (256 * fminf(RAISED * (enlarged - BLURRED), MOST_RAISED));
	HwrMap		around;
	bool		ok;

	if (raised <= 0)
		return true;
	if (!hwr_map_create(ink->width, ink->height, &around, st))
		return false;
	memcpy(around.v, ink->v, n);
	ok = hwr_map_blur_x(&around, AROUND, st) && hwr_map_blur_y(&around, AROUND, st);
	for (size_t i = 0; ok && i < n; i++)
	{
		int			v = ink->v[i] + raised * (ink->v[i] - around.v[i]) / 256;

		ink->v[i] = (uint8_t) (v < 0 ? 0 : v > 255 ? 255 : v);
	}
	hwr_map_free(&around);
	return ok;
}

bool
hwr_page_canvas_make(const HwrMap *dark, const float *shift, float factor, float size, HwrPageCanvas *out, HwrStatus *st)
{
	double		r = HWR_CANVAS_PITCH / (double) size;
	double		pixels = (double) dark->width * dark->height;
	int			width;
	int			height;

	*out = (HwrPageCanvas){0};
	if (r * r * pixels > HWR_CANVAS_PIXELS)
		r = sqrt(HWR_CANVAS_PIXELS / pixels);
	width = (int) fmax(1, rint(dark->width * r));
	height = (int) fmax(1, rint(dark->height * r));
	out->shift = hwr_alloc((size_t) width, sizeof(float), st);
	if (out->shift == NULL || !hwr_map_create(width, height, &out->ink, st))
	{
		hwr_page_canvas_free(out);
		return false;
	}
	if (r > 1)
		hwr_map_enlarge(dark->v, dark->width, dark->height, &out->ink);
	else
		hwr_map_reduce(dark->v, dark->width, dark->height, &out->ink, 0, height);
	out->scale = (float) (r / factor);
	for (int x = 0; x < width; x++)
	{
		int			column = (int) ((x + 0.5) / r);

		out->shift[x] = (float) (shift[column < dark->width ? column : dark->width - 1] * r);
	}
	if (sharpen(&out->ink, out->scale, st))
		return true;
	hwr_page_canvas_free(out);
	return false;
}

void
hwr_page_canvas_free(HwrPageCanvas *canvas)
{
	hwr_map_free(&canvas->ink);
	free(canvas->shift);
	canvas->shift = NULL;
}

static float
shift_at(const HwrPageCanvas *canvas, float x)
{
	int			column = x > 0 ? (int) fminf(x, (float) (canvas->ink.width - 1)) : 0;

	return canvas->shift[column];
}

HwrPoint
hwr_page_canvas_point(const HwrPageCanvas *canvas, HwrPoint p)
{
	float		x = p.x * canvas->scale;

	return (HwrPoint){x, p.y * canvas->scale - shift_at(canvas, x)};
}

HwrPoint
hwr_page_canvas_back(const HwrPageCanvas *canvas, HwrPoint p)
{
	return (HwrPoint){p.x / canvas->scale, (p.y + shift_at(canvas, p.x)) / canvas->scale};
}

HwrPoint
hwr_page_canvas_place(const HwrPageCanvas *canvas, HwrPoint p)
{
	return hwr_page_canvas_point(canvas, hwr_tilt_point(&canvas->tilt, p));
}
