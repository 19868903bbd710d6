/*
 * test_network.c
 *	  Whole networks through the backend interface: the published network's first losses against
 *	  PyTorch's, the gradient of small ones, with heads and without, by finite differences, and what a caller may rely on:
 *	  equal runs give equal bits, an image's posteriors do not depend on its neighbours, bad luck is reported.
 *
 * Compiled twice: here for hwr_real = float, and through test_network_f64.c for double.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/network/backend.h"
#include "core/decode/ctc.h"
#include "cpu/layers/cpu_net.h"
#include "data/network_values.h"
#include "nets.h"
#include "reference.h"
#include "../emulated.h"

#define IS_DOUBLE (sizeof(hwr_real) == sizeof(double))
#define MAX_N 8
#define MAX_LABEL 12
#define STEP_KEY 77

#define KERAS "[1,64,256,1 Cr3,3,32 Mp2,2 Bn Cr3,3,64 Mp2,2 Bn Cr3,3,128 Mp2,2 Bn S1(2x4)2,3 " \
	"Fr64 Lbx256 Lbx256 O1c79]"

/* Every kind of layer; the width is odd, and any. */
#define SMALL "[1,9,0,1 Cr3,3,4 Mp2,2,2,1 Bn Ct3,3,5 Lby2 S1(2x2)2,3 Fs6 Do0.25 Lbx5 Lrx7 O1c6]"
#define SMALL_W 13

/*
 * Convolutions that work for their neighbours: normalisation before, pooling and normalisation behind, rows
 * and columns left over.
 */
#define FUSED "[1,13,0,1 Cr3,3,4 Mp2,2 Bn Ct3,3,9 Bn Cl2,4,5 Cs3,3,3 Mp3,2 Bn S1(2x1)2,3 O1c6]"

/* Layers in parallel, blocks within blocks; what reads the image, what reads the same map, what is joined, LSTMs among them. */
static const char *const branched[] = {
	"[1,9,0,1 Cr3,3,4 ([Cr3,3,4 Bn Ct3,3,4] I) A3,4 (Cl1,1,2 [Ct3,3,3 (Mp1,1 Ct1,1,2) I] I) Mp9,1 (Lfx3 [Do0.25 Fl2]) Lbx4 O1c6]",
	"[1,9,0,1 (Ct3,3,2 [Cl1,1,4 Gn2] I) Mp9,2 (Lbx4 Lrx8) A3,8 O1c6]",
	"[1,9,0,1 (Lfx2 Lby3) Mp9,1 O1c6]",
};
#define BRANCHED (sizeof(branched) / sizeof(branched[0]))

/* A batch made by the reference formula. */
typedef struct Sample
{
	HwrBatch	batch;
	uint8_t    *ink;
	int			labels[MAX_N][MAX_LABEL];
	const int  *label_pointers[MAX_N];
	int			lengths[MAX_N];
} Sample;

static void
make_sample(Sample *s, uint32_t step, int n, int height, int width, int max_label, int classes)
{
	size_t		size = (size_t) n * (size_t) height * (size_t) width;

	s->ink = malloc(size);
	for (size_t i = 0; i < size; i++)
		s->ink[i] = (uint8_t) (reference_bits(2000 + step, (uint32_t) i) >> 24);
	for (int i = 0; i < n; i++)
	{
		uint32_t	stream = 4000 + step * (uint32_t) n + (uint32_t) i;

		s->lengths[i] = 1 + (int) (reference_bits(3000 + step, (uint32_t) i) % (uint32_t) max_label);
		for (int j = 0; j < s->lengths[i]; j++)
			s->labels[i][j] = 1 + (int) (reference_bits(stream, (uint32_t) j) % (uint32_t) (classes - 1));
		s->label_pointers[i] = s->labels[i];
	}
	s->batch = (HwrBatch) {.n = n,.width = width,.ink = s->ink,.labels = s->label_pointers,.label_lengths = s->lengths};
}

/* A network on the CPU backend. */
typedef struct Fixture
{
	HwrNet		net;
	HwrStepOptions step;
	const HwrBackend *backend;
	HwrBackendContext *ctx;
	float	   *values;
} Fixture;

