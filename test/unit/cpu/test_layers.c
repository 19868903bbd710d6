/*
 * test_layers.c
 *	  Every layer of the CPU network by itself, with each instruction set and one and three threads:
 *	  output and gradients against PyTorch, gradients against finite differences.
 *
 * Compiled twice: here for hwr_real = float, and through test_layers_f64.c for double, where
 * the comparisons are exact to many digits and finite differences can be taken.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/network/vgsl.h"
#include "cpu/layers/cpu_net.h"
#include "data/layers_values.h"
#include "nets.h"
#include "reference.h"
#include "../emulated.h"

#define IS_DOUBLE (sizeof(hwr_real) == sizeof(double))
#define N 3
#define H 9
#define W 11
#define RNG_KEY 12345

/* An operand is rounded by at most 2^-9 of itself; errors that are independent add up as squares. */
#define BFLOAT16_BOUND 1.5e-2

/* Layer 1 of a small net, laid out alone: the layer before it only gives the map its channels. */
typedef struct Fixture
{
	const char *item;
	HwrNet		net;
	HwrCpuNet  *cpu;
	HwrPool    *pool;
	HwrCpuPlan	plan;
	size_t		nin;			/* values of input and output */
	size_t		nout;
	size_t		first;			/* the layer's values in the parameter block */
	size_t		count;
} Fixture;

static void
set_up(Fixture *f, const char *item, const HwrKernels *kernels, int threads, bool training)
{
	char		spec[256];
	HwrStatus	st = {0};
	bool		ok;

	memset(f, 0, sizeof(*f));
	f->item = item;
	/* Whatever height the item leaves, the summary along y makes 1 of it. */
	snprintf(spec, sizeof(spec), "[1,%d,%d,1 Cl1,1,%d %s Lfys1", H, W, LAYER_CHANNELS, item);
	if (!hwr_vgsl_parse(spec, 2, &f->net, &st))
		fail_msg("%s: %s", spec, st.detail);
	ok = hwr_cpu_net_create(&f->net, true, &f->cpu, &st) && hwr_pool_create(threads, &f->pool, &st);
	assert_true(ok);
	if (kernels != NULL)
		f->cpu->k = kernels;
	for (int i = 0; i < f->net.ntensors; i++)
	{
		const HwrTensor *t = &f->net.tensors[i];

		for (size_t j = 0; j < t->count; j++)
			f->cpu->values[t->offset + j] = (hwr_real) nets_value(t, (uint32_t) i, (uint32_t) j);
	}
	assert_true(hwr_cpu_plan_prepare(&f->plan, f->cpu, f->pool, 1, 2, training, training, N, W, &st));
	f->nin = N * hwr_shape_size(f->plan.runs[1].in);
	f->nout = N * hwr_shape_size(f->plan.runs[1].out);
	for (int i = 0; i < f->net.layers[1].ntensors; i++)
		f->count += f->net.tensors[f->net.layers[1].first_tensor + i].count;
	f->first = f->net.tensors[f->net.layers[1].first_tensor].offset;
	for (size_t i = 0; i < f->nin; i++)
		f->plan.input[i] = (hwr_real) reference_value(10, (uint32_t) i);
}

static void
tear_down(Fixture *f)
{
	hwr_cpu_plan_free(&f->plan);
	hwr_pool_free(f->pool);
	hwr_cpu_net_free(f->cpu);
}

/* Forward and backward with the reference gradient at the output. */
static void
run(Fixture *f)
{
	memset(f->cpu->grads, 0, f->net.nvalues * sizeof(hwr_real));
	hwr_cpu_plan_forward(&f->plan, RNG_KEY);
	for (size_t i = 0; i < f->nout; i++)
		f->plan.doutput[i] = (hwr_real) reference_value(30, (uint32_t) i);
	hwr_cpu_plan_backward(&f->plan);
}

/* What run() computes the gradient of. */
static double
objective(Fixture *f)
{
	double		sum = 0;

	hwr_cpu_plan_forward(&f->plan, RNG_KEY);
	for (size_t i = 0; i < f->nout; i++)
		sum += f->plan.output[i] * reference_value(30, (uint32_t) i);
	return sum;
}

