/*
 * fit-form.c
 *	  Lay pages over a blank form outside the database, for measuring and looking.
 *
 * usage: fit-form BLANK FIELDS PAGE...
 *
 * FIELDS: a file of lines "NAME X0 Y0 X1 Y1" in pixels of the blank; -: none.  For each page a line "page PAGE SCORE
 * MILLISECONDS" and, where it fits, for each field "field NAME FIT OUTLINE", points as x,y;x,y;...  Milliseconds are
 * of the fit, without decoding, in this thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/form/form.h"
#include "read_file.h"

#define MAX_FIELDS 1000

typedef struct Field
{
	char		name[64];
	double		x0,
				y0,
				x1,
				y1;
} Field;

static void
fail(const char *what, const HwrStatus *st)
{
	fprintf(stderr, "fit-form: %s: %s %s\n", what, st->message, st->detail);
	exit(1);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double) t.tv_sec * 1e3 + (double) t.tv_nsec / 1e6;
}

static HwrImage
load(const char *path)
{
	const HwrImageLimits limits = {(int64_t) 1 << 30, (int64_t) 1 << 30};
	HwrStatus	st = {0};
	HwrImage	image;
	size_t		len;
	uint8_t    *bytes = read_file(path, &len);

	if (!hwr_image_decode(bytes, len, &limits, 0, 0, &image, &st))
		fail(path, &st);
	free(bytes);
	return image;
}

static int
read_fields(const char *path, Field *fields)
{
	FILE	   *f;
	int			n = 0;

	if (strcmp(path, "-") == 0)
		return 0;
	f = fopen(path, "r");
	if (f == NULL)
	{
		perror(path);
		exit(1);
	}
	while (n < MAX_FIELDS && fscanf(f, "%63s %lf %lf %lf %lf", fields[n].name, &fields[n].x0, &fields[n].y0, &fields[n].x1,
									&fields[n].y1) == 5)
		n++;
	fclose(f);
	return n;
}

static void
put_page(const HwrForm *form, const Field *fields, int n, const char *path)
{
	HwrStatus	st = {0};
	HwrImage	page = load(path);
	double		start = now();
	bool		done = false;
	HwrFormFitter *fitter;
	HwrFormFit	fit;

	if (!hwr_form_fitter_create(form, &page, &fitter, &st))
		fail(path, &st);
	while (!done)
	{
		double		step = now();

		if (!hwr_form_fitter_step(fitter, &done, &st))
			fail(path, &st);
		if (getenv("FIT_FORM_STEPS") != NULL)
			fprintf(stderr, "%.1f\n", now() - step);
	}
	hwr_form_fitter_take(fitter, &fit);
	hwr_form_fitter_free(fitter);
	printf("page\t%s\t%.4f\t%.1f\n", path, fit.score, now() - start);
	for (int i = 0; fit.score >= HWR_FORM_LEAST_SCORE && i < n; i++)
	{
		const Field *f = &fields[i];
		HwrPoint	outline[HWR_FIELD_POINTS];

		hwr_form_outline(&fit, f->x0, f->y0, f->x1, f->y1, outline);
		printf("field\t%s\t%.3f\t", f->name, hwr_form_fit_around(form, &fit, f->x0, f->y0, f->x1, f->y1));
		for (int k = 0; k < HWR_FIELD_POINTS; k++)
			printf("%s%.1f,%.1f", k > 0 ? ";" : "", (double) outline[k].x, (double) outline[k].y);
		putchar('\n');
	}
	hwr_form_fit_free(&fit);
	hwr_image_free(&page);
}

int
main(int argc, char **argv)
{
	static Field fields[MAX_FIELDS];
	HwrStatus	st = {0};
	HwrImage	blank;
	HwrForm    *form;
	int			n;

	if (argc < 3)
	{
		fprintf(stderr, "usage: fit-form BLANK FIELDS PAGE...\n");
		return 2;
	}
	blank = load(argv[1]);
	n = read_fields(argv[2], fields);
	if (!hwr_form_create(&blank, &form, &st))
		fail(argv[1], &st);
	for (int i = 3; i < argc; i++)
		put_page(form, fields, n, argv[i]);
	hwr_form_free(form);
	return 0;
}