/* shortcut: weight of that head, 0: none */
static void
set_up_head(Fixture *f, const char *spec, double shortcut, int threads, HwrOptimizerKind optimizer, HwrTrainPrecision precision)
{
	HwrStatus	st = {0};
	HwrBackendConfig config = {.net = &f->net,.threads = threads,.training = true,.step = &f->step};

	memset(f, 0, sizeof(*f));
	if (!hwr_vgsl_parse(spec, 0, &f->net, &st))
		fail_msg("%s: %s", spec, st.detail);
	if (shortcut > 0)
		assert_true(hwr_net_add_shortcut(&f->net, shortcut, &st));
	f->step.optimizer = optimizer;
	f->step.momentum = 0.9;
	f->step.clip_norm = 5;
	f->step.precision = precision;
	f->backend = hwr_cpu_backend();
	assert_int_equal(f->backend->abi, HWR_BACKEND_ABI);
	assert_true(f->backend->create(&config, &f->ctx, &st));
	f->values = malloc(f->net.nvalues * sizeof(float));
	for (int i = 0; i < f->net.ntensors; i++)
	{
		const HwrTensor *t = &f->net.tensors[i];

		for (size_t j = 0; j < t->count; j++)
			f->values[t->offset + j] = (float) nets_value(t, (uint32_t) i, (uint32_t) j);
	}
	assert_true(f->backend->set_values(f->ctx, f->values, &st));
}

/* Posteriors, or maps, of a context for inference whose values are set twice, with those of the second seed. */
static float *
infer_twice(const char *spec, bool values_stay, int width, size_t *n)
{
	enum {IMAGES = 3};
	HwrNet		net;
	HwrShape	out[HWR_MAX_LAYERS];
	HwrStatus	st = {0};
	HwrBackendConfig config = {.net = &net,.threads = 2,.values_stay = values_stay};
	const HwrBackend *backend = hwr_cpu_backend();
	HwrBackendContext *ctx;
	float	   *values[2];
	uint8_t    *ink;
	float	   *result;

	assert_true(hwr_vgsl_parse(spec, 0, &net, &st) && hwr_net_shapes(&net, width, out, &st));
	*n = IMAGES * hwr_shape_size(out[net.nlayers - 1]);
	result = calloc(*n, sizeof(float));
	ink = malloc((size_t) IMAGES * (size_t) net.height * (size_t) width);
	for (int i = 0; i < IMAGES * net.height * width; i++)
		ink[i] = (uint8_t) (i * 37 % 256);
	assert_true(backend->create(&config, &ctx, &st));
	for (int i = 0; i < 2; i++)
	{
		values[i] = calloc(net.nvalues, sizeof(float));
		assert_true(hwr_net_init(&net, (uint64_t) i + 1, values[i], &st));
		assert_true(backend->set_values(ctx, values[i], &st));
		assert_true(backend->infer(ctx, IMAGES, width, ink, result, &st));
	}
	backend->destroy(ctx);
	free(values[0]);
	free(values[1]);
	free(ink);
	return result;
}

/* Values that are not copied give what copied ones give, also after others. */
static void
test_values_stay(void **state)
{
	static const char *const specs[] = {SMALL, FUSED, "[1,16,0,1 Cr3,3,4 Bn Cr3,3,4 O2l4]"};

	(void) state;
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
	{
		size_t		n;
		float	   *copied = infer_twice(specs[i], false, 40, &n);
		float	   *borrowed = infer_twice(specs[i], true, 40, &n);

		assert_memory_equal(copied, borrowed, n * sizeof(float));
		free(copied);
		free(borrowed);
	}
}

static void
set_up_precision(Fixture *f, const char *spec, int threads, HwrOptimizerKind optimizer, HwrTrainPrecision precision)
{
	set_up_head(f, spec, 0, threads, optimizer, precision);
}

static void
set_up(Fixture *f, const char *spec, int threads, HwrOptimizerKind optimizer)
{
	set_up_head(f, spec, 0, threads, optimizer, HWR_TRAIN_AUTO);
}

static void
tear_down(Fixture *f)
{
	f->backend->destroy(f->ctx);
	free(f->values);
}

