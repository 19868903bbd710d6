/*
 * kinds.c
 *	  Kinds of sheets: letters, registers, notebooks and others.
 */
#include <stdlib.h>

#include "pages.h"

static void
write_letterhead(Sheet *sheet, double x, double width, double *y)
{
	Rng		   *rng = sheet->rng;
	Writer		print;
	int			lines = 1 + below(rng, 3);
	double		align = chance(rng, 0.7) ? 0.5 : 0;

	sheet->region++;
	for (int i = 0; i < lines; i++)
	{
		choose_print(sheet, i == 0 ? uniform(rng, 16, 36) : uniform(rng, 11, 18), NULL, &print);
		*y += 1.2 * print.full;
		write_short(sheet, &print, x, *y, width * uniform(rng, 0.3, 0.8), align);
	}
	*y += uniform(rng, 20, 60);
}

/* Loops under a signature. */
static void
flourish(Sheet *sheet, const Writer *w, double x, double y)
{
	Rng		   *rng = sheet->rng;
	double		turns = uniform(rng, 1, 4) * M_PI;
	double		wide = uniform(rng, 0.5, 2) * w->full;
	double		high = uniform(rng, 0.15, 0.5) * w->full;
	double		drift = uniform(rng, 0, 3) * w->full;
	Point		last = {x, y};

	for (int i = 1; i <= 60; i++)
	{
		double		t = i / 60.0;
		Point		next = {x + drift * t + wide * sin(turns * t), y + high * (1 - cos(1.7 * turns * t))};

		draw_line(sheet, w->layer, last, next, 0.04 * w->full + 0.5);
		last = next;
	}
}

static void
choose_block(Sheet *sheet, Block *b)
{
	Rng		   *rng = sheet->rng;

	b->indent = chance(rng, 0.6) ? uniform(rng, 0.04, 0.15) * b->width : 0;
	b->paragraph = uniform(rng, 0.02, 0.2);
	b->inserted = chance(rng, 0.4) ? uniform(rng, 0.03, 0.25) : 0;
	b->struck = chance(rng, 0.4) ? uniform(rng, 0.03, 0.2) : 0;
}

static void
write_letter(Sheet *sheet)
{
	Rng		   *rng = sheet->rng;
	double		w = sheet->width;
	double		left = uniform(rng, 0.06, 0.25) * w;
	double		width = w - left - uniform(rng, 0.03, 0.12) * w;
	double		y = uniform(rng, 0.03, 0.1) * sheet->height;
	double		full = uniform(rng, 24, 52);
	Writer		hand;
	Block		b;

	choose_writer(sheet, full, full * uniform(rng, 0.85, 1.6), INK, &hand);
	if (chance(rng, 0.35))
		write_letterhead(sheet, left, width, &y);
	sheet->region++;
	y += full;
	write_short(sheet, &hand, left, y, width * uniform(rng, 0.3, 0.5), 0);
	if (chance(rng, 0.7))
		write_short(sheet, &hand, left + 0.5 * width, y + uniform(rng, -0.5, 0.5) * full, 0.5 * width, 1);
	y += uniform(rng, 1, 4) * hand.pitch;
	b = (Block){.x = left,.y = y,.width = width,.bottom = uniform(rng, 0.5, 0.97) * sheet->height};
	choose_block(sheet, &b);
	y = write_block(sheet, &hand, &b) + uniform(rng, 0, 2) * hand.pitch;
	if (y < 0.85 * sheet->height)
	{
		sheet->region++;
		write_short(sheet, &hand, left + uniform(rng, 0.2, 0.6) * width, y, 0.4 * width, 0);
		hand.hand.scale *= 1.2;
		hand.height *= 1.2;
		hand.full *= 1.2;
		hand.advance *= 1.2;
		hand.pitch *= 1.2;
		write_short(sheet, &hand, left + uniform(rng, 0.3, 0.7) * width, y + 1.5 * hand.pitch, 0.3 * width, 0);
		if (chance(rng, 0.5))
			flourish(sheet, &hand, left + 0.4 * width, y + 1.7 * hand.pitch);
	}
}

static void
write_register(Sheet *sheet)
{
	Rng		   *rng = sheet->rng;
	double		y = uniform(rng, 0.03, 0.08) * sheet->height;
	double		left = uniform(rng, 0.02, 0.08) * sheet->width;

	if (chance(rng, 0.4))
		write_letterhead(sheet, left, sheet->width - 2 * left, &y);
	write_table(sheet, left, y + 10, sheet->width - left - uniform(rng, 0.02, 0.06) * sheet->width,
				uniform(rng, 0.88, 0.98) * sheet->height);
}

