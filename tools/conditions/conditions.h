/*
 * conditions.h
 *	  What conditions.c, which reads, and worsen.c, which writes, ask of rows.c and draw.c.
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

typedef struct Row
{
	Picture		picture;
	uint8_t    *bytes;			/* as stored */
	size_t		len;
	char	   *name;
	char	   *label;
} Row;

/* p, or the end of the program. */
extern void *must(void *p);

/*
 * The first max images (0: all) of FOLDER that a CSV file with a header lists, "filename,label,...".  What cannot be
 * decoded is passed over; a file that is not there ends the program.
 */
extern Row *read_rows(const char *folder, const char *csv, int max, int *n);
extern void free_rows(Row *rows, int n);

/* The picture under a condition, compressed as JPEG; malloc'd.  A name that is none ends the program. */
extern uint8_t *draw_condition(const char *name, const Picture *picture, HwrRng *rng, size_t *len);

/* The same under one of the conditions of worn paper and poor pictures that rng chooses, in a strength that it chooses. */
extern uint8_t *draw_any_condition(const Picture *picture, HwrRng *rng, size_t *len);

#endif							/* HWR_CONDITIONS_H */
