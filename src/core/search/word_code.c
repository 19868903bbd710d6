/*
 * word_code.c
 *	  Whole words as numbers.
 */
#include "word_code.h"

#include <string.h>

#include "core/text/fold.h"

int
hwr_word_digit(uint32_t symbol)
{
	if (symbol >= 'a' && symbol <= 'z')
		return (int) (symbol - 'a') + 1;
	if (symbol >= '0' && symbol <= '9')
		return (int) (symbol - '0') + 27;
	return symbol == HWR_SEPARATOR ? 0 : HWR_WORD_NO_CODE;
}

bool
hwr_word_code(const HwrWord *word, HwrWordCode *code, HwrWordCode beginnings[2])
{
	if (word->kind != HWR_WORD_WHOLE || word->n - 2 > HWR_WORD_LETTERS)
		return false;
	*code = 0;
	for (int i = 1; i < word->n - 1; i++)
	{
		int			digit = hwr_word_digit(word->elements[i]);

		if (digit == 0 || digit == HWR_WORD_NO_CODE)
			return false;
		*code = *code * HWR_WORD_BASE + (unsigned) digit;
		if (i <= 2)
			beginnings[i - 1] = *code;
	}
	if (word->n == 3)
		beginnings[1] = *code;
	return true;
}

int
hwr_word_spell(HwrWordCode code, char text[HWR_WORD_LETTERS])
{
	int			at = HWR_WORD_LETTERS;

	for (; code > 0; code /= HWR_WORD_BASE)
	{
		int			digit = (int) (code % HWR_WORD_BASE);

		text[--at] = (char) (digit < 27 ? 'a' + digit - 1 : '0' + digit - 27);
	}
	memmove(text, text + at, (size_t) (HWR_WORD_LETTERS - at));
	return HWR_WORD_LETTERS - at;
}
