/*
 * sideways.c
 *	  Lines on their side.  See sideways.h.
 */
#include "sideways.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/ink/pieces.h"
#include "cover.h"
#include "map_lines.h"

/* Parts of a page that are looked at, those with most ink. */
#define MAX_PARTS 4

/* A cell is written on that has so many dark pixels, and is not all ink, as the edge of the paper is. */
#define INK 64
#define LEAST_INK 4
#define MOST_INK (HWR_COVER_CELL * HWR_COVER_CELL * 3 / 4)

/* Cells at most twice this apart are one part. */
#define REACH 2

/* All parts are no more of the page than this: both ways together, the network works half as much again at most. */
#define MOST_AREA 0.25

/* Cells: a part is high enough for some words, and wide enough for a line; with less of its cells written on it is a rule. */
#define LEAST_HEIGHT 14
#define LEAST_WIDTH 2
#define LEAST_SHARE 0.1F

/* Lines of fewer pixels of the canvas are not taken: some letters that the upright lines left over. */
#define LEAST_LENGTH (4 * HWR_CANVAS_PITCH)

/* Nor those of which upright lines cover more than this share. */
#define COVERED 0.3F

/* Pixels of the canvas, [x0, x1) x [y0, y1). */
typedef struct Part
{
	int			x0;
	int			y0;
	int			x1;
	int			y1;
	int			ink;			/* cells */
} Part;

struct HwrSideways
{
	const HwrPageCanvas *canvas;
	HwrPageLines *found;
	HwrMap		covered;		/* by them, cells */
	Part		parts[MAX_PARTS];
	int			n;
	int			part;			/* which is looked at */
	int			way;			/* 0: turned clockwise, 1: the other way */
	HwrPageCanvas turned;		/* of the part; ink.v is NULL before it is begun */
	HwrLineMaps maps;
	int			next;			/* row of it for the network */
	HwrPageLines lines[2];		/* of the part either way */
	float		amount[2];		/* of them, in pixels along them */
	HwrPageLines taken;			/* of all parts */
	int			regions;
};

/* The cells that are written on and that no line covers, nor is near one. */
static bool
find_open_cells(const HwrMap *ink, const HwrMap *covered, HwrMap *out, HwrStatus *st)
{
	HwrMap		near;

	if (!hwr_map_create(covered->width, covered->height, &near, st))
		return false;
	memcpy(near.v, covered->v, (size_t) near.width * (size_t) near.height);
	if (!hwr_map_extreme(&near, 1, 1, st) || !hwr_map_create(near.width, near.height, out, st))
	{
		hwr_map_free(&near);
		return false;
	}
	for (int cy = 0; cy < out->height; cy++)
		for (int cx = 0; cx < out->width; cx++)
		{
			int			n = 0;

			if (hwr_map_row(&near, cy)[cx] != 0)
				continue;
			for (int y = cy * HWR_COVER_CELL; y < (cy + 1) * HWR_COVER_CELL && y < ink->height; y++)
				for (int x = cx * HWR_COVER_CELL; x < (cx + 1) * HWR_COVER_CELL && x < ink->width; x++)
					n += hwr_map_row(ink, y)[x] >= INK;
			hwr_map_row(out, cy)[cx] = n >= LEAST_INK && n <= MOST_INK;
		}
	hwr_map_free(&near);
	return true;
}

/* Keep the part among those with most ink. */
static void
keep_part(HwrSideways *s, Part part)
{
	for (int i = 0; i < s->n; i++)
		if (part.ink > s->parts[i].ink)
		{
			Part		swap = s->parts[i];

			s->parts[i] = part;
			part = swap;
		}
	if (s->n < MAX_PARTS)
		s->parts[s->n++] = part;
}

static double
area_of(const Part *part)
{
	return (double) (part->x1 - part->x0) * (double) (part->y1 - part->y0);
}

