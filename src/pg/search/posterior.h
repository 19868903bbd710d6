/*
 * posterior.h
 *	  Values of type hwr_posterior from what a network said.
 *
 * Include after postgres.h.
 */
#ifndef HWR_PG_POSTERIOR_H
#define HWR_PG_POSTERIOR_H

#include "fmgr.h"

#include "core/image/preprocess.h"
#include "core/network/recognizer.h"
#include "pg/catalog/cache.h"

/* How a caller wants it kept. */
typedef struct HwrKeep
{
	double		bound;			/* 0 .. 0.5 */
	double		language;		/* share of the model's language model, 0 .. 1 */
} HwrKeep;

/* The arguments bound and language, with their defaults where they are NULL. */
extern HwrKeep hwr_keep_arguments(FunctionCallInfo fcinfo, int bound, int language);

/* What is kept of an image, in the current memory context. */
extern bytea *hwr_keep_posterior(const HwrPosterior *p, const HwrCanvas *canvas, HwrLoaded loaded, HwrKeep keep);

#endif							/* HWR_PG_POSTERIOR_H */