static double
train(Fixture *f, const Sample *s, double rate, uint64_t key)
{
	HwrStepResult result;
	HwrStatus	st = {0};

	if (!f->backend->train_step(f->ctx, &s->batch, rate, key, &result, &st))
		fail_msg("%s: %s", st.message, st.detail);
	return result.loss;
}

/* Bounds relative to PyTorch's float32. */
static void
check_first_losses(HwrTrainPrecision precision, double loss_bound, double norm_bound)
{
	Fixture		f;

	set_up_precision(&f, KERAS, 2, HWR_SGD, precision);
	assert_int_equal(f.net.nvalues, 2399247);
	for (uint32_t step = 0; step < (uint32_t) emulated_rounds(NETWORK_STEPS, 1); step++)
	{
		HwrStepResult result;
		HwrStatus	st;
		Sample		s;

		make_sample(&s, step, NETWORK_N, 64, 256, 12, NETWORK_CLASSES);
		assert_true(f.backend->train_step(f.ctx, &s.batch, 0.002, step, &result, &st));
		assert_int_equal(result.infeasible, 0);
		if (!(fabs(result.loss - network_losses[step]) < loss_bound * network_losses[step]) ||
			!(fabs(result.grad_norm - network_grad_norms[step]) < norm_bound * network_grad_norms[step]))
			fail_msg("step %u: loss %.8g, gradient norm %.8g; PyTorch has %.8g, %.8g", (unsigned) step,
					 result.loss, result.grad_norm, network_losses[step], network_grad_norms[step]);
		free(s.ink);
	}
	tear_down(&f);
}

static void
test_first_losses(void **state)
{
	(void) state;
	if (IS_DOUBLE)
		return;					/* the product's precision is the one of interest */
	check_first_losses(HWR_TRAIN_FLOAT32, 1e-4, 1e-3);
	check_first_losses(HWR_TRAIN_BFLOAT16, 2e-3, 2e-2);
}

/* Mean CTC loss of these logits, weighted; where the gradient is wanted, dy too. */
static double
logits_loss(const HwrLayerRun *run, const Sample *s, double weight, bool gradient)
{
	HwrShape	out = run->out;
	size_t		size = (size_t) out.w * (size_t) out.c;
	hwr_real	logp[64 * 6];
	double		workspace[67 * (2 * MAX_LABEL + 1)];
	double		scale = weight / s->batch.n;
	double		total = 0;

	assert_true(size <= sizeof(logp) / sizeof(logp[0]));
	for (int n = 0; n < s->batch.n; n++)
	{
		double		loss;

		run->k->log_softmax((size_t) out.w, out.c, run->y + (size_t) n * size, logp);
		assert_true(hwr_ctc_loss(logp, out.w, out.c, s->labels[n], s->lengths[n], &loss,
								 gradient ? run->dy + (size_t) n * size : NULL, scale, workspace));
		total += loss * scale;
	}
	return total;
}

/* What a step on this sample minimises, and with gradient what plan_backward wants to know. */
static double
plan_loss(HwrCpuPlan *plan, const Sample *s, bool gradient)
{
	const HwrNet *net = plan->cpu->net;
	double		total;

	hwr_cpu_plan_forward(plan, STEP_KEY);
	total = logits_loss(&plan->runs[plan->last - 1], s, 1, gradient);
	for (int i = 0; i < net->nheads; i++)
		total += logits_loss(&plan->heads[i], s, net->heads[i].weight, gradient);
	return total;
}

static double
difference(HwrCpuPlan *plan, const Sample *s, hwr_real *value)
{
	const double h = 1e-6;
	const hwr_real kept = *value;
	double		up,
				down;

	*value = (hwr_real) (kept + h);
	up = plan_loss(plan, s, false);
	*value = (hwr_real) (kept - h);
	down = plan_loss(plan, s, false);
	*value = kept;
	return (up - down) / (2 * h);
}

