/*
 * form.c
 *	  The steps that lay a page over a blank form: see form.h.
 */
#include "form.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/ink/ink.h"
#include "pose.h"

/* Pixels of the reduced pictures; the page may show more than the form. */
#define BLANK_PIXELS 900000.0
#define PAGE_PIXELS 1300000.0

/* Of the closing that tells ink, pixels of a reduced picture. */
#define RADIUS 14

/* Page pixels that one step of reduction reads, and features that one step matches. */
#define STEP_PIXELS (16 << 20)
#define STEP_FEATURES 350

/* Turns are tried every 30 degrees: descriptions bear half of that. */
#define TURNS 12

/* Print fainter than this, of 255, such as grounds of grey, is lost in many a scan, and is not asked for. */
#define FAINT 180

/* A form needs so many tiles with print, and so many corners. */
#define LEAST_TILES 6
#define LEAST_CORNERS 24

/* A rough fit at which no other turn is tried. */
#define GOOD_ENOUGH 0.6

/* The level of rough fits. */
#define ROUGH 1

#define NODE_STEPS 6

/* What is missed counts so many times: a later edition of a form has most of it in the same places. */
#define MISSED 4.0

struct HwrForm
{
	HwrImage	image;
	HwrMap		ink;
	HwrPyramid	pyramid;
	HwrFeatures features;
};

typedef enum Stage
{
	STAGE_REDUCE,
	STAGE_INK,
	STAGE_FEATURES,
	STAGE_DESCRIBE,				/* the form's features at the next turn */
	STAGE_MATCH,
	STAGE_POSES,
	STAGE_ROUGH,				/* one pose a step */
	STAGE_BASE,
	STAGE_NODES,				/* NODE_STEPS times */
	STAGE_END,
	STAGE_DONE
} Stage;

struct HwrFormFitter
{
	const HwrForm *form;
	const HwrImage *page;
	Stage		stage;
	int			row;			/* of the reduced page, next to be made */
	HwrMap		ink;
	HwrPyramid	pyramid;
	HwrFeatures features;
	uint8_t    *form_descriptions;
	uint8_t    *page_descriptions;
	HwrMatch   *matches;
	int			matches_n;
	int			matched;		/* features so far */
	int			turn;
	HwrPose		poses[HWR_POSES];
	int			poses_n;
	int			pose;
	HwrWarp		best;			/* in pixels of the reduced pictures */
	double		best_score;
	HwrWarp		bent;			/* the best with a displacement, so far */
	int			node_steps;
	HwrAgreement agreement;
};

static bool
create_reduced(const HwrImage *image, double pixels, HwrMap *out, HwrStatus *st)
{
	double		factor = fmin(1, sqrt(pixels / ((double) image->width * image->height)));
	int			w = (int) (image->width * factor);
	int			h = (int) (image->height * factor);

	return hwr_map_create(w < 1 ? 1 : w, h < 1 ? 1 : h, out, st);
}

bool
hwr_form_create(HwrImage *blank, HwrForm **out, HwrStatus *st)
{
	HwrForm    *form = hwr_alloc_zero(1, sizeof(HwrForm), st);
	HwrAgreement self = {0};
	HwrWarp		identity = {0};
	bool		ok;

	if (form == NULL)
	{
		hwr_image_free(blank);
		blank->pixels = NULL;
		return false;
	}
	form->image = *blank;
	blank->pixels = NULL;
	ok = create_reduced(&form->image, BLANK_PIXELS, &form->ink, st);
	if (ok)
	{
		hwr_map_reduce(form->image.pixels, form->image.width, form->image.height, &form->ink, 0, form->ink.height);
		ok = hwr_page_ink(&form->ink, RADIUS, st) && hwr_features_find(&form->ink, &form->features, st);
		for (int i = 0; ok && i < form->ink.width * form->ink.height; i++)
			form->ink.v[i] = form->ink.v[i] < FAINT ? 0 : form->ink.v[i];
		ok = ok && hwr_pyramid_create(&form->ink, &form->pyramid, st);
	}
	if (ok)
	{
		identity.width = identity.base.h[0] = form->ink.width;
		identity.height = identity.base.h[4] = form->ink.height;
		ok = hwr_align_measure(&form->pyramid, &form->pyramid, 0, &identity, &self, st);
	}
	if (ok && (self.tiles < LEAST_TILES || form->features.n < LEAST_CORNERS))
	{
		hwr_fail(st, HWR_BAD_DATA, "too little is printed on the blank form");
		ok = hwr_fail_hint(st, "A filled form is found by what is printed on it: lines, boxes, words.");
	}
	hwr_agreement_free(&self);
	if (ok)
		*out = form;
	else
		hwr_form_free(form);
	return ok;
}

void
hwr_form_free(HwrForm *form)
{
	if (form == NULL)
		return;
	hwr_image_free(&form->image);
	hwr_map_free(&form->ink);
	hwr_pyramid_free(&form->pyramid);
	hwr_features_free(&form->features);
	free(form);
}

