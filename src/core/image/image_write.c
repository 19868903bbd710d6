/*
 * image_write.c
 *	  Grey pixels to PNG with libpng.
 *
 * The library leaves by longjmp: all state hangs on one struct of the caller's, write_file() holds the
 * only setjmp and its caller cleans up.
 */
#include "image_write.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

typedef struct PngWriter
{
	png_structp png;
	png_infop	info;
	jmp_buf		jump;
	uint8_t    *row;			/* one packed row */
	uint8_t    *out;
	size_t		len;
	size_t		capacity;
	bool		out_of_memory;
	HwrStatus  *st;
} PngWriter;

static void
on_error(png_structp png, png_const_charp text)
{
	PngWriter  *writer = png_get_error_ptr(png);

	if (writer->out_of_memory)
		hwr_fail(writer->st, HWR_OUT_OF_MEMORY, "out of memory");
	else
	{
		hwr_fail(writer->st, HWR_INTERNAL, "could not encode image");
		hwr_fail_detail(writer->st, "The PNG encoder reports: %s.", text);
	}
	longjmp(writer->jump, 1);
}

static void
on_warning(png_structp png, png_const_charp text)
{
	(void) png;
	(void) text;
}

static png_voidp
allocate(png_structp png, png_alloc_size_t size)
{
	PngWriter  *writer = png_get_mem_ptr(png);
	void	   *p = malloc(size);

	if (p == NULL)
		writer->out_of_memory = true;
	return p;
}

static void
release(png_structp png, png_voidp p)
{
	(void) png;
	free(p);
}

static void
on_write(png_structp png, png_bytep data, size_t len)
{
	PngWriter  *writer = png_get_io_ptr(png);

	if (len > writer->capacity - writer->len)
	{
		size_t		capacity = writer->capacity * 2 + len + 1024;
		uint8_t    *grown = hwr_realloc(writer->out, capacity, 1, writer->st);

		if (grown == NULL)
			longjmp(writer->jump, 1);
		writer->out = grown;
		writer->capacity = capacity;
	}
	memcpy(writer->out + writer->len, data, len);
	writer->len += len;
}

static void
on_flush(png_structp png)
{
	(void) png;
}

static bool
write_file(PngWriter *writer, const uint8_t *pixels, int width, int height, int stride, int bits)
{
	if (setjmp(writer->jump) != 0)
		return false;
	writer->png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, writer, on_error, on_warning,
											writer, allocate, release);
	if (writer->png == NULL || (writer->info = png_create_info_struct(writer->png)) == NULL)
		return hwr_fail(writer->st, HWR_OUT_OF_MEMORY, "out of memory");
	png_set_write_fn(writer->png, writer, on_write, on_flush);
	/* Few levels compress well and are kept; 256 are for images that go on to be read. */
	png_set_compression_level(writer->png, bits == 4 ? 9 : 3);
	png_set_IHDR(writer->png, writer->info, (png_uint_32) width, (png_uint_32) height, bits, PNG_COLOR_TYPE_GRAY,
				 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_write_info(writer->png, writer->info);
	for (int y = 0; y < height; y++)
	{
		const uint8_t *from = pixels + (size_t) y * (size_t) stride;

		if (bits == 8)
		{
			png_write_row(writer->png, from);
			continue;
		}
		memset(writer->row, 0, ((size_t) width + 1) / 2);
		for (int x = 0; x < width; x++)
		{
			int			level = (from[x] * 15 + 127) / 255;

			writer->row[x / 2] |= (uint8_t) (x % 2 == 0 ? level << 4 : level);
		}
		png_write_row(writer->png, writer->row);
	}
	png_write_end(writer->png, NULL);
	return true;
}

static bool
write_png(const uint8_t *pixels, int width, int height, int stride, int bits,
		  uint8_t **png, size_t *len, HwrStatus *st)
{
	PngWriter	writer = {.st = st};
	bool		ok;

	writer.row = hwr_alloc(((size_t) width + 1) / 2, 1, st);
	ok = writer.row != NULL && write_file(&writer, pixels, width, height, stride, bits);
	if (writer.png != NULL)
		png_destroy_write_struct(&writer.png, &writer.info);
	free(writer.row);
	if (!ok)
	{
		free(writer.out);
		return false;
	}
	*png = writer.out;
	*len = writer.len;
	return true;
}

bool
hwr_image_write_png(const uint8_t *pixels, int width, int height, int stride,
					uint8_t **png, size_t *len, HwrStatus *st)
{
	return write_png(pixels, width, height, stride, 4, png, len, st);
}

bool
hwr_image_write_exact(const HwrImage *image, uint8_t **png, size_t *len, HwrStatus *st)
{
	return write_png(image->pixels, image->width, image->height, image->width, 8, png, len, st);
}
