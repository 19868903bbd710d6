/*
 * test_from_torch.c
 *	  What tools/from-torch made of PyTorch's networks gives PyTorch's log posteriors.
 *
 * The files and the values are of test/reference/make_torch.py.  That the tool makes these files is for
 * test/t/014_from_torch.pl.
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

#include "core/model/model.h"
#include "core/network/recognizer.h"
#include "data/torch_values.h"
#include "reference.h"

static HwrModel *
load(const char *name)
{
	char		path[256];
	FILE	   *f;
	static uint8_t bytes[1 << 20];
	size_t		len;
	HwrModel   *model;
	HwrStatus	st = {0};

	snprintf(path, sizeof(path), "test/data/torch/%s.hwr.safetensors", name);
	f = fopen(path, "rb");
	if (f == NULL)
		fail_msg("cannot open %s", path);
	len = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	if (!hwr_model_load(bytes, len, &model, &st))
		fail_msg("%s: %s %s", name, st.message, st.detail);
	return model;
}

static void
check_network(int i)
{
	HwrModel   *model = load(torch_names[i]);
	const int  *size = torch_sizes[i];
	HwrCanvas	canvas = {.width = TORCH_WIDTH,.content_width = TORCH_WIDTH,.source_width = TORCH_WIDTH};
	HwrRecognizer *rec;
	HwrPosterior p;
	HwrStatus	st = {0};
	double		worst = 0;
	double		square = 0;

	assert_int_equal(model->net.height, size[0]);
	canvas.ink = malloc((size_t) size[0] * TORCH_WIDTH);
	for (int k = 0; k < size[0] * TORCH_WIDTH; k++)
		canvas.ink[k] = (uint8_t) (reference_bits(7000 + (uint32_t) i, (uint32_t) k) >> 24);
	assert_true(hwr_recognizer_create(&model->net, model->values, model->fit, hwr_cpu_backend(), 1, HWR_FLOAT32, &rec, &st));
	assert_true(hwr_recognizer_run(rec, 1, &canvas, &p, &st));
	assert_int_equal(p.steps, size[1]);
	assert_int_equal(p.classes, size[2]);
	for (int k = 0; k < p.steps * p.classes; k++)
	{
		worst = fmax(worst, fabs(p.logp[k] - torch_logp[size[3] + k]));
		square += pow(p.logp[k] + log(p.classes), 2);
	}
	/* uneven enough to show a difference */
	assert_true(sqrt(square / (p.steps * p.classes)) > 0.05);
	if (worst > 2e-5)
		fail_msg("%s differs by %g", torch_names[i], worst);
	hwr_posterior_free(&p);
	hwr_recognizer_free(rec);
	free(canvas.ink);
	hwr_model_free(model);
}

static void
test_networks(void **state)
{
	(void) state;
	for (int i = 0; i < TORCH_MODELS; i++)
		check_network(i);
}

/* Classes come in the order of the alphabet, which hwr wants ascending. */
static void
test_alphabets(void **state)
{
	static const char *const expected[] = {" .Zab\xC3\xA9", "1Aabz"};

	(void) state;
	for (int i = 0; i < TORCH_MODELS; i++)
	{
		HwrModel   *model = load(torch_names[i]);
		HwrStatus	st = {0};
		char	   *text;

		assert_true(hwr_alphabet_to_utf8(&model->alphabet, &text, &st));
		assert_string_equal(text, expected[i]);
		free(text);
		hwr_model_free(model);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_alphabets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
