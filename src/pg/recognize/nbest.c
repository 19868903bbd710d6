/*
 * nbest.c
 *	  hwr_recognize_nbest: the most probable texts of an image.
 *
 * What a call needs besides the image (the model, the language model, the lexicon as a prefix tree, the allowed
 * characters as classes) is kept at the call site, so that a query over many rows makes it once.
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

#include "core/base/status.h"
#include "core/decode/beam.h"
#include "core/decode/score.h"
#include "core/model/model.h"
#include "core/network/recognizer.h"
#include "core/text/lexicon.h"
#include "core/text/lm.h"
#include "core/text/text.h"
#include "pg/base/columns.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/hold.h"
#include "pg/catalog/cache.h"
#include "lm.h"
#include "reader.h"
#include "resolve.h"

PG_FUNCTION_INFO_V1(hwr_recognize_nbest);

#define DEFAULT_N 5
#define DEFAULT_BEAM 32
#define DEFAULT_LM_WEIGHT 0.5

/* Pays back what a character costs on average in a language model of names, so that its use does not shorten texts. */
#define DEFAULT_BONUS_PER_WEIGHT 1.6
#define MAX_BEAM 1024

/* Words that a lexicon cannot have: so many are named, so much of each. */
#define LEFT_OUT_NAMED 5
#define LEFT_OUT_LENGTH 40

/*
 * A character whose log posterior at a step is lower does not begin there.  A lexicon may
 * force unlikely ones.
 */
#define CLASS_CUT (-10.0)
#define CLASS_CUT_LEXICON (-20.0)

/* Arguments, in the order of the SQL function. */
enum
{
	ARG_IMAGE,
	ARG_N,
	ARG_MODEL,
	ARG_LEXICON,
	ARG_LM,
	ARG_LM_WEIGHT,
	ARG_LENGTH_BONUS,
	ARG_ALLOW,
	ARG_BEAM,
	ARG_OUTSIDE_PENALTY,
	ARG_VERSION
};

/* Kept in fn_extra. */
typedef struct CallSite
{
	MemoryContext context;
	HwrResolved resolved;
	HwrHold    *beam;			/* HwrBeam */

	HwrHold    *lm;				/* HwrLm */
	int64		lm_id;			/* hwr.lm.id, 0: none yet */
	char	   *lm_name;
	HwrMoment	lm_moment;
	int		   *lm_symbols;		/* [classes] */
	int64		symbols_lm;		/* what they were made for */
	uint8		symbols_model[PG_SHA256_DIGEST_LENGTH];

	HwrHold    *lexicon;		/* HwrLexicon */
	ArrayType  *words;			/* what it was made of, */
	uint8		lexicon_model[PG_SHA256_DIGEST_LENGTH];	/* and for */
} CallSite;

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
release_nbest(void *nbest)
{
	hwr_nbest_free(nbest);
}

static CallSite *
get_call_site(FunctionCallInfo fcinfo)
{
	CallSite   *site = fcinfo->flinfo->fn_extra;
	HwrBeam    *beam;
	HwrStatus	st;

	if (site != NULL)
		return site;
	site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(CallSite));
	site->context = fcinfo->flinfo->fn_mcxt;
	site->beam = hwr_hold_create(site->context, release_beam);
	site->lm = hwr_hold_create(site->context, hwr_release_lm);
	site->lexicon = hwr_hold_create(site->context, release_lexicon);
	if (!hwr_beam_create(&beam, &st))
		hwr_raise(&st);
	hwr_hold_replace(site->beam, beam);
	fcinfo->flinfo->fn_extra = site;
	return site;
}

