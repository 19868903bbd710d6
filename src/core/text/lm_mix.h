/*
 * lm_mix.h
 *	  One language model of two: what a large one knows of a language, and a small one of a table's own words.
 *
 *	 P(w | h) = (1 - share) P_1(w | h) + share P_2(w | h)
 *
 * for the n-grams that either has, and backed off beyond them.  Texts that neither was built from say which share is best.
 *
 * Source: Jelinek and Mercer, "Interpolated estimation of Markov source parameters from sparse data", 1980; as one
 * model: Stolcke, "SRILM - an extensible language modeling toolkit", 2002 (static interpolation).
 */
#ifndef HWR_LM_MIX_H
#define HWR_LM_MIX_H

#include "lm.h"

typedef struct HwrLmMixer HwrLmMixer;

/* Both outlive it.  HWR_BAD_OPTION where they were built with different letter cases. */
extern bool hwr_lm_mixer_create(const HwrLm *first, const HwrLm *second, HwrLmMixer **out, HwrStatus *st);
extern void hwr_lm_mixer_free(HwrLmMixer *mixer);

/* Code points of one text to choose the share by. */
extern bool hwr_lm_mixer_add(HwrLmMixer *mixer, const uint32_t *codepoints, int n, HwrStatus *st);

/* The second's share under which these texts are most probable, between 0.01 and 0.99; without texts 0.5. */
extern double hwr_lm_mixer_share(const HwrLmMixer *mixer);

/* 0 < share < 1. */
extern bool hwr_lm_mixer_finish(HwrLmMixer *mixer, double share, HwrLm **out, HwrStatus *st);

#endif							/* HWR_LM_MIX_H */
