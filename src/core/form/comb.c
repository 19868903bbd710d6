/*
 * comb.c
 *	  A box a character: finding the boxes, and setting what is in them together as a word.
 *
 * A model of words reads letters that stand as they do in words; in boxes they stand apart, at one pitch, which would
 * read as as many words.  See field.h.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"

/* A separator is printed along so much of the field's height at least; lines between open boxes are short. */
#define SEPARATOR 0.22
#define PRINT 36
#define WRITING 36

/* Boxes may be so much wider or narrower than the middle one. */
#define UNEVEN 0.25

/* A box is empty with less writing than this share of its square; a speck of ink is none. */
#define EMPTY 0.012

/* Room between characters, and where boxes between them are empty; shares of the height. */
#define GAP 0.14
#define SPACE 0.55

/* Columns where the boxes part: edge[cells + 1]. */
typedef struct Edges
{
	int			cells;
	double		edge[HWR_COMB_CELLS + 1];
} Edges;

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* The middles of the printed lines across, at most HWR_COMB_CELLS + 1. */
static int
find_lines(const HwrMap *print, double *line)
{
	int			n = 0;
	int			first = -1;

	for (int x = 0; x <= print->width; x++)
	{
		int			ink = 0;

		for (int y = 0; x < print->width && y < print->height; y++)
			ink += hwr_map_row(print, y)[x] >= PRINT;
		if (ink >= SEPARATOR * print->height)
			first = first < 0 ? x : first;
		else if (first >= 0)
		{
			if (n == HWR_COMB_CELLS + 1)
				return n + 1;
			line[n++] = (first + x) / 2.0;
			first = -1;
		}
	}
	return n;
}

static bool
cannot_tell(HwrStatus *st)
{
	hwr_fail(st, HWR_BAD_OPTION, "the boxes of a comb field cannot be told");
	return hwr_fail_hint(st, "Give their number in the column \"cells\".");
}

static bool
find_edges(const HwrMap *print, Edges *out, HwrStatus *st)
{
	double		gaps[HWR_COMB_CELLS + 2];
	double		line[HWR_COMB_CELLS + 3];
	double		edge[HWR_COMB_CELLS + 3];
	int			n = find_lines(print, line + 1);
	int			count = 0;
	double		pitch;

	if (n < 1 || n > HWR_COMB_CELLS + 1)
		return cannot_tell(st);
	/* The field's own sides are lines too, where none is printed. */
	line[0] = 0;
	line[n + 1] = print->width;
	for (int i = 0; i < n + 1; i++)
		gaps[i] = line[i + 1] - line[i];
	qsort(gaps, (size_t) n + 1, sizeof(double), compare_doubles);
	pitch = gaps[(n + 1) / 2];
	if (line[1] > pitch / 2)
		edge[count++] = 0;
	for (int i = 1; i <= n; i++)
		edge[count++] = line[i];
	if (print->width - line[n] > pitch / 2)
		edge[count++] = print->width;
	if (count < 2 || count > HWR_COMB_CELLS + 1)
		return cannot_tell(st);
	for (int i = 0; i + 1 < count; i++)
		if (fabs(edge[i + 1] - edge[i] - pitch) > UNEVEN * pitch)
			return cannot_tell(st);
	out->cells = count - 1;
	memcpy(out->edge, edge, (size_t) count * sizeof(double));
	return true;
}

/* The columns of a box that have writing, and how much. */
typedef struct Content
{
	int			first;
	int			last;
	int			amount;
} Content;

static Content
look_into(const HwrFieldCut *cut, double left, double right)
{
	/* Near the separators is what they left behind. */
	double		edge = 0.05 * (right - left);
	Content		c = {-1, -1, 0};

	for (int x = (int) ceil(left + edge); x < right - edge && x < cut->writing.width; x++)
	{
		int			ink = 0;

		for (int y = 0; y < cut->writing.height; y++)
			ink += hwr_map_row(&cut->writing, y)[x] >= WRITING;
		if (ink == 0)
			continue;
		c.first = c.first < 0 ? x : c.first;
		c.last = x;
		c.amount += ink;
	}
	return c;
}

/* The brightness that nine tenths of the image do not reach: of paper. */
static uint8_t
paper_of(const HwrImage *image)
{
	uint32_t	counts[256] = {0};

	for (size_t i = 0; i < (size_t) image->width * (size_t) image->height; i++)
		counts[image->pixels[i]]++;
	return (uint8_t) hwr_histogram_quantile(counts, 256, 0.8);
}

/* The contents side by side; content[i].amount is 0 for an empty box. */
static bool
set_together(const HwrFieldCut *cut, const Content *content, int cells, HwrComb *out, HwrStatus *st)
{
	int			h = cut->image.height;
	int			gap = (int) (GAP * h) + 1;
	int			space = (int) (SPACE * h) + 1;
	int			width = 2 * gap;
	int			at = gap;
	uint8_t		paper = paper_of(&cut->image);

	for (int i = 0; i < cells; i++)
		width += content[i].amount > 0 ? content[i].last - content[i].first + 3 + gap : space;
	out->image = (HwrImage){.width = width,.height = h,.source_width = width,.source_height = h};
	out->image.pixels = hwr_alloc((size_t) width * (size_t) h, 1, st);
	if (out->image.pixels == NULL)
		return false;
	memset(out->image.pixels, paper, (size_t) width * (size_t) h);
	for (int i = 0; i < cells; i++)
	{
		bool		after = out->groups > 0;
		bool		before = i > 0 && content[i - 1].amount > 0;
		int			first = content[i].first > 0 ? content[i].first - 1 : 0;
		int			last = content[i].last + 1 < cut->image.width ? content[i].last + 1 : content[i].last;

		if (content[i].amount == 0)
			continue;
		if (!before)
		{
			out->group[out->groups++] = 0;
			at += after ? space : 0;
		}
		out->group[out->groups - 1]++;
		for (int y = 0; y < h; y++)
			memcpy(out->image.pixels + (size_t) y * (size_t) width + at,
				   cut->image.pixels + (size_t) y * (size_t) cut->image.width + first, (size_t) (last - first + 1));
		at += last - first + 1 + gap;
	}
	/* Empty boxes took less than they were given room for. */
	for (int y = 0; y < h; y++)
		memmove(out->image.pixels + (size_t) y * (size_t) at, out->image.pixels + (size_t) y * (size_t) width, (size_t) at);
	out->image.width = out->image.source_width = at;
	return true;
}

bool
hwr_field_comb(const HwrFieldCut *cut, int cells, HwrComb *out, HwrStatus *st)
{
	Edges		edges = {.cells = cells};
	Content		content[HWR_COMB_CELLS];
	bool		any = false;

	memset(out, 0, sizeof(*out));
	if (cells < 0 || cells > HWR_COMB_CELLS)
		return hwr_fail(st, HWR_BAD_OPTION, "\"cells\" must be between 1 and %d", HWR_COMB_CELLS);
	if (cells == 0 && !find_edges(&cut->print, &edges, st))
		return false;
	for (int i = 0; cells > 0 && i <= cells; i++)
		edges.edge[i] = (double) i * cut->image.width / cells;
	out->cells = edges.cells;
	for (int i = 0; i < edges.cells; i++)
	{
		double		side = fmin(edges.edge[i + 1] - edges.edge[i], cut->image.height);

		content[i] = look_into(cut, edges.edge[i], edges.edge[i + 1]);
		if (content[i].amount < EMPTY * side * side)
			content[i].amount = 0;
		any = any || content[i].amount > 0;
	}
	return !any || set_together(cut, content, edges.cells, out, st);
}
