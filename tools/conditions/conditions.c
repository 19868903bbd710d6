/*
 * conditions.c
 *	  How well a model reads the same images under other conditions of scanning.
 *
 * usage: conditions MODEL.safetensors FOLDER LIST.csv [MAX [CONDITION...]]
 *
 * LIST.csv has a header and lines "filename,label,..." of images in FOLDER; at most MAX of them (0: all) are
 * read.  Each is decoded, drawn anew under every condition, compressed as JPEG and read as hwr_recognize does; the table
 * gives CER and exact matches, how many readings are empty and how many pictures were judged to hold no ink,
 * and the time to decode and preprocess.  Conditions whose name begins with "no_" hold no line of text: there
 * the empty readings count.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/model/model.h"
#include "core/model/reading.h"
#include "core/network/device.h"
#include "core/network/recognizer.h"
#include "core/text/metrics.h"
#include "conditions.h"
#include "../read_file.h"

static const HwrImageLimits limits = {(int64_t) 1 << 30, (int64_t) 1 << 30};

static void
fail(const char *what, const HwrStatus *st)
{
	fprintf(stderr, "conditions: %s: %s %s\n", what, st->message, st->detail);
	exit(1);
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

static void
measure(const char *condition, HwrRecognizer *rec, const HwrModel *model, HwrBeam *beam, const Row *rows, int n)
{
	HwrMetrics	m = {0};
	HwrStatus	st = {0};
	HwrRng		rng;
	int			empty = 0;
	int			bare = 0;
	double		time = 0;

	hwr_rng_seed(&rng, 1, 0);
	for (int i = 0; i < n; i++)
	{
		uint8_t    *bytes = rows[i].bytes;
		size_t		len = rows[i].len;
		HwrCanvas	canvas;
		HwrPosterior posterior;
		HwrReading	reading;
		double		start;

		if (strcmp(condition, "stored") != 0)
			bytes = draw_condition(condition, &rows[i].picture, &rng, &len);
		start = seconds();
		if (!hwr_recognizer_prepare(rec, bytes, len, &limits, &canvas, &st))
			fail(condition, &st);
		time += seconds() - start;
		if (!hwr_recognizer_run(rec, 1, &canvas, &posterior, &st) ||
			!hwr_model_decode(model, beam, posterior.logp, posterior.steps, posterior.classes, &reading, &st) ||
			!hwr_metrics_add(&m, NULL, rows[i].label, strlen(rows[i].label), reading.text, strlen(reading.text), &st))
			fail(condition, &st);
		empty += reading.text[0] == '\0';
		bare += hwr_canvas_is_empty(&canvas, model->net.height);
		hwr_reading_free(&reading);
		hwr_posterior_free(&posterior);
		hwr_canvas_free(&canvas);
		if (bytes != rows[i].bytes)
			free(bytes);
	}
	if (strncmp(condition, "no_", 3) == 0)
		printf("%-22s %38.2f %% empty, %6.2f %% without ink  %8.3f ms\n", condition, 100.0 * empty / n, 100.0 * bare / n,
			   1000 * time / n);
	else
		printf("%-22s CER %6.2f %%  exact %6.2f %%  %6.2f %% empty, %6.2f %% without ink  %8.3f ms\n", condition,
			   100 * hwr_metrics_cer(&m),
			   100 * hwr_metrics_exact(&m), 100.0 * empty / n, 100.0 * bare / n, 1000 * time / n);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	static const char *all[] = {
		"stored", "clean", "quality_20", "height_12", "height_24", "height_400", "fade_0.25", "noise_8",
		"inverted", "inverted_frame", "frame_1", "frame_2", "frame_4", "light_strip_0.02", "light_strip_0.1", "dark_strip_0.05",
		"gradient_0.5", "gradient_down_0.5", "shadow_0.4", "shadow_0.7", "shadow_down_0.5",
		"ruled_3", "sloped_ruled_3", "squared_4", "dotted_3", "blue_ink", "red_ink", "yellow_paper", "turned_1", "turned_3",
		"blurred_1", "photograph", "margins_0.25", "margins_0.5", "margins_1", "tight",
		"no_blank_20", "no_blank_75", "no_blank_95", "no_noisy_blank_75", "no_ramp_5", "no_ramp_75", "no_steep_ramp_50",
		"no_framed_blank_2", "no_ruled_blank_3", "no_dotted_blank_3", "no_shadow_blank", "no_photograph", "no_page",
	};
	HwrStatus	st = {0};
	HwrModel   *model;
	HwrRecognizer *rec;
	HwrBeam    *beam;
	uint8_t    *bytes;
	size_t		len;
	Row		   *rows;
	int			n;

	if (argc < 4)
	{
		fprintf(stderr, "usage: conditions MODEL.safetensors FOLDER LIST.csv [MAX [CONDITION...]]\n");
		return 2;
	}
	bytes = read_file(argv[1], &len);
	if (!hwr_model_load(bytes, len, &model, &st) ||
		!hwr_recognizer_create(&model->net, model->values, model->fit, hwr_cpu_backend(), 1, HWR_FLOAT32, &rec, &st) ||
		!hwr_beam_create(&beam, &st))
		fail(argv[1], &st);
	free(bytes);
	rows = read_rows(argv[2], argv[3], argc > 4 ? atoi(argv[4]) : 0, &n);
	printf("%d images\n", n);
	if (argc > 5)
		for (int i = 5; i < argc; i++)
			measure(argv[i], rec, model, beam, rows, n);
	else
		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
			measure(all[i], rec, model, beam, rows, n);

	free_rows(rows, n);
	hwr_beam_free(beam);
	hwr_recognizer_free(rec);
	hwr_model_free(model);
	return 0;
}

