/*
 * augment.c
 *	  Random distortion of an ink canvas: an affine map, a field of displacements, ink strength, stroke
 *	  thickness, marks, fewer pixels, bands of paper.
 *
 * A label is only true of an image that shows all its letters, and a reader sees
 * images whose ink begins near the left edge.  So the map turns about the middle of the
 * ink, its left edge is then put back where it was (plus the random shift), and a
 * line that would leave the canvas on the right is narrowed until it fits.  A long
 * line turns less than a word, lest its ends leave at the top and the bottom.  The draws and the map are
 * in augment_map.h, the field in augment_field.h, the marks in augment_marks.h, fewer pixels in augment_downscale.h,
 * bands in augment_mask.h.
 *
 * The warp steps through the source in 16.16 fixed point.  For each row the stretch of
 * pixels whose four neighbours all lie inside is computed beforehand; it needs no tests.
 * Only with a field of displacements does each pixel look where it is.
 */
#include "augment.h"

#include <stddef.h>
#include <string.h>

#include "augment_map.h"

#define STROKE_BLOCK 256

static bool
has_ink(const uint8_t *p, int n, ptrdiff_t step)
{
	for (int i = 0; i < n; i++)
	{
		if (p[i * step] >= HWR_AUGMENT_FAINT)
			return true;
	}
	return false;
}

/* The whole canvas where there is no ink. */
static HwrAugmentExtent
find_ink(const uint8_t *src, int h, int w)
{
	HwrAugmentExtent e = {0, w - 1, 0, h - 1};

	while (e.top < h && !has_ink(src + (ptrdiff_t) e.top * w, w, 1))
		e.top++;
	if (e.top == h)
	{
		e.top = 0;
		return e;
	}
	while (!has_ink(src + (ptrdiff_t) e.bottom * w, w, 1))
		e.bottom--;
	while (!has_ink(src + e.left, h, w))
		e.left++;
	while (!has_ink(src + e.right, h, w))
		e.right--;
	return e;
}

/* Narrow [*from, *to) to the x for which start + x * step lies in [0, end). */
static void
clip(int64_t start, int64_t step, int64_t end, int *from, int *to)
{
	int64_t		lo = 0;
	int64_t		hi = INT32_MAX;

	if (step > 0)
	{
		/* first x with start + x * step >= 0, first with >= end */
		lo = start >= 0 ? 0 : (-start + step - 1) / step;
		hi = start >= end ? 0 : (end - start + step - 1) / step;
	}
	else if (step < 0)
	{
		lo = start < end ? 0 : (start - end) / -step + 1;
		hi = start < 0 ? 0 : start / -step + 1;
	}
	else if (start < 0 || start >= end)
		hi = 0;

	if (lo > *from)
		*from = lo < *to ? (int) lo : *to;
	if (hi < *to)
		*to = hi > *from ? (int) hi : *from;
}

static void
warp(const uint8_t *src, uint8_t *dst, int h, int w, const HwrAugmentMap *inv,
	 const uint8_t tone[256])
{
	int64_t		step_x = llrint(inv->a * HWR_AUGMENT_ONE);
	int64_t		step_y = llrint(inv->c * HWR_AUGMENT_ONE);
	int64_t		one = HWR_AUGMENT_ONE;

	for (int y = 0; y < h; y++)
	{
		int64_t		sx = llrint((inv->b * y + inv->tx) * HWR_AUGMENT_ONE);
		int64_t		sy = llrint((inv->d * y + inv->ty) * HWR_AUGMENT_ONE);
		uint8_t    *row = dst + (ptrdiff_t) y * w;
		int			from = 0;	/* [from, to): touches the source at all */
		int			to = w;
		int			in_from;	/* [in_from, in_to): all neighbours inside */
		int			in_to;

		/* One pixel beyond the edge still blends with it. */
		clip(sx + one, step_x, (w + 1) * one, &from, &to);
		clip(sy + one, step_y, (h + 1) * one, &from, &to);
		in_from = from;
		in_to = to;
		clip(sx, step_x, (w - 1) * one, &in_from, &in_to);
		clip(sy, step_y, (h - 1) * one, &in_from, &in_to);

		memset(row, 0, (size_t) from);
		for (int x = from; x < in_from; x++)
			row[x] = tone[hwr_augment_sample(src, h, w, sx + x * step_x, sy + x * step_y)];
		for (int x = in_from; x < in_to; x++)
		{
			int64_t		px = sx + x * step_x;
			int64_t		py = sy + x * step_y;
			const uint8_t *p = src + (py >> 16) * w + (px >> 16);

			row[x] = tone[hwr_augment_lerp(p[0], p[1], p[w], p[w + 1], px, py)];
		}
		for (int x = in_to; x < to; x++)
			row[x] = tone[hwr_augment_sample(src, h, w, sx + x * step_x, sy + x * step_y)];
		memset(row + to, 0, (size_t) (w - to));
	}
}

