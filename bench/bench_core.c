/*
 * bench_core.c
 *	  Our side of "make bench", outside the database.
 *
 * usage: bench_core model FILE						write the network that is measured
 *		  bench_core canvases MODEL OUT IMAGE...		write ink canvases, uint8 [N][H][W]
 *		  bench_core serve MODEL CANVASES LABELS THREADS	measure
 *
 * The network is the keras preset with 78 characters and random values.  LABELS has the classes of one canvas in
 * each line.
 *
 * "serve" takes one command a line from standard input and answers each with one line, "ok ..." or
 * "error ...", so that compare.py can alternate between us and the peers; peer.py speaks the same:
 *
 *	 posteriors VARIANT N FILE		write log posteriors of the first N canvases, float32 [N][T][K]
 *	 loss VARIANT N				loss of the first N canvases in training mode without dropout
 *	 infer VARIANT N SECONDS	measure for at least so long; "ok" and the seconds an image
 *	 train VARIANT N SECONDS	likewise; float32 or bfloat16
 *	 decode FILE SECONDS		likewise: an encoded image to an ink canvas
 *	 variants					what VARIANT can be, separated by tabs
 *
 * The time of a trial is the median over its calls, at least three after one that does not count.
 * BENCH_CLOCK=cpu in the environment: processor time instead of elapsed time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/model/model.h"
#include "core/network/recognizer.h"
#include "core/options/presets.h"
#include "../tools/read_file.h"

#define SEED 1
#define MIN_CALLS 3
#define MAX_CALLS 100000
#define MAX_LABEL 64

static const char alphabet[] =
	" !#&'()*+,-./:;?0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
static clockid_t clock_id = CLOCK_MONOTONIC;
static const HwrImageLimits limits = {(int64_t) 1 << 30, (int64_t) 1 << 30};

/* What is measured: the state of "serve". */
typedef struct Bench
{
	HwrModel   *model;
	HwrTrainOptions options;
	int			threads;
	int			ncanvases;
	uint8_t    *canvases;		/* [ncanvases][H][W] */
	int			(*labels)[MAX_LABEL];	/* [ncanvases] */
	int		   *label_lengths;
	const int **label_pointers;
	HwrBackendContext *infer[3];	/* by precision */
	HwrPrecision precision;
	HwrBackendContext *train;
	HwrRecognizer *recognizer;
	float	   *logp;
	uint8_t    *image;			/* being decoded */
	size_t		image_len;
	int			n;				/* batch size of the measurement that runs */
	uint64_t	step;
	double		loss;
} Bench;

typedef bool (*Call) (Bench *b, HwrStatus *st);

static void
fail(const char *what, const HwrStatus *st)
{
	fprintf(stderr, "bench_core: %s: %s %s\n", what, st->message, st->detail);
	exit(1);
}

static void
write_file(const char *path, const void *bytes, size_t len)
{
	FILE	   *f = fopen(path, "wb");

	if (f == NULL || fwrite(bytes, 1, len, f) != len || fclose(f) != 0)
	{
		perror(path);
		exit(1);
	}
}

/*
 * What hwr_net_init gives hardly depends on the image.  With larger kernels the hidden states do, and the posteriors are as
 * uneven as a trained model's, without an output layer so large that it would magnify rounding errors.
 */
static double
kernel_gain(const char *name)
{
	static const struct
	{
		const char *part;
		double		gain;
	}			gains[] = {
		{".conv.kernel", 2}, {".dense.kernel", 2}, {".lstm.forward.kernel", 3}, {".lstm.reverse.kernel", 3},
		{".output.kernel", 4},
	};

	for (size_t i = 0; i < sizeof(gains) / sizeof(gains[0]); i++)
		if (strstr(name, gains[i].part) != NULL)
			return gains[i].gain;
	return 1;
}

static bool
fill_values(HwrModel *model, HwrStatus *st)
{
	const HwrNet *net = &model->net;

	if ((model->values = hwr_alloc(net->nvalues, sizeof(float), st)) == NULL ||
		!hwr_net_init(net, SEED, model->values, st))
		return false;
	for (int i = 0; i < net->ntensors; i++)
	{
		const HwrTensor *t = &net->tensors[i];
		double		gain = kernel_gain(t->name);

		for (size_t k = 0; k < t->count; k++)
			model->values[t->offset + k] = (float) (gain * model->values[t->offset + k]);
	}
	return true;
}

static int
write_model(const char *path)
{
	static HwrModel model;
	const HwrTrainOptions *preset = hwr_preset_find("keras");
	HwrStatus	st = {0};
	uint8_t    *bytes;
	size_t		len;

	model.fit = preset->fit;
	if (!hwr_alphabet_from_utf8(alphabet, strlen(alphabet), &model.alphabet, &st) ||
		!hwr_vgsl_parse(preset->architecture, model.alphabet.n + 1, &model.net, &st) ||
		!fill_values(&model, &st) ||
		!hwr_options_to_json(preset, &model.options, &st) ||
		!hwr_model_save(&model, &bytes, &len, &st))
		fail(path, &st);
	write_file(path, bytes, len);
	printf("%s, %d characters, %zu values, %.1f million multiply-adds an image\n", model.net.vgsl, model.alphabet.n,
		   model.net.nvalues, hwr_net_macs(&model.net, model.net.width) / 1e6);
	return 0;
}

