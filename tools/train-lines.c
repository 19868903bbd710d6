/*
 * train-lines.c
 *	  Train the network that finds lines without a database, as hwr_train_lines does in one.
 *
 * usage: train-lines TRUTH OUT.safetensors [steps=N] [batch=N] [width=N] [validation=N] [measure=N] [rate=X]
 * [decay=X] [threads=N]
 *		  [seed=N] [parts=X] [net=VGSL] [base=FILE]
 *
 * TRUTH is what tools/page-truth writes.  Options not given are hwr_train_lines' defaults; validation=6 puts every
 * sixth page aside; parts is the share of crops that are put together of several parts, with gaps and rules between,
 * which hwr_train_lines has none of. The same pages in the same order, options and seed give the values that
 * hwr_train_lines stores.  OUT gets, in 16 bits, the values with the least loss on the pages put aside whenever there
 * are better ones (without such pages: the latest), and OUT.last the latest.
 */
#include <math.h>
#include <time.h>

#include "core/model/model.h"
#include "cpu/backend_cpu.h"
#include "read_file.h"
#include "true_lines.h"

static const HwrImageLimits limits = {(int64_t) 1 << 30, (int64_t) 1 << 30};

static void
fail(const HwrStatus *st)
{
	fprintf(stderr, "train-lines: %s %s\n", st->message, st->detail);
	exit(1);
}

static void
read_pages(const char *path, HwrLineTrainer *t)
{
	size_t		len;
	char	   *text = (char *) read_file(path, &len);
	char	   *at = text;
	TruePage	page;
	HwrStatus	st;

	while (true_page(&at, &page))
	{
		HwrImage	image;
		uint8_t	   *bytes = read_file(page.path, &len);
		bool		used;

		if (!hwr_image_decode(bytes, len, &limits, 0, 0, &image, &st) ||
			!hwr_line_trainer_add(t, &image, page.lines, page.n, &used, &st))
			fail(&st);
		if (!used)
			printf("%s is left out: no line or no writing is on it\n", page.path);
		hwr_image_free(&image);
		free(bytes);
		true_page_free(&page);
	}
	free(text);
}

static void
save(const HwrLineTrainer *t, const HwrNet *net, const HwrLineOptions *o, const float *values,
	 const char *path)
{
	HwrModel	model = {.net = *net, .values = (float *) values};
	char		options[256];
	char		result[128];
	uint8_t	   *bytes;
	size_t		len;
	HwrStatus	st;
	FILE	   *f;

	snprintf(options, sizeof(options),
			 "{\"steps\": %d, \"batch\": %d, \"width\": %d, \"validation\": %d, \"learning_rate\": %g, "
			 "\"weight_decay\": %g, \"seed\": %llu}",
			 o->steps, o->batch, o->width, o->validation, o->learning_rate, o->weight_decay,
			 (unsigned long long) o->seed);
	snprintf(result, sizeof(result), "{\"pages\": %d, \"lines\": %lld, \"step\": %d}",
			 hwr_line_trainer_pages(t, false), (long long) hwr_line_trainer_lines(t),
			 hwr_line_trainer_best_step(t));
	model.options = options;
	model.result = result;
	if (!hwr_model_save_half(&model, &bytes, &len, &st))
		fail(&st);
	f = fopen(path, "wb");
	if (f == NULL || fwrite(bytes, 1, len, f) != len || fclose(f) != 0)
	{
		perror(path);
		exit(1);
	}
	free(bytes);
}

/* The value of NAME=VALUE, or NULL. */
static const char *
value_of(const char *argument, const char *name)
{
	size_t		len = strlen(name);

	return strncmp(argument, name, len) == 0 && argument[len] == '=' ? argument + len + 1 : NULL;
}

