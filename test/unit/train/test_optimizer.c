/*
 * test_optimizer.c
 *	  The update rules against PyTorch's, number by number; clipping; schedules.
 *
 * Compiled twice: here for hwr_real = float, and through test_optimizer_f64.c for double.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/train/optimizer.h"
#include "core/train/schedule.h"
#include "data/optimizer_values.h"
#include "reference.h"

#define IS_DOUBLE (sizeof(hwr_real) == sizeof(double))
#define N OPTIMIZER_N

typedef struct Run
{
	hwr_real	values[N];
	hwr_real	m[N];
	hwr_real	v[N];
} Run;

/* The steps that the reference script takes, in pieces [0, cut) and [cut, N). */
static void
run_steps(const HwrOptimizerStep *base, bool decay, size_t cut, Run *run)
{
	HwrOptimizerStep step = *base;

	memset(run, 0, sizeof(*run));
	for (uint32_t i = 0; i < N; i++)
		run->values[i] = (hwr_real) reference_value(700, i);
	for (step.t = 1; step.t <= OPTIMIZER_STEPS; step.t++)
	{
		hwr_real	grads[N];

		for (uint32_t i = 0; i < N; i++)
			grads[i] = (hwr_real) reference_value(700 + (uint32_t) step.t, i);
		hwr_optimizer_update(&step, decay, cut, run->values, grads, run->m, run->v);
		hwr_optimizer_update(&step, decay, N - cut, run->values + cut, grads + cut, run->m + cut, run->v + cut);
	}
}

static void
check_run(HwrOptimizerStep step, const double *expected)
{
	const double tolerance = IS_DOUBLE ? 1e-13 : 1e-6;
	Run			run;

	run_steps(&step, true, 0, &run);
	for (int i = 0; i < N; i++)
		assert_true(fabs(run.values[i] - expected[i]) < tolerance * (1 + fabs(expected[i])));

	/* A range that is not to decay is updated as without weight decay. */
	Run			exempt,
				plain;

	run_steps(&step, false, 0, &exempt);
	step.weight_decay = 0;
	run_steps(&step, true, 0, &plain);
	assert_memory_equal(exempt.values, plain.values, sizeof(plain.values));
}

static void
test_sgd(void **state)
{
	HwrOptimizerStep step = {.kind = HWR_SGD,.learning_rate = 0.1,.momentum = 0.9,.weight_decay = 0.01,.grad_scale = 0.5};

	(void) state;
	assert_int_equal(hwr_optimizer_slots(HWR_SGD), 1);
	check_run(step, optimizer_sgd);
}

static void
test_adam(void **state)
{
	HwrOptimizerStep step = {.kind = HWR_ADAM,.learning_rate = 0.01,.weight_decay = 0.01,.grad_scale = 0.5};

	(void) state;
	assert_int_equal(hwr_optimizer_slots(HWR_ADAM), 2);
	check_run(step, optimizer_adam);
}

static void
test_adamw(void **state)
{
	HwrOptimizerStep step = {.kind = HWR_ADAMW,.learning_rate = 0.01,.weight_decay = 0.1,.grad_scale = 0.5};

	(void) state;
	assert_int_equal(hwr_optimizer_slots(HWR_ADAMW), 2);
	check_run(step, optimizer_adamw);
}

/* Plain gradient descent: momentum 0, by hand. */
static void
test_descent(void **state)
{
	HwrOptimizerStep step = {.kind = HWR_SGD,.learning_rate = 0.5,.grad_scale = 2,.t = 1};
	hwr_real	value = 3,
				grad = 0.25,
				m = 0;

	(void) state;
	hwr_optimizer_update(&step, true, 1, &value, &grad, &m, NULL);
	assert_true(value == (hwr_real) 2.75);
	hwr_optimizer_update(&step, true, 0, &value, &grad, &m, NULL);
	assert_true(value == (hwr_real) 2.75);
}

