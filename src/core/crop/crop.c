/*
 * crop.c
 *	  A line of a page as an image of its own, straightened along its baseline.
 *
 * The baseline is lengthened at both ends.  Column x of the image is the point of the baseline at
 * that distance from the start, and runs across the baseline's direction, which is averaged over a
 * line's height lest letters be torn where the baseline bends.
 */
#include "crop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/compare.h"

#define WORK_BETWEEN_STOPS ((size_t) 1 << 18)

static float
distance(HwrPoint a, HwrPoint b)
{
	return hypotf(b.x - a.x, b.y - a.y);
}

/* The point at a distance along the baseline, which goes on straight at its ends. */
static HwrPoint
along(const HwrPoint *line, int n, float at)
{
	int			i = 0;
	float		length;
	float		t;

	for (;; i++)
	{
		length = distance(line[i], line[i + 1]);
		if (at <= length || i + 2 == n)
			break;
		at -= length;
	}
	t = length > 0 ? at / length : 0;
	return (HwrPoint){line[i].x + t * (line[i + 1].x - line[i].x), line[i].y + t * (line[i + 1].y - line[i].y)};
}

static float
line_length(const HwrPoint *line, int n)
{
	float		length = 0;

	for (int i = 0; i + 1 < n; i++)
		length += distance(line[i], line[i + 1]);
	return length;
}

/* The direction of the baseline around a distance, over a reach to both sides; a unit vector. */
static HwrPoint
direction(const HwrPoint *line, int n, float length, float at, float reach)
{
	float		a = fminf(fmaxf(at, 0), length);
	HwrPoint	p = along(line, n, fmaxf(a - reach, 0));
	HwrPoint	q = along(line, n, fminf(a + reach, length));
	float		d = distance(p, q);

	if (d <= 0)
		return (HwrPoint){1, 0};
	return (HwrPoint){(q.x - p.x) / d, (q.y - p.y) / d};
}

/*
 * Where a point lies along and across the baseline: the nearest piece decides, the outer ones being
 * endless.
 */
static HwrPoint
to_frame(const HwrPoint *line, int n, HwrPoint p)
{
	HwrPoint	best = {0, 0};
	float		nearest = INFINITY;
	float		before = 0;

	for (int i = 0; i + 1 < n; i++)
	{
		float		length = distance(line[i], line[i + 1]);
		float		ux;
		float		uy;
		float		t;
		float		clamped;
		float		off;

		if (length <= 0)
			continue;
		ux = (line[i + 1].x - line[i].x) / length;
		uy = (line[i + 1].y - line[i].y) / length;
		t = (p.x - line[i].x) * ux + (p.y - line[i].y) * uy;
		clamped = fminf(fmaxf(t, i == 0 ? -INFINITY : 0), i + 2 == n ? INFINITY : length);
		off = hypotf(p.x - line[i].x - clamped * ux, p.y - line[i].y - clamped * uy);
		if (off < nearest)
		{
			nearest = off;
			best = (HwrPoint){before + clamped, (p.y - line[i].y) * ux - (p.x - line[i].x) * uy};
		}
		before += length;
	}
	return best;
}

/* A level baseline through the outline's lowest point, where none is given. */
static void
level_baseline(const HwrPoint *outline, int n, HwrPoint out[2])
{
	float		x0 = outline[0].x;
	float		x1 = outline[0].x;
	float		y1 = outline[0].y;

	for (int i = 1; i < n; i++)
	{
		x0 = fminf(x0, outline[i].x);
		x1 = fmaxf(x1, outline[i].x);
		y1 = fmaxf(y1, outline[i].y);
	}
	out[0] = (HwrPoint){x0, y1};
	out[1] = (HwrPoint){x1 > x0 ? x1 : x0 + 1, y1};
}

/* Work, counted in pieces of baselines and points of outlines, and who ends it. */
typedef struct Watch
{
	size_t		work;			/* since stop was asked */
	HwrStopFn	stop;
	void	   *stop_arg;
	HwrStatus  *st;
} Watch;

static bool
go_on(Watch *w, size_t work)
{
	w->work += work;
	if (w->stop == NULL || w->work < WORK_BETWEEN_STOPS)
		return true;
	w->work = 0;
	return !w->stop(w->stop_arg) || hwr_fail(w->st, HWR_CANCELLED, "cancelled");
}

