/*
 * kind.c
 *	  Kinds of fields.
 */
#include "kind.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fold.h"

const char *const hwr_kind_words[] = {"date", "integer", "amount", "postcode", "yes_no", NULL};

#define DAY "(0?[1-9]|[12]\\d|3[01])"
#define MONTH "(0?[1-9]|1[0-2])"
#define MONTH_NAME \
	"(janvier|janv\\.?|january|januar|jan\\.?|f[\u00e9e]vrier|f[\u00e9e]v\\.?|february|februar|feb\\.?" \
	"|mars|march|mar\\.?|m[\u00e4a]rz" \
	"|avril|avr\\.?|april|apr\\.?|mai|may|juin|june|juni|jun\\.?|juillet|juil\\.?|july|juli|jul\\.?|ao[\u00fbu]t|august|aug\\.?" \
	"|septembre|september|sept\\.?|octobre|october|oktober|o[ck]t\\.?|novembre|november|nov\\.?" \
	"|d[\u00e9e]cembre|december|dezember|d[\u00e9e]c\\.?|dez\\.?|[789]bre|10bre)"

/* In the order of HwrKind. */
static const char *const patterns[] = {
	"(?i)" DAY "([/.-]" MONTH "[/.-]| " MONTH " )\\d{4}|\\d{4}-" MONTH "-" DAY
	"|" DAY "(er|th|st|nd|rd|\\.)? " MONTH_NAME ",? \\d{4}|" MONTH_NAME " " DAY "(th|st|nd|rd)?,? \\d{4}",
	"\\d+|\\d{1,3}([ .,']\\d{3})+",
	"(?i)([$\u20ac\u00a3] ?)?(\\d+|\\d{1,3}([ .,']\\d{3})+)([.,]\\d{1,2}|[.,]-)?( "
	"?([$\u20ac\u00a3]|eur|usd|gbp|chf|dm|f|fr\\.?|frs\\.?|francs?))?",
	"\\d{5}|\\d{2} \\d{3}",
	"(?i)yes|no|oui|non|ja|nein|s[i\u00ed\u00ec]",
};

const char *
hwr_kind_pattern(HwrKind kind)
{
	return patterns[kind];
}

/* Folded beginnings that tell a month from all others. */
static const struct
{
	const char *name;
	int			month;
}			months[] = {
	{"jan", 1}, {"fev", 2}, {"feb", 2}, {"mar", 3}, {"avr", 4}, {"apr", 4}, {"mai", 5}, {"may", 5}, {"juin", 6}, {"jun", 6},
		{"juil", 7},
	{"jul", 7}, {"ao", 8}, {"au", 8}, {"sep", 9}, {"7bre", 9}, {"oct", 10}, {"okt", 10}, {"8bre", 10}, {"nov", 11}, {"9bre", 11},
	{"dec", 12}, {"dez", 12}, {"10bre", 12}
};

static int
month_of(const char *word)
{
	for (size_t i = 0; i < sizeof(months) / sizeof(months[0]); i++)
		if (strncmp(word, months[i].name, strlen(months[i].name)) == 0)
			return months[i].month;
	return 0;
}

static bool
is_day(int year, int month, int day)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (leap && month == 2);
}

/*
 * Words between spaces: a month's name, two numbers; or three numbers, the year being the one of
 * four digits.
 */
static bool
date_value(char *folded, char *value)
{
	int			numbers[3] = {0};
	int			n = 0;
	int			year = -1;
	int			month = 0;
	int			day;
	char	   *rest = folded;
	char	   *word;

	while ((word = strsep(&rest, " ")) != NULL)
	{
		int			named = month_of(word);

		if (named != 0)
			month = named;
		else if (word[0] >= '0' && word[0] <= '9' && n < 3)
		{
			if (strlen(word) == 4)
				year = n;
			numbers[n++] = atoi(word);
		}
	}
	if (year < 0 || n != (month != 0 ? 2 : 3))
		return false;
	if (month != 0)
		day = numbers[1 - year];
	else
	{
		day = numbers[year == 0 ? 2 : 0];
		month = numbers[1];
	}
	if (!is_day(numbers[year], month, day))
		return false;
	snprintf(value, HWR_KIND_VALUE, "%04d-%02d-%02d", numbers[year], month, day);
	return true;
}

