/*
 * decoder.c
 *	  Beam search at a call site, for images and for kept posteriors.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "core/model/reading.h"
#include "core/text/spelling.h"
#include "decoder.h"
#include "label.h"
#include "pg/lm/lm.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/interrupt.h"

#define DEFAULT_N 5
#define DEFAULT_BEAM 32
#define MAX_BEAM 1024

/*
 * A character whose log posterior at a step is lower does not begin there.  A lexicon may
 * force unlikely ones.
 */
#define CLASS_CUT (-10.0)
#define CLASS_CUT_LEXICON (-20.0)

/* Words that a lexicon cannot have: so many are named, so much of each. */
#define LEFT_OUT_NAMED 5
#define LEFT_OUT_LENGTH 40

static void
release_beam(void *beam)
{
	hwr_beam_free(beam);
}

static void
release_lexicon(void *lexicon)
{
	hwr_lexicon_free(lexicon);
}

static void
release_automaton(void *automaton)
{
	hwr_automaton_free(automaton);
}

static void
release_pattern(void *pattern)
{
	hwr_pattern_free(pattern);
}

HwrDecoder *
hwr_decoder_create(MemoryContext context)
{
	HwrDecoder *site = MemoryContextAllocZero(context, sizeof(HwrDecoder));
	HwrBeam    *beam;
	HwrStatus	st;

	site->context = context;
	site->beam = hwr_hold_create(site->context, release_beam);
	site->lm = hwr_hold_create(site->context, hwr_release_lm);
	site->lexicon = hwr_hold_create(site->context, release_lexicon);
	site->automaton = hwr_hold_create(site->context, release_automaton);
	if (!hwr_beam_create(&beam, &st))
		hwr_raise(&st);
	hwr_hold_replace(site->beam, beam);
	return site;
}

/* The language model of that name into site->lm. */
static void
get_lm(HwrDecoder *site, const char *name)
{
	HwrMoment	now = hwr_moment();

	if (site->lm_name != NULL && strcmp(site->lm_name, name) == 0 && hwr_same_moment(&site->lm_moment, &now))
		return;
	if (site->lm_name != NULL)
		pfree(site->lm_name);
	site->lm_name = NULL;
	site->lm_id = hwr_lm_fetch(name, site->lm_id, site->lm);
	site->lm_name = MemoryContextStrdup(site->context, name);
	site->lm_moment = now;
}

/* The language model's symbols of the model's classes. */
static void
get_lm_symbols(HwrDecoder *site, const HwrWriter *writer)
{
	HwrStatus	st;

	if (!hwr_refuse_spelt(writer->alphabet, "a language model of characters", &st))
		hwr_raise(&st);
	if (site->lm_symbols != NULL && site->symbols_lm == site->lm_id &&
		memcmp(site->symbols_key, writer->key, sizeof(site->symbols_key)) == 0)
		return;
	if (site->lm_symbols != NULL)
		pfree(site->lm_symbols);
	site->lm_symbols = NULL;
	site->lm_symbols = MemoryContextAlloc(site->context, (writer->alphabet->n + 1) * sizeof(int));
	site->symbols_lm = 0;
	if (!hwr_lm_class_symbols(site->lm->object, writer->alphabet, site->lm_symbols, &st))
		hwr_raise(&st);
	site->symbols_lm = site->lm_id;
	memcpy(site->symbols_key, writer->key, sizeof(site->symbols_key));
}

/* A word, shortened, in quotes. */
static void
append_word(StringInfo list, Datum datum)
{
	char	   *word = TextDatumGetCString(datum);
	int			len = pg_mbcliplen(word, strlen(word), LEFT_OUT_LENGTH);

	appendStringInfo(list, "%s\"%.*s%s\"", list->len > 0 ? ", " : "", len, word, word[len] != '\0' ? "..." : "");
}

