/*
 * main.c
 *	  Draw pages of handwriting, with the lines, outlines and text of each as PAGE XML.
 *
 * To train what finds lines (hwr_train_lines) on kinds of pages of which there are few; never part of hwr.so.
 *
 * OUT/drawn_pNNNN.jpg are grey pictures of 1,500 pixels at most, OUT/drawn_pNNNN.xml their ground truth.  Letters are drawn as
 * generate-words draws them.  Page i depends on the lists, the seed and i only; the bytes also on the versions of fonts,
 * Cairo, Pango and libjpeg.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "pages.h"

#define LONG_SIDE 1500

static const char usage[] =
	"Draw pages of handwriting, with the lines, outlines and text of each as PAGE XML.\n\n"
	"  generate-pages --words FILE --fonts FILE --out FOLDER [--count N] [--seed N]\n\n"
	"  --words FILE   a line of text in each line, such as tools/line-texts makes; -: standard input\n"
	"  --fonts FILE   a family in each line, as for generate-words (tools/fonts-lines.txt)\n"
	"  --out FOLDER   for drawn_pNNNN.jpg and drawn_pNNNN.xml\n"
	"  --count N      pages (100)\n"
	"  --seed N       another seed, other pages (1)\n";

typedef struct Task
{
	Sources		sources;
	const char *out;
	int			count;
	uint64_t	seed;
} Task;

static cairo_t *
open_layer(int width, int height)
{
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_A8, width, height);
	cairo_t    *cr = cairo_create(surface);

	cairo_surface_destroy(surface);
	return cr;
}

/* The size of the paper, the picture that it is in, and how it lies there. */
static void
place_sheet(Rng *rng, bool wide, Sheet *sheet)
{
	double		border = chance(rng, 0.5) ? uniform(rng, 0, 0.06) : chance(rng, 0.2) ? uniform(rng, 0.06, 0.2) : 0;
	double		aspect = wide ? uniform(rng, 1.2, 1.5) : uniform(rng, 0.6, 0.85);
	double		skew = (chance(rng, 0.15) ? 2.5 : 0.5) * normal(rng) * M_PI / 180;
	double		room = 1 + 2 * border;
	Bend	   *b = &sheet->bend;

	sheet->picture_width = wide ? LONG_SIDE : (int) (LONG_SIDE * aspect);
	sheet->picture_height = wide ? (int) (LONG_SIDE / aspect) : LONG_SIDE;
	sheet->width = sheet->picture_width / room;
	sheet->height = sheet->picture_height / room;
	b->sine = sin(skew);
	b->cosine = cos(skew);
	b->middle = (Point){sheet->width / 2, sheet->height / 2};
	b->to = (Point){sheet->picture_width * (0.5 + border * uniform(rng, -0.9, 0.9)),
		sheet->picture_height * (0.5 + border * uniform(rng, -0.9, 0.9))};
	b->curl = chance(rng, 0.5) ? uniform(rng, 0, 6) : 0;
	b->waves = uniform(rng, 1, 8) / sheet->width;
	b->phase = uniform(rng, 0, 2 * M_PI);
	b->reach = uniform(rng, 0.05, 0.2) * sheet->width;
	b->gutter = wide ? sheet->width / 2 : chance(rng, 0.3) ? sheet->width * below(rng, 2) : -1e6;
	b->fold = chance(rng, 0.6) ? uniform(rng, -14, 14) : 0;
	for (int i = 0; i < LAYERS; i++)
		sheet->layer[i] = open_layer(sheet->picture_width, sheet->picture_height);
}

static void
cut_paper(Sheet *sheet)
{
	cairo_t    *cr = sheet->layer[PAPER];

	cairo_new_path(cr);
	for (int side = 0; side < 4; side++)
		for (int i = 0; i < 20; i++)
		{
			double		t = i / 20.0;
			double		x = side == 0 ? t : side == 1 ? 1 : side == 2 ? 1 - t : 0;
			double		y = side == 0 ? 0 : side == 1 ? t : side == 2 ? 1 : 1 - t;
			Point		p = bent(&sheet->bend, (Point){x * sheet->width, y * sheet->height});

			cairo_line_to(cr, p.x, p.y);
		}
	cairo_fill(cr);
}