/* The digits of a text, with a point where a separator is followed by the last one or two of them. */
static bool
number_value(const uint32_t *codepoints, int n, bool decimals, char *value)
{
	int			length = 0;
	int			last = -1;		/* digits before the last separator */
	int			digits = 0;

	for (int i = 0; i < n; i++)
	{
		if (codepoints[i] >= '0' && codepoints[i] <= '9')
		{
			if (length == HWR_KIND_VALUE - 3)
				return false;
			value[length++] = (char) codepoints[i];
			digits++;
		}
		else if ((codepoints[i] == '.' || codepoints[i] == ',') && digits > 0)
			last = digits;
	}
	value[length] = '\0';
	if (decimals && last >= 0 && digits > last && digits - last <= 2)
	{
		memmove(value + last + 1, value + last, (size_t) (length - last) + 1);
		value[last] = '.';
	}
	return digits > 0;
}

static bool
yes_no_value(const char *folded, char *value)
{
	bool		no = folded[0] == 'n';

	strcpy(value, no ? "false" : "true");
	return folded[0] != '\0';
}

bool
hwr_kind_value(HwrKind kind, const uint32_t *codepoints, int n, char value[HWR_KIND_VALUE])
{
	char		folded[256];
	int			length = 0;

	/* In ASCII, with a space for whatever parts words. */
	for (int i = 0; i < n; i++)
	{
		HwrFold		fold = hwr_fold(codepoints[i]);

		for (int j = 0; j < fold.n; j++)
		{
			if (length == (int) sizeof(folded) - 1)
				return false;
			folded[length++] = fold.symbols[j] < 0x80 ? (char) fold.symbols[j] : '?';
		}
	}
	folded[length] = '\0';
	switch (kind)
	{
		case HWR_KIND_DATE:
			return date_value(folded, value);
		case HWR_KIND_INTEGER:
		case HWR_KIND_POSTCODE:
			return number_value(codepoints, n, false, value);
		case HWR_KIND_AMOUNT:
			return number_value(codepoints, n, true, value);
		case HWR_KIND_YES_NO:
			return yes_no_value(folded, value);
	}
	return false;
}

/* Days since 1 March of the year 0: Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
static int64_t
day_number(int year, int month, int day)
{
	int			y = year - (month <= 2);
	int			era = y / 400;
	int			of_era = y - 400 * era;
	int			of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return (int64_t) era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
}

bool
hwr_kind_place(HwrKind kind, const char *value, int64_t *place, int *group, double *chance)
{
	size_t		digits = strlen(value);
	int			year;
	int			month;
	int			day;

	if (kind == HWR_KIND_INTEGER && digits > 0 && digits <= 18)
	{
		*place = (int64_t) strtoll(value, NULL, 10);
		*group = (int) digits;
		*chance = pow(10, -(double) digits);
		return true;
	}
	if (kind == HWR_KIND_DATE && sscanf(value, "%4d-%2d-%2d", &year, &month, &day) == 3)
	{
		*place = day_number(year, month, day);
		*group = year / 10 % 32;
		*chance = 1 / 3652.5;
		return true;
	}
	return false;
}

void
hwr_kind_number_like(int64_t number, const char *like, char text[HWR_KIND_VALUE])
{
	char		digits[24];
	char		separator = '\0';
	bool		zeros = like[0] == '0';
	int			left = snprintf(digits, sizeof(digits), "%lld", (long long) number);
	int			i = (int) strlen(like);
	int			at = HWR_KIND_VALUE - 1;
	int			in_group = 0;

	/* from the last digit, for both end at the same place */
	text[at] = '\0';
	while (at > 0 && (left > 0 || (zeros && i > 0)))
	{
		bool		between = i > 0 ? like[i - 1] < '0' || like[i - 1] > '9' : separator != '\0' && in_group == 3;

		if (between && i > 0)
			separator = like[i - 1];
		if (i > 0)
			i--;
		in_group = between ? 0 : in_group + 1;
		text[--at] = between ? separator : left > 0 ? digits[--left] : '0';
	}
	memmove(text, text + at, (size_t) (HWR_KIND_VALUE - at));
}
