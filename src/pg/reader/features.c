/*
 * features.c
 *	  What many readings look like, counted.  See features.h.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/json.h"

#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "features.h"

double
hwr_ink_share(const HwrCanvas *canvas, int height)
{
	double		sum = 0;

	for (int y = 0; y < height; y++)
		for (int x = 0; x < canvas->content_width; x++)
			sum += canvas->ink[(Size) y * canvas->width + x];
	return sum / (255.0 * height * Max(canvas->content_width, 1));
}

static int
length_bin(int length)
{
	static const int upto[HWR_LENGTH_BINS - 1] = {0, 2, 5, 10, 20, 40, 80};
	int			bin = 0;

	while (bin < HWR_LENGTH_BINS - 1 && length > upto[bin])
		bin++;
	return bin;
}

static int
clamp(double value, int bins)
{
	return (int) Max(0, Min(floor(value), bins - 1));
}

static void
count_character(HwrFeatures *f, uint32 codepoint)
{
	for (int i = 0; i < f->ncharacters; i++)
	{
		if (f->characters[i].codepoint != codepoint)
			continue;
		f->characters[i].count++;
		return;
	}
	if (f->ncharacters == HWR_FEATURE_CHARACTERS)
		return;
	f->characters[f->ncharacters].codepoint = codepoint;
	f->characters[f->ncharacters++].count = 1;
}

void
hwr_features_add(HwrFeatures *f, double ink, int width, const char *text, double confidence)
{
	int			length = 0;

	for (const char *p = text; *p != '\0'; p += pg_utf_mblen((const unsigned char *) p))
	{
		count_character(f, utf8_to_unicode((const unsigned char *) p));
		length++;
	}
	f->n++;
	f->confidence[clamp(confidence * HWR_CONFIDENCE_BINS, HWR_CONFIDENCE_BINS)]++;
	f->length[length_bin(length)]++;
	/* ink from 0 to 0.4 in steps that grow: its square root is nearly even */
	f->ink[clamp(sqrt(Max(ink, 0)) * HWR_INK_BINS / sqrt(0.4), HWR_INK_BINS)]++;
	f->width[clamp(2 * log2(Max(width, 1) / 16.0), HWR_WIDTH_BINS)]++;
	f->blank[length == 0]++;
}

static void
append_counts(StringInfo buf, const char *name, const int64 *counts, int n)
{
	appendStringInfo(buf, ", \"%s\": [", name);
	for (int i = 0; i < n; i++)
		appendStringInfo(buf, "%s" INT64_FORMAT, i > 0 ? ", " : "", counts[i]);
	appendStringInfoChar(buf, ']');
}

char *
hwr_features_json(const HwrFeatures *f)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "{\"n\": " INT64_FORMAT, f->n);
	append_counts(&buf, "confidence", f->confidence, HWR_CONFIDENCE_BINS);
	append_counts(&buf, "length", f->length, HWR_LENGTH_BINS);
	append_counts(&buf, "ink", f->ink, HWR_INK_BINS);
	append_counts(&buf, "width", f->width, HWR_WIDTH_BINS);
	append_counts(&buf, "blank", f->blank, 2);
	appendStringInfoString(&buf, ", \"characters\": {");
	for (int i = 0; i < f->ncharacters; i++)
	{
		unsigned char utf8[8] = {0};

		unicode_to_utf8(f->characters[i].codepoint, utf8);
		if (i > 0)
			appendStringInfoString(&buf, ", ");
		escape_json(&buf, hwr_from_utf8((char *) utf8));
		appendStringInfo(&buf, ": " INT64_FORMAT, f->characters[i].count);
	}
	appendStringInfoString(&buf, "}}");
	return buf.data;
}