/* A step of plain descent at rate 1 takes this gradient off the values. */
static void
check_step(Fixture *f, const Sample *s, const hwr_real *grads)
{
	HwrStatus	st;
	float	   *after = malloc(f->net.nvalues * sizeof(float));

	f->step.momentum = 0;
	f->step.clip_norm = 0;
	train(f, s, 1, STEP_KEY);
	assert_true(f->backend->get_values(f->ctx, after, &st));
	for (int i = 0; i < f->net.ntensors; i++)
	{
		const HwrTensor *t = &f->net.tensors[i];

		for (size_t j = t->offset; t->trainable && j < t->offset + t->count; j++)
			if (!(fabs(f->values[j] - after[j] - grads[j]) < 1e-6 * (1 + fabs(grads[j]))))
				fail_msg("%s, value %zu: gradient %.9g, step %.9g", t->name, j, (double) grads[j], f->values[j] - after[j]);
	}
	free(after);
}

static void
check_gradient(const char *spec, double shortcut, int height, int width, int threads)
{
	Sample		s;
	Fixture		f;
	HwrCpuNet  *cpu;
	HwrPool    *pool;
	HwrCpuPlan	plan = {0};
	HwrStatus	st;
	hwr_real   *dinput;
	size_t		nin = (size_t) (3 * height * width);

	make_sample(&s, 0, 3, height, width, 4, 6);
	/* no two of a window alike: a pool has no gradient where they tie */
	for (size_t i = 0; i < nin; i++)
		s.ink[i] = (uint8_t) (97 * i + 13);
	set_up_head(&f, spec, shortcut, threads, HWR_SGD, HWR_TRAIN_AUTO);
	assert_true(hwr_cpu_net_create(&f.net, true, &cpu, &st));
	assert_true(hwr_pool_create(threads, &pool, &st));
	assert_true(hwr_cpu_plan_prepare(&plan, cpu, pool, 0, f.net.nlayers, true, true, 3, width, &st));
	for (size_t i = 0; i < f.net.nvalues; i++)
		cpu->values[i] = f.values[i];
	for (size_t i = 0; i < nin; i++)
		plan.input[i] = (hwr_real) (s.ink[i] / 255.0);

	plan_loss(&plan, &s, true);
	hwr_cpu_plan_backward(&plan);
	dinput = malloc(nin * sizeof(hwr_real));
	memcpy(dinput, plan.dinput, nin * sizeof(hwr_real));
	check_step(&f, &s, cpu->grads);
	for (size_t i = 0; i < f.net.nvalues; i += (size_t) emulated_rounds(1, 29))
	{
		double		d = difference(&plan, &s, &cpu->values[i]);

		if (!(fabs(d - cpu->grads[i]) < 1e-7 * (1 + fabs(d))))
			fail_msg("%s, %d threads, value %zu: gradient %.12g, difference %.12g", spec, threads, i, (double) cpu->grads[i], d);
	}
	for (size_t i = 0; i < nin; i += (size_t) emulated_rounds(1, 29))
	{
		double		d = difference(&plan, &s, &plan.input[i]);

		if (!(fabs(d - dinput[i]) < 1e-7 * (1 + fabs(d))))
			fail_msg("%s, %d threads, input %zu: gradient %.12g, difference %.12g", spec, threads, i, (double) dinput[i], d);
	}
	free(dinput);
	hwr_cpu_plan_free(&plan);
	hwr_pool_free(pool);
	hwr_cpu_net_free(cpu);
	tear_down(&f);
	free(s.ink);
}

static void
test_gradient(void **state)
{
	/*
	 * what a head's gradient goes back to: a pool or a norm that a convolution works for, a convolution, the
	 * image's own columns
	 */
	static const char *const behind[] = {
		"[1,9,0,1 Cr3,3,4 Bn Ct3,3,3 Mp9,2 Lbx4 O1c6]",
		"[1,9,0,1 Cr3,3,4 Mp9,1 Bn Lfx4 Mp1,2 O1c6]",
		"[1,9,0,1 Mp9,1 Ct1,3,4 Lrx4 O1c6]",
		"[1,9,0,1 S1(1x9)1,3 Lbx4 Lbx3 O1c6]",
	};

	(void) state;
	if (!IS_DOUBLE)
		return;
	check_gradient(SMALL, 0.3, 9, SMALL_W, 1);
	for (size_t i = 0; i < BRANCHED; i++)
	{
		check_gradient(branched[i], 0, 9, 14, 1 + (int) i);
		if (i == 0)
			check_gradient(branched[i], 0.5, 9, 14, 1);
	}
	for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++)
		check_gradient(behind[i], 1, 9, 14, i == 0 ? 2 : 1);
	for (int threads = 1; threads <= 3; threads += 2)
	{
		check_gradient(SMALL, 0, 9, SMALL_W, threads);
		check_gradient(FUSED, 0, 13, 25, threads);
	}
}

