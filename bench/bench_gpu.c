/*
 * bench_gpu.c
 *	  Speed of a backend library: images a second of training steps and of inference.
 *
 *	bench_gpu BACKEND PRESET BATCH...
 *
 * Prints "network PRESET VGSL", then "train PRESET BATCH IMAGES_PER_SECOND" and "infer ..." for each batch
 * size: the median of five rounds of at least a second each.  Canvases and labels are random; training draws
 * its batches from more canvases than one batch has, under ids, without augmentation, in bfloat16.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/network/device.h"
#include "core/options/presets.h"
#include "core/base/rng.h"

#define CLASSES 79
#define LABEL 10				/* characters */
#define POOL 4096				/* canvases */
#define ROUNDS 5
#define WARM_STEPS 5
#define SECONDS 1.0

typedef struct Bench
{
	const HwrBackend *backend;
	HwrBackendContext *ctx;
	HwrNet		net;
	HwrRng		rng;
	uint8_t    *pool;			/* [POOL][H][W] */
	int			labels[POOL][LABEL];
	int			n;
	uint8_t    *ink;			/* [n][H][W] */
	int64_t    *ids;
	const int **batch_labels;
	int		   *lengths;
	float	   *logp;
	uint64_t	steps;
} Bench;

static void
die(const char *what, const HwrStatus *st)
{
	fprintf(stderr, "bench_gpu: %s: %s: %s\n", what, st->message, st->detail);
	exit(1);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

static void
draw_batch(Bench *b)
{
	size_t		size = (size_t) b->net.height * (size_t) b->net.width;

	for (int i = 0; i < b->n; i++)
	{
		int			from = (int) hwr_rng_below(&b->rng, POOL);

		memcpy(b->ink + (size_t) i * size, b->pool + (size_t) from * size, size);
		b->ids[i] = from;
		b->batch_labels[i] = b->labels[from];
		b->lengths[i] = LABEL;
	}
}

static void
train(Bench *b)
{
	HwrBatch	batch = {b->n, b->net.width, b->ink, b->ids, b->batch_labels, b->lengths};
	HwrStepResult result;
	HwrStatus	st;

	draw_batch(b);
	if (!b->backend->train_step(b->ctx, &batch, 1e-4, b->steps++, &result, &st))
		die("train_step", &st);
}

static void
infer(Bench *b)
{
	HwrStatus	st;

	if (!b->backend->infer(b->ctx, b->n, b->net.width, b->ink, b->logp, &st))
		die("infer", &st);
}

static int
compare(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

static double
images_per_second(Bench *b, void (*work) (Bench *))
{
	double		rates[ROUNDS];

	for (int i = 0; i < WARM_STEPS; i++)
		work(b);
	for (int round = 0; round < ROUNDS; round++)
	{
		double		start = now();
		int			steps = 0;

		do
		{
			work(b);
			steps++;
		} while (now() - start < SECONDS);
		rates[round] = steps * b->n / (now() - start);
	}
	qsort(rates, ROUNDS, sizeof(double), compare);
	return rates[ROUNDS / 2];
}

static void
make_pool(Bench *b)
{
	size_t		size = POOL * (size_t) b->net.height * (size_t) b->net.width;

	hwr_rng_seed(&b->rng, 1, 0);
	b->pool = malloc(size);
	for (size_t i = 0; i < size; i++)
		b->pool[i] = (uint8_t) hwr_rng_next(&b->rng);
	for (int i = 0; i < POOL; i++)
		for (int j = 0; j < LABEL; j++)
			b->labels[i][j] = 1 + (int) hwr_rng_below(&b->rng, CLASSES - 1);
}

static void
open_context(Bench *b, const HwrTrainOptions *options)
{
	HwrBackendConfig config = {.net = &b->net,.threads = 1,.precision = HWR_BFLOAT16,.training = true,.step = &options->step};
	float	   *values = malloc(b->net.nvalues * sizeof(float));
	HwrStatus	st;

	if (!hwr_net_init(&b->net, 1, values, &st) ||
		!b->backend->create(&config, &b->ctx, &st) || !b->backend->set_values(b->ctx, values, &st))
		die("create", &st);
	free(values);
}

static void
run(Bench *b, const char *preset, int n)
{
	size_t		size = (size_t) n * (size_t) b->net.height * (size_t) b->net.width;

	b->n = n;
	b->ink = malloc(size);
	b->ids = malloc((size_t) n * sizeof(int64_t));
	b->batch_labels = malloc((size_t) n * sizeof(int *));
	b->lengths = malloc((size_t) n * sizeof(int));
	b->logp = malloc((size_t) n * (size_t) hwr_net_steps(&b->net, b->net.width) * CLASSES * sizeof(float));
	printf("train %s %d %.0f\n", preset, n, images_per_second(b, train));
	printf("infer %s %d %.0f\n", preset, n, images_per_second(b, infer));
	fflush(stdout);
	free(b->ink);
	free(b->ids);
	free(b->batch_labels);
	free(b->lengths);
	free(b->logp);
}

int
main(int argc, char **argv)
{
	static Bench b;
	const HwrTrainOptions *preset = argc > 3 ? hwr_preset_find(argv[2]) : NULL;
	HwrTrainOptions options;
	HwrStatus	st;

	if (preset == NULL)
	{
		fprintf(stderr, "usage: bench_gpu BACKEND PRESET BATCH...\n");
		return 2;
	}
	options = *preset;
	options.step.optimizer = HWR_ADAMW;
	options.step.augment = (HwrAugmentStrengths) {0};
	options.step.precision = HWR_TRAIN_BFLOAT16;
	if (!hwr_device_load(argv[1], &b.backend, &st))
	{
		printf("no GPU: %s\n", st.detail);
		return 1;
	}
	if (!hwr_vgsl_parse(preset->architecture, CLASSES, &b.net, &st))
		die(preset->preset, &st);
	printf("network %s %s\n", preset->preset, b.net.vgsl);
	make_pool(&b);
	open_context(&b, &options);
	for (int i = 3; i < argc; i++)
		run(&b, preset->preset, atoi(argv[i]));
	b.backend->destroy(b.ctx);
	free(b.pool);
	return 0;
}
