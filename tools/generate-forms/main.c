/*
 * main.c
 *	  Draw blank forms, and copies of them filled in by hand, scanned and photographed, with what is where.
 *
 * For tools/forms-eval and for test/data/forms; never part of hwr.so.
 *
 * OUT/blank_NAME.jpg are the blanks at 150 dots an inch, OUT/other_NAME.jpg a later edition of each, which a filled
 * copy of the first must not be taken for; OUT/page_N.jpg are filled ones.  OUT/fields.csv: blank, name,
 * kind, area, cells; in pixels of the blank.  OUT/truth.csv: page, form, name, kind, text, outline (eight
 * points of the page, clockwise from the left upper one).  Page i depends on the lists, the seed and i only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "forms.h"

#define BLANK_PIXELS (150 / 25.4)
#define PAGE_PIXELS (200 / 25.4)

static const char usage[] =
	"Draw blank forms, and copies of them filled in by hand, scanned and photographed.\n\n"
	"  generate-forms --words FILE --fonts FILE --out FOLDER [--count N] [--seed N] [--scale X] [--form N]\n\n"
	"  --count N   filled pages (200), of one form after the other, every second one photographed\n"
	"  --scale X   the size of everything in pixels, relative to 150 dots an inch (1)\n"
	"  --form N    only that of the five forms, from 1\n";

typedef struct Task
{
	Lines		words;
	Lines		fonts;
	const char *out;
	int			count;
	int			form;
	double		scale;
	uint64_t	seed;
} Task;

/* A white surface of a sheet, and a context of millimetres. */
static cairo_t *
open_sheet(double width, double height, double pixels)
{
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int) (width * pixels), (int) (height * pixels));
	cairo_t    *cr = cairo_create(surface);

	cairo_surface_destroy(surface);
	cairo_scale(cr, pixels, pixels);
	return cr;
}

/* What has been drawn, as grey values. */
static Page
close_sheet(cairo_t *cr)
{
	cairo_surface_t *surface = cairo_get_target(cr);
	Page		page = {cairo_image_surface_get_width(surface), cairo_image_surface_get_height(surface), NULL};
	int			stride = cairo_image_surface_get_stride(surface);
	const uint8_t *data;

	cairo_surface_flush(surface);
	data = cairo_image_surface_get_data(surface);
	page.v = g_new(float, (size_t) page.width * (size_t) page.height);
	for (int y = 0; y < page.height; y++)
		for (int x = 0; x < page.width; x++)
		{
			const uint8_t *p = data + y * stride + 4 * x;

			page.v[y * page.width + x] = (0.114f * p[0] + 0.587f * p[1] + 0.299f * p[2]) / 255;
		}
	cairo_destroy(cr);
	return page;
}

static FILE *
create(const char *folder, const char *name)
{
	char	   *path = g_strdup_printf("%s/%s", folder, name);
	FILE	   *f = fopen(path, "wb");

	if (f == NULL)
		fail(strerror(errno), path);
	g_free(path);
	return f;
}

static void
write_picture(const char *folder, const char *name, const Picture *pic, int quality)
{
	size_t		len;
	uint8_t    *bytes = encode_jpeg(pic, 1, quality, &len);
	FILE	   *f = create(folder, name);

	if (fwrite(bytes, 1, len, f) != len || fclose(f) != 0)
		fail(strerror(errno), name);
	free(bytes);
}

static void
write_page(const char *folder, const char *name, const Page *page)
{
	Picture		pic = {page->width, page->height, NULL, g_new(float, 3 * (size_t) page->width * (size_t) page->height)};

	for (int i = 0; i < page->width * page->height; i++)
		for (int ch = 0; ch < 3; ch++)
			pic.rgb[3 * i + ch] = 255 * page->v[i];
	write_picture(folder, name, &pic, 90);
	g_free(pic.rgb);
}

static void
make_blank(const Task *task, int form, bool other, FILE *fields)
{
	double		pixels = BLANK_PIXELS * task->scale;
	Sheet		sheet = {.other = other};
	char		name[80];
	Page		page;

	form_size(form, &sheet.name, &sheet.width, &sheet.height);
	sheet.cr = open_sheet(sheet.width, sheet.height, pixels);
	draw_form_sheet(form, &sheet);
	page = close_sheet(sheet.cr);
	snprintf(name, sizeof(name), "%s_%s.jpg", other ? "other" : "blank", sheet.name);
	write_page(task->out, name, &page);
	g_free(page.v);
	for (int i = 0; i < sheet.n; i++)
	{
		const Field *f = &sheet.field[i];

		fprintf(fields, "%s_%s,%s,%s,\"(%.1f,%.1f),(%.1f,%.1f)\",", other ? "other" : "blank", sheet.name, f->name, f->kind,
				f->x * pixels, f->y * pixels,
				(f->x + f->w) * pixels, (f->y + f->h) * pixels);
		if (f->cells > 0)
			fprintf(fields, "%d", f->cells);
		fputc('\n', fields);
	}
}

