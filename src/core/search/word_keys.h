/*
 * word_keys.h
 *	  What an index of kept posteriors stores of a line's whole words, so that most lines need not be looked at.
 *
 * A line is indexed under the code (word_code.h) of each word that it may have, with what is known of the word's
 * probability: between two levels, or at least one.  The probability is never found by a search to be anything
 * else.  Where not all words are listed that begin with a letter, or with two, a key says so.
 */
#ifndef HWR_WORD_KEYS_H
#define HWR_WORD_KEYS_H

#include "trigram.h"
#include "word_code.h"

/*
 * What is known of a word's probability: it is in [level, next level), or at least level.  The first level is 0.  A long word,
 * whose code others may share, has the number of a level too: that a word with this code is below the next level.
 */
#define HWR_WORD_LEVELS 6
extern const double hwr_word_levels[HWR_WORD_LEVELS];
#define HWR_WORD_AT_LEAST 8		/* added to the number of a level */
#define HWR_WORD_KNOWN (HWR_WORD_LEVELS + HWR_WORD_AT_LEAST)	/* all numbers are below */

/* What that says of a threshold. */
typedef enum HwrWordSays
{
	HWR_WORD_SAYS_NOTHING,
	HWR_WORD_BELOW,
	HWR_WORD_MAYBE,
	HWR_WORD_REACHES
} HwrWordSays;

/* Of a line with hwr_word_key(code, known): whether the word with this code that is looked for has at least this probability. */
extern HwrWordSays hwr_word_says(HwrWordCode code, int known, double threshold);

/* In place of it, with a code of one or two letters: there may be other words that begin with these. */
#define HWR_WORDS_UNLISTED 31

/* Words of less probability are not listed. */
#define HWR_WORD_LOWEST 0.2

/* A key among trigrams: below all of them. */
static inline HwrTrigram
hwr_word_key(HwrWordCode code, int known)
{
	return -1 - (HwrTrigram) (code * 32 + (unsigned) known);
}

/* Memory for one extraction after the other. */
typedef struct HwrWordKeys HwrWordKeys;

extern bool hwr_word_keys_create(HwrWordKeys **out, HwrStatus *st);
extern void hwr_word_keys_free(HwrWordKeys *w);

/*
 * Keys of all words with a code that the line has with a probability of at least bound, and at least
 * HWR_WORD_LOWEST, and of few others: keys[*n], ascending, valid until the next call.  Begin, take steps until
 * *done, of which each is short, and then get them.
 */
extern bool hwr_word_keys_begin(HwrWordKeys *w, const HwrSparse *s, double bound, HwrStatus *st);
extern void hwr_word_keys_step(HwrWordKeys *w, bool *done);
extern bool hwr_word_keys_get(HwrWordKeys *w, const HwrTrigram **keys, int *n, HwrStatus *st);

#endif							/* HWR_WORD_KEYS_H */
