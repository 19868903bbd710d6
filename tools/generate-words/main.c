/*
 * main.c
 *	  Draw words in handwriting fonts as small JPEG files, with their labels.
 *
 * This makes the sample data in test/data, and data for pre-training; it is never part of hwr.so.
 *
 * A word is laid out by Pango and becomes a Cairo path.  All points of the path go through one
 * smooth random displacement (slant, wandering baseline, waves of about a letter's length), so that
 * no two a's of a word are alike although the font has only one (hand.c).  With --forms, printed words and pieces of
 * other lines stand around it (form.c).  The path is filled into a mask, made bolder or thinner, and the
 * mask is inked on paper: uneven pressure, tinted and shaded paper, sometimes a ruled line or a box, grain, blur
 * (paper.c), JPEG of varying quality, in a folder or an archive (output.c).
 *
 * Image i depends on the lists, the options, the seed and i only.  The bytes also depend on the versions of fonts,
 * Cairo, Pango and libjpeg, so a rerun elsewhere gives similar files, not the same.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <fontconfig/fontconfig.h>

#include "generate.h"

#define MAX_WIDTH 1024
#define MAX_LINE_WIDTH 2400

typedef enum Case
{
	CASE_MIXED,					/* as in the list or in capitals, by chance */
	CASE_KEEP,
	CASE_UPPER
} Case;

typedef struct Font
{
	const char *family;
	bool		upper;			/* only for capitals: its small letters are capitals too */
	bool		joined;			/* not for words in capitals: nobody joins those */
	bool		typed;			/* no hand */
} Font;

typedef struct Task
{
	Lines		words;
	Font	   *fonts;
	int			nfonts;
	Lines		printed;
	bool		forms;
	bool		lines;
	Case		letters;
	int			count;
	uint64_t	seed;
	const char *out;
} Task;

static const char usage[] =
	"Draw words in handwriting fonts as small JPEG files, with their labels.\n\n"
	"  generate-words --words FILE --fonts FILE --out PLACE [options]\n\n"
	"  --words FILE      a word or line of text in each line; -: standard input; lines that begin with # are left out\n"
	"  --fonts FILE      a family in each line, \"upper FAMILY\" where it has capitals only, \"joined FAMILY\" where it is not\n"
	"                    for words in capitals, \"typed FAMILY\" where it is a typewriter's; or a folder of font files\n"
	"  --out PLACE       a folder, for PLACE/words/*.jpg and PLACE/words.csv; or NAME.tar, for that and NAME.csv\n"
	"  --count N         images (600)\n"
	"  --seed N          another seed, other images (1)\n"
	"  --vocabulary N    the first N words only\n"
	"  --case WHICH      upper: in capitals; keep: as in the list; mixed: either (mixed)\n"
	"  --lines           whole lines: any width, letters of one size whatever the word, small and large, with and without "
	"neighbours\n"
	"  --forms           as cut from forms: words spaced apart, faint, scanned, cut-off lines above and below\n"
	"  --printed FILE    with --forms, words that are printed beside and above and are not in the label\n";

/* Make the font files of a folder known, and list their families. */
static void
read_font_folder(const char *path, Lines *families)
{
	FcConfig   *config = FcConfigGetCurrent();
	FcFontSet  *set;

	FcConfigAppFontAddDir(config, (const FcChar8 *) path);
	set = FcConfigGetFonts(config, FcSetApplication);
	for (int i = 0; set != NULL && i < set->nfont; i++)
	{
		FcChar8    *family;
		bool		known = false;

		if (FcPatternGetString(set->fonts[i], FC_FAMILY, 0, &family) != FcResultMatch)
			continue;
		for (int k = 0; k < families->n; k++)
			known = known || strcmp(families->line[k], (char *) family) == 0;
		if (!known)
			add_line(families, (char *) family);
	}
	if (families->n == 0)
		fail("no fonts", path);
}

static void
parse_fonts(const Lines *lines, Task *task)
{
	task->nfonts = lines->n;
	task->fonts = g_new0(Font, lines->n);
	for (int i = 0; i < lines->n; i++)
	{
		Font	   *f = &task->fonts[i];

		f->upper = g_str_has_prefix(lines->line[i], "upper ");
		f->joined = g_str_has_prefix(lines->line[i], "joined ");
		f->typed = g_str_has_prefix(lines->line[i], "typed ");
		f->family = lines->line[i] + (f->upper || f->typed ? 6 : f->joined ? 7 : 0);
	}
}

/* The word as this font will write it, the caller's to free.  NULL where it cannot. */
static char *
choose_text(Rng *rng, const char *word, const Font *font, Case letters)
{
	char	   *upper = g_utf8_strup(word, -1);
	bool		capitals = letters == CASE_UPPER || strcmp(upper, word) == 0 ||
		(letters == CASE_MIXED && !font->joined && (font->upper || chance(rng, 0.5)));

	if (capitals && !font->joined)
		return upper;
	g_free(upper);
	return capitals || font->upper ? NULL : g_strdup(word);
}