/* The language model of that name into site->lm. */
static void
get_lm(CallSite *site, const char *name)
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
get_lm_symbols(CallSite *site, const HwrModel *model)
{
	HwrStatus	st;

	if (site->lm_symbols != NULL && site->symbols_lm == site->lm_id &&
		memcmp(site->symbols_model, site->resolved.version.hash, sizeof(site->symbols_model)) == 0)
		return;
	if (site->lm_symbols != NULL)
		pfree(site->lm_symbols);
	site->lm_symbols = NULL;
	site->lm_symbols = MemoryContextAlloc(site->context, (model->alphabet.n + 1) * sizeof(int));
	site->symbols_lm = 0;
	if (!hwr_lm_class_symbols(site->lm->object, &model->alphabet, site->lm_symbols, &st))
		hwr_raise(&st);
	site->symbols_lm = site->lm_id;
	memcpy(site->symbols_model, site->resolved.version.hash, sizeof(site->symbols_model));
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
	StringInfoData left_out;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "hwr lexicon", ALLOCSET_DEFAULT_SIZES);
	MemoryContext word_context = AllocSetContextCreate(context, "hwr word", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
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
get_lexicon(CallSite *site, ArrayType *words, const HwrModel *model)
{
	HwrLexicon *lexicon;
	MemoryContext old;
	char	   *left_out;
	HwrStatus	st;

	if (site->words != NULL && VARSIZE(site->words) == VARSIZE(words) &&
		memcmp(site->words, words, VARSIZE(words)) == 0 &&
		memcmp(site->lexicon_model, site->resolved.version.hash, sizeof(site->lexicon_model)) == 0)
		return;
	if (site->words != NULL)
		pfree(site->words);
	site->words = NULL;
	if (!hwr_lexicon_create(&model->alphabet, model->mapping, &lexicon, &st))
		hwr_raise(&st);
	hwr_hold_replace(site->lexicon, lexicon);
	left_out = fill_lexicon(lexicon, words);
	if (lexicon->left_out > 0)
		ereport(NOTICE,
				(errmsg_plural("%d word of the lexicon cannot be read by model \"%s\"",
							   "%d words of the lexicon cannot be read by model \"%s\"",
							   lexicon->left_out, lexicon->left_out, NameStr(site->resolved.version.name)),
				 errdetail_plural("It has characters outside its alphabet, or none: %s.",
								  "They have characters outside its alphabet, or none: %s.",
								  lexicon->left_out, left_out)));
	old = MemoryContextSwitchTo(site->context);
	site->words = (ArrayType *) PG_DETOAST_DATUM_COPY(PointerGetDatum(words));
	MemoryContextSwitchTo(old);
	memcpy(site->lexicon_model, site->resolved.version.hash, sizeof(site->lexicon_model));
}

/* allow[classes] for a string of characters; normalising trims the space, so it is looked for before. */
static bool *
allowed_classes(Datum characters, const HwrModel *model)
{
	bool	   *allow = palloc0((model->alphabet.n + 1) * sizeof(bool));
	Size		len;
	const char *utf8 = hwr_utf8_of(characters, &len);
	int		   *classes;
	int			n;
	int			space = hwr_alphabet_class(&model->alphabet, ' ');
	bool		writable;
	bool		any = false;
	HwrStatus	st;

	if (!hwr_text_classes(utf8, len, model->mapping, &model->alphabet, &classes, &n, &writable, &st))
		hwr_raise(&st);
	for (int i = 0; i < n; i++)
		allow[classes[i]] = true;
	free(classes);
	if (space != 0)
		allow[space] = memchr(utf8, ' ', len) != NULL;
	allow[0] = false;
	for (int k = 1; k <= model->alphabet.n; k++)
		any = any || allow[k];
	if (!any)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("none of the allowed characters is in the model's alphabet")));
	return allow;
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

/*
 * Search, and again with a wider beam and every class where a lexicon was missed, since a word of it
 * is wanted however unlikely.
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
		if (out->n > 0 || query->lexicon == NULL || query->lexicon->words == 0 || query->width >= HWR_BEAM_MAX_WIDTH)
			return;
		hwr_nbest_free(out);
		query->width = Min(query->width * 8, HWR_BEAM_MAX_WIDTH);
		query->class_cut = -INFINITY;
	}
}

/* One character in the server's encoding. */
static char *
character(uint32 codepoint)
{
	char		utf8[5];
	uint32_t	one = codepoint;
	char	   *encoded;
	HwrStatus	st;

	if (!hwr_text_encode(&one, 1, &encoded, &st))
		hwr_raise(&st);
	strlcpy(utf8, encoded, sizeof(utf8));
	free(encoded);
	return hwr_from_utf8(utf8);
}

/* The column at the left edge of a step, in pixels of the original image. */
static double
step_to_pixel(const HwrCanvas *canvas, int steps, int step)
{
	double		column = (double) step * canvas->width / steps;

	if (column > canvas->content_width)
		column = canvas->content_width;
	return column * canvas->source_width / canvas->content_width;
}

/* A row of the result for one hypothesis. */
static void
put_row(Tuplestorestate *store, TupleDesc desc, int rank, const HwrHypothesis *h,
		const HwrAlphabet *alphabet, const HwrCanvas *canvas, int steps)
{
	Datum		values[5];
	bool		nulls[5] = {0};
	StringInfoData text;
	StringInfoData json;

	initStringInfo(&text);
	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < h->n; i++)
	{
		char	   *c = character(alphabet->codepoints[h->classes[i] - 1]);
		const HwrSpan *span = &h->spans[i];

		appendStringInfoString(&text, c);
		appendStringInfo(&json, "%s{\"char\": ", i > 0 ? ", " : "");
		escape_json(&json, c);
		appendStringInfo(&json, ", \"confidence\": %.4f, \"x0\": %d, \"x1\": %d}", span->confidence,
						 (int) floor(step_to_pixel(canvas, steps, span->first_step)),
						 (int) ceil(step_to_pixel(canvas, steps, span->last_step + 1)));
	}
	appendStringInfoChar(&json, ']');
	values[0] = Int32GetDatum(rank);
	values[1] = CStringGetTextDatum(text.data);
	values[2] = Float8GetDatum(h->confidence);
	values[3] = Float8GetDatum(h->logp);
	values[4] = DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
	tuplestore_putvalues(store, desc, values, nulls);
}

