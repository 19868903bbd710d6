/*
 * field.c
 *	  Cutting fields: see field.h.
 */
#include "field.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/crop/crop.h"
#include "core/ink/ink.h"

/* Darkness from which a pixel is print, or writing; 255ths of the paper. */
#define PRINT 36
#define WRITING 36

/* What lies around a field is looked at too, so far, in pixels of the reduced page. */
#define MARGIN 7.0

/* Print is painted over so much beyond its edges, in the same, and in pixels. */
#define PRINT_EDGE 0.5
#define PRINT_EDGE_PIXELS 1

/* A field is no higher than some lines of writing, for telling whether it is empty: pixels of the reduced page. */
#define LINE 50.0

/* Ink below which a field is empty: pixels in a square of its height; below which a box is not ticked: of its pixels. */
#define EMPTY 0.006
#define TICK 0.02
#define TICK_STEEP 3.0

/* A field larger than this is made smaller. */
#define MOST_PIXELS (16 << 20)

/* A patch of the page around a field, everything of the same size. */
typedef struct Patch
{
	double		x0;				/* on the blank */
	double		y0;
	double		step_x;			/* of the blank, a pixel */
	double		step_y;
	int			margin_x;
	int			margin_y;
	int			outside;		/* pixels that are not on the page's picture */
	HwrMap		grey;			/* of the page */
	HwrMap		dark;			/* of the page: darker than the paper */
	HwrMap		print;			/* the same of the blank */
	HwrMap		mask;			/* 255: painted over */
} Patch;

static void
free_patch(Patch *p)
{
	hwr_map_free(&p->grey);
	hwr_map_free(&p->dark);
	hwr_map_free(&p->print);
	hwr_map_free(&p->mask);
}

/* Between the middles of pixels; outside, the nearest pixel. */
static int
sample(const HwrImage *image, double x, double y)
{
	int			u;
	int			v;
	int			fx;
	int			fy;
	const uint8_t *row;
	const uint8_t *next;
	int			right;

	x = fmin(fmax(x - 0.5, 0), image->width - 1);
	y = fmin(fmax(y - 0.5, 0), image->height - 1);
	u = (int) x;
	v = (int) y;
	fx = (int) ((x - u) * 256);
	fy = (int) ((y - v) * 256);
	row = image->pixels + (size_t) v * (size_t) image->width + u;
	next = v + 1 < image->height ? row + image->width : row;
	right = u + 1 < image->width ? 1 : 0;
	return ((row[0] * (256 - fx) + row[right] * fx) * (256 - fy) + (next[0] * (256 - fx) + next[right] * fx) * fy) >> 16;
}

/* The length on the page of a pixel of the blank, along x and y, at a point. */
static void
local_scale(const HwrWarp *warp, double x, double y, double *sx, double *sy)
{
	HwrVec		a = hwr_warp_apply(warp, (HwrVec){x - 0.5, y});
	HwrVec		b = hwr_warp_apply(warp, (HwrVec){x + 0.5, y});
	HwrVec		c = hwr_warp_apply(warp, (HwrVec){x, y - 0.5});
	HwrVec		d = hwr_warp_apply(warp, (HwrVec){x, y + 0.5});

	*sx = fmax(hypot(b.x - a.x, b.y - a.y), 1e-3);
	*sy = fmax(hypot(d.x - c.x, d.y - c.y), 1e-3);
}

static bool
create_patch(const HwrFormFit *fit, double x0, double y0, double x1, double y1, Patch *p, HwrStatus *st)
{
	double		sx;
	double		sy;
	double		shrink;
	int			w;
	int			h;

	local_scale(&fit->warp, (x0 + x1) / 2, (y0 + y1) / 2, &sx, &sy);
	shrink = sqrt((x1 - x0) * sx * (y1 - y0) * sy / MOST_PIXELS);
	shrink = fmax(fmax(shrink, (x1 - x0) * sx / HWR_CROP_MAX_WIDTH), fmax((y1 - y0) * sy / HWR_CROP_MAX_HEIGHT, 1));
	w = (int) fmax(rint((x1 - x0) * sx / shrink), 1);
	h = (int) fmax(rint((y1 - y0) * sy / shrink), 1);
	memset(p, 0, sizeof(*p));
	p->step_x = (x1 - x0) / w;
	p->step_y = (y1 - y0) / h;
	p->margin_x = p->margin_y = (int) ceil(MARGIN * fit->unit / shrink);
	p->x0 = x0 - p->margin_x * p->step_x;
	p->y0 = y0 - p->margin_y * p->step_y;
	w += 2 * p->margin_x;
	h += 2 * p->margin_y;
	if (hwr_map_create(w, h, &p->grey, st) && hwr_map_create(w, h, &p->dark, st) && hwr_map_create(w, h, &p->print, st) &&
		hwr_map_create(w, h, &p->mask, st))
		return true;
	free_patch(p);
	return false;
}

