/*
 * hypotheses.h
 *	  The words that a line may have, as rows of a probabilistic index.
 *
 * A word is what stands between separators or the ends of the line, folded.  Its expected number in
 * the line is at least the probability that the line has it, and the same unless it may occur more
 * than once.
 */
#ifndef HWR_HYPOTHESES_H
#define HWR_HYPOTHESES_H

#include "core/posterior/posterior.h"

/* Words of more letters than this are not told. */
#define HWR_HYPOTHESIS_MAX 64

typedef struct HwrHypotheses HwrHypotheses;

extern bool hwr_hypotheses_create(HwrHypotheses **out, HwrStatus *st);
extern void hwr_hypotheses_free(HwrHypotheses *h);

/*
 * Find the words whose expected number is at least bound, above 0; up to half of it may be missing
 * from the numbers.  Begin, take steps until *done, then get: the i-th word's symbols into
 * symbols[HWR_HYPOTHESIS_MAX], how many there are, and its expected number; 0 symbols after the
 * last one.  In no order.
 */
extern bool hwr_hypotheses_begin(HwrHypotheses *h, const HwrSparse *s, double bound, HwrStatus *st);
extern bool hwr_hypotheses_step(HwrHypotheses *h, bool *done, HwrStatus *st);
extern int	hwr_hypotheses_get(const HwrHypotheses *h, int i, uint32_t *symbols, double *expected);

#endif							/* HWR_HYPOTHESES_H */