/* The same under a field of displacements, cell by cell. */
static void
warp_elastic(const uint8_t *src, uint8_t *dst, int h, int w, const HwrAugmentMap *inv,
			 const HwrAugmentField *field, const uint8_t tone[256])
{
	const int64_t part = HWR_AUGMENT_ONE / HWR_AUGMENT_PARTS;
	uint64_t	in_x = (uint64_t) (w - 1) * HWR_AUGMENT_ONE;
	uint64_t	in_y = (uint64_t) (h - 1) * HWR_AUGMENT_ONE;
	int64_t		step_x = llrint(inv->a * HWR_AUGMENT_ONE);
	int64_t		step_y = llrint(inv->c * HWR_AUGMENT_ONE);

	for (int y = 0; y < h; y++)
	{
		int64_t		sx = llrint((inv->b * y + inv->tx) * HWR_AUGMENT_ONE);
		int64_t		sy = llrint((inv->d * y + inv->ty) * HWR_AUGMENT_ONE);
		uint8_t    *row = dst + (ptrdiff_t) y * w;
		HwrAugmentMove from;
		HwrAugmentMove to = hwr_augment_node_in_row(field, y, 0);

		for (int x0 = 0, col = 1; x0 < w; x0 += field->cell, col++)
		{
			int			x1 = w - x0 < field->cell ? w : x0 + field->cell;

			from = to;
			to = hwr_augment_node_in_row(field, y, col);
			for (int x = x0; x < x1; x++)
			{
				HwrAugmentMove m = hwr_augment_between(from, to, hwr_augment_smoothstep(field, x - x0));
				int64_t		px = sx + x * step_x + m.x * part;
				int64_t		py = sy + x * step_y + m.y * part;

				/* a position left of or above the canvas is negative, here a large number */
				if ((uint64_t) px < in_x && (uint64_t) py < in_y)
				{
					const uint8_t *p = src + (py >> 16) * w + (px >> 16);

					row[x] = tone[hwr_augment_lerp(p[0], p[1], p[w], p[w + 1], px, py)];
				}
				else
					row[x] = tone[hwr_augment_sample(src, h, w, px, py)];
			}
		}
	}
}

/* out = cur blended with the largest or smallest of its three taps */
static void
blend_taps(const uint8_t *before, const uint8_t *cur, const uint8_t *after, int n,
		   bool thin, int share, uint8_t *out)
{
	for (int i = 0; i < n; i++)
		out[i] = hwr_augment_blend(before[i], cur[i], after[i], thin, share);
}

static void
change_strokes_across(uint8_t *ink, int h, int w, bool thin, int share)
{
	for (int y = 0; y < h; y++)
	{
		uint8_t    *row = ink + (ptrdiff_t) y * w;
		uint8_t		before = row[0];	/* the original of the pixel left of the block */

		for (int x = 0; x < w; x += STROKE_BLOCK)
		{
			int			n = w - x < STROKE_BLOCK ? w - x : STROKE_BLOCK;
			uint8_t		copy[STROKE_BLOCK + 2];

			copy[0] = before;
			memcpy(copy + 1, row + x, (size_t) n);
			copy[n + 1] = row[x + n < w ? x + n : w - 1];
			before = copy[n];
			blend_taps(copy, copy + 1, copy + 2, n, thin, share, row + x);
		}
	}
}

static void
change_strokes_upright(uint8_t *ink, int h, int w, bool thin, int share)
{
	for (int x = 0; x < w; x += STROKE_BLOCK)
	{
		size_t		n = (size_t) (w - x < STROKE_BLOCK ? w - x : STROKE_BLOCK);
		uint8_t		before[STROKE_BLOCK];
		uint8_t		cur[STROKE_BLOCK];

		memcpy(before, ink + x, n);
		for (int y = 0; y < h; y++)
		{
			uint8_t    *row = ink + (ptrdiff_t) y * w + x;

			memcpy(cur, row, n);
			blend_taps(before, cur, y + 1 < h ? row + w : cur, (int) n, thin, share, row);
			memcpy(before, cur, n);
		}
	}
}

