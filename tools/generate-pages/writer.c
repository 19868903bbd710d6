/*
 * writer.c
 *	  Hands and types, and words for them to write.
 */
#include <stdlib.h>
#include <string.h>

#include "pages.h"

#define SAMPLE "un minimo de onderen"

/* The height of an x as a share of that from ascenders to descenders; lines are at least so many of it apart. */
#define MOST_HEIGHT 0.85
#define LEAST_PITCH 1.75

static const char *const print_fonts[] = {"Serif", "Serif Bold", "Sans", "Sans Condensed", "C059", "P052", "Nimbus Roman"};

/* Outlines of a text, by hand or in print.  False if the font lacks a letter. */
static bool
outline_of(Sheet *sheet, const Writer *w, const char *text, Outline *out)
{
	char	   *font = w->font != NULL ? g_strdup(w->font) : g_strdup_printf("%s,", w->hand.family);
	bool		ok = print_text(sheet->scratch, font, text, out);

	g_free(font);
	return ok;
}

/* The writer's measures, for letters full pixels high.  False where the font lacks plain letters. */
static bool
measure(Sheet *sheet, double full, Writer *w)
{
	const char *letters = w->upper ? "HQ" : "lp";
	Outline		line;
	Outline		x;
	Outline		sample;

	if (!outline_of(sheet, w, letters, &line))
		return false;
	cairo_path_destroy(line.path);
	if (!outline_of(sheet, w, w->upper ? "H" : "x", &x))
		return false;
	cairo_path_destroy(x.path);
	if (!outline_of(sheet, w, w->upper ? "UN MINIMO DE ONDEREN" : SAMPLE, &sample))
		return false;
	cairo_path_destroy(sample.path);
	w->hand.scale = full / (line.extents[3] - line.extents[1]);
	w->full = full;
	w->baseline = x.extents[3];
	w->height = w->hand.scale * (x.extents[3] - x.extents[1]);
	w->advance = w->hand.scale * (sample.extents[2] - sample.extents[0]) / (double) strlen(SAMPLE);
	return true;
}

void
choose_writer(Sheet *sheet, double full, double pitch, Layer layer, Writer *out)
{
	const Lines *fonts = &sheet->sources->fonts;

	for (int tries = 0; tries < 200; tries++)
	{
		const char *font = fonts->line[below(sheet->rng, fonts->n)];

		*out = (Writer){.pitch = pitch,.layer = layer,.weight = uniform(sheet->rng, 0, 0.05) * full};
		out->upper = g_str_has_prefix(font, "upper ");
		/* few write whole pages in capitals */
		if (out->upper && !chance(sheet->rng, 0.25))
			continue;
		out->hand.family = font + (out->upper ? 6 : g_str_has_prefix(font, "joined ") ? 7 : 0);
		out->hand.straight = true;
		out->hand.spacing = chance(sheet->rng, 0.1) ? uniform(sheet->rng, 0, 0.1) : 0;
		if (!measure(sheet, full, out))
			continue;
		/* some fonts bring the rules of an exercise book in each letter */
		if (!out->upper && out->height > MOST_HEIGHT * full)
			continue;
		out->pitch = fmax(pitch, LEAST_PITCH * out->height);
		return;
	}
	fail("no font has the letters of \"" SAMPLE "\"", "--fonts");
}

/* font: NULL for one by chance */
void
choose_print(Sheet *sheet, double full, const char *font, Writer *out)
{
	*out = (Writer){.pitch = 1.3 * full,.layer = PRINT};
	out->font = font != NULL ? font : print_fonts[below(sheet->rng, G_N_ELEMENTS(print_fonts))];
	out->upper = font == NULL && chance(sheet->rng, 0.4);
	if (!measure(sheet, full, out))
		fail("no such font", out->font);
}

static const char *
next_word(Sheet *sheet)
{
	if (sheet->words == NULL || sheet->words[sheet->word] == NULL)
	{
		const Lines *texts = &sheet->sources->texts;

		g_strfreev(sheet->words);
		sheet->words = g_strsplit(texts->line[below(sheet->rng, texts->n)], " ", -1);
		sheet->word = 0;
	}
	return sheet->words[sheet->word] == NULL ? "" : sheet->words[sheet->word++];
}

static bool
can_write(Sheet *sheet, const Writer *writer, const char *word)
{
	Outline		outline;

	if (*word == '\0' || !outline_of(sheet, writer, word, &outline))
		return false;
	cairo_path_destroy(outline.path);
	return true;
}

char *
take_text(Sheet *sheet, const Writer *writer, double width)
{
	GString    *text = g_string_new(NULL);

	for (int tries = 0; tries < 60; tries++)
	{
		const char *next = next_word(sheet);
		char	   *word = writer->upper ? g_utf8_strup(next, -1) : g_strdup(next);
		double		length = (double) (g_utf8_strlen(text->str, -1) + 1 + g_utf8_strlen(word, -1));

		if (text->len > 0 && length * writer->advance > width)
		{
			sheet->word -= *next != '\0';
			g_free(word);
			break;
		}
		if (length * writer->advance <= 1.15 * width && can_write(sheet, writer, word))
			g_string_append_printf(text, "%s%s", text->len > 0 ? " " : "", word);
		g_free(word);
	}
	/* letters are not all as wide as on average */
	while (text->len > 0 && text_width(sheet, writer, text->str) > 1.05 * width && strrchr(text->str, ' ') != NULL)
		g_string_truncate(text, (gsize) (strrchr(text->str, ' ') - text->str));
	return g_string_free(text, text->len == 0);
}
