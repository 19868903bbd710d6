/*
 * trigram.h
 *	  What an index of kept posteriors stores: the trigrams that a line may have.
 *
 * A trigram is three folded symbols that follow each other in a line's text, where a run of separators is one symbol and
 * so is each end of the line.  Those whose middle symbol is a separator are left out.  Whatever word a line
 * has, the line has the word's trigrams; so they are at least as probable as the word, and an index of all trigrams
 * with a probability of at least some bound has the line for every word that is at least as probable.
 */
#ifndef HWR_TRIGRAM_H
#define HWR_TRIGRAM_H

#include "query.h"

/* Three code points of 21 bits, the first one on top. */
typedef int64_t HwrTrigram;

static inline HwrTrigram
hwr_trigram(uint32_t a, uint32_t b, uint32_t c)
{
	return ((HwrTrigram) a << 42) | ((HwrTrigram) b << 21) | (HwrTrigram) c;
}

/* For qsort, ascending. */
extern int	hwr_trigram_compare(const void *a, const void *b);

/*
 * In place of the trigrams of a line that may have nearly all of them: it belongs to whatever is
 * looked for.
 */
#define HWR_TRIGRAM_ANY ((HwrTrigram) 0)

/* A line with more trigrams than this may have nearly all. */
#define HWR_TRIGRAMS_MAX 16384

/* Memory for one extraction after the other. */
typedef struct HwrTrigrams HwrTrigrams;

extern bool hwr_trigrams_create(HwrTrigrams **out, HwrStatus *st);
extern void hwr_trigrams_free(HwrTrigrams *t);

/*
 * All trigrams that the line has with a probability of at least bound, above 0, and few others:
 * keys[*n], ascending, valid until the next call; or HWR_TRIGRAM_ANY alone.  Their expected number
 * is what is compared, which is at least the probability. Begin, take steps until *done, of which
 * each is short, and then get them.
 */
extern bool hwr_trigrams_begin(HwrTrigrams *t, const HwrSparse *s, double bound, HwrStatus *st);
extern bool hwr_trigrams_step(HwrTrigrams *t, bool *done, HwrStatus *st);
extern bool hwr_trigrams_get(HwrTrigrams *t, const HwrTrigram **keys, int *n, HwrStatus *st);

/*
 * The trigrams that every line with the word has: keys[*n], malloc'd, ascending, different; none where it has no
 * three symbols in a row.  That a line has one of many trigrams says nothing about any of them, so two symbols in a
 * row are of no use.
 */
extern bool hwr_word_trigrams(const HwrWord *word, HwrTrigram **keys, int *n, HwrStatus *st);

#endif							/* HWR_TRIGRAM_H */
