/*
 * output.c
 *	  Where the images go: files in DIR/words and DIR/words.csv, or NAME.tar and NAME.csv.
 *
 * An archive holds names, bytes and nothing that differs from run to run.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jpeglib.h>

#include "generate.h"

#define BLOCK 512				/* of a tar archive */

struct Output
{
	char	   *folder;			/* of the images; NULL: an archive */
	FILE	   *tar;
	char	   *csv_path;
	FILE	   *csv;
};

FILE *
create_file(const char *path)
{
	FILE	   *f = fopen(path, "wb");

	if (f == NULL)
		fail(strerror(errno), path);
	return f;
}

void
make_folder(const char *path)
{
	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		fail(strerror(errno), path);
}

Output *
open_output(const char *path)
{
	Output	   *out = g_new0(Output, 1);

	if (g_str_has_suffix(path, ".tar"))
	{
		out->tar = create_file(path);
		out->csv_path = g_strdup_printf("%.*s.csv", (int) strlen(path) - 4, path);
	}
	else
	{
		make_folder(path);
		out->folder = g_strdup_printf("%s/words", path);
		make_folder(out->folder);
		out->csv_path = g_strdup_printf("%s/words.csv", path);
	}
	out->csv = create_file(out->csv_path);
	fprintf(out->csv, "filename,label\n");
	return out;
}

static void
put(FILE *f, const void *bytes, size_t len, const char *name)
{
	if (fwrite(bytes, 1, len, f) != len)
		fail(strerror(errno), name);
}

static void
put_padding(FILE *f, size_t len, const char *name)
{
	static const char zero[BLOCK];

	put(f, zero, (BLOCK - len % BLOCK) % BLOCK, name);
}

/* A file of a tar archive in the ustar format (POSIX.1-1988). */
static void
put_in_archive(FILE *tar, const char *name, const uint8_t *bytes, size_t len)
{
	char		header[BLOCK] = {0};
	unsigned	sum = 0;

	g_strlcpy(header, name, 100);
	memcpy(header + 100, "0000644", 7);
	memcpy(header + 108, "0000000", 7);
	memcpy(header + 116, "0000000", 7);
	snprintf(header + 124, 12, "%011lo", (unsigned long) len);
	memcpy(header + 136, "00000000000", 11);
	memset(header + 148, ' ', 8);	/* the sum counts itself as spaces */
	header[156] = '0';
	memcpy(header + 257, "ustar\0" "00", 8);
	for (int i = 0; i < BLOCK; i++)
		sum += (uint8_t) header[i];
	snprintf(header + 148, 8, "%06o", sum);
	put(tar, header, BLOCK, name);
	put(tar, bytes, len, name);
	put_padding(tar, len, name);
}

uint8_t *
encode_jpeg(const Picture *pic, int channels, int quality, size_t *len)
{
	struct jpeg_compress_struct jpeg;
	struct jpeg_error_mgr errors;
	unsigned char *bytes = NULL;
	unsigned long size = 0;
	JSAMPLE    *row = malloc((size_t) (pic->width * 3));

	jpeg.err = jpeg_std_error(&errors);
	jpeg_create_compress(&jpeg);
	jpeg_mem_dest(&jpeg, &bytes, &size);
	jpeg.image_width = (JDIMENSION) pic->width;
	jpeg.image_height = (JDIMENSION) pic->height;
	jpeg.input_components = channels;
	jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
	jpeg_set_defaults(&jpeg);
	jpeg_set_quality(&jpeg, quality, TRUE);
	jpeg.optimize_coding = TRUE;
	jpeg_start_compress(&jpeg, TRUE);
	for (int r = 0; r < pic->height; r++)
	{
		for (int c = 0; c < pic->width; c++)
		{
			const float *p = &pic->rgb[(r * pic->width + c) * 3];

			if (channels == 1)
				row[c] = (JSAMPLE) fmax(0, fmin(255, 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2] + 0.5));
			else
				for (int ch = 0; ch < 3; ch++)
					row[c * 3 + ch] = (JSAMPLE) fmax(0, fmin(255, p[ch] + 0.5));
		}
		jpeg_write_scanlines(&jpeg, &row, 1);
	}
	jpeg_finish_compress(&jpeg);
	jpeg_destroy_compress(&jpeg);
	free(row);
	*len = size;
	return bytes;
}

/* In quotes where CSV needs them. */
static void
put_label(FILE *csv, const char *label)
{
	if (strpbrk(label, ",\"\r\n") == NULL)
	{
		fputs(label, csv);
		return;
	}
	fputc('"', csv);
	for (const char *p = label; *p != '\0'; p++)
		fputs(*p == '"' ? "\"\"" : (char[]) {*p, '\0'}, csv);
	fputc('"', csv);
}

void
add_image(Output *out, int i, const Picture *pic, int channels, int quality, const char *label)
{
	size_t		len;
	uint8_t    *bytes = encode_jpeg(pic, channels, quality, &len);
	char	   *name = g_strdup_printf("%05d.jpg", i);

	if (out->tar != NULL)
		put_in_archive(out->tar, name, bytes, len);
	else
	{
		char	   *path = g_strdup_printf("%s/%s", out->folder, name);
		FILE	   *f = create_file(path);

		put(f, bytes, len, path);
		if (fclose(f) != 0)
			fail(strerror(errno), path);
		g_free(path);
	}
	fprintf(out->csv, "%s,", name);
	put_label(out->csv, label);
	fputc('\n', out->csv);
	g_free(name);
	free(bytes);
}

void
close_output(Output *out)
{
	static const char end[2 * BLOCK];

	if (out->tar != NULL)
		put(out->tar, end, sizeof(end), "archive");
	if (out->tar != NULL && fclose(out->tar) != 0)
		fail(strerror(errno), "archive");
	if (fclose(out->csv) != 0)
		fail(strerror(errno), out->csv_path);
	g_free(out->folder);
	g_free(out->csv_path);
	g_free(out);
}
