/*
 * conditions.h
 *	  What conditions.c, which reads, asks of draw.c.
 */
#ifndef HWR_CONDITIONS_H
#define HWR_CONDITIONS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/rng.h"

typedef struct Picture
{
	int			w;
	int			h;
	uint8_t    *p;				/* [h][w] grey */
} Picture;

/* p, or the end of the program. */
extern void *must(void *p);

/* The picture under a condition, compressed as JPEG; malloc'd.  A name that is none ends the program. */
extern uint8_t *draw_condition(const char *name, const Picture *picture, HwrRng *rng, size_t *len);

#endif							/* HWR_CONDITIONS_H */
