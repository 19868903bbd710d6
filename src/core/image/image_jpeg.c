/*
 * image_jpeg.c
 *	  JPEG bytes to grey pixels with libjpeg-turbo.
 *
 * The library leaves by longjmp.  Everything it or we allocate hangs on one heap
 * struct, read_file() holds the only setjmp and keeps no local across it, and its caller
 * frees the struct on both ways out.
 *
 * For YCbCr files the grey image is the Y channel as stored; the library then
 * neither upsamples nor converts the chroma.
 */
#include "image_internal.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

/*
 * A progressive file of a few kilobytes can ask for thousands of passes over all
 * coefficients.  Encoders in use write about ten.
 */
#define MAX_SCANS 64

#define EXIF_MARKER (JPEG_APP0 + 1)
#define EXIF_PREFIX_SIZE 6		/* "Exif" and two zero bytes */

typedef struct JpegReader
{
	struct jpeg_decompress_struct cinfo;
	struct jpeg_error_mgr errors;
	struct jpeg_progress_mgr progress;
	jmp_buf		jump;
	const HwrImageSource *src;
	HwrImage	image;
	int			orientation;
	uint8_t    *line;			/* one CMYK row, or NULL */
	bool		no_end;			/* the file ended before its end marker */
	HwrStatus  *st;
} JpegReader;

static void
error_exit(j_common_ptr cinfo)
{
	JpegReader *reader = cinfo->client_data;
	char		text[JMSG_LENGTH_MAX];

	if (cinfo->err->msg_code == JERR_OUT_OF_MEMORY)
		hwr_fail(reader->st, HWR_OUT_OF_MEMORY, "out of memory");
	else if (cinfo->err->msg_code == JERR_IMAGE_TOO_BIG)
		hwr_fail(reader->st, HWR_IMAGE_TOO_LARGE, "image exceeds the maximum of %lld pixels",
				 (long long) reader->src->limits->max_pixels);
	else
	{
		cinfo->err->format_message(cinfo, text);
		hwr_fail(reader->st, HWR_BAD_IMAGE, "could not decode image");
		hwr_fail_detail(reader->st, "The JPEG decoder reports: %s.", text);
	}
	longjmp(reader->jump, 1);
}

/*
 * The library warns about damaged data and goes on with grey areas, which would be
 * read as blank paper.  Only oddities that leave the pixels whole may pass.
 */
static void
emit_message(j_common_ptr cinfo, int level)
{
	if (level >= 0)
		return;
	switch (cinfo->err->msg_code)
	{
		case JWRN_ADOBE_XFORM:
		case JWRN_BOGUS_ICC:
		case JWRN_EXTRANEOUS_DATA:
		case JWRN_JFIF_MAJOR:
		case JWRN_NOT_SEQUENTIAL:	/* a baseline scan has all coefficients whatever it says */
			return;
		case JWRN_JPEG_EOF:
			/*
			 * where the pixels go on, JWRN_HIT_MARKER follows; but arithmetic coding would take it
			 * for zeros
			 */
			if (((JpegReader *) cinfo->client_data)->cinfo.arith_code)
				error_exit(cinfo);
			((JpegReader *) cinfo->client_data)->no_end = true;
			return;
		default:
			error_exit(cinfo);
	}
}

static void
output_message(j_common_ptr cinfo)
{
	(void) cinfo;
}

static void
limit_scans(j_common_ptr cinfo)
{
	JpegReader *reader = cinfo->client_data;

	if (reader->cinfo.input_scan_number <= MAX_SCANS)
		return;
	hwr_fail(reader->st, HWR_BAD_IMAGE, "could not decode image");
	hwr_fail_detail(reader->st, "The JPEG file has more than %d scans.", MAX_SCANS);
	longjmp(reader->jump, 1);
}

static int
find_orientation(const struct jpeg_decompress_struct *cinfo)
{
	for (jpeg_saved_marker_ptr m = cinfo->marker_list; m != NULL; m = m->next)
	{
		if (m->marker == EXIF_MARKER && m->data_length > EXIF_PREFIX_SIZE &&
			memcmp(m->data, "Exif\0\0", EXIF_PREFIX_SIZE) == 0)
			return hwr_exif_orientation(m->data + EXIF_PREFIX_SIZE,
										m->data_length - EXIF_PREFIX_SIZE);
	}
	return 1;
}

/* A block's mean is stored in steps of an eighth of its quantiser. */
static int
find_grain(const struct jpeg_decompress_struct *cinfo)
{
	int			number = cinfo->comp_info[0].quant_tbl_no;
	const JQUANT_TBL *table = number >= 0 && number < NUM_QUANT_TBLS ? cinfo->quant_tbl_ptrs[number] : NULL;

	return table != NULL && table->quantval[0] < 8 * 255 ? (table->quantval[0] + 7) / 8 : 0;
}

/* Have the DCT shrink the image as far as the caller's minimum allows. */
static void
choose_scale(JpegReader *reader)
{
	struct jpeg_decompress_struct *cinfo = &reader->cinfo;
	bool		swap = HWR_ORIENTATION_SWAPS(reader->orientation);
	int64_t		min_h = swap ? reader->src->min_width : reader->src->min_height;
	int64_t		min_w = swap ? reader->src->min_height : reader->src->min_width;
	unsigned	denom = min_h > 0 || min_w > 0 ? 8 : 1;

	for (; denom > 1; denom /= 2)
	{
		if ((min_h <= 0 || cinfo->image_height / denom >= (uint64_t) min_h) &&
			(min_w <= 0 || cinfo->image_width / denom >= (uint64_t) min_w))
			break;
	}
	cinfo->scale_num = 1;
	cinfo->scale_denom = denom;
}

