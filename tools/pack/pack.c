/*
 * pack.c
 *	  Labelled images to one small file: see pack.h.
 *
 * usage: pack HEIGHT < ROWS > FILE
 *
 * ROWS are those of tools/latin-rows: COPY's text format with the columns image, label, source, page, part.
 * Each image becomes the canvas of a network of that height and any width.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/image/preprocess.h"
#include "pack.h"

static const HwrImageLimits limits = {(int64_t) 1 << 28, (int64_t) 1 << 28};

static void
fail(const char *what)
{
	fprintf(stderr, "pack: %s\n", what);
	exit(1);
}

static int
hex_digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = strchr(digits, c);

	if (c == '\0' || at == NULL)
		fail("an image is not in hexadecimal");
	return (int) (at - digits);
}

/* "\\x..." in place to bytes. */
static size_t
image_bytes(char *text)
{
	size_t		n = 0;

	if (strncmp(text, "\\\\x", 3) != 0)
		fail("an image does not begin with \\\\x");
	for (const char *p = text + 3; p[0] != '\0'; p += 2)
		text[n++] = (char) (hex_digit(p[0]) << 4 | hex_digit(p[1]));
	return n;
}

/* COPY's escapes in place. */
static size_t
unescape(char *text)
{
	size_t		n = 0;

	for (const char *p = text; *p != '\0'; p++)
	{
		if (*p == '\\' && p[1] != '\0')
		{
			p++;
			text[n++] = *p == 't' ? '\t' : *p == 'n' ? '\n' : *p == 'r' ? '\r' : *p;
		}
		else
			text[n++] = *p;
	}
	text[n] = '\0';
	return n;
}

static PackPart
part_of(const char *name)
{
	if (strcmp(name, "train") == 0)
		return PACK_TRAIN;
	if (strcmp(name, "validation") == 0)
		return PACK_VALIDATION;
	if (strcmp(name, "test") != 0)
		fail("a part is neither train, validation nor test");
	return PACK_TEST;
}

/* False, with a message: the image does not decode. */
static bool
write_row(PackModel *model, const uint8_t *bytes, size_t len, const char *label, size_t label_len, PackPart part, int height)
{
	HwrImage	img;
	HwrStatus	st;
	PackRecord	record = {.label_len = (uint16_t) label_len,.height = (uint16_t) height,.part = (uint16_t) part};
	uint8_t    *ink;
	uint8_t    *picture;
	int			width;
	int			content;

	if (!hwr_preprocess_decode(bytes, len, &limits, HWR_FIT_LINE, height, 0, &img, &st))
	{
		fprintf(stderr, "pack: \"%s\" left out: %s\n", label, st.message);
		return false;
	}
	width = hwr_preprocess_width(&img, HWR_FIT_LINE, height, 0);
	ink = malloc((size_t) (width * height));
	if (ink == NULL || !hwr_preprocess(&img, HWR_FIT_LINE, height, width, ink, &content, &st))
		fail("out of memory");
	for (int y = 0; y < height; y++)
		for (int x = 0; x < content; x++)
			ink[y * content + x] = (uint8_t) ((ink[y * width + x] * (PACK_LEVELS - 1) + 127) / 255);
	record.width = (uint16_t) content;
	picture = pack_encode(model, ink, content, height, &record.picture_len);
	if (picture == NULL)
		fail("out of memory");
	fwrite(&record, sizeof(record), 1, stdout);
	fwrite(label, 1, label_len, stdout);
	fwrite(picture, 1, record.picture_len, stdout);
	free(picture);
	free(ink);
	hwr_image_free(&img);
	return true;
}

int
main(int argc, char **argv)
{
	PackModel	model;
	char	   *line = NULL;
	size_t		size = 0;
	ssize_t		n;
	int			height = argc == 2 ? atoi(argv[1]) : 0;

	if (height < 8 || height > 256)
	{
		fputs("usage: pack HEIGHT < ROWS > FILE\n", stderr);
		return 2;
	}
	pack_start(&model);
	fwrite(PACK_MAGIC, 1, strlen(PACK_MAGIC), stdout);
	while ((n = getline(&line, &size, stdin)) > 0)
	{
		char	   *field[5] = {line};
		size_t		label_len;
		size_t		len;

		line[strcspn(line, "\n")] = '\0';
		for (int i = 1; i < 5; i++)
		{
			char	   *tab = strchr(field[i - 1], '\t');

			if (tab == NULL)
				fail("a row has fewer than five columns");
			*tab = '\0';
			field[i] = tab + 1;
		}
		len = image_bytes(field[0]);
		label_len = unescape(field[1]);
		if (label_len > 60000)
			fail("a label is too long");
		(void) write_row(&model, (const uint8_t *) field[0], len, field[1], label_len, part_of(field[4]), height);
	}
	free(line);
	if (fflush(stdout) != 0 || ferror(stdout) || ferror(stdin))
		fail("could not read or write");
	return 0;
}