static void
write_columns(Sheet *sheet)
{
	Rng		   *rng = sheet->rng;
	int			n = chance(rng, 0.8) ? 2 : 3;
	double		left = uniform(rng, 0.04, 0.1) * sheet->width;
	double		gap = uniform(rng, 0.02, 0.06) * sheet->width;
	double		width = (sheet->width - 2 * left - (n - 1) * gap) / n;
	double		y = uniform(rng, 0.05, 0.15) * sheet->height;
	double		full = uniform(rng, 20, 34);
	bool		ruled = chance(rng, 0.3);
	Writer		hand;

	choose_writer(sheet, full, full * uniform(rng, 0.85, 1.3), INK, &hand);
	for (int i = 0; i < n; i++)
	{
		double		x = left + i * (width + gap);
		Block		b = {.x = x,.y = y + uniform(rng, -0.3, 0.3) * hand.pitch,.width = width,
		.bottom = sheet->height * (i + 1 < n ? uniform(rng, 0.85, 0.96) : uniform(rng, 0.4, 0.96))};

		choose_block(sheet, &b);
		b.inserted = 0;
		write_block(sheet, &hand, &b);
		if (ruled && i > 0)
			draw_line(sheet, RULES, (Point){x - gap / 2, y - full}, (Point){x - gap / 2, 0.96 * sheet->height}, 1.5);
	}
}

static void
write_sideways(Sheet *sheet, const Writer *w)
{
	bool		down = chance(sheet->rng, 0.3);
	char	   *text = take_text(sheet, w, uniform(sheet->rng, 0.2, 0.6) * sheet->height);

	sheet->region++;
	if (text != NULL)
		write_line(sheet, w, text, (Place){uniform(sheet->rng, 0.025, 0.045) * sheet->width, (down ? 0.2 : 0.85) * sheet->height,
				   down ? M_PI / 2 : -M_PI / 2}, true);
	g_free(text);
}

static void
write_margins(Sheet *sheet)
{
	Rng		   *rng = sheet->rng;
	double		margin = uniform(rng, 0.18, 0.35) * sheet->width;
	double		full = uniform(rng, 22, 40);
	double		y = uniform(rng, 0.04, 0.12) * sheet->height;
	bool		left = chance(rng, 0.75);
	Writer		hand;
	Writer		other;
	Block		b = {.x = left ? margin : 0.05 * sheet->width,.y = y + full,
	.width = sheet->width - margin - 0.07 * sheet->width,
	.bottom = uniform(rng, 0.7, 0.97) * sheet->height};

	choose_writer(sheet, full, full * uniform(rng, 0.8, 1.4), INK, &hand);
	full *= uniform(rng, 0.55, 0.9);
	choose_writer(sheet, full, full * uniform(rng, 0.85, 1.2), chance(rng, 0.6) ? OTHER_INK : INK, &other);
	choose_block(sheet, &b);
	write_block(sheet, &hand, &b);
	while (y < b.bottom - 4 * other.pitch)
	{
		double		above = uniform(rng, 0.5, 10) * other.pitch;
		int			lines = 1 + below(rng, 6);
		double		width = (margin - 0.06 * sheet->width) * uniform(rng, 0.7, 0.95);
		double		x = left ? 0.055 * sheet->width + uniform(rng, 0, 0.06) * margin : sheet->width - margin + 5;

		y = write_notes(sheet, &other, x, y + above, width, lines);
	}
	if (chance(rng, 0.4))
		write_sideways(sheet, &other);
}

static void
draw_grid(Sheet *sheet, double top, double pitch, bool squares)
{
	double		thick = uniform(sheet->rng, 0.6, 1.3);

	for (double y = top; y < sheet->height; y += pitch)
		draw_line(sheet, RULES, (Point){0, y}, (Point){sheet->width, y}, thick);
	for (double x = 0; squares && x < sheet->width; x += pitch)
		draw_line(sheet, RULES, (Point){x, top}, (Point){x, sheet->height}, thick);
}

static void
write_notebook(Sheet *sheet)
{
	Rng		   *rng = sheet->rng;
	double		pitch = uniform(rng, 26, 56);
	double		full = pitch * uniform(rng, 0.65, 1.1);
	double		margin = uniform(rng, 0.05, 0.2) * sheet->width;
	double		top = uniform(rng, 0.02, 0.1) * sheet->height;
	bool		squares = chance(rng, 0.4);
	Writer		hand;
	Block		b = {.x = margin + 6,.y = top + 2 * pitch,.width = sheet->width * uniform(rng, 0.88, 0.97) - margin,
	.bottom = sheet->height * uniform(rng, 0.5, 0.98)};

	draw_grid(sheet, top, squares ? pitch / (1 + below(rng, 3)) : pitch, squares);
	if (chance(rng, 0.5))
		draw_line(sheet, RULES, (Point){margin, 0}, (Point){margin, sheet->height}, 1.5);
	choose_writer(sheet, full, pitch, INK, &hand);
	choose_block(sheet, &b);
	/* writing stands on the lines, or a little above */
	b.y -= uniform(rng, 0, 0.12) * pitch;
	if (chance(rng, 0.6))
		write_short(sheet, &hand, margin, b.y - pitch, 0.6 * b.width, 1);
	write_block(sheet, &hand, &b);
}