static bool
choose_colors(JpegReader *reader)
{
	struct jpeg_decompress_struct *cinfo = &reader->cinfo;

	switch (cinfo->jpeg_color_space)
	{
		case JCS_GRAYSCALE:
		case JCS_YCbCr:
		case JCS_RGB:
			cinfo->out_color_space = JCS_GRAYSCALE;
			return true;
		case JCS_CMYK:
		case JCS_YCCK:
			cinfo->out_color_space = JCS_CMYK;
			reader->line = hwr_alloc(cinfo->image_width, 4, reader->st);
			return reader->line != NULL;
		default:
			hwr_fail(reader->st, HWR_BAD_IMAGE, "could not decode image");
			return hwr_fail_detail(reader->st, "The JPEG file has an unknown color space.");
	}
}

/* Adobe's programs store CMYK inverted, 255 being no ink, and mark the file as theirs. */
static void
cmyk_to_grey(const uint8_t *cmyk, int width, bool inverted, uint8_t *grey)
{
	unsigned	flip = inverted ? 0 : 255;

	for (int x = 0; x < width; x++, cmyk += 4)
	{
		unsigned	luma = hwr_luma(cmyk[0] ^ flip, cmyk[1] ^ flip, cmyk[2] ^ flip);

		grey[x] = (uint8_t) ((luma * (cmyk[3] ^ flip) + 127) / 255);
	}
}

static void
read_rows(JpegReader *reader)
{
	struct jpeg_decompress_struct *cinfo = &reader->cinfo;

	while (cinfo->output_scanline < cinfo->output_height)
	{
		uint8_t    *grey = reader->image.pixels +
			(size_t) cinfo->output_scanline * cinfo->output_width;
		JSAMPROW	row = reader->line != NULL ? reader->line : grey;

		jpeg_read_scanlines(cinfo, &row, 1);
		if (reader->line != NULL)
			cmyk_to_grey(reader->line, reader->image.width, cinfo->saw_Adobe_marker, grey);
	}
}

/*
 * A file of several scans that lacks its end may lack some of them.  Progressive: all coefficients
 * must have come with all their bits.  Otherwise: as many scans as there are components, which is
 * at least enough.
 */
static void
check_scans(JpegReader *reader)
{
	struct jpeg_decompress_struct *cinfo = &reader->cinfo;
	bool		whole = true;

	if (!reader->no_end || !jpeg_has_multiple_scans(cinfo))
		return;
	if (cinfo->progressive_mode && cinfo->coef_bits != NULL)
	{
		for (int i = 0; i < cinfo->num_components; i++)
			for (int k = 0; k < DCTSIZE2; k++)
				whole = whole && cinfo->coef_bits[i][k] == 0;
	}
	else
		whole = cinfo->input_scan_number >= cinfo->num_components;
	if (whole)
		return;
	hwr_fail(reader->st, HWR_BAD_IMAGE, "could not decode image");
	hwr_fail_detail(reader->st, "The JPEG file ends before all its scans have come.");
	longjmp(reader->jump, 1);
}

static bool
read_file(JpegReader *reader)
{
	struct jpeg_decompress_struct *cinfo = &reader->cinfo;
	HwrImage   *image = &reader->image;

	if (setjmp(reader->jump) != 0)
		return false;

	jpeg_create_decompress(cinfo);
	cinfo->progress = &reader->progress;
	jpeg_mem_src(cinfo, reader->src->bytes, reader->src->len);
	jpeg_save_markers(cinfo, EXIF_MARKER, 0xFFFF);
	jpeg_read_header(cinfo, TRUE);

	if (!hwr_image_check_pixels(cinfo->image_width, cinfo->image_height,
								reader->src->limits, reader->st))
		return false;
	reader->orientation = find_orientation(cinfo);
	choose_scale(reader);
	if (!choose_colors(reader))
		return false;
	jpeg_calc_output_dimensions(cinfo);
	image->grain = find_grain(cinfo);

	image->width = (int) cinfo->output_width;
	image->height = (int) cinfo->output_height;
	image->source_width = (int) cinfo->image_width;
	image->source_height = (int) cinfo->image_height;
	image->pixels = hwr_alloc(cinfo->output_height, cinfo->output_width, reader->st);
	if (image->pixels == NULL)
		return false;

	jpeg_start_decompress(cinfo);
	check_scans(reader);
	read_rows(reader);
	jpeg_finish_decompress(cinfo);
	return true;
}

bool
hwr_image_decode_jpeg(const HwrImageSource *src, HwrImage *out, int *orientation,
					  HwrStatus *st)
{
	JpegReader *reader = hwr_alloc_zero(1, sizeof(*reader), st);
	bool		ok;

	if (reader == NULL)
		return false;
	reader->src = src;
	reader->st = st;
	reader->cinfo.err = jpeg_std_error(&reader->errors);
	reader->cinfo.client_data = reader;
	reader->errors.error_exit = error_exit;
	reader->errors.emit_message = emit_message;
	reader->errors.output_message = output_message;
	reader->progress.progress_monitor = limit_scans;

	ok = read_file(reader);
	jpeg_destroy_decompress(&reader->cinfo);
	free(reader->line);
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
