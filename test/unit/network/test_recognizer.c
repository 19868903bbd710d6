/*
 * test_recognizer.c
 *	  Images that give a network nothing to see, narrow ones and empty paper, and batches of several widths.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/decode/decode.h"
#include "core/network/recognizer.h"
#include "core/network/vgsl.h"
#include "image_cases.h"

/* Reduces the width by 64: a canvas of 32 columns has no step. */
#define NARROWING "[1,32,0,1 Cr3,3,4 Mp2,8 Cr3,3,4 Mp2,8 S1(1x0)1,3 O1c4]"

typedef struct Fixture
{
	HwrNet		net;
	float	   *values;
	HwrRecognizer *recognizer;
} Fixture;

static void
make_fixture_fit(Fixture *f, HwrFit fit)
{
	HwrStatus	st = {0};

	if (!hwr_vgsl_parse(NARROWING, 0, &f->net, &st))
		fail_msg("%s %s", st.message, st.detail);
	f->values = calloc((size_t) f->net.nvalues, sizeof(float));
	assert_true(hwr_net_init(&f->net, 1, f->values, &st));
	assert_true(hwr_recognizer_create(&f->net, f->values, fit, hwr_cpu_backend(), 1, HWR_FLOAT32, &f->recognizer, &st));
}

static void
make_fixture(Fixture *f)
{
	make_fixture_fit(f, HWR_FIT_PAD);
}

static void
free_fixture(Fixture *f)
{
	hwr_recognizer_free(f->recognizer);
	free(f->values);
}

/* A PNG of paper, with a stroke where one is wanted. */
static HwrCanvas
prepare(Fixture *f, int width, int height, bool stroke)
{
	uint8_t    *pixels = malloc((size_t) width * (size_t) height);
	HwrCanvas	canvas;
	HwrStatus	st = {0};
	File		file;

	memset(pixels, 230, (size_t) width * (size_t) height);
	for (int y = height / 4; stroke && y < height * 3 / 4; y++)
		memset(pixels + (size_t) y * (size_t) width + width / 2, 20, 3);
	file = write_png(pixels, (size_t) width, width, height, grey_png);
	if (!hwr_recognizer_prepare(f->recognizer, file.bytes, file.len, &roomy, &canvas, &st))
		fail_msg("%s", st.message);
	free(file.bytes);
	free(pixels);
	return canvas;
}

static void
test_narrow(void **state)
{
	static const int widths[] = {1, 4, 20, 60};
	Fixture		f;

	(void) state;
	make_fixture(&f);
	for (int i = 0; i < 4; i++)
	{
		HwrCanvas	canvas = prepare(&f, widths[i], 60, widths[i] >= 20);
		HwrPosterior posterior;
		HwrStatus	st = {0};

		assert_true(hwr_net_steps(&f.net, canvas.width) >= 1);
		if (!hwr_recognizer_run(f.recognizer, 1, &canvas, &posterior, &st))
			fail_msg("%s", st.message);
		assert_true(posterior.steps >= 1);
		hwr_posterior_free(&posterior);
		hwr_canvas_free(&canvas);
	}
	free_fixture(&f);
}

/* Empty canvases among others: an empty text with a low confidence, and the others are read as by themselves. */
static void
test_empty(void **state)
{
	Fixture		f;
	HwrCanvas	canvases[5];
	HwrPosterior posteriors[5];
	HwrAlphabet alphabet;
	HwrStatus	st = {0};

	(void) state;
	make_fixture(&f);
	assert_true(hwr_alphabet_from_utf8("ABC", 3, &alphabet, &st));
	for (int i = 0; i < 5; i++)
		canvases[i] = prepare(&f, 140, 60, i % 2 == 1);
	assert_true(hwr_recognizer_run(f.recognizer, 5, canvases, posteriors, &st));
	for (int i = 0; i < 5; i++)
	{
		HwrPosterior alone;
		HwrReading	reading;
		HwrPosterior *p = &posteriors[i];

		assert_int_equal(hwr_canvas_is_empty(&canvases[i], f.net.height), i % 2 == 0);
		assert_true(hwr_decode_greedy(p->logp, p->steps, p->classes, &alphabet, &reading, &st));
		if (i % 2 == 0)
		{
			assert_string_equal(reading.text, "");
			assert_true(fabsf(reading.sharpness - HWR_EMPTY_CONFIDENCE) < 1e-4f);
		}
		hwr_reading_free(&reading);
		assert_true(hwr_recognizer_run(f.recognizer, 1, &canvases[i], &alone, &st));
		for (int k = 0; k < p->steps * p->classes; k++)
			assert_true(fabsf(alone.logp[k] - p->logp[k]) < 1e-4f);
		hwr_posterior_free(&alone);
		hwr_posterior_free(p);
		hwr_canvas_free(&canvases[i]);
	}
	hwr_alphabet_free(&alphabet);
	free_fixture(&f);
}

