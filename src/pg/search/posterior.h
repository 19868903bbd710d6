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

/* What is kept of an image, in the current memory context. */
extern bytea *hwr_keep_posterior(const HwrPosterior *p, const HwrCanvas *canvas, HwrLoaded loaded, double bound);

/* The argument bound, its default where it is NULL. */
extern double hwr_keep_bound(FunctionCallInfo fcinfo, int argno);

#endif							/* HWR_PG_POSTERIOR_H */