/* The other side of the paper: running text seen from behind. */
static void
write_back(Sheet *sheet)
{
	Rng		   *rng = sheet->rng;
	cairo_t    *cr = sheet->layer[BACK];
	double		full = uniform(rng, 20, 44);
	double		left = uniform(rng, 0.05, 0.2) * sheet->width;
	Writer		hand;

	cairo_translate(cr, sheet->picture_width, 0);
	cairo_scale(cr, -1, 1);
	choose_writer(sheet, full, full * uniform(rng, 0.9, 1.5), BACK, &hand);
	for (double y = uniform(rng, 0.05, 0.3) * sheet->height; y < 0.95 * sheet->height; y += hand.pitch)
	{
		char	   *text = take_text(sheet, &hand, sheet->width - 1.7 * left);

		if (text != NULL)
			write_line(sheet, &hand, text, (Place){left, y, 0}, false);
		g_free(text);
	}
}

static void
save_page(const Task *task, int i, const Sheet *sheet, const Picture *pic, int quality)
{
	char	   *name = g_strdup_printf("drawn_p%04d.jpg", i);
	char	   *path = g_strdup_printf("%s/%s", task->out, name);
	size_t		len;
	uint8_t    *bytes = encode_jpeg(pic, 1, quality, &len);
	FILE	   *f = create_file(path);

	if (fwrite(bytes, 1, len, f) != len || fclose(f) != 0)
		fail(strerror(errno), path);
	g_free(path);
	path = g_strdup_printf("%s/drawn_p%04d.xml", task->out, i);
	f = create_file(path);
	write_page_xml(f, name, sheet);
	if (fclose(f) != 0)
		fail(strerror(errno), path);
	g_free(path);
	g_free(name);
	free(bytes);
}

static void
free_sheet(Sheet *sheet)
{
	for (int i = 0; i < LAYERS; i++)
		cairo_destroy(sheet->layer[i]);
	for (int i = 0; i < sheet->n; i++)
	{
		g_free(sheet->line[i].text);
		g_free(sheet->line[i].baseline.p);
		g_free(sheet->line[i].outline.p);
	}
	g_free(sheet->line);
	g_strfreev(sheet->words);
}

static void
make_page(const Task *task, int i, cairo_t *scratch)
{
	Rng			rng = {task->seed * 1000003 + (uint64_t) i};
	int			kind = choose_kind(&rng);
	Sheet		sheet = {.rng = &rng,.sources = &task->sources,.scratch = scratch};
	Picture		pic;

	place_sheet(&rng, kind_is_wide(kind), &sheet);
	cut_paper(&sheet);
	if (chance(&rng, 0.35))
		write_back(&sheet);
	write_sheet(&sheet, kind);
	take_scan(&rng, &sheet, &pic);
	save_page(task, i, &sheet, &pic, 60 + below(&rng, 31));
	g_free(pic.mask);
	g_free(pic.rgb);
	free_sheet(&sheet);
}

static int
parse_number(const char *text, const char *name)
{
	char	   *end;
	long		n = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || n < 0 || n > 1000000)
		fail("must be a number from 0 to 1000000", name);
	return (int) n;
}

static void
parse_arguments(int argc, char **argv, Task *task)
{
	static const struct option options[] = {
		{"words", required_argument, NULL, 'w'}, {"fonts", required_argument, NULL, 'f'},
		{"out", required_argument, NULL, 'o'}, {"count", required_argument, NULL, 'c'},
		{"seed", required_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}
	};
	int			opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
	{
		switch (opt)
		{
			case 'w': read_lines(optarg, &task->sources.texts); break;
			case 'f': read_lines(optarg, &task->sources.fonts); break;
			case 'o': task->out = optarg; break;
			case 'c': task->count = parse_number(optarg, "--count"); break;
			case 's': task->seed = (uint64_t) parse_number(optarg, "--seed"); break;
			case 'h': fputs(usage, stdout); exit(0);
			default: fputs(usage, stderr); exit(2);
		}
	}
	if (task->sources.texts.n == 0 || task->sources.fonts.n == 0 || task->out == NULL || optind != argc)
	{
		fputs(usage, stderr);
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	Task		task = {.count = 100,.seed = 1};
	cairo_surface_t *surface;
	cairo_t    *scratch;

	parse_arguments(argc, argv, &task);
	/* Cairo leaves out glyphs far beyond the surface's edges, of paths too: wider than any line. */
	surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 32000, 8);
	scratch = cairo_create(surface);
	for (int i = 0; i < task.sources.fonts.n; i++)
	{
		const char *font = task.sources.fonts.line[i];

		check_font(scratch, font + (g_str_has_prefix(font, "upper ") ? 6 : g_str_has_prefix(font, "joined ") ? 7 : 0));
	}
	make_folder(task.out);
	for (int i = 0; i < task.count; i++)
		make_page(&task, i, scratch);
	cairo_destroy(scratch);
	cairo_surface_destroy(surface);
	return 0;
}
