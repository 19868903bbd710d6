/*
 * image_png.c
 *	  PNG bytes to grey pixels with libpng.
 *
 * As in image_jpeg.c: the library leaves by longjmp, so all state hangs on one heap
 * struct, read_file() and read_end() hold the only setjmps and their caller cleans up.
 *
 * libpng expands every variant (1 to 16 bits, palette, transparency, interlace) to 8-bit
 * rows of 1 to 4 channels.  Luma and the blend over white are done here, on the values
 * as stored: libpng's own would go through gamma, and JPEG's would not.
 */
#include "image_internal.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#define PNG_IHDR_WIDTH_AT 16	/* signature 8, chunk length 4, "IHDR" 4 */

typedef struct PngReader
{
	png_structp png;
	png_infop	info;
	jmp_buf		jump;
	const HwrImageSource *src;
	size_t		at;				/* next byte to read */
	HwrImage	image;
	int			orientation;
	uint8_t    *rows;			/* all rows where interlaced, else one */
	bool		out_of_memory;
	bool		bad_checksum;	/* of pixels: the compressed stream's own must hold then */
	bool		bad_stream;
	HwrStatus  *st;
} PngReader;

static void
on_error(png_structp png, png_const_charp text)
{
	PngReader  *reader = png_get_error_ptr(png);

	if (reader->out_of_memory)
		hwr_fail(reader->st, HWR_OUT_OF_MEMORY, "out of memory");
	else
	{
		hwr_fail(reader->st, HWR_BAD_IMAGE, "could not decode image");
		hwr_fail_detail(reader->st, "The PNG decoder reports: %s.", text);
	}
	longjmp(reader->jump, 1);
}

/*
 * Warnings concern metadata, and checksums of chunks: those of pixels are noted, IEND's says nothing, and
 * a header or palette that may be damaged is an error.
 */
static void
on_warning(png_structp png, png_const_charp text)
{
	PngReader  *reader = png_get_error_ptr(png);
	bool		checksum = strstr(text, "CRC error") != NULL;

	if (strncmp(text, "IDAT", 4) == 0)
	{
		reader->bad_checksum = reader->bad_checksum || checksum;
		reader->bad_stream = reader->bad_stream || !checksum;
	}
	else if (checksum && (strncmp(text, "IHDR", 4) == 0 || strncmp(text, "PLTE", 4) == 0))
		png_error(png, text);
}

static png_voidp
allocate(png_structp png, png_alloc_size_t size)
{
	PngReader  *reader = png_get_mem_ptr(png);
	void	   *p = malloc(size);

	if (p == NULL)
		reader->out_of_memory = true;
	return p;
}

static void
release(png_structp png, png_voidp p)
{
	(void) png;
	free(p);
}

static void
read_bytes(png_structp png, png_bytep into, size_t count)
{
	PngReader  *reader = png_get_io_ptr(png);

	if (count > reader->src->len - reader->at)
		png_error(png, "premature end of PNG file");
	memcpy(into, reader->src->bytes + reader->at, count);
	reader->at += count;
}

/* The size in the header, before libpng has seen a byte. */
static bool
check_header(const HwrImageSource *src, HwrStatus *st)
{
	const uint8_t *p = src->bytes + PNG_IHDR_WIDTH_AT;

	if (src->len < PNG_IHDR_WIDTH_AT + 8 || memcmp(p - 4, "IHDR", 4) != 0)
		return true;			/* libpng will say what is wrong */
	return hwr_image_check_pixels(png_get_uint_32(p), png_get_uint_32(p + 4),
								  src->limits, st);
}

static unsigned
over_white(unsigned grey, unsigned alpha)
{
	return (grey * alpha + 255 * (255 - alpha) + 127) / 255;
}

static void
row_to_grey(const uint8_t *row, int channels, int width, uint8_t *grey)
{
	switch (channels)
	{
		case 1:
			memcpy(grey, row, (size_t) width);
			break;
		case 2:
			for (int x = 0; x < width; x++, row += 2)
				grey[x] = (uint8_t) over_white(row[0], row[1]);
			break;
		case 3:
			for (int x = 0; x < width; x++, row += 3)
				grey[x] = hwr_luma(row[0], row[1], row[2]);
			break;
		default:
			for (int x = 0; x < width; x++, row += 4)
				grey[x] = (uint8_t) over_white(hwr_luma(row[0], row[1], row[2]), row[3]);
	}
}

