/*
 * finder.c
 *	  The line finder's steps: survey, sheet, ridges, lines, their order.
 */
#include "canvas.h"
#include "cover.h"
#include "map_lines.h"
#include "page_internal.h"
#include "sideways.h"
#include "tilt.h"
#include "upright.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum Stage
{
	STAGE_REDUCE,				/* page to grey, some rows at a time */
	STAGE_INK,
	STAGE_LEVEL,
	STAGE_RULES,
	STAGE_SIZE,					/* and back to STAGE_REDUCE once, if the size asks for another factor */
	STAGE_NETWORK,				/* a tile at a time, where there is one */
	STAGE_CLEAN,
	STAGE_CHAINS,
	STAGE_LINES,
	STAGE_ORDER,				/* some lines at a time */
	STAGE_SIDEWAYS,				/* a tile at a time */
	STAGE_DONE
} Stage;

/* Page pixels that one step of reduction reads. */
#define STEP_PIXELS (16 << 20)

/* Small pages are looked at doubled, if their writing is so small: strokes are a pixel wide there. */
#define DOUBLED 0.5F

/* Writing that is steeper is made straight by turning the page; what is left, by moving columns, which slants it. */
#define STRAIGHT 0.03F

struct HwrPageFinder
{
	const HwrImage *page;
	HwrPageOptions options;
	Stage		stage;
	int			turn;			/* this try's */
	bool		turn_known;
	HwrTurns	turns;
	bool		surveyed;
	int			row;			/* of the sheet, next to be reduced */
	bool		want_canvas;	/* end with the canvas */
	HwrSheet	sheet;
	HwrTilt		tilt;			/* of the turned page to the sheet's */
	HwrMap		level;			/* the sheet's darkness, level, where a canvas is wanted */
	HwrPageCanvas canvas;
	HwrLineMaps maps;			/* of it */
	int			next;			/* row of it for the network */
	bool		resized;		/* after the network has seen it once */
	HwrChains	chains;
	HwrPageLines lines;
	HwrPageOrder *order;
	HwrSideways *sideways;
};

static bool
begin_sheet(HwrPageFinder *f, float factor, HwrStatus *st)
{
	HwrSheet   *sheet = &f->sheet;

	hwr_map_free(&sheet->ink);
	hwr_map_free(&sheet->walls);
	free(sheet->shift);
	*sheet = (HwrSheet){.factor = factor};
	f->row = 0;
	f->stage = STAGE_REDUCE;
	return hwr_map_create((int) ceilf((float) f->page->width / factor), (int) ceilf((float) f->page->height / factor),
						  &sheet->ink, st);
}

/* Whether a page of this factor has no more pixels than these. */
static bool
fits(const HwrImage *page, float factor, int pixels)
{
	return (double) page->width * page->height <= (double) pixels * (double) (factor * factor);
}

static float
survey_factor(const HwrImage *page)
{
	float		factor = fits(page, DOUBLED, HWR_PAGE_SURVEY_PIXELS) ? DOUBLED : 1;

	while (!fits(page, factor, HWR_PAGE_SURVEY_PIXELS))
		factor++;
	return factor;
}

bool
hwr_page_finder_create(const HwrImage *page, const HwrPageOptions *options, HwrPageFinder **out, HwrStatus *st)
{
	HwrPageFinder *f;

	if (options->turn < HWR_TURN_UNKNOWN || options->turn > 3)
		return hwr_fail(st, HWR_BAD_OPTION, "a page is turned by 0 to 3 quarters");
	f = hwr_alloc_zero(1, sizeof(HwrPageFinder), st);
	if (f == NULL)
		return false;
	f->page = page;
	f->options = *options;
	f->want_canvas = options->net != NULL;
	f->turn_known = options->turn != HWR_TURN_UNKNOWN || options->net == NULL;
	f->turn = options->turn == HWR_TURN_UNKNOWN ? 0 : options->turn;
	if (!begin_sheet(f, survey_factor(page), st))
	{
		hwr_page_finder_free(f);
		return false;
	}
	*out = f;
	return true;
}