const HwrImage *
hwr_form_blank(const HwrForm *form)
{
	return &form->image;
}

bool
hwr_form_fitter_create(const HwrForm *form, const HwrImage *page, HwrFormFitter **out, HwrStatus *st)
{
	HwrFormFitter *f = hwr_alloc_zero(1, sizeof(HwrFormFitter), st);

	if (f == NULL)
		return false;
	f->form = form;
	f->page = page;
	f->form_descriptions = hwr_alloc(HWR_FEATURES_MAX, HWR_FEATURE_SIZE, st);
	f->page_descriptions = f->form_descriptions == NULL ? NULL : hwr_alloc(HWR_FEATURES_MAX, HWR_FEATURE_SIZE, st);
	f->matches = f->page_descriptions == NULL ? NULL : hwr_alloc(HWR_FEATURES_MAX, sizeof(HwrMatch), st);
	if (f->matches == NULL || !create_reduced(page, PAGE_PIXELS, &f->ink, st))
	{
		hwr_form_fitter_free(f);
		return false;
	}
	*out = f;
	return true;
}

static bool
reduce_step(HwrFormFitter *f)
{
	int			rows = (int) ((int64_t) STEP_PIXELS * f->ink.height / f->page->width / f->page->height) + 1;
	int			to = f->row + rows < f->ink.height ? f->row + rows : f->ink.height;

	hwr_map_reduce(f->page->pixels, f->page->width, f->page->height, &f->ink, f->row, to);
	f->row = to;
	return to == f->ink.height;
}

/* 0, 180, 90, 270, then the turns between, the small ones first. */
static double
turn_angle(int turn)
{
	static const int degrees[TURNS] = {0, 180, 90, 270, 30, -30, 210, 150, 60, 120, 240, 300};

	return degrees[turn] * 3.14159265358979 / 180;
}

static bool
begin_features(HwrFormFitter *f, HwrStatus *st)
{
	if (!hwr_features_find(&f->ink, &f->features, st))
		return false;
	f->stage = f->features.n < LEAST_CORNERS ? STAGE_DONE : STAGE_DESCRIBE;
	if (f->stage == STAGE_DONE)
		return true;
	hwr_features_describe(&f->features, 0, f->page_descriptions);
	return hwr_pyramid_create(&f->ink, &f->pyramid, st);
}

static void
match_step(HwrFormFitter *f)
{
	int			last = f->matched + STEP_FEATURES < f->form->features.n ? f->matched + STEP_FEATURES : f->form->features.n;

	f->matches_n += hwr_features_match(f->form_descriptions, f->matched, last,
									   &f->features, f->page_descriptions, f->matches + f->matches_n);
	f->matched = last;
	if (last == f->form->features.n)
		f->stage = STAGE_POSES;
}

/* After the poses of a turn: on to the next, or to the end. */
static void
after_turn(HwrFormFitter *f)
{
	if (f->best_score < GOOD_ENOUGH && ++f->turn < TURNS)
		f->stage = STAGE_DESCRIBE;
	else
		f->stage = f->best_score > 0 ? STAGE_BASE : STAGE_DONE;
}

/* Make a warp better at a level, unless that makes it worse: coarse levels can be misled by what is written. */
static bool
try_level(HwrFormFitter *f, int level, HwrWarp *warp, double *score, HwrStatus *st)
{
	HwrWarp		moved = *warp;
	HwrAgreement agreement;

	hwr_align_base(&f->form->pyramid, &f->pyramid, level, &moved);
	if (!hwr_align_measure(&f->form->pyramid, &f->pyramid, ROUGH, &moved, &agreement, st))
		return false;
	if (agreement.score > *score)
	{
		*score = agreement.score;
		*warp = moved;
	}
	hwr_agreement_free(&agreement);
	return true;
}

/* One pose made better, and measured. */
static bool
rough_step(HwrFormFitter *f, HwrStatus *st)
{
	HwrWarp		warp = {.width = f->form->ink.width,.height = f->form->ink.height};
	HwrAgreement agreement;
	double		score;

	warp.base = f->poses[f->pose++].h;
	if (!hwr_align_measure(&f->form->pyramid, &f->pyramid, ROUGH, &warp, &agreement, st))
		return false;
	score = agreement.score;
	hwr_agreement_free(&agreement);
	for (int level = HWR_ALIGN_LEVELS - 1; level >= ROUGH; level--)
		if ((level == ROUGH || score < GOOD_ENOUGH) && !try_level(f, level, &warp, &score, st))
			return false;
	if (score > f->best_score)
	{
		f->best_score = score;
		f->best = warp;
	}
	if (f->pose >= f->poses_n)
		after_turn(f);
	return true;
}

/* The result's measure; the displacement stays unless it makes it worse. */
static bool
end_step(HwrFormFitter *f, HwrStatus *st)
{
	HwrAgreement agreement;

	if (!hwr_align_measure(&f->form->pyramid, &f->pyramid, 0, &f->best, &f->agreement, st) ||
		!hwr_align_measure(&f->form->pyramid, &f->pyramid, 0, &f->bent, &agreement, st))
		return false;
	if (agreement.score >= f->agreement.score)
	{
		HwrAgreement swap = f->agreement;

		f->agreement = agreement;
		agreement = swap;
		f->best = f->bent;
	}
	hwr_agreement_free(&agreement);
	return true;
}