/* Ten steps over two widths. */
static void
train_some(Fixture *f, uint64_t key)
{
	HwrStatus	st;

	for (uint32_t step = 0; step < 10; step++)
	{
		Sample		s;

		make_sample(&s, step, 5, 9, step % 2 ? SMALL_W : 24, 4, 6);
		train(f, &s, 0.05, key + step);
		free(s.ink);
	}
	assert_true(f->backend->get_values(f->ctx, f->values, &st));
}

static double
largest_difference(const float *a, const float *b, size_t n)
{
	double		largest = 0;

	for (size_t i = 0; i < n; i++)
		largest = fmax(largest, fabs((double) a[i] - b[i]));
	return largest;
}

static void
test_reproducible(void **state)
{
	(void) state;
	for (int i = 0; i < emulated_rounds(6, 2); i++)
	{
		HwrOptimizerKind kind = (HwrOptimizerKind) (i / 2);
		HwrTrainPrecision precision = i % 2 ? HWR_TRAIN_BFLOAT16 : HWR_TRAIN_FLOAT32;
		Fixture		a,
					b,
					c,
					d;

		set_up_precision(&a, SMALL, 2, kind, precision);
		set_up_precision(&b, SMALL, 2, kind, precision);
		set_up_precision(&c, SMALL, 3, kind, precision);
		set_up_precision(&d, SMALL, 2, kind, precision);
		train_some(&a, 1);
		train_some(&b, 1);
		train_some(&c, 1);
		train_some(&d, 1000);
		assert_memory_equal(a.values, b.values, a.net.nvalues * sizeof(float));
		/* another number of threads adds in another order; another key drops other values */
		assert_true(largest_difference(a.values, c.values, a.net.nvalues) < 1e-2);
		assert_true(largest_difference(a.values, d.values, a.net.nvalues) > 1e-3);
		tear_down(&a);
		tear_down(&b);
		tear_down(&c);
		tear_down(&d);
	}
}

/* Posteriors: normalised, and the same alone, in a batch, with other threads, between other widths. */
/* Two steps at once, and two steps in two contexts with everything carried over, end alike. */
static void
test_moments(void **state)
{
	static const HwrOptimizerKind kinds[] = {HWR_SGD, HWR_ADAM, HWR_ADAMW};

	(void) state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
	{
		Fixture		whole;
		Fixture		second;
		Sample		s;
		HwrStatus	st = {0};
		int64_t		steps;
		float	   *m;
		float	   *v;
		float	   *after;

		set_up(&whole, SMALL, 2, kinds[i]);
		set_up(&second, SMALL, 2, kinds[i]);
		m = malloc(whole.net.nvalues * sizeof(float));
		v = malloc(whole.net.nvalues * sizeof(float));
		after = malloc(whole.net.nvalues * sizeof(float));
		make_sample(&s, 7, 4, 9, SMALL_W, 2, 6);
		train(&whole, &s, 0.01, 1);
		assert_true(whole.backend->get_values(whole.ctx, after, &st));
		assert_true(whole.backend->get_moments(whole.ctx, m, v, &steps, &st));
		assert_int_equal(steps, 1);
		assert_true(second.backend->set_values(second.ctx, after, &st));
		assert_true(second.backend->set_moments(second.ctx, m, v, steps, &st));
		train(&whole, &s, 0.01, 2);
		train(&second, &s, 0.01, 2);
		assert_true(whole.backend->get_values(whole.ctx, after, &st));
		assert_true(second.backend->get_values(second.ctx, second.values, &st));
		for (size_t j = 0; j < whole.net.nvalues; j++)
			assert_true(fabsf(after[j] - second.values[j]) <= 1e-5f * fabsf(after[j]) + 1e-6f);
		free(m);
		free(v);
		free(after);
		free(s.ink);
		tear_down(&whole);
		tear_down(&second);
	}
}

