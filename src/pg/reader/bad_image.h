/*
 * bad_image.h
 *	  An image that cannot be read: an error, or NULL and a count that is told at the end of the statement.
 *
 * Include after postgres.h.
 */
#ifndef HWR_BAD_IMAGE_H
#define HWR_BAD_IMAGE_H

#include "core/base/status.h"

/* Raises the status of reading the image, unless it is about an image and hwr.on_bad_image is null: then it is counted. */
extern void hwr_bad_image(const HwrStatus *st, Datum image);

/* From _PG_init: see to it that counts are told. */
extern void hwr_bad_image_install(void);

#endif							/* HWR_BAD_IMAGE_H */
