/*
 * test_kraken.c
 *	  Models of kraken's: the same logits as there, and what is said of those that are damaged or not for here.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/model/kraken.h"
#include "core/network/recognizer.h"
#include "data/kraken_values.h"
#include "reference.h"

static uint8_t *
read_file(const char *name, size_t *len)
{
	char		path[256];
	FILE	   *f;
	uint8_t    *bytes;

	snprintf(path, sizeof(path), "test/unit/data/kraken/%s.safetensors", name);
	f = fopen(path, "rb");
	if (f == NULL)
		fail_msg("cannot open %s", path);
	fseek(f, 0, SEEK_END);
	*len = (size_t) ftell(f);
	rewind(f);
	bytes = malloc(*len);
	assert_int_equal(fread(bytes, 1, *len, f), *len);
	fclose(f);
	return bytes;
}

/* The canvas that kraken's network was given. */
static HwrCanvas
canvas_of(int model, int height)
{
	HwrCanvas	canvas = {.width = KRAKEN_WIDTH,.content_width = KRAKEN_WIDTH,.source_width = KRAKEN_WIDTH};

	canvas.ink = malloc((size_t) height * KRAKEN_WIDTH);
	for (int i = 0; i < height * KRAKEN_WIDTH; i++)
		canvas.ink[i] = (uint8_t) (reference_bits(6000 + (uint32_t) model, (uint32_t) i) >> 24);
	return canvas;
}

/* kraken's label of a class: the codecs give the labels in reverse order of the characters. */
static int
label_of(int class, int classes)
{
	return class == 0 ? 0 : classes - class;
}

static void
check_logits(const char *name, const HwrPosterior *p, const float *logits)
{
	for (int t = 0; t < p->steps; t++, logits += p->classes)
	{
		double		sum = 0;

		for (int k = 0; k < p->classes; k++)
			sum += exp(logits[k]);
		for (int k = 0; k < p->classes; k++)
		{
			double		expected = logits[label_of(k, p->classes)] - log(sum);
			double		got = p->logp[t * p->classes + k];

			if (!(fabs(got - expected) <= 1e-5 * (1 + fabs(expected))))
				fail_msg("%s: log posterior of class %d at step %d is %.9g instead of %.9g", name, k, t, got, expected);
		}
	}
}

static void
test_logits(void **state)
{
	(void) state;
	for (int i = 0; i < KRAKEN_MODELS; i++)
	{
		const int  *size = kraken_sizes[i];
		HwrCanvas	canvas = canvas_of(i, size[0]);
		size_t		len;
		uint8_t    *bytes = read_file(kraken_names[i], &len);
		HwrModel   *model;
		HwrRecognizer *rec;
		HwrPosterior p;
		HwrStatus	st = {0};

		assert_true(hwr_is_kraken(bytes, len));
		if (!hwr_kraken_load(bytes, len, &model, &st))
			fail_msg("%s: %s: %s", kraken_names[i], st.message, st.detail);
		assert_int_equal(model->fit, HWR_FIT_KRAKEN);
		assert_int_equal(model->net.height, size[0]);
		assert_int_equal(model->net.classes, size[2]);
		for (int k = 0; k < model->alphabet.n; k++)
			assert_int_equal(model->alphabet.codepoints[k], 'a' + 3 * k);
		assert_true(hwr_recognizer_create(&model->net, model->values, model->fit, hwr_cpu_backend(), 1, HWR_FLOAT32, &rec, &st));
		assert_true(hwr_recognizer_run(rec, 1, &canvas, &p, &st));
		assert_int_equal(p.steps, size[1]);
		check_logits(kraken_names[i], &p, kraken_logits + size[3]);
		hwr_posterior_free(&p);
		hwr_recognizer_free(rec);
		hwr_model_free(model);
		hwr_canvas_free(&canvas);
		free(bytes);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
