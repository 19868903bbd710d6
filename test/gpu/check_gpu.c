/*
 * check_gpu.c
 *	  The CUDA backend beside the CPU's, through backend.h: every kind of layer, whole steps, loss curves.
 *
 *	check_gpu [[--small] BACKEND REFERENCE]
 *
 * BACKEND is hwr_cuda.so, by default with the kernels on the host; REFERENCE the CPU backend built with
 * double.  Values, canvases, labels and random keys are drawn anew from the seed that is printed, or from
 * HWR_SEED; without arguments always alike.  HWR_CASE runs only the networks whose names contain it.  What a
 * backend is to fill is poisoned with NaN first. --small leaves out what is slow under compute-sanitizer or
 * on the host.
 *
 * A step of plain SGD leaves the gradients in the optimiser's first moments.  Errors are ||x - reference|| / ||reference||, for
 * a tensor's gradient with at least the floor's share of the norm of all gradients below the line: a bias before a
 * batch norm has a gradient of zero, of which only rounding is left.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/network/device.h"
#include "core/options/presets.h"
#include "core/base/rng.h"

#include "cases.h"

#define CLASSES 9

typedef struct Bounds
{
	double		posteriors;
	double		loss;
	double		gradient_norm;
	double		gradient;
	double		floor;
} Bounds;

/*
 * Of float32 and bfloat16.  The latter keeps 8 bits: 2^-9 a rounding, of which a chain of layers collects dozens; and
 * where a maximum or a kink falls on the other side, a gradient goes another way.
 */
static const Bounds bounds[] = {
	[HWR_FLOAT32] = {1e-5, 1e-5, 1e-4, 1e-3, 1e-4},
	[HWR_BFLOAT16] = {5e-2, 2e-2, 1e-1, 5e-1, 3e-2},
};

static const char *const precision_names[] = {
	[HWR_FLOAT32] = "float32",
	[HWR_BFLOAT16] = "bfloat16",
};

static HwrRng rng;
static int	checks;
static int	failures;

static void
die(const char *what, const HwrStatus *st)
{
	fprintf(stderr, "check_gpu: %s: %s: %s\n", what, st->message, st->detail);
	exit(1);
}

static void
report(bool ok, const char *what, const char *name, HwrPrecision precision, double error, double bound)
{
	checks++;
	failures += !ok;
	printf("%s - %s, %s: %s %.2e (at most %.0e)\n", ok ? "ok" : "not ok", name, precision_names[precision], what, error, bound);
}

static void
check_error(const char *what, const char *name, HwrPrecision precision, double error, double bound)
{
	report(error <= bound, what, name, precision, error, bound);	/* false of NaN */
}

/* ||x - y|| / max(||y||, least) */
static double
distance(const float *x, const float *y, size_t n, double least)
{
	double		difference = 0;
	double		norm = 0;

	for (size_t i = 0; i < n; i++)
	{
		difference += ((double) x[i] - (double) y[i]) * ((double) x[i] - (double) y[i]);
		norm += (double) y[i] * (double) y[i];
	}
	if (difference == 0)
		return 0;
	norm = sqrt(norm);
	return sqrt(difference) / (norm > least ? norm : least);
}

static double
norm_of(const float *x, size_t n)
{
	double		sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double) x[i] * (double) x[i];
	return sqrt(sum);
}

/* n floats that are not numbers. */
static float *
poisoned(size_t n)
{
	float	   *p = malloc(n * sizeof(float));

	for (size_t i = 0; i < n; i++)
		p[i] = NAN;
	return p;
}

/*
 * Inputs
 */

/* A batch that owns its memory. */
typedef struct Input
{
	HwrBatch	batch;
	uint8_t    *ink;
	int		   *classes;
	const int **labels;
	int		   *lengths;
	int64_t    *ids;
} Input;

