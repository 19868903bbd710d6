/*
 * test_image.c
 *	  Decoding whole JPEG and PNG files: every variant, every orientation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image_cases.h"

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
	check_scaled(1, 201, 0, 800, 200);
	check_scaled(1, 101, 0, 800, 200);
	check_scaled(1, 100, 0, 400, 100);
	check_scaled(1, 50, 0, 200, 50);
	check_scaled(1, 25, 0, 100, 25);
	check_scaled(1, 25, 200, 200, 50);	/* the width is the stricter one */
	check_scaled(1, 0, 100, 100, 25);
	check_scaled(6, 100, 0, 25, 100);	/* upright it is 800 high */
	check_scaled(6, 100, 50, 50, 200);
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
		cmocka_unit_test(test_jpeg_dct_scaling),
		cmocka_unit_test(test_orientation),
		cmocka_unit_test(test_png_variants),
		cmocka_unit_test(test_one_pixel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