static bool
reduce_step(HwrPageFinder *f)
{
	HwrMap	   *grey = &f->sheet.ink;
	int			rows = (int) ((float) (STEP_PIXELS / f->page->width) / f->sheet.factor) + 1;
	int			to = f->row + rows < grey->height ? f->row + rows : grey->height;

	if (f->sheet.factor < 1)
	{
		to = grey->height;
		hwr_map_enlarge(f->page->pixels, f->page->width, f->page->height, grey);
	}
	else if (f->sheet.factor == 1)
		memcpy(hwr_map_row(grey, f->row), f->page->pixels + (size_t) f->row * (size_t) grey->width,
			   (size_t) (to - f->row) * (size_t) grey->width);
	else
		hwr_map_reduce(f->page->pixels, f->page->width, f->page->height, grey, f->row, to);
	f->row = to;
	return to == grey->height;
}

static bool
turn_sheet(HwrPageFinder *f, HwrStatus *st)
{
	HwrMap		turned;

	if (f->turn == 0)
		return true;
	if (!hwr_map_turn(&f->sheet.ink, f->turn, &turned, st))
		return false;
	hwr_map_free(&f->sheet.ink);
	f->sheet.ink = turned;
	return true;
}

/*
 * A point of the straight page as one of the page, inside it.  Tenths of a pixel are enough, and a line that
 * has been written down and read again is the same.
 */
static HwrPoint
point_back(const HwrPageFinder *f, HwrPoint p)
{
	float		w = (float) f->page->width;
	float		h = (float) f->page->height;
	HwrPoint	q;

	p = hwr_tilt_back(&f->tilt, p);
	q = p;
	if (f->turn == 1)
		q = (HwrPoint){p.y, h - p.x};
	else if (f->turn == 2)
		q = (HwrPoint){w - p.x, h - p.y};
	else if (f->turn == 3)
		q = (HwrPoint){w - p.y, p.x};
	return (HwrPoint){rintf(fminf(fmaxf(q.x, 0), w) * 10) / 10, rintf(fminf(fmaxf(q.y, 0), h) * 10) / 10};
}

static void
turn_back(HwrPageFinder *f)
{
	for (int i = 0; i < f->lines.n; i++)
	{
		HwrPageLine *line = &f->lines.lines[i];

		for (int k = 0; k < line->baseline_n; k++)
			line->baseline[k] = point_back(f, line->baseline[k]);
		for (int k = 0; k < line->outline_n; k++)
			line->outline[k] = point_back(f, line->outline[k]);
	}
}

/* Turn the sheet so that writing of this slope is level. */
static bool
straighten(HwrPageFinder *f, float slope, HwrStatus *st)
{
	bool		on_side = f->turn % 2 == 1;

	f->tilt = hwr_tilt_of(slope, (float) (on_side ? f->page->height : f->page->width),
						  (float) (on_side ? f->page->width : f->page->height));
	return hwr_map_straighten(&f->sheet.ink, &f->tilt, f->sheet.factor, st) &&
		(f->level.v == NULL || hwr_map_straighten(&f->level, &f->tilt, f->sheet.factor, st));
}

static bool
level(HwrPageFinder *f, HwrStatus *st)
{
	HwrSheet   *sheet = &f->sheet;
	float		slopes[2];
	float		slope;

	f->tilt = (HwrTilt){0};
	if (!hwr_page_find_slopes(&sheet->ink, slopes, st))
		return false;
	slope = (slopes[0] + slopes[1]) / 2;
	if (fabsf(slope) > STRAIGHT && (!straighten(f, slope, st) || !hwr_page_find_slopes(&sheet->ink, slopes, st)))
		return false;
	sheet->shift = hwr_alloc((size_t) sheet->ink.width, sizeof(float), st);
	if (sheet->shift == NULL)
		return false;
	hwr_page_shifts(sheet->ink.width, slopes, sheet->shift);
	sheet->slope = (slopes[0] + slopes[1]) / 2;
	return hwr_page_shear(&sheet->ink, sheet->shift, st) &&
		(f->level.v == NULL || hwr_page_shear(&f->level, sheet->shift, st));
}

/*
 * The factor at which this sheet's writing would have the wanted size, as far as the sheet is not
 * too large then.
 */
static float
wanted_factor(const HwrPageFinder *f)
{
	float		wanted = f->sheet.size * f->sheet.factor / HWR_PAGE_SIZE;
	float		factor = floorf(wanted + 0.5F);

	if (factor < 1)
		factor = 1;
	if (wanted < 0.75F && fits(f->page, DOUBLED, HWR_PAGE_SURVEY_PIXELS))
		factor = DOUBLED;
	while (!fits(f->page, factor, HWR_PAGE_SHEET_PIXELS))
		factor++;
	return factor;
}