static void
test_describe(void **state)
{
	HwrDeviceInfo info;
	HwrStatus	st = {0};

	(void) state;
	assert_true(hwr_cpu_backend()->describe(&info, &st));
	assert_true(strlen(info.name) > 0);
	assert_non_null(strstr(info.driver, hwr_kernels_level()));
	assert_int_equal(info.memory, 0);
}

/* What the processor computes with while HWR_CPU has this value; how hwr_cpu_check finds it goes to *ok and *st. */
static HwrDeviceInfo
describe_with(const char *value, bool *ok, HwrStatus *st)
{
	HwrDeviceInfo info;

	setenv("HWR_CPU", value, 1);
	*ok = hwr_cpu_check(st);
	assert_true(hwr_cpu_backend()->describe(&info, st));
	return info;
}

static void
test_hwr_cpu(void **state)
{
	static const char *const wrong[] = {"nonsense", "PLAIN", " plain", "plain,avx2"};
	const char *now = getenv("HWR_CPU");
	char	   *saved = now != NULL ? strdup(now) : NULL;
	HwrDeviceInfo best;
	HwrDeviceInfo info;
	HwrStatus	st = {0};
	bool		ok;

	(void) state;
	best = describe_with("", &ok, &st);
	assert_true(ok);
	info = describe_with("plain", &ok, &st);
	assert_true(ok);
	assert_string_equal(info.driver, "plain");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
	{
		info = describe_with(wrong[i], &ok, &st);
		assert_false(ok);
		assert_non_null(strstr(st.detail, wrong[i]));
		assert_non_null(strstr(st.hint, "plain"));
		assert_string_equal(info.driver, best.driver);
	}
#if defined(__x86_64__)
	/* What it does not have */
	info = describe_with("amx", &ok, &st);
	assert_int_equal(ok, strncmp(info.driver, "amx", 3) == 0);
	assert_string_equal(info.driver, best.driver);
#endif
	if (saved != NULL)
		setenv("HWR_CPU", saved, 1);
	else
		unsetenv("HWR_CPU");
	free(saved);
}

static void
test_infer(void **state)
{
	enum
	{
		n = 5, width = 11, T = 20
	};
	Fixture		f,
				g;
	Sample		s,
				other;
	HwrStatus	st;
	float		logp[n * T * 6];
	float		again[n * T * 6];
	float		narrow[2 * 10 * 6];

	(void) state;
	set_up(&f, SMALL, 1, HWR_SGD);
	set_up(&g, SMALL, 3, HWR_SGD);
	make_sample(&s, 0, n, 9, width, 4, 6);
	make_sample(&other, 1, 2, 9, 6, 4, 6);
	assert_int_equal(hwr_net_steps(&f.net, width), T);
	assert_int_equal(hwr_net_steps(&f.net, 6), 10);

	assert_true(f.backend->infer(f.ctx, n, width, s.ink, logp, &st));
	for (int t = 0; t < n * T; t++)
	{
		double		sum = 0;

		for (int k = 0; k < 6; k++)
			sum += exp(logp[t * 6 + k]);
		assert_true(fabs(sum - 1) < 1e-5);
	}
	assert_true(largest_difference(logp, logp + T * 6, (size_t) T * 6) > 1e-3);

	assert_true(g.backend->infer(g.ctx, n, width, s.ink, again, &st));
	assert_true(largest_difference(logp, again, (size_t) (n * T * 6)) < 1e-5);
	for (int i = 0; i < n; i++)
	{
		assert_true(f.backend->infer(f.ctx, 2, 6, other.ink, narrow, &st));
		assert_true(f.backend->infer(f.ctx, 1, width, s.ink + i * 9 * width, again, &st));
		assert_true(largest_difference(logp + i * T * 6, again, (size_t) (T * 6)) < 1e-5);
	}
	assert_false(f.backend->infer(f.ctx, 1, 1, s.ink, again, &st));
	free(s.ink);
	free(other.ink);
	tear_down(&f);
	tear_down(&g);
}

