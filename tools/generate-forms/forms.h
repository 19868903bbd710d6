/*
 * forms.h
 *	  What the parts of generate-forms share.
 *
 * Lengths are millimetres of the paper unless said otherwise.
 */
#ifndef FORMS_H
#define FORMS_H

#include "../generate-words/generate.h"

#define MAX_FIELDS 80
#define FORMS 5

/* A field that is outlined at so many points. */
#define OUTLINE 8

typedef struct Field
{
	char		name[32];
	const char *kind;			/* of hwr_read_form */
	double		x,
				y,
				w,
				h;
	int			cells;			/* of a comb, 0: none */
	const char *what;			/* word, town, name, number, capitals: what is written in a text or a comb */
} Field;

/* A form while it is drawn: print goes to cr, fields are noted. */
typedef struct Sheet
{
	const char *name;
	double		width,
				height;
	cairo_t    *cr;				/* of millimetres */
	bool		other;			/* a later edition: the same parts in other places */
	Field		field[MAX_FIELDS];
	int			n;
} Sheet;

/* Ink and paper of a page at a resolution: [height][width], 0 black .. 1 white. */
typedef struct Page
{
	int			width,
				height;
	float	   *v;
} Page;

typedef struct Point
{
	double		x,
				y;
} Point;

/* How a page came before a scanner or a camera, pixels of both. */
typedef struct Capture
{
	double		h[8];			/* from the page's pixels to the picture's */
	double		curl,			/* of the paper, pixels of the picture */
				waves,			/* over the page's height */
				phase;
	double		page_height;
	int			width,			/* of the picture */
				height;
	bool		photo;
} Capture;

/* layout.c */
extern void draw_form_sheet(int number, Sheet *sheet);
extern void form_size(int number, const char **name, double *width, double *height);

/* fill.c: write into the fields, which becomes label[n]; "" where nothing is written */
extern void fill_form(Rng *rng, cairo_t *cr, const Sheet *sheet, const Lines *words, const char *family,
					  char **label);

/* capture.c */
extern void choose_capture(Rng *rng, const Sheet *sheet, const Page *page, double pixels, bool photo, Capture *capture);
extern Point captured(const Capture *capture, Point p);
extern void take_picture(Rng *rng, const Page *page, const Capture *capture, Picture *out);

#endif							/* FORMS_H */
