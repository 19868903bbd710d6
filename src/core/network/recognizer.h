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

/* The network and its values[net->nvalues] must outlive the recognizer.  One thread at a time. */
extern bool hwr_recognizer_create(const HwrNet *net, const float *values, HwrFit fit, const HwrBackend *backend,
								  int threads, HwrPrecision precision, HwrRecognizer **out, HwrStatus *st);
extern void hwr_recognizer_free(HwrRecognizer *rec);

/* Bytes that the recognizer holds now, the caller's values not included. */
extern size_t hwr_recognizer_memory(const HwrRecognizer *rec);

/* A prepared image. */
typedef struct HwrCanvas
{
	int			width;			/* canvas columns */
	int			content_width;	/* columns the image covers */
	int			source_width;	/* pixels of the original image */
	uint8_t    *ink;			/* [H][width], malloc'd */
} HwrCanvas;

/* Decode and preprocess for this network.  Errors as hwr_image_decode. */
extern bool hwr_recognizer_prepare(const HwrRecognizer *rec, const uint8_t *bytes, size_t len,
								   const HwrImageLimits *limits, HwrCanvas *out, HwrStatus *st);

/* Preprocess an image that has been decoded.  Errors: HWR_OUT_OF_MEMORY. */
extern bool hwr_recognizer_prepare_image(const HwrRecognizer *rec, const HwrImage *img, HwrCanvas *out, HwrStatus *st);
extern void hwr_canvas_free(HwrCanvas *canvas);

/* Posteriors of one image. */
typedef struct HwrPosterior
{
	int			steps;			/* T */
	int			classes;		/* K */
	float	   *logp;			/* [T][K] log posteriors, malloc'd */
} HwrPosterior;

/*
 * Run n <= HWR_RECOGNIZE_BATCH canvases; out[n] filled, to be freed by hwr_posterior_free.  The result of a
 * canvas does not depend on its neighbours beyond rounding.
 */
extern bool hwr_recognizer_run(HwrRecognizer *rec, int n, const HwrCanvas *canvases,
							   HwrPosterior *out, HwrStatus *st);
extern void hwr_posterior_free(HwrPosterior *posterior);

#endif							/* HWR_RECOGNIZER_H */
