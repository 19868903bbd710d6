/*
 * confidence.h
 *	  How probable it is that the best text of a search with a language model is right.
 *
 * Weighed by a language model, P(text | image) is no probability any more, and of what a long line can be
 * the search ends with a small part.  Two things are known of a text: its share of the weights of
 * all texts found, and the probability that the network gives to all of these together.  Then
 *	   confidence = most * share^a * found^b
 * with a >= 1, b >= 0, most <= 1: so more of either never means less, texts of an image stay in
 * their order, and their confidences sum to at most 1.  With a = b = most = 1 the texts that were not found
 * weigh as those that were; without a language model that is P(text | image).
 */
#ifndef HWR_CONFIDENCE_H
#define HWR_CONFIDENCE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct HwrConfidence
{
	double		share;			/* a */
	double		found;			/* b */
	double		most;			/* of a text that is all that was found, and all there is */
} HwrConfidence;

/* What is found where nobody has measured: fitted on lines and names read by the bundled model. */
#define HWR_CONFIDENCE_DEFAULT ((HwrConfidence) {1.5, 0.07, 0.96})

/* Bounds: what is fitted stays within, and what is read from a file must be. */
#define HWR_CONFIDENCE_MAX_POWER 10.0
#define HWR_CONFIDENCE_LEAST 0.1
extern bool hwr_confidence_is_valid(const HwrConfidence *c);

/* Of a text with this log share and log probability of all found. */
extern double hwr_confidence_of(const HwrConfidence *c, double log_share, double log_found);

/* A reading of which it is known whether it is right. */
typedef struct HwrJudged
{
	double		log_share;
	double		log_found;
	bool		right;
} HwrJudged;

/*
 * What makes n judged readings most probable, from HWR_CONFIDENCE_DEFAULT on: with few readings it stays near that, with
 * none it is that.  Milliseconds a thousand readings.
 */
extern HwrConfidence hwr_confidence_fit(const HwrJudged *judged, size_t n);

#endif							/* HWR_CONFIDENCE_H */
