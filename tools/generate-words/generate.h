/*
 * generate.h
 *	  What the parts of generate-words, and of generate-forms, share.
 */
#ifndef GENERATE_H
#define GENERATE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <pango/pangocairo.h>

/* splitmix64 */
typedef struct Rng
{
	uint64_t	state;
} Rng;

/* Lines of text. */
typedef struct Lines
{
	int			n;
	char	  **line;
} Lines;

/* Coverage of ink, and the picture made from it: [height][width][3]. */
typedef struct Picture
{
	int			width,
				height;
	float	   *mask;
	float	   *rgb;
} Picture;

/* An outline in units of its own, and its extents: left, top, right, bottom. */
typedef struct Outline
{
	cairo_path_t *path;
	double		extents[4];
} Outline;

/* Who writes, and how. */
typedef struct Hand
{
	const char *family;			/* of the font */
	double		spacing;		/* between letters, beyond the font's own, in font sizes */
	double		scale;			/* pixels a unit of an outline */
	bool		faint;
	bool		straight;		/* along one line, however long */
	bool		typed;			/* by a typewriter or a press: upright letters, each a little off its place */
} Hand;

/* Something else that stands on a form. */
typedef struct Piece
{
	Outline		outline;
	double		x,				/* of its left and upper edge, pixels */
				y;
	double		scale;			/* pixels a unit of the outline */
	bool		printed;
} Piece;

typedef struct Form
{
	int			n;
	Piece		piece[3];		/* above, before, below */
} Form;

/* Room around a word, pixels. */
typedef struct Margins
{
	double		left,
				right,
				top,
				bottom;
} Margins;

typedef struct Output Output;

/* common.c */
extern void fail(const char *what, const char *name) __attribute__((noreturn));
extern uint64_t rng_next(Rng *rng);
extern double uniform(Rng *rng, double low, double high);
extern int	below(Rng *rng, int n);
extern bool chance(Rng *rng, double p);
extern double normal(Rng *rng); /* roughly, within +-3 */
extern void add_line(Lines *lines, const char *text);
extern void read_lines(const char *path, Lines *lines);

/* hand.c: outlines; false where the font lacks a letter */
extern void check_font(cairo_t *cr, const char *family);
extern bool write_by_hand(Rng *rng, cairo_t *cr, const Hand *hand, const char *text, Outline *out);
extern bool line_extents(cairo_t *cr, const char *family, double extents[4]);
extern bool print_text(cairo_t *cr, const char *font, const char *text, Outline *out);
extern void fill_outline(const Picture *pic, const Outline *outline, double x, double y, double scale, double weight,
						 float *mask);

/* paper.c */
extern void draw_paper(Rng *rng, Picture *pic, double baseline);
extern bool draw_sheet(Rng *rng, Picture *pic, double height);
extern void wear_ink(Rng *rng, Picture *pic);
extern void draw_ink(Rng *rng, Picture *pic, bool faint);
extern void blur(Picture *pic, float w);
extern void add_grain(Rng *rng, Picture *pic);
extern void scan(Rng *rng, Picture *pic);

/* form.c */
extern void lay_out_form(Rng *rng, cairo_t *cr, const Lines *printed, const Hand *hand, const char *other, double height,
						 Margins *margins, Form *form);
extern void draw_form(Picture *pic, const Form *form);
extern void free_form(Form *form);

/* output.c: a folder, or NAME.tar and NAME.csv */
extern FILE *create_file(const char *path);
extern void make_folder(const char *path);
extern Output *open_output(const char *path);
extern void add_image(Output *out, int i, const Picture *pic, int channels, int quality, const char *label);
extern void close_output(Output *out);

/* A picture as a JPEG file, the caller's to free. */
extern uint8_t *encode_jpeg(const Picture *pic, int channels, int quality, size_t *len);

#endif							/* GENERATE_H */