bool
hwr_form_fitter_step(HwrFormFitter *f, bool *done, HwrStatus *st)
{
	bool		ok = true;

	switch (f->stage)
	{
		case STAGE_REDUCE:
			if (reduce_step(f))
				f->stage = STAGE_INK;
			break;
		case STAGE_INK:
			ok = hwr_page_ink(&f->ink, RADIUS, st);
			f->stage = STAGE_FEATURES;
			break;
		case STAGE_FEATURES:
			ok = begin_features(f, st);
			break;
		case STAGE_DESCRIBE:
			hwr_features_describe(&f->form->features, turn_angle(f->turn), f->form_descriptions);
			f->matches_n = f->matched = 0;
			f->stage = STAGE_MATCH;
			break;
		case STAGE_MATCH:
			match_step(f);
			break;
		case STAGE_POSES:
			f->poses_n = hwr_pose_find(&f->form->features, f->form->ink.width, f->form->ink.height, &f->features,
									   f->matches, f->matches_n, turn_angle(f->turn), f->poses);
			f->pose = 0;
			f->stage = STAGE_ROUGH;
			if (f->poses_n == 0)
				after_turn(f);
			break;
		case STAGE_ROUGH:
			ok = rough_step(f, st);
			break;
		case STAGE_BASE:
			ok = try_level(f, 0, &f->best, &f->best_score, st);
			f->bent = f->best;
			f->stage = STAGE_NODES;
			break;
		case STAGE_NODES:
			ok = hwr_align_nodes(&f->form->pyramid, &f->pyramid, &f->bent, st);
			if (++f->node_steps == NODE_STEPS)
				f->stage = STAGE_END;
			break;
		case STAGE_END:
			ok = end_step(f, st);
			f->stage = STAGE_DONE;
			break;
		case STAGE_DONE:
			break;
	}
	*done = f->stage == STAGE_DONE;
	return ok;
}

void
hwr_form_fitter_take(HwrFormFitter *f, HwrFormFit *out)
{
	double		x = (double) f->page->width / f->ink.width;
	double		y = (double) f->page->height / f->ink.height;

	memset(out, 0, sizeof(*out));
	if (f->agreement.correlation == NULL)
		return;
	out->agreement = f->agreement;
	f->agreement = (HwrAgreement){0};
	out->score = fmin(out->agreement.score, fmax(1 - MISSED * out->agreement.missed, 0));
	out->warp = f->best;
	out->unit = (x + y) / 2;
	hwr_warp_scale(&out->warp, f->form->image.width, f->form->image.height, x, y);
}

void
hwr_form_fitter_free(HwrFormFitter *f)
{
	if (f == NULL)
		return;
	hwr_map_free(&f->ink);
	hwr_pyramid_free(&f->pyramid);
	hwr_features_free(&f->features);
	hwr_agreement_free(&f->agreement);
	free(f->form_descriptions);
	free(f->page_descriptions);
	free(f->matches);
	free(f);
}

void
hwr_form_fit_free(HwrFormFit *fit)
{
	hwr_agreement_free(&fit->agreement);
}

double
hwr_form_fit_around(const HwrForm *form, const HwrFormFit *fit, double x0, double y0, double x1, double y1)
{
	const HwrAgreement *a = &fit->agreement;
	double		x = (double) form->ink.width / form->image.width / HWR_TILE;
	double		y = (double) form->ink.height / form->image.height / HWR_TILE;
	double		sum = 0;
	double		good = 0;

	/* A tile more to each side: what is written over a box must not make all of its surroundings. */
	for (int r = (int) fmax(y0 * y - 1, 0); r < a->rows && r < y1 * y + 1; r++)
		for (int c = (int) fmax(x0 * x - 1, 0); c < a->columns && c < x1 * x + 1; c++)
		{
			int			i = r * a->columns + c;

			sum += a->weight[i];
			good += a->weight[i] * hwr_agreement_worth(a->correlation[i]);
		}
	return sum > 0 ? good / sum : fit->score;
}

void
hwr_form_outline(const HwrFormFit *fit, double x0, double y0, double x1, double y1, HwrPoint out[HWR_FIELD_POINTS])
{
	double		xm = (x0 + x1) / 2;
	double		ym = (y0 + y1) / 2;
	HwrVec		corners[HWR_FIELD_POINTS] = {{x0, y0}, {xm, y0}, {x1, y0}, {x1, ym}, {x1, y1}, {xm, y1}, {x0, y1}, {x0, ym}};

	for (int i = 0; i < HWR_FIELD_POINTS; i++)
	{
		HwrVec		p = hwr_warp_apply(&fit->warp, corners[i]);

		out[i] = (HwrPoint){(float) p.x, (float) p.y};
	}
}
