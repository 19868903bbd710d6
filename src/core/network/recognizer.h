/*
 * recognizer.h
 *	  Images to posteriors: the one entry every recognition goes through.
 *
 * Decoding is separate (decode.h).
 */
#ifndef HWR_RECOGNIZER_H
#define HWR_RECOGNIZER_H

#include "core/image/image.h"
#include "core/image/preprocess.h"
#include "backend.h"

typedef struct HwrRecognizer HwrRecognizer;

/* Images of one call that are worked on together; more are cut into such batches. */
#define HWR_RECOGNIZE_BATCH 16

/* False, with HWR_WRONG_MODEL: the network finds lines, and no recognizer can be made of it. */
extern bool hwr_net_reads(const HwrNet *net, HwrStatus *st);

/* The network and its values[net->nvalues] must outlive the recognizer, unchanged.  One thread at a time. */
extern bool hwr_recognizer_create(const HwrNet *net, const float *values, HwrFit fit, const HwrBackend *backend,
								  int threads, HwrPrecision precision, HwrRecognizer **out, HwrStatus *st);
extern void hwr_recognizer_free(HwrRecognizer *rec);

/* Posteriors of one image. */
typedef struct HwrPosterior
{
	int			steps;			/* T */
	int			classes;		/* K */
	float	   *logp;			/* [T][K] log posteriors, malloc'd */
} HwrPosterior;

/* One posterior of n, each of its canvas; fills *out, whose logp is malloc'd. */
struct HwrCanvas;
typedef bool (*HwrCombine) (const void *arg, int n, const struct HwrCanvas *const *canvases,
							const HwrPosterior *posteriors, HwrPosterior *out, HwrStatus *st);

/*
 * A recognizer of n others, at most HWR_MAX_MEMBERS, which it takes over, also where it fails.  Each prepares
 * the image for itself, unless another one before it does the same.  net: classes, and the steps of an empty canvas.
 */
#define HWR_MAX_MEMBERS 16
extern bool hwr_recognizer_create_joint(const HwrNet *net, int n, HwrRecognizer *const *members, HwrCombine combine,
										const void *arg, HwrRecognizer **out, HwrStatus *st);

/* Bytes that the recognizer holds now, the caller's values not included. */
extern size_t hwr_recognizer_memory(const HwrRecognizer *rec);

/* A prepared image. */
typedef struct HwrCanvas
{
	int			width;			/* canvas columns */
	int			margin;			/* columns before the image */
	int			content_width;	/* columns the image covers */
	int			source_width;	/* pixels of the original image */
	uint8_t    *ink;			/* [H][width], malloc'd */
	struct HwrCanvas *others;	/* of a joint recognizer's other members, malloc'd; ink NULL: this one */
	int			nothers;
} HwrCanvas;

/* Where a canvas column is in the original image: hwr_content_pixel. */
static inline double
hwr_canvas_pixel(const HwrCanvas *canvas, double column)
{
	return hwr_content_pixel(column, canvas->margin, canvas->content_width, canvas->source_width);
}

/* The least canvas width from this on, in steps of HWR_WIDTH_STEP, at which the network has a time step. */
extern int	hwr_net_least_width(const HwrNet *net, int width);

/*
 * Width of the canvas for this image and network: hwr_preprocess_width, and no less than the
 * network needs.
 */
extern int	hwr_net_canvas_width(const HwrNet *net, const HwrImage *img, HwrFit fit);

/* Decode and preprocess for this network.  Errors as hwr_image_decode. */
extern bool hwr_recognizer_prepare(const HwrRecognizer *rec, const uint8_t *bytes, size_t len,
								   const HwrImageLimits *limits, HwrCanvas *out, HwrStatus *st);

/*
 * Preprocess an image that has been decoded: a line that was cut out of a page, as high as lines are; or an area, like a field of
 * a form, that is as high as may be (trim.h).  Errors: HWR_OUT_OF_MEMORY.
 */
extern bool hwr_recognizer_prepare_image(const HwrRecognizer *rec, const HwrImage *img, HwrCanvas *out, HwrStatus *st);
extern bool hwr_recognizer_prepare_area(const HwrRecognizer *rec, const HwrImage *img, HwrCanvas *out, HwrStatus *st);
extern void hwr_canvas_free(HwrCanvas *canvas);

/* Whether there is no ink on it: the image was judged to be empty paper, or no line of text (paper.h). */
extern bool hwr_canvas_is_empty(const HwrCanvas *canvas, int height);

/*
 * Run n <= HWR_RECOGNIZE_BATCH canvases; out[n] filled, to be freed by hwr_posterior_free.  The result of a
 * canvas does not depend on its neighbours beyond rounding.  Empty ones are not shown to the network.
 */
extern bool hwr_recognizer_run(HwrRecognizer *rec, int n, const HwrCanvas *canvases,
							   HwrPosterior *out, HwrStatus *st);
extern void hwr_posterior_free(HwrPosterior *posterior);

/*
 * What stands for the posteriors of an empty canvas, whatever a network would make of it: the blank
 * alone, with a probability of HWR_EMPTY_CONFIDENCE a step, so that the reading is an empty text of
 * this confidence.
 */
#define HWR_EMPTY_CONFIDENCE 0.1f
extern bool hwr_posterior_of_nothing(const HwrNet *net, const HwrCanvas *canvas, HwrPosterior *out, HwrStatus *st);

#endif							/* HWR_RECOGNIZER_H */