/* Returns the first words that are left out, as a list for a message. */
static char *
fill_lexicon(HwrLexicon *lexicon, ArrayType *words)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hwr lexicon", ALLOCSET_DEFAULT_SIZES);
	MemoryContext word_context = AllocSetContextCreate(context, "hwr word", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	StringInfoData left_out;
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	HwrStatus	st;

	MemoryContextSwitchTo(old);
	initStringInfo(&left_out);
	MemoryContextSwitchTo(context);
	hwr_text_elements(words, "lexicon", &elements, &nulls, &n);
	MemoryContextSwitchTo(word_context);
	for (int i = 0; i < n; i++)
	{
		const char *utf8;
		Size		len;
		int			before = lexicon->left_out;

		CHECK_FOR_INTERRUPTS();
		if (nulls[i])
			continue;
		MemoryContextReset(word_context);
		utf8 = hwr_utf8_of(elements[i], &len);
		if (!hwr_lexicon_add(lexicon, utf8, len, &st))
			hwr_raise(&st);
		if (lexicon->left_out > before && before < LEFT_OUT_NAMED)
			append_word(&left_out, elements[i]);
	}
	if (lexicon->left_out > LEFT_OUT_NAMED)
		appendStringInfoString(&left_out, " and others");
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return left_out.data;
}

/* The prefix tree of these words for this model into site->lexicon. */
static void
get_lexicon(HwrDecoder *site, ArrayType *words, const HwrWriter *writer)
{
	char	   *left_out;
	HwrLexicon *lexicon;
	MemoryContext old;
	HwrStatus	st;

	if (site->words != NULL && VARSIZE(site->words) == VARSIZE(words) &&
		memcmp(site->words, words, VARSIZE(words)) == 0 &&
		memcmp(site->lexicon_key, writer->key, sizeof(site->lexicon_key)) == 0)
		return;
	if (site->words != NULL)
		pfree(site->words);
	site->words = NULL;
	if (!hwr_lexicon_create(writer->alphabet, writer->mapping, &lexicon, &st))
		hwr_raise(&st);
	hwr_hold_replace(site->lexicon, lexicon);
	left_out = fill_lexicon(lexicon, words);
	if (lexicon->left_out > 0)
		ereport(NOTICE,
				(errmsg_plural("%d word of the lexicon cannot be read by model \"%s\"",
							   "%d words of the lexicon cannot be read by model \"%s\"",
							   lexicon->left_out, lexicon->left_out, writer->name),
				 errdetail_plural("It has characters outside its alphabet, or none: %s.",
								  "They have characters outside its alphabet, or none: %s.",
								  lexicon->left_out, left_out)));
	old = MemoryContextSwitchTo(site->context);
	site->words = (ArrayType *) PG_DETOAST_DATUM_COPY(PointerGetDatum(words));
	MemoryContextSwitchTo(old);
	memcpy(site->lexicon_key, writer->key, sizeof(site->lexicon_key));
}

/* allow[classes] for a string of characters; normalising trims the space, so it is looked for before. */
static bool *
allowed_classes(Datum characters, const HwrWriter *writer)
{
	bool	   *allow = palloc0((writer->alphabet->n + 1) * sizeof(bool));
	Size		len;
	const char *utf8 = hwr_utf8_of(characters, &len);
	char	   *normal;
	uint32_t   *codepoints = NULL;
	int			n;
	int			space = hwr_alphabet_class(writer->alphabet, ' ');
	bool		any = false;
	bool		ok;
	HwrStatus	st;

	/* they are a set: no order of theirs is to be changed */
	if (!hwr_text_normalize(utf8, len, writer->mapping, &normal, &st))
		hwr_raise(&st);
	ok = hwr_text_decode(normal, strlen(normal), &codepoints, &n, &st);
	free(normal);
	if (!ok)
		hwr_raise(&st);
	for (int i = 0; i < n; i++)
		if (!hwr_is_sign(writer->alphabet, codepoints[i]))
			allow[hwr_alphabet_class(writer->alphabet, codepoints[i])] = true;
	if (space != 0)
		allow[space] = memchr(utf8, ' ', len) != NULL;
	ok = hwr_allow_spelt(writer->alphabet, codepoints, n, memchr(utf8, ' ', len) != NULL, allow, &st);
	free(codepoints);
	if (!ok)
		hwr_raise(&st);
	allow[0] = false;
	for (int k = 1; k <= writer->alphabet->n; k++)
		any = any || allow[k];
	if (!any)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("none of the allowed characters is in the model's alphabet")));
	return allow;
}