/* Page and blank at each pixel of the patch. */
static void
sample_patch(const HwrImage *blank, const HwrFormFit *fit, const HwrImage *page, Patch *p)
{
	for (int y = 0; y < p->grey.height; y++)
		for (int x = 0; x < p->grey.width; x++)
		{
			HwrVec		at = {p->x0 + (x + 0.5) * p->step_x, p->y0 + (y + 0.5) * p->step_y};
			HwrVec		q = hwr_warp_apply(&fit->warp, at);
			bool		inside = x >= p->margin_x && x < p->grey.width - p->margin_x && y >= p->margin_y &&
				y < p->grey.height - p->margin_y;

			hwr_map_row(&p->grey, y)[x] = (uint8_t) sample(page, q.x, q.y);
			hwr_map_row(&p->print, y)[x] = (uint8_t) sample(blank, at.x, at.y);
			if (inside && !(q.x >= 0 && q.y >= 0 && q.x <= page->width && q.y <= page->height))
				p->outside++;
		}
}

/* Where the blank has print, and a little around. */
static bool
make_mask(const HwrFormFit *fit, Patch *p, HwrStatus *st)
{
	int			edge = PRINT_EDGE_PIXELS + (int) (PRINT_EDGE * fit->unit);

	for (int i = 0; i < p->mask.width * p->mask.height; i++)
		p->mask.v[i] = p->print.v[i] >= PRINT ? 255 : 0;
	return hwr_map_extreme(&p->mask, edge, 1, st);
}

/* How far it is from masked pixels to free ones, along a line of n pixels: back[], ahead[]; 0 where there is none. */
static void
measure_runs(const uint8_t *mask, int n, int step, int *back, int *ahead)
{
	int			run = -1;		/* pixels since a free one */

	for (int i = 0; i < n; i++)
	{
		run = mask[(size_t) i * (size_t) step] == 0 ? 0 : run < 0 ? -1 : run + 1;
		back[i] = run < 0 ? 0 : run;
	}
	run = -1;
	for (int i = n - 1; i >= 0; i--)
	{
		run = mask[(size_t) i * (size_t) step] == 0 ? 0 : run < 0 ? -1 : run + 1;
		ahead[i] = run < 0 ? 0 : run;
	}
}

/* The value between what lies back and ahead of pixel i. */
static uint8_t
between(const uint8_t *v, int i, int step, int back, int ahead)
{
	int			a = back > 0 ? v[(i - back) * step] : 0;
	int			b = ahead > 0 ? v[(i + ahead) * step] : 0;

	if (back == 0)
		return (uint8_t) b;
	if (ahead == 0)
		return (uint8_t) a;
	return (uint8_t) ((a * ahead + b * back + (back + ahead) / 2) / (back + ahead));
}

/*
 * Paint masked pixels over in both maps, across the shorter way: up and down where a line runs along.  Free pixels are
 * what is painted from, so the order does not matter.
 */
static bool
paint_over(Patch *p, HwrStatus *st)
{
	int			w = p->mask.width;
	int			h = p->mask.height;
	int		   *up = hwr_alloc(2 * (size_t) w * (size_t) h + 2 * (size_t) (w > h ? w : h), sizeof(int), st);
	int		   *down;
	int		   *left;
	int		   *right;

	if (up == NULL)
		return false;
	down = up + (size_t) w * (size_t) h;
	left = down + (size_t) w * (size_t) h;
	right = left + (w > h ? w : h);
	for (int x = 0; x < w; x++)
	{
		measure_runs(p->mask.v + x, h, w, left, right);
		for (int y = 0; y < h; y++)
		{
			up[(size_t) y * (size_t) w + (size_t) x] = left[y];
			down[(size_t) y * (size_t) w + (size_t) x] = right[y];
		}
	}
	for (int y = 0; y < h; y++)
	{
		uint8_t    *grey = hwr_map_row(&p->grey, y);
		uint8_t    *dark = hwr_map_row(&p->dark, y);

		measure_runs(hwr_map_row(&p->mask, y), w, 1, left, right);
		for (int x = 0; x < w; x++)
		{
			int			u = up[(size_t) y * (size_t) w + (size_t) x];
			int			d = down[(size_t) y * (size_t) w + (size_t) x];
			int			across = u > 0 && d > 0 ? u + d : 2 * h + u + d;
			int			along = left[x] > 0 && right[x] > 0 ? left[x] + right[x] : 2 * w + left[x] + right[x];

			if (hwr_map_row(&p->mask, y)[x] == 0)
				continue;
			if (u + d > 0 && (across <= along || left[x] + right[x] == 0))
			{
				grey[x] = between(p->grey.v + x, y, w, u, d);
				dark[x] = between(p->dark.v + x, y, w, u, d);
			}
			else if (left[x] + right[x] > 0)
			{
				grey[x] = between(grey, x, 1, left[x], right[x]);
				dark[x] = between(dark, x, 1, left[x], right[x]);
			}
			else
				dark[x] = 0;
		}
	}
	free(up);
	return true;
}

