/*
 * hold.h
 *	  Objects of the core that memory contexts own, and text on its way to the core.
 *
 * Include after postgres.h.
 */
#ifndef HWR_HOLD_H
#define HWR_HOLD_H

#include "utils/array.h"

/*
 * An object of the core that goes when a memory context does, or is replaced
 */
typedef struct HwrHold
{
	MemoryContextCallback callback;
	void		(*release) (void *object);
	void	   *object;			/* NULL: none yet */
} HwrHold;

/*
 * Nothing in the hold can be lost: it is made before the object, and the object is put in without
 * an allocation.
 */
extern HwrHold *hwr_hold_create(MemoryContext context, void (*release) (void *object));
extern void hwr_hold_replace(HwrHold *hold, void *object);

/* A text value as UTF-8, valid or not, in the current memory context. */
extern const char *hwr_utf8_of(Datum value, Size *len);

/* The elements of a one-dimensional text array. */
extern void hwr_text_elements(ArrayType *array, const char *what, Datum **elements, bool **nulls, int *n);

#endif							/* HWR_HOLD_H */
