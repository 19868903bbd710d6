/*
 * test_sideways.c
 *	  Notes along the margin of a page, by the network that comes with hwr.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes_of.h"
#include "core/model/model.h"
#include "core/page/line_net.h"
#include "core/page/page.h"

#define WIDTH 1200
#define HEIGHT 1500
#define PAPER 235

static HwrImage
blank(int width, int height)
{
	HwrImage	img = {.width = width,.height = height,.source_width = width,.source_height = height,
		.pixels = malloc((size_t) width * (size_t) height)};

	memset(img.pixels, PAPER, (size_t) width * (size_t) height);
	return img;
}

/* Sample words from number *next on in a row, dark on the paper, from the left to the right edge of img. */
static void
write_row(HwrImage *img, int left, int right, int top, int *next)
{
	const HwrImageLimits limits = {1 << 24, 1 << 24};

	while (left < right - 60)
	{
		HwrStatus	st = {0};
		HwrImage	word;
		char		path[60];
		size_t		len;
		uint8_t    *bytes;

		snprintf(path, sizeof(path), "test/data/words/%05d.jpg", (*next)++);
		bytes = bytes_of(path, &len);
		assert_true(hwr_image_decode(bytes, len, &limits, 0, 0, &word, &st));
		free(bytes);
		for (int y = 0; y < word.height && top + y < img->height; y++)
			for (int x = 0; x < word.width && left + x < right; x++)
			{
				uint8_t    *p = &img->pixels[(top + y) * img->width + left + x];
				uint8_t		v = word.pixels[y * word.width + x];

				if (v < PAPER - 60)
					*p = v;
			}
		left += word.width + 12;
		hwr_image_free(&word);
	}
}

/* A strip turned by a quarter clockwise, or the other way, with its corner at x, y of the page. */
static void
paste_turned(HwrImage *page, const HwrImage *strip, bool clockwise, int x, int y)
{
	for (int v = 0; v < strip->height; v++)
		for (int u = 0; u < strip->width; u++)
		{
			int			to_x = clockwise ? strip->height - 1 - v : v;
			int			to_y = clockwise ? u : strip->width - 1 - u;

			page->pixels[(y + to_y) * page->width + x + to_x] = strip->pixels[v * strip->width + u];
		}
}

static HwrPageLines
find(const HwrImage *page, HwrLineNet *net)
{
	HwrPageOptions options = {.net = net,.turn = 0};
	HwrPageFinder *finder;
	HwrPageLines lines;
	HwrStatus	st = {0};
	bool		done = false;

	assert_true(hwr_page_finder_create(page, &options, &finder, &st));
	while (!done)
		assert_true(hwr_page_finder_step(finder, &done, &st));
	hwr_page_finder_take(finder, &lines);
	hwr_page_finder_free(finder);
	return lines;
}

/* Rejected lines from one of these lines, within the bounds of its outline. */
static int
rejected_pieces(const HwrPageLines *lines, int from, int to)
{
	int			n = 0;

	for (int i = to; i < lines->n; i++)
	{
		HwrPoint	p = lines->lines[i].baseline[0];
		HwrPoint	r = lines->lines[i].baseline[lines->lines[i].baseline_n - 1];

		for (int k = from; k < to; k++)
		{
			HwrPoint	low = {INFINITY, INFINITY};
			HwrPoint	high = {-INFINITY, -INFINITY};

			for (int m = 0; m < lines->lines[k].outline_n; m++)
			{
				HwrPoint	q = lines->lines[k].outline[m];

				low = (HwrPoint) {fminf(low.x, q.x), fminf(low.y, q.y)};
				high = (HwrPoint) {fmaxf(high.x, q.x), fmaxf(high.y, q.y)};
			}
			n += p.x > low.x && r.x < high.x && p.y > low.y && p.y < high.y;
		}
	}
	return n;
}

/* Lines of text, those that run down and up the page, and whether these come last. */
typedef struct Counts
{
	int			level;
	int			down;
	int			up;
	bool		last;
} Counts;

static Counts
count(const HwrPageLines *lines)
{
	Counts		c = {.last = true};

	for (int i = 0; i < lines->n && lines->lines[i].kind == HWR_LINE_TEXT; i++)
	{
		const HwrPageLine *line = &lines->lines[i];
		float		dx = line->baseline[line->baseline_n - 1].x - line->baseline[0].x;
		float		dy = line->baseline[line->baseline_n - 1].y - line->baseline[0].y;

		if (fabsf(dx) > fabsf(dy))
		{
			c.level++;
			c.last = c.last && c.down + c.up == 0;
		}
		else if (dy > 0)
			c.down++;
		else
			c.up++;
	}
	return c;
}

static void
test_margin(void **state)
{
	HwrModel   *model;
	HwrLineNet *net;
	HwrStatus	st = {0};
	size_t		len;
	uint8_t    *bytes = bytes_of("models/lines.safetensors", &len);
	HwrImage	plain = blank(WIDTH, HEIGHT);
	Counts		upright;
	int			next = 0;

	(void) state;
	assert_true(hwr_model_load(bytes, len, &model, &st));
	free(bytes);
	assert_true(hwr_line_net_create(&model->net, model->values, hwr_cpu_backend(), &net, &st));
	for (int row = 0; row < 16; row++)
		write_row(&plain, 320, WIDTH - 60, 80 + 84 * row, &next);
	for (int note = 0; note < 3; note++)
	{
		HwrImage	page = plain;
		HwrPageLines lines;
		Counts		c;

		page.pixels = malloc(WIDTH * HEIGHT);
		memcpy(page.pixels, plain.pixels, WIDTH * HEIGHT);
		/* two lines along the margin, or none */
		for (int i = 0; note > 0 && i < 2; i++)
		{
			HwrImage	strip = blank(900, 70);

			write_row(&strip, 10, 890, 10, &next);
			paste_turned(&page, &strip, note == 1, 10 + 90 * i, 200);
			hwr_image_free(&strip);
		}
		lines = find(&page, net);
		c = count(&lines);
		if (note == 0)
			upright = c;
		assert_true(c.level >= 14);
		assert_int_equal(c.level, upright.level);
		assert_true(c.last);
		assert_int_equal(c.down, note == 1 ? 2 : 0);
		assert_int_equal(c.up, note == 2 ? 2 : 0);
		/* pieces of a note that is found are not listed besides */
		assert_int_equal(rejected_pieces(&lines, c.level, c.level + c.down + c.up), 0);
		/* the first line of a note is the one that is above when the page is turned */
		if (note > 0)
		{
			const HwrPageLine *first = &lines.lines[c.level];

			assert_true((first->baseline[0].x > first[1].baseline[0].x) == (note == 1));
			assert_int_equal(first->region, first[1].region);
			assert_true(first->region > lines.lines[c.level - 1].region);
		}
		hwr_page_lines_free(&lines);
		hwr_image_free(&page);
	}
	hwr_image_free(&plain);
	hwr_line_net_free(net);
	hwr_model_free(model);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_margin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
