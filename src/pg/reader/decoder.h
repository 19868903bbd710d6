/*
 * decoder.h
 *	  Beam search at a call site: what a function over many rows needs besides each row's posteriors is made once.
 *
 * Include after postgres.h.
 */
#ifndef HWR_DECODER_H
#define HWR_DECODER_H

#include "common/sha2.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/tuplestore.h"

#include "core/decode/beam.h"
#include "core/model/model.h"
#include "core/text/text.h"
#include "pg/base/hold.h"
#include "resolve.h"

/* Whose classes posteriors are of. */
typedef struct HwrWriter
{
	const HwrAlphabet *alphabet;
	HwrCase		mapping;
	const char *name;			/* for messages */
	const uint8 *key;			/* [PG_SHA256_DIGEST_LENGTH]: another one where the alphabet or the case is */
	const HwrOwnLm *own;		/* the model's own language model; NULL: none */
} HwrWriter;

/* Arguments that the functions have in common, from the first of them on. */
enum
{
	HWR_ARG_LEXICON,
	HWR_ARG_LM,
	HWR_ARG_LM_WEIGHT,
	HWR_ARG_LENGTH_BONUS,
	HWR_ARG_ALLOW,
	HWR_ARG_BEAM,
	HWR_ARG_OUTSIDE_PENALTY,
	HWR_ARGS
};

typedef struct HwrDecoder
{
	MemoryContext context;
	HwrHold    *beam;			/* HwrBeam */

	HwrHold    *lm;				/* HwrLm */
	int64		lm_id;			/* hwr.lm.id, 0: none yet */
	char	   *lm_name;
	HwrMoment	lm_moment;
	int		   *lm_symbols;		/* [classes] */
	int64		symbols_lm;		/* what they were made for */
	uint8		symbols_key[PG_SHA256_DIGEST_LENGTH];

	HwrHold    *lexicon;		/* HwrLexicon */
	ArrayType  *words;			/* what it was made of, */
	uint8		lexicon_key[PG_SHA256_DIGEST_LENGTH];	/* and for */

	HwrHold    *automaton;		/* HwrAutomaton */
	text	   *pattern;		/* what it was made of, */
	uint8		pattern_key[PG_SHA256_DIGEST_LENGTH];	/* and for */
} HwrDecoder;

extern HwrDecoder *hwr_decoder_create(MemoryContext context);

/* The argument n. */
extern int	hwr_decoder_n(FunctionCallInfo fcinfo, int argno);

/* Fill the query in from the arguments, but for what depends on the classes; loads the language model. */
extern void hwr_decoder_prepare(FunctionCallInfo fcinfo, HwrDecoder *site, int n, int first, HwrBeamQuery *query);

/* The rest, but for the posteriors; pattern: number of that argument, -1: there is none. */
extern void hwr_decoder_bind(FunctionCallInfo fcinfo, HwrDecoder *site, int first, int pattern, const HwrWriter *writer,
							 HwrBeamQuery *query);

/* A pattern compiled, in a hold of the current memory context's. */
extern HwrPattern *hwr_decoder_pattern(Datum value, HwrCase mapping);

/* Bind another pattern than the argument: see hwr_decoder_bind. */
extern void hwr_decoder_bind_pattern(HwrDecoder *site, Datum pattern, const HwrWriter *writer, HwrBeamQuery *query);

/* Search for the n best texts; the result is valid as long as the current memory context. */
extern HwrNbest *hwr_decoder_search(HwrDecoder *site, HwrBeamQuery *query, int n, const HwrWriter *writer);

/* Where the result's rows go. */
extern Tuplestorestate *hwr_decoder_begin_result(FunctionCallInfo fcinfo, TupleDesc *desc);

/* The pixel of the original image at the left edge of a step. */
typedef double (*HwrPixel) (const void *arg, int step);

/* Search, and put a row for each of the n best texts. */
extern void hwr_decoder_run(HwrDecoder *site, HwrBeamQuery *query, int n, const HwrWriter *writer, HwrPixel pixel,
							const void *arg, Tuplestorestate *store, TupleDesc desc);

#endif							/* HWR_DECODER_H */