/* form: NULL, or what decides about the surroundings */
static void
draw_picture(Rng *rng, Rng *form_rng, const Form *form, const Hand *hand, const Outline *word, const Margins *m, Picture *pic)
{
	double		weight = uniform(rng, -0.25, 1.1);
	double		height = hand->scale * (word->extents[3] - word->extents[1]);
	bool		shadow = false;

	/* between a worn ribbon and one that is full of ink */
	if (hand->typed)
		weight = height * uniform(form_rng != NULL ? form_rng : rng, -0.01, 0.05);
	fill_outline(pic, word, m->left, m->top, hand->scale, weight, pic->mask);
	draw_paper(rng, pic, pic->height - m->bottom);
	if (hand->straight)
	{
		shadow = draw_sheet(form_rng, pic, height);
		wear_ink(form_rng, pic);
	}
	draw_form(pic, form);
	draw_ink(rng, pic, hand->faint);
	blur(pic, (float) uniform(rng, 0, 0.5));
	/* Of faint strokes a scan would leave nothing, of what is in shadow neither. */
	if (form_rng != NULL && !hand->faint && !shadow && chance(form_rng, 0.6))
		scan(form_rng, pic);
	else
		add_grain(rng, pic);
}

/* Of a word as it is cut from a form. */
static void
choose_form_hand(Rng *rng, double *ink_height, Hand *hand)
{
	*ink_height = uniform(rng, 14, 34);
	hand->spacing = chance(rng, 0.6) ? uniform(rng, 0, 0.6) : 0;
	hand->faint = chance(rng, 0.2);
}

/* Of a line.  height: of the letters from ascenders to descenders, as likely from 10 to 20 pixels as from 20 to 40. */
static void
choose_line_hand(Rng *rng, double *height, Hand *hand)
{
	*height = 10 * pow(2, uniform(rng, 0.3, 2.5));
	hand->spacing = chance(rng, 0.15) ? uniform(rng, 0, 0.15) : 0;
	hand->faint = chance(rng, 0.2);
	hand->straight = true;
}

static void
choose_line_margins(Rng *rng, double height, Margins *m)
{
	m->left = uniform(rng, 0.05, 0.8) * height;
	m->right = uniform(rng, 0.05, 0.8) * height;
	m->top = uniform(rng, 0, 0.35) * height;
	m->bottom = uniform(rng, 0, 0.35) * height;
}

/* Letters have one size whatever the word is; e: the word's extents, widened to the line's on each side half of the time. */
static void
widen_to_line(Rng *rng, const double *line, double *e)
{
	if (chance(rng, 0.5))
		e[1] = fmin(e[1], line[1]);
	if (chance(rng, 0.5))
		e[3] = fmax(e[3], line[3]);
}

/* The scale, and with --lines the extents and margins. */
static bool
choose_size(const Task *task, Rng *rng, cairo_t *cr, double ink_height, Hand *hand, Outline *word, Margins *m)
{
	double	   *e = word->extents;
	double		line[4];

	if (!task->lines)
	{
		/* Long words are written smaller. */
		hand->scale = fmin(ink_height / (e[3] - e[1]), 300 / (e[2] - e[0]));
		return true;
	}
	if (!line_extents(cr, hand->family, line))
		return false;
	hand->scale = ink_height / (line[3] - line[1]);
	widen_to_line(rng, line, e);
	choose_line_margins(rng, ink_height, m);
	return hand->scale * (e[2] - e[0]) + m->left + m->right <= MAX_LINE_WIDTH;
}

/* Draw one word.  False if the font lacks a letter of it. */
static bool
make_image(const Task *task, int i, Rng *rng, cairo_t *cr, const Font *font, const char *text, Output *out)
{
	Rng			form_rng = {~rng->state};
	Form		form = {0};
	Hand		hand = {.family = font->family,.typed = font->typed};
	double		ink_height = uniform(rng, 22, 36);
	double		top = uniform(rng, 4, 12);
	double		bottom = uniform(rng, 4, 12);
	double		left = uniform(rng, 4, 18);
	double		right = uniform(rng, 4, 18);
	Margins		m = {left, right, top, bottom};
	Outline		word;
	double	   *e = word.extents;
	Picture		pic;
	size_t		pixels;
	int			quality;

	if (task->lines)
		choose_line_hand(&form_rng, &ink_height, &hand);
	else if (task->forms)
		choose_form_hand(&form_rng, &ink_height, &hand);
	if (!write_by_hand(rng, cr, &hand, text, &word))
		return false;
	if (!choose_size(task, &form_rng, cr, ink_height, &hand, &word, &m))
	{
		cairo_path_destroy(word.path);
		return false;
	}
	if (task->forms && (!task->lines || chance(&form_rng, 0.3)))
	{
		const char *other = task->words.line[below(&form_rng, task->words.n)];

		lay_out_form(&form_rng, cr, &task->printed, &hand, other, hand.scale * (e[3] - e[1]), &m, &form);
	}
	pic.width = (int) (m.left + m.right + hand.scale * (e[2] - e[0]));
	pic.height = (int) (m.top + m.bottom + hand.scale * (e[3] - e[1]));
	if (pic.width > MAX_WIDTH && !task->lines)
		fail("word is too long", text);
	pixels = (size_t) (pic.width * pic.height);
	pic.mask = g_new0(float, pixels);
	pic.rgb = g_new(float, 3 * pixels);
	draw_picture(rng, task->forms || task->lines ? &form_rng : NULL, &form, &hand, &word, &m, &pic);
	quality = 55 + below(rng, 31);
	add_image(out, i, &pic, chance(rng, 0.3) ? 3 : 1, quality, text);
	g_free(pic.mask);
	g_free(pic.rgb);
	cairo_path_destroy(word.path);
	free_form(&form);
	return true;
}

