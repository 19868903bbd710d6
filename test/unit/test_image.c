/*
 * test_image.c
 *	  Decoding JPEG and PNG: every variant, every orientation, limits, damaged bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/image.h"
#include "core/rng.h"
#include "image_writers.h"

#define W 24
#define H 16

static const HwrImageLimits roomy = {1 << 24, 1 << 22};

static const JpegKind grey_jpeg = {.in = JCS_GRAYSCALE,.stored = JCS_GRAYSCALE};
static const PngKind grey_png = {.bit_depth = 8,.color_type = PNG_COLOR_TYPE_GRAY};

/* Decode what must decode. */
static HwrImage
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
static HwrStatus
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

static void
assert_near(int actual, double expected, double tolerance)
{
	if (actual < expected - tolerance || actual > expected + tolerance)
		fail_msg("%d is not within %g of %g", actual, tolerance, expected);
}

static double
luma(int r, int g, int b)
{
	return 0.299 * r + 0.587 * g + 0.114 * b;
}

/* Flat 8 x 8 blocks, each of another grey: JPEG keeps them almost exactly. */
static uint8_t
block_grey(int x, int y)
{
	return (uint8_t) (20 + 35 * (x / 8 + 3 * (y / 8)));
}

static void
fill_blocks(uint8_t pixels[H * W])
{
	for (int i = 0; i < H * W; i++)
		pixels[i] = block_grey(i % W, i / W);
}

static File
blocks_jpeg(JpegKind kind)
{
	uint8_t		pixels[H * W];

	fill_blocks(pixels);
	return write_jpeg(pixels, W, H, kind);
}

static File
blocks_png(PngKind kind)
{
	uint8_t		pixels[H * W];

	fill_blocks(pixels);
	return write_png(pixels, W, W, H, kind);
}

static void
test_jpeg_grey(void **state)
{
	File		file = blocks_jpeg(grey_jpeg);
	HwrImage	img = decode(file, 0, 0);

	(void) state;
	assert_int_equal(img.width, W);
	assert_int_equal(img.height, H);
	assert_int_equal(img.source_width, W);
	assert_int_equal(img.source_height, H);
	for (int i = 0; i < H * W; i++)
		assert_near(img.pixels[i], block_grey(i % W, i / W), 2);
	hwr_image_free(&img);
	assert_null(img.pixels);
	free(file.bytes);
}

/* One flat colour of three or four channels must come out as that luma. */
static void
check_flat_jpeg(const uint8_t *color, int channels, JpegKind kind, double expected)
{
	uint8_t		pixels[H * W * 4];
	File		file;
	HwrImage	img;

	for (int i = 0; i < H * W * channels; i++)
		pixels[i] = color[i % channels];
	file = write_jpeg(pixels, W, H, kind);
	img = decode(file, 0, 0);
	for (int i = 0; i < H * W; i++)
		assert_near(img.pixels[i], expected, 2.5);
	hwr_image_free(&img);
	free(file.bytes);
}

static void
test_jpeg_color(void **state)
{
	static const uint8_t colors[][3] = {
		{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 255}, {200, 120, 40}
	};

	(void) state;
	for (int i = 0; i < 5; i++)
	{
		const uint8_t *c = colors[i];
		JpegKind	ycc = {.in = JCS_RGB,.stored = JCS_YCbCr};
		JpegKind	rgb = {.in = JCS_RGB,.stored = JCS_RGB};

		check_flat_jpeg(c, 3, ycc, luma(c[0], c[1], c[2]));
		check_flat_jpeg(c, 3, rgb, luma(c[0], c[1], c[2]));
		ycc.progressive = true;
		check_flat_jpeg(c, 3, ycc, luma(c[0], c[1], c[2]));
	}
}

/* As written here, with the Adobe marker, 255 is no ink; without it 0 is. */
static void
test_jpeg_cmyk(void **state)
{
	static const uint8_t inks[][4] = {
		{255, 255, 255, 255}, {255, 255, 255, 0}, {0, 255, 255, 255}, {200, 90, 30, 180}
	};

	(void) state;
	for (int i = 0; i < 4; i++)
	{
		const uint8_t *c = inks[i];
		JpegKind	cmyk = {.in = JCS_CMYK,.stored = JCS_CMYK};
		JpegKind	ycck = {.in = JCS_CMYK,.stored = JCS_YCCK};
		double		adobe = luma(c[0], c[1], c[2]) * c[3] / 255;
		double		plain = luma(255 - c[0], 255 - c[1], 255 - c[2]) * (255 - c[3]) / 255;

		check_flat_jpeg(c, 4, cmyk, adobe);
		check_flat_jpeg(c, 4, ycck, adobe);
		cmyk.no_adobe_marker = true;
		check_flat_jpeg(c, 4, cmyk, plain);
	}
}