static bool
make_frame(const HwrPoint *line, int n, const HwrPoint *outline, int outline_n, HwrCropFrame *out, Watch *w)
{
	HwrCropFrame f = {line_length(line, n), INFINITY, -INFINITY, INFINITY, -INFINITY};

	for (int i = 0; i < outline_n; i++)
	{
		HwrPoint	p = to_frame(line, n, outline[i]);

		if (!go_on(w, (size_t) n))
			return false;
		f.x0 = fminf(f.x0, p.x);
		f.x1 = fmaxf(f.x1, p.x);
		f.y0 = fminf(f.y0, p.y);
		f.y1 = fmaxf(f.y1, p.y);
	}
	*out = f;
	return true;
}

/* The point of the page at a distance along and across. */
static HwrPoint
from_frame(const HwrPoint *line, int n, const HwrCropFrame *f, float x, float y)
{
	HwrPoint	p = along(line, n, x);
	HwrPoint	u = direction(line, n, f->length, x, (f->y1 - f->y0) / 2);

	return (HwrPoint){p.x - y * u.y, p.y + y * u.x};
}

/*
 * Where the outline, in coordinates of the frame, crosses column x, from top to bottom; returns the
 * count, even.
 */
static int
crossings(const HwrPoint *outline, int n, float x, float *out)
{
	int			count = 0;

	for (int i = 0, j = n - 1; i < n; j = i++)
		if ((outline[i].x > x) != (outline[j].x > x))
			out[count++] = outline[i].y +
				(outline[j].y - outline[i].y) * (x - outline[i].x) / (outline[j].x - outline[i].x);
	qsort(out, (size_t) count, sizeof(float), hwr_compare_floats);
	return count;
}

/* Between the middles of pixels; -1 outside the page. */
static int
sample(const HwrImage *page, HwrPoint p)
{
	float		x = p.x - 0.5F;
	float		y = p.y - 0.5F;
	int			u;
	int			v;
	int			u1;
	int			v1;
	float		fx;
	float		fy;
	const uint8_t *a;
	const uint8_t *b;

	/* Written so that NaN is outside. */
	if (!(p.x >= 0 && p.y >= 0 && p.x <= (float) page->width && p.y <= (float) page->height))
		return -1;
	x = fminf(fmaxf(x, 0), (float) (page->width - 1));
	y = fminf(fmaxf(y, 0), (float) (page->height - 1));
	u = (int) x;
	v = (int) y;
	u1 = u + 1 < page->width ? u + 1 : u;
	v1 = v + 1 < page->height ? v + 1 : v;
	fx = x - (float) u;
	fy = y - (float) v;
	a = page->pixels + (size_t) v * (size_t) page->width;
	b = page->pixels + (size_t) v1 * (size_t) page->width;
	return (int) lrintf((a[u] * (1 - fx) + a[u1] * fx) * (1 - fy) + (b[u] * (1 - fx) + b[u1] * fx) * fy);
}

/* The brightness of the paper: the middle one of the lighter half inside the outline. */
static uint8_t
paper_of(const uint32_t counts[256])
{
	uint64_t	total = 0;
	uint64_t	sum = 0;

	for (int i = 0; i < 256; i++)
		total += counts[i];
	for (int i = 255; i >= 0; i--)
	{
		sum += counts[i];
		if (sum * 4 >= total)
			return (uint8_t) i;
	}
	return 255;
}

static bool
begin(HwrCrop *c, const HwrPoint *baseline, int baseline_n, const HwrPoint *outline, int outline_n, Watch *w)
{
	c->baseline = baseline;
	c->baseline_n = baseline_n;
	/* one that goes nowhere is none */
	if (baseline_n < 2 || !(line_length(baseline, baseline_n) > 0))
	{
		level_baseline(outline, outline_n, c->level);
		c->baseline = c->level;
		c->baseline_n = 2;
	}
	if (!make_frame(c->baseline, c->baseline_n, outline, outline_n, &c->frame, w))
		return false;
	c->scale = fmaxf(1, fmaxf((c->frame.x1 - c->frame.x0) / HWR_CROP_MAX_WIDTH,
							  (c->frame.y1 - c->frame.y0) / HWR_CROP_MAX_HEIGHT));
	return true;
}

/* Column x of the image: values inside the outline, marks there in known, and their histogram. */
static void
fill_column(const HwrCrop *c, const HwrImage *page, const HwrImage *out, const float *cuts, int cuts_n, int x,
			uint8_t *known, uint32_t counts[256])
{
	float		at = c->frame.x0 + ((float) x + 0.5F) * c->scale;
	HwrPoint	p = from_frame(c->baseline, c->baseline_n, &c->frame, at, 0);
	HwrPoint	q = from_frame(c->baseline, c->baseline_n, &c->frame, at, 1);

	for (int k = 0; k + 1 < cuts_n; k += 2)
	{
		int			y0 = (int) ceilf((cuts[k] - c->frame.y0) / c->scale - 0.5F);
		int			y1 = (int) ceilf((cuts[k + 1] - c->frame.y0) / c->scale - 0.5F);

		y0 = y0 < 0 ? 0 : y0;
		y1 = y1 > out->height ? out->height : y1;
		for (int y = y0; y < y1; y++)
		{
			float		t = c->frame.y0 + ((float) y + 0.5F) * c->scale;
			int			value = sample(page, (HwrPoint){p.x + t * (q.x - p.x), p.y + t * (q.y - p.y)});
			size_t		i = (size_t) y * (size_t) out->width + (size_t) x;

			if (value < 0)
				continue;
			known[i] = 1;
			out->pixels[i] = (uint8_t) value;
			counts[value]++;
		}
	}
}

