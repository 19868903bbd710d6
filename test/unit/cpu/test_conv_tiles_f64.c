/*
 * test_conv_tiles_f64.c
 *	  Convolutions by Winograd's filtering, in double: outputs and gradients against the same network computed directly.
 *
 * Whatever may stand around a convolution does: normalisation before and after, pools of every height, maps that
 * tiles do not fill, wide ones that are worked on in parts, low ones.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/network/vgsl.h"
#include "cpu/layers/conv_internal.h"
#include "cpu/layers/cpu_net.h"
#include "nets.h"
#include "reference.h"

#define N 3
#define RNG_KEY 12345

/* What a network gives on one way. */
typedef struct Result
{
	size_t		nout;
	size_t		nin;
	size_t		nvalues;
	int			tiled;			/* convolutions by tiles */
	double	   *output;
	double	   *dinput;
	double	   *grads;
} Result;

static double *
copy_of(const hwr_real *x, size_t n)
{
	double	   *copy = malloc(n * sizeof(double));

	for (size_t i = 0; i < n; i++)
		copy[i] = x[i];
	return copy;
}

/* directly: with elements that cannot be made tiles of */
static Result
run(const char *spec, int width, const HwrKernels *kernels, int threads, bool training, bool directly)
{
	HwrElements elements = *kernels->elements;
	HwrKernels	k = *kernels;
	HwrNet		net;
	HwrCpuNet  *cpu;
	HwrPool    *pool;
	HwrCpuPlan	plan = {0};
	Result		r = {0};
	HwrStatus	st = {0};

	if (!hwr_vgsl_parse(spec, 2, &net, &st))
		fail_msg("%s: %s", spec, st.detail);
	assert_true(hwr_cpu_net_create(&net, true, &cpu, &st) && hwr_pool_create(threads, &pool, &st));
	if (directly)
		elements.winograd_in = NULL;
	k.elements = &elements;
	cpu->k = &k;
	for (int i = 0; i < net.ntensors; i++)
		for (size_t j = 0; j < net.tensors[i].count; j++)
			cpu->values[net.tensors[i].offset + j] = (hwr_real) nets_value(&net.tensors[i], (uint32_t) i, (uint32_t) j);
	assert_true(hwr_cpu_plan_prepare(&plan, cpu, pool, 0, net.nlayers, training, training, N, width, &st));
	r.nin = N * hwr_shape_size(plan.runs[0].in);
	r.nout = N * hwr_shape_size(plan.runs[net.nlayers - 1].out);
	r.nvalues = net.nvalues;
	for (int i = 0; i < net.nlayers; i++)
		r.tiled += net.layers[i].kind == HWR_LAYER_CONV && hwr_conv_is_plain(&net.layers[i]) && hwr_conv_tiled(&plan.runs[i]);
	for (size_t i = 0; i < r.nin; i++)
		plan.input[i] = (hwr_real) reference_value(10, (uint32_t) i);
	hwr_cpu_plan_forward(&plan, RNG_KEY);
	r.output = copy_of(plan.output, r.nout);
	if (training)
	{
		memset(cpu->grads, 0, net.nvalues * sizeof(hwr_real));
		for (size_t i = 0; i < r.nout; i++)
			plan.doutput[i] = (hwr_real) reference_value(30, (uint32_t) i);
		hwr_cpu_plan_backward(&plan);
		r.dinput = copy_of(plan.dinput, r.nin);
		r.grads = copy_of(cpu->grads, r.nvalues);
	}
	hwr_cpu_plan_free(&plan);
	hwr_pool_free(pool);
	hwr_cpu_net_free(cpu);
	return r;
}

static void
free_result(Result *r)
{
	free(r->output);
	free(r->dinput);
	free(r->grads);
}

static void
compare(const char *spec, int width, const char *what, const double *x, const double *y, size_t n)
{
	double		size = 0;

	for (size_t i = 0; i < n; i++)
		size = fmax(size, fabs(y[i]));
	for (size_t i = 0; i < n; i++)
		if (!(fabs(x[i] - y[i]) <= 1e-11 * (1 + size)))
			fail_msg("%s, %d columns: %s %zu is %.17g by tiles and %.17g directly", spec, width, what, i, x[i], y[i]);
}

static const struct
{
	const char *spec;
	int			tiled;			/* of its convolutions, in training */
}			nets[] = {
	{"[1,13,0,1 Cr3,3,16 Cr3,3,21 Lfys4 O1c2]", 1},
	{"[1,16,0,1 Cr3,3,16 Mp2,2 Bn Cr3,3,19 Mp2,2 Bn Ct3,3,32 Lfys4 O1c2]", 2},
	{"[1,24,0,1 Cl1,1,17 Bn Cl3,3,16 Mp4,1 Bn Cs3,3,18 Mp1,2 Lfys4 O1c2]", 2},
	{"[1,18,0,1 Cl1,1,16 Cr3,3,16 Mp3,2 Cr3,3,16 Mp2,3 Lfys4 O1c2]", 1},	/* windows of 3 rows reach beyond tiles */
	{"[1,9,0,1 Cr3,3,16 (Cr3,3,16 [Bn Ct3,3,16] I) A3,16 Cr3,3,16 Lfys4 O1c2]", 3},
	{"[1,8,0,1 Cl1,1,16 Mp4,1 Cr3,3,16 Lfys4 O1c2]", 0},	/* two rows are too low */
};

static void
test_nets(void **state)
{
	static const int widths[] = {8, 21, 210};
	const HwrKernels *tables[] = {&hwr_kernels_plain, hwr_kernels()};

	(void) state;
	for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
		for (size_t w = 0; w < sizeof(widths) / sizeof(widths[0]); w++)
			for (int t = 0; t < 4; t++)
			{
				const char *spec = nets[i].spec;
				bool		training = t < 3;
				Result		tiles = run(spec, widths[w], tables[t % 2], 1 + t, training, false);
				Result		direct = run(spec, widths[w], tables[t % 2], 1 + t, training, true);

				/* In inference no pool is done with a convolution. */
				if (training)
					assert_int_equal(tiles.tiled, nets[i].tiled);
				assert_int_equal(direct.tiled, 0);
				compare(spec, widths[w], "output", tiles.output, direct.output, tiles.nout);
				if (training)
				{
					compare(spec, widths[w], "input gradient", tiles.dinput, direct.dinput, tiles.nin);
					compare(spec, widths[w], "gradient of value", tiles.grads, direct.grads, tiles.nvalues);
				}
				free_result(&tiles);
				free_result(&direct);
			}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
