/*
 * bend.c
 *	  From a flat sheet to a picture: skewed, curled, bent towards the fold of a book.
 *
 * Outlines of letters, rules and ground truth all go through the same map, so the truth is exact.
 */
#include "pages.h"

/* Pieces that a rule is bent in, pixels. */
#define PIECE 25.0

Point
bent(const Bend *b, Point p)
{
	double		x = p.x - b->middle.x;
	double		y = p.y - b->middle.y;
	double		away = fabs(p.x - b->gutter) / b->reach;

	y += b->curl * sin(b->waves * p.x + b->phase + 0.001 * p.y);
	y += b->fold * exp(-away * away);
	return (Point){b->to.x + b->cosine * x - b->sine * y, b->to.y + b->sine * x + b->cosine * y};
}

void
draw_line(Sheet *sheet, Layer layer, Point from, Point to, double thick)
{
	cairo_t    *cr = sheet->layer[layer];
	int			n = 1 + (int) (hypot(to.x - from.x, to.y - from.y) / PIECE);

	for (int i = 0; i <= n; i++)
	{
		double		t = (double) i / n;
		Point		p = bent(&sheet->bend, (Point){from.x + t * (to.x - from.x), from.y + t * (to.y - from.y)});

		(i == 0 ? cairo_move_to : cairo_line_to) (cr, p.x, p.y);
	}
	cairo_set_line_width(cr, thick);
	cairo_stroke(cr);
}
