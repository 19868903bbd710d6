/*
 * metrics.h
 *	  Every figure that is read off an alignment.
 *
 * CER is summed edit distance over summed reference length in code points, WER the
 * same over white-space separated words; exact match is the share of identical strings.  Precision,
 * recall and F1 are micro figures: an aligned equal pair is a true positive,
 * a substitution counts against both, an insertion against precision, a deletion against recall.
 */
#ifndef HWR_METRICS_H
#define HWR_METRICS_H

#include <stdint.h>

#include "core/base/status.h"
#include "align.h"

/* Running sums over many (truth, guess) pairs. Zero-initialise. */
typedef struct HwrMetrics
{
	int64_t		images;
	int64_t		exact;
	int64_t		chars;			/* reference characters */
	int64_t		hits;			/* aligned equal pairs */
	int64_t		substitutions;
	int64_t		insertions;
	int64_t		deletions;
	int64_t		words;			/* reference words */
	int64_t		word_edits;
	double		loss_sum;		/* summed CTC loss (nats), where the caller adds it */
	int64_t		loss_count;
} HwrMetrics;

/* Counted character pairs.  Zero-initialise; hwr_confusions_free. */
typedef struct HwrConfusion
{
	uint32_t	truth;			/* 0: insertion */
	uint32_t	guess;			/* 0: deletion */
	int64_t		count;
} HwrConfusion;

typedef struct HwrConfusions
{
	int			n;
	int			capacity;
	HwrConfusion *pairs;		/* sorted by (truth, guess) */
} HwrConfusions;

/*
 * Add one pair of valid UTF-8 strings; confusions may be NULL.  Both are compared in NFC, so that
 * canonically equal texts are equal.  Time is that of hwr_align; the second form asks stop as
 * hwr_align_until does.
 */
extern bool hwr_metrics_add(HwrMetrics *m, HwrConfusions *confusions,
							const char *truth, size_t truth_len,
							const char *guess, size_t guess_len, HwrStatus *st);

extern bool hwr_metrics_add_until(HwrMetrics *m, HwrConfusions *confusions,
								  const char *truth, size_t truth_len, const char *guess, size_t guess_len,
								  HwrStopFn stop, void *stop_arg, HwrStatus *st);

/* Add count to one pair. */
extern bool hwr_confusions_count(HwrConfusions *confusions, uint32_t truth, uint32_t guess,
								 int64_t count, HwrStatus *st);
extern void hwr_confusions_free(HwrConfusions *confusions);

/* Each NaN where its denominator is zero. */
extern double hwr_metrics_loss(const HwrMetrics *m);
extern double hwr_metrics_cer(const HwrMetrics *m);
extern double hwr_metrics_wer(const HwrMetrics *m);
extern double hwr_metrics_exact(const HwrMetrics *m);
extern double hwr_metrics_precision(const HwrMetrics *m);
extern double hwr_metrics_recall(const HwrMetrics *m);
extern double hwr_metrics_f1(const HwrMetrics *m);

#endif							/* HWR_METRICS_H */
