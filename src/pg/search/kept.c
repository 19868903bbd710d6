/*
 * kept.c
 *	  Beam searches in kept posteriors at a call site: the alphabet that has all characters asked for so far.
 *
 * The classes of a search are the characters that were kept of any value so far, and those of the
 * lexicon and of what is allowed: a character that was not kept of a value has the floor there.
 * The alphabet at a call site grows until it has them all, and with it what is made for it once.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "kept.h"
#include "pg/base/error.h"

static void
release_alphabet(void *alphabet)
{
	hwr_alphabet_free(alphabet);
	free(alphabet);
}

HwrKept *
hwr_kept_of(FunctionCallInfo fcinfo)
{
	HwrKept    *site = fcinfo->flinfo->fn_extra;
	HwrAlphabet *alphabet;
	HwrStatus	st;

	if (site != NULL)
		return site;
	site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(HwrKept));
	site->context = fcinfo->flinfo->fn_mcxt;
	site->ink = hwr_ink_create(site->context);
	site->decoder = hwr_decoder_create(site->context);
	site->alphabet = hwr_hold_create(site->context, release_alphabet);
	alphabet = hwr_alloc_zero(1, sizeof(HwrAlphabet), &st);
	if (alphabet == NULL)
		hwr_raise(&st);
	hwr_hold_replace(site->alphabet, alphabet);
	fcinfo->flinfo->fn_extra = site;
	return site;
}

/* Add the characters of a text, as the model's labels would have them; what is no text has none. */
static void
add_text(HwrAlphabet *alphabet, HwrCase mapping, Datum value)
{
	Size		len;
	const char *utf8 = hwr_utf8_of(value, &len);
	char	   *normal;
	bool		ok;
	HwrStatus	st;

	if (!hwr_text_normalize(utf8, len, mapping, &normal, &st))
	{
		if (st.code != HWR_BAD_LABEL)
			hwr_raise(&st);
		return;
	}
	ok = hwr_alphabet_add_label(alphabet, normal, strlen(normal), &st);
	free(normal);
	if (!ok)
		hwr_raise(&st);
}

static void
add_lexicon(HwrKept *site, HwrAlphabet *alphabet, ArrayType *words)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hwr lexicon", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	hwr_text_elements(words, "lexicon", &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!nulls[i])
			add_text(alphabet, site->mapping, elements[i]);
	}
	MemoryContextSwitchTo(site->context);
	if (site->lexicon != NULL)
		pfree(site->lexicon);
	site->lexicon = NULL;
	site->lexicon = (ArrayType *) PG_DETOAST_DATUM_COPY(PointerGetDatum(words));
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

static bool
same_lexicon(const HwrKept *site, ArrayType *words)
{
	return site->lexicon != NULL && VARSIZE(site->lexicon) == VARSIZE(words) &&
		memcmp(site->lexicon, words, VARSIZE(words)) == 0;
}

/* The alphabet with all characters that this call may read. */
static const HwrAlphabet *
get_alphabet(HwrKept *site, const HwrSparse *sparse, ArrayType *lexicon, text *allow, text *pattern)
{
	HwrAlphabet *alphabet = site->alphabet->object;
	int			before = alphabet->n;
	uint64		generation;

	for (int i = 0; i < sparse->alphabet.n; i++)
	{
		char	   *utf8;
		bool		ok;
		HwrStatus	st;

		if (hwr_alphabet_class(alphabet, sparse->alphabet.codepoints[i]) != 0)
			continue;
		if (!hwr_text_encode(&sparse->alphabet.codepoints[i], 1, &utf8, &st))
			hwr_raise(&st);
		ok = hwr_alphabet_add(alphabet, utf8, strlen(utf8), &st);
		free(utf8);
		if (!ok)
			hwr_raise(&st);
	}
	if (site->mapping != sparse->origin.mapping && site->lexicon != NULL)
	{
		pfree(site->lexicon);
		site->lexicon = NULL;
	}
	site->mapping = sparse->origin.mapping;
	if (lexicon != NULL && !same_lexicon(site, lexicon))
		add_lexicon(site, alphabet, lexicon);
	if (allow != NULL)
		add_text(alphabet, site->mapping, PointerGetDatum(allow));
	if (pattern != NULL)
	{
		HwrStatus	st;

		if (!hwr_pattern_add_characters(hwr_decoder_pattern(PointerGetDatum(pattern), site->mapping), alphabet, &st))
			hwr_raise(&st);
	}
	memcpy(&generation, site->key, sizeof(generation));
	if (alphabet->n != before)
		generation++;
	memcpy(site->key, &generation, sizeof(generation));
	site->key[PG_SHA256_DIGEST_LENGTH - 1] = (uint8) site->mapping;
	return alphabet;
}

HwrWriter
hwr_kept_writer(HwrKept *site, const HwrSparse *sparse, ArrayType *lexicon, text *allow, text *pattern)
{
	HwrWriter	writer = {0};

	writer.alphabet = get_alphabet(site, sparse, lexicon, allow, pattern);
	writer.mapping = sparse->origin.mapping;
	writer.name = "kept posterior";
	writer.key = site->key;
	return writer;
}

HwrBeamQuery
hwr_kept_query(HwrKept *site, const HwrSparse *sparse, const HwrWriter *writer)
{
	HwrBeamQuery query = {0};

	query.logp = hwr_ink_dense_over(site->ink, writer->alphabet);
	query.T = sparse->steps;
	query.K = writer->alphabet->n + 1;
	return query;
}