/* Compare n values with their two projections as PyTorch has them. */
static void
check_projections(const Fixture *f, const char *what, const hwr_real *x, size_t n, const double *expected)
{
	for (uint32_t stream = 0; stream < 2; stream++)
	{
		double		sum = 0;
		double		size = 0;

		for (size_t i = 0; i < n; i++)
		{
			double		term = x[i] * reference_value(20 + stream, (uint32_t) i);

			sum += term;
			size += fabs(term);
		}
		if (!(fabs(sum - expected[stream]) <= (IS_DOUBLE ? 1e-11 : 2e-6) * (1 + size)))
			fail_msg("%s with %s kernels: %s has projection %.17g instead of %.17g",
					 f->item, f->cpu->k->name, what, sum, expected[stream]);
	}
}

/* Every kernel table that this machine can run. */
static int
kernel_tables(const HwrKernels *tables[3])
{
	int			n = 0;

	tables[n++] = &hwr_kernels_plain;
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		tables[n++] = &hwr_kernels_avx2;
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
		tables[n++] = &hwr_kernels_avx512;
#elif defined(__aarch64__)
	tables[n++] = &hwr_kernels_neon;
#endif
	return n;
}

static void
test_pytorch(void **state)
{
	const HwrKernels *tables[3];
	int			ntables = kernel_tables(tables);
	Fixture		f;

	(void) state;
	for (int i = 0; i < LAYER_CASES; i++)
	{
		const double *expected = layer_values[i];

		for (int j = 0; j < ntables * 2; j++)
		{
			int			threads = j % 2 == 0 ? 1 : 3;

			set_up(&f, layer_items[i], tables[j / 2], threads, true);
			run(&f);
			check_projections(&f, "output", f.plan.output, f.nout, expected);
			check_projections(&f, "input gradient", f.plan.dinput, f.nin, expected + 2);
			check_projections(&f, "parameter gradient", f.cpu->grads + f.first, f.count, expected + 4);
			tear_down(&f);

			set_up(&f, layer_items[i], tables[j / 2], threads, false);
			hwr_cpu_plan_forward(&f.plan, RNG_KEY);
			check_projections(&f, "output in inference", f.plan.output, f.nout, expected + 6);
			tear_down(&f);
		}
	}
}

/* Central difference of the objective by one value. */
static double
difference(Fixture *f, hwr_real *value)
{
	const double h = 1e-5;
	const hwr_real kept = *value;
	double		up,
				down;

	*value = (hwr_real) (kept + h);
	up = objective(f);
	*value = (hwr_real) (kept - h);
	down = objective(f);
	*value = kept;
	return (up - down) / (2 * h);
}

/* At most some 150 of n values are tried, a few under emulation: the rest is PyTorch's to judge. */
static size_t
stride(size_t n)
{
	return n / (size_t) emulated_rounds(150, 4) + 1;
}

static void
check_differences(const char *item, int threads)
{
	Fixture		f;
	hwr_real   *dinput;
	hwr_real   *grads;

	set_up(&f, item, NULL, threads, true);
	run(&f);
	dinput = malloc(f.nin * sizeof(hwr_real));
	grads = malloc(f.net.nvalues * sizeof(hwr_real));
	memcpy(dinput, f.plan.dinput, f.nin * sizeof(hwr_real));
	memcpy(grads, f.cpu->grads, f.net.nvalues * sizeof(hwr_real));

	for (size_t i = 0; i < f.nin; i += stride(f.nin))
	{
		double		d = difference(&f, &f.plan.input[i]);

		if (!(fabs(d - dinput[i]) < 1e-7 * (1 + fabs(d))))
			fail_msg("%s, %d threads: input gradient %zu is %.12g, difference %.12g", item, threads, i, (double) dinput[i], d);
	}
	for (size_t i = f.first; i < f.first + f.count; i += stride(f.count))
	{
		double		d = difference(&f, &f.cpu->values[i]);

		if (!(fabs(d - grads[i]) < 1e-7 * (1 + fabs(d))))
			fail_msg("%s, %d threads: gradient of value %zu is %.12g, difference %.12g", item, threads, i, (double) grads[i], d);
	}
	for (size_t i = 0; i < f.net.nvalues; i++)	/* other layers' gradients are left alone */
		assert_true((i >= f.first && i < f.first + f.count) || grads[i] == 0);
	free(dinput);
	free(grads);
	tear_down(&f);
}

