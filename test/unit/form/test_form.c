/*
 * test_form.c
 *	  Forms laid over each other: homographies, drawn forms turned and slanting, misfits, fields, combs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/form/field.h"
#include "../emulated.h"

#define WIDTH 600
#define HEIGHT 800
#define PAPER 235

static HwrImage
new_image(int width, int height, int grey)
{
	HwrImage	image = {.width = width,.height = height,.source_width = width,.source_height = height,
		.pixels = malloc((size_t) width * (size_t) height)};

	memset(image.pixels, grey, (size_t) width * (size_t) height);
	return image;
}

static void
bar(HwrImage *image, int x0, int y0, int x1, int y1, int grey)
{
	for (int y = y0; y < y1; y++)
		memset(image->pixels + (size_t) y * (size_t) image->width + x0, grey, (size_t) (x1 - x0));
}

static void
frame(HwrImage *image, int x0, int y0, int x1, int y1)
{
	bar(image, x0, y0, x1, y0 + 2, 30);
	bar(image, x0, y1 - 2, x1, y1, 30);
	bar(image, x0, y0, x0 + 2, y1, 30);
	bar(image, x1 - 2, y0, x1, y1, 30);
}

/* "Print": letters are three strokes of chance each, ten pixels high. */
static void
print(HwrImage *image, int x, int y, int letters, HwrRng *rng)
{
	for (int i = 0; i < letters; i++, x += 9)
		for (int k = 0; k < 3; k++)
		{
			int			at = (int) hwr_rng_below(rng, 5);

			if (hwr_rng_below(rng, 2) == 0)
				bar(image, x + at, y, x + at + 2, y + 11, 40);
			else
				bar(image, x, y + 2 * at, x + 7, y + 2 * at + 2, 40);
		}
}

/* Rows of labels, each with a box: the fields.  Another seed, other words at another pitch. */
static HwrImage
draw_form(uint64_t seed)
{
	HwrImage	image = new_image(WIDTH, HEIGHT, PAPER);
	HwrRng		rng;

	hwr_rng_seed(&rng, seed, 0);
	for (int i = 0; i < 8; i++)
	{
		int			y = (seed == 1 ? 85 : 70) * i;

		print(&image, 40, 60 + y, 12 + (int) hwr_rng_below(&rng, 8), &rng);
		frame(&image, 280 + 10 * (int) hwr_rng_below(&rng, 3), 50 + y, 560, 90 + y);
		print(&image, 40, 80 + y, 6, &rng);
	}
	return image;
}

/* The image as seen by h, which maps its pixels to those of the result. */
static HwrImage
seen(const HwrImage *image, const HwrHomography *h, int width, int height)
{
	HwrImage	out = new_image(width, height, 120);
	/* The inverse, through four points. */
	HwrVec		from[4];
	HwrVec		to[4];
	HwrHomography back;

	for (int i = 0; i < 4; i++)
	{
		to[i] = (HwrVec){(i & 1) * image->width, (i >> 1) * image->height};
		from[i] = hwr_homography_apply(h, to[i]);
		from[i].x /= width;
		from[i].y /= height;
	}
	assert_true(hwr_homography_fit(from, to, NULL, 4, false, &back));
	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++)
		{
			HwrVec		p = hwr_homography_apply(&back, (HwrVec){(x + 0.5) / width, (y + 0.5) / height});
			int			u = (int) floor(p.x);
			int			v = (int) floor(p.y);

			if (u >= 0 && v >= 0 && u < image->width && v < image->height)
				out.pixels[y * width + x] = image->pixels[v * image->width + u];
		}
	return out;
}

static HwrForm *
form_of(HwrImage image)
{
	HwrForm    *form;
	HwrStatus	st = {0};

	assert_true(hwr_form_create(&image, &form, &st));
	assert_null(image.pixels);
	return form;
}

static HwrFormFit
fit(const HwrForm *form, const HwrImage *page)
{
	HwrFormFitter *fitter;
	HwrFormFit	result;
	HwrStatus	st = {0};
	bool		done = false;

	assert_true(hwr_form_fitter_create(form, page, &fitter, &st));
	for (int i = 0; !done; i++)
	{
		assert_true(i < 1000);
		assert_true(hwr_form_fitter_step(fitter, &done, &st));
	}
	hwr_form_fitter_take(fitter, &result);
	hwr_form_fitter_free(fitter);
	return result;
}