/* The outline of a field on the picture. */
static void
put_outline(FILE *truth, const Capture *capture, const Field *f, double pixels)
{
	static const double at[OUTLINE][2] = {{0, 0}, {0.5, 0}, {1, 0}, {1, 0.5}, {1, 1}, {0.5, 1}, {0, 1}, {0, 0.5}};

	for (int k = 0; k < OUTLINE; k++)
	{
		Point		p = captured(capture, (Point){(f->x + at[k][0] * f->w) * pixels, (f->y + at[k][1] * f->h) * pixels});

		fprintf(truth, "%s%.1f %.1f", k > 0 ? ";" : "", p.x, p.y);
	}
	fputc('\n', truth);
}

static void
make_page(const Task *task, int i, FILE *truth)
{
	Rng			rng = {task->seed * 1000003 + (uint64_t) i};
	int			form = task->form > 0 ? task->form - 1 : i % FORMS;
	double		pixels = PAGE_PIXELS * task->scale;
	double		ink = uniform(&rng, 0.05, 0.45);
	const char *family = task->fonts.line[below(&rng, task->fonts.n)];
	Sheet		sheet = {0};
	char	   *label[MAX_FIELDS];
	char		name[80];
	Capture		capture;
	Picture		pic;
	Page		page;

	form_size(form, &sheet.name, &sheet.width, &sheet.height);
	sheet.cr = open_sheet(sheet.width, sheet.height, pixels);
	draw_form_sheet(form, &sheet);
	cairo_set_source_rgb(sheet.cr, ink, ink, ink);
	fill_form(&rng, sheet.cr, &sheet, &task->words, family, label);
	page = close_sheet(sheet.cr);
	choose_capture(&rng, &sheet, &page, pixels, i / FORMS % 2 == 1, &capture);
	take_picture(&rng, &page, &capture, &pic);
	snprintf(name, sizeof(name), "page_%04d.jpg", i);
	write_picture(task->out, name, &pic, 60 + below(&rng, 31));
	for (int k = 0; k < sheet.n; k++)
	{
		fprintf(truth, "%s,%s,%s,%s,\"%s\",", name, sheet.name, sheet.field[k].name, sheet.field[k].kind, label[k]);
		put_outline(truth, &capture, &sheet.field[k], pixels);
		g_free(label[k]);
	}
	g_free(page.v);
	g_free(pic.rgb);
}

static double
parse_number(const char *text, const char *name, double least, double most)
{
	char	   *end;
	double		n = g_ascii_strtod(text, &end);

	if (*text == '\0' || *end != '\0' || !(n >= least && n <= most))
		fail("is no number, or out of range", name);
	return n;
}

/* The families of a list, without those of capitals only, which have no digits either. */
static void
keep_plain_fonts(Lines *fonts)
{
	int			n = 0;

	for (int i = 0; i < fonts->n; i++)
		if (!g_str_has_prefix(fonts->line[i], "upper "))
			fonts->line[n++] = g_str_has_prefix(fonts->line[i], "joined ") ? fonts->line[i] + 7 : fonts->line[i];
	fonts->n = n;
	if (n == 0)
		fail("has no font with small letters", "--fonts");
}

static void
parse_arguments(int argc, char **argv, Task *task)
{
	static const struct option options[] = {
		{"words", required_argument, NULL, 'w'}, {"fonts", required_argument, NULL, 'f'},
		{"out", required_argument, NULL, 'o'}, {"count", required_argument, NULL, 'c'},
		{"seed", required_argument, NULL, 's'}, {"scale", required_argument, NULL, 'x'},
		{"form", required_argument, NULL, 'n'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}
	};
	int			opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
	{
		switch (opt)
		{
			case 'w': read_lines(optarg, &task->words); break;
			case 'f': read_lines(optarg, &task->fonts); break;
			case 'o': task->out = optarg; break;
			case 'c': task->count = (int) parse_number(optarg, "--count", 0, 1000000); break;
			case 's': task->seed = (uint64_t) parse_number(optarg, "--seed", 0, 1e9); break;
			case 'x': task->scale = parse_number(optarg, "--scale", 0.2, 4); break;
			case 'n': task->form = (int) parse_number(optarg, "--form", 1, FORMS); break;
			case 'h': fputs(usage, stdout); exit(0);
			default: fputs(usage, stderr); exit(2);
		}
	}
	if (task->words.n == 0 || task->fonts.n == 0 || task->out == NULL || optind != argc)
	{
		fputs(usage, stderr);
		exit(2);
	}
	keep_plain_fonts(&task->fonts);
}

int
main(int argc, char **argv)
{
	Task		task = {.count = 200,.seed = 1,.scale = 1};
	FILE	   *fields;
	FILE	   *truth;

	parse_arguments(argc, argv, &task);
	if (mkdir(task.out, 0777) != 0 && errno != EEXIST)
		fail(strerror(errno), task.out);
	fields = create(task.out, "fields.csv");
	truth = create(task.out, "truth.csv");
	fprintf(fields, "blank,name,kind,area,cells\n");
	fprintf(truth, "page,form,name,kind,text,outline\n");
	for (int form = 0; form < FORMS; form++)
		if (task.form == 0 || task.form == form + 1)
		{
			make_blank(&task, form, false, fields);
			make_blank(&task, form, true, fields);
		}
	for (int i = 0; i < task.count; i++)
		make_page(&task, i, truth);
	if (fclose(fields) != 0 || fclose(truth) != 0)
		fail(strerror(errno), task.out);
	return 0;
}