static void
open_model(Bench *b, const char *path)
{
	HwrStatus	st = {0};
	size_t		len;
	uint8_t    *bytes = read_file(path, &len);

	if (!hwr_model_load(bytes, len, &b->model, &st) ||
		!hwr_recognizer_create(&b->model->net, b->model->values, b->model->fit, hwr_cpu_backend(), b->threads, HWR_FLOAT32,
							   &b->recognizer, &st))
		fail(path, &st);
	free(bytes);
}

static int
write_canvases(Bench *b, const char *target, int n, char **images)
{
	const HwrNet *net = &b->model->net;
	size_t		size = (size_t) net->height * (size_t) net->width;
	uint8_t    *all = malloc((size_t) n * size);
	HwrStatus	st = {0};

	if (all == NULL)
		return 1;
	for (int i = 0; i < n; i++)
	{
		HwrCanvas	canvas;
		size_t		len;
		uint8_t    *bytes = read_file(images[i], &len);

		if (!hwr_recognizer_prepare(b->recognizer, bytes, len, &limits, &canvas, &st))
			fail(images[i], &st);
		memcpy(all + (size_t) i * size, canvas.ink, size);
		hwr_canvas_free(&canvas);
		free(bytes);
	}
	write_file(target, all, (size_t) n * size);
	free(all);
	return 0;
}

static void
open_canvases(Bench *b, const char *canvases, const char *labels)
{
	const HwrNet *net = &b->model->net;
	size_t		len;
	int			n;
	char	   *line;

	b->canvases = read_file(canvases, &len);
	n = b->ncanvases = (int) (len / ((size_t) net->height * (size_t) net->width));
	b->labels = calloc((size_t) n, sizeof(*b->labels));
	b->label_lengths = calloc((size_t) n, sizeof(int));
	b->label_pointers = calloc((size_t) n, sizeof(int *));
	b->logp = malloc((size_t) n * (size_t) hwr_net_steps(net, net->width) * (size_t) net->classes * sizeof(float));
	if (b->labels == NULL || b->label_lengths == NULL || b->label_pointers == NULL || b->logp == NULL)
		exit(1);

	line = (char *) read_file(labels, &len);
	for (int i = 0; i < n; i++)
	{
		char	   *end = line + strcspn(line, "\n");
		char	   *next;

		while (b->label_lengths[i] < MAX_LABEL)
		{
			long		class = strtol(line, &next, 10);

			if (next == line || next > end)
				break;
			b->labels[i][b->label_lengths[i]++] = (int) class;
			line = next;
		}
		b->label_pointers[i] = b->labels[i];
		line = *end != '\0' ? end + 1 : end;
	}
}

/* The calls that are measured */

static bool
call_infer(Bench *b, HwrStatus *st)
{
	return hwr_cpu_backend()->infer(b->infer[b->precision], b->n, b->model->net.width, b->canvases, b->logp, st);
}

static bool
call_train(Bench *b, HwrStatus *st)
{
	HwrBatch	batch = {
		.n = b->n,
		.width = b->model->net.width,
		.ink = b->canvases,
		.labels = b->label_pointers,
		.label_lengths = b->label_lengths,
	};
	HwrStepResult result;

	if (!hwr_cpu_backend()->train_step(b->train, &batch, b->options.learning_rate, b->step++, &result, st))
		return false;
	b->loss = result.loss;
	return true;
}

static bool
call_decode(Bench *b, HwrStatus *st)
{
	HwrCanvas	canvas;

	if (!hwr_recognizer_prepare(b->recognizer, b->image, b->image_len, &limits, &canvas, st))
		return false;
	hwr_canvas_free(&canvas);
	return true;
}

static bool
open_infer(Bench *b, const char *variant, HwrStatus *st)
{
	HwrBackendConfig config = {.net = &b->model->net,.threads = b->threads};
	HwrBackendContext **ctx;

	b->precision = strcmp(variant, "int8") == 0 ? HWR_INT8 :
		strcmp(variant, "bfloat16") == 0 ? HWR_BFLOAT16 : HWR_FLOAT32;
	config.precision = b->precision;
	ctx = &b->infer[b->precision];
	return *ctx != NULL ||
		(hwr_cpu_backend()->create(&config, ctx, st) && hwr_cpu_backend()->set_values(*ctx, b->model->values, st));
}