/* The same coefficients in another order give the same pixels. */
static void
test_jpeg_progressive(void **state)
{
	JpegKind	kind = grey_jpeg;
	File		plain = blocks_jpeg(kind);
	File		scans;
	HwrImage	a;
	HwrImage	b;

	(void) state;
	kind.progressive = true;
	scans = blocks_jpeg(kind);
	assert_memory_not_equal(plain.bytes, scans.bytes, plain.len < scans.len ? plain.len : scans.len);
	a = decode(plain, 0, 0);
	b = decode(scans, 0, 0);
	assert_memory_equal(a.pixels, b.pixels, W * H);
	hwr_image_free(&a);
	hwr_image_free(&b);
	free(plain.bytes);
	free(scans.bytes);
}

static void
test_jpeg_scan_limit(void **state)
{
	JpegKind	kind = grey_jpeg;
	File		file;
	HwrStatus	st;

	(void) state;
	kind.many_scans = true;
	file = blocks_jpeg(kind);
	st = refuse(file.bytes, file.len, roomy, HWR_BAD_IMAGE);
	assert_non_null(strstr(st.detail, "scans"));
	free(file.bytes);
}

static void
check_scaled(int orientation, int min_height, int min_width, int width, int height)
{
	JpegKind	kind = grey_jpeg;
	uint8_t    *pixels = malloc(800 * 200);
	bool		swap = orientation >= 5;
	File		file;
	HwrImage	img;

	/* dark left half, light right half */
	for (int i = 0; i < 800 * 200; i++)
		pixels[i] = i % 800 < 400 ? 40 : 220;
	kind.orientation = orientation;
	file = write_jpeg(pixels, 800, 200, kind);
	img = decode(file, min_height, min_width);
	assert_int_equal(img.width, width);
	assert_int_equal(img.height, height);
	assert_int_equal(img.source_width, swap ? 200 : 800);
	assert_int_equal(img.source_height, swap ? 800 : 200);
	if (!swap)
	{
		assert_near(img.pixels[0], 40, 3);
		assert_near(img.pixels[width * height - 1], 220, 3);
	}
	hwr_image_free(&img);
	free(file.bytes);
	free(pixels);
}

static void
test_jpeg_dct_scaling(void **state)
{
	(void) state;
	check_scaled(1, 0, 0, 800, 200);
	check_scaled(1, 101, 0, 800, 200);
	check_scaled(1, 51, 0, 800, 200);
	check_scaled(1, 50, 0, 400, 100);
	check_scaled(1, 25, 0, 200, 50);
	check_scaled(1, 12, 0, 100, 25);
	check_scaled(1, 12, 100, 200, 50);	/* the width is the stricter one */
	check_scaled(1, 0, 50, 100, 25);
	check_scaled(6, 50, 0, 25, 100);	/* upright it is 800 high */
	check_scaled(6, 50, 25, 50, 200);
}

/*
 * EXIF's own definition: which visual side the stored row 0 and column 0 are.
 */
static void
check_orientation(const HwrImage *img, int orientation, double tolerance)
{
	static const char row0[] = " TTBBLRRL";
	static const char col0[] = " LRRLTTBB";
	bool		swap = orientation >= 5;

	assert_int_equal(img->width, swap ? H : W);
	assert_int_equal(img->height, swap ? W : H);
	for (int y = 0; y < H; y++)
	{
		for (int x = 0; x < W; x++)
		{
			int			vy = row0[orientation] == 'T' ? y : H - 1 - y;
			int			vx = col0[orientation] == 'L' ? x : W - 1 - x;

			if (swap)
			{
				vx = row0[orientation] == 'L' ? y : H - 1 - y;
				vy = col0[orientation] == 'T' ? x : W - 1 - x;
			}
			assert_near(img->pixels[vy * img->width + vx], block_grey(x, y), tolerance);
		}
	}
}