static void
test_differences(void **state)
{
	static const char *const more[] = {"Do0.3", "Do0", "Do0.3,2"};

	(void) state;
	if (!IS_DOUBLE)
		return;
	for (int threads = 1; threads <= 3; threads += 2)
	{
		for (int i = 0; i < LAYER_CASES; i++)
			check_differences(layer_items[i], threads);
		for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
			check_differences(more[i], threads);
	}
}

/* A backward pass adds to the gradients and writes the input's. */
static void
test_accumulation(void **state)
{
	Fixture		f;
	hwr_real   *grads;

	(void) state;
	for (int i = 0; i < LAYER_CASES; i++)
	{
		set_up(&f, layer_items[i], NULL, 1, true);
		run(&f);
		grads = malloc((f.net.nvalues + f.nin) * sizeof(hwr_real));
		memcpy(grads, f.cpu->grads, f.net.nvalues * sizeof(hwr_real));
		memcpy(grads + f.net.nvalues, f.plan.dinput, f.nin * sizeof(hwr_real));
		hwr_cpu_plan_forward(&f.plan, RNG_KEY);
		for (size_t j = 0; j < f.nout; j++)
			f.plan.doutput[j] = (hwr_real) reference_value(30, (uint32_t) j);
		for (size_t j = 0; j < f.nin; j++)
			f.plan.dinput[j] = 99;
		hwr_cpu_plan_backward(&f.plan);
		for (size_t j = 0; j < f.net.nvalues; j++)
			assert_true(fabs(f.cpu->grads[j] - 2 * grads[j]) <= 1e-4 * (1 + fabs(grads[j])));
		assert_memory_equal(f.plan.dinput, grads + f.net.nvalues, f.nin * sizeof(hwr_real));
		free(grads);
		tear_down(&f);
	}
}

/* Forward leaves the statistics alone; measuring moves them towards the batch's, all the way with a share of 1. */
static void
check_statistics(double share)
{
	Fixture		f;
	const HwrTensor *mean;
	const HwrTensor *variance;

	set_up(&f, "Bn", NULL, 3, true);
	mean = &f.net.tensors[4];
	variance = &f.net.tensors[5];
	assert_string_equal(mean->name, "1.norm.mean");
	assert_string_equal(variance->name, "1.norm.variance");
	if (share > 0)
		hwr_cpu_plan_measure(&f.plan, share, RNG_KEY);
	hwr_cpu_plan_forward(&f.plan, RNG_KEY);
	for (int c = 0; c < LAYER_CHANNELS; c++)
	{
		double		m = 0,
					v = 0;
		size_t		count = f.nin / LAYER_CHANNELS;

		for (size_t i = 0; i < count; i++)
			m += f.plan.input[i * LAYER_CHANNELS + (size_t) c];
		m /= (double) count;
		for (size_t i = 0; i < count; i++)
			v += pow(f.plan.input[i * LAYER_CHANNELS + (size_t) c] - m, 2);
		v /= (double) count;
		m = (1 - share) * nets_value(mean, 4, (uint32_t) c) + share * m;
		v = (1 - share) * nets_value(variance, 5, (uint32_t) c) + share * v;
		assert_true(fabs(f.cpu->values[mean->offset + (size_t) c] - m) < (IS_DOUBLE ? 1e-12 : 1e-6));
		assert_true(fabs(f.cpu->values[variance->offset + (size_t) c] - v) < (IS_DOUBLE ? 1e-12 : 1e-6));
	}
	tear_down(&f);
}

static void
test_statistics(void **state)
{
	(void) state;
	check_statistics(0);
	check_statistics(0.25);
	check_statistics(1);
}

