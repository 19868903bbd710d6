/*
 * word_code.h
 *	  Whole words as numbers.
 *
 * Words of up to eleven letters a to z and digits, folded, have a code: a number in base 37 whose digits are 1 to 36.
 */
#ifndef HWR_WORD_CODE_H
#define HWR_WORD_CODE_H

#include "word.h"

#define HWR_WORD_BASE 37
#define HWR_WORD_LETTERS 11

/* A number below 37 ^ 11. */
typedef uint64_t HwrWordCode;

/* Of a symbol that no code has. */
#define HWR_WORD_NO_CODE 255

/* The digit of a folded symbol; 0 for a separator. */
extern int	hwr_word_digit(uint32_t symbol);

/* The code of a word, if it is a whole one that has one; and of its first letter, and of its first two if it has two. */
extern bool hwr_word_code(const HwrWord *word, HwrWordCode *code, HwrWordCode beginnings[2]);

/* The word of a code, without an ending zero; returns its length. */
extern int	hwr_word_spell(HwrWordCode code, char text[HWR_WORD_LETTERS]);

#endif							/* HWR_WORD_CODE_H */
