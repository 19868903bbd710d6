/*
 * pattern.h
 *	  What a text has to look like: a subset of regular expressions, as an automaton over the classes of an alphabet.
 *
 *	 .  [abc]  [a-z0-9]  [^ ]  \d \w \s  \.  (one|two)  x*  x+  x?  x{3}  x{1,2}  x{2,}
 *
 * A pattern is of the whole text.  At its beginning, (?i) says that case does not matter.  \w are letters and digits,
 * \s is the space. Characters are code points after NFC.
 */
#ifndef HWR_PATTERN_H
#define HWR_PATTERN_H

#include "text.h"

/* Bytes of a pattern, characters that it may have after its repetitions are written out, and states of its automaton. */
#define HWR_PATTERN_MAX_BYTES 65536
#define HWR_PATTERN_MAX_POSITIONS 2000
#define HWR_PATTERN_MAX_STATES 4096

typedef struct HwrPattern HwrPattern;

/*
 * HWR_BAD_QUERY, with a detail, where it does not parse or is too large; HWR_BAD_LABEL where it is
 * not UTF-8.
 */
extern bool hwr_pattern_compile(const char *utf8, size_t len, bool ignore_case, HwrPattern **out, HwrStatus *st);
extern void hwr_pattern_free(HwrPattern *pattern);

/* Add the characters that the pattern names, but not those of large ranges and of what it excludes. */
extern bool hwr_pattern_add_characters(const HwrPattern *pattern, HwrAlphabet *alphabet, HwrStatus *st);

/*
 * A deterministic automaton; state 0 is the first.  States from which no whole text can be reached
 * are left out.
 */
typedef struct HwrAutomaton
{
	int			classes;		/* alphabet->n + 1 */
	int			nstates;
	int		   *next;			/* [nstates][classes], -1: no text goes on so */
	bool	   *whole;			/* [nstates] a text may end here */
} HwrAutomaton;

/*
 * HWR_BAD_QUERY where it has too many states; HWR_CANCELLED where stop, if not NULL, says so: it is asked every few
 * milliseconds, and the states can take seconds.
 */
extern bool hwr_pattern_bind(const HwrPattern *pattern, const HwrAlphabet *alphabet, HwrStopFn stop, void *stop_arg,
							 HwrAutomaton **out, HwrStatus *st);
extern void hwr_automaton_free(HwrAutomaton *automaton);

#endif							/* HWR_PATTERN_H */
