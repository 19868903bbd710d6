/*
 * lm.h
 *	  Language models over characters: which character is likely to come next.
 *
 * An n-gram model with interpolated, modified Kneser-Ney smoothing, built from texts.  Its symbols are 0,
 * the boundary before and after a text; 1 .. vocabulary, the characters seen, in code point order;
 * and one more for every other character.
 *
 * Source: Chen and Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling",
 * 1998, section 3.
 */
#ifndef HWR_LM_H
#define HWR_LM_H

#include "text.h"

#define HWR_LM_MAX_ORDER 10
#define HWR_LM_BOUNDARY 0

/*
 * The n-grams as a tree, level by level: level m has the n-grams of m characters, each node's children are
 * adjacent and in the order of their symbols.  Node 0 is the root, level 0.  A node is also the
 * state of having just read its characters.
 */
typedef struct HwrLm
{
	int			order;
	HwrCase		mapping;		/* that the texts were normalised with */
	HwrAlphabet vocabulary;
	int			level[HWR_LM_MAX_ORDER + 2];	/* first node of each level 0 .. order, and the end */
	int		   *symbol;			/* [nodes] last symbol of the n-gram */
	float	   *logp;			/* [nodes] log P(last symbol | those before it) */
	int		   *link;			/* [nodes] the n-gram without its first symbol; where nothing can follow, its longest tail that
								 * something can */
	float	   *backoff;		/* [inner] log weight of the next shorter history */
	int		   *children;		/* [inner + 1] first child; inner: the nodes before level order */
} HwrLm;

typedef struct HwrLmBuilder HwrLmBuilder;

/* order: characters in an n-gram, 1 .. HWR_LM_MAX_ORDER, else HWR_BAD_OPTION. */
extern bool hwr_lm_builder_create(int order, HwrCase mapping, HwrLmBuilder **out, HwrStatus *st);
extern void hwr_lm_builder_free(HwrLmBuilder *builder);

/* Asked in add and in finish, which may take minutes. */
extern void hwr_lm_builder_set_stop(HwrLmBuilder *builder, HwrStopFn stop, void *arg);

/* Texts are spelt in this alphabet, which must outlive the builder, and the symbols are its signs. */
extern void hwr_lm_builder_set_alphabet(HwrLmBuilder *builder, const HwrAlphabet *alphabet);

/*
 * The model is to have at most so many n-grams, single characters always: those that tell least are left out.  0, as it is at
 * first: all.
 */
extern void hwr_lm_builder_set_limit(HwrLmBuilder *builder, int ngrams);

/*
 * Count one text, normalised with the mapping.  Errors: HWR_BAD_LABEL (as hwr_text_normalize, or nothing
 * left of it; the builder is as before), HWR_BAD_DATA (too many n-grams), HWR_OUT_OF_MEMORY, HWR_CANCELLED.
 */
extern bool hwr_lm_builder_add(HwrLmBuilder *builder, const char *utf8, size_t len, HwrStatus *st);

/* Texts and characters counted so far. */
extern long long hwr_lm_builder_texts(const HwrLmBuilder *builder);
extern long long hwr_lm_builder_characters(const HwrLmBuilder *builder);

/* The model of what was counted.  HWR_BAD_DATA if that is nothing. */
extern bool hwr_lm_builder_finish(HwrLmBuilder *builder, HwrLm **out, HwrStatus *st);
extern void hwr_lm_free(HwrLm *lm);

/* Number of n-grams. */
extern int	hwr_lm_ngrams(const HwrLm *lm);

/* Bytes of memory that it holds. */
extern size_t hwr_lm_memory(const HwrLm *lm);

/* Symbol of a character as it stands. */
extern int	hwr_lm_symbol(const HwrLm *lm, uint32_t codepoint);

/*
 * symbols[alphabet->n + 1]: the symbol of each class's character after the mapping.  Class 0 gets
 * the boundary.
 */
extern bool hwr_lm_class_symbols(const HwrLm *lm, const HwrAlphabet *alphabet, int *symbols, HwrStatus *st);

/* State at the beginning of a text. */
extern int	hwr_lm_start(const HwrLm *lm);

/*
 * log P(symbol | state), and in *next, if not NULL, the state after it.  Symbols must be 0 ..
 * vocabulary + 1.
 */
extern double hwr_lm_next(const HwrLm *lm, int state, int symbol, int *next);

/* log P(text), the end included: n + 1 terms. */
extern double hwr_lm_log_probability(const HwrLm *lm, const uint32_t *codepoints, int n);

/*
 * The same in parts: a text begins with hwr_lm_start, each part goes on from *state, and the end is
 * hwr_lm_next of the boundary.
 */
extern double hwr_lm_log_probability_of_part(const HwrLm *lm, int *state, const uint32_t *codepoints, int n);

/*
 * Of texts with this sum of log probabilities and of characters: exp(mean surprise a character,
 * ends included).
 */
extern double hwr_lm_perplexity(double log_probability, long long characters, long long texts);

/* As bytes (malloc'd), and back: HWR_BAD_MODEL unless they are what hwr_lm_save wrote. */
extern bool hwr_lm_save(const HwrLm *lm, uint8_t **bytes, size_t *len, HwrStatus *st);
extern bool hwr_lm_load(const uint8_t *bytes, size_t len, HwrLm **out, HwrStatus *st);

#endif							/* HWR_LM_H */