static Input
make_input(const HwrNet *net, int n, int width)
{
	int			T = hwr_net_steps(net, width);
	size_t		size = (size_t) n * (size_t) net->height * (size_t) width;
	Input		in;

	in.ink = malloc(size);
	in.classes = malloc((size_t) n * (size_t) (T + 2) * sizeof(int));
	in.labels = malloc((size_t) n * sizeof(int *));
	in.lengths = malloc((size_t) n * sizeof(int));
	in.ids = malloc((size_t) n * sizeof(int64_t));
	for (size_t i = 0; i < size; i++)
		in.ink[i] = (uint8_t) hwr_rng_next(&rng);
	for (int i = 0; i < n; i++)
	{
		int		   *label = in.classes + i * (T + 2);

		/* about a third of the steps; the last of several does not fit */
		in.lengths[i] = n > 1 && i == n - 1 ? T + 2 : (int) hwr_rng_below(&rng, (uint64_t) T / 3 + 2);
		for (int j = 0; j < in.lengths[i]; j++)
			label[j] = 1 + (int) hwr_rng_below(&rng, (uint64_t) net->classes - 1);
		in.labels[i] = label;
		in.ids[i] = (int64_t) hwr_rng_next(&rng);
	}
	in.batch = (HwrBatch) {.n = n,.width = width,.ink = in.ink,.labels = in.labels,.label_lengths = in.lengths};
	return in;
}

static void
free_input(Input *in)
{
	free(in->ink);
	free(in->classes);
	free(in->labels);
	free(in->lengths);
	free(in->ids);
}

/* First values, and something other than zeros and ones where they are that. */
static float *
make_values(const HwrNet *net)
{
	HwrStatus	st;
	float	   *values = malloc(net->nvalues * sizeof(float));

	if (!hwr_net_init(net, hwr_rng_next(&rng), values, &st))
		die("values", &st);
	for (int i = 0; i < net->ntensors; i++)
	{
		const HwrTensor *t = &net->tensors[i];

		if (!t->decay)
			for (size_t j = 0; j < t->count; j++)
				values[t->offset + j] += (float) hwr_rng_range(&rng, -0.2, 0.2);
	}
	return values;
}

static HwrTrainOptions
plain_options(HwrPrecision precision)
{
	HwrTrainOptions options = *hwr_preset_find("keras");

	options.step.momentum = 0;
	options.step.clip_norm = 0;
	options.step.precision = precision == HWR_BFLOAT16 ? HWR_TRAIN_BFLOAT16 : HWR_TRAIN_FLOAT32;
	return options;
}

static HwrBackendContext *
open_context(const HwrBackend *backend, const HwrNet *net, HwrPrecision precision, const HwrTrainOptions *options,
			 const float *values)
{
	HwrBackendConfig config = {.net = net,.threads = 2,.precision = precision,.training = options != NULL,
		.step = options != NULL ? &options->step : NULL};
	HwrBackendContext *ctx;
	HwrStatus	st;

	if (!backend->create(&config, &ctx, &st) || !backend->set_values(ctx, values, &st))
		die(backend->name, &st);
	return ctx;
}

/*
 * Checks
 */

static void
check_infer(const HwrBackend *backend, const HwrBackend *reference, const Case *c, const HwrNet *net, HwrPrecision precision)
{
	Input		in = make_input(net, c->n, c->width);
	float	   *values = make_values(net);
	size_t		size = (size_t) c->n * (size_t) hwr_net_steps(net, c->width) * (size_t) net->classes;
	float	   *got = poisoned(size);
	float	   *expected = poisoned(size);
	HwrBackendContext *a = open_context(backend, net, precision, NULL, values);
	HwrBackendContext *b = open_context(reference, net, HWR_FLOAT32, NULL, values);
	HwrStatus	st;

	if (!reference->infer(b, c->n, c->width, in.ink, expected, &st))
		die(c->name, &st);
	for (int again = 0; again < 3; again++) /* directly, as a graph is captured, and launched */
	{
		memset(got, 0xFF, size * sizeof(float));
		if (!backend->infer(a, c->n, c->width, in.ink, got, &st))
			die(c->name, &st);
	}
	check_error("posteriors", c->name, precision, distance(got, expected, size, 0), bounds[precision].posteriors);
	backend->destroy(a);
	reference->destroy(b);
	free(got);
	free(expected);
	free(values);
	free_input(&in);
}