/* Whether the page is upright now; else it is begun again, turned. */
static bool
settle_turn(HwrPageFinder *f, HwrStatus *st)
{
	int			next;

	if (f->turn_known)
		return true;
	if (!hwr_page_next_turn(&f->turns, f->turn, f->options.net, &f->canvas, &f->maps, &next, st))
		return false;
	if (next == f->turn)
	{
		f->turn_known = true;
		return true;
	}
	f->turn = next;
	f->surveyed = false;
	f->resized = false;
	hwr_map_free(&f->level);
	hwr_page_canvas_free(&f->canvas);
	hwr_line_maps_free(&f->maps);
	return begin_sheet(f, survey_factor(f->page), st);
}

static bool
size_step(HwrPageFinder *f, HwrStatus *st)
{
	HwrSheet   *sheet = &f->sheet;
	float		factor;

	if (!f->surveyed)
	{
		if (!hwr_page_find_size(&sheet->ink, &sheet->size, st))
			return false;
		f->surveyed = true;
		f->lines.size = sheet->size * sheet->factor;
		factor = wanted_factor(f);
		if (sheet->size > 0 && factor != sheet->factor)
			return begin_sheet(f, factor, st);
	}
	sheet->size = f->lines.size / sheet->factor;
	f->stage = sheet->size < 3 ? STAGE_DONE : STAGE_CLEAN;
	if (f->level.v == NULL || f->stage == STAGE_DONE)
		return f->turns.tried == 0 || settle_turn(f, st);
	if (!hwr_page_canvas_make(&f->level, sheet->shift, sheet->factor, sheet->size, &f->canvas, st))
		return false;
	f->canvas.tilt = f->tilt;
	if (f->options.net != NULL && hwr_line_net_takes(&f->canvas.ink))
		f->stage = STAGE_NETWORK;
	else if (f->turns.tried > 0)
		return settle_turn(f, st);
	return true;
}

/*
 * Whether the network has seen the page at a size that suits it; else it is begun again with another canvas.  Grain and
 * ruling can be taken for writing, or several lines for one.
 */
static bool
settle_size(HwrPageFinder *f, HwrStatus *st)
{
	float		by = f->resized ? 1 : hwr_page_map_resize(&f->maps);
	HwrPageCanvas canvas;

	f->resized = true;
	if (by == 1)
		return true;
	if (!hwr_page_canvas_make(&f->level, f->sheet.shift, f->sheet.factor, f->sheet.size * by, &canvas, st))
		return false;
	canvas.tilt = f->tilt;
	/* not where it would have had to be larger than canvases are */
	if (canvas.ink.width == f->canvas.ink.width || !hwr_line_net_takes(&canvas.ink))
	{
		hwr_page_canvas_free(&canvas);
		return true;
	}
	hwr_page_canvas_free(&f->canvas);
	f->canvas = canvas;
	f->lines.size *= by;
	hwr_line_maps_free(&f->maps);
	f->stage = STAGE_NETWORK;
	return true;
}

/* The network's lines where there is one, and what the other way finds besides. */
static bool
make_lines(HwrPageFinder *f, HwrStatus *st)
{
	HwrPageLines others = {0};
	bool		ok;

	if (f->maps.v == NULL)
		return hwr_page_make_lines(&f->sheet, &f->chains, &f->lines, st);
	ok = hwr_page_map_lines(&f->canvas, &f->maps, f->lines.size, &f->lines, st) &&
		hwr_page_make_lines(&f->sheet, &f->chains, &others, st) &&
		hwr_page_add_rejected(&f->canvas, &f->lines, &others, st);
	hwr_page_lines_free(&others);
	return ok;
}

