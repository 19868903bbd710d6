/*
 * test_image_odd.c
 *	  Files that are odd but whole are read; what is no JPEG or PNG file is named.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image_cases.h"

/* Decodes to the blocks of image_cases.h. */
static void
check_blocks(const uint8_t *bytes, size_t len, int tolerance)
{
	HwrImage	img = decode((File) {(uint8_t *) bytes, len}, 0, 0);

	assert_int_equal(img.width, W);
	assert_int_equal(img.height, H);
	for (int i = 0; i < W * H; i++)
		assert_true(abs(img.pixels[i] - block_grey(i % W, i / W)) <= tolerance);
	hwr_image_free(&img);
}

static size_t
find(File file, const char *bytes, size_t n)
{
	for (size_t at = 0; at + n <= file.len; at++)
		if (memcmp(file.bytes + at, bytes, n) == 0)
			return at;
	fail_msg("not found");
	return 0;
}

/* A maker of telephones writes spectral selection 0, 0 and approximation 0 in baseline scans. */
static void
test_jpeg_spectral_selection(void **state)
{
	JpegKind	kinds[] = {grey_jpeg, {.in = JCS_GRAYSCALE,.stored = JCS_GRAYSCALE,.orientation = 1}};

	(void) state;
	for (int i = 0; i < 2; i++)
	{
		File		file = blocks_jpeg(kinds[i]);
		size_t		sos = find(file, "\xFF\xDA", 2);
		size_t		len = (size_t) file.bytes[sos + 2] << 8 | file.bytes[sos + 3];

		memset(file.bytes + sos + 2 + len - 3, 0, 3);
		check_blocks(file.bytes, file.len, 3);
		free(file.bytes);
	}
}

static void
test_jpeg_no_end(void **state)
{
	JpegKind	kind = grey_jpeg;
	File		file;
	size_t		scan;

	(void) state;
	file = blocks_jpeg(kind);
	check_blocks(file.bytes, file.len - 2, 3);
	check_blocks(file.bytes, file.len - 1, 3);
	free(file.bytes);

	/* the last scan of a progressive file is missing: its bits are */
	kind.progressive = true;
	file = blocks_jpeg(kind);
	check_blocks(file.bytes, file.len - 2, 3);
	for (scan = file.len - 2; file.bytes[scan] != 0xFF || file.bytes[scan + 1] != 0xDA; scan--)
		;
	refuse(file.bytes, scan, roomy, HWR_BAD_IMAGE);
	free(file.bytes);
}

static void
test_png_no_end(void **state)
{
	PngKind		kind = grey_png;

	(void) state;
	for (int interlaced = 0; interlaced < 2; interlaced++)
	{
		File		file;

		kind.interlaced = interlaced;
		file = blocks_png(kind);
		for (size_t cut = 1; cut <= 12; cut++)
			check_blocks(file.bytes, file.len - cut, 0);
		file.bytes[file.len - 1] ^= 1;	/* IEND's checksum */
		check_blocks(file.bytes, file.len, 0);
		free(file.bytes);
	}
}

/* The pixels have two checksums, their chunk's and their stream's: one of them must hold. */
static void
test_png_checksums(void **state)
{
	File		file = blocks_png(grey_png);
	size_t		crc = file.len - 16;
	size_t		adler = file.len - 20;

	(void) state;
	file.bytes[crc] ^= 1;
	check_blocks(file.bytes, file.len, 0);
	file.bytes[adler] ^= 1;
	refuse(file.bytes, file.len, roomy, HWR_BAD_IMAGE);
	file.bytes[adler] ^= 1;
	file.bytes[crc] ^= 1;
	check_blocks(file.bytes, file.len, 0);
	file.bytes[29] ^= 1;		/* the header's */
	refuse(file.bytes, file.len, roomy, HWR_BAD_IMAGE);
	free(file.bytes);
}