/* Drop the parts that are too much beside those with more ink. */
static void
limit_area(HwrSideways *s, double most)
{
	int			n = 0;

	for (int i = 0; i < s->n; i++)
	{
		if (area_of(&s->parts[i]) > most)
			continue;
		most -= area_of(&s->parts[i]);
		s->parts[n++] = s->parts[i];
	}
	s->n = n;
}

static bool
find_parts(HwrSideways *s, const HwrMap *open, HwrStatus *st)
{
	double		most = MOST_AREA * (double) s->canvas->ink.width * (double) s->canvas->ink.height;
	HwrMap		joined;
	HwrPieces	pieces;
	bool		ok;

	/* with room around it, so that parts at the edges of the page grow as far as others */
	if (!hwr_map_create(open->width + 2 * REACH, open->height + 2 * REACH, &joined, st))
		return false;
	for (int y = 0; y < open->height; y++)
		memcpy(hwr_map_row(&joined, y + REACH) + REACH, hwr_map_row(open, y), (size_t) open->width);
	ok = hwr_map_extreme(&joined, REACH, 1, st) && hwr_pieces_find(&joined, 1, &pieces, st);
	hwr_map_free(&joined);
	if (!ok)
		return false;
	for (int i = 0; i < pieces.n; i++)
	{
		const HwrPiece *p = &pieces.pieces[i];
		Part		part = {p->x0, p->y0, p->x1 - 2 * REACH, p->y1 - 2 * REACH, 0};
		int			width = part.x1 - part.x0;
		int			height = part.y1 - part.y0;

		if (width < LEAST_WIDTH || height < LEAST_HEIGHT || height < width)
			continue;
		for (int y = part.y0; y < part.y1; y++)
			for (int x = part.x0; x < part.x1; x++)
				part.ink += hwr_map_row(open, y)[x];
		if ((float) part.ink < LEAST_SHARE * (float) width * (float) height)
			continue;
		/* with the paper around it */
		part.x0 = (part.x0 > REACH ? part.x0 - REACH : 0) * HWR_COVER_CELL;
		part.y0 = (part.y0 > REACH ? part.y0 - REACH : 0) * HWR_COVER_CELL;
		part.x1 = (part.x1 + REACH) * HWR_COVER_CELL;
		part.y1 = (part.y1 + REACH) * HWR_COVER_CELL;
		part.x1 = part.x1 < s->canvas->ink.width ? part.x1 : s->canvas->ink.width;
		part.y1 = part.y1 < s->canvas->ink.height ? part.y1 : s->canvas->ink.height;
		/* a drawing takes no note's place */
		if (area_of(&part) <= most)
			keep_part(s, part);
	}
	hwr_pieces_free(&pieces);
	limit_area(s, most);
	return true;
}

bool
hwr_page_sideways_begin(const HwrPageCanvas *canvas, HwrPageLines *found, HwrSideways **out, HwrStatus *st)
{
	HwrSideways *s = hwr_alloc_zero(1, sizeof(HwrSideways), st);
	HwrMap		open = {0};

	if (s == NULL)
		return false;
	s->canvas = canvas;
	s->found = found;
	for (int i = 0; i < found->n; i++)
		s->regions = found->lines[i].region > s->regions ? found->lines[i].region : s->regions;
	if (!hwr_page_cover(canvas, found, &s->covered, st) || !find_open_cells(&canvas->ink, &s->covered, &open, st) ||
		!find_parts(s, &open, st))
	{
		hwr_map_free(&open);
		hwr_page_sideways_free(s);
		return false;
	}
	hwr_map_free(&open);
	*out = s;
	return true;
}

static int
quarters(int way)
{
	return way == 0 ? 1 : 3;
}