/* An interlaced file fills all rows a little more in each of its seven passes. */
static bool
read_pixels(PngReader *reader, int passes)
{
	HwrImage   *image = &reader->image;
	size_t		width = (size_t) image->width;
	size_t		rowbytes = png_get_rowbytes(reader->png, reader->info);
	size_t		step = passes > 1 ? rowbytes : 0;
	int			channels = png_get_channels(reader->png, reader->info);

	image->pixels = hwr_alloc((size_t) image->height, width, reader->st);
	if (image->pixels == NULL)
		return false;
	reader->rows = hwr_alloc_zero(passes > 1 ? (size_t) image->height : 1, rowbytes,
								  reader->st);
	if (reader->rows == NULL)
		return false;

	for (int pass = 0; pass < passes; pass++)
	{
		for (int y = 0; y < image->height; y++)
		{
			uint8_t    *row = reader->rows + (size_t) y * step;

			png_read_row(reader->png, row, NULL);
			if (pass == passes - 1)
				row_to_grey(row, channels, image->width, image->pixels + (size_t) y * width);
		}
	}
	return true;
}

static int
find_orientation(PngReader *reader)
{
#ifdef PNG_eXIf_SUPPORTED
	png_uint_32 size;
	png_bytep	exif;

	if (png_get_eXIf_1(reader->png, reader->info, &size, &exif) != 0)
		return hwr_exif_orientation(exif, size);
#else
	(void) reader;
#endif
	return 1;
}

/* What follows the pixels: an end that is missing or damaged harms none of them. */
static bool
read_end(PngReader *reader)
{
	if (setjmp(reader->jump) == 0)
	{
		png_read_end(reader->png, reader->info);
		reader->orientation = find_orientation(reader);
		if (!reader->bad_checksum || !reader->bad_stream)
			return true;
	}
	else if (!reader->bad_checksum && !reader->out_of_memory)
	{
		memset(reader->st, 0, sizeof(*reader->st));
		return true;
	}
	hwr_fail(reader->st, reader->out_of_memory ? HWR_OUT_OF_MEMORY : HWR_BAD_IMAGE,
			 reader->out_of_memory ? "out of memory" : "could not decode image");
	return reader->out_of_memory ? false : hwr_fail_detail(reader->st, "The PNG file's pixels have a wrong checksum.");
}

static bool
read_file(PngReader *reader)
{
	int			passes;

	if (setjmp(reader->jump) != 0)
		return false;

	reader->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, reader, on_error, on_warning,
										   reader, allocate, release);
	if (reader->png == NULL)
		return hwr_fail(reader->st, HWR_OUT_OF_MEMORY, "out of memory");
	reader->info = png_create_info_struct(reader->png);
	if (reader->info == NULL)
		return hwr_fail(reader->st, HWR_OUT_OF_MEMORY, "out of memory");

	png_set_read_fn(reader->png, reader, read_bytes);
	png_set_crc_action(reader->png, PNG_CRC_WARN_USE, PNG_CRC_DEFAULT);
	/* The limit on pixels is ours; these are the format's, which fit an int. */
	png_set_user_limits(reader->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
	png_read_info(reader->png, reader->info);
	reader->image.width = (int) png_get_image_width(reader->png, reader->info);
	reader->image.height = (int) png_get_image_height(reader->png, reader->info);
	reader->image.source_width = reader->image.width;
	reader->image.source_height = reader->image.height;
	if (!hwr_image_check_pixels(reader->image.width, reader->image.height,
								reader->src->limits, reader->st))
		return false;

	png_set_expand(reader->png);
	png_set_scale_16(reader->png);
	passes = png_set_interlace_handling(reader->png);
	png_read_update_info(reader->png, reader->info);
	if (!read_pixels(reader, passes))
		return false;
	reader->orientation = find_orientation(reader);
	return read_end(reader);
}

bool
hwr_image_decode_png(const HwrImageSource *src, HwrImage *out, int *orientation,
					 HwrStatus *st)
{
	PngReader  *reader;
	bool		ok;

	if (!check_header(src, st))
		return false;
	reader = hwr_alloc_zero(1, sizeof(*reader), st);
	if (reader == NULL)
		return false;
	reader->src = src;
	reader->st = st;

	ok = read_file(reader);
	png_destroy_read_struct(&reader->png, &reader->info, NULL);
	free(reader->rows);
	if (ok)
	{
		*out = reader->image;
		*orientation = reader->orientation;
	}
	else
		free(reader->image.pixels);
	free(reader);
	return ok;
}
