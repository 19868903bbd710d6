/*
 * form.c
 *	  What stands on a form around a word: printed words before or above it, and of the lines above and below,
 *	  written or printed, what reaches into the picture before its edge cuts it off.
 */
#include <stdlib.h>

#include "generate.h"

#define MAX_PRINT 400			/* pixels */

static const char *const print_fonts[] = {"Sans", "Sans Bold", "Sans Condensed", "Serif", "Serif Bold", "Monospace"};

static double
piece_width(const Piece *p)
{
	return p->scale * (p->outline.extents[2] - p->outline.extents[0]);
}

static double
piece_height(const Piece *p)
{
	return p->scale * (p->outline.extents[3] - p->outline.extents[1]);
}

/* A printed word of that height; NULL where the font lacks a letter of it, or it is too long. */
static Piece *
add_print(Rng *rng, cairo_t *cr, const Lines *printed, double height, Form *form)
{
	Piece	   *p = &form->piece[form->n];
	const char *text = printed->line[below(rng, printed->n)];

	if (!print_text(cr, print_fonts[below(rng, G_N_ELEMENTS(print_fonts))], text, &p->outline))
		return NULL;
	p->scale = height / (p->outline.extents[3] - p->outline.extents[1]);
	if (piece_width(p) > MAX_PRINT)
	{
		cairo_path_destroy(p->outline.path);
		return NULL;
	}
	p->printed = true;
	form->n++;
	return p;
}

static Piece *
add_writing(Rng *rng, cairo_t *cr, const Hand *hand, const char *text, Form *form)
{
	Piece	   *p = &form->piece[form->n];

	if (!write_by_hand(rng, cr, hand, text, &p->outline))
		return NULL;
	p->scale = hand->scale;
	p->printed = false;
	form->n++;
	return p;
}

/* In the word's own line, to its left; its beginning may be cut off. */
static void
place_before(Rng *rng, Piece *p, double height, Margins *m)
{
	p->x = uniform(rng, -0.4, 1.0) * m->left;
	p->y = m->top + height - piece_height(p) + uniform(rng, -0.3, 0.05) * height;
	m->left = p->x + piece_width(p) + uniform(rng, 0.3, 2.0) * height;
}

static void
place_above(Rng *rng, Piece *p, Margins *m, bool cut)
{
	double		height = piece_height(p);
	double		seen = cut ? uniform(rng, 0.2, 0.7) * height : height + uniform(rng, 0, 4);

	p->x = m->left + uniform(rng, -0.5, 3) * height;
	p->y = seen - height;
	m->top = seen + uniform(rng, 2, 10);
}

static void
place_below(Rng *rng, Piece *p, double height, Margins *m)
{
	double		seen = uniform(rng, 0.15, 0.5) * piece_height(p);

	p->x = m->left + uniform(rng, -0.5, 3) * piece_height(p);
	m->bottom = uniform(rng, 2, 8) + seen;
	p->y = m->top + height + m->bottom - seen;
}

/*
 * Choose what surrounds a word of that height, and make room for it.  other: a word for the lines above and
 * below; printed may be empty.
 */
void
lay_out_form(Rng *rng, cairo_t *cr, const Lines *printed, const Hand *hand, const char *other, double height,
			 Margins *m, Form *form)
{
	double		size = uniform(rng, 0.35, 0.7) * height;	/* of what is printed */
	bool		print = printed->n > 0;
	Piece	   *p;

	form->n = 0;
	if (chance(rng, 0.6))
		m->right += uniform(rng, 0, 6) * height;
	if (print && chance(rng, 0.3) && (p = add_print(rng, cr, printed, size, form)) != NULL)
		place_above(rng, p, m, chance(rng, 0.5));
	else if (chance(rng, 0.2) && (p = add_writing(rng, cr, hand, other, form)) != NULL)
		place_above(rng, p, m, true);
	if (print && chance(rng, 0.3) && (p = add_print(rng, cr, printed, size, form)) != NULL)
		place_before(rng, p, height, m);
	if (print && chance(rng, 0.15) && (p = add_print(rng, cr, printed, size, form)) != NULL)
		place_below(rng, p, height, m);
	else if (chance(rng, 0.15) && (p = add_writing(rng, cr, hand, other, form)) != NULL)
		place_below(rng, p, height, m);
}

/* Print goes onto the paper, writing to the word's own ink. */
void
draw_form(Picture *pic, const Form *form)
{
	size_t		n = (size_t) (pic->width * pic->height);
	float	   *print = calloc(n, sizeof(float));

	for (int i = 0; i < form->n; i++)
	{
		const Piece *p = &form->piece[i];

		fill_outline(pic, &p->outline, p->x, p->y, p->scale, 0, p->printed ? print : pic->mask);
	}
	for (size_t i = 0; i < 3 * n; i++)
		pic->rgb[i] *= 1 - 0.85f * print[i / 3];
	free(print);
}

void
free_form(Form *form)
{
	for (int i = 0; i < form->n; i++)
		cairo_path_destroy(form->piece[i].outline.path);
}
