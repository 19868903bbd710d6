/*
 * line.c
 *	  A line of writing: its letters into a layer, its baseline and outline into the ground truth.
 *
 * The outline follows the ink, as that of annotators' tools does: the highest and lowest ink about each place, no less than the
 * letters without ascenders, no more than what belongs to the line where lines are close.
 */
#include <stdlib.h>

#include "pages.h"

/* Of the height of an x: columns of the outline, room around the ink, and least heights. */
#define COLUMN 1.0
#define ROOM 0.2
#define LEAST_UP 1.0
#define LEAST_DOWN 0.45

/* Of the distance of lines: at most so far up and down. */
#define MOST_UP 0.85
#define MOST_DOWN 0.5

/* Columns on either side whose ink counts. */
#define AROUND 1

/* The baseline wanders. */
typedef struct Wander
{
	double		height,
				waves,
				phase;
} Wander;

typedef struct Line
{
	const Sheet *sheet;
	Place		place;
	Wander		wander;
} Line;

/* From along the line and down from its baseline to the picture. */
static Point
on_picture(const Line *line, double along, double down)
{
	double		y = down + line->wander.height * sin(line->wander.waves * along + line->wander.phase);
	double		s = sin(line->place.angle);
	double		c = cos(line->place.angle);

	return bent(&line->sheet->bend, (Point){line->place.x + c * along - s * y, line->place.y + s * along + c * y});
}

static bool
outline_text(Sheet *sheet, const Writer *w, const char *text, Outline *out)
{
	if (w->font != NULL)
		return print_text(sheet->scratch, w->font, text, out);
	return write_by_hand(sheet->rng, sheet->scratch, &w->hand, text, out);
}

double
text_width(Sheet *sheet, const Writer *w, const char *text)
{
	Rng			before = *sheet->rng;
	Outline		outline;
	double		width;

	if (!outline_text(sheet, w, text, &outline))
		return 0;
	*sheet->rng = before;
	width = w->hand.scale * (outline.extents[2] - outline.extents[0]);
	cairo_path_destroy(outline.path);
	return width;
}

static void
fill(cairo_t *cr, const cairo_path_t *path, double weight)
{
	cairo_new_path(cr);
	cairo_append_path(cr, path);
	cairo_set_line_width(cr, weight);
	cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
	cairo_fill_preserve(cr);
	if (weight > 0)
		cairo_stroke(cr);
	cairo_new_path(cr);
}

/* The ink above and below the baseline in each of n columns, from a flat path of units along and down. */
static void
measure_ink(const cairo_path_t *path, double column, int n, double *up, double *down)
{
	Point		last = {0, 0};

	for (int i = 0; i < path->num_data; i += path->data[i].header.length)
	{
		Point		p;
		int			steps;

		if (path->data[i].header.type == CAIRO_PATH_CLOSE_PATH)
			continue;
		p = (Point){path->data[i + 1].point.x, path->data[i + 1].point.y};
		steps = path->data[i].header.type == CAIRO_PATH_MOVE_TO ? 1 : 1 + (int) (2 * fabs(p.x - last.x) / column);
		for (int k = 1; k <= steps; k++)
		{
			double		t = (double) k / steps;
			int			c = (int) ((last.x + t * (p.x - last.x)) / column);
			double		y = last.y + t * (p.y - last.y);

			c = c < 0 ? 0 : c < n ? c : n - 1;
			up[c] = fmax(up[c], -y);
			down[c] = fmax(down[c], y);
		}
		last = p;
	}
}

static double
about(const double *values, int n, int i, double least, double most)
{
	double		v = least;

	for (int k = i - AROUND; k <= i + AROUND; k++)
		if (k >= 0 && k < n)
			v = fmax(v, values[k]);
	return fmin(v, fmax(most, least));
}

static void
add_truth(Sheet *sheet, const Line *line, const Writer *w, const char *text, const cairo_path_t *flat, double width)
{
	double		column = COLUMN * w->height;
	int			n = 1 + (int) (width / column);
	double	   *up = g_new0(double, n);
	double	   *down = g_new0(double, n);
	double		room = ROOM * w->height;
	TrueLine	t = {sheet->region, g_strdup(text), {n + 1, g_new(Point, n + 1)}, {2 * (n + 1), g_new(Point, 2 * (n + 1))}};

	column = width / n;
	measure_ink(flat, column, n, up, down);
	for (int i = 0; i <= n; i++)
	{
		int			c = i < n ? i : n - 1;
		double		x = i == 0 ? -room : i == n ? width + room : i * column;
		double		top = about(up, n, c, LEAST_UP * w->height, MOST_UP * w->pitch) + room;
		double		bottom = about(down, n, c, LEAST_DOWN * w->height, MOST_DOWN * w->pitch) + room;

		t.baseline.p[i] = on_picture(line, i * column, 0);
		t.outline.p[i] = on_picture(line, x, -top);
		t.outline.p[2 * n + 1 - i] = on_picture(line, x, bottom);
	}
	if ((sheet->n & (sheet->n - 1)) == 0)
		sheet->line = g_renew(TrueLine, sheet->line, sheet->n > 0 ? 2 * sheet->n : 1);
	sheet->line[sheet->n++] = t;
	g_free(up);
	g_free(down);
}

double
write_line(Sheet *sheet, const Writer *w, const char *text, Place place, bool truth)
{
	Line		line = {.sheet = sheet,.place = place};
	double		width;
	cairo_path_t *flat;
	Outline		outline;

	if (!outline_text(sheet, w, text, &outline))
		return place.x;
	if (w->font == NULL)
		line.wander = (Wander){uniform(sheet->rng, 0, 0.15) * w->height, uniform(sheet->rng, 0.1, 0.5) / w->full,
			uniform(sheet->rng, 0, 2 * M_PI)};
	width = w->hand.scale * (outline.extents[2] - outline.extents[0]);
	for (int i = 0; i < outline.path->num_data; i += outline.path->data[i].header.length)
		for (int k = 1; k < outline.path->data[i].header.length; k++)
		{
			cairo_path_data_t *p = &outline.path->data[i + k];

			p->point.x = w->hand.scale * (p->point.x - outline.extents[0]);
			p->point.y = w->hand.scale * (p->point.y - w->baseline);
		}
	cairo_append_path(sheet->scratch, outline.path);
	flat = cairo_copy_path_flat(sheet->scratch);
	cairo_new_path(sheet->scratch);
	if (truth)
		add_truth(sheet, &line, w, text, flat, width);
	cairo_path_destroy(flat);
	for (int i = 0; i < outline.path->num_data; i += outline.path->data[i].header.length)
		for (int k = 1; k < outline.path->data[i].header.length; k++)
		{
			cairo_path_data_t *p = &outline.path->data[i + k];
			Point		q = on_picture(&line, p->point.x, p->point.y);

			p->point.x = q.x;
			p->point.y = q.y;
		}
	fill(sheet->layer[w->layer], outline.path, w->weight);
	cairo_path_destroy(outline.path);
	return place.x + width;
}
