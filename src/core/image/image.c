/*
 * image.c
 *	  Recognising an image file, checking its limits and turning it upright.
 */
#include "image_internal.h"

#include <stdlib.h>
#include <string.h>

/* A format that can be read: the first bytes of its files, and its decoder. */
typedef struct Format
{
	const uint8_t *magic;
	size_t		magic_size;
	bool		(*decode) (const HwrImageSource *src, HwrImage *out, int *orientation, HwrStatus *st);
} Format;

static const uint8_t jpeg_magic[] = {0xFF, 0xD8, 0xFF};
static const uint8_t png_magic[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

static const Format formats[] = {
	{jpeg_magic, sizeof(jpeg_magic), hwr_image_decode_jpeg},
	{png_magic, sizeof(png_magic), hwr_image_decode_png},
};

/* The format of these bytes, NULL: none of them. */
static const Format *
find_format(const HwrImageSource *src)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (src->len >= formats[i].magic_size && memcmp(src->bytes, formats[i].magic, formats[i].magic_size) == 0)
			return &formats[i];
	return NULL;
}

/*
 * Turn stored pixels upright.  Walking the upright image row by row moves through
 * the stored one by step_x per column and step_y per row from a corner.
 */
static bool
orient(HwrImage *img, int orientation, HwrStatus *st)
{
	int			w = img->width;
	int			h = img->height;
	bool		swap = HWR_ORIENTATION_SWAPS(orientation);
	bool		from_right = orientation == 2 || orientation == 3 ||
		orientation == 7 || orientation == 8;
	bool		from_bottom = orientation == 3 || orientation == 4 ||
		orientation == 6 || orientation == 7;
	ptrdiff_t	along = from_right ? -1 : 1;
	ptrdiff_t	down = from_bottom ? -(ptrdiff_t) w : w;
	ptrdiff_t	step_x = swap ? down : along;
	ptrdiff_t	step_y = swap ? along : down;
	const uint8_t *row;
	uint8_t    *turned;
	uint8_t    *dst;

	if (orientation == 1)
		return true;
	turned = hwr_alloc((size_t) h, (size_t) w, st);
	if (turned == NULL)
		return false;

	row = img->pixels + (from_right ? w - 1 : 0) + (from_bottom ? (ptrdiff_t) (h - 1) * w : 0);
	img->width = swap ? h : w;
	img->height = swap ? w : h;
	dst = turned;
	for (int y = 0; y < img->height; y++)
	{
		for (int x = 0; x < img->width; x++)
			*dst++ = row[x * step_x];
		row += step_y;
	}

	free(img->pixels);
	img->pixels = turned;
	if (swap)
	{
		int			width = img->source_width;

		img->source_width = img->source_height;
		img->source_height = width;
	}
	return true;
}

bool
hwr_image_decode(const uint8_t *bytes, size_t len, const HwrImageLimits *limits,
				 int min_height, int min_width, HwrImage *out, HwrStatus *st)
{
	HwrImageSource src = {bytes, len, limits, min_height, min_width};
	const Format *format;
	int			orientation = 1;

	memset(out, 0, sizeof(*out));
	if ((uint64_t) len > (uint64_t) (limits->max_bytes > 0 ? limits->max_bytes : 0))
	{
		hwr_fail(st, HWR_IMAGE_TOO_LARGE, "image exceeds the maximum of %lld bytes",
				 (long long) limits->max_bytes);
		return hwr_fail_detail(st, "The image has %zu bytes.", len);
	}

	format = find_format(&src);
	if (format == NULL)
		return hwr_image_fail_format(&src, st);
	if (!format->decode(&src, out, &orientation, st))
		return false;
	if (!orient(out, orientation, st))
	{
		hwr_image_free(out);
		return false;
	}
	return true;
}

void
hwr_image_free(HwrImage *img)
{
	free(img->pixels);
	memset(img, 0, sizeof(*img));
}