/* Whether a pixel is of a stroke and no speck. */
static bool
is_writing(const HwrMap *dark, int x, int y)
{
	int			n = 0;

	if (hwr_map_row(dark, y)[x] < WRITING)
		return false;
	for (int v = y - 1; v <= y + 1; v++)
		for (int u = x - 1; u <= x + 1; u++)
			n += u >= 0 && v >= 0 && u < dark->width && v < dark->height && hwr_map_row(dark, v)[u] >= WRITING;
	return n >= 4;
}

static bool
inner_part(const HwrMap *from, const Patch *p, HwrMap *out, HwrStatus *st)
{
	if (!hwr_map_create(from->width - 2 * p->margin_x, from->height - 2 * p->margin_y, out, st))
		return false;
	for (int y = 0; y < out->height; y++)
		memcpy(hwr_map_row(out, y), hwr_map_row(from, y + p->margin_y) + p->margin_x, (size_t) out->width);
	return true;
}

static void
measure(const HwrFormFit *fit, const Patch *p, HwrFieldCut *out)
{
	double		side = fmin(fmin(out->writing.width, out->writing.height), LINE * fit->unit);
	int			n = 0;
	int			free_n = 0;

	for (int y = 0; y < out->writing.height; y++)
		for (int x = 0; x < out->writing.width; x++)
		{
			bool		printed = hwr_map_row(&p->mask, y + p->margin_y)[x + p->margin_x] != 0;

			free_n += !printed;
			n += !printed && is_writing(&out->writing, x, y);
		}
	out->amount = n / (side * side);
	out->cover = free_n > 0 ? (double) n / free_n : 0;
}

bool
hwr_field_cut(const HwrForm *form, const HwrFormFit *fit, const HwrImage *page, double x0, double y0, double x1, double y1,
			  HwrFieldCut *out, HwrStatus *st)
{
	const HwrImage *blank = hwr_form_blank(form);
	HwrMap		image = {0};
	int			radius;
	Patch		p;
	bool		ok;

	memset(out, 0, sizeof(*out));
	/* Written so that NaN is no field either. */
	if (!(x1 - x0 >= 1 && y1 - y0 >= 1 && x0 >= -1 && y0 >= -1 && x1 <= blank->width + 1 && y1 <= blank->height + 1))
		return hwr_fail(st, HWR_BAD_OPTION, "area is empty or not on the blank form");
	if (!create_patch(fit, x0, y0, x1, y1, &p, st))
		return false;
	sample_patch(blank, fit, page, &p);
	memcpy(p.dark.v, p.grey.v, (size_t) p.grey.width * (size_t) p.grey.height);
	/* What is filled in all over is ink, and a shadow's edge is not: half the field's size is between them. */
	radius = (int) fmax(fmin(p.grey.width, p.grey.height) / 2, 8 * fit->unit);
	ok = hwr_page_darkness(&p.dark, radius, st) && hwr_page_darkness(&p.print, radius, st) && make_mask(fit, &p, st) &&
		paint_over(&p, st) && inner_part(&p.grey, &p, &image, st) && inner_part(&p.dark, &p, &out->writing, st) &&
		inner_part(&p.print, &p, &out->print, st);
	if (ok)
	{
		out->image = (HwrImage){.width = image.width,.height = image.height,.source_width = image.width,
			.source_height = image.height,.pixels = image.v};
		out->outside = (double) p.outside / ((double) image.width * image.height);
		measure(fit, &p, out);
	}
	else
	{
		hwr_map_free(&image);
		hwr_field_free(out);
	}
	free_patch(&p);
	return ok;
}

void
hwr_field_free(HwrFieldCut *cut)
{
	hwr_image_free(&cut->image);
	cut->image.pixels = NULL;
	hwr_map_free(&cut->writing);
	hwr_map_free(&cut->print);
}

bool
hwr_field_is_empty(const HwrFieldCut *cut)
{
	return cut->amount < EMPTY;
}

double
hwr_field_tick(const HwrFieldCut *cut)
{
	return 1 / (1 + pow(TICK / fmax(cut->cover, 1e-6), TICK_STEEP));
}
