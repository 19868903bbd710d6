/*
 * table.c
 *	  Registers: printed heads, rules, narrow and wide cells, entries of several lines, rows that go across rules.
 */
#include <stdlib.h>

#include "pages.h"

#define MAX_COLUMNS 9

typedef enum Content
{
	NUMBER,
	SHORT,						/* a name, a date: one line */
	LONG						/* entries of several lines */
} Content;

typedef struct Table
{
	int			n;				/* columns */
	double		edge[MAX_COLUMNS + 1];
	Content		content[MAX_COLUMNS];
	double		filled[MAX_COLUMNS];	/* chance that a cell is */
	Writer		writer;
	bool		across;			/* a row is one line, whatever rules it crosses */
	int			from;			/* then from this column */
	double		thick;			/* of rules; 0: there are none */
} Table;

static void
choose_columns(Sheet *sheet, double x, double width, Table *t)
{
	Rng		   *rng = sheet->rng;
	double		share[MAX_COLUMNS];
	double		sum = 0;

	t->n = 3 + below(rng, MAX_COLUMNS - 2);
	for (int i = 0; i < t->n; i++)
	{
		double		kind = uniform(rng, 0, 1);

		t->content[i] = kind < 0.4 ? NUMBER : kind < 0.8 ? SHORT : LONG;
		share[i] = t->content[i] == NUMBER ? uniform(rng, 0.4, 1) :
			t->content[i] == SHORT ? uniform(rng, 1.2, 2.5) : uniform(rng, 2.5, 4.5);
		t->filled[i] = chance(rng, 0.3) ? uniform(rng, 0.1, 0.6) : uniform(rng, 0.8, 1);
		sum += share[i];
	}
	t->edge[0] = x;
	for (int i = 0; i < t->n; i++)
		t->edge[i + 1] = t->edge[i] + width * share[i] / sum;
}

static double
write_head(Sheet *sheet, const Table *t, double y)
{
	Rng		   *rng = sheet->rng;
	Writer		print;
	double		bottom = y;

	choose_print(sheet, uniform(rng, 11, 20), NULL, &print);
	for (int i = 0; i < t->n; i++)
	{
		double		width = t->edge[i + 1] - t->edge[i] - 0.8 * print.height;
		int			lines = 1 + below(rng, 3);

		sheet->region++;
		for (int k = 0; k < lines; k++)
		{
			write_short(sheet, &print, t->edge[i] + 0.4 * print.height, y + (k + 1) * print.pitch, width, 0.5);
			bottom = fmax(bottom, y + (k + 1.6) * print.pitch);
		}
	}
	return bottom;
}

/* How many lines a row takes. */
static int
write_row(Sheet *sheet, const Table *t, double y, double bottom)
{
	Rng		   *rng = sheet->rng;
	const Writer *w = &t->writer;
	int			rows = 1;

	sheet->region++;
	for (int i = 0; i < t->n; i++)
	{
		double		pad = uniform(rng, 0.1, 0.5) * w->height;
		double		x = t->edge[i] + pad;
		double		width = t->edge[i + 1] - x - 0.5 * pad;

		if (t->across && i == t->from)
		{
			write_short(sheet, w, x, y, t->edge[t->n] - x - pad, 0);
			break;
		}
		if (!chance(rng, t->filled[i]))
			continue;
		if (t->content[i] == NUMBER)
			write_number(sheet, w, x, y, width);
		else if (t->content[i] == SHORT)
			write_short(sheet, w, x, y, width * uniform(rng, 0.5, 1), 0);
		else
		{
			int			lines = 1 + below(rng, 4);

			for (int k = 0; k < lines && y + k * w->pitch < bottom; k++)
				write_short(sheet, w, x + (k > 0 ? 0.5 * w->height : 0), y + k * w->pitch,
							width * (k + 1 < lines ? uniform(rng, 0.9, 1) : uniform(rng, 0.3, 1)), 0);
			rows = lines > rows ? lines : rows;
		}
	}
	return rows;
}

void
write_table(Sheet *sheet, double x, double y, double width, double bottom)
{
	Rng		   *rng = sheet->rng;
	Table		t = {.across = chance(rng, 0.2),.thick = chance(rng, 0.85) ? uniform(rng, 0.8, 2.2) : 0};
	double		full = uniform(rng, 18, 32);
	bool		rows_ruled = chance(rng, 0.35);
	double		top = y;
	double		until = chance(rng, 0.3) ? y + uniform(rng, 0.3, 0.9) * (bottom - y) : bottom;

	choose_columns(sheet, x, width, &t);
	choose_writer(sheet, full, full * uniform(rng, 0.85, 1.3), INK, &t.writer);
	t.from = below(rng, t.n > 3 ? 3 : 2);
	if (t.across)
		for (int i = 0; i < t.n; i++)
			t.content[i] = t.content[i] == LONG ? SHORT : t.content[i];
	if (chance(rng, 0.8))
		y = write_head(sheet, &t, y);
	if (t.thick > 0)
	{
		draw_line(sheet, RULES, (Point){x, top}, (Point){x + width, top}, t.thick);
		draw_line(sheet, RULES, (Point){x, y}, (Point){x + width, y}, t.thick);
	}
	for (int i = 0; t.thick > 0 && i <= t.n; i++)
		for (int k = 0; k < 1 + (i % 3 == 2 && chance(rng, 0.3)); k++)
		{
			double		at = t.edge[i] + 4 * k;

			draw_line(sheet, RULES, (Point){at, top}, (Point){at, bottom}, t.thick * uniform(rng, 0.7, 1.3));
		}
	y += t.writer.pitch;
	while (y < until)
	{
		int			rows = write_row(sheet, &t, y, until);

		if (rows_ruled)
			draw_line(sheet, RULES, (Point){x, y + 0.3 * t.writer.pitch + (rows - 1) * t.writer.pitch},
					  (Point){x + width, y + 0.3 * t.writer.pitch + (rows - 1) * t.writer.pitch}, 0.7 * t.thick + 0.3);
		else if (rows > 1 && chance(rng, 0.3))
			draw_line(sheet, INK, (Point){x + 0.4 * width, y + (rows - 0.4) * t.writer.pitch},
					  (Point){x + 0.55 * width, y + (rows - 0.4) * t.writer.pitch}, 1.5);
		y += rows * t.writer.pitch * (rows > 1 ? uniform(rng, 1, 1.3) : 1 + 0.02 * normal(rng));
	}
}