/*
 * Statistics of batch normalisation, measured three times by both: directly, as a graph is captured, and
 * launched.  Everything else stays.
 */
static void
check_measure(const HwrBackend *backend, const HwrBackend *reference, const Case *c, const HwrNet *net, HwrPrecision precision)
{
	HwrTrainOptions options = plain_options(precision);
	HwrTrainOptions exact = plain_options(HWR_FLOAT32);
	Input		in = make_input(net, c->n, c->width);
	float	   *values = make_values(net);
	float	   *got = poisoned(net->nvalues);
	float	   *expected = poisoned(net->nvalues);
	HwrBackendContext *a = open_context(backend, net, precision, &options, values);
	HwrBackendContext *b = open_context(reference, net, HWR_FLOAT32, &exact, values);
	double		worst = 0;
	bool		same = true;
	HwrStatus	st;

	for (uint64_t key = 1; key <= 3; key++)
		if (!backend->measure(a, &in.batch, 1.0 / (double) key, key, &st) ||
			!reference->measure(b, &in.batch, 1.0 / (double) key, key, &st))
			die(c->name, &st);
	if (!backend->get_values(a, got, &st) || !reference->get_values(b, expected, &st))
		die(c->name, &st);
	for (int i = 0; i < net->ntensors; i++)
	{
		const HwrTensor *t = &net->tensors[i];
		double		error = distance(got + t->offset, expected + t->offset, t->count, bounds[precision].floor);

		if (t->trainable)
			same = same && memcmp(got + t->offset, values + t->offset, t->count * sizeof(float)) == 0;
		else if (error > worst)
			worst = error;
	}
	check_error("statistics", c->name, precision, worst, bounds[precision].posteriors);
	check_error("values after measuring", c->name, precision, !same, 0);
	backend->destroy(a);
	reference->destroy(b);
	free(got);
	free(expected);
	free(values);
	free_input(&in);
}

static void
step(const HwrBackend *backend, HwrBackendContext *ctx, const HwrBatch *batch, double rate, uint64_t key, HwrStepResult *result,
	 const char *name)
{
	HwrStatus	st;

	memset(result, 0xFF, sizeof(*result));
	if (!backend->train_step(ctx, batch, rate, key, result, &st))
		die(name, &st);
}

/* One step of SGD on both: loss, count of labels that do not fit, gradients, values. */
static void
check_step(const HwrBackend *backend, const HwrBackend *reference, const Case *c, const HwrNet *net, HwrPrecision precision)
{
	HwrTrainOptions options = plain_options(precision);
	HwrTrainOptions exact = plain_options(HWR_FLOAT32);
	Input		in = make_input(net, c->n, c->width);
	float	   *values = make_values(net);
	float	   *got = poisoned(net->nvalues);
	float	   *expected = poisoned(net->nvalues);
	float	   *zero = calloc(net->nvalues, sizeof(float));
	uint64_t	key = hwr_rng_next(&rng);
	HwrBackendContext *a;
	HwrBackendContext *b;
	HwrStepResult x;
	HwrStepResult y;
	int64_t		steps = -1;
	double		worst = 0;
	double		all;
	HwrStatus	st;

	if (c->large)			/* of tiny canvases of noise nothing is left */
		options.step.augment = exact.step.augment = (HwrAugmentStrengths) {1, 1, 1, 1, 1, 1};
	else
		options.step.augment = exact.step.augment = (HwrAugmentStrengths) {0};
	a = open_context(backend, net, precision, &options, values);
	b = open_context(reference, net, HWR_FLOAT32, &exact, values);
	step(backend, a, &in.batch, 0.5, key, &x, c->name);
	step(reference, b, &in.batch, 0.5, key, &y, c->name);
	check_error("loss", c->name, precision, fabs(x.loss - y.loss) / fabs(y.loss), bounds[precision].loss);
	check_error("labels that do not fit", c->name, precision, fabs((double) x.infeasible - y.infeasible), 0);
	check_error("gradient norm", c->name, precision, fabs(x.grad_norm - y.grad_norm) / y.grad_norm,
				bounds[precision].gradient_norm);

	if (!backend->get_moments(a, got, zero, &steps, &st) || !reference->get_moments(b, expected, zero, &steps, &st))
		die(c->name, &st);
	all = norm_of(expected, net->nvalues);
	for (int i = 0; i < net->ntensors; i++)
	{
		const HwrTensor *t = &net->tensors[i];
		double		error = distance(got + t->offset, expected + t->offset, t->count, bounds[precision].floor * all);

		if (t->trainable && !(error <= bounds[precision].gradient))
			report(false, t->name, c->name, precision, error, bounds[precision].gradient);
		if (t->trainable && error > worst)
			worst = error;
	}
	check_error("worst gradient", c->name, precision, worst, bounds[precision].gradient);

	if (!backend->get_values(a, got, &st) || !reference->get_values(b, expected, &st))
		die(c->name, &st);
	check_error("values", c->name, precision, distance(got, expected, net->nvalues, 0), bounds[precision].gradient);
	backend->destroy(a);
	reference->destroy(b);
	free(got);
	free(expected);
	free(values);
	free(zero);
	free_input(&in);
}

