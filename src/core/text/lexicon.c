/*
 * lexicon.c
 *	  The texts that a reading may be: a prefix tree over the classes of a model.
 */
#include "lexicon.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 1024

static bool
grow_flags(HwrLexicon *lexicon, HwrStatus *st)
{
	int			capacity = lexicon->trie.capacity;
	bool	   *grown;

	if (capacity == lexicon->capacity)
		return true;
	grown = hwr_realloc(lexicon->is_word, (size_t) capacity, sizeof(bool), st);
	if (grown == NULL)
		return false;
	memset(grown + lexicon->capacity, 0, (size_t) (capacity - lexicon->capacity) * sizeof(bool));
	lexicon->is_word = grown;
	lexicon->capacity = capacity;
	return true;
}

bool
hwr_lexicon_create(const HwrAlphabet *alphabet, HwrCase mapping, HwrLexicon **out, HwrStatus *st)
{
	HwrLexicon *lexicon = hwr_alloc_zero(1, sizeof(HwrLexicon), st);

	if (lexicon == NULL)
		return false;
	lexicon->alphabet = alphabet;
	lexicon->mapping = mapping;
	if (!hwr_trie_init(&lexicon->trie, FIRST_CAPACITY, st) || !grow_flags(lexicon, st))
	{
		hwr_lexicon_free(lexicon);
		return false;
	}
	*out = lexicon;
	return true;
}

void
hwr_lexicon_free(HwrLexicon *lexicon)
{
	if (lexicon == NULL)
		return;
	hwr_trie_free(&lexicon->trie);
	free(lexicon->is_word);
	free(lexicon);
}

bool
hwr_lexicon_add(HwrLexicon *lexicon, const char *utf8, size_t len, HwrStatus *st)
{
	int		   *classes;
	int			n;
	int			node = 0;
	bool		writable;
	bool		ok = true;
	HwrStatus	why;

	if (!hwr_text_classes(utf8, len, lexicon->mapping, lexicon->alphabet, &classes, &n, &writable, &why))
	{
		if (why.code != HWR_BAD_LABEL)
		{
			*st = why;
			return false;
		}
		lexicon->left_out++;
		return true;
	}
	if (!writable || n == 0)
		lexicon->left_out++;
	else
	{
		for (int i = 0; i < n && ok; i++)
		{
			node = hwr_trie_add(&lexicon->trie, node, classes[i], st);
			ok = node != 0;
		}
		ok = ok && grow_flags(lexicon, st);
		if (ok && !lexicon->is_word[node])
		{
			lexicon->is_word[node] = true;
			lexicon->words++;
		}
	}
	free(classes);
	return ok;
}