/* Several threads may update disjoint ranges: the result does not depend on where they are cut. */
static void
test_ranges(void **state)
{
	(void) state;
	for (int kind = HWR_SGD; kind <= HWR_ADAMW; kind++)
	{
		HwrOptimizerStep step = {.kind = kind,.learning_rate = 0.01,.momentum = 0.9,.weight_decay = 0.1,.grad_scale = 1};
		Run			whole,
					cut;

		run_steps(&step, true, 0, &whole);
		for (size_t at = 1; at < N; at++)
		{
			run_steps(&step, true, at, &cut);
			assert_memory_equal(&whole, &cut, sizeof(whole));
		}
	}
}

static void
test_clip(void **state)
{
	(void) state;
	assert_true(hwr_clip_scale(10, 5) == 0.5);
	assert_true(hwr_clip_scale(5, 5) == 1);
	assert_true(hwr_clip_scale(3, 5) == 1);
	assert_true(hwr_clip_scale(1e9, 0) == 1);
	assert_true(hwr_clip_scale(0, 5) == 1);
}

static double
rate(HwrScheduleKind schedule, double warmup, int64_t step, double factor)
{
	HwrTrainOptions options = {.schedule = schedule,.learning_rate = 2,.warmup = warmup};

	return hwr_schedule_rate(&options, step, 100, factor);
}

static bool
near(double a, double b)
{
	return fabs(a - b) < 1e-12;
}

static void
test_schedules(void **state)
{
	(void) state;
	assert_true(rate(HWR_SCHEDULE_CONSTANT, 0, 0, 1) == 2);
	assert_true(rate(HWR_SCHEDULE_CONSTANT, 0, 99, 0.5) == 2);
	assert_true(rate(HWR_SCHEDULE_PLATEAU, 0, 50, 0.25) == 0.5);
	assert_true(near(rate(HWR_SCHEDULE_PLATEAU, 0.1, 4, 0.25), 0.25));

	/* linear rise: the first step is not lost, the last of the rise has the full rate */
	assert_true(near(rate(HWR_SCHEDULE_CONSTANT, 0.1, 0, 1), 0.2));
	assert_true(near(rate(HWR_SCHEDULE_CONSTANT, 0.1, 4, 1), 1));
	assert_true(near(rate(HWR_SCHEDULE_CONSTANT, 0.1, 9, 1), 2));
	assert_true(near(rate(HWR_SCHEDULE_CONSTANT, 0.1, 10, 1), 2));

	/* cosine to zero */
	assert_true(near(rate(HWR_SCHEDULE_COSINE, 0, 0, 1), 2));
	assert_true(near(rate(HWR_SCHEDULE_COSINE, 0, 50, 1), 1));
	assert_true(near(rate(HWR_SCHEDULE_COSINE, 0, 100, 1), 0));
	assert_true(near(rate(HWR_SCHEDULE_ONE_CYCLE, 0.2, 9, 1), 1));
	assert_true(near(rate(HWR_SCHEDULE_ONE_CYCLE, 0.2, 20, 1), 2));
	assert_true(near(rate(HWR_SCHEDULE_ONE_CYCLE, 0.2, 60, 1), 1));
	assert_true(near(rate(HWR_SCHEDULE_ONE_CYCLE, 0.2, 200, 1), 0));

	/* never negative, rising then falling */
	for (int i = 1; i < 100; i++)
	{
		double		before = rate(HWR_SCHEDULE_ONE_CYCLE, 0.3, i - 1, 1);
		double		now = rate(HWR_SCHEDULE_ONE_CYCLE, 0.3, i, 1);

		assert_true(now > 0 && now <= 2 + 1e-12);
		assert_true(i < 30 ? now > before : now <= before);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sgd),
		cmocka_unit_test(test_adam),
		cmocka_unit_test(test_adamw),
		cmocka_unit_test(test_descent),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_clip),
		cmocka_unit_test(test_schedules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
