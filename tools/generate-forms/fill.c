/*
 * fill.c
 *	  What a hand writes into the fields of a form.
 */
#include <string.h>

#include "forms.h"

/* Share of fields that are left empty, and of boxes that are ticked. */
#define EMPTY 0.12
#define TICKED 0.4

static char *
digits(Rng *rng, int n)
{
	char	   *text = g_malloc((size_t) n + 1);

	for (int i = 0; i < n; i++)
		text[i] = (char) ('0' + below(rng, 10));
	text[n] = '\0';
	return text;
}

static const char *
some_word(Rng *rng, const Lines *words)
{
	return words->line[below(rng, words->n)];
}

/* What could be written there; the caller's to free. */
static char *
choose_content(Rng *rng, const Field *f, const Lines *words)
{
	int			day = 1 + below(rng, 28);
	int			month = 1 + below(rng, 12);
	int			year = 1920 + below(rng, 100);

	if (strcmp(f->what, "day") == 0)
		return g_strdup_printf("%02d%02d%04d", day, month, year);
	if (strcmp(f->what, "date") == 0)
		return g_strdup_printf("%d.%d.%d", day, month, year);
	if (strcmp(f->what, "postcode") == 0)
		return digits(rng, 5);
	if (strcmp(f->what, "small") == 0)
		return g_strdup_printf("%d", 1 + below(rng, 60));
	if (strcmp(f->what, "number") == 0)
		return g_strdup_printf("%d", 100 + below(rng, 99900));
	if (strcmp(f->what, "amount") == 0)
		return g_strdup_printf("%d,%02d", 1 + below(rng, 900), below(rng, 100));
	if (strcmp(f->what, "digits") == 0)
		return digits(rng, f->cells > 10 ? f->cells - below(rng, 3) : f->cells);
	if (strcmp(f->what, "code") == 0)
	{
		char	   *text = digits(rng, f->cells);

		text[0] = (char) ('A' + below(rng, 26));
		text[1] = (char) ('A' + below(rng, 26));
		return text;
	}
	if (strcmp(f->what, "yes") == 0)
		return g_strdup(chance(rng, 0.5) ? "yes" : "no");
	if (strcmp(f->what, "capitals") == 0)
	{
		char	   *text = g_ascii_strup(some_word(rng, words), -1);

		if (f->cells > 0 && (int) strlen(text) > f->cells)
			text[f->cells] = '\0';
		return text;
	}
	if (strcmp(f->what, "words") == 0)
		return g_strdup_printf("%s %s", some_word(rng, words), some_word(rng, words));
	return g_strdup(some_word(rng, words));
}

/* Text within a rectangle; false where the font has not all letters. */
static bool
write_within(Rng *rng, cairo_t *cr, cairo_t *scratch, const char *family, const char *text, double x, double y, double w,
			 double h, double share)
{
	Hand		hand = {.family = family,.straight = true};
	Outline		outline;
	const double *e = outline.extents;
	double		extents[4];
	double		scale;
	double		left;
	double		top;

	if (!line_extents(scratch, family, extents) || !write_by_hand(rng, scratch, &hand, text, &outline))
		return false;
	scale = share * h / (extents[3] - extents[1]);
	scale = fmin(scale, 0.95 * w / (e[2] - e[0]));
	left = x + (w - scale * (e[2] - e[0])) * uniform(rng, 0.02, 0.3);
	top = y + (h - scale * (e[3] - e[1])) * uniform(rng, 0.3, 0.8);
	cairo_save(cr);
	cairo_translate(cr, left - scale * e[0], top - scale * e[1]);
	cairo_scale(cr, scale, scale);
	cairo_new_path(cr);
	cairo_append_path(cr, outline.path);
	cairo_restore(cr);
	cairo_fill(cr);
	cairo_path_destroy(outline.path);
	return true;
}

/* A character a cell. */
static bool
write_comb(Rng *rng, cairo_t *cr, cairo_t *scratch, const char *family, const char *text, const Field *f)
{
	double		pitch = f->w / f->cells;

	for (int i = 0; text[i] != '\0'; i++)
	{
		char		one[2] = {text[i], '\0'};

		if (text[i] != ' ' &&
			!write_within(rng, cr, scratch, family, one, f->x + i * pitch + 0.12 * pitch, f->y + 0.08 * f->h, 0.78 * pitch,
						  0.84 * f->h, uniform(rng, 0.9, 1.15)))
			return false;
	}
	return true;
}

/* A hook, a cross, a stroke or a scribble, which may leave the box. */
static void
draw_tick(Rng *rng, cairo_t *cr, const Field *f)
{
	double		s = f->w * uniform(rng, 0.7, 1.3);
	double		x = f->x + f->w / 2 + f->w * 0.12 * normal(rng) / 3;
	double		y = f->y + f->h / 2 + f->h * 0.12 * normal(rng) / 3;
	int			kind = below(rng, 4);

	cairo_set_line_width(cr, uniform(rng, 0.35, 0.75));
	cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
	cairo_new_path(cr);
	if (kind == 0)
	{
		cairo_move_to(cr, x - 0.45 * s, y);
		cairo_line_to(cr, x - 0.1 * s, y + 0.4 * s);
		cairo_curve_to(cr, x, y + 0.1 * s, x + 0.3 * s, y - 0.4 * s, x + 0.6 * s, y - 0.7 * s);
	}
	else if (kind < 3)
	{
		cairo_move_to(cr, x - 0.45 * s, y - 0.45 * s);
		cairo_line_to(cr, x + 0.45 * s, y + 0.42 * s);
		if (kind == 1)
		{
			cairo_move_to(cr, x + 0.42 * s, y - 0.45 * s);
			cairo_line_to(cr, x - 0.4 * s, y + 0.45 * s);
		}
	}
	else
	{
		cairo_move_to(cr, x - 0.4 * s, y - 0.3 * s);
		for (int i = 1; i < 6; i++)
			cairo_line_to(cr, x + (i % 2 ? 0.4 : -0.4) * s, y + (i * 0.14 - 0.4) * s);
	}
	cairo_stroke(cr);
}

void
fill_form(Rng *rng, cairo_t *cr, const Sheet *sheet, const Lines *words, const char *family, char **label)
{
	/* Cairo leaves out glyphs far beyond the surface's edges. */
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 32000, 8);
	cairo_t    *scratch = cairo_create(surface);

	for (int i = 0; i < sheet->n; i++)
	{
		const Field *f = &sheet->field[i];
		bool		tick = strcmp(f->kind, "tick") == 0;
		bool		done = false;

		label[i] = NULL;
		if (chance(rng, tick ? 1 - TICKED : EMPTY))
		{
			label[i] = g_strdup(tick ? "false" : "");
			continue;
		}
		if (tick)
		{
			draw_tick(rng, cr, f);
			label[i] = g_strdup("true");
			continue;
		}
		for (int tries = 0; tries < 20 && !done; tries++)
		{
			g_free(label[i]);
			label[i] = choose_content(rng, f, words);
			done = f->cells > 0 ? write_comb(rng, cr, scratch, family, label[i], f) :
				write_within(rng, cr, scratch, family, label[i], f->x, f->y, f->w, f->h, uniform(rng, 0.65, 1.0));
		}
		if (!done)
			fail("lacks letters", family);
	}
	cairo_destroy(scratch);
	cairo_surface_destroy(surface);
}