static void
test_dropout(void **state)
{
	Fixture		one,
				three;
	int			dropped = 0;
	int			changed = 0;

	(void) state;
	set_up(&one, "Do0.3", NULL, 1, true);
	set_up(&three, "Do0.3", NULL, 3, true);
	hwr_cpu_plan_forward(&one.plan, RNG_KEY);
	hwr_cpu_plan_forward(&three.plan, RNG_KEY);
	assert_memory_equal(one.plan.output, three.plan.output, one.nout * sizeof(hwr_real));
	for (size_t i = 0; i < one.nout; i++)
	{
		if (one.plan.output[i] == 0)
			dropped++;
		else
			assert_true(fabs(one.plan.output[i] - one.plan.input[i] / 0.7) < 1e-6);
	}
	assert_true(abs(dropped - (int) (0.3 * one.nout)) < 100);	/* more than five standard deviations */

	/* another key, another mask */
	hwr_cpu_plan_forward(&three.plan, RNG_KEY + 1000);
	for (size_t i = 0; i < one.nout; i++)
		changed += (one.plan.output[i] == 0) != (three.plan.output[i] == 0);
	assert_true(changed > 400);
	tear_down(&one);
	tear_down(&three);

	/* none while reading */
	set_up(&one, "Do0.3", NULL, 1, false);
	hwr_cpu_plan_forward(&one.plan, RNG_KEY);
	assert_memory_equal(one.plan.output, one.plan.input, one.nout * sizeof(hwr_real));
	tear_down(&one);
}

/* Distance of two arrays over the length of the second; 0 where that has none. */
static double
distance(const hwr_real *x, const hwr_real *reference, size_t n)
{
	double		d = 0;
	double		size = 0;

	for (size_t i = 0; i < n; i++)
	{
		d += pow((double) x[i] - (double) reference[i], 2);
		size += pow((double) reference[i], 2);
	}
	return d == 0 ? 0 : sqrt(d / size);
}

static void
check_distance(const Fixture *f, const char *what, const hwr_real *x, const hwr_real *reference, size_t n)
{
	double		d = distance(x, reference, n);

	if (!(d <= BFLOAT16_BOUND))
		fail_msg("%s, %d threads: %s in bfloat16 is off by %g of its length", f->item, hwr_pool_threads(f->pool), what, d);
}

/* Forward and backward of both, with no gradient where rounding has moved an output over the kink of a ReLU. */
static void
run_both(Fixture *f, Fixture *reference)
{
	hwr_cpu_plan_forward(&f->plan, RNG_KEY);
	hwr_cpu_plan_forward(&reference->plan, RNG_KEY);
	for (size_t i = 0; i < f->nout; i++)
	{
		bool		agree = (f->plan.output[i] > 0) == (reference->plan.output[i] > 0);

		f->plan.doutput[i] = reference->plan.doutput[i] = agree ? (hwr_real) reference_value(30, (uint32_t) i) : 0;
	}
	hwr_cpu_plan_backward(&f->plan);
	hwr_cpu_plan_backward(&reference->plan);
}

