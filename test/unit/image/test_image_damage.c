/*
 * test_image_damage.c
 *	  Decoding what is not a whole image, or too large a one: an error each time, and
 *	  never a crash.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image_cases.h"

/* A file that ends early is refused, unless all its pixels are there. */
static void
check_truncated(File file, size_t end_size)
{
	HwrImage	whole = decode(file, 0, 0);
	size_t		first = 0;

	for (size_t len = 0; len < file.len; len++)
	{
		uint8_t    *part = malloc(len > 0 ? len : 1);	/* so that a sanitizer sees the end */
		HwrImage	img;
		HwrStatus	st = {0};

		memcpy(part, file.bytes, len);
		if (hwr_image_decode(part, len, &roomy, 0, 0, &img, &st))
		{
			assert_int_equal(st.code, HWR_OK);
			assert_memory_equal(img.pixels, whole.pixels, H * W);
			hwr_image_free(&img);
			first = first > 0 ? first : len;
		}
		else
		{
			assert_int_equal(first, 0);
			refuse(part, len, roomy, HWR_BAD_IMAGE);
		}
		free(part);
	}
	/* what is read is what lacks no more than the end and its checksums */
	if (first < file.len - end_size - 8 || first > file.len - end_size)
		fail_msg("of %zu bytes, %zu are enough", file.len, first);
	hwr_image_free(&whole);
	free(file.bytes);
}

/* The bytes behind the last chunk of pixels. */
static size_t
png_end_size(File png)
{
	size_t		end = 0;

	for (size_t at = 8, next; at < png.len; at = next)
	{
		const uint8_t *n = png.bytes + at;

		next = at + 12 + ((size_t) n[0] << 24 | n[1] << 16 | n[2] << 8 | n[3]);
		if (memcmp(n + 4, "IDAT", 4) == 0)
			end = next;
	}
	return png.len - end;
}

static void
test_truncated(void **state)
{
	JpegKind	jpeg = grey_jpeg;
	PngKind		png = grey_png;
	File		turned;

	(void) state;
	check_truncated(blocks_jpeg(jpeg), 2);
	jpeg.progressive = true;
	jpeg.orientation = 3;
	check_truncated(blocks_jpeg(jpeg), 2);
	check_truncated(blocks_png(png), 12);
	png.interlaced = true;
	png.orientation = 3;		/* some releases of libpng write its chunk before and behind the pixels, others once */
	turned = blocks_png(png);
	check_truncated(turned, png_end_size(turned));
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
	static const char *texts[] = {"hello", "\xFF\xD8", "\xFF\xD8\xFF", "\x89PNG\r\n\x1A\n"};
	HwrStatus	st;

	(void) state;
	st = refuse(NULL, 0, roomy, HWR_BAD_IMAGE);
	assert_string_equal(st.detail, "The image is empty.");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		refuse((const uint8_t *) texts[i], strlen(texts[i]), roomy, HWR_BAD_IMAGE);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_trailing_bytes),
		cmocka_unit_test(test_mutated),
		cmocka_unit_test(test_orientation_damaged),
		cmocka_unit_test(test_jpeg_scan_limit),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_huge_header),
		cmocka_unit_test(test_not_an_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
