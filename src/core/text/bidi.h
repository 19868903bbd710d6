/*
 * bidi.h
 *	  The order of characters in a text, and of their ink on a line from left to right.
 *
 * Networks read from left to right, whatever the script.  Labels become classes in the order of the ink, as a text is shown
 * by the Unicode bidirectional algorithm (UAX #9), a line being a paragraph; what is read becomes a text by the same
 * algorithm, as in kraken.  A text without letters that are written from right to left stays as it is; one that is longer
 * than any line, 8,192 characters, is taken in parts of so many.
 */
#ifndef HWR_BIDI_H
#define HWR_BIDI_H

#include <stdint.h>

#include "core/base/status.h"

/* Whether any of the characters is a letter of Hebrew, Arabic and the like. */
extern bool hwr_any_right_to_left(const uint32_t *codepoints, int n);

/*
 * Reorder codepoints[n], from the text to the ink or the other way: order[i] is the place that the one now at i
 * came from (NULL: of no interest).  Brackets and their like within text from right to left become their mirror images.
 * Errors: HWR_OUT_OF_MEMORY, the code points of a line being as they were.
 */
extern bool hwr_bidi_reorder(uint32_t *codepoints, int n, int *order, HwrStatus *st);

/* hwr_text_decode, in the order of the ink. */
extern bool hwr_text_decode_ink(const char *utf8, size_t len, uint32_t **codepoints, int *n, HwrStatus *st);

/* hwr_text_encode of code points in the order of the ink, which are reordered in place. */
extern bool hwr_text_encode_ink(uint32_t *codepoints, int n, char **utf8, HwrStatus *st);

#endif							/* HWR_BIDI_H */