/* A new canvas and label every now and then, as an epoch brings them; ids or none, equal bits. */
static void
check_ids(const HwrBackend *backend, HwrOptimizerKind kind, HwrPrecision precision)
{
	HwrTrainOptions options = *hwr_preset_find("small");
	HwrNet		net;
	HwrStatus	st;
	HwrBackendContext *ctx[2];
	float	   *values;
	float	   *got[2];
	bool		same;

	options.step.optimizer = kind;
	options.step.precision = precision == HWR_BFLOAT16 ? HWR_TRAIN_BFLOAT16 : HWR_TRAIN_FLOAT32;
	if (!hwr_vgsl_parse("[1,12,24,1 Cr3,3,8 Bn Mp2,2 S1(1x0)1,3 Lbx8 Do0.25 O1c9]", CLASSES, &net, &st))
		die("ids", &st);
	values = make_values(&net);
	for (int i = 0; i < 2; i++)
	{
		ctx[i] = open_context(backend, &net, precision, &options, values);
		got[i] = poisoned(net.nvalues);
	}
	for (int s = 0; s < 6; s++)
	{
		static Input in;
		HwrStepResult result[2];

		if (s % 3 == 0)			/* three steps on each: directly, captured, launched */
		{
			if (s > 0)
				free_input(&in);
			in = make_input(&net, 4, 24);
			in.ids[1] = in.ids[0];
			memcpy(in.ink + 12 * 24, in.ink, 12 * 24);
		}
		for (int i = 0; i < 2; i++)
		{
			in.batch.ids = i == 0 ? in.ids : NULL;
			step(backend, ctx[i], &in.batch, 1e-3, (uint64_t) s, &result[i], "ids");
		}
		if (result[0].loss != result[1].loss)
			report(false, "loss of a step", "canvases kept by id", precision, result[0].loss, result[1].loss);
		if (s == 5)
			free_input(&in);
	}
	for (int i = 0; i < 2; i++)
	{
		if (!backend->get_values(ctx[i], got[i], &st))
			die("ids", &st);
		backend->destroy(ctx[i]);
	}
	same = memcmp(got[0], got[1], net.nvalues * sizeof(float)) == 0;
	report(same, "values differ by", "canvases kept by id", precision, distance(got[0], got[1], net.nvalues, 0), 0);
	free(got[0]);
	free(got[1]);
	free(values);
}