/* Fill the image; fails where nothing of the outline is on the page. */
static bool
fill(const HwrCrop *c, const HwrImage *page, const HwrPoint *outline, int n, float *cuts, uint8_t *known,
	 const HwrImage *out, Watch *w)
{
	size_t		pixels = (size_t) out->width * (size_t) out->height;
	uint32_t	counts[256] = {0};
	uint64_t	total = 0;
	uint8_t		paper;

	for (int x = 0; x < out->width; x++)
	{
		float		at = c->frame.x0 + ((float) x + 0.5F) * c->scale;

		if (!go_on(w, (size_t) n + 6 * (size_t) c->baseline_n + (size_t) out->height))
			return false;
		fill_column(c, page, out, cuts, crossings(outline, n, at, cuts), x, known, counts);
	}
	for (int i = 0; i < 256; i++)
		total += counts[i];
	paper = paper_of(counts);
	for (size_t i = 0; i < pixels; i++)
		if (!known[i])
			out->pixels[i] = paper;
	return total > 0 || hwr_fail(w->st, HWR_BAD_OPTION, "area lies outside the image");
}

bool
hwr_crop_begin(HwrCrop *crop, const HwrPoint *baseline, int baseline_n, const HwrPoint *outline, int outline_n,
			   HwrStopFn stop, void *stop_arg, HwrStatus *st)
{
	Watch		w = {.stop = stop,.stop_arg = stop_arg,.st = st};

	return begin(crop, baseline, baseline_n, outline, outline_n, &w);
}

bool
hwr_crop_size(const HwrCrop *crop, int *width, int *height, HwrStatus *st)
{
	float		across = (crop->frame.x1 - crop->frame.x0) / crop->scale;
	float		down = (crop->frame.y1 - crop->frame.y0) / crop->scale;

	if (!(across >= 0.5F && down >= 0.5F && crop->scale < 100))
		return hwr_fail(st, HWR_BAD_OPTION, "area has no extent, or too great a one");
	*width = (int) ceilf(across - 0.01F);
	*height = (int) ceilf(down - 0.01F);
	return true;
}

bool
hwr_page_crop(const HwrImage *page, const HwrPoint *baseline, int baseline_n,
			  const HwrPoint *outline, int outline_n, HwrStopFn stop, void *stop_arg, HwrImage *out, HwrStatus *st)
{
	Watch		w = {.stop = stop,.stop_arg = stop_arg,.st = st};
	HwrCrop		c;
	HwrPoint   *framed;
	uint8_t    *known;
	bool		ok;

	*out = (HwrImage){0};
	if (!begin(&c, baseline, baseline_n, outline, outline_n, &w) ||
		!hwr_crop_size(&c, &out->width, &out->height, st))
		return false;
	out->source_width = out->width;
	out->source_height = out->height;
	/* The outline in the frame, and room for the crossings of a column behind it. */
	framed = hwr_alloc((size_t) outline_n, sizeof(HwrPoint) + sizeof(float), st);
	known = framed == NULL ? NULL : hwr_alloc_zero((size_t) out->width, (size_t) out->height, st);
	out->pixels = known == NULL ? NULL : hwr_alloc_zero((size_t) out->width, (size_t) out->height, st);
	ok = out->pixels != NULL;
	if (ok)
	{
		for (int i = 0; i < outline_n && ok; i++)
		{
			framed[i] = to_frame(c.baseline, c.baseline_n, outline[i]);
			ok = go_on(&w, (size_t) c.baseline_n);
		}
		ok = ok && fill(&c, page, framed, outline_n, (float *) (framed + outline_n), known, out, &w);
	}
	free(framed);
	free(known);
	if (!ok)
		hwr_image_free(out);
	return ok;
}

HwrPoint
hwr_crop_point(const HwrCrop *crop, float x, float y)
{
	return from_frame(crop->baseline, crop->baseline_n, &crop->frame, crop->frame.x0 + x * crop->scale,
					  crop->frame.y0 + y * crop->scale);
}
