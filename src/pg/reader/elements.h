/*
 * elements.h
 *	  The images of an array, read in batches.
 *
 * Include after postgres.h.
 *
 *	HwrImageElements e;
 *
 *	hwr_elements_open(&e, array, type of the results);
 *	while ((batch = hwr_elements_read(&e, loaded)) != NULL)
 *	{
 *		e.results[e.where[i]] = what batch has for its image i
 *		hwr_batch_free(batch);
 *	}
 *	return hwr_elements_close(&e);
 */
#ifndef HWR_ELEMENTS_H
#define HWR_ELEMENTS_H

#include "reader.h"
#include "utils/array.h"

typedef struct HwrImageElements
{
	ArrayType  *array;
	Oid			type;			/* of the results */
	Datum	   *images;
	Datum	   *results;
	bool	   *nulls;			/* of images, and so of results */
	int			n;
	int			next;			/* element to read next */
	int			where[HWR_RECOGNIZE_BATCH]; /* the elements in the batch */
} HwrImageElements;

/* Error 2202E unless the array has one dimension, or none. */
extern void hwr_elements_open(HwrImageElements *e, Datum images, Oid type);

/*
 * The next batch, read; NULL at the end.  NULL elements are passed over, and so are images that cannot be
 * read where hwr.on_bad_image wants it so; else the error's context tells the element.
 */
extern HwrBatchReader *hwr_elements_read(HwrImageElements *e, HwrLoaded loaded);

/* The results, an array of the images' bounds. */
extern Datum hwr_elements_close(const HwrImageElements *e);

#endif							/* HWR_ELEMENTS_H */