/* Draw image i, trying fonts and words until one goes with the other. */
static void
make_sample(const Task *task, int i, cairo_t *cr, Output *out)
{
	Rng			rng = {task->seed * 1000003 + (uint64_t) i};

	for (int tries = 0; tries < 1000; tries++)
	{
		const Font *font = &task->fonts[below(&rng, task->nfonts)];
		const char *word = task->words.line[below(&rng, task->words.n)];
		char	   *text = choose_text(&rng, word, font, task->letters);
		bool		drawn = text != NULL && make_image(task, i, &rng, cr, font, text, out);

		g_free(text);
		if (drawn)
			return;
	}
	fail("no font has the letters of these words", "--fonts");
}

static int
parse_number(const char *text, const char *name)
{
	char	   *end;
	long		n = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || n < 1 || n > 100000000)
		fail("must be a number from 1 to 100000000", name);
	return (int) n;
}

static Case
parse_case(const char *text)
{
	if (strcmp(text, "upper") == 0)
		return CASE_UPPER;
	if (strcmp(text, "keep") == 0)
		return CASE_KEEP;
	if (strcmp(text, "mixed") != 0)
		fail("must be upper, keep or mixed", "--case");
	return CASE_MIXED;
}

static void
parse_arguments(int argc, char **argv, Task *task)
{
	static const struct option options[] = {
		{"words", required_argument, NULL, 'w'}, {"fonts", required_argument, NULL, 'f'},
		{"out", required_argument, NULL, 'o'}, {"count", required_argument, NULL, 'c'},
		{"seed", required_argument, NULL, 's'}, {"vocabulary", required_argument, NULL, 'v'},
		{"case", required_argument, NULL, 'a'}, {"forms", no_argument, NULL, 'm'},
		{"lines", no_argument, NULL, 'l'},
		{"printed", required_argument, NULL, 'p'}, {"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0}
	};
	Lines		fonts = {0};
	int			vocabulary = 0,
				opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
	{
		switch (opt)
		{
			case 'w': read_lines(optarg, &task->words); break;
			case 'f':
				(g_file_test(optarg, G_FILE_TEST_IS_DIR) ? read_font_folder : read_lines) (optarg, &fonts);
				break;
			case 'o': task->out = optarg; break;
			case 'c': task->count = parse_number(optarg, "--count"); break;
			case 's': task->seed = strtoull(optarg, NULL, 10); break;
			case 'v': vocabulary = parse_number(optarg, "--vocabulary"); break;
			case 'a': task->letters = parse_case(optarg); break;
			case 'm': task->forms = true; break;
			case 'l': task->lines = true; break;
			case 'p': read_lines(optarg, &task->printed); break;
			case 'h': fputs(usage, stdout); exit(0);
			default: fputs(usage, stderr); exit(2);
		}
	}
	if (task->words.n == 0 || fonts.n == 0 || task->out == NULL || optind != argc)
	{
		fputs(usage, stderr);
		exit(2);
	}
	parse_fonts(&fonts, task);
	if (vocabulary > 0 && task->words.n > vocabulary)
		task->words.n = vocabulary;
}

int
main(int argc, char **argv)
{
	Task		task = {.count = 600, .seed = 1};
	cairo_surface_t *surface;
	cairo_t    *cr;
	Output	   *out;

	parse_arguments(argc, argv, &task);
	/* Cairo leaves out glyphs far beyond the surface's edges, of paths too: wider than any line. */
	surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 32000, 8);
	cr = cairo_create(surface);
	for (int i = 0; i < task.nfonts; i++)
		check_font(cr, task.fonts[i].family);
	out = open_output(task.out);
	for (int i = 0; i < task.count; i++)
		make_sample(&task, i, cr, out);
	close_output(out);
	cairo_destroy(cr);
	cairo_surface_destroy(surface);
	return 0;
}
