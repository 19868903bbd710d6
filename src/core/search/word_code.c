/*
 * word_code.c
 *	  Whole words as numbers.
 */
#include "word_code.h"

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

HwrWordCode
hwr_word_code_of(HwrSpelt word)
{
	uint64_t	mixed = word.first;

	if (word.others == 0)
		return word.first;
	mixed = (mixed ^ mixed >> 29) * UINT64_C(0x9e3779b97f4a7c15) + word.others;
	mixed = (mixed ^ mixed >> 32) * UINT64_C(0xff51afd7ed558ccd);
	return HWR_WORD_LONG + (mixed ^ mixed >> 29) % (HWR_WORD_CODES - HWR_WORD_LONG);
}

bool
hwr_word_code(const HwrWord *word, HwrWordCode *code, HwrWordCode beginnings[2])
{
	HwrSpelt	spelt = {0, 0};

	if (word->kind != HWR_WORD_WHOLE || word->n - 2 > HWR_WORD_LONGEST)
		return false;
	for (int i = 1; i < word->n - 1; i++)
	{
		int			digit = hwr_word_digit(word->elements[i]);

		if (digit == 0 || digit == HWR_WORD_NO_CODE)
			return false;
		hwr_word_append(&spelt, (unsigned) digit);
		if (i <= 2)
			beginnings[i - 1] = spelt.first;
	}
	if (word->n == 3)
		beginnings[1] = spelt.first;
	*code = hwr_word_code_of(spelt);
	return true;
}

/* The digits of a number, at most HWR_WORD_LETTERS; returns how many there are. */
static int
digits_of(HwrWordCode code, uint8_t *digits)
{
	int			n = 0;

	for (HwrWordCode rest = code; rest > 0; rest /= HWR_WORD_BASE)
		n++;
	for (int i = n - 1; i >= 0; i--, code /= HWR_WORD_BASE)
		digits[i] = (uint8_t) (code % HWR_WORD_BASE);
	return n;
}

int
hwr_word_digits(HwrSpelt word, uint8_t digits[HWR_WORD_LONGEST])
{
	int			n = digits_of(word.first, digits);

	return n + digits_of(word.others, digits + n);
}

int
hwr_word_text(HwrSpelt word, char text[HWR_WORD_LONGEST])
{
	uint8_t		digits[HWR_WORD_LONGEST];
	int			n = hwr_word_digits(word, digits);

	for (int i = 0; i < n; i++)
		text[i] = (char) (digits[i] < 27 ? 'a' + digits[i] - 1 : '0' + digits[i] - 27);
	return n;
}