/* The part, turned, as a canvas of its own. */
static bool
turn_part(HwrSideways *s, HwrStatus *st)
{
	const Part *p = &s->parts[s->part];
	HwrMap		piece;
	bool		ok;

	if (!hwr_map_create(p->x1 - p->x0, p->y1 - p->y0, &piece, st))
		return false;
	for (int y = 0; y < piece.height; y++)
		memcpy(hwr_map_row(&piece, y), hwr_map_row(&s->canvas->ink, p->y0 + y) + p->x0, (size_t) piece.width);
	s->turned = (HwrPageCanvas){.scale = 1};
	ok = hwr_map_turn(&piece, quarters(s->way), &s->turned.ink, st);
	hwr_map_free(&piece);
	if (ok)
		s->turned.shift = hwr_alloc_zero((size_t) s->turned.ink.width, sizeof(float), st);
	return s->turned.shift != NULL;
}

static float
length_of(const HwrPageLine *line)
{
	return fabsf(line->baseline[line->baseline_n - 1].x - line->baseline[0].x);
}

static float
middle_of(const HwrPageLine *line)
{
	return (line->baseline[0].y + line->baseline[line->baseline_n - 1].y) / 2;
}

/* From the upper one down, as the part lies when it is turned. */
static int
compare_lines(const void *a, const void *b)
{
	float		x = middle_of(a);
	float		y = middle_of(b);

	if (x == y)
	{
		x = ((const HwrPageLine *) a)->baseline[0].x;
		y = ((const HwrPageLine *) b)->baseline[0].x;
	}
	return (x > y) - (x < y);
}

/* ... and pieces of one row from left to right. */
static void
sort_lines(HwrPageLines *lines)
{
	qsort(lines->lines, (size_t) lines->n, sizeof(HwrPageLine), compare_lines);
	for (int i = 1; i < lines->n; i++)
		for (int k = i; k > 0; k--)
		{
			HwrPageLine *left = &lines->lines[k - 1];
			HwrPageLine *right = &lines->lines[k];
			HwrPageLine swap = *left;

			if (middle_of(right) - middle_of(left) > HWR_CANVAS_PITCH / 3 || left->baseline[0].x <= right->baseline[0].x)
				break;
			*left = *right;
			*right = swap;
		}
}

/* A point of the turned part as one of the straight page. */
static HwrPoint
place(const HwrSideways *s, const Part *part, HwrPoint p)
{
	float		width = (float) (part->x1 - part->x0);
	float		height = (float) (part->y1 - part->y0);
	HwrPoint	q = s->way == 0 ? (HwrPoint){p.y, height - p.x} : (HwrPoint){width - p.y, p.x};

	return hwr_page_canvas_back(s->canvas, (HwrPoint){(float) part->x0 + q.x, (float) part->y0 + q.y});
}

/* From the turned part to the straight page. */
static void
move_line(const HwrSideways *s, HwrPageLine *line)
{
	const Part *part = &s->parts[s->part];

	for (int k = 0; k < line->baseline_n; k++)
		line->baseline[k] = place(s, part, line->baseline[k]);
	for (int k = 0; k < line->outline_n; k++)
		line->outline[k] = place(s, part, line->outline[k]);
	line->size /= s->canvas->scale;
}

/* Leave out lines that are short or that others cover, and move the rest to the straight page. */
static bool
choose_lines(HwrSideways *s, HwrPageLines *lines, HwrStatus *st)
{
	int			n = 0;
	bool		ok = true;

	sort_lines(lines);
	s->amount[s->way] = 0;
	for (int i = 0; i < lines->n; i++)
	{
		HwrPageLine line = lines->lines[i];
		float		length = length_of(&line);
		float		share = 1;

		move_line(s, &line);
		ok = ok && (length < LEAST_LENGTH || hwr_page_covered_share(s->canvas, &line, &s->covered, &share, st));
		if (ok && share <= COVERED)
		{
			s->amount[s->way] += length;
			lines->lines[n++] = line;
			continue;
		}
		free(line.baseline);
		free(line.outline);
	}
	lines->n = n;
	return ok;
}

