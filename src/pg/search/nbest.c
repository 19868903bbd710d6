/*
 * nbest.c
 *	  hwr_nbest: the most probable texts of a kept posterior, with a lexicon and a language model of today.
 *
 * The classes of a search are the characters that were kept of any value so far, and those of the
 * lexicon and of what is allowed: a character that was not kept of a value has the floor there.
 * The alphabet at a call site grows until it has them all, and with it what is made for it once.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "ink.h"
#include "pg/base/error.h"
#include "pg/reader/decoder.h"
#include "pg/reader/kinds.h"

PG_FUNCTION_INFO_V1(hwr_nbest);
PG_FUNCTION_INFO_V1(hwr_field);

/* Arguments, in the order of the SQL function; the others are decoder.h's. */
enum
{
	ARG_POSTERIOR,
	ARG_N,
	ARG_OTHERS,
	ARG_PATTERN = ARG_OTHERS + HWR_ARGS
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
	ok = hwr_alphabet_add_label(alphabet, normal, strlen(normal), &st);
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
get_alphabet(CallSite *site, const HwrSparse *sparse, ArrayType *lexicon, text *allow, text *pattern)
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

static HwrWriter
get_writer(CallSite *site, const HwrSparse *sparse, ArrayType *lexicon, text *allow, text *pattern)
{
	HwrWriter	writer = {0};

	writer.alphabet = get_alphabet(site, sparse, lexicon, allow, pattern);
	writer.mapping = sparse->origin.mapping;
	writer.name = "kept posterior";
	writer.key = site->key;
	return writer;
}

static double
pixel(const void *arg, int step)
{
	return hwr_sparse_pixel(arg, step);
}

/*
 * hwr_nbest(posterior hwr_posterior, n integer, lexicon text[], lm text, lm_weight float8,
 * length_bonus float8, allow text, beam integer, outside_penalty float8, pattern text) returns
 * setof record
 */
Datum
hwr_nbest(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Tuplestorestate *store = hwr_decoder_begin_result(fcinfo, &desc);
	int			n = hwr_decoder_n(fcinfo, ARG_N);
	CallSite   *site;
	HwrSparse  *sparse;
	HwrWriter	writer = {0};
	HwrBeamQuery query;

	if (PG_ARGISNULL(ARG_POSTERIOR))
		return (Datum) 0;
	site = get_call_site(fcinfo);
	sparse = hwr_ink_read_plain(site->ink, PG_GETARG_DATUM(ARG_POSTERIOR), "hwr_nbest");
	writer = get_writer(site, sparse,
						PG_ARGISNULL(ARG_OTHERS + HWR_ARG_LEXICON) ? NULL : PG_GETARG_ARRAYTYPE_P(ARG_OTHERS + HWR_ARG_LEXICON),
						PG_ARGISNULL(ARG_OTHERS + HWR_ARG_ALLOW) ? NULL : PG_GETARG_TEXT_PP(ARG_OTHERS + HWR_ARG_ALLOW),
						PG_ARGISNULL(ARG_PATTERN) ? NULL : PG_GETARG_TEXT_PP(ARG_PATTERN));
	hwr_decoder_prepare(fcinfo, site->decoder, n, ARG_OTHERS, &query);
	hwr_decoder_bind(fcinfo, site->decoder, ARG_OTHERS, ARG_PATTERN, &writer, &query);
	query.logp = hwr_ink_dense_over(site->ink, writer.alphabet);
	query.T = sparse->steps;
	query.K = writer.alphabet->n + 1;
	hwr_decoder_run(site->decoder, &query, n, &writer, pixel, sparse, store, desc);
	return (Datum) 0;
}

/*
 * hwr_field(posterior hwr_posterior, kind text, OUT text text, OUT value text, OUT confidence
 * double precision)
 */
Datum
hwr_field(PG_FUNCTION_ARGS)
{
	HwrKind		kind = hwr_kind_argument(PG_GETARG_TEXT_PP(1));
	text	   *pattern = cstring_to_text(hwr_kind_pattern(kind));
	CallSite   *site = get_call_site(fcinfo);
	HwrSparse  *sparse = hwr_ink_read_plain(site->ink, PG_GETARG_DATUM(0), "hwr_field");
	HwrWriter	writer = get_writer(site, sparse, NULL, NULL, pattern);
	HwrBeamQuery query = {0};
	TupleDesc	desc;
	HwrKindReading reading;
	Datum		values[3];
	bool		nulls[3] = {0};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	query.logp = hwr_ink_dense_over(site->ink, writer.alphabet);
	query.T = sparse->steps;
	query.K = writer.alphabet->n + 1;
	reading = hwr_kind_search(site->decoder, &query, &writer, kind);
	nulls[0] = nulls[2] = reading.text == NULL;
	nulls[1] = reading.value[0] == '\0';
	values[0] = nulls[0] ? (Datum) 0 : CStringGetTextDatum(reading.text);
	values[1] = nulls[1] ? (Datum) 0 : CStringGetTextDatum(reading.value);
	values[2] = nulls[2] ? (Datum) 0 : Float8GetDatum(reading.confidence);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