/* Of a backend that runs one width at a time */
static HwrBackend plainer;

/* Canvases of several widths in no order: each gets what it gets alone, and in its own place. */
static void
test_widths(void **state)
{
	static const char *const nets[] = {
		"[1,8,0,1 Cr3,3,6 Mp8,2 Lbx5 O1c4]",
		"[1,8,0,1 Cr3,3,6,2,2 Gn2 Mp4,1 Lbx5 O1c4]",	/* not fused */
	};
	static const int widths[] = {20, 50, 20, 8, 50, 31, 20};

	(void) state;
	plainer = *hwr_cpu_backend();
	plainer.infer_widths = NULL;
	for (int way = 0; way < 4; way++)
	{
		Fixture		f = {0};
		HwrCanvas	canvases[7];
		HwrPosterior together[7];
		HwrStatus	st = {0};

		assert_true(hwr_vgsl_parse(nets[way / 2], 0, &f.net, &st));
		f.values = calloc((size_t) f.net.nvalues, sizeof(float));
		assert_true(hwr_net_init(&f.net, 1, f.values, &st));
		assert_true(hwr_recognizer_create(&f.net, f.values, HWR_FIT_PAD, way % 2 == 0 ? hwr_cpu_backend() : &plainer, 1,
										  HWR_FLOAT32,
										  &f.recognizer, &st));
		for (int i = 0; i < 7; i++)
		{
			canvases[i] = (HwrCanvas) {.width = widths[i],.ink = malloc((size_t) (8 * widths[i]))};
			for (int k = 0; k < 8 * widths[i]; k++)
				canvases[i].ink[k] = (uint8_t) (k * (i + 3) * 37 % 251);
		}
		assert_true(hwr_recognizer_run(f.recognizer, 7, canvases, together, &st));
		for (int i = 0; i < 7; i++)
		{
			HwrPosterior alone;

			assert_true(hwr_recognizer_run(f.recognizer, 1, &canvases[i], &alone, &st));
			assert_int_equal(alone.steps, hwr_net_steps(&f.net, widths[i]));
			assert_int_equal(together[i].steps, alone.steps);
			for (int k = 0; k < alone.steps * alone.classes; k++)
				assert_true(fabsf(alone.logp[k] - together[i].logp[k]) < 1e-5f);
			hwr_posterior_free(&alone);
			hwr_posterior_free(&together[i]);
			hwr_canvas_free(&canvases[i]);
		}
		free_fixture(&f);
	}
}

/* What is written in an area is as large as it would be in a line's picture, where the model asks for that. */
static void
test_area(void **state)
{
	HwrImage	img = {.width = 300,.height = 120,.source_width = 300,.source_height = 120};

	(void) state;
	img.pixels = malloc(300 * 120);
	memset(img.pixels, 230, 300 * 120);
	for (int x = 20; x < 270; x += 9 + x % 7)
		for (int y = 45; y < 75; y++)
			memset(img.pixels + y * 300 + x + (75 - y) / 3, 20, 3);
	for (int fit = HWR_FIT_PAD; fit <= HWR_FIT_LINE; fit += HWR_FIT_LINE - HWR_FIT_PAD)
	{
		Fixture		f;
		HwrCanvas	line;
		HwrCanvas	area;
		HwrStatus	st;

		make_fixture_fit(&f, (HwrFit) fit);
		assert_true(hwr_recognizer_prepare_image(f.recognizer, &img, &line, &st));
		assert_true(hwr_recognizer_prepare_area(f.recognizer, &img, &area, &st));
		assert_int_equal(line.content_width, 300 * 32 / 120);
		assert_in_range(area.content_width, fit == HWR_FIT_LINE ? 155 : line.content_width,
						fit == HWR_FIT_LINE ? 165 : line.content_width);
		assert_int_equal(area.source_width, 300);
		hwr_canvas_free(&line);
		hwr_canvas_free(&area);
		free_fixture(&f);
	}
	hwr_image_free(&img);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_widths),
		cmocka_unit_test(test_area),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
