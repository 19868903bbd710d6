/*
 * text.h
 *	  Labels as Unicode: UTF-8, NFC, case; and the alphabet of a model.
 */
#ifndef HWR_TEXT_H
#define HWR_TEXT_H

#include <stdint.h>

#include "core/base/status.h"

typedef enum HwrCase
{
	HWR_CASE_KEEP,
	HWR_CASE_UPPER,
	HWR_CASE_LOWER
} HwrCase;

/* Their words, by value, NULL-terminated: in options and model files. */
extern const char *const hwr_case_words[];

/*
 * Normalise a label: NFC, white space runs to one space, ends trimmed, control characters refused,
 * invisible characters left out, then the case mapping.  Invisible are Unicode's default-ignorable
 * characters: byte-order marks, zero-width spaces, soft hyphens, marks of direction, variation
 * selectors; U+200C and U+200D stay behind letters from U+0590 on, whose scripts join and part
 * letters with them.  *out is malloc'd and NUL-terminated. Errors: HWR_BAD_LABEL (invalid UTF-8,
 * control character; the label may come out empty, which is the caller's business),
 * HWR_OUT_OF_MEMORY.
 */
extern bool hwr_text_normalize(const char *utf8, size_t len, HwrCase mapping,
							   char **out, HwrStatus *st);

/* What is remarkable in valid UTF-8 of a label. */
typedef struct HwrTextTraits
{
	int			invisible;		/* characters that hwr_text_normalize leaves out */
	bool		right_to_left;	/* letters of a script that is written from right to left */
} HwrTextTraits;
extern HwrTextTraits hwr_text_traits(const char *utf8, size_t len);

/*
 * NFC of a text and nothing else: *out is malloc'd and *out_len its length, or NULL where the text
 * is in NFC by its bytes' range alone.  HWR_BAD_LABEL if it is not UTF-8.
 */
extern bool hwr_text_compose(const char *utf8, size_t len, char **out, size_t *out_len, HwrStatus *st);

/* Decode valid UTF-8 into code points (malloc'd).  HWR_BAD_LABEL if invalid. */
extern bool hwr_text_decode(const char *utf8, size_t len, uint32_t **codepoints, int *n,
							HwrStatus *st);

/* Encode n code points as NUL-terminated UTF-8 (malloc'd). */
extern bool hwr_text_encode(const uint32_t *codepoints, int n, char **utf8, HwrStatus *st);

/* Unicode white space, the control characters among it (tab, line feed, ...) included. */
extern bool hwr_text_is_space(uint32_t codepoint);

/*
 * Copy what fits of s into buf[size] without cutting a character in two, for quoting a user's text in
 * a message: control characters become '?', and "..." marks a cut.  s may be any
 * NUL-terminated bytes; the result is valid UTF-8.  Returns buf.
 */
extern char *hwr_text_quote(const char *s, char *buf, size_t size);

/* Whether a character is written from right to left: a letter of Hebrew, Arabic and the like. */
extern bool hwr_is_right_to_left(uint32_t codepoint);

typedef struct HwrSpellings HwrSpellings;

/*
 * The characters a network can write.  Class 0 is the CTC blank; class i + 1 is
 * codepoints[i].  Code points are sorted and distinct.
 */
typedef struct HwrAlphabet
{
	int			n;
	uint32_t   *codepoints;		/* malloc'd */
	HwrSpellings *spellings;	/* malloc'd; NULL: each is a character (spelling.h) */
} HwrAlphabet;

/* From the (valid UTF-8) characters of a string, sorted, duplicates dropped. */
extern bool hwr_alphabet_from_utf8(const char *utf8, size_t len, HwrAlphabet *out, HwrStatus *st);

/* Add the code points of a string as they are. */
extern bool hwr_alphabet_add(HwrAlphabet *alphabet, const char *utf8, size_t len, HwrStatus *st);

/* Add the characters of a label as its ink shows them: brackets within text from right to left are mirrored (bidi.h); spelt. */
extern bool hwr_alphabet_add_label(HwrAlphabet *alphabet, const char *utf8, size_t len, HwrStatus *st);
/* Add code points but 0 in any order, which are left in another one. */
extern bool hwr_alphabet_add_codepoints(HwrAlphabet *alphabet, uint32_t *codepoints, int n, HwrStatus *st);

/* Class of a code point, or 0 where the alphabet lacks it. */
extern int	hwr_alphabet_class(const HwrAlphabet *alphabet, uint32_t codepoint);

/* The whole alphabet as UTF-8 (malloc'd). */
extern bool hwr_alphabet_to_utf8(const HwrAlphabet *alphabet, char **utf8, HwrStatus *st);
extern bool hwr_alphabet_copy(const HwrAlphabet *from, HwrAlphabet *to, HwrStatus *st);
extern void hwr_alphabet_free(HwrAlphabet *alphabet);

/* Its spellings alone: to an alphabet that has the code points, and none. */
extern bool hwr_alphabet_copy_spellings(const HwrAlphabet *from, HwrAlphabet *to, HwrStatus *st);
extern void hwr_alphabet_drop_spellings(HwrAlphabet *alphabet);

/*
 * The classes of a text after normalisation, in the order of the ink (bidi.h) and spelt: classes[n], malloc'd.
 * *writable: all its characters are in the alphabet; the others have class 0.  Errors as hwr_text_normalize.
 */
extern bool hwr_text_classes(const char *utf8, size_t len, HwrCase mapping, const HwrAlphabet *alphabet,
							 int **classes, int *n, bool *writable, HwrStatus *st);

#endif							/* HWR_TEXT_H */