HwrPattern *
hwr_decoder_pattern(Datum value, HwrCase mapping)
{
	HwrHold    *hold = hwr_hold_create(CurrentMemoryContext, release_pattern);
	HwrPattern *pattern;
	Size		len;
	const char *utf8 = hwr_utf8_of(value, &len);
	HwrStatus	st;

	/* A model that writes one case only reads the other as it. */
	if (!hwr_pattern_compile(utf8, len, mapping != HWR_CASE_KEEP, &pattern, &st))
	{
		if (st.code == HWR_BAD_LABEL)
			st.code = HWR_BAD_QUERY;
		hwr_raise(&st);
	}
	hwr_hold_replace(hold, pattern);
	return pattern;
}

void
hwr_decoder_bind_pattern(HwrDecoder *site, Datum value, const HwrWriter *writer, HwrBeamQuery *query)
{
	text	   *pattern = DatumGetTextPP(value);
	Size		len = VARSIZE_ANY_EXHDR(pattern);
	HwrAutomaton *automaton;
	HwrStatus	st;

	if (!hwr_refuse_spelt(writer->alphabet, "a pattern", &st))
		hwr_raise(&st);
	if (site->pattern == NULL || VARSIZE_ANY_EXHDR(site->pattern) != len ||
		memcmp(VARDATA_ANY(site->pattern), VARDATA_ANY(pattern), len) != 0 ||
		memcmp(site->pattern_key, writer->key, sizeof(site->pattern_key)) != 0)
	{
		if (site->pattern != NULL)
			pfree(site->pattern);
		site->pattern = NULL;
		hwr_hold_replace(site->automaton, NULL);
		if (!hwr_pattern_bind(hwr_decoder_pattern(value, writer->mapping), writer->alphabet,
							  hwr_interrupt_pending, NULL, &automaton, &st))
			hwr_raise_interrupted(&st);
		hwr_hold_replace(site->automaton, automaton);
		site->pattern = (text *) MemoryContextAlloc(site->context, VARHDRSZ + len);
		SET_VARSIZE(site->pattern, VARHDRSZ + len);
		memcpy(VARDATA(site->pattern), VARDATA_ANY(pattern), len);
		memcpy(site->pattern_key, writer->key, sizeof(site->pattern_key));
	}
	query->pattern = site->automaton->object;
	query->class_cut = CLASS_CUT_LEXICON;
}

static int
int_argument(FunctionCallInfo fcinfo, int argno, const char *name, int otherwise, int max)
{
	int			value = PG_ARGISNULL(argno) ? otherwise : PG_GETARG_INT32(argno);

	if (value < 1 || value > max)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be between 1 and %d", name, max)));
	return value;
}

static double
float_argument(FunctionCallInfo fcinfo, int argno, const char *name, double otherwise, double min, double max)
{
	double		value = PG_ARGISNULL(argno) ? otherwise : PG_GETARG_FLOAT8(argno);

	/* Written so that NaN is out of range. */
	if (!(value >= min && value <= max))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 min < 0 ? errmsg("\"%s\" must be finite", name) :
				 max > DBL_MAX ? errmsg("\"%s\" must not be negative", name) :
				 errmsg("\"%s\" must be finite and not negative", name)));
	return value;
}

/* Nobody has measured how far readings with it can be believed. */
static const HwrConfidence confidence_of_named_lm = HWR_CONFIDENCE_DEFAULT;

int
hwr_decoder_n(FunctionCallInfo fcinfo, int argno)
{
	return int_argument(fcinfo, argno, "n", DEFAULT_N, MAX_BEAM);
}

