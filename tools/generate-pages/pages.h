/*
 * pages.h
 *	  What the parts of generate-pages share.
 *
 * Lengths are pixels.  A sheet is laid out flat; bend.c says where its points lie in the picture.
 */
#ifndef PAGES_H
#define PAGES_H

#include "../generate-words/generate.h"

typedef struct Point
{
	double		x,
				y;
} Point;

typedef struct Polyline
{
	int			n;
	Point	   *p;
} Polyline;

/* A line as the ground truth has it, in the picture. */
typedef struct TrueLine
{
	int			region;
	char	   *text;
	Polyline	baseline;
	Polyline	outline;
} TrueLine;

/* What is drawn in one colour. */
typedef enum Layer
{
	PAPER,						/* where there is any */
	RULES,						/* of paper as it is sold, and of registers */
	BACK,						/* what is written on the other side */
	PRINT,
	INK,
	OTHER_INK,
	LAYERS
} Layer;

/* Of a sheet: turned, moved, its rows bent. */
typedef struct Bend
{
	double		sine,
				cosine;
	Point		middle,			/* of the sheet */
				to;				/* where that is in the picture */
	double		curl,
				waves,
				phase;
	double		gutter,			/* x of the fold, where rows bend by: */
				fold,
				reach;			/* so far to either side */
} Bend;

/* Who writes, or what is printed with. */
typedef struct Writer
{
	Hand		hand;
	const char *font;			/* of print; NULL: by hand */
	bool		upper;			/* in capitals */
	double		baseline;		/* units of an outline below the top of a layout */
	double		height;			/* of an x */
	double		full;			/* from ascenders to descenders */
	double		advance;		/* of a letter, on average */
	double		pitch;			/* from line to line */
	double		weight;			/* of strokes, beyond the font's */
	Layer		layer;
} Writer;

typedef struct Sources
{
	Lines		texts;
	Lines		fonts;
} Sources;

typedef struct Sheet
{
	Rng		   *rng;
	const Sources *sources;
	double		width,
				height;
	Bend		bend;
	int			picture_width,
				picture_height;
	cairo_t    *layer[LAYERS];
	cairo_t    *scratch;		/* to lay out and to flatten */
	TrueLine   *line;
	int			n;
	int			region;			/* of the next line */
	char	  **words;			/* of the text that is being written */
	int			word;
} Sheet;

/* Where a line begins: its baseline's left end, and the angle that it goes on at. */
typedef struct Place
{
	double		x,
				y;
	double		angle;
} Place;

/* bend.c */
extern Point bent(const Bend *bend, Point p);
extern void draw_line(Sheet *sheet, Layer layer, Point from, Point to, double thick);

/* writer.c */
extern void choose_writer(Sheet *sheet, double full, double pitch, Layer layer, Writer *out);
extern void choose_print(Sheet *sheet, double full, const char *font, Writer *out);

/* Words that fill about so much of a line; NULL where the font has no letters for any.  The caller's to free. */
extern char *take_text(Sheet *sheet, const Writer *writer, double width);

/* line.c: where the line ends; place.x where nothing can be written.  true: whether it is part of the ground truth */
extern double write_line(Sheet *sheet, const Writer *writer, const char *text, Place place, bool truth);
extern double text_width(Sheet *sheet, const Writer *writer, const char *text);

/* blocks.c */
typedef struct Block
{
	double		x,
				y,				/* of its first baseline */
				width,
				bottom;
	double		indent;			/* of paragraphs */
	double		paragraph;		/* chance that a line is the last of one */
	double		inserted;		/* chance that something is written above a line */
	double		struck;			/* chance that words are struck out */
} Block;

extern double write_block(Sheet *sheet, const Writer *writer, const Block *block);
extern double write_notes(Sheet *sheet, const Writer *writer, double x, double y, double width, int lines);
extern void write_short(Sheet *sheet, const Writer *writer, double x, double y, double width, double align);
extern void write_number(Sheet *sheet, const Writer *writer, double x, double y, double width);

/* table.c */
extern void write_table(Sheet *sheet, double x, double y, double width, double bottom);

/* kinds.c */
extern int	choose_kind(Rng *rng);
extern bool kind_is_wide(int kind);
extern void write_sheet(Sheet *sheet, int kind);

/* scan.c */
extern void take_scan(Rng *rng, const Sheet *sheet, Picture *out);

/* page_xml.c */
extern void write_page_xml(FILE *f, const char *image, const Sheet *sheet);

#endif							/* PAGES_H */