static void
add_marks(const uint8_t *src, uint8_t *dst, int h, int w, const HwrAugmentMarkDraws *draws,
		  const HwrAugmentExtent *ink, const HwrAugmentExtent *moved)
{
	for (int i = 0; i < HWR_AUGMENT_MARKS; i++)
	{
		HwrAugmentMark m = hwr_augment_place_mark(i, &draws[i], ink, moved, h, w);

		for (int y = m.box.top; y <= m.box.bottom; y++)
		{
			uint8_t    *row = dst + (ptrdiff_t) y * w;

			for (int x = m.box.left; x <= m.box.right; x++)
				row[x] = (uint8_t) hwr_augment_mark(&m, src, h, w, x, y, row[x]);
		}
	}
}

/*
 * Show each of count lines of len pixels with n cells, in place: once a cell is known, the pixels from behind the middle
 * of the one before up to its own.  Cells that are still to come begin behind them.
 */
static void
downscale_lines(uint8_t *ink, ptrdiff_t step, int len, ptrdiff_t next, int count, int n)
{
	for (int block = 0; block < count; block += STROKE_BLOCK, ink += STROKE_BLOCK * next)
	{
		int			lines = count - block < STROKE_BLOCK ? count - block : STROKE_BLOCK;
		uint8_t		cells[2][STROKE_BLOCK] = {{0}};
		int			x = 0;

		for (int i = 0; i < n; i++)
		{
			const uint8_t *before = cells[1 - i % 2];
			uint8_t    *after = cells[i % 2];
			int64_t		place;

			for (int k = 0; k < lines; k++)
				after[k] = (uint8_t) hwr_augment_cell(ink + k * next, step, len, n, i);
			for (; x < len && (place = hwr_augment_cell_place(x, n, len)) <= (int64_t) i * 256; x++)
			{
				int			way = (int) (place - (int64_t) (i - 1) * 256);

				for (int k = 0; k < lines; k++)
					ink[k * next + x * step] = (uint8_t) hwr_augment_between_cells(before[k], after[k], way);
			}
		}
	}
}

/* Paint the bands as paper. */
static void
mask(uint8_t *ink, int h, int w, const HwrAugmentMaskDraws *draws)
{
	HwrAugmentMask m = hwr_augment_mask(draws, h);

	for (int i = 0; i * m.stretch < w; i++)
	{
		HwrAugmentBand b = hwr_augment_band(&m, i);
		int			end = b.right < w ? b.right + 1 : w;

		for (int y = 0; y < h && b.left < end; y++)
			memset(ink + (ptrdiff_t) y * w + b.left, 0, (size_t) (end - b.left));
	}
}

void
hwr_augment(const uint8_t *src, uint8_t *dst, int h, int w, const HwrAugmentStrengths *strengths, HwrRng *rng)
{
	HwrAugmentDraws d = hwr_augment_draw(strengths, rng);
	HwrAugmentExtent ink;
	HwrAugmentExtent moved;
	HwrAugmentField field = hwr_augment_field(&d.field, h, w);
	HwrAugmentMap map;
	HwrAugmentMap inv;
	uint8_t		tone[256];

	if (!hwr_augment_any(strengths))
	{
		memcpy(dst, src, (size_t) h * (size_t) w);
		return;
	}

	ink = find_ink(src, h, w);
	map = hwr_augment_map(&d, &ink, h, w);
	inv = hwr_augment_invert(&map);
	moved = hwr_augment_moved(&map, &ink);
	for (int i = 0; i < 256; i++)
		tone[i] = hwr_augment_tone(&d, i);
	if (field.reach > 0)
		warp_elastic(src, dst, h, w, &inv, &field, tone);
	else
		warp(src, dst, h, w, &inv, tone);

	if (d.across > 0)
		change_strokes_across(dst, h, w, d.thin, d.across);
	if (d.upright > 0)
		change_strokes_upright(dst, h, w, d.thin, d.upright);
	add_marks(src, dst, h, w, d.marks, &ink, &moved);
	if (d.downscale > 0)
	{
		downscale_lines(dst, w, h, 1, w, hwr_augment_cells(d.downscale, h));
		downscale_lines(dst, 1, w, w, h, hwr_augment_cells(d.downscale, w));
	}
	if (d.mask.chance > 0)
		mask(dst, h, w, &d.mask);
}