/* Small writing, its lines close together. */
static void
write_dense(Sheet *sheet)
{
	Rng		   *rng = sheet->rng;
	double		full = uniform(rng, 15, 24);
	double		left = uniform(rng, 0.03, 0.12) * sheet->width;
	double		y = uniform(rng, 0.03, 0.1) * sheet->height;
	Writer		hand;
	Block		b = {.x = left,.y = y,.width = sheet->width - left - uniform(rng, 0.02, 0.08) * sheet->width,
	.bottom = sheet->height * uniform(rng, 0.6, 0.97)};

	choose_writer(sheet, full, full * uniform(rng, 0.72, 1), INK, &hand);
	choose_block(sheet, &b);
	write_block(sheet, &hand, &b);
}

/* Titles, addresses, cards: large and small letters. */
static void
write_mixed(Sheet *sheet)
{
	Rng		   *rng = sheet->rng;
	double		y = uniform(rng, 0.03, 0.15) * sheet->height;

	while (y < 0.85 * sheet->height)
	{
		double		full = 18 * pow(2, uniform(rng, 0, 2.6));
		double		left = uniform(rng, 0.04, 0.3) * sheet->width;
		int			lines = full > 60 ? 1 : 1 + below(rng, 5);
		Writer		hand;

		choose_writer(sheet, full, full * uniform(rng, 0.85, 1.5), chance(rng, 0.3) ? OTHER_INK : INK, &hand);
		y += 1.2 * full;
		y = write_notes(sheet, &hand, left, y, (0.93 * sheet->width - left) * uniform(rng, 0.5, 1), lines);
		if (chance(rng, 0.2))
			draw_line(sheet, INK, (Point){left, y - 0.5 * full},
					  (Point){left + uniform(rng, 0.1, 0.5) * sheet->width, y - 0.5 * full}, 2);
		y += uniform(rng, 0, 3) * full;
	}
}

static void
write_typescript(Sheet *sheet)
{
	static const char *const fonts[] = {"Nimbus Mono PS", "DejaVu Sans Mono", "Noto Sans Mono"};
	Rng		   *rng = sheet->rng;
	double		left = uniform(rng, 0.08, 0.16) * sheet->width;
	double		full = uniform(rng, 16, 26);
	double		y = uniform(rng, 0.05, 0.12) * sheet->height;
	Writer		type;
	Writer		hand;
	Block		b;

	if (chance(rng, 0.5))
		write_letterhead(sheet, left, sheet->width - 2 * left, &y);
	choose_print(sheet, full, fonts[below(rng, 3)], &type);
	type.pitch = full * uniform(rng, 1.1, 2.3);
	b = (Block){.x = left,.y = y + 2 * type.pitch,.width = sheet->width - 1.8 * left,
		.bottom = uniform(rng, 0.4, 0.85) * sheet->height,.paragraph = 0.15,.indent = 0.06 * sheet->width};
	y = write_block(sheet, &type, &b) + 2 * full;
	full *= uniform(rng, 1.2, 2.5);
	choose_writer(sheet, full, 1.3 * full, INK, &hand);
	write_notes(sheet, &hand, left + uniform(rng, 0, 0.5) * sheet->width, y + full, 0.35 * sheet->width, 1 + below(rng, 2));
}

/* Two pages of a book. */
static void
write_spread(Sheet *sheet)
{
	Rng		   *rng = sheet->rng;
	double		half = sheet->width / 2;
	bool		table = chance(rng, 0.5);
	double		full = uniform(rng, 18, 32);
	Writer		hand;

	choose_writer(sheet, full, full * uniform(rng, 0.85, 1.4), INK, &hand);
	for (int side = 0; side < 2; side++)
	{
		double		left = side * half + uniform(rng, 0.04, 0.12) * half;
		double		width = (side + 1) * half - left - uniform(rng, 0.04, 0.12) * half;
		double		y = uniform(rng, 0.05, 0.15) * sheet->height;
		Block		b = {.x = left,.y = y,.width = width,.bottom = uniform(rng, 0.6, 0.97) * sheet->height};

		choose_block(sheet, &b);
		/* a page may be empty */
		if (chance(rng, 0.12))
			continue;
		if (table)
			write_table(sheet, left, y, width, b.bottom);
		else
			write_block(sheet, &hand, &b);
		write_number(sheet, &hand, left + 0.8 * width, 0.03 * sheet->height + full * 0.3, 0.2 * width);
	}
}

static const struct
{
	void		(*write) (Sheet *);
	int			share;
	bool		wide;
} kinds[] = {
	{write_letter, 16, false}, {write_register, 26, false}, {write_columns, 8, false}, {write_margins, 12, false},
	{write_notebook, 12, false}, {write_dense, 8, false}, {write_mixed, 8, false}, {write_typescript, 5, false},
	{write_spread, 14, true}
};

int
choose_kind(Rng *rng)
{
	int			kind = 0;
	int			sum = 0;
	int			at;

	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
		sum += kinds[i].share;
	at = below(rng, sum);
	while (at >= kinds[kind].share)
		at -= kinds[kind++].share;
	return kind;
}

bool
kind_is_wide(int kind)
{
	return kinds[kind].wide;
}

void
write_sheet(Sheet *sheet, int kind)
{
	kinds[kind].write(sheet);
}
