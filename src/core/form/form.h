/*
 * form.h
 *	  A filled form laid over the blank one.
 *
 * What is printed on both is found by corners that look alike (corners.h, pose.h), whatever the scale (0.4 to 2.5 of
 * the other picture's size), turn and shift; then the pictures themselves make it exact (align.h).  How well
 * they agree in the end is a score, by which another form, a blank sheet or a photograph of something else is told.
 *
 * Both pictures are worked on at about a megapixel; memory is at most HWR_FORM_BYTES beside the pictures, however large
 * they are.  The work is a sequence of steps of at most about 100 ms.  Equal pixels give equal results.
 */
#ifndef HWR_PAGE_FORM_H
#define HWR_PAGE_FORM_H

#include "core/image/image.h"
#include "align.h"
#include "core/page/page.h"

#define HWR_FORM_BYTES (64 << 20)

/* The score from which a page is taken for a filled copy of the blank form. */
#define HWR_FORM_LEAST_SCORE 0.78

/* And the score around each field: a later edition of a form has most of it at the same places. */
#define HWR_FORM_LEAST_FIELD 0.3

/* A blank form, prepared. */
typedef struct HwrForm HwrForm;

/* How a page lies: made by a fitter. */
typedef struct HwrFormFit
{
	HwrWarp		warp;			/* from the blank's pixels to the page's */
	double		score;			/* 0 .. 1; 0: nothing is alike */
	double		unit;			/* page pixels that the warp may be off, about */
	HwrAgreement agreement;
} HwrFormFit;

typedef struct HwrFormFitter HwrFormFitter;

/*
 * The image becomes the form's, also after a failure.  Errors: HWR_BAD_DATA where too little is printed on it to find it
 * again, HWR_OUT_OF_MEMORY.
 */
extern bool hwr_form_create(HwrImage *blank, HwrForm **out, HwrStatus *st);
extern void hwr_form_free(HwrForm *form);
extern const HwrImage *hwr_form_blank(const HwrForm *form);

/* Form and page stay the caller's and must outlive the fitter. */
extern bool hwr_form_fitter_create(const HwrForm *form, const HwrImage *page, HwrFormFitter **out, HwrStatus *st);
extern bool hwr_form_fitter_step(HwrFormFitter *fitter, bool *done, HwrStatus *st);

/* After the last step; hwr_form_fit_free. */
extern void hwr_form_fitter_take(HwrFormFitter *fitter, HwrFormFit *out);
extern void hwr_form_fitter_free(HwrFormFitter *fitter);
extern void hwr_form_fit_free(HwrFormFit *fit);

/*
 * The same around a rectangle of the blank: the share of what is printed in and near it that is on the page; the whole
 * page's score where nothing is.
 */
extern double hwr_form_fit_around(const HwrForm *form, const HwrFormFit *fit, double x0, double y0, double x1, double y1);

/* A rectangle of the blank on the page. */
#define HWR_FIELD_POINTS 8
extern void hwr_form_outline(const HwrFormFit *fit, double x0, double y0, double x1, double y1,
							 HwrPoint out[HWR_FIELD_POINTS]);

#endif							/* HWR_PAGE_FORM_H */
