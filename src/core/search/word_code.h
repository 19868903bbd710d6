/*
 * word_code.h
 *	  Whole words as numbers.
 *
 * Words of up to eleven letters a to z and digits, folded, have a code: a number in base 37 whose digits are 1 to 36.
 * Longer ones have a number above all these that others may share.
 */
#ifndef HWR_WORD_CODE_H
#define HWR_WORD_CODE_H

#include "word.h"

#define HWR_WORD_BASE 37
#define HWR_WORD_LETTERS 11
#define HWR_WORD_LONGEST 22		/* longer ones have none */

typedef uint64_t HwrWordCode;

/* 37 ^ 11, from which on numbers are of longer words, and what all are below. */
#define HWR_WORD_LONG UINT64_C(177917621779460413)
#define HWR_WORD_CODES (UINT64_C(1) << 58)

/* A word, or the beginning of one: its first eleven letters and the others as numbers in base 37. */
typedef struct HwrSpelt
{
	HwrWordCode first;
	HwrWordCode others;			/* 0: there are none */
} HwrSpelt;

/* Of a symbol that no code has. */
#define HWR_WORD_NO_CODE 255

/* The digit of a folded symbol; 0 for a separator. */
extern int	hwr_word_digit(uint32_t symbol);

/* A digit more, of at most HWR_WORD_LONGEST. */
static inline void
hwr_word_append(HwrSpelt *word, unsigned digit)
{
	if (word->first < HWR_WORD_LONG / HWR_WORD_BASE)
		word->first = word->first * HWR_WORD_BASE + digit;
	else
		word->others = word->others * HWR_WORD_BASE + digit;
}

/* The code of a word that is spelt so. */
extern HwrWordCode hwr_word_code_of(HwrSpelt word);

/* The code of a word, if it is a whole one that has one; and of its first letter, and of its first two if it has two. */
extern bool hwr_word_code(const HwrWord *word, HwrWordCode *code, HwrWordCode beginnings[2]);

/* The digits of a word, and its text without an ending zero; both return its length. */
extern int	hwr_word_digits(HwrSpelt word, uint8_t digits[HWR_WORD_LONGEST]);
extern int	hwr_word_text(HwrSpelt word, char text[HWR_WORD_LONGEST]);

#endif							/* HWR_WORD_CODE_H */
