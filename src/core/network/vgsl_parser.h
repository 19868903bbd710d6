/*
 * vgsl_parser.h
 *	  What the parser's files share: vgsl_items.c reads an item, vgsl.c what the items make up.
 */
#ifndef HWR_VGSL_PARSER_H
#define HWR_VGSL_PARSER_H

#include <stddef.h>

#include "vgsl.h"

#define HWR_VGSL_MAX_HEIGHT 512
#define HWR_VGSL_MAX_CLASSES 65536

typedef struct HwrVgslParser
{
	const char *spec;
	size_t		pos;			/* next character */
	size_t		item;			/* where the current item starts */
	HwrNet	   *net;
	HwrShape	shape;			/* of the map that the next item reads */
	int			source;			/* the layer that gives it */
	int			depth;			/* of parallel blocks around the item */
	char		opens[2 * HWR_MAX_NESTING + 1]; /* brackets since the last item */
	HwrStatus  *st;
} HwrVgslParser;

/* Fail with 'TEXT at position N, near "ITEM".', for a problem at character pos. */
extern bool hwr_vgsl_fail_at(HwrVgslParser *p, size_t pos, const char *fmt,...)
			__attribute__((format(printf, 3, 4)));

static inline char
hwr_vgsl_peek(const HwrVgslParser *p)
{
	return p->spec[p->pos];
}

extern void hwr_vgsl_skip_blanks(HwrVgslParser *p);
extern bool hwr_vgsl_expect(HwrVgslParser *p, char c);

/* A number between lo and hi, blanks before it allowed; the second: behind a comma. */
extern bool hwr_vgsl_read_int(HwrVgslParser *p, const char *what, int lo, int hi, int *out);
extern bool hwr_vgsl_read_next_int(HwrVgslParser *p, const char *what, int lo, int hi, int *out);

/* The item at p->pos, other than a block, with what is written of it; its shapes are the caller's. */
extern bool hwr_vgsl_read_item(HwrVgslParser *p, HwrLayer *layer);

#endif							/* HWR_VGSL_PARSER_H */
