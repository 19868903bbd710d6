/*
 * kind.h
 *	  What fields hold: a pattern for each kind, and the value of a text that follows it.
 */
#ifndef HWR_KIND_H
#define HWR_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum HwrKind
{
	HWR_KIND_DATE,				/* day first, or year, or a month's name in English, French or German; value YYYY-MM-DD */
	HWR_KIND_INTEGER,			/* value: its digits */
	HWR_KIND_AMOUNT,			/* with at most two decimals and a currency; value: a number with a point */
	HWR_KIND_POSTCODE,			/* five digits; value: these */
	HWR_KIND_YES_NO				/* yes or no in English, French, German, Spanish or Italian; value: true or false */
} HwrKind;

/* The kinds' names, in their order, NULL at the end. */
extern const char *const hwr_kind_words[];

extern const char *hwr_kind_pattern(HwrKind kind);

/* Room for any value. */
#define HWR_KIND_VALUE 64

/* The value of a text, as ASCII; false where it has none: no such day, or not all of a date. */
extern bool hwr_kind_value(HwrKind kind, const uint32_t *codepoints, int n, char value[HWR_KIND_VALUE]);

/*
 * Of a kind whose values have an order, the place of one in it: a whole number, the day of a date; and the group of values like
 * it, 0 to 31: the number of digits, the decade, and how probable it is in its group.  False where the kind has no order, or the
 * number more than 18 digits.
 */
extern bool hwr_kind_place(HwrKind kind, const char *value, int64_t *place, int *group, double *chance);

/*
 * A whole number from 0 on as a text in the form of another: with its separators, and with as many digits where it begins with
 * a zero.  An empty one has no form.
 */
extern void hwr_kind_number_like(int64_t number, const char *like, char text[HWR_KIND_VALUE]);

#endif							/* HWR_KIND_H */