void
hwr_decoder_prepare(FunctionCallInfo fcinfo, HwrDecoder *site, int n, int first, HwrBeamQuery *query)
{
	int			lm = first + HWR_ARG_LM;

	memset(query, 0, sizeof(*query));
	query->width = Max(n, int_argument(fcinfo, first + HWR_ARG_BEAM, "beam", DEFAULT_BEAM, MAX_BEAM));
	query->lm_weight = float_argument(fcinfo, first + HWR_ARG_LM_WEIGHT, "lm_weight", HWR_LM_WEIGHT, 0, DBL_MAX);
	query->length_bonus = float_argument(fcinfo, first + HWR_ARG_LENGTH_BONUS, "length_bonus",
										 PG_ARGISNULL(lm) ? 0 : HWR_LM_BONUS_PER_WEIGHT * query->lm_weight,
										 -DBL_MAX, DBL_MAX);
	query->outside_penalty = float_argument(fcinfo, first + HWR_ARG_OUTSIDE_PENALTY, "outside_penalty", INFINITY, 0, INFINITY);
	query->class_cut = CLASS_CUT;
	if (!PG_ARGISNULL(lm))
	{
		get_lm(site, text_to_cstring(PG_GETARG_TEXT_PP(lm)));
		query->lm = site->lm->object;
		query->confidence = &confidence_of_named_lm;
	}
}

/* The model's own language model, unless the call names one, weighs it with 0, or says otherwise what a text can be. */
static void
bind_own_lm(FunctionCallInfo fcinfo, int first, const HwrOwnLm *own, HwrBeamQuery *query)
{
	double		share;

	if (own == NULL || own->lm == NULL || query->lexicon != NULL || query->pattern != NULL)
		return;
	if (PG_ARGISNULL(first + HWR_ARG_LM_WEIGHT))
		query->lm_weight = own->weight;
	if (query->lm_weight == 0)
		return;
	share = own->weight > 0 ? query->lm_weight / own->weight : 0;
	query->lm = own->lm;
	query->lm_symbols = own->symbols;
	query->confidence = &own->confidence;
	query->class_cut = HWR_READING_CLASS_CUT;
	if (PG_ARGISNULL(first + HWR_ARG_LENGTH_BONUS))
		query->length_bonus = share * own->length_bonus;
}

void
hwr_decoder_bind(FunctionCallInfo fcinfo, HwrDecoder *site, int first, int pattern, const HwrWriter *writer,
				 HwrBeamQuery *query)
{
	int			lexicon = first + HWR_ARG_LEXICON;
	int			allow = first + HWR_ARG_ALLOW;

	if (query->lm != NULL)
	{
		get_lm_symbols(site, writer);
		query->lm_symbols = site->lm_symbols;
	}
	if (!PG_ARGISNULL(lexicon))
	{
		get_lexicon(site, PG_GETARG_ARRAYTYPE_P(lexicon), writer);
		query->lexicon = site->lexicon->object;
		if (isinf(query->outside_penalty))
			query->class_cut = CLASS_CUT_LEXICON;
	}
	if (!PG_ARGISNULL(allow))
		query->allow = allowed_classes(PG_GETARG_DATUM(allow), writer);
	if (pattern >= 0 && !PG_ARGISNULL(pattern))
		hwr_decoder_bind_pattern(site, PG_GETARG_DATUM(pattern), writer, query);
	if (PG_ARGISNULL(first + HWR_ARG_LM))
		bind_own_lm(fcinfo, first, writer->own, query);
}

/*
 * Search, and again with a wider beam and every class where a lexicon or a pattern was missed,
 * since a text of it is wanted however unlikely.
 */
