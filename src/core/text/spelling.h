/*
 * spelling.h
 *	  Alphabets whose classes are not all one character: what classes stand for in a text.
 *
 * A class is a code point of the alphabet, its sign.  Mostly it is the character that the class writes.  Models from elsewhere
 * have classes for several characters ("ch"), and several classes for a character.  Their signs are code points of a plane for
 * private use, 15 or 16, of which the alphabet has no character; a spelling says which signs stand for which text.  A sign of
 * that plane that no spelling reads at its place is nothing in a text.
 *
 * At each place of a text the longest that is spelt is taken, as kraken's codec does it, in the order of the ink.
 */
#ifndef HWR_SPELLING_H
#define HWR_SPELLING_H

#include "text.h"

/* Most characters of a text that is spelt, and most signs for one. */
#define HWR_SPELLING_LENGTH 32

/* Most spellings of an alphabet. */
#define HWR_SPELLINGS 65536

/* Planes for private use. */
#define HWR_SPELLING_FIRST_PLANE 15
#define HWR_SPELLING_LAST_PLANE 16

/* Signs that a plane has: its last two code points are no characters. */
#define HWR_SPELLING_SIGNS 0xFFFE

typedef struct HwrSpelling
{
	int			ntext;
	int			nsigns;
	uint32_t	text[HWR_SPELLING_LENGTH];
	uint32_t	signs[HWR_SPELLING_LENGTH];
} HwrSpelling;

struct HwrSpellings
{
	int			plane;
	int			n;
	HwrSpelling *items;			/* [n] ascending by signs, none of which begins another's */
	int		   *by_text;		/* [n] the items ascending by text */
	int			longest_text;
	int			longest_signs;
};

/*
 * Give the alphabet, which has none, these spellings: items[n] in any order, malloc'd, are the alphabet's afterwards, and
 * freed on failure.  HWR_BAD_DATA with a detail where they are none for this alphabet: too many, signs that it does not have,
 * none of them, a text of a sign or twice or that the alphabet has a class for, signs that begin with those of another text or
 * with a character.
 */
extern bool hwr_alphabet_set_spellings(HwrAlphabet *alphabet, int plane, HwrSpelling *items, int n, HwrStatus *st);

/* Whether a code point is none of a text, but a sign of these spellings. */
extern bool hwr_is_sign(const HwrAlphabet *alphabet, uint32_t codepoint);

/* The code points that are characters, as UTF-8 (malloc'd). */
extern bool hwr_alphabet_characters(const HwrAlphabet *alphabet, char **utf8, HwrStatus *st);

/* Whether both spell alike. */
extern bool hwr_same_spellings(const HwrAlphabet *a, const HwrAlphabet *b);

/*
 * A text's code points in the order of the ink become signs: *codepoints, malloc'd, is another array then.  What would be
 * taken for a sign becomes 0, which no alphabet has.
 */
extern bool hwr_spell(const HwrAlphabet *alphabet, uint32_t **codepoints, int *n, HwrStatus *st);

/* hwr_text_decode_ink, spelt. */
extern bool hwr_text_decode_signs(const HwrAlphabet *alphabet, const char *utf8, size_t len, uint32_t **signs, int *n,
								  HwrStatus *st);

/*
 * What the first of signs[n], n > 0, says: the characters, *ntext, which may be none; returns how many signs that took, at
 * least 1.  *text points into the spellings or to signs.
 */
extern int	hwr_read_signs(const HwrAlphabet *alphabet, const uint32_t *signs, int n, const uint32_t **text, int *ntext);

/*
 * allow[classes], where classes of allowed characters are true already: add those of spellings that consist of the characters
 * codepoints[n], or a space.  HWR_UNSUPPORTED where other texts could then be read as well.
 */
extern bool hwr_allow_spelt(const HwrAlphabet *alphabet, const uint32_t *codepoints, int n, bool space, bool *allow,
							HwrStatus *st);

/*
 * The spellings as JSON, {"plane": 15, "texts": {TEXT: [class, ...], ...}}, malloc'd; NULL where the alphabet has none.  And
 * back: HWR_BAD_DATA with a detail.
 */
extern bool hwr_spellings_to_json(const HwrAlphabet *alphabet, char **json, HwrStatus *st);
extern bool hwr_spellings_from_json(const char *json, HwrAlphabet *alphabet, HwrStatus *st);

/* HWR_UNSUPPORTED, naming what, where the alphabet spells. */
extern bool hwr_refuse_spelt(const HwrAlphabet *alphabet, const char *what, HwrStatus *st);

#endif							/* HWR_SPELLING_H */
