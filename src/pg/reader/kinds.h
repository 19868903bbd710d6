/*
 * kinds.h
 *	  Fields of known kinds (date, amount, ...) read from posteriors.
 *
 * Include after postgres.h.
 */
#ifndef HWR_KINDS_H
#define HWR_KINDS_H

#include "core/text/kind.h"
#include "decoder.h"

typedef struct HwrKindReading
{
	char	   *text;			/* server encoding; NULL: no text of the kind fits into the line */
	char		value[HWR_KIND_VALUE];	/* empty: none */
	double		confidence;		/* of the value: 0 .. 1 */
} HwrKindReading;

/* The kind of that name.  Raises invalid_parameter_value, with a list of them. */
extern HwrKind hwr_kind_argument(text *value);

/* The most probable value of a kind; query has the posteriors, and nothing else. */
extern HwrKindReading hwr_kind_search(HwrDecoder *decoder, HwrBeamQuery *query, const HwrWriter *writer, HwrKind kind);

#endif							/* HWR_KINDS_H */
