/*
 * image_cases.h
 *	  Test images and checks that the tests of the decoders share.  Include after cmocka.h.
 */
#ifndef HWR_TEST_IMAGE_CASES_H
#define HWR_TEST_IMAGE_CASES_H

#include "core/image/image.h"
#include "core/base/rng.h"
#include "image_writers.h"

#define W 24
#define H 16

static const HwrImageLimits roomy = {1 << 24, 1 << 22};

static const JpegKind grey_jpeg = {.in = JCS_GRAYSCALE,.stored = JCS_GRAYSCALE};
static const PngKind grey_png = {.bit_depth = 8,.color_type = PNG_COLOR_TYPE_GRAY};

/* Decode what must decode. */
static inline HwrImage
decode(File file, int min_height, int min_width)
{
	HwrImage	img;
	HwrStatus	st = {0};

	if (!hwr_image_decode(file.bytes, file.len, &roomy, min_height, min_width, &img, &st))
		fail_msg("%s: %s", st.message, st.detail);
	assert_int_equal(st.code, HWR_OK);
	return img;
}

/* Decode what must not. */
static inline HwrStatus
refuse(const uint8_t *bytes, size_t len, HwrImageLimits limits, HwrCode code)
{
	HwrImage	img;
	HwrStatus	st = {0};

	if (hwr_image_decode(bytes, len, &limits, 0, 0, &img, &st))
		fail_msg("%zu bytes were decoded to %d x %d", len, img.width, img.height);
	assert_int_equal(st.code, code);
	assert_null(img.pixels);
	if (code == HWR_BAD_IMAGE)
	{
		assert_string_equal(st.message, "could not decode image");
		assert_true(strlen(st.detail) > 0);
	}
	return st;
}

/* Flat 8 x 8 blocks, each of another grey: JPEG keeps them almost exactly. */
static inline uint8_t
block_grey(int x, int y)
{
	return (uint8_t) (20 + 35 * (x / 8 + 3 * (y / 8)));
}

static inline void
fill_blocks(uint8_t pixels[H * W])
{
	for (int i = 0; i < H * W; i++)
		pixels[i] = block_grey(i % W, i / W);
}

static inline File
blocks_jpeg(JpegKind kind)
{
	uint8_t		pixels[H * W];

	fill_blocks(pixels);
	return write_jpeg(pixels, W, H, kind);
}

static inline File
blocks_png(PngKind kind)
{
	uint8_t		pixels[H * W];

	fill_blocks(pixels);
	return write_png(pixels, W, W, H, kind);
}

/* Sample of channel c at (x, y): anything that uses the whole range. */
static inline unsigned
png_sample(int x, int y, int c, int bit_depth)
{
	unsigned	v = (unsigned) hwr_mix64((uint64_t) (x + 100 * y + 10000 * c));

	return v & ((1u << bit_depth) - 1);
}

static inline size_t
png_pack(uint8_t *rows, PngKind kind)
{
	int			channels = png_channels(kind.color_type);
	size_t		rowbytes = (size_t) (W * channels * kind.bit_depth + 7) / 8;

	memset(rows, 0, rowbytes * H);
	for (int y = 0; y < H; y++)
	{
		for (int i = 0; i < W * channels; i++)
		{
			unsigned	v = png_sample(i / channels, y, i % channels, kind.bit_depth);
			uint8_t    *row = rows + (size_t) y * rowbytes;
			int			bit = i * kind.bit_depth;

			if (kind.bit_depth == 16)
			{
				row[2 * i] = (uint8_t) (v >> 8);
				row[2 * i + 1] = (uint8_t) v;
			}
			else
				row[bit / 8] |= (uint8_t) (v << (8 - kind.bit_depth - bit % 8));
		}
	}
	return rowbytes;
}

static const PngKind png_kinds[] = {
	{1, PNG_COLOR_TYPE_GRAY, .transparency = false},
	{2, PNG_COLOR_TYPE_GRAY, .transparency = false},
	{4, PNG_COLOR_TYPE_GRAY, .transparency = false},
	{8, PNG_COLOR_TYPE_GRAY, .transparency = false},
	{16, PNG_COLOR_TYPE_GRAY, .transparency = false},
	{1, PNG_COLOR_TYPE_GRAY, .transparency = true},
	{4, PNG_COLOR_TYPE_GRAY, .transparency = true},
	{8, PNG_COLOR_TYPE_GRAY, .transparency = true},
	{16, PNG_COLOR_TYPE_GRAY, .transparency = true},
	{8, PNG_COLOR_TYPE_RGB, .transparency = false},
	{16, PNG_COLOR_TYPE_RGB, .transparency = false},
	{8, PNG_COLOR_TYPE_RGB, .transparency = true},
	{1, PNG_COLOR_TYPE_PALETTE, .transparency = false},
	{2, PNG_COLOR_TYPE_PALETTE, .transparency = true},
	{4, PNG_COLOR_TYPE_PALETTE, .transparency = false},
	{8, PNG_COLOR_TYPE_PALETTE, .transparency = true},
	{8, PNG_COLOR_TYPE_GRAY_ALPHA, .transparency = false},
	{16, PNG_COLOR_TYPE_GRAY_ALPHA, .transparency = false},
	{8, PNG_COLOR_TYPE_RGB_ALPHA, .transparency = false},
	{16, PNG_COLOR_TYPE_RGB_ALPHA, .transparency = false},
};

#endif							/* HWR_TEST_IMAGE_CASES_H */
