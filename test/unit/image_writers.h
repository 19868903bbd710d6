/*
 * image_writers.h
 *	  JPEG and PNG files made in memory, for the tests of the decoders.
 */
#ifndef HWR_TEST_IMAGE_WRITERS_H
#define HWR_TEST_IMAGE_WRITERS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

/* Encoded bytes; free(bytes). */
typedef struct File
{
	uint8_t    *bytes;
	size_t		len;
} File;

typedef struct JpegKind
{
	J_COLOR_SPACE in;			/* of the pixels handed in */
	J_COLOR_SPACE stored;
	bool		progressive;
	bool		no_adobe_marker;
	bool		many_scans;		/* grey only: 127 of them */
	int			orientation;	/* 0: no EXIF block */
	bool		big_endian;
	int			quality;		/* 0: 97 */
} JpegKind;

typedef struct PngKind
{
	int			bit_depth;
	int			color_type;
	bool		interlaced;
	bool		transparency;	/* a tRNS chunk for sample 1, or palette entries */
	int			orientation;	/* 0: no eXIf chunk */
} PngKind;

#define EXIF_SIZE 26

/* A TIFF header and a directory of one entry, the orientation. */
static inline void
make_exif(uint8_t exif[EXIF_SIZE], int orientation, bool big_endian)
{
	static const uint8_t little[EXIF_SIZE] = {
		'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0,
		0x12, 0x01, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
	};
	static const uint8_t big[EXIF_SIZE] = {
		'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1,
		0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0
	};

	memcpy(exif, big_endian ? big : little, EXIF_SIZE);
	exif[big_endian ? 19 : 18] = (uint8_t) orientation;
}

static inline void
write_jpeg_exif(struct jpeg_compress_struct *cinfo, const JpegKind *kind)
{
	uint8_t		marker[6 + EXIF_SIZE] = "Exif\0";

	make_exif(marker + 6, kind->orientation, kind->big_endian);
	jpeg_write_marker(cinfo, JPEG_APP0 + 1, marker, sizeof(marker));
}

/* One scan for DC, then each AC coefficient by itself in two steps of precision. */
static inline int
fill_scans(jpeg_scan_info *scans)
{
	int			n = 0;

	scans[n++] = (jpeg_scan_info) {1, {0}, 0, 0, 0, 0};
	for (int low = 1; low >= 0; low--)
	{
		for (int k = 1; k < 64; k++)
			scans[n++] = (jpeg_scan_info) {1, {0}, k, k, low == 0 ? 1 : 0, low};
	}
	return n;
}

/* pixels: rows of width * channels of kind->in */
static inline File
write_jpeg(const uint8_t *pixels, int width, int height, JpegKind kind)
{
	struct jpeg_compress_struct cinfo;
	struct jpeg_error_mgr errors;
	jpeg_scan_info scans[127];
	unsigned char *bytes = NULL;
	unsigned long len = 0;

	cinfo.err = jpeg_std_error(&errors);
	jpeg_create_compress(&cinfo);
	jpeg_mem_dest(&cinfo, &bytes, &len);
	cinfo.image_width = (JDIMENSION) width;
	cinfo.image_height = (JDIMENSION) height;
	cinfo.in_color_space = kind.in;
	cinfo.input_components = kind.in == JCS_GRAYSCALE ? 1 : kind.in == JCS_CMYK ? 4 : 3;
	jpeg_set_defaults(&cinfo);
	jpeg_set_colorspace(&cinfo, kind.stored);
	jpeg_set_quality(&cinfo, kind.quality > 0 ? kind.quality : 97, TRUE);
	if (kind.no_adobe_marker)
		cinfo.write_Adobe_marker = FALSE;
	if (kind.progressive)
		jpeg_simple_progression(&cinfo);
	if (kind.many_scans)
	{
		cinfo.num_scans = fill_scans(scans);
		cinfo.scan_info = scans;
	}

	jpeg_start_compress(&cinfo, TRUE);
	if (kind.orientation > 0)
		write_jpeg_exif(&cinfo, &kind);
	while (cinfo.next_scanline < cinfo.image_height)
	{
		JSAMPROW	row = (JSAMPROW) pixels +
			(size_t) cinfo.next_scanline * (size_t) (width * cinfo.input_components);

		jpeg_write_scanlines(&cinfo, &row, 1);
	}
	jpeg_finish_compress(&cinfo);
	jpeg_destroy_compress(&cinfo);
	return (File) {bytes, len};
}

static inline int
png_channels(int color_type)
{
	switch (color_type)
	{
		case PNG_COLOR_TYPE_GRAY_ALPHA:
			return 2;
		case PNG_COLOR_TYPE_RGB:
			return 3;
		case PNG_COLOR_TYPE_RGB_ALPHA:
			return 4;
		default:
			return 1;
	}
}

/* Entry i of the palette of every palette file. */
static inline void
png_palette_entry(int i, png_color *color, uint8_t *alpha)
{
	color->red = (uint8_t) (i * 37 + 11);
	color->green = (uint8_t) (255 - i * 53);
	color->blue = (uint8_t) (i * 101);
	*alpha = (uint8_t) (255 - i * 40);
}

static inline void
append(png_structp png, png_bytep bytes, size_t len)
{
	File	   *file = png_get_io_ptr(png);

	file->bytes = realloc(file->bytes, file->len + len);
	if (file->bytes == NULL)
		png_error(png, "out of memory");
	memcpy(file->bytes + file->len, bytes, len);
	file->len += len;
}

static inline void
write_png_extras(png_structp png, png_infop info, PngKind kind)
{
	png_color	palette[256];
	uint8_t		alpha[256];
	png_color_16 sample = {.red = 1, .green = 1, .blue = 1, .gray = 1};
	uint8_t		exif[EXIF_SIZE];
	int			entries = kind.bit_depth <= 8 ? 1 << kind.bit_depth : 0;

	for (int i = 0; i < entries; i++)
		png_palette_entry(i, &palette[i], &alpha[i]);
	if (kind.color_type == PNG_COLOR_TYPE_PALETTE)
	{
		png_set_PLTE(png, info, palette, entries);
		if (kind.transparency)
			png_set_tRNS(png, info, alpha, entries, NULL);
	}
	else if (kind.transparency)
		png_set_tRNS(png, info, NULL, 0, &sample);
	if (kind.orientation > 0)
	{
		make_exif(exif, kind.orientation, true);
		png_set_eXIf_1(png, info, EXIF_SIZE, exif);
	}
}

/* rows: packed as PNG stores them, each rowbytes long */
static inline File
write_png(uint8_t *rows, size_t rowbytes, int width, int height, PngKind kind)
{
	File		file = {NULL, 0};
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop	info = png_create_info_struct(png);
	png_bytep  *lines = malloc((size_t) height * sizeof(*lines));

	for (int y = 0; y < height; y++)
		lines[y] = rows + (size_t) y * rowbytes;
	png_set_write_fn(png, &file, append, NULL);
	png_set_IHDR(png, info, (png_uint_32) width, (png_uint_32) height, kind.bit_depth,
				 kind.color_type, kind.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
				 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	write_png_extras(png, info, kind);
	png_write_info(png, info);
	png_write_image(png, lines);
	png_write_end(png, info);
	png_destroy_write_struct(&png, &info);
	free(lines);
	return file;
}

#endif							/* HWR_TEST_IMAGE_WRITERS_H */
