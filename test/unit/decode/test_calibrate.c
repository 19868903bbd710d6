/*
 * test_calibrate.c
 *	  The temperature is found again where it is known.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/network/backend.h"
#include "core/decode/calibrate.h"
#include "core/base/rng.h"

#define T 6
#define K 5

/* Log posteriors at temperature 1 of logits[T][K], and a label drawn from those at another temperature. */
static int
draw(HwrRng *rng, double temperature, float *logp, int *label)
{
	int			n = 0;
	int			previous = 0;

	for (int t = 0; t < T; t++)
	{
		double		logits[K];
		double		sum = 0;
		double		drawn;
		int			k = 0;

		for (int i = 0; i < K; i++)
			logits[i] = 6 * hwr_rng_uniform(rng);
		for (int i = 0; i < K; i++)
			sum += exp(logits[i]);
		for (int i = 0; i < K; i++)
			logp[t * K + i] = (float) (logits[i] - log(sum));
		sum = 0;
		for (int i = 0; i < K; i++)
			sum += exp(logits[i] / temperature);
		drawn = hwr_rng_uniform(rng) * sum;
		while (k < K - 1 && drawn > exp(logits[k] / temperature))
			drawn -= exp(logits[k++] / temperature);
		if (k != 0 && k != previous)
			label[n++] = k;
		previous = k;
	}
	return n;
}

static double
fit(HwrCalibration *c)
{
	HwrStatus	st = {0};
	bool		done = false;

	while (!done)
		assert_true(hwr_calibration_step(c, &done, &st));
	return hwr_calibration_temperature(c);
}

static void
test_known_temperature(void **state)
{
	static const double known[] = {0.8, 1, 1.5, 2.5};

	(void) state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
	{
		HwrCalibration *c;
		HwrStatus	st = {0};
		HwrRng		rng;
		float		logp[T * K];
		int			label[T];
		double		found;
		double		best;
		double		other;

		hwr_rng_seed(&rng, 5, i);
		assert_true(hwr_calibration_create(K, &c, &st));
		for (int n = 0; n < HWR_CALIBRATION_IMAGES + 10; n++)
		{
			int			length = draw(&rng, known[i], logp, label);

			assert_true(hwr_calibration_add(c, logp, T, label, length, &st));
		}
		found = fit(c);
		if (fabs(log(found / known[i])) > 0.12)
			fail_msg("%g was found where %g is right", found, known[i]);

		/* the minimum of the loss, as any other point shows */
		assert_true(hwr_calibration_loss(c, found, &best, &st));
		for (double t = HWR_TEMPERATURE_MIN; t < HWR_TEMPERATURE_MAX; t *= 1.1)
		{
			assert_true(hwr_calibration_loss(c, t, &other, &st));
			assert_true(other > best - 1e-5);
		}
		hwr_calibration_free(c);
	}
}

/* Nothing to learn from: the network stays as it is.  Labels that do not fit do not count. */
static void
test_no_images(void **state)
{
	HwrCalibration *c;
	HwrStatus	st = {0};
	float		logp[T * K];
	const int	too_long[T + 1] = {1, 2, 1, 2, 1, 2, 1};

	(void) state;
	for (int i = 0; i < T * K; i++)
		logp[i] = (float) -log(K);
	assert_true(hwr_calibration_create(K, &c, &st));
	assert_true(hwr_calibration_add(c, logp, T, too_long, T + 1, &st));
	assert_true(fit(c) == 1);
	hwr_calibration_free(c);
}

/* Posteriors of the changed network are the tempered ones. */
static void
test_apply(void **state)
{
	HwrNet		net;
	HwrStatus	st = {0};
	HwrBackendContext *ctx;
	const HwrBackend *cpu = hwr_cpu_backend();
	float		before[8 * 4];
	float		after[8 * 4];
	uint8_t		ink[8 * 8];
	float	   *values;
	HwrRng		rng;

	(void) state;
	assert_true(hwr_vgsl_parse("[1,8,8,1 S1(1x8)1,3 Fr5 O1c4]", 0, &net, &st));
	values = malloc(net.nvalues * sizeof(float));
	hwr_rng_seed(&rng, 1, 2);
	for (size_t i = 0; i < net.nvalues; i++)
		values[i] = (float) (4 * hwr_rng_uniform(&rng) - 2);
	for (size_t i = 0; i < sizeof(ink); i++)
		ink[i] = (uint8_t) (255 * hwr_rng_uniform(&rng));
	assert_true(cpu->create(&(HwrBackendConfig) {.net = &net,.threads = 1}, &ctx, &st));
	assert_true(cpu->set_values(ctx, values, &st));
	assert_true(cpu->infer(ctx, 1, 8, ink, before, &st));
	hwr_apply_temperature(&net, 2, values);
	assert_true(cpu->set_values(ctx, values, &st));
	assert_true(cpu->infer(ctx, 1, 8, ink, after, &st));
	for (int t = 0; t < 8; t++)
	{
		double		sum = 0;

		for (int k = 0; k < 4; k++)
			sum += exp(before[t * 4 + k] / 2);
		for (int k = 0; k < 4; k++)
			assert_true(fabs(after[t * 4 + k] - (before[t * 4 + k] / 2 - log(sum))) < 1e-5);
	}
	cpu->destroy(ctx);
	free(values);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_temperature),
		cmocka_unit_test(test_no_images),
		cmocka_unit_test(test_apply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