/* The orientation as byte, short and long, in both byte orders. */
static void
test_orientation_types(void **state)
{
	static const int types[] = {1, 3, 4};
	static const int value_at[][2] = {{0, 0}, {0, 1}, {0, 3}};	/* of the low byte: little, big endian */

	(void) state;
	for (int i = 0; i < 3; i++)
		for (int big = 0; big < 2; big++)
		{
			JpegKind	kind = grey_jpeg;
			File		file;
			HwrImage	img;
			uint8_t    *tiff;

			kind.orientation = 6;
			kind.big_endian = big;
			file = blocks_jpeg(kind);
			tiff = file.bytes + find(file, "Exif", 4) + 6;
			memset(tiff + 18, 0, 4);
			tiff[big ? 13 : 12] = (uint8_t) types[i];
			tiff[18 + value_at[i][big]] = 6;
			img = decode(file, 0, 0);
			assert_int_equal(img.width, H);
			assert_int_equal(img.height, W);
			hwr_image_free(&img);
			tiff[big ? 13 : 12] = 7;	/* anything */
			img = decode(file, 0, 0);
			assert_int_equal(img.width, W);
			hwr_image_free(&img);
			free(file.bytes);
		}
}

static void
test_foreign_formats(void **state)
{
	static const struct
	{
		const char *bytes;
		size_t		n;
		const char *named;
		bool		hint;
	}			cases[] = {
		{"II*\0\10\0\0\0", 8, "TIFF", true},
		{"MM\0*\0\0\0\10", 8, "TIFF", true},
		{"RIFF\1\2\3\4WEBPVP8 ", 16, "WebP", true},
		{"\0\0\0\30ftypheic\0\0\0\0", 16, "HEIC", true},
		{"\0\0\0\30ftypmif1\0\0\0\0", 16, "HEIC", true},
		{"\0\0\0\30ftypavif\0\0\0\0", 16, "AVIF", true},
		{"GIF89a", 6, "GIF", true},
		{"BM\1\2\3\4", 6, "BMP", true},
		{"%PDF-1.7", 8, "PDF", true},
		{"/9j/4AAQSkZJRg==", 16, "base64", true},
		{"iVBORw0KGgoAAAANSUhEUg==", 24, "base64", true},
		{"data:image/png;base64,iVBORw0KGgo=", 34, "data URL", true},
		{"\\xffd8ffe000104a46", 18, "hexadecimal", true},
		{"FFD8FFE000104A46", 16, "hexadecimal", true},
		{"89504e470d0a1a0a", 16, "hexadecimal", true},
		{"P5 3 3 255\n", 11, "PNM", true},
		{"<HTML><body>", 12, "HTML", true},
		{"hello world", 11, "neither a JPEG nor a PNG", false},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		HwrStatus	st = refuse((const uint8_t *) cases[i].bytes, cases[i].n, roomy, HWR_BAD_IMAGE);

		if (strstr(st.detail, cases[i].named) == NULL)
			fail_msg("\"%s\" for %s", st.detail, cases[i].named);
		assert_int_equal(st.hint[0] != '\0', cases[i].hint);
	}
	refuse((const uint8_t *) "\0\0\0\30ftyp", 7, roomy, HWR_BAD_IMAGE);
}

/* Sides that no line of text has, within the limit on pixels. */
static void
test_sides(void **state)
{
	const HwrImageLimits limits = {1 << 24, (int64_t) 1 << 40};
	File		png = blocks_png(grey_png);
	HwrStatus	st;

	(void) state;
	for (int at = 16; at <= 20; at += 4)
	{
		png_save_uint_32(png.bytes + 16, 1);
		png_save_uint_32(png.bytes + 20, 1);
		png_save_uint_32(png.bytes + at, 100000000);
		st = refuse(png.bytes, png.len, limits, HWR_IMAGE_TOO_LARGE);
		assert_string_equal(st.message, "image exceeds the maximum of 65535 pixels a side");
	}
	free(png.bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jpeg_spectral_selection),
		cmocka_unit_test(test_jpeg_no_end),
		cmocka_unit_test(test_png_no_end),
		cmocka_unit_test(test_png_checksums),
		cmocka_unit_test(test_orientation_types),
		cmocka_unit_test(test_foreign_formats),
		cmocka_unit_test(test_sides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