/* The network as it is in the model file; each call starts again from those values. */
static bool
open_train(Bench *b, const char *variant, HwrNet *net, HwrStatus *st)
{
	HwrBackendConfig config = {.net = net,.threads = b->threads,.training = true,.step = &b->options.step};

	if (b->train != NULL)
		hwr_cpu_backend()->destroy(b->train);
	b->train = NULL;
	b->step = 0;
	b->options.step.precision = strcmp(variant, "float32") == 0 ? HWR_TRAIN_FLOAT32 : HWR_TRAIN_BFLOAT16;
	return hwr_cpu_backend()->create(&config, &b->train, st) &&
		hwr_cpu_backend()->set_values(b->train, b->model->values, st);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(clock_id, &t);
	return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static int
compare_times(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

static bool
measure(Bench *b, Call call, double seconds, HwrStatus *st)
{
	static double times[MAX_CALLS];
	int			n = 0;
	double		start;

	if (!call(b, st))
		return false;
	start = now();
	while (n < MIN_CALLS || (n < MAX_CALLS && now() < start + seconds))
	{
		double		t = now();

		if (!call(b, st))
			return false;
		times[n++] = now() - t;
	}
	qsort(times, (size_t) n, sizeof(double), compare_times);
	printf("ok %.9g %d\n", (n % 2 ? times[n / 2] : (times[n / 2 - 1] + times[n / 2]) / 2) / b->n, n);
	return true;
}

/* The commands */

static bool
do_posteriors(Bench *b, const char *variant, const char *path, HwrStatus *st)
{
	const HwrNet *net = &b->model->net;

	if (!open_infer(b, variant, st) || !call_infer(b, st))
		return false;
	write_file(path, b->logp, (size_t) b->n * (size_t) hwr_net_steps(net, net->width) *
			   (size_t) net->classes * sizeof(float));
	puts("ok");
	return true;
}

static bool
do_loss(Bench *b, const char *variant, HwrStatus *st)
{
	HwrNet		net = b->model->net;
	bool		ok;

	ok = hwr_net_set_dropout(&net, 0, st) && open_train(b, variant, &net, st) && call_train(b, st);
	hwr_cpu_backend()->destroy(b->train);
	b->train = NULL;
	if (ok)
		printf("ok %.9g\n", b->loss);
	return ok;
}

static bool
do_decode(Bench *b, const char *path, double seconds, HwrStatus *st)
{
	bool		ok;

	b->n = 1;
	b->image = read_file(path, &b->image_len);
	ok = measure(b, call_decode, seconds, st);
	free(b->image);
	return ok;
}

static bool
command(Bench *b, const char *line, HwrStatus *st)
{
	char		verb[32];
	char		variant[32] = "";
	char		path[1024];
	double		seconds;

	if (sscanf(line, "%31s", verb) == 1 && strcmp(verb, "variants") == 0)
	{
		puts("ok float32\tbfloat16\tint8");
		return true;
	}
	if (sscanf(line, "decode %1023s %lf", path, &seconds) == 2)
		return do_decode(b, path, seconds, st);
	if (sscanf(line, "%*s %31s %d", variant, &b->n) != 2)
		return hwr_fail(st, HWR_BAD_OPTION, "unknown command");
	if (b->n < 1 || b->n > b->ncanvases)
		return hwr_fail(st, HWR_BAD_OPTION, "batch size out of range");
	if (strcmp(verb, "loss") == 0)
		return do_loss(b, variant, st);
	if (sscanf(line, "posteriors %*s %*d %1023s", path) == 1)
		return do_posteriors(b, variant, path, st);
	if (sscanf(line, "infer %*s %*d %lf", &seconds) == 1)
		return open_infer(b, variant, st) && measure(b, call_infer, seconds, st);
	if (sscanf(line, "train %*s %*d %lf", &seconds) == 1)
		return open_train(b, variant, &b->model->net, st) && measure(b, call_train, seconds, st);
	return hwr_fail(st, HWR_BAD_OPTION, "unknown command");
}

static int
serve(Bench *b)
{
	char		line[2048];
	HwrStatus	st;

	b->options = *hwr_preset_find("keras");
	while (fgets(line, sizeof(line), stdin) != NULL)
	{
		memset(&st, 0, sizeof(st));
		if (!command(b, line, &st))
			printf("error %s %s\n", st.message, st.detail);
		fflush(stdout);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	static Bench bench = {.threads = 1};
	const char *clock = getenv("BENCH_CLOCK");

	if (clock != NULL && strcmp(clock, "cpu") == 0)
		clock_id = CLOCK_PROCESS_CPUTIME_ID;
	if (argc == 3 && strcmp(argv[1], "model") == 0)
		return write_model(argv[2]);
	if (argc > 4 && strcmp(argv[1], "canvases") == 0)
	{
		open_model(&bench, argv[2]);
		return write_canvases(&bench, argv[3], argc - 4, argv + 4);
	}
	if (argc == 6 && strcmp(argv[1], "serve") == 0)
	{
		bench.threads = atoi(argv[5]);
		open_model(&bench, argv[2]);
		open_canvases(&bench, argv[3], argv[4]);
		return serve(&bench);
	}
	fputs("usage: bench_core model FILE\n"
		  "       bench_core canvases MODEL OUT IMAGE...\n"
		  "       bench_core serve MODEL CANVASES LABELS THREADS\n", stderr);
	return 2;
}
