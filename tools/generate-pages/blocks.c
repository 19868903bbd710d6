/*
 * blocks.c
 *	  Running text, notes, and the short pieces of writing that stand by themselves.
 */
#include <stdlib.h>

#include "pages.h"

/* Write what stands above a line, in smaller letters, and where it belongs. */
static void
insert_above(Sheet *sheet, const Writer *w, double x, double y, double width)
{
	Rng		   *rng = sheet->rng;
	Writer		small = *w;
	double		share = uniform(rng, 0.55, 0.8);
	double		from = x + uniform(rng, 0.1, 0.7) * width;
	char	   *text;

	small.hand.scale *= share;
	small.height *= share;
	small.full *= share;
	small.advance *= share;
	small.pitch *= share;
	text = take_text(sheet, &small, uniform(rng, 0.08, 0.25) * width);
	if (text == NULL)
		return;
	write_line(sheet, &small, text, (Place){from, y - 0.55 * w->pitch, 0.02 * normal(rng)}, true);
	g_free(text);
	if (chance(rng, 0.5))
	{
		double		h = 0.4 * w->pitch;

		draw_line(sheet, w->layer, (Point){from - 0.5 * h, y + 0.2 * h}, (Point){from, y - h}, 0.1 * w->height + 1);
		draw_line(sheet, w->layer, (Point){from, y - h}, (Point){from + 0.4 * h, y + 0.2 * h}, 0.1 * w->height + 1);
	}
}

static void
strike(Sheet *sheet, const Writer *w, double x, double y, double width)
{
	Rng		   *rng = sheet->rng;
	double		from = x + uniform(rng, 0, 0.7) * width;
	double		to = fmin(x + width, from + uniform(rng, 3, 12) * w->height);

	y -= 0.4 * w->height;
	draw_line(sheet, w->layer, (Point){from, y}, (Point){to, y + w->height * uniform(rng, -0.2, 0.2)}, 0.12 * w->height + 0.7);
}

double
write_block(Sheet *sheet, const Writer *w, const Block *b)
{
	Rng		   *rng = sheet->rng;
	double		y = b->y;
	bool		first = true;
	bool		any = false;
	double		slope = 0.004 * normal(rng);

	sheet->region++;
	while (y < b->bottom)
	{
		bool		last = chance(rng, b->paragraph) || y + w->pitch >= b->bottom;
		double		x = b->x + (first ? b->indent : 0) + 0.4 * w->height * normal(rng);
		double		width = b->width - (x - b->x) - uniform(rng, 0, 0.06) * b->width;
		char	   *text;
		double		end;

		if (last)
			width *= uniform(rng, 0.2, 1);
		/* above the first line there is the head of the page */
		if (any && chance(rng, b->inserted))
			insert_above(sheet, w, x, y, width);
		text = take_text(sheet, w, width);
		if (text == NULL)
			break;
		end = write_line(sheet, w, text, (Place){x, y, slope + 0.003 * normal(rng)}, true);
		g_free(text);
		if (chance(rng, b->struck))
			strike(sheet, w, x, y, end - x);
		if (last && chance(rng, 0.3))
			y += 0.5 * w->pitch;
		first = last;
		any = true;
		y += w->pitch * (1 + 0.03 * normal(rng));
	}
	return y;
}

double
write_notes(Sheet *sheet, const Writer *w, double x, double y, double width, int lines)
{
	Block		block = {.x = x,.y = y,.width = width,.bottom = y + (lines - 0.5) * w->pitch,.paragraph = 0.1};

	return write_block(sheet, w, &block);
}

/* align: 0 left, 1 right */
static void
write_aligned(Sheet *sheet, const Writer *w, const char *text, double x, double y, double width, double align)
{
	double		free_width = width - text_width(sheet, w, text);

	write_line(sheet, w, text, (Place){x + align * fmax(0, free_width), y, 0.006 * normal(sheet->rng)}, true);
}

void
write_short(Sheet *sheet, const Writer *w, double x, double y, double width, double align)
{
	char	   *text = take_text(sheet, w, width);

	/* what a cell has no room for is left out */
	if (text != NULL && text_width(sheet, w, text) < 1.05 * width)
		write_aligned(sheet, w, text, x, y, width, align);
	g_free(text);
}

void
write_number(Sheet *sheet, const Writer *w, double x, double y, double width)
{
	static const int powers[] = {10, 100, 1000, 10000};
	Rng		   *rng = sheet->rng;
	char		text[32];

	if (chance(rng, 0.25))
		g_snprintf(text, sizeof(text), "%d%c%02d", below(rng, 500), chance(rng, 0.5) ? '.' : ',', below(rng, 100));
	else
		g_snprintf(text, sizeof(text), "%d", 1 + below(rng, powers[below(rng, 4)]));
	if (text_width(sheet, w, text) < width)
		write_aligned(sheet, w, text, x, y, width, chance(rng, 0.6) ? 1 : 0.5);
}