static void
search(HwrBeam *beam, HwrBeamQuery *query, int n, HwrNbest *out)
{
	HwrStatus	st;

	for (;;)
	{
		if (!hwr_beam_begin(beam, query, &st))
			hwr_raise(&st);
		for (int t = 0; t < query->T; t++)
		{
			CHECK_FOR_INTERRUPTS();
			if (!hwr_beam_step(beam, &st))
				hwr_raise(&st);
		}
		if (!hwr_beam_end(beam, n, out, &st))
			hwr_raise(&st);
		if (out->n > 0 || query->width >= HWR_BEAM_MAX_WIDTH ||
			(query->pattern == NULL && (query->lexicon == NULL || query->lexicon->words == 0)))
			return;
		hwr_nbest_free(out);
		query->width = Min(query->width * 8, HWR_BEAM_MAX_WIDTH);
		query->class_cut = -INFINITY;
	}
}

/* A row of the result for one hypothesis. */
static void
put_row(Tuplestorestate *store, TupleDesc desc, int rank, const HwrHypothesis *h,
		const HwrAlphabet *alphabet, HwrPixel pixel, const void *arg)
{
	Datum		values[5];
	bool		nulls[5] = {0};
	HwrHold    *hold = hwr_hold_create(CurrentMemoryContext, hwr_release_reading);
	HwrReading *reading = palloc0(sizeof(HwrReading));
	StringInfoData json;
	HwrStatus	st;

	if (!hwr_text_of_classes(alphabet, h->classes, h->spans, h->n, &reading->chars, &reading->n, &reading->text, &st))
		hwr_raise(&st);
	hwr_hold_replace(hold, reading);
	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < reading->n; i++)
	{
		const HwrChar *at = &reading->chars[i];
		char	   *c = hwr_from_codepoint(at->codepoint);

		appendStringInfo(&json, "%s{\"char\": ", i > 0 ? ", " : "");
		escape_json(&json, c);
		appendStringInfo(&json, ", \"confidence\": %.4f, \"x0\": %d, \"x1\": %d}", at->confidence,
						 (int) floor(pixel(arg, at->first_step)),
						 (int) ceil(pixel(arg, at->last_step + 1)));
	}
	appendStringInfoChar(&json, ']');
	values[0] = Int32GetDatum(rank);
	values[1] = CStringGetTextDatum(hwr_from_utf8(reading->text));
	values[2] = Float8GetDatum(h->confidence);
	values[3] = Float8GetDatum(h->logp);
	values[4] = DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
	tuplestore_putvalues(store, desc, values, nulls);
	hwr_hold_replace(hold, NULL);
}

/* Where the result's rows go. */
Tuplestorestate *
hwr_decoder_begin_result(FunctionCallInfo fcinfo, TupleDesc *desc)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old;
	Tuplestorestate *store;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) || (rsinfo->allowedModes & SFRM_Materialize) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, NULL, desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	store = tuplestore_begin_heap((rsinfo->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setResult = store;
	rsinfo->setDesc = *desc;
	MemoryContextSwitchTo(old);
	return store;
}

static void
release_nbest(void *nbest)
{
	hwr_nbest_free(nbest);
}

/* Where different classes may read as the same text, all that were found are looked through for such. */
HwrNbest *
hwr_decoder_search(HwrDecoder *site, HwrBeamQuery *query, int n, const HwrWriter *writer)
{
	HwrHold    *hold = hwr_hold_create(CurrentMemoryContext, release_nbest);
	HwrNbest   *nbest = palloc0(sizeof(HwrNbest));
	HwrStatus	st;

	search(site->beam->object, query, writer->alphabet->spellings != NULL ? query->width : n, nbest);
	hwr_hold_replace(hold, nbest);
	if (writer->alphabet->spellings != NULL && !hwr_nbest_join_texts(nbest, writer->alphabet, n, &st))
		hwr_raise(&st);
	return nbest;
}

void
hwr_decoder_run(HwrDecoder *site, HwrBeamQuery *query, int n, const HwrWriter *writer, HwrPixel pixel, const void *arg,
				Tuplestorestate *store, TupleDesc desc)
{
	HwrNbest   *nbest = hwr_decoder_search(site, query, n, writer);

	for (int i = 0; i < nbest->n; i++)
		put_row(store, desc, i + 1, &nbest->hypotheses[i], writer->alphabet, pixel, arg);
}
