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
	double		score;			/* of the text: see beam.h */
} HwrKindReading;

/* The kind of that name.  Raises invalid_parameter_value, with a list of them. */
extern HwrKind hwr_kind_argument(text *value);

/*
 * What the posteriors may say of that kind: different values, the most probable first, each with the best of its texts; behind
 * them texts that have no value.  In memory of the current context; query has the posteriors, and nothing else.
 */
extern HwrKindReading *hwr_kind_readings(HwrDecoder *decoder, HwrBeamQuery *query, const HwrWriter *writer, HwrKind kind, int *n);

/* The most probable value of a kind; query has the posteriors, and nothing else. */
extern HwrKindReading hwr_kind_search(HwrDecoder *decoder, HwrBeamQuery *query, const HwrWriter *writer, HwrKind kind);

#endif							/* HWR_KINDS_H */