/* A label that does not fit is left out of loss and gradient, and counted. */
static void
test_infeasible(void **state)
{
	Fixture		f,
				g;
	Sample		s;
	HwrStepResult result;
	HwrStatus	st;
	const int	repeated[MAX_LABEL] = {3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3};
	double		loss;

	(void) state;
	/* no layer that mixes images, so that leaving one out is the same as not having it */
	set_up(&f, "[1,8,0,1 Cr3,3,4 S1(1x8)1,3 Lbx5 O1c6]", 1, HWR_SGD);
	set_up(&g, "[1,8,0,1 Cr3,3,4 S1(1x8)1,3 Lbx5 O1c6]", 1, HWR_SGD);
	make_sample(&s, 0, 3, 8, 12, 4, 6);
	s.label_pointers[2] = repeated;
	s.lengths[2] = MAX_LABEL;	/* needs 23 steps */
	assert_true(f.backend->train_step(f.ctx, &s.batch, 0.1, 1, &result, &st));
	assert_int_equal(result.infeasible, 1);
	s.batch.n = 2;
	loss = train(&g, &s, 0.1, 1);
	assert_true(fabs(loss - result.loss) < 1e-5 * loss);
	assert_true(f.backend->get_values(f.ctx, f.values, &st));
	assert_true(g.backend->get_values(g.ctx, g.values, &st));
	assert_true(largest_difference(f.values, g.values, f.net.nvalues) < 1e-6);

	/* none fits: no step */
	s.batch.n = 1;
	s.label_pointers[0] = repeated;
	s.lengths[0] = MAX_LABEL;
	assert_true(f.backend->train_step(f.ctx, &s.batch, 0.1, 1, &result, &st));
	assert_int_equal(result.infeasible, 1);
	assert_true(f.backend->get_values(f.ctx, g.values, &st));
	assert_memory_equal(f.values, g.values, f.net.nvalues * sizeof(float));
	free(s.ink);
	tear_down(&f);
	tear_down(&g);
}

/* A few noise images are learnt by heart. */
static void
test_learns(void **state)
{
	(void) state;
	for (int kind = emulated_rounds(HWR_SGD, HWR_ADAMW); kind <= HWR_ADAMW; kind++)
	{
		Fixture		f;
		Sample		s;
		double		first;
		double		loss = 0;

		set_up(&f, "[1,8,0,1 Cr3,3,8 Mp2,2 Bn S1(1x4)1,3 Lbx16 O1c6]", 2, kind);
		make_sample(&s, 0, 4, 8, 32, 5, 6);
		first = train(&f, &s, kind == HWR_SGD ? 0.02 : 0.01, 0);
		for (uint64_t step = 1; step < 150; step++)
			loss = train(&f, &s, kind == HWR_SGD ? 0.02 : 0.01, step);
		if (!(loss < 0.05 * first))
			fail_msg("optimiser %d: loss went from %g to %g", kind, first, loss);
		free(s.ink);
		tear_down(&f);
	}
}

static void
test_diverges(void **state)
{
	Fixture		f;
	Sample		s;
	HwrStepResult result;
	HwrStatus	st = {0};
	bool		ok = true;

	(void) state;
	set_up(&f, "[1,8,0,1 Cl3,3,4 Cl3,3,4 S1(1x8)1,3 Fl9 O1c6]", 1, HWR_SGD);
	f.step.clip_norm = 0;
	make_sample(&s, 0, 2, 8, 12, 4, 6);
	for (int step = 0; ok && step < 50; step++)
		ok = f.backend->train_step(f.ctx, &s.batch, 1e12, 1, &result, &st);
	assert_false(ok);
	assert_int_equal(st.code, HWR_BAD_DATA);
	free(s.ink);
	tear_down(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_stay),
		cmocka_unit_test(test_first_losses),
		cmocka_unit_test(test_gradient),
		cmocka_unit_test(test_reproducible),
		cmocka_unit_test(test_moments),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_hwr_cpu),
		cmocka_unit_test(test_infer),
		cmocka_unit_test(test_infeasible),
		cmocka_unit_test(test_learns),
		cmocka_unit_test(test_diverges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
