/*
 * nbest.c
 *	  hwr_nbest: the most probable texts of a kept posterior, with a lexicon and a language model of today.
 *
 * The classes of a search are the characters that were kept of any value so far, and those of the lexicon and of what is
 * allowed: a character that was not kept of a value has the floor there.  The alphabet at a call site grows until
 * it has them all, and with it what is made for it once.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "ink.h"
#include "pg/base/error.h"
#include "pg/recognize/decoder.h"

PG_FUNCTION_INFO_V1(hwr_nbest);

/* Arguments, in the order of the SQL function; the others are decoder.h's. */
enum
{
	ARG_POSTERIOR,
	ARG_N,
	ARG_OTHERS
};

/* Kept in fn_extra. */
typedef struct CallSite
{
	MemoryContext context;
	HwrInk	   *ink;
	HwrDecoder *decoder;
	HwrHold    *alphabet;		/* HwrAlphabet */
	uint8		key[PG_SHA256_DIGEST_LENGTH];	/* another one whenever it grows, and for each letter case */
	ArrayType  *lexicon;		/* whose characters it has */
	HwrCase		mapping;		/* by which they were mapped */
} CallSite;

static void
release_alphabet(void *alphabet)
{
	hwr_alphabet_free(alphabet);
	free(alphabet);
}

static CallSite *
get_call_site(FunctionCallInfo fcinfo)
{
	CallSite   *site = fcinfo->flinfo->fn_extra;
	HwrAlphabet *alphabet;
	HwrStatus	st;

	if (site != NULL)
		return site;
	site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(CallSite));
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
	ok = hwr_alphabet_add(alphabet, normal, strlen(normal), &st);
	free(normal);
	if (!ok)
		hwr_raise(&st);
}

static void
add_lexicon(CallSite *site, HwrAlphabet *alphabet, ArrayType *words)
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
same_lexicon(const CallSite *site, ArrayType *words)
{
	return site->lexicon != NULL && VARSIZE(site->lexicon) == VARSIZE(words) &&
		memcmp(site->lexicon, words, VARSIZE(words)) == 0;
}

/* The alphabet with all characters that this call may read. */
static const HwrAlphabet *
get_alphabet(FunctionCallInfo fcinfo, CallSite *site, const HwrSparse *sparse)
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
	if (!PG_ARGISNULL(ARG_OTHERS + HWR_ARG_LEXICON))
	{
		ArrayType  *words = PG_GETARG_ARRAYTYPE_P(ARG_OTHERS + HWR_ARG_LEXICON);

		if (!same_lexicon(site, words))
			add_lexicon(site, alphabet, words);
	}
	if (!PG_ARGISNULL(ARG_OTHERS + HWR_ARG_ALLOW))
		add_text(alphabet, site->mapping, PG_GETARG_DATUM(ARG_OTHERS + HWR_ARG_ALLOW));
	if (!PG_ARGISNULL(ARG_OTHERS + HWR_ARG_PATTERN))
	{
		HwrStatus	st;

		if (!hwr_pattern_add_characters(hwr_decoder_pattern(PG_GETARG_DATUM(ARG_OTHERS + HWR_ARG_PATTERN), site->mapping),
										alphabet, &st))
			hwr_raise(&st);
	}
	memcpy(&generation, site->key, sizeof(generation));
	if (alphabet->n != before)
		generation++;
	memcpy(site->key, &generation, sizeof(generation));
	site->key[PG_SHA256_DIGEST_LENGTH - 1] = (uint8) site->mapping;
	return alphabet;
}

static double
pixel(const void *arg, int step)
{
	return hwr_sparse_pixel(arg, step);
}

/*
 * hwr_nbest(posterior hwr_posterior, n integer, lexicon text[], lm text, lm_weight float8, length_bonus float8,
 * allow text, beam integer, outside_penalty float8, pattern text) returns setof record
 */
Datum
hwr_nbest(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Tuplestorestate *store = hwr_decoder_begin_result(fcinfo, &desc);
	int			n = hwr_decoder_n(fcinfo, ARG_N);
	CallSite   *site;
	HwrSparse  *sparse;
	HwrWriter	writer;
	HwrBeamQuery query;

	if (PG_ARGISNULL(ARG_POSTERIOR))
		return (Datum) 0;
	site = get_call_site(fcinfo);
	sparse = hwr_ink_read(site->ink, PG_GETARG_DATUM(ARG_POSTERIOR));
	writer.alphabet = get_alphabet(fcinfo, site, sparse);
	writer.mapping = sparse->origin.mapping;
	writer.name = "kept posterior";
	writer.key = site->key;
	hwr_decoder_prepare(fcinfo, site->decoder, n, ARG_OTHERS, &query);
	hwr_decoder_bind(fcinfo, site->decoder, ARG_OTHERS, &writer, &query);
	query.logp = hwr_ink_dense_over(site->ink, writer.alphabet);
	query.T = sparse->steps;
	query.K = writer.alphabet->n + 1;
	hwr_decoder_run(site->decoder, &query, n, &writer, pixel, sparse, store, desc);
	return (Datum) 0;
}