/* Take the lines of the better way. */
static bool
take_part(HwrSideways *s, HwrStatus *st)
{
	HwrPageLines *lines = &s->lines[s->amount[1] > s->amount[0]];
	HwrPageLine *room = hwr_realloc(s->taken.lines, (size_t) s->taken.n + (size_t) lines->n + 1, sizeof(HwrPageLine), st);

	if (room == NULL)
		return false;
	s->taken.lines = room;
	s->regions += lines->n > 0;
	for (int i = 0; i < lines->n; i++)
	{
		lines->lines[i].region = s->regions;
		s->taken.lines[s->taken.n++] = lines->lines[i];
	}
	lines->n = 0;
	hwr_page_lines_free(&s->lines[0]);
	hwr_page_lines_free(&s->lines[1]);
	return true;
}

/* Rejected lines that are pieces of those taken. */
static bool
drop_pieces(HwrSideways *s, HwrStatus *st)
{
	HwrPageLines *found = s->found;
	HwrMap		cells;
	int			n = 0;

	if (!hwr_page_cover(s->canvas, &s->taken, &cells, st))
		return false;
	/* they stick out of what they are pieces of, and lie across several lines */
	if (!hwr_map_extreme(&cells, 1, 1, st))
	{
		hwr_map_free(&cells);
		return false;
	}
	for (int i = 0; i < found->n; i++)
	{
		HwrPageLine *line = &found->lines[i];

		if (line->kind == HWR_LINE_REJECTED && hwr_page_is_covered(s->canvas, line, &cells))
		{
			free(line->baseline);
			free(line->outline);
		}
		else
			found->lines[n++] = *line;
	}
	found->n = n;
	hwr_map_free(&cells);
	return true;
}

/* What was taken between lines of text and what was rejected. */
static bool
insert_taken(HwrSideways *s, HwrStatus *st)
{
	HwrPageLines *found = s->found;
	HwrPageLine *lines;
	int			texts = 0;

	if (s->taken.n == 0)
		return true;
	if (!drop_pieces(s, st))
		return false;
	lines = hwr_realloc(found->lines, (size_t) found->n + (size_t) s->taken.n, sizeof(HwrPageLine), st);
	if (lines == NULL)
		return false;
	found->lines = lines;
	while (texts < found->n && lines[texts].kind == HWR_LINE_TEXT)
		texts++;
	memmove(lines + texts + s->taken.n, lines + texts, (size_t) (found->n - texts) * sizeof(HwrPageLine));
	memcpy(lines + texts, s->taken.lines, (size_t) s->taken.n * sizeof(HwrPageLine));
	found->n += s->taken.n;
	s->taken.n = 0;
	return true;
}

static void
free_turned(HwrSideways *s)
{
	hwr_page_canvas_free(&s->turned);
	hwr_line_maps_free(&s->maps);
	s->next = 0;
}

bool
hwr_page_sideways_step(HwrSideways *s, HwrLineNet *net, bool *done, HwrStatus *st)
{
	bool		seen = false;

	*done = s->part == s->n;
	if (*done)
		return insert_taken(s, st);
	if (s->turned.ink.v == NULL && !turn_part(s, st))
		return false;
	if (!hwr_line_net_takes(&s->turned.ink))
		seen = true;
	else if (!hwr_line_net_step(net, &s->turned.ink, &s->maps, &s->next, &seen, st) ||
			 (seen && !(hwr_page_map_lines(&s->turned, &s->maps, HWR_CANVAS_PITCH, &s->lines[s->way], st) &&
						choose_lines(s, &s->lines[s->way], st))))
		return false;
	if (!seen)
		return true;
	free_turned(s);
	if (++s->way < 2)
		return true;
	s->way = 0;
	if (!take_part(s, st))
		return false;
	s->part++;
	return true;
}

void
hwr_page_sideways_free(HwrSideways *s)
{
	if (s == NULL)
		return;
	free_turned(s);
	hwr_map_free(&s->covered);
	hwr_page_lines_free(&s->lines[0]);
	hwr_page_lines_free(&s->lines[1]);
	hwr_page_lines_free(&s->taken);
	free(s);
}
