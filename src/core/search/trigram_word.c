/*
 * trigram_word.c
 *	  Trigrams of words.
 */
#include <stdlib.h>

#include "trigram.h"

/* The trigrams of elements[from .. to), all of them symbols or separators. */
static int
sequence_keys(const HwrWord *word, int from, int to, HwrTrigram *keys)
{
	const uint32_t *e = word->elements;
	int			n = 0;

	for (int i = from; i + 2 < to; i++)
		if (e[i + 1] != HWR_SEPARATOR)
			keys[n++] = hwr_trigram(e[i], e[i + 1], e[i + 2]);
	return n;
}

bool
hwr_word_trigrams(const HwrWord *word, HwrTrigram **keys, int *n, HwrStatus *st)
{
	int			from = 0;
	int			count_all = 0;
	HwrTrigram *all = hwr_alloc((size_t) word->n + 1, sizeof(HwrTrigram), st);

	if (all == NULL)
		return false;
	for (int i = 0; i <= word->n; i++)
	{
		if (i < word->n && word->elements[i] < HWR_ANY)
			continue;
		count_all += sequence_keys(word, from, i, all + count_all);
		from = i + 1;
	}
	qsort(all, (size_t) count_all, sizeof(HwrTrigram), hwr_trigram_compare);
	*n = 0;
	for (int i = 0; i < count_all; i++)
		if (i == 0 || all[i] != all[*n - 1])
			all[(*n)++] = all[i];
	*keys = all;
	return true;
}