static void
test_orientation(void **state)
{
	(void) state;
	for (int orientation = 1; orientation <= 8; orientation++)
	{
		PngKind		png = grey_png;
		File		file;
		HwrImage	img;

		for (int endian = 0; endian < 2; endian++)
		{
			JpegKind	jpeg = grey_jpeg;

			jpeg.orientation = orientation;
			jpeg.big_endian = endian == 1;
			file = blocks_jpeg(jpeg);
			img = decode(file, 0, 0);
			check_orientation(&img, orientation, 2);
			hwr_image_free(&img);
			free(file.bytes);
		}
		png.orientation = orientation;
		file = blocks_png(png);
		img = decode(file, 0, 0);
		check_orientation(&img, orientation, 0);
		hwr_image_free(&img);
		free(file.bytes);
	}
}

/* Metadata that lies is ignored, wherever it is damaged. */
static void
test_orientation_damaged(void **state)
{
	JpegKind	kind = grey_jpeg;
	HwrRng		rng;
	File		file;
	size_t		exif;

	(void) state;
	kind.orientation = 6;
	file = blocks_jpeg(kind);
	for (exif = 0; memcmp(file.bytes + exif, "Exif", 4) != 0; exif++)
		;
	exif += 6;
	hwr_rng_seed(&rng, 7, 0);
	for (int i = 0; i < 2000; i++)
	{
		size_t		at = exif + hwr_rng_below(&rng, EXIF_SIZE);
		uint8_t		was = file.bytes[at];
		HwrImage	img;

		file.bytes[at] = (uint8_t) hwr_rng_next(&rng);
		img = decode(file, 0, 0);
		assert_int_equal(img.width * img.height, W * H);
		hwr_image_free(&img);
		file.bytes[at] = was;
	}
	free(file.bytes);
}

/* Sample of channel c at (x, y): anything that uses the whole range. */
static unsigned
png_sample(int x, int y, int c, int bit_depth)
{
	unsigned	v = (unsigned) hwr_mix64((uint64_t) (x + 100 * y + 10000 * c));

	return v & ((1u << bit_depth) - 1);
}

static size_t
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

static double
png_expected(int x, int y, PngKind kind)
{
	double		full = (1 << kind.bit_depth) - 1;
	unsigned	v[4];
	double		grey;
	double		alpha = 1.0;

	for (int c = 0; c < 4; c++)
		v[c] = png_sample(x, y, c, kind.bit_depth);
	if (kind.color_type == PNG_COLOR_TYPE_PALETTE)
	{
		png_color	color;
		uint8_t		a;

		png_palette_entry((int) v[0], &color, &a);
		grey = luma(color.red, color.green, color.blue);
		alpha = kind.transparency ? a / 255.0 : 1.0;
	}
	else if (kind.color_type & PNG_COLOR_MASK_COLOR)
	{
		grey = (0.299 * v[0] + 0.587 * v[1] + 0.114 * v[2]) / full * 255;
		if (kind.color_type & PNG_COLOR_MASK_ALPHA)
			alpha = v[3] / full;
		else if (kind.transparency && v[0] == 1 && v[1] == 1 && v[2] == 1)
			alpha = 0.0;
	}
	else
	{
		grey = v[0] / full * 255;
		if (kind.color_type & PNG_COLOR_MASK_ALPHA)
			alpha = v[1] / full;
		else if (kind.transparency && v[0] == 1)
			alpha = 0.0;
	}
	return grey * alpha + 255 * (1 - alpha);
}

static void
check_png(PngKind kind)
{
	uint8_t		rows[H * W * 8];
	File		file = write_png(rows, png_pack(rows, kind), W, H, kind);
	HwrImage	img = decode(file, 10, 10);
	double		rounding = kind.bit_depth == 16 ? 1.6 : 1.01;	/* samples, luma, blend */

	assert_int_equal(img.width, W);
	assert_int_equal(img.height, H);
	for (int y = 0; y < H; y++)
	{
		for (int x = 0; x < W; x++)
			assert_near(img.pixels[y * W + x], png_expected(x, y, kind), rounding);
	}
	hwr_image_free(&img);
	free(file.bytes);
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

static void
test_png_variants(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(png_kinds) / sizeof(png_kinds[0]); i++)
	{
		PngKind		kind = png_kinds[i];

		check_png(kind);
		kind.interlaced = true;
		check_png(kind);
	}
}

static void
check_truncated(File file)
{
	for (size_t len = 0; len < file.len; len++)
	{
		uint8_t    *part = malloc(len > 0 ? len : 1);	/* so that a sanitizer sees the end */

		memcpy(part, file.bytes, len);
		refuse(part, len, roomy, HWR_BAD_IMAGE);
		free(part);
	}
	free(file.bytes);
}

