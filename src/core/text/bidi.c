/*
 * bidi.c
 *	  The Unicode bidirectional algorithm, by FriBidi.
 */
#include "bidi.h"

#include <fribidi.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* The first code point whose letters may be written from right to left: Hebrew's. */
#define FIRST_RIGHT_TO_LEFT 0x590

/*
 * A line has no more characters.  What is longer is taken in parts: FriBidi takes time as the square of the isolates in a
 * paragraph.
 */
#define LONGEST_LINE 8192

/* What the algorithm works on. */
typedef struct Paragraph
{
	FriBidiChar *shown;			/* mirrored, then in the other order */
	FriBidiCharType *types;
	FriBidiBracketType *brackets;
	FriBidiLevel *levels;
	FriBidiStrIndex *order;
} Paragraph;

bool
hwr_any_right_to_left(const uint32_t *codepoints, int n)
{
	for (int i = 0; i < n; i++)
		if (codepoints[i] >= FIRST_RIGHT_TO_LEFT && hwr_is_right_to_left(codepoints[i]))
			return true;
	return false;
}

/* False where FriBidi has no memory. */
static bool
reorder(Paragraph *p, int n)
{
	FriBidiParType direction = FRIBIDI_PAR_ON;	/* that of the first letter */

	fribidi_get_bidi_types(p->shown, n, p->types);
	fribidi_get_bracket_types(p->shown, n, p->types, p->brackets);
	if (fribidi_get_par_embedding_levels_ex(p->types, p->brackets, n, &direction, p->levels) == 0)
		return false;
	for (int i = 0; i < n; i++)
		p->order[i] = i;
	/* the levels of blanks at the end are settled here, which mirroring then sees */
	return fribidi_reorder_line(0, p->types, n, 0, direction, p->levels, NULL, p->order) != 0;
}

/* codepoints[n], at most LONGEST_LINE, and order[n] unless it is NULL, where the first is to be number from. */
static bool
reorder_line(Paragraph *p, uint32_t *codepoints, int n, int *order, int from, HwrStatus *st)
{
	memcpy(p->shown, codepoints, (size_t) n * sizeof(uint32_t));
	if (!reorder(p, n))
		return hwr_fail(st, HWR_OUT_OF_MEMORY, "out of memory");
	fribidi_shape_mirroring(p->levels, n, p->shown);
	for (int i = 0; i < n; i++)
	{
		codepoints[i] = p->shown[p->order[i]];
		if (order != NULL)
			order[i] = from + p->order[i];
	}
	return true;
}

bool
hwr_bidi_reorder(uint32_t *codepoints, int n, int *order, HwrStatus *st)
{
	Paragraph	p = {0};
	size_t		room = n < LONGEST_LINE ? (size_t) n : LONGEST_LINE;
	bool		ok;

	for (int i = 0; order != NULL && i < n; i++)
		order[i] = i;
	if (!hwr_any_right_to_left(codepoints, n))
		return true;
	p.shown = hwr_alloc(room, sizeof(FriBidiChar), st);
	p.types = hwr_alloc(room, sizeof(FriBidiCharType), st);
	p.brackets = hwr_alloc(room, sizeof(FriBidiBracketType), st);
	p.levels = hwr_alloc(room, sizeof(FriBidiLevel), st);
	p.order = hwr_alloc(room, sizeof(FriBidiStrIndex), st);
	ok = p.shown != NULL && p.types != NULL && p.brackets != NULL && p.levels != NULL && p.order != NULL;
	for (int i = 0, part; ok && i < n; i += part)
	{
		part = n - i < LONGEST_LINE ? n - i : LONGEST_LINE;
		ok = reorder_line(&p, codepoints + i, part, order != NULL ? order + i : NULL, i, st);
	}
	free(p.shown);
	free(p.types);
	free(p.brackets);
	free(p.levels);
	free(p.order);
	return ok;
}

bool
hwr_text_decode_ink(const char *utf8, size_t len, uint32_t **codepoints, int *n, HwrStatus *st)
{
	if (!hwr_text_decode(utf8, len, codepoints, n, st))
		return false;
	if (hwr_bidi_reorder(*codepoints, *n, NULL, st))
		return true;
	free(*codepoints);
	*codepoints = NULL;
	return false;
}

bool
hwr_text_encode_ink(uint32_t *codepoints, int n, char **utf8, HwrStatus *st)
{
	return hwr_bidi_reorder(codepoints, n, NULL, st) && hwr_text_encode(codepoints, n, utf8, st);
}