/* Too little memory is an error that names the limit, and leaves the context usable. */
static void
check_memory_limit(const HwrBackend *backend)
{
	HwrBackendConfig config = {.threads = 1,.memory_limit = (size_t) 64 << 20};
	HwrNet		net;
	HwrStatus	st = {0};
	HwrBackendContext *ctx;
	float	   *values;
	uint8_t    *ink = calloc(1024, 32 * 512);
	float	   *logp = poisoned((size_t) 1024 * 512 * CLASSES);
	bool		refused;
	bool		usable;

	if (!hwr_vgsl_parse("[1,32,0,1 Cr3,3,64 Mp32,1 O1c9]", CLASSES, &net, &st))
		die("memory limit", &st);
	config.net = &net;
	values = make_values(&net);
	if (!backend->create(&config, &ctx, &st) || !backend->set_values(ctx, values, &st))
		die("memory limit", &st);
	refused = !backend->infer(ctx, 1024, 512, ink, logp, &st) && st.code == HWR_OUT_OF_MEMORY &&
		strstr(st.detail, "the limit is 64 MB") != NULL;
	usable = backend->infer(ctx, 1, 32, ink, logp, &st) && backend->memory(ctx) <= config.memory_limit;
	report(refused, "refusal", "memory limit", HWR_FLOAT32, refused ? 0 : 1, 0);
	report(usable, "use afterwards", "memory limit", HWR_FLOAT32, usable ? 0 : 1, 0);
	backend->destroy(ctx);
	free(ink);
	free(logp);
	free(values);
}

/* Canvases that show their labels: a bar for each class, its height and place the class's. */
static void
draw_labels(const HwrNet *net, Input *in)
{
	memset(in->ink, 0, (size_t) in->batch.n * (size_t) net->height * (size_t) in->batch.width);
	for (int i = 0; i < in->batch.n; i++)
	{
		in->lengths[i] = 1 + (int) hwr_rng_below(&rng, 4);
		for (int j = 0; j < in->lengths[i]; j++)
		{
			int			class = 1 + (int) hwr_rng_below(&rng, CLASSES - 1);

			in->classes[in->labels[i] - in->classes + j] = class;
			for (int y = class; y < class + 3; y++)
				for (int x = 0; x < 4; x++)
					in->ink[(i * net->height + y) * in->batch.width + 2 + j * 8 + x] = 255;
		}
	}
}

#define CURVE 50
#define SMALL_CURVE 20
#define BATCHES 5

/* Losses of steps on the same few batches. */
static void
run_curve(const HwrBackend *backend, const HwrNet *net, const HwrTrainOptions *options, const float *values, Input *in,
		  int steps, double *losses)
{
	HwrBackendContext *ctx = open_context(backend, net, HWR_FLOAT32, options, values);

	for (int s = 0; s < steps; s++)
	{
		HwrStepResult result;

		step(backend, ctx, &in[s % BATCHES].batch, 1e-2, (uint64_t) s, &result, "curve");
		losses[s] = result.loss;
	}
	backend->destroy(ctx);
}

/*
 * Loss curves side by side.  Rounding differs and chaos does the rest, so the early losses are compared one
 * by one and the last ten by their mean.
 */
static void
check_curve(const HwrBackend *backend, const HwrBackend *reference, HwrPrecision precision, int steps)
{
	HwrTrainOptions options = *hwr_preset_find("small");
	HwrNet		net;
	HwrStatus	st;
	Input		in[BATCHES];
	double		got[CURVE];
	double		expected[CURVE];
	double		early = 0;
	double		late[2] = {0};
	float	   *values;

	options.step.augment = (HwrAugmentStrengths) {0};
	if (!hwr_vgsl_parse("[1,16,32,1 Cr3,3,8 Bn Mp2,2 Cr3,3,8 Bn Mp8,1 Lbx8 Do0.1 O1c9]", CLASSES, &net, &st))
		die("curve", &st);
	values = make_values(&net);
	for (int i = 0; i < BATCHES; i++)
	{
		in[i] = make_input(&net, 4, 32);
		draw_labels(&net, &in[i]);
	}
	options.step.precision = HWR_TRAIN_FLOAT32;
	run_curve(reference, &net, &options, values, in, steps, expected);
	options.step.precision = precision == HWR_BFLOAT16 ? HWR_TRAIN_BFLOAT16 : HWR_TRAIN_FLOAT32;
	run_curve(backend, &net, &options, values, in, steps, got);
	for (int s = 0; s < steps; s++)
	{
		double		error = fabs(got[s] - expected[s]) / expected[s];

		if (s % 5 == 4)
			printf("#   step %2d: loss %.4f, reference %.4f\n", s + 1, got[s], expected[s]);
		if (s < 5 && error > early)
			early = error;
		if (s >= steps - 10)
		{
			late[0] += got[s] / 10;
			late[1] += expected[s] / 10;
		}
	}
	check_error("first five losses", "curve", precision, early, precision == HWR_FLOAT32 ? 1e-3 : 5e-2);
	check_error("mean of the last ten", "curve", precision, fabs(late[0] - late[1]) / late[1], 0.25);
	check_error("last over first loss", "curve", precision, late[0] / got[0], 0.8);
	for (int i = 0; i < BATCHES; i++)
		free_input(&in[i]);
	free(values);
}