static bool
set_option(const char *argument, HwrLineOptions *o)
{
	const struct
	{
		const char *name;
		int		   *whole;
		double	   *real;
	}			options[] = {
		{"steps", &o->steps, NULL}, {"batch", &o->batch, NULL}, {"width", &o->width, NULL}, {"validation", &o->validation, NULL},
		{"measure", &o->measure_every, NULL}, {"threads", &o->threads, NULL}, {"rate", NULL, &o->learning_rate},
		{"decay", NULL, &o->weight_decay}, {"parts", NULL, &o->parts},
	};
	const char *value = value_of(argument, "seed");

	if (value != NULL)
		o->seed = strtoull(value, NULL, 10);
	for (size_t i = 0; value == NULL && i < sizeof(options) / sizeof(options[0]); i++)
	{
		value = value_of(argument, options[i].name);
		if (value != NULL && options[i].whole != NULL)
			*options[i].whole = atoi(value);
		else if (value != NULL)
			*options[i].real = atof(value);
	}
	return value != NULL;
}

static double
processor_seconds(void)
{
	return (double) clock() / CLOCKS_PER_SEC;
}

static void
train(HwrLineTrainer *t, const HwrNet *net, const HwrLineOptions *o, const char *out)
{
	char		last[4096];
	double		mean = 0;
	HwrStatus	st;

	snprintf(last, sizeof(last), "%s.last", out);
	if (!hwr_line_trainer_start(t, &st))
		fail(&st);
	for (int step = 1; step <= o->steps; step++)
	{
		double		loss;
		bool		done = false;

		if (!hwr_line_trainer_step(t, &loss, &st))
			fail(&st);
		mean += (loss - mean) / (step < 200 ? step : 200);
		if (!hwr_line_trainer_due(t))
			continue;
		while (!done)
			if (!hwr_line_trainer_measure(t, &done, &st))
				fail(&st);
		printf("step %d, loss %.4f, validation loss %.4f, %.0f s of processor time\n", step, mean,
			   hwr_line_trainer_validation_loss(t), processor_seconds());
		fflush(stdout);
		save(t, net, o, hwr_line_trainer_latest(t), last);
		if (hwr_line_trainer_best_step(t) == step)
			save(t, net, o, hwr_line_trainer_values(t), out);
	}
}

int
main(int argc, char **argv)
{
	HwrLineOptions options;
	HwrLineTrainer *t;
	HwrModel   *base = NULL;
	const char *vgsl = hwr_line_net_vgsl;
	HwrNet		net;
	HwrStatus	st;

	hwr_line_options_default(&options);
	for (int i = 3; i < argc; i++)
	{
		if (value_of(argv[i], "net") != NULL)
			vgsl = value_of(argv[i], "net");
		else if (value_of(argv[i], "base") != NULL)
		{
			size_t		len;
			uint8_t	   *bytes = read_file(value_of(argv[i], "base"), &len);

			if (!hwr_model_load(bytes, len, &base, &st))
				fail(&st);
			free(bytes);
		}
		else if (!set_option(argv[i], &options))
			argc = 0;
	}
	if (argc < 3)
	{
		fputs(
			"usage: train-lines TRUTH OUT.safetensors [steps=N] [batch=N] [width=N] [validation=N] [measure=N] "
			"[rate=X] [decay=X]\n"
			"       [threads=N] [seed=N] [parts=X] [net=VGSL] [base=FILE]\n",
			stderr);
		return 2;
	}
	if (base != NULL)
		net = base->net;
	else if (!hwr_vgsl_parse(vgsl, 0, &net, &st))
		fail(&st);
	if (!hwr_line_options_check(&options, &st) ||
		!hwr_line_trainer_create(&net, base != NULL ? base->values : NULL, &options, hwr_cpu_backend(),
								 (size_t) 1 << 34, &t, &st))
		fail(&st);
	read_pages(argv[1], t);
	printf("%zu values, %d pages to train on, %d to validate on\n", net.nvalues,
		   hwr_line_trainer_pages(t, false), hwr_line_trainer_pages(t, true));
	train(t, &net, &options, argv[2]);
	hwr_line_trainer_free(t);
	hwr_model_free(base);
	return 0;
}