static HwrHomography
turned(double degrees, double scale, double x, double y, double slant)
{
	double		a = degrees * 3.14159265358979 / 180;
	double		c = scale * cos(a);
	double		s = scale * sin(a);

	return (HwrHomography){{c, -s, x, s, c, y, slant, 0}};
}

static void
test_homography(void **state)
{
	HwrHomography h = {{3, 0.5, 10, -0.2, 2, 20, 0.1, -0.2}};
	HwrHomography found;
	HwrVec		from[6];
	HwrVec		to[6];

	(void) state;
	for (int i = 0; i < 6; i++)
	{
		from[i] = (HwrVec){(i * 7 % 5) / 5.0, (i * 3 % 4) / 4.0};
		to[i] = hwr_homography_apply(&h, from[i]);
	}
	assert_true(hwr_homography_fit(from, to, NULL, 6, false, &found));
	for (int i = 0; i < 8; i++)
		assert_true(fabs(found.h[i] - h.h[i]) < 1e-4);
	/* Points on a line determine nothing. */
	for (int i = 0; i < 6; i++)
		from[i] = (HwrVec){i / 6.0, i / 6.0};
	if (hwr_homography_fit(from, to, NULL, 6, false, &found))
		for (int i = 0; i < 8; i++)
			assert_true(isfinite(found.h[i]));
}

/* The form in many ways: everything within a pixel and a half of where it is. */
static void
test_ways(void **state)
{
	static const double ways[][5] = {
		{0, 1, 0, 0, 0}, {4, 1.1, 30, 10, 0}, {-5, 0.8, 60, 90, 0.00005}, {180, 1, 620, 830, 0}, {90, 1, 850, 20, 0},
		{27, 0.9, 330, 20, 0}, {2, 1.6, 20, 30, -0.00006}
	};
	HwrForm    *form = form_of(draw_form(1));

	(void) state;
	for (int i = 0; i < emulated_rounds(sizeof(ways) / sizeof(ways[0]), 2); i++)
	{
		HwrHomography h = turned(ways[i][0], ways[i][1], ways[i][2], ways[i][3], ways[i][4]);
		HwrImage	page = seen(hwr_form_blank(form), &h, i == 6 ? 1100 : 880, i == 6 ? 1450 : 980);
		HwrFormFit	result = fit(form, &page);
		double		worst = 0;

		assert_true(result.score > 0.9);
		for (int k = 0; k < 9; k++)
		{
			HwrVec		p = {50 + 250 * (k % 3), 60 + 340 * (k / 3)};
			HwrVec		q = hwr_homography_apply(&h, p);
			HwrVec		r = hwr_warp_apply(&result.warp, p);

			worst = fmax(worst, hypot(q.x - r.x, q.y - r.y));
		}
		assert_true(worst < 1.5);
		hwr_form_fit_free(&result);
		hwr_image_free(&page);
	}
	hwr_form_free(form);
}

static void
test_misfits(void **state)
{
	HwrForm    *form = form_of(draw_form(1));
	HwrImage	pages[5] = {draw_form(2), new_image(WIDTH, HEIGHT, 255), new_image(WIDTH, HEIGHT, 0), new_image(1, 1, 9),
	new_image(3000, 20, 200)};
	HwrStatus	st = {0};
	HwrImage	white = new_image(WIDTH, HEIGHT, 255);
	HwrForm    *none;

	(void) state;
	for (int i = 0; i < 5; i++)
	{
		if (i == 0 || emulated_rounds(true, false))
		{
			HwrFormFit	result = fit(form, &pages[i]);

			assert_true(result.score < HWR_FORM_LEAST_SCORE);
			hwr_form_fit_free(&result);
		}
		hwr_image_free(&pages[i]);
	}
	/* Nothing is printed on it. */
	assert_false(hwr_form_create(&white, &none, &st));
	assert_int_equal(st.code, HWR_BAD_DATA);
	hwr_form_free(form);
}

