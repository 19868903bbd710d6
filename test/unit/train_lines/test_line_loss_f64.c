/*
 * test_line_loss_f64.c
 *	  The loss of the network that finds lines: its gradient against finite differences, alone and through a network.
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
#include "core/train_lines/line_loss.h"
#include "core/train_lines/line_targets.h"
#include "cpu/layers/cpu_net.h"

static void
random_targets(HwrRng *rng, size_t cells, float *t)
{
	for (size_t i = 0; i < cells; i++, t += HWR_LINE_TARGETS)
	{
		for (int m = 0; m < HWR_LINE_MAPS; m++)
			t[m] = (float) hwr_rng_uniform(rng);
		t[HWR_MAP_END] = hwr_rng_uniform(rng) < 0.3;
		t[HWR_LINE_MAPS] = hwr_rng_uniform(rng) < 0.8;
	}
}

static void
test_gradient(void **state)
{
	enum
	{
		CELLS = 2 * 5 * 7
	};
	hwr_real	z[CELLS * HWR_LINE_MAPS];
	hwr_real	grad[CELLS * HWR_LINE_MAPS];
	hwr_real	unused[CELLS * HWR_LINE_MAPS];
	float		t[CELLS * HWR_LINE_TARGETS];
	HwrRng		rng;

	(void) state;
	hwr_rng_seed(&rng, 3, 0);
	random_targets(&rng, CELLS, t);
	for (int i = 0; i < CELLS * HWR_LINE_MAPS; i++)
		z[i] = 2 * hwr_rng_normal(&rng);
	hwr_line_loss.compute(2, 5, 7, HWR_LINE_MAPS, z, t, grad);
	for (int i = 0; i < CELLS * HWR_LINE_MAPS; i++)
	{
		double		h = 1e-6;
		hwr_real	kept = z[i];
		double		up;
		double		down;

		z[i] = kept + h;
		up = hwr_line_loss.compute(2, 5, 7, HWR_LINE_MAPS, z, t, unused);
		z[i] = kept - h;
		down = hwr_line_loss.compute(2, 5, 7, HWR_LINE_MAPS, z, t, unused);
		z[i] = kept;
		assert_true(fabs((up - down) / (2 * h) - grad[i]) < 1e-7);
	}
}

static double
loss_of(HwrCpuPlan *plan, const float *t)
{
	HwrShape	out = plan->runs[plan->last - 1].out;

	hwr_cpu_net_changed(plan->cpu);
	hwr_cpu_plan_forward(plan, 0);
	return hwr_line_loss.compute(plan->N, out.h, out.w, out.c, plan->output, t, plan->doutput);
}

/* Every kind of layer that the network has, with strides, on a map higher than one row. */
static void
test_network(void **state)
{
	HwrNet	   *net = malloc(sizeof(HwrNet));
	HwrStatus	st = {0};
	HwrCpuNet  *cpu;
	HwrCpuPlan	plan = {0};
	HwrPool    *pool;
	HwrRng		rng;
	float	   *values;
	float		t[2 * 4 * 4 * HWR_LINE_TARGETS];

	(void) state;
	assert_true(hwr_vgsl_parse("[1,16,0,1 Ct3,3,3,2,2 Bn Ct3,3,4,2,1 Bn Ct1,5,3,1,2 Bn Ct5,1,3 Bn O2l4]", 0, net, &st));
	assert_true(net->maps);
	assert_int_equal(net->classes, HWR_LINE_MAPS);
	values = malloc(net->nvalues * sizeof(float));
	assert_true(hwr_net_init(net, 5, values, &st));
	assert_true(hwr_cpu_net_create(net, true, &cpu, &st));
	assert_true(hwr_pool_create(1, &pool, &st));
	assert_true(hwr_cpu_plan_prepare(&plan, cpu, pool, 0, net->nlayers, true, false, 2, 16, &st));
	for (size_t i = 0; i < net->nvalues; i++)
		cpu->values[i] = (hwr_real) values[i];
	hwr_rng_seed(&rng, 4, 0);
	for (int i = 0; i < 2 * 16 * 16; i++)
		plan.input[i] = hwr_rng_uniform(&rng);
	random_targets(&rng, 2 * 4 * 4, t);
	memset(cpu->grads, 0, net->nvalues * sizeof(hwr_real));
	loss_of(&plan, t);
	hwr_cpu_plan_backward(&plan);
	for (int i = 0; i < net->ntensors; i++)
	{
		const HwrTensor *tensor = &net->tensors[i];
		size_t		at = tensor->offset + tensor->count / 2;
		double		h = 1e-5;
		hwr_real	kept = cpu->values[at];
		double		up;
		double		down;

		if (!tensor->trainable)
			continue;
		cpu->values[at] = kept + h;
		up = loss_of(&plan, t);
		cpu->values[at] = kept - h;
		down = loss_of(&plan, t);
		cpu->values[at] = kept;
		assert_true(fabs((up - down) / (2 * h) - cpu->grads[at]) < 1e-5);
	}
	hwr_cpu_plan_free(&plan);
	hwr_cpu_net_free(cpu);
	hwr_pool_free(pool);
	free(values);
	free(net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gradient),
		cmocka_unit_test(test_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
