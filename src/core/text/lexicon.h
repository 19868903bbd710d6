/*
 * lexicon.h
 *	  The texts that a reading may be: a prefix tree over the classes of a model.
 */
#ifndef HWR_LEXICON_H
#define HWR_LEXICON_H

#include "text.h"
#include "trie.h"

typedef struct HwrLexicon
{
	HwrTrie		trie;			/* symbols are classes */
	bool	   *is_word;		/* [trie.capacity] */
	int			capacity;		/* of is_word */
	int			words;			/* different ones */
	int			left_out;		/* words with a character outside the alphabet, or that are no text */
	const HwrAlphabet *alphabet;
	HwrCase		mapping;
} HwrLexicon;

/* Empty, for models with this alphabet, which must outlive it, and case mapping. */
extern bool hwr_lexicon_create(const HwrAlphabet *alphabet, HwrCase mapping, HwrLexicon **out,
							   HwrStatus *st);
extern void hwr_lexicon_free(HwrLexicon *lexicon);

/*
 * Add a word, normalised.  One that cannot be written in the alphabet, is invalid or empty is counted
 * and left out, which is no failure.
 */
extern bool hwr_lexicon_add(HwrLexicon *lexicon, const char *utf8, size_t len, HwrStatus *st);

#endif							/* HWR_LEXICON_H */
