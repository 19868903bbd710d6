/*
 * stages.c
 *	  Where the time of a training step on the CPU goes: processor time of each layer, forward and backward.
 *
 * usage: stages float32|bfloat16 [PRESET]
 *
 * One thread, 32 canvases of noise, 78 characters; the lower quartile of 20 repetitions, in milliseconds
 * an image.  A layer that a convolution works for costs nothing of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/network/backend.h"
#include "core/network/net.h"
#include "core/options/presets.h"
#include "core/base/rng.h"
#include "cpu/layers/cpu_net.h"

#define N 32
#define REPETITIONS 20
#define CLASSES 79
#define LABEL 8
#define SEED 1

static const char *const names[] = {"convolution", "max-pooling", "batch normalisation", "reshape", "LSTM", "dense", "dropout",
	"output"};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static int
compare_times(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* Milliseconds an image. */
static double
typical(double times[REPETITIONS])
{
	qsort(times, REPETITIONS, sizeof(double), compare_times);
	return times[REPETITIONS / 4] / N * 1e3;
}

static void
fail(const HwrStatus *st)
{
	fprintf(stderr, "stages: %s %s\n", st->message, st->detail);
	exit(1);
}

/* One table row for each layer; returns the sum. */
static double
measure_layers(const HwrNet *net, const HwrElements *e, const uint8_t *ink)
{
	static double times[HWR_MAX_LAYERS][2][REPETITIONS];
	HwrCpuPlan	plan = {0};
	HwrStatus	st = {0};
	HwrCpuNet  *cpu;
	HwrPool    *pool;
	double		sum = 0;
	size_t		nout;

	if (!hwr_cpu_net_create(net, true, &cpu, &st) || !hwr_pool_create(1, &pool, &st) ||
		!hwr_net_init(net, SEED, cpu->values, &st))
		fail(&st);
	cpu->e = e;
	if (!hwr_cpu_plan_prepare(&plan, cpu, pool, 0, net->nlayers, true, false, N, net->width, &st))
		fail(&st);
	cpu->k->from_ink((size_t) N * (size_t) net->height * (size_t) net->width, ink, plan.input);
	nout = N * hwr_shape_size(plan.runs[net->nlayers - 1].out);

	/* the first round does not count */
	for (int rep = -1; rep < REPETITIONS; rep++)
	{
		for (int i = 0; i < net->nlayers; i++)
		{
			double		start = now();

			hwr_layer_ops(net->layers[i].kind)->forward(&plan.runs[i]);
			times[i][0][rep > 0 ? rep : 0] = now() - start;
		}
		for (size_t i = 0; i < nout; i++)
			plan.doutput[i] = (float) (i % 17) * 1e-3f - 8e-3f;
		for (int i = net->nlayers - 1; i >= 0; i--)
		{
			double		start = now();

			hwr_layer_ops(net->layers[i].kind)->backward(&plan.runs[i]);
			times[i][1][rep > 0 ? rep : 0] = now() - start;
		}
	}
	for (int i = 0; i < net->nlayers; i++)
	{
		double		forward = typical(times[i][0]);
		double		backward = typical(times[i][1]);

		printf("%2d %-20s %8.3f %8.3f\n", i, names[net->layers[i].kind], forward, backward);
		sum += forward + backward;
	}
	hwr_cpu_plan_free(&plan);
	hwr_pool_free(pool);
	hwr_cpu_net_free(cpu);
	return sum;
}

static double
measure_step(const HwrNet *net, const HwrTrainOptions *options, const uint8_t *ink)
{
	const HwrBackend *backend = hwr_cpu_backend();
	HwrBackendConfig config = {.net = net,.threads = 1,.training = true,.step = &options->step};
	const int	label[LABEL] = {1, 2, 3, 4, 5, 6, 7, 8};
	const int  *labels[N];
	int			lengths[N];
	HwrBatch	batch = {.n = N,.width = net->width,.ink = ink,.labels = labels,.label_lengths = lengths};
	float	   *values = malloc(net->nvalues * sizeof(float));
	double		times[REPETITIONS];
	HwrBackendContext *ctx;
	HwrStepResult result;
	HwrStatus	st = {0};

	for (int i = 0; i < N; i++)
	{
		labels[i] = label;
		lengths[i] = LABEL;
	}
	if (values == NULL || !hwr_net_init(net, SEED, values, &st) ||
		!backend->create(&config, &ctx, &st) || !backend->set_values(ctx, values, &st))
		fail(&st);
	for (int rep = -1; rep < REPETITIONS; rep++)
	{
		double		start = now();

		if (!backend->train_step(ctx, &batch, 1e-5, (uint64_t) (rep + 1), &result, &st))
			fail(&st);
		times[rep > 0 ? rep : 0] = now() - start;
	}
	backend->destroy(ctx);
	free(values);
	return typical(times);
}

int
main(int argc, char **argv)
{
	static HwrNet net;
	HwrTrainOptions options;
	HwrStatus	st = {0};
	HwrRng		rng;
	uint8_t    *ink;
	double		layers;
	double		step;

	if (argc < 2 || hwr_preset_find(argc > 2 ? argv[2] : "keras") == NULL)
	{
		fputs("usage: stages float32|bfloat16 [PRESET]\n", stderr);
		return 2;
	}
	options = *hwr_preset_find(argc > 2 ? argv[2] : "keras");
	options.step.precision = strcmp(argv[1], "float32") == 0 ? HWR_TRAIN_FLOAT32 : HWR_TRAIN_BFLOAT16;
	if (!hwr_vgsl_parse(options.architecture, CLASSES, &net, &st))
		fail(&st);
	ink = malloc((size_t) N * (size_t) net.height * (size_t) net.width);
	if (ink == NULL)
		return 1;
	hwr_rng_seed(&rng, SEED, 0);
	for (size_t i = 0; i < (size_t) N * (size_t) net.height * (size_t) net.width; i++)
		ink[i] = (uint8_t) (hwr_rng_next(&rng) >> 56);

	puts("milliseconds an image    forward backward");
	layers = measure_layers(&net, options.step.precision == HWR_TRAIN_BFLOAT16 ? hwr_elements_bfloat16() : NULL, ink);
	step = measure_step(&net, &options, ink);
	printf("   all layers           %8.3f\n   a whole step         %8.3f\n", layers, step);
	free(ink);
	return 0;
}