/* A stroke in a field is all that is left of it; its edges, printed on the blank, are not. */
static void
test_field(void **state)
{
	HwrForm    *form = form_of(draw_form(1));
	HwrHomography h = turned(3, 1.2, 40, 20, 0);
	HwrImage	filled = new_image(WIDTH, HEIGHT, 0);
	HwrImage	page;
	HwrFormFit	result;
	HwrFieldCut cut;
	HwrStatus	st = {0};

	(void) state;
	memcpy(filled.pixels, hwr_form_blank(form)->pixels, (size_t) WIDTH * HEIGHT);
	/* Across the upper edge of the first field, 4 wide and 24 high. */
	bar(&filled, 400, 43, 404, 67, 60);
	page = seen(&filled, &h, 900, 1150);
	result = fit(form, &page);
	assert_true(result.score > 0.9);
	assert_true(hwr_field_cut(form, &result, &page, 350, 40, 500, 95, &cut, &st));
	assert_false(hwr_field_is_empty(&cut));
	assert_true(abs(cut.image.width - 180) <= 2 && abs(cut.image.height - 66) <= 2);
	/* The stroke is dark over all its height, the edge beside it has become paper. */
	for (int y = 8; y < 28; y++)
		assert_true(cut.writing.v[y * cut.writing.width + 62] > 60);
	for (int y = 0; y < cut.writing.height; y++)
		assert_true(cut.writing.v[y * cut.writing.width + 120] < 36);
	hwr_field_free(&cut);
	assert_true(hwr_field_cut(form, &result, &page, 350, 125, 500, 180, &cut, &st));
	assert_true(hwr_field_is_empty(&cut));
	assert_true(hwr_field_tick(&cut) < 0.1);
	hwr_field_free(&cut);
	assert_false(hwr_field_cut(form, &result, &page, 350, 125, 350, 180, &cut, &st));
	assert_false(hwr_field_cut(form, &result, &page, 350, 125, 5000, 180, &cut, &st));
	assert_false(hwr_field_cut(form, &result, &page, NAN, 125, 400, 180, &cut, &st));
	hwr_form_fit_free(&result);
	hwr_form_free(form);
	hwr_image_free(&filled);
	hwr_image_free(&page);
}

/* Boxes: three filled, one empty, one filled. */
static void
test_comb(void **state)
{
	HwrImage	blank = draw_form(1);
	HwrImage	page;
	HwrForm    *form;
	HwrFormFit	result;
	HwrFieldCut cut;
	HwrComb		comb;
	HwrStatus	st = {0};

	(void) state;
	for (int i = 0; i <= 5; i++)
		bar(&blank, 40 + 36 * i, 740, 42 + 36 * i, 775, 30);
	frame(&blank, 40, 740, 222, 775);
	page = new_image(WIDTH, HEIGHT, 0);
	memcpy(page.pixels, blank.pixels, (size_t) WIDTH * HEIGHT);
	form = form_of(blank);
	for (int i = 0; i < 5; i++)
		if (i != 3)
			bar(&page, 55 + 36 * i, 746, 60 + 36 * i, 770, 60);
	result = fit(form, &page);
	assert_true(hwr_field_cut(form, &result, &page, 40, 740, 222, 775, &cut, &st));
	assert_true(hwr_field_comb(&cut, 0, &comb, &st));
	assert_int_equal(comb.cells, 5);
	assert_int_equal(comb.groups, 2);
	assert_int_equal(comb.group[0], 3);
	assert_int_equal(comb.group[1], 1);
	assert_true(comb.image.width > 30 && comb.image.width < 100 && comb.image.height == cut.image.height);
	hwr_image_free(&comb.image);
	assert_true(hwr_field_comb(&cut, 5, &comb, &st));
	assert_int_equal(comb.groups, 2);
	hwr_image_free(&comb.image);
	assert_false(hwr_field_comb(&cut, HWR_COMB_CELLS + 1, &comb, &st));
	hwr_field_free(&cut);
	/* No boxes there */
	assert_true(hwr_field_cut(form, &result, &page, 40, 50, 270, 95, &cut, &st));
	assert_false(hwr_field_comb(&cut, 0, &comb, &st));
	assert_int_equal(st.code, HWR_BAD_OPTION);
	hwr_field_free(&cut);
	hwr_form_fit_free(&result);
	hwr_form_free(form);
	hwr_image_free(&page);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_homography),
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_misfits),
		cmocka_unit_test(test_field),
		cmocka_unit_test(test_comb),
	};

	return cmocka_run_group_tests_name("form", tests, NULL, NULL);
}