bool
hwr_page_finder_step(HwrPageFinder *f, bool *done, HwrStatus *st)
{
	HwrSheet   *sheet = &f->sheet;
	int			guess = f->surveyed ? (int) (f->lines.size / sheet->factor) : 20;
	bool		ok = true;
	bool		done_part = false;

	switch (f->stage)
	{
		case STAGE_REDUCE:
			if (reduce_step(f))
			{
				ok = turn_sheet(f, st);
				f->stage = STAGE_INK;
			}
			break;
		case STAGE_INK:
			hwr_map_free(&f->level);
			ok = hwr_page_ink_and_darkness(&sheet->ink, guess, f->want_canvas ? &f->level : NULL, st);
			f->stage = STAGE_LEVEL;
			break;
		case STAGE_LEVEL:
			ok = level(f, st);
			f->stage = STAGE_RULES;
			break;
		case STAGE_RULES:
			ok = hwr_page_remove_rules(&sheet->ink, sheet->slope, guess, &sheet->walls, st);
			f->stage = STAGE_SIZE;
			break;
		case STAGE_SIZE:
			ok = size_step(f, st);
			break;
		case STAGE_NETWORK:
			ok = hwr_line_net_step(f->options.net, &f->canvas.ink, &f->maps, &f->next, &done_part, st);
			if (done_part)
			{
				f->stage = STAGE_CLEAN;
				ok = ok && settle_size(f, st) && (f->stage == STAGE_NETWORK || settle_turn(f, st));
			}
			break;
		case STAGE_CLEAN:
			ok = hwr_page_clean(&sheet->ink, sheet->size, st);
			f->stage = STAGE_CHAINS;
			break;
		case STAGE_CHAINS:
			ok = hwr_page_find_chains(sheet, &f->chains, st);
			f->stage = STAGE_LINES;
			break;
		case STAGE_LINES:
			f->lines.slope = sheet->slope;
			f->lines.turn = f->turn;
			ok = make_lines(f, st) &&
				hwr_page_order_begin(&f->lines, f->lines.size, f->options.right_to_left, &f->order, st);
			f->stage = STAGE_ORDER;
			break;
		case STAGE_ORDER:
			if (!hwr_page_order_step(f->order, &f->lines))
				break;
			if (f->maps.v != NULL)
				ok = hwr_page_sideways_begin(&f->canvas, &f->lines, &f->sideways, st);
			f->stage = STAGE_SIDEWAYS;
			break;
		case STAGE_SIDEWAYS:
			if (f->sideways != NULL)
				ok = hwr_page_sideways_step(f->sideways, f->options.net, &done_part, st);
			if (f->sideways != NULL && !done_part)
				break;
			f->lines.slope += f->tilt.sine == 0 ? 0 : f->tilt.sine / f->tilt.cosine;
			turn_back(f);
			f->stage = STAGE_DONE;
			break;
		case STAGE_DONE:
			break;
	}
	*done = f->stage == STAGE_DONE;
	return ok;
}

bool
hwr_page_canvas_of(const HwrImage *page, int turn, HwrPageCanvas *out, HwrStatus *st)
{
	HwrPageOptions options = {.turn = turn};
	HwrPageFinder *f;
	bool		done = false;
	bool		ok;

	*out = (HwrPageCanvas){0};
	if (!hwr_page_finder_create(page, &options, &f, st))
		return false;
	f->want_canvas = true;
	do
		ok = hwr_page_finder_step(f, &done, st);
	while (ok && !done && f->canvas.ink.v == NULL);
	if (ok)
	{
		*out = f->canvas;
		f->canvas = (HwrPageCanvas){0};
	}
	hwr_page_finder_free(f);
	return ok;
}

void
hwr_page_finder_take(HwrPageFinder *f, HwrPageLines *out)
{
	*out = f->lines;
	f->lines = (HwrPageLines){0};
}

void
hwr_page_finder_free(HwrPageFinder *f)
{
	if (f == NULL)
		return;
	hwr_map_free(&f->sheet.ink);
	hwr_map_free(&f->sheet.walls);
	hwr_map_free(&f->level);
	hwr_page_canvas_free(&f->canvas);
	hwr_line_maps_free(&f->maps);
	free(f->sheet.shift);
	hwr_page_chains_free(&f->chains);
	hwr_page_lines_free(&f->lines);
	hwr_page_order_free(f->order);
	hwr_page_sideways_free(f->sideways);
	free(f);
}

void
hwr_page_lines_free(HwrPageLines *lines)
{
	for (int i = 0; i < lines->n; i++)
	{
		free(lines->lines[i].baseline);
		free(lines->lines[i].outline);
	}
	free(lines->lines);
	lines->lines = NULL;
	lines->n = 0;
}