/* Where the result's rows go. */
static Tuplestorestate *
begin_result(FunctionCallInfo fcinfo, TupleDesc *desc)
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

/* Fill the query in from the arguments, but for the posteriors; returns the loaded model. */
static HwrLoaded
prepare(FunctionCallInfo fcinfo, CallSite *site, int n, HwrBeamQuery *query)
{
	HwrLoaded	loaded;

	memset(query, 0, sizeof(*query));
	query->width = Max(n, int_argument(fcinfo, ARG_BEAM, "beam", DEFAULT_BEAM, MAX_BEAM));
	query->lm_weight = float_argument(fcinfo, ARG_LM_WEIGHT, "lm_weight", DEFAULT_LM_WEIGHT, 0, DBL_MAX);
	query->length_bonus = float_argument(fcinfo, ARG_LENGTH_BONUS, "length_bonus",
										 PG_ARGISNULL(ARG_LM) ? 0 : DEFAULT_BONUS_PER_WEIGHT * query->lm_weight,
										 -DBL_MAX, DBL_MAX);
	query->outside_penalty = float_argument(fcinfo, ARG_OUTSIDE_PENALTY, "outside_penalty", INFINITY, 0, INFINITY);
	query->class_cut = CLASS_CUT;
	if (!PG_ARGISNULL(ARG_LM))
	{
		get_lm(site, text_to_cstring(PG_GETARG_TEXT_PP(ARG_LM)));
		query->lm = site->lm->object;
	}
	loaded = hwr_resolve_arguments(&site->resolved, fcinfo, ARG_MODEL, ARG_VERSION);
	if (query->lm != NULL)
	{
		get_lm_symbols(site, loaded.model);
		query->lm_symbols = site->lm_symbols;
	}
	if (!PG_ARGISNULL(ARG_LEXICON))
	{
		get_lexicon(site, PG_GETARG_ARRAYTYPE_P(ARG_LEXICON), loaded.model);
		query->lexicon = site->lexicon->object;
		if (isinf(query->outside_penalty))
			query->class_cut = CLASS_CUT_LEXICON;
	}
	if (!PG_ARGISNULL(ARG_ALLOW))
		query->allow = allowed_classes(PG_GETARG_DATUM(ARG_ALLOW), loaded.model);
	return loaded;
}

/*
 * hwr_recognize_nbest(image bytea, n integer, model text, lexicon text[], lm text, lm_weight float8,
 * length_bonus float8, allow text, beam integer, outside_penalty float8, version integer) returns setof record
 */
Datum
hwr_recognize_nbest(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Tuplestorestate *store = begin_result(fcinfo, &desc);
	int			n = int_argument(fcinfo, ARG_N, "n", DEFAULT_N, MAX_BEAM);
	CallSite   *site;
	HwrLoaded	loaded;
	HwrBatchReader *batch;
	MemoryContext caller;
	HwrBeamQuery query;
	HwrNbest   *nbest;
	HwrHold    *hold;
	const uint8 *image;
	Size		len;
	HwrStatus	st;

	if (PG_ARGISNULL(ARG_IMAGE))
		return (Datum) 0;
	site = get_call_site(fcinfo);
	batch = hwr_batch_create();
	caller = MemoryContextSwitchTo(batch->context);
	loaded = prepare(fcinfo, site, n, &query);
	image = hwr_image_bytes(PG_GETARG_DATUM(ARG_IMAGE), &len);
	if (!hwr_batch_add(batch, loaded, image, len, &st))
		hwr_raise(&st);
	hwr_batch_run(batch, loaded);

	query.logp = batch->posteriors[0].logp;
	query.T = batch->posteriors[0].steps;
	query.K = batch->posteriors[0].classes;
	hold = hwr_hold_create(batch->context, release_nbest);
	nbest = palloc0(sizeof(HwrNbest));
	search(site->beam->object, &query, n, nbest);
	hwr_hold_replace(hold, nbest);
	for (int i = 0; i < nbest->n; i++)
		put_row(store, desc, i + 1, &nbest->hypotheses[i], &loaded.model->alphabet, &batch->canvases[0], query.T);
	hwr_hold_replace(hold, NULL);
	MemoryContextSwitchTo(caller);
	hwr_batch_free(batch);
	return (Datum) 0;
}