/* Products of bfloat16: output and gradients, tensor by tensor, against float32 on the plain kernels. */
static void
test_bfloat16(void **state)
{
	static const char *const more[] = {"Cr3,3,40", "Cl3,3,8", "Ct4,2,33", "Cr1,1,64", "Cr1,7,3", "Cr9,1,3", "Fl40", "Lbx40",
		"Lby16"};
	const int	nmore = sizeof(more) / sizeof(more[0]);
	int			worse = 0;

	(void) state;
	if (hwr_elements_bfloat16() == NULL)
		return;
	for (int i = 0; i < LAYER_CASES + nmore; i++)
		for (int threads = 1; threads <= 3; threads += 2)
		{
			const char *item = i < LAYER_CASES ? layer_items[i] : more[i - LAYER_CASES];
			Fixture		reference;
			Fixture		f;

			set_up(&reference, item, &hwr_kernels_plain, 1, true);
			set_up(&f, item, NULL, threads, true);
			f.cpu->e = hwr_elements_bfloat16();
			hwr_cpu_plan_free(&f.plan);	/* and lay it out again */
			assert_true(hwr_cpu_plan_prepare(&f.plan, f.cpu, f.pool, 1, 2, true, true, N, W, &(HwrStatus) {0}));
			memcpy(f.plan.input, reference.plan.input, f.nin * sizeof(hwr_real));
			run_both(&f, &reference);
			check_distance(&f, "output", f.plan.output, reference.plan.output, f.nout);
			check_distance(&f, "input gradient", f.plan.dinput, reference.plan.dinput, f.nin);
			for (int t = 0; t < f.net.layers[1].ntensors; t++)
			{
				const HwrTensor *tensor = &f.net.tensors[f.net.layers[1].first_tensor + t];

				check_distance(&f, tensor->name, f.cpu->grads + tensor->offset, reference.cpu->grads + tensor->offset,
							   tensor->count);
			}
			worse += distance(f.plan.output, reference.plan.output, f.nout) > 1e-5;
			tear_down(&reference);
			tear_down(&f);
		}
	assert_true(worse > LAYER_CASES);	/* it was bfloat16 */
}

/* Very large and very small inputs give finite outputs. */
static void
test_extremes(void **state)
{
	static const char *const items[] = {"Ft9", "Fs5", "Fm7", "Lbx17", "Ct3,3,4", "Cs3,3,4", "Bn"};
	const HwrKernels *tables[3];
	int			ntables = kernel_tables(tables);
	Fixture		f;

	(void) state;
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
	{
		for (int j = 0; j < ntables; j++)
		{
			set_up(&f, items[i], tables[j], 1, true);
			for (size_t k = 0; k < f.nin; k++)
				f.plan.input[k] *= (hwr_real) pow(10, (double) (k % 9) - 2);
			run(&f);
			for (size_t k = 0; k < f.nout; k++)
				assert_true(isfinite(f.plan.output[k]));
			for (size_t k = 0; k < f.nin; k++)
				assert_true(isfinite(f.plan.dinput[k]));
			tear_down(&f);
		}
	}
}

/*
 * Groups of one channel, which lies far from zero and hardly varies, as on paper: their variance is no difference of
 * large numbers.
 */
static void
test_group_offset(void **state)
{
	const HwrKernels *tables[3];
	int			ntables = kernel_tables(tables);

	(void) state;
	for (int j = 0; j < ntables; j++)
	{
		Fixture		f;
		const hwr_real *gamma;

		set_up(&f, "Gn5", tables[j], 1, true);
		for (size_t k = 0; k < f.nin; k++)
			f.plan.input[k] += 60;
		gamma = f.cpu->values + f.first;
		run(&f);
		for (size_t n = 0; n < N; n++)
			for (size_t c = 0; c < LAYER_CHANNELS; c++)
			{
				const hwr_real *x = f.plan.input + n * H * W * LAYER_CHANNELS + c;
				const hwr_real *y = f.plan.output + n * H * W * LAYER_CHANNELS + c;
				double		mean = 0;
				double		variance = 0;

				for (size_t i = 0; i < H * W; i++)
					mean += (double) x[i * LAYER_CHANNELS] / (H * W);
				for (size_t i = 0; i < H * W; i++)
					variance += pow((double) x[i * LAYER_CHANNELS] - mean, 2) / (H * W);
				for (size_t i = 0; i < H * W; i++)
				{
					double		want = ((double) x[i * LAYER_CHANNELS] - mean) / sqrt(variance + 1e-5) * (double) gamma[c] +
						(double) gamma[LAYER_CHANNELS + c];

					if (!(fabs((double) y[i * LAYER_CHANNELS] - want) < 5e-5))
						fail_msg("%s: %g instead of %g", tables[j]->name, (double) y[i * LAYER_CHANNELS], want);
				}
			}
		tear_down(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pytorch),
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_accumulation),
		cmocka_unit_test(test_statistics),
		cmocka_unit_test(test_dropout),
		cmocka_unit_test(test_bfloat16),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_group_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
