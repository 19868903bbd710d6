/*
 * metrics.h
 *	  Edit distance, one alignment, and every figure that is read off it.
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

/* One step of an alignment; truth or guess is 0 for an insertion or a deletion. */
typedef struct HwrEdit
{
	uint32_t	truth;
	uint32_t	guess;
} HwrEdit;

/*
 * Levenshtein alignment of truth[n] and guess[m] with unit costs.  edits: malloc'd, *nedits
 * entries in reading order; ties prefer match/substitution, then deletion, then insertion.
 * *distance is the number of entries whose sides differ.
 */
extern bool hwr_align(const uint32_t *truth, int n, const uint32_t *guess, int m,
					  HwrEdit **edits, int *nedits, int *distance, HwrStatus *st);

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

/* Add one pair of valid UTF-8 strings; confusions may be NULL. */
extern bool hwr_metrics_add(HwrMetrics *m, HwrConfusions *confusions,
							const char *truth, size_t truth_len,
							const char *guess, size_t guess_len, HwrStatus *st);

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
