/*
 * find-lines.c
 *	  Find the lines of pages outside the database, for measuring and looking.
 *
 * usage: find-lines [--model FILE] [--turn DEGREES] IMAGE...
 *
 * For each image a line "page IMAGE WIDTH HEIGHT LINES SIZE MILLISECONDS TURN" and for each of its lines
 * "line REGION KIND CONFIDENCE BASELINE OUTLINE REASON", points as x,y;x,y;...  Milliseconds are of finding
 * lines, without decoding the image, in this thread.  TURN is by how many degrees clockwise the page becomes
 * upright, found out where it is not given.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/model/model.h"
#include "core/page/line_net.h"
#include "core/page/page.h"
#include "read_file.h"

static void
fail(const char *what, const HwrStatus *st)
{
	fprintf(stderr, "find-lines: %s: %s %s\n", what, st->message, st->detail);
	exit(1);
}

static void
print_points(const HwrPoint *points, int n)
{
	for (int i = 0; i < n; i++)
		printf("%s%.1f,%.1f", i == 0 ? "\t" : ";", (double) points[i].x, (double) points[i].y);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double) t.tv_sec * 1e3 + (double) t.tv_nsec / 1e6;
}

int
main(int argc, char **argv)
{
	const HwrImageLimits limits = {(int64_t) 1 << 30, (int64_t) 1 << 30};
	HwrPageOptions options = {.turn = HWR_TURN_UNKNOWN};
	HwrModel   *model = NULL;
	HwrStatus	st = {0};
	int			first = 1;

	if (argc > 2 && strcmp(argv[1], "--model") == 0)
	{
		size_t		len;
		uint8_t    *bytes = read_file(argv[2], &len);

		if (bytes == NULL || !hwr_model_load(bytes, len, &model, &st) ||
			!hwr_line_net_create(&model->net, model->values, hwr_cpu_backend(), &options.net, &st))
			fail(argv[2], &st);
		free(bytes);
		first = 3;
	}
	if (argc > first + 1 && strcmp(argv[first], "--turn") == 0)
	{
		options.turn = atoi(argv[first + 1]) / 90;
		first += 2;
	}
	for (int i = first; i < argc; i++)
	{
		size_t		len;
		uint8_t    *bytes = read_file(argv[i], &len);
		HwrImage	image;
		HwrPageFinder *finder;
		HwrPageLines lines;
		bool		done = false;
		double		start;

		if (bytes == NULL || !hwr_image_decode(bytes, len, &limits, 0, 0, &image, &st))
			fail(argv[i], &st);
		free(bytes);
		start = now();
		if (!hwr_page_finder_create(&image, &options, &finder, &st))
			fail(argv[i], &st);
		while (!done)
			if (!hwr_page_finder_step(finder, &done, &st))
				fail(argv[i], &st);
		hwr_page_finder_take(finder, &lines);
		printf("page\t%s\t%d\t%d\t%d\t%.1f\t%.1f\t%d\n", argv[i], image.width, image.height, lines.n,
			   (double) lines.size, now() - start, 90 * lines.turn);
		for (int k = 0; k < lines.n; k++)
		{
			const HwrPageLine *line = &lines.lines[k];

			printf("line\t%d\t%s\t%.3f", line->region, line->kind == HWR_LINE_TEXT ? "text" : "rejected",
				   (double) line->confidence);
			print_points(line->baseline, line->baseline_n);
			print_points(line->outline, line->outline_n);
			printf("\t%s\n", line->reason == NULL ? "" : line->reason);
		}
		hwr_page_lines_free(&lines);
		hwr_page_finder_free(finder);
		hwr_image_free(&image);
	}
	hwr_line_net_free(options.net);
	hwr_model_free(model);
	return 0;
}