static void
test_truncated(void **state)
{
	JpegKind	jpeg = grey_jpeg;
	PngKind		png = grey_png;

	(void) state;
	check_truncated(blocks_jpeg(jpeg));
	jpeg.progressive = true;
	jpeg.orientation = 3;
	check_truncated(blocks_jpeg(jpeg));
	check_truncated(blocks_png(png));
	png.interlaced = true;
	png.orientation = 3;
	check_truncated(blocks_png(png));
}

/* Bytes after the end belong to somebody else. */
static void
test_trailing_bytes(void **state)
{
	File		files[] = {blocks_jpeg(grey_jpeg), blocks_png(grey_png)};

	(void) state;
	for (int i = 0; i < 2; i++)
	{
		HwrImage	img;

		files[i].bytes = realloc(files[i].bytes, files[i].len + 100);
		memset(files[i].bytes + files[i].len, 'x', 100);
		files[i].len += 100;
		img = decode(files[i], 0, 0);
		hwr_image_free(&img);
		free(files[i].bytes);
	}
}

/* Whatever the bytes say: an image within the limits, or an error with its reason. */
static void
check_mutated(File file, int rounds, HwrRng *rng)
{
	const HwrImageLimits limits = {1 << 16, 1 << 16};
	uint8_t    *bytes = malloc(file.len);

	for (int i = 0; i < rounds; i++)
	{
		uint64_t	changes = 1 + hwr_rng_below(rng, 6);
		HwrImage	img;
		HwrStatus	st = {0};

		memcpy(bytes, file.bytes, file.len);
		while (changes-- > 0)
			bytes[hwr_rng_below(rng, file.len)] = (uint8_t) hwr_rng_next(rng);
		if (hwr_image_decode(bytes, file.len, &limits, 4, 4, &img, &st))
		{
			assert_true(img.width > 0 && img.height > 0);
			assert_true((int64_t) img.width * img.height <= limits.max_pixels);
			hwr_image_free(&img);
		}
		else
		{
			assert_true(st.code == HWR_BAD_IMAGE || st.code == HWR_IMAGE_TOO_LARGE);
			assert_null(img.pixels);
		}
	}
	free(bytes);
	free(file.bytes);
}

/* A chunk's checksum hides everything behind it from random changes: mend them. */
static void
mend_png(File file)
{
	for (size_t at = 8; at + 12 <= file.len;)
	{
		size_t		len = png_get_uint_32(file.bytes + at);
		uint32_t	crc = 0xFFFFFFFF;

		if (len > file.len - at - 12)
			return;
		for (size_t i = at + 4; i < at + 8 + len; i++)
		{
			crc ^= file.bytes[i];
			for (int bit = 0; bit < 8; bit++)
				crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
		}
		png_save_uint_32(file.bytes + at + 8 + len, ~crc);
		at += 12 + len;
	}
}

static void
test_mutated(void **state)
{
	JpegKind	cmyk = {.in = JCS_CMYK,.stored = JCS_YCCK,.progressive = true};
	JpegKind	color = {.in = JCS_RGB,.stored = JCS_YCbCr,.orientation = 6};
	uint8_t		pixels[H * W * 8];
	HwrRng		rng;

	(void) state;
	hwr_rng_seed(&rng, 42, 0);
	for (size_t i = 0; i < sizeof(pixels); i++)
		pixels[i] = (uint8_t) hwr_rng_next(&rng);
	check_mutated(blocks_jpeg(grey_jpeg), 1000, &rng);
	check_mutated(write_jpeg(pixels, W, H, color), 1500, &rng);
	color.progressive = true;
	check_mutated(write_jpeg(pixels, W, H, color), 1500, &rng);
	check_mutated(write_jpeg(pixels, W, H, cmyk), 1500, &rng);

	for (size_t i = 0; i < sizeof(png_kinds) / sizeof(png_kinds[0]); i++)
	{
		PngKind		kind = png_kinds[i];

		kind.interlaced = i % 2 == 0;
		kind.orientation = (int) (i % 9);
		check_mutated(write_png(pixels, png_pack(pixels, kind), W, H, kind), 50, &rng);
		for (int round = 0; round < 100; round++)
		{
			File		file = write_png(pixels, png_pack(pixels, kind), W, H, kind);
			HwrImage	img;
			HwrStatus	st = {0};

			for (int change = 0; change < 2; change++)
				file.bytes[8 + hwr_rng_below(&rng, file.len - 8)] = (uint8_t) hwr_rng_next(&rng);
			mend_png(file);
			if (hwr_image_decode(file.bytes, file.len, &roomy, 0, 0, &img, &st))
				hwr_image_free(&img);
			free(file.bytes);
		}
	}
}

