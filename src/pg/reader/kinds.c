/*
 * kinds.c
 *	  Fields of known kinds: the texts that follow a kind's pattern, and which value most of them have.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "core/text/text.h"
#include "kinds.h"
#include "pg/base/error.h"

/* Texts that are looked at, and the beam for them. */
#define FIELD_TEXTS 16
#define FIELD_BEAM 64

HwrKind
hwr_kind_argument(text *value)
{
	char	   *word = text_to_cstring(value);
	StringInfoData hint;

	for (int i = 0; hwr_kind_words[i] != NULL; i++)
		if (strcmp(hwr_kind_words[i], word) == 0)
			return (HwrKind) i;
	initStringInfo(&hint);
	for (int i = 0; hwr_kind_words[i] != NULL; i++)
		appendStringInfo(&hint, "%s\"%s\"", i > 0 ? ", " : "", hwr_kind_words[i]);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized kind of field \"%s\"", word),
			 errhint("The kinds are %s.", hint.data)));
}

static HwrKindReading
reading_of(const HwrHypothesis *h, const HwrAlphabet *alphabet, HwrKind kind)
{
	HwrKindReading found = {.confidence = h->confidence,.score = h->score};
	uint32_t   *codepoints = palloc(Max(h->n, 1) * sizeof(uint32_t));
	char	   *utf8;
	char	   *copy = palloc(4 * h->n + 1);
	HwrStatus	st;

	for (int i = 0; i < h->n; i++)
		codepoints[i] = alphabet->codepoints[h->classes[i] - 1];
	if (!hwr_text_encode(codepoints, h->n, &utf8, &st))
		hwr_raise(&st);
	strlcpy(copy, utf8, 4 * h->n + 1);
	free(utf8);
	found.text = hwr_from_utf8(copy);
	if (!hwr_kind_value(kind, codepoints, h->n, found.value))
		found.value[0] = '\0';
	return found;
}

/* A text without a value comes after all that have one. */
static int
compare_readings(const void *a, const void *b)
{
	const HwrKindReading *x = a;
	const HwrKindReading *y = b;

	if ((x->value[0] != '\0') != (y->value[0] != '\0'))
		return x->value[0] != '\0' ? -1 : 1;
	if (x->confidence != y->confidence)
		return x->confidence > y->confidence ? -1 : 1;
	return (x->score < y->score) - (x->score > y->score);
}

HwrKindReading *
hwr_kind_readings(HwrDecoder *decoder, HwrBeamQuery *query, const HwrWriter *writer, HwrKind kind, int *n)
{
	HwrKindReading *found;
	HwrNbest   *nbest;

	query->width = FIELD_BEAM;
	query->outside_penalty = 0;
	hwr_decoder_bind_pattern(decoder, PointerGetDatum(cstring_to_text(hwr_kind_pattern(kind))), writer, query);
	nbest = hwr_decoder_search(decoder, query, FIELD_TEXTS, writer);
	found = palloc(Max(nbest->n, 1) * sizeof(HwrKindReading));
	*n = 0;
	for (int i = 0; i < nbest->n; i++)
	{
		HwrKindReading reading = reading_of(&nbest->hypotheses[i], writer->alphabet, kind);
		int			same = 0;

		/* different texts may have the same value */
		while (same < *n && (reading.value[0] == '\0' || strcmp(found[same].value, reading.value) != 0))
			same++;
		if (same < *n)
			found[same].confidence += reading.confidence;
		else
			found[(*n)++] = reading;
	}
	for (int i = 0; i < *n; i++)
		found[i].confidence = Min(found[i].confidence, 1);
	qsort(found, *n, sizeof(HwrKindReading), compare_readings);
	return found;
}

HwrKindReading
hwr_kind_search(HwrDecoder *decoder, HwrBeamQuery *query, const HwrWriter *writer, HwrKind kind)
{
	int			n;
	HwrKindReading *readings = hwr_kind_readings(decoder, query, writer, kind, &n);

	return n > 0 ? readings[0] : (HwrKindReading) {0};
}
