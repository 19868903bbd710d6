/*
 * reader.h
 *	  A batch of images on its way from bytes to text.
 *
 * Include after postgres.h.
 */
#ifndef HWR_READER_H
#define HWR_READER_H

#include "core/base/status.h"
#include "core/decode/decode.h"
#include "core/network/recognizer.h"
#include "pg/catalog/cache.h"

/*
 * A batch of images on its way from bytes to posteriors to text.  What the core allocates for
 * it goes when the memory context it was created in does, or by hwr_batch_free.
 */
typedef struct HwrBatchReader
{
	MemoryContext context;		/* the batch itself, and for the caller's use */
	int			n;				/* images, at most HWR_RECOGNIZE_BATCH */
	HwrCanvas	canvases[HWR_RECOGNIZE_BATCH];
	HwrPosterior posteriors[HWR_RECOGNIZE_BATCH];
	HwrReading	readings[HWR_RECOGNIZE_BATCH];
	double		queue_time;		/* ms that it waited for the service */
} HwrBatchReader;
extern HwrBatchReader *hwr_batch_create(void);
extern bool hwr_batch_add(HwrBatchReader *batch, HwrLoaded loaded, const uint8 *bytes, Size len, HwrStatus *st);

/* The same for images that may never be asked for: what fails is not counted. */
extern bool hwr_batch_try(HwrBatchReader *batch, HwrLoaded loaded, const uint8 *bytes, Size len);

/*
 * The same for an image that has been decoded, which is a line of a page, or an area with a line in it; does not look for
 * interrupts.
 */
extern bool hwr_batch_add_image(HwrBatchReader *batch, HwrLoaded loaded, const HwrImage *image, bool area, HwrStatus *st);

/* Fill posteriors and readings of all images added. */
extern void hwr_batch_run(HwrBatchReader *batch, HwrLoaded loaded);

/* The same, false where a device or the memory fails. */
extern bool hwr_batch_try_run(HwrBatchReader *batch, HwrLoaded loaded, HwrStatus *st);
extern void hwr_batch_free(HwrBatchReader *batch);

#endif							/* HWR_READER_H */