static void
test_limits(void **state)
{
	File		files[] = {blocks_jpeg(grey_jpeg), blocks_png(grey_png)};

	(void) state;
	for (int i = 0; i < 2; i++)
	{
		HwrImageLimits exact = {(int64_t) files[i].len, W * H};
		HwrImageLimits bytes = {(int64_t) files[i].len - 1, W * H};
		HwrImageLimits pixels = {(int64_t) files[i].len, W * H - 1};
		HwrImage	img;
		HwrStatus	st = {0};

		assert_true(hwr_image_decode(files[i].bytes, files[i].len, &exact, 0, 0, &img, &st));
		hwr_image_free(&img);
		st = refuse(files[i].bytes, files[i].len, pixels, HWR_IMAGE_TOO_LARGE);
		assert_string_equal(st.message, "image exceeds the maximum of 383 pixels");
		st = refuse(files[i].bytes, files[i].len, bytes, HWR_IMAGE_TOO_LARGE);
		assert_non_null(strstr(st.message, "bytes"));
		free(files[i].bytes);
	}
}

/* Headers that promise more than is there, or than any machine has. */
static void
test_huge_header(void **state)
{
	static const unsigned sides[] = {60000, 65535};
	File		jpeg = blocks_jpeg(grey_jpeg);
	File		png = blocks_png(grey_png);
	size_t		sof = 0;

	(void) state;
	while (jpeg.bytes[sof] != 0xFF || jpeg.bytes[sof + 1] != 0xC0)
		sof++;
	for (int i = 0; i < 2; i++)
	{
		for (int at = 5; at <= 7; at += 2)
		{
			jpeg.bytes[sof + at] = (uint8_t) (sides[i] >> 8);
			jpeg.bytes[sof + at + 1] = (uint8_t) sides[i];
		}
		refuse(jpeg.bytes, jpeg.len, roomy, HWR_IMAGE_TOO_LARGE);

		png_save_uint_32(png.bytes + 16, sides[i]);
		png_save_uint_32(png.bytes + 20, sides[i]);
		refuse(png.bytes, png.len, roomy, HWR_IMAGE_TOO_LARGE);
		refuse(png.bytes, 33, roomy, HWR_IMAGE_TOO_LARGE);	/* nothing behind it */
	}
	memset(png.bytes + 16, 0xFF, 8);
	refuse(png.bytes, png.len, roomy, HWR_IMAGE_TOO_LARGE);
	memset(png.bytes + 16, 0, 8);
	refuse(png.bytes, png.len, roomy, HWR_BAD_IMAGE);
	free(jpeg.bytes);
	free(png.bytes);
}

static void
test_not_an_image(void **state)
{
	static const char *texts[] = {"hello", "GIF89a", "\xFF\xD8", "\xFF\xD8\xFF", "\x89PNG\r\n\x1A\n"};
	HwrStatus	st;

	(void) state;
	st = refuse(NULL, 0, roomy, HWR_BAD_IMAGE);
	assert_string_equal(st.detail, "The image is empty.");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		refuse((const uint8_t *) texts[i], strlen(texts[i]), roomy, HWR_BAD_IMAGE);
}

static void
test_one_pixel(void **state)
{
	uint8_t		pixel[1] = {77};
	File		files[] = {
		write_jpeg(pixel, 1, 1, grey_jpeg),
		write_png(pixel, 1, 1, 1, grey_png)
	};

	(void) state;
	for (int i = 0; i < 2; i++)
	{
		HwrImage	img = decode(files[i], 48, 320);

		assert_int_equal(img.width, 1);
		assert_int_equal(img.height, 1);
		assert_near(img.pixels[0], 77, 1);
		hwr_image_free(&img);
		free(files[i].bytes);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jpeg_grey),
		cmocka_unit_test(test_jpeg_color),
		cmocka_unit_test(test_jpeg_cmyk),
		cmocka_unit_test(test_jpeg_progressive),
		cmocka_unit_test(test_jpeg_scan_limit),
		cmocka_unit_test(test_jpeg_dct_scaling),
		cmocka_unit_test(test_orientation),
		cmocka_unit_test(test_orientation_damaged),
		cmocka_unit_test(test_png_variants),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_trailing_bytes),
		cmocka_unit_test(test_mutated),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_huge_header),
		cmocka_unit_test(test_not_an_image),
		cmocka_unit_test(test_one_pixel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
