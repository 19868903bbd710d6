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

/* A text that was found, and what it is worth. */
typedef struct Found
{
	char	   *text;			/* server encoding */
	char		value[HWR_KIND_VALUE];	/* empty: none */
	double		confidence;
} Found;

static Found
found_of(const HwrHypothesis *h, const HwrAlphabet *alphabet, HwrKind kind)
{
	Found		found = {.confidence = h->confidence};
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

/*
 * Different texts may have the same value: the value that has most together is the answer, with the
 * best of its texts.
 */
HwrKindReading
hwr_kind_search(HwrDecoder *decoder, HwrBeamQuery *query, const HwrWriter *writer, HwrKind kind)
{
	HwrKindReading reading = {0};
	HwrNbest   *nbest;
	Found	   *found;
	int			best = -1;

	query->width = FIELD_BEAM;
	query->outside_penalty = 0;
	hwr_decoder_bind_pattern(decoder, PointerGetDatum(cstring_to_text(hwr_kind_pattern(kind))), writer, query);
	nbest = hwr_decoder_search(decoder, query, FIELD_TEXTS, writer);
	found = palloc(Max(nbest->n, 1) * sizeof(Found));
	for (int i = 0; i < nbest->n; i++)
	{
		int			same = -1;

		found[i] = found_of(&nbest->hypotheses[i], writer->alphabet, kind);
		for (int j = 0; j < i && same < 0 && found[i].value[0] != '\0'; j++)
			if (strcmp(found[j].value, found[i].value) == 0)
				same = j;
		if (same >= 0)
		{
			found[same].confidence += found[i].confidence;
			found[i].confidence = -1;
		}
	}
	/* A text without a value is an answer only where there is no other. */
	for (int i = 0; i < nbest->n; i++)
		if (best < 0 || (found[i].value[0] != '\0') > (found[best].value[0] != '\0') ||
			((found[i].value[0] != '\0') == (found[best].value[0] != '\0') && found[i].confidence > found[best].confidence))
			best = i;
	if (best < 0)
		return reading;
	reading.text = found[best].text;
	strlcpy(reading.value, found[best].value, sizeof(reading.value));
	reading.confidence = Min(found[best].confidence, 1);
	return reading;
}
