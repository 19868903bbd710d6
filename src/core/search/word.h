/*
 * word.h
 *	  A word to look for in a line, as an automaton.
 *
 * Words are compared folded (core/text/fold.h).  In a word, ? stands for one letter or digit and *
 * for any number of them; a backslash takes a character for what it is.  White space and
 * punctuation within, any run of them, match any other run: a phrase is a word with separators.  A
 * whole word stands between separators or the ends of the line.
 */
#ifndef HWR_WORD_H
#define HWR_WORD_H

#include <stdint.h>

#include "core/base/status.h"
#include "core/text/fold.h"
#include "move.h"

/* Elements of a word, states of its automaton. */
#define HWR_WORD_MAX 1024
#define HWR_WORD_MAX_STATES 8192

/* Elements of a word that are not symbols: above all code points. */
#define HWR_ANY UINT32_C(0x110000)
#define HWR_STAR UINT32_C(0x110001)

/* States that every automaton has. */
#define HWR_WORD_FOUND 0
#define HWR_WORD_START 1

typedef enum HwrWordKind
{
	HWR_WORD_WHOLE,				/* a whole word, anywhere in the line */
	HWR_WORD_PART,				/* in words too */
	HWR_WORD_HERE,				/* a whole word, only at once: from its first character on, up to the separator after it */
	HWR_WORD_PART_HERE			/* only at once, whatever follows */
} HwrWordKind;

/*
 * A deterministic automaton over the symbols that occur in the word, any other letter, and the separator, in this
 * order.  "Found" leads nowhere else.  State -1: cannot be found any more; only of words that begin at once.
 */
typedef struct HwrWord
{
	HwrWordKind kind;
	int			n;
	uint32_t   *elements;		/* [n] symbols, HWR_SEPARATOR, HWR_ANY, HWR_STAR; with the separators around a whole word */
	int			nsymbols;
	uint32_t   *symbols;		/* [nsymbols] different ones, ascending, without the separator */
	int			nstates;
	int		   *next;			/* [nstates][nsymbols + 2] */
	HwrMove    *moves;			/* [nsymbols + 2] the same of a word of at most HWR_MOVE_STATES states, or NULL */
} HwrWord;

/*
 * Compile: HWR_BAD_QUERY where it is empty, too long or too complicated, HWR_BAD_LABEL where it is
 * not UTF-8.
 */
extern bool hwr_word_compile(const char *utf8, size_t len, HwrWordKind kind, HwrWord **out, HwrStatus *st);
extern void hwr_word_free(HwrWord *word);

/* Column of the automaton's table for a folded symbol. */
extern int	hwr_word_column(const HwrWord *word, uint32_t symbol);

/* Does the line's end find it in this state, as a separator would? */
static inline bool
hwr_word_found_at_end(const HwrWord *word, int state)
{
	return word->next[state * (word->nsymbols + 2) + word->nsymbols + 1] == HWR_WORD_FOUND;
}

#endif							/* HWR_WORD_H */