/*
 * In a small map a rounded value on the other side of a ReLU's kink is a different gradient: in bfloat16 small networks have tanh
 * instead.
 */
static void
smooth(char *vgsl)
{
	for (char *p = vgsl; *p != '\0'; p++)
		if ((p[0] == 'C' || p[0] == 'F') && p[1] == 'r')
			p[1] = 't';
}

static void
check_case(const HwrBackend *backend, const HwrBackend *reference, const Case *c, HwrPrecision precision)
{
	HwrNet		net;
	HwrStatus	st;
	char		vgsl[256];

	snprintf(vgsl, sizeof(vgsl), "%s", c->vgsl);
	if (precision == HWR_BFLOAT16 && !c->large)
		smooth(vgsl);
	if (!hwr_vgsl_parse(vgsl, CLASSES, &net, &st) || (c->shortcut > 0 && !hwr_net_add_shortcut(&net, c->shortcut, &st)))
		die(c->name, &st);
	check_infer(backend, reference, c, &net, precision);
	check_measure(backend, reference, c, &net, precision);
	check_step(backend, reference, c, &net, precision);
}

static const HwrBackend *
load(const char *path)
{
	const HwrBackend *backend;
	HwrStatus	st;

	if (!hwr_device_load(path, &backend, &st))
	{
		printf("no GPU: %s\n", st.detail);
		exit(1);
	}
	return backend;
}

int
main(int argc, char **argv)
{
	bool		small = argc == 1 || strcmp(argv[1], "--small") == 0;
	const char *seed = getenv("HWR_SEED");
	const char *only = getenv("HWR_CASE");
	uint64_t	start = seed != NULL ? strtoull(seed, NULL, 10) : argc == 1 ? 1 : (uint64_t) time(NULL);
	const HwrBackend *backend;
	const HwrBackend *reference;
	HwrDeviceInfo info;
	HwrStatus	st;

	if (argc != 1 && argc != 3 + small)
	{
		fprintf(stderr, "usage: check_gpu [[--small] BACKEND REFERENCE]\n");
		return 2;
	}
	backend = load(argc == 1 ? "build/" HWR_VARIANT "/gpu/hwr_cuda.so" : argv[argc - 2]);
	reference = load(argc == 1 ? "build/f64/gpu/reference.so" : argv[argc - 1]);
	if (!backend->describe(&info, &st))
		die("describe", &st);
	printf("# %s, driver %s, %zu MB, seed %llu\n", info.name, info.driver, info.memory >> 20, (unsigned long long) start);
	hwr_rng_seed(&rng, start, 0);
	for (HwrPrecision p = HWR_FLOAT32; p <= HWR_BFLOAT16; p++)
	{
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			if ((!small || !cases[i].large) && (only == NULL || strstr(cases[i].name, only) != NULL))
				check_case(backend, reference, &cases[i], p);
		if (only != NULL)
			continue;
		check_ids(backend, HWR_SGD, p);
		check_ids(backend, HWR_ADAM, p);
		check_ids(backend, HWR_ADAMW, p);
		check_curve(backend, reference, p, small ? SMALL_CURVE : CURVE);
	}
	if (only == NULL)
		check_memory_limit(backend);
	printf("%d checks, %d failed\n", checks, failures);
	return failures > 0;
}
